/* validate.c: does an organisation accept a certificate? The order and the words are Fabric's. */
#include "msp/internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Go refuses a certificate whose list of extended usages lacks server authentication; one without a list passes. */
static bool usage_ok(X509 *cert)
{
    uint32_t usage = X509_get_extended_key_usage(cert);

    return usage == UINT32_MAX || (usage & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
}

/* Chain to a root at the certificate's own time, so that expiry doesn't matter. */
static fcc_status verify_chain(const msp_org *org, X509 *cert, fcc_error *error)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) * chain;
    int i, code;
    fcc_status st = FCC_ERR_NOMEM;

    if (!ctx || X509_STORE_CTX_init(ctx, org->store, cert, org->intermediates) != 1)
        goto out;
    X509_STORE_CTX_set_time(ctx, 0, (time_t)(msp__not_before(cert) + 1));
    st = FCC_ERR_AUTH;
    if (X509_verify_cert(ctx) != 1) {
        code = X509_STORE_CTX_get_error(ctx);
        if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
            code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
            code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || code == X509_V_ERR_CERT_SIGNATURE_FAILURE)
            st = fcc_error_set(error, st,
                               "the supplied identity is not valid: x509: certificate signed by unknown authority");
        else
            st = fcc_error_set(error, st, "the supplied identity is not valid: x509: %s",
                               X509_verify_cert_error_string(code));
        goto out;
    }
    chain = X509_STORE_CTX_get0_chain(ctx);
    for (i = 0; i < sk_X509_num(chain); i++)
        if (!usage_ok(sk_X509_value(chain, i))) {
            st = fcc_error_set(error, st,
                               "the supplied identity is not valid: x509: certificate specifies an incompatible key "
                               "usage");
            goto out;
        }
    st = FCC_OK;
out:
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return st;
}

/* Every authority of the MSP whose key made the signature. */
static size_t issuers(const msp_org *org, X509 *cert, X509 **first)
{
    size_t i, n = 0;

    for (i = 0; i < org->ca_count; i++) {
        if (X509_NAME_cmp(X509_get_subject_name(org->cas[i]), X509_get_issuer_name(cert)) != 0 ||
            X509_verify(cert, X509_get0_pubkey(org->cas[i])) != 1)
            continue;
        if (n++ == 0)
            *first = org->cas[i];
    }
    ERR_clear_error();
    return n;
}

fcc_status msp__issuer_of(const msp_org *org, X509 *cert, X509 **issuer, fcc_error *error)
{
    X509 *at = cert, *next = NULL;
    size_t n, level;
    fcc_status st = verify_chain(org, cert, error);

    if (st != FCC_OK)
        return st;
    /* one way up to a root at each level; more would leave open who owns the identity */
    for (level = 0; level <= org->ca_count; level++) {
        n = issuers(org, at, &next);
        if (n != 1)
            return fcc_error_set(error, FCC_ERR_AUTH, "this MSP only supports a single validation chain, got %zu", n);
        if (level == 0)
            *issuer = next;
        if (next == at || X509_cmp(next, at) == 0 || X509_self_signed(next, 0) == 1)
            break;
        at = next;
    }
    return FCC_OK;
}

bool msp__has_ou(X509 *cert, const char *ou)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int i = -1;

    while ((i = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, i)) >= 0) {
        const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i));

        if (fcc_bytes_equal(fcc_str(ou), fcc_bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value))))
            return true;
    }
    return false;
}

bool msp__is_admin_cert(const msp_org *org, X509 *cert)
{
    size_t i;

    for (i = 0; i < org->admin_count; i++)
        if (X509_cmp(org->admins[i], cert) == 0)
            return true;
    return false;
}

