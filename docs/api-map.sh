#!/bin/sh
# Prints docs/api-map.md. It is made from
#
#   docs/api-map.tsv    Go call, C call, message on the wire, operation of the probe, note: a row a call
#   docs/api-map.cases  operation of the probe, and the names of the recorded cases that use it
#   shim/include/fcc/   which statuses a call gives
#   test/conformance/recordings/  where the operation or the message was recorded
#
#   docs/api-map.sh >docs/api-map.md
#   docs/api-map.sh cases <cases.jsonl >docs/api-map.cases    from a list of cases in ../shared's form
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = cases ]; then
    awk '
    match($0, /"name": *"[^"]*"/) {
        name = substr($0, RSTART, RLENGTH)
        sub(/"name": *"/, "", name)
        sub(/"$/, "", name)
        rest = $0
        while (match(rest, /\[\\"[A-Z][A-Za-z]*\\"/)) {
            op = substr(rest, RSTART + 3, RLENGTH - 5)
            rest = substr(rest, RSTART + RLENGTH)
            if (!((op, name) in seen)) {
                seen[op, name] = 1
                cases[op] = cases[op] (op in cases && cases[op] != "" ? " " : "") name
            }
        }
    }
    END { for (op in cases) print op "\t" cases[op] }' | LC_ALL=C sort
    exit 0
fi

cat <<'HEAD'
# Go's calls and ours

Made by `docs/api-map.sh`; `test/check/api_map.sh` holds it to the headers. Go is fabric-chaincode-go v2.3.0: `stub` is `ChaincodeStubInterface`, `cid` and `statebased` are its packages.

Statuses are what can come besides `FCC_OK`, and besides `FCC_ERR_NOMEM` and `FCC_ERR_LIMIT`, which any call can give. Calls that send a message can give what `fcc_get_state` can. A dash: none, or no status at all. Cases are those of the recordings of real Fabric 2.5 and 3.1 networks that use the call, each replayed byte for byte; behind "in", the folders of `test/conformance/recordings` that have it.

| Go | C | message | statuses | cases | note |
|---|---|---|---|---|---|
HEAD

# what each declaration returns, and the statuses that its comment names
declared() {
    cat shim/include/fcc/*.h | awk '
    /^\/\*|^ \*/ { comment = (/^\/\*/ ? "" : comment) " " $0; next }
    /^FCC_API/ { text = ""; on = 1 }
    on { text = text " " $0 }
    on && /;/ {
        on = 0
        name = text
        sub(/^.*FCC_API */, "", name)
        returns = name !~ /fcc_status +fcc_/ ? "value" : name ~ /fcc_bytes [a-z]|const fcc_bytes \*[a-z]/ ? "checked" : "status"
        match(name, /fcc_[a-z0-9_]+ *\(/)
        name = substr(name, RSTART, RLENGTH - 1)
        list = ""
        rest = comment
        while (match(rest, /FCC_ERR_[A-Z_]+/)) {
            s = substr(rest, RSTART + 4, RLENGTH - 4)
            rest = substr(rest, RSTART + RLENGTH)
            if (index(" " list " ", " " s " ") == 0 && s != "ERR_NOMEM" && s != "ERR_LIMIT")
                list = list (list == "" ? "" : " ") s
        }
        print name "\t" returns "\t" list
        comment = ""
    }
    /^$/ { comment = "" }'
}

# operation or message, and the folders that have it
recorded() {
    for folder in test/conformance/recordings/*/; do
        [ -e "$folder/transcript.txt" ] || continue
        name=$(basename "$folder" | sed 's/-[0-9.]*$//')
        awk '{ print $3 }' "$folder/transcript.txt" | LC_ALL=C sort -u | sed "s/\$/	$name/"
        [ ! -e "$folder/calls.txt" ] || grep -oE '\["[A-Z][A-Za-z]+"|\[\\"[A-Z][A-Za-z]+\\"' "$folder/calls.txt" |
            tr -d '[\\"' | LC_ALL=C sort -u | sed "s/\$/	$name/"
    done | LC_ALL=C sort -u
}

{
    declared | sed 's/^/D	/'
    recorded | sed 's/^/R	/'
    sed 's/^/C	/' docs/api-map.cases
    sed 's/^/T	/' docs/api-map.tsv
} | awk -F '\t' '
function statuses(name, message,   list, n, i, all, out) {
    if (!(name in returns) || returns[name] == "value")
        return "–"
    list = named[name]
    if (message != "-" && message != "INIT" && message != "TRANSACTION" && message != "REGISTER")
        list = (returns[name] == "checked" ? "ERR_ARG " : "") "ERR_PEER ERR_PROTO ERR_IO " list
    n = split(list, all, " ")
    out = ""
    for (i = 1; i <= n; i++)
        if (index(" " out " ", " " all[i] " ") == 0)
            out = out (out == "" ? "" : " ") all[i]
    return out == "" ? "–" : out
}
$1 == "D" { returns[$2] = $3; named[$2] = $4; next }
$1 == "R" { folders[$2] = folders[$2] (folders[$2] == "" ? "" : " ") $3; next }
$1 == "C" { cases[$2] = $3; next }
{
    go = $2 == "-" ? "–" : "`" $2 "`"
    c = $3 == "-" ? "–" : "`" $3 "`"
    where = $5 != "-" ? folders[$5] : (message_only($4) ? "" : folders[$4])
    tests = $5 != "-" ? cases[$5] : ""
    n = split(tests, list, " ")
    if (n > 8) {
        tests = ""
        for (i = 1; i <= 8; i++)
            tests = tests (i > 1 ? " " : "") list[i]
        tests = tests " and " (n - 8) " more"
    }
    printf "| %s | %s | %s | %s | %s%s%s | %s |\n", go, c, $4 == "-" ? "–" : $4, statuses($3, $4), \
        tests == "" && where == "" ? "–" : tests, where == "" ? "" : tests == "" ? "in " : "; in ", where, $6
}
function message_only(m) { return m == "-" }'
