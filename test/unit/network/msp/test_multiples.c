/* Verification with a table of a key's multiples gives what OpenSSL's own gives, for every signature there could be. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "test/unit/network/msp/fixture.h"

#include "msp/internal.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rand.h>

typedef struct scene {
    fcc__arena *arena;
    EVP_PKEY *key;
    msp__multiples *multiples;
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *secret;
} scene;

static bool openssl_says(EVP_PKEY *key, const fcc__sha256 *digest, fcc_bytes signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good;

    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    good = EVP_PKEY_verify(ctx, signature.data, signature.len, digest->bytes, sizeof digest->bytes) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static fcc_bytes sign(scene *s, const fcc__sha256 *digest)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->key, NULL);
    unsigned char raw[80];
    size_t len = sizeof raw;
    fcc_bytes out;

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, raw, &len, digest->bytes, sizeof digest->bytes), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_true(fcc__arena_copy(s->arena, fcc_bytes_of(raw, len), &out));
    return out;
}

/* In DER, taken over. */
static fcc_bytes of_numbers(scene *s, BIGNUM *r, BIGNUM *t)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *der = NULL;
    fcc_bytes out;
    int len;

    assert_int_equal(ECDSA_SIG_set0(sig, r, t), 1);
    len = i2d_ECDSA_SIG(sig, &der);
    assert_true(len > 0 && fcc__arena_copy(s->arena, fcc_bytes_of(der, (size_t)len), &out));
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return out;
}

static void both_say(scene *s, const fcc__sha256 *digest, fcc_bytes signature, bool good)
{
    assert_int_equal(openssl_says(s->key, digest, signature), good);
    assert_int_equal(msp__multiples_verify(s->multiples, digest, signature), good);
}

static fcc__sha256 any_digest(void)
{
    fcc__sha256 digest;

    assert_int_equal(RAND_bytes(digest.bytes, sizeof digest.bytes), 1);
    return digest;
}

static void a_good_signature_is_good_and_with_any_bit_changed_it_is_not(void **state)
{
    scene *s = *state;
    int round;

    for (round = 0; round < 4; round++) {
        fcc__sha256 digest = any_digest(), other;
        fcc_bytes signature = sign(s, &digest);
        uint8_t *bytes = (uint8_t *)(uintptr_t)signature.data;
        size_t bit;

        both_say(s, &digest, signature, true);
        for (bit = 0; bit < 8 * signature.len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            both_say(s, &digest, signature, false);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (bit = 0; bit < 256; bit += 17) {
            other = digest;
            other.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            both_say(s, &other, signature, false);
        }
        both_say(s, &digest, fcc_bytes_of(signature.data, signature.len - 1), false);
    }
}

static void digests_at_the_ends_are_taken(void **state)
{
    scene *s = *state;
    fcc__sha256 zeros = { { 0 } }, ones;

    memset(ones.bytes, 0xff, sizeof ones.bytes); /* above the order */
    both_say(s, &zeros, sign(s, &zeros), true);
    both_say(s, &ones, sign(s, &ones), true);
    both_say(s, &ones, sign(s, &zeros), false);
}

/* r and s of a good signature, to be freed. */
static void numbers_of(fcc_bytes signature, BIGNUM **r, BIGNUM **t)
{
    const unsigned char *at = signature.data;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)signature.len);

    *r = BN_dup(ECDSA_SIG_get0_r(sig));
    *t = BN_dup(ECDSA_SIG_get0_s(sig));
    ECDSA_SIG_free(sig);
}

static void numbers_out_of_range_are_refused(void **state)
{
    scene *s = *state;
    const BIGNUM *order = EC_GROUP_get0_order(s->group);
    fcc__sha256 digest = any_digest();
    fcc_bytes signature = sign(s, &digest);
    BIGNUM *r, *t, *x;
    int which, how;

    for (which = 0; which < 2; which++)
        for (how = 0; how < 3; how++) {
            numbers_of(signature, &r, &t);
            x = which ? t : r;
            if (how == 0)
                BN_zero(x);
            else if (how == 1)
                assert_int_equal(BN_add(x, x, order), 1);
            else
                assert_non_null(BN_copy(x, order));
            both_say(s, &digest, of_numbers(s, r, t), false);
        }
    /* the other s is a signature as well: whoever wants low ones alone asks before */
    numbers_of(signature, &r, &t);
    assert_int_equal(BN_sub(t, order, t), 1);
    both_say(s, &digest, of_numbers(s, r, t), true);
}

static void another_encoding_of_a_good_signature_is_none(void **state)
{
    scene *s = *state;
    fcc__sha256 digest = any_digest();
    fcc_bytes signature = sign(s, &digest);
    uint8_t longer[90];

    memcpy(longer, signature.data, signature.len);
    longer[signature.len] = 0;
    both_say(s, &digest, fcc_bytes_of(longer, signature.len + 1), false);
    /* its length in two bytes */
    longer[0] = signature.data[0];
    longer[1] = 0x81;
    memcpy(longer + 2, signature.data + 1, signature.len - 1);
    both_say(s, &digest, fcc_bytes_of(longer, signature.len + 1), false);
    both_say(s, &digest, FCC_LIT(""), false);
    both_say(s, &digest, FCC_LIT("no signature"), false);
}

