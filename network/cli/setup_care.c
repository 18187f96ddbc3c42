/* setup_care.c: hospital and clinic: salts, custody keys, and how long records are kept. */
#include "cli/setup.h"

#include "base/hash.h"
#include "blob/blob.h"
#include "msp/material.h"

#include <string.h>

/* The salts of collections: whoever of the care organisations comes first. */
static void add_salt(setup_plan *plan, const config_org *org, const config_user *admin)
{
    const char *in = setup_text(plan, json_pack("{s:s}", "salt", setup_random(plan, 32)));
    setup_act *act = setup_add(plan, SETUP_STAFF, org, admin, "ehr", "salt", "Setup", NULL);

    if (act) {
        act->in = fcc_str(in);
        act->care = true;
    }
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
        const config_user *admin = org ? setup_admin(org) : NULL;

        if (!admin)
            continue;
        if (records && i == 0)
            add_salt(plan, org, admin);
        if (records && org->custody)
            add_custody(plan, org, admin);
    }
    if (records)
        add_retention(plan);
}
