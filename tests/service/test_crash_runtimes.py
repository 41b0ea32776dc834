"""Runtimes that have handlers of their own for what ends a process: they run and die as without the library, and their crashes are told."""
import os
import re
import shutil
import signal
import subprocess
import time

from harness import check, equal, read_bytes, test, wait_until
from servers import PYTHON, apache, app, simple
from test_crash import Waiting, app_of_gunicorn, ask, beside, crashes, functions, own_request, paths


def output(service):
    """What it has said, without numbers that differ from start to start."""
    said = re.sub(r"\[[^]]* \+0000\] |(?<=127.0.0.1:)\d+ \(\d+\)", "", service.said())
    return re.sub(r"0x[0-9a-f]+", "0x-", re.sub(r"pid:? ?\d+|\[\d+\]", "PID", said))


def traced(service, ask_for):
    """How many SIGSEGVs the service gets while it is asked, or None: there is no strace here."""
    strace = shutil.which("strace")
    if not strace:
        ask_for()
        return None
    path = os.path.join(service.dir, "strace")
    tracer = subprocess.Popen([strace, "-f", "-e", "trace=none", "-e", "signal=SIGSEGV", "-o", path, "-p", str(service.pid)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        check("attached" in tracer.stderr.readline(), "strace did not attach")
        time.sleep(0.2)
        ask_for()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)
    return read_bytes(path).count(b"--- SIGSEGV")


# ── Python ───────────────────────────────────────────────────────────────────────────────────────────

KINDS_OF_WORKERS = {"sync": ("-w", "1"), "gthread": ("-w", "1", "-k", "gthread", "--threads", "4")}


def worker_replaced(service):
    wait_until(lambda: service.said().count("Booting worker") == 2, "another worker in its place")
    equal(ask(service, "/small")[:15], b"HTTP/1.1 200 OK", "served by it")


@test
def gunicorn_worker_that_faults(t):
    for kind, options in KINDS_OF_WORKERS.items():
        bare = app_of_gunicorn(*options)(t, f"bare-{kind}", False)
        service = app_of_gunicorn(*options)(t, kind)
        for one in (bare, service):
            equal(ask(one, "/small")[:15], b"HTTP/1.1 200 OK", "served")
            others = Waiting(one, "/slow/1", "/slow/2") if kind == "gthread" else None
            time.sleep(0.3)
            equal(ask(one, "/boom"), b"", "the answer of a worker that dies")
            worker_replaced(one)
        [found] = crashes(service)
        equal((found["signal"], found["signal_code"], found["address"]), ("SIGSEGV", "SEGV_MAPERR", "0x0"), "what has happened")
        equal(paths(found), sorted(["/boom", *(others.closed() if others else ())]), f"{kind}: in flight")
        equal(found["requests_in_flight"], 3 if others else 1, f"{kind}: their number")
        own_request(found, "/boom")
        check(found["stack"][0]["function"].startswith("__strlen"), f"{kind}: innermost: {functions(found)}")
        equal(os.path.basename(found["stack"][1]["module"]).split(".")[0], "_ctypes", f"{kind}: whose string_at it is")
        check("ffi_call" in functions(found) and "_PyEval_EvalFrameDefault" in functions(found), f"{kind}: {functions(found)}")
        equal((found["thread_id"] == found["pid"]), kind == "sync", f"{kind}: its thread")
        check("terminated due to signal 11" in service.said(), f"gunicorn reports it: {service.said()[-800:]}")
        for one in (bare, service):
            one.stop()
        equal(sorted(output(service).splitlines()), sorted(output(bare).splitlines()), f"{kind}: what gunicorn says")
        t.validate(service.log)


def traceback_of(service):
    """What faulthandler has said, from its first line to gunicorn's next. Where idle threads are is a matter of time, and so is which
    of the threads it is, and how many idle ones there are yet: they are sorted, each once."""
    said = output(service)
    begin = said.index("Fatal Python error")
    end = said.find("PID [", begin)
    said = re.sub(r"(?s)(?<=\nThread 0x- \(most recent call first\):\n).*?(?=\n\n)", "…", said[begin:end if end > 0 else None])
    first, *threads = said.split("\n\n")
    return "\n\n".join([first, *sorted({block.strip() for block in threads})])


@test
def faulthandler_of_python(t):
    """It has the handlers, and hands on what it has had before: its traceback is the same, and one event."""
    for kind, options in KINDS_OF_WORKERS.items():
        found = {}
        for shim in (False, True):
            service = app_of_gunicorn(*options)(t, f"{kind}-{shim}", shim, env={"PYTHONFAULTHANDLER": "1"})
            equal(ask(service, "/small")[:15], b"HTTP/1.1 200 OK", "served")
            equal(ask(service, "/boom"), b"", "the answer of a worker that dies")
            worker_replaced(service)
            found[shim] = traceback_of(service)
            check("string_at" in found[shim], f"a traceback: {found[shim]}")
            equal(found[shim].count("Fatal Python error"), 1, "said once")
        equal(found[True], found[False], f"{kind}: its traceback")
        [event] = crashes(service)
        equal((event["signal"], event["signal_code"]), ("SIGSEGV", "SI_TKILL"), f"{kind}: the event: it raises the signal itself")
        own_request(event, "/boom")
        equal([re.sub("_(evex|avx2|sse2).*", "", f) for f in functions(event)[1:4]], ["gsignal", "__restore_rt", "__strlen"], f"{kind}: stack")
        service.stop()
        t.validate(service.log)


@test
def stack_beneath_a_handler_that_has_its_own(t):
    """faulthandler runs on an alternate stack; what has crashed is on the other."""
    service = app_of_gunicorn("-w", "1")(t, "app", env={"PYTHONFAULTHANDLER": "1"})
    ask(service, "/boom")
    worker_replaced(service)
    [event] = crashes(service)
    check("_PyEval_EvalFrameDefault" in functions(event), f"frames: {functions(event)} ({event.get('stack_error')})")


@test
def faulthandler_of_one_process(t):
    """The other ways to die, in a service of one process: status and traceback."""
    code = ("import http.server, os, sys, signal\n"
            "class H(http.server.BaseHTTPRequestHandler):\n"
            "    def log_message(self, *a): pass\n"
            "    def do_GET(self): os.kill(os.getpid(), int(self.path[1:])) if self.path[1:].isdigit() else self.send_error(404)\n"
            "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n")
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
        found = {}
        for shim in (False, True):
            beside()
            service = simple(PYTHON, "-X", "faulthandler", "-c", code, "{port}")(t, f"{number.name}-{shim}", shim)
            ask(service, f"/{int(number)}")
            equal(service.process.wait(10), -number, "status")
            found[shim] = output(service)
        equal(found[True], found[False], f"{number.name}: what it says")
        check("Fatal Python error" in found[True], f"a traceback: {found[True]}")
        [event] = service.log.events("service.crashed")
        equal((event["signal"], event["pid"]), (number.name, service.pid), "the event")
        t.validate(service.log)


@test
def stack_of_the_first_thread_that_runs_out(t):
    """A sync worker serves on it. Python's handlers ask for an alternate stack (since 3.10), so there is none of ours: others tell."""
    service = app_of_gunicorn("-w", "1")(t, "deep")
    equal(ask(service, "/small")[:15], b"HTTP/1.1 200 OK", "served")
    equal(ask(service, "/overflow"), b"", "the answer of a worker that dies")
    worker_replaced(service)
    [event] = crashes(service)
    equal(paths(event), ["/overflow"], f"the event: {event}")
    check(event.get("signal", "SIGSEGV") == "SIGSEGV", f"the event: {event}")
    t.notes.append(event.get("signal", event.get("reason")))
    service.stop()
    t.validate(service.log)


@test
def program_of_a_service_that_crashes(t):
    """What a service starts is not the service, and dies as it would; what it forks is told of as one of its processes."""
    service = app_of_gunicorn("-w", "1")(t, "parent")
    equal(t.get(service, "/program")[2], b"-11 -6", "statuses of programs")
    time.sleep(0.5)
    equal(service.log.events("service.crashed"), [], "crashes")
    equal(t.get(service, "/fork")[2], b"11", "status of a child")
    [event] = crashes(service)
    check(event["signal"] == "SIGSEGV" and event["pid"] not in (service.pid, *service.workers()), f"the event: {event}")
    equal(t.get(service, "/small")[0], 200, "served")
    service.stop()
    t.validate(service.log)


# ── Ruby ─────────────────────────────────────────────────────────────────────────────────────────────

@test
def ruby_that_is_sent_a_fault(t):
    """It says [BUG] and more, and aborts."""
    beside()
    for how in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):
        said = {}
        for shim in (False, True):
            service = simple("/usr/bin/ruby", app("webrick_server.rb"), "{port}")(t, f"{how.name}-{shim}", shim)
            equal(t.get(service, "/small")[0], 200, "served")
            os.kill(service.pid, how)
            said[shim] = service.process.wait(20), service.said().count("[BUG]")
        equal(said[True], said[False], f"{how.name}: status, and what it says")
        [event] = service.log.events("service.crashed")
        equal((event["signal"], event["pid"]), ("SIGABRT", service.pid), f"{how.name}: the event")
        t.validate(service.log)


