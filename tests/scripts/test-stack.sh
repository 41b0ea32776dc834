#!/bin/sh
# octoshim-stack: the frames that it finds are those that binutils see, whatever way they are found; what it says where there
# are none; and that no sample makes it fail. With samples of a real program, and of Python's.
. tests/scripts/lib.sh

case $(uname -m) in
x86_64) ;;
*)
    echo 'test-stack.sh: the sampled program is for x86-64'
    exit 0
    ;;
esac

program=${STACK:-$tree/octoshim-stack}
python=/usr/bin/python3
flags='-O2 -fomit-frame-pointer -Wall -Wextra'
sample=$dir/sample
# What has been built of the C++ module is its own; what is called is found when it is loaded.
# shellcheck disable=SC2086
build() {
    "$cc" $flags -Iinclude "$@" tests/scripts/test-stack-sample.c
}
build -Wl,--build-id -o "$sample"
g++ $flags -shared -fPIC -Wl,--build-id -o "$dir/libshop.so" tests/scripts/test-stack-module.cc
build -rdynamic -o "$dir/with-module" -Wl,--no-as-needed -L"$dir" -lshop -Wl,-rpath,"$dir"

# leave CASE [BYTES]: a sample $dir/CASE; $pid is whose it was
leave() {
    pid=$("$sample" "$1" "$dir/$1" ${2:+"$2"})
}

# ask CASE [HOW]: see test-stack-ask.py
ask() {
    "$python" tests/scripts/test-stack-ask.py "$program" "$dir/$1" ${2:+"$2"} 2>&1
}

# the frames from the top to main
frames() {
    ask "$1" | sed '/^main$/q' | paste -sd ' '
}

# ── which functions ───────────────────────────────────────────────────────────────────────────────────

for case in plain end qsort signal altstack null data deep jit vdso; do
    leave $case
done
same 'calls' 'fault_here static_caller global_caller main' "$(frames plain)"
same 'to the outermost frame' '_start' "$(ask plain | tail -n 1)"
same 'without the frames of the innermost file' '__libc_start_call_main' "$(ask plain trim | head -n 1 | sed 's/^0x.*/__libc_start_call_main/')"
has 'through the C library' '__libc_start_main _start' "$(ask plain | paste -sd ' ')"
same 'a call at the end of a function' 'fault_here static_caller global_caller never_back before_the_end main' "$(frames end)"
has 'called by the C library' 'fault_here compare ' "$(frames qsort)"
has 'which the program has called' ' sorter main' "$(frames qsort)"
# What the trampoline is called stands only in the C library's debug symbols.
same 'a signal' 'fault_here on_usr1 SIGNAL interrupted main' \
    "$(frames signal | sed 's/on_usr1 [^ ]*/on_usr1 SIGNAL/')"
same 'a signal on a stack of its own' 'fault_here on_usr1 SIGNAL interrupted cut: the stack was sampled only so far' \
    "$(frames altstack | sed 's/on_usr1 [^ ]*/on_usr1 SIGNAL/')"
same 'in the vDSO: what called it' 'clock_gettime in_vdso main' "$(frames vdso | sed 's/^[^ ]* //')"
has 'in the vDSO' '"module": "[vdso]", "module_offset": "0x' "$(ask vdso whole | head -n 1)"
same 'a call of NULL' '0x0 bad_pointer main' "$(frames null)"
same 'a call of data: what called it' 'bad_pointer main' "$(frames data | sed 's/^0x[0-9a-f]* //')"
same 'deep recursion: frames of it' 1 "$([ "$(ask deep | grep -c '^deep$')" -gt 30 ]; echo $(($? == 0)))"
same 'deep recursion: cut, for want of room' 'cut: ' "$(ask deep | tail -n 1)"
leave plain 64
same 'a stack that is cut off' 'cut: the stack was sampled only so far' "$(ask plain | tail -n 1)"
leave plain

# ── where in them ─────────────────────────────────────────────────────────────────────────────────────

# As nm(1), readelf(1) and addr2line(1) see it.
"$python" - "$program" "$dir/plain" "$sample" >"$dir/said" 2>&1 <<'PYTHON'
import importlib, subprocess, sys
sys.path.insert(0, "tests/scripts")
stack = importlib.import_module("test-stack-ask")
program, sample, binary = sys.argv[1:]
run = lambda *words: subprocess.run(words, capture_output=True, text=True, check=True).stdout
start = {line.split()[2]: int(line.split()[0], 16) for line in run("nm", "--defined-only", binary).splitlines()}
answer = stack.ask(program, open(sample, "rb").read())[0]
found, *_ = stack.check(answer)
build_id = run("readelf", "-n", binary).split("Build ID: ")[1].split()[0]
own = [frame for frame in found if frame["module"] == binary]
assert len(own) == 5, own
for at, frame in enumerate(own):
    address = int(frame["module_offset"], 16)
    assert address == start[frame["function"]] + frame["offset"], frame
    assert frame["build_id"] == build_id, frame
    seen = run("addr2line", "-f", "-e", binary, hex(address - (at > 0))).split()[0]
    assert seen == frame["function"], (seen, frame)
