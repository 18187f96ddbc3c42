/*
 * validate.c: does an organisation accept a certificate? The order and the words are those of Fabric's
 * msp/mspimplvalidate.go, and the rules for chains those of Go's crypto/x509.
 */
#include "msp/internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { MAX_CHECKS = 100 }; /* signatures that Go checks at most, while it looks for a chain */

/* All ways from a certificate up to a root. */
typedef struct search {
    const msp__pool *pool;
    time_t at;
    X509 *path[MSP__MAX_CHAIN];
    msp__chain *first; /* the first one found */
    size_t found;
    int checks;
    /* signatures that hold, which are asked for more than once: checking one is most of what a certificate costs */
    struct {
        X509 *cert, *ca;
    } good[MSP__MAX_CHAIN];
    size_t good_count;
} search;

static void note_good(search *s, X509 *cert, X509 *ca)
{
    if (s->good_count == MSP__MAX_CHAIN)
        return;
    s->good[s->good_count].cert = cert;
    s->good[s->good_count++].ca = ca;
}

static bool signed_by(search *s, X509 *cert, X509 *ca)
{
    size_t i;

    for (i = 0; i < s->good_count; i++)
        if (s->good[i].cert == cert && s->good[i].ca == ca)
            return true;
    if (X509_verify(cert, X509_get0_pubkey(ca)) != 1)
        return false;
    note_good(s, cert, ca);
    return true;
}

/* ---- authorities --------------------------------------------------------------------------------------------------- */

static bool only_one_named(const msp__pool *pool, const X509_NAME *name)
{
    size_t i, count = 0;

    for (i = 0; i < pool->count && count < 2; i++)
        count += X509_NAME_cmp(X509_get_subject_name(pool->cas[i]), name) == 0;
    return count == 1;
}

/*
 * Go goes by name and signature; a key identifier that names another key is a hint to it, and no more. Where there is but
 * one authority of a name there is nothing to choose by the signature, which X509_verify_cert checks in the end anyhow.
 */
static int has_issued(X509_STORE_CTX *ctx, X509 *cert, X509 *ca)
{
    search *s = X509_STORE_CTX_get_app_data(ctx);
    const X509_NAME *issuer = X509_get_issuer_name(cert);

    return X509_NAME_cmp(X509_get_subject_name(ca), issuer) == 0 &&
           (only_one_named(s->pool, issuer) || signed_by(s, cert, ca));
}

fcc_status msp__pool_build(msp__pool *pool)
{
    X509_VERIFY_PARAM *param;
    size_t i;

    pool->store = X509_STORE_new();
    pool->intermediates = sk_X509_new_null();
    if (!pool->store || !pool->intermediates)
        return FCC_ERR_NOMEM;
    X509_STORE_set_check_issued(pool->store, has_issued);
    param = X509_STORE_get0_param(pool->store);
    /* no SHA-1 and no short keys, as Go; and whatever is among the roots is trusted */
    X509_VERIFY_PARAM_set_auth_level(param, 1);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    for (i = 0; i < pool->roots; i++)
        if (X509_STORE_add_cert(pool->store, pool->cas[i]) != 1)
            return FCC_ERR_INTERNAL;
    for (i = pool->roots; i < pool->count; i++)
        if (sk_X509_push(pool->intermediates, pool->cas[i]) <= 0)
            return FCC_ERR_NOMEM;
    return FCC_OK;
}

void msp__pool_unbuild(msp__pool *pool)
{
    X509_STORE_free(pool->store);
    sk_X509_free(pool->intermediates);
    pool->store = NULL;
    pool->intermediates = NULL;
}

static bool is_root(const msp__pool *pool, X509 *cert)
{
    size_t i;

    for (i = 0; i < pool->roots; i++)
        if (X509_cmp(pool->cas[i], cert) == 0)
            return true;
    return false;
}

/* ---- chains -------------------------------------------------------------------------------------------------------- */

