#!/bin/sh
# The scenario of three chaincodes on a devnet whose referee simulates each transaction once more. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
if nm "${BUILD:-build/release}/bin/medsync" 2>/dev/null | grep -q __asan_init; then
    skip_all "a sanitizer must be the first library, and the later clock would be"
fi
export REFEREE=1
set -- devnet
. test/scenario/steps.sh
