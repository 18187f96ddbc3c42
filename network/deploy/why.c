/*
 * why.c: what peers and connections say when something fails, and the code under which `medsync explain` has the cause and
 * the remedy. Fabric has no codes, only words: these are they, from its source and from those who carry them.
 *
 * Source: fabric v3.1.5 core/handlers/auth/filter, core/endorser/msgvalidation.go, core/chaincode/{runtime_launcher,
 * handler}.go, core/chaincode/lifecycle, core/chaincode/extcc; grpc's C core
 */
#include "deploy/deploy.h"

#include <string.h>

static const struct {
    const char *words;
    fcc__code code;
} known[] = {
    /* the most telling first: texts contain one another's */
    { "incorrect timestamp", FCC__E_DEP_CLOCK },
    { "identity expired", FCC__E_DEP_EXPIRED },
    { "certificate has expired", FCC__E_DEP_EXPIRED },
    { "No space left on device", FCC__E_DEP_SPACE },
    { "no space left on device", FCC__E_DEP_SPACE },
    { "calls the package", FCC__E_DEP_PACKAGE },
    { "chaincode is not installed", FCC__E_DEP_PACKAGE },
    { "will not accept external chaincode connection", FCC__E_DEP_SILENT },
    { "chaincode registration failed", FCC__E_DEP_SILENT },
    { "timeout expired while starting chaincode", FCC__E_DEP_SILENT },
    { "did not answer in time", FCC__E_DEP_SILENT },
    { "has not yet been approved by this org", FCC__E_DEP_APPROVALS },
    { "not agreed to by this org", FCC__E_DEP_APPROVALS },
    { "ENDORSEMENT_POLICY_FAILURE", FCC__E_DEP_APPROVALS },
    { "too few approvals", FCC__E_DEP_APPROVALS },
    { "external builder failed", FCC__E_DEP_BUILDER },
    { "could not build chaincode", FCC__E_DEP_BUILDER },
    { "could not launch chaincode", FCC__E_DEP_SERVER },
    { "error building chaincode", FCC__E_DEP_SERVER },
    { "creator org", FCC__E_DEP_IDENTITY },
    { "access denied", FCC__E_DEP_IDENTITY },
    { "creator is malformed", FCC__E_DEP_IDENTITY },
    { "Failed to authorize", FCC__E_DEP_IDENTITY },
    { "Failed verifying that proposal's creator", FCC__E_DEP_IDENTITY },
    { "is not in peer certificate", FCC__E_DEP_CERTIFICATE },
    { "CERTIFICATE_VERIFY_FAILED", FCC__E_DEP_CERTIFICATE },
    { "certificate verify failed", FCC__E_DEP_CERTIFICATE },
    { "Ssl handshake failed", FCC__E_DEP_CERTIFICATE },
    { "handshake", FCC__E_DEP_CERTIFICATE },
    { "not found", FCC__E_DEP_CHANNEL },
};

fcc__code deploy_code_of(fcc_status status, const char *words)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strstr(words, known[i].words))
            return known[i].code;
    if (status == FCC_ERR_IO || status == FCC_ERR_TIMEOUT)
        return FCC__E_DEP_UNREACHABLE;
    if (status == FCC_ERR_AUTH)
        return FCC__E_DEP_IDENTITY;
    return FCC__E_DEP_REFUSED;
}