/* Go refuses a certificate whose list of extended usages lacks server authentication; one without a list passes. */
static bool usage_ok(X509 *cert)
{
    const uint32_t usage = X509_get_extended_key_usage(cert);

    return usage == UINT32_MAX || (usage & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
}

static bool same_authority(X509 *a, X509 *b)
{
    return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
           EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static bool may_issue(X509 *ca, time_t at)
{
    return X509_check_ca(ca) == 1 && (X509_get_key_usage(ca) & KU_KEY_CERT_SIGN) &&
           X509_cmp_time(X509_get0_notBefore(ca), &at) < 0 && X509_cmp_time(X509_get0_notAfter(ca), &at) > 0;
}

static void extend(search *s, size_t len)
{
    X509 *last = s->path[len - 1];
    size_t i, k;

    for (i = 0; i < s->pool->count && s->checks < MAX_CHECKS && len < MSP__MAX_CHAIN; i++) {
        X509 *ca = s->pool->cas[i];

        if (X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(last)) != 0 || !may_issue(ca, s->at))
            continue;
        for (k = 0; k < len && !same_authority(s->path[k], ca); k++)
            ;
        if (k < len)
            continue;
        s->checks++;
        if (!signed_by(s, last, ca))
            continue;
        s->path[len] = ca;
        if (i >= s->pool->roots) {
            extend(s, len + 1);
        } else if (s->found++ == 0) {
            memcpy(s->first->certs, s->path, (len + 1) * sizeof s->path[0]);
            s->first->len = len + 1;
        }
    }
}

/* Go's certificate verification at the certificate's own time, so that expiry doesn't matter. */
static fcc_status verify(search *s, X509 *cert, fcc_error *error)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    const STACK_OF(X509) * chain;
    fcc_status st = FCC_ERR_NOMEM;
    int code, i;

    if (!ctx || X509_STORE_CTX_init(ctx, s->pool->store, cert, s->pool->intermediates) != 1 ||
        X509_STORE_CTX_set_app_data(ctx, s) != 1)
        goto out;
    X509_STORE_CTX_set_time(ctx, 0, s->at);
    st = FCC_OK;
    if (X509_verify_cert(ctx) == 1) {
        chain = X509_STORE_CTX_get0_chain(ctx);
        for (i = 0; i + 1 < sk_X509_num(chain); i++)
            note_good(s, sk_X509_value(chain, i), sk_X509_value(chain, i + 1));
        goto out;
    }
    code = X509_STORE_CTX_get_error(ctx);
    st = FCC_ERR_AUTH;
    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        fcc_error_set(error, st, "the supplied identity is not valid: x509: certificate signed by unknown authority");
        break;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
        fcc_error_set(error, st, "the supplied identity is not valid: x509: unhandled critical extension");
        break;
    default:
        fcc_error_set(error, st, "the supplied identity is not valid: x509: %s", X509_verify_cert_error_string(code));
        break;
    }
out:
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return st;
}

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Go's idea of a host name, which takes a * as first label, _ and : too. */
static bool host_name(const char *name, size_t len)
{
    size_t at, start = 0;

    if (len && name[len - 1] == '.')
        len--;
    if (len == 0)
        return false;
    for (at = 0; at <= len; at++) {
        if (at == len || name[at] == '.') {
            if (at == start)
                return false;
            start = at + 1;
        } else if (!letter_or_digit(name[at]) && name[at] != '_' && name[at] != ':' &&
                   !(name[at] == '-' && at > start) && !(name[at] == '*' && at == 0 && (len == 1 || name[1] == '.'))) {
            return false;
        }
    }
    return true;
}

/* Fabric keeps a rule that Go has dropped: no host name as common name below an authority with name constraints. */
static bool legacy_names_ok(X509 *const *chain, size_t len)
{
    const X509_NAME *subject = X509_get_subject_name(chain[0]);
    int at = -1, last = -1;
    const ASN1_STRING *name;
    size_t i;

    if (X509_get_ext_by_NID(chain[0], NID_subject_alt_name, -1) >= 0)
        return true;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        last = at;
    if (last < 0)
        return true;
    name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last));
    if (!host_name((const char *)ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)))
        return true;
    for (i = 1; i < len; i++)
        if (X509_get_ext_by_NID(chain[i], NID_name_constraints, -1) >= 0)
            return false;
    return true;
}

