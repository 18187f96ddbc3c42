#!/bin/sh
# docker-compose.yaml: the consortium on Fabric's images, unchanged: it comes up, is what it says, and carries the scenario
# with nodes stopped in the middle. With 3.1, which goes on with what 2.5 has left where there are images of both; or with each
# release of FABRIC_VERSIONS. Some minutes each. Our own image is built from this tree; it, the project and the ports are this
# run's own, and gone afterwards. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
build=$PWD/${BUILD:-build/release}
export MEDSYNC=$build/bin/medsync
export COMPOSE_PROJECT_NAME="medsync-test-$$" COMPOSE_FILE=$PWD/docker-compose.yaml MEDSYNC_VERSION="test-$$"
command -v docker-compose >/dev/null && docker info >/dev/null 2>&1 || skip_all "no docker-compose, or Docker does not run"
images() { # of this release
    docker image inspect "hyperledger/fabric-peer:$1" "hyperledger/fabric-orderer:$1" >/dev/null 2>&1
}
versions=
for version in ${FABRIC_VERSIONS:-2.5 3.1}; do
    images "$version" && versions="$versions $version"
done
[ -n "$versions" ] || skip_all "no images hyperledger/fabric-peer and -orderer of ${FABRIC_VERSIONS:-2.5 or 3.1}"
reason=$(docker/base-image.sh 2>&1 </dev/null) || skip_all "no debian:bookworm-slim ($(printf '%s\n' "$reason" | tail -n 1))"
# ports of its own, all as far above the usual ones
usual=$(sed -n 's/.*{MEDSYNC_PORT_\([A-Z0-9_]*\):-\([0-9]*\)}.*/\1=\2/p' docker-compose.yaml)
taken() { # port
    grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6
}
take_ports() {
    above=10000
    while [ $above -lt 17000 ]; do
        free=1
        for port in $usual; do taken $((${port#*=} + above)) && free=0; done
        [ $free = 0 ] || break
        above=$((above + 100))
    done
    for port in $usual; do export "MEDSYNC_PORT_${port%=*}=$((${port#*=} + above))"; done
}
take_ports

dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-compose.XXXXXX")
network="$PWD/test/scenario/network.sh compose $dir"
trap '$network down >/dev/null 2>&1; $network remove; docker rmi --no-prune "medsync:next-$$" "medsync:$MEDSYNC_VERSION" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
said() { # what the last command said; false
    sed 's/^/# /' "$dir/out"
    false
}
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
    [ "$(each | wc -l)" = 23 ]
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
own_keys() { # parts and a ledger of one organisation is all that a container has beside its image
    for id in $(each); do
        docker inspect --format '{{range .Mounts}}{{println .Name}}{{end}}' "$id" >"$dir/mounts"
        [ "$(sed 's/-ledger$//; s/-part$//; s/-custodian$//; s/orderer[0-9]$/orderer/' "$dir/mounts" | grep -v '^$' | sort -u | wc -l)" = 1 ] || return 1
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

# a record that isn't there: a custodian knows that from its own peer
random_id() { od -An -v -N16 -tx1 /dev/urandom | tr -d ' \n'; }
custodian_says() { # MSP id, words
    "$build/test-support/ask_custodian" "$dir/net" doctor1 hospital "$1" "$(random_id)" "$(random_id)" >"$dir/out" 2>&1
    grep -q "$2" "$dir/out" || said
}
one() { docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=$1.medsync.example"; }
without_custodian() {
    docker kill "$(one custodian.hospital)" >/dev/null
    custodian_says HospitalMSP '^error: ' && custodian_says ClinicMSP ' refused$'
}
custodian_again() { docker start "$(one custodian.hospital)" >/dev/null && all_healthy && custodian_says HospitalMSP ' refused$'; }
peer_away() {
    docker stop -t 30 "$(one peer0.clinic)" >/dev/null
    custodian_says ClinicMSP '^error: .*own peer does not answer' && custodian_says HospitalMSP ' refused$'
}
peer_again() { docker start "$(one peer0.clinic)" >/dev/null && all_healthy && in_step && custodian_says ClinicMSP ' refused$'; }

# a chaincode's next version, and back, each by the image that has it (docs/deploying.md)
up_with() { # image's tag
    MEDSYNC_VERSION=$1 docker-compose up -d --no-build >"$dir/out" 2>&1 && [ "$(docker wait "$(one_job deploy)")" = 0 ] && all_healthy && return
    docker logs --tail=20 "$(one_job deploy)" >>"$dir/out" 2>&1
    said
}
one_job() { docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=$1"; }
is_at() { # sequence, version
    m lifecycle committed appointments --json && grep -q "\"sequence\":$1[,}]" "$dir/out" && grep -q "\"version\":\"$2\"" "$dir/out" || said
}
sequence() { m lifecycle committed appointments --json && tr -d ' \n' <"$dir/out" | sed 's/.*"sequence":\([0-9]*\).*/\1/'; }
built() { docker-compose build volumes >"$dir/out" 2>&1 || { tail -n 30 "$dir/out" | sed 's/^/# /'; false; }; }
next_image() {
    mkdir -p "$dir/image"
    sed '/name: appointments/,/sequence/s/version: "1"/version: "2"/' network/network.yaml >"$dir/image/network.yaml"
    printf 'FROM medsync:%s\nCOPY network.yaml /usr/share/medsync/network/network.yaml\n' "$MEDSYNC_VERSION" >"$dir/image/Dockerfile"
    docker build -t "medsync:next-$$" "$dir/image" >"$dir/out" 2>&1 || said
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

# Who drives the hospital's chaincodes, in their network: whoever shows this certificate of the consortium's volume.
home=/consortium/crypto/peerOrganizations/hospital.medsync.example
tls=$home/chaincodes/chaincodes.hospital.medsync.example/tls
image=medsync:$MEDSYNC_VERSION
dial() { # certificate and key, without .crt and .key
    docker run --rm --network "${COMPOSE_PROJECT_NAME}_hospital" -v "${COMPOSE_PROJECT_NAME}_consortium:/consortium:ro" "$image" \
        doctor --address chaincodes.hospital.medsync.example:7052 --root-cert "$tls/ca.crt" --client-cert "$1.crt" \
        --client-key "$1.key" >"$dir/out" 2>&1
}
taken() { dial "$1" && grep -q '  register  ' "$dir/out" || { said; false; }; }
not_taken() { ! dial "$1" && grep -q 'failed  tls .*E-TLS' "$dir/out" || { said; false; }; }
warns_not() { ! docker-compose logs --no-color prepare | grep E-CRT-15; }
renewed() { # by another authority, under a peer that goes on: docs/deploying.md
    docker-compose run --rm --no-deps deploy certs rotate --dir=/consortium --new-key chaincodes.hospital.medsync.example >"$dir/out" 2>&1 &&
        docker-compose run --rm prepare >>"$dir/out" 2>&1 &&
        docker run --rm -v "${COMPOSE_PROJECT_NAME}_hospital-part:/part:ro" -v "${COMPOSE_PROJECT_NAME}_hospital-ledger:/ledger" \
            --entrypoint sh "$image" -c 'eval "$(grep ^export /part/peer0/start)" && medsync renew /ledger/production' >>"$dir/out" 2>&1 &&
        docker-compose kill -s HUP chaincodes.hospital.medsync.example >>"$dir/out" 2>&1 && grep -q ': renewed' "$dir/out" || { said; false; }
}
not_taken_soon() { # once the servers have read what they were told to
    tries=0
    until not_taken "$1" >/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 30 ] || { said; return 1; }
        sleep 1
    done
}

check "the image is built from this tree" built || finish
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
    check "three orderers, nine peers, nine hosts of chaincodes and two custodians are healthy" all_healthy
    check "they run without root, capabilities and anything to write to but their volume" confined
    check "each with the volumes of one organisation" own_keys
    check "a second deploy changes nothing" again
    check "every peer has the same blocks" in_step

    # the peer's certificate for chaincodes is the only one that they take
    check "chaincodes take no peer's certificate for its clients" not_taken "$home/peers/peer0.hospital.medsync.example/tls/server"
    check "no user's" not_taken "$home/users/doctor1@hospital.medsync.example/tls/client"
    check "no orderer's" not_taken "/consortium/crypto/ordererOrganizations/orderer.medsync.example/orderers/orderer0.orderer.medsync.example/tls/server"
    check "but their own peer's" taken "$tls/client"
    check "so that nothing is warned of" warns_not
    check "it is renewed, by another authority, under the running peer" renewed
    was=$home/old/$(docker run --rm -v "${COMPOSE_PROJECT_NAME}_consortium:/consortium:ro" --entrypoint ls "$image" "$home/old" | tail -n 1)
    check "the old one is refused then" not_taken_soon "$was/chaincodes/chaincodes.hospital.medsync.example/tls/client"
    check "and the new one taken" taken "$tls/client"
    docker restart -t 30 "$(docker ps -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
        --filter label=com.docker.compose.service=chaincodes.hospital.medsync.example)" >/dev/null # the peer connects anew
    check "everything is healthy again" all_healthy

    # the inspectorate, which an update has added to the channel
    inspect='--user auditor2 --org Inspector'
    check "an inspector reads on the inspectorate's peer" refused "unknown function" query $inspect credentials Nothing
    check "and sees what is deployed" prints credentials lifecycle committed $inspect
    check "what an inspector submits is refused by the orderers" refused FORBIDDEN \
        invoke $inspect --endorse Regulator,Hospital credentials org.hyperledger.fabric:GetMetadata
    check "so is what goes to an orderer directly" refuses_broadcast

    # who keeps the keys of records
    check "each custodian asks its own peer" custodian_says HospitalMSP ' refused$'
    check "one is killed: readers are told, the other one goes on" without_custodian
    check "and is back" custodian_again
    check "the other one's peer is stopped: it releases nothing" peer_away
    check "until that is back" peer_again

    # renewed while it ran, the peer has the old certificate for packages to come until it starts again
    docker restart -t 30 "$(one peer0.hospital)" >/dev/null
    check "an image with a chaincode's next version" next_image
    at=$(sequence)
    check "the peer whose certificate was renewed is back" in_step
    check "up with it" up_with "next-$$"
    check "the channel has it as the next sequence" is_at $((at + 1)) 2
    check "up with the image of before" up_with "$MEDSYNC_VERSION"
    check "has the definition of before, as the sequence after that" is_at $((at + 2)) 1
    check "every peer has the same blocks" in_step

    # which goes on with the network as it is, `up` being nothing new to it
    SCENARIO_DIR=$dir sh -c '. test/support/tap.sh; set -- compose; . test/scenario/steps.sh' || bad=1
done
finish
