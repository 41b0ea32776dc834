"""The services of tasks (apps/task_service.py, .js) under the shipped rules."""
import http.client
import json
import os

from harness import APPS, ROOT, check, wait_until
from metrics import Metrics, consistent, listening, wait_for
from servers import app, simple

RULES = os.path.join(ROOT, "deploy", "rules", "tasks.json")


def post(service, path, body=None, wanted=200):
    c = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    try:
        c.request("POST", path, json.dumps(body or {}), {"Content-Type": "application/json"})
        answer = c.getresponse()
        text = answer.read()
        check(answer.status == wanted, f"POST {path}: {answer.status} {text[-300:]}")
        return json.loads(text) if wanted != 500 else None
    finally:
        c.close()


def gunicorn(*options):
    return simple("/usr/bin/gunicorn", "--chdir", APPS, "-b", "127.0.0.1:{port}", "--worker-tmp-dir", "/dev/shm", *options,
                  "task_service:app")


threaded = gunicorn("-w", "1", "-k", "gthread", "--threads", "8")
node = simple("node", app("task_service.js"), "{port}")


class Tasks:
    """A service of tasks with these databases, and its metrics."""

    def __init__(self, t, start, config=RULES, name="tasks", postgres=None, mysql=None, redis=None, **env):
        ports = {"POSTGRES": postgres, "MYSQL": mysql, "REDIS": redis}
        self.t = t
        self.where, settings = listening(OCTOSHIM_CONFIG=config, **env,
                                         **{kind: str(database.port) for kind, database in ports.items() if database})
        self.service = start(t, name, env=settings)
        wait_for(self.where)

    def metrics(self):
        m = Metrics(self.where)
        consistent(m, self.service.name)
        return m

    def gives(self, name, wanted, *labels, seconds=5):
        """The series of `name`, by the values of these labels, are exactly those that are wanted; 0 is as none."""
        def found():
            every = self.metrics().all(name)
            check(all(set(s.labels) == set(labels) for s in every), f"labels of {name}: {every[:3]}")
            return {tuple(s.labels[label] for label in labels): s.value for s in every if s.value}
        wanted = {k if isinstance(k, tuple) else (k,): v for k, v in wanted.items() if v}
        wait_until(lambda: found() == wanted, lambda: f"{name} to be {wanted}; it is {found()}", seconds)

    def post(self, path, body=None, wanted=200):
        return post(self.service, path, body, wanted)
