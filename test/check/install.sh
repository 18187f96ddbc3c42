#!/bin/sh
# What `make install` leaves is enough to write chaincode with: the README's example builds against it and runs, and the
# library shows what its headers declare, no more.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
BUILD=${BUILD:-build/release}
CC=${CC:-cc}
variant=${BUILD##*/}
case ${TMPDIR-} in *[[:space:]]*) export TMPDIR=/tmp ;; esac # what pkg-config prints is words
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS
case $variant in
asan) extra=-fsanitize=address,undefined ;;
tsan) extra=-fsanitize=thread ;;
*) extra= ;;
esac

make --no-print-directory VARIANT="$variant" CC="$CC" PREFIX="$dir/usr" install >"$dir/log" 2>&1
if ! check "make install PREFIX= succeeds" [ $? -eq 0 ]; then
    tail -n 20 "$dir/log" | sed 's/^/# /'
    finish
fi
export PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig"
check "pkg-config knows fcc" pkg-config --exists fcc

# the first block of C in the README is a whole chaincode
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' README.md >"$dir/greeting.c"
check "the README shows a chaincode" grep -q FCC_MAIN "$dir/greeting.c"
$CC $extra -Wall -Wextra -Werror -o "$dir/greeting" "$dir/greeting.c" $(pkg-config --cflags --static --libs fcc) >"$dir/log" 2>&1
check "it builds with one command of cc and pkg-config" [ $? -eq 0 ] || sed 's/^/# /' "$dir/log"
"$dir/greeting" --help >"$dir/out" 2>&1
check "and runs" grep -q CHAINCODE_SERVER_ADDRESS "$dir/out"
env -u CHAINCODE_SERVER_ADDRESS "$dir/greeting" >"$dir/out" 2>&1
check "without its environment it says what is missing" [ $? -eq 1 -a -n "$(grep CHAINCODE_ "$dir/out")" ]

# a call is declared by FCC_API; comments and macros are none
cat "$dir"/usr/include/fcc/*.h | sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' -e '/^#/d' | tr '\n' ' ' | tr ';' '\n' |
    grep FCC_API | grep -oE 'fcc_[a-z0-9_]+ *\(' | tr -d ' (' | LC_ALL=C sort -u >"$dir/declared"
for library in "$dir"/usr/lib/lib*.a; do
    nm -g --defined-only "$library" 2>/dev/null
done | awk 'NF == 3 && $2 != "C" && $3 !~ /^__(asan|odr_asan|tsan)/ { print $3 }' | LC_ALL=C sort -u >"$dir/defined"
check "headers declare calls" [ -s "$dir/declared" ]
diff "$dir/declared" "$dir/defined" >"$dir/log"
check "the library defines what the headers declare, and no other name is seen" [ $? -eq 0 ] || sed 's/^/# /' "$dir/log"

PATH="$dir/usr/bin:$PATH"
cd "$dir" || exit 1
medsync devnet up --detach --dir "$dir/net" --ports auto >"$dir/log" 2>&1
check "the installed medsync finds its network and its chaincodes" [ $? -eq 0 ] || sed 's/^/# /' "$dir/log"
medsync devnet down --dir "$dir/net" >/dev/null 2>&1
finish
