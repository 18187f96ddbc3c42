/* The story, step by step. Function names and fields are those of chaincode/consent and chaincode/ehr. */
#include "cli/demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGES_MAX = 2000 };

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

static bool meet(demo *d, demo_person *p, const char *user, const char *org, const char *name)
{
    client_options o = { 0 };
    fcc_error error;

    o.dir = d->dir;
    o.user = user;
    o.org = org;
    p->name = name;
    return client_open(&o, &p->who, &error) == FCC_OK || demo_wrong("%s", error.text);
}

/* What the registry says of somebody who asks. */
static bool ask_who(demo *d, const demo_person *p, const char *function, json_t *in, const char *field, char *out,
                    size_t size)
{
    json_t *answer = NULL;

    if (!demo_ask(d, p, "credentials", function, NULL, 0, in, &answer))
        return false;
    snprintf(out, size, "%s", text(answer, field));
    json_decref(answer);
    return out[0] || demo_wrong("the registry does not know %s", p->name);
}

/* Who is who: connections, the patient's pid, the doctor's uid, the hospital's custody key. */
bool demo_meet(demo *d)
{
    char path[4096];
    fcc_error error;

    if (!meet(d, &d->patient, "patient1", "HospitalMSP", "the patient") ||
        !meet(d, &d->doctor, "doctor1", "HospitalMSP", "the doctor") ||
        !meet(d, &d->registrar, "registrar1", "HospitalMSP", "the registrar") ||
        !meet(d, &d->auditor, "auditor1", "RegulatorMSP", "the auditor") ||
        !meet(d, &d->inspector, "auditor2", "InspectorMSP", "the inspector") ||
        !meet(d, &d->insurer, "insurer1", "InsurerMSP", "the insurer") ||
        !meet(d, &d->stranger, "doctor3", "ClinicMSP", "a doctor elsewhere") ||
        !meet(d, &d->emergency, "doctor2", "HospitalMSP", "the emergency doctor") ||
        !meet(d, &d->privacy, "privacy1", "HospitalMSP", "the privacy officer") ||
        !ask_who(d, &d->patient, "GetPatient", json_object(), "pid", d->pid, sizeof(d->pid)) ||
        !ask_who(d, &d->doctor, "Caller", NULL, "uid", d->uid, sizeof(d->uid)))
        return false;
    snprintf(path, sizeof(path), "%s/custody/HospitalMSP.key", d->dir);
    if (!d->custody && blob_custody_load(path, &d->custody, &error) != FCC_OK)
        return demo_wrong("%s", error.text);
    snprintf(path, sizeof(path), "%s/blobs", d->dir);
    if (blob_open(path, &d->store, &error) != FCC_OK)
        return demo_wrong("%s", error.text);
    if (!demo_custodian_start(d))
        return false;
    demo_watch(d);
    return true;
}

void demo_part(demo *d)
{
    demo_person *people[] = { &d->patient, &d->doctor,   &d->registrar, &d->auditor, &d->inspector,
                              &d->insurer, &d->stranger, &d->emergency, &d->privacy };

    demo_custodian_stop(d);
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
        client_close(people[i]->who);
        people[i]->who = NULL;
    }
    blob_close(d->store);
    d->store = NULL;
}

bool demo_base(demo *d)
{
    char id[33];
    json_t *answer = NULL;

    demo_step(d, "The patient decides who may see what");
    if (!demo_submit(d, &d->patient, "consent", "SetBase", NULL,
                     json_pack("{s:s, s:[], s:s, s:s, s:s}", "pid", d->pid, "rules", "btg", "notify", "btgMaxSens", "R",
                               "salt", demo_salt(id)),
                     &answer))
        return false;
    demo_ok("the patient sets the base: nobody sees anything without a grant (public act %.8s..., version %d)",
            text(answer, "id"), (int)json_integer_value(json_object_get(answer, "v")));
    json_decref(answer);
    return true;
}

static json_t *scope_of_everything(void)
{
    return json_pack("{s:[s,s,s,s,s,s,s,s,s,s,s,s]}", "categories", "general", "lab", "imaging", "medication",
                     "immunization", "allergy", "procedure", "psychiatry", "substance", "sexual", "genetic", "social");
}

