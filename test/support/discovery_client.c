/*
 * discovery_client: asks a peer's service discovery, for test/integration/discovery.sh.
 *
 *     discovery_client DIR ORG USER QUERY...
 *
 * A QUERY is `config`, `peers`, `peers=CHAINCODE`, `local`, `nothing` or `endorsers=CALL[,CALL...]`, where a CALL is
 * CHAINCODE[:COLLECTION...], with `!` behind it when nothing private is read. Prints what comes, sorted, a line for each
 * membership service, orderer, peer, layout (the organisations of its groups) or error, and "end CODE TEXT" for a call
 * without an answer. Environment: CHANNEL (another channel's name, or "" for none), FORGE (set: sign something else),
 * NOBODY (set: say no identity), BARE (set: say nothing of who asks).
 */
#include "client/private.h"
#include "msp/msp.h"

#include "discovery/protocol.pb-c.h"
#include "msp/identities.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 1 << 24, QUERIES = 8, CALLS = 8, LINES = 64 };

static client *c;
static fcc__arena *arena;
static char *lines[LINES];
static size_t line_count;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "discovery_client: %s: %s\n", what, why);
    exit(2);
}

static void *room(size_t count, size_t size)
{
    void *p = fcc__arena_zalloc(arena, count, size);

    if (!p)
        fail("an answer", "out of memory");
    return p;
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static Protos__ChaincodeCall *read_call(char *text)
{
    Protos__ChaincodeCall *call = room(1, sizeof(*call));
    size_t len = strlen(text);
    char *rest = NULL;

    protos__chaincode_call__init(call);
    call->collection_names = room(CALLS, sizeof(*call->collection_names));
    if (len > 0 && text[len - 1] == '!') {
        call->no_private_reads = true;
        text[len - 1] = '\0';
    }
    call->name = fcc__pb(fcc_str(strtok_r(text, ":", &rest)));
    for (char *name = strtok_r(NULL, ":", &rest); name; name = strtok_r(NULL, ":", &rest))
        call->collection_names[call->n_collection_names++] = fcc__pb(fcc_str(name));
    return call;
}

static Protos__ChaincodeInterest *read_interest(char *text)
{
    Protos__ChaincodeInterest *interest = room(1, sizeof(*interest));
    char *rest = NULL;

    protos__chaincode_interest__init(interest);
    interest->chaincodes = room(CALLS, sizeof(*interest->chaincodes));
    for (char *call = strtok_r(text, ",", &rest); call; call = strtok_r(NULL, ",", &rest))
        interest->chaincodes[interest->n_chaincodes++] = read_call(call);
    return interest;
}

static void read_query(char *text, Discovery__Query *out)
{
    char *what = strchr(text, '=');

    if (what)
        *what++ = '\0';
    if (strcmp(text, "config") == 0) {
        out->query_case = DISCOVERY__QUERY__QUERY_CONFIG_QUERY;
        discovery__config_query__init(out->config_query = room(1, sizeof(*out->config_query)));
    } else if (strcmp(text, "peers") == 0) {
        out->query_case = DISCOVERY__QUERY__QUERY_PEER_QUERY;
        discovery__peer_membership_query__init(out->peer_query = room(1, sizeof(*out->peer_query)));
        if (what)
            out->peer_query->filter = read_interest(what);
    } else if (strcmp(text, "local") == 0) {
        out->query_case = DISCOVERY__QUERY__QUERY_LOCAL_PEERS;
        discovery__local_peer_query__init(out->local_peers = room(1, sizeof(*out->local_peers)));
    } else if (strcmp(text, "endorsers") == 0) {
        out->query_case = DISCOVERY__QUERY__QUERY_CC_QUERY;
        discovery__chaincode_query__init(out->cc_query = room(1, sizeof(*out->cc_query)));
        out->cc_query->interests = room(1, sizeof(*out->cc_query->interests));
        if (what)
            out->cc_query->interests[out->cc_query->n_interests++] = read_interest(what);
    } else if (strcmp(text, "nothing") != 0) {
        fail(text, "no query");
    }
}

static void make_request(char **queries, int count, Discovery__SignedRequest *out)
{
    const char *channel = getenv("CHANNEL") ? getenv("CHANNEL") : client_channel(c);
    Discovery__Request request = DISCOVERY__REQUEST__INIT;
    Discovery__AuthInfo who = DISCOVERY__AUTH_INFO__INIT;
    Discovery__Query list[QUERIES], *at[QUERIES];
    fcc_bytes payload, signature;
    fcc_error error;

    if (count > QUERIES)
        fail("the arguments", "too many queries");
    for (int i = 0; i < count; i++) {
        discovery__query__init(at[i] = &list[i]);
        list[i].channel = fcc__pb(fcc_str(channel));
        read_query(queries[i], &list[i]);
    }
    request.queries = at;
    request.n_queries = (size_t)count;
    if (!getenv("NOBODY"))
        who.client_identity = fcc__pb(c->identity);
    if (!getenv("BARE"))
        request.authentication = &who;
    if (fcc__pack(&request, arena, &payload) != FCC_OK)
        fail("the request", "too large");
    if (client__sign(c, "the request", getenv("FORGE") ? FCC_LIT("something else") : payload, arena, &signature,
                     &error) != FCC_OK)
        fail("the request", error.text);
    out->payload = fcc__pb(payload);
    out->signature = fcc__pb(signature);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void line(char *text)
{
    if (line_count == LINES || !text)
        fail("an answer", "too long");
    lines[line_count++] = text;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What Go prints in between is one blank or two, as it likes. */
static void show_error(fcc_bytes content)
{
    char *text = fcc__arena_printf(arena, "error " FCC_FMT, FCC_ARG(content)), *to = text;

    for (const char *from = text; from && (*to = *from); from++)
        if (to == text || *from != ' ' || to[-1] != ' ')
            to++;
    line(text);
}

/* The MSP folder of an organisation, beside its TLS authority's. */
static const char *msp_of(const char *mspid)
{
    for (size_t i = 0; i < c->peer_count; i++) {
        const char *end = strstr(c->peers[i].tls_ca, "/tlsca/");

        if (strcmp(c->peers[i].mspid, mspid) == 0 && end)
            return fcc__arena_printf(arena, "%.*s/msp", (int)(end - c->peers[i].tls_ca), c->peers[i].tls_ca);
    }
    fail(mspid, "nobody's organisation");
}

/* The message in a peer's envelope; whoever has signed it is that peer. */
static Gossip__GossipMessage *open_envelope(const Gossip__Envelope *envelope, fcc_bytes identity)
{
    Msp__SerializedIdentity *serialized;
    Gossip__GossipMessage *message;
    const msp_identity *signer;
    const char *mspid;
    msp_manager *manager;
    msp_org *org;
    fcc_bytes payload;
    fcc_error error = { 0 };

    if (!envelope)
        fail("a peer", "an envelope is missing");
    payload = fcc__of_pb(envelope->payload);
    if (FCC__UNPACK(msp__serialized_identity, identity, arena, &serialized) != FCC_OK ||
        FCC__UNPACK(gossip__gossip_message, payload, arena, &message) != FCC_OK ||
        !(mspid = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(serialized->mspid)))))
        fail("a peer", "cannot be read");
    if (msp_org_load(msp_of(mspid), mspid, &org, &error) != FCC_OK ||
        msp_manager_new(&org, 1, &manager, &error) != FCC_OK)
        fail(mspid, error.text);
    if (msp_deserialize(manager, identity, &signer, &error) != FCC_OK || msp_validate(signer, &error) != FCC_OK ||
        (envelope->signature.len > 0 && /* Fabric's peers hand on what they tell of themselves unsigned */
         msp_verify(signer, &payload, 1, fcc__of_pb(envelope->signature), &error) != FCC_OK))
        fail("a peer's envelope", error.text);
    msp_manager_free(manager);
    return message;
}

static const char *where(const Gossip__GossipMessage *alive, fcc_bytes mspid)
{
    if (alive->content_case != GOSSIP__GOSSIP_MESSAGE__CONTENT_ALIVE_MSG || !alive->alive_msg->membership ||
        !alive->alive_msg->timestamp)
        return "not alive";
    for (size_t i = 0; i < c->peer_count; i++)
        if (fcc_bytes_equal(fcc_str(c->peers[i].mspid), mspid))
            return fcc_bytes_equal(fcc_str(c->peers[i].address), fcc__of_pb(alive->alive_msg->membership->endpoint))
                       ? "at its address"
                       : "elsewhere";
    return "unknown";
}

static char *state_of(const Discovery__Peer *peer)
{
    const Gossip__GossipMessage *message = open_envelope(peer->state_info, fcc__of_pb(peer->identity));
    char *text;

    if (message->content_case != GOSSIP__GOSSIP_MESSAGE__CONTENT_STATE_INFO || !message->state_info->properties)
        fail("a peer", "its state is none");
    text = fcc__arena_printf(arena, ", height %" PRIu64 ":", message->state_info->properties->ledger_height);
    for (size_t i = 0; text && i < message->state_info->properties->n_chaincodes; i++)
        text = fcc__arena_printf(arena, "%s " FCC_FMT "/" FCC_FMT, text,
                                 FCC_ARG(fcc__of_pb(message->state_info->properties->chaincodes[i]->name)),
                                 FCC_ARG(fcc__of_pb(message->state_info->properties->chaincodes[i]->version)));
    return text;
}

static void show_members(const Discovery__PeerMembershipResult *members)
{
    for (size_t i = 0; i < members->n_peers_by_org; i++) {
        const fcc_bytes org = fcc__of_pb(members->peers_by_org[i]->key);
        const Discovery__Peers *peers = members->peers_by_org[i]->value;

        if (!peers || peers->n_peers == 0)
            line(fcc__arena_printf(arena, "peer " FCC_FMT " none", FCC_ARG(org)));
        for (size_t k = 0; peers && k < peers->n_peers; k++)
            line(fcc__arena_printf(
                arena, "peer " FCC_FMT " %s%s", FCC_ARG(org),
                where(open_envelope(peers->peers[k]->membership_info, fcc__of_pb(peers->peers[k]->identity)), org),
                peers->peers[k]->state_info ? state_of(peers->peers[k]) : ""));
    }
}

static void show_config(const Discovery__ConfigResult *config)
{
    for (size_t i = 0; i < config->n_msps; i++) {
        const Msp__FabricMSPConfig *msp = config->msps[i]->value;

        line(fcc__arena_printf(arena, "msp " FCC_FMT " is " FCC_FMT ": %zu roots, %zu TLS roots%s",
                               FCC_ARG(fcc__of_pb(config->msps[i]->key)), FCC_ARG(fcc__of_pb(msp->name)),
                               msp->n_root_certs, msp->n_tls_root_certs,
                               msp->fabric_node_ous && msp->fabric_node_ous->enable ? ", NodeOUs" : ""));
    }
    for (size_t i = 0; i < config->n_orderers; i++)
        for (size_t k = 0; k < config->orderers[i]->value->n_endpoint; k++)
            line(fcc__arena_printf(arena, "orderer " FCC_FMT " " FCC_FMT " %s",
                                   FCC_ARG(fcc__of_pb(config->orderers[i]->key)),
                                   FCC_ARG(fcc__of_pb(config->orderers[i]->value->endpoint[k]->host)),
                                   config->orderers[i]->value->endpoint[k]->port ? "and a port" : "without a port"));
}

/* The organisation of a group's only peer. */
static char *org_of(const Discovery__EndorsementDescriptor *d, fcc_bytes group)
{
    Msp__SerializedIdentity *identity;

    for (size_t i = 0; i < d->n_endorsers_by_groups; i++) {
        const Discovery__Peers *peers = d->endorsers_by_groups[i]->value;

        if (!fcc_bytes_equal(fcc__of_pb(d->endorsers_by_groups[i]->key), group))
            continue;
        if (peers->n_peers != 1 ||
            FCC__UNPACK(msp__serialized_identity, fcc__of_pb(peers->peers[0]->identity), arena, &identity) != FCC_OK)
            fail("a group", "is not one peer");
        state_of(peers->peers[0]);
        return fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(identity->mspid)));
    }
    fail("a layout", "names a group that is not there");
}

