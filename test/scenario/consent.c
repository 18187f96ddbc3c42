/* consent.c, steps 6 to 7a, 3a and 26: who may read before, with and after a patient's consent. */
#include "scenario.h"

#include <string.h>

enum { MVCC_READ_CONFLICT = 11 };

static json_t *rule(scene *s, const char *one, const char *other)
{
    return json_pack("{s:s, s:[s], s:[s], s:[s, s*], s:s, s:s}", "effect", "permit", "purpose", "TREAT", "ops", "read",
                     "cat", one, other, "maxSens", "R", "validUntil", scene_time(s, (int64_t)90 * 86400));
}

static json_t *grant(scene *s, const scene_patient *p, const char *grantee)
{
    return json_pack("{s:s, s:s, s:[o], s:s}", "pid", p->pid, "grantee", grantee, "rules", rule(s, "general", "lab"),
                     "salt", scene_salt(s));
}

static json_t *revocation(scene *s, const char *grantee)
{
    return json_pack("{s:s, s:s*, s:s}", "pid", s->a.pid, "grantee", grantee, "salt", scene_salt(s));
}

static json_t *categories(const char *one)
{
    return json_pack("{s:[s]}", "categories", one);
}

static const char *grantee_of(scene *s, scene_who who)
{
    return scene_print(s, "u:%s", scene_uid(who));
}

static void before(scene *s)
{
    char audit[SCENE_ID];
    json_t *own;

    /* something of A's has to be there that could leak */
    if (!scene_store(s,
                     scene_print(s,
                                 "{\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"subject\":{"
                                 "\"display\":\"%s\"},\"description\":\"letter of %s\",\"date\":\"%s\"}",
                                 s->a.name, s->a.born, scene_time(s, -86400)),
                     0, &s->own))
        return;
    own = scene_record_json(s, &s->own);
    scene_invoke(s, WHO_A, END_CARE, "ehr", "AddOwn", json_pack("{s:[o]}", "records", own), NULL);
    scene_ok(s, "6 A supplies a document of her own");

    scene_request(s, WHO_D1, s->a.pid, categories("general"), audit);
    s->asked++, s->denied++;
    scene_check(s, s->st == FCC_OK && strcmp(scene_text(s, "auditId"), audit) == 0,
                "6 D1 requests access to A's records before any consent: 200 {auditId}");
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "deny", "no_consent", "6 once committed Decision");
    scene_query(s, WHO_D1, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    scene_refused(s, "6 ReadIndex", 403, "DENIED:no_consent");
    scene_check(s, scene_keys(s, WHO_D1, "HospitalMSP", audit, &s->own) == 0, "6 custodian releases nothing");
}

static void granted(scene *s)
{
    int status;

    scene_invoke(s, WHO_A, END_CARE, "consent", "Grant", grant(s, &s->a, grantee_of(s, WHO_D1)), NULL);
    scene_ok(s, "7 A grants D1: TREAT, general + lab, 90 days");
    scene_invoke(s, WHO_D3, END_CARE, "consent", "Grant", grant(s, &s->a, grantee_of(s, WHO_D3)), NULL);
    scene_refused(s, "7 D3 grants himself", 403, "DENIED:not_owner");
    scene_request(s, WHO_D1, s->a.pid, categories("general"), s->allowed);
    s->asked++;
    scene_ok(s, "7 D1 requests access again");
    scene_decision(s, WHO_D1, END_HOSPITAL, s->allowed, "allow", "grant", "7 Decision");
    scene_query(s, WHO_D1, END_HOSPITAL, "ehr", "ReadIndex", NULL, s->allowed, NULL);
    scene_check(s, s->st == FCC_OK && json_array_size(json_object_get(s->payload, "records")) == 1,
                "7 ReadIndex has A's document");
    scene_check(s, scene_keys(s, WHO_D1, "HospitalMSP", s->allowed, &s->own) == 1,
                "7 the custodian releases its key to D1, and the content is what A stored");
    scene_check(s, scene_keys(s, WHO_D3, "HospitalMSP", s->allowed, &s->own) == 0,
                "7 and to D3, who knows the id, none");
    status = scene_network(s, "crash", "Hospital");
    if (status == 77)
        scene_skip(s, "7 a custodian that is killed", "this network cannot kill one");
    else
        scene_check(s, status == 0 && scene_keys(s, WHO_D1, "HospitalMSP", s->allowed, &s->own) == 1,
                    "7 a custodian that was killed and started releases it again");
}

