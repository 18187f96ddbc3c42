/*
 * TLS versions and cipher suites in both modes. gRPC speaks what both sides can, so the other side is OpenSSL here, which
 * can be held to one version: a tunnel with TLS on the process's side and plaintext on the test's.
 */
#include "test/unit/shim/io/process.h"

#include <openssl/ssl.h>
#include <poll.h>

struct other_side {
    int version;                 /* the only one it speaks */
    const char *ciphers;         /* of TLS 1.2; NULL: any */
    const char *cert, *key, *ca; /* files */
};

static SSL_CTX *make_context(const struct other_side *o)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());

    SSL_CTX_set_security_level(ctx, 0); /* old versions are refused by the process, not by this side */
    SSL_CTX_set_min_proto_version(ctx, o->version);
    SSL_CTX_set_max_proto_version(ctx, o->version);
    if (o->ciphers)
        SSL_CTX_set_cipher_list(ctx, o->ciphers);
    if (o->cert)
        SSL_CTX_use_certificate_file(ctx, o->cert, SSL_FILETYPE_PEM);
    if (o->key)
        SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM);
    if (o->ca) {
        SSL_CTX_load_verify_locations(ctx, o->ca, NULL);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

static int take_h2(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len,
                   void *ctx)
{
    static const unsigned char h2[] = "\2h2";
    unsigned char *chosen;
    int rc = SSL_select_next_proto(&chosen, len, h2, 3, in, in_len);

    *out = chosen;
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int dial_port(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_port = htons((uint16_t)port);
    for (int i = 0; i < PATIENCE_MS / 10; i++) { /* the process may be just starting */
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
            return fd;
        usleep(10000);
    }
    close(fd);
    return -1;
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void carry(SSL *ssl, int tls_fd, int plain_fd)
{
    char part[16384];
    struct pollfd fds[2] = { { .fd = tls_fd, .events = POLLIN }, { .fd = plain_fd, .events = POLLIN } };

    for (;;) {
        int n;

        fds[0].revents = fds[1].revents = 0;
        if (!SSL_pending(ssl) && poll(fds, 2, -1) < 0)
            return;
        if (SSL_pending(ssl) || fds[0].revents) {
            n = SSL_read(ssl, part, sizeof(part));
            if (n <= 0 || write(plain_fd, part, (size_t)n) != n)
                return;
        }
        if (fds[1].revents) {
            n = (int)read(plain_fd, part, sizeof(part));
            if (n <= 0 || SSL_write(ssl, part, n) != n)
                return;
        }
    }
}

/* Carries one connection after the other. `dials_tls`: the TLS side is the one it dials. */
static _Noreturn void run_tunnel(const struct other_side *o, bool dials_tls, int target, int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        SSL_CTX *ctx = make_context(o);
        SSL *ssl = SSL_new(ctx);
        int in = accept(listener, NULL, NULL), out = dial_port(target);

        SSL_CTX_set_alpn_select_cb(ctx, take_h2, NULL);
        SSL_set_alpn_protos(ssl, (const unsigned char *)"\2h2", 3);
        SSL_set_fd(ssl, dials_tls ? out : in);
        if ((dials_tls ? SSL_connect(ssl) : SSL_accept(ssl)) == 1)
            carry(ssl, dials_tls ? out : in, dials_tls ? in : out);
        SSL_free(ssl);
        SSL_CTX_free(ctx);
        close(in);
        close(out);
    }
}

static const char tunnel_role[] = "tunnel";

/* What start_tunnel has passed on. */
static _Noreturn void tunnel_main(char **argv)
{
    struct other_side o = { .version = atoi(argv[5]) };
    const char **texts[] = { &o.ciphers, &o.cert, &o.key, &o.ca };

    for (int i = 0; i < 4; i++)
        *texts[i] = argv[6 + i][0] ? argv[6 + i] : NULL;
    run_tunnel(&o, atoi(argv[2]) != 0, atoi(argv[3]), atoi(argv[4]));
}

/* A program of its own: gRPC's threads, which may hold any lock, are in this one when it forks. */
static pid_t start_tunnel(const struct other_side *o, bool dials_tls, int target, int *port)
{
    int listener = listen_somewhere(port);
    char numbers[4][16];
    const char *args[] = { "test",
                           tunnel_role,
                           numbers[0],
                           numbers[1],
                           numbers[2],
                           numbers[3],
                           o->ciphers ? o->ciphers : "",
                           o->cert ? o->cert : "",
                           o->key ? o->key : "",
                           o->ca ? o->ca : "",
                           NULL };
    pid_t pid;

    snprintf(numbers[0], sizeof(numbers[0]), "%d", dials_tls);
    snprintf(numbers[1], sizeof(numbers[1]), "%d", target);
    snprintf(numbers[2], sizeof(numbers[2]), "%d", listener);
    snprintf(numbers[3], sizeof(numbers[3]), "%d", o->version);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execv("/proc/self/exe", (char *const *)(uintptr_t)args);
        _exit(127);
    }
    close(listener);
    return pid;
}

static void end_tunnel(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- certificates as files ---- */

static test_cert ca, ec, rsa;
static char ca_file[64], ec_cert[64], ec_key[64], rsa_cert[64], rsa_key[64];

static int make_files(void **state)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ca = test_cert_make("ca", NULL);
    ec = test_cert_make("cc", &ca);
    rsa = test_cert_make("cc", &ca);
    EVP_PKEY_free(rsa.key);
    free((void *)(uintptr_t)rsa.key_pem.data);
    free((void *)(uintptr_t)rsa.cert_pem.data);
    rsa.key = EVP_RSA_gen(2048);
    X509_set_pubkey(rsa.cert, rsa.key);
    X509_sign(rsa.cert, ca.key, EVP_sha256());
    PEM_write_bio_PrivateKey(bio, rsa.key, NULL, NULL, 0, NULL, NULL);
    rsa.key_pem = test_cert_take(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, rsa.cert);
    rsa.cert_pem = test_cert_take(bio);
    write_pem(ca_file, sizeof(ca_file), "ca", ca.cert_pem);
    write_pem(ec_cert, sizeof(ec_cert), "cert", ec.cert_pem);
    write_pem(ec_key, sizeof(ec_key), "key", ec.key_pem);
    write_pem(rsa_cert, sizeof(rsa_cert), "cert", rsa.cert_pem);
    write_pem(rsa_key, sizeof(rsa_key), "key", rsa.key_pem);
    return 0;
}

static int remove_files(void **state)
{
    const char *const files[] = { ca_file, ec_cert, ec_key, rsa_cert, rsa_key };

    for (size_t i = 0; i < 5; i++)
        unlink(files[i]);
    test_cert_clear(&ca);
    test_cert_clear(&ec);
    test_cert_clear(&rsa);
    return 0;
}

/* ---- server mode ---- */

static pid_t start_server(bool with_rsa, int port)
{
    char address[32];

    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    setenv("CHAINCODE_SERVER_ADDRESS", address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    setenv("CHAINCODE_TLS_KEY", with_rsa ? rsa_key : ec_key, 1);
    setenv("CHAINCODE_TLS_CERT", with_rsa ? rsa_cert : ec_cert, 1);
    return start_process(NULL);
}

static void talk_as_server(const struct other_side *o, bool with_rsa)
{
    int port = test_port(), tunnel_port;
    pid_t pid = start_server(with_rsa, port), tunnel = start_tunnel(o, true, port, &tunnel_port);
    rpc_channel *channel;
    rpc_loop *loop;
    struct peer p;
    char address[32];

    snprintf(address, sizeof(address), "127.0.0.1:%d", tunnel_port);
    assert_int_equal(rpc_loop_new(&loop, NULL), FCC_OK);
    assert_int_equal(rpc_channel_new(loop, address, NULL, &channel, NULL), FCC_OK);
    connect_peer(&p, loop, channel);
    make_ready(&p);
    expect_echo(&p, "tx1");
    kill(pid, SIGTERM);
    wait_for_messages(&p, 3);
    assert_int_equal(wait_for(pid), 0);
    end_tunnel(tunnel);
    rpc_channel_free(channel);
    rpc_loop_free(loop);
    fcc__arena_free(p.arena);
}

static void a_server_speaks_tls_1_2_with_gos_ecdhe_suites(void **state)
{
    static const char *const of_ec[] = { "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384" };
    static const char *const of_rsa[] = { "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384" };

    for (size_t i = 0; i < 2; i++) {
        talk_as_server(&(struct other_side){ .version = TLS1_2_VERSION, .ciphers = of_ec[i], .ca = ca_file }, false);
        talk_as_server(&(struct other_side){ .version = TLS1_2_VERSION, .ciphers = of_rsa[i], .ca = ca_file }, true);
    }
}

static void a_server_speaks_tls_1_3(void **state)
{
    talk_as_server(&(struct other_side){ .version = TLS1_3_VERSION, .ca = ca_file }, false);
    talk_as_server(&(struct other_side){ .version = TLS1_3_VERSION, .ca = ca_file }, true);
}

static bool shakes_hands(int port, const struct other_side *o)
{
    SSL_CTX *ctx = make_context(o);
    SSL *ssl = SSL_new(ctx);
    int fd = dial_port(port);
    bool good;

    assert_true(fd >= 0);
    SSL_set_fd(ssl, fd);
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\2h2", 3);
    good = SSL_connect(ssl) == 1;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return good;
}

static void a_server_refuses_older_versions_and_key_exchange_without_forward_secrecy(void **state)
{
    static const char *const refused[] = { "AES128-GCM-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA" };
    int port = test_port();
    pid_t pid = start_server(true, port);

    assert_true(shakes_hands(port, &(struct other_side){ .version = TLS1_2_VERSION, .ca = ca_file }));
    assert_false(shakes_hands(port, &(struct other_side){ .version = TLS1_1_VERSION }));
    assert_false(shakes_hands(port, &(struct other_side){ .version = TLS1_VERSION }));
    for (size_t i = 0; i < 3; i++)
        assert_false(shakes_hands(port, &(struct other_side){ .version = TLS1_2_VERSION, .ciphers = refused[i] }));
    /* a peer with another CA: it is the peer that refuses */
    assert_false(shakes_hands(port, &(struct other_side){ .version = TLS1_3_VERSION, .ca = rsa_cert }));
    assert_true(shakes_hands(port, &(struct other_side){ .version = TLS1_3_VERSION, .ca = ca_file }));
    kill(pid, SIGTERM);
    assert_int_equal(wait_for(pid), 0);
}

/* ---- client mode ---- */

static void talk_as_client(const struct other_side *o)
{
    struct peer p = { 0 };
    int port = 0, tunnel_port;
    rpc_server *server = start_peer(&p, &port, NULL);
    pid_t tunnel = start_tunnel(o, false, port, &tunnel_port), pid;

    setenv("CORE_PEER_TLS_ENABLED", "true", 1);
    setenv("CORE_TLS_CLIENT_KEY_FILE", ec_key, 1);
    setenv("CORE_TLS_CLIENT_CERT_FILE", ec_cert, 1);
    setenv("CORE_PEER_TLS_ROOTCERT_FILE", ca_file, 1);
    pid = start_client(tunnel_port, "/dev/null");
    make_ready(&p);
    expect_echo(&p, "tx1");
    kill(pid, SIGTERM);
    wait_for_messages(&p, 3);
    assert_int_equal(wait_for(pid), 0);
    end_tunnel(tunnel);
    end_peer(&p, server);
}

static void a_client_speaks_tls_1_2_and_1_3_and_shows_its_certificate(void **state)
{
    talk_as_client(&(struct other_side){ .version = TLS1_2_VERSION, .cert = ec_cert, .key = ec_key });
    talk_as_client(&(struct other_side){ .version = TLS1_3_VERSION, .cert = ec_cert, .key = ec_key });
    talk_as_client(&(struct other_side){ .version = TLS1_2_VERSION, .cert = ec_cert, .key = ec_key, .ca = ca_file });
    talk_as_client(&(struct other_side){ .version = TLS1_3_VERSION, .cert = rsa_cert, .key = rsa_key, .ca = ca_file });
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_speaks_tls_1_2_with_gos_ecdhe_suites),
        cmocka_unit_test(a_server_speaks_tls_1_3),
        cmocka_unit_test(a_server_refuses_older_versions_and_key_exchange_without_forward_secrecy),
        cmocka_unit_test(a_client_speaks_tls_1_2_and_1_3_and_shows_its_certificate),
    };

    if (argc > 2 && strcmp(argv[1], tunnel_role) == 0)
        tunnel_main(argv);
    if (getenv(chaincode_role))
        return fcc_main(argc, argv, &chaincode);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
