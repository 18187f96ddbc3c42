/* did_key.c: public keys as Multikey and as JWK. */
#include "lib/did.h"

#include "lib/multibase.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <stdlib.h>

static const struct kind {
    lib_key_type type;
    uint8_t codec[2]; /* the multicodec, as a varint */
    size_t len;
    const char *kty, *crv; /* of a JWK */
    const char *group;     /* OpenSSL's name of the curve */
} kinds[] = {
    { LIB_KEY_ED25519, { 0xed, 0x01 }, 32, "OKP", "Ed25519", NULL },
    { LIB_KEY_P256, { 0x80, 0x24 }, 33, "EC", "P-256", "prime256v1" },
    { LIB_KEY_P384, { 0x81, 0x24 }, 49, "EC", "P-384", "secp384r1" },
};

static EVP_PKEY *open_point(const char *group, const uint8_t *point, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)point, len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;

    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *lib_key_open(const lib_public_key *key)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type != key->type || kinds[i].len != key->len)
            continue;
        if (key->type == LIB_KEY_ED25519)
            return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, key->len);
        return open_point(kinds[i].group, key->bytes, key->len);
    }
    return NULL;
}

static bool can_be_opened(const lib_public_key *key)
{
    EVP_PKEY *opened = lib_key_open(key);

    EVP_PKEY_free(opened);
    return opened != NULL;
}

bool lib_key_from_multibase(const char *text, lib_public_key *out)
{
    uint8_t bytes[2 + sizeof(out->bytes)];
    size_t len;

    if (text[0] != 'z' || !lib_base58_decode(text + 1, bytes, sizeof(bytes), &len) || len < 2)
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct kind *k = &kinds[i];
        lib_public_key key = { .type = k->type, .len = k->len };

        if (memcmp(bytes, k->codec, 2) != 0 || len != 2 + k->len)
            continue;
        memcpy(key.bytes, bytes + 2, k->len);
        /* a point starts with the sign of its y; one byte more or less would be another form of it */
        if (k->group && key.bytes[0] != 2 && key.bytes[0] != 3)
            return false;
        if (!can_be_opened(&key))
            return false;
        *out = key;
        return true;
    }
    return false;
}

char *lib_key_to_multibase(const lib_public_key *key)
{
    uint8_t bytes[2 + sizeof(key->bytes)];

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type != key->type)
            continue;
        memcpy(bytes, kinds[i].codec, 2);
        memcpy(bytes + 2, key->bytes, kinds[i].len);
        return lib_base58_encode('z', fcc_bytes_of(bytes, 2 + kinds[i].len));
    }
    return NULL;
}

/* A coordinate of exactly `len` bytes. */
static bool coordinate(const json_t *jwk, const char *name, uint8_t *out, size_t len)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    size_t have;

    return text && lib_base64url_decode_into(text, out, len, &have) && have == len;
}

bool lib_key_from_jwk(const json_t *jwk, lib_public_key *out)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    const char *crv = json_string_value(json_object_get(jwk, "crv"));

    if (!kty || !crv || json_object_get(jwk, "d"))
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct kind *k = &kinds[i];
        lib_public_key key = { .type = k->type, .len = k->len };
        uint8_t point[1 + 2 * 48];
        size_t half = k->len - 1;
        EVP_PKEY *opened;

        if (strcmp(k->kty, kty) != 0 || strcmp(k->crv, crv) != 0)
            continue;
        if (!k->group) {
            if (!coordinate(jwk, "x", key.bytes, k->len))
                return false;
            *out = key;
            return true;
        }
        point[0] = 4;
        if (!coordinate(jwk, "x", point + 1, half) || !coordinate(jwk, "y", point + 1 + half, half))
            return false;
        opened = open_point(k->group, point, 1 + 2 * half);
        if (!opened)
            return false;
        EVP_PKEY_free(opened);
        key.bytes[0] = (uint8_t)(2 + (point[2 * half] & 1));
        memcpy(key.bytes + 1, point + 1, half);
        *out = key;
        return true;
    }
    return false;
}
