/* org.c: one organisation's membership service: its authorities, what they issued, and what they revoked. */
#include "msp/internal.h"

#include "config/config.h"
#include "msp/msp_config.pb-c.h"
#include "protos/unpack.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- from a directory to MSPConfig -------------------------------------------------------------------------------- */

static fcc_status read_certs(const char *msp_dir, const char *folder, fcc__arena *arena, size_t *n,
                             ProtobufCBinaryData **out, fcc_error *error)
{
    char *dir = fcc__arena_printf(arena, "%s/%s", msp_dir, folder);
    msp__files files;
    size_t i;
    fcc_status st;

    if (!dir)
        return FCC_ERR_LIMIT;
    st = msp__read_dir(dir, arena, &files, error);
    if (st != FCC_OK)
        return st;
    *out = fcc__arena_zalloc(arena, files.n + 1, sizeof **out);
    if (!*out)
        return FCC_ERR_LIMIT;
    for (i = 0; i < files.n; i++)
        (*out)[i] = fcc__pb(files.contents[i]);
    *n = files.n;
    return FCC_OK;
}

static fcc_status make_ou(const char *msp_dir, const config_ou *ou, fcc__arena *arena, Msp__FabricOUIdentifier **out,
                          fcc_error *error)
{
    Msp__FabricOUIdentifier *made;
    fcc_bytes pem = { 0 };

    if (!ou->ou)
        return FCC_OK;
    made = fcc__arena_alloc(arena, sizeof *made);
    if (!made)
        return FCC_ERR_LIMIT;
    msp__fabric_ouidentifier__init(made);
    made->organizational_unit_identifier = fcc__pb(fcc_str(ou->ou));
    if (ou->certificate) {
        char *path = fcc__arena_printf(arena, "%s/%s", msp_dir, ou->certificate);
        fcc_status st = path ? msp__read_file(path, arena, &pem, error) : FCC_ERR_LIMIT;

        if (st != FCC_OK)
            return st;
    }
    made->certificate = fcc__pb(pem);
    *out = made;
    return FCC_OK;
}

static fcc_status make_config(const char *msp_dir, const char *mspid, fcc__arena *arena, fcc_bytes *out,
                              fcc_error *error)
{
    Msp__FabricMSPConfig config = MSP__FABRIC_MSPCONFIG__INIT;
    Msp__FabricCryptoConfig crypto = MSP__FABRIC_CRYPTO_CONFIG__INIT;
    Msp__FabricNodeOUs node_ous = MSP__FABRIC_NODE_OUS__INIT;
    Msp__MSPConfig outer = MSP__MSPCONFIG__INIT;
    config_msp_ous ous;
    fcc_bytes inner;
    size_t i;
    char *path = fcc__arena_printf(arena, "%s/config.yaml", msp_dir);
    fcc_status st = path ? config_load_msp_ous(path, arena, &ous, error) : FCC_ERR_LIMIT;

#define STEP(call)        \
    do {                  \
        if (st == FCC_OK) \
            st = (call);  \
    } while (0)
    STEP(read_certs(msp_dir, "cacerts", arena, &config.n_root_certs, &config.root_certs, error));
    STEP(read_certs(msp_dir, "intermediatecerts", arena, &config.n_intermediate_certs, &config.intermediate_certs,
                    error));
    STEP(read_certs(msp_dir, "admincerts", arena, &config.n_admins, &config.admins, error));
    STEP(read_certs(msp_dir, "crls", arena, &config.n_revocation_list, &config.revocation_list, error));
    STEP(read_certs(msp_dir, "tlscacerts", arena, &config.n_tls_root_certs, &config.tls_root_certs, error));
    STEP(read_certs(msp_dir, "tlsintermediatecerts", arena, &config.n_tls_intermediate_certs,
                    &config.tls_intermediate_certs, error));
    if (st == FCC_OK && ous.present) {
        node_ous.enable = ous.enable;
        STEP(make_ou(msp_dir, &ous.client, arena, &node_ous.client_ou_identifier, error));
        STEP(make_ou(msp_dir, &ous.peer, arena, &node_ous.peer_ou_identifier, error));
        STEP(make_ou(msp_dir, &ous.admin, arena, &node_ous.admin_ou_identifier, error));
        STEP(make_ou(msp_dir, &ous.orderer, arena, &node_ous.orderer_ou_identifier, error));
        config.fabric_node_ous = &node_ous;
    }
    if (st == FCC_OK && ous.extra_count) {
        config.organizational_unit_identifiers = fcc__arena_zalloc(arena, ous.extra_count,
                                                                   sizeof *config.organizational_unit_identifiers);
        if (!config.organizational_unit_identifiers)
            st = FCC_ERR_LIMIT;
        for (i = 0; i < ous.extra_count; i++)
            STEP(make_ou(msp_dir, &ous.extra[i], arena, &config.organizational_unit_identifiers[i], error));
        config.n_organizational_unit_identifiers = ous.extra_count;
    }
    if (st == FCC_OK && config.n_root_certs == 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s/cacerts: expected at least one CA certificate", msp_dir);
    config.name = fcc__pb(fcc_str(mspid));
    crypto.signature_hash_family = fcc__pb(FCC_LIT("SHA2"));
    crypto.identity_identifier_hash_function = fcc__pb(FCC_LIT("SHA256"));
    config.crypto_config = &crypto;
    STEP(fcc__pack(&config, arena, &inner));
    if (st != FCC_OK)
        return st;
    outer.config = fcc__pb(inner);
    return fcc__pack(&outer, arena, out);
#undef STEP
}

fcc_status msp_org_load(const char *msp_dir, const char *mspid, msp_org **out, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MSP__ARENA);
    fcc_bytes config;
    fcc_status st = FCC_ERR_LIMIT;

    if (arena)
        st = make_config(msp_dir, mspid, arena, &config, error);
    if (st == FCC_ERR_LIMIT)
        st = fcc_error_set(error, st, "%s: too much in this MSP directory", msp_dir);
    if (st == FCC_OK)
        st = msp_org_parse(config, out, error);
    fcc__arena_free(arena);
    return st;
}

