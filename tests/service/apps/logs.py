"""A service that logs with structlog, as its documentation says: JSON lines on stdout, a plain one on stderr. On threads (argv: host:port),
or as a FastAPI application."""
import asyncio
import http.server
import logging
import sys
import time

import structlog

structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
                                structlog.processors.JSONRenderer()],
                    logger_factory=structlog.PrintLoggerFactory(sys.stdout))
logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
log = structlog.get_logger()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        log.info("order.paid", order=self.path)
        logging.warning("plain %s", self.path)
        time.sleep(0.002)
        log.info("order.sent", order=self.path, request_id="its own")
        log.info("order.done", order=self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


if __name__ == "__main__":
    log.info("starts")
    host, _, port = sys.argv[1].rpartition(":")
    Server((host, int(port)), Handler).serve_forever()
else:
    from fastapi import FastAPI, Request, Response
    app = FastAPI()

    @app.get("/{rest:path}")
    async def paid(request: Request):
        log.info("order.paid", order=request.url.path)
        logging.warning("plain %s", request.url.path)
        await asyncio.sleep(0.002)
        log.info("order.sent", order=request.url.path, request_id="its own")
        log.info("order.done", order=request.url.path)
        return Response()
