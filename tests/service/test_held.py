"""OCTOSHIM_CPU=1: the processor time that a request took, where one thread served it from its head to its end; and nothing where that is
not so."""
import os
import subprocess

from harness import check, equal, test, wait_until
from servers import KINDS, PYTHON, app, simple

SETTING = {"OCTOSHIM_CPU": "1"}
REQUESTS = 20


def threads(t, name, prefix=(), **env):
    return simple(*prefix, PYTHON, app("work.py"), "127.0.0.1:{port}", env=env)(t, name)


def ended(service, path, number):
    service.log.wait("request.completed", number)
    return [e for e in service.log.events("request.completed") if e["path"] == path]


@test
def processor_time_of_threads(t):
    service = threads(t, "threads", **SETTING)
    for i in range(REQUESTS):
        for path in ("/", "/cpu/20", "/sleep/20"):
            t.get(service, path)
    number = 3 * REQUESTS
    for e in ended(service, "/cpu/20", number):
        check(20 <= e["cpu_ms"] <= e["duration_ms"] + 1, f"more than it spun, and not more than it took: {e}")
        check(0 <= e["run_queue_ms"] <= e["duration_ms"] - e["cpu_ms"] + 1, f"what is left of its time at most: {e}")
    for e in ended(service, "/sleep/20", number):
        check(e["duration_ms"] >= 20 and e["cpu_ms"] < 10, f"it slept: {e}")
    equal(len(ended(service, "/", number)), REQUESTS, "requests")
    check(all(e["cpu_ms"] < 20 for e in ended(service, "/", number)), "a request that does nothing")
    check(not any("syscalls" in e for e in service.log.events("request.completed")), "of system calls nothing is known without octoprobe")
    service.stop()
    t.validate(service.log)


@test
def waiting_for_a_processor(t):
    """Two that spin share a processor with it: it waits for about as long as the other two run."""
    taskset = ("/usr/bin/taskset", "1")
    service = threads(t, "shared", prefix=taskset, **SETTING)
    rivals = [subprocess.Popen([*taskset, PYTHON, "-c", "while True: pass"]) for _ in range(2)]
    try:
        for rival in rivals:
            wait_until(lambda: int(open(f"/proc/{rival.pid}/schedstat").read().split()[0]) > 50_000_000, "a rival to spin")
        t.get(service, "/cpu/200")
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
    [e] = ended(service, "/cpu/200", 1)
    check(e["cpu_ms"] >= 200 and e["run_queue_ms"] >= 50, f"it had to wait: {e['cpu_ms'], e['run_queue_ms'], e['duration_ms']}")
    check(e["cpu_ms"] + e["run_queue_ms"] <= e["duration_ms"] + 5, f"no time counts twice: {e}")


@test
def processor_time_is_not_guessed(t):
    """Tasks share a thread: what was left to others between head and end is nobody's."""
    service = simple("/usr/bin/uvicorn", "--app-dir", app(""), "--port", "{port}", "--log-level", "warning", "--no-access-log",
                     "--loop", "asyncio", "work:app", env=SETTING)(t, "tasks")
    for _ in range(REQUESTS):
        t.get(service, "/sleep/5")
        t.get(service, "/cpu/5")
    service.log.wait("request.completed", 2 * REQUESTS)
    found = [e for e in service.log.events("request.completed") if "cpu_ms" in e or "run_queue_ms" in e]
    equal(found, [], "events with a guess")


@test
def a_child_has_a_clock_of_its_own(t):
    """It answers a request whose head its parent has read."""
    service = threads(t, "forks", **SETTING)
    for _ in range(5):
        t.get(service, "/cpu/1")
        t.get(service, "/fork/50")
    service.log.wait("request.completed", 10)
    forked = [e for e in service.log.events("request.completed") if e["path"] == "/fork/50"]
    equal(len(forked), 5, "requests that a child has answered")
    equal([e for e in forked if "cpu_ms" in e], [], "events with the difference of two clocks")


@test
def processor_time_only_if_asked_for(t):
    service = threads(t, "unasked")
    t.get(service, "/cpu/5")
    [e] = ended(service, "/cpu/5", 1)
    check("cpu_ms" not in e and "run_queue_ms" not in e, f"unasked: {e}")
    descriptors = len(os.listdir(f"/proc/{service.pid}/fd"))
    asked = threads(t, "asked", **SETTING)
    for _ in range(REQUESTS):
        t.get(asked, "/")
    wait_until(lambda: len(os.listdir(f"/proc/{asked.pid}/fd")) == descriptors, "as many descriptors as without")


@test
def processor_time_of_nginx(t):
    """A file is served in one go: there is no break, and so it is known."""
    kind = KINDS["nginx"]
    service = kind.start(t, "nginx", env=SETTING)
    for _ in range(REQUESTS):
        t.get(service, kind.path("small"))
    service.log.wait("request.completed", REQUESTS)
    for e in service.log.events("request.completed"):
        check(0 < e["cpu_ms"] <= e["duration_ms"] + 0.1, f"nginx: {e}")
