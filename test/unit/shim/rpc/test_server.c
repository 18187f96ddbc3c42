/* Servers and who connects to them: not there yet, not there, ending, with TLS. */
#include "test/unit/shim/rpc/fixture.h"
#include "test/support/certs.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void nobody_listening_is_unavailable_at_once(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel;
    rpc_reply reply;

    rpc_server_free(f->server);
    f->server = NULL;
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    assert_true(reply.message.len > 0);
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
}

static void a_call_can_wait_for_its_server(void **state)
{
    struct fixture *f = *state;
    rpc_server *first;
    rpc_channel *channel;
    rpc_call *call;
    struct client c = { 0 };
    fcc_error error;

    /* a port that was free a moment ago */
    serve(f, NULL);
    rpc_server_free(f->server);
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_open(channel, echo_path, 20000, true, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("early"));
    rpc_half_close(call);
    rpc_loop_poll(f->loop, 50);
    assert_false(c.closed);
    assert_int_equal(rpc_server_new(f->loop, &first, &error), FCC_OK);
    assert_int_equal(rpc_server_method(first, echo_path, accept_echo, f), FCC_OK);
    assert_int_equal(rpc_server_listen(first, f->address, NULL, NULL, &error), FCC_OK);
    assert_int_equal(rpc_server_start(first), FCC_OK);
    f->server = first;
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 1);
    rpc_channel_free(channel);
}

static void a_taken_port_is_an_error_that_names_it(void **state)
{
    struct fixture *f = *state;
    rpc_server *second;
    fcc_error error;

    assert_int_equal(rpc_server_new(f->loop, &second, &error), FCC_OK);
    assert_int_equal(rpc_server_listen(second, f->address, NULL, NULL, &error), FCC_ERR_IO);
    assert_non_null(strstr(error.text, f->address));
    assert_non_null(strstr(error.text, "in use"));
    assert_int_equal(rpc_server_listen(second, "no port here", NULL, NULL, &error), FCC_ERR_IO);
    assert_non_null(strstr(error.text, "no port here"));
    rpc_server_free(second);
}

static void connections_that_say_nothing_leave_room_for_others(void **state)
{
    enum { CROWD = 200, FEW = 64 };
    struct fixture *f = *state;
    struct rlimit before, few;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    rpc_channel *channel;
    rpc_server *server;
    rpc_reply reply;
    fcc_error error;
    int crowd[CROWD], port;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    if (before.rlim_max < 4 * CROWD)
        skip(); /* whoever started this allows no more */
    few = (struct rlimit){ FEW, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(rpc_server_new(f->loop, &server, &error), FCC_OK);
    assert_int_equal(rpc_server_method(server, reverse_path, accept_reverse, f), FCC_OK);
    assert_int_equal(rpc_server_listen(server, "127.0.0.1:0", NULL, &port, &error), FCC_OK);
    assert_int_equal(rpc_server_start(server), FCC_OK);
    to.sin_port = htons((uint16_t)port);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(crowd[i] >= 0);
        assert_int_equal(connect(crowd[i], (struct sockaddr *)&to, sizeof(to)), 0);
        rpc_loop_poll(f->loop, 0);
    }
    for (int i = 0; i < 20; i++)
        rpc_loop_poll(f->loop, 10);
    f->port = port;
    snprintf(f->address, sizeof(f->address), "127.0.0.1:%d", port);
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("abc"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_OK);
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    rpc_server_free(server);
    setrlimit(RLIMIT_NOFILE, &before);
}

static void a_draining_server_lets_calls_end(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL), *late;
    struct client c = { 0 };
    bool drained = false;
    rpc_call *call;
    rpc_reply reply;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("one"));
    while (c.messages < 1)
        rpc_loop_poll(f->loop, 5);
    rpc_server_drain(f->server, set_flag, &drained);
    late = connect_to(f, NULL);
    assert_int_equal(rpc_unary(late, reverse_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    rpc_send(call, FCC_LIT("two"));
    while (c.messages < 2)
        rpc_loop_poll(f->loop, 5);
    assert_false(drained);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    wait_for(f->loop, &drained);
    rpc_channel_free(late);
    rpc_channel_free(channel);
}

static void draining_an_idle_server_is_done_at_once(void **state)
{
    struct fixture *f = *state;
    bool drained = false;

    rpc_server_drain(f->server, set_flag, &drained);
    wait_for(f->loop, &drained);
}

static rpc_reply try_tls(struct fixture *f, const rpc_tls *tls)
{
    rpc_channel *channel = connect_to(f, tls);
    rpc_reply reply;

    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("tls"), 10000, &reply), FCC_OK);
    rpc_channel_free(channel);
    return reply;
}

