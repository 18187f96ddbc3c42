#!/bin/sh
# The custodian: to whom it releases data keys, and to whom it doesn't. Each refusal's reason stands in its log.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/chart.sh
build=$PWD/${BUILD:-build/release}
medsync=$build/bin/medsync
ask=$build/test-support/ask_custodian
dir=$(mktemp -d)
net=$dir/net
trap 'chart_custodians_down; "$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT

asked() { # user, organisation, custody, audit, record: what came out, in out; what was logged meanwhile, in said
    before=$(wc -l <"$net/log/custodian1.log")
    "$ask" "$net" "$@" >"$dir/out" 2>&1
    status=$?
    tail -n "+$((before + 1))" "$net/log/custodian1.log" >"$dir/said"
    return $status
}
released() { # name, words of asked...
    name=$1
    shift
    asked "$@"
    check "$name" grep -q ' released$' "$dir/out" || sed 's/^/# /' "$dir/out" "$dir/said"
}
refused() { # name, reason in the log, words of asked...
    name=$1 reason=$2
    shift 2
    asked "$@"
    check "$name" grep -q ' refused$' "$dir/out" &&
        check "... for the reason $reason" grep -qF -- "\"reason\":\"$reason\"" "$dir/said" || sed 's/^/# /' "$dir/out" "$dir/said"
}
access() { # user, options of invoke...: asks for access to everything; the request's id in audit
    user=$1
    shift
    audit=$(random_hex 16)
    "$medsync" "${verb:-invoke}" --dir "$net" --user "$user" "$@" --transient \
        "in={\"reqId\":\"$audit\",\"pid\":\"$pid\",\"purpose\":\"TREAT\",\"scope\":{\"recIds\":[\"$rec\"]}}" ehr RequestAccess \
        >"$dir/request" 2>&1
}

chart_up
check "a devnet with custodians is there" chart_set_up || sed 's/^/# /' "$net.up"
chart_custodians
"$medsync" record import --dir "$net" --user registrar1 --pid "$pid" --json network/fhir/example/bundle.json >"$dir/imported" 2>&1
rec=$(sed -n 's/.*"recId":"\([0-9a-f]*\)".*/\1/p' "$dir/imported")
other=$(sed -n 's/.*"recId":"\([0-9a-f]*\)".*"recId".*/\1/p' "$dir/imported")
check "and a record in the hospital's custody" [ -n "$rec" ] || sed 's/^/# /' "$dir/imported"
H="doctor1 hospital HospitalMSP"

# ---- no grant ----
access doctor1 --endorse hospital,clinic
refused "nothing without consent" DENIED:no_consent $H "$audit" "$rec"
check "the reader is told no and nothing else" [ "$(cat "$dir/out")" = "$rec refused" ]

# ---- a grant ----
check "the patient grants a doctor access" chart_grant uid-h-0001
access doctor1 --endorse hospital,clinic
granted=$audit granted_at=$(date +%s)
released "a key for who was granted access" $H "$granted" "$rec"
check "which is logged by ids" grep -q "\"msg\":\"key released\",\"auditId\":\"$granted\",\"recId\":\"$rec\",\"reader\":\"[0-9a-f]*\"" "$dir/said"
refused "no other record than what was asked for" DENIED:scope $H "$granted" "$other"
refused "and none that there isn't" NOT_FOUND $H "$granted" "$(random_hex 16)"

# ---- another's certificate ----
refused "nothing for a colleague who knows the request's id" "the grant is of another certificate's key" doctor2 hospital HospitalMSP "$granted" "$rec"
refused "nothing for the patient's other doctors elsewhere" "the grant is of another certificate's key" doctor3 clinic HospitalMSP "$granted" "$rec"
orderer=$net/crypto/ordererOrganizations/orderer.medsync.example/users/Admin@orderer.medsync.example/msp
MSP_DIR=$orderer MSPID=OrdererMSP asked doctor1 hospital HospitalMSP "$granted" "$rec"
check "a certificate that no organisation of the channel has issued gets no connection" [ $? -eq 1 ] && grep -q "^error: .*HospitalMSP" "$dir/out" ||
    sed 's/^/# /' "$dir/out"
