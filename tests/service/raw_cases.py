"""Requests as bytes, for comparing the responses of a bare and a preloaded service.

GOOD: plain HTTP; each final response has exactly one X-Request-ID more than the bare service's.
BAD: what is not, or is doubtful; the preloaded service may add an ID or not, but nothing else may differ.
"""
HOST = b"Host: load.test\r\n"
CLOSE = HOST + b"Connection: close\r\n"


def good(kind):
    """{name: list of pieces, sent with a short pause between them} for what this kind of server has."""
    def path(route):
        return kind.path(route).encode()

    small = b"GET " + path("small") + b" HTTP/1.1\r\n" + CLOSE
    cases = {
        "get": [small + b"\r\n"],
        "head": [b"HEAD " + path("small") + b" HTTP/1.1\r\n" + CLOSE + b"\r\n"],
        "not found": [b"GET " + path("missing") + b" HTTP/1.1\r\n" + CLOSE + b"\r\n"],
        "query": [b"GET " + path("small") + b"?a=b&token=c HTTP/1.1\r\n" + CLOSE + b"\r\n"],
        "http 1.0": [b"GET " + path("small") + b" HTTP/1.0\r\n" + HOST + b"\r\n"],
        "split in the blank line": [small + b"\r", b"\n"],
        "split before the blank line": [small, b"\r\n"],
        "split in a name": [small[:30], small[30:] + b"\r\n"],
        "byte by byte": [bytes([b]) for b in small + b"\r\n"],
        "an ID of its own": [small + b"X-Request-ID: mine-1\r\n\r\n"],
        "its own twice": [small + b"x-request-id: mine-1\r\nX-REQUEST-ID: mine-1\r\n\r\n"],
        "a large head": [small + b"".join(b"X-Fill-%03d: %s\r\n" % (i, b"f" * 50) for i in range(60)) + b"\r\n"],
        "big body": [b"GET " + path("big") + b" HTTP/1.1\r\n" + CLOSE + b"\r\n"],
    }
    if not kind.has("bytewise"):
        del cases["byte by byte"]
    if kind.has("chunked"):
        cases["chunked"] = [b"GET " + path("chunked") + b" HTTP/1.1\r\n" + CLOSE + b"\r\n"]
    if kind.has("error"):
        cases["error"] = [b"GET " + path("error") + b" HTTP/1.1\r\n" + CLOSE + b"\r\n"]
    if kind.has("echo"):
        post = b"POST " + path("echo") + b" HTTP/1.1\r\n" + CLOSE
        cases["post"] = [post + b"Content-Length: 11\r\n\r\nhello world"]
        cases["post split"] = [post + b"Content-Length: 11\r\n\r\n", b"hello ", b"world"]
        cases["post expects 100"] = [post + b"Expect: 100-continue\r\nContent-Length: 11\r\n\r\n", b"hello world"]
    if kind.has("chunked-echo") and kind.has("echo"):
        post = b"POST " + path("echo") + b" HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
        cases["post chunked"] = [post + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"]
        cases["post chunked split"] = [post + b"5\r", b"\nhel", b"lo\r\n6\r\n world", b"\r\n0\r\n", b"\r\n"]
    if kind.has("pipeline"):
        cases["pipelined"] = [small.replace(b"Connection: close\r\n", b"") + b"\r\n" + small.replace(
            b"Connection: close\r\n", b"") + b"\r\n" + small + b"\r\n"]
    return cases


def bad(kind):
    small = b"GET " + kind.path("small").encode() + b" HTTP/1.1\r\n" + CLOSE
    return {
        "bare line feeds": [small.replace(b"\r\n", b"\n") + b"\n"],
        "one bare line feed": [small + b"X-A: b\n\r\n"],
        "bare carriage return": [small + b"X-A: b\rc\r\n\r\n"],
        "fold": [small + b"X-A: b\r\n c\r\n\r\n"],
        "space before colon": [small + b"X-A : b\r\n\r\n"],
        "empty name": [small + b": b\r\n\r\n"],
        "NUL": [small + b"X-A: b\0c\r\n\r\n"],
        "control in value": [small + b"X-A: b\x01c\r\n\r\n"],
        "two lengths": [small + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
        "signed length": [small + b"Content-Length: +1\r\n\r\na"],
        "length and chunked": [small + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        "unknown coding": [small + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
        "version 1.2": [small.replace(b"HTTP/1.1", b"HTTP/1.2") + b"\r\n"],
        "version 0.9": [b"GET " + kind.path("small").encode() + b"\r\n\r\n"],
        "version 2 preface": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
        "TLS hello": [bytes.fromhex("16030100510100004d0303") + bytes(70)],
        "garbage": [b"\x80\x81\x82 garbage \xff\xfe\r\n\r\n"],
        "raw bytes in the path": [small.replace(b" HTTP", b"/\xff\xfe\xc3( HTTP", 1) + b"\r\n"],
        "head of 80 KiB": [small + b"X-A: " + b"a" * 81920 + b"\r\n\r\n"],
        "empty ID": [small + b"X-Request-ID: \r\n\r\n"],
        "ID with a space": [small + b"X-Request-ID: a b\r\n\r\n"],
        "ID of 129": [small + b"X-Request-ID: " + b"i" * 129 + b"\r\n\r\n"],
        "ID with escapes": [small + b"X-Request-ID: \x1b[31mred\r\n\r\n"],
        "two IDs": [small + b"X-Request-ID: a\r\nX-Request-ID: b\r\n\r\n"],
        "ID of 1 MB": [small + b"X-Request-ID: " + b"i" * 1000000 + b"\r\n\r\n"],
        "half a request": [small],
        "empty lines first": [b"\r\n\r\n" + small + b"\r\n"],
    }
