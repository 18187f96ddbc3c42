#!/bin/sh
# Every error code that the sources or the documents name is in the table of shim/base/codes.h, where `medsync explain`
# finds it, and every code of the table is given by some place in the sources.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"${BUILD:-build/release}/bin/medsync" explain | awk '{ print $1 }' | LC_ALL=C sort >"$dir/table"
grep -rhoE '\bE-[A-Z]+-[0-9][0-9]\b' shim chaincode network docs README.md CONTRIBUTING.md | LC_ALL=C sort -u >"$dir/named"
unknown=$(LC_ALL=C comm -13 "$dir/table" "$dir/named" | tr '\n' ' ')
check "every code that is named can be explained" [ -z "$unknown" ] || echo "# not in shim/base/codes.h: $unknown"

unused=
for name in $(sed -nE 's/^ *X\(([A-Z_]+), "E-.*/\1/p' shim/base/codes.h); do
    grep -rqwE "FCC__E_$name" shim network chaincode --include='*.c' || unused="$unused $name"
done
check "every code is given somewhere" [ -z "$unused" ] || echo "# never used:$unused"
finish
