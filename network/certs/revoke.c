/* revoke.c: revocation lists as Fabric reads them: version 2, with the authority's key identifier and a number. */
#include "certs/internal.h"

#include "base/durable.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { ARENA = 64 << 20, MAX_TRIES = 64 };

/*
 * Fabric looks neither at dates of a list nor at whether there is a newer one: revoked is who is on a list of the channel's
 * configuration. The next update is set as far as the authority is valid, so that other programs do not refuse the list.
 */

static const struct {
    const char *name;
    int code;
} reasons[] = { { "unspecified", CRL_REASON_UNSPECIFIED },
                { "keyCompromise", CRL_REASON_KEY_COMPROMISE },
                { "affiliationChanged", CRL_REASON_AFFILIATION_CHANGED },
                { "superseded", CRL_REASON_SUPERSEDED },
                { "cessationOfOperation", CRL_REASON_CESSATION_OF_OPERATION },
                { "privilegeWithdrawn", CRL_REASON_PRIVILEGE_WITHDRAWN } };

typedef struct revocation {
    msp__workshop w;
    const char *crypto_dir;
    X509 *cert;
    int reason;
    const char *path; /* of the list */
    X509_CRL *crl;
    int64_t number;
} revocation;

/* ---- whose certificate ---------------------------------------------------------------------------------------------- */

/* The organisation whose CA has issued it, by trying them: the file may lie anywhere. */
static fcc_status find_issuer(revocation *r, const char *name)
{
    certs_list list;
    fcc_status st = certs_find(r->crypto_dir, r->w.arena, &list, r->w.error);
    size_t i;

    for (i = 0; st == FCC_OK && i < list.n; i++) {
        const certs_entry *e = &list.v[i];
        X509 *ca = e->use == CERTS_AUTHORITY && !strcmp(e->role, "ca") ? msp__cert_of_pem(e->pem) : NULL;
        const bool issued = ca && X509_verify(r->cert, X509_get0_pubkey(ca)) == 1;

        X509_free(ca);
        if (!issued)
            continue;
        r->w.domain = e->domain;
        r->w.root = certs__root(r->crypto_dir, e->orderers, e->domain, r->w.arena);
        ERR_clear_error();
        return r->w.root ? FCC_OK : msp__no_room(&r->w);
    }
    ERR_clear_error();
    if (st == FCC_OK)
        st = fcc_error_set(
            r->w.error, FCC_ERR_NOT_FOUND,
            "%s: no authority of identities in %s has issued this certificate. (TLS certificates are not "
            "revoked by Fabric: what counts is the identity)",
            name, r->crypto_dir);
    return st;
}

static fcc_status find_certificate(revocation *r, const char *name)
{
    const char *path = name;
    certs_place place;
    fcc_bytes pem;
    fcc_status st = FCC_OK;

    if (!msp__exists(name)) {
        const char *dir;
        msp__files files = { 0 };

        st = certs__find_member(r->crypto_dir, name, r->w.arena, &place, r->w.error);
        if (st != FCC_OK)
            return st;
        if (!strcmp(place.group, "chaincodes") || !strcmp(place.group, "chaincodeca"))
            return fcc_error_set(r->w.error, FCC_ERR_ARG,
                                 "%s: no list is looked at by chaincode servers: `medsync certs rotate --new-key "
                                 "chaincodes.%s` gives them and their peer another authority",
                                 name, place.domain);
        if (certs__is_authority(place.group))
            return fcc_error_set(r->w.error, FCC_ERR_ARG,
                                 "%s is an authority: take it out of the channel's MSP instead (docs/certificates.md)",
                                 name);
        dir = fcc__arena_printf(r->w.arena, "%s/msp/signcerts", place.path);
        st = dir ? msp__read_dir(dir, r->w.arena, &files, r->w.error) : msp__no_room(&r->w);
        if (st == FCC_OK && files.n == 0)
            st = fcc_error_set(r->w.error, FCC_ERR_NOT_FOUND,
                               "%s is no identity: it has TLS certificates alone, which Fabric does not revoke", name);
        path = st == FCC_OK ? fcc__arena_printf(r->w.arena, "%s/%s", dir, files.names[0]) : NULL;
    }
    if (st == FCC_OK)
        st = path ? msp__read_file(path, r->w.arena, &pem, r->w.error) : msp__no_room(&r->w);
    if (st == FCC_OK && !(r->cert = msp__cert_of_pem(pem)))
        st = fcc_error_set(r->w.error, FCC_ERR_CONFIG, "%s is no X.509 certificate in PEM", path);
    return st;
}

