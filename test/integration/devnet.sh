#!/bin/sh
# The embedded network from outside: start, query, invoke, refusals of bad input, stop, start again. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-devnet.XXXXXX")
number=0 failed=0

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ok() { # what
    number=$((number + 1))
    echo "ok $number - $1"
}

not_ok() { # what, why
    number=$((number + 1)) failed=1
    echo "not ok $number - $1"
    printf '%s\n' "$2" | sed 's/^/#   /' | head -n 12
}

# The command succeeds and prints the text.
prints() { # what, text, command...
    what=$1 text=$2
    shift 2
    out=$("$@" 2>&1)
    status=$?
    case $status:$out in
    0:*"$text"*) ok "$what" ;;
    *) not_ok "$what" "exit status $status, no \"$text\" in: $out" ;;
    esac
}

# The command fails and says the text.
refuses() { # what, text, command...
    what=$1 text=$2
    shift 2
    out=$("$@" 2>&1)
    status=$?
    case $status:$out in
    0:*) not_ok "$what" "exit status 0: $out" ;;
    *"$text"*) ok "$what" ;;
    *) not_ok "$what" "exit status $status, no \"$text\" in: $out" ;;
    esac
}

query() { "$medsync" query --dir "$dir/net" "$@"; }
invoke() { "$medsync" invoke --dir "$dir/net" "$@"; }
up() { "$medsync" devnet up --dir "$dir/net" --ports auto --with probe --detach "$@"; }

# the passphrases of whoever starts it are no chaincode's business
if ! out=$(MEDSYNC_KEY_PASSPHRASE=$dir MEDSYNC_KEY_PASSPHRASE_FILE=$dir/none up 2>&1); then
    not_ok "the network comes up" "$out"
    echo "1..$number"
    exit 1
fi
ok "the network comes up"
prints "status tells the peers" "HospitalMSP" "$medsync" devnet status --dir "$dir/net"
prints "as JSON too, as that of a native network" '"running":true,"ready":true,"pid":' "$medsync" fabric status --json --dir "$dir/net"
given=$(for e in $(grep -lsz '^CHAINCODE_ID=' /proc/[0-9]*/environ); do tr '\0' '\n' <"$e" | grep -F "PASSPHRASE=$dir"; done 2>/dev/null)
if [ -z "$given" ]; then ok "chaincodes don't get the passphrases of keys"; else not_ok "chaincodes don't get the passphrases of keys" "$given"; fi
refuses "a second network in the same directory is refused" "runs in $dir/net already" up

# ---- what it is for
prints "a query is answered" "hello" query --user doctor1 probe echo hello
prints "an invoke is committed" "ok" invoke --user doctor1 probe run '["PutState","k","v1"]'
prints "what was committed is read" "7631" query --user doctor1 probe run '["GetState","k"]'
prints "another organisation's peer reads it too" "7631" \
    query --user doctor1 --gateway Pharmacy probe run '["GetState","k"]'
prints "several organisations endorse" "ok" \
    invoke --user doctor1 --endorse HospitalMSP,ClinicMSP,PharmacyMSP,RegulatorMSP probe run '["PutState","k","v2"]'
prints "the history has both values" "7632" query --user doctor1 probe run '["GetHistoryForKey","k"]'
prints "a range is read" "probe/6b=7632" query --user doctor1 probe run '["GetStateByRange","a","z"]'
prints "a call of another chaincode without a name is refused in the answer" "500//" \
    query --user doctor1 probe run '["InvokeChaincode","nosuch","","x"]'
invoke --user doctor1 probe run '["PutState","n","0"]' >/dev/null 2>&1

# ---- private data: only members' peers have them, and only members' people may read them
prints "private data are written" "ok" \
    invoke --user doctor1 --endorse HospitalMSP,ClinicMSP probe run '["PutPrivateData","colA","pk","secret"]'
prints "another member's peer has them" "736563726574" \
    query --user doctor1 --gateway Clinic probe run '["GetPrivateData","colA","pk"]'
prints "a peer that is no member has none" "private data matching public hash version is not available" \
    query --user doctor1 --gateway Pharmacy probe run '["GetPrivateData","colA","pk"]'
prints "but their hash" "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" \
    query --user doctor1 --gateway Pharmacy probe run '["GetPrivateDataHash","colA","pk"]'
prints "a person of no member may not read them" "tx creator does not have read access permission" \
    query --user pharmacist1 --gateway Hospital probe run '["GetPrivateData","colA","pk"]'
