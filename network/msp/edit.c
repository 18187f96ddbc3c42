/* edit.c: see edit.h. */
#include "msp/edit.h"

#include "msp/acl.h"
#include "msp/configtx_internal.h"
#include "msp/internal.h"
#include "msp/tree.h"

#include "orderer/configuration.pb-c.h"
#include "orderer/etcdraft/configuration.pb-c.h"
#include "peer/configuration.pb-c.h"
#include "protos/unpack.h"

#include <stdlib.h>
#include <strings.h>

enum { ARENA = 128 << 20 };

struct msp_edit {
    fcc__arena *arena;
    const char *channel_id;
    msp_channel *channel; /* as it was */
    Common__Config *config;
};

static fcc_status no_room(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_LIMIT, "the channel's configuration is too large");
}

fcc_status msp_edit_open(const char *channel_id, fcc_bytes config, msp_edit **out, fcc_error *error)
{
    msp_edit *e = calloc(1, sizeof *e);
    fcc_status st;

    if (!e || !(e->arena = fcc__arena_new(ARENA)) || !(e->channel_id = fcc__arena_printf(e->arena, "%s", channel_id))) {
        msp_edit_free(e);
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    }
    st = msp_channel_from_config(channel_id, config, &e->channel, error);
    if (st == FCC_OK && FCC__UNPACK(common__config, config, e->arena, &e->config) != FCC_OK)
        st = no_room(error);
    if (st == FCC_OK && msp__tree_tidy(e->config->channel_group, e->arena) != FCC_OK)
        st = no_room(error);
    if (st != FCC_OK) {
        msp_edit_free(e);
        return st;
    }
    *out = e;
    return FCC_OK;
}

void msp_edit_free(msp_edit *edit)
{
    if (!edit)
        return;
    msp_channel_free(edit->channel);
    fcc__arena_free(edit->arena);
    free(edit);
}

/* ---- organisations -------------------------------------------------------------------------------------------------- */

static Common__ConfigGroup *application(const msp_edit *e)
{
    return msp__tree_group(e->config->channel_group, FCC_LIT("Application"));
}

/* Of the channel as it was. `from`: where to go on. */
static const msp_channel_org *find_org(const msp_edit *e, const char *which, size_t *from)
{
    while (*from < msp_channel_org_count(e->channel)) {
        const msp_channel_org *org = msp_channel_org_at(e->channel, (*from)++);

        if (!strcasecmp(org->name, which) || !strcmp(org->mspid, which))
            return org;
    }
    return NULL;
}

static fcc_status no_org(const msp_edit *e, const char *which, fcc_error *error)
{
    const char *names = "";
    size_t i;

    for (i = 0; i < msp_channel_org_count(e->channel) && names; i++)
        names = fcc__arena_printf(e->arena, "%s%s%s", names, i ? ", " : "", msp_channel_org_at(e->channel, i)->name);
    return fcc_error_set(error, FCC_ERR_NOT_FOUND, "the channel has no organisation %s: there are %.600s", which,
                         names ? names : "others");
}

fcc_status msp_edit_add_org(msp_edit *edit, const config_network *network, const config_org *org,
                            const char *crypto_dir, fcc_error *error)
{
    Common__ConfigGroup *app = application(edit), *group = NULL;
    Common__ConfigGroupEntry **more, *entry = fcc__arena_alloc(edit->arena, sizeof *entry);
    size_t from = 0;
    fcc_status st;

    if (!app)
        return fcc_error_set(error, FCC_ERR_CONFIG, "the channel has no group Application");
    if (find_org(edit, org->name, &from) || (from = 0, find_org(edit, org->mspid, &from)))
        return fcc_error_set(error, FCC_ERR_EXISTS, "the channel has an organisation %s (%s) already", org->name,
                             org->mspid);
    st = msp__genesis_org(network, org, crypto_dir, edit->arena, &group, error);
    if (st != FCC_OK)
        return st;
    more = fcc__arena_zalloc(edit->arena, app->n_groups + 1, sizeof *more);
    if (!more || !entry)
        return no_room(error);
    if (app->n_groups)
        memcpy(more, app->groups, app->n_groups * sizeof *more);
    common__config_group_entry__init(entry);
    entry->key = fcc__pb(fcc_str(org->name));
    entry->value = group;
    more[app->n_groups++] = entry;
    app->groups = more;
    return msp__tree_tidy(app, edit->arena) == FCC_OK ? FCC_OK : no_room(error);
}

