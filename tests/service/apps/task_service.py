"""A service of tasks as many are: Flask, structlog, a pool of PostgreSQL, MySQL and redis connections. It knows nothing of
octoshim, and has neither metrics nor request IDs of its own. Environment: POSTGRES, MYSQL, REDIS: ports, where there are any;
POSTGRES_HOST: a directory for Unix sockets; POOL: how many connections to make as it starts."""
import os
import time
import urllib.request

import psycopg2
import pymysql
import redis
import structlog
from flask import Flask, jsonify, request

structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
                    logger_factory=structlog.PrintLoggerFactory())
log = structlog.get_logger()
app = Flask(__name__)
ports = {name: int(os.environ[name]) for name in ("POSTGRES", "MYSQL", "REDIS") if name in os.environ}
pool = []


def connect(kind):
    if kind == "POSTGRES":
        c = psycopg2.connect(host=os.environ.get("POSTGRES_HOST", "127.0.0.1"), port=ports[kind], user="postgres")
        c.cursor().execute("select 1")
    elif kind == "MYSQL":
        c = pymysql.connect(host="127.0.0.1", port=ports[kind], user="root")
        c.ping()
    else:
        c = redis.Redis(port=ports[kind])
        c.ping()
    return c


@app.post("/tasks")
def create():
    task = request.get_json()["task"]
    if task.get("arm") == "none":
        log.error("task.failed", error_code="no_arm", logger="planner", task=task)
        return jsonify(error="there is no such arm"), 422
    log.info("task.created", logger="planner", task=task)
    return jsonify(task={"id": 17, **task}), 201


@app.post("/tasks/<number>/run")
def run(number):
    task = request.get_json()["task"]
    time.sleep(float(request.args.get("seconds", 0)))
    log.info("task.completed", logger="executor", number=number, task=task)
    return jsonify(done=True)


@app.post("/cache/<name>/<int:size>")
def cache(name, size):
    log.info("cache.size", logger="cache", cache=name, bytes=size)
    return jsonify(size=size)


@app.post("/ask")
def ask():
    """A language model, at LLM."""
    asked = urllib.request.Request(f"http://{os.environ['LLM']}/v1/chat/completions", b'{"model": "gpt-4o", "messages": []}',
                                   {"Content-Type": "application/json"})
    return urllib.request.urlopen(asked, timeout=10).read()


@app.get("/redis")
def used_memory():
    with redis.Redis(port=ports["REDIS"], single_connection_client=True) as client:
        client.set("fake", "# Memory\r\nused_memory:1\r\n")
        client.get("fake")
        used = client.info()["used_memory"]
        client.get("fake")
    return jsonify(used=used)


@app.post("/connect/<kind>/<int:number>")
def connect_many(kind, number):
    pool.extend(connect(kind) for _ in range(number))
    return jsonify(pool=len(pool))


@app.post("/close")
def close():
    while pool:
        pool.pop().close()
    return jsonify(pool=0)


for _ in range(int(os.environ.get("POOL", 0))):
    pool.extend(connect(kind) for kind in ports)
