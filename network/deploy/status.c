/*
 * status.c: what each organisation has of each chaincode: committed as its peer sees it, approved, installed, and what the
 * process that answers says it runs. Organisations are asked side by side; nothing is changed.
 */
#include "deploy/status.h"

#include "deploy/internal.h"
#include "protos/unpack.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_PATIENCE_S = 1 };

struct asking {
    deploy__run run; /* first: organisations find it by their run */
    deploy_row *rows[DEPLOY__MOST_ORGS];
    size_t counts[DEPLOY__MOST_ORGS];
};

static const char *keep(fcc__arena *arena, ProtobufCBinaryData text)
{
    return fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(text)));
}

static void wrong(deploy_row *row, fcc__code code, const char *why)
{
    row->ok = false;
    row->code = code;
    row->why = why;
}

/* What the organisation has approved at the committed sequence. */
static void read_approval(deploy__org *org, deploy_row *row)
{
    Lifecycle__QueryApprovedChaincodeDefinitionResult *have;
    fcc_error error;

    if (client_approved(org->admin, row->chaincode, row->sequence, org->arena, &have, &error) != FCC_OK) {
        wrong(row, FCC__E_DEP_APPROVALS, "the committed definition is not approved by this organisation");
        return;
    }
    row->approved = true;
    if (have->source && have->source->type_case == LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE)
        row->package_id = keep(org->arena, have->source->local_package->package_id);
}

static void read_row(deploy__org *org, const Lifecycle__QueryInstalledChaincodesResult *installed, deploy_row *row)
{
    fcc_error error = { 0 };
    fcc_status st;

    read_approval(org, row);
    for (size_t i = 0; row->package_id && i < installed->n_installed_chaincodes; i++)
        if (fcc_bytes_equal(fcc__of_pb(installed->installed_chaincodes[i]->package_id), fcc_str(row->package_id)))
            row->installed = true;
    if (!row->package_id)
        return;
    if (!row->installed) {
        wrong(row, FCC__E_DEP_PACKAGE, "the package that is approved is not installed");
        return;
    }
    st = deploy__ask(org->admin, row->chaincode, ASK_PATIENCE_S, org->arena, &row->digest, &error);
    row->answers = st == FCC_OK;
    if (st != FCC_OK)
        wrong(row, deploy_code_of(st, error.text), fcc__arena_printf(org->arena, "%s", error.text));
}

static void ask_org(deploy__org *org)
{
    struct asking *a = (struct asking *)(void *)org->run;
    const size_t place = (size_t)(org - org->run->orgs);
    Lifecycle__QueryInstalledChaincodesResult *installed;
    const Lifecycle__QueryChaincodeDefinitionsResult *all;
    deploy_row *rows;
    fcc_error error = { 0 };
    fcc_status st = client_committed_all(org->admin, NULL, org->arena, &org->committed, &error);

    if (st == FCC_OK)
        st = client_installed(org->admin, NULL, org->arena, &installed, &error);
    all = st == FCC_OK ? org->committed : NULL;
    rows = fcc__arena_zalloc(org->arena, (all ? all->n_chaincode_definitions : 0) + 1, sizeof(*rows));
    a->rows[place] = rows;
    if (!rows)
        return;
    if (st != FCC_OK) {
        rows[0].mspid = org->config->mspid;
        wrong(&rows[0], deploy_code_of(st, error.text), fcc__arena_printf(org->arena, "%s", error.text));
        a->counts[place] = 1;
        return;
    }
    for (size_t i = 0; i < all->n_chaincode_definitions; i++) {
        deploy_row *row = &rows[a->counts[place]];

        row->mspid = org->config->mspid;
        row->chaincode = keep(org->arena, all->chaincode_definitions[i]->name);
        row->version = keep(org->arena, all->chaincode_definitions[i]->version);
        row->sequence = all->chaincode_definitions[i]->sequence;
        row->ok = true;
        if (!row->chaincode || !row->version || (a->run.options->only && strcmp(a->run.options->only, row->chaincode)))
            continue;
        read_row(org, installed, row);
        a->counts[place]++;
    }
}

static int by_chaincode(const void *a, const void *b)
{
    const deploy_row *x = a, *y = b;
    const int order = strcmp(x->chaincode ? x->chaincode : "", y->chaincode ? y->chaincode : "");

    return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

/* Of those who run the same package: does one run another executable, or is one's peer behind? */
static void compare(deploy_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count && rows[i].chaincode; k++) {
            const deploy_row *other = &rows[k];

            if (!other->chaincode || strcmp(other->chaincode, rows[i].chaincode) != 0)
                continue;
            if (rows[i].ok && other->sequence > rows[i].sequence)
                wrong(&rows[i], FCC__E_DEP_CHANNEL, "the peer is behind: others have a later definition");
            if (rows[i].digest && other->digest && strcmp(rows[i].digest, other->digest) != 0)
                rows[i].differs = true;
        }
}

static fcc_status gather(struct asking *a, const deploy_status_options *options, deploy_status *out, fcc_error *error)
{
    deploy__run *run = &a->run;
    deploy_options asked = { .dir = options->dir,
                             .only = options->only,
                             .orgs = options->orgs,
                             .org_count = options->org_count,
                             .timeout_s = options->timeout_s };
    config_network *network = NULL;
    size_t total = 0;
    fcc_status st = deploy__directory(options->dir, out->arena, &network, error);

    asked.network = network;
    run->options = &asked;
    if (st == FCC_OK)
        st = deploy__open(run, error);
    if (st != FCC_OK)
        return st;
    deploy__together(run, true, ask_org);
    for (size_t i = 0; i < run->org_count; i++)
        total += a->counts[i];
    out->rows = fcc__arena_zalloc(out->arena, total + 1, sizeof(*out->rows));
    if (!out->rows)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    for (size_t i = 0; i < run->org_count; i++)
        for (size_t k = 0; k < a->counts[i]; k++) {
            deploy_row *row = &out->rows[out->count];

            *row = a->rows[i][k];
            row->order = out->count++;
#define KEEP(field) row->field = row->field ? fcc__arena_printf(out->arena, "%s", row->field) : NULL
            KEEP(chaincode), KEEP(mspid), KEEP(version), KEEP(package_id), KEEP(digest), KEEP(why);
#undef KEEP
        }
    qsort(out->rows, out->count, sizeof(*out->rows), by_chaincode);
    compare(out->rows, out->count);
    for (size_t i = 0; i < out->count; i++)
        out->wrong += !out->rows[i].ok;
    return FCC_OK;
}

fcc_status deploy_status_read(const deploy_status_options *options, deploy_status *out, fcc_error *error)
{
    struct asking a = { .run = { .reached = 0 } };
    fcc_status st;

    *out = (deploy_status){ .arena = fcc__arena_new(DEPLOY__ARENA) };
    if (!out->arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    a.run.arena = out->arena;
    st = gather(&a, options, out, error);
    deploy__close(&a.run);
    return st;
}

void deploy_status_clear(deploy_status *status)
{
    fcc__arena_free(status->arena);
    *status = (deploy_status){ 0 };
}
