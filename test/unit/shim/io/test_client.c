/* A chaincode process as a peer's client: registration, TLS, and what it does when the peer goes away or refuses it. */
#include "test/unit/shim/io/process.h"

#include "io/client.h"

static char log_path[] = "/tmp/fcc-client-log-XXXXXX";

static int make_log(void **state)
{
    close(mkstemp(log_path));
    setenv("CORE_PEER_TLS_ENABLED", "false", 1);
    return 0;
}

static int remove_log(void **state)
{
    return unlink(log_path);
}

static bool logged(const char *word)
{
    char line[4096];
    FILE *f = fopen(log_path, "r");
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f))
        found = strstr(line, word) != NULL;
    if (f)
        fclose(f);
    return found;
}

static void wait_for_log(struct peer *p, const char *word)
{
    bool late = false;
    rpc_timer *timer = rpc_timer_start(p->loop, PATIENCE_MS, give_up, &late);

    while (!logged(word) && !late)
        rpc_loop_poll(p->loop, 20);
    if (late)
        fail_msg("never logged: %s", word);
    rpc_timer_cancel(timer);
}

static void end_process(struct peer *p, pid_t pid)
{
    size_t before = p->count;

    kill(pid, SIGTERM);
    wait_for_messages(p, before + 1);
    assert_int_equal(wait_for(pid), 0);
}

static void pauses_grow_to_ten_seconds_and_are_spread(void **state)
{
    for (unsigned failures = 1; failures < 100; failures++) {
        int64_t most = failures < 6 ? 200 << failures : 10000;

        assert_int_equal(fcc__backoff_ms(failures, 0), 200);
        assert_int_equal(fcc__backoff_ms(failures, (uint64_t)(most - 200)), most);
        assert_int_equal(fcc__backoff_ms(failures, (uint64_t)(most - 199)), 200);
    }
    assert_int_equal(fcc__backoff_ms(1000000000, 9800), 10000);
}

static void it_registers_and_echoes_keepalives(void **state)
{
    struct peer p = { 0 };
    int port = 0;
    rpc_server *server = start_peer(&p, &port, NULL);
    pid_t pid = start_client(port, log_path);

    wait_for_messages(&p, 1);
    say(&p, TYPE(KEEPALIVE), "", fcc_bytes_of(NULL, 0));
    wait_for_messages(&p, 2);
    assert_int_equal(p.got[1]->type, TYPE(KEEPALIVE));
    make_ready(&p);
    expect_echo(&p, "tx1");
    end_process(&p, pid);
    end_peer(&p, server);
}

static void after_each_restart_of_its_peer_it_is_back_and_waiting_calls_have_failed(void **state)
{
    struct peer p = { 0 };
    int port = 0;
    rpc_server *server = start_peer(&p, &port, NULL);
    pid_t pid = start_client(port, log_path);

    for (int restarts = 0;; restarts++) {
        static const char *const counts[] = { "0", "1", "2", "3" };

        make_ready(&p);
        expect_echo(&p, "tx1");
        call_function(&p, "tx2", "lost", "");
        wait_for_messages(&p, 3);
        expect_payload(&p, 2, counts[restarts]);
        if (restarts == 3)
            break;
        call_function(&p, "tx3", "get", "k");
        wait_for_messages(&p, 4);
        assert_int_equal(p.got[3]->type, TYPE(GET_STATE));
        rpc_server_free(server);
        server = start_peer(&p, &port, NULL);
    }
    assert_true(logged("next try in "));
    end_process(&p, pid);
    end_peer(&p, server);
}

static void a_peer_that_does_not_take_the_registration_is_tried_again(void **state)
{
    struct peer p = { 0 };
    int port = 0;
    rpc_server *server = start_peer(&p, &port, NULL);
    pid_t pid = start_client(port, log_path);

    wait_for_messages(&p, 1);
    rpc_finish(p.call, RPC_OK, fcc_bytes_of(NULL, 0), fcc_bytes_of(NULL, 0));
    wait_for_messages(&p, 2);
    assert_true(p.closed);
    p.closed = false;
    p.count = 0;
    make_ready(&p);
    expect_echo(&p, "tx1");
    assert_true(logged("the peer did not take the registration of \\\"cc:01\\\""));
    end_process(&p, pid);
    end_peer(&p, server);
}