static void paper(scene *s)
{
    char form[SCENE_ID], audit[SCENE_ID];

    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "RegisterPerson",
                 json_pack("{s:s, s:s, s:o, s:s}", "pid", s->e.pid, "nid", s->e.nid, "demographics",
                           scene_demographics(&s->e), "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "7a E has no device: a registrar registers E");
    scene_id(form);
    scene_invoke(s, WHO_REG1, END_CARE, "consent", "GrantFor",
                 json_pack("{s:s, s:s, s:s, s:[o], s:s, s:s}", "id", form, "pid", s->e.pid, "grantee",
                           grantee_of(s, WHO_D1), "rules", rule(s, "general", "lab"), "evidenceHash", scene_digest(s),
                           "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "7a the registrar records a paper grant");
    scene_invoke(s, WHO_REG1, END_CARE, "consent", "Countersign",
                 json_pack("{s:s, s:s}", "id", form, "salt", scene_salt(s)), NULL);
    scene_refused(s, "7a and countersigns it himself", 403, "DENIED:self");
    scene_request(s, WHO_D1, s->e.pid, categories("general"), audit);
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "deny", "no_consent", "7a D1 is still denied");
    scene_invoke(s, WHO_REG2, END_CARE, "consent", "Countersign",
                 json_pack("{s:s, s:s}", "id", form, "salt", scene_salt(s)), NULL);
    scene_ok(s, "7a the second registrar countersigns");
    scene_request(s, WHO_D1, s->e.pid, categories("general"), audit);
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "allow", "grant", "7a active");
}

/* Certificates that authorities should not have issued. */
static void forged(scene *s)
{
    client_options options = { .dir = s->dir, .clock_offset_s = s->ahead };
    client *who = NULL;
    char enc[SCENE_ID];

    options.org = options.mspid = "HospitalMSP";
    options.msp_dir = scene_certificate(s, "hospital.medsync.example", "{\"attrs\":{\"role\":\"patient\"}}");
    if (!options.msp_dir || client_open(&options, &who, &s->error) != FCC_OK)
        scene_check(s, false, "3a H's authority issues another certificate");
    else {
        scene_invoke_as(s, who, END_CARE, "consent", "Grant", grant(s, &s->a, grantee_of(s, WHO_D1)), NULL);
        scene_refused(s, "3a H's CA issues a second certificate for A; it grants D1", 403, "DENIED:unbound_key");
    }
    client_close(who);
    who = NULL;
    options.org = options.mspid = "PharmacyMSP";
    options.msp_dir = scene_certificate(s, "pharmacy.medsync.example",
                                        "{\"attrs\":{\"role\":\"doctor\",\"uid\":\"uid-h-0001\",\"site\":\"" HOSPITAL
                                        "\"}}");
    scene_id(enc);
    if (!options.msp_dir || client_open(&options, &who, &s->error) != FCC_OK)
        scene_check(s, false, "3a P's authority issues a certificate");
    else {
        scene_invoke_as(s, who, END_CARE, "ehr", "StartEncounter",
                        json_pack("{s:s, s:s, s:s}", "encId", enc, "pid", s->a.pid, "salt", scene_salt(s)), NULL);
        scene_refused(s, "3a PharmacyMSP's CA issues role=doctor, StartEncounter", 401, "NO_ROLE");
    }
    client_close(who);
}

void scene_consent(scene *s)
{
    before(s);
    granted(s);
    paper(s);
    forged(s);
}

/* ---- 26 ---- */

void scene_revocation(scene *s)
{
    client_transaction flight;
    client_answer answer = { 0 };
    const char *d1 = grantee_of(s, WHO_D1);
    char audit[SCENE_ID];

    scene_invoke(s, WHO_A, END_CARE, "consent", "Grant", grant(s, &s->a, grantee_of(s, WHO_D3)), NULL);
    scene_ok(s, "26 A grants D3 too");
    scene_id(audit);
    scene_check(s,
                scene_endorse(s, WHO_D1, END_CARE, "ehr", "RequestAccess",
                              json_pack("{s:s, s:s, s:s, s:o}", "reqId", audit, "pid", s->a.pid, "purpose", "TREAT",
                                        "scope", categories("general")),
                              NULL, &flight),
                "26 D1's request is endorsed");
    scene_invoke(s, WHO_A, END_CARE, "consent", "Revoke", revocation(s, d1), NULL);
    scene_ok(s, "26 A revokes D1 while D1's request is in flight");
    s->st = client_submit(s->people[WHO_D1], &flight, s->arena, &answer, &s->error);
    if (s->st == FCC_OK)
        s->st = client_commit_status(s->people[WHO_D1], flight.txid, s->arena, &answer, &s->error);
    scene_check(s, answer.validation == MVCC_READ_CONFLICT, "26 D1's transaction invalid (MVCC)");
    scene_request(s, WHO_D1, s->a.pid, categories("general"), audit);
    s->asked++, s->denied++;
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "deny", "revoked", "26 on retry Decision");
    scene_query(s, WHO_D1, END_HOSPITAL, "ehr", "ReadIndex", NULL, s->allowed, NULL);
    scene_refused(s, "26 what D1 was granted before is over too", 403, "DENIED:revoked");
    scene_invoke(s, WHO_A, END_CARE, "consent", "Revoke", revocation(s, d1), NULL);
    scene_refused(s, "26 A revokes again", 409, "ALREADY");
    scene_request(s, WHO_D3, s->a.pid, categories("general"), audit);
    s->asked++;
    scene_decision(s, WHO_D3, END_CLINIC, audit, "allow", "grant", "26 D3 is still granted access");
    scene_invoke(s, WHO_A, END_CARE, "consent", "RevokeAll", revocation(s, NULL), NULL);
    scene_ok(s, "26 RevokeAll");
    scene_request(s, WHO_D3, s->a.pid, categories("general"), audit);
    s->asked++, s->denied++;
    scene_decision(s, WHO_D3, END_CLINIC, audit, "deny", "revoked", "26 ends the rest");
}
