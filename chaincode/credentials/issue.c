/*
 * issue.c: credentials and their status. The credential stays with its holder; the ledger has its hash, who issued it to
 * whom, when and where it holds, and a bit in one of the issuer's lists that says whether it is revoked or suspended. A
 * list lies in chunks of 1,024 bits, so that two revocations in one block rarely meet.
 */
#include "credentials/parts.h"
#include "lib/did.h"
#include "lib/json.h"
#include "lib/status_list.h"

#include <stdlib.h>

static const char *const purposes[] = { "revocation", "suspension", NULL };

static const lib_field create_args[] = {
    { .name = "listId", .type = LIB_ID },
    { .name = "purpose", .type = LIB_WORD, .words = purposes },
    { .name = "size", .type = LIB_INT, .min = LIB_STATUS_MIN_BITS, .max = LIB_STATUS_MAX_BITS },
};
static const lib_field issue_args[] = {
    { .name = "id", .type = LIB_URI, .max = 512 },
    { .name = "hash", .type = LIB_HEX, .max = 64 },
    { .name = "type", .type = LIB_ID },
    { .name = "subject", .type = LIB_ID },
    { .name = "listId", .type = LIB_ID },
    { .name = "index", .type = LIB_INT, .min = 0, .max = LIB_STATUS_MAX_BITS - 1 },
    { .name = "validFrom", .type = LIB_TIME },
    { .name = "validUntil", .type = LIB_TIME },
    { .name = "regions", .type = LIB_AREAS, .min = 1, .max = 32 },
};
static const lib_field status_args[] = {
    { .name = "listId", .type = LIB_ID },
    { .name = "index", .type = LIB_INT, .min = 0, .max = LIB_STATUS_MAX_BITS - 1 },
    { .name = "bit", .type = LIB_INT, .min = 0, .max = 1 },
};
static const lib_field list_args[] = { { .name = "listId", .type = LIB_ID } };

CRED_DEFINE(cred_create_status_list, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(create_args), .endorsers = "RC",
            .callers = "admin of an accredited issuer", .reads = "ORG, DID, SLIST", .writes = "SLIST")
CRED_DEFINE(cred_issue_credential, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(issue_args), .endorsers = "RC",
            .callers = "admin of an issuer accredited for the type", .reads = "ORG, ACCR, SLIST, SLI, VC, VCCUR",
            .writes = "VC, VCCUR, SLI")
CRED_DEFINE(cred_set_status, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(status_args), .endorsers = "RC",
            .callers = "admin of the list's issuer", .reads = "ORG, SLIST, SL", .writes = "SL")
CRED_DEFINE(cred_get_status_list, .roles = LIB_EVERY_ROLE, LIB_ARGS(list_args), .reads = "SLIST, SL",
            .answer = "`{\"encodedList\",\"issuer\",\"listId\",\"purpose\",\"size\"}`")

/* ---- the issuer ---- */

/* The DID of the caller's site; 403 DENIED:issuer when it has none. */
static fcc_status caller_issuer(lib_call *call, const char **issuer)
{
    const json_t *org = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "ORG", call->caller.site, NULL, NULL), &org);

    *issuer = st == FCC_OK ? lib_text(org, "did") : NULL;
    if (st == FCC_OK && !*issuer)
        st = lib_deny(call, "issuer", "the caller's site has no DID: it is no issuer");
    return st;
}

fcc_status cred_accredited(lib_call *call, const char *issuer, const char *type, bool *is)
{
    const json_t *record = NULL;
    fcc_status st = lib_read(call, NULL, cred_hashed_key(call, "ACCR", issuer, type), &record);

    *is = lib_text_is(record, "status", "accredited");
    return st;
}

