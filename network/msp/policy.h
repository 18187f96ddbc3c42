/*
 * policy.h: who has to sign. Fabric's policy language, signature policies and their evaluation.
 *
 * A policy is passed around as the bytes of a common.SignaturePolicyEnvelope, as it lies on the ledger.
 */
#ifndef NETWORK_MSP_POLICY_H
#define NETWORK_MSP_POLICY_H

#include "config/config.h"
#include "msp/msp.h"

/*
 * AND(...), OR(...), OutOf(n, ...) over 'MSP.role', to the very bytes that Fabric's tools make. In the arena.
 * FCC_ERR_CONFIG with the text and place at fault.
 */
fcc_status msp_policy_parse(const char *text, fcc__arena *arena, fcc_bytes *envelope, fcc_error *error) FCC_MUST_CHECK;
/* Is this a well-formed envelope (rule present, indexes in range)? FCC_ERR_PROTO. */
fcc_status msp_policy_check(fcc_bytes envelope, fcc_error *error) FCC_MUST_CHECK;
/* The envelope as protos.ApplicationPolicy{signature_policy}, the validation parameter of a chaincode. */
fcc_status msp_policy_application(fcc_bytes envelope, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;
/* A protos.ApplicationPolicy{channel_config_policy_reference}. */
fcc_status msp_policy_reference(const char *path, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;

/* Somebody's signature over data[0] and data[1] joined (for an endorsement: payload and endorser). */
typedef struct msp_signed {
    fcc_bytes data[2];
    fcc_bytes identity; /* msp.SerializedIdentity */
    fcc_bytes signature;
} msp_signed;

/*
 * Whose signatures hold, each identity once, in order. Undecodable identities and wrong signatures are skipped, as in
 * Fabric. `identities` has room for `count`. Evaluate as many policies as needed against the result.
 */
void msp_signers_of(msp_manager *manager, const msp_signed *set, size_t count, const msp_identity **identities,
                    size_t *identity_count);

/*
 * Do these identities satisfy the policy of a chaincode, collection or key? First fit without backtracking, and whatever
 * the policy's version, as in Fabric.
 * FCC_ERR_AUTH no; FCC_ERR_PROTO not a policy.
 */
fcc_status msp_policy_evaluate(fcc_bytes envelope, const msp_identity *const *identities, size_t count,
                               fcc_error *error) FCC_MUST_CHECK;

/*
 * Planning: would one peer of each of these organisations satisfy every one of the policies? A malformed policy is
 * satisfied by nobody. For policies given by reference see msp_channel_satisfied_by_orgs.
 */
bool msp_policy_satisfied_by_orgs(const fcc_bytes *envelopes, size_t envelope_count, const char *const *mspids,
                                  size_t mspid_count);

/*
 * The identity that a client or peer of this organisation would have, for questions of membership without a
 * certificate ("is HospitalMSP's peer a member of this collection?"): does it satisfy the policy alone?
 */
bool msp_policy_admits(fcc_bytes envelope, const char *mspid, msp_role role);

/* protos.CollectionConfigPackage of a chaincode's collections, as the ledger holds it. FCC_ERR_CONFIG names the culprit. */
fcc_status msp_collections_pack(config_collections collections, fcc__arena *arena, fcc_bytes *out,
                                fcc_error *error) FCC_MUST_CHECK;

#endif
