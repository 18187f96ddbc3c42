#!/bin/sh
# The library that moves a program's clock: the program sees the moved time, and waits no longer and no shorter. TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-clock.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
# a sanitizer wants to be the first library of a process
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"

moved() { # seconds, command...
    by=$1
    shift
    LD_PRELOAD=$build/lib/medsync/clock.so MEDSYNC_CLOCK_AHEAD=$by timeout 60 "$@"
}
year() { moved "$1" date -u +%Y; }

check "the year is another one" [ "$(year 63072000)" -ge $(($(date -u +%Y) + 1)) ]
check "back as well" [ "$(year -63072000)" -le $(($(date -u +%Y) - 1)) ]
for by in 0 86400 -86400; do
    check "who waits until a moment of a clock $by s ahead waits as long as it should" \
        prints "in time" moved "$by" "$build/test-support/until"
done
finish
