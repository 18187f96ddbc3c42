/*
 * bare_loop.c: the least that answers a peer through gRPC's C-core, as the limit that libfcc is measured against.
 *
 *     CHAINCODE_SERVER_ADDRESS=HOST:PORT CHAINCODE_ID=ID [CHAINCODE_TLS_DISABLED=false ...] bare_loop
 *
 * One completion queue and one thread; all that the queue has ready is taken before anything is written. Knows `noop`,
 * `rw N PREFIX` and `range A Z` of probe for the driver in this folder, which numbers its transactions in the first four
 * digits of their ids. It has no stub, no memory of its own for a transaction, no checks, and believes every length it
 * reads: for measuring only. gRPC is linked as in a chaincode.
 */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MESSAGE = 100 * 1024 * 1024, SLOTS = 4096 };
enum event { NEW_CALL, RECEIVED, SENT, STARTED, CLOSED };
enum function { NOOP, RW, RANGE };

struct bytes {
    const uint8_t *p;
    size_t n;
};

struct transaction {
    enum function function;
    unsigned left, count;
    uint64_t bytes; /* of keys and values of a range */
    bool wrote, closing;
    uint8_t prefix[64];
    size_t prefix_len;
};

struct outgoing {
    struct outgoing *next;
    grpc_byte_buffer *bytes;
};

struct stream {
    struct stream *next; /* of those that have something to write */
    bool listed;
    grpc_call *call;
    grpc_byte_buffer *in;
    struct outgoing *out, **out_end;
    bool sending, hinted, over;
    unsigned pending;
    int cancelled;
    struct tag {
        struct stream *stream;
        enum event event;
    } tags[CLOSED + 1];
    struct transaction transactions[SLOTS];
};

static grpc_completion_queue *queue;
static grpc_server *server;
static void *method;
static struct stream *dirty;
static grpc_metadata_array metadata;
static gpr_timespec deadline;

/* ---- bytes ---- */

static size_t put_varint(uint8_t *to, uint64_t value)
{
    size_t n = 0;

    for (; value >= 128; value >>= 7)
        to[n++] = (uint8_t)(value | 128);
    to[n++] = (uint8_t)value;
    return n;
}

static uint64_t get_varint(const uint8_t **p)
{
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
}

static size_t put_field(uint8_t *to, unsigned number, struct bytes b)
{
    size_t n = put_varint(to, number << 3 | 2);

    n += put_varint(to + n, b.n);
    memcpy(to + n, b.p, b.n);
    return n + b.n;
}

/* ---- writing ---- */

static void start(struct stream *s, const grpc_op *ops, size_t n, enum event event)
{
    s->pending++;
    if (grpc_call_start_batch(s->call, ops, n, &s->tags[event], NULL) != GRPC_CALL_OK)
        abort();
}

static void pump(struct stream *s)
{
    struct outgoing *o = s->out;
    grpc_op op;

    if (s->sending || !o || s->over)
        return;
    s->out = o->next;
    if (!s->out)
        s->out_end = &s->out;
    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_SEND_MESSAGE;
    op.data.send_message.send_message = o->bytes;
    s->hinted = s->out != NULL;
    op.flags = s->hinted ? GRPC_WRITE_BUFFER_HINT : 0;
    s->sending = true;
    start(s, &op, 1, SENT);
    grpc_byte_buffer_destroy(o->bytes);
    free(o);
}

static void send_message(struct stream *s, unsigned type, struct bytes payload, struct bytes txid, struct bytes channel)
{
    grpc_slice slice = grpc_slice_malloc(48 + payload.n + txid.n + channel.n);
    struct outgoing *o = malloc(sizeof(*o));
    uint8_t *p = GRPC_SLICE_START_PTR(slice);
    size_t n = 0;

    if (!o)
        abort();
    p[n++] = 8;
    p[n++] = (uint8_t)type;
    if (payload.n)
        n += put_field(p + n, 3, payload);
    if (txid.n)
        n += put_field(p + n, 4, txid);
    if (channel.n)
        n += put_field(p + n, 7, channel);
    GRPC_SLICE_SET_LENGTH(slice, n);
    o->next = NULL;
    o->bytes = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    *s->out_end = o;
    s->out_end = &o->next;
    if (!s->listed) {
        s->listed = true;
        s->next = dirty;
        dirty = s;
    }
}

/* ---- the chaincode ---- */

struct message {
    unsigned type;
    struct bytes payload, txid, channel;
};

static void complete(struct stream *s, const struct message *m, struct bytes result)
{
    uint8_t response[64] = { 8, 200, 1 };
    size_t n = 3;

    if (result.n)
        n += put_field(response + n, 3, result);
    send_message(s, 6, (struct bytes){ response, n }, m->txid, m->channel);
}

static void get_next(struct stream *s, struct transaction *t, const struct message *m)
{
    uint8_t key[96], request[112];
    struct bytes k = { key, t->prefix_len };

    if (t->count == t->left) {
        complete(s, m, (struct bytes){ NULL, 0 });
        return;
    }
    memcpy(key, t->prefix, t->prefix_len);
    k.n += (size_t)snprintf((char *)key + t->prefix_len, 16, "%u", t->count);
    t->wrote = false;
    send_message(s, 8, (struct bytes){ request, put_field(request, 1, k) }, m->txid, m->channel);
}

