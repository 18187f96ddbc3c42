/* check.c: looking at every certificate of a crypto directory. See certs.h. */
#include "certs/internal.h"

#include "msp/material.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { ARENA = 128 << 20, HOSTS_MAX = 4 };

/* One organisation's authorities. */
typedef struct trust {
    const char *domain;
    bool orderers;
    msp_org *org; /* NULL: its MSP directory is not accepted, which was told */
    fcc_bytes tls_cas;
} trust;

typedef struct inspection {
    fcc__arena *arena;
    fcc_error *error;
    const char *crypto_dir;
    const config_network *network; /* NULL */
    msp_checker *checker;
    trust *trusts;
    const msp_org **orgs; /* those that are accepted */
    size_t trust_count, org_count;
} inspection;

static fcc_status no_room(inspection *in)
{
    return fcc_error_set(in->error, FCC_ERR_LIMIT, "%s: too much key material", in->crypto_dir);
}

const char *certs__root(const char *crypto_dir, bool orderers, const char *domain, fcc__arena *arena)
{
    return fcc__arena_printf(arena, "%s/%s/%s", crypto_dir, orderers ? "ordererOrganizations" : "peerOrganizations",
                             domain);
}

/* ---- what network.yaml says ---------------------------------------------------------------------------------------- */

static const config_org *org_of(const config_network *network, const char *domain)
{
    for (size_t i = 0; network && i < network->org_count; i++)
        if (!strcmp(network->orgs[i].domain, domain))
            return &network->orgs[i];
    return NULL;
}

static const char *mspid_of(const inspection *in, const char *domain, bool orderers)
{
    const config_org *org = org_of(in->network, domain);

    if (orderers && in->network && !strcmp(in->network->orderer.domain, domain))
        return in->network->orderer.mspid;
    return !orderers && org ? org->mspid : domain;
}

/* The host of "host:port", in the arena; NULL where nobody can dial it, or past the arena's cap. */
static const char *host_of(fcc__arena *arena, const char *address)
{
    const char *colon = address ? strrchr(address, ':') : NULL;
    size_t skip = colon && address[0] == '[' && colon[-1] == ']';
    const char *host =
        colon ? fcc__arena_printf(arena, "%.*s", (int)(colon - address - 2 * (ptrdiff_t)skip), address + skip) : NULL;

    return host && strcmp(host, "0.0.0.0") && strcmp(host, "::") ? host : NULL;
}

/* Where a server is dialled: by its name, and at its addresses. */
static size_t hosts_of(const inspection *in, const certs_entry *e, const char *hosts[HOSTS_MAX])
{
    const config_org *org = org_of(in->network, e->domain);
    const char *address = NULL, *anchor = NULL;
    size_t n = 0, i;

    hosts[n++] = e->name;
    if (org && !strcmp(e->role, "peer") && !strcmp(org->peer_name, e->name)) {
        address = host_of(in->arena, org->peer_address);
        anchor = org->anchor_host;
    }
    for (i = 0; in->network && !strcmp(e->role, "orderer") && i < in->network->orderer.node_count; i++)
        if (!strcmp(in->network->orderer.nodes[i].name, e->name))
            address = host_of(in->arena, in->network->orderer.nodes[i].address);
    if (address)
        hosts[n++] = address;
    if (anchor && (!address || strcmp(anchor, address)) && strcmp(anchor, e->name))
        hosts[n++] = anchor;
    return n;
}

/* What the identity shall be; MSP_MEMBER: whatever it is. */
static msp_role role_of(const inspection *in, const certs_entry *e, const msp_org *org)
{
    const config_org *in_file = org_of(in->network, e->domain);
    size_t i;

    if (!org->node_ous)
        return MSP_MEMBER;
    if (!strcmp(e->role, "peer"))
        return MSP_PEER;
    if (!strcmp(e->role, "orderer"))
        return MSP_ORDERER;
    for (i = 0; in_file && i < in_file->user_count; i++)
        if (!strncmp(in_file->users[i].name, e->name, strcspn(e->name, "@")) &&
            in_file->users[i].name[strcspn(e->name, "@")] == '\0')
            return in_file->users[i].admin ? MSP_ADMIN : MSP_CLIENT;
    return MSP_MEMBER;
}

/* ---- authorities ---------------------------------------------------------------------------------------------------- */

