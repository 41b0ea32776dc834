"""Metrics: exact over all processes of a service, whatever happens to them; and the endpoint that shows them."""
import gzip
import json
import os
import random
import signal
import socket
import threading
import time

from harness import check, equal, read_bytes, test, wait_until
from metrics import OPEN, Metrics, ask, connection, consistent, listening, scrape, wait_for
from servers import KINDS, apache, gunicorn, nginx

TOTAL, COUNT = "http_requests_total", "http_request_duration_seconds_count"


def exact(t, service, where, wanted, what, **labels):
    """As many requests are counted as were served: at once, without waiting."""
    m = Metrics(where)
    consistent(m, what)
    equal(m.sum(TOTAL, **labels), wanted, f"{what}: {TOTAL}")
    equal(m.sum(COUNT), m.sum(TOTAL), f"{what}: histogram and counter")
    wait_until(lambda: Metrics(where).sum("http_requests_in_progress") == 0, f"{what}: nothing in progress", 5)
    return m


def served(t, kind, requests=4000, connections=(1, 64), path=None, **more):
    where, env = listening()
    service = (KINDS[kind].start if isinstance(kind, str) else kind)(t, "web", env=env, **more)
    wait_for(where)
    total = 0
    options = ("-r",) if isinstance(kind, str) and KINDS[kind].again else ()
    for c in connections:
        total += t.load(service, path or "/small", requests, c, options)["served"]
    exact(t, service, where, total, service.name, status="200")
    return service, where, total


@test
def nginx_with_four_workers(t):
    service, where, total = served(t, "nginx", 20000)
    for _ in range(3):
        t.get(service, "/error")
    m = Metrics(where)
    equal((m.sum(TOTAL, status="500"), m.sum("errors_total", error_type="500")), (3, 3), "errors by status")
    equal(m.sum("errors_total"), 3, "errors in all")


@test
def gunicorn_recycled(t):
    """4 workers of 50 requests each: some 20 of them come and go."""
    where, env = listening()
    service = gunicorn("-w", "4", max_requests=50)(t, "app", env=env)
    last, stop, went_down = [0], threading.Event(), []

    def watch():
        while not stop.is_set():
            try:
                now = Metrics(where).sum(TOTAL)
            except OSError:
                continue
            if now < last[0]:
                went_down.append((last[0], now))
            last[0] = now
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    wait_for(where)
    watcher.start()
    total = sum(t.load(service, "/small", 500, c, ("-r",))["served"] for c in (1, 16))
    stop.set()
    watcher.join()
    equal(went_down, [], "scrapes in which the counter went down")
    exact(t, service, where, total, "gunicorn", status="200")
    files = os.listdir(os.path.join(service.dir, "run"))
    equal(len(files), 1, f"files of shared memory while it runs: {files}")
    cpu = Metrics(where).sum("process_cpu_seconds_total")
    check(cpu > 0.5, f"CPU time of workers that are gone is counted: {cpu}")
    service.kill_all()  # told to end, it forgets a worker that is just being born


@test
def apache_prefork_and_event(t):
    for mpm in ("prefork", "event"):
        where, env = listening()
        service = apache(mpm)(t, mpm, env=env)
        wait_for(where)
        total = sum(t.load(service, "/small", 4000, c, ("-r",))["served"] for c in (1, 32))
        exact(t, service, where, total, mpm, status="200")
        service.stop()


@test
def node_cluster_is_one_service(t):
    """Its workers are programs of their own, which join their master's segment."""
    service, where, total = served(t, "node_cluster", 3000, (1, 16))
    equal(len(os.listdir(os.path.join(service.dir, "run"))), 1, "segments")
    check(Metrics(where).sum("octoshim_processes") >= 3, "master and workers are counted as processes")


@test
def uvicorn_workers_are_one_service(t):
    """They share nothing but the listening socket and where they log."""
    service, where, total = served(t, "uvicorn_workers", 200, (1, 8))
    equal(len(os.listdir(os.path.join(service.dir, "run"))), 1, "segments")


def by_rule(t):
    """Settings under which every request is counted by rules too: by what a header field says, and its duration."""
    return {"OCTOSHIM_CONFIG": t.file("rules.json", json.dumps({"rules": [
        {"metric": "asked_total", "type": "counter", "when": {"status": "2xx"}, "labels": {"host": "$header.Host"}},
        {"metric": "took_seconds", "type": "histogram", "value": "duration", "buckets": [0.01, 1]},
        {"metric": "sent_bytes_total", "type": "counter", "value": "bytes_out"}]}))}


