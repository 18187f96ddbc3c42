/* material.c: every key and certificate of the consortium, in the folders where Fabric's tools look for them. */
#include "msp/material.h"
#include "base/durable.h"
#include "msp/workshop.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_CAP = 32 << 20 };

/* ---- paths -------------------------------------------------------------------------------------------------------- */

const char *msp_path_org_msp(fcc__arena *arena, const char *crypto_dir, const config_org *org)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/msp", crypto_dir, org->domain);
}

const char *msp_path_org_tlsca(fcc__arena *arena, const char *crypto_dir, const config_org *org)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/tlsca/tlsca.%s-cert.pem", crypto_dir, org->domain,
                             org->domain);
}

const char *msp_path_peer_msp(fcc__arena *arena, const char *crypto_dir, const config_org *org)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/peers/%s/msp", crypto_dir, org->domain, org->peer_name);
}

const char *msp_path_peer_tls(fcc__arena *arena, const char *crypto_dir, const config_org *org)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/peers/%s/tls", crypto_dir, org->domain, org->peer_name);
}

const char *msp_path_user_msp(fcc__arena *arena, const char *crypto_dir, const config_org *org, const char *user)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/users/%s@%s/msp", crypto_dir, org->domain, user,
                             org->domain);
}

const char *msp_path_user_tls(fcc__arena *arena, const char *crypto_dir, const config_org *org, const char *user)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/users/%s@%s/tls", crypto_dir, org->domain, user,
                             org->domain);
}

const char *msp_path_orderer_org_msp(fcc__arena *arena, const char *crypto_dir, const config_orderer *orderer)
{
    return fcc__arena_printf(arena, "%s/ordererOrganizations/%s/msp", crypto_dir, orderer->domain);
}

const char *msp_path_orderer_msp(fcc__arena *arena, const char *crypto_dir, const config_orderer *orderer, size_t node)
{
    return fcc__arena_printf(arena, "%s/ordererOrganizations/%s/orderers/%s/msp", crypto_dir, orderer->domain,
                             orderer->nodes[node].name);
}

const char *msp_path_orderer_tls(fcc__arena *arena, const char *crypto_dir, const config_orderer *orderer, size_t node)
{
    return fcc__arena_printf(arena, "%s/ordererOrganizations/%s/orderers/%s/tls", crypto_dir, orderer->domain,
                             orderer->nodes[node].name);
}

const char *msp_path_chaincodes_tls(fcc__arena *arena, const char *crypto_dir, const config_org *org)
{
    return fcc__arena_printf(arena, "%s/peerOrganizations/%s/chaincodes/chaincodes.%s/tls", crypto_dir, org->domain,
                             org->domain);
}

const char *msp_path_chaincodes_client_ca(fcc__arena *arena, const char *crypto_dir, const config_org *org)
{
    const char *tls = msp_path_chaincodes_tls(arena, crypto_dir, org);
    const char *own = tls ? fcc__arena_printf(arena, "%s/" MSP__CLIENT_CA, tls) : NULL;

    return own && !msp__exists(own) ? fcc__arena_printf(arena, "%s/ca.crt", tls) : own;
}

/* ---- one organisation --------------------------------------------------------------------------------------------- */

static const char *add_host_of(fcc__arena *arena, const char *names, const char *address)
{
    const char *colon = address ? strrchr(address, ':') : NULL;

    return colon ? msp__add_name(arena, names, address, (size_t)(colon - address)) : names;
}

/* A server's names: its own, the first part of that, this machine's, and where network.yaml says that it is dialled. */
static const char *server_names(fcc__arena *arena, const char *name, const char *address, const char *host)
{
    const char *dot = strchrnul(name, '.'), *names = msp__add_name(arena, "", name, strlen(name));

    names = msp__add_name(arena, names, name, (size_t)(dot - name));
    names = msp__add_name(arena, names, "localhost", 9);
    names = msp__add_name(arena, names, "127.0.0.1", 9);
    names = add_host_of(arena, names, address);
    return host ? msp__add_name(arena, names, host, strlen(host)) : names;
}

static fcc_status make_node(msp__workshop *w, const char *group, const char *node, const char *unit,
                            const char *address, const char *host)
{
    const msp__member m = { .group = group,
                            .name = node,
                            .common_name = node,
                            .unit = unit,
                            .alt_names = server_names(w->arena, node, address, host),
                            .client_too = unit == NULL };

    return m.alt_names ? msp__make_member(w, &m) : msp__no_room(w);
}

/* {"attrs":{...}}; patients have their role and nothing else. */
static const char *attributes_of(msp__workshop *w, const config_user *user)
{
    json_t *attrs = json_object(), *root = json_pack("{s:o}", "attrs", attrs);
    char *text = NULL;
    fcc_bytes copy = { 0 };

    if (root && (!user->role || json_object_set_new(attrs, "role", json_string(user->role)) == 0) &&
        (!user->uid || json_object_set_new(attrs, "uid", json_string(user->uid)) == 0) &&
        (!user->site || json_object_set_new(attrs, "site", json_string(user->site)) == 0))
        text = json_dumps(root, JSON_COMPACT);
    if (text && !fcc__arena_copy(w->arena, fcc_str(text), &copy))
        copy = fcc_bytes_of(NULL, 0);
    free(text);
    json_decref(root);
    return (const char *)copy.data;
}

