/* pharmacy.c, steps 14 to 16 and 20 to 22: prescriptions, who has them, and what leaves the pharmacy. */
#include "scenario.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* SHA-256(codeSalt's bytes || the code's characters), in hexadecimal. */
static const char *hash_of(scene *s, const char *salt, const char *code)
{
    unsigned char bytes[16 + SCENE_ID], hash[SHA256_DIGEST_LENGTH];
    char text[2 * SHA256_DIGEST_LENGTH + 1];
    unsigned byte;

    for (size_t i = 0; i < 16 && sscanf(salt + 2 * i, "%2x", &byte) == 1; i++)
        bytes[i] = (unsigned char)byte;
    memcpy(bytes + 16, code, strlen(code));
    SHA256(bytes, 16 + strlen(code), hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return scene_print(s, "%s", text);
}

/* 60 units, two repeats a month apart; its code is s->code. */
json_t *scene_prescription(scene *s, const char *id, const char *pid, const char *enc)
{
    const char *salt = scene_salt(s);

    return json_pack("{s:s, s:s, s:s, s:[{s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:i, s:i, s:i}], s:s, s:s, s:s, s:s}",
                     "rxId", id, "pid", pid, "encId", enc, "items", "drug", "system",
                     "http://fhir.de/CodeSystem/ifa/pzn", "code", "01234567", "ingredient", "387207008", "strength",
                     "500mg", "form", "10219000", "dose", s->dose, "auth", 60, "repeats", 2, "interval", 28, "codeHash",
                     hash_of(s, salt, s->code), "codeSalt", salt, "validUntil", scene_time(s, (int64_t)90 * 86400),
                     "salt", scene_salt(s));
}

static json_t *salted(scene *s)
{
    return json_pack("{s:s}", "salt", scene_salt(s));
}

json_t *scene_with_code(scene *s)
{
    return json_pack("{s:s, s:s}", "code", s->code, "salt", scene_salt(s));
}

static json_t *because(scene *s, const char *reason)
{
    return json_pack("{s:s, s:s}", "reasonCode", reason, "salt", scene_salt(s));
}

static void issue(scene *s, const char *id, const char *pid, const char *enc)
{
    scene_invoke(s, WHO_D1, END_CARE, "prescriptions", "Issue", scene_prescription(s, id, pid, enc), NULL);
}

void scene_prescriptions(scene *s)
{
    scene_id(s->rx);
    scene_id(s->other_rx);
    s->code = scene_salt(s);
    s->dose = scene_print(s, "dose %s", scene_salt(s));
    scene_private(s, "dose", s->dose);
    scene_private(s, "code", s->code);
}

/* ---- 14 ---- */

void scene_prescribe(scene *s, bool suspended)
{
    scene_patient himself;
    char enc[SCENE_ID], id[SCENE_ID];

    if (suspended) {
        scene_prescriptions(s);
        issue(s, s->rx, s->a.pid, s->enc);
        scene_refused(s, "14 D1 issues a prescription", 403, "DENIED:licence");
        return;
    }
    issue(s, s->rx, s->a.pid, s->enc);
    scene_refused(s, "14 who was never linked to a person issues none", 412, "PRECONDITION");
    scene_make_patient(s, &himself);
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "RegisterPerson",
                 json_pack("{s:s, s:s, s:o, s:s}", "pid", himself.pid, "nid", himself.nid, "demographics",
                           scene_demographics(&himself), "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "14 D1 is a patient as well");
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "LinkPerson",
                 json_pack("{s:s, s:s, s:s}", "uid", scene_uid(WHO_D1), "nid", himself.nid, "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "14 as a registrar says");
    issue(s, s->rx, s->a.pid, s->enc);
    scene_ok(s, "14 unsuspended: RxIssued, 60 units, 2 repeats");
    issue(s, s->other_rx, s->a.pid, s->enc);
    scene_ok(s, "14 and a second one");
    scene_id(enc);
    scene_id(id);
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "StartEncounter",
                 json_pack("{s:s, s:s, s:s}", "encId", enc, "pid", himself.pid, "salt", scene_salt(s)), NULL);
    scene_ok(s, "14 D1 sees himself");
    issue(s, id, himself.pid, enc);
    scene_refused(s, "14 and prescribes for himself", 403, "DENIED:self");
}

/* ---- 15, 16 ---- */

/* A doctor whom the pharmacies' authority has made. */
static void forged(scene *s, const char *id)
{
    client_options options = { .dir = s->dir, .clock_offset_s = s->ahead };
    client *who = NULL;

    options.org = options.mspid = "PharmacyMSP";
    options.msp_dir = scene_certificate(s, "pharmacy.medsync.example",
                                        scene_print(s,
                                                    "{\"attrs\":{\"role\":\"doctor\",\"uid\":\"%s\",\"site\":\"%s\"}}",
                                                    scene_uid(WHO_P1), scene_site(WHO_P1)));
    if (!options.msp_dir || client_open(&options, &who, &s->error) != FCC_OK)
        scene_check(s, false, "15 P1's authority issues a certificate");
    else {
        scene_invoke_as(s, who, END_RX, "prescriptions", "Issue", scene_prescription(s, id, s->a.pid, s->enc), NULL);
        scene_refused(s, "15 P1's pharmacist issues a prescription as a doctor of PharmacyMSP", 401, "NO_ROLE");
    }
    client_close(who);
}

static void accept(scene *s)
{
    char id[SCENE_ID];

    scene_id(id);
    forged(s, id);
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "Issue", scene_prescription(s, id, s->a.pid, s->enc), NULL);
    scene_refused(s, "15 and as a pharmacist", 403, "DENIED:role");
    scene_invoke(s, WHO_P2, END_RX, "prescriptions", "Accept", salted(s), s->rx, NULL);
    scene_refused(s, "15 P2 accepts without the code", 403, "DENIED:code");
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "Accept", scene_with_code(s), s->rx, NULL);
    scene_ok(s, "16 P1 accepts with the code");
    scene_invoke(s, WHO_P2, END_RX, "prescriptions", "Accept", scene_with_code(s), s->rx, NULL);
    scene_refused(s, "16 P2 accepts: locked", 409, "CONFLICT");
    scene_invoke(s, WHO_A, END_RX, "prescriptions", "Cancel", because(s, "patient_request"), s->rx, NULL);
    scene_refused(s, "16 A cancels while locked", 409, "CONFLICT");
}

