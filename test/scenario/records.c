/* records.c, steps 10 to 14: an encounter, a note, a laboratory's result, a category that nobody allowed, a suspension. */
#include "scenario.h"

#include <string.h>

#define LOINC "4548-4"

static json_t *encounter(scene *s, const char *enc, const char *pid)
{
    return json_pack("{s:s, s:s, s:s}", "encId", enc, "pid", pid, "salt", scene_salt(s));
}

static json_t *adding(scene *s, const char *enc, const scene_record *r)
{
    return json_pack("{s:s, s:[o]}", "encId", enc, "records", scene_record_json(s, r));
}

static const char *observation(scene *s, const scene_patient *p, const char *code, const char *words)
{
    return scene_print(
        s,
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
        "\"http://loinc.org\",\"code\":\"%s\"}]},\"subject\":{\"display\":\"%s\",\"identifier\":{\"value\":"
        "\"%s\"}},\"effectiveDateTime\":\"%s\",\"valueString\":\"%s\"}",
        code, p->name, p->number, scene_time(s, -60), words);
}

static void visit(scene *s)
{
    scene_record astray;

    scene_id(s->enc);
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "StartEncounter", encounter(s, s->enc, s->a.pid), NULL);
    scene_ok(s, "10 D1 starts the encounter");
    if (!scene_store(s, observation(s, &s->a, "8310-5", "written by a stranger"), 1, &astray))
        return;
    scene_invoke(s, WHO_D3, END_CARE, "ehr", "AddRecords", adding(s, s->enc, &astray), NULL);
    scene_refused(s, "10 D3 writes into it", 403, "DENIED:not_author");
}

/* The record as D1 may read it, its hash changed by one digit on demand. */
static json_t *as_read(scene *s, const scene_record *r, const char *audit, bool flipped)
{
    json_t *record;
    char sha[65];

    scene_query(s, WHO_D1, END_HOSPITAL, "ehr", "ReadIndex", json_pack("{s:[s]}", "recIds", r->meta.id), audit, NULL);
    record = json_deep_copy(json_array_get(json_object_get(s->payload, "records"), 0));
    if (record && flipped) {
        memcpy(sha, r->meta.sha256, sizeof(sha));
        sha[0] = sha[0] == '0' ? '1' : '0';
        json_object_set_new(record, "sha256", json_string(sha));
    }
    return record;
}

static bool verified(scene *s, const scene_record *r, const char *audit, bool flipped)
{
    json_t *record = as_read(s, r, audit, flipped);

    if (!record)
        return false;
    scene_query(s, WHO_D1, END_CLINIC, "ehr", "VerifyCommit", json_pack("{s:o}", "record", record), r->meta.id, NULL);
    return s->st == FCC_OK && json_is_boolean(s->payload) && json_is_true(s->payload) == !flipped;
}

static void note(scene *s)
{
    json_t *in;
    char cid[BLOB_CID_MAX], audit[SCENE_ID];

    if (!scene_store(s, observation(s, &s->a, "8310-5", "a note"), 0, &s->note))
        return;
    in = adding(s, s->enc, &s->note);
    memcpy(cid, s->note.meta.cid, sizeof(cid));
    cid[strlen(cid) - 2] = '\0';
    json_object_set_new(json_array_get(json_object_get(in, "records"), 0), "cid", json_string(cid));
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "AddRecords", in, NULL);
    scene_refused(s, "11 D1 adds a note with a CID of wrong length", 400, "BAD_INPUT");
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "AddRecords", adding(s, s->enc, &s->note), NULL);
    scene_ok(s, "11 correct");
    scene_request(s, WHO_D1, s->a.pid, json_pack("{s:s}", "encId", s->enc), audit);
    s->asked++;
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "allow", "author_site", "11 D1 asks for the encounter");
    scene_check(s, verified(s, &s->note, audit, false), "11 VerifyCommit of what was read is true");
    scene_check(s, verified(s, &s->note, audit, true), "11 a flipped byte: VerifyCommit is false");
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "Attest",
                 json_pack("{s:s, s:s, s:s}", "pid", s->a.pid, "recId", s->note.meta.id, "salt", scene_salt(s)), NULL);
    scene_ok(s, "11 D1 attests it");
}

