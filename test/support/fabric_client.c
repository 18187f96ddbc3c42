/*
 * fabric_client: speaks Fabric's services to a devnet, one command a run, for the tests from the outside.
 *
 *     fabric_client DIR SERVER USER deliver METHOD SEEK...    SEEK: FROM:TO[:fail], positions oldest, newest, next, N
 *     fabric_client DIR SERVER USER broadcast TYPE            TYPE: number of a common.HeaderType
 *     fabric_client DIR SERVER USER propose CHAINCODE ARG...
 *     fabric_client DIR SERVER USER raw METHOD HEX
 *
 * SERVER is orderer, peer1, peer2, ... (in the order of their domains); USER is N/NAME, a user of peer N's organisation.
 * Prints a line for each answer and "end CODE TEXT" for the call's status. Environment: CHANNEL (another channel's
 * name), SHIFT (seconds that are added to the time), FORGE (set: sign something else), EARLY (set: half-close with the
 * first message), TLS (a folder with client.crt and client.key: shown to the server), BIND (a certificate's PEM file,
 * whose hash is said to be the connection's, or "rubbish"), FIRST and PATIENCE (milliseconds without a first and
 * without a further answer, then "waiting" and the end; a minute each).
 */
#include "test/conformance/services/replay.h"

#include "base/hash.h"
#include "msp/msp.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "orderer/ab.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/events.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct client {
    replay_net net;
    const replay_server *server;
    msp_signer *signer;
    fcc__arena *arena;
    const char *method;
    rpc_call *call;
    int answers;
    bool ended;
    bool refused; /* a status other than SUCCESS came */
} client;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "fabric_client: %s: %s\n", what, why);
    exit(2);
}

static fcc_bytes packed(client *c, const void *message)
{
    fcc_bytes out;

    if (fcc__pack(message, c->arena, &out) != FCC_OK)
        fail("a message", "too large");
    return out;
}

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoll(text, NULL, 10) : otherwise;
}

/* What the envelope says of the TLS connection; {NULL, 0}: nothing. */
static fcc_bytes binding(client *c)
{
    const char *path = getenv("BIND");
    FILE *f = path && strcmp(path, "rubbish") != 0 ? fopen(path, "rb") : NULL;
    char pem[16384];
    fcc__sha256 hash;
    fcc_bytes out;

    if (!f)
        return path ? FCC_LIT("rubbish") : fcc_bytes_of(NULL, 0);
    if (msp_certificate_hash(fcc_bytes_of(pem, fread(pem, 1, sizeof(pem), f)), &hash) != FCC_OK ||
        !fcc__arena_copy(c->arena, fcc__sha256_bytes(&hash), &out))
        fail(path, "no certificate");
    fclose(f);
    return out;
}

/* ---- what is sent ------------------------------------------------------------------------------------------------- */

static fcc_bytes signed_by(client *c, fcc_bytes bytes)
{
    const fcc_bytes what = getenv("FORGE") ? FCC_LIT("something else") : bytes;
    fcc_bytes signature;

    if (msp_sign(c->signer, &what, 1, c->arena, &signature) != FCC_OK)
        fail("signing", "failed");
    return signature;
}

static Common__Header *header_of(client *c, int32_t type, fcc_bytes extension)
{
    Google__Protobuf__Timestamp when = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header *header = fcc__arena_alloc(c->arena, sizeof(*header));
    const char *name = getenv("CHANNEL");
    fcc_bytes parts[2], nonce;
    fcc__sha256 txid;
    uint8_t bytes[24];

    if (!header || RAND_bytes(bytes, sizeof(bytes)) != 1 ||
        !fcc__arena_copy(c->arena, fcc_bytes_of(bytes, sizeof(bytes)), &nonce))
        fail("a header", "failed");
    common__header__init(header);
    parts[0] = nonce;
    parts[1] = msp_signer_identity(c->signer);
    txid = fcc__sha256_of_many(parts, 2);
    when.seconds = time(NULL) + number_of("SHIFT", 0);
    channel.type = type;
    channel.timestamp = &when;
    channel.channel_id = fcc__pb(fcc_str(name ? name : c->net.channel));
    channel.extension = fcc__pb(extension);
    channel.tls_cert_hash = fcc__pb(binding(c));
    channel.tx_id = fcc__pb(fcc__hex(c->arena, fcc__sha256_bytes(&txid)));
    signature.creator = fcc__pb(parts[1]);
    signature.nonce = fcc__pb(nonce);
    header->channel_header = fcc__pb(packed(c, &channel));
    header->signature_header = fcc__pb(packed(c, &signature));
    return header;
}

