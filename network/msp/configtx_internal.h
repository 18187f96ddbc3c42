/* configtx_internal.h: what the files about configuration updates share. Not for anybody outside network/msp. */
#ifndef NETWORK_MSP_CONFIGTX_INTERNAL_H
#define NETWORK_MSP_CONFIGTX_INTERNAL_H

#include "msp/configtx.h"

#include "common/common.pb-c.h"
#include "common/configtx.pb-c.h"

/*
 * The data of an envelope whose header has this type, as a message of `descriptor`, into `*out` (a pointer to it).
 * FCC_ERR_CONFIG with Fabric's text.
 */
fcc_status msp__message_of_type(const Common__Envelope *envelope, int32_t type,
                                const ProtobufCMessageDescriptor *descriptor, fcc__arena *arena, void *out,
                                fcc_error *error) FCC_MUST_CHECK;

/* An envelope of this type with these data, signed, as Fabric's CreateSignedEnvelope makes it; its header has no tx_id. */
fcc_status msp__envelope_sign(const char *channel_id, int32_t type, fcc_bytes data, const msp_signer *signer,
                              int64_t now_s, fcc__arena *arena, Common__Envelope *out) FCC_MUST_CHECK;

/*
 * What an Envelope of type CONFIG_UPDATE makes of the channel: the ConfigEnvelope in the arena, and the next channel, which
 * is the caller's to free. Not yet judged against this one. FCC_ERR_CONFIG.
 */
fcc_status msp__configtx_next(const msp_channel *channel, Common__Envelope *envelope, fcc__arena *arena,
                              fcc_bytes *config_envelope, msp_channel **next, fcc_error *error) FCC_MUST_CHECK;
/* Has the next configuration the two groups that no channel can be without? FCC_ERR_CONFIG. */
fcc_status msp__configtx_groups_kept(const Common__ConfigGroup *group, fcc_error *error) FCC_MUST_CHECK;

/* A signature over an update. FCC_ERR_LIMIT, FCC_ERR_INTERNAL. */
fcc_status msp__configtx_signature(fcc_bytes update, const msp_signer *signer, fcc__arena *arena,
                                   Common__ConfigSignature **out) FCC_MUST_CHECK;
/* The group that an organisation of network.yaml has below Application, in the arena (genesis_dir.c). */
fcc_status msp__genesis_org(const config_network *network, const config_org *org, const char *crypto_dir,
                            fcc__arena *arena, Common__ConfigGroup **out, fcc_error *error) FCC_MUST_CHECK;

#endif
