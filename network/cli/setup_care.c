/* setup_care.c: hospital and clinic: salts, custody keys, how long records are kept, patients, and which person a doctor is. */
#include "cli/setup.h"

#include "base/hash.h"
#include "blob/blob.h"
#include "msp/material.h"

#include <string.h>

static void add_in(setup_plan *plan, int wave, const config_org *org, const config_user *user, const char *chaincode,
                   const char *about, const char *function, json_t *in)
{
    const char *text = setup_text(plan, in);
    setup_act *act = setup_add(plan, wave, org, user, chaincode, about, function, NULL);

    if (act) {
        act->in = fcc_str(text);
        act->care = true;
    }
}

/* The salts of collections: whoever of the care organisations comes first. */
static void add_salts(setup_plan *plan, const config_org *org, const config_user *admin)
{
    static const char *const chaincodes[] = { "credentials", "ehr", "appointments" };

    for (size_t i = 0; i < sizeof(chaincodes) / sizeof(chaincodes[0]); i++)
        if (config_find_chaincode(plan->network, chaincodes[i]))
            add_in(plan, SETUP_STAFF, org, admin, chaincodes[i], "salt", "Setup",
                   json_pack("{s:s}", "salt", setup_random(plan, 32)));
}

/* A registrar approves who has shown an identity card; the numbers of these are nobody's. */
static void add_patient(setup_plan *plan, const config_org *org, const config_user *patient,
                        const config_user *registrar)
{
    add_in(plan, SETUP_STAFF, org, patient, "credentials", patient->name, "RegisterPatient",
           json_pack("{s:s, s:{s:s, s:s}, s:s}", "pid", setup_pid(plan), "demographics", "name", patient->name,
                     "birthDate", "1970-01-01", "salt", setup_random(plan, 16)));
    add_in(plan, SETUP_MORE_STAFF, org, registrar, "credentials", patient->name, "ApprovePatient",
           json_pack("{s:s, s:s}", "fp", setup_fingerprint(plan, org, patient), "nid", setup_random(plan, 32)));
}

/*
 * Which person a doctor is: nobody prescribes for oneself, so who is not known to be somebody doesn't prescribe at all.
 * The numbers are nobody's; they follow from the uid, so that a second run finds the person linked.
 */
static void add_person(setup_plan *plan, const config_org *org, const config_user *doctor, const config_user *registrar)
{
    const fcc_bytes parts[] = { FCC_LIT("the national id of nobody: "), fcc_str(doctor->uid) };
    const fcc__sha256 digest = fcc__sha256_of_many(parts, 2);
    const fcc_bytes nid = fcc__hex(plan->arena, fcc__sha256_bytes(&digest));

    add_in(plan, SETUP_LISTS, org, registrar, "credentials", doctor->uid, "LinkPerson",
           json_pack("{s:s, s:s%, s:s}", "uid", doctor->uid, "nid", (const char *)nid.data, nid.len, "salt",
                     setup_random(plan, 16)));
}

static void add_custody(setup_plan *plan, const config_org *org, const config_user *admin)
{
    const char *path = fcc__arena_printf(plan->arena, "%s/custody/%s.key", plan->dir, org->mspid);
    blob_custody *custody = NULL;
    setup_act *act;
    fcc_bytes hex;

    if (plan->st != FCC_OK || !path)
        return;
    if ((plan->st = blob_custody_load(path, &custody, plan->error)) != FCC_OK)
        return;
    hex = fcc__hex(plan->arena, fcc_bytes_of(blob_custody_public(custody), 32));
    blob_custody_free(custody);
    act = setup_add(plan, SETUP_STAFF, org, admin, "ehr", "custody key", "SetCustodyKey", (const char *)hex.data, NULL);
    if (act)
        act->care = true;
}

static void add_retention(setup_plan *plan)
{
    for (size_t i = 0; i < plan->network->retention_count; i++) {
        const config_retention *r = &plan->network->retention[i];
        const config_org *org = NULL;
        const char *years = fcc__arena_printf(plan->arena, "%d", r->years);
        setup_act *act;

        for (size_t k = 0; k < plan->network->site_count; k++)
            if (strcmp(plan->network->sites[k].gln, r->gln) == 0)
                org = config_find_org(plan->network, plan->network->sites[k].msp);
        if (!org || !setup_admin(org))
            continue;
        act = setup_add(plan, setup_staff_wave(plan, r->gln), org, setup_admin(org), "ehr", r->gln, "SetRetention",
                        r->gln, r->class_name, years ? years : "", NULL);
        if (act)
            act->care = true;
    }
}

void setup_add_care(setup_plan *plan)
{
    static const char *const care[] = { "HospitalMSP", "ClinicMSP" };
    const bool records = config_find_chaincode(plan->network, "ehr") != NULL;

    for (size_t i = 0; i < 2; i++) {
        const config_org *org = config_find_org(plan->network, care[i]);
        const config_user *admin = org ? setup_admin(org) : NULL,
                          *registrar = org ? setup_with_role(org, "registrar") : NULL;

        if (!admin)
            continue;
        if (i == 0)
            add_salts(plan, org, admin);
        if (records && org->custody)
            add_custody(plan, org, admin);
        for (size_t k = 0; registrar && k < org->user_count; k++)
            if (org->users[k].patient && !org->users[k].spare)
                add_patient(plan, org, &org->users[k], registrar);
            else if (org->users[k].role && strcmp(org->users[k].role, "doctor") == 0 && !org->users[k].spare)
                add_person(plan, org, &org->users[k], registrar);
    }
    if (records)
        add_retention(plan);
}
