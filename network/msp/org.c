/* org.c: one organisation's membership service: its authorities, what they issued, and what they revoked. */
#include "msp/internal.h"

#include "msp/msp_config.pb-c.h"
#include "protos/unpack.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- from MSPConfig to authorities -------------------------------------------------------------------------------- */

/* The certificates of a list, each once, behind those that are there. */
static fcc_status add_certs(const ProtobufCBinaryData *pems, size_t n, msp__pool *pool, fcc_error *error)
{
    size_t i, k;

    for (i = 0; i < n; i++) {
        X509 *cert = msp__cert_of_pem(fcc__of_pb(pems[i]));

        if (!cert || !X509_get0_pubkey(cert)) {
            X509_free(cert);
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "getCertFromPem error: a certificate in its configuration is not PEM");
        }
        for (k = 0; k < pool->count && X509_cmp(pool->cas[k], cert) != 0; k++)
            ;
        if (k < pool->count)
            X509_free(cert);
        else
            pool->cas[pool->count++] = cert;
    }
    return FCC_OK;
}

static fcc_status fill_pool(const ProtobufCBinaryData *roots, size_t root_count, const ProtobufCBinaryData *others,
                            size_t other_count, fcc__arena *arena, msp__pool *pool, fcc_error *error)
{
    fcc_status st;

    pool->cas = fcc__arena_zalloc(arena, root_count + other_count + 1, sizeof(X509 *));
    if (!pool->cas)
        return FCC_ERR_LIMIT;
    st = add_certs(roots, root_count, pool, error);
    pool->roots = pool->count;
    if (st == FCC_OK)
        st = add_certs(others, other_count, pool, error);
    return st == FCC_OK ? msp__pool_build(pool) : st;
}

static void empty_pool(msp__pool *pool)
{
    size_t i;

    for (i = 0; i < pool->count && pool->cas; i++)
        X509_free(pool->cas[i]);
    pool->count = 0;
    msp__pool_unbuild(pool);
}

/* An authority's own certificate with a low S, too: by its own key, or by that of its issuer in the pool. */
static fcc_status clean_authority(const msp__pool *pool, X509 *ca, fcc__arena *arena, X509 **out, fcc_error *error)
{
    X509 *issuer = ca;
    fcc_status st;

    if (X509_check_ca(ca) != 1 || X509_verify(ca, X509_get0_pubkey(ca)) != 1) {
        ERR_clear_error();
        st = msp__pool_issuer(pool, ca, &issuer, error);
        if (st != FCC_OK)
            return st == FCC_ERR_AUTH ? FCC_ERR_CONFIG : st;
        if (issuer == ca)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "failed to traverse certificate verification chain for leaf or intermediate "
                                 "certificate, with subject %.400s",
                                 msp__subject(ca, arena));
    }
    *out = msp__sanitise(ca, X509_get0_pubkey(issuer));
    return *out ? FCC_OK : FCC_ERR_NOMEM;
}

/* Those with another signature now are other certificates to the store: it is built anew. */
static fcc_status exchange_cas(msp__pool *pool, X509 **clean)
{
    size_t i;

    msp__pool_unbuild(pool);
    for (i = 0; i < pool->count; i++) {
        X509_free(pool->cas[i]);
        pool->cas[i] = clean[i];
    }
    return msp__pool_build(pool);
}

static fcc_status parse_cas(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    msp__pool *pool = &org->pool;
    X509 **clean;
    fcc_status st;
    size_t i;

    if (config->n_root_certs == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "expected at least one CA certificate");
    st = fill_pool(config->root_certs, config->n_root_certs, config->intermediate_certs, config->n_intermediate_certs,
                   org->arena, pool, error);
    if (st != FCC_OK)
        return st;
    clean = fcc__arena_zalloc(org->arena, pool->count + 1, sizeof *clean);
    if (!clean)
        return FCC_ERR_LIMIT;
    for (i = 0; i < pool->count && st == FCC_OK; i++)
        st = clean_authority(pool, pool->cas[i], org->arena, &clean[i], error);
    if (st == FCC_OK)
        return exchange_cas(pool, clean);
    for (i = 0; i < pool->count; i++)
        X509_free(clean[i]);
    return st;
}

