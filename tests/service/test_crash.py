"""service.crashed: services that die of a fault, of abort() or of SIGKILL, each told of once and as completely as can be."""
import collections
import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import harness
from harness import check, equal, free_port, read_bytes, test, wait_until
from servers import KINDS, PYTHON, app, backend, conf, gunicorn, simple

SIGNALS = {"crash": "SIGSEGV", "overflow": "SIGSEGV", "abort": "SIGABRT", "divide": "SIGFPE", "illegal": "SIGILL", "bus": "SIGBUS"}
PROGRAM = "octoshim-stack"


def beside(directory=None):
    """Puts the library's helper where it looks for it, unless run.py has: whoever starts a service reaches it there."""
    directory = directory or os.path.dirname(harness.LIBRARY)
    wanted = os.path.join(directory, PROGRAM)
    if not os.path.exists(wanted):
        shutil.copy(os.path.join(harness.ROOT, PROGRAM), f"{wanted}.{os.getpid()}")
        os.rename(f"{wanted}.{os.getpid()}", wanted)


def built(t, source, *options):
    """The path of what is compiled from an app in C."""
    out = os.path.join(t.root, source.removesuffix(".c"))
    if not os.path.exists(out):
        done = subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id",
                               "-pthread", *options, "-o", out, app(source)], capture_output=True, text=True, timeout=50)
        equal(done.returncode, 0, f"cc {source}: {done.stderr}")
    return out


def dying(workers=0):
    """apps/crash_service.c, with its helper beside the library."""
    def start(t, name, shim=True, prefix=(), **more):
        beside()
        return simple(*prefix, built(t, "crash_service.c"), "{port}", str(workers))(t, name, shim, **more)
    return start


def build_id(path):
    said = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, timeout=20).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", said).group(1)


def functions(event):
    return [f.get("function", "") for f in event.get("stack", ())]


def app_of_gunicorn(*options):
    """apps/crash_app.py."""
    def start(t, name, shim=True, **more):
        beside()
        return simple("/usr/bin/gunicorn", "--chdir", app(""), "-b", "127.0.0.1:{port}", "--worker-tmp-dir", "/dev/shm", *options,
                      "crash_app:app")(t, name, shim, **more)
    return start


def crashes(service, number=1, seconds=10):
    """Waits for them. There must not be more."""
    service.log.wait("service.crashed", number, seconds)
    return service.log.events("service.crashed")


def ask(service, path, seconds=10.0):
    """All that comes as the answer, which may be nothing."""
    return harness.Test.raw(None, service, f"GET {path} HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n\r\n".encode(), seconds)


class Waiting:
    """Requests that take their time, one connection each. closed(): the paths of those whose worker has died under them."""

    def __init__(self, service, *paths):
        self.sockets = {}
        for path in paths:
            s = self.sockets[path] = socket.create_connection(("127.0.0.1", service.port), 5)
            s.settimeout(15)
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n\r\n".encode())

    def closed(self):
        dead = []
        for path, s in self.sockets.items():
            got = b""
            with s, contextlib.suppress(OSError):
                while part := s.recv(4096):
                    got += part
            if not got:
                dead.append(path)
        return dead


def own_request(event, path):
    """The event's own request is the last of those in flight."""
    mine = [r for r in event["requests"] if r["request_id"] == event.get("request_id")]
    equal([(r["method"], r["path"]) for r in mine], [("GET", path)], f"the request that it crashed in, among {event['requests']}")


def paths(event):
    return sorted(r["path"] for r in event["requests"])


def caught(service):
    """The signals for which it has handlers, a bit each."""
    with open(f"/proc/{service.pid}/status") as f:
        return int(re.search(r"SigCgt:\s*(\w+)", f.read()).group(1), 16)


# ── nginx ────────────────────────────────────────────────────────────────────────────────────────────

