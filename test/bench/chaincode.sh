#!/bin/sh
# What a transaction costs in probe and, in the same run, in the bare protocol loop and in any other chaincode that has
# probe's functions: test/bench/chaincode.sh [OPTION]... (see `load --help`), for example
#     make bench BENCH='--addr go=127.0.0.1:9999 --in-flight 1,16,128,256'
# Without --tls it measures in plaintext, with it over mutual TLS.
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
version() {
    pkg-config --modversion "$1" 2>/dev/null || echo unknown
}

printf '%s, %s %s, %s processors (%s), load before %s\n' "$(date -u +%Y-%m-%d)" "$(uname -s)" "$(uname -rm)" "$(nproc)" \
    "${cpu:-unknown}" "$(cut -d' ' -f1-3 /proc/loadavg)"
printf 'commit %s%s, %s, gRPC %s, protobuf-c %s\n' "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" \
    "$(git diff --quiet HEAD -- shim protos chaincode test/bench 2>/dev/null || echo ' (changed)')" \
    "$(cc --version | head -n 1)" "$(version grpc)" "$(version libprotobuf-c)"
exec "$build/bench/load" --exec libfcc="$build/bin/probe" --exec bare="$build/bench/bare_loop" "$@"
