/* renew.c: new keys and certificates for who has some, and what has to follow. See certs.h. */
#include "certs/internal.h"

#include "base/durable.h"
#include "msp/material.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ARENA = 64 << 20 };

bool certs__is_authority(const char *group)
{
    return !strcmp(group, "ca") || !strcmp(group, "tlsca") || !strcmp(group, "chaincodeca");
}

fcc_status certs__find_member(const char *crypto_dir, const char *name, fcc__arena *arena, certs_place *out,
                              fcc_error *error)
{
    static const char *const kinds[] = { "peerOrganizations", "ordererOrganizations" };
    static const char *const groups[] = { "peers", "orderers", "users", "chaincodes", "ca", "tlsca", "chaincodeca" };
    const char **domains;
    size_t n, i, k, g;

    if (strchr(name, '/'))
        return fcc_error_set(error, FCC_ERR_NOT_FOUND,
                             "%s: expected a name such as peer0.a.example or doctor1@a.example", name);
    for (i = 0; i < 2; i++) {
        fcc_status st = certs__dirs(fcc__arena_printf(arena, "%s/%s", crypto_dir, kinds[i]), arena, &domains, &n,
                                    error);

        if (st != FCC_OK)
            return st;
        for (k = 0; k < n; k++)
            for (g = 0; g < 7; g++) {
                const char *root = certs__root(crypto_dir, i == 1, domains[k], arena);
                const char *own = g < 4 ? name : fcc__arena_printf(arena, "%s.%s", groups[g], domains[k]);
                const char *path = g < 4 ? fcc__arena_printf(arena, "%s/%s/%s", root, groups[g], name) : root;

                if (!root || !own || !path)
                    return fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much key material", crypto_dir);
                if (strcmp(own, name) != 0 || !msp__exists(path))
                    continue;
                *out = (certs_place){ .root = root,
                                      .domain = domains[k],
                                      .orderers = i == 1,
                                      .group = groups[g],
                                      .name = name,
                                      .path = path };
                return FCC_OK;
            }
    }
    return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s has no %s: `medsync certs list` tells who is there", crypto_dir,
                         name);
}

/* ---- what there is ------------------------------------------------------------------------------------------------- */

/* The member as its certificates describe it. */
typedef struct renewal {
    msp__workshop w;
    certs_place place;
    const certs_renewing *how;
    msp__member m;
    X509 *identity, *server, *client;
    EVP_PKEY *server_key;
    bool other_authority; /* chaincodes' clients get another one than was trusted */
} renewal;

static fcc_status read_cert(renewal *r, const char *file, X509 **out)
{
    const char *path = fcc__arena_printf(r->w.arena, "%s/%s", r->place.path, file);
    fcc_bytes pem;
    fcc_status st;

    if (!path)
        return msp__no_room(&r->w);
    if (!msp__exists(path))
        return FCC_OK;
    st = msp__read_file(path, r->w.arena, &pem, r->w.error);
    if (st == FCC_OK && !(*out = msp__cert_of_pem(pem)))
        st = fcc_error_set(
            r->w.error, FCC_ERR_CONFIG,
            "%s is no X.509 certificate in PEM, so what to renew is not known: remove %s and have `medsync "
            "certs make` make it anew",
            path, r->place.path);
    return st;
}

static fcc_status read_identity(renewal *r)
{
    const char *dir = fcc__arena_printf(r->w.arena, "%s/msp/signcerts", r->place.path);
    msp__files files = { 0 };
    fcc_status st = dir ? msp__read_dir(dir, r->w.arena, &files, r->w.error) : msp__no_room(&r->w);

    if (st != FCC_OK || files.n == 0)
        return st;
    return read_cert(r, fcc__arena_printf(r->w.arena, "msp/signcerts/%s", files.names[0]), &r->identity);
}

/* Orderers know each other by the keys of their TLS certificates, which the channel's configuration has. */
static fcc_status keep_server_key(renewal *r)
{
    const char *path = fcc__arena_printf(r->w.arena, "%s/tls/server.key", r->place.path);
    fcc_bytes pem;
    fcc_status st;

    if (strcmp(r->place.group, "orderers") != 0 || r->how->new_key || !r->server)
        return FCC_OK;
    if (!path)
        return msp__no_room(&r->w);
    st = msp__read_file(path, r->w.arena, &pem, r->w.error);
    return st == FCC_OK ? msp__key_read(path, pem, &r->server_key, r->w.error) : st;
}

static const char *with_host(fcc__arena *arena, const char *names, const char *address)
{
    const char *colon = address ? strrchr(address, ':') : NULL;

    return colon ? msp__add_name(arena, names, address, (size_t)(colon - address)) : names;
}

