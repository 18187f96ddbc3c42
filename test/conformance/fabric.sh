#!/bin/sh
# Runs the recorded calls (recordings/*/calls.txt) under a real Fabric peer, with Fabric's own programs from the PATH, and
# compares what `peer` prints. Half a minute; skipped without them. Prints TAP.
#
#     PATH=.../fabric/bin:$PATH sh test/conformance/fabric.sh
#
# It wants the layout of Fabric's releases: bin/ with peer, orderer, osnadmin, configtxgen and cryptogen, beside it config/
# (or FABRIC_CFG_PATH) and builders/ccaas/. FABRIC_PORTS is the first of 20 free ports (31000).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
probe=$(cd "$build/bin" && pwd)/probe || exit 1
recordings=$PWD/test/conformance/recordings
base=${FABRIC_PORTS:-31000}
status=0

skip() {
    echo "ok 1 - fabric.sh # SKIP $1"
    echo "1..1"
    exit 0
}

for tool in peer orderer osnadmin configtxgen cryptogen; do
    command -v $tool >/dev/null || skip "no $tool in the PATH"
done
home=$(dirname "$(command -v peer)")/..
config=${FABRIC_CFG_PATH:-$home/config}
builder=$(cd "$home/builders/ccaas" 2>/dev/null && pwd) || skip "no builders/ccaas beside bin/"
[ -f "$config/core.yaml" ] && [ -f "$config/orderer.yaml" ] || skip "no core.yaml and orderer.yaml in $config"
version=$(peer version | sed -n 's/^ Version: v*//p')
case $version in
2.5.*) recorded=2.5.16 ;;
3.*) recorded=3.1.5 ;;
*) skip "nothing was recorded with Fabric $version" ;;
esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX") || exit 1
processes=

port() {
    echo $((base + $1))
}

stop_all() {
    for pid in $processes; do
        kill -CONT "$pid" 2>/dev/null
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    processes=
}
trap 'stop_all; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

die() { # what
    echo "Bail out! $1"
    tail -n 5 "$dir"/log.* 2>/dev/null | sed 's/^/# /'
    exit 1
}

# Until it succeeds, for half a minute.
try() {
    for i in $(seq 120); do
        "$@" >"$dir/log.try" 2>&1 && return 0
        sleep 0.25
    done
    die "failed: $*"
}

# ---- the network: two organisations, the peer of the first, one orderer ----

crypto=$dir/crypto
orderer_dir=$crypto/ordererOrganizations/orderer.test/orderers/o1.orderer.test
peer_dir=$crypto/peerOrganizations/org1.test/peers/peer0.org1.test
orderer_address=127.0.0.1:$(port 0)
peer_address=127.0.0.1:$(port 4)
to_orderer="-o $orderer_address --tls --cafile $orderer_dir/tls/ca.crt"
to_peer="--peerAddresses $peer_address --tlsRootCertFiles $peer_dir/tls/ca.crt"
either="OR('Org1MSP.peer','Org2MSP.peer')"

write_configuration() {
    cat >"$dir/crypto.yaml" <<EOF
OrdererOrgs: [{Name: Orderer, Domain: orderer.test, EnableNodeOUs: true, Specs: [{Hostname: o1, SANS: [127.0.0.1]}]}]
PeerOrgs:
  - {Name: Org1, Domain: org1.test, EnableNodeOUs: true, Template: {Count: 1, SANS: [127.0.0.1]}, Users: {Count: 1}}
  - {Name: Org2, Domain: org2.test, EnableNodeOUs: true, Template: {Count: 1, SANS: [127.0.0.1]}, Users: {Count: 1}}
EOF
    cat >"$dir/collections.json" <<EOF
[{"name":"colA","policy":"OR('Org1MSP.member','Org2MSP.member')","requiredPeerCount":0,"maxPeerCount":1,"blockToLive":0,
"memberOnlyRead":true,"memberOnlyWrite":true}]
EOF
    {
        echo "Organizations:"
        for org in Orderer Org1 Org2; do
            case $org in
            Orderer) msp=$crypto/ordererOrganizations/orderer.test/msp ;;
            Org1) msp=$crypto/peerOrganizations/org1.test/msp ;;
            Org2) msp=$crypto/peerOrganizations/org2.test/msp ;;
            esac
            cat <<EOF
  - &$org
    Name: ${org}MSP
    ID: ${org}MSP
    MSPDir: $msp
    OrdererEndpoints: ["$orderer_address"]
    Policies: &Policies$org
      Readers: {Type: Signature, Rule: "OR('${org}MSP.member')"}
      Writers: {Type: Signature, Rule: "OR('${org}MSP.member')"}
      Admins: {Type: Signature, Rule: "OR('${org}MSP.admin')"}
      Endorsement: {Type: Signature, Rule: "OR('${org}MSP.peer')"}
