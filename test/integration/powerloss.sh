#!/bin/sh
# Power cuts of a devnet under load: what it does to its files is recorded (test/support/disk.h), its directory rebuilt as
# a cut at random points can have left it, and started again: what was acknowledged is there. And with a disk that fills
# up. POWERLOSS_CUTS says at how many points, POWERLOSS_SEED which, POWERLOSS_JOBS how many of them are tried side by side
# (two a processor). Prints TAP, and at a terminal how far it is.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=$(cd "${BUILD:-build/release}" && pwd) || exit 1
medsync=$build/bin/medsync
cut=$build/test-support/cut
cuts=${POWERLOSS_CUTS:-5}
seed=${POWERLOSS_SEED:-1}
jobs=${POWERLOSS_JOBS:-$((2 * $(getconf _NPROCESSORS_ONLN)))} # they wait for the disk as much as they compute
if nm "$medsync" 2>/dev/null | grep -q __asan_init; then
    skip_all "a sanitizer must be the first library, and disk.so would be"
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-powerloss.XXXXXX")
dir=$(cd "$dir" && pwd -P)

cleanup() {
    wait
    for net in "$dir"/*/net; do
        "$medsync" devnet down --dir "$net" >/dev/null 2>&1
    done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

up() { # directory
    "$medsync" devnet up --dir "$1" --ports auto --with probe --batch-timeout 5 --detach
}

put() { # directory, key
    "$medsync" invoke --dir "$1" --user doctor1 --timeout 60 probe run "[\"PutState\",\"$2\",\"$2\"]" >/dev/null 2>&1
}

# Keys on stdin: all of them have their value.
has_all() { # directory
    xargs -n 100 | while read -r keys; do
        steps=$(printf '["GetMultipleStates"' && for key in $keys; do printf ',"%s"' "$key"; done && printf ']')
        "$medsync" query --dir "$1" --user doctor1 probe run "$steps" 2>&1 | grep -e nil -e '!' -e medsync
    done >"$1.missing"
    sed 's/^/#   /' "$1.missing"
    [ ! -s "$1.missing" ]
}

# Start, put keys, kill, start again, put more: all recorded.
record() { # lives
    rm -rf "$dir/record" "$dir/log"
    mkdir "$dir/record"
    for life in $1; do
        LD_PRELOAD=$build/test-support/disk.so DISK_DIR=$dir/record DISK_LOG=$dir/log up "$dir/record/net" >"$dir/out" 2>&1 || {
            sed 's/^/#   /' "$dir/out"
            return 1
        }
        "$cut" mark "$dir/log" "up"
        key=0
        while [ $key -lt 12 ]; do
            put "$dir/record/net" "life$life-$key" || return 1
            "$cut" mark "$dir/log" "life$life-$key"
            key=$((key + 1))
        done
        killed "$(sed -n 1p "$dir/record/net/devnet.pid")"
    done
}

# What the devnet made before it was up is there, to the byte.
same_material() { # directory
    diff -r "$dir/record/net/crypto" "$1/crypto" && diff -r "$dir/record/net/custody" "$1/custody"
}

survives() { # point, seed, a folder of its own
    marks=$("$cut" make "$dir/log" "$1" "$2" "$3") || return 1
    mkdir -p "$3/net"
    result=0
    if [ -n "$marks" ]; then
        same_material "$3/net" || result=1
    fi
    if out=$(up "$3/net" 2>&1); then
        printf '%s\n' "$marks" | grep life | has_all "$3/net" || result=1
        put "$3/net" "goes-on" || result=1
        "$medsync" devnet down --dir "$3/net" >/dev/null 2>&1
    else
        printf '%s\n' "$out" | sed 's/^/#   /'
        result=1
    fi
    rm -rf "$3"
    return $result
}

# Each of these points, some at a time; what is said of one, and last yes or no, is in $dir/tried.<number>.
try_points() { # how many, of so many changes
    i=0
    while [ "$i" -lt "$1" ]; do
        point=$(awk -v s="$seed" -v i="$i" -v n="$2" 'BEGIN { srand(s * 1000 + i); print 1 + int(rand() * n) }')
        echo "$point" >"$dir/point.$i"
        { survives "$point" "$((seed * 1000 + i))" "$dir/cut.$i" && echo yes || echo no; } >"$dir/tried.$i" 2>&1 &
        i=$((i + 1))
        [ $((i % jobs)) -ne 0 ] || wait
        [ ! -t 2 ] || printf '\r%s of %s power cuts' "$i" "$1" >&2
    done
    wait
    [ ! -t 2 ] || printf '\r\033[K' >&2
}
survived() { # number
    sed '$d' "$dir/tried.$1"
    [ "$(tail -n 1 "$dir/tried.$1")" = yes ]
}

check "a devnet runs, is killed and runs again, recorded" record "1 2" || finish
count=$("$cut" count "$dir/log")
try_points "$cuts" "$count"
i=0
while [ "$i" -lt "$cuts" ]; do
    check "power cut behind change $(cat "$dir/point.$i") of $count" survived "$i"
    i=$((i + 1))
done
check "power cut behind the last of $count changes" survives "$count" "$seed" "$dir/cut"

# Else all of this would prove nothing.
loses_without_syncs() {
    export DISK_NO_SYNC=
    record 1 && last=$("$cut" count "$dir/log") && ! survives "$last" 1 "$dir/cut" >"$dir/lost" 2>&1
    result=$?
    unset DISK_NO_SYNC
    return $result
}

check "without syncs a power cut loses something" loses_without_syncs

# ---- a disk that is full ------------------------------------------------------------------------------------------------

fills_up() { # after how many changes in the ledger
    mkdir "$dir/full"
    up "$dir/full/net" >/dev/null 2>&1 || return 1
    "$medsync" devnet down --dir "$dir/full/net" >/dev/null 2>&1
    LD_PRELOAD=$build/test-support/disk.so DISK_DIR=$dir/full DISK_FAIL_AT=$1 DISK_FAIL_ERRNO=28 DISK_FAIL_ON=1 \
        DISK_FILE=net/ledger/ "$medsync" devnet up --dir "$dir/full/net" --ports auto --with probe --batch-timeout 5 \
        >"$dir/full/out" 2>&1 &
    pid=$!
    waited=0
    while [ ! -e "$dir/full/net/endpoints.json" ] && kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 1200 ]; do
        sleep 0.05
        waited=$((waited + 1))
    done
    key=0
    : >"$dir/full/acknowledged"
    while put "$dir/full/net" "full-$key"; do
        echo "full-$key" >>"$dir/full/acknowledged"
        key=$((key + 1))
    done
    wait "$pid" && return 1
    # LMDB says EIO for a write that the full disk has cut short
    grep -Eq "net/ledger/.*: (No space left on device|Input/output error): block .* was not committed, those before it are \
safe: make room" "$dir/full/out" || {
        sed 's/^/#   /' "$dir/full/out"
        return 1
    }
    up "$dir/full/net" >/dev/null 2>&1 && has_all "$dir/full/net" <"$dir/full/acknowledged" &&
        put "$dir/full/net" "goes-on"
    result=$?
    "$medsync" devnet down --dir "$dir/full/net" >/dev/null 2>&1
    rm -rf "$dir/full"
    return $result
}

for changes in 20 41; do
    check "a disk that is full from change $changes on" fills_up "$changes"
done
finish
