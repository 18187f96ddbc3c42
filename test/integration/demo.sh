#!/bin/sh
# The main job: our own bundle, and all of the shared ones.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
shared=${MEDSYNC_SHARED:-../shared}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
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
check "no process and no file is left" [ -z "$(ls "$dir" | grep -v '^out$')" ]

# a sanitizer wants to be the first library of a process; the referees' clock is
if nm "$medsync" 2>/dev/null | grep -q __asan_init; then
    n=$((n + 1))
    echo "ok $n - our own bundle, with referees # SKIP a sanitizer must be the first library, and the referees' clock would be"
else
    scenario "our own bundle, with eight referees of each chaincode" --referee 8
fi
printf '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}},{}]}' >"$dir/bad.json"
"$medsync" demo --bundle "$dir/bad.json" >"$dir/out" 2>&1
check "a bad bundle is refused before anything starts" [ $? -eq 1 ]
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
