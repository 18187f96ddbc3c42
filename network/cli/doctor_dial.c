/*
 * doctor_dial.c: from the chaincode's name to a connection that speaks HTTP/2, with TLS where connection.json wants it.
 *
 * This is done with sockets and OpenSSL, not with gRPC, which tells too little about what went wrong. Two things make the
 * difference: when a handshake fails, the other way (plain or TLS) is tried, to tell a wrong setting from a broken one;
 * and whether the server asked for a client certificate is noted, because a server that refuses one may just hang up.
 */
#include "cli/doctor.h"
#include "msp/check.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_HEAD = 9, FRAME_SETTINGS = 4 };

/* What a client of HTTP/2 says first, with an empty SETTINGS frame behind it. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait until the socket is ready for `events`; false past the deadline. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };
    int64_t left;
    int got;

    do {
        left = deadline - now_ms();
        got = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

/* ---- names and connections ---- */

static const char *who(const doctor *d)
{
    return d->who ? d->who : "chaincode";
}

static int lookup(const doctor *d, struct addrinfo **list)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };

    return getaddrinfo(d->connection.host, d->connection.port, &hints, list);
}

fcc_status doctor_resolve(doctor *d)
{
    struct addrinfo *list = NULL, *a;
    char host[64];
    size_t used = 0;
    int got = lookup(d, &list);

    if (got != 0)
        return package_refuse(&d->fault, FCC__E_DIAL_NAME, FCC_ERR_NOT_FOUND, "%s: %s", d->connection.host,
                              got == EAI_SYSTEM ? strerror(errno) : gai_strerror(got));
    for (a = list; a && used < DOCTOR_TEXT - sizeof(host) - 2; a = a->ai_next)
        if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) == 0)
            used += (size_t)snprintf(d->found + used, DOCTOR_TEXT - used, "%s%s", used ? " " : "", host);
    freeaddrinfo(list);
    if (strcmp(d->connection.host, "localhost") == 0 || strncmp(d->connection.host, "127.", 4) == 0 ||
        strcmp(d->connection.host, "::1") == 0)
        snprintf(d->warning, DOCTOR_TEXT, "%s is the peer's own machine, in a container the container itself",
                 d->connection.host);
    return FCC_OK;
}

/* The connected socket, or -1 with errno; ETIMEDOUT past the deadline. */
static int connect_to(const struct addrinfo *a, int64_t deadline)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int error = 0;
    socklen_t len = sizeof(error);

    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    error = errno;
    if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wait_for(fd, POLLOUT, deadline) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
            return fd;
    }
    close(fd);
    errno = error;
    return -1;
}

static int dial(const doctor *d, int64_t deadline)
{
    struct addrinfo *list = NULL, *a;
    int fd = -1, error = EHOSTUNREACH;

    if (lookup(d, &list) != 0) {
        errno = error;
        return -1;
    }
    for (a = list; a && fd < 0; a = a->ai_next) {
        fd = connect_to(a, deadline);
        error = errno;
    }
    freeaddrinfo(list);
    errno = error;
    return fd;
}

fcc_status doctor_connect(doctor *d)
{
    int error;

    d->socket = dial(d, now_ms() + d->connection.dial_timeout_ms);
    error = errno;
    if (d->socket >= 0) {
        snprintf(d->found, DOCTOR_TEXT, "%s", d->connection.address);
        return FCC_OK;
    }
    return package_refuse(&d->fault,
                          error == ECONNREFUSED ? FCC__E_DIAL_REFUSED
                          : error == ETIMEDOUT  ? FCC__E_DIAL_TIMEOUT
                                                : FCC__E_DIAL_FAILED,
                          FCC_ERR_IO, "%s: %s", d->connection.address, strerror(error));
}

/* ---- HTTP/2 over a plain socket or TLS ---- */

/* SSL_connect, SSL_read or SSL_write once more, as `error` of the last attempt asks for. */
static bool ssl_wait(SSL *ssl, int error, int64_t deadline)
{
    if (error == SSL_ERROR_WANT_READ)
        return wait_for(SSL_get_fd(ssl), POLLIN, deadline);
    return error == SSL_ERROR_WANT_WRITE && wait_for(SSL_get_fd(ssl), POLLOUT, deadline);
}