static const char *serial_of(X509 *cert, bool hex, char *out, size_t room)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *text = number ? hex ? BN_bn2hex(number) : BN_bn2dec(number) : NULL, *p;

    snprintf(out, room, "%s", text ? text : "?");
    for (p = out; *p; p++)
        *p = *p >= 'A' && *p <= 'F' ? (char)(*p - 'A' + 'a') : *p;
    OPENSSL_free(text);
    BN_free(number);
    return out;
}

/* Each authority, and (where asked for) which of them have issued another one. */
static fcc_status check_pool(const msp_org *org, const msp__pool *pool, bool *internal, fcc_error *error)
{
    size_t i, k, n, above_count;
    X509 *above[32];
    fcc_error why = { 0 };
    char serial[128];

    for (i = 0; i < pool->count; i++) {
        X509 *ca = pool->cas[i];

        if (X509_check_ca(ca) != 1)
            return fcc_error_set(error, FCC_ERR_CONFIG, "CA Certificate did not have the CA attribute, (SN: %s)",
                                 serial_of(ca, true, serial, sizeof serial));
        if (!X509_get0_subject_key_id(ca))
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "CA Certificate problem with Subject Key Identifier extension, (SN: %s): "
                                 "subjectKeyIdentifier not found in certificate",
                                 serial_of(ca, true, serial, sizeof serial));
        if (msp__check_authority(pool, org->crls, org->crl_count, ca, above, &above_count, &why) != FCC_OK)
            return fcc_error_set(error, FCC_ERR_CONFIG, "CA Certificate is not valid, (SN: %s): %.800s",
                                 serial_of(ca, false, serial, sizeof serial), why.text);
        for (n = 0; internal && i >= pool->roots && n < above_count; n++)
            for (k = 0; k < pool->count; k++)
                if (pool->cas[k] == above[n])
                    internal[k] = true;
    }
    return FCC_OK;
}

static size_t append_pems(const ProtobufCBinaryData *pems, size_t count, char *to)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        if (to) {
            memcpy(to + len, pems[i].data, pems[i].len);
            to[len + pems[i].len] = '\n';
        }
        len += pems[i].len + 1;
    }
    return len;
}

/* Roots and intermediates as one PEM text. */
static fcc_status join_tls(msp_org *org, const Msp__FabricMSPConfig *config)
{
    const size_t roots = append_pems(config->tls_root_certs, config->n_tls_root_certs, NULL);
    const size_t all = roots + append_pems(config->tls_intermediate_certs, config->n_tls_intermediate_certs, NULL);
    char *text = fcc__arena_alloc(org->arena, all + 1);

    if (!text)
        return FCC_ERR_LIMIT;
    append_pems(config->tls_root_certs, config->n_tls_root_certs, text);
    append_pems(config->tls_intermediate_certs, config->n_tls_intermediate_certs, text + roots);
    org->tls_cas = fcc_bytes_of(text, all);
    return FCC_OK;
}

/* One authority for identities and for TLS, which has been judged as the former. */
static bool one_authority(const Msp__FabricMSPConfig *config)
{
    return config->n_root_certs == 1 && config->n_tls_root_certs == 1 && config->n_intermediate_certs == 0 &&
           config->n_tls_intermediate_certs == 0 &&
           fcc_bytes_equal(fcc__of_pb(config->root_certs[0]), fcc__of_pb(config->tls_root_certs[0]));
}

static fcc_status parse_tls(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    msp__pool pool = { 0 };
    fcc_status st;

    if (one_authority(config))
        return join_tls(org, config);
    st = fill_pool(config->tls_root_certs, config->n_tls_root_certs, config->tls_intermediate_certs,
                   config->n_tls_intermediate_certs, org->arena, &pool, error);
    if (st == FCC_OK)
        st = check_pool(org, &pool, NULL, error);
    empty_pool(&pool);
    return st == FCC_OK ? join_tls(org, config) : st;
}

static fcc_status parse_crls(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    size_t i;

    org->crls = fcc__arena_zalloc(org->arena, config->n_revocation_list + 1, sizeof(X509_CRL *));
    if (!org->crls)
        return FCC_ERR_LIMIT;
    for (i = 0; i < config->n_revocation_list; i++) {
        const ProtobufCBinaryData *bytes = &config->revocation_list[i];
        BIO *bio = bytes->len <= MSP__MAX_FILE ? BIO_new_mem_buf(bytes->data, (int)bytes->len) : NULL;
        X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
        const unsigned char *p = bytes->data;

        BIO_free(bio);
        if (!crl)
            crl = d2i_X509_CRL(NULL, &p, (long)bytes->len);
        ERR_clear_error();
        if (!crl)
            return fcc_error_set(error, FCC_ERR_CONFIG, "could not parse RevocationList");
        org->crls[org->crl_count++] = crl;
    }
    return FCC_OK;
}

