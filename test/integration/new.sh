#!/bin/sh
# medsync new: what it makes builds without a warning, passes its tests, runs on a network and answers; what it refuses.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
BUILD=${BUILD:-build/release}
medsync=$PWD/$BUILD/bin/medsync
dir=$(mktemp -d)
cd "$dir" || exit 1
out=$dir/out
trap '"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS
case $BUILD in
*asan) extra='-fsanitize=address,undefined' ;;
*tsan) extra='-fsanitize=thread' ;;
*) extra= ;;
esac

# success, with what was printed when it is none
well() { # what, command...
    what=$1
    shift
    "$@" >"$out" 2>&1 </dev/null
    check "$what" [ $? -eq 0 ] || tail -n 20 "$out" | sed 's/^/# /'
}
refuses() { # what, words, arguments of new...
    what=$1 words=$2
    shift 2
    "$medsync" new "$@" >"$out" 2>&1
    check "$what" [ $? -ne 0 -a -n "$(grep -F -- "$words" "$out")" ] || sed 's/^/# /' "$out"
}

well "new makes a folder" "$medsync" new parcel_desk
check "with nothing in it that is named for the template" [ -z "$(grep -rwil 'sample\|@[A-Z]*@' parcel_desk)" -a ! -e parcel_desk/sample.c ]
well "it builds without a warning" make -C parcel_desk CC="${CC:-cc}" CFLAGS="-O1 -Werror -Wconversion -Wshadow $extra"
well "its tests pass" make -C parcel_desk CC="${CC:-cc}" CFLAGS="-O1 -Werror $extra" test
well "make run starts a network with it" "$medsync" devnet up --detach --ports auto --dir "$dir/net" --with parcel_desk=parcel_desk/parcel_desk
m() { "$medsync" "$@" --dir "$dir/net" --user doctor1 parcel_desk "$function" lamp $text >"$out" 2>&1; }
function=Create text=shiny
m invoke --transient worth=42
check "an invoke is committed" [ $? -eq 0 ] || sed 's/^/# /' "$out"
function=Read text=
m query
check "a query answers" [ "$(cat "$out")" = shiny ]
function=Worth
m query
check "its collection is there" [ "$(cat "$out")" = 42 ]
well "the network stops" "$medsync" devnet down --dir "$dir/net"
well "and comes up again with the chaincode where it was, called from elsewhere" sh -c "cd / && '$medsync' devnet up --detach --ports auto --dir '$dir/net'"
function=Read
m query
check "which has what was committed" [ "$(cat "$out")" = shiny ]
"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1
well "make package makes a package" make -C parcel_desk package ADDRESS=127.0.0.1:9999
check "whose id pkgid tells" [ -n "$("$medsync" pkgid parcel_desk/parcel_desk.tar.gz | grep '^parcel_desk_1:')" ]

refuses "a folder that is there is refused" "parcel_desk exists already" parcel_desk
refuses "also with --dir" "exists already" --dir parcel_desk other
mkdir empty
refuses "also when it is empty" "exists already" --dir empty other
refuses "a folder that cannot be made is refused" "no/such/place" --dir no/such/place other
for name in Upper 1st a-b 'a b' ../x '' "$(printf 'a%.0s' $(seq 41))" int main test sample 'ä'; do
    refuses "\"$name\" is refused as a name" "cannot be a chaincode's name" "$name"
done
check "and leaves nothing behind" [ "$(ls | tr '\n' ' ')" = "empty net out parcel_desk " ]
well "--dir names the folder" "$medsync" new --dir elsewhere other
check "and the name the files" [ -f elsewhere/other.c ]
refuses "without a name it says so" "NAME"
refuses "an unknown option is refused" "no such option" --sideways x
finish