/* Ask, have it committed, and look what was decided. */
static bool request(demo *d, char audit_id[33], const char *expected, char reason[64])
{
    const char *args[1];
    json_t *answer = NULL;
    bool ok;

    demo_salt(audit_id);
    if (!demo_submit(d, &d->doctor, "ehr", "RequestAccess", NULL,
                     json_pack("{s:s, s:s, s:s, s:o}", "reqId", audit_id, "pid", d->pid, "purpose", "TREAT", "scope",
                               scope_of_everything()),
                     &answer))
        return false;
    ok = !strcmp(text(answer, "auditId"), audit_id);
    json_decref(answer);
    if (!ok)
        return demo_wrong("RequestAccess must answer the request's id");
    args[0] = audit_id;
    if (!demo_ask(d, &d->doctor, "ehr", "Decision", args, 1, NULL, &answer))
        return false;
    ok = !strcmp(text(answer, "decision"), expected);
    snprintf(reason, 64, "%s", text(answer, "reason"));
    if (!ok)
        demo_wrong("the decision must be %s, and is %s (%s)", expected, text(answer, "decision"), reason);
    json_decref(answer);
    return ok;
}

bool demo_denied(demo *d)
{
    char reason[64], code[64];

    demo_step(d, "The hospital's doctor asks for access, without consent");
    if (!request(d, d->denied, "deny", reason))
        return false;
    demo_ok("the request is committed; decision: deny (%s); it is on the record that somebody asked", reason);
    if (!demo_refused(d, &d->doctor, "ehr", "ReadIndex", d->denied, NULL, 403, code))
        return false;
    demo_ok("reading the index is refused: 403 %s", code);
    return true;
}

bool demo_grant(demo *d)
{
    char grantee[80], until[21], salt[33], reason[64];
    time_t then = time(NULL) + 90 * 86400;
    struct tm tm;
    json_t *rule, *answer = NULL;
    size_t n;

    demo_step(d, "The patient grants access to this doctor");
    snprintf(grantee, sizeof(grantee), "u:%s", d->uid);
    if (!gmtime_r(&then, &tm) || !strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm))
        return demo_wrong("the clock cannot be read");
    rule = json_pack("{s:s, s:[s], s:[s], s:[s], s:s, s:s}", "effect", "permit", "purpose", "TREAT", "ops", "read",
                     "cat", "*", "maxSens", "V", "validUntil", until);
    if (!demo_submit(d, &d->patient, "consent", "Grant", NULL,
                     json_pack("{s:s, s:s, s:[o], s:s}", "pid", d->pid, "grantee", grantee, "rules", rule, "salt",
                               demo_salt(salt)),
                     NULL))
        return false;
    demo_ok("granted: read for treatment, all categories, until %.10s", until);
    if (!demo_ask(d, &d->patient, "consent", "ListGrants", NULL, 0, json_pack("{s:s}", "pid", d->pid), &answer))
        return false;
    n = json_array_size(json_object_get(answer, "grants"));
    json_decref(answer);
    if (n != 1)
        return demo_wrong("the patient must see one grant, not %zu", n);
    demo_ok("the patient's own list shows it");
    if (!request(d, d->allowed, "allow", reason))
        return false;
    demo_ok("the doctor asks again; decision: allow (%s), audited like the refusal", reason);
    return true;
}

/* The encounter with the most observations and medication requests of its own; the last of equals. */
static const fhir_entry *richest_encounter(const fhir_bundle *b)
{
    const fhir_entry *best = NULL;
    size_t best_n = 0, i, j, n, drugs;

    for (i = 0; i < b->count; i++) {
        const fhir_entry *e = &b->entries[i];

        if (strcmp(e->type, "Encounter") != 0)
            continue;
        for (j = 0, n = 0, drugs = 0; j < b->count; j++) {
            const fhir_entry *r = &b->entries[j];

            if (!r->encounter || (strcmp(r->type, "Observation") != 0 && strcmp(r->type, "MedicationRequest") != 0))
                continue;
            if ((e->full_url && !strcmp(r->encounter, e->full_url)) || fhir_find(b, r->encounter) == e) {
                n++;
                drugs += r->type[0] == 'M';
            }
        }
        /* one with both kinds shows more than one with many of a kind */
        n += drugs > 0 && drugs < n ? 1000 : 0;
        if (!best || n >= best_n) {
            best = e;
            best_n = n;
        }
    }
    return best;
}

static bool belongs(const demo *d, const fhir_entry *e)
{
    if (!d->encounter)
        return false;
    if (e == d->encounter)
        return true;
    if (!e->encounter || (strcmp(e->type, "Observation") != 0 && strcmp(e->type, "MedicationRequest") != 0))
        return false;
    return fhir_find(d->bundle, e->encounter) == d->encounter;
}

