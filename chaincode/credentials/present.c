/*
 * present.c: VerifyPresentation: whether credentials that somebody shows are to be believed, by what is on the ledger. It
 * comes by transient, because it says who somebody is, and the answer names no content of it.
 */
#include "credentials/parts.h"
#include "lib/json.h"
#include "lib/vc.h"

static const lib_field verify_fields[] = {
    { .name = "vp", .type = LIB_OBJECT },
    { .name = "challenge", .type = LIB_TEXT, .optional = true, .min = 1, .max = 256 },
    { .name = "domain", .type = LIB_TEXT, .optional = true, .min = 1, .max = 256 },
    { .name = "documents", .type = LIB_ARRAY, .optional = true, .min = 0, .max = 32 },
};

CRED_DEFINE(cred_verify_presentation, .flags = LIB_TIMED, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(verify_fields), .reads = "DID, ACCR, VC, SLIST, SL, PRAC, ORG",
            .answer = "`{\"credentials\",\"findings\":[{\"at\"?,\"check\",\"code\",\"credential\"?}],\"verified\"}`")

/* The document of a did:web or did:medsync comes with the presentation; what it must hash to is on the ledger. */
static fcc_status resolve(void *user, const char *did, const json_t **document)
{
    lib_call *call = user;
    const json_t *given = lib_in(call, "documents"), *record = NULL;
    char hex[2 * LIB_SHA256_LEN + 1];
    uint8_t digest[LIB_SHA256_LEN];
    fcc_status st = lib_read(call, NULL, cred_hashed_key(call, "DID", did, NULL), &record);

    for (size_t i = 0; st == FCC_OK && record && i < json_array_size(given); i++) {
        const json_t *one = json_array_get(given, i);

        if (!lib_text_is(one, "id", did) || !lib_json_hash(one, digest))
            continue;
        lib_to_hex(digest, sizeof(digest), hex);
        if (lib_text_is(record, "docHash", hex))
            *document = one;
    }
    return st;
}

static fcc_status accredited(void *user, const char *issuer, const char *type, bool *yes)
{
    lib_call *call = user;

    /* a type that is no id of ours can't be accredited */
    return lib_is_id(type) ? cred_accredited(call, issuer, type, yes) : FCC_OK;
}

/* The DID of who a credential was issued to: a person's or a place's; NULL when there is none. */
static fcc_status subject_did(lib_call *call, const char *subject, const char **did)
{
    const fcc_bytes keys[] = { lib_key(call, "PRAC", subject, NULL, NULL), lib_key(call, "ORG", subject, NULL, NULL) };
    const json_t *records[2] = { 0 };
    fcc_status st = lib_read_many(call, NULL, keys, 2, records);

    *did = NULL;
    if (st == FCC_OK)
        *did = lib_text(records[0] ? records[0] : records[1], "did");
    return st;
}

static fcc_status anchor(void *user, const char *id, lib_vc_anchor *out)
{
    lib_call *call = user;
    const json_t *vc = NULL, *list = NULL;
    const char *hash, *from, *until, *list_id, *subject;
    bool set = true;
    fcc_status st = lib_read(call, NULL, cred_hashed_key(call, "VC", id, NULL), &vc);

    if (st != FCC_OK || !vc)
        return st;
    hash = lib_text(vc, "hash");
    from = lib_text(vc, "validFrom");
    until = lib_text(vc, "validUntil");
    list_id = lib_text(vc, "listId");
    subject = lib_text(vc, "subject");
    if (!hash || !lib_is_hex(hash, 64) || !from || !lib_time_parse(from, &out->valid_from) || !until ||
        !lib_time_parse(until, &out->valid_until) || !list_id || !subject)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a credential lacks its fields");
    if ((st = lib_read(call, NULL, lib_key(call, "SLIST", list_id, NULL, NULL), &list)) != FCC_OK ||
        (st = cred_status_bit(call, list_id, json_integer_value(json_object_get(vc, "index")), list, &set)) != FCC_OK ||
        (st = subject_did(call, subject, &out->subject)) != FCC_OK)
        return st;
    lib_from_hex(hash, out->hash, sizeof(out->hash));
    out->found = true;
    out->type = lib_text(vc, "type");
    out->issuer = lib_text(vc, "issuer");
    out->suspended = set && lib_text_is(list, "purpose", "suspension");
    out->revoked = set && !out->suspended;
    return FCC_OK;
}

/* A status list credential's URL ends in the id of the list on the ledger. */
static fcc_status status(void *user, const char *issuer, const lib_status_entry *entry, lib_vc_status *out)
{
    const char *slash = strrchr(entry->credential, '/'), *id = slash ? slash + 1 : entry->credential;
    lib_call *call = user;
    const json_t *list = NULL;
    bool set = true;
    fcc_status st;

    if (!lib_is_id(id))
        return FCC_OK;
    st = lib_read(call, NULL, lib_key(call, "SLIST", id, NULL, NULL), &list);
    if (st != FCC_OK || !lib_text_is(list, "issuer", issuer) || !lib_text_is(list, "purpose", entry->purpose))
        return st;
    st = cred_status_bit(call, id, entry->index, list, &set);
    *out = set ? LIB_VC_STATUS_SET : LIB_VC_STATUS_CLEAR;
    return st;
}

static fcc_status cred_verify_presentation(lib_call *call)
{
    const lib_vp_context context = { .now = call->now,
                                     .challenge = lib_in_text(call, "challenge"),
                                     .domain = lib_in_text(call, "domain"),
                                     .user = call,
                                     .resolve = resolve,
                                     .accredited = accredited,
                                     .anchor = anchor,
                                     .status = status };
    json_t *report = NULL;
    fcc_status st = lib_vp_verify(lib_in(call, "vp"), &context, &report);

    return st == FCC_OK ? lib_answer(call, report) : st;
}
