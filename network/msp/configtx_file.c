/*
 * configtx_file.c: an update on its way: made by one, signed by one administrator after the other, perhaps far apart, and
 * submitted by the last. In files as `peer channel signconfigtx` and `peer channel update` take them: an Envelope of type
 * CONFIG_UPDATE, whose own signature counts only when it is submitted.
 */
#include "msp/configtx_internal.h"
#include "msp/internal.h"
#include "msp/tree.h"

#include "msp/identities.pb-c.h"
#include "protos/unpack.h"

enum { CHANGES_MAX = 4096, PATH_MOST = 512 };

static fcc_status too_large(fcc_error *error, fcc_status st)
{
    return fcc_error_set(error, st, "the configuration update is too large");
}

/* ---- the envelope --------------------------------------------------------------------------------------------------- */

static fcc_status wrap(const char *channel_id, const Common__ConfigUpdateEnvelope *message, int64_t now_s,
                       fcc__arena *arena, fcc_bytes *envelope)
{
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader channel_header = COMMON__CHANNEL_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope made = COMMON__ENVELOPE__INIT;
    fcc_bytes bytes;
    fcc_status st;

    timestamp.seconds = now_s;
    channel_header.type = COMMON__HEADER_TYPE__CONFIG_UPDATE;
    channel_header.timestamp = &timestamp;
    channel_header.channel_id = fcc__pb(fcc_str(channel_id));
    st = fcc__pack(&channel_header, arena, &bytes);
    header.channel_header = fcc__pb(bytes);
    payload.header = &header;
    if (st == FCC_OK)
        st = fcc__pack(message, arena, &bytes);
    payload.data = fcc__pb(bytes);
    if (st == FCC_OK)
        st = fcc__pack(&payload, arena, &bytes);
    made.payload = fcc__pb(bytes);
    return st == FCC_OK ? fcc__pack(&made, arena, envelope) : st;
}

fcc_status msp_configtx_wrap(const char *channel_id, fcc_bytes update, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *envelope)
{
    Common__ConfigUpdateEnvelope message = COMMON__CONFIG_UPDATE_ENVELOPE__INIT;

    message.config_update = fcc__pb(update);
    return wrap(channel_id, &message, now_s, arena, envelope);
}

static fcc_status open_envelope(fcc_bytes envelope, fcc__arena *arena, const char **channel_id,
                                Common__ConfigUpdateEnvelope **out, fcc_error *error)
{
    Common__Envelope *outer;
    Common__Payload *payload;
    Common__ChannelHeader *header;

    if (FCC__UNPACK(common__envelope, envelope, arena, &outer) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(outer->payload), arena, &payload) != FCC_OK || !payload->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), arena, &header) != FCC_OK ||
        header->type != COMMON__HEADER_TYPE__CONFIG_UPDATE ||
        FCC__UNPACK(common__config_update_envelope, fcc__of_pb(payload->data), arena, out) != FCC_OK ||
        (*out)->config_update.len == 0)
        return fcc_error_set(error, FCC_ERR_PROTO,
                             "no configuration update in an envelope, as `medsync channel update create` "
                             "and `peer channel signconfigtx` write it");
    *channel_id = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(header->channel_id)));
    return *channel_id ? FCC_OK : too_large(error, FCC_ERR_LIMIT);
}

/* ---- signatures ----------------------------------------------------------------------------------------------------- */

/* The creator of one signature; empty when it cannot be read. */
static fcc_bytes creator_of(const Common__ConfigSignature *signature, fcc__arena *arena)
{
    Common__SignatureHeader *header;

    if (FCC__UNPACK(common__signature_header, fcc__of_pb(signature->signature_header), arena, &header) != FCC_OK)
        return fcc_bytes_of(NULL, 0);
    return fcc__of_pb(header->creator);
}

static bool has_signed(const Common__ConfigUpdateEnvelope *message, const msp_signer *signer, fcc__arena *arena)
{
    size_t i;

    for (i = 0; i < message->n_signatures; i++)
        if (fcc_bytes_equal(creator_of(message->signatures[i], arena), msp_signer_identity(signer)))
            return true;
    return false;
}

