#!/bin/sh
# 1,000 random calls of each chaincode in two processes under other conditions (locale, time zone, environment, what fresh
# memory holds, and another moment) have the same answers, and read and write the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/release}
export BUILD
. test/support/tap.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

same() { # chaincode
    LC_ALL=C TZ=UTC "$BUILD/test/property/$1" --calls 1000 --digest >"$dir/one" 2>&1 || return 1
    LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 TZ=Pacific/Kiritimati MALLOC_PERTURB_=165 MALLOC_ARENA_MAX=1 MALLOC_TOP_PAD_=77777 \
        PADDING="$(printf '%4000s' x)" "$BUILD/test/property/$1" --calls 1000 --digest >"$dir/other" 2>&1 || return 1
    [ "$(grep -c '^answer ' "$dir/one")" -ge 1000 ] || return 1
    cmp -s "$dir/one" "$dir/other" && return 0
    diff "$dir/one" "$dir/other" | head -n 4 | cut -c 1-600 | sed 's/^/# /'
    return 1
}

for chaincode in consent credentials ehr prescriptions supply appointments; do
    check "$chaincode: 1,000 random calls come to the same in two processes" same "$chaincode"
done
finish
