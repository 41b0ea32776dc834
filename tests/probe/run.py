"""octoprobe on work whose calls are known, beside strace and bpftrace, and where it must refuse.

    run.py --probe PATH --library PATH --out DIRECTORY [NAME…]      names may be parts of test names; exit code 0 too where BPF is refused: then loudly
"""
import argparse
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import OPTIONS, TESTS, calls, check, equal, lines, on_work, probe, probing, programs, running, test, wait_until  # noqa: E402
import test_joined  # noqa: E402, F401

# ── counts ───────────────────────────────────────────────────────────────────────────────────────────────


@test
def known_counts():
    """Sleeps, reads, failures, broken sleeps, threads, trees, execs: each call once, none twice, with its outcome and its time."""
    found = on_work("sleeps", "100")
    equal(calls(found)["clock_nanosleep"], 100, "sleeps")
    took = calls(found, "total_ms")["clock_nanosleep"]
    check(1000 <= took < 1500, f"100 sleeps of 10 ms took {took} ms")
    (line,) = [f for f in found if f["syscall"] == "clock_nanosleep"]
    check(10 <= line["max_ms"] and 8 < line["p50_ms"] < 13 and line["p50_ms"] <= line["p99_ms"] <= line["max_ms"] < 200, line)
    equal((line["class"], line["failed"], line["interrupted"]), ("wait", 0, 0), "the line of sleeps")
    found = on_work("reads", "20000")
    check(calls(found)["pread64"] - 20000 in range(10), "reads")  # and those of the dynamic linker
    found = on_work("fails", "300")
    equal((calls(found)["rmdir"], calls(found, "failed")["rmdir"]), (300, 300), "failures")
    found = on_work("signals", "20")
    equal((calls(found)["clock_nanosleep"], calls(found, "failed")["clock_nanosleep"], calls(found, "interrupted")["clock_nanosleep"]),
          (20, 0, 20), "sleeps that a signal breaks off")
    for work, wanted in ((("threads", "1000"), 1000), (("storm", "10000"), 10000), (("tree", "3"), 15), (("exec", "20"), 20)):
        equal(calls(on_work(*work))["getppid"], wanted, f"marks of {work}")
    equal(calls(on_work("tree", "3", options=["--no-follow"]))["getppid"], 1, "marks of a tree that is not followed")
    equal(calls(on_work("fails", "30", options=["-x"])).get("rmdir"), 30, "only failures: those")
    check("mmap" not in calls(on_work("fails", "30", options=["-x"])), "only failures: nothing else")
    equal(set(calls(on_work("fails", "30", options=["-e", "ENOENT"]))) & {"rmdir", "mmap"}, {"rmdir"}, "only ENOENT")


@test
def histograms_add_up():
    """In each line the histogram's buckets are its calls, lie where its quantiles do, and its sum is between their bounds."""
    for line in on_work("tree", "5") + on_work("reads", "1000") + on_work("sleeps", "10"):
        h = line["histogram"]
        equal((h["scale"], sum(h["counts"])), (2, line["count"]), "a histogram")
        low = sum(n * 2 ** ((h["offset"] + i) / 4) for i, n in enumerate(h["counts"])) * 1e3
        check(low - 0.01 <= line["total_ms"] <= 1.19 * low + 0.001 * line["count"], f"total of {line}")
        check(line["max_ms"] <= 2 ** ((h["offset"] + len(h["counts"])) / 4) * 1e3 + 0.001, f"longest of {line}")


def of_strace(work):
    out = subprocess.run(["strace", "-c", "-f", "-U", "calls,errors,name", "-o", "/dev/stdout", OPTIONS.work, *work], capture_output=True,
                         text=True, check=True).stdout
    found = re.findall(r"^\s*(\d+)\s+(\d*)\s+([a-z]\w*)$", out, re.M)
    return {name: (int(n), int(e or 0)) for n, e, name in found if name != "total"}


