#!/bin/sh
# Packages: the same input gives the same bytes and the same id whatever the machine, the user and the files around are like;
# META-INF is packed, and what a peer would pass over is refused. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-package.XXXXXX")
trap 'chmod -R u+w "$dir" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# a network file whose chaincode has META-INF beside its collections, its files made in the order of the arguments
folder() { # name, files...
    to=$dir/$1
    shift
    mkdir -p "$to/cc/META-INF/statedb/couchdb/indexes" "$to/cc/META-INF/statedb/couchdb/collections/c1/indexes"
    echo '[{"name":"c1","policy":"OR('"'AMSP.member','BMSP.member'"')","requiredPeerCount":0,"maxPeerCount":1,"blockToLive":0,"memberOnlyRead":true}]' >"$to/cc/collections.json"
    chaincode='{name: held, version: "1", sequence: 1, policy: "OR('"'AMSP.peer', 'BMSP.peer'"')", collections: cc/collections.json, organisations: [A, B]}'
    sed "s#^chaincodes:.*#chaincodes: [$chaincode]#" test/support/networks/two.yaml >"$to/network.yaml"
    for file; do
        echo '{"index":{"fields":["'"$(basename "$file" .json)"'"]},"ddoc":"d","name":"n","type":"json"}' >"$to/cc/META-INF/statedb/couchdb/$file"
    done
}
id_of() { # folder, environment or command in front of medsync...
    at=$dir/$1
    shift
    "$@" "$medsync" package --chaincode held --network "$at/network.yaml" --output "$dir/out.tgz" 2>"$dir/err"
}
files="indexes/owner.json indexes/Zone.json indexes/a.json collections/c1/indexes/time.json"
folder one $files
folder two collections/c1/indexes/time.json indexes/a.json indexes/Zone.json indexes/owner.json
id=$(id_of one env)
check "a chaincode of the network file has a package" [ -n "$id" ]
check "whose id is of its bytes" [ "$id" = "held_1:$(sha256sum "$dir/out.tgz" | cut -d' ' -f1)" ]
check "and which does not change from machine to machine" \
    [ "$id" = held_1:91e8f6c5f17640594a67b24c9d5769504ef3e65d2ad0414dc6378f30bdd50dcc ]
as_json() { "$medsync" package --chaincode held --network "$dir/one/network.yaml" --output "$dir/json.tgz" --json; }
check "--json tells it to programs" \
    [ "$(as_json)" = "{\"packageId\":\"$id\",\"label\":\"held_1\",\"file\":\"$dir/json.tgz\"}" ]
check "as pkgid does of any number" [ "$("$medsync" pkgid --json "$dir/out.tgz")" = \
    "{\"packages\":[{\"packageId\":\"$id\",\"label\":\"held_1\",\"file\":\"$dir/out.tgz\"}]}" ]
odd=$dir/$(printf '\377').tgz
cp "$dir/out.tgz" "$odd"
check "a file whose name is no text has its id all the same" [ "$("$medsync" pkgid --json "$odd")" = \
    "{\"packages\":[{\"packageId\":\"$id\",\"label\":\"held_1\",\"file\":null}]}" ]
echo none >"$dir/none.tgz"
partly() { "$medsync" pkgid --json "$dir/none.tgz" "$dir/out.tgz" 2>"$dir/err"; }
check "what can't be read is an error beside them" [ "$(partly | grep -o "\"file\":\"$dir/[a-z.]*\"")" = "\"file\":\"$dir/out.tgz\"" ]
check "named with its code" grep -q "E-PKG-.*none.tgz" "$dir/err"
mkdir "$dir/list"
tar -xzf "$dir/out.tgz" -C "$dir/list"
check "META-INF is in it, in the order of its names" [ "$(tar -tzf "$dir/list/code.tar.gz" | tr '\n' ' ')" = \
    "connection.json META-INF/statedb/couchdb/collections/c1/indexes/time.json META-INF/statedb/couchdb/indexes/Zone.json META-INF/statedb/couchdb/indexes/a.json META-INF/statedb/couchdb/indexes/owner.json " ]
check "no address, no key and no certificate are" [ "$(tar -xzOf "$dir/list/code.tar.gz" connection.json)" = \
    '{"address":"{{.held}}","dial_timeout":"10s","tls_required":false}' ]
