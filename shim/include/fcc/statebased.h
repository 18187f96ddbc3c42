/*
 * fcc/statebased.h: endorsement policies of single keys, which all of a list of organisations must sign.
 *
 *     fcc_state_ep *ep;
 *     fcc_bytes orgs[2] = { FCC_LIT("HospitalMSP"), FCC_LIT("ClinicMSP") }, policy;
 *     fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);
 *
 *     if (st == FCC_OK)
 *         st = fcc_state_ep_add_orgs(ep, FCC_ROLE_PEER, orgs, 2);
 *     if (st == FCC_OK)
 *         st = fcc_state_ep_policy(ep, &policy);
 *     if (st == FCC_OK)
 *         st = fcc_set_state_validation_parameter(stub, key, policy);
 *
 * No call here talks to the peer. Everything lives until the function returns; a failure's text is in fcc_error_text.
 * The bytes are those that Go's package makes. A policy protects its key from the next transaction on.
 *
 * Source: fabric-chaincode-go v2.3.0, pkg/statebased
 */
#ifndef FCC_STATEBASED_H
#define FCC_STATEBASED_H

#include <fcc/chaincode.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Go: KeyEndorsementPolicy. */
typedef struct fcc_state_ep fcc_state_ep;

/* Which of an organisation's identities has to sign. With node OUs (as usual) that is its peer. */
typedef enum fcc_role { FCC_ROLE_MEMBER, FCC_ROLE_PEER } fcc_role;

/*
 * A policy from what fcc_get_state_validation_parameter gave, or an empty one (Go: NewStateEP). Of a policy that was not
 * made by this package only the organisations that it names by role are taken over.
 *
 * @return FCC_OK
 *         FCC_ERR_ARG  `policy` is no common.SignaturePolicyEnvelope
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_state_ep_new(fcc_stub *stub, fcc_bytes policy, fcc_state_ep **out);

/*
 * Organisations that have to sign from now on, all in this role; those that are there already change to it. FCC_ERR_ARG
 * for another role or a name that is not UTF-8: then nothing is changed.
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_state_ep_add_orgs(fcc_state_ep *ep, fcc_role role, const fcc_bytes *msp_ids,
                                                        size_t count);
/* Organisations that no longer have to. One that is not there is no error. */
FCC_API void fcc_state_ep_del_orgs(fcc_state_ep *ep, const fcc_bytes *msp_ids, size_t count);
/* Sorted by name in byte order. Borrowed until the next call that adds or deletes. */
FCC_API void fcc_state_ep_list_orgs(const fcc_state_ep *ep, const fcc_bytes **msp_ids, size_t *count);
/* For fcc_set_state_validation_parameter. Without organisations it is a policy that everything satisfies. */
FCC_API FCC_MUST_CHECK fcc_status fcc_state_ep_policy(const fcc_state_ep *ep, fcc_bytes *out);

#ifdef __cplusplus
}
#endif
#endif
