/* chaincodes.c: the chaincodes of network.yaml, and such as are added to them. */
#include "config/sections.h"

#include <string.h>
#include <sys/stat.h>

/* A path relative to the directory of the file that names it. */
static const char *resolve(config_reader *r, const char *path)
{
    const char *slash = strrchr(r->path, '/');

    if (path[0] == '/' || !slash)
        return path;
    return fcc__arena_printf(r->arena, "%.*s/%s", (int)(slash - r->path), r->path, path);
}

static fcc_status read_installers(config_reader *r, yaml_node_t *node, const config_network *net, config_strings names,
                                  config_chaincode *out)
{
    const char **mspids = fcc__arena_zalloc(r->arena, net->org_count, sizeof *mspids);
    size_t n = 0, i, k;

    if (!mspids)
        return config_fail(r, node, "organisations", NULL, NULL);
    for (i = 0; i < names.n; i++)
        if (!config_find_org(net, names.v[i]))
            return config_fail(r, node, "chaincodes.organisations", names.v[i], "the name of an organisation above");
    for (i = 0; i < net->org_count; i++)
        for (k = 0; k < names.n; k++)
            if (config_find_org(net, names.v[k]) == &net->orgs[i]) {
                mspids[n++] = net->orgs[i].mspid;
                break;
            }
    if (n == 0)
        return config_fail(r, node, "chaincodes.organisations", NULL, "at least one organisation");
    out->orgs.v = mspids;
    out->orgs.n = n;
    return FCC_OK;
}

static bool is_folder(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool is_slot(const char *text)
{
    return strcmp(text, "a") == 0 || strcmp(text, "b") == 0;
}

/* META-INF in the chaincode's folder, which is where its collections are; NULL without. */
static const char *meta_inf_beside(const char *collections, fcc__arena *arena)
{
    const char *slash = strrchr(collections, '/');
    const char *path = slash ? fcc__arena_printf(arena, "%.*s/META-INF", (int)(slash - collections), collections)
                             : fcc__arena_printf(arena, "META-INF");

    return path && is_folder(path) ? path : NULL;
}

static fcc_status read_chaincode(config_reader *r, yaml_node_t *node, const config_network *net, config_chaincode *out)
{
    const char *collections = NULL, *meta_inf = NULL, *slot = NULL;
    config_strings names = { 0 };
    const config_field fields[] = {
        TEXT("name", true, &out->name, config__is_name, NAME_EXPECTED),
        TEXT("exe", false, &out->exe, config__is_name, NAME_EXPECTED),
        TEXT("version", true, &out->version, config__is_id, ID_EXPECTED),
        NUMBER("sequence", true, &out->sequence, 1, INT32_MAX),
        TEXT("label", false, &out->label, config__is_id, ID_EXPECTED),
        TEXT("policy", true, &out->policy, NULL, "an endorsement policy"),
        TEXT("collections", false, &collections, NULL, "the path of a collections file"),
        LIST("organisations", true, &names, config__is_mspid, "the name of an organisation above"),
        FLAG("init_required", &out->init_required),
        TEXT("meta_inf", false, &meta_inf, NULL, "the path of a folder META-INF"),
        TEXT("slot", false, &slot, is_slot, "a or b"),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "chaincodes", fields, COUNT(fields)));
    out->mutual_tls = net->chaincode_tls;
    out->slot_b = slot && *slot == 'b';
    if (!out->exe)
        out->exe = out->name;
    if (!out->label)
        out->label = fcc__arena_printf(r->arena, "%s_%s", out->name, out->version);
    if (!out->label)
        return config_fail(r, node, "chaincodes", NULL, NULL);
    TRY(read_installers(r, node, net, names, out));
    if (meta_inf) {
        out->meta_inf = resolve(r, meta_inf);
        if (!out->meta_inf || !is_folder(out->meta_inf))
            return config_fail(r, node, "chaincodes.meta_inf", meta_inf, "a folder that exists");
    }
    if (!collections)
        return FCC_OK;
    out->collections_path = resolve(r, collections);
    if (!out->collections_path)
        return config_fail(r, node, "chaincodes", NULL, NULL);
    st = config_load_collections(out->collections_path, r->arena, &out->collections, r->error);
    if (st == FCC_ERR_NOT_FOUND)
        return config_fail(r, node, "chaincodes.collections", out->collections_path, "a file that exists");
    if (st == FCC_OK && !out->meta_inf)
        out->meta_inf = meta_inf_beside(out->collections_path, r->arena);
    return st;
}

