"""The checks, checked: each must find what is broken on purpose in a copy of the tree.

For run. A breakage is a file, a text after which to look ("" is the file's start), what is there, what is put in its
place, and a part of what the check has to say.
"""
import json
import os
import shutil
import tempfile

import checks

ALERTS = "deploy/prometheus/alerts.yml"
RECORDING = "deploy/prometheus/recording.yml"
CONFIG = "deploy/prometheus/prometheus.yml"
PODS = "deploy/prometheus/prometheus-kubernetes.yml"
SERVICE = "deploy/grafana/service.json"
SHIM = "deploy/grafana/shim.json"
TESTS = "deploy/prometheus/tests/alerts.yml"
SHIM_TESTS = "deploy/prometheus/tests/alerts-shim.yml"
RECORDING_TESTS = "deploy/prometheus/tests/recording.yml"

# Of a dashboard's panels the description comes before the queries.
RATE = "Requests that ended, by the status"
P95 = "The ten slowest endpoints"
QUANTILE = "job_service_endpoint:http_request_duration_seconds:"


def alert(name, old, new):
    """A change to an alert, which its unit test has to notice."""
    return ALERTS, f"alert: {name}\n", old, new, f"alertname: {name}, time:"


def record(name, old, new):
    return RECORDING, f"record: {name}\n", old, new, name


