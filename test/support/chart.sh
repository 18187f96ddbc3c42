# chart.sh: a devnet in $net with its consortium registered, custodians, and a patient's base.
# Wants $medsync (absolute) and $net. Sets $pid, the patient1's; custodians' process ids are in $custodians.

custodians='' custodian_options=''

random_hex() { # bytes
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

chart_up() { # options of devnet up
    "$medsync" devnet up --detach --ports auto --dir "$net" "$@" >"$net.up" 2>&1
}

chart_custodians() { # both, with $custodian_options, a word each line; words before the command, such as env X=Y
    words=$IFS IFS='
'
    for it in hospital:custodian1 clinic:custodian2; do
        : >"$net/custodian.said"
        "$@" "$medsync" custodian --dir "$net" --org "${it%:*}" --user "${it#*:}" $custodian_options >"$net/custodian.said" 2>>"$net/log/${it#*:}.log" &
        custodians="$custodians $!"
        tries=0
        until grep -q listens "$net/custodian.said" || [ $tries -ge 1200 ]; do
            sleep 0.05
            tries=$((tries + 1))
        done
    done
    IFS=$words
}

chart_custodians_down() {
    for it in $custodians; do
        kill "$it" 2>/dev/null
        wait "$it" 2>/dev/null
    done
    custodians=
}

chart_set_up() {
    "$medsync" setup --dir "$net" >>"$net.up" 2>&1 || return 1
    pid=$("$medsync" query --dir "$net" --user patient1 --transient 'in={}' credentials GetPatient |
        sed -n 's/.*"pid":"\([a-z2-7]*\)".*/\1/p')
    printf '%s\n' "$pid" >"$net/pid"
    "$medsync" invoke --dir "$net" --user patient1 --endorse hospital,clinic --transient \
        "in={\"pid\":\"$pid\",\"rules\":[],\"btg\":\"notify\",\"btgMaxSens\":\"R\",\"salt\":\"$(random_hex 16)\"}" \
        consent SetBase >>"$net.up" 2>&1
}

# everything, for treatment, to one doctor of the hospital
chart_grant() { # uid
    "$medsync" invoke --dir "$net" --user patient1 --endorse hospital,clinic --transient \
        "in={\"pid\":\"$pid\",\"grantee\":\"u:$1\",\"rules\":[{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"*\"],\"maxSens\":\"V\"}],\"salt\":\"$(random_hex 16)\"}" \
        consent Grant >>"$net.up" 2>&1
}

chart_revoke() { # uid
    "$medsync" invoke --dir "$net" --user patient1 --endorse hospital,clinic --transient \
        "in={\"pid\":\"$pid\",\"grantee\":\"u:$1\",\"salt\":\"$(random_hex 16)\"}" consent Revoke >>"$net.up" 2>&1
}
