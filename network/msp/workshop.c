/* workshop.c: see workshop.h. Conventions are those of fabric v3.1.5 internal/cryptogen. */
#include "msp/workshop.h"

#include "base/durable.h"
#include "msp/check.h"
#include "msp/key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { BACK_S = 300 };

/* What an MSP directory holds beside keys, and every one of an organisation alike. */
static const char *const msp_folders[] = { "admincerts", "cacerts",    "intermediatecerts",
                                           "crls",       "tlscacerts", "tlsintermediatecerts" };
enum { MSP_FOLDERS = sizeof msp_folders / sizeof msp_folders[0] };

fcc_status msp__no_room(msp__workshop *w)
{
    return fcc_error_set(w->error, FCC_ERR_LIMIT, "%s: too much key material", w->domain);
}

fcc_status msp__openssl_failed(msp__workshop *w, const char *what)
{
    return fcc_error_set(w->error, FCC_ERR_INTERNAL, "%s: OpenSSL could not make a certificate for %s", w->domain,
                         what);
}

fcc_status msp__put(msp__workshop *w, const char *folder, const char *file, fcc_bytes content, int mode)
{
    char *path = folder && file ? fcc__arena_printf(w->arena, "%s/%s", folder, file) : NULL;
    fcc_status st;

    if (!path || content.len == 0)
        return msp__no_room(w);
    st = msp__make_dirs(folder, w->error);
    return st == FCC_OK ? msp__write_file(path, content, mode, w->error) : st;
}

/* notBefore and notAfter of what `issuer` (NULL: itself) issues now: five minutes back, for clocks that differ. */
static void validity(const msp__workshop *w, X509 *issuer, int64_t *not_before, int64_t *not_after)
{
    const int64_t from = w->now_s - w->now_s % 60 - BACK_S;

    *not_before = from;
    *not_after = from + w->valid_s;
    if (issuer && *not_after > msp__not_after(issuer))
        *not_after = msp__not_after(issuer);
}

/* ---- authorities --------------------------------------------------------------------------------------------------- */

static fcc_status make_authority(msp__workshop *w, const char *kind, const char *folder, msp__authority *out)
{
    const char *name = fcc__arena_printf(w->arena, "%s.%s", kind, w->domain);
    const char *file = name ? fcc__arena_printf(w->arena, "%s-cert.pem", name) : NULL;
    msp__request request = { .use = MSP__USE_CA, .organisation = w->domain, .name = name };
    fcc_status st;

    if (!file || !folder)
        return msp__no_room(w);
    validity(w, NULL, &request.not_before, &request.not_after);
    if (w->tlsca.cert && request.not_after < msp__not_after(w->tlsca.cert)) /* one that comes later */
        request.not_after = msp__not_after(w->tlsca.cert);
    out->key = msp__new_key();
    out->cert = out->key ? msp__issue(&request, out->key, NULL, out->key) : NULL;
    if (!out->cert)
        return msp__openssl_failed(w, name);
    st = msp__put(w, folder, file, msp__pem_of_cert(out->cert, w->arena), 0644);
    return st == FCC_OK ? msp__put(w, folder, "priv_sk", msp__pem_of_key(out->key, w->arena), 0600) : st;
}

