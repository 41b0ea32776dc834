"""Services that ask another one for each request that they get, each as its users start it; whom they ask; and clients that
tell whether the ID of a request reached the one that it caused, and no other."""
import asyncio
import collections
import os

from harness import APPS, ROOT, check, free_port
from servers import PYTHON, conf, simple

RELAYS = os.path.join(APPS, "relay")


def upstream(t, *header):
    """Answers with the X-Request-ID that it was sent, or another header."""
    return t.service("-".join(["upstream", *header]), [PYTHON, os.path.join(APPS, "upstream.py"), "127.0.0.1:{port}", *header],
                     shim=False)


NGINX = """
user www-data;
worker_processes 2;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 768; }}
http {{
    access_log off;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    upstream app {{ server UPSTREAM; keepalive 16; }}
    limit_req_zone $server_name zone=all:1m rate=1000r/s;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header X-Request-ID "";
        location / {{ proxy_pass http://app; }}
        # Those that come too fast wait, and are passed on when nothing has been read from them lately.
        location /late/ {{ limit_req zone=all burst=1000; proxy_pass http://app; }}
    }}
}}
"""

APACHE = """
ServerName load.test
ServerRoot {dir}
PidFile {dir}/pid
ErrorLog {dir}/error.log
Mutex file:{dir} default
Listen 127.0.0.1:{port}
User www-data
Group www-data
MODULES
<IfModule mpm_event_module>
    StartServers 2
    ServerLimit 2
    ThreadsPerChild 40
    MaxRequestWorkers 80
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 70
    MaxRequestWorkers 70
</IfModule>
RequestHeader unset X-Request-ID
ProxyPass / http://UPSTREAM/
"""


def nginx(t, name, behind, **more):
    port = free_port()
    path = conf(t, name, NGINX.replace("UPSTREAM", behind.address), port)
    return t.service(name, ["/usr/sbin/nginx", "-c", path, "-e", os.path.dirname(path) + "/error.log"], port=port, **more)


END = """
user www-data;
worker_processes 1;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 768; }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ return 200 "$http_x_request_id\\n"; }}
    }}
}}
"""


def end(t, name, **more):
    """nginx that asks nobody and shows the ID that it was sent."""
    port = free_port()
    path = conf(t, name, END, port)
    return t.service(name, ["/usr/sbin/nginx", "-c", path, "-e", os.path.dirname(path) + "/error.log"], port=port, **more)


def chain(t, env=None):
    """nginx -> FastAPI -> Node -> Flask's server (gunicorn's threads) -> nginx, all preloaded; from the first to the last."""
    once = {"ONCE": "1", **(env or {})}
    last = end(t, "last", env=env)
    threads = RELAY_KINDS["gunicorn_gthread"][0](t, "threads", last, env=once)
    node = RELAY_KINDS["node_http"][0](t, "node", threads, env=once)
    tasks = RELAY_KINDS["uvicorn"][0](t, "tasks", node, env=once)
    port = free_port()
    path = conf(t, "front", NGINX.replace("UPSTREAM", tasks.address).replace('proxy_set_header X-Request-ID "";', ""), port)
    front = t.service("front", ["/usr/sbin/nginx", "-c", path, "-e", os.path.dirname(path) + "/error.log"], port=port, env=env)
    return [front, tasks, node, threads, last]


def apache(mpm):
    def start(t, name, behind, **more):
        port = free_port()
        modules = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so"
                            for m in (f"mpm_{mpm}", "authz_core", "headers", "proxy", "proxy_http"))
        path = conf(t, name, APACHE.replace("UPSTREAM", behind.address).replace("MODULES", modules), port)
        return t.service(name, ["/usr/sbin/apache2", "-DFOREGROUND", "-f", path], port=port, **more)
    return start


def program(*argv, **fixed):
    def start(t, name, behind, env=None, **more):
        return simple(*argv, **fixed)(t, name, env={"UPSTREAM": behind.address, **(env or {})}, **more)
    return start


def gunicorn(*options):
    return program("/usr/bin/gunicorn", "--chdir", RELAYS, "-b", "127.0.0.1:{port}", "--worker-tmp-dir", "/dev/shm",
                   "--backlog", "1024", "--keep-alive", "75", *options, "threads:app")


def uvicorn(*options):
    return program("/usr/bin/uvicorn", "--app-dir", RELAYS, "--port", "{port}", "--log-level", "warning",
                   "--no-use-colors", *options, "tasks:app")


