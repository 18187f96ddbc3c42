/*
 * acl.h: who may do what at a peer. Each resource has a policy, by Fabric's defaults (core/aclmgmt) or by the ACLs value
 * of the channel's configuration, and a signed request is judged by it, in Fabric's words.
 *
 * Resources of a channel ("qscc/GetChainInfo", "event/Block") are governed by one of its policies, which its
 * configuration may choose. Resources of the peer ("_lifecycle/InstallChaincode", "cscc/GetChannels") are its own
 * organisation's admins' or members', whatever a channel says.
 */
#ifndef NETWORK_MSP_ACL_H
#define NETWORK_MSP_ACL_H

#include "msp/channel.h"
#include "msp/policy.h"

/* Where the request goes. All borrowed during the call. */
typedef struct msp_acl {
    const msp_channel *channel; /* the one that channel_id names; NULL: this peer has no such channel */
    fcc_bytes channel_id;       /* as the request has it; may be empty */
    msp_manager *local;         /* with the peer's own organisation alone, as msp_org_load gives it */
} msp_acl;

/* What carries the signature: some texts depend on it. */
typedef enum msp_acl_form {
    MSP_ACL_PROPOSAL, /* protos.SignedProposal: the endorser, system chaincodes */
    MSP_ACL_DATA,     /* anything else: an envelope of Deliver, a request to the gateway */
} msp_acl_form;

/*
 * May the one who signed use `resource`? For a proposal, data[0] are its proposal_bytes and data[1] is empty; for an
 * envelope, its payload; for the gateway, the request. Checks the signature.
 *
 * @return FCC_OK
 *         FCC_ERR_AUTH  no, with Fabric's text; also for a resource that nobody has heard of
 */
fcc_status msp_acl_check(const msp_acl *acl, const char *resource, msp_acl_form form, const msp_signed *request,
                         fcc_error *error) FCC_MUST_CHECK;
/* The same for a request that concerns no channel (Fabric's CheckACLNoChannel): resources of the peer only. */
fcc_status msp_acl_check_peer(const msp_acl *acl, const char *resource, msp_acl_form form, const msp_signed *request,
                              fcc_error *error) FCC_MUST_CHECK;

/* The path of the policy that governs a channel's resource; NULL for one of the peer's, or unknown. Borrowed. */
const char *msp_acl_policy(const msp_channel *channel, const char *resource);

#endif