@test
def counted_though_killed_by_its_client(t):
    """The worker is killed by the client that has just read the response, before the worker's write has returned."""
    where, env = listening(**by_rule(t))
    service = nginx(workers=1)(t, "web", env=env)
    wait_for(where)
    for n in range(60):
        worker = wait_until(service.workers, "a worker")[0]
        with socket.create_connection(("127.0.0.1", service.port)) as s:
            s.sendall(f"GET /small?{n} HTTP/1.1\r\nHost: load.test\r\n\r\n".encode())
            got = b""
            while not got.endswith(b"hello\n"):
                part = s.recv(4096)
                check(part, f"the response ends after {got!r}")
                got += part
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker not in service.workers(), "the worker's end")
    t.load(service, "/small", 1)
    m = exact(t, service, where, 61, "killed by its client", status="200")
    equal([m.sum(name) for name in ("asked_total", "took_seconds_count")], [61, 61], "counted by rules")
    equal(m.sum("sent_bytes_total") % 61, 0, "bytes of responses that are all alike")


@test
def workers_killed_under_load(t):
    where, env = listening(**by_rule(t))
    service = nginx(workers=4)(t, "web", env=env)
    wait_for(where)
    finish = t.load_beside(service, "/small", 40000, 16, ("-r",))
    n = 0
    while n < 8 and finish.running():
        time.sleep(0.1)
        workers = service.workers()
        if workers:
            os.kill(workers[n % len(workers)], signal.SIGKILL)
            n += 1
    report = finish()
    equal(report["served"], 40000, f"requests served although workers died ({report['why']})")
    m = Metrics(where)
    consistent(m, "killed workers")
    found = m.sum(TOTAL, status="200")
    # Of what was on its way when a worker was killed the client has seen nothing, and asked again.
    check(40000 <= found <= 40000 + 16 * n, f"counted {found} of 40000 after {n} kills")
    completed = wait_until(lambda: service.log.count("request.completed") >= 40000 and
                           service.log.count("request.completed"), "the events")
    time.sleep(0.5)
    m = Metrics(where)
    equal(m.sum(TOTAL), service.log.count("request.completed"), "counted and logged")
    equal([m.sum(name) for name in ("asked_total", "took_seconds_count")], [m.sum(TOTAL)] * 2, "counted by rules")
    wait_until(lambda: Metrics(where).sum("http_requests_in_progress") == 0, "the dead workers' share is taken back", 5)
    check(completed, "events")


@test
def a_hung_worker_that_is_killed(t):
    """Its request in progress is taken back."""
    where, env = listening()
    service = gunicorn("-w", "2", "--timeout", "60", max_requests=0)(t, "app", env=env)
    wait_for(where)
    with socket.create_connection(("127.0.0.1", service.port)) as s:
        s.sendall(b"GET /slow?9 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: Metrics(where).sum("http_requests_in_progress", method="GET") == 1, "one in progress")
        for worker in service.workers():
            os.kill(worker, signal.SIGSTOP)
        equal(Metrics(where).sum("http_requests_in_progress"), 1, "in progress while stopped")
        for worker in service.workers():
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: Metrics(where).sum("http_requests_in_progress") == 0, "nothing in progress")
    service.kill_all()  # told to end, it forgets a worker that is just being born


@test
def restart_begins_at_zero(t):
    service, where, _ = served(t, "nginx", 500, (4,))
    service.kill_all()
    service.restart()
    wait_for(where)
    equal(Metrics(where).sum(TOTAL), 0, "requests after the restart")
    t.load(service, "/small", 7)
    exact(t, service, where, 7, "after the restart")
    service.stop()
    equal(os.listdir(os.path.join(service.dir, "run")), [], "files left behind")


@test
def reload_keeps_counting(t):
    service, where, total = served(t, "nginx", 2000, (8,))
    for _ in range(3):
        before = set(service.workers())
        os.kill(service.pid, signal.SIGHUP)
        wait_until(lambda: set(service.workers()) - before, "new workers after SIGHUP")
        total += t.load(service, "/small", 1000, 8, ("-r",))["served"]
    exact(t, service, where, total, "after three reloads")


