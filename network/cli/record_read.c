/* medsync record show, verify: access by the ledger, keys from the custodians, contents from the store. */
#include "cli/record.h"
#include "custodian/custodian.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PAGES_MAX = 10000 };

static json_t *list_of(const char *const *words, size_t n)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < n; i++)
        json_array_append_new(list, json_string(words[i]));
    return list;
}

static json_t *scope_of(const record_run *r)
{
    static const char *const all[] = { "general",   "lab",        "imaging",   "medication", "immunization", "allergy",
                                       "procedure", "psychiatry", "substance", "sexual",     "genetic",      "social" };

    if (r->rec_count)
        return json_pack("{s:o}", "recIds", list_of(r->recs, r->rec_count));
    if (r->enc)
        return json_pack("{s:s}", "encId", r->enc);
    if (r->category_count)
        return json_pack("{s:o}", "categories", list_of(r->categories, r->category_count));
    return json_pack("{s:o}", "categories", list_of(all, sizeof(all) / sizeof(all[0])));
}

/* Ask on the ledger, and look what was decided. */
static bool request(record_run *r, record_chart *c)
{
    const char *args[1] = { c->audit };
    json_t *answer = NULL, *in;
    bool ok;

    if (!record_need_pid(r))
        return false;
    if (!fhir_random_id(c->audit))
        return record_failed(FCC__E_STAT_RES, "no random numbers from OpenSSL");
    if (r->emergency)
        in = json_pack("{s:s, s:s, s:s, s:o}", "reqId", c->audit, "pid", r->pid, "caseId", r->emergency, "scope",
                       scope_of(r));
    else
        in = json_pack("{s:s, s:s, s:s, s:o}", "reqId", c->audit, "pid", r->pid, "purpose", r->purpose, "scope",
                       scope_of(r));
    if (!record_submit(r, r->emergency ? "EmergencyAccess" : "RequestAccess", in, NULL))
        return false;
    if (!record_ask(r, "Decision", args, 1, NULL, &answer))
        return false;
    ok = !strcmp(record_text(answer, "decision"), "allow") ||
         record_failed(FCC__E_TX_REFUSED, "access is denied (%s); that it was asked for is on the ledger as %s",
                       record_text(answer, "reason"), c->audit);
    json_decref(answer);
    return ok;
}

static bool read_index(record_run *r, record_chart *c)
{
    const char *args[1] = { c->audit };
    char page[256] = "";
    json_t *answer, *in;
    int pages;

    for (pages = 0; pages < PAGES_MAX; pages++) {
        in = page[0]                        ? json_pack("{s:s}", "page", page)
             : r->audit && r->rec_count > 0 ? json_pack("{s:o}", "recIds", list_of(r->recs, r->rec_count))
                                            : NULL;
        if (!record_ask(r, "ReadIndex", args, 1, in, &answer))
            return false;
        json_array_extend(c->index, json_object_get(answer, "records"));
        json_array_extend(c->refused, json_object_get(answer, "refused"));
        snprintf(page, sizeof(page), "%s", record_text(answer, "next"));
        json_decref(answer);
        if (!page[0])
            return true;
    }
    return record_failed(FCC__E_CLI_ANSWER, "ReadIndex has no last page");
}

bool record_chart_open(record_run *r, record_chart *c)
{
    memset(c, 0, sizeof(*c));
    c->index = json_array();
    c->refused = json_array();
    if (r->audit)
        snprintf(c->audit, sizeof(c->audit), "%s", r->audit);
    else if (!request(r, c))
        return false;
    return read_index(r, c);
}

void record_chart_clear(record_chart *c)
{
    if (c->keys)
        blob_wipe(c->keys, json_array_size(c->index) * sizeof(*c->keys));
    free(c->keys);
    free(c->away);
    json_decref(c->index);
    json_decref(c->refused);
    memset(c, 0, sizeof(*c));
}

/* ---- keys ---- */

/* Where --custodian says that it is; NULL: it says nothing of this organisation. */
static const char *told_address(const record_run *r, const char *mspid)
{
    for (size_t i = 0; i < r->custodian_count; i++) {
        const char *equals = strchr(r->custodians[i], '=');
        const char *org = fcc__arena_printf(r->keep, "%.*s", (int)(equals - r->custodians[i]), r->custodians[i]);
        const char *is = org ? client_find_org(r->who, org) : NULL;

        if (is && !strcmp(is, mspid))
            return equals + 1;
    }
    return NULL;
}

