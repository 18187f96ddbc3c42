# host.sh: for tests of fcc-host in shell, behind tap.sh. A folder $dir that goes away at the end, with the program probe in
# it; the ports $admin, $one, $two and $three; and what is asked of a host that runs.
build=${BUILD:-build/release}
host=$build/bin/fcc-host
client=$build/test-support/host_client
# as root, another user must be able to come to the program, which a private folder above it forbids
folder() { # in which
    dir=$(mktemp -d "$1/medsync-host.XXXXXX") && chmod 755 "$dir" || exit 1
}
folder "${TMPDIR:-/tmp}"
if [ "$(id -u)" -eq 0 ] && ! setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$dir"; then
    rmdir "$dir"
    folder /tmp
fi
host_pid=

cleanup() {
    [ -z "$host_pid" ] || kill -9 "$host_pid" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

install -m 755 "$build/bin/probe" "$dir/probe"
if [ "$(id -u)" -eq 0 ]; then
    as_user='user: 65534
  group: 65534'
else
    as_user='log_level: info'
fi
set -- $("$client" ports 4)
admin=$1 one=127.0.0.1:$2 two=127.0.0.1:$3 three=127.0.0.1:$4

start() { # file; the log is $dir/log
    "$host" "$1" >"$dir/log" 2>&1 &
    host_pid=$!
}

until_true() { # command...: within a minute
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 1200 ]; then
            sed 's/^/# /' "$dir/log"
            return 1
        fi
        sleep 0.05
    done
}

ready() { [ "$("$client" get "$admin" /readyz | head -n 1)" = 200 ]; }
not_ready() { [ "$("$client" get "$admin" /readyz | head -n 1)" = 503 ]; }
metric() { # name and labels as they are written: its number
    "$client" get "$admin" /metrics | sed -n "s/^$1 //p"
}
field() { # chaincode, field: of /status
    "$client" get "$admin" /status | sed -n "/\"name\": \"$1\"/,/}/s/.*\"$2\": \"\{0,1\}\([^\",]*\).*/\1/p"
}
logged() { grep -q "$1" "$dir/log"; }
is() { # value, expected
    [ "$1" = "$2" ] && return 0
    echo "# expected $2, it is $1"
    return 1
}
is_there() { [ -e "$1" ]; }
restarted() { [ "$(field "$1" restarts)" = "$2" ] && ready; }
ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null; }
exit_status() { # of the host
    wait "$host_pid"
    code=$?
    host_pid=
    is "$code" "$1"
}
