/* DIDs, their documents and keys; base58 and base64url. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include <stdlib.h>

#include "lib/did.h"
#include "lib/json.h"
#include "lib/multibase.h"

#define ED25519 "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
#define P256 "zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP"
#define P384 "z82LkuBieyGShVBhvtE2zoiD6Kma4tJGFtkAhxR5pfkp5QPw4LutoYWhvQCnGjdVn14kujQ"

/* ---- text ---- */

static void base58_is(const char *bytes, size_t len, const char *text)
{
    uint8_t back[LIB_BASE58_MAX_BYTES];
    char *have = lib_base58_encode('z', fcc_bytes_of(bytes, len));
    size_t n = 0;

    assert_string_equal(have + 1, text);
    assert_true(lib_base58_decode(text, back, sizeof(back), &n));
    assert_int_equal(n, len);
    assert_memory_equal(back, bytes, len);
    free(have);
}

/* draft-msporny-base58, section 5, and zeros */
static void base58_is_as_its_draft_lists_it(void **state)
{
    uint8_t out[LIB_BASE58_MAX_BYTES];
    char long_text[LIB_BASE58_MAX + 2];
    size_t len;

    base58_is("", 0, "");
    base58_is("Hello World!", 12, "2NEpo7TZRRrLZSi2U");
    base58_is("The quick brown fox jumps over the lazy dog.", 44,
              "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z");
    base58_is("\x00\x00\x28\x7f\xb4\xcd", 6, "11233QC4");
    base58_is("\0\0\0", 3, "111");
    assert_false(lib_base58_decode("0", out, sizeof(out), &len));
    assert_false(lib_base58_decode("2NEpo7TZ RRrLZSi2U", out, sizeof(out), &len));
    assert_false(lib_base58_decode("2NEpo7TZRRrLZSi2U", out, 11, &len));
    memset(long_text, '1', sizeof(long_text));
    long_text[LIB_BASE58_MAX + 1] = 0;
    assert_false(lib_base58_decode(long_text, out, sizeof(out), &len));
    assert_null(lib_base58_encode(0, fcc_bytes_of(long_text, LIB_BASE58_MAX_BYTES + 1)));
}

static void base58_goes_both_ways_at_every_length(void **state)
{
    uint8_t bytes[LIB_BASE58_MAX_BYTES], back[LIB_BASE58_MAX_BYTES];

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        size_t n = 0;
        char *text;

        memset(bytes, len % 3 ? 0xff : (int)len, len);
        text = lib_base58_encode(0, fcc_bytes_of(bytes, len));
        assert_non_null(text);
        assert_true(lib_base58_decode(text, back, sizeof(back), &n));
        assert_int_equal(n, len);
        assert_memory_equal(back, bytes, len);
        free(text);
    }
}

