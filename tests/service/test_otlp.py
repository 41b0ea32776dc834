"""Spans over OTLP/HTTP: what is in them, by OpenTelemetry's own classes, and what becomes of them."""
import calendar
import contextlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import time

from harness import APPS, Skip, check, children, descendants, equal, free_port, read_bytes, test, wait_until
from metrics import Metrics, listening
from otlp import CLIENT, ENDINGS, ERROR, RESULTS, SERVER, SOON, Collector, Exporter, facts, record
from relays import RELAY_KINDS, chain, upstream
from servers import KINDS, PYTHON, conf

NGINX_FRONT = """
user www-data;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ }}
http {{
    access_log off;
    proxy_temp_path {dir}/t1; client_body_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://UPSTREAM; proxy_set_header traceparent HEADER; }}
    }}
}}
"""
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def threading(t, name, **env):
    where, listens = listening(**env)
    service = t.service(name, [PYTHON, os.path.join(APPS, "threading_server.py"), "127.0.0.1:{port}"], env=listens)
    service.metrics = where
    return service


def nanoseconds(event):
    """When it happened, to the microsecond that the log shows."""
    stamp, _, fraction = event["timestamp"].rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0"))


def agree(span, event):
    """The span says of a request what its event says."""
    what = f"of {span} and {event}"
    attributes = span["attributes"]
    equal((span["traceId"], span["spanId"]), (event["trace_id"], event["span_id"]), f"IDs {what}")
    check(abs(int(span["endTimeUnixNano"]) - nanoseconds(event)) < 1000, f"time {what}")
    took = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    check(abs(took / 1e6 - event["duration_ms"]) < 0.002, f"duration {what}")
    equal(attributes.get("http.request.header.x-request-id"), [event["request_id"]] if "request_id" in event else None,
          f"request ID {what}")
    equal(attributes.get("http.response.status_code"), event.get("status_code"), f"status {what}")
    if attributes.get("http.request.method") not in (None, "_OTHER"):
        equal((span["name"], attributes["http.request.method"]), (event["method"],) * 2, f"method {what}")


def results(service):
    """octoshim_spans_total."""
    metrics = Metrics(service.metrics)
    return {r: metrics.sum("octoshim_spans_total", result=r) for r in RESULTS}


def random_of(t):
    """Another one each time; it says which."""
    seed = os.environ.get("OCTO_TEST_SEED", str(time.time_ns()))
    t.notes.append(f"OCTO_TEST_SEED={seed}")
    return random.Random(seed)


def helpers():
    """Processes of ours that send spans: they are this process's children, for their services have not kept them."""
    return [p for p in descendants(os.getpid()) if read_bytes(f"/proc/{p}/cmdline") == b"octoshim-otlp\0"]