static void a_peer_that_does_not_end_a_broken_stream_is_left_for_a_new_one(void **state)
{
    struct peer p = { .stays = true };
    int port = 0;
    rpc_server *server = start_peer(&p, &port, NULL);
    pid_t pid = start_client(port, log_path);

    make_ready(&p);
    say(&p, TYPE(READY), "", fcc_bytes_of(NULL, 0));
    wait_for_messages(&p, 2);
    assert_int_equal(p.got[1]->type, TYPE(ERROR));
    wait_for_messages(&p, 3);
    assert_true(p.closed);
    p.closed = false;
    p.count = 0;
    make_ready(&p);
    expect_echo(&p, "tx1");
    p.stays = false;
    end_process(&p, pid);
    end_peer(&p, server);
}

/* A server that sends away whoever connects, in the way of Go's when it was pinged too often. */
static void send_away(int listener)
{
    static const uint8_t settings[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };
    static const char calm[] = "\0\0\x16\x07\0\0\0\0\0\0\0\0\x01\0\0\0\x0btoo_many_pings";
    char greeting[24];
    int fd = accept(listener, NULL, NULL);

    assert_true(fd >= 0);
    assert_int_equal(recv(fd, greeting, sizeof(greeting), MSG_WAITALL), sizeof(greeting));
    assert_int_equal(send(fd, settings, sizeof(settings), MSG_NOSIGNAL), sizeof(settings));
    assert_int_equal(send(fd, calm, sizeof(calm) - 1, MSG_NOSIGNAL), sizeof(calm) - 1);
    shutdown(fd, SHUT_WR);
    while (recv(fd, greeting, sizeof(greeting), 0) > 0)
        ;
    close(fd);
}

static void a_peer_that_is_pinged_too_often_is_pinged_less(void **state)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct peer p = { 0 };
    pid_t pid;

    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(rpc_loop_new(&p.loop, NULL), FCC_OK);
    pid = start_client(ntohs(a.sin_port), log_path);
    send_away(listener);
    wait_for_log(&p, "\"code\":\"E-STREAM-04\"");
    assert_true(logged("too_many_pings: pinging it every 120 s from now on"));
    kill(pid, SIGTERM);
    assert_int_equal(wait_for(pid), 0);
    close(listener);
    rpc_loop_free(p.loop);
}

static void a_signal_ends_it_while_there_is_no_peer(void **state)
{
    struct peer p = { 0 };
    pid_t pid;

    assert_int_equal(rpc_loop_new(&p.loop, NULL), FCC_OK);
    pid = start_client(test_port(), log_path);
    wait_for_log(&p, "next try in ");
    kill(pid, SIGTERM);
    assert_int_equal(wait_for(pid), 0);
    rpc_loop_free(p.loop);
}

/* ---- TLS ---- */

struct tls_files {
    test_cert ca, peer, own, other_ca, stranger;
    char key[64], cert[64], root[64];
};

static void make_tls_files(struct tls_files *t)
{
    t->ca = test_cert_make("ca", NULL);
    t->peer = test_cert_make("peer", &t->ca);
    t->own = test_cert_make("cc", &t->ca);
    t->other_ca = test_cert_make("other", NULL);
    t->stranger = test_cert_make("peer", &t->other_ca);
    write_pem(t->key, sizeof(t->key), "key", t->own.key_pem);
    write_pem(t->cert, sizeof(t->cert), "cert", t->own.cert_pem);
    write_pem(t->root, sizeof(t->root), "ca", t->ca.cert_pem);
    setenv("CORE_PEER_TLS_ENABLED", "true", 1);
    setenv("CORE_TLS_CLIENT_KEY_FILE", t->key, 1);
    setenv("CORE_TLS_CLIENT_CERT_FILE", t->cert, 1);
    setenv("CORE_PEER_TLS_ROOTCERT_FILE", t->root, 1);
}

static void drop_tls_files(struct tls_files *t)
{
    setenv("CORE_PEER_TLS_ENABLED", "false", 1);
    unlink(t->key);
    unlink(t->cert);
    unlink(t->root);
    test_cert_clear(&t->ca);
    test_cert_clear(&t->peer);
    test_cert_clear(&t->own);
    test_cert_clear(&t->other_ca);
    test_cert_clear(&t->stranger);
}