NGINX = """
user www-data;
worker_processes 2;
daemon off;
pid {{dir}}/pid;
error_log {{dir}}/error.log notice;
working_directory {{dir}}/log;
{core}
events {{{{ worker_connections 256; }}}}
http {{{{
    access_log off;
    client_body_temp_path {{dir}}/t1; proxy_temp_path {{dir}}/t2; fastcgi_temp_path {{dir}}/t3;
    uwsgi_temp_path {{dir}}/t4; scgi_temp_path {{dir}}/t5;
    server {{{{
        listen 127.0.0.1:{{port}};
        root {www};
        location /small {{{{ }}}}
        location /boom {{{{ }}}}
        location /late/ {{{{ rewrite ^ /slow break; proxy_pass http://{backend}; }}}}
    }}}}
}}}}
"""


def nginx(t, name, shim=True, core=""):
    """With a library of ours in which a file called /boom cannot be opened."""
    beside()
    port = free_port()
    fatal = built(t, "crash_open.c", "-shared", "-fPIC")
    path = conf(t, name, NGINX.format(www=t.www(), backend=backend(t).address, core=core), port)
    service = t.service(name, ["/usr/sbin/nginx", "-c", path, "-e", os.path.dirname(path) + "/error.log"], shim=shim, port=port,
                        env={"LD_PRELOAD": f"{fatal}:{harness.LIBRARY}" if shim else fatal})
    wait_until(lambda: len(service.workers()) == 2, "two workers")
    return service


def ends(service):
    """What nginx says of workers that ended by a signal."""
    return re.findall(r"worker process \d+ (exited on signal .*)", read_bytes(os.path.join(service.dir, "error.log")).decode())


def replaced(service, pid):
    wait_until(lambda: pid not in service.workers() and len(service.workers()) == 2, "another worker in its place")


@test
def nginx_worker_that_faults(t):
    """In the midst of a request, with others that wait for an upstream."""
    service = nginx(t, "web")
    equal(t.get(service, "/small")[0], 200, "served")
    for n in range(1, 11):
        others = Waiting(service, *(f"/late/{n}/{i}" for i in range(6)))
        time.sleep(0.1)
        equal(ask(service, "/boom"), b"", "the answer of a worker that dies")
        cut = others.closed()
        found = crashes(service, n)[-1]
        replaced(service, found["pid"])
        equal(paths(found), sorted([*cut, "/boom"]), "requests in flight are those whose connections were cut")
        equal(found["requests_in_flight"], len(cut) + 1, "their number")
        if cut:
            break
    check(cut, "in ten tries no other request was on the worker that has crashed")
    own_request(found, "/boom")
    equal([r["path"] for r in found["requests"]][-1], "/boom", "the oldest come first")
    check(all(50 < r["age_ms"] < 1000 for r in found["requests"][:-1]), f"they wait since 100 ms: {found['requests']}")
    equal((found["signal"], found["signal_code"], found["address"]), ("SIGSEGV", "SEGV_MAPERR", "0x0"), "what has happened")
    equal((found["level"], found["thread_id"], found["thread_name"]), ("critical", found["pid"], "nginx"), "level and thread")
    check("stack_error" not in found, f"stack_error: {found.get('stack_error')}")
    equal(functions(found)[:2], ["crash_in_open", "open64"], "the innermost frames")
    named = functions(found)
    for name in ("ngx_open_cached_file", "ngx_http_core_run_phases", "ngx_process_events_and_timers", "main"):
        check(name in named, f"{name} among {named}")
    mine = {f["build_id"] for f in found["stack"] if f["module"] == "/usr/sbin/nginx"}
    equal(mine, {build_id("/usr/sbin/nginx")}, "nginx's build ID")
    check(all(f["module_offset"] for f in found["stack"]), f"a frame without its place: {found['stack']}")
    equal({e["stack_id"] for e in service.log.events("service.crashed")}, {found["stack_id"]}, "one bug, one stack_id")
    equal(t.get(service, "/small")[0], 200, "served by the workers that are left")
    equal(len(ends(service)), n, "the log of nginx's own")
    service.stop()
    t.validate(service.log)


