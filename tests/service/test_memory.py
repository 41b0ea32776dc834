"""The shared memory's place: full from the start, full later, or with files of strangers in it. The service never notices."""
import contextlib
import os
import socket
import stat

from harness import check, equal, read_bytes, test, wait_until
from metrics import Metrics, listening, wait_for
from servers import nginx
from test_sinks import mounted

TOTAL = "http_requests_total"


def place(t, name):
    """Where the service of that name will have its shared memory."""
    path = os.path.join(t.directory(name), "run")
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path


def start(t, name):
    where, env = listening()
    service = nginx(proxied=False)(t, name, env=env)
    wait_for(where)
    return service, where


def fill(path):
    with open(os.path.join(path, "filler"), "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * 4096)


@test
def full_from_the_start(t):
    """It goes on without a file, and says so in one line; no request, event or count is lost."""
    for size in ("0k", "64k", "3m"):
        name = "web" + size
        with mounted(place(t, name), f"size={size if size != '0k' else '4k'},mode=0777"):
            if size == "0k":
                fill(os.path.join(t.root, name, "run"))
            service, where = start(t, name)
            ids = t.load(service, "/small", 3000, 16)["ids"]
            equal(Metrics(where).sum(TOTAL), 3000, f"{size}: requests counted")
            service.log.wait("request.completed", 3000)
            t.check_events(service.log, ids, 3000)
            said = [line for line in service.said().splitlines() if "octoshim" in line]
            check(len(said) == 1 and "OCTOSHIM_RUNTIME_DIR" in said[0], f"{size}: one line: {said}")
            equal([f for f in os.listdir(os.path.join(t.root, name, "run")) if f != "filler"], [], "files there")
            service.stop()


@test
def full_later(t):
    """Workers that find no memory for a ring of their own share another's; what should be lost all the same is counted."""
    path = place(t, "web")
    with mounted(path, "size=8m,mode=0777"):
        service, where = start(t, "web")
        fill(path)
        t.load(service, "/small", 3000, 16)

        def written_and_lost():
            return (sum(service.log.count(name) for name in ("request.started", "request.completed")),
                    Metrics(where).sum("octoshim_events_dropped_total"))
        wait_until(lambda: sum(written_and_lost()) == 6000, lambda: f"6000 events: {written_and_lost()}", 10)
        equal(Metrics(where).sum(TOTAL), 3000, "requests counted")
        service.stop()


def described(path):
    """What a file is, and what is in it, without opening what may block."""
    st = os.lstat(path)
    return st.st_mode, st.st_uid, st.st_size, st.st_ino, read_bytes(path) if stat.S_ISREG(st.st_mode) else None


@test
def files_of_strangers(t):
    """Named like segments, but none, or somebody else's, or another version's: they stay as they are, and nobody minds."""
    path = place(t, "web")

    def name(i):
        return os.path.join(path, f"octoshim-{i:016x}.seg")
    for i, content in enumerate((b"", b"garbage", b"\0" * 70000, os.urandom(200000))):
        with open(name(i), "wb") as f:
            f.write(content)
    os.mkfifo(name(10))
    os.symlink("/etc/passwd", name(11))
    os.symlink(name(999), name(12))
    os.mkdir(name(13))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(name(14))
    with open(name(15), "wb") as f:  # a segment's head as another version would have it, and nothing behind it
        f.write(b"\0" * 8192)
    if os.geteuid() == 0:
        with open(name(16), "wb") as f:
            f.write(b"of nobody")
        os.chown(name(16), 65534, 65534)
    before = {file: described(os.path.join(path, file)) for file in os.listdir(path)}

    service, where = start(t, "web")
    ids = t.load(service, "/small", 3000, 16)["ids"]
    equal(Metrics(where).sum(TOTAL), 3000, "requests counted")
    service.log.wait("request.completed", 3000)
    t.check_events(service.log, ids, 3000)
    equal([line for line in service.said().splitlines() if "octoshim" in line], [], "what it says")
    own = set(os.listdir(path)) - set(before)
    equal(len(own), 1, f"files of its own: {own}")
    service.stop()
    equal({file: described(os.path.join(path, file)) for file in os.listdir(path)}, before, "the others' files")
