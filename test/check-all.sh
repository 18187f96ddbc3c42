#!/bin/sh
# What takes long, for `make check-all`: part after part, each to its end whatever the one before has found, and at last what
# each said and how long it took. The last line is "N passed, N failed, N skipped" of all of them; fails when one has failed.
#
#   test/check-all.sh [PART...]     check, asan, tsan, analyse; all of them without an argument
#
#   check     layers, headers, format, the installed library: make check
#   asan      unit tests and fuzz targets' corpora under the address and undefined-behaviour sanitizers
#   tsan      the shim's unit tests under the thread sanitizer (gRPC's own code is not built for it)
#   analyse   clang's analyser over each source file, shellcheck over each script
set -u
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make} CC=${CC:-gcc} BUILD=${BUILD:-build/release}
export CC BUILD
jobs=-j$(nproc 2>/dev/null || echo 2)
out=build/check-all
mkdir -p "$out"
trap 'exit 1' INT TERM

parts=${*:-check asan tsan analyse}
for part in $parts; do
    case $part in
    check | asan | tsan | analyse) ;;
    *)
        echo "check-all: $part: no such part; there are check, asan, tsan and analyse" >&2
        exit 2
        ;;
    esac
done

# ---- what is not installed, before half an hour has gone ----------------------------------------------------------------
lacks= # "asan tsan", as far as the compiler cannot link them
for part in $parts; do
    case $part in asan) of=address,undefined ;; tsan) of=thread ;; *) continue ;; esac
    if ! echo 'int main(void) { return 0; }' | "$CC" "-fsanitize=$of" -x c - -o "$out/probe" >/dev/null 2>&1; then
        lacks="$lacks $part"
        echo "check-all: $CC cannot link -fsanitize=$of (package libgcc-12-dev for gcc, libclang-rt-14-dev for clang): $part is skipped"
    fi
    rm -f "$out/probe"
done
tool() { # command, package
    command -v "$1" >/dev/null || echo "check-all: no $1 (package $2): what it looks at is skipped"
}
case " $parts " in *' check '*) tool clang-format clang-format-14 && tool c++ g++ ;; esac
case " $parts " in *' analyse '*) tool clang clang && tool shellcheck shellcheck ;; esac

# ---- the parts: what each prints ends with a line as the last one of all ----------------------------------------------------
build() { "$MAKE" --no-print-directory MEDSYNC_DEPS=done "$jobs" CC="$CC" "$@"; }
part_check() { build all && test/run.sh test/check/*.sh; }
part_asan() {
    build VARIANT=asan unit-tests && BUILD=build/asan test/run.sh shim network chaincode protos conformance fuzz
}
part_tsan() {
    build VARIANT=tsan shim-tests &&
        BUILD=build/tsan TSAN_OPTIONS="ignore_noninstrumented_modules=1 ${TSAN_OPTIONS:-}" test/run.sh shim
}
part_analyse() { build all && test/analyse.sh; }

passed=0 failed=0 skipped=0
: >"$out/summary"
for part in $parts; do
    printf '\n== %s\n' "$(sed -n "s/^#   $part  *//p" "$0")"
    begun=$(date +%s)
    case " $lacks " in
    *" $part "*)
        said='0 passed, 0 failed, 1 skipped' status=0
        ;;
    *)
        { "part_$part"; echo $? >"$out/status"; } 2>&1 | tee "$out/$part.log"
        status=$(cat "$out/status")
        # a part that could not be built, or died, failed once more than it could say
        said=$(tail -n 1 "$out/$part.log" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') ||
            said='0 passed, 1 failed, 0 skipped'
        ;;
    esac
    took=$(($(date +%s) - begun))
    # shellcheck disable=SC2086 # six words
    set -- $said
    passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
    if [ "$status" -eq 0 ] && [ "$3" -eq 0 ]; then word=ok; else word=FAIL; fi
    [ "$word$1" != ok0 ] || word=skip
    printf '  %-5s %-8s %3d min %02d s  %s\n' $word "$part" $((took / 60)) $((took % 60)) "$said" >>"$out/summary"
done
printf '\n== what each said, in whole below %s\n' "$out"
cat "$out/summary"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
! grep -q '^  FAIL' "$out/summary"