/* Revocation acts from the moment the list is there, whatever dates it gives. */
static bool revoked(const msp_org *org, X509 *cert, X509 *issuer)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(issuer);
    size_t i;

    for (i = 0; i < org->crl_count; i++) {
        AUTHORITY_KEYID *aki = X509_CRL_get_ext_d2i(org->crls[i], NID_authority_key_identifier, NULL, NULL);
        X509_REVOKED *entry = NULL;
        bool hit = aki && aki->keyid && ski && ASN1_OCTET_STRING_cmp(aki->keyid, ski) == 0 &&
                   X509_CRL_get0_by_serial(org->crls[i], &entry, X509_get0_serialNumber(cert)) != 0 &&
                   X509_CRL_verify(org->crls[i], X509_get0_pubkey(issuer)) == 1;

        AUTHORITY_KEYID_free(aki);
        if (hit)
            return true;
    }
    ERR_clear_error();
    return false;
}

static fcc_status check_ous(const msp_org *org, X509 *cert, X509 *issuer, msp_role *role, fcc_error *error)
{
    static const msp_role roles[] = { MSP_CLIENT, MSP_PEER, MSP_ADMIN, MSP_ORDERER };
    const X509_NAME *subject = X509_get_subject_name(cert);
    size_t i, count = 0;
    bool found = org->extra_ou_count == 0;
    int at = -1;

    for (i = 0; i < org->extra_ou_count; i++)
        if (msp__has_ou(cert, org->extra_ous[i].name) && (!org->extra_ous[i].ca || org->extra_ous[i].ca == issuer))
            found = true;
    if (!found)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not validate identity's OUs: none of the identity's organizational units are in "
                             "MSP %s",
                             org->id);
    if (!org->node_ous)
        return FCC_OK;
    /* each OU of the subject counts, also the same one twice */
    while ((at = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, at)) >= 0) {
        const ASN1_STRING *data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        const fcc_bytes ou = fcc_bytes_of(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));

        for (i = 0; i < sizeof roles / sizeof roles[0]; i++) {
            const msp__node_ou *node = &org->ous[roles[i]];

            if (!node->name || !fcc_bytes_equal(ou, fcc_str(node->name)))
                continue;
            if (node->ca && node->ca != issuer)
                return fcc_error_set(error, FCC_ERR_AUTH,
                                     "could not validate identity's OUs: certifiersIdentifier does not match: " FCC_FMT
                                     ", MSP: [%s]",
                                     FCC_ARG(ou), org->id);
            *role = roles[i];
            count++;
        }
    }
    if (count == 0)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not validate identity's OUs: the identity does not have an OU that resolves to "
                             "client, peer, orderer, or admin role. MSP: [%s]",
                             org->id);
    if (count > 1)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not validate identity's OUs: the identity must have a client, a peer, an orderer, "
                             "or an admin OU role to be valid, not a combination of them. MSP: [%s]",
                             org->id);
    return FCC_OK;
}

fcc_status msp__validate_cert(const msp_org *org, X509 *cert, msp_role *role, fcc_error *error)
{
    X509 *issuer = NULL;
    fcc_error why = { 0 };
    size_t i;

    if (!X509_get0_pubkey(cert) || !EVP_PKEY_is_a(X509_get0_pubkey(cert), "EC"))
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not validate identity's public key algorithm: it is not supported");
    if (X509_check_ca(cert) == 1)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not obtain certification chain: An X509 certificate with Basic Constraint: "
                             "Certificate Authority equals true cannot be used as an identity");
    if (msp__issuer_of(org, cert, &issuer, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not obtain certification chain: failed getting validation chain: %.800s", why.text);
    for (i = 0; i < org->ca_count; i++)
        if (org->cas[i] == issuer && org->internal[i])
            return fcc_error_set(error, FCC_ERR_AUTH,
                                 "could not obtain certification chain: invalid validation chain. Parent certificate "
                                 "should be a leaf of the certification tree");
    if (revoked(org, cert, issuer))
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "could not validate identity against certification chain: The certificate has been "
                             "revoked");
    return check_ous(org, cert, issuer, role, error);
}
