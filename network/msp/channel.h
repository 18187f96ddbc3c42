/*
 * channel.h: the channel's configuration. Its genesis block from network.yaml and the key material, and back from a
 * config block to the organisations, their membership services and the channel's policies.
 */
#ifndef NETWORK_MSP_CHANNEL_H
#define NETWORK_MSP_CHANNEL_H

#include "config/config.h"
#include "msp/msp.h"

/*
 * Block 0 of the channel, a serialized common.Block with one unsigned CONFIG envelope, metadata as the orderer makes it
 * (transaction filter empty). `crypto_dir` is what msp_generate filled. The block has a random nonce and the time
 * `now_s`: make it once and keep it.
 */
fcc_status msp_genesis(const config_network *network, const char *crypto_dir, int64_t now_s, fcc__arena *arena,
                       fcc_bytes *block, fcc_error *error) FCC_MUST_CHECK;

typedef struct msp_channel msp_channel;

typedef struct msp_channel_org {
    const char *name; /* group name: the one in policy paths */
    const char *mspid;
    bool application;  /* else an orderer organisation */
    size_t endpoints;  /* how many an orderer organisation names */
    fcc_bytes tls_cas; /* PEM: the roots and intermediates that its TLS certificates come from; may be empty */
} msp_channel_org;

/* From a config block, or from the common.Config alone. Copies. FCC_ERR_PROTO, FCC_ERR_CONFIG. */
fcc_status msp_channel_from_block(fcc_bytes block, msp_channel **out, fcc_error *error) FCC_MUST_CHECK;
fcc_status msp_channel_from_config(const char *channel_id, fcc_bytes config, msp_channel **out,
                                   fcc_error *error) FCC_MUST_CHECK;
void msp_channel_free(msp_channel *channel); /* takes NULL */

/* All borrowed from the channel. */
const char *msp_channel_id(const msp_channel *channel);
fcc_bytes msp_channel_config(const msp_channel *channel); /* common.Config, serialized */
uint64_t msp_channel_sequence(const msp_channel *channel);
msp_manager *msp_channel_manager(const msp_channel *channel);
size_t msp_channel_org_count(const msp_channel *channel);
const msp_channel_org *msp_channel_org_at(const msp_channel *channel, size_t i);
bool msp_channel_has_policy(const msp_channel *channel, const char *path);
/* The orderer's limits as the configuration states them. */
uint32_t msp_channel_max_message_count(const msp_channel *channel);
uint32_t msp_channel_absolute_max_bytes(const msp_channel *channel);
uint32_t msp_channel_preferred_max_bytes(const msp_channel *channel);
uint32_t msp_channel_batch_timeout_ms(const msp_channel *channel);
/* Is the application capability (for example "V2_5") on? */
bool msp_channel_application_capability(const msp_channel *channel, const char *name);
/* The policy path that the channel's ACLs value gives a resource; NULL when it says nothing. See acl.h. */
const char *msp_channel_acl(const msp_channel *channel, const char *resource);
/* Does it take blocks by the rules of BFT (channel capability V3_0)? */
bool msp_channel_is_bft(const msp_channel *channel);
/* The msp.SerializedIdentity of the orderer with this number, in the arena. FCC_ERR_NOT_FOUND. */
fcc_status msp_channel_consenter(const msp_channel *channel, uint32_t number, fcc__arena *arena,
                                 fcc_bytes *identity) FCC_MUST_CHECK;
/*
 * Is it in maintenance mode, in which the orderer takes no normal transactions? They are answered with
 * SERVICE_UNAVAILABLE and `normal transactions are rejected: maintenance mode`.
 */
bool msp_channel_in_maintenance(const msp_channel *channel);

/*
 * Evaluate a policy of the channel by its absolute path ("/Channel/Application/Endorsement",
 * "/Channel/Application/Hospital/Readers"), implicit meta policies included.
 * FCC_ERR_AUTH not satisfied; FCC_ERR_NOT_FOUND no such policy.
 */
fcc_status msp_channel_evaluate(const msp_channel *channel, const char *path, const msp_identity *const *identities,
                                size_t count, fcc_error *error) FCC_MUST_CHECK;
/* Evaluate a protos.ApplicationPolicy: its own signature policy, or the channel's that it refers to. */
fcc_status msp_channel_evaluate_application(const msp_channel *channel, fcc_bytes application_policy,
                                            const msp_identity *const *identities, size_t count,
                                            fcc_error *error) FCC_MUST_CHECK;
/* Planning, as msp_policy_satisfied_by_orgs, for protos.ApplicationPolicy bytes. */
bool msp_channel_satisfied_by_orgs(const msp_channel *channel, const fcc_bytes *application_policies, size_t count,
                                   const char *const *mspids, size_t mspid_count);

#endif