@test
def fields(t):
    """Field by field, in each encoding: server spans, client spans, and the resource."""
    for protocol, compression in (("http/protobuf", "none"), ("http/protobuf", "gzip"), ("http/json", "gzip"), ("http/json", "none")):
        name = f"{protocol[5:]}-{compression}"
        collector = Collector(t, f"collector-{name}")
        behind = upstream(t, name)
        service = RELAY_KINDS["python_threading"][0](t, name, behind, env=collector.environment(
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_COMPRESSION=compression, ONCE="1",
            OTEL_EXPORTER_OTLP_HEADERS="api-key=s%20e%2Ccret , x-tenant=blue", APP_VERSION="7.1",
            OTEL_RESOURCE_ATTRIBUTES="team=core%2Cbase,deployment.environment.name=blue,service.version=5,service.name=no"))
        t.get(service, "/relay/1?secret=2", f"traceparent: 00-{TRACE}-{SPAN}-01\r\nX-Request-ID: abc\r\n")
        t.get(service, "/none/sk-0123456789abcdefghijklmnop/%C3%A4?q=1", method="BREW")
        t.raw(service, b"GET /\xff\xc3\xa4\" HTTP/1.0\r\nHost: [::1]:81\r\n\r\n")
        spans = collector.wait(4)
        service.log.wait("request.aborted", 1)
        events = {e["span_id"]: e for e in service.log.events("request.completed", "request.aborted", "client.request.completed")}
        equal(set(events), {s["spanId"] for s in spans}, "spans and events")
        for span in spans:
            agree(span, events[span["spanId"]])
            equal((span["traceState"], span["droppedAttributesCount"]), ("", 0), "what is not sent")
        made = next(s for s in spans if s["kind"] == CLIENT)
        first, second, third = sorted((s for s in spans if s["kind"] == SERVER), key=lambda s: int(s["startTimeUnixNano"]))
        equal((first["traceId"], first["parentSpanId"], first["flags"], first["status"]["code"]), (TRACE, SPAN, 0x301, 0), "the first")
        equal(first["attributes"], {
            "http.request.method": "GET", "url.path": "/relay/1", "url.scheme": "http", "server.address": "load.test",
            "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1", "http.response.status_code": 200,
            "network.protocol.version": "1.1", "http.request.header.x-request-id": ["abc"]}, "attributes of the first")
        equal((made["traceId"], made["parentSpanId"], made["flags"]), (TRACE, first["spanId"], 0x101), "the call")
        equal(made["attributes"], {
            "http.request.method": "GET", "server.address": "127.0.0.1", "server.port": behind.port,
            "url.full": f"http://127.0.0.1:{behind.port}{events[made['spanId']]['path']}",
            "network.peer.address": "127.0.0.1", "network.peer.port": behind.port, "http.response.status_code": 200,
            "network.protocol.version": "1.1", "http.request.header.x-request-id": ["abc"]}, "attributes of the call")
        equal((second["name"], second["parentSpanId"], second["flags"], second["attributes"]["http.request.method"],
               second["attributes"]["http.request.method_original"], second["attributes"]["url.path"]),
              ("HTTP", "", 0x103, "_OTHER", "BREW", "/none/REDACTED/%C3%A4"), "the second")
        equal((second["status"]["code"], second["attributes"]["error.type"]), (ERROR, str(second["attributes"]["http.response.status_code"])),
              "a 5xx")
        equal((third["attributes"]["url.path"], third["attributes"]["server.address"], third["attributes"]["server.port"]),
              ("/\ufffd\u00e4\"", "::1", 81), "the third")
        equal((third["status"]["code"], third["attributes"]["error.type"]), (ERROR, "service_closed"), "a cut")
        for post in collector.posts():
            headers = post["headers"]
            equal((post["path"], post["encoding"], headers["api-key"], headers["x-tenant"]),
                  ("/v1/traces", "gzip" if compression == "gzip" else "identity", "s e,cret", "blue"), "the request")
            check(re.fullmatch(r"octoshim/\S+ OTel-OTLP-Exporter-C/\S+", headers["user-agent"]), headers)
            check("traceparent" not in headers and "x-request-id" not in headers, f"it traces itself: {headers}")
        for resource in collector.resources():
            check(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                               resource["attributes"]["service.instance.id"]), "the instance")
            equal({k: v for k, v in resource["attributes"].items() if k not in ("telemetry.sdk.version", "host.name", "service.instance.id")}, {
                "service.name": name, "service.version": "7.1", "deployment.environment.name": "blue", "team": "core,base",
                "telemetry.sdk.name": "octoshim", "telemetry.sdk.language": "c", "process.pid": service.pid}, "the resource")
            equal([s["name"] for s in resource["scopes"]], ["octoshim"], "the scope")
        check("cret" not in service.said() and service.log.count_text("cret") == 0, "a header's value is told")
        service.stop()


