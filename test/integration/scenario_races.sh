#!/bin/sh
# Transactions that meet in a block, and clients whose clocks are wrong, on a devnet. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=$PWD/${BUILD:-build/release}
export MEDSYNC=$build/bin/medsync
case ${TMPDIR-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # $network is words
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-races.XXXXXX")
network="$PWD/test/scenario/network.sh devnet $dir"
trap '$network down; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

if nm "$MEDSYNC" 2>/dev/null | grep -q __asan_init; then
    skip_all "a sanitizer must be the first library, and the later clock would be"
fi
$network up 2>"$dir/err" || {
    check "the network comes up" false || sed 's/^/# /' "$dir/err"
    finish
}
"$build/test-support/scenario" --net "$dir/net" --network "$network" --races yes
