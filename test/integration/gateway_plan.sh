#!/bin/sh
# A gateway that chooses the endorsers goes on to others when one fails or answers otherwise, as Fabric's does: two of three
# organisations have to endorse, and the gateway's own is always asked first. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-plan.XXXXXX")
trap '"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
export WAYWARD=1

org() { # number, site
    cat <<END
  - name: Org$1
    mspid: Org$1MSP
    domain: org$1.test
    peer: {name: peer0, address: 127.0.0.1:${1}7051}
    sites: [{gln: "$2", type: office, region: DE-BE}]
    users: [{name: Admin, kind: admin, role: admin, uid: admin$1, site: "$2"}, {name: User1, role: clerk, uid: user$1, site: "$2"}]
END
}
{
    cat <<END
channel: ch
batch: {timeout_ms: 20, max_message_count: 100, absolute_max_bytes: 10485760, preferred_max_bytes: 2097152}
orderer: {name: Orderer, mspid: OrdererMSP, domain: orderer.test, node: o1, address: 127.0.0.1:7050}
organisations:
END
    org 1 4012345000016
    org 2 4012345001013
    org 3 4012345002010
    cat <<END
chaincodes:
  - name: wayward
    version: "1"
    sequence: 1
    policy: OutOf(2,'Org1MSP.peer','Org2MSP.peer','Org3MSP.peer')
    organisations: [Org1, Org2, Org3]
END
} >"$dir/network.yaml"

up() {
    "$medsync" devnet up --dir "$dir/net" --ports auto --network "$dir/network.yaml" --bin "$build/test-support" --detach >"$dir/out" 2>&1 && return 0
    sed 's/^/# /' "$dir/out"
    return 1
}
# The gateway is Org1's.
invoke() { "$medsync" invoke --dir "$dir/net" --org Org1MSP --user User1 --json "$@" >"$dir/out" 2>&1; }
passes() { invoke "$@" || { sed 's/^/# /' "$dir/out"; return 1; }; }
refused() { # text, text, call...
    text=$1 another=$2
    shift 2
    if invoke "$@"; then
        echo "# it was endorsed"
        return 1
    fi
    { grep -qF -- "$text" "$dir/out" && grep -qF -- "$another" "$dir/out"; } || { sed 's/^/# /' "$dir/out"; return 1; }
}

check "three organisations come up" up || finish
check "two of them endorse" passes wayward steady
check "one that refuses is passed over" passes wayward refuse_in Org2MSP
check "... the last one as well" passes wayward refuse_in Org3MSP
check "one that answers otherwise is passed over" passes wayward differ_in Org2MSP
check "nothing is left when both others refuse" refused '"mspId":"Org2MSP","message":"chaincode response 500' \
    '"mspId":"Org3MSP","message":"chaincode response 500' wayward refuse_in Org2MSP Org3MSP
check "... or answer otherwise" refused "failed to collect enough transaction endorsements" \
    "ProposalResponsePayloads do not match" wayward differ_in Org2MSP Org3MSP
check "the gateway's own is asked first, and there is no other of its organisation" refused \
    '"details":[{"address"' '"mspId":"Org1MSP","message":"chaincode response 500, not here"}]' wayward refuse_in Org1MSP
check "organisations that the client names aren't replaced" refused '"details":[{"address"' \
    '"mspId":"Org2MSP","message":"chaincode response 500, not here"}]' --endorse Org1MSP,Org2MSP wayward refuse_in Org2MSP
finish
