#!/bin/sh
# octoshim-run puts the service in its own place and changes nothing but LD_PRELOAD.
. tests/scripts/lib.sh

# A stand-in that shows in the service's own output that it was loaded.
compile "$dir/lib.so" 'int octo_stand_in(void) { return 42; }' -shared -fPIC
compile "$dir/service" '
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
    if (argc > 1 && strcmp(argv[1], "pid") == 0) { printf("%d", (int)getpid()); return 0; }
    if (argc > 1 && strcmp(argv[1], "wait") == 0) { puts("ready"); fflush(stdout); pause(); return 0; }
    if (argc > 1 && strcmp(argv[1], "preload") == 0) { printf("%s", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "unset"); return 0; }
    printf("%s", dlsym(RTLD_DEFAULT, "octo_stand_in") ? "loaded" : "bare");
    for (int i = 1; i < argc; i++) printf("|%s", argv[i]);
    return 0;
}' -ldl
export OCTOSHIM_LIB="$dir/lib.so"

same 'is loaded' loaded "$("$run" "$dir/service")"
same 'is loaded, with --' loaded "$("$run" -- "$dir/service")"
newline='
'
same 'arguments are kept' "loaded|a b|--check|c${newline}d||\$HOME|*" \
    "$("$run" -- "$dir/service" 'a b' --check "c${newline}d" '' '$HOME' '*')"

wrong=0
for code in 0 1 2 7 125 126 127 128 200 255; do
    "$run" "$dir/service" exit $code
    [ $? -eq $code ] || wrong=$((wrong + 1))
done
same 'exit codes' 0 $wrong

"$run" "$dir/service" pid >"$dir/pid" &
wait $!
same 'the PID is the one that was started' $! "$(cat "$dir/pid")"

mkfifo "$dir/fifo"
"$run" "$dir/service" wait >"$dir/fifo" &
pid=$!
read -r ready <"$dir/fifo"
same 'started' ready "$ready"
kill -TERM $pid
wait $pid
same 'SIGTERM reaches the service' 143 $?

same 'found in PATH' loaded "$(PATH="$dir:$PATH" "$run" service)"
"$run" "$dir/missing" 2>"$dir/err"
same 'a missing program: 127' 127 $?
: >"$dir/plain"
chmod 644 "$dir/plain"
"$run" "$dir/plain" 2>"$dir/err"
same 'not executable: 126' 126 $?
"$run" 2>"$dir/err"
same 'no program: 125' 125 $?
"$run" --no-such-option x 2>"$dir/err"
same 'an unknown option: 125' 125 $?
has 'help' 'usage: octoshim-run' "$("$run" --help)"

# LD_PRELOAD
same 'alone' "$dir/lib.so" "$("$run" "$dir/service" preload)"
compile "$dir/other.so" 'int other;' -shared -fPIC
same 'behind what is there' "$dir/other.so:$dir/lib.so" "$(LD_PRELOAD=$dir/other.so "$run" "$dir/service" preload)"
same 'not twice' "$dir/lib.so:$dir/other.so" \
    "$(LD_PRELOAD=$dir/lib.so:$dir/other.so "$run" "$dir/service" preload)"
for yes in true TRUE 1 yes on; do
    same "OCTOSHIM_DISABLE=$yes" unset "$(OCTOSHIM_DISABLE=$yes "$run" "$dir/service" preload)"
done
same 'OCTOSHIM_DISABLE=false' "$dir/lib.so" "$(OCTOSHIM_DISABLE=false "$run" "$dir/service" preload)"
same 'OCTOSHIM_DISABLE is empty' "$dir/lib.so" "$(OCTOSHIM_DISABLE='' "$run" "$dir/service" preload)"