/* ---- from MSPConfig to authorities -------------------------------------------------------------------------------- */

static fcc_status parse_certs(const ProtobufCBinaryData *pems, size_t n, X509 **out, const char *id, fcc_error *error)
{
    size_t i;

    for (i = 0; i < n; i++) {
        out[i] = msp__cert_of_pem(fcc__of_pb(pems[i]));
        if (!out[i] || !X509_get0_pubkey(out[i]))
            return fcc_error_set(error, FCC_ERR_CONFIG, "MSP %s: a certificate in its configuration is not PEM", id);
    }
    return FCC_OK;
}

static X509 *same_ca(const msp_org *org, X509 *cert)
{
    size_t i;

    for (i = 0; i < org->ca_count; i++)
        if (X509_cmp(org->cas[i], cert) == 0)
            return org->cas[i];
    return NULL;
}

/* The authority with this very text: reading certificates is slow, and this is the usual case. */
static X509 *ca_of_text(const msp_org *org, const Msp__FabricMSPConfig *config, fcc_bytes pem)
{
    size_t i;

    for (i = 0; i < config->n_root_certs; i++)
        if (fcc_bytes_equal(fcc__of_pb(config->root_certs[i]), pem))
            return org->cas[i];
    return NULL;
}

static fcc_status parse_ou(msp_org *org, const Msp__FabricMSPConfig *config, const Msp__FabricOUIdentifier *ou,
                           msp__node_ou *out, fcc_error *error)
{
    fcc_bytes copy;
    X509 *cert;

    if (!ou || ou->organizational_unit_identifier.len == 0)
        return FCC_OK;
    if (!fcc__arena_copy(org->arena, fcc__of_pb(ou->organizational_unit_identifier), &copy))
        return FCC_ERR_LIMIT;
    out->name = (const char *)copy.data;
    if (ou->certificate.len == 0)
        return FCC_OK;
    out->ca = ca_of_text(org, config, fcc__of_pb(ou->certificate));
    if (out->ca)
        return FCC_OK;
    cert = msp__cert_of_pem(fcc__of_pb(ou->certificate));
    out->ca = cert ? same_ca(org, cert) : NULL;
    X509_free(cert);
    if (!out->ca)
        return fcc_error_set(error, FCC_ERR_CONFIG, "MSP %s: the certificate of OU %s is none of its authorities",
                             org->id, out->name);
    return FCC_OK;
}

