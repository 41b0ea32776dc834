"""Where errors come from, and where requests are stuck: stack_id and stack of errors, request.slow."""
import collections
import concurrent.futures
import shutil

import harness
from harness import check, equal, test, wait_until
from servers import app, simple
from test_crash import ask, functions

DEPTHS = range(8)


def service(t, *options, name="shim", **env):
    return simple("/usr/bin/gunicorn", "--chdir", app(""), "-b", "127.0.0.1:{port}", "--worker-tmp-dir", "/dev/shm", *options,
                  "stacks_app:app")(t, name, env=env)


def failed(service, kind="request.completed"):
    return [e for e in service.log.events(kind) if e["level"] == "error"]


def errors(service, number, kind="request.completed"):
    """Those among so many of that kind."""
    service.log.wait(kind, number)
    return failed(service, kind)


def check_told_once(events):
    """Each place has its own ID, and its frames once."""
    whole = collections.Counter(e["stack_id"] for e in events if "stack" in e)
    equal(set(whole), {e["stack_id"] for e in events}, "IDs whose frames are told")
    equal(set(whole.values()), {1}, "how often")


@test
def errors_know_their_place(t):
    # The workers have changed their user, so that none may look at another's maps.
    s = service(t, "-w", "3", "-u", "www-data")
    wait_until(lambda: ask(s, "/") and len({e["pid"] for e in s.log.events("request.completed")}) == 3, "three workers")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:  # at once, so that no worker has them all
        answers = list(pool.map(lambda depth: ask(s, f"/error/{depth}"), [*DEPTHS] * 6))
    check(all(b" 500 " in a for a in answers), "they fail")
    wait_until(lambda: len(failed(s)) >= 6 * len(DEPTHS), "all in the log")
    events = failed(s)
    equal(len(events), 6 * len(DEPTHS), "errors")
    equal([e["path"] for e in events if "stack_id" not in e], [], "errors without a place")
    check_told_once(events)
    place = collections.defaultdict(set)
    for e in events:
        place[e["path"]].add(e["stack_id"])
    # The interpreter itself goes another way when it has come by often.
    check(max(len(ids) for ids in place.values()) <= 3, f"places of a path, in three processes: {place}")
    equal(len(set().union(*place.values())), sum(len(ids) for ids in place.values()), "places that two paths share")
    deepest = [e for e in events if "stack" in e and e["path"] == f"/error/{DEPTHS[-1]}"]
    check(functions(deepest[0]).count("_PyEval_EvalFrameDefault") > 3, functions(deepest[0]))
    check(deepest[0]["stack_truncated"], "more than a line holds")
    check(not any(f["module"].endswith("liboctoshim.so") for f in deepest[0]["stack"]), "none of ours")
    check(len({e["pid"] for e in events}) > 1, "several workers")
    t.validate(s.log)


@test
def failed_calls_know_theirs(t):
    s = service(t)
    for _ in range(5):
        ask(s, "/call")
    events = errors(s, 5, "client.request.failed")
    equal(len({e["stack_id"] for e in events}), 1, "one place")
    check_told_once(events)
    t.validate(s.log)
    check("_PyEval_EvalFrameDefault" in functions(next(e for e in events if "stack" in e)), "in the interpreter")


@test
def only_what_is_asked_for(t):
    for stacks, failed, slow in (("off", False, False), ("error", True, False), ("slow", False, True), ("all", True, True)):
        s = service(t, name=stacks, OCTOSHIM_STACKS=stacks, OCTOSHIM_SLOW_MS="200")
        ask(s, "/error/1")
        check(b" 200 " in ask(s, "/stuck/sleep"), "it ends as it would")
        equal(["stack_id" in e for e in errors(s, 2)], [failed], f"{stacks}: errors have a place")
        equal(len(s.log.events("request.slow")), int(slow), f"{stacks}: slow ones are told")
        s.stop()


@test
def stuck_requests_say_where(t):
    s = service(t, "-k", "gthread", "--threads", "4", OCTOSHIM_STACKS="slow", OCTOSHIM_SLOW_MS="200")
    wanted = {"sleep": "clock_nanosleep", "lock": "futex", "spin": None}
    for how in wanted:
        check(b" 200 " in ask(s, f"/stuck/{how}"), how)
    s.log.wait("request.completed", len(wanted))
    events = {e["path"]: e for e in s.log.events("request.slow")}
    equal(len(s.log.events("request.slow")), len(wanted), "each once")
    for how, call in wanted.items():
        e = events[f"/stuck/{how}"]
        equal(e.get("syscall"), call, how)
        check(200 < e["duration_ms"] < 900, f"{how}: while it lasts, at {e['duration_ms']}")
        check("_PyEval_EvalFrameDefault" in functions(e) or call is None, f"{how}: {functions(e)}, {e.get('stack_error')}")
    ended = {e["request_id"]: e for e in s.log.events("request.completed")}
    check(all(ended[e["request_id"]]["slow"] for e in events.values()), "and they are slow when they end")
    t.validate(s.log)


@test
def without_the_helper(t):
    s = service(t, LD_PRELOAD=shutil.copy(harness.LIBRARY, t.directory("lib")))
    for _ in range(20):
        check(b" 500 " in ask(s, "/error/1"), "it fails as it would")
    events = errors(s, 20)
    equal([e["stack_error"] for e in events if "stack_error" in e], ["octoshim-stack cannot be started: ENOENT"], "said once")
    check(not any("stack_id" in e for e in events), "and no place")
    t.validate(s.log)