/* ---- the list ------------------------------------------------------------------------------------------------------- */

static fcc_status read_list(revocation *r)
{
    fcc_bytes pem;
    BIO *bio;
    ASN1_INTEGER *number;
    fcc_status st;

    r->path = fcc__arena_printf(r->w.arena, "%s/msp/crls/crl.%s.pem", r->w.root, r->w.domain);
    if (!r->path)
        return msp__no_room(&r->w);
    if (!msp__exists(r->path)) {
        r->crl = X509_CRL_new();
        return r->crl && X509_CRL_set_version(r->crl, X509_CRL_VERSION_2) == 1 &&
                       X509_CRL_set_issuer_name(r->crl, X509_get_subject_name(r->w.ca.cert)) == 1
                   ? FCC_OK
                   : msp__no_room(&r->w);
    }
    st = msp__read_file(r->path, r->w.arena, &pem, r->w.error);
    if (st != FCC_OK)
        return st;
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    r->crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!r->crl || X509_CRL_verify(r->crl, r->w.ca.key) != 1)
        return fcc_error_set(
            r->w.error, FCC_ERR_CONFIG,
            "%s is no revocation list of %s's authority: put the right one there, or move it away, which "
            "begins a new list without those that were revoked",
            r->path, r->w.domain);
    number = X509_CRL_get_ext_d2i(r->crl, NID_crl_number, NULL, NULL);
    r->number = number ? ASN1_INTEGER_get(number) : 0;
    ASN1_INTEGER_free(number);
    return FCC_OK;
}

static fcc_status add_entry(revocation *r)
{
    X509_REVOKED *entry = NULL;
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)r->w.now_s);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    bool ok;

    if (X509_CRL_get0_by_serial(r->crl, &entry, X509_get_serialNumber(r->cert)) == 1) {
        ASN1_TIME_free(now);
        ASN1_ENUMERATED_free(reason);
        return FCC_ERR_EXISTS;
    }
    entry = X509_REVOKED_new();
    ok = entry && now && reason && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(r->cert)) == 1 &&
         X509_REVOKED_set_revocationDate(entry, now) == 1;
    /* RFC 5280: the reason "unspecified" is said by leaving it out */
    if (ok && r->reason != CRL_REASON_UNSPECIFIED)
        ok = ASN1_ENUMERATED_set(reason, r->reason) == 1 &&
             X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1;
    ok = ok && X509_CRL_add0_revoked(r->crl, entry) == 1;
    if (!ok)
        X509_REVOKED_free(entry);
    ASN1_TIME_free(now);
    ASN1_ENUMERATED_free(reason);
    return ok ? FCC_OK : msp__no_room(&r->w);
}

static bool set_extensions(revocation *r)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(r->w.ca.cert);
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    bool ok = id && number && ski && (id->keyid = ASN1_OCTET_STRING_dup(ski)) != NULL &&
              X509_CRL_add1_ext_i2d(r->crl, NID_authority_key_identifier, id, 0, X509V3_ADD_REPLACE) == 1 &&
              ASN1_INTEGER_set_int64(number, r->number + 1) == 1 &&
              X509_CRL_add1_ext_i2d(r->crl, NID_crl_number, number, 0, X509V3_ADD_REPLACE) == 1;

    AUTHORITY_KEYID_free(id);
    ASN1_INTEGER_free(number);
    return ok;
}

static fcc_status sign_list(revocation *r, fcc_bytes *pem)
{
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)r->w.now_s);
    BIGNUM *order = msp__order(r->w.ca.key);
    BIO *bio = BIO_new(BIO_s_mem());
    const ASN1_BIT_STRING *value;
    bool ok = now && order && bio && set_extensions(r) && X509_CRL_set1_lastUpdate(r->crl, now) == 1 &&
              X509_CRL_set1_nextUpdate(r->crl, X509_get0_notAfter(r->w.ca.cert)) == 1 && X509_CRL_sort(r->crl) == 1,
         low = false;
    char *data;
    long len;
    int i;

    for (i = 0; ok && !low && i < MAX_TRIES; i++) {
        ok = X509_CRL_sign(r->crl, r->w.ca.key, EVP_sha256()) > 0;
        X509_CRL_get0_signature(r->crl, &value, NULL);
        low = ok && msp__check_s(order, fcc_bytes_of(value->data, (size_t)value->length)) == MSP__S_LOW;
    }
    ok = low && PEM_write_bio_X509_CRL(bio, r->crl) == 1 && (len = BIO_get_mem_data(bio, &data)) > 0 &&
         fcc__arena_copy(r->w.arena, fcc_bytes_of(data, (size_t)len), pem);
    ASN1_TIME_free(now);
    BN_free(order);
    BIO_free(bio);
    ERR_clear_error();
    return ok ? FCC_OK
              : fcc_error_set(r->w.error, FCC_ERR_INTERNAL, "%s: OpenSSL could not sign the revocation list",
                              r->w.domain);
}

