/* genesis.c: block 0 of the channel, from network.yaml and the organisations' certificates, wherever these are. */
#include "msp/acl.h"
#include "msp/channel.h"
#include "msp/configtx_internal.h"
#include "msp/genesis.h"
#include "msp/internal.h"
#include "msp/policy.h"

#include "common/common.pb-c.h"
#include "common/configtx.pb-c.h"
#include "common/configuration.pb-c.h"
#include "orderer/configuration.pb-c.h"
#include "orderer/etcdraft/configuration.pb-c.h"
#include "peer/configuration.pb-c.h"
#include "protos/unpack.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ENTRIES = 64, NONCE = 24 };

/* One build: the first failure sticks, everything after it does nothing. */
typedef struct builder {
    fcc__arena *arena;
    fcc_error *error;
    fcc_status st;
    const char *path; /* of network.yaml */
    const msp__source *source;
} builder;

static const char admins_policy[] = "Admins";

static void *make(builder *b, size_t size)
{
    void *made = b->st == FCC_OK ? fcc__arena_zalloc(b->arena, 1, size) : NULL;

    if (!made && b->st == FCC_OK)
        b->st = fcc_error_set(b->error, FCC_ERR_LIMIT, "the channel's configuration is too large");
    return made;
}

static fcc_bytes pack(builder *b, const void *message)
{
    fcc_bytes out = { 0 };

    if (b->st == FCC_OK)
        b->st = fcc__pack(message, b->arena, &out);
    return out;
}

static Common__ConfigGroup *new_group(builder *b)
{
    Common__ConfigGroup *group = make(b, sizeof *group);

    if (!group)
        return NULL;
    common__config_group__init(group);
    group->mod_policy = fcc__pb(fcc_str(admins_policy));
    group->groups = make(b, MAX_ENTRIES * sizeof *group->groups);
    group->values = make(b, MAX_ENTRIES * sizeof *group->values);
    group->policies = make(b, MAX_ENTRIES * sizeof *group->policies);
    return b->st == FCC_OK ? group : NULL;
}

static bool room(builder *b, size_t used)
{
    if (b->st == FCC_OK && used >= MAX_ENTRIES)
        b->st = fcc_error_set(b->error, FCC_ERR_LIMIT, "more than %d entries in a group of the configuration",
                              MAX_ENTRIES);
    return b->st == FCC_OK;
}

static void add_group(builder *b, Common__ConfigGroup *parent, const char *key, Common__ConfigGroup *group)
{
    Common__ConfigGroupEntry *entry = make(b, sizeof *entry);

    if (!entry || !room(b, parent->n_groups))
        return;
    common__config_group_entry__init(entry);
    entry->key = fcc__pb(fcc_str(key));
    entry->value = group;
    parent->groups[parent->n_groups++] = entry;
}

static void add_value(builder *b, Common__ConfigGroup *group, const char *key, const void *message,
                      const char *mod_policy)
{
    Common__ConfigValueEntry *entry = make(b, sizeof *entry);
    Common__ConfigValue *value = make(b, sizeof *value);

    if (!entry || !value || !room(b, group->n_values))
        return;
    common__config_value_entry__init(entry);
    common__config_value__init(value);
    value->value = fcc__pb(pack(b, message));
    value->mod_policy = fcc__pb(fcc_str(mod_policy));
    entry->key = fcc__pb(fcc_str(key));
    entry->value = value;
    group->values[group->n_values++] = entry;
}

static void add_policy(builder *b, Common__ConfigGroup *group, const char *key, int32_t type, fcc_bytes bytes)
{
    Common__ConfigPolicyEntry *entry = make(b, sizeof *entry);
    Common__ConfigPolicy *config = make(b, sizeof *config);
    Common__Policy *policy = make(b, sizeof *policy);

    if (!entry || !config || !policy || !room(b, group->n_policies))
        return;
    common__config_policy_entry__init(entry);
    common__config_policy__init(config);
    common__policy__init(policy);
    policy->type = type;
    policy->value = fcc__pb(bytes);
    config->policy = policy;
    config->mod_policy = fcc__pb(fcc_str(admins_policy));
    entry->key = fcc__pb(fcc_str(key));
    entry->value = config;
    group->policies[group->n_policies++] = entry;
}