print("as binutils see it")
PYTHON
same 'offsets, module, build ID' 'as binutils see it' "$(cat "$dir/said")"
leave qsort
cp "$dir/qsort" "$dir/first"
leave qsort
same 'the same frames have the same number' "$(ask first id)" "$(ask qsort id)"
same 'others have another' 1 "$([ "$(ask plain id)" != "$(ask qsort id)" ]; echo $(($? == 0)))"

# ── symbols that were stripped ────────────────────────────────────────────────────────────────────────

cp "$sample" "$dir/whole"
whole=$(ask plain | wc -l)
strip "$sample"
leave plain
same 'stripped: where, but no names' '0x' "$(ask plain | head -n 1 | cut -c 1-2)"
same 'stripped: the chain is whole' "$whole" "$(ask plain | wc -l)"
id=$(readelf -n "$dir/whole" | sed -n 's/.*Build ID: //p')
debug=/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)
if [ "$(id -u)" -eq 0 ]; then
    made=$([ -d "$debug" ] || echo yes)
    mkdir -p "$debug"
    objcopy --only-keep-debug "$dir/whole" "$debug/$(echo "$id" | cut -c 3-).debug"
    same 'stripped, with the names in a file of their own' 'fault_here static_caller global_caller main' "$(frames plain)"
    rm "$debug/$(echo "$id" | cut -c 3-).debug"
    [ -z "$made" ] || rmdir "$debug"
fi
mv "$dir/whole" "$sample"

# ── modules ───────────────────────────────────────────────────────────────────────────────────────────

"$dir/with-module" module "$dir/module" >/dev/null
in_cart='shop::Cart<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > >::add('
has 'C++ names' "$in_cart" "$(ask module)"
has 'through the module' 'in_module main ' "$(ask module | paste -sd ' ')"
cp "$dir/libshop.so" "$dir/saved.so"
cp "$dir/libshop.so" "$dir/new.so"
mv "$dir/new.so" "$dir/libshop.so"
has 'a module that was replaced: its frame' "\"module\": \"$dir/libshop.so\", \"module_offset\": \"0x" "$(ask module whole)"
has 'a module that was replaced: why no more' 'cut: libshop.so was replaced or deleted since it was loaded' "$(ask module)"
same 'a module that was replaced: no names of it' 0 "$(ask module | grep -c Cart)"
rm "$dir/libshop.so"
has 'a module that was deleted' 'cut: libshop.so was replaced or deleted since it was loaded' "$(ask module)"
sed -i "s|$dir/libshop.so|& (deleted)|" "$dir/module"
has 'a module that was deleted before' 'cut: libshop.so was replaced or deleted since it was loaded' "$(ask module)"
has 'a module that was deleted before: its path' "\"module\": \"$dir/libshop.so\", " "$(ask module whole)"
mkfifo "$dir/libshop.so"
sed -i "s|$dir/libshop.so (deleted)|$dir/libshop.so|" "$dir/module"
has 'a module that is no file any more' 'cut: libshop.so cannot be read' "$(ask module)"
rm "$dir/libshop.so"
mv "$dir/saved.so" "$dir/libshop.so"

# ── code of a JIT compiler ────────────────────────────────────────────────────────────────────────────

leave jit
map=/tmp/perf-$pid.map
same 'JIT: no map' 'fault_here static_caller global_caller ADDRESS jitted main' \
    "$(frames jit | sed 's/caller 0x[0-9a-f]*/caller ADDRESS/')"
cp "$dir/jit.map" "$map"
same 'JIT: the newest line' \
    '{"function": "LazyCompile:*render /srv/app main.js:12:7", "offset": 6, "module": "[jit]"}' "$(ask jit whole | grep jit | head -n 1)"
first_number=$(ask jit id)
leave jit
rm "$map"
map=/tmp/perf-$pid.map
cp "$dir/jit.map" "$map"
same 'JIT: the same number, wherever it lies' "$first_number" "$(ask jit id)"
chmod o+w "$map"
same 'JIT: a map that anyone may write is not believed' 0 "$(ask jit | grep -c render)"
chmod o-w "$map"
if [ "$(id -u)" -eq 0 ]; then
    chown 65532 "$map"
    same "JIT: another user's map is not believed" 0 "$(ask jit | grep -c render)"
fi
rm "$map"
ln -s "$dir/jit.map" "$map"
same 'JIT: a link is not followed' 0 "$(ask jit | grep -c render)"
rm "$map"
mkfifo "$map"
same 'JIT: a FIFO is not waited for' 0 "$(ask jit | grep -c render)"
rm "$map"

