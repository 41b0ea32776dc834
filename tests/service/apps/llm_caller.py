"""POST {"host", "path", "body", "how"}: asks the API at UPSTREAM for that, as that host, and answers with what came. argv: host:port.
how: "whole" (head and body in one), "parts", "chunked"."""
import http.client
import http.server
import json
import os
import socket
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        connection = http.client.HTTPConnection(os.environ["UPSTREAM"], timeout=10)
        body = json.dumps(asked["body"]).encode()
        headers = {"Host": asked["host"], "Content-Type": "application/json"}
        try:
            if asked["how"] == "whole":
                connection.connect()
                head = "".join(f"{k}: {v}\r\n" for k, v in {**headers, "Content-Length": len(body)}.items())
                connection.sock.sendall(f"POST {asked['path']} HTTP/1.1\r\n{head}\r\n".encode() + body)
                answer = http.client.HTTPResponse(connection.sock, method="POST")
                answer.begin()
            else:
                pieces = (body[at:at + 5] for at in range(0, len(body), 5))
                connection.request("POST", asked["path"], body if asked["how"] == "parts" else pieces, headers,
                                   encode_chunked=asked["how"] == "chunked")
                answer = connection.getresponse()
            status, data = answer.status, answer.read()
        except (http.client.HTTPException, OSError, socket.timeout) as e:
            status, data = 599, repr(e).encode()
        connection.close()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    where, _, number = sys.argv[1].rpartition(":")
    http.server.ThreadingHTTPServer.request_queue_size = 512
    http.server.ThreadingHTTPServer((where, int(number)), Handler).serve_forever()
