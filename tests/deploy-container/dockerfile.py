"""Dockerfile: a linter, what the stages are made of, and its build done here, without an engine."""
import json
import os
import re
import shutil
import subprocess

from common import ROOT, collect, node

NAME = "Dockerfile"
SETUP = "scripts/setup build"  # is not done again here: `make setup` did it
WRAPPER = "/opt/octoshim/bin/octoshim-run"

BROKEN = [
    ("\nENTRYPOINT [", "\nENTRYPONT [", "Unknown instruction"),
    ('ENTRYPOINT ["/opt/octoshim/bin/octoshim-run", "--"]', "ENTRYPOINT /opt/octoshim/bin/octoshim-run --",
     "exec form"),
    ('ENTRYPOINT ["/opt/octoshim/bin/octoshim-run", "--"]', "ENTRYPOINT ['/opt/octoshim/bin/octoshim-run', '--']",
     "single quotes"),
    ('\nENTRYPOINT ["/opt/octoshim/bin', '\nENTRYPOINT ["/opt/octo/bin', "/opt/octo/bin/octoshim-run"),
    ("COPY shim/ shim/", "COPY shim/ src/", "the build"),
    ("COPY include/ include/", "COPY includes/ include/", "no includes/"),
    ("COPY scripts/ scripts/\n", "", "the build"),
    ("RUN scripts/setup build\n", "", "is not installed"),
    ("DESTDIR=/opt/octoshim", "DESTDIR=/opt/shim", "no /opt/octoshim/"),
    ("RUN mkdir /empty\n", "", "no /empty/"),
    ("--from=build /opt/octoshim/ /octoshim/", "--from=builder /opt/octoshim/ /octoshim/", "no stage builder"),
    ("USER 65532:65532\n# What", "# What", "user"),
    ("USER 65532:65532\n# What", "USER nobody\n# What", "by number"),
    ("--chown=65532:65532", "--chown=0:0", "belongs to 0:0"),
    ("EXPOSE 8080 9464", "EXPOSE 8080", "9464"),
    ("!shim\n", "", "the build does not see shim"),
]


class Stage:
    def __init__(self, image, name):
        self.image, self.name, self.instructions = image, name, []

    def last(self, keyword):
        found = [i["text"] for i in self.instructions if i["keyword"] == keyword]
        return found[-1] if found else None

    def all(self, keyword):
        return [i for i in self.instructions if i["keyword"] == keyword]


def stages(instructions):
    found = {}
    for i in instructions:
        if i["keyword"] == "FROM":
            image, _, name = i["text"].split()
            found[name] = Stage(image, name)
        elif found:
            list(found.values())[-1].instructions.append(i)
    return found


def exec_form(text):
    try:
        words = json.loads(text or "")
    except ValueError:
        return None
    return words if isinstance(words, list) and words else None


def seen_by_build(path, ignored):
    """False if Dockerfile.dockerignore, which begins with *, does not name the path's first component."""
    return "!" + path.strip("/").split("/")[0] in ignored.splitlines()


def complaints(text, ignored, work, objects=None):
    """work: an empty directory, where the build stage is done; holds afterwards what that stage holds. objects: that of
    another time, to save compiling."""
    found = node("dockerfile.mjs", text)
    return found["complaints"] or collect(judge(stages(found["instructions"]), ignored, work, objects))


def judge(found, ignored, work, objects):
    build, init, service = found["build"], found["init"], found["service"]
    for copy in build.all("COPY"):
        source = copy["text"].split()[0]
        if not os.path.exists(os.path.join(ROOT, source)):
            yield f"no {source} to copy"
            return
        if not seen_by_build(source, ignored):
            yield f"the build does not see {source}: Dockerfile.dockerignore"
            return
    if [i["text"] for i in build.all("RUN")][0] != SETUP:
        yield "what the build needs is not installed first"
    said = do_build(build, work, objects)
    if said:
        yield said
        return
    for stage in init, service:
        yield from copies(stage, found, work)
        user = stage.last("USER")
        if user is None or user.split(":")[0] == "0":
            yield f"{stage.name} runs as user {user}"
        elif not re.fullmatch(r"\d+:\d+", user):
            yield f"{stage.name}: user {user} is not given by number"
    if exec_form(init.last("CMD")) is None:
        yield "CMD of init is not in exec form"
    entry = exec_form(service.last("ENTRYPOINT"))
    if entry is None or exec_form(service.last("CMD")) is None:
        yield "ENTRYPOINT or CMD is not in exec form"
    elif entry != [WRAPPER, "--"]:
        yield f"ENTRYPOINT is {entry}"
    ports = service.last("EXPOSE").split()
    for variable in service.all("ENV"):
        name, _, value = variable["text"].partition("=")
        if name == "OCTOSHIM_METRICS_LISTEN" and value.rpartition(":")[2] not in ports:
            yield f"EXPOSE does not name the metrics' port of {value}"


def copies(stage, found, work):
    for copy in stage.all("COPY"):
        source, to = copy["text"].split()
        if copy["flags"].get("from") not in found:
            yield f"no stage {copy['flags'].get('from')}"
        elif not os.path.isdir(work + source):
            yield f"no {source} in the stage build"
        elif source == "/empty/" and copy["flags"].get("chown") != stage.last("USER"):
            yield f"{to} belongs to {copy['flags'].get('chown')}, not to {stage.last('USER')}"
        elif source != "/empty/" and not os.path.exists(os.path.join(work + source, "bin/octoshim-run")):
            yield f"no octoshim-run in {source}"


def do_build(build, work, objects):
    """What COPY and RUN do, below work, but for SETUP. Returns what went wrong, or None."""
    at = work + build.last("WORKDIR")
    os.makedirs(at)
    if objects is not None:
        shutil.copytree(objects + build.last("WORKDIR") + "/build", at + "/build")
        shutil.copy2(objects + build.last("WORKDIR") + "/liboctoshim.so", at)
    for i in build.instructions:
        if i["keyword"] == "COPY":
            source, to = i["text"].split()
            target = os.path.normpath(os.path.join(at, to))
            if source.endswith("/"):
                shutil.copytree(os.path.join(ROOT, source), target)
            else:
                shutil.copy2(os.path.join(ROOT, source), target)
        elif i["keyword"] == "RUN" and i["text"] != SETUP:
            # Paths of the image's root are put below work.
            command = re.sub(r"(?<=[ =])/(?=\w)", work + "/", i["text"])
            # Not as a part of the `make` that runs this test.
            environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "LD_"))}
            done = subprocess.run(["sh", "-c", command], cwd=at, capture_output=True, text=True, check=False,
                                  env=environment)
            if done.returncode:
                return f"the build: {i['text']}: {(done.stderr or done.stdout).strip()[-300:]}"
    return None
