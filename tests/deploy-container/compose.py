"""compose.yaml: the Compose Specification's schema, and what it does not say: that names and files are there."""
import json
import os
import shutil
import subprocess

import jsonschema
from common import FOLDER, collect, load, metrics_port, node_modules, read, unknown_settings
from yaml import YAMLError

NAME = "compose.yaml"

BROKEN = [
    ("    read_only: true\n", "    readonly: true\n", "readonly"),
    ("    expose: [\"9464\"]", "    expose: \"9464\"", "9464"),
    ("      target: service", "      target: run", "no stage"),
    ("      context: ../..", "      context: ..", "no Dockerfile"),
    ("      - logs:/var/log", "      - log:/var/log", "no volume log"),
    ("../prometheus/alerts.yml", "../prometheus/alarms.yml", "alarms.yml"),
    ('    user: "65532:65532"', '    user: "101:101"', "user"),
    ("/run/octoshim:size", "/run/shim:size", "OCTOSHIM_RUNTIME_DIR"),
    ("mode=1777", "mode=0700", "cannot write"),
    ("OCTOSHIM_LOG: /var/log/octollm", "OCTOSHIM_LOG: /var/log", "OCTOSHIM_LOG"),
    ("    cap_drop: [ALL]\n", "", "cap_drop"),
    ("OCTOSHIM_RUNTIME_DIR", "OCTOSHIM_RUNDIR", "no setting"),
    ("0.0.0.0:9464", "0.0.0.0:9465", "9465"),
]


def prometheus_complaints(work):
    """What promtool says of Prometheus' folder, laid out in work as the container's /etc/prometheus is."""
    for mount in load(read("compose.yaml"))["services"]["prometheus"]["volumes"]:
        source, target = mount.split(":")[:2]
        if source.startswith("."):
            shutil.copy2(os.path.join(FOLDER, source), os.path.join(work, os.path.basename(target)))
    if not shutil.which("promtool"):
        return ["promtool is not installed"]
    done = subprocess.run(["promtool", "check", "config", os.path.join(work, "prometheus.yml")], capture_output=True,
                          text=True, check=False)
    return [(done.stderr or done.stdout).strip()[-600:]] if done.returncode else []


def options(tmpfs):
    """(path, {option: value}) of one line of tmpfs."""
    path, _, rest = tmpfs.partition(":")
    return path, dict(o.split("=") for o in rest.split(","))


def complaints(text, user="65532:65532", stages=("service",)):
    """user, stages: the Dockerfile's."""
    try:
        document = load(text)
    except YAMLError as e:
        return [str(e)]
    schema = json.load(open(os.path.join(node_modules(), "dclint/schemas/compose.schema.json"), encoding="utf-8"))
    said = [f"{'.'.join(map(str, e.absolute_path))}: {e.message}"
            for e in jsonschema.Draft7Validator(schema).iter_errors(document)]
    return said or collect(crosswise(document, user, stages))


def crosswise(document, user, stages):
    for name, service in document["services"].items():
        if service.get("read_only") is not True or service.get("cap_drop") != ["ALL"]:
            yield f"{name}: read_only, cap_drop"
        if "no-new-privileges:true" not in service.get("security_opt", ()):
            yield f"{name}: no-new-privileges"
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("."):
                if not os.path.isfile(os.path.join(FOLDER, source)):
                    yield f"{name}: no file {source}"
            elif source not in document["volumes"]:
                yield f"{name}: no volume {source}"
    orders, prometheus = document["services"]["orders"], document["services"]["prometheus"]
    build = orders["build"]
    if not os.path.isfile(os.path.join(FOLDER, build["context"], build["dockerfile"])):
        yield "no Dockerfile there"
    if build["target"] not in stages:
        yield f"the Dockerfile has no stage {build['target']}"
    if orders["user"] != user:
        yield f"user {orders['user']}, not the Dockerfile's {user}"
    variables = orders["environment"]
    yield from unknown_settings(variables)
    ((place, tmpfs),) = map(options, orders["tmpfs"])
    if place != variables["OCTOSHIM_RUNTIME_DIR"]:
        yield "OCTOSHIM_RUNTIME_DIR is not the tmpfs"
    if not int(tmpfs["mode"], 8) & 0o002:
        yield f"the service cannot write to the tmpfs of mode {tmpfs['mode']}"
    if os.path.dirname(variables["OCTOSHIM_LOG"]) not in [v.split(":")[1] for v in orders["volumes"]]:
        yield "OCTOSHIM_LOG is not in a volume"
    port = str(metrics_port(variables))
    if port not in orders["expose"] or any(port in p for p in orders["ports"]):
        yield f"the metrics' port {port} is not exposed, or published"
    configuration = load(read("prometheus.yml"))
    mounted = {v.split(":")[1] for v in prometheus["volumes"]}
    for file in configuration["rule_files"]:
        if f"/etc/prometheus/{file}" not in mounted:
            yield f"Prometheus is not given {file}"
    (job,) = configuration["scrape_configs"]
    wanted = [{"targets": [f"orders:{port}"], "labels": {"service": variables["SERVICE_NAME"]}}]
    if job["static_configs"] != wanted or not job["job_name"].startswith("octoshim"):
        yield f"Prometheus asks {job}, not {wanted}"
