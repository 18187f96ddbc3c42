/*
 * A chaincode process as a server, talked to over gRPC as a peer does: plaintext, mutual TLS, several peers, signals.
 */
#include "test/unit/shim/io/process.h"

static void two_peers_are_served_and_a_signal_ends_the_process_when_its_transactions_have(void **state)
{
    struct fixture f;
    struct peer a, b;

    start(&f, NULL);
    connect_peer(&a, f.loop, f.channel);
    connect_peer(&b, f.loop, f.channel);
    make_ready(&a);
    make_ready(&b);
    call_function(&a, "tx1", "echo", "to a");
    call_function(&b, "tx1", "echo", "to b");
    wait_for_messages(&a, 2);
    wait_for_messages(&b, 2);
    expect_payload(&a, 1, "to a");
    expect_payload(&b, 1, "to b");

    call_function(&a, "tx2", "get", "k");
    wait_for_messages(&a, 3);
    assert_int_equal(a.got[2]->type, TYPE(GET_STATE));
    kill(f.pid, SIGTERM);
    /* on both streams new ones are refused until the last one that runs has ended */
    for (unsigned n = 0; b.count == 2; n++) {
        char tx_id[16];

        snprintf(tx_id, sizeof(tx_id), "late%u", n);
        call_function(&b, tx_id, "echo", "");
        wait_for_messages(&b, 3);
        if (b.got[2]->type == TYPE(COMPLETED)) /* the signal had not come yet */
            b.count = 2;
    }
    assert_int_equal(b.got[2]->type, TYPE(ERROR));
    assert_true(fcc_bytes_equal(fcc__of_pb(b.got[2]->payload),
                                FCC_LIT("E-DRAIN-01 the chaincode is shutting down: retry on another endorser")));
    call_function(&a, "tx3", "echo", "");
    wait_for_messages(&a, 4);
    assert_int_equal(a.got[3]->type, TYPE(ERROR));
    assert_false(a.closed || b.closed);
    say(&a, TYPE(RESPONSE), "tx2", FCC_LIT("value"));
    wait_for_messages(&a, 5);
    expect_payload(&a, 4, "value");
    wait_for_messages(&a, 6);
    wait_for_messages(&b, 4);
    assert_true(a.closed && b.closed);
    assert_int_equal(a.code, RPC_UNAVAILABLE);
    assert_int_equal(b.code, RPC_UNAVAILABLE);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(a.arena);
    fcc__arena_free(b.arena);
    finish(&f);
}

static void a_broken_conversation_ends_its_stream_and_no_other(void **state)
{
    struct fixture f;
    struct peer bad, good;

    start(&f, NULL);
    connect_peer(&bad, f.loop, f.channel);
    connect_peer(&good, f.loop, f.channel);
    make_ready(&bad);
    make_ready(&good);
    say(&bad, TYPE(READY), "", fcc_bytes_of(NULL, 0));
    wait_for_messages(&bad, 3);
    assert_true(bad.closed);
    assert_int_equal(bad.code, RPC_UNKNOWN);
    assert_string_equal(bad.message,
                        "error handling message: [] Chaincode h cannot handle message (READY) while in state: ready");
    assert_int_equal(bad.got[1]->type, TYPE(ERROR));
    call_function(&good, "tx1", "echo", "still here");
    wait_for_messages(&good, 2);
    expect_payload(&good, 1, "still here");
    kill(f.pid, SIGINT);
    wait_for_messages(&good, 3);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(bad.arena);
    fcc__arena_free(good.arena);
    finish(&f);
}

static void a_transaction_that_does_not_end_is_given_up_after_the_time_to_drain(void **state)
{
    struct fixture f;
    struct peer p;

    setenv("CHAINCODE_DRAIN_SECONDS", "0", 1);
    start(&f, NULL);
    unsetenv("CHAINCODE_DRAIN_SECONDS");
    connect_peer(&p, f.loop, f.channel);
    make_ready(&p);
    call_function(&p, "tx1", "get", "k");
    wait_for_messages(&p, 2);
    kill(f.pid, SIGTERM);
    wait_for_messages(&p, 4);
    assert_true(p.closed);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(p.arena);
    finish(&f);
}

static void a_keepalive_message_comes_straight_back(void **state)
{
    struct fixture f;
    struct peer p;

    start(&f, NULL);
    connect_peer(&p, f.loop, f.channel);
    wait_for_messages(&p, 1);
    say(&p, TYPE(KEEPALIVE), "", fcc_bytes_of(NULL, 0)); /* in any state */
    wait_for_messages(&p, 2);
    assert_int_equal(p.got[1]->type, TYPE(KEEPALIVE));
    make_ready(&p);
    say(&p, TYPE(KEEPALIVE), "some id", FCC_LIT("some payload"));
    wait_for_messages(&p, 3);
    assert_int_equal(p.got[2]->type, TYPE(KEEPALIVE));
    assert_true(fcc_bytes_equal(fcc__of_pb(p.got[2]->txid), FCC_LIT("some id")));
    assert_true(fcc_bytes_equal(fcc__of_pb(p.got[2]->payload), FCC_LIT("some payload")));
    expect_echo(&p, "tx1");
    kill(f.pid, SIGTERM);
    wait_for_messages(&p, 5);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(p.arena);
    finish(&f);
}

