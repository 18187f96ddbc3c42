/* medsync record export: a chart as one signed FHIR document. */
#include "cli/record.h"
#include "fhir/document.h"
#include "fhir/map.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "urn:uuid:" and a record's id, whose 32 digits are written as a UUID. */
static bool url_of_id(const char *id, char out[64])
{
    if (strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32)
        return snprintf(out, 64, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20) > 0;
    return false;
}

static bool is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i;

    if (strlen(text) != sizeof(shape) - 1)
        return false;
    for (i = 0; shape[i]; i++)
        if (shape[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
            return false;
    return true;
}

/* The resource's own UUID, by which others may refer to it, unless an entry has that already; else the record's id. */
static const char *full_url(record_run *r, const char *rec_id, fcc_bytes content, bool is_fhir, json_t *used)
{
    json_t *resource = is_fhir ? json_loadb((const char *)content.data, content.len, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(resource, "id")), *url = NULL;
    char own[64];

    if (id && is_uuid(id))
        url = fcc__arena_printf(r->keep, "urn:uuid:%s", id);
    if ((!url || json_object_get(used, url)) && url_of_id(rec_id, own))
        url = fcc__arena_printf(r->keep, "%s", own);
    else if (!url || json_object_get(used, url))
        url = fcc__arena_printf(r->keep, "urn:medsync:record:%s", rec_id);
    if (url)
        json_object_set_new(used, url, json_true());
    json_decref(resource);
    return url;
}

/* SHA-256 of the salt's bytes and the record in canonical JSON, which for our own records is sorted and compact. */
static bool commitment(record_run *r, const json_t *record, char out[65])
{
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    fcc__sha256 digest;
    fcc_bytes salt;
    bool ok = text && fcc__unhex(r->call, fcc_str(record_text(record, "salt")), &salt) == FCC_OK;
    size_t i;

    if (ok) {
        digest = fcc__sha256_of_many((const fcc_bytes[]){ salt, fcc_str(text) }, 2);
        for (i = 0; i < FCC__SHA256_LEN; i++)
            snprintf(out + 2 * i, 3, "%02x", digest.bytes[i]);
    }
    free(text);
    return ok;
}

/* A record leaves the network only as what the ledger has committed to. */
static bool proven(record_run *r, const json_t *record, char commit[65])
{
    const char *args[1] = { record_text(record, "recId") };
    json_t *answer = NULL;
    bool ok;

    if (!record_ask(r, "VerifyCommit", args, 1, json_pack("{s:O}", "record", record), &answer))
        return false;
    ok = json_is_true(answer);
    json_decref(answer);
    if (!ok)
        return record_failed(FCC__E_REC_PROOF, "record %s is not what the ledger has committed to", args[0]);
    return commitment(r, record, commit) || record_failed(FCC__E_STAT_RES, "out of memory");
}

/* Where a record is in the index; -1: nowhere. */
static json_int_t place_of(const json_t *places, const char *rec_id)
{
    const json_t *at = json_object_get(places, rec_id);

    return at ? json_integer_value(at) : -1;
}

/* One page of the owner's own list: each record that is not erased must be there, and be the same. */
static bool page_is_there(record_run *r, const record_chart *c, const json_t *places, const json_t *page)
{
    const json_t *listed;
    char commit[65];
    size_t i;

    json_array_foreach(page, i, listed)
    {
        const char *id = record_text(listed, "recId");
        json_int_t at = place_of(places, id);
        const json_t *record = at < 0 ? NULL : json_array_get(c->index, (size_t)at);

        if (!strcmp(record_text(listed, "status"), "erased"))
            continue;
        if (!record)
            return record_failed(FCC__E_REC_PROOF,
                                 "record %s is on the ledger and not among those that may be read: export a part with "
                                 "--only or --rec",
                                 id);
        if (!commitment(r, record, commit))
            return record_failed(FCC__E_STAT_RES, "out of memory");
        if (strcmp(commit, record_text(listed, "commit")) != 0 ||
            strcmp(record_text(record, "cid"), record_text(listed, "cid")) != 0)
            return record_failed(FCC__E_REC_PROOF, "record %s is not what the owner's list says", id);
    }
    return true;
}

/* An owner's export of everything is held against the owner's list (ExportRecords); others have no such list. */
static bool is_whole(record_run *r, const record_chart *c)
{
    enum { PAGES_MAX = 10000 };
    json_t *places = json_object(), *answer = NULL;
    char page[256] = "";
    size_t i;
    int pages;
    bool ok = true;

    for (i = 0; i < json_array_size(c->index); i++)
        json_object_set_new(places, record_text(json_array_get(c->index, i), "recId"), json_integer((json_int_t)i));
    for (pages = 0; ok && pages < PAGES_MAX; pages++) {
        json_t *in = page[0] ? json_pack("{s:s, s:s}", "pid", r->pid, "page", page) : json_pack("{s:s}", "pid", r->pid);

        r->quiet = pages == 0;
        ok = record_ask(r, "ExportRecords", NULL, 0, in, &answer);
        r->quiet = false;
        if (!ok) {
            ok = pages == 0;
            break;
        }
        ok = page_is_there(r, c, places, json_object_get(answer, "records"));
        snprintf(page, sizeof(page), "%s", record_text(answer, "next"));
        json_decref(answer);
        if (!page[0])
            break;
    }
    json_decref(places);
    return ok;
}

static json_t *reference_of(const json_t *record, const char *url, const char *commit)
{
    static const char *const kept[] = { "recId", "kind", "type",   "category", "sens",   "class", "date",
                                        "mime",  "cid",  "sha256", "origin",   "author", "site" };
    json_t *meta = json_object(), *reference;
    char *text;
    size_t i;

    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (json_object_get(record, kept[i]))
            json_object_set(meta, kept[i], json_object_get(record, kept[i]));
    json_object_set_new(meta, "commit", json_string(commit));
    text = json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS);
    reference = json_pack("{s:s, s:[{s:s, s:s}]}", "reference", url, "extension", "url", FHIR_RECORD_EXTENSION,
                          "valueString", text ? text : "");
    free(text);
    json_decref(meta);
    return reference;
}