/* Whether the other side answers as an HTTP/2 server does. */
static bool speaks_http2(int fd, SSL *ssl, int64_t deadline)
{
    unsigned char head[FRAME_HEAD];
    size_t have = 0;
    ssize_t n;

    if (ssl) {
        while ((n = SSL_write(ssl, preface, sizeof(preface) - 1)) <= 0)
            if (!ssl_wait(ssl, SSL_get_error(ssl, (int)n), deadline))
                return false;
    } else if (send(fd, preface, sizeof(preface) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(preface) - 1) {
        return false;
    }
    while (have < sizeof(head)) {
        if (ssl) {
            n = SSL_read(ssl, head + have, (int)(sizeof(head) - have));
            if (n <= 0 && ssl_wait(ssl, SSL_get_error(ssl, (int)n), deadline))
                continue;
        } else {
            n = wait_for(fd, POLLIN, deadline) ? recv(fd, head + have, sizeof(head) - have, 0) : -1;
        }
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return head[3] == FRAME_SETTINGS && !head[5] && !head[6] && !head[7] && !head[8];
}

static bool is_plain_server(const doctor *d)
{
    int64_t deadline = now_ms() + d->timeout_ms;
    int fd = dial(d, deadline);
    bool yes = fd >= 0 && speaks_http2(fd, NULL, deadline);

    if (fd >= 0)
        close(fd);
    return yes;
}

/* ---- TLS ---- */

typedef struct handshake {
    SSL_CTX *ctx;
    SSL *ssl;
    bool asked;          /* the server wanted a client certificate */
    X509 *certificate;   /* what the server showed; also when it was not accepted */
    unsigned long error; /* OpenSSL's, 0 when the other side just hung up */
    bool in_time;
} handshake;

static int note_asked(SSL *ssl, void *arg)
{
    handshake *h = arg;

    (void)ssl;
    h->asked = true;
    return 1;
}

/* OpenSSL forgets the certificate of a handshake that failed. */
static int keep_certificate(X509_STORE_CTX *store, void *arg)
{
    handshake *h = arg;

    if (!h->certificate && X509_STORE_CTX_get0_cert(store) && X509_up_ref(X509_STORE_CTX_get0_cert(store)) == 1)
        h->certificate = X509_STORE_CTX_get0_cert(store);
    return X509_verify_cert(store);
}

static void handshake_clear(handshake *h)
{
    X509_free(h->certificate);
    SSL_free(h->ssl);
    SSL_CTX_free(h->ctx);
    *h = (handshake){ 0 };
}

static bool add_certificates(SSL_CTX *ctx, fcc_bytes pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *x;
    size_t n = 0;

    while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1;
        X509_free(x);
    }
    BIO_free(bio);
    ERR_clear_error();
    return n > 0;
}

static bool use_client_certificate(SSL_CTX *ctx, const package_connection *c)
{
    BIO *certs = BIO_new_mem_buf(c->client_cert.data, (int)c->client_cert.len);
    BIO *keys = BIO_new_mem_buf(c->client_key.data, (int)c->client_key.len);
    EVP_PKEY *key = keys ? PEM_read_bio_PrivateKey(keys, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    X509 *x = certs ? PEM_read_bio_X509(certs, NULL, NULL, NULL) : NULL;
    bool ok = key && x && SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;

    X509_free(x);
    while (ok && (x = PEM_read_bio_X509(certs, NULL, NULL, NULL)))
        if (SSL_CTX_add_extra_chain_cert(ctx, x) != 1)
            X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(keys);
    BIO_free(certs);
    ERR_clear_error();
    return ok;
}

/* As the peer's Go does: names only from the alternative names, any certificate in root_cert is an anchor. */
static bool expect_server(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    ERR_clear_error();
    return SSL_set_tlsext_host_name(ssl, host) == 1 && X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

/* FCC_ERR_NOMEM before, FCC_ERR_AUTH when the handshake failed. */
static fcc_status shake_hands(const doctor *d, int fd, bool verify, int64_t deadline, handshake *h)
{
    static const unsigned char http2[] = "\2h2";
    int got, error;

    h->ctx = SSL_CTX_new(TLS_client_method());
    if (!h->ctx || SSL_CTX_set_min_proto_version(h->ctx, TLS1_2_VERSION) != 1)
        return FCC_ERR_NOMEM;
    SSL_CTX_set_cert_cb(h->ctx, note_asked, h);
    SSL_CTX_set_cert_verify_callback(h->ctx, keep_certificate, h);
    SSL_CTX_set_verify(h->ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (verify && (!add_certificates(h->ctx, d->connection.root_cert) ||
                   (d->connection.use_client_auth && !use_client_certificate(h->ctx, &d->connection))))
        return FCC_ERR_NOMEM;
    h->ssl = SSL_new(h->ctx);
    if (!h->ssl || SSL_set_alpn_protos(h->ssl, http2, sizeof(http2) - 1) != 0 || SSL_set_fd(h->ssl, fd) != 1 ||
        (verify && !expect_server(h->ssl, d->expect ? d->expect : d->connection.host)))
        return FCC_ERR_NOMEM;
    ERR_clear_error();
    while ((got = SSL_connect(h->ssl)) != 1) {
        error = SSL_get_error(h->ssl, got);
        if (ssl_wait(h->ssl, error, deadline))
            continue;
        h->in_time = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
        h->error = ERR_peek_error();
        return FCC_ERR_AUTH;
    }
    h->in_time = true;
    return FCC_OK;
}

static bool is_tls_server(const doctor *d)
{
    int64_t deadline = now_ms() + d->timeout_ms;
    int fd = dial(d, deadline);
    handshake h = { 0 };
    bool yes = fd >= 0 && shake_hands(d, fd, false, deadline, &h) == FCC_OK;

    /* one that wants a client certificate may have hung up, but has shown its own */
    yes = yes || h.certificate;
    handshake_clear(&h);
    ERR_clear_error();
    if (fd >= 0)
        close(fd);
    return yes;
}

/* The names that a certificate is for, as text. */
static void names_of(X509 *x, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    int i;

    snprintf(out, size, "no names");
    for (i = 0; names && i < sk_GENERAL_NAME_num(names) && used < size - 80; i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        const unsigned char *ip;

        if (n->type == GEN_DNS) {
            used += (size_t)snprintf(out + used, size - used, "%s%.60s", used ? ", " : "",
                                     (const char *)ASN1_STRING_get0_data(n->d.dNSName));
        } else if (n->type == GEN_IPADD && ASN1_STRING_length(n->d.iPAddress) == 4) {
            ip = ASN1_STRING_get0_data(n->d.iPAddress);
            used += (size_t)snprintf(out + used, size - used, "%s%d.%d.%d.%d", used ? ", " : "", ip[0], ip[1], ip[2],
                                     ip[3]);
        }
    }
    GENERAL_NAMES_free(names);
}

static void time_text(const ASN1_TIME *t, char *out, size_t size)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(out, size, "%Y-%m-%d", &tm) == 0)
        snprintf(out, size, "an unreadable date");
}

static fcc_status verification_failed(doctor *d, X509 *certificate, long why)
{
    const char *words = X509_verify_cert_error_string(why);
    char names[200], until[32];

    switch (why) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        names_of(certificate, names, sizeof(names));
        return package_refuse(&d->fault, FCC__E_TLS_NAME, FCC_ERR_AUTH,
                              "the name is %s, the %s's certificate is for %s",
                              d->expect ? d->expect : d->connection.host, who(d), names);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        time_text(why == X509_V_ERR_CERT_HAS_EXPIRED ? X509_get0_notAfter(certificate)
                                                     : X509_get0_notBefore(certificate),
                  until, sizeof(until));
        return package_refuse(&d->fault, FCC__E_TLS_EXPIRED, FCC_ERR_AUTH, "%s: the %s's is valid %s %s", words, who(d),
                              why == X509_V_ERR_CERT_HAS_EXPIRED ? "until" : "from", until);
    default:
        return package_refuse(&d->fault, FCC__E_TLS_CHAIN, FCC_ERR_AUTH, "%s", words);
    }
}

/* The server was content with our certificate, or not: told by an alert, or by hanging up after asking for one. */
static fcc_status client_certificate_failed(doctor *d, const handshake *h)
{
    const char *words = h->error ? ERR_reason_error_string(h->error) : "it hung up";

    if (h->error && ERR_GET_REASON(h->error) == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED)
        return package_refuse(&d->fault, FCC__E_TLS_EXPIRED, FCC_ERR_AUTH, "the %s says of client_cert: %s", who(d),
                              words);
    if (h->asked && !d->connection.use_client_auth)
        return package_refuse(&d->fault, FCC__E_TLS_CLIENT_MISSING, FCC_ERR_AUTH,
                              "the %s asked for a client certificate, and then: %s", who(d), words);
    if (h->asked)
        return package_refuse(&d->fault, FCC__E_TLS_CLIENT_REFUSED, FCC_ERR_AUTH,
                              "the %s was shown client_cert, and then: %s", who(d), words);
    return package_refuse(&d->fault, FCC__E_TLS_FAILED, FCC_ERR_AUTH, "%s", words);
}

static fcc_status handshake_failed(doctor *d, const handshake *h)
{
    long why = SSL_get_verify_result(h->ssl);

    if (!h->in_time)
        return package_refuse(&d->fault, FCC__E_TLS_FAILED, FCC_ERR_TIMEOUT, "no answer to the TLS handshake in time");
    if (why != X509_V_OK && h->certificate)
        return verification_failed(d, h->certificate, why);
    if (!h->certificate && is_plain_server(d))
        return package_refuse(&d->fault, FCC__E_TLS_PLAIN_SERVER, FCC_ERR_AUTH, "%s answers in plaintext",
                              d->connection.address);
    return client_certificate_failed(d, h);
}

static void describe(doctor *d, const handshake *h, X509 *certificate)
{
    char until[32];
    int days = 0, seconds = 0;

    time_text(X509_get0_notAfter(certificate), until, sizeof(until));
    snprintf(d->found, DOCTOR_TEXT, "%s, %s, certificate valid until %s%s", SSL_get_version(h->ssl),
             SSL_get_cipher_name(h->ssl), until,
             h->asked && d->connection.use_client_auth ? ", client certificate" : "");
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1 && days < MSP_CHECK_WARN_DAYS)
        snprintf(d->warning, DOCTOR_TEXT, "the %s's certificate is valid for %d more days", who(d), days);
}

