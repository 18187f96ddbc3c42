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
beside="$compose -p medsync-beside-$$ -f docker-compose.devnet.yaml"
image=medsync:$MEDSYNC_VERSION next=medsync:next-$$
medsync=$BUILD/bin/medsync
export MEDSYNC=$PWD/$medsync
net=$work/net
trap '$COMPOSE --profile setup down -v --remove-orphans >/dev/null 2>&1 </dev/null
$beside down -v >/dev/null 2>&1 </dev/null
docker rmi --no-prune "$next" "$image" >/dev/null 2>&1
rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# twelve ports in a row where nobody listens, here and for a second project
taken() { # port
    grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6
}
first=27050
free_ports() { # from $first on, which becomes the first of them
    while :; do
        port=$first
        while [ $port -lt $((first + 12)) ] && ! taken $port; do port=$((port + 1)); done
        [ $port -lt $((first + 12)) ] || break
        first=$((first + 12))
    done
}
take_ports() {
    free_ports
    export MEDSYNC_PORTS="$first-$((first + 9))"
    export MEDSYNC_PORT_HOSPITAL_CUSTODIAN=$((first + 10)) MEDSYNC_PORT_CLINIC_CUSTODIAN=$((first + 11))
}

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

take_ports # at the last moment, since others take some too

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
# a record that isn't there: who has asked his own peer knows that
random_id() { od -An -v -N16 -tx1 /dev/urandom | tr -d ' \n'; }
custodian_says() { # MSP id, words
    "$BUILD/test-support/ask_custodian" "$net" doctor1 hospital "$1" "$(random_id)" "$(random_id)" >"$work/out" 2>&1
    grep -q "$2" "$work/out"
}
custodians_answer() { custodian_says HospitalMSP ' refused$' && custodian_says ClinicMSP ' refused$'; }
check "each custodian asks its own peer, and refuses what isn't granted" custodians_answer || shows
own_keys() { # of custodian-hospital: nothing of another organisation, no ledger, no peer's key
    $COMPOSE exec -T custodian-hospital sh -c 'grep -rl "PRIVATE KEY" / --include=*.key --include=priv_sk 2>/dev/null' >"$work/keys" </dev/null
    [ "$(wc -l <"$work/keys")" = 3 ] && ! grep -v 'custodian1@hospital\|custody/HospitalMSP.key' "$work/keys"
}
check "and has its own keys alone" own_keys || sed 's/^/# /' "$work/keys"
survive() { # how they end, services...
    how=$1
    shift
    quietly $COMPOSE "$how" "$@" && quietly $COMPOSE start "$@" && quietly settled && [ "$(height)" = "$before" ] &&
        [ "$(ask)" = "$orgs" ] && custodians_answer
}
check "the devnet is killed and started: nothing is lost" survive kill devnet || shows
check "it is stopped and started" survive stop devnet || shows
check "one organisation's chaincodes are stopped and started" survive stop chaincodes-hospital || shows
check "all organisations' are killed and started" survive kill $($COMPOSE ps --services | grep '^chaincodes-') || shows
quietly $COMPOSE kill custodian-hospital
without() { custodian_says HospitalMSP '^error: ' && custodian_says ClinicMSP ' refused$' && [ "$(ask)" = "$orgs" ]; }
check "without one organisation's custodian the others and the ledger go on, and readers are told" without || shows
check "it is started" survive start custodian-hospital || shows
check "both are stopped and started" survive stop custodian-hospital custodian-clinic || shows
crashes() { # by a signal that docker does not send
    kill -9 "$(docker inspect -f '{{.State.Pid}}' "$($COMPOSE ps -q custodian-clinic)")" && sleep 1 && quietly settled && custodians_answer
}
if [ "$(id -u)" = 0 ]; then
    check "one that crashes is started by docker" crashes || shows
else
    n=$((n + 1))
    echo "ok $n - one that crashes is started by docker # SKIP only root can kill its process"
fi
jobs_again() { quietly $COMPOSE up -d --no-build && quietly settled; }
jobs() { quietly $COMPOSE up -d && quietly settled && [ "$(height)" = "$before" ]; }
check "jobs that run again change nothing" jobs || shows

# ---- a new version of a chaincode, and back, each by the image that has it (docs/containers.md)
is_at() { # sequence, version
    quietly "$medsync" lifecycle committed appointments --dir "$net" --json && grep -q "\"sequence\":$1[,}]" "$work/out" &&
        grep -q "\"version\":\"$2\"" "$work/out"
}
not_here() { # upgrade|rollback
    ! quietly $COMPOSE exec -T devnet medsync "$1" --dir /var/lib/medsync/net appointments && grep -q 'E-DEP-18.*MEDSYNC_VERSION' "$work/out" &&
        is_at 1 1
}
check "medsync upgrade in a container changes nothing and tells the way" not_here upgrade || shows
check "so does rollback" not_here rollback || shows
sed '/name: appointments/,/sequence/s/version: "1"/version: "2"/' network/network.yaml >"$work/network.yaml"
printf 'FROM %s\nCOPY network.yaml /usr/share/medsync/network/network.yaml\n' "$image" >"$work/Dockerfile"
mkdir "$work/image" && mv "$work/network.yaml" "$work/Dockerfile" "$work/image"
check "an image with a chaincode's next version" quietly docker build -t "$next" "$work/image" || shows
upgrades() { MEDSYNC_VERSION=next-$$ $COMPOSE up -d --no-build >"$work/out" 2>&1 </dev/null && MEDSYNC_VERSION=next-$$ quietly settled; }
check "up with it" upgrades || shows
check "the channel has it as the next sequence" is_at 2 2 || shows
check "and what was registered" [ "$(ask)" = "$orgs" ]
check "up with the image of before" jobs_again || shows
check "has the definition of before, as the sequence after that" is_at 3 1 || shows
check "and what was registered" [ "$(ask)" = "$orgs" ]

# ---- beside it, another one
take_ports
two() {
    quietly $beside up -d --no-build devnet custodian-hospital custodian-clinic && tries=0 || return 1
    until [ "$(docker inspect -f '{{.State.Health.Status}}' $($beside ps -q devnet custodian-hospital custodian-clinic) | sort -u)" = healthy ]; do
        tries=$((tries + 1))
        [ $tries -lt 120 ] || return 1
        sleep 0.5
    done
}
check "a second project with other ports comes up beside it" two || shows
docker cp "$($beside ps -q devnet)":/var/lib/medsync/net "$work/beside" >/dev/null
check "and answers at them" quietly "$medsync" health --dir "$work/beside" || shows
check "while the first one goes on" [ "$(ask)" = "$orgs" ]
finish