static void add_json(fcc__buf *out, json_t *o)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

    if (text)
        fcc__buf_puts(out, text);
    else
        out->status = FCC_ERR_NOMEM;
    free(text);
    json_decref(o);
}

static bool add_record(record_run *r, const record_chart *c, size_t i, fcc__buf *entries, json_t *list, json_t *used)
{
    const json_t *record = json_array_get(c->index, i);
    const char *mime = record_text(record, "mime"), *url;
    bool is_fhir = !strcmp(mime, FHIR_MIME);
    char commit[65];
    fcc_bytes content, coded;

    if (!proven(r, record, commit) || !record_content(r, c, i, &content))
        return false;
    url = full_url(r, record_text(record, "recId"), content, is_fhir, used);
    if (!url)
        return record_failed(FCC__E_STAT_RES, "out of memory");
    fcc__buf_puts(entries, ",\n{\"fullUrl\":\"");
    fcc__buf_puts(entries, url);
    fcc__buf_puts(entries, "\",\"resource\":");
    if (is_fhir) {
        fcc__buf_add(entries, content); /* as it was stored, to the byte */
    } else {
        coded = fcc__base64(r->call, content);
        add_json(entries, json_pack("{s:s, s:s, s:s%}", "resourceType", "Binary", "contentType", mime, "data",
                                    coded.len ? (const char *)coded.data : "", coded.len));
    }
    fcc__buf_putc(entries, '}');
    json_array_append_new(list, reference_of(record, url, commit));
    return true;
}

