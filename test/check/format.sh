#!/bin/sh
# The tree is laid out as .clang-format says, no file is too long to be read in one sitting, and nothing is left open in it.
set -u
cd "$(dirname "$0")/../.." || exit 1
n=0 bad=0
files=$(find shim chaincode network protos test -name '*.[ch]' | LC_ALL=C sort)

n=$((n + 1))
# Debian 12's: each version lays out some things of its own
format=
for it in clang-format clang-format-14; do
    case $($it --version 2>/dev/null) in *"version 14."*) format=$it ;; esac
done
if [ -n "$format" ]; then
    wrong=$($format --dry-run -Werror $files 2>&1 | grep -oE '^[a-z][^ :]*\.[ch]:[0-9]+' | cut -d: -f1 | sort -u | tr '\n' ' ')
    if [ -n "$wrong" ]; then
        echo "not ok $n - clang-format leaves every file as it is"
        echo "# run $format -i on: $wrong"
        bad=1
    else
        echo "ok $n - clang-format leaves every file as it is"
    fi
else
    echo "ok $n - clang-format leaves every file as it is # SKIP no clang-format 14 here (package clang-format-14)"
fi

n=$((n + 1))
long=$(wc -l $files | awk '$2 != "total" && $1 > 1200 { print $2 " (" $1 ")" }' | tr '\n' ' ')
if [ -n "$long" ]; then
    echo "not ok $n - no file is longer than 1200 lines"
    echo "# $long"
    bad=1
else
    echo "ok $n - no file is longer than 1200 lines"
fi

n=$((n + 1))
# the words are put together here, so that this file does not find itself
left=$(grep -nE "\\b(TO""DO|FIX""ME|X""XX)\\b" $files | head -n 5)
if [ -n "$left" ]; then
    echo "not ok $n - nothing is marked as left open"
    printf '%s\n' "$left" | sed 's/^/# /'
    bad=1
else
    echo "ok $n - nothing is marked as left open"
fi
echo "1..$n"
exit $bad
