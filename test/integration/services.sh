#!/bin/sh
# protos.Endorser, protos.Deliver and orderer.AtomicBroadcast over gRPC, with a client of our own: answers, refusals,
# streams that wait, several requests on one stream, private data. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync client=$build/test-support/fabric_client
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-services.XXXXXX")

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

network=test/support/networks/three.yaml
if ! "$medsync" devnet up --dir "$dir/net" --network $network --ports auto --with probe --detach \
    >"$dir/up" 2>&1; then
    sed 's/^/# /' "$dir/up"
    check "the network comes up" false
    finish
fi

blocks=/protos.Deliver/Deliver filtered=/protos.Deliver/DeliverFiltered private=/protos.Deliver/DeliverWithPrivateData
ordered=/orderer.AtomicBroadcast/Deliver
ask() { "$client" "$dir/net" "$@"; } # server, user, command...
as() { # VARIABLE=value, then as ask
    one=$1
    shift
    env "$one" "$client" "$dir/net" "$@"
}
# The command prints these lines, in this order and nothing else; a pattern of the shell each.
says() { # number of lines, patterns..., command...
    count=$1
    shift
    : >"$dir/want"
    for i in $(seq "$count"); do
        printf '%s\n' "$1" >>"$dir/want"
        shift
    done
    "$@" >"$dir/out" 2>&1
    same=1
    [ "$(wc -l <"$dir/out")" -eq "$count" ] || same=0
    exec 3<"$dir/want"
    while IFS= read -r line; do
        IFS= read -r want <&3 || same=0
        # shellcheck disable=SC2254
        case $line in $want) ;; *) same=0 ;; esac
    done <"$dir/out"
    exec 3<&-
    [ $same = 1 ] && return
    sed 's/^/# /' "$dir/out"
    false
}
until_lines() { # pattern, file, file: both have such a line, within a minute
    for _ in $(seq 1200); do
        grep -aqs "$1" "$2" && grep -aqs "$1" "$3" && break
        sleep 0.05
    done
}
height() { ask peer1 1/doctor1 deliver $blocks newest:newest | sed -n 's/^block \([0-9]*\) .*/\1/p'; }
write() { "$medsync" invoke --dir "$dir/net" --user doctor2 "$@" >/dev/null; }
export EARLY=1

# ---- endorser
check "an endorsed answer" says 2 "response 200 endorsed |hello" "end OK " ask peer1 1/doctor1 propose probe echo hello
check "a chaincode's 404 is no endorsement" says 2 "response 404 nf|b" "end OK " \
    ask peer1 1/doctor1 propose probe status 404 nf b
check "a chaincode's 500 neither" says 2 "response 500 no|" "end OK " ask peer1 1/doctor1 propose probe error no
check "another channel is an answer" says 2 "response 500 channel 'elsewhere' not found|" "end OK " \
    as CHANNEL=elsewhere peer1 1/doctor1 propose probe echo hello
check "an unknown chaincode is an answer" says 2 \
    "response 500 make sure the chaincode nosuch has been successfully defined on channel trial and try again: chaincode nosuch not found|" \
    "end OK " ask peer1 1/doctor1 propose nosuch x
check "a forged signature ends the call" says 1 \
    "end UNKNOWN error validating proposal: access denied: channel [[]trial[]] creator org [[]ClinicMSP[]]*" \
    as FORGE=1 peer1 1/doctor1 propose probe echo hello
check "so does a time of yesterday" says 1 "end UNKNOWN request unauthorized due to incorrect timestamp *" \
    as SHIFT=-86400 peer1 1/doctor1 propose probe echo hello
check "and what is no proposal" says 1 "end INTERNAL *" ask peer1 1/doctor1 raw /protos.Endorser/ProcessProposal ff
check "and an empty one" says 1 "end UNKNOWN *" ask peer1 1/doctor1 raw /protos.Endorser/ProcessProposal
ask peer3 3/pharmacist1 propose qscc GetChainInfo trial >"$dir/out" 2>&1
check "qscc answers" grep -aq '^response 200 endorsed ' "$dir/out" # with hashes, whose bytes may be line ends

