/*
 * See deploy.h. Chaincode after chaincode: what the channel has decides the sequence, then each organisation installs and
 * approves through its own peer, then one commit is endorsed by those who have approved.
 */
#include "deploy/deploy.h"

#include "client/lifecycle.h"
#include "msp/policy.h"
#include "package/package.h"
#include "protos/unpack.h"

#include <string.h>
#include <time.h>

enum { DEPLOY_ARENA = 512 << 20, MOST_ORGS = 64, TEXT = 512, COMMIT_VISIBLE_TRIES = 100 };

struct run {
    const deploy_options *options;
    deploy_counts *counts;
    fcc__arena *arena;
    client *admins[MOST_ORGS]; /* of the network's organisations, in its order */
};

/* One chaincode on its way. */
struct wanted {
    struct run *run;
    const config_chaincode *chaincode;
    client_definition definition;
    fcc_bytes package;
    const char *package_id;
    bool committed; /* exactly this definition is, already */
};

/* ---- packages ---------------------------------------------------------------------------------------------------- */

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

/* ---- telling ------------------------------------------------------------------------------------------------------ */

static void tell(const struct wanted *w, const char *mspid, deploy_step step, deploy_result result, const char *why)
{
    const bool runs = !mspid || config_has(w->chaincode->orgs, mspid);
    const deploy_event event = { .chaincode = w->chaincode->name,
                                 .mspid = mspid,
                                 .step = step,
                                 .result = result,
                                 .sequence = w->definition.sequence,
                                 .package_id = runs ? w->package_id : NULL,
                                 .why = why };
    deploy_counts *counts = w->run->counts;
    size_t *const of[] = { [DEPLOY_DONE] = &counts->done,
                           [DEPLOY_KEPT] = &counts->kept,
                           [DEPLOY_WOULD] = &counts->would,
                           [DEPLOY_FAILED] = &counts->failed };

    ++*of[result];
    if (w->run->options->tell)
        w->run->options->tell(w->run->options->ctx, &event);
}

/* ---- what there is ------------------------------------------------------------------------------------------------ */

static bool same(ProtobufCBinaryData a, fcc_bytes b)
{
    return fcc_bytes_equal(fcc__of_pb(a), b);
}

/* Both as they would be written: decoding and writing again gives one form to what peers keep in another. */
static bool same_collections(const Protos__CollectionConfigPackage *have, fcc_bytes want, fcc__arena *arena)
{
    Protos__CollectionConfigPackage *parsed;
    fcc_bytes a = { 0 }, b = { 0 };

    if (!have || have->n_config == 0)
        return want.len == 0;
    if (want.len == 0 || FCC__UNPACK(protos__collection_config_package, want, arena, &parsed) != FCC_OK)
        return false;
    return fcc__pack(have, arena, &a) == FCC_OK && fcc__pack(parsed, arena, &b) == FCC_OK && fcc_bytes_equal(a, b);
}

/* A definition that a peer told of, approved or committed: Fabric has three messages with these fields. */
#define SAME_DEFINITION(have, d, arena)                                                                 \
    (same((have)->version, fcc_str((d)->version)) && same((have)->validation_parameter, (d)->policy) && \
     (have)->init_required == (d)->init_required && same_collections((have)->collections, (d)->collections, arena))

/* The sequence that this definition has on the channel, or is to get. `asked` is the organisation that answered. */
static fcc_status find_sequence(struct wanted *w, fcc_error *error)
{
    Lifecycle__QueryChaincodeDefinitionsResult *all = NULL;
    const config_network *network = w->run->options->network;
    fcc_status st = FCC_ERR_NOT_FOUND;

    for (size_t i = 0; i < network->org_count && st != FCC_OK; i++)
        st = client_committed_all(w->run->admins[i], NULL, w->run->arena, &all, error);
    if (st != FCC_OK)
        return st;
    w->definition.sequence = 1;
    for (size_t i = 0; i < all->n_chaincode_definitions; i++) {
        const Lifecycle__QueryChaincodeDefinitionsResult__ChaincodeDefinition *d = all->chaincode_definitions[i];

        if (!same(d->name, fcc_str(w->chaincode->name)))
            continue;
        w->committed = SAME_DEFINITION(d, &w->definition, w->run->arena);
        w->definition.sequence = d->sequence + (w->committed ? 0 : 1);
    }
    return FCC_OK;
}

