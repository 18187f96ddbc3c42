#!/bin/sh
# medsync doctor against chaincode processes that are right and wrong in every way it tells apart; package, pkgid, explain.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
BUILD=${BUILD:-build/release}
medsync=$PWD/$BUILD/bin/medsync
dir=$(mktemp -d)
out=$dir/out
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null; done; rm -rf "$dir"' EXIT
unset CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG

"$BUILD/test-support/write_certs" "$dir"
check "certificates are made" [ $? -eq 0 ]

# a chaincode process with these variables; its port is in $port
serve() { # name, VARIABLE=value...
    name=$1
    shift
    env CHAINCODE_SERVER_ADDRESS=127.0.0.1:0 "$@" "$BUILD/bin/probe" >"$dir/$name.log" 2>&1 &
    pids="$pids $!"
    pid=$!
    port=
    while [ -z "$port" ] && kill -0 "$pid" 2>/dev/null; do
        port=$(sed -n 's/.*serving at [^ ]*, port \([0-9]*\),.*/\1/p' "$dir/$name.log" 2>/dev/null)
        [ -n "$port" ] || sleep 0.02
    done
}

# something else that listens; its port is in $port
other() { # name, arguments...
    name=$1
    shift
    "$BUILD/test-support/tls_server" "$@" >"$dir/$name.log" 2>&1 &
    pid=$!
    pids="$pids $pid"
    port=
    while [ -z "$port" ] && kill -0 "$pid" 2>/dev/null; do
        port=$(sed -n 's/^port //p' "$dir/$name.log" 2>/dev/null)
        [ -n "$port" ] || sleep 0.02
    done
}

doctor() { "$medsync" doctor "$@" >"$out" 2>&1; }

# the exit status and, unless empty, the code and words in what was printed
expect() { # what, status, code, words, arguments...
    what=$1 status=$2 code=$3 words=$4
    shift 4
    doctor "$@"
    got=$?
    if ! check "$what" [ "$got" -eq "$status" -a -n "$(grep -F -- "$code" "$out")" -a -n "$(grep -F -- "$words" "$out")" ]; then
        echo "# exit status $got, expected $status, \"$code\" and \"$words\" in:"
        sed 's/^/#   /' "$out"
    fi
}

package() { "$medsync" package "$@" --output "$dir/package.tar.gz"; }

# ---- plaintext ----
id=$(package plain_1 --address '127.0.0.1:{{.port}}')
check "package prints the id" [ "$id" = "$("$medsync" pkgid "$dir/package.tar.gz")" ]
check "which is of the file's bytes" [ "$id" = "plain_1:$(sha256sum "$dir/package.tar.gz" | cut -d' ' -f1)" ]
check "and the same each time" [ "$id" = "$(package plain_1 --address '127.0.0.1:{{.port}}')" ]
serve plain CHAINCODE_ID="$id"
expect "a chaincode that is all right passes" 0 "ok      register" "as $id" --values "{\"port\":$port}" "$dir/package.tar.gz"
CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG="{\"port\":$port}" doctor --json "$dir/package.tar.gz"
check "the values may come from the variable that the peer has" [ $? -eq 0 ]
check "--json tells each step" grep -q '"ok":true,"exit":0,.*"step":"register","ok":true' "$out"
expect "a missing value is named" 64 E-CFG-03 '"port"' "$dir/package.tar.gz"
expect "an address is enough" 0 "ok      register" "not compared" --address "127.0.0.1:$port"
expect "another package id is told, with both ids" 67 E-REG-03 "the package's id is \"other:1\"" --package-id other:1 --address "127.0.0.1:$port"
expect "TLS where the chaincode has none is told" 65 E-TLS-01 "plaintext" --root-cert "$dir/ca.pem" --address "127.0.0.1:$port"
doctor --json --root-cert "$dir/ca.pem" --address "127.0.0.1:$port"
check "--json has cause and remedy" grep -q '"code":"E-TLS-01".*"cause":".*"remedy":"' "$out"

# ---- configuration ----
printf '{"address":"127.0.0.1:%s"}' "$port" >"$dir/connection.json"
expect "a connection.json without dial_timeout is refused, as a peer does" 64 E-CFG-06 dial_timeout "$dir/connection.json"
printf '{"address":"127.0.0.1:%s","dial_timeout":"10s"}' "$port" >"$dir/connection.json"
expect "with it, it passes" 0 "ok      register" "" "$dir/connection.json"
expect "a package that is not there is told" 64 E-PKG-01 "$dir/nothing" "$dir/nothing"
expect "a folder is no package" 64 E-PKG-01 "$dir" "$dir"
expect "what is no archive is told" 64 E-PKG-02 gzip "$dir/ca.pem"
mkdir "$dir/pkg"
printf '{"type":"ccaas","label":"a"}' >"$dir/pkg/metadata.json"
tar -C "$dir" -czf "$dir/pkg/code.tar.gz" connection.json
tar -C "$dir" -czf "$dir/folder.tar.gz" pkg
expect "an archive with a folder in it is refused, as a peer does" 64 E-PKG-03 "not a regular file" "$dir/folder.tar.gz"
tar -C "$dir/pkg" -czf "$dir/dots.tar.gz" ./metadata.json ./code.tar.gz
expect "names with ./ in front as well" 64 E-PKG-04 "./" "$dir/dots.tar.gz"
tar -C "$dir/pkg" -czf "$dir/tar.tar.gz" metadata.json code.tar.gz
hand_id=$("$medsync" pkgid "$dir/tar.tar.gz")
expect "a package made by hand with tar is read" 67 E-REG-03 "$hand_id" "$dir/tar.tar.gz"
doctor; check "without anything to look at it says what it takes" [ $? -eq 2 ]
doctor --sideways; check "an unknown option is refused" [ $? -eq 2 ]
"$medsync" package 'bad label' --address a:1 --output "$dir/bad.tar.gz" >"$out" 2>&1
check "package refuses a label that peers refuse, and writes nothing" [ $? -eq 8 -a ! -e "$dir/bad.tar.gz" ]
"$medsync" package good --address nowhere --output "$dir/bad.tar.gz" >"$out" 2>&1
check "and an address without a port" [ $? -eq 8 -a ! -e "$dir/bad.tar.gz" -a -n "$(grep E-CFG-05 "$out")" ]

