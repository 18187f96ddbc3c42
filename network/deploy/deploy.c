/*
 * See deploy.h. In order, each for all organisations side by side: ask what there is; install and approve; commit; ask the
 * chaincodes for an answer.
 */
#include "deploy/internal.h"

#include "package/package.h"

#include <string.h>
#include <time.h>

fcc_status deploy_package(const config_chaincode *chaincode, fcc__arena *arena, fcc_bytes *package, const char **id,
                          fcc_error *error)
{
    const package_service service = { .chaincode = chaincode->name,
                                      .label = chaincode->label,
                                      .mutual_tls = chaincode->mutual_tls,
                                      .meta_inf = chaincode->meta_inf };
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
    const bool runs = w && (!mspid || config_has(w->chaincode->orgs, mspid));
    const bool failed = result == DEPLOY_FAILED;
    const deploy_event event = { .chaincode = w ? w->chaincode->name : NULL,
                                 .mspid = mspid,
                                 .step = step,
                                 .result = result,
                                 .sequence = w ? w->definition.sequence : 0,
                                 .package_id = runs ? w->package_id : NULL,
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

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static fcc_status deploy(deploy__run *run, fcc_error *error)
{
    fcc_status st = deploy__open(run, error);

    if (st != FCC_OK)
        return st;
    deploy__reach(run);
    if (run->reached > 0 && (st = deploy__plan(run, error)) != FCC_OK)
        return st;
    if (run->reached > 0) {
        deploy__together(run, false, deploy__prepare_org);
        deploy__together(run, false, deploy__commit_share);
        if (!run->options->rehearse)
            deploy__together(run, false, deploy__ask_org);
    }
    if (run->counts->failed)
        return fcc_error_set(error, FCC_ERR_PEER, "%zu step%s failed; run it again to go on from there",
                             run->counts->failed, run->counts->failed == 1 ? "" : "s");
    return FCC_OK;
}

fcc_status deploy_run(const deploy_options *options, deploy_counts *counts, fcc_error *error)
{
    deploy__run run = { .options = options, .counts = counts, .arena = fcc__arena_new(DEPLOY__ARENA) };
    fcc_status st;

    *counts = (deploy_counts){ 0 };
    if (!run.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    pthread_mutex_init(&run.telling, NULL);
    if (options->only && !config_find_chaincode(options->network, options->only))
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s names no chaincode %s", options->network->path, options->only);
    else
        st = deploy(&run, error);
    deploy__close(&run);
    pthread_mutex_destroy(&run.telling);
    fcc__arena_free(run.arena);
    return st;
}
