#!/bin/sh
# The inspectorate: it reads on its own peer, through other chaincodes too, and cannot write. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
client=$build/test-support/fabric_client
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-inspector.XXXXXX")
trap '"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

if ! "$medsync" devnet up --dir "$dir/net" --ports auto --with probe --with other=probe --detach >"$dir/out" 2>&1; then
    check "the network comes up" false || sed 's/^/# /' "$dir/out"
    finish
fi
m() { # command, rest
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@" >"$dir/out" 2>&1
}
prints() { # text, command...
    text=$1
    shift
    m "$@" && grep -qF -- "$text" "$dir/out" && return 0
    sed 's/^/# /' "$dir/out"
    return 1
}
refused() { # text, command...
    text=$1
    shift
    ! m "$@" && grep -qF -- "$text" "$dir/out" && return 0
    sed 's/^/# /' "$dir/out"
    return 1
}
inspect='--user auditor2 --org Inspector'
height() { "$medsync" block newest --dir "$dir/net" --json | tr -d '\n ' | sed 's/.*"number":\([0-9]*\).*/\1/'; }

check "somebody writes" prints ok invoke --user doctor1 probe run '["PutState","k","v1"]'
check "an inspector reads it on the inspectorate's peer" prints 7631 query $inspect probe run '["GetState","k"]'
check "and on another one" prints 7631 query $inspect --gateway Hospital probe run '["GetState","k"]'
check "and through another chaincode" prints 200/ query $inspect probe run '["InvokeChaincode","other","","echo","x"]'
check "and sees definitions" prints probe lifecycle committed $inspect
check "and blocks" prints VALID block $inspect newest
before=$(height)
check "what an inspector submits is refused by the orderer" refused FORBIDDEN invoke $inspect --endorse Hospital,Clinic \
    probe run '["PutState","k","v2"]'
check "whoever endorsed it" refused FORBIDDEN invoke $inspect --endorse Inspector probe run '["PutState","k","v2"]'
check "so is what goes to the orderer directly" sh -c \
    '"$1" "$2" orderer 4/auditor2 broadcast 3 | grep -q "FORBIDDEN"' - "$client" "$dir/net"
check "nothing has been written" prints 7631 query $inspect probe run '["GetState","k"]'
check "and no block was made" [ "$(height)" = "$before" ]
check "where a doctor's message is taken" sh -c \
    '"$1" "$2" orderer 3/doctor1 broadcast 3 | grep -q "SUCCESS"' - "$client" "$dir/net"
check "an inspector administers nothing" refused "is not an admin under this MSP" lifecycle installed $inspect
check "its administrator does" prints consent lifecycle installed --org Inspector --user Admin
finish
