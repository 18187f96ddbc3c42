#!/bin/sh
# A network that listens at all of the machine's addresses and at ports of a range, asked through a copy of its directory
# from which the original can't be seen, as from outside of a container; and `medsync health`. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-reachable.XXXXXX")
cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

says() { # status, text, command...
    status=$1 text=$2
    shift 2
    out=$("$@" 2>&1)
    is=$?
    [ $is -eq "$status" ] && printf '%s' "$out" | grep -q -- "$text" && return 0
    printf '%s\n' "exit status $is, expected $status with: $text" "$out" | sed 's/^/# /'
    return 1
}

for wrong in 7050 auto- 9-8 0-9 7050-65536 x-y; do
    check "--ports $wrong is refused" says 2 "must be auto, or FIRST-LAST" "$medsync" devnet up --dir "$dir/net" --ports $wrong
done
check "health: nothing is there" says 6 'E-NET-01' "$medsync" health --dir "$dir/net"
mkdir "$dir/empty"
check "nor in an empty directory" says 6 "E-NET-01 no network is ready in $dir/empty: " "$medsync" health --dir "$dir/empty"
check "which programs are told" says 6 '"well":false' "$medsync" health --dir "$dir/empty" --json
for none in '{}' '{"peers": []}'; do
    echo "$none" >"$dir/empty/endpoints.json"
    check "nor where nobody is named: $none" says 6 "E-NET-01 .*names no peers" "$medsync" health --dir "$dir/empty"
done
echo 'no JSON' >"$dir/empty/endpoints.json"
check "nor where what should name them can't be read" says 6 "E-NET-01 .*expected" "$medsync" health --dir "$dir/empty"

# ports of a range that is free: somebody may take one of them in between, then another range does
first=24050
until "$medsync" devnet up --dir "$dir/net" --listen 0.0.0.0 --ports $first-$((first + 9)) --detach >"$dir/out" 2>&1; do
    first=$((first + 10))
    [ $first -lt 24450 ] || break
done
check "it comes up with ports of a range" grep -q 'is ready' "$dir/out" || {
    sed 's/^/# /' "$dir/out"
    finish
}
port_of() { sed -n "/$1/,/address/s/.*\"address\": \"127.0.0.1:\([0-9]*\)\".*/\1/p" "$dir/net/endpoints.json" | head -n 1; }
check "the orderer has the first one" [ "$(port_of '"orderer"')" = $first ]
check "the peers have the next ones" \
    [ "$(port_of peer0.hospital)/$(port_of peer0.inspector)" = $((first + 1))/$((first + 9)) ]
# /proc/net: 00000000 is every address; a listener of IPv6 at :: takes both
listens_everywhere() { grep -qiE ":? 0+:$(printf %04X "$1") 0+:0000 0A" /proc/net/tcp /proc/net/tcp6; }
check "it listens at every address" listens_everywhere $first
check "and health finds all of it well" says 0 'InspectorMSP *height 3' "$medsync" health --dir "$dir/net"
check "health --json tells programs" says 0 '"well":true' "$medsync" health --dir "$dir/net" --json
check "health --quiet says nothing when all is well" [ -z "$("$medsync" health --quiet --dir "$dir/net" 2>&1)" ]

# the copy: the paths in it lead nowhere
cp -R "$dir/net" "$dir/copy"
sed "s|$dir/net|/nowhere|" "$dir/net/endpoints.json" >"$dir/copy/endpoints.json"
check "the copy names what isn't here" grep -q '"tlsCa": "/nowhere/crypto/' "$dir/copy/endpoints.json"
check "a copied directory works as well" says 0 'height 3' "$medsync" health --dir "$dir/copy"
check "with people's keys, whom a chaincode that was not set up does not know" says 3 'unbound_key' \
    "$medsync" query --dir "$dir/copy" --user doctor1 credentials ListOrgs '{}'
rm -r "$dir/copy/crypto/peerOrganizations/clinic.medsync.example/tlsca"
check "what is missing from it is named" says 6 '/nowhere/crypto/.*clinic' "$medsync" health --quiet --dir "$dir/copy"
check "a range that is too short is refused, before anything listens: the first port is taken" \
    says 8 'an orderer with 9 peers needs 10' \
    "$medsync" devnet up --dir "$dir/other" --ports $first-$((first + 5)) --detach

"$medsync" devnet down --dir "$dir/net" >/dev/null
check "health: it is down" says 6 'E-NET-0' "$medsync" health --dir "$dir/copy" --timeout 2
("$medsync" health --dir "$dir/net" --wait 300 >"$dir/waited" 2>&1; echo $? >>"$dir/waited") &
"$medsync" devnet up --dir "$dir/net" --ports auto --detach >"$dir/out" 2>&1
wait
check "health --wait waits until it is up" [ "$(tail -n 1 "$dir/waited")" = 0 ] || sed 's/^/# /' "$dir/waited"
finish