refuses "a gateway without the chaincode keeps transient data to itself" "to protect transient data" \
    invoke --user pharmacist1 --transient in=x consent SetBase

# ---- bad input: a clear error, and nothing left behind
prints "the consortium is registered" "is registered" "$medsync" setup --dir "$dir/net"
refuses "an unknown function" "unknown function nope" invoke --user doctor1 probe nope
refuses "an unknown chaincode" "nosuch" invoke --user doctor1 nosuch f
refuses "an unknown chaincode in a query" "no peers available to evaluate chaincode nosuch in channel medsync" \
    query --user doctor1 nosuch f
refuses "a wrong number of arguments" "argument" invoke --user doctor1 --endorse HospitalMSP,ClinicMSP ehr ReadIndex a b c
refuses "malformed JSON" "not valid JSON" invoke --user doctor1 --endorse HospitalMSP,ClinicMSP --transient 'in={"broken' \
    ehr StartEncounter
refuses "a value larger than a block may be" "exceeds maximum allowed" \
    invoke --user doctor1 probe run '["PutStateSized","big","12000000"]'
refuses "an organisation that isn't there" "failed to find any endorsing peers for org(s)" \
    invoke --user doctor1 --endorse HospitalMSP,NobodyMSP probe run '["PutState","x","1"]'
refuses "a tampered proposal" "access denied: channel [medsync] creator org [HospitalMSP]" \
    invoke --user doctor1 --tamper signature probe run '["PutState","x","1"]'
refuses "a wrong transaction id" "incorrectly computed txid" \
    invoke --user doctor1 --tamper txid probe run '["PutState","x","1"]'
refuses "a tampered transaction" "status=FORBIDDEN" invoke --user doctor1 --tamper envelope probe run '["PutState","x","1"]'
refuses "a proposal from another hour" "request unauthorized due to incorrect timestamp" \
    invoke --user doctor1 --clock-offset -3600 probe run '["PutState","x","1"]'
crypto=$dir/net/crypto/peerOrganizations
refuses "a certificate under another organisation's name" "access denied" \
    invoke --org Hospital --msp-dir "$crypto/hospital.medsync.example/users/doctor1@hospital.medsync.example/msp" \
    --mspid ClinicMSP probe run '["PutState","x","1"]'
refuses "an organisation that the channel doesn't know" "creator org unknown, creator is malformed" \
    invoke --org Hospital --msp-dir "$crypto/hospital.medsync.example/users/doctor1@hospital.medsync.example/msp" \
    --mspid StrangerMSP probe run '["PutState","x","1"]'
prints "nothing of all that was written" '[""]' query --user doctor1 probe run '["GetState","x"]'
prints "and the network still answers" "7632" query --user doctor1 probe run '["GetState","k"]'

# ---- its processes
pid=$(sed -n 1p "$dir/net/devnet.pid")
child=$(for each in $(cat /proc/"$pid"/task/*/children); do
    ! grep -qa probe /proc/"$each"/cmdline || echo "$each"
done | head -n 1)
if [ -n "$child" ] && kill -9 "$child"; then
    prints "a chaincode that crashed is back" "again" query --user doctor1 probe echo again
else
    number=$((number + 1))
    echo "ok $number # SKIP no process found to kill"
fi

# ---- down and up again
prints "it stops" "stopped" "$medsync" devnet down --dir "$dir/net"
refuses "and is down" "no devnet runs" "$medsync" devnet down --dir "$dir/net"
prints "it comes up again on the same directory" "ready" up
prints "with all that was committed" "7632" query --user doctor1 probe run '["GetState","k"]'
prints "and goes on from there" "ok" invoke --user doctor1 probe run '["PutState","k","v3"]'
mkdir "$dir/bin" || exit 1
sed -n 's/^  - name: \([a-z]*\)$/\1/p' network/network.yaml | while read -r chaincode; do
    cp "$(dirname "$medsync")/$chaincode" "$dir/bin" || exit 1
done
printf '#!/bin/sh\nexit 3\n' >"$dir/bin/broken" && chmod +x "$dir/bin/broken"
refuses "a chaincode that ends at once is named, with its log" "ended with exit status 3 each time it was started" \
    "$medsync" devnet up --dir "$dir/broken" --ports auto --bin "$dir/bin" --with broken --detach
refuses "a missing executable is named" "the executable of chaincode nosuch is missing" \
    "$medsync" devnet up --dir "$dir/other" --ports auto --with nosuch --detach

echo "1..$number"
exit $failed
