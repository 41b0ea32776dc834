"""The checks of deploy/prometheus and deploy/grafana. Each takes a Tree and returns complaints, one a line.

For run, and for broken.py, which breaks copies of the tree. Needs promtool (Debian: prometheus) and python3-yaml.
Starts nothing but promtool, touches nothing but a temporary directory.
"""
import glob
import json
import os
import re
import subprocess
import tempfile

import promql
import queries
import yaml

LIMIT_SECONDS = 60
OF_COUNTERS = {"rate", "irate", "increase", "resets"}  # functions that are for counters only
OF_PRESENCE = {"group", "count", "absent"}  # and those that do not look at the value
GRID_COLUMNS = 24
SEVERITIES = {"warning", "critical"}
ANNOTATIONS = {"summary", "description", "runbook"}
RECORD_NAME = re.compile(r"[a-z]+(_[a-z]+)*:[a-z][a-z0-9_]*:[a-z0-9_]+")
TEMPLATE_LABEL = re.compile(r"\{\{ *(\w+) *\}\}")
BUILTIN_VARIABLES = {"__interval", "__rate_interval", "__range"}
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Tree:
    """What is checked, by default this very tree."""

    def __init__(self, root=queries.ROOT):
        self.root = root
        self.prometheus = os.path.join(root, "deploy", "prometheus")
        self.rule_files = [os.path.join(self.prometheus, name) for name in ("recording.yml", "alerts.yml")]
        self.test_files = sorted(glob.glob(os.path.join(self.prometheus, "tests", "*.yml")))

    def yaml(self, *path):
        with open(os.path.join(self.root, *path), encoding="utf-8") as f:
            return yaml.safe_load(f)

    def rules(self):
        return [rule for file in self.rule_files for group in self.yaml(file)["groups"] for rule in group["rules"]]

    def tests(self):
        """(evaluation interval in seconds, test) for each."""
        for path in self.test_files:
            file = self.yaml(path)
            for test in file["tests"]:
                yield seconds(file["evaluation_interval"]), test

    def metrics(self):
        """{name: (type, labels)} of metrics.txt. A histogram has three names, and what is recorded is a gauge."""
        known, target = {}, set()
        with open(os.path.join(self.root, "tests", "deploy", "metrics.txt"), encoding="utf-8") as f:
            for line in f:
                words = line.partition("#")[0].split()
                if not words:
                    continue
                name, kind, labels = words[0], words[1], set(words[2].split(",")) if len(words) > 2 else set()
                if name == "(target)":
                    target = labels
                elif kind == "histogram":
                    known[name + "_bucket"] = ("counter", labels | target | {"le"})
                    known[name + "_sum"] = known[name + "_count"] = ("counter", labels | target)
                else:
                    known[name] = (kind, labels | target)
        for rule in self.rules():
            if "record" in rule:
                known[rule["record"]] = ("gauge", set(rule["record"].split(":")[0].split("_")))
        return known

    def expressions(self):
        """(where, expression) of all rules and all queries of dashboards."""
        for rule in self.rules():
            yield rule.get("alert") or rule["record"], rule["expr"]
        for dashboard, panel, expression in queries.queries(self.root):
            yield f"{dashboard}.json, {panel}", expression


def seconds(duration):
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", duration)
    hours, minutes, rest = (int(part or 0) for part in parts.groups())
    return (hours * 60 + minutes) * 60 + rest