/* More than one would leave open who owns the identity. */
static fcc_status unique_chain(const msp__pool *pool, X509 *cert, msp__chain *chain, fcc_error *error)
{
    search s = { .pool = pool, .at = (time_t)(msp__not_before(cert) + 1), .path = { cert }, .first = chain };
    fcc_status st;
    size_t i;

    chain->certs[0] = cert;
    chain->len = 0;
    st = verify(&s, cert, error);
    if (st != FCC_OK)
        return st;
    if (is_root(pool, cert)) {
        chain->len = s.found = 1;
    } else {
        extend(&s, 1);
        ERR_clear_error();
    }
    for (i = 0; i < chain->len; i++)
        if (!usage_ok(chain->certs[i]))
            return fcc_error_set(error, FCC_ERR_AUTH,
                                 "the supplied identity is not valid: x509: certificate specifies an incompatible key "
                                 "usage");
    if (s.found != 1)
        return fcc_error_set(error, FCC_ERR_AUTH, "this MSP only supports a single validation chain, got %zu", s.found);
    if (!legacy_names_ok(chain->certs, chain->len))
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "the supplied identity is not valid: x509: issuer has name constraints but leaf doesn't "
                             "have a SAN extension");
    return FCC_OK;
}

fcc_status msp__chain_of(const msp_org *org, X509 *cert, msp__chain *chain, fcc_error *error)
{
    return unique_chain(&org->pool, cert, chain, error);
}

fcc_status msp__issuer_of(const msp_org *org, X509 *cert, X509 **issuer, fcc_error *error)
{
    return msp__pool_issuer(&org->pool, cert, issuer, error);
}

fcc_status msp__pool_issuer(const msp__pool *pool, X509 *cert, X509 **issuer, fcc_error *error)
{
    msp__chain chain;
    fcc_status st = unique_chain(pool, cert, &chain, error);

    if (st == FCC_OK)
        *issuer = chain.certs[chain.len > 1 ? 1 : 0];
    return st;
}

/* The hash of a chain, without the first `skip` certificates. */
static bool hash_chain(X509 *const *chain, size_t len, size_t skip, fcc__sha256 *out)
{
    fcc__arena *scratch = fcc__arena_new(MSP__ARENA);
    fcc_bytes parts[MSP__MAX_CHAIN] = { { 0 } };
    bool ok = scratch != NULL;
    size_t i;

    for (i = skip; i < len && ok; i++) {
        parts[i - skip] = msp__der_of_cert(chain[i], scratch);
        ok = parts[i - skip].len > 0;
    }
    if (ok)
        *out = fcc__sha256_of_many(parts, len - skip);
    fcc__arena_free(scratch);
    return ok;
}

bool msp__chain_id(const msp_org *org, X509 *cert, fcc__sha256 *out)
{
    msp__chain chain;

    return unique_chain(&org->pool, cert, &chain, NULL) == FCC_OK && chain.len > 1 &&
           hash_chain(chain.certs, chain.len, 1, out);
}

/* ---- revocation ---------------------------------------------------------------------------------------------------- */

/* Revocation acts from the moment the list is there, whatever dates it gives. */
static fcc_status check_revocation(X509_CRL *const *crls, size_t count, X509 *cert, X509 *issuer, fcc_error *error)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(issuer);
    size_t i;

    if (!ski)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not obtain Subject Key Identifier for signer cert: subjectKeyIdentifier not found "
                             "in certificate");
    for (i = 0; i < count; i++) {
        AUTHORITY_KEYID *aki = X509_CRL_get_ext_d2i(crls[i], NID_authority_key_identifier, NULL, NULL);
        X509_REVOKED *entry = NULL;
        bool hit;

        if (!aki)
            return fcc_error_set(error, FCC_ERR_AUTH,
                                 "could not obtain Authority Key Identifier for crl: authorityKeyIdentifier not found "
                                 "in certificate");
        hit = aki->keyid && ASN1_OCTET_STRING_cmp(aki->keyid, ski) == 0 &&
              X509_CRL_get0_by_serial(crls[i], &entry, X509_get0_serialNumber(cert)) != 0 &&
              X509_CRL_verify(crls[i], X509_get0_pubkey(issuer)) == 1;
        AUTHORITY_KEYID_free(aki);
        if (hit)
            return fcc_error_set(error, FCC_ERR_AUTH, "The certificate has been revoked");
    }
    ERR_clear_error();
    return FCC_OK;
}

