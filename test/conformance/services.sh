#!/bin/sh
# Recorded requests of Fabric's own clients, sent to a devnet that has the recording's material and genesis block: the same
# answers, and the same chain at the end. First it makes sure that the comparison would notice a difference. Prints TAP.
cd "$(dirname "$0")/../.." || exit 1
. test/support/serve.sh
build=${BUILD:-build/release}
shared=${MEDSYNC_SHARED:-../shared}
known=test/conformance/services/known.txt
scratch=$(mktemp -d) || exit 1
probe='' status=0 number=0

finish() {
    [ ! -d "$scratch/net" ] || "$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1
    [ -z "$probe" ] || kill "$probe"
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

ok() {
    number=$((number + 1))
    echo "ok $number - $1"
}

not_ok() {
    number=$((number + 1)) status=1
    echo "not ok $number - $1"
    [ ! -f "$scratch/out" ] || grep -A3 '^not ok' "$scratch/out" | sed 's/^/#   /'
}

# The package of the recording has an address of its own: here the chaincode listens elsewhere.
start_probe() { # package id
    port=0
    serve_probe "$1" "$scratch/probe.log" CORE_PEER_LOCALMSPID=Org1MSP
    probe=$pid
    [ -n "$port" ]
}

# A fresh devnet for a recording, and its requests.
play() { # folder with calls.txt and blocks/, folder of the recording, version
    rm -rf "$scratch/net"
    "$build/bin/medsync" devnet up --dir "$scratch/net" --crypto "$2/crypto" --genesis "$2/ch.block" \
        --clock "$("$build/conformance/services" --time "$2")" --fabric "$(echo "$3" | sed 's/^v\([0-9]*\.[0-9]*\).*/\1/')" \
        --ports auto --cc-address "probe=127.0.0.1:$port" --detach >"$scratch/up.log" 2>&1 || {
        not_ok "$3: the devnet starts"
        sed 's/^/#   /' "$scratch/up.log"
        return 1
    }
    "$build/conformance/services" --net "$scratch/net" --recording "$1" --version "$3" --known "$known"
    result=$?
    "$build/bin/medsync" devnet down --dir "$scratch/net" >/dev/null 2>&1
    return $result
}

# A copy of a recording up to its first transaction, altered, must not pass; left as it is, it must.
shortened() { # what, folder, version, awk program for calls.txt, last block
    rm -rf "$scratch/altered"
    mkdir -p "$scratch/altered/blocks"
    for block in "$2"/blocks/*; do
        cp "$block" "$scratch/altered/blocks/"
        [ "$(basename "$block")" != "$5" ] || break
    done
    awk '/^16 / { exit } { print }' "$2/calls.txt" | awk "$4" >"$scratch/altered/calls.txt"
    case $1 in
    *unaltered*) play "$scratch/altered" "$2" "$3" ;;
    *) SERVICES_PATIENCE_MS=2000 play "$scratch/altered" "$2" "$3" ;; # what does not come is not waited for so long
    esac >"$scratch/out" 2>&1
    case $?:$1 in
    0:*unaltered*) ok "$1 passes" ;;
    0:*) not_ok "$1 is noticed" ;;
    *unaltered*) not_ok "$1 passes" ;;
    *) ok "$1 is noticed" ;;
    esac
}

found=0
for calls in "$shared"/fabric/*/services/calls.txt; do
    [ -f "$calls" ] || continue
    folder=${calls%/calls.txt}
    version=$(basename "$(dirname "$folder")")
    start_probe "$(cat "$folder/package_id.txt")" || {
        not_ok "$version: the chaincode starts"
        exit 1
    }
    if [ "$found" -eq 0 ]; then
        shortened 'an unaltered recording' "$folder" "$version" '{ print }' 001.pb
        shortened 'a changed answer' "$folder" "$version" \
            '/Endorser\/ProcessProposal < / && ++n == 5 { sub(/08c801/, "08c901") } { print }' 001.pb
        shortened 'a message too few' "$folder" "$version" '!(/DeliverFiltered < / && ++n == 2)' 001.pb
        shortened 'another status' "$folder" "$version" '{ sub(/status 0$/, "status 5 \"no\" details=0") } { print }' 001.pb
        shortened 'another block' "$folder" "$version" '{ print }' 002.pb
    fi
    play "$folder" "$folder" "$version" || status=1
    kill "$probe"
    probe=''
    found=1
done
if [ "$found" -eq 0 ]; then
    echo "ok 1 - recordings of real networks' services # SKIP no fabric/*/services/calls.txt in $shared"
fi
exit $status
