/* registration.c, steps 1 to 5: the regulator, sites, staff, a council and its licences, patients. */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

#define DID_K "did:web:council.medsync.example"

/* What the steps need and don't speak of: silent unless it fails. */
static void needs(scene *s, const char *what)
{
    if (s->st != FCC_OK)
        scene_check(s, false, "%s", what);
}

static void site(scene *s, scene_who admin, const char *gln, const char *type, const char *parent)
{
    scene_invoke(s, admin, END_RC, "credentials", "RegisterOrg", NULL, gln, type, "DE-BE", parent, "a site", NULL);
    needs(s, gln);
    scene_invoke(s, WHO_R, END_RC, "credentials", "ApproveOrg", NULL, gln, NULL);
    needs(s, gln);
}

static void applies(scene *s, scene_who who, const char *role, const char *caps)
{
    scene_invoke(s, who, END_RC, "credentials", "RegisterPractitioner", NULL, scene_uid(who), scene_site(who),
                 scene_print(s, "[\"%s\"]", role), caps, "", "", NULL);
}

static void approves(scene *s, scene_who admin, scene_who who)
{
    scene_invoke(s, admin, END_RC, "credentials", "ApprovePractitioner", NULL, scene_uid(who), scene_site(who), NULL);
}

static void employs(scene *s, scene_who admin, scene_who who, const char *role, const char *caps)
{
    applies(s, who, role, caps);
    needs(s, scene_uid(who));
    approves(s, admin, who);
    needs(s, scene_uid(who));
}

static void organisations(scene *s)
{
    scene_invoke(s, WHO_R, END_RC, "credentials", "Bootstrap", NULL, scene_uid(WHO_R), scene_site(WHO_R), NULL);
    scene_ok(s, "1 the regulator begins");
    scene_invoke(s, WHO_HA, END_RC, "credentials", "RegisterOrg", NULL, HOSPITAL, "hospital", "DE-BE", "", "A hospital",
                 NULL);
    scene_ok(s, "1 H registers");
    applies(s, WHO_D1, "doctor", "[]");
    scene_refused(s, "1 D1 applies before H is approved", 412, "PRECONDITION");

    /* until the approval nobody knows the administrator's key */
    scene_invoke(s, WHO_HA, END_RC, "credentials", "ApproveOrg", NULL, HOSPITAL, NULL);
    scene_refused(s, "2 HA tries to approve H", 403, "DENIED:unbound_key");
    scene_invoke(s, WHO_V, END_RC, "credentials", "ApproveOrg", NULL, HOSPITAL, NULL);
    scene_refused(s, "2 V approves", 401, "NO_ROLE");
    scene_invoke(s, WHO_R, END_RC, "credentials", "ApproveOrg", NULL, HOSPITAL, NULL);
    scene_ok(s, "2 R approves");
    scene_invoke(s, WHO_HA, END_RC, "credentials", "RegisterOrg", NULL, LAB, "lab", "DE-BE", HOSPITAL, "A laboratory",
                 NULL);
    needs(s, "H's laboratory registers");
    scene_invoke(s, WHO_HA, END_RC, "credentials", "ApproveOrg", NULL, LAB, NULL);
    scene_refused(s, "2 HA, known by now, tries to approve H's laboratory", 403, "DENIED:role");
    scene_invoke(s, WHO_R, END_RC, "credentials", "ApproveOrg", NULL, LAB, NULL);
    needs(s, "H's laboratory is approved");
    site(s, WHO_CA, CLINIC, "practice", "");
    site(s, WHO_CA, CLINIC_LAB, "lab", CLINIC);
    site(s, WHO_PA, scene_site(WHO_PA), "pharmacy", "");
    site(s, WHO_PA, scene_site(WHO_P2), "pharmacy", scene_site(WHO_PA));
    site(s, WHO_MA, scene_site(WHO_M), "manufacturer", "");
    site(s, WHO_WA, scene_site(WHO_W), "warehouse", "");
    site(s, WHO_IA, scene_site(WHO_IA), "insurer", "");
    site(s, WHO_R, scene_site(WHO_K), "council", scene_site(WHO_R));
    site(s, WHO_R, scene_site(WHO_V), "inspectorate", "");
}

