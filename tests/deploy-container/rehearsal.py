"""Does without an engine what one would do: the init container's copying, then the service as another user, on a
read-only root without privileges, with the volumes and variables of kubernetes.yaml or compose.yaml. Uses bubblewrap.

What it does not rehearse: the images themselves (the root is this machine's /usr), the whole of an engine's seccomp
profile, limits.
"""
import errno
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import compose
import kubernetes
from common import ROOT, load

USER = 65532
ID = "req_0123456789abcdef"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def seccomp_filter():
    """A file with a filter (BPF) that refuses what engines' default profiles refuse of the calls that have one number
    on all machines: clone3 does not exist, io_uring, pidfd_getfd and process_madvise are not permitted."""
    answers = {435: errno.ENOSYS, **dict.fromkeys([425, 426, 427, 438, 440], errno.EPERM)}
    program = [(0x20, 0, 0, 0)]  # load the call's number
    for number, answer in answers.items():
        program += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | answer)]  # if it is this, return the errno
    program.append((0x06, 0, 0, 0x7FFF0000))  # allow
    file = tempfile.TemporaryFile()
    file.write(b"".join(struct.pack("=HBBI", *line) for line in program))
    file.seek(0)
    return file


class Container:
    """command, environment, mounts: [(directory here, path there, read-only)], tmpfs: [(path, mode)]"""

    def __init__(self, command, environment, mounts, tmpfs=()):
        self.command, self.environment, self.mounts, self.tmpfs = command, environment, mounts, tmpfs
        self.output = bytearray()
        self.process = None

    def arguments(self, command, extra=()):
        """bwrap, as the unprivileged user that the container has."""
        words = []
        if os.geteuid() == 0:
            words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all",
                     "--bounding-set=-all", "--no-new-privs"]
        words += ["bwrap", "--unshare-user", "--uid", str(USER), "--gid", str(USER), "--unshare-pid", "--unshare-ipc",
                  "--unshare-uts", "--as-pid-1", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
                  "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
        for name in "bin", "lib", "lib64", "sbin":
            if os.path.islink("/" + name):
                words += ["--symlink", "usr/" + name, "/" + name]
        for here, there, read_only in self.mounts:
            words += ["--ro-bind" if read_only else "--bind", here, there]
        for path, mode in self.tmpfs:
            words += ["--perms", mode, "--tmpfs", path]
        words += ["--remount-ro", "/", "--chdir", "/", "--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"]
        for name, value in self.environment.items():
            words += ["--setenv", name, value]
        return [*words, *extra, "--", *command]

    def do(self, *command):
        """Runs a command in such a container. Returns (exit code, what it said)."""
        done = subprocess.run(self.arguments(command), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False)
        return done.returncode, done.stdout + done.stderr

    def start(self):
        ours, theirs = os.pipe()
        extra = ["--info-fd", str(theirs)]
        with seccomp_filter() as filter_file:
            extra += ["--seccomp", str(filter_file.fileno())]
            self.process = subprocess.Popen(
                self.arguments(self.command, extra), pass_fds=[theirs, filter_file.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.close(theirs)
        threading.Thread(target=self.listen, args=[self.process.stdout], daemon=True).start()
        with os.fdopen(ours) as f:
            said = f.read()
        self.pid = json.loads(said)["child-pid"] if said else None

    def stop(self, number):
        """Sends the signal to the container's process 1. Returns its exit code."""
        if self.process is None:
            return None
        if self.pid and self.process.poll() is None:
            os.kill(self.pid, number)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process = None

    def said(self):
        return bytes(self.output).decode(errors="replace")

    def listen(self, pipe):
        """As an engine does: the service writes into a pipe."""
        with pipe:
            while data := os.read(pipe.fileno(), 65536):
                self.output += data


def get(port, path="/", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def wait_for(port, container):
    end = time.monotonic() + 15
    while time.monotonic() < end and container.process.poll() is None:
        try:
            return get(port)
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer on port {port}; it said: {container.said()[-800:]}")


def events(text):
    """The events among the lines, and what is no event; complains of events that the schema does not know."""
    import jsonschema
    with open(os.path.join(ROOT, "include/octoshim/event.schema.json"), encoding="utf-8") as f:
        schema = jsonschema.Draft7Validator(json.load(f))
    found = []
    for line in text.splitlines():
        if line.startswith('{"event": '):
            found.append(json.loads(line))
            schema.validate(found[-1])
    return found


def until(what, condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(what)
        time.sleep(0.05)


def same(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


class Volume:
    """A directory as the kubelet makes an emptyDir: root's, open to all; in memory if medium says so."""

    def __init__(self, memory):
        self.path = tempfile.mkdtemp(prefix="octoshim-volume.", dir="/dev/shm" if memory else None)
        os.chmod(self.path, 0o777)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def binds(container, volumes):
    return [(volumes[m["name"]].path, m["mountPath"], m.get("readOnly", False)) for m in container["volumeMounts"]]


def move_ports(environment, command, http_port):
    """The same on ports that are free here, on loopback only. Returns (environment, command, port, metrics' port)."""
    port, metrics = free_port(), free_port()
    command = [str(port) if word == str(http_port) else word for word in command]
    command += ["--bind", "127.0.0.1"]
    return environment | {"OCTOSHIM_METRICS_LISTEN": f"127.0.0.1:{metrics}"}, command, port, metrics


def has_metrics(installed):
    with open(os.path.join(installed, "lib/octoshim/liboctoshim.so"), "rb") as f:
        return b"OCTOSHIM_METRICS_LISTEN" in f.read()


def requests(port, service, output, container):
    """What every service under octoshim does, and what its events say."""
    response, _ = wait_for(port, container)
    same("a new ID", bool(re.fullmatch("req_[0-9a-f]{16}", response.headers["X-Request-ID"] or "")), True)
    response, _ = get(port, headers={"X-Request-ID": ID})
    same("the client's ID", response.headers["X-Request-ID"], ID)
    until(f"no event of {ID}; it said: {container.said()[-800:]}",
          lambda: [e["event"] for e in events(output()) if e.get("request_id") == ID] ==
          ["request.started", "request.completed"])
    same("service, environment, version",
         {(e["service"], e["environment"], e["version"]) for e in events(output())}, {service})


def metrics_of(port, installed):
    if has_metrics(installed):
        response, body = get(port, "/metrics")
        same("the status of /metrics", response.status, 200)
        same("http_requests_total is shown", b"\nhttp_requests_total{" in body, True)


def pod(installed, text):
    """kubernetes.yaml: init container, service, orderly end, restart after a kill, in the same volumes."""
    deployment, _ = kubernetes.objects(text)
    template = deployment["spec"]["template"]
    spec, labels = template["spec"], template["metadata"]["labels"]
    (init,), (main,) = spec["initContainers"], spec["containers"]
    volumes = {v["name"]: Volume(v["emptyDir"].get("medium") == "Memory") for v in spec["volumes"]}
    environment, arguments, port, metrics = move_ports(
        kubernetes.environment(main, labels), main["args"],
        next(p["containerPort"] for p in main["ports"] if p["name"] == "http"))
    mounts = binds(main, volumes)
    service = Container(main["command"] + arguments, environment, mounts)
    try:
        # The image "octoshim" has the installed tree at /octoshim.
        copier = Container([], {}, [(installed, "/octoshim", True)] + binds(init, volumes))
        same("the init container", copier.do(*init["command"]), (0, ""))
        check_confinement(service, mounts)
        service.start()
        requests(port, (labels["app.kubernetes.io/name"], environment["ENVIRONMENT"],
                        labels["app.kubernetes.io/version"]), service.said, service)
        metrics_of(metrics, installed)
        place = {m["mountPath"]: m["name"] for m in main["volumeMounts"]}.get(environment["OCTOSHIM_RUNTIME_DIR"])
        if place is None:
            raise AssertionError("the shared memory has no volume")
        runtime = volumes[place]
        same("files of the shared memory", len(os.listdir(runtime.path)), 1)
        service.stop(signal.SIGKILL)
        same("files after a kill", len(os.listdir(runtime.path)), 1)
        service.start()
        wait_for(port, service)
        service.stop(signal.SIGINT)
        same("the last event", events(service.said())[-1]["event"], "service.stopped")
        same("files after an orderly end", os.listdir(runtime.path), [])
    finally:
        service.stop(signal.SIGKILL)
        for volume in volumes.values():
            volume.remove()


def check_confinement(service, mounts):
    """That the rehearsal is what it says: if this root could be written to, it would prove nothing."""
    same("who runs", service.do("id", "-u")[1].strip(), str(USER))
    for path in ["/x", "/usr/x", "/etc/x", "/tmp", *(there + "/x" for _, there, read_only in mounts if read_only)]:
        same(f"{path} can be made", service.do("mkdir", path)[0], 1)
    same("capabilities", re.search(r"CapBnd:\s*(\w+)", service.do("cat", "/proc/self/status")[1]).group(1), "0" * 16)


def compose_service(installed, text, command):
    """compose.yaml: events in a file of a volume that the service's user owns, shared memory on a tmpfs."""
    orders = load(text)["services"]["orders"]
    environment, command, port, metrics = move_ports(orders["environment"], command, 8080)
    ((runtime, options),) = map(compose.options, orders["tmpfs"])
    logs = Volume(memory=False)
    os.chmod(logs.path, 0o755)
    if os.geteuid() == 0:
        os.chown(logs.path, USER, USER)  # as the image's folder is
    (there,) = [v.split(":")[1] for v in orders["volumes"] if v.startswith("logs:")]
    mounts = [(installed, "/opt/octoshim", True), (logs.path, there, False)]
    service = Container(command, environment, mounts, [(runtime, options["mode"])])
    file = os.path.join(logs.path, "orders.log")
    try:
        check_confinement(service, mounts)
        service.start()
        requests(port, ("orders", environment["ENVIRONMENT"], environment["APP_VERSION"]),
                 lambda: open(file, encoding="utf-8").read() if os.path.exists(file) else "", service)
        metrics_of(metrics, installed)
        same("events on stderr as well", events(service.said()), [])
        service.stop(signal.SIGINT)
        same("the last event", events(open(file, encoding="utf-8").read())[-1]["event"], "service.stopped")
    finally:
        service.stop(signal.SIGKILL)
        logs.remove()


def why_not():
    """What is missing on this machine, or None."""
    for program in ["bwrap"] + ["setpriv"] * (os.geteuid() == 0):
        if not shutil.which(program):
            return f"{program} is not installed"
    code, said = Container([], {}, []).do("true")
    return f"bubblewrap cannot do it here: {said.strip()}" if code else None


def attempt(function, *arguments):
    """What went wrong, as a list."""
    try:
        function(*arguments)
    except AssertionError as e:
        return [str(e)]
    except Exception as e:  # pylint: disable=broad-except  # whatever a broken manifest leads to
        return [f"{type(e).__name__}: {e}"]
    return []