# ---- the connection ----
expect "an unknown name is told" 66 E-DIAL-01 "no-such-host.invalid" --address no-such-host.invalid:9999
serve gone CHAINCODE_ID=gone:1
kill "$pid"
wait "$pid" 2>/dev/null
expect "a port where nobody listens is told" 66 E-DIAL-02 "refused" --address "127.0.0.1:$port"

# ---- TLS ----
serve_tls() { # name, VARIABLE=value...
    serve "$@" CHAINCODE_TLS_DISABLED=false CHAINCODE_TLS_KEY="$dir/server.key" CHAINCODE_TLS_CERT="$dir/server.pem"
}
serve_tls tls CHAINCODE_ID=tls:1
expect "TLS passes" 0 "TLSv1.3" "as tls:1" --root-cert "$dir/ca.pem" --address "127.0.0.1:$port"
expect "plaintext to a chaincode with TLS is told" 65 E-TLS-02 "answers with TLS" --address "127.0.0.1:$port"
expect "a certificate of another authority is told" 65 E-TLS-03 "" --root-cert "$dir/other_ca.pem" --address "127.0.0.1:$port"
expect "a certificate for other names is told, with its names" 65 E-TLS-06 "certificate is for 127.0.0.1, chaincode.example" --root-cert "$dir/ca.pem" --address "localhost:$port"
other expired "$dir/expired.pem" "$dir/expired.key"
expect "an expired certificate is told" 65 E-TLS-07 "valid until" --root-cert "$dir/ca.pem" --address "127.0.0.1:$port"
serve_tls mutual CHAINCODE_ID=tls:1 CHAINCODE_CLIENT_CA_CERT="$dir/ca.pem"
expect "mutual TLS passes" 0 "client certificate" "as tls:1" --root-cert "$dir/ca.pem" --client-cert "$dir/client.pem" --client-key "$dir/client.key" --address "127.0.0.1:$port"
expect "a missing client certificate is told" 65 E-TLS-05 "asked for a client certificate" --root-cert "$dir/ca.pem" --address "127.0.0.1:$port"
expect "a client certificate of another authority is told" 65 E-TLS-04 "client_cert" --root-cert "$dir/ca.pem" --client-cert "$dir/stranger.pem" --client-key "$dir/stranger.key" --address "127.0.0.1:$port"
expect "plaintext to a chaincode with mutual TLS is told" 65 E-TLS-02 "answers with TLS" --address "127.0.0.1:$port"
id=$(package mutual_1 --address "127.0.0.1:$port" --root-cert "$dir/ca.pem" --client-cert "$dir/client.pem" --client-key "$dir/client.key")
check "a package holds the certificates" [ -n "$id" ]
expect "a package with mutual TLS gets as far as the registration" 67 E-REG-03 "\"$id\"" "$dir/package.tar.gz"
package half --address a:1 --root-cert "$dir/ca.pem" --client-cert "$dir/client.pem" --client-key "$dir/stranger.key" >"$out" 2>&1
check "a key that is not the certificate's is refused" [ $? -eq 8 -a -n "$(grep E-CFG-07 "$out")" ]

# ---- something else listens ----
other mail
expect "a server that speaks no HTTP/2 is told" 66 E-DIAL-05 "does not answer" --address "127.0.0.1:$port"
other mails "$dir/server.pem" "$dir/server.key"
expect "with TLS as well" 66 E-DIAL-05 "speaks TLS, but not HTTP/2" --root-cert "$dir/ca.pem" --address "127.0.0.1:$port"
"$medsync" devnet up --detach --dir "$dir/net" --ports auto >/dev/null 2>&1
gateway=$("$medsync" devnet status --dir "$dir/net" | grep HospitalMSP | grep -oE "127\.[0-9.]+:[0-9]+" | head -n 1)
ca=$(find "$dir/net/crypto/peerOrganizations/hospital.medsync.example/tlsca" -name '*.pem' | head -n 1)
expect "a gRPC service that is no chaincode is told" 67 E-REG-01 UNIMPLEMENTED --root-cert "$ca" --address "$gateway"
"$medsync" devnet down --dir "$dir/net" >/dev/null 2>&1

# ---- explain ----
"$medsync" explain e-reg-03 >"$out"
check "explain knows a code, in either case" [ $? -eq 0 -a -n "$(grep 'what to do' "$out")" ]
"$medsync" explain --json E-REG-03 >"$out"
check "as JSON too" grep -q '"code":"E-REG-03".*"remedy":"' "$out"
"$medsync" explain E-NONE-00 >"$out" 2>&1
check "an unknown code is refused" [ $? -eq 8 ]
"$medsync" explain >"$dir/codes"
check "without a code it lists them all" [ "$(grep -c '^E-' "$dir/codes")" -gt 40 ]
finish
