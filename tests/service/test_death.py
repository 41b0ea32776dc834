"""Workers and services that are killed, reloaded and restarted: nothing completed is lost."""
import os
import shutil
import signal
import socket
import subprocess
import time

from harness import check, children, equal, test, wait_until
from servers import KINDS, gunicorn, nginx

SERVER = KINDS["python_threading"]


def complete(log, ids, connections, what):
    """Every response that a client had in full is in the log as completed, and not many more: those that were on their
    way when a worker was killed."""
    events = log.events("request.completed")
    seen = {e["request_id"] for e in events}
    equal(len(seen), len(events), f"{what}: completed events, once each")
    lost = set(ids) - seen
    check(not lost, f"{what}: {len(lost)} responses that clients had are not in the log: {sorted(lost)[:3]}")
    check(len(seen - set(ids)) <= connections, f"{what}: {len(seen - set(ids))} completed that no client has seen")


def killed_under_load(t, service, choose, kills=3, connections=16):
    finish = t.load_beside(service, "/small", 40000, connections, ("-r",))
    n = 0
    while n < kills and finish.running():
        time.sleep(0.15)
        workers = choose(service)
        if workers:
            os.kill(workers[n % len(workers)], signal.SIGKILL)
            n += 1
    equal(n, kills, "workers killed while requests ran")
    report = finish()
    equal(report["served"], 40000, f"requests served although workers died ({report['why']})")
    wait_until(lambda: service.log.count("request.completed") >= 40000, lambda:
               f"the events; there are {service.log.count('request.completed')}", 10)
    time.sleep(0.3)
    complete(service.log, report["ids"], connections * kills, service.name)
    t.validate(service.log)


@test
def killed_by_its_client(t):
    """The client kills the worker as soon as it has the response, which is before the worker's write has returned."""
    service = nginx(workers=1)(t, "web")
    for n in range(40):
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
    service.log.wait("request.completed", 41)
    equal(service.log.count("request.aborted"), 0, "aborted")
    t.validate(service.log)


@test
def nginx_workers_killed_under_load(t):
    killed_under_load(t, nginx(workers=4)(t, "web"), lambda s: s.workers())


@test
def gunicorn_workers_killed_under_load(t):
    service = gunicorn("-w", "4", "--max-requests", "0")(t, "app")
    finish = t.load_beside(service, "/small", 3000, 8, ("-r",))
    for n in range(3):
        time.sleep(0.25)
        check(finish.running(), "the load ended too early")
        os.kill(service.workers()[n], signal.SIGKILL)
    report = finish()
    equal(report["served"], 3000, f"requests served although workers died ({report['why']})")
    wait_until(lambda: service.log.count("request.completed") >= 3000, "the events")
    time.sleep(0.3)
    complete(service.log, report["ids"], 24, "gunicorn")


@test
def killed_whole_and_started_again(t):
    """SIGKILL for master and workers under load: what they had completed is written by the next start."""
    service = nginx(workers=4)(t, "web")
    ids = []
    for _ in range(3):
        finish = t.load_beside(service, "/small", 200000, 16)
        time.sleep(0.5)
        check(finish.running(), "the load ended too early")
        service.kill_all()
        report = finish()
        check(len(report["ids"]) > 1000, f"requests before the kill: {len(report['ids'])}")
        ids += report["ids"]
        service.restart()
        ids += t.load(service, "/small", 10, 1)["ids"]
        wait_until(lambda: service.log.count("request.completed") >= len(ids), lambda:
                   f"{len(ids)} events; there are {service.log.count('request.completed')}", 5)
    time.sleep(0.3)
    complete(service.log, ids, 16 * 3, "nginx killed whole")
    t.validate(service.log)


@test
def reload_under_load(t):
    """nginx -s reload twice under load: old workers go, new ones come, nothing is lost or doubled."""
    service = nginx(workers=2)(t, "web")
    finish = t.load_beside(service, "/small", 40000, 16, ("-r",))
    for _ in range(2):
        time.sleep(0.2)
        before = set(service.workers())
        os.kill(service.pid, signal.SIGHUP)
        wait_until(lambda: set(service.workers()) - before, "new workers after SIGHUP")
    report = finish()
    equal(report["served"], 40000, f"requests served over reloads ({report['why']})")
    service.log.wait("request.completed", 40000, more=report["retried"])
    t.check_events(service.log, report["ids"], more=report["retried"])


@test
def orderly_stop_writes_everything(t):
    """Stopped at once after the last response: all events are there when the process is gone."""
    # gunicorn without recycling, and with all workers there: it forgets to end one that was being born when it was told to stop
    starts = {"nginx": KINDS["nginx"].start, "apache_event": KINDS["apache_event"].start,
              "lighttpd": KINDS["lighttpd"].start,
              "gunicorn": gunicorn("-w", "4", "-k", "gthread", "--threads", "8", max_requests=0)}
    for name, start in starts.items():
        service = start(t, name)
        if name == "gunicorn":
            wait_until(lambda: service.said().count("Booting worker") == 4, "four workers")
        report = t.load(service, "/small", 1000, 16, ("-r",) if name == "apache_event" else ())
        service.stop()
        found = t.check_events(service.log, report["ids"], more=report["retried"])
        equal(len(found), 1000, f"completed in the log of {name} once it was gone")


