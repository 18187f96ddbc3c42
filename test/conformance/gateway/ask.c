/*
 * ask: puts questions to a gateway, most of them wrong, and prints what it says to each: code, text and details.
 *
 *     ask --net DIR
 *
 * DIR holds endpoints.json and crypto/ of a network with the channel `ch`, the organisations Org1MSP and Org2MSP, their
 * users User1, and the chaincode `probe` on both, which either may endorse; its collection colB is Org1MSP's. The gateway
 * asked is that of the first peer, unless a line says otherwise. Ids, hashes, times and addresses are printed as words,
 * so that two networks can be compared.
 */
#include "test/conformance/services/replay.h"

#include "base/buf.h"
#include "base/hash.h"
#include "msp/msp.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "gateway/gateway.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "msp/identities.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DEADLINE_MS = 20000,
    /* 2.5 lets one request wait for ever */ SHORT_MS = 5000,
    SETTLE_S = 2,
    MAX_DETAILS = 16,
    OLD_S = 20 * 60
};

static replay_net net;
static msp_signer *users[2];
static const char *server = "peer1"; /* whom to ask */
static unsigned nonces;
static int64_t deadline_ms = DEADLINE_MS;

/* ---- printing ----------------------------------------------------------------------------------------------------------- */

static size_t span(const char *text, const char *of)
{
    return strspn(text, of);
}

/* What differs from run to run, as a word. How many characters of `text` it stands for; 0: none. */
static size_t changing(const char *text, const char **word)
{
    size_t hex = span(text, "0123456789abcdef");

    if (hex > 64)
        return *word = "HEX", hex;
    if (hex == 64)
        return *word = "ID", hex;
    if (strncmp(text, "127.0.0.1:", 10) == 0)
        return *word = "ADDRESS", 10 + span(text + 10, "0123456789");
    if (span(text, "0123456789") == 4 && text[4] == '-' && strlen(text) >= 20 && text[10] == 'T' && text[19] == 'Z')
        return *word = "TIME", 20;
    return 0;
}

static int by_word(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Names of collections in brackets, which come in the order of a Go map: printed sorted. How many characters; 0: none. */
static size_t print_names(const char *text)
{
    char *names[8], *copy, *rest, *word;
    size_t len = strcspn(text, "]"), count = 0;

    if (strncmp(text, "[_implicit", 10) != 0)
        return 0;
    copy = strndup(text + 1, len - 1);
    for (word = strtok_r(copy, " ", &rest); word && count < 8; word = strtok_r(NULL, " ", &rest))
        names[count++] = word;
    qsort(names, count, sizeof(names[0]), by_word);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i ? " " : "[", names[i]);
    free(copy);
    return len;
}

static void print_text(fcc_bytes bytes)
{
    char *text = strndup(bytes.len ? (const char *)bytes.data : "", bytes.len), *at = text;
    const char *word;

    while (at && *at) {
        size_t n = changing(at, &word), names = n > 0 ? 0 : print_names(at);

        if (n > 0) {
            fputs(word, stdout);
            at += n;
        } else if (names > 0) {
            at += names;
        } else if (strncmp(at, "\xc2\xa0", 2) == 0) { /* Go's protobuf prints one or the other, build by build */
            putchar(' ');
            at += 2;
        } else {
            putchar(isprint((unsigned char)*at) ? *at : '?');
            at++;
        }
    }
    free(text);
}

static int by_text(const void *left, const void *right)
{
    const Gateway__ErrorDetail *a = *(Gateway__ErrorDetail *const *)left, *b = *(Gateway__ErrorDetail *const *)right;
    int order = fcc_bytes_compare(fcc__of_pb(a->msp_id), fcc__of_pb(b->msp_id));

    return order ? order : fcc_bytes_compare(fcc__of_pb(a->message), fcc__of_pb(b->message));
}

