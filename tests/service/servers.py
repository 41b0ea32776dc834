"""The servers under test: each as its users start it, and what it can do.

A Kind makes the service, bare or preloaded. `paths` maps the test routes (apps/) to where this server has them;
a route that is missing here the server does not have. `lacks` names the traffic that the bare server itself
refuses or answers at random, each with its reason, so that nothing is left out silently.
"""
import os

from harness import APPS, free_port

PYTHON = "/usr/bin/python3"
ROUTES = ("small", "id", "chunked", "big", "echo", "error", "slow", "missing")


class Kind:
    def __init__(self, start, paths=None, lacks=None, scale=1.0, again=False, widest=64):
        self.start = start                  # start(test, name, shim, **more) -> Service
        self.paths = {r: "/" + r for r in ROUTES}
        self.paths.update(paths or {})
        self.lacks = lacks or {}
        self.scale = scale                  # of the number of requests: slow servers get fewer
        self.again = again                  # recycles workers: a kept connection may be closed under a request
        self.widest = widest                # connections at once that its backlog takes

    def has(self, feature):
        return feature not in self.lacks

    def path(self, route):
        return self.paths[route]


def app(name):
    return os.path.join(APPS, name)


def simple(*argv, **fixed):
    """A server that is one command line."""
    def start(test, name, shim=True, **more):
        merged = {**fixed, **more}
        merged["env"] = {**fixed.get("env", {}), **more.get("env", {})}
        return test.service(name, list(argv), shim=shim, **merged)
    return start


def backend(test, shim=False, name="backend"):
    """What proxies stand in front of: one for all services of a test unless it is preloaded."""
    if not shim and getattr(test, "bare_backend", None):
        return test.bare_backend
    service = test.service(name, [PYTHON, app("threading_server.py"), "127.0.0.1:{port}"], shim=shim)
    if not shim:
        test.bare_backend = service
    return service


NGINX = """
user www-data;
worker_processes {workers};
daemon {daemon};
pid {{dir}}/pid;
error_log {{dir}}/error.log;
events {{{{ worker_connections 768; }}}}
http {{{{
    sendfile on;
    tcp_nopush on;
    access_log {{dir}}/access.log;
    server_tokens off;
    client_body_temp_path {{dir}}/t1; proxy_temp_path {{dir}}/t2; fastcgi_temp_path {{dir}}/t3;
    uwsgi_temp_path {{dir}}/t4; scgi_temp_path {{dir}}/t5;
    client_max_body_size 20m;
    upstream app {{{{ server {backend}; keepalive 16; }}}}
    server {{{{
        listen 127.0.0.1:{{port}} backlog=1024;
        {listen}
        root {www};
        location = /id {{{{ return 200 "$http_x_request_id\\n"; }}}}
        location = /error {{{{ return 500; }}}}
        location /gone/ {{{{ return 404; }}}}
        location /any/ {{{{ return 200 "any\\n"; }}}}
        location = /sour {{{{ proxy_pass http://app/error; }}}}
        location /small {{{{ }}}}
        location /big {{{{ }}}}
        location /missing {{{{ }}}}
        location / {{{{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_pass http://app;
        }}}}
    }}}}
}}}}
"""


def conf(test, name, text, port):
    directory = test.directory(name)
    return test.file(f"{name}/conf", text.format(dir=directory, port=port))


def nginx(daemon=False, workers=4, proxied=True):
    def start(test, name, shim=True, listen="", **more):
        port = free_port()
        upstream = backend(test).address if proxied else "127.0.0.1:1"
        text = NGINX.format(workers=workers, daemon="on" if daemon else "off", www=test.www(), backend=upstream,
                            listen=listen)
        path = conf(test, name, text, port)
        return test.service(name, ["/usr/sbin/nginx", "-c", path, "-e", os.path.dirname(path) + "/error.log"],
                            shim=shim, port=port, daemon=daemon, **more)
    return start


APACHE = """
ServerName load.test
ServerRoot {{dir}}
PidFile {{dir}}/pid
ErrorLog {{dir}}/error.log
Mutex file:{{dir}} default
Listen 127.0.0.1:{{port}}
User www-data
Group www-data
ServerTokens Prod
{modules}
<IfModule mpm_event_module>
    StartServers 2
    ServerLimit 2
    ThreadsPerChild 32
    MaxRequestWorkers 64
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 5
    MaxRequestWorkers 40
</IfModule>
<IfModule cgid_module>
    ScriptSock {{dir}}/cgid.sock
</IfModule>
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
DocumentRoot {www}
<Directory />
    Require all granted
</Directory>
ScriptAlias /app {cgi}
# Else it forgets the length that the script tells (since 2.4.59), and chunks or counts as time has it.
SetEnv ap_trust_cgilike_cl yes
"""


def apache(mpm):
    def start(test, name, shim=True, **more):
        port = free_port()
        modules = [f"mpm_{mpm}", "authz_core", "alias", "env", "cgid" if mpm == "event" else "cgi"]
        text = APACHE.format(www=test.www(), cgi=app("cgi.sh"), modules="\n".join(
            f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in modules))
        path = conf(test, name, text, port)
        return test.service(name, ["/usr/sbin/apache2", "-DFOREGROUND", "-f", path], shim=shim, port=port, **more)
    return start


LIGHTTPD = """
server.modules = ( "mod_alias", "mod_cgi" )
server.document-root = "{www}"
server.bind = "127.0.0.1"
server.port = {{port}}
server.username = "www-data"
server.errorlog = "{{dir}}/log/error.log"
server.upload-dirs = ( "{{dir}}/log" )
server.tag = "lighttpd"
alias.url = ( "/app" => "{cgi}" )
$HTTP["url"] =~ "^/app" {{{{ cgi.assign = ( "" => "" ) }}}}
"""


