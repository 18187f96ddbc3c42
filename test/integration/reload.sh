#!/bin/sh
# fcc-host at SIGHUP: chaincodes that are new, gone, changed and as before; certificates; files that are wrong. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/host.sh

begin() { printf 'admin: 127.0.0.1:%s\ndrain_seconds: %s\nchaincodes:\n' "$admin" "${drain:-120}" >"$dir/host.yaml"; }
chaincode() { # name, program, ccid, address, more keys
    cat >>"$dir/host.yaml" <<EOT
- name: $1
  exec: $2
  ccid: $3
  address: $4
  $as_user
${5:-}
EOT
}
reload() { kill -HUP "$host_pid"; }
gone() { [ -z "$(field "$1" state)" ]; }
became() { [ "$(field "$1" "$2")" = "$3" ] && ready; }
other_process() { [ "$(field "$1" pid)" != "$2" ] && ready; }
times_logged() { is "$(grep -c "$1" "$dir/log")" "$2"; }

mkdir "$dir/tls"
"$build/test-support/write_certs" "$dir/tls"
chmod -R a+rX "$dir/tls"
tls='  tls: { cert: tls/server.pem, key: tls/server.key }'

begin
chaincode one probe probe_1:01 "$one" "$tls"
chaincode two probe probe_1:02 "$two"
start "$dir/host.yaml"
check "two chaincodes come up" until_true ready || finish

# ---- new, gone, as before ----
pid=$(field two pid)
left=$(field one pid)
"$client" hold "$dir/a" "$two" rw 1 key >"$dir/a.out" &
holder=$!
check "a transaction runs in the one that stays" until_true is_there "$dir/a.asked"
begin
chaincode two probe probe_1:02 "$two"
chaincode three probe probe_1:03 "$three"
reload
check "the new one comes up" until_true became three state serving
check "the one that is gone from the file has ended" until_true ended "$left"
check "and is told of no more" until_true gone one
check "nor in the metrics" is "$("$client" get "$admin" /metrics | grep -c '"one"')" 0
check "the one that is as before is the same process" is "$(field two pid)/$(field two restarts)" "$pid/0"
touch "$dir/a.go"
wait "$holder"
check "and its transaction ends well" is "$(cat "$dir/a.out")" '200 '
check "the new one answers" is "$("$client" call "$three" echo hello)" '200 hello'

# ---- changed ----
"$client" call "$two" echo hello >/dev/null
"$client" hold "$dir/b" "$two" rw 1 key >"$dir/b.out" &
holder=$!
check "a transaction runs in the one that will change" until_true is_there "$dir/b.asked"
begin
chaincode two probe probe_2:22 "$two"
chaincode three probe probe_1:03 "$three"
reload

draining() { [ "$(field two state)" = draining ]; }
check "the one that has changed drains" until_true draining
check "and is not ready meanwhile" not_ready
check "it is the same process until its transaction has ended" is "$(field two pid)" "$pid"
check "no new transaction begins in it" is "$("$client" call "$two" echo late | grep -c '^200')" 0
touch "$dir/b.go"
wait "$holder"
check "the transaction ends well" is "$(cat "$dir/b.out")" '200 '
check "then it runs as the file says now" until_true became two ccid probe_2:22
check "as another process, without having failed" is \
    "$([ "$(field two pid)" != "$pid" ] && echo other)/$(field two restarts)" other/0
check "gRPC health knows the new package id" is "$("$client" health "$two" probe_2:22)" SERVING
check "its counts go on" is "$(metric 'fcc_transactions_total{chaincode="two",function="echo",status="ok"}')" 1
left=$(field two pid)
cp -p "$dir/probe" "$dir/probe.new"
mv "$dir/probe.new" "$dir/probe"
reload
check "a program that was replaced is a change too" until_true other_process two "$left"
begin
chaincode two probe probe_2:22 "$three"
chaincode three probe probe_1:03 "$two"
reload
check "two can swap their addresses" until_true became two address "$three"
check "and both come up without having failed" is "$(field two restarts)/$(field three restarts)" 0/0

# ---- a file that is wrong ----
pid=$(field two pid)
chaincode four nothing probe_1:04 "$one"
reload
refused() { logged '"code":"E-HOST-01","msg":"SIGHUP: all stays as it was: .*host.yaml:[0-9]*: exec: '; }
check "a wrong file is refused with its line" until_true refused
check "and changes nothing" is "$(field two pid)/$(field four state)" "$pid/"

# ---- certificates ----
begin
chaincode one probe probe_1:01 "$one" "$tls"
chaincode two probe probe_2:22 "$three"
reload
check "a chaincode with TLS comes up" until_true became one state serving
pid=$(field one pid)
mkdir "$dir/fresh"
"$build/test-support/write_certs" "$dir/fresh"
cat "$dir/fresh/server.pem" >"$dir/tls/server.pem"
reload
torn() { logged '"ccid":"probe_1:01","code":"E-TLS-09"'; }
check "a certificate without its key is refused" until_true torn
cat "$dir/fresh/server.key" >"$dir/tls/server.key"
reload
renewed() { logged '"ccid":"probe_1:01","msg":"SIGHUP: key, certificate and CA are those of the files now'; }
check "key and certificate are taken over" until_true renewed
check "by the same process" is "$(field one pid)/$(field one restarts)" "$pid/0"
check "which nobody else was asked to do" times_logged 'without TLS there is nothing' 0

# ---- who does not end ----
printf '#!/bin/sh\ntrap "" TERM HUP\nwhile :; do sleep 1; done\n' >"$dir/stubborn"
chmod 755 "$dir/stubborn"
drain=0
begin
chaincode two stubborn probe_2:22 "$three"
reload
is_stubborn() { [ "$(field two state)" = starting ]; }
check "a program that is not ours runs" until_true is_stubborn
check "the one that the file has no more is gone" until_true gone one
left=$(field two pid)
has_trapped() { [ "$(($(sed -n 's/^SigIgn:.*\(........\)$/0x\1/p' "/proc/$left/status") & 0x4000))" -ne 0 ]; }
check "and takes no SIGTERM" until_true has_trapped
begin
chaincode three probe probe_1:03 "$two"
reload
check "who does not end in time is ended" until_true ended "$left"
check "with a line that says so" logged '"code":"E-DRAIN-02","msg":"chaincode two has not ended in time'
check "the others serve" until_true became three state serving
kill -TERM "$host_pid"
check "it ends with exit status 0" exit_status 0
finish
