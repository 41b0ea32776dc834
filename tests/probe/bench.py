"""What a system call costs more under octoprobe, and under what else tells as much.

    bench.py --probe PATH --out DIRECTORY [--rounds N]

In each round every variant runs the same work, one after the other: `work loop`, a thread a processor that calls getppid as fast as it can. The
figure is the least of a thread's chunks, its median over the rounds.
"""
import argparse
import os
import signal
import statistics
import subprocess
import sys
import time


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def variants(probe, work):
    """By name: the command that looks on (PID is the work's, OTHER that of a process that sleeps), and whether it starts the work itself."""
    everyone = "tracepoint:raw_syscalls:sys_enter /pid == PID/ { @s[tid] = nsecs; } " \
               "tracepoint:raw_syscalls:sys_exit /@s[tid]/ { @h[args->id] = hist(nsecs - @s[tid]); delete(@s[tid]); }"
    own_tracefs = "mount -t tracefs none /sys/kernel/tracing; mount -t tracefs none /sys/kernel/debug/tracing 2>/dev/null; ulimit -l unlimited; "
    return {
        "alone": None,
        "octoprobe": [probe, "-p", "PID", "-L"],
        "octoprobe, with a seat": [probe, "-p", "PID", "-L"],
        "bystander of octoprobe": [probe, "-p", "OTHER", "-L"],
        "syscount (libbpf-tools)": ["unshare", "-m", "/bin/bash", "-c", own_tracefs + "exec /usr/sbin/syscount -p PID -L -i 100"],
        "bpftrace": ["unshare", "-m", "/bin/bash", "-c", own_tracefs + f"exec bpftrace -e '{everyone}'"],
        "perf trace -s": ["unshare", "-m", "/bin/bash", "-c", own_tracefs + "exec perf trace -s -p PID -o /dev/null"],
        "strace -c": ["strace", "-c", "-f", "-p", "PID", "-o", "/dev/null"],
    }


def one(command, work, threads, kind="loop"):
    """ns a call, or None where it cannot be."""
    other = subprocess.Popen(["/bin/sleep", "100"])
    loop = subprocess.Popen([work, kind, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    on = None
    try:
        if command is not None:
            on = subprocess.Popen([c.replace("PID", str(loop.pid)).replace("OTHER", str(other.pid)) for c in command],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(3 if "bpftrace" in command[-1] else 1.5)
            if on.poll() is not None:
                return None
        loop.stdin.write("\n")
        loop.stdin.flush()
        return float(loop.stdout.readline())
    finally:
        if on is not None and on.poll() is None:
            on.send_signal(signal.SIGINT)
            try:
                on.wait(10)
            except subprocess.TimeoutExpired:
                on.kill()
                on.wait()
        for p in (loop, other):
            p.kill()
            p.wait()


def idle_cost(probe):
    """Of octoprobe at an interval of a second on a process that sleeps: share of a processor, in percent; and its resident memory in KiB."""
    other = subprocess.Popen(["/bin/sleep", "100"])
    p = subprocess.Popen([probe, "-p", str(other.pid), "-L", "-i", "1"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(2)
        with open(f"/proc/{p.pid}/schedstat") as f:
            before = int(f.read().split()[0])
        time.sleep(10)
        with open(f"/proc/{p.pid}/schedstat") as f:
            used = int(f.read().split()[0]) - before
        rss = next(int(line.split()[1]) for line in open(f"/proc/{p.pid}/status") if line.startswith("VmRSS"))
        return used / 10e9 * 100, rss
    finally:
        for q in (p, other):
            q.kill()
            q.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probe", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    o = parser.parse_args()
    work, met = os.path.abspath(os.path.join(o.out, "work")), True
    if subprocess.run([o.probe, "--check"], stdout=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED: BPF cannot be used here")
        return 0
    found = {}
    for threads in (1, os.cpu_count()):
        for _ in range(o.rounds):
            for name, command in variants(o.probe, work).items():
                found.setdefault((threads, name), []).append(one(command, work, threads, "seated" if "seat" in name else "loop"))
        alone = statistics.median(found[threads, "alone"])
        print(f"a call of getppid, {threads} thread{'s' if threads > 1 else ''}: {alone:.0f} ns; dearer by")
        for name in variants(o.probe, work):
            ns = [n for n in found.get((threads, name), []) if n is not None]
            if name != "alone":
                print(f"  {name:26}" + (f"{statistics.median(ns) - alone:9.0f} ns" if ns else "  does not run here"))
    both = {name: statistics.median(ns) - statistics.median(found[os.cpu_count(), "alone"])
            for (threads, name), ns in found.items() if threads == os.cpu_count() and None not in ns}
    percent, rss = idle_cost(o.probe)
    peers = [ns for name, ns in both.items() if "octoprobe" not in name and name != "alone"]
    for what, value, goal, unit in (("target, all processors busy", both["octoprobe"], 130, "ns"), ("bystander", both["bystander of octoprobe"], 60, "ns"),
                                    ("target, against the cheapest other", both["octoprobe"], min(peers, default=float("inf")), "ns"),
                                    ("idle at an interval of 1 s", percent, 0.1, "%"), ("resident memory", rss / 1024, 20, "MiB")):
        met &= value <= goal
        print(f"  {what:36}{value:9.3f} {unit:4} to reach: {goal:.4g}  {'met' if value <= goal else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
