/* steps.c: what one organisation does, on its own thread: install, approve, and commit its share of the definitions. */
#include "deploy/internal.h"

#include "protos/unpack.h"

#include <stdio.h>
#include <string.h>

enum { VISIBLE_TRIES = 300, NAP_MS = 100, WORDS = 1024 };

/* ---- install ------------------------------------------------------------------------------------------------------ */

static bool is_listed(const Lifecycle__QueryInstalledChaincodesResult *all, const char *id)
{
    for (size_t i = 0; i < all->n_installed_chaincodes; i++)
        if (fcc_bytes_equal(fcc__of_pb(all->installed_chaincodes[i]->package_id), fcc_str(id)))
            return true;
    return false;
}

/* false: it failed, which has been told */
static bool install(deploy__org *org, const Lifecycle__QueryInstalledChaincodesResult *all, const deploy__wanted *w)
{
    deploy__run *run = org->run;
    Lifecycle__QueryInstalledChaincodesResult *now;
    const char *id = NULL;
    fcc_error error = { 0 }, ignored;
    fcc_status st;

    if (is_listed(all, w->package_id) || run->options->rehearse) {
        deploy__tell(run, w, org, DEPLOY_INSTALL, is_listed(all, w->package_id) ? DEPLOY_KEPT : DEPLOY_WOULD, NULL,
                     FCC_OK, NULL);
        return true;
    }
    st = client_install(org->admin, NULL, w->package, org->arena, &id, &error);
    /* somebody else, or we whose answer was lost, has installed it meanwhile: the peer refuses what it has */
    if (st != FCC_OK && client_installed(org->admin, NULL, org->arena, &now, &ignored) == FCC_OK &&
        is_listed(now, w->package_id)) {
        deploy__tell(run, w, org, DEPLOY_INSTALL, DEPLOY_KEPT, NULL, FCC_OK, NULL);
        return true;
    }
    if (st == FCC_OK && strcmp(id, w->package_id) != 0)
        st = fcc_error_set(&error, FCC_ERR_PEER, "the peer calls the package %s instead of %s", id, w->package_id);
    deploy__tell(run, w, org, DEPLOY_INSTALL, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, NULL, st, error.text);
    return st == FCC_OK;
}

/* What the organisation ran at that time is still there, as a rule: peers keep packages for ever. */
static bool find_past(deploy__org *org, const Lifecycle__QueryInstalledChaincodesResult *all, size_t k)
{
    const deploy__wanted *w = &org->run->wanted[k];
    Lifecycle__QueryApprovedChaincodeDefinitionResult *have;
    const Lifecycle__ChaincodeSource *source;
    const char *id;
    fcc_error error = { 0 };
    const fcc_status st = client_approved(org->admin, w->definition.name, w->past, org->arena, &have, &error);

    source = st == FCC_OK ? have->source : NULL;
    if (!source || source->type_case != LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE)
        return true; /* it ran none */
    id = fcc__arena_printf(org->arena, FCC_FMT, FCC_ARG(fcc__of_pb(source->local_package->package_id)));
    org->past_packages[k] = id;
    if (id && is_listed(all, id)) {
        deploy__tell(org->run, w, org, DEPLOY_INSTALL, DEPLOY_KEPT, NULL, FCC_OK, NULL);
        return true;
    }
    fcc_error_set(&error, FCC_ERR_PEER, "the package %s of that time: chaincode is not installed", id ? id : "");
    deploy__tell(org->run, w, org, DEPLOY_INSTALL, DEPLOY_FAILED, NULL, FCC_ERR_PEER, error.text);
    return false;
}

/* ---- approve ------------------------------------------------------------------------------------------------------ */

static bool has_approved(const deploy__org *org, const deploy__wanted *w, const char *package)
{
    Lifecycle__QueryApprovedChaincodeDefinitionResult *have;
    const Lifecycle__ChaincodeSource *source;
    const char *runs = NULL;
    fcc_error ignored;

    /* a peer answers with an error when there is none */
    if (client_approved(org->admin, w->definition.name, w->definition.sequence, org->arena, &have, &ignored) != FCC_OK)
        return false;
    source = have->source;
    if (source && source->type_case == LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE)
        runs = fcc__arena_printf(org->arena, FCC_FMT, FCC_ARG(fcc__of_pb(source->local_package->package_id)));
    return DEPLOY__SAME_DEFINITION(have, &w->definition, org->arena) && !runs == !package &&
           (!runs || strcmp(runs, package) == 0);
}