# ---- deliver: which blocks
write probe run '["PutState","k","1"]' '["SetEvent","made","not for everybody"]'
top=$(height)
next=$((top + 1))
check "one block, with its transaction filter" says 3 "block 0 data 1 filter 1" "status SUCCESS" "end OK " \
    ask peer1 1/doctor1 deliver $blocks 0:0
check "the orderer's has none" says 3 "block $top data 1 filter 0" "status SUCCESS" "end OK " \
    ask orderer 1/doctor1 deliver $ordered newest:newest
check "a range" says 4 "block 0 *" "block 1 *" "status SUCCESS" "end OK " ask peer1 1/doctor1 deliver $blocks oldest:1
check "several requests on one stream" says 5 "block 0 *" "status SUCCESS" "block 1 *" "status SUCCESS" "end OK " \
    ask peer1 1/doctor1 deliver $blocks 0:0 1:1
check "a block that is too far away" says 2 "status NOT_FOUND" "end OK " \
    ask peer1 1/doctor1 deliver $blocks $((top + 2)):99
check "one that is not there yet, for who doesn't wait" says 2 "status NOT_FOUND" "end OK " \
    ask peer1 1/doctor1 deliver $blocks $next:$next:fail
check "the end before the start" says 2 "status BAD_REQUEST" "end OK " ask peer1 1/doctor1 deliver $blocks 1:0
check "after a refusal the stream has ended" says 2 "status BAD_REQUEST" "end OK " \
    ask peer1 1/doctor1 deliver $blocks 1:0 0:0
check "another channel" says 2 "status NOT_FOUND" "end OK " \
    as CHANNEL=elsewhere peer1 1/doctor1 deliver $blocks newest:newest
check "a time of yesterday" says 2 "status BAD_REQUEST" "end OK " \
    as SHIFT=-86400 orderer 1/doctor1 deliver $ordered newest:newest
check "a forged signature" says 2 "status FORBIDDEN" "end OK " as FORGE=1 peer1 1/doctor1 deliver $blocks newest:newest
check "at the orderer as well" says 2 "status FORBIDDEN" "end OK " \
    as FORGE=1 orderer 1/doctor1 deliver $ordered newest:newest
check "an empty envelope" says 2 "status BAD_REQUEST" "end OK " ask peer1 1/doctor1 raw $blocks
check "filtered blocks have events without payload" says 3 "filtered $top 3:0 event made of 0 bytes" "status SUCCESS" \
    "end OK " ask peer3 3/pharmacist1 deliver $filtered newest:newest

# ---- deliver: blocks to come
# each has asked when its first request, on the same stream, is answered
ask peer1 1/doctor1 deliver $filtered newest:newest next:$next >"$dir/later" 2>&1 &
waiting=$!
ask orderer 2/doctor2 deliver $ordered newest:newest $next:$next >"$dir/later2" 2>&1 &
waiting2=$!
until_lines '^status' "$dir/later" "$dir/later2"
write probe run '["PutState","k","2"]'
wait $waiting $waiting2
check "a stream that waited gets the next block" says 5 "filtered $top 3:0*" "status SUCCESS" "filtered $next 3:0" \
    "status SUCCESS" "end OK " cat "$dir/later"
check "at the orderer as well" says 5 "block $top *" "status SUCCESS" "block $next data 1 filter 0" "status SUCCESS" \
    "end OK " cat "$dir/later2"
check "one without an end goes on" says 3 "block $next *" "waiting" "end CANCELLED *" \
    as PATIENCE=300 peer1 1/doctor1 deliver $blocks newest:18446744073709551615

# ---- private data: of the peer's organisation, for those who may read them
write probe run '["PutPrivateData","colA","p","1"]' '["PutPrivateData","colB","p","2"]'
top=$(height)
check "a member's peer tells a member all it has" says 3 "private $top 0:probe.colA 0:probe.colB" "status SUCCESS" \
    "end OK " ask peer2 2/doctor2 deliver $private newest:newest
