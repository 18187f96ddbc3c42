/* protos.Deliver and orderer.AtomicBroadcast/Deliver: blocks, and waiting for a transaction. */
#include "client/direct.h"
#include "client/private.h"

#include "orderer/ab.pb-c.h"
#include "peer/events.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_ARENA_MAX = 512 << 20 };

/* ---- the request -------------------------------------------------------------------------------------------------- */

typedef struct place {
    Orderer__SeekPosition position;
    Orderer__SeekNewest newest;
    Orderer__SeekOldest oldest;
    Orderer__SeekSpecified specified;
    Orderer__SeekNextCommit next;
} place;

static void set_place(place *p, int64_t where)
{
    orderer__seek_position__init(&p->position);
    orderer__seek_newest__init(&p->newest);
    orderer__seek_oldest__init(&p->oldest);
    orderer__seek_specified__init(&p->specified);
    orderer__seek_next_commit__init(&p->next);
    if (where == CLIENT_OLDEST) {
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_OLDEST;
        p->position.oldest = &p->oldest;
    } else if (where == CLIENT_NEWEST) {
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_NEWEST;
        p->position.newest = &p->newest;
    } else if (where == CLIENT_NEXT) {
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_NEXT_COMMIT;
        p->position.next_commit = &p->next;
    } else {
        p->specified.number = where == CLIENT_FOREVER ? UINT64_MAX : (uint64_t)where;
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_SPECIFIED;
        p->position.specified = &p->specified;
    }
}

