/* Reading a creator: names in Go's spelling, attributes, units and fingerprint, of certificates made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "identity/identity.h"
#include "protos/unpack.h"

#include "msp/identities.pb-c.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

struct part {
    const char *type;
    const char *value;
};

struct fixture {
    fcc__arena *arena;
    EVP_PKEY *key;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->arena = fcc__arena_new(16 * 1024 * 1024);
    f->key = EVP_EC_gen("P-256");
    *state = f;
    return f->key ? 0 : 1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fcc__arena_free(f->arena);
    EVP_PKEY_free(f->key);
    free(f);
    return 0;
}

static X509_NAME *name_of(const struct part *parts)
{
    X509_NAME *name = X509_NAME_new();

    for (; parts->type; parts++)
        assert_int_equal(
            X509_NAME_add_entry_by_txt(name, parts->type, MBSTRING_UTF8, (const uint8_t *)parts->value, -1, -1, 0), 1);
    return name;
}

/* A certificate in PEM; `json` is the attributes' extension, NULL for none. */
static fcc_bytes certificate(struct fixture *f, const struct part *subject, const struct part *issuer, const char *json)
{
    X509 *cert = X509_new();
    X509_NAME *s = name_of(subject), *i = name_of(issuer);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;
    fcc_bytes pem;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_subject_name(cert, s);
    X509_set_issuer_name(cert, i);
    X509_set_pubkey(cert, f->key);
    if (json) {
        ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7.8.1", 1);
        ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
        X509_EXTENSION *extension;

        ASN1_OCTET_STRING_set(content, (const uint8_t *)json, (int)strlen(json));
        extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, content);
        X509_add_ext(cert, extension, -1);
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(content);
        ASN1_OBJECT_free(oid);
    }
    assert_true(X509_sign(cert, f->key, EVP_sha256()) > 0);
    PEM_write_bio_X509(bio, cert);
    len = BIO_get_mem_data(bio, &data);
    assert_true(fcc__arena_copy(f->arena, fcc_bytes_of(data, (size_t)len), &pem));
    BIO_free(bio);
    X509_NAME_free(s);
    X509_NAME_free(i);
    X509_free(cert);
    return pem;
}

static fcc_bytes creator_of(struct fixture *f, fcc_bytes pem)
{
    Msp__SerializedIdentity m = MSP__SERIALIZED_IDENTITY__INIT;
    fcc_bytes wire;

    m.mspid = fcc__pb(FCC_LIT("HospitalMSP"));
    m.id_bytes = fcc__pb(pem);
    assert_int_equal(fcc__pack(&m, f->arena, &wire), FCC_OK);
    return wire;
}

static const struct part ca[] = {
    { "C", "US" }, { "ST", "California" }, { "L", "San Francisco" }, { "O", "org1.example.com" }, { "CN", "ca.org1" },
    { 0 }
};

static fcc__identity read_ok(struct fixture *f, const struct part *subject, const char *json)
{
    fcc__identity identity;
    fcc_error error = { 0 };
    fcc_status st = fcc__identity_read(f->arena, creator_of(f, certificate(f, subject, ca, json)), &identity, &error);

    if (st != FCC_OK)
        print_error("%s\n", error.text);
    assert_int_equal(st, FCC_OK);
    assert_int_equal(ERR_peek_error(), 0);
    return identity;
}

static void expect_id(struct fixture *f, const fcc__identity *identity, const char *expected)
{
    fcc_bytes text;

    assert_int_equal(fcc__unbase64(f->arena, identity->id, &text), FCC_OK);
    assert_string_equal(fcc__arena_printf(f->arena, FCC_FMT, FCC_ARG(text)), expected);
}

static void names_are_printed_in_gos_order_with_the_values_of_one_type_together(void **state)
{
    static const struct part subject[] = {
        { "OU", "client" }, { "CN", "first" }, { "emailAddress", "a@b" }, { "OU", "org1" },
        { "C", "CH" },      { "DC", "gone" },  { "CN", "user1" },         { 0 },
    };
    fcc__identity identity = read_ok(*state, subject, NULL);

    expect_id(*state, &identity,
              "x509::CN=user1,OU=client+OU=org1,C=CH::"
              "CN=ca.org1,O=org1.example.com,L=San Francisco,ST=California,C=US");
}

