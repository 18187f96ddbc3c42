/* setup_plan.c: from the network file to acts: the regulator, sites and their approval, staff and its approval. */
#include "cli/setup.h"

#include "base/hash.h"
#include "msp/issue.h"
#include "msp/material.h"
#include "msp/msp.h"

#include <openssl/rand.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_ARENA = 32 << 20, PID_LEN = 26 };

static fcc_status no_room(setup_plan *plan)
{
    return plan->st = fcc_error_set(plan->error, FCC_ERR_NOMEM, "out of memory for the plan");
}

setup_act *setup_add(setup_plan *plan, int wave, const config_org *org, const config_user *user, const char *chaincode,
                     const char *about, ...)
{
    setup_act *act;
    const char *text;
    va_list args;

    if (plan->st != FCC_OK)
        return NULL;
    if (plan->count == plan->room) {
        const size_t room = plan->room ? 2 * plan->room : 64;
        setup_act *more = fcc__arena_zalloc(plan->arena, room, sizeof(*more));

        if (!more) {
            no_room(plan);
            return NULL;
        }
        if (plan->count)
            memcpy(more, plan->acts, plan->count * sizeof(*more));
        plan->acts = more;
        plan->room = room;
    }
    act = &plan->acts[plan->count++];
    *act = (setup_act){ .wave = wave, .org = org, .user = user, .chaincode = chaincode, .about = about };
    va_start(args, about);
    while ((text = va_arg(args, const char *)) != NULL && act->arg_count < SETUP_ARGS_MAX)
        act->args[act->arg_count++] = fcc_str(text);
    va_end(args);
    return act;
}

const char *setup_text(setup_plan *plan, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
    fcc_bytes copy = { 0 };

    json_decref(value);
    if (!text || !fcc__arena_copy(plan->arena, fcc_str(text), &copy)) {
        if (plan->st == FCC_OK)
            no_room(plan);
        copy = fcc_str("");
    }
    free(text);
    return (const char *)copy.data;
}

static bool system_random(uint8_t *out, size_t len)
{
    return RAND_bytes(out, (int)len) == 1;
}

const char *setup_random(setup_plan *plan, size_t bytes)
{
    uint8_t random[64];
    fcc_bytes hex = { 0 };

    if (bytes <= sizeof(random) && (plan->random ? plan->random : system_random)(random, bytes))
        hex = fcc__hex(plan->arena, fcc_bytes_of(random, bytes));
    if (hex.len == 0 && plan->st == FCC_OK)
        no_room(plan);
    return hex.len ? (const char *)hex.data : "";
}

const char *setup_pid(setup_plan *plan)
{
    char pid[PID_LEN + 1];
    const char *kept = msp__random_base32(16, pid, sizeof(pid)) ? fcc__arena_printf(plan->arena, "%s", pid) : NULL;

    if (!kept && plan->st == FCC_OK)
        no_room(plan);
    return kept ? kept : "";
}

const char *setup_fingerprint(setup_plan *plan, const config_org *org, const config_user *user)
{
    const char *crypto = fcc__arena_printf(plan->arena, "%s/crypto", plan->dir), *dir, *kept = NULL;
    msp_signer *signer = NULL;

    if (plan->st != FCC_OK)
        return "";
    dir = crypto ? msp_path_user_msp(plan->arena, crypto, org, user->name) : NULL;
    if (!dir) {
        no_room(plan);
        return "";
    }
    plan->st = msp_signer_load(dir, org->mspid, &signer, plan->error);
    if (plan->st == FCC_OK && !(kept = fcc__arena_printf(plan->arena, "%s", msp_signer_fingerprint(signer))))
        no_room(plan);
    msp_signer_free(signer);
    return kept ? kept : "";
}

/* ---- who does what ------------------------------------------------------------------------------------------------ */

const config_user *setup_admin(const config_org *org)
{
    const config_user *admin = config_find_user(org, "Admin");

    return admin && admin->role ? admin : NULL;
}

const config_user *setup_with_role(const config_org *org, const char *role)
{
    for (size_t i = 0; i < org->user_count; i++)
        if (org->users[i].role && !org->users[i].spare && strcmp(org->users[i].role, role) == 0)
            return &org->users[i];
    return NULL;
}

const config_org *setup_regulator(const setup_plan *plan)
{
    return config_find_org(plan->network, "RegulatorMSP");
}

/* ---- sites --------------------------------------------------------------------------------------------------------- */

/* The regulator's own are registered by an administrator who is known from the start, and so are the inspectorate's. */
static bool is_early(const setup_plan *plan, const config_site *site)
{
    const config_org *org = config_find_org(plan->network, site->msp);
    const config_user *admin = setup_admin(org);

    return org == setup_regulator(plan) || !admin || strcmp(admin->site, site->gln) == 0;
}