/* Endorsers are asked side by side: the order of their answers says nothing. */
static void print_details(fcc_bytes wire)
{
    Gateway__ErrorDetail *details[MAX_DETAILS];
    Google__Rpc__Status *status;
    size_t count = 0;

    if (wire.len == 0 || FCC__UNPACK(google__rpc__status, wire, net.arena, &status) != FCC_OK)
        return;
    for (size_t i = 0; i < status->n_details && count < MAX_DETAILS; i++)
        if (FCC__UNPACK(gateway__error_detail, fcc__of_pb(status->details[i]->value), net.arena, &details[count]) ==
            FCC_OK)
            count++;
    qsort(details, count, sizeof(details[0]), by_text);
    for (size_t i = 0; i < count; i++) {
        printf("    " FCC_FMT "%s: ", FCC_ARG(fcc__of_pb(details[i]->msp_id)),
               details[i]->address.len ? "" : " without address");
        print_text(fcc__of_pb(details[i]->message));
        putchar('\n');
    }
}

/* The organisations that endorsed, sorted. */
static void print_endorsers(const Common__Envelope *envelope)
{
    Protos__ChaincodeActionPayload *action;
    Protos__Transaction *transaction;
    Common__Payload *payload;
    char *names[MAX_DETAILS];
    size_t count = 0;

    if (!envelope || FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), net.arena, &payload) != FCC_OK ||
        FCC__UNPACK(protos__transaction, fcc__of_pb(payload->data), net.arena, &transaction) != FCC_OK ||
        transaction->n_actions != 1 ||
        FCC__UNPACK(protos__chaincode_action_payload, fcc__of_pb(transaction->actions[0]->payload), net.arena,
                    &action) != FCC_OK ||
        !action->action)
        return;
    for (size_t i = 0; i < action->action->n_endorsements && count < MAX_DETAILS; i++) {
        Msp__SerializedIdentity *endorser;

        if (FCC__UNPACK(msp__serialized_identity, fcc__of_pb(action->action->endorsements[i]->endorser), net.arena,
                        &endorser) == FCC_OK)
            names[count++] = fcc__arena_printf(net.arena, FCC_FMT, FCC_ARG(fcc__of_pb(endorser->mspid)));
    }
    qsort(names, count, sizeof(names[0]), by_word);
    for (size_t i = 0; i < count; i++)
        printf("    endorsed by %s\n", names[i]);
}

static void print_answer(const char *method, fcc_bytes body)
{
    Gateway__EvaluateResponse *evaluated;
    Gateway__EndorseResponse *endorsed;

    if (strstr(method, "Evaluate") && FCC__UNPACK(gateway__evaluate_response, body, net.arena, &evaluated) == FCC_OK &&
        evaluated->result) {
        printf("    status %d, message ", (int)evaluated->result->status);
        print_text(fcc__of_pb(evaluated->result->message));
        printf(", payload %s\n", evaluated->result->payload.len ? "set" : "empty");
    } else if (strstr(method, "Endorse") &&
               FCC__UNPACK(gateway__endorse_response, body, net.arena, &endorsed) == FCC_OK) {
        print_endorsers(endorsed->prepared_transaction);
    }
}

static void put(const char *what, const char *method, fcc_bytes request)
{
    rpc_reply reply;

    if (rpc_unary(replay_find(&net, server)->channel, method, request, deadline_ms, &reply) != FCC_OK)
        abort();
    printf("%s: %s ", what, rpc_code_name(reply.code));
    print_text(reply.message);
    putchar('\n');
    print_details(reply.details);
    print_answer(method, reply.body);
    rpc_reply_clear(&reply);
}

/* ---- messages ------------------------------------------------------------------------------------------------------------ */

static fcc_bytes pack(const void *message)
{
    fcc_bytes out;

    if (fcc__pack(message, net.arena, &out) != FCC_OK)
        abort();
    return out;
}

static ProtobufCBinaryData text(const char *s)
{
    return fcc__pb(fcc_str(s));
}