static void staff(scene *s)
{
    applies(s, WHO_D1, "doctor", "[]");
    scene_ok(s, "3 D1 applies");
    approves(s, WHO_D1, WHO_D1);
    scene_refused(s, "3 D1 approves D1", 403, "DENIED:unbound_key");
    approves(s, WHO_HA, WHO_D1);
    scene_ok(s, "3 HA approves");
    approves(s, WHO_D1, WHO_D1);
    scene_refused(s, "3 D1, known by now, approves D1", 403, "DENIED:role");
    scene_invoke(s, WHO_HA, END_RC, "credentials", "ApprovePractitioner", NULL, scene_uid(WHO_HA), HOSPITAL, NULL);
    scene_refused(s, "3 who may approve there approves himself", 403, "DENIED:self");

    employs(s, WHO_HA, WHO_D2, "doctor", "[\"btg\"]");
    employs(s, WHO_R, WHO_L, "labtech", "[]");
    employs(s, WHO_R, WHO_L2, "labtech", "[]");
    employs(s, WHO_HA, WHO_REG1, "registrar", "[]");
    employs(s, WHO_HA, WHO_REG2, "registrar", "[]");
    employs(s, WHO_HA, WHO_DESK1, "desk", "[]");
    employs(s, WHO_CA, WHO_DESK2, "desk", "[]");
    employs(s, WHO_HA, WHO_PO, "privacy_officer", "[]");
    employs(s, WHO_HA, WHO_HC, "custodian", "[]");
    employs(s, WHO_CA, WHO_D3, "doctor", "[]");
    employs(s, WHO_R, WHO_L3, "labtech", "[]");
    employs(s, WHO_CA, WHO_REG3, "registrar", "[]");
    employs(s, WHO_CA, WHO_CC, "custodian", "[]");
    employs(s, WHO_PA, WHO_P1, "pharmacist", "[]");
    employs(s, WHO_R, WHO_P2, "pharmacist", "[]");
    employs(s, WHO_MA, WHO_M, "supplychain", "[]");
    employs(s, WHO_WA, WHO_W, "supplychain", "[]");
    employs(s, WHO_IA, WHO_I, "insurer_agent", "[]");
    employs(s, WHO_R, WHO_RA, "auditor", "[]");
    employs(s, WHO_R, WHO_K, "admin", "[]");
    scene_invoke(s, WHO_R, END_RC, "credentials", "RegisterPractitioner", NULL, scene_uid(WHO_V), scene_site(WHO_V),
                 "[\"auditor\"]", "[]", "", client_fingerprint(s->people[WHO_V]), NULL);
    needs(s, "V's auditor is registered by R");
    approves(s, WHO_R, WHO_V);
    needs(s, "V's auditor is approved");
    scene_invoke(s, WHO_V, END_RC, "credentials", "ApproveOrg", NULL, HOSPITAL, NULL);
    scene_refused(s, "2 V, known by now, approves", 401, "NO_ROLE");
    scene_invoke(s, WHO_V, END_RC, "credentials", "GetOrg", NULL, HOSPITAL, NULL);
    scene_check(s, s->st != FCC_OK && strstr(s->error.text, "FORBIDDEN") != NULL,
                "2 and V's broadcast is refused by the orderer: FORBIDDEN");
}

static void licence(scene *s, scene_who issuer, scene_who doctor, const char *index)
{
    scene_invoke(s, issuer, END_RC, "credentials", "IssueCredential", NULL,
                 scene_print(s, "urn:medsync:credential:%s", scene_salt(s)), scene_digest(s), "MedicalLicence",
                 scene_uid(doctor), s->suspensions, index, scene_time(s, -3600), scene_time(s, (int64_t)365 * 86400),
                 "[\"DE-BE\"]", NULL);
}

static bool holds(scene *s, const char *capability, const char *region)
{
    scene_query(s, WHO_D1, END_HOSPITAL, "credentials", "Check", NULL, scene_uid(WHO_D1), capability, region, NULL);
    return s->st == FCC_OK && json_is_true(s->payload);
}

static void licences(scene *s)
{
    scene_id(s->suspensions);
    licence(s, WHO_HA, WHO_D1, "1");
    scene_refused(s, "4 HA issues a medical licence", 403, "DENIED:issuer");
    scene_invoke(s, WHO_K, END_RC, "credentials", "PutDid", NULL, DID_K, scene_digest(s), scene_salt(s), NULL);
    scene_ok(s, "4 K has a DID");
    scene_invoke(s, WHO_R, END_RC, "credentials", "Accredit", NULL, DID_K, "MedicalLicence", NULL);
    scene_ok(s, "4 R accredits K");
    scene_invoke(s, WHO_K, END_RC, "credentials", "CreateStatusList", NULL, s->suspensions, "suspension", "131072",
                 NULL);
    scene_ok(s, "4 K has a status list");
    licence(s, WHO_K, WHO_D1, "1");
    scene_ok(s, "4 K issues D1's licence");
    licence(s, WHO_K, WHO_D2, "2");
    scene_ok(s, "4 and D2's");
    licence(s, WHO_K, WHO_D3, "3");
    scene_ok(s, "4 and D3's");
    scene_check(s, holds(s, "prescribe", "DE-BE"), "4 Check(D1, prescribe, region) true");
    scene_check(s, !holds(s, "prescribe", "DE-BY") && s->st == FCC_OK, "4 other region false");
}

