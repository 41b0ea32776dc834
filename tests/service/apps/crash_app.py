"""A Flask application of which one view crashes, for gunicorn."""
import ctypes
import os
import signal
import subprocess
import sys
import time

from flask import Flask, Response

app = Flask(__name__)


@app.get("/small")
def small():
    return Response("hello\n", mimetype="text/plain")


@app.get("/slow/<number>")
def slow(number):
    time.sleep(2)
    return Response("late\n", mimetype="text/plain")


@app.get("/boom")
def boom():
    return ctypes.string_at(0)


def deep():
    return sorted([1], key=lambda _: deep())


@app.get("/overflow")
def overflow():
    sys.setrecursionlimit(1 << 30)
    return deep()


@app.get("/program")
def program():
    codes = [subprocess.run(["/bin/sh", "-c", f"kill -{how} $$"], check=False).returncode for how in ("SEGV", "ABRT")]
    return Response(" ".join(map(str, codes)), mimetype="text/plain")


@app.get("/fork")
def fork():
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return Response(str(os.waitpid(pid, 0)[1] & 127), mimetype="text/plain")