static fcc_bytes sign(const msp_signer *signer, fcc_bytes bytes)
{
    fcc_bytes out;

    if (msp_sign(signer, &bytes, 1, net.arena, &out) != FCC_OK)
        abort();
    return out;
}

static const fcc_bytes garbage = { (const uint8_t *)"\xff\xff\xff", 3 };

/* A proposal, and what is wrong with it. */
typedef struct asking {
    const char *channel;   /* NULL: "ch" */
    const char *chaincode; /* NULL: "probe" */
    const char *named;     /* in the invocation; NULL: the same */
    const char *args[5];
    bool transient;
    bool no_spec, no_id, bad_extension, bad_signature_header, bad_txid, bad_signature, unknown_creator, old;
} asking;

static fcc_bytes txid_of(fcc_bytes nonce, fcc_bytes creator)
{
    const fcc_bytes parts[2] = { nonce, creator };
    fcc__sha256 digest = fcc__sha256_of_many(parts, 2);
    fcc__buf hex;
    fcc_bytes out;

    fcc__buf_init(&hex, 100);
    fcc__buf_hex(&hex, fcc__sha256_bytes(&digest));
    if (!fcc__arena_copy(net.arena, fcc__buf_bytes(&hex), &out))
        abort();
    fcc__buf_clear(&hex);
    return out;
}

static fcc_bytes stranger(void)
{
    Msp__SerializedIdentity identity = MSP__SERIALIZED_IDENTITY__INIT;

    identity.mspid = text("StrangeMSP");
    identity.id_bytes = fcc__pb(msp_signer_certificate(users[0]));
    return pack(&identity);
}

static fcc_bytes header_of(const asking *a)
{
    Google__Protobuf__Timestamp now = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    fcc_bytes creator = a->unknown_creator ? stranger() : msp_signer_identity(users[0]), nonce;
    char *number = fcc__arena_printf(net.arena, "%ld %u nonce", (long)time(NULL), nonces++);

    nonce = fcc_str(number);
    now.seconds = time(NULL) - (a->old ? OLD_S : 0);
    id.name = text(a->chaincode ? a->chaincode : "probe");
    extension.chaincode_id = &id;
    channel.type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    channel.timestamp = &now;
    channel.channel_id = text(a->channel ? a->channel : "ch");
    channel.tx_id = fcc__pb(txid_of(a->bad_txid ? FCC_LIT("another") : nonce, creator));
    channel.extension = fcc__pb(a->bad_extension ? garbage : pack(&extension));
    signature.creator = fcc__pb(creator);
    signature.nonce = fcc__pb(nonce);
    header.channel_header = fcc__pb(pack(&channel));
    header.signature_header = fcc__pb(a->bad_signature_header ? garbage : pack(&signature));
    return pack(&header);
}

static fcc_bytes payload_of(const asking *a)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__BytesEntry entry = PROTOS__BYTES_ENTRY__INIT, *entries[] = { &entry };
    ProtobufCBinaryData args[5];

    for (; input.n_args < 5 && a->args[input.n_args]; input.n_args++)
        args[input.n_args] = text(a->args[input.n_args]);
    input.args = args;
    id.name = text(a->named ? a->named : a->chaincode ? a->chaincode : "probe");
    spec.input = &input;
    if (!a->no_id)
        spec.chaincode_id = &id;
    if (!a->no_spec)
        invocation.chaincode_spec = &spec;
    payload.input = fcc__pb(pack(&invocation));
    entry.key = text("secret");
    entry.value = text("value");
    payload.transientmap = entries;
    payload.n_transientmap = a->transient;
    return pack(&payload);
}

static Protos__SignedProposal propose(const asking *a)
{
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    fcc_bytes bytes;

    proposal.header = fcc__pb(header_of(a));
    proposal.payload = fcc__pb(payload_of(a));
    bytes = pack(&proposal);
    signed_proposal.proposal_bytes = fcc__pb(bytes);
    signed_proposal.signature = fcc__pb(sign(users[0], a->bad_signature ? FCC_LIT("other bytes") : bytes));
    return signed_proposal;
}