@test
def ends_badly(t):
    """Calls that fail, requests that are cut off: error.type and status."""
    collector = Collector(t)
    nobody = free_port()
    behind = type("Behind", (), {"address": f"127.0.0.1:{nobody}"})
    service = RELAY_KINDS["python_threading"][0](t, "bad", behind, env=collector.environment(ONCE="1"))
    equal(t.raw(service, b"GET /relay/1 HTTP/1.1\r\nHost: x\r\n\r\n"), b"", "the answer where nobody is to be asked")
    spans = collector.wait(2)
    refused = next(s for s in spans if s["kind"] == CLIENT)
    served = next(s for s in spans if s["kind"] == SERVER and s["spanId"] == refused["parentSpanId"])
    equal((refused["name"], refused["status"], refused["traceId"]),
          ("connect", {"code": ERROR, "message": "connection refused"}, served["traceId"]), "the call")
    equal(refused["attributes"], {"error.type": "ECONNREFUSED", "server.address": "127.0.0.1", "server.port": nobody,
                                  "network.peer.address": "127.0.0.1", "network.peer.port": nobody,
                                  **{k: v for k, v in served["attributes"].items() if k.endswith("request-id")}}, "its attributes")
    equal((served["status"], served["attributes"]["error.type"]), ({"code": ERROR, "message": ""}, "service_closed"), "its request")


