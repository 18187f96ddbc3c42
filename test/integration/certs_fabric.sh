#!/bin/sh
# Real Fabric from PATH on certificates by `medsync certs make` and a genesis block of ours: an organisation is added by an
# update of ours, signed in part by Fabric's own peer command; who is revoked is refused by the real peer; renewed
# certificates serve; osnadmin takes our blocks. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/fabric.sh
fabric_here || skip_all "no orderer and peer in PATH"
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-certs-fabric.XXXXXX")
trap fabric_cleanup EXIT
trap 'exit 1' INT TERM

m() {
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@"
}
up() { "$medsync" channel update "$@" --dir "$dir/net"; }
soon() { # text, command: what a peer has yet to commit
    wanted=$1
    shift
    i=0
    until "$@" >"$dir/out" 2>&1 && grep -qF -- "$wanted" "$dir/out" || [ $i = 60 ]; do
        i=$((i + 1))
        sleep 0.5
    done
    grep -qF -- "$wanted" "$dir/out" && return
    sed 's/^/# /' "$dir/out"
    false
}
fails() { ! "$@"; }
crypto=$dir/net/crypto

probe='{name: probe, version: "1", sequence: 1, policy: "OR('"'AMSP.peer', 'BMSP.peer'"')", organisations: [A, B]}'
# three orderers: one alone could not exchange its certificate, as its leader hands over first
orderers=$(for i in 1 2 3; do printf '{name: o%d, address: "127.0.0.1:7%d50"}, ' $i $i; done)
sed "s/^chaincodes:.*/chaincode_tls: true\nchaincodes: [$probe]/; s/node: o1, address: [^}]*}/nodes: [$orderers]}/" \
    test/support/networks/two.yaml >"$dir/two.yaml"
sed '/^chaincode/d' "$dir/two.yaml" >"$dir/three.yaml"
cat >>"$dir/three.yaml" <<YAML
  - name: C
    mspid: CMSP
    domain: c.test
    policies: {Readers: "OR('CMSP.member')", Writers: "OR('CMSP.admin')", Endorsement: "OR('CMSP.peer')"}
    peer: {name: peer0, address: "127.0.0.1:9051"}
    sites: [{gln: "4012345002010", type: inspectorate, region: DE-BE}]
    users:
      - {name: Admin, kind: admin, role: admin, uid: c0, site: "4012345002010"}
      - {name: auditor1, role: auditor, uid: c1, site: "4012345002010"}
chaincode_tls: true
chaincodes: [$probe]
YAML

# ---- certificates and genesis block of ours
check "certificates are made" prints "peerOrganizations/a.test" m certs make --network "$dir/two.yaml" --out "$crypto"
# as they were made before chaincodes' clients had an authority of their own
for org in a b; do
    home=$crypto/peerOrganizations/$org.test
    cp "$home/users/Admin@$org.test/tls/client.crt" "$home/users/Admin@$org.test/tls/client.key" "$home/chaincodes/chaincodes.$org.test/tls"
    rm -r "$home/chaincodeca" "$home/chaincodes/chaincodes.$org.test/tls/client-ca.crt"
done
check "orderer and peers start on them, and join a channel of ours" fabric_up "$dir/two.yaml"
check "a user's call is answered" prints hello m query --org A --user user1 probe echo hello

