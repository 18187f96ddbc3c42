#!/bin/sh
# medsync appointments import: other people's calendars onto a devnet, by the practice's desk. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/chart.sh
top=$PWD
medsync=$top/${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d)
net=$dir/net
data=${MEDSYNC_SHARED:-$top/../shared}/data
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
cd "$dir" || exit 1

import() { # words...: status in $?, output in out and err
    "$medsync" appointments import --dir "$net" --user desk1 "$@" >out 2>err
}
says() { # name, exit status, words, words of import...
    name=$1 want=$2 words=$3
    shift 3
    import "$@"
    got=$?
    check "$name" [ "$got" -eq "$want" ] && check "... saying so: $words" grep -qF -- "$words" out err || sed 's/^/# /' out err
}

# ---- what is wrong before there is a network ----
says "no file" 2 "which files" --doctor Practitioner/1=uid-h-0001
says "a name for nobody" 2 "REF=UID" --doctor Practitioner/1 x.json
says "a file that isn't there" 8 "none.json" --doctor Practitioner/1=uid-h-0001 none.json
echo '{"resourceType":"Slot"' >broken.json
says "a file that is no FHIR" 8 "broken.json, line 1" --doctor Practitioner/1=uid-h-0001 broken.json

# ---- a calendar ----
(cd "$top" && chart_up)
check "a devnet is there" chart_set_up || sed 's/^/# /' "$net.up"
pid=$(cat "$net/pid")
in_days() { date -u -d "+$1 days" +%Y-%m-%d; }
slot() { # id, status, day, from, to
    printf '{"resourceType":"Slot","id":"%s","schedule":{"reference":"Schedule/1"},"status":"%s","start":"%sT%s:00Z","end":"%sT%s:00Z"}\n' \
        "$1" "$2" "$3" "$4" "$3" "$5"
}
visit() { # id, day, from, to, patient
    printf '{"resourceType":"Appointment","id":"%s","status":"booked","start":"%sT%s:00Z","end":"%sT%s:00Z","participant":[{"actor":{"reference":"Patient/%s"}},{"actor":{"reference":"Practitioner/7"}}]}\n' \
        "$1" "$2" "$3" "$2" "$4" "$5"
}
day=$(in_days 9)
{
    echo '{"resourceType":"Schedule","id":"1","actor":[{"reference":"Practitioner/7"}]}'
    slot 1 free "$day" 09:00 09:30
    slot 2 free "$day" 09:30 10:00
    slot 3 busy "$day" 10:00 10:30
    visit a "$day" 09:30 10:00 1
    visit b "$day" 16:00 16:45 1
    visit c "$day" 17:00 17:15 2
} >calendar.ndjson
who="--doctor Practitioner/7=uid-h-0001"
says "only told" 0 "6 Slots and Appointments: 4 taken, as 3 units in 2 calls and 2 visits" \
    $who --patient "Patient/1=$pid" --dry-run calendar.ndjson
check "... with what not" grep -qx "  1 not: a visit of a patient who is nobody here" out
says "a desk imports its calendar" 0 "published 2 days (3 units), booked 2 visits; 0 were there, 0 refused" \
    $who --patient "Patient/1=$pid" calendar.ndjson
says "again: nothing is made twice" 0 "published 0 days (0 units), booked 0 visits; 4 were there, 0 refused" \
    $who --patient "Patient/1=$pid" calendar.ndjson
says "another site's doctor" 3 "DENIED:not_site" --doctor Practitioner/7=uid-c-0001 --json calendar.ndjson
echo "Patient/1=$pid" >people
echo "Patient/2=$pid" >>people
visit d "$day" 16:15 16:30 2 >later.ndjson
says "a patient who is busy" 3 "CONFLICT" --doctor Practitioner/7=uid-h-0002 --patients people later.ndjson
check "the day sheet has both visits" prints '"status":"booked"' "$medsync" query --dir "$net" --user desk1 appointments DaySheet \
    --transient "in={\"uid\":\"uid-h-0001\",\"date\":\"$day\"}"
check "... and no other" [ "$(grep -o '"override"\|"status":"booked"' "$dir/out" | wc -l)" -eq 2 ]

# ---- other people's ----
weeks() { # how many from that day to a week that nothing was imported into yet
    echo $((($(date -u +%s) - $(date -u -d "$1" +%s)) / 604800 + 6))
}
set_of() { # name, words that are counted, words of import...
    name=$1 words=$2
    shift 2
    import "$@"
    check "$name" grep -q "$words" out
    sed 's/^/# /' out err
}
if [ -d "$data" ]; then
    set_of "SMART Scheduling Links: a week of two places" "booked 0 visits; 0 were there, 0 refused" \
        --doctor Location/0=uid-h-0001 --doctor Location/1=uid-h-0002 --shift "$(weeks 2021-03-01)" \
        "$data"/scheduling-smart-links/schedules.ndjson "$data"/scheduling-smart-links/slots-2021-W09.ndjson
    set_of "IHE Scheduling" "booked 1 visits; 0 were there, 0 refused" --doctor Practitioner/dr-y=uid-h-0002 \
        --patient "Patient/pat1=$pid" --shift "$(weeks 2025-03-17)" "$data"/scheduling-ihe/*.json
    set_of "HL7's Slots and Appointments" "booked 1 visits; 0 were there, 0 refused" --doctor Location/1=uid-h-0002 \
        --doctor Practitioner/example=uid-h-0001 --patient "Patient/example=$pid" --shift "$(weeks 2013-12-01)" \
        "$data"/fhir-r4-hl7-examples/Schedule/*.json "$data"/fhir-r4-hl7-examples/Slot/*.json \
        "$data"/fhir-r4-hl7-examples/Appointment/*.json
else
    echo "# skip: other people's sets: they are not here"
fi
finish
