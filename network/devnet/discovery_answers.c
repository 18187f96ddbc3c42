/* See discovery.h. */
#include "devnet/discovery.h"

#include "devnet/plan.h"
#include "protos/unpack.h"
#include "scc/scc.h"

#include <inttypes.h>

/* A message of this type in the arena, as its __init makes it; leaves the function when there is no room. */
#define MAKE(arena, what, init)                              \
    do {                                                     \
        (what) = fcc__arena_alloc((arena), sizeof(*(what))); \
        if (!(what))                                         \
            return FCC_ERR_LIMIT;                            \
        init(what);                                          \
    } while (0)

fcc_status devnet_discovery_error(Discovery__QueryResult *out, const char *text, fcc__arena *arena)
{
    if (!text)
        return FCC_ERR_LIMIT;
    out->result_case = DISCOVERY__QUERY_RESULT__RESULT_ERROR;
    MAKE(arena, out->error, discovery__error__init);
    out->error->content = fcc__pb(fcc_str(text));
    return FCC_OK;
}

/* ---- a peer ---------------------------------------------------------------------------------------------------------- */

/* By which peers know each other. */
static fcc__sha256 pki_id(const devnet_peer *peer)
{
    const fcc_bytes parts[] = { fcc_str(msp_signer_mspid(peer->signer)), msp_signer_certificate(peer->signer) };

    return fcc__sha256_of_many(parts, 2);
}

static fcc_status time_of(const struct devnet *net, fcc__arena *arena, Gossip__PeerTime **out)
{
    MAKE(arena, *out, gossip__peer_time__init);
    (*out)->inc_num = (uint64_t)net->started_ms;
    (*out)->seq_num = (uint64_t)devnet_now_ns(net);
    return FCC_OK;
}

static fcc_status seal(const devnet_peer *peer, const Gossip__GossipMessage *message, fcc__arena *arena,
                       Gossip__Envelope **out)
{
    fcc_bytes payload, signature;
    fcc_status st = fcc__pack(message, arena, &payload);

    if (st == FCC_OK)
        st = msp_sign(peer->signer, &payload, 1, arena, &signature);
    if (st != FCC_OK)
        return st;
    MAKE(arena, *out, gossip__envelope__init);
    (*out)->payload = fcc__pb(payload);
    (*out)->signature = fcc__pb(signature);
    return FCC_OK;
}

/* That it is there, and where. */
static fcc_status alive(const devnet_peer *peer, fcc__arena *arena, Gossip__Envelope **out)
{
    const fcc__sha256 id = pki_id(peer);
    Gossip__GossipMessage message = GOSSIP__GOSSIP_MESSAGE__INIT;
    Gossip__AliveMessage body = GOSSIP__ALIVE_MESSAGE__INIT;
    Gossip__Member member = GOSSIP__MEMBER__INIT;
    fcc_status st = time_of(peer->net, arena, &body.timestamp);

    member.endpoint = fcc__pb(fcc_str(peer->address));
    member.pki_id = fcc__pb(fcc__sha256_bytes(&id));
    body.membership = &member;
    message.tag = GOSSIP__GOSSIP_MESSAGE__TAG__EMPTY;
    message.content_case = GOSSIP__GOSSIP_MESSAGE__CONTENT_ALIVE_MSG;
    message.alive_msg = &body;
    return st == FCC_OK ? seal(peer, &message, arena, out) : st;
}

/* A chaincode's version here is its definition's sequence: Fabric's peers tell it so. */
static fcc_status add_chaincode(Gossip__Properties *to, const char *name, int64_t sequence, fcc__arena *arena)
{
    const char *version = fcc__arena_printf(arena, "%" PRId64, sequence);
    Gossip__Chaincode *chaincode;

    if (!version)
        return FCC_ERR_LIMIT;
    MAKE(arena, chaincode, gossip__chaincode__init);
    chaincode->name = fcc__pb(fcc_str(name));
    chaincode->version = fcc__pb(fcc_str(version));
    to->chaincodes[to->n_chaincodes++] = chaincode;
    return FCC_OK;
}

