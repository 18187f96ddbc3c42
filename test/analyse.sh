#!/bin/sh
# What clang's analyser says of each source file, and shellcheck of each script. Slow (minutes), so it tells how far it is;
# part of `make check-all`. The last line is "N passed, N failed, N skipped", in files; what is not installed is skipped once.
#
# The analyser sees one file at a time. What follows a value through a call takes each answer of a function in another file
# for possible, and is wrong nearly always where a status says whether an output is set: the sanitizers look after that.
# Of shellcheck, warnings count and notes on style don't. It cannot know what goes between a script and those that it sources
# (SC2034, SC2154) nor who is called by name with arguments (SC2120); the words of a command's output are words on purpose
# (SC2046).
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-analyse.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0 skipped=0

# Several run at once: what is found in a file lies under its name.
look() { # who looks, list of files, command with its options...
    who=$1 files=$2
    shift 2
    rm -rf "$dir/found" && mkdir "$dir/found"
    total=$(wc -l <"$files") begun=0 bad=0
    while [ "$begun" -lt "$total" ]; do
        sed -n "$((begun + 1)),$((begun + 40))p" "$files" | FOUND=$dir/found xargs -P "$(nproc)" -I{} sh -c '
            file=$1 found=$FOUND/$(printf %s "$1" | tr / :)
            shift
            "$@" "$file" >"$found" 2>&1 || {
                status=$?
                [ -s "$found" ] || echo "it ended with status $status and said nothing" >"$found"
            }' sh {} "$@"
        begun=$((begun + 40))
        [ "$begun" -ge "$total" ] || printf '        %s: %d of %d files\n' "$who" "$begun" "$total"
    done
    while read -r file; do
        found=$dir/found/$(printf %s "$file" | tr / :)
        if [ ! -e "$found" ] || [ -s "$found" ]; then
            printf '  FAIL  %s: %s\n' "$who" "$file"
            sed 's/^/        /' "$found"
            bad=$((bad + 1))
        fi
    done <"$files"
    [ "$bad" -gt 0 ] || printf '  ok    %s: nothing in %d files\n' "$who" "$total"
    passed=$((passed + total - bad)) failed=$((failed + bad))
}
is_missing() { # command and Debian package, which have the same name
    ! command -v "$1" >/dev/null && skipped=$((skipped + 1)) && printf '  skip  %s is not installed (package %s)\n' "$1" "$1"
}

if ! is_missing clang; then
    find shim network chaincode protos -name '*.c' | LC_ALL=C sort >"$dir/sources"
    flags=$(pkg-config --cflags grpc libprotobuf-c libcrypto yaml-0.1 lmdb jansson libarchive zlib libmicrohttpd libcurl)
    # shellcheck disable=SC2086 # options, one word each
    look "clang's analyser" "$dir/sources" clang --analyze -Xclang -analyzer-output=text -Xclang -analyzer-disable-checker \
        -Xclang core.CallAndMessage,core.NonNullParamChecker,core.NullDereference,core.UndefinedBinaryOperatorResult \
        -Xclang -analyzer-disable-checker -Xclang core.uninitialized,core.StackAddressEscape,unix.Malloc,unix.cstring.NullArg \
        -std=c11 -D_GNU_SOURCE -Ishim/include -Ishim -Inetwork \
        -Ichaincode -I. -I"$build/gen" $flags -o /dev/null
fi
if ! is_missing shellcheck; then
    { find test docs docker -name '*.sh' 2>/dev/null; ls run .ci/run; } | LC_ALL=C sort >"$dir/scripts"
    look shellcheck "$dir/scripts" shellcheck -x -s sh -S warning -e SC2034,SC2046,SC2120,SC2154
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
