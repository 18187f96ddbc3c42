/*
 * records.c: writing records' metadata and listing them. The content is an encrypted blob somewhere else; its data key,
 * sealed by the client, goes to the organisation that has the custody.
 */
#include "ehr/parts.h"
#include "lib/json.h"

#include <stdio.h>

static const char *const kind_words[] = { "clinical", "lab", "image", "doc", NULL };

enum { max_blob = 64 * 1024 * 1024 };

static const lib_field add_fields[] = {
    { .name = "encId", .type = LIB_ID },
    { .name = "records", .type = LIB_ARRAY, .min = 1, .max = EHR_MAX_RECORDS },
};
static const lib_field import_fields[] = {
    { .name = "pid", .type = LIB_PID },
    { .name = "records", .type = LIB_ARRAY, .min = 1, .max = EHR_MAX_RECORDS },
};
static const lib_field list_fields[] = {
    { .name = "pid", .type = LIB_PID },
    { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 100 },
};

LIB_PART(add_records, .flags = LIB_WRITES, .roles = LIB_DOCTOR | LIB_NURSE | LIB_LABTECH, .in = LIB_IN_REQUIRED,
         LIB_FIELDS(add_fields))
LIB_PART(import_records, .flags = LIB_WRITES, .roles = LIB_REGISTRAR | LIB_DOCTOR, .in = LIB_IN_REQUIRED,
         LIB_FIELDS(import_fields))
LIB_PART(list_records, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields))

/* What records of one call have in common. */
struct batch {
    const json_t *records;
    const char *pid;
    const char *enc; /* NULL for imported ones */
    const char *origin;
};

const char *ehr_custody_collection(lib_call *call, const char *msp)
{
    char name[128];

    snprintf(name, sizeof(name), "_implicit_org_%s", msp);
    return lib_string(call, fcc_str(name));
}

/* ---- checking ---- */

static fcc_status check_record(lib_call *call, const struct batch *batch, size_t index)
{
    static const lib_field fields[] = {
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
        { .name = "class", .type = LIB_ID },
        { .name = "dek", .type = LIB_HEX, .max = 184 },
        { .name = "salt", .type = LIB_HEX, .max = 32 },
        { .name = "enc", .type = LIB_ID, .optional = true }, /* last: imported records have none */
    };
    const json_t *record = json_array_get(batch->records, index);
    const char *enc = ehr_text(record, "enc"), *id;
    uint8_t digest[LIB_SHA256_LEN];
    char where[32], hex[2 * LIB_SHA256_LEN + 1];
    bool raw = false;
    fcc_status st;

    snprintf(where, sizeof(where), "records[%zu].", index);
    st = lib_check_fields(call, record, fields, sizeof(fields) / sizeof(fields[0]) - (batch->enc ? 0 : 1), where);
    if (st != FCC_OK)
        return st;
    if (enc && strcmp(enc, batch->enc) != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "%senc is not the encounter", where);
    if (lib_cid_parse(ehr_text(record, "cid"), digest, &raw) && raw) {
        lib_to_hex(digest, sizeof(digest), hex);
        if (strcmp(hex, ehr_text(record, "sha256")) != 0)
            return lib_refuse(call, LIB_BAD_INPUT, "%ssha256 is not that of cid", where);
    }
    id = ehr_text(record, "recId");
    for (size_t i = 0; i < index; i++)
        if (strcmp(id, ehr_text(json_array_get(batch->records, i), "recId")) == 0)
            return lib_refuse(call, LIB_BAD_INPUT, "%srecId occurs twice", where);
    return FCC_OK;
}

