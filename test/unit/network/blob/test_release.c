/* Data keys sealed to readers' certificates: who opens them, and who does not. */
#include "blob/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cmocka.h>

typedef struct person {
    fcc_bytes cert, key;
} person;

static fcc_bytes taken(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    uint8_t *copy = malloc((size_t)len);

    memcpy(copy, data, (size_t)len);
    BIO_free(bio);
    return fcc_bytes_of(copy, (size_t)len);
}

static person new_person(const char *type, const char *group)
{
    EVP_PKEY *key = group ? EVP_PKEY_Q_keygen(NULL, NULL, type, group) : EVP_PKEY_Q_keygen(NULL, NULL, type);
    X509 *cert = X509_new();
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    person p;

    assert_non_null(key);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, group ? EVP_sha256() : NULL) > 0);
    PEM_write_bio_X509(cert_bio, cert);
    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    p.cert = taken(cert_bio);
    p.key = taken(key_bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    return p;
}

static void forget(person *p)
{
    free((void *)(uintptr_t)p->cert.data);
    free((void *)(uintptr_t)p->key.data);
}

static const uint8_t data_key[BLOB_KEY_LEN] = { 1, 2, 3, 31 };

static void a_released_key_opens_for_its_reader_on_either_curve(void **state)
{
    static const char *const groups[] = { "P-256", "P-384" };
    uint8_t sealed[BLOB_RELEASED_MAX], again[BLOB_RELEASED_MAX], key[BLOB_KEY_LEN];
    size_t i, len, len2;
    fcc_error error;

    for (i = 0; i < 2; i++) {
        person reader = new_person("EC", groups[i]);

        assert_int_equal(blob_release(reader.cert, FCC_LIT("a\nb"), data_key, sealed, &len, &error), FCC_OK);
        assert_int_equal(blob_release(reader.cert, FCC_LIT("a\nb"), data_key, again, &len2, &error), FCC_OK);
        assert_int_equal(len, len2);
        assert_memory_not_equal(sealed, again, len);
        assert_null(memmem(sealed, len, data_key, BLOB_KEY_LEN));
        assert_int_equal(blob_accept(reader.key, FCC_LIT("a\nb"), fcc_bytes_of(sealed, len), key, &error), FCC_OK);
        assert_memory_equal(key, data_key, BLOB_KEY_LEN);
        forget(&reader);
    }
}

static void nobody_else_and_nothing_else_opens_it(void **state)
{
    person reader = new_person("EC", "P-256"), other = new_person("EC", "P-256"), large = new_person("EC", "P-384");
    uint8_t sealed[BLOB_RELEASED_MAX], key[BLOB_KEY_LEN] = { 0 };
    size_t i, len;
    fcc_error error;

    assert_int_equal(blob_release(reader.cert, FCC_LIT("a\nb"), data_key, sealed, &len, &error), FCC_OK);
    assert_int_equal(blob_accept(other.key, FCC_LIT("a\nb"), fcc_bytes_of(sealed, len), key, &error), FCC_ERR_AUTH);
    assert_int_equal(blob_accept(large.key, FCC_LIT("a\nb"), fcc_bytes_of(sealed, len), key, &error), FCC_ERR_AUTH);
    assert_int_equal(blob_accept(reader.key, FCC_LIT("a\nc"), fcc_bytes_of(sealed, len), key, &error), FCC_ERR_AUTH);
    assert_int_equal(blob_accept(reader.key, FCC_LIT("a\nb"), fcc_bytes_of(sealed, len - 1), key, &error),
                     FCC_ERR_AUTH);
    assert_int_equal(blob_accept(reader.key, FCC_LIT("a\nb"), fcc_bytes_of(NULL, 0), key, &error), FCC_ERR_AUTH);
    for (i = 0; i < len; i++) {
        sealed[i] ^= 1;
        assert_int_equal(blob_accept(reader.key, FCC_LIT("a\nb"), fcc_bytes_of(sealed, len), key, &error),
                         FCC_ERR_AUTH);
        sealed[i] ^= 1;
    }
    assert_int_equal(key[0], 0);
    forget(&reader);
    forget(&other);
    forget(&large);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    person edwards = new_person("ED25519", NULL), koblitz = new_person("EC", "secp256k1");
    uint8_t sealed[BLOB_RELEASED_MAX], key[BLOB_KEY_LEN];
    size_t len;
    fcc_error error;

    assert_int_equal(blob_release(edwards.cert, FCC_LIT("x"), data_key, sealed, &len, &error), FCC_ERR_ARG);
    assert_non_null(strstr(error.text, "P-256"));
    assert_int_equal(blob_release(koblitz.cert, FCC_LIT("x"), data_key, sealed, &len, &error), FCC_ERR_ARG);
    assert_int_equal(blob_release(FCC_LIT("nonsense"), FCC_LIT("x"), data_key, sealed, &len, &error), FCC_ERR_ARG);
    assert_int_equal(blob_accept(edwards.key, FCC_LIT("x"), fcc_bytes_of(sealed, 1), key, &error), FCC_ERR_ARG);
    forget(&edwards);
    forget(&koblitz);
}

static void a_fingerprint_is_the_keys_and_not_the_certificates(void **state)
{
    person p = new_person("EC", "P-256"), other = new_person("EC", "P-256");
    char one[65], two[65];
    fcc_error error;

    assert_int_equal(blob_fingerprint(p.cert, one, &error), FCC_OK);
    assert_int_equal(strlen(one), 64);
    assert_int_equal(blob_fingerprint(other.cert, two, &error), FCC_OK);
    assert_string_not_equal(one, two);
    assert_int_equal(blob_fingerprint(FCC_LIT(""), one, &error), FCC_ERR_ARG);
    forget(&p);
    forget(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_released_key_opens_for_its_reader_on_either_curve),
        cmocka_unit_test(nobody_else_and_nothing_else_opens_it),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
        cmocka_unit_test(a_fingerprint_is_the_keys_and_not_the_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