static fcc_status check_ca(const msp_org *org, X509 *ca, bool root, fcc_error *error)
{
    X509 *issuer = NULL;

    if (X509_check_ca(ca) != 1)
        return fcc_error_set(error, FCC_ERR_CONFIG, "MSP %s: CA Certificate did not have the CA attribute", org->id);
    if (!X509_get0_subject_key_id(ca))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "MSP %s: CA Certificate problem with Subject Key Identifier extension", org->id);
    if (!root && msp__issuer_of(org, ca, &issuer, error) != FCC_OK)
        return FCC_ERR_CONFIG;
    return FCC_OK;
}

static fcc_status parse_crls(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    size_t i;

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
            return fcc_error_set(error, FCC_ERR_CONFIG, "MSP %s: could not parse RevocationList", org->id);
        org->crls[org->crl_count++] = crl;
    }
    return FCC_OK;
}

static fcc_status parse_admins(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    size_t i;
    fcc_status st = FCC_OK;

    for (i = 0; i < config->n_admins && st == FCC_OK; i++) {
        X509 *cert = msp__cert_of_pem(fcc__of_pb(config->admins[i])), *issuer = NULL;

        if (!cert)
            return fcc_error_set(error, FCC_ERR_CONFIG, "MSP %s: an admin certificate is not PEM", org->id);
        st = msp__issuer_of(org, cert, &issuer, error);
        if (st == FCC_OK) {
            org->admins[org->admin_count] = msp__sanitise(cert, X509_get0_pubkey(issuer));
            st = org->admins[org->admin_count] ? FCC_OK : FCC_ERR_NOMEM;
            org->admin_count += st == FCC_OK;
        }
        X509_free(cert);
    }
    return st;
}

static fcc_status parse_ous(msp_org *org, const Msp__FabricMSPConfig *config, fcc_error *error)
{
    const Msp__FabricNodeOUs *node = config->fabric_node_ous;
    size_t i;
    fcc_status st = FCC_OK;

    if (node) {
        org->node_ous = node->enable;
        st = parse_ou(org, config, node->client_ou_identifier, &org->ous[MSP_CLIENT], error);
        if (st == FCC_OK)
            st = parse_ou(org, config, node->peer_ou_identifier, &org->ous[MSP_PEER], error);
        if (st == FCC_OK)
            st = parse_ou(org, config, node->admin_ou_identifier, &org->ous[MSP_ADMIN], error);
        if (st == FCC_OK)
            st = parse_ou(org, config, node->orderer_ou_identifier, &org->ous[MSP_ORDERER], error);
    }
    for (i = 0; i < config->n_organizational_unit_identifiers && st == FCC_OK; i++) {
        st = parse_ou(org, config, config->organizational_unit_identifiers[i], &org->extra_ous[org->extra_ou_count],
                      error);
        org->extra_ou_count++;
    }
    if (st == FCC_OK && org->admin_count == 0 && !(org->node_ous && org->ous[MSP_ADMIN].name))
        st = fcc_error_set(error, FCC_ERR_CONFIG,
                           "MSP %s: administrators must be declared when no admin ou classification is set", org->id);
    return st;
}

static fcc_status build_store(msp_org *org)
{
    size_t i;

    org->store = X509_STORE_new();
    org->intermediates = sk_X509_new_null();
    if (!org->store || !org->intermediates)
        return FCC_ERR_NOMEM;
    for (i = 0; i < org->root_count; i++)
        if (X509_STORE_add_cert(org->store, org->cas[i]) != 1)
            return FCC_ERR_INTERNAL;
    for (i = org->root_count; i < org->ca_count; i++)
        if (sk_X509_push(org->intermediates, org->cas[i]) <= 0)
            return FCC_ERR_NOMEM;
    return FCC_OK;
}

