"""The service's own logs: lines of an unmodified structlog service gain the request that they were written for."""
import json

from harness import check, equal, test
from relays import ask
from servers import PYTHON, app, simple

REQUESTS, CLIENTS = 640, 32


def threads(t, name, **env):
    return simple(PYTHON, app("logs.py"), "127.0.0.1:{port}", env=env)(t, name)


def tasks(t, name, **env):
    return simple("/usr/bin/uvicorn", "--app-dir", app(""), "--port", "{port}", "--log-level", "warning", "--no-access-log",
                  "--loop", "asyncio", "logs:app", env=env)(t, name)


def lines_of(service):
    found = []
    for line in service.said().splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def each_line_is_its_requests(t, start, name):
    service = start(t, name, OCTOSHIM_ENRICH_LOGS="1", APP_VERSION="7")
    ask(service, "/order/", REQUESTS, CLIENTS, 0)
    service.log.wait("request.completed", REQUESTS)
    served = {e["request_id"]: e for e in service.log.events("request.completed")}
    service.stop()
    lines = [line for line in lines_of(service) if line["event"] != "starts"]
    equal(len(lines), 3 * REQUESTS, "lines")
    for line in lines:
        if line["event"] == "order.sent":
            equal((line["request_id"], "trace_id" in line), ("its own", False), f"one that has an ID: {line}")
            continue
        identity = f"{name}{line['order'].replace('/', '.')}"
        equal(line.get("request_id"), identity, f"the request of {line}")
        event = served[identity]
        for field in ("trace_id", "span_id", "service", "environment", "version"):
            equal(line.get(field), event[field], f"{field} of {line}")
    plain = [line for line in service.said().splitlines() if line.startswith("WARNING plain")]
    equal(len(plain), REQUESTS, "plain lines")
    check(not any("request_id" in line for line in plain), f"a plain line gained something: {plain[0]}")
    started = [line for line in lines_of(service) if line["event"] == "starts"]
    check(not any("request_id" in line for line in started), f"outside of requests: {started}")
    t.notes.append(f"{name}: all of {2 * REQUESTS} lines carry their request, {CLIENTS} at once")


@test
def logs_of_threads(t):
    each_line_is_its_requests(t, threads, "logs-threads")


@test
def logs_of_tasks(t):
    each_line_is_its_requests(t, tasks, "logs-tasks")


@test
def plain_logs_and_none(t):
    service = threads(t, "plain", OCTOSHIM_ENRICH_LOGS="text")
    t.get(service, "/order/1", "X-Request-ID: given\r\n")
    service.stop()
    check("WARNING plain /order/1 request_id=given\n" in service.said(), f"a plain line: {service.said()}")
    service = threads(t, "unbuffered", OCTOSHIM_ENRICH_LOGS="1", PYTHONUNBUFFERED="1")  # the line feed in a call of its own
    t.get(service, "/order/1", "X-Request-ID: given\r\n")
    service.stop()
    equal([line.get("request_id") for line in lines_of(service)], [None, "given", "its own", "given"], "unbuffered lines")
    service = threads(t, "off")
    t.get(service, "/order/1", "X-Request-ID: given\r\n")
    service.stop()
    check("given" not in service.said() and "order.paid" in service.said(), f"without the setting: {service.said()}")