/* ---- Evaluate and Endorse --------------------------------------------------------------------------------------------------- */

static void evaluate(const char *what, const asking *a, const char *org, const char *another)
{
    Gateway__EvaluateRequest request = GATEWAY__EVALUATE_REQUEST__INIT;
    Protos__SignedProposal proposal = propose(a);
    ProtobufCBinaryData orgs[2];
    char *line = fcc__arena_printf(net.arena, "evaluate, %s", what);

    request.proposed_transaction = &proposal;
    if (org)
        orgs[request.n_target_organizations++] = text(org);
    if (another)
        orgs[request.n_target_organizations++] = text(another);
    request.target_organizations = orgs;
    put(line, "/gateway.Gateway/Evaluate", pack(&request));
}

static void endorse(const char *what, const asking *a, const char *org, const char *another)
{
    Gateway__EndorseRequest request = GATEWAY__ENDORSE_REQUEST__INIT;
    Protos__SignedProposal proposal = propose(a);
    ProtobufCBinaryData orgs[2];
    char *line = fcc__arena_printf(net.arena, "endorse, %s", what);

    request.proposed_transaction = &proposal;
    if (org)
        orgs[request.n_endorsing_organizations++] = text(org);
    if (another)
        orgs[request.n_endorsing_organizations++] = text(another);
    request.endorsing_organizations = orgs;
    put(line, "/gateway.Gateway/Endorse", pack(&request));
}

