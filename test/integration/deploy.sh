#!/bin/sh
# Chaincodes on the devnet's channel: the network file's are deployed at the first start, redefined when the file changes,
# and left alone otherwise; others come by Fabric's own `peer`, where that is on the PATH. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-deploy.XXXXXX")
server=

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# the network file with the collections' paths made absolute, changed by sed
yaml() { sed -e "s#\.\./chaincode#$PWD/chaincode#" "$@" network/network.yaml >"$dir/network.yaml"; }
up() {
    : >"$dir/before"
    [ ! -f "$dir/net/log/devnet.log" ] || cp "$dir/net/log/devnet.log" "$dir/before"
    "$medsync" devnet up --dir "$dir/net" --network "$dir/network.yaml" --ports auto --detach "$@" >"$dir/out" 2>&1
}
down() { "$medsync" devnet down --dir "$dir/net" >/dev/null; }
said() { # text in the log since the last start
    tail -c "+$(($(wc -c <"$dir/before") + 1))" "$dir/net/log/devnet.log" | grep -qF -- "$1"
}
silent() { ! said "$1"; }
refuses() { # text
    ! up && grep -qF -- "$1" "$dir/out" || {
        sed 's/^/# /' "$dir/out"
        false
    }
}
packages() { find "$dir/net/packages/$1" -name '*.tar.gz' | wc -l | tr -d ' '; }
asks() { "$medsync" query --dir "$dir/net" consent Nothing 2>&1 | grep -q "unknown function"; }

yaml
orgs=$(grep -c '^    mspid: ' "$dir/network.yaml") chaincodes=$(grep -c '^    sequence: ' "$dir/network.yaml")
check "the network comes up" up
check "with every organisation's approval and all definitions" \
    said " $((orgs * chaincodes)) approvals and $chaincodes definitions committed"
check "in two blocks behind the genesis block" said " $chaincodes chaincodes, block 2;"
at_hospital=$(packages HospitalMSP) at_pharmacy=$(packages PharmacyMSP)
check "packages are where they run" [ "$at_hospital" -gt "$at_pharmacy" ]
check "a chaincode answers" asks
down
check "it starts again" up
check "and deploys nothing" silent "definitions committed"
down

yaml -e "0,/OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer')/s//OR('HospitalMSP.peer', 'ClinicMSP.peer')/"
check "another policy in the network file is taken" up
check "as the next definition of that chaincode" said " $orgs approvals and 1 definitions committed"
check "in two more blocks" said "block 4;"
check "the chaincode goes on" asks
down

yaml -e "0,/OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer')/s//OR('HospitalMSP.peer', 'ClinicMSP.peer')/" \
    -e '/name: consent/,/version/s/version: "1"/version: "2"/'
check "another version too" up
check "with a package of its own" [ "$(packages HospitalMSP) $(packages PharmacyMSP)" = "$((at_hospital + 1)) $at_pharmacy" ]
check "in two blocks again" said "block 6;"
down

echo '[]' >"$dir/none.json"
yaml -e "s#collections: .*ehr/collections.json#collections: $dir/none.json#"
check "what the channel's rules forbid is refused" refuses "does not contain previously defined collections"
yaml -e "0,/OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer')/s//OR('HospitalMSP.peer', 'ClinicMSP.peer')/" \
    -e '/name: consent/,/version/s/version: "1"/version: "2"/'
check "and leaves the channel as it was" up
check "with nothing to deploy" silent "definitions committed"

# ---- somebody else's chaincode, by Fabric's own command
if ! command -v peer >/dev/null || [ -z "${FABRIC_CFG_PATH:-}" ]; then
    echo "# SKIP Fabric's command: no peer on the PATH, or no FABRIC_CFG_PATH"
    finish
