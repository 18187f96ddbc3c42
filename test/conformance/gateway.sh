#!/bin/sh
# What a gateway says to requests of all kinds, most of them wrong, beside what the gateways of Fabric 3.1.5 and 2.5.16 said
# to the same requests (gateway/<version>.txt). Prints TAP.
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
scratch=$(mktemp -d) || exit 1
trap '"$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

same() { # file, file
    diff "$1" "$2" >"$scratch/diff" && return 0
    sed 's/^/#   /' "$scratch/diff" | head -n 40
    return 1
}

up() { # Fabric's version
    "$build/bin/medsync" devnet up --dir "$scratch/net" --ports auto --detach --network test/support/two_orgs/network.yaml \
        --fabric "$1" >"$scratch/up.log" 2>&1 && return 0
    sed 's/^/#   /' "$scratch/up.log"
    return 1
}

# what Fabric's gateways had before they were asked: keys whose policies are none
policies() {
    "$build/bin/medsync" invoke --dir "$scratch/net" --org Org1 --user User1 probe run \
        '["PutState","unread","v"]' '["SetStateValidationParameter","unread","ff"]' \
        '["PutState","unruled","v"]' '["SetStateValidationParameter","unruled","0800"]' >/dev/null
}

for recorded in test/conformance/gateway/v*.txt; do
    version=$(basename "$recorded" .txt)
    rm -rf "$scratch/net"
    check "$version: the devnet starts" up "$(echo "$version" | sed 's/^v\([0-9]*\.[0-9]*\).*/\1/')"
    check "$version: keys get policies that are none" policies
    "$build/conformance/ask" --net "$scratch/net" >"$scratch/said" 2>&1
    check "$version: the gateway says what Fabric's says, $(grep -c '^[^ ]' "$recorded") requests" same "$recorded" "$scratch/said"
    "$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1
done
sed 's/no such patient/no such person/' "$recorded" >"$scratch/altered"
check 'a difference is noticed' eval '! diff "$scratch/altered" "$scratch/said" >/dev/null'
finish