/* Encrypt and store every entry's content: first those of the encounter, then the rest. */
static bool store_all(demo *d)
{
    fcc_error error;
    size_t i, pass;
    int64_t now = (int64_t)time(NULL);

    d->records = calloc(d->bundle->count, sizeof(*d->records));
    if (!d->records)
        return demo_wrong("out of memory");
    for (pass = 0; pass < 2; pass++) {
        for (i = 0; i < d->bundle->count; i++) {
            const fhir_entry *e = &d->bundle->entries[i];

            if (belongs(d, e) != (pass == 0))
                continue;
            if (fhir_store(e, d->store, blob_custody_public(d->custody), now, &d->records[d->record_count], &error) !=
                FCC_OK)
                return demo_wrong("%s", error.text);
            d->record_count++;
            demo_progress(d, "encrypted and stored", d->record_count, d->bundle->count);
        }
        if (pass == 0)
            d->in_encounter = d->record_count;
    }
    /* the ledger must never know of a record whose content could be lost */
    return blob_sync(d->store, &error) == FCC_OK || demo_wrong("%s", error.text);
}

static bool send_records(demo *d, const demo_person *p, const char *function, const char *head, size_t first,
                         size_t end, size_t *calls)
{
    fcc__buf in;
    size_t at = first, n;
    bool ok = true;

    fcc__buf_init(&in, 4 * FHIR_BATCH_BYTES);
    for (*calls = 0; ok && at < end; (*calls)++, at += n) {
        fcc__buf_reset(&in);
        n = fhir_batch(head, d->records + at, end - at, &in);
        if (n == 0) {
            ok = demo_wrong("a record's description is too long for one call");
            break;
        }
        ok = demo_submit_text(d, p, "ehr", function, fcc__buf_bytes(&in));
        if (ok)
            demo_progress(d, "recorded on the ledger", at + n - first, end - first);
    }
    fcc__buf_clear(&in);
    return ok;
}

bool demo_encounter(demo *d)
{
    char salt[33], head[64];
    size_t calls, i, observations = 0, drugs = 0;

    demo_step(d, "A visit: the doctor opens an encounter and records it");
    d->encounter = richest_encounter(d->bundle);
    if (!store_all(d))
        return false;
    demo_ok("%zu resources encrypted, each with a key of its own, each stored under the hash of its ciphertext",
            d->record_count);
    demo_salt(d->enc_id);
    if (!demo_submit(d, &d->doctor, "ehr", "StartEncounter", NULL,
                     json_pack("{s:s, s:s, s:s}", "encId", d->enc_id, "pid", d->pid, "salt", demo_salt(salt)), NULL))
        return false;
    demo_ok("encounter %.8s... opened", d->enc_id);
    for (i = 0; i < d->in_encounter; i++) {
        observations += !strcmp(d->records[i].entry->type, "Observation");
        drugs += !strcmp(d->records[i].entry->type, "MedicationRequest");
    }
    snprintf(head, sizeof(head), "\"encId\":\"%s\"", d->enc_id);
    if (d->in_encounter == 0) {
        demo_say("the bundle has no Encounter: nothing to record in it");
        return true;
    }
    if (!send_records(d, &d->doctor, "AddRecords", head, 0, d->in_encounter, &calls))
        return false;
    demo_ok("recorded in it: the encounter itself, %zu observations, %zu medication requests (%zu transaction%s)",
            observations, drugs, calls, calls == 1 ? "" : "s");
    return true;
}

bool demo_import(demo *d)
{
    char head[64];
    size_t calls, n = d->record_count - d->in_encounter;

    demo_step(d, "The registrar imports the rest of the bundle");
    snprintf(head, sizeof(head), "\"pid\":\"%s\"", d->pid);
    if (n == 0) {
        demo_say("nothing is left to import");
        return true;
    }
    if (!send_records(d, &d->registrar, "ImportRecords", head, d->in_encounter, d->record_count, &calls))
        return false;
    demo_ok("%zu records imported in %zu transaction%s of at most %d records", n, calls, calls == 1 ? "" : "s",
            FHIR_BATCH_RECORDS);
    return true;
}

static const fhir_record *record_of(const demo *d, const char *id)
{
    size_t i;

    for (i = 0; i < d->record_count; i++)
        if (!strcmp(d->records[i].id, id))
            return &d->records[i];
    return NULL;
}

