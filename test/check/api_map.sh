#!/bin/sh
# docs/api-map.md is what docs/api-map.sh makes; no call of Go's and none of the headers' lacks a row.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

docs/api-map.sh >"$dir/map"
check "docs/api-map.sh works" [ $? -eq 0 -a -s "$dir/map" ]
cmp -s "$dir/map" docs/api-map.md
check "docs/api-map.md is what it makes" [ $? -eq 0 ] || {
    echo "# run: docs/api-map.sh >docs/api-map.md"
    diff docs/api-map.md "$dir/map" | sed 's/^/# /' | head -n 10
}
cut -f1 docs/api-map.tsv | LC_ALL=C sort -u >"$dir/rows"
LC_ALL=C sort -u docs/api-map.go >"$dir/go"
missing=$(LC_ALL=C comm -13 "$dir/rows" "$dir/go" | tr '\n' ' ')
check "no call of Go's lacks a row" [ -z "$missing" ] || echo "# $missing"
for header in shim/include/fcc/*.h; do
    # what tests alone use has a guide of its own
    [ "${header##*/}" = test.h ] || cat "$header"
done | sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' -e '/^#/d' | tr '\n' ' ' | tr ';' '\n' | grep FCC_API |
    grep -oE 'fcc_[a-z0-9_]+ *\(' | tr -d ' (' | LC_ALL=C sort -u >"$dir/declared"
cut -f2 docs/api-map.tsv | LC_ALL=C sort -u >"$dir/rows"
missing=$(LC_ALL=C comm -13 "$dir/rows" "$dir/declared" | tr '\n' ' ')
check "no call of the headers' lacks a row" [ -s "$dir/declared" -a -z "$missing" ] || echo "# $missing"
unknown=$(LC_ALL=C comm -23 "$dir/rows" "$dir/declared" | grep -vE '^(-|fcc_chaincode\.init|fcc_function\.handler)$' | tr '\n' ' ')
check "and no row a call" [ -z "$unknown" ] || echo "# $unknown"
cases=${MEDSYNC_SHARED:-../shared}/fabric/cases.jsonl
if [ -r "$cases" ]; then
    docs/api-map.sh cases <"$cases" | cmp -s - docs/api-map.cases
    check "docs/api-map.cases has the recorded cases" [ $? -eq 0 ]
else
    n=$((n + 1))
    echo "ok $n - docs/api-map.cases has the recorded cases # SKIP no ${MEDSYNC_SHARED:-../shared} here"
fi
finish
