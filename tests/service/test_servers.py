"""Every server: what it serves is what is logged, to the last request, and nobody can tell but by the header."""
import collections
import os
import re
import stat
import subprocess
import time

import raw_cases
from compare import ANY, NONE, ONE, compare
from harness import MADE_ID, TESTS, check, equal, test
from servers import KINDS, PYTHON, app, backend, haproxy, nginx, simple


def traffic(kind):
    """(route, requests, connections, options, method, status) of what the counting client sends."""
    def n(number):
        return max(4, int(number * kind.scale))

    yield "small", n(200), 1, (), "GET", 200
    yield "small", n(3000), kind.widest, (), "GET", 200
    yield "small", n(40), 1, ("-1",), "GET", 200
    yield "small", n(300), kind.widest, ("-1",), "GET", 200
    yield "small", n(20), 2, ("-0", "-1"), "GET", 200
    yield "small", n(60), 4, ("-m", "HEAD"), "HEAD", 200
    yield "missing", n(60), 4, ("-s", "404"), "GET", 404
    yield "big", 3, 1, (), "GET", 200
    yield "big", 6, 6, ("-1",), "GET", 200
    yield "small", n(400), min(16, kind.widest), ("-i", "cli-7f:/+=@_."), "GET", 200
    if kind.has("pipeline"):
        yield "small", n(403), 4, ("-p", "8"), "GET", 200
    if kind.has("chunked"):
        yield "chunked", n(20), 1, (), "GET", 200
        yield "chunked", n(100), 8, (), "GET", 200
    if kind.has("error"):
        yield "error", n(40), 4, ("-s", "500"), "GET", 500
    if kind.has("echo"):
        yield "echo", n(60), 4, ("-m", "POST", "-b", "3000"), "POST", 200
        yield "echo", 4, 2, ("-m", "POST", "-b", "1000000"), "POST", 200
        if kind.has("chunked-echo"):
            yield "echo", n(60), 4, ("-m", "POST", "-b", "5000", "-C"), "POST", 200


def count_exactly(t, kind, shim):
    """Drives it with the counting client: the log has these requests and no others. Returns their IDs, and how many
    requests had to be sent again because the server hung up."""
    ids, wanted, retried = [], collections.Counter(), 0
    for route, requests, connections, options, method, status in traffic(kind):
        again = ("-r",) if kind.again and "-1" not in options else ()
        report = t.load(shim, kind.path(route), requests, connections, (*options, *again))
        ids += report["ids"]
        retried += report["retried"]
        wanted[method, kind.path(route), status] += requests
        if route == "big":
            equal(report["body_bytes"], 10 << 20, "bytes of the big body")
        if route == "echo":
            equal(report["body_bytes"], int(options[options.index("-b") + 1]), "bytes echoed")
    served = sum(wanted.values())
    shim.log.wait("request.completed", served, more=retried)
    found = t.check_events(shim.log, ids, None if kind.again else served, more=retried)
    equal(collections.Counter((e["method"], e["path"], e["status_code"]) for e in found), wanted,
          "requests by method, path and status")
    for e in found:
        check(e["host"] == "load.test" and e["client"] == "127.0.0.1" and e["service"] == shim.name, f"facts of {e}")
        if e["path"] == kind.path("big"):
            check(10 << 20 < e["bytes_out"] < (10 << 20) + 2000, f"bytes_out of {e}")
    return ids, retried