fcc_status certs__tls_cas(const char *msp_dir, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    static const char *const folders[] = { "tlscacerts", "tlsintermediatecerts" };
    const char *all = "";
    size_t i, k;
    fcc_status st = FCC_OK;

    for (i = 0; i < 2 && st == FCC_OK && all; i++) {
        const char *dir = fcc__arena_printf(arena, "%s/%s", msp_dir, folders[i]);
        msp__files files = { 0 };

        st = dir ? msp__read_dir(dir, arena, &files, error)
                 : fcc_error_set(error, FCC_ERR_LIMIT, "%s: too long", msp_dir);
        for (k = 0; k < files.n && st == FCC_OK && all; k++)
            all = fcc__arena_printf(arena, "%s" FCC_FMT "\n", all, FCC_ARG(files.contents[k]));
    }
    if (st == FCC_OK && !all)
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much key material", msp_dir);
    if (st == FCC_OK)
        *out = fcc_str(all);
    return st;
}

static fcc_status trust_of(inspection *in, const certs_entry *e, trust **out)
{
    const char *msp_dir;
    fcc_error why = { 0 };
    trust *t;
    size_t i;
    fcc_status st;

    for (i = 0; i < in->trust_count; i++)
        if (in->trusts[i].orderers == e->orderers && !strcmp(in->trusts[i].domain, e->domain)) {
            *out = &in->trusts[i];
            return FCC_OK;
        }
    msp_dir = fcc__arena_printf(in->arena, "%s/msp", certs__root(in->crypto_dir, e->orderers, e->domain, in->arena));
    if (!msp_dir)
        return no_room(in);
    t = &in->trusts[in->trust_count++];
    *t = (trust){ .domain = e->domain, .orderers = e->orderers };
    if (msp_org_load(msp_dir, mspid_of(in, e->domain, e->orderers), &t->org, &why) == FCC_OK)
        in->orgs[in->org_count++] = t->org;
    else
        msp_check_report(in->checker, false, FCC__E_CRT_LAYOUT, msp_dir, "is no membership service: %.700s", why.text);
    st = certs__tls_cas(msp_dir, in->arena, &t->tls_cas, in->error);
    *out = t;
    return st;
}

/* ---- one certificate ----------------------------------------------------------------------------------------------- */

static void check_key(inspection *in, const certs_entry *e)
{
    fcc_bytes key;
    fcc_error why = { 0 };

    if (!e->key) {
        /* an authority's key may be kept elsewhere, and should */
        if (e->use != CERTS_AUTHORITY)
            msp_check_report(
                in->checker, false, FCC__E_CRT_PAIR, e->path,
                "has no private key beside it that belongs to it: put back the pair that was made together, or "
                "make a new one with `medsync certs rotate %s`",
                e->name);
        return;
    }
    if (msp__read_file(e->key, in->arena, &key, &why) != FCC_OK)
        msp_check_report(in->checker, false, FCC__E_CRT_KEY, e->path, "its key cannot be read: %.700s", why.text);
    else if (msp_key_locked(key))
        /* as it should be on a machine that only looks */
        msp_check_report(in->checker, true, FCC__E_CRT_KEY, e->path,
                         "its key is encrypted and no passphrase is given, so whether it belongs to it is not known");
    else
        msp_check_pair(in->checker, e->path, e->pem, key);
}

/* Whom the server takes, client-ca.crt: an authority that vouches for its peer and for nobody else. */
static fcc_status check_client_ca(inspection *in, const certs_entry *e)
{
    const char *root = certs__root(in->crypto_dir, e->orderers, e->domain, in->arena);
    const char *path = fcc__arena_printf(in->arena, "%.*s/" MSP__CLIENT_CA, (int)(strrchr(e->path, '/') - e->path),
                                         e->path);
    const char *own;
    bool closed = true;
    fcc_bytes pem;
    fcc_status st = root && path ? msp__chaincodes_closed(root, e->name, in->arena, &closed, in->error) : no_room(in);

    if (st != FCC_OK)
        return st;
    if (!closed && (!in->network || in->network->chaincode_tls))
        msp_check_report(
            in->checker, true, FCC__E_CRT_OPEN, path,
            "takes whatever the organisation's authorities have issued for the peer's: `medsync certs rotate "
            "%s` gives the peer one of an authority of its own",
            e->name);
    /* where its authority is, that is looked at by itself */
    own = fcc__arena_printf(in->arena, "%s/chaincodeca", root);
    if (!own)
        return no_room(in);
    if (closed && !msp__exists(own) && (st = msp__read_file(path, in->arena, &pem, in->error)) == FCC_OK)
        msp_check_times(in->checker, path, pem);
    return st;
}

/* client.crt, which the server has to take. */
static fcc_status check_client(inspection *in, const certs_entry *e, fcc_bytes tls_cas)
{
    const char *path = fcc__arena_printf(in->arena, "%.*s/" MSP__CLIENT_CA, (int)(strrchr(e->path, '/') - e->path),
                                         e->path);
    fcc_bytes pem = tls_cas;
    fcc_status st = FCC_OK;

    if (!path)
        return no_room(in);
    if (msp__exists(path))
        st = msp__read_file(path, in->arena, &pem, in->error);
    if (st == FCC_OK)
        msp_check_issued(in->checker, e->path, e->pem, pem);
    return st;
}

