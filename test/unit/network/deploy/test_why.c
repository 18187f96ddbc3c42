/* What real peers, orderers and connections said when something failed, and the code that it is told under. */
#include "deploy/deploy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void words_of_fabric_have_their_codes(void **state)
{
    static const struct {
        fcc_status status;
        const char *words;
        fcc__code code;
    } said[] = {
        { FCC_ERR_IO,
          "peer0.a.test (AMSP): UNAVAILABLE: failed to connect to all addresses; last error: UNKNOWN: "
          "ipv4:127.0.0.1:1: "
          "Failed to connect to remote host: Connection refused",
          FCC__E_DEP_UNREACHABLE },
        { FCC_ERR_IO, "UNAVAILABLE: failed to connect to all addresses; last error: UNKNOWN: Handshake read failed",
          FCC__E_DEP_UNREACHABLE },
        { FCC_ERR_TIMEOUT, "peer0.a.test (AMSP): DEADLINE_EXCEEDED: Deadline Exceeded", FCC__E_DEP_UNREACHABLE },
        { FCC_ERR_IO, "UNAVAILABLE: Ssl handshake failed: SSL_ERROR_SSL: certificate verify failed",
          FCC__E_DEP_CERTIFICATE },
        { FCC_ERR_IO, "UNAVAILABLE: Peer name peer9.clinic.test is not in peer certificate", FCC__E_DEP_CERTIFICATE },
        { FCC_ERR_AUTH,
          "peer0.a.test (AMSP): UNKNOWN: error validating proposal: access denied: channel [ch] creator org unknown, "
          "creator is malformed",
          FCC__E_DEP_IDENTITY },
        { FCC_ERR_PEER, "Failed to authorize invocation due to failed ACL check", FCC__E_DEP_IDENTITY },
        { FCC_ERR_AUTH, "UNKNOWN: proposal client identity expired", FCC__E_DEP_EXPIRED },
        { FCC_ERR_PEER,
          "request unauthorized due to incorrect timestamp 2026-11-21T18:00:00Z, peer time 2026-11-21T19:00:00Z, "
          "peer.authentication.timewindow 15m0s",
          FCC__E_DEP_CLOCK },
        { FCC_ERR_PEER, "the peer calls the package a_1:00 instead of a_1:11", FCC__E_DEP_PACKAGE },
        { FCC_ERR_PEER, "chaincode definition for 'a' exists, but chaincode is not installed", FCC__E_DEP_PACKAGE },
        { FCC_ERR_PEER,
          "could not launch chaincode a_1:00: connection to a_1:00 failed: error creating grpc connection to "
          "127.0.0.1:7052: context deadline exceeded",
          FCC__E_DEP_SERVER },
        { FCC_ERR_PEER,
          "could not launch chaincode a_1:00: chaincode registration failed: connection to a_1:00 terminated",
          FCC__E_DEP_SILENT },
        { FCC_ERR_PEER,
          "could not launch chaincode a_1:00: timeout expired while starting chaincode a_1:00 for transaction",
          FCC__E_DEP_SILENT },
        { FCC_ERR_PEER, "could not write chaincode install package: write /var/x: no space left on device",
          FCC__E_DEP_SPACE },
        { FCC_ERR_PEER, "transaction 00 was committed as invalid: ENDORSEMENT_POLICY_FAILURE", FCC__E_DEP_APPROVALS },
        { FCC_ERR_PEER, "chaincode definition not agreed to by this org (AMSP)", FCC__E_DEP_APPROVALS },
        { FCC_ERR_PEER,
          "failed to invoke backing implementation of 'InstallChaincode': could not build chaincode: external builder "
          "failed: external builder failed to build: external builder 'ccaas_builder' failed: exit status 1",
          FCC__E_DEP_BUILDER },
        { FCC_ERR_PEER, "peer0.a.test (AMSP) refused with 500: channel 'ch' not found", FCC__E_DEP_CHANNEL },
        { FCC_ERR_PEER, "requested sequence is 3, but new definition must be sequence 2", FCC__E_DEP_REFUSED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (deploy_code_of(said[i].status, said[i].words) != said[i].code)
            fail_msg("%s: %s instead of %s", said[i].words,
                     fcc__code_info_of(deploy_code_of(said[i].status, said[i].words))->code,
                     fcc__code_info_of(said[i].code)->code);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words_of_fabric_have_their_codes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
