"""octoshim-stack as an attendant: whom it serves, as what, and how long it stays. Prints a line for each thing that is not so.

    test-stack-attend.py PROGRAM SAMPLE
"""
import array
import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM, SAMPLE = sys.argv[1:]
NOBODY = 65534
DIRECTORY, MIND = 0x68637451, 0x68637452
ROOT = os.geteuid() == 0


def check(true, what):
    if not true:
        print(what)


def until(what, *arguments):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if result := what(*arguments):
            return result
        time.sleep(0.01)
    return None


class Attendant:
    def __init__(self, minded, log=""):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")
        listener.listen(64)
        self.address = listener.getsockname()
        pidfd = os.pidfd_open(minded)
        self.process = subprocess.Popen([PROGRAM], stdin=listener, stdout=pidfd, stderr=subprocess.PIPE, env={"OCTOSHIM_LOG": log})
        listener.close()
        os.close(pidfd)

    def call(self):
        guest = socket.socket(socket.AF_UNIX)
        guest.settimeout(10)
        until(lambda: guest.connect_ex(self.address) == 0)  # its backlog may be full
        return guest

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]

    def living(self):
        return [p for p in self.children() if state(p) not in ("Z", None)]

    def ended(self, seconds=10):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds) == 0 and self.process.stderr.read() == b""
        return False


def state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def sleeper():
    return subprocess.Popen(["sleep", "60"])


def end(process):
    process.kill()
    process.wait()


def as_user(uid, what, *arguments):
    """What it returns in a child of that user, a string."""
    with other_user(uid, what, *arguments) as text:
        return text.read()


@contextlib.contextmanager
def other_user(uid, what, *arguments):
    """A file in which what it returns in a child of that user comes."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.write(into, what(*arguments).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as f:
        yield f
    os.waitpid(pid, 0)


def asked_directory(attendant):
    """The name of what it gives, if it gives one."""
    with attendant.call() as guest:
        guest.sendall(struct.pack("=II", DIRECTORY, 0))
        fds = array.array("i")
        _, ancillary, _, _ = guest.recvmsg(1, socket.CMSG_LEN(4))
        for _, _, data in ancillary:
            fds.frombytes(data)
        return os.readlink(f"/proc/self/fd/{fds[0]}") if fds else "nothing"


def answer(attendant, sample):
    got = b""
    with attendant.call() as guest, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        guest.sendall(sample)
        guest.shutdown(socket.SHUT_WR)
        while part := guest.recv(65536):
            got += part
    return got


def begin_and_wait(attendant):
    with attendant.call() as guest:
        guest.sendall(b"\1\0\0\0" * 4)
        time.sleep(1)
    return "done"


def served_as(attendant):
    """The user, the group, the groups, the capabilities and the descriptors of who serves a guest, while it waits for the rest."""
    server = until(attendant.living)[0]

    def status():
        with open(f"/proc/{server}/status", encoding="ascii") as f:
            found = dict(line.split(":", 1) for line in f.read().splitlines())
        return ([*map(int, found["Uid"].split()), *map(int, found["Gid"].split())], found["Groups"].split(),
                int(found["CapPrm"], 16), int(found["NoNewPrivs"]), len(os.listdir(f"/proc/{server}/fd")))
    until(lambda: status()[4] == 1)
    return status()


def main():
    service = sleeper()
    with tempfile.TemporaryDirectory() as directory, open(SAMPLE, "rb") as f:
        sample = f.read()
        os.chmod(directory, 0o755)
        a = Attendant(service.pid, f"{directory}/log")

        # What is sent is looked at as its sender, and the maps are the sender's: no address of the sample's is in a file there.
        got = answer(a, sample)
        version, frames = struct.unpack_from("=II", got)
        check((version, frames > 0) == (1, True), f"a sample: {got[:200]}")
        for junk in (b"x", os.urandom(7), os.urandom(5000), sample[:600], struct.pack("=II", MIND, 0), struct.pack("=II", MIND, 1 << 31)):
            answer(a, junk)
        check(asked_directory(a) == directory, "the directory")
        if ROOT:
            for uid in (NOBODY, 0):
                with other_user(uid, begin_and_wait, a) as done:
                    found = served_as(a)
                    check(found == ([uid] * 8, [], 0, 1, 1), f"who serves user {uid}: {found}")
                    check(done.read() == "done", "it was served")
                until(lambda: not a.living())
            guest = as_user(NOBODY, asked_directory, a)
            check(guest == directory, f"the directory, for another user: {guest}")
            os.chmod(directory, 0o700)
            guest = as_user(NOBODY, asked_directory, a)
            check(guest == directory, f"which it may look up: {guest}")
            os.mkdir(f"{directory}/inner")
            hidden = Attendant(service.pid, f"{directory}/inner/log")
            guest = as_user(NOBODY, asked_directory, hidden)
            check(guest == "nothing", f"one that it cannot reach: {guest}")
            end(hidden.process)
            os.rmdir(f"{directory}/inner")

        # Guests that say nothing are in nobody's way; of those that begin and wait, there are eight at most.
        silent = [a.call() for _ in range(100)]
        slow = [a.call() for _ in range(12)]
        for guest in slow:
            guest.sendall(sample[:16])
        check(until(lambda: len(a.living()) == 8), f"those that are served: {len(a.living())}")
        time.sleep(0.1)
        away = [g for g in slow if select.select([g], [], [], 0)[0]]
        check(len(away) == 4, f"those that are sent away: {len(away)}")
        for guest in silent + slow:
            guest.close()
        check(until(lambda: not a.living()), "their servers end")
        check(struct.unpack_from("=II", answer(a, sample))[1] > 0, "and the next one is served")

        # It stays for whom it is to mind, though the service has ended; then not.
        heir = sleeper()
        with a.call() as guest:
            guest.sendall(struct.pack("=II", MIND, heir.pid))
            end(service)
        check(not a.ended(0.5) and struct.unpack_from("=II", answer(a, sample))[1] > 0, "it stays for a child")
        silent = a.call()
        end(heir)
        check(a.ended(), "it ends with the last one")
        silent.close()


main()