static void base64url_is_strict(void **state)
{
    static const char *const wrong[] = { "A",   "AAAAA", "AB",   "AAB",   "Zg==",    "Zm8=",
                                         "Z+8", "Z/8",   "Zm 8", "Zm8\n", "\xc3\xa9" };
    static const char *const right[][2] = { { "", "" },        { "f", "Zg" },        { "fo", "Zm8" },
                                            { "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "\xfb\xff\xfe", "-__-" } };
    size_t len;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_null(lib_base64url_decode(wrong[i], &len));
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        char *text = lib_base64url_encode('u', fcc_str(right[i][0]));
        uint8_t *bytes = lib_base64url_decode(right[i][1], &len);

        assert_string_equal(text + 1, right[i][1]);
        assert_int_equal(text[0], 'u');
        assert_non_null(bytes);
        assert_int_equal(len, strlen(right[i][0]));
        assert_memory_equal(bytes, right[i][0], len);
        free(text);
        free(bytes);
    }
}

/* ---- identifiers ---- */

static void only_dids_of_our_methods_are_ours(void **state)
{
    static const struct {
        const char *did;
        lib_did_method method;
    } cases[] = {
        { "did:key:" ED25519, LIB_DID_KEY },
        { "did:key:" P256, LIB_DID_KEY },
        { "did:key:" P384, LIB_DID_KEY },
        { "did:key:" ED25519 "1", LIB_DID_NONE },
        { "did:key:" ED25519 "#" ED25519, LIB_DID_NONE },
        { "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ3", LIB_DID_KEY },  /* another key: no checksum */
        { "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", LIB_DID_NONE }, /* X25519 */
        { "did:key:", LIB_DID_NONE },
        { "did:key:z", LIB_DID_NONE },
        { "did:key:uAAA", LIB_DID_NONE },
        { "did:web:example.org", LIB_DID_WEB },
        { "did:web:example.org%3A8443:user:a.b-c_d", LIB_DID_WEB },
        { "did:web:localhost%3A8443", LIB_DID_WEB },
        { "did:web:a-b.example", LIB_DID_WEB },
        { "did:web:example", LIB_DID_NONE },
        { "did:web:EXAMPLE.org", LIB_DID_NONE },
        { "did:web:192.0.2.1", LIB_DID_NONE },
        { "did:web:example.org:8443%", LIB_DID_NONE },
        { "did:web:example.org%3A", LIB_DID_NONE },
        { "did:web:example.org%3A99999", LIB_DID_NONE },
        { "did:web:example.org%3a443", LIB_DID_NONE },
        { "did:web:example.org:", LIB_DID_NONE },
        { "did:web:example.org::a", LIB_DID_NONE },
        { "did:web:example.org/a", LIB_DID_NONE },
        { "did:web:-a.example", LIB_DID_NONE },
        { "did:web:a-.example", LIB_DID_NONE },
        { "did:web:.example", LIB_DID_NONE },
        { "did:web:", LIB_DID_NONE },
        { "did:medsync:council-1", LIB_DID_MEDSYNC },
        { "did:medsync:", LIB_DID_NONE },
        { "did:medsync:a:b", LIB_DID_NONE },
        { "did:medsync:a b", LIB_DID_NONE },
        { "did:medsync:a#key-1", LIB_DID_NONE },
        { "did:ethr:0xb9c5714089478a327f09197987f16f9e5d936e8a", LIB_DID_NONE },
        { "did:Key:" ED25519, LIB_DID_NONE },
        { "DID:key:" ED25519, LIB_DID_NONE },
        { "did::a", LIB_DID_NONE },
        { "did:", LIB_DID_NONE },
        { "d", LIB_DID_NONE },
        { "", LIB_DID_NONE },
    };
    char long_did[LIB_DID_MAX + 32];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (lib_did_parse(cases[i].did) != cases[i].method)
            fail_msg("%s: %d", cases[i].did, (int)lib_did_parse(cases[i].did));
    }
    memset(long_did, 'a', sizeof(long_did));
    memcpy(long_did, "did:web:example.org:", 20);
    long_did[LIB_DID_MAX] = 0;
    assert_int_equal(lib_did_parse(long_did), LIB_DID_WEB);
    long_did[LIB_DID_MAX] = 'a';
    long_did[LIB_DID_MAX + 1] = 0;
    assert_int_equal(lib_did_parse(long_did), LIB_DID_NONE);
}

static void dids_of_other_methods_have_a_grammar_too(void **state)
{
    assert_true(lib_did_is_any("did:ethr:ropsten:0x2d580558397eefb935372b141eaca99efc6def44"));
    assert_true(lib_did_is_any("did:example:a:b%20c::d"));
    assert_false(lib_did_is_any("did:example:a:"));
    assert_false(lib_did_is_any("did:example:"));
    assert_false(lib_did_is_any("did:example:a%2"));
    assert_false(lib_did_is_any("did:example:a/b"));
    assert_false(lib_did_is_any("did:example:\xc3\xa9"));
    assert_false(lib_did_is_any("https://example.org"));
}

