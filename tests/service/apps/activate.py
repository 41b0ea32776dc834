"""A service manager in small: opens the listening socket itself and hands it over.

    activate.py listen HOST:PORT program args…   as systemd's socket activation: LISTEN_FDS, descriptor 3
    activate.py inetd HOST:PORT program args…    as inetd's nowait: a process a connection, descriptors 0 and 1

The manager itself is not preloaded; the environment variable PRELOAD becomes LD_PRELOAD of what it starts.
"""
import os
import signal
import socket
import subprocess
import sys

kind, address, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
host, _, port = address.rpartition(":")
listener = socket.create_server((host, int(port)), backlog=128)
environ = dict(os.environ)
if "PRELOAD" in environ:
    environ["LD_PRELOAD"] = environ.pop("PRELOAD")
if kind == "listen":
    os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    os.execve(argv[0], argv, environ)
signal.signal(signal.SIGCHLD, lambda *_: None)
while True:
    connection, _ = listener.accept()
    subprocess.Popen(argv, env=environ, stdin=connection, stdout=connection)
    connection.close()
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
