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
check "one for each organisation, the orderers, and two custodians" [ "$(ls "$dir/parts" | wc -l)" = 12 ]
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
custodian=$dir/parts/custodian.hospital.medsync.example/custodian
user=crypto/peerOrganizations/hospital.medsync.example/users/custodian1@hospital.medsync.example
check "its custodian's has that user's and the custody key" [ "$(keys_of "$custodian")" = \
    "$user/msp/keystore/priv_sk $user/tls/client.key custody/HospitalMSP.key " ]
check "for nobody else to read" [ -z "$(find "$custodian" \( -name '*.key' -o -name priv_sk \) -perm /077)" ]
check "and whom it may answer: members of every organisation" [ "$(ls "$custodian/crypto/peerOrganizations" | wc -l)" = 9 ]
check "others are told its name in the containers' network" grep -q '"address": "custodian.hospital.medsync.example:7060"' \
    "$dir/net/custodians/HospitalMSP.json"
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

# an orderer's renewed certificate: the channel has its full name, the network file an address of one machine. In a copy, as
# the first block is made once more below, and a renewed certificate may be some bytes longer
mkdir "$dir/renewed"
cp -r "$dir/net/crypto" "$dir/renewed"
renewed() { # NODE, words of the answer
    "$medsync" channel update create --dir "$dir/renewed" --config "$dir/net/genesis.block" --orderer "$1" --output "$dir/o.pb" \
        >"$dir/out" 2>&1
    says "$2"
}
check "an orderer's certificate is renewed" "$medsync" certs rotate --dir "$dir/renewed" orderer0.orderer.medsync.example >/dev/null
check "and goes into an update of the channel" renewed orderer0.orderer.medsync.example "have it signed"
check "by the name's first part too" renewed orderer0 "have it signed"
check "another name is none" renewed orderer01 "names no orderer orderer01"

# several at once: a job that is started again while it runs
at_once() {
    all=
    for i in 1 2 3; do
        "$medsync" fabric prepare --dir "$dir/once" --parts "$dir/once.parts" >"$dir/once.$i" 2>&1 &
        all="$all $!"
    done
    for it in $all; do
        wait "$it" || return 1
    done
}
check "three at the same time make the same" at_once || sed 's/^/# /' "$dir"/once.?
check "and leave nothing beside it" [ -z "$(find "$dir/once" "$dir/once.parts" -name '*.new' -o -name '*.old')" ]

# one organisation: its keys, of the others what is public
mkdir "$dir/own"
cp -r "$dir/net/crypto" "$dir/net/genesis.block" "$dir/net/custody" "$dir/own"
find "$dir/own/crypto" -type f \( -name '*.key' -o -name priv_sk \) ! -path '*/hospital.medsync.example/*' -delete
check "an organisation makes its part of its own keys" prepare --org Hospital --dir "$dir/own" --parts "$dir/mine"
check "which is the same" diff -r "$dir/mine/hospital.medsync.example" "$part"
check "and so is its custodian's" diff -r "$dir/mine/custodian.hospital.medsync.example" "$dir/parts/custodian.hospital.medsync.example"
check "and no other" [ "$(ls "$dir/mine" | tr '\n' ' ')" = "custodian.hospital.medsync.example hospital.medsync.example " ]
rm -r "$dir/own/custody"
makes_custody() { prepare --org Hospital --dir "$dir/own" --parts "$dir/mine" && [ "$(ls "$dir/own/custody")" = HospitalMSP.key ]; }
check "without a custody key it makes its own" makes_custody
refuses_clinic() { ! prepare --org Clinic --dir "$dir/own" --parts "$dir/mine" && says clinic.medsync.example; }
check "another's part it cannot make, and is told which file it lacks" refuses_clinic
refuses_nobody() { ! prepare --org Nobody --dir "$dir/own" && says "names no organisation Nobody"; }
check "nor one of nobody" refuses_nobody
refuses_release() { ! prepare --fabric 1.4 --dir "$dir/own" && says "must be a release"; }
check "nor for a release that there is no support of" refuses_release