static fcc_status make_user(msp__workshop *w, const config_user *user)
{
    char random_name[32];
    const char *name = fcc__arena_printf(w->arena, "%s@%s", user->name, w->domain);
    msp__member m = { .group = "users", .name = name, .common_name = name, .unit = user->admin ? "admin" : "client" };

    if (user->role)
        m.attributes = attributes_of(w, user);
    if (!name || (user->role && !m.attributes))
        return msp__no_room(w);
    if (user->patient) {
        if (!msp__random_base32(16, random_name, sizeof random_name))
            return msp__openssl_failed(w, user->name);
        m.common_name = random_name;
    }
    return msp__make_member(w, &m);
}

/*
 * Material of before chaincodeca has its servers trust ca.crt. Whom they trust stays as it is, since peers show what they
 * were given; but it is in a file of its own from here on, which `medsync certs rotate` replaces under running servers.
 */
static fcc_status name_client_ca(msp__workshop *w, const char *chaincodes)
{
    const char *tls = fcc__arena_printf(w->arena, "%s/chaincodes/%s/tls", w->root, chaincodes);
    const char *own = fcc__arena_printf(w->arena, "%s/" MSP__CLIENT_CA, tls);
    const char *from = fcc__arena_printf(w->arena, "%s/ca.crt", tls);
    fcc_bytes pem;
    fcc_status st;

    if (!tls || !own || !from)
        return msp__no_room(w);
    if (msp__exists(own) || !msp__exists(from))
        return FCC_OK;
    st = msp__read_file(from, w->arena, &pem, w->error);
    if (st == FCC_OK)
        st = msp__replace_file(own, pem, 0644, w->error);
    if (st == FCC_OK && w->made)
        w->made(w->ctx, own);
    return st;
}

static fcc_status make_org(msp__workshop *w, const config_org *org)
{
    const char *chaincodes = fcc__arena_printf(w->arena, "chaincodes.%s", org->domain);
    size_t i;
    fcc_status st = make_node(w, "peers", org->peer_name, "peer", org->peer_address, org->anchor_host);

    for (i = 0; i < org->user_count && st == FCC_OK; i++)
        st = make_user(w, &org->users[i]);
    if (st == FCC_OK)
        st = chaincodes ? make_node(w, "chaincodes", chaincodes, NULL, NULL, NULL) : msp__no_room(w);
    return st == FCC_OK ? name_client_ca(w, chaincodes) : st;
}

static fcc_status make_orderer(msp__workshop *w, const config_orderer *orderer)
{
    const config_user admin = { .name = "Admin", .admin = true };
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < orderer->node_count && st == FCC_OK; i++)
        st = make_node(w, "orderers", orderer->nodes[i].name, "orderer", orderer->nodes[i].address, NULL);
    return st == FCC_OK ? make_user(w, &admin) : st;
}

/* What an organisation lacks: its authorities as well when it has nothing yet, and then all of it or nothing. */
static fcc_status complete(msp__workshop *w, const config_org *org, const config_orderer *orderer)
{
    const char *path = w->root;
    void (*made)(void *ctx, const char *path) = w->made;
    char *fresh = NULL;
    const bool founded = !msp__exists(path), sync = w->sync;
    fcc_status st = FCC_OK;

    if (founded) {
        st = msp__fresh_dir(w, path, &fresh);
        if (st != FCC_OK)
            return st;
        w->root = fresh;
        w->made = NULL;
        w->sync = false;
        st = msp__workshop_found(w);
    }
    if (st == FCC_OK)
        st = org ? make_org(w, org) : make_orderer(w, orderer);
    if (!founded)
        return st;
    if (st == FCC_OK && sync && !fcc__sync_tree(fresh))
        st = fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    if (st == FCC_OK && (rename(fresh, path) != 0 || (sync && !fcc__sync_parent(path))))
        st = fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (st != FCC_OK)
        msp__remove_tree(fresh);
    else if (made)
        made(w->ctx, path);
    return st;
}

/* ---- the consortium ----------------------------------------------------------------------------------------------- */

static fcc_status make_all(const config_network *network, const char *dir, const msp_making *making, bool sync,
                           fcc_error *error)
{
    const int64_t days = making && making->days > 0 ? making->days : MSP_DAYS;
    size_t i;
    fcc_status st = FCC_OK;

    for (i = 0; i <= network->org_count && st == FCC_OK; i++) {
        const config_org *org = i < network->org_count ? &network->orgs[i] : NULL;
        msp__workshop w = { .arena = fcc__arena_new(ARENA_CAP),
                            .error = error,
                            .domain = org ? org->domain : network->orderer.domain,
                            .now_s = (int64_t)time(NULL),
                            .valid_s = days * 86400,
                            .made = making ? making->made : NULL,
                            .ctx = making ? making->ctx : NULL,
                            .sync = sync };

        if (w.arena)
            w.root = fcc__arena_printf(w.arena, "%s/%s/%s", dir, org ? "peerOrganizations" : "ordererOrganizations",
                                       w.domain);
        st = w.root ? complete(&w, org, &network->orderer) : msp__no_room(&w);
        msp__workshop_close(&w);
        fcc__arena_free(w.arena);
    }
    return st;
}

