# What the tests of the scripts share; sourced by each. Work in $dir, which is removed at the end.
# shellcheck shell=sh

tree=$(pwd -P)
# shellcheck disable=SC2034 # for those that source it
run=$tree/scripts/octoshim-run
cc=${CC:-cc}
dir=$(mktemp -d)
failures=0
checks=0
unset LD_PRELOAD OCTOSHIM_LIB OCTOSHIM_DISABLE OCTOSHIM_CONFIG OCTOSHIM_INCLUDE OCTOSHIM_EXCLUDE

finish() {
    status=$?
    rm -rf "$dir"
    [ $status -eq 0 ] || failures=$((failures + 1))
    printf '%s: %s checks, %s failed\n' "${0##*/}" $checks $failures
    [ $failures -eq 0 ] || exit 1
}
trap finish EXIT

# same WHAT WANTED FOUND
same() {
    checks=$((checks + 1))
    if [ "$2" != "$3" ]; then
        failures=$((failures + 1))
        printf '%s: %s\n  wanted: %s\n  found:  %s\n' "${0##*/}" "$1" "$2" "$3"
    fi
}

# has WHAT PART TEXT: the text holds the part
has() {
    checks=$((checks + 1))
    case $3 in
    *"$2"*) ;;
    *)
        failures=$((failures + 1))
        printf '%s: %s\n  wanted: ...%s...\n  found:  %s\n' "${0##*/}" "$1" "$2" "$3"
        ;;
    esac
}

# compile TO CODE [FLAGS...]
compile() {
    to=$1
    code=$2
    shift 2
    printf '%s\n' "$code" | "$cc" -x c - -x none -o "$to" "$@"
}