@test
def another_takes_over(t):
    """The master serves the metrics; when it is killed a worker does, within a second."""
    service, where, total = served(t, "nginx", 2000, (16,))
    workers = service.workers()
    os.kill(service.pid, signal.SIGKILL)
    begun = time.monotonic()
    service.process.wait(5)
    wait_for(where, 2)
    took = time.monotonic() - begun
    check(took < 1, f"another took over after {took:.2f} s")
    equal(Metrics(where).sum(TOTAL), total, "what it shows")
    t.notes.append(f"takeover after {took * 1000:.0f} ms")
    for worker in workers:
        os.kill(worker, signal.SIGKILL)


@test
def the_endpoint(t):
    where, env = listening()
    service = KINDS["python_threading"].start(t, "app", env=env)
    wait_for(where)
    t.load(service, "/small", 5)
    status, headers, body = ask(where)
    equal((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "plain")
    status, headers, body = ask(where, headers={"Accept": OPEN + ",text/plain;q=0.5", "Accept-Encoding": "gzip"})
    equal(headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8", "OpenMetrics")
    equal(headers["Content-Encoding"], "gzip", "coding")
    check(gzip.decompress(body).endswith(b"# EOF\n"), "the end of OpenMetrics")
    status, headers, body = ask(where, method="HEAD")
    check(status == 200 and body == b"" and int(headers["Content-Length"]) > 1000, f"HEAD: {status} {headers}")
    for path, method, wanted in (("/healthz", "GET", 200), ("/", "GET", 404), ("/metricsx", "GET", 404),
                                 ("/metrics", "POST", 405), ("/healthz", "DELETE", 405), ("/metrics?x=1", "GET", 200)):
        equal(ask(where, path, method)[0], wanted, f"{method} {path}")
    kept = connection(where)
    for _ in range(3):
        kept.request("GET", "/metrics")
        equal(kept.getresponse().read()[:6], b"# HELP", "kept connection")
    kept.close()
    m = Metrics(where, OPEN)
    exemplars = [s for s in m.samples if s.exemplar]
    check(exemplars, "there is an exemplar")
    seen = {e["request_id"] for e in service.log.events("request.completed")}
    for s in exemplars:
        check(s.exemplar.labels["request_id"] in seen, f"an exemplar's ID is in the log: {s.exemplar}")
        check(s.exemplar.value <= float(s.labels["le"]), f"an exemplar is in its bucket: {s}")
    equal(m.sum(TOTAL), 5, "scrapes do not count themselves")
    equal(service.log.count("request.completed"), 5, "nor do they make events")


@test
def by_a_unix_socket(t):
    directory = t.directory("sock")
    where = f"unix:{directory}/metrics"
    service = nginx(workers=2, proxied=False)(t, "web", env={"OCTOSHIM_METRICS_LISTEN": where})
    wait_for(where)
    t.load(service, "/small", 300, 4)
    equal(Metrics(where).sum(TOTAL), 300, "requests")
    service.kill_all()
    check(os.path.exists(f"{directory}/metrics"), "a killed service leaves its socket")
    service.restart()
    wait_for(where)
    service.stop()
    wait_until(lambda: not os.path.exists(f"{directory}/metrics"), "the socket is gone")


@test
def a_port_of_its_choice_is_said(t):
    service = KINDS["python_threading"].start(t, "app", env={"OCTOSHIM_METRICS_LISTEN": "127.0.0.1:0"})
    wait_until(lambda: "octoshim: metrics on http://127.0.0.1:" in service.said(), "the port")
    port = service.said().split("metrics on http://127.0.0.1:")[1].split("/")[0]
    t.load(service, "/small", 3)
    equal(Metrics(f"127.0.0.1:{port}").sum(TOTAL), 3, "requests")


@test
def an_endpoint_in_use(t):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        service = KINDS["python_threading"].start(t, "app", env={"OCTOSHIM_METRICS_LISTEN": where})
        message = f"octoshim: metrics cannot be served on {where}, trying again: EADDRINUSE\n"
        wait_until(lambda: message in service.said(), "the message")
        t.load(service, "/small", 100, 4)
        time.sleep(1)
        equal(service.said().count("octoshim:"), 1, "said once")
    wait_for(where)
    equal(Metrics(where).sum(TOTAL), 100, "served once the address is free")


@test
def nothing_listens_without_the_setting(t):
    service = nginx(workers=2, proxied=False)(t, "web")
    t.load(service, "/small", 10)
    with open("/proc/net/tcp") as f:
        listeners = [line.split() for line in f if line.split()[3] == "0A"]
    inodes = {int(line[9]): int(line[1].split(":")[1], 16) for line in listeners}
    ports = set()
    for pid in [service.pid, *service.workers()]:
        for task in os.listdir(f"/proc/{pid}/task"):
            for fd in os.listdir(f"/proc/{pid}/task/{task}/fd"):
                link = os.readlink(f"/proc/{pid}/task/{task}/fd/{fd}")
                if link.startswith("socket:["):
                    ports.add(inodes.get(int(link[8:-1])))
    equal(ports - {None}, {service.port}, "ports that the service listens on")


def ask_for(service, paths):
    """One request a path, pipelined, 40 a connection; the bodies are short and have a length."""
    for at in range(0, len(paths), 40):
        part = paths[at:at + 40]
        with socket.create_connection(("127.0.0.1", service.port)) as s:
            reader = s.makefile("rb")
            s.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in part))
            for path in part:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = reader.readline()
                    check(line, f"{path}: the connection ended after {head!r}")
                    head += line
                reader.read(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))