EOF
        done
        cat <<EOF
Profiles:
  Channel:
    Policies: &Policies
      Readers: {Type: ImplicitMeta, Rule: "ANY Readers"}
      Writers: {Type: ImplicitMeta, Rule: "ANY Writers"}
      Admins: {Type: ImplicitMeta, Rule: "ANY Admins"}
    Capabilities: {V2_0: true}
    Orderer:
      OrdererType: etcdraft
      BatchTimeout: 200ms
      BatchSize: {MaxMessageCount: 500, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 2 MB}
      EtcdRaft:
        Consenters:
          - Host: 127.0.0.1
            Port: $(port 0)
            ClientTLSCert: $orderer_dir/tls/server.crt
            ServerTLSCert: $orderer_dir/tls/server.crt
        Options: {TickInterval: 500ms, ElectionTick: 10, HeartbeatTick: 1, MaxInflightBlocks: 5, SnapshotIntervalSize: 16 MB}
      Organizations: [*Orderer]
      Policies:
        <<: *Policies
        BlockValidation: {Type: ImplicitMeta, Rule: "ANY Writers"}
      Capabilities: {V2_0: true}
    Application:
      Organizations: [*Org1, *Org2]
      Policies:
        <<: *Policies
        LifecycleEndorsement: {Type: ImplicitMeta, Rule: "ANY Endorsement"}
        Endorsement: {Type: ImplicitMeta, Rule: "ANY Endorsement"}
      Capabilities: {V2_5: true}
EOF
    } >"$dir/configtx.yaml"
}

# The peer command as a user of the first organisation.
as() { # user, arguments of peer...
    user=$1
    shift
    FABRIC_CFG_PATH=$config FABRIC_LOGGING_SPEC=info:grpc=error FABRIC_LOGGING_FORMAT='%{message}' CORE_PEER_LOCALMSPID=Org1MSP \
        CORE_PEER_ADDRESS=$peer_address CORE_PEER_TLS_ENABLED=true CORE_PEER_TLS_ROOTCERT_FILE=$peer_dir/tls/ca.crt \
        CORE_PEER_MSPCONFIGPATH=$crypto/peerOrganizations/org1.test/users/$user@org1.test/msp peer "$@"
}

admin() { # log, arguments of peer...
    log=$1
    shift
    as Admin "$@" >"$dir/log.$log" 2>&1 || die "peer $*"
}

start_orderer() {
    env FABRIC_CFG_PATH="$config" FABRIC_LOGGING_SPEC=warn ORDERER_GENERAL_LISTENADDRESS=127.0.0.1 \
        ORDERER_GENERAL_LISTENPORT="$(port 0)" \
        ORDERER_GENERAL_BOOTSTRAPMETHOD=none ORDERER_CHANNELPARTICIPATION_ENABLED=true ORDERER_GENERAL_TLS_ENABLED=true \
        ORDERER_GENERAL_TLS_PRIVATEKEY="$orderer_dir/tls/server.key" \
        ORDERER_GENERAL_TLS_CERTIFICATE="$orderer_dir/tls/server.crt" \
        ORDERER_GENERAL_TLS_ROOTCAS="[$orderer_dir/tls/ca.crt]" \
        ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE="$orderer_dir/tls/server.crt" \
        ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY="$orderer_dir/tls/server.key" \
        ORDERER_GENERAL_CLUSTER_ROOTCAS="[$orderer_dir/tls/ca.crt]" ORDERER_GENERAL_LOCALMSPDIR="$orderer_dir/msp" \
        ORDERER_GENERAL_LOCALMSPID=OrdererMSP ORDERER_FILELEDGER_LOCATION="$dir/data/orderer" \
        ORDERER_CONSENSUS_WALDIR="$dir/data/wal" ORDERER_CONSENSUS_SNAPDIR="$dir/data/snap" \
        ORDERER_OPERATIONS_LISTENADDRESS="127.0.0.1:$(port 2)" ORDERER_ADMIN_LISTENADDRESS="127.0.0.1:$(port 1)" \
        orderer >"$dir/log.orderer" 2>&1 &
    processes="$processes $!"
}

