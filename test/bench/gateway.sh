#!/bin/sh
# What evaluations and transactions take at a gateway: two organisations that both endorse, batches of 10 ms, our own client
# on the same machine; a devnet and, where Fabric's orderer and peer are on PATH, real Fabric beside it, measured in turns.
# usage: test/bench/gateway.sh [ROUNDS]; DIR is where the ledgers lie (default /tmp). Prints each round with the steps of a
# transaction, then medians and their ratios. Without Fabric compare only with another build in the same session.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
medsync=$build/bin/medsync
rounds=${1:-3}
dir=$(mktemp -d "${DIR:-${TMPDIR:-/tmp}}/gateway.XXXXXX")
kinds=devnet
if command -v orderer >/dev/null 2>&1 && command -v peer >/dev/null 2>&1; then
    kinds='devnet fabric'
fi
down() {
    for kind in $kinds; do
        "$medsync" "$kind" down --dir "$dir/$kind" >/dev/null 2>&1 || :
    done
    rm -rf "$dir"
}
trap down EXIT
trap 'exit 1' INT TERM

echo "$(date +%F), $(uname -sr), $(nproc) processors, load before $(cut -d' ' -f1-3 /proc/loadavg), commit $(git rev-parse --short HEAD 2>/dev/null || echo none)"
for kind in $kinds; do
    "$medsync" "$kind" up --dir "$dir/$kind" --ports auto --detach --network test/support/two_orgs/network.yaml \
        --batch-timeout 10 >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
done
if [ "$kinds" = devnet ]; then
    echo "real Fabric: orderer and peer are not on PATH"
else
    echo "real Fabric: $(peer version | sed -n 's/^ *Version: *v*//p'), idle while the devnet is measured"
fi

measure() { # kind, evaluate or submit, in flight, how many
    pid=$("$medsync" "$1" status --dir "$dir/$1" | sed -n 's/.*process \([0-9]*\),.*/\1/p')
    "$build/bench/gateway" "$dir/$1" "$pid" "$2" "$3" "$4" Org1MSP >"$dir/answer"
    sed "s/^[a-z]/$1: &/" "$dir/answer"
    # kind, work, in flight, calls a second, microseconds of CPU time, p50 in milliseconds
    sed -n "1s|^\([a-z]*\), \([0-9]*\) in flight: \([0-9]*\) /s, \([0-9]*\) us.*|$1 \1 \2 \3 \4|p; 2s/.*p50 *\([0-9.]*\) ms.*/\1/p" \
        "$dir/answer" | paste -sd' ' - >>"$dir/rounds"
}
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    for kind in $kinds; do
        # as many as take seconds; Fabric takes a multiple of the time
        most=20000 && [ "$kind" = devnet ] || most=8000
        measure "$kind" submit 1 200
        measure "$kind" submit 128 $((most / 4))
        measure "$kind" evaluate 16 "$most"
        measure "$kind" evaluate 128 "$most"
    done
done

awk '
    function median(kind, work, column,    n, i, j, x, list) {
        n = count[kind, work]
        for (i = 1; i <= n; i++) {
            x = value[kind, work, column, i]
            for (j = i - 1; j > 0 && list[j] > x; j--)
                list[j + 1] = list[j]
            list[j + 1] = x
        }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    function cells(what, work, column) {
        if (!(("fabric", work) in count))
            printf " %s |", median("devnet", work, column)
        else
            printf " %s / %s / %.2f |", median("devnet", work, column), median("fabric", work, column),
                median("devnet", work, column) / median("fabric", work, column)
    }
    {
        work = $2 ", " $3 " in flight"
        n = ++count[$1, work]
        for (i = 4; i <= 6; i++)
            value[$1, work, i, n] = $i
        if (!(work in known)) {
            known[work]
            order[++works] = work
        }
    }
    END {
        print (("fabric", order[1]) in count) ? "\nmedians of devnet / Fabric / their ratio:\n" : "\nmedians:\n"
        print "| | calls/s | CPU µs each | p50 ms |\n|---|---|---|---|"
        for (i = 1; i <= works; i++) {
            printf "| %s |", order[i]
            for (j = 4; j <= 6; j++)
                cells(order[i], order[i], j)
            print ""
        }
    }' "$dir/rounds"
