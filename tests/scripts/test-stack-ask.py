"""Gives a sample to octoshim-stack and shows its answer, for test-stack.sh.

    test-stack-ask.py PROGRAM SAMPLE [json|id|whole|trim]

A line for each frame, "function+offset" or what else is known; "cut: reason" if it is. See include/octoshim/stack.h.
"""
import json, socket, struct, subprocess, sys, time

PLACE = struct.Struct("=2Q")
HEAD = struct.Struct("=6IQ33Q4Q2I")
REPLY = struct.Struct("=4IQ2I96s")
FRAMES_MAX, JSON_MAX = 64, 8192
KEYS = ["function", "offset", "module", "module_offset", "build_id", "address"]


def ask(program, sample, environment=None):
    """The answer's bytes, what became of the program, and how long it took."""
    ours, theirs = socket.socketpair()
    start = time.monotonic()
    child = subprocess.Popen([program], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    theirs.close()
    try:
        ours.sendall(sample)
    except BrokenPipeError:
        pass
    ours.shutdown(socket.SHUT_WR)
    answer = b""
    while True:
        try:
            part = ours.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        answer += part
    said = child.stderr.read()
    return answer, child.wait(), time.monotonic() - start, said


def check_places(sample, places, trim):
    """Each is a word of the sampled stack."""
    head = HEAD.unpack(sample[:HEAD.size])
    sp, at, size = head[7 + 7], head[40], head[41]
    stack = sample[HEAD.size:HEAD.size + size]
    assert trim or not places
    for offset, value in PLACE.iter_unpack(places):
        in_stack = sp + offset - at
        assert 0 <= in_stack <= size - 8 and struct.unpack_from("=Q", stack, in_stack)[0] == value, (offset, value)


def check(answer, frames_max=FRAMES_MAX, json_max=JSON_MAX, sample=None):
    """The reply's parts, after each promise of stack.h is looked at."""
    version, frames, cut, size, number, places, _, reason = REPLY.unpack(answer[:REPLY.size])
    text, where = answer[REPLY.size:REPLY.size + size], answer[REPLY.size + size:]
    assert len(where) == places * PLACE.size and places <= FRAMES_MAX
    if sample is not None:
        check_places(sample, where, HEAD.unpack(sample[:HEAD.size])[44])
    assert version == 1 and cut in (0, 1), (version, cut)
    assert len(text) == size <= max(2, min(json_max, JSON_MAX)), (len(text), size, json_max)
    assert b"\0" in reason and text.isascii() and b"\n" not in text
    reason = reason[:reason.index(b"\0")].decode("ascii")
    found = json.loads(text)
    assert text.decode().lower() == json.dumps(found).lower(), "not in the house's form"
    assert len(found) == frames <= min(frames_max, FRAMES_MAX)
    assert (number == 0) == (frames == 0)
    assert cut or not reason
    for frame in found:
        assert frame and list(frame) == [key for key in KEYS if key in frame], frame
        assert ("module" in frame) != ("address" in frame) and ("function" in frame) == ("offset" in frame), frame
    return found, cut, reason, number


def main():
    with open(sys.argv[2], "rb") as f:
        sample = f.read()
    what = sys.argv[3] if len(sys.argv) > 3 else ""
    if what == "trim":
        head = list(HEAD.unpack(sample[:HEAD.size]))
        head[44] = 1
        sample = HEAD.pack(*head) + sample[HEAD.size:]
    answer, code, _, said = ask(sys.argv[1], sample)
    assert code == 0 and not said, (code, said)
    head = HEAD.unpack(sample[:HEAD.size])
    found, cut, reason, number = check(answer, head[4], head[5], sample)
    if what == "id":
        print(f"{number:016x}")
    elif what == "json":
        print(json.dumps(found))
    else:
        for f in found:
            text = f["function"] if "function" in f else f.get("module_offset") or f.get("module") or f["address"]
            if what == "whole":
                text = json.dumps(f)
            print(text)
        if cut:
            print("cut: " + reason)


if __name__ == "__main__":
    main()