/* The sites of the supply chain deal with each other as K says. */
static void partners(scene *s)
{
    static const scene_who sites[] = { WHO_M, WHO_W, WHO_P1 };

    scene_invoke(s, WHO_R, END_RC, "credentials", "Accredit", NULL, DID_K, "TradingPartner", NULL);
    needs(s, "R accredits K for trading partners");
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        scene_invoke(s, WHO_K, END_RC, "credentials", "IssueCredential", NULL,
                     scene_print(s, "urn:medsync:credential:%s", scene_salt(s)), scene_digest(s), "TradingPartner",
                     scene_site(sites[i]), s->suspensions, scene_print(s, "%zu", 10 + i), scene_time(s, -3600),
                     scene_time(s, (int64_t)365 * 86400), "[\"DE-BE\"]", NULL);
        needs(s, "a trading partner");
    }
}

/* What the care organisations set up before the first patient. */
static void care(scene *s)
{
    static const char *const sites[][2] = { { HOSPITAL, "h" }, { LAB, "h" }, { CLINIC, "c" }, { CLINIC_LAB, "c" } };
    static const char *const classes[] = { "general", "imaging" };
    fcc_bytes hex;

    scene_invoke(s, WHO_HA, END_CARE, "credentials", "Setup", json_pack("{s:s}", "salt", scene_digest(s)), NULL);
    needs(s, "credentials has its salt");
    scene_invoke(s, WHO_HA, END_CARE, "credentials", "SetSpecialty",
                 json_pack("{s:s, s:s, s:s, s:s}", "uid", scene_uid(WHO_D1), "specialty", "cardiology", "region",
                           "DE-BE", "salt", scene_salt(s)),
                 NULL);
    needs(s, "D1 has a specialty");
    scene_invoke(s, WHO_HA, END_CARE, "ehr", "Setup", json_pack("{s:s}", "salt", scene_digest(s)), NULL);
    needs(s, "ehr has its salt");
    scene_invoke(s, WHO_HA, END_CARE, "appointments", "Setup", json_pack("{s:s}", "salt", scene_digest(s)), NULL);
    needs(s, "appointments has its salt");
    for (int i = 0; i < 2; i++) {
        const uint8_t *key = blob_custody_public(s->custody[i]);
        char text[65];

        for (size_t k = 0; k < 32; k++)
            snprintf(text + 2 * k, 3, "%02x", key[k]);
        hex = fcc_str(text);
        scene_invoke(s, i ? WHO_CA : WHO_HA, END_CARE, "ehr", "SetCustodyKey", NULL, (const char *)hex.data, NULL);
        needs(s, "a custody key is published");
    }
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++)
        for (size_t k = 0; k < 2; k++) {
            scene_invoke(s, sites[i][1][0] == 'h' ? WHO_HA : WHO_CA, END_CARE, "ehr", "SetRetention", NULL, sites[i][0],
                         classes[k], "10", NULL);
            needs(s, "how long records are kept");
        }
}

static json_t *application(scene *s, const scene_patient *p)
{
    return json_pack("{s:s, s:o, s:s}", "pid", p->pid, "demographics", scene_demographics(p), "salt", scene_salt(s));
}

static json_t *approval(scene *s, scene_who who, const scene_patient *p)
{
    return json_pack("{s:s, s:s}", "fp", client_fingerprint(s->people[who]), "nid", p->nid);
}

static void patients(scene *s)
{
    char text[128];

    scene_make_patient(s, &s->a);
    scene_make_patient(s, &s->b);
    scene_make_patient(s, &s->e);
    /* a client's mistake: of nobody's data, as a refused call leaves nothing on the ledger but may leave it elsewhere */
    snprintf(text, sizeof(text), "{\"birthDate\":\"1900-01-01\",\"pid\":\"%s\"}", "x");
    scene_invoke(s, WHO_A, END_CARE, "credentials", "RegisterPatient", application(s, &s->a), text, NULL);
    scene_refused(s, "5 A registers with birth date in the arguments", 400, "PHI_IN_ARGS");
    scene_invoke(s, WHO_A, END_CARE, "credentials", "RegisterPatient", application(s, &s->a), NULL);
    scene_ok(s, "5 by transient: pending");
    scene_query(s, WHO_A, END_HOSPITAL, "credentials", "Caller", NULL, NULL);
    scene_refused(s, "5 until it is approved, A is nobody", 403, "DENIED:unbound_key");
    scene_invoke(s, WHO_HA, END_CARE, "credentials", "ApprovePatient", approval(s, WHO_A, &s->a), NULL);
    scene_ok(s, "5 HA approves");
    scene_invoke(s, WHO_B, END_CARE, "credentials", "RegisterPatient", application(s, &s->b), NULL);
    scene_ok(s, "5 B applies");
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "ApprovePatient", approval(s, WHO_B, &s->a), NULL);
    scene_refused(s, "5 same national id again", 409, "ALREADY");
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "ApprovePatient", approval(s, WHO_B, &s->b), NULL);
    scene_ok(s, "5 with B's own, B is registered");
}

void scene_registration(scene *s)
{
    organisations(s);
    staff(s);
    licences(s);
    partners(s);
    care(s);
    patients(s);
}
