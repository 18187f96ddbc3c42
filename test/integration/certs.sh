#!/bin/sh
# The life of a consortium's certificates by `medsync certs`, and changes of a channel by `medsync channel update`, on the
# embedded network. With Fabric's programs in PATH: the same files and extensions as cryptogen's, and configtxlator reads what
# we make. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-certs.XXXXXX")
trap '"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
unset MEDSYNC_KEY_PASSPHRASE MEDSYNC_KEY_PASSPHRASE_FILE

certs() { # part, rest
    part=$1
    shift
    "$medsync" certs "$part" --dir "$dir/crypto" "$@"
}
exits() { # status, command...
    wanted=$1
    shift
    "$@" >"$dir/out" 2>&1
    [ $? = "$wanted" ] && return
    sed 's/^/# /' "$dir/out"
    false
}
matches() { # regular expression, command...
    wanted=$1
    shift
    "$@" >"$dir/out" 2>&1 && grep -q -- "$wanted" "$dir/out" && return
    sed 's/^/# /' "$dir/out"
    false
}
two=test/support/networks/two.yaml
a=$dir/crypto/peerOrganizations/a.test

# ---- made, and completed
check "a consortium's certificates are made" prints "peerOrganizations/b.test" certs make --network $two
check "once" prints "is there already" certs make --network $two
check "and are in order" prints "26 certificates: 0 errors, 0 warnings" certs check --network $two
check "as JSON too" prints '"names":"peer0.a.test, peer0, localhost, 127.0.0.1"' certs list --json
sum=$(cd "$dir/crypto" && find . -type f | LC_ALL=C sort | xargs cat | cksum)
sed 's/{name: user1,/{name: user2, role: nurse, uid: a2, site: "4012345000016"}\n      - &/' $two >"$dir/more.yaml"
check "somebody new is missed" exits 9 certs check --network "$dir/more.yaml"
check "and made" prints "made $a/users/user2@a.test" certs make --network "$dir/more.yaml"
check "alone" [ "$(grep -c . "$dir/out")" = 1 ]
rm -r "$a/users/user2@a.test"
check "with nothing else touched" [ "$sum" = "$(cd "$dir/crypto" && find . -type f | LC_ALL=C sort | xargs cat | cksum)" ]

# ---- as cryptogen has it
extensions() { # crypto directory
    (cd "$1" && find . -name '*-cert.pem' -o -name '*.crt' | LC_ALL=C sort | while read -r f; do
        echo "$f"
        openssl x509 -in "$f" -noout -ext keyUsage,extendedKeyUsage,basicConstraints,subjectAltName 2>/dev/null
        openssl x509 -in "$f" -noout -text | grep -oE 'Public-Key: .*|Signature Algorithm: .*|X509v3 (Subject|Authority) Key Identifier' | sort -u
    done)
}
layout() { (cd "$1" && find . -printf '%y %p %m\n' | LC_ALL=C sort); }
if command -v cryptogen >/dev/null && command -v openssl >/dev/null; then
    cat >"$dir/cryptogen.yaml" <<'YAML'
OrdererOrgs: [{Name: Orderer, Domain: orderer.test, EnableNodeOUs: true, Specs: [{Hostname: o1, SANS: [localhost, 127.0.0.1]}]}]
PeerOrgs:
  - {Name: A, Domain: a.test, EnableNodeOUs: true, Specs: [{Hostname: peer0, SANS: [localhost, 127.0.0.1]}], Users: {Count: 1}}
  - {Name: B, Domain: b.test, EnableNodeOUs: true, Specs: [{Hostname: peer0, SANS: [localhost, 127.0.0.1]}]}
