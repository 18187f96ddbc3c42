#!/bin/sh
# medsync notify: alerts from events, to a webhook, a mailbox and a program, at least once whatever dies in between.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=${BUILD:-build/release}
medsync=$build/bin/medsync
dir=$(mktemp -d)
net=$dir/net
unset http_proxy https_proxy all_proxy ALL_PROXY HTTPS_PROXY # whose webhooks go where the environment says, is their business
trap '"$medsync" devnet down --dir "$net" >/dev/null 2>&1; rm -rf "$dir"' EXIT

event() { # name, payload
    "$medsync" invoke --dir "$net" --user doctor1 probe run "[\"SetEvent\",\"$1\",\"$2\"]" >"$dir/invoked" 2>&1
}
notify() { # state, words...; output in out and err
    state=$1
    shift
    case "$* " in *'--count '*) idle=60 ;; *) idle=1 ;; esac # what is sure to come is waited for
    "$medsync" notify --dir "$net" --user doctor1 --state "$dir/$state" --idle $idle "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
names() { sed 's/.*"event":"\([^"]*\)".*/\1/' "$1" | tr '\n' ' '; }

"$medsync" devnet up --dir "$net" --detach --ports auto --with probe >"$dir/up" 2>&1
check "a network is up" [ $? -eq 0 ] || finish

notify first --kind all
check "the first time it begins with what comes next" [ $? -eq 0 -a ! -s "$dir/out" ]
event One '{\"id\":\"1\"}' && event Two plain
notify first --kind all --count 2
check "and misses nothing while it is away" [ "$(names "$dir/out")" = "One Two " ] || sed 's/^/# /' "$dir/err"
check "an event's JSON is JSON in the notice" grep -q '"event":"One".*"payload":{"id":"1"}' "$dir/out"
check "a notice's id is its transaction's" grep -qE '"id":"([0-9a-f]{64})".*"txId":"\1"' "$dir/out"
check "it was not delivered before" grep -q '"delivery":{"guarantee":"at-least-once","attempt":1,"mayRepeat":false}' "$dir/out"
notify first --kind all
check "nothing is told twice" [ ! -s "$dir/out" ]
notify second --kind all --from oldest --count 2
check "another follower has a state of its own" [ "$(names "$dir/out")" = "One Two " ]
notify third --from oldest
check "events that concern nobody's care are told when they are asked for" [ ! -s "$dir/out" ]
notify fourth --from oldest --event Two --count 1
check "single events by name" [ "$(names "$dir/out")" = "Two " ]

# ---- transactions that are invalid -----------------------------------------------------------------------------------
for i in 1 2 3 4 5 6; do
    "$medsync" invoke --dir "$net" --user doctor1 --retries 0 probe run '["GetState","hot"]' '["PutState","hot","x"]' \
        "[\"SetEvent\",\"Hot\",\"$i\"]" >"$dir/hot.$i" 2>&1 && touch "$dir/valid.$i" &
done
wait
valid=$(find "$dir" -name 'valid.*' | wc -l)
notify first --kind all --count "$valid"
check "only events of valid transactions are told ($valid of 6)" [ "$(wc -l <"$dir/out")" -eq "$valid" ]

# ---- a program -------------------------------------------------------------------------------------------------------
event Three 3 && event Four 4
notify first --kind all -- sh -c 'cat >>"$1"; kill -9 $PPID' - "$dir/got"
check "it dies behind a delivery" [ $? -ne 0 ]
notify first --kind all --count 2 -- sh -c 'cat >>"$1"; echo "$MEDSYNC_NOTICE_KIND $MEDSYNC_NOTICE_ID" >>"$2"' - "$dir/got" "$dir/env"
check "what was being delivered is delivered again, then the rest" [ "$(names "$dir/got")" = "Three Three Four " ]
check "and marked so" [ "$(grep -c '"attempt":2,"mayRepeat":true' "$dir/got")" -eq 1 ]
check "the program is told id and kind" grep -qE '^other [0-9a-f]{64}$' "$dir/env"
event Five 5
notify first --kind all --count 1 --give-up 2 -- false
check "what nobody takes is given up when that is asked for" grep -q "E-NOTE-02" "$dir/err"
check "and kept, with the reason" grep -q '"why":"false ended with status 1".*"event":"Five"' "$dir/first/undelivered.jsonl"
event Six 6
notify first --kind all --count 1 --give-up 1 --timeout 1 -- sleep 60
check "a program that does not end is ended" grep -q "more than 1 s" "$dir/err"
notify first --give-up 1 --kind all -- /does/not/exist
check "one that is not there only matters when there is something to tell" [ $? -eq 0 ]

