/* What is said of a key, a certificate or a CA that TLS would not take, before gRPC gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "io/tls.h"

#include "test/support/certs.h"

#include <openssl/rsa.h>

enum { DAY = 24 * 60 * 60 };

static test_cert ca, leaf;
static int64_t now;
static fcc_error error;

static int make_certs(void **state)
{
    ca = test_cert_make("ca", NULL);
    leaf = test_cert_make("cc", &ca);
    now = (int64_t)time(NULL);
    return 0;
}

static int clear_certs(void **state)
{
    test_cert_clear(&ca);
    test_cert_clear(&leaf);
    return 0;
}

/* The certificate signed again, after a change to it. */
static void renew(test_cert *cert, const test_cert *issuer, const EVP_MD *digest)
{
    BIO *bio = BIO_new(BIO_s_mem());

    X509_sign(cert->cert, issuer->key, digest);
    free((void *)(uintptr_t)cert->cert_pem.data);
    PEM_write_bio_X509(bio, cert->cert);
    cert->cert_pem = test_cert_take(bio);
}

static fcc_bytes join(fcc_bytes a, fcc_bytes b)
{
    uint8_t *both = malloc(a.len + b.len);

    memcpy(both, a.data, a.len);
    memcpy(both + a.len, b.data, b.len);
    return fcc_bytes_of(both, a.len + b.len);
}

