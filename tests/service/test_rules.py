"""Rules: unmodified services of tasks, in Python and Node, with real databases, give the metrics of the shipped rule file. What
the metrics say is compared with what the client asked for and was answered."""
import json
import os
import signal
import threading
import time

import databases
from harness import check, equal, test, wait_until
from tasks import Tasks, gunicorn, node, threaded


def creates_and_runs(s):
    """Tasks of some priorities and sources are created, refused and run; one label is more than a metric should have."""
    created = {("high", "api"): 7, ("low", "api"): 3, ("high", 'a "quoted" \\ source'): 2, ("", "api"): 1}
    for (priority, source), number in created.items():
        for _ in range(number):
            s.post("/tasks", {"task": {**({"priority": priority} if priority else {}), "source": source}}, 201)
    for _ in range(4):
        s.post("/tasks", {"task": {"priority": "high", "source": "api", "arm": "none"}}, 422)
    s.gives("tasks_created_total", created, "priority", "source", seconds=0.1)
    s.gives("errors_total", {("no_arm", "planner"): 4}, "error_type", "component")

    began = time.time()
    for arm, priority, number in (("coder", "high", 3), ("judge", "low", 2)):
        for i in range(number):
            s.post(f"/tasks/{i}/run?seconds=0.06", {"task": {"arm": arm, "priority": priority}})
    took = time.time() - began
    count = {("coder", "high"): 3, ("judge", "low"): 2}
    s.gives("task_duration_seconds_count", count, "arm", "priority", seconds=0.1)
    m = s.metrics()
    for (arm, priority), number in count.items():
        labels = {"arm": arm, "priority": priority}
        total = m.sum("task_duration_seconds_sum", **labels)
        check(0.06 * number <= total < took, f"{labels}: {total} s of {took}")
        equal([m.sum("task_duration_seconds_bucket", le=le, **labels) for le in ("0.05", "300.0", "+Inf")],
              [0, number, number], f"buckets of {labels}")


def counts_those_in_progress(s, parallel):
    """As many as are running now, by arm; and none when they are through."""
    threads = [threading.Thread(target=s.post, args=(f"/tasks/{i}/run?seconds=1.5", {"task": {"arm": arm}}))
               for i, arm in enumerate(parallel)]
    for thread in threads:
        thread.start()
    s.gives("tasks_in_progress", {arm: parallel.count(arm) for arm in parallel}, "arm", seconds=1.4)
    for thread in threads:
        thread.join()
    s.gives("tasks_in_progress", {}, "arm")


def caches(s):
    for size in (100, 4096, 123456789):
        s.post(f"/cache/local/{size}")
        s.gives("cache_size_bytes", {"local": size}, "cache_name")
    used = json.loads(s.t.get(s.service, "/redis")[2])["used"]
    check(used > 100000, f"memory of redis: {used}")
    s.gives("cache_size_bytes", {"local": 123456789, "redis": used}, "cache_name")


def pools(s, by_kind):
    """Each kind's connections are counted in its pool, and no others."""
    equal({k: v for k, v in pool_sizes(s).items() if v}, {}, "connections at first")
    wanted = {}
    for kind, (pool, number) in by_kind.items():
        s.post(f"/connect/{kind}/{number}")
        wanted[pool] = number
        s.gives("db_connections", wanted, "pool")
    s.post("/connect/POSTGRES/2")
    s.gives("db_connections", {**wanted, "postgres": wanted["postgres"] + 2}, "pool")
    s.post("/close")
    s.gives("db_connections", {}, "pool")


def pool_sizes(s):
    return {sample.labels["pool"]: sample.value for sample in s.metrics().all("db_connections")}


def every(t):
    return {"postgres": databases.postgres(t), "mysql": databases.mariadb(t), "redis": databases.redis(t)}


ALL = {"POSTGRES": ("postgres", 4), "MYSQL": ("mysql", 3), "REDIS": ("cache", 5)}


def said_well(s):
    """Nothing of octoshim's on its output, and its own lines whole."""
    lines = s.service.said().splitlines()
    equal([line for line in lines if "octoshim" in line], [], "complaints")
    own = [json.loads(line) for line in lines if line.startswith("{")]
    check(own, "lines of its own")
    return own


