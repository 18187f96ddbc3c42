# steps.sh KIND, sourced by the scripts that run the scenario on a network of that kind (network.sh): up, the steps, whole
# charts, down, and what it has left looked through. Ends the script. SCENARIO_DIR is its folder where one is there already.
kind=$1
build=$PWD/${BUILD:-build/release}
export MEDSYNC=$build/bin/medsync
case ${TMPDIR-} in *[[:space:]]*) TMPDIR=/tmp ;; esac # $network is words
dir=${SCENARIO_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/medsync-scenario.XXXXXX")}
network="$PWD/test/scenario/network.sh $kind $dir"
trap '$network down; $network remove; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

$network up 2>"$dir/err" || {
    check "the network comes up" false || sed 's/^/# /' "$dir/err"
    finish
}
"$build/test-support/scenario" --net "$dir/net" --network "$network" --words "$dir/words" || bad=1

# whole charts as well; then the network goes down, and what it has left is looked through
set -- network/fhir/example/bundle.json
for bundle in "${MEDSYNC_SHARED:-$PWD/../shared}"/data/fhir-r4-synthea-bundles/[A-DY]*.json; do
    [ -f "$bundle" ] && set -- "$@" "$bundle"
done
imports() {
    $network run "$MEDSYNC" record import --dir "$dir/net" --user registrar1 \
        --pid "$(sed -n 's/^pid.//p' "$dir/words" | head -n 1)" "$1" >"$dir/out" 2>&1
}
for bundle; do
    check "a bundle is imported" imports "$bundle" || sed 's/^/# /' "$dir/out"
done
echo "1..$n"
[ $# -gt 1 ] || echo "# skip: 4 Synthea bundles: they are not here"
$network down
case $kind in *devnet) is=devnet ;; *) is=fabric ;; esac
"$build/test-support/scan" $is "$dir/net" "$dir/words" "$@" || bad=1
exit $bad
