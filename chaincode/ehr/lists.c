/* lists.c: indexes by page, and what the owner sees of the own records. */
#include "ehr/parts.h"
#include "lib/json.h"

#include <stdio.h>

static const lib_field list_fields[] = { EHR_PID, EHR_PAGE_TOKEN };

LIB_DEFINE(ehr_list_records, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner", .reads = "subject RECP, REC", .answer = "`{\"next\"?,\"records\":[…]}`, newest first")
LIB_DEFINE(ehr_export_records, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner", .reads = "subject RECP, REC",
           .answer = "`{\"next\"?,\"records\":[{\"cid\",\"commit\",\"sha256\",…}]}`")

/* ---- indexes ---- */

/* Where an entry is behind its prefix of `skip` parts: the other parts, joined. Sorts like the keys: ids have no '~'. */
static const char *token_of(lib_call *call, const fcc_bytes *parts, size_t count, size_t skip)
{
    char token[160];

    if (count == skip + 1)
        return lib_string(call, parts[skip]);
    if (count != skip + 2)
        return NULL;
    snprintf(token, sizeof(token), FCC_FMT "~" FCC_FMT, FCC_ARG(parts[skip]), FCC_ARG(parts[skip + 1]));
    return lib_string(call, fcc_str(token));
}

static const char *pid_of(lib_call *call, fcc_bytes value)
{
    static const char mark[] = "{\"fmt\":1}";

    return fcc_bytes_equal(value, fcc_str(mark)) ? NULL : lib_text(lib_own(call, lib_json_load_own(value)), "pid");
}

fcc_status ehr_walk(lib_call *call, const char *collection, const char *type, const char *first, const char *second,
                    const char *after, struct ehr_page *page)
{
    const fcc_bytes prefix[] = { fcc_str(first), fcc_str(second ? second : "") };
    size_t skip = second ? 2 : 1;
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(collection), fcc_str(type),
                                                                  prefix, skip, &iter);

    *page = (struct ehr_page){ 0 };
    while (st == FCC_OK && !page->more && fcc_iter_has_next(iter)) {
        const fcc_bytes *parts = NULL;
        const char *token;
        size_t count = 0;
        fcc_bytes key_type;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK ||
            (st = fcc_split_composite_key(call->stub, kv.key, &key_type, &parts, &count)) != FCC_OK)
            break;
        token = token_of(call, parts, count, skip);
        if (!token) {
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "an index key with another number of parts");
            break;
        }
        if (after && strcmp(token, after) <= 0)
            continue;
        page->more = page->count == EHR_PAGE;
        if (page->more)
            break;
        page->tokens[page->count] = token;
        page->pids[page->count] = pid_of(call, kv.value);
        page->ids[page->count] = lib_string(call, parts[count - 1]);
        if (!page->ids[page->count++])
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    return st;
}

const char *ehr_next_page(const struct ehr_page *page)
{
    return page->more ? page->tokens[page->count - 1] : NULL;
}

/* ---- the owner's lists ---- */

/* A page of the patient's records, newest first. */
static fcc_status read_page(lib_call *call, struct ehr_page *page, const json_t **records)
{
    const char *pid = lib_in_text(call, "pid");
    fcc_status st;

    if ((st = ehr_require_owner(call, pid)) != FCC_OK ||
        (st = ehr_walk(call, EHR_SUBJECT, "RECP", pid, NULL, lib_in_text(call, "page"), page)) != FCC_OK)
        return st;
    return ehr_read_records(call, pid, page->ids, page->count, records);
}

static fcc_status ehr_list_records(lib_call *call)
{
    const json_t *records[EHR_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    struct ehr_page page;
    fcc_status st = read_page(call, &page, records);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        if (records[i] && json_array_append(list, (json_t *)records[i]) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "records", list, "next", ehr_next_page(&page)));
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
        json_object_set_new(entry, "v", json_integer(ehr_version(record))) == 0)
        return entry;
failed:
    json_decref(entry);
    return NULL;
}

static fcc_status ehr_export_records(lib_call *call)
{
    const json_t *records[EHR_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    struct ehr_page page;
    fcc_status st = read_page(call, &page, records);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        if (records[i] && json_array_append_new(list, export_of(records[i])) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "records", list, "next", ehr_next_page(&page)));
}