static bool approve(deploy__org *org, const deploy__wanted *w)
{
    deploy__run *run = org->run;
    const char *package = deploy__package_of(org, w);
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st;

    if (has_approved(org, w, package)) {
        deploy__tell(run, w, org, DEPLOY_APPROVE, DEPLOY_KEPT, NULL, FCC_OK, NULL);
        return true;
    }
    if (run->options->rehearse) {
        deploy__tell(run, w, org, DEPLOY_APPROVE, DEPLOY_WOULD, NULL, FCC_OK, NULL);
        return true;
    }
    st = client_approve(org->admin, &w->definition, package, org->arena, &answer, &error);
    if (st != FCC_OK && has_approved(org, w, package)) { /* as above */
        deploy__tell(run, w, org, DEPLOY_APPROVE, DEPLOY_KEPT, NULL, FCC_OK, NULL);
        return true;
    }
    deploy__tell(run, w, org, DEPLOY_APPROVE, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, NULL, st, error.text);
    return st == FCC_OK;
}

void deploy__prepare_org(deploy__org *org)
{
    Lifecycle__QueryInstalledChaincodesResult *all = NULL;
    fcc_error error = { 0 };
    const fcc_status st = client_installed(org->admin, NULL, org->arena, &all, &error);

    if (st != FCC_OK)
        deploy__tell(org->run, NULL, org, DEPLOY_REACH, DEPLOY_FAILED, NULL, st, error.text);
    for (size_t k = 0; st == FCC_OK && k < org->run->wanted_count; k++) {
        const deploy__wanted *w = &org->run->wanted[k];

        if (w->past ? !find_past(org, all, k) : deploy__package_of(org, w) && !install(org, all, w))
            continue;
        org->approved[k] = approve(org, w);
    }
}

/* ---- commit ------------------------------------------------------------------------------------------------------- */

/* Does the answer say that this organisation has approved exactly this? */
static bool says_approved(const Lifecycle__CheckCommitReadinessResult *ready, const char *mspid)
{
    for (size_t i = 0; i < ready->n_approvals; i++)
        if (fcc_bytes_equal(fcc__of_pb(ready->approvals[i]->key), fcc_str(mspid)))
            return ready->approvals[i]->value;
    return false;
}

/* An approval counts where the peers that endorse the commit have its block: until each of them has all of them. */
static fcc_status await_readiness(deploy__org *org, const deploy__wanted *w,
                                  Lifecycle__CheckCommitReadinessResult **ready, fcc_error *error)
{
    const deploy__run *run = org->run;
    const size_t k = (size_t)(w - run->wanted);

    for (int tries = 0;; tries++) {
        const char *missing = NULL, *where = NULL;

        for (size_t i = 0; i < run->org_count && !missing; i++) {
            fcc_status st;

            if (!run->orgs[i].approved[k])
                continue;
            where = run->orgs[i].config->mspid;
            st = client_commit_readiness(org->admin, where, &w->definition, org->arena, ready, error);
            if (st != FCC_OK)
                return st;
            for (size_t j = 0; j < run->org_count && !missing; j++)
                if (run->orgs[j].approved[k] && !says_approved(*ready, run->orgs[j].config->mspid))
                    missing = run->orgs[j].config->mspid;
        }
        if (!missing)
            return FCC_OK;
        if (tries == VISIBLE_TRIES)
            return fcc_error_set(error, FCC_ERR_TIMEOUT, "%s's peer does not see the approval of %s yet", where,
                                 missing);
        deploy__nap_ms(NAP_MS);
    }
}

/* Whose endorsements the commit gets: those who have approved, as far as they can be asked. */
static size_t choose_endorsers(deploy__org *org, const deploy__wanted *w,
                               const Lifecycle__CheckCommitReadinessResult *ready, const char **orgs)
{
    const deploy__run *run = org->run;
    const config_network *network = run->options->network;
    const size_t k = (size_t)(w - run->wanted);
    size_t count = 0;

    orgs[count++] = org->config->mspid;
    for (size_t i = 0; i < network->org_count; i++) {
        const char *mspid = network->orgs[i].mspid;
        const deploy__org *acting = NULL;
        Common__BlockchainInfo *info;
        fcc_error ignored;

        if (&network->orgs[i] == org->config)
            continue;
        for (size_t j = 0; j < run->org_count; j++)
            if (run->orgs[j].config == &network->orgs[i])
                acting = &run->orgs[j];
        if (acting ? acting->approved[k]
                   : says_approved(ready, mspid) &&
                         client_chain_info(org->admin, mspid, org->arena, &info, &ignored) == FCC_OK)
            orgs[count++] = mspid;
    }
    return count;
}

