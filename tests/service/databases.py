"""Databases for services under test: real ones, each in a directory of the test, on a port of its own, without octoshim."""
import contextlib
import os
import shutil
import socket
import subprocess

from harness import check, free_port

POSTGRES = "/usr/lib/postgresql/15/bin"


def unprivileged(directory):
    """What to put before a command that must not be root's: PostgreSQL refuses. The directory is given to its user."""
    if os.geteuid() != 0:
        return []
    shutil.chown(directory, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def prepare(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    check(done.returncode == 0, f"{argv}: {done.stdout[-2000:]}")


def says(port, question, answer):
    """Asks by TCP; true if the answer begins like that."""
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.settimeout(2)
            s.sendall(question)
            return s.recv(64)[:len(answer)] == answer
    return False


def postgres(t, name="postgres"):
    """User and database `postgres`, no password; its Unix socket is in its directory."""
    directory = t.directory(f"{name}-data")
    os.chmod(directory, 0o755)
    run = unprivileged(directory)
    prepare([*run, f"{POSTGRES}/initdb", "-D", f"{directory}/db", "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--no-locale", "--no-sync"])
    port = free_port()
    service = t.service(name, [*run, f"{POSTGRES}/postgres", "-D", f"{directory}/db", "-p", str(port), "-k", directory,
                               "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"],
                        shim=False, port=port, ready=lambda: says(port, b"\0\0\0\x08\x04\xd2\x16\x2f", b"N"))
    service.sockets = directory
    return service


def mariadb(t, name="mariadb"):
    """User `root`, no password, by TCP."""
    directory = t.directory(f"{name}-data")
    user = "root" if os.geteuid() == 0 else os.environ["USER"]
    prepare(["mariadb-install-db", "--no-defaults", f"--datadir={directory}/db", f"--user={user}",
             "--auth-root-authentication-method=normal", "--skip-test-db"])
    port = free_port()
    return t.service(name, ["mariadbd", "--no-defaults", f"--datadir={directory}/db", f"--user={user}",
                            f"--port={port}", "--bind-address=127.0.0.1", f"--socket={directory}/s",
                            "--skip-name-resolve", "--innodb-buffer-pool-size=8M"],
                     shim=False, port=port, ready=lambda: greets(port))


def greets(port):
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.settimeout(2)
            return s.recv(64)[3:5] == b"\0\x0a"
    return False


def redis(t, name="redis"):
    port = free_port()
    return t.service(name, ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", "{dir}"],
                     shim=False, port=port, ready=lambda: says(port, b"PING\r\n", b"+PONG"))
