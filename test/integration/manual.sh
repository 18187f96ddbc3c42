#!/bin/sh
# The manual pages and bash's completion: both come from the programs' own help, so that they say what is so.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
bin=${BUILD:-build/release}/bin
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/man1" "$dir/man8"

VERSION=1.2.3 RELEASED=2026-01-02 docs/man/make.sh "$bin" "$dir"
check "the pages are made" [ $? -eq 0 ]
commands=$("$bin/medsync" --help | sed -n '/^exit status/q; s/^  \([a-z]*\)  .*/\1/p')
missing=''
for command in $commands; do
    grep -q "^medsync $command" "$dir/man1/medsync-$command.1" && grep -q '^\.SH DESCRIPTION' "$dir/man1/medsync-$command.1" ||
        missing="$missing $command"
done
check "one for each command, with a synopsis" [ -z "$missing" ] || echo "# $missing"
check "an option has an entry" grep -qxF '.B \-\-dir DIR' "$dir/man1/medsync-invoke.1"
check "the exit statuses are in medsync(1)" grep -qx '.SS exit status' "$dir/man1/medsync.1"
check "fcc-host has one" grep -q 'fcc\\-host' "$dir/man8/fcc-host.8"
if command -v mandoc >/dev/null 2>&1; then
    mandoc -T lint -W warning "$dir"/man?/* >"$dir/lint" 2>&1
    check "mandoc finds nothing wrong with them" [ ! -s "$dir/lint" ] || sed 's/^/# /' "$dir/lint"
else
    check "mandoc # SKIP mandoc is not installed" true
fi

cat >"$dir/complete" <<'END'
. completions/medsync.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_medsync "$1"
echo "${COMPREPLY[*]}"
END
completes() { # what is expected among the answers, words...
    want=$1
    shift
    bash "$dir/complete" "$bin/medsync" "$@" >"$dir/out" 2>&1
    case " $(cat "$dir/out") " in *" $want "*) ;; *)
        sed 's/^/# /' "$dir/out"
        return 1
        ;;
    esac
}
check "completion knows the commands" completes devnet dev
check "and their steps" completes status devnet ""
check "and options" completes --transient invoke --tr
check "and the chaincodes" completes ehr query e
check "and their functions" completes GetOrder query ehr Get
check "behind options as well" completes GetOrder query --dir n ehr Get
check "and the codes" completes E-TX-06 explain E-TX
mkdir -p "$dir/net/crypto/peerOrganizations/hospital.example/users/doctor9@hospital.example"
check "and a network's users" completes doctor9 query --dir "$dir/net" --user doc
check "and organisations" completes hospital query --dir "$dir/net" --org h
check "and words with a choice" completes 2.5 devnet up --fabric ""
finish
