/* state.c: how records are kept: canonical, each version apart, a salted commit in public. */
#include "lib/state.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"

enum {
    salt_len = 16,
    max_versions = 999999 /* six digits in a version's key */
};

fcc_bytes lib_key(lib_call *call, const char *type, const char *a, const char *b, const char *c)
{
    fcc_bytes parts[3], key = { 0 };
    size_t n = 0;
    const char *const given[] = { a, b, c };

    while (n < 3 && given[n]) {
        parts[n] = fcc_str(given[n]);
        n++;
    }
    if (fcc_create_composite_key(call->stub, fcc_str(type), parts, n, &key) != FCC_OK)
        return fcc_bytes_of(NULL, 0);
    return key;
}

/* ---- reading and writing ---- */

static fcc_status parse(lib_call *call, fcc_bytes value, const json_t **out)
{
    json_t *parsed = NULL;

    if (value.len) {
        parsed = lib_own(call, lib_json_load_own(value));
        if (!parsed)
            return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a value on the ledger is not JSON");
    }
    *out = parsed;
    return FCC_OK;
}

fcc_status lib_read(lib_call *call, const char *collection, fcc_bytes key, const json_t **out)
{
    fcc_bytes value = { 0 };
    fcc_status st;

    if (key.len == 0)
        return FCC_ERR_ARG;
    st = collection ? fcc_get_private_data(call->stub, fcc_str(collection), key, &value)
                    : fcc_get_state(call->stub, key, &value);
    return st == FCC_OK ? parse(call, value, out) : st;
}

fcc_status lib_read_many(lib_call *call, const char *collection, const fcc_bytes *keys, size_t count,
                         const json_t **out)
{
    const fcc_bytes *values = NULL;
    fcc_status st;

    if (count == 0)
        return FCC_OK;
    for (size_t i = 0; i < count; i++)
        if (keys[i].len == 0)
            return FCC_ERR_ARG;
    st = collection ? fcc_get_multiple_private_data(call->stub, fcc_str(collection), keys, count, &values)
                    : fcc_get_multiple_states(call->stub, keys, count, &values);
    for (size_t i = 0; st == FCC_OK && i < count; i++)
        st = parse(call, values[i], &out[i]);
    return st;
}

static fcc_status write_json(lib_call *call, const char *collection, fcc_bytes key, const json_t *value)
{
    size_t len = 0;
    char *text = lib_json_canonical(value, &len);
    fcc_status st = FCC_ERR_NOMEM;

    if (key.len == 0)
        st = FCC_ERR_ARG;
    else if (text && collection)
        st = fcc_put_private_data(call->stub, fcc_str(collection), key, fcc_bytes_of(text, len));
    else if (text)
        st = fcc_put_state(call->stub, key, fcc_bytes_of(text, len));
    free(text);
    return st;
}

fcc_status lib_write(lib_call *call, const char *collection, fcc_bytes key, json_t *value)
{
    fcc_status st = write_json(call, collection, key, value);

    json_decref(value);
    return st;
}

fcc_status lib_write_mark(lib_call *call, const char *collection, fcc_bytes key)
{
    return lib_write(call, collection, key, json_pack("{s:i}", "fmt", 1));
}

fcc_status lib_write_version(lib_call *call, const char *collection, const char *type, const char *a, const char *b,
                             const json_t *record)
{
    char version_type[32], version[8];
    json_int_t v = json_integer_value(json_object_get(record, "v"));
    fcc_status st;

    if (v < 1 || v > max_versions)
        return fcc_fail(call->stub, FCC_ERR_INTERNAL, "a record without version");
    snprintf(version_type, sizeof(version_type), "%sV", type);
    snprintf(version, sizeof(version), "%06d", (int)v);
    if ((st = write_json(call, collection, lib_key(call, type, a, b, NULL), record)) != FCC_OK)
        return st;
    return write_json(call, collection,
                      b ? lib_key(call, version_type, a, b, version) : lib_key(call, version_type, a, version, NULL),
                      record);
}