start_peer() { # keepalive in seconds
    env FABRIC_CFG_PATH="$config" FABRIC_LOGGING_SPEC=warn CORE_PEER_ID=peer0.org1.test CORE_PEER_LOCALMSPID=Org1MSP \
        CORE_PEER_MSPCONFIGPATH="$peer_dir/msp" \
        CORE_PEER_ADDRESS="$peer_address" CORE_PEER_LISTENADDRESS="$peer_address" CORE_PEER_GOSSIP_BOOTSTRAP="$peer_address" \
        CORE_PEER_CHAINCODEADDRESS="127.0.0.1:$(port 5)" CORE_PEER_CHAINCODELISTENADDRESS="127.0.0.1:$(port 5)" \
        CORE_PEER_GOSSIP_EXTERNALENDPOINT="$peer_address" CORE_PEER_GOSSIP_ENDPOINT="$peer_address" CORE_PEER_TLS_ENABLED=true \
        CORE_PEER_TLS_CERT_FILE="$peer_dir/tls/server.crt" CORE_PEER_TLS_KEY_FILE="$peer_dir/tls/server.key" \
        CORE_PEER_TLS_ROOTCERT_FILE="$peer_dir/tls/ca.crt" CORE_PEER_FILESYSTEMPATH="$dir/data/peer" \
        CORE_LEDGER_SNAPSHOTS_ROOTDIR="$dir/data/snapshots" CORE_VM_ENDPOINT= \
        CORE_OPERATIONS_LISTENADDRESS="127.0.0.1:$(port 6)" \
        CORE_CHAINCODE_EXECUTETIMEOUT=4s CORE_CHAINCODE_KEEPALIVE="$1" \
        CORE_CHAINCODE_EXTERNALBUILDERS="[{name: ccaas, path: $builder, propagateEnvironment: []}]" \
        peer node start >"$dir/log.peer" 2>&1 &
    processes="$processes $!"
}

# shellcheck disable=SC2086
make_channel() { # name
    configtxgen -configPath "$dir" -profile Channel -channelID "$1" -outputBlock "$dir/$1.block" >"$dir/log.genesis" 2>&1 ||
        die "configtxgen"
    try osnadmin channel join -o "127.0.0.1:$(port 1)" --channelID "$1" --config-block "$dir/$1.block"
    try as Admin channel list
    admin join channel join -b "$dir/$1.block"
    # The orderer serves no blocks before it is the leader.
    try as Admin channel fetch newest "$dir/newest.block" -c "$1" $to_orderer
}

# ---- chaincode ----

install() { # label, port; sets id
    mkdir -p "$dir/pkg"
    printf '{"address":"127.0.0.1:%s","dial_timeout":"10s","tls_required":false}' "$2" >"$dir/pkg/connection.json"
    printf '{"type":"ccaas","label":"%s"}' "$1" >"$dir/pkg/metadata.json"
    (cd "$dir/pkg" && tar -czf code.tar.gz connection.json && tar -czf "$1.tgz" metadata.json code.tar.gz) || die "tar"
    admin install lifecycle chaincode install "$dir/pkg/$1.tgz"
    id=$(as Admin lifecycle chaincode calculatepackageid "$dir/pkg/$1.tgz" 2>/dev/null)
    CHAINCODE_ID=$id CHAINCODE_SERVER_ADDRESS=127.0.0.1:$2 CORE_PEER_LOCALMSPID=Org1MSP "$probe" 2>"$dir/log.$1" &
    processes="$processes $!"
}

# shellcheck disable=SC2086
define() { # channel, name, version, package id, flags...
    definition="-C $1 -n $2 -v $3 --sequence $3"
    package=$4
    shift 4
    admin approve lifecycle chaincode approveformyorg $to_orderer $definition --package-id "$package" "$@"
    admin commit lifecycle chaincode commit $to_orderer $to_peer $definition "$@"
}

with_collections() { # channel, name, version, package id, flags...
    define "$@" --signature-policy "$either" --collections-config "$dir/collections.json"
}

# ---- calls ----

