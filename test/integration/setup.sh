#!/bin/sh
# medsync setup: the consortium registered by its own people, once; what is missing is made up for, and who is refused is
# named. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-setup.XXXXXX")
trap '"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# the network file with the collections' paths made absolute, changed by sed
yaml() { sed -e "s#\.\./chaincode#$PWD/chaincode#" "$@" network/network.yaml >"$dir/network.yaml"; }
setup() { "$medsync" setup --dir "$dir/net" --network "$dir/network.yaml" "$@" >"$dir/out" 2>&1; }
said() {
    grep -qF -- "$1" "$dir/out" && return 0
    sed 's/^/# /' "$dir/out"
    return 1
}
fails() { # text, as setup
    text=$1
    shift
    ! setup "$@" && said "$text"
}
number() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$dir/out"; }
whoami_of() { "$medsync" query --dir "$dir/net" --user "$@" credentials Caller >"$dir/out" 2>&1; }
licensed() { # true or false, arguments of Check
    want=$1
    shift
    [ "$("$medsync" query --dir "$dir/net" --user doctor1 credentials Check "$@" 2>&1)" = "$want" ]
}
blocks() { "$medsync" block newest --dir "$dir/net" --json | sed 's/.*"number":\([0-9]*\).*/\1/'; }

yaml
check "without a network it says how to start one" fails "no devnet at $dir/net: start one with"
if ! "$medsync" devnet up --dir "$dir/net" --ports auto --detach >"$dir/out" 2>&1; then
    check "the network comes up" false || sed 's/^/# /' "$dir/out"
    finish
fi
whoami_of doctor1
check "before it, nobody is known" said "DENIED:unbound_key"

# ---- somebody is refused, somebody isn't in the file yet
yaml -e 's/uid: uid-c-0006/uid: uid-c-9999/' -e '/name: nurse1/d'
check "who is refused ends it with an error" fails "acts were refused"
check "is named with organisation, person and reason" \
    said "ClinicMSP, nurse2: credentials RegisterPractitioner, uid-c-9999: the chaincode refused with 403"
check "and no other one" [ "$(grep -c '^  ' "$dir/out")" -eq 1 ]
yaml -e '/name: nurse1/d'
check "once the file is right it goes on from there" setup
check "and registers all the others" said "The consortium is registered:"
whoami_of nurse1
check "but for who isn't in the file" said "DENIED:unbound_key"
yaml
check "who comes into the file later" setup --json
check "is registered and approved, and nothing else happens" [ "$(number committed)" = 2 ]
before=$(blocks)
check "a further run" setup
check "says that there is nothing to do" said "nothing to do, nothing changed"
check "and adds no block" [ "$(blocks)" = "$before" ]
setup --json
check "and says so to programs" [ "$(number committed) $(number alreadyThere)" = "0 $(number acts)" ]

# ---- what came of it
whoami_of doctor2
check "a doctor is known with the job" said '"caps":["btg"]'
whoami_of labtech1
check "who works at another site of the organisation" said '"site":"4012345000023"'
whoami_of auditor2
check "the inspectorate's auditor, whom the regulator registered" said '"msp":"InspectorMSP"'
whoami_of doctor4
check "the spare doctor isn't" said "DENIED:unbound_key"
check "a licence counts" licensed true uid-h-0001 licence DE-BB
check "in its regions" licensed false uid-h-0001 licence DE-BY
check "a pharmacist's is another one" licensed true uid-p-0001 dispense DE-BE
check "a nurse has none" licensed false uid-h-0003 licence DE-BE
credential=$(cat "$dir/net/credentials/uid-h-0001-MedicalLicence.json")
present() { # the credential; the answer's findings about it: about the presentation, NO_PROOF is right
    "$medsync" query --dir "$dir/net" --user doctor1 credentials VerifyPresentation --transient "in={\"vp\":{
        \"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"type\":[\"VerifiablePresentation\"],
        \"holder\":\"did:medsync:uid-h-0001\",\"verifiableCredential\":[$1]},
        \"documents\":[$(cat "$dir/net/credentials/council.json")]}" >"$dir/out" 2>&1
    sed 's/{"check":"proof","code":"NO_PROOF"}//' "$dir/out" >"$dir/findings"
}
present "$credential"
check "the licence as its holder has it bears the council's signature" grep -q '"findings":\[\]' "$dir/findings" ||
    sed 's/^/# /' "$dir/out"
present "$(printf '%s' "$credential" | sed 's/DE-BB/DE-BY/')"
check "one with another region doesn't" said '"code":"BAD_SIGNATURE","credential":0'
"$medsync" query --dir "$dir/net" --user patient1 --transient 'in={}' credentials GetPatient >"$dir/out" 2>&1
check "a patient is registered" said '"status":"active"'
"$medsync" query --dir "$dir/net" --user patient4 --transient 'in={}' credentials GetPatient >"$dir/out" 2>&1
check "the spare patient isn't" said "DENIED:unbound_key"

"$medsync" query --dir "$dir/net" --user auditor1 credentials ListOrgs '' >"$dir/out" 2>&1
check "all sites are approved" \
    [ "$(grep -o '"status":"approved"' "$dir/out" | wc -l)" -eq "$(grep -c '{gln: .*type:' network/network.yaml)" ]

echo 'channel: x' >"$dir/network.yaml"
check "a network file that is wrong is named" fails "$dir/network.yaml:1:"
finish
