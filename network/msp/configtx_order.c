/*
 * configtx_order.c: what an orderer asks of a message, and what it makes of a CONFIG_UPDATE. Fabric's
 * orderer/common/msgprocessor, orderer/common/multichannel and, of orderer/consensus, what concerns the configuration.
 */
#include "msp/channel_internal.h"
#include "msp/configtx_internal.h"

#include "msp/identities.pb-c.h"
#include "orderer/etcdraft/configuration.pb-c.h"
#include "protos/unpack.h"

#include <openssl/rand.h>

enum { SCRATCH = 256 << 20, NONCE = 24 };

/* ---- every message ------------------------------------------------------------------------------------------------- */

/* notAfter of the certificate in a SerializedIdentity; 0 when that can't be said. A member's is known already. */
static int64_t expires(const msp_channel *channel, fcc_bytes serialized, fcc__arena *arena)
{
    Msp__SerializedIdentity *identity;
    const msp_identity *member;
    X509 *cert;
    int64_t at;

    if (msp_deserialize(channel->manager, serialized, &member, NULL) == FCC_OK)
        return msp_identity_expires(member);
    if (FCC__UNPACK(msp__serialized_identity, serialized, arena, &identity) != FCC_OK)
        return 0;
    cert = msp__cert_of_pem(fcc__of_pb(identity->id_bytes));
    at = cert ? msp__not_after(cert) : 0;
    X509_free(cert);
    return at;
}

/* The signature's header, which says who. */
static fcc_status signature_header(const Common__Envelope *envelope, fcc__arena *arena, Common__SignatureHeader **out,
                                   fcc_error *error)
{
    Common__Payload *payload;
    fcc_status st = FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), arena, &payload);

    const char *where = "";

    if (st == FCC_OK && !payload->header)
        return fcc_error_set(error, FCC_ERR_CONFIG, "could not convert message to signedData: Missing Header");
    if (st == FCC_OK) {
        where = "GetSignatureHeaderFromBytes failed, err ";
        st = FCC__UNPACK(common__signature_header, fcc__of_pb(payload->header->signature_header), arena, out);
    }
    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "could not convert message to signedData: %sproto: cannot parse invalid wire-format data",
                             where);
    return st == FCC_OK ? st : fcc_error_set(error, st, "the message is too large");
}

static fcc_status check_writer(const msp_channel *channel, const Common__Envelope *envelope, fcc_bytes creator,
                               fcc_error *error)
{
    const bool maintenance = channel->consensus->state == ORDERER__CONSENSUS_TYPE__STATE__STATE_MAINTENANCE;
    const char *path = maintenance ? "/Channel/Orderer/Writers" : "/Channel/Writers";
    const msp_signed set = { .data = { fcc__of_pb(envelope->payload), { NULL, 0 } },
                             .identity = creator,
                             .signature = fcc__of_pb(envelope->signature) };
    const msp_identity *signer;
    fcc_error why = { 0 };
    size_t count;
    fcc_status st;

    msp_signers_of(channel->manager, &set, 1, &signer, &count);
    st = msp_channel_evaluate(channel, path, &signer, count, &why);
    if (st == FCC_ERR_NOT_FOUND)
        return fcc_error_set(error, FCC_ERR_CONFIG, "could not find policy %s", path);
    if (st == FCC_ERR_AUTH)
        return fcc_error_set(error, st, "%.900s: permission denied", why.text);
    return st == FCC_OK ? st : fcc_error_set(error, st, "%s", why.text);
}

static fcc_status admit(const msp_channel *channel, const Common__Envelope *envelope, int64_t now_s, fcc__arena *arena,
                        fcc_error *error)
{
    const size_t size = envelope->payload.len + envelope->signature.len, most = channel->batch->absolute_max_bytes;
    Common__SignatureHeader *header;
    int64_t end;
    fcc_status st;

    if (envelope->payload.len == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "Message was empty");
    if (size > most)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "message payload is %zu bytes and exceeds maximum allowed %zu bytes", size, most);
    st = signature_header(envelope, arena, &header, error);
    if (st != FCC_OK)
        return st;
    end = channel->capabilities.expiration ? expires(channel, fcc__of_pb(header->creator), arena) : 0;
    if (end != 0 && now_s >= end)
        return fcc_error_set(error, FCC_ERR_CONFIG, "broadcast client identity expired");
    return check_writer(channel, envelope, fcc__of_pb(header->creator), error);
}

static fcc_status read_envelope(fcc_bytes bytes, fcc__arena *arena, Common__Envelope **out, fcc_error *error)
{
    fcc_status st = FCC__UNPACK(common__envelope, bytes, arena, out);

    return st == FCC_OK
               ? st
               : fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CONFIG : st, "error unmarshalling Envelope");
}