# A library that cannot be used: one line on stderr, and the service runs bare.
unusable() {
    same "$1: the service runs bare" bare "$("$run" "$dir/service" 2>"$dir/err")"
    same "$1: one line" 1 "$(wc -l <"$dir/err")"
    has "$1: says so" 'running without it' "$(cat "$dir/err")"
    same "$1: LD_PRELOAD is as it was" unset "$("$run" "$dir/service" preload 2>/dev/null)"
}
OCTOSHIM_LIB=$dir/none.so
unusable 'no library'
echo 'no library' >"$dir/text.so"
OCTOSHIM_LIB=$dir/text.so
unusable 'not a library'
compile "$dir/unresolved.so" 'extern int octo_nowhere(void); int f(void) { return octo_nowhere(); }' -shared -fPIC -Wl,-z,now
OCTOSHIM_LIB=$dir/unresolved.so
unusable 'a library that needs what is not here'
compile "$dir/loud.so" '#include <stdio.h>
__attribute__((constructor)) static void f(void) { fprintf(stderr, "two\nlines\n"); }' -shared -fPIC
OCTOSHIM_LIB=$dir/loud.so
unusable 'a library that prints'
mkdir "$dir/a space"
cp "$dir/lib.so" "$dir/a space/lib.so"
OCTOSHIM_LIB="$dir/a space/lib.so"
unusable 'a path that LD_PRELOAD cannot hold'
OCTOSHIM_LIB=$dir/lib.so

# What Node needs is a module, by name or by the script's first line; what PHP needs is libcurl; nobody else gets either.
mkdir "$dir/runtimes"
for name in node npm php8.2 other; do
    printf '#!/bin/sh\nprintf "%%s %%s" "${NODE_OPTIONS:-none}" "$LD_PRELOAD"' >"$dir/runtimes/$name"
done
printf '#!/usr/bin/env node\n' >"$dir/runtimes/script"
chmod +x "$dir/runtimes/"*
module=$(dirname "$run")/octoshim.js
same 'node' "--require=$module $OCTOSHIM_LIB" "$("$run" "$dir/runtimes/node")"
same 'npm, options kept' "--require=$module --trace-warnings $OCTOSHIM_LIB" \
    "$(NODE_OPTIONS=--trace-warnings "$run" "$dir/runtimes/npm")"
same 'a script of node' "--require=$module $OCTOSHIM_LIB" "$(PATH="$dir/runtimes:$PATH" "$run" "$dir/runtimes/script")"
same 'by PATH' "--require=$module $OCTOSHIM_LIB" "$(PATH="$dir/runtimes:$PATH" "$run" node)"
same 'another program' "none $OCTOSHIM_LIB" "$("$run" "$dir/runtimes/other")"
curl=$(ls "/usr/lib/$(uname -m)-linux-gnu/libcurl.so.4" 2>/dev/null)
same 'php' "none $OCTOSHIM_LIB${curl:+:$curl}" "$("$run" "$dir/runtimes/php8.2")"

# Found beside the script, in the tree's and the installation's places, through links and relative paths.
unset OCTOSHIM_LIB
for place in liboctoshim.so lib/octoshim/liboctoshim.so lib/liboctoshim.so bin/liboctoshim.so; do
    mkdir -p "$dir/place/bin" "$dir/place/lib/octoshim"
    cp "$run" "$dir/place/bin/octoshim-run"
    cp "$dir/lib.so" "$dir/place/$place"
    same "library in $place" "$dir/place/$place" "$("$dir/place/bin/octoshim-run" "$dir/service" preload)"
    rm "$dir/place/$place"
done
cp "$dir/lib.so" "$dir/place/liboctoshim.so"
ln -s "$dir/place/bin/octoshim-run" "$dir/link"
same 'through a link' "$dir/place/liboctoshim.so" "$("$dir/link" "$dir/service" preload)"
same 'through PATH' "$dir/place/liboctoshim.so" "$(PATH="$dir/place/bin:$PATH" octoshim-run "$dir/service" preload)"
same 'relative' "$dir/place/liboctoshim.so" "$(cd "$dir/place/bin" && ./octoshim-run "$dir/service" preload)"
same 'by the shell' "$dir/place/liboctoshim.so" "$(cd "$dir/place" && sh bin/octoshim-run "$dir/service" preload)"
same 'the working directory stays' "$dir" "$(cd "$dir" && "$dir/link" pwd)"

# A poor image: root may not be written, no /proc, no /tmp, no /dev/shm, another user.
if unshare -m true 2>/dev/null; then
    chmod 755 "$dir"
    out=$(unshare -m --propagation private sh -c '
        mount --bind "$1" /mnt && mount -t tmpfs -o ro none /dev/shm && mount -t tmpfs -o ro none /tmp &&
        mount -o remount,bind,ro / && mount -t tmpfs -o ro none /proc &&
        exec setpriv --reuid 65532 --regid 65532 --clear-groups /mnt/place/bin/octoshim-run /mnt/service "a b"' \
        sh "$dir" 2>&1)
    same 'read-only root, no /proc, no /tmp, uid 65532' 'loaded|a b' "$out"
fi
