/* credentials.c: the chaincode's functions, each once. */
#include "credentials/credentials.h"

/* clang-format off */
#define CREDENTIALS_FUNCTIONS(X)                        \
    X(Bootstrap, cred_bootstrap)                        \
    X(RegisterOrg, cred_register_org)                   \
    X(ApproveOrg, cred_approve_org)                     \
    X(RejectOrg, cred_reject_org)                       \
    X(SuspendOrg, cred_suspend_org)                     \
    X(ReinstateOrg, cred_reinstate_org)                 \
    X(RegisterPractitioner, cred_register_practitioner) \
    X(ApprovePractitioner, cred_approve_practitioner)   \
    X(RejectPractitioner, cred_reject_practitioner)     \
    X(SuspendPractitioner, cred_suspend_practitioner)   \
    X(Reinstate, cred_reinstate)                        \
    X(RotateKey, cred_rotate_key)                       \
    X(GetOrg, cred_get_org)                             \
    X(ListOrgs, cred_list_orgs)                         \
    X(GetPractitioner, cred_get_practitioner)           \
    X(Caller, cred_caller)                              \
    X(Key, cred_key)                                    \
    X(Site, cred_site)                                  \
    X(Member, cred_member)                              \
    X(Person, cred_person)                              \
    X(Job, cred_job)                                    \
    X(Patient, cred_patient)                            \
    X(Guardian, cred_guardian)                          \
    X(Assigned, cred_assigned)
/* clang-format on */

LIB_CHAINCODE(credentials, CREDENTIALS_FUNCTIONS)