# ---- a mailbox -------------------------------------------------------------------------------------------------------
event Seven 'From here'
notify first --kind all --count 1 --mailbox "$dir/mbox" --to somebody@example.org
check "a mail is appended" grep -q "^To: somebody@example.org" "$dir/mbox"
check "in mbox's form" [ "$(head -c 5 "$dir/mbox")" = "From " -a "$(grep -c '^From ' "$dir/mbox")" -eq 1 ]
check "with the notice in it" grep -q '"event": "Seven"' "$dir/mbox"
check "that only its owner reads" [ "$(stat -c %a "$dir/mbox")" = 600 ]
event Eight 8
notify first --kind all --count 1 --give-up 1 --mailbox /dev/full
check "a full disk is told" grep -q "No space left on device" "$dir/err"

# ---- a webhook -------------------------------------------------------------------------------------------------------
mkfifo "$dir/hold"
"$build/test-support/hook" "$dir/port" "$dir/hook" 1 <"$dir/hold" &
exec 8>"$dir/hold"
while [ ! -s "$dir/port" ] && kill -0 $! 2>/dev/null; do sleep 0.05; done
printf 'a secret\n' >"$dir/secret"
event Nine 9 && event Ten 10
notify first --kind all --count 2 --webhook "http://127.0.0.1:$(cat "$dir/port")/in" --webhook-secret "$dir/secret"
check "a web server's refusal is told" grep -q "E-NOTE-01.*HTTP 503" "$dir/err"
check "and tried again, in order" [ "$(grep -E '^(503|204)' "$dir/hook" | cut -c1-3 | tr '\n' ' ')" = "503 204 204 " ]
body=$(sed -n '/^204/,$p' "$dir/hook" | grep '^{' | head -1)
check "the body is JSON" grep -q "^Content-Type: application/json" "$dir/hook"
check "with its id as a header" [ "$(grep -c '^Idempotency-Key: [0-9a-f]' "$dir/hook")" -eq 3 ]
if command -v openssl >/dev/null; then
    signature=$(printf %s "$body" | openssl dgst -sha256 -hmac 'a secret' | sed 's/.* //')
    check "and signed" grep -q "^X-MedSync-Signature: sha256=$signature" "$dir/hook"
else
    check "and signed # SKIP openssl, which would sign it as well, is not installed" true
fi
exec 8>&-

# ---- a peer that goes away, and bad input ------------------------------------------------------------------------------
event Eleven 11
"$medsync" notify --dir "$net" --user doctor1 --state "$dir/first" --kind all --count 2 >"$dir/out" 2>"$dir/err" &
follower=$!
until grep -q Eleven "$dir/out" || ! kill -0 $follower 2>/dev/null; do sleep 0.05; done
"$medsync" notify --dir "$net" --user doctor1 --state "$dir/first" --idle 1 >"$dir/second.out" 2>&1
check "two followers cannot share a state" grep -q "used by another process" "$dir/second.out"
"$medsync" devnet down --dir "$net" >/dev/null
sleep 2 # long enough for it to look again and find no network in the directory
check "it does not give up when the network is gone for a while" kill -0 $follower
"$medsync" devnet up --dir "$net" --detach --ports auto --with probe >"$dir/up" 2>&1
check "which comes up again" [ $? -eq 0 ] || {
    sed 's/^/# /' "$dir/up"
    kill $follower
    finish
}
event Twelve 12
wait $follower
check "a peer that was away is followed on" [ $? -eq 0 -a "$(names "$dir/out")" = "Eleven Twelve " ] || sed 's/^/# /' "$dir/err"
echo '{' >"$dir/first/checkpoint.json"
notify first --kind all
check "a damaged checkpoint is refused by its name" grep -q "first/checkpoint.json" "$dir/err"
notify fifth --kind nonsense
check "an unknown kind is refused" [ $? -eq 2 ]
notify fifth --webhook ftp://example.org
check "a webhook that is none is refused" [ $? -eq 2 ]
echo 'http://user:hunter2@127.0.0.1:1/T0KEN?key=T0KEN' >"$dir/url"
event Secret 7
notify sixth --from oldest --event Secret --count 1 --give-up 1 --webhook "@$dir/url"
check "a webhook's URL may be in a file" grep -q 'E-NOTE-01 webhook http://127.0.0.1:1 does not take' "$dir/err" || sed 's/^/# /' "$dir/err"
check "and its secrets are in no message" sh -c '! grep -rqE "hunter2|T0KEN" "$1" "$2"' - "$dir/err" "$dir/sixth"
event Word 8
MEDSYNC_KEY_PASSPHRASE=hunter2 MEDSYNC_KEY_PASSPHRASE_FILE=$dir/url notify sixth --kind all --count 1 -- sh -c 'env >"$1"' - "$dir/env"
check "a program is not given the passphrase of the user's key" sh -c '! grep -q PASSPHRASE "$1"' - "$dir/env"
notify fifth echo
check "a program stands behind --" [ $? -eq 2 ]
"$medsync" notify --dir "$net" --user nobody --state "$dir/fifth" >"$dir/out" 2>&1
check "an unknown user is refused at once" [ $? -eq 2 ]
finish
