#!/bin/sh
# Somebody else's consortium: its keys and its channel's genesis block, as real Fabric networks have left them. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
shared=${MEDSYNC_SHARED:-../shared}
theirs=$shared/fabric/v3.1.5/services others=$shared/fabric/v2.5.16/services
[ -d "$theirs/crypto" ] && [ -d "$others/crypto" ] || skip_all "no recordings in $shared/fabric"
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-foreign.XXXXXX")

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

up() { "$medsync" devnet up --dir "$dir/net" --ports auto --detach "$@" >"$dir/out" 2>&1; }
down() { "$medsync" devnet down --dir "$dir/net" >/dev/null; }
says() { # text that the last start has printed
    grep -qF -- "$1" "$dir/out" || {
        sed 's/^/# /' "$dir/out"
        false
    }
}
refuses() { # text, options of up...
    text=$1
    shift
    ! up "$@" && says "$text"
}
untouched() { [ ! -e "$dir/net/crypto" ] && [ ! -e "$dir/net/genesis.block" ] && [ ! -e "$dir/net/devnet.json" ]; }

# ---- what cannot be meant
check "--crypto without --genesis is refused" refuses "give both" --crypto "$theirs/crypto"
check "--genesis without --crypto is refused" refuses "give both" --genesis "$theirs/ch.block"
check "a network file of one's own has no place in it" refuses "give one of them" \
    --crypto "$theirs/crypto" --genesis "$theirs/ch.block" --network network/network.yaml
check "a version that is none is refused" refuses "must be 2.5 or 3.1" --fabric 2.4
for moment in tomorrow 2026-11-21 2026-13-01T00:00:00Z 2026-02-30T00:00:00Z 2026-11-21T25:00:00Z 2026-11-21T10:00:00; do
    check "--clock $moment is refused" refuses "--clock $moment: must be a moment" --clock "$moment"
done
check "an address without a port is refused" refuses "must be NAME=HOST:PORT" --cc-address probe=localhost
check "keys that are not this channel's are refused by the organisation" refuses "has no peer of Org1MSP" \
    --crypto "$theirs/crypto" --genesis "$others/ch.block"
check "what is no genesis block is refused" refuses "is not a channel's genesis block" \
    --crypto "$theirs/crypto" --genesis "$theirs/commands.txt"
check "a directory that is not there is refused" refuses "No such file" \
    --crypto "$dir/nowhere" --genesis "$theirs/ch.block"
check "no refusal has left anything behind" untouched

# ---- it runs, and goes on
check "the consortium comes up" up --crypto "$theirs/crypto" --genesis "$theirs/ch.block" --clock 2026-11-21T10:00:00Z
peers() { "$medsync" devnet status --dir "$dir/net" --json | grep -c '"channel":"ch".*"Org1MSP".*"Org2MSP"'; }
check "its channel and organisations are told" [ "$(peers)" = 1 ]
check "it stops" down
check "the same directory goes on without the options" up
check "it stops again" down
check "and with the same options" up --crypto "$theirs/crypto" --genesis "$theirs/ch.block"
down
check "but not with another's keys" refuses "is not what $dir/net/crypto was started with" \
    --crypto "$others/crypto" --genesis "$others/ch.block"
check "nor with another channel" refuses "is not the genesis block" \
    --crypto "$theirs/crypto" --genesis "$others/ch.block"
check "nor with a network file" refuses "needs another directory" --network network/network.yaml
check "nor as another version" refuses "was started as Fabric 3.1 first" --fabric 2.5
check "nor with a chaincode of the devnet's own" refuses "gets its chaincodes from its clients" --with probe
"$medsync" devnet reset --dir "$dir/net" >/dev/null
check "a reset leaves nothing of it" untouched
check "a version is kept" up --crypto "$others/crypto" --genesis "$others/ch.block" --fabric 2.5
down
check "and need not be told again" up
check "as it is in the directory" grep -q '"fabric": "2.5"' "$dir/net/devnet.json"
down
finish
