#!/bin/sh
# network.sh KIND WORK up|down|restart|stop ORG|start ORG|later SECONDS|run COMMAND...: the scenario's network, in
# WORK/net; run has the network's clock. KIND is devnet or fabric. MEDSYNC is the program, REFEREE how many referees a devnet has. 77: this kind of network can't do that.
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

network_up() {
    case $kind in
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
    "$MEDSYNC" "$kind" down --dir "$net" >/dev/null 2>&1
}

case $what in
up) network_up ;;
down) network_down ;;
restart) network_down && network_up ;;
later)
    [ "$kind" = devnet ] || exit 77
    network_down
    echo "$how" >"$work/ahead"
    network_up
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