/* What of the channel's chaincodes it can run. */
static fcc_status list_chaincodes(const devnet_peer *peer, fcc__arena *arena, Gossip__Properties *to)
{
    ledger *l = peer->net->ledger;
    const char *const *names;
    ledger_definition definition;
    size_t count;
    fcc_status st = scc_defined(l, peer->org->mspid, arena, &names, &count);

    if (st != FCC_OK)
        return st;
    to->chaincodes = fcc__arena_zalloc(arena, count + 1, sizeof(*to->chaincodes));
    if (!to->chaincodes)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; st == FCC_OK && i < count; i++)
        if (peer_host_installed(peer->host, fcc_str(names[i])) &&
            (st = ledger_find_definition(l, fcc_str(names[i]), &definition)) == FCC_OK)
            st = add_chaincode(to, names[i], definition.sequence, arena);
    return st == FCC_OK ? add_chaincode(to, SCC_LIFECYCLE, 1, arena) : st;
}

/* How far it has come on the channel, and what it can run there. */
static fcc_status state_info(const devnet_peer *peer, fcc__arena *arena, Gossip__Envelope **out)
{
    const fcc__sha256 id = pki_id(peer);
    const fcc_bytes parts[] = { fcc__sha256_bytes(&id), fcc_str(peer->net->network->channel) };
    const fcc__sha256 mac = fcc__sha256_of_many(parts, 2);
    Gossip__GossipMessage message = GOSSIP__GOSSIP_MESSAGE__INIT;
    Gossip__StateInfo body = GOSSIP__STATE_INFO__INIT;
    Gossip__Properties properties = GOSSIP__PROPERTIES__INIT;
    fcc_status st = time_of(peer->net, arena, &body.timestamp);

    if (st == FCC_OK)
        st = list_chaincodes(peer, arena, &properties);
    if (st != FCC_OK)
        return st;
    properties.ledger_height = ledger_height(peer->net->ledger);
    body.pki_id = fcc__pb(parts[0]);
    body.channel_mac = fcc__pb(fcc__sha256_bytes(&mac));
    body.properties = &properties;
    message.tag = GOSSIP__GOSSIP_MESSAGE__TAG__CHAN_OR_ORG;
    message.content_case = GOSSIP__GOSSIP_MESSAGE__CONTENT_STATE_INFO;
    message.state_info = &body;
    return seal(peer, &message, arena, out);
}

/* All of it for a channel; its state there is left out where nobody asks for a channel. */
static fcc_status describe(const devnet_peer *peer, bool of_channel, fcc__arena *arena, Discovery__Peers **out)
{
    Discovery__Peer *one;
    fcc_status st;

    MAKE(arena, *out, discovery__peers__init);
    MAKE(arena, one, discovery__peer__init);
    (*out)->peers = fcc__arena_zalloc(arena, 1, sizeof(*(*out)->peers));
    if (!(*out)->peers)
        return FCC_ERR_LIMIT;
    (*out)->peers[0] = one;
    (*out)->n_peers = 1;
    one->identity = fcc__pb(msp_signer_identity(peer->signer));
    st = alive(peer, arena, &one->membership_info);
    return st == FCC_OK && of_channel ? state_info(peer, arena, &one->state_info) : st;
}

/* ---- the peers ------------------------------------------------------------------------------------------------------- */