def by_wrapper(*argv, **fixed):
    """Started by octoshim-run, which knows what Node and PHP need."""
    return program(os.path.join(ROOT, "scripts", "octoshim-run"), *argv, preload_variable="OCTOSHIM_LIB", **fixed)


def node(*more):
    return by_wrapper("/usr/bin/node", os.path.join(RELAYS, "relay.js"), "{port}", *more)


# name: (how it is started, paths to ask, lines in an answer)
RELAY_KINDS = {
    "nginx": (nginx, ("/relay/", "/late/"), 1),
    "apache_event": (apache("event"), ("/relay/",), 1),
    "apache_prefork": (apache("prefork"), ("/relay/",), 1),
    "python_threading": (program(PYTHON, os.path.join(RELAYS, "threads.py"), "127.0.0.1:{port}"), ("/relay/",), 2),
    "gunicorn_sync": (gunicorn("-w", "4"), ("/relay/",), 2),
    "gunicorn_gthread": (gunicorn("-w", "2", "-k", "gthread", "--threads", "40"), ("/relay/",), 2),
    "gunicorn_gevent": (gunicorn("-w", "2", "-k", "gevent"), ("/relay/",), 2),
    "uvicorn": (uvicorn("--loop", "asyncio"), ("/httpx/", "/aiohttp/", "/thread/"), 2),
    "uvicorn_uvloop": (uvicorn("--loop", "uvloop"), ("/httpx/", "/aiohttp/", "/thread/"), 2),
    "aiohttp": (program(PYTHON, os.path.join(RELAYS, "web.py"), "127.0.0.1:{port}"), ("/aiohttp/", "/thread/"), 2),
    "aiohttp_uvloop": (program(PYTHON, os.path.join(RELAYS, "web.py"), "127.0.0.1:{port}", "uvloop"), ("/aiohttp/", "/thread/"), 2),
    "node_http": (node(), ("/http/", "/fetch/", "/undici/"), 2),
    "express": (node("express"), ("/http/", "/fetch/", "/undici/"), 2),
    "php": (by_wrapper("/usr/bin/php", "-S", "127.0.0.1:{port}", os.path.join(RELAYS, "relay.php"),
                       env={"PHP_CLI_SERVER_WORKERS": "4"}, group=True), ("/relay/",), 2),
    "webrick": (program("/usr/bin/ruby", os.path.join(RELAYS, "relay.rb"), "{port}"), ("/relay/",), 2),
    "puma": (program("/usr/bin/puma", "-q", "-b", "tcp://127.0.0.1:{port}", "-t", "64:64",
                     os.path.join(RELAYS, "relay.ru")), ("/relay/",), 2),
    "java": (program("/usr/bin/java", "-Dsun.net.httpserver.nodelay=true", os.path.join(RELAYS, "Relay.java"), "{port}"),
             ("/relay/",), 2),
}


async def one_client(address, requests, counts, lines):
    host, _, port = address.rpartition(":")
    reader = writer = None
    for path, identity in requests:
        for attempt in range(3):  # a server may close a connection that it has kept
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(f"GET {path} HTTP/1.1\r\nHost: load.test\r\nX-Request-ID: {identity}\r\n\r\n".encode())
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
                break
            except (ConnectionError, asyncio.IncompleteReadError):
                writer = None
                if attempt == 2:
                    raise
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        if b"content-length" in fields:
            body = await reader.readexactly(int(fields[b"content-length"]))
        else:
            check(fields.get(b"transfer-encoding") == b"chunked", f"an answer that ends somewhere: {head!r}")
            body = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        check(head.split()[1] == b"200", f"{path}: {head!r} {body[:200]!r}")
        seen = body.split()
        check(len(seen) == lines, f"{path}: {lines} lines wanted: {body!r}")
        for line in seen:
            counts["right" if line == identity.encode() else "none" if line == b"-" else "wrong"] += 1
        if b"close" in fields.get(b"connection", b"") or head.startswith(b"HTTP/1.0"):
            writer.close()
            writer = None
    if writer:
        writer.close()


def ask(service, path, requests, clients, lines, seconds=50):
    """That many requests by clients at once, each with an ID of its own. Returns how many of the lines of the answers showed
    that ID ("right"), none, or another one ("wrong")."""
    counts = collections.Counter(right=0, none=0, wrong=0)
    numbers = [[(f"{path}{n}", f"{service.name}{path.replace('/', '.')}{n}") for n in range(requests) if n % clients == c]
               for c in range(clients)]

    async def everyone():
        await asyncio.gather(*(one_client(service.address, mine, counts, lines) for mine in numbers))
    asyncio.run(asyncio.wait_for(everyone(), seconds))
    return counts