@test
def not_asked_for(t):
    """Nothing runs where nothing is to be sent."""
    collector = Collector(t)
    for number, env in enumerate(({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"},
                                  {"OTEL_TRACES_SAMPLER": "always_off"})):
        service = threading(t, f"off-{number}", **collector.environment(**env))
        t.load(service, "/small", 20, 2)
        service.log.wait("request.completed", 20)
        time.sleep(0.5)
        equal((helpers(), sum(results(service).values())), ([], 0), f"with {env}")
        service.stop()
    equal(collector.posts(), [], "what has been sent")


@test
def sampled(t):
    """Spans of sampled traces only, but all of them: OCTOSHIM_SAMPLE and OCTOSHIM_LOG_LEVEL are the log's."""
    collector = Collector(t)
    service = threading(t, "quiet", **collector.environment(OCTOSHIM_LOG_LEVEL="error", OCTOSHIM_SAMPLE="0"))
    for n in range(40):
        t.get(service, "/small", f"traceparent: 00-{n + 1:032x}-{SPAN}-{n % 2:02}\r\n")
    spans = collector.wait(20)
    equal({int(s["traceId"], 16) % 2 for s in spans}, {0}, "the odd ones")
    equal(service.log.count("request.completed"), 0, "lines")
    service.stop()
    equal(service.log.count("request.completed"), 0, "lines after its end")


@test
def at_its_end(t):
    """A service that ends at once, or is killed, has its spans sent."""
    collector = Collector(t)
    for how in (signal.SIGTERM, signal.SIGKILL, None):
        before = len(collector.spans())
        late = collector.environment(OTEL_BSP_SCHEDULE_DELAY="60000")
        service = threading(t, f"ends-{how.name}", **late) if how else KINDS["nginx"].start(t, "nginx", env=late)
        t.load(service, "/small", 100, 4)
        if how:
            service.log.wait("request.completed", 100)  # by then the writer has handed them over
        service.stop(how or signal.SIGTERM)  # nginx ends in good order, and waits for them
        collector.wait(before + 100)
        wait_until(lambda: not helpers(), "octoshim-otlp to end")
    # What a killed one has left in its rings, its next start hands over.
    service = threading(t, "again", **collector.environment())
    t.load(service, "/small", 100, 4)
    service.kill_all()
    service.restart()
    t.get(service, "/small")
    service.log.wait("request.completed", 101)
    # Killed between writing and handing over, it has perhaps handed over what it wrote: that is not done again.
    wait_until(lambda: len(collector.spans()) >= 401 - 100 and results(service)["exported"] > 0, "spans of the one that was killed")
    t.notes.append(f"{401 - len(collector.spans())} spans lost by a kill")


@test
def not_noticed(t):
    """The service has no child, no descriptor and no signal of it, and is not in its way."""
    collector = Collector(t)
    service = threading(t, "unaware", **collector.environment())
    t.get(service, "/small")
    collector.wait(1)
    equal((children(service.pid), len(helpers())), ([], 1), "children of the service, and of whom it was left to")
    helper = helpers()[0]
    equal(sorted(os.readlink(f"/proc/{helper}/fd/{n}").split(":")[0] for n in ("0", "1", "2", "3")),
          ["/dev/null", "/dev/null", "/memfd", "pipe"], "its descriptors")
    check(b"LD_PRELOAD" not in read_bytes(f"/proc/{helper}/environ"), "it is preloaded itself")
    targets = [os.readlink(f"/proc/{service.pid}/fd/{n}") for n in os.listdir(f"/proc/{service.pid}/fd")]
    check(not any("octoshim-otlp" in name for name in targets), targets)
    check(os.getsid(helper) != os.getsid(service.pid), "it is in the service's session")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(helper, number)
    t.get(service, "/small")
    wait_until(lambda: results(service)["exported"] == 2, "its word that both have arrived")
    # Ended by somebody else, it is started again, not sooner than ten seconds after it was.
    os.kill(helper, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(helper, 0)
    for _ in range(24):
        t.get(service, "/small")
        time.sleep(0.5)
    wait_until(helpers, "another octoshim-otlp")
    equal(t.get(service, "/small")[0], 200, "the answer")
    wait_until(lambda: sum(results(service).values()) == 27, lambda: f"all spans to be accounted for: {results(service)}")
    check(results(service)["exported"] == len(collector.spans()) >= 4, f"{results(service)}, {len(collector.spans())} have come")
    service.log.wait("shim.degraded", 1)


@test
def no_program(t):
    """Without octoshim-otlp beside the library: said once, everything else goes on."""
    alone = t.directory("alone")
    library = os.path.join(alone, "liboctoshim.so")
    subprocess.run(["cp", os.environ["OCTO_TEST_LIBRARY"], library], check=True)
    service = threading(t, "alone", LD_PRELOAD=library, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **SOON)
    t.load(service, "/small", 200, 4)
    service.log.wait("request.completed", 200)
    service.log.wait("shim.degraded", 1)
    check("cannot start octoshim-otlp: ENOENT" in service.log.events("shim.degraded")[0]["reason"], service.log.events("shim.degraded"))
    equal(results(service), {"exported": 0, "dropped": 200, "rejected": 0, "failed": 0}, "spans")
    t.validate(service.log)


def served(t, service, number, **how):
    """Requests that must be answered as fast as if nobody were told of them. Returns the slowest's milliseconds."""
    slowest = 0
    for _ in range(number):
        begun = time.monotonic()
        equal(t.get(service, "/small")[0], 200, f"the answer, with {how}")
        slowest = max(slowest, (time.monotonic() - begun) * 1000)
    return slowest


def accounted(service, number):
    wait_until(lambda: sum(results(service).values()) == number,
               lambda: f"{number} spans to be accounted for: {results(service)}", 20)
    return results(service)


@test
def receiver_says_not_now(t):
    """429, 502, 503, 504: again, when it says, or after a second; then nothing is lost, or sent twice."""
    collector = Collector(t)
    service = threading(t, "patient", **collector.environment())
    total = 0
    for how, least in (({"status": 429, "retry_after": "2", "times": 1}, 2), ({"status": 503, "times": 2}, 2.2),
                       ({"status": 502, "times": 1}, 0.75), ({"status": 504, "times": 1}, 0.75)):
        collector.mode(**how)
        before = len(collector.posts())
        served(t, service, 10, **how)
        total += 10
        collector.wait(total)
        posts = collector.posts()[before:]
        equal([p["status"] for p in posts][:how["times"] + 1], [how["status"]] * how["times"] + [200], f"answers to {how}")
        waited = (posts[how["times"]]["at_ms"] - posts[0]["at_ms"]) / 1000
        check(least <= waited < least * 1.6 + 1.5, f"{how}: it waited {waited:.2f} s, {least} s or a little more were wanted")
    equal(accounted(service, total), {"exported": total, "dropped": 0, "rejected": 0, "failed": 0}, "spans")


@test
def receiver_says_no(t):
    """Other answers: not again. Nor where it may have kept them, having had all, without saying so."""
    collector = Collector(t)
    service = threading(t, "refused", **collector.environment())
    counted = {"exported": 0, "dropped": 0, "rejected": 0, "failed": 0}
    for how, result in (({"status": 400}, "failed"), ({"status": 401}, "failed"), ({"status": 413}, "failed"), ({"status": 500}, "failed"),
                        ({"status": 302, "location": collector.url}, "failed"), ({"destroy": True}, "failed"),
                        ({"body": "what is this?"}, "exported"), ({"status": 202}, "exported"), ({"rejected": 5}, "rejected")):
        collector.mode(**how)
        before = len(collector.posts())
        served(t, service, 5, **how)
        counted[result] += 5
        equal(accounted(service, sum(counted.values())), counted, f"spans after {how}")
        time.sleep(1.2)
        posts = collector.posts()[before:]
        equal(sum(len(s["spans"]) for p in posts for r in p["resources"] for s in r["scopes"]), 5, f"what was sent, with {how}")
    reasons = [e["reason"] for e in service.log.events("shim.degraded")]
    equal(len(reasons), 1, f"one line a minute: {reasons}")
    check("it answers 400" in reasons[0] and f"{collector.url}/v1/traces" in reasons[0], reasons)
    t.validate(service.log)


@test
def receiver_is_slow_or_gone(t):
    """The service never waits for it, and what there is no room for is counted."""
    collector = Collector(t)
    service = threading(t, "busy", **collector.environment(OTEL_BSP_MAX_QUEUE_SIZE="100", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="50",
                                                           OTEL_EXPORTER_OTLP_TIMEOUT="1000", OTEL_BSP_EXPORT_TIMEOUT="2500"))
    usual = served(t, service, 100)
    collector.wait(100)
    collector.mode(delay_ms=400)
    slow = served(t, service, 500)
    total = 600
    accounted(service, total)
    collector.mode()
    dropped = results(service)["dropped"]
    check(dropped > 0, f"{results(service)}: nothing was dropped, though the queue takes 100")
    equal(len(collector.spans()), results(service)["exported"], "what it has")
    # Answers that come too late: it may have kept them.
    collector.mode(delay_ms=3000)
    served(t, service, 20)
    total += 20
    check(accounted(service, total)["failed"] == 20, f"{results(service)}")
    collector.mode()
    # Gone: they wait, and are there when it is back.
    port = collector.port
    collector.service.stop()
    gone = served(t, service, 20)
    total += 20
    time.sleep(0.5)
    back = Collector(t, "back", port)
    back.wait(20)
    equal(accounted(service, total)["failed"], 20, "failed, when it is back")
    back.service.stop()
    # Gone for good.
    gone = max(gone, served(t, service, 20))
    total += 20
    check(accounted(service, total)["failed"] == 40, f"{results(service)}")
    t.notes.append(f"the slowest answer took {usual:.1f} ms; {slow:.1f} ms with a slow receiver, {gone:.1f} ms without one")
    check(max(slow, gone) < usual + 100, f"the service waits: {usual:.1f} ms, slow {slow:.1f} ms, gone {gone:.1f} ms")
    begun = time.monotonic()
    service.stop()
    check(time.monotonic() - begun < 1.5, "its end waits for the receiver")
    wait_until(lambda: not helpers(), "octoshim-otlp to give up")


@test
def receiver_is_strange(t):
    """Endpoints that cannot be, or cannot be trusted: said, and nothing else."""
    directory = t.directory("keys")
    for name in ("good", "other"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{directory}/{name}.key", "-out",
                        f"{directory}/{name}.pem"], check=True, capture_output=True)
    collector = Collector(t, tls=[f"{directory}/good.pem", f"{directory}/good.key"])
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as silent:
        for number, (env, said, where) in enumerate((
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}"}, "it had them, but did not answer", "log"),
                ({"OTEL_EXPORTER_OTLP_CERTIFICATE": f"{directory}/other.pem"}, "certificate", "log"),
                ({"OTEL_EXPORTER_OTLP_CERTIFICATE": f"{directory}/none.pem"}, "none.pem", "log"),
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_TIMEOUT": "300"}, "did not answer", "log"),
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://nobody.invalid:4318"}, "resolve", "log"),
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT=(not shown) is not understood", "stderr"),
                ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not understood; http/protobuf", "stderr"),
                ({"OTEL_BSP_SCHEDULE_DELAY": "soon"}, "OTEL_BSP_SCHEDULE_DELAY=soon is not understood; 5000 is used", "stderr"),
                ({"OTEL_EXPORTER_OTLP_HEADERS": "good=1,bad%zz=2"}, "OTEL_EXPORTER_OTLP_HEADERS=(not shown) is not understood", "stderr"),
                ({"OTEL_RESOURCE_ATTRIBUTES": "a=%zz"}, "OTEL_RESOURCE_ATTRIBUTES is not understood", "stderr"))):
            service = threading(t, f"strange-{number}", **collector.environment(**env))
            served(t, service, 3)
            if where == "log":
                service.log.wait("shim.degraded", 1)
                reason = service.log.events("shim.degraded")[0]["reason"]
                check(said in reason, f"with {env}: {reason}")
            else:
                wait_until(lambda: said in service.said(), lambda: f"{said}; it said {service.said()}")
                equal(service.said().count(said), 1, "how often it is said")
            t.validate(service.log)
            service.stop()
    service = threading(t, "trusted", **collector.environment(OTEL_EXPORTER_OTLP_CERTIFICATE=f"{directory}/good.pem"))
    before = len(collector.spans())
    served(t, service, 5)
    collector.wait(before + 5)
    service.stop()
    wait_until(lambda: not helpers(), "those with nobody to send to, to give up")


