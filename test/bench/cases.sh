#!/bin/sh
# cases.sh [PROGRAM...]: what a case of each unit test on fcc/test.h costs, or of these programs, which run where you are.
# ROUNDS (5) runs of each, of which the cheapest counts. After `make unit-tests build/release/bench/cases`.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
export BUILD="${BUILD:-build/release}" MEDSYNC_SHARED="${MEDSYNC_SHARED:-$root/../shared}"
case $BUILD in
/*) measure=$BUILD/bench/cases ;;
*) measure=$root/$BUILD/bench/cases ;;
esac

if [ $# -eq 0 ]; then
    cd "$root"
    for program in $(find "$BUILD/test/network/testing" "$BUILD/test/chaincode" -type f -perm -u+x | LC_ALL=C sort); do
        if nm "$program" 2>/dev/null | grep -q ' fcc_test_new$'; then
            set -- "$@" "$program"
        fi
    done
fi
exec "$measure" "${ROUNDS:-5}" "$@"
