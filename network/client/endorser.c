/* protos.Endorser and orderer.AtomicBroadcast/Broadcast: a transaction by chosen peers, assembled here. */
#include "client/direct.h"
#include "client/private.h"

#include "orderer/ab.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What a refusal comes to: Fabric has no code for "not you", only words. */
static fcc_status kind_of(const char *message)
{
    return strstr(message, "access denied") || strstr(message, "Failed to authorize") ||
                   strstr(message, "identity expired")
               ? FCC_ERR_AUTH
               : FCC_ERR_PEER;
}

static fcc_status refused(const client_peer *peer, const Protos__Response *response, fcc_error *error)
{
    char words[768];

    snprintf(words, sizeof(words), FCC_FMT, FCC_ARG(fcc__of_pb(response->message)));
    return fcc_error_set(error, kind_of(words), "%s (%s) refused with %d: %s", peer->name, peer->mspid,
                         (int)response->status, words);
}

fcc_status client_process(client *c, const char *org, const client_proposal *p, fcc__arena *arena,
                          client_endorsement *out, fcc_error *error)
{
    enum { REFUSED_FROM = 400 };
    fcc_status st;
    client_peer *peer;
    client_answer answer = { 0 };
    client_endorsement e = { 0 };
    fcc_error why = { 0 };
    Protos__SignedProposal request = PROTOS__SIGNED_PROPOSAL__INIT;
    Protos__ProposalResponse *response;

    if ((st = client__peer_of(c, org, &peer, error)) != FCC_OK)
        return st;
    request.proposal_bytes = fcc__pb(p->bytes);
    request.signature = fcc__pb(p->signature);
    st = client__ask_at(c, peer, "/protos.Endorser/ProcessProposal", &request, &protos__proposal_response__descriptor,
                        arena, (ProtobufCMessage **)(void *)&response, &answer, &why);
    if (st != FCC_OK)
        return fcc_error_set(error, st == FCC_ERR_APP ? FCC_ERR_PEER : st, "%s (%s): %s", peer->name, peer->mspid,
                             why.text);
    if (!response->response)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s (%s) answered without a result", peer->name, peer->mspid);
    if (response->response->status >= REFUSED_FROM)
        return refused(peer, response->response, error);
    e.mspid = peer->mspid;
    e.peer = peer->name;
    e.status = response->response->status;
    e.payload = fcc__of_pb(response->response->payload);
    e.result = fcc__of_pb(response->payload);
    if (response->endorsement) {
        e.endorser = fcc__of_pb(response->endorsement->endorser);
        e.signature = fcc__of_pb(response->endorsement->signature);
    }
    *out = e;
    return FCC_OK;
}

/* The invocation without its transient data, which must never be on the ledger. */
static fcc_status public_payload(fcc_bytes payload, fcc__arena *arena, fcc_bytes *out)
{
    Protos__ChaincodeProposalPayload *whole;
    Protos__ChaincodeProposalPayload kept = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    fcc_status st = FCC__UNPACK(protos__chaincode_proposal_payload, payload, arena, &whole);

    if (st != FCC_OK)
        return st;
    kept.input = whole->input;
    return fcc__pack(&kept, arena, out);
}

static fcc_status pack_endorsed(const client_endorsement *list, size_t count, fcc_bytes invocation, fcc__arena *arena,
                                fcc_bytes *out)
{
    Protos__ChaincodeEndorsedAction action = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ChaincodeActionPayload payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    size_t i;

    action.proposal_response_payload = fcc__pb(list[0].result);
    action.endorsements = fcc__arena_zalloc(arena, count, sizeof(*action.endorsements));
    for (i = 0; i < count && action.endorsements; i++) {
        Protos__Endorsement *e = fcc__arena_alloc(arena, sizeof(*e));

        if (!e)
            return FCC_ERR_LIMIT;
        protos__endorsement__init(e);
        e->endorser = fcc__pb(list[i].endorser);
        e->signature = fcc__pb(list[i].signature);
        action.endorsements[action.n_endorsements++] = e;
    }
    payload.chaincode_proposal_payload = fcc__pb(invocation);
    payload.action = &action;
    return action.endorsements ? fcc__pack(&payload, arena, out) : FCC_ERR_LIMIT;
}

