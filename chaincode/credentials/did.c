/*
 * did.c: decentralised identifiers: what their documents must hash to, and who may say so. A site's DID (put by one of its
 * administrators) makes the site an issuer, once the regulator accredits it for a type of credential.
 */
#include "credentials/parts.h"
#include "lib/did.h"

static const lib_field put_args[] = {
    { .name = "did", .type = LIB_URI, .max = LIB_DID_MAX },
    { .name = "docHash", .type = LIB_HEX, .max = 64 },
    { .name = "nonce", .type = LIB_ID },
};
static const lib_field get_args[] = { { .name = "did", .type = LIB_URI, .max = LIB_DID_MAX } };
static const lib_field accredit_args[] = {
    { .name = "issuerDid", .type = LIB_URI, .max = LIB_DID_MAX },
    { .name = "type", .type = LIB_ID },
};

CRED_DEFINE(cred_put_did, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE & ~LIB_PATIENT, LIB_ARGS(put_args),
            .endorsers = "RC",
            .callers = "its controller: staff for themselves, an admin for the site; who puts it first",
            .reads = "DID; ORG or PRAC", .writes = "DID; ORG or PRAC")
CRED_DEFINE(cred_get_did, .roles = LIB_EVERY_ROLE, LIB_ARGS(get_args), .reads = "DID", .answer = "the record")
CRED_DEFINE(cred_accredit, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(accredit_args), .endorsers = "RC",
            .callers = "admin of R, not for the own site", .reads = "ACCR, DID", .writes = "ACCR, DID")
CRED_DEFINE(cred_withdraw, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(accredit_args), .endorsers = "RC",
            .callers = "admin of R", .reads = "ACCR, DID", .writes = "ACCR, DID")

fcc_bytes cred_hashed_key(lib_call *call, const char *type, const char *foreign, const char *more)
{
    char hex[2 * LIB_SHA256_LEN + 1];

    return lib_sha256_hex(fcc_str(foreign), hex) ? lib_key(call, type, hex, more, NULL) : fcc_bytes_of(NULL, 0);
}

/* ---- PutDid ---- */

/* The controller, and the record that says which DID is theirs. */
static fcc_status controller(lib_call *call, const char **owner, fcc_bytes *key, const json_t **record)
{
    const bool site = call->caller.role == LIB_ADMIN;
    const char *id = site ? call->caller.site : call->caller.uid;
    char text[70];

    snprintf(text, sizeof(text), "%c:%s", site ? 'g' : 'u', id);
    *owner = lib_string(call, fcc_str(text));
    *key = lib_key(call, site ? "ORG" : "PRAC", id, NULL, NULL);
    return *owner ? lib_read(call, NULL, *key, record) : FCC_ERR_NOMEM;
}

static fcc_status cred_put_did(lib_call *call)
{
    const char *did = lib_arg_text(call, "did"), *owner;
    const json_t *old = NULL, *holder = NULL;
    json_t *record;
    fcc_bytes holder_key, key = cred_hashed_key(call, "DID", did, NULL);
    fcc_status st;

    if (lib_did_parse(did) == LIB_DID_NONE)
        return lib_refuse(call, LIB_BAD_INPUT, "did is no did:key, did:web or did:medsync");
    if ((st = controller(call, &owner, &holder_key, &holder)) != FCC_OK ||
        (st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    if (!holder)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "the caller's record is missing");
    if (old && !lib_text_is(old, "owner", owner))
        return lib_deny(call, "controller", "somebody else controls this DID");
    if (lib_text_is(old, "nonce", lib_arg_text(call, "nonce")))
        return lib_refuse(call, LIB_ALREADY, "nonce was used before");
    record = old ? cred_next(old, NULL)
                 : json_pack("{s:i,s:i,s:s,s:s,s:s,s:[]}", "fmt", 1, "v", 1, "did", did, "owner", owner, "msp",
                             call->caller.msp, "accredited");
    if (!record || !cred_set(record, "docHash", json_incref((json_t *)lib_arg(call, "docHash"))) ||
        !cred_set(record, "nonce", json_incref((json_t *)lib_arg(call, "nonce")))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    if ((st = lib_write(call, NULL, key, record)) != FCC_OK || lib_text_is(holder, "did", did))
        return st;
    record = cred_next(holder, NULL);
    if (!record || !cred_set(record, "did", json_string(did))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    return lib_write(call, NULL, holder_key, record);
}

static fcc_status cred_get_did(lib_call *call)
{
    const json_t *record = NULL;
    fcc_status st = lib_read(call, NULL, cred_hashed_key(call, "DID", lib_arg_text(call, "did"), NULL), &record);

    if (st != FCC_OK)
        return st;
    return record ? lib_answer(call, json_incref((json_t *)record)) : lib_refuse(call, LIB_NOT_FOUND, "no such DID");
}

/* ---- accreditation ---- */

/* The DID's own list of types: what says that it is an accredited issuer at all. */
static fcc_status write_types(lib_call *call, const json_t *did, const char *type, bool accredited)
{
    const json_t *old = json_object_get(did, "accredited");
    json_t *record = cred_next(did, NULL), *types = json_array();
    bool ok = record && types;

    for (size_t i = 0; ok && i < json_array_size(old); i++)
        if (strcmp(json_string_value(json_array_get(old, i)), type) != 0)
            ok = json_array_append(types, json_array_get(old, i)) == 0;
    if (ok && accredited)
        ok = json_array_append_new(types, json_string(type)) == 0;
    if (!ok) {
        json_decref(record);
        json_decref(types);
        return FCC_ERR_NOMEM;
    }
    if (!cred_set(record, "accredited", types)) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    return lib_write(call, NULL, cred_hashed_key(call, "DID", lib_arg_text(call, "issuerDid"), NULL), record);
}

static fcc_status move(lib_call *call, bool accredited)
{
    const char *issuer = lib_arg_text(call, "issuerDid"), *type = lib_arg_text(call, "type"), *owner;
    const char *status = accredited ? "accredited" : "withdrawn";
    fcc_bytes key = cred_hashed_key(call, "ACCR", issuer, type);
    const json_t *did = NULL, *old = NULL;
    fcc_status st;

    if ((st = cred_require_regulator(call)) != FCC_OK ||
        (st = lib_read(call, NULL, cred_hashed_key(call, "DID", issuer, NULL), &did)) != FCC_OK ||
        (st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    if (!did || (!old && !accredited))
        return lib_refuse(call, LIB_NOT_FOUND, did ? "there is no such accreditation" : "issuerDid: no such DID");
    owner = lib_text(did, "owner");
    if (accredited && owner && (strcmp(owner + 2, call->caller.site) == 0 || strcmp(owner + 2, call->caller.uid) == 0))
        return lib_deny(call, "self", "nobody accredits oneself");
    if (accredited && owner && owner[0] != 'g')
        return lib_refuse(call, LIB_PRECONDITION, "issuerDid is a person's, not a site's");
    if (lib_text_is(old, "status", status))
        return lib_refuse(call, LIB_ALREADY, "the issuer is %s", status);
    st = lib_write(call, NULL, key,
                   json_pack("{s:i,s:I,s:s,s:s,s:s}", "fmt", 1, "v", json_integer_value(json_object_get(old, "v")) + 1,
                             "issuer", issuer, "type", type, "status", status));
    return st == FCC_OK ? write_types(call, did, type, accredited) : st;
}

static fcc_status cred_accredit(lib_call *call)
{
    return move(call, true);
}

static fcc_status cred_withdraw(lib_call *call)
{
    return move(call, false);
}
