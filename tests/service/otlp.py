"""A receiver of spans (apps/collector.js), and what has arrived there."""
import json
import os
import urllib.request

from harness import APPS, check, free_port, read_bytes, wait_until

SERVER, CLIENT, ERROR = 2, 3, 2  # Span.kind, Status.code

# To be added to a service's environment, so that a test need not wait long.
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "200"}


class Collector:
    def __init__(self, t, name="collector", port=None, tls=()):
        self.port = port or free_port()
        self.file = os.path.join(t.directory(name), f"spans-{self.port}.jsonl")
        self.service = t.service(name, ["/usr/bin/node", os.path.join(APPS, "collector.js"), "{port}", self.file, *tls],
                                 shim=False, port=self.port)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def environment(self, **more):
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, **SOON, **more}

    def mode(self, **how):
        """See collector.js; nothing: as a good receiver again."""
        request = urllib.request.Request(f"{self.url}/mode", json.dumps(how).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=5).close()

    def posts(self):
        """What has been sent, as collector.js has written it down. A line may be in the making."""
        return [json.loads(line) for line in read_bytes(self.file).decode().split("\n")[:-1]]

    def resources(self):
        for post in self.posts():
            check("error" not in post, f"the receiver cannot read what it is sent: {post}")
            if post["taken"]:
                yield from post["resources"]

    def spans(self):
        """Those that it has kept; each once."""
        found = {}
        for resource in self.resources():
            for scope in resource["scopes"]:
                for span in scope["spans"]:
                    span["service"] = resource["attributes"]["service.name"]
                    check(found.setdefault(span["spanId"], span) is span, f"sent twice: {span}")
        return list(found.values())

    def wait(self, number, seconds=15):
        """Waits for so many spans; there must not be more."""
        wait_until(lambda: len(self.spans()) >= number, lambda: f"{number} spans; there are {len(self.spans())}", seconds)
        found = self.spans()
        check(len(found) == number, f"{len(found)} spans have come, {number} were wanted")
        return found
