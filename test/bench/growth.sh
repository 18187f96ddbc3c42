#!/bin/sh
# What a ledger's size costs: a ledger of 10,000 keys in 1,000 blocks beside a large one, by ratio in one run. The large
# one has KEYS keys in BLOCKS blocks (1,000,000 in 100,000); 10,000,000 in 1,000,000 need some 10 GB below DIR.
# KEEP=DIRECTORY keeps both there, and measures those that are there from an earlier run; ROUNDS=0 builds and measures not.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
if [ "${KEEP:-}" ]; then
    dir=$KEEP
    mkdir -p "$dir"
else
    dir=$(mktemp -d "${DIR:-${TMPDIR:-/tmp}}/growth.XXXXXX")
    trap 'rm -rf "$dir"' EXIT
    trap 'exit 1' INT TERM
fi

echo "$(date +%F), $(uname -sr), $(nproc) processors, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), load before $(cut -d' ' -f1-3 /proc/loadavg)"
status=0
"$build/bench/growth" "$dir" "${KEYS:-1000000}" "${BLOCKS:-100000}" "${ROUNDS:-9}" "$build/bin/probe" || status=$?
du -sh "$dir"/small/blocks "$dir"/small/state "$dir"/large/blocks "$dir"/large/state | sed "s|$dir/||"
exit $status