static void over_tls_and_mutual_tls_it_registers(void **state)
{
    struct tls_files t;

    make_tls_files(&t);
    for (int mutual = 0; mutual < 2; mutual++) {
        rpc_tls tls = { .cert = t.peer.cert_pem, .key = t.peer.key_pem };
        struct peer p = { 0 };
        int port = 0;
        rpc_server *server;
        pid_t pid;

        if (mutual)
            tls.ca = t.ca.cert_pem;
        server = start_peer(&p, &port, &tls);
        pid = start_client(port, log_path);
        make_ready(&p);
        expect_echo(&p, "tx1");
        assert_true(logged("the certificate in CORE_TLS_CLIENT_CERT_FILE expires in "));
        end_process(&p, pid);
        end_peer(&p, server);
    }
    drop_tls_files(&t);
}

/* It goes on trying: the peer may be given another certificate. */
static void a_peer_of_another_ca_is_refused_until_it_has_the_right_certificate(void **state)
{
    struct tls_files t;
    rpc_tls wrong, right;
    struct peer p = { 0 };
    int port = 0;
    rpc_server *server;
    pid_t pid;

    make_tls_files(&t);
    wrong = (rpc_tls){ .cert = t.stranger.cert_pem, .key = t.stranger.key_pem };
    right = (rpc_tls){ .cert = t.peer.cert_pem, .key = t.peer.key_pem };
    server = start_peer(&p, &port, &wrong);
    pid = start_client(port, log_path);
    wait_for_log(&p, "the peer's certificate does not come from the CA in CORE_PEER_TLS_ROOTCERT_FILE");
    assert_null(p.call);
    rpc_server_free(server);
    server = start_peer(&p, &port, &right);
    make_ready(&p);
    expect_echo(&p, "tx1");
    end_process(&p, pid);
    end_peer(&p, server);
    drop_tls_files(&t);
}

static void without_a_certificate_that_the_peer_takes_there_is_no_stream(void **state)
{
    struct tls_files t;
    rpc_tls tls;
    struct peer p = { 0 };
    int port = 0;
    rpc_server *server;
    pid_t pid;

    make_tls_files(&t);
    tls = (rpc_tls){ .cert = t.peer.cert_pem, .key = t.peer.key_pem, .ca = t.other_ca.cert_pem };
    server = start_peer(&p, &port, &tls);
    pid = start_client(port, log_path);
    wait_for_log(&p, "next try in ");
    assert_null(p.call);
    kill(pid, SIGTERM);
    assert_int_equal(wait_for(pid), 0);
    end_peer(&p, server);
    drop_tls_files(&t);
}

static void between_tls_and_plaintext_there_is_no_stream(void **state)
{
    for (int peer_speaks_tls = 0; peer_speaks_tls < 2; peer_speaks_tls++) {
        struct tls_files t;
        rpc_tls tls;
        struct peer p = { 0 };
        int port = 0;
        rpc_server *server;
        pid_t pid;

        make_tls_files(&t);
        tls = (rpc_tls){ .cert = t.peer.cert_pem, .key = t.peer.key_pem };
        setenv("CORE_PEER_TLS_ENABLED", peer_speaks_tls ? "false" : "true", 1);
        server = start_peer(&p, &port, peer_speaks_tls ? &tls : NULL);
        pid = start_client(port, log_path);
        wait_for_log(&p, "next try in ");
        assert_null(p.call);
        kill(pid, SIGTERM);
        assert_int_equal(wait_for(pid), 0);
        end_peer(&p, server);
        drop_tls_files(&t);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow_to_ten_seconds_and_are_spread),
        cmocka_unit_test(it_registers_and_echoes_keepalives),
        cmocka_unit_test(after_each_restart_of_its_peer_it_is_back_and_waiting_calls_have_failed),
        cmocka_unit_test(a_peer_that_does_not_take_the_registration_is_tried_again),
        cmocka_unit_test(a_peer_that_does_not_end_a_broken_stream_is_left_for_a_new_one),
        cmocka_unit_test(a_peer_that_is_pinged_too_often_is_pinged_less),
        cmocka_unit_test(a_signal_ends_it_while_there_is_no_peer),
        cmocka_unit_test(over_tls_and_mutual_tls_it_registers),
        cmocka_unit_test(a_peer_of_another_ca_is_refused_until_it_has_the_right_certificate),
        cmocka_unit_test(without_a_certificate_that_the_peer_takes_there_is_no_stream),
        cmocka_unit_test(between_tls_and_plaintext_there_is_no_stream),
    };

    if (getenv(chaincode_role))
        return fcc_main(argc, argv, &chaincode);
    return cmocka_run_group_tests(tests, make_log, remove_log);
}
