#!/bin/sh
# devnet up --referee: whatever a chaincode depends on besides the ledger and its arguments is found and named. TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-referee.XXXXXX")
down() { "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; }
trap 'down; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
# what the chaincode may notice is as the referee does not have it
unset LC_ALL LC_CTYPE LC_NUMERIC LC_COLLATE LC_MONETARY LC_TIME LC_MESSAGES LANG MALLOC_PERTURB_
export TZ=UTC0 # the machine's own may be the referee's
export WAYWARD=1
# a sanitizer wants to be the first library of a process; the one that moves the clock is
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"

mkdir "$dir/wayward"
cp "$build/test-support/wayward" "$dir/wayward/wayward" || exit 1
sanitized=$(ldd "$dir/wayward/wayward" | grep -c -e libasan -e libtsan)
cat >"$dir/wayward/collections.json" <<END
[{ "name": "c", "policy": "OR('HospitalMSP.member','ClinicMSP.member')", "requiredPeerCount": 0, "maxPeerCount": 1,
   "blockToLive": 0, "memberOnlyRead": false, "memberOnlyWrite": false }]
END
up() { "$medsync" devnet up --dir "$dir/net" --ports auto --with "wayward=$dir/wayward/wayward" --detach "$@" >"$dir/out" 2>&1; }
invoke() { "$medsync" invoke --dir "$dir/net" --user doctor1 "$@" >"$dir/out" 2>&1; }

says() { # text that is in the output
    grep -qF -- "$1" "$dir/out" || { sed 's/^/# /' "$dir/out"; return 1; }
}
passes() { invoke "$@" || { sed 's/^/# /' "$dir/out"; return 1; }; }
# The function is refused, with this text, and the devnet's log has it too.
found() { # function, text...
    function=$1
    shift
    invoke wayward "$function"
    [ $? -ne 0 ] || { echo "# it was endorsed"; return 1; }
    says "referee: function $function is not deterministic between HospitalMSP and HospitalMSP" || return 1
    for text; do
        says "$text" || return 1
    done
    grep -q "E-TX-07.*function $function is not deterministic" "$dir/net/log/devnet.log"
}

check "a network without referees comes up" up || { cat "$dir/out"; finish; }
check "and takes what depends on the year" passes wayward clock
check "two organisations' answers that differ are told by key and byte" \
    eval '! invoke --endorse HospitalMSP,ClinicMSP wayward random && says "function random is not deterministic between" &&
        says "the values written to key \"k\" of chaincode wayward differ at byte"'
check "in its log too" grep -q 'E-TX-07.*function random is not deterministic' "$dir/net/log/devnet.log"
down

check "a network with eight referees comes up" up --referee 8 || { cat "$dir/out"; finish; }
check "and says what they try" [ "$(grep -c 'referee: each transaction is simulated' "$dir/net/log/devnet.log")" -eq 8 ]
check "what depends on nothing is endorsed" passes wayward steady
check "so is our own chaincode's answer" eval \
    '! invoke --endorse HospitalMSP,ClinicMSP ehr ReadIndex a && says "unbound_key" && ! grep -q referee "$dir/out"'
# the year's last digit, but at the end of a decade
check "the clock is found" found clock 'the values written to key "k" of chaincode wayward differ at byte ' \
    ' (lengths 9 and 9)' "with a clock 400 days ahead"
check "the time zone is found" found zone 'differ at byte' "with TZ=<+14>-14"
check "the locale is found" found locale "with LC_ALL="
check "an environment variable is found" found variable "with other environment variables"
if [ "$sanitized" -eq 0 ]; then
    check "memory that was never written is found" found heap "with other bytes in unused memory"
    check "an address is found" found address "(in all of 8 runs: look for random numbers, addresses"
else
    n=$((n + 2))
    echo "ok $((n - 1)) - memory that was never written is found # SKIP the sanitizer fills it itself"
    echo "ok $n - an address is found # SKIP the sanitizer's memory lies at the same addresses each time"
fi
check "chance is found" found random "(in all of 8 runs: look for random numbers, addresses"
check "it may show in a range" found range 'queries the range from "a" to "n" of chaincode wayward'
check "in a key's policy" found policy 'the VALIDATION_PARAMETER set for key "k" of chaincode wayward differs at byte'
check "in private data, by the key's hash" found secret \
    "the values written to the key with hash $(printf p | sha256sum | cut -c 1-16)... of collection c of chaincode wayward differ at byte"
check "in an event" found event 'the payloads of event "Done" differ at byte'
check "in the answer" found answer "the responses' payloads differ at byte"
check "in a refusal" found refuse "it succeeds in the first, and is refused in the other one: status 500, too late"
check "but a refusal by the clock alone is no finding" passes wayward window
check "in a crash" found crash "it succeeds in the first, and is refused in the other one: status 500"
check "a query is nobody's business" \
    eval '"$medsync" query --dir "$dir/net" --user doctor1 wayward answer >"$dir/out"'
check "and what depends on nothing is endorsed again" passes wayward steady
down
running() { # the programs of all processes, as they were called
    for each in /proc/[0-9]*/cmdline; do
        { tr '\0' '\n' <"$each"; } 2>/dev/null | head -n 1
    done
}
check "no process of a chaincode is left" eval '! running | grep -qF "$dir/wayward"'

check "one referee has all conditions at once" up --referee 1
check "and finds the same" found zone "with a clock 97 s ahead, TZ=<+14>-14, LC_ALL="
check "the clock too, and less of it" found moment "with a clock 97 s ahead"
down
check "a number that is none is refused" eval '! up --referee many && says "--referee many: must be 0 to 32"'
finish