/* ---- units --------------------------------------------------------------------------------------------------------- */

/* The authority with this text, which has to be one that may issue identities. */
static fcc_status find_ca(const msp_org *org, const Msp__FabricMSPConfig *config, fcc_bytes pem, X509 **out,
                          fcc_error *error)
{
    X509 *cert, *clean = NULL;
    fcc_error why = { 0 };
    fcc_status st;
    size_t i;

    /* reading certificates is slow, and this is the usual case */
    if (config->n_root_certs == 1 && org->pool.roots == 1 && fcc_bytes_equal(fcc__of_pb(config->root_certs[0]), pem)) {
        *out = org->pool.cas[0];
        return FCC_OK;
    }
    cert = msp__cert_of_pem(pem);
    if (!cert)
        return fcc_error_set(
            error, FCC_ERR_CONFIG,
            "Failed getting certificate for [...]: [getCertFromPem error: could not decode pem bytes]");
    st = clean_authority(&org->pool, cert, org->arena, &clean, &why);
    X509_free(cert);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "sanitizeCert failed %.800s", why.text);
    for (i = 0; i < org->pool.count && X509_cmp(org->pool.cas[i], clean) != 0; i++)
        ;
    X509_free(clean);
    if (i == org->pool.count)
        return fcc_error_set(error, FCC_ERR_CONFIG, "Failed adding OU. Certificate not in root or intermediate certs.");
    if (i >= org->pool.roots && org->internal[i])
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Failed computing validation chain. [invalid validation chain. Parent certificate should "
                             "be a leaf of the certification tree]");
    *out = org->pool.cas[i];
    return FCC_OK;
}

static fcc_status parse_ou(msp_org *org, const Msp__FabricMSPConfig *config, const Msp__FabricOUIdentifier *ou,
                           msp__node_ou *out, fcc_error *error)
{
    fcc_bytes copy;

    if (!ou)
        return FCC_OK;
    if (!fcc__arena_copy(org->arena, fcc__of_pb(ou->organizational_unit_identifier), &copy))
        return FCC_ERR_LIMIT;
    out->name = (const char *)copy.data;
    return ou->certificate.len ? find_ca(org, config, fcc__of_pb(ou->certificate), &out->ca, error) : FCC_OK;
}

static fcc_status parse_extra_ous(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    const size_t n = config->n_organizational_unit_identifiers;
    fcc_error why = { 0 };
    fcc_status st = FCC_OK;
    size_t i;

    org->extra_ous = fcc__arena_zalloc(org->arena, n + 1, sizeof *org->extra_ous);
    if (!org->extra_ous)
        return FCC_ERR_LIMIT;
    for (i = 0; i < n && st == FCC_OK; i++) {
        const Msp__FabricOUIdentifier *ou = config->organizational_unit_identifiers[i];

        if (ou->certificate.len == 0)
            st = fcc_error_set(&why, FCC_ERR_CONFIG,
                               "Failed getting certificate for [[]]: [getCertFromPem error: nil idBytes]");
        else
            st = parse_ou(org, config, ou, &org->extra_ous[org->extra_ou_count++], &why);
        if (st == FCC_ERR_CONFIG)
            fcc_error_set(error, st,
                          "failed getting certificate for [organizational_unit_identifier:\"" FCC_FMT "\"]: %.600s",
                          FCC_ARG(fcc__of_pb(ou->organizational_unit_identifier)), why.text);
    }
    return st;
}

