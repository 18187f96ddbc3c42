#!/bin/sh
# fcc-host from the outside: two chaincodes under one host, a crash of one, health, metrics, privileges, and its end with
# a transaction running. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/host.sh

# a transaction that is held has no budget, and the end waits long for it: a slow machine takes its time in between
config() { # more keys of the first chaincode
    cat <<EOF
admin: 127.0.0.1:$admin
drain_seconds: ${drain:-300}
chaincodes:
- name: one
  exec: ${program:-probe}
  ccid: probe_1:01
  address: $one
  budget_ms: 0
  $as_user
${1:-}
- name: two
  exec: probe
  ccid: probe_1:02
  address: $two
  budget_ms: 0
  $as_user
EOF
}

# ---- the file ----
"$host" --help >"$dir/out" 2>&1
check "--help tells what it takes" grep -q 'chaincodes:' "$dir/out"
config >"$dir/host.yaml"
"$host" --check "$dir/host.yaml" >"$dir/out" 2>&1
check "--check passes a good file and shows what it says" grep -q "^two: $dir/probe at $two, package id probe_1:02" "$dir/out"
config '  ports: 1' >"$dir/wrong.yaml"
no_room() { ! "$host" --check "$dir/host.yaml" >/dev/full 2>/dev/null; }
check "and is no success when that could not be shown" no_room
"$host" --check "$dir/wrong.yaml" >"$dir/out" 2>&1
check "--check fails a wrong file" is $? 1
check "the error names file, line, key and what was expected" grep -q 'wrong.yaml:[0-9]*: chaincode: "ports": expected one of' "$dir/out"
"$host" --check --json "$dir/wrong.yaml" >"$dir/out" 2>&1
check "--check --json tells the same to programs" grep -q '"ok": false' "$dir/out"
"$host" "$dir/wrong.yaml" >"$dir/out" 2>&1
check "a wrong file starts nothing" is $? 1

# ---- two chaincodes serve ----
start "$dir/host.yaml"
check "both chaincodes come up" until_true ready || finish
check "--probe tells that they serve" prints 'two serving' "$host" --probe "127.0.0.1:$admin"
check "/healthz answers" is "$("$client" get "$admin" /healthz | tr '\n' ' ')" '200 ok '
"$client" crowd "$admin" 100
check "and again after more connections than it takes" is "$("$client" get "$admin" /healthz | tr '\n' ' ')" '200 ok '
"$client" drip "$admin" >"$dir/drip" &
dripper=$!
check "other paths are not found" is "$("$client" get "$admin" /other | head -n 1)" 404
check "the first answers" is "$("$client" call "$one" echo hello)" '200 hello'
check "the second answers" is "$("$client" call "$two" echo hello)" '200 hello'
check "a transaction reads" is "$("$client" call "$one" rw 2 key)" '200 '
"$client" call "$one" secret-name-4711 hello >/dev/null
"$client" call "$one" error secret-value-4711 >/dev/null
check "gRPC health knows the package id" is "$("$client" health "$one" probe_1:01)" SERVING
check "gRPC health knows no other package id" is "$("$client" health "$one" probe_1:02)" NOT_FOUND

# ---- metrics and log ----
counted() { [ "$(metric 'fcc_transactions_total{chaincode="one",function="echo",status="ok"}')" = 1 ]; }
check "transactions are counted by function" until_true counted
check "the time is told by function" is \
    "$(metric 'fcc_transaction_seconds_bucket{chaincode="one",function="echo",le="+Inf"}')" 1
check "stub calls are counted by type" is "$(metric 'fcc_stub_calls_total{chaincode="one",call="GET_STATE"}')" 2
check "streams are counted" is "$(metric 'fcc_streams_total{chaincode="one"}')" 4
check "unknown functions are counted without their names" is \
    "$(metric 'fcc_transactions_total{chaincode="one",function="(other)",status="failed"}')" 1
