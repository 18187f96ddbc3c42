/* See peer.h. Field numbers: Fabric's peer/chaincode_shim.proto, proposal.proto and common.proto. */
#include "test/bench/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    REGISTER = 1,
    REGISTERED = 2,
    READY = 4,
    TRANSACTION = 5,
    COMPLETED = 6,
    ERROR = 7,
    GET_STATE = 8,
    PUT_STATE = 9,
    RESPONSE = 13,
    GET_STATE_BY_RANGE = 14,
    QUERY_STATE_NEXT = 16,
    QUERY_STATE_CLOSE = 17,
    WRITE_BATCH_STATE = 24
};

enum { TXID = 64, PAGE = 100, VALUE = 100, BURN_EVERY = 10 };

const bench_work bench_works[] = {
    { .name = "noop", .args = { "noop" } },
    { .name = "rw1", .args = { "rw", "1", "k" } },
    { .name = "rw10", .args = { "rw", "10", "k" } },
    { .name = "rw100", .args = { "rw", "100", "k" } },
    { .name = "range100", .args = { "range", "a", "z" }, .rows = 100 },
    { .name = "range10000", .args = { "range", "a", "z" }, .rows = 10000 },
    { .name = "puts1000", .puts = 1000 },
    { .name = "batch1000", .puts = 1000, .batch = true },
    { .name = "value1k", .args = { "rw", "1", "k" }, .value_len = 1024 },
    { .name = "value16k", .args = { "rw", "1", "k" }, .value_len = 16 * 1024 },
    { .name = "value128k", .args = { "rw", "1", "k" }, .value_len = 128 * 1024 },
    { .name = "value1m", .args = { "rw", "1", "k" }, .value_len = 1024 * 1024 },
    { .name = "gets10", .gets = 10 },
    { .name = "paced", .args = { "noop" }, .every_ms = 2 },
    { .name = "burn", .args = { "noop" }, .every_ms = 2, .burn_us = "10000" },
    { .name = NULL },
};

struct slot {
    char txid[TXID + 1];
    double started_us; /* 0: free */
    unsigned rows_left;
    bool burns;
};

struct stream {
    bench_peer *peer;
    rpc_call *call;
    bool registered;
    size_t running, sent; /* transactions; and messages for them since the last one that came */
};

struct bench_peer {
    rpc_loop *loop;
    rpc_channel *channel;
    bool with_proposal;
    bool ending;
    unsigned stream_count;
    struct stream streams[BENCH_MAX_STREAMS];
    struct slot slots[BENCH_MAX_IN_FLIGHT];
    const bench_work *work;
    bool stopping;
    unsigned running, in_flight;
    unsigned begun; /* of this work */
    rpc_timer *pace;
    uint64_t random;
    fcc__buf message;
    fcc__buf input;    /* ChaincodeInput of the work */
    fcc__buf burning;  /* ... of one in ten */
    fcc__buf proposal; /* SignedProposal of the work */
    fcc__buf value;
    fcc_bytes (*get)(void *ctx); /* NULL: `value` */
    void *get_ctx;
    fcc__buf page;      /* QueryResponse with more behind it */
    fcc__buf last_page; /* ... with none */
    bench_times times;
};