fcc_status client_assemble(const client_proposal *p, const client_endorsement *list, size_t count, fcc__arena *arena,
                           client_transaction *out, fcc_error *error)
{
    fcc_status st;
    fcc_bytes invocation, bytes;
    client_transaction t = { 0 };
    Protos__Proposal *proposal;
    Common__Header *header;
    Protos__TransactionAction action = PROTOS__TRANSACTION_ACTION__INIT, *actions = &action;
    Protos__Transaction transaction = PROTOS__TRANSACTION__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    size_t i;

    if (count == 0)
        return fcc_error_set(error, FCC_ERR_ARG, "a transaction needs an endorsement");
    for (i = 0; i < count; i++) {
        if (list[i].endorser.len == 0)
            return fcc_error_set(error, FCC_ERR_PEER, "%s (%s) has not endorsed", list[i].peer, list[i].mspid);
        if (!fcc_bytes_equal(list[i].result, list[0].result))
            return fcc_error_set(error, FCC_ERR_PEER, "the results of %s (%s) and %s (%s) differ", list[0].peer,
                                 list[0].mspid, list[i].peer, list[i].mspid);
    }
    if ((st = FCC__UNPACK(protos__proposal, p->bytes, arena, &proposal)) != FCC_OK ||
        (st = FCC__UNPACK(common__header, fcc__of_pb(proposal->header), arena, &header)) != FCC_OK ||
        (st = public_payload(fcc__of_pb(proposal->payload), arena, &invocation)) != FCC_OK ||
        (st = pack_endorsed(list, count, invocation, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    action.header = header->signature_header;
    action.payload = fcc__pb(bytes);
    transaction.n_actions = 1;
    transaction.actions = &actions;
    if ((st = fcc__pack(&transaction, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    payload.header = header;
    payload.data = fcc__pb(bytes);
    if ((st = fcc__pack(&payload, arena, &t.payload)) != FCC_OK)
        return client__no_memory(error, st);
    memcpy(t.txid, p->txid, sizeof(t.txid));
    *out = t;
    return FCC_OK;
}

fcc_status client_query_at(client *c, const client_call *call, const char *org, fcc__arena *arena, fcc_bytes *payload,
                           fcc_error *error)
{
    client_proposal p;
    client_endorsement e;
    fcc_status st;

    if ((st = client_propose(c, call, arena, &p, error)) != FCC_OK ||
        (st = client_process(c, org, &p, arena, &e, error)) != FCC_OK)
        return st;
    *payload = e.payload;
    return FCC_OK;
}

static fcc_status send_and_wait(client *c, const char *org, const client_transaction *t, fcc__arena *arena,
                                client_answer *answer, fcc_error *error)
{
    fcc_status st;
    fcc_bytes bytes;
    client_watch *watch = NULL;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;

    envelope.payload = fcc__pb(t->payload);
    envelope.signature = fcc__pb(t->signature);
    if ((st = fcc__pack(&envelope, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    if ((st = client_watch_start(c, org, t->txid, &watch, error)) != FCC_OK)
        return st;
    answer->submitted = true;
    if ((st = client_broadcast(c, bytes, error)) == FCC_OK)
        st = client_watch_wait(watch, &answer->validation, &answer->block, error);
    client_watch_free(watch);
    if (st == FCC_OK && answer->validation != 0)
        st = fcc_error_set(error, FCC_ERR_PEER, "transaction %s was committed as invalid: %s", t->txid,
                           client_validation_name(answer->validation));
    return st;
}

fcc_status client_invoke_at(client *c, const client_call *call, fcc__arena *arena, client_answer *answer,
                            fcc_error *error)
{
    const size_t count = call->org_count ? call->org_count : 1;
    client_endorsement *list = fcc__arena_zalloc(arena, count, sizeof(*list));
    client_proposal p;
    client_transaction t;
    fcc_status st;
    size_t i;

    memset(answer, 0, sizeof(*answer));
    if (!list)
        return client__no_memory(error, FCC_ERR_LIMIT);
    answer->attempts = 1;
    if ((st = client_propose(c, call, arena, &p, error)) != FCC_OK)
        return st;
    memcpy(answer->txid, p.txid, sizeof(p.txid));
    for (i = 0; i < count; i++)
        if ((st = client_process(c, call->org_count ? call->orgs[i] : NULL, &p, arena, &list[i], error)) != FCC_OK)
            return st;
    answer->status = list[0].status;
    answer->payload = list[0].payload;
    if ((st = client_assemble(&p, list, count, arena, &t, error)) != FCC_OK ||
        (st = client_sign(c, &t, arena, error)) != FCC_OK)
        return st;
    return send_and_wait(c, list[0].mspid, &t, arena, answer, error);
}

/* ---- Broadcast ---------------------------------------------------------------------------------------------------- */

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 2000 };

typedef struct answer {
    fcc__arena *arena;
    Orderer__BroadcastResponse *response;
} answer;

static bool on_answer(void *ctx, fcc_bytes message)
{
    answer *a = ctx;

    if (FCC__UNPACK(orderer__broadcast_response, message, a->arena, &a->response) != FCC_OK)
        a->response = NULL;
    return false;
}

/* Once, to one orderer. *later: it has not taken it, or was not heard of again, and another one may take it. */
static fcc_status broadcast(client *c, client_peer *orderer, fcc_bytes envelope, bool *later, fcc_error *error)
{
    answer a = { .arena = fcc__arena_new(1 << 20) };
    client__stream s = { .path = "/orderer.AtomicBroadcast/Broadcast",
                         .address = orderer->address,
                         .on_message = on_answer,
                         .ctx = &a,
                         .deadline_ms = c->timeout_ms / (int64_t)c->orderer_count };
    const ProtobufCEnumValue *name;
    rpc_channel *connection;
    fcc_error why = { 0 };
    fcc_status st;

    *later = false;
    if (!a.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if ((st = client__connect(c, orderer, &connection, error)) != FCC_OK)
        goto out;
    if ((st = client__stream_open(c, connection, &s, envelope, &why)) != FCC_OK ||
        (st = client__stream_run(c, &s)) != FCC_OK) {
        *later = c->orderer_count > 1 && (st == FCC_ERR_IO || st == FCC_ERR_TIMEOUT);
        fcc_error_set(error, st, "the orderer at %s: %s", orderer->address, why.text);
        goto out;
    }
    if (!a.response) {
        st = fcc_error_set(error, FCC_ERR_PROTO, "the orderer at %s ended without an answer", orderer->address);
        goto out;
    }
    if (a.response->status != COMMON__STATUS__SUCCESS) {
        name = protobuf_c_enum_descriptor_get_value(&common__status__descriptor, (int)a.response->status);
        st = a.response->status == COMMON__STATUS__FORBIDDEN ? FCC_ERR_AUTH : FCC_ERR_PEER;
        *later = a.response->status == COMMON__STATUS__SERVICE_UNAVAILABLE;
        fcc_error_set(error, st, "the orderer at %s refused with %s: " FCC_FMT, orderer->address,
                      name ? name->name : "an unknown status", FCC_ARG(fcc__of_pb(a.response->info)));
    }
out:
    fcc__arena_free(a.arena);
    return st;
}

/*
 * SERVICE_UNAVAILABLE says that it was not taken (no leader yet, or just lost): it is given again. An orderer that can't
 * be reached is followed by the next. Should two have taken it, then the second one's is invalid by its transaction id.
 */
fcc_status client_broadcast(client *c, fcc_bytes envelope, fcc_error *error)
{
    const int64_t until = client__now_ms() + c->timeout_ms;
    int64_t pause_ms = PAUSE_FIRST_MS;
    client_peer *orderer;
    bool later;
    fcc_status st;

    for (size_t tries = 1; (st = client__orderer(c, &orderer, error)) == FCC_OK; tries++) {
        const struct timespec pause = { pause_ms / 1000, pause_ms % 1000 * 1000000 };

        st = broadcast(c, orderer, envelope, &later, error);
        if (st == FCC_OK || !later || client__now_ms() + pause_ms >= until)
            break;
        client__next_orderer(c);
        if (tries % c->orderer_count != 0)
            continue; /* until all have been asked */
        nanosleep(&pause, NULL);
        pause_ms = pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
    }
    return st;
}
