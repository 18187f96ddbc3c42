#!/bin/sh
# What Fabric's `peer` command does against a channel, done by medsync alone: packages, approvals and commits with their
# refusals, an upgrade, a chaincode in a process of its own, blocks from peers and orderer, configuration updates. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-lifecycle.XXXXXX")
server=

cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

network=test/support/networks/two.yaml
cat >"$dir/collections.json" <<'JSON'
[{"name": "colA", "policy": "OR('AMSP.member','BMSP.member')", "requiredPeerCount": 0, "maxPeerCount": 1,
  "blockToLive": 0, "memberOnlyRead": true, "memberOnlyWrite": true}]
JSON

m() { # command, options...
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@"
}

if ! "$medsync" devnet up --dir "$dir/net" --network $network --ports auto --detach >"$dir/up" 2>&1; then
    sed 's/^/# /' "$dir/up"
    check "the network comes up" false
    finish
fi

# ---- blocks
check "the peer's channels" prints trial m channel list
check "how high the channel is" prints "height    1" m channel info
check "its configuration, which is in the genesis block" m channel config --output "$dir/config.pb"
check "and nowhere without a file" refused "--output says where to" m channel config
check "the genesis block is shown" prints CONFIG m block genesis
check "a peer's block into a file" m block 0 --output "$dir/peer.block"
check "the orderer's block into a file" m block genesis --orderer --output "$dir/orderer.block"
check "the newest configuration is in the genesis block" m block config --orderer --output "$dir/config.block"
check "and the same bytes" cmp -s "$dir/orderer.block" "$dir/config.block"
check "a block that is not there is refused by the peer" refused "there is no block 7" m block 7
check "and by the orderer" refused "there is no block 7" m block 7 --orderer
check "a transaction that is not there is refused" refused "no such transaction ID [none] in index" m block --tx none
check "what is no block is refused" refused "must be a number, newest, genesis or config" m block soon

# ---- packages
port=$("$build/test-support/host_client" ports 1)
id=$("$medsync" package probe_1 --address "127.0.0.1:$port" --output "$dir/probe.tar.gz")
check "nothing is installed" prints '"installed":[]' m lifecycle installed --json
check "what is no package is refused" refused "E-STAT-02" m lifecycle install "$dir/collections.json"
check "a file that is not there is refused" refused "E-CLI-01" m lifecycle install "$dir/nothing"
check "install tells the package's id" prints "$id" m lifecycle install "$dir/probe.tar.gz"
check "installing it again is refused" refused "chaincode already successfully installed (package ID '$id')" \
    m lifecycle install "$dir/probe.tar.gz"
check "only administrators install" refused "E-NET-04 peer0.a.test (AMSP) refused with 500: Failed to authorize" \
    m lifecycle install --org A --user user1 "$dir/probe.tar.gz"
check "it is installed" prints "$id" m lifecycle installed
check "and given back" m lifecycle installed "$id" --output "$dir/again.tar.gz"
check "as it was" cmp -s "$dir/probe.tar.gz" "$dir/again.tar.gz"
check "the other organisation has it not" prints '"installed":[]' m lifecycle installed --org B --json

# ---- approvals and commits
define() { # step, sequence, more options...
    step=$1 sequence=$2
    shift 2
    m lifecycle "$step" probe --version "v$sequence" --sequence "$sequence" --collections "$dir/collections.json" "$@"
}
both="OR('AMSP.peer','BMSP.peer')"
check "a policy that is none is refused" refused "E-NET-06" define ready 1 --policy "OR('AMSP.peer'"
check "collections that are not there are refused" refused "E-CLI-01" \
    m lifecycle ready probe --version 1 --sequence 1 --collections "$dir/nothing.json"
check "a definition without its sequence is refused" refused "needs --version and --sequence" \
    m lifecycle approve probe --version 1
check "nobody has approved" prints '"AMSP":false,"BMSP":false' define ready 1 --policy "$both" --json
check "a sequence that is not the next one is refused" refused "requested sequence 2 is larger than the next available sequence number 1" \
    define approve 2 --policy "$both"
check "approve" define approve 1 --policy "$both" --package-id "$id"
check "approving the same again is refused" refused "with unchanged content" \
    define approve 1 --policy "$both" --package-id "$id"
check "one organisation is ready" prints '"AMSP":true,"BMSP":false' define ready 1 --policy "$both" --json
check "and a commit is too early" refused "chaincode definition not agreed to by this org (BMSP)" \
    define commit 1 --policy "$both"
check "even with the endorsement of one" refused "ENDORSEMENT_POLICY_FAILURE" define commit 1 --policy "$both" --endorse A
check "the other approves something else" define approve 1 --org B --policy "OR('AMSP.peer')"
check "which counts for nothing" prints '"BMSP":["ValidationInfo"]' define ready 1 --policy "$both" --json
check "approve what the first one has" define approve 1 --org B --policy "$both"
check "what an organisation has approved" prints "\"packageId\":\"$id\"" m lifecycle approved probe --json
check "the other approved without a package" [ "$(m lifecycle approved probe --org B --json | grep -c packageId)" = 0 ]
check "nothing is committed yet" refused "namespace probe is not defined" m lifecycle committed probe
check "commit" prints "committed probe 1" define commit 1 --policy "$both"
check "it is committed" prints "probe version v1, sequence 1, with collections" m lifecycle committed
check "with both approvals" prints '"approvals":{"AMSP":true,"BMSP":true}' m lifecycle committed probe --json
check "a second commit of it is refused" refused "requested sequence is 1, but new definition must be sequence 2" \
    define commit 1 --policy "$both"
