#!/bin/sh
# network.sh KIND WORK up|down|remove|restart|stop ORG|start ORG|later SECONDS|run COMMAND...: the scenario's network, in
# WORK/net; run has the network's clock. KIND is devnet, fabric, compose: docker-compose.yaml, as the project that
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

custodians_up() {
    : >"$work/custodians"
    for it in Hospital:custodian1 Clinic:custodian2; do
        : >"$work/said"
        $(clock) "$MEDSYNC" custodian --dir "$net" --org "${it%:*}" --user "${it#*:}" >"$work/said" 2>>"$net/log/${it#*:}.log" </dev/null &
        echo $! >>"$work/custodians"
        tries=0
        until grep -q listens "$work/said" || [ $tries -ge 200 ]; do
            sleep 0.05
            tries=$((tries + 1))
        done
    done
}
custodians_down() {
    [ -f "$work/custodians" ] || return 0
    while read -r pid; do
        kill "$pid" 2>/dev/null
        while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    done 2>/dev/null <"$work/custodians"
    rm -f "$work/custodians"
}

# the processes of an organisation, of this network only
devnet_processes() { # MSP id
    for child in $(cat "/proc/$(sed -n 1p "$net/devnet.pid")/task/"*/children); do
        tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep -qx "CORE_PEER_LOCALMSPID=$1" && echo "$child"
    done
}
fabric_process() { # domain of the peer
    grep -A 2 "\"peer\.$1\"" "$net/processes.json" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'
}
processes() { # ORG
    case $kind in
    devnet) devnet_processes "${1}MSP" ;;
    fabric) fabric_process "$(echo "$1" | tr 'A-Z' 'a-z').medsync.example" ;;
    esac
}

# ---- compose

containers() { # [SERVICE]: by docker itself, which answers sooner than docker-compose
    docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
        ${1:+--filter "label=com.docker.compose.service=$1"}
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
    custodians_down
    for node in orderer0.orderer $(for org in $orgs; do echo "peer0.$org"; done); do
        docker stop -t 30 "$(containers "$node.medsync.example")" >/dev/null &&
            docker start "$(containers "$node.medsync.example")" >/dev/null && until_all_answer || return 1
        [ "$node" = orderer0.orderer ] || until_it_is_found "${node#peer0.}" || return 1
    done
    custodians_up
}
compose_peer() { # stop|start ORG
    org=$(echo "$2" | tr 'A-Z' 'a-z')
    docker "$1" "$(containers "peer0.$org.medsync.example")" >/dev/null || return 1
    [ "$1" = stop ] || { until_all_answer && until_it_is_found "$org"; }
}

network_up() {
    case $kind in
    compose) # which may be up
        custodians_down
        compose_up && custodians_up
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
esac
case $what in
up) network_up ;;
down) network_down ;;
remove) ;;
restart) network_down && network_up ;;
later)
    [ "$kind" = devnet ] || exit 77
    network_down
    echo "$how" >"$work/ahead"
    network_up
    ;;
alter) # what nobody does: MSP:RXID, that peer's copy of a prescription is another one, or its own again
    where=$net
    case $kind in compose*) exit 77 ;; esac # its peers' files are in volumes
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
