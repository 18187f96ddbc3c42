/*
 * certs.h: throwaway certificates for tests, made when the test runs: a CA, and leaves for a server (by IP 127.0.0.1 and
 * the given name) or a client. Static functions, because each test is one program.
 */
#ifndef TEST_SUPPORT_CERTS_H
#define TEST_SUPPORT_CERTS_H

#include <fcc/bytes.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

typedef struct test_cert {
    X509 *cert;
    EVP_PKEY *key;
    fcc_bytes cert_pem;
    fcc_bytes key_pem;
} test_cert;

static fcc_bytes test_cert_take(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    uint8_t *copy = malloc((size_t)len);

    memcpy(copy, data, (size_t)len);
    BIO_free(bio);
    return fcc_bytes_of(copy, (size_t)len);
}

static void test_cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

/* `ca` NULL makes a self-signed CA. */
static inline test_cert test_cert_make(const char *name, const test_cert *ca)
{
    static long serial = 1;
    test_cert made = { NULL, NULL, { NULL, 0 }, { NULL, 0 } };
    X509_NAME *subject;
    char san[128];
    BIO *bio;

    made.key = EVP_EC_gen("P-256");
    made.cert = X509_new();
    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), 86400);
    X509_set_pubkey(made.cert, made.key);
    subject = X509_get_subject_name(made.cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.cert, ca ? X509_get_subject_name(ca->cert) : subject);
    if (ca) {
        snprintf(san, sizeof(san), "IP:127.0.0.1,DNS:%s", name);
        test_cert_extend(made.cert, ca->cert, NID_subject_alt_name, san);
        test_cert_extend(made.cert, ca->cert, NID_ext_key_usage, "serverAuth,clientAuth");
    } else {
        test_cert_extend(made.cert, made.cert, NID_basic_constraints, "critical,CA:TRUE");
        test_cert_extend(made.cert, made.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    X509_sign(made.cert, ca ? ca->key : made.key, EVP_sha256());
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, made.cert);
    made.cert_pem = test_cert_take(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, made.key, NULL, NULL, 0, NULL, NULL);
    made.key_pem = test_cert_take(bio);
    return made;
}

static inline void test_cert_clear(test_cert *cert)
{
    X509_free(cert->cert);
    EVP_PKEY_free(cert->key);
    free((void *)(uintptr_t)cert->cert_pem.data);
    free((void *)(uintptr_t)cert->key_pem.data);
}

#endif
