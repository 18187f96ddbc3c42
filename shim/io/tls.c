/* See tls.h. */
#include "io/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 24 * 60 * 60 };

static const char pair_failed[] = "failed to parse client key pair"; /* the Go shim's words, of servers too */

static fcc_status refuse(fcc_error *error, const fcc__pem *pem, const char *go, const char *what)
{
    return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s names %s, %s", go, pem->variable, pem->path, what);
}

/* OpenSSL's reason for what just failed. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text ? text : "not accepted";
}

static bool holds(const fcc__pem *pem, const char *word)
{
    return memmem(pem->text.data, pem->text.len, word, strlen(word)) != NULL;
}

/* A process has nobody to ask for a password. */
static int no_password(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return -1;
}

static fcc_status read_key(const fcc__pem *pem, EVP_PKEY **out, fcc_error *error)
{
    BIO *bio = BIO_new_mem_buf(pem->text.data, (int)pem->text.len);

    if (!bio)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    *out = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    if (*out)
        return FCC_OK;
    if (holds(pem, "ENCRYPTED"))
        return refuse(error, pem, pair_failed,
                      "which needs a password: store the key without one (openssl pkey -in OLD -out NEW)");
    if (holds(pem, "BEGIN CERTIFICATE"))
        return refuse(error, pem, pair_failed, "which holds a certificate: expected the private key");
    if (!holds(pem, "-----BEGIN "))
        return refuse(error, pem, pair_failed, "which is not PEM: expected a private key in PEM");
    return refuse(error, pem, pair_failed, "in which no private key can be read: expected one in PEM");
}

/* All certificates of a text. One that cannot be read spoils them all, as it does for gRPC. */
static fcc_status read_certs(const fcc__pem *pem, const char *go, STACK_OF(X509) * *out, fcc_error *error)
{
    BIO *bio = BIO_new_mem_buf(pem->text.data, (int)pem->text.len);
    STACK_OF(X509) *certs = sk_X509_new_null();
    X509 *cert;
    fcc_status st = FCC_OK;

    ERR_clear_error();
    while (bio && certs && (cert = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL)
        if (!sk_X509_push(certs, cert)) {
            X509_free(cert);
            break;
        }
    if (!bio || !certs)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    else if (sk_X509_num(certs) == 0 && holds(pem, "PRIVATE KEY"))
        st = refuse(error, pem, go, "which holds a private key: expected the certificate");
    else if (sk_X509_num(certs) == 0 && !holds(pem, "-----BEGIN "))
        st = refuse(error, pem, go, "which is not PEM: expected a certificate in PEM");
    else if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        st = refuse(error, pem, go, "in which a certificate cannot be read: expected certificates in PEM");
    else if (sk_X509_num(certs) == 0)
        st = refuse(error, pem, go, "in which there is no certificate: expected one in PEM");
    BIO_free(bio);
    if (st == FCC_OK)
        *out = certs;
    else
        sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();
    return st;
}

/* ---- dates ---- */

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm = { 0 };

    return ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

static const char *print_time(int64_t seconds, char *out, size_t size)
{
    time_t t = (time_t)seconds;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return out;
}

static fcc_status check_dates(const fcc__pem *pem, const X509 *cert, int64_t now, fcc_error *error)
{
    int64_t from = seconds_of(X509_get0_notBefore(cert)), to = seconds_of(X509_get0_notAfter(cert));
    char limit[40], clock[40];

    if (now >= from && now <= to)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_CONFIG, "%s names %s, whose certificate %s %s (this machine's clock: %s): %s",
                         pem->variable, pem->path, now < from ? "is not valid before" : "expired on",
                         print_time(now < from ? from : to, limit, sizeof(limit)),
                         print_time(now, clock, sizeof(clock)),
                         now < from ? "set the clock, or wait" : "have it issued anew");
}

static void note_expiry(fcc__tls_facts *facts, const char *variable, int64_t not_after)
{
    if (facts->expiring && facts->not_after <= not_after)
        return;
    facts->expiring = variable;
    facts->not_after = not_after;
}

/* ---- the three files ---- */

static bool has_names(X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool some = names && sk_GENERAL_NAME_num(names) > 0;

    GENERAL_NAMES_free(names);
    return some;
}

