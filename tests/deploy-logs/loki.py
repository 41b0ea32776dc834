"""A stand-in for Loki: takes POST /loki/api/v1/push in JSON and keeps what came."""
import gzip
import http.server
import json
import threading


class Loki:
    """entries: (labels, nanoseconds, line, metadata) in the order of arrival."""

    def __init__(self):
        self.entries = []
        self.refused = []  # requests that Loki would not take
        self.lock = threading.Lock()
        loki = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(loki.take(self.path, self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):  # Vector asks /ready
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, headers, body):
        try:
            if path != "/loki/api/v1/push":
                raise ValueError(path)
            if headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            entries = []
            for stream in json.loads(body)["streams"]:
                for value in stream["values"]:
                    metadata = value[2] if len(value) > 2 else {}
                    if not all(isinstance(v, str) for v in [*stream["stream"].values(), *metadata.values(), value[1]]):
                        raise ValueError(f"not a string in {stream['stream']} {value}")
                    entries.append((stream["stream"], int(value[0]), value[1], metadata))
        except (ValueError, KeyError, TypeError, OSError) as e:
            with self.lock:
                self.refused.append(f"{type(e).__name__}: {e}")
            return 400
        with self.lock:
            self.entries += entries
        return 204

    def count(self):
        with self.lock:
            return len(self.entries)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