/* ROOT/msp: who vouches for the organisation, and which unit stands for which role. */
static fcc_status make_org_msp(msp__workshop *w)
{
    static const char *const roles[] = { "Client", "Peer", "Admin", "Orderer" };
    static const char *const ous[] = { "client", "peer", "admin", "orderer" };
    const char *msp = fcc__arena_printf(w->arena, "%s/msp", w->root), *yaml = "NodeOUs:\n    Enable: true\n";
    const char *admins = fcc__arena_printf(w->arena, "%s/msp/admincerts", w->root);
    fcc_status st;
    size_t i;

    for (i = 0; i < 4 && yaml; i++)
        yaml = fcc__arena_printf(w->arena,
                                 "%s    %sOUIdentifier:\n        Certificate: cacerts/ca.%s-cert.pem\n"
                                 "        OrganizationalUnitIdentifier: %s\n",
                                 yaml, roles[i], w->domain, ous[i]);
    if (!msp || !yaml || !admins)
        return msp__no_room(w);
    st = msp__put(w, msp, "config.yaml", fcc_str(yaml), 0644);
    if (st == FCC_OK)
        st = msp__make_dirs(admins, w->error); /* empty with NodeOUs, and expected to be there */
    if (st == FCC_OK)
        st = msp__put(w, fcc__arena_printf(w->arena, "%s/cacerts", msp),
                      fcc__arena_printf(w->arena, "ca.%s-cert.pem", w->domain), msp__pem_of_cert(w->ca.cert, w->arena),
                      0644);
    if (st == FCC_OK)
        st = msp__put(w, fcc__arena_printf(w->arena, "%s/tlscacerts", msp),
                      fcc__arena_printf(w->arena, "tlsca.%s-cert.pem", w->domain),
                      msp__pem_of_cert(w->tlsca.cert, w->arena), 0644);
    return st;
}

fcc_status msp__workshop_found(msp__workshop *w)
{
    fcc_status st = make_authority(w, "ca", fcc__arena_printf(w->arena, "%s/ca", w->root), &w->ca);

    if (st == FCC_OK)
        st = make_authority(w, "tlsca", fcc__arena_printf(w->arena, "%s/tlsca", w->root), &w->tlsca);
    return st == FCC_OK ? make_org_msp(w) : st;
}

/* The key of an authority's folder that belongs to its certificate, whatever its name (priv_sk, <hash>_sk, key.pem). */
fcc_status msp__authority_open(msp__workshop *w, const char *kind, msp__authority *out)
{
    const char *folder = fcc__arena_printf(w->arena, "%s/%s", w->root, kind);
    fcc_error unread = { 0 };
    msp__files files = { 0 };
    size_t i;
    fcc_status st = folder ? msp__read_dir(folder, w->arena, &files, w->error) : msp__no_room(w);

    if (st != FCC_OK)
        return st;
    for (i = 0; i < files.n && !out->cert; i++)
        if (memmem(files.contents[i].data, files.contents[i].len, "BEGIN CERTIFICATE", 17))
            out->cert = msp__cert_of_pem(files.contents[i]);
    for (i = 0; i < files.n && out->cert && !out->key; i++) {
        const char *path = fcc__arena_printf(w->arena, "%s/%s", folder, files.names[i]);
        EVP_PKEY *key = NULL;
        fcc_error why = { 0 };

        if (!memmem(files.contents[i].data, files.contents[i].len, "PRIVATE KEY", 11))
            continue;
        if (!path || msp__key_read(path, files.contents[i], &key, &why) != FCC_OK) {
            unread = why;
            continue;
        }
        if (EVP_PKEY_eq(X509_get0_pubkey(out->cert), key) == 1)
            out->key = key;
        else
            EVP_PKEY_free(key);
    }
    ERR_clear_error();
    if (out->cert && out->key)
        return FCC_OK;
    if (unread.status != FCC_OK)
        return fcc_error_set(w->error, FCC_ERR_CONFIG, "%s", unread.text);
    return fcc_error_set(
        w->error, FCC_ERR_NOT_FOUND,
        "%s has no %s: nothing can be issued for %s on this machine. Run this where the authority's key "
        "is, or have the authority issue it and take it over with `medsync certs import`",
        folder, out->cert ? "private key of its certificate" : "certificate of an authority", w->domain);
}

fcc_status msp__workshop_open(msp__workshop *w)
{
    fcc_status st = w->ca.cert ? FCC_OK : msp__authority_open(w, "ca", &w->ca);

    return st == FCC_OK && !w->tlsca.cert ? msp__authority_open(w, "tlsca", &w->tlsca) : st;
}

void msp__workshop_close(msp__workshop *w)
{
    X509_free(w->ca.cert);
    EVP_PKEY_free(w->ca.key);
    X509_free(w->tlsca.cert);
    EVP_PKEY_free(w->tlsca.key);
    X509_free(w->chaincodeca.cert);
    EVP_PKEY_free(w->chaincodeca.key);
    w->ca = w->tlsca = w->chaincodeca = (msp__authority){ 0 };
}

