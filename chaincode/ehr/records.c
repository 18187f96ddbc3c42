/*
 * records.c: writing records' metadata. The content is an encrypted blob somewhere else; its data key, sealed by the
 * client, goes to the organisation that has the custody.
 */
#include "ehr/parts.h"

#include <stdio.h>

static const char *const kind_words[] = { "clinical", "lab", "image", "doc", NULL };

enum { max_blob = 64 * 1024 * 1024 };

#define RECORDS                                                                         \
    {                                                                                   \
        .name = "records", .type = LIB_ARRAY, .min = 1, .max = (int64_t)EHR_MAX_RECORDS \
    }

static const lib_field add_fields[] = { { .name = "encId", .type = LIB_ID }, RECORDS };
static const lib_field own_fields[] = { { .name = "pid", .type = LIB_PID, .optional = true }, RECORDS };
static const lib_field import_fields[] = { EHR_PID, RECORDS };

LIB_DEFINE(ehr_add_records, .flags = LIB_WRITES, .roles = LIB_DOCTOR | LIB_NURSE | LIB_LABTECH, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(add_fields), .callers = "doctor (with a licence), nurse, labtech at the encounter's site",
           .reads = "subject ENC, REC; CLASS; CUST; ACT", .writes = "subject REC, RECP; DEK; ACT each",
           .endorsers = "CC", .answer = "`{\"count\"}`")
LIB_DEFINE(ehr_add_own, .flags = LIB_WRITES, .roles = LIB_PATIENT, .in = LIB_IN_REQUIRED, LIB_FIELDS(own_fields),
           .callers = "owner; `pid` names a ward", .reads = "subject REC; CUST; ACT",
           .writes = "subject REC, RECP; DEK; ACT each", .endorsers = "CC", .answer = "`{\"count\"}`")
LIB_DEFINE(ehr_import_records, .flags = LIB_WRITES, .roles = LIB_REGISTRAR | LIB_DOCTOR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(import_fields), .reads = "subject REC; CLASS; CUST; ACT",
           .writes = "subject REC, RECP; DEK; ACT each", .endorsers = "CC", .answer = "`{\"count\"}`")

const char *ehr_custody_collection(lib_call *call, const char *msp)
{
    char name[128];

    snprintf(name, sizeof(name), "_implicit_org_%s", msp);
    return lib_string(call, fcc_str(name));
}

fcc_bytes ehr_record_index(lib_call *call, const char *pid, const char *date, const char *id)
{
    char rev[LIB_EPOCH_SIZE];
    int64_t epoch = 0;

    if (!date || !lib_time_parse(date, &epoch))
        return fcc_bytes_of(NULL, 0);
    lib_rev_epoch(epoch, rev);
    return lib_key(call, "RECP", pid, rev, id);
}

/* ---- checking ---- */

static const json_t *given(const struct ehr_batch *batch, size_t index)
{
    return json_array_get(batch->records, index);
}

static fcc_status check_record(lib_call *call, const struct ehr_batch *batch, size_t index)
{
    static const lib_field known[] = {
        { .name = "class", .type = LIB_ID }, /* first: nothing holds an owner to keep what they supply */
        { .name = "recId", .type = LIB_ID },
        { .name = "kind", .type = LIB_WORD, .words = kind_words },
        { .name = "type", .type = LIB_LETTERS, .max = 64 },
        { .name = "cid", .type = LIB_CID },
        { .name = "sha256", .type = LIB_HEX, .max = 64 },
        { .name = "size", .type = LIB_INT, .min = 1, .max = max_blob },
        { .name = "mime", .type = LIB_MIME },
        { .name = "category", .type = LIB_WORD, .words = lib_categories },
        { .name = "sens", .type = LIB_WORD, .words = lib_sensitivities },
        { .name = "date", .type = LIB_TIME },
        { .name = "dek", .type = LIB_HEX, .max = 184 },
        { .name = "salt", .type = LIB_HEX, .max = 32 },
        { .name = "enc", .type = LIB_ID, .optional = true }, /* last: not for what is written in no encounter */
    };
    enum { fields_count = sizeof(known) / sizeof(known[0]) };
    const json_t *record = given(batch, index);
    const char *enc = lib_text(record, "enc"), *id;
    lib_field fields[fields_count];
    uint8_t digest[LIB_SHA256_LEN];
    char where[32], hex[2 * LIB_SHA256_LEN + 1];
    bool raw = false;
    fcc_status st;

    if (batch->single)
        snprintf(where, sizeof(where), "record.");
    else
        snprintf(where, sizeof(where), "records[%zu].", index);
    memcpy(fields, known, sizeof(fields));
    fields[0].optional = !batch->site;
    st = lib_check_fields(call, record, fields, fields_count - (batch->enc ? 0 : 1), where);
    if (st != FCC_OK)
        return st;
    if (enc && strcmp(enc, batch->enc) != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "%senc is not the encounter", where);
    if (lib_cid_parse(lib_text(record, "cid"), digest, &raw) && raw) {
        lib_to_hex(digest, sizeof(digest), hex);
        if (!lib_text_is(record, "sha256", hex))
            return lib_refuse(call, LIB_BAD_INPUT, "%ssha256 is not that of cid", where);
    }
    id = lib_text(record, "recId");
    for (size_t i = 0; i < index; i++)
        if (lib_text_is(given(batch, i), "recId", id))
            return lib_refuse(call, LIB_BAD_INPUT, "%srecId occurs twice", where);
    return FCC_OK;
}