def any_record(dice, number):
    """Anything that may stand in a record, and more."""
    def text(most):
        alphabet = dice.choice((b"abc/%?#:@[]", bytes(range(256)), "/\u00e4\u20ac\U0001f419".encode() + b"\xed\xa0\x80", b"\0"))
        return bytes(dice.choice(alphabet) for _ in range(dice.choice((0, 1, 3, dice.randrange(most)))))
    kind = dice.choice(list(ENDINGS))
    texts = (text(128), dice.choice((b"GET", b"CONNECT", b"", text(30))), text(255),
             dice.choice((b"*", b"http://u:p@h:1/x?y", b"/eyJhbGciOi.JIUzI1NiIsInR5.cCI6IkpXVCJ9", text(2000))))
    family = dice.randrange(4)
    socket = text(108) if family == 3 and not kind.startswith("request") else b""
    call = facts(dice.getrandbits(64), (dice.getrandbits(32), 0xffffffff), dice.randrange(6), dice.randrange(2), text(32), text(96), text(96)) \
        if kind.startswith("llm") else b""
    return record(kind, texts, socket, family, dice.randbytes(16), len(socket) if family == 3 else dice.randrange(65536),
                  dice.randrange(256), dice.randrange(1000), dice.randrange(65536), dice.randrange(1 << 63), dice.randrange(1 << 40),
                  (dice.getrandbits(64), dice.getrandbits(64)), number, dice.getrandbits(64) * dice.randrange(2),
                  dice.randrange(256), dice.choice((0, 10, 11, 20)), dice.randrange(1, 4), call)