BREAKAGES = {
    "config": [
        (CONFIG, "", "scrape_interval: 15s", "scrape_interval: soon", "soon"),
        (CONFIG, "", "  - alerts.yml\n", "", "rule_files"),
        (CONFIG, "", "  - alerts.yml\n", "  - alarms.yml\n", "alarms.yml"),
        (CONFIG, "", "targets/*.yml", "target/*.yml", "does not exist"),
        (CONFIG, "", "job_name: octoshim-files", "job_name: files", "does not know the job files"),
        (CONFIG, "", "targets: [127.0.0.1:9464]", "targets: [http://127.0.0.1:9464]", "not a valid hostname"),
        (PODS, "", "  - recording.yml\n", "", "rule_files"),
    ],
    "kubernetes": [
        (PODS, "", "role: pod", "role: service", "does not look for pods"),
        (PODS, "", "action: keep", "action: drop", "nothing more"),
        (PODS, "", 'regex: "true"', 'regex: ".*"', "without the annotation"),
        (PODS, "", "|Succeeded", "", "done"),
        (PODS, "", 'replacement: "9464"', 'replacement: "9465"', "nothing more"),
        (PODS, "", r"regex: (\d+)", "regex: (.+)", "a port that is none"),
        (PODS, "", 'replacement: "[$1]:$2"', "replacement: $1:$2", "IPv6"),
        (PODS, "", "pod_label_app]", "pod_label_application]", "nothing more"),
        (PODS, "", "pod_label_app_kubernetes_io_name]", "pod_label_name]", "both labels"),
        (PODS, "", "annotation_octoshim_service", "annotation_service", "name of its own"),
        (PODS, "", "replacement: octoshim/$1", "replacement: octoshim", "nothing more"),
        (PODS, "", "action: keep", "action: hold", "hold"),
    ],
    "rules": [
        (ALERTS, "", "severity: warning", "severity: bad", "severity"),
        (ALERTS, "", "          summary: High", "          title: High", "no summary"),
        (ALERTS, "", "          runbook:", "          hint:", "no runbook"),
        (ALERTS, "", "$labels.service", "$label.service", "undefined variable"),
        (ALERTS, "", "for: 5m", "for: long", "long"),
        (ALERTS, "", "(rate(errors_total[5m]))", "(rate(errors_total[5m])", "unclosed left parenthesis"),
        (RECORDING, "", "record: job_service:http_requests:rate5m", "record: job_service_http_requests_rate5m", "not level"),
        (RECORDING, "", "record: job_service:http_requests:rate5m", "record: job_service_endpoint:http_requests:rate5m", "twice"),
    ],
    "rule_tests": [
        alert("HighErrorRate", "sum by (job, service) (rate(errors_total[5m])) >", "rate(errors_total[5m]) >"),
        alert("HighErrorRate", "> 0.05", "> 0.048"),
        alert("HighErrorRate", "> 0.05", "> 0.056"),
        alert("HighErrorRate", "[5m]", "[6m]"),
        alert("HighErrorRate", "[5m]", "[4m]"),
        alert("HighErrorRate", "sum by (job, service)", "sum by (service)"),
        alert("SlowRequests", "(job, service, le)", "(job, service, endpoint, le)"),
        alert("SlowRequests", "(job, service, le)", "(job, service, instance, le)"),
        alert("SlowRequests", "> 5", "> 4.999"),
        alert("SlowRequests", "> 5", "> 6"),
        alert("SlowRequests", "0.95", "0.99"),
        alert("ServiceDown", '{job=~"octoshim.*"}', ""),
        alert("ServiceDown", 'job=~"octoshim.*"', 'job="octoshim"'),
        alert("ServiceDown", "== 0", "== 1"),
        alert("ServiceDown", "critical", "warning"),
        alert("ServiceDown", "minute", "while"),
        alert("ServiceCrashed", '{component="process"}', ""),
        alert("ServiceCrashed", 'increase(errors_total{component="process"}[10m])', "vector(0) > 1"),
        alert("ServiceCrashed", "offset 10m", "offset 9m"),
        alert("ServiceCrashed", "offset 10m", "offset 11m"),
        alert("ServiceCrashed", "unless", "and"),
        alert("ServiceCrashed", "[10m]", "[9m]"),
        alert("ServiceCrashed", "[10m]", "[11m]"),
        alert("ServiceCrashed", "> 0", "> 1"),
        alert("OctoshimEventsDropped", "unless", "and"),
        alert("OctoshimEventsDropped", "increase(", "0 * increase("),
        alert("OctoshimEventsDropped", "> 0", ">= 0"),
        alert("OctoshimSinkFailing", "unless", "and"),
        alert("OctoshimSinkFailing", "increase(", "delta("),
        alert("OctoshimSinkFailing", "> 0", ">= 0"),
        alert("OctoshimSeriesCeiling", "unless", "and"),
        alert("OctoshimSeriesCeiling", "increase(", "0 * increase("),
        alert("OctoshimSeriesCeiling", "> 0", ">= 0"),
        alert("OctoshimDegraded", "not_http|", ""),
        alert("OctoshimDegraded", "|header", ""),
        alert("OctoshimDegraded", "unless", "and"),
        alert("OctoshimDegraded", "> 0", ">= 0"),
        alert("OctoshimUnframed", "> 10", "> 9"),
        alert("OctoshimUnframed", "0.05", "0.04"),
        alert("OctoshimUnframed", "0.05", "0.11"),
        alert("OctoshimUnframed", "0 * group", "1000 * group"),
        alert("OctoshimUnframed", "start_line|", "not_http|start_line|"),
        alert("OctoshimServiceLabelMissing", '{service=""}', ""),
        alert("OctoshimAbsent", "absent(octoshim_build_info)", "vector(1)"),
        # A `for` that is one evaluation shorter or longer.
        alert("HighErrorRate", "for: 5m", "for: 4m45s"),
        alert("HighErrorRate", "for: 5m", "for: 5m15s"),
        alert("SlowRequests", "for: 10m", "for: 9m45s"),
        alert("SlowRequests", "for: 10m", "for: 10m15s"),
        alert("ServiceDown", "for: 1m", "for: 45s"),
        alert("ServiceDown", "for: 1m", "for: 75s"),
        alert("OctoshimUnframed", "for: 10m", "for: 9m45s"),
        alert("OctoshimUnframed", "for: 10m", "for: 10m15s"),
        alert("OctoshimServiceLabelMissing", "for: 10m", "for: 9m45s"),
        alert("OctoshimServiceLabelMissing", "for: 10m", "for: 10m15s"),
        alert("OctoshimAbsent", "for: 15m", "for: 14m45s"),
        alert("OctoshimAbsent", "for: 15m", "for: 15m15s"),
        record("job_service_endpoint:http_requests:rate5m", "[5m]", "[4m]"),
        record("job_service_endpoint:http_requests:rate5m", "[5m]", "[6m]"),
        record("job_service_endpoint:http_requests:rate5m", "job, service, endpoint", "service, endpoint"),
        record("job_service:http_requests:rate5m", "sum by", "avg by"),
        record("job_service_endpoint:http_request_errors_per_request:ratio_rate5m", "5..", "[45].."),
        record("job_service_endpoint:http_request_errors_per_request:ratio_rate5m", "0 * job", "job"),
        record("job_service_endpoint:http_request_errors_per_request:ratio_rate5m", "rate5m > 0", "rate5m >= 0"),
        record("job_service:http_request_errors_per_request:ratio_rate5m", "rate5m > 0", "rate5m >= 0"),
        record("job_service:http_request_errors_per_request:ratio_rate5m", "5..", ".*"),
        record("job_service_endpoint_le:http_request_duration_seconds_bucket:rate5m", "[5m]", "[4m]"),
        record("job_service_le:http_request_duration_seconds_bucket:rate5m", "sum by", "max by"),
        *(record(f"{level}:http_request_duration_seconds:p{p}_5m", f"(0.{p.rstrip('0')}, ", f"(0.{p}1, ")
          for level in ("job_service_endpoint", "job_service") for p in ("50", "95", "99")),
        *(record(f"{level}:http_request_duration_seconds:p{p}_5m", " >= 0", "")
          for level in ("job_service_endpoint", "job_service") for p in ("50", "95", "99")),
    ],
    "rules_tested": [
        (ALERTS, "", "alert: SlowRequests", "alert: VerySlowRequests", "VerySlowRequests: no test"),
        (RECORDING, "", f"record: {QUANTILE}p50_5m", f"record: {QUANTILE}p51_5m", "p51_5m: no test"),
        (TESTS, "", "eval_time: 9m30s", "eval_time: 9m", "HighErrorRate: no test sees"),
        (TESTS, "eval_time: 10m\n", "exp_alerts: []", "exp_alerts: [x]", "SlowRequests: no test sees"),
        (SHIM_TESTS, "name: OctoshimAbsent, gone", "eval_time: 16m", "eval_time: 17m", "OctoshimAbsent: no test sees"),
        (RECORDING_TESTS, "", f"round({QUANTILE}p99_5m", f"round({QUANTILE}p95_5m", "p99_5m: no test"),
    ],
    "dashboards_json": [
        (SERVICE, "", '"editable": true,', '"editable": true', "delimiter"),
        (SERVICE, "", '  "editable": true,', '    "editable": true,', "form"),
        (SERVICE, "", '"id": null,', '"id": 7,', "id of somebody"),
        (SERVICE, "", '"uid": "octoshim-service"', '"uid": "octoshim-shim"', "not unique"),
    ],
    "layout": [
        (SERVICE, "", '"id": 201,', '"id": 202,', "two panels have the id 202"),
        (SERVICE, "", '"id": 502,', '"id": 101,', "two panels have the id 101"),
        (SERVICE, "Pages that the processes share", '"x": 8,', '"x": 9,', "lies on"),
        (SERVICE, "", '"x": 20,', '"x": 21,', "beside the grid"),
        (SHIM, "Events that were written.", '"h": 8,', '"h": 9,', "lies on"),
    ],
    "panels": [
        (SERVICE, RATE, '"expr": "sum by (status) (rate(http_requests_total{job=~\\"$job\\", service=\\"$service\\", '
         'instance=~\\"$instance\\"}[$__rate_interval]))"', '"expr": ""', "no query"),
        (SERVICE, "Of all requests together", '"refId": "B"', '"refId": "A"', "one refId"),
        (SERVICE, "", '"description": "The ten slowest endpoints of each moment."', '"description": ""', "no description"),
        (SERVICE, RATE, '"unit": "reqps"', '"unit": ""', "no unit"),
        (SERVICE, RATE, '"title": "Request rate by status"', '"title": ""', "no title"),
        (SERVICE, RATE, "{{status}}", "{{code}}", "shows code"),
        (SERVICE, '"annotations"', '"tagKeys": "error_type', '"tagKeys": "signal', "shows signal"),
    ],
    "variables": [
        (SERVICE, RATE, '"uid": "${datasource}"', '"uid": "P1809F7CD0C75ACF3"', "is no variable"),
        (SERVICE, '"templating"', '"name": "instance"', '"name": "host"', "no variable instance"),
        (SERVICE, '"templating"', '"query": "loki"', '"query": "prometheus"', "no loki datasource"),
        (SERVICE, RATE, "$instance", "$node", "the variable node is nowhere"),
        (SHIM, "The Loki that", '"name": "loki"', '"name": "logs"', "no variable loki"),
        (SERVICE, RATE, ', instance=~\\"$instance\\"', "", "does not select by"),
        (SHIM, '"query": {', "octoshim_build_info, job", "octoshim_build_info, service", "definition"),
    ],
    "metrics": [
        (ALERTS, "alert: HighErrorRate", "rate(errors_total[5m])", "rate(error_total[5m])", "error_total is not in metrics.txt"),
        (ALERTS, "alert: HighErrorRate", "sum by (job, service)", "sum by (job, servcie)", "by servcie"),
        (ALERTS, "alert: ServiceCrashed", "component=", "part=", "no label part"),
        (ALERTS, "alert: SlowRequests", "(job, service, le)", "(job, service)", "not summed by le"),
        (ALERTS, "alert: OctoshimAbsent", "octoshim_build_info", "octoshim_info", "octoshim_info is not"),
        (RECORDING, "", "rate(http_requests_total[5m])", "http_requests_total", "its rate is meant"),
        (RECORDING, "", "rate(http_requests_total[5m])", "rate(http_requests_in_progress[5m])", "a gauge"),
        (RECORDING, "", "(job_service_endpoint:http_requests:rate5m)", "(job_service_endpoint:http_requests:rate1m)", "rate1m is not"),
        (RECORDING, "", "sum by (job, service, endpoint) (rate(http_requests_total[5m]))",
         "rate(sum by (job, service, endpoint) (http_requests_total)[5m:])", "subquery"),
        (SERVICE, RATE, "http_requests_total", "http_request_total", "http_request_total is not"),
        (SERVICE, RATE, "by (status)", "by (code)", "by code"),
        (SERVICE, P95, "(endpoint, le)", "(endpoint)", "not summed by le"),
        (SERVICE, '"annotations"', "octoshim_degraded_total", "octoshim_degraded", "octoshim_degraded is not"),
        (SHIM, '"query": {', "octoshim_build_info", "octoshim_build", "octoshim_build is not"),
        ("tests/deploy/metrics.txt", "", "octoshim_processes ", "octoshim_workers ", "octoshim_processes is not"),
    ],
    "expressions": [
        (SERVICE, RATE, "[$__rate_interval]))", "[$__rate_interval])", "Request rate by status"),
        (SERVICE, RATE, "sum by", "total by", "Request rate by status"),
        (SERVICE, RATE, "[$__rate_interval]", "", "Request rate by status"),
        (SHIM, '"annotations"', "offset $__interval", "offset", "annotation Degraded"),
        (SHIM, '"query": {', "octoshim_build_info, job", "octoshim_build_info{, job", "variable job"),
    ],
}


