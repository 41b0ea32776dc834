"""The demo's Python service: answers /orders/N, asking the stock service and handing its caller's request ID on.

    orders.py PORT STOCK_PORT
"""

import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STOCK = f"http://127.0.0.1:{sys.argv[2]}/stock/"


class Orders(BaseHTTPRequestHandler):
    def do_GET(self):
        number = self.path.rpartition("/")[2]
        # No client of the demo sends it: this header is what the shim put into the request.
        request_id = self.headers.get("X-Request-ID", "")
        question = urllib.request.Request(STOCK + number, headers={"X-Request-ID": request_id})
        with urllib.request.urlopen(question, timeout=5) as answer:
            stock = json.load(answer)
        body = json.dumps({"order": number, "seen_by_python": request_id, "stock": stock}).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Orders).serve_forever()
