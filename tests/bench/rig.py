"""What the benchmark measures with: services in their variants, and the kernel's accounting of them.

For bench.py. A service runs on the first CPU, writer included, the client on the last one, so that they
do not take turns on one. Everything lives in one temporary directory and is stopped by its PID.
"""
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time

CPUS = sorted(os.sched_getaffinity(0))
SERVICE_CPU, CLIENT_CPU = CPUS[0], CPUS[-1]

NGINX = """
daemon off;
user root;
worker_processes 1;
master_process {master};
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
    {log_format}
    access_log {access_log};
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        {header}
        location / {{ return 200 "ok\\n"; }}
    }}
}}
"""

# The same facts that the shim writes, as far as nginx knows them.
NGINX_LOG = """log_format events escape=json '{"timestamp": "$time_iso8601", "level": "info", '
        '"event": "request.completed", "service": "bench", "pid": $pid, "request_id": "$request_id", '
        '"method": "$request_method", "path": "$uri", "client": "$remote_addr", "host": "$host", '
        '"status_code": $status, "duration_ms": $request_time, "bytes_in": $request_length, '
        '"bytes_out": $bytes_sent}';"""

HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
frontend in
    bind 127.0.0.1:{port} backlog 1024
    unique-id-format req_%{{+X}}o%[rand(4294967295),hex]
    unique-id-header X-Request-ID
    http-response set-header X-Request-ID %[unique-id]
    default_backend out
backend out
    http-reuse always
    server nginx 127.0.0.1:{backend}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, seconds=10):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def descendants(pid):
    """pid and all its children, theirs included."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in f.read().split():
                    found += descendants(int(child))
    except OSError:
        pass
    return found


def cpu_ns(pids):
    """CPU time of every thread of these processes by the scheduler's own count: {(pid, tid): (name, ns)}."""
    times = {}
    for pid in pids:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/schedstat") as f:
                ns = int(f.read().split()[0])
            with open(f"/proc/{pid}/task/{tid}/comm") as f:
                times[pid, tid] = (f.read().strip(), ns)
    return times


def added_ns(before, after):
    """(nanoseconds of the service's own threads, of the shim's writers) between two cpu_ns()."""
    app = writer = 0
    for key, (name, ns) in after.items():
        spent = ns - before.get(key, (name, 0))[1]
        if name.startswith("octoshim"):
            writer += spent
        else:
            app += spent
    return app, writer


def memory_kib(pid):
    wanted = {}
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss", "Private_Dirty", "Private_Clean"):
                wanted[name] = int(rest.split()[0])
    return wanted


class Receiver:
    """Takes spans and forgets them, on the client's CPU."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                os.sched_setaffinity(0, {CLIENT_CPU})
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def exporters():
    """Processes of octoshim-otlp, which is its service's child no more."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if f.read() == b"octoshim-otlp\0":
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Service:
    """One variant, running. variant: bare, shim, shim-otlp, nginx-log or haproxy."""

    def __init__(self, variant, directory, library, env=(), master="on", wrapper=()):
        self.dir = os.path.join(directory, f"{variant}-{time.monotonic_ns()}")
        os.makedirs(self.dir)
        self.log = os.path.join(self.dir, "events.log")
        self.processes = []
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("OCTOSHIM_", "OTEL_", "LD_PRELOAD"))}
        environ.update(env)
        if variant in ("shim", "shim-otlp"):
            environ.update(LD_PRELOAD=library, OCTOSHIM_LOG=self.log, SERVICE_NAME="bench",
                           OCTOSHIM_RUNTIME_DIR=self.dir)
        own_log = variant == "nginx-log"
        self.port = free_port()
        conf = os.path.join(self.dir, "nginx.conf")
        with open(conf, "w") as f:
            f.write(NGINX.format(dir=self.dir, port=self.port, master=master,
                                 log_format=NGINX_LOG if own_log else "",
                                 access_log=f"{self.log} events buffer=64k flush=1s" if own_log else "off",
                                 header="add_header X-Request-ID $request_id always;" if own_log else ""))
        self.start([*wrapper, "/usr/sbin/nginx", "-p", self.dir, "-c", conf], environ)
        wait_for_port(self.port, 30)
        if variant == "haproxy":
            backend, self.port = self.port, free_port()
            conf = os.path.join(self.dir, "haproxy.cfg")
            with open(conf, "w") as f:
                f.write(HAPROXY.format(port=self.port, backend=backend))
            self.start(["/usr/sbin/haproxy", "-db", "-q", "-f", conf], environ)
            wait_for_port(self.port)

    def start(self, argv, environ):
        with open(os.path.join(self.dir, "output"), "ab") as out:
            self.processes.append(subprocess.Popen(
                argv, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=lambda: os.sched_setaffinity(0, {SERVICE_CPU})))

    def pids(self):
        return [pid for p in self.processes for pid in descendants(p.pid)]

    def worker(self):
        """The process that answers requests."""
        return descendants(self.processes[0].pid)[-1]

    def completed(self):
        """request.completed events in the log."""
        n = 0
        try:
            with open(self.log, "rb") as f:
                while chunk := f.readlines(1 << 24):
                    n += sum(b'"event": "request.completed"' in line for line in chunk)
        except FileNotFoundError:
            pass
        return n

    def settle(self, seconds=3):
        """Waits until the log has stopped growing (nginx flushes once a second)."""
        size, still, limit = -1, 0, time.monotonic() + seconds
        while still < 6 and time.monotonic() < limit:
            time.sleep(0.2)
            now = os.path.getsize(self.log) if os.path.exists(self.log) else 0
            still = still + 1 if now == size else 0
            size = now

    def stop(self):
        for p in reversed(self.processes):
            p.send_signal(signal.SIGTERM)
        for p in reversed(self.processes):
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()

    def output(self):
        with open(os.path.join(self.dir, "output"), errors="replace") as f:
            return f.read()


def load(program, service, requests, connections=64, ids=True):
    """Drives a service with the counting client; its report as a dict."""
    argv = [program, "-c", str(connections), "-n", str(requests), "-a", str(CLIENT_CPU), "-t", "60"]
    if not ids:
        argv.append("-x")
    done = subprocess.run([*argv, f"127.0.0.1:{service.port}", "/"], capture_output=True, text=True, timeout=90)
    if not done.stdout:
        raise RuntimeError(f"load: {done.stderr}")
    return json.loads(done.stdout)
