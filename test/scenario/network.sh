#!/bin/sh
# network.sh KIND WORK up|down|remove|restart|stop ORG|start ORG|crash ORG|later SECONDS|run COMMAND...: the scenario's network,
# in WORK/net; crash kills the organisation's custodian and starts it; run has the network's clock. KIND is devnet, fabric, compose: docker-compose.yaml, as the project that
# COMPOSE_PROJECT_NAME says, or compose_devnet (compose_devnet.sh, which can do more). MEDSYNC is the program, REFEREE how many referees a devnet has. 77: this kind of network can't
# do that.
set -u
kind=$1 work=$2 what=$3 how=${4:-}
net=$work/net
build=$(cd "$(dirname "$MEDSYNC")/.." && pwd)

# words before a command whose clock shall be ahead, and that of what it starts
clock() {
    [ ! -s "$work/ahead" ] || echo "env LD_PRELOAD=$build/lib/medsync/clock.so MEDSYNC_CLOCK_AHEAD=$(cat "$work/ahead")"
}

# Custodians: services of the containers' own, real Fabric's come up with it, else processes here
custodian_of() { # ORG
    case $1 in Hospital) echo custodian1 ;; *) echo custodian2 ;; esac
}
custodian_up() { # ORG
    it=$(custodian_of "$1")
    : >"$work/said"
    $(clock) "$MEDSYNC" custodian --dir "$net" --org "$1" --user $it >"$work/said" 2>>"$net/log/$it.log" </dev/null &
    echo $! >"$work/custodian.$1"
    tries=0
    until grep -q listens "$work/said" || [ $tries -ge 1200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}
custodians_up() {
    case $kind in compose* | fabric) return ;; esac
    custodian_up Hospital
    custodian_up Clinic
}
custodian_down() { # ORG [how]
    [ -f "$work/custodian.$1" ] || return 0
    pid=$(cat "$work/custodian.$1")
    rm "$work/custodian.$1"
    kill ${2:-} "$pid" 2>/dev/null
    # what has ended stays until it is waited for, which in a container may be never
    while kill -0 "$pid" 2>/dev/null && ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status" 2>/dev/null; do sleep 0.05; done
}
custodians_down() {
    custodian_down Hospital
    custodian_down Clinic
}
crash() { # ORG
    case $kind in
    compose)
        one=$(containers "custodian.$(echo "$1" | tr 'A-Z' 'a-z').medsync.example")
        docker kill "$one" >/dev/null && docker start "$one" >/dev/null && until_healthy "$one"
        ;;
    compose_devnet)
        one=custodian-$(echo "$1" | tr 'A-Z' 'a-z')
        $COMPOSE kill "$one" >/dev/null 2>&1 && $COMPOSE start "$one" >/dev/null 2>&1 && settled
        ;;
    fabric) # it is started again by itself
        one=custodian.$(echo "$1" | tr 'A-Z' 'a-z').medsync.example
        before=$(fabric_process "$one")
        kill -KILL "$before"
        until pid=$(fabric_process "$one") && [ -n "$pid" ] && [ "$pid" != "$before" ]; do sleep 0.1; done
        at=$(sed -n 's/.*"address": "\(.*\)",/\1/p' "$net/custodians/$1MSP.json")
        until "$MEDSYNC" custodian --probe --dir "$net" --org "$1" --user "$(custodian_of "$1")" --listen "$at" >/dev/null 2>&1; do sleep 0.2; done
        ;;
    *) custodian_down "$1" -KILL && custodian_up "$1" ;;
    esac
}

# the processes of an organisation, of this network only
devnet_processes() { # MSP id
    for child in $(cat "/proc/$(sed -n 1p "$net/devnet.pid")/task/"*/children); do
        tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep -qx "CORE_PEER_LOCALMSPID=$1" && echo "$child"
    done
}
fabric_process() { # peer.DOMAIN, custodian.DOMAIN
    grep -A 2 "\"$1\"" "$net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'
}
processes() { # ORG
    case $kind in
    devnet) devnet_processes "${1}MSP" ;;
    fabric) fabric_process "peer.$(echo "$1" | tr 'A-Z' 'a-z').medsync.example" ;;
    esac
}

# ---- compose

