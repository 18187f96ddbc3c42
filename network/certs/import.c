/*
 * import.c: taking over what a Fabric CA or cryptogen has issued. See certs.h. It is laid out in a folder of its own first,
 * checked there as `medsync certs check` does, and only then moved to its place.
 */
#include "certs/internal.h"

#include "base/durable.h"
#include "msp/material.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA = 128 << 20, DEPTH_MAX = 8 };

typedef struct import {
    msp__workshop w; /* root: the organisation's place; nothing is issued */
    const certs_import_options *o;
    const char *crypto_dir;
    char *stage;            /* a crypto directory of its own, beside the others */
    const char *stage_root; /* the organisation in it */
} import;

static const char *const msp_folders[] = { "cacerts",    "intermediatecerts",    "admincerts", "crls",
                                           "tlscacerts", "tlsintermediatecerts", NULL };
static const char *const member_groups[] = { "peers", "orderers", "users", "chaincodes", NULL };

static const char *join(import *in, const char *dir, const char *name)
{
    return dir && name ? fcc__arena_printf(in->w.arena, "%s/%s", dir, name) : NULL;
}

/* ---- copies --------------------------------------------------------------------------------------------------------- */

static fcc_status put(import *in, const char *folder, const char *file, fcc_bytes content)
{
    const bool secret = memmem(content.data, content.len, "PRIVATE KEY", 11) != NULL;

    return content.len ? msp__put(&in->w, folder, file, content, secret ? 0600 : 0644) : FCC_OK;
}

/* The regular files of one folder; the folder is made when there are some. */
static fcc_status copy_files(import *in, const char *from, const char *to)
{
    msp__files files = { 0 };
    size_t i;
    fcc_status st = from && to ? msp__read_dir(from, in->w.arena, &files, in->w.error) : msp__no_room(&in->w);

    for (i = 0; i < files.n && st == FCC_OK; i++)
        st = put(in, to, files.names[i], files.contents[i]);
    return st;
}

static fcc_status copy_tree(import *in, const char *from, const char *to, int depth)
{
    const char **names;
    size_t n, i;
    struct stat info;
    fcc_status st = from && to ? msp__make_dirs(to, in->w.error) : msp__no_room(&in->w);

    if (depth == 0)
        return fcc_error_set(in->w.error, FCC_ERR_LIMIT, "%s: folders deeper than key material has them", from);
    if (st == FCC_OK)
        st = copy_files(in, from, to);
    if (st == FCC_OK)
        st = certs__dirs(from, in->w.arena, &names, &n, in->w.error);
    for (i = 0; st == FCC_OK && i < n; i++) {
        const char *inner = join(in, from, names[i]);

        if (inner && lstat(inner, &info) == 0 && S_ISDIR(info.st_mode))
            st = copy_tree(in, inner, join(in, to, names[i]), depth - 1);
    }
    return st;
}

/* ---- an MSP directory as fabric-ca-client writes it ------------------------------------------------------------------ */

