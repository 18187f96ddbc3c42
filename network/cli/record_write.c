/* medsync record add, import: contents encrypted and stored, then told to the ledger. */
#include "cli/record.h"
#include "fhir/document.h"

#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static bool custody_key(record_run *r, uint8_t out[32])
{
    const char *own = client_mspid(r->who), *hex = r->custody;
    json_t *keys = NULL;
    fcc_bytes bytes = { 0 };
    char path[4096];
    bool ok;

    if (!hex) {
        snprintf(path, sizeof(path), "%s/custody.json", r->open.dir);
        keys = json_load_file(path, 0, NULL);
        hex = json_string_value(json_object_get(keys, own));
    }
    ok = hex && strlen(hex) == 64 && fcc__unhex(r->keep, fcc_str(hex), &bytes) == FCC_OK;
    if (ok)
        memcpy(out, bytes.data, 32);
    json_decref(keys);
    return ok || record_failed(FCC__E_CLI_USAGE,
                               "--custody HEX: the custody key of %s is needed, 64 hexadecimal digits", own);
}

/* ---- to the store, and to the ledger ---- */

typedef struct writing {
    record_run *run;
    const char *function; /* AddRecords, ImportRecords */
    const char *head;     /* of its input */
    fhir_record *records;
    size_t count, sent, calls;
} writing;

/* What the ledger does not know of shall not lie about, unless it may have been committed after all. */
static void take_back(writing *w)
{
    fcc_error error;
    size_t i;

    for (i = w->sent; !w->run->in_doubt && i < w->count; i++)
        if (blob_drop(w->run->store, w->records[i].cid, &error) != FCC_OK)
            return;
}

static bool store_all(writing *w, const fhir_entry *entries, size_t count)
{
    record_run *r = w->run;
    int64_t now = (int64_t)time(NULL);
    fcc_error error = { 0 };
    uint8_t custody[32];
    fcc_status st;
    size_t i;

    if (!custody_key(r, custody))
        return false;
    w->records = fcc__arena_zalloc(r->keep, count, sizeof(*w->records));
    if (!w->records)
        return record_failed(FCC__E_STAT_RES, "out of memory");
    for (i = 0; i < count; i++, w->count++)
        if ((st = fhir_store(&entries[i], r->store, custody, now, &w->records[i], &error)) != FCC_OK) {
            take_back(w);
            return record_failed(cli_blob_code(st), "%s", error.text);
        }
    /* the ledger must never know of a record whose content could be lost */
    if ((st = blob_sync(r->store, &error)) != FCC_OK)
        return record_failed(cli_blob_code(st), "%s", error.text);
    return true;
}

static bool send_all(writing *w)
{
    bool ok = true;
    fcc__buf in;
    size_t n;

    fcc__buf_init(&in, 4 * FHIR_BATCH_BYTES);
    while (ok && w->sent < w->count) {
        fcc__buf_reset(&in);
        n = fhir_batch(w->head, w->records + w->sent, w->count - w->sent, &in);
        ok = n > 0 ? record_submit_text(w->run, w->function, fcc__buf_bytes(&in))
                   : record_failed(FCC__E_STAT_RES, "a record's description is too long for one call");
        if (ok) {
            w->sent += n;
            w->calls++;
        }
    }
    fcc__buf_clear(&in);
    if (!ok)
        take_back(w);
    /* what was committed before a failure stays: say how far it went */
    if (!ok && w->sent > 0)
        fprintf(stderr, "  %zu of %zu records are on the ledger, in %zu transactions\n", w->sent, w->count, w->calls);
    return ok;
}

static int told(const writing *w)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < w->count; i++) {
        const fhir_record *x = &w->records[i];

        if (w->run->json)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "recId", x->id, "type", x->entry->type,
                                                  "category", x->entry->category, "date", x->date, "cid", x->cid));
        else if (w->count <= 20)
            printf("%s  %s  %-20s %s\n", x->id, x->date, x->entry->type, x->entry->category);
    }
    if (w->run->json)
        cli_print_json(json_pack("{s:I, s:I, s:O}", "count", (json_int_t)w->count, "transactions", (json_int_t)w->calls,
                                 "records", list));
    else
        printf("%zu record%s in %zu transaction%s\n", w->count, w->count == 1 ? "" : "s", w->calls,
               w->calls == 1 ? "" : "s");
    json_decref(list);
    return CLI_OK;
}

/* ---- import ---- */

