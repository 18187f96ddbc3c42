#!/bin/sh
# What ./run says and does before it installs something, with an apt-get that only writes down what it is asked.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-install.XXXXXX")
trap 'rm -rf "$dir"' EXIT
export TMPDIR="$dir" # ./run leaves the output of what has failed

mkdir "$dir/bin"
stub() { # name, text of a script
    printf '#!/bin/sh\n%s\n' "$2" >"$dir/bin/$1"
    chmod +x "$dir/bin/$1"
}
stub pkg-config 'exit 1' # no library is there
stub make 'echo "built $*"'
stub id 'echo 0'
stub apt-get 'echo "$*" >>"'"$dir"'/asked"
case $* in
*--assume-no*) cat <<PLAN
The following NEW packages will be installed:
  libgrpc-dev
0 upgraded, 12 newly installed, 0 to remove and 3 not upgraded.
Need to get 34.5 MB of archives.
After this operation, 210 MB of additional disk space will be used.
Do you want to continue? [Y/n] N
Abort.
PLAN
    exit 1 ;;
esac
[ ! -e "'"$dir"'/broken" ] || { echo "E: no such package"; exit 100; }'

run() { # arguments of ./run
    : >"$dir/asked"
    PATH="$dir/bin:$PATH" ./run "$@" >"$dir/out" 2>&1 </dev/null
}
installed() { grep -q '^install -y .*libgrpc-dev' "$dir/asked"; }
said() { grep -qF -- "$1" "$dir/out" || {
    sed 's/^/# /' "$dir/out"
    false
}; }

check "where nobody can be asked it installs" run deps
check "what is missing" installed
check "after it has said what" said "Missing, and to be had from Debian: libgrpc-dev"
check "and how many packages" said "12 packages, with what they need themselves"
check "and how much to download" said "34.5 MB of archives to download"
check "and how much that is on disk" said "210 MB on disk"
run --no-install test
check "--no-install ends with an error" [ $? -eq 1 ]
check "and asks apt-get nothing" [ ! -s "$dir/asked" ]
check "and says what to type" said "apt-get install --no-install-recommends libgrpc-dev"
check "and builds nothing" sh -c '! grep -q built "$1"' - "$dir/out"
run --wrong
check "an unknown option is named" said "run: --wrong: no such option"
: >"$dir/broken"
run test
check "when apt-get fails, its words are shown" said "E: no such package"
check "and nothing is built" sh -c '! grep -q built "$1"' - "$dir/out"
rm "$dir/broken"

if command -v script >/dev/null 2>&1; then
    at_terminal() { # answer, arguments
        : >"$dir/asked"
        answer=$1
        shift
        printf '%s\n' "$answer" | PATH="$dir/bin:$PATH" SHELL=/bin/sh script -qec "./run $*" /dev/null >"$dir/out" 2>&1
    }
    at_terminal n test
    check "at a terminal it asks" said "Go on? [Y/n]"
    check "and no is no" sh -c '! "$@"' - grep -q '^install' "$dir/asked"
    at_terminal y test
    check "and yes is yes" installed
    check "and then it goes on" said "built"
    at_terminal n --yes test
    check "--yes doesn't ask" installed
else
    n=$((n + 1))
    echo "ok $n - at a terminal # SKIP no program script here"
fi
finish
