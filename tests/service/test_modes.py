"""The settings: what is inserted, what is logged and how, and what is said of a bad setting."""
import json
import re
import resource
import socket

import raw_cases
from compare import NONE, compare
from harness import Log, MADE_ID, check, equal, test, wait_until
from servers import KINDS, nginx

SERVER = KINDS["python_threading"]


def python(t, name="py", **env):
    return SERVER.start(t, name, env=env)


def handler_sees(t, service):
    return t.get(service, "/id")[2].decode().strip()


@test
def inject_off_changes_no_byte(t):
    for name in ("python_threading", "node_http", "nginx"):
        kind = KINDS[name]
        off = kind.start(t, name, env={"OCTOSHIM_INJECT": "off"})
        bare = kind.start(t, name + "-bare", shim=False)
        served = 0
        for options in ((), ("-p", "4"), ("-1",)):
            served += t.load(off, kind.path("small"), 200, 8, (*options, "-x"))["served"]
        equal(t.get(off, kind.path("id"))[2].decode().strip(), "none" if name != "nginx" else "",
              "the ID that the handler saw")
        off.log.wait("request.completed", served + 1)
        for e in off.log.events("request.completed"):
            check(MADE_ID.fullmatch(e["request_id"]), f"an event's ID: {e}")
        compare(bare, off, raw_cases.good(kind), NONE, 10)
        compare(bare, off, raw_cases.bad(kind), NONE, 1.0, threads=6)
        t.validate(off.log)


@test
def inject_request_only(t):
    service = python(t, OCTOSHIM_INJECT="request")
    status, fields, body = t.get(service, "/id")
    equal(status, 200, "status")
    check("x-request-id" not in fields, f"the response has an ID: {fields}")
    check(MADE_ID.fullmatch(body.decode().strip()), f"the handler saw {body!r}")
    t.load(service, "/small", 300, 16, ("-x",))
    service.log.wait("request.completed", 301)
    found = t.check_events(service.log, served=301)
    check(body.decode().strip() in {e["request_id"] for e in found}, "the handler's ID is not in the log")


@test
def inject_response_only(t):
    service = python(t, OCTOSHIM_INJECT="response")
    status, fields, body = t.get(service, "/id")
    equal((status, body), (200, b"none\n"), "status, and what the handler saw")
    ids = [fields["x-request-id"]] + t.load(service, "/small", 300, 16)["ids"]
    service.log.wait("request.completed", 301)
    t.check_events(service.log, ids, 301)


@test
def disabled_is_bare(t):
    for n, env in enumerate(({"OCTOSHIM_DISABLE": "1"}, {"OCTOSHIM_EXCLUDE": "nginx,python3*"},
                             {"OCTOSHIM_INCLUDE": "nginx"})):
        service = python(t, f"py{n}", **env)
        equal(handler_sees(t, service), "none", f"the handler saw, with {env}")
        t.load(service, "/small", 50, 4, ("-x",))
        service.stop()
        equal(service.log.files(), [], f"log files with {env}")
    service = python(t, "in", OCTOSHIM_INCLUDE="python3*")
    t.load(service, "/small", 50, 4)
    service.log.wait("request.completed", 50)


@test
def default_sink_is_stderr(t):
    """The README's first example: nothing set but LD_PRELOAD."""
    service = KINDS["python_cli"].start(t, "cli", env={"OCTOSHIM_LOG": None, "SERVICE_NAME": None,
                                                       "OCTOSHIM_RUNTIME_DIR": None})
    ids = t.load(service, "/small", 40, 2)["ids"]

    def events():
        return [json.loads(line) for line in service.said().splitlines() if line.startswith("{")]

    wait_until(lambda: sum(e["event"] == "request.completed" for e in events()) == 40, "40 events on stderr")
    equal({e["request_id"] for e in events() if e["event"] == "request.completed"}, set(ids), "IDs on stderr")
    check(all(e["service"].startswith("python3") for e in events()), f"service: {events()[0]['service']}")
    path = t.file("stderr/cli.log", "".join(json.dumps(e) + "\n" for e in events()))
    t.validate(Log(path))