def random_word(rng):
    return "".join(rng.choice("abcdefghijklmnop") for _ in range(12))


@test
def a_scanner_makes_no_series(t):
    """Thousands of paths that are not there: one series, for all of them; a path that is there keeps its 404s."""
    where, env = listening()
    service = nginx(workers=2, proxied=False)(t, "web", env=env)
    wait_for(where)
    rng = random.Random(1)
    for _ in range(10):
        ask_for(service, ["/gone/" + random_word(rng) for _ in range(400)])
    m = Metrics(where)
    equal(m.values(TOTAL, "endpoint"), {"__unmatched__"}, "endpoints after a scan")
    equal(m.sum(TOTAL, status="404"), 4000, "404s")
    t.load(service, "/small", 3)
    os.rename(os.path.join(t.www(), "small"), os.path.join(t.www(), "smaller"))
    ask_for(service, ["/small", "/gone/smalls"])
    m = Metrics(where)
    equal(m.sum(TOTAL, endpoint="/small", status="404"), 1, "404 of a path that was there once")
    equal(m.sum(TOTAL, endpoint="__unmatched__"), 4001, "and of one that never was")


@test
def the_ceiling(t):
    """Thousands of paths that are answered, and methods that nobody knows: bounded memory, one __other__; none is lost."""
    where, env = listening()
    service = nginx(workers=2, proxied=False)(t, "web", env=env)
    wait_for(where)
    rng = random.Random(2)
    segment = os.path.join(service.dir, "run", os.listdir(os.path.join(service.dir, "run"))[0])
    ask_for(service, ["/any/" + random_word(rng) for _ in range(1200)])
    blocks = os.stat(segment).st_blocks
    ask_for(service, ["/any/" + random_word(rng) for _ in range(1300)])
    m = Metrics(where)
    consistent(m, "at the ceiling")
    equal(m.sum(TOTAL), 2500, "requests, all of them")
    check(len(m.all(TOTAL)) <= 1000, f"{len(m.all(TOTAL))} series")
    equal(len(m.all(TOTAL, endpoint="__other__")), 1, "series of the overflow")
    equal(m.sum(TOTAL, endpoint="__other__"), 2500 - len(m.all(TOTAL)) + 1, "requests of the overflow")
    check(os.stat(segment).st_blocks - blocks < 100, f"memory grew: {blocks} to {os.stat(segment).st_blocks} blocks")
    equal(m.sum("octoshim_series", family=TOTAL), len(m.all(TOTAL)), "octoshim_series")
    check(m.sum("octoshim_series_overflow_total") > 0, "the overflow is counted")
    wait_until(lambda: [e for e in service.log.events("shim.degraded") if e["reason"] == "series_limit"], "the event")
    for method in ("BREW", "PROPFIND", "X" * 20):
        t.raw(service, f"{method} /any/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    m = Metrics(where)
    check(m.values(TOTAL, "method") <= {"GET", "OTHER"}, f"methods: {m.values(TOTAL, 'method')}")
    equal(m.sum(TOTAL, method="OTHER"), 3, "unknown methods")
    t.notes.append(f"{os.stat(segment).st_blocks // 2} KiB of shared memory at the ceiling")


@test
def slow_and_many_scrapers(t):
    """Connections that say nothing, half a request, or do not read; and a flood: the service does not notice."""
    where, env = listening()
    service = nginx(workers=2, proxied=False)(t, "web", env=env)
    wait_for(where)
    host, port = where.split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(40)]
    for s in idle[:10]:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHo")
    begun = time.monotonic()
    equal(t.load(service, "/small", 5000, 16)["served"], 5000, "served beside slow scrapers")
    def flood():
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                scrape(where)
            except OSError:
                time.sleep(0.01)
    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    equal(t.load(service, "/small", 5000, 16)["served"], 5000, "served beside a flood")
    for thread in threads:
        thread.join()
    for s in idle:
        s.close()
    wait_for(where, 10)
    equal(Metrics(where).sum(TOTAL), 10000, "counted")
    check(time.monotonic() - begun < 40, "in time")


