#!/bin/sh
# What one handler's endless loop, crash, stack overflow and greed for memory cost, under fcc-host with streams open: its
# own process at most, which is back, with the culprit in the log. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/host.sh

install -m 755 "$build/test-support/misbehaving" "$dir/misbehaving"
if ldd "$dir/misbehaving" | grep -q -e libasan -e libtsan; then
    skip_all "a sanitizer needs more memory than the limit leaves, and takes the signals"
fi
cat >"$dir/host.yaml" <<EOT
admin: 127.0.0.1:$admin
drain_seconds: 20
chaincodes:
- name: bad
  exec: misbehaving
  ccid: bad_1:01
  address: $one
  budget_ms: 8000
  memory_mb: 256
  $as_user
- name: good
  exec: probe
  ccid: good_1:02
  address: $two
  budget_ms: 0
  $as_user
EOT
culprit() { # code, message, function
    logged "\"level\":\"error\",\"ccid\":\"bad_1:01\",\"code\":\"$1\",\"msg\":\"$2.*\"channel\":\"ch\",\"tx\":\"tx1\",\"function\":\"$3\""
}
counted() { # restarts/replacements
    [ "$(field bad restarts)/$(field bad replacements)" = "$1" ] && ready
}
no_success() { [ "$(grep -c '^200' "$1")" = 0 ]; }

start "$dir/host.yaml"
check "both chaincodes come up" until_true ready || finish
good=$(field good pid)
"$client" hold "$dir/good" "$two" rw 1 key >"$dir/good.out" &
good_holder=$!
check "a transaction of the good one waits for its peer" until_true is_there "$dir/good.asked"

# ---- an endless loop ----
pid=$(field bad pid)
"$client" call "$one" spin >"$dir/spin.out" &
spinner=$!
running() { [ "$(metric 'fcc_transactions_running{chaincode="bad"}')" = 1 ]; }
check "an endless loop runs" until_true running
check "others are answered beside it" is "$("$client" call "$one" echo beside)" '200 beside'
wait "$spinner"
check "it is answered when its budget is over" is "$(cat "$dir/spin.out")" \
    "ERROR E-TIME-01 function spin of transaction tx1 exceeded its budget of 8000 ms"
check "with the culprit in the log" culprit E-TIME-01 'transaction answered: it exceeded its budget' spin
check "then the process is replaced, which is no crash" until_true counted 0/1
check "the log tells why" logged '"ccid":"bad_1:01","code":"E-TIME-02"'
check "and that fcc-host did it" logged "\"who\":\"fcc-host\",\"code\":\"E-TIME-02\",\"msg\":\"chaincode bad (process $pid) asks to be replaced"
check "it is another process" is "$([ "$(field bad pid)" != "$pid" ] && echo other)" other
check "the metrics tell the replacement" is "$(metric 'fcc_replacements_total{chaincode="bad"}')" 1
check "it answers" is "$("$client" call "$one" echo again)" '200 again'

# ---- the cap of one transaction ----
check "a transaction that wants more memory than one may have fails alone" is \
    "$("$client" call "$one" modest | cut -c 1-3)/$("$client" call "$one" echo hello)/$(field bad restarts)" '500/200 hello/0'

# ---- what ends the process ----
restarts=0
ends() { # function, code, message
    rm -f "$dir/waits".*
    "$client" hold "$dir/waits" "$one" rw 1 key >"$dir/waits.out" 2>&1 &
    holder=$!
    until_true is_there "$dir/waits.asked" || return 1
    "$client" call "$one" "$1" >"$dir/call.out" 2>&1
    restarts=$((restarts + 1))
    wait "$holder"
    check "$1: the peer is told that the transaction failed" no_success "$dir/call.out"
    check "$1: and so did the one that ran beside it" no_success "$dir/waits.out"
    check "$1: the culprit is in the log" culprit "$2" "$3" "$1"
    check "$1: the process is back" until_true counted "$restarts/1"
    check "$1: and answers" is "$("$client" call "$one" echo "after $1")" "200 after $1"
}
ends crash E-CRASH-01 'SIGSEGV in a handler'
ends fail E-CRASH-01 'SIGABRT in a handler'
ends overflow E-CRASH-02 'stack overflow in a handler'
ends greedy E-CRASH-01 'SIGSEGV in a handler'

# This one holds all the memory and waits for its peer. Others find none, and the process ends: by itself, or in gRPC.
rm -f "$dir/waits".*
"$client" hold "$dir/waits" "$one" hoard >"$dir/waits.out" 2>&1 &
holder=$!
hoards() { is_there "$dir/waits.asked" || [ "$(field bad restarts)" = "$((restarts + 1))" ]; }
check "hoard: all memory is taken" until_true hoards
"$client" call "$one" echo more >"$dir/call.out" 2>&1
wait "$holder"
restarts=$((restarts + 1))
check "hoard: the peer is told that the transaction failed" no_success "$dir/waits.out"
check "hoard: the process is back" until_true counted "$restarts/1"
check "hoard: it is in the log as one that ran" culprit E-CRASH-04 'it ran then, and is lost' hoard
check "hoard: with the reason before it" logged '"ccid":"bad_1:01","code":"E-CRASH-0[35]"'
check "hoard: and the process answers" is "$("$client" call "$one" echo "after all")" "200 after all"
check "fcc-host tells of each end" is "$(grep -c '"who":"fcc-host","code":"E-HOST-04","msg":"chaincode bad ' "$dir/log")" 5

# ---- the others ----
check "the good one is the same process" is "$(field good pid)/$(field good restarts)/$(field good replacements)" "$good/0/0"
touch "$dir/good.go"
wait "$good_holder"
check "its transaction, which waited all the time, ends well" is "$(cat "$dir/good.out")" '200 '
kill -TERM "$host_pid"
check "fcc-host ends with exit status 0" exit_status 0
finish