/* ---- keys ---- */

static void keys_go_to_multibase_and_back(void **state)
{
    static const char *const texts[] = { ED25519, P256, P384 };

    for (size_t i = 0; i < 3; i++) {
        lib_public_key key;
        EVP_PKEY *opened;
        char *text;

        assert_true(lib_key_from_multibase(texts[i], &key));
        assert_int_equal(key.type, i);
        text = lib_key_to_multibase(&key);
        assert_string_equal(text, texts[i]);
        free(text);
        opened = lib_key_open(&key);
        assert_non_null(opened);
        EVP_PKEY_free(opened);
    }
}

static void what_is_no_point_of_its_curve_is_no_key(void **state)
{
    uint8_t bytes[35] = { 0x80, 0x24, 0x02 };
    lib_public_key key;
    char *text;

    memset(bytes + 3, 0xff, 32); /* beyond the field */
    text = lib_base58_encode('z', fcc_bytes_of(bytes, sizeof(bytes)));
    assert_false(lib_key_from_multibase(text, &key));
    free(text);
    memset(bytes + 3, 0, 32);
    bytes[34] = 5; /* x = 5 is on P-256, x = 1 is not */
    text = lib_base58_encode('z', fcc_bytes_of(bytes, sizeof(bytes)));
    assert_true(lib_key_from_multibase(text, &key));
    free(text);
    bytes[34] = 1;
    text = lib_base58_encode('z', fcc_bytes_of(bytes, sizeof(bytes)));
    assert_false(lib_key_from_multibase(text, &key));
    free(text);
    bytes[34] = 5;
    bytes[2] = 4;
    text = lib_base58_encode('z', fcc_bytes_of(bytes, sizeof(bytes)));
    assert_false(lib_key_from_multibase(text, &key));
    free(text);
}

static bool jwk(const char *text, lib_public_key *out)
{
    const char *why = "";
    json_t *value = lib_json_load(fcc_str(text), &why);
    bool ok;

    assert_non_null(value);
    ok = lib_key_from_jwk(value, out);
    json_decref(value);
    return ok;
}

static void jwks_are_the_same_keys(void **state)
{
    lib_public_key key, same;
    char *text;

    /* RFC 8037, appendix A.2 */
    assert_true(
        jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", &key));
    assert_int_equal(key.type, LIB_KEY_ED25519);
    text = lib_key_to_multibase(&key);
    assert_string_equal(text, "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw");
    free(text);
    /* RFC 7517, appendix A.1 */
    assert_true(jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}",
                    &key));
    assert_int_equal(key.bytes[0], 3); /* y is odd */
    text = lib_key_to_multibase(&key);
    assert_true(lib_key_from_multibase(text, &same));
    assert_memory_equal(key.bytes, same.bytes, 33);
    free(text);
    /* y of another point, a coordinate too short, a private part, a curve that we don't have */
    assert_false(jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                     "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyI\"}",
                     &key));
    assert_false(
        jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\"}", &key));
    assert_false(jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
                     "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}",
                     &key));
    assert_false(
        jwk("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", &key));
    assert_false(
        jwk("{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", &key));
    assert_false(jwk("{\"kty\":\"RSA\"}", &key));
    assert_false(jwk("[]", &key));
}

/* ---- documents ---- */

#define DID "did:web:example.org"
#define METHOD(id, more) "{\"id\":\"" id "\",\"type\":\"Multikey\",\"controller\":\"" DID "\"" more "}"
#define KEY(text) ",\"publicKeyMultibase\":\"" text "\""

static json_t *document(const char *methods, const char *more)
{
    char text[4096];
    const char *why = "";
    json_t *value;

    snprintf(text, sizeof(text), "{\"id\":\"" DID "\",\"verificationMethod\":[%s]%s}", methods, more);
    value = lib_json_load(fcc_str(text), &why);
    if (!value)
        fail_msg("%s: %s", text, why);
    return value;
}

