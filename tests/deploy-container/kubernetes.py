"""kubernetes.yaml: the schemas, and what they do not say: that names lead somewhere, and that nothing is writable or
privileged that need not be."""
import json
import os
import re

from common import collect, load_all, metrics_port, node, unknown_settings
from yaml import YAMLError

NAME = "kubernetes.yaml"

BROKEN = [  # what is replaced, by what, a part of the complaint
    ("  replicas: 2", '  replicas: "2"', "/spec/replicas type"),
    ("apiVersion: apps/v1", "apiVersion: apps/v2", "no schema"),
    ("            readOnlyRootFilesystem: true\n", "            readonlyRootFilesystem: true\n",
     "no such field: readonlyRoot"),
    ("              mountPath: /run/octoshim\n", "", "mountPath"),
    ("            sizeLimit: 64Mi\n", "            sizeLimit: 64 MB\n", "sizeLimit"),
    ("              drop: [ALL]\n", "", "ALL"),
    ("            allowPrivilegeEscalation: false\n", "", "allowPrivilegeEscalation"),
    ("        runAsNonRoot: true\n", "", "runAsNonRoot"),
    ("          type: RuntimeDefault\n", "          type: Unconfined\n", "seccomp"),
    ("            medium: Memory\n", "", "in memory"),
    ("            sizeLimit: 16Mi\n", "            medium: \"\"\n", "sizeLimit"),
    ("            - name: octoshim-runtime\n", "            - name: runtime\n", "no volume"),
    ("              value: /run/octoshim", "              value: /run/octo", "OCTOSHIM_RUNTIME_DIR"),
    ("OCTOSHIM_METRICS_LISTEN", "OCTOSHIM_METRIC_LISTEN", "no setting"),
    ("value: 0.0.0.0:9464", "value: 0.0.0.0:9465", "9465"),
    ("value: 0.0.0.0:9464", "value: 127.0.0.1:9464", "only inside"),
    ("              containerPort: 9464", "              containerPort: 9463", "9464"),
    ("            tcpSocket:\n              port: http\n", "            tcpSocket:\n              port: web\n",
     "no port"),
    ("      targetPort: http\n", "      targetPort: web\n", "no port"),
    ("labels['app.kubernetes.io/version']", "labels['version']", "no label"),
    ("  selector:\n    app.kubernetes.io/name: orders\n", "  selector:\n    app.kubernetes.io/name: order\n",
     "selects nothing"),
    ('prometheus.io/scrape: "true"', "prometheus.io/scrape: true", "annotations"),
    ("        app.kubernetes.io/name: orders\n        app.kubernetes.io/v",
     "        app.kubernetes.io/name: order\n        app.kubernetes.io/v", "does not select"),
    ("command: [/opt/octoshim/bin/octoshim-run, --]", "command: [/opt/octo/bin/octoshim-run, --]", "octoshim-run"),
    ("  template:\n", "  template:\n    spec: {}\n", "spec twice"),
]


def objects(text):
    """(Deployment, Service)"""
    deployment, service = load_all(text)
    return deployment, service


def environment(container, pod_labels):
    """The container's variables, as the kubelet would set them."""
    found = {}
    for variable in container.get("env", []):
        if "value" in variable:
            found[variable["name"]] = variable["value"]
        else:
            path = variable["valueFrom"]["fieldRef"]["fieldPath"]
            label = re.fullmatch(r"metadata\.labels\['(.+)'\]", path).group(1)
            if label not in pod_labels:
                raise ValueError(f"{variable['name']}: the pod has no label {label}")
            found[variable["name"]] = pod_labels[label]
    return found


def complaints(text):
    try:
        documents = load_all(text)
    except YAMLError as e:
        return [str(e)]
    return node("kubernetes.mjs", json.dumps(documents)) or collect(crosswise(*documents))


def crosswise(deployment, service):
    pod = deployment["spec"]["template"]
    labels, spec = pod["metadata"]["labels"], pod["spec"]
    if not deployment["spec"]["selector"]["matchLabels"].items() <= labels.items():
        yield "the Deployment does not select its pods"
    if not service["spec"]["selector"].items() <= labels.items():
        yield "the Service selects nothing"
    volumes = {v["name"]: v for v in spec["volumes"]}
    for name, volume in volumes.items():
        if "sizeLimit" not in volume.get("emptyDir", {}):
            yield f"volume {name}: no emptyDir with a sizeLimit"
        elif not re.fullmatch(r"\d+([KMG]i?)?", volume["emptyDir"]["sizeLimit"]):
            yield f"volume {name}: sizeLimit {volume['emptyDir']['sizeLimit']}"
    if not spec["securityContext"].get("runAsNonRoot") or not spec["securityContext"].get("runAsUser"):
        yield "runAsNonRoot, runAsUser"
    if spec["securityContext"].get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "seccompProfile is not RuntimeDefault"
    (init,), (main,) = spec["initContainers"], spec["containers"]
    for container in init, main:
        yield from restricted(container)
        for mount in container["volumeMounts"]:
            if mount["name"] not in volumes:
                yield f"container {container['name']}: no volume {mount['name']}"
    mounts = {m["mountPath"]: m for m in main["volumeMounts"]}
    library = os.path.dirname(os.path.dirname(main["command"][0]))
    if not mounts.get(library, {}).get("readOnly") or os.path.basename(main["command"][0]) != "octoshim-run":
        yield f"octoshim-run is not in a read-only volume: {main['command'][0]}"
    elif init["command"][-1].rstrip("/") not in [m["mountPath"] for m in init["volumeMounts"]]:
        yield "the init container copies to no volume"
    elif mounts[library]["name"] != init["volumeMounts"][0]["name"]:
        yield "the init container copies to another volume"
    variables = environment(main, labels)
    yield from unknown_settings(variables)
    place = mounts.get(variables.get("OCTOSHIM_RUNTIME_DIR"), {}).get("name")
    if place is None:
        yield "OCTOSHIM_RUNTIME_DIR is no volume"
    elif volumes[place]["emptyDir"].get("medium") != "Memory":
        yield "OCTOSHIM_RUNTIME_DIR is not in memory"
    yield from ports(main, variables, pod["metadata"]["annotations"], service)


def restricted(container):
    """What the Pod Security Standard "restricted" asks of a container, and a read-only root."""
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"container {container['name']}: allowPrivilegeEscalation"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"container {container['name']}: the root is writable"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield f"container {container['name']}: does not drop ALL capabilities"
    if "memory" not in container.get("resources", {}).get("limits", {}):
        yield f"container {container['name']}: no limit on memory"


def ports(main, variables, annotations, service):
    names = {p["name"]: p["containerPort"] for p in main["ports"]}
    metrics = metrics_port(variables)
    if names.get("metrics") != metrics:
        yield f"the port metrics is {names.get('metrics')}, not {metrics}"
    if variables["OCTOSHIM_METRICS_LISTEN"].startswith(("127.", "[::1]", "localhost")):
        yield "the metrics are reached only inside the pod"
    for prefix in "prometheus.io", "octoshim":
        if [annotations.get(f"{prefix}/{name}") for name in ("scrape", "port")] != ["true", str(metrics)]:
            yield f"annotations of {prefix} do not lead to port {metrics}"
    asked = [p["targetPort"] for p in service["spec"]["ports"]]
    for probe in "readinessProbe", "livenessProbe":
        (action,) = [main[probe][k] for k in ("httpGet", "tcpSocket") if k in main[probe]]
        asked.append(action["port"])
    for name in asked:
        if name not in names:
            yield f"no port is called {name}"