@test
def any_records(t):
    """Whatever stands in records becomes spans that OpenTelemetry's classes read, the same in both encodings."""
    dice = random_of(t)
    spans = []
    sent = [any_record(dice, n) for n in range(1, 1501)]
    for protocol in ("http/protobuf", "http/json"):
        collector = Collector(t, protocol[5:])
        exporter = Exporter(t, **collector.environment(OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_COMPRESSION="gzip"))
        stream = b"".join(sent)
        while stream:  # in pieces that are no records
            cut = dice.randrange(1, 20000)
            exporter.write(stream[:cut])
            stream = stream[cut:]
        got = collector.wait(len(sent), 30)
        equal(exporter.results(), {"exported": len(sent), "dropped": 0, "rejected": 0, "failed": 0}, "spans")
        equal(exporter.end(), "", "what it says")
        for span in got:
            check(span["traceId"] != "" and span["name"] and span["kind"] in (SERVER, CLIENT), f"no span: {span}")
        spans.append(sorted(got, key=lambda s: int(s["spanId"], 16)))
    equal([int(s["spanId"], 16) for s in spans[0]], list(range(1, 1501)), "the spans' numbers")
    for binary, text in zip(*spans):
        equal(binary, text, "one in protobuf and in JSON")


@test
def any_answers(t):
    """Whatever a receiver answers, each span is accounted for, once, and nothing breaks."""
    dice = random_of(t)
    answers = [{"body": dice.randbytes(dice.randrange(200)).decode("latin-1")} for _ in range(8)]
    answers += [{"body": '{"partialSuccess":{"rejectedSpans":"99999999999999999999","errorMessage":5}}'},
                {"body": '{"partialSuccess":{"rejectedSpans":-7}}'}, {"body": '{"partialSuccess":[]}'}, {"body": "[" * 5000},
                {"body": "x" * (5 << 20)}, {"status": 429, "retry_after": "Fri, 31 Dec 1999 23:59:59 GMT", "times": 1},
                {"status": 503, "retry_after": "99999999999999999999"}, {"status": 500, "body": "\u001b[31mred\n" * 1000}]
    for protocol in ("http/protobuf", "http/json"):
        collector = Collector(t, protocol[5:])
        exporter = Exporter(t, **collector.environment(OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_BSP_SCHEDULE_DELAY="0",
                                                       OTEL_BSP_EXPORT_TIMEOUT="3000"))
        for number, how in enumerate(answers, 1):
            collector.mode(**how)
            exporter.write(record("request.completed", span=number))
            wait_until(lambda: sum(exporter.results().values()) == number, lambda: f"the span to be accounted for after {str(how)[:300]}")
            said = exporter.page[40:1056].split(b"\0")[0]
            check(all(0x20 <= c < 0x7f for c in said), f"after {str(how)[:300]} it says {said}")
        collector.mode()
        exporter.end()
        collector.spans()  # each once