fi
down
guest=127.0.0.1:$("$build/test-support/host_client" ports 1)
check "a devnet that is told where a chaincode listens comes up" up --cc-address "guest=$guest"
address() { # name of a node
    sed -n "/\"name\": \"$1\"/,/}/s/.*\"address\": *\"\([^\"]*\)\".*/\1/p" "$dir/net/endpoints.json" | head -n 1
}
crypto=$dir/net/crypto
orderer="-o $(address 'orderer0[^"]*') --tls --cafile $(find "$crypto/ordererOrganizations" -path '*orderers/orderer0*tls/ca.crt')"
fabric() { # organisation, domain, arguments of peer...
    msp=$1 domain=$2
    shift 2
    CORE_PEER_TLS_ENABLED=true FABRIC_LOGGING_SPEC=error CORE_PEER_LOCALMSPID=$msp \
        CORE_PEER_MSPCONFIGPATH=$crypto/peerOrganizations/$domain/users/Admin@$domain/msp \
        CORE_PEER_ADDRESS=$(address "peer0.$domain") \
        CORE_PEER_TLS_ROOTCERT_FILE=$(find "$crypto/peerOrganizations/$domain/peers" -name ca.crt -path '*tls*') \
        peer "$@" 2>&1
}
hospital() { fabric HospitalMSP hospital.medsync.example "$@"; }
clinic() { fabric ClinicMSP clinic.medsync.example "$@"; }
pharmacy() { fabric PharmacyMSP pharmacy.medsync.example "$@"; }
manufacturer() { fabric ManufacturerMSP manufacturer.medsync.example "$@"; }
distributor() { fabric DistributorMSP distributor.medsync.example "$@"; }
majority="hospital clinic pharmacy manufacturer distributor"
says() { # text, command...
    text=$1
    shift
    "$@" >"$dir/out"
    grep -qF -- "$text" "$dir/out" || {
        sed 's/^/# /' "$dir/out"
        false
    }
}
peers() {
    for org in $majority; do
        printf ' --peerAddresses %s --tlsRootCertFiles %s' "$(address "peer0.$org.medsync.example")" \
            "$(find "$crypto/peerOrganizations/$org.medsync.example/peers" -name ca.crt -path '*tls*')"
    done
}
pack() { "$medsync" package guest_1 --address 127.0.0.1:9 --output "$dir/guest.tgz" >/dev/null; }
definition="-C medsync -n guest -v 1 --sequence 1 --signature-policy OR('HospitalMSP.peer')"
check "the deployed definitions are what peer reads" \
    says "Name: consent, Version: 2, Sequence: 3" hospital lifecycle chaincode querycommitted -C medsync
check "and every organisation has approved them" says "PharmacyMSP: true" \
    pharmacy lifecycle chaincode querycommitted -C medsync -n ehr
check "a package is made" pack
check "it is installed" hospital lifecycle chaincode install "$dir/guest.tgz"
check "once" says "chaincode already successfully installed" hospital lifecycle chaincode install "$dir/guest.tgz"
id=$(hospital lifecycle chaincode queryinstalled | sed -n 's/^Package ID: \(guest_1:[0-9a-f]*\), .*/\1/p')
check "it has an id" [ -n "$id" ]
for who in $majority; do
    check "$who approves" "$who" lifecycle chaincode approveformyorg $orderer $definition --package-id "$id"
done
check "it is committed" hospital lifecycle chaincode commit $orderer $definition $(peers)
check "an organisation without the package can't run it" \
    says "chaincode definition for 'guest' exists, but chaincode is not installed" \
    clinic chaincode query -C medsync -n guest -c '{"Args":["echo","hi"]}'
CHAINCODE_SERVER_ADDRESS=$guest CHAINCODE_ID=$id CHAINCODE_TLS_DISABLED=true "$build/bin/probe" >"$dir/probe.log" 2>&1 &
server=$!
check "the others' chaincode is dialled where it listens" says hi \
    hospital chaincode query -C medsync -n guest -c '{"Args":["echo","hi"]}'
finish
