#!/bin/sh
# The recorded calls of real networks' clients, against a real network here: Fabric's own orderer and peers from PATH, the
# C probe in the place of the recorded Go one. The results must be the recorded ones. Prints TAP.
# usage: test/conformance/cases_fabric.sh [tls]   tls: peers and chaincodes show each other certificates
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
shared=${MEDSYNC_SHARED:-../shared}
command -v peer >/dev/null && command -v orderer >/dev/null || skip_all "no orderer and peer in PATH"
series=$(peer version | sed -n 's/^ *Version: v\{0,1\}\([0-9]*\.[0-9]*\)\..*/\1/p')
tls=false
[ "${1:-}" != tls ] || tls=true
results=$(ls "$shared"/fabric/v"${series:-none}".*/results.jsonl 2>/dev/null)
[ -f "$results" ] || skip_all "no recorded results of Fabric ${series:-of unknown version} in $shared/fabric"
scratch=$(mktemp -d) || exit 1
trap '"$build/bin/medsync" fabric down --dir "$scratch/net" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

up() {
    cp -r test/support/two_orgs "$scratch/two_orgs" && echo "chaincode_tls: $tls" >>"$scratch/two_orgs/network.yaml" &&
        mkdir "$scratch/net" && cp -r "$(dirname "$results")/crypto" "$scratch/net/crypto" &&
        chmod -R u+w "$scratch/net" || return 1
    "$build/bin/medsync" fabric up --dir "$scratch/net" --ports auto --detach --network "$scratch/two_orgs/network.yaml" \
        >"$scratch/up.log" 2>&1 && return 0
    sed 's/^/#   /' "$scratch/up.log"
    return 1
}
cases() {
    "$build/conformance/cases" --net "$scratch/net" --cases "$shared/fabric/cases.jsonl" --results "$results" >"$scratch/out" 2>&1
    status=$?
    grep -vE '^(ok|1\.\.)' "$scratch/out" | sed 's/^not ok [0-9]* - /# differs: /'
    return $status
}

check "Fabric $series starts$([ $tls = false ] || echo ", its chaincodes with mutual TLS")" up
check "all of $(grep -c . "$results") recorded cases give the recorded results" cases
finish