/* The certificate of signcerts and the key of keystore that belongs to it. */
static fcc_status read_pair(import *in, const char *msp, fcc_bytes *cert, fcc_bytes *key)
{
    const char *signcerts = join(in, msp, "signcerts"), *keystore = join(in, msp, "keystore");
    msp__files certs = { 0 }, keys = { 0 };
    X509 *x;
    size_t i;
    fcc_error why = { 0 };
    fcc_status st = signcerts && keystore ? msp__read_dir(signcerts, in->w.arena, &certs, in->w.error)
                                          : msp__no_room(&in->w);

    if (st == FCC_OK)
        st = msp__read_dir(keystore, in->w.arena, &keys, in->w.error);
    if (st != FCC_OK)
        return st;
    x = certs.n ? msp__cert_of_pem(certs.contents[0]) : NULL;
    if (!x)
        return fcc_error_set(in->w.error, FCC_ERR_CONFIG,
                             "%s: no certificate in PEM there: give the MSP directory that "
                             "fabric-ca-client enroll has written",
                             signcerts);
    *cert = certs.contents[0];
    *key = fcc_bytes_of(NULL, 0);
    for (i = 0; i < keys.n && !key->len; i++) {
        EVP_PKEY *one = NULL;
        const char *path = join(in, keystore, keys.names[i]);

        if (path && msp__key_read(path, keys.contents[i], &one, &why) == FCC_OK &&
            EVP_PKEY_eq(X509_get0_pubkey(x), one) == 1)
            *key = keys.contents[i];
        EVP_PKEY_free(one);
    }
    X509_free(x);
    ERR_clear_error();
    if (key->len)
        return FCC_OK;
    return strstr(why.text, MSP_PASSPHRASE)
               ? fcc_error_set(in->w.error, FCC_ERR_CONFIG, "%s", why.text)
               : fcc_error_set(
                     in->w.error, FCC_ERR_CONFIG,
                     "%s: no private key there belongs to the certificate in %s: enrol again, or copy the key "
                     "of this enrolment",
                     keystore, signcerts);
}

/* The file of an authority by which NodeOUs name it: that which has issued the identity. */
static const char *issuing_file(import *in, fcc_bytes identity)
{
    X509 *cert = identity.len ? msp__cert_of_pem(identity) : NULL;
    const char *found = NULL;
    int i;

    for (i = 0; i < 2 && !found; i++) {
        msp__files files = { 0 };
        size_t k;

        if (msp__read_dir(join(in, join(in, in->stage_root, "msp"), msp_folders[i]), in->w.arena, &files, NULL) !=
            FCC_OK)
            break;
        for (k = 0; k < files.n && !found; k++) {
            X509 *ca = msp__cert_of_pem(files.contents[k]);

            if (ca && (!cert || X509_verify(cert, X509_get0_pubkey(ca)) == 1))
                found = fcc__arena_printf(in->w.arena, "%s/%s", msp_folders[i], files.names[k]);
            X509_free(ca);
        }
    }
    ERR_clear_error();
    X509_free(cert);
    return found;
}

/* ROOT/msp/config.yaml: that of the source, or NodeOUs as Fabric CA's identities have their units. */
static fcc_status put_config(import *in, fcc_bytes identity)
{
    static const char *const roles[] = { "Client", "Peer", "Admin", "Orderer" };
    static const char *const ous[] = { "client", "peer", "admin", "orderer" };
    const char *path = join(in, in->o->from, "config.yaml"), *text = "NodeOUs:\n    Enable: true\n", *file;
    fcc_bytes yaml;
    fcc_status st;
    int i;

    if (!path)
        return msp__no_room(&in->w);
    if (msp__exists(path)) {
        st = msp__read_file(path, in->w.arena, &yaml, in->w.error);
        return st == FCC_OK ? put(in, join(in, in->stage_root, "msp"), "config.yaml", yaml) : st;
    }
    file = issuing_file(in, identity);
    if (!file)
        return fcc_error_set(in->w.error, FCC_ERR_CONFIG,
                             "%s: no authority in cacerts or intermediatecerts has issued the certificate in signcerts",
                             in->o->from);
    for (i = 0; i < 4 && text; i++)
        text = fcc__arena_printf(in->w.arena,
                                 "%s    %sOUIdentifier:\n        Certificate: %s\n"
                                 "        OrganizationalUnitIdentifier: %s\n",
                                 text, roles[i], file, ous[i]);
    return text ? put(in, join(in, in->stage_root, "msp"), "config.yaml", fcc_str(text)) : msp__no_room(&in->w);
}