static fcc_bytes envelope_of(client *c, int32_t type, fcc_bytes data)
{
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    fcc_bytes bytes;

    payload.header = header_of(c, type, FCC_LIT(""));
    payload.data = fcc__pb(data);
    bytes = packed(c, &payload);
    envelope.payload = fcc__pb(bytes);
    envelope.signature = fcc__pb(signed_by(c, bytes));
    return packed(c, &envelope);
}

static void position(client *c, const char *text, Orderer__SeekPosition *out)
{
    static Orderer__SeekNewest newest = ORDERER__SEEK_NEWEST__INIT;
    static Orderer__SeekOldest oldest = ORDERER__SEEK_OLDEST__INIT;
    static Orderer__SeekNextCommit next = ORDERER__SEEK_NEXT_COMMIT__INIT;
    Orderer__SeekSpecified *specified = fcc__arena_alloc(c->arena, sizeof(*specified));

    orderer__seek_position__init(out);
    if (strcmp(text, "newest") == 0) {
        out->type_case = ORDERER__SEEK_POSITION__TYPE_NEWEST;
        out->newest = &newest;
    } else if (strcmp(text, "oldest") == 0) {
        out->type_case = ORDERER__SEEK_POSITION__TYPE_OLDEST;
        out->oldest = &oldest;
    } else if (strcmp(text, "next") == 0) {
        out->type_case = ORDERER__SEEK_POSITION__TYPE_NEXT_COMMIT;
        out->next_commit = &next;
    } else {
        orderer__seek_specified__init(specified);
        specified->number = strtoull(text, NULL, 10);
        out->type_case = ORDERER__SEEK_POSITION__TYPE_SPECIFIED;
        out->specified = specified;
    }
}

static fcc_bytes seek_of(client *c, char *text)
{
    Orderer__SeekInfo info = ORDERER__SEEK_INFO__INIT;
    Orderer__SeekPosition start, stop;
    char *to = strchr(text, ':'), *how;

    if (!to)
        fail(text, "must be FROM:TO[:fail]");
    *to++ = 0;
    how = strchr(to, ':');
    if (how) {
        *how = 0;
        info.behavior = ORDERER__SEEK_INFO__SEEK_BEHAVIOR__FAIL_IF_NOT_READY;
    }
    position(c, text, &start);
    position(c, to, &stop);
    info.start = &start;
    info.stop = &stop;
    return envelope_of(c, COMMON__HEADER_TYPE__DELIVER_SEEK_INFO, packed(c, &info));
}

static fcc_bytes proposal_of(client *c, char **args, int count)
{
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    fcc_bytes bytes;

    id.name = fcc__pb(fcc_str(args[0]));
    extension.chaincode_id = &id;
    input.n_args = (size_t)count - 1;
    input.args = fcc__arena_zalloc(c->arena, (size_t)count, sizeof(*input.args));
    for (int i = 1; i < count; i++)
        input.args[i - 1] = fcc__pb(fcc_str(args[i]));
    spec.chaincode_id = &id;
    spec.input = &input;
    invocation.chaincode_spec = &spec;
    payload.input = fcc__pb(packed(c, &invocation));
    proposal.header = fcc__pb(
        packed(c, header_of(c, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, packed(c, &extension))));
    proposal.payload = fcc__pb(packed(c, &payload));
    bytes = packed(c, &proposal);
    signed_proposal.proposal_bytes = fcc__pb(bytes);
    signed_proposal.signature = fcc__pb(signed_by(c, bytes));
    return packed(c, &signed_proposal);
}

