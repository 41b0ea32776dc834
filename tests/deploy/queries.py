"""The queries of the Grafana dashboards, as Grafana would send them.

    for dashboard, panel, expression in queries(service="web", __rate_interval="15s"):
        …ask a Prometheus that scrapes a service under octoshim…

For checks.py, and for service tests that run each query against a real Prometheus. Standard library only.
"""
import glob
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Grafana's forms of a variable. ${name:format} is not among them: no query needs it.
VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)")

# What stands for a variable that is not given: "All", and the intervals of an hour on a screen.
DEFAULTS = {
    "job": ".*",
    "service": ".+",
    "instance": ".*",
    "series_ceiling": "1000",
    "__interval": "15s",
    "__rate_interval": "1m",
    "__range": "1h",
}


def dashboards(root=ROOT):
    """(name, dashboard) for each file, by name."""
    for path in sorted(glob.glob(os.path.join(root, "deploy", "grafana", "*.json"))):
        with open(path, encoding="utf-8") as f:
            yield os.path.splitext(os.path.basename(path))[0], json.load(f)


def panels(dashboard):
    """Every panel, those in collapsed rows and the rows themselves included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def variables_in(text):
    return {a or b for a, b in VARIABLE.findall(text)}


def substitute(text, values):
    """text with the values of its variables. KeyError if one has none."""
    return VARIABLE.sub(lambda match: values[match.group(1) or match.group(2)], text)


def is_prometheus(source):
    return source.get("type") == "prometheus"


def raw_queries(dashboard):
    """(panel, expression) with variables as they are written: panels, annotations, and what fills the variables."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        if is_prometheus(annotation["datasource"]):
            yield f"annotation {annotation['name']}", annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            match = LABEL_VALUES.fullmatch(variable["query"]["query"])
            yield f"variable {variable['name']}", f"group by ({match.group(2)}) ({match.group(1)})"


def queries(root=ROOT, **values):
    """(dashboard, panel, expression) for each query to Prometheus. A keyword gives the value of the variable of that
    name. service.json wants one service by name, shim.json a regular expression: a plain name is both."""
    for name, dashboard in dashboards(root):
        for panel, expression in raw_queries(dashboard):
            yield name, panel, substitute(expression, {**DEFAULTS, **values})