# shellcheck disable=SC2086
call() { # query, invoke or init; channel, name, arguments as JSON
    case $1 in
    query) as User1 chaincode query -C "$2" -n "$3" -c "{\"Args\":$4}" ;;
    invoke) as User1 chaincode invoke -C "$2" -n "$3" -c "{\"Args\":$4}" $to_orderer $to_peer --waitForEvent ;;
    init) as User1 chaincode invoke -C "$2" -n "$3" -c "{\"Args\":$4}" $to_orderer $to_peer --waitForEvent --isInit ;;
    esac >"$dir/out" 2>&1
    code=$?
    grep -v '^InitCmdFactory' "$dir/out" | sed -e 's/[ \t]*$//' -e '/^$/d'
    echo "exit $code"
}

put() { # operation and what comes before the key, how many keys
    steps=$(awk -v words="$1" -v count="$2" 'BEGIN {
        gsub(/,/, "\\\",\\\"", words)
        for (i = 0; i < count; i++)
            printf ",\"[\\\"%s\\\",\\\"n%03d\\\",\\\"v\\\"]\"", words, i
    }')
    call invoke ch probe "[\"run\"$steps]" | grep -q '^exit 0' || die "the keys of the scans are not put"
}

# The calls of a recording, each with what came of it.
# shellcheck disable=SC2016
replay_calls() { # calls.txt
    late=
    grep '^[$#] ' "$1" | while read -r mark operation channel name arguments; do
        printf '%s %s %s %s %s\n' "$mark" "$operation" "$channel" "$name" "$arguments" | sed 's/ *$//'
        if [ "$mark $operation" = '# approved' ]; then
            with_collections ch once 2 "$once" --init-required
        elif [ "$mark" = '#' ]; then
            late=1
        elif [ -n "$late" ]; then
            kill -STOP "$probe_pid"
            (sleep 5 && kill -CONT "$probe_pid") &
            call "$operation" "$channel" "$name" "$arguments"
            wait $!
            late=
        else
            call "$operation" "$channel" "$name" "$arguments"
        fi
    done
}

# What differs between two runs of the same calls: tx ids and what holds them, times, addresses; and between two builds of
# Fabric one blank or two, as Go's protobuf has it on purpose.
normal() {
    sed -E -e 's/[0-9a-f]{40,}(\.\.\.)?/HEX\1/g' -e 's/[0-9]{10}\.[0-9]{9}/TIME/g' -e 's/at 127.0.0.1:[0-9]+/at ADDRESS/' -e 's/  +/ /g' "$1"
}

# Line by line; of a line that was cut in the recording as much as there is.
compare() { # recorded, ours
    normal "$1" >"$dir/recorded"
    normal "$2" >"$dir/ours"
    awk -v ours="$dir/ours" '{
        if ((getline line < ours) <= 0)
            line = "(nothing)"
        cut = match($0, /[0-9a-f]*\.\.\. [0-9]+ characters$/)
        if (cut ? substr($0, 1, cut - 1) != substr(line, 1, cut - 1) : $0 != line) {
            print "# recorded  " substr($0, 1, 300) "\n# ours      " substr(line, 1, 300)
            different = 1
        }
    } END { exit different || (getline line < ours) > 0 }' "$dir/recorded"
}

number=0
write_configuration
cryptogen generate --config "$dir/crypto.yaml" --output "$crypto" >"$dir/log.cryptogen" 2>&1 || die "cryptogen"
for topic in init ranges errors channels keepalive; do
    calls=$recordings/$topic-$recorded/calls.txt
    rm -rf "$dir/data"
    start_orderer
    case $topic in keepalive) start_peer 1 ;; *) start_peer 0 ;; esac
    make_channel ch
    install probe_1 "$(port 10)"
    probe_id=$id probe_pid=${processes##* }
    install bench_1 "$(port 11)"
    bench_id=$id
    with_collections ch probe 1 "$probe_id"
    define ch bench 1 "$bench_id"
    case $topic in
    init)
        install once_1 "$(port 12)"
        once=$id
        with_collections ch once 1 "$once" --init-required
        ;;
    ranges)
        put PutState 250
        put PutPrivateData,colA 101
        ;;
    channels)
        make_channel ch2
        with_collections ch2 probe 1 "$probe_id"
        define ch2 bench 1 "$bench_id"
        ;;
    esac
    replay_calls "$calls" >"$dir/$topic.txt"
    number=$((number + 1))
    what="$topic-$recorded under Fabric $version: $(grep -c '^\$' "$calls") calls answer what was recorded"
    if compare "$calls" "$dir/$topic.txt"; then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what"
        status=1
    fi
    stop_all
done
echo "1..$number"
exit $status