@test
def who_is_who(t):
    """Name, environment and version are in every event, even though nginx wipes its environment."""
    service = nginx(workers=2)(t, "web", env={"SERVICE_NAME": "orders", "ENVIRONMENT": "production",
                                              "APP_VERSION": "1.2.3", "LOG_LEVEL": "debug"})
    t.load(service, "/small", 100, 4)
    service.log.wait("request.completed", 100)
    service.stop()
    for e in service.log.events():
        equal((e["service"], e["environment"], e["version"]), ("orders", "production", "1.2.3"), f"facts of {e}")
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", e["timestamp"]), f"timestamp of {e}")
    for line in service.log.lines():
        check(b'"level": "' in line and b", " in line, f"separators of {line!r}")
    opened, closed = service.log.count("connection.opened"), service.log.count("connection.closed")
    check(opened >= 4, f"connection.opened at level debug: {opened}")
    equal(closed, opened, "connection.closed")
    check(service.log.count("service.started") >= 1, "no service.started")
    check(service.log.count("service.stopped") >= 1, "no service.stopped")
    check(all(e["exit_code"] == 0 for e in service.log.events("service.stopped")), "exit code of nginx")
    t.validate(service.log)


@test
def console_form(t):
    service = python(t, JSON_LOGS="false")
    ids = t.load(service, "/small", 100, 4)["ids"]
    ids += t.load(service, "/error", 5, 1, ("-s", "500"))["ids"]
    wait_until(lambda: service.log.count_text("request.completed") >= 105, "105 completed on the console")
    text = b"\n".join(service.log.lines()).decode()
    equal(service.log.count_text("request.completed"), 105, "completed on the console")
    for i in ids:
        check(i in text, f"{i} is not on the console")
    check("{" not in text.splitlines()[0], f"JSON in the console form: {text.splitlines()[0]!r}")
    for word in ("GET", "/small", "200", "/error", "500"):
        check(word in text, f"{word} is not on the console: {text[:500]!r}")


@test
def levels(t):
    """DEBUG shows connections, ERROR only what failed, and slow and failed requests have their level."""
    wanted = {"DEBUG": {"debug", "info", "warning", "error"}, "INFO": {"info", "warning", "error"},
              "WARNING": {"warning", "error"}, "ERROR": {"error"}}
    for level, seen in wanted.items():
        service = python(t, "py-" + level, LOG_LEVEL=level, OCTOSHIM_SLOW_MS="150")
        t.load(service, "/small", 20, 2)
        t.load(service, "/slow", 4, 4)
        t.load(service, "/error", 6, 2, ("-s", "500"))
        number = {"DEBUG": 30, "INFO": 30, "WARNING": 10, "ERROR": 6}[level]
        service.log.wait("request.completed", number)
        service.stop()
        events = service.log.events()
        equal({e["level"] for e in events}, seen, f"levels in the log with LOG_LEVEL={level}")
        for e in service.log.events("request.completed"):
            right = "error" if e["path"] == "/error" else "warning" if e["path"] == "/slow" else "info"
            equal(e["level"], right, f"level of {e}")
            if e["path"] == "/slow":
                check(290 < e["duration_ms"] < 2000, f"duration of {e}")
                check(e["ttfb_ms"] > 250, f"time to the first byte of {e}")
        equal(service.log.count("connection.opened") > 0, level == "DEBUG", f"connections in the log at {level}")
        t.validate(service.log)


@test
def sampling_keeps_errors_and_slow_ones(t):
    service = python(t, OCTOSHIM_SAMPLE="0.1", OCTOSHIM_SLOW_MS="150")
    t.load(service, "/small", 2000, 16)
    t.load(service, "/error", 40, 4, ("-s", "500"))
    t.load(service, "/slow", 8, 8)
    wait_until(lambda: sum(e["path"] in ("/error", "/slow") for e in service.log.events("request.completed")) >= 48,
               "all errors and slow requests")
    events = service.log.events("request.completed")
    paths = [e["path"] for e in events]
    equal((paths.count("/error"), paths.count("/slow")), (40, 8), "errors and slow requests kept")
    check(110 < paths.count("/small") < 290, f"{paths.count('/small')} of 2000 kept with OCTOSHIM_SAMPLE=0.1")
    t.validate(service.log)
    none = python(t, "none", OCTOSHIM_SAMPLE="0")
    t.load(none, "/small", 300, 4)
    t.load(none, "/error", 10, 1, ("-s", "500"))
    none.log.wait("request.completed", 10)
    t.validate(none.log)


