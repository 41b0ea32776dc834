"""GET /relay/N asks the upstream twice and answers with what came, a line each (ONCE: asks once): on a thread for each connection, or as a WSGI
application. Connections to the upstream are pooled over all threads. argv: host:port."""
import http.client
import http.server
import os
import queue
import sys

pool = queue.SimpleQueue()


def ask(path):
    try:
        connection = pool.get_nowait()
    except queue.Empty:
        connection = http.client.HTTPConnection(os.environ["UPSTREAM"], timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse().read()
    pool.put(connection)
    return answer


def relay(path):
    return ask(path + "/a") + (b"" if os.environ.get("ONCE") else ask(path + "/b"))


def app(environ, start_response):
    body = relay(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = relay(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    Server((host, int(port)), Handler).serve_forever()
