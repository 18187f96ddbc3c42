#!/bin/sh
# Every error code that the sources or the documents name is in the table of shim/base/codes.h, where `medsync explain`
# finds it; every code of the table is given by some place in the sources; and what is told at level error, or by medsync
# before it ends, has one.
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
sed -nE 's/^ *X\(([A-Z_]+), "(E-[^"]*)".*/\1 \2/p' shim/base/codes.h >"$dir/both"
while read -r name code; do
    grep -rqwE "FCC__E_$name|$code" shim network chaincode --include='*.c' || unused="$unused $name"
done <"$dir/both"
check "every code is given somewhere" [ -z "$unused" ] || echo "# never used:$unused"

# Whole statements, each on one line: FILE:NUMBER:statement.
statements() {
    find shim network chaincode -name '*.c' -print0 | xargs -0 awk '
        { sub(/^[ \t]+/, ""); if (text == "") from = FILENAME ":" FNR; text = text $0 " " }
        /[;{}]$/ { print from ":" text; text = "" }'
}
statements >"$dir/statements"
bare=$(grep -E 'fcc__log(_with)?\([^;]*FCC__ERROR' "$dir/statements")
check "errors are logged with fcc__log_code" [ -z "$bare" ] || printf '%s\n' "$bare" | sed 's/^/# /'
bare=$(grep -E '(fprintf|fputs|dprintf)\([^;]*stderr|fputs\([^;]*stderr' "$dir/statements" |
    grep -E '"(medsync|fcc-host|%s: |MEDSYNC)' | grep -vE 'E-[A-Z]+-[0-9]|code')
check "what programs say on standard error has a code" [ -z "$bare" ] || printf '%s\n' "$bare" | sed 's/^/# /'
finish