check "another organisation's user only what it may read" says 3 "private $top 0:probe.colA" "status SUCCESS" \
    "end OK " ask peer2 1/doctor1 deliver $private newest:newest
check "a peer that is in one collection has that alone" says 3 "private $top 0:probe.colA" "status SUCCESS" "end OK " \
    ask peer1 2/doctor2 deliver $private newest:newest
check "one that is in none has nothing" says 3 "private $top" "status SUCCESS" "end OK " \
    ask peer3 3/pharmacist1 deliver $private newest:newest
for i in 1 2 3 4; do write probe run "[\"PutState\",\"k\",\"$i\"]"; done
check "what has outlived its blocks is gone from the old block too" says 3 "private $top 0:probe.colA" \
    "status SUCCESS" "end OK " ask peer2 2/doctor2 deliver $private $top:$top
write probe run '["PurgePrivateData","colA","p"]'
check "what was purged as well: the collection's name is left" says 3 "private $top 0:probe.colA" "status SUCCESS" \
    "end OK " ask peer2 2/doctor2 deliver $private $top:$top

# ---- broadcast
check "a message of type CONFIG" says 2 \
    "status BAD_REQUEST message is of type that cannot be processed directly" "end OK " ask orderer 1/doctor1 broadcast 1
check "of type ORDERER_TRANSACTION" says 2 \
    "status BAD_REQUEST message is of type that is no longer supported" "end OK " ask orderer 1/doctor1 broadcast 4
check "for another channel" says 2 "status BAD_REQUEST channel does not exist" "end OK " \
    as CHANNEL=elsewhere orderer 1/doctor1 broadcast 3
check "with a forged signature" says 2 \
    "status FORBIDDEN implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Writers' sub-policies to be satisfied: permission denied" \
    "end OK " as FORGE=1 orderer 1/doctor1 broadcast 3
check "a CONFIG_UPDATE that is none" says 2 "status BAD_REQUEST error applying config update to existing channel 'trial': *" \
    "end OK " ask orderer 1/doctor1 broadcast 2
check "an empty envelope" says 2 "status BAD_REQUEST could not determine channel ID: header not set" "end OK " \
    ask orderer 1/doctor1 raw /orderer.AtomicBroadcast/Broadcast
top=$(height)
check "what is no transaction is ordered all the same" says 2 "status SUCCESS " "end OK " \
    ask orderer 1/doctor1 broadcast 3
check "its block is delivered" says 3 "block $((top + 1)) data 1 filter 1" "status SUCCESS" "end OK " \
    ask peer1 1/doctor1 deliver $blocks $((top + 1)):$((top + 1))
check "but not filtered, and the stream goes on, as at Fabric's peers" says 3 "status BAD_REQUEST" "status SUCCESS" \
    "end OK " ask peer1 1/doctor1 deliver $filtered $((top + 1)):$((top + 1))
# ---- rights that end while a stream waits
top=$(height)
ask peer3 3/pharmacist1 deliver $blocks "$top:99" >"$dir/member" 2>&1 &
member=$!
ask peer3 1/doctor1 deliver $blocks "$top:$((top + 1))" >"$dir/other" 2>&1 &
other=$!
until_lines '^block' "$dir/member" "$dir/other"
check "an organisation leaves the channel" says 1 "[0-9]*" \
    "$build/test-support/update_channel" "$dir/net" remove Pharmacy Clinic Hospital
wait $member $other
check "its stream ends with the block that says so" says 3 "block $top *" "status FORBIDDEN" "end OK " cat "$dir/member"
check "others' go on" says 4 "block $top *" "block $((top + 1)) *" "status SUCCESS" "end OK " cat "$dir/other"
check "its members are nobody's" says 1 "end UNKNOWN *creator org unknown*" ask peer1 3/pharmacist1 propose probe echo hello
finish
