/* audit.c, steps 30 and 31: what the inspectorate, the patient and nobody else sees of it, and erasure. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

static json_t *about(const char *pid)
{
    return json_pack("{s:s}", "pid", pid);
}

static json_t *deciding(scene *s, const scene_record *r, const char *answer, const char *basis)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "pid", s->a.pid, "recId", r->meta.id, "answer", answer, "basisCode",
                     basis, "salt", scene_salt(s));
}

static json_t *asking(scene *s, const scene_record *r)
{
    return json_pack("{s:s, s:s, s:s}", "pid", s->a.pid, "recId", r->meta.id, "salt", scene_salt(s));
}

typedef struct counts {
    size_t asked, denied, opened;
    bool in_order;
} counts;

static counts count(const json_t *entries)
{
    counts c = { .in_order = true };
    const json_t *entry;
    const char *before = "~";
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        const char *at = scene_text_of(entry, json_object_get(entry, "auditId") ? "at" : "opened");

        if (json_object_get(entry, "auditId")) {
            c.asked++;
            c.denied += strcmp(scene_text_of(entry, "decision"), "deny") == 0;
        } else
            c.opened++;
        c.in_order = c.in_order && *at && strcmp(at, before) <= 0;
        before = at;
    }
    return c;
}

static void trail(scene *s)
{
    json_t *seen;
    counts c;

    scene_query(s, WHO_V, END_INSPECTOR, "ehr", "AuditTrail", about(s->a.pid), NULL);
    scene_ok(s, "30 V lists A's trail on V's own peer");
    seen = json_incref(s->payload);
    c = count(json_object_get(seen, "entries"));
    scene_check(s, c.in_order, "30 in order, newest first");
    scene_check(s, c.asked == s->asked && c.denied == s->denied && c.opened == s->opened,
                "30 counts equal the steps above: %zu requests, %zu refused, %zu cases (%zu, %zu, %zu)", s->asked,
                s->denied, s->opened, c.asked, c.denied, c.opened);
    scene_query(s, WHO_A, END_HOSPITAL, "ehr", "AuditTrail", about(s->a.pid), NULL);
    scene_check(s, s->st == FCC_OK && json_equal(seen, s->payload), "30 A sees the same");
    json_decref(seen);
    scene_query(s, WHO_P2, END_HOSPITAL, "ehr", "AuditTrail", about(s->a.pid), NULL);
    scene_refused(s, "30 P2", 403, "DENIED:role");
}

static void history(scene *s)
{
    const json_t *entry, *versions;
    bool ordered = true;
    size_t i;

    scene_query(s, WHO_V, END_INSPECTOR, "ehr", "ActHistory", NULL, s->note.meta.id, NULL);
    versions = json_object_get(s->payload, "history");
    json_array_foreach(versions, i, entry)
        ordered = ordered &&
                  json_integer_value(json_object_get(json_object_get(entry, "value"), "v")) == (json_int_t)i + 1;
    scene_check(s, s->st == FCC_OK && json_array_size(versions) == 2 && ordered,
                "30 ActHistory of the note: versions in order");
}

static void restricted(scene *s)
{
    char audit[SCENE_ID];
    json_t *scope = json_pack("{s:[s]}", "recIds", s->note.meta.id);

    scene_request(s, WHO_D1, s->a.pid, json_incref(scope), audit);
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "allow", "author_site",
                   "31 as long as nobody asks, D1 reads his note");
    scene_invoke(s, WHO_A, END_CARE, "ehr", "RequestErasure", asking(s, &s->note), NULL);
    scene_ok(s, "31 A asks to erase the note");
    scene_invoke(s, WHO_PO, END_CARE, "ehr", "DecideErasure", deciding(s, &s->note, "erase", "retention_over"), NULL);
    scene_refused(s, "31 erase", 412, "RETENTION");
    scene_invoke(s, WHO_PO, END_CARE, "ehr", "DecideErasure", deciding(s, &s->note, "restrict", "retention_duty"),
                 NULL);
    scene_ok(s, "31 restricted instead");
    scene_request(s, WHO_D1, s->a.pid, scope, audit);
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "deny", "restricted", "31 D1");
}

static void erased(scene *s)
{
    char audit[SCENE_ID];
    json_t *record;

    scene_request(s, WHO_A, s->a.pid, json_pack("{s:[s]}", "recIds", s->own.meta.id), audit);
    scene_query(s, WHO_A, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    record = json_deep_copy(json_array_get(json_object_get(s->payload, "records"), 0));
    scene_check(s, record != NULL, "31 A's own upload is there");
    scene_check(s, scene_keys(s, WHO_A, "HospitalMSP", audit, &s->own) == 1, "31 and can be read");
    scene_invoke(s, WHO_A, END_CARE, "ehr", "RequestErasure", asking(s, &s->own), NULL);
    scene_ok(s, "31 A asks to erase it");
    /* the owner's request changed the record: what will be proved is its last version */
    scene_query(s, WHO_A, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    json_decref(record);
    record = json_deep_copy(json_array_get(json_object_get(s->payload, "records"), 0));
    scene_invoke(s, WHO_PO, END_CARE, "ehr", "DecideErasure", deciding(s, &s->own, "erase", "supplied"), NULL);
    scene_ok(s, "31 erased");
    scene_query(s, WHO_A, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    scene_refused(s, "31 ReadIndex", 410, "GONE");
    scene_check(s, scene_keys(s, WHO_A, "HospitalMSP", audit, &s->own) == 0,
                "31 DEK gone: the custodian releases nothing");
    scene_query(s, WHO_D3, END_CLINIC, "ehr", "VerifyCommit", json_pack("{s:o}", "record", record), s->own.meta.id,
                NULL);
    scene_check(s, s->st == FCC_OK && json_is_true(s->payload), "31 commit still verifiable");
    scene_private(s, "purged", s->own.meta.cid);
    scene_private(s, "purged", s->own.meta.dek);
    scene_private(s, "purged", s->own.meta.salt);
}

void scene_audit(scene *s)
{
    trail(s);
    history(s);
    restricted(s);
    erased(s);
}
