# serve.sh: probe as a chaincode server for tests in shell. serve_probe ID LOG [VARIABLE=VALUE...] sets pid and port.
serve_probe() {
    cc_id=$1 cc_log=$2
    shift 2
    : >"$cc_log" # here and now: what an earlier one has said must not be read
    env CHAINCODE_SERVER_ADDRESS="127.0.0.1:${port:-0}" CHAINCODE_ID="$cc_id" CHAINCODE_TLS_DISABLED=true "$@" \
        "${BUILD:-build/release}/bin/probe" >"$cc_log" 2>&1 &
    pid=$!
    port=
    while [ -z "$port" ] && kill -0 "$pid" 2>/dev/null; do
        port=$(sed -n 's/.*serving at [^ ]*, port \([0-9]*\),.*/\1/p' "$cc_log" 2>/dev/null)
        [ -n "$port" ] || sleep 0.02
    done
}
