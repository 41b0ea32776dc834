"""The test routes as a Flask application, for gunicorn."""
import os
import time

from flask import Flask, Response, request, send_file

app = Flask(__name__)


@app.get("/small")
def small():
    return Response("hello\n", mimetype="text/plain")


@app.get("/id")
def seen_id():
    return Response(request.headers.get("X-Request-ID", "none") + "\n", mimetype="text/plain")


@app.get("/chunked")
def chunked():
    return Response((f"piece {i} ".encode() * 40 for i in range(20)), mimetype="text/plain")


@app.get("/big")
def big():
    return send_file(os.environ["BIG_FILE"], mimetype="application/octet-stream", conditional=False, etag=False)


@app.post("/echo")
def echo():
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.get("/error")
def error():
    return Response("broken\n", status=500, mimetype="text/plain")


@app.get("/slow")
def slow():
    time.sleep(0.3)
    return Response("late\n", mimetype="text/plain")