same() { # what, folder, command in front...
    what=$1
    shift
    got=$(id_of "$@")
    check "the id is the same $what" [ "$got" = "$id" ] || echo "# $got, $(cat "$dir/err")"
}
same "with the files made in another order" two env
same "in another locale and time zone" one env LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 TZ=Pacific/Kiritimati
same "with another umask" one sh -c 'umask 077; exec "$@"' sh
find "$dir/two" -exec touch -d '1999-12-31 23:59:59' {} +
chmod -R go-rwx "$dir/two"
same "with other times and modes" two env
cp -a "$dir/two" "$dir/three"
echo x >"$dir/three/cc/META-INF/statedb/couchdb/indexes/.a.json.swp"
same "with a hidden file there" three env
chmod -R go+rX "$dir"
chmod 777 "$dir"
somebody='setpriv --reuid 4321 --regid 4321 --clear-groups'
if [ "$(id -u)" = 0 ] && $somebody test -x "$medsync" -a -w "$dir"; then
    rm -f "$dir/out.tgz"
    chown -R 4321:4321 "$dir/one"
    same "for another user" one $somebody
else
    echo "ok $((n + 1)) - the id is the same for another user # SKIP nobody else comes to the program and the folder from here"
    n=$((n + 1))
fi
echo '{"index":{"fields":["other"]}}' >"$dir/three/cc/META-INF/statedb/couchdb/indexes/a.json"
other=$(id_of three env)
check "it changes with an index" [ -n "$other" -a "$other" != "$id" ]
sed 's#collections: cc/[^,]*, #&meta_inf: nowhere, #' "$dir/two/network.yaml" >"$dir/two/nowhere.yaml"
no_folder() { ! "$medsync" package --chaincode held --network "$dir/two/nowhere.yaml" --output "$dir/no.tgz" 2>"$dir/err"; }
check "a network file that names a META-INF which isn't there is refused" no_folder
check "by its line and key" grep -q 'E-NET-06 .*nowhere.yaml:.*meta_inf.*nowhere' "$dir/err"
sed '1i chaincode_tls: true' "$dir/two/network.yaml" >"$dir/two/tls.yaml"
tls() { "$medsync" package --chaincode held --network "$dir/two/tls.yaml" --output "$dir/tls.tgz"; }
check "with chaincode_tls the package is another one" [ "$(tls)" != "$id" ]
check "that takes certificates from each peer" [ "$(tar -xzOf "$dir/tls.tgz" code.tar.gz | tar -xzO connection.json | grep -o '{{[^}]*}}' | tr '\n' ' ')" = \
    "{{.held}} {{.root_cert}} {{.client_cert}} {{.client_key}} " ]
refuses() { # what, file below META-INF, content, words
    cp -a "$dir/two" "$dir/bad"
    mkdir -p "$dir/bad/cc/META-INF/$(dirname "$2")"
    printf '%s' "$3" >"$dir/bad/cc/META-INF/$2"
    rm -f "$dir/out.tgz"
    got=$(id_of bad env)
    check "$1 is refused" [ -z "$got" -a ! -e "$dir/out.tgz" -a -n "$(grep 'E-PKG-09' "$dir/err" | grep -F "META-INF/$2" | grep -F -- "$4")" ] || cat "$dir/err"
    rm -rf "$dir/bad"
}
refuses "a file where no peer looks" statedb/couchdb/views/i.json '{"index":{}}' "indexes directory"
refuses "another database's index" statedb/leveldb/indexes/i.json '{"index":{}}' "couchdb"
refuses "an index that is no JSON" statedb/couchdb/indexes/i.json '{' "not a valid JSON"
refuses "an index with a sort order that there isn't" statedb/couchdb/indexes/i.json '{"index":{"fields":[{"a":"up"}]}}' "asc"
# ---- a disk that is full
"$medsync" package --chaincode held --network "$dir/two/network.yaml" --output "$dir/kept.tgz" >"$dir/id"
cp "$dir/kept.tgz" "$dir/copy.tgz"
full() { # as if it were: no file may grow beyond nothing
    (
        trap '' XFSZ
        ulimit -f 0
        "$medsync" package --chaincode held --network "$dir/two/network.yaml" --output "$dir/kept.tgz"
    ) 2>&1 | cat >"$dir/err"
    grep -q "E-CLI-01" "$dir/err"
}
check "a package that cannot be written is an error" full || sed 's/^/# /' "$dir/err"
check "and the one of before stays" cmp -s "$dir/kept.tgz" "$dir/copy.tgz"
ln -s /dev/full "$dir/device"
to_device() { ! "$medsync" package --chaincode held --network "$dir/two/network.yaml" --output "$dir/device" >"$dir/out" 2>"$dir/err"; }
check "a device that is full is an error" to_device
check "with the system's words" grep -q "E-CLI-01.*No space left" "$dir/err" || sed 's/^/# /' "$dir/err"
check "and is still there" [ -L "$dir/device" ]
no_room() { ! "$medsync" pkgid "$dir/kept.tgz" >/dev/full 2>"$dir/err"; }
check "an answer that could not be given is no success" no_room
check "which is said" grep -q "E-CLI-01 standard output: No space left" "$dir/err" || sed 's/^/# /' "$dir/err"
finish