fcc_status msp_edit_remove_org(msp_edit *edit, const char *which, fcc_error *error)
{
    Common__ConfigGroup *app = application(edit);
    const msp_channel_org *org;
    size_t from = 0, kept = 0, i;

    do
        org = find_org(edit, which, &from);
    while (org && !org->application);
    if (!org || !app)
        return no_org(edit, which, error);
    for (i = 0; i < app->n_groups; i++)
        if (!fcc_bytes_equal(fcc__of_pb(app->groups[i]->key), fcc_str(org->name)))
            app->groups[kept++] = app->groups[i];
    app->n_groups = kept;
    return FCC_OK;
}

fcc_status msp_edit_msp(msp_edit *edit, const char *which, const char *msp_dir, fcc_error *error)
{
    const Common__ConfigGroup *root = edit->config->channel_group;
    const msp_channel_org *org;
    bool found = false;
    size_t from = 0;

    while ((org = find_org(edit, which, &from)) != NULL) {
        const Common__ConfigGroup *level = org->application ? application(edit)
                                                            : msp__tree_group(root, FCC_LIT("Orderer"));
        Common__ConfigValue *value = msp__tree_value(msp__tree_group(level, fcc_str(org->name)), FCC_LIT("MSP"));
        msp_org *loaded = NULL;
        fcc_bytes copy = { 0 };
        fcc_status st = msp_org_load(msp_dir, org->mspid, &loaded, error);

        if (st != FCC_OK)
            return st;
        if (!value || !fcc__arena_copy(edit->arena, msp_org_config(loaded), &copy))
            st = no_room(error);
        msp_org_free(loaded);
        if (st != FCC_OK)
            return st;
        value->value = fcc__pb(copy);
        found = true;
    }
    return found ? FCC_OK : no_org(edit, which, error);
}

/* ---- values --------------------------------------------------------------------------------------------------------- */

/* The value of a group, made with mod_policy Admins when it isn't there; NULL past the arena's cap. */
static Common__ConfigValue *need_value(msp_edit *e, Common__ConfigGroup *group, const char *key)
{
    Common__ConfigValue *value = msp__tree_value(group, fcc_str(key));
    Common__ConfigValueEntry **more, *entry;

    if (value)
        return value;
    more = fcc__arena_zalloc(e->arena, group->n_values + 1, sizeof *more);
    entry = fcc__arena_alloc(e->arena, sizeof *entry);
    value = fcc__arena_alloc(e->arena, sizeof *value);
    if (!more || !entry || !value)
        return NULL;
    common__config_value__init(value);
    common__config_value_entry__init(entry);
    value->mod_policy = fcc__pb(FCC_LIT("Admins"));
    entry->key = fcc__pb(fcc_str(key));
    entry->value = value;
    if (group->n_values)
        memcpy(more, group->values, group->n_values * sizeof *more);
    more[group->n_values++] = entry;
    group->values = more;
    return msp__tree_tidy(group, e->arena) == FCC_OK ? value : NULL;
}

static int by_key(const void *a, const void *b)
{
    return fcc_bytes_compare(fcc__of_pb((*(Protos__ACLEntry *const *)a)->key),
                             fcc__of_pb((*(Protos__ACLEntry *const *)b)->key));
}

fcc_status msp_edit_acl(msp_edit *edit, const char *resource, const char *policy, fcc_error *error)
{
    Common__ConfigGroup *app = application(edit);
    Common__ConfigValue *value;
    Protos__ACLs *acls, next = PROTOS__ACLS__INIT;
    Protos__ACLEntry *entry = fcc__arena_alloc(edit->arena, sizeof *entry);
    Protos__APIResource *target = fcc__arena_alloc(edit->arena, sizeof *target);
    fcc_bytes bytes;
    size_t i;

    if (!app)
        return fcc_error_set(error, FCC_ERR_CONFIG, "the channel has no group Application");
    if (!msp_acl_policy(NULL, resource))
        return fcc_error_set(error, FCC_ERR_ARG,
                             "%s: expected a resource that a channel's policies govern, such as peer/Propose",
                             resource);
    value = need_value(edit, app, "ACLs");
    if (!entry || !target || !value ||
        FCC__UNPACK(protos__acls, fcc__of_pb(value->value), edit->arena, &acls) != FCC_OK)
        return no_room(error);
    next.acls = fcc__arena_zalloc(edit->arena, acls->n_acls + 1, sizeof *next.acls);
    if (!next.acls)
        return no_room(error);
    for (i = 0; i < acls->n_acls; i++)
        if (!fcc_bytes_equal(fcc__of_pb(acls->acls[i]->key), fcc_str(resource)))
            next.acls[next.n_acls++] = acls->acls[i];
    if (policy) {
        const char *path = strchr(policy, '/') ? policy
                                               : fcc__arena_printf(edit->arena, "/Channel/Application/%s", policy);
        const char *name = fcc__arena_printf(edit->arena, "%s", resource);

        if (!path || !name || !(path = fcc__arena_printf(edit->arena, "%s", path)))
            return no_room(error);
        protos__aclentry__init(entry);
        protos__apiresource__init(target);
        target->policy_ref = fcc__pb(fcc_str(path));
        entry->key = fcc__pb(fcc_str(name));
        entry->value = target;
        next.acls[next.n_acls++] = entry;
    }
    qsort(next.acls, next.n_acls, sizeof *next.acls, by_key);
    if (fcc__pack(&next, edit->arena, &bytes) != FCC_OK)
        return no_room(error);
    value->value = fcc__pb(bytes);
    return FCC_OK;
}