/* No record and no act may have any of the ids. */
static fcc_status require_new(lib_call *call, const struct batch *batch)
{
    size_t n = json_array_size(batch->records);
    fcc_bytes records[EHR_MAX_RECORDS], acts[EHR_MAX_RECORDS];
    const json_t *old_records[EHR_MAX_RECORDS] = { 0 }, *old_acts[EHR_MAX_RECORDS] = { 0 };
    fcc_status st;

    for (size_t i = 0; i < n; i++) {
        const char *id = ehr_text(json_array_get(batch->records, i), "recId");

        records[i] = lib_key(call, "REC", batch->pid, id, NULL);
        acts[i] = lib_key(call, "ACT", id, NULL, NULL);
    }
    if ((st = lib_read_many(call, EHR_SUBJECT, records, n, old_records)) != FCC_OK ||
        (st = lib_read_many(call, NULL, acts, n, old_acts)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        if (old_records[i] || old_acts[i])
            return lib_refuse(call, LIB_ALREADY, "records[%zu].recId was used before", i);
    return FCC_OK;
}

/* ---- writing ---- */

static fcc_status write_one(lib_call *call, const struct batch *batch, size_t index, int years)
{
    const json_t *given = json_array_get(batch->records, index);
    const char *id = ehr_text(given, "recId");
    json_t *record = lib_own(call, json_copy((json_t *)given)), *added;
    char where[LIB_EPOCH_SIZE];
    int64_t date = 0;
    fcc_status st;

    added = lib_own(call, json_pack("{s:i,s:i,s:b,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s*}", "fmt", 1, "v", 1, "attested", 0,
                                    "author", call->caller.uid, "site", call->caller.site, "custody", call->caller.msp,
                                    "origin", batch->origin, "pid", batch->pid, "status", "current", "retainUntil",
                                    lib_time(call, lib_years_later(call->now, years)), "enc", batch->enc));
    if (!record || !added || json_object_update(record, added) != 0 || json_object_del(record, "dek") != 0)
        return FCC_ERR_NOMEM;
    if (!lib_time_parse(ehr_text(given, "date"), &date))
        return FCC_ERR_INTERNAL;
    lib_rev_epoch(date, where);
    if ((st = lib_write_record(call, EHR_SUBJECT, "REC", batch->pid, id, record, "record", id, "current")) != FCC_OK ||
        (st = lib_write_mark(call, EHR_SUBJECT, lib_key(call, "RECP", batch->pid, where, id))) != FCC_OK)
        return st;
    return lib_write(call, ehr_custody_collection(call, call->caller.msp), lib_key(call, "DEK", id, NULL, NULL),
                     json_pack("{s:i,s:s}", "fmt", 1, "dek", ehr_text(given, "dek")));
}

static fcc_status write_batch(lib_call *call, const struct batch *batch)
{
    json_t *ids = lib_own(call, json_array());
    size_t n = json_array_size(batch->records);
    const char *classes[EHR_MAX_RECORDS];
    int years[EHR_MAX_RECORDS];
    fcc_status st;

    for (size_t i = 0; i < n; i++)
        if ((st = check_record(call, batch, i)) != FCC_OK)
            return st;
    for (size_t i = 0; i < n; i++)
        classes[i] = ehr_text(json_array_get(batch->records, i), "class");
    if ((st = ehr_require_custody(call, call->caller.msp)) != FCC_OK ||
        (st = ehr_retention(call, classes, n, years)) != FCC_OK || (st = require_new(call, batch)) != FCC_OK)
        return st;
    fcc_start_write_batch(call->stub);
    for (size_t i = 0; i < n; i++) {
        if ((st = write_one(call, batch, i, years[i])) != FCC_OK)
            return st;
        if (json_array_append(ids, json_object_get(json_array_get(batch->records, i), "recId")) != 0)
            return FCC_ERR_NOMEM;
    }
    if ((st = fcc_finish_write_batch(call->stub)) != FCC_OK ||
        (st = lib_event(call, "RecordsAdded", json_pack("{s:O}", "ids", ids))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:i}", "count", (int)n));
}

/* ---- functions ---- */

static fcc_status add_records(lib_call *call)
{
    struct batch batch = { .records = lib_in(call, "records"), .enc = lib_in_text(call, "encId"), .origin = "site" };
    const json_t *encounter = NULL;
    const char *site, *status;
    fcc_status st;

    if (call->caller.role == LIB_DOCTOR && (st = lib_require_licence(call)) != FCC_OK)
        return st;
    st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", batch.enc, NULL, NULL), &encounter);
    if (st != FCC_OK)
        return st;
    if (!encounter)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such encounter");
    site = ehr_text(encounter, "site");
    if (!site || strcmp(site, call->caller.site) != 0)
        return lib_deny(call, "not_author", "the encounter is at another site");
    status = ehr_text(encounter, "status");
    if (!status || strcmp(status, "open") != 0)
        return lib_refuse(call, LIB_PRECONDITION, "the encounter is closed");
    batch.pid = ehr_text(encounter, "pid");
    if ((st = ehr_require_patient(call, batch.pid)) != FCC_OK)
        return st;
    return write_batch(call, &batch);
}

static fcc_status import_records(lib_call *call)
{
    struct batch batch = { .records = lib_in(call, "records"), .pid = lib_in_text(call, "pid"), .origin = "import" };
    fcc_status st = ehr_require_patient(call, batch.pid);

    return st == FCC_OK ? write_batch(call, &batch) : st;
}

/* ---- reading ---- */

fcc_status ehr_read_records(lib_call *call, const char *pid, const char *const *ids, size_t count, const json_t **out)
{
    fcc_bytes keys[EHR_MAX_IDS];

    if (count > EHR_MAX_IDS)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        keys[i] = lib_key(call, "REC", pid, ids[i], NULL);
    return lib_read_many(call, EHR_SUBJECT, keys, count, out);
}

fcc_status ehr_walk_index(lib_call *call, const char *collection, const char *type, const char *first,
                          const char *after, size_t max, const char **ids, size_t *count, const char **next)
{
    fcc_bytes attribute = fcc_str(first);
    fcc_iter *iter = NULL;
    const char *token = NULL;
    size_t n = 0;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(collection), fcc_str(type),
                                                                  &attribute, 1, &iter);

    *next = NULL;
    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        const fcc_bytes *parts = NULL;
        char here[128];
        size_t part_count = 0;
        fcc_bytes key_type;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK ||
            (st = fcc_split_composite_key(call->stub, kv.key, &key_type, &parts, &part_count)) != FCC_OK)
            break;
        if (part_count != 3) {
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "an index key without three parts");
            break;
        }
        /* revEpoch has ten digits, so that tokens sort like the keys */
        snprintf(here, sizeof(here), FCC_FMT "~" FCC_FMT, FCC_ARG(parts[1]), FCC_ARG(parts[2]));
        if (after && strcmp(here, after) <= 0)
            continue;
        if (n == max) {
            *next = token;
            break;
        }
        ids[n++] = lib_string(call, parts[2]);
        token = lib_string(call, fcc_str(here));
        if (!ids[n - 1] || !token)
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    *count = n;
    return st;
}

static fcc_status list_records(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *ids[EHR_PAGE + 1], *next;
    const json_t *records[EHR_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    size_t n = 0;
    fcc_status st;

    if ((st = lib_require_owner(call, pid, "records")) != FCC_OK ||
        (st = ehr_walk_index(call, EHR_SUBJECT, "RECP", pid, lib_in_text(call, "page"), EHR_PAGE, ids, &n, &next)) !=
            FCC_OK ||
        (st = ehr_read_records(call, pid, ids, n, records)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        if (records[i] && json_array_append(list, (json_t *)records[i]) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "records", list, "next", next));
}