@test
def nginx_worker_that_is_sent_a_fault(t):
    service = nginx(t, "web")
    others = Waiting(service, *(f"/late/{i}" for i in range(6)))
    time.sleep(0.1)
    worker = service.workers()[0]
    os.kill(worker, signal.SIGSEGV)
    cut = others.closed()
    [found] = crashes(service)
    equal((found["pid"], found["signal"], found["signal_code"]), (worker, "SIGSEGV", "SI_USER"), "what has happened")
    equal(found.get("sender_pid"), os.getpid(), "who has sent it")
    check("address" not in found and "request_id" not in found, f"it was no fault, and in no request: {found}")
    equal((paths(found), found["requests_in_flight"]), (sorted(cut), len(cut)), "in flight")
    check("ngx_process_events_and_timers" in functions(found), f"it waited: {functions(found)}")
    replaced(service, worker)
    service.stop()
    t.validate(service.log)


@test
def nginx_says_the_same(t):
    """With and without a core file: what its master has seen of the end of its workers."""
    for kind, core in (("small", ""), ("core", "worker_rlimit_core 100m;")):
        services = nginx(t, f"bare-{kind}", False, core), nginx(t, f"web-{kind}", True, core)
        for service in services:
            ask(service, "/boom")
            wait_until(lambda: len(ends(service)) == 1, f"{service.name}: the first end in its log")
            replaced(service, 0)
            for how in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
                before, worker = len(ends(service)), service.workers()[0]
                os.kill(worker, how)
                wait_until(lambda: len(ends(service)) > before, f"{service.name}: {how.name} in its log")
                replaced(service, worker)
        bare, shim = map(ends, services)
        if bare != shim:  # under load the kernel once left out a core file, of one without the shim
            bare = [end if end in shim else end + " (core dumped)" for end in bare] if core else bare
        equal(shim, bare, f"nginx's own log ({kind})")
        equal(len(crashes(services[1], 6)), 6, "and ours")
        t.notes.append(f"{kind}: {bare[0]}")


# ── a service with threads ───────────────────────────────────────────────────────────────────────────

FRAMES = {"crash": ["write_to_nothing", "die", "serve_one", "serve", "start_thread"],
          "divide": ["divide_by_zero", "die", "serve_one", "serve", "start_thread"],
          "abort": ["__pthread_kill_implementation", "gsignal", "abort", "give_up", "die", "serve_one", "serve", "start_thread"],
          "illegal": ["use_no_instruction", "die", "serve_one", "serve", "start_thread"],
          "bus": ["read_beyond_the_file", "die", "serve_one", "serve", "start_thread"],
          "overflow": ["run_out_of_stack"]}
CODES = {"crash": "SEGV_MAPERR", "divide": "FPE_INTDIV", "abort": "SI_TKILL", "illegal": "ILL_ILLOPN", "bus": "BUS_ADRERR",
         "overflow": "SEGV_ACCERR"}


@test
def each_way_to_die(t):
    """A thread dies while another is at a slow request; the process ends as without the library."""
    starts = dying()
    for how, wanted in SIGNALS.items():
        bare = starts(t, f"bare-{how}", False)
        ask(bare, "/" + how)
        service = starts(t, how)
        equal(t.get(service, "/small")[0], 200, "served")
        other = Waiting(service, "/slow")
        time.sleep(0.1)
        begun = time.monotonic()
        ask(service, "/" + how)
        code = service.process.wait(10)
        took = time.monotonic() - begun
        equal(code, -signal.Signals[wanted], f"{how}: status")
        equal(bare.process.wait(10), code, f"{how}: status without the library")
        equal(other.closed(), ["/slow"], "the other request is cut")
        [found] = service.log.events("service.crashed")  # it is there when the process is gone
        equal((found["signal"], found["signal_code"]), (wanted, CODES[how]), f"{how}: what has happened")
        equal((found["pid"], found["thread_name"]), (service.pid, "serving"), f"{how}: who")
        check(found["thread_id"] != found["pid"], f"{how}: a thread of its own: {found}")
        equal((paths(found), found["requests_in_flight"]), (sorted(["/" + how, "/slow"]), 2), f"{how}: in flight")
        own_request(found, "/" + how)
        check({"trace_id", "span_id", "stack_id"} <= set(found), f"{how}: its IDs: {found}")
        equal(functions(found)[:len(FRAMES[how])], FRAMES[how], f"{how}: stack ({found.get('stack_error')})")
        equal({f["build_id"] for f in found["stack"] if f["module"].endswith("crash_service")},
              {build_id(built(t, "crash_service.c"))}, f"{how}: build ID")
        if how != "overflow":
            check("stack_error" not in found and "stack_truncated" not in found, f"{how}: the stack is whole: {found}")
        check(("address" in found) == (how != "abort"), f"{how}: address: {found}")
        check(took < 1.5, f"{how}: it took {took:.2f} s to die")
        t.validate(service.log)