# ---- who can drive chaincodes: whoever has a TLS certificate of the organisation, then its peer alone, while all runs
server=$crypto/peerOrganizations/a.test/chaincodes/chaincodes.a.test/tls
value() { sed -n "s/^ *$1: \"*\([^\"]*\).*/\1/p" "$dir/net/config/a.test.yaml"; }
dial() { # certificate and key, without .crt and .key: as a peer does
    "$medsync" doctor --address "$(value address)" --package-id "$(value ccid)" --root-cert "$server/ca.crt" \
        --client-cert "$1.crt" --client-key "$1.key"
}
pem() { awk '{ printf "%s\\n", $0 }' "$1"; }
values() { # organisation: what its peer was told, with today's certificates
    tls=$crypto/peerOrganizations/$1.test/chaincodes/chaincodes.$1.test/tls
    tr '\0' '\n' <"/proc/$(pid_of "peer.$1.test")/environ" | sed -n 's/^CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG={//p' |
        sed 's/"client_cert":"[^"]*",*//; s/"client_key":"[^"]*",*//; s/"root_cert":"[^"]*",*//; s/,*}$//' >"$dir/addresses"
    printf '{%s,"client_cert":"%s","client_key":"%s","root_cert":"%s"}' "$(cat "$dir/addresses")" "$(pem "$tls/client.crt")" \
        "$(pem "$tls/client.key")" "$(pem "$tls/ca.crt")"
}
reloaded() { # organisation: its chaincode has read its certificates anew
    lines=$(grep -c 'are those of the files now' "$dir/net/log/chaincodes.$1.test.log")
    kill -HUP "$(pid_of "chaincodes.$1.test")"
    i=0
    until [ "$(grep -c 'are those of the files now' "$dir/net/log/chaincodes.$1.test.log")" -gt "$lines" ]; do
        i=$((i + 1))
        [ $i -lt 200 ] || return 1
        sleep 0.05
    done
}
asks() { m query --org "$1" --endorse "$1" probe echo hello >"$dir/said" 2>&1; }
user=$crypto/peerOrganizations/a.test/users/user1@a.test/tls/client
check "there is a warning when it starts" grep -q "E-CRT-15 warning: .*chaincodes.a.test chaincodes.b.test" "$dir/net/log/network.log"
check "and from doctor" prints "takes every TLS certificate of its organisation for the peer's" m doctor
check "for a user's certificate is taken" prints "  register  " dial "$user"
check "one command gives chaincodes' clients an authority" prints "peers and servers belong together" \
    m certs rotate chaincodes.a.test chaincodes.b.test
for org in a b; do
    values $org >"$dir/values.json"
    check "the peer of $org is told" prints ": renewed" "$medsync" renew --values "@$dir/values.json" "$dir/net/data/$org.test"
    check "and the server" reloaded $org
done
check "calls go on" asks A && check "at both" asks B
check "the user's certificate is refused" refused "E-TLS-" dial "$user"
check "as the log tells" grep -q 'a TLS handshake from 127.0.0.1:[0-9]* failed: its client certificate does not come' \
    "$dir/net/log/chaincodes.a.test.log"
check "the peer's own for its clients too" refused "E-TLS-" dial "$crypto/peerOrganizations/a.test/peers/peer0.a.test/tls/server"
check "and an orderer's" refused "E-TLS-" dial "$crypto/ordererOrganizations/orderer.test/orderers/o1.orderer.test/tls/server"
check "the peer's client's is taken" prints "  register  " dial "$server/client"
for org in a b; do
    kill -9 $(cat "/proc/$(pid_of chaincodes.$org.test)/task/"*/children)
done
check "peers connect anew with theirs" try_for_a_minute asks A && check "both" try_for_a_minute asks B
check "no warning is left" prints ": 0 errors, 0 warnings" m certs check --network "$dir/two.yaml"

for i in 1 2 3; do # where they are on this machine
    tr -d ' \n' <"$dir/net/endpoints.json" |
        sed "s/.*\"name\":\"o$i.orderer.test\",\"address\":\"\([^\"]*\)\".*/s|127.0.0.1:7${i}50|\1|/"
    echo
