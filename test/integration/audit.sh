#!/bin/sh
# medsync audit verify: on the blocks of a running devnet, of real Fabric peers, and on altered ones.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d)
net=$dir/net
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
out=$dir/out err=$dir/err

audit() { # status of medsync audit verify; its output in $out and $err
    "$medsync" audit verify "$@" >"$out" 2>"$err" </dev/null
}

audit "$dir/nowhere"
check "a folder that is not there is refused" [ $? -eq 8 ]
check "with a code and its name" grep -q "E-AUD-01.*nowhere" "$err"
mkdir "$dir/empty"
audit "$dir/empty"
check "so is one without blocks" grep -q "no blockfile_000000" "$err"

"$medsync" devnet up --dir "$net" --detach --ports auto --with probe >/dev/null
for i in 1 2 3; do
    "$medsync" invoke --dir "$net" --user doctor1 probe run "[\"PutState\",\"k$i\",\"v\"]" >/dev/null || exit 1
done
audit "$net/ledger/blocks"
check "the blocks of a running devnet are accounted for" [ $? -eq 0 ]
check "and it says so" grep -q "every byte is accounted for" "$out"
"$medsync" devnet down --dir "$net" >/dev/null
audit --json "$net/ledger/blocks"
check "as JSON" grep -q '"findings":0' "$out"
hash=$("$medsync" audit genesis-hash "$net/ledger/blocks")
audit --genesis-hash "$hash" "$net/ledger/blocks"
check "the genesis block is the one that its hash names" [ $? -eq 0 ]
audit --genesis-hash "$(printf '%064d' 0)" "$net/ledger/blocks"
check "another hash is a finding" [ $? -eq 9 ]
audit --genesis-hash 12 "$net/ledger/blocks"
check "what is no hash is refused" [ $? -eq 2 ]
# the last byte of a commit hash, in the last block: no Fabric peer looks at it again
file=$net/ledger/blockfile_000000
[ -f "$file" ] || file=$(find "$net/ledger/blocks" -name blockfile_000000)
cp -r "$(dirname "$file")" "$dir/altered"
size=$(wc -c <"$file")
printf '\001\002\003' | dd of="$dir/altered/blockfile_000000" bs=1 seek=$((size - 3)) conv=notrunc 2>/dev/null
audit "$dir/altered"
check "three altered bytes of a commit hash are found" [ $? -eq 9 ]
check "and located" grep -q "metadata.COMMIT_HASH" "$out"
head -c $((size - 10)) "$file" >"$dir/altered/blockfile_000000"
audit "$dir/altered"
check "a block that is cut short is told, and not counted" grep -q "cut short" "$out"
printf '\377\377\377\377\377\377\377\377\377\377\377' | dd of="$dir/altered/blockfile_000000" bs=1 conv=notrunc 2>/dev/null
audit "$dir/altered"
check "a file that does not begin with a block is refused" [ $? -eq 9 ]
check "by its name" grep -q "E-AUD-02.*blockfile_000000: a record that is not a block" "$err"
check "and nothing is said to be accounted for" sh -c '! grep -q "every byte" "$1"' - "$out"

# ---- several files: a real peer begins another one after 64 MiB ----
rm -rf "$dir/altered"
mkdir "$dir/altered"
cp "$file" "$dir/altered/blockfile_000000"
cp "$file" "$dir/altered/blockfile_000002"
audit "$dir/altered"
check "a file that is missing between others is an error" [ $? -eq 9 ]
check "which names it" grep -q "E-AUD-02.*blockfile_000001 is missing" "$err" || sed 's/^/# /' "$err"
head -c $((size - 10)) "$file" >"$dir/altered/blockfile_000000"
mv "$dir/altered/blockfile_000002" "$dir/altered/blockfile_000001"
audit "$dir/altered"
check "one that ends inside of a block, and is not the last, as well" [ $? -eq 9 ]
check "and is named" grep -q "E-AUD-02.*blockfile_000000 ends inside of a block" "$err" || sed 's/^/# /' "$err"
cp "$file" "$dir/altered/blockfile_000000"
rm "$dir/altered/blockfile_000001"
ln -s blockfile_000001 "$dir/altered/blockfile_000001"
audit "$dir/altered"
check "one that cannot be opened is not the end" [ $? -eq 8 ]
check "and named" grep -q "E-AUD-01.*blockfile_000001" "$err" || sed 's/^/# /' "$err"
audit --json "$dir/altered"
check "as JSON too" grep -q '"complete":false' "$out"

shared=${MEDSYNC_SHARED:-../shared}
if [ -d "$shared/fabric/v3.1.5/blocks" ]; then
    for v in v3.1.5 v2.5.16; do
        audit --json "$shared/fabric/$v/blocks"
        check "the channel of Fabric $v is accounted for" [ $? -eq 0 ]
    done
    cp -r "$shared/fabric/v3.1.5/blocks" "$dir/real"
    chmod -R u+w "$dir/real"
    rm "$dir/real/020.pb"
    audit "$dir/real"
    check "a missing block is found" [ $? -eq 9 ]
    check "by its place" grep -q "block 20, header.number: it says 21 where block 20 comes next" "$out"
    check "and ends the audit" grep -q "E-AUD-02" "$err"
else
    n=$((n + 1))
    echo "ok $n - the channels of real Fabric peers # SKIP no recordings in $shared"
fi
finish