@test
def stack_that_has_run_out(t):
    """The stack pointer is where there is no memory; what called it so often is above."""
    service = dying()(t, "deep")
    ask(service, "/overflow")
    service.process.wait(10)
    [found] = service.log.events("service.crashed")
    check(functions(found).count("run_out_of_stack") > 1, f"frames: {functions(found)} ({found.get('stack_error')})")
    t.validate(service.log)


@test
def in_flight_after_a_burst(t):
    """Few requests are told by name, however many there have been at once before."""
    service = dying()(t, "burst")
    equal(Waiting(service, *(f"/slow?{i}" for i in range(150))).closed(), [], "cut")
    others = Waiting(service, "/slow?a", "/slow?b", "/slow?c")
    time.sleep(0.2)
    ask(service, "/crash")
    service.process.wait(10)
    equal(sorted(others.closed()), ["/slow?a", "/slow?b", "/slow?c"], "cut")
    [found] = service.log.events("service.crashed")
    equal((found["requests_in_flight"], paths(found)), (4, ["/crash", "/slow", "/slow", "/slow"]), "in flight")
    own_request(found, "/crash")


@test
def places_of_frames_are_addr2lines(t):
    """module_offset and build_id lead to the line of the source."""
    service = dying()(t, "lines")
    ask(service, "/crash")
    service.process.wait(10)
    [found] = service.log.events("service.crashed")
    frame = found["stack"][0]
    said = subprocess.run(["addr2line", "-f", "-e", frame["module"], frame["module_offset"]], capture_output=True, text=True,
                          timeout=20).stdout.split("\n")
    equal(said[0], "write_to_nothing", "addr2line's function")
    file, line = said[1].split(" ")[0].rsplit(":", 1)
    with open(file) as f:
        check("*nothing = 1" in f.readlines()[int(line) - 1], f"addr2line's line: {said[1]}")


@test
def crashes_are_not_told_if_unwanted(t):
    service = dying()(t, "unwanted", env={"OCTOSHIM_CRASH": "false"})
    t.get(service, "/small")
    equal(caught(service) & (1 << (signal.SIGSEGV - 1) | 1 << (signal.SIGABRT - 1)), 0, "handlers that stand")
    ask(service, "/crash")
    equal(service.process.wait(10), -signal.SIGSEGV, "status")
    equal(service.log.count("service.crashed"), 0, "events")
    service = dying()(t, "stackless", env={"OCTOSHIM_STACKS": "off"})
    ask(service, "/crash")
    equal(service.process.wait(10), -signal.SIGSEGV, "status")
    [found] = service.log.events("service.crashed")
    check("stack" not in found and "stack_error" not in found and "stack_id" not in found, f"a stack: {found}")
    equal(paths(found), ["/crash"], "in flight")
    t.validate(service.log)


# ── two hundred deaths ───────────────────────────────────────────────────────────────────────────────

DEATHS = 200
DIED = re.compile(r"worker (\d+) died of (\d+)")


