/*
 * See deploy.h. In order, each for all organisations side by side: ask what there is; install and approve; commit; ask the
 * chaincodes for an answer.
 */
#include "deploy/internal.h"

#include "package/package.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

fcc_status deploy_package(const config_chaincode *chaincode, fcc__arena *arena, fcc_bytes *package, const char **id,
                          fcc_error *error)
{
    const package_service service = { .chaincode = chaincode->name,
                                      .label = chaincode->label,
                                      .mutual_tls = chaincode->mutual_tls,
                                      .meta_inf = chaincode->meta_inf,
                                      .slot_b = chaincode->slot_b };
    package_fault fault;
    fcc_status st = package_of_service(arena, &service, package, id, &fault);

    return st == FCC_OK ? FCC_OK
                        : fcc_error_set(error, FCC_ERR_CONFIG, "chaincode %s: %s", chaincode->name, fault.error.text);
}

/* ---- side by side ------------------------------------------------------------------------------------------------- */

static void *run_thread(void *ctx)
{
    deploy__org *org = ctx;

    org->work(org);
    return NULL;
}

void deploy__together(deploy__run *run, bool all, void (*work)(deploy__org *org))
{
    bool started[DEPLOY__MOST_ORGS] = { false };

    for (size_t i = 0; i < run->org_count; i++) {
        deploy__org *org = &run->orgs[i];

        if (!all && !org->reached)
            continue;
        org->work = work;
        started[i] = pthread_create(&org->thread, NULL, run_thread, org) == 0;
        if (!started[i]) /* no thread to be had: one after the other, then */
            work(org);
    }
    for (size_t i = 0; i < run->org_count; i++)
        if (started[i])
            pthread_join(run->orgs[i].thread, NULL);
}

void deploy__nap_ms(int ms)
{
    const struct timespec pause = { ms / 1000, ms % 1000 * 1000000L };

    nanosleep(&pause, NULL);
}

/* ---- telling ------------------------------------------------------------------------------------------------------ */

void deploy__tell(deploy__run *run, const deploy__wanted *w, const deploy__org *org, deploy_step step,
                  deploy_result result, const char *digest, fcc_status status, const char *why)
{
    const char *mspid = org ? org->config->mspid : NULL;
    const bool failed = result == DEPLOY_FAILED;
    const deploy_event event = { .chaincode = w ? w->chaincode->name : NULL,
                                 .mspid = mspid,
                                 .step = step,
                                 .result = result,
                                 .sequence = w ? w->definition.sequence : 0,
                                 .package_id = !w    ? NULL
                                               : org ? deploy__package_of(org, w)
                                                     : w->package_id,
                                 .digest = digest,
                                 .code = failed ? deploy_code_of(status, why) : FCC__E_DEP_REFUSED,
                                 .why = failed ? why : NULL };
    deploy_counts *counts = run->counts;
    size_t *const of[] = { [DEPLOY_DONE] = &counts->done,
                           [DEPLOY_KEPT] = &counts->kept,
                           [DEPLOY_WOULD] = &counts->would,
                           [DEPLOY_FAILED] = &counts->failed };

    pthread_mutex_lock(&run->telling);
    ++*(step == DEPLOY_ANSWER && !failed ? &counts->answers : of[result]);
    if (result == DEPLOY_DONE)
        run->changed = true;
    if (run->options->tell)
        run->options->tell(run->options->ctx, &event);
    pthread_mutex_unlock(&run->telling);
}

const char *deploy__package_of(const deploy__org *org, const deploy__wanted *w)
{
    if (w->past)
        return org->past_packages[w - org->run->wanted];
    return config_has(w->chaincode->orgs, org->config->mspid) ? w->package_id : NULL;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

/* Install, approve, serve, commit, ask: what was planned. */
fcc_status deploy__carry_out(deploy__run *run, fcc_error *error)
{
    deploy__together(run, false, deploy__prepare_org);
    deploy__together(run, false, deploy__start_servers);
    deploy__together(run, false, deploy__commit_share);
    if (!run->options->rehearse && !run->options->hold) {
        deploy__together(run, false, deploy__ask_org);
        deploy__together(run, false, deploy__end_servers);
    }
    if (run->counts->failed)
        return fcc_error_set(error, FCC_ERR_PEER, "%zu step%s failed; run it again to go on from there",
                             run->counts->failed, run->counts->failed == 1 ? "" : "s");
    return FCC_OK;
}

fcc_status deploy__none_reached(const deploy__run *run, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_IO, "none of %zu organisations' peers was reached: nothing was done",
                         run->org_count);
}

fcc_status deploy__begin(deploy__run *run, const deploy_options *options, deploy_counts *counts, fcc_error *error)
{
    *run = (deploy__run){ .options = options, .counts = counts, .arena = fcc__arena_new(DEPLOY__ARENA) };
    *counts = (deploy_counts){ 0 };
    if (!run->arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    pthread_mutex_init(&run->telling, NULL);
    return FCC_OK;
}

void deploy__end(deploy__run *run)
{
    deploy__close(run);
    pthread_mutex_destroy(&run->telling);
    fcc__arena_free(run->arena);
}

fcc_status deploy_run(const deploy_options *options, deploy_counts *counts, fcc_error *error)
{
    deploy__run run;
    fcc_status st = deploy__begin(&run, options, counts, error);

    if (st != FCC_OK)
        return st;
    if (options->only && !config_find_chaincode(options->network, options->only))
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s names no chaincode %s", options->network->path, options->only);
    else
        st = deploy__open(&run, error);
    if (st == FCC_OK) {
        deploy__reach(&run);
        st = run.reached ? deploy__plan(&run, error) : deploy__none_reached(&run, error);
    }
    if (st == FCC_OK)
        st = deploy__carry_out(&run, error);
    deploy__end(&run);
    return st;
}

bool deploy_runs_servers(const deploy_options *options)
{
    struct stat s;
    char path[4096];

    for (size_t i = 0; i < options->network->org_count; i++) {
        snprintf(path, sizeof(path), "%s/config/%s.yaml", options->dir, options->network->orgs[i].domain);
        if (stat(path, &s) == 0)
            return true;
    }
    return false;
}