/* A peer that commits a block later than the others answers for its own state: wait for each. */
static fcc_status await_commit(const deploy__org *org, const deploy__wanted *w, fcc_error *error)
{
    const deploy__run *run = org->run;

    for (size_t i = 0; i < run->org_count; i++) {
        const char *mspid = run->orgs[i].config->mspid;
        Lifecycle__QueryChaincodeDefinitionResult *have = NULL;
        fcc_status st = FCC_ERR_TIMEOUT;

        for (int tries = 0; run->orgs[i].reached && st != FCC_OK; tries++) {
            st = client_committed(org->admin, mspid, w->definition.name, org->arena, &have, error);
            if (st == FCC_OK && have->sequence < w->definition.sequence)
                st = fcc_error_set(error, FCC_ERR_TIMEOUT, "%s has not committed the definition yet", mspid);
            if (st != FCC_OK && tries == VISIBLE_TRIES)
                return st;
            if (st != FCC_OK)
                deploy__nap_ms(NAP_MS);
        }
    }
    return FCC_OK;
}

/* Who has not approved, for who reads that there are too few. */
static void name_missing(const deploy__org *org, const Lifecycle__CheckCommitReadinessResult *ready, fcc_error *error)
{
    const config_network *network = org->run->options->network;
    const fcc_error said = *error;
    char list[WORDS / 2] = "";
    size_t used = 0, missing = 0;

    for (size_t i = 0; ready && i < network->org_count; i++) {
        if (says_approved(ready, network->orgs[i].mspid))
            continue;
        missing++;
        if (used < sizeof(list))
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                                     network->orgs[i].mspid);
    }
    if (missing)
        fcc_error_set(error, said.status, "%s: %zu of %zu organisations have not approved exactly this: %s", said.text,
                      missing, network->org_count, list);
}

/* Has somebody else committed just this meanwhile? */
static bool has_committed(const deploy__org *org, const deploy__wanted *w)
{
    Lifecycle__QueryChaincodeDefinitionResult *have;
    fcc_error ignored;

    return client_committed(org->admin, NULL, w->definition.name, org->arena, &have, &ignored) == FCC_OK &&
           have->sequence == w->definition.sequence && DEPLOY__SAME_DEFINITION(have, &w->definition, org->arena);
}

static void commit(deploy__org *org, const deploy__wanted *w)
{
    deploy__run *run = org->run;
    const char *orgs[DEPLOY__MOST_ORGS];
    Lifecycle__CheckCommitReadinessResult *ready = NULL;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    const size_t k = (size_t)(w - run->wanted);
    bool kept;
    fcc_status st;

    if (w->committed || run->options->rehearse) {
        deploy__tell(run, w, NULL, DEPLOY_COMMIT, w->committed ? DEPLOY_KEPT : DEPLOY_WOULD, NULL, FCC_OK, NULL);
        return;
    }
    if (run->options->hold)
        return;
    for (size_t i = 0; i < run->org_count; i++)
        if (run->orgs[i].approved[k] && !run->orgs[i].served[k]) {
            fcc_error_set(&error, FCC_ERR_PEER, "could not launch chaincode: the server of %s does not run",
                          run->orgs[i].config->mspid);
            deploy__tell(run, w, NULL, DEPLOY_COMMIT, DEPLOY_FAILED, NULL, FCC_ERR_PEER, error.text);
            return;
        }
    st = await_readiness(org, w, &ready, &error);
    if (st == FCC_OK) {
        const size_t count = choose_endorsers(org, w, ready, orgs), needed = deploy__needed(org->admin, org->arena);

        st = count < needed
                 ? fcc_error_set(&error, FCC_ERR_PEER, "too few approvals: %zu of the %zu that it takes", count, needed)
                 : client_commit(org->admin, &w->definition, orgs, count, org->arena, &answer, &error);
        if (count < needed || answer.validation)
            name_missing(org, ready, &error);
    }
    kept = st != FCC_OK && has_committed(org, w);
    if (st == FCC_OK || kept)
        st = await_commit(org, w, &error);
    deploy__tell(run, w, NULL, DEPLOY_COMMIT,
                 st != FCC_OK ? DEPLOY_FAILED
                 : kept       ? DEPLOY_KEPT
                              : DEPLOY_DONE,
                 NULL, st, error.text);
}

/* The first of those who have approved, counted on by the chaincode's place, so that nobody commits all of them. */
static const deploy__org *committer(const deploy__run *run, size_t k)
{
    for (size_t i = 0; i < run->org_count; i++) {
        const deploy__org *org = &run->orgs[(i + k) % run->org_count];

        if (org->approved[k] || (org->reached && run->wanted[k].committed))
            return org;
    }
    return NULL;
}

void deploy__commit_share(deploy__org *org)
{
    deploy__run *run = org->run;

    for (size_t k = 0; k < run->wanted_count; k++) {
        const deploy__org *who = committer(run, k);

        if (who == org)
            commit(org, &run->wanted[k]);
        else if (!who && org->place == 0)
            deploy__tell(run, &run->wanted[k], NULL, DEPLOY_COMMIT, DEPLOY_FAILED, NULL, FCC_ERR_PEER,
                         "too few approvals: none");
    }
}
