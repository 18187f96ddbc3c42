#!/bin/sh
# Fabric's own `peer` command, unchanged, against the embedded network: channels, the whole lifecycle, chaincode, system
# chaincodes, and configuration updates where configtxlator is there too. Takes both from PATH. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
command -v peer >/dev/null || skip_all "no peer command in PATH"
bin=$(pwd)/${BUILD:-build/release}/bin
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-peer.XXXXXX")
chaincode=

cleanup() {
    [ -n "$chaincode" ] && kill "$chaincode" 2>/dev/null
    "$bin/medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    "$bin/medsync" devnet down --dir "$dir/again" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

network=test/support/networks/two.yaml
cat >"$dir/core.yaml" <<'YAML'
peer:
  BCCSP: {Default: SW, SW: {Hash: SHA2, Security: 256}}
  client: {connTimeout: 60s}
YAML
cat >"$dir/collections.json" <<'JSON'
[{"name": "colA", "policy": "OR('AMSP.member','BMSP.member')", "requiredPeerCount": 0, "maxPeerCount": 1,
  "blockToLive": 0, "memberOnlyRead": true, "memberOnlyWrite": true},
 {"name": "colB", "policy": "OR('BMSP.member')", "requiredPeerCount": 0, "maxPeerCount": 1, "blockToLive": 0,
  "memberOnlyRead": true}]
JSON

export FABRIC_CFG_PATH="$dir" FABRIC_LOGGING_SPEC=error CORE_PEER_TLS_ENABLED=true
# a peer that was built without its version is told from the other by what it can do
fabric=2.5
peer lifecycle chaincode checkcommitreadiness --help 2>&1 | grep -q -- --inspect && fabric=3.1
echo "# as Fabric $fabric"

if ! "$bin/medsync" devnet up --dir "$dir/net" --network $network --ports auto --fabric $fabric --detach \
    >"$dir/up" 2>&1; then
    sed 's/^/# /' "$dir/up"
    check "the network comes up" false
    finish
fi

# ---- who asks whom
endpoint() { # jq-less: the address of a peer by its MSP id, or of the first orderer
    tr -d ' \n' <"$dir/net/endpoints.json" | sed 's/[{}]/\n/g' | grep "\"mspId\":\"$1\"" | sed 's/.*"address":"\([^"]*\)".*/\1/; q'
}
crypto=$dir/net/crypto
orderer=$(endpoint OrdererMSP)
orderer_ca=$crypto/ordererOrganizations/orderer.test/orderers/o1/tls/ca.crt
[ -f "$orderer_ca" ] || orderer_ca=$(ls -d "$crypto"/ordererOrganizations/orderer.test/orderers/*/tls/ca.crt)

as() { # organisation (A, B), user
    domain=$(echo "$1" | tr AB ab).test
    CORE_PEER_LOCALMSPID=$1MSP
    CORE_PEER_ADDRESS=$(endpoint "$1MSP")
    CORE_PEER_TLS_ROOTCERT_FILE=$crypto/peerOrganizations/$domain/tlsca/tlsca.$domain-cert.pem
    CORE_PEER_MSPCONFIGPATH=$crypto/peerOrganizations/$domain/users/$2@$domain/msp
    export CORE_PEER_LOCALMSPID CORE_PEER_ADDRESS CORE_PEER_TLS_ROOTCERT_FILE CORE_PEER_MSPCONFIGPATH
}
ordered() { "$@" -o "$orderer" --tls --cafile "$orderer_ca"; }
both() { # with both peers as endorsers
    "$@" --peerAddresses "$(endpoint AMSP)" --tlsRootCertFiles "$crypto/peerOrganizations/a.test/tlsca/tlsca.a.test-cert.pem" \
        --peerAddresses "$(endpoint BMSP)" --tlsRootCertFiles "$crypto/peerOrganizations/b.test/tlsca/tlsca.b.test-cert.pem"
}

# ---- channels
as A Admin
check "channel list names the channel" prints trial peer channel list
check "channel getinfo tells the height" prints '"height":1' peer channel getinfo -c trial
check "channel getinfo of another channel is refused" refused "Invalid chain ID" peer channel getinfo -c nochannel
check "channel fetch 0 from a peer" peer channel fetch 0 "$dir/0.block" -c trial
check "channel fetch 0 from the orderer" ordered peer channel fetch 0 "$dir/genesis.block" -c trial
check "channel fetch newest" peer channel fetch newest "$dir/newest.block" -c trial
check "channel fetch config" ordered peer channel fetch config "$dir/config.block" -c trial
check "the newest configuration is the genesis block" cmp -s "$dir/genesis.block" "$dir/config.block"
check "a block that is not there is refused" refused "NOT_FOUND" peer channel fetch 7 "$dir/7.block" -c trial

# ---- lifecycle
mkdir -p "$dir/node"
echo '{"name": "x", "version": "1.0.0"}' >"$dir/node/package.json"
check "lifecycle package" peer lifecycle chaincode package "$dir/node.tar.gz" --lang node --path "$dir/node" --label node_1
port=$("$bin/../test-support/host_client" ports 1)
id=$("$bin/medsync" package probe_1 --address "127.0.0.1:$port" --output "$dir/probe.tar.gz")
check "calculatepackageid agrees with ours" prints "$id" peer lifecycle chaincode calculatepackageid "$dir/probe.tar.gz"
check "install" peer lifecycle chaincode install "$dir/probe.tar.gz"
check "installing it again is refused" refused "chaincode already successfully installed (package ID '$id')" \
    peer lifecycle chaincode install "$dir/probe.tar.gz"
check "queryinstalled" prints "Package ID: $id, Label: probe_1" peer lifecycle chaincode queryinstalled
check "getinstalledpackage" peer lifecycle chaincode getinstalledpackage --package-id "$id" --output-directory "$dir"
check "which is what was installed" cmp -s "$dir/probe.tar.gz" "$dir/$id.tar.gz"
as A user1
check "only administrators install" refused "is not an admin" peer lifecycle chaincode install "$dir/node.tar.gz"
as B Admin
check "install at the other organisation" peer lifecycle chaincode install "$dir/probe.tar.gz"

definition() { # command...
    "$@" -C trial -n probe -v 1 --sequence 1 --collections-config "$dir/collections.json" \
        --signature-policy "OR('AMSP.peer','BMSP.peer')"
}
readiness() { definition peer lifecycle chaincode checkcommitreadiness -O json; }
check "nobody has approved" prints '"BMSP": false' readiness
approve() { definition ordered peer lifecycle chaincode approveformyorg --package-id "$id"; }
commit() { definition both ordered peer lifecycle chaincode commit; }
check "approveformyorg" approve
check "one organisation has" prints '"BMSP": true' readiness
check "the other has not" prints '"AMSP": false' readiness
check "a commit without its approval is refused" refused "chaincode definition not agreed to by this org (AMSP)" commit
as A Admin
check "approveformyorg at the other" approve
check "queryapproved" prints '"sequence": 1' peer lifecycle chaincode queryapproved -C trial -n probe -O json
check "both have" prints '"AMSP": true' readiness
check "commit" commit
check "querycommitted" prints "Version: 1, Sequence: 1, Endorsement Plugin: escc, Validation Plugin: vscc" \
    peer lifecycle chaincode querycommitted -C trial -n probe
check "querycommitted of all" prints '"name": "probe"' peer lifecycle chaincode querycommitted -C trial -O json

# ---- chaincode
CHAINCODE_SERVER_ADDRESS=127.0.0.1:$port CHAINCODE_ID=$id "$bin/probe" >"$dir/probe.log" 2>&1 &
chaincode=$!
query() { peer chaincode query -C trial -n "$@"; }
invoke() { ordered both peer chaincode invoke -C trial -n probe --waitForEvent "$@"; }
as A user1
check "query" prints hello query probe -c '{"Args":["echo","hello"]}'
check "a chaincode's refusal" refused 'message:"no such patient"' \
    query probe -c '{"Args":["error","no such patient"]}'
check "a status of its own" refused 'message:"not found"' \
    query probe -c '{"Args":["status","404","not found","b"]}'
check "invoke --waitForEvent" prints "committed with status (VALID)" env FABRIC_LOGGING_SPEC=info \
    peer chaincode invoke -C trial -n probe --waitForEvent -o "$orderer" --tls --cafile "$orderer_ca" \
    --peerAddresses "$CORE_PEER_ADDRESS" --tlsRootCertFiles "$CORE_PEER_TLS_ROOTCERT_FILE" \
    -c '{"Args":["run","[\"PutState\",\"a\",\"1\"]"]}'
check "what was written is read" prints '["31"]' query probe -c '{"Args":["run","[\"GetState\",\"a\"]"]}'
check "invoke with transient data, private data and an event" invoke --transient '{"secret":"cGhp"}' \
    -c '{"Args":["run","[\"GetTransient\"]","[\"PutPrivateData\",\"colA\",\"p\",\"phi\"]","[\"SetEvent\",\"made\",\"x\"]"]}'
check "private data of a member are read" prints '["706869"]' \
    query probe -c '{"Args":["run","[\"GetPrivateData\",\"colA\",\"p\"]"]}'
check "those of others are not" prints "does not have read access permission" \
    query probe -c '{"Args":["run","[\"GetPrivateData\",\"colB\",\"p\"]"]}'
check "an invoke that the chaincode refuses" refused 'message:"refused"' \
    invoke -c '{"Args":["error","refused"]}'
check "a chaincode that is not defined" refused "make sure the chaincode nosuch has been successfully defined on channel trial" \
    query nosuch -c '{"Args":["x"]}'
check "a channel that is not there" refused "channel 'nochannel' not found" \
    peer chaincode query -C nochannel -n probe -c '{"Args":["x"]}'

# ---- system chaincodes
check "qscc GetChainInfo" prints 1220 query qscc -c '{"Args":["GetChainInfo","trial"]}' --hex
check "qscc GetBlockByNumber" prints 0a4608011220 query qscc -c '{"Args":["GetBlockByNumber","trial","1"]}' --hex
check "qscc GetTransactionByID of none" refused "no such transaction ID [none] in index" \
    query qscc -c '{"Args":["GetTransactionByID","trial","none"]}'
check "cscc GetChannelConfig" prints "$(printf LifecycleEndorsement | od -An -tx1 | tr -d ' \n')" \
    query cscc -c '{"Args":["GetChannelConfig","trial"]}' --hex

# ---- a configuration update
update() { # makes $dir/update.pb: one more anchor peer for A
    peer channel fetch config "$dir/c.block" -c trial &&
        configtxlator proto_decode --input "$dir/c.block" --type common.Block --output "$dir/c.json" &&
        configtxlator proto_decode --input "$dir/c.block" --type common.Block |
        python3 -c '
import json, sys
config = json.load(sys.stdin)["data"]["data"][0]["payload"]["data"]["config"]
json.dump(config, open(sys.argv[1] + "/old.json", "w"))
config["channel_group"]["groups"]["Application"]["groups"]["A"]["values"]["AnchorPeers"] = {
    "mod_policy": "Admins", "value": {"anchor_peers": [{"host": "elsewhere", "port": 7051}]}}
json.dump(config, open(sys.argv[1] + "/new.json", "w"))' "$dir" &&
        configtxlator proto_encode --input "$dir/old.json" --type common.Config --output "$dir/old.pb" &&
        configtxlator proto_encode --input "$dir/new.json" --type common.Config --output "$dir/new.pb" &&
        configtxlator compute_update --channel_id trial --original "$dir/old.pb" --updated "$dir/new.pb" \
            --output "$dir/u.pb" &&
        printf '{"payload":{"header":{"channel_header":{"channel_id":"trial","type":2}},"data":{"config_update":%s}}}' \
            "$(configtxlator proto_decode --input "$dir/u.pb" --type common.ConfigUpdate)" >"$dir/e.json" &&
        configtxlator proto_encode --input "$dir/e.json" --type common.Envelope --output "$dir/update.pb"
}
if command -v configtxlator >/dev/null && command -v python3 >/dev/null; then
    as A Admin
    check "an update is computed from the fetched configuration" update
    as B Admin
    check "another organisation's administrator may not" refused "BAD_REQUEST" \
        ordered peer channel update -f "$dir/update.pb" -c trial
    as A Admin
    check "channel signconfigtx" peer channel signconfigtx -f "$dir/update.pb"
    check "channel update" ordered peer channel update -f "$dir/update.pb" -c trial
    check "once" refused "BAD_REQUEST" ordered peer channel update -f "$dir/update.pb" -c trial
    check "the new configuration is fetched" ordered peer channel fetch config "$dir/config.block" -c trial
    check "and has it" grep -q elsewhere "$dir/config.block"
    check "transactions go on" invoke -c '{"Args":["run","[\"PutState\",\"a\",\"2\"]"]}'
else
    n=$((n + 1))
    echo "ok $n - channel update # SKIP no configtxlator or python3 in PATH"
fi

# ---- TLS certificates of clients
"$bin/medsync" devnet down --dir "$dir/net" >/dev/null
check "the network goes on with --client-auth" prints ready \
    "$bin/medsync" devnet up --dir "$dir/net" --network $network --ports auto --client-auth --detach
as A user1
orderer=$(endpoint OrdererMSP)
tls=$crypto/peerOrganizations/a.test/users/user1@a.test/tls
without() { CORE_PEER_CLIENT_CONNTIMEOUT=500ms query probe -c '{"Args":["echo","hello"]}'; }
check "who shows none is refused" refused "Error: " without
export CORE_PEER_TLS_CLIENTAUTHREQUIRED=true CORE_PEER_TLS_CLIENTCERT_FILE="$tls/client.crt" \
    CORE_PEER_TLS_CLIENTKEY_FILE="$tls/client.key"
bound() { ordered "$@" --clientauth --certfile "$tls/client.crt" --keyfile "$tls/client.key"; }
check "a query with one" prints hello query probe -c '{"Args":["echo","hello"]}'
check "an invoke that waits for its event" \
    bound both peer chaincode invoke -C trial -n probe --waitForEvent -c '{"Args":["run","[\"PutState\",\"a\",\"3\"]"]}'
check "a block of the peer" peer channel fetch newest "$dir/newest.block" -c trial
check "and one of the orderer" bound peer channel fetch 0 "$dir/bound.block" -c trial
unset CORE_PEER_TLS_CLIENTAUTHREQUIRED CORE_PEER_TLS_CLIENTCERT_FILE CORE_PEER_TLS_CLIENTKEY_FILE

# ---- the same consortium as somebody else's
"$bin/medsync" devnet down --dir "$dir/net" >/dev/null
check "its keys and genesis block make the same network elsewhere" prints ready "$bin/medsync" devnet up --dir "$dir/again" \
    --crypto "$crypto" --genesis "$dir/genesis.block" --ports auto --detach --fabric $fabric
mv "$dir/net/endpoints.json" "$dir/net/old.json" 2>/dev/null
cp "$dir/again/endpoints.json" "$dir/net/endpoints.json"
as A Admin
orderer=$(endpoint OrdererMSP)
check "which answers" prints '"height":1' peer channel getinfo -c trial
check "from the orderer as well" ordered peer channel fetch 0 "$dir/genesis2.block" -c trial
check "with the same block" cmp -s "$dir/genesis.block" "$dir/genesis2.block"
finish