def lighttpd(test, name, shim=True, **more):
    port = free_port()
    path = conf(test, name, LIGHTTPD.format(www=test.www(), cgi=app("cgi.sh")), port)
    return test.service(name, ["/usr/sbin/lighttpd", "-D", "-f", path], shim=shim, port=port, **more)


HAPROXY = """
global
    {threads}
defaults
    mode http
    option http-keep-alive
    timeout client 20s
    timeout server 20s
    timeout connect 5s
frontend in
    bind 127.0.0.1:{{port}} backlog 1024
    default_backend out
backend out
    server one {backend}
"""


def haproxy(test, name, shim=True, behind=None, threads="nbthread 2", **more):
    port = free_port()
    path = conf(test, name, HAPROXY.format(backend=(behind or backend(test)).address, threads=threads), port)
    return test.service(name, ["/usr/sbin/haproxy", "-W", "-db", "-f", path], shim=shim, port=port, **more)


def gunicorn(*options, max_requests=50):
    return simple("/usr/bin/gunicorn", "--chdir", APPS, "-b", "127.0.0.1:{port}", "--max-requests", str(max_requests),
                  "--worker-tmp-dir", "/dev/shm", *options, "flask_app:app")


def uvicorn(*options):
    return simple("/usr/bin/uvicorn", "--app-dir", APPS, "--port", "{port}", "--log-level", "warning",
                  "--loop", "asyncio", "--no-use-colors", *options, "fastapi_app:app")


STATIC = {"id": "a static server shows no handler", "chunked": "static files have a length", "error": "none to provoke",
          "echo": "files take no POST", "chunked-echo": "files take no POST"}
NO_PIPELINE = {"pipeline": "the server does not pipeline"}

KINDS = {
    "nginx": Kind(nginx()),
    "nginx_daemon": Kind(nginx(daemon=True)),
    "apache_event": Kind(apache("event"), {r: "/app/" + r for r in ("id", "echo", "error", "slow")}, {
        "chunked": "its files have a length", "chunked-echo": "CGI knows no chunked request"}, again=True),
    "apache_prefork": Kind(apache("prefork"), {r: "/app/" + r for r in ("id", "echo", "error", "slow")}, {
        "chunked": "its files have a length", "chunked-echo": "CGI knows no chunked request"}, again=True),
    "lighttpd": Kind(lighttpd, {r: "/app/" + r for r in ("id", "echo", "error", "slow")}, {
        "chunked": "its files have a length"}),
    "haproxy": Kind(haproxy),
    "python_threading": Kind(simple(PYTHON, app("threading_server.py"), "127.0.0.1:{port}")),
    "python_cli": Kind(simple(PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "--directory", "{www}", "{port}"),
                       lacks={**STATIC, **NO_PIPELINE}, scale=0.3, widest=5),
    "gunicorn_sync": Kind(gunicorn("-w", "4"), lacks=NO_PIPELINE, again=True,
                          scale=0.25),
    "gunicorn_gthread": Kind(gunicorn("-w", "4", "-k", "gthread", "--threads", "8"), lacks=NO_PIPELINE, again=True,
                          scale=0.25),
    "uvicorn": Kind(uvicorn()),
    "uvicorn_workers": Kind(uvicorn("--workers", "2"), scale=0.2),
    "node_http": Kind(simple("/usr/bin/node", app("node_http.js"), "{port}")),
    "node_cluster": Kind(simple("/usr/bin/node", app("node_cluster.js"), "{port}")),
    "express": Kind(simple("/usr/bin/node", app("express.js"), "{port}")),
    "php": Kind(simple("/usr/bin/php", "-S", "127.0.0.1:{port}", app("router.php")),
                lacks={**NO_PIPELINE, "chunked-echo": "the server knows no chunked request",
                       "bytewise": "the bare server hangs up on a request line that comes byte by byte"}),
    "php_workers": Kind(simple("/usr/bin/php", "-S", "127.0.0.1:{port}", app("router.php"),
                               env={"PHP_CLI_SERVER_WORKERS": "3"}, group=True),
                        lacks={**NO_PIPELINE, "chunked-echo": "the server knows no chunked request",
                       "bytewise": "the bare server hangs up on a request line that comes byte by byte"}),
    "webrick": Kind(simple("/usr/bin/ruby", app("webrick_server.rb"), "{port}"), scale=0.3),
    "puma": Kind(simple("/usr/bin/puma", "-q", "-b", "tcp://127.0.0.1:{port}", "-t", "4:16", app("config.ru"))),
    "puma_cluster": Kind(simple("/usr/bin/puma", "-q", "-w", "2", "-b", "tcp://127.0.0.1:{port}", "-t", "4:16",
                                app("config.ru"))),
    "java": Kind(simple("/usr/bin/java", "-Dsun.net.httpserver.nodelay=true", app("TestServer.java"), "{port}")),
    "systemd_socket": Kind(simple(PYTHON, app("activate.py"), "listen", "127.0.0.1:{port}", "/usr/bin/gunicorn",
                                  "--chdir", APPS, "-w", "2", "-k", "gthread", "--threads", "8", "flask_app:app",
                                  preload_variable="PRELOAD"), lacks=NO_PIPELINE),
    "inetd": Kind(simple(PYTHON, app("activate.py"), "inetd", "127.0.0.1:{port}", PYTHON, app("inetd_handler.py"),
                         preload_variable="PRELOAD"), scale=0.1),
}