def promtool(*arguments):
    """(exit code, everything it said)"""
    done = subprocess.run(["promtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT_SECONDS, check=False)
    return done.returncode, done.stdout


def promtool_complaints(*arguments):
    code, said = promtool(*arguments)
    wrong = [line.strip() for line in said.splitlines() if line.strip()]
    return wrong if code else [line for line in wrong if "WARNING" in line]


@check
def config(tree):
    """The configurations are valid, their files exist, and each takes all rules."""
    complaints = promtool_complaints("check", "config", os.path.join(tree.prometheus, "prometheus.yml"))
    wanted = [os.path.basename(path) for path in tree.rule_files]
    for name in ("prometheus.yml", "prometheus-kubernetes.yml"):
        found = tree.yaml(tree.prometheus, name).get("rule_files")
        if found != wanted:
            complaints.append(f"{name}: rule_files are {found}, not {wanted}")
        for job in tree.yaml(tree.prometheus, name)["scrape_configs"]:
            if not job["job_name"].startswith("octoshim"):
                complaints.append(f"{name}: ServiceDown does not know the job {job['job_name']}")
    return complaints


@check
def kubernetes(tree):
    """The pods of pods.yml become the targets that they should. Static targets stand for the discovery, which Debian's
    promtool has not."""
    complaints = []
    pods = tree.yaml("tests", "deploy", "pods.yml")
    settings = tree.yaml(tree.prometheus, "prometheus-kubernetes.yml")
    (job,) = settings["scrape_configs"]
    if job.pop("kubernetes_sd_configs", None) != [{"role": "pod"}]:
        return ["prometheus-kubernetes.yml: does not look for pods"]
    job["static_configs"] = [
        {"targets": [pod["address"]],
         "labels": {f"__meta_kubernetes_{key}": value for key, value in pod["meta"].items()}} for pod in pods]
    settings["rule_files"] = tree.rule_files
    with tempfile.TemporaryDirectory(prefix="octo-deploy-") as directory:
        path = os.path.join(directory, "config.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        complaints += promtool_complaints("check", "config", path)
        code, said = promtool("check", "service-discovery", "--timeout=1s", path, job["job_name"])
    if code:
        return complaints + said.splitlines()
    # They come in any order, and promtool 2.42 shows the discovered address as it is after relabelling.
    targets = {target["discoveredLabels"]["__meta_kubernetes_pod_ip"]: target for target in json.loads(said)}
    for pod in pods:
        target = targets[pod["meta"]["pod_ip"]]
        labels = {key: value for key, value in target["labels"].items() if not key.startswith("__")} or None
        if labels != pod["labels"]:
            complaints.append(f"pods.yml, {pod['pod']}: becomes {labels}, not {pod['labels']}")
    return complaints


@check
def rules(tree):
    """The rules are valid; alerts say how bad it is and what to do, records are named level:metric:operation."""
    complaints = promtool_complaints("check", "rules", *tree.rule_files)
    names = [rule.get("alert") or rule["record"] for rule in tree.rules()]
    complaints += [f"{name}: twice" for name in sorted(set(names)) if names.count(name) > 1]
    for rule in tree.rules():
        if "record" in rule:
            if not RECORD_NAME.fullmatch(rule["record"]):
                complaints.append(f"{rule['record']}: not level:metric:operation")
            continue
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            complaints.append(f"{rule['alert']}: severity is none of {sorted(SEVERITIES)}")
        lacking = ANNOTATIONS - rule.get("annotations", {}).keys()
        complaints += [f"{rule['alert']}: no {name}" for name in sorted(lacking)]
    return complaints


@check
def rule_tests(tree):
    """The rules' unit tests pass."""
    return promtool_complaints("test", "rules", *tree.test_files)


@check
def rules_tested(tree):
    """Each alert is seen silent, and one evaluation later firing; each record is seen with a value."""
    turned, seen = set(), set()
    for interval, test in tree.tests():
        cases = test.get("alert_rule_test", [])
        fires = {(case["alertname"], seconds(case["eval_time"])) for case in cases if case["exp_alerts"]}
        for case in cases:
            if not case["exp_alerts"] and (case["alertname"], seconds(case["eval_time"]) + interval) in fires:
                turned.add(case["alertname"])
        for case in test.get("promql_expr_test", []):
            if case["exp_samples"]:
                seen.update(selector.metric for selector in promql.uses(case["expr"]).selectors)
    return [f"{rule['alert']}: no test sees it silent and, one evaluation later, firing" for rule in tree.rules()
            if "alert" in rule and rule["alert"] not in turned] + \
           [f"{rule['record']}: no test expects a value" for rule in tree.rules()
            if "record" in rule and rule["record"] not in seen]


@check
def dashboards_json(tree):
    """The dashboards are JSON in one form, so that differences are small; their uids and ids do not change on import."""
    complaints, uids = [], []
    for path in sorted(glob.glob(os.path.join(tree.root, "deploy", "grafana", "*.json"))):
        name = os.path.basename(path)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        try:
            dashboard = json.loads(text)
        except ValueError as error:
            complaints.append(f"{name}: {error}")
            continue
        if text != json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n":
            complaints.append(f"{name}: not in the form of json.dumps(…, indent=2)")
        if dashboard["id"] is not None:
            complaints.append(f"{name}: has the id of somebody's Grafana")
        uids.append(dashboard["uid"])
    if len(set(uids)) != len(uids):
        complaints.append(f"uids are not unique: {uids}")
    return complaints if uids or complaints else ["there is no dashboard"]


def overlaps(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


@check
def layout(tree):
    """Ids are unique, and no panel lies on another or beside the grid."""
    complaints = []
    for name, dashboard in queries.dashboards(tree.root):
        every = list(queries.panels(dashboard))
        ids = [panel["id"] for panel in every]
        complaints += [f"{name}.json: two panels have the id {i}" for i in sorted(set(ids)) if ids.count(i) > 1]
        for panel in every:
            place = panel["gridPos"]
            if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > GRID_COLUMNS:
                complaints.append(f"{name}.json, {panel['title']}: beside the grid")
        complaints += [f"{name}.json: {one['title']} lies on {other['title']}" for i, one in enumerate(every)
                       for other in every[:i] if overlaps(one, other)]
    return complaints


@check
def panels(tree):
    """Each panel has a query, a unit, a description; legends and annotations name labels that the query leaves."""
    complaints = []
    for name, dashboard in queries.dashboards(tree.root):
        for panel in queries.panels(dashboard):
            where = f"{name}.json, {panel.get('title')}"
            if not panel.get("title"):
                complaints.append(f"{name}.json, panel {panel['id']}: no title")
            if panel["type"] == "row":
                continue
            targets = panel.get("targets") or []
            if not targets or not all(target.get("expr", "").strip() for target in targets):
                complaints.append(f"{where}: no query")
            if len({target.get("refId") for target in targets}) != len(targets):
                complaints.append(f"{where}: two queries have one refId")
            if not panel.get("description"):
                complaints.append(f"{where}: no description")
            if not panel["fieldConfig"]["defaults"].get("unit"):
                complaints.append(f"{where}: no unit")
            for target in targets:
                complaints += labels_left(where, target.get("expr", ""), target.get("legendFormat", ""))
        for annotation in dashboard["annotations"]["list"]:
            if queries.is_prometheus(annotation["datasource"]):
                shown = [annotation["titleFormat"], annotation["textFormat"]]
                shown += ["{{%s}}" % label for label in annotation["tagKeys"].split(",")]
                complaints += labels_left(f"{name}.json, {annotation['name']}", annotation["expr"], " ".join(shown))
    return complaints


def labels_left(where, expression, text):
    """Complaints about {{labels}} in text that the expression's aggregations have not left."""
    try:
        grouping = promql.uses(queries.substitute(expression, queries.DEFAULTS)).grouping or {"instance", "service"}
    except (promql.NotUnderstood, KeyError, IndexError):
        return []  # told by the check it belongs to
    return [f"{where}: shows {label}, which its query does not leave" for label in TEMPLATE_LABEL.findall(text)
            if label not in grouping]


@check
def variables(tree):
    """Datasources are variables; job, service and instance can be chosen; and each variable that is used is there."""
    complaints = []
    for name, dashboard in queries.dashboards(tree.root):
        listed = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
        complaints += [f"{name}.json: no variable {wanted}" for wanted in
                       ("datasource", "loki", "job", "service", "instance") if wanted not in listed]
        for kind, variable in (("prometheus", "datasource"), ("loki", "loki")):
            if listed.get(variable, {}).get("query") != kind:
                complaints.append(f"{name}.json: the variable {variable} is no {kind} datasource")
        complaints += [f"{name}.json: query and definition of {variable['name']} differ" for variable in listed.values()
                       if variable["type"] == "query" and variable["query"]["query"] != variable["definition"]]
        text = json.dumps(dashboard)
        for used in sorted(queries.variables_in(text) - listed.keys() - BUILTIN_VARIABLES - {"__all"}):
            complaints.append(f"{name}.json: the variable {used} is nowhere")
        complaints += [f"{name}.json: the datasource {source} is no variable" for source in sorted(fixed(dashboard))]
        for panel, expression in queries.raw_queries(dashboard):
            if "vector(" not in expression and not panel.startswith("variable ") and \
                    not {"job", "service", "instance"} <= queries.variables_in(expression):
                complaints.append(f"{name}.json, {panel}: does not select by job, service and instance")
    return complaints


def fixed(part):
    """Datasources in part of a dashboard that are given by name or uid; Grafana's own does not count."""
    found = set()
    if isinstance(part, dict):
        source = part.get("datasource")
        if source is not None and source not in ({"type": "prometheus", "uid": "${datasource}"},
                                                 {"type": "loki", "uid": "${loki}"},
                                                 {"type": "grafana", "uid": "-- Grafana --"}):
            found.add(json.dumps(source))
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
        found |= fixed(inner)
    return found


@check
def metrics(tree):
    """Rules and queries use known metrics and their labels; counters by their rates, buckets with le, windows without
    subqueries."""
    complaints = []
    known = tree.metrics()
    for where, expression in tree.expressions():
        try:
            uses = promql.uses(expression)
        except (promql.NotUnderstood, IndexError) as error:
            complaints.append(f"{where}: not understood: {error}")
            continue
        strange = [s.metric for s in uses.selectors if s.metric not in known]
        complaints += [f"{where}: {metric} is not in metrics.txt" for metric in strange]
        if strange:
            continue
        for selector in uses.selectors:
            kind, labels = known[selector.metric]
            complaints += [f"{where}: {selector.metric} has no label {label}" for label, _, _ in selector.matchers
                           if label not in labels]
            if kind == "counter" and not selector.ranged and "offset" not in uses.operators and \
                    selector.function not in OF_PRESENCE:
                complaints.append(f"{where}: {selector.metric} is a counter; its rate is meant")
            if selector.function in OF_COUNTERS and kind != "counter":
                complaints.append(f"{where}: {selector.function} of {selector.metric}, a {kind}")
            if selector.metric.endswith("_bucket") and selector.ranged and "le" not in uses.grouping:
                complaints.append(f"{where}: the buckets of {selector.metric} are not summed by le")
        every = set().union(*(known[s.metric][1] for s in uses.selectors))
        complaints += [f"{where}: by {label}, which none of its metrics has" for label in sorted(uses.grouping - every)]
    return complaints


@check
def expressions(tree):
    """Prometheus can parse every query of the dashboards."""
    queried = list(queries.queries(tree.root))
    group = {"name": "queries", "rules": [{"record": f"query:{i}:", "expr": expression}
                                          for i, (_, _, expression) in enumerate(queried)]}
    with tempfile.TemporaryDirectory(prefix="octo-deploy-") as directory:
        path = os.path.join(directory, "queries.json")  # which is YAML too
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"groups": [group]}, f)
        code, said = promtool("check", "rules", "--lint=none", path)
    if not code and f"{len(queried)} rules found" not in said:
        return [f"promtool did not see all {len(queried)} queries", said]
    complaints = []
    for line in said.splitlines() if code else []:
        for number in re.findall(r'"query:(\d+):"', line):
            dashboard, panel, _ = queried[int(number)]
            complaints.append(f"{dashboard}.json, {panel}: {line.strip()}")
    return complaints if complaints or not code else said.splitlines()
