#!/bin/sh
# A chaincode's new version on real Fabric while transactions come without a pause: none fails on the way there, nor on the way
# back. medsync upgrade, rollback and status. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
command -v orderer >/dev/null && command -v peer >/dev/null || skip_all "no orderer and peer in PATH"
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-upgrade.XXXXXX")
loop=

cleanup() {
    [ -z "$loop" ] || kill $loop 2>/dev/null
    "$medsync" fabric down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

yaml() { # file, version, more keys
    cc="{name: probe, version: \"$2\", sequence: 1, policy: \"AND('AMSP.peer', 'BMSP.peer')\", organisations: [A, B]$3}"
    sed -e "s#^chaincodes:.*#chaincodes: [$cc]#" -e '1i chaincode_tls: true' test/support/networks/two.yaml >"$dir/$1"
}
mkdir "$dir/bin"
ln -s "$PWD/$build/bin/"* "$dir/bin"
cp "$build/bin/probe" "$dir/bin/probe-2"
printf 'a byte more' >>"$dir/bin/probe-2"
yaml one.yaml 1 ""
yaml two.yaml 2 ", slot: b, exe: probe-2, meta_inf: META-INF"
mkdir -p "$dir/META-INF/statedb/couchdb/indexes"
echo '{"index":{"fields":["owner"]},"ddoc":"d","name":"n","type":"json"}' >"$dir/META-INF/statedb/couchdb/indexes/owner.json"
medsync=$dir/bin/medsync
rm "$dir/bin/medsync" "$dir/bin/fcc-host"
cp "$build/bin/medsync" "$build/bin/fcc-host" "$dir/bin"
digest() { sha256sum "$dir/bin/$1" | cut -c1-12; }

up() { "$medsync" fabric up --dir "$dir/net" --network "$dir/one.yaml" --ports auto --bin "$dir/bin" --detach >"$dir/out" 2>&1 || {
    sed 's/^/# /' "$dir/out"
    tail -n 5 "$dir/net/log/"*.log | sed 's/^/# /'
    return 1
}; }
run() { # command of medsync, options...
    "$medsync" "$@" >"$dir/out" 2>"$dir/err"
}
fails() { ! "$@"; }
said() { # text, times
    got=$(grep -cF -- "$1" "$dir/out")
    [ "$got" = "${2:-1}" ] || {
        echo "# $got times \"$1\" in:"
        sed 's/^/#   /' "$dir/out" "$dir/err"
        false
    }
}
# one transaction after the other in three places, each under a key of its own, until there is a file `stop`
traffic() {
    rm -f "$dir/stop" "$dir/failed" "$dir"/count.*
    loop=
    for place in 1 2 3; do
        (
            i=0
            while [ ! -e "$dir/stop" ]; do
                i=$((i + 1))
                "$medsync" invoke --dir "$dir/net" --org A probe rw 1 "t$place-$i-" >"$dir/said.$place" 2>&1 ||
                    cat "$dir/said.$place" >>"$dir/failed"
                echo "$i" >"$dir/count.$place"
            done
        ) &
        loop="$loop $!"
    done
}
pause() {
    touch "$dir/stop"
    wait $loop
    loop=
    echo "# $(cat "$dir"/count.* | tr '\n' ' ')transactions"
    [ ! -e "$dir/failed" ] || {
        sed 's/^/# /' "$dir/failed"
        false
    }
}
entries() { grep -h "name: probe" "$dir/net/config/"*.test.yaml | sort | uniq -c | tr -s ' \n' ' '; }
try_for_a_minute() { # command
    i=0
    until "$@" >"$dir/said" 2>&1; do
        i=$((i + 1))
        [ $i -lt 60 ] || {
            sed 's/^/# /' "$dir/said"
            return 1
        }
        sleep 1
    done
}

check "a network with the first version comes up" up
check "and commits" try_for_a_minute "$medsync" invoke --dir "$dir/net" --org A probe rw 1 first
check "status finds all as it should be" run status --dir "$dir/net"
check "in both organisations, with what runs" said "installed, running $(digest probe)" 2
traffic
check "a rehearsal of the upgrade tells of new servers" run upgrade probe --dir "$dir/net" --network "$dir/two.yaml" --dry-run
check "in both organisations" said "would install" 2
check "the upgrade succeeds while transactions come" run upgrade probe --dir "$dir/net" --network "$dir/two.yaml"
check "new servers were started before" said "server started" 2
check "it is the next sequence" said "committed, sequence 2"
check "the new program answers" said "answers, running $(digest probe-2)" 2
check "and the old servers end" said "server of before ends" 2
check "no transaction failed meanwhile" pause
check "fcc-host has the new version alone" [ "$(entries)" = " 2 - name: probe_b " ]
check "peers have the indexes of its META-INF" \
    [ "$(cat "$dir/net/data/"*.test/externalbuilder/builds/probe_2-*/release/statedb/couchdb/indexes/owner.json | grep -c owner)" = 2 ]
check "a second upgrade changes nothing" run upgrade probe --dir "$dir/net" --network "$dir/two.yaml"
check "and says so" said "nothing to do"
check "status shows the version" run status probe --dir "$dir/net"
check "and its program" said "2 (version 2), approved, probe_2:" 2
traffic
check "a rehearsal of the way back shows the plan" run rollback probe --dir "$dir/net" --dry-run
check "from where to where" said "back from sequence 2 to the definition of sequence 1 (version 1, block"
check "the way back succeeds while transactions come" run rollback probe --dir "$dir/net"
check "as the next sequence" said "committed, sequence 3"
check "with the program of before" said "answers, running $(digest probe)" 2
check "no transaction failed meanwhile" pause
check "fcc-host has the version of before alone" [ "$(entries)" = " 2 - name: probe " ]
check "once more with --to there is nothing to do" run rollback probe --dir "$dir/net" --to 1
check "and it says so" said "nothing to do"
pid=$(grep -A 2 '"chaincodes.b.test"' "$dir/net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
sed -i 's#/probe$#/probe-2#' "$dir/net/config/b.test.yaml"
kill -HUP "$pid"
differs() { "$medsync" status probe --dir "$dir/net" | grep -q "running $(digest probe-2) (others run another executable)"; }
check "another program in one organisation is told by status" try_for_a_minute differs
sed -i 's#/probe-2$#/probe#' "$dir/net/config/b.test.yaml"
kill -HUP "$pid"
check "doctor finds nothing wrong once that is undone" try_for_a_minute "$medsync" doctor --dir "$dir/net"
check "and has looked at both servers with their certificates" [ "$(grep -c 'server .*mutual TLS, registers' "$dir/said")" = 2 ]

# ---- a server that moves: what the peer keeps of the package is brought up to date on its machine
peer=$(grep -A 3 '"peer.a.test"' "$dir/net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
host=$(grep -A 3 '"chaincodes.a.test"' "$dir/net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
tr '\0' '\n' <"/proc/$peer/environ" | sed -n 's/^CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG=//p' >"$dir/values.json"
old=$(sed -n 's/.*"probe":"\([^"]*\)".*/\1/p' "$dir/values.json") new=$(sed -n 's/.*"probe_b":"\([^"]*\)".*/\1/p' "$dir/values.json")
sed "s/\"probe\":\"$old\"/\"probe\":\"$new\"/" "$dir/values.json" >"$dir/moved.json"
check "with the values of before a peer's packages are up to date" run renew --dry-run --values "@$dir/values.json" "$dir/net/data/a.test"
check "both of them" said "up to date" 2
sed -i "s/$old/$new/" "$dir/net/config/a.test.yaml"
kill -HUP "$host"
moved() { "$medsync" status probe --dir "$dir/net" --org a | grep -q 'E-DEP-07.*connection refused'; }
check "after its server has moved the peer does not find it" try_for_a_minute moved
check "a rehearsal tells what would be renewed" fails run renew --dry-run --values "@$dir/moved.json" "$dir/net/data/a.test"
check "by its package id" said "would be renewed"
check "it is renewed" run renew --values "@$dir/moved.json" "$dir/net/data/a.test"
check "and found, by the same peer and under the same package id" run status probe --dir "$dir/net" --org a
check "a sequence that there isn't is refused" fails run rollback probe --dir "$dir/net" --to 9
check "with what there is" grep -q "probe has no sequence 9 to go back to: it is at 3" "$dir/err"
finish