/* ---- one organisation --------------------------------------------------------------------------------------------- */

static fcc_status is_installed(const struct wanted *w, client *admin, bool *is, fcc_error *error)
{
    Lifecycle__QueryInstalledChaincodesResult *all;
    fcc_status st = client_installed(admin, NULL, w->run->arena, &all, error);

    *is = false;
    for (size_t i = 0; st == FCC_OK && i < all->n_installed_chaincodes; i++)
        if (same(all->installed_chaincodes[i]->package_id, fcc_str(w->package_id)))
            *is = true;
    return st;
}

/* false: it failed, which has been told */
static bool install(const struct wanted *w, client *admin, const char *mspid)
{
    const char *id = NULL;
    fcc_error error = { 0 };
    bool is;
    fcc_status st = is_installed(w, admin, &is, &error);

    if (st == FCC_OK && (is || w->run->options->rehearse)) {
        tell(w, mspid, DEPLOY_INSTALL, is ? DEPLOY_KEPT : DEPLOY_WOULD, NULL);
        return true;
    }
    if (st == FCC_OK)
        st = client_install(admin, NULL, w->package, w->run->arena, &id, &error);
    if (st == FCC_OK && strcmp(id, w->package_id) != 0)
        st = fcc_error_set(&error, FCC_ERR_PEER, "the peer calls the package %s instead of %s", id, w->package_id);
    tell(w, mspid, DEPLOY_INSTALL, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, st == FCC_OK ? NULL : error.text);
    return st == FCC_OK;
}

static bool is_approved(const struct wanted *w, client *admin, const char *package)
{
    Lifecycle__QueryApprovedChaincodeDefinitionResult *have;
    fcc_error ignored;
    const Lifecycle__ChaincodeSource *source;
    const char *runs = NULL;

    /* a peer answers with an error when there is none */
    if (client_approved(admin, w->definition.name, w->definition.sequence, w->run->arena, &have, &ignored) != FCC_OK)
        return false;
    source = have->source;
    if (source && source->type_case == LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE)
        runs = fcc__arena_printf(w->run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(source->local_package->package_id)));
    return SAME_DEFINITION(have, &w->definition, w->run->arena) && !runs == !package &&
           (!runs || strcmp(runs, package) == 0);
}

static bool approve(const struct wanted *w, client *admin, const char *mspid)
{
    const char *package = config_has(w->chaincode->orgs, mspid) ? w->package_id : NULL;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st;

    if (is_approved(w, admin, package)) {
        tell(w, mspid, DEPLOY_APPROVE, DEPLOY_KEPT, NULL);
        return true;
    }
    if (w->run->options->rehearse) {
        tell(w, mspid, DEPLOY_APPROVE, DEPLOY_WOULD, NULL);
        return true;
    }
    st = client_approve(admin, &w->definition, package, w->run->arena, &answer, &error);
    tell(w, mspid, DEPLOY_APPROVE, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, st == FCC_OK ? NULL : error.text);
    return st == FCC_OK;
}

/* ---- the channel -------------------------------------------------------------------------------------------------- */

static void nap(void)
{
    const struct timespec a_little = { 0, 100000000 };

    nanosleep(&a_little, NULL);
}