# material of before chaincodes' clients had an authority of their own
home=$dir/own/crypto/peerOrganizations/hospital.medsync.example
server=$home/chaincodes/chaincodes.hospital.medsync.example/tls
cp "$home/users/Admin@hospital.medsync.example/tls/client.crt" "$home/users/Admin@hospital.medsync.example/tls/client.key" "$server"
rm -r "$home/chaincodeca" "$server/client-ca.crt"
check "of keys of before the part is made too" prepare --org Hospital --dir "$dir/own" --parts "$dir/mine"
check "with a warning" says "E-CRT-15 warning"
check "whom its chaincodes take is as before" cmp "$dir/mine/hospital.medsync.example/chaincodes/tls/client-ca.crt" "$server/ca.crt"
check "it is mended" prints "peers and servers belong together" "$medsync" certs rotate --dir "$dir/own" \
    chaincodes.hospital.medsync.example
check "in the part as well" prepare --org Hospital --dir "$dir/own" --parts "$dir/mine"
check "and not warned of" sh -c '! grep E-CRT-15 "$1"' - "$dir/out"
check "its chaincodes take the new authority's" cmp "$dir/mine/hospital.medsync.example/chaincodes/tls/client-ca.crt" \
    "$home/chaincodeca/chaincodeca.hospital.medsync.example-cert.pem"

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
pairs() {
    tr -d ' \n' <"$dir/net/endpoints.json" | grep -o '"name":"[^"]*","address":"[^"]*"' |
        sed 's/"name":"\([^"]*\)","address":"\([^"]*\)"/\1 \2/' | sort -u
    for org in Clinic Hospital; do
        sed -n "s/.*\"address\": \"\(.*\)\".*/custodian.$(echo $org | tr CH ch).medsync.example \1/p" "$dir/net/custodians/${org}MSP.json"
    done
}
composed() { # the ports of the containers, which other ones of this machine may stand for
    awk '/^  [a-z0-9.]*medsync.example:$/ { sub(":", "", $1); name = $1 }
         /^    ports:/ { split($0, part, "\""); n = split(part[2], port, ":"); print name, port[1] ":" port[n] }' docker-compose.yaml | sort -u
}
pairs | sort -u >"$dir/pairs"
composed >"$dir/composed"
check "docker-compose.yaml has network.yaml's nodes and ports" diff "$dir/pairs" "$dir/composed"
# NAME:-PORT}:PORT of each: the variable's default is the port, and no two share a variable
published() { sed -n 's/.*"127.0.0.1:${MEDSYNC_PORT_\([A-Z0-9_]*\):-\([0-9]*\)}:\([0-9]*\)".*/\1 \2 \3/p' docker-compose.yaml; }
check "by default the same outside" [ "$(published | awk '$2 == $3 { print $1 }' | sort -u | wc -l)" = "$(wc -l <"$dir/pairs")" ]
for name in $(published | cut -d ' ' -f 1); do export "MEDSYNC_PORT_$name=$(($(published | awk -v n="$name" '$1 == n { print $2 }') + 20000))"; done
"$medsync" fabric endpoints --dir "$dir/net"
pairs | sort -u >"$dir/others"
check "and each is another one by its variable" [ "$(awk '{ split($2, a, ":"); print $1, a[1] ":" a[2] + 20000 }' "$dir/pairs" | diff - "$dir/others" | wc -l)" = 0 ]
no_port() { ! MEDSYNC_PORT_HOSPITAL=x "$medsync" fabric endpoints --dir "$dir/net" >"$dir/out" 2>&1 && says 'the port of HOSPITAL: "x"'; }
check "which must be a port" no_port
check "and a host of chaincodes for each organisation" [ "$(grep -c '^  chaincodes\..*medsync.example:$' docker-compose.yaml)" = \
    "$(grep -c '^peer' "$dir/pairs")" ]
finish
