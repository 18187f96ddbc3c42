#!/bin/sh
# What a chaincode process costs: transactions a second and CPU time of the process for each, for `noop` and for `rw 1`
# (get and put), at 1, 16 and 128 at a time; of probe and, where $MEDSYNC_SHARED has it, of the bare protocol loop that
# is the limit. SECONDS_EACH (2) and RUNS (3) can be set; the median of the runs is printed, with the lowest and highest.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
shared=${MEDSYNC_SHARED:-../shared}
seconds=${SECONDS_EACH:-2}
runs=${RUNS:-3}
scratch=$(mktemp -d) || exit 1
pid=
trap 'test -z "$pid" || kill "$pid" 2>/dev/null; rm -rf "$scratch"' EXIT

printf '%s, %s cores, commit %s, gRPC %s, %s runs of %s s\n' "$(uname -sm)" "$(nproc)" \
    "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "$(pkg-config --modversion grpc)" "$runs" "$seconds"
printf '%-8s %-5s %10s  %22s  %26s\n' server work concurrent 'tx/s' 'CPU us a transaction'

measure() { # name, address
    for work in noop rw; do
        for concurrent in 1 16 128; do
            : >"$scratch/runs"
            for _ in $(seq "$runs"); do
                "$build/bench/load" "$2" "$pid" "$work" "$concurrent" "$seconds" >>"$scratch/runs" || exit 1
            done
            rate=$(cut -d' ' -f1 "$scratch/runs" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], "(" v[1] "-" v[NR] ")" }')
            cpu=$(cut -d' ' -f2 "$scratch/runs" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], "(" v[1] "-" v[NR] ")" }')
            printf '%-8s %-5s %10s  %22s  %26s\n' "$1" "$work" "$concurrent" "$rate" "$cpu"
        done
    done
    kill "$pid"
    wait "$pid" 2>/dev/null
    pid=
}

port=${PORT:-29981}
CHAINCODE_SERVER_ADDRESS=127.0.0.1:$port CHAINCODE_ID=bench:0 "$build/bin/probe" 2>"$scratch/log" &
pid=$!
measure probe "127.0.0.1:$port"
if [ -f "$shared/bench/bare_loop.c" ]; then
    # shellcheck disable=SC2046
    cc -O2 -w "$shared/bench/bare_loop.c" $(pkg-config --cflags --libs grpc gpr) -o "$scratch/bare_loop" || exit 1
    port=$((port + 1))
    "$scratch/bare_loop" "127.0.0.1:$port" &
    pid=$!
    measure bare "127.0.0.1:$port"
else
    echo "no bare loop to compare with: $shared/bench/bare_loop.c is absent"
fi
