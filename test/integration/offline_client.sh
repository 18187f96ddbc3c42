#!/bin/sh
# Our own client without a key: evaluate and submit with signatures made elsewhere, chaincode events and block events that
# are resumed, with the SDK's checkpoint file, and a transaction that is submitted after the peers were killed. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-offline.XXXXXX")
net=$dir/net

cleanup() {
    "$medsync" devnet down --dir "$net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

into() { # file, command...
    file=$1
    shift
    "$@" >>"$file"
}
if ! "$medsync" devnet up --dir "$net" --ports auto --detach --with probe >"$dir/up" 2>&1; then
    sed 's/^/# /' "$dir/up"
    check "the network comes up" false
    finish
fi
user=$(ls -d "$net"/crypto/peerOrganizations/hospital.*/users/doctor1@*)/msp
offline() { "$build/test-support/offline_client" "$net" "$user" HospitalMSP "$@"; }
forged() { FORGE=1 offline "$@"; }
height() { "$medsync" block --dir "$net" newest --json | sed 's/.*"number":\([0-9]*\),.*/\1/'; }
invoke() { "$medsync" invoke --dir "$net" --user doctor1 probe "$@" >/dev/null; }

# ---- signatures made elsewhere
check "evaluate" prints hello offline evaluate probe echo hello
check "the chaincode's refusal" refused "the chaincode refused with 500: no" offline evaluate probe error no
check "submit" prints VALID offline submit probe run '["PutState","k","v"]' '["SetEvent","First","1"]'
check "what was submitted is there" prints '["76"]' offline evaluate probe run '["GetState","k"]'
check "a wrong signature of a proposal is refused" refused "access denied" forged evaluate probe echo hello
check "of a submission as well" refused "access denied" forged submit probe run '["PutState","k","w"]'
check "of a request for events" refused "PERMISSION_DENIED" forged events probe 0 1
check "of a request for blocks" refused "FORBIDDEN" forged filtered 0 1
check "and nothing came of it" prints '["76"]' offline evaluate probe run '["GetState","k"]'

# ---- chaincode events
first=$(height)
check "events are told again from their block" prints "First 1" offline events probe "$first" 1
events() { "$medsync" events --dir "$net" --user doctor1 --idle 20 --json "$@" probe; }
names() { sed 's/.*"name":"\([^"]*\)".*/\1/' "$1" | tr '\n' ' '; }
for name in Second Third Fourth Fifth; do
    invoke run '["PutState","k","1"]' "[\"SetEvent\",\"$name\",\"x\"]"
done
events --from "$first" --checkpoint "$dir/at" --count 2 >"$dir/one"
check "the first two" [ "$(names "$dir/one")" = "First Second " ]
check "the checkpoint is as the SDKs write it" grep -qE '^\{"blockNumber":[0-9]+,"transactionId":"[0-9a-f]{64}"\}$' "$dir/at"
events --from "$first" --checkpoint "$dir/at" --count 2 >"$dir/two"
check "the checkpoint is where it goes on, whatever --from says" [ "$(names "$dir/two")" = "Third Fourth " ]
"$medsync" devnet down --dir "$net" >/dev/null
check "the network starts again" into "$dir/up" "$medsync" devnet up --dir "$net" --ports auto --detach --with probe
events --checkpoint "$dir/at" --count 1 >"$dir/three"
check "behind a restart it goes on" [ "$(names "$dir/three")" = "Fifth " ]
printf '{"blockNumber":%s,"transactionId":""}' "$first" >"$dir/sdk"
events --checkpoint "$dir/sdk" --count 1 >"$dir/four"
check "a checkpoint of a block begins with the block" [ "$(names "$dir/four")" = "First " ]
printf '{"blockNumber":0,"transactionId":""}' >"$dir/fresh"
events --from "$first" --checkpoint "$dir/fresh" --count 1 >"$dir/five"
check "a fresh one says nothing" [ "$(names "$dir/five")" = "First " ]
echo nonsense >"$dir/bad"
check "what is no checkpoint is refused" refused "E-STAT-05" events --checkpoint "$dir/bad" --count 1
check "and stays as it is" grep -q nonsense "$dir/bad"
check "a checkpoint in no folder is refused" refused "E-" events --from "$first" --checkpoint "$dir/no/at" --count 1

# ---- block events
last=$(height)
check "blocks from the first one on" into "$dir/blocks" offline blocks 0 "$((last + 1))"
check "each once and in order" [ "$(cut -d' ' -f1 "$dir/blocks" | tr '\n' ' ')" = "$(seq 0 "$last" | tr '\n' ' ')" ]
check "filtered blocks" into "$dir/some" offline filtered 0 3
check "go on behind the last one" into "$dir/some" offline filtered 3 "$((last - 2))"
check "as in one piece" into "$dir/all" offline filtered 0 "$((last + 1))"
check "with nothing lost" cmp -s "$dir/some" "$dir/all"
check "blocks of the orderer" into "$dir/ordered" offline ordered 0 "$((last + 1))"
check "are those of the peer" [ "$(cut -d' ' -f1 "$dir/ordered")" = "$(cut -d' ' -f1 "$dir/blocks")" ]
invoke --transient s=x run '["PutPrivateData","_implicit_org_HospitalMSP","p","phi"]'
check "private data come with their block" prints "$((last + 1)) 1" offline private "$((last + 1))" 1
check "and not with others" prints "$last 0" offline private "$last" 1

# ---- private data wait for their transaction
check "a transaction is endorsed" offline endorse "$dir/tx" probe run '["PutPrivateData","_implicit_org_HospitalMSP","q","phi"]'
killed "$(sed -n 1p "$net/devnet.pid")"
check "the peers are killed and start again" into "$dir/up" "$medsync" devnet up --dir "$net" --ports auto --detach --with probe
check "the transaction is submitted" prints VALID offline send "$dir/tx"
check "and has its private data" prints '["706869"]' offline evaluate probe run '["GetPrivateData","_implicit_org_HospitalMSP","q"]'
finish