def curl(t, kind, shim):
    """A real client, as people use it. Returns the IDs it saw."""
    ids = []

    def run(path, *options, status="200"):
        done = subprocess.run(["curl", "-sS", "-i", "--max-time", "20", *options, f"http://{shim.address}{path}"],
                              capture_output=True, timeout=30)
        equal(done.returncode, 0, f"curl {path}: {done.stderr.decode()}")
        blocks = done.stdout.split(b"\r\n\r\n")
        while blocks[0].startswith((b"HTTP/1.1 100", b"HTTP/1.0 100")):
            blocks.pop(0)
        lines = blocks[0].decode("latin-1").split("\r\n")
        check(lines[0].split()[1] == status, f"curl {path}: {lines[0]}")
        found = [line[14:] for line in lines if line.startswith("X-Request-ID: ")]
        equal(len(found), 1, f"X-Request-ID lines for curl {path}")
        ids.append(found[0])
        return b"\r\n\r\n".join(blocks[1:])

    equal(run(kind.path("small")), b"hello\n", "body by curl")
    run(kind.path("missing"), status="404")
    if kind.has("id"):
        equal(run(kind.path("id")).decode().strip(), ids[-1], "the ID that the handler saw, and the client")
        check(MADE_ID.fullmatch(ids[-1]), f"form of {ids[-1]}")
        equal(run(kind.path("id"), "-H", "x-request-id: from-the-client-1").decode().strip(), "from-the-client-1",
              "the ID that the client sent, seen by the handler")
        equal(ids[-1], "from-the-client-1", "the ID that the client sent, seen by the client")
    if kind.has("echo"):
        body = t.file("body", "0123456789abcdef" * 100000)  # over 1 MB: curl sends Expect: 100-continue
        equal(len(run(kind.path("echo"), "--data-binary", "@" + body)), 1600000, "bytes echoed to curl")
    return ids


def said_to_be_dropped(log):
    """None, unless the machine gives the writer no processor for a tenth of a second while wrk does its worst."""
    return sum(e["count"] for e in log.events("shim.events.dropped"))


def wrk(t, kind, shim):
    """wrk stops in the middle of requests: completed must be what it counted, or a few more."""
    before = shim.log.count("request.completed")
    done = subprocess.run(["wrk", "-t1", "-c16", "-d1s", f"http://{shim.address}{kind.path('small')}"],
                          capture_output=True, text=True, timeout=30)
    equal(done.returncode, 0, f"wrk: {done.stderr}")
    served = int(next(line for line in done.stdout.splitlines() if " requests in " in line).split()[0])
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        started, completed, aborted = (shim.log.count("request." + w) for w in ("started", "completed", "aborted"))
        if completed - before >= served and started == completed + aborted:
            break
        time.sleep(0.05)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    more = 16 + (sum(map(int, broken.groups())) if broken else 0)
    dropped = said_to_be_dropped(shim.log)
    check(served - dropped <= completed - before <= served + more,
          f"wrk counted {served}, completed are {completed - before}; said to be dropped: {dropped}")
    check(abs(started - completed - aborted) <= dropped, f"{started} started, {completed} completed and {aborted} aborted after wrk")


def whole(t, name, kind):
    shim = kind.start(t, name)
    ids, retried = count_exactly(t, kind, shim)
    ids += curl(t, kind, shim)
    shim.log.wait("request.completed", len(ids), more=retried)
    wrk(t, kind, shim)
    bare = kind.start(t, name + "-bare", shim=False)
    compare(bare, shim, raw_cases.good(kind), ONE, 10)
    compare(bare, shim, raw_cases.bad(kind), ANY, 1.0, threads=6)
    paths = {e["path"] for e in shim.log.events("request.completed")}
    check(not any("?" in p for p in paths), f"a query in a path: {paths}")
    bare.stop()
    shim.stop()
    t.validate(shim.log)
    started, completed, aborted = (shim.log.count("request." + w) for w in ("started", "completed", "aborted"))
    check(abs(started - completed - aborted) <= said_to_be_dropped(shim.log),
          f"{started} started, {completed} completed and {aborted} aborted after the end")
    logged = b"\n".join(shim.log.lines())
    check(b"token=c" not in logged, "a query in the log")
    check(b"\x1b" not in logged and b"\\u001b" not in logged, "an unusable ID in the log")


def dry(t, name, kind):
    """Without the library: do the servers themselves, and two bare ones compared, behave as the tests expect?"""
    one = kind.start(t, name, shim=False)
    for route, requests, connections, options, _, _ in traffic(kind):
        t.load(one, kind.path(route), requests, connections, (*options, "-r") if kind.again else options)
    two = kind.start(t, name + "-bare", shim=False)
    compare(two, one, raw_cases.good(kind), NONE, 10)
    compare(two, one, raw_cases.bad(kind), NONE, 1.0, threads=6)


