/*
 * session.c: the peer's side of one chaincode stream: registration, the way of messages to the transaction that they
 * belong to, and back. Fabric: core/chaincode/handler.go.
 */
#include "peer/internal.h"

#include "protos/unpack.h"

#include <stdlib.h>

enum { SCRATCH_CAP = 512 * 1024 * 1024 };

static const char *type_name(int type)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(&protos__chaincode_message__type__descriptor,
                                                                       type);

    return v ? v->name : "UNKNOWN";
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void send_message(peer_session *s, const Protos__ChaincodeMessage *message)
{
    fcc_bytes wire;

    if (fcc__pack(message, s->scratch, &wire) == FCC_OK)
        s->stream.send(s->stream.ctx, wire);
}

void peer_session_answer(peer_session *s, fcc_bytes channel, fcc_bytes txid, Protos__ChaincodeMessage__Type type,
                         fcc_bytes payload)
{
    Protos__ChaincodeMessage message = PROTOS__CHAINCODE_MESSAGE__INIT;

    message.type = type;
    message.payload = fcc__pb(payload);
    message.txid = fcc__pb(txid);
    message.channel_id = fcc__pb(channel);
    send_message(s, &message);
}

void peer_session_refuse(peer_session *s, fcc_bytes channel, fcc_bytes txid, Protos__ChaincodeMessage__Type request,
                         const char *cause)
{
    const char *text = fcc__arena_printf(s->scratch, "%s failed: transaction ID: " FCC_FMT ": %s",
                                         type_name((int)request), FCC_ARG(txid), cause);

    peer_session_answer(s, channel, txid, PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR,
                        text ? fcc_str(text) : FCC_LIT("out of memory"));
}