@test
def no_stream_of_records(t):
    """What is no record ends it."""
    collector = Collector(t)
    good = record("request.completed", (b"id", b"GET", b"h", b"/"))
    for bad in (b"\0" * 400, b"\xff" * 400, good[:8] + struct.pack("<I", 160 + 1) + good[12:], good[:8] + struct.pack("<I", 8192) + good[12:],
                good[:132] + b"\xff" + good[133:], good[:136] + b"\xff\xff" + good[138:],
                record("llm.call.completed"), record("llm.call.failed", facts=facts()[:-40] + b"\xff" * 40)):
        exporter = Exporter(t, **collector.environment())
        before = len(collector.spans())
        with contextlib.suppress(BrokenPipeError):
            exporter.write(record("request.completed", span=before + 7) + bad)
        collector.wait(before + 1)
        exporter.process.wait(10)
        with contextlib.suppress(BrokenPipeError):
            exporter.end()


@test
def many_processes(t):
    """One octoshim-otlp a service, whoever of its processes leads; each process is a resource of its own."""
    collector = Collector(t)
    for name in ("nginx", "gunicorn_gthread", "apache_prefork", "node_cluster", "puma_cluster", "uvicorn_workers"):
        service = KINDS[name].start(t, name, env=collector.environment(OTEL_BSP_MAX_QUEUE_SIZE="20000"))
        t.load(service, "/small", 400, 16, ("-r",) if KINDS[name].again else ())

        def pids():
            return ({s["spanId"]: s["pid"] for s in collector.spans() if s["service"] == name},
                    {e["span_id"]: e["pid"] for e in service.log.events("request.completed", "request.aborted")})
        wait_until(lambda: len(pids()[1]) >= 400 and pids()[0] == pids()[1],
                   lambda: f"{name}: the spans of {len(pids()[1])} requests; there are {len(pids()[0])}")
        if not KINDS[name].again:  # there workers, the leading one too, end all the time
            equal(len(helpers()), 1, f"{name}: processes of octoshim-otlp")
        service.stop()
        wait_until(lambda: not helpers(), f"octoshim-otlp of {name} to end")


