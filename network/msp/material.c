/* material.c: every key and certificate of the consortium, in the folders where Fabric's tools look for them. */
#include "msp/material.h"
#include "base/durable.h"
#include "msp/issue.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_CAP = 32 << 20, YEARS = 10 };

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

/* ---- one organisation --------------------------------------------------------------------------------------------- */

/* A certificate authority: "ca" signs identities, "tlsca" TLS certificates. */
typedef struct authority {
    EVP_PKEY *key;
    X509 *cert;
    fcc_bytes pem;
    const char *file; /* ca.<domain>-cert.pem */
} authority;

typedef struct workshop {
    fcc__arena *arena;
    fcc_error *error;
    const char *domain;
    const char *root; /* <dir>/peerOrganizations/<domain> */
    authority ca, tlsca;
    fcc_bytes config_yaml;
    int64_t not_before, not_after;
} workshop;

static fcc_status no_room(workshop *w)
{
    return fcc_error_set(w->error, FCC_ERR_LIMIT, "%s: too much key material", w->domain);
}

static fcc_status openssl_failed(workshop *w, const char *what)
{
    return fcc_error_set(w->error, FCC_ERR_INTERNAL, "%s: OpenSSL could not make a certificate for %s", w->domain,
                         what);
}

/* <folder>/<file>, the folder made when it isn't there. */
static fcc_status put(workshop *w, const char *folder, const char *file, fcc_bytes content, int mode)
{
    char *path = fcc__arena_printf(w->arena, "%s/%s", folder, file);
    fcc_status st;

    if (!path || content.len == 0)
        return no_room(w);
    st = msp__make_dirs(folder, w->error);
    return st == FCC_OK ? msp__write_file(path, content, mode, w->error) : st;
}

static fcc_status make_authority(workshop *w, const char *kind, authority *out)
{
    const char *name = fcc__arena_printf(w->arena, "%s.%s", kind, w->domain);
    const char *folder = fcc__arena_printf(w->arena, "%s/%s", w->root, kind);
    const msp__request request = { .use = MSP__USE_CA,
                                   .organisation = w->domain,
                                   .name = name,
                                   .not_before = w->not_before,
                                   .not_after = w->not_after };
    fcc_status st;

    out->file = name ? fcc__arena_printf(w->arena, "%s-cert.pem", name) : NULL;
    if (!out->file || !folder)
        return no_room(w);
    out->key = msp__new_key();
    out->cert = out->key ? msp__issue(&request, out->key, NULL, out->key) : NULL;
    if (!out->cert)
        return openssl_failed(w, name);
    out->pem = msp__pem_of_cert(out->cert, w->arena);
    st = put(w, folder, out->file, out->pem, 0644);
    return st == FCC_OK ? put(w, folder, "priv_sk", msp__pem_of_key(out->key, w->arena), 0600) : st;
}

static void forget(workshop *w)
{
    X509_free(w->ca.cert);
    EVP_PKEY_free(w->ca.key);
    X509_free(w->tlsca.cert);
    EVP_PKEY_free(w->tlsca.key);
}

/* What every MSP directory has: the authorities and config.yaml. */
static fcc_status put_common(workshop *w, const char *msp)
{
    const char *cacerts = fcc__arena_printf(w->arena, "%s/cacerts", msp);
    const char *tlscacerts = fcc__arena_printf(w->arena, "%s/tlscacerts", msp);
    fcc_status st = cacerts && tlscacerts ? put(w, msp, "config.yaml", w->config_yaml, 0644) : no_room(w);

    if (st == FCC_OK)
        st = put(w, cacerts, w->ca.file, w->ca.pem, 0644);
    return st == FCC_OK ? put(w, tlscacerts, w->tlsca.file, w->tlsca.pem, 0644) : st;
}

typedef struct member {
    const char *folder;     /* peers/peer0.<domain>, users/doctor1@<domain> */
    const char *file;       /* name of the certificate's file, without -cert.pem */
    const char *name;       /* CN */
    const char *unit;       /* OU */
    const char *attributes; /* JSON, NULL */
    const char *alt_names;  /* a node's; NULL for a user, whose TLS certificate is called client */
} member;