@test
def as_strace_counts():
    """Every call and every failure that strace -c -f finds in the same work, but for what the tracer itself changes."""
    for work in (("reads", "100"), ("fails", "50"), ("tree", "3"), ("exec", "5"), ("threads", "50")):
        wanted, found = of_strace(work), on_work(*work)
        got = {name: (n, calls(found, "failed")[name]) for name, n in calls(found).items()}
        # A child's end breaks a clone off, which the kernel begins again: to strace that is a failure.
        for counts, broken in ((wanted, wanted.get("clone", (0, 0))[1]), (got, calls(found, "interrupted").get("clone", 0))):
            if "clone" in counts:
                counts["clone"] = (counts["clone"][0] - broken, 0)
        # A call that does not return has no time. What threads wait on each other depends on who is first; so do memory's moves.
        for changes in ("exit", "exit_group", "futex", "mprotect", "munmap", "madvise", "rt_sigprocmask", "restart_syscall", "wait4", "brk", "mmap"):
            wanted.pop(changes, None), got.pop(changes, None)
        wanted["execve"] = (wanted["execve"][0] - 1, wanted["execve"][1])  # ours begins behind the first
        got.setdefault("execve", (0, 0))
        equal(got, wanted, f"calls of {work}")


@test
def as_bpftrace_counts():
    """A call's count by bpftrace, running beside on the same processes."""
    script = 'tracepoint:syscalls:sys_exit_getppid /comm == "work"/ { @n = count(); } interval:s:20 { exit(); }'
    bpftrace = subprocess.Popen(["unshare", "-m", "/bin/bash", "-c", "mount -t tracefs none /sys/kernel/tracing; ulimit -l unlimited; exec bpftrace -e \"$0\"", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        bpftrace.stdout.readline()  # Attaching …
        time.sleep(1.5)
        got = sum(calls(on_work(*work))["getppid"] for work in (("storm", "3000"), ("tree", "6")))
    finally:
        bpftrace.send_signal(signal.SIGINT)
    out, said = bpftrace.communicate(timeout=20)
    if "@n" not in out:
        return f"bpftrace does not work here: {said.strip()[:200]}"
    equal(got, int(re.search(r"@n: (\d+)", out)[1]), "getppid, by octoprobe and bpftrace")
    return None


# ── whom it follows ──────────────────────────────────────────────────────────────────────────────────────


@test
def attaches_to_the_running():
    """A running process with its children; in the middle of a call, which is not counted, but shown as in flight."""
    with running(OPTIONS.work, "forever") as p:
        out, _ = probe("-p", p.pid, "--inflight", "--json")
        (line,) = lines(out)
        equal((line["event"], line["pid"], line["tid"], line["syscall"], line["process"]),
              ("syscall.in_flight", p.pid, p.pid, "read", "work"), "in flight")
        check("duration_ms_at_least" in line, line)
    with running("/bin/sh", "-c", f"{OPTIONS.work} forever; :") as shell:
        out, _ = probe("-p", shell.pid, "--inflight", "--json")
        equal({line["syscall"] for line in lines(out)}, {"wait4", "read"}, "of a shell and its child")
        out, _ = probe("-p", shell.pid, "--inflight", "--json", "--no-follow")
        equal({line["syscall"] for line in lines(out)}, {"wait4"}, "of the shell alone")
    # What begins later: since when is known.
    with running("/usr/bin/python3", "-c", "import time\nprint('ready', flush=True)\ntime.sleep(.7)\nwhile True: time.sleep(1.5)") as p:
        out, _ = probe("-p", p.pid, "--inflight", "--json", "-d", "2")
        (line,) = lines(out)
        check(300 < line["duration_ms"] < 1500, line)


@test
def by_name_and_by_group():
    """A name that is not there yet; a control group's processes, those that join it later too; nobody else."""
    name = os.path.join(OPTIONS.out, "octo-named")
    shutil.copy(OPTIONS.work, name)
    with probing("-n", "octo-named", "-d", "4", "--json", "-P") as p:
        subprocess.run([name, "storm", "100"], check=True)
        subprocess.run([OPTIONS.work, "storm", "100"], check=True)
        found = lines(p.communicate(timeout=20)[0])
    equal(calls(found)["getppid"], 100, "marks of the named")
    equal({f["process"] for f in found}, {"octo-named"}, "names")
    top = next((m.split()[1] for m in open("/proc/mounts") if m.split()[2] == "cgroup2"), None)
    if top is None:
        return "no control groups of version 2 here"
    group, inner = f"{top}/octoprobe-{os.getpid()}", f"{top}/octoprobe-{os.getpid()}/inner"
    os.mkdir(group), os.mkdir(inner)
    try:
        with probing("-c", group, "-d", "4", "--json") as p:
            subprocess.run([OPTIONS.work, "storm", "50"], check=True)
            for place, number in ((group, 100), (inner, 200)):
                subprocess.run(["/bin/sh", "-c", f"echo $$ > {place}/cgroup.procs; exec {OPTIONS.work} storm {number}"], check=True)
            found = lines(p.communicate(timeout=20)[0])
        equal(calls(found)["getppid"], 300, "marks in the group")
        here = f"echo $$ > {group}/cgroup.procs; exec {OPTIONS.probe} -c {group} -d 1 --json -P"
        done = subprocess.run(["/bin/sh", "-c", here], capture_output=True, text=True, check=True)
        equal(done.stdout + done.stderr, "", "what it counts of itself")
        with running("/bin/sh", "-c", f"echo $$ > {group}/cgroup.procs; echo ready; while :; do sleep 1.3; done"):
            found = lines(probe("-c", group, "-d", "2", "--json", "--inflight")[0])
        check({"wait4", "clock_nanosleep"} & {f["syscall"] for f in found}, f"in flight in the group: {found}")
    finally:
        os.rmdir(inner)
        wait_until(lambda: "populated 0" in open(f"{group}/cgroup.events").read(), "those that were killed to be gone")
        os.rmdir(group)
    return None


@test
def pids_come_back():
    """A PID that another process has got is not followed, and what its first owner counted stays."""
    last = "/proc/sys/kernel/ns_last_pid"
    with running(OPTIONS.work, "forever") as p, running(OPTIONS.work, "forever") as other:
        with probing("-p", f"{p.pid},{other.pid}", "-d", "4", "--json", "-P") as probe_process:
            p.kill()
            p.wait()
            for _ in range(20):
                try:
                    with open(last, "w") as f:
                        f.write(str(p.pid - 1))
                except OSError as e:
                    return f"a PID cannot be had again here: {e}"
                again = subprocess.Popen([OPTIONS.work, "storm", "77"])
                again.wait()
                if again.pid == p.pid:
                    break
            else:
                return "the PID could not be had again"
            found = lines(probe_process.communicate(timeout=20)[0])
    check("getppid" not in calls(found, pid=p.pid), f"another's calls: {found}")
    return None


@test
def ends_with_its_targets():
    """A target that is killed, one after the other: what was measured is printed, and it ends by itself."""
    with running("/usr/bin/python3", "-c", "import os\nprint('ready', flush=True)\nwhile True: os.getppid(); os.sched_yield()") as p:
        with probing("-p", p.pid, "--json") as probe_process:
            p.kill()
            out, said = probe_process.communicate(timeout=10)
        equal((probe_process.returncode, said), (0, ""), "how it ends")
        check(calls(lines(out))["getppid"] > 1000, "what it has measured")
    for how, wanted in (("exit 3", 3), ("kill -TERM $$", 128 + 15), (":", 0)):
        probe("--", "/bin/sh", "-c", how, code=wanted)
    probe("--", "/nonexistent/program", code=127)
    # Ten thousand short processes: no table is full for long, nothing is lost, and names stay.
    out, said = probe("-L", "--json", "--", "/bin/sh", "-c", f"i=0; while [ $i -lt 300 ]; do {OPTIONS.work} tree 4; i=$((i+1)); done", seconds=300)
    equal(said, "", "said about many processes")
    equal(calls(lines(out))["getppid"], 300 * 31 + 1, "marks of many processes")  # the shell makes one
    # Kinds of calls that come faster than a kernel that has no time for itself finds memory.
    out, said = probe("--json", "--", "chrt", "-f", 10, "taskset", 1, OPTIONS.work, "kinds", 6000)
    equal((sum(line["failed"] for line in lines(out) if line["syscall"].startswith("syscall_1")), said), (6000, ""), "new kinds of calls")
    # Told apart, they take room until they are read: as many as come in a second.
    out, said = probe("--json", "-P", "--", "/bin/sh", "-c", f"i=0; while [ $i -lt 20 ]; do {OPTIONS.work} tree 4; sleep .1; i=$((i+1)); done")
    equal(said, "", "said about many processes told apart")
    equal(calls(lines(out), process="work")["getppid"], 20 * 31, "marks of many processes told apart")


@test
def slow_calls():
    """What takes long is told of by itself, when it was, and nothing else; what waits by its nature is not."""
    before = time.time()
    out, said = probe("--slow", 100, "--json", "--", OPTIONS.work, "locks", 250)
    after = time.time()
    equal(said, "", "said")
    found = [line for line in lines(out) if line["event"] == "syscall.slow"]
    equal([(line["syscall"], line["class"], line["process"], line["level"]) for line in found], [("flock", "sync", "work", "warning")], "slow calls")
    took = found[0]["duration_ms"]
    check(150 < took < 1000 and "error" not in found[0], f"the lock: {found[0]}")
    ended = datetime.datetime.fromisoformat(found[0]["timestamp"].replace("Z", "+00:00")).timestamp()
    check(before + took / 1e3 < ended < after - 0.1, f"it ended at {ended}, between {before} and {after}")
    equal(found[0]["pid"], found[0]["tid"], "the thread")
    out, said = probe("--slow", 100, "-m", "--", OPTIONS.work, "locks", 250)
    equal(len(re.findall(r"^\[[0-9:]{8}\] flock took \d+\.\d{3} ms in work, process \d+, thread \d+$", out, re.M)), 1, "lines of text")
    out, said = probe("--slow", 1000, "--json", "--", OPTIONS.work, "locks", 120)
    check("syscall.slow" not in out, "a shorter one is told of")
    probe("--slow", 0, "--", "true", code=2)
    probe("--slow", "1s", "--", "true", code=2)


@test
def leaves_nothing():
    """Killed, it leaves no program in the kernel; and its target goes on."""
    wait_until(lambda: not programs(), "those of former tests to be gone")
    with running(OPTIONS.work, "forever") as p:
        with probing("-p", p.pid, "-i", "1") as probe_process:
            equal(len(programs()), 6, "programs while it runs")
            probe_process.kill()
            probe_process.wait()
            wait_until(lambda: not programs(), "the programs to be gone")
        equal(p.poll(), None, "the target")


# ── what it shows ────────────────────────────────────────────────────────────────────────────────────────


@test
def tables():
    """Intervals, rows, units, letters that bcc has; two intervals' counts are the whole."""
    with running("/usr/bin/python3", "-c", "import os, time\nprint('ready', flush=True)\nwhile True: os.getppid(); time.sleep(.01)") as p:
        out, _ = probe("-p", p.pid, "-i", "1", "-d", "3", "-L", "-T", "1")
        rows = re.findall(r"^clock_nanosleep +(\d+) +0 +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$", out, re.M)
        equal(len(rows), 3, "rows in three seconds")
        for count, total, p50, p99, longest in rows:
            check(40 <= int(count) <= 100 and 900e3 < float(total) < 1100e3, f"a second of sleeps: {rows}")
            check(8000 < float(p50) <= float(p99) <= float(longest) + 0.001, f"quantiles: {rows}")
        check("getppid" not in out, "more rows than asked for")
        equal(len(re.findall(r"^\[\d\d:\d\d:\d\d\]$", out, re.M)), 3, "times")
        out, _ = probe("-p", p.pid, "-d", "1", "-L", "-m")
        check(re.search(r"TOTAL \(ms\).*P99 \(ms\)", out) and 8 < float(re.search(r"^clock_nanosleep +\d+ +0 +[\d.]+ +([\d.]+)", out, re.M)[1]) < 24, out)
        out, _ = probe("-p", p.pid, "-d", "1", "-P")
        check(re.search(rf"^{p.pid} +python3 +\d\d", out, re.M), out)
        out, _ = probe("-p", p.pid, "-d", "1", "-H", "-T", "1")
        counts = [int(n) for n in re.findall(r"-> [\d.]+ +: (\d+) +\|\**", out)]
        check(40 <= sum(counts) <= 100, f"a histogram of a second: {out}")
        out, _ = probe("top", "-p", p.pid, "-i", "0.5", "-d", "1.2")
        check(out.count("\033[H\033[2J") >= 2, "a screen that is refreshed")
    out, _ = probe("-l")
    check(re.search(r"^ +0 read +file$", out, re.M), "the list of calls")
    for words in ("-V", "--help"):
        check("octoprobe" in probe(words)[0], words)


@test
def metrics():
    """Prometheus' own tool finds nothing to complain of; counts are right, from the first scrape on; formats, paths, Unix sockets."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{s.getsockname()[1]}"
    with running(OPTIONS.work, "forever") as p:
        with probing("-p", p.pid, "--prometheus", where):
            pass
        with running("/usr/bin/python3", "-c", f"import os, subprocess, sys\nprint('ready', flush=True)\nsys.stdin.readline()\nsubprocess.run(['{OPTIONS.work}', 'storm', '500'])\n"
                     f"subprocess.run(['{OPTIONS.work}', 'fails', '30'])\nprint('done', flush=True)\nsys.stdin.readline()", stdin=subprocess.PIPE) as q:
            with probing("-p", q.pid, "--prometheus", where) as probe_process:
                q.stdin.write(b"\n"), q.stdin.flush()
                equal(q.stdout.readline(), b"done\n", "the work")
                text = urllib.request.urlopen(f"http://{where}/metrics").read().decode()
                open_text = urllib.request.urlopen(urllib.request.Request(
                    f"http://{where}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})).read().decode()
                status = open(f"/proc/{probe_process.pid}/status").read()
                port = int(where.split(":")[1])
                _, said = probe("-p", q.pid, "--prometheus", where, code=1)
                check(f"127.0.0.1:{port}" in said and "in use" in said, f"a port that is taken: {said}")
                probe_process.send_signal(signal.SIGTERM)
                out, said = probe_process.communicate(timeout=10)
                equal((out, said, probe_process.returncode), ("", "", 0), "at its end")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    equal((done.returncode, done.stderr + done.stdout), (0, ""), "what promtool says")
    check(open_text.endswith("# EOF\n") and "# TYPE octoprobe_syscall_errors counter" in open_text, "OpenMetrics")
    labels = 'process="work",syscall="other",class="other"'
    number = int(re.search(r'octoprobe_syscall_duration_seconds_count\{' + labels + r'\} (\d+)', text)[1])
    check(number >= 530, f"other calls: {number}")
    equal(int(re.search(r'octoprobe_syscall_errors_total\{' + labels + r'\} (\d+)', text)[1]) // 30, 1, "errors")
    buckets = re.findall(r'_bucket\{' + labels + r',le="([^"]+)"\} (\d+)', text)
    check(len(buckets) == 14 and int(buckets[-1][1]) == number and [int(n) for _, n in buckets] == sorted(int(n) for _, n in buckets), buckets)
    check(all(float(le) in [2.0 ** n for n in range(-20, 5, 2)] for le, _ in buckets[:-1]), "bounds")
    check(not re.search(r'\{[^}]*pid=', text), "a PID is a label")
    check(re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^CapBnd:\s+0+$", status, re.M) and re.search(r"^Uid:\s+65534", status, re.M)
          and re.search(r"^NoNewPrivs:\s+1$", status, re.M), f"privileges: {status}")
    rss = int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1])
    check(rss < 20480, f"resident memory: {rss} KiB")
    return f"resident memory {rss} KiB"


# ── where it cannot ──────────────────────────────────────────────────────────────────────────────────────


@test
def least_privilege():
    """Without capabilities: code 69, one clear line. With CAP_BPF and CAP_PERFMON, not root, on another's process: everything."""
    nobody = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
    out, said = probe("-p", os.getpid(), code=69, prefix=[*nobody, "--inh-caps=-all", "--bounding-set=-all"])
    equal((out, said.count("\n")), ("", 1), "words without capabilities")
    check("CAP_BPF and CAP_PERFMON" in said, said)
    out, _ = probe("--check", code=69, prefix=[*nobody, "--inh-caps=-all", "--bounding-set=-all"])
    check("CAP_BPF no" in out and "not available" in out, out)
    some = [*nobody, "--inh-caps=-all,+bpf,+perfmon", "--ambient-caps=-all,+bpf,+perfmon"]
    out, _ = probe("--check", prefix=some)
    check("CAP_BPF yes, CAP_PERFMON yes" in out and "available: everything" in out, out)
    with running("/usr/bin/python3", "-c", "import os\nprint('ready', flush=True)\nwhile True: os.getppid(); os.sched_yield()") as p:
        out, said = probe("-p", p.pid, "-d", "1", "--json", prefix=some)
        equal(said, "", "said with capabilities")
        check(calls(lines(out))["getppid"] > 1000, "counted with capabilities")


@test
def bad_input():
    """A clear line, the code that the manual has, and nothing printed."""
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    unasked = subprocess.Popen(["/bin/true"])  # it has ended, and nobody has asked how
    os.waitid(os.P_PID, unasked.pid, os.WEXITED | os.WNOWAIT)
    thread = running("/usr/bin/python3", "-c", "import threading, time\nt = threading.Thread(target=time.sleep, args=(30,), daemon=True)\nt.start()\n"
                     "print('ready', flush=True)\ntime.sleep(30)")
    with thread as p:
        tid = max(int(t) for t in os.listdir(f"/proc/{p.pid}/task"))
        for arguments, code, words in (
                (["-p", gone.pid], 66, f"there is no process {gone.pid}"), (["-p", unasked.pid], 66, "have ended"),
                (["-p", tid], 66, f"{tid} is a thread of process {p.pid}"),
                (["-p", "0"], 2, "a number from 1"), (["-p", "1,x"], 2, "a number from 1"), (["-p", "4194304"], 2, "a number from 1"),
                (["-p", ""], 2, "a process is wanted"), ([], 2, "which processes"), (["-p", "1", "x"], 2, "x: an option is wanted"),
                (["-p", "1", "-i", "0"], 2, "seconds"), (["-p", "1", "-i", "nan"], 2, "seconds"), (["-p", "1", "-T", "0"], 2, "a number"),
                (["-p", "1", "-e", "EWHAT"], 2, "a number"), (["-n", "a" * 16], 2, "names of up to 15 bytes"),
                (["-c", "/nonexistent"], 66, "/nonexistent: No such file"), (["-c", "/tmp"], 66, "not a control group"),
                (["-p", "1", "--prometheus", "localhost"], 2, "127.0.0.1:9465"), (["-t", gone.pid, "-p", "1"], 66, "no thread"),
                (["--wrong"], 2, "octoprobe --help"), (["top", "--json", "-p", "1"], 2, "top refreshes")):
            out, said = probe(*arguments, code=code)
            check(words in said and out == "", f"{arguments}: {said}{out}")
            check(said.count("\n") <= 2, f"{arguments}: {said}")
    out, said = probe("-p", "1", code=69, prefix=["unshare", "--pid", "--fork", "--mount-proc"])
    check("PID namespace" in said, said)
    with open("/dev/full", "w") as full:
        done = subprocess.run([OPTIONS.probe, "-L", "--", OPTIONS.work, "reads", "10"], stdout=full, stderr=subprocess.PIPE, text=True)
    equal((done.returncode, "standard output" in done.stderr), (1, True), "a full disk")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probe", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--tries", type=int, default=1, help="that each test has, where time is not what it should be")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--library", required=True)
    parser.parse_args(namespace=OPTIONS)
    OPTIONS.probe = os.path.abspath(OPTIONS.probe)
    OPTIONS.library = os.path.abspath(OPTIONS.library)
    OPTIONS.work = os.path.join(os.path.abspath(OPTIONS.out), "work")
    done = subprocess.run([os.path.join(OPTIONS.out, "test_programs")], capture_output=True, text=True)
    print(done.stderr[-2000:] if done.returncode not in (0, 77) else re.sub(r"^\[ +(RUN|OK) .*\n|^\[=+\].*\n", "", done.stderr + done.stdout, flags=re.M), end="")
    if done.returncode == 77:
        print("SKIPPED: none of octoprobe's tests that need the kernel has run")
        return 0
    failed = done.returncode != 0
    for function in TESTS:
        if OPTIONS.names and not any(n in function.__name__ for n in OPTIONS.names):
            continue
        for left in reversed(range(OPTIONS.tries)):
            begun = time.monotonic()
            try:
                note = function()
                print(f"ok    {time.monotonic() - begun:5.1f} s  {function.__name__}" + (f"\n      {note}" if note else ""), flush=True)
                break
            except Exception as e:
                failed = failed or left == 0
                print(f"{'again' if left else 'FAIL '} {time.monotonic() - begun:5.1f} s  {function.__name__}\n      "
                      f"{e if isinstance(e, AssertionError) else traceback.format_exc()}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