/* ---- members ------------------------------------------------------------------------------------------------------- */

/* What every MSP directory of the organisation has: its authorities, revocation lists and config.yaml. */
static fcc_status copy_org_msp(msp__workshop *w, const char *msp)
{
    const char *from = fcc__arena_printf(w->arena, "%s/msp/config.yaml", w->root);
    fcc_bytes yaml;
    fcc_status st = FCC_OK;
    size_t i, k;

    for (i = 0; i < MSP_FOLDERS && st == FCC_OK; i++) {
        const char *old = fcc__arena_printf(w->arena, "%s/msp/%s", w->root, msp_folders[i]);
        const char *new = fcc__arena_printf(w->arena, "%s/%s", msp, msp_folders[i]);
        msp__files files = { 0 };

        if (!old || !new)
            return msp__no_room(w);
        if (!msp__exists(old))
            continue;
        st = msp__make_dirs(new, w->error);
        if (st == FCC_OK)
            st = msp__read_dir(old, w->arena, &files, w->error);
        for (k = 0; k < files.n && st == FCC_OK; k++)
            st = msp__put(w, new, files.names[k], files.contents[k], 0644);
    }
    if (st != FCC_OK || !from || !msp__exists(from))
        return st;
    st = msp__read_file(from, w->arena, &yaml, w->error);
    return st == FCC_OK ? msp__put(w, msp, "config.yaml", yaml, 0644) : st;
}