def broken_copy(directory, path, after, old, new):
    root = os.path.join(directory, "tree")
    for part in ("deploy", "tests/deploy"):
        shutil.copytree(os.path.join(checks.queries.ROOT, part), os.path.join(root, part))
    path = os.path.join(root, path)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    at = text.index(old, text.index(after))
    with open(path, "w", encoding="utf-8") as f:
        f.write(text[:at] + new + text[at + len(old):])
    return checks.Tree(root)


def narrow(tree, name):
    """Leaves the tree only the unit tests of one alert, whose names begin with it: all of them take seconds."""
    for path in tree.test_files:
        file = tree.yaml(path)
        file["tests"] = [test for test in file["tests"] if test["name"].startswith(name)]
        with open(path, "w", encoding="utf-8") as f:
            json.dump(file, f)
    tree.test_files = [path for path in tree.test_files if tree.yaml(path)["tests"]]


def unnoticed(check):
    """What the check does not notice, or says too little of."""
    complaints = []
    for path, after, old, new, wanted in BREAKAGES[check.__name__]:
        with tempfile.TemporaryDirectory(prefix="octo-deploy-") as directory:
            tree = broken_copy(directory, path, after, old, new)
            if check is checks.rule_tests and after.startswith("alert: "):
                narrow(tree, after.split()[1])
            elif check is checks.rule_tests:
                tree.test_files = [os.path.join(tree.root, RECORDING_TESTS)]
            said = check(tree)
        if not any(wanted in line for line in said):
            complaints.append(f"{path}, after {after.strip()!r}: {old!r} became {new!r}; it said {said[:3]}")
    return complaints
