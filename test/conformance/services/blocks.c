/* The devnet's chain at the end beside the recorded one: header hashes, transaction filters, commit hashes. */
#include "replay.h"

#include "base/hash.h"
#include "ledger/ledger.h"
#include "msp/msp.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "orderer/ab.pb-c.h"
#include "peer/events.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BLOCK = 64 << 20 };

/* What decides: equal for equal chains. */
struct essence {
    fcc__sha256 header_hash;
    fcc_bytes filter, commit_hash;
};

static bool read_block(fcc_bytes wire, fcc__arena *arena, struct essence *out)
{
    Common__Block *block;
    Common__Metadata *slot;

    if (FCC__UNPACK(common__block, wire, arena, &block) != FCC_OK || !block->header || !block->metadata ||
        block->metadata->n_metadata < 5)
        return false;
    out->header_hash = ledger_header_hash(block->header->number, fcc__of_pb(block->header->previous_hash),
                                          fcc__of_pb(block->header->data_hash));
    out->filter = fcc__of_pb(block->metadata->metadata[2]);
    if (FCC__UNPACK(common__metadata, fcc__of_pb(block->metadata->metadata[4]), arena, &slot) != FCC_OK)
        return false;
    out->commit_hash = fcc__of_pb(slot->value);
    return true;
}