static void add_meta(builder *b, Common__ConfigGroup *group, const char *key, Common__ImplicitMetaPolicy__Rule rule,
                     const char *sub_policy)
{
    Common__ImplicitMetaPolicy meta = COMMON__IMPLICIT_META_POLICY__INIT;

    meta.rule = rule;
    meta.sub_policy = fcc__pb(fcc_str(sub_policy));
    add_policy(b, group, key, COMMON__POLICY__POLICY_TYPE__IMPLICIT_META, pack(b, &meta));
}

/* A signature policy in which each % of `format` is the MSP id. */
static void add_signature(builder *b, Common__ConfigGroup *group, const char *key, const char *format,
                          const char *mspid)
{
    const char *text = "";
    fcc_bytes envelope = { 0 };

    for (; *format && text; format++)
        text = *format == '%' ? fcc__arena_printf(b->arena, "%s%s", text, mspid)
                              : fcc__arena_printf(b->arena, "%s%c", text, *format);
    if (b->st == FCC_OK)
        b->st = text ? msp_policy_parse(text, b->arena, &envelope, b->error) : FCC_ERR_LIMIT;
    add_policy(b, group, key, COMMON__POLICY__POLICY_TYPE__SIGNATURE, envelope);
}

static void add_capability(builder *b, Common__ConfigGroup *group, const char *name)
{
    Common__Capabilities capabilities = COMMON__CAPABILITIES__INIT;
    Common__CapabilityEntry entry = COMMON__CAPABILITY_ENTRY__INIT, *entries = &entry;
    Common__Capability on = COMMON__CAPABILITY__INIT;

    entry.key = fcc__pb(fcc_str(name));
    entry.value = &on;
    capabilities.n_capabilities = 1;
    capabilities.capabilities = &entries;
    add_value(b, group, "Capabilities", &capabilities, admins_policy);
}

static void add_addresses(builder *b, Common__ConfigGroup *group, const char *key, const config_orderer *orderer,
                          const char *mod_policy)
{
    Common__OrdererAddresses addresses = COMMON__ORDERER_ADDRESSES__INIT;
    size_t i;

    addresses.addresses = make(b, (orderer->node_count + 1) * sizeof *addresses.addresses);
    if (!addresses.addresses)
        return;
    for (i = 0; i < orderer->node_count; i++)
        addresses.addresses[i] = fcc__pb(fcc_str(orderer->nodes[i].address));
    addresses.n_addresses = orderer->node_count;
    add_value(b, group, key, &addresses, mod_policy);
}

/* The MSP value: MSPConfig, already serialized. */
static void add_msp(builder *b, Common__ConfigGroup *group, const char *mspid)
{
    Common__ConfigValueEntry *entry = make(b, sizeof *entry);
    Common__ConfigValue *value = make(b, sizeof *value);
    fcc_bytes config = { 0 };

    if (!entry || !value || !room(b, group->n_values))
        return;
    b->st = b->source->msp(b->source->ctx, mspid, b->arena, &config, b->error);
    if (b->st == FCC_ERR_LIMIT)
        b->st = fcc_error_set(b->error, FCC_ERR_LIMIT, "the channel's configuration is too large");
    common__config_value_entry__init(entry);
    common__config_value__init(value);
    value->value = fcc__pb(config);
    value->mod_policy = fcc__pb(fcc_str(admins_policy));
    entry->key = fcc__pb(FCC_LIT("MSP"));
    entry->value = value;
    group->values[group->n_values++] = entry;
}

/* ---- the three levels --------------------------------------------------------------------------------------------- */

