#!/bin/sh
# A devnet whose chaincodes run beside it, under one fcc-host an organisation with mutual TLS, as docker-compose.devnet.yaml
# has them in containers: deployed by `medsync deploy`, each side stopped and started, wrong files named. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-apart.XXXXXX")
net=$dir/net

host_down() { # organisation
    [ -s "$dir/$1.pid" ] || return 0
    pid=$(cat "$dir/$1.pid")
    rm "$dir/$1.pid"
    kill "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}
trap 'host_down a; host_down b; "$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

host_up() { # organisation: false when it does not serve within a minute, or ends
    "$build/bin/fcc-host" "$dir/parts/$1.test/fcc-host.yaml" >>"$dir/$1.log" 2>&1 &
    echo $! >"$dir/$1.pid"
    admin=$(sed -n 's/^admin: //p' "$dir/parts/$1.test/fcc-host.yaml")
    tries=0
    until "$build/bin/fcc-host" --probe "$admin" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null || return 1
        sleep 0.1
    done
}
network() { # keys of the whole file: two organisations, each of which must endorse
    sed '/^chaincodes:/d' test/support/networks/two.yaml
    cat <<END
$1
chaincodes:
  - {name: probe, version: "1", sequence: 1, policy: "AND('AMSP.peer', 'BMSP.peer')", organisations: [A, B]}
END
}
services() { # first port
    "$medsync" devnet services --dir "$net" --network "$dir/network.yaml" --out "$dir/parts" --host 127.0.0.1 --port "$1"
}
up() { "$medsync" devnet up --dir "$net" --network "$dir/network.yaml" --ports auto --services --detach "$@"; }
put() { "$medsync" invoke --dir "$net" --user user1 probe run "[\"PutState\",\"k\",\"$1\"]"; }
get() { "$medsync" query --dir "$net" --user user1 --gateway "${1:-A}" probe run '["GetState","k"]'; }

network 'chaincode_tls: true' >"$dir/network.yaml"
check "services: where to is to be said" refused 'say where with --out' "$medsync" devnet services --dir "$net"
check "services: no such network file" refused "$dir/none" \
    "$medsync" devnet services --dir "$net" --out "$dir/parts" --network "$dir/none"
: >"$dir/file"
check "services: a file where the folder shall be" refused "$dir/file/a.test: Not a directory" \
    "$medsync" devnet services --dir "$net" --out "$dir/file" --network "$dir/network.yaml"
check "a devnet without chaincodes of its own has no --with" refused 'others run the chaincodes' up --with probe
check "and no --referee" refused 'others run the chaincodes' up --referee 2

# ---- material of before chaincodes' clients had an authority of their own: whoever has a TLS certificate passes for the peer
crypto=$net/crypto/peerOrganizations
users() { echo "$crypto/$1.test/users/user1@$1.test/tls"; } # of organisation A alone
"$medsync" certs make --network "$dir/network.yaml" --out "$net/crypto" >/dev/null
for org in a b; do
    tls=$crypto/$org.test/chaincodes/chaincodes.$org.test/tls
    cp "$crypto/$org.test/users/Admin@$org.test/tls/client.crt" "$crypto/$org.test/users/Admin@$org.test/tls/client.key" "$tls"
    rm -r "$tls/client-ca.crt" "$crypto/$org.test/chaincodeca"
done
dial() { # organisation, folder and name of certificate and key: as a peer does
    cc=$(grep -m 1 '  address: ' "$dir/parts/$1.test/fcc-host.yaml")
    "$medsync" doctor --address "${cc#*: }" --package-id "$(sed -n 's/^  ccid: "\(.*\)"/\1/p' "$dir/parts/$1.test/fcc-host.yaml")" \
        --root-cert "$crypto/$1.test/chaincodes/chaincodes.$1.test/tls/ca.crt" --client-cert "$2.crt" --client-key "$2.key"
}
reloaded() { # organisation: fcc-host has read its certificates anew
    lines=$(grep -c 'are those of the files now' "$dir/$1.log")
    kill -HUP "$(cat "$dir/$1.pid")"
    tries=0
    until [ "$(grep -c 'are those of the files now' "$dir/$1.log")" -gt "$lines" ]; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || return 1
        sleep 0.05
    done
}

# ports that are free: four for the chaincodes, two for the fcc-hosts
base=25000
until services $base >"$dir/out" 2>&1 && host_up a && host_up b; do
    host_down a
    host_down b
    base=$((base + 10))
    [ $base -lt 25200 ] || break
done
check "fcc-hosts serve by the files that were written" [ -s "$dir/b.pid" ] || {
    sed 's/^/# /' "$dir/out" "$dir/a.log"
    finish
}
check "with nobody else's keys" [ "$(find "$dir/parts" -name '*.key' | wc -l)/$(find "$dir/parts" -name 'client.*' | wc -l)" = 2/0 ]
check "and a warning, who else passes for the peer" grep -q "E-CRT-15 warning: .*\`medsync certs rotate --dir $net chaincodes.a.test chaincodes.b.test\`" "$dir/out"
check "which are readable for their owner alone" [ -z "$(find "$dir/parts" -name '*.key' -perm /077)" ]
check "the devnet comes up" prints 'is ready' up
check "and has not deployed" refused 'no peers available to evaluate chaincode probe' get
check "and runs no chaincodes" [ "$(cat "/proc/$(cat "$net/devnet.pid")/task/"*/children | wc -w)" = 0 ]
check "medsync deploy does, and each chaincode answers" prints '2 chaincodes answer' \
    "$medsync" deploy --dir "$net" --network "$dir/network.yaml"
check "again, it changes nothing" prints 'nothing to do' "$medsync" deploy --dir "$net" --network "$dir/network.yaml"
check "a transaction is committed" prints ok put one
check "and read at both" [ "$(get A)/$(get B)" = '["6f6e65"]/["6f6e65"]' ]

# ---- an authority of their own for chaincodes' clients, while all runs
check "certs check warns" prints "chaincodes.a.test/tls/client-ca.crt takes whatever the organisation's authorities have issued" \
    "$medsync" certs check --dir "$net" --network "$dir/network.yaml"
check "as long as a user's certificate is taken" prints "  register  " dial a "$(users a)/client"
check "one command mends it" prints "peers and servers belong together from here on" \
    "$medsync" certs rotate --dir "$net" chaincodes.a.test chaincodes.b.test
check "nothing is wrong then" prints ": 0 errors, 0 warnings" "$medsync" certs check --dir "$net" --network "$dir/network.yaml"
check "nor told when the files are written" [ "$(services $base | grep -c E-)" = 0 ]
check "fcc-hosts take it" reloaded a && check "both" reloaded b
check "streams that are open go on" prints ok put one
check "a user's certificate is refused" refused "E-TLS-" dial a "$(users a)/client"
check "which the log tells, and from where" grep -q '"E-TLS-[0-9]*".*a TLS handshake from 127.0.0.1:[0-9]* failed: its client certificate does not come from our client CA' \
    "$dir/a.log"
check "so is the peer's own for its clients" refused "E-TLS-" dial a "$crypto/a.test/peers/peer0.a.test/tls/server"
check "an orderer's" refused "E-TLS-" dial a "$net/crypto/ordererOrganizations/orderer.test/orderers/o1.orderer.test/tls/server"
check "another organisation's peer's" refused "E-TLS-" dial a "$crypto/b.test/chaincodes/chaincodes.b.test/tls/client"
check "the chaincode server's" refused "E-TLS-" dial a "$crypto/a.test/chaincodes/chaincodes.a.test/tls/server"
old=$(echo "$crypto"/a.test/old/*/chaincodes/chaincodes.a.test/tls)
check "and what the peer had before" refused "E-TLS-" dial a "$old/client"
check "its new one is taken" prints "  register  " dial a "$crypto/a.test/chaincodes/chaincodes.a.test/tls/client"
check "at the next rotation the authority stays" prints "the authority is the same" "$medsync" certs rotate --dir "$net" chaincodes.b.test
services $base >/dev/null
check "so that the servers need not know of it" prints "  register  " dial b "$crypto/b.test/chaincodes/chaincodes.b.test/tls/client"
check "the authority's certificate is renewed" prints "SIGHUP to fcc-host" "$medsync" certs rotate --dir "$net" chaincodeca.b.test
check "where servers have it too" cmp "$crypto/b.test/chaincodeca/chaincodeca.b.test-cert.pem" "$crypto/b.test/chaincodes/chaincodes.b.test/tls/client-ca.crt"
services $base >/dev/null
check "and they go on" reloaded b && check "with their peer" prints "  register  " dial b "$crypto/b.test/chaincodes/chaincodes.b.test/tls/client"
cp -r "$crypto/b.test/chaincodes/chaincodes.b.test/tls" "$dir/lost"
sleep 1 # what is renewed goes to a folder of this second
check "a key that somebody else has is made worthless by another authority" prints "the authority being another one" \
    "$medsync" certs rotate --dir "$net" --new-key chaincodes.b.test
services $base >/dev/null
check "which servers take up" reloaded b && check "and the old key is refused" refused "E-TLS-" dial b "$dir/lost/client"
host_down b
host_up b
check "after all this the network goes on" prints ok put one

# ---- either side stops and starts
host_down b
check "without one organisation's chaincodes nothing is endorsed, and it is said why" refused 'onnection refused' put two
check "the other one's answer" prints 6f6e65 get A
check "they start again" host_up b
check "the next transaction is committed" prints ok put three
"$medsync" devnet down --dir "$net" >/dev/null
check "the devnet stops and starts" prints 'is ready' up
check "and has what was committed" prints 7468726565 get B
check "a transaction after that" prints ok put four

# ---- other files: a chaincode that shows another certificate, a peer without its file
mv "$net/services/b.test/builder.json" "$dir/kept"
sed 's/"root_cert":"[^"]*"/"root_cert":""/' "$net/services/a.test/builder.json" >"$net/services/b.test/builder.json"
host_down b
host_up b
check "whose certificate isn't known is not asked" refused 'E-' put five
rm "$net/services/b.test/builder.json"
check "a peer's missing file is named" refused 'services/b.test/builder.json' put five
mv "$dir/kept" "$net/services/b.test/builder.json"
check "the right one is taken without a restart" prints ok put six
check "written again, they fit what runs" [ "$(services $base >/dev/null && put seven >/dev/null && get)" = '["736576656e"]' ]

# ---- the network's own processes again, on the same ledger
"$medsync" devnet down --dir "$net" >/dev/null
host_down a
host_down b
"$medsync" devnet up --dir "$net" --network "$dir/network.yaml" --ports auto --detach >"$dir/out" 2>&1
check "without --services it runs them itself, on the same channel" prints 736576656e get
finish
