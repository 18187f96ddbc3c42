#!/bin/sh
# medsync record: imported, shown, verified and exported at the hospital, imported again at the clinic.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/chart.sh
top=$PWD
medsync=$top/${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d)
net=$dir/net
trap 'chart_custodians_down; "$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
cd "$dir" || exit 1

record() { # words...: status in $?, output in out and err
    step=$1
    shift
    "$medsync" record "$step" --dir "$net" "$@" >out 2>err
}
fails() { # name, exit status, code or words, words of record...
    name=$1 want=$2 words=$3
    shift 3
    record "$@"
    got=$?
    check "$name" [ "$got" -eq "$want" ] && check "... saying so: $words" grep -qF -- "$words" err || sed 's/^/# /' err
}
sums() { # folder: what the files hold, whatever their names
    (cd "$1" && sha256sum -- * | cut -d' ' -f1 | LC_ALL=C sort)
}

(cd "$top" && chart_up)
check "a devnet with custodians is there" chart_set_up || sed 's/^/# /' "$net.up"
chart_custodians
bundle=$top/network/fhir/example/bundle.json

# ---- import ----
fails "nobody is imported for whom nobody knows" 3 E-TX-05 import --user doctor1 --pid aaaaaaaaaaaaaaaaaaaaaaaaaa "$bundle"
check "and nothing of it stays in the store" [ "$(ls "$net/blobs" | wc -l)" -eq 0 ]
record import --user registrar1 --pid "@$net/pid" --json "$bundle"
check "a bundle is imported" grep -q '^{"count":25,"transactions":1,' out || sed 's/^/# /' err
cid=$(sed -n 's/.*"cid":"\([a-z2-7]*\)".*/\1/p' out)
fails "a patient's id that is none" 2 "26 characters" import --user registrar1 --pid nobody "$bundle"
printf '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}},{}]}' >broken.json
fails "a bundle that is none" 8 "entry 1 has no resource" import --user registrar1 --pid "@$net/pid" broken.json

# ---- show ----
fails "nobody reads without consent" 3 "denied (no_consent)" show --user doctor1 --pid "@$net/pid"
check "the patient grants a doctor access" chart_grant uid-h-0001
record show --user doctor1 --pid "@$net/pid" --output shown
check "who then reads all records" [ "$(ls shown | wc -l)" -eq 25 ] || sed 's/^/# /' err
record show --user patient1 --output own
check "as the patient does" [ "$(ls own | wc -l)" -eq 25 ] || sed 's/^/# /' err
check "both the same" [ "$(sums shown)" = "$(sums own)" ]
whole=0
for f in shown/*; do
    # the resources of the bundle, to the byte: each must stand in it
    grep -qF -- "$(sed -n 2p "$f")" "$bundle" || whole=1
done
check "which is the bundle's text" [ $whole -eq 0 ]
record show --user doctor1 --pid "@$net/pid" --only allergy --json
check "a category alone" grep -q '"shown":1,.*AllergyIntolerance' out
one=$(sed -n 's/.*"recId":"\([0-9a-f]*\)".*/\1/p' out | head -n 1)
audit=$(sed -n 's/.*"auditId":"\([0-9a-f]*\)".*/\1/p' out | head -n 1)
record show --user doctor1 --audit "$audit" --rec "$one"
check "one record by access that was asked for before" grep -q AllergyIntolerance out || sed 's/^/# /' err
fails "somebody else's access is nobody's" 3 "DENIED:not_holder" show --user doctor2 --audit "$audit"

# ---- verify ----
record verify --user patient1 --json
check "all records are what the ledger says" grep -q '"checked":25,"bad":0' out || sed 's/^/# /' err
record export --user patient1 --output whole.json
check "the patient exports all of them" grep -q '^whole.json: 25 records' out || sed 's/^/# /' err
check "what was opened is for nobody else on the machine" [ -z "$(find shown/* own/* whole.json ! -perm 600)" ]
case=$(random_hex 16)
"$medsync" invoke --dir "$net" --user doctor2 --endorse hospital --transient \
    "in={\"id\":\"$case\",\"pid\":\"$pid\",\"reasonCode\":\"unable\",\"reason\":\"found without papers\",\"salt\":\"$(random_hex 16)\"}" \
    consent BreakGlass >out 2>err
check "a doctor breaks the glass" [ $? -eq 0 ] || sed 's/^/# /' err
record show --user doctor2 --pid "@$net/pid" --emergency "$case" --only allergy --json
check "and reads, by one organisation's word" grep -q '"shown":1,.*AllergyIntolerance' out || sed 's/^/# /' err
fails "without the case not" 3 "denied (no_consent)" show --user doctor2 --pid "@$net/pid" --only allergy
changed "$net/blobs/$cid" 20
fails "a changed byte is found" 9 E-BLOB-01 verify --user patient1
check "and named" grep -q "$cid" err
check "as one of 25" grep -q '^25 records, 1 bad$' out
fails "nor is it shown" 9 E-BLOB-01 show --user patient1 --output again
check "while all others are" [ "$(ls again | wc -l)" -eq 24 ]
fails "nor exported" 9 E-BLOB-01 export --user patient1 --output export.json
check "and nothing half-written is left" [ ! -e export.json ]
rm "$net/blobs/$cid"
fails "a blob that is gone is told as well" 9 E-BLOB-02 verify --user patient1