static fcc_status require_list(lib_call *call, const char *id, const char *issuer, const json_t **list)
{
    fcc_status st = lib_read(call, NULL, lib_key(call, "SLIST", id, NULL, NULL), list);

    if (st != FCC_OK)
        return st;
    if (!*list)
        return lib_refuse(call, LIB_NOT_FOUND, "listId: no such list");
    if (issuer && !lib_text_is(*list, "issuer", issuer))
        return lib_deny(call, "issuer", "the list is another issuer's");
    return FCC_OK;
}

static int64_t size_of(const json_t *list)
{
    return json_integer_value(json_object_get(list, "size"));
}

/* ---- chunks ---- */

static fcc_bytes chunk_key(lib_call *call, const char *list, unsigned chunk)
{
    char number[8];

    snprintf(number, sizeof(number), "%04u", chunk);
    return lib_key(call, "SL", list, number, NULL);
}

/* A chunk that was never written is all zeros. */
static fcc_status read_chunk(lib_call *call, fcc_bytes key, uint8_t out[LIB_STATUS_CHUNK_BYTES])
{
    const json_t *chunk = NULL;
    const char *bits;
    fcc_status st = lib_read(call, NULL, key, &chunk);

    memset(out, 0, LIB_STATUS_CHUNK_BYTES);
    if (st != FCC_OK || !chunk)
        return st;
    bits = lib_text(chunk, "bits");
    if (!bits || !lib_is_hex(bits, 2 * (size_t)LIB_STATUS_CHUNK_BYTES))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a chunk of a status list is not what it should be");
    lib_from_hex(bits, out, LIB_STATUS_CHUNK_BYTES);
    return FCC_OK;
}

fcc_status cred_status_bit(lib_call *call, const char *id, int64_t index, const json_t *list, bool *set)
{
    uint8_t bytes[LIB_STATUS_CHUNK_BYTES];
    unsigned chunk, bit;
    fcc_status st;

    *set = true; /* an index that is nowhere clears nobody */
    if (!lib_status_locate(index, size_of(list), &chunk, &bit))
        return FCC_OK;
    st = read_chunk(call, chunk_key(call, id, chunk), bytes);
    if (st == FCC_OK)
        *set = lib_status_get(bytes, bit);
    return st;
}

/* ---- functions ---- */

static fcc_status cred_create_status_list(lib_call *call)
{
    const char *id = lib_arg_text(call, "listId"), *issuer;
    fcc_bytes key = lib_key(call, "SLIST", id, NULL, NULL);
    const json_t *did = NULL, *old = NULL;
    fcc_status st;

    if ((st = caller_issuer(call, &issuer)) != FCC_OK ||
        (st = lib_read(call, NULL, cred_hashed_key(call, "DID", issuer, NULL), &did)) != FCC_OK)
        return st;
    if (json_array_size(json_object_get(did, "accredited")) == 0)
        return lib_deny(call, "issuer", "the issuer is not accredited");
    if (!lib_status_is_size(json_integer_value(lib_arg(call, "size"))))
        return lib_refuse(call, LIB_BAD_INPUT, "size is no multiple of %d", LIB_STATUS_CHUNK_BITS);
    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "listId was used before");
    return lib_write(call, NULL, key,
                     json_pack("{s:i,s:s,s:s,s:O,s:O}", "fmt", 1, "listId", id, "issuer", issuer, "purpose",
                               lib_arg(call, "purpose"), "size", lib_arg(call, "size")));
}

static fcc_status check_issue(lib_call *call, const char *issuer)
{
    bool accredited = false;
    fcc_status st = cred_accredited(call, issuer, lib_arg_text(call, "type"), &accredited);

    if (st != FCC_OK)
        return st;
    if (!accredited)
        return lib_deny(call, "issuer", "the issuer is not accredited for this type");
    if (strcmp(lib_arg_text(call, "subject"), call->caller.uid) == 0 ||
        strcmp(lib_arg_text(call, "subject"), call->caller.site) == 0)
        return lib_deny(call, "self", "nobody issues to oneself");
    /* the one spelling of times sorts like the times */
    if (strcmp(lib_arg_text(call, "validUntil"), lib_arg_text(call, "validFrom")) < 0)
        return lib_refuse(call, LIB_BAD_INPUT, "validUntil is before validFrom");
    return FCC_OK;
}

