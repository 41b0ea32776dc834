"""A service that catches SIGTERM, and on request leaves it to the kernel again, as Python does at its end. argv: address."""
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/default":
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
host, port = sys.argv[1].rsplit(":", 1)
HTTPServer((host, int(port)), Handler).serve_forever()