/* ca/ and tlsca/ without keys: clients look for the TLS authority there. */
static fcc_status put_authority(import *in, const char *kind, const char *from)
{
    const char *file = fcc__arena_printf(in->w.arena, "%s.%s-cert.pem", kind, in->o->domain);
    msp__files files = { 0 };
    fcc_status st = from && file ? msp__read_dir(from, in->w.arena, &files, in->w.error) : msp__no_room(&in->w);

    return st == FCC_OK && files.n ? put(in, join(in, in->stage_root, kind), file, files.contents[0]) : st;
}

static fcc_status stage_org(import *in, fcc_bytes identity)
{
    const char *msp = join(in, in->stage_root, "msp");
    const char *tls = in->o->tls_from ? in->o->tls_from : in->o->from;
    fcc_status st = FCC_OK;
    int i;

    if (!msp)
        return msp__no_room(&in->w);
    if (msp__exists(in->w.root)) { /* the organisation is there: its own rules judge */
        st = copy_tree(in, join(in, in->w.root, "msp"), msp, DEPTH_MAX);
        if (st == FCC_OK)
            st = put_authority(in, "ca", join(in, msp, "cacerts"));
        return st == FCC_OK ? put_authority(in, "tlsca", join(in, msp, "tlscacerts")) : st;
    }
    for (i = 0; msp_folders[i] && st == FCC_OK; i++)
        st = copy_files(in, join(in, strncmp(msp_folders[i], "tls", 3) ? in->o->from : tls, msp_folders[i]),
                        join(in, msp, msp_folders[i]));
    /* an enrolment with the profile tls has its authority in tlscacerts; an older client's in cacerts */
    if (st == FCC_OK && in->o->tls_from && !msp__exists(join(in, msp, "tlscacerts")))
        st = copy_files(in, join(in, tls, "cacerts"), join(in, msp, "tlscacerts"));
    if (st == FCC_OK && !msp__exists(join(in, msp, "cacerts")))
        st = fcc_error_set(in->w.error, FCC_ERR_CONFIG, "%s/cacerts: expected at least one CA certificate",
                           in->o->from);
    if (st == FCC_OK)
        st = msp__make_dirs(join(in, msp, "admincerts"), in->w.error);
    if (st == FCC_OK)
        st = put_authority(in, "ca", join(in, msp, "cacerts"));
    if (st == FCC_OK)
        st = put_authority(in, "tlsca", join(in, msp, "tlscacerts"));
    return st == FCC_OK ? put_config(in, identity) : st;
}

/* By the unit that the authority has registered it with. */
static const char *group_of(fcc_bytes identity)
{
    X509 *cert = msp__cert_of_pem(identity);
    const char *group = msp__has_ou(cert, "peer") ? "peers" : msp__has_ou(cert, "orderer") ? "orderers" : "users";

    X509_free(cert);
    return group;
}

/*
 * Who serves chaincodes, of a TLS enrolment. What its peer shows it comes from an authority of its own, which no Fabric CA
 * has and which is made here.
 */
static fcc_status stage_chaincodes(import *in)
{
    const char *from = in->o->tls_from ? in->o->tls_from : in->o->from, *mine = join(in, in->w.root, "chaincodeca");
    const char *tls = fcc__arena_printf(in->w.arena, "%s/chaincodes/%s/tls", in->stage_root, in->o->name);
    const msp__member m = { .group = "chaincodes",
                            .name = in->o->name,
                            .common_name = in->o->name,
                            .alt_names = "", /* a server */
                            .client_too = true };
    msp__workshop w = in->w;
    fcc_bytes cert, key, cas;
    fcc_status st = tls && mine ? read_pair(in, from, &cert, &key) : msp__no_room(&in->w);

    if (st == FCC_OK)
        st = stage_org(in, fcc_bytes_of(NULL, 0));
    if (st == FCC_OK)
        st = certs__tls_cas(join(in, in->stage_root, "msp"), in->w.arena, &cas, in->w.error);
    if (st == FCC_OK)
        st = put(in, tls, "ca.crt", cas);
    if (st == FCC_OK)
        st = put(in, tls, "server.crt", cert);
    if (st == FCC_OK)
        st = put(in, tls, "server.key", key);
    if (st != FCC_OK)
        return st;
    w.valid_s = MSP_DAYS * 86400LL;
    w.made = NULL;
    if (!msp__exists(mine))
        w.root = in->stage_root;
    st = msp__make_chaincode_client(&w, &m, tls);
    msp__workshop_close(&w);
    return st;
}