/* One organisation's records: `of` are their places in the index. */
static void ask_custodian(record_run *r, record_chart *c, const char *mspid, const size_t *of, size_t n)
{
    custodian_key keys[CUSTODIAN_BATCH];
    const char *ids[CUSTODIAN_BATCH] = { 0 };
    custodian_reader *reader = NULL;
    custodian_address where;
    fcc_error error = { 0 };
    size_t at, i, some;
    fcc_status st = custodian_find(r->open.dir, mspid, r->keep, &where, &error);

    if (st == FCC_OK && told_address(r, mspid))
        where.address = told_address(r, mspid);
    if (st == FCC_OK)
        st = custodian_connect(&where, r->who, &reader, &error);
    for (at = 0; at < n; at += some) {
        some = n - at < CUSTODIAN_BATCH ? n - at : CUSTODIAN_BATCH;
        for (i = 0; i < some; i++)
            ids[i] = record_text(json_array_get(c->index, of[at + i]), "recId");
        if (st == FCC_OK)
            st = custodian_ask(reader, c->audit, ids, some, keys, &error);
        for (i = 0; i < some; i++) {
            if (st != FCC_OK)
                c->away[of[at + i]] = fcc__arena_printf(
                    r->keep, "%s%s", error.text,
                    st == FCC_ERR_IO ? "; --custodian says where it is from here, as in a container beside it" : "");
            else if (!keys[i].released)
                c->away[of[at + i]] = "the custodian does not release its key";
            else
                memcpy(c->keys[of[at + i]], keys[i].key, BLOB_KEY_LEN);
        }
    }
    blob_wipe(keys, sizeof(keys));
    custodian_disconnect(reader);
}

bool record_chart_keys(record_run *r, record_chart *c)
{
    size_t n = json_array_size(c->index), i, k, count;
    size_t *of = calloc(n + 1, sizeof(*of));
    bool *asked = calloc(n + 1, sizeof(*asked));

    c->keys = calloc(n + 1, sizeof(*c->keys));
    c->away = calloc(n + 1, sizeof(*c->away));
    if (!of || !asked || !c->keys || !c->away) {
        free(of);
        free(asked);
        return record_failed(FCC__E_STAT_RES, "out of memory");
    }
    for (i = 0; i < n; i++) {
        const char *mspid = record_text(json_array_get(c->index, i), "custody");

        for (k = i, count = 0; !asked[i] && k < n; k++)
            if (!asked[k] && !strcmp(mspid, record_text(json_array_get(c->index, k), "custody")))
                of[count++] = k;
        for (k = 0; !asked[i] && k < count; k++)
            if (of[k] != i)
                asked[of[k]] = true;
        if (!asked[i] && count > 0)
            ask_custodian(r, c, mspid, of, count);
        asked[i] = true;
    }
    free(of);
    free(asked);
    return true;
}

bool record_content(record_run *r, const record_chart *c, size_t i, fcc_bytes *out)
{
    const json_t *record = json_array_get(c->index, i);
    fcc_error error = { 0 };
    fcc_status st;

    if (c->away[i])
        return record_failed(FCC__E_REC_KEY, "record %s: %s", record_text(record, "recId"), c->away[i]);
    fcc__arena_reset(r->call);
    st = blob_get(r->store, record_text(record, "cid"), c->keys[i], r->call, out, &error);
    return st == FCC_OK || record_failed(cli_blob_code(st), "record %s: %s", record_text(record, "recId"), error.text);
}

/* ---- show ---- */

static const char *ending(const char *mime)
{
    size_t n = strlen(mime);

    return n >= 4 && !strcmp(mime + n - 4, "json") ? "json" : "bin";
}

static bool write_file(const char *dir, const json_t *record, fcc_bytes content)
{
    char path[4096];
    fcc_error error = { 0 };

    /* ids of records name no folders: checked by the ledger, and here */
    snprintf(path, sizeof(path), "%s/%.64s.%s", dir, record_text(record, "recId"), ending(record_text(record, "mime")));
    if (strchr(record_text(record, "recId"), '/'))
        return record_failed(FCC__E_CLI_ANSWER, "%s is no id of a record", record_text(record, "recId"));
    return cli_write_file(path, content, CLI_PRIVATE, &error) == FCC_OK ||
           record_failed(FCC__E_CLI_FILE, "%s", error.text);
}

static bool show_one(record_run *r, const record_chart *c, size_t i, json_t *list)
{
    const json_t *record = json_array_get(c->index, i);
    fcc_bytes content;
    json_t *o;

    if (!record_content(r, c, i, &content))
        return false;
    if (r->output && !write_file(r->output, record, content))
        return false;
    if (r->json) {
        o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "recId", record_text(record, "recId"), "date",
                      record_text(record, "date"), "type", record_text(record, "type"), "category",
                      record_text(record, "category"), "sens", record_text(record, "sens"), "bytes",
                      (json_int_t)content.len);
        if (!r->output && !strcmp(ending(record_text(record, "mime")), "json"))
            json_object_set_new(o, "content", json_stringn((const char *)content.data, content.len));
        json_array_append_new(list, o);
        return true;
    }
    fprintf(r->output ? stdout : stderr, "%s  %s  %-20s %s %s\n", record_text(record, "recId"),
            record_text(record, "date"), record_text(record, "type"), record_text(record, "category"),
            record_text(record, "sens"));
    if (!r->output) {
        fwrite(content.data, 1, content.len, stdout);
        putchar('\n');
    }
    return true;
}

