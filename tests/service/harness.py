"""Starting a service as its users do, bare or preloaded, driving it, and reading what it logged.

For the test_*.py files here. Each test runs in a process of its own (run.py) with a fresh temporary directory;
that process is the reaper of everything that descends from it, so that daemons too are found and ended. Nothing
here waits without a limit.
"""
import collections
import contextlib
import ctypes
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.environ.get("OCTO_TEST_CONFIG")  # a settings file for every service
APPS = os.environ.get("OCTO_TEST_APPS", os.path.join(HERE, "apps"))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIBRARY = os.environ.get("OCTO_TEST_LIBRARY", os.path.join(ROOT, "liboctoshim.so"))
BUILD = os.environ.get("OCTO_TEST_BUILD", os.path.join(ROOT, "build", "service"))
LOAD = os.path.join(BUILD, "load")
VALIDATE = os.path.join(ROOT, "tests", "validate.js")

BIG_BYTES = 10 << 20
MADE_ID = re.compile(r"req_[0-9a-f]{16}")
ID_LINE = re.compile(rb"X-Request-ID: [^\r\n]*\r\n")


class Skip(Exception):
    pass


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


PORTS = []


def free_port():
    """One that the kernel does not give to clients, nor another test to its services before this one has ended: by the time that
    it is used they could have taken it."""
    while True:
        port = random.randrange(12000, 32000)
        mine = socket.socket(socket.AF_UNIX)
        with socket.socket() as s, contextlib.suppress(OSError):
            mine.bind(f"\0octoshim test port {port}")
            s.bind(("127.0.0.1", port))
            PORTS.append(mine)
            return port
        mine.close()


def wait_until(condition, what, seconds=10.0):
    """Waits until condition() is true; what is said if it never is."""
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"waited {seconds} s in vain for {what() if callable(what) else what}")
        time.sleep(0.02)


def become_reaper():
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(child) for child in f.read().split()]
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def end_descendants():
    """Ends whatever still descends from this process; returns the command lines of what had to be ended, which is
    what did not go by itself within two seconds."""
    begun, stray = time.monotonic(), []
    while time.monotonic() < begun + 7:
        pids = descendants(os.getpid())
        if not pids:
            break
        for pid in pids if time.monotonic() > begun + 2 else ():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/stat") as f:
                    zombie = f.read().rpartition(")")[2].split()[0] == "Z"
                with open(f"/proc/{pid}/cmdline") as f:
                    line = f.read().replace("\0", " ").strip()
                if not zombie and line:
                    stray.append(line)
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)
    return stray


def clean_environment():
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1", "NODE_PATH": os.path.join(BUILD, "node_modules")}


class Log:
    """The event log of a service: a file and those it was rotated to."""

    def __init__(self, path):
        self.path = path

    def files(self):
        directory, base = os.path.split(self.path)
        names = [n for n in os.listdir(directory) if n == base or n.startswith(base + ".")]
        return sorted(os.path.join(directory, n) for n in names)

    def lines(self):
        for path in self.files():
            with open(path, "rb") as f:
                data = f.read()
            check(data == b"" or data.endswith(b"\n"), f"{path} ends within a line: {data[-200:]!r}")
            yield from data.splitlines()

    def events(self, *names):
        """All events, or those of the given names. A line that is no JSON object fails the test."""
        found = []
        for line in self.lines():
            try:
                event = json.loads(line)
            except ValueError as e:
                raise AssertionError(f"{self.path}: not JSON ({e}): {line[:300]!r}") from None
            if not names or event.get("event") in names:
                found.append(event)
        return found

    def count(self, name):
        needle = b'"event": "%s"' % name.encode()
        return sum(data.count(needle) for data in map(read_bytes, self.files()))

    def count_text(self, text):
        return sum(data.count(text.encode()) for data in map(read_bytes, self.files()))

    def wait(self, name, number, seconds=10, more=0):
        """Waits until there are number events of that name, and a little longer: there must not be more, or not more
        than so many more."""
        wait_until(lambda: self.count(name) >= number,
                   lambda: f"{number} {name} in {self.path}; there are {self.count(name)}", seconds)
        time.sleep(0.2)
        found = self.count(name)
        check(number <= found <= number + more, f"{found} {name} in {os.path.basename(self.path)}, wanted {number}"
              + (f" to {number + more}" if more else ""))