static fcc_status make_signing(msp__workshop *w, const msp__member *m, const char *folder)
{
    const char *msp = fcc__arena_printf(w->arena, "%s/msp", folder);
    const char *keystore = fcc__arena_printf(w->arena, "%s/msp/keystore", folder);
    const char *signcerts = fcc__arena_printf(w->arena, "%s/msp/signcerts", folder);
    const char *file = fcc__arena_printf(w->arena, "%s-cert.pem", m->name);
    msp__request request = { .use = MSP__USE_SIGN,
                             .organisation = w->domain,
                             .unit = m->unit,
                             .name = m->common_name,
                             .subject = m->was_identity ? X509_get_subject_name(m->was_identity) : NULL,
                             .attributes = m->attributes };
    EVP_PKEY *key = msp__new_key();
    X509 *cert;
    fcc_status st = FCC_OK;

    validity(w, w->ca.cert, &request.not_before, &request.not_after);
    cert = key ? msp__issue(&request, key, w->ca.cert, w->ca.key) : NULL;
    if (!msp || !keystore || !signcerts || !file)
        st = msp__no_room(w);
    else if (!cert)
        st = msp__openssl_failed(w, m->common_name);
    if (st == FCC_OK)
        st = copy_org_msp(w, msp);
    if (st == FCC_OK)
        st = msp__put(w, signcerts, file, msp__pem_of_cert(cert, w->arena), 0644);
    if (st == FCC_OK)
        st = msp__put(w, keystore, "priv_sk", msp__pem_of_key(key, w->arena), 0600);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

/* The one for chaincodes' clients: who has none yet gets it, unless one that is kept elsewhere is trusted already. */
static fcc_status find_chaincodeca(msp__workshop *w)
{
    const char *folder = fcc__arena_printf(w->arena, "%s/chaincodeca", w->root);
    const char *name = fcc__arena_printf(w->arena, "chaincodes.%s", w->domain);
    char *fresh = NULL;
    bool closed = false;
    fcc_status st;

    if (w->chaincodeca.cert)
        return FCC_OK;
    if (!folder || !name)
        return msp__no_room(w);
    if (msp__exists(folder))
        return msp__authority_open(w, "chaincodeca", &w->chaincodeca);
    if (!w->new_chaincodeca && (st = msp__chaincodes_closed(w->root, name, w->arena, &closed, w->error)) != FCC_OK)
        return st;
    if (closed)
        return fcc_error_set(
            w->error, FCC_ERR_NOT_FOUND,
            "%s is not there, and client-ca.crt of %s trusts an authority of its own already: run this "
            "where that authority's key is, or have another one made with --new-key",
            folder, name);
    st = msp__fresh_dir(w, folder, &fresh);
    if (st != FCC_OK)
        return st;
    st = make_authority(w, "chaincodeca", fresh, &w->chaincodeca);
    if (st == FCC_OK && w->sync && !fcc__sync_tree(fresh))
        st = fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    if (st == FCC_OK && (rename(fresh, folder) != 0 || (w->sync && !fcc__sync_parent(folder))))
        st = fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", folder, strerror(errno));
    if (st != FCC_OK)
        msp__remove_tree(fresh);
    else if (w->made)
        w->made(w->ctx, folder);
    return st;
}

static fcc_status make_tls(msp__workshop *w, const msp__member *m, const char *tls, bool server)
{
    const msp__authority *by = !server && m->client_too ? &w->chaincodeca : &w->tlsca;
    const char *name = server || !m->alt_names ? m->common_name
                                               : fcc__arena_printf(w->arena, "client.%s", m->common_name);
    X509 *was = server ? m->was_server : m->was_client;
    msp__request request = { .use = MSP__USE_TLS,
                             .organisation = w->domain,
                             .name = name,
                             .subject = was ? X509_get_subject_name(was) : NULL,
                             .alt_names = server ? m->alt_names : NULL };
    EVP_PKEY *key = server && m->server_key && EVP_PKEY_up_ref(m->server_key) == 1 ? m->server_key : msp__new_key();
    X509 *cert;
    fcc_status st;

    validity(w, by->cert, &request.not_before, &request.not_after);
    cert = key && name ? msp__issue(&request, key, by->cert, by->key) : NULL;
    st = cert ? msp__put(w, tls, server ? "server.crt" : "client.crt", msp__pem_of_cert(cert, w->arena), 0644)
              : msp__openssl_failed(w, m->common_name);
    if (st == FCC_OK)
        st = msp__put(w, tls, server ? "server.key" : "client.key", msp__pem_of_key(key, w->arena), 0600);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

fcc_status msp__make_chaincode_client(msp__workshop *w, const msp__member *m, const char *tls)
{
    fcc_status st = find_chaincodeca(w);

    if (st == FCC_OK)
        st = msp__put(w, tls, MSP__CLIENT_CA, msp__pem_of_cert(w->chaincodeca.cert, w->arena), 0644);
    return st == FCC_OK ? make_tls(w, m, tls, false) : st;
}

fcc_status msp__make_member_in(msp__workshop *w, const msp__member *m, const char *folder)
{
    const char *tls = fcc__arena_printf(w->arena, "%s/tls", folder);
    fcc_status st = msp__workshop_open(w);

    if (st == FCC_OK && m->unit)
        st = make_signing(w, m, folder);
    if (m->identity_only)
        return st;
    if (st == FCC_OK)
        st = msp__put(w, tls, "ca.crt", msp__pem_of_cert(w->tlsca.cert, w->arena), 0644);
    if (st == FCC_OK)
        st = make_tls(w, m, tls, m->alt_names != NULL);
    return st == FCC_OK && m->client_too ? msp__make_chaincode_client(w, m, tls) : st;
}

fcc_status msp__fresh_dir(msp__workshop *w, const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    char *fresh = fcc__arena_printf(w->arena, "%.*s/.%s.XXXXXX", (int)(slash - path), path, slash + 1);
    char *parent = fcc__arena_printf(w->arena, "%.*s", (int)(slash - path), path);
    fcc_status st;

    if (!fresh || !parent)
        return msp__no_room(w);
    st = msp__make_dirs(parent, w->error);
    if (st != FCC_OK)
        return st;
    if (!mkdtemp(fresh) || chmod(fresh, 0755) != 0)
        return fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    *out = fresh;
    return FCC_OK;
}

fcc_status msp__make_member(msp__workshop *w, const msp__member *m)
{
    const char *path = fcc__arena_printf(w->arena, "%s/%s/%s", w->root, m->group, m->name);
    char *fresh = NULL;
    fcc_status st;

    if (!path)
        return msp__no_room(w);
    if (msp__exists(path))
        return FCC_OK;
    st = msp__fresh_dir(w, path, &fresh);
    if (st != FCC_OK)
        return st;
    st = msp__make_member_in(w, m, fresh);
    if (st == FCC_OK && w->sync && !fcc__sync_tree(fresh))
        st = fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", fresh, strerror(errno));
    if (st == FCC_OK && (rename(fresh, path) != 0 || (w->sync && !fcc__sync_parent(path))))
        st = fcc_error_set(w->error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (st != FCC_OK)
        msp__remove_tree(fresh);
    else if (w->made)
        w->made(w->ctx, path);
    return st;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

const char *msp__add_name(fcc__arena *arena, const char *names, const char *host, size_t len)
{
    char one[300];
    const char *found;
    bool address;

    if (!names || len == 0 || len > 253)
        return names;
    if (host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    snprintf(one, sizeof one, "%.*s", (int)len, host);
    address = strspn(one, "0123456789.") == len || strchr(one, ':');
    if (!strcmp(one, "0.0.0.0") || !strcmp(one, "::"))
        return names;
    snprintf(one, sizeof one, "%s:%.*s", address ? "IP" : "DNS", (int)len, host);
    for (found = strstr(names, one); found; found = strstr(found + 1, one))
        if ((found == names || found[-1] == ',') && (found[strlen(one)] == ',' || found[strlen(one)] == '\0'))
            return names;
    return fcc__arena_printf(arena, "%s%s%s", names, *names ? "," : "", one);
}

/* ---- whom a chaincode server takes --------------------------------------------------------------------------------- */

fcc_status msp__chaincodes_closed(const char *root, const char *name, fcc__arena *arena, bool *closed, fcc_error *error)
{
    static const char *const folders[] = { "tlscacerts", "tlsintermediatecerts", "cacerts", "intermediatecerts" };
    const char *tls = fcc__arena_printf(arena, "%s/chaincodes/%s/tls", root, name);
    const char *own = fcc__arena_printf(arena, "%s/" MSP__CLIENT_CA, tls);
    const char *shown = fcc__arena_printf(arena, "%s/ca.crt", tls);
    fcc_bytes clients, pem;
    size_t i, k;
    fcc_status st = FCC_OK;

    *closed = false;
    if (!tls || !own || !shown)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much key material", root);
    if (!msp__exists(own))
        return FCC_OK;
    st = msp__read_file(own, arena, &clients, error);
    *closed = st == FCC_OK;
    if (*closed && msp__exists(shown)) {
        st = msp__read_file(shown, arena, &pem, error);
        *closed = st == FCC_OK && !msp_shares_authority(clients, pem);
    }
    for (i = 0; i < sizeof folders / sizeof folders[0] && *closed; i++) {
        const char *dir = fcc__arena_printf(arena, "%s/msp/%s", root, folders[i]);
        msp__files files = { 0 };

        st = dir ? msp__read_dir(dir, arena, &files, error)
                 : fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much key material", root);
        *closed = st == FCC_OK;
        for (k = 0; k < files.n && *closed; k++)
            *closed = !msp_shares_authority(clients, files.contents[k]);
    }
    return st;
}

/* ---- what a certificate has ---------------------------------------------------------------------------------------- */

const char *msp__alt_names_of(X509 *cert, fcc__arena *arena)
{
    char names[4096], *one, *rest = NULL;
    const char *text = NULL;

    msp__names_of(cert, names, sizeof names);
    for (one = strtok_r(names, ", ", &rest); one; one = strtok_r(NULL, ", ", &rest)) {
        const bool address = strspn(one, "0123456789.") == strlen(one) || strchr(one, ':');

        text = fcc__arena_printf(arena, "%s%s%s:%s", text ? text : "", text ? "," : "", address ? "IP" : "DNS", one);
        if (!text)
            return NULL;
    }
    return text;
}