fcc_status msp_org_parse(fcc_bytes msp_config, msp_org **out, fcc_error *error)
{
    msp_org *org = calloc(1, sizeof *org);
    Msp__MSPConfig *outer;
    Msp__FabricMSPConfig *config;
    fcc_bytes copy;
    size_t i;
    fcc_status st = FCC_ERR_NOMEM;

    if (!org || !(org->arena = fcc__arena_new(MSP__ARENA)) || !fcc__arena_copy(org->arena, msp_config, &org->config))
        goto out;
    st = FCC__UNPACK(msp__mspconfig, org->config, org->arena, &outer);
    if (st == FCC_OK && outer->type != 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "MSP type %d: expected 0 (FABRIC)", outer->type);
    else if (st == FCC_OK)
        st = FCC__UNPACK(msp__fabric_mspconfig, fcc__of_pb(outer->config), org->arena, &config);
    if (st == FCC_ERR_PROTO)
        st = fcc_error_set(error, st, "not a FabricMSPConfig");
    if (st != FCC_OK)
        goto out;
    st = FCC_ERR_LIMIT;
    if (!fcc__arena_copy(org->arena, fcc__of_pb(config->name), &copy))
        goto out;
    org->id = (const char *)copy.data;
    org->root_count = config->n_root_certs;
    org->ca_count = config->n_root_certs + config->n_intermediate_certs;
    org->cas = fcc__arena_zalloc(org->arena, org->ca_count + 1, sizeof(X509 *));
    org->internal = fcc__arena_zalloc(org->arena, org->ca_count + 1, sizeof(bool));
    org->admins = fcc__arena_zalloc(org->arena, config->n_admins + 1, sizeof(X509 *));
    org->crls = fcc__arena_zalloc(org->arena, config->n_revocation_list + 1, sizeof(X509_CRL *));
    org->extra_ous = fcc__arena_zalloc(org->arena, config->n_organizational_unit_identifiers + 1,
                                       sizeof *org->extra_ous);
    if (!org->cas || !org->internal || !org->admins || !org->crls || !org->extra_ous)
        goto out;
    if (org->id[0] == '\0' || org->root_count == 0) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "MSP \"%s\": expected a name and at least one CA certificate",
                           org->id);
        goto out;
    }
    st = parse_certs(config->root_certs, config->n_root_certs, org->cas, org->id, error);
    if (st == FCC_OK)
        st = parse_certs(config->intermediate_certs, config->n_intermediate_certs, org->cas + org->root_count, org->id,
                         error);
    if (st == FCC_OK)
        st = build_store(org);
    for (i = 0; i < org->ca_count && st == FCC_OK; i++)
        st = check_ca(org, org->cas[i], i < org->root_count, error);
    for (i = org->root_count; i < org->ca_count && st == FCC_OK; i++) {
        X509 *issuer = NULL;
        size_t k;

        st = msp__issuer_of(org, org->cas[i], &issuer, error);
        for (k = 0; k < org->ca_count; k++)
            if (org->cas[k] == issuer)
                org->internal[k] = true;
    }
    if (st == FCC_OK)
        st = parse_crls(org, config, error);
    if (st == FCC_OK)
        st = parse_admins(org, config, error);
    if (st == FCC_OK)
        st = parse_ous(org, config, error);
    if (st == FCC_OK) {
        *out = org;
        org = NULL; /* moved */
    }
out:
    if (st == FCC_ERR_NOMEM || st == FCC_ERR_LIMIT || st == FCC_ERR_INTERNAL)
        st = fcc_error_set(error, st, "%s", "out of memory for a membership service");
    msp_org_free(org);
    return st;
}

void msp_org_free(msp_org *org)
{
    size_t i;

    if (!org)
        return;
    for (i = 0; i < org->ca_count && org->cas; i++)
        X509_free(org->cas[i]);
    for (i = 0; i < org->admin_count; i++)
        X509_free(org->admins[i]);
    for (i = 0; i < org->crl_count; i++)
        X509_CRL_free(org->crls[i]);
    X509_STORE_free(org->store);
    sk_X509_free(org->intermediates);
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