fcc_status msp_admit(const msp_channel *channel, fcc_bytes envelope, int64_t now_s, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    Common__Envelope *read;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a message");
    st = read_envelope(envelope, scratch, &read, error);
    if (st == FCC_OK)
        st = admit(channel, read, now_s, scratch, error);
    fcc__arena_free(scratch);
    return st;
}

/* ---- the next configuration ---------------------------------------------------------------------------------------- */

fcc_status msp__configtx_groups_kept(const Common__ConfigGroup *group, fcc_error *error)
{
    if (!msp__tree_group(group, fcc_str(msp__orderer_group)))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "config update is not compatible: config does not contain orderer config");
    if (!msp__tree_group(group, fcc_str(msp__application_group)))
        return fcc_error_set(error, FCC_ERR_CONFIG, "current config has application section, but new config does not");
    return FCC_OK;
}

/* The metadata of etcdraft, where they have changed. Consenters' certificates are for Fabric's own orderers to judge. */
static fcc_status check_raft(const msp_channel *next, fcc__arena *arena, fcc_error *error)
{
    Etcdraft__ConfigMetadata *metadata;
    const Etcdraft__Options *options;
    fcc_error why = { 0 };
    int64_t tick;
    fcc_status st = FCC__UNPACK(etcdraft__config_metadata, fcc__of_pb(next->consensus->metadata), arena, &metadata);

    if (st != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "failed to unmarshal new etcdraft metadata configuration: proto: cannot parse invalid "
                             "wire-format data");
    options = metadata->options;
    if (!options)
        return fcc_error_set(error, FCC_ERR_CONFIG, "invalid new config metadata: nil Raft config metadata options");
    if (options->heartbeat_tick == 0 || options->election_tick == 0 || options->max_inflight_blocks == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "invalid new config metadata: none of HeartbeatTick (%u), ElectionTick (%u) and "
                             "MaxInflightBlocks (%u) can be zero",
                             options->heartbeat_tick, options->election_tick, options->max_inflight_blocks);
    if (options->election_tick <= options->heartbeat_tick)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "invalid new config metadata: ElectionTick (%u) must be greater than HeartbeatTick (%u)",
                             options->election_tick, options->heartbeat_tick);
    if (msp__duration(fcc__of_pb(options->tick_interval), &tick, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "invalid new config metadata: failed to parse TickInterval (" FCC_FMT
                             ") to time duration: %.400s",
                             FCC_ARG(fcc__of_pb(options->tick_interval)), why.text);
    if (tick == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "invalid new config metadata: TickInterval cannot be zero");
    if (metadata->n_consenters == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "invalid new config metadata: empty consenter set");
    return FCC_OK;
}

static fcc_status check_metadata(const msp_channel *channel, const msp_channel *next, fcc__arena *arena,
                                 fcc_error *error)
{
    const fcc_bytes old = fcc__of_pb(channel->consensus->metadata), new = fcc__of_pb(next->consensus->metadata);
    fcc_error why = { 0 };

    if (new.len == 0 || fcc_bytes_equal(old, new) ||
        !fcc_bytes_equal(fcc__of_pb(next->consensus->type), FCC_LIT("etcdraft")) ||
        check_raft(next, arena, &why) == FCC_OK)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_CONFIG,
                         "consensus metadata update for channel config update is invalid: %.900s", why.text);
}

static fcc_status check_compatible(const msp_channel *next, fcc_error *error)
{
    const char *orderer = next->capabilities.unsupported_orderer, *channel = next->capabilities.unsupported;

    if (orderer)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "config update is not compatible: config requires unsupported orderer capabilities: "
                             "%.200s: %.200s",
                             orderer, orderer);
    if (channel)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "config update is not compatible: config requires unsupported channel capabilities: "
                             "%.200s: %.200s",
                             channel, channel);
    return FCC_OK;
}

/* The next channel, judged against this one. */
static fcc_status propose(const msp_channel *channel, Common__Envelope *envelope, fcc__arena *arena,
                          fcc_bytes *config_envelope, msp_channel **next, fcc_error *error)
{
    fcc_status st = msp__configtx_next(channel, envelope, arena, config_envelope, next, error);

    if (st != FCC_OK)
        return st;
    st = check_compatible(*next, error);
    if (st == FCC_OK)
        st = msp__channel_follows(channel, *next, error);
    if (st == FCC_OK)
        st = check_metadata(channel, *next, arena, error);
    if (st != FCC_OK)
        msp_channel_free(*next);
    return st;
}

