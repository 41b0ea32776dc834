#!/bin/sh
# octoshim-run --metrics: the counts are those of the requests made, wherever the shared memory is and whoever may ask; and
# what is said otherwise. With the real library and real services.
. tests/scripts/lib.sh

chmod 755 "$dir"
# A tree of its own, which another user may look into.
mkdir -p "$dir/tree/build" "$dir/tree/scripts" "$dir/www"
cp scripts/octoshim-run "$dir/tree/scripts"
cp "${BUILD:-build}/octoshim-metrics" "$dir/tree/build"
cp liboctoshim.so "$dir/tree"
run=$dir/tree/scripts/octoshim-run
tool=$dir/tree/build/octoshim-metrics
echo hello >"$dir/www/hello"
chmod -R a+rX "$dir/tree" "$dir/www"
services=
trap 'code=$?; kill -9 $services 2>/dev/null; (exit $code); finish' EXIT

# Two workers, forked; the answers to /big do not fit into what the kernel keeps of a connection.
cat >"$dir/forks.py" <<'PYTHON'
import http.server, os, signal

big = b"x" * (64 << 20)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = big if self.path == "/big" else b"hello\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
workers = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        server.serve_forever()
    workers.append(pid)
print("port", server.server_port, "workers", *workers, flush=True)
while True:
    os.waitpid(-1, 0) if workers else signal.pause()
    workers.pop()
PYTHON

# Waits until a command succeeds.
until_true() {
    n=0
    until "$@"; do
        n=$((n + 1))
        [ $n -lt 100 ] || return 1
        sleep 0.1
    done
}

# serve NAME PROGRAM...: starts a service whose output names its port; sets $pid and $port. Its settings: $settings.
serve() {
    name=$1
    shift
    : >"$dir/$name.out"
    env SERVICE_NAME="$name" OCTOSHIM_LOG=/dev/null $settings "$@" >"$dir/$name.out" 2>"$dir/$name.err" &
    pid=$!
    services="$services $pid"
    until_true grep -q 'port [0-9]' "$dir/$name.out" || cat "$dir/$name.err"
    port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$dir/$name.out")
}
python="/usr/bin/python3 -u -m http.server --bind 127.0.0.1 --directory $dir/www 0"

# ask PATH TIMES
ask() {
    n=0
    while [ $n -lt "$2" ]; do
        curl -s -o /dev/null "http://127.0.0.1:$port$1"
        n=$((n + 1))
    done
}

# sum TEXT FAMILY [LABEL]: of its samples
sum() {
    printf '%s\n' "$1" | awk -v name="$2" -v label="${3:-}" '
        (index($0, name "{") == 1 || $1 == name) && index($0, label) { found += $NF } END { print found + 0 }'
}

# refused WHAT WORDS COMMAND...: exit code 1, nothing on stdout, one line on stderr with these words
refused() {
    what=$1 words=$2
    shift 2
    said=$("$@" 2>"$dir/err")
    same "$what: exit code" 1 $?
    same "$what: no metrics" '' "$said"
    same "$what: one line" 1 "$(wc -l <"$dir/err")"
    has "$what" "$words" "$(cat "$dir/err")"
}

as_user='setpriv --reuid 65532 --regid 65532 --clear-groups'

# ── a service ─────────────────────────────────────────────────────────────────────────────────────────

mkdir -m 700 "$dir/run"
settings="OCTOSHIM_RUNTIME_DIR=$dir/run"
serve web prlimit --nofile=777 "$run" $python
text=$("$run" --metrics "$pid")
same 'nothing asked yet: exit code' 0 $?
same 'nothing asked yet' 0 "$(sum "$text" http_requests_total)"
ask /hello 7
ask /none 3
text=$("$run" --metrics "$pid")
same 'requests' 10 "$(sum "$text" http_requests_total)"
same 'of these 200' 7 "$(sum "$text" http_requests_total 'status="200"')"
same 'of these 404' 3 "$(sum "$text" http_requests_total 'status="404"')"
same 'the histogram' 10 "$(sum "$text" http_request_duration_seconds_count)"
same 'in progress' 0 "$(sum "$text" http_requests_in_progress)"
same 'processes' 1 "$(sum "$text" octoshim_processes)"
same "the service's limit, not the command's" 777 "$(sum "$text" process_max_fds)"
same 'dropped' 0 "$(sum "$text" octoshim_events_dropped_total)"
printf '%s\n' "$text" >"$dir/text"
if command -v promtool >/dev/null 2>&1; then
    same 'promtool has nothing to say' '0 ' "$(promtool check metrics <"$dir/text" 2>&1; echo "$? ")"
fi

