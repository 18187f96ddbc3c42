#!/bin/sh
# A devnet whose network file names an organisation that has left the channel: it comes up without it, says so, deploys what
# the file asks for, and goes on. Chaincodes' processes that are not needed at once start when they are asked. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-left.XXXXXX")

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

m() { # command, options...
    command=$1
    shift
    "$medsync" "$command" --dir "$dir/net" "$@"
}
probe() { # version: the network file with probe, which two of the three have to endorse
    sed -e '/^chaincodes:/d' test/support/networks/three.yaml
    cat <<YAML
chaincodes:
  - name: probe
    version: "$1"
    sequence: 1
    policy: OutOf(2, 'ClinicMSP.peer', 'HospitalMSP.peer', 'PharmacyMSP.peer')
    organisations: [Clinic, Hospital, Pharmacy]
YAML
}
program() { # what it does at the pharmacy first
    printf '#!/bin/sh\n[ "$CORE_PEER_LOCALMSPID" != PharmacyMSP ] || %s\nexec %s\n' "$1" "$(realpath "$build/bin/probe")" \
        >"$dir/probe.new" && chmod +x "$dir/probe.new" && mv "$dir/probe.new" "$dir/probe"
}
up() { "$medsync" devnet up --dir "$dir/net" --network "$dir/network.yaml" --bin "$dir" --ports auto --detach; }
log() { cat "$dir/net/log/devnet.log"; }
processes() { cat /proc/"$(head -n 1 "$dir/net/devnet.pid")"/task/*/children | wc -w; }

probe 1 >"$dir/network.yaml"
program "exit 3"
check "the network of three comes up" prints ready up
check "with the processes that its policy needs" [ "$(processes)" = 2 ]
check "one that ends at once is told to who asks for it" refused "ended with exit status 3 each time it was started" \
    m query --org Pharmacy --endorse Pharmacy probe echo hello
check "who doesn't mind is answered by another peer" prints hello m query --org Pharmacy probe echo hello
program :
check "once it is mended it starts when its peer is asked" prints hello \
    m query --org Pharmacy --endorse Pharmacy probe echo hello
check "and stays" [ "$(processes)" = 3 ]
check "a transaction" m invoke --org Clinic probe run '["PutState","a","1"]'
block=$("$build/test-support/update_channel" "$dir/net" remove Pharmacy Clinic Hospital)
check "two of three take the third off the channel" [ -n "$block" ]
check "whose people are let in no more" refused "E-" m query --org Pharmacy --gateway Clinic probe echo hello
check "and whose peer isn't asked any more" m invoke --org Hospital probe run '["PutState","a","2"]'
check "the endorsement that it is asked for by name is not to be had" \
    refused "failed to find any endorsing peers for org(s): PharmacyMSP" \
    m invoke --org Clinic --endorse ClinicMSP,PharmacyMSP probe run '["PutState","a","3"]'
check "it stops" prints stopped m devnet down
check "and comes up again, although the file still names who left" prints ready up
check "which the log says" prints "organisation Pharmacy (PharmacyMSP)" log
check "what was written is read" prints '["32"]' m query --org Hospital probe run '["GetState","a"]'
check "and more is" m invoke --org Clinic probe run '["PutState","a","4"]'
check "it stops again" prints stopped m devnet down
probe 2 >"$dir/network.yaml"
check "another version in the file comes onto the channel by those who are left" prints ready up
check "by their approvals" prints "probe version 2, sequence 2" m lifecycle committed --org Clinic
check "it works" prints '["34"]' m query --org Clinic probe run '["GetState","a"]'
finish
