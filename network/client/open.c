/* Finding a network in its directory and a user in its material, and connecting to a gateway. */
#include "client/private.h"
#include "msp/key.h"

#include "msp/identities.pb-c.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { CLIENT_ARENA_MAX = 4 << 20, PEM_MAX = 1 << 20, DEFAULT_TIMEOUT_MS = 30000 };

static fcc_status read_file(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    fcc_status st = FCC_ERR_IO;
    FILE *f = fopen(path, "rb");
    long size;
    uint8_t *data;

    if (!f)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || size > PEM_MAX || fseek(f, 0, SEEK_SET) != 0) {
        fcc_error_set(error, st, "%s: not a file of at most %d bytes", path, PEM_MAX);
        goto out;
    }
    data = fcc__arena_alloc(arena, (size_t)size + 1);
    if (!data) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", path);
        goto out;
    }
    if (fread(data, 1, (size_t)size, f) != (size_t)size) {
        fcc_error_set(error, st, "%s: cannot be read", path);
        goto out;
    }
    *out = fcc_bytes_of(data, (size_t)size);
    st = FCC_OK;
out:
    fclose(f);
    return st;
}

static const char *keep(client *c, const char *text)
{
    return text ? fcc__arena_printf(c->arena, "%s", text) : NULL;
}

/*
 * Paths in endpoints.json are absolute, or relative to where the network was started, or to its directory. What is absolute
 * and not there is of another machine or a container, from which the directory was copied: then it is the copy's.
 */
const char *client_path(const char *dir, const char *path, fcc__arena *arena)
{
    const char *crypto;
    struct stat s;

    if (stat(path, &s) == 0)
        return fcc__arena_printf(arena, "%s", path);
    if (path[0] != '/')
        return fcc__arena_printf(arena, "%s/%s", dir, path);
    for (crypto = strstr(path, "/crypto/"); crypto; crypto = strstr(crypto + 1, "/crypto/")) {
        const char *copy = fcc__arena_printf(arena, "%s%s", dir, crypto);

        if (copy && stat(copy, &s) == 0)
            return copy;
    }
    return fcc__arena_printf(arena, "%s", path);
}

static const char *resolve(client *c, const char *dir, const char *path)
{
    return path ? client_path(dir, path, c->arena) : NULL;
}

/* "orderers", or "orderer" where there is one alone; without a name its certificate is to be its address's. */
static fcc_status read_orderers(client *c, const char *dir, const char *path, const json_t *root, fcc_error *error)
{
    const json_t *all = json_object_get(root, "orderers"), *single = json_object_get(root, "orderer");
    const size_t count = json_is_array(all) ? json_array_size(all) : single != NULL;
    size_t i;

    c->orderers = fcc__arena_zalloc(c->arena, count + 1, sizeof(*c->orderers));
    if (!c->orderers)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", path);
    for (i = 0; i < count; i++) {
        const json_t *from = json_is_array(all) ? json_array_get(all, i) : single;
        client_peer *to = &c->orderers[i];

        to->name = keep(c, json_string_value(json_object_get(from, "name")));
        to->address = keep(c, json_string_value(json_object_get(from, "address")));
        to->mspid = keep(c, json_string_value(json_object_get(from, "mspId")));
        to->tls_ca = resolve(c, dir, json_string_value(json_object_get(from, "tlsCa")));
        if (!to->address || !to->tls_ca)
            return fcc_error_set(error, FCC_ERR_CONFIG, "%s: orderer %zu needs \"address\" and \"tlsCa\"", path, i);
    }
    c->orderer_count = count;
    return FCC_OK;
}