open=$("$run" --metrics --openmetrics "$pid")
same 'OpenMetrics: the end' '# EOF' "$(printf '%s\n' "$open" | tail -n 1)"
same 'OpenMetrics: requests' 10 "$(sum "$open" http_requests_total)"
has 'OpenMetrics: exemplars' '# {request_id="' "$open"
same 'the option after the PID' '# EOF' "$("$run" --metrics "$pid" --openmetrics | tail -n 1)"
has 'without the option no EOF' 'octoshim_build_info' "$(tail -n 1 "$dir/text")"
if /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; then
    printf '%s\n' "$open" | /usr/bin/python3 -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
list(parse(sys.stdin.read()))'
    same 'OpenMetrics: a strict parser reads it' 0 $?
fi

# Looking changes nothing: neither bytes nor the holes between them.
sleep 0.5
segment=$(echo "$dir"/run/octoshim-*.seg)
before=$(cksum "$segment"; stat -c '%b %Y %Z' "$segment")
"$run" --metrics "$pid" >/dev/null
"$run" --metrics --openmetrics "$pid" >/dev/null
same 'the segment is as it was' "$before" "$(cksum "$segment"; stat -c '%b %Y %Z' "$segment")"

rm "$segment"
if [ "$(id -u)" -eq 0 ]; then
    same 'a file that was removed' 10 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
fi
"$run" --metrics "$pid" >/dev/full 2>"$dir/err"
same 'standard output is full: exit code' 1 $?
has 'standard output is full' 'cannot be written to standard output' "$(cat "$dir/err")"
kill -9 "$pid"

# ── workers ───────────────────────────────────────────────────────────────────────────────────────────

settings="OCTOSHIM_RUNTIME_DIR=$dir/run"
serve forks "$run" /usr/bin/python3 "$dir/forks.py"
read -r one two <<WORKERS
$(sed 's/.*workers //' "$dir/forks.out")
WORKERS
services="$services $one $two"
ask /hello 20
for process in "$pid" "$one" "$two"; do
    text=$("$run" --metrics "$process")
    same 'by master and workers: requests' 20 "$(sum "$text" http_requests_total)"
    same 'by master and workers: processes' 3 "$(sum "$text" octoshim_processes)"
done
# A worker that is killed while it sends: its request counts, as it does in its event, and is in progress no more.
mkfifo "$dir/slow"
curl -s -o "$dir/slow" "http://127.0.0.1:$port/big" &
services="$services $!"
exec 8<>"$dir/slow"
in_progress() {
    [ "$(sum "$("$run" --metrics "$pid")" http_requests_in_progress)" = "$1" ]
}
until_true in_progress 1
same 'a request in progress' 0 $?
dd bs=1 count=1 of="$dir/first" <&8 2>/dev/null # it is sending
kill -9 "$one" "$two"
until_true in_progress 0
same 'killed: in progress no more' 0 $?
text=$("$run" --metrics "$pid")
same 'killed: counted' 21 "$(sum "$text" http_requests_total)"
same 'killed: counted, in the histogram, too' 21 "$(sum "$text" http_request_duration_seconds_count)"
same 'killed: again the same' 21 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
exec 8>&-
kill -9 "$pid" 2>/dev/null

# ── a successor that has the dead one's segment, too ──────────────────────────────────────────────────

# A log that takes nothing: the events stay, so the segment stays. Whoever opens it so can write without a reader.
mkfifo "$dir/log"
exec 9<>"$dir/log"
python3 -c 'import os
os.set_blocking(9, False)
try:
    while True: os.write(9, b"x" * 4096)
