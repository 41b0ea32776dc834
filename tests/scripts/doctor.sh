#!/bin/sh
# octoshim-run --check: real binaries of every kind, the verdict by exit code, the reason in words.
. tests/scripts/lib.sh

# A stand-in for the library: these tests are about the service, not the shim.
compile "$dir/lib.so" 'int octo_stand_in;' -shared -fPIC
export OCTOSHIM_LIB="$dir/lib.so"
service='int main(void) { return 0; }'

# doctor WHAT CODE WORDS PROGRAM...: each line of WORDS must be in what is said
doctor() {
    what=$1 code=$2 words=$3
    shift 3
    said=$("$run" --check "$@" 2>&1)
    same "$what: exit code" "$code" $?
    while read -r word; do
        has "$what" "$word" "$said"
    done <<EOF
$words
EOF
}

compile "$dir/plain" "$service"
doctor 'dynamic, glibc' 0 'loads here
dynamically linked
glibc (/lib
none of its own
seen: its HTTP requests' "$dir/plain"
cp "$dir/plain" "$dir/in-path"
PATH=$dir:$PATH doctor 'found in PATH' 0 'dynamically linked' in-path
strip "$dir/in-path"
doctor 'stripped' 0 'dynamically linked' "$dir/in-path"

compile "$dir/static" "$service" -static
doctor 'static' 2 'statically linked
nothing can be preloaded
Preload the proxy' "$dir/static"
compile "$dir/static-pie" "$service" -static-pie -fPIE
doctor 'static PIE' 2 'statically linked' "$dir/static-pie"
if command -v musl-gcc >/dev/null 2>&1; then
    printf '%s\n' "$service" | musl-gcc -x c - -o "$dir/musl"
    doctor 'musl' 2 'musl (/lib/ld-musl
Use an image with glibc' "$dir/musl"
fi

# Go: as the section, as the magic that a stripped program keeps, static and dynamic.
printf '\377 Go buildinf:\010\002' >"$dir/buildinfo"
echo x >"$dir/note"
objcopy --add-section .go.buildinfo="$dir/buildinfo" "$dir/plain" "$dir/go-dynamic"
doctor 'Go, dynamic' 2 'built by Go
Go makes its system calls without libc' "$dir/go-dynamic"
objcopy --add-section .note.go.buildid="$dir/note" "$dir/static" "$dir/go-static"
doctor 'Go, static' 2 'statically linked, built by Go' "$dir/go-static"
cat "$dir/static" "$dir/buildinfo" >"$dir/go-stripped"
chmod 755 "$dir/go-stripped"
doctor 'Go, without sections' 2 'built by Go' "$dir/go-stripped"

# TLS and io_uring
compile "$dir/boring" '#include <stdio.h>
int main(void) { puts("built with BoringSSL"); return 0; }'
doctor 'TLS compiled in' 1 'TLS compiled in (BoringSSL)
partly seen' "$dir/boring"
compile "$dir/rust" '#include <stdio.h>
int main(void) { puts("rustls-0.21.1/src/conn.rs"); return 0; }'
doctor 'rustls' 1 'TLS compiled in (rustls)' "$dir/rust"
compile "$dir/libssl.so.3" 'int SSL_read(void) { return 0; }' -shared -fPIC -Wl,-soname,libssl.so.3
compile "$dir/https" 'extern int SSL_read(void); int main(void) { return SSL_read(); }' "$dir/libssl.so.3"
doctor 'libssl' 1 'can speak TLS itself' "$dir/https"
compile "$dir/liburing.so.2" 'int io_uring_submit(void) { return 0; }' -shared -fPIC -Wl,-soname,liburing.so.2
compile "$dir/ring" 'extern int io_uring_submit(void); int main(void) { return io_uring_submit(); }' "$dir/liburing.so.2"
doctor 'io_uring' 1 'uses liburing' "$dir/ring"
compile "$dir/knows" '#include <stdio.h>
int main(void) { puts("io_uring_setup"); return 0; }'
doctor 'io_uring inside' 0 'knows io_uring' "$dir/knows"

compile "$dir/asan" "$service" -fsanitize=address
doctor 'AddressSanitizer' 1 'insists on being first' "$dir/asan"

# Privileges. Root, who has every right, loses nothing by them; so another user asks, where that can be done.
cp "$dir/plain" "$dir/setuid"
chmod 4755 "$dir/setuid"
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 "$dir"
    doctor 'setuid, started by its owner' 1 'privileges   setuid;' "$dir/setuid"
    chown 65532 "$dir/setuid" && chmod 4755 "$dir/setuid"
    doctor 'setuid' 2 'the loader ignores LD_PRELOAD
AmbientCapabilities' "$dir/setuid"
    said=$(setpriv --no-new-privs "$run" --check "$dir/setuid")
    same 'setuid under no_new_privs: exit code' 0 $?
    has 'setuid under no_new_privs' 'which are without effect here' "$said"
    cp "$dir/plain" "$dir/setgid"
    chown 0:65532 "$dir/setgid" && chmod 2755 "$dir/setgid"
    doctor 'setgid' 2 'privileges   setgid;' "$dir/setgid"
    cp "$dir/plain" "$dir/caps"
    if setcap cap_net_bind_service=ep "$dir/caps" 2>/dev/null; then
        doctor 'capabilities, for root' 1 'privileges   file capabilities;' "$dir/caps"
        mkdir "$dir/tree" && cp -r scripts "$dir/tree" && mkdir "$dir/tree/build"
        cp "${BUILD:-build}/octoshim-doctor" "$dir/tree/build"
        said=$(setpriv --reuid 65532 --regid 65532 --clear-groups "$dir/tree/scripts/octoshim-run" --check "$dir/caps")
        same 'capabilities, for another user: exit code' 2 $?
        has 'capabilities, for another user' 'file capabilities; the loader ignores' "$said"
    fi
fi

# Scripts
script() {
    printf '%s\n' "$2" >"$dir/$1"
    chmod 755 "$dir/$1"
}
script direct "#!$dir/plain"
doctor 'script' 0 "a script, run by $dir/plain
dynamically linked" "$dir/direct"
script with-argument "#! $dir/plain -u -x"
doctor 'script with an argument' 0 "run by $dir/plain" "$dir/with-argument"
script by-env '#!/usr/bin/env in-path'
PATH=$dir:$PATH doctor 'script by env' 0 "run by in-path
$dir/in-path
dynamically linked" "$dir/by-env"
script by-env-s '#!/usr/bin/env -S A=b in-path -v'
PATH=$dir:$PATH doctor 'script by env -S' 0 'run by in-path' "$dir/by-env-s"
script by-env-i '#!/usr/bin/env -i in-path'
PATH=$dir:$PATH doctor 'script by env -i' 2 'drops LD_PRELOAD' "$dir/by-env-i"
script shell '#!/bin/sh'
doctor 'shell script' 1 'hands the preload on' "$dir/shell"
script of-static "#!$dir/static"
doctor 'script of a static interpreter' 2 'statically linked' "$dir/of-static"
script of-script "#!$dir/direct"
doctor 'script of a script' 0 'dynamically linked' "$dir/of-script"
script loop "#!$dir/loop"
doctor 'script of itself' 2 'a script of scripts of scripts' "$dir/loop"
script nowhere '#!/no/such/interpreter'
doctor 'script of nothing' 2 '/no/such/interpreter: no such program
cannot be started' "$dir/nowhere"
script empty '#!'
doctor 'script without interpreter' 2 'names no interpreter' "$dir/empty"

# What cannot be started at all
doctor 'missing' 2 'no such program
cannot be started' "$dir/missing"
cp "$dir/plain" "$dir/not-executable"
chmod 644 "$dir/not-executable"
doctor 'not executable' 2 'may not be executed (mode 644)' "$dir/not-executable"
doctor 'a directory' 2 'no file that could be started' "$dir"
: >"$dir/nothing" && chmod 755 "$dir/nothing"
doctor 'an empty file' 2 'the file is empty' "$dir/nothing"
script text 'just text'
doctor 'text' 2 'neither an ELF program nor a script' "$dir/text"
doctor 'a library' 2 'nothing to start' "$dir/lib.so"

# Another machine: the same file with the machine's number changed.
for machine in '\003:i386' '\267:aarch64' '\363:riscv'; do
    [ "$(uname -m)" != "${machine#*:}" ] || continue
    cp "$dir/plain" "$dir/foreign"
    printf "${machine%:*}" | dd of="$dir/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
    doctor "built for ${machine#*:}" 2 "built for ${machine#*:}" "$dir/foreign"
done
# A loader that is not in this image
sed 's|/lib64/ld-linux-x86-64.so.2|/lib64/ld-linux-x86-64.so.7|' "$dir/plain" >"$dir/no-loader"
chmod 755 "$dir/no-loader"
[ "$(uname -m)" != x86_64 ] || doctor 'loader missing' 2 'which is not here' "$dir/no-loader"

# Cut off anywhere, or with bytes flipped, a file is judged without a crash.
size=$(wc -c <"$dir/plain")
crashes=0
for part in 4 16 20 63 64 100 500 900 1500 3000 $((size / 2)) $((size - 1)); do
    head -c "$part" "$dir/plain" >"$dir/cut"
    chmod 755 "$dir/cut"
    "$run" --check "$dir/cut" >/dev/null
    [ $? -le 2 ] || crashes=$((crashes + 1))
done
at=0
while [ $at -lt 1000 ]; do
    cp "$dir/plain" "$dir/flipped"
    printf '\377\377\377' | dd of="$dir/flipped" bs=1 seek=$at conv=notrunc 2>/dev/null
    "${BUILD:-build}/octoshim-doctor" "$dir/flipped" >/dev/null
    [ $? -le 2 ] || crashes=$((crashes + 1))
    at=$((at + 7))
done
same 'damaged files crash nothing' 0 $crashes

# Surroundings
LD_PRELOAD=$dir/lib.so doctor 'LD_PRELOAD is set' 0 'LD_PRELOAD is set already' "$dir/plain"
OCTOSHIM_DISABLE=1 doctor 'disabled' 2 'OCTOSHIM_DISABLE is on' "$dir/plain"
OCTOSHIM_EXCLUDE='pl*' doctor 'excluded' 2 'OCTOSHIM_EXCLUDE leaves it out' "$dir/plain"
OCTOSHIM_SLOW_MS=abc doctor 'a bad setting' 0 'OCTOSHIM_SLOW_MS="abc" is not understood' "$dir/plain"
echo '{"slow_ms": }' >"$dir/config.json"
OCTOSHIM_CONFIG=$dir/config.json doctor 'a bad settings file' 0 'config.json: line 1, column 13' "$dir/plain"

# Spans
OTEL_EXPORTER_OTLP_ENDPOINT=https://me:secret@c/base/ OTEL_EXPORTER_OTLP_PROTOCOL=http/json OTEL_EXPORTER_OTLP_COMPRESSION=gzip \
    doctor 'spans' 0 'spans        go to https://c/base/v1/traces, http/json, gzip' "$dir/plain"
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c OTEL_EXPORTER_OTLP_ENDPOINT=http://d OTEL_BSP_SCHEDULE_DELAY=soon \
    OTEL_EXPORTER_OTLP_HEADERS=secret doctor 'settings of spans' 0 'OTEL_BSP_SCHEDULE_DELAY=soon is not understood; 5000 is used
OTEL_EXPORTER_OTLP_HEADERS=(not shown) is not understood
spans        go to http://c/, http/protobuf' "$dir/plain"
same 'settings of spans: no secret is shown' '' "$(printf '%s' "$said" | grep secret)"
OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_METRICS_EXPORTER=otlp OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json doctor 'spans and metrics' 0 \
    'spans        go to http://c/v1/traces, http/protobuf
metrics      go to http://c/v1/metrics, http/json' "$dir/plain"
OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta doctor 'metrics alone' 0 \
    'otlp         not all settings are understood:
octoshim: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta is not understood; cumulative is used
metrics      go to http://c/, http/protobuf' "$dir/plain"
same 'metrics alone: nothing is said of spans' '' "$(printf '%s' "$said" | grep spans)"
OTEL_TRACES_EXPORTER=otlp doctor 'spans by default' 0 'spans        go to http://localhost:4318/v1/traces' "$dir/plain"
OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_SDK_DISABLED=true doctor 'no spans' 0 'settings     understood' "$dir/plain"
same 'no spans: nothing is said of them' '' "$(printf '%s' "$said" | grep spans)"
mkdir -p "$dir/lone/build" && cp -r scripts "$dir/lone" && cp "${BUILD:-build}/octoshim-doctor" "$dir/lone/build"
said=$(OTEL_EXPORTER_OTLP_ENDPOINT=http://c "$dir/lone/scripts/octoshim-run" --check "$dir/plain" 2>&1)
same 'without octoshim-otlp: exit code' 1 $?
has 'without octoshim-otlp' 'cannot be sent: octoshim-otlp is not beside liboctoshim.so' "$said"
script lacking-curl "#!/bin/sh
echo 'octoshim-otlp: error while loading shared libraries: libcurl.so.4' >&2; exit 127"
cp "$dir/lacking-curl" "$dir/lone/octoshim-otlp"
said=$(OTEL_EXPORTER_OTLP_ENDPOINT=http://c "$dir/lone/scripts/octoshim-run" --check "$dir/plain" 2>&1)
same 'without libcurl: exit code' 1 $?
has 'without libcurl' 'cannot be sent: octoshim-otlp: error while loading shared libraries: libcurl.so.4' "$said"
OCTOSHIM_LIB=$dir/none doctor 'no library' 2 'liboctoshim.so is not here
without the library nothing is seen' "$dir/plain"
