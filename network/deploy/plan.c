/* plan.c: who acts, what the channel has, and what the network file wants beyond it. */
#include "deploy/internal.h"

#include "msp/policy.h"
#include "protos/unpack.h"

#include <string.h>

/* ---- who acts ----------------------------------------------------------------------------------------------------- */

static fcc_status add_org(deploy__run *run, const config_org *config, fcc_error *error)
{
    const client_options open = { .dir = run->options->dir,
                                  .org = config->mspid,
                                  .timeout_ms = 1000 * run->options->timeout_s };
    deploy__org *org = &run->orgs[run->org_count];
    fcc_status st;

    *org = (deploy__org){ .run = run, .config = config, .arena = fcc__arena_new(DEPLOY__ARENA) };
    run->org_count++;
    if (!org->arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = client_open(&open, &org->admin, error);
    if (st == FCC_ERR_NOT_FOUND && strstr(error->text, "has no user")) {
        const fcc_error why = *error;

        return fcc_error_set(error, st, "%s; if its administrator is somebody else, say whose keys are here with --org",
                             why.text);
    }
    return st;
}

fcc_status deploy__open(deploy__run *run, fcc_error *error)
{
    const config_network *network = run->options->network;
    fcc_status st = FCC_OK;

    if (network->org_count > DEPLOY__MOST_ORGS)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: more than %d organisations", network->path, DEPLOY__MOST_ORGS);
    for (size_t i = 0; i < run->options->org_count; i++)
        if (!config_find_org(network, run->options->orgs[i]))
            return fcc_error_set(error, FCC_ERR_CONFIG, "%s names no organisation %s", network->path,
                                 run->options->orgs[i]);
    for (size_t i = 0; st == FCC_OK && i < network->org_count; i++) {
        bool acts = run->options->org_count == 0;

        for (size_t k = 0; k < run->options->org_count; k++)
            if (config_find_org(network, run->options->orgs[k]) == &network->orgs[i])
                acts = true;
        if (acts)
            st = add_org(run, &network->orgs[i], error);
    }
    return st;
}

void deploy__close(deploy__run *run)
{
    for (size_t i = 0; i < run->org_count; i++) {
        client_close(run->orgs[i].admin);
        fcc__arena_free(run->orgs[i].arena);
    }
}

/* ---- what there is ------------------------------------------------------------------------------------------------ */

static void reach_org(deploy__org *org)
{
    fcc_error error = { 0 };
    const fcc_status st = client_committed_all(org->admin, NULL, org->arena, &org->committed, &error);

    org->reached = st == FCC_OK;
    if (st != FCC_OK)
        deploy__tell(org->run, NULL, org, DEPLOY_REACH, DEPLOY_FAILED, NULL, st, error.text);
}

void deploy__reach(deploy__run *run)
{
    deploy__together(run, true, reach_org);
    for (size_t i = 0; i < run->org_count; i++)
        if (run->orgs[i].reached)
            run->orgs[i].place = run->reached++;
}

/* Both as they would be written: decoding and writing again gives one form to what peers keep in another. */
bool deploy__same_collections(const Protos__CollectionConfigPackage *have, fcc_bytes want, fcc__arena *arena)
{
    Protos__CollectionConfigPackage *parsed;
    fcc_bytes a = { 0 }, b = { 0 };

    if (!have || have->n_config == 0)
        return want.len == 0;
    if (want.len == 0 || FCC__UNPACK(protos__collection_config_package, want, arena, &parsed) != FCC_OK)
        return false;
    return fcc__pack(have, arena, &a) == FCC_OK && fcc__pack(parsed, arena, &b) == FCC_OK && fcc_bytes_equal(a, b);
}

bool deploy__same_policy(fcc_bytes have, fcc_bytes want)
{
    static const char by_reference[] = "\x12\x20/Channel/Application/Endorsement";

    if (want.len == 0)
        return have.len == 0 || fcc_bytes_equal(have, fcc_bytes_of(by_reference, sizeof(by_reference) - 1));
    return fcc_bytes_equal(have, want);
}

/* A peer may be behind: the newest of what they say counts. */
void deploy__find_sequence(deploy__run *run, deploy__wanted *w)
{
    int64_t newest = 0;

    for (size_t i = 0; i < run->org_count; i++) {
        const Lifecycle__QueryChaincodeDefinitionsResult *all = run->orgs[i].reached ? run->orgs[i].committed : NULL;

        for (size_t k = 0; all && k < all->n_chaincode_definitions; k++) {
            const Lifecycle__QueryChaincodeDefinitionsResult__ChaincodeDefinition *d = all->chaincode_definitions[k];

            if (!fcc_bytes_equal(fcc__of_pb(d->name), fcc_str(w->chaincode->name)) || d->sequence <= newest)
                continue;
            newest = d->sequence;
            w->committed = DEPLOY__SAME_DEFINITION(d, &w->definition, run->arena);
        }
    }
    w->definition.sequence = newest + (w->committed ? 0 : 1);
}

/* ---- what is wanted ----------------------------------------------------------------------------------------------- */

static fcc_status want(deploy__run *run, const config_chaincode *cc, deploy__wanted *w, fcc_error *error)
{
    fcc__arena *arena = run->arena;
    fcc_status st;

    *w = (deploy__wanted){ .chaincode = cc, .slot_b = cc->slot_b };
    w->definition = (client_definition){ .name = cc->name, .version = cc->version, .init_required = cc->init_required };
    if (cc->policy) {
        st = msp_policy_parse(cc->policy, arena, &w->definition.policy, error);
        if (st != FCC_OK || (st = msp_policy_application(w->definition.policy, arena, &w->definition.policy)) != FCC_OK)
            return st;
    }
    if (cc->collections.n) {
        st = msp_collections_pack(cc->collections, arena, &w->definition.collections, error);
        if (st != FCC_OK)
            return st;
    }
    if ((st = deploy_package(cc, arena, &w->package, &w->package_id, error)) != FCC_OK)
        return st;
    deploy__find_sequence(run, w);
    return FCC_OK;
}

bool deploy__make_room(deploy__org *org, size_t wanted)
{
    org->approved = fcc__arena_zalloc(org->arena, wanted + 1, sizeof(*org->approved));
    org->served = fcc__arena_zalloc(org->arena, wanted + 1, sizeof(*org->served));
    org->answered = fcc__arena_zalloc(org->arena, wanted + 1, sizeof(*org->answered));
    org->past_packages = fcc__arena_zalloc(org->arena, wanted + 1, sizeof(*org->past_packages));
    return org->approved && org->served && org->answered && org->past_packages;
}

fcc_status deploy__plan(deploy__run *run, fcc_error *error)
{
    const config_network *network = run->options->network;
    fcc_status st = FCC_OK;

    run->wanted = fcc__arena_zalloc(run->arena, network->chaincode_count + 1, sizeof(*run->wanted));
    if (!run->wanted)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    for (size_t i = 0; st == FCC_OK && i < network->chaincode_count; i++)
        if (!run->options->only || strcmp(run->options->only, network->chaincodes[i].name) == 0)
            st = want(run, &network->chaincodes[i], &run->wanted[run->wanted_count++], error);
    for (size_t i = 0; st == FCC_OK && i < run->org_count; i++) {
        if (!deploy__make_room(&run->orgs[i], run->wanted_count))
            st = fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    }
    return st;
}
