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
    X(Assigned, cred_assigned)                          \
    X(PutDid, cred_put_did)                             \
    X(GetDid, cred_get_did)                             \
    X(Accredit, cred_accredit)                          \
    X(Withdraw, cred_withdraw)                          \
    X(CreateStatusList, cred_create_status_list)        \
    X(IssueCredential, cred_issue_credential)           \
    X(SetStatus, cred_set_status)                       \
    X(GetStatusList, cred_get_status_list)              \
    X(Check, cred_check_function)                       \
    X(VerifyPresentation, cred_verify_presentation)     \
    X(Setup, cred_setup)                                \
    X(RegisterPatient, cred_register_patient)           \
    X(ApprovePatient, cred_approve_patient)             \
    X(RejectPatient, cred_reject_patient)               \
    X(GetApplication, cred_get_application)             \
    X(RegisterPerson, cred_register_person)             \
    X(LinkPatient, cred_link_patient)                   \
    X(BindPatientKey, cred_bind_patient_key)            \
    X(ReplaceKey, cred_begin_replace_key)               \
    X(RegisterGuardian, cred_register_guardian)         \
    X(Countersign, cred_countersign)                    \
    X(GetPending, cred_get_pending)                     \
    X(EndGuardian, cred_end_guardian)                   \
    X(Decease, cred_decease)                            \
    X(AssignDoctor, cred_assign_doctor)                 \
    X(EndAssignment, cred_end_assignment)               \
    X(SetSpecialty, cred_set_specialty)                 \
    X(LinkPerson, cred_link_person)                     \
    X(SamePerson, cred_same_person)                     \
    X(GetPatient, cred_get_patient)                     \
    X(ListGuardians, cred_list_guardians)               \
    X(FindPractitioners, cred_find_practitioners)
/* clang-format on */

LIB_CHAINCODE(credentials, CREDENTIALS_FUNCTIONS)