static void a_dead_stream_ends_its_own_calls_and_no_others(void **state)
{
    struct fixture f;
    struct peer dead, good;

    start(&f, NULL);
    connect_peer(&dead, f.loop, f.channel);
    connect_peer(&good, f.loop, f.channel);
    make_ready(&dead);
    make_ready(&good);
    call_function(&dead, "tx1", "get", "k");
    call_function(&good, "tx1", "get", "k");
    wait_for_messages(&dead, 2);
    wait_for_messages(&good, 2);
    rpc_cancel(dead.call);
    wait_for_messages(&dead, 3);
    assert_true(dead.closed);
    for (unsigned n = 0;; n++) { /* until the process has seen it, too */
        char tx_id[16];

        snprintf(tx_id, sizeof(tx_id), "lost%u", n);
        call_function(&good, tx_id, "lost", "");
        wait_for_messages(&good, 3);
        if (fcc_bytes_equal(fcc__of_pb(good.got[2]->payload), FCC_LIT("\x08\xc8\x01\x1a\x01"
                                                                      "1")))
            break;
        expect_payload(&good, 2, "0");
        good.count = 2;
    }
    say(&good, TYPE(RESPONSE), "tx1", FCC_LIT("value"));
    wait_for_messages(&good, 4);
    expect_payload(&good, 3, "value");
    kill(f.pid, SIGTERM);
    wait_for_messages(&good, 5);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(dead.arena);
    fcc__arena_free(good.arena);
    finish(&f);
}

static void with_a_client_ca_only_its_clients_are_served(void **state)
{
    test_cert ca = test_cert_make("ca", NULL), server = test_cert_make("cc", &ca), client = test_cert_make("peer", &ca);
    test_cert other_ca = test_cert_make("other", NULL), stranger = test_cert_make("peer", &other_ca);
    rpc_tls tls = { .cert = client.cert_pem, .key = client.key_pem, .ca = ca.cert_pem, .server_name = "cc" };
    rpc_tls without = { .ca = ca.cert_pem, .server_name = "cc" };
    rpc_tls strange = { .cert = stranger.cert_pem, .key = stranger.key_pem, .ca = ca.cert_pem, .server_name = "cc" };
    const rpc_tls *const refused[] = { &without, &strange, NULL };
    char key[64], cert[64], client_ca[64];
    struct fixture f;
    struct peer p;

    write_pem(key, sizeof(key), "key", server.key_pem);
    write_pem(cert, sizeof(cert), "cert", server.cert_pem);
    write_pem(client_ca, sizeof(client_ca), "ca", ca.cert_pem);
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    setenv("CHAINCODE_TLS_KEY", key, 1);
    setenv("CHAINCODE_TLS_CERT", cert, 1);
    setenv("CHAINCODE_CLIENT_CA_CERT", client_ca, 1);
    start(&f, &tls);
    connect_peer(&p, f.loop, f.channel);
    make_ready(&p);
    call_function(&p, "tx1", "echo", "over TLS");
    wait_for_messages(&p, 2);
    expect_payload(&p, 1, "over TLS");
    for (size_t i = 0; i < 3; i++) { /* without a certificate, with a stranger's, without TLS */
        rpc_channel *channel;
        struct peer q = { .loop = f.loop, .arena = p.arena };

        assert_int_equal(rpc_channel_new(f.loop, f.address, refused[i], &channel, NULL), FCC_OK);
        assert_int_equal(rpc_open(channel, "/protos.Chaincode/Connect", PATIENCE_MS, false, &events, &q, &q.call),
                         FCC_OK);
        wait_for_messages(&q, 1);
        assert_true(q.closed);
        assert_int_equal(q.code, RPC_UNAVAILABLE);
        rpc_channel_free(channel);
    }
    kill(f.pid, SIGTERM);
    wait_for_messages(&p, 3);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(p.arena);
    finish(&f);
    unsetenv("CHAINCODE_TLS_DISABLED");
    unlink(key);
    unlink(cert);
    unlink(client_ca);
    test_cert_clear(&ca);
    test_cert_clear(&server);
    test_cert_clear(&client);
    test_cert_clear(&other_ca);
    test_cert_clear(&stranger);
}

static void an_address_in_use_ends_the_process_with_status_1(void **state)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char address[32];

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(a.sin_port));
    setenv("CHAINCODE_SERVER_ADDRESS", address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    assert_int_equal(wait_for(start_process(NULL)), 1);
    close(fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_are_served_and_a_signal_ends_the_process_when_its_transactions_have),
        cmocka_unit_test(a_broken_conversation_ends_its_stream_and_no_other),
        cmocka_unit_test(a_transaction_that_does_not_end_is_given_up_after_the_time_to_drain),
        cmocka_unit_test(a_keepalive_message_comes_straight_back),
        cmocka_unit_test(a_dead_stream_ends_its_own_calls_and_no_others),
        cmocka_unit_test(with_a_client_ca_only_its_clients_are_served),
        cmocka_unit_test(an_address_in_use_ends_the_process_with_status_1),
    };

    if (getenv(chaincode_role))
        return fcc_main(argc, argv, &chaincode);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