@test
def a_fuzzer_at_the_endpoint(t):
    where, env = listening()
    service = KINDS["python_threading"].start(t, "app", env=env)
    wait_for(where)
    host, port = where.split(":")
    seeds = [b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text;q=0.5\r\n\r\n",
             b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
             b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    rng = random.Random(7)
    statuses = {}
    for n in range(400):
        data = bytearray(rng.choice(seeds) * rng.choice((1, 1, 3)))
        for _ in range(rng.choice((0, 1, 1, 2, 8))):
            at = rng.randrange(len(data))
            data[at:at + rng.choice((0, 1, 1, 4))] = rng.choice((b"", bytes([rng.randrange(256)]), b"\r\n", b"A" * 9000))
        with socket.create_connection((host, int(port)), 5) as s:
            s.settimeout(5)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                answer = b""
                while part := s.recv(65536):
                    answer += part
            except OSError:
                continue
            statuses[answer[9:12]] = statuses.get(answer[9:12], 0) + 1
    check({b"200", b"404", b"405", b"400"} <= set(statuses), f"answers of each kind: {statuses}")
    check(set(statuses) <= {b"200", b"404", b"405", b"400", b""}, f"answers: {statuses}")
    t.load(service, "/small", 20, 2)
    equal(Metrics(where).sum(TOTAL), 20, "counted after it")


@test
def endpoints_by_pattern(t):
    config = t.file("config.json", '{"endpoints": ["/id/{name}/posts/{id}", "/id/*", "no/slash"], '
                    '"metrics_labels": "region=eu", "metrics_buckets": "0.25,2"}')
    where, env = listening(OCTOSHIM_CONFIG=config)
    service = KINDS["node_http"].start(t, "app", env=env)
    wait_for(where)
    for path in ("/id/joe/posts/7", "/id/ann/posts/8", "/id/x/y", "/small"):
        t.get(service, path)
    m = Metrics(where)
    found = {s.labels["endpoint"]: s.value for s in m.all(TOTAL)}
    equal(found.get("/id/{name}/posts/{id}"), 2, f"the first pattern: {found}")
    equal(found.get("/id/*"), 1, f"the second pattern: {found}")
    check(all(s.labels["region"] == "eu" for s in m.all(TOTAL)), "constant labels")
    equal({s.labels["le"] for s in m.all("http_request_duration_seconds_bucket")}, {"0.25", "2.0", "+Inf"}, "buckets")
    check("OCTOSHIM_ENDPOINTS: \"no/slash\" column 1" in service.said(), f"the bad pattern is said: {service.said()}")


@test
def processes_are_summed(t):
    service, where, _ = served(t, "nginx", 3000, (16,))
    pids = [service.pid, *service.workers()]

    def cpu_seconds():
        stats = [read_bytes(f"/proc/{p}/stat").rpartition(b")")[2].split() for p in pids]
        return sum(int(s[11]) + int(s[12]) for s in stats) / os.sysconf("SC_CLK_TCK")
    before = cpu_seconds()
    m = Metrics(where)
    after, spent = cpu_seconds(), m.sum("process_cpu_seconds_total")
    equal(m.sum("octoshim_processes"), len(pids), "processes")
    fds = sum(len(os.listdir(f"/proc/{p}/fd")) for p in pids)
    equal(m.sum("process_open_fds"), fds, "descriptors")
    rss = 0
    for p in pids:
        with open(f"/proc/{p}/statm") as f:
            rss += int(f.read().split()[1]) * 4096
    check(abs(m.sum("process_resident_memory_bytes") - rss) < 0.1 * rss, f"resident memory {rss}")
    check(before - 0.05 <= spent <= after + 0.05, f"CPU time: {spent}; by the kernel's count {before} to {after}")
    check(abs(m.sum("process_start_time_seconds") - time.time()) < 60, "start time")