/* The names that it has, and where network.yaml says now that it is dialled. */
static const char *names_for(renewal *r)
{
    const config_network *net = r->how->network;
    const char *names = msp__alt_names_of(r->server, r->w.arena);
    size_t i;

    names = msp__add_name(r->w.arena, names ? names : "", r->place.name, strlen(r->place.name));
    for (i = 0; net && i < net->org_count; i++)
        if (!strcmp(net->orgs[i].peer_name, r->place.name)) {
            names = with_host(r->w.arena, names, net->orgs[i].peer_address);
            if (net->orgs[i].anchor_host)
                names = msp__add_name(r->w.arena, names, net->orgs[i].anchor_host, strlen(net->orgs[i].anchor_host));
        }
    for (i = 0; net && i < net->orderer.node_count; i++)
        if (!strcmp(net->orderer.nodes[i].name, r->place.name))
            names = with_host(r->w.arena, names, net->orderer.nodes[i].address);
    return names;
}

static fcc_status describe(renewal *r)
{
    fcc_status st = read_identity(r);

    if (st == FCC_OK)
        st = read_cert(r, "tls/server.crt", &r->server);
    if (st == FCC_OK)
        st = read_cert(r, "tls/client.crt", &r->client);
    if (st == FCC_OK)
        st = keep_server_key(r);
    if (st != FCC_OK)
        return st;
    if (!r->identity && !r->server && !r->client)
        return fcc_error_set(r->w.error, FCC_ERR_NOT_FOUND, "%s has no certificate to renew", r->place.path);
    r->m = (msp__member){ .group = r->place.group,
                          .name = r->place.name,
                          .common_name = r->place.name,
                          .unit = r->identity ? "kept" : NULL,
                          .attributes = r->identity ? certs__attributes(r->identity, r->w.arena) : NULL,
                          .alt_names = r->server ? names_for(r) : NULL,
                          .client_too = r->server && !strcmp(r->place.group, "chaincodes"),
                          .identity_only = !r->server && !r->client,
                          .was_identity = r->identity,
                          .was_server = r->server,
                          .was_client = r->client,
                          .server_key = r->server_key };
    return r->server && !r->m.alt_names ? msp__no_room(&r->w) : FCC_OK;
}

/* ---- exchanging ----------------------------------------------------------------------------------------------------- */

/* ROOT/old/<time>/<group>/<name>, of a later second where this one has such already; its parents are made. */
static fcc_status old_place(renewal *r, const char *group, const char *name, const char **out)
{
    time_t at = (time_t)r->how->now_s;
    fcc_status st;

    do {
        char stamp[32];
        struct tm tm;
        const char *dir;

        gmtime_r(&at, &tm);
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
        dir = fcc__arena_printf(r->w.arena, "%s/old/%s/%s", r->place.root, stamp, group);
        *out = dir && name ? fcc__arena_printf(r->w.arena, "%s/%s", dir, name) : NULL;
        if (!*out)
            return msp__no_room(&r->w);
        st = msp__make_dirs(dir, r->w.error);
        at++;
    } while (st == FCC_OK && msp__exists(*out));
    return st;
}

/* New and old change places at once, where the file system can do that, so that nobody finds neither. */
static fcc_status exchange(renewal *r, const char *fresh, const char *old)
{
    if (!fcc__sync_tree(fresh))
        return fcc_error_set(r->w.error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, r->place.path, RENAME_EXCHANGE) == 0) {
        if (rename(fresh, old) != 0)
            return fcc_error_set(r->w.error, FCC_ERR_IO, "%s: %s", old, strerror(errno));
    } else if (rename(r->place.path, old) != 0) {
        return fcc_error_set(r->w.error, FCC_ERR_IO, "%s: %s", old, strerror(errno));
    } else if (rename(fresh, r->place.path) != 0) {
        const int problem = errno;

        (void)!rename(old, r->place.path);
        return fcc_error_set(r->w.error, FCC_ERR_IO, "%s: %s", r->place.path, strerror(problem));
    }
    if (!fcc__sync_parent(r->place.path) || !fcc__sync_parent(old))
        return fcc_error_set(r->w.error, FCC_ERR_IO, "%s: %s", r->place.path, strerror(errno));
    return FCC_OK;
}

/* Is the peer's next certificate from another authority than servers trust? With a new key the old one goes to old/. */
static fcc_status look_at_authority(renewal *r)
{
    const char *folder = fcc__arena_printf(r->w.arena, "%s/chaincodeca", r->place.root), *old;
    bool closed;
    fcc_status st = folder ? msp__chaincodes_closed(r->place.root, r->place.name, r->w.arena, &closed, r->w.error)
                           : msp__no_room(&r->w);

    if (st != FCC_OK)
        return st;
    r->other_authority = !closed || r->how->new_key;
    r->w.new_chaincodeca = r->how->new_key;
    if (!r->how->new_key || !msp__exists(folder))
        return FCC_OK;
    st = old_place(r, "chaincodeca", fcc__arena_printf(r->w.arena, "chaincodeca.%s", r->place.domain), &old);
    if (st == FCC_OK && rename(folder, old) != 0)
        st = fcc_error_set(r->w.error, FCC_ERR_IO, "%s: %s", old, strerror(errno));
    return st;
}