/* An authority of the MSP: up to a root by one way, and not revoked. Tells what lies above it. */
fcc_status msp__check_authority(const msp__pool *pool, X509_CRL *const *crls, size_t crl_count, X509 *ca, X509 **above,
                                size_t *above_count, fcc_error *error)
{
    fcc_error why = { 0 };
    msp__chain chain;
    fcc_status st = unique_chain(pool, ca, &chain, &why);

    if (st != FCC_OK)
        return fcc_error_set(error, st, "could not obtain certification chain: %.800s", why.text);
    *above_count = chain.len - 1;
    memcpy(above, chain.certs + 1, *above_count * sizeof *above);
    return chain.len == 1 ? FCC_OK : check_revocation(crls, crl_count, ca, chain.certs[1], error);
}

/* ---- organisational units ------------------------------------------------------------------------------------------ */

static fcc_bytes unit_at(const X509_NAME *subject, int at)
{
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

    return fcc_bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

static bool next_unit(const X509_NAME *subject, int *at, fcc_bytes *unit)
{
    *at = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, *at);
    if (*at >= 0)
        *unit = unit_at(subject, *at);
    return *at >= 0;
}

bool msp__has_ou(X509 *cert, const char *ou)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    fcc_bytes unit;
    int at = -1;

    while (next_unit(subject, &at, &unit))
        if (fcc_bytes_equal(fcc_str(ou), unit))
            return true;
    return false;
}

/* The certificate's units as Fabric shows them: [client(A1B2C3D4E5F60718) ...], with the start of the chain's hash. */
static void show_units(X509 *cert, const msp__chain *chain, char *out, size_t room)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    fcc__sha256 digest = { { 0 } };
    fcc_bytes unit;
    size_t used = 1, i;
    int at = -1;

    if (!hash_chain(chain->certs, chain->len, 1, &digest))
        memset(&digest, 0, sizeof digest);
    snprintf(out, room, "[");
    while (next_unit(subject, &at, &unit) && used + unit.len + 24 < room) {
        used += (size_t)snprintf(out + used, room - used, "%s" FCC_FMT "(", used > 1 ? " " : "", FCC_ARG(unit));
        for (i = 0; i < 8; i++)
            used += (size_t)snprintf(out + used, room - used, "%02X", digest.bytes[i]);
        used += (size_t)snprintf(out + used, room - used, ")");
    }
    snprintf(out + used, room - used, "]");
}

/* The units that the MSP recognises at all, where it names some. */
static fcc_status check_recognised(const msp_org *org, X509 *cert, const msp__chain *chain, fcc_error *error)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    char units[400];
    size_t i;

    for (i = 0; i < org->extra_ou_count; i++)
        if (msp__has_ou(cert, org->extra_ous[i].name) && org->extra_ous[i].ca == chain->certs[1])
            return FCC_OK;
    if (org->extra_ou_count == 0)
        return FCC_OK;
    if (X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1) < 0)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "the identity certificate does not contain an Organizational Unit (OU)");
    show_units(cert, chain, units, sizeof units);
    return fcc_error_set(error, FCC_ERR_AUTH, "none of the identity's organizational units %s are in MSP %s", units,
                         org->id);
}

/* The role that a unit stands for; MSP_MEMBER: none. Where two roles have the same name, the later one counts. */
static msp_role role_of_unit(const msp_org *org, fcc_bytes unit)
{
    static const msp_role newer[] = { MSP_ORDERER, MSP_ADMIN, MSP_PEER, MSP_CLIENT };
    static const msp_role older[] = { MSP_CLIENT, MSP_PEER, MSP_MEMBER, MSP_MEMBER };
    const msp_role *roles = org->version >= MSP__V1_4_3 ? newer : older;
    size_t i;

    for (i = 0; i < 4; i++)
        if (roles[i] != MSP_MEMBER && org->ous[roles[i]].name &&
            fcc_bytes_equal(unit, fcc_str(org->ous[roles[i]].name)))
            return roles[i];
    return MSP_MEMBER;
}