static const struct {
    const char *what;
    asking a;
    const char *org, *another;
} proposals[] = {
    { "as it should be", { .args = { "echo", "x" } }, NULL, NULL },
    { "no channel", { .channel = "", .args = { "echo", "x" } }, NULL, NULL },
    { "no invocation", { .no_spec = true }, NULL, NULL },
    { "no chaincode id", { .no_id = true, .args = { "echo" } }, NULL, NULL },
    { "no chaincode name in the invocation", { .named = "", .args = { "echo" } }, NULL, NULL },
    { "another chaincode name in the invocation", { .named = "nosuch", .args = { "echo" } }, NULL, NULL },
    { "another chaincode name in the header",
      { .chaincode = "nosuch", .named = "probe", .args = { "echo" } },
      NULL,
      NULL },
    { "a channel that isn't here", { .channel = "nochannel", .args = { "echo" } }, NULL, NULL },
    { "a channel that isn't here, transient",
      { .channel = "nochannel", .args = { "echo" }, .transient = true },
      NULL,
      NULL },
    { "a chaincode that isn't here", { .chaincode = "nosuch", .args = { "echo" } }, NULL, NULL },
    { "a chaincode that isn't here, transient",
      { .chaincode = "nosuch", .args = { "echo" }, .transient = true },
      NULL,
      NULL },
    { "unreadable extension", { .bad_extension = true, .args = { "echo" } }, NULL, NULL },
    { "unreadable signature header", { .bad_signature_header = true, .args = { "echo" } }, NULL, NULL },
    { "another transaction id", { .bad_txid = true, .args = { "echo" } }, NULL, NULL },
    { "another signature", { .bad_signature = true, .args = { "echo" } }, NULL, NULL },
    { "a creator that nobody knows", { .unknown_creator = true, .args = { "echo" } }, NULL, NULL },
    { "another signature, at the other organisation", { .bad_signature = true, .args = { "echo" } }, "Org2MSP", NULL },
    { "an error", { .args = { "error", "no such patient" } }, NULL, NULL },
    { "status 404", { .args = { "status", "404", "not found", "payload" } }, NULL, NULL },
    { "status 399", { .args = { "status", "399", "odd", "payload" } }, NULL, NULL },
    { "status 100", { .args = { "status", "100", "odd", "payload" } }, NULL, NULL },
    { "status 500 without message", { .args = { "status", "500", "", "" } }, NULL, NULL },
    { "status 503", { .args = { "status", "503", "busy", "" } }, NULL, NULL },
    { "transient data", { .args = { "echo", "x" }, .transient = true }, NULL, NULL },
    { "an error at both", { .args = { "error", "no such patient" } }, "Org1MSP", "Org2MSP" },
    { "at the other", { .args = { "echo", "x" } }, "Org2MSP", NULL },
    { "an error at the other", { .args = { "error", "no such patient" } }, "Org2MSP", NULL },
    { "at nobody", { .args = { "echo", "x" } }, "Org3MSP", NULL },
    { "at one without a name", { .args = { "echo", "x" } }, "", NULL },
    { "at nobodies", { .args = { "echo", "x" } }, "Org3MSP", "Org4MSP" },
    { "at one and nobody", { .args = { "echo", "x" } }, "Org3MSP", "Org1MSP" },
    { "a chaincode that isn't here, at the other", { .chaincode = "nosuch", .args = { "echo" } }, "Org2MSP", NULL },
    { "a channel that isn't here, at the other", { .channel = "nochannel", .args = { "echo" } }, "Org2MSP", NULL },
    { "qscc", { .chaincode = "qscc", .args = { "GetChainInfo", "ch" } }, NULL, NULL },
    { "qscc, without a function", { .chaincode = "qscc" }, NULL, NULL },
    { "cscc", { .chaincode = "cscc", .args = { "GetChannelConfig", "ch" } }, NULL, NULL },
    { "_lifecycle", { .chaincode = "_lifecycle", .args = { "QueryNothing", "" } }, NULL, NULL },
    { "a chaincode that both have to endorse", { .chaincode = "bench", .args = { "noop" } }, NULL, NULL },
    { "a private write for all", { .args = { "run", "[\"PutPrivateData\",\"colA\",\"k\",\"v\"]" } }, NULL, NULL },
    { "a private write for all, transient",
      { .args = { "run", "[\"PutPrivateData\",\"colA\",\"k\",\"v\"]" }, .transient = true },
      NULL,
      NULL },
    { "a private write for the first", { .args = { "run", "[\"PutPrivateData\",\"colB\",\"k\",\"v\"]" } }, NULL, NULL },
    { "a private write for the first, transient",
      { .args = { "run", "[\"PutPrivateData\",\"colB\",\"k\",\"v\"]" }, .transient = true },
      NULL,
      NULL },
    { "a private write for the second, transient",
      { .args = { "run", "[\"PutPrivateData\",\"_implicit_org_Org2MSP\",\"k\",\"v\"]" }, .transient = true },
      NULL,
      NULL },
    { "a private write for both",
      { .args = { "run", "[\"PutPrivateData\",\"_implicit_org_Org2MSP\",\"k\",\"v\"]",
                  "[\"PutPrivateData\",\"_implicit_org_Org1MSP\",\"k\",\"v\"]" } },
      NULL,
      NULL },
    { "a private write for both, transient",
      { .args = { "run", "[\"PutPrivateData\",\"_implicit_org_Org2MSP\",\"k\",\"v\"]",
                  "[\"PutPrivateData\",\"_implicit_org_Org1MSP\",\"k\",\"v\"]" },
        .transient = true },
      NULL,
      NULL },
    { "a key whose policy cannot be read", { .args = { "run", "[\"PutState\",\"unread\",\"v\"]" } }, NULL, NULL },
    { "a key whose policy has no rule", { .args = { "run", "[\"PutState\",\"unruled\",\"v\"]" } }, NULL, NULL },
    { "another creator's clock", { .old = true, .args = { "echo" } }, NULL, NULL },
};