static void laboratory(scene *s)
{
    scene_record astray, again;

    scene_id(s->order);
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "OrderTest",
                 json_pack("{s:s, s:s, s:s, s:s, s:s}", "encId", s->enc, "orderId", s->order, "labSite", LAB, "loinc",
                           LOINC, "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "12 D1 orders a test");
    if (!scene_store(s, observation(s, &s->a, LOINC, "of another laboratory"), 1, &astray) ||
        !scene_store(s, observation(s, &s->a, LOINC, "48 mmol/mol"), 0, &s->lab) ||
        !scene_store(s, observation(s, &s->a, LOINC, "49 mmol/mol"), 0, &again))
        return;
    scene_invoke(s, WHO_L3, END_CARE, "ehr", "AddLabResult",
                 json_pack("{s:o}", "record", scene_record_json(s, &astray)), s->order, NULL);
    scene_refused(s, "12 another lab uploads", 403, "DENIED:not_lab");
    scene_invoke(s, WHO_L, END_CARE, "ehr", "AddLabResult", json_pack("{s:o}", "record", scene_record_json(s, &s->lab)),
                 s->order, NULL);
    scene_ok(s, "12 L uploads");
    scene_invoke(s, WHO_L, END_CARE, "ehr", "AddLabResult", json_pack("{s:o}", "record", scene_record_json(s, &again)),
                 s->order, NULL);
    scene_refused(s, "12 again", 409, "ALREADY");
    scene_invoke(s, WHO_L, END_CARE, "ehr", "VerifyLabResult", json_pack("{s:s}", "salt", scene_salt(s)), s->order,
                 NULL);
    scene_refused(s, "12 L verifies L's own result", 403, "DENIED:self");
    scene_invoke(s, WHO_L2, END_CARE, "ehr", "VerifyLabResult", json_pack("{s:s}", "salt", scene_salt(s)), s->order,
                 NULL);
    scene_ok(s, "12 a second technician verifies it");
}

static void psychiatry(scene *s)
{
    char allowed[SCENE_ID], denied[SCENE_ID];
    size_t len;
    json_t *in, *record;

    scene_id(s->enc_clinic);
    scene_invoke(s, WHO_D3, END_CARE, "ehr", "StartEncounter", encounter(s, s->enc_clinic, s->a.pid), NULL);
    if (!scene_ok(s, "13 the clinic has an encounter of its own") ||
        !scene_store(s, observation(s, &s->a, "8310-5", "a talk"), 1, &s->mind))
        return;
    in = adding(s, s->enc_clinic, &s->mind);
    record = json_array_get(json_object_get(in, "records"), 0);
    json_object_set_new(record, "category", json_string("psychiatry"));
    json_object_set_new(record, "sens", json_string("R"));
    scene_invoke(s, WHO_D3, END_CARE, "ehr", "AddRecords", in, NULL);
    scene_ok(s, "13 and a record of category psychiatry");
    scene_request(s, WHO_D1, s->a.pid, json_pack("{s:[s]}", "categories", "general"), allowed);
    s->asked++;
    len = s->answer.payload.len;
    scene_request(s, WHO_D1, s->a.pid, json_pack("{s:[s]}", "categories", "psychiatry"), denied);
    s->asked++, s->denied++;
    scene_check(s, s->st == FCC_OK && s->answer.payload.len == len && strcmp(scene_text(s, "auditId"), denied) == 0,
                "13 D1 asks for category psychiatry of the clinic: 200, the response as in an allow");
    scene_decision(s, WHO_D1, END_HOSPITAL, denied, "deny", "category", "13 Decision");
    scene_decision(s, WHO_D1, END_HOSPITAL, allowed, "allow", "grant", "13 while general");
    scene_request(s, WHO_D1, s->a.pid, json_pack("{s:[s]}", "recIds", s->mind.meta.id), denied);
    s->asked++, s->denied++;
    scene_decision(s, WHO_D1, END_HOSPITAL, denied, "deny", "category", "13 by the record's id");
    scene_check(s, scene_keys(s, WHO_D1, "ClinicMSP", denied, &s->mind) == 0,
                "13 the clinic's custodian releases nothing");
}

static void status(scene *s, const char *bit)
{
    scene_invoke(s, WHO_K, END_RC, "credentials", "SetStatus", NULL, s->suspensions, "1", bit, NULL);
}

static void suspension(scene *s)
{
    scene_record r;

    if (!scene_store(s, observation(s, &s->a, "8310-5", "while suspended"), 0, &r))
        return;
    status(s, "1");
    scene_ok(s, "14 D1's licence is suspended");
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "AddRecords", adding(s, s->enc, &r), NULL);
    scene_refused(s, "14 D1 adds a record", 403, "DENIED:licence");
    scene_prescribe(s, true);
    status(s, "0");
    scene_ok(s, "14 unsuspended");
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "AddRecords", adding(s, s->enc, &r), NULL);
    scene_ok(s, "14 D1 adds the record");
    scene_prescribe(s, false);
    /* what 27a will want to read */
    scene_id(s->enc_b);
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "StartEncounter", encounter(s, s->enc_b, s->b.pid), NULL);
    if (!scene_ok(s, "14 D1 sees B, too") || !scene_store(s, observation(s, &s->b, "8310-5", "of B"), 0, &s->of_b))
        return;
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "AddRecords", adding(s, s->enc_b, &s->of_b), NULL);
    scene_ok(s, "14 and adds a record");
}

void scene_records(scene *s)
{
    visit(s);
    note(s);
    laboratory(s);
    psychiatry(s);
    suspension(s);
}