static fcc_status read_endpoints(client *c, const char *dir, fcc_error *error)
{
    fcc_status st = FCC_ERR_CONFIG;
    char *path = fcc__arena_printf(c->arena, "%s/endpoints.json", dir);
    json_error_t why;
    json_t *root = NULL, *peers, *peer;
    client_peer *list;
    struct stat s;
    size_t i;

    if (!path)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", dir);
    if (stat(path, &s) != 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND,
                             "no devnet at %s: start one with `medsync devnet up --dir %s --detach`", dir, dir);
    root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!root) {
        fcc_error_set(error, st, "%s:%d: %s", path, why.line, why.text);
        goto out;
    }
    c->channel = keep(c, json_string_value(json_object_get(root, "channel")));
    c->client_auth = json_is_true(json_object_get(root, "clientAuth"));
    peers = json_object_get(root, "peers");
    if (!c->channel || json_array_size(peers) == 0) {
        fcc_error_set(error, st, "%s: \"channel\" and \"peers\" are needed", path);
        goto out;
    }
    list = fcc__arena_zalloc(c->arena, json_array_size(peers), sizeof(*list));
    if (!list) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", path);
        goto out;
    }
    json_array_foreach(peers, i, peer)
    {
        list[i].name = keep(c, json_string_value(json_object_get(peer, "name")));
        list[i].address = keep(c, json_string_value(json_object_get(peer, "address")));
        list[i].mspid = keep(c, json_string_value(json_object_get(peer, "mspId")));
        list[i].domain = keep(c, json_string_value(json_object_get(peer, "domain")));
        list[i].tls_ca = resolve(c, dir, json_string_value(json_object_get(peer, "tlsCa")));
        if (!list[i].name || !list[i].address || !list[i].mspid || !list[i].domain || !list[i].tls_ca) {
            fcc_error_set(error, st, "%s: peer %zu needs \"name\", \"address\", \"mspId\", \"domain\" and \"tlsCa\"",
                          path, i);
            goto out;
        }
    }
    c->peers = list;
    c->peer_count = json_array_size(peers);
    st = read_orderers(c, dir, path, root, error);
out:
    json_decref(root);
    return st;
}

/* "HospitalMSP", "hospital.medsync.example", "hospital" and "Hospital" all mean the same organisation. */
static client_peer *find_peer(const client *c, const char *which)
{
    size_t i, n = strlen(which);

    for (i = 0; i < c->peer_count; i++) {
        client_peer *p = &c->peers[i];

        if (!strcasecmp(p->mspid, which) || !strcasecmp(p->domain, which))
            return p;
        if (n > 0 && !strncasecmp(p->domain, which, n) && p->domain[n] == '.')
            return p;
    }
    return NULL;
}

const char *client_find_org(const client *c, const char *which)
{
    const client_peer *p = find_peer(c, which);

    return p ? p->mspid : NULL;
}

static const char *known_orgs(client *c)
{
    const char *text = "";
    size_t i;

    for (i = 0; i < c->peer_count && text; i++)
        text = fcc__arena_printf(c->arena, "%s%s%s", text, i ? ", " : "", c->peers[i].mspid);
    return text ? text : "";
}

static const char *msp_dir_of(client *c, const char *dir, const client_peer *p, const char *user)
{
    return fcc__arena_printf(c->arena, "%s/crypto/peerOrganizations/%s/users/%s@%s/msp", dir, p->domain, user,
                             p->domain);
}

