"""Samples that are not what they should be, for test-stack.sh: no crash, no hang, always an answer that keeps its promises.

    test-stack-fuzz.py PROGRAM ROUNDS SAMPLE...     PROGRAM: best one that is built with sanitizers
"""
import importlib, os, random, struct, sys

stack = importlib.import_module("test-stack-ask")
HEAD = stack.HEAD
LIMIT_S = 2
EDGES = (0, 1, 7, 8, 1 << 31, 1 << 47, (1 << 63) - 1, 1 << 63, (1 << 64) - 8, (1 << 64) - 1)


def number(rng, around):
    return rng.choice((rng.choice(EDGES), rng.randrange(1 << 64), (around + rng.randrange(-64, 64)) % (1 << 64), around))


def damage_head(rng, head):
    at = rng.choice((4, 5, 6, *range(7, 24), 40, 41, 42, 43))
    if at < 6:
        head[at] = rng.choice((0, 1, 2, 3, 63, 64, 65, 8191, 8193, 200, 1 << 31, (1 << 32) - 1))
    else:
        head[at] = number(rng, head[rng.choice((7 + 6, 7 + 7, 7 + 16, 40))])


def damage_stack(rng, head, body):
    how = rng.randrange(4)
    if not body:
        return body
    if how == 0:
        for _ in range(rng.choice((1, 10, 1000))):
            body[rng.randrange(len(body))] = rng.randrange(256)
    elif how == 1:  # words that point at themselves, at each other, at code
        for _ in range(rng.choice((1, 20))):
            at = rng.randrange(max(1, min(len(body), 4096) // 8)) * 8
            value = rng.choice((head[40] + at, head[40] + rng.randrange(len(body)), head[7 + 16], number(rng, head[40])))
            body[at:at + 8] = struct.pack("=Q", value % (1 << 64))[:len(body[at:at + 8])]
    elif how == 2:
        body = body[:rng.randrange(len(body))]
    else:
        body = bytearray(rng.randbytes(len(body)))
    return body


def damage_maps(rng, maps):
    lines = maps.split(b"\n")
    how = rng.randrange(7)
    if how == 0:
        for _ in range(rng.choice((1, 5, 100))):
            if maps:
                maps[rng.randrange(len(maps))] = rng.choice(b"\0\n -0f:/x" + bytes([rng.randrange(256)]))
        return maps
    if how == 1:
        rng.shuffle(lines)
    elif how == 2:
        del lines[rng.randrange(len(lines))]
    elif how == 3:
        lines = lines[:rng.randrange(len(lines) + 1)]
    elif how == 4:  # other files, of other kinds
        other = rng.choice((b"/dev/zero", b"/dev/tty", b"/proc/self/mem", b"/etc/passwd", b"/", b"/usr/bin/python3", b"", b"x" * 9000,
                            b"/\xff\xfe\n", b"[vdso]", b"/usr/lib/x86_64-linux-gnu/libc.so.6"))
        at = rng.randrange(len(lines))
        lines[at] = b" ".join(lines[at].split()[:5] + [other])
    elif how == 5:  # the same with the addresses, or the place in the file, of others
        at, parts = rng.randrange(len(lines)), lines[rng.randrange(len(lines))].split()
        mine = lines[at].split()
        if len(parts) > 4 and len(mine) > 4:
            field = rng.choice((0, 1, 2, 4))
            mine[field] = parts[field]
            lines[at] = b" ".join(mine)
    else:
        at = rng.randrange(len(lines))
        lines[at] = b"0-ffffffffffffffff r-xp %x 00:00 0 %s" % (rng.choice(EDGES), rng.choice((b"", b"/bin/sh")))
    return bytearray(b"\n".join(lines))


def damage(rng, sample):
    head = list(HEAD.unpack(sample[:HEAD.size]))
    size = head[41]
    body, maps = bytearray(sample[HEAD.size:HEAD.size + size]), bytearray(sample[HEAD.size + size:])
    if size > 64 and rng.randrange(3) == 0:  # in two
        upper = rng.randrange(8, size)
        head[41], head[42], head[43] = size - upper, head[40] + size - upper, upper
    for _ in range(rng.choice((1, 1, 2, 4))):
        part = rng.randrange(10)
        if part < 3:
            damage_head(rng, head)
        elif part < 6:
            body = damage_stack(rng, head, body)
            head[41], head[43] = (len(body), 0) if head[43] == 0 or head[43] >= len(body) else (len(body) - head[43], head[43])
        elif part < 9:
            maps = damage_maps(rng, maps)
        else:
            sample = HEAD.pack(*head) + body + maps
            return head, sample[:rng.randrange(len(sample) + 1)]
    return head, HEAD.pack(*head) + body + maps


def main():
    program, rounds = sys.argv[1], int(sys.argv[2])
    samples = [open(name, "rb").read() for name in sys.argv[3:]]
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=0", UBSAN_OPTIONS="halt_on_error=1")
    rng = random.Random(11)
    bad = frames = 0
    slowest = 0.0
    for n in range(rounds):
        head, sample = damage(rng, rng.choice(samples))
        answer, code, took, said = stack.ask(program, sample, environment)
        slowest = max(slowest, took)
        try:
            assert code == 0 and not said, (code, said.decode(errors="replace"))
            assert took < LIMIT_S, took
            # The bounds are not known to the program if it has got no whole sample.
            found, _, reason, _ = stack.check(answer, head[4], max(2, head[5]))
            assert "itself failed" not in reason, reason
            frames += len(found)
        except (AssertionError, ValueError, struct.error) as e:
            bad += 1
            with open(f"{sys.argv[3]}.bad-{n}", "wb") as f:
                f.write(sample)
            print(f"round {n}: {str(e)[:3000]}", file=sys.stderr)
    print(f"{bad} of {rounds} bad, {'some' if frames > rounds else 'few'} frames")
    print(f"slowest {slowest * 1000:.0f} ms", file=sys.stderr)


if __name__ == "__main__":
    main()
