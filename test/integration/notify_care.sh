#!/bin/sh
# medsync notify for a patient: reminders of what is due, and of events only those that concern the patient.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d)
net=$dir/net
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT

quiet() {
    "$@" >"$dir/said" 2>&1 && return
    sed 's/^/# /' "$dir/said"
    false
}
up() { "$medsync" devnet up --dir "$net" --ports auto --detach && "$medsync" setup --dir "$net"; }
check "a consortium is up" quiet up || finish
salt() { head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
act() { # user, function, T without its salt
    "$medsync" invoke --dir "$net" --user "$1" --endorse hospital,clinic appointments "$2" --transient "in={$3,\"salt\":\"$(salt)\"}"
}
pid_of() { "$medsync" query --dir "$net" --user "$1" credentials Caller | sed 's/.*"pid":"\([^"]*\)".*/\1/'; }
notify() { # state, words...
    state=$1
    shift
    "$medsync" notify --dir "$net" --user patient1 --org hospital --state "$dir/$state" --pid "$pid" --every 1 "$@" >"$dir/out" 2>"$dir/err"
}

pid=$(pid_of patient1) other=$(pid_of patient2)
day=$(date -u -d 'now + 2 days' +%F)
check "a day is published" quiet act desk1 PublishDay \
    "\"uid\":\"uid-h-0001\",\"unit\":30,\"slots\":[\"${day}T09:00:00Z\",\"${day}T09:30:00Z\"]"
notify state --idle 1
hold='"uid":"uid-h-0001","minutes":30,"class":"normal"'
book() { # user, pid, id, time
    act "$1" Hold "\"id\":\"$3\",\"pid\":\"$2\",\"start\":\"${day}T$4:00Z\",$hold" && act "$1" Book "\"id\":\"$3\""
}
check "a patient holds and books" quiet book patient1 "$pid" mine 09:00
check "another one as well" quiet book patient2 "$other" theirs 09:30

notify state --mine --count 2 --ahead 60
check "of the events a patient is told the own ones" [ "$(grep -c '"event":"\(SlotHeld\|Booked\)".*"payload":{"id":"mine"}' "$dir/out")" -eq 2 ] ||
    cat "$dir/out" "$dir/err"
notify others --mine --from oldest --kind all --idle 1 --ahead 60
check "and no other patient's" sh -c '! grep -q theirs "$1"' - "$dir/out"
notify state --mine --idle 2 --ahead 60
check "what is not due yet is not reminded of" [ ! -s "$dir/out" ] || sed 's/^/# /' "$dir/out"
notify state --mine --count 1 --ahead 4320
check "what is due soon is" grep -q "\"kind\":\"appointment\".*\"of\":\"mine\",\"due\":\"${day}T09:00:00Z\"" "$dir/out"
notify state --mine --idle 2 --ahead 4320
check "once" [ ! -s "$dir/out" ] || sed 's/^/# /' "$dir/out"
check "a visit is cancelled" quiet act patient1 Cancel '"id":"mine","reasonCode":"patient"'
notify fresh --idle 2 --ahead 4320
check "and nobody is reminded of it any more" sh -c '! grep -q mine "$1"' - "$dir/out"
"$medsync" notify --dir "$net" --user patient2 --org hospital --state "$dir/curious" --pid "$pid" --idle 1 >"$dir/out" 2>"$dir/err"
check "nobody is reminded of somebody else's visits" [ $? -eq 3 -a ! -s "$dir/out" ] || sed 's/^/# /' "$dir/err"
finish
