#!/bin/sh
# The layers of docs/hacking.md, held by what each archive's objects refer to.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/release}
n=0 bad=0

# names an archive uses but does not define
uses() {
    nm -u "$BUILD/lib$1.a" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u
}

# the archive must not use a name that matches
must_not() { # archive, what it must not know, extended regex
    n=$((n + 1))
    if [ ! -f "$BUILD/lib$1.a" ]; then
        echo "not ok $n - $1: $BUILD/lib$1.a is not built"
        bad=1
        return
    fi
    found=$(uses "$1" | grep -E "$3" | tr '\n' ' ')
    if [ -n "$found" ]; then
        echo "not ok $n - $1 knows nothing of $2"
        echo "# lib$1.a uses: $found"
        bad=1
    else
        echo "ok $n - $1 knows nothing of $2"
    fi
}

# the archive must not use a name that another archive defines
must_not_link() { # archive, other archive
    defined=$(nm -g --defined-only "$BUILD/lib$2.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
    n=$((n + 1))
    found=$(uses "$1" | grep -Fx "$(printf '%s' "$defined")" | tr '\n' ' ')
    if [ -n "$defined" ] && [ -n "$found" ]; then
        echo "not ok $n - $1 does not link $2"
        echo "# lib$1.a uses from lib$2.a: $found"
        bad=1
    else
        echo "ok $n - $1 does not link $2"
    fi
}

grpc='^(grpc|gpr)_'
threads='^pthread_(create|join|detach)'
must_not base "gRPC, protobuf, storage, YAML" '^(grpc_|gpr_|protobuf_c|mdb_|yaml_)'
must_not protos "gRPC, storage, YAML, TLS" '^(grpc_|gpr_|mdb_|yaml_|SSL_)'
must_not core "gRPC" "$grpc"
must_not core "threads" "$threads"
must_not core "clocks" '^(clock_gettime|time|gettimeofday)$'
must_not core "the environment" '^(getenv|secure_getenv)$'
must_not core "files and sockets" '^(open|open64|fopen|fopen64|socket|connect|bind|listen|read|write|send|recv)$'
must_not exec "gRPC and protobuf" '^(grpc_|gpr_|protobuf_c)'
must_not identity "gRPC and storage" '^(grpc_|gpr_|mdb_)'
must_not rpc "protobuf and storage" '^(protobuf_c|mdb_|yaml_)'
must_not host "gRPC, protobuf and threads" "$grpc|^protobuf_c|$threads"
must_not msp "gRPC and storage" '^(grpc_|gpr_|mdb_)'
must_not certs "gRPC, storage, threads" "$grpc|^mdb_|$threads"
must_not ledger "gRPC and YAML" '^(grpc_|gpr_|yaml_)'
must_not scc "gRPC, threads, YAML" "$grpc|$threads|^yaml_"
must_not audit "gRPC, threads, YAML" "$grpc|$threads|^yaml_"
must_not peer "gRPC, threads, YAML" "$grpc|$threads|^yaml_"
must_not fcctest "gRPC, threads, YAML" "$grpc|$threads|^yaml_"
# what is endorsed holds nothing drawn at random, and a chaincode has no key to sign with
for archive in credentials consent ehr supply appointments; do
    [ -f "$BUILD/lib$archive.a" ] || continue
    must_not $archive "signing and random numbers" '^(lib_proof_sign|EVP_DigestSign|RAND_|getrandom|rand$|random$)'
done
for archive in msp config certs ledger scc peer devnet client blob fhir custodian; do
    [ -f "$BUILD/lib$archive.a" ] || continue
    for other in core exec io identity; do
        must_not_link "$archive" "$other"
    done
done
for archive in base rpc protos identity exec core io host; do
    for other in msp config ledger scc peer devnet client; do
        [ -f "$BUILD/lib$other.a" ] && must_not_link "$archive" "$other"
    done
done
for other in peer devnet rpc; do
    must_not_link scc "$other"
done
# network/testing joins the two sides, and nobody builds on it
for archive in base rpc protos identity exec core io host msp config ledger scc peer devnet client blob fhir custodian cli; do
    [ -f "$BUILD/lib$archive.a" ] && must_not_link "$archive" fcctest
done
echo "1..$n"
exit $bad
