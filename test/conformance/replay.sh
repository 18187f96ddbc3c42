#!/bin/sh
# Replays recordings into the built probe: our own, and those of real networks where $MEDSYNC_SHARED has them. Each in
# plaintext and over mutual TLS.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
shared=${MEDSYNC_SHARED:-../shared}
status=0

replay() {
    "$build/conformance/replay" "$build/bin/probe" "$1" || status=1
    "$build/conformance/replay" --mutual-tls "$build/bin/probe" "$1" || status=1
}

for folder in test/conformance/recordings/*/; do
    replay "${folder%/}"
done
found=0
for transcript in "$shared"/fabric/*/transcript.txt; do
    [ -f "$transcript" ] || continue
    found=1
    replay "${transcript%/transcript.txt}"
done
if [ "$found" -eq 0 ]; then
    echo "ok 1 - recordings of real networks # SKIP no fabric/*/transcript.txt in $shared"
fi
exit $status
