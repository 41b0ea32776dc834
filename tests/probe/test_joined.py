"""Preloaded services while octoprobe is attached: slow calls carry the request that they held, each request what the kernel did for it."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

from rig import OPTIONS, calls, check, equal, lines, probing, running, test, wait_until

PYTHON = "/usr/bin/python3"
APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "service", "apps")
NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]


class Preloaded:
    """A service with the shim, as a user who may do nothing; it has ended when the block is over."""

    def __init__(self, argv, prefix=(*NOBODY,), **environment):
        self.directory = tempfile.mkdtemp(prefix="octoprobe-test-")
        os.chmod(self.directory, 0o777)
        self.log = os.path.join(self.directory, "log")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.argv = [*prefix, "/usr/bin/env", f"LD_PRELOAD={OPTIONS.library}", f"OCTOSHIM_LOG={self.log}", "SERVICE_NAME=orders",
                     *(f"{k}={v}" for k, v in environment.items()),
                     *(a.format(port=self.port, directory=self.directory) for a in argv)]

    @contextlib.contextmanager
    def running(self):
        with open(os.path.join(self.directory, "said"), "w") as said, \
                running(*self.argv, ready=None, stderr=said, cwd="/") as p:
            wait_until(self.answers, f"{self.argv} to listen")
            self.pid = p.pid
            yield self
        shutil.rmtree(self.directory)

    def answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def get(self, path="/", connection=None, **headers):
        """Returns the response's X-Request-ID."""
        c = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request("GET", path, headers=headers)
        answer = c.getresponse()
        answer.read()
        equal(answer.status, 200, path)
        if connection is None:
            c.close()
        return answer.headers["X-Request-ID"]

    def events(self):
        """Those that are whole: the last line may just be being written."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.log) as log:
                return [e for e in map(json.loads, log.read().split("\n")[:-1]) if e["event"] == "request.completed"]
        return []

    def event(self, request):
        wait_until(lambda: any(e["request_id"] == request for e in self.events()), f"the event of {request}")
        return next(e for e in self.events() if e["request_id"] == request)

    def joined(self):
        """Asks until an event says what the kernel did."""
        end = time.monotonic() + 10
        while "syscalls" not in self.event(self.get()):
            check(time.monotonic() < end, f"no probe was found within 10 s: {self.events()[-1]}")
            time.sleep(0.1)


def threads(**more):
    return Preloaded([PYTHON, os.path.join(APPS, "work.py"), "127.0.0.1:{port}"], **more).running()


def tasks():
    return Preloaded(["/usr/bin/uvicorn", "--app-dir", APPS, "--port", "{port}", "--log-level", "warning", "--no-access-log", "--loop",
                      "asyncio", "work:app"]).running()


def ended(probe_process):
    """Its lines, once it was told to end."""
    probe_process.terminate()
    out, said = probe_process.communicate(timeout=10)
    equal((probe_process.returncode, said), (0, ""), "how octoprobe ends")
    return lines(out)


def slow(found):
    return [line for line in found if line["event"] == "syscall.slow"]


def check_sums(e):
    s = e["syscalls"]
    parts = s["wait_ms"] + s["file_ms"] + s["net_ms"]
    check(parts <= s["total_ms"] + 0.003 and s["total_ms"] <= e["duration_ms"] + 1, f"times: {e}")
    check(sum(c["ms"] for c in s["top"]) <= s["total_ms"] + 0.003 and sum(c["count"] for c in s["top"]) <= s["count"], f"the top: {e}")
    check([c["ms"] for c in s["top"]] == sorted((c["ms"] for c in s["top"]), reverse=True), f"the longest first: {e}")
    check(0 <= s.get("run_queue_ms", 0) <= e["duration_ms"] + 1, f"the run queue: {e}")


@test
def slow_call_names_its_request():
    """One of a hundred requests syncs a file and sleeps; the service has no privilege at all."""
    with threads() as service, probing("-p", service.pid, "--slow", 20, "--json") as probe_process:
        service.joined()
        ids = [service.get("/sync/40" if i == 70 else "/") for i in range(100)]
        e = service.event(ids[70])
        others = [service.event(i) for i in ids[:70] + ids[71:]]
        found = ended(probe_process)
    named = [line for line in slow(found) if "request_id" in line and line["syscall"] != "fsync"]  # that may take long, too
    equal([(line["request_id"], line["syscall"], line["service"], line["process"]) for line in named],
          [(ids[70], "clock_nanosleep", "orders", "python3")], "slow calls that held a request")
    top = {c["syscall"]: c for c in e["syscalls"]["top"]}
    equal(e["syscalls"]["top"][0], {"syscall": "clock_nanosleep", "count": 1, "ms": named[0]["duration_ms"]}, "what took longest")
    equal(top["fsync"]["count"], 10, f"in {e}")
    check(e["syscalls"]["wait_ms"] >= 40 and e["syscalls"]["file_ms"] >= top["fsync"]["ms"], f"classes: {e}")
    # The same calls, counted by process: no more of them, and no less.
    stats = calls(found)
    equal((stats["fsync"], stats["clock_nanosleep"]), (10, 1), "in all")
    equal(calls(found, "total_ms")["clock_nanosleep"], named[0]["duration_ms"], "how long in all")
    equal(calls(found, "total_ms")["fsync"], top["fsync"]["ms"], "how long in all")
    for other in others:
        check_sums(other)
        check(other["syscalls"]["wait_ms"] < 20, f"it did nothing: {other}")
        equal("sendto" in {c["syscall"] for c in other["syscalls"]["top"]}, True, f"its answer: {other}")
    check_sums(e)


@test
def slow_calls_of_many_at_once():
    """Eight at a time: each sleep is that of its own request."""
    with threads() as service, probing("-p", service.pid, "--slow", 20, "--json") as probe_process:
        service.joined()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            sent = list(pool.map(lambda i: (service.get(f"/sleep/{40 + i}", **{"X-Request-ID": f"order-{i}"}), 40 + i), range(64)))
        found = slow(ended(probe_process))
    equal(sorted(line["request_id"] for line in found if line["syscall"] == "clock_nanosleep"), sorted(i for i, _ in sent), "who slept")
    for line in found:
        if line["syscall"] == "clock_nanosleep":
            slept = dict(sent)[line["request_id"]]
            # Python computes the end of its sleep some time before it makes the call.
            check(slept - 10 <= line["duration_ms"] < slept + 20, f"it slept for {slept} ms: {line}")


@test
def threads_come_and_go():
    """Each connection has a thread of its own: many more than there are seats, one after the other, and each takes one."""
    with threads() as service, probing("-p", service.pid, "--json"):
        service.joined()
        ids = [service.get() for _ in range(600)]
        service.event(ids[-1])
        served = {e["request_id"]: e for e in service.events()}
        without = [i for i in ids if "syscalls" not in served[i]]
        equal(without, [], "requests of which nothing is known")


@test
def tasks_are_not_guessed():
    """They share a thread, which waits for all of them: that holds none."""
    with tasks() as service, probing("-p", service.pid, "--slow", 20, "--json") as probe_process:
        service.joined()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(lambda _: service.get("/sleep/50"), range(20)))
        told = [service.event(i) for i in ids]
        found = slow(ended(probe_process))
    equal([line for line in found if "request_id" in line], [], "waits that are blamed on one request")
    for e in told:
        check_sums(e)
        check(e["syscalls"]["wait_ms"] < 20, f"the thread waited for others: {e}")


@test
def workers_of_nginx():
    """Each worker asks for itself."""
    conf = os.path.join(tempfile.gettempdir(), f"octoprobe-nginx-{os.getpid()}.conf")
    service = Preloaded(["/usr/sbin/nginx", "-e", "stderr", "-c", conf], prefix=())
    with open(conf, "w") as f:
        f.write(f"""daemon off; worker_processes 2; user nobody nogroup; pid {service.directory}/pid;