def register(body, prefix):
    for name, kind in KINDS.items():
        def function(t, name=name, kind=kind):
            body(t, name, kind)

        function.__name__ = prefix + name
        function.alone = False
        TESTS.append(function)


if os.environ.get("OCTO_TEST_BARE"):
    register(dry, "bare_")
else:
    register(whole, "server_")


@test
def nginx_on_ipv6_and_unix(t):
    path = t.directory("sock") + "/nginx.sock"
    shim = nginx(workers=2)(t, "nginx", listen=f"listen [::1]:{{port}}; listen unix:{path};")
    ids = t.load(shim, "/small", 100, 8, address=f"[::1]:{shim.port}")["ids"]
    ids += t.load(shim, "/small", 100, 8, address=f"unix:{path}")["ids"]
    shim.log.wait("request.completed", 200)
    found = t.check_events(shim.log, ids, 200)
    clients = collections.Counter(e["client"] for e in found)
    equal(clients["::1"], 100, f"requests over IPv6; clients are {clients}")
    equal(len(clients), 2, f"kinds of client: {clients}")


@test
def python_on_unix_socket(t):
    path = t.directory("sock") + "/py.sock"
    shim = simple(PYTHON, app("threading_server.py"), f"unix:{path}", ready=lambda: is_socket(path))(t, "py")
    ids = t.load(shim, "/small", 200, 8, address=f"unix:{path}")["ids"]
    ids += t.load(shim, "/big", 3, 1, address=f"unix:{path}")["ids"]
    shim.log.wait("request.completed", 203)
    t.check_events(shim.log, ids, 203)


def is_socket(path):
    return os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)


@test
def proxy_and_backend_share_the_id(t):
    """HAProxy before Python, both preloaded: one ID a request in both logs, and one header in the response."""
    behind = backend(t, shim=True, name="behind")
    front = haproxy(t, "front", behind=behind)
    ids = t.load(front, "/small", 500, 16)["ids"]
    ids += t.load(front, "/echo", 40, 4, ("-m", "POST", "-b", "20000", "-C"))["ids"]
    ids += t.load(front, "/small", 100, 8, ("-i", "trail-"))["ids"]
    for service in (front, behind):
        service.log.wait("request.completed", 640)
        t.check_events(service.log, ids, 640)


@test
def redis_is_untouched(t):
    """Not HTTP: the same transcript as bare, a benchmark runs, and no request is seen."""
    argv = ["/usr/bin/redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--io-threads", "2"]
    script = "".join(f"SET key{i} {'v' * i * 50}\nGET key{i}\nINCR n\nLPUSH list {i}\n" for i in range(60))
    script += "LRANGE list 0 -1\nGET missing\nBADCOMMAND\nMULTI\nINCR n\nEXEC\nECHO 'GET / HTTP/1.1'\n"
    said = {}
    for shim in (False, True):
        service = t.service("redis" if shim else "redis-bare", argv, shim=shim)
        said[shim] = subprocess.run(["redis-cli", "-p", str(service.port)], input=script, capture_output=True,
                                    text=True, timeout=20).stdout
        done = subprocess.run(["redis-benchmark", "-p", str(service.port), "-n", "20000", "-c", "32", "-P", "4", "-q",
                               "-t", "set,get,lpush"], capture_output=True, text=True, timeout=40)
        equal(done.returncode, 0, f"redis-benchmark: {done.stderr}")
        check("LPUSH" in done.stdout, f"redis-benchmark said {done.stdout!r}")
        service.stop()
    check(len(said[True]) > 1000, f"redis-cli said {said[True]!r}")
    equal(said[True], said[False], "what redis-cli printed")
    equal([e for e in service.log.events() if e["event"].startswith("request.")], [], "requests seen in redis")
    t.validate(service.log)