/* An organisation of the channel is told also where none of its peers is among those asked for. */
static fcc_status list_peers(const struct devnet *net, unsigned set, bool of_channel, fcc__arena *arena,
                             Discovery__QueryResult *out)
{
    Discovery__PeerMembershipResult *members;
    fcc_status st = FCC_OK;

    MAKE(arena, members, discovery__peer_membership_result__init);
    members->peers_by_org = fcc__arena_zalloc(arena, net->peer_count, sizeof(*members->peers_by_org));
    if (!members->peers_by_org)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; st == FCC_OK && i < net->peer_count; i++) {
        Discovery__PeerMembershipResult__PeersByOrgEntry *entry;

        if (!devnet_on_channel(&net->peers[i]))
            continue;
        MAKE(arena, entry, discovery__peer_membership_result__peers_by_org_entry__init);
        entry->key = fcc__pb(fcc_str(net->peers[i].org->mspid));
        members->peers_by_org[members->n_peers_by_org++] = entry;
        if (set & 1u << i)
            st = describe(&net->peers[i], of_channel, arena, &entry->value);
        else
            MAKE(arena, entry->value, discovery__peers__init);
    }
    out->result_case = DISCOVERY__QUERY_RESULT__RESULT_MEMBERS;
    out->members = members;
    return st;
}

fcc_status devnet_discovery_peers(const struct devnet *net, const Protos__ChaincodeInterest *filter, fcc__arena *arena,
                                  Discovery__QueryResult *out)
{
    unsigned set = ~0u;
    const char *problem = NULL;

    if (filter && filter->n_chaincodes)
        problem = devnet_plan_equipped(net, fcc_str(net->network->channel), filter, arena, &set);
    return problem ? devnet_discovery_error(out, problem, arena) : list_peers(net, set, true, arena, out);
}

fcc_status devnet_discovery_members(const struct devnet *net, fcc__arena *arena, Discovery__QueryResult *out)
{
    return list_peers(net, ~0u, false, arena, out);
}

/* ---- who endorses ----------------------------------------------------------------------------------------------------- */

static const char *unusable(const Discovery__ChaincodeQuery *query)
{
    if (query->n_interests == 0)
        return "chaincode query must have at least one chaincode interest";
    for (size_t i = 0; i < query->n_interests; i++) {
        if (query->interests[i]->n_chaincodes == 0)
            return "chaincode interest must contain at least one chaincode";
        for (size_t k = 0; k < query->interests[i]->n_chaincodes; k++)
            if (query->interests[i]->chaincodes[k]->name.len == 0)
                return "chaincode name in interest cannot be empty";
    }
    return NULL;
}

/* As Go prints the message in this release; without the policies of keys. */
static const char *print_interest(const struct devnet *net, const Protos__ChaincodeInterest *interest,
                                  fcc__arena *arena)
{
    const bool old = net->settings.fabric == DEVNET_FABRIC_2_5;
    const char *text = "";

    for (size_t i = 0; text && i < interest->n_chaincodes; i++) {
        const Protos__ChaincodeCall *call = interest->chaincodes[i];

        text = fcc__arena_printf(arena, "%s%schaincodes:%cname:\"" FCC_FMT "\"", text, i && !old ? " " : "",
                                 old ? '<' : '{', FCC_ARG(fcc__of_pb(call->name)));
        for (size_t k = 0; text && k < call->n_collection_names; k++)
            text = fcc__arena_printf(arena, "%s collection_names:\"" FCC_FMT "\"", text,
                                     FCC_ARG(fcc__of_pb(call->collection_names[k])));
        if (text)
            text = fcc__arena_printf(arena, "%s%s%s%s%s", text, call->no_private_reads ? " no_private_reads:true" : "",
                                     call->no_public_writes ? " no_public_writes:true" : "",
                                     call->disregard_namespace_policy ? " disregard_namespace_policy:true" : "",
                                     old ? " > " : "}");
    }
    return text;
}

/* With one peer an organisation each is a group of its own, of which a layout takes one. */
static const char *group_of(size_t peer, fcc__arena *arena)
{
    return fcc__arena_printf(arena, "G%zu", peer);
}