static json_t *composition(const char *id, const char *now, json_t *list)
{
    return json_pack("{s:s, s:{s:s, s:s}, s:s, s:{s:s}, s:s, s:[{s:s}], s:s, s:[{s:s, s:O}]}", "resourceType",
                     "Composition", "identifier", "system", FHIR_EXPORT_SYSTEM, "value", id, "status", "final", "type",
                     "text", "Export of a patient's records", "date", now, "author", "display", "medsync record export",
                     "title", "Export of a patient's records", "section", "title", "Records", "entry", list);
}

static bool write_document(record_run *r, const char *now, fcc__buf *entries, json_t *list)
{
    char id[33], url[64] = "";
    fcc_error error = { 0 };
    fcc__buf out;
    fcc_status st;
    bool ok = false;

    fcc__buf_init(&out, FHIR_BUNDLE_MAX);
    if (!fhir_random_id(id) || !url_of_id(id, url)) {
        record_failed(FCC__E_STAT_RES, "no random numbers from OpenSSL");
        goto out;
    }
    fcc__buf_printf(
        &out, "{\"resourceType\":\"Bundle\",\"identifier\":{\"system\":\"urn:ietf:rfc:3986\",\"value\":\"%s\"},", url);
    fcc__buf_printf(
        &out, "\"type\":\"document\",\"timestamp\":\"%s\",\"entry\":[\n{\"fullUrl\":\"%s\",\"resource\":", now, url);
    add_json(&out, composition(url, now, list));
    fcc__buf_putc(&out, '}');
    fcc__buf_add(&out, fcc__buf_bytes(entries));
    fcc__buf_puts(&out, "\n]}");
    if (!fcc__buf_ok(entries) || !fcc__buf_ok(&out)) {
        record_failed(FCC__E_STAT_RES, "the document would be larger than %d MiB: export a part with --only or --rec",
                      FHIR_BUNDLE_MAX >> 20);
        goto out;
    }
    if ((st = fhir_sign(&out, client_signer(r->who), now, &error)) != FCC_OK) {
        record_failed(fcc__code_of_status(st), "%s", error.text);
        goto out;
    }
    fcc__buf_putc(&out, '\n');
    st = fcc__buf_ok(&out) ? cli_write_file(r->output, fcc__buf_bytes(&out), CLI_PRIVATE, &error) : FCC_ERR_LIMIT;
    ok = st == FCC_OK || record_failed(FCC__E_CLI_FILE, "%s", error.text[0] ? error.text : fcc_status_text(st));
out:
    fcc__buf_clear(&out);
    return ok;
}

int record_export(record_run *r)
{
    json_t *list = json_array(), *used = json_object();
    size_t i, n = 0;
    fcc__buf entries;
    record_chart c = { 0 };
    time_t seconds = time(NULL);
    char now[32] = "";
    struct tm tm;
    bool ok = false;

    fcc__buf_init(&entries, FHIR_BUNDLE_MAX);
    if (!r->output) {
        cli_usage("record", "export: --output FILE: where to?");
        goto out;
    }
    if (gmtime_r(&seconds, &tm))
        strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &tm);
    ok = record_chart_open(r, &c) && record_chart_keys(r, &c);
    n = json_array_size(c.index);
    if (ok && n == 0)
        ok = record_failed(FCC__E_CLI_BUNDLE, "there is no record to export");
    if (ok && !r->audit && !r->enc && !r->rec_count && !r->category_count)
        ok = is_whole(r, &c);
    for (i = 0; ok && i < n; i++)
        ok = add_record(r, &c, i, &entries, list, used);
    ok = ok && write_document(r, now, &entries, list);
    if (ok && r->json)
        cli_print_json(json_pack("{s:s, s:I, s:s, s:s}", "file", r->output, "records", (json_int_t)n, "auditId",
                                 c.audit, "signedBy", client_fingerprint(r->who)));
    else if (ok)
        printf("%s: %zu records, signed by key %.16s... of %s\n", r->output, n, client_fingerprint(r->who),
               client_mspid(r->who));
out:
    if (c.index)
        record_chart_clear(&c);
    fcc__buf_clear(&entries);
    json_decref(list);
    json_decref(used);
    return ok ? CLI_OK : CLI_FAILED;
}
