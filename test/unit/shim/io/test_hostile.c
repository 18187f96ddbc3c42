/*
 * Peers that mean harm, or are just unlucky: what they send ends their own stream and nothing else, and a thousand that
 * come and go leave nothing behind.
 */
#include "test/support/chaincode_process.h"

#include "base/buf.h"

#include <errno.h>
#include <sys/time.h>

static fcc_status get(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

static const fcc_function functions[] = { { "get", get, 1 } };
static const fcc_chaincode chaincode = { functions, 1, NULL, NULL, NULL };

/* ---- a bystander: has a transaction under way while others do harm, and ends it afterwards ---- */

static void bystander_begins(struct stream *s, struct process *p)
{
    stream_open(s, p);
    stream_call(s, "tx1", "get", FCC_LIT("k"));
    stream_next(s, TYPE(GET_STATE));
}

static void bystander_ends(struct stream *s)
{
    fcc_bytes answer;

    stream_say(s, TYPE(RESPONSE), "tx1", FCC_LIT("value"));
    answer = stream_completed(s);
    assert_int_equal(answer.len, 5);
    assert_memory_equal(answer.data, "value", 5);
    stream_leave(s);
}

static fcc_bytes many_elements(void)
{
    enum { LEN = 2 * (FCC__WIRE_MAX_ELEMENTS + 1) };
    static uint8_t wire[LEN];

    for (size_t i = 0; i < LEN; i++)
        wire[i] = i % 2 ? 0 : 0x08;
    return fcc_bytes_of(wire, LEN);
}

static void a_hostile_message_ends_its_stream_and_no_other(void **state)
{
    const fcc_bytes hostile[] = {
        FCC_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        FCC_LIT("\x1a\x7f"),
        FCC_LIT("\x0b\x0c"),             /* groups */
        FCC_LIT("\x08\x06\x22\x01\xff"), /* a transaction id that is no text */
        FCC_LIT("\x08\x0d\x22\x06nobody"),
        FCC_LIT("\x08\x01"),
        FCC_LIT("\x08\x63"),
        many_elements(),
    };
    struct process p;
    struct stream bystander;

    process_start(&p);
    bystander_begins(&bystander, &p);
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct stream s;

        stream_open(&s, &p);
        stream_call(&s, "tx1", "get", FCC_LIT("k"));
        stream_next(&s, TYPE(GET_STATE));
        stream_send(&s, hostile[i]);
        stream_wait_closed(&s);
        assert_int_equal(s.code, RPC_UNKNOWN);
        stream_leave(&s);
    }
    bystander_ends(&bystander);
    process_end(&p);
}

/* ---- below gRPC: connections that speak HTTP/2 badly ---- */