static fcc_bytes unhex(client *c, const char *hex)
{
    uint8_t *bytes = fcc__arena_alloc(c->arena, strlen(hex) / 2 + 1);
    size_t n = 0;
    unsigned byte;

    for (; bytes && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        bytes[n++] = (uint8_t)byte;
    return fcc_bytes_of(bytes, n);
}

/* ---- what comes back ---------------------------------------------------------------------------------------------- */

static const char *status_name(client *c, Common__Status status)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(&common__status__descriptor, (int)status);

    c->refused = c->refused || status != COMMON__STATUS__SUCCESS;
    return value ? value->name : "?";
}

static void show_block(const Common__Block *block)
{
    const Common__BlockMetadata *metadata = block->metadata;

    printf("block %" PRIu64 " data %zu filter %zu\n", block->header->number, block->data ? block->data->n_data : 0,
           metadata && metadata->n_metadata > 2 ? metadata->metadata[2].len : 0);
}

static void show_filtered(const Protos__FilteredBlock *block)
{
    printf("filtered %" PRIu64, block->number);
    for (size_t i = 0; i < block->n_filtered_transactions; i++) {
        const Protos__FilteredTransaction *tx = block->filtered_transactions[i];

        printf(" %d:%d", (int)tx->type, (int)tx->tx_validation_code);
        for (size_t k = 0; tx->transaction_actions && k < tx->transaction_actions->n_chaincode_actions; k++) {
            const Protos__ChaincodeEvent *event = tx->transaction_actions->chaincode_actions[k]->chaincode_event;

            printf(" event " FCC_FMT " of %zu bytes", FCC_ARG(fcc__of_pb(event->event_name)), event->payload.len);
        }
    }
    putchar('\n');
}

static void show_private(const Protos__BlockAndPrivateData *data)
{
    printf("private %" PRIu64, data->block->header->number);
    for (size_t i = 0; i < data->n_private_data_map; i++) {
        const Rwset__TxPvtReadWriteSet *tx = data->private_data_map[i]->value;

        for (size_t n = 0; n < tx->n_ns_pvt_rwset; n++)
            for (size_t k = 0; k < tx->ns_pvt_rwset[n]->n_collection_pvt_rwset; k++)
                printf(" %" PRIu64 ":" FCC_FMT "." FCC_FMT, data->private_data_map[i]->key,
                       FCC_ARG(fcc__of_pb(tx->ns_pvt_rwset[n]->namespace_)),
                       FCC_ARG(fcc__of_pb(tx->ns_pvt_rwset[n]->collection_pvt_rwset[k]->collection_name)));
    }
    putchar('\n');
}

