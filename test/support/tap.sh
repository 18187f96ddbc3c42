# tap.sh: for tests in shell. check NAME COMMAND...; finish ends the script with the right status.
n=0 bad=0
trap 'exit 1' HUP INT TERM # by way of the script's trap at EXIT: dash ends at a signal without it

check() { # name, command that must succeed
    name=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $name"
        return 0
    fi
    echo "not ok $n - $name"
    bad=1
    return 1
}

# Both leave what the command said in $dir/out, and show it when it is not as it should be.
prints() { # text, command that succeeds...
    text=$1
    shift
    "$@" >"$dir/out" 2>&1 && grep -qF -- "$text" "$dir/out" && return
    sed 's/^/# /' "$dir/out"
    false
}
refused() { # text, command that fails...
    text=$1
    shift
    ! "$@" >"$dir/out" 2>&1 && grep -qF -- "$text" "$dir/out" && return
    sed 's/^/# /' "$dir/out"
    false
}

# A byte that is sure to be another one: what is written over it may have been there already, one time in 256.
changed() { # file, offset
    was=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $((was ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# kill -9 of what is no child of ours, until it is gone with its locks and ports: a zombie is, once its last thread has ended.
killed() { # process id
    kill -9 "$1"
    while kill -0 "$1" 2>/dev/null && ! { grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" &&
        [ "$(ls "/proc/$1/task" | wc -l)" -le 1 ]; } 2>/dev/null; do sleep 0.02; done
}

skip_all() { # reason
    echo "ok 1 - $(basename "$0") # SKIP $1"
    echo "1..1"
    exit 0
}

finish() {
    echo "1..$n"
    exit $bad
}
