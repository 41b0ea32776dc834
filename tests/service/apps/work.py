"""A service that does as it is told: /sleep/30 ms, /cpu/50 ms of processor time, /fork/50 the same by a child, which answers,
/sync/30 a file and sleep, / nothing. A thread for each connection; with uvicorn (work:app) tasks, which sleep together."""
import asyncio
import http.server
import os
import sys
import tempfile
import time


def spin(ms):
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        pass


def sync():
    with tempfile.TemporaryFile() as file:
        for _ in range(10):  # longer than all that makes the file, on whatever disk
            file.write(b"x" * 10000)
            file.flush()
            os.fsync(file.fileno())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, what, *much = self.path.split("/")
        if what == "sleep":
            time.sleep(int(much[0]) / 1000)
        elif what == "cpu":
            spin(int(much[0]))
        elif what == "sync":
            sync()
            time.sleep(int(much[0]) / 1000)
        elif what == "fork":
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                self.close_connection = True
                return
            spin(int(much[0]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        if what == "fork":
            os._exit(0)

    def log_message(self, *_):
        pass


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    _, what, *much = scope["path"].split("/")
    if what == "sleep":
        await asyncio.sleep(int(much[0]) / 1000)
    elif what == "cpu":
        spin(int(much[0]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    host, port = sys.argv[1].split(":")
    http.server.ThreadingHTTPServer.daemon_threads = True
    http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