# ── JVM ──────────────────────────────────────────────────────────────────────────────────────────────

def jvm(t, name, shim=True, *options):
    beside()
    classes = os.path.join(t.root, "classes")
    if not os.path.exists(classes):
        done = subprocess.run(["javac", "-nowarn", "-d", classes, app("crash_jvm.java")], capture_output=True, text=True, timeout=50)
        equal(done.returncode, 0, f"javac: {done.stderr}")
    return simple("/usr/bin/java", "-XX:-OmitStackTraceInFastThrow", "-XX:ErrorFile={dir}/hs_err", "-Dsun.net.httpserver.nodelay=true",
                  *options, "-cp", classes, "CrashJvm", "{port}")(t, name, shim)


def answer(t, service, path):
    status, _, body = t.get(service, path)
    return status, body.decode().strip()


@test
def jvm_that_lives_with_faults(t):
    """Null checks that the processor makes, and stacks that run out: no crash, and right answers. C1 makes each null check so, C2 at first."""
    for name, options in (("c1", ("-XX:TieredStopAtLevel=1",)), ("tiered", ())):
        service = jvm(t, name, True, *options)
        for _ in range(5):
            equal(answer(t, service, "/nulls/20000"), (200, "10000"), "null checks")
            equal(answer(t, service, "/overflows/20"), (200, "20"), "stacks that ran out")
        if name == "c1":
            faults = traced(service, lambda: equal(answer(t, service, "/nulls/2000"), (200, "1000"), "null checks, traced"))
            check(faults is None or faults >= 1000, f"signals seen by strace: {faults}")
            t.notes.append(f"SIGSEGVs of 1000 null checks: {faults}")
        t.load(service, "/small", 300, 8)
        service.stop()
        equal(service.log.events("service.crashed"), [], "crashes")
        t.validate(service.log)