@test
def settings_from_a_file(t):
    path = t.file("octo.json", json.dumps({"service_name": "from-file", "slow_ms": 100, "ENVIRONMENT": "staging",
                                           "OCTOSHIM_INJECT": "response"}))
    service = python(t, SERVICE_NAME=None, OCTOSHIM_CONFIG=path, ENVIRONMENT="from-environment")
    equal(handler_sees(t, service), "none", "inject=response from the file: the handler saw")
    t.load(service, "/slow", 3, 3)
    service.log.wait("request.completed", 4)
    for e in service.log.events():
        equal((e["service"], e["environment"]), ("from-file", "from-environment"), f"facts of {e}")
    equal([e["level"] for e in service.log.events("request.completed") if e["path"] == "/slow"], ["warning"] * 3,
          "slow_ms=100 from the file")


@test
def bad_settings_are_named_once(t):
    service = python(t, OCTOSHIM_SLOW_MS="soon", OCTOSHIM_INJECT="maybe", LOG_LEVEL="LOUD", OCTOSHIM_SAMPLE="2",
                     OCTOSHIM_LOG_ROTATE="weekly", JSON_LOGS="perhaps")
    t.load(service, "/small", 50, 4)
    service.log.wait("request.completed", 50)
    said = [line for line in service.said().splitlines() if line.startswith("octoshim:")]
    for name, value in (("OCTOSHIM_SLOW_MS", "soon"), ("OCTOSHIM_INJECT", "maybe"), ("LOG_LEVEL", "LOUD"),
                        ("OCTOSHIM_SAMPLE", "2"), ("OCTOSHIM_LOG_ROTATE", "weekly"), ("JSON_LOGS", "perhaps")):
        lines = [line for line in said if name + "=" in line or name + " " in line or name + ":" in line]
        equal(len(lines), 1, f"lines on stderr about {name}; said: {said}")
        check(value in lines[0], f"the value is not named: {lines[0]}")
    service.stop()
    broken = t.file("broken.json", '{\n  "slow_ms": 5,\n  oops\n}\n')
    for n, path in enumerate((broken, "/nonexistent/octo.json")):
        service = python(t, f"conf{n}", OCTOSHIM_CONFIG=path)
        t.load(service, "/small", 20, 4)
        service.log.wait("request.completed", 20)
        said = [line for line in service.said().splitlines() if line.startswith("octoshim:")]
        equal(len(said), 1, f"lines on stderr: {said}")
        check(path in said[0], f"the file is not named: {said[0]}")
        if path == broken:
            check("3" in said[0].replace(path, ""), f"the line is not named: {said[0]}")


@test
def a_large_head_passes(t):
    """Heads of up to 64 KiB are framed; larger ones pass untouched and cost the request its events only."""
    service = SERVER.start(t, "py")
    fill = "".join(f"X-Fill-{i}: {'f' * 600}\r\n" for i in range(90))
    status, fields, body = t.get(service, "/id", fill)
    equal((status, body.decode().strip()), (200, fields["x-request-id"]), "ID with a head of 54 KiB")
    service.log.wait("request.completed", 1)
    t.check_events(service.log, [fields["x-request-id"]], 1)


@test
def descriptors_above_1024(t):
    """1,500 idle connections first: those that are served have descriptors far above 1,024."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    service = KINDS["node_http"].start(t, "node")
    idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(1500)]
    ids = t.load(service, "/small", 500, 16)["ids"]
    service.log.wait("request.completed", 500)
    t.check_events(service.log, ids, 500)
    for s in idle:
        s.close()
