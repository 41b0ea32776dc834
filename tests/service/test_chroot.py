"""Services that shut themselves up in an empty directory, as Debian's HAProxy does: octoshim-stack stays outside for them."""
import os
import signal
import stat
import threading
import time

from harness import check, descendants, equal, free_port, read_bytes, test, wait_until
from servers import backend, conf
from otlp import SERVER, Collector
from test_crash import PROGRAM, ask, build_id, crashes, functions

HAPROXY = """
global
    {chroot}
    user www-data
    group www-data
    nbthread 2
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 5s
frontend in
    bind 127.0.0.1:{{port}}
    use_backend nowhere if {{{{ path /nowhere }}}}
    default_backend out
backend out
    server one {backend}
backend nowhere
    server none 127.0.0.1:1
"""


LIGHTTPD = """
server.document-root = "/www"
server.bind = "127.0.0.1"
server.port = {port}
server.chroot = "{dir}/jail"
server.username = "www-data"
server.errorlog = "/tmp/error.log"
server.pid-file = "{dir}/pid"
server.upload-dirs = ( "/tmp" )
"""


def haproxy(t, name, shim=True, chroot="chroot {dir}/jail", **more):
    port = free_port()
    path = conf(t, name, HAPROXY.format(chroot=chroot, backend=backend(t).address), port)
    t.directory(f"{name}/jail")
    return t.service(name, ["/usr/sbin/haproxy", "-W", "-db", "-f", path], shim=shim, port=port, **more)


def attendants():
    """PIDs of this test's that wait, which were left to its process."""
    return [p for p in descendants(os.getpid()) if read_bytes(f"/proc/{p}/cmdline") == PROGRAM.encode() + b"\0"]


@test
def haproxy_in_its_jail(t):
    s = haproxy(t, "jail")
    ids = t.load(s, "/small", 400, 8)["ids"]
    equal(ask(s, "/nowhere").split()[1], b"503", "a server that is not there")
    s.log.wait("request.completed", 401)
    done = s.log.events("request.completed")
    equal(sorted(e["request_id"] for e in done if e["status_code"] == 200), sorted(ids), "each request has its event")
    refused = [e for e in done if e["status_code"] == 503]
    check("process_stream" in functions(refused[0]), refused)
    equal({f.get("build_id") for f in refused[0]["stack"] if f["module"] == "/usr/sbin/haproxy"}, {build_id("/usr/sbin/haproxy")}, "build ID")
    failed = s.log.events("client.request.failed")
    check(failed and all(e["stack_id"] == failed[0]["stack_id"] for e in failed), failed)
    check("run_poll_loop" in functions(failed[0]), failed[0])
    log = os.stat(s.log.path)
    equal((log.st_uid, os.listdir(os.path.join(s.dir, "jail"))), (33, []), "the log is the worker's, and nothing is in the jail")
    t.validate(s.log)


@test
def haproxy_crashes_in_its_jail(t):
    codes = []
    for name, shim in (("bare", False), ("shim", True)):
        s = haproxy(t, name, shim=shim)
        equal(ask(s, "/small").split()[1], b"200", "it serves")
        waiting = threading.Thread(target=ask, args=(s, "/slow"))
        waiting.start()
        if shim:
            wait_until(lambda: any(e["path"] == "/slow" for e in s.log.events("request.started")), "a request in flight")
            own = attendants()
        worker, = s.workers()
        os.kill(worker, signal.SIGSEGV)
        codes.append(s.process.wait(15))
        waiting.join()
    equal(codes[0], codes[1], "how the master ends")
    event, = crashes(s)
    equal((event["signal"], event["pid"], [r["path"] for r in event["requests"]]), ("SIGSEGV", worker, ["/slow"]), "the event")
    check("run_poll_loop" in functions(event), event)
    t.validate(s.log)
    equal(len(own), 1, "who waits outside")
    wait_until(lambda: not attendants(), "it to end when nobody is left", 15)


@test
def haproxy_that_only_changes_its_user(t):
    """It forbids itself threads and processes all the same."""
    collector = Collector(t)
    s = haproxy(t, "user", chroot="", env=collector.environment())
    ids = t.load(s, "/small", 50, 4)["ids"]
    s.log.wait("request.completed", 50)
    equal(sorted(e["request_id"] for e in s.log.events("request.completed")), sorted(ids), "each request has its event")
    wait_until(lambda: len([x for x in collector.spans() if x["kind"] == SERVER]) == 50, "each its span")


@test
def lighttpd_in_its_jail(t):
    """It goes into the background when it is in there, so who has started the attendant ends at once."""
    jail = t.directory("jail/jail")
    for sub in ("dev", "tmp", "www"):
        os.makedirs(os.path.join(jail, sub))
        os.chmod(os.path.join(jail, sub), 0o777)
    os.mknod(os.path.join(jail, "dev/null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.chmod(os.path.join(jail, "dev/null"), 0o666)
    t.file("jail/jail/www/small", "hello\n")
    port = free_port()
    s = t.service("jail", ["/usr/sbin/lighttpd", "-f", conf(t, "jail", LIGHTTPD, port)], port=port, daemon=True)
    time.sleep(1)
    for _ in range(20):
        check(b" 200 " in ask(s, "/small"), "it serves")
    s.log.wait("request.completed", 20)
    equal(sorted(os.listdir(jail)), ["dev", "tmp", "www"], "what is in the jail")
    os.kill(s.pid, signal.SIGSEGV)
    event, = crashes(s)
    check(any(f["module"] == "/usr/sbin/lighttpd" for f in event.get("stack", ())), event)
    wait_until(lambda: not attendants(), "the attendant to end")
    t.validate(s.log)
