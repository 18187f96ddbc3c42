#!/bin/sh
# The recorded calls of real networks' clients, submitted to a devnet that has the recording's keys: the recorded results.
# First it makes sure that another result would be noticed. Prints TAP.
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
shared=${MEDSYNC_SHARED:-../shared}
[ -f "$shared/fabric/cases.jsonl" ] || skip_all "no fabric/cases.jsonl in $shared"
scratch=$(mktemp -d) || exit 1
trap '"$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

# The directory's key material is the recording's: the devnet makes only what is missing.
up() { # crypto, Fabric's version
    [ ! -d "$scratch/net" ] || "$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1
    rm -rf "$scratch/net"
    mkdir "$scratch/net" && cp -r "$1" "$scratch/net/crypto" && chmod -R u+w "$scratch/net" || return 1
    "$build/bin/medsync" devnet up --dir "$scratch/net" --ports auto --detach --network test/support/two_orgs/network.yaml \
        --fabric "$2" >"$scratch/up.log" 2>&1 && return 0
    sed 's/^/#   /' "$scratch/up.log"
    return 1
}

# All of one recording's results.
cases() { # results
    "$build/conformance/cases" --net "$scratch/net" --cases "$shared/fabric/cases.jsonl" --results "$1" >"$scratch/out" 2>&1
    status=$?
    grep -vE '^(ok|1\.\.)' "$scratch/out" | sed 's/^not ok [0-9]* - /# differs: /'
    return $status
}

for results in "$shared"/fabric/*/results.jsonl; do
    folder=$(dirname "$results")
    version=$(basename "$folder")
    check "$version: the devnet starts" up "$folder/crypto" "$(echo "$version" | sed 's/^v\([0-9]*\.[0-9]*\).*/\1/')"
    check "$version: all of $(grep -c . "$results") recorded cases give the recorded results" cases "$results"
done
sed '1s/"result_hex":"68/"result_hex":"69/' "$results" >"$scratch/altered.jsonl"
cases "$scratch/altered.jsonl" >"$scratch/noticed"
check 'another result is noticed' grep -q '^# differs:.*: echo$' "$scratch/noticed"
"$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1
finish