static fcc_status add(Common__ConfigUpdateEnvelope *message, const msp_signer *signer, fcc__arena *arena)
{
    const size_t n = message->n_signatures;
    Common__ConfigSignature **more = fcc__arena_zalloc(arena, n + 1, sizeof *more);
    fcc_status st = more ? msp__configtx_signature(fcc__of_pb(message->config_update), signer, arena, &more[n])
                         : FCC_ERR_LIMIT;

    if (st != FCC_OK)
        return st;
    if (n)
        memcpy(more, message->signatures, n * sizeof *more);
    message->signatures = more;
    message->n_signatures = n + 1;
    return FCC_OK;
}

fcc_status msp_configtx_add(fcc_bytes envelope, const msp_signer *signer, int64_t now_s, fcc__arena *arena,
                            fcc_bytes *out, fcc_error *error)
{
    Common__ConfigUpdateEnvelope *message;
    const char *channel_id;
    fcc_status st = open_envelope(envelope, arena, &channel_id, &message, error);

    if (st != FCC_OK)
        return st;
    if (has_signed(message, signer, arena))
        return fcc_error_set(error, FCC_ERR_EXISTS, "this identity of %s has signed it already",
                             msp_signer_mspid(signer));
    st = add(message, signer, arena);
    if (st == FCC_OK)
        st = wrap(channel_id, message, now_s, arena, out);
    return st == FCC_OK ? st : too_large(error, st);
}

fcc_status msp_configtx_seal(fcc_bytes envelope, const msp_signer *submitter, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *out, fcc_error *error)
{
    Common__ConfigUpdateEnvelope *message;
    Common__Envelope made;
    const char *channel_id;
    fcc_bytes data;
    fcc_status st = open_envelope(envelope, arena, &channel_id, &message, error);

    if (st != FCC_OK)
        return st;
    if (!has_signed(message, submitter, arena))
        st = add(message, submitter, arena);
    if (st == FCC_OK)
        st = fcc__pack(message, arena, &data);
    if (st == FCC_OK)
        st = msp__envelope_sign(channel_id, COMMON__HEADER_TYPE__CONFIG_UPDATE, data, submitter, now_s, arena, &made);
    if (st == FCC_OK)
        st = fcc__pack(&made, arena, out);
    return st == FCC_OK ? st : too_large(error, st);
}

/* ---- what is in it -------------------------------------------------------------------------------------------------- */

typedef struct walk {
    fcc__arena *arena;
    msp_update_change *v;
    size_t n;
    bool failed;
} walk;

static void note(walk *w, msp_change_kind kind, const char *what, const char *path, fcc_bytes key)
{
    const char *full = key.len ? fcc__arena_printf(w->arena, "%s/" FCC_FMT, path, FCC_ARG(key)) : path;

    if (!full || w->n == CHANGES_MAX) {
        w->failed = true;
        return;
    }
    w->v[w->n++] = (msp_update_change){ .kind = kind, .what = what, .path = full };
}

/*
 * An element is changed where its version in the write set is not that of the read set, new where it is 0 and not read; what
 * is gone only the configuration in force can tell.
 */
