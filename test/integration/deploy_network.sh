#!/bin/sh
# medsync deploy onto a running channel: rehearsed, one organisation at a time, with one organisation that cannot be reached
# and is made up for later, twice, and changed. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-deploy.XXXXXX")
server=

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

yaml() { # file, policy, more keys
    cc="{name: probe, version: \"1\", sequence: 1, policy: \"$2\", organisations: [Clinic, Hospital]$3}"
    sed "s#^chaincodes:.*#chaincodes: [$cc]#" test/support/networks/three.yaml >"$dir/$1"
}
yaml first.yaml "OR('ClinicMSP.peer', 'HospitalMSP.peer')" ""
yaml second.yaml "AND('ClinicMSP.peer', 'HospitalMSP.peer')" ""
id=$("$medsync" package --chaincode probe --network "$dir/first.yaml" --output "$dir/p.tgz")
. test/support/serve.sh
serve_probe "$id" "$dir/probe.log"
server=$pid
deploy() { # network file, options...
    file=$1
    shift
    "$medsync" deploy --dir "$dir/net" --network "$dir/$file" "$@" >"$dir/out" 2>"$dir/err"
}
fails() { ! "$@"; }
said() { # text, times
    got=$(grep -cF -- "$1" "$dir/out")
    [ "$got" = "${2:-1}" ] || {
        echo "# $got times \"$1\" in:"
        sed 's/^/#   /' "$dir/out" "$dir/err"
        false
    }
}
blocks() { "$medsync" channel info --dir "$dir/net" --json | sed -n 's/.*"height":\([0-9]*\).*/\1/p'; }

check "a network without chaincodes comes up" \
    "$medsync" devnet up --dir "$dir/net" --network test/support/networks/three.yaml --ports auto \
    --cc-address "probe=127.0.0.1:$port" --detach >/dev/null
before=$(blocks)
check "a rehearsal tells" deploy first.yaml --dry-run
check "who would install" said "would install" 2
check "who would approve" said "would approve, sequence 1" 3
check "and that it would be committed" said "would commit, sequence 1"
check "and writes nothing" [ "$(blocks)" = "$before" ]

# ---- one organisation whose peer is not to be reached
mkdir "$dir/cut"
ln -s "$dir/net/crypto" "$dir/cut/crypto"
clinic=$(sed -n '/"name": "peer0.clinic.test"/,/}/s/.*"address": *"\([^"]*\)".*/\1/p' "$dir/net/endpoints.json")
sed "s/$clinic/127.0.0.1:1/" "$dir/net/endpoints.json" >"$dir/cut/endpoints.json"
one_down() { "$medsync" deploy --dir "$dir/cut" --network "$dir/first.yaml" >"$dir/out" 2>"$dir/err"; }
check "with one organisation's peer down deploying fails" fails one_down
check "which is told of that organisation" said "ClinicMSP        not reached: E-DEP-01"
check "with what to do" said "what to do: start it, or mend its address"
check "the others have installed" said "HospitalMSP      installed"
check "approved" said " approved, sequence 1" 2
check "and committed, as a majority may" said "(channel)        committed, sequence 1"
check "the chaincode answers where it runs" said "HospitalMSP      answers, running $(sha256sum "$build/bin/probe" | cut -c1-12)"
check "run again with the peer back it goes on" deploy first.yaml
check "with what is missing" said "ClinicMSP        installed"
check "only" said "2 steps done, 4 done before; 2 chaincodes answer"
before=$(blocks)
check "run once more" deploy first.yaml
check "there is nothing to do" said "nothing to do: all is there, and 2 chaincodes answer"
check "and nothing was written" [ "$(blocks)" = "$before" ]

# ---- a change
check "another policy is told in a rehearsal" deploy second.yaml --dry-run
check "as the next sequence" said "would commit, sequence 2"
check "one organisation alone approves it" fails deploy second.yaml --org pharmacy
check "which are too few" said "E-DEP-10 too few approvals: 1 of the 2 that it takes"
check "the others are named" said "2 of 3 organisations have not approved exactly this: ClinicMSP, HospitalMSP"
before=$(blocks)
check "asked again it still does not commit" fails deploy second.yaml --org pharmacy
check "and no invalid transaction is left on the channel" [ "$(blocks)" = "$before" ]
check "a second one makes it a majority" deploy second.yaml --org hospital
check "which commits it" said "(channel)        committed, sequence 2"
check "the third one approves what is committed" deploy second.yaml --org clinic
check "and finds it so" said "(channel)        committed already, sequence 2"

# ---- several at once: the job of a container that is started twice, operators who don't know of each other
yaml third.yaml "OR('ClinicMSP.peer', 'HospitalMSP.peer')" ""
at_once() { # each ends well, whoever of them did what
    all=
    for i in 1 2 3; do
        "$medsync" deploy --dir "$dir/net" --network "$dir/third.yaml" >"$dir/at_once.$i" 2>&1 &
        all="$all $!"
    done
    for it in $all; do
        wait "$it" || return 1
    done
}
check "three that deploy the same at the same time all find it done" at_once || sed 's/^/# /' "$dir"/at_once.*
check "once" [ "$(cat "$dir"/at_once.* | grep -c 'committed, sequence 3')" = 1 ]
check "and the next one has nothing to do" deploy third.yaml
check "it goes on to another one" deploy second.yaml
check "alone" said "(channel)        committed, sequence 4"

# ---- what goes out to programs, and what comes in wrong
check "the result is there as JSON" deploy second.yaml --json
check "with counts" grep -q '"done":0,"kept":6,"would":0,"failed":0,"answers":2}' "$dir/out"
check "and a line for each step" grep -q '{"chaincode":"probe","mspId":"ClinicMSP","step":"answer","result":"kept","sequence":4,"packageId":"'"$id"'","sha256":"' "$dir/out"
check "an organisation that there isn't is refused" fails deploy second.yaml --org nobody
check "by name" grep -q "names no organisation nobody" "$dir/err"
mkdir "$dir/some"
cp -r "$dir/net/crypto" "$dir/net/endpoints.json" "$dir/some"
rm -rf "$dir/some/crypto/peerOrganizations/clinic.test/users/Admin@clinic.test"
sed -i "s#$dir/net/#$dir/some/#" "$dir/some/endpoints.json"
not_all() { ! "$medsync" deploy --dir "$dir/some" --network "$dir/second.yaml" >"$dir/out" 2>"$dir/err"; }
check "without an administrator's keys nothing is done" not_all
check "and --org is named" grep -q "ClinicMSP has no user Admin.*say whose keys are here with --org" "$dir/err"
# ---- in a container of our image
in_image() { # upgrade|rollback
    ! MEDSYNC_IMAGE_VERSION=1 "$medsync" "$1" --dir "$dir/none" probe >"$dir/out" 2>&1 && grep -q 'E-DEP-18 nothing is changed.*MEDSYNC_VERSION=TAG' "$dir/out"
}
check "upgrade in a container names the way by another image" in_image upgrade || sed 's/^/# /' "$dir/out"
check "so does rollback" in_image rollback || sed 's/^/# /' "$dir/out"
finish
