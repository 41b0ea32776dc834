#!/bin/sh
# scripts/setup installs what is missing and nothing else. apt-get, dpkg-query and npm are played by stand-ins that
# write down how they were called.
. tests/scripts/lib.sh

mkdir -p "$dir/bin" "$dir/tree/scripts" "$dir/tree/tests/service"
cp scripts/setup "$dir/tree/scripts"
cat >"$dir/tree/scripts/packages.txt" <<'EOF'
# a remark
build gcc sh
build libfoo-dev
demo present
test tool no-such-command
EOF
echo '{}' >"$dir/tree/tests/service/package.json"
echo '{}' >"$dir/tree/tests/service/package-lock.json"

stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"$dir/bin/$1"
    chmod 755 "$dir/bin/$1"
}
stand_in dpkg-query 'for package; do :; done
case $package in present) echo ii ;; *) exit 1 ;; esac'
stand_in apt-get '[ -x "$OCTOSHIM_POLICY_RC_D" ] && ! "$OCTOSHIM_POLICY_RC_D" && forbidden=yes
echo "apt-get $*, servers forbidden: ${forbidden:-no}" >>'"$dir/calls"
stand_in npm 'echo "npm $*" >>'"$dir/calls"'
mkdir -p node_modules && echo {} >node_modules/.package-lock.json'
stand_in sudo 'exec "$@"'
PATH=$dir/bin:$PATH
OCTOSHIM_POLICY_RC_D=$dir/policy-rc.d
export PATH OCTOSHIM_POLICY_RC_D

# calls WHAT WANTED PURPOSE...: what is called for these purposes
calls() {
    what=$1 wanted=$2
    shift 2
    : >"$dir/calls"
    "$dir/tree/scripts/setup" "$@" >"$dir/out" 2>&1
    same "$what: exit code" 0 $?
    same "$what" "$wanted" "$(cat "$dir/calls")"
    same "$what: servers may be started again" 1 "$([ -e "$OCTOSHIM_POLICY_RC_D" ]; echo $?)"
}

update='apt-get update -q, servers forbidden: yes'
install='apt-get install -y -q --no-install-recommends'
npm='npm ci --no-audit --no-fund --ignore-scripts --loglevel=error'
calls build "$update
$install libfoo-dev, servers forbidden: yes" build
calls 'demo: nothing is missing' '' demo
calls all "$update
$install libfoo-dev tool, servers forbidden: yes
$npm"
stand_in dpkg-query 'echo ii'
calls 'again: nothing to do' ''
sleep 0.02
touch "$dir/tree/tests/service/package-lock.json"
calls 'npm packages are out of date' "$npm" test

stand_in dpkg-query 'exit 1'
stand_in apt-get 'exit 100'
"$dir/tree/scripts/setup" build >"$dir/out" 2>&1
same 'apt-get fails: so does setup' 1 "$(($? != 0))"
same 'and servers may be started again' 1 "$([ -e "$OCTOSHIM_POLICY_RC_D" ]; echo $?)"
echo 'of the machine' >"$OCTOSHIM_POLICY_RC_D"
"$dir/tree/scripts/setup" build >"$dir/out" 2>&1
same "the machine's own policy is left alone" 'of the machine' "$(cat "$OCTOSHIM_POLICY_RC_D")"