static fcc_status parse_node_ous(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    const Msp__FabricNodeOUs *node = config->fabric_node_ous;
    const bool newer = org->version >= MSP__V1_4_3;
    fcc_status st;

    if (!node || org->version == MSP__V1_0)
        return FCC_OK;
    if (!newer && (!node->client_ou_identifier || !node->client_ou_identifier->organizational_unit_identifier.len))
        return fcc_error_set(error, FCC_ERR_CONFIG, "Failed setting up NodeOUs. ClientOU must be different from nil.");
    if (!newer && (!node->peer_ou_identifier || !node->peer_ou_identifier->organizational_unit_identifier.len))
        return fcc_error_set(error, FCC_ERR_CONFIG, "Failed setting up NodeOUs. PeerOU must be different from nil.");
    st = parse_ou(org, config, node->client_ou_identifier, &org->ous[MSP_CLIENT], error);
    if (st == FCC_OK)
        st = parse_ou(org, config, node->peer_ou_identifier, &org->ous[MSP_PEER], error);
    if (st == FCC_OK && newer)
        st = parse_ou(org, config, node->admin_ou_identifier, &org->ous[MSP_ADMIN], error);
    if (st == FCC_OK && newer)
        st = parse_ou(org, config, node->orderer_ou_identifier, &org->ous[MSP_ORDERER], error);
    org->node_ous = node->enable && (org->ous[MSP_CLIENT].name || org->ous[MSP_PEER].name || org->ous[MSP_ADMIN].name ||
                                     org->ous[MSP_ORDERER].name);
    return st;
}

/* ---- administrators ------------------------------------------------------------------------------------------------ */

static fcc_status parse_admins(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    fcc_status st = FCC_OK;
    size_t i;

    org->admins = fcc__arena_zalloc(org->arena, config->n_admins + 1, sizeof(X509 *));
    if (!org->admins)
        return FCC_ERR_LIMIT;
    for (i = 0; i < config->n_admins && st == FCC_OK; i++) {
        X509 *cert = msp__cert_of_pem(fcc__of_pb(config->admins[i])), *issuer = NULL;

        if (!cert)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "getCertFromPem error: an admin certificate in its configuration is not PEM");
        st = msp__issuer_of(org, cert, &issuer, error) == FCC_OK ? FCC_OK : FCC_ERR_CONFIG;
        if (st == FCC_OK) {
            org->admins[org->admin_count] = msp__sanitise(cert, X509_get0_pubkey(issuer));
            st = org->admins[org->admin_count] ? FCC_OK : FCC_ERR_NOMEM;
            org->admin_count += st == FCC_OK;
        }
        X509_free(cert);
    }
    if (st == FCC_OK && org->version >= MSP__V1_4_3 && org->admin_count == 0 &&
        (!org->node_ous || !org->ous[MSP_ADMIN].name))
        st = fcc_error_set(error, FCC_ERR_CONFIG,
                           "administrators must be declared when no admin ou classification is set");
    return st;
}

/* With NodeOUs an administrator is a client or has the unit of administrators, without them a valid identity. */
static fcc_status check_admin(const msp_org *org, X509 *cert, fcc_error *error)
{
    msp_role role = MSP_MEMBER;
    fcc_status st;

    if (!org->node_ous || org->version < MSP__V1_4_3) {
        st = msp__validate_cert(org, cert, NULL, &role, error);
        if (st != FCC_OK || !org->node_ous || role == MSP_CLIENT)
            return st;
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "The identity is not a [CLIENT] under this MSP [%s]: The identity does not contain OU "
                             "[CLIENT], MSP: [%s]",
                             org->id, org->id);
    }
    if ((org->ous[MSP_CLIENT].name && msp__has_ou(cert, org->ous[MSP_CLIENT].name)) ||
        (org->ous[MSP_ADMIN].name && msp__has_ou(cert, org->ous[MSP_ADMIN].name)))
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_CONFIG,
                         "[The identity does not contain OU [CLIENT], MSP: [%s],The identity does not contain OU "
                         "[ADMIN], MSP: [%s]]",
                         org->id, org->id);
}

