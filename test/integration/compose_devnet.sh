#!/bin/sh
# docker-compose.devnet.yaml: the image is built from this tree, everything comes up healthy and contained, the scenario runs
# against the published ports, and whatever container is stopped or killed and started, nothing is lost. Under a project,
# a tag and ports of its own, which are gone afterwards; what docker keeps of the build makes the next one short. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
command -v docker >/dev/null || skip_all "no docker here"
docker version >/dev/null 2>&1 </dev/null || skip_all "docker doesn't answer"
if command -v docker-compose >/dev/null; then
    compose=docker-compose
elif docker compose version >/dev/null 2>&1; then
    compose='docker compose'
else
    skip_all "no docker-compose here"
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/medsync-compose.XXXXXX")
docker/base-image.sh >"$work/base" 2>&1 </dev/null || {
    reason=$(tail -n 1 "$work/base")
    rm -rf "$work"
    skip_all "no debian:bookworm-slim ($reason)"
}

export MEDSYNC_VERSION="test-$$" BUILD="${BUILD:-build/release}"
export COMPOSE="$compose -p medsync-test-$$ -f docker-compose.devnet.yaml"
image=medsync:$MEDSYNC_VERSION
medsync=$BUILD/bin/medsync
export MEDSYNC=$PWD/$medsync
net=$work/net
trap '$COMPOSE --profile setup down -v --remove-orphans >/dev/null 2>&1 </dev/null
docker rmi --no-prune "$image" >/dev/null 2>&1
rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# ten ports in a row where nobody listens
first=27050
taken() { # port
    grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6
}
while :; do
    port=$first
    while [ $port -lt $((first + 10)) ] && ! taken $port; do port=$((port + 1)); done
    [ $port -lt $((first + 10)) ] || break
    first=$((first + 10))
done
export MEDSYNC_PORTS="$first-$((first + 9))"

shows() { sed 's/^/# /' "$work/out" | tail -n "${1:-20}"; }
quietly() { "$@" >"$work/out" 2>&1 </dev/null; }

# ---- the image
check "the image is built" quietly $COMPOSE build || {
    shows 40
    finish
}
size() { docker image inspect -f '{{.Size}}' "$1"; }
above=$((($(size "$image") - $(size debian:bookworm-slim)) / 1000))
check "it is less than 60 MB above its base ($above kB)" [ $above -lt 60000 ]
inside() { docker run --rm --network none --read-only --entrypoint sh "$image" -c "$1"; }
check "its programs find their libraries" \
    [ -z "$(inside 'for p in medsync fcc-host ehr consent credentials probe; do ldd /usr/bin/$p; done' | grep 'not found')" ]
check "it is nobody's root" [ "$(inside 'id -u')" = 10001 ]
check "and has no compiler, no package lists, no logs" \
    [ -z "$(inside 'ls /usr/bin/gcc /usr/bin/make; find /var/lib/apt/lists /var/log -type f -size +0' 2>/dev/null)" ]
check "a label tells what it is" \
    [ "$(docker image inspect -f '{{index .Config.Labels "org.opencontainers.image.title"}}' "$image")" = MedSync ]

# ---- up, and the scenario; it stops and starts one organisation's chaincodes, then everything
(
    set -- compose_devnet
    . test/scenario/steps.sh
) || bad=1

# ---- whoever stops
check "everything starts again" quietly test/scenario/network.sh compose_devnet "$work" resume || {
    shows
    finish
}
contained() {
    docker inspect -f '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{ne .HostConfig.Memory 0}} {{.HostConfig.Privileged}}' \
        $($COMPOSE ps -a -q) | sort -u
}
check "all of them: a user, read-only, no capability, no new one, a limit" \
    [ "$(contained)" = '10001:10001 true [ALL] [no-new-privileges:true] true false' ]
check "what is published is this machine's" [ -z "$($COMPOSE ps | grep -E '(0\.0\.0\.0|\[?::\]?):[0-9]+->')" ]
height() { "$medsync" health --dir "$net" --json --wait 60 | grep -o '"height":[0-9]*' | sort -u; }
ask() { "$medsync" query --dir "$net" --user registrar1 credentials ListOrgs ''; }
before=$(height)
orgs=$(ask)
check "every peer has the same blocks" [ "$(echo "$before" | grep -c height)" = 1 ]
check "and what was registered" [ "$(echo "$orgs" | grep -c 4012345000016)" = 1 ]
settled() { test/scenario/network.sh compose_devnet "$work" settled; }
survive() { # how they end, services...
    how=$1
    shift
    quietly $COMPOSE "$how" "$@" && quietly $COMPOSE start "$@" && quietly settled && [ "$(height)" = "$before" ] &&
        [ "$(ask)" = "$orgs" ]
}
check "the devnet is killed and started: nothing is lost" survive kill devnet || shows
check "it is stopped and started" survive stop devnet || shows
check "one organisation's chaincodes are stopped and started" survive stop chaincodes-hospital || shows
check "all organisations' are killed and started" survive kill $($COMPOSE ps --services | grep '^chaincodes-') || shows
jobs() { quietly $COMPOSE up -d && quietly settled && [ "$(height)" = "$before" ]; }
check "jobs that run again change nothing" jobs || shows
finish
