/*
 * installed.c: packages come in, are listed with what they run as, and go out again. Fabric:
 * core/chaincode/lifecycle/{scc,lifecycle,cache}.go.
 */
#include "scc/internal.h"

fcc_status scc__install(scc__run *run, fcc_bytes input, const void **output)
{
    const scc_call *call = run->call;
    Lifecycle__InstallChaincodeArgs *args;
    Lifecycle__InstallChaincodeResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    const char *label = NULL, *id;
    fcc_bytes package;
    fcc_error error;
    fcc_status st;

    if (!result)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__install_chaincode_args, input, run->arena, &args)) != FCC_OK)
        return st;
    package = fcc__of_pb(args->chaincode_install_package);
    st = call->read_package ? call->read_package(call->ctx, package, run->arena, &label, &error)
                            : fcc_error_set(&error, FCC_ERR_CONFIG, "this peer takes no packages");
    /* what is here was built when it came; nobody asks whether it could be built today */
    if (st == FCC_ERR_CONFIG && label && (id = scc_store_find(call->store, label, package)))
        return scc__refuse(run, "chaincode already successfully installed (package ID '%s')", id);
    if (st == FCC_ERR_CONFIG)
        return scc__refuse(run, "could not build chaincode: %s", error.text);
    if (st != FCC_OK)
        return scc__refuse(run, "could not parse as a chaincode install package: %s", error.text);
    st = scc_store_save(call->store, label, package, &id, &error);
    if (st == FCC_ERR_EXISTS)
        return scc__refuse(run, "chaincode already successfully installed (package ID '%s')", id);
    if (st != FCC_OK)
        return scc__refuse(run, "could not save cc install package: %s", error.text);
    lifecycle__install_chaincode_result__init(result);
    result->package_id = fcc__pb(fcc_str(id));
    result->label = fcc__pb(fcc_str(label));
    *output = result;
    return FCC_OK;
}

fcc_status scc__get_package(scc__run *run, fcc_bytes input, const void **output)
{
    Lifecycle__GetInstalledChaincodePackageArgs *args;
    Lifecycle__GetInstalledChaincodePackageResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    fcc_bytes id, package;
    fcc_status st;

    if (!result)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__get_installed_chaincode_package_args, input, run->arena, &args)) != FCC_OK)
        return st;
    id = fcc__of_pb(args->package_id);
    st = scc_store_load(run->call->store, id, run->arena, &package);
    if (st == FCC_ERR_NOT_FOUND)
        return scc__refuse(run, "could not load cc install package: chaincode install package '" FCC_FMT "' not found",
                           FCC_ARG(id));
    if (st != FCC_OK)
        return scc__refuse(
            run, "could not load cc install package: error reading chaincode install package at " FCC_FMT ": %s",
            FCC_ARG(id), fcc_status_text(st));
    lifecycle__get_installed_chaincode_package_result__init(result);
    result->chaincode_install_package = fcc__pb(package);
    *output = result;
    return FCC_OK;
}

/* ---- what is installed, and what it runs as ------------------------------------------------------------------------------ */

/* A chaincode of the channel, and the package that runs here under its name. */
struct use {
    const char *name;
    scc_chaincode found;
};

fcc_status scc_defined(ledger *l, const char *mspid, fcc__arena *arena, const char *const **names, size_t *count)
{
    ledger_sim_options options = { .mspid = mspid };
    scc_call call = { .ledger = l, .mspid = mspid, .arena = arena };
    scc__run run = { .call = &call, .arena = arena };
    const scc__state public = { &run, { NULL, 0 } };
    fcc_status st;

    *names = NULL;
    *count = 0;
    if (!ledger_channel(l))
        return FCC_OK;
    if ((st = ledger_sim_new(l, &options, &call.sim)) != FCC_OK)
        return st;
    st = scc__names(&public, SCC__NAMESPACES, names, count);
    ledger_sim_free(call.sim);
    return st == FCC_ERR_PEER ? FCC_ERR_CORRUPT : st;
}

/* All chaincodes of the peer's channel; none while it has none. */
static fcc_status find_uses(const scc__run *run, struct use **out, size_t *count)
{
    const scc_call *call = run->call;
    const char *const *names;
    struct use *list;
    fcc_status st = scc_defined(call->ledger, call->mspid, run->arena, &names, count);

    *out = NULL;
    if (st != FCC_OK || *count == 0)
        return st;
    list = fcc__arena_zalloc(run->arena, *count, sizeof(*list));
    if (!list)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < *count; i++) {
        list[i].name = names[i];
        st = scc_resolve(call->ledger, call->mspid, call->store, fcc_str(names[i]), run->arena, &list[i].found);
        if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
            return st;
    }
    *out = list;
    return FCC_OK;
}

