#!/bin/sh
# docker-compose.yaml: the consortium on Fabric's images, unchanged, with the releases of FABRIC_VERSIONS (2.5 3.1) that there
# are images of: it comes up, is what it says, and carries the scenario with nodes stopped in the middle. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=$PWD/${BUILD:-build/release}
export MEDSYNC=$build/bin/medsync
export COMPOSE_PROJECT_NAME=medsync-test COMPOSE_FILE=$PWD/docker-compose.yaml
command -v docker-compose >/dev/null && docker info >/dev/null 2>&1 || skip_all "no docker-compose, or Docker does not run"
versions=
for version in ${FABRIC_VERSIONS:-2.5 3.1}; do
    docker image inspect "hyperledger/fabric-peer:$version" "hyperledger/fabric-orderer:$version" >/dev/null 2>&1 &&
        versions="$versions $version"
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
own_keys() { # no container that stays has a key of another organisation, or of a person
    for id in $(each); do
        docker exec "$id" find / -xdev \( -name '*.key' -o -name priv_sk \) >"$dir/keys" 2>/dev/null
        docker inspect --format '{{range .Mounts}}{{println .Name}}{{end}}' "$id" >"$dir/mounts"
        [ "$(sed 's/-ledger$//; s/orderer[0-9]$/orderer/' "$dir/mounts" | grep -v '^$' | sort -u | wc -l)" = 1 ] || return 1
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

for FABRIC_VERSION in $versions; do
    export FABRIC_VERSION
    mkdir -p "$dir"
    rm -rf "$dir/net"
    $network up 2>"$dir/err" || {
        check "Fabric $FABRIC_VERSION comes up" false || sed 's/^/# /' "$dir/err"
        continue
    }
    check "Fabric $FABRIC_VERSION: three orderers, nine peers and nine hosts of chaincodes are healthy" all_healthy
    check "they run without root, capabilities and anything to write to but their volume" confined
    check "each with the volume of one organisation" own_keys
    check "a second deploy changes nothing" again
    check "every peer has the same blocks" in_step

    # the inspectorate, which an update has added to the channel
    inspect='--user auditor2 --org Inspector'
    check "an inspector reads on the inspectorate's peer" refused "unknown function" query $inspect credentials Nothing
    check "and sees what is deployed" prints credentials lifecycle committed $inspect
    check "what an inspector submits is refused by the orderers" refused FORBIDDEN \
        invoke $inspect --endorse Regulator,Hospital credentials org.hyperledger.fabric:GetMetadata
    # which goes on with the network as it is, `up` being nothing new to it
    SCENARIO_DIR=$dir sh -c '. test/support/tap.sh; set -- compose; . test/scenario/steps.sh' || bad=1
done
finish
