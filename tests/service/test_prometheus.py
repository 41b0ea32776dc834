"""A real Prometheus scrapes services under octoshim: its answers are exact, and rules and dashboards have something to
show. Counting itself is tested in test_metrics.py; here nothing is believed but what Prometheus says."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import databases
from harness import APPS, ROOT, check, equal, free_port, test, wait_until
from metrics import OPEN, Metrics, ask, consistent, listening, wait_for
from servers import PYTHON, gunicorn, nginx
from tasks import Tasks, threaded

sys.path.append(os.path.join(ROOT, "tests", "deploy"))
from queries import queries  # noqa: E402

SHIPPED = os.path.join(ROOT, "deploy", "prometheus")
RULES = [os.path.join(SHIPPED, name) for name in ("recording.yml", "alerts.yml")]
TOTAL, DURATION = "http_requests_total", "http_request_duration_seconds"
JOB, TEXT_JOB = "octoshim", "octoshim-text"
SCRAPE = 0.5  # seconds from one to the next
WINDOW = "2m"  # longer than any test


class Prometheus:
    """A Prometheus with the shipped rules. targets: (job, service, address) of each. It is asked about the moment in
    which scraped() had last seen all targets, so that a scrape more, or one that this machine is too busy for, changes
    nothing; now=True asks about now."""

    def __init__(self, t, targets):
        self.targets = targets
        self.begun = time.time()
        self.port = free_port()
        interval = f"{int(SCRAPE * 1000)}ms"
        jobs = [{"job_name": job, "static_configs": [
            {"targets": [where], "labels": {"service": service}} for j, service, where in targets if j == job]}
            for job in sorted({job for job, _, _ in targets})]
        config = t.file("prometheus.yml", json.dumps({  # JSON is YAML
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": "1s"},
            "rule_files": RULES, "scrape_configs": jobs}))
        self.server = t.service(
            "prometheus", ["/usr/bin/prometheus", f"--config.file={config}", "--storage.tsdb.path={dir}/data",
                           "--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage",
                           "--log.level=debug"],
            shim=False, port=self.port, env={"GOMAXPROCS": "1"}, ready=self.is_ready)
        self.scraped()

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.get("/-/ready")[0] == 200
        return False

    def get(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("GET", path)
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()

    def api(self, path, **parameters):
        status, body = self.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        check(answer["status"] == "success" and not answer.get("warnings"), f"{path} {parameters}: {status} {answer}")
        return answer["data"]

    def query(self, expression, now=False, at=None):
        """[(labels, value)]"""
        at = at or (time.time() if now else self.at)
        return [(s["metric"], float(s["value"][1])) for s in self.api("query", query=expression, time=at)["result"]]

    def value(self, expression, **when):
        """The one value of an expression. None if it has none."""
        found = self.query(expression, **when)
        check(len(found) <= 1, f"{expression} is not one: {found[:4]}")
        return found[0][1] if found else None

    def by(self, label, expression):
        return {labels.get(label): value for labels, value in self.query(expression)}

    def history(self, expression):
        """Every value that it had, so densely that none is passed over."""
        found = self.api("query_range", query=expression, start=self.begun, end=time.time(), step=SCRAPE / 2)["result"]
        return [float(value) for series in found for _, value in series["values"]]

    def scraped(self):
        """Waits until each target has answered a scrape that began after now."""
        begun = time.time()

        def all_are():
            self.at = time.time()
            found = self.value(f"count(timestamp(up) > {begun:.3f} and up == 1)", at=self.at)
            return found == len(self.targets)
        wait_until(all_are, lambda: f"a scrape of all targets after {begun:.3f}: {self.query('timestamp(up)')}; "
                                    f"{self.query('up')}; {self.failed_scrapes()[-3:]}", 15)

    def counters(self, service):
        """The names of all counters that it has of a service, those of histograms included."""
        names = self.api("label/__name__/values", **{"match[]": f'{{service="{service}"}}'})
        found = [name for name in names if re.search(r"_(total|bucket|sum|count)$", name)]
        check(len(found) > 10, f"counters: {found}")
        return found

    def resets(self, service):
        """{name: how often a counter went down}, without those that did not."""
        found = {name: self.value(f'max(resets({name}{{service="{service}"}}[{WINDOW}])) > 0')
                 for name in self.counters(service)}
        return {name: value for name, value in found.items() if value}

    def complaints(self):
        """What it said at level warn or error."""
        return [line for line in self.server.said().splitlines() if re.search(r"level=(warn|error)", line)]

    def failed_scrapes(self):
        """Why scrapes failed, but for those that took too long: half a second is little on a busy machine."""
        found = re.findall(r'msg="Scrape failed" err="(.*)"$', self.server.said(), re.M)
        return [why for why in found if "deadline exceeded" not in why]

    def good(self):
        """Each target answers without an error, and no scrape gave Prometheus a reason to complain."""
        def states():
            return [(target["health"], target["lastError"]) for target in self.api("targets")["activeTargets"]]
        wait_until(lambda: states() == [("up", "")] * len(self.targets), lambda: f"good targets: {states()}", 5)
        equal(self.complaints(), [], "what Prometheus complained of")

    def alerts(self):
        """{(alert, pending or firing, service)} now"""
        return {(a["alertname"], a["alertstate"], a["service"]) for a, _ in self.query("ALERTS", now=True)
                if "service" in a}  # OctoshimAbsent is about no service in particular

    def wait_for_alerts(self, *wanted):
        """Waits until these are there, and no others."""
        wait_until(lambda: self.alerts() == set(wanted), lambda: f"alerts {wanted}; there are {self.alerts()}", 30)

    def stop(self):
        self.server.stop()


def promtool(*arguments, text=None):
    """(exit code, all that it said)"""
    done = subprocess.run(["promtool", *arguments], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=30)
    return done.returncode, done.stdout


def start(t, name, kind, **more):
    """A service that serves its metrics, and where."""
    where, env = listening(**more)
    service = kind(t, name, env=env)
    wait_for(where)
    return service, where


@contextlib.contextmanager
def text_only(where):
    """A scrape target that asks the one at `where` for plain text, whatever Prometheus asked it for. Gives its address
    and [(headers of the request, those of the answer)] as they come."""
    seen = []

    class Relay(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = ask(where, self.path, headers={
                "Accept": "text/plain;version=0.0.4", "Accept-Encoding": self.headers.get("Accept-Encoding", "")})
            seen.append((self.headers, headers))
            self.send_response(status)
            for name in ("Content-Type", "Content-Encoding", "Content-Length"):
                if headers[name]:
                    self.send_header(name, headers[name])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ── what Prometheus knows is what clients saw ─────────────────────────────────────────────────────────────


def equals_the_clients(p, job, service, wanted):
    """wanted: {status: how many requests of it the clients had answered}"""
    what, where, total = f"{service} in {job}", f'job="{job}",service="{service}"', sum(wanted.values())
    equal(p.value(f'sum({TOTAL}{{{where},status="200"}})'), wanted["200"], f"{what}: 200s")
    equal(p.by("status", f"sum by (status) ({TOTAL}{{{where}}})"), wanted, f"{what}: requests by status")
    equal(p.value(f"sum({DURATION}_count{{{where}}})"), total, f"{what}: durations")
    equal(p.value(f'sum({DURATION}_bucket{{{where},le="+Inf"}})'), total, f"{what}: durations in +Inf")
    equal(p.by("error_type", f"sum by (error_type) (errors_total{{{where}}} > 0)"), {"500": wanted["500"]},
          f"{what}: errors")
    equal(p.value(f"sum(http_requests_in_progress{{{where}}})"), 0, f"{what}: in progress")
    equal(p.value(f"up{{{where}}}"), 1, f"{what}: up")


@test
def counts_are_the_clients(t):
    """nginx, and a gunicorn of which half a dozen workers come and go, both under load while they are scraped."""
    services = {"web": start(t, "web", nginx(proxied=False)), "app": start(t, "app", gunicorn("-w", "4"))}
    p = Prometheus(t, [(JOB, name, where) for name, (_, where) in services.items()])
    beside = {"web": t.load_beside(services["web"][0], "/small", 30000, 16, ("-r",)),
              "app": t.load_beside(services["app"][0], "/small", 350, 8, ("-r",))}
    wanted, seconds = {}, {}
    for name, finish in beside.items():
        report = finish()
        check(report["ok"], f"{name}: {report}")
        wanted[name], seconds[name] = {"200": report["served"]}, report["seconds"]
    for name, (service, _) in services.items():
        path = {"web": "/gone/x", "app": "/missing"}[name]
        for path, status, number in ((path, "404", 23), ("/error", "500", 37)):
            report = t.load(service, path, number, 3, ("-s", status, "-r"))
            wanted[name][status] = report["served"]
            seconds[name] += report["seconds"]
    p.scraped()
    for name, (service, _) in services.items():
        equals_the_clients(p, JOB, name, wanted[name])
        total = sum(wanted[name].values())
        found = p.value(f'sum({DURATION}_sum{{service="{name}"}})')
        check(0 < found < 16 * seconds[name], f"{name}: {found} s in all, over 16 connections in {seconds[name]} s")
        service.log.wait("request.completed", total)
        logged = sum(e["duration_ms"] for e in service.log.events("request.completed")) / 1000
        check(abs(found - logged) < 1e-6 * total, f"{name}: {found} s counted, {logged} s logged")
        equal(p.resets(name), {}, f"{name}: counters that went down")
        cpu = p.value(f'process_cpu_seconds_total{{service="{name}"}}')
        check(0.02 < cpu < 60, f"{name}: {cpu} s of CPU time")
    # 37 answers of 500 are more than one in 20 s; nothing else is wrong.
    p.wait_for_alerts(("HighErrorRate", "pending", "app"), ("HighErrorRate", "pending", "web"))
    p.good()
    p.stop()
    services["app"][0].kill_all()  # told to end, it forgets a worker that is just being born


@test
def both_formats(t):
    """Prometheus is served OpenMetrics, since it asks for it; from plain text it learns the same, but for exemplars."""
    service, where = start(t, "web", nginx(proxied=False))
    with text_only(where) as (relay, seen):
        p = Prometheus(t, [(JOB, "web", where), (TEXT_JOB, "web", relay)])
        for round in range(4):  # an exemplar is kept for a second
            t.load(service, "/small", 2000, 8)
            t.load(service, "/error", 2, 1, ("-s", "500"))
            time.sleep(0.6)
        p.scraped()
        wanted = {"200": 8000, "500": 8}
        for job in (JOB, TEXT_JOB):
            equals_the_clients(p, job, "web", wanted)
        accept = {asked["Accept"] for asked, _ in seen}
        equal({(answer["Content-Type"], answer["Content-Encoding"]) for _, answer in seen},
              {("text/plain; version=0.0.4; charset=utf-8", "gzip")}, "what the text job was served")
        equal(len(accept), 1, f"Prometheus asks alike each time: {accept}")
        equal(ask(where, headers={"Accept": accept.pop()})[1]["Content-Type"],
              "application/openmetrics-text; version=1.0.0; charset=utf-8", "what it is served if it asks itself")

        # Only OpenMetrics has the type info, and exemplars.
        kinds = {(m["target"]["job"], m["metric"], m["type"]) for m in p.api("targets/metadata")}
        check((JOB, "octoshim_build", "info") in kinds, f"info in OpenMetrics: {kinds}")
        check((TEXT_JOB, "octoshim_build_info", "gauge") in kinds, f"no info in text: {kinds}")
        kept = 'http_.*|errors_total|octoshim_(series|degraded|events).*|process_(max|start).*'
        series = {job: {tuple(sorted((k, v) for k, v in labels.items() if k not in ("job", "instance"))): value
                        for labels, value in p.query(f'{{__name__=~"{kept}",job="{job}"}}')}
                  for job in (JOB, TEXT_JOB)}
        check(len(series[JOB]) > 50, f"series: {len(series[JOB])}")
        equal(series[TEXT_JOB], series[JOB], "series from text and from OpenMetrics")
        exemplars(p, service)
        p.good()
        p.stop()

    status, said = promtool("check", "metrics", text=Metrics(where).text)
    equal((status, said), (0, ""), "promtool check metrics")
    for form in (None, OPEN):
        m = Metrics(where, form)
        consistent(m, form)
        equal(m.sum(TOTAL), 8008, f"requests in {form}")


def exemplars(p, service):
    """Each leads to an event in the log, of the same moment and duration."""
    service.log.wait("request.completed", 8008)
    events = {e["request_id"]: e for e in service.log.events("request.completed")}
    found = p.api("query_exemplars", query=f"{DURATION}_bucket", start=p.begun, end=time.time() + 1)
    check(found, "there are exemplars")
    number = 0
    for series in found:
        labels = series["seriesLabels"]
        equal(labels["job"], JOB, f"exemplars come from OpenMetrics only: {labels}")
        for e in series["exemplars"]:
            event = events.get(e["labels"]["request_id"])
            check(event, f"the log has no {e}")
            equal(event["path"], labels["endpoint"], f"{e}: endpoint")
            check(abs(float(e["value"]) * 1000 - event["duration_ms"]) < 0.001, f"{e} is not {event}")
            check(float(e["value"]) <= float(labels["le"]), f"{e} is in the bucket {labels}")
            check(p.begun - 1 < float(e["timestamp"]) < time.time(), f"{e}: time")
            number += 1
    equal({s["seriesLabels"]["endpoint"] for s in found}, {"/small", "/error"}, "endpoints with exemplars")
    check(number >= 4, f"an exemplar a second: {number}")


# ── rules and dashboards ──────────────────────────────────────────────────────────────────────────────────


def ask_for(t, service, paths):
    """A request for each path, 40 on a connection."""
    for at in range(0, len(paths), 40):
        requests = [f"GET {path} HTTP/1.1\r\nHost: a\r\n" for path in paths[at:at + 40]]
        requests[-1] += "Connection: close\r\n"
        t.raw(service, "".join(request + "\r\n" for request in requests).encode())


def some_tasks(tasks):
    task = {"priority": "high", "source": "api", "arm": "coder"}
    tasks.post("/tasks", {"task": task}, 201)
    for seconds in (0, 0.6):  # longer than from scrape to scrape
        tasks.post(f"/tasks/1/run?seconds={seconds}", {"task": task})
    tasks.post("/cache/local/4096")
    tasks.post("/connect/REDIS/2")
    tasks.post("/ask")


def troubled(t, tasks=None):
    """A Prometheus that sees web, with all sorts of requests, failing, slow and given up ones among them; and sick,
    whose log takes nothing and whose clients invent endpoints; and perhaps a service of tasks."""
    web, web_where = start(t, "web", nginx(workers=2), OCTOSHIM_SLOW_MS="200")
    sick, sick_where = start(t, "sick", nginx(workers=2, proxied=False), OCTOSHIM_LOG="/dev/full",
                             OCTOSHIM_METRICS_BUCKETS="0.1")  # it gets a thousand histograms
    p = Prometheus(t, [(JOB, "web", web_where), (JOB, "sick", sick_where),
                       *([(JOB, "tasks", tasks.where)] if tasks else [])])

    def all_sorts():
        if tasks:
            some_tasks(tasks)
        t.load(web, "/small", 200, 4)
        t.load(web, "/id", 5, 1, ("-v",))
        t.load(web, "/echo", 5, 1, ("-m", "POST", "-b", "100"))
        t.load(web, "/missing", 3, 1, ("-s", "404"))
        t.load(web, "/error", 12, 1, ("-s", "500"))
        t.load(web, "/sour", 3, 1, ("-s", "500"))  # the backend fails
        t.load(web, "/slow", 4, 2)  # 0.6 s: longer than from scrape to scrape
        with socket.create_connection(("127.0.0.1", web.port)) as s:
            s.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.05)
        t.raw(web, b"GET /small HTTP/1.1\r\nHost : space before the colon\r\n\r\n")

    all_sorts()
    p.scraped()
    t.load(sick, "/small", 40000, 8)  # more than its workers' rings and spare rings hold
    p.scraped()
    t.load(sick, "/small", 10000, 8)
    ask_for(t, sick, [f"/any/{a}{b}{c}" for a in "bcdfghjklm" for b in "aeiouxyzrs" for c in "bcdfghjklmnpq"])
    for _ in range(3):
        all_sorts()
        p.scraped()
    return p, web, sick


@test
def rules_and_alerts(t):
    """The shipped files are valid; each rule is evaluated, each recorded series has data, and what is wrong is told."""
    status, said = promtool("check", "config", os.path.join(SHIPPED, "prometheus.yml"))
    check(status == 0 and "WARN" not in said, f"promtool check config: {said}")
    status, said = promtool("check", "rules", *RULES)
    check(status == 0 and "WARN" not in said, f"promtool check rules: {said}")
    names = {kind: [] for kind in ("alert", "record")}
    for path in RULES:
        with open(path) as f:
            for kind, name in re.findall(r"^ +- (alert|record): (\S+)$", f.read(), re.M):
                names[kind].append(name)
    check(len(names["alert"]) > 9 and len(names["record"]) > 9, f"rules of the files: {names}")

    p, web, sick = troubled(t)

    def rules():
        return [rule for group in p.api("rules")["groups"] for rule in group["rules"]]
    wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()), "the evaluation of each rule", 5)
    for rule in rules():
        equal((rule["health"], rule.get("lastError", "")), ("ok", ""), f"rule {rule['name']}")
    equal(sorted(rule["name"] for rule in rules()), sorted(names["alert"] + names["record"]), "rules that are loaded")
    for name in names["record"]:
        found = p.query(name, now=True)
        equal({labels["service"] for labels, _ in found}, {"web", "sick"}, f"services in {name}")
        check(all(value >= 0 for _, value in found), f"{name}: {found}")
    shares = {labels["service"]: value for labels, value in p.query(
        "job_service:http_request_errors_per_request:ratio_rate5m", now=True)}
    check(shares["sick"] == 0 and 0.03 < shares["web"] < 0.09, f"web fails 15 of some 233, sick none: {shares}")

    p.wait_for_alerts(("HighErrorRate", "pending", "web"), ("OctoshimEventsDropped", "firing", "sick"),
                      ("OctoshimSinkFailing", "firing", "sick"), ("OctoshimSeriesCeiling", "firing", "sick"),
                      ("OctoshimDegraded", "firing", "sick"))
    for alert in p.api("alerts")["alerts"]:
        for what, text in alert["annotations"].items():
            check("<no value>" not in text and "error calling" not in text, f"{what}: {text}")
    p.good()
    p.stop()


# What no series can be there for yet, and so no query either has data. Whose time has come is to be taken off.
LATER = set()


def later(expression):
    return {name for name in LATER if re.search(rf"\b{name}(_bucket|_sum|_count)?(?!\w)", expression)}


@test
def dashboards(t):
    """Every query of every dashboard has data, now and on its graph, where there is something not zero."""
    api = t.service("api", [PYTHON, os.path.join(APPS, "llm_api.py"), "127.0.0.1:{port}"], shim=False)
    p, web, sick = troubled(t, Tasks(t, threaded, redis=databases.redis(t), LLM=api.address))
    for number in range(2):
        os.kill(web.workers()[0], signal.SIGSEGV)
        web.log.wait("service.crashed", number + 1)
        p.scraped()
    unused, number = set(LATER), 0
    of = {service: list(queries(job=JOB, service=service, __interval="1s", __rate_interval="10s", __range="1m"))
          for service in ("web", "tasks", "web|sick")}
    everything = []
    for i, (dashboard, _, expression) in enumerate(of["web"]):
        by_rule = re.search(r"\b(tasks?|db|cache|llm)_", expression)
        everything.append(of["web|sick" if dashboard != "service" else "tasks" if by_rule else "web"][i])
    wrong = []
    for dashboard, panel, expression in everything:
        what, found, history = f"{dashboard}, {panel}: {expression}", p.query(expression), p.history(expression)
        if later(expression):
            unused -= later(expression)
            if found or history:
                wrong.append(f"has data, so take {later(expression)} off the list: {what}")
            continue
        number += 1
        if not found:
            wrong.append(f"no data: {what}")
        elif not all(0 <= value < float("inf") for _, value in found):
            wrong.append(f"not a number, or below 0: {what}: {found}")
        elif not any(value > 0 for value in history):
            wrong.append(f"always 0: {what}")
    check(not wrong, f"{len(wrong)} queries:\n" + "\n".join(wrong))
    equal(unused, set(), "exceptions that no query needs")
    check(number > 40, f"queries with data: {number}")
    t.notes.append(f"{number} queries have data, {len(everything) - number} cannot yet")
    list_is_true(p)
    p.good()
    p.stop()


def list_is_true(p):
    """tests/deploy/metrics.txt, which the checks of rules and dashboards believe, says what there is."""
    kinds = {m["metric"]: m["type"] for m in p.api("targets/metadata")}
    named, wrong = set(), []
    with open(os.path.join(ROOT, "tests", "deploy", "metrics.txt")) as f:
        rows = [line.partition("#")[0].split() for line in f]
    target = set(next(row for row in rows if row and row[0] == "(target)")[2].split(","))
    for name, kind, *labels in (row for row in rows if row and row[0] != "(target)"):
        found = p.api("series", **{"match[]": name + ("_bucket" if kind == "histogram" else ""), "start": p.begun})
        named.add(name)
        if name in LATER:
            wrong += [f"{name} is there"] if found else []
            continue
        labels = {*(labels[0].split(",") if labels else ()), *(["le"] if kind == "histogram" else ())}
        there = {label for series in found for label in series} - {"__name__"} - target
        family = name.removesuffix("_total") if kind == "counter" else name.removesuffix("_info")
        if not found:
            wrong.append(f"{name} is not there")
        if there != labels:
            wrong.append(f"{name} has the labels {there}, wanted {labels}")
        if name not in ("up", "scrape_duration_seconds"):  # Prometheus' own
            said = kinds.get(family, "nothing")
            if said != ("info" if name.endswith("_info") else kind):
                wrong.append(f"{name} is said to be {said}, wanted {kind}")
    equal(wrong, [], "metrics.txt against Prometheus")
    unnamed = {n for n in kinds if not {n, n + "_total", n + "_info"} & named}
    equal(unnamed, set(), "metrics that metrics.txt does not name")


# ── restarts and deaths ───────────────────────────────────────────────────────────────────────────────────


@test
def a_restart_is_a_reset(t):
    """Everything is killed and starts again: Prometheus sees it down, then one reset, and increase() counts on."""
    service, where = start(t, "web", nginx(proxied=False))
    p = Prometheus(t, [(JOB, "web", where)])
    series = f'{TOTAL}{{endpoint="/small",status="200"}}'
    t.load(service, "/small", 10)
    p.scraped()
    for _ in range(5):
        t.load(service, "/small", 600, 4)
        p.scraped()
    equal(p.value(series), 3010, "before")
    service.kill_all()
    wait_until(lambda: p.value("up", now=True) == 0, "Prometheus to see that it is down", 5)
    equal(p.query(series, now=True), [], "what is said of a service that is down")
    p.wait_for_alerts(("ServiceDown", "pending", "web"))
    service.restart()
    wait_for(where)
    p.scraped()
    equal((p.value(f"sum({TOTAL})"), p.value("sum(http_requests_in_progress)")), (None, None), "just after the start")
    for n in range(5):
        t.load(service, "/small", 40, 4)
        p.scraped()
        equal(p.value(series), 40 * (n + 1), "after the start")
    equal(p.value(f"resets({series}[{WINDOW}])"), 1, "resets of the counter")
    equal(p.value(f"resets({DURATION}_count[{WINDOW}])"), 1, "resets of the histogram")
    equal(p.value(f"changes(process_start_time_seconds[{WINDOW}])"), 1, "starts")
    # 3000 that it saw begin, and the 200 after the reset; more by what Prometheus adds for the window's last moment.
    found = p.value(f"increase({series}[{WINDOW}])")
    check(3199.99 <= found <= 3200 * 1.25, f"increase() is {found}, wanted 3200 and a little")
    p.wait_for_alerts(("ServiceCrashed", "firing", "web"))  # it handles SIGTERM, so it was killed
    p.good()
    p.stop()


def who_serves(pids, where):
    """Which of these processes listens on that port, with whatever descriptors."""
    port = f":{int(where.rpartition(':')[2]):04X}"
    with open("/proc/net/tcp") as f:
        sockets = {f"socket:[{line.split()[9]}]" for line in f if line.split()[1].endswith(port) and
                   line.split()[3] == "0A"}
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):  # it has ended
                directory = f"/proc/{pid}/task/{task}/fd"
                if sockets & {os.readlink(f"{directory}/{fd}") for fd in os.listdir(directory)}:
                    return pid
    raise AssertionError(f"nobody serves {where}")


@test
def a_killed_worker_is_none(t):
    """Workers are killed under load, and then who serves the metrics (the master, as a rule): no counter goes down."""
    service, where = start(t, "web", nginx(proxied=False))
    p = Prometheus(t, [(JOB, "web", where)])
    t.load(service, "/small", 10)
    p.scraped()
    serving = who_serves([service.pid, *service.workers()], where)
    finish, kills, limit = t.load_beside(service, "/small", 60000, 16, ("-r",)), 0, time.monotonic() + 20
    while finish.running() and time.monotonic() < limit:
        time.sleep(0.2)
        workers = [worker for worker in service.workers() if worker != serving]
        if workers:
            os.kill(workers[kills % len(workers)], signal.SIGKILL)
            kills += 1
    report = finish()
    equal(report["served"], 60000, f"requests served although workers died ({report['why']})")
    check(kills >= 3, f"{kills} workers killed under load")
    wait_until(lambda: p.value("sum(http_requests_in_progress)", now=True) == 0, "nothing in progress", 5)
    p.scraped()
    found = p.value(f'sum({TOTAL}{{status="200"}})')
    # Of what was on its way when a worker was killed the client has seen nothing, and asked again.
    check(60010 <= found <= 60010 + 16 * kills, f"{found} counted of 60010 after {kills} kills")
    equal(p.value(f"sum({DURATION}_count)"), found, "durations")
    equal(p.value("sum(http_requests_in_progress)"), 0, "in progress")
    service.log.wait("request.completed", found)
    equal(p.resets("web"), {}, f"counters that went down after {kills} kills")
    equal(p.value(f"changes(process_start_time_seconds[{WINDOW}])"), 0, "starts")
    equal(p.failed_scrapes(), [], "scrapes that failed")

    pids = [service.pid, *service.workers()]
    os.kill(serving, signal.SIGKILL)
    if serving == service.pid:
        service.process.wait(5)
    p.scraped()
    t.load(service, "/small", 100, 4)
    p.scraped()
    equal(p.value(f'sum({TOTAL}{{status="200"}})'), found + 100, "counted on when another serves the metrics")
    equal(p.value("sum(http_requests_in_progress)"), 0, "in progress")
    equal(p.resets("web"), {}, "counters that went down when another took over")
    p.good()
    p.stop()
    for pid in pids:  # whose master is gone
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