def hs_err(service):
    """What the file of the JVM says of the fault, in so far as it is the same each time."""
    text = read_bytes(os.path.join(service.dir, "hs_err")).decode(errors="replace")
    check("END." in text[-100:], f"the file is whole: {text[-300:]!r}")
    head = [line for line in text.splitlines() if re.match(r"#  (SIG\w+)|# [CVJj]  \[|siginfo:", line)]
    return [re.sub(r"0x[0-9a-f]+|pid=\d+|tid=\d+|si_pid: \d+|\+\w+", "-", line) for line in head]


@test
def jvm_that_crashes(t):
    """It says so itself, and dies of abort(): as without the library."""
    for how in ("fault", "kill"):
        said = {}
        for shim in (False, True):
            service = jvm(t, f"{how}-{shim}", shim)
            equal(answer(t, service, "/small"), (200, "0"), "served")
            other = Waiting(service, "/slow")
            time.sleep(0.2)
            if how == "fault":
                ask(service, "/crash")
            else:
                os.kill(service.pid, signal.SIGSEGV)
            equal(service.process.wait(20), -signal.SIGABRT, f"{how}: status")
            other.closed()
            said[shim] = hs_err(service)
        check(len(said[True]) >= 3, f"{how}: {said[True]}")
        equal(said[True], said[False], f"{how}: its own file")
        [found] = service.log.events("service.crashed")
        equal((found["signal"], found["pid"]), ("SIGABRT", service.pid), f"{how}: the event")
        equal(paths(found), ["/crash", "/slow"] if how == "fault" else ["/slow"], f"{how}: in flight")
        check("abort" in functions(found) and any("report_and_die" in f for f in functions(found)), f"{how}: {functions(found)}")
        if how == "fault":
            own_request(found, "/crash")
            check(any(f.startswith("Unsafe_Put") for f in functions(found)), f"what has crashed: {functions(found)}")
        t.validate(service.log)


# ── Node ─────────────────────────────────────────────────────────────────────────────────────────────

def node(t, name, shim=True, *options):
    beside()
    return simple("/usr/bin/node", *options, app("crash_node.js"), "{port}")(t, name, shim)


