"""Trace context through an unmodified service: what comes in, what the next service is sent. W3C Trace Context, b3."""
import re

from harness import check, equal, test
from relays import RELAY_KINDS, upstream

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[0-3])")


def relay(t, header, **env):
    """A service that asks another one, which answers with the header that it was sent."""
    name = "-".join(["relay", header, *env.values()])
    return RELAY_KINDS["python_threading"][0](t, name, upstream(t, header), env={"ONCE": "1", **env})


def sent(t, service, *headers):
    status, _, body = t.get(service, "/relay/1", "".join(header + "\r\n" for header in headers))
    equal(status, 200, f"the answer to {headers}")
    return body.decode().strip()


@test
def traceparent_goes_on(t):
    service = relay(t, "traceparent")
    spans = {SPAN}
    for headers, goes_on, flags in (
            ((f"traceparent: {PARENT}",), True, "01"),
            ((f"TraceParent:\t{PARENT} \t",), True, "01"),
            ((f"traceparent: {PARENT[:-2]}00",), True, "00"),
            ((f"traceparent: {PARENT[:-2]}ff",), True, "03"),
            ((f"traceparent: cc{PARENT[2:]}-what-the-future-will-be-like",), True, "01"),
            ((), False, "03"),
            ((f"traceparent: {PARENT}", f"traceparent: {PARENT}"), False, "03"),
            ((f"traceparent: {PARENT}.",), False, "03"),
            ((f"traceparent: {PARENT}-more",), False, "03"),
            ((f"traceparent: ff{PARENT[2:]}",), False, "03"),
            ((f"traceparent: {PARENT.upper()}",), False, "03"),
            ((f"traceparent: 00-{'0' * 32}-{SPAN}-01",), False, "03"),
            ((f"traceparent: 00-{TRACE}-{'0' * 16}-01",), False, "03"),
            (("traceparent: " + "x" * 8000,), False, "03"),
            (("traceparent:",), False, "03"),
            (("tracestate: a=1",), False, "03")):
        said = sent(t, service, *headers)
        form = FORM.fullmatch(said)
        check(form, f"{headers}: the next service was sent {said!r}")
        equal((form[1] == TRACE, form[3]), (goes_on, flags), f"{headers}: {said}")
        check(form[2] not in spans, f"{headers}: the span {form[2]} has been there before")
        spans.add(form[2])
    service.log.wait("client.request.completed", 16)
    for made, served in zip(service.log.events("client.request.completed"), service.log.events("request.completed")):
        equal((made["trace_id"], made["request_id"]), (served["trace_id"], served["request_id"]), "IDs of a call")
        check(made["span_id"] in spans and made["span_id"] != served["span_id"], f"{made} of {served}")
    t.validate(service.log)


@test
def tracestate_goes_on(t):
    service = relay(t, "tracestate")
    many = ",".join(f"bar{i:02}={i:02}" for i in range(33))
    for headers, wanted in (
            (("tracestate: foo=1,bar=2",), "foo=1,bar=2"),
            (("tracestate: foo=1", "TraceState: bar=2 ,, baz=3"), "foo=1,bar=2,baz=3"),
            (("tracestate: foo=1", "tracestate:", "tracestate: bar=2"), "foo=1,bar=2"),
            ((f"tracestate: {many[:-9]}",), many[:-9]),
            ((f"tracestate: {many}",), "-"),
            (("tracestate: foo=1,FOO=2",), "-"),
            (("tracestate: foo",), "-"),
            (("tracestate: " + "a=" + "x" * 300,), "-"),
            (("tracestate: " + ",".join(f"k{i}={'x' * 250}" for i in range(20)),), ",".join(f"k{i}={'x' * 250}" for i in range(2))),
            ((), "-")):
        equal(sent(t, service, f"traceparent: {PARENT}", *headers), wanted, f"tracestate after {headers}")
    equal(sent(t, service, "tracestate: foo=1"), "-", "without a traceparent")
    equal(sent(t, service, f"traceparent: {PARENT}x", "tracestate: foo=1"), "-", "with one that is not valid")


@test
def formats(t):
    """b3 where it is asked for, nothing where none is; what the service itself sends is left alone."""
    b3 = relay(t, "b3", OTEL_PROPAGATORS="b3")
    said = sent(t, b3, f"b3: {TRACE}-{SPAN}-0")
    check(re.fullmatch(f"{TRACE}-(?!{SPAN})[0-9a-f]{{16}}-0", said), f"b3 went on as {said!r}")
    check(re.fullmatch("[0-9a-f]{32}-[0-9a-f]{16}-1", sent(t, b3)), "b3 begins")
    none = relay(t, "traceparent", OTEL_PROPAGATORS="none")
    equal(sent(t, none, f"traceparent: {PARENT}"), "-", "with OTEL_PROPAGATORS=none")
    none.log.wait("request.completed", 1)
    check(not any("trace_id" in e for e in none.log.events()), "a trace although there is none")
    for setting, wanted in (("off", "-"), ("inferred", None)):
        service = relay(t, "X-Request-ID", OTEL_PROPAGATORS="none", OCTOSHIM_CONTEXT=setting)
        said = sent(t, service, "X-Request-ID: given")
        equal(said, wanted or "given", f"the ID with OCTOSHIM_CONTEXT={setting}")
        service.log.wait("client.request.completed", 1)
        context = service.log.events("client.request.completed")[0].get("context")
        equal(context, None if wanted else "certain", f"context with {setting}")
        service.stop()
        t.validate(service.log)


@test
def samplers(t):
    """The flags that go on: sampled is the sampler's to say, the rest stays as it came."""
    unsampled = PARENT[:-2] + "02"
    for sampler, arg, alone, with_sampled, with_unsampled in (
            ("always_off", None, "02", "00", "02"),
            ("always_on", None, "03", "01", "03"),
            ("parentbased_always_off", None, "02", "01", "02"),
            ("parentbased_traceidratio", "0", "02", "01", "02"),
            ("traceidratio", "1", "03", "01", "03"),
            ("traceidratio", "0", "02", "00", "02")):
        service = relay(t, "traceparent", OTEL_TRACES_SAMPLER=sampler, **({"OTEL_TRACES_SAMPLER_ARG": arg} if arg else {}))
        for headers, wanted in (((), alone), ((f"traceparent: {PARENT}",), with_sampled),
                                ((f"traceparent: {unsampled}",), with_unsampled)):
            said = sent(t, service, *headers)
            form = FORM.fullmatch(said)
            check(form and form[3] == wanted, f"{sampler} {arg} {headers}: {said!r}, wanted flags {wanted}")
            equal(form[1] == TRACE, bool(headers), f"the trace of {said}")
    service = relay(t, "traceparent", OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")
    flags = [FORM.fullmatch(sent(t, service))[3] for _ in range(200)]
    check(60 <= flags.count("03") <= 140 and flags.count("03") + flags.count("02") == 200, f"half of 200: {flags}")
