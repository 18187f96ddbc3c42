#!/bin/sh
# Bad input gets a clear error and leaves nothing behind: the chain is as high afterwards as before.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d)
net=$dir/net
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
out=$dir/out err=$dir/err

height() { # the number of the block that a new transaction gets; each call makes one
    "$medsync" invoke --dir "$net" --user doctor1 --json probe run '["PutState","height","x"]' 2>/dev/null |
        sed -n 's/.*"block":\([0-9]*\).*/\1/p'
}

refused() { # name, words that must be in the error, arguments of medsync
    name=$1 words=$2
    shift 2
    "$medsync" "$@" --dir "$net" >"$out" 2>"$err" </dev/null
    status=$?
    n=$((n + 1))
    if [ $status -eq 0 ]; then
        echo "not ok $n - $name: is refused"
        bad=1
    elif ! grep -qi -- "$words" "$err"; then
        echo "not ok $n - $name: is refused with \"$words\""
        sed 's/^/# /' "$err"
        bad=1
    else
        echo "ok $n - $name: is refused with \"$words\""
    fi
}

"$medsync" devnet up --dir "$net" --detach --ports auto --with probe >"$out" 2>"$err" || {
    sed 's/^/# /' "$err"
    check "the network starts" false
    finish
}
"$medsync" setup --dir "$net" >"$out" 2>&1
check "its consortium is registered" [ $? -eq 0 ] || sed 's/^/# /' "$out"
hospital=$net/crypto/peerOrganizations/hospital.medsync.example
before=$(height)
check "the network commits" [ -n "$before" ]

refused "an unknown chaincode" "nothere" invoke --user doctor1 nothere f
refused "an unknown function" "unknown function" invoke --user doctor1 probe nothere
refused "an unknown function of consent" "unknown function" invoke --user patient1 --org hospital consent Nothere
refused "an unknown function, evaluated" "unknown function" query --user doctor1 probe nothere
refused "too many arguments" "BAD_INPUT" invoke --user doctor1 ehr StartEncounter one two --transient 'in={}'
refused "too few arguments" "BAD_INPUT" invoke --user doctor1 ehr CloseEncounter --transient 'in={}'
refused "malformed JSON" "BAD_INPUT" invoke --user patient1 --org hospital consent SetBase --transient 'in={"pid":'
refused "JSON with a key twice" "BAD_INPUT" invoke --user patient1 --org hospital consent SetBase \
    --transient 'in={"pid":"a","pid":"b"}'
refused "no transient input" "BAD_INPUT" invoke --user patient1 --org hospital consent SetBase
awk 'BEGIN { printf "{\"pid\":\""; for (i = 0; i < 70000; i++) printf "a"; printf "\"}" }' >"$dir/large"
refused "an oversized value" "BAD_INPUT" invoke --user patient1 --org hospital consent SetBase \
    --transient "in=@$dir/large"
printf 'in={"pid":"\377\376"}' >"$dir/utf8"
refused "invalid UTF-8 in JSON" "BAD_INPUT" invoke --user patient1 --org hospital consent SetBase \
    --transient "$(cat "$dir/utf8")"
refused "invalid UTF-8 in an answer's message" "not valid UTF-8" invoke --user doctor1 probe status 200 "$(printf '\377')" x
refused "invalid UTF-8 in a chaincode's name" "unmarshalling" invoke --user doctor1 "$(printf '\377')" f
refused "invalid UTF-8 in a transient name" "unmarshalling" invoke --user doctor1 probe echo x \
    --transient "$(printf 'a\377=x')"
refused "a patient's id that is none" "BAD_INPUT" invoke --user patient1 --org hospital consent SetBase \
    --transient 'in={"pid":"x","rules":[],"btg":"notify","btgMaxSens":"R","salt":"00000000000000000000000000000000"}'
refused "a proposal changed after it was signed" "access denied" invoke --user doctor1 --tamper proposal \
    probe run '["PutState","bad","x"]'
refused "a signature over something else" "access denied" invoke --user doctor1 --tamper signature \
    probe run '["PutState","bad","x"]'
refused "a transaction id that is not the hash" "incorrectly computed txid" invoke --user doctor1 --tamper txid \
    probe run '["PutState","bad","x"]'
refused "an organisation that nobody knows" "creator org unknown" invoke --msp-dir "$hospital/users/doctor1@hospital.medsync.example/msp" \
    --mspid NobodyMSP probe run '["PutState","bad","x"]'
refused "another organisation's name over one's certificate" "access denied" invoke \
    --msp-dir "$hospital/users/doctor1@hospital.medsync.example/msp" --org clinic --mspid ClinicMSP probe run '["PutState","bad","x"]'
"$build/test-support/odd_identity" unknown "$hospital" "$dir/unknown"
refused "a certificate of an unknown authority" "access denied" invoke --org hospital --msp-dir "$dir/unknown" \
    probe run '["PutState","bad","x"]'
"$build/test-support/odd_identity" expired "$hospital" "$dir/expired"
refused "an expired certificate" "expired" invoke --org hospital --msp-dir "$dir/expired" \
    probe run '["PutState","bad","x"]'
refused "a proposal from another hour" "timestamp\|TIME_WINDOW" invoke --user doctor1 --clock-offset -3600 \
    ehr CloseEncounter x --transient 'in={"salt":"00000000000000000000000000000000"}'
refused "an organisation that does not exist, to endorse" "NobodyMSP" invoke --user doctor1 --endorse NobodyMSP \
    probe run '["PutState","bad","x"]'
refused "a role that may not do it" "DENIED\|NO_ROLE" invoke --user pharmacist1 ehr StartEncounter \
    --endorse HospitalMSP,ClinicMSP --transient 'in={}'

after=$(height)
check "none of it has made a block ($before, then $after)" [ "${after:-0}" -eq $((before + 1)) ]
"$medsync" invoke --dir "$net" --user doctor1 --tamper envelope probe run '["PutState","bad","x"]' >"$out" 2>"$err"
check "an endorsed transaction changed before it is submitted is not committed" [ $? -ne 0 ]
value=$("$medsync" query --dir "$net" --user doctor1 probe run '["GetState","bad"]')
check "nothing was written" [ "$value" = '[""]' ]
finish