const bench_work *bench_work_named(const char *name)
{
    for (const bench_work *w = bench_works; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    return NULL;
}

double bench_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void give_up(const char *what, fcc_bytes text)
{
    fprintf(stderr, "load: %s: " FCC_FMT "\n", what, FCC_ARG(text));
    exit(1);
}

/* ---- times ---- */

static void add_time(bench_times *times, double us)
{
    uint64_t ns = us > 0 ? (uint64_t)(us * 1000) : 0;
    unsigned shift = 0;

    while (ns >> shift >= 2 * BENCH_SUB_BUCKETS)
        shift++;
    times->counts[shift * BENCH_SUB_BUCKETS + (unsigned)(ns >> shift)]++;
    times->total++;
}

double bench_times_at(const bench_times *times, double share)
{
    double before = 0, wanted = share * times->total;

    for (unsigned i = 0; i < 64 * BENCH_SUB_BUCKETS; i++) {
        before += times->counts[i];
        if (before >= wanted && times->counts[i]) {
            unsigned shift = i < 2 * BENCH_SUB_BUCKETS ? 0 : i / BENCH_SUB_BUCKETS - 1;
            double steps = (double)(i - shift * BENCH_SUB_BUCKETS);

            return (steps + 0.5) * (double)(1ull << shift) / 1000;
        }
    }
    return 0;
}

/* ---- writing ---- */

static void field(fcc__buf *buf, unsigned number, fcc_bytes bytes)
{
    fcc__buf_uvarint(buf, number << 3 | 2);
    fcc__buf_uvarint(buf, bytes.len);
    fcc__buf_add(buf, bytes);
}

static void field_number(fcc__buf *buf, unsigned number, uint64_t value)
{
    fcc__buf_uvarint(buf, number << 3);
    fcc__buf_uvarint(buf, value);
}

static void field_buf(fcc__buf *buf, unsigned number, fcc__buf *content)
{
    field(buf, number, fcc__buf_bytes(content));
    fcc__buf_clear(content);
}

static fcc__buf new_buf(void)
{
    fcc__buf buf;

    fcc__buf_init(&buf, 16 * 1024 * 1024);
    return buf;
}

static void send_message(struct stream *s, unsigned type, fcc_bytes payload, const struct slot *slot)
{
    fcc__buf *m = &s->peer->message;

    fcc__buf_reset(m);
    field_number(m, 1, type);
    if (payload.len)
        field(m, 3, payload);
    if (slot) {
        field(m, 4, fcc_bytes_of(slot->txid, TXID));
        if (type == TRANSACTION && s->peer->with_proposal)
            field(m, 5, fcc__buf_bytes(&s->peer->proposal));
        field(m, 7, FCC_LIT("channel"));
    }
    if (!fcc__buf_ok(m) || rpc_send(s->call, fcc__buf_bytes(m)) != FCC_OK)
        give_up("a message could not be sent", fcc_str(s->peer->work ? s->peer->work->name : "register"));
    s->sent += slot != NULL;
}

/* What a client's proposal of usual size holds around the arguments; the certificate is filler. */
static void make_proposal(bench_peer *p)
{
    static const uint8_t nonce[24] = { 1, 2, 3 }, signature[71] = { 0x30, 69 };
    fcc__buf time = new_buf(), id = new_buf(), channel = new_buf(), creator = new_buf(), author = new_buf();
    fcc__buf header = new_buf(), spec = new_buf(), payload = new_buf(), proposal = new_buf(), pem = new_buf();

    field_number(&time, 1, 1700000000);
    field_number(&time, 2, 123456789);
    field(&id, 2, FCC_LIT("bench"));
    field_number(&channel, 1, 3);
    field_buf(&channel, 3, &time);
    field(&channel, 4, FCC_LIT("channel"));
    field(&channel, 5, FCC_LIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    {
        fcc__buf extension = new_buf();

        field(&extension, 2, fcc__buf_bytes(&id));
        field_buf(&channel, 7, &extension);
    }
    fcc__buf_puts(&pem, "-----BEGIN CERTIFICATE-----\n");
    for (unsigned i = 0; i < 13; i++)
        fcc__buf_puts(&pem, "MIICKjCCAdGgAwIBAgIRAJ0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ\n");
    fcc__buf_puts(&pem, "-----END CERTIFICATE-----\n");
    field(&creator, 1, FCC_LIT("Org1MSP"));
    field_buf(&creator, 2, &pem);
    field_buf(&author, 1, &creator);
    field(&author, 2, fcc_bytes_of(nonce, sizeof(nonce)));
    field_buf(&header, 1, &channel);
    field_buf(&header, 2, &author);
    field_number(&spec, 1, 1);
    field_buf(&spec, 2, &id);
    field(&spec, 3, fcc__buf_bytes(&p->input));
    {
        fcc__buf invocation = new_buf();

        field_buf(&invocation, 1, &spec);
        field_buf(&payload, 1, &invocation);
    }
    field_buf(&proposal, 1, &header);
    field_buf(&proposal, 2, &payload);
    fcc__buf_reset(&p->proposal);
    field_buf(&p->proposal, 1, &proposal);
    field(&p->proposal, 2, fcc_bytes_of(signature, sizeof(signature)));
}

static void make_page(bench_peer *p, fcc__buf *page, unsigned rows, bool more)
{
    fcc__buf_reset(page);
    for (unsigned i = 0; i < rows; i++) {
        fcc__buf kv = new_buf(), result = new_buf();
        char key[16];

        snprintf(key, sizeof(key), "key%06u", i);
        field(&kv, 1, FCC_LIT("bench"));
        field(&kv, 2, fcc_str(key));
        field(&kv, 3, fcc__buf_bytes(&p->value));
        field_buf(&result, 1, &kv);
        field_buf(page, 1, &result);
    }
    if (more)
        field_number(page, 2, 1);
    field(page, 3, FCC_LIT("89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"));
}

static void make_work(bench_peer *p, const bench_work *w)
{
    size_t value_len = w->value_len ? w->value_len : VALUE;

    fcc__buf_reset(&p->value);
    for (size_t i = 0; i < value_len; i++)
        fcc__buf_putc(&p->value, (uint8_t)('a' + i % 26));
    fcc__buf_reset(&p->input);
    for (size_t i = 0; i < 4 && w->args[i]; i++)
        field(&p->input, 1, fcc_str(w->args[i]));
    fcc__buf_reset(&p->burning);
    field(&p->burning, 1, FCC_LIT("burn"));
    field(&p->burning, 1, fcc_str(w->burn_us));
    if (w->puts || w->gets)
        field(&p->input, 1, FCC_LIT("run"));
    if (w->batch)
        field(&p->input, 1, FCC_LIT("[\"StartWriteBatch\"]"));
    for (unsigned i = 0; i < w->puts; i++) {
        char step[64];

        snprintf(step, sizeof(step), "[\"PutState\",\"key%06u\",\"0123456789\"]", i);
        field(&p->input, 1, fcc_str(step));
    }
    for (unsigned i = 0; i < w->gets; i++)
        field(&p->input, 1, FCC_LIT("[\"GetState\",\"record/0123456789abcdef\"]"));
    if (w->batch)
        field(&p->input, 1, FCC_LIT("[\"FinishWriteBatch\"]"));
    if (w->rows) {
        make_page(p, &p->page, PAGE, true);
        make_page(p, &p->last_page, PAGE, false);
    }
    make_proposal(p);
    p->work = w;
}

/* ---- transactions ---- */

static void start_one(bench_peer *p, unsigned index)
{
    struct slot *slot = &p->slots[index];
    struct stream *s = &p->streams[index % p->stream_count];
    static const char digits[] = "0123456789abcdef";

    /* the slot, and as many random digits as make it look like a hash */
    for (unsigned i = 0; i < TXID; i++) {
        if (i < 4) {
            slot->txid[i] = digits[index >> (12 - 4 * i) & 15];
            continue;
        }
        if (i % 16 == 4) {
            p->random ^= p->random << 13;
            p->random ^= p->random >> 7;
            p->random ^= p->random << 17;
        }
        slot->txid[i] = digits[p->random >> (i % 16 * 4) & 15];
    }
    slot->rows_left = p->work->rows;
    slot->started_us = bench_now_us();
    slot->burns = p->work->burn_us && ++p->begun % BURN_EVERY == 0;
    p->running++;
    s->running++;
    send_message(s, TRANSACTION, fcc__buf_bytes(slot->burns ? &p->burning : &p->input), slot);
}

/* At the pace of the work, whatever the last one does. */
static void start_paced(void *ctx)
{
    bench_peer *p = ctx;

    p->pace = rpc_timer_start(p->loop, p->work->every_ms, start_paced, p);
    if (!p->pace)
        give_up("out of memory", fcc_str(p->work->name));
    for (unsigned i = 0; i < p->in_flight; i++)
        if (!p->slots[i].started_us) {
            start_one(p, i);
            return;
        }
}

static bool varint(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;

        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

struct incoming {
    uint64_t type;
    fcc_bytes payload;
    fcc_bytes txid;
};

static bool parse(fcc_bytes wire, struct incoming *m)
{
    const uint8_t *p = wire.data, *end = p + wire.len;

    memset(m, 0, sizeof(*m));
    while (p < end) {
        uint64_t key, value;

        if (!varint(&p, end, &key) || !varint(&p, end, &value))
            return false;
        if (key >> 3 == 1)
            m->type = value;
        if ((key & 7) != 2)
            continue;
        if (value > (uint64_t)(end - p))
            return false;
        if (key >> 3 == 3)
            m->payload = fcc_bytes_of(p, value);
        if (key >> 3 == 4)
            m->txid = fcc_bytes_of(p, value);
        p += value;
    }
    return true;
}

static unsigned hex_digit(uint8_t c)
{
    return c <= '9' ? c - (unsigned)'0' : c - 'a' + 10u;
}

static struct slot *slot_of(bench_peer *p, fcc_bytes txid)
{
    unsigned index = 0;

    for (unsigned i = 0; i < 4 && txid.len == TXID; i++)
        index = index << 4 | hex_digit(txid.data[i]);
    if (txid.len != TXID || index >= BENCH_MAX_IN_FLIGHT || memcmp(p->slots[index].txid, txid.data, TXID) != 0)
        give_up("a message for no transaction of ours", txid);
    return &p->slots[index];
}

static void send_page(struct stream *s, struct slot *slot)
{
    bool more = slot->rows_left > PAGE;

    slot->rows_left -= more ? PAGE : slot->rows_left;
    send_message(s, RESPONSE, fcc__buf_bytes(more ? &s->peer->page : &s->peer->last_page), slot);
}

static void completed(struct stream *s, struct slot *slot, fcc_bytes response)
{
    bench_peer *p = s->peer;

    if (response.len < 3 || memcmp(response.data, "\x08\xc8\x01", 3) != 0)
        give_up("a transaction did not end with 200", response);
    if (!slot->burns)
        add_time(&p->times, bench_now_us() - slot->started_us);
    slot->started_us = 0;
    p->running--;
    s->running--;
    if (!p->stopping && !p->work->every_ms)
        start_one(p, (unsigned)(slot - p->slots));
    else if (p->stopping && !p->running)
        rpc_loop_stop(p->loop);
}

static void register_stream(struct stream *s)
{
    /* write batches of 1,000 and gets of 1,000 keys are offered, as a 3.1 peer does */
    static const uint8_t offer[] = { 0x08, 1, 0x10, 0xe8, 0x07, 0x18, 1, 0x20, 0xe8, 0x07 };

    send_message(s, REGISTERED, FCC_LIT(""), NULL);
    send_message(s, READY, fcc_bytes_of(offer, sizeof(offer)), NULL);
    s->registered = true;
    rpc_loop_stop(s->peer->loop);
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    struct stream *s = ctx;
    struct incoming m;

    if (!parse(wire, &m))
        give_up("not a ChaincodeMessage", wire);
    switch (m.type) {
    case REGISTER:
        register_stream(s);
        break;
    case COMPLETED:
        completed(s, slot_of(s->peer, m.txid), m.payload);
        break;
    case GET_STATE:
        send_message(s, RESPONSE, s->peer->get ? s->peer->get(s->peer->get_ctx) : fcc__buf_bytes(&s->peer->value),
                     slot_of(s->peer, m.txid));
        break;
    case PUT_STATE:
    case WRITE_BATCH_STATE:
        send_message(s, RESPONSE, FCC_LIT(""), slot_of(s->peer, m.txid));
        break;
    case GET_STATE_BY_RANGE:
    case QUERY_STATE_NEXT:
        send_page(s, slot_of(s->peer, m.txid));
        break;
    case QUERY_STATE_CLOSE:
        /* a QueryResponse with the id and nothing else */
        send_message(s, RESPONSE,
                     FCC_LIT("\x1a\x40"
                             "89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"),
                     slot_of(s->peer, m.txid));
        break;
    default:
        give_up(m.type == ERROR ? "the chaincode answers with ERROR" : "an unexpected message", m.payload);
    }
    /* each transaction has one message under way, here or there */
    rpc_expect(call, s->running, s->sent);
    s->sent = 0;
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct stream *s = ctx;

    (void)call;
    s->call = NULL;
    if (!s->peer->ending)
        give_up(rpc_code_name(status->code), status->message);
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

/* ---- life ---- */

bench_peer *bench_peer_new(rpc_loop *loop, const char *address, const rpc_tls *tls, unsigned streams,
                           bool with_proposal)
{
    bench_peer *p = calloc(1, sizeof(*p));
    fcc_error error;

    if (!p || rpc_channel_new(loop, address, tls, &p->channel, &error) != FCC_OK)
        give_up("cannot connect", fcc_str(address));
    p->loop = loop;
    p->with_proposal = with_proposal;
    p->random = 88172645463325252u;
    p->message = new_buf();
    p->input = new_buf();
    p->burning = new_buf();
    p->proposal = new_buf();
    p->value = new_buf();
    p->page = new_buf();
    p->last_page = new_buf();
    p->stream_count = streams;
    for (unsigned i = 0; i < streams; i++) {
        struct stream *s = &p->streams[i];

        s->peer = p;
        if (rpc_open(p->channel, "/protos.Chaincode/Connect", -1, true, &events, s, &s->call) != FCC_OK)
            give_up("cannot connect", fcc_str(address));
        while (!s->registered)
            rpc_loop_run(loop);
    }
    return p;
}

void bench_peer_start(bench_peer *p, const bench_work *work, unsigned in_flight)
{
    make_work(p, work);
    p->stopping = false;
    p->in_flight = in_flight;
    p->begun = 0;
    if (work->every_ms)
        start_paced(p);
    for (unsigned i = 0; i < in_flight && !work->every_ms; i++)
        start_one(p, i);
}

void bench_peer_read_from(bench_peer *p, fcc_bytes (*get)(void *ctx), void *ctx)
{
    p->get = get;
    p->get_ctx = ctx;
}

void bench_peer_stop(bench_peer *p)
{
    p->stopping = true;
    rpc_timer_cancel(p->pace);
    p->pace = NULL;
    while (p->running)
        rpc_loop_run(p->loop);
}

void bench_peer_mark(bench_peer *p)
{
    memset(&p->times, 0, sizeof(p->times));
}

const bench_times *bench_peer_times(const bench_peer *p)
{
    return &p->times;
}

void bench_peer_free(bench_peer *p)
{
    if (!p)
        return;
    p->ending = true;
    for (unsigned i = 0; i < p->stream_count; i++) {
        if (p->streams[i].call)
            rpc_cancel(p->streams[i].call);
        while (p->streams[i].call)
            rpc_loop_poll(p->loop, 1);
    }
    rpc_channel_free(p->channel);
    fcc__buf_clear(&p->message);
    fcc__buf_clear(&p->input);
    fcc__buf_clear(&p->burning);
    fcc__buf_clear(&p->proposal);
    fcc__buf_clear(&p->value);
    fcc__buf_clear(&p->page);
    fcc__buf_clear(&p->last_page);
    free(p);
}
