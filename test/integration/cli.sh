#!/bin/sh
# medsync from the outside: help, exit statuses, and a network's life by its commands.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
medsync=${BUILD:-build/release}/bin/medsync
dir=$(mktemp -d)
net=$dir/net
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT
out=$dir/out err=$dir/err

m() { # status of medsync; its output in $out and $err
    "$medsync" "$@" >"$out" 2>"$err" </dev/null
}

m; check "without a command it shows how it is used, and fails" [ $? -eq 2 ]
m --help; check "--help succeeds" [ $? -eq 0 ]
for command in devnet invoke query history events block lifecycle demo new package pkgid doctor explain channel audit block lifecycle; do
    m "$command" --help
    check "$command --help succeeds and shows its usage" [ $? -eq 0 -a -s "$out" -a ! -s "$err" ]
done
# What its help says a command takes is what it takes; an option without its value, or with one too many, ends every try.
strange='' unknown=''
for command in $("$medsync" --help | sed -n '/^exit status/q; s/^  \([a-z]*\)  .*/\1/p') "devnet services" "channel update" \
    "channel genesis"; do
    m $command --sideways x
    [ $? -eq 2 ] && grep -q "^medsync $command: E-CLI-03 --sideways: no such option" "$err" &&
        grep -q "^.medsync $command --help" "$err" || strange="$strange $command"
    m $command --help
    for option in $(grep -o '^  --[a-z].*' "$out" | grep -o -- '--[a-z][a-z-]*' | sort -u); do
        m $command "$option=" --sideways
        grep -q "E-CLI-03 ${option}[^a-z-].*no such option" "$err" && unknown="$unknown $command:$option"
    done
done
check "every command names itself and the option that it does not know" [ -z "$strange" ] || echo "# $strange"
check "every option of the help texts is one" [ -z "$unknown" ] || echo "# $unknown"
m channel update show --orgg hospital x
check "an option that is nearly one is told with the one that was meant" grep -q "orgg: no such option; is --org meant" "$err"
m events --idle soon probe
check "a number that is none is told with its range" grep -q -- "--idle soon: must be 1 to 1000000 seconds" "$err"
m frobnicate; check "an unknown command is refused" [ $? -eq 2 ]
m query --dir "$net" --user doctor1 probe echo x
check "without a network it fails, by a status of its own" [ $? -eq 6 ]
check "and says how to start one" grep -q "no devnet at $net: start one with .medsync devnet up" "$err"
check "with a code that explain knows" grep -q "query: E-NET-01 " "$err"
m devnet status --dir "$net"; check "status of no network fails" [ $? -eq 1 ]
m devnet down --dir "$net"; check "down of no network fails" [ $? -eq 6 ]
m devnet sideways; check "devnet knows no other words" [ $? -eq 2 ]
m demo --bundle /does/not/exist.json; check "demo refuses a bundle that is not there" [ $? -eq 8 ]
check "and names it" grep -q /does/not/exist.json "$err"

m devnet up --dir "$net" --detach --ports auto --with probe
if ! check "devnet up --detach returns when it is ready" [ $? -eq 0 ]; then
    sed 's/^/# /' "$err"
    finish
fi
check "and says that it is not for production" grep -q "not production" "$out"
m devnet up --dir "$net" --detach --ports auto
check "a second devnet in the same directory is refused" [ $? -eq 1 ]
m devnet status --dir "$net" --json
check "status --json says it runs" grep -q '"running":true' "$out"
m query --dir "$net" --user doctor1 probe echo hello
check "a query answers" [ $? -eq 0 ]
check "with what the function said" [ "$(cat "$out")" = hello ]
m invoke --dir "$net" --user doctor1 probe run '["PutState","k","v1"]'
check "an invoke is committed" [ $? -eq 0 ]
m invoke --dir "$net" --user doctor1 --json probe run '["PutState","k","v2"]' '["SetEvent","Changed","now"]'
check "another one, as JSON" [ $? -eq 0 ]
check "which tells the transaction" grep -q '"validation":"VALID"' "$out"
m query --dir "$net" --user pharmacist1 probe run '["GetState","k"]'
check "another organisation's peer has the value" [ "$(cat "$out")" = '["7632"]' ]
m history --dir "$net" --user doctor1 probe k
check "history lists both versions" [ "$(wc -l <"$out")" -eq 2 ]
check "oldest first" [ "$(awk '{ print $3 }' "$out" | tr '\n' ' ')" = "v1 v2 " ]
m events --dir "$net" --user doctor1 --from 0 --count 1 probe
check "events shows the event" grep -q "Changed  now" "$out"
for i in 1 2 3 4 5 6; do
    "$medsync" invoke --dir "$net" --user doctor1 --retries 50 probe run '["GetState","hot"]' '["PutState","hot","x"]' \
        >/dev/null 2>"$dir/hot.$i" || echo "$i" >>"$dir/hot.failed" &
done
wait
check "transactions that get in each other's way are endorsed anew until they are through" [ ! -e "$dir/hot.failed" ]
m query --dir "$net" --user nobody probe echo x
check "an unknown user is refused" [ $? -eq 2 ]
check "by name" grep -q nobody "$err"
m query --dir "$net" --user doctor1 probe status 404 no x
check "what a chaincode refuses has a status of its own" [ $? -eq 3 ]
m invoke --dir "$net" --user doctor1 --tamper signature probe run '["PutState","k","v3"]'
check "so has a signature that is not accepted" [ $? -eq 7 ]
m explain E-TX-06
check "explain tells the exit status" grep -q "^exit status  5 " "$out"
m --help
check "and --help what each means" grep -q "^  5  whether the transaction was committed is not known" "$out"
m query --dir "$net" --user doctor1 --org clinic probe echo x
check "a user that this organisation hasn't is refused, with those it has" grep -q "ClinicMSP has no user doctor1: there are .*doctor3" "$err"
m query --dir "$net" --user Admin probe echo x
check "a user that several organisations have needs --org" grep -q -- "--org" "$err"
m query --dir "$net" --user admin --org regulator probe echo x
check "with it, it is found" [ $? -eq 0 ]
m devnet down --dir "$net"; check "down stops it" [ $? -eq 0 ]
m devnet status --dir "$net"; check "and then it doesn't run" [ $? -eq 1 ]
m devnet up --dir "$net" --detach --ports auto --with probe
check "it starts again in the same directory" [ $? -eq 0 ]
m query --dir "$net" --user doctor1 probe run '["GetState","k"]'
check "and has what was committed" [ "$(cat "$out")" = '["7632"]' ]
m devnet down --dir "$net"
m devnet reset --dir "$net"; check "reset removes it all" [ $? -eq 0 -a ! -e "$net/ledger" -a ! -e "$net/crypto" ]
finish