/*
 * Which credential holds until the one that T says begins: that which was the newest, or which held before that one if
 * it has not begun either. NULL where T's holds at once.
 */
static fcc_status holds_until_then(lib_call *call, const json_t *newest, const char **before)
{
    const char *h = lib_text(newest, "vc");
    const json_t *vc = NULL;
    fcc_status st;

    *before = NULL;
    if (!h || cred_has_begun(call, call->public))
        return FCC_OK;
    if ((st = lib_read(call, NULL, lib_key(call, "VC", h, NULL, NULL), &vc)) != FCC_OK)
        return st;
    *before = cred_has_begun(call, vc) ? h : lib_text(newest, "before");
    return FCC_OK;
}

static fcc_status cred_issue_credential(lib_call *call)
{
    const char *list_id = lib_arg_text(call, "listId"), *issuer, *id = lib_arg_text(call, "id"), *before;
    const int64_t index = json_integer_value(lib_arg(call, "index"));
    const json_t *list = NULL, *records[3] = { 0 };
    char number[24], h[2 * LIB_SHA256_LEN + 1];
    fcc_bytes keys[3];
    unsigned chunk, bit;
    fcc_status st;

    if ((st = caller_issuer(call, &issuer)) != FCC_OK || (st = check_issue(call, issuer)) != FCC_OK ||
        (st = require_list(call, list_id, issuer, &list)) != FCC_OK)
        return st;
    if (!lib_status_locate(index, size_of(list), &chunk, &bit))
        return lib_refuse(call, LIB_BAD_INPUT, "index is beyond the list");
    snprintf(number, sizeof(number), "%07lld", (long long)index);
    if (!lib_sha256_hex(fcc_str(id), h))
        return FCC_ERR_NOMEM;
    keys[0] = lib_key(call, "VC", h, NULL, NULL);
    keys[1] = lib_key(call, "SLI", list_id, number, NULL);
    keys[2] = lib_key(call, "VCCUR", lib_arg_text(call, "subject"), lib_arg_text(call, "type"), NULL);
    if ((st = lib_read_many(call, NULL, keys, 3, records)) != FCC_OK)
        return st;
    if (records[0])
        return lib_refuse(call, LIB_ALREADY, "id was used before");
    if (records[1])
        return lib_refuse(call, LIB_CONFLICT, "index was used before");
    if ((st = holds_until_then(call, records[2], &before)) != FCC_OK)
        return st;
    st = lib_write(call, NULL, keys[0],
                   json_pack("{s:i,s:s,s:s,s:O,s:O,s:O,s:s,s:I,s:O,s:O,s:O}", "fmt", 1, "id", id, "issuer", issuer,
                             "hash", lib_arg(call, "hash"), "type", lib_arg(call, "type"), "subject",
                             lib_arg(call, "subject"), "listId", list_id, "index", index, "validFrom",
                             lib_arg(call, "validFrom"), "validUntil", lib_arg(call, "validUntil"), "regions",
                             lib_arg(call, "regions")));
    if (st != FCC_OK || (st = lib_write(call, NULL, keys[1], json_pack("{s:i,s:s}", "fmt", 1, "vc", h))) != FCC_OK ||
        (st = lib_write(call, NULL, keys[2], json_pack("{s:i,s:s,s:s*}", "fmt", 1, "vc", h, "before", before))) !=
            FCC_OK)
        return st;
    return lib_event(call, "CredentialIssued", json_pack("{s:s}", "vc", h));
}

