#!/bin/sh
# How long from starting the embedded network to its first answered query, and how much memory all of its processes hold.
# Prints the machine, the commit, every run, and the median. usage: test/bench/devnet.sh [RUNS]
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-5}
medsync=build/bin/medsync
[ -x "$medsync" ] || { echo "$medsync is not built: make" >&2; exit 1; }
work=$(mktemp -d)
trap '"$medsync" devnet down --dir "$work/net" >/dev/null 2>&1 || :; rm -rf "$work"' EXIT INT TERM

ms() {
    echo $(($(date +%s%N) / 1000000))
}

# every descendant of a process, itself first
family() {
    echo "$1"
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
        family "$child"
    done
}

printf 'machine: %s, %s processors; commit %s\n' "$(uname -sm)" "$(nproc)" "$(git rev-parse --short HEAD 2>/dev/null || echo none)"
: >"$work/starts"
n=0
while [ "$n" -lt "$runs" ]; do
    n=$((n + 1))
    rm -rf "$work/net"
    begin=$(ms)
    "$medsync" devnet up --dir "$work/net" --ports auto --with probe >"$work/log" 2>&1 &
    up=$!
    until "$medsync" query --dir "$work/net" probe echo hello >"$work/answer" 2>/dev/null; do
        kill -0 "$up" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        [ $(($(ms) - begin)) -lt 30000 ] || { echo "no answer within 30 s" >&2; exit 1; }
    done
    took=$(($(ms) - begin))
    pss=0 count=0
    for pid in $(family "$up"); do
        kb=$(awk '/^Pss:/ { print $2 }' /proc/"$pid"/smaps_rollup 2>/dev/null || echo 0)
        pss=$((pss + ${kb:-0}))
        count=$((count + 1))
    done
    printf 'run %d: first query after %d ms (new material included); %d processes, %d.%d MB PSS\n' "$n" "$took" "$count" \
        $((pss / 1024)) $((pss % 1024 * 10 / 1024))
    echo "$took $pss" >>"$work/starts"
    "$medsync" devnet down --dir "$work/net" >/dev/null
    wait "$up" || :
done
sort -n "$work/starts" | awk '{ t[NR] = $1 } END { printf "median to first query: %d ms (min %d, max %d)\n", t[int((NR + 1) / 2)], t[1], t[NR] }'
sort -k2 -n "$work/starts" | awk '{ p[NR] = $2 } END { printf "median PSS: %.1f MB (min %.1f, max %.1f)\n", p[int((NR + 1) / 2)] / 1024, p[1] / 1024, p[NR] / 1024 }'