static fcc_status check_admins(const msp_org *org, fcc_error *error)
{
    const bool listed = org->node_ous && org->version >= MSP__V1_4_3;
    fcc_error why = { 0 };
    size_t i;

    for (i = 0; i < org->admin_count; i++)
        if (check_admin(org, org->admins[i], &why) != FCC_OK)
            return fcc_error_set(error, FCC_ERR_CONFIG, "admin %zu is invalid%s%.900s", i, listed ? " " : ": ",
                                 why.text);
    return FCC_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static fcc_status parse_crypto(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    const Msp__FabricCryptoConfig *crypto = config->crypto_config;
    const fcc_bytes family = crypto ? fcc__of_pb(crypto->signature_hash_family) : fcc_bytes_of(NULL, 0);
    const fcc_bytes hash = crypto ? fcc__of_pb(crypto->identity_identifier_hash_function) : fcc_bytes_of(NULL, 0);

    org->sha3 = fcc_bytes_equal(family, FCC_LIT("SHA3"));
    if (family.len && !org->sha3 && !fcc_bytes_equal(family, FCC_LIT("SHA2")))
        return fcc_error_set(error, FCC_ERR_CONFIG, "hash family not recognized [" FCC_FMT "]", FCC_ARG(family));
    if (hash.len && !fcc_bytes_equal(hash, FCC_LIT("SHA256")))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "failed getting hash function options: hash function " FCC_FMT
                             " for identities: expected SHA256",
                             FCC_ARG(hash));
    return FCC_OK;
}

static fcc_status setup(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    fcc_status st = parse_crypto(org, config, error);

    if (st == FCC_OK)
        st = parse_cas(org, config, error);
    if (st == FCC_OK)
        st = parse_crls(org, config, error);
    if (st == FCC_OK) {
        org->internal = fcc__arena_zalloc(org->arena, org->pool.count + 1, sizeof *org->internal);
        st = org->internal ? check_pool(org, &org->pool, org->internal, error) : FCC_ERR_LIMIT;
    }
    if (st == FCC_OK)
        st = parse_tls(org, config, error);
    if (st == FCC_OK)
        st = parse_extra_ous(org, config, error);
    if (st == FCC_OK)
        st = parse_node_ous(org, config, error);
    if (st == FCC_OK)
        st = parse_admins(org, config, error);
    return st == FCC_OK ? check_admins(org, error) : st;
}

fcc_status msp__org_parse(fcc_bytes msp_config, msp__version version, msp_org **out, fcc_error *error)
{
    msp_org *org = calloc(1, sizeof *org);
    Msp__MSPConfig *outer;
    Msp__FabricMSPConfig *config;
    fcc_bytes copy;
    fcc_status st = FCC_ERR_NOMEM;

    if (!org || !(org->arena = fcc__arena_new(MSP__ARENA)) || !fcc__arena_copy(org->arena, msp_config, &org->config))
        goto out;
    org->version = version;
    st = FCC__UNPACK(msp__mspconfig, org->config, org->arena, &outer);
    if (st == FCC_OK && outer->type != 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "MSP type %d: expected 0 (FABRIC)", outer->type);
    else if (st == FCC_OK)
        st = FCC__UNPACK(msp__fabric_mspconfig, fcc__of_pb(outer->config), org->arena, &config);
    if (st == FCC_ERR_PROTO)
        st = fcc_error_set(error, st, "failed unmarshalling fabric msp config");
    if (st == FCC_OK && !fcc__arena_copy(org->arena, fcc__of_pb(config->name), &copy))
        st = FCC_ERR_LIMIT;
    if (st != FCC_OK)
        goto out;
    org->id = (const char *)copy.data;
    st = setup(org, config, error);
    if (st == FCC_OK) {
        *out = org;
        org = NULL; /* moved */
    }
out:
    if (st == FCC_ERR_NOMEM || st == FCC_ERR_LIMIT || st == FCC_ERR_INTERNAL)
        st = fcc_error_set(error, st, "out of memory for a membership service");
    msp_org_free(org);
    return st;
}

fcc_status msp_org_parse(fcc_bytes msp_config, msp_org **out, fcc_error *error)
{
    fcc_status st = msp__org_parse(msp_config, MSP__V1_4_3, out, error);

    if (st == FCC_OK && (*out)->id[0] == '\0') {
        msp_org_free(*out);
        st = fcc_error_set(error, FCC_ERR_CONFIG, "the MSP has an empty MSP ID");
    }
    return st;
}

void msp_org_free(msp_org *org)
{
    size_t i;

    if (!org)
        return;
    empty_pool(&org->pool);
    for (i = 0; i < org->admin_count; i++)
        X509_free(org->admins[i]);
    for (i = 0; i < org->crl_count; i++)
        X509_CRL_free(org->crls[i]);
    fcc__arena_free(org->arena);
    free(org);
}

const char *msp_org_id(const msp_org *org)
{
    return org->id;
}

fcc_bytes msp_org_config(const msp_org *org)
{
    return org->config;
}