static void special_characters_in_names_are_escaped(void **state)
{
    static const struct part subject[] = { { "O", "#a, b+c" }, { "O", " x " }, { "CN", "\"q\\<>;\xc3\xa9=" }, { 0 } };
    fcc__identity identity = read_ok(*state, subject, NULL);

    expect_id(*state, &identity,
              "x509::CN=\\\"q\\\\\\<\\>\\;\xc3\xa9=,O=\\#a\\, b\\+c+O=\\ x\\ ::"
              "CN=ca.org1,O=org1.example.com,L=San Francisco,ST=California,C=US");
}

static void every_type_that_go_knows_is_printed(void **state)
{
    static const struct part subject[] = {
        { "C", "c" },
        { "O", "o" },
        { "OU", "ou" },
        { "L", "l" },
        { "ST", "st" },
        { "street", "street" },
        { "postalCode", "8000" },
        { "CN", "cn" },
        { "serialNumber", "7" },
        { 0 },
    };
    struct part two_letters[10];
    fcc__identity identity;

    memcpy(two_letters, subject, sizeof(subject));
    two_letters[0].value = "CH";
    identity = read_ok(*state, two_letters, NULL);
    expect_id(*state, &identity,
              "x509::SERIALNUMBER=7,CN=cn,OU=ou,O=o,POSTALCODE=8000,STREET=street,L=l,ST=st,C=CH::"
              "CN=ca.org1,O=org1.example.com,L=San Francisco,ST=California,C=US");
}

static const struct part doctor[] = { { "OU", "client" }, { "OU", "ward 1" }, { "CN", "x" }, { 0 } };

static void attributes_and_units_are_found_by_their_exact_names(void **state)
{
    fcc__identity identity = read_ok(
        *state, doctor, "{\"attrs\":{\"role\":\"doctor\",\"uid\":\"\\u00e9\",\"empty\":\"\",\"null\":null}}");
    fcc_bytes value;

    assert_true(fcc_bytes_equal(identity.msp_id, FCC_LIT("HospitalMSP")));
    assert_true(fcc__identity_attribute(&identity, FCC_LIT("role"), &value));
    assert_true(fcc_bytes_equal(value, FCC_LIT("doctor")));
    assert_true(fcc__identity_attribute(&identity, FCC_LIT("uid"), &value));
    assert_true(fcc_bytes_equal(value, FCC_LIT("\xc3\xa9")));
    assert_true(fcc__identity_attribute(&identity, FCC_LIT("empty"), &value));
    assert_int_equal(value.len, 0);
    assert_true(fcc__identity_attribute(&identity, FCC_LIT("null"), &value));
    assert_int_equal(value.len, 0);
    assert_false(fcc__identity_attribute(&identity, FCC_LIT("Role"), &value));
    assert_true(fcc__identity_has_unit(&identity, FCC_LIT("ward 1")));
    assert_false(fcc__identity_has_unit(&identity, FCC_LIT("ward")));
}

static void the_fingerprint_is_that_of_the_public_key(void **state)
{
    struct fixture *f = *state;
    fcc__identity identity = read_ok(f, doctor, NULL);
    unsigned char *key = NULL;
    int len = i2d_PUBKEY(f->key, &key);
    fcc__sha256 digest = fcc__sha256_of(fcc_bytes_of(key, (size_t)len));

    assert_true(fcc_bytes_equal(identity.fingerprint, fcc__sha256_bytes(&digest)));
    assert_true(identity.der.len > 100);
    assert_int_equal(identity.der.data[0], 0x30);
    assert_int_equal(identity.attribute_count, 0);
    OPENSSL_free(key);
}

static void expect_unreadable(struct fixture *f, fcc_bytes creator, const char *text)
{
    fcc__identity identity = { .attribute_count = 77 };
    fcc_error error;

    assert_int_equal(fcc__identity_read(f->arena, creator, &identity, &error), FCC_ERR_PROTO);
    assert_memory_equal(error.text, text, strlen(text));
    assert_int_equal(identity.attribute_count, 77);
    assert_int_equal(ERR_peek_error(), 0);
}

