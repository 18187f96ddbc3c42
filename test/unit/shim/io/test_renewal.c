/* Certificates that are read again at SIGHUP while streams are open, and what a server logs of handshakes that fail. */
#include "test/unit/shim/io/process.h"

#include <openssl/ssl.h>
#include <time.h>

struct tls_process {
    test_cert ca, server, client; /* what it begins with; the client is one that it accepts */
    char key[64], cert[64], client_ca[64], log[64];
    char address[32];
    pid_t pid;
    rpc_loop *loop;
    fcc__arena *arena;
};

static void overwrite(const char *path, fcc_bytes text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
    fclose(f);
}

static void prepare_tls(struct tls_process *t, bool asks)
{
    t->ca = test_cert_make("ca", NULL);
    t->server = test_cert_make("cc", &t->ca);
    t->client = test_cert_make("peer", &t->ca);
    write_pem(t->key, sizeof(t->key), "key", t->server.key_pem);
    write_pem(t->cert, sizeof(t->cert), "cert", t->server.cert_pem);
    write_pem(t->client_ca, sizeof(t->client_ca), "ca", t->ca.cert_pem);
    snprintf(t->log, sizeof(t->log), "/tmp/fcc-renewal-XXXXXX");
    close(mkstemp(t->log));
    snprintf(t->address, sizeof(t->address), "127.0.0.1:%d", test_port());
    setenv("CHAINCODE_SERVER_ADDRESS", t->address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    setenv("CHAINCODE_TLS_KEY", t->key, 1);
    setenv("CHAINCODE_TLS_CERT", t->cert, 1);
    if (asks)
        setenv("CHAINCODE_CLIENT_CA_CERT", t->client_ca, 1);
    else
        unsetenv("CHAINCODE_CLIENT_CA_CERT");
}

static void begin(struct tls_process *t)
{
    t->pid = start_logging_process(NULL, t->log);
    assert_int_equal(rpc_loop_new(&t->loop, NULL), FCC_OK);
    t->arena = fcc__arena_new(1 << 24);
}

static void start_tls_asking(struct tls_process *t, bool asks)
{
    prepare_tls(t, asks);
    begin(t);
}

static void start_tls(struct tls_process *t)
{
    start_tls_asking(t, true);
}

static void end_tls(struct tls_process *t)
{
    kill(t->pid, SIGTERM);
    while (waitpid(t->pid, NULL, WNOHANG) == 0)
        rpc_loop_poll(t->loop, 10); /* open streams are told to go */
    rpc_loop_free(t->loop);
    fcc__arena_free(t->arena);
    unlink(t->key);
    unlink(t->cert);
    unlink(t->client_ca);
    unlink(t->log);
    test_cert_clear(&t->ca);
    test_cert_clear(&t->server);
    test_cert_clear(&t->client);
}

/* How many lines of the log hold both. */
static size_t lines_with(const struct tls_process *t, const char *one, const char *other)
{
    char line[4096];
    FILE *f = fopen(t->log, "r");
    size_t n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        n += strstr(line, one) && strstr(line, other);
    fclose(f);
    return n;
}

static void wait_for_line(const struct tls_process *t, const char *one, const char *other)
{
    for (int i = 0; i < PATIENCE_MS / 10; i++) {
        if (lines_with(t, one, other))
            return;
        rpc_loop_poll(t->loop, 10);
    }
    fail_msg("not logged: %s %s", one, other);
}

/* A server logs a kind of failure once in so many seconds. */
enum { QUIET_S = 10 };

static int64_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* How many lines of a kind there may be, `first` being a moment before its first failure. */
static size_t lines_since(int64_t first)
{
    return 1 + (size_t)(seconds() - first) / QUIET_S;
}

/* A stream of its own connection: whether it comes to be. `p` is left open. */
static bool try_stream(const struct tls_process *t, const rpc_tls *tls, struct peer *p, rpc_channel **channel)
{
    *p = (struct peer){ .loop = t->loop, .arena = t->arena };
    assert_int_equal(rpc_channel_new(t->loop, t->address, tls, channel, NULL), FCC_OK);
    assert_int_equal(rpc_open(*channel, "/protos.Chaincode/Connect", PATIENCE_MS, false, &events, p, &p->call), FCC_OK);
    wait_for_messages(p, 1);
    return !p->closed;
}

static bool is_served(const struct tls_process *t, const rpc_tls *tls)
{
    struct peer p;
    rpc_channel *channel;
    bool served = try_stream(t, tls, &p, &channel);

    if (served) {
        rpc_cancel(p.call);
        while (!p.closed)
            rpc_loop_poll(t->loop, 10);
    }
    rpc_channel_free(channel);
    return served;
}

static void at_sighup_new_connections_see_the_new_certificate_and_old_streams_go_on(void **state)
{
    test_cert next_ca = test_cert_make("next ca", NULL), next = test_cert_make("cc", &next_ca);
    test_cert next_client = test_cert_make("peer", &next_ca);
    struct tls_process t;
    struct peer p;
    rpc_tls before, after;
    rpc_channel *channel;

    start_tls(&t);
    before = (rpc_tls){ .cert = t.client.cert_pem, .key = t.client.key_pem, .ca = t.ca.cert_pem, .server_name = "cc" };
    after = (rpc_tls){
        .cert = next_client.cert_pem, .key = next_client.key_pem, .ca = next_ca.cert_pem, .server_name = "cc"
    };
    wait_for_line(&t, "serving at", "");
    assert_true(try_stream(&t, &before, &p, &channel));
    make_ready(&p);
    expect_echo(&p, "tx1");
    assert_false(is_served(&t, &after));

    overwrite(t.key, next.key_pem);
    overwrite(t.cert, next.cert_pem);
    overwrite(t.client_ca, next_ca.cert_pem);
    assert_false(is_served(&t, &after)); /* nothing happens by itself */
    kill(t.pid, SIGHUP);
    wait_for_line(&t, "SIGHUP: key, certificate and CA are those of the files now", "");
    assert_true(is_served(&t, &after));
    assert_false(is_served(&t, &before));
    expect_echo(&p, "tx2");
    assert_false(p.closed);

    rpc_channel_free(channel);
    end_tls(&t);
    test_cert_clear(&next_ca);
    test_cert_clear(&next);
    test_cert_clear(&next_client);
}

static void a_server_that_asks_for_no_certificate_serves_who_shows_one(void **state)
{
    struct tls_process t;
    rpc_tls bare, shows;

    start_tls_asking(&t, false);
    bare = (rpc_tls){ .ca = t.ca.cert_pem, .server_name = "cc" };
    shows = bare;
    shows.cert = t.client.cert_pem;
    shows.key = t.client.key_pem;
    wait_for_line(&t, "serving at", "");
    assert_true(is_served(&t, &bare));
    assert_true(is_served(&t, &shows));
    kill(t.pid, SIGHUP);
    wait_for_line(&t, "SIGHUP: key, certificate and CA are those of the files now", "");
    assert_true(is_served(&t, &bare));
    end_tls(&t);
}

static void files_that_do_not_fit_together_change_nothing(void **state)
{
    struct tls_process t;
    test_cert other;
    rpc_tls tls;

    start_tls(&t);
    other = test_cert_make("cc", &t.ca);
    tls = (rpc_tls){ .cert = t.client.cert_pem, .key = t.client.key_pem, .ca = t.ca.cert_pem, .server_name = "cc" };
    wait_for_line(&t, "serving at", "");
    overwrite(t.key, other.key_pem);
    kill(t.pid, SIGHUP);
    wait_for_line(&t, "\"code\":\"E-TLS-09\"", "private key does not match public key");
    assert_true(is_served(&t, &tls));
    overwrite(t.key, FCC_LIT(""));
    kill(t.pid, SIGHUP);
    wait_for_line(&t, "\"code\":\"E-TLS-09\"", "CHAINCODE_TLS_KEY names");
    assert_true(is_served(&t, &tls));
    unlink(t.key);
    kill(t.pid, SIGHUP);
    wait_for_line(&t, "\"code\":\"E-TLS-09\"", "No such file");
    assert_true(is_served(&t, &tls));
    overwrite(t.key, other.key_pem); /* both halves are there */
    overwrite(t.cert, other.cert_pem);
    kill(t.pid, SIGHUP);
    wait_for_line(&t, "SIGHUP: key, certificate and CA are those of the files now", "");
    assert_true(is_served(&t, &tls));
    end_tls(&t);
    test_cert_clear(&other);
}

static void a_client_shows_its_new_certificate_to_the_peer_it_dials_next(void **state)
{
    struct tls_process t = { .log = "/tmp/fcc-renewal-XXXXXX" };
    struct peer p = { 0 };
    test_cert old_ca = test_cert_make("old", NULL), old = test_cert_make("cc", &old_ca);
    rpc_tls tls;
    rpc_server *server;
    int port = 0;

    t.ca = test_cert_make("ca", NULL);
    t.server = test_cert_make("peer", &t.ca);
    t.client = test_cert_make("cc", &t.ca);
    close(mkstemp(t.log));
    write_pem(t.key, sizeof(t.key), "key", old.key_pem);
    write_pem(t.cert, sizeof(t.cert), "cert", old.cert_pem);
    write_pem(t.client_ca, sizeof(t.client_ca), "ca", t.ca.cert_pem);
    setenv("CORE_PEER_TLS_ENABLED", "true", 1);
    setenv("CORE_TLS_CLIENT_KEY_FILE", t.key, 1);
    setenv("CORE_TLS_CLIENT_CERT_FILE", t.cert, 1);
    setenv("CORE_PEER_TLS_ROOTCERT_FILE", t.client_ca, 1);
    tls = (rpc_tls){ .cert = t.server.cert_pem, .key = t.server.key_pem, .ca = t.ca.cert_pem };
    server = start_peer(&p, &port, &tls);
    t.loop = p.loop;
    t.pid = start_client(port, t.log);
    wait_for_line(&t, "next try in", "");
    overwrite(t.key, t.client.key_pem);
    overwrite(t.cert, t.client.cert_pem);
    kill(t.pid, SIGHUP);
    make_ready(&p);
    expect_echo(&p, "tx1");
    kill(t.pid, SIGTERM);
    while (waitpid(t.pid, NULL, WNOHANG) == 0)
        rpc_loop_poll(p.loop, 10);
    end_peer(&p, server);
    setenv("CORE_PEER_TLS_ENABLED", "false", 1);
    unlink(t.key);
    unlink(t.cert);
    unlink(t.client_ca);
    unlink(t.log);
    test_cert_clear(&old_ca);
    test_cert_clear(&old);
    test_cert_clear(&t.ca);
    test_cert_clear(&t.server);
    test_cert_clear(&t.client);
}

static void without_tls_sighup_harms_nothing(void **state)
{
    struct fixture f;
    struct peer p;

    unsetenv("CHAINCODE_TLS_DISABLED");
    start(&f, NULL);
    connect_peer(&p, f.loop, f.channel);
    make_ready(&p);
    kill(f.pid, SIGHUP);
    expect_echo(&p, "tx1");
    kill(f.pid, SIGTERM);
    wait_for_messages(&p, 3);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(p.arena);
    finish(&f);
}

/* As Go's library does it, and gRPC's doesn't: with an alert that says why. */
static void mistrust(const struct tls_process *t, const char *ca_file)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_port = htons((uint16_t)atoi(strrchr(t->address, ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(SSL_CTX_load_verify_locations(ctx, ca_file, NULL), 1);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_fd(ssl, fd);
    assert_int_not_equal(SSL_connect(ssl), 1);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

static void each_kind_of_failed_handshake_is_logged_with_its_code_once_in_a_while(void **state)
{
    test_cert other_ca = test_cert_make("other", NULL), stranger = test_cert_make("peer", &other_ca);
    struct tls_process t;
    test_cert expired;
    char other_file[64];
    BIO *bio;

    start_tls(&t);
    expired = test_cert_make("peer", &t.ca);
    X509_gmtime_adj(X509_getm_notAfter(expired.cert), -60);
    X509_sign(expired.cert, t.ca.key, EVP_sha256());
    free((void *)(uintptr_t)expired.cert_pem.data);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, expired.cert);
    expired.cert_pem = test_cert_take(bio);
    wait_for_line(&t, "serving at", "");
    {
        const rpc_tls bare = { .ca = t.ca.cert_pem, .server_name = "cc" };
        const rpc_tls strange = {
            .cert = stranger.cert_pem, .key = stranger.key_pem, .ca = t.ca.cert_pem, .server_name = "cc"
        };
        const rpc_tls late = {
            .cert = expired.cert_pem, .key = expired.key_pem, .ca = t.ca.cert_pem, .server_name = "cc"
        };
        const struct {
            const rpc_tls *tls; /* NULL: plaintext */
            const char *code, *words;
        } cases[] = {
            { &bare, "E-TLS-14", "failed: it shows no client certificate" },
            { &strange, "E-TLS-13", "failed: its client certificate does not come from our client CA" },
            { NULL, "E-TLS-11", "failed: it speaks no TLS, probably plaintext" },
        };

        const int64_t begun = seconds();

        for (size_t i = 0; i < 3; i++) {
            const int64_t first = seconds();

            for (int k = 0; k < 5; k++)
                assert_false(is_served(&t, cases[i].tls));
            wait_for_line(&t, cases[i].code, cases[i].words);
            assert_in_range(lines_with(&t, cases[i].code, "a TLS handshake from 127.0.0.1:"), 1, lines_since(first));
        }
        assert_false(is_served(&t, &late));
        write_pem(other_file, sizeof(other_file), "other", other_ca.cert_pem);
        mistrust(&t, other_file);
        wait_for_line(&t, "E-TLS-12", "failed: it does not trust the CA of our certificate");
        unlink(other_file);
        assert_in_range(lines_with(&t, "\"code\":\"E-TLS-1", "handshake"), 4, 4 * lines_since(begun));
    }
    end_tls(&t);
    test_cert_clear(&expired);
    test_cert_clear(&other_ca);
    test_cert_clear(&stranger);
}

/* A server without TLS sees the first bytes of a handshake, and nothing of what is meant by them. */
static void without_tls_who_speaks_it_is_logged_and_nobody_else(void **state)
{
    struct tls_process t;
    rpc_tls tls;
    int64_t first;

    prepare_tls(&t, false);
    setenv("CHAINCODE_TLS_DISABLED", "true", 1);
    begin(&t);
    tls = (rpc_tls){ .ca = t.ca.cert_pem, .server_name = "cc" };
    wait_for_line(&t, "serving at", "plaintext");
    for (int i = 0; i < 5; i++)
        assert_true(is_served(&t, NULL));
    assert_int_equal(lines_with(&t, "E-TLS-16", ""), 0);
    first = seconds();
    for (int i = 0; i < 5; i++)
        assert_false(is_served(&t, &tls));
    wait_for_line(&t, "E-TLS-16", "somebody from 127.0.0.1:");
    assert_in_range(lines_with(&t, "E-TLS-16", ""), 1, lines_since(first));
    end_tls(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_sighup_new_connections_see_the_new_certificate_and_old_streams_go_on),
        cmocka_unit_test(a_server_that_asks_for_no_certificate_serves_who_shows_one),
        cmocka_unit_test(files_that_do_not_fit_together_change_nothing),
        cmocka_unit_test(a_client_shows_its_new_certificate_to_the_peer_it_dials_next),
        cmocka_unit_test(without_tls_sighup_harms_nothing),
        cmocka_unit_test(each_kind_of_failed_handshake_is_logged_with_its_code_once_in_a_while),
        cmocka_unit_test(without_tls_who_speaks_it_is_logged_and_nobody_else),
    };

    if (getenv(chaincode_role))
        return fcc_main(argc, argv, &chaincode);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
