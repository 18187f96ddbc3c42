#!/bin/sh
# Service discovery, which clients older than the gateway ask: the channel's configuration, its peers, and who can endorse a
# call. The same questions go to real Fabric where its orderer and peer are on PATH, and get the same answers; Fabric's own
# `discover` asks the devnet where it is. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync client=$build/test-support/discovery_client
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-discovery.XXXXXX")

cleanup() {
    "$medsync" devnet down --dir "$dir/devnet" >/dev/null 2>&1
    "$medsync" fabric down --dir "$dir/fabric" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# the devnet is what the peer on PATH is; the releases print a call differently
like=3.1 open='{' close='}'
if command -v peer >/dev/null 2>&1 && ! peer lifecycle chaincode checkcommitreadiness --help 2>&1 | grep -q -- --inspect; then
    like=2.5 open='<' close=' > '
fi
up() { # devnet or fabric, options
    kind=$1
    shift
    "$medsync" "$kind" up --dir "$dir/$kind" --network test/support/two_orgs/network.yaml --ports auto --detach "$@" \
        >"$dir/up" 2>&1 && return
    sed 's/^/# /' "$dir/up"
    false
}
net=$dir/devnet
says() { # expected lines, arguments of discovery_client...
    printf '%s\n' "$1" >"$dir/wanted"
    shift
    "$client" "$net" "$@" 2>&1 | sed 's/height [0-9]*/height N/' >"$dir/out"
    cmp -s "$dir/wanted" "$dir/out" && return
    diff "$dir/wanted" "$dir/out" | sed 's/^/# /'
    false
}
with() { # NAME=VALUE, command...
    (export "${1?}" && shift && "$@")
}

questions() { # where
    all='bench/1 probe/1 _lifecycle/1'
    check "$1: membership services and orderers, as the channel has them" says \
        'msp OrdererMSP is OrdererMSP: 1 roots, 1 TLS roots, NodeOUs
msp Org1MSP is Org1MSP: 1 roots, 1 TLS roots, NodeOUs
msp Org2MSP is Org2MSP: 1 roots, 1 TLS roots, NodeOUs
orderer OrdererMSP 127.0.0.1 and a port' Org1 User1 config
    check "$1: the channel's peers, where they are and what they have" says \
        "peer Org1MSP at its address, height N: $all
peer Org2MSP at its address, height N: $all" Org1 User1 peers
    check "$1: asked by another organisation, at its own peer" says \
        "peer Org1MSP at its address, height N: $all
peer Org2MSP at its address, height N: $all" Org2 User1 peers
    check "$1: those that may see a collection" says \
        "peer Org1MSP at its address, height N: $all
peer Org2MSP none" Org1 User1 peers=probe:colB
    check "$1: those that have a chaincode that nobody has" says \
        'error No metadata was found for chaincode nope in channel ch' Org1 User1 peers=nope
    check "$1: either may endorse" says 'endorse probe: Org1MSP
endorse probe: Org2MSP' Org1 User1 endorsers=probe
    check "$1: both have to" says 'endorse bench: Org1MSP Org2MSP' Org1 User1 endorsers=bench
    check "$1: one chaincode calls the other" says 'endorse probe: Org1MSP Org2MSP' Org1 User1 endorsers=probe,bench
    check "$1: a collection that both may see" says 'endorse probe: Org1MSP
endorse probe: Org2MSP' Org1 User1 endorsers=probe:colA
    check "$1: a collection with a policy of its own" says 'endorse probe: Org1MSP' Org1 User1 endorsers=probe:colB
    check "$1: ... that is only written" says 'endorse probe: Org1MSP' Org1 User1 endorsers=probe:colB!
    check "$1: the lifecycle's own" says 'endorse _lifecycle: Org1MSP Org2MSP' Org1 User1 endorsers=_lifecycle
    check "$1: a chaincode that is not there" says \
        "error failed constructing descriptor for chaincodes:${open}name:\"nope\"$close" Org1 User1 endorsers=nope
    check "$1: a collection that is not there" says \
        "error failed constructing descriptor for chaincodes:${open}name:\"probe\" collection_names:\"nope\"$close" Org1 User1 endorsers=probe:nope
    check "$1: a question for nothing" says 'error chaincode query must have at least one chaincode interest' Org1 User1 endorsers
    check "$1: several at once" says "endorse bench: Org1MSP Org2MSP
endorse probe: Org1MSP
endorse probe: Org2MSP
error failed constructing descriptor for chaincodes:${open}name:\"nope\"$close" Org1 User1 endorsers=probe endorsers=nope endorsers=bench
    check "$1: a question of no kind" says 'error unknown or missing request type' Org1 User1 nothing
    check "$1: peers of no channel, for an administrator" with CHANNEL= says 'peer Org1MSP at its address
peer Org2MSP at its address' Org1 Admin local
    check "$1: ... and nobody else" with CHANNEL= says 'error access denied' Org1 User1 local
    check "$1: ... and not of a channel" says 'error unknown or missing request type' Org1 Admin local
    check "$1: no question of a channel without one" with CHANNEL= says 'error unknown or missing request type' Org1 Admin peers
    check "$1: another channel" with CHANNEL=other says 'error access denied' Org1 User1 peers
    check "$1: a signature over something else" with FORGE=1 says 'error access denied' Org1 User1 peers
    check "$1: without an identity" with NOBODY=1 says \
        "end $2access denied, client identity wasn't supplied" Org1 User1 peers
    check "$1: without a word of who asks" with BARE=1 says \
        "end $2access denied, no authentication info in request" Org1 User1 peers
}

check "the devnet comes up, as Fabric $like" up devnet --fabric $like || finish
said=$(with BARE=1 "$client" "$net" Org1 User1 peers | sed -n 's/^end \(.*\)access denied.*/\1/p')
questions devnet "$said"

# ---- Fabric's own command
if command -v discover >/dev/null 2>&1; then
    org=$net/crypto/peerOrganizations/org1.test user=$net/crypto/peerOrganizations/org1.test/users/User1@org1.test
    address=$(tr -d ' \n' <"$net/endpoints.json" | sed 's/[{}]/\n/g' | sed -n '/"mspId":"Org1MSP"/ { s/.*"address":"\([^"]*\)".*/\1/p; q }')
    ask() {
        discover --peerTLSCA "$org/tlsca/tlsca.org1.test-cert.pem" --userKey "$(ls "$user"/msp/keystore/*)" \
            --userCert "$(ls "$user"/msp/signcerts/*)" --MSP Org1MSP "$@" --server "$address" --channel ch
    }
    check "discover peers" prints "\"Endpoint\": \"$address\"" ask peers
    check "discover config" prints '"OrdererMSP"' ask config
    check "discover endorsers" prints '"quantities_by_group"' ask endorsers --chaincode bench
    check "discover endorsers of nothing" refused 'failed constructing descriptor' ask endorsers --chaincode nope
else
    check "Fabric's discover # SKIP it is not on PATH" true
fi

# ---- real Fabric, the same questions
if command -v orderer >/dev/null 2>&1 && command -v peer >/dev/null 2>&1; then
    net=$dir/fabric
    check "real Fabric comes up" up fabric || finish
    known() { # its peers hear of each other and of the chaincodes within seconds
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            [ "$("$client" "$net" Org1 User1 peers | grep -c 'bench/1 probe/1 _lifecycle/1')" = 2 ] &&
                [ "$("$client" "$net" Org2 User1 peers | grep -c 'bench/1 probe/1 _lifecycle/1')" = 2 ] && return
            sleep 1
        done
        "$client" "$net" Org1 User1 peers | sed 's/^/# /'
        false
    }
    check "its peers know each other" known
    questions "Fabric" "$said"
else
    check "real Fabric # SKIP orderer and peer are not on PATH" true
fi
finish