fcc_status msp_edit_consenter(msp_edit *edit, const char *address, fcc_bytes cert_pem, fcc_error *error)
{
    Common__ConfigGroup *orderer = msp__tree_group(edit->config->channel_group, FCC_LIT("Orderer"));
    Common__ConfigValue *value = msp__tree_value(orderer, FCC_LIT("ConsensusType"));
    Orderer__ConsensusType *type;
    Etcdraft__ConfigMetadata *metadata;
    const char *there = "";
    fcc_bytes bytes, copy;
    bool found = false;
    size_t i;

    if (!value || FCC__UNPACK(orderer__consensus_type, fcc__of_pb(value->value), edit->arena, &type) != FCC_OK ||
        !fcc_bytes_equal(fcc__of_pb(type->type), FCC_LIT("etcdraft")) ||
        FCC__UNPACK(etcdraft__config_metadata, fcc__of_pb(type->metadata), edit->arena, &metadata) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG, "the channel's orderers are no etcdraft consenters");
    if (!fcc__arena_copy(edit->arena, cert_pem, &copy))
        return no_room(error);
    for (i = 0; i < metadata->n_consenters; i++) {
        Etcdraft__Consenter *c = metadata->consenters[i];
        const char *one = fcc__arena_printf(edit->arena, FCC_FMT ":%u", FCC_ARG(fcc__of_pb(c->host)), c->port);

        if (!one || !there)
            return no_room(error);
        there = fcc__arena_printf(edit->arena, "%s%s%s", there, i ? ", " : "", one);
        if (strcmp(one, address) != 0)
            continue;
        c->client_tls_cert = c->server_tls_cert = fcc__pb(copy);
        found = true;
    }
    if (!found)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "the channel has no orderer at %s: there are %.600s", address,
                             there ? there : "others");
    if (fcc__pack(metadata, edit->arena, &bytes) != FCC_OK)
        return no_room(error);
    type->metadata = fcc__pb(bytes);
    if (fcc__pack(type, edit->arena, &bytes) != FCC_OK)
        return no_room(error);
    value->value = fcc__pb(bytes);
    return FCC_OK;
}

/* ---- the result ----------------------------------------------------------------------------------------------------- */

static fcc_status check(msp_edit *e, fcc_bytes config, fcc_error *error)
{
    msp_channel *next = NULL;
    Common__ConfigValue *value = msp__tree_value(application(e), FCC_LIT("ACLs"));
    Protos__ACLs *acls = NULL;
    fcc_error why = { 0 };
    fcc_status st = msp_channel_from_config(e->channel_id, config, &next, &why);
    size_t i;

    if (st != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG, "the configuration would not be accepted: %.800s", why.text);
    if (value && FCC__UNPACK(protos__acls, fcc__of_pb(value->value), e->arena, &acls) != FCC_OK)
        st = no_room(error);
    for (i = 0; st == FCC_OK && acls && i < acls->n_acls; i++) {
        const char *path = acls->acls[i]->value
                               ? fcc__arena_printf(e->arena, FCC_FMT,
                                                   FCC_ARG(fcc__of_pb(acls->acls[i]->value->policy_ref)))
                               : "";

        if (path && !msp_channel_has_policy(next, path))
            st = fcc_error_set(error, FCC_ERR_CONFIG,
                               "acls: " FCC_FMT ": the channel has no policy %s, so nobody could use it any more",
                               FCC_ARG(fcc__of_pb(acls->acls[i]->key)), path);
    }
    msp_channel_free(next);
    return st;
}

fcc_status msp_edit_finish(msp_edit *edit, fcc__arena *arena, fcc_bytes *config, fcc_error *error)
{
    fcc_bytes made;
    fcc_status st = fcc__pack(edit->config, arena, &made);

    if (st != FCC_OK)
        return no_room(error);
    st = check(edit, made, error);
    if (st == FCC_OK)
        *config = made;
    return st;
}
