/* channel.c: a channel's configuration read back: organisations, their membership services, policies, limits. */
#include "msp/channel_internal.h"

#include "common/common.pb-c.h"
#include "msp/identities.pb-c.h"
#include "protos/unpack.h"

#include <stdlib.h>

enum { ARENA_CAP = 64 << 20 };

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* What this program needs of a channel that Fabric would also take without. */
static fcc_status check_groups(const Common__ConfigGroup *root, fcc_error *error)
{
    static const char *const needed[] = { msp__application_group, msp__orderer_group };
    size_t i;

    for (i = 0; i < 2; i++)
        if (!msp__tree_group(root, fcc_str(needed[i])))
            return fcc_error_set(error, FCC_ERR_CONFIG, "the channel's configuration has no group %s", needed[i]);
    return FCC_OK;
}

static fcc_status keys_ok(const Common__ConfigGroup *root, fcc_error *error)
{
    fcc_error why = { 0 };
    fcc_status st = msp__tree_keys_ok(root, &why);

    return st == FCC_OK ? st : fcc_error_set(error, st, "error converting config to map: %.800s", why.text);
}

static fcc_status compile(msp_channel *channel, fcc_error *error)
{
    fcc_error why = { 0 };
    fcc_status st = msp__policies_compile(channel->config->channel_group, "Channel", channel->arena, &channel->policies,
                                          &why);

    if (st == FCC_ERR_CONFIG)
        return fcc_error_set(error, st, "initializing policymanager failed: %.900s", why.text);
    if (st == FCC_OK)
        st = msp__channel_id_ok(fcc_str(channel->id), &why);
    if (st == FCC_OK)
        st = keys_ok(channel->config->channel_group, &why);
    if (st == FCC_ERR_CONFIG)
        return fcc_error_set(error, st, "initializing configtx manager failed: %.900s", why.text);
    return st == FCC_OK ? st : fcc_error_set(error, st, "the channel's configuration is too large");
}

fcc_status msp__channel_from_tree(const char *channel_id, Common__Config *config, fcc__arena *arena, msp_channel **out,
                                  fcc_error *error)
{
    msp_channel *channel = calloc(1, sizeof *channel);
    fcc_bytes copy;
    fcc_status st = FCC_ERR_NOMEM;

    if (channel)
        channel->arena = arena;
    else
        fcc__arena_free(arena);
    if (!channel || !fcc__arena_copy(arena, fcc_str(channel_id), &copy) ||
        !(channel->orgs = fcc__arena_zalloc(arena, MSP__MAX_ORGS, sizeof *channel->orgs))) {
        msp_channel_free(channel);
        return fcc_error_set(error, st, "out of memory for a channel's configuration");
    }
    channel->id = (const char *)copy.data;
    channel->config = config;
    if (!config->channel_group)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "config must contain a channel group");
    else if (msp__tree_tidy(config->channel_group, arena) != FCC_OK)
        st = fcc_error_set(error, FCC_ERR_LIMIT, "the channel's configuration is too large");
    else
        st = fcc__pack(config, arena, &channel->config_bytes);
    if (st == FCC_OK)
        st = check_groups(config->channel_group, error);
    if (st == FCC_OK)
        st = msp__channel_read(channel, error);
    if (st == FCC_OK)
        st = compile(channel, error);
    if (st == FCC_OK)
        *out = channel;
    else
        msp_channel_free(channel);
    return st;
}

fcc_status msp_channel_from_config(const char *channel_id, fcc_bytes config, msp_channel **out, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(ARENA_CAP);
    Common__Config *read;
    fcc_status st = FCC_ERR_NOMEM;

    if (arena)
        st = FCC__UNPACK(common__config, config, arena, &read);
    if (st == FCC_OK)
        return msp__channel_from_tree(channel_id, read, arena, out, error);
    fcc__arena_free(arena);
    return fcc_error_set(error, st,
                         st == FCC_ERR_PROTO ? "not a common.Config" : "no room for a channel's configuration");
}