@test(alone=True)
def two_hundred_deaths_under_load(t):
    """Of four workers, two at a time, in six ways, while clients ask: each death told once, and nothing lost that clients had."""
    service = dying(workers=4)(t, "dying")
    reports, done = [], threading.Event()
    begun = time.monotonic()

    def deaths():
        return [(int(pid), signal.Signals(int(number)).name) for pid, number in DIED.findall(service.said())]

    def kill(ways):
        while len(deaths()) < DEATHS and time.monotonic() < begun + 45:
            ask(service, "/" + next(ways))

    def load():  # a connection a request: no more of them than the writer can take while those that write die
        while not done.is_set():
            reports.append(t.load_beside(service, "/small", 500, 4, ("-r", "-1"))())

    killers = [threading.Thread(target=kill, args=(itertools.cycle(ways),)) for ways in (list(SIGNALS), list(SIGNALS)[::-1])]
    loads = [threading.Thread(target=load) for _ in range(3)]
    for thread in (*killers, *loads):
        thread.start()
    for thread in killers:
        thread.join(50)
    took = time.monotonic() - begun
    done.set()
    for thread in loads:
        thread.join(20)
    check(not any(thread.is_alive() for thread in (*killers, *loads)), f"after {took:.0f} s they are still at it")
    time.sleep(0.5)
    died = deaths()
    check(len(died) >= DEATHS, f"in {took:.0f} s {len(died)} workers have died")
    equal("ended with" in service.said(), False, "workers that ended in another way")
    wait_until(lambda: service.log.count("service.crashed") >= len(died), lambda:
               f"{len(died)} crashes; there are {service.log.count('service.crashed')}", 10)
    time.sleep(0.3)
    found = service.log.events("service.crashed")
    problems = []
    # By number and way: beside what else the machine starts, a worker may get a number that another has died with.
    told, ends = collections.Counter((e["pid"], e.get("signal")) for e in found), collections.Counter(died)
    problems += [f"told {n} times too often: {what}" for what, n in (told - ends).items()]
    problems += [f"not told: {what}" for what in (ends - told).keys()]
    for e in found:
        own = [r["path"] for r in e["requests"] if r["request_id"] == e.get("request_id")]
        if [SIGNALS.get(path[1:]) for path in own] != [e.get("signal")]:
            problems.append(f"its request is not told: {e['pid']}, {e.get('signal')}, {e['requests_in_flight']}, {e['requests']}")
    ids = [i for report in reports for i in report["ids"]]
    check(len(ids) > 2000, f"clients had {len(ids)} responses")
    equal(len(set(ids)), len(ids), "IDs that the clients saw, once each")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: service.log.count("request.completed") >= len(ids), "the events", 5)
    time.sleep(0.3)
    completed = collections.Counter(e["request_id"] for e in service.log.events("request.completed"))
    problems += [f"completed {n} times: {i}" for i, n in completed.items() if n > 1]
    lost = set(ids) - set(completed)
    dropped = sum(e["count"] for e in service.log.events("shim.events.dropped"))  # no room for them, and said so
    if len(lost) > dropped:
        problems.append(f"{len(lost)} of {len(ids)} responses that clients had are not in the log: {sorted(lost)[:3]}; dropped: {dropped}")
    whole = sum(e.get("stack", [{}])[0].get("function") is not None for e in found)
    late = collections.Counter(e["stack_error"] for e in found if "stack_error" in e and "stack" not in e)
    t.notes.append(f"{len(died)} deaths in {took:.1f} s, {len(ids)} responses, {len(lost)} of them lost for "
                   f"want of room, {whole} with a stack; without: {dict(late)}")
    check(whole >= len(died) // 2, f"only {whole} of {len(died)} have a stack: {dict(late)}")
    check(not problems, f"{len(problems)} of {len(died)}: " + "\n".join(sorted(problems)[:20]))
    service.stop()
    t.validate(service.log)


# ── without a word ───────────────────────────────────────────────────────────────────────────────────

@test
def worker_killed_in_a_request(t):
    """Each is at one. A sibling tells, or the one that takes its place."""
    for number in (1, 2):
        service = app_of_gunicorn("-w", str(number))(t, f"app{number}")
        wait_until(lambda: service.said().count("Booting worker") == number, "the workers")
        time.sleep(0.5)
        others = Waiting(service, *(f"/slow/{i}" for i in range(number)))
        time.sleep(0.5)
        worker = service.workers()[0]
        os.kill(worker, signal.SIGKILL)
        cut = others.closed()
        equal(len(cut), 1, "connections that are cut")
        wait_until(lambda: service.said().count("Booting worker") == number + 1, "another worker in its place")
        t.load(service, "/small", 10, 2)
        [found] = crashes(service)
        equal(found["pid"], worker, "of whom it is told")
        check(found["reason"].startswith("died without a word") and "signal" not in found, f"why: {found}")
        equal((paths(found), found["requests_in_flight"]), (cut, 1), "in flight")
        check(300 < found["requests"][0]["age_ms"] < 5000, f"its age: {found['requests']}")
        started = [e["pid"] for e in service.log.events("request.started") if e["request_id"] == found["requests"][0]["request_id"]]
        equal(started, [worker], "it has begun there")
        service.kill_all()
        t.validate(service.log)


@test
def killed_and_started_again(t):
    """Three times, told by the next start each time, and once."""
    service = dying()(t, "alone")
    wanted = []
    for n in range(1, 4):
        equal(t.get(service, "/small")[0], 200, "served")
        other = Waiting(service, f"/slow?{n}")
        time.sleep(0.1)
        wanted.append(service.pid)
        service.kill_all()
        other.closed()
        equal(service.log.count("service.crashed"), n - 1, "told before the next start")
        service.restart()
        equal(t.get(service, "/small")[0], 200, "served")
        found = crashes(service, n)
        equal([e["pid"] for e in found], wanted, "of whom it is told")
        equal((paths(found[-1]), found[-1]["requests_in_flight"]), (["/slow"], 1), "in flight")
    for _ in range(3):
        service.stop()
        service.restart()
        t.get(service, "/small")
    equal(len(crashes(service, 3)), 3, "and not again")
    service.stop()
    t.validate(service.log)


@test
def crashed_and_started_again(t):
    """What the process itself has told, its next start does not tell again."""
    service = dying()(t, "alone")
    wanted = []
    for way in ("crash", "abort", "overflow"):
        ask(service, "/" + way)
        service.process.wait(10)
        wanted.append((service.pid, SIGNALS[way]))
        service.restart()
        t.get(service, "/small")
    found = crashes(service, 3)
    equal([(e["pid"], e["signal"]) for e in found], wanted, "told")
    service.stop()
    t.validate(service.log)


@test
def ordinary_ends_are_no_crashes(t):
    """SIGTERM that the kernel takes, while idle and after requests; exit; recycled and reloaded workers."""
    idle = KINDS["python_cli"].start(t, "idle")
    t.get(idle, "/small")
    for _ in range(3):
        time.sleep(0.3)
        idle.stop()
        idle.restart()
        t.get(idle, "/small")
    idle.stop()
    unasked = simple(PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "{port}")(t, "unasked")
    unasked.stop()
    unasked.restart()
    t.get(unasked, "/")
    unasked.stop()
    leaving = dying()(t, "leaving")
    t.get(leaving, "/small")
    ask(leaving, "/exit")
    equal(leaving.process.wait(10), 3, "exit code")
    leaving.restart()
    t.get(leaving, "/small")
    leaving.stop()
    recycled = gunicorn("-w", "2", max_requests=20)(t, "recycled")
    t.load(recycled, "/small", 200, 4, ("-r",))
    recycled.stop()
    recycled.restart()
    t.load(recycled, "/small", 20, 1, ("-r",))
    recycled.kill_all()
    web = KINDS["nginx"].start(t, "web")
    t.load(web, "/small", 200, 4)
    os.kill(web.pid, signal.SIGHUP)
    time.sleep(0.5)
    t.load(web, "/small", 200, 4)
    web.stop()
    web.restart()
    t.load(web, "/small", 20, 4)
    web.stop()
    for service in (idle, unasked, leaving, recycled, web):
        equal(service.log.events("service.crashed"), [], f"crashes of {service.name}")
        t.validate(service.log)


@test
def stopped_when_it_leaves_sigterm_to_the_kernel(t):
    """Python puts SIGTERM back as it ends: a worker that is recycled and stopped at once has not crashed."""
    service = simple(PYTHON, app("crash_term.py"), "127.0.0.1:{port}")(t, "term")
    for _ in range(2):
        t.get(service, "/small")
        t.get(service, "/default")
        service.stop()
        equal(service.process.returncode, -signal.SIGTERM, "status")
        service.restart()
    t.get(service, "/small")
    time.sleep(0.5)
    equal(service.log.events("service.crashed"), [], "crashes")


@test
def killed_while_it_tells(t):
    """The process is killed while its stack is sought: what it had put down is told, once."""
    directory = t.directory("lib")
    t.file(f"lib/{PROGRAM}", "#!/bin/sh\nsleep 3\n", 0o755)
    service = dying()(t, "slow", env={"LD_PRELOAD": shutil.copy(harness.LIBRARY, directory)})
    t.get(service, "/small")
    threading.Thread(target=ask, args=(service, "/crash")).start()
    wait_until(lambda: harness.children(service.pid), "the stack to be sought")
    service.kill_all()
    service.restart()
    t.get(service, "/small")
    time.sleep(0.5)
    found = service.log.events("service.crashed")
    equal([e.get("signal", e.get("reason")) for e in found], ["SIGSEGV"], "told")
    equal(paths(found[0]), ["/crash"], "in flight")
    service.stop()
    t.validate(service.log)


@test
def crashed_before_it_served(t):
    """It may not make the log, which could be another user's: its next start tells. Nobody is waited for then."""
    service = dying()(t, "early")
    took, crashed = [], []
    for _ in range(4):
        wait_until(lambda: caught(service) >> (signal.SIGSEGV - 1) & 1, "the handler to stand")
        begun = time.monotonic()
        os.kill(service.pid, signal.SIGSEGV)
        equal(service.process.wait(10), -signal.SIGSEGV, "status")
        took.append(round(1000 * (time.monotonic() - begun)))
        crashed.append(service.pid)
        service.restart()
    t.get(service, "/small")
    found = crashes(service, len(crashed))
    equal(sorted(e["pid"] for e in found), sorted(crashed), "told")
    equal({(e["signal"], e["requests_in_flight"]) for e in found}, {("SIGSEGV", 0)}, "of each")
    check(all(e.get("stack") for e in found), f"stacks: {found}")
    check(min(took) < 150, f"ms to die: {took}")
    t.notes.append(f"ms to die: {took}")
    service.stop()
    t.validate(service.log)


@test
def core_file_shows_the_crash(t):
    """As without the library: the thread, its registers and its stack are those of the fault."""
    with open("/proc/sys/kernel/core_pattern") as f:
        if f.read().strip() != "core" or not shutil.which("gdb"):
            raise harness.Skip("needs core files in the working directory, and gdb")
    for how in ("crash", "abort", "divide"):
        said = {}
        for shim in (False, True):
            service = dying()(t, f"{how}-{shim}", shim, prefix=("/bin/sh", "-c", "ulimit -c unlimited && exec \"$@\"", "sh"))
            ask(service, "/" + how)
            service.process.wait(10)
            [core] = [name for name in os.listdir(service.dir) if name.startswith("core")]
            text = subprocess.run(["gdb", "-batch", "-nx", "-ex", "bt", "-ex", "p $_siginfo.si_signo", "-ex", "p $_siginfo.si_code",
                                   built(t, "crash_service.c"), os.path.join(service.dir, core)], capture_output=True, text=True,
                                  timeout=40, env={"DEBUGINFOD_URLS": "", **os.environ}).stdout
            said[shim] = re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+)", text, re.M), re.findall(r"^\$\d = .*", text, re.M)
            os.unlink(os.path.join(service.dir, core))
        equal(said[True], said[False], f"{how}: frames, signal and code in the core file")
        check("serve_one" in said[True][0], f"{how}: {said}")