done >"$dir/addresses"
admin=$(tr '\0' '\n' <"/proc/$(pid_of orderer.o1.orderer.test)/environ" | sed -n 's/^ORDERER_ADMIN_LISTENADDRESS=//p')
if command -v osnadmin >/dev/null; then
    tls=$crypto/ordererOrganizations/orderer.test/orderers/o1.orderer.test/tls
    osn() {
        part=$1
        shift
        osnadmin channel "$part" -o "$admin" --ca-file "$tls/ca.crt" --client-cert "$tls/server.crt" \
            --client-key "$tls/server.key" "$@"
    }
    check "osnadmin sees the channel" prints '"name": "trial"' osn list
    # an orderer keeps one connection to another one, whatever the channel: the addresses have to be the same
    sed -f "$dir/addresses" -e 's/^channel: .*/channel: second/' "$dir/two.yaml" >"$dir/second.yaml"
    check "a genesis block is made" prints "of channel second" "$medsync" channel genesis --network "$dir/second.yaml" \
        --crypto "$crypto" --output "$dir/second.block"
    check "which osnadmin has the orderer join" prints "Status: 201" osn join --channelID second --config-block "$dir/second.block"
    check "as a consenter" prints '"consensusRelation": "consenter"' osn list --channelID second
    osn remove --channelID second >/dev/null 2>&1
fi

# ---- an organisation more
m certs make --network "$dir/three.yaml" --out "$crypto" >/dev/null
check "an organisation gets an update" prints "have it signed" up create --network "$dir/three.yaml" --add-org C --acl peer/Propose=Readers \
    --output "$dir/c.pb"
check "one administrator alone is too few" refused "requires 2 of the 'Admins'" up submit "$dir/c.pb" --org A
check "Fabric's peer command signs it for another one" env FABRIC_CFG_PATH="$dir/net/config" FABRIC_LOGGING_SPEC=error \
    CORE_PEER_LOCALMSPID=BMSP CORE_PEER_MSPCONFIGPATH="$crypto/peerOrganizations/b.test/users/Admin@b.test/msp" \
    peer channel signconfigtx -f "$dir/c.pb"
check "which shows" prints "signed by BMSP" up show "$dir/c.pb"
check "the orderer takes it" prints "changed by block" up submit "$dir/c.pb" --org A
check "the peers too" soon CMSP sh -c '"$1" channel config --dir "$2" --org A --output "$2/../config" && strings -a "$2/../config"' \
    - "$medsync" "$dir/net"

# ---- revoked
check "a user is revoked" prints "number 1" m certs revoke user1@a.test --reason keyCompromise
check "and still answered" prints hello m query --org A --user user1 probe echo hello
up create --network "$dir/three.yaml" --msp A --output "$dir/crl.pb" >/dev/null
check "until the channel has the list" prints "changed by block" up submit "$dir/crl.pb" --org A
check "then the peer refuses" soon "access denied" fails "$medsync" query --dir "$dir/net" --org A --user user1 probe echo x
check "and nobody else" prints hello m query --org A probe echo hello

# ---- renewed
check "certificates are renewed" prints "renewed chaincodes.b.test" m certs rotate peer0.a.test o1.orderer.test user1@a.test \
    chaincodes.a.test chaincodes.b.test
orderer=$crypto/ordererOrganizations/orderer.test
sed -f "$dir/addresses" "$dir/three.yaml" >"$dir/renewed.yaml"
check "the orderer's goes onto the channel" prints "have it signed" up create --network "$dir/renewed.yaml" --orderer o1 \
    --output "$dir/o.pb"
check "by its own administrator" prints "changed by block" up submit "$dir/o.pb" --mspid OrdererMSP \
    --msp-dir "$orderer/users/Admin@orderer.test/msp"
m fabric down >/dev/null
check "with renewed certificates and the newcomer's peer all comes up again" fabric_up "$dir/three.yaml"
check "the newcomer's peer has the whole channel" soon "$(m channel info --org A | sed -n 's/^hash *//p')" \
    "$medsync" channel info --dir "$dir/net" --org C
check "and answers its auditor" prints trial m channel list --org C --user auditor1
check "who may not write" refused FORBIDDEN m invoke --org C --user auditor1 --gateway A --endorse A probe rw 1 c
writes() { "$medsync" invoke --dir "$dir/net" --org A probe rw 1 k >"$dir/said" 2>&1; }
check "where others do" try_for_a_minute writes
check "whoever was revoked and renewed is answered again" prints hello m query --org A --user user1 probe echo hello
check "everything is in order" prints ": 0 errors" m certs check --network "$dir/three.yaml"
finish
