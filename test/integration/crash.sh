#!/bin/sh
# kill -9 of the devnet while invokes run, many times on one directory: what was acknowledged as committed is there
# afterwards, and the chaincodes' processes have ended with it. CRASH_KILLS says how many kills. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
medsync=$build/bin/medsync
rounds=${CRASH_KILLS:-20}
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-crash.XXXXXX")
acknowledged=$dir/acknowledged
failed=0

cleanup() {
    "$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

up() { "$medsync" devnet up --dir "$dir/net" --ports auto --with probe --batch-timeout 5 --detach; }

children_of() { # pid: those whose parent it is
    for stat in /proc/[0-9]*/stat; do
        sed -n "s/^\([0-9]*\) (.*) [A-Z] $1 .*/\1/p" "$stat" 2>/dev/null
    done
}

running() { # pids: those that still run; a zombie without a parent that waits for it has ended as well
    for child; do
        case $(sed -n 's/^[0-9]* (.*) \([A-Z]\) .*/\1/p' "/proc/$child/stat" 2>/dev/null) in
        '' | Z | X) ;;
        *) printf ' %s' "$child" ;;
        esac
    done
}

# Writes keys of its own one after the other, and notes each that was acknowledged, until it is told to stop.
writer() { # round, number
    n=0
    while [ ! -e "$dir/stop" ]; do
        key=r$1-w$2-$n
        if "$medsync" invoke --dir "$dir/net" --user doctor1 --timeout 20 probe run "[\"PutState\",\"$key\",\"$key\"]" \
            >/dev/null 2>&1; then
            echo "$key" >>"$acknowledged.$2"
        fi
        n=$((n + 1))
    done
}

: >"$acknowledged"
round=1
while [ "$round" -le "$rounds" ]; do
    if ! out=$(up 2>&1); then
        echo "not ok $round - round $round: the devnet comes up"
        printf '%s\n' "$out" | sed 's/^/#   /'
        exit 1
    fi
    pid=$(sed -n 1p "$dir/net/devnet.pid")
    rm -f "$dir/stop"
    writer "$round" 1 &
    first=$!
    writer "$round" 2 &
    second=$!
    # until both have something acknowledged in this round, then a little longer, differently each time
    waited=0
    while [ "$waited" -lt 1200 ]; do
        if grep -qs "^r$round-" "$acknowledged.1" && grep -qs "^r$round-" "$acknowledged.2"; then
            break
        fi
        sleep 0.05
        waited=$((waited + 1))
    done
    sleep "0.0$((round % 10))"
    children=$(children_of "$pid")
    kill -9 "$pid"
    touch "$dir/stop"
    wait "$first" "$second"
    cat "$acknowledged.1" "$acknowledged.2" >"$acknowledged" 2>/dev/null
    waited=0
    while left=$(running $children) && [ -n "$left" ] && [ "$waited" -lt 1200 ]; do
        sleep 0.05
        waited=$((waited + 1))
    done
    if [ -z "$children" ] || [ -n "$left" ]; then
        echo "not ok $round - round $round: processes left after kill -9:$left (children: $children)"
        failed=1
    else
        echo "ok $round - round $round: killed with $(wc -l <"$acknowledged") transactions acknowledged"
    fi
    round=$((round + 1))
done

if ! out=$(up 2>&1); then
    echo "not ok $round - the devnet comes up after $rounds kills"
    printf '%s\n' "$out" | sed 's/^/#   /'
    exit 1
fi
echo "ok $round - the devnet comes up after $rounds kills"
round=$((round + 1))

# All keys at once: a chaincode call has room for some hundred steps.
missing=$(
    sort "$acknowledged" | xargs -n 100 | while read -r keys; do
        steps=$(printf '["GetMultipleStates"' && for key in $keys; do printf ',"%s"' "$key"; done && printf ']')
        "$medsync" query --dir "$dir/net" --user doctor1 probe run "$steps" 2>&1 | grep -n -e nil -e '!' -e medsync
    done
)
total=$(wc -l <"$acknowledged")
if [ -z "$missing" ] && [ "$total" -ge "$rounds" ]; then
    echo "ok $round - all $total acknowledged transactions are there"
else
    echo "not ok $round - of $total acknowledged transactions some are missing"
    printf '%s\n' "$missing" | sed 's/^/#   /' | head -n 20
    failed=1
fi
round=$((round + 1))

"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
if chain=$("$build/test-support/chain" "$dir/net/ledger" HospitalMSP ClinicMSP PharmacyMSP ManufacturerMSP DistributorMSP \
    InsurerMSP ResearchMSP RegulatorMSP InspectorMSP 2>&1); then
    echo "ok $round - the chain of blocks is whole: $chain"
else
    echo "not ok $round - the chain of blocks is whole: $chain"
    failed=1
fi
echo "1..$round"
exit $failed