fcc_status lib_write_record(lib_call *call, const char *collection, const char *type, const char *a, const char *b,
                            const json_t *record, const char *doc_type, const char *id, const char *status)
{
    char commit[2 * LIB_SHA256_LEN + 1];
    fcc_status st;

    if (!lib_commit_of(record, commit))
        return fcc_fail(call->stub, FCC_ERR_INTERNAL, "a record without salt");
    if ((st = lib_write_version(call, collection, type, a, b, record)) != FCC_OK)
        return st;
    return lib_write(call, NULL, lib_key(call, "ACT", id, NULL, NULL),
                     json_pack("{s:s,s:s,s:s,s:s,s:O}", "docType", doc_type, "id", id, "status", status, "commit",
                               commit, "v", json_object_get(record, "v")));
}

/* ---- versions of a record ---- */

int lib_version(const json_t *record)
{
    return (int)json_integer_value(json_object_get(record, "v"));
}

json_t *lib_next(lib_call *call, const json_t *record, const char *salt)
{
    json_t *next = lib_own(call, json_copy((json_t *)record));

    if (!next || json_object_set_new(next, "v", json_integer(lib_version(record) + 1)) != 0 ||
        json_object_set_new(next, "salt", json_string(salt)) != 0)
        return NULL;
    return next;
}

fcc_status lib_set(json_t *record, const char *name, const char *value)
{
    if (!value) {
        json_object_del(record, name);
        return FCC_OK;
    }
    return json_object_set_new(record, name, json_string(value)) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

fcc_status lib_second_salt(lib_call *call, const char *salt, const char *id, const char **out)
{
    char derived[LIB_TAG_HEX_SIZE];
    fcc_status st = lib_derive_id(call, salt, lib_key(call, "SALT", id, NULL, NULL), derived);

    if (st != FCC_OK)
        return st;
    *out = lib_string(call, fcc_str(derived));
    return *out ? FCC_OK : FCC_ERR_NOMEM;
}

fcc_status lib_keep_salt(lib_call *call, const char *collection)
{
    const fcc_bytes key = lib_key(call, "SALT", NULL, NULL, NULL);
    const json_t *old = NULL;
    fcc_status st = lib_read(call, collection, key, &old);

    if (st != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "the salt is never changed");
    return lib_write(call, collection, key, json_pack("{s:i,s:s}", "fmt", 1, "salt", lib_in_text(call, "salt")));
}

fcc_status lib_kept_salt(lib_call *call, const char *collection, const char **salt)
{
    const json_t *kept = NULL;
    fcc_status st = lib_read(call, collection, lib_key(call, "SALT", NULL, NULL, NULL), &kept);

    if (st != FCC_OK)
        return st;
    *salt = lib_text(kept, "salt");
    return *salt ? FCC_OK : lib_refuse(call, LIB_PRECONDITION, "Setup has not been called");
}

fcc_status lib_answer_act(lib_call *call, const char *event, const char *id, int v)
{
    fcc_status st = event ? lib_event(call, event, json_pack("{s:s}", "id", id)) : FCC_OK;

    return st == FCC_OK ? lib_answer(call, json_pack("{s:s,s:i}", "id", id, "v", v)) : st;
}

/* ---- digests ---- */

/* SHA-256 of two pieces joined. */
static bool digest_of(const uint8_t *a, size_t a_len, const void *b, size_t b_len, uint8_t out[LIB_SHA256_LEN])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, a, a_len) == 1 &&
              EVP_DigestUpdate(ctx, b, b_len) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

bool lib_commit_of(const json_t *record, char out[2 * LIB_SHA256_LEN + 1])
{
    const char *salt = json_string_value(json_object_get(record, "salt"));
    uint8_t salt_bytes[salt_len], digest[LIB_SHA256_LEN];
    size_t len = 0;
    char *text = NULL;
    bool ok = false;

    if (salt && lib_is_hex(salt, 2 * (size_t)salt_len) && (text = lib_json_canonical(record, &len)) != NULL) {
        lib_from_hex(salt, salt_bytes, salt_len);
        ok = digest_of(salt_bytes, salt_len, text, len, digest);
    }
    if (ok)
        lib_to_hex(digest, sizeof(digest), out);
    free(text);
    return ok;
}

fcc_status lib_derive_id(lib_call *call, const char *salt, fcc_bytes key, char out[LIB_TAG_HEX_SIZE])
{
    uint8_t salt_bytes[salt_len], digest[LIB_SHA256_LEN];

    lib_from_hex(salt, salt_bytes, salt_len);
    if (key.len == 0 || !digest_of(salt_bytes, salt_len, key.data, key.len, digest))
        return FCC_ERR_NOMEM;
    lib_to_hex(digest, 16, out);
    return FCC_OK;
}