@test
def node_that_lives_with_traps(t):
    """WebAssembly that reads out of bounds faults each time, and V8 makes an exception of it. Then it aborts: one event."""
    statuses = []
    for shim in (False, True):
        service = node(t, f"wasm-{shim}", shim)
        for _ in range(4):
            equal(answer(t, service, "/traps/2000"), (200, "2000"), "traps")
        faults = traced(service, lambda: equal(answer(t, service, "/traps/1000"), (200, "1000"), "traps, traced"))
        check(faults is None or faults >= 1000, f"signals seen by strace: {faults}")
        t.load(service, "/small", 300, 8)
        if shim:
            equal(service.log.events("service.crashed"), [], "crashes")
            t.notes.append(f"SIGSEGVs of 1000 traps: {faults}")
        ask(service, "/abort")
        statuses.append(service.process.wait(10))
    equal(statuses, [-signal.SIGABRT] * 2, "status without and with the library")
    [found] = service.log.events("service.crashed")
    equal((found["signal"], found["pid"], paths(found)), ("SIGABRT", service.pid, ["/abort"]), "the event")
    own_request(found, "/abort")
    check(any(f.startswith("node::Abort(") for f in functions(found)), f"names of C++: {functions(found)}")
    t.validate(service.log)


@test
def node_that_faults(t):
    """V8's handler for traps stands: what is not its own goes on to the default, and is told."""
    statuses = []
    for shim in (False, True):
        service = node(t, f"fault-{shim}", shim)
        equal(answer(t, service, "/traps/10"), (200, "10"), "traps")
        ask(service, "/fault")
        statuses.append(service.process.wait(10))
    equal(statuses[0], statuses[1], "status without and with the library")
    [found] = service.log.events("service.crashed")
    equal((found["signal"], found["pid"], paths(found)), ("SIGSEGV", service.pid, ["/fault"]), "the event")
    t.validate(service.log)


@test
def names_of_functions_that_node_has_compiled(t):
    """node --perf-basic-prof tells them in a file, for perf."""
    service = node(t, "names", True, "--perf-basic-prof")
    try:
        ask(service, "/deep")
        equal(service.process.wait(10), -signal.SIGABRT, "status")
        [found] = service.log.events("service.crashed")
        compiled = [f["function"] for f in found["stack"] if f.get("module") == "[jit]"]
        check(len(compiled) >= 5 and all("Order" in name for name in compiled), f"functions of the service: {found['stack']}")
        t.validate(service.log)
    finally:
        for path in (f"/tmp/perf-{service.pid}.map", os.path.join(service.dir, f"perf-{service.pid}.map")):
            if os.path.exists(path):
                os.unlink(path)


# ── Apache, PHP ──────────────────────────────────────────────────────────────────────────────────────

def apache_said(service):
    return [re.sub(r"\[pid \d+.*?\]|pid \d+", "PID", line.partition("] ")[2]).replace(service.dir, "DIR")
            for line in read_bytes(os.path.join(service.dir, "error.log")).decode().splitlines() if "exit signal" in line]


@test
def apache_child_that_is_sent_a_fault(t):
    """Its children have a handler, which puts the default back and sends the signal again."""
    beside()
    said = {}
    for shim in (False, True):
        service = apache("prefork")(t, f"web-{shim}", shim)
        killed = []
        for number, how in enumerate((signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS), 1):
            equal(t.get(service, "/small")[0], 200, "served")
            killed.append((wait_until(service.workers, "a child")[0], how.name))
            os.kill(killed[-1][0], how)
            wait_until(lambda n=number: len(apache_said(service)) >= n, f"{how.name} in its log")
        said[shim] = apache_said(service)
        equal(t.get(service, "/small")[0], 200, "served by those that are left")
    equal(said[True], said[False], "Apache's own log")
    served = {e["pid"] for e in service.log.events("request.started")}
    found = [(e["pid"], e["signal"]) for e in crashes(service, 3)]
    equal(found, killed, f"crashes told (have served: {served})")
    service.stop()
    t.validate(service.log)
    t.notes.append(said[True][0])


@test
def php_that_is_sent_a_fault(t):
    beside()
    for how in (signal.SIGSEGV, signal.SIGABRT):
        statuses = []
        for shim in (False, True):
            service = simple("/usr/bin/php", "-S", "127.0.0.1:{port}", app("router.php"))(t, f"{how.name}-{shim}", shim)
            equal(t.get(service, "/small")[0], 200, "served")
            other = Waiting(service, "/slow")
            time.sleep(0.1)
            os.kill(service.pid, how)
            statuses.append(service.process.wait(10))
            equal(other.closed(), ["/slow"], "its connection is cut")
        equal(statuses, [-how] * 2, "status without and with the library")
        [found] = service.log.events("service.crashed")
        equal((found["signal"], found["sender_pid"], paths(found)), (how.name, os.getpid(), ["/slow"]), "the event")
        check(found["stack"], f"its stack: {found}")
        t.validate(service.log)