# ---- add ----
enc=$(random_hex 16)
"$medsync" invoke --dir "$net" --user doctor1 --endorse hospital,clinic --transient \
    "in={\"encId\":\"$enc\",\"pid\":\"$pid\",\"salt\":\"$(random_hex 16)\"}" ehr StartEncounter >/dev/null 2>err
check "a doctor opens an encounter" [ $? -eq 0 ] || sed 's/^/# /' err
printf '{"resourceType":"Observation","status":"final","effectiveDateTime":"2026-01-02T03:04:05Z"}\n' >observation.json
record add --user doctor1 --enc "$enc" observation.json
check "and adds a resource" grep -q '2026-01-02T03:04:05Z  Observation' out || sed 's/^/# /' err
head -c 300000 /dev/urandom >picture
fails "a file that is no FHIR resource needs words" 8 "needs --mime" add --user doctor1 --enc "$enc" picture
record add --user doctor1 --enc "$enc" --mime application/dicom --type ImagingStudy --kind image --category imaging picture
check "with them it is taken" grep -q '^1 record in 1 transaction$' out || sed 's/^/# /' err
record show --user doctor1 --pid "@$net/pid" --enc "$enc" --output visit
check "both come back" cmp -s picture visit/*.bin || sed 's/^/# /' err
fails "words with quotes are refused" 2 E-CLI-03 add --user doctor1 --enc "$enc" --mime 'a"b' --type X --kind doc --category lab picture

printf '{"resourceType":"DocumentReference","status":"current"}' >own.json
record add --user patient1 own.json
check "a patient adds a document" grep -q 'DocumentReference' out || sed 's/^/# /' err
fails "which a doctor can't, outside of an encounter" 3 E-TX-05 add --user doctor1 own.json

# ---- export, and import at another site ----
record export --user patient1 --only allergy,imaging,immunization,medication --output export.json
check "the patient exports a signed document" grep -q 'records, signed by key' out || sed 's/^/# /' err
count=$(sed -n 's/.*json: \([0-9]*\) records.*/\1/p' out)
record import --user registrar2 --pid "@$net/pid" export.json
check "which the clinic imports" grep -q "^$count records in 1 transaction" out || sed 's/^/# /' err
check "and says whose it is" grep -q 'signed by key .* of HospitalMSP, unchanged' out
record show --user patient1 --only allergy,imaging,immunization,medication --output both
check "every record is there twice, byte for byte" [ "$(sums both | uniq -c | awk '$1 != 2' | wc -l)" -eq 0 ] || ls both | sed 's/^/# /'
check "... all of them" [ "$(ls both | wc -l)" -eq $((2 * count)) ]
sed 's/final/Final/' export.json >changed.json
fails "a document that was changed is refused" 8 "changed since it was signed" import --user registrar2 --pid "@$net/pid" changed.json
sed 's/,"signature":{.*}}$/}/' export.json >unsigned.json
fails "one without its signature as well" 8 "without its signature" import --user registrar2 --pid "@$net/pid" unsigned.json

# ---- a whole chart, held against the owner's list ----
fails "a chart with a blob that is lost is not exported as if it were whole" 9 E-BLOB-02 export --user patient1 --output chart.json
record export --user doctor1 --pid "@$net/pid" --only allergy --output doctors.json
check "a doctor exports what the grant covers" grep -q '^doctors.json: 2 records' out || sed 's/^/# /' err

# ---- a custodian that is elsewhere from here ----
told=$net/custodians/HospitalMSP.json
at=$(sed -n 's/.*"address": "\(.*\)",/\1/p' "$told")
sed 's/"address": ".*"/"address": "127.0.0.1:1"/' "$told" >told && cp told "$told"
fails "where an address leads nowhere nothing is opened" 9 "; --custodian says where it is from here" show --user patient1 --only allergy
record show --user patient1 --only allergy --custodian "hospital=localhost:${at##*:},clinic=127.0.0.1:1" --output elsewhere
check "--custodian says where it is" [ $? -eq 0 -a -n "$(ls elsewhere 2>/dev/null)" ] || sed 's/^/# /' out err
fails "an address is one" 2 "must be ORG=HOST:PORT" show --user patient1 --custodian "hospital"
fails "of an organisation" 2 "no such organisation" show --user patient1 --custodian "nobody=$at"
sed "s/\"address\": \".*\"/\"address\": \"$at\"/" "$told" >told && cp told "$told"

# ---- a custodian is away ----
chart_custodians_down
fails "without a custodian nothing is opened" 9 E-REC-01 show --user patient1 --only allergy
check "and the reader is told what to start" grep -q "medsync custodian" err
fails "no step" 2 E-CLI-03 frobnicate
fails "options of other steps" 2 "is not for show" show --mime x
finish