events {{ accept_mutex on; }}
http {{ access_log off; server {{ listen 127.0.0.1:{service.port} reuseport; location / {{ return 200 ok; }} }} }}""")
    try:
        with service.running(), probing("-p", service.pid, "--json", "-P", "--slow", 20) as probe_process:
            def both():
                for _ in range(40):
                    service.get()
                return len({e["pid"] for e in service.events() if "syscalls" in e}) == 2
            wait_until(both, "both workers to be joined")
            for e in service.events():
                if "syscalls" in e:
                    check_sums(e)
                    equal(e["syscalls"]["wait_ms"], 0, f"nginx does not wait within a request: {e}")
            found = ended(probe_process)
    finally:
        os.unlink(conf)
    equal([line for line in slow(found) if "request_id" in line], [], "waits that are blamed on a request")
    equal({line["service"] for line in found if line["event"] == "syscall.stats" and line["syscall"] == "accept4"}, {"orders"}, "the service")


@test
def service_in_a_container():
    """Its threads know themselves by other numbers."""
    with threads(prefix=["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]) as service:
        with probing("-p", service.pid, "--slow", 20, "--json") as probe_process:
            service.joined()
            request = service.get("/sync/30")
            e = service.event(request)
            found = slow(ended(probe_process))
    equal([line["request_id"] for line in found if "request_id" in line], [request], "slow calls that held a request")
    equal({c["syscall"] for c in e["syscalls"]["top"]} >= {"clock_nanosleep", "fsync"}, True, f"its calls: {e}")


@test
def probes_come_and_go():
    """While there is none, events say nothing of calls; a new one is found; a service that is not followed is none of its business."""
    with threads() as service, threads() as other:
        for _ in range(2):
            with probing("-p", service.pid, "--json") as probe_process:
                service.joined()
                for _ in range(15):
                    other.get()
                    time.sleep(0.1)
                probe_process.kill()
            wait_until(lambda: "syscalls" not in service.event(service.get()), "the probe's end to be noticed")
        check(not any("syscalls" in e for e in other.events()), "another service was counted")
        wait_until(lambda: len(os.listdir(f"/proc/{service.pid}/task")) == 2, "no threads but its own and the writer")


@test
def two_at_once():
    """The second says that it cannot have the services, and counts all the same."""
    with threads() as service, probing("-p", service.pid, "--json"):
        service.joined()
        with probing("-p", service.pid, "--json") as second:
            service.get()
            second.terminate()
            out, said = second.communicate(timeout=10)
        done = subprocess.run([OPTIONS.probe, "--check"], capture_output=True, text=True)
        check("requests     no: another octoprobe" in done.stdout and done.returncode == 0 and "everything but requests" in done.stdout, done.stdout)
    check("another octoprobe does that" in said and said.count("\n") == 1, said)
    check(calls(lines(out))["sendto"] >= 1, "what it has counted")
    done = subprocess.run([OPTIONS.probe, "--join", "nowhere", "--", "true"], capture_output=True, text=True)
    equal((done.returncode, "@name" in done.stderr), (2, True), "a bad place")
    done = subprocess.run([OPTIONS.probe, "--join", "/nonexistent/socket", "--", "true"], capture_output=True, text=True)
    equal((done.returncode, "No such file" in done.stderr), (1, True), "a place that there is not")


@test
def another_place():
    """A path, for services that are in network namespaces of their own; a killed one's file is in nobody's way; and off."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        place = os.path.join(directory, "join")
        with threads(prefix=[*NOBODY], OCTOSHIM_PROBE=place) as service:
            for _ in range(2):
                with probing("-p", service.pid, "--json", "--join", place) as probe_process:
                    service.joined()
                    probe_process.kill()
                check(os.path.exists(place), "a killed one cannot clean up")
            with probing("-p", service.pid, "--json", "--join", place) as probe_process:
                service.joined()
    with threads(OCTOSHIM_PROBE="off") as service, probing("-p", service.pid, "--json"):
        for _ in range(20):
            service.get()
            time.sleep(0.1)
        check(not any("syscalls" in e for e in service.events()), "it was asked not to")


