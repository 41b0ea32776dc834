"""Reading a service's metrics as a scraper does. For test_metrics.py and test_prometheus.py."""
import http.client
import re
import socket
import sys

from harness import check, free_port, wait_until

sys.path.append("/usr/lib/python3/dist-packages")
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families as parse_text  # noqa: E402

OPEN = "application/openmetrics-text; version=1.0.0"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connection(where):
    if where.startswith("unix:"):
        return UnixConnection(where[5:])
    return http.client.HTTPConnection(where, timeout=5)


def ask(where, path="/metrics", method="GET", headers=None, body=None):
    """(status, headers, body) of one request to the exposer."""
    c = connection(where)
    try:
        c.request(method, path, body, headers or {})
        answer = c.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        c.close()


def scrape(where, accept=None):
    status, headers, body = ask(where, headers={"Accept": accept} if accept else {})
    check(status == 200, f"scrape of {where}: {status}")
    return body.decode()


class Metrics:
    """One scrape, parsed by Prometheus' own client library, strictly."""

    def __init__(self, where, accept=None):
        self.text = scrape(where, accept)
        self.samples = []
        for family in (parse_open if accept == OPEN else parse_text)(self.text):
            self.samples += family.samples
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in self.samples]
        check(len(keys) == len(set(keys)), "a series stands twice in one scrape")

    def all(self, name, **labels):
        return [s for s in self.samples if s.name == name and all(s.labels.get(k) == v for k, v in labels.items())]

    def sum(self, name, **labels):
        found = self.all(name, **labels)
        return sum(s.value for s in found)

    def values(self, name, label):
        return {s.labels.get(label) for s in self.all(name)}


def listening(**more):
    """Settings under which a service serves its metrics, and where."""
    where = f"127.0.0.1:{free_port()}"
    return where, {"OCTOSHIM_METRICS_LISTEN": where, **more}


def wait_for(where, seconds=10):
    """Waits until the exposer answers."""
    def answers():
        try:
            return ask(where, "/healthz")[0] == 200
        except OSError:
            return False
    wait_until(answers, f"an answer of the exposer on {where}", seconds)


def consistent(metrics, what):
    """What must hold in every scrape."""
    for s in metrics.all("http_requests_total"):
        check(re.fullmatch(r"[1-9][0-9][0-9]", s.labels["status"]), f"{what}: status {s.labels}")
    for s in metrics.all("http_request_duration_seconds_count"):
        labels = {k: v for k, v in s.labels.items()}
        infinite = metrics.sum("http_request_duration_seconds_bucket", le="+Inf", **labels)
        check(infinite == s.value, f"{what}: {labels}: +Inf {infinite} is not the count {s.value}")
        last = 0
        for b in metrics.all("http_request_duration_seconds_bucket", **labels):
            check(b.value >= last, f"{what}: {labels}: buckets go down")
            last = b.value