static int connect_raw(const struct process *p)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_port = htons((uint16_t)atoi(strchr(p->address, ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void frame(fcc__buf *buf, uint8_t type, uint8_t flags, uint8_t stream, fcc_bytes payload)
{
    const uint8_t head[9] = {
        (uint8_t)(payload.len >> 16), (uint8_t)(payload.len >> 8), (uint8_t)payload.len, type, flags, 0, 0, 0, stream,
    };

    fcc__buf_append(buf, head, sizeof(head));
    fcc__buf_add(buf, payload);
}

static void header(fcc__buf *buf, const char *name, const char *value)
{
    fcc__buf_putc(buf, 0); /* a literal, not indexed */
    fcc__buf_putc(buf, (uint8_t)strlen(name));
    fcc__buf_puts(buf, name);
    fcc__buf_putc(buf, (uint8_t)strlen(value));
    fcc__buf_puts(buf, value);
}

/* A call of Connect whose first message is said to have so many bytes. */
static void write_call(fcc__buf *buf, uint32_t message_len)
{
    const uint8_t prefix[5] = {
        0,
        (uint8_t)(message_len >> 24),
        (uint8_t)(message_len >> 16),
        (uint8_t)(message_len >> 8),
        (uint8_t)message_len,
    };
    fcc__buf headers;

    fcc__buf_init(&headers, 4096);
    header(&headers, ":method", "POST");
    header(&headers, ":scheme", "http");
    header(&headers, ":path", "/protos.Chaincode/Connect");
    header(&headers, ":authority", "localhost");
    header(&headers, "te", "trailers");
    header(&headers, "content-type", "application/grpc");
    fcc__buf_puts(buf, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(buf, 4, 0, 0, NONE);
    frame(buf, 1, 4, 1, fcc__buf_bytes(&headers));
    frame(buf, 0, 0, 1, fcc_bytes_of(prefix, sizeof(prefix)));
    fcc__buf_clear(&headers);
}

/* ---- a message above the limit: the sender obeys HTTP/2's flow control, and nothing else ---- */

struct sender {
    int fd;
    int64_t connection, stream; /* bytes that may be sent */
    int64_t initial;            /* of a stream */
    size_t received;            /* bytes of DATA */
    bool ended;                 /* the server ended the call, or says nothing any more */
};

static uint32_t number_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_all(struct sender *s, fcc_bytes bytes)
{
    while (bytes.len && !s->ended) {
        ssize_t n = send(s->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        s->ended = n <= 0;
        if (n > 0)
            bytes = fcc_bytes_of(bytes.data + n, bytes.len - (size_t)n);
    }
}

static void answer_frame(struct sender *s, uint8_t type, fcc_bytes payload)
{
    fcc__buf buf;

    fcc__buf_init(&buf, 4096);
    frame(&buf, type, 1, 0, payload);
    write_all(s, fcc__buf_bytes(&buf));
    fcc__buf_clear(&buf);
}

static void take_settings(struct sender *s, fcc_bytes settings)
{
    for (size_t at = 0; at + 6 <= settings.len; at += 6) {
        int64_t value = number_at(settings.data + at + 2);

        if (settings.data[at] == 0 && settings.data[at + 1] == 4) {
            s->stream += value - s->initial;
            s->initial = value;
        }
    }
    answer_frame(s, 4, NONE);
}

/* Nothing may come for as long as the socket's patience lasts; of what has begun to come the rest is waited for. */
static bool read_all(struct sender *s, uint8_t *out, size_t len, bool begun)
{
    size_t got = 0;

    for (int tries = 0; got < len;) {
        ssize_t n = recv(s->fd, out + got, len - got, MSG_WAITALL);

        if (n > 0) {
            got += (size_t)n;
        } else if (n == 0 || errno != EAGAIN || !(begun || got) || ++tries == 10) {
            s->ended = true;
            return false;
        }
    }
    return true;
}

/* One frame of the server. */
static void take_frame(struct sender *s)
{
    static uint8_t payload[1 << 24];
    uint8_t head[9];
    uint32_t len;

    if (!read_all(s, head, sizeof(head), false))
        return;
    len = number_at(head) >> 8;
    if (!read_all(s, payload, len, true))
        return;
    switch (head[3]) {
    case 0: /* DATA */
        s->received += len;
        break;
    case 1: /* HEADERS: trailers, when they end the stream */
        s->ended = head[4] & 1;
        break;
    case 3: /* RST_STREAM */
    case 7: /* GOAWAY */
        s->ended = true;
        break;
    case 4:
        if (!(head[4] & 1))
            take_settings(s, fcc_bytes_of(payload, len));
        break;
    case 6:
        if (!(head[4] & 1))
            answer_frame(s, 6, fcc_bytes_of(payload, len));
        break;
    case 8:
        *(head[8] ? &s->stream : &s->connection) += number_at(payload);
        break;
    default:
        break;
    }
}

/* These bytes again and again, as DATA, until the server ends the call or `len` are sent; what is left of `len`. */
static size_t pour(struct sender *s, fcc_bytes bytes, size_t len)
{
    enum { FRAME = 16384 };
    size_t at = 0;
    uint8_t byte;

    while (len && !s->ended) {
        size_t n = bytes.len - at < FRAME ? bytes.len - at : FRAME;
        int64_t window = s->connection < s->stream ? s->connection : s->stream;
        fcc__buf buf;

        if (n > len)
            n = len;
        if (window > 0 && window < (int64_t)n)
            n = (size_t)window;
        if (window <= 0 || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
            take_frame(s);
            continue;
        }
        fcc__buf_init(&buf, FRAME + 16);
        frame(&buf, 0, 0, 1, fcc_bytes_of(bytes.data + at, n));
        write_all(s, fcc__buf_bytes(&buf));
        fcc__buf_clear(&buf);
        s->connection -= (int64_t)n;
        s->stream -= (int64_t)n;
        len -= n;
        at = (at + n) % bytes.len;
    }
    return len;
}

static void a_message_above_the_limit_ends_its_stream_and_costs_nothing_afterwards(void **state)
{
    enum { KEPT_KIB = 5000 };
    static const uint8_t zeros[16384];
    struct sender s = { .connection = 65535 - 5, .stream = 65535 - 5, .initial = 65535 }; /* the prefix is sent */
    struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
    struct process p;
    struct stream bystander;
    fcc__buf buf;
    long start, kept;

    process_start(&p);
    bystander_begins(&bystander, &p);
    start = process_kib(&p, "RssAnon");
    s.fd = connect_raw(&p);
    assert_int_equal(setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    fcc__buf_init(&buf, 4096);
    write_call(&buf, RPC_MAX_MESSAGE + 1);
    write_all(&s, fcc__buf_bytes(&buf));
    pour(&s, fcc_bytes_of(zeros, sizeof(zeros)), RPC_MAX_MESSAGE + 1);
    while (!s.ended)
        take_frame(&s);
    close(s.fd);
    fcc__buf_clear(&buf);
    kept = process_kib(&p, "RssAnon") - start;
    for (int i = 0; i < PATIENCE_MS / 100 && kept > KEPT_KIB && !UNDER_SANITIZER; i++) {
        rpc_loop_poll(p.loop, 100);
        kept = process_kib(&p, "RssAnon") - start;
    }
    printf("# kept %ld KiB\n", kept);
    assert_true(kept <= KEPT_KIB || UNDER_SANITIZER);
    bystander_ends(&bystander);
    process_end(&p);
}

/* ---- a peer that sends and does not read ---- */

enum { ECHO_BYTES = 1024 * 1024 };

/* KEEPALIVE with a payload, as gRPC frames it: a chaincode sends it back. */
static fcc_bytes large_keepalive(void)
{
    static uint8_t wire[5 + 2 + 4 + ECHO_BYTES];
    const uint8_t head[] = { 0, 0, (ECHO_BYTES + 6) >> 16, 0, 6, 0x08, TYPE(KEEPALIVE), 0x1a, 0x80, 0x80, 0x40 };

    memcpy(wire, head, sizeof(head));
    return fcc_bytes_of(wire, sizeof(wire));
}

/* The server may send so many bytes more. */
static void make_room(struct sender *s, uint32_t bytes)
{
    const uint8_t more[4] = { (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes };
    fcc__buf buf;

    fcc__buf_init(&buf, 64);
    frame(&buf, 8, 0, 0, fcc_bytes_of(more, sizeof(more)));
    frame(&buf, 8, 0, 1, fcc_bytes_of(more, sizeof(more)));
    write_all(s, fcc__buf_bytes(&buf));
    fcc__buf_clear(&buf);
}

static void a_peer_that_does_not_read_is_not_read_from_until_it_does(void **state)
{
    enum { MESSAGES = 400, MOST_KIB = 250 * 1024 };
    const fcc_bytes keepalive = large_keepalive();
    struct sender s = { .connection = 65535, .stream = 65535, .initial = 65535 };
    struct timeval patience = { .tv_sec = 2 }; /* too little of it lets the test pass too easily */
    struct process p;
    struct stream bystander;
    fcc__buf buf;
    size_t left, expected;
    long start, more;

    process_start(&p);
    bystander_begins(&bystander, &p);
    start = process_kib(&p, "RssAnon");
    s.fd = connect_raw(&p);
    assert_int_equal(setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    fcc__buf_init(&buf, 4096);
    write_call(&buf, 0);
    write_all(&s, fcc_bytes_of(buf.data, buf.len - 5 - 9)); /* all but the message */
    left = pour(&s, keepalive, MESSAGES * keepalive.len);
    more = process_kib(&p, "RssAnon") - start;
    printf("# %zu MiB not taken, %ld KiB more\n", left >> 20, more);
    assert_true(left > 0);
    assert_true(more < MOST_KIB || UNDER_SANITIZER);

    patience.tv_sec = PATIENCE_MS / 1000;
    assert_int_equal(setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    s.ended = false;
    make_room(&s, 1u << 30);
    pour(&s,
         fcc_bytes_of(keepalive.data + (keepalive.len - left % keepalive.len) % keepalive.len,
                      left % keepalive.len ? left % keepalive.len : keepalive.len),
         left % keepalive.len);
    expected = (MESSAGES - left / keepalive.len) * keepalive.len;
    while (s.received < expected && !s.ended)
        take_frame(&s);
    assert_true(s.received >= expected);
    close(s.fd);
    fcc__buf_clear(&buf);
    bystander_ends(&bystander);
    process_end(&p);
}

static void connections_that_speak_no_grpc_harm_nobody(void **state)
{
    struct process p;
    struct stream bystander;
    fcc__buf call;

    process_start(&p);
    bystander_begins(&bystander, &p);
    fcc__buf_init(&call, 4096);
    write_call(&call, 10);
    for (size_t len = 0; len < call.len; len += 3) { /* cut off anywhere */
        int fd = connect_raw(&p);

        assert_int_equal(send(fd, call.data, len, MSG_NOSIGNAL), len);
        close(fd);
    }
    for (size_t at = 0; at < call.len; at += 2) { /* altered anywhere */
        int fd = connect_raw(&p);

        call.data[at] ^= 0x55;
        assert_int_equal(send(fd, call.data, call.len, MSG_NOSIGNAL), call.len);
        call.data[at] ^= 0x55;
        close(fd);
    }
    fcc__buf_clear(&call);
    bystander_ends(&bystander);
    process_end(&p);
}

/* ---- coming and going ---- */

static void come_and_go(struct process *p)
{
    struct process again = *p;
    struct stream s;

    assert_int_equal(rpc_channel_new(p->loop, p->address, NULL, &again.channel, NULL), FCC_OK);
    stream_open(&s, &again);
    stream_call(&s, "tx1", "get", FCC_LIT("k"));
    stream_next(&s, TYPE(GET_STATE));
    stream_leave(&s);
    rpc_channel_free(again.channel);
}

/* Until no more than this many files are open. */
static size_t settled_fds(struct process *p, size_t limit)
{
    size_t n = process_fds(p);

    for (int i = 0; i < PATIENCE_MS / 10 && n > limit; i++) {
        rpc_loop_poll(p->loop, 10);
        n = process_fds(p);
    }
    return n;
}

static void a_thousand_peers_that_come_and_go_leave_nothing_behind(void **state)
{
    enum { PEERS = 1000, WARM = 100, KEPT_KIB = 2048 };
    struct process p;
    struct stream bystander;
    size_t fds = 0;
    long kib = 0, kept;

    process_start(&p);
    bystander_begins(&bystander, &p);
    fds = process_fds(&p);
    for (int i = 0; i < PEERS; i++) {
        come_and_go(&p);
        if (i == WARM)
            kib = process_kib(&p, "RssAnon");
    }
    assert_true(settled_fds(&p, fds) <= fds); /* fewer, where something of its start was still open */
    kept = process_kib(&p, "RssAnon") - kib;
    for (int i = 0; i < PATIENCE_MS / 100 && kept >= KEPT_KIB && !UNDER_SANITIZER;
         i++) { /* the last are let go of late */
        rpc_loop_poll(p.loop, 100);
        kept = process_kib(&p, "RssAnon") - kib;
    }
    printf("# %d more peers: %ld KiB\n", PEERS - WARM, kept);
    if (!UNDER_SANITIZER) /* which keeps freed memory */
        assert_true(kept < KEPT_KIB);
    bystander_ends(&bystander);
    process_end(&p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hostile_message_ends_its_stream_and_no_other),
        cmocka_unit_test(a_message_above_the_limit_ends_its_stream_and_costs_nothing_afterwards),
        cmocka_unit_test(a_peer_that_does_not_read_is_not_read_from_until_it_does),
        cmocka_unit_test(connections_that_speak_no_grpc_harm_nobody),
        cmocka_unit_test(a_thousand_peers_that_come_and_go_leave_nothing_behind),
    };
    int status = chaincode_process_main(argc, argv, &chaincode);

    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