/* As the TLS library takes it, with its own demands on key length and signature. */
static fcc_status try_pair(const fcc__tls_files *files, X509 *cert, EVP_PKEY *key, fcc_error *error)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    fcc_status st = FCC_OK;

    ERR_clear_error();
    if (!ctx)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    else if (SSL_CTX_use_certificate(ctx, cert) != 1)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s names %s, whose certificate TLS does not take: %s",
                           pair_failed, files->cert.variable, files->cert.path, reason());
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s names %s, whose key TLS does not take: %s", pair_failed,
                           files->key.variable, files->key.path, reason());
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return st;
}

static fcc_status check_pair(const fcc__tls_files *files, STACK_OF(X509) * chain, EVP_PKEY *key, int64_t now,
                             fcc__tls_facts *facts, fcc_error *error)
{
    X509 *leaf = sk_X509_value(chain, 0);
    uint32_t usage, wanted = files->is_client ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
    fcc_status st = FCC_OK;

    if (X509_check_private_key(leaf, key) != 1) {
        for (int i = 1; i < sk_X509_num(chain); i++)
            if (X509_check_private_key(sk_X509_value(chain, i), key) == 1)
                return refuse(error, &files->cert, pair_failed,
                              "whose first certificate is not the one of the private key: put that one first");
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s: tls: private key does not match public key: %s names %s, %s names %s: "
                             "expected a key and the certificate made for it",
                             pair_failed, files->key.variable, files->key.path, files->cert.variable, files->cert.path);
    }
    for (int i = 0; i < sk_X509_num(chain) && st == FCC_OK; i++) {
        st = check_dates(&files->cert, sk_X509_value(chain, i), now, error);
        note_expiry(facts, files->cert.variable, seconds_of(X509_get0_notAfter(sk_X509_value(chain, i))));
    }
    if (st != FCC_OK)
        return st;
    usage = X509_get_extended_key_usage(leaf); /* all bits when the certificate does not restrict it */
    if (!(usage & (wanted | XKU_ANYEKU)))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s names %s, whose certificate is not made for a TLS %s: "
                             "expected the extended key usage %s",
                             files->cert.variable, files->cert.path, files->is_client ? "client" : "server",
                             files->is_client ? "clientAuth" : "serverAuth");
    facts->no_names = !files->is_client && !has_names(leaf);
    return try_pair(files, leaf, key, error);
}

/* An expired CA beside a valid one is what a renewal leaves behind: only all of them together are an error. */
static fcc_status check_ca(const fcc__pem *ca, STACK_OF(X509) * roots, int64_t now, fcc__tls_facts *facts,
                           fcc_error *error)
{
    int64_t last = 0;
    fcc_status st = FCC_OK;

    for (int i = 0; i < sk_X509_num(roots); i++) {
        X509 *root = sk_X509_value(roots, i);
        int64_t not_after = seconds_of(X509_get0_notAfter(root));

        st = check_dates(ca, root, now, error);
        if (st == FCC_OK && not_after > last)
            last = not_after;
    }
    if (!last)
        return st;
    note_expiry(facts, ca->variable, last);
    return FCC_OK;
}

fcc_status fcc__tls_check(const fcc__tls_files *files, int64_t now, fcc__tls_facts *out, fcc_error *error)
{
    EVP_PKEY *key = NULL;
    STACK_OF(X509) *chain = NULL, *roots = NULL;
    fcc__tls_facts facts = { 0 };
    fcc_status st = read_key(&files->key, &key, error);

    if (st == FCC_OK)
        st = read_certs(&files->cert, pair_failed, &chain, error);
    if (st == FCC_OK)
        st = check_pair(files, chain, key, now, &facts, error);
    if (st == FCC_OK && files->ca.path)
        st = read_certs(&files->ca, "failed to load root cert file", &roots, error);
    if (st == FCC_OK && roots)
        st = check_ca(&files->ca, roots, now, &facts, error);
    if (st == FCC_OK)
        *out = facts;
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(roots, X509_free);
    ERR_clear_error();
    return st;
}

int64_t fcc__tls_days_left(const fcc__tls_facts *facts, int64_t now)
{
    int64_t left = facts->not_after - now;

    return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}