static bool serves_chaincodes(const import *in)
{
    return !in->o->orderers && strncmp(in->o->name, "chaincodes.", 11) == 0 &&
           strcmp(in->o->name + 11, in->o->domain) == 0;
}

static fcc_status stage_member(import *in)
{
    fcc_bytes cert, key, tls_cert, tls_key, cas;
    const char *group, *member, *msp, *tls, *kind;
    fcc_status st = read_pair(in, in->o->from, &cert, &key);

    if (st == FCC_OK)
        st = stage_org(in, cert);
    if (st != FCC_OK)
        return st;
    group = group_of(cert);
    kind = strcmp(group, "users") ? "server" : "client";
    member = fcc__arena_printf(in->w.arena, "%s/%s/%s", in->stage_root, group, in->o->name);
    msp = join(in, member, "msp");
    tls = join(in, member, "tls");
    if (!msp || !tls)
        return msp__no_room(&in->w);
    st = copy_tree(in, join(in, in->stage_root, "msp"), msp, DEPTH_MAX);
    if (st == FCC_OK)
        st = put(in, join(in, msp, "signcerts"), fcc__arena_printf(in->w.arena, "%s-cert.pem", in->o->name), cert);
    if (st == FCC_OK)
        st = put(in, join(in, msp, "keystore"), "priv_sk", key);
    if (st != FCC_OK || !in->o->tls_from)
        return st;
    st = read_pair(in, in->o->tls_from, &tls_cert, &tls_key);
    if (st == FCC_OK)
        st = certs__tls_cas(join(in, in->stage_root, "msp"), in->w.arena, &cas, in->w.error);
    if (st == FCC_OK)
        st = put(in, tls, "ca.crt", cas);
    if (st == FCC_OK)
        st = put(in, tls, fcc__arena_printf(in->w.arena, "%s.crt", kind), tls_cert);
    return st == FCC_OK ? put(in, tls, fcc__arena_printf(in->w.arena, "%s.key", kind), tls_key) : st;
}

/* ---- a crypto directory ---------------------------------------------------------------------------------------------- */

static bool is_crypto_dir(import *in)
{
    return msp__exists(join(in, in->o->from, "peerOrganizations")) ||
           msp__exists(join(in, in->o->from, "ordererOrganizations"));
}

/* Where an organisation is there already, its own rules judge the newcomers. */
static fcc_status stage_tree(import *in)
{
    static const char *const kinds[] = { "peerOrganizations", "ordererOrganizations" };
    const char **domains;
    size_t n, i, k;
    fcc_status st = FCC_OK;

    for (i = 0; i < 2 && st == FCC_OK; i++) {
        const char *top = join(in, in->o->from, kinds[i]);

        st = top ? certs__dirs(top, in->w.arena, &domains, &n, in->w.error) : msp__no_room(&in->w);
        for (k = 0; st == FCC_OK && k < n; k++) {
            const char *there = join(in, join(in, join(in, in->crypto_dir, kinds[i]), domains[k]), "msp");
            const char *staged = join(in, join(in, in->stage, kinds[i]), domains[k]), *msp = join(in, staged, "msp");

            if (in->o->domain && strcmp(in->o->domain, domains[k]) != 0)
                continue;
            st = copy_tree(in, join(in, top, domains[k]), staged, DEPTH_MAX);
            if (st != FCC_OK || !there || !msp || !msp__exists(there))
                continue;
            msp__remove_tree(msp);
            st = copy_tree(in, there, msp, DEPTH_MAX);
        }
    }
    return st;
}

