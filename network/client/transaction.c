/*
 * A transaction from the client's side: the proposal's bytes, signatures, and the gateway's four requests.
 */
#include "client/private.h"

#include "base/hash.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "gateway/gateway.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void client_txid(fcc_bytes nonce, fcc_bytes creator, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    fcc_bytes parts[2] = { nonce, creator };
    fcc__sha256 d = fcc__sha256_of_many(parts, 2);
    size_t i;

    for (i = 0; i < FCC__SHA256_LEN; i++) {
        out[2 * i] = digits[d.bytes[i] >> 4];
        out[2 * i + 1] = digits[d.bytes[i] & 15];
    }
    out[64] = '\0';
}

fcc_status client__no_memory(fcc_error *error, fcc_status st)
{
    return fcc_error_set(error, st == FCC_OK ? FCC_ERR_LIMIT : st, "the request is larger than its memory limit");
}

/* protos.ChaincodeProposalPayload: arguments and transient data */
static fcc_status pack_payload(const client_call *call, fcc__arena *arena, fcc_bytes *out)
{
    fcc_status st;
    fcc_bytes bytes;
    size_t i;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;

    id.name = fcc__pb(fcc_str(call->chaincode));
    input.n_args = call->arg_count;
    input.is_init = call->init;
    input.args = fcc__arena_zalloc(arena, call->arg_count + 1, sizeof(*input.args));
    payload.n_transientmap = call->transient_count;
    payload.transientmap = fcc__arena_zalloc(arena, call->transient_count + 1, sizeof(*payload.transientmap));
    if (!input.args || !payload.transientmap)
        return FCC_ERR_LIMIT;
    for (i = 0; i < call->arg_count; i++)
        input.args[i] = fcc__pb(call->args[i]);
    for (i = 0; i < call->transient_count; i++) {
        Protos__BytesEntry *e = fcc__arena_alloc(arena, sizeof(*e));

        if (!e)
            return FCC_ERR_LIMIT;
        protos__bytes_entry__init(e);
        e->key = fcc__pb(fcc_str(call->transient[i].name));
        e->value = fcc__pb(call->transient[i].value);
        payload.transientmap[i] = e;
    }
    spec.type = PROTOS__CHAINCODE_SPEC__TYPE__GOLANG;
    spec.chaincode_id = &id;
    spec.input = &input;
    invocation.chaincode_spec = &spec;
    if ((st = fcc__pack(&invocation, arena, &bytes)) != FCC_OK)
        return st;
    payload.input = fcc__pb(bytes);
    return fcc__pack(&payload, arena, out);
}

fcc_status client__nonce(uint8_t out[CLIENT__NONCE_LEN], fcc_error *error)
{
    if (RAND_bytes(out, CLIENT__NONCE_LEN) != 1)
        return fcc_error_set(error, FCC_ERR_INTERNAL, "no random numbers from OpenSSL");
    return FCC_OK;
}

fcc_status client__header(const client *c, const client__heading *h, fcc__arena *arena, Common__Header *out)
{
    fcc_status st;
    fcc_bytes bytes;
    struct timespec now;
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader ch = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader sh = COMMON__SIGNATURE_HEADER__INIT;

    clock_gettime(CLOCK_REALTIME, &now);
    at.seconds = (int64_t)now.tv_sec + c->clock_offset_s;
    at.nanos = (int32_t)now.tv_nsec;
    ch.type = h->type;
    ch.timestamp = &at;
    ch.channel_id = fcc__pb(fcc_str(h->channel));
    ch.tx_id = fcc__pb(fcc_str(h->txid));
    ch.extension = fcc__pb(h->extension);
    if (c->client_auth && h->type == COMMON__HEADER_TYPE__DELIVER_SEEK_INFO)
        ch.tls_cert_hash = fcc__pb(fcc__sha256_bytes(&c->tls_cert_hash));
    if ((st = fcc__pack(&ch, arena, &bytes)) != FCC_OK)
        return st;
    out->channel_header = fcc__pb(bytes);
    sh.creator = fcc__pb(c->identity);
    sh.nonce = fcc__pb(fcc_bytes_of(h->nonce, CLIENT__NONCE_LEN));
    if ((st = fcc__pack(&sh, arena, &bytes)) != FCC_OK)
        return st;
    out->signature_header = fcc__pb(bytes);
    return FCC_OK;
}

fcc_status client__sign(const client *c, const char *what, fcc_bytes bytes, fcc__arena *arena, fcc_bytes *signature,
                        fcc_error *error)
{
    fcc_status st;

    if (!c->signer)
        return fcc_error_set(error, FCC_ERR_ARG, "%s cannot be signed: this client has a certificate and no key", what);
    st = msp_sign(c->signer, &bytes, 1, arena, signature);
    return st == FCC_OK ? st : fcc_error_set(error, st, "%s cannot be signed: %s", what, fcc_status_text(st));
}

