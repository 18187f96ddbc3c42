# compose_devnet.sh: docker-compose.devnet.yaml as the scenario's network, for network.sh. COMPOSE is docker-compose's command
# with the project and the file.

# every container that stays is healthy, and the jobs are done
settled() {
    tries=0
    until [ "$(docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}-{{.State.ExitCode}}{{end}}' \
        $($COMPOSE ps -a -q) | sort -u | tr '\n' ' ')" = 'exited-0 healthy ' ]; do
        tries=$((tries + 1))
        [ $tries -lt 240 ] || {
            $COMPOSE ps >&2
            return 1
        }
        sleep 0.5
    done
}
# the directory out of its volume
fetch() {
    mkdir -p "$net/log" && docker cp "$($COMPOSE ps -a -q devnet)":/var/lib/medsync/net/. "$net" >/dev/null
}
resume() {
    $COMPOSE up -d --no-build >"$work/up" 2>&1 && settled && fetch && return
    cat "$work/up" >&2
    return 1
}
network_up() { resume; }
# what is looked through afterwards: the ledger, and every log
network_down() {
    $COMPOSE stop >/dev/null 2>&1
    fetch && $COMPOSE logs --no-color >"$net/log/containers.log" 2>&1
}
chaincodes_of() { # stop|start ORG
    $COMPOSE "$1" "chaincodes-$(echo "$2" | tr 'A-Z' 'a-z')" >/dev/null 2>&1
}
# one organisation's copy, in the devnet's volume
devnet_altered() {
    volume=$(docker inspect -f '{{range .Mounts}}{{.Name}}{{end}}' "$($COMPOSE ps -a -q devnet)")
    $COMPOSE stop devnet >/dev/null 2>&1 && altered "$volume" ledger/state . && $COMPOSE start devnet >/dev/null 2>&1 && settled
}