static bool is_dir(const char *path)
{
    struct stat s;

    return path && stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* The user's name as its directory has it: the administrator's is written large. */
static const char *user_name(const char *user)
{
    return !strcasecmp(user, "admin") ? "Admin" : user;
}

static const char *known_users(client *c, const char *dir, const client_peer *p)
{
    const char *text = "";
    const char *path = fcc__arena_printf(c->arena, "%s/crypto/peerOrganizations/%s/users", dir, p->domain);
    DIR *d = path ? opendir(path) : NULL;
    struct dirent *e;

    while (d && text && (e = readdir(d))) {
        const char *at = strchr(e->d_name, '@');

        if (at)
            text = fcc__arena_printf(c->arena, "%s%s%.*s", text, *text ? ", " : "", (int)(at - e->d_name), e->d_name);
    }
    if (d)
        closedir(d);
    return text ? text : "";
}

static fcc_status find_user(client *c, const client_options *o, client_peer **own, const char **msp_dir,
                            fcc_error *error)
{
    client_peer *found = NULL;
    const char *user = o->user ? user_name(o->user) : NULL;
    size_t i;

    if (o->org) {
        found = find_peer(c, o->org);
        if (!found)
            return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no organisation %s here: there are %s", o->org,
                                 known_orgs(c));
    }
    if (o->msp_dir || o->certificate) {
        *own = found ? found : &c->peers[0];
        *msp_dir = o->msp_dir;
        return FCC_OK;
    }
    if (!user) {
        user = "Admin";
        found = found ? found : &c->peers[0];
    }
    if (found && !is_dir(msp_dir_of(c, o->dir, found, user)))
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s has no user %s: there are %s", found->mspid, user,
                             known_users(c, o->dir, found));
    for (i = 0; o->user && !o->org && i < c->peer_count; i++) {
        if (!is_dir(msp_dir_of(c, o->dir, &c->peers[i], user)))
            continue;
        if (found)
            return fcc_error_set(error, FCC_ERR_ARG, "%s and %s both have a user %s: say which with --org",
                                 found->mspid, c->peers[i].mspid, user);
        found = &c->peers[i];
    }
    if (!found)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no organisation has a user %s; see %s/crypto", user, o->dir);
    *own = found;
    *msp_dir = msp_dir_of(c, o->dir, found, user);
    return *msp_dir ? FCC_OK : fcc_error_set(error, FCC_ERR_LIMIT, "out of memory");
}

fcc_status client__peer_of(client *c, const char *which, client_peer **out, fcc_error *error)
{
    client_peer *p = which ? find_peer(c, which) : c->gateway;

    if (!p)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no organisation %s here: there are %s", which, known_orgs(c));
    *out = p;
    return FCC_OK;
}

fcc_status client__orderer(client *c, client_peer **out, fcc_error *error)
{
    if (c->orderer_count == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "endpoints.json names no orderer");
    *out = &c->orderers[c->orderer];
    return FCC_OK;
}

void client__next_orderer(client *c)
{
    c->orderer = c->orderer_count ? (c->orderer + 1) % c->orderer_count : 0;
}

fcc_status client__connect(client *c, client_peer *p, rpc_channel **out, fcc_error *error)
{
    fcc_status st;
    rpc_tls tls = { 0 };

    if (!p->address || !p->tls_ca)
        return fcc_error_set(error, FCC_ERR_CONFIG, "endpoints.json has no address or \"tlsCa\" of %s",
                             p->name ? p->name : "the orderer");
    if (!p->connection) {
        if ((st = read_file(p->tls_ca, c->arena, &tls.ca, error)) != FCC_OK)
            return st;
        tls.cert = c->tls_cert;
        tls.key = c->tls_key;
        tls.server_name = p->name;
        if ((st = rpc_channel_new(c->loop, p->address, &tls, &p->connection, error)) != FCC_OK)
            return st;
    }
    *out = p->connection;
    return FCC_OK;
}

/* Who the user is: a key with its certificate, or the certificate alone when somebody else signs. */
static fcc_status take_identity(client *c, const client_options *o, const char *msp_dir, const char *mspid,
                                fcc_error *error)
{
    fcc_status st;
    fcc_bytes pem;
    Msp__SerializedIdentity identity = MSP__SERIALIZED_IDENTITY__INIT;

    if (!o->certificate) {
        if ((st = msp_signer_load(msp_dir, mspid, &c->signer, error)) != FCC_OK)
            return st;
        c->mspid = msp_signer_mspid(c->signer);
        c->identity = msp_signer_identity(c->signer);
        return FCC_OK;
    }
    if ((st = read_file(o->certificate, c->arena, &pem, error)) != FCC_OK)
        return st;
    c->mspid = keep(c, mspid);
    identity.mspid = fcc__pb(fcc_str(c->mspid));
    identity.id_bytes = fcc__pb(pem);
    st = c->mspid ? fcc__pack(&identity, c->arena, &c->identity) : FCC_ERR_LIMIT;
    return st == FCC_OK ? st : fcc_error_set(error, st, "%s: %s", o->certificate, fcc_status_text(st));
}

