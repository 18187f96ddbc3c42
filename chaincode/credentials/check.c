/* check.c: Check(subject, capability, region). No credential can be issued yet, so none passes. */
#include "credentials/parts.h"

fcc_status cred_check(lib_call *call, const char *subject, const char *capability, const char *region, bool *valid)
{
    *valid = false;
    return FCC_OK;
}