/* No record and no act may have any of the ids. */
static fcc_status require_new(lib_call *call, const struct ehr_batch *batch)
{
    size_t n = json_array_size(batch->records);
    fcc_bytes records[EHR_MAX_RECORDS], acts[EHR_MAX_RECORDS];
    const json_t *old_records[EHR_MAX_RECORDS] = { 0 }, *old_acts[EHR_MAX_RECORDS] = { 0 };
    fcc_status st;

    for (size_t i = 0; i < n; i++) {
        const char *id = lib_text(given(batch, i), "recId");

        records[i] = lib_key(call, "REC", batch->pid, id, NULL);
        acts[i] = lib_key(call, "ACT", id, NULL, NULL);
    }
    if ((st = lib_read_many(call, EHR_SUBJECT, records, n, old_records)) != FCC_OK ||
        (st = lib_read_many(call, NULL, acts, n, old_acts)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        if ((old_records[i] || old_acts[i]) && batch->single)
            return lib_refuse(call, LIB_ALREADY, "record.recId was used before");
        if (old_records[i] || old_acts[i])
            return lib_refuse(call, LIB_ALREADY, "records[%zu].recId was used before", i);
    }
    return FCC_OK;
}

fcc_status ehr_check_batch(lib_call *call, const struct ehr_batch *batch)
{
    fcc_status st;

    for (size_t i = 0; i < json_array_size(batch->records); i++)
        if ((st = check_record(call, batch, i)) != FCC_OK)
            return st;
    if ((st = ehr_require_custody(call, call->caller.msp)) != FCC_OK)
        return st;
    return require_new(call, batch);
}

/* ---- writing ---- */

/* When the duty to keep it ends: by the site's table, and not before what it supersedes. */
static const char *keep_until(lib_call *call, const struct ehr_batch *batch, int years)
{
    const char *until = lib_time(call, batch->site ? lib_years_later(call->now, years) : call->now);

    /* the one spelling of times sorts like the times */
    return until && batch->keep_until && strcmp(batch->keep_until, until) > 0 ? batch->keep_until : until;
}

static fcc_status write_one(lib_call *call, const struct ehr_batch *batch, size_t index, int years)
{
    const json_t *from = given(batch, index);
    const char *id = lib_text(from, "recId"), *msp = call->caller.msp;
    json_t *record = lib_own(call, json_copy((json_t *)from)), *added;
    fcc_status st;

    added = lib_own(call,
                    json_pack("{s:i,s:i,s:b,s:s,s:s*,s:s,s:s,s:s,s:s,s:s,s:s*,s:s*,s:s*}", "fmt", 1, "v", 1, "attested",
                              0, "author", batch->author, "site", batch->site, "custody", msp, "origin", batch->origin,
                              "pid", batch->pid, "status", "current", "retainUntil", keep_until(call, batch, years),
                              "enc", batch->enc, "prev", batch->prev, "order", batch->order));
    if (!record || !added || json_object_update(record, added) != 0 || json_object_del(record, "dek") != 0)
        return FCC_ERR_NOMEM;
    if ((st = ehr_write_version(call, record)) != FCC_OK ||
        (st = lib_write_mark(call, EHR_SUBJECT, ehr_record_index(call, batch->pid, lib_text(from, "date"), id))) !=
            FCC_OK)
        return st;
    return lib_write(call, ehr_custody_collection(call, msp), lib_key(call, "DEK", id, NULL, NULL),
                     json_pack("{s:i,s:s}", "fmt", 1, "dek", lib_text(from, "dek")));
}

fcc_status ehr_write_batch(lib_call *call, const struct ehr_batch *batch)
{
    size_t n = json_array_size(batch->records);
    const char *classes[EHR_MAX_RECORDS];
    int years[EHR_MAX_RECORDS] = { 0 };
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < n; i++)
        classes[i] = lib_text(given(batch, i), "class");
    if (batch->site)
        st = ehr_retention(call, classes, n, years);
    if (st != FCC_OK)
        return st;
    fcc_start_write_batch(call->stub);
    for (size_t i = 0; i < n; i++)
        if ((st = write_one(call, batch, i, years[i])) != FCC_OK)
            return st;
    return fcc_finish_write_batch(call->stub);
}

