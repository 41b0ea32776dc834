"""For gunicorn: /error/N answers 500 from N native frames deep; /stuck/HOW does not answer for a second; /call makes a call that fails."""
import threading
import time
import urllib.error
import urllib.request

lock = threading.Lock()
lock.acquire()


def deep(n, write):
    """As many calls through C as n says."""
    if n == 0:
        write(b"failed\n")
    else:
        list(map(lambda m: deep(m, write), [n - 1]))


def spin():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass


STUCK = {"sleep": lambda: time.sleep(1), "lock": lambda: lock.acquire(timeout=1), "spin": spin}


def app(environ, start_response):
    what, _, how = environ["PATH_INFO"][1:].partition("/")
    if what == "error":
        deep(int(how), start_response("500 Failed", [("Content-Length", "7")]))
        return []
    if what == "stuck":
        STUCK[how]()
    if what == "call":
        try:
            urllib.request.urlopen("http://127.0.0.1:1/nothing", timeout=5)
        except urllib.error.URLError:
            pass
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ok\n"]