static void add_meta_trio(builder *b, Common__ConfigGroup *group)
{
    add_meta(b, group, admins_policy, COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY, "Admins");
    add_meta(b, group, "Readers", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Readers");
    add_meta(b, group, "Writers", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Writers");
}

static Common__ConfigGroup *orderer_org(builder *b, const config_orderer *orderer)
{
    Common__ConfigGroup *group = new_group(b);

    if (!group)
        return NULL;
    add_addresses(b, group, "Endpoints", orderer, admins_policy);
    add_msp(b, group, orderer->mspid);
    add_signature(b, group, admins_policy, "OR('%.admin')", orderer->mspid);
    add_signature(b, group, "Readers", "OR('%.member')", orderer->mspid);
    add_signature(b, group, "Writers", "OR('%.member')", orderer->mspid);
    return group;
}

/* "host:port" taken apart; the host in the builder's arena. */
static bool split_address(builder *b, const char *address, const char **host, uint32_t *port)
{
    const char *colon = strrchr(address, ':');
    char *end;
    unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;
    fcc_bytes copy;

    if (!colon || *end != '\0' || number == 0 || number > 65535 ||
        !fcc__arena_copy(b->arena, fcc_bytes_of(address, (size_t)(colon - address)), &copy))
        return false;
    *host = (const char *)copy.data;
    *port = (uint32_t)number;
    return true;
}

/* One orderer as the others know it: where it is, and its TLS certificate. */
static Etcdraft__Consenter *consenter_of(builder *b, const config_orderer *orderer, size_t node)
{
    Etcdraft__Consenter *consenter = make(b, sizeof *consenter);
    const config_orderer_node *n = &orderer->nodes[node];
    const char *host = NULL;
    fcc_bytes pem = { 0 };

    if (!consenter)
        return NULL;
    etcdraft__consenter__init(consenter);
    if (!split_address(b, n->address, &host, &consenter->port)) {
        b->st = fcc_error_set(b->error, FCC_ERR_CONFIG, "orderer %s: address %s: expected host:port", n->name,
                              n->address);
        return NULL;
    }
    b->st = b->source->orderer_tls(b->source->ctx, node, b->arena, &pem, b->error);
    consenter->host = fcc__pb(fcc_str(host));
    consenter->client_tls_cert = consenter->server_tls_cert = fcc__pb(pem);
    return consenter;
}

/* What Fabric's own orderers need to run this channel: who they are, and the options of Fabric's sample configuration. */
static fcc_bytes raft_metadata(builder *b, const config_orderer *orderer)
{
    Etcdraft__ConfigMetadata metadata = ETCDRAFT__CONFIG_METADATA__INIT;
    Etcdraft__Options options = ETCDRAFT__OPTIONS__INIT;
    size_t i;

    metadata.consenters = make(b, (orderer->node_count + 1) * sizeof *metadata.consenters);
    for (i = 0; i < orderer->node_count && b->st == FCC_OK; i++)
        metadata.consenters[i] = consenter_of(b, orderer, i);
    if (b->st != FCC_OK)
        return fcc_bytes_of(NULL, 0);
    options.tick_interval = fcc__pb(FCC_LIT("500ms"));
    options.election_tick = 10;
    options.heartbeat_tick = 1;
    options.max_inflight_blocks = 5;
    options.snapshot_interval_size = 16 << 20;
    metadata.n_consenters = orderer->node_count;
    metadata.options = &options;
    return pack(b, &metadata);
}

static Common__ConfigGroup *orderer_group(builder *b, const config_network *network)
{
    Common__ConfigGroup *group = new_group(b);
    Orderer__BatchSize size = ORDERER__BATCH_SIZE__INIT;
    Orderer__BatchTimeout timeout = ORDERER__BATCH_TIMEOUT__INIT;
    Orderer__ChannelRestrictions restrictions = ORDERER__CHANNEL_RESTRICTIONS__INIT;
    Orderer__ConsensusType consensus = ORDERER__CONSENSUS_TYPE__INIT;
    char text[32];

    if (!group)
        return NULL;
    size.max_message_count = network->batch.max_message_count;
    size.absolute_max_bytes = network->batch.absolute_max_bytes;
    size.preferred_max_bytes = network->batch.preferred_max_bytes;
    snprintf(text, sizeof text, "%ums", network->batch.timeout_ms);
    timeout.timeout = fcc__pb(fcc_str(text));
    consensus.type = fcc__pb(FCC_LIT("etcdraft"));
    consensus.metadata = fcc__pb(raft_metadata(b, &network->orderer));
    add_value(b, group, "BatchSize", &size, admins_policy);
    add_value(b, group, "BatchTimeout", &timeout, admins_policy);
    add_capability(b, group, "V2_0");
    add_value(b, group, "ChannelRestrictions", &restrictions, admins_policy);
    add_value(b, group, "ConsensusType", &consensus, admins_policy);
    add_meta(b, group, admins_policy, COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY, "Admins");
    add_meta(b, group, "BlockValidation", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Writers");
    add_meta(b, group, "Readers", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Readers");
    add_meta(b, group, "Writers", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Writers");
    add_group(b, group, network->orderer.name, orderer_org(b, &network->orderer));
    return group;
}

/* The one that network.yaml gives, or else `usual`, in which each % is the MSP id. */
static void add_org_policy(builder *b, Common__ConfigGroup *group, const config_org *org, const char *key,
                           const char *given, const char *usual)
{
    fcc_error why = { 0 };
    fcc_bytes envelope = { 0 };

    if (!given) {
        add_signature(b, group, key, usual, org->mspid);
        return;
    }
    if (b->st == FCC_OK && msp_policy_parse(given, b->arena, &envelope, &why) != FCC_OK)
        b->st = fcc_error_set(b->error, FCC_ERR_CONFIG, "%s: organisation %s, policies.%s: %.300s", b->path, org->name,
                              key, why.text);
    add_policy(b, group, key, COMMON__POLICY__POLICY_TYPE__SIGNATURE, envelope);
}

static Common__ConfigGroup *application_org(builder *b, const config_org *org)
{
    Common__ConfigGroup *group = new_group(b);
    Protos__AnchorPeers anchors = PROTOS__ANCHOR_PEERS__INIT;
    Protos__AnchorPeer anchor = PROTOS__ANCHOR_PEER__INIT, *list = &anchor;

    if (!group)
        return NULL;
    if (org->anchor_host) {
        anchor.host = fcc__pb(fcc_str(org->anchor_host));
        anchor.port = org->anchor_port;
        anchors.n_anchor_peers = 1;
        anchors.anchor_peers = &list;
        add_value(b, group, "AnchorPeers", &anchors, admins_policy);
    }
    add_msp(b, group, org->mspid);
    add_org_policy(b, group, org, admins_policy, org->policies.admins, "OR('%.admin')");
    add_org_policy(b, group, org, "Endorsement", org->policies.endorsement, "OR('%.peer')");
    add_org_policy(b, group, org, "Readers", org->policies.readers, "OR('%.admin', '%.peer', '%.client')");
    add_org_policy(b, group, org, "Writers", org->policies.writers, "OR('%.admin', '%.client')");
    return group;
}

fcc_status msp__group_of_org(const config_network *network, const config_org *org, const msp__source *source,
                             fcc__arena *arena, Common__ConfigGroup **out, fcc_error *error)
{
    builder b = { .arena = arena, .error = error, .path = network->path, .source = source };

    *out = application_org(&b, org);
    return b.st;
}

/* Maps are written in the order of their keys, so that the bytes are those of a deterministic Go marshaller. */
static int by_resource(const void *a, const void *b)
{
    return strcmp(((const config_acl *)a)->resource, ((const config_acl *)b)->resource);
}

static void add_acls(builder *b, Common__ConfigGroup *group, const config_network *network)
{
    const size_t n = network->acl_count;
    config_acl *acls = make(b, (n + 1) * sizeof *acls);
    Protos__ACLs message = PROTOS__ACLS__INIT;
    Protos__ACLEntry *entries = make(b, (n + 1) * sizeof *entries);
    Protos__APIResource *resources = make(b, (n + 1) * sizeof *resources);
    size_t i;

    message.acls = make(b, (n + 1) * sizeof *message.acls);
    if (n == 0 || b->st != FCC_OK)
        return;
    memcpy(acls, network->acls, n * sizeof *acls);
    qsort(acls, n, sizeof *acls, by_resource);
    for (i = 0; i < n; i++) {
        if (!msp_acl_policy(NULL, acls[i].resource)) {
            b->st = fcc_error_set(
                b->error, FCC_ERR_CONFIG,
                "%s: acls: %s: expected a resource that a channel's policies govern, such as peer/Propose", b->path,
                acls[i].resource);
            return;
        }
        protos__aclentry__init(&entries[i]);
        protos__apiresource__init(&resources[i]);
        entries[i].key = fcc__pb(fcc_str(acls[i].resource));
        entries[i].value = &resources[i];
        resources[i].policy_ref = fcc__pb(fcc_str(acls[i].policy));
        message.acls[i] = &entries[i];
    }
    message.n_acls = n;
    add_value(b, group, "ACLs", &message, admins_policy);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const config_org *const *)a)->name, (*(const config_org *const *)b)->name);
}

static Common__ConfigGroup *application_group(builder *b, const config_network *network)
{
    Common__ConfigGroup *group = new_group(b);
    const config_org **orgs = make(b, (network->org_count + 1) * sizeof *orgs);
    size_t i;

    if (!group || !orgs)
        return NULL;
    for (i = 0; i < network->org_count; i++)
        orgs[i] = &network->orgs[i];
    qsort(orgs, network->org_count, sizeof orgs[0], by_name);
    add_acls(b, group, network);
    add_capability(b, group, "V2_5");
    add_meta(b, group, admins_policy, COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY, "Admins");
    add_meta(b, group, "Endorsement", COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY, "Endorsement");
    add_meta(b, group, "LifecycleEndorsement", COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY, "Endorsement");
    add_meta(b, group, "Readers", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Readers");
    add_meta(b, group, "Writers", COMMON__IMPLICIT_META_POLICY__RULE__ANY, "Writers");
    for (i = 0; i < network->org_count && b->st == FCC_OK; i++)
        add_group(b, group, orgs[i]->name, application_org(b, orgs[i]));
    return group;
}

static Common__ConfigGroup *channel_group(builder *b, const config_network *network)
{
    Common__ConfigGroup *group = new_group(b);
    Common__HashingAlgorithm hashing = COMMON__HASHING_ALGORITHM__INIT;
    Common__BlockDataHashingStructure structure = COMMON__BLOCK_DATA_HASHING_STRUCTURE__INIT;

    if (!group)
        return NULL;
    hashing.name = fcc__pb(FCC_LIT("SHA256"));
    structure.width = UINT32_MAX;
    add_group(b, group, "Application", application_group(b, network));
    add_group(b, group, "Orderer", orderer_group(b, network));
    add_value(b, group, "BlockDataHashingStructure", &structure, admins_policy);
    add_capability(b, group, "V2_0");
    add_value(b, group, "HashingAlgorithm", &hashing, admins_policy);
    add_addresses(b, group, "OrdererAddresses", &network->orderer, "/Channel/Orderer/Admins");
    add_meta_trio(b, group);
    return group;
}

/* An ACL that names no policy would lock everybody out of its resource. */
static fcc_status check_acls(const config_network *network, fcc_bytes block, fcc_error *error)
{
    msp_channel *channel = NULL;
    fcc_status st = network->acl_count > 0 ? msp_channel_from_block(block, &channel, error) : FCC_OK;
    size_t i;

    for (i = 0; st == FCC_OK && i < network->acl_count; i++)
        if (!msp_channel_has_policy(channel, msp_channel_acl(channel, network->acls[i].resource)))
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: acls: %s: the channel has no policy %s", network->path,
                               network->acls[i].resource, network->acls[i].policy);
    msp_channel_free(channel);
    return st;
}

/* ---- the block ---------------------------------------------------------------------------------------------------- */

static fcc_bytes envelope_of(builder *b, const config_network *network, Common__ConfigGroup *group, int64_t now_s)
{
    Common__Config config = COMMON__CONFIG__INIT;
    Common__ConfigEnvelope config_envelope = COMMON__CONFIG_ENVELOPE__INIT;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader channel_header = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature_header = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    unsigned char nonce[NONCE];
    fcc__sha256 digest, tx_id;

    if (b->source->nonce_of) {
        digest = fcc__sha256_of(fcc_str(b->source->nonce_of));
        memcpy(nonce, digest.bytes, sizeof nonce);
    } else if (b->st == FCC_OK && RAND_bytes(nonce, sizeof nonce) != 1)
        b->st = fcc_error_set(b->error, FCC_ERR_INTERNAL, "no random numbers for the genesis block");
    if (b->st != FCC_OK)
        return fcc_bytes_of(NULL, 0);
    tx_id = fcc__sha256_of(fcc_bytes_of(nonce, sizeof nonce)); /* nonce and an empty creator */
    config.channel_group = group;
    config_envelope.config = &config;
    timestamp.seconds = now_s;
    channel_header.type = COMMON__HEADER_TYPE__CONFIG;
    channel_header.version = 1;
    channel_header.timestamp = &timestamp;
    channel_header.channel_id = fcc__pb(fcc_str(network->channel));
    channel_header.tx_id = fcc__pb(fcc__hex(b->arena, fcc__sha256_bytes(&tx_id)));
    signature_header.nonce = fcc__pb(fcc_bytes_of(nonce, sizeof nonce));
    header.channel_header = fcc__pb(pack(b, &channel_header));
    header.signature_header = fcc__pb(pack(b, &signature_header));
    payload.header = &header;
    payload.data = fcc__pb(pack(b, &config_envelope));
    envelope.payload = fcc__pb(pack(b, &payload));
    return pack(b, &envelope);
}

fcc_status msp__genesis_from(const config_network *network, const msp__source *source, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *block, fcc_error *error)
{
    builder b = { .arena = fcc__arena_new(MSP__ARENA), .error = error, .path = network->path, .source = source };
    Common__BlockHeader header = COMMON__BLOCK_HEADER__INIT;
    Common__BlockData data = COMMON__BLOCK_DATA__INIT;
    Common__BlockMetadata metadata = COMMON__BLOCK_METADATA__INIT;
    Common__Block message = COMMON__BLOCK__INIT;
    Common__LastConfig last = COMMON__LAST_CONFIG__INIT;
    Common__OrdererBlockMetadata orderer = COMMON__ORDERER_BLOCK_METADATA__INIT;
    Common__Metadata signatures = COMMON__METADATA__INIT;
    ProtobufCBinaryData one, slots[5] = { { 0 } };
    fcc__sha256 digest;
    fcc_bytes envelope;

    if (!b.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for the genesis block");
    envelope = envelope_of(&b, network, channel_group(&b, network), now_s);
    digest = fcc__sha256_of(envelope);
    one = fcc__pb(envelope);
    header.data_hash = fcc__pb(fcc__sha256_bytes(&digest));
    data.n_data = 1;
    data.data = &one;
    orderer.last_config = &last;
    signatures.value = fcc__pb(pack(&b, &orderer));
    slots[COMMON__BLOCK_METADATA_INDEX__SIGNATURES] = fcc__pb(pack(&b, &signatures));
    metadata.n_metadata = 5;
    metadata.metadata = slots;
    message.header = &header;
    message.data = &data;
    message.metadata = &metadata;
    if (b.st == FCC_OK)
        b.st = fcc__pack(&message, arena, block);
    if (b.st == FCC_OK)
        b.st = check_acls(network, *block, error);
    fcc__arena_free(b.arena);
    return b.st;
}