@test
def stopped_under_load(t):
    """Stopped in good order while requests run: threads that are just answering are as far as their clients saw."""
    for name, times in (("apache_event", 4), ("java", 1), ("gunicorn_gthread", 1), ("nginx", 1)):
        for n in range(times):
            service = KINDS[name].start(t, f"{name}_{n}")
            finish = t.load_beside(service, "/small", 100000, 16)
            wait_until(lambda: service.log.count("request.completed") >= 200, "load")
            service.stop()
            complete(service.log, finish()["ids"], 16, name)


@test
def ended_by_a_signal_and_started_again(t):
    """HAProxy's worker and Node die of SIGTERM itself, right after the last response: what was not yet written then is
    written by the next start."""
    for name in ("haproxy", "node_http"):
        service = KINDS[name].start(t, name)
        ids = t.load(service, "/small", 1000, 16)["ids"]
        service.stop()
        service.restart()
        ids += t.load(service, "/small", 1, 1)["ids"]
        service.log.wait("request.completed", 1001)
        t.check_events(service.log, ids, 1001)


@test
def configuration_check_before_the_start(t):
    """nginx -t listens for a moment, as root; the workers' events still find their way into the log afterwards."""
    service = nginx(workers=2)(t, "web")
    service.stop()
    shutil.rmtree(os.path.dirname(service.log.path))
    os.mkdir(os.path.dirname(service.log.path))
    os.chmod(os.path.dirname(service.log.path), 0o777)
    done = subprocess.run([*service.argv, "-t"], env=service.environ, capture_output=True, text=True, timeout=20)
    equal(done.returncode, 0, f"nginx -t: {done.stderr}")
    service.restart()
    ids = t.load(service, "/small", 500, 8)["ids"]
    service.log.wait("request.completed", 500)
    t.check_events(service.log, ids, 500)


@test
def clients_that_go_away(t):
    """Connections closed before the response is complete: aborted, with a reason, and never completed."""
    service = SERVER.start(t, "py")
    for path, wait in (("/slow", 0.05), ("/big", 0.02)):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", service.port)) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: load.test\r\n\r\n".encode())
                time.sleep(wait)
    ids = t.load(service, "/small", 50, 4)["ids"]
    wait_until(lambda: service.log.count("request.completed") + service.log.count("request.aborted") >= 60,
               "60 requests ended")
    time.sleep(0.5)
    equal(service.log.count("request.started"), 60, "started")
    completed, aborted = (service.log.events("request." + w) for w in ("completed", "aborted"))
    equal(len(completed) + len(aborted), 60, "completed and aborted")
    check(set(ids) <= {e["request_id"] for e in completed}, "complete responses that are not completed")
    check(sum(e["path"] == "/big" for e in aborted) == 5, f"aborted: {[e['path'] for e in aborted]}")
    for e in aborted:
        equal(e["level"], "warning", f"level of {e}")
        check(e["reason"], f"reason of {e}")
    t.validate(service.log)


@test
def restarts_leave_nothing_behind(t):
    """Ten orderly starts and stops: the runtime directory does not grow."""
    service = nginx(workers=2)(t, "web")
    sizes, ids = [], []
    for _ in range(10):
        ids += t.load(service, "/small", 20, 2)["ids"]
        service.stop()
        sizes.append(sum(len(files) for _, _, files in os.walk(os.path.join(service.dir, "run"))))
        service.restart()
    check(sizes[-1] <= max(1, sizes[0]), f"files in the runtime directory after each stop: {sizes}")
    t.load(service, "/small", 1, 1)
    service.stop()
    equal(len({e["request_id"] for e in service.log.events("request.completed")}), 201, "completed over all starts")


@test
def no_process_or_descriptor_of_ours(t):
    """The service has its own children and descriptors only, before and after load."""
    shim = nginx(workers=1)(t, "web")
    bare = KINDS["nginx"].start(t, "bare", shim=False)
    t.load(shim, "/small", 500, 4)
    t.load(bare, "/small", 500, 4)
    shim.log.wait("request.completed", 500)
    time.sleep(0.3)

    def descriptors(pid):
        # of the first thread: the writer has a table of its own
        kinds = []
        for fd in os.listdir(f"/proc/{pid}/fd"):
            kinds.append(os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0].replace("web", "x").replace("bare", "x"))
        return sorted(kinds)

    worker = shim.workers()[0]
    ours = [d for d in descriptors(worker) if "octo" in d.replace("octoshim-test", "") or d.endswith(".log") and
            "access" not in d and "error" not in d]
    equal(ours, [], "descriptors of ours in the worker")
    equal(children(worker), [], "children of the worker")
    with open(f"/proc/{shim.pid}/status") as f:
        threads = int(next(line for line in f if line.startswith("Threads:")).split()[1])
    equal(threads, 1, "threads of the master, which serves no request")
