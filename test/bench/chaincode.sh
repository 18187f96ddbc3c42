#!/bin/sh
# What a transaction costs in probe and, in the same run, in the bare protocol loop and in any other chaincode that has
# probe's functions: test/bench/chaincode.sh [OPTION]... (see `load --help`), for example
#     make bench BENCH='--addr go=127.0.0.1:9999 --in-flight 1,16,128,256'
# Without --tls it measures in plaintext, with it over mutual TLS.
#     make bench BENCH='all --exec go=FILE'
# makes every table and figure of the shim in docs/benchmarks.md, in its order: ten minutes, on a machine with nothing else
# to do. RUNS and MS change the rounds of the first two tables, 9 of 500 ms.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
version() {
    pkg-config --modversion "$1" 2>/dev/null || echo unknown
}

heading() {
    printf '%s, %s %s, %s processors (%s), load before %s\n' "$(date -u +%Y-%m-%d)" "$(uname -s)" "$(uname -rm)" \
        "$(nproc)" "${cpu:-unknown}" "$(cut -d' ' -f1-3 /proc/loadavg)"
    printf 'commit %s%s, %s, gRPC %s, protobuf-c %s\n' "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" \
        "$(git diff --quiet HEAD -- shim protos chaincode test/bench 2>/dev/null || echo ' (changed)')" \
        "$(cc --version | head -n 1)" "$(version grpc)" "$(version libprotobuf-c)"
}

load() {
    heading
    "$build/bench/load" --exec libfcc="$build/bin/probe" "$@"
}
bare=--exec\ bare=$build/bench/bare_loop

if [ "${1:-}" != all ]; then
    # shellcheck disable=SC2086 # an option and its value
    load $bare "$@"
    exit
fi
shift
rounds="--runs ${RUNS:-9} --ms ${MS:-500}"
# shellcheck disable=SC2086 # options and their values
{
    printf '## Plaintext\n\n'
    load $bare $rounds "$@"
    printf '\n## Mutual TLS\n\n'
    load $bare $rounds --tls "$@"
    printf '\n## Longer transactions\n\n'
    load $bare --work rw100,range10000,value1k,value16k,value128k,value1m --in-flight 16 --runs 5 --ms 300 "$@"
    printf '\nThe bare loop does not know `run`:\n\n'
    load --work puts1000,batch1000 --in-flight 16 --runs 5 --ms 500 "$@"
    printf '\n## Four streams, and without a proposal\n\n'
    load $bare --work noop,rw1 --streams 4 --in-flight 256 --runs 5 --ms 300 "$@"
    echo
    load $bare --work noop,rw1 --no-proposal --runs 5 --ms 300 "$@"
    printf '\n## One in ten computes for 10 ms\n\n'
    "$build/bench/load" --exec busy="$build/bench/busy" --work paced,burn --in-flight 64 --runs 5 --ms 1000
    printf '\n## Memory after some ten million no-ops\n\n'
    "$build/bench/load" --exec libfcc="$build/bin/probe" $bare --work noop --in-flight 128 --runs 2 --ms 22000
    printf '\n## Messages of 100 MiB\n\n'
    "$build/test/shim/io/test_large" 2>&1 | sed -n 's/^# //p'
}