static bool read_recorded(const char *folder, size_t number, fcc__arena *arena, fcc_bytes *out)
{
    uint8_t *data = fcc__arena_alloc(arena, MAX_BLOCK);
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%03zu.pb", folder, number);
    f = fopen(path, "rb");
    if (!f || !data) {
        if (f)
            fclose(f);
        return false;
    }
    *out = fcc_bytes_of(data, fread(data, 1, MAX_BLOCK, f));
    fclose(f);
    return true;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

struct answer {
    fcc__arena *arena;
    fcc_bytes *blocks;
    size_t count, room;
    bool closed;
    int status; /* of the stream; 0: none yet */
};

static void on_message(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    struct answer *a = ctx;
    Protos__DeliverResponse *response;

    if (FCC__UNPACK(protos__deliver_response, message, a->arena, &response) != FCC_OK)
        return;
    if (response->type_case == PROTOS__DELIVER_RESPONSE__TYPE_STATUS) {
        a->status = (int)response->status;
        rpc_cancel(rpc);
    } else if (response->type_case == PROTOS__DELIVER_RESPONSE__TYPE_BLOCK) {
        fcc_bytes *grown = realloc(a->blocks, (a->count + 1) * sizeof(*grown));

        if (!grown || fcc__pack(response->block, a->arena, &grown[a->count]) != FCC_OK)
            abort();
        a->blocks = grown;
        a->count++;
    }
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    struct answer *a = ctx;

    (void)rpc;
    (void)status;
    a->closed = true;
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

/* All blocks that there are, asked for by the administrator of the first peer's organisation. */
static fcc_status seek_request(const replay_net *net, const replay_server *peer, int64_t seconds, fcc_bytes *out,
                               fcc_error *error)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Orderer__SeekOldest oldest = ORDERER__SEEK_OLDEST__INIT;
    Orderer__SeekNewest newest = ORDERER__SEEK_NEWEST__INIT;
    Orderer__SeekPosition start = ORDERER__SEEK_POSITION__INIT, stop = ORDERER__SEEK_POSITION__INIT;
    Orderer__SeekInfo seek = ORDERER__SEEK_INFO__INIT;
    msp_signer *signer = NULL;
    fcc_bytes bytes;
    char dir[4096];
    fcc_status st;

    snprintf(dir, sizeof(dir), "%s/peerOrganizations/%s/users/Admin@%s/msp", net->crypto_dir, peer->domain,
             peer->domain);
    if ((st = msp_signer_load(dir, peer->mspid, &signer, error)) != FCC_OK)
        return st;
    start.type_case = ORDERER__SEEK_POSITION__TYPE_OLDEST;
    start.oldest = &oldest;
    stop.type_case = ORDERER__SEEK_POSITION__TYPE_NEWEST;
    stop.newest = &newest;
    seek.start = &start;
    seek.stop = &stop;
    time.seconds = seconds;
    channel.type = COMMON__HEADER_TYPE__DELIVER_SEEK_INFO;
    channel.timestamp = &time;
    channel.channel_id = fcc__pb(fcc_str(net->channel));
    signature.creator = fcc__pb(msp_signer_identity(signer));
    signature.nonce = fcc__pb(FCC_LIT("the nonce of a test's seek"));
    payload.header = &header;
    if ((st = fcc__pack(&channel, net->arena, &bytes)) != FCC_OK)
        goto out;
    header.channel_header = fcc__pb(bytes);
    if ((st = fcc__pack(&signature, net->arena, &bytes)) != FCC_OK)
        goto out;
    header.signature_header = fcc__pb(bytes);
    if ((st = fcc__pack(&seek, net->arena, &bytes)) != FCC_OK)
        goto out;
    payload.data = fcc__pb(bytes);
    if ((st = fcc__pack(&payload, net->arena, &bytes)) != FCC_OK)
        goto out;
    envelope.payload = fcc__pb(bytes);
    if ((st = msp_sign(signer, &bytes, 1, net->arena, &bytes)) != FCC_OK)
        goto out;
    envelope.signature = fcc__pb(bytes);
    st = fcc__pack(&envelope, net->arena, out);
out:
    msp_signer_free(signer);
    return st == FCC_OK ? st : fcc_error_set(error, st, "the seek request: %s", fcc_status_text(st));
}

static bool fetch(replay_net *net, int64_t seconds, struct answer *a)
{
    const replay_server *peer = replay_find(net, "peer1");
    fcc_bytes request;
    fcc_error error;
    rpc_call *rpc;

    if (seek_request(net, peer, seconds, &request, &error) != FCC_OK) {
        printf("# %s\n", error.text);
        return false;
    }
    if (rpc_open(peer->channel, "/protos.Deliver/Deliver", replay_patience_ms, true, &events, a, &rpc) != FCC_OK ||
        rpc_send(rpc, request) != FCC_OK)
        return false;
    while (!a->closed)
        rpc_loop_poll(net->loop, 100);
    if (a->status != COMMON__STATUS__SUCCESS)
        printf("# the peer's Deliver: status %d after %zu blocks\n", a->status, a->count);
    return a->status == COMMON__STATUS__SUCCESS;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------- */

static bool same_block(size_t number, const struct essence *recorded, const struct essence *ours, comparison *c)
{
    char path[64];

    snprintf(path, sizeof(path), "block %zu: header hash", number);
    compare_bytes(c, path, fcc_bytes_of(recorded->header_hash.bytes, 32), fcc_bytes_of(ours->header_hash.bytes, 32));
    snprintf(path, sizeof(path), "block %zu: transaction filter", number);
    compare_bytes(c, path, recorded->filter, ours->filter);
    snprintf(path, sizeof(path), "block %zu: commit hash", number);
    compare_bytes(c, path, recorded->commit_hash, ours->commit_hash);
    return !c->differs;
}

bool replay_blocks(replay_net *net, const char *folder, const char *version, int64_t seconds, int *tests)
{
    comparison c = { .arena = net->arena, .version = version, .method = "blocks" };
    struct answer a = { .arena = net->arena };
    fcc__arena *arena = fcc__arena_new(1 << 30);
    size_t number = 0;
    fcc_bytes recorded;
    bool good = arena && fetch(net, seconds, &a);

    for (; good && read_recorded(folder, number, arena, &recorded); number++) {
        struct essence theirs, ours;

        if (number >= a.count) {
            compare_numbers(&c, "number of blocks", (int64_t)number + 1, (int64_t)a.count);
            break;
        }
        if (!read_block(recorded, arena, &theirs) || !read_block(a.blocks[number], arena, &ours) ||
            !same_block(number, &theirs, &ours, &c))
            break;
        fcc__arena_reset(arena);
    }
    if (good && !c.differs && (number == 0 || number != a.count))
        compare_numbers(&c, "number of blocks", (int64_t)number, (int64_t)a.count);
    good = good && !c.differs;
    printf("%sok %d - %s, %zu blocks: header hashes, filters and commit hashes are the recorded ones\n",
           good ? "" : "not ", ++*tests, version, number);
    if (c.differs)
        printf("#   %s\n#   recorded: %s\n#   here:     %s\n", c.path, c.expected, c.actual);
    fcc__arena_free(arena);
    free(a.blocks);
    return good;
}
