"""A receiver of spans and metrics (apps/collector.js), and what has arrived there; octoshim-otlp without a service."""
import json
import mmap
import os
import struct
import subprocess
import urllib.request

from harness import APPS, BUILD, check, free_port, read_bytes, wait_until

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

    def resources(self, signal="traces"):
        for post in self.posts():
            if post["signal"] != signal:
                continue
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
                    span["pid"] = resource["attributes"]["process.pid"]
                    check(found.setdefault(span["spanId"], span) is span, f"sent twice: {span}")
        return list(found.values())

    def pushed(self, service):
        """What it has kept of a service's metrics, push by push: by name."""
        return [{m["name"]: m for scope in r["scopes"] for m in scope["metrics"]}
                for r in self.resources("metrics") if r["attributes"]["service.name"] == service]

    def wait(self, number, seconds=15):
        """Waits for so many spans; there must not be more."""
        wait_until(lambda: len(self.spans()) >= number, lambda: f"{number} spans; there are {len(self.spans())}", seconds)
        found = self.spans()
        check(len(found) == number, f"{len(found)} spans have come, {number} were wanted")
        return found


RESULTS = ("exported", "dropped", "rejected", "failed")
ENDINGS = {"request.completed": 1, "request.aborted": 2, "client.request.completed": 5, "client.request.failed": 6,
           "llm.call.completed": 7, "llm.call.failed": 8}


def record(kind, texts=(b"", b"", b"", b""), socket=b"", family=0, peer=b"", port=0, flags=0, status=0, reason=0, mono=0, took=0,
           trace=(1, 1), span=1, parent=0, trace_flags=1, protocol=11, pid=1, facts=b""):
    """As include/octoshim/record.h has it. texts: ID, method, host, target."""
    text = b"".join(texts) + socket + facts
    size = -(-(142 + len(text)) // 32) * 32
    head = struct.pack("<QIBBBBQQQQQQQ2QQQIIHH16sBBBBHHBB", 0, size, ENDINGS[kind], 1, flags, family, mono, took, 0, 0, 0, 0, 0, *trace,
                       span, parent, pid, 0, status, reason, peer, *map(len, texts[:3]), protocol, len(texts[3]), port, trace_flags, 0)
    return (head + text).ljust(size, b"\0")


def facts(first_token=0, tokens=(0xffffffff, 0xffffffff), operation=0, streams=0, provider=b"openai", model=b"", answer_model=b""):
    """Of a model's call."""
    return struct.pack("<QIIBBBBB3x", first_token, *tokens, operation, streams, len(provider), len(model), len(answer_model)) + \
        provider + model + answer_model


class Exporter:
    """octoshim-otlp under sanitizers, as the writer starts it."""

    def __init__(self, t, **env):
        page = os.memfd_create("page")
        os.ftruncate(page, 4096)
        self.page = mmap.mmap(page, 4096)
        self.text = os.dup(page)
        self.bell = os.eventfd(0, os.EFD_NONBLOCK)
        self.findings = os.path.join(t.root, "sanitizer")
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$0" 3<&{page} 4<&{self.bell}', os.path.join(BUILD, "octoshim-otlp")],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[page, self.bell],
            env={"SERVICE_NAME": "x", "ASAN_OPTIONS": f"log_path={self.findings}",
                 "UBSAN_OPTIONS": f"log_path={self.findings}", **SOON, **env})
        os.close(page)

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def put_metrics(self, text, since=1, now=2, wait=True):
        """As the writer does, once the last ones are taken."""
        os.pwrite(self.text, text, 4096)
        self.page[32:56] = struct.pack("<3Q", since, now, len(text))
        os.eventfd_write(self.bell, 1)
        if wait:
            wait_until(lambda: self.page[48:56] == bytes(8), "the metrics to be taken")

    def results(self):
        return dict(zip(RESULTS, struct.unpack("<4Q", self.page[:32])))

    def end(self):
        """Ends it; returns what it had to say at its start."""
        self.process.stdin.close()
        said = self.process.stderr.read().decode()
        code = self.process.wait(20)
        found = [name for name in os.listdir(os.path.dirname(self.findings)) if name.startswith("sanitizer")]
        check(code == 0 and not found, f"octoshim-otlp ended with {code}: {said} "
              + "".join(read_bytes(os.path.join(os.path.dirname(self.findings), name)).decode() for name in found)[:3000])
        return said