check "the newest block has it" prints "_lifecycle CommitChaincodeDefinition  VALID" m block newest

# ---- the chaincode
check "before its process runs it cannot be called" refused "E-" m query --org A probe echo hello
CHAINCODE_SERVER_ADDRESS=127.0.0.1:$port CHAINCODE_ID=$id "$build/bin/probe" >"$dir/probe.log" 2>&1 &
server=$!
answers() { # the process may still be starting
    for _ in $(seq 300); do
        [ "$(m query --org A --user user1 probe echo hello 2>/dev/null)" = hello ] && return
        sleep 0.2
    done
    false
}
check "query" answers
check "the chaincode's refusal" refused "the chaincode refused with 500: no such patient" \
    m query --org A --user user1 probe error "no such patient"
check "invoke, with transient and private data" prints '"validation":"VALID"' m invoke --json --org A --user user1 \
    --transient secret=phi probe run '["GetTransient"]' '["PutPrivateData","colA","p","phi"]' '["PutState","a","1"]'
check "what was written is read" prints '["31"]' m query --org A --user user1 probe run '["GetState","a"]'
check "private data too" prints '["706869"]' m query --org A --user user1 probe run '["GetPrivateData","colA","p"]'
check "the organisation without a package cannot answer" refused "no peers available to evaluate chaincode probe in channel trial" \
    m query --endorse B --org B probe echo hello
txid=$(m invoke --json --org A --user user1 probe run '["PutState","a","2"]' | sed 's/.*"txId":"\([0-9a-f]*\)".*/\1/')
check "the block of a transaction is found by its id" prints "$txid  AMSP  probe run  VALID" m block --tx "$txid"
hash=$(m block newest --json | sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/')
check "and by its hash" prints "$txid" m block --hash "$hash" --org B
check "what is private is in no block" [ "$(m block --tx "$txid" | grep -c phi)" = 0 ]

# ---- an upgrade
check "the next definition has the next sequence" refused "requested sequence 3 is larger than the next available sequence number 2" \
    define approve 3 --policy "$both"
check "approve the upgrade" define approve 2 --init-required --package-id "$id"
check "a commit of it is too early" refused "chaincode definition not agreed to by this org (BMSP)" \
    define commit 2 --init-required
check "approve it at the other" define approve 2 --init-required --org B --package-id "$id"
check "commit it" define commit 2 --init-required --org B
check "it is the definition now" prints "probe version v2, sequence 2, init required, with collections" m lifecycle committed
check "which it installs" prints "$id" m lifecycle install --org B "$dir/probe.tar.gz"
check "a call before it is initialised is refused" refused "has not been initialized for this version, must call as init first" \
    m invoke --org A --user user1 probe run '["PutState","a","3"]'
check "the call that initialises it" m invoke --init --org A --user user1 probe run '["PutState","a","3"]'
check "and the next one" m invoke --org A --user user1 probe run '["PutState","a","4"]'
check "a second initialisation is refused" refused "is already initialized but called as init" \
    m invoke --init --org A --user user1 probe run '["PutState","a","5"]'

# ---- configuration updates
sed -e 's/AMSP/CMSP/; s/BMSP/DMSP/; s/a\.test/c.test/; s/b\.test/d.test/; s/name: A$/name: C/; s/name: B$/name: D/' \
    $network >"$dir/second.yaml"
orderer=OrdererMSP=$(ls -d "$dir"/net/crypto/ordererOrganizations/orderer.test/users/Admin@*)/msp
update() { "$build/test-support/update_channel" "$dir/net" "$@"; }
before=$(m block newest --json | sed 's/.*"number":\([0-9]*\),.*/\1/')
check "the orderer's settings are not an organisation's to change" refused "BAD_REQUEST" update batch 7 A
check "its own administrator changes them" prints "$((before + 1))" update batch 7 "$orderer"
check "an update that changes nothing is refused" refused "no differences detected" update batch 7 "$orderer"
stranger() { # evaluates, as somebody of the organisation that is to be added
    m query --msp-dir "$dir/second/peerOrganizations/d.test/users/Admin@d.test/msp" --mspid DMSP --gateway A probe echo hello
}
check "one organisation's signature adds none" refused "BAD_REQUEST" update add "$dir/second.yaml" "$dir/second" D A
check "who is in none is refused" refused "E-" stranger
check "both add one" prints "$((before + 2))" update add "$dir/second.yaml" "$dir/second" D A B
check "which is in the configuration" prints "$((before + 2))" m block config --orderer
check "and whose members are let in" prints hello stranger
check "its approval is asked for now" prints '"DMSP":false' define ready 3 --json
check "transactions go on" m invoke --org A --user user1 probe run '["PutState","a","6"]'
finish
