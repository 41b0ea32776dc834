"""Which inbound request is an outbound one made for? With many at once, on each runtime: no link may be wrong where it says that it
is certain; how many are found is told."""
from harness import check, equal, test
from relays import RELAY_KINDS, ask, upstream

REQUESTS, CLIENTS = 1280, 64
PARTLY = {}  # where not every request can be linked, and why


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
            if name not in PARTLY:
                equal(counts["none"], 0, f"{path}: requests without an ID")
        service.log.wait("client.request.completed", total * len(paths) if name not in PARTLY else 1, more=1 << 20)
        service.stop()
        events = service.log.events("client.request.completed")
        certain = [e for e in events if e.get("context") == "certain"]
        check(len(certain) >= total * len(paths) or name in PARTLY, f"{len(certain)} certain of {len(events)}")
        for e in certain:
            check(e["path"].rpartition("/relay/")[2].split("/")[0] == e["request_id"].rpartition(".")[2] or
                  "/late/" in e["path"], f"the ID of another request: {e}")
        t.validate(service.log)
    measured.__name__ = f"context_{name}"
    return measured


for each in RELAY_KINDS:
    test(relay(each))
