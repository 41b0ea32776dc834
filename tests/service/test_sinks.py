"""The log file and stderr: rotated, renamed, shared, blocked, full, forbidden. Requests never notice."""
import collections
import contextlib
import json
import os
import subprocess
import threading
import time

from harness import Log, Skip, check, equal, read_bytes, test, wait_until
from servers import KINDS, PYTHON, app, nginx

SERVER = KINDS["python_threading"]
NOBODY = 65534


@contextlib.contextmanager
def mounted(path, options):
    """A small tmpfs on path. Needs the right to mount."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "octoshim-test", path], capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise Skip(f"cannot mount a tmpfs here ({done.stderr.strip()}): the full disk is not tried")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def no_gap(t, log, ids):
    log.wait("request.completed", len(ids))
    return t.check_events(log, ids, len(ids))


@test
def rotation_by_size_under_load(t):
    service = nginx()(t, "web", env={"OCTOSHIM_LOG_ROTATE": "size:512K"})
    ids = []
    for _ in range(4):
        ids += t.load(service, "/small", 3000, 32)["ids"]
        time.sleep(1.1)  # the size is looked at once a second
    no_gap(t, service.log, ids)
    sizes = {os.path.basename(f): os.path.getsize(f) for f in service.log.files()}
    check(len(sizes) >= 3, f"rotated files: {sizes}")
    check("web.log" in sizes, f"the live file has its plain name: {sizes}")
    for e in service.log.events("shim.sink.failed", "shim.events.dropped"):
        raise AssertionError(f"unexpected: {e}")


@test
def eight_processes_share_a_rotating_file(t):
    """Two masters with four workers each, one file, rotated by size: no line is lost or torn."""
    directory = t.directory("shared")
    os.chmod(directory, 0o777)
    path = os.path.join(directory, "shared.log")
    env = {"OCTOSHIM_LOG": path, "OCTOSHIM_LOG_ROTATE": "size:256K"}
    one, two = (nginx(workers=4)(t, n, env=env) for n in ("one", "two"))
    ids = []
    for _ in range(4):
        running = [t.load_beside(s, "/small", 2500, 16) for s in (one, two)]
        for finish in running:
            report = finish()
            check(report["ok"], report["why"])
            ids += report["ids"]
        time.sleep(1.1)
    log = Log(path)
    found = no_gap(t, log, ids)
    equal({e["service"] for e in found}, {"one", "two"}, "services in the shared file")
    check(len(log.files()) >= 3, f"rotated files: {log.files()}")


@test
def logrotate_renames_under_load(t):
    """The log is renamed in the middle of a burst: within a second or two there is a new one, and nothing is lost."""
    service = nginx(workers=2)(t, "web")
    ids = t.load(service, "/small", 100, 4)["ids"]
    for n in range(1, 4):
        wait_until(lambda: os.path.exists(service.log.path), "the log under its plain name")
        finish = t.load_beside(service, "/small", 20000, 16)
        time.sleep(0.1)
        os.rename(service.log.path, f"{service.log.path}.{n}")
        report = finish()
        check(report["ok"], report["why"])
        ids += report["ids"]

        def again():
            ids.extend(t.load(service, "/small", 50, 2)["ids"])
            return os.path.exists(service.log.path)

        wait_until(again, "a new log after the rename", 3)
    no_gap(t, service.log, ids)
    equal(len(service.log.files()), 4, "log files")


@test
def truncated_by_logrotate(t):
    """copytruncate loses by design what comes between copy and truncation; the file goes on from its start."""
    service = SERVER.start(t, "py")
    t.load(service, "/small", 300, 4)
    service.log.wait("request.completed", 300)
    os.truncate(service.log.path, 0)
    time.sleep(1.2)
    ids = t.load(service, "/small", 50, 2)["ids"]
    no_gap(t, service.log, ids)
    check(not read_bytes(service.log.path).startswith(b"\0"), "a hole at the start of the truncated file")


@test(alone=True)
def blocked_stderr_delays_nothing(t):
    """A pipe that nobody reads is full after 64 KiB: requests go on, what is dropped is counted and reported."""
    requests = 30000
    r, w = os.pipe()
    os.set_blocking(r, False)
    free = KINDS["node_http"].start(t, "free")
    blocked = KINDS["node_http"].start(t, "blocked", env={"OCTOSHIM_LOG": "stderr"}, stderr=w)
    speeds = {"free": [], "blocked": []}
    for _ in range(3):
        for service in (free, blocked):
            speeds[service.name].append(t.load(service, "/small", requests // 3, 16)["per_second"])
    # Neighbours in time: the machine itself may be three times as fast from one turn to the next.
    check(max(b / f for b, f in zip(speeds["blocked"], speeds["free"])) > 0.6, f"requests a second: {speeds}")
    got = b""
    limit = time.monotonic() + 8

    def read():
        nonlocal got
        with contextlib.suppress(BlockingIOError):
            while part := os.read(r, 1 << 16):
                got += part
        lines = [json.loads(line) for line in got.splitlines(True) if line.startswith(b"{") and line.endswith(b"\n")]
        dropped = sum(e["count"] for e in lines if e["event"] == "shim.events.dropped")
        written = sum(e["event"] in ("request.started", "request.completed") for e in lines)
        return dropped, written

    dropped, written = read()
    while (dropped + written < 2 * requests or dropped == 0) and time.monotonic() < limit:
        time.sleep(0.1)
        dropped, written = read()
    check(dropped > 0, f"nothing was dropped although the pipe was full: {written} written")
    equal(dropped + written, 2 * requests, f"dropped ({dropped}) and written ({written}) events")
    ids = t.load(blocked, "/small", 20, 1)["ids"]
    wait_until(lambda: (read(), all(i.encode() in got for i in ids))[1], "events on the pipe once it is read again")
    blocked.stop()
    os.close(w)
    os.close(r)


@test
def burst_while_stderr_is_not_read(t):
    """A reader that pauses, as a container's logging driver does: 20,000 events wait for it, each thread's in their order."""
    r, w = os.pipe()
    service = KINDS["node_http"].start(t, "node", env={"OCTOSHIM_LOG": "stderr"}, stderr=w)
    os.close(w)
    ids = t.load(service, "/small", 10000, 16)["ids"]
    lines = []
    with open(r, encoding="ascii") as stderr:
        reader = threading.Thread(target=lambda: lines.extend(line for line in stderr if line.startswith("{")))
        reader.start()
        try:
            wait_until(lambda: sum('"request.completed"' in line for line in lines) >= len(ids), lambda: f"more than {len(lines)} events", 10)
        finally:
            service.stop()
            reader.join(20)
    events = [(e.get("request_id"), e["event"]) for e in map(json.loads, lines)]
    begun = collections.Counter()
    for request_id, event in events:
        begun[request_id] += event == "request.started"
        check(event != "request.completed" or begun[request_id], f"completed before it is started: {request_id}")
        check(event != "shim.events.dropped", "events were dropped")
    completed = collections.Counter(i for i, event in events if event == "request.completed")
    check(completed == collections.Counter(ids), f"{len(ids)} requests, {completed.total()} completed, {len(completed)} different")


@test
def full_disk(t):
    """No byte left for the log: the service serves, the cause is named, and events come again with the space."""
    directory = t.directory("py/log")
    with mounted(directory, "size=64k,mode=0777"):
        service = SERVER.start(t, "py")
        t.load(service, "/small", 2000, 16)
        time.sleep(1.5)
        t.load(service, "/small", 500, 16)
        check(0 < sum(map(os.path.getsize, service.log.files())) <= 65536, "bytes in the full log")
        subprocess.run(["mount", "-o", "remount,size=8m", directory], check=True)
        time.sleep(1.5)
        ids = t.load(service, "/small", 100, 4)["ids"]
        wait_until(lambda: all(i.encode() in b"".join(map(read_bytes, service.log.files())) for i in ids),
                   "events once there is space again")
        t.validate(service.log)
        lines = [e for e in service.log.events() if e["event"] in ("shim.sink.failed", "shim.events.dropped")]
        said = service.said()
        check(lines or "No space" in said or "ENOSPC" in said,
              "the full disk is named neither in the log nor on stderr")
        wait_until(lambda: service.log.events("shim.events.dropped", "shim.sink.failed"), "the loss in the log")
        lost = 2 * 2600 - service.log.count("request.started") - service.log.count("request.completed")
        reported = sum(e["count"] for e in service.log.events("shim.events.dropped"))
        equal(reported, lost, "events reported as dropped, and missing")
        service.stop()


def refused(t, name, service, requests=300):
    """A log that cannot be written: the service serves, one line names it, and the events go to stderr."""
    ids = t.load(service, "/small", requests, 8)["ids"]
    wait_until(lambda: all(i in service.said() for i in ids), f"events on stderr ({name})")
    lines = [line for line in service.said().splitlines() if service.log.path in line]
    check(lines, f"{name}: the path is named nowhere: {service.said()[:500]}")
    check(len(lines) <= 3, f"{name}: named {len(lines)} times: {lines[:4]}")
    equal(service.log.files() if os.path.isdir(os.path.dirname(service.log.path)) else [], [], "log files")


def as_nobody(t, name, **more):
    """As a user who may not write the log directory."""
    directory = t.directory(name)
    os.chown(directory, NOBODY, NOBODY)
    run = os.path.join(directory, "run")
    os.makedirs(run, exist_ok=True)
    os.chown(run, NOBODY, NOBODY)
    return t.service(name, ["/usr/bin/setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                            PYTHON, app("threading_server.py"), "127.0.0.1:{port}"], **more)


@test
def unwritable_log_directory(t):
    denied = t.directory("denied")
    service = as_nobody(t, "py", env={"OCTOSHIM_LOG": denied + "/py.log"})
    service.log = Log(denied + "/py.log")
    refused(t, "no permission", service)
    missing = t.root + "/no/such/dir/py.log"
    service = as_nobody(t, "py2", env={"OCTOSHIM_LOG": missing})
    service.log = Log(missing)
    refused(t, "no directory", service)


@test
def read_only_log_directory(t):
    directory = t.directory("py/log")
    with mounted(directory, "size=64k,ro"):
        service = SERVER.start(t, "py", env={})
        refused(t, "read-only", service)
        service.stop()


@test
def read_only_root(t):
    """A container with a read-only root, nothing writable anywhere."""
    if not any(line.split()[4] == "/" for line in open("/proc/self/mountinfo", encoding="utf-8")):
        raise Skip("the root is no mount (a chroot): it cannot be made read-only")
    script = ("mount --make-rprivate / && mount -o remount,bind,ro / && "
              "for d in /dev/shm /run /tmp; do mountpoint -q $d && mount -o remount,bind,ro $d; done; exec \"$@\"")
    service = t.service("py", ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh", PYTHON,
                               app("threading_server.py"), "127.0.0.1:{port}"],
                        env={"OCTOSHIM_LOG": None, "OCTOSHIM_RUNTIME_DIR": None})
    ids = t.load(service, "/small", 300, 8)["ids"]
    wait_until(lambda: all(service.said().count(i) >= 2 for i in ids), "started and completed on stderr")
    equal(service.said().count('"event": "request.completed"'), 300, "completed on stderr")


@test
def missing_log_appears_later(t):
    """The log directory is made after the service has started: within a second or two it is used."""
    late = t.root + "/late/deep"
    path = late + "/py.log"
    service = SERVER.start(t, "py", env={"OCTOSHIM_LOG": path})
    t.load(service, "/small", 20, 2)
    os.makedirs(late, exist_ok=True)
    time.sleep(1.3)
    t.load(service, "/small", 5, 1)
    time.sleep(1.3)
    ids = t.load(service, "/small", 20, 2)["ids"]
    log = Log(path)
    wait_until(lambda: all(i.encode() in read_bytes(path) for i in ids), "events in the directory made later")
    t.validate(log)


@test
def slow_reader_of_a_fifo(t):
    """A log that is a FIFO with a slow reader: nothing waits for it."""
    path = os.path.join(t.directory("fifo"), "events")
    os.mkfifo(path)
    os.chmod(path, 0o666)
    got, stop = bytearray(), threading.Event()

    def read_slowly():
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                got.extend(os.read(fd, 4096))
            time.sleep(0.05)
        os.close(fd)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    try:
        service = nginx(workers=1)(t, "web", env={"OCTOSHIM_LOG": path})
        report = t.load(service, "/small", 10000, 16)
        check(report["seconds"] < 5, f"10,000 requests took {report['seconds']} s")
        wait_until(lambda: b"request.completed" in got, "events in the FIFO")
    finally:
        stop.set()
        reader.join()