# ── what may be missing ──────────────────────────────────────────────────────────────────────────────

@test
def without_the_helper(t):
    """The library alone: no stack, and all else."""
    alone = shutil.copy(harness.LIBRARY, t.directory("lib"))
    service = dying()(t, "alone", env={"LD_PRELOAD": alone})
    other = Waiting(service, "/slow")
    time.sleep(0.1)
    ask(service, "/crash")
    equal(service.process.wait(10), -signal.SIGSEGV, "status")
    other.closed()
    [found] = service.log.events("service.crashed")
    check("stack" not in found and "stack_id" not in found, f"a stack: {found}")
    check(PROGRAM in found["stack_error"] and "ENOENT" in found["stack_error"], f"why there is none: {found.get('stack_error')}")
    equal((found["signal"], found["address"], paths(found)), ("SIGSEGV", "0x0", ["/crash", "/slow"]), "all else")
    own_request(found, "/crash")
    service.restart()
    t.load(service, "/small", 100, 4)
    service.stop()
    equal(service.log.count("service.crashed"), 1, "told once")
    t.validate(service.log)


@test
def crashes_are_counted(t):
    """In errors_total, from zero on: those of workers at once; those of a service that was alone, by its next life, once."""
    port = free_port()
    service = dying()(t, "alone", env={"OCTOSHIM_METRICS_LISTEN": f"127.0.0.1:{port}"})

    def counts():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                found = re.findall(r'errors_total\{error_type="(\w+)",component="process"\} (\d+)', answer.read().decode())
        except OSError:  # it is about to listen
            return None
        return {kind: int(n) for kind, n in found}

    def come(what, **wanted):
        wanted = dict.fromkeys(("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "killed"), 0) | wanted
        wait_until(lambda: counts() == wanted, lambda: f"{what}: {counts()}")
    come("foreseen")
    ask(service, "/crash")
    service.process.wait(10)
    service.restart()
    come("in the next life", SIGSEGV=1)
    other = Waiting(service, "/slow")
    time.sleep(0.2)
    service.process.kill()
    service.process.wait(10)
    other.closed()
    service.restart()
    ask(service, "/small")
    come("a kill", killed=1)
    service.stop()
    service.restart()
    come("after an orderly end")


@test
def helper_that_fails(t):
    """It hangs, is killed, or answers something else: the service dies of its signal all the same, in time, and says so."""
    for name, script, why in (("hangs", "exec sleep 60", "ETIMEDOUT"), ("dies", "kill -9 $$", "octoshim-stack has not answered"),
                              ("rubbish", "head -c 100000 /dev/urandom >&0", "octoshim-stack has not answered")):
        directory = t.directory("lib-" + name)
        alone = shutil.copy(harness.LIBRARY, directory)
        helper = os.path.join(directory, PROGRAM)
        with open(helper, "w") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(helper, 0o755)
        service = dying()(t, name, env={"LD_PRELOAD": alone})
        ask(service, "/small")
        began = time.monotonic()
        ask(service, "/crash")
        equal(service.process.wait(10), -signal.SIGSEGV, f"{name}: status")
        check(time.monotonic() - began < 0.6, f"{name}: it took {time.monotonic() - began:.3f} s")
        [found] = crashes(service)
        check("stack" not in found and why in found["stack_error"], f"{name}: {found.get('stack_error')}")
        own_request(found, "/crash")
        t.validate(service.log)
        left = subprocess.run(["pgrep", "-f", helper], capture_output=True, text=True).stdout.split()
        equal(left, [], f"{name}: nothing is left of it")


@test
def without_libunwind(t):
    library = os.path.realpath("/usr/lib/x86_64-linux-gnu/libunwind-x86_64.so.8")
    if os.geteuid() != 0 or not os.path.exists(library) or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        raise harness.Skip("needs root, a mount namespace, and a libunwind to hide")
    service = dying()(t, "blind", prefix=("/usr/bin/unshare", "-m", "/bin/sh", "-c",
                                          f"mount --bind /dev/null {library} && exec \"$@\"", "sh"))
    ask(service, "/crash")
    equal(service.process.wait(10), -signal.SIGSEGV, "status")
    [found] = service.log.events("service.crashed")
    equal(functions(found), ["write_to_nothing"], "frames")
    check("libunwind" in found["stack_error"], f"why there is no more: {found.get('stack_error')}")
    equal(paths(found), ["/crash"], "in flight")
    t.validate(service.log)


@test
def to_stderr_and_as_text(t):
    """The two other forms of the log have it, too."""
    service = dying()(t, "err", env={"OCTOSHIM_LOG": "stderr"})
    ask(service, "/crash")
    service.process.wait(10)
    lines = [line for line in service.said().splitlines() if '"service.crashed"' in line]
    equal(len(lines), 1, f"lines on stderr: {service.said()[-600:]}")
    service = dying()(t, "text", env={"JSON_LOGS": "false"})
    ask(service, "/crash")
    service.process.wait(10)
    lines = [line.decode() for line in service.log.lines() if b"service.crashed" in line]
    equal(len(lines), 1, "lines of text")
    for word in ("SIGSEGV", "write_to_nothing", "/crash"):
        check(word in lines[0], f"{word} in {lines[0]}")
