"""Runs a real agent on real files that are rotated: each line must arrive once, parsed."""
import collections
import calendar
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from loki import Loki

DIRECTORY = "/var/log/octollm"
LABELS = {"job", "service", "environment", "level"}
LIMIT_SECONDS = 40
LEVELS = ["info", "warning", "error"]


class Agent:
    """command: its arguments, with {config} for the file. replace: what is changed in the file, with {state} for a
    directory and {port} for Loki's. reads_renamed: files that were renamed before it came are read too."""

    def __init__(self, name, program, config, command, replace, reads_renamed=False):
        self.name, self.program, self.config = name, program, config
        self.command, self.replace, self.reads_renamed = command, replace, reads_renamed

    def binary(self):
        return os.environ.get("OCTOSHIM_" + self.program.replace("-", "_").upper()) or shutil.which(self.program)


AGENTS = [
    Agent("Fluent Bit", "fluent-bit", "fluent-bit.yaml", ["-c", "{config}"],
          [("/var/lib/fluent-bit", "{state}"), ("port: 3100", "port: {port}")]),
    # JSON, not the default snappy, which the stand-in does not read.
    Agent("Vector", "vector", "vector.yaml", ["--config", "{config}"],
          [("/var/lib/vector", "{state}"), ("127.0.0.1:3100", "127.0.0.1:{port}"),
           ("    encoding:\n", "    compression: none\n    encoding:\n")], reads_renamed=True),
]

# Agents that push snappy, or that only check: a command that says whether the file is good.
CHECKERS = [
    ("Grafana Alloy", "alloy", ["validate", "config.alloy"]),
    ("Promtail", "promtail", ["-check-syntax", "-config.file=promtail.yaml"]),
]


def event(n, service="orders"):
    """An event as octoshim writes it; n makes it unique."""
    second = n // 1000
    return (
        f'{{"event": "request.completed", "timestamp": "2025-11-10T10:{30 + second // 60:02}:{second % 60:02}'
        f'.{n % 1000:03}456Z", "level": "{LEVELS[n % 3]}", "logger": "octoshim", "service": "{service}", '
        f'"environment": "production", "version": "1.0", "pid": 42, "request_id": "req_{n:016x}", "method": "GET", '
        f'"path": "/caf\\u00e9/\\ud83d\\ude00/\\"{n}\\"\\\\", "client": "127.0.0.1", "status_code": 200, '
        f'"duration_ms": {n / 1000:.3f}, "ttfb_ms": 0.100, "bytes_in": 4294967296, "bytes_out": 0}}\n')


def started(service):
    """An event without a request ID."""
    return ('{"event": "service.started", "timestamp": "2025-11-10T10:29:59.000001Z", "level": "info", "logger": '
            f'"octoshim", "service": "{service}", "environment": "production", "version": "1.0", "pid": 42, '
            '"argv0": "/app/service", "shim_version": "0.1.0"}\n')


def nanoseconds(timestamp):
    whole, fraction = timestamp.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0"))


