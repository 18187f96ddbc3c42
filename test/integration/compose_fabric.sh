#!/bin/sh
# docker-compose.yaml: the consortium on Fabric's images, unchanged: it comes up, is what it says, and carries the scenario
# with nodes stopped in the middle. With 3.1, which goes on with what 2.5 has left where there are images of both; or with each
# release of FABRIC_VERSIONS. Some minutes each. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=$PWD/${BUILD:-build/release}
export MEDSYNC=$build/bin/medsync
export COMPOSE_PROJECT_NAME=medsync-test COMPOSE_FILE=$PWD/docker-compose.yaml
command -v docker-compose >/dev/null && docker info >/dev/null 2>&1 || skip_all "no docker-compose, or Docker does not run"
images() { # of this release
    docker image inspect "hyperledger/fabric-peer:$1" "hyperledger/fabric-orderer:$1" >/dev/null 2>&1
}
versions=
for version in ${FABRIC_VERSIONS:-2.5 3.1}; do
    images "$version" && versions="$versions $version"
done
[ -n "$versions" ] || skip_all "no images hyperledger/fabric-peer and -orderer of ${FABRIC_VERSIONS:-2.5 or 3.1}"
docker image inspect "medsync:${MEDSYNC_VERSION:-0.1.0}" >/dev/null 2>&1 ||
    skip_all "no image medsync:${MEDSYNC_VERSION:-0.1.0}: make image"
taken=$(docker ps --format '{{.Ports}}' | grep -c '127.0.0.1:7051->')
[ "$taken" = 0 ] || skip_all "another network has published port 7051"

dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-compose.XXXXXX")
network="$PWD/test/scenario/network.sh compose $dir"
trap '$network down >/dev/null 2>&1; $network remove; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
said() { sed 's/^/# /' "$dir/out"; }
m() { # command...: on this machine, by the published ports
    command=$1
    shift
    "$MEDSYNC" "$command" --dir "$dir/net" "$@" >"$dir/out" 2>&1
}
prints() { # text, command...
    text=$1
    shift
    m "$@" && grep -qF -- "$text" "$dir/out" && return 0
    said
    return 1
}
refused() { # text, command...
    text=$1
    shift
    ! m "$@" && grep -qF -- "$text" "$dir/out" && return 0
    said
    return 1
}
each() { docker ps -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"; }
all_healthy() {
    tries=0
    while docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Status}}' | grep -v '(healthy)' >"$dir/out"; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || return 1
        sleep 1
    done
    [ "$(each | wc -l)" = 21 ]
}
again() { docker-compose run --rm deploy deploy --dir=/consortium >"$dir/out" 2>&1 && grep -q "^nothing to do" "$dir/out" || said; }
confined() { # every container: not root, nothing to write to but its own, no capability
    for id in $(each); do
        [ "$(docker exec "$id" id -u)" = 10001 ] || return 1
        ! docker exec "$id" touch /etc/medsync-was-here 2>/dev/null || return 1
        docker exec "$id" cat /proc/1/status | grep -q '^CapEff:.*0000000000000000$' || return 1
        docker exec "$id" cat /proc/1/status | grep -q '^NoNewPrivs:.*1$' || return 1
    done
}
own_keys() { # a part and a ledger of one organisation is all that a container has beside its image
    for id in $(each); do
        docker inspect --format '{{range .Mounts}}{{println .Name}}{{end}}' "$id" >"$dir/mounts"
        [ "$(sed 's/-ledger$//; s/-part$//; s/orderer[0-9]$/orderer/' "$dir/mounts" | grep -v '^$' | sort -u | wc -l)" = 1 ] || return 1
    done
}
heights() { m health --json && [ "$(tr -d ' \n' <"$dir/out" | grep -o '"height":[0-9]*' | sort -u | wc -l)" = 1 ]; }
in_step() { # every organisation's peer has the same blocks
    tries=0
    until heights; do
        tries=$((tries + 1))
        [ $tries -lt 30 ] || return 1
        sleep 1
    done
}

comes_up() {
    $network up 2>"$dir/err" || {
        sed 's/^/# /' "$dir/err"
        return 1
    }
}
height() { m channel info --json && tr -d ' \n' <"$dir/out" | sed 's/.*"height":\([0-9]*\).*/\1/'; }
broadcasts() { "$build/test-support/fabric_client" "$dir/net" orderer 4/auditor2 broadcast 3 >"$dir/out" 2>&1; }
refuses_broadcast() {
    ! broadcasts
    grep -q FORBIDDEN "$dir/out" || { said; false; }
}

[ -n "${FABRIC_VERSIONS:-}" ] || [ "$versions" != " 2.5 3.1" ] || {
    export FABRIC_VERSION=2.5
    check "Fabric 2.5 comes up" comes_up
    before=$(height)
    versions=3.1
}
for FABRIC_VERSION in $versions; do
    export FABRIC_VERSION
    mkdir -p "$dir"
    check "Fabric $FABRIC_VERSION comes up" comes_up || continue
    [ -z "${before:-}" ] || check "with the blocks that 2.5 has left" [ "$(height)" -ge "$before" ]
    check "three orderers, nine peers and nine hosts of chaincodes are healthy" all_healthy
    check "they run without root, capabilities and anything to write to but their volume" confined
    check "each with the volumes of one organisation" own_keys
    check "a second deploy changes nothing" again
    check "every peer has the same blocks" in_step

    # the inspectorate, which an update has added to the channel
    inspect='--user auditor2 --org Inspector'
    check "an inspector reads on the inspectorate's peer" refused "unknown function" query $inspect credentials Nothing
    check "and sees what is deployed" prints credentials lifecycle committed $inspect
    check "what an inspector submits is refused by the orderers" refused FORBIDDEN \
        invoke $inspect --endorse Regulator,Hospital credentials org.hyperledger.fabric:GetMetadata
    check "so is what goes to an orderer directly" refuses_broadcast

    # which goes on with the network as it is, `up` being nothing new to it
    SCENARIO_DIR=$dir sh -c '. test/support/tap.sh; set -- compose; . test/scenario/steps.sh' || bad=1
done
finish
