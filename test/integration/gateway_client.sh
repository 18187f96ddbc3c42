#!/bin/sh
# A client at a devnet's gateway: signatures made elsewhere, events taken up again at a checkpoint. Prints TAP.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
scratch=$(mktemp -d) || exit 1
trap '"$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

"$build/bin/medsync" devnet up --dir "$scratch/net" --ports auto --detach --network test/support/two_orgs/network.yaml \
    >"$scratch/up.log" 2>&1 || {
    echo "not ok 1 - the network comes up"
    sed 's/^/#   /' "$scratch/up.log"
    exit 1
}
"$build/test-support/gateway_client" --net "$scratch/net"