class Run:
    def __init__(self, agent, configs):
        self.agent = agent
        self.dir = tempfile.mkdtemp(prefix="octoshim-logs.")
        self.logs, self.state = os.path.join(self.dir, "log"), os.path.join(self.dir, "state")
        os.mkdir(self.logs)
        os.mkdir(self.state)
        self.loki = Loki()
        self.written = []  # lines, without their newline
        self.process = None
        text = open(os.path.join(configs, agent.config), encoding="utf-8").read()
        for old, new in [(DIRECTORY, self.logs), *agent.replace]:
            if old not in text:
                raise AssertionError(f"{agent.config} does not say {old!r} any more")
            text = text.replace(old, new.format(state=self.state, port=self.loki.port))
        self.config = os.path.join(self.dir, agent.config)
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def path(self, name):
        return os.path.join(self.logs, name)

    def start(self):
        self.output = open(os.path.join(self.dir, "output"), "a", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.agent.binary(), *(a.format(config=self.config) for a in self.agent.command)],
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def write(self, name, *lines):
        """As octoshim does: whole lines, appended by one call each."""
        fd = os.open(self.path(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        for line in lines:
            os.write(fd, line.encode())
            self.written.append(line[:-1])
        os.close(fd)

    def arrive(self, what):
        """Waits until as many entries are there as lines were written."""
        end = time.monotonic() + LIMIT_SECONDS
        while self.loki.count() < len(self.written):
            if time.monotonic() > end:
                raise AssertionError(f"{what}: {self.loki.count()} of {len(self.written)} lines arrived")
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"{what}: the agent has ended with {self.process.returncode}")
            time.sleep(0.1)

    def said(self):
        return open(os.path.join(self.dir, "output"), encoding="utf-8").read()[-1500:]

    def close(self):
        self.stop()
        self.loki.close()
        shutil.rmtree(self.dir)


def story(run):
    """Two services, two rotations, lines that come late under the new name, and a restart."""
    numbers = iter(range(100000))

    def some(count):
        return [event(next(numbers)) for _ in range(count)]

    run.write("orders.log.2025-11-09", *some(3))  # yesterday's
    if not run.agent.reads_renamed:
        run.written.clear()
    run.write("orders.log", started("orders"), *some(200))  # is there before the agent
    run.start()
    run.arrive("a file that was there before")
    run.write("stock.log", started("stock"), event(next(numbers), "stock"))
    run.write("orders.log", *some(200))
    run.arrive("a file that is new")
    for day in ("2025-11-10", "2025-11-11"):
        run.write("orders.log", *some(100))
        os.rename(run.path("orders.log"), run.path(f"orders.log.{day}"))
        run.write("orders.log", *some(100))  # at once
        run.write(f"orders.log.{day}", *some(5))  # by a process that has not noticed yet
        time.sleep(0.7)
        run.write(f"orders.log.{day}", *some(5))
        run.write("orders.log", "a line of something else\n", *some(100))
        run.arrive(f"the renaming to orders.log.{day}")
    run.stop()
    run.write("orders.log", *some(50))
    run.start()
    run.arrive("what was written while the agent was away")
    time.sleep(3)  # for what comes twice
    run.stop()


def judge(run):
    """What is wrong with what arrived, a line each."""
    wrong = [f"Loki would not take: {r}" for r in run.loki.refused[:3]]
    as_json = {}
    arrived = collections.Counter()
    for labels, when, line, metadata in run.loki.entries:
        try:
            found = json.loads(line)
        except ValueError:
            found = {"line": line}
        if "event" not in found:  # not an event
            arrived[found.get("log", found.get("line"))] += 1
            if set(labels) - LABELS or labels.get("level", "unknown") not in (*LEVELS, "unknown"):
                wrong.append(f"labels of what is not an event: {labels}")
            continue
        key = json.dumps(found, sort_keys=True)
        arrived[key] += 1
        as_json[key] = found
        wanted = {"job": "octollm", **{k: found.get(k) for k in ("service", "environment", "level")}}
        if labels != wanted:
            wrong.append(f"labels {labels}, not {wanted}")
        written = found.get("timestamp")
        if written is None or abs(when - nanoseconds(written)) > 500:  # Fluent Bit's arithmetic is a nanosecond off
            wrong.append(f"time {when} for {written}")
        if metadata != {k: found[k] for k in ("request_id", "trace_id") if k in found}:
            wrong.append(f"metadata {metadata} for {line}")
    wanted = collections.Counter()
    for line in run.written:
        wanted[json.dumps(json.loads(line), sort_keys=True) if line.startswith("{") else line] += 1
    lost, more = wanted - arrived, arrived - wanted
    if lost:
        wrong.append(f"{sum(lost.values())} lines lost or changed, one: {next(iter(lost))}")
    if more:
        wrong.append(f"{sum(more.values())} lines too many, one: {next(iter(more))}")
    return wrong[:8]


def complaints(agent, configs):
    """Runs the story. Returns what was wrong."""
    run = Run(agent, configs)
    try:
        try:
            story(run)
            wrong = judge(run)
        except AssertionError as e:
            wrong = [str(e), *judge(run)]
        return [*wrong, f"the agent said: {run.said()}"] if wrong else []
    finally:
        run.close()


def check(program, arguments, configs):
    """Runs an agent's own check. Returns what it said against the file."""
    done = subprocess.run([program, *arguments], cwd=configs, capture_output=True, text=True, timeout=60, check=False)
    return [re.sub(r"\s+", " ", done.stderr + done.stdout)[-600:]] if done.returncode else []
