"""Metrics over OTLP/HTTP: what a scrape says and what is pushed are the same, by OpenTelemetry's own classes."""
import math
import os
import signal
import time

from harness import check, equal, test, wait_until
from metrics import OPEN, Metrics
from otlp import Collector, Exporter
from servers import KINDS
from test_otlp import helpers, nanoseconds, random_of, threading

GAUGE, HISTOGRAM, SUM, CUMULATIVE = "gauge", "histogram", "sum", 2


def pushing(collector, interval_ms=300, **more):
    return {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRIC_EXPORT_INTERVAL": str(interval_ms), **more}


def total(pushed, name="http_requests_total", **labels):
    points = pushed.get(name, {"points": []})["points"]
    return sum(p["value"] for p in points if all(p["attributes"].get(k) == v for k, v in labels.items()))


def wait_total(collector, service, number, seconds=15):
    """Waits for a push that says so many requests; returns it. No push may say more."""
    def last():
        return (collector.pushed(service) or [{}])[-1]
    wait_until(lambda: total(last()) >= number, lambda: f"a push with {number} requests; the last has {total(last())}", seconds)
    equal(total(last()), number, "requests that are pushed")
    return last()


def end(*services):
    for service in services:
        service.stop()
    wait_until(lambda: not helpers(), "octoshim-otlp to end")


def samples_of(metric):
    """As an exposition would have them: (name, labels) -> value."""
    for p in metric["points"]:
        labels = p["attributes"]
        if metric["kind"] != HISTOGRAM:
            yield (metric["name"], *sorted(labels.items())), p["value"]
            continue
        equal(len(p["buckets"]), len(p["bounds"]) + 1, "buckets")
        equal(p["count"], sum(p["buckets"]), "a histogram's count")
        for i, bound in enumerate([*p["bounds"], math.inf]):
            yield (metric["name"] + "_bucket", *sorted({**labels, "le": bound}.items())), sum(p["buckets"][:i + 1])
        yield (metric["name"] + "_sum", *sorted(labels.items())), p["sum"]
        yield (metric["name"] + "_count", *sorted(labels.items())), p["count"]


def scraped(where):
    """The same of a scrape; and the exemplars."""
    samples, exemplars = {}, {}
    for s in Metrics(where, OPEN).samples:
        labels = {k: float(v) if k == "le" else v for k, v in s.labels.items()}
        samples[(s.name, *sorted(labels.items()))] = s.value
        if s.exemplar:
            exemplars[(s.name[:-len("_bucket")], s.exemplar.labels["request_id"])] = (s.exemplar.value, round(float(s.exemplar.timestamp) * 1000))
    return samples, exemplars


def is_of_the_moment(key):
    return key[0].startswith("process_") or key[0] in ("octoshim_scrape_duration_seconds", "octoshim_connections")


@test
def what_a_scrape_says(t):
    """Every series, bucket, value and exemplar, in both encodings, plain and compressed."""
    for protocol in ("http/protobuf", "http/json"):
        for compression in ("none", "gzip"):
            collector = Collector(t, f"collector-{protocol[5:]}-{compression}")
            name = f"orders-{protocol[5:]}-{compression}"
            begun = time.time_ns()
            service = threading(t, name, **pushing(
                collector, OTEL_METRICS_EXPORTER="otlp,prometheus", OTEL_EXPORTER_OTLP_PROTOCOL=protocol, SERVICE_NAME=name,
                OTEL_EXPORTER_OTLP_METRICS_COMPRESSION=compression, OCTOSHIM_METRICS_LABELS='region=eu "west"\\1'))
            for i in range(20):
                t.get(service, ("/small", "/status/404", "/status/500", "/a%22b")[i % 4])
            wait_total(collector, name, 20)
            time.sleep(1)
            last = collector.pushed(name)[-1]
            pushed = dict(s for m in last.values() for s in samples_of(m))
            want, exemplars = scraped(service.metrics)
            pushed, want = ({k: v for k, v in x.items() if not is_of_the_moment(k)} for x in (pushed, want))
            equal(pushed.keys() ^ want.keys(), set(), "series that only a scrape, or only a push has")
            for key, value in want.items():
                check(abs(pushed[key] - value) <= 1e-9 * abs(value), f"{key}: pushed {pushed[key]}, scraped {value}")
            equal({(m["name"], e["attributes"]["request_id"]): (e["value"], round(int(e["timeUnixNano"]) / 1e6))
                   for m in last.values() for p in m["points"] for e in p["exemplars"]}, exemplars, "exemplars")
            check(len(exemplars) > 0, "there are no exemplars")
            for m in last.values():
                equal(m["kind"], HISTOGRAM if m["name"].endswith("duration_seconds") else SUM if m["name"].endswith("_total") else GAUGE,
                      f"kind of {m['name']}")
                equal((m["temporality"], m["monotonic"]),
                      {GAUGE: (0, False), HISTOGRAM: (CUMULATIVE, False), SUM: (CUMULATIVE, True)}[m["kind"]], f"{m['name']}")
                equal(m["unit"], "s" if "_seconds" in m["name"] else "By" if m["name"].endswith("_bytes") else "", f"unit of {m['name']}")
                check(m["description"] != "", f"{m['name']} is not described")
                for p in m["points"]:
                    check(begun < int(p["timeUnixNano"]) < time.time_ns(), f"time of {m['name']}")
                    check(m["kind"] == GAUGE or begun < int(p["startTimeUnixNano"]) < nanoseconds(service.log.events("request.completed")[0]),
                          f"start of {m['name']}")
            check(last["process_cpu_seconds_total"]["points"][0]["value"] > 0, "no processor time is pushed")
            post = [p for p in collector.posts() if p["signal"] == "metrics"][-1]
            equal((post["path"], post["type"], post["encoding"]),
                  ("/v1/metrics", "application/json" if protocol[5:] == "json" else "application/x-protobuf",
                   "gzip" if compression == "gzip" else "identity"), "the request")
            resource = post["resources"][0]["attributes"]
            check("process.pid" not in resource and len(resource["service.instance.id"]) == 36, f"resource {resource}")
            end(service)


@test
def at_intervals_and_at_the_end(t):
    """One push an interval, whether there is traffic or not; and what is left when the service ends, before the first one even."""
    collector = Collector(t)
    service = threading(t, "orders", **pushing(collector, 500))
    t.load(service, "/small", 50, 2)
    wait_total(collector, "orders", 50)
    before, begun = len(collector.pushed("orders")), time.monotonic()
    time.sleep(5)
    pushes, passed = len(collector.pushed("orders")) - before, time.monotonic() - begun
    check(abs(pushes - passed / 0.5) <= 2, f"{pushes} pushes in {passed:.1f} s")
    starts = {p["startTimeUnixNano"] for push in collector.pushed("orders") for p in push["http_requests_total"]["points"]}
    equal(len(starts), 1, "starts of one counter")
    for kind in ("nginx", "gunicorn_gthread"):  # which end in good order
        late = KINDS[kind].start(t, kind, env=pushing(collector, 3600000))
        t.load(late, "/small", 50, 2)
        late.stop(seconds=40)  # gunicorn waits 30 s for a worker that was being born when it was told to stop
        wait_total(collector, kind, 50)
    end(service)


@test
def whatever_the_level(t):
    """Events and spans may be off: metrics are not. An endpoint of all signals alone brings no metrics."""
    collector = Collector(t)
    service = threading(t, "quiet", **pushing(collector, LOG_LEVEL="CRITICAL"))
    t.load(service, "/small", 30, 2)
    wait_total(collector, "quiet", 30)
    equal(service.log.events(), [], "events")
    both = threading(t, "both", **pushing(collector, OTEL_TRACES_EXPORTER="otlp", OTEL_BSP_SCHEDULE_DELAY="200"))
    t.load(both, "/small", 30, 2)
    wait_total(collector, "both", 30)
    collector.wait(30)
    equal(len(helpers()), 2, "processes of octoshim-otlp")
    equal({r["attributes"]["service.instance.id"] for s in ("traces", "metrics") for r in collector.resources(s)
           if r["attributes"]["service.name"] == "both"}.__len__(), 1, "instances of one service")
    check(both.log.events()[0]["event"] == "service.started", "its log")
    spans_only = threading(t, "spans-only", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_METRIC_EXPORT_INTERVAL="100")
    t.load(spans_only, "/small", 30, 2)
    time.sleep(2)
    equal(collector.pushed("spans-only"), [], "pushes that nobody asked for")
    own = Collector(t, "own")
    elsewhere = threading(t, "elsewhere", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=own.url + "/my/metrics", OTEL_METRIC_EXPORT_INTERVAL="300")
    t.load(elsewhere, "/small", 30, 2)
    wait_total(own, "elsewhere", 30)
    equal({p["path"] for p in own.posts()}, {"/my/metrics"}, "paths")
    end(service, both, spans_only, elsewhere)


@test
def receiver_is_away(t):
    """Refusals, silence and no receiver: the service is not slower for it and says so; the next push that arrives says all."""
    collector = Collector(t)
    service = threading(t, "orders", **pushing(collector, OTEL_EXPORTER_OTLP_TIMEOUT="500", OTEL_METRIC_EXPORT_TIMEOUT="1000"))
    number = 0
    for how in ({"status": 503}, {"status": 400, "body": "no\x1b[1m such"}, {"delay_ms": 3000}, {"destroy": True}, {"rejected": 7},
                {"status": 429, "retry_after": "1"}):
        collector.mode(**how)
        t.load(service, "/small", 20, 2)
        time.sleep(1.5)
        collector.mode()
        number += 20
        wait_total(collector, "orders", number)
    collector.service.kill_all()
    t.load(service, "/small", 20, 2)
    time.sleep(1.5)
    collector.service.restart()
    wait_total(collector, "orders", number + 20)
    said = [e for e in service.log.events("shim.degraded")]
    check(any(e["reason"].startswith("metrics ") and collector.url in e["reason"] for e in said), f"what it says of it: {said}")
    check(len(said) <= 2, f"it says it {len(said)} times")
    check("\x1b" not in str(said), "a receiver's bytes are shown")
    end(service)


@test
def who_pushes(t):
    """Workers share one count, whoever leads; a killed leader, or a killed octoshim-otlp, is replaced."""
    collector = Collector(t)
    for name in ("nginx", "gunicorn_sync", "node_cluster", "apache_prefork"):
        service = KINDS[name].start(t, name, env=pushing(collector))
        t.load(service, "/small", 400, 8, ("-r",) if KINDS[name].again else ())
        wait_total(collector, name, 400)
        if not KINDS[name].again:  # there workers end all the time; it is who serves that pushes
            equal(len(helpers()), 1, f"{name}: processes of octoshim-otlp")
        end(service)
    service = KINDS["gunicorn_sync"].start(t, "again", env=pushing(collector))
    t.load(service, "/small", 100, 8, ("-r",))
    wait_total(collector, "again", 100)
    for worker in service.workers():
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: t.get(service, "/small")[0] == 200, "workers again")
    before = len(collector.pushed("again"))
    wait_until(lambda: len(collector.pushed("again")) > before + 2 and total(collector.pushed("again")[-1]) > 100, "a push of the next leader")
    for helper in helpers():
        os.kill(helper, signal.SIGKILL)
    before = len(collector.pushed("again"))
    wait_until(lambda: len(collector.pushed("again")) > before + 2, "a push of the next octoshim-otlp", 30)
    counts = [total(p) for p in collector.pushed("again")]
    check(counts == sorted(counts), f"a counter goes down: {counts}")
    end(service)


