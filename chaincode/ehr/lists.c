/* lists.c: what the owner sees of the own records. */
#include "ehr/parts.h"

static const lib_field list_fields[] = { EHR_PID, EHR_PAGE_TOKEN };

LIB_DEFINE(ehr_list_records, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner", .reads = "subject RECP, REC", .answer = "`{\"next\"?,\"records\":[…]}`, newest first")
LIB_DEFINE(ehr_export_records, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner", .reads = "subject RECP, REC",
           .answer = "`{\"next\"?,\"records\":[{\"cid\",\"commit\",\"sha256\",…}]}`")

/* ---- the owner's lists ---- */

/* A page of the patient's records, newest first. */
static fcc_status read_page(lib_call *call, struct lib_page *page, const json_t **records)
{
    const char *pid = lib_in_text(call, "pid");
    fcc_status st;

    if ((st = ehr_require_owner(call, pid)) != FCC_OK ||
        (st = lib_walk(call, EHR_SUBJECT, "RECP", pid, NULL, lib_in_text(call, "page"), page)) != FCC_OK)
        return st;
    return ehr_read_records(call, pid, page->ids, page->count, records);
}

static fcc_status ehr_list_records(lib_call *call)
{
    const json_t *records[LIB_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    struct lib_page page;
    fcc_status st = read_page(call, &page, records);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        if (records[i] && json_array_append(list, (json_t *)records[i]) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "records", list, "next", lib_next_page(&page)));
}

/* What a bundle is made of and checked against: where each record's content is, and the commit on the ledger. */
static json_t *export_of(const json_t *record)
{
    static const char *const kept[] = { "recId", "cid",  "sha256",   "size", "mime", "kind",   "type",
                                        "date",  "site", "category", "sens", "salt", "origin", "status" };
    char commit[2 * LIB_SHA256_LEN + 1];
    json_t *entry = json_object();

    for (size_t i = 0; entry && i < sizeof(kept) / sizeof(kept[0]); i++) {
        json_t *value = json_object_get(record, kept[i]);

        if (value && json_object_set(entry, kept[i], value) != 0)
            goto failed;
    }
    if (lib_commit_of(record, commit) && json_object_set_new(entry, "commit", json_string(commit)) == 0 &&
        json_object_set_new(entry, "v", json_integer(lib_version(record))) == 0)
        return entry;
failed:
    json_decref(entry);
    return NULL;
}

static fcc_status ehr_export_records(lib_call *call)
{
    const json_t *records[LIB_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    struct lib_page page;
    fcc_status st = read_page(call, &page, records);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        if (records[i] && json_array_append_new(list, export_of(records[i])) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "records", list, "next", lib_next_page(&page)));
}