# ── without libunwind ─────────────────────────────────────────────────────────────────────────────────

mkdir "$dir/none"
: >"$dir/none/libunwind-x86_64.so.8"
leave plain
same 'no libunwind' 'fault_here cut: libunwind-x86_64.so.8 cannot be loaded' \
    "$(LD_LIBRARY_PATH=$dir/none ask plain | paste -sd ' ')"
# What needs no CFI is found all the same.
leave null
same 'no libunwind: a call of NULL' '0x0 bad_pointer cut: libunwind-x86_64.so.8 cannot be loaded' \
    "$(LD_LIBRARY_PATH=$dir/none ask null | paste -sd ' ')"

# ── how it is called ──────────────────────────────────────────────────────────────────────────────────

has '--version' 'octoshim-stack 0.' "$("$program" --version)"
has '--help' 'usage: octoshim-stack' "$("$program" --help)"
said=$("$program" 2>&1 </dev/null)
same 'by hand: exit code' 64 $?
has 'by hand' 'liboctoshim.so starts it' "$said"
same 'needs no more than the C library' 'libc.so.6' \
    "$(readelf -d "$program" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v ld-linux | paste -sd ' ')"

# ── samples that are not what they should be ──────────────────────────────────────────────────────────

: >"$dir/empty"
"$python" - "$program" "$dir/plain" >"$dir/said" 2>&1 <<'PYTHON'
import importlib, signal, socket, struct, subprocess, sys, time
sys.path.insert(0, "tests/scripts")
stack = importlib.import_module("test-stack-ask")
program, name = sys.argv[1:]
sample = open(name, "rb").read()

def reason(sample):
    answer, code, _, said = stack.ask(program, sample)
    assert code == 0 and not said, (code, said)
    found, cut, why, _ = stack.check(answer)
    return f"{len(found)} {cut} {why}"

def changed(at, format, value):
    return sample[:at] + struct.pack(format, value) + sample[at + struct.calcsize(format):]

# A fault of its own, before it has got anything.
ours, theirs = socket.socketpair()
child = subprocess.Popen([program], stdin=theirs)
theirs.close()
while "SigCgt:\t0000000000000000" in open(f"/proc/{child.pid}/status").read():
    time.sleep(0.01)
time.sleep(0.1)
child.send_signal(signal.SIGSEGV)
found, cut, why, _ = stack.check(ours.recv(10000))
print(len(found), cut, why, child.wait())
print(reason(b""))
print(reason(sample[:100]))
print(reason(sample[:stack.HEAD.size + 50]))
print(reason(changed(0, "=I", 9)))
print(reason(changed(4, "=I", 40)))
print(reason(changed(24, "=Q", 1)))
print(reason(changed(16, "=I", 0)))
print(reason(changed(16, "=I", 3)))
print(reason(changed(20, "=I", 0)))
PYTHON
same 'what is wrong with a sample' '0 1 octoshim-stack itself failed 0
0 1 the sample is cut off
0 1 the sample is cut off
0 1 the sample is cut off
0 1 the sample is of version 9, octoshim-stack of 1
0 1 the sample is of another kind of processor
0 1 the sample lacks the instruction pointer or the stack pointer
0 1 
3 1 
0 1 ' "$(cat "$dir/said")"

# ── an attendant ──────────────────────────────────────────────────────────────────────────────────────

same 'whom an attendant serves, as what, and how long it stays' '' \
    "$("$python" -B tests/scripts/test-stack-attend.py "$program" "$dir/plain" 2>&1)"

"$cc" -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE -Iinclude -o "$dir/sanitized" \
    scripts/stack/*.c -l:libelf.a -l:libz.a -l:libjansson.a -ldl
for case in plain qsort signal null jit deep altstack; do
    leave $case
done
"$dir/with-module" module "$dir/module" >/dev/null
(cd "$dir" && PYTHONPATH=$tree/tests/scripts "$python" "$tree/tests/scripts/test-stack-fuzz.py" "$dir/sanitized" 2000 \
    plain qsort signal null jit deep altstack module) >"$dir/said" 2>"$dir/err" || cat "$dir/err"
same 'damaged samples' '0 of 2000 bad, some frames' "$(cat "$dir/said")"
grep '^round' "$dir/err"
(cd "$dir" && PYTHONPATH=$tree/tests/scripts "$python" "$tree/tests/scripts/test-stack-fuzz.py" "$program" 1000 \
    plain qsort signal null jit deep altstack module) >"$dir/said" 2>"$dir/err" || cat "$dir/err"
same 'damaged samples, as it is built' '0 of 1000 bad, some frames' "$(cat "$dir/said")"
grep '^round' "$dir/err"
true