fcc_status ehr_write_version(lib_call *call, const json_t *record)
{
    const char *id = lib_text(record, "recId");

    return lib_write_record(call, EHR_SUBJECT, "REC", lib_text(record, "pid"), id, record, "record", id,
                            lib_text(record, "status"));
}

/* ---- reading ---- */

fcc_status ehr_read_record(lib_call *call, const char *pid, const char *id, const json_t **out)
{
    return lib_read(call, EHR_SUBJECT, lib_key(call, "REC", pid, id, NULL), out);
}

fcc_status ehr_read_records(lib_call *call, const char *pid, const char *const *ids, size_t count, const json_t **out)
{
    fcc_bytes keys[EHR_MAX_IDS];

    if (count > EHR_MAX_IDS)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        keys[i] = lib_key(call, "REC", pid, ids[i], NULL);
    return lib_read_many(call, EHR_SUBJECT, keys, count, out);
}

fcc_status ehr_is_erased(lib_call *call, const char *id, bool *erased)
{
    const json_t *act = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act);

    *erased = lib_text_is(act, "docType", "record") && lib_text_is(act, "status", "erased");
    return st;
}

/* ---- functions ---- */

static fcc_status add(lib_call *call, const struct ehr_batch *batch)
{
    json_t *ids = lib_own(call, json_array());
    size_t n = json_array_size(batch->records);
    fcc_status st;

    if ((st = ehr_check_batch(call, batch)) != FCC_OK || (st = ehr_write_batch(call, batch)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        if (json_array_append(ids, json_object_get(given(batch, i), "recId")) != 0)
            return FCC_ERR_NOMEM;
    if ((st = lib_event(call, "RecordsAdded", json_pack("{s:O}", "ids", ids))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:i}", "count", (int)n));
}

/* Also of a patient who has died since: what was done is written down. */
static fcc_status ehr_add_records(lib_call *call)
{
    struct ehr_batch batch = { .records = lib_in(call, "records"),
                               .enc = lib_in_text(call, "encId"),
                               .origin = "site",
                               .author = call->caller.uid,
                               .site = call->caller.site };
    struct registry_patient patient = { 0 };
    const json_t *encounter = NULL;
    const char *pid;
    fcc_status st;

    if (call->caller.role == LIB_DOCTOR && (st = lib_require_licence(call)) != FCC_OK)
        return st;
    st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", batch.enc, NULL, NULL), &encounter);
    if (st != FCC_OK)
        return st;
    if (!encounter)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such encounter");
    if (!lib_text_is(encounter, "site", call->caller.site))
        return lib_deny(call, "not_author", "the encounter is at another site");
    if (!lib_text_is(encounter, "status", "open"))
        return lib_refuse(call, LIB_PRECONDITION, "the encounter is closed");
    pid = batch.pid = lib_text(encounter, "pid"); /* where the encounter is, its records are */
    if ((st = lib_patient(call, &pid, &patient)) != FCC_OK)
        return st;
    return add(call, &batch);
}

static fcc_status ehr_add_own(lib_call *call)
{
    const char *pid = lib_in(call, "pid") ? lib_in_text(call, "pid") : call->caller.pid; /* a guardian names the ward */
    struct ehr_batch batch = {
        .records = lib_in(call, "records"), .pid = pid, .origin = "own", .author = call->caller.pid
    };
    fcc_status st;

    if ((st = ehr_require_living_owner(call, pid)) != FCC_OK || (st = lib_require_patient(call, &batch.pid)) != FCC_OK)
        return st;
    return add(call, &batch);
}

static fcc_status ehr_import_records(lib_call *call)
{
    struct ehr_batch batch = { .records = lib_in(call, "records"),
                               .pid = lib_in_text(call, "pid"),
                               .origin = "import",
                               .author = call->caller.uid,
                               .site = call->caller.site };
    fcc_status st = lib_require_patient(call, &batch.pid);

    return st == FCC_OK ? add(call, &batch) : st;
}
