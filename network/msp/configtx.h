/*
 * configtx.h: changing a channel's configuration. What the orderer makes of a CONFIG_UPDATE, what a peer asks of the
 * CONFIG transaction that comes of it, and, for clients, how an update is computed and signed.
 *
 * Rules and texts are Fabric's: common/configtx, common/channelconfig, orderer/common/msgprocessor. All results are in
 * the caller's arena; nothing keeps a reference to what it is given.
 */
#ifndef NETWORK_MSP_CONFIGTX_H
#define NETWORK_MSP_CONFIGTX_H

#include "msp/channel.h"

/* ---- the orderer's side ------------------------------------------------------------------------------------------- */

/*
 * What every message to the orderer has to pass, in Fabric's order: not empty, not larger than AbsoluteMaxBytes, creator
 * not expired at `now_s`, signed by one of /Channel/Writers (in maintenance mode /Channel/Orderer/Writers).
 *
 * @param envelope  serialized common.Envelope
 * @return FCC_OK
 *         FCC_ERR_AUTH    to be answered with FORBIDDEN: `...: permission denied`
 *         FCC_ERR_CONFIG  with BAD_REQUEST
 */
fcc_status msp_admit(const msp_channel *channel, fcc_bytes envelope, int64_t now_s, fcc_error *error) FCC_MUST_CHECK;

/*
 * All that becomes of a CONFIG_UPDATE at the orderer: it is admitted, judged against the channel's configuration, made
 * into a CONFIG message signed by the orderer, and that is admitted and judged again. Order the result alone in a block.
 * As the judgement holds for this configuration only, ask again when the channel has changed before the block is cut.
 *
 * @param envelope  the client's, serialized common.Envelope of type CONFIG_UPDATE
 * @param config    on FCC_OK the serialized common.Envelope of type CONFIG
 *
 * @return FCC_OK
 *         FCC_ERR_AUTH    FORBIDDEN
 *         FCC_ERR_CONFIG  BAD_REQUEST
 */
fcc_status msp_configtx_order(const msp_channel *channel, fcc_bytes envelope, const msp_signer *orderer, int64_t now_s,
                              fcc__arena *arena, fcc_bytes *config, fcc_error *error) FCC_MUST_CHECK;

/*
 * The heart of it alone: the common.ConfigEnvelope that the update gives. FCC_ERR_CONFIG with Fabric's text, also when
 * signatures are missing.
 */
fcc_status msp_configtx_propose(const msp_channel *channel, fcc_bytes envelope, fcc__arena *arena,
                                fcc_bytes *config_envelope, fcc_error *error) FCC_MUST_CHECK;

/* ---- the peer's side ---------------------------------------------------------------------------------------------- */

/*
 * Is the configuration of a CONFIG transaction what its last_update gives against the channel's, and one that may follow
 * it? `*next` is then the channel with it, the caller's to free. FCC_ERR_CONFIG with Fabric's text: a peer then takes
 * neither the transaction nor its block.
 */
fcc_status msp_configtx_validate(const msp_channel *channel, fcc_bytes config_envelope, msp_channel **next,
                                 fcc_error *error) FCC_MUST_CHECK;

/* ---- the client's side -------------------------------------------------------------------------------------------- */

/*
 * The common.ConfigUpdate from one common.Config to another, as `configtxlator compute_update` makes it: what differs, with
 * its versions, and what has to be as it was. FCC_ERR_CONFIG when they do not differ.
 */
fcc_status msp_configtx_compute(const char *channel_id, fcc_bytes original, fcc_bytes updated, fcc__arena *arena,
                                fcc_bytes *update, fcc_error *error) FCC_MUST_CHECK;

/*
 * The update signed by each of `signers`, in an Envelope of type CONFIG_UPDATE that `submitter` signs: what goes to
 * Broadcast.
 */
fcc_status msp_configtx_sign(const char *channel_id, fcc_bytes update, const msp_signer *const *signers, size_t count,
                             const msp_signer *submitter, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *envelope) FCC_MUST_CHECK;

/* ---- updates as files: one signs after the other ------------------------------------------------------------------ */

/* An update in an Envelope of type CONFIG_UPDATE that nobody has signed: what `peer channel signconfigtx` takes as well. */
fcc_status msp_configtx_wrap(const char *channel_id, fcc_bytes update, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *envelope) FCC_MUST_CHECK;
/* The same with one more signature. FCC_ERR_PROTO: it is none; FCC_ERR_EXISTS: this identity has signed it. */
fcc_status msp_configtx_add(fcc_bytes envelope, const msp_signer *signer, int64_t now_s, fcc__arena *arena,
                            fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;
/* What goes to Broadcast: `submitter` signs the envelope, and the update unless that is done. FCC_ERR_PROTO. */
fcc_status msp_configtx_seal(fcc_bytes envelope, const msp_signer *submitter, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;

typedef enum msp_change_kind { MSP_CHANGED, MSP_ADDED, MSP_REMOVED } msp_change_kind;

typedef struct msp_update_change {
    msp_change_kind kind;
    const char *what; /* "group", "value", "policy"; "members" of a group, of which nothing more is known */
    const char *path; /* "/Channel/Application/Inspector" */
} msp_update_change;

typedef struct msp_update_signer {
    const char *mspid,
        *subject; /* as they say; whether they may, and whether the signature is theirs, the channel judges */
} msp_update_signer;

typedef struct msp_update {
    const char *channel_id;
    msp_update_signer *signers;
    size_t signer_count;
    msp_update_change *changes;
    size_t change_count;
} msp_update;

/*
 * What an update changes, and who has signed it. `config`: the common.Config in force, without which (empty) nothing can be
 * said about what is removed. FCC_ERR_PROTO.
 */
fcc_status msp_configtx_read(fcc_bytes envelope, fcc_bytes config, fcc__arena *arena, msp_update *out,
                             fcc_error *error) FCC_MUST_CHECK;

#endif
