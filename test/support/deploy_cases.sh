# deploy_cases.sh: what goes wrong on the way to a network's peers, for the scripts that try it on the devnet and on real Fabric.
# They set medsync, build and dir; a network of test/support/networks/three.yaml runs in $dir/net, $dir/network.yaml has the
# chaincode probe, and hospital and pharmacy have deployed it.
fails() { ! "$@"; }
deploy() { # directory, options...
    at=$1
    shift
    "$medsync" deploy --dir "$dir/$at" --network "${network:-$dir/network.yaml}" "$@" >"$dir/out" 2>"$dir/err"
}
doctor() { "$medsync" doctor --dir "$dir/$1" --timeout 20 >"$dir/out" 2>"$dir/err"; }
# what was said has these words in one line, and says what to do
said() {
    line=$(cat "$dir/out" "$dir/err")
    for words; do line=$(printf '%s\n' "$line" | grep -F -- "$words"); done
    [ -n "$line" ] && grep -q "what to do" "$dir/out" || {
        echo "# no line with: $*"
        sed 's/^/#   /' "$dir/out" "$dir/err"
        false
    }
}
# a copy of the network's directory, whose endpoints.json and keys may be changed
copy() { # name
    rm -rf "${dir:?}/$1"
    mkdir "$dir/$1"
    cp -r "$dir/net/crypto" "$dir/net/endpoints.json" "$dir/$1"
    sed -i "s#$dir/net/#$dir/$1/#" "$dir/$1/endpoints.json"
}
# change what endpoints.json says of the clinic's peer
clinic() { # name of the copy, key, value
    sed -i '/"name": "peer0.clinic.test"/,/}/s#"'"$2"'": *"[^"]*"#"'"$2"'": "'"$3"'"#' "$dir/$1/endpoints.json"
}


certificate_and_address_cases() {
    # ---- certificates
    copy cert
    clinic cert tlsCa "$(sed -n 's/.*"tlsCa": "\(.*hospital.test.*\)".*/\1/p' "$dir/cert/endpoints.json")"
    check "a wrong certificate: deploying fails" fails deploy cert
    check "for the organisation whose peer shows another one" said "ClinicMSP" "not reached" "E-DEP-02"
    check "doctor finds it" fails doctor cert
    check "by the authority that it does not come from" said "fail" "peer0.clinic.test" "E-DEP-02" "E-TLS-03"
    copy name
    clinic name name peer9.clinic.test
    check "a certificate for another name: deploying fails" fails deploy name
    check "for that organisation" said "ClinicMSP" "E-DEP-02"
    check "doctor finds it" fails doctor name
    check "with the names that the certificate has" said "fail" "peer9.clinic.test" "E-TLS-06" "peer0.clinic.test"
    copy expired
    admin=$dir/expired/crypto/peerOrganizations/clinic.test/users/Admin@clinic.test/msp
    rm -rf "$admin"
    "$build/test-support/odd_identity" expired "$dir/net/crypto/peerOrganizations/clinic.test" "$admin"
    check "an expired certificate: deploying fails" fails deploy expired
    check "for the organisation whose administrator has it" said "ClinicMSP" "E-DEP-04"
    check "doctor finds it" fails doctor expired
    check "as what the peer says of the administrator" said "fail" "peer0.clinic.test" "E-DEP-04"

    # ---- MSP ids
    copy msp
    sed -i 's/"ClinicMSP"/"ClinixMSP"/' "$dir/msp/endpoints.json"
    sed 's/ClinicMSP/ClinixMSP/g' "$dir/network.yaml" >"$dir/msp.yaml"
    wrong_msp() { network=$dir/msp.yaml deploy msp --dry-run; }
    check "a wrong MSP id: deploying fails" fails wrong_msp
    check "for that organisation" said "ClinixMSP" "E-DEP-03"
    check "doctor finds it" fails doctor msp
    check "and that the channel has no such organisation" said "fail" "ClinixMSP is no organisation of channel trial" "E-DEP-17"

    # ---- who is not there
    copy gone
    clinic gone address 127.0.0.1:1
    check "an unreachable peer: deploying fails" fails deploy gone
    check "for its organisation, which is named" said "ClinicMSP" "not reached" "E-DEP-01"
    check "doctor finds it" fails doctor gone
    check "with the address" said "fail" "peer0.clinic.test" "E-DEP-01" "127.0.0.1:1"
}
