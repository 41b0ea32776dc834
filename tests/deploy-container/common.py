"""What the checks of deploy/container share."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDER = os.path.join(ROOT, "deploy", "container")
sys.path.insert(0, os.path.join(ROOT, "tests", "deploy-logs"))

from strict_yaml import load, load_all  # noqa: E402,F401


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return f.read()


def node_modules():
    """Where npm's packages are; raises if they are not."""
    for path in (os.environ.get("OCTOSHIM_NODE_MODULES", ""), os.path.join(ROOT, "tests/service/node_modules"),
                 os.path.join(ROOT, "build/service/node_modules")):
        if os.path.isdir(os.path.join(path, "kubernetes-models")):
            return path
    raise OSError("npm's kubernetes-models, dclint and dockerfile-utils are not there")


def node(script, text):
    done = subprocess.run(["node", os.path.join(HERE, script), node_modules()], input=text, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr)
    return json.loads(done.stdout)


def collect(complaints):
    """The list of what is yielded; a document in which something is not where it belongs is complained of too."""
    said = []
    try:
        for line in complaints:
            said.append(line)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as e:
        said.append(f"{type(e).__name__}: {e}")
    return said


def settings():
    """The names that the library knows."""
    with open(os.path.join(ROOT, "shim/base/settings_table.h"), encoding="utf-8") as f:
        return set(re.findall(r'X\(\w+, "([A-Z_]+)"', f.read()))


def unknown_settings(environment):
    return [f"the library has no setting {name}" for name in environment
            if name.startswith("OCTOSHIM_") and name not in settings() | {"OCTOSHIM_LIB"}]


def metrics_port(environment):
    return int(environment["OCTOSHIM_METRICS_LISTEN"].rpartition(":")[2])
