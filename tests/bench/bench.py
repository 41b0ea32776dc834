"""What octoshim costs: throughput, latency, CPU, memory, start, idle, instructions.

    bench.py --library liboctoshim.so --tools build/bench [--rounds 5] [--requests 100000] [--quick] [--json F]

nginx answers a constant over 64 kept connections. The variants take turns, A B C D A B C D …, a fresh process
each time, the same number of requests each; figures are medians over the rounds. CPU is the scheduler's own
count of nanoseconds of every thread of the service (/proc/PID/task/*/schedstat), taken once the log is quiet.
Exits 1 if what was measured is not what was meant (a response without ID, an event missing), not if it is slow.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import rig

VARIANTS = {
    "bare": "nginx",
    "shim": "nginx, preloaded: both IDs, both events to a file",
    "shim-otlp": "the same, and a span of each sent over OTLP, by a process whose CPU is not counted here",
    "nginx-log": "nginx, own $request_id and buffered JSON access log",
    "haproxy": "HAProxy adding the header, in front of nginx",
}
WARM_UP = 5000


def median(values):
    return statistics.median(values) if values else float("nan")


class Bench:
    def __init__(self, options):
        self.o = options
        self.load = os.path.join(options.tools, "load")
        self.dir = tempfile.mkdtemp(prefix="octoshim-bench-")
        self.problems = []
        self.receiver = rig.Receiver()
        self.exported = []  # (us a span, share that has arrived) of each round
        self.result = {"machine": {"cpus": os.cpu_count(), "kernel": os.uname().release}, "requests": options.requests,
                       "rounds": options.rounds}

    def problem(self, text):
        self.problems.append(text)
        print(f"  PROBLEM: {text}")

    def one_round(self, variant):
        """Starts the variant, loads it and returns the round's figures."""
        otlp = variant == "shim-otlp"
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.receiver.url, "OTEL_BSP_MAX_QUEUE_SIZE": "20000", "OTEL_BSP_SCHEDULE_DELAY": "500"} if otlp else {}
        service = rig.Service(variant, self.dir, self.o.library, env)
        with_id = variant != "bare"
        try:
            rig.load(self.load, service, WARM_UP, 64, with_id)
            service.settle(1)
            pids = service.pids()
            exporters = rig.exporters() if otlp else []
            before = rig.cpu_ns(pids + exporters)
            report = rig.load(self.load, service, self.o.requests, 64, with_id)
            service.settle()
            app, writer = rig.added_ns(before, rig.cpu_ns(pids))
            if otlp:
                self.check_spans(service, before, exporters, pids)
            if variant in ("shim", "shim-otlp"):
                self.check_shim(service, report)
            elif report["served"] != self.o.requests or report["lost"] or (with_id and report["id_missing"]):
                # the form of their IDs is nginx's and HAProxy's own
                self.problem(f"{variant}: {report['why']}")
        finally:
            service.stop()
            shutil.rmtree(service.dir, ignore_errors=True)
        n = report["served"]
        return {"per_second": report["per_second"], "p50_us": report["p50_us"], "p99_us": report["p99_us"],
                "cpu_us": (app + writer) / n / 1e3, "app_us": app / n / 1e3, "writer_us": writer / n / 1e3}

    def check_spans(self, service, before, exporters, pids):
        """What octoshim-otlp has spent, and how many spans have arrived."""
        spent = sum(rig.added_ns(before, rig.cpu_ns(exporters)))
        page = subprocess.run([os.path.join(self.o.tools, "..", "octoshim-metrics"), str(pids[-1])], capture_output=True, text=True).stdout
        spans = {r: int(n) for r, n in re.findall(r'^octoshim_spans_total{result="(\w+)"} (\d+)', page, re.M)}
        self.exported.append((spent / self.o.requests / 1e3, spans.get("exported", 0) / (self.o.requests + WARM_UP)))
        if not spans.get("exported") or spans["failed"] or spans["rejected"]:
            self.problem(f"shim-otlp: spans: {spans}")

    def check_shim(self, service, report):
        if not report["ok"]:
            self.problem(f"{service.dir}: {report['why']}")
        wrote, served = service.completed(), report["served"] + WARM_UP
        if wrote != served:
            self.problem(f"shim: {served} requests served, {wrote} request.completed written")

    def throughput(self, variants):
        rounds = {v: [] for v in variants}
        for i in range(self.o.rounds):
            for v in variants:
                rounds[v].append(self.one_round(v))
            print(f"  round {i + 1} of {self.o.rounds}: " + ", ".join(
                f"{v} {rounds[v][-1]['cpu_us']:.2f}" for v in variants) + " us CPU a request", flush=True)
        figures = {v: {k: median([r[k] for r in rounds[v]]) for k in rounds[v][0]} for v in variants}
        for v in variants:
            # neighbours in time are compared, then the median taken: slow drifts of the machine cancel out
            for k in ("cpu_us", "app_us", "writer_us"):
                figures[v]["added_" + k] = median([a[k] - b[k] for a, b in zip(rounds[v], rounds["bare"])])
                figures[v]["least_" + k] = min(r[k] for r in rounds[v])
        print(f"\n  {'':10} {'requests/s':>11} {'p50 us':>8} {'p99 us':>8} {'CPU us':>8} {'added':>7} {'app':>7} "
              f"{'writer':>7}   ratio of medians: throughput, p50, p99, CPU")
        for v in variants:
            f, b = figures[v], figures["bare"]
            ratios = "  ".join(f"{f[k] / b[k]:.3f}" for k in ("per_second", "p50_us", "p99_us", "cpu_us"))
            print(f"  {v:10} {f['per_second']:11.0f} {f['p50_us']:8.1f} {f['p99_us']:8.1f} {f['cpu_us']:8.3f} "
                  f"{f['added_cpu_us']:7.3f} {f['added_app_us']:7.3f} {f['added_writer_us']:7.3f}   {ratios}")
        least = ", ".join(f"{v} {figures[v]['least_cpu_us'] - figures['bare']['least_cpu_us']:.3f}"
                          for v in variants[1:])
        print(f"  added by the least of the rounds (what a busy machine disturbs least): {least} us CPU a request")
        for v in variants:
            print(f"  {v:10} {VARIANTS[v]}")
        if self.exported:
            print(f"  octoshim-otlp itself: {median([s for s, _ in self.exported]):.3f} us CPU a span; "
                  f"{100 * min(sent for _, sent in self.exported):.1f} % of the spans have arrived")
            self.result["otlp"] = self.exported
        self.result["throughput"] = {"medians": figures, "rounds": rounds}

    def unrelated_write(self):
        """Preloaded, the hook against libc's own write; bare, the same program, for the noise floor."""
        program = os.path.join(self.o.tools, "cost_write")
        target = os.path.join("/dev/shm" if os.path.isdir("/dev/shm") else self.dir, f"octoshim-bench-{os.getpid()}")
        runs = {"bare": [], "shim": []}
        for _ in range(3 if self.o.quick else 5):
            for variant, found in runs.items():
                env = dict(os.environ)
                if variant == "shim":
                    env.update(LD_PRELOAD=self.o.library, OCTOSHIM_LOG=os.path.join(self.dir, "write.log"))
                out = subprocess.run(["taskset", "-c", str(rig.SERVICE_CPU), program, target], env=env,
                                     capture_output=True, text=True, timeout=60)
                if out.returncode != 0:
                    self.problem(f"cost_write ({variant}) ended with {out.returncode}: {out.stderr}")
                    return
                found.append(json.loads(out.stdout))
        figures = {v: {kind: {k: median([r[kind][k] for r in runs[v]]) for k in runs[v][0][kind]}
                       for kind in ("null", "file")} for v in runs}
        for kind, what in (("null", "/dev/null"), ("file", "a file on tmpfs")):
            b, s = figures["bare"][kind], figures["shim"][kind]
            print(f"  write of a byte to {what:16} bare {b['linked_ns']:7.1f} ns, preloaded {s['linked_ns']:7.1f} ns; "
                  f"hook against libc within one process: {s['added_ns']:+.2f} ns (bare: {b['added_ns']:+.2f})")
        self.result["unrelated_write"] = figures

    def outbound(self):
        """Preloaded, what a request that the service makes costs beyond libc's own calls; bare, the noise floor."""
        runs = {"bare": [], "shim": []}
        for _ in range(2 if self.o.quick else 5):
            for variant, found in runs.items():
                env = dict(os.environ)
                if variant == "shim":
                    env.update(LD_PRELOAD=self.o.library, OCTOSHIM_LOG=os.path.join(self.dir, "outbound.log"))
                out = subprocess.run(["taskset", "-c", str(rig.SERVICE_CPU), os.path.join(self.o.tools, "cost_outbound")],
                                     env=env, capture_output=True, text=True, timeout=60)
                if out.returncode != 0:
                    self.problem(f"cost_outbound ({variant}) ended with {out.returncode}: {out.stderr}")
                    return
                found.append(json.loads(out.stdout))
        figures = {v: {k: median([r[k] for r in runs[v]]) for k in runs[v][0]} for v in runs}
        f, b = figures["shim"], figures["bare"]
        print(f"  a request that the service makes: {f['thread_ns'] / 1000:.3f} us CPU added on its thread, "
              f"{f['process_ns'] / 1000:.3f} in all (bare: {b['thread_ns'] / 1000:+.3f}, {b['process_ns'] / 1000:+.3f}); "
              f"poll {f['wait_ns']:+.1f} ns (bare: {b['wait_ns']:+.1f})")
        self.result["outbound"] = figures

    def start(self):
        program = os.path.join(self.o.tools, "cost_start")
        out = subprocess.run([program, self.o.library, "/bin/true", "60" if self.o.quick else "200"],
                             capture_output=True, text=True, timeout=120)
        if out.returncode != 0:
            self.problem(f"cost_start ended with {out.returncode}")
            return
        f = json.loads(out.stdout)
        print(f"  start of /bin/true: bare {f['bare_ms']:.3f} ms, preloaded {f['shim_ms']:.3f} ms, "
              f"added {f['added_ms']:+.3f} ms")
        self.result["start"] = f

    def memory_and_idle(self, seconds):
        """Resident memory of the worker after load, and the CPU that an idle service takes afterwards."""
        services = {v: rig.Service(v, self.dir, self.o.library) for v in ("bare", "shim")}
        try:
            for v, s in services.items():
                rig.load(self.load, s, 20000, 64, v == "shim")
            time.sleep(2)
            before = {v: rig.cpu_ns(s.pids()) for v, s in services.items()}
            time.sleep(seconds)
            idle = {v: sum(rig.added_ns(before[v], rig.cpu_ns(s.pids()))) for v, s in services.items()}
            memory = {v: rig.memory_kib(s.worker()) for v, s in services.items()}
        finally:
            for s in services.values():
                s.stop()
        added = {k: memory["shim"][k] - memory["bare"][k] for k in memory["bare"]}
        print(f"  resident memory of the worker: bare {memory['bare']['Rss']} KiB, preloaded "
              f"{memory['shim']['Rss']} KiB, "
              f"added {added['Rss']} KiB (Pss {added['Pss']}, private dirty {added['Private_Dirty']})")
        print(f"  idle for {seconds} s after load: CPU bare {idle['bare']} ns, preloaded {idle['shim']} ns")
        self.result["memory_kib"] = {**memory, "added": added}
        self.result["idle"] = {"seconds": seconds, **{v + "_ns": ns for v, ns in idle.items()}}

    def instructions(self):
        """By callgrind, on one process: two runs of different length, so that start and end cancel out."""
        few, many = 500, 2500
        figures = {}
        for variant in ("bare", "shim"):
            counts = []
            for n in (few, many):
                out = os.path.join(self.dir, f"callgrind-{variant}-{n}")
                grind = ("valgrind", "-q", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}")
                service = rig.Service(variant, self.dir, self.o.library, master="off", wrapper=grind)
                try:
                    report = rig.load(self.load, service, n, 4, variant == "shim")
                    if variant == "shim":
                        service.settle()
                        if service.completed() != n:
                            self.problem(f"under callgrind: {n} served, {service.completed()} events written")
                    if not report["ok"]:
                        self.problem(f"under callgrind ({variant}): {report['why']}")
                finally:
                    service.stop()
                if "unsupported" in service.output().lower():
                    self.problem(f"valgrind: {service.output()[:300]}")
                counts.append(self.callgrind_totals(out))
            per = [(b - a) / (many - few) for a, b in zip(*counts)]
            figures[variant] = {"app": per[0], "writer": per[1]}
        added = figures["shim"]["app"] - figures["bare"]["app"]
        print(f"  instructions a request in user space (callgrind): bare {figures['bare']['app']:.0f}, preloaded "
              f"{figures['shim']['app']:.0f} (+{added:.0f}) and {figures['shim']['writer']:.0f} in the writer")
        self.result["instructions"] = {**figures, "added_app": added}

    @staticmethod
    def callgrind_totals(out):
        """[instructions of the first thread, of all others]"""
        totals = [0, 0]
        directory, base = os.path.split(out)
        for name in os.listdir(directory):
            if name == base or not name.startswith(base + "-"):
                continue
            with open(os.path.join(directory, name)) as f:
                for line in f:
                    if line.startswith(("summary:", "totals:")):
                        totals[0 if name == base + "-01" else 1] += int(line.split()[1])
                        break
        return totals

    def verdict(self):
        r = self.result
        goals = []
        if "throughput" in r:
            m = r["throughput"]["medians"]["shim"]
            goals += [("CPU added a request, in all", m["added_cpu_us"], 1.0, "us"),
                      ("CPU added a request, application's thread", m["added_app_us"], 0.6, "us")]
        if self.exported:
            goals.append(("the same in all, with spans, octoshim-otlp included",
                          r["throughput"]["medians"]["shim-otlp"]["added_cpu_us"] + median([s for s, _ in self.exported]), 2.0, "us"))
        if "unrelated_write" in r:
            goals.append(("unrelated write dearer by", r["unrelated_write"]["shim"]["null"]["added_ns"], 2.0, "ns"))
        if "outbound" in r:
            goals += [("request that the service makes, in all", r["outbound"]["shim"]["process_ns"] / 1000, 1.0, "us"),
                      ("context tracking a call", r["outbound"]["shim"]["wait_ns"], 30.0, "ns")]
        if "start" in r:
            goals.append(("start of /bin/true dearer by", r["start"]["added_ms"], 0.4, "ms"))
        if "memory_kib" in r:
            goals.append(("resident memory added a process", r["memory_kib"]["added"]["Rss"] / 1024, 3.0, "MiB"))
        if "idle" in r:
            extra = max(0, r["idle"]["shim_ns"] - r["idle"]["bare_ns"])
            goals.append(("idle CPU added", extra / 1e6 / r["idle"]["seconds"], 0.0, "ms/s"))
        print()
        for name, value, goal, unit in goals:
            print(f"  {name:44} {value:8.3f} {unit:5} to reach: {goal:g}  {'met' if value <= goal else 'MISSED'}")
        r["goals"] = [{"name": n, "value": v, "goal": g, "unit": u, "met": v <= g} for n, v, g, u in goals]

    def run(self):
        filesystem = subprocess.run(["stat", "-f", "-c", "%T", self.dir], capture_output=True, text=True).stdout.strip()
        print(f"octoshim benchmark: {self.o.rounds} rounds of {self.o.requests} requests; logs on {filesystem}; service on"
              f" CPU {rig.SERVICE_CPU}, client on CPU {rig.CLIENT_CPU}")
        busy = os.getloadavg()[0]
        self.result["machine"]["load_before"] = busy
        if busy > 0.5:
            print(f"  The machine is busy (load {busy:.1f}): CPU a request is dearer then, and noisy.")
        try:
            self.throughput([v for v in VARIANTS if not (self.o.quick and v == "haproxy")])
            print()
            self.unrelated_write()
            self.outbound()
            self.start()
            self.memory_and_idle(3 if self.o.quick else 10)
            if not self.o.quick:
                self.instructions()
            self.verdict()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
        self.result["problems"] = self.problems
        if self.o.json:
            with open(self.o.json, "w") as f:
                json.dump(self.result, f, indent=1)
            print(f"\n  figures of every round: {self.o.json}")
        return 1 if self.problems else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--library", required=True, type=os.path.abspath)
    p.add_argument("--tools", required=True, type=os.path.abspath)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--requests", type=int, default=100000)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json")
    options = p.parse_args()
    if not os.path.exists(options.library):
        sys.exit(f"bench: no {options.library}: run make first")
    return Bench(options).run()


if __name__ == "__main__":
    sys.exit(main())