YAML
    cryptogen generate --config "$dir/cryptogen.yaml" --output "$dir/theirs" >/dev/null
    sed 's/{name: user1,.*/{name: User1, role: doctor, uid: a1, site: "4012345000016"}/' $two >"$dir/user.yaml"
    "$medsync" certs make --network "$dir/user.yaml" --out "$dir/ours" >/dev/null
    rm -r "$dir"/ours/peerOrganizations/*/chaincode* # which cryptogen knows nothing of
    layout "$dir/theirs" >"$dir/theirs.txt"
    layout "$dir/ours" >"$dir/ours.txt"
    check "the files are those of cryptogen" diff "$dir/theirs.txt" "$dir/ours.txt"
    extensions "$dir/theirs" >"$dir/theirs.txt"
    extensions "$dir/ours" >"$dir/ours.txt"
    check "and so are the certificates' extensions" diff "$dir/theirs.txt" "$dir/ours.txt"
    check "cryptogen's are in order too" prints ": 0 errors" "$medsync" certs check --dir "$dir/theirs"
    check "and are taken over" prints "made $dir/taken/peerOrganizations/a.test" "$medsync" certs import \
        --from "$dir/theirs" --dir "$dir/taken"
    check "as they are" diff -r "$dir/theirs" "$dir/taken"
    check "a genesis block is made of them" prints "of channel trial" "$medsync" channel genesis --network $two \
        --crypto "$dir/theirs" --output "$dir/theirs.block"
    check "on which a devnet comes up" prints "is ready" "$medsync" devnet up --dir "$dir/net" --crypto "$dir/theirs" \
        --genesis "$dir/theirs.block" --ports auto --detach
    check "for their people" prints trial "$medsync" channel list --dir "$dir/net" --org A --user User1
    "$medsync" devnet down --dir "$dir/net" >/dev/null
    rm -r "$dir/net"
else
    for what in "the files are those of cryptogen" "and so are the certificates' extensions"; do
        n=$((n + 1))
        echo "ok $n - $what # SKIP no cryptogen in PATH, or no openssl"
    done
fi

# ---- time
check "what expires soon is a warning" exits 0 certs check --at "$(date -u -d '+3640 days' +%FT%TZ)"
check "and told with its date" grep -q "E-CRT-08 warning: .*peer0.a.test-cert.pem expires on" "$dir/out"
check "what is expired is an error" exits 9 certs check --at "$(date -u -d '+3651 days' +%FT%TZ)"
check "with the remedy" grep -q "E-CRT-06 error: .* ago by this machine's clock: renew it" "$dir/out"
check "a clock an hour behind is found out" exits 9 certs check --at "$(date -u -d '-1 hour' +%FT%TZ)"
check "and said" grep -q "E-CRT-07 error: .* in [56][0-9] minutes by this machine's clock .*: a clock is wrong" "$dir/out"

# ---- renewed
check "a peer's are renewed" prints "restart the peer" certs rotate peer0.a.test
check "the old ones are kept" ls "$a"/old/*/peers/peer0.a.test/msp/keystore/priv_sk >/dev/null
check "nothing else is needed" prints ": 0 errors, 0 warnings" certs check --network $two
check "an orderer keeps its TLS key" prints "Its TLS key is the old one" certs rotate o1.orderer.test
check "a user's new key is told" prints "credentials RotateKey" certs rotate user1@a.test
certs make --days 20 --network "$dir/more.yaml" >/dev/null
check "what expires soon is found" prints "renewed user2@a.test" certs rotate --expiring 30
check "and is renewed for long" prints "nothing expires within" certs rotate --expiring 30
check "which programs are told as well" matches '^{"renewed":\[\],"authoritiesThatExpire":\[\]}$' certs rotate --expiring 30 --json
check "and what was renewed" matches '^{"renewed":\[{"name":"user2@a.test","kept":"[^"]*/old/[^"]*","todo":".*RotateKey' \
    certs rotate user2@a.test --json
check "with authorities that are left to somebody" matches '"authoritiesThatExpire":\[{"name":"[a-z]*.*notAfter' \
    certs rotate --expiring 36500 --json
check "what was done before an error is told too" exits 7 certs rotate o1.orderer.test nobody@a.test --json
check "as what it is" grep -q '^{"renewed":\[{"name":"o1.orderer.test"' "$dir/out"
check "what is made is told to programs" matches '^{"made":\["[^"]*/peerOrganizations/a.test"' certs make --json --out "$dir/fresh" --network $two
check "and that nothing was" matches '^{"made":\[\]}$' certs make --json --out "$dir/fresh" --network $two
check "an authority's certificate is renewed with its key" prints "Its key is the same" certs rotate tlsca.a.test
check "and all that it has issued stays good" prints ": 0 errors" certs check --network $two
check "nor is nobody" exits 7 certs rotate nobody@a.test

# ---- on a network, with an encrypted key
if ! "$medsync" devnet up --dir "$dir/net" --network $two --ports auto --detach >"$dir/out" 2>&1; then
    check "the network comes up" false || sed 's/^/# /' "$dir/out"
    finish
fi
m() {
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@"
}
key=$dir/net/crypto/peerOrganizations/a.test/users/user1@a.test/msp/keystore/priv_sk
asks='channel list --org A --user user1'
if command -v openssl >/dev/null; then
    openssl pkcs8 -topk8 -v2 aes256 -passout pass:sesame -in "$key" -out "$dir/key" && mv "$dir/key" "$key"
    check "an encrypted key is no error to who only looks" prints "E-CRT-02 warning: " m certs check
    check "an encrypted key wants its passphrase" refused "E-CRT-02 $key: the private key is encrypted and no passphrase is given" m $asks
    printf 'other\nsesame\n' >"$dir/passphrases"
    check "from a file" prints trial env MEDSYNC_KEY_PASSPHRASE_FILE="$dir/passphrases" "$medsync" $asks --dir "$dir/net"
    check "or the environment" prints trial env MEDSYNC_KEY_PASSPHRASE=sesame "$medsync" $asks --dir "$dir/net"
    check "the right one" refused "does not open it" env MEDSYNC_KEY_PASSPHRASE=nonsense "$medsync" $asks --dir "$dir/net"
    openssl ec -aes128 -passout pass:sesame -in "$key" -passin pass:sesame -out "$dir/key" 2>/dev/null && mv "$dir/key" "$key"
    check "in the older form too" prints trial env MEDSYNC_KEY_PASSPHRASE=sesame "$medsync" $asks --dir "$dir/net"
    export MEDSYNC_KEY_PASSPHRASE=sesame