check "... and no answer" sh -c "! grep -q 'key re' '$dir/said'" || sed 's/^/# /' "$dir/said"

# ---- never committed ----
verb=query access doctor1 --endorse hospital
check "a request that was only evaluated" [ -s "$dir/request" ]
refused "opens nothing" NOT_FOUND $H "$audit" "$rec"
access doctor1 --endorse hospital
check "a request that was committed as invalid, for want of an endorsement" grep -q "E-TX-03" "$dir/request" || sed 's/^/# /' "$dir/request"
refused "opens nothing either" NOT_FOUND $H "$audit" "$rec"
refused "nor does one that never was" NOT_FOUND $H "$(random_hex 16)" "$rec"

# ---- another organisation's custody ----
"$ask" "$net" doctor1 hospital ClinicMSP "$granted" "$rec" >"$dir/out" 2>&1
check "the clinic's custodian has nothing of the hospital's" grep -q ' refused$' "$dir/out"
check "... and says so in its own log" grep -q '"reason":"DENIED:not_custody"' "$net/log/custodian2.log"

# ---- what is no question ----
asked $H "$granted" 'no/id'
check "what is no id is not asked" grep -q 'no id of a record' "$dir/out"

# ---- one reader alone ----
holds() { # HOLD, BYTES, words that are awaited: doctor2 holds calls open; the process in holder
    HOLD=$1 BYTES=$2 "$ask" "$net" doctor2 hospital HospitalMSP "$granted" "$rec" >"$dir/held" 2>&1 &
    holder=$!
    tries=0
    until grep -q "$3" "$dir/held" || [ $tries -ge 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    grep -q "$3" "$dir/held"
}
check "who opens calls and asks nothing gets some of them alone" holds 200 0 'RESOURCE_EXHAUSTED: too many calls' || sed 's/^/# /' "$dir/held"
released "others are answered meanwhile" $H "$granted" "$rec"
kill "$holder"
wait "$holder" 2>/dev/null
check "what is no question for its size is not kept" holds 1 100000 'INVALID_ARGUMENT: a question is smaller' || sed 's/^/# /' "$dir/held"
kill "$holder"
wait "$holder" 2>/dev/null
check "a custodian leaves no core, which would have its key" grep -q '^Max core file size *1 *1 ' "/proc/${custodians##* }/limits"

# ---- a certificate that the channel takes no longer: somebody has its key, and a grant that holds for some minutes ----
chart_grant uid-h-0002
access doctor2 --endorse hospital,clinic
released "a key for a second doctor" doctor2 hospital HospitalMSP "$audit" "$rec"
revoke() {
    "$medsync" certs revoke --dir "$net" doctor2@hospital.medsync.example --reason keyCompromise &&
        "$medsync" channel update create --dir "$net" --msp Hospital --output "$dir/crl.pb" &&
        "$medsync" channel update submit "$dir/crl.pb" --dir "$net" --org Hospital
}
check "whose certificate is revoked then" revoke >"$dir/revoked" 2>&1 || sed 's/^/# /' "$dir/revoked"
asked doctor2 hospital HospitalMSP "$audit" "$rec"
check "the grant opens nothing from then on" grep -q '^error: .*PERMISSION_DENIED: the channel does not take this certificate' "$dir/out" || sed 's/^/# /' "$dir/out"
check "... for the reason that the log has" grep -q '"msg":"key refused".*"reason":"the certificate is revoked"' "$dir/said" || sed 's/^/# /' "$dir/said"
released "the first doctor goes on" $H "$granted" "$rec"

# ---- taken back ----
check "the patient takes the grant back" chart_revoke uid-h-0001
refused "a grant that was taken back opens nothing, though its time runs" DENIED:revoked $H "$granted" "$rec"
check "and is given again" chart_grant uid-h-0001
released "whereupon the request of before holds" $H "$granted" "$rec"

# ---- custody keys ----
chart_custodians_down
custodian_options="--key
$net/custody/ClinicMSP.key"
chart_custodians
refused "another custody key opens nothing" "the data key is damaged, or sealed to another custody key" $H "$granted" "$rec"
check "and the log has a code for that" grep -q '"code":"E-CUST-02"' "$dir/said"
chart_custodians_down
custodian_options="$custodian_options
--key
$net/custody/HospitalMSP.key"
chart_custodians
released "one of several keys opens what was sealed to it" $H "$granted" "$rec"
chart_custodians_down
custodian_options=
mv "$net/custody/HospitalMSP.key" "$net/custody/HospitalMSP.1.key"
cp "$net/custody/ClinicMSP.key" "$net/custody/HospitalMSP.key"
chart_custodians
released "without --key one of before is found beside the newest" $H "$granted" "$rec"
chart_custodians_down
mv "$net/custody/HospitalMSP.1.key" "$net/custody/HospitalMSP.key"

# ---- what it is started with
for wrong in 127.0.0.1:99999 127.0.0.1: :7060 7060 127.0.0.1:x; do
    timeout 20 "$medsync" custodian --dir "$net" --org hospital --user custodian1 --listen "$wrong" >"$dir/out" 2>&1
    check "--listen $wrong is refused" [ $? -eq 2 ] && grep -q 'must be HOST:PORT' "$dir/out" || sed 's/^/# /' "$dir/out"
done
chmod 644 "$net/custody/ClinicMSP.key"
: >"$net/log/custodian2.log"
chart_custodians
check "a custody key that everybody can read is warned of" grep -q '"level":"warn.*custody/ClinicMSP.key can be read by every user' "$net/log/custodian2.log" || sed 's/^/# /' "$net/log/custodian2.log"
chart_custodians_down
chmod 600 "$net/custody/ClinicMSP.key"

# ---- as a service: DIR is not its own to write to, and others watch over it
listens_at=$(sed -n 's/.*"address": "\(.*\)",/\1/p' "$net/custodians/ClinicMSP.json" 2>/dev/null)
check "a custodian that has ended is not told of" [ -z "$listens_at" ]
custodian_options=--announced
chart_custodians
check "one that others announce tells nobody itself" [ ! -e "$net/custodians/HospitalMSP.json" ]
port=$(sed -n 's/.*listens at .*:\([0-9]*\)$/\1/p' "$net/custodian.said")
probe() { "$medsync" custodian --probe --dir "$net" --user custodian2 --listen "127.0.0.1:$1" >"$dir/out" 2>&1; }
check "who watches over it is told that it serves" probe "$port" || sed 's/^/# /' "$dir/out"
chart_custodians_down
check "or that it doesn't" sh -c '! "$@" >/dev/null 2>&1' - "$medsync" custodian --probe --dir "$net" --user custodian2 --listen "127.0.0.1:$port"
custodian_options=
chart_custodians

# ---- twice
second() { timeout 20 "$medsync" custodian --dir "$net" --org hospital --user custodian1 "$@" >"$dir/out" 2>&1; }
first=$(sed -n 's/.*"address": "\(.*\)",/\1/p' "$net/custodians/HospitalMSP.json")
of_first=$(echo $custodians | cut -d ' ' -f 1)
second
second=$?
check "a second custodian of the organisation is refused" [ $second -ne 0 -a $second -ne 124 ] && grep -q "E-CUST-04" "$dir/out" || sed 's/^/# /' "$dir/out"
check "... with the one that runs, and what to do" \
    grep -qF "(process $of_first, at $first): stop it first (kill $of_first), or start this one with --announced" "$dir/out" || sed 's/^/# /' "$dir/out"
check "the first one stays announced" grep -qF "\"$first\"" "$net/custodians/HospitalMSP.json"
"$medsync" custodian --dir "$net" --org hospital --user custodian1 --announced >"$dir/out" 2>&1 &
beside=$!
tries=0
until grep -q listens "$dir/out" || [ $tries -ge 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
check "one that others announce may run beside it" grep -q listens "$dir/out" || sed 's/^/# /' "$dir/out"
kill "$beside"
wait "$beside" 2>/dev/null
check "and leaves the first one announced" grep -qF "\"$first\"" "$net/custodians/HospitalMSP.json"
released "who answers" $H "$granted" "$rec"
kill -KILL $custodians
wait $custodians 2>/dev/null
custodians=
chart_custodians
released "after one that was killed the next one starts" $H "$granted" "$rec"

# ---- nothing of a patient, and no key, in any log ----
check "no patient's id in a custodian's log" sh -c "! grep -qF '$pid' '$net'/log/custodian*.log"
check "and nothing but ids" sh -c "! grep -aqE '\"(key|dek|sealed|cid|pid)\"' '$net'/log/custodian*.log"

# ---- its own peer is away ----
killed "$(sed -n 1p "$net/devnet.pid")"
asked $H "$granted" "$rec"
check "without its peer a custodian releases nothing" grep -q '^error: .*UNAVAILABLE' "$dir/out" || sed 's/^/# /' "$dir/out"
check "its log says so of each record" grep -q '"msg":"key refused".*"reason":"the custodian.s own peer does not answer"' "$dir/said" || sed 's/^/# /' "$dir/said"
check "and says which code" grep -q '"code":"E-CUST-01"' "$dir/said" || sed 's/^/# /' "$dir/said"
chart_custodians_down
check "a custodian that ends takes its address with it" [ ! -e "$net/custodians/HospitalMSP.json" ]

# ---- expired: the same network, half an hour later ----
if nm "$medsync" 2>/dev/null | grep -q __asan_init; then
    n=$((n + 1))
    echo "ok $n - a grant whose time is over # SKIP a sanitizer must be the first library, and the later clock would be"
else
    clock=$build/lib/medsync/clock.so
    chart_down_up() {
        LD_PRELOAD=$clock MEDSYNC_CLOCK_AHEAD=$1 "$medsync" devnet up --detach --ports auto --dir "$net" >"$net.up" 2>&1 || return 1
        chart_custodians env "LD_PRELOAD=$clock" "MEDSYNC_CLOCK_AHEAD=$1"
    }
    # of the grant's half hour, five minutes for what starts first, however long all that was took
    check "25 minutes after it was given" chart_down_up $((granted_at + 1500 - $(date +%s))) || sed 's/^/# /' "$net.up"
    released "the grant holds" $H "$granted" "$rec"
    chart_custodians_down
    "$medsync" devnet down --dir "$net" >/dev/null 2>&1
    check "31 minutes later" chart_down_up 1860 || sed 's/^/# /' "$net.up"
    refused "it doesn't any more" DENIED:expired $H "$granted" "$rec"
fi
chart_custodians_down

# ---- what it needs to start ----
starts() { # name, words in the error, options...
    name=$1 words=$2
    shift 2
    "$medsync" custodian --dir "$net" "$@" >"$dir/out" 2>&1 </dev/null
    check "$name" grep -qF -- "$words" "$dir/out" || sed 's/^/# /' "$dir/out"
}
starts "a user is needed" E-CLI-03
starts "who exists" "has no user nobody" --org hospital --user nobody
starts "a custody key" E-CUST-03 --user custodian1 --key "$net/pid"
starts "an address" E-CLI-03 --user custodian1 --listen here
starts "which is free" E-CUST-03 --user custodian1 --listen 192.0.2.1:1
starts "TLS material whole" E-CLI-03 --user custodian1 --tls-cert x
starts "and readable" E-CUST-03 --user custodian1 --tls-cert "$dir/x" --tls-key "$dir/x" --tls-ca "$dir/x"
finish