static bool status_is(scene *s, const char *id, const char *status)
{
    scene_query(s, WHO_A, END_HOSPITAL, "prescriptions", "GetRx", json_pack("{s:s}", "rxId", id), NULL);
    return s->st == FCC_OK && strcmp(scene_text_of(json_object_get(s->payload, "rx"), "status"), status) == 0;
}

static void mark(scene *s)
{
    scene_invoke(s, WHO_P2, END_RX, "prescriptions", "Accept", scene_with_code(s), s->other_rx, NULL);
    scene_ok(s, "16 P2 has a second prescription");
    scene_invoke(s, WHO_A, END_RX, "prescriptions", "MarkForCancel", because(s, "patient_request"), s->other_rx, NULL);
    scene_ok(s, "16 A marks it for cancel");
    scene_check(s, status_is(s, s->other_rx, "accepted"), "16 which changes nothing yet");
    scene_invoke(s, WHO_P2, END_RX, "prescriptions", "Return", because(s, "patient_request"), s->other_rx, NULL);
    scene_ok(s, "16 P2 returns it");
    scene_check(s, status_is(s, s->other_rx, "cancelled"), "16 cancelled on Return");
}

void scene_pharmacies(scene *s)
{
    accept(s);
    mark(s);
}

/* ---- 20 to 22 ---- */

/* Packs of the prescription's one item, 30 units of each; serials end with NULL. */
json_t *scene_dispensed(scene *s, int seq, const char *const *serials, int units)
{
    json_t *packs = json_array();

    for (; *serials; serials++)
        json_array_append_new(packs, json_pack("{s:s, s:s, s:i}", "gtin", s->gtin, "serial", *serials, "units", units));
    return json_pack("{s:i, s:[{s:i, s:o}], s:s}", "seq", seq, "lines", "item", 1, "packs", packs, "salt",
                     scene_salt(s));
}

static void dispense(scene *s, int seq, const char *one, const char *other, int units)
{
    const char *const serials[] = { one, other, NULL };

    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "Dispense", scene_dispensed(s, seq, serials, units), s->rx, NULL);
}