check "nothing that a client sent is in the metrics" is "$("$client" get "$admin" /metrics | grep -c 4711)" 0
check "nothing that a client sent is in the log" is "$(grep -c 4711 "$dir/log")" 0
check "a failed transaction is in the log with its facts" logged \
    '"level":"info","ccid":"probe_1:01","msg":"transaction failed","channel":"ch","tx":"tx1","function":"error","status":500,"ms":'
check "nothing was turned away" is "$(metric 'fcc_turned_away_total{chaincode="two",reason="limit"}')" 0
check "more than a peer may have under way are turned away" is "$("$client" flood 8195 "$two" rw 1 key | cut -d : -f 1)" \
    'ERROR E-STREAM-05 8192 transactions of this peer run'
turned_away() { [ "$(metric 'fcc_turned_away_total{chaincode="two",reason="limit"}')" -gt 0 ]; }
check "and counted" until_true turned_away
idle() { [ "$(metric 'fcc_transactions_running{chaincode="two"}')" = 0 ]; }
check "the others end with their stream" until_true idle

# ---- privileges ----
pid=$(field one pid)
if [ "$(id -u)" -eq 0 ]; then
    check "a chaincode runs as its user" is "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")" \
        '65534 65534 65534 65534'
    check "and in its group alone" is "$(awk '/^(Gid|Groups):/ { $1 = ""; print }' "/proc/$pid/status" | tr -d '\n')" \
        ' 65534 65534 65534 65534'
    check "without capabilities" is "$(awk '/^CapEff:/ { print $2 }' "/proc/$pid/status")" 0000000000000000
    sed 's/^  user: .*/  env: { A: b }/; s/^  group: .*//' "$dir/host.yaml" >"$dir/root.yaml"
    "$host" --check "$dir/root.yaml" >"$dir/out" 2>&1
    check "a chaincode is not run as root unless that is allowed" grep -q 'allow_root: true' "$dir/out"
else
    n=$((n + 1))
    echo "ok $n - a chaincode runs as its user # SKIP only root can give up rights"
fi
check "with no_new_privs" is "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$pid/status")" 1

# ---- a crash ----
"$client" hold "$dir/a" "$two" rw 1 key >"$dir/a.out" &
holder=$!
check "a transaction of the second one waits for the peer" until_true is_there "$dir/a.asked"
other=$(field two pid)
kill -SEGV "$pid"
check "the one that crashed is back" until_true restarted one 1
check "as another process" is "$([ "$(field one pid)" != "$pid" ] && echo other)" other
check "and answers" is "$("$client" call "$one" echo again)" '200 again'
check "the log tells that it ended" logged "chaincode one (process $pid) [a-z ]*ended .*starting it again in 0 ms"
check "the metrics tell the restart, and go on counting" is \
    "$(metric 'fcc_restarts_total{chaincode="one"}')/$(metric 'fcc_transactions_total{chaincode="one",function="echo",status="ok"}')" 1/2
check "the other one is the same process" is "$(field two pid)/$(field two restarts)" "$other/0"
touch "$dir/a.go"
wait "$holder"
check "the other one's transaction ends well" is "$(cat "$dir/a.out")" '200 '
pid=$(field one pid)
"$client" hold "$dir/k" "$one" rw 1 key >"$dir/k.out" 2>&1 &
holder=$!
check "a transaction waits for the peer" until_true is_there "$dir/k.asked"
kill -KILL "$pid"
check "the next crash is mended too" until_true restarted one 2
check "the log tells the signal" logged "chaincode one (process $pid) was ended by SIGKILL"
check "and that it came from elsewhere" logged "E-HOST-06.*chaincode one (process $pid) was ended by a SIGKILL from elsewhere: .*memory"
check "and whose transaction ran" logged '"code":"E-CRASH-04",.*"chaincode":"one","channel":"ch","tx":"tx1","function":"rw"'
wait "$holder"

# ---- who sends a byte now and then, and never ends: it would keep its place for ever ----
wait "$dripper"
check "a request that doesn't end is sent away" is "$(cat "$dir/drip")" "sent away"