/* ---- where it is read ------------------------------------------------------------------------------------------------ */

static fcc_status put_list(revocation *r, const char *msp_dir, fcc_bytes pem)
{
    const char *dir = fcc__arena_printf(r->w.arena, "%s/crls", msp_dir);
    const char *path = dir ? fcc__arena_printf(r->w.arena, "%s/crl.%s.pem", dir, r->w.domain) : NULL;
    fcc_status st = path ? msp__make_dirs(dir, r->w.error) : msp__no_room(&r->w);

    return st == FCC_OK ? msp__replace_file(path, pem, 0644, r->w.error) : st;
}

/* The organisation's own first: it is what the next list goes on from, and what the channel is given. */
static fcc_status put_everywhere(revocation *r, fcc_bytes pem)
{
    static const char *const groups[] = { "peers", "orderers", "users" };
    const char **names, *dir = fcc__arena_printf(r->w.arena, "%s/msp", r->w.root);
    size_t n, i, k;
    fcc_status st = dir ? put_list(r, dir, pem) : msp__no_room(&r->w);

    for (i = 0; i < 3 && st == FCC_OK; i++) {
        dir = fcc__arena_printf(r->w.arena, "%s/%s", r->w.root, groups[i]);
        st = dir ? certs__dirs(dir, r->w.arena, &names, &n, r->w.error) : msp__no_room(&r->w);
        for (k = 0; st == FCC_OK && k < n; k++) {
            const char *msp = fcc__arena_printf(r->w.arena, "%s/%s/msp", dir, names[k]);

            if (!msp)
                st = msp__no_room(&r->w);
            else if (msp__exists(msp))
                st = put_list(r, msp, pem);
        }
    }
    return st;
}

/* Whoever put it there may have been ended before all folders had the list. */
static fcc_status tell_again(revocation *r)
{
    fcc_bytes pem;
    fcc_status st = msp__read_file(r->path, r->w.arena, &pem, r->w.error);

    if (st == FCC_OK)
        st = put_everywhere(r, pem);
    return st == FCC_OK ? fcc_error_set(r->w.error, FCC_ERR_EXISTS, "it is on %s already, whose number is %" PRId64,
                                        r->path, r->number)
                        : st;
}

fcc_status certs_revoke(const char *crypto_dir, const char *name, const char *reason, int64_t now_s, fcc__arena *arena,
                        const char **crl, int64_t *number, fcc_error *error)
{
    revocation r = { .crypto_dir = crypto_dir, .reason = -1 };
    fcc_bytes pem;
    size_t i;
    int lock = -1;
    fcc_status st;

    for (i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (!strcmp(reasons[i].name, reason))
            r.reason = reasons[i].code;
    if (r.reason < 0)
        return fcc_error_set(error, FCC_ERR_ARG,
                             "%s is no reason: expected unspecified, keyCompromise, affiliationChanged, superseded, "
                             "cessationOfOperation or privilegeWithdrawn",
                             reason);
    r.w = (msp__workshop){ .arena = fcc__arena_new(ARENA), .error = error, .now_s = now_s, .domain = crypto_dir };
    if (!r.w.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = fcc__lock_dir(crypto_dir, &lock, error);
    if (st == FCC_OK)
        st = find_certificate(&r, name);
    if (st == FCC_OK)
        st = find_issuer(&r, name);
    if (st == FCC_OK)
        st = msp__workshop_open(&r.w);
    if (st == FCC_OK)
        st = read_list(&r);
    if (st == FCC_OK)
        st = add_entry(&r);
    if (st == FCC_ERR_EXISTS)
        st = tell_again(&r);
    if (st == FCC_OK)
        st = sign_list(&r, &pem);
    if (st == FCC_OK)
        st = put_everywhere(&r, pem);
    if (st == FCC_OK) {
        *crl = fcc__arena_printf(arena, "%s", r.path);
        *number = r.number + 1;
    }
    fcc__unlock_dir(lock);
    X509_CRL_free(r.crl);
    X509_free(r.cert);
    msp__workshop_close(&r.w);
    ERR_clear_error();
    fcc__arena_free(r.w.arena);
    return st;
}