fcc_status msp_complete(const config_network *network, const char *crypto_dir, const msp_making *making,
                        fcc_error *error)
{
    int lock = -1;
    fcc_status st = msp__make_dirs(crypto_dir, error);

    if (st == FCC_OK)
        st = fcc__lock_dir(crypto_dir, &lock, error);
    if (st == FCC_OK)
        st = make_all(network, crypto_dir, making, true, error);
    fcc__unlock_dir(lock);
    return st;
}

fcc_status msp_open_chaincodes(const config_network *network, const char *crypto_dir, fcc__arena *arena,
                               const char **names, fcc_error *error)
{
    fcc_status st = FCC_OK;
    size_t i;

    *names = NULL;
    for (i = 0; network->chaincode_tls && i < network->org_count && st == FCC_OK; i++) {
        const char *domain = network->orgs[i].domain;
        const char *root = fcc__arena_printf(arena, "%s/peerOrganizations/%s", crypto_dir, domain);
        const char *name = fcc__arena_printf(arena, "chaincodes.%s", domain);
        const char *folder = fcc__arena_printf(arena, "%s/chaincodes/%s", root, name);
        bool closed = true;

        if (!root || !name || !folder)
            return fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much key material", crypto_dir);
        if (msp__exists(folder)) /* else it is another organisation's, of which there is the public part */
            st = msp__chaincodes_closed(root, name, arena, &closed, error);
        if (!closed && st == FCC_OK)
            *names = fcc__arena_printf(arena, "%s%s%s", *names ? *names : "", *names ? " " : "", name);
    }
    return st;
}

static fcc_status must_exist(const char *dir, const char *path, const char *who, fcc_error *error)
{
    if (!path)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much key material", dir);
    if (msp__exists(path))
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_CONFIG,
                         "%s has no key material for %s, which network.yaml names: `medsync certs make --network FILE "
                         "--out %s` makes what is missing",
                         dir, who, dir);
}

/* Is everybody of the configuration there? */
static fcc_status check_all(const config_network *network, const char *dir, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(ARENA_CAP);
    size_t i, k;
    fcc_status st = FCC_ERR_NOMEM;

    if (!arena)
        return fcc_error_set(error, st, "out of memory");
    st = FCC_OK;
    for (i = 0; i < network->orderer.node_count && st == FCC_OK; i++)
        st = must_exist(dir, msp_path_orderer_msp(arena, dir, &network->orderer, i), network->orderer.nodes[i].name,
                        error);
    for (i = 0; i < network->org_count && st == FCC_OK; i++) {
        const config_org *org = &network->orgs[i];

        st = must_exist(dir, msp_path_peer_msp(arena, dir, org), org->peer_name, error);
        for (k = 0; k < org->user_count && st == FCC_OK; k++)
            st = must_exist(dir, msp_path_user_msp(arena, dir, org, org->users[k].name), org->users[k].name, error);
    }
    fcc__arena_free(arena);
    return st;
}

fcc_status msp_generate(const config_network *network, const char *crypto_dir, fcc_error *error)
{
    char fresh[4096], *slash;
    fcc_status st;

    if (msp__exists(crypto_dir))
        return check_all(network, crypto_dir, error);
    if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", crypto_dir) >= (int)sizeof fresh)
        return fcc_error_set(error, FCC_ERR_ARG, "%s: path too long", crypto_dir);
    slash = strrchr(fresh, '/');
    if (slash && slash != fresh) {
        *slash = '\0';
        st = msp__make_dirs(fresh, error);
        *slash = '/';
        if (st != FCC_OK)
            return st;
    }
    if (!mkdtemp(fresh))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    st = chmod(fresh, 0755) == 0 ? FCC_OK : fcc_error_set(error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    if (st == FCC_OK)
        st = make_all(network, fresh, NULL, false, error);
    if (st == FCC_OK && !fcc__sync_tree(fresh))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    if (st == FCC_OK && rename(fresh, crypto_dir) != 0) {
        const int problem = errno;

        /* somebody else was faster: theirs counts */
        st = problem == EEXIST || problem == ENOTEMPTY
                 ? check_all(network, crypto_dir, error)
                 : fcc_error_set(error, FCC_ERR_IO, "%s: %s", crypto_dir, strerror(problem));
    }
    if (st == FCC_OK && !fcc__sync_parent(crypto_dir))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", crypto_dir, strerror(errno));
    if (msp__exists(fresh))
        msp__remove_tree(fresh);
    return st;
}
