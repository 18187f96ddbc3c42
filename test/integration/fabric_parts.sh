#!/bin/sh
# The parts of a network for containers and other machines, without Fabric or Docker: what `medsync fabric prepare` writes, for
# whom, and that docker-compose.yaml has the same nodes and ports as network.yaml. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-parts.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

prepare() { "$medsync" fabric prepare "$@" >"$dir/out" 2>&1; }
says() { grep -qF -- "$1" "$dir/out" || {
    sed 's/^/# /' "$dir/out"
    return 1
}; }
part=$dir/parts/hospital.medsync.example
check "parts are written" prepare --dir "$dir/net" --parts "$dir/parts" --fabric 2.5
check "one for each organisation and the orderers" [ "$(ls "$dir/parts" | wc -l)" = 10 ]
check "a peer's start has its names" grep -qx "export CORE_PEER_ADDRESS='peer0.hospital.medsync.example:7051'" "$part/peer0/start"
check "and is for nobody else to read" [ "$(stat -c %a "$part/peer0/start" "$part/peer0/tls/server.key" "$part/chaincodes/tls/server.key" | sort -u)" = 600 ]
grep '^export' "$part/peer0/start" >"$part/peer0/env"
check "what the builder fills in is whole after the shell has read it" sh -c \
    '. "$1"; printf %s "$CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG" | grep -q "BEGIN PRIVATE KEY.*chaincodes.hospital.medsync.example:7052"' - "$part/peer0/env"
rm "$part/peer0/env"
check "2.5 is not told of a filter that it lacks" sh -c '! grep -q TimeWindowCheck "$1"' - "$part/peer0/core.yaml"
check "the host of its chaincodes can be checked but for where it lies" grep -q 'address: 0.0.0.0:7052' "$part/chaincodes/fcc-host.yaml"

# every private key that is in a part is that of its own peer, orderer or chaincode server
keys_of() { find "$1" -type f -exec grep -l "PRIVATE KEY" {} + | sed "s|^$1/||" | sort | tr '\n' ' '; }
check "an organisation's part has its peer's and its chaincode server's keys" [ "$(keys_of "$part")" = \
    "chaincodes/tls/server.key peer0/msp/keystore/priv_sk peer0/start peer0/tls/server.key " ]
same_key() { cmp -s "$part/peer0/msp/keystore/priv_sk" "$dir/net/crypto/peerOrganizations/hospital.medsync.example/peers/peer0.hospital.medsync.example/msp/keystore/priv_sk"; }
check "and they are its own" same_key

sum() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }
sum "$dir/net" >"$dir/net.before"
sum "$dir/parts" >"$dir/parts.before"
check "a second time" prepare --dir "$dir/net" --parts "$dir/parts" --fabric 2.5
unchanged() { sum "$dir/net" | cmp -s - "$dir/net.before" && sum "$dir/parts" | cmp -s - "$dir/parts.before"; }
check "changes nothing" unchanged
check "for 3.1" prepare --dir "$dir/net" --parts "$dir/parts" --fabric 3.1.5
check "the filter is there" grep -q TimeWindowCheck "$part/peer0/core.yaml"

# one organisation: its keys, of the others what is public
mkdir "$dir/own"
cp -r "$dir/net/crypto" "$dir/net/genesis.block" "$dir/own"
find "$dir/own/crypto" -type f \( -name '*.key' -o -name priv_sk \) ! -path '*/hospital.medsync.example/*' -delete
check "an organisation makes its part of its own keys" prepare --org Hospital --dir "$dir/own" --parts "$dir/mine"
check "which is the same" diff -r "$dir/mine/hospital.medsync.example" "$part"
check "and no other" [ "$(ls "$dir/mine")" = hospital.medsync.example ]
refuses_clinic() { ! prepare --org Clinic --dir "$dir/own" --parts "$dir/mine" && says clinic.medsync.example; }
check "another's part it cannot make, and is told which file it lacks" refuses_clinic
refuses_nobody() { ! prepare --org Nobody --dir "$dir/own" && says "names no organisation Nobody"; }
check "nor one of nobody" refuses_nobody
refuses_release() { ! prepare --fabric 1.4 --dir "$dir/own" && says "must be a release"; }
check "nor for a release that there is no support of" refuses_release

# the inspectorate comes by an update
check "a newcomer is not in the first block" sh -c '! grep -qa InspectorMSP "$1" && grep -qa HospitalMSP "$1"' - "$dir/net/genesis.block"

# the same block, made apart from the parts, for those who have no more than what is public
find "$dir/own/crypto" -name '*.key' -delete -o -name priv_sk -delete
genesis() { "$medsync" channel genesis --by-name --crypto "$dir/own/crypto" --output "$dir/genesis.block" >"$dir/out" 2>&1; }
check "who has nobody's keys can make the first block" genesis
check "of the founders, by their names" sh -c \
    '! grep -qa InspectorMSP "$1" && grep -qa orderer2.orderer.medsync.example:9050 "$1" && [ "$(wc -c <"$1")" = "$(wc -c <"$2")" ]' - \
    "$dir/genesis.block" "$dir/net/genesis.block"

# docker-compose.yaml says the same
"$medsync" fabric endpoints --dir "$dir/net"
pairs() { tr -d ' \n' <"$dir/net/endpoints.json" | grep -o '"name":"[^"]*","address":"[^"]*"' | sed 's/"name":"\([^"]*\)","address":"\([^"]*\)"/\1 \2/' | sort -u; }
composed() {
    awk '/^  [a-z0-9.]*medsync.example:$/ { sub(":", "", $1); name = $1 }
         /^    ports:/ { split($0, part, "\""); split(part[2], port, ":"); print name, port[1] ":" port[2] }' docker-compose.yaml | sort -u
}
pairs >"$dir/pairs"
composed >"$dir/composed"
check "docker-compose.yaml has network.yaml's nodes and ports" diff "$dir/pairs" "$dir/composed"
check "and a host of chaincodes for each organisation" [ "$(grep -c '^  chaincodes\..*medsync.example:$' docker-compose.yaml)" = \
    "$(grep -c '^peer' "$dir/pairs")" ]
finish
