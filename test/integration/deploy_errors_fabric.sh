#!/bin/sh
# What goes wrong when chaincodes are deployed, on real Fabric: the same messages as on the devnet (deploy_errors.sh), from the
# words of real peers. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
command -v orderer >/dev/null && command -v peer >/dev/null || skip_all "no orderer and peer in PATH"
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-errors.XXXXXX")

cleanup() {
    "$medsync" fabric down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
. test/support/deploy_cases.sh

cc='{name: probe, version: "1", sequence: 1, policy: "OR('"'ClinicMSP.peer', 'HospitalMSP.peer'"')", organisations: [Clinic, Hospital]}'
sed -e "s#^chaincodes:.*#chaincodes: [$cc]#" -e '1i chaincode_tls: true' test/support/networks/three.yaml >"$dir/network.yaml"
up() { "$medsync" fabric up --dir "$dir/net" --network "$dir/network.yaml" --ports auto --detach >"$dir/out" 2>&1 || {
    sed 's/^/# /' "$dir/out"
    return 1
}; }
process() { grep -A 3 "\"$1\"" "$dir/net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'; }
check "a network comes up" up
certificate_and_address_cases

# ---- a server that registers as another package
sed -i 's/ccid: "probe_1:...../ccid: "probe_1:00000/' "$dir/net/config/clinic.test.yaml"
kill -HUP "$(process chaincodes.clinic.test)"
ended() { ! doctor net; }
i=0
until ended || [ $i -ge 30 ]; do
    i=$((i + 1))
    sleep 1
done
check "a server with another package id: doctor finds it by what the peer says" said "fail" "probe of ClinicMSP" "E-DEP-08"
check "deploying puts it right" deploy net --org clinic
check "with a server of the right one" grep -q "ClinicMSP  *server started" "$dir/out"

# ---- a chaincode that hangs
chaincode=$(cat "/proc/$(process chaincodes.clinic.test)/task/"*/children | awk '{ print $1 }')
kill -STOP "$chaincode"
check "a chaincode that hangs: deploying fails" fails deploy net --org clinic --timeout 3
check "since it does not answer" said "ClinicMSP" "does not answer" "E-DEP-08"
kill -CONT "$chaincode"

# ---- a peer that hangs
kill -STOP "$(process peer.clinic.test)"
check "a peer that hangs: deploying fails" fails deploy net --timeout 3
check "for its organisation" said "ClinicMSP" "not reached" "E-DEP-01"
check "the others are told as well" grep -q "HospitalMSP  *answers" "$dir/out"
kill -CONT "$(process peer.clinic.test)"
finish