# ---- the end ----
"$client" hold "$dir/b" "$one" rw 1 key >"$dir/b.out" &
holder=$!
check "a transaction runs" until_true is_there "$dir/b.asked"
left=$(field two pid)
kill -TERM "$host_pid"
check "SIGTERM: not ready any more" until_true not_ready
"$host" --probe "127.0.0.1:$admin" >"$dir/out" 2>&1
check "--probe tells that" is "$? $(head -n 1 "$dir/out")" '1 not ready: stopping'
draining() { [ "$("$client" health "$one" '')" = NOT_SERVING ]; }
check "gRPC health says NOT_SERVING" until_true draining
check "no new transaction begins" is "$("$client" call "$one" echo late | cut -d ' ' -f 1)" UNAVAILABLE
check "the one without transactions has ended" until_true ended "$left"
touch "$dir/b.go"
wait "$holder"
check "the transaction that ran ends well" is "$(cat "$dir/b.out")" '200 '
check "then fcc-host ends with exit status 0" exit_status 0

drain=0
config >"$dir/short.yaml"
start "$dir/short.yaml"
check "with a short time to drain both come up again" until_true ready
"$client" hold "$dir/c" "$one" rw 1 key >"$dir/c.out" 2>&1 &
holder=$!
check "a transaction runs" until_true is_there "$dir/c.asked"
kill -TERM "$host_pid"
check "fcc-host ends although the transaction doesn't" exit_status 0
wait "$holder"
check "which the peer is told" is "$(grep -c '^200' "$dir/c.out")" 0

# ---- TLS ----
mkdir "$dir/tls"
"$build/test-support/write_certs" "$dir/tls"
chmod -R a+rX "$dir/tls" # the chaincode's user reads them
config '  tls: { cert: tls/server.pem, key: tls/server.key, client_ca: tls/ca.pem }' >"$dir/tls.yaml"
start "$dir/tls.yaml"
check "with TLS both come up" until_true ready
check "the metrics tell when its certificate expires, and only its" is \
    "$("$client" get "$admin" /metrics | sed -n 's/^fcc_certificate_expiry_timestamp_seconds{chaincode="\(.*\)"} [0-9]\{10\}$/\1/p')" one
check "who comes without TLS gets nothing" is "$("$client" health "$one" '')" UNAVAILABLE
kill -TERM "$host_pid"
check "it ends with exit status 0" exit_status 0

# ---- what goes wrong ----
drain=
printf '#!/bin/sh\nexit 3\n' >"$dir/fails"
printf '#!/bin/sh\nexit 0\n' >"$dir/ends"
chmod 755 "$dir/fails" "$dir/ends"
program=fails
config >"$dir/false.yaml"
start "$dir/false.yaml"
given_up() { logged 'chaincode one (process [0-9]*) ended with exit status 3 .*in [1-9][0-9]* ms'; }
check "a program that fails is started again, less and less often" until_true given_up
check "fcc-host stays, and is not ready" not_ready
kill -TERM "$host_pid"
check "it ends at once with exit status 0" exit_status 0

program=ends
config >"$dir/true.yaml"
start "$dir/true.yaml"
first_ended() { [ "$(field one state)/$(field two state)" = ended/serving ]; }
check "a program that ends with exit status 0 stays ended" until_true first_ended
"$host" "$dir/host.yaml" >"$dir/out" 2>&1
check "a second fcc-host finds the admin address taken" grep -q "admin: cannot listen on 127.0.0.1:$admin: Address already in use" "$dir/out"
left=$(field two pid)
kill -KILL "$host_pid"
wait "$host_pid" 2>/dev/null
host_pid=
"$host" --probe "127.0.0.1:$admin" >"$dir/out" 2>&1
check "--probe tells that nobody is there" is "$?/$(grep -c 'E-HOST-07.*Connection refused' "$dir/out")" 1/1
check "the chaincodes die with fcc-host" until_true ended "$left"
finish