static fcc_status describe(const scc__run *run, const char *id, const struct use *uses, size_t use_count,
                           Lifecycle__QueryInstalledChaincodeResult *out)
{
    typedef Lifecycle__QueryInstalledChaincodeResult__Chaincode chaincode;
    const char *channel = use_count ? msp_channel_id(ledger_channel(run->call->ledger)) : "";
    Lifecycle__QueryInstalledChaincodeResult__ReferencesEntry *entry;
    Lifecycle__QueryInstalledChaincodeResult__References *references;

    lifecycle__query_installed_chaincode_result__init(out);
    out->package_id = fcc__pb(fcc_str(id));
    out->label = fcc__pb(fcc_bytes_of(id, strcspn(id, ":")));
    entry = fcc__arena_alloc(run->arena, sizeof(*entry));
    references = fcc__arena_alloc(run->arena, sizeof(*references));
    out->references = fcc__arena_zalloc(run->arena, 1, sizeof(*out->references));
    if (!entry || !references || !out->references)
        return FCC_ERR_LIMIT;
    lifecycle__query_installed_chaincode_result__references_entry__init(entry);
    lifecycle__query_installed_chaincode_result__references__init(references);
    references->chaincodes = fcc__arena_zalloc(run->arena, use_count, sizeof(*references->chaincodes));
    if (!references->chaincodes)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < use_count; i++) {
        chaincode *one;

        if (!uses[i].found.package_id || strcmp(uses[i].found.package_id, id) != 0)
            continue;
        if (!(one = fcc__arena_alloc(run->arena, sizeof(*one))))
            return FCC_ERR_LIMIT;
        lifecycle__query_installed_chaincode_result__chaincode__init(one);
        one->name = fcc__pb(fcc_str(uses[i].name));
        one->version = fcc__pb(uses[i].found.definition.version);
        references->chaincodes[references->n_chaincodes++] = one;
    }
    if (references->n_chaincodes == 0)
        return FCC_OK;
    entry->key = fcc__pb(fcc_str(channel));
    entry->value = references;
    out->references[out->n_references++] = entry;
    return FCC_OK;
}

fcc_status scc__query_installed(scc__run *run, fcc_bytes input, const void **output)
{
    Lifecycle__QueryInstalledChaincodeArgs *args;
    Lifecycle__QueryInstalledChaincodeResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    struct use *uses;
    const char *id;
    size_t count;
    fcc_status st;

    if (!result)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__query_installed_chaincode_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if (!scc_store_has(run->call->store, fcc__of_pb(args->package_id)))
        return scc__refuse(run, "could not find chaincode with package id '" FCC_FMT "'",
                           FCC_ARG(fcc__of_pb(args->package_id)));
    id = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(args->package_id)));
    if (!id)
        return FCC_ERR_LIMIT;
    *output = result;
    st = find_uses(run, &uses, &count);
    return st == FCC_OK ? describe(run, id, uses, count, result) : st;
}

fcc_status scc__query_all_installed(scc__run *run, fcc_bytes input, const void **output)
{
    size_t packages = scc_store_count(run->call->store), count;
    Lifecycle__QueryInstalledChaincodesArgs *args;
    Lifecycle__QueryInstalledChaincodesResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    Lifecycle__QueryInstalledChaincodeResult *list = fcc__arena_zalloc(run->arena, packages, sizeof(*list));
    struct use *uses;
    fcc_status st;

    if (!result || !list)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__query_installed_chaincodes_args, input, run->arena, &args)) != FCC_OK ||
        (st = find_uses(run, &uses, &count)) != FCC_OK)
        return st;
    lifecycle__query_installed_chaincodes_result__init(result);
    result->installed_chaincodes = fcc__arena_zalloc(run->arena, packages, sizeof(*result->installed_chaincodes));
    if (!result->installed_chaincodes)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < packages; i++) {
        if ((st = describe(run, scc_store_id(run->call->store, i), uses, count, &list[i])) != FCC_OK)
            return st;
        result->installed_chaincodes[result->n_installed_chaincodes++] = &list[i];
    }
    *output = result;
    return FCC_OK;
}
