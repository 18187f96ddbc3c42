#!/bin/sh
# The scenario on real Fabric: nine organisations' peers and an orderer of the release in PATH. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=$PWD/${BUILD:-build/release}
export MEDSYNC=$build/bin/medsync
command -v orderer >/dev/null && command -v peer >/dev/null || skip_all "no orderer and peer in PATH"
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-scenario-fabric.XXXXXX")
network="$PWD/test/scenario/network.sh fabric $dir"
trap '$network down; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

$network up 2>"$dir/err" || {
    check "the network comes up" false || sed 's/^/# /' "$dir/err"
    finish
}
"$build/test-support/scenario" --net "$dir/net" --network "$network" --words "$dir/words"