static bool read_file(record_run *r, const char *path, fcc_bytes *out)
{
    size_t len = 0;
    char *data = cli_read_file(path, &len);

    if (!data)
        return record_failed(FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
    if (!fcc__arena_adopt(r->keep, data, len)) {
        free(data);
        return record_failed(FCC__E_STAT_RES, "%s: larger than %d MiB", path, CLI_ARENA_MAX >> 20);
    }
    *out = fcc_bytes_of(data, len);
    return true;
}

/* Who may have signed a document: the network's organisations. NULL after telling what is wrong. */
static msp_manager *members_of(record_run *r)
{
    enum { ORGS_MAX = 64 };
    msp_org *orgs[ORGS_MAX] = { 0 };
    msp_manager *members = NULL;
    fcc_error error = { 0 };
    json_t *endpoints, *peer;
    char path[4096];
    size_t i, n = 0;
    fcc_status st = FCC_OK;

    snprintf(path, sizeof(path), "%s/endpoints.json", r->open.dir);
    endpoints = json_load_file(path, 0, NULL);
    json_array_foreach(json_object_get(endpoints, "peers"), i, peer)
    {
        snprintf(path, sizeof(path), "%s/crypto/peerOrganizations/%s/msp", r->open.dir, record_text(peer, "domain"));
        if (st == FCC_OK && n < ORGS_MAX &&
            (st = msp_org_load(path, record_text(peer, "mspId"), &orgs[n], &error)) == FCC_OK)
            n++;
    }
    json_decref(endpoints);
    if (st == FCC_OK)
        st = msp_manager_new(orgs, n, &members, &error);
    else
        for (i = 0; i < n; i++)
            msp_org_free(orgs[i]);
    if (st != FCC_OK)
        record_failed(FCC__E_STAT_USAGE, "%s", error.text);
    return members;
}

static bool import_file(record_run *r, const char *path, writing *all, fhir_bundle **bundle)
{
    fhir_signature signature = { 0 };
    msp_manager *members;
    fcc_error error = { 0 };
    const fhir_entry *entries;
    fcc_bytes text;
    size_t count;
    fcc_status st;
    writing w = *all;

    if (!read_file(r, path, &text))
        return false;
    /* a signed document is taken only as it was signed */
    if (!(members = members_of(r)))
        return false;
    st = fhir_signature_check(text, path, members, r->keep, &signature, &error);
    msp_manager_free(members);
    if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
        return record_failed(FCC__E_CLI_BUNDLE, "%s", error.text);
    if (st == FCC_OK)
        text = signature.content;
    if (fhir_parse(text, path, bundle, &error) != FCC_OK)
        return record_failed(FCC__E_CLI_BUNDLE, "%s", error.text);
    if (fhir_document_entries(*bundle, st == FCC_OK, r->keep, &entries, &count, &error) != FCC_OK)
        return record_failed(FCC__E_CLI_BUNDLE, "%s", error.text);
    if (st == FCC_OK && !r->json)
        printf("%s: signed by key %.16s... of %s, unchanged since %s\n", path, signature.fingerprint, signature.mspid,
               signature.when);
    if (count == 0)
        return record_failed(FCC__E_CLI_BUNDLE, "%s: there is nothing to import in it", path);
    if (!store_all(&w, entries, count) || !send_all(&w))
        return false;
    all->sent = w.sent;
    all->count = w.count;
    all->calls = w.calls;
    all->records = w.records;
    return true;
}

int record_import(record_run *r)
{
    writing w = { .run = r, .function = "ImportRecords" };
    fhir_bundle *bundle = NULL;
    int i, status = CLI_OK;

    if (!record_need_pid(r))
        return CLI_FAILED;
    w.head = fcc__arena_printf(r->keep, "\"pid\":\"%s\"", r->pid);
    if (r->count > 1 && r->json)
        return cli_usage("record", "import: one file at a time with --json");
    for (i = 0; status == CLI_OK && w.head && i < r->count; i++) {
        w.count = w.sent = w.calls = 0;
        status = import_file(r, r->args[i], &w, &bundle) ? told(&w) : CLI_FAILED;
        fhir_free(bundle);
        bundle = NULL;
    }
    return status;
}

/* ---- add ---- */

static bool is_word(const char *text)
{
    return !text ||
           (text[0] && !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+/:-")]);
}

static bool entry_of(record_run *r, const char *path, fhir_entry *e)
{
    fcc_error error = { 0 };
    fcc_bytes content;
    fcc_status st;

    if (!read_file(r, path, &content))
        return false;
    if (!r->mime) {
        st = fhir_resource(content, path, r->keep, e, &error);
        if (st != FCC_OK)
            return record_failed(FCC__E_CLI_BUNDLE, "%s (a file that is no FHIR resource needs --mime)", error.text);
    } else {
        if (!r->type || !r->kind || !r->category)
            return record_failed(FCC__E_CLI_USAGE, "--mime goes with --type, --kind and --category");
        *e = (fhir_entry){ .type = r->type, .sens = "N", .class_name = "general", .content = content };
        e->mime = r->mime;
    }
    e->type = r->type ? r->type : e->type;
    e->kind = r->kind ? r->kind : e->kind;
    e->category = r->category ? r->category : e->category;
    e->sens = r->sens ? r->sens : e->sens;
    e->class_name = r->class_name ? r->class_name : e->class_name;
    if (r->date && fhir_date_utc(r->date, e->date) != FCC_OK)
        return record_failed(FCC__E_CLI_USAGE, "--date %s: must be a FHIR date, such as 2026-11-21T10:00:00Z", r->date);
    return true;
}

int record_add(record_run *r)
{
    const char *const words[] = { r->enc, r->kind, r->type, r->mime, r->category, r->sens, r->class_name };
    writing w = { .run = r, .function = "AddRecords" };
    fhir_entry *entries;
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!is_word(words[i]))
            return cli_usage("record", "add: \"%s\" has characters that no id, word or media type has", words[i]);
    entries = fcc__arena_zalloc(r->keep, (size_t)r->count, sizeof(*entries));
    if (r->enc) {
        w.head = fcc__arena_printf(r->keep, "\"encId\":\"%s\"", r->enc);
    } else {
        /* what a patient supplies; --pid names a ward */
        if (r->pid && !record_need_pid(r))
            return CLI_FAILED;
        w.function = "AddOwn";
        w.head = r->pid ? fcc__arena_printf(r->keep, "\"pid\":\"%s\"", r->pid) : "";
    }
    if (!entries || !w.head)
        return cli_failed("record", FCC__E_STAT_RES, "out of memory");
    for (i = 0; i < (size_t)r->count; i++)
        if (!entry_of(r, r->args[i], &entries[i]))
            return CLI_FAILED;
    return store_all(&w, entries, (size_t)r->count) && send_all(&w) ? told(&w) : CLI_FAILED;
}
