"""Which inbound request is an outbound one made for? With many at once, on each runtime: no link may be wrong where it says that it
is certain; how many are found is told."""
import collections
import os

from harness import check, equal, test
from otlp import CLIENT, SERVER, Collector
from relays import RELAY_KINDS, ask, chain, upstream

REQUESTS, CLIENTS = 1280, 64
PARTLY = {"puma": 0.9}  # the least share where not every request is linked: of heads that its reactor reads the thread is not known


def relay(name):
    def measured(t):
        start, paths, lines = RELAY_KINDS[name]
        service = start(t, name, upstream(t))
        for path in paths:
            counts = ask(service, path, REQUESTS, CLIENTS, lines)
            total = sum(counts.values())
            t.notes.append(f"{name} {path}: {100 * counts['right'] / total:.2f} % of {total} carried the right ID, "
                           f"{counts['none']} none, {counts['wrong']} a wrong one")
            equal(counts["wrong"], 0, f"{path}: wrong IDs")
            least = PARTLY.get(name, 1)
            check(counts["right"] >= least * total, f"{path}: {counts['none']} of {total} without an ID")
        service.log.wait("client.request.completed", total * len(paths), more=1 << 20)
        service.stop()
        events = service.log.events("client.request.completed")
        certain = [e for e in events if e.get("context") == "certain"]
        check(len(certain) >= least * total * len(paths), f"{len(certain)} certain of {len(events)}")
        for e in certain:
            check(e["path"].rpartition("/relay/")[2].split("/")[0] == e["request_id"].rpartition(".")[2] or
                  "/late/" in e["path"], f"the ID of another request: {e}")
        t.validate(service.log)
    measured.__name__ = f"context_{name}"
    return measured


for each in RELAY_KINDS:
    test(relay(each))


@test
def a_chain_of_services(t):
    """One ID and one trace from end to end: every request in all five logs, each service's call to the next one for certain;
    and the spans that a receiver gets of it are one tree."""
    requests = int(os.environ.get("OCTO_CHAIN_REQUESTS", 2000))
    collector = Collector(t)
    services = chain(t, collector.environment(OTEL_BSP_MAX_QUEUE_SIZE="100000"))
    counts = ask(services[0], "/httpx/", requests, 64, 1, seconds=50 + requests // 100)
    equal((counts["none"], counts["wrong"]), (0, 0), "requests that came without their ID, and with another one")
    traces = collections.defaultdict(set)
    for service in services:
        service.log.wait("request.completed", requests, 30)
        made = [] if service is services[-1] else service.log.events("client.request.completed")
        served = service.log.events("request.completed")
        equal(len({e["request_id"] for e in served}), requests, f"{service.name}: IDs")
        for e in served:
            traces[e["request_id"]].add(e["trace_id"])
        equal(len({e["span_id"] for e in served + made}), len(served) + len(made), f"{service.name}: spans")
        if made:
            equal(collections.Counter(e.get("context") for e in made), {"certain": requests}, f"{service.name}: contexts")
            trace = {e["request_id"]: e["trace_id"] for e in served}
            wrong = [e for e in made if trace[e["request_id"]] != e["trace_id"]]
            check(not wrong, f"{service.name}: a call in another trace: {wrong[:1]}")
    equal(len(traces), requests, "IDs in all")
    check(all(len(found) == 1 for found in traces.values()), "a request has several traces")
    equal(len({trace for found in traces.values() for trace in found}), requests, "traces")
    for service in services:
        service.stop()
        t.validate(service.log)
    check_trees(collector.wait(requests * (2 * len(services) - 1), 30), [s.name for s in services], requests)
    t.notes.append(f"{requests} requests through {len(services)} services: one ID, one trace, one tree of spans each, no crossing")


def check_trees(spans, names, requests):
    """Of each trace: a server span of each service, and a client span of each but the last, its child. The server span of the
    next is the child of that; of the first, which passes on the header that it has been sent, of what that names."""
    trees = collections.defaultdict(dict)
    for span in spans:
        place = (span["service"], span["kind"])
        check(place not in trees[span["traceId"]], f"two spans of {place} in one trace: {span}")
        trees[span["traceId"]][place] = span
    equal(len(trees), requests, "traces")
    for tree in trees.values():
        equal(len({tuple(s["attributes"]["http.request.header.x-request-id"]) for s in tree.values()}), 1, f"IDs of {tree}")
        parent = ""
        for number, name in enumerate(names):
            server = tree[name, SERVER]
            equal(server["parentSpanId"], parent, f"parent of {server}")
            if number + 1 < len(names):
                client = tree[name, CLIENT]
                equal(client["parentSpanId"], server["spanId"], f"parent of {client}")
                check(int(server["startTimeUnixNano"]) <= int(client["startTimeUnixNano"]), f"{client} began before {server}")
                parent = (server if number == 0 else client)["spanId"]