else
    n=$((n + 1))
    echo "ok $n - an encrypted key wants its passphrase # SKIP no openssl program to encrypt it"
fi

# ---- revoked, on the channel
up() { "$medsync" channel update "$@" --dir "$dir/net"; }
check "a user is revoked" prints "number 1" m certs revoke user1@a.test --reason keyCompromise
check "or one of the orderer's, told to programs" matches '^{"revoked":\[{"name":"o1.orderer.test","crl":"[^"]*","number":1}\]}$' \
    m certs revoke o1.orderer.test --reason superseded --json
check "which is no news a second time" refused "is on" m certs revoke user1@a.test --reason keyCompromise
check "and counts on the channel only with an update" prints trial m $asks
check "of the organisation's MSP" prints "have it signed" up create --network $two --msp A --output "$dir/crl.pb"
check "which is what it changes" prints "changes  value    /Channel/Application/A/MSP" up show "$dir/crl.pb"
check "which another organisation cannot make" refused E-CHAN-02 up submit "$dir/crl.pb" --org B
check "its own does" matches '^{"block":[0-9]*}$' up submit "$dir/crl.pb" --org A --json
check "and the user is refused" refused FORBIDDEN m block newest --org A --user user1
check "others are not" prints trial m channel list --org A

# ---- an organisation more
sed 's|^chaincodes:.*||' $two >"$dir/three.yaml"
cat >>"$dir/three.yaml" <<'YAML'
  - name: C
    mspid: CMSP
    domain: c.test
    policies: {Readers: "OR('CMSP.member')", Writers: "OR('CMSP.admin')", Endorsement: "OR('CMSP.peer')"}
    peer: {name: peer0, address: "127.0.0.1:9051"}
    sites: [{gln: "4012345002010", type: inspectorate, region: DE-BE}]
    users: [{name: Admin, kind: admin, role: admin, uid: c0, site: "4012345002010"}]
chaincodes: []
YAML
check "it gets its certificates" prints "made $dir/net/crypto/peerOrganizations/c.test" m certs make --out "$dir/net/crypto" --network "$dir/three.yaml"
check "and an update" prints "have it signed" up create --network "$dir/three.yaml" --add-org C --acl peer/Propose=Readers --output "$dir/c.pb"
check "that one administrator alone cannot make" refused "requires 2 of the 'Admins' sub-policies" up submit "$dir/c.pb" --org A
m channel config --org A --output "$dir/config" >/dev/null
m block config --orderer --org A --output "$dir/config.block" >/dev/null
for from in "$dir/config" "$dir/config.block"; do
    check "from a file it is made without the network" prints "have it signed" "$medsync" channel update create --dir /nowhere \
        --crypto "$dir/net/crypto" --config "$from" --network "$dir/three.yaml" --add-org C --output "$dir/offline.pb"
done
check "or a first block of them, told to programs" matches '"channel":"trial","organisations":[23]}' "$medsync" channel genesis --json \
    --network "$dir/three.yaml" --crypto "$dir/net/crypto" --output "$dir/other.block"
b=$dir/net/crypto/peerOrganizations/b.test/users/Admin@b.test/msp
check "another one signs, without the network" matches "^{\"file\":\"$dir/c.pb\",\"mspId\":\"BMSP\"}" \
    "$medsync" channel update sign "$dir/c.pb" --dir /nowhere --msp-dir "$b" --mspid BMSP --json
check "not twice" refused "has signed it already" up sign "$dir/c.pb" --org B
check "what is signed can be seen" prints "adds     group    /Channel/Application/C" up show "$dir/c.pb"
check "and who has" grep -q "signed by BMSP: CN=Admin@b.test" "$dir/out"
if command -v configtxlator >/dev/null; then
    configtxlator proto_decode --type common.Envelope --input "$dir/c.pb" >"$dir/out" 2>&1
    check "configtxlator reads the file" grep -q '"type": 2' "$dir/out"
    check "and the newcomer's MSP in it" grep -q '"name": "CMSP"' "$dir/out"
fi
check "both together make it" prints "changed by block" up submit "$dir/c.pb" --org A
check "once" refused "currently at version" up submit "$dir/c.pb" --org A
check "the orderer knows the newcomer" prints number m block config --orderer --org A --json
check "it leaves again" prints "have it signed" up create --network "$dir/three.yaml" --remove-org C --output "$dir/out.pb"
up sign "$dir/out.pb" --org B >/dev/null
check "by the same way" prints "changed by block" up submit "$dir/out.pb" --org A
check "what is no update is said" refused E-CHAN-01 up sign "$dir/three.yaml" --org A
check "a change that is none too" refused "no differences" up create --network "$dir/three.yaml" --msp B --output "$dir/none.pb"
check "nobody is removed who is not there" refused "has no organisation D" up create --network "$dir/three.yaml" --remove-org D --output "$dir/none.pb"
check "and no file is left" [ ! -e "$dir/none.pb" ]
finish