static void ask_proposals(void)
{
    Gateway__EvaluateRequest evaluation = GATEWAY__EVALUATE_REQUEST__INIT;
    Gateway__EndorseRequest endorsement = GATEWAY__ENDORSE_REQUEST__INIT;
    Protos__SignedProposal proposal = PROTOS__SIGNED_PROPOSAL__INIT;

    put("evaluate, nothing", "/gateway.Gateway/Evaluate", FCC_LIT(""));
    put("endorse, nothing", "/gateway.Gateway/Endorse", FCC_LIT(""));
    put("evaluate, no request", "/gateway.Gateway/Evaluate", garbage);
    put("endorse, no request", "/gateway.Gateway/Endorse", garbage);
    proposal.proposal_bytes = fcc__pb(garbage);
    evaluation.proposed_transaction = endorsement.proposed_transaction = &proposal;
    put("evaluate, no proposal", "/gateway.Gateway/Evaluate", pack(&evaluation));
    put("endorse, no proposal", "/gateway.Gateway/Endorse", pack(&endorsement));
    for (size_t i = 0; i < sizeof(proposals) / sizeof(proposals[0]); i++) {
        evaluate(proposals[i].what, &proposals[i].a, proposals[i].org, proposals[i].another);
        endorse(proposals[i].what, &proposals[i].a, proposals[i].org, proposals[i].another);
    }
}

/* Its own organisation doesn't see colB. */
static void ask_the_other(void)
{
    const asking write = { .args = { "run", "[\"PutPrivateData\",\"colB\",\"k\",\"v\"]" } };
    asking transient = write;

    server = "peer2";
    transient.transient = true;
    endorse("at the other gateway, a private write for the first", &write, NULL, NULL);
    endorse("at the other gateway, a private write for the first, transient", &transient, NULL, NULL);
    endorse("at the other gateway, a private write for the first, transient, named", &transient, "Org1MSP", NULL);
    server = "peer1";
}

/* ---- Submit ----------------------------------------------------------------------------------------------------------------- */

static void submit(const char *what, const char *channel, const Common__Envelope *envelope)
{
    Gateway__SubmitRequest request = GATEWAY__SUBMIT_REQUEST__INIT;

    request.channel_id = text(channel);
    request.prepared_transaction = (Common__Envelope *)(uintptr_t)envelope;
    put(what, "/gateway.Gateway/Submit", pack(&request));
}

/* An envelope over a proposal's own header: the orderer doesn't look further than to the signature. */
static Common__Envelope envelope_of(const asking *a)
{
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Header *header;
    fcc_bytes bytes;

    if (FCC__UNPACK(common__header, header_of(a), net.arena, &header) != FCC_OK)
        abort();
    payload.header = header;
    payload.data = text("no transaction");
    bytes = pack(&payload);
    envelope.payload = fcc__pb(bytes);
    envelope.signature = fcc__pb(sign(users[0], a->bad_signature ? FCC_LIT("other bytes") : bytes));
    return envelope;
}

static void ask_submit(void)
{
    const asking plain = { .args = { "echo" } }, badly_signed = { .bad_signature = true },
                 unknown = { .unknown_creator = true }, elsewhere = { .channel = "nochannel" };
    Common__Envelope envelope = envelope_of(&plain);

    submit("submit, nothing", "ch", NULL);
    put("submit, no request", "/gateway.Gateway/Submit", garbage);
    envelope.signature.len = 0;
    submit("submit, not signed", "ch", &envelope);
    envelope = envelope_of(&plain);
    submit("submit, no channel", "", &envelope);
    submit("submit, a channel that isn't here", "nochannel", &envelope);
    envelope = envelope_of(&badly_signed);
    submit("submit, another signature", "ch", &envelope);
    envelope = envelope_of(&unknown);
    submit("submit, a creator that nobody knows", "ch", &envelope);
    envelope = envelope_of(&elsewhere);
    submit("submit, the transaction of a channel that isn't here", "ch", &envelope);
    envelope.payload = fcc__pb(garbage);
    submit("submit, unreadable", "ch", &envelope);
    envelope.payload.len = 0;
    submit("submit, empty", "ch", &envelope);
}

/* ---- CommitStatus and ChaincodeEvents ------------------------------------------------------------------------------------------ */

typedef struct reading {
    const char *channel;
    bool no_identity, unknown_identity, bad_identity, bad_signature, no_txid, oldest, newest;
} reading;