fcc_status msp_configtx_propose(const msp_channel *channel, fcc_bytes envelope, fcc__arena *arena,
                                fcc_bytes *config_envelope, fcc_error *error)
{
    msp_channel *next = NULL;
    Common__Envelope *read;
    fcc_status st = read_envelope(envelope, arena, &read, error);

    if (st == FCC_OK)
        st = propose(channel, read, arena, config_envelope, &next, error);
    if (st == FCC_OK)
        msp_channel_free(next);
    return st;
}

/* ---- maintenance --------------------------------------------------------------------------------------------------- */

static const char *state_name(const Orderer__ConsensusType *type)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(&orderer__consensus_type__state__descriptor,
                                                                           (int)type->state);

    return value ? value->name : "?";
}

/* A change of the state comes alone: only ConsensusType, and in it only that. */
static fcc_status only_consensus_type(const Common__Envelope *envelope, fcc__arena *arena, fcc_error *error)
{
    Common__ConfigUpdateEnvelope *update_envelope;
    Common__ConfigUpdate *update;
    const Common__ConfigGroup *orderer;
    fcc_status st = msp__message_of_type(envelope, COMMON__HEADER_TYPE__CONFIG_UPDATE,
                                         &common__config_update_envelope__descriptor, arena, &update_envelope, error);

    if (st == FCC_OK)
        st = FCC__UNPACK(common__config_update, fcc__of_pb(update_envelope->config_update), arena, &update);
    if (st == FCC_OK && update->write_set)
        st = msp__tree_tidy(update->write_set, arena);
    if (st != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config update unmarshalling error");
    if (!update->write_set || update->write_set->n_groups == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config update contains no changes");
    if (update->write_set->n_values > 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config update contains changes to values in group Channel");
    if (update->write_set->n_groups > 1)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config update contains changes to more than one group");
    orderer = msp__tree_group(update->write_set, fcc_str(msp__orderer_group));
    if (!orderer)
        return fcc_error_set(error, FCC_ERR_CONFIG, "update does not contain the Orderer group");
    if (orderer->n_groups > 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "config update contains changes to groups within the Orderer group");
    if (!msp__tree_value(orderer, FCC_LIT("ConsensusType")))
        return fcc_error_set(error, FCC_ERR_CONFIG, "config update does not contain the ConsensusType value");
    if (orderer->n_values > 1)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "config update contain more then just the ConsensusType value in the Orderer group");
    return FCC_OK;
}

static fcc_status check_state(const msp_channel *channel, const msp_channel *next, const Common__Envelope *update,
                              fcc__arena *arena, fcc_error *error)
{
    const Orderer__ConsensusType *old = channel->consensus, *new = next->consensus;
    const fcc_bytes old_type = fcc__of_pb(old->type), new_type = fcc__of_pb(new->type);
    fcc_status st;

    if (old->state == new->state)
        return FCC_OK;
    st = only_consensus_type(update, arena, error);
    if (st != FCC_OK)
        return st;
    if (!fcc_bytes_equal(old_type, new_type))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "attempted to change ConsensusType.Type from " FCC_FMT " to " FCC_FMT
                             ", but ConsensusType.State is changing from %s to %s",
                             FCC_ARG(old_type), FCC_ARG(new_type), state_name(old), state_name(new));
    if (!fcc_bytes_equal(fcc__of_pb(old->metadata), fcc__of_pb(new->metadata)))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "attempted to change ConsensusType.Metadata, but ConsensusType.State is changing from %s "
                             "to %s",
                             state_name(old), state_name(new));
    return FCC_OK;
}

/* Migration to another consensus is for Fabric's own orderers: no type is a permitted target here. */
static fcc_status check_type(const msp_channel *channel, const msp_channel *next, fcc_error *error)
{
    const Orderer__ConsensusType *old = channel->consensus, *new = next->consensus;
    const fcc_bytes from = fcc__of_pb(old->type), to = fcc__of_pb(new->type);
    const char *why = "transition not supported";

    if (fcc_bytes_equal(from, to))
        return FCC_OK;
    if (old->state == ORDERER__CONSENSUS_TYPE__STATE__STATE_NORMAL)
        why = "but current config ConsensusType.State is not in maintenance mode";
    else if (new->state == ORDERER__CONSENSUS_TYPE__STATE__STATE_NORMAL)
        why = "but next config ConsensusType.State is not in maintenance mode";
    return fcc_error_set(error, FCC_ERR_CONFIG,
                         "attempted to change consensus type from " FCC_FMT " to " FCC_FMT ", %s", FCC_ARG(from),
                         FCC_ARG(to), why);
}