@test
def without_root():
    """octoprobe as a user of its own, with its two capabilities: believed where its directory is its own, and nobody else's."""
    some = ["/usr/bin/setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all,+bpf,+perfmon",
            "--ambient-caps=-all,+bpf,+perfmon"]
    for mode, believed in ((0o755, True), (0o777, False)):
        with tempfile.TemporaryDirectory() as directory:
            os.chown(directory, 65533, 65533)
            os.chmod(directory, mode)
            place = os.path.join(directory, "join")
            with threads(OCTOSHIM_PROBE=place) as service, running(*some, OPTIONS.probe, "-p", str(service.pid), "--join", place, "--json", ready=None):
                wait_until(lambda: os.path.exists(place), "octoprobe to listen")
                if believed:
                    service.joined()
                    continue
                for _ in range(15):
                    service.get()
                    time.sleep(0.1)
                check(not any("syscalls" in e for e in service.events()), "it was believed where anybody may listen")


@test
def impostors_are_not_trusted():
    """Who listens there as another user learns nothing, not even a name."""
    name = f"octoprobe-impostor-{os.getpid()}"
    code = (f"import socket, time\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.bind('\\0{name}')\ns.listen()\n"
            "print('ready', flush=True)\nwhile True:\n    c = s.accept()[0]\n    print(len(c.recv(4096)), flush=True)")
    with running("/usr/bin/setpriv", "--reuid=65533", "--clear-groups", PYTHON, "-c", code) as impostor, threads(OCTOSHIM_PROBE=f"@{name}") as service:
        for _ in range(15):
            service.get()
            time.sleep(0.1)
        equal(impostor.stdout.readline(), b"0\n", "bytes that it has got")
        check(not any("syscalls" in e for e in service.events()), "it was believed")


@test
def who_has_gone_is_no_news():
    """A process that has ended before it could be answered."""
    name = f"octoprobe-gone-{os.getpid()}"
    with threads(OCTOSHIM_PROBE=f"@{name}") as service, probing("-p", service.pid, "--json", "--join", f"@{name}") as probe_process:
        service.joined()
        probe_process.send_signal(signal.SIGSTOP)
        for _ in range(5):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.connect(f"\0{name}")
                s.send(struct.pack("=IIq128s", 1, 0, 0, b"gone"))
        probe_process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        ended(probe_process)


@test
def metrics_by_service():
    """The label is there where the process is preloaded, and only there."""
    promtool = shutil.which("promtool")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with threads(prefix=[*NOBODY]) as service, running("/bin/sh", "-c", "echo ready; while :; do sleep .05; done") as bare, \
            probing("-p", f"{service.pid},{bare.pid}", "--prometheus", f"127.0.0.1:{port}"):
        service.joined()
        service.get("/sync/1")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    counted = re.findall(r'^octoprobe_syscall_duration_seconds_count\{(.*)\} (\d+)$', text, re.M)
    equal([n for labels, n in counted if labels == 'service="orders",process="python3",syscall="fsync",class="file"'], ["10"], "the service's")
    check(any(labels.startswith('process="sh"') for labels, n in counted), "the other's")
    equal(len({labels for labels, _ in counted}), len(counted), "series, each once")
    if promtool:
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        equal((done.returncode, done.stderr), (0, ""), "promtool")
