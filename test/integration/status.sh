#!/bin/sh
# medsync status: what each organisation has of each chaincode, in good order and in bad. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/serve.sh
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-status.XXXXXX")
server=

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

cc='{name: probe, version: "1", sequence: 1, policy: "OR('"'ClinicMSP.peer', 'HospitalMSP.peer'"')", organisations: [Clinic, Hospital]}'
sed "s#^chaincodes:.*#chaincodes: [$cc]#" test/support/networks/three.yaml >"$dir/network.yaml"
id=$("$medsync" package --chaincode probe --network "$dir/network.yaml" --output "$dir/p.tgz")
serve_probe "$id" "$dir/probe.log"
server=$pid
run() { # command of medsync, options...
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@" >"$dir/out" 2>"$dir/err"
}
deploy() { run deploy --network "$dir/network.yaml" "$@"; }
fails() { ! "$@"; }
said() { grep -qF -- "$1" "$dir/out" || {
    sed 's/^/# /' "$dir/out" "$dir/err"
    false
}; }
short=probe_1:$(echo "$id" | cut -d: -f2 | cut -c1-12)

check "without a network it says so" fails run status
check "by its code" grep -q "E-NET-01" "$dir/err"
check "a network comes up" "$medsync" devnet up --dir "$dir/net" --network test/support/networks/three.yaml --ports auto \
    --cc-address "probe=127.0.0.1:$port" --detach >/dev/null
check "without chaincodes all is well" run status
check "and it says that there are none" said "no chaincode is on the channel"
deploy --org hospital
deploy --org pharmacy
check "an organisation that has not approved what is committed is told" fails run status
check "by what it lacks" said "probe          ClinicMSP        1 (version 1), NOT approved, -"
check "with what to do" said "have them approve"
check "beside one that has" said "probe          HospitalMSP      1 (version 1), approved, $short installed, running $(sha256sum "$build/bin/probe" | cut -c1-12)"
check "and one that runs none" said "probe          PharmacyMSP      1 (version 1), approved, -"
deploy
check "when all have, all is well" run status --json
check "in JSON as well" grep -q '{"chaincode":"probe","mspId":"ClinicMSP","ok":true,"sequence":1,"version":"1","approved":true,"packageId":"'"$id"'","installed":true,"answers":true,"sha256":"[0-9a-f]*","differs":false}' "$dir/out"
check "one chaincode and one organisation may be named" run status --org clinic probe
check "and are all that is shown" [ "$(wc -l <"$dir/out")" = 1 ]
kill "$server"
wait "$server" 2>/dev/null
server=
check "a server that is gone is told" fails run status --timeout 15
check "by its code" said "E-DEP-07"
check "the other organisations too" said "PharmacyMSP      1 (version 1), approved, -"
finish