static void put_back(struct stream *s, struct transaction *t, const struct message *m)
{
    uint8_t key[96], *request = malloc(m->payload.n + 128);
    struct bytes k = { key, t->prefix_len };
    size_t n;

    if (!request)
        abort();
    memcpy(key, t->prefix, t->prefix_len);
    k.n += (size_t)snprintf((char *)key + t->prefix_len, 16, "%u", t->count++);
    n = put_field(request, 1, k);
    n += put_field(request + n, 2, m->payload);
    t->wrote = true;
    send_message(s, 9, (struct bytes){ request, n }, m->txid, m->channel);
    free(request);
}

/* QueryResultBytes { KV { namespace, key, value } }: down to where key and value lie. */
static void take_row(struct transaction *t, struct bytes row)
{
    const uint8_t *p = row.p, *end = row.p + row.n;

    get_varint(&p);
    get_varint(&p);
    while (p < end) {
        uint64_t key = get_varint(&p), len = get_varint(&p);

        if (key >> 3 != 1)
            t->bytes += len;
        p += len;
    }
    t->count++;
}

static void take_page(struct stream *s, struct transaction *t, const struct message *m)
{
    const uint8_t *p = m->payload.p, *end = p + m->payload.n;
    struct bytes id = { NULL, 0 };
    uint8_t request[128];
    bool more = false;

    if (t->closing) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%u", t->count);

        complete(s, m, (struct bytes){ (const uint8_t *)text, (size_t)n });
        return;
    }
    while (p < end) {
        uint64_t key = get_varint(&p), value = get_varint(&p);

        if (key >> 3 == 2)
            more = value != 0;
        if ((key & 7) != 2)
            continue;
        if (key >> 3 == 1)
            take_row(t, (struct bytes){ p, value });
        if (key >> 3 == 3)
            id = (struct bytes){ p, value };
        p += value;
    }
    t->closing = !more;
    send_message(s, more ? 16 : 17, (struct bytes){ request, put_field(request, 1, id) }, m->txid, m->channel);
}

static void begin(struct stream *s, struct transaction *t, const struct message *m)
{
    const uint8_t *p = m->payload.p, *end = p + m->payload.n;
    struct bytes args[3] = { { NULL, 0 } };
    uint8_t request[512];
    size_t n;

    for (unsigned i = 0; p < end && i < 3; i++) {
        get_varint(&p);
        args[i].n = get_varint(&p);
        args[i].p = p;
        p += args[i].n;
    }
    memset(t, 0, offsetof(struct transaction, prefix));
    if (args[0].n == 4) {
        complete(s, m, (struct bytes){ NULL, 0 });
    } else if (args[0].n == 2) {
        t->function = RW;
        for (size_t i = 0; i < args[1].n; i++)
            t->left = t->left * 10 + args[1].p[i] - '0';
        t->prefix_len = args[2].n;
        memcpy(t->prefix, args[2].p, args[2].n);
        get_next(s, t, m);
    } else {
        t->function = RANGE;
        n = put_field(request, 1, args[1]);
        n += put_field(request + n, 2, args[2]);
        send_message(s, 14, (struct bytes){ request, n }, m->txid, m->channel);
    }
}

static void handle(struct stream *s, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    struct message m = { 0 };
    struct transaction *t;
    unsigned slot = 0;

    while (p < end) {
        uint64_t key = get_varint(&p), value = get_varint(&p);
        struct bytes content = { p, value };

        if (key >> 3 == 1)
            m.type = (unsigned)value;
        if ((key & 7) != 2)
            continue;
        if (key >> 3 == 3)
            m.payload = content;
        else if (key >> 3 == 4)
            m.txid = content;
        else if (key >> 3 == 7)
            m.channel = content;
        p += value;
    }
    for (size_t i = 0; i < 4 && i < m.txid.n; i++)
        slot = slot << 4 | (m.txid.p[i] <= '9' ? m.txid.p[i] - (unsigned)'0' : m.txid.p[i] - 'a' + 10u);
    t = &s->transactions[slot % SLOTS];
    if (m.type == 5)
        begin(s, t, &m);
    else if (m.type == 13 && t->function == RANGE)
        take_page(s, t, &m);
    else if (m.type == 13 && t->wrote)
        get_next(s, t, &m);
    else if (m.type == 13)
        put_back(s, t, &m);
}

/* ---- streams ---- */

static void await_call(void)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    for (enum event e = NEW_CALL; e <= CLOSED; e++)
        s->tags[e] = (struct tag){ s, e };
    s->out_end = &s->out;
    if (grpc_server_request_registered_call(server, method, &s->call, &deadline, &metadata, NULL, queue, queue,
                                            &s->tags[NEW_CALL]) != GRPC_CALL_OK)
        abort();
}

