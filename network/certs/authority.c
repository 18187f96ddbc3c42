/*
 * authority.c: an authority's certificate anew, of the same key and name, so that all that it has issued stays good. The
 * beginning of its time stays as well: Fabric judges an identity's chain at the moment when the identity began to be valid.
 */
#include "certs/internal.h"

#include "msp/material.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { ARENA = 64 << 20, DEPTH_MAX = 6 };

typedef struct succession {
    msp__workshop w;
    certs_place place; /* group: "ca", "tlsca" or "chaincodeca" */
    const certs_renewing *how;
    X509 *old, *new;
    const char *kept;
    size_t replaced;
} succession;

static fcc_status make_successor(succession *s, EVP_PKEY *key)
{
    msp__request request = { .use = MSP__USE_CA,
                             .subject = X509_get_subject_name(s->old),
                             .not_before = msp__not_before(s->old),
                             .not_after = s->how->now_s + s->w.valid_s };

    if (X509_NAME_cmp(X509_get_subject_name(s->old), X509_get_issuer_name(s->old)) != 0)
        return fcc_error_set(
            s->w.error, FCC_ERR_ARG,
            "%s was issued by another authority: have that one renew it, with the same key, and put it into "
            "the place of the old one",
            s->place.name);
    s->new = msp__issue(&request, key, NULL, key);
    return s->new ? FCC_OK : msp__openssl_failed(&s->w, s->place.name);
}

static bool same_authority(X509 *a, X509 *b)
{
    return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
           EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

/* The certificates of a file with the successor in the authority's place; *found false: it is not among them. */
static fcc_status exchanged(succession *s, fcc_bytes pem, bool *found, fcc_bytes *out)
{
    BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len), *made = BIO_new(BIO_s_mem());
    bool ok = in && made;
    X509 *cert;
    char *data;
    long len;

    *found = false;
    while (ok && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        const bool this_one = same_authority(cert, s->old);

        *found |= this_one;
        ok = PEM_write_bio_X509(made, this_one ? s->new : cert) == 1;
        X509_free(cert);
    }
    ERR_clear_error();
    ok = ok && (!*found || ((len = BIO_get_mem_data(made, &data)) > 0 &&
                            fcc__arena_copy(s->w.arena, fcc_bytes_of(data, (size_t)len), out)));
    BIO_free(in);
    BIO_free(made);
    return ok ? FCC_OK : msp__no_room(&s->w);
}

/* Everywhere below: the folder of what was renewed before is left as it is. */
static fcc_status exchange_below(succession *s, const char *dir, int depth)
{
    msp__files files = { 0 };
    const char **names;
    size_t n, i;
    struct stat info;
    fcc_status st = msp__read_dir(dir, s->w.arena, &files, s->w.error);

    for (i = 0; i < files.n && st == FCC_OK; i++) {
        const char *path = fcc__arena_printf(s->w.arena, "%s/%s", dir, files.names[i]);
        bool found = false;
        fcc_bytes pem;

        if (!path)
            return msp__no_room(&s->w);
        if (!memmem(files.contents[i].data, files.contents[i].len, "BEGIN CERTIFICATE", 17))
            continue;
        st = exchanged(s, files.contents[i], &found, &pem);
        if (st == FCC_OK && found) {
            st = msp__replace_file(path, pem, 0644, s->w.error);
            s->replaced++;
        }
    }
    if (st == FCC_OK && depth > 0)
        st = certs__dirs(dir, s->w.arena, &names, &n, s->w.error);
    for (i = 0; depth > 0 && st == FCC_OK && i < n; i++) {
        const char *inner = fcc__arena_printf(s->w.arena, "%s/%s", dir, names[i]);

        if (inner && strcmp(names[i], "old") != 0 && stat(inner, &info) == 0 && S_ISDIR(info.st_mode))
            st = exchange_below(s, inner, depth - 1);
    }
    return st;
}

static fcc_status keep_old(succession *s)
{
    const time_t now = (time_t)s->how->now_s;
    char stamp[32];
    struct tm tm;
    const char *dir, *file = fcc__arena_printf(s->w.arena, "%s-cert.pem", s->place.name);

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    dir = fcc__arena_printf(s->w.arena, "%s/old/%s/%s", s->place.root, stamp, s->place.group);
    s->kept = dir && file ? fcc__arena_printf(s->w.arena, "%s/%s", dir, file) : NULL;
    return s->kept ? msp__put(&s->w, dir, file, msp__pem_of_cert(s->old, s->w.arena), 0644) : msp__no_room(&s->w);
}

static const char *what_follows(succession *s)
{
    const msp_moment until = msp_moment_of(msp__not_after(s->old));

    if (!strcmp(s->place.group, "chaincodeca"))
        return fcc__arena_printf(s->w.arena,
                                 "have the chaincodes' servers read client-ca.crt before %s, when the old one ends: "
                                 "SIGHUP to fcc-host (where "
                                 "it has copies, after `medsync fabric prepare` or `medsync devnet services`). Its key "
                                 "is the same, so what it "
                                 "has issued stays good; the channel knows nothing of it",
                                 until.text);
    return fcc__arena_printf(
        s->w.arena,
        "bring it onto the channel before %s, when the old one ends: medsync channel update create --msp ORGANISATION; "
        "then "
        "restart the organisation's nodes. Its key is the same, so what it has issued stays good.%s",
        until.text,
        strcmp(s->place.group, "tlsca") ? ""
                                        : " Whoever keeps a copy of ca.crt (clients of other organisations, "
                                          "connection.json's root_cert) needs the new "
                                          "one by then");
}

static fcc_status succeed(succession *s)
{
    certs_renewed told = { .name = s->place.name };
    msp__authority *authority = !strcmp(s->place.group, "ca")      ? &s->w.ca
                                : !strcmp(s->place.group, "tlsca") ? &s->w.tlsca
                                                                   : &s->w.chaincodeca;
    fcc_status st = msp__authority_open(&s->w, s->place.group, authority);

    if (st == FCC_OK)
        s->old = authority->cert;
    if (st == FCC_OK)
        st = make_successor(s, authority->key);
    if (st == FCC_OK)
        st = keep_old(s);
    if (st == FCC_OK)
        st = exchange_below(s, s->place.root, DEPTH_MAX);
    if (st == FCC_OK && s->how->renewed) {
        told.kept = s->kept;
        told.todo = what_follows(s);
        s->how->renewed(s->how->ctx, &told);
    }
    return st;
}

fcc_status certs__renew_authority(const certs_place *place, const certs_renewing *how, fcc_error *error)
{
    succession s = { .place = *place, .how = how };
    fcc_status st;

    s.w = (msp__workshop){ .arena = fcc__arena_new(ARENA),
                           .error = error,
                           .domain = place->domain,
                           .root = place->root,
                           .now_s = how->now_s,
                           .valid_s = (how->days > 0 ? how->days : MSP_DAYS) * 86400 };
    if (!s.w.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = succeed(&s);
    X509_free(s.new);
    msp__workshop_close(&s.w);
    ERR_clear_error();
    fcc__arena_free(s.w.arena);
    return st;
}