static void show_delivered(client *c, fcc_bytes message)
{
    Protos__DeliverResponse *response;

    if (FCC__UNPACK(protos__deliver_response, message, c->arena, &response) != FCC_OK)
        fail("the answer", "not a DeliverResponse");
    switch (response->type_case) {
    case PROTOS__DELIVER_RESPONSE__TYPE_BLOCK:
        show_block(response->block);
        break;
    case PROTOS__DELIVER_RESPONSE__TYPE_FILTERED_BLOCK:
        show_filtered(response->filtered_block);
        break;
    case PROTOS__DELIVER_RESPONSE__TYPE_BLOCK_AND_PRIVATE_DATA:
        show_private(response->block_and_private_data);
        break;
    default:
        printf("status %s\n", status_name(c, response->status));
    }
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    client *c = ctx;
    Orderer__BroadcastResponse *broadcast;
    Protos__ProposalResponse *proposal;

    (void)call;
    c->answers++;
    if (strstr(c->method, "Deliver"))
        show_delivered(c, message);
    else if (strstr(c->method, "Broadcast") &&
             FCC__UNPACK(orderer__broadcast_response, message, c->arena, &broadcast) == FCC_OK)
        printf("status %s " FCC_FMT "\n", status_name(c, broadcast->status), FCC_ARG(fcc__of_pb(broadcast->info)));
    else if (FCC__UNPACK(protos__proposal_response, message, c->arena, &proposal) == FCC_OK && proposal->response)
        printf("response %d%s " FCC_FMT "|" FCC_FMT "\n", (int)proposal->response->status,
               proposal->endorsement ? " endorsed" : "", FCC_ARG(fcc__of_pb(proposal->response->message)),
               FCC_ARG(fcc__of_pb(proposal->response->payload)));
    fflush(stdout);
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    client *c = ctx;

    (void)call;
    c->ended = true;
    printf("end %s " FCC_FMT "\n", rpc_code_name(status->code), FCC_ARG(status->message));
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

/* ---- a run -------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the call ends; false when nothing comes any more. */
static bool await_end(client *c)
{
    const int64_t first = number_of("FIRST", 60000), later = number_of("PATIENCE", 60000);
    int64_t heard_at = now_ms();
    int seen = c->answers;

    while (!c->ended && now_ms() - heard_at < (c->answers == 0 ? first : later)) {
        rpc_loop_poll(c->net.loop, 10);
        if (c->answers != seen) {
            seen = c->answers;
            heard_at = now_ms();
        }
    }
    return c->ended;
}

static void run(client *c, const fcc_bytes *messages, size_t count)
{
    if (rpc_open(c->server->channel, c->method, -1, true, &events, c, &c->call) != FCC_OK)
        fail(c->method, "cannot be called");
    for (size_t i = 0; i < count; i++)
        if (rpc_send(c->call, messages[i]) != FCC_OK)
            fail(c->method, "cannot send");
    if (getenv("EARLY") || count == 0 || !strstr(c->method, "Deliver"))
        rpc_half_close(c->call);
    if (await_end(c))
        return;
    puts("waiting");
    rpc_cancel(c->call);
    while (!c->ended)
        rpc_loop_poll(c->net.loop, 10);
}

static void open_net(client *c, const char *dir, const char *server, const char *user)
{
    const char *slash = strchr(user, '/');
    const replay_server *home;
    char name[16], path[4096];
    fcc_error error = { 0 };

    if (replay_open(dir, getenv("TLS"), &c->net, &error) != FCC_OK)
        fail(dir, error.text);
    c->arena = c->net.arena;
    c->server = replay_find(&c->net, server);
    snprintf(name, sizeof(name), "peer%d", atoi(user));
    home = replay_find(&c->net, name);
    if (!c->server || !home || !slash)
        fail(c->server ? user : server, "no such server or user");
    snprintf(path, sizeof(path), "%s/peerOrganizations/%s/users/%s@%s/msp", c->net.crypto_dir, home->domain, slash + 1,
             home->domain);
    if (msp_signer_load(path, home->mspid, &c->signer, &error) != FCC_OK)
        fail(user, error.text);
}

int main(int argc, char **argv)
{
    fcc_bytes messages[32];
    size_t count = 0;
    client c = { 0 };

    setvbuf(stdout, NULL, _IOLBF, 0); /* scripts wait for lines */
    if (argc < 6)
        fail("usage", "DIR SERVER N/USER deliver|broadcast|propose|raw ...");
    open_net(&c, argv[1], argv[2], argv[3]);
    if (strcmp(argv[4], "deliver") == 0) {
        c.method = argv[5];
        for (int i = 6; i < argc && count < 32; i++)
            messages[count++] = seek_of(&c, argv[i]);
    } else if (strcmp(argv[4], "broadcast") == 0) {
        c.method = "/orderer.AtomicBroadcast/Broadcast";
        messages[count++] = envelope_of(&c, atoi(argv[5]), FCC_LIT("data"));
    } else if (strcmp(argv[4], "propose") == 0) {
        c.method = "/protos.Endorser/ProcessProposal";
        messages[count++] = proposal_of(&c, argv + 5, argc - 5);
    } else if (strcmp(argv[4], "raw") == 0) {
        c.method = argv[5];
        messages[count++] = unhex(&c, argc > 6 ? argv[6] : "");
    } else
        fail(argv[4], "no such command");
    run(&c, messages, count);
    msp_signer_free(c.signer);
    replay_close(&c.net);
    return c.refused ? 1 : 0;
}