static void receive(struct stream *s)
{
    grpc_op op;

    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_RECV_MESSAGE;
    op.data.recv_message.recv_message = &s->in;
    start(s, &op, 1, RECEIVED);
}

static void open_stream(struct stream *s)
{
    const char *id = getenv("CHAINCODE_ID");
    uint8_t payload[512];
    grpc_op op;

    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_SEND_INITIAL_METADATA;
    start(s, &op, 1, STARTED);
    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    op.data.recv_close_on_server.cancelled = &s->cancelled;
    start(s, &op, 1, CLOSED);
    if (!id || strlen(id) > 400)
        id = "bench:0";
    send_message(s, 1,
                 (struct bytes){ payload, put_field(payload, 2, (struct bytes){ (const uint8_t *)id, strlen(id) }) },
                 (struct bytes){ NULL, 0 }, (struct bytes){ NULL, 0 });
    receive(s);
    await_call();
}

static void received(struct stream *s)
{
    grpc_byte_buffer_reader reader;
    grpc_slice *slice, whole;

    if (!s->in)
        return;
    if (s->in->data.raw.slice_buffer.count == 1 && grpc_byte_buffer_reader_init(&reader, s->in)) {
        grpc_byte_buffer_reader_peek(&reader, &slice);
        handle(s, GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice));
        grpc_byte_buffer_reader_destroy(&reader);
    } else if (grpc_byte_buffer_reader_init(&reader, s->in)) {
        whole = grpc_byte_buffer_reader_readall(&reader);
        handle(s, GRPC_SLICE_START_PTR(whole), GRPC_SLICE_LENGTH(whole));
        grpc_slice_unref(whole);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(s->in);
    s->in = NULL;
    if (!s->over)
        receive(s);
}

static void free_if_over(struct stream *s)
{
    if (!s->over || s->pending || s->listed)
        return;
    grpc_call_unref(s->call);
    free(s);
}

static void happened(struct tag *tag, bool ok)
{
    struct stream *s = tag->stream;

    if (tag->event == NEW_CALL) {
        if (!ok)
            exit(1);
        open_stream(s);
        return;
    }
    s->pending--;
    switch (tag->event) {
    case RECEIVED:
        received(s);
        break;
    case SENT:
        s->sending = false;
        if (s->hinted) {
            pump(s); /* gRPC was told that this comes at once */
        } else if (s->out && !s->listed) {
            s->listed = true;
            s->next = dirty;
            dirty = s;
        }
        break;
    case CLOSED:
        s->over = true;
        break;
    default:
        break;
    }
    free_if_over(s);
}

static void flush(void)
{
    struct stream *s = dirty;

    dirty = NULL;
    while (s) {
        struct stream *next = s->next;

        s->listed = false;
        pump(s);
        free_if_over(s);
        s = next;
    }
}

/* ---- life ---- */

static char *contents(const char *variable)
{
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "r") : NULL;
    char *text = calloc(1, 65536);

    if (!file || !text || !fread(text, 1, 65535, file)) {
        fprintf(stderr, "bare_loop: %s names no file\n", variable);
        exit(1);
    }
    fclose(file);
    return text;
}

static grpc_server_credentials *credentials(void)
{
    const char *disabled = getenv("CHAINCODE_TLS_DISABLED");
    grpc_ssl_pem_key_cert_pair pair;

    if (!disabled || strcmp(disabled, "false") != 0)
        return grpc_insecure_server_credentials_create();
    pair.private_key = contents("CHAINCODE_TLS_KEY");
    pair.cert_chain = contents("CHAINCODE_TLS_CERT");
    return grpc_ssl_server_credentials_create_ex(contents("CHAINCODE_CLIENT_CA_CERT"), &pair, 1,
                                                 GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, NULL);
}

int main(void)
{
    const char *address = getenv("CHAINCODE_SERVER_ADDRESS");
    grpc_arg size = { .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH };
    grpc_channel_args args = { 1, &size };
    grpc_server_credentials *creds;

    size.value.integer = MAX_MESSAGE;
    grpc_init();
    queue = grpc_completion_queue_create_for_next(NULL);
    server = grpc_server_create(&args, NULL);
    grpc_server_register_completion_queue(server, queue, NULL);
    method = grpc_server_register_method(server, "/protos.Chaincode/Connect", NULL, GRPC_SRM_PAYLOAD_NONE, 0);
    creds = credentials();
    if (!address || !grpc_server_add_http2_port(server, address, creds)) {
        fprintf(stderr, "bare_loop: cannot listen on CHAINCODE_SERVER_ADDRESS\n");
        return 1;
    }
    grpc_server_start(server);
    grpc_metadata_array_init(&metadata);
    await_call();
    for (;;) {
        grpc_event event = grpc_completion_queue_next(
            queue, dirty ? gpr_inf_past(GPR_CLOCK_MONOTONIC) : gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

        if (event.type == GRPC_OP_COMPLETE)
            happened(event.tag, event.success != 0);
        else if (event.type == GRPC_QUEUE_TIMEOUT)
            flush();
    }
}