static fcc_status add_layout(const struct devnet *net, unsigned set, fcc__arena *arena,
                             Discovery__EndorsementDescriptor *to)
{
    Discovery__Layout *layout;

    MAKE(arena, layout, discovery__layout__init);
    layout->quantities_by_group = fcc__arena_zalloc(arena, net->peer_count, sizeof(*layout->quantities_by_group));
    if (!layout->quantities_by_group)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < net->peer_count; i++) {
        Discovery__Layout__QuantitiesByGroupEntry *entry;
        const char *group;

        if (!(set & 1u << i))
            continue;
        if (!(group = group_of(i, arena)))
            return FCC_ERR_LIMIT;
        MAKE(arena, entry, discovery__layout__quantities_by_group_entry__init);
        entry->key = fcc__pb(fcc_str(group));
        entry->value = 1;
        layout->quantities_by_group[layout->n_quantities_by_group++] = entry;
    }
    to->layouts[to->n_layouts++] = layout;
    return FCC_OK;
}

static fcc_status add_groups(const struct devnet *net, unsigned set, fcc__arena *arena,
                             Discovery__EndorsementDescriptor *to)
{
    fcc_status st = FCC_OK;

    to->endorsers_by_groups = fcc__arena_zalloc(arena, net->peer_count, sizeof(*to->endorsers_by_groups));
    if (!to->endorsers_by_groups)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; st == FCC_OK && i < net->peer_count; i++) {
        Discovery__EndorsementDescriptor__EndorsersByGroupsEntry *entry;
        const char *group;

        if (!(set & 1u << i))
            continue;
        if (!(group = group_of(i, arena)))
            return FCC_ERR_LIMIT;
        MAKE(arena, entry, discovery__endorsement_descriptor__endorsers_by_groups_entry__init);
        entry->key = fcc__pb(fcc_str(group));
        to->endorsers_by_groups[to->n_endorsers_by_groups++] = entry;
        st = describe(&net->peers[i], true, arena, &entry->value);
    }
    return st;
}

static fcc_status describe_endorsers(const struct devnet *net, const Protos__ChaincodeInterest *interest,
                                     const devnet_layouts *layouts, fcc__arena *arena,
                                     Discovery__EndorsementDescriptor **out)
{
    unsigned all = 0;
    fcc_status st = FCC_OK;

    MAKE(arena, *out, discovery__endorsement_descriptor__init);
    (*out)->chaincode = interest->chaincodes[0]->name;
    (*out)->layouts = fcc__arena_zalloc(arena, layouts->count, sizeof(*(*out)->layouts));
    if (!(*out)->layouts)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; st == FCC_OK && i < layouts->count; i++) {
        all |= layouts->sets[i];
        st = add_layout(net, layouts->sets[i], arena, *out);
    }
    return st == FCC_OK ? add_groups(net, all, arena, *out) : st;
}

fcc_status devnet_discovery_endorsers(const struct devnet *net, const Discovery__ChaincodeQuery *query,
                                      fcc__arena *arena, Discovery__QueryResult *out)
{
    const char *problem = unusable(query);
    Discovery__ChaincodeQueryResult *result;
    fcc_status st = FCC_OK;

    if (problem)
        return devnet_discovery_error(out, problem, arena);
    MAKE(arena, result, discovery__chaincode_query_result__init);
    result->content = fcc__arena_zalloc(arena, query->n_interests, sizeof(*result->content));
    if (!result->content)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; st == FCC_OK && i < query->n_interests; i++) {
        devnet_layouts layouts;

        if (devnet_plan(net, fcc_str(net->network->channel), query->interests[i], 0, arena, &layouts)) {
            problem = print_interest(net, query->interests[i], arena);
            return devnet_discovery_error(
                out, problem ? fcc__arena_printf(arena, "failed constructing descriptor for %s", problem) : NULL,
                arena);
        }
        st = describe_endorsers(net, query->interests[i], &layouts, arena, &result->content[result->n_content++]);
    }
    out->result_case = DISCOVERY__QUERY_RESULT__RESULT_CC_QUERY_RES;
    out->cc_query_res = result;
    return st;
}