static void tls_is_verified_by_address_or_by_name(void **state)
{
    struct fixture *f = *state;
    test_cert ca = test_cert_make("ca", NULL), other_ca = test_cert_make("other", NULL);
    test_cert server = test_cert_make("peer0.test", &ca);
    rpc_tls server_tls = { .cert = server.cert_pem, .key = server.key_pem };
    rpc_tls by_address = { .ca = ca.cert_pem }, by_name = { .ca = ca.cert_pem, .server_name = "peer0.test" };
    rpc_tls wrong_name = { .ca = ca.cert_pem, .server_name = "peer1.test" }, wrong_ca = { .ca = other_ca.cert_pem };
    rpc_reply reply;

    serve(f, &server_tls);
    reply = try_tls(f, &by_address);
    assert_int_equal(reply.code, RPC_OK);
    assert_true(fcc_bytes_equal(reply.body, FCC_LIT("slt")));
    rpc_reply_clear(&reply);
    reply = try_tls(f, &by_name);
    assert_int_equal(reply.code, RPC_OK);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &wrong_name);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &wrong_ca);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, NULL);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    test_cert_clear(&ca);
    test_cert_clear(&other_ca);
    test_cert_clear(&server);
}

static void with_a_client_ca_only_its_clients_are_let_in(void **state)
{
    struct fixture *f = *state;
    test_cert ca = test_cert_make("ca", NULL), other_ca = test_cert_make("other", NULL);
    test_cert server = test_cert_make("peer0.test", &ca), client = test_cert_make("client", &ca);
    test_cert stranger = test_cert_make("stranger", &other_ca);
    rpc_tls server_tls = { .cert = server.cert_pem, .key = server.key_pem, .ca = ca.cert_pem };
    rpc_tls good = { .cert = client.cert_pem, .key = client.key_pem, .ca = ca.cert_pem };
    rpc_tls none = { .ca = ca.cert_pem };
    rpc_tls bad = { .cert = stranger.cert_pem, .key = stranger.key_pem, .ca = ca.cert_pem };
    rpc_reply reply;

    serve(f, &server_tls);
    reply = try_tls(f, &none);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &bad);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &good);
    assert_int_equal(reply.code, RPC_OK);
    rpc_reply_clear(&reply);
    test_cert_clear(&ca);
    test_cert_clear(&other_ca);
    test_cert_clear(&server);
    test_cert_clear(&client);
    test_cert_clear(&stranger);
}

static void tls_without_its_files_is_a_configuration_error(void **state)
{
    struct fixture *f = *state;
    rpc_tls empty = { .server_name = NULL };
    rpc_channel *channel;
    rpc_server *server;
    fcc_error error;

    assert_int_equal(rpc_channel_new(f->loop, "127.0.0.1:1", &empty, &channel, &error), FCC_ERR_CONFIG);
    assert_int_equal(rpc_server_new(f->loop, &server, &error), FCC_OK);
    assert_int_equal(rpc_server_listen(server, "127.0.0.1:0", &empty, NULL, &error), FCC_ERR_CONFIG);
    rpc_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_listening_is_unavailable_at_once, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_call_can_wait_for_its_server, setup, teardown),
        cmocka_unit_test_setup_teardown(a_taken_port_is_an_error_that_names_it, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(connections_that_say_nothing_leave_room_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_draining_server_lets_calls_end, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(draining_an_idle_server_is_done_at_once, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(tls_is_verified_by_address_or_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(with_a_client_ca_only_its_clients_are_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_without_its_files_is_a_configuration_error, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