static fcc_status make_signing(workshop *w, const member *m, const char *msp)
{
    const msp__request request = { .use = MSP__USE_SIGN,
                                   .organisation = w->domain,
                                   .unit = m->unit,
                                   .name = m->name,
                                   .attributes = m->attributes,
                                   .not_before = w->not_before,
                                   .not_after = w->not_after };
    const char *keystore = fcc__arena_printf(w->arena, "%s/keystore", msp);
    const char *signcerts = fcc__arena_printf(w->arena, "%s/signcerts", msp);
    const char *file = fcc__arena_printf(w->arena, "%s-cert.pem", m->file);
    EVP_PKEY *key = msp__new_key();
    X509 *cert = key ? msp__issue(&request, key, w->ca.cert, w->ca.key) : NULL;
    fcc_status st = FCC_OK;

    if (!keystore || !signcerts || !file)
        st = no_room(w);
    else if (!cert)
        st = openssl_failed(w, m->name);
    if (st == FCC_OK)
        st = put_common(w, msp);
    if (st == FCC_OK)
        st = put(w, signcerts, file, msp__pem_of_cert(cert, w->arena), 0644);
    if (st == FCC_OK)
        st = put(w, keystore, "priv_sk", msp__pem_of_key(key, w->arena), 0600);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

static fcc_status make_tls(workshop *w, const member *m, const char *tls)
{
    const msp__request request = { .use = MSP__USE_TLS,
                                   .organisation = w->domain,
                                   .name = m->name,
                                   .alt_names = m->alt_names,
                                   .not_before = w->not_before,
                                   .not_after = w->not_after };
    EVP_PKEY *key = msp__new_key();
    X509 *cert = key ? msp__issue(&request, key, w->tlsca.cert, w->tlsca.key) : NULL;
    fcc_status st = cert ? put(w, tls, "ca.crt", w->tlsca.pem, 0644) : openssl_failed(w, m->name);

    if (st == FCC_OK)
        st = put(w, tls, m->alt_names ? "server.crt" : "client.crt", msp__pem_of_cert(cert, w->arena), 0644);
    if (st == FCC_OK)
        st = put(w, tls, m->alt_names ? "server.key" : "client.key", msp__pem_of_key(key, w->arena), 0600);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

static fcc_status make_member(workshop *w, const member *m)
{
    const char *msp = fcc__arena_printf(w->arena, "%s/%s/msp", w->root, m->folder);
    const char *tls = fcc__arena_printf(w->arena, "%s/%s/tls", w->root, m->folder);
    fcc_status st = msp && tls ? make_signing(w, m, msp) : no_room(w);

    return st == FCC_OK ? make_tls(w, m, tls) : st;
}

static fcc_status make_node(workshop *w, const char *group, const char *node, const char *unit)
{
    const char *dot = strchr(node, '.');
    member m = { .folder = fcc__arena_printf(w->arena, "%s/%s", group, node),
                 .file = node,
                 .name = node,
                 .unit = unit,
                 .alt_names = fcc__arena_printf(w->arena, "DNS:%s,DNS:%.*s,DNS:localhost,IP:127.0.0.1", node,
                                                (int)(dot ? dot - node : 0), node) };

    return m.folder && m.alt_names ? make_member(w, &m) : no_room(w);
}

/* {"attrs":{...}}; patients have their role and nothing else. */
static const char *attributes_of(workshop *w, const config_user *user)
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

static fcc_status make_user(workshop *w, const config_user *user)
{
    char random_name[32];
    const char *file = fcc__arena_printf(w->arena, "%s@%s", user->name, w->domain);
    member m = { .folder = file ? fcc__arena_printf(w->arena, "users/%s", file) : NULL,
                 .file = file,
                 .name = file,
                 .unit = user->admin ? "admin" : "client" };

    if (user->role)
        m.attributes = attributes_of(w, user);
    if (!m.folder || (user->role && !m.attributes))
        return no_room(w);
    if (user->patient) {
        if (!msp__random_base32(16, random_name, sizeof random_name))
            return openssl_failed(w, user->name);
        m.name = random_name;
    }
    return make_member(w, &m);
}

static fcc_status open_workshop(workshop *w)
{
    const char *yaml = "NodeOUs:\n    Enable: true\n";
    static const char *const roles[] = { "Client", "Peer", "Admin", "Orderer" };
    static const char *const ous[] = { "client", "peer", "admin", "orderer" };
    size_t i;
    fcc_status st = make_authority(w, "ca", &w->ca);

    if (st == FCC_OK)
        st = make_authority(w, "tlsca", &w->tlsca);
    for (i = 0; i < 4 && yaml && st == FCC_OK; i++)
        yaml = fcc__arena_printf(w->arena,
                                 "%s    %sOUIdentifier:\n        Certificate: cacerts/%s\n"
                                 "        OrganizationalUnitIdentifier: %s\n",
                                 yaml, roles[i], w->ca.file, ous[i]);
    if (st != FCC_OK)
        return st;
    w->config_yaml = fcc_str(yaml);
    yaml = fcc__arena_printf(w->arena, "%s/msp", w->root);
    return yaml ? put_common(w, yaml) : no_room(w);
}

static fcc_status make_org(workshop *w, const config_org *org)
{
    size_t i;
    fcc_status st = open_workshop(w);

    if (st == FCC_OK)
        st = make_node(w, "peers", org->peer_name, "peer");
    for (i = 0; i < org->user_count && st == FCC_OK; i++)
        st = make_user(w, &org->users[i]);
    return st;
}

static fcc_status make_orderer(workshop *w, const config_orderer *orderer)
{
    const config_user admin = { .name = "Admin", .admin = true };
    fcc_status st = open_workshop(w);

    for (size_t i = 0; i < orderer->node_count && st == FCC_OK; i++)
        st = make_node(w, "orderers", orderer->nodes[i].name, "orderer");
    return st == FCC_OK ? make_user(w, &admin) : st;
}

/* ---- the consortium ----------------------------------------------------------------------------------------------- */

static fcc_status make_all(const config_network *network, const char *dir, fcc_error *error)
{
    const int64_t now = (int64_t)time(NULL);
    size_t i;
    fcc_status st = FCC_OK;

    for (i = 0; i <= network->org_count && st == FCC_OK; i++) {
        const bool orderer = i == network->org_count;
        const char *domain = orderer ? network->orderer.domain : network->orgs[i].domain;
        workshop w = { .arena = fcc__arena_new(ARENA_CAP),
                       .error = error,
                       .domain = domain,
                       .not_before = now - now % 60 - 300,
                       .not_after = now - now % 60 - 300 + (int64_t)YEARS * 365 * 86400 };

        if (w.arena)
            w.root = fcc__arena_printf(w.arena, "%s/%s/%s", dir, orderer ? "ordererOrganizations" : "peerOrganizations",
                                       domain);
        if (!w.root)
            st = no_room(&w);
        else
            st = orderer ? make_orderer(&w, &network->orderer) : make_org(&w, &network->orgs[i]);
        forget(&w);
        fcc__arena_free(w.arena);
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
                         "%s has no key material for %s, which network.yaml names: remove the devnet's directory to "
                         "have everything made anew",
                         dir, who);
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
        st = make_all(network, fresh, error);
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