/* The config envelope of a block's only transaction. */
static fcc_status unwrap(fcc_bytes bytes, fcc__arena *scratch, fcc_bytes *config, const char **channel_id,
                         fcc_error *error)
{
    Common__Block *block;
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    Common__ConfigEnvelope *config_envelope;

    if (FCC__UNPACK(common__block, bytes, scratch, &block) != FCC_OK || !block->data || block->data->n_data != 1 ||
        FCC__UNPACK(common__envelope, fcc__of_pb(block->data->data[0]), scratch, &envelope) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), scratch, &payload) != FCC_OK || !payload->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), scratch, &header) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "not a block with one transaction");
    if (header->type != COMMON__HEADER_TYPE__CONFIG ||
        FCC__UNPACK(common__config_envelope, fcc__of_pb(payload->data), scratch, &config_envelope) != FCC_OK ||
        !config_envelope->config)
        return fcc_error_set(error, FCC_ERR_PROTO, "not a config block");
    *channel_id = fcc__arena_printf(scratch, FCC_FMT, FCC_ARG(fcc__of_pb(header->channel_id)));
    return *channel_id ? fcc__pack(config_envelope->config, scratch, config) : FCC_ERR_LIMIT;
}

fcc_status msp_channel_from_block(fcc_bytes block, msp_channel **out, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(ARENA_CAP);
    const char *channel_id = NULL;
    fcc_bytes config = { 0 };
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a config block");
    st = unwrap(block, scratch, &config, &channel_id, error);
    if (st == FCC_OK)
        st = msp_channel_from_config(channel_id, config, out, error);
    fcc__arena_free(scratch);
    return st;
}

void msp_channel_free(msp_channel *channel)
{
    if (!channel)
        return;
    msp_manager_free(channel->manager);
    fcc__arena_free(channel->arena);
    free(channel);
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

const char *msp_channel_id(const msp_channel *channel)
{
    return channel->id;
}

fcc_bytes msp_channel_config(const msp_channel *channel)
{
    return channel->config_bytes;
}

uint64_t msp_channel_sequence(const msp_channel *channel)
{
    return channel->config->sequence;
}

msp_manager *msp_channel_manager(const msp_channel *channel)
{
    return channel->manager;
}

size_t msp_channel_org_count(const msp_channel *channel)
{
    return channel->org_count;
}

const msp_channel_org *msp_channel_org_at(const msp_channel *channel, size_t i)
{
    return i < channel->org_count ? &channel->orgs[i] : NULL;
}

uint32_t msp_channel_max_message_count(const msp_channel *channel)
{
    return channel->batch->max_message_count;
}

uint32_t msp_channel_absolute_max_bytes(const msp_channel *channel)
{
    return channel->batch->absolute_max_bytes;
}

uint32_t msp_channel_preferred_max_bytes(const msp_channel *channel)
{
    return channel->batch->preferred_max_bytes;
}

uint32_t msp_channel_batch_timeout_ms(const msp_channel *channel)
{
    return channel->timeout_ms;
}

bool msp_channel_application_capability(const msp_channel *channel, const char *name)
{
    size_t i;

    for (i = 0; i < channel->application->n_capabilities; i++)
        if (fcc_bytes_equal(fcc__of_pb(channel->application->capabilities[i]->key), fcc_str(name)))
            return true;
    return false;
}

/* The last entry for a resource counts, as in Go's maps. */
const char *msp_channel_acl(const msp_channel *channel, const char *resource)
{
    size_t i;

    for (i = channel->acl_count; i > 0; i--)
        if (fcc_bytes_equal(channel->acls[i - 1].resource, fcc_str(resource)))
            return channel->acls[i - 1].policy;
    return NULL;
}

bool msp_channel_is_bft(const msp_channel *channel)
{
    return channel->capabilities.bft;
}

fcc_status msp_channel_consenter(const msp_channel *channel, uint32_t number, fcc__arena *arena, fcc_bytes *identity)
{
    Msp__SerializedIdentity named = MSP__SERIALIZED_IDENTITY__INIT;
    size_t i;

    for (i = 0; i < channel->orderers->n_consenter_mapping; i++) {
        const Common__Consenter *one = channel->orderers->consenter_mapping[i];

        if (one->id != number)
            continue;
        named.mspid = one->msp_id;
        named.id_bytes = one->identity;
        return fcc__pack(&named, arena, identity);
    }
    return FCC_ERR_NOT_FOUND;
}

bool msp_channel_in_maintenance(const msp_channel *channel)
{
    return channel->capabilities.orderer_migration &&
           channel->consensus->state != ORDERER__CONSENSUS_TYPE__STATE__STATE_NORMAL;
}