@test
def leader_is_killed(t):
    """Workers are killed under load: what they have answered is sent once at most, by whoever leads then."""
    collector = Collector(t)
    service = KINDS["gunicorn_sync"].start(t, "orders", env=collector.environment(OTEL_BSP_MAX_QUEUE_SIZE="20000"))
    finish = t.load_beside(service, "/small", 3000, 8, ("-r",))
    for _ in range(4):
        time.sleep(0.3)
        for worker in service.workers()[:2]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
    report = finish()
    wait_until(lambda: service.log.count("request.completed") >= report["served"], "all to be written")
    time.sleep(1)
    events, spans = service.log.events("request.completed"), collector.spans()
    missing = {e["span_id"] for e in events} - {s["spanId"] for s in spans}
    check({s["spanId"] for s in spans} <= {e["span_id"] for e in events + service.log.events("request.aborted")}, "spans of nothing")
    # A leader killed between handing over and saying so: those are given up, rather than sent twice.
    check(len(missing) <= 0.1 * len(events), f"{len(missing)} of {len(events)} spans are missing")
    t.notes.append(f"{len(events)} requests, {len(missing)} spans missing after 8 kills")


@test
def first_process_of_a_container(t):
    """Where all else ends with the service, it waits for its last spans."""
    if os.geteuid() != 0:
        raise Skip("needs root, for a namespace")
    collector = Collector(t)
    service = t.service("first", ["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc", PYTHON,
                                  os.path.join(APPS, "threading_server.py"), "127.0.0.1:{port}"],
                        env=collector.environment(OTEL_BSP_SCHEDULE_DELAY="60000"), group=True)
    t.load(service, "/small", 100, 4)
    inside = [p for p in descendants(service.pid) if read_bytes(f"/proc/{p}/cmdline").startswith(PYTHON.encode())]
    os.kill(inside[0], signal.SIGINT)
    wait_until(lambda: not service.alive() or service.process.poll() is not None, "the namespace to end")
    collector.wait(100, 2)


@test
def named_by_the_service(t):
    """A span that the service has named is its own exporter's; one that it merely passes on, and none, are ours to name."""
    own = "a" * 16
    for header, exported in (('""', True), ("$http_traceparent", True), (f"00-{TRACE}-{own}-01", False)):
        collector = Collector(t, f"collector-{exported}-{len(header)}")
        port = free_port()
        front = conf(t, f"front{len(header)}", NGINX_FRONT.replace("UPSTREAM", upstream(t, str(len(header))).address).replace("HEADER", header), port)
        service = t.service(f"front{len(header)}", ["/usr/sbin/nginx", "-c", front, "-e", os.path.dirname(front) + "/error.log"],
                            port=port, env=collector.environment())
        t.get(service, "/", f"traceparent: 00-{TRACE}-{SPAN}-01\r\n")
        spans = collector.wait(2 if exported else 1)
        service.log.wait("client.request.completed", 1)
        served = next(s for s in spans if s["kind"] == SERVER)
        made = service.log.events("client.request.completed")[0]
        equal((served["parentSpanId"], made["trace_id"]), (SPAN, TRACE), f"with {header}")
        if exported:
            client = next(s for s in spans if s["kind"] == CLIENT)
            equal((client["spanId"], client["parentSpanId"]), (made["span_id"], served["spanId"]), f"the call, with {header}")
            check(client["spanId"] not in (SPAN, served["spanId"]), f"with {header} the call has another's span: {client}")
        else:
            equal(made["span_id"], own, f"the call, with {header}")


@test
def no_format(t):
    """Nothing is inserted with OTEL_PROPAGATORS=none; spans there are."""
    collector = Collector(t)
    service = RELAY_KINDS["python_threading"][0](t, "quiet", upstream(t, "traceparent"), env=collector.environment(
        OTEL_PROPAGATORS="none", ONCE="1"))
    equal(t.get(service, "/relay/1")[2].strip(), b"-", "what the next service was sent")
    server, client = sorted(collector.wait(2), key=lambda s: s["kind"])
    equal((client["traceId"], client["parentSpanId"], server["parentSpanId"]), (server["traceId"], server["spanId"], ""), "the tree")
