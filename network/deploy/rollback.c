/*
 * rollback.c: a chaincode gets the definition back that it had before. Fabric has no way back: the definition of then becomes
 * the next sequence, and each organisation approves it with the package that it had approved then.
 */
#include "deploy/internal.h"

#include <string.h>

static fcc_status choose_past(deploy__run *run, const char *name, int64_t *to, deploy_return *plan, fcc_error *error)
{
    const config_chaincode *known = config_find_chaincode(run->options->network, name);
    config_chaincode *chaincode = fcc__arena_zalloc(run->arena, 1, sizeof(*chaincode));
    deploy__past *past = NULL;
    const deploy__past *found = NULL;
    size_t count = 0;
    fcc_status st = FCC_ERR_IO;

    run->wanted = fcc__arena_zalloc(run->arena, 1, sizeof(*run->wanted));
    if (!chaincode || !run->wanted)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    run->wanted_count = 1;
    if (known)
        *chaincode = *known;
    chaincode->name = name;
    for (size_t i = 0; st != FCC_OK && i < run->org_count; i++)
        if (run->orgs[i].reached)
            st = deploy__history(run->orgs[i].admin, name, run->arena, &past, &count, error);
    if (st != FCC_OK)
        return st;
    if (count == 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "the channel has no chaincode %s", name);
    plan->from = past[count - 1].definition.sequence;
    *to = *to ? *to : plan->from - 1;
    for (size_t i = 0; i < count; i++)
        if (past[i].definition.sequence == *to)
            found = &past[i];
    if (!found)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s has no sequence %lld to go back to: it is at %lld", name,
                             (long long)*to, (long long)plan->from);
    run->wanted[0] = (deploy__wanted){ .chaincode = chaincode, .definition = found->definition, .past = *to };
    deploy__find_sequence(run, &run->wanted[0]);
    plan->to = *to;
    plan->next = run->wanted[0].definition.sequence;
    plan->version = found->definition.version;
    plan->block = found->block;
    return FCC_OK;
}

fcc_status deploy_rollback(const deploy_options *options, int64_t *to,
                           void (*planned)(void *ctx, const deploy_return *plan), deploy_counts *counts,
                           fcc_error *error)
{
    deploy_options asked = *options;
    config_network *network = NULL;
    deploy__run run;
    deploy_return plan = { 0 };
    fcc_status st = deploy__begin(&run, &asked, counts, error);

    if (st != FCC_OK)
        return st;
    st = asked.network ? FCC_OK : deploy__directory(asked.dir, run.arena, &network, error);
    if (!asked.network)
        asked.network = network;
    if (st == FCC_OK)
        st = deploy__open(&run, error);
    if (st == FCC_OK) {
        deploy__reach(&run);
        st = run.reached ? choose_past(&run, options->only, to, &plan, error) : deploy__none_reached(&run, error);
    }
    for (size_t i = 0; st == FCC_OK && i < run.org_count; i++)
        if (!deploy__make_room(&run.orgs[i], 1))
            st = fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if (st == FCC_OK && planned)
        planned(options->ctx, &plan);
    if (st == FCC_OK)
        st = deploy__carry_out(&run, error);
    deploy__end(&run);
    return st;
}
