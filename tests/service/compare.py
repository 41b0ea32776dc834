"""Comparing a bare and a preloaded service byte by byte.

For test_servers.py and test_modes.py. Dates and ports are made equal; one X-Request-ID line a response is taken
out of the preloaded service's answer; nothing else may differ.
"""
import concurrent.futures
import contextlib
import re
import socket
import time

from harness import ID_LINE, check

DATE = re.compile(rb"(?i)^(Date|Expires|Last-Modified): [^\r\n]*", re.M)
ONE, NONE, ANY = "one", "none", "any"
FINAL = re.compile(rb"(?:^|(?<=\n))HTTP/1\.[01] [2-5]\d\d ")


def exchange(service, pieces, silence):
    """Sends the pieces and returns all that comes until the end, a reset or `silence` seconds without a byte."""
    got = b""
    with socket.socket() as s:
        s.settimeout(15)
        s.connect(("127.0.0.1", service.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pause = 0.0005 if len(pieces) > 10 else 0.02
        with contextlib.suppress(OSError):
            for piece in pieces:
                s.sendall(piece)
                if len(pieces) > 1:
                    time.sleep(pause)
        s.settimeout(silence)
        with contextlib.suppress(OSError):
            while part := s.recv(1 << 18):
                got += part
    return got


def normal(answer, service):
    answer = DATE.sub(rb"\1: -", answer)
    return re.sub(rb"(?<!\d)%d(?!\d)" % service.port, b"PORT", answer)


def pieces_of_chunks(answer):
    """The answer with the data of its chunks joined: where a proxy cuts its chunks is a matter of time."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return answer
    data = b""
    while body:
        line, _, body = body.partition(b"\r\n")
        try:
            size = int(line, 16)
        except ValueError:
            return answer
        data, body = data + body[:size], body[size + 2:]
        if size == 0:
            break
    return head + blank + data + body


def one_case(bare, shim, name, pieces, ids_wanted, silence):
    """Up to three tries: what a server makes of a broken request may depend on time. Returns a complaint or None."""
    bares, last = [], b""
    complaint = None
    for _ in range(3):
        bares.append(pieces_of_chunks(normal(exchange(bare, pieces, silence), bare)))
        answer = normal(exchange(shim, pieces, silence), shim)
        heads = re.sub(rb"(?s)\r\n\r\n.*?(?=HTTP/1\.[01] \d|$)", b"\r\n\r\n", answer)
        ids, finals = len(ID_LINE.findall(heads)), len(FINAL.findall(heads))
        last = pieces_of_chunks(ID_LINE.sub(b"", answer, count=finals))
        if last not in bares:
            complaint = f"{name}: differs: bare {cut(bares[-1], last)}, preloaded {cut(last, bares[-1])}"
        elif finals == 0 and ids_wanted == ONE:
            complaint = f"{name}: no response but {answer[:300]!r}"
        elif ids not in {ONE: (finals,), NONE: (0,), ANY: range(finals + 1)}[ids_wanted]:
            complaint = f"{name}: {ids} X-Request-ID lines in {finals} responses: {answer[:300]!r}"
        else:
            return None
    return complaint


def cut(answer, other):
    """The neighbourhood of the first difference."""
    at = next((i for i, (a, b) in enumerate(zip(answer, other)) if a != b), min(len(answer), len(other)))
    return f"({len(answer)} bytes, at {at}) {answer[max(0, at - 60):at + 120]!r}"


def compare(bare, shim, cases, ids_wanted, silence, threads=4):
    """ids_wanted: ONE X-Request-ID line in each final response, NONE, or ANY of the two."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        complaints = [c for c in pool.map(
            lambda item: one_case(bare, shim, *item, ids_wanted, silence), cases.items()) if c]
    check(not complaints, "\n".join(complaints))