static fcc_status with_tls(doctor *d)
{
    int64_t deadline = now_ms() + d->timeout_ms;
    handshake h = { 0 };
    fcc_status st = shake_hands(d, d->socket, true, deadline, &h);

    if (st == FCC_ERR_NOMEM) {
        st = package_refuse(&d->fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG, "the certificates cannot be used: %s",
                            ERR_peek_error() ? ERR_reason_error_string(ERR_peek_error()) : "out of memory");
    } else if (st != FCC_OK) {
        st = handshake_failed(d, &h);
    } else if (!speaks_http2(d->socket, h.ssl, deadline)) {
        /* in TLS 1.3 a server looks at the client's certificate after the client is through */
        h.error = ERR_peek_error();
        if (h.asked || h.error)
            st = client_certificate_failed(d, &h);
        else
            st = package_refuse(&d->fault, FCC__E_DIAL_PROTOCOL, FCC_ERR_PROTO, "%s speaks TLS, but not HTTP/2",
                                d->connection.address);
    } else if (h.certificate) {
        describe(d, &h, h.certificate);
    }
    handshake_clear(&h);
    ERR_clear_error();
    return st;
}

static fcc_status in_plaintext(doctor *d)
{
    if (speaks_http2(d->socket, NULL, now_ms() + d->timeout_ms)) {
        snprintf(d->found, DOCTOR_TEXT, "none, as connection.json says");
        snprintf(d->warning, DOCTOR_TEXT,
                 "whoever can read the network reads the data: use tls_required between machines");
        return FCC_OK;
    }
    if (is_tls_server(d))
        return package_refuse(&d->fault, FCC__E_TLS_PLAIN_CLIENT, FCC_ERR_AUTH, "%s answers with TLS",
                              d->connection.address);
    return package_refuse(&d->fault, FCC__E_DIAL_PROTOCOL, FCC_ERR_PROTO, "%s does not answer as HTTP/2 does",
                          d->connection.address);
}

fcc_status doctor_tls(doctor *d)
{
    fcc_status st = d->connection.use_tls ? with_tls(d) : in_plaintext(d);

    close(d->socket);
    d->socket = -1;
    return st;
}
