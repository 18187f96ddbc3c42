# fabric.sh: a network of real Fabric for tests in shell, with tap.sh. $medsync is the program, $dir the test's folder; the
# network lives in $dir/net.

fabric_here() { command -v orderer >/dev/null && command -v peer >/dev/null; }

fabric_up() { # network file
    "$medsync" fabric up --dir "$dir/net" --network "$1" --ports auto --detach >"$dir/out" 2>&1 && return
    sed 's/^/# /' "$dir/out"
    tail -n 5 "$dir/net/log/"*.log | sed 's/^/# /'
    false
}

pid_of() { grep -A 2 "\"$1\"" "$dir/net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'; }

try_for_a_minute() { # command, which says into $dir/said what is wrong
    i=0
    until "$@"; do
        i=$((i + 1))
        [ $i -lt 60 ] || {
            sed 's/^/# /' "$dir/said"
            return 1
        }
        sleep 1
    done
}

fabric_cleanup() {
    "$medsync" fabric down --dir "$dir/net" >/dev/null 2>&1
    rm -rf "$dir"
}