int setup_staff_wave(const setup_plan *plan, const char *gln)
{
    for (size_t i = 0; i < plan->network->site_count; i++)
        if (strcmp(plan->network->sites[i].gln, gln) == 0 && !is_early(plan, &plan->network->sites[i]))
            return SETUP_MORE_STAFF;
    return SETUP_STAFF;
}

static void add_site(setup_plan *plan, const config_site *site)
{
    const config_org *regulator = setup_regulator(plan), *org = config_find_org(plan->network, site->msp);
    const config_user *approver = setup_admin(regulator), *admin = setup_admin(org);
    const bool first = admin && strcmp(admin->site, site->gln) == 0;
    const char *display = fcc__arena_printf(plan->arena, "%s, %s", org->name, site->type);
    int wave = is_early(plan, site) ? SETUP_SITE : SETUP_STAFF;

    if (org == regulator && first) /* Bootstrap has made it */
        return;
    setup_add(plan, wave, admin ? org : regulator, admin ? admin : approver, "credentials", site->gln, "RegisterOrg",
              site->gln, site->type, site->region, admin && !first ? admin->site : "", display ? display : org->name,
              NULL);
    setup_add(plan, wave + 1, regulator, approver, "credentials", site->gln, "ApproveOrg", site->gln, NULL);
}

/* ---- staff --------------------------------------------------------------------------------------------------------- */

static json_t *list_of(config_strings strings)
{
    json_t *list = json_array();

    for (size_t i = 0; i < strings.n; i++)
        json_array_append_new(list, json_string(strings.v[i]));
    return list;
}

/* Sites without an administrator of their own are the regulator's to decide on; the inspectorate's people don't write. */
static void add_person(setup_plan *plan, const config_org *org, const config_user *user)
{
    const config_org *regulator = setup_regulator(plan);
    const config_user *approver = setup_admin(regulator), *admin = setup_admin(org);
    const bool writes = admin != NULL, local = admin && strcmp(admin->site, user->site) == 0;
    const int wave = setup_staff_wave(plan, user->site);

    setup_add(plan, wave, writes ? org : regulator, writes ? user : approver, "credentials", user->uid,
              "RegisterPractitioner", user->uid, user->site, setup_text(plan, json_pack("[s]", user->role)),
              setup_text(plan, list_of(user->caps)), "", writes ? "" : setup_fingerprint(plan, org, user), NULL);
    setup_add(plan, wave + 1, local ? org : regulator, local ? admin : approver, "credentials", user->uid,
              "ApprovePractitioner", user->uid, user->site, NULL);
}

fcc_status setup_make(setup_plan *plan)
{
    const config_network *network = plan->network;
    const config_org *regulator = setup_regulator(plan);
    const config_user *approver = regulator ? setup_admin(regulator) : NULL;

    if (!approver)
        return plan->st = fcc_error_set(
                   plan->error, FCC_ERR_CONFIG,
                   "%s: the organisation RegulatorMSP, with an administrator who has role, uid and "
                   "site, has to register the others",
                   network->path);
    setup_add(plan, SETUP_BOOTSTRAP, regulator, approver, "credentials", approver->site, "Bootstrap", approver->uid,
              approver->site, NULL);
    for (size_t i = 0; i < network->site_count; i++)
        add_site(plan, &network->sites[i]);
    for (size_t i = 0; i < network->org_count; i++) {
        const config_org *org = &network->orgs[i];

        for (size_t k = 0; k < org->user_count; k++) {
            const config_user *user = &org->users[k];

            /* administrators come with their sites */
            if (user->role && !user->patient && !user->spare && !user->admin)
                add_person(plan, org, user);
        }
    }
    setup_add_council(plan);
    setup_add_care(plan);
    setup_add_supply(plan);
    return plan->st;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

fcc_status setup_consortium(const char *dir, const char *network_file, setup_progress progress, void *ctx,
                            setup_report *report, fcc_error *error)
{
    setup_plan plan = { .dir = dir, .error = error };
    config_network *network = NULL;
    const client_options anybody = { .dir = dir };
    client *who;
    fcc_status st = config_load(network_file, &network, error);

    *report = (setup_report){ 0 };
    if (st != FCC_OK)
        return st;
    if ((st = client_open(&anybody, &who, error)) !=
        FCC_OK) { /* there is no network, which says more than what lacks */
        config_free(network);
        return st;
    }
    client_close(who);
    plan.network = network;
    plan.arena = fcc__arena_new(PLAN_ARENA);
    st = plan.arena ? setup_make(&plan) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = setup_run(&plan, progress, ctx, report);
    fcc__arena_free(plan.arena);
    config_free(network);
    return st;
}