static fcc_status cred_set_status(lib_call *call)
{
    const char *id = lib_arg_text(call, "listId"), *issuer;
    const int64_t index = json_integer_value(lib_arg(call, "index"));
    const bool wanted = json_integer_value(lib_arg(call, "bit")) == 1;
    uint8_t bytes[LIB_STATUS_CHUNK_BYTES];
    char hex[2 * LIB_STATUS_CHUNK_BYTES + 1];
    const json_t *list = NULL;
    unsigned chunk, bit;
    fcc_bytes key;
    fcc_status st;

    if ((st = caller_issuer(call, &issuer)) != FCC_OK || (st = require_list(call, id, issuer, &list)) != FCC_OK)
        return st;
    if (!lib_status_locate(index, size_of(list), &chunk, &bit))
        return lib_refuse(call, LIB_BAD_INPUT, "index is beyond the list");
    key = chunk_key(call, id, chunk);
    if ((st = read_chunk(call, key, bytes)) != FCC_OK)
        return st;
    if (lib_status_get(bytes, bit) == wanted)
        return lib_refuse(call, LIB_ALREADY, "the bit is %d", wanted);
    if (!wanted && lib_text_is(list, "purpose", "revocation"))
        return lib_refuse(call, LIB_INVARIANT, "what is revoked stays revoked");
    lib_status_set(bytes, bit, wanted);
    lib_to_hex(bytes, sizeof(bytes), hex);
    if ((st = lib_write(call, NULL, key, json_pack("{s:i,s:s}", "fmt", 1, "bits", hex))) != FCC_OK)
        return st;
    return lib_event(call, "CredentialStatus",
                     json_pack("{s:s,s:I,s:i}", "listId", id, "index", index, "bit", (int)wanted));
}

/* ---- GetStatusList ---- */

static fcc_status place(lib_call *call, const fcc_kv *kv, uint8_t *bytes, int64_t size)
{
    const fcc_bytes *parts = NULL;
    uint8_t chunk[LIB_STATUS_CHUNK_BYTES];
    unsigned number = 0;
    fcc_bytes type;
    size_t count = 0;
    fcc_status st = fcc_split_composite_key(call->stub, kv->key, &type, &parts, &count);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; count == 2 && i < parts[1].len && i < 4; i++)
        number = number * 10 + (unsigned)(parts[1].data[i] - '0');
    if ((st = read_chunk(call, kv->key, chunk)) != FCC_OK)
        return st;
    return lib_status_place(bytes, size, number, fcc_bytes_of(chunk, sizeof(chunk)))
               ? FCC_OK
               : fcc_fail(call->stub, FCC_ERR_CORRUPT, "a chunk lies beyond its list");
}

static fcc_status cred_get_status_list(lib_call *call)
{
    const char *id = lib_arg_text(call, "listId");
    const fcc_bytes part = fcc_str(id);
    const json_t *list = NULL;
    uint8_t *bytes = NULL;
    char *encoded = NULL;
    fcc_iter *iter = NULL;
    fcc_status st = require_list(call, id, NULL, &list);

    if (st != FCC_OK)
        return st;
    bytes = calloc((size_t)size_of(list) / 8, 1);
    if (!bytes)
        return FCC_ERR_NOMEM;
    st = fcc_get_state_by_partial_composite_key(call->stub, FCC_LIT("SL"), &part, 1, &iter);
    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) == FCC_OK)
            st = place(call, &kv, bytes, size_of(list));
    }
    fcc_iter_close(iter);
    if (st == FCC_OK && !(encoded = lib_status_encode(fcc_bytes_of(bytes, (size_t)size_of(list) / 8))))
        st = FCC_ERR_NOMEM;
    if (st == FCC_OK)
        st = lib_answer(call, json_pack("{s:s,s:O,s:O,s:O,s:s}", "listId", id, "issuer",
                                        json_object_get(list, "issuer"), "purpose", json_object_get(list, "purpose"),
                                        "size", json_object_get(list, "size"), "encodedList", encoded));
    free(encoded);
    free(bytes);
    return st;
}