static void what_is_no_identity_is_refused_with_its_reason(void **state)
{
    struct fixture *f = *state;
    fcc_bytes pem = certificate(f, doctor, ca, NULL);

    expect_unreadable(f, FCC_LIT("\x0a\x7f"), "failed to unmarshal transaction invoker's identity");
    expect_unreadable(f, creator_of(f, FCC_LIT("no PEM")), "identity bytes are neither X509 PEM format nor");
    expect_unreadable(f, creator_of(f, fcc_bytes_of(pem.data, pem.len / 2)),
                      "identity bytes are neither X509 PEM format");
    expect_unreadable(f, creator_of(f, FCC_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
                      "failed to parse certificate");
}

static void attributes_that_are_not_a_flat_map_of_strings_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "7",
        "{\"attrs\":[]}",
        "{\"attrs\":{\"a\":1}}",
        "{\"attrs\":{\"a\":{}}}",
        "{\"attrs\":{}} x",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_unreadable(f, creator_of(f, certificate(f, doctor, ca, bad[i])),
                          "failed to get attributes from the transaction invoker's certificate: "
                          "failed to unmarshal attributes from certificate: ");
    assert_int_equal(read_ok(f, doctor, "{}").attribute_count, 0);
    assert_int_equal(read_ok(f, doctor, "null").attribute_count, 0);
    assert_int_equal(read_ok(f, doctor, "{\"attrs\":{\"a\":\"{[[[[[[[[[[[[[[[[[[\"}}").attribute_count, 1);
}

static void a_full_arena_is_a_limit(void **state)
{
    struct fixture *f = *state;
    fcc_bytes creator = creator_of(f, certificate(f, doctor, ca, NULL));
    fcc__identity identity;

    for (size_t cap = 128; cap < 8192; cap += 128) {
        fcc__arena *small = fcc__arena_new(cap);
        fcc_status st = fcc__identity_read(small, creator, &identity, NULL);

        assert_true(st == FCC_OK || st == FCC_ERR_LIMIT);
        fcc__arena_free(small);
    }
}

static void assert_same(const fcc__identity *a, const fcc__identity *b)
{
    assert_true(fcc_bytes_equal(a->msp_id, b->msp_id) && fcc_bytes_equal(a->der, b->der));
    assert_true(fcc_bytes_equal(a->id, b->id) && fcc_bytes_equal(a->fingerprint, b->fingerprint));
    assert_int_equal(a->unit_count, b->unit_count);
    for (size_t i = 0; i < a->unit_count; i++)
        assert_true(fcc_bytes_equal(a->units[i], b->units[i]));
    assert_int_equal(a->attribute_count, b->attribute_count);
    for (size_t i = 0; i < a->attribute_count; i++)
        assert_true(fcc_bytes_equal(a->attributes[i].name, b->attributes[i].name) &&
                    fcc_bytes_equal(a->attributes[i].value, b->attributes[i].value));
}

/* More of them than are kept, in turns, so that each is read anew, known, forgotten and read again. */
static void an_identity_that_is_known_is_the_same_and_takes_the_same_memory(void **state)
{
    enum { PEOPLE = 70 };
    struct fixture *f = *state;
    fcc_bytes creators[PEOPLE];

    for (size_t i = 0; i < PEOPLE; i++) {
        char json[64];

        snprintf(json, sizeof(json), "{\"attrs\":{\"number\":\"%zu\",\"role\":\"doctor\"}}", i);
        creators[i] = creator_of(f, certificate(f, doctor, ca, json));
    }
    for (size_t turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < PEOPLE; i++) {
            fcc__identity read, known[2];
            size_t used[2];

            assert_int_equal(fcc__identity_read(f->arena, creators[i], &read, NULL), FCC_OK);
            for (size_t k = 0; k < 2; k++) {
                fcc__arena *arena = fcc__arena_new(1024 * 1024);

                assert_int_equal(fcc__identity_of(arena, creators[i], &known[k], NULL), FCC_OK);
                assert_same(&read, &known[k]);
                used[k] = fcc__arena_used(arena);
                fcc__arena_free(arena);
            }
            assert_int_equal(used[0], used[1]);
        }
}

static void what_is_no_identity_is_not_known_either(void **state)
{
    struct fixture *f = *state;
    fcc__arena *small = fcc__arena_new(128);
    fcc_bytes creator = creator_of(f, certificate(f, doctor, ca, NULL)), cut = creator;
    fcc__identity identity;

    cut.len -= 100;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcc__identity_of(f->arena, cut, &identity, NULL), FCC_ERR_PROTO);
        assert_int_equal(fcc__identity_of(small, creator, &identity, NULL), FCC_ERR_LIMIT);
    }
    assert_int_equal(fcc__identity_of(f->arena, creator, &identity, NULL), FCC_OK);
    fcc__arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_identity_that_is_known_is_the_same_and_takes_the_same_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_identity_is_not_known_either, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_printed_in_gos_order_with_the_values_of_one_type_together, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(special_characters_in_names_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_type_that_go_knows_is_printed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attributes_and_units_are_found_by_their_exact_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_fingerprint_is_that_of_the_public_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_identity_is_refused_with_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attributes_that_are_not_a_flat_map_of_strings_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_arena_is_a_limit, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