/* ---- to its place ----------------------------------------------------------------------------------------------------- */

static fcc_status same_tree(import *in, const char *a, const char *b, bool *same)
{
    const char **names;
    size_t n, i;
    struct stat info;
    fcc_status st = a && b ? certs__dirs(a, in->w.arena, &names, &n, in->w.error) : msp__no_room(&in->w);

    for (i = 0; st == FCC_OK && *same && i < n; i++) {
        const char *x = join(in, a, names[i]), *y = join(in, b, names[i]);
        fcc_bytes one, two;

        if (!x || !y)
            return msp__no_room(&in->w);
        if (stat(x, &info) == 0 && S_ISDIR(info.st_mode)) {
            /* empty folders and those of the organisation's MSP don't say who somebody is */
            if (!strcmp(names[i], "msp") || !strcmp(names[i], "tls") || !strcmp(names[i], "signcerts"))
                st = same_tree(in, x, y, same);
            continue;
        }
        if (strstr(names[i], "cert.pem") || strstr(names[i], ".crt"))
            *same = msp__read_file(x, in->w.arena, &one, NULL) == FCC_OK &&
                    msp__read_file(y, in->w.arena, &two, NULL) == FCC_OK && fcc_bytes_equal(one, two);
    }
    return st;
}

static fcc_status move(import *in, const char *from, const char *to)
{
    fcc_status st;
    char *parent = fcc__arena_printf(in->w.arena, "%.*s", (int)(strrchr(to, '/') - to), to);

    if (!parent)
        return msp__no_room(&in->w);
    st = msp__make_dirs(parent, in->w.error);
    if (st == FCC_OK && (!fcc__sync_tree(from) || rename(from, to) != 0 || !fcc__sync_parent(to)))
        st = fcc_error_set(in->w.error, FCC_ERR_IO, "%s: %s", to, strerror(errno));
    if (st == FCC_OK && in->o->made)
        in->o->made(in->o->ctx, to);
    return st;
}

/* An organisation's members, each whole or not at all. `write` false: only look whether all can go. */
static fcc_status place_members(import *in, const char *from, const char *to, bool write)
{
    const char **names;
    size_t n, k;
    int g;
    fcc_status st = FCC_OK;

    for (g = 0; member_groups[g] && st == FCC_OK; g++) {
        const char *folder = join(in, from, member_groups[g]);

        st = folder ? certs__dirs(folder, in->w.arena, &names, &n, in->w.error) : msp__no_room(&in->w);
        for (k = 0; st == FCC_OK && k < n; k++) {
            const char *one = join(in, folder, names[k]), *place = join(in, join(in, to, member_groups[g]), names[k]);
            bool same = true;

            if (!one || !place)
                return msp__no_room(&in->w);
            if (!msp__exists(place)) {
                st = write ? move(in, one, place) : FCC_OK;
                continue;
            }
            st = same_tree(in, one, place, &same);
            if (st == FCC_OK && !same)
                st = fcc_error_set(
                    in->w.error, FCC_ERR_EXISTS,
                    "%s is there already with another certificate: move it away first, and restart who uses "
                    "it afterwards",
                    place);
        }
    }
    return st;
}

/* The same, behind the authority of chaincodes' clients, where there is none yet. */
static fcc_status place_into(import *in, const char *from, const char *to, bool write)
{
    const char *theirs = join(in, from, "chaincodeca"), *ours = join(in, to, "chaincodeca");
    fcc_status st = theirs && ours ? FCC_OK : msp__no_room(&in->w);

    if (st == FCC_OK && write && msp__exists(theirs) && !msp__exists(ours))
        st = move(in, theirs, ours);
    return st == FCC_OK ? place_members(in, from, to, write) : st;
}