fcc_status config__read_chaincodes(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_chaincode *all;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "chaincodes", &count));
    all = fcc__arena_zalloc(r->arena, count + 1, sizeof *all);
    if (!all)
        return config_fail(r, node, "chaincodes", NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);

        TRY(read_chaincode(r, item, net, &all[i]));
        for (k = 0; k < i; k++)
            if (strcmp(all[k].name, all[i].name) == 0)
                return config_fail(r, item, "chaincodes.name", all[i].name, "each chaincode once");
    }
    net->chaincodes = all;
    net->chaincode_count = count;
    return FCC_OK;
}

/* "OR('AMSP.peer', 'BMSP.peer')" */
static const char *any_peer(const config_network *net)
{
    const char *policy = "OR(";
    size_t i;

    for (i = 0; i < net->org_count && policy; i++)
        policy = fcc__arena_printf(net->arena, "%s%s'%s.peer'", policy, i ? ", " : "", net->orgs[i].mspid);
    return policy ? fcc__arena_printf(net->arena, "%s)", policy) : NULL;
}

fcc_status config_add_chaincode(config_network *network, const char *name, const char *exe,
                                const char *collections_path, fcc_error *error)
{
    config_chaincode *all, *added;
    const char **mspids;
    fcc_bytes name_copy, exe_copy, path_copy = { 0 };
    size_t i;
    fcc_status st;

    if (!config__is_name(name) || (exe[0] != '/' && !config__is_name(exe)))
        return fcc_error_set(error, FCC_ERR_CONFIG, "chaincode \"%.64s\" (executable \"%.64s\"): expected %s", name,
                             exe, NAME_EXPECTED);
    if (config_find_chaincode(network, name))
        return fcc_error_set(error, FCC_ERR_EXISTS, "chaincode \"%s\" is in %s already", name, network->path);
    all = fcc__arena_zalloc(network->arena, network->chaincode_count + 1, sizeof *all);
    mspids = fcc__arena_zalloc(network->arena, network->org_count, sizeof *mspids);
    if (!all || !mspids || !fcc__arena_copy(network->arena, fcc_str(name), &name_copy) ||
        !fcc__arena_copy(network->arena, fcc_str(exe), &exe_copy) ||
        (collections_path && !fcc__arena_copy(network->arena, fcc_str(collections_path), &path_copy)))
        return fcc_error_set(error, FCC_ERR_LIMIT, "chaincode \"%s\": too much configuration", name);
    if (network->chaincode_count)
        memcpy(all, network->chaincodes, network->chaincode_count * sizeof *all);
    for (i = 0; i < network->org_count; i++)
        mspids[i] = network->orgs[i].mspid;
    added = &all[network->chaincode_count];
    added->name = (const char *)name_copy.data;
    added->exe = (const char *)exe_copy.data;
    added->version = "1";
    added->sequence = 1;
    added->label = fcc__arena_printf(network->arena, "%s_1", name);
    added->policy = any_peer(network);
    added->orgs.v = mspids;
    added->orgs.n = network->org_count;
    added->mutual_tls = network->chaincode_tls;
    if (!added->label || !added->policy)
        return fcc_error_set(error, FCC_ERR_LIMIT, "chaincode \"%s\": too much configuration", name);
    if (collections_path) {
        st = config_load_collections(collections_path, network->arena, &added->collections, error);
        if (st == FCC_OK) {
            added->collections_path = (const char *)path_copy.data;
            added->meta_inf = meta_inf_beside(added->collections_path, network->arena);
        } else if (st != FCC_ERR_NOT_FOUND)
            return st;
    }
    network->chaincodes = all;
    network->chaincode_count++;
    return FCC_OK;
}