/* ... refused, and the detail begins so. */
static void refused_for(scene *s, const char *name, const char *why)
{
    scene_check(s,
                s->st == FCC_ERR_APP && s->answer.status == 422 && strcmp(scene_text(s, "code"), "INVARIANT") == 0 &&
                    strncmp(scene_text(s, "detail"), why, strlen(why)) == 0,
                "%s: 422 %s", name, why);
}

static int64_t done(scene *s)
{
    scene_query(s, WHO_P1, END_PHARMACY, "prescriptions", "GetRx", json_pack("{s:s}", "rxId", s->rx), NULL);
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(json_object_get(s->payload, "rx"), "items"), 0), "done"));
}

static void no_more_than_prescribed(scene *s)
{
    const char *const three[] = { scene_serial(s, 'b', 0), scene_serial(s, 'b', 1), scene_serial(s, 'b', 2), NULL };

    dispense(s, 1, scene_serial(s, 'b', 0), NULL, 70);
    scene_refused(s, "20 P1 dispenses 70 of 60", 422, "INVARIANT");
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "Dispense", scene_dispensed(s, 1, three, 30), s->rx, NULL);
    scene_refused(s, "20 and 90 in whole packs", 422, "INVARIANT");
    dispense(s, 1, scene_serial(s, 'b', 0), scene_serial(s, 'b', 0), 30);
    scene_refused(s, "20 same pack twice in a call", 422, "INVARIANT");
    dispense(s, 1, scene_serial(s, 'a', 20), NULL, 30);
    refused_for(s, "20 pack still at W", "not_holder:");
}

static json_t *of_dispense(scene *s, int seq)
{
    return json_pack("{s:i, s:s}", "seq", seq, "salt", scene_salt(s));
}

static json_t *reversal(scene *s, int seq)
{
    return json_pack("{s:i, s:s, s:s}", "seq", seq, "reasonCode", "not_collected", "salt", scene_salt(s));
}

static void out_and_back(scene *s)
{
    scene_invoke(s, WHO_R, END_DP, "supply", "Recall", NULL, s->gtin, "a1", "1", "potency", NULL);
    scene_ok(s, "21 R recalls a lot");
    dispense(s, 1, scene_serial(s, 'a', 0), NULL, 30);
    refused_for(s, "21 P1 dispenses from it", "recalled:");
    dispense(s, 1, scene_serial(s, 'b', 0), NULL, 30);
    scene_ok(s, "21 other lot: RxDispensed");
    scene_check(s, done(s) == 30, "21 done = 30");
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "ReverseDispense", reversal(s, 1), s->rx, NULL);
    scene_ok(s, "21 reversed");
    scene_check(s, done(s) == 0, "21 done = 0");
    dispense(s, 2, scene_serial(s, 'b', 0), NULL, 30);
    scene_ok(s, "21 and dispensed again");
    dispense(s, 3, scene_serial(s, 'b', 0), NULL, 30);
    scene_refused(s, "21 same pack again", 410, "GONE");
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "HandOver", of_dispense(s, 2), s->rx, NULL);
    scene_ok(s, "21 handed over");
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "ReverseDispense", reversal(s, 2), s->rx, NULL);
    scene_refused(s, "21 reverse", 412, "PRECONDITION");
}

/* The Pharmacy's peer gets another copy of the prescription, behind the ledger's back, and its own one again. */
static void altered(scene *s)
{
    const char *what = scene_print(s, "PharmacyMSP:%s", s->rx);
    int status = scene_network(s, "alter", what);

    if (status == 77) {
        scene_skip(s, "22 a peer's copy of the prescription is altered",
                   "its peers' databases are out of reach, or libleveldb is not here");
        return;
    }
    scene_meet_again(s);
    if (!scene_check(s, status == 0, "22 a peer's copy of the prescription is altered"))
        return;
    dispense(s, 3, scene_serial(s, 'b', 1), NULL, 30);
    scene_refused(s, "22 P1 dispenses on it", 422, "TAMPERED");
    status = scene_network(s, "alter", what);
    scene_meet_again(s);
    scene_check(s, status == 0, "22 the copy is as it was");
    dispense(s, 3, scene_serial(s, 'b', 1), NULL, 30);
    scene_ok(s, "22 P1 dispenses");
}

void scene_dispense(scene *s)
{
    no_more_than_prescribed(s);
    out_and_back(s);
    altered(s);
}
