#!/bin/sh
# make base-image where something is missing: docker, its daemon, debootstrap, root. With stand-ins for them on PATH, so that
# nothing is made here; compose_devnet.sh uses the real ones. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-standins.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

mkdir "$dir/bin"
for tool in sh tail sed mktemp rm dirname timeout; do ln -s "$(command -v $tool)" "$dir/bin/$tool"; done
has() { # tool, what it does
    printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$dir" "$2" >"$dir/bin/$1"
    chmod 755 "$dir/bin/$1"
}
base() { PATH=$dir/bin BASE_IMAGE=stand:in docker/base-image.sh; }
called() { grep -q -- "$1" "$dir/calls"; }

check "without docker it says what to install" refused 'no docker command here: install docker.io' base
has docker 'echo "Cannot connect to the Docker daemon. Is it running?" >&2; exit 1'
check "a daemon that doesn't answer is told with its words" \
    refused "docker doesn't answer: Cannot connect to the Docker daemon. Is it running?; start its daemon" base
has docker 'exit 0'
: >"$dir/calls"
check "an image that is there is left alone" prints 'stand:in is there' base
check "and not pulled" [ "$(grep -c pull "$dir/calls")" = 0 ]
has docker '[ "$1" != image ]'
check "one that can be pulled is" prints 'stand:in was pulled' base
check "by its name" called 'docker pull stand:in'
has docker 'case $1 in image) exit 1 ;; pull) echo "no such host"; exit 1 ;; esac'
check "otherwise it is made by debootstrap, which has to be there" \
    refused "can't be pulled (no such host), so it is made here" base
check "the message tells how to get it" refused 'which is not here: apt-get install debootstrap' base
has debootstrap 'echo "E: no such mirror"; exit 1'
has id 'echo 1000'
check "and root" refused 'debootstrap needs root: sudo make base-image' base
has id 'echo 0'
check "what debootstrap says is passed on" refused 'E: no such mirror' env DEBIAN_MIRROR=http://nowhere.invalid/debian TMPDIR="$dir" PATH="$dir/bin" \
    BASE_IMAGE=stand:in docker/base-image.sh
check "which has asked the mirror that was named" called 'bookworm .*/root http://nowhere.invalid/debian'
check "and leaves nothing" [ "$(find "$dir" -name 'medsync-base.*' | wc -l)" = 0 ]
finish