static void show_layout(const Discovery__EndorsementDescriptor *d, const Discovery__Layout *layout)
{
    char *orgs[CALLS], *text = fcc__arena_printf(arena, "endorse " FCC_FMT ":", FCC_ARG(fcc__of_pb(d->chaincode)));

    if (layout->n_quantities_by_group > CALLS)
        fail("a layout", "too large");
    for (size_t i = 0; i < layout->n_quantities_by_group; i++) {
        orgs[i] = org_of(d, fcc__of_pb(layout->quantities_by_group[i]->key));
        if (layout->quantities_by_group[i]->value != 1)
            fail("a layout", "takes more of a group than there are");
    }
    qsort(orgs, layout->n_quantities_by_group, sizeof(*orgs), by_text);
    for (size_t i = 0; i < layout->n_quantities_by_group; i++)
        text = fcc__arena_printf(arena, "%s %s", text, orgs[i]);
    line(text);
}

static void show_result(const Discovery__QueryResult *result)
{
    if (result->result_case == DISCOVERY__QUERY_RESULT__RESULT_ERROR)
        show_error(fcc__of_pb(result->error->content));
    else if (result->result_case == DISCOVERY__QUERY_RESULT__RESULT_CONFIG_RESULT)
        show_config(result->config_result);
    else if (result->result_case == DISCOVERY__QUERY_RESULT__RESULT_MEMBERS)
        show_members(result->members);
    else if (result->result_case == DISCOVERY__QUERY_RESULT__RESULT_CC_QUERY_RES)
        for (size_t i = 0; i < result->cc_query_res->n_content; i++)
            for (size_t k = 0; k < result->cc_query_res->content[i]->n_layouts; k++)
                show_layout(result->cc_query_res->content[i], result->cc_query_res->content[i]->layouts[k]);
    else
        line(fcc__arena_printf(arena, "nothing"));
}

