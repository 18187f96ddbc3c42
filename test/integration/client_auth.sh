#!/bin/sh
# TLS certificates of clients: who may connect, what Deliver wants to know of them, and how that follows the channel's
# configuration. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync client=$build/test-support/fabric_client
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-client-auth.XXXXXX")

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

up() {
    "$medsync" devnet up --dir "$dir/net" --network test/support/networks/three.yaml --ports auto --with probe --detach \
        "$@" >"$dir/up" 2>&1 && return
    sed 's/^/# /' "$dir/up"
    false
}
check "the network comes up with --client-auth" up --client-auth || finish

crypto=$dir/net/crypto
tls_of() { echo "$crypto/peerOrganizations/$1.test/users/$2@$1.test/tls"; }
clinic=$(tls_of clinic doctor1) hospital=$(tls_of hospital doctor2) pharmacy=$(tls_of pharmacy pharmacist1)
orderers=$(ls -d "$crypto"/ordererOrganizations/orderer.test/users/Admin@*)/tls
# a certificate of the same organisation that its TLS authority has not issued
mkdir "$dir/signing"
cp "$clinic"/../msp/signcerts/*.pem "$dir/signing/client.crt"
cp "$clinic"/../msp/keystore/* "$dir/signing/client.key"

blocks=/protos.Deliver/Deliver filtered=/protos.Deliver/DeliverFiltered private=/protos.Deliver/DeliverWithPrivateData
ordered=/orderer.AtomicBroadcast/Deliver
# with a TLS folder and a certificate that the envelope names, "-" for none: then as fabric_client's arguments
with() {
    tls=$1 bind=$2
    shift 2
    (
        [ "$tls" = - ] || export TLS="$tls"
        [ "$bind" = - ] || export BIND="$bind"
        EARLY=1 "$client" "$dir/net" "$@" >"$dir/out" 2>&1
    )
}
says() { # pattern of the shell for all that is printed, arguments of with...
    want=$1
    shift
    with "$@"
    # shellcheck disable=SC2254
    case $(tr '\n' ';' <"$dir/out") in $want) return 0 ;; esac
    sed 's/^/# /' "$dir/out"
    false
}
# No call gets through, and the devnet's log says why where that is asked for.
shut_out() { # reason, TLS folder, server
    : >"$dir/net/log/devnet.log"
    for _ in $(seq 20); do # a slow machine may come to no handshake in this time
        FIRST=700 with "$2" - "$3" 1/doctor1 propose probe echo hello
        grep -q '^waiting' "$dir/out" || break
        [ -n "$1" ] && ! grep -q "a TLS handshake.*$1" "$dir/net/log/devnet.log" || return 0
    done
    sed 's/^/# /' "$dir/out" "$dir/net/log/devnet.log"
    false
}
m() {
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@" >"$dir/out" 2>&1 && return
    sed 's/^/# /' "$dir/out"
    false
}
refused() { # text, command...
    text=$1
    shift
    ! "$@" >"$dir/refusal" && grep -qF -- "$text" "$dir/out"
}

# ---- our own client
check "a user writes" m invoke --user doctor1 --endorse Clinic,Hospital probe run '["PutState","k","1"]' '["SetEvent","made",""]'
check "and reads at another organisation" m query --user doctor1 --gateway Pharmacy probe run '["GetState","k"]'
check "and is given a block by a peer" m block newest --user doctor1
check "and one by the orderer" m block newest --user doctor1 --orderer
check "and events" m events --user doctor1 --from 0 --count 1 probe
check "without the TLS certificate's folder it says what is missing" \
    refused "nowhere/client.crt: No such file" m query --user doctor1 --tls-dir "$dir/nowhere" probe echo hello

# ---- who may connect
hello="response 200 endorsed |hello;end OK ;"
check "a member with a certificate, whose proposals need not name it" \
    says "$hello" "$clinic" - peer1 1/doctor1 propose probe echo hello
check "at another organisation's peer too" says "$hello" "$clinic" - peer2 1/doctor1 propose probe echo hello
check "nobody without a certificate" shut_out "it shows no client certificate" - peer1
check "nor with one that no TLS authority has issued" shut_out "does not come from our client CA" "$dir/signing" orderer
check "nor at a peer" shut_out "" "$dir/signing" peer1
check "nor at the orderer without" shut_out "" - orderer
check "the orderer's people at the orderer" says "block 0 *;status SUCCESS;end OK ;" \
    "$orderers" "$orderers/client.crt" orderer 1/doctor1 deliver $ordered 0:0

# ---- what a request for blocks says of its connection
for of in "peer1 $blocks" "peer1 $filtered" "peer2 $private" "orderer $ordered"; do
    # shellcheck disable=SC2086
    set -- $of
    check "$2 with the certificate's hash" says "*status SUCCESS;end OK ;" \
        "$clinic" "$clinic/client.crt" "$1" 1/doctor1 deliver "$2" 0:0
    check "$2 without" says "status BAD_REQUEST;end OK ;" "$clinic" - "$1" 1/doctor1 deliver "$2" 0:0
    check "$2 with that of another certificate" says "status BAD_REQUEST;end OK ;" \
        "$clinic" "$hospital/client.crt" "$1" 1/doctor1 deliver "$2" 0:0
done
check "with what is no hash" says "status BAD_REQUEST;end OK ;" "$clinic" rubbish peer1 1/doctor1 deliver $blocks 0:0
export CHANNEL=elsewhere
check "that is looked at before the channel's name" says "status BAD_REQUEST;end OK ;" \
    "$clinic" - peer1 1/doctor1 deliver $blocks 0:0
check "and then the name is" says "status NOT_FOUND;end OK ;" \
    "$clinic" "$clinic/client.crt" peer1 1/doctor1 deliver $blocks 0:0
unset CHANNEL

# ---- it is a choice of each start
"$medsync" devnet down --dir "$dir/net" >/dev/null
check "without the option it comes up as well" up
check "and asks nobody for a certificate" says "$hello" - - peer1 1/doctor1 propose probe echo hello
check "nor for its hash" says "block 0 *;status SUCCESS;end OK ;" - - peer1 1/doctor1 deliver $blocks 0:0
"$medsync" devnet down --dir "$dir/net" >/dev/null
check "with it again they are asked for" up --client-auth
check "and named" says "status BAD_REQUEST;end OK ;" "$clinic" - peer1 1/doctor1 deliver $blocks 0:0

# ---- the channel's configuration decides
check "the orderer's people are no peer's clients" shut_out "" "$orderers" peer1
check "the pharmacy's people are" says "$hello" "$pharmacy" - peer1 1/doctor1 propose probe echo hello
leave() { "$build/test-support/update_channel" "$dir/net" remove Pharmacy Clinic Hospital >"$dir/out"; }
check "the pharmacy leaves the channel" leave
check "from then on its people can't connect" shut_out "" "$pharmacy" peer1
check "nor at the orderer" shut_out "" "$pharmacy" orderer
check "others can" says "$hello" "$clinic" - peer1 1/doctor1 propose probe echo hello
finish