#define DEFINE_NOTE(kind_, one, word)                                                                    \
    static void note_##kind_(walk *w, const Common__ConfigGroup *read, const Common__ConfigGroup *write, \
                             const Common__ConfigGroup *now, const char *path, bool members)             \
    {                                                                                                    \
        size_t i;                                                                                        \
                                                                                                         \
        for (i = 0; i < write->n_##kind_; i++) {                                                         \
            const fcc_bytes key = fcc__of_pb(write->kind_[i]->key);                                      \
            const uint64_t version = write->kind_[i]->value->version;                                    \
                                                                                                         \
            if (version > 0 && !msp__tree_##one(read, key))                                              \
                note(w, MSP_CHANGED, word, path, key);                                                   \
            else if (version == 0 && !msp__tree_##one(read, key))                                        \
                note(w, MSP_ADDED, word, path, key);                                                     \
        }                                                                                                \
        for (i = 0; members && now && i < now->n_##kind_; i++)                                           \
            if (!msp__tree_##one(write, fcc__of_pb(now->kind_[i]->key)))                                 \
                note(w, MSP_REMOVED, word, path, fcc__of_pb(now->kind_[i]->key));                        \
    }

DEFINE_NOTE(values, value, "value")
DEFINE_NOTE(policies, policy, "policy")

static void note_group(walk *w, const Common__ConfigGroup *read, const Common__ConfigGroup *write,
                       const Common__ConfigGroup *now, const char *path)
{
    const bool members = read && write->version != read->version;
    size_t i;

    if (members && !now) /* what has left it cannot be told */
        note(w, MSP_CHANGED, "members", path, FCC_LIT(""));
    note_values(w, read, write, now, path, members);
    note_policies(w, read, write, now, path, members);
    for (i = 0; i < write->n_groups && !w->failed; i++) {
        const fcc_bytes key = fcc__of_pb(write->groups[i]->key);
        const Common__ConfigGroup *inner = msp__tree_group(read, key);
        const char *below = fcc__arena_printf(w->arena, "%s/" FCC_FMT, path, FCC_ARG(key));

        if (!below) {
            w->failed = true;
            return;
        }
        if (inner)
            note_group(w, inner, write->groups[i]->value, msp__tree_group(now, key), below);
        else
            note(w, MSP_ADDED, "group", path, key);
    }
    for (i = 0; members && now && i < now->n_groups; i++)
        if (!msp__tree_group(write, fcc__of_pb(now->groups[i]->key)))
            note(w, MSP_REMOVED, "group", path, fcc__of_pb(now->groups[i]->key));
}

static fcc_status read_changes(fcc_bytes update, fcc_bytes config, fcc__arena *arena, msp_update *out, fcc_error *error)
{
    walk w = { .arena = arena, .v = fcc__arena_zalloc(arena, CHANGES_MAX, sizeof *w.v) };
    Common__ConfigUpdate *message;
    Common__Config *now = NULL;

    if (!w.v)
        return too_large(error, FCC_ERR_LIMIT);
    if (FCC__UNPACK(common__config_update, update, arena, &message) != FCC_OK || !message->read_set ||
        !message->write_set)
        return fcc_error_set(error, FCC_ERR_PROTO, "the configuration update has no read set and write set");
    if (config.len && (FCC__UNPACK(common__config, config, arena, &now) != FCC_OK || !now->channel_group))
        return fcc_error_set(error, FCC_ERR_PROTO, "no common.Config to compare the update with");
    if (msp__tree_tidy(message->read_set, arena) != FCC_OK || msp__tree_tidy(message->write_set, arena) != FCC_OK ||
        (now && msp__tree_tidy(now->channel_group, arena) != FCC_OK))
        return too_large(error, FCC_ERR_LIMIT);
    note_group(&w, message->read_set, message->write_set, now ? now->channel_group : NULL, "/Channel");
    if (w.failed)
        return too_large(error, FCC_ERR_LIMIT);
    out->changes = w.v;
    out->change_count = w.n;
    return FCC_OK;
}

fcc_status msp_configtx_read(fcc_bytes envelope, fcc_bytes config, fcc__arena *arena, msp_update *out, fcc_error *error)
{
    Common__ConfigUpdateEnvelope *message;
    msp_update made = { 0 };
    size_t i;
    fcc_status st = open_envelope(envelope, arena, &made.channel_id, &message, error);

    if (st != FCC_OK)
        return st;
    made.signers = fcc__arena_zalloc(arena, message->n_signatures + 1, sizeof *made.signers);
    if (!made.signers)
        return too_large(error, FCC_ERR_LIMIT);
    for (i = 0; i < message->n_signatures; i++) {
        msp_update_signer *s = &made.signers[made.signer_count++];
        Msp__SerializedIdentity *identity;
        X509 *cert;

        *s = (msp_update_signer){ .mspid = "?", .subject = "an identity that cannot be read" };
        if (FCC__UNPACK(msp__serialized_identity, creator_of(message->signatures[i], arena), arena, &identity) !=
            FCC_OK)
            continue;
        s->mspid = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(identity->mspid)));
        cert = msp__cert_of_pem(fcc__of_pb(identity->id_bytes));
        if (cert)
            s->subject = msp__subject(cert, arena);
        X509_free(cert);
        if (!s->mspid || !s->subject)
            return too_large(error, FCC_ERR_LIMIT);
    }
    st = read_changes(fcc__of_pb(message->config_update), config, arena, &made, error);
    if (st == FCC_OK)
        *out = made;
    return st;
}
