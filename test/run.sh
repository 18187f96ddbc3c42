#!/bin/sh
# Runs every test program and script, and adds up what they say. Each speaks TAP; the last line is
# "N passed, N failed, N skipped", with the reason of each skip above it. With arguments: the test programs in these folders
# of BUILD/test and these scripts alone.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/release}
export MEDSYNC_SHARED="${MEDSYNC_SHARED:-$PWD/../shared}" BUILD
out=$BUILD/test-output
mkdir -p "$out"
passed=0 failed=0 skipped=0
: >"$out/failures"

run_one() { # name, command...
    name=$1
    shift
    log=$out/$(printf '%s' "$name" | tr / _).log
    CMOCKA_MESSAGE_OUTPUT=tap "$@" >"$log" 2>&1 </dev/null
    status=$?
    # cmocka writes a skipped test as "not ok N # SKIP name"
    results=$(grep -aE '^[[:space:]]*(not )?ok [0-9]' "$log")
    s=$(printf '%s\n' "$results" | grep -aciE '# skip')
    p=$(printf '%s\n' "$results" | grep -aviE '# skip' | grep -acE '^[[:space:]]*ok ')
    f=$(printf '%s\n' "$results" | grep -aviE '# skip' | grep -acE '^[[:space:]]*not ok ')
    # a program that died, or said nothing, failed once more than it could say
    if [ "$f" -eq 0 ] && { [ "$status" -ne 0 ] || [ $((p + s)) -eq 0 ]; }; then
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$f" -gt 0 ]; then
        printf '  FAIL  %s (exit status %d)\n' "$name" "$status"
        # the first that failed tells the cause of the others, the last lines what a program died of
        grep -avE '^[[:space:]]*ok\b' "$log" | awk '
            NR <= 60 { print; next }
            { last[NR % 40] = $0 }
            END {
                if (NR > 100) print "... " NR - 100 " lines more ..."
                for (i = NR > 100 ? NR - 39 : 61; i <= NR; i++) print last[i % 40]
            }' | sed 's/^/        /'
        printf '%s\n' "$name" >>"$out/failures"
    else
        printf '  ok    %s: %d passed%s\n' "$name" "$p" "$([ "$s" -gt 0 ] && printf ', %d skipped' "$s")"
    fi
    # what a program remarks, and the reasons that scripts give behind "ok N # SKIP"
    [ "$f" -gt 0 ] || sed -nE -e '/^# (ok|not ok|[0-9])/d' -e '/^# /p' -e 's/^ok [0-9]+.*# SKIP (.*)/# skip: \1/p' "$log" |
        sed 's/^/        /'
}

programs='' scripts=''
for what; do
    case $what in
    *.sh) scripts="$scripts $what" ;;
    *) programs="$programs $BUILD/test/$what" ;;
    esac
done
if [ $# -eq 0 ]; then
    programs=$BUILD/test
    scripts=$(find test/check test/conformance test/integration -name '*.sh' | LC_ALL=C sort)
fi
# shellcheck disable=SC2086 # folders, one word each
for t in ${programs:+$(find $programs -type f -perm -u+x 2>/dev/null | LC_ALL=C sort)}; do
    name=${t#"$BUILD"/test/}
    case $t in
    */test_*) [ -e "test/unit/$name.c" ] || continue ;; # left over from a test that is gone
    esac
    run_one "$name" "$t"
done
for t in $scripts; do
    run_one "${t#test/}" sh "$t" # whether or not its mode says that it can be run
done

if [ -s "$out/failures" ]; then
    printf '\nfailed: %s\n' "$(tr '\n' ' ' <"$out/failures")"
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
