"""The test routes on Python's own ThreadingHTTPServer with keep-alive. argv: address (HOST:PORT or unix:PATH)."""
import os
import socket
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = not sys.argv[1:2] or not sys.argv[1].startswith("unix:")

    def address_string(self):
        return "client"

    def log_message(self, *args):
        pass

    def answer(self, status, body, length=None):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/small":
            self.answer(200, b"hello\n")
        elif path == "/id":
            self.answer(200, self.headers.get("X-Request-ID", "none").encode() + b"\n")
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(20):
                piece = f"piece {i} ".encode() * 40
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/big":
            with open(os.environ["BIG_FILE"], "rb") as f:
                self.answer(200, b"", os.path.getsize(f.name))
                self.wfile.flush()
                self.connection.sendfile(f)
        elif path == "/error":
            self.answer(500, b"broken\n")
        elif path == "/slow":
            time.sleep(0.3)
            self.answer(200, b"late\n")
        else:
            self.answer(404, b"not here\n")

    do_HEAD = do_GET

    def do_POST(self):
        self.answer(200, self.body())


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # without the look-up of a host name
        self.server_name, self.server_port = "test", 0


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("unix", 0)


if __name__ == "__main__":
    address = sys.argv[1]
    if address.startswith("unix:"):
        server = UnixServer(address[5:], Handler)
    else:
        host, _, port = address.rpartition(":")
        if ":" in host:
            Server.address_family = socket.AF_INET6
        server = Server((host.strip("[]"), int(port)), Handler)
    server.serve_forever()