static fcc_bytes reader(const reading *r)
{
    if (r->no_identity)
        return FCC_LIT("");
    if (r->bad_identity)
        return garbage;
    return r->unknown_identity ? stranger() : msp_signer_identity(users[0]);
}

static void status(const char *what, const reading *r)
{
    Gateway__CommitStatusRequest request = GATEWAY__COMMIT_STATUS_REQUEST__INIT;
    Gateway__SignedCommitStatusRequest wrapped = GATEWAY__SIGNED_COMMIT_STATUS_REQUEST__INIT;
    char *line = fcc__arena_printf(net.arena, "commit status, %s", what);
    fcc_bytes bytes;

    request.channel_id = text(r->channel);
    request.identity = fcc__pb(reader(r));
    request.transaction_id = text(r->no_txid ? "" : "no transaction's id");
    bytes = pack(&request);
    wrapped.request = fcc__pb(bytes);
    wrapped.signature = fcc__pb(sign(users[0], r->bad_signature ? FCC_LIT("other bytes") : bytes));
    put(line, "/gateway.Gateway/CommitStatus", pack(&wrapped));
}

static void events(const char *what, const reading *r)
{
    Gateway__ChaincodeEventsRequest request = GATEWAY__CHAINCODE_EVENTS_REQUEST__INIT;
    Gateway__SignedChaincodeEventsRequest wrapped = GATEWAY__SIGNED_CHAINCODE_EVENTS_REQUEST__INIT;
    Orderer__SeekPosition position = ORDERER__SEEK_POSITION__INIT;
    Orderer__SeekOldest oldest = ORDERER__SEEK_OLDEST__INIT;
    Orderer__SeekNewest newest = ORDERER__SEEK_NEWEST__INIT;
    char *line = fcc__arena_printf(net.arena, "chaincode events, %s", what);
    fcc_bytes bytes;

    request.channel_id = text(r->channel);
    request.chaincode_id = text("probe");
    request.identity = fcc__pb(reader(r));
    if (r->oldest) {
        position.type_case = ORDERER__SEEK_POSITION__TYPE_OLDEST;
        position.oldest = &oldest;
        request.start_position = &position;
    } else if (r->newest) {
        position.type_case = ORDERER__SEEK_POSITION__TYPE_NEWEST;
        position.newest = &newest;
        request.start_position = &position;
    }
    bytes = pack(&request);
    wrapped.request = fcc__pb(bytes);
    wrapped.signature = fcc__pb(sign(users[0], r->bad_signature ? FCC_LIT("other bytes") : bytes));
    put(line, "/gateway.Gateway/ChaincodeEvents", pack(&wrapped));
}

static void ask_reading(void)
{
    static const struct {
        const char *what;
        reading r;
    } wrong[] = {
        { "no identity", { .channel = "ch", .no_identity = true } },
        { "no channel", { .channel = "" } },
        { "an identity that nobody knows", { .channel = "ch", .unknown_identity = true } },
        { "an unreadable identity", { .channel = "ch", .bad_identity = true } },
        { "another signature", { .channel = "ch", .bad_signature = true } },
        { "a channel that isn't here", { .channel = "nochannel" } },
    };
    static const reading no_txid = { .channel = "ch", .no_txid = true }, oldest = { .channel = "ch", .oldest = true },
                         newest = { .channel = "ch", .newest = true };
    Gateway__SignedCommitStatusRequest wrapped = GATEWAY__SIGNED_COMMIT_STATUS_REQUEST__INIT;

    wrapped.request = fcc__pb(garbage);
    put("commit status, nothing", "/gateway.Gateway/CommitStatus", FCC_LIT(""));
    put("commit status, no request", "/gateway.Gateway/CommitStatus", garbage);
    put("commit status, no request inside", "/gateway.Gateway/CommitStatus", pack(&wrapped));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        status(wrong[i].what, &wrong[i].r);
    deadline_ms = SHORT_MS;
    status("no transaction id", &no_txid);
    deadline_ms = DEADLINE_MS;
    put("chaincode events, nothing", "/gateway.Gateway/ChaincodeEvents", FCC_LIT(""));
    put("chaincode events, no request inside", "/gateway.Gateway/ChaincodeEvents", pack(&wrapped));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        events(wrong[i].what, &wrong[i].r);
    events("from the oldest", &oldest);
    events("from the newest", &newest);
}