/* A copy with its last byte changed. */
static fcc_bytes damaged(fcc__arena *arena, fcc_bytes b)
{
    fcc_bytes copy = b;

    if (b.len > 0 && fcc__arena_copy(arena, b, &copy))
        ((uint8_t *)(uintptr_t)copy.data)[copy.len - 1] ^= 1;
    return copy;
}

static const char *channel_of(const client *c, const client_call *call)
{
    return call->channel ? call->channel : c->channel;
}

fcc_status client_prepare(client *c, const client_call *call, fcc__arena *arena, client_proposal *out, fcc_error *error)
{
    fcc_status st;
    fcc_bytes extension, bytes;
    client_proposal p = { 0 };
    client__heading h = { .type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, .channel = channel_of(c, call) };
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeHeaderExtension ext = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;

    id.name = fcc__pb(fcc_str(call->chaincode));
    ext.chaincode_id = &id;
    if ((st = fcc__pack(&ext, arena, &extension)) != FCC_OK)
        return client__no_memory(error, st);
    if ((st = client__nonce(h.nonce, error)) != FCC_OK)
        return st;
    client_txid(fcc_bytes_of(h.nonce, CLIENT__NONCE_LEN), c->identity, p.txid);
    if (call->tamper == CLIENT_TAMPER_TXID)
        p.txid[0] = p.txid[0] == '0' ? '1' : '0';
    h.txid = p.txid;
    h.extension = extension;
    if ((st = client__header(c, &h, arena, &header)) != FCC_OK)
        return client__no_memory(error, st);
    if ((st = fcc__pack(&header, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    proposal.header = fcc__pb(bytes);
    if ((st = pack_payload(call, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    proposal.payload = fcc__pb(bytes);
    if ((st = fcc__pack(&proposal, arena, &p.bytes)) != FCC_OK)
        return client__no_memory(error, st);
    *out = p;
    return FCC_OK;
}

fcc_status client_propose(client *c, const client_call *call, fcc__arena *arena, client_proposal *out, fcc_error *error)
{
    const bool other = call->tamper == CLIENT_TAMPER_SIGNATURE;
    client_proposal p;
    fcc_status st = client_prepare(c, call, arena, &p, error);

    if (st != FCC_OK)
        return st;
    st = client__sign(c, "the proposal", other ? FCC_LIT("something else") : p.bytes, arena, &p.signature, error);
    if (st != FCC_OK)
        return st;
    if (call->tamper == CLIENT_TAMPER_PROPOSAL)
        p.bytes = damaged(arena, p.bytes);
    *out = p;
    return FCC_OK;
}

fcc_status client__ask_at(client *c, client_peer *peer, const char *path, const void *request,
                          const ProtobufCMessageDescriptor *type, fcc__arena *arena, ProtobufCMessage **out,
                          client_answer *answer, fcc_error *error)
{
    fcc_status st;
    fcc_bytes bytes;
    rpc_reply reply = { 0 };
    rpc_channel *connection;

    if ((st = client__connect(c, peer, &connection, error)) != FCC_OK)
        return st;
    if ((st = fcc__pack(request, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    st = rpc_unary(connection, path, bytes, c->timeout_ms, &reply);
    if (st != FCC_OK) {
        fcc_error_set(error, st, "%s at %s: %s", path, peer->address, fcc_status_text(st));
        goto out;
    }
    if (reply.code != RPC_OK) {
        st = client__refused(&reply, arena, answer, error);
        goto out;
    }
    if ((st = fcc__unpack(type, reply.body, arena, out)) != FCC_OK)
        fcc_error_set(error, st, "%s at %s answered something that is no %s", path, peer->address, type->name);
out:
    rpc_reply_clear(&reply);
    return st;
}

fcc_status client__ask(client *c, const char *path, const void *request, const ProtobufCMessageDescriptor *type,
                       fcc__arena *arena, ProtobufCMessage **out, client_answer *answer, fcc_error *error)
{
    return client__ask_at(c, c->gateway, path, request, type, arena, out, answer, error);
}

static fcc_status orgs_of(client *c, const client_call *call, fcc__arena *arena, ProtobufCBinaryData **out,
                          fcc_error *error)
{
    ProtobufCBinaryData *list = fcc__arena_zalloc(arena, call->org_count + 1, sizeof(*list));
    size_t i;

    if (!list)
        return client__no_memory(error, FCC_ERR_LIMIT);
    for (i = 0; i < call->org_count; i++) {
        const char *mspid = client_find_org(c, call->orgs[i]);

        /* an organisation that this network doesn't have is for the gateway to refuse */
        list[i] = fcc__pb(fcc_str(mspid ? mspid : call->orgs[i]));
    }
    *out = list;
    return FCC_OK;
}

fcc_status client_evaluate(client *c, const client_call *call, const client_proposal *p, fcc__arena *arena,
                           client_answer *answer, fcc_error *error)
{
    fcc_status st;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Gateway__EvaluateRequest request = GATEWAY__EVALUATE_REQUEST__INIT;
    Gateway__EvaluateResponse *response;

    memset(answer, 0, sizeof(*answer));
    memcpy(answer->txid, p->txid, sizeof(p->txid));
    signed_proposal.proposal_bytes = fcc__pb(p->bytes);
    signed_proposal.signature = fcc__pb(p->signature);
    request.transaction_id = fcc__pb(fcc_str(p->txid));
    request.channel_id = fcc__pb(fcc_str(channel_of(c, call)));
    request.proposed_transaction = &signed_proposal;
    request.n_target_organizations = call->org_count;
    if ((st = orgs_of(c, call, arena, &request.target_organizations, error)) != FCC_OK)
        return st;
    st = client__ask(c, "/gateway.Gateway/Evaluate", &request, &gateway__evaluate_response__descriptor, arena,
                     (ProtobufCMessage **)(void *)&response, answer, error);
    if (st != FCC_OK)
        return st;
    if (!response->result)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s answered without a result", c->gateway->address);
    answer->status = response->result->status;
    answer->payload = fcc__of_pb(response->result->payload);
    return FCC_OK;
}

fcc_status client_query(client *c, const client_call *call, fcc__arena *arena, client_answer *answer, fcc_error *error)
{
    client_proposal p;
    fcc_status st;

    memset(answer, 0, sizeof(*answer));
    if ((st = client_propose(c, call, arena, &p, error)) != FCC_OK)
        return st;
    return client_evaluate(c, call, &p, arena, answer, error);
}

/* The chaincode's answer, out of the endorsed action in the transaction's payload. */
static fcc_status read_answer(fcc_bytes payload, fcc__arena *arena, client_answer *answer)
{
    Common__Payload *p;
    Protos__Transaction *tx;
    Protos__ChaincodeActionPayload *cap;
    Protos__ProposalResponsePayload *prp;
    Protos__ChaincodeAction *action;

    if (FCC__UNPACK(common__payload, payload, arena, &p) != FCC_OK ||
        FCC__UNPACK(protos__transaction, fcc__of_pb(p->data), arena, &tx) != FCC_OK || tx->n_actions != 1 ||
        FCC__UNPACK(protos__chaincode_action_payload, fcc__of_pb(tx->actions[0]->payload), arena, &cap) != FCC_OK ||
        !cap->action ||
        FCC__UNPACK(protos__proposal_response_payload, fcc__of_pb(cap->action->proposal_response_payload), arena,
                    &prp) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(prp->extension), arena, &action) != FCC_OK ||
        !action->response)
        return FCC_ERR_PROTO;
    answer->status = action->response->status;
    answer->payload = fcc__of_pb(action->response->payload);
    return FCC_OK;
}

fcc_status client_endorse(client *c, const client_call *call, const client_proposal *p, fcc__arena *arena,
                          client_transaction *out, client_answer *answer, fcc_error *error)
{
    fcc_status st;
    client_transaction t;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Gateway__EndorseRequest request = GATEWAY__ENDORSE_REQUEST__INIT;
    Gateway__EndorseResponse *response;

    memset(&t, 0, sizeof(t));
    signed_proposal.proposal_bytes = fcc__pb(p->bytes);
    signed_proposal.signature = fcc__pb(p->signature);
    request.transaction_id = fcc__pb(fcc_str(p->txid));
    request.channel_id = fcc__pb(fcc_str(c->channel));
    request.proposed_transaction = &signed_proposal;
    request.n_endorsing_organizations = call->org_count;
    if ((st = orgs_of(c, call, arena, &request.endorsing_organizations, error)) != FCC_OK)
        return st;
    st = client__ask(c, "/gateway.Gateway/Endorse", &request, &gateway__endorse_response__descriptor, arena,
                     (ProtobufCMessage **)(void *)&response, answer, error);
    if (st != FCC_OK)
        return st;
    if (!response->prepared_transaction ||
        read_answer(fcc__of_pb(response->prepared_transaction->payload), arena, answer) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s endorsed, but what it prepared is no transaction",
                             c->gateway->address);
    memcpy(t.txid, p->txid, sizeof(t.txid));
    t.payload = fcc__of_pb(response->prepared_transaction->payload);
    *out = t;
    return FCC_OK;
}

fcc_status client_sign(client *c, client_transaction *t, fcc__arena *arena, fcc_error *error)
{
    return client__sign(c, "the transaction", t->payload, arena, &t->signature, error);
}

fcc_status client_submit(client *c, const client_transaction *t, fcc__arena *arena, client_answer *answer,
                         fcc_error *error)
{
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Gateway__SubmitRequest request = GATEWAY__SUBMIT_REQUEST__INIT;
    ProtobufCMessage *response;

    envelope.payload = fcc__pb(t->payload);
    envelope.signature = fcc__pb(t->signature);
    request.transaction_id = fcc__pb(fcc_str(t->txid));
    request.channel_id = fcc__pb(fcc_str(c->channel));
    request.prepared_transaction = &envelope;
    return client__ask(c, "/gateway.Gateway/Submit", &request, &gateway__submit_response__descriptor, arena, &response,
                       answer, error);
}

fcc_status client_commit_request(client *c, const char *txid, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    Gateway__CommitStatusRequest request = GATEWAY__COMMIT_STATUS_REQUEST__INIT;
    fcc_status st;

    request.transaction_id = fcc__pb(fcc_str(txid));
    request.channel_id = fcc__pb(fcc_str(c->channel));
    request.identity = fcc__pb(c->identity);
    st = fcc__pack(&request, arena, out);
    return st == FCC_OK ? st : client__no_memory(error, st);
}

fcc_status client_commit_signed(client *c, fcc_bytes request, fcc_bytes signature, fcc__arena *arena,
                                client_answer *answer, fcc_error *error)
{
    Gateway__SignedCommitStatusRequest outer = GATEWAY__SIGNED_COMMIT_STATUS_REQUEST__INIT;
    Gateway__CommitStatusResponse *response;
    fcc_status st;

    outer.request = fcc__pb(request);
    outer.signature = fcc__pb(signature);
    st = client__ask(c, "/gateway.Gateway/CommitStatus", &outer, &gateway__commit_status_response__descriptor, arena,
                     (ProtobufCMessage **)(void *)&response, answer, error);
    if (st != FCC_OK)
        return st;
    answer->validation = (int)response->result;
    answer->block = response->block_number;
    return FCC_OK;
}

fcc_status client_commit_status(client *c, const char *txid, fcc__arena *arena, client_answer *answer, fcc_error *error)
{
    fcc_bytes request, signature;
    fcc_status st;

    if ((st = client_commit_request(c, txid, arena, &request, error)) != FCC_OK ||
        (st = client__sign(c, "the request", request, arena, &signature, error)) != FCC_OK)
        return st;
    return client_commit_signed(c, request, signature, arena, answer, error);
}

static fcc_status invoke_once(client *c, const client_call *call, fcc__arena *arena, client_answer *answer,
                              fcc_error *error)
{
    fcc_status st;
    client_proposal p;
    client_transaction t;

    if ((st = client_propose(c, call, arena, &p, error)) != FCC_OK)
        return st;
    memcpy(answer->txid, p.txid, sizeof(p.txid));
    if ((st = client_endorse(c, call, &p, arena, &t, answer, error)) != FCC_OK)
        return st;
    if ((st = client_sign(c, &t, arena, error)) != FCC_OK)
        return st;
    if (call->tamper == CLIENT_TAMPER_ENVELOPE)
        t.payload = damaged(arena, t.payload);
    answer->submitted = true;
    if ((st = client_submit(c, &t, arena, answer, error)) != FCC_OK)
        return st;
    if ((st = client_commit_status(c, p.txid, arena, answer, error)) != FCC_OK)
        return st;
    if (answer->validation != 0)
        return fcc_error_set(error, FCC_ERR_PEER, "transaction %s was committed as invalid: %s", p.txid,
                             client_validation_name(answer->validation));
    return FCC_OK;
}

/* A random pause, at most 20 ms before the first repetition and twice as long before each further one, up to 1 s. */
static void pause_before(int attempt)
{
    uint32_t r = 0;
    long most = attempt < 6 ? 20L << attempt : 1000;
    struct timespec pause;

    if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
        r = 0;
    pause.tv_sec = 0;
    pause.tv_nsec = (long)(r % (uint32_t)most) * 1000000L;
    nanosleep(&pause, NULL);
}

fcc_status client_invoke(client *c, const client_call *call, fcc__arena *arena, client_answer *answer, fcc_error *error)
{
    fcc_status st;
    int attempt = 0;

    for (;;) {
        memset(answer, 0, sizeof(*answer));
        answer->attempts = attempt + 1;
        st = invoke_once(c, call, arena, answer, error);
        if (st != FCC_ERR_PEER || attempt >= call->retries ||
            (answer->validation != PROTOS__TX_VALIDATION_CODE__MVCC_READ_CONFLICT &&
             answer->validation != PROTOS__TX_VALIDATION_CODE__PHANTOM_READ_CONFLICT))
            return st;
        pause_before(attempt++);
    }
}