/* ---- what has to follow --------------------------------------------------------------------------------------------- */

/* The new identity's key, by which chaincodes know its holder. */
static const char *fingerprint(renewal *r)
{
    msp_signer *signer = NULL;
    const char *msp = fcc__arena_printf(r->w.arena, "%s/msp", r->place.path), *text = NULL;

    if (msp && msp_signer_load(msp, r->place.domain, &signer, NULL) == FCC_OK)
        text = fcc__arena_printf(r->w.arena, "%s", msp_signer_fingerprint(signer));
    msp_signer_free(signer);
    return text ? text : "its fingerprint";
}

static const char *what_follows(renewal *r, const char *old)
{
    static const char peer
        [] = "restart the peer: it reads its certificates when it starts. Nobody else has to be told, its "
             "authorities are the same",
    orderer[] = "restart the orderer. Its TLS key is the old one, by which the other orderers know it; put "
                "the new certificate onto the channel when convenient (`medsync channel update create "
                "--orderer %s`)",
    orderer_key[] = "its TLS key is new: change the channel's configuration first (`medsync channel "
                    "update create --orderer %s`), then restart the orderer; the other way round it is "
                    "no consenter any more",
    other[] =
        "peers and servers belong together from here on, the authority being another one: give the peer the new client "
        "certificate first (`medsync renew` on its machine with the new values of "
        "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG), then send SIGHUP to fcc-host. Streams that are open go on through "
        "both; who connects in between is refused, and again in some seconds taken. At last restart the servers: that "
        "ends streams which others may have opened. Where parts or services' files were copied, write them first: "
        "`medsync fabric prepare`, `medsync devnet services`",
    chaincodes[] = "send SIGHUP to fcc-host (or restart the chaincode). Packages stay as they are, and so "
                   "do peers: the authority is the same. A peer goes on with the client certificate that "
                   "it was given when the package was installed: have it take the new one, before the "
                   "old one expires, by `medsync renew` on its machine with the new values of "
                   "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG",
    user[] = "give the new key to its holder. Who is registered with the chaincode credentials binds it "
             "with the old one: medsync invoke --msp-dir %s/msp credentials RotateKey %s%s",
    admin[] = ". An MSP without NodeOUs has administrators in admincerts, and on the channel: update both";
    const char *group = r->place.group;
    const bool is_admin = r->identity && msp__has_ou(r->identity, "admin");

    if (!strcmp(group, "peers"))
        return peer;
    if (!strcmp(group, "orderers"))
        return fcc__arena_printf(r->w.arena, r->server_key ? orderer : orderer_key, r->place.name);
    if (!strcmp(group, "chaincodes"))
        return r->other_authority ? other : chaincodes;
    return fcc__arena_printf(r->w.arena, user, old, fingerprint(r), is_admin ? admin : " (a patient: BindPatientKey)");
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static fcc_status renew(renewal *r)
{
    certs_renewed told = { .name = r->place.name };
    char *fresh = NULL;
    fcc_status st = describe(r);

    if (st == FCC_OK)
        st = msp__workshop_open(&r->w);
    if (st == FCC_OK)
        st = old_place(r, r->place.group, r->place.name, &told.kept);
    if (st == FCC_OK && r->m.client_too)
        st = look_at_authority(r);
    if (st == FCC_OK)
        st = msp__fresh_dir(&r->w, r->place.path, &fresh);
    if (st != FCC_OK)
        return st;
    st = msp__make_member_in(&r->w, &r->m, fresh);
    if (st == FCC_OK)
        st = exchange(r, fresh, told.kept);
    if (msp__exists(fresh))
        msp__remove_tree(fresh);
    if (st == FCC_OK && r->how->renewed) {
        told.todo = what_follows(r, told.kept);
        r->how->renewed(r->how->ctx, &told);
    }
    return st;
}

fcc_status certs_renew(const char *crypto_dir, const char *name, const certs_renewing *how, fcc_error *error)
{
    renewal r = { .how = how };
    int lock = -1;
    fcc_status st;

    r.w = (msp__workshop){ .arena = fcc__arena_new(ARENA),
                           .error = error,
                           .now_s = how->now_s,
                           .valid_s = (how->days > 0 ? how->days : MSP_DAYS) * 86400 };
    if (!r.w.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = fcc__lock_dir(crypto_dir, &lock, error);
    if (st == FCC_OK)
        st = certs__find_member(crypto_dir, name, r.w.arena, &r.place, error);
    r.w.domain = r.place.domain;
    r.w.root = r.place.root;
    if (st == FCC_OK)
        st = certs__is_authority(r.place.group) ? certs__renew_authority(&r.place, how, error) : renew(&r);
    fcc__unlock_dir(lock);
    msp__workshop_close(&r.w);
    EVP_PKEY_free(r.server_key);
    X509_free(r.identity);
    X509_free(r.server);
    X509_free(r.client);
    ERR_clear_error();
    fcc__arena_free(r.w.arena);
    return st;
}