int main(int argc, char **argv)
{
    client_options options = { 0 };
    Discovery__SignedRequest request = DISCOVERY__SIGNED_REQUEST__INIT;
    Discovery__Response *response;
    ProtobufCMessage *answer;
    client_answer told = { 0 };
    fcc_error error = { 0 };

    if (argc < 5)
        fail("usage", "discovery_client DIR ORG USER QUERY...");
    options.dir = argv[1];
    options.org = argv[2];
    options.user = argv[3];
    arena = fcc__arena_new(ARENA);
    if (!arena || client_open(&options, &c, &error) != FCC_OK)
        fail(argv[1], arena ? error.text : "out of memory");
    make_request(argv + 4, argc - 4, &request);
    if (client__ask(c, "/discovery.Discovery/Discover", &request, &discovery__response__descriptor, arena, &answer,
                    &told, &error) != FCC_OK) {
        printf("end %s\n", error.text);
    } else {
        response = (Discovery__Response *)(void *)answer;
        for (size_t i = 0; i < response->n_results; i++)
            show_result(response->results[i]);
        qsort(lines, line_count, sizeof(*lines), by_text);
        for (size_t i = 0; i < line_count; i++)
            puts(lines[i]);
    }
    client_close(c);
    fcc__arena_free(arena);
    return 0;
}