def read_bytes(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


class Service:
    """A running service. argv: a list, {port} is replaced. ready: how to tell that it serves."""

    def __init__(self, test, name, argv, shim=True, env=None, port=None, ready=None, cwd=None, daemon=False,
                 group=False, stderr=None, preload_variable="LD_PRELOAD"):
        self.test, self.name, self.shim, self.daemon = test, name, shim, daemon
        self.group = group  # its workers outlive it unless the whole group gets the signal, as by Ctrl-C
        self.port = port or free_port()
        self.stderr = stderr  # a descriptor; else its output file
        self.dir = test.directory(name)
        self.address = f"127.0.0.1:{self.port}"
        self.log = Log(os.path.join(self.dir, "log", f"{name}.log"))
        self.environ = clean_environment()
        self.environ["BIG_FILE"] = test.big_file()
        if shim:
            self.environ.update({preload_variable: LIBRARY, "SERVICE_NAME": name, "OCTOSHIM_LOG": self.log.path,
                                 "OCTOSHIM_RUNTIME_DIR": os.path.join(self.dir, "run")})
            if CONFIG:
                self.environ["OCTOSHIM_CONFIG"] = CONFIG
        self.environ.update(env or {})
        self.environ = {k: v for k, v in self.environ.items() if v is not None}
        for sub, mode in (("log", 0o777), ("run", 0o700)):
            if not os.path.isdir(os.path.join(self.dir, sub)):  # a test may have put its own there
                os.mkdir(os.path.join(self.dir, sub))
                os.chmod(os.path.join(self.dir, sub), mode)
        self.argv = [a.format(port=self.port, dir=self.dir, www=test.www()) if "{" in a else a for a in argv]
        self.ready = ready or self.listens
        self.cwd = cwd or self.dir
        self.process = self.pid = None
        self.start()

    def start(self):
        self.output = open(os.path.join(self.dir, "output"), "ab")
        self.process = subprocess.Popen(self.argv, env=self.environ, cwd=self.cwd, stdin=subprocess.DEVNULL,
                                        stdout=self.output,
                                        stderr=self.output if self.stderr is None else self.stderr,
                                        start_new_session=True)
        self.pid = self.process.pid
        self.test.services.append(self)
        if self.daemon:
            equal(self.process.wait(20), 0, f"{self.name}: exit code of the start of the daemon")
            path = os.path.join(self.dir, "pid")
            wait_until(lambda: read_bytes(path).strip(), f"the PID file of {self.name}")
            self.pid = int(read_bytes(path))
        wait_until(self.ready_or_dead, lambda: f"{self.name} to listen; it said: {self.said()[-1500:]}", 40)

    def ready_or_dead(self):
        if not self.daemon and self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.said()[-1500:]}")
        return self.ready()

    def listens(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def said(self):
        return read_bytes(os.path.join(self.dir, "output")).decode(errors="replace")

    def alive(self):
        try:
            with open(f"/proc/{self.pid}/stat") as f:
                return f.read().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def restart(self):
        """Starts it again: same port, same directories, same settings."""
        self.start()

    def kill_all(self):
        """SIGKILL for the master and every worker, as nearly at once as can be."""
        pids = [self.pid, *descendants(self.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        for pid in {*pids, *descendants(self.pid)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self.output.close()
        self.test.services.remove(self)

    def workers(self):
        return children(self.pid)

    def stop(self, how=signal.SIGTERM, seconds=15):
        """Stops it as its manager would. Fails if it does not go."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if self.group else os.kill)(self.pid, how)
        if self.daemon:
            wait_until(lambda: self.reap() or not self.alive(), f"{self.name} to end", seconds)
        else:
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{self.name} did not end within {seconds} s of {how.name}") from None
        self.output.close()
        if self in self.test.services:
            self.test.services.remove(self)

    def reap(self):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return False


class Test:
    """What a test function gets: a directory, the client, raw connections, validation."""

    def __init__(self, directory):
        self.root = directory
        self.services = []
        self.notes = []

    def directory(self, name):
        path = os.path.join(self.root, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)
        return path

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def big_file(self):
        """10 MB that do not repeat soon, in a web root shared by all services of the test."""
        path = os.path.join(self.root, "www", "big")
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(b"".join(b"%015d\n" % i for i in range(BIG_BYTES // 16)))
            with open(os.path.join(os.path.dirname(path), "small"), "w") as f:
                f.write("hello\n")
        return path

    def www(self):
        return os.path.dirname(self.big_file())

    def service(self, name, argv, **more):
        return Service(self, name, argv, **more)

    def load(self, service, target, requests=1, connections=1, options=(), must=True, address=None):
        """Runs the counting client. Returns its report, with the IDs seen in ["ids"]."""
        ids = os.path.join(self.root, f"ids-{time.monotonic_ns()}")
        argv = [LOAD, "-n", str(requests), "-c", str(connections), "-o", ids, "-t", "40", *options]
        if not service.shim:
            argv.append("-x")
        done = subprocess.run([*argv, address or service.address, target], capture_output=True, text=True, timeout=60)
        check(done.stdout, f"load {target}: {done.stderr}")
        report = json.loads(done.stdout)
        report["ids"] = read_bytes(ids).decode(errors="replace").split()
        os.unlink(ids)
        if must:
            check(report["ok"], f"{service.name} {target} {' '.join(options)} over {connections}: "
                  f"{report['why'] or report} (served {report['served']} of {requests})")
        return report

    def load_beside(self, service, target, requests, connections, options=()):
        """The counting client in the background. Call the result for its report; it does not judge."""
        ids = os.path.join(self.root, f"ids-{time.monotonic_ns()}")
        child = subprocess.Popen([LOAD, "-n", str(requests), "-c", str(connections), "-o", ids, "-t", "40", *options,
                                  service.address, target], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True)

        def finish():
            said = child.communicate(timeout=60)[0]
            report = json.loads(said) if said else {"ok": False, "served": 0, "why": "the client gave up"}
            report["ids"] = read_bytes(ids).decode(errors="replace").split()
            return report
        finish.running = lambda: child.poll() is None
        return finish

    def raw(self, service, data, seconds=5.0, address=None, half_close=False):
        """Sends bytes, returns all bytes that come until the service closes or is silent for `seconds`."""
        target = address or ("127.0.0.1", service.port)
        got = b""
        with socket.socket(socket.AF_UNIX if isinstance(target, str) else socket.AF_INET) as s:
            s.settimeout(seconds)
            s.connect(target)
            with contextlib.suppress(OSError):
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while part := s.recv(1 << 16):
                    got += part
        return got

    def get(self, service, path, headers="", method="GET"):
        """One request on one connection: (status, {header: value} in lower case, body)."""
        answer = self.raw(service, f"{method} {path} HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n{headers}\r\n"
                          .encode("latin-1"), 15)
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        check(lines[0].startswith("HTTP/1."), f"{service.name} {path}: no response but {answer[:200]!r}")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        if fields.get("transfer-encoding") == "chunked":
            body = dechunk(body)
        return int(lines[0].split()[1]), fields, body

    def validate(self, *logs):
        """Every line of these logs against the schema, by the well-kept validator."""
        files = [f for log in logs for f in log.files()]
        if not files:
            return
        done = subprocess.run(["node", VALIDATE, *files], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})
        check(done.returncode == 0, f"an event breaks the schema: {(done.stdout + done.stderr)[-1500:]}")

    def check_events(self, log, ids=None, served=None, more=0):
        """One started and one completed for each ID, in that order of time, and no other ID; the whole log valid.
        more: how many responses may have been sent that no client could read (it asked again: -r). Returns the
        completed events that clients know of."""
        events = log.events()
        started = [e for e in events if e["event"] == "request.started"]
        completed = [e for e in events if e["event"] == "request.completed"]
        if served is not None:
            equal((len(started), len(completed)), (served, served), f"{log.path}: started and completed")
        for what, found in (("started", started), ("completed", completed)):
            twice = [i for i, n in collections.Counter(e["request_id"] for e in found).items() if n > 1]
            check(not twice, f"{log.path}: request.{what} more than once for {twice[:5]}")
        begun = {e["request_id"]: e for e in started}
        for e in completed:
            first = begun.get(e["request_id"])
            check(first, f"{log.path}: completed but never started: {e}")
            check(first["timestamp"] <= e["timestamp"], f"{log.path}: completed before it started: {first} {e}")
            for field in ("method", "path", "client", "pid"):
                equal(first.get(field), e.get(field), f"{log.path}: {field} of started and completed")
            check(0 <= e["ttfb_ms"] <= e["duration_ms"] + 0.001, f"{log.path}: times make no sense: {e}")
        if ids is not None:
            equal(len(set(ids)), len(ids), "IDs that the clients saw, once each")
            seen, ids = {e["request_id"] for e in completed}, set(ids)
            odd = sorted(seen ^ ids)[:3]
            check(ids <= seen and len(seen) <= len(ids) + more,
                  f"{log.path}: {len(ids - seen)} IDs that clients saw are not in the log as completed, "
                  f"{len(seen - ids)} in the log were never seen; e.g. {odd}, of which it says: "
                  f"{[e for e in events if e.get('request_id') in odd]}; it ends: {events[-2:]}")
            completed = [e for e in completed if e["request_id"] in ids]
        self.validate(log)
        return completed

    def stop_all(self):
        for service in list(self.services):
            with contextlib.suppress(Exception):
                service.stop(seconds=5)


def dechunk(body):
    out = b""
    while body:
        line, _, body = body.partition(b"\r\n")
        size = int(line.split(b";")[0] or b"0", 16)
        if size == 0:
            break
        out, body = out + body[:size], body[size + 2:]
    return out


TESTS = []


def test(function=None, *, alone=False):
    """Registers a test. alone: it measures time, so nothing else may run beside it."""
    def register(f):
        f.alone = alone
        TESTS.append(f)
        return f
    return register(function) if function else register
