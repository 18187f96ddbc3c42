#!/bin/sh
# Real Fabric on this machine by `medsync fabric up`: a genesis block and configuration of our own, Fabric's own orderer and
# peers from PATH, our chaincodes under fcc-host, deployed by our own client. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
. test/support/fabric.sh
build=${BUILD:-build/release}
medsync=$PWD/$build/bin/medsync
dir=$(mktemp -d "${TMPDIR:-/tmp}/medsync-fabric.XXXXXX")

trap fabric_cleanup EXIT
trap 'exit 1' INT TERM

no_programs() { ! PATH=$dir "$medsync" fabric up --dir "$dir/none" 2>"$dir/err" && grep -q 'no program `orderer`' "$dir/err"; }
check "without Fabric's programs it says which are missing, and what to do instead" no_programs
fabric_here || {
    echo "ok $((n + 1)) - a real network # SKIP no orderer and peer in PATH"
    n=$((n + 1))
    finish
}

probe='{name: probe, version: "1", sequence: 1, policy: "AND('"'AMSP.peer', 'BMSP.peer'"')", organisations: [A, B]}'
orderers=$(for i in 0 1 2; do printf '{name: o%d, address: "127.0.0.1:7%d50"}, ' $i $i; done)
sed "s/^chaincodes:.*/chaincode_tls: true\nchaincodes: [$probe]/; s/node: o1, address: [^}]*}/nodes: [$orderers]}/; s/domain: b.test/&\n    newcomer: true/" \
    test/support/networks/two.yaml >"$dir/plain.yaml"
# A keeps records: its custodian comes up with the network
sed 's/^    domain: a.test/&\n    custodian: {address: "127.0.0.1:7060"}/; s/^      - {name: user1, role: doctor, uid: a1.*/&\n      - {name: keeper, role: custodian, uid: a2, site: "4012345000016"}/' \
    "$dir/plain.yaml" >"$dir/network.yaml"

up() { fabric_up "$dir/network.yaml"; }
writes() { # prefix of the keys
    for org in A B; do "$medsync" invoke --dir "$dir/net" --org $org probe rw 1 "$1" >"$dir/said" 2>&1 || return 1; done
}
deploys() { "$medsync" deploy --dir "$dir/net" --network "$dir/network.yaml" "$@" >"$dir/deploy" 2>&1; }

check "three orderers, peers, channel and chaincode come up" up
check "what they write, private data too, is for nobody else on this machine" [ "$(stat -c %a "$dir/net/data")" = 700 ]
check "one organisation was added to the running channel by an update" grep -q "1 newcomers by an update in block 1" \
    "$dir/net/log/network.log"
keeper_at() { sed -n 's/.*"address": "\(.*\)",/\1/p' "$dir/net/custodians/AMSP.json"; }
serves() { # the custodian of A
    "$medsync" custodian --probe --dir "$dir/net" --user keeper --listen "$(keeper_at)" >"$dir/said" 2>&1
}
check "the custodian of who keeps records serves, where readers are told" serves
second() { ! timeout 20 "$medsync" custodian --dir "$dir/net" --user keeper >"$dir/said" 2>&1 && grep -q "E-CUST-04.*$(pid_of custodian.a.test)" "$dir/said"; }
check "a second one beside it is refused" second
kill -9 "$(pid_of custodian.a.test)"
check "one that was killed comes back by itself" try_for_a_minute serves
check "both organisations endorse and commit" try_for_a_minute writes k1
refuses_second() { ! up >/dev/null; }
check "a second network in the same directory is refused" refuses_second
check "deploy once more" deploys
check "finds everything there" grep -q "nothing to do" "$dir/deploy"
sed 's/AND(/OR(/' "$dir/network.yaml" >"$dir/two.yaml"
check "a changed definition is told in a rehearsal" deploys --dry-run --network "$dir/two.yaml"
check "as the next sequence" grep -q "would commit, sequence 2" "$dir/deploy"
check "and is deployed" deploys --network "$dir/two.yaml"
check "in both organisations" [ "$(grep -c "approved, sequence 2" "$dir/deploy")" = 2 ]
check "after which the chaincode goes on" try_for_a_minute writes k2
kill -9 "$(pid_of peer.b.test)"
check "a peer that was killed comes back by itself" try_for_a_minute writes k3
check "which the log says" grep -q "peer.b.test ended (signal 9) and is started again" "$dir/net/log/network.log"
kill -STOP "$(pid_of orderer.o0.orderer.test)"
asks_orderers() { "$medsync" block newest --orderer --dir "$dir/net" --org A >"$dir/said" 2>&1; }
check "with one of three orderers standing still, clients ask another one" asks_orderers
kill -CONT "$(pid_of orderer.o0.orderer.test)"
kill -9 "$(pid_of orderer.o1.orderer.test)"
check "and with one that was killed, transactions go on" try_for_a_minute writes k4
check "it goes down" "$medsync" fabric down --dir "$dir/net"
check "and its custodian with it" [ ! -e "$dir/net/custodians/AMSP.json" ]
check "and up again" up
check "with the custodian" serves
check "with the first definition once more, as the next sequence" grep -q "probe: deployed, sequence 3" "$dir/net/log/network.log"
check "and goes on" try_for_a_minute writes k5
finish