static void tell_refused(const record_chart *c)
{
    const json_t *item;
    size_t i;

    json_array_foreach(c->refused, i, item) record_failed(FCC__E_TX_REFUSED, "record %s may not be read (%s)",
                                                          record_text(item, "recId"), record_text(item, "reason"));
}

int record_show(record_run *r)
{
    size_t i, shown = 0;
    json_t *list = json_array();
    record_chart c;
    bool ok;

    if (r->output && mkdir(r->output, 0700) != 0 && errno != EEXIST) {
        json_decref(list);
        return cli_failed("record", FCC__E_CLI_FILE, "%s: %s", r->output, strerror(errno));
    }
    ok = record_chart_open(r, &c) && record_chart_keys(r, &c);
    for (i = 0; ok && i < json_array_size(c.index); i++)
        shown += show_one(r, &c, i, list);
    if (ok)
        tell_refused(&c);
    if (ok && r->json)
        cli_print_json(json_pack("{s:s, s:I, s:O, s:O}", "auditId", c.audit, "shown", (json_int_t)shown, "records",
                                 list, "refused", c.refused));
    else if (ok)
        fprintf(r->output ? stdout : stderr, "%zu of %zu records, by access %s\n", shown, json_array_size(c.index),
                c.audit);
    ok = ok && shown == json_array_size(c.index) && json_array_size(c.refused) == 0;
    record_chart_clear(&c);
    json_decref(list);
    return ok ? CLI_OK : CLI_FAILED;
}

/* ---- verify ---- */

/* What is wrong with one record: a list of words, empty when nothing is. NULL after a failure of the checks themselves. */
static json_t *faults_of(record_run *r, const json_t *record)
{
    const char *args[1] = { record_text(record, "recId") };
    json_t *faults = json_array(), *answer = NULL;
    fcc_error error = { 0 };
    blob_info info;
    fcc_status st = blob_stat(r->store, record_text(record, "cid"), &info, &error);

    if (st != FCC_OK) {
        record_failed(cli_blob_code(st), "record %s: %s", args[0], error.text);
        json_array_append_new(faults, json_string(st == FCC_ERR_NOT_FOUND ? "missing" : "cid"));
    } else {
        if (strcmp(info.sha256, record_text(record, "sha256")) != 0)
            json_array_append_new(faults, json_string("sha256"));
        if ((json_int_t)info.size != json_integer_value(json_object_get(record, "size")))
            json_array_append_new(faults, json_string("size"));
    }
    if (!record_ask(r, "VerifyCommit", args, 1, json_pack("{s:O}", "record", record), &answer)) {
        json_decref(faults);
        return NULL;
    }
    if (!json_is_true(answer))
        json_array_append_new(faults, json_string("commit"));
    json_decref(answer);
    return faults;
}

int record_verify(record_run *r)
{
    size_t i, k, bad = 0;
    json_t *list = json_array(), *faults;
    record_chart c;
    bool ok = record_chart_open(r, &c);

    for (i = 0; ok && i < json_array_size(c.index); i++) {
        json_t *record = json_array_get(c.index, i);

        faults = faults_of(r, record);
        if (!(ok = faults != NULL))
            break;
        bad += json_array_size(faults) > 0;
        if (!r->json) {
            printf("%s  %-20s", record_text(record, "recId"), record_text(record, "type"));
            for (k = 0; k < json_array_size(faults); k++)
                printf(" %s is wrong", json_string_value(json_array_get(faults, k)));
            puts(json_array_size(faults) ? "" : " CID, sha256, size and commitment as they must be");
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "recId", record_text(record, "recId"), "faults", faults));
    }
    if (ok)
        tell_refused(&c);
    if (ok && r->json)
        cli_print_json(json_pack("{s:s, s:I, s:I, s:O}", "auditId", c.audit, "checked",
                                 (json_int_t)json_array_size(c.index), "bad", (json_int_t)bad, "records", list));
    else if (ok)
        printf("%zu records, %zu bad\n", json_array_size(c.index), bad);
    ok = ok && bad == 0 && json_array_size(c.refused) == 0;
    record_chart_clear(&c);
    json_decref(list);
    return ok ? CLI_OK : CLI_FAILED;
}