static void digest_of(const BIGNUM *n, fcc__sha256 *digest)
{
    assert_int_equal(BN_bn2binpad(n, digest->bytes, sizeof digest->bytes), (int)sizeof digest->bytes);
}

/* Both halves are the same point for the digest r*secret, and opposite ones, whose sum is none, for -r*secret. */
static void equal_and_opposite_halves_are_added_rightly(void **state)
{
    scene *s = *state;
    const BIGNUM *order = EC_GROUP_get0_order(s->group);
    EC_POINT *point = EC_POINT_new(s->group);
    BIGNUM *k = BN_new(), *r = BN_new(), *t = BN_new(), *e = BN_new();
    fcc__sha256 digest;
    fcc_bytes signature;

    assert_int_equal(BN_rand_range(k, order), 1);
    assert_int_equal(EC_POINT_mul(s->group, point, k, NULL, NULL, s->ctx), 1);
    assert_int_equal(EC_POINT_get_affine_coordinates(s->group, point, r, NULL, s->ctx), 1);
    assert_int_equal(BN_nnmod(r, r, order, s->ctx), 1);
    assert_int_equal(BN_mod_mul(e, r, s->secret, order, s->ctx), 1);
    digest_of(e, &digest);
    /* s = (e + r*secret) / k */
    assert_int_equal(BN_mod_lshift1(t, e, order, s->ctx), 1);
    assert_non_null(BN_mod_inverse(k, k, order, s->ctx));
    assert_int_equal(BN_mod_mul(t, t, k, order, s->ctx), 1);
    signature = of_numbers(s, BN_dup(r), t);
    both_say(s, &digest, signature, true);
    assert_int_equal(BN_sub(e, order, e), 1);
    digest_of(e, &digest);
    both_say(s, &digest, signature, false);
    BN_free(k);
    BN_free(r);
    BN_free(e);
    EC_POINT_free(point);
}

static void other_keys_get_no_table(void **state)
{
    EVP_PKEY *p384 = EVP_EC_gen("P-384"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    (void)state;
    assert_null(msp__multiples_new(p384));
    assert_null(msp__multiples_new(ed));
    EVP_PKEY_free(p384);
    EVP_PKEY_free(ed);
}

static void who_signs_often_is_verified_with_a_table_and_judged_as_before(void **state)
{
    scene *s = *state;
    fix_ca a = fix_authority("ca.a", NULL);
    fix_person person = fix_person_of(&a, "client");
    msp_signer *signer = fix_signer(s->arena, "AMSP", &person);
    msp_org *org = fix_org(s->arena, "AMSP", &a, NULL, NULL);
    msp_manager *manager = fix_manager(&org, 1);
    const fcc_bytes other = FCC_LIT("other");
    const msp_identity *id;
    fcc_bytes signature;
    unsigned i;

    assert_int_equal(msp_deserialize(manager, msp_signer_identity(signer), &id, NULL), FCC_OK);
    for (i = 0; i < MSP__OFTEN + 100; i++) {
        fcc_bytes message = fcc_bytes_of(&i, sizeof i);

        if (i == 0)
            assert_null(id->use->multiples);
        assert_int_equal(msp_sign(signer, &message, 1, s->arena, &signature), FCC_OK);
        assert_int_equal(msp_verify(id, &message, 1, signature, NULL), FCC_OK);
        if (i % 100 == 99)
            assert_int_equal(msp_verify(id, &other, 1, signature, NULL), FCC_ERR_AUTH);
    }
    assert_non_null(id->use->multiples);
    msp_manager_free(manager);
    msp_signer_free(signer);
    fix_person_clear(&person);
    fix_ca_clear(&a);
}

static int setup(void **state)
{
    scene *s = calloc(1, sizeof *s);

    s->arena = fcc__arena_new(64 << 20);
    s->key = EVP_EC_gen("P-256");
    s->multiples = msp__multiples_new(s->key);
    s->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    s->ctx = BN_CTX_new();
    assert_non_null(s->multiples);
    assert_int_equal(EVP_PKEY_get_bn_param(s->key, OSSL_PKEY_PARAM_PRIV_KEY, &s->secret), 1);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    scene *s = *state;

    msp__multiples_free(s->multiples);
    EVP_PKEY_free(s->key);
    EC_GROUP_free(s->group);
    BN_CTX_free(s->ctx);
    BN_free(s->secret);
    fcc__arena_free(s->arena);
    free(s);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_signature_is_good_and_with_any_bit_changed_it_is_not),
        TEST(digests_at_the_ends_are_taken),
        TEST(numbers_out_of_range_are_refused),
        TEST(another_encoding_of_a_good_signature_is_none),
        TEST(equal_and_opposite_halves_are_added_rightly),
        TEST(other_keys_get_no_table),
        TEST(who_signs_often_is_verified_with_a_table_and_judged_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
