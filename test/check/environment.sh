#!/bin/sh
# docs/environment.md has a row for each variable that a chaincode process reads, --help tells of each, and each test
# that the document names is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
doc=docs/environment.md

sed '/^static const char help/,/;$/d' shim/io/config.c | grep -oE '"(CORE|CHAINCODE|FCC)_[A-Z_]+"' | tr -d '"' |
    LC_ALL=C sort -u >"$dir/read"
missing=$(while read -r name; do grep -qE "^\|[^|]*\`$name\`" $doc || echo "$name"; done <"$dir/read" | tr '\n' ' ')
check "each variable has a row" [ -s "$dir/read" -a -z "$missing" ] || echo "# no row: $missing"
sed -n '/^static const char help/,/;$/p' shim/io/config.c >"$dir/help"
missing=$(grep -v '^FCC_' "$dir/read" | while read -r name; do grep -qw "$name" "$dir/help" || echo "$name"; done | tr '\n' ' ')
check "--help tells of each" [ -z "$missing" ] || echo "# not in --help: $missing"
bare=$(grep -nE '^\| `?(CORE|CHAINCODE|FCC|-peer)|^\| (server|client) ' $doc | grep -vE '\| *[^|]*`[a-z0-9]+_[a-z0-9_]+`[^|]*\|$')
check "each row names its test" [ -z "$bare" ] || printf '%s\n' "$bare" | sed 's/^/# /'
unknown=$(grep -oE '`[a-z0-9]+(_[a-z0-9]+){3,}`' $doc | tr -d "\140" | grep -v "^fcc_" | sort -u | while read -r name; do
    grep -rqE "cmocka_unit_test[a-z_]*\($name\b" test/unit/shim || echo "$name"
done | tr '\n' ' ')
check "each test that is named is there" [ -z "$unknown" ] || echo "# no such test: $unknown"
finish