fcc_status client_blocks_request(client *c, const client_blocks_options *o, fcc__arena *arena, fcc_bytes *out,
                                 fcc_error *error)
{
    fcc_status st;
    fcc_bytes bytes;
    place start, stop;
    client__heading h = { .type = COMMON__HEADER_TYPE__DELIVER_SEEK_INFO,
                          .channel = o->channel ? o->channel : c->channel };
    Orderer__SeekInfo info = ORDERER__SEEK_INFO__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;

    set_place(&start, o->from);
    set_place(&stop, o->to);
    info.start = &start.position;
    info.stop = &stop.position;
    info.behavior = o->there ? ORDERER__SEEK_INFO__SEEK_BEHAVIOR__FAIL_IF_NOT_READY
                             : ORDERER__SEEK_INFO__SEEK_BEHAVIOR__BLOCK_UNTIL_READY;
    if ((st = client__nonce(h.nonce, error)) != FCC_OK)
        return st;
    if ((st = client__header(c, &h, arena, &header)) != FCC_OK || (st = fcc__pack(&info, arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    payload.header = &header;
    payload.data = fcc__pb(bytes);
    st = fcc__pack(&payload, arena, out);
    return st == FCC_OK ? st : client__no_memory(error, st);
}

/* ---- the answers -------------------------------------------------------------------------------------------------- */

typedef struct reader {
    client_on_block on_block;
    void *ctx;
    client_source source;
    fcc__arena *arena; /* of one message */
    const char *who;   /* for errors */
    bool told;         /* the other side has ended it with a status */
    bool unavailable;  /* ... that another orderer may not have */
    bool given;        /* something has come */
    fcc_status st;
    fcc_error *error;
} reader;

static bool broken(reader *r)
{
    r->st = fcc_error_set(r->error, FCC_ERR_PROTO, "%s sent something that is no block", r->who);
    return false;
}

static bool ended(reader *r, Common__Status status)
{
    const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(&common__status__descriptor, (int)status);

    r->told = true;
    r->unavailable = status == COMMON__STATUS__SERVICE_UNAVAILABLE;
    if (status == COMMON__STATUS__SUCCESS)
        return false;
    r->st = status == COMMON__STATUS__FORBIDDEN   ? FCC_ERR_AUTH
            : status == COMMON__STATUS__NOT_FOUND ? FCC_ERR_NOT_FOUND
                                                  : FCC_ERR_PEER;
    fcc_error_set(r->error, r->st, "%s ended the blocks with %s", r->who, name ? name->name : "an unknown status");
    return false;
}

static bool give(reader *r, const void *message, bool whole, uint64_t number)
{
    fcc_bytes bytes;

    if (!whole)
        return broken(r);
    r->st = fcc__pack(message, r->arena, &bytes);
    if (r->st != FCC_OK) {
        client__no_memory(r->error, r->st);
        return false;
    }
    r->given = true;
    return r->on_block(r->ctx, number, bytes);
}

static bool on_message(void *ctx, fcc_bytes wire)
{
    reader *r = ctx;
    Protos__DeliverResponse *m;
    const Common__Block *b;

    fcc__arena_reset(r->arena);
    /* the orderer's DeliverResponse has the first two of the peer's fields */
    if (FCC__UNPACK(protos__deliver_response, wire, r->arena, &m) != FCC_OK)
        return broken(r);
    switch (m->type_case) {
    case PROTOS__DELIVER_RESPONSE__TYPE_STATUS:
        return ended(r, m->status);
    case PROTOS__DELIVER_RESPONSE__TYPE_BLOCK:
        b = m->block;
        return give(r, b, (r->source == CLIENT_BLOCKS || r->source == CLIENT_ORDERED) && b->header,
                    b->header ? b->header->number : 0);
    case PROTOS__DELIVER_RESPONSE__TYPE_FILTERED_BLOCK:
        return give(r, m->filtered_block, r->source == CLIENT_FILTERED, m->filtered_block->number);
    case PROTOS__DELIVER_RESPONSE__TYPE_BLOCK_AND_PRIVATE_DATA:
        b = m->block_and_private_data->block;
        return give(r, m->block_and_private_data, r->source == CLIENT_PRIVATE && b && b->header,
                    b && b->header ? b->header->number : 0);
    default:
        return broken(r);
    }
}

static const char *path_of(client_source source)
{
    static const char *const paths[] = { "/protos.Deliver/Deliver", "/protos.Deliver/DeliverFiltered",
                                         "/protos.Deliver/DeliverWithPrivateData", "/orderer.AtomicBroadcast/Deliver" };

    return paths[source];
}

static fcc_status start(client *c, const client_blocks_options *o, reader *r, client__stream *s, fcc_error *error)
{
    fcc_status st;
    client_peer *peer;
    rpc_channel *connection;
    fcc_bytes bytes = o->request, signature = o->signature;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;

    st = o->source == CLIENT_ORDERED ? client__orderer(c, &peer, error) : client__peer_of(c, o->org, &peer, error);
    if (st != FCC_OK)
        return st;
    r->error = error;
    r->who = peer->name ? peer->name : "the orderer";
    r->source = o->source;
    s->path = path_of(o->source);
    s->address = peer->address;
    s->on_message = on_message;
    s->ctx = r;
    s->idle_ms = o->idle_ms;
    if (bytes.len == 0 &&
        ((st = client_blocks_request(c, o, r->arena, &bytes, error)) != FCC_OK ||
         (st = client__sign(c, "the request for blocks", bytes, r->arena, &signature, error)) != FCC_OK))
        return st;
    envelope.payload = fcc__pb(bytes);
    envelope.signature = fcc__pb(signature);
    if ((st = fcc__pack(&envelope, r->arena, &bytes)) != FCC_OK)
        return client__no_memory(error, st);
    if ((st = client__connect(c, peer, &connection, error)) != FCC_OK)
        return st;
    return client__stream_open(c, connection, s, bytes, error);
}

/* *next: nothing has come, and another orderer may have more to say. */
static fcc_status blocks_of_one(client *c, const client_blocks_options *o, client_on_block on_block, void *ctx,
                                bool *next, fcc_error *error)
{
    reader r = { .on_block = on_block, .ctx = ctx, .arena = fcc__arena_new(BLOCK_ARENA_MAX) };
    client__stream s = { .deadline_ms = -1 };
    fcc_status st;

    *next = false;
    if (!r.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    /* what has to be there comes in time or not at all */
    if (o->there)
        s.deadline_ms = o->source == CLIENT_ORDERED && c->orderer_count ? c->timeout_ms / (int64_t)c->orderer_count
                                                                        : c->timeout_ms;
    if ((st = start(c, o, &r, &s, error)) == FCC_OK)
        st = client__stream_run(c, &s);
    if (st == FCC_OK)
        st = r.st;
    if (st == FCC_OK && !r.told && !s.stopped)
        st = fcc_error_set(error, FCC_ERR_IO, "%s ended the blocks without a word", r.who);
    *next = !r.given && (st == FCC_ERR_IO || st == FCC_ERR_TIMEOUT || r.unavailable);
    fcc__arena_free(r.arena);
    return st;
}

fcc_status client_blocks(client *c, const client_blocks_options *o, client_on_block on_block, void *ctx,
                         fcc_error *error)
{
    bool next = false;
    fcc_status st = blocks_of_one(c, o, on_block, ctx, &next, error);

    for (size_t tried = 1; o->source == CLIENT_ORDERED && st != FCC_OK && next && tried < c->orderer_count; tried++) {
        client__next_orderer(c);
        st = blocks_of_one(c, o, on_block, ctx, &next, error);
    }
    return st;
}

/* ---- single blocks ------------------------------------------------------------------------------------------------ */

typedef struct kept {
    fcc__arena *arena;
    fcc_bytes block;
    bool whole;
} kept;

static bool keep(void *ctx, uint64_t number, fcc_bytes message)
{
    kept *k = ctx;

    (void)number;
    k->whole = fcc__arena_copy(k->arena, message, &k->block);
    return false;
}

fcc_status client_block(client *c, client_source source, const char *org, int64_t which, fcc__arena *arena,
                        fcc_bytes *block, fcc_error *error)
{
    const client_blocks_options o = { .source = source, .org = org, .from = which, .to = which, .there = true };
    kept k = { .arena = arena };
    fcc_status st = client_blocks(c, &o, keep, &k, error);

    if (st == FCC_ERR_NOT_FOUND && which >= 0)
        return fcc_error_set(error, st, "there is no block %lld", (long long)which);
    if (st != FCC_OK)
        return st;
    if (!k.whole)
        return fcc_error_set(error, FCC_ERR_LIMIT, "the block is larger than the memory limit, or did not come");
    *block = k.block;
    return FCC_OK;
}

/* The configuration that a block names: in its LAST_CONFIG, or in what its orderer signed. */
static fcc_status last_config(fcc_bytes block, fcc__arena *arena, uint64_t *out)
{
    fcc_status st;
    Common__Block *b;
    Common__Metadata *m;
    Common__OrdererBlockMetadata *signed_by;
    Common__LastConfig *last;

    if ((st = FCC__UNPACK(common__block, block, arena, &b)) != FCC_OK)
        return st;
    if (!b->metadata || b->metadata->n_metadata <= COMMON__BLOCK_METADATA_INDEX__LAST_CONFIG)
        return FCC_ERR_PROTO;
    st = FCC__UNPACK(common__metadata, fcc__of_pb(b->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__SIGNATURES]),
                     arena, &m);
    if (st == FCC_OK && m->value.len > 0 &&
        FCC__UNPACK(common__orderer_block_metadata, fcc__of_pb(m->value), arena, &signed_by) == FCC_OK &&
        signed_by->last_config) {
        *out = signed_by->last_config->index;
        return FCC_OK;
    }
    st = FCC__UNPACK(common__metadata, fcc__of_pb(b->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__LAST_CONFIG]),
                     arena, &m);
    if (st != FCC_OK || (st = FCC__UNPACK(common__last_config, fcc__of_pb(m->value), arena, &last)) != FCC_OK)
        return st;
    *out = last->index;
    return FCC_OK;
}

fcc_status client_config_block(client *c, client_source source, const char *org, fcc__arena *arena, fcc_bytes *block,
                               fcc_error *error)
{
    uint64_t number;
    fcc_bytes newest;
    fcc_status st = client_block(c, source, org, CLIENT_NEWEST, arena, &newest, error);

    if (st != FCC_OK)
        return st;
    if ((st = last_config(newest, arena, &number)) != FCC_OK)
        return fcc_error_set(error, st, "the newest block does not name its configuration");
    return client_block(c, source, org, (int64_t)number, arena, block, error);
}

/* ---- waiting for a transaction ------------------------------------------------------------------------------------ */

struct client_watch {
    client *c;
    char txid[65];
    reader r;
    client__stream s;
    fcc_error error;
    bool listening; /* a first block has come */
    bool found;
    int validation;
    uint64_t block;
};

static bool look(void *ctx, uint64_t number, fcc_bytes message)
{
    client_watch *w = ctx;
    Protos__FilteredBlock *b;
    size_t i;

    w->listening = true;
    if (FCC__UNPACK(protos__filtered_block, message, w->r.arena, &b) != FCC_OK)
        return broken(&w->r);
    for (i = 0; i < b->n_filtered_transactions; i++) {
        const Protos__FilteredTransaction *t = b->filtered_transactions[i];

        if (!fcc_bytes_equal(fcc__of_pb(t->txid), fcc_str(w->txid)))
            continue;
        w->found = true;
        w->validation = (int)t->tx_validation_code;
        w->block = number;
        return false;
    }
    return true;
}

/* Run the loop until `*done`, the end of the stream, or the client's timeout. */
static fcc_status until(client_watch *w, const bool *done, fcc_error *error)
{
    const int64_t end = client__now_ms() + w->c->timeout_ms;
    fcc_status st;

    while (!*done && !w->s.ended) {
        const int64_t left = end - client__now_ms();

        if (left <= 0)
            return fcc_error_set(error, FCC_ERR_TIMEOUT, "%s at %s: no block in time", w->r.who, w->s.address);
        rpc_loop_poll(w->c->loop, left < 1000 ? (int)left : 1000);
    }
    if (*done)
        return FCC_OK;
    st = w->r.st != FCC_OK ? w->r.st : w->s.st;
    return st != FCC_OK ? fcc_error_set(error, st, "%s", w->error.text)
                        : fcc_error_set(error, FCC_ERR_IO, "%s ended the blocks without a word", w->r.who);
}

fcc_status client_watch_start(client *c, const char *org, const char *txid, client_watch **out, fcc_error *error)
{
    const client_blocks_options o = {
        .source = CLIENT_FILTERED, .org = org, .from = CLIENT_NEWEST, .to = CLIENT_FOREVER
    };
    client_watch *w = calloc(1, sizeof(*w));
    fcc_status st;

    if (!w || !(w->r.arena = fcc__arena_new(BLOCK_ARENA_MAX))) {
        free(w);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    w->c = c;
    w->r.on_block = look;
    w->r.ctx = w;
    w->s.deadline_ms = -1;
    if (strlen(txid) < sizeof(w->txid))
        memcpy(w->txid, txid, strlen(txid));
    st = start(c, &o, &w->r, &w->s, &w->error);
    if (st != FCC_OK)
        fcc_error_set(error, st, "%s", w->error.text);
    else
        st = until(w, &w->listening, error); /* the newest block comes at once: from here on none is missed */
    if (st != FCC_OK) {
        client_watch_free(w);
        return st;
    }
    *out = w;
    return FCC_OK;
}

fcc_status client_watch_wait(client_watch *w, int *validation, uint64_t *block, fcc_error *error)
{
    fcc_status st = until(w, &w->found, error);

    if (st != FCC_OK)
        return st;
    *validation = w->validation;
    *block = w->block;
    return FCC_OK;
}

void client_watch_free(client_watch *w)
{
    if (!w)
        return;
    client__stream_stop(w->c, &w->s);
    fcc__arena_free(w->r.arena);
    free(w);
}