/* ---- the limit --------------------------------------------------------------------------------------------------------- */

enum { LIMIT = 500 };

static size_t ended;

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    (void)call;
    (void)ctx;
    (void)message;
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *how)
{
    (void)call;
    (void)how;
    *(rpc_call **)ctx = NULL;
    ended++;
}

static const rpc_events waiting_events = { .on_message = on_message, .on_closed = on_closed };

/* There is no answer that tells how far the server is. By the clock: a poll returns at each of many events. */
static void settle(void)
{
    struct timespec began, now;

    clock_gettime(CLOCK_MONOTONIC, &began);
    do {
        rpc_loop_poll(net.loop, 50);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - began.tv_sec < SETTLE_S);
}

/* As many calls as there may be at once wait for a transaction that doesn't come. */
static void ask_too_much(void)
{
    static const asking echo = { .args = { "echo", "x" } };
    static rpc_call *calls[LIMIT];
    Gateway__CommitStatusRequest request = GATEWAY__COMMIT_STATUS_REQUEST__INIT;
    Gateway__SignedCommitStatusRequest wrapped = GATEWAY__SIGNED_COMMIT_STATUS_REQUEST__INIT;
    rpc_channel *channel = replay_find(&net, server)->channel;
    fcc_bytes bytes;

    request.channel_id = text("ch");
    request.identity = fcc__pb(msp_signer_identity(users[0]));
    request.transaction_id = text("no transaction's id");
    bytes = pack(&request);
    wrapped.request = fcc__pb(bytes);
    wrapped.signature = fcc__pb(sign(users[0], bytes));
    bytes = pack(&wrapped);
    for (size_t i = 0; i < LIMIT; i++)
        if (rpc_open(channel, "/gateway.Gateway/CommitStatus", -1, true, &waiting_events, &calls[i], &calls[i]) !=
                FCC_OK ||
            rpc_send(calls[i], bytes) != FCC_OK)
            abort();
        else
            rpc_half_close(calls[i]);
    settle(); /* until all are there */
    evaluate("the 501st call", &echo, NULL, NULL);
    for (size_t i = 0; i < LIMIT; i++)
        if (calls[i])
            rpc_cancel(calls[i]);
    while (ended < LIMIT)
        rpc_loop_poll(net.loop, 100);
    settle();
    evaluate("after the others", &echo, NULL, NULL);
}

int main(int argc, char **argv)
{
    fcc_error error;
    int result = 1;

    if (argc != 3 || strcmp(argv[1], "--net") != 0) {
        fputs("usage: ask --net DIR\n", stderr);
        return 2;
    }
    if (replay_open(argv[2], NULL, &net, &error) != FCC_OK)
        goto out;
    for (int i = 0; i < 2; i++) {
        const replay_server *peer = replay_find(&net, i ? "peer2" : "peer1");
        char *dir = peer ? fcc__arena_printf(net.arena, "%s/peerOrganizations/%s/users/User1@%s/msp", net.crypto_dir,
                                             peer->domain, peer->domain)
                         : NULL;

        if (!dir || msp_signer_load(dir, peer->mspid, &users[i], &error) != FCC_OK)
            goto out;
    }
    ask_proposals();
    ask_the_other();
    ask_submit();
    ask_reading();
    ask_too_much();
    result = 0;
out:
    if (result)
        fprintf(stderr, "ask: %s\n", error.text);
    msp_signer_free(users[0]);
    msp_signer_free(users[1]);
    replay_close(&net);
    return result;
}
