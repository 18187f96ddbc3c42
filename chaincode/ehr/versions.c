/*
 * versions.c: what becomes of a record later: a doctor vouches for it, its author replaces it or says that it is wrong.
 * Its content never changes.
 */
#include "ehr/parts.h"

static const lib_field record_fields[] = { EHR_PID, EHR_REC_ID, EHR_SALT };
static const lib_field supersede_fields[] = {
    EHR_PID,
    { .name = "prev", .type = LIB_ID },
    { .name = "record", .type = LIB_OBJECT },
};

enum { authors = LIB_DOCTOR | LIB_NURSE | LIB_LABTECH | LIB_REGISTRAR | LIB_PATIENT };

LIB_DEFINE(ehr_attest, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(record_fields),
           .callers = "doctor with a licence, of the organisation that has the custody", .reads = "subject REC",
           .writes = "subject REC; ACT", .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_supersede, .flags = LIB_WRITES, .roles = authors, .in = LIB_IN_REQUIRED, LIB_FIELDS(supersede_fields),
           .callers = "author (a doctor with a licence); of what an owner supplied, the owner",
           .reads = "subject REC, ORDER; CLASS; CUST; ACT", .writes = "subject REC, RECP, ORDER, ORDL; DEK; ACT each",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}` of the new one")
LIB_DEFINE(ehr_mark_error, .flags = LIB_WRITES, .roles = authors, .in = LIB_IN_REQUIRED, LIB_FIELDS(record_fields),
           .callers = "author; of what an owner supplied, the owner", .reads = "subject REC, ORDER",
           .writes = "subject REC, ORDER, ORDL; ACT each", .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")

fcc_status ehr_require_current(lib_call *call, const json_t *record)
{
    if (lib_text_is(record, "status", "superseded"))
        return lib_refuse(call, LIB_ALREADY, "the record is superseded");
    if (lib_text_is(record, "status", "current"))
        return FCC_OK;
    return lib_refuse(call, LIB_PRECONDITION, "the record is restricted or in error");
}

/*
 * The record, if the caller wrote it; of what an owner supplied, if the caller is the owner. A record that is not there
 * is refused alike: public acts have their ids, and nobody shall learn whose they are.
 */
static fcc_status read_authored(lib_call *call, const char *id, const json_t **record)
{
    const char *pid = lib_in_text(call, "pid");
    bool is;
    fcc_status st = FCC_OK;

    if (call->caller.role == LIB_PATIENT)
        st = ehr_require_living_owner(call, pid);
    if (st != FCC_OK || (st = ehr_read_record(call, pid, id, record)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_PATIENT)
        is = lib_text_is(*record, "origin", "own");
    else
        is = lib_text_is(*record, "author", call->caller.uid) && lib_text_is(*record, "site", call->caller.site);
    return is ? FCC_OK : lib_deny(call, "not_author", "none of the caller's records has this id");
}

static fcc_status ehr_attest(lib_call *call)
{
    const char *id = lib_in_text(call, "recId");
    const json_t *old = NULL;
    json_t *record;
    fcc_status st;

    if ((st = lib_require_licence(call)) != FCC_OK ||
        (st = ehr_read_record(call, lib_in_text(call, "pid"), id, &old)) != FCC_OK)
        return st;
    if (!lib_text_is(old, "custody", call->caller.msp))
        return lib_deny(call, "not_author", "no record in the custody of the caller's organisation has this id");
    if (json_is_true(json_object_get(old, "attested")))
        return lib_refuse(call, LIB_ALREADY, "the record is attested");
    if ((st = ehr_require_current(call, old)) != FCC_OK)
        return st;
    record = lib_next(call, old, lib_in_text(call, "salt"));
    if (!record || json_object_set_new(record, "attested", json_true()) != 0)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(record, "attestedBy", call->caller.uid)) != FCC_OK ||
        (st = ehr_write_version(call, record)) != FCC_OK)
        return st;
    return lib_answer_act(call, NULL, id, lib_version(record));
}

static fcc_status ehr_supersede(lib_call *call)
{
    const json_t *given = lib_in(call, "record"), *old = NULL;
    const char *id, *salt, *prev = lib_in_text(call, "prev");
    struct ehr_batch batch = { .records = lib_own(call, json_pack("[O]", given)), .single = true, .prev = prev };
    json_t *before;
    fcc_status st;

    if (!batch.records)
        return FCC_ERR_NOMEM;
    if (call->caller.role == LIB_DOCTOR && (st = lib_require_licence(call)) != FCC_OK)
        return st;
    if ((st = read_authored(call, prev, &old)) != FCC_OK || (st = ehr_require_current(call, old)) != FCC_OK)
        return st;
    batch.pid = lib_text(old, "pid");
    batch.enc = lib_text(old, "enc");
    batch.origin = lib_text(old, "origin");
    batch.author = call->caller.uid ? call->caller.uid : call->caller.pid;
    batch.site = call->caller.site;
    batch.order = lib_text(old, "order");
    batch.keep_until = lib_text(old, "retainUntil");
    if ((st = ehr_check_batch(call, &batch)) != FCC_OK)
        return st;
    id = lib_text(given, "recId");
    if ((st = lib_second_salt(call, lib_text(given, "salt"), prev, &salt)) != FCC_OK)
        return st;
    before = lib_next(call, old, salt);
    if (!before)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(before, "status", "superseded")) != FCC_OK || (st = lib_set(before, "next", id)) != FCC_OK ||
        (st = ehr_write_batch(call, &batch)) != FCC_OK || (st = ehr_write_version(call, before)) != FCC_OK ||
        (st = ehr_order_follows(call, old, id, salt)) != FCC_OK ||
        (st = lib_event(call, "RecordsAdded", json_pack("{s:[s]}", "ids", id))) != FCC_OK)
        return st;
    return lib_answer_act(call, NULL, id, 1);
}

static fcc_status ehr_mark_error(lib_call *call)
{
    const char *id = lib_in_text(call, "recId");
    const json_t *old = NULL;
    json_t *record;
    fcc_status st = read_authored(call, id, &old);

    if (st != FCC_OK)
        return st;
    if (lib_text_is(old, "status", "error"))
        return lib_refuse(call, LIB_ALREADY, "the record is marked");
    if ((st = ehr_require_current(call, old)) != FCC_OK)
        return st;
    record = lib_next(call, old, lib_in_text(call, "salt"));
    if (!record)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(record, "status", "error")) != FCC_OK || (st = ehr_write_version(call, record)) != FCC_OK ||
        (st = ehr_order_follows(call, old, NULL, lib_in_text(call, "salt"))) != FCC_OK)
        return st;
    return lib_answer_act(call, NULL, id, lib_version(record));
}
