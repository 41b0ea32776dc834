"""Runs the service tests, each in a process of its own with a time limit.

    run.py [-j N] [NAME…]      names may be parts of test names; without any, all run
    run.py --one NAME --dir D  one test, in this process

Prints a line a test and the closing line. Exits 1 if a test failed, 2 if none ran.
"""
import argparse
import concurrent.futures
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
sys.path.append(os.path.dirname(harness.HERE))
import in_memory  # noqa: E402

MODULES = ["test_servers", "test_modes", "test_sinks", "test_death", "test_metrics", "test_rules", "test_context", "test_trace", "test_otlp", "test_otlp_metrics", "test_llm", "test_enrich", "test_held", "test_memory", "test_prometheus", "test_crash", "test_chroot", "test_crash_runtimes", "test_stacks"]
LIMIT_SECONDS = int(os.environ.get("OCTO_TEST_LIMIT", 60))
SKIPPED = 77


def one(function, directory):
    """Runs one test and ends all that it left. Returns the exit code."""
    harness.become_reaper()
    test = harness.Test(directory)
    code = 0
    try:
        function(test)
    except harness.Skip as e:
        print(e)
        code = SKIPPED
    except AssertionError as e:
        print(e)
        code = 1
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        code = 1
    if code == 1:
        for service in test.services:
            tail = service.said()[-400:]
            if tail:
                print(f"--- {service.name} said:\n{tail}")
    test.stop_all()
    stray = harness.end_descendants()
    if stray and code == 0:
        print(f"left running: {stray}")
        code = 1
    for note in test.notes:
        print(note)
    return code


def full_name(function):
    return f"{function.__module__}.{function.__name__}"


def in_process(function):
    """Starts the test in a process of its own. Returns (name, code, seconds, output)."""
    directory = tempfile.mkdtemp(prefix="t-" if os.environ.get("OCTO_TEST_MEMORY") else "octoshim-test-")
    os.chmod(directory, 0o755)
    begun = time.monotonic()
    child = subprocess.Popen([sys.executable, "-B", __file__, "--one", full_name(function), "--dir", directory],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = child.communicate(timeout=LIMIT_SECONDS)
        code = child.returncode
    except subprocess.TimeoutExpired:
        pids = harness.descendants(child.pid)
        child.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        output, _ = child.communicate()
        output += f"\nnot done after {LIMIT_SECONDS} s"
        code = 1
    if code == 1 and os.environ.get("OCTO_TEST_KEEP"):
        output += f"\nkept: {directory}"
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return function.__name__, code, time.monotonic() - begun, output.strip()


def share(directory):
    """Puts the library, what it starts, and the apps where services that run as another user reach them: a checkout may be private."""
    os.chmod(directory, 0o755)
    os.environ["OCTO_TEST_APPS"] = shutil.copytree(harness.APPS, os.path.join(directory, "apps"))
    if harness.CONFIG:
        os.environ["OCTO_TEST_CONFIG"] = shutil.copy(harness.CONFIG, directory)
    if os.path.exists(harness.LIBRARY):
        for program in ("octoshim-otlp", "octoshim-stack"):
            shutil.copy(os.path.join(os.path.dirname(harness.LIBRARY), program), directory)
        os.environ["OCTO_TEST_LIBRARY"] = shutil.copy(harness.LIBRARY, directory)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-j", type=int, default=2)
    p.add_argument("--one")
    p.add_argument("--dir")
    p.add_argument("names", nargs="*")
    options = p.parse_args()
    for module in MODULES:
        importlib.import_module(module)
    if not options.one and (code := in_memory.run_again()) is not None:
        sys.exit(code)
    if options.one:
        function = next(f for f in harness.TESTS if full_name(f) == options.one)
        sys.exit(one(function, options.dir))
    bare = os.environ.get("OCTO_TEST_BARE")  # the tests' own servers are tried, without the library
    for needed in [harness.LOAD] if bare else [harness.LOAD, harness.LIBRARY, harness.VALIDATE]:
        if not os.path.exists(needed):
            sys.exit(f"{needed} is missing: use make test-service")
    shared = tempfile.TemporaryDirectory(prefix="octo-service-")
    share(shared.name)
    harness.become_reaper()
    chosen = [f for f in harness.TESTS if not options.names or any(n in full_name(f) for n in options.names)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def tell(result):
        name, code, seconds, output = result
        kind = {0: "passed", SKIPPED: "skipped"}.get(code, "failed")
        counts[kind] += 1
        word = {"passed": "ok  ", "skipped": "SKIP", "failed": "FAIL"}[kind]
        print(f"{word} {seconds:5.1f} s  {name}" + (f": {output}" if kind == "skipped" else ""), flush=True)
        if output and kind != "skipped":
            print("      " + output[:6000].replace("\n", "\n      "), flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(in_process, f) for f in chosen if not f.alone]):
            tell(done.result())
    for f in chosen:
        if f.alone:
            tell(in_process(f))
    harness.end_descendants()
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(2 if not chosen else counts["failed"] > 0)


if __name__ == "__main__":
    main()
