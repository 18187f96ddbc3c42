#!/bin/sh
# The main job: our own bundle, and all of the shared ones.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
shared=${MEDSYNC_SHARED:-../shared}
dir=$(mktemp -d)
net="$dir/the net" # with a blank, which what it says to type has to quote
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
export TMPDIR="$dir"

scenario() { # name, options of medsync demo
    name=$1
    shift
    "$medsync" demo "$@" >"$dir/out" 2>&1 </dev/null
    status=$?
    check "$name goes through whole" [ $status -eq 0 ] || sed 's/^/# /' "$dir/out"
}

scenario "our own bundle"
check "the story says what it is for" grep -q "development, not production" "$dir/out"
check "access is refused before consent" grep -q "deny (no_consent)" "$dir/out"
check "and after it was taken back" grep -q "deny (revoked)" "$dir/out"
check "all content comes back" grep -q "25 of 25 resources" "$dir/out"
check "the insurer's peer has hashes of what is private" grep -q "private   subject: .*: hashes" "$dir/out"
check "the inspector can't write" grep -q "the orderer refuses: FORBIDDEN" "$dir/out"
check "of two patients one gets the appointment" grep -q "another patient wants .*: 409 CONFLICT" "$dir/out"
check "a flipped bit is named" grep -q "flipped: the audit names block" "$dir/out"
check "kill -9 loses nothing" grep -q "started again: the same [0-9]* blocks, the same records" "$dir/out"
check "no process and no file is left" [ "$(ls "$dir")" = out ]

# ---- as ./run does it: the network is left, what it says to type works, and the next run replaces it
scenario "a network that is left" --keep --dir "$net"
sed -n '/What to type next/,/^  stop /p' "$dir/out" | sed -n -e 's#build/bin/medsync#"$medsync"#' -e '/^    /p' >"$dir/next"
check "it tells what to type" [ "$(grep -c '"$medsync"' "$dir/next")" -eq 8 ]
medsync=$medsync sh -e "$dir/next" >"$dir/typed" 2>&1
check "all of which works" [ $? -eq 0 ] || sed 's/^/# /' "$dir/typed"
check "the doctor may see what was granted again" grep -q '"decision":"allow"' "$dir/typed"
"$medsync" demo --keep --dir "$net" >"$dir/out" 2>&1 </dev/null
check "a network that runs is not replaced unasked" grep -q "a devnet runs in $net" "$dir/out"
scenario "the next run" --keep --replace --dir "$net"
check "says that it replaces the last one" grep -q "The network of the last run, in $net, is replaced" "$dir/out"
"$medsync" devnet down --dir "$net" >/dev/null
"$medsync" devnet reset --dir "$net" >/dev/null
check "a reset leaves nothing of it" [ "$(ls "$net")" = devnet.pid ] || ls "$net" | sed 's/^/# /'
"$medsync" devnet up --detach --ports auto --dir "$net" >/dev/null
"$medsync" demo --replace --dir "$net" >"$dir/out" 2>&1 </dev/null
check "a network that somebody else has made is not replaced" grep -q "not of an earlier run" "$dir/out"
check "and runs on" [ -f "$net/endpoints.json" ]
"$medsync" devnet down --dir "$net" >/dev/null
rm -rf "$net" "$dir/next" "$dir/typed"

# a sanitizer wants to be the first library of a process; the referees' clock is
if nm "$medsync" 2>/dev/null | grep -q __asan_init; then
    n=$((n + 1))
    echo "ok $n - our own bundle, with referees # SKIP a sanitizer must be the first library, and the referees' clock would be"
else
    scenario "our own bundle, with eight referees of each chaincode" --referee 8
fi
printf '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}},{}]}' >"$dir/bad.json"
"$medsync" demo --bundle "$dir/bad.json" >"$dir/out" 2>&1
check "a bad bundle is refused before anything starts" [ $? -eq 8 ]
check "with file, entry and reason" grep -q "bad.json: entry 1 has no resource" "$dir/out"

bundles=$shared/data/fhir-r4-synthea-bundles
if [ -d "$bundles" ]; then
    for bundle in "$bundles"/*.json; do
        scenario "a bundle of $(wc -c <"$bundle") bytes" --bundle "$bundle"
    done
else
    n=$((n + 1))
    echo "ok $n - shared bundles # SKIP $bundles is not there"
fi
finish