static fcc_status place_all(import *in, bool write)
{
    static const char *const kinds[] = { "peerOrganizations", "ordererOrganizations" };
    const char **domains;
    size_t n, i, k;
    fcc_status st = FCC_OK;

    for (i = 0; i < 2 && st == FCC_OK; i++) {
        const char *top = join(in, in->stage, kinds[i]), *to = join(in, in->crypto_dir, kinds[i]);

        st = top && to ? certs__dirs(top, in->w.arena, &domains, &n, in->w.error) : msp__no_room(&in->w);
        for (k = 0; st == FCC_OK && k < n; k++) {
            const char *from = join(in, top, domains[k]), *place = join(in, to, domains[k]);

            if (!from || !place)
                st = msp__no_room(&in->w);
            else if (msp__exists(place))
                st = place_into(in, from, place, write);
            else if (write)
                st = move(in, from, place);
        }
    }
    return st;
}

/* Findings are told of the place where somebody will look, not of the folder in which it was looked at. */
typedef struct told {
    import *in;
    msp_checker *checker;
} told;

static void tell(void *ctx, const msp_finding *finding)
{
    told *t = ctx;
    const char *at = strstr(finding->what, t->in->stage);
    msp_finding f = *finding;

    if (at == finding->what)
        f.what = fcc__arena_printf(t->in->w.arena, "%s, taken over as %s", t->in->o->from,
                                   at + strlen(t->in->stage) + 1);
    t->checker->errors += !f.warning;
    t->checker->warnings += f.warning;
    if (t->checker->report && f.what)
        t->checker->report(t->checker->ctx, &f);
}

static fcc_status take_over(import *in, msp_checker *checker)
{
    told t = { .in = in, .checker = checker };
    msp_checker own = { .now_s = checker->now_s, .warn_days = checker->warn_days, .report = tell, .ctx = &t };
    const bool tree = is_crypto_dir(in);
    fcc_status st;

    if (!tree && !in->o->domain)
        return fcc_error_set(in->w.error, FCC_ERR_ARG, "%s: the domain of the organisation has to be said",
                             in->o->from);
    if (tree)
        st = stage_tree(in);
    else if (!in->o->name)
        st = stage_org(in, fcc_bytes_of(NULL, 0));
    else
        st = serves_chaincodes(in) ? stage_chaincodes(in) : stage_member(in);
    if (st == FCC_OK)
        st = certs_check(in->stage, NULL, &own, in->w.error);
    if (st == FCC_OK && checker->errors)
        st = fcc_error_set(in->w.error, FCC_ERR_CONFIG, "%s: not taken over, for what was found", in->o->from);
    if (st == FCC_OK)
        st = place_all(in, false);
    return st == FCC_OK ? place_all(in, true) : st;
}

fcc_status certs_import(const char *crypto_dir, const certs_import_options *options, msp_checker *checker,
                        fcc_error *error)
{
import in = {.o = options, .crypto_dir = crypto_dir };
    int lock = -1;
    fcc_status st;

    in.w = (msp__workshop){ .arena = fcc__arena_new(ARENA),
                            .error = error,
                            .now_s = options->now_s,
                            .domain = options->domain ? options->domain : "" };
    if (!in.w.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    in.w.root = certs__root(crypto_dir, options->orderers, in.w.domain, in.w.arena);
    st = in.w.root ? msp__make_dirs(crypto_dir, error) : msp__no_room(&in.w);
    if (st == FCC_OK)
        st = fcc__lock_dir(crypto_dir, &lock, error);
    if (st == FCC_OK)
        st = msp__fresh_dir(&in.w, join(&in, crypto_dir, "import"), &in.stage);
    if (st == FCC_OK) {
        in.stage_root = certs__root(in.stage, options->orderers, in.w.domain, in.w.arena);
        st = in.stage_root ? take_over(&in, checker) : msp__no_room(&in.w);
    }
    if (in.stage)
        msp__remove_tree(in.stage);
    fcc__unlock_dir(lock);
    fcc__arena_free(in.w.arena);
    return st;
}