except BlockingIOError: pass' 2>/dev/null
settings="OCTOSHIM_RUNTIME_DIR=$dir/run OCTOSHIM_LOG=stderr"
stuck() {
    : >"$dir/again.out"
    env SERVICE_NAME=again $settings "$run" $python >"$dir/again.out" 2>&9 &
    pid=$!
    services="$services $pid"
    until_true grep -q 'port [0-9]' "$dir/again.out"
    port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$dir/again.out")
    ask /hello "$1"
}
rm -f "$dir"/run/*
# Python's own log would wait for the pipe.
cat >"$dir/quiet.py" <<'PYTHON'
import functools, http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print("port", server.server_port, flush=True)
server.serve_forever()
PYTHON
python="/usr/bin/python3 $dir/quiet.py $dir/www"
stuck 5
kill -9 "$pid"
wait "$pid" 2>/dev/null
stuck 2
same 'the dead one has left its segment' 2 "$(grep -c 'octoshim-.*\.seg' "/proc/$pid/maps")"
same "the successor's requests" 2 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
same 'the segments are still there' 2 "$(find "$dir/run" -type f | wc -l)"
kill -9 "$pid"
exec 9>&-

# ── anonymous memory ──────────────────────────────────────────────────────────────────────────────────

: >"$dir/file"
settings="OCTOSHIM_RUNTIME_DIR=$dir/file/none"
serve anonymous "$run" $python
same 'anonymous memory' 0 "$(grep -c 'octoshim-.*\.seg' "/proc/$pid/maps")"
ask /hello 6
text=$("$run" --metrics "$pid")
same 'anonymous memory: exit code' 0 $?
same 'anonymous memory: requests' 6 "$(sum "$text" http_requests_total)"
kill -9 "$pid"

# ── who may ask ───────────────────────────────────────────────────────────────────────────────────────

if [ "$(id -u)" -eq 0 ]; then
    serve roots "$run" $python
    refused 'another user' 'no permission to look at it; run as root or as the service'\''s user' \
        $as_user "$run" --metrics "$pid"
    kill -9 "$pid"
    serve users $as_user "$run" $python
    ask /hello 4
    same "an ordinary user's, anonymous, for root" 4 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
    same "an ordinary user's, anonymous, for the user" 4 "$(sum "$($as_user "$run" --metrics "$pid")" http_requests_total)"
    refused 'root without the right' 'CAP_SYS_PTRACE' \
        setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$run" --metrics "$pid"
    kill -9 "$pid"
    mkdir -m 700 "$dir/users-run"
    chown 65532:65532 "$dir/users-run"
    settings="OCTOSHIM_RUNTIME_DIR=$dir/users-run"
    serve users-file $as_user "$run" $python
    ask /hello 4
    same "an ordinary user's, for root" 4 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
    same "an ordinary user's, for the user" 4 "$(sum "$($as_user "$run" --metrics "$pid")" http_requests_total)"
    rm -f "$dir"/users-run/*
    same "an ordinary user's, removed, for the user" 4 \
        "$(sum "$($as_user "$run" --metrics "$pid")" http_requests_total)"
    kill -9 "$pid"
    # Who has changed the user is protected from both.
    settings="OCTOSHIM_RUNTIME_DIR=$dir/run"
    serve changed "$run" /usr/bin/python3 -c "import os, sys
os.setgroups([]); os.setgid(65532); os.setuid(65532)
sys.argv = ['', '$dir/www']
exec(open('$dir/quiet.py').read())"
    refused 'one that has changed its user, for that user' 'run as root' $as_user "$run" --metrics "$pid"
    ask /hello 3
    same 'one that has changed its user, for root' 3 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
    kill -9 "$pid"
fi

# ── a container ───────────────────────────────────────────────────────────────────────────────────────

if unshare --pid --fork true 2>/dev/null; then
    settings="OCTOSHIM_RUNTIME_DIR=$dir/run"
    # With a directory that cannot be seen from outside under its own name
    serve contained unshare --pid --fork --kill-child --mount-proc \
        sh -c 'mount -t tmpfs none "$1" && shift && exec "$@"' sh "$dir/run" "$run" $python
    pid=$(cat "/proc/$pid/task/$pid/children")
    pid=${pid% }
    ask /hello 9
    text=$("$run" --metrics "$pid")
    same 'in a container, from outside: exit code' 0 $?
    same 'in a container, from outside: requests' 9 "$(sum "$text" http_requests_total)"
    same 'in a container, from outside: no processes' 0 "$(printf '%s\n' "$text" | grep -c 'process_\|octoshim_processes')"
    text=$(nsenter --target "$pid" --pid --mount "$run" --metrics 1)
    same 'in a container, from inside: requests' 9 "$(sum "$text" http_requests_total)"
    same 'in a container, from inside: processes' 1 "$(sum "$text" octoshim_processes)"
    kill -9 "$pid"
fi

# ── what is no service ────────────────────────────────────────────────────────────────────────────────

sleep 100 &
pid=$!
services="$services $pid"
refused 'not preloaded' 'not preloaded: start the service with octoshim-run' "$run" --metrics "$pid"
kill "$pid"
wait "$pid" 2>/dev/null
refused 'no such process' 'no such process' "$run" --metrics "$pid"
LD_PRELOAD=$dir/tree/liboctoshim.so sleep 100 &
pid=$!
services="$services $pid"
until_true grep -q liboctoshim "/proc/$pid/maps"
refused 'not a service yet' 'not a service yet: nothing listens in it' "$run" --metrics "$pid"
sh -c 'sleep 0.1 & exec sleep 100' &
pid=$!
services="$services $pid"
zombie_of() {
    grep -q '^State:.Z' /proc/"$(tr -d ' ' <"/proc/$1/task/$1/children")"/status 2>/dev/null
}
until_true zombie_of "$pid"
refused 'a zombie' 'has ended' "$run" --metrics "$(tr -d ' ' <"/proc/$pid/task/$pid/children")"

# How it is called
usage() {
    what=$1
    shift
    said=$("$run" --metrics "$@" 2>&1)
    same "$what: exit code" 2 $?
    has "$what" 'usage: octoshim-run --metrics [--openmetrics] PID' "$said"
}
usage 'no PID'
usage 'PID 0' 0
usage 'a word' abc
usage 'a number and more' 12x
usage 'a negative number' -5
usage 'too large a number' 99999999999999999999
usage 'two PIDs' 1 2
usage 'an unknown option' --json 1
has 'the help names it' '--metrics [--openmetrics] PID' "$("$run" --help)"

# ── where the program is ──────────────────────────────────────────────────────────────────────────────

rm -f "$dir"/run/*
settings="OCTOSHIM_RUNTIME_DIR=$dir/run"
serve found "$run" $python
ask /hello 1
for place in libexec/octoshim bin; do
    rm -rf "$dir/place"
    mkdir -p "$dir/place/bin" "$dir/place/$place"
    cp scripts/octoshim-run "$dir/place/bin"
    refused "not in $place" 'octoshim-metrics is not here: run make' "$dir/place/bin/octoshim-run" --metrics "$pid"
    cp "$tool" "$dir/place/$place"
    same "found in $place" 1 "$(sum "$("$dir/place/bin/octoshim-run" --metrics "$pid")" http_requests_total)"
done

# ── segments that are not what they should be ─────────────────────────────────────────────────────────

cp --sparse=always "$(echo "$dir"/run/octoshim-*.seg)" "$dir/good"
kill -9 "$pid"
fake=$dir/octoshim-fake.seg
cat >"$dir/holds.py" <<'PYTHON'
import mmap, sys, time
with open(sys.argv[1], "r+b") as f:
    held = mmap.mmap(f.fileno(), 0)
print("port 0", flush=True)
time.sleep(100)
PYTHON
# bytes AT PRINTF: writes them into the fake
bytes() {
    printf "$2" | dd of="$fake" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
cp --sparse=always "$dir/good" "$fake"
settings=
serve fake /usr/bin/python3 "$dir/holds.py" "$fake"
same 'whatever the process: its segment counts' 1 "$(sum "$("$run" --metrics "$pid")" http_requests_total)"
bytes 8 '\001\000\000\000'
refused 'another version' 'of another version of octoshim (1 with' "$run" --metrics "$pid"
bytes 8 '\002\000\000\000'
bytes 16 '\000'
bytes 17 '\377'
refused 'another size' 'of another version of octoshim' "$run" --metrics "$pid"
bytes 0 'nonsense'
refused 'foreign' 'foreign segment file' "$run" --metrics "$pid"
head -c 8192 "$dir/good" >"$dir/short"
cat "$dir/short" >"$fake"
refused 'cut off' 'damaged: it is shorter than it says' "$run" --metrics "$pid"
: >"$fake"
refused 'empty' 'foreign segment file' "$run" --metrics "$pid"

# Whatever stands in it, it is judged without a crash: bytes that are changed where there are some, a few at a time.
cat >"$dir/damage.py" <<'PYTHON'
import mmap, os, random, subprocess, sys
good, fake, tool = sys.argv[1:]
crashes = refusals = 0
rng = random.Random(7)
with open(good, "rb") as f:
    head = f.read(1 << 20)
used = [at for at in range(len(head)) if head[at]]
with open(fake, "r+b") as f:
    held = mmap.mmap(f.fileno(), 0)
for _ in range(150):
    changed = [rng.choice(used) for _ in range(rng.choice((1, 1, 4)))]
    for at in changed:
        held[at] = rng.choice((0, 1, 0x7f, 0xff, rng.randrange(256)))
        if rng.random() < 0.3:
            held[at:at + 4] = b"\xff" * 4
    done = subprocess.run([tool, "--openmetrics", str(os.getpid())], capture_output=True)
    crashes += done.returncode not in (0, 1)
    refusals += done.returncode == 1
    for at in changed:
        held[at:at + 4] = head[at:at + 4]
print(crashes, "crashes,", "some" if refusals else "none", "refused")
PYTHON
rm -f "$fake"
cp --sparse=always "$dir/good" "$fake"
same 'damaged segments' '0 crashes, some refused' "$(/usr/bin/python3 "$dir/damage.py" "$dir/good" "$fake" "$tool")"
