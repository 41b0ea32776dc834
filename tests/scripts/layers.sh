#!/bin/sh
# scripts/lint-layers: silent on a good tree, notices each kind of violation.
. tests/scripts/lib.sh

# plant FILE LINE: a tree with one more line
plant() {
    rm -rf "$dir/tree"
    for room in base proto event export conn hook; do
        mkdir -p "$dir/tree/shim/$room"
        printf '#include <string.h>\n#include "%s/own.h"\n#include "own.h"\n#include "octoshim/record.h"\n' \
            $room >"$dir/tree/shim/$room/good.c"
    done
    printf '#include "conn/x.h"\n#include "export/x.h"\n#include "event/x.h"\n' >>"$dir/tree/shim/hook/good.c"
    printf '#include "export/x.h"\n#include "proto/x.h"\n#include "base/x.h"\n' >>"$dir/tree/shim/conn/good.c"
    if [ $# -gt 0 ]; then
        mkdir -p "$dir/tree/${1%/*}"
        printf '%s\n' "$2" >>"$dir/tree/$1"
    fi
    said=$(scripts/lint-layers "$dir/tree" 2>&1)
}

plant
same 'a good tree' "0 " "$? $said"
refused() {
    plant "$1" "$2"
    same "$1 with $2" 1 $?
    has "$1 with $2" "$3" "$said"
}
refused shim/base/bad.c '#include "event/ring.h"' 'shim/base/bad.c:1: base may not know event'
refused shim/proto/bad.h '#include "event/ring.h"' 'proto may not know event'
refused shim/event/bad.c '  #  include "proto/framer.h"' 'event may not know proto'
refused shim/export/good.c '#include "conn/conn.h"' 'shim/export/good.c:5: export may not know conn'
refused shim/conn/bad.c '#include "hook/call.h"' 'conn may not know hook'
refused shim/hook/bad.def '#include "../conn/conn.h"' 'name the room, no path'
refused shim/hook/bad.c '#include "utils/list.h"' 'not a room of the plan'
refused shim/utils/bad.c 'int x;' 'not a room of the plan'
mkdir -p "$dir/none/shim"
scripts/lint-layers "$dir/none" 2>/dev/null
same 'an empty tree is no success' 1 $?