bool lib_sha256_hex(fcc_bytes text, char out[2 * LIB_SHA256_LEN + 1])
{
    uint8_t digest[LIB_SHA256_LEN];
    bool ok = digest_of(text.data, text.len, "", 0, digest);

    if (ok)
        lib_to_hex(digest, sizeof(digest), out);
    return ok;
}

fcc_status lib_hmac(const char *salt_hex, fcc_bytes text, char out[2 * LIB_SHA256_LEN + 1])
{
    uint8_t salt[LIB_SHA256_LEN], mac[LIB_SHA256_LEN];
    unsigned len = 0;

    lib_from_hex(salt_hex, salt, sizeof(salt));
    if (!HMAC(EVP_sha256(), salt, sizeof(salt), text.data, text.len, mac, &len) || len != sizeof(mac))
        return FCC_ERR_INTERNAL;
    lib_to_hex(mac, sizeof(mac), out);
    return FCC_OK;
}

fcc_status lib_tag(const char *salt_hex, fcc_bytes text, char out[LIB_TAG_HEX_SIZE])
{
    char whole[2 * LIB_SHA256_LEN + 1];
    fcc_status st = lib_hmac(salt_hex, text, whole);

    if (st == FCC_OK) {
        memcpy(out, whole, LIB_TAG_HEX_SIZE - 1);
        out[LIB_TAG_HEX_SIZE - 1] = 0;
    }
    return st;
}

/* ---- events and time ---- */

fcc_status lib_event(lib_call *call, const char *name, json_t *payload)
{
    size_t len = 0;
    char *text = lib_json_canonical(payload, &len);
    fcc_status st = text ? fcc_set_event(call->stub, fcc_str(name), fcc_bytes_of(text, len)) : FCC_ERR_NOMEM;

    free(text);
    json_decref(payload);
    return st;
}

const char *lib_time(lib_call *call, int64_t epoch)
{
    char text[LIB_TIME_SIZE];

    lib_time_format(epoch, text);
    return lib_string(call, fcc_str(text));
}

/* ---- functions that every chaincode with acts has ---- */

const lib_field lib_verify_fields[1] = { { .name = "record", .type = LIB_OBJECT } };

fcc_status lib_verify_commit(lib_call *call)
{
    char commit[2 * LIB_SHA256_LEN + 1];
    const char *id = NULL, *kept;
    const json_t *act = NULL;
    fcc_status st = lib_id_arg(call, 0, &id);

    if (st != FCC_OK)
        return st;
    if (!lib_commit_of(lib_in(call, "record"), commit))
        return lib_refuse(call, LIB_BAD_INPUT, "record has no salt, or a number that is not an integer");
    if ((st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (!act)
        return lib_refuse(call, LIB_NOT_FOUND, "no act has this id");
    kept = json_string_value(json_object_get(act, "commit"));
    return lib_answer(call, json_boolean(kept && strcmp(kept, commit) == 0));
}

fcc_status lib_act_history(lib_call *call, const char *id)
{
    fcc_iter *iter = NULL;
    json_t *history = lib_own(call, json_array());
    fcc_bytes key = lib_key(call, "ACT", id, NULL, NULL);
    fcc_status st;

    if (!history || key.len == 0)
        return FCC_ERR_NOMEM;
    if ((st = fcc_get_history_for_key(call->stub, key, &iter)) != FCC_OK)
        return st;
    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_key_modification change;
        const json_t *value = NULL;
        json_t *entry;

        if ((st = fcc_iter_next_modification(iter, &change)) != FCC_OK ||
            (st = parse(call, change.is_delete ? fcc_bytes_of(NULL, 0) : change.value, &value)) != FCC_OK)
            break;
        entry = json_pack("{s:s%,s:s,s:b,s:O?}", "txId", (const char *)change.tx_id.data, change.tx_id.len, "at",
                          lib_time(call, change.seconds), "deleted", change.is_delete, "value", value);
        /* Fabric gives the newest first; a history reads from the beginning */
        if (!entry || json_array_insert_new(history, 0, entry) != 0)
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    if (st != FCC_OK)
        return st;
    if (json_array_size(history) == 0)
        return lib_refuse(call, LIB_NOT_FOUND, "no act has this id");
    return lib_answer(call, json_pack("{s:s,s:O}", "id", id, "history", history));
}