/* All pages of ReadIndex. */
static bool read_index(demo *d, json_t *index)
{
    const char *args[1] = { d->allowed };
    char page[256] = "";
    json_t *answer;
    int pages;

    for (pages = 0; pages < PAGES_MAX; pages++) {
        if (!demo_ask(d, &d->doctor, "ehr", "ReadIndex", args, 1, page[0] ? json_pack("{s:s}", "page", page) : NULL,
                      &answer))
            return false;
        json_array_extend(index, json_object_get(answer, "records"));
        snprintf(page, sizeof(page), "%s", text(answer, "next"));
        if (json_array_size(json_object_get(answer, "refused")) > 0) {
            json_decref(answer);
            return demo_wrong("ReadIndex refused records that the grant covers");
        }
        json_decref(answer);
        if (!page[0])
            return true;
    }
    return demo_wrong("ReadIndex has no last page");
}

/* Some records: the custodian's keys, the blobs, and whether they are what was stored. */
static bool read_back(demo *d, const json_t *index, size_t first, size_t count, size_t *bytes)
{
    const char *ids[CUSTODIAN_BATCH] = { 0 };
    custodian_key keys[CUSTODIAN_BATCH];
    fcc_bytes content;
    fcc_error error;
    bool ok = true;
    size_t i;

    for (i = 0; i < count; i++)
        ids[i] = text(json_array_get(index, first + i), "recId");
    if (!demo_keys(d, ids, count, keys))
        return false;
    for (i = 0; ok && i < count; i++) {
        const fhir_record *r = record_of(d, ids[i]);

        fcc__arena_reset(d->arena);
        if (!r)
            ok = demo_wrong("the index has a record that nobody made");
        else if (blob_get(d->store, text(json_array_get(index, first + i), "cid"), keys[i].key, d->arena, &content,
                          &error) != FCC_OK)
            ok = demo_wrong("%s", error.text);
        else if (!fcc_bytes_equal(content, r->entry->content))
            ok = demo_wrong("entry %zu (%s) is not what was stored", r->entry->index, r->entry->type);
        else
            *bytes += content.len;
    }
    blob_wipe(keys, sizeof(keys));
    return ok;
}

bool demo_read(demo *d)
{
    json_t *index = json_array();
    size_t at = 0, all, some, bytes = 0;
    bool ok;

    demo_step(d, "The doctor reads, under the grant");
    ok = read_index(d, index);
    all = json_array_size(index);
    if (ok && all != d->record_count)
        ok = demo_wrong("the index must have %zu records, and has %zu", d->record_count, all);
    if (ok)
        demo_ok("the index shows all %zu records: codes, dates and where they are; no content", d->record_count);
    for (; ok && at < all; at += some) {
        some = all - at < CUSTODIAN_BATCH ? all - at : CUSTODIAN_BATCH;
        ok = read_back(d, index, at, some, &bytes);
        if (ok)
            demo_progress(d, "read back", at + some, all);
    }
    if (ok)
        demo_ok("the custodian released the data key of each to the doctor's certificate, the content was decrypted:\n"
                "        %zu of %zu resources, %zu bytes, equal the bundle byte for byte",
                at, d->record_count, bytes);
    json_decref(index);
    return ok;
}

static bool verify(demo *d, const char *id, json_t *record, bool expected)
{
    const char *args[1] = { id };
    json_t *answer = NULL;
    bool is;

    if (!demo_ask(d, &d->doctor, "ehr", "VerifyCommit", args, 1, json_pack("{s:o}", "record", record), &answer))
        return false;
    is = json_is_true(answer);
    json_decref(answer);
    return is == expected || demo_wrong("VerifyCommit must be %s", expected ? "true" : "false");
}

/* Change one byte of a stored blob, try to read it, and put the byte back. */
static bool flip_blob(demo *d, const fhir_record *r)
{
    static const uint8_t any_key[BLOB_KEY_LEN] = { 0 };
    char path[4096];
    fcc_bytes content;
    fcc_error error = { 0 };
    fcc_status st;
    FILE *f;
    int c;

    if (!blob_path(d->store, r->cid, path, sizeof(path)) || !(f = fopen(path, "r+b")))
        return demo_wrong("%s: %s", path, strerror(errno));
    fseek(f, 20, SEEK_SET);
    c = fgetc(f);
    fseek(f, 20, SEEK_SET);
    fputc(c ^ 1, f);
    fflush(f);
    st = blob_get(d->store, r->cid, any_key, d->arena, &content, &error);
    fseek(f, 20, SEEK_SET);
    fputc(c, f);
    fclose(f);
    if (st != FCC_ERR_CORRUPT)
        return demo_wrong("a flipped byte in the store was not noticed");
    demo_ok("one byte flipped in the store: \"%.*s...: %s\"", 18, error.text,
            strstr(error.text, ": ") ? strstr(error.text, ": ") + 2 : error.text);
    return true;
}