/* A peer that commits a block later than the others answers for its own state: wait for each. */
static fcc_status await_commit(const struct wanted *w, client *const *approved, size_t count, fcc_error *error)
{
    for (size_t i = 0; i < count; i++) {
        Lifecycle__QueryChaincodeDefinitionResult *have = NULL;
        fcc_status st = FCC_ERR_TIMEOUT;

        for (int tries = 0; tries < COMMIT_VISIBLE_TRIES; tries++) {
            st = client_committed(approved[i], NULL, w->definition.name, w->run->arena, &have, error);
            if (st == FCC_OK && have->sequence >= w->definition.sequence)
                break;
            st = FCC_ERR_TIMEOUT;
            nap();
        }
        if (st != FCC_OK)
            return fcc_error_set(error, st, "%s has not committed the definition yet", client_mspid(approved[i]));
    }
    return FCC_OK;
}

static bool commit(const struct wanted *w, client *const *approved, size_t count)
{
    const char *orgs[MOST_ORGS];
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st = FCC_ERR_PEER;

    if (w->committed || w->run->options->rehearse) {
        tell(w, NULL, DEPLOY_COMMIT, w->committed ? DEPLOY_KEPT : DEPLOY_WOULD, NULL);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        orgs[i] = client_mspid(approved[i]);
    if (count)
        st = client_commit(approved[0], &w->definition, orgs, count, w->run->arena, &answer, &error);
    else
        fcc_error_set(&error, st, "no organisation has approved it");
    if (st == FCC_OK)
        st = await_commit(w, approved, count, &error);
    tell(w, NULL, DEPLOY_COMMIT, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, st == FCC_OK ? NULL : error.text);
    return st == FCC_OK;
}

static fcc_status prepare(struct wanted *w, fcc_error *error)
{
    const config_chaincode *cc = w->chaincode;
    fcc__arena *arena = w->run->arena;
    fcc_status st;

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
    return find_sequence(w, error);
}

static fcc_status deploy_one(struct run *run, const config_chaincode *chaincode, fcc_error *error)
{
    struct wanted w = { .run = run, .chaincode = chaincode };
    client *approved[MOST_ORGS];
    size_t count = 0;
    const config_network *network = run->options->network;
    fcc_status st = prepare(&w, error);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < network->org_count; i++) {
        const char *mspid = network->orgs[i].mspid;

        if (config_has(chaincode->orgs, mspid) && !install(&w, run->admins[i], mspid))
            continue;
        if (approve(&w, run->admins[i], mspid))
            approved[count++] = run->admins[i];
    }
    commit(&w, approved, count);
    return FCC_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static fcc_status open_admins(struct run *run, fcc_error *error)
{
    const config_network *network = run->options->network;

    if (network->org_count > MOST_ORGS)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: more than %d organisations", network->path, MOST_ORGS);
    for (size_t i = 0; i < network->org_count; i++) {
        const client_options open = { .dir = run->options->dir, .org = network->orgs[i].mspid };
        fcc_status st = client_open(&open, &run->admins[i], error);

        if (st != FCC_OK)
            return st;
    }
    return FCC_OK;
}

fcc_status deploy_run(const deploy_options *options, deploy_counts *counts, fcc_error *error)
{
    struct run run = { .options = options, .counts = counts, .arena = fcc__arena_new(DEPLOY_ARENA) };
    fcc_status st = run.arena ? FCC_OK : FCC_ERR_NOMEM;

    *counts = (deploy_counts){ 0 };
    if (st != FCC_OK)
        return fcc_error_set(error, st, "%s", fcc_status_text(st));
    if (options->only && !config_find_chaincode(options->network, options->only)) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s names no chaincode %s", options->network->path, options->only);
        goto out;
    }
    st = open_admins(&run, error);
    for (size_t i = 0; st == FCC_OK && i < options->network->chaincode_count; i++) {
        const config_chaincode *chaincode = &options->network->chaincodes[i];

        if (!options->only || strcmp(options->only, chaincode->name) == 0)
            st = deploy_one(&run, chaincode, error);
    }
    if (st == FCC_OK && counts->failed)
        st = fcc_error_set(error, FCC_ERR_PEER, "%zu steps failed; run it again to go on from there", counts->failed);
out:
    for (size_t i = 0; i < options->network->org_count && i < MOST_ORGS; i++)
        client_close(run.admins[i]);
    fcc__arena_free(run.arena);
    return st;
}