static void a_did_key_is_its_own_document(void **state)
{
    static const char did[] = "did:key:" P256;
    const char *why = "";
    json_t *value = lib_did_key_document(did);
    lib_public_key key;

    assert_non_null(value);
    assert_true(lib_did_document_check(value, did, &why));
    assert_int_equal(lib_did_find_key(value, "did:key:" P256 "#" P256, "assertionMethod", 0, &key), LIB_DID_KEY_OK);
    assert_int_equal(key.type, LIB_KEY_P256);
    assert_int_equal(lib_did_find_key(value, "did:key:" P256 "#" P384, "assertionMethod", 0, &key),
                     LIB_DID_KEY_UNKNOWN);
    assert_int_equal(lib_did_find_key(value, "did:key:" P256, "assertionMethod", 0, &key), LIB_DID_KEY_UNKNOWN);
    assert_int_equal(lib_did_find_key(value, "did:key:" P256 "#" P256, "keyAgreement", 0, &key),
                     LIB_DID_KEY_NOT_FOR_THIS);
    json_decref(value);
    assert_null(lib_did_key_document(DID));
}

static lib_did_key_result find(const char *methods, const char *more, const char *url, const char *purpose)
{
    json_t *value = document(methods, more);
    lib_public_key key;
    lib_did_key_result result = lib_did_find_key(value, url, purpose, 1700000000, &key);

    json_decref(value);
    return result;
}

static void a_key_counts_only_for_what_its_document_names_it_for(void **state)
{
    static const char *const asserts = ",\"assertionMethod\":[\"" DID "#a\"]";
    const char *one = METHOD(DID "#a", KEY(ED25519));

    assert_int_equal(find(one, asserts, DID "#a", "assertionMethod"), LIB_DID_KEY_OK);
    assert_int_equal(find(one, asserts, DID "#a", "authentication"), LIB_DID_KEY_NOT_FOR_THIS);
    assert_int_equal(find(one, asserts, DID "#b", "assertionMethod"), LIB_DID_KEY_UNKNOWN);
    assert_int_equal(find(one, asserts, "did:web:example.com#a", "assertionMethod"), LIB_DID_KEY_UNKNOWN);
    assert_int_equal(find(one, asserts, DID "#a#a", "assertionMethod"), LIB_DID_KEY_UNKNOWN);
    assert_int_equal(find(METHOD("#a", KEY(P256)), ",\"authentication\":[\"#a\"]", DID "#a", "authentication"),
                     LIB_DID_KEY_OK);
    assert_int_equal(find(one, ",\"authentication\":[" METHOD(DID "#e", KEY(P384)) "]", DID "#e", "authentication"),
                     LIB_DID_KEY_OK);
    assert_int_equal(find(one, ",\"authentication\":[" METHOD(DID "#e", KEY(P384)) "]", DID "#e", "assertionMethod"),
                     LIB_DID_KEY_UNKNOWN);
    assert_int_equal(find("{\"id\":\"" DID
                          "#a\",\"type\":\"Multikey\",\"controller\":\"did:web:example.com\"" KEY(P256) "}",
                          asserts, DID "#a", "assertionMethod"),
                     LIB_DID_KEY_UNKNOWN);
}