fcc_status peer_session_start(peer_session *s, peer_invocation *i)
{
    const peer_proposal *p = i->simulation->proposal;
    Protos__ChaincodeMessage message = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__SignedProposal proposal = p->signed_proposal;
    Protos__ChaincodeInput input = *i->input;
    fcc_bytes payload;
    fcc_status st;

    input.n_decorations = 0; /* the client's would be its own words in the peer's mouth */
    input.decorations = NULL;
    if ((st = fcc__pack(&input, i->simulation->arena, &payload)) != FCC_OK)
        return st;
    message.type = i->init ? PROTOS__CHAINCODE_MESSAGE__TYPE__INIT : PROTOS__CHAINCODE_MESSAGE__TYPE__TRANSACTION;
    message.payload = fcc__pb(payload);
    message.txid = fcc__pb(p->txid);
    message.channel_id = fcc__pb(p->channel);
    message.proposal = &proposal;
    if ((st = fcc__pack(&message, i->simulation->arena, &payload)) != FCC_OK)
        return st;
    s->stream.send(s->stream.ctx, payload);
    return FCC_OK;
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

static fcc_status register_chaincode(peer_session *s, const Protos__ChaincodeMessage *message, fcc_error *error)
{
    Protos__ChaincodeMessage answer = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__ChaincodeAdditionalParams offer = PROTOS__CHAINCODE_ADDITIONAL_PARAMS__INIT;
    Protos__ChaincodeID *id;
    peer_runtime *runtime = s->runtime;
    peer_invocation *waiting;
    fcc_bytes payload;

    if (message->type != PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTER)
        return fcc_error_set(error, FCC_ERR_PROTO,
                             "[" FCC_FMT "] Fabric side handler cannot handle message (%s) while in created state",
                             FCC_ARG(fcc__of_pb(message->txid)), type_name((int)message->type));
    if (FCC__UNPACK(protos__chaincode_id, fcc__of_pb(message->payload), s->scratch, &id) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "its registration is no ChaincodeID");
    if (!fcc_bytes_equal(fcc__of_pb(id->name), fcc_str(runtime->package_id)))
        return fcc_error_set(error, FCC_ERR_PROTO,
                             "peer will not accept external chaincode connection " FCC_FMT " (expected %s)",
                             FCC_ARG(fcc__of_pb(id->name)), runtime->package_id);
    if (runtime->session)
        return fcc_error_set(error, FCC_ERR_EXISTS, "duplicate chaincodeID: %s", runtime->package_id);

    answer.type = PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTERED;
    send_message(s, &answer);
    if (s->host->o.fabric != PEER_FABRIC_2_5) { /* which offers nothing */
        offer.use_write_batch = true;
        offer.max_size_write_batch = PEER_BATCH_SIZE;
        offer.use_get_multiple_keys = true;
        offer.max_size_get_multiple_keys = PEER_BATCH_SIZE;
    }
    if (fcc__pack(&offer, s->scratch, &payload) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s", fcc_status_text(FCC_ERR_LIMIT));
    answer.type = PROTOS__CHAINCODE_MESSAGE__TYPE__READY;
    answer.payload = fcc__pb(payload);
    send_message(s, &answer);
    s->ready = true;
    runtime->session = s;
    if (s->stream.ready)
        s->stream.ready(s->stream.ctx);

    while ((waiting = runtime->waiting) != NULL) {
        runtime->waiting = waiting->next;
        waiting->session = s;
        waiting->next = s->invocations;
        s->invocations = waiting;
        waiting->deadline_ms = peer_monotonic_ms(s->host) + PEER_EXECUTE_TIMEOUT_MS;
        if (peer_session_start(s, waiting) != FCC_OK)
            peer_invocation_fail(waiting, "error sending: the message is too large", false);
    }
    return FCC_OK;
}

static peer_invocation *find_invocation(const peer_session *s, fcc_bytes channel, fcc_bytes txid)
{
    for (peer_invocation *i = s->invocations; i; i = i->next)
        if (fcc_bytes_equal(i->simulation->proposal->txid, txid) &&
            fcc_bytes_equal(i->simulation->proposal->channel, channel))
            return i;
    return NULL;
}

static void finish(peer_invocation *i, fcc_bytes wire)
{
    fcc__arena *arena = i->simulation->arena;
    peer_final final = { 0 };

    if (!fcc__arena_copy(arena, wire, &final.wire) ||
        FCC__UNPACK(protos__chaincode_message, final.wire, arena, &final.message) != FCC_OK) {
        peer_invocation_fail(i, "the chaincode's answer is too large", false);
        return;
    }
    peer_invocation_end(i, &final);
}

static fcc_status receive(peer_session *s, fcc_bytes wire, fcc_error *error)
{
    Protos__ChaincodeMessage *message;
    peer_invocation *invocation;
    peer_reply reply = { 0 };
    fcc_bytes channel, txid;

    if (FCC__UNPACK(protos__chaincode_message, wire, s->scratch, &message) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "a message of it is no ChaincodeMessage");
    if (message->type == PROTOS__CHAINCODE_MESSAGE__TYPE__KEEPALIVE)
        return FCC_OK;
    if (!s->ready)
        return register_chaincode(s, message, error);

    channel = fcc__of_pb(message->channel_id);
    txid = fcc__of_pb(message->txid);
    invocation = find_invocation(s, channel, txid);
    switch (message->type) {
    case PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR:
        if (invocation)
            finish(invocation, wire);
        return FCC_OK;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__DEL_STATE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_BY_RANGE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_QUERY_RESULT:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_NEXT:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_CLOSE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_HISTORY_FOR_KEY:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_METADATA:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE_METADATA:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_PRIVATE_DATA_HASH:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PURGE_PRIVATE_DATA:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_MULTIPLE:
        break;
    default:
        return fcc_error_set(error, FCC_ERR_PROTO,
                             "[" FCC_FMT "] Fabric side handler cannot handle message (%s) while in ready state",
                             FCC_ARG(txid), type_name((int)message->type));
    }
    if (!invocation) {
        peer_session_refuse(s, channel, txid, message->type,
                            message->type == PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE
                                ? "could not get valid transaction"
                                : "no ledger context");
        return FCC_OK;
    }
    if (invocation->busy)
        return FCC_OK; /* one request at a time; Fabric drops the second without a word */
    peer_serve(invocation, message, s->scratch, &reply);
    if (reply.later)
        return FCC_OK;
    if (reply.cause)
        peer_session_refuse(s, channel, txid, message->type, reply.cause);
    else
        peer_session_answer(s, channel, txid, PROTOS__CHAINCODE_MESSAGE__TYPE__RESPONSE, reply.payload);
    return FCC_OK;
}

fcc_status peer_session_receive(peer_session *s, fcc_bytes message, fcc_error *error)
{
    fcc_status st = receive(s, message, error);

    fcc__arena_reset(s->scratch);
    return st;
}

/* ---- from start to end ------------------------------------------------------------------------------------------- */

peer_session *peer_session_new(peer_host *host, const char *package_id, const peer_stream *stream)
{
    peer_session *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->host = host;
    s->stream = *stream;
    s->runtime = peer_runtime_of(host, package_id);
    s->scratch = fcc__arena_new(SCRATCH_CAP);
    s->next = host->sessions;
    host->sessions = s;
    if (!s->runtime || !s->scratch) {
        peer_session_free(s);
        return NULL;
    }
    return s;
}

void peer_session_free(peer_session *s)
{
    peer_session **link;

    if (!s)
        return;
    if (s->runtime && s->runtime->session == s)
        s->runtime->session = NULL;
    for (link = &s->host->sessions; *link; link = &(*link)->next)
        if (*link == s) {
            *link = s->next;
            break;
        }
    while (s->invocations)
        peer_invocation_fail(s->invocations, "error sending: chaincode stream terminated", true);
    fcc__arena_free(s->scratch);
    free(s);
}