static fcc_status check_maintenance(const msp_channel *channel, const msp_channel *next, const Common__Envelope *update,
                                    fcc__arena *arena, fcc_error *error)
{
    const Orderer__ConsensusType *old = channel->consensus, *new = next->consensus;
    fcc_status st;

    if (channel->capabilities.orderer_migration) {
        st = check_state(channel, next, update, arena, error);
        return st == FCC_OK ? check_type(channel, next, error) : st;
    }
    if (new->state != ORDERER__CONSENSUS_TYPE__STATE__STATE_NORMAL)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "next config attempted to change ConsensusType.State to %s, but capability is disabled",
                             state_name(new));
    if (!fcc_bytes_equal(fcc__of_pb(old->type), fcc__of_pb(new->type)))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "next config attempted to change ConsensusType.Type from " FCC_FMT " to " FCC_FMT
                             ", but capability is disabled",
                             FCC_ARG(fcc__of_pb(old->type)), FCC_ARG(fcc__of_pb(new->type)));
    return FCC_OK;
}

/* ---- from one envelope to the other -------------------------------------------------------------------------------- */

fcc_status msp__envelope_sign(const char *channel_id, int32_t type, fcc_bytes data, const msp_signer *signer,
                              int64_t now_s, fcc__arena *arena, Common__Envelope *out)
{
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader channel_header = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader header = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header both = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    fcc_bytes channel_bytes, header_bytes, payload_bytes, signature;
    unsigned char nonce[NONCE];
    fcc_status st;

    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return FCC_ERR_INTERNAL;
    timestamp.seconds = now_s;
    channel_header.type = type;
    channel_header.timestamp = &timestamp;
    channel_header.channel_id = fcc__pb(fcc_str(channel_id));
    header.creator = fcc__pb(msp_signer_identity(signer));
    header.nonce = fcc__pb(fcc_bytes_of(nonce, sizeof nonce));
    st = fcc__pack(&channel_header, arena, &channel_bytes);
    if (st == FCC_OK)
        st = fcc__pack(&header, arena, &header_bytes);
    if (st != FCC_OK)
        return st;
    both.channel_header = fcc__pb(channel_bytes);
    both.signature_header = fcc__pb(header_bytes);
    payload.header = &both;
    payload.data = fcc__pb(data);
    st = fcc__pack(&payload, arena, &payload_bytes);
    if (st == FCC_OK)
        st = msp_sign(signer, &payload_bytes, 1, arena, &signature);
    if (st != FCC_OK)
        return st;
    common__envelope__init(out);
    out->payload = fcc__pb(payload_bytes);
    out->signature = fcc__pb(signature);
    return FCC_OK;
}

/* A failure of one of the steps, named as Fabric names it. */
static fcc_status failed(fcc_status st, const char *step, const fcc_error *why, fcc_error *error)
{
    return fcc_error_set(error, st, "config update for existing channel did not pass %s: %.900s", step, why->text);
}

fcc_status msp_configtx_order(const msp_channel *channel, fcc_bytes envelope, const msp_signer *orderer, int64_t now_s,
                              fcc__arena *arena, fcc_bytes *config, fcc_error *error)
{
    Common__Envelope *update, made;
    fcc_bytes config_envelope;
    msp_channel *next = NULL;
    fcc_error why = { 0 };
    fcc_status st = read_envelope(envelope, arena, &update, error);

    if (st != FCC_OK)
        return st;
    st = admit(channel, update, now_s, arena, &why);
    if (st != FCC_OK)
        return failed(st, "initial checks", &why, error);
    st = propose(channel, update, arena, &config_envelope, &next, &why);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "error applying config update to existing channel '%s': %.900s", channel->id,
                             why.text);
    st = msp__envelope_sign(channel->id, COMMON__HEADER_TYPE__CONFIG, config_envelope, orderer, now_s, arena, &made);
    if (st == FCC_OK)
        st = fcc__pack(&made, arena, config);
    if (st != FCC_OK)
        fcc_error_set(error, st, "the CONFIG message can't be made: %s", fcc_status_text(st));
    if (st == FCC_OK && (st = admit(channel, &made, now_s, arena, &why)) != FCC_OK)
        failed(st, "final checks", &why, error);
    if (st == FCC_OK && (st = check_maintenance(channel, next, update, arena, &why)) != FCC_OK)
        fcc_error_set(error, st,
                      "config update for existing channel did not pass maintenance checks: config transaction "
                      "inspection failed: %.800s",
                      why.text);
    msp_channel_free(next);
    return st;
}