static fcc_status check_ous(const msp_org *org, X509 *cert, const msp__chain *chain, msp_role *role, fcc_error *error)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    const bool newer = org->version >= MSP__V1_4_3;
    fcc_status st = check_recognised(org, cert, chain, error);
    char units[400];
    fcc_bytes unit;
    size_t count = 0;
    int at = -1;

    if (st != FCC_OK || !org->node_ous || org->version == MSP__V1_0)
        return st;
    /* each unit of the subject counts, also the same one twice */
    while (count < 2 && next_unit(subject, &at, &unit)) {
        const msp_role found = role_of_unit(org, unit);

        if (found == MSP_MEMBER)
            continue;
        if (org->ous[found].ca && org->ous[found].ca != chain->certs[1]) {
            show_units(cert, chain, units, sizeof units);
            return fcc_error_set(error, FCC_ERR_AUTH, "certifiersIdentifier does not match: %s, MSP: [%s]", units,
                                 org->id);
        }
        *role = found;
        count++;
    }
    if (count == 1)
        return FCC_OK;
    show_units(cert, chain, units, sizeof units);
    if (count == 0)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "the identity does not have an OU that resolves to %s. OUs: %s, MSP: [%s]",
                             newer ? "client, peer, orderer, or admin role" : "client or peer", units, org->id);
    return fcc_error_set(
        error, FCC_ERR_AUTH, "the identity must %s to be valid, not a combination of them. OUs: %s, MSP: [%s]",
        newer ? "have a client, a peer, an orderer, or an admin OU role" : "be a client or a peer identity", units,
        org->id);
}

/* ---- identities ---------------------------------------------------------------------------------------------------- */

bool msp__is_admin_cert(const msp_org *org, X509 *cert)
{
    size_t i;

    for (i = 0; i < org->admin_count; i++)
        if (X509_cmp(org->admins[i], cert) == 0)
            return true;
    return false;
}

/* Go's name of the key's kind; NULL for one that is accepted. */
static const char *foreign_key(const msp_org *org, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    if (key && EVP_PKEY_is_a(key, "EC"))
        return NULL;
    if (key && EVP_PKEY_is_a(key, "ED25519"))
        return org->version >= MSP__V3_0 ? NULL : "Ed25519";
    return key && EVP_PKEY_is_a(key, "RSA") ? "RSA" : "0";
}

fcc_status msp__validate_cert(const msp_org *org, X509 *cert, const msp__chain *chain, msp_role *role, fcc_error *error)
{
    const char *kind = foreign_key(org, cert);
    fcc_error why = { 0 };
    msp__chain found;
    size_t i;

    if (kind)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not validate identity's public key algorithm: %s is not supported", kind);
    if (X509_check_ca(cert) == 1)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not obtain certification chain: An X509 certificate with Basic Constraint: "
                             "Certificate Authority equals true cannot be used as an identity");
    if (!chain && unique_chain(&org->pool, cert, &found, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not obtain certification chain: failed getting validation chain: %.800s", why.text);
    if (!chain)
        chain = &found;
    if (chain->len < 2)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not obtain certification chain: expected a chain of length at least 2, got %zu",
                             chain->len);
    for (i = 0; i < org->pool.count; i++)
        if (org->pool.cas[i] == chain->certs[1] && org->internal[i])
            return fcc_error_set(error, FCC_ERR_AUTH,
                                 "could not obtain certification chain: invalid validation chain. Parent certificate "
                                 "should be a leaf of the certification tree");
    if (check_revocation(org->crls, org->crl_count, cert, chain->certs[1], &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "could not validate identity against certification chain: %.800s",
                             why.text);
    if (check_ous(org, cert, chain, role, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "could not validate identity's OUs: %.900s", why.text);
    return FCC_OK;
}
