#!/bin/sh
# make.sh BIN MAN: the manual pages of medsync, each of its commands, and fcc-host, into MAN/man1 and man8.
# VERSION and RELEASED, the release's day, come from the Makefile.
set -eu
bin=$1 man=$2
here=$(dirname "$0")

page() { # name, section, one line, see also, what else awk takes...
    name=$1 section=$2 what=$3 also=$4
    shift 4
    LC_ALL=C awk -f "$here/help.awk" -v "name=$name" -v "section=$section" -v "what=$what" -v "also=$also" \
        -v "version=$VERSION" -v "date=$RELEASED" "$@" >"$man/man$section/$name.$section"
}

commands=$("$bin/medsync" --help | sed -n '/^exit status/q; s/^  \([a-z]*\)  *\(.*\)/\1 \2/p')
also=$(echo "$commands" | sed 's/ .*//; s/^/medsync-/; s/$/(1),/')
"$bin/medsync" --help | page medsync 1 "the command line of a medical Hyperledger Fabric network" \
    "$(echo "$also" | tr '\n' ' ') fcc-host(8)" -v "more=$here/medsync.more"
echo "$commands" | while read -r command what; do
    "$bin/medsync" "$command" --help | page "medsync-$command" 1 "$what" 'medsync(1)'
done
"$bin/fcc-host" --help | page fcc-host 8 "runs chaincodes as processes" 'medsync(1)' -v 'synopsis=fcc-host [--check [--json]] FILE'