/* For a network that asks: the user's TLS certificate, which requests for blocks name by its hash. */
static fcc_status take_tls(client *c, const client_options *o, const char *msp_dir, fcc_error *error)
{
    const char *dir = o->tls_dir, *cert, *key;
    fcc_status st;

    if (!c->client_auth)
        return FCC_OK;
    if (!dir && !msp_dir)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s takes clients with a TLS certificate only: say where client.crt and client.key are",
                             o->dir);
    if (!dir)
        dir = fcc__arena_printf(c->arena, "%s/../tls", msp_dir);
    cert = fcc__arena_printf(c->arena, "%s/client.crt", dir ? dir : "");
    key = fcc__arena_printf(c->arena, "%s/client.key", dir ? dir : "");
    if (!dir || !cert || !key)
        return fcc_error_set(error, FCC_ERR_LIMIT, "out of memory");
    if ((st = read_file(cert, c->arena, &c->tls_cert, error)) != FCC_OK ||
        (st = read_file(key, c->arena, &c->tls_key, error)) != FCC_OK ||
        (st = msp_key_open(key, c->tls_key, c->arena, &c->tls_key, error)) != FCC_OK)
        return st;
    st = msp_certificate_hash(c->tls_cert, &c->tls_cert_hash);
    return st == FCC_OK ? st : fcc_error_set(error, FCC_ERR_CONFIG, "%s holds no certificate", cert);
}

fcc_status client_open(const client_options *o, client **out, fcc_error *error)
{
    fcc_status st = FCC_ERR_NOMEM;
    client *c = calloc(1, sizeof(*c));
    client_peer *own = NULL;
    const char *msp_dir = NULL;

    if (!c || !(c->arena = fcc__arena_new(CLIENT_ARENA_MAX))) {
        fcc_error_set(error, st, "out of memory");
        goto out;
    }
    c->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    c->clock_offset_s = o->clock_offset_s;
    if ((st = read_endpoints(c, o->dir, error)) != FCC_OK)
        goto out;
    if ((st = find_user(c, o, &own, &msp_dir, error)) != FCC_OK)
        goto out;
    c->gateway = o->gateway ? find_peer(c, o->gateway) : own;
    if (!c->gateway) {
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND, "no organisation %s here: there are %s", o->gateway,
                           known_orgs(c));
        goto out;
    }
    st = take_identity(c, o, msp_dir, (o->msp_dir || o->certificate) && o->mspid ? o->mspid : own->mspid, error);
    if (st != FCC_OK || (st = take_tls(c, o, msp_dir, error)) != FCC_OK)
        goto out;
    if ((st = rpc_loop_new(&c->loop, error)) != FCC_OK)
        goto out;
    if ((st = client__connect(c, c->gateway, &c->connection, error)) != FCC_OK)
        goto out;
    *out = c;
    c = NULL;
out:
    client_close(c);
    return st;
}

void client_close(client *c)
{
    size_t i;

    if (!c)
        return;
    for (i = 0; i < c->peer_count; i++)
        rpc_channel_free(c->peers[i].connection);
    for (i = 0; i < c->orderer_count; i++)
        rpc_channel_free(c->orderers[i].connection);
    rpc_loop_free(c->loop);
    msp_signer_free(c->signer);
    fcc__arena_free(c->arena);
    free(c);
}

void client_set_clock(client *c, int64_t offset_s)
{
    c->clock_offset_s = offset_s;
}

void client_use_orderer(client *c, size_t place)
{
    c->orderer = c->orderer_count ? place % c->orderer_count : 0;
}

const char *client_channel(const client *c)
{
    return c->channel;
}

const char *client_mspid(const client *c)
{
    return c->mspid;
}

const char *client_domain(const client *c)
{
    return c->gateway->domain;
}

const char *client_fingerprint(const client *c)
{
    return c->signer ? msp_signer_fingerprint(c->signer) : NULL;
}

const msp_signer *client_signer(const client *c)
{
    return c->signer;
}
