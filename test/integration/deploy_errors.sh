#!/bin/sh
# What goes wrong when chaincodes are deployed, each thing once: the message has a code, names who and what, and says what to
# do; `medsync doctor` finds the same. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/serve.sh
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-errors.XXXXXX")
pids=

cleanup() {
    for net in net late full; do "$medsync" devnet down --dir "$dir/$net" >/dev/null 2>&1; done
    for p in $pids; do kill "$p" 2>/dev/null; done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

cc='{name: probe, version: "1", sequence: 1, policy: "OR('"'ClinicMSP.peer', 'HospitalMSP.peer'"')", organisations: [Clinic, Hospital]}'
sed "s#^chaincodes:.*#chaincodes: [$cc]#" test/support/networks/three.yaml >"$dir/network.yaml"
id=$("$medsync" package --chaincode probe --network "$dir/network.yaml" --output "$dir/p.tgz")
port=$("$build/test-support/host_client" ports 1) # one that nobody else gets while its server is away
serve_probe "$id" "$dir/probe.log"
pids="$pids $pid" server=$pid probe_port=$port

. test/support/deploy_cases.sh

"$medsync" devnet up --dir "$dir/net" --network test/support/networks/three.yaml --ports auto \
    --cc-address "probe=127.0.0.1:$probe_port" --detach >/dev/null
deploy net --org hospital
deploy net --org pharmacy

certificate_and_address_cases

# ---- packages and servers
other=$("$medsync" package other_1 --address "127.0.0.1:$probe_port" --output "$dir/other.tgz")
"$medsync" lifecycle approve probe --dir "$dir/net" --org clinic --version 1 --sequence 1 \
    --policy "OR('ClinicMSP.peer', 'HospitalMSP.peer')" --package-id "$other" >"$dir/out" 2>"$dir/err" ||
    sed 's/^/# /' "$dir/err"
wrong_package() { "$medsync" status --dir "$dir/net" >"$dir/out" 2>"$dir/err"; }
check "a wrong package id: status fails" fails wrong_package
check "for the organisation that approved it" said "ClinicMSP" "NOT installed"
check "doctor finds it" fails doctor net
check "as well" said "fail" "probe of ClinicMSP" "E-DEP-06"
check "deploying puts it right" deploy net
kill "$server"
wait "$server" 2>/dev/null
port=$probe_port
serve_probe wrong_1:00 "$dir/wrong.log"
pids="$pids $pid" server=$pid
check "a server with another package id: deploying fails" fails deploy net
check "for each organisation that runs the chaincode" said "HospitalMSP" "does not answer" "E-DEP-0"
kill "$server"
wait "$server" 2>/dev/null
check "a chaincode that doesn't register: deploying fails" fails deploy net
check "since nobody is there" said "ClinicMSP" "does not answer" "E-DEP-07"
port=$probe_port
serve_probe "$id" "$dir/probe.log"
pids="$pids $pid" server=$pid
check "with its server back all is there" deploy net
check "and doctor is content" doctor net
check "which it says of everything" grep -q "^[0-9]* ok, [0-9]* to look at, 0 failed" "$dir/out"
env CHAINCODE_SERVER_ADDRESS="127.0.0.1:$probe_port" CHAINCODE_ID="$id" CHAINCODE_TLS_DISABLED=true "$build/bin/probe" 2>"$dir/err" >"$dir/out"
check "a port that is taken: the server says so" grep -q "E-CFG-02.*$probe_port" "$dir/err"
taken() { "$medsync" devnet up --dir "$dir/taken" --network "$dir/taken.yaml" >"$dir/out" 2>"$dir/err"; }
# the usual ports may be somebody's on this machine
set -- $("$build/test-support/host_client" ports 3)
sed "s/127.0.0.1:7051/127.0.0.1:$probe_port/; s/127.0.0.1:7050/127.0.0.1:$1/; s/127.0.0.1:8051/127.0.0.1:$2/; s/127.0.0.1:9051/127.0.0.1:$3/" \
    test/support/networks/three.yaml >"$dir/taken.yaml"
check "so does a network" fails taken
check "with the port" grep -q "E-NET-05.*127.0.0.1:$probe_port" "$dir/err"

# ---- a clock that is an hour off
hour=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
"$medsync" devnet up --dir "$dir/late" --network test/support/networks/three.yaml --ports auto --clock "$hour" --detach >/dev/null
check "a clock an hour off: deploying fails" fails deploy late
check "with both times" said "ClinicMSP" "E-DEP-05" "incorrect timestamp" "peer time"
check "doctor finds it" fails doctor late
check "at the peer, with how far" said "fail" "peer0.clinic.test" "E-CRT-12" "minutes ahead of this machine's"
check "and at the orderer" said "fail" "o1.orderer.test" "E-CRT-12" "minutes ahead of this machine's"

# ---- no space: the folder of one peer's packages is a file system of its own, which is full
apart="unshare -m"
[ "$(id -u)" = 0 ] || apart="unshare -rm"
mkdir "$dir/tmpfs"
if $apart mount -t tmpfs tmpfs "$dir/tmpfs" 2>/dev/null; then
    up_full() { "$@" "$medsync" devnet up --dir "$dir/full" --network test/support/networks/three.yaml --ports auto \
        --cc-address "probe=127.0.0.1:$probe_port" --detach >/dev/null; }
    up_full env
    "$medsync" devnet down --dir "$dir/full" >/dev/null
    up_full $apart sh -c 'mount -t tmpfs -o size=4k tmpfs "$0" && echo full >"$0/full" && exec "$@"' "$dir/full/packages/HospitalMSP"
    check "no space at a peer: deploying fails" fails deploy full
    check "for the organisation whose peer has none" said "HospitalMSP" "not installed" "E-DEP-09"
    check "the others go on" grep -q "ClinicMSP  *approved, sequence 1" "$dir/out"
else
    echo "ok $((n + 1)) - no space at a peer # SKIP no file system can be mounted here"
    n=$((n + 1))
fi
finish