static void drop(fcc_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static fcc__tls_files files_of(fcc_bytes key, fcc_bytes cert, fcc_bytes root)
{
    fcc__tls_files files = { .key = { "KEY", "k.pem", key }, .cert = { "CERT", "c.pem", cert } };

    if (root.len)
        files.ca = (fcc__pem){ "CA", "ca.pem", root };
    return files;
}

static fcc_status check(fcc_bytes key, fcc_bytes cert, fcc_bytes root, fcc__tls_facts *facts)
{
    fcc__tls_files files = files_of(key, cert, root);

    memset(&error, 0, sizeof(error));
    return fcc__tls_check(&files, now, facts, &error);
}

#define NO_CA ((fcc_bytes){ NULL, 0 })

#define EXPECT(key, cert, root, expected)                                        \
    do {                                                                         \
        fcc__tls_facts facts_;                                                   \
        assert_int_equal(check((key), (cert), (root), &facts_), FCC_ERR_CONFIG); \
        assert_string_equal(error.text, (expected));                             \
    } while (0)

static void what_fits_together_is_taken_and_its_first_expiry_told(void **state)
{
    fcc_bytes chain = join(leaf.cert_pem, ca.cert_pem);
    fcc__tls_facts facts;

    assert_int_equal(check(leaf.key_pem, leaf.cert_pem, NO_CA, &facts), FCC_OK);
    assert_string_equal(facts.expiring, "CERT");
    assert_false(facts.no_names);
    assert_int_equal(fcc__tls_days_left(&facts, facts.not_after - 3 * DAY - 5), 3);
    assert_int_equal(fcc__tls_days_left(&facts, facts.not_after), 0);
    assert_int_equal(fcc__tls_days_left(&facts, facts.not_after + 1), -1);
    assert_int_equal(check(leaf.key_pem, chain, ca.cert_pem, &facts), FCC_OK);
    drop(chain);
}

static void a_key_is_a_private_key_without_a_password(void **state)
{
    BIO *bio = BIO_new(BIO_s_mem());
    fcc_bytes locked;

    PEM_write_bio_PrivateKey(bio, leaf.key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
    locked = test_cert_take(bio);
    EXPECT(locked, leaf.cert_pem, NO_CA,
           "failed to parse client key pair: KEY names k.pem, which needs a password: "
           "store the key without one (openssl pkey -in OLD -out NEW)");
    EXPECT(leaf.cert_pem, leaf.cert_pem, NO_CA,
           "failed to parse client key pair: KEY names k.pem, which holds a certificate: expected the private key");
    EXPECT(FCC_LIT("text"), leaf.cert_pem, NO_CA,
           "failed to parse client key pair: KEY names k.pem, which is not PEM: expected a private key in PEM");
    EXPECT(FCC_LIT("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), leaf.cert_pem, NO_CA,
           "failed to parse client key pair: KEY names k.pem, in which no private key can be read: "
           "expected one in PEM");
    drop(locked);
}

static void a_certificate_is_a_readable_one_and_belongs_to_the_key(void **state)
{
    test_cert other = test_cert_make("other", &ca);
    fcc_bytes wrong_order = join(ca.cert_pem, leaf.cert_pem);
    fcc_bytes cut = fcc_bytes_of(leaf.cert_pem.data, leaf.cert_pem.len / 2);
    fcc_bytes second_cut = join(leaf.cert_pem, cut);

    EXPECT(leaf.key_pem, other.cert_pem, NO_CA,
           "failed to parse client key pair: tls: private key does not match public key: KEY names k.pem, "
           "CERT names c.pem: expected a key and the certificate made for it");
    EXPECT(leaf.key_pem, wrong_order, NO_CA,
           "failed to parse client key pair: CERT names c.pem, "
           "whose first certificate is not the one of the private key: put that one first");
    EXPECT(leaf.key_pem, leaf.key_pem, NO_CA,
           "failed to parse client key pair: CERT names c.pem, which holds a private key: expected the certificate");
    EXPECT(leaf.key_pem, FCC_LIT("text"), NO_CA,
           "failed to parse client key pair: CERT names c.pem, which is not PEM: expected a certificate in PEM");
    EXPECT(leaf.key_pem, FCC_LIT("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), NO_CA,
           "failed to parse client key pair: CERT names c.pem, in which there is no certificate: expected one in PEM");
    EXPECT(leaf.key_pem, cut, NO_CA,
           "failed to parse client key pair: CERT names c.pem, in which a certificate cannot be read: "
           "expected certificates in PEM");
    EXPECT(leaf.key_pem, second_cut, NO_CA,
           "failed to parse client key pair: CERT names c.pem, in which a certificate cannot be read: "
           "expected certificates in PEM");
    drop(wrong_order);
    drop(second_cut);
    test_cert_clear(&other);
}

static void a_certificate_is_within_its_dates(void **state)
{
    test_cert old = test_cert_make("cc", &ca), early = test_cert_make("cc", &ca);
    fcc_bytes late_chain;
    fcc__tls_facts facts;

    ASN1_TIME_set_string(X509_getm_notBefore(old.cert), "20190101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(old.cert), "20200229123456Z");
    renew(&old, &ca, EVP_sha256());
    now = 1600000000;
    EXPECT(old.key_pem, old.cert_pem, NO_CA,
           "CERT names c.pem, whose certificate expired on 2020-02-29 12:34:56 UTC "
           "(this machine's clock: 2020-09-13 12:26:40 UTC): have it issued anew");
    ASN1_TIME_set_string(X509_getm_notBefore(early.cert), "20300101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(early.cert), "20400101000000Z");
    renew(&early, &ca, EVP_sha256());
    EXPECT(early.key_pem, early.cert_pem, NO_CA,
           "CERT names c.pem, whose certificate is not valid before 2030-01-01 00:00:00 UTC "
           "(this machine's clock: 2020-09-13 12:26:40 UTC): set the clock, or wait");
    now = (int64_t)time(NULL);
    late_chain = join(leaf.cert_pem, old.cert_pem); /* an intermediate counts as much */
    assert_int_equal(check(leaf.key_pem, late_chain, NO_CA, &facts), FCC_ERR_CONFIG);
    drop(late_chain);

    /* of CAs it is enough that one is valid */
    assert_int_equal(check(leaf.key_pem, leaf.cert_pem, old.cert_pem, &facts), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "CA names ca.pem, whose certificate expired on 2020-02-29 12:34:56 UTC"));
    late_chain = join(old.cert_pem, ca.cert_pem);
    assert_int_equal(check(leaf.key_pem, leaf.cert_pem, late_chain, &facts), FCC_OK);
    drop(late_chain);
    late_chain = join(ca.cert_pem, old.cert_pem);
    assert_int_equal(check(leaf.key_pem, leaf.cert_pem, late_chain, &facts), FCC_OK);
    drop(late_chain);
    test_cert_clear(&old);
    test_cert_clear(&early);
}

/* The other side would refuse it in each handshake. */
static void a_certificate_is_made_for_its_side(void **state)
{
    test_cert bare = test_cert_make("cc", &ca);
    fcc__tls_files files;
    fcc__tls_facts facts;

    X509_EXTENSION_free(X509_delete_ext(bare.cert, X509_get_ext_by_NID(bare.cert, NID_subject_alt_name, -1)));
    X509_EXTENSION_free(X509_delete_ext(bare.cert, X509_get_ext_by_NID(bare.cert, NID_ext_key_usage, -1)));
    renew(&bare, &ca, EVP_sha256());
    assert_int_equal(check(bare.key_pem, bare.cert_pem, NO_CA, &facts), FCC_OK);
    assert_true(facts.no_names);

    test_cert_extend(bare.cert, ca.cert, NID_ext_key_usage, "clientAuth");
    renew(&bare, &ca, EVP_sha256());
    EXPECT(bare.key_pem, bare.cert_pem, NO_CA,
           "CERT names c.pem, whose certificate is not made for a TLS server: "
           "expected the extended key usage serverAuth");
    files = files_of(bare.key_pem, bare.cert_pem, ca.cert_pem);
    files.is_client = true;
    assert_int_equal(fcc__tls_check(&files, now, &facts, &error), FCC_OK);
    assert_false(facts.no_names); /* nobody looks at a client's */
    test_cert_clear(&bare);
}

static void a_key_too_short_for_tls_is_told_of(void **state)
{
    test_cert weak = test_cert_make("cc", &ca);
    BIO *bio = BIO_new(BIO_s_mem());
    fcc__tls_facts facts;

    EVP_PKEY_free(weak.key);
    drop(weak.key_pem);
    weak.key = EVP_RSA_gen(512);
    assert_non_null(weak.key);
    PEM_write_bio_PrivateKey(bio, weak.key, NULL, NULL, 0, NULL, NULL);
    weak.key_pem = test_cert_take(bio);
    X509_set_pubkey(weak.cert, weak.key);
    renew(&weak, &ca, EVP_sha256());
    assert_int_equal(check(weak.key_pem, weak.cert_pem, NO_CA, &facts), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "failed to parse client key pair: CERT names c.pem, "
                                    "whose certificate TLS does not take: ee key too small");
    test_cert_clear(&weak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_together_is_taken_and_its_first_expiry_told),
        cmocka_unit_test(a_key_is_a_private_key_without_a_password),
        cmocka_unit_test(a_certificate_is_a_readable_one_and_belongs_to_the_key),
        cmocka_unit_test(a_certificate_is_within_its_dates),
        cmocka_unit_test(a_certificate_is_made_for_its_side),
        cmocka_unit_test(a_key_too_short_for_tls_is_told_of),
    };

    return cmocka_run_group_tests(tests, make_certs, clear_certs);
}