bool demo_commitments(demo *d)
{
    const char *args[1] = { d->allowed };
    json_t *answer = NULL, *record;
    const fhir_record *r = &d->records[0];
    char sha[65];
    bool ok;

    demo_step(d, "What is on the chain proves what was recorded");
    if (!demo_ask(d, &d->doctor, "ehr", "ReadIndex", args, 1, json_pack("{s:[s]}", "recIds", r->id), &answer))
        return false;
    record = json_array_get(json_object_get(answer, "records"), 0);
    if (!record) {
        json_decref(answer);
        return demo_wrong("ReadIndex did not give the record");
    }
    ok = verify(d, r->id, json_incref(record), true);
    if (ok)
        demo_ok("the salted commitment of record %.8s... matches", r->id);
    snprintf(sha, sizeof(sha), "%s", text(record, "sha256"));
    sha[0] = sha[0] == '0' ? '1' : '0';
    json_object_set_new(record, "sha256", json_string(sha));
    ok = ok && verify(d, r->id, json_incref(record), false);
    if (ok)
        demo_ok("with one digit of the content's hash changed it does not");
    json_decref(answer);
    return ok && flip_blob(d, r);
}

bool demo_revoke(demo *d)
{
    char grantee[80], salt[33], reason[64], code[64];

    demo_step(d, "The patient takes the grant back");
    snprintf(grantee, sizeof(grantee), "u:%s", d->uid);
    if (!demo_submit(d, &d->patient, "consent", "Revoke", NULL,
                     json_pack("{s:s, s:s, s:s}", "pid", d->pid, "grantee", grantee, "salt", demo_salt(salt)), NULL))
        return false;
    demo_ok("revoked, with one call and without a reason");
    if (!request(d, d->refused, "deny", reason))
        return false;
    demo_ok("the doctor asks once more; decision: deny (%s)", reason);
    if (!demo_refused(d, &d->doctor, "ehr", "ReadIndex", d->refused, NULL, 403, code))
        return false;
    demo_ok("reading the index is refused: 403 %s", code);
    /* the earlier permission has not run out, but consent is judged again whenever it is used */
    if (!demo_refused(d, &d->doctor, "ehr", "ReadIndex", d->allowed, NULL, 403, code))
        return false;
    demo_ok("so is reading it under the earlier permission, which had time left: 403 %s", code);
    return true;
}

/* The entry of this request. */
static const json_t *entry_of(const json_t *entries, const char *audit_id)
{
    const json_t *e;
    size_t i;

    json_array_foreach(entries, i, e) if (!strcmp(text(e, "auditId"), audit_id)) return e;
    return NULL;
}

bool demo_audit(demo *d)
{
    const char *args[1] = { d->records[0].id };
    const char *expected[] = { "deny", "allow", "deny", "deny" };
    const char *ids[] = { d->denied, d->allowed, d->elsewhere, d->refused };
    json_t *answer = NULL, *entries, *act;
    size_t i;
    bool ok = true;

    demo_step(d, "The regulator's auditor looks, on the regulator's own peer");
    if (!demo_ask(d, &d->auditor, "ehr", "ActHistory", args, 1, NULL, &answer))
        return false;
    act = json_array_get(json_object_get(answer, "history"), 0);
    if (!act)
        ok = demo_wrong("ActHistory of a record is empty");
    else
        demo_ok("the record's act: %s, transaction %.8s..., a commitment and no content", text(act, "at"),
                text(act, "txId"));
    json_decref(answer);
    if (!ok || !demo_ask(d, &d->auditor, "ehr", "AuditTrail", NULL, 0, json_pack("{s:s}", "pid", d->pid), &answer))
        return false;
    entries = json_object_get(answer, "entries");
    if (json_array_size(entries) != 4)
        ok = demo_wrong("the trail must have 4 entries, and has %zu", json_array_size(entries));
    for (i = 0; ok && i < 4; i++) {
        const json_t *e = entry_of(entries, ids[i]);

        if (!e || strcmp(text(e, "decision"), expected[i]) != 0)
            ok = demo_wrong("the trail must have request %.8s..., decided %s", ids[i], expected[i]);
        else
            demo_ok("%s  %s asked for %s: %-5s (%s)", text(e, "at"), text(e, "uid"), text(e, "purpose"),
                    text(e, "decision"), text(e, "reason"));
    }
    json_decref(answer);
    return ok;
}
