#!/bin/sh
# The README's commands are run as they are printed, in order, each block in one shell; a block of text behind one is what
# it must print, with … for what differs each time. `./run` and `./run test` are left out: who runs this runs those.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
case ${TMPDIR-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # the README quotes no paths
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-readme.XXXXXX")

cleanup() {
    for net in trial elsewhere; do "$build/bin/medsync" devnet down --dir "$dir/$net" >/dev/null 2>&1; done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# blocks as files: N.sh, and N.text where one follows
awk -v dir="$dir" '
    /^```sh$/ { n++; out = dir "/" n ".sh"; next }
    /^```text$/ { out = dir "/" n ".text"; next }
    /^```/ { out = ""; next }
    out { print > out }' README.md

runs() { # block
    sed -e "s#build/bin/#$build/bin/#g" -e "s#build/\(trial\|elsewhere\|channel.block\)#$dir/\1#g" "$1" >"$1.here"
    sh -e "$1.here" >"$1.out" 2>&1 && return 0
    sed 's/^/# /' "$1.out"
    return 1
}
# a line of the README as a pattern of the whole line
prints() { # block, text
    sed "s#$dir/#build/#g" "$1.out" >"$1.said"
    [ "$(wc -l <"$1.said")" -eq "$(wc -l <"$2")" ] && awk -v said="$1.said" '
        { p = $0; gsub(/[][().*+?^$|{}\\]/, "\\\\&", p); gsub(/…/, ".+", p)
          if ((getline line < said) <= 0 || line !~ ("^" p "$")) { print "# wanted: " $0; print "# said:   " line; bad = 1 } }
        END { exit bad }' "$2" && return 0
    sed 's/^/# /' "$1.said"
    return 1
}

for block in "$dir"/*.sh; do
    grep -q '^\./run' "$block" && continue
    check "$(head -n 1 "$block") ... $(tail -n 1 "$block")" runs "$block"
    text=${block%.sh}.text
    [ ! -f "$text" ] || check "prints what the README says" prints "$block" "$text"
done
check "the README has blocks with commands and outputs" [ "$n" -ge 4 ]
for name in $(sed -n 's/.*](\([a-zA-Z][a-zA-Z/._-]*\)).*/\1/p' README.md); do [ -e "$name" ] || echo "$name"; done >"$dir/missing"
check "what it links to is there" [ ! -s "$dir/missing" ]
finish
