#!/bin/sh
# A real peer follows the devnet's orderer: it comes to the same codes and commit hashes as the devnet, block by block, and
# its blocks are the devnet's to the byte. Takes `peer`, and its core.yaml from FABRIC_CFG_PATH. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
command -v peer >/dev/null || skip_all "no peer in PATH"
[ -f "${FABRIC_CFG_PATH:-/nowhere}/core.yaml" ] || skip_all "no core.yaml in FABRIC_CFG_PATH"
medsync=$(pwd)/${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-follow.XXXXXX")
node=
# shellcheck disable=SC2046 # a word each
set -- $("${BUILD:-build/release}/test-support/host_client" ports 6)
orderer=127.0.0.1:$1 ours_a=127.0.0.1:$2 ours_b=127.0.0.1:$3 address=127.0.0.1:$4 chaincodes=127.0.0.1:$5 operations=127.0.0.1:$6

cleanup() {
    [ -n "$node" ] && kill "$node" 2>/dev/null && wait "$node" 2>/dev/null
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fabric=2.5
peer lifecycle chaincode checkcommitreadiness --help 2>&1 | grep -q -- --inspect && fabric=3.1
echo "# as Fabric $fabric"
# the peer is A's: it is no member of the collection, and waits for nobody's private data
cat >"$dir/collections.json" <<'JSON'
[{"name": "colB", "policy": "OR('BMSP.member')", "requiredPeerCount": 0, "maxPeerCount": 1, "blockToLive": 2}]
JSON
sed -e "s/127.0.0.1:7050/$orderer/; s/127.0.0.1:7051/$ours_a/; s/127.0.0.1:8051/$ours_b/" \
    -e "s/^chaincodes:.*/chaincodes: [{name: probe, version: '1', sequence: 1, policy: \"OR('AMSP.peer', 'BMSP.peer')\", collections: collections.json, organisations: [A, B]}]/" \
    test/support/networks/two.yaml >"$dir/two.yaml"
up() {
    "$medsync" devnet up --dir "$dir/net" --network "$dir/two.yaml" --fabric $fabric --batch-timeout 200 --detach >"$dir/out" 2>&1 && return
    sed 's/^/# /' "$dir/out"
    false
}
check "the devnet comes up" up || finish

crypto=$dir/net/crypto
own=$(ls -d "$crypto"/peerOrganizations/a.test/peers/*)
orderer_ca=$(ls "$crypto"/ordererOrganizations/orderer.test/orderers/*/tls/ca.crt)
export CORE_PEER_TLS_ENABLED=true CORE_PEER_LOCALMSPID=AMSP FABRIC_LOGGING_SPEC=error
env CORE_PEER_ID=follower CORE_PEER_MSPCONFIGPATH="$own/msp" CORE_PEER_ADDRESS=$address CORE_PEER_LISTENADDRESS=$address \
    CORE_PEER_GOSSIP_BOOTSTRAP=$address CORE_PEER_GOSSIP_ENDPOINT=$address CORE_PEER_GOSSIP_ORGLEADER=true \
    CORE_PEER_GOSSIP_USELEADERELECTION=false CORE_PEER_CHAINCODELISTENADDRESS=$chaincodes \
    CORE_PEER_CHAINCODEADDRESS=$chaincodes CORE_OPERATIONS_LISTENADDRESS=$operations \
    CORE_PEER_TLS_CERT_FILE="$own/tls/server.crt" CORE_PEER_TLS_KEY_FILE="$own/tls/server.key" \
    CORE_PEER_TLS_ROOTCERT_FILE="$own/tls/ca.crt" CORE_PEER_FILESYSTEMPATH="$dir/peer" \
    CORE_LEDGER_SNAPSHOTS_ROOTDIR="$dir/snapshots" CORE_VM_ENDPOINT= peer node start >"$dir/peer.log" 2>&1 &
node=$!
as_admin() { # address, command...
    at=$1
    shift
    CORE_PEER_ADDRESS=$at CORE_PEER_MSPCONFIGPATH=$crypto/peerOrganizations/a.test/users/Admin@a.test/msp \
        CORE_PEER_TLS_ROOTCERT_FILE=$crypto/peerOrganizations/a.test/tlsca/tlsca.a.test-cert.pem "$@"
}
joins() {
    as_admin $address peer channel fetch 0 "$dir/0.block" -c trial -o "$orderer" --tls --cafile "$orderer_ca" \
        >"$dir/out" 2>&1 || return 1
    tries=0
    until as_admin $address peer channel join -b "$dir/0.block" >"$dir/out" 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 240 ] && kill -0 "$node" && sleep 0.25 || return 1
    done
}
check "a peer of Fabric joins its channel" joins || finish

# Valid ones; readers of the same key and walkers of the same range in one block, of whom one wins; keys that are deleted;
# private data that ends after two blocks.
run() { # step...
    for step; do
        steps="[\"$(echo "$step" | sed 's/ /","/g')\"]"
        "$medsync" invoke --dir "$dir/net" --user user1 --org A probe run "$steps" >>"$dir/runs" 2>&1 || return 1
    done
}
traffic() {
    for i in 1 2 3 4 5 6; do
        run "PutState row$i v$i" || return 1
    done
    run "PutPrivateData colB secret s1" || return 1
    # five rounds, and more until some have come into one block, which on a slow machine takes its luck
    round=0
    while [ $round -lt 5 ] || ! grep -q "MVCC_READ_CONFLICT" "$dir/net/log/devnet.log"; do
        round=$((round + 1))
        [ $round -le 60 ] || return 1
        for i in 1 2 3 4; do
            "$medsync" invoke --dir "$dir/net" --user user1 --org A probe run '["GetState","row1"]' \
                '["GetStateByRange","row","rox"]' "[\"PutState\",\"row1\",\"$round-$i\"]" >>"$dir/runs" 2>&1 &
            eval "job$i=$!"
        done
        # shellcheck disable=SC2154
        wait "$job1" "$job2" "$job3" "$job4"
        run "DelState row$round" || return 1
    done
}
check "transactions of all kinds, some of which conflict" traffic || sed 's/^/# /' "$dir/runs" | tail -5
height() { as_admin "$1" peer channel getinfo -c trial 2>/dev/null | sed -n 's/.*"height":\([0-9]*\).*/\1/p'; }
ours=$(height "$ours_a")
catches_up() {
    tries=0
    until [ "$(height $address)" = "$ours" ]; do
        tries=$((tries + 1))
        [ $tries -lt 240 ] && kill -0 "$node" && sleep 0.25 || return 1
    done
}
check "the peer follows up to block $((ours - 1))" catches_up
same() {
    i=0
    while [ $i -lt "$ours" ]; do
        as_admin "$ours_a" peer channel fetch $i "$dir/a" -c trial >"$dir/out" 2>&1 || return 1
        as_admin $address peer channel fetch $i "$dir/b" -c trial >"$dir/out" 2>&1 || return 1
        # metadata's third and last slots are each peer's own: codes, and the commit hash
        cmp "$dir/a" "$dir/b" >"$dir/out" || {
            echo "# block $i: $(cat "$dir/out")"
            return 1
        }
        i=$((i + 1))
    done
}
check "every block, its codes and its commit hash are the same to the byte" same
finish