containers() { # [SERVICE]: by docker itself, which answers sooner than docker-compose
    docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
        ${1:+--filter "label=com.docker.compose.service=$1"}
}
until_healthy() { # container
    tries=0
    until [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; do
        tries=$((tries + 1))
        [ $tries -lt 90 ] || {
            docker logs --tail=20 "$1" >&2
            return 1
        }
        sleep 1
    done
}
nodes() { "$MEDSYNC" health --dir "$net" >"$work/health" 2>&1; }
orgs="hospital clinic pharmacy manufacturer distributor insurer research regulator inspector"
until_all_answer() {
    tries=0
    until nodes; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || {
            cat "$work/health" >&2
            return 1
        }
        sleep 1
    done
}
# Whatever the chaincode says: its peer was found. Peers learn of each other some seconds after one has started.
finds() { # ORG, whose gateway, ORG, whose peer is to answer
    "$MEDSYNC" query --dir "$net" --org "$1" --endorse "$2" credentials org.hyperledger.fabric:GetMetadata >"$work/health" 2>&1
}
until_it_is_found() { # ORG: it finds the others, and they find it
    for other in $orgs; do
        tries=0
        until [ "$1" = "$other" ] || finds "$1" "$other" && finds "$other" "$1"; do
            tries=$((tries + 1))
            [ $tries -lt 60 ] || {
                cat "$work/health" >&2
                return 1
            }
            sleep 1
        done
    done
}
compose_up() {
    docker-compose up -d >"$work/up" 2>&1 &&
        [ "$(docker wait "$(containers deploy)")" = 0 ] || {
        tail -n 20 "$work/up" >&2
        docker-compose logs --no-color --tail=20 prepare join deploy >&2
        return 1
    }
    [ -d "$net" ] || docker cp "$(containers deploy):/consortium" "$net" >&2
    mkdir -p "$net/log" "$net/data"
    "$MEDSYNC" fabric endpoints --dir "$net" >&2 && until_all_answer
}
# what is looked through afterwards: every log, and the blocks as an outsider among the organisations has them
compose_down() {
    [ -d "$net" ] || return 0
    for id in $(containers); do
        docker logs "$id" >"$net/log/$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id").log" 2>&1
    done
    docker stop -t 40 $(containers) >/dev/null
    rm -rf "$net/data/insurer.medsync.example"
    docker cp "$(containers peer0.insurer.medsync.example):/var/hyperledger/production" \
        "$net/data/insurer.medsync.example" >&2
}
# one node after the other, the rest goes on meanwhile
compose_restart() {
    for node in orderer0.orderer $(for org in $orgs; do echo "peer0.$org"; done); do
        docker stop -t 30 "$(containers "$node.medsync.example")" >/dev/null &&
            docker start "$(containers "$node.medsync.example")" >/dev/null && until_all_answer || return 1
        [ "$node" = orderer0.orderer ] || until_it_is_found "${node#peer0.}" || return 1
    done
    for node in custodian.hospital custodian.clinic; do
        one=$(containers "$node.medsync.example")
        docker stop -t 30 "$one" >/dev/null && docker start "$one" >/dev/null && until_healthy "$one" || return 1
    done
}
# A folder of a volume as it lies on the disk, by `alter` on a copy: the image has no LevelDB
altered() { # VOLUME FOLDER DIRECTORY-FOR-alter: in WORK/altered
    image=medsync:${MEDSYNC_VERSION:-0.1.0}
    rm -rf "$work/altered"
    mkdir "$work/altered"
    docker run --rm --network none -u 0 -v "$1:/v:ro" --entrypoint tar "$image" -c -C /v "$2" | tar -x -C "$work/altered" &&
        "$build/test-support/alter" "$work/altered/$3" "$how" || return
    tar -c -C "$work/altered" "$2" |
        docker run --rm -i --network none -u 10001:10001 -v "$1:/v" --entrypoint sh "$image" -c 'rm -rf "/v/$1" && tar -x -C /v' - "$2"
}
compose_alter() {
    org=$(echo "${how%%MSP:*}" | tr 'A-Z' 'a-z')
    one=$(containers "peer0.$org.medsync.example")
    docker stop -t 30 "$one" >/dev/null
    altered "${COMPOSE_PROJECT_NAME}_$org-ledger" production/ledgersData/stateLeveldb production
    status=$?
    docker start "$one" >/dev/null && until_all_answer && until_it_is_found "$org" && return $status
}
compose_peer() { # stop|start ORG
    org=$(echo "$2" | tr 'A-Z' 'a-z')
    docker "$1" "$(containers "peer0.$org.medsync.example")" >/dev/null || return 1
    [ "$1" = stop ] || { until_all_answer && until_it_is_found "$org"; }
}

network_up() {
    case $kind in
    compose) # which may be up
        compose_up
        return
        ;;
    devnet) # a referee sets its own clock, beside the machine's: none once the clock was moved
        [ ! -s "$work/ahead" ] || REFEREE=0
        set -- "$MEDSYNC" devnet up --detach --ports auto --referee "${REFEREE:-0}" --dir "$net"
        ;;
    fabric) set -- "$MEDSYNC" fabric up --detach --ports auto --dir "$net" ;;
    esac
    $(clock) "$@" >"$work/up" 2>&1 || {
        cat "$work/up" >&2
        return 1
    }
    custodians_up
}
network_down() {
    custodians_down
    [ "$kind" != compose ] || {
        compose_down
        return
    }
    "$MEDSYNC" "$kind" down --dir "$net" >/dev/null 2>&1
}

# what differs there
[ "$kind" != compose_devnet ] || . "$(dirname "$0")/compose_devnet.sh"

case $what-$kind in
restart-compose) compose_restart && exit ;;
stop-compose | start-compose) compose_peer "$what" "$how" && exit ;;
remove-compose) docker-compose down -v >/dev/null 2>&1 && exit ;;
settled-compose_devnet) settled && exit ;;
resume-compose_devnet) resume && exit ;;
stop-compose_devnet | start-compose_devnet) chaincodes_of "$what" "$how" && exit ;;
alter-compose_devnet) devnet_altered && exit ;;
alter-compose) compose_alter; exit ;;
esac
case $what in
up) network_up ;;
down) network_down ;;
remove) ;;
restart) network_down && network_up ;;
crash) crash "$how" ;;
later)
    [ "$kind" = devnet ] || exit 77
    network_down
    echo "$how" >"$work/ahead"
    network_up
    ;;
alter) # what nobody does: MSP:RXID, that peer's copy of a prescription is another one, or its own again
    where=$net
    [ "$kind" = devnet ] || where=$net/data/$(echo "${how%%MSP:*}" | tr 'A-Z' 'a-z').medsync.example
    "$build/test-support/alter" "$where" || exit $?
    network_down
    "$build/test-support/alter" "$where" "$how" && network_up
    ;;
stop)
    pids=$(processes "$how")
    [ -n "$pids" ] && kill -STOP $pids
    ;;
run)
    shift 3
    $(clock) "$@"
    ;;
start) kill -CONT $(processes "$how") ;;
*) exit 2 ;;
esac
