/*
 * HTTP/2 pings, seen by a client that is only a socket: it may ping as often as the server says, and one that does not
 * answer the server's is dead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rpc/rpc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SETTINGS = 4, PING = 6, GOAWAY = 7, ACK = 1, PATIENCE_MS = 60000 };

static const rpc_events *refuse(rpc_call *call, void *ctx, void **call_ctx)
{
    return NULL;
}

static void give_up(void *ctx)
{
    *(bool *)ctx = true;
}

struct raw {
    rpc_loop *loop;
    rpc_server *server;
    int fd;
    uint8_t in[65536];
    size_t len;
    bool ended;
};

static void put_frame(struct raw *r, uint8_t type, uint8_t flags, size_t len)
{
    uint8_t frame[9 + 8] = { 0, 0, (uint8_t)len, type, flags };

    assert_int_equal(send(r->fd, frame, 9 + len, MSG_NOSIGNAL), (ssize_t)(9 + len));
}

static void open_raw(struct raw *r, const rpc_keepalive *keepalive)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int port;

    memset(r, 0, sizeof(*r));
    assert_int_equal(rpc_loop_new(&r->loop, NULL), FCC_OK);
    assert_int_equal(rpc_server_new_with(r->loop, keepalive, &r->server, NULL), FCC_OK);
    assert_int_equal(rpc_server_method(r->server, "/a.B/C", refuse, NULL), FCC_OK);
    assert_int_equal(rpc_server_listen(r->server, "127.0.0.1:0", NULL, &port, NULL), FCC_OK);
    assert_int_equal(rpc_server_start(r->server), FCC_OK);
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(r->fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(fcntl(r->fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(send(r->fd, preface, sizeof(preface) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(preface) - 1);
    put_frame(r, SETTINGS, 0, 0);
    put_frame(r, SETTINGS, ACK, 0);
}

static void close_raw(struct raw *r)
{
    close(r->fd);
    rpc_server_free(r->server);
    rpc_loop_free(r->loop);
}

static void read_some(struct raw *r)
{
    ssize_t n;

    rpc_loop_poll(r->loop, 5);
    n = recv(r->fd, r->in + r->len, sizeof(r->in) - r->len, 0);
    if (n > 0)
        r->len += (size_t)n;
    else if (n == 0)
        r->ended = true;
}

/* Frames of this type and these flags so far; `text` must be in the last of them, unless NULL. */
static size_t count_frames(const struct raw *r, uint8_t type, uint8_t flags, const char *text)
{
    size_t count = 0, at = 0;

    while (at + 9 <= r->len) {
        size_t len = (size_t)r->in[at] << 16 | (size_t)r->in[at + 1] << 8 | r->in[at + 2];

        if (at + 9 + len > r->len)
            break;
        if (r->in[at + 3] == type && r->in[at + 4] == flags &&
            (!text || memmem(r->in + at + 9, len, text, strlen(text))))
            count++;
        at += 9 + len;
    }
    return count;
}

static void a_client_may_ping_as_often_as_the_server_says_and_no_faster(void **state)
{
    for (int strict = 0; strict < 2; strict++) {
        const rpc_keepalive keepalive = { .ping_ms = 3600000, .timeout_ms = 20000, .accept_ms = strict ? 10000 : 1 };
        struct raw r;
        bool late = false;
        rpc_timer *timer;
        size_t answered = 0;

        open_raw(&r, &keepalive);
        timer = rpc_timer_start(r.loop, PATIENCE_MS, give_up, &late);
        while (answered < 6 && !r.ended && !late && !count_frames(&r, GOAWAY, 0, NULL)) {
            put_frame(&r, PING, 0, 8);
            while (count_frames(&r, PING, ACK, NULL) == answered && !count_frames(&r, GOAWAY, 0, NULL) && !r.ended &&
                   !late)
                read_some(&r);
            answered = count_frames(&r, PING, ACK, NULL);
            usleep(5000); /* slower than every millisecond, faster than every ten seconds */
        }
        assert_false(late);
        assert_int_equal(count_frames(&r, GOAWAY, 0, "too_many_pings"), strict);
        assert_true(strict || answered == 6);
        rpc_timer_cancel(timer);
        close_raw(&r);
    }
}

static void a_connection_whose_other_side_does_not_answer_pings_is_closed(void **state)
{
    const rpc_keepalive keepalive = { .ping_ms = 100, .timeout_ms = 100, .accept_ms = 10000 };
    struct raw r;
    bool late = false;
    rpc_timer *timer;

    open_raw(&r, &keepalive);
    timer = rpc_timer_start(r.loop, PATIENCE_MS, give_up, &late);
    while (!r.ended && !late)
        read_some(&r);
    assert_false(late);
    assert_true(count_frames(&r, PING, 0, NULL) > 0);
    rpc_timer_cancel(timer);
    close_raw(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_may_ping_as_often_as_the_server_says_and_no_faster),
        cmocka_unit_test(a_connection_whose_other_side_does_not_answer_pings_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