static void check_authority(inspection *in, const certs_entry *e)
{
    X509 *cert = msp__cert_of_pem(e->pem);

    if (cert && (X509_check_ca(cert) != 1 || !(X509_get_key_usage(cert) & KU_KEY_CERT_SIGN)))
        msp_check_report(in->checker, false, FCC__E_CRT_ROLE, e->path,
                         "is no authority's certificate: it lacks CA:TRUE or the key usage to sign certificates");
    ERR_clear_error();
    X509_free(cert);
}

static fcc_status check_one(inspection *in, const certs_entry *e)
{
    const char *hosts[HOSTS_MAX];
    trust *t = NULL;
    fcc_status st = trust_of(in, e, &t);

    if (st != FCC_OK)
        return st;
    if (!e->subject) {
        msp_check_report(in->checker, false, FCC__E_CRT_FORM, e->path, "is no X.509 certificate in PEM");
        return FCC_OK;
    }
    msp_check_times(in->checker, e->path, e->pem);
    check_key(in, e);
    if (e->use == CERTS_AUTHORITY)
        check_authority(in, e);
    else if (e->use == CERTS_IDENTITY && t->org)
        msp_check_member(in->checker, e->path, e->pem, t->org, role_of(in, e, t->org), in->orgs, in->org_count);
    else if (e->use == CERTS_CLIENT && !strcmp(e->role, "chaincodes"))
        st = check_client(in, e, t->tls_cas);
    else if (e->use != CERTS_IDENTITY)
        msp_check_issued(in->checker, e->path, e->pem, t->tls_cas);
    if (e->use == CERTS_SERVER)
        msp_check_names(in->checker, e->path, e->pem, hosts, hosts_of(in, e, hosts));
    return st == FCC_OK && e->use == CERTS_SERVER && !strcmp(e->role, "chaincodes") ? check_client_ca(in, e) : st;
}

/* ---- everybody ------------------------------------------------------------------------------------------------------ */

static void must_be_there(inspection *in, const char *path, const char *who)
{
    if (path && !msp__exists(path))
        msp_check_report(in->checker, false, FCC__E_CRT_LAYOUT, path,
                         "is missing, and %s names %s: `medsync certs make` makes what is missing", in->network->path,
                         who);
}

static void check_presence(inspection *in)
{
    const config_network *net = in->network;
    fcc__arena *arena = in->arena;
    size_t i, k;

    for (i = 0; i < net->orderer.node_count; i++)
        must_be_there(in, msp_path_orderer_msp(arena, in->crypto_dir, &net->orderer, i), net->orderer.nodes[i].name);
    for (i = 0; i < net->org_count; i++) {
        const config_org *org = &net->orgs[i];

        must_be_there(in, msp_path_peer_msp(arena, in->crypto_dir, org), org->peer_name);
        if (net->chaincode_tls)
            must_be_there(in, msp_path_chaincodes_tls(arena, in->crypto_dir, org), org->name);
        for (k = 0; k < org->user_count; k++)
            must_be_there(in, msp_path_user_msp(arena, in->crypto_dir, org, org->users[k].name), org->users[k].name);
    }
}

fcc_status certs_check(const char *crypto_dir, const config_network *network, msp_checker *checker, fcc_error *error)
{
    inspection in = {
        .arena = fcc__arena_new(ARENA), .error = error, .crypto_dir = crypto_dir, .network = network, .checker = checker
    };
    certs_list list = { 0 };
    size_t i;
    fcc_status st;

    if (!in.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = certs_find(crypto_dir, in.arena, &list, error);
    if (st == FCC_OK) {
        in.trusts = fcc__arena_zalloc(in.arena, list.n + 1, sizeof *in.trusts);
        in.orgs = fcc__arena_zalloc(in.arena, list.n + 1, sizeof *in.orgs);
        if (!in.trusts || !in.orgs)
            st = no_room(&in);
    }
    /* all organisations first, so that a certificate of another one is recognised */
    for (i = 0; i < list.n && st == FCC_OK; i++) {
        trust *t;

        st = trust_of(&in, &list.v[i], &t);
    }
    if (st == FCC_OK && network)
        check_presence(&in);
    for (i = 0; i < list.n && st == FCC_OK; i++)
        st = check_one(&in, &list.v[i]);
    for (i = 0; i < in.trust_count; i++)
        msp_org_free(in.trusts[i].org);
    fcc__arena_free(in.arena);
    return st;
}