def gives_every_metric(t, start, parallel):
    """All that the shipped rule file asks for."""
    s = Tasks(t, start, **every(t))
    creates_and_runs(s)
    counts_those_in_progress(s, parallel)
    caches(s)
    pools(s, ALL)
    own = said_well(s)
    equal(len([e for e in own if e["event"] == "task.created"]), 13, "lines of created tasks")
    s.service.stop()
    t.check_events(s.service.log)


@test
def python_tasks(t):
    """Flask in gunicorn, one process of several threads."""
    gives_every_metric(t, threaded, ["coder", "coder", "judge", "planner"])


@test
def node_tasks(t):
    """Express, whose log lines and queries leave by other calls."""
    gives_every_metric(t, node, ["coder", "judge", "coder", "coder"])


@test
def workers_and_pools(t):
    """Pools that are made as the service starts: by each worker; by a preloading master, before it listens and forks. What a
    killed worker had is taken back."""
    postgres, redis = databases.postgres(t), databases.redis(t)
    s = Tasks(t, gunicorn("-w", "3"), postgres=postgres, redis=redis, POOL="4")
    s.gives("db_connections", {"postgres": 12, "cache": 12}, "pool", seconds=10)
    os.kill(s.service.workers()[0], signal.SIGKILL)
    wait_until(lambda: pool_sizes(s) != {"postgres": 12, "cache": 12}, "fewer connections", 5)
    s.gives("db_connections", {"postgres": 12, "cache": 12}, "pool", seconds=10)  # another one has come
    s.service.kill_all()

    s = Tasks(t, gunicorn("-w", "3", "--preload"), name="preloading", postgres=postgres, redis=redis, POOL="4",
              POSTGRES_HOST=postgres.sockets)
    s.gives("db_connections", {"postgres": 4, "cache": 4}, "pool", seconds=10)
    workers = wait_until(s.service.workers, "the workers, which come after the pool", 10)
    os.kill(workers[0], signal.SIGKILL)
    time.sleep(1)
    s.gives("db_connections", {"postgres": 4, "cache": 4}, "pool")  # they are the master's
    s.service.kill_all()


@test
def databases_that_go(t):
    """Connections that are refused count nowhere; those that the database ends count until the service closes them."""
    postgres, redis = databases.postgres(t), databases.redis(t)
    s = Tasks(t, threaded, postgres=postgres, redis=redis)
    s.post("/connect/POSTGRES/3")
    s.post("/connect/REDIS/2")
    s.gives("db_connections", {"postgres": 3, "cache": 2}, "pool")
    postgres.stop(signal.SIGINT)  # fast shutdown
    for _ in range(3):
        s.post("/connect/POSTGRES/1", wanted=500)
    s.gives("db_connections", {"postgres": 3, "cache": 2}, "pool")
    s.post("/close")
    s.gives("db_connections", {}, "pool")
    s.service.stop()


@test
def connections_by_address_and_port(t):
    """Pools are named by rule: by port, by address, by what the protocol is found to be."""
    a, b = databases.redis(t, "redis-a"), databases.redis(t, "redis-b")
    of = {"metric": "db_connections", "type": "gauge", "value": "open"}
    config = t.file("rules.json", json.dumps({"rules": [
        {**of, "when": {"connection": {"port": [a.port, 1]}}, "labels": {"pool": "a"}},
        {**of, "when": {"connection": {"address": "127.0.0.*", "port": b.port}}, "labels": {"pool": "b"}},
        {"metric": "made_total", "type": "counter", "when": {"connection": {"address": "*"}},
         "labels": {"pool": "$protocol", "address": "$address"}}]}))
    for pool, redis, number in (("a", a, 3), ("b", b, 2)):
        s = Tasks(t, threaded, config, name=pool, redis=redis)
        s.post(f"/connect/REDIS/{number}")
        s.gives("db_connections", {pool: number}, "pool")
        s.gives("made_total", {("redis", "127.0.0.1"): number}, "pool", "address")
        s.service.stop()
