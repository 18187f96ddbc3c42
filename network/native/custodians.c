/* See custodians.h. */
#include "native/custodians.h"

#include "custodian/custodian.h"
#include "msp/material.h"
#include "native/files.h"
#include "native/nodes.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

static const char *user_folder(const custodians_options *o, const config_org *org, fcc__arena *arena)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/users/%s@%s", o->crypto, org->domain, org->custodian_user,
                             org->domain);
}

static bool is_another_orgs(const custodians_options *o, const char *name)
{
    for (size_t i = 0; i < o->network->org_count; i++) {
        const char *mspid = o->network->orgs[i].mspid;

        if (strncmp(name, mspid, strlen(mspid)) == 0 && strcmp(name + strlen(mspid), ".key") == 0)
            return true;
    }
    return false;
}

/* The custody key, and those of before, MSPID.1.key and so on: what was sealed to them stays so. */
static fcc_status put_custody(const custodians_options *o, const config_org *org, const char *to, fcc__arena *arena,
                              fcc_error *error)
{
    const char *name = fcc__arena_printf(arena, "%s.key", org->mspid), *from;
    const char *folder = fcc__arena_printf(arena, "%s/custody", to);
    fcc_bytes key;
    fcc_status st;

    for (int i = 1;; i++) {
        from = name ? fcc__arena_printf(arena, "%s/custody/%s", o->dir, name) : NULL;
        if (!from || !folder)
            return no_memory(error);
        if (i > 1 && (access(from, F_OK) != 0 || is_another_orgs(o, name)))
            return FCC_OK;
        if ((st = node_read_file(from, arena, &key, error)) != FCC_OK ||
            (st = files_put(arena, folder, name, key, 0600, error)) != FCC_OK)
            return st;
        name = fcc__arena_printf(arena, "%s.%d.key", org->mspid, i);
    }
}

/* Every organisation's authorities: any of its members may have been granted access. */
static fcc_status put_authorities(const custodians_options *o, const char *to, fcc__arena *arena, fcc_error *error)
{
    static const char *const below[] = { "cacerts", "intermediatecerts" };
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < o->network->org_count; i++) {
        const char *msp = msp_path_org_msp(arena, o->crypto, &o->network->orgs[i]);

        for (size_t k = 0; st == FCC_OK && k < sizeof(below) / sizeof(below[0]); k++) {
            const char *from = msp ? fcc__arena_printf(arena, "%s/%s", msp, below[k]) : NULL;

            if (!from)
                st = no_memory(error);
            else if (k == 0 || access(from, F_OK) == 0)
                st = files_copy_tree(arena, from,
                                     fcc__arena_printf(arena, "%s/crypto/peerOrganizations/%s/msp/%s", to,
                                                       o->network->orgs[i].domain, below[k]),
                                     error);
        }
    }
    return st;
}

/* Its own peer, which is the only one that it asks; the path is below the folder, wherever that will be. */
static fcc_status put_endpoints(const custodians_options *o, const config_org *org, const char *to, fcc__arena *arena,
                                fcc_error *error)
{
    const char *ca = msp_path_org_tlsca(arena, "crypto", org), *from = msp_path_org_tlsca(arena, o->crypto, org);
    const char *folder = ca ? fcc__arena_printf(arena, "%s/%.*s", to, (int)(strrchr(ca, '/') - ca), ca) : NULL;
    json_t *all = ca ? json_pack("{s:s, s:[{s:s, s:s, s:s, s:s, s:s}]}", "channel", o->network->channel, "peers",
                                 "name", org->peer_name, "address", org->peer_address, "mspId", org->mspid, "domain",
                                 org->domain, "tlsCa", ca)
                     : NULL;
    char *text = all ? json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    fcc_bytes pem;
    fcc_status st = text && folder ? node_read_file(from, arena, &pem, error) : no_memory(error);

    if (st == FCC_OK)
        st = files_put(arena, folder, strrchr(ca, '/') + 1, pem, 0644, error);
    if (st == FCC_OK)
        st = files_put(arena, to, "endpoints.json", fcc_str(text), 0644, error);
    free(text);
    json_decref(all);
    return st;
}

static fcc_status write_one(const custodians_options *o, const config_org *org, fcc__arena *arena, fcc_error *error)
{
    const char *folder = fcc__arena_printf(arena, "%s/custodian.%s/custodian", o->out, org->domain);
    const char *fresh = folder ? fcc__arena_printf(arena, "%s.new", folder) : NULL;
    const char *user = user_folder(o, org, arena);
    const char *to = fresh && user ? fcc__arena_printf(arena, "%s/crypto/peerOrganizations/%s/users%s", fresh,
                                                       org->domain, strrchr(user, '/'))
                                   : NULL;
    fcc_status st;

    if (!to)
        return no_memory(error);
    files_remove_tree(fresh);
    if ((st = files_copy_tree(arena, user, to, error)) != FCC_OK ||
        (st = put_custody(o, org, fresh, arena, error)) != FCC_OK ||
        (st = put_authorities(o, fresh, arena, error)) != FCC_OK ||
        (st = put_endpoints(o, org, fresh, arena, error)) != FCC_OK)
        return st;
    return files_settle(arena, fresh, folder, error);
}

static bool is_wanted(const custodians_options *o, const config_org *org)
{
    return org->custodian_address && (!o->only || strcmp(o->only, org->mspid) == 0);
}

fcc_status custodians_write(const custodians_options *o, fcc__arena *arena, fcc_error *error)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < o->network->org_count; i++)
        if (is_wanted(o, &o->network->orgs[i]))
            st = write_one(o, &o->network->orgs[i], arena, error);
    return st;
}

fcc_status custodians_tell(const custodians_options *o, fcc__arena *arena, fcc_error *error)
{
    char name[256], ca[PATH_MAX];
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < o->network->org_count; i++) {
        const config_org *org = &o->network->orgs[i];
        const char *user = org->custodian_address ? user_folder(o, org, arena) : NULL;
        const char *certificate = user ? fcc__arena_printf(arena, "%s/tls/client.crt", user) : NULL;
        const char *issuer = msp_path_org_tlsca(arena, o->crypto, org);
        fcc_bytes pem;

        if (!org->custodian_address)
            continue;
        if (!certificate || !issuer)
            return no_memory(error);
        if (access(certificate, F_OK) != 0)
            continue;
        st = node_read_file(certificate, arena, &pem, error);
        if (st == FCC_OK && !custodian_certificate_name(pem, name, sizeof(name)))
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: no certificate with a name", certificate);
        if (st == FCC_OK)
            st = custodian_publish(o->dir,
                                   &(custodian_address){ .address = org->custodian_address,
                                                         .mspid = org->mspid,
                                                         .name = name,
                                                         .tls_ca = realpath(issuer, ca) ? ca : issuer },
                                   error);
    }
    return st;
}
