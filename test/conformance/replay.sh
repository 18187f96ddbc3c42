#!/bin/sh
# Replays recordings into the built probe: those of recordings/, and those of real networks where $MEDSYNC_SHARED has
# them. Each with the chaincode as the server and as the client, in plaintext and over mutual TLS. First it makes sure that
# the replay would notice a difference.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
shared=${MEDSYNC_SHARED:-../shared}
status=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

replay() {
    "$build/conformance/replay" "$build/bin/probe" "$1" || status=1
    "$build/conformance/replay" --mutual-tls "$build/bin/probe" "$1" || status=1
    "$build/conformance/replay" --client "$build/bin/probe" "$1" || status=1
    "$build/conformance/replay" --client --mutual-tls "$build/bin/probe" "$1" || status=1
}

# An altered copy of our own recording must not pass.
noticed() { # what, awk program
    awk "$2" test/conformance/recordings/own/transcript.txt >"$scratch/transcript.txt"
    if REPLAY_PATIENCE_MS=500 "$build/conformance/replay" "$build/bin/probe" "$scratch" >"$scratch/out" 2>&1; then
        echo "not ok - $1 is noticed"
        status=1
    else
        echo "ok - $1 is noticed"
    fi
}

noticed 'a changed byte' '/< GET_STATE / && !n++ { sub(/.$/, "9") } { print }'
noticed 'a message too many' '!(/< COMPLETED / && !n++)'
noticed 'a message too few' '{ print } /< COMPLETED / && !n++ { print }'
noticed 'a record missing in a batch' '/< WRITE_BATCH_STATE / && !n++ { sub(/6232/, "6233") } { print }'

for transcript in test/conformance/recordings/*/transcript.txt; do
    replay "${transcript%/transcript.txt}"
done
found=0
for transcript in "$shared"/fabric/*/transcript.txt; do
    [ -f "$transcript" ] || continue
    found=1
    replay "${transcript%/transcript.txt}"
done
if [ "$found" -eq 0 ]; then
    echo "ok - recordings of real networks # SKIP no fabric/*/transcript.txt in $shared"
fi
exit $status
