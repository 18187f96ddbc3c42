#!/bin/sh
# steps.sh [COUNT]: how long people wait for the steps of daily care, on a devnet and, where Fabric's orderer and peer are on
# PATH, on real Fabric, one after the other; or on the network of STEPS_DIR, where everybody is registered.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
medsync=$build/bin/medsync
count=${1:-40}

if [ -n "${STEPS_DIR:-}" ]; then
    exec "$build/bench/steps" "$STEPS_DIR" "$count"
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-steps.XXXXXX")
kind=devnet
trap '"$medsync" $kind down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

measure() { # name, words of medsync that start the network
    echo "$1"
    shift
    "$medsync" "$@" --dir "$dir/net" --detach --ports auto --batch-timeout 10 >/dev/null
    "$medsync" setup --dir "$dir/net" >/dev/null
    "$build/bench/steps" "$dir/net" "$count"
    "$medsync" "$kind" down --dir "$dir/net" >/dev/null
    rm -rf "$dir/net"
}
measure devnet devnet up
if command -v orderer >/dev/null 2>&1 && command -v peer >/dev/null 2>&1; then
    kind=fabric
    measure "Fabric $(peer version | sed -n 's/^ *Version: *v*//p')" fabric up
else
    echo "real Fabric: orderer and peer are not on PATH"
fi
