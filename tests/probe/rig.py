"""What octoprobe's tests share: running it, work for it, reading what it prints. For run.py and the test_*.py here."""
import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import time

TESTS = []
OPTIONS = argparse.Namespace()  # probe, work, library: paths; run.py fills it
BUCKETS = 120


def test(function):
    TESTS.append(function)
    return function


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got}, wanted {wanted}")


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def probe(*arguments, code=0, prefix=(), seconds=60, **more):
    """Runs it; returns what it printed and said."""
    done = subprocess.run([*prefix, OPTIONS.probe, *map(str, arguments)], capture_output=True, text=True, timeout=seconds, **more)
    check(done.returncode == code, f"octoprobe {arguments}: exit code {done.returncode}, not {code}: {done.stderr}{done.stdout[-300:]}")
    return done.stdout, done.stderr


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def calls(found, key="count", **labels):
    """By call: the sums of the lines' `key`."""
    sums = {}
    for line in found:
        if line["event"] == "syscall.stats" and all(line.get(k) == v for k, v in labels.items()):
            sums[line["syscall"]] = sums.get(line["syscall"], 0) + line[key]
    return sums


def on_work(*work, options=()):
    """The lines about `work …`, from its first call on."""
    out, said = probe("--json", *options, "--", OPTIONS.work, *work)
    equal(said, "", f"said about {work}")
    return lines(out)


@contextlib.contextmanager
def running(*command, ready=b"ready\n", **more):
    """A process that says when it is ready; killed at the end."""
    p = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, **more)
    try:
        if ready:
            equal(p.stdout.readline(), ready, f"the first words of {command}")
        yield p
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)  # its children, too
        p.wait()
        p.stdout.close()


def attached(p):
    """Whether it has given up its capabilities, which it does then; or has ended."""
    with open(f"/proc/{p.pid}/status") as status:
        return re.search(r"^CapBnd:\s+0+$", status.read(), re.M) or p.poll() is not None


@contextlib.contextmanager
def probing(*arguments, **more):
    p = subprocess.Popen([OPTIONS.probe, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    try:
        wait_until(lambda: attached(p), f"octoprobe {arguments} to be attached")
        yield p
    finally:
        p.kill()
        p.wait()


def programs():
    """Programs of ours in the kernel, those that are on their way out not counted."""
    names = ("on_enter", "on_return", "on_fork", "on_exec", "on_exit", "on_task")
    return [p for p in json.loads(subprocess.run(["bpftool", "prog", "list", "-j"], capture_output=True, check=True).stdout)
            if p.get("name") in names]