@test
def settings_of_metrics(t):
    """What is not there is told, once for both signals; each signal has its own."""
    said = Exporter(t, OTEL_METRICS_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
                    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta", OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="soon",
                    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION="base2_exponential_bucket_histogram").end()
    equal(said.count("\n"), 4, f"lines of {said}")
    for words in ("OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "TEMPORALITY_PREFERENCE=delta is not understood; cumulative is used",
                  "explicit_bucket_histogram is used", "METRICS_TIMEOUT=soon is not understood; 10000 is used"):
        check(words in said, f"{words}: {said}")
    equal(Exporter(t, OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="soon").end(), "", "said of metrics that are not wanted")


@test
def any_text(t):
    """octoshim-otlp takes any text for metrics and lives on; what is whole in it arrives."""
    dice = random_of(t)
    collector = Collector(t)
    pieces = [b"# HELP a_total b\n", b"# TYPE a counter\n", b"# TYPE a histogram\n", b"# TYPE a gauge\n", b"a_total{b=\"c\"} 1\n",
              b"a_bucket{le=\"0.1\"} 1 # {request_id=\"x\"} 0.05 1.5\n", b"a_bucket{le=\"+Inf\"} 2\n", b"a_sum 3\n", b"a_count 2\n",
              b"a{b=\"\\\\\\\"\\n}\"} -1.5e9\n", b"# EOF\n", b"a{", b"\"", b"\\", b"=", b"} ", b" # {", b"\xff", b"\0", b"\n", b"# TYPE",
              b"le=\"", b",", b"NaN\n", b"-1\n", b"1e400\n"]
    for json in ("http/protobuf", "http/json"):
        exporter = Exporter(t, OTEL_METRICS_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_PROTOCOL=json)
        for _ in range(300):
            exporter.put_metrics(b"".join(dice.choice(pieces) for _ in range(dice.randrange(60))))
        exporter.put_metrics(b"# HELP last_total It.\n# TYPE last counter\nlast_total{a=\"b\\\"c\\nd\\\\\",e=\"}\"} 42\n# EOF\n", 5, 6)
        exporter.end()
        last = [m for m in collector.pushed("x") if "last_total" in m]
        equal([(m["last_total"]["points"][0]["value"], m["last_total"]["points"][0]["attributes"], m["last_total"]["points"][0]["startTimeUnixNano"])
               for m in last], [(42, {"a": "b\"c\nd\\", "e": "}"}, "5")] * (1 if json.endswith("protobuf") else 2), "the last")
