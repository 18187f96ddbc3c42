#!/bin/sh
# What evaluations and transactions take at a devnet's gateway: two organisations that both endorse, batches of 10 ms, our
# own client on the same machine. usage: test/bench/gateway.sh [ROUNDS]; DIR is where the ledger lies (default /tmp).
# Compare only with another build in the same session.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
rounds=${1:-3}
dir=$(mktemp -d "${DIR:-${TMPDIR:-/tmp}}/gateway.XXXXXX")
trap '"$build/bin/medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

echo "$(date +%F), $(uname -sr), $(nproc) processors, load before $(cut -d' ' -f1-3 /proc/loadavg), commit $(git rev-parse --short HEAD 2>/dev/null || echo none)"
"$build/bin/medsync" devnet up --dir "$dir/net" --ports auto --detach --network test/support/two_orgs/network.yaml \
    --batch-timeout 10 >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
pid=$("$build/bin/medsync" devnet status --dir "$dir/net" | sed -n 's/.*process \([0-9]*\),.*/\1/p')
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    "$build/bench/gateway" "$dir/net" "$pid" submit 1 300 Org1MSP
    "$build/bench/gateway" "$dir/net" "$pid" submit 128 5000 Org1MSP
    "$build/bench/gateway" "$dir/net" "$pid" evaluate 16 20000 Org1MSP
    "$build/bench/gateway" "$dir/net" "$pid" evaluate 128 20000 Org1MSP
done
