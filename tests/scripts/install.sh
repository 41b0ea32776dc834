#!/bin/sh
# make install puts everything where octoshim-run finds it, make uninstall takes it away; with the real library.
. tests/scripts/lib.sh

make=${MAKE:-make}
# A root that was moved there later must do, as packages have it: DESTDIR is not remembered.
$make -s --no-print-directory install DESTDIR="$dir/dest" PREFIX=/usr >"$dir/log" 2>&1
same 'make install' 0 $?
same 'what is installed' "bin/octoshim-run
include/octoshim/record.h
lib/octoshim/liboctoshim.so
lib/octoshim/octoshim-otlp
lib/octoshim/octoshim-stack
lib/octoshim/octoshim.js
libexec/octoshim/octoshim-doctor
libexec/octoshim/octoshim-metrics
share/man/man1/octoshim-run.1
share/man/man7/octoshim.7" "$(cd "$dir/dest/usr" && find . -type f | sed 's|^\./||' | LC_ALL=C sort |
    grep -v -e 'include/octoshim/[a-qs-z]' -e octoprobe)"
same 'octoprobe is installed if it is built' "$([ -x octoprobe ] && printf 'sbin/octoprobe\nshare/man/man8/octoprobe.8')" \
    "$(cd "$dir/dest/usr" && find . -name 'octoprobe*' | sed 's|^\./||' | LC_ALL=C sort)"
mv "$dir/dest" "$dir/moved"
installed=$dir/moved/usr

same 'the service runs preloaded' "$installed/lib/octoshim/liboctoshim.so" \
    "$("$installed/bin/octoshim-run" sh -c 'printf %s "$LD_PRELOAD"' 2>&1)"
said=$("$installed/bin/octoshim-run" --check /bin/true 2>&1)
same 'the doctor is found: exit code' 0 $?
has 'the doctor is found' 'loads here' "$said"
said=$(OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 "$installed/bin/octoshim-run" --check /bin/true 2>&1)
same 'where spans go: exit code' 0 $?
has 'where spans go' 'spans        go to http://collector:4318/v1/traces, http/protobuf' "$said"

for page in man1/octoshim-run.1 man7/octoshim.7; do
    same "$page is there" 0 "$([ -s "$installed/share/man/$page" ]; echo $?)"
done

mv "$dir/moved" "$dir/dest"
$make -s --no-print-directory uninstall DESTDIR="$dir/dest" PREFIX=/usr >"$dir/log" 2>&1
same 'nothing is left' '' "$(find "$dir/dest" -type f)"
