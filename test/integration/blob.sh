#!/bin/sh
# medsync blob: what goes in comes out, what is damaged is named, and nothing is written over.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=$PWD/${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

blob() { # words...: status in $?, output in out and err
    "$medsync" blob "$@" >out 2>err
}
refused() { # name, exit status, code, words...
    name=$1 want=$2 code=$3
    shift 3
    blob "$@"
    got=$?
    check "$name" [ "$got" -eq "$want" ] && check "... with code $code" grep -qF "$code" err || sed 's/^/# /' err
}

mkdir net
i=0
while [ $i -lt 8000 ]; do
    echo "line $i of a document that is longer than one block of 256 KiB"
    i=$((i + 1))
done >large
echo "a short document" >small

check "a small file is stored" blob put --dir net --key small.key small
small=$(cat out)
check "under the address of one block" [ "${small#bafkrei}" != "$small" ]
check "a large file is stored" blob put --dir net --key large.key large
large=$(cat out)
check "under the address of a tree" [ "${large#bafybei}" != "$large" ]
check "a key is its owner's alone" [ "$(stat -c %a small.key)" = 600 ]
check "the small one comes back" blob get --dir net --key small.key --output back "$small"
check "byte for byte" cmp -s small back
check "and for nobody else on the machine" [ "$(stat -c %a back)" = 600 ]
check "the large one comes back" blob get --dir net --key large.key --output back "$large"
check "byte for byte as well" cmp -s large back
check "without a key it comes back encrypted" blob get --dir net --output sealed "$small"
check "and tells nothing" sh -c '! grep -q document sealed'
check "its address is that of these bytes" blob cid sealed
check "which IPFS would give them" [ "$(cat out)" = "$small" ]
printf 'hello world' >hello
blob cid hello
check "a known address" [ "$(cat out)" = bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e ]
blob stat --dir net --json "$large"
check "stat counts blocks" grep -q '"blocks":3' out
check "all that is there is verified" blob verify --dir net
check "and counted" grep -q '^4 blocks, 0 damaged$' out
refused "a key is not written over" 8 E-CLI-02 put --dir net --key small.key small
refused "another blob's key opens nothing" 9 E-BLOB-04 get --dir net --key small.key "$large"
refused "what is no key is told" 9 E-BLOB-04 get --dir net --key large "$large"
refused "a blob that is not there" 9 E-BLOB-02 stat --dir net bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e
refused "what is no CID" 2 E-STAT-01 stat --dir net ../../etc/passwd
refused "a store that cannot be made" 1 E-BLOB-03 stat --store nowhere/blobs "$small"
refused "a node that is away" 1 E-BLOB-03 stat --store http://127.0.0.1:1 "$small"
refused "a file that is not there" 8 E-CLI-01 put --dir net --key x.key missing
refused "no place for the key" 2 E-CLI-03 put --dir net small
refused "no step" 2 E-CLI-03 --dir net
refused "another step" 2 E-CLI-03 steal --dir net
refused "two files at once" 2 E-CLI-03 cid small large

# one byte of the small blob's file
changed "net/blobs/$small" 20
refused "a changed byte is noticed" 9 E-BLOB-01 get --dir net --key small.key "$small"
check "and the blob named" grep -q "$small" err
refused "by verify as well" 9 E-BLOB-01 verify --dir net
check "which counts it" grep -q '^4 blocks, 1 damaged$' out
check "the other blob is as it was" blob verify --dir net "$large"
finish