static void keys_end_when_their_document_says(void **state)
{
    static const char *const asserts = ",\"assertionMethod\":[\"" DID "#a\"]";

    /* now is 2023-11-14T22:13:20Z */
#define FIND_WITH(more) find(METHOD(DID "#a", KEY(ED25519) more), asserts, DID "#a", "assertionMethod")
    assert_int_equal(FIND_WITH(",\"expires\":\"2023-11-14T22:13:21Z\""), LIB_DID_KEY_OK);
    assert_int_equal(FIND_WITH(",\"expires\":\"2023-11-14T22:13:20Z\""), LIB_DID_KEY_EXPIRED);
    assert_int_equal(FIND_WITH(",\"expires\":\"2023-11-15T00:13:20+02:00\""), LIB_DID_KEY_EXPIRED);
    assert_int_equal(FIND_WITH(",\"revoked\":\"2023-11-14T22:13:20Z\""), LIB_DID_KEY_REVOKED);
    assert_int_equal(FIND_WITH(",\"revoked\":\"2033-11-14T22:13:20Z\""), LIB_DID_KEY_OK);
    assert_int_equal(FIND_WITH(",\"revoked\":true"), LIB_DID_KEY_UNREADABLE);
    assert_int_equal(FIND_WITH(",\"expires\":\"soon\""), LIB_DID_KEY_UNREADABLE);
    assert_int_equal(FIND_WITH(",\"publicKeyJwk\":{}"), LIB_DID_KEY_UNREADABLE);
#undef FIND_WITH
}

static void refused(const char *methods, const char *more, const char *because)
{
    const char *why = "nothing";
    json_t *value = document(methods, more);

    assert_false(lib_did_document_check(value, DID, &why));
    assert_string_equal(why, because);
    json_decref(value);
}

static void a_document_is_registered_only_whole(void **state)
{
    const char *one = METHOD(DID "#a", KEY(ED25519)), *why = "";
    json_t *value = document(one, ",\"assertionMethod\":[\"#a\"],\"keyAgreement\":[\"#x\"]");

    assert_true(lib_did_document_check(value, DID, &why));
    assert_false(lib_did_document_check(value, "did:web:example.com", &why));
    assert_string_equal(why, "id is not the DID");
    json_decref(value);
    refused("", "", "verificationMethod has not 1 to 32 elements");
    refused(METHOD(DID "#a", ""), "", "a verification method has no Ed25519, P-256 or P-384 key as Multikey or JWK");
    refused(METHOD("did:web:example.com#a", KEY(P256)), "", "a verification method's id is not below the DID");
    refused(METHOD(DID "#", KEY(P256)), "", "a verification method's id is not below the DID");
    refused(METHOD(DID "#a", KEY(P256)) "," METHOD("#a", KEY(P384)), "", "two verification methods have one id");
    refused(METHOD(DID "#a", KEY(P256) ",\"secretKeyMultibase\":\"z\""), "",
            "a verification method holds a private key");
    refused(METHOD(DID "#a", KEY(P256) ",\"expires\":1"), "", "a verification method's expires or revoked is no time");
    refused("{\"id\":\"" DID "#a\",\"type\":\"Multikey\"" KEY(P256) "}", "",
            "a verification method has another controller than the DID");
    refused(one, ",\"authentication\":[\"#b\"]", "a relationship names a verification method that is not there");
    refused(one, ",\"authentication\":[7]", "a relationship names a verification method that is not there");
    refused(one, ",\"authentication\":\"#a\"", "a relationship is no array");
    refused(one, ",\"authentication\":[" METHOD("#b", "") "]",
            "a verification method has no Ed25519, P-256 or P-384 key as Multikey or JWK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base58_is_as_its_draft_lists_it),
        cmocka_unit_test(base58_goes_both_ways_at_every_length),
        cmocka_unit_test(base64url_is_strict),
        cmocka_unit_test(only_dids_of_our_methods_are_ours),
        cmocka_unit_test(dids_of_other_methods_have_a_grammar_too),
        cmocka_unit_test(keys_go_to_multibase_and_back),
        cmocka_unit_test(what_is_no_point_of_its_curve_is_no_key),
        cmocka_unit_test(jwks_are_the_same_keys),
        cmocka_unit_test(a_did_key_is_its_own_document),
        cmocka_unit_test(a_key_counts_only_for_what_its_document_names_it_for),
        cmocka_unit_test(keys_end_when_their_document_says),
        cmocka_unit_test(a_document_is_registered_only_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
