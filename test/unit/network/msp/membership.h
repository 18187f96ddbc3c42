/*
 * membership.h: certificates of every odd kind, membership services of them, and what becomes of an identity there, in
 * words. Every case is one MSPConfig, one identity and one principal; the expected words are Fabric's.
 */
#ifndef TEST_UNIT_NETWORK_MSP_MEMBERSHIP_H
#define TEST_UNIT_NETWORK_MSP_MEMBERSHIP_H

#include "test/unit/network/msp/fixture.h"

#include "msp/msp_principal.pb-c.h"

#include <openssl/x509v3.h>

/* ---- making things ------------------------------------------------------------------------------------------------- */

typedef struct made {
    EVP_PKEY *key;
    X509 *cert;
} made;

typedef struct spec {
    const char *name;
    const char *units[3];
    bool ca;
    const char *usage; /* extended key usage */
    const char *odd;   /* content of a critical extension that nobody knows */
    const char *constraints;
    const EVP_MD *digest; /* NULL: SHA-256 */
    const char *kind;     /* of key; NULL: P-256 */
    bool high_s;          /* in the issuer's signature */
    EVP_PKEY *key;        /* to be used instead of a new one */
    long serial;
    int64_t from, to; /* 0: FIX_NOW, ten years later */
} spec;

typedef struct world {
    fcc__arena *arena;
    made all[64];
    size_t count;
} world;

static inline EVP_PKEY *new_key(const char *kind)
{
    if (!kind)
        return msp__new_key();
    if (strcmp(kind, "RSA") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    return kind[0] == 'P' ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind) : EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static inline void extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *one;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    one = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(one);
    assert_int_equal(X509_add_ext(cert, one, -1), 1);
    X509_EXTENSION_free(one);
}

static inline void odd_extension(X509 *cert, const char *content)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7.8.9", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *one;

    ASN1_OCTET_STRING_set(value, (const unsigned char *)content, (int)strlen(content));
    one = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
    assert_int_equal(X509_add_ext(cert, one, -1), 1);
    X509_EXTENSION_free(one);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
}

/* With an S as wanted, where the signature has one. */
static inline void sign(X509 *cert, EVP_PKEY *key, const EVP_MD *digest, msp__s wanted)
{
    BIGNUM *order = msp__order(key);
    const ASN1_BIT_STRING *value;

    do {
        assert_true(X509_sign(cert, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : digest) > 0);
        X509_get0_signature(&value, NULL, cert);
    } while (EVP_PKEY_is_a(key, "EC") &&
             msp__check_s(order, fcc_bytes_of(value->data, (size_t)value->length)) != wanted);
    BN_free(order);
}

/* Signed by `issuer`, or by itself. */
static inline const made *make(world *w, spec s, const made *issuer)
{
    made *out = &w->all[w->count++];
    const unsigned char *name = (const unsigned char *)s.name;
    X509_NAME *subject = X509_NAME_new();
    EVP_PKEY *signer;
    size_t i;

    assert_true(w->count < sizeof w->all / sizeof w->all[0]);
    out->key = s.key;
    if (out->key)
        EVP_PKEY_up_ref(out->key);
    else
        out->key = new_key(s.kind);
    out->cert = X509_new();
    signer = issuer ? issuer->key : out->key;
    X509_set_version(out->cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out->cert), s.serial ? s.serial : (long)w->count + 100);
    for (i = 0; i < 3 && s.units[i]; i++)
        X509_NAME_add_entry_by_NID(subject, NID_organizationalUnitName, MBSTRING_UTF8,
                                   (const unsigned char *)s.units[i], -1, -1, 0);
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name, -1, -1, 0);
    X509_set_subject_name(out->cert, subject);
    X509_set_issuer_name(out->cert, issuer ? X509_get_subject_name(issuer->cert) : subject);
    X509_NAME_free(subject);
    ASN1_TIME_set((ASN1_TIME *)(uintptr_t)X509_get0_notBefore(out->cert), s.from ? s.from : FIX_NOW);
    ASN1_TIME_set((ASN1_TIME *)(uintptr_t)X509_get0_notAfter(out->cert), s.to ? s.to : FIX_NOW + 10 * FIX_YEAR);
    X509_set_pubkey(out->cert, out->key);
    extension(out->cert, issuer ? issuer->cert : out->cert, NID_basic_constraints,
              s.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extension(out->cert, issuer ? issuer->cert : out->cert, NID_key_usage,
              s.ca ? "critical,keyCertSign,cRLSign,digitalSignature" : "critical,digitalSignature");
    if (s.ca)
        extension(out->cert, out->cert, NID_subject_key_identifier, "hash");
    if (s.usage)
        extension(out->cert, out->cert, NID_ext_key_usage, s.usage);
    if (s.constraints)
        extension(out->cert, out->cert, NID_name_constraints, s.constraints);
    if (s.odd)
        odd_extension(out->cert, s.odd);
    sign(out->cert, signer, s.digest ? s.digest : EVP_sha256(), s.high_s ? MSP__S_HIGH : MSP__S_LOW);
    return out;
}

static inline const made *authority(world *w, const char *name, const made *issuer)
{
    return make(w, (spec){ .name = name, .ca = true }, issuer);
}

static inline const made *member(world *w, const char *unit, const made *issuer)
{
    return make(w, (spec){ .name = "somebody", .units = { unit } }, issuer);
}

/* A list of `issuer` that revokes one serial number, signed with `key`. */
static inline fcc_bytes revocation(world *w, const made *issuer, const made *revoked, EVP_PKEY *key, bool aki)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, FIX_NOW + 9 * FIX_YEAR); /* in the future: it counts at once */
    unsigned char *der = NULL;
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    fcc_bytes out;
    int len;

    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert));
    X509_CRL_set1_lastUpdate(crl, time);
    X509_CRL_set1_nextUpdate(crl, time);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->cert));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl, entry);
    X509V3_set_ctx(&ctx, issuer->cert, NULL, NULL, crl, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    assert_non_null(extension);
    if (aki)
        X509_CRL_add_ext(crl, extension, -1);
    assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
    len = i2d_X509_CRL(crl, &der);
    assert_true(fcc__arena_copy(w->arena, fcc_bytes_of(der, (size_t)len), &out));
    OPENSSL_free(der);
    X509_EXTENSION_free(extension);
    ASN1_TIME_free(time);
    X509_CRL_free(crl);
    return out;
}

/* ---- a membership service ------------------------------------------------------------------------------------------ */

enum { MOST = 4 };

typedef struct service {
    const made *roots[MOST], *between[MOST], *admins[MOST], *tls[MOST];
    fcc_bytes lists[MOST];
    bool units;           /* NodeOUs */
    const char *names[4]; /* of client, peer, admin, orderer; NULL: not defined */
    const made *unit_ca[4];
    const char *extra;
    const made *extra_ca;
    const char *family; /* of hashes */
} service;

static inline size_t pems(world *w, const made *const *from, ProtobufCBinaryData **out)
{
    size_t n = 0;

    *out = fcc__arena_zalloc(w->arena, MOST, sizeof **out);
    for (; n < MOST && from[n]; n++)
        (*out)[n] = fcc__pb(msp__pem_of_cert(from[n]->cert, w->arena));
    return n;
}

static inline fcc_bytes packed(world *w, const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, w->arena, &out), FCC_OK);
    return out;
}

static inline fcc_bytes service_of(world *w, const service *s)
{
    Msp__FabricMSPConfig config = MSP__FABRIC_MSPCONFIG__INIT;
    Msp__FabricCryptoConfig crypto = MSP__FABRIC_CRYPTO_CONFIG__INIT;
    Msp__FabricNodeOUs units = MSP__FABRIC_NODE_OUS__INIT;
    Msp__FabricOUIdentifier unit[4], extra = MSP__FABRIC_OUIDENTIFIER__INIT, *extras = &extra,
                                     **slots[4] = { &units.client_ou_identifier, &units.peer_ou_identifier,
                                                    &units.admin_ou_identifier, &units.orderer_ou_identifier };
    Msp__MSPConfig outer = MSP__MSPCONFIG__INIT;
    ProtobufCBinaryData lists[MOST];
    int i;

    config.name = fcc__pb(FCC_LIT("OrgMSP"));
    crypto.signature_hash_family = fcc__pb(fcc_str(s->family ? s->family : "SHA2"));
    crypto.identity_identifier_hash_function = fcc__pb(FCC_LIT("SHA256"));
    config.crypto_config = &crypto;
    config.n_root_certs = pems(w, s->roots, &config.root_certs);
    config.n_intermediate_certs = pems(w, s->between, &config.intermediate_certs);
    config.n_admins = pems(w, s->admins, &config.admins);
    config.n_tls_root_certs = pems(w, s->tls, &config.tls_root_certs);
    for (i = 0; i < MOST && s->lists[i].len; i++)
        lists[config.n_revocation_list++] = fcc__pb(s->lists[i]);
    config.revocation_list = lists;
    for (i = 0; i < 4; i++) {
        msp__fabric_ouidentifier__init(&unit[i]);
        if (!s->names[i])
            continue;
        unit[i].organizational_unit_identifier = fcc__pb(fcc_str(s->names[i]));
        if (s->unit_ca[i])
            unit[i].certificate = fcc__pb(msp__pem_of_cert(s->unit_ca[i]->cert, w->arena));
        *slots[i] = &unit[i];
    }
    units.enable = true;
    if (s->units)
        config.fabric_node_ous = &units;
    if (s->extra) {
        extra.organizational_unit_identifier = fcc__pb(fcc_str(s->extra));
        if (s->extra_ca)
            extra.certificate = fcc__pb(msp__pem_of_cert(s->extra_ca->cert, w->arena));
        config.n_organizational_unit_identifiers = 1;
        config.organizational_unit_identifiers = &extras;
    }
    outer.config = fcc__pb(packed(w, &config));
    return packed(w, &outer);
}

#define UNITS .units = true, .names = { "client", "peer", "admin", "orderer" }

/* ---- principals ---------------------------------------------------------------------------------------------------- */

static inline Common__MSPPrincipal *principal(world *w, Common__MSPPrincipal__Classification kind, const void *message)
{
    Common__MSPPrincipal *out = fcc__arena_alloc(w->arena, sizeof *out);

    common__mspprincipal__init(out);
    out->principal_classification = kind;
    out->principal = fcc__pb(packed(w, message));
    return out;
}

static inline Common__MSPPrincipal *role(world *w, msp_role which)
{
    Common__MSPRole message = COMMON__MSPROLE__INIT;

    message.msp_identifier = fcc__pb(FCC_LIT("OrgMSP"));
    message.role = (Common__MSPRole__MSPRoleType)which;
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE, &message);
}

/* Of the identities that this chain of authorities issued. */
static inline Common__MSPPrincipal *unit(world *w, const char *name, const made *const *chain, size_t count)
{
    Common__OrganizationUnit message = COMMON__ORGANIZATION_UNIT__INIT;
    fcc_bytes parts[MOST], copy;
    fcc__sha256 digest;
    size_t i;

    for (i = 0; i < count; i++)
        parts[i] = msp__der_of_cert(chain[i]->cert, w->arena);
    digest = fcc__sha256_of_many(parts, count);
    assert_true(fcc__arena_copy(w->arena, fcc__sha256_bytes(&digest), &copy));
    message.msp_identifier = fcc__pb(FCC_LIT("OrgMSP"));
    message.organizational_unit_identifier = fcc__pb(fcc_str(name));
    message.certifiers_identifier = fcc__pb(copy);
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__ORGANIZATION_UNIT, &message);
}

static inline Common__MSPPrincipal *anonymity(world *w, int kind)
{
    Common__MSPIdentityAnonymity message = COMMON__MSPIDENTITY_ANONYMITY__INIT;

    message.anonymity_type = (Common__MSPIdentityAnonymity__MSPIdentityAnonymityType)kind;
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__ANONYMITY, &message);
}

static inline Common__MSPPrincipal *both(world *w, Common__MSPPrincipal *a, Common__MSPPrincipal *b)
{
    Common__CombinedPrincipal message = COMMON__COMBINED_PRINCIPAL__INIT;
    Common__MSPPrincipal *list[2] = { a, b };

    message.n_principals = a ? 2 : 0;
    message.principals = list;
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__COMBINED, &message);
}

static inline Common__MSPPrincipal *exactly(world *w, const made *who)
{
    Msp__SerializedIdentity message = MSP__SERIALIZED_IDENTITY__INIT;

    message.mspid = fcc__pb(FCC_LIT("OrgMSP"));
    message.id_bytes = fcc__pb(msp__pem_of_cert(who->cert, w->arena));
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__IDENTITY, &message);
}

/* ---- judging ------------------------------------------------------------------------------------------------------- */

/* What becomes of it, in words: "ok", or at which step it is refused and why. */
static inline const char *verdict(world *w, msp__version version, fcc_bytes config, fcc_bytes identity,
                                  fcc_bytes wanted)
{
    msp_manager *manager;
    const msp_identity *who;
    msp_org *org = NULL;
    fcc_error error = { 0 };
    const char *out = "ok";

    if (msp__org_parse(config, version, &org, &error) != FCC_OK)
        return fcc__arena_printf(w->arena, "setup: %s", error.text);
    manager = fix_manager(&org, 1);
    if (msp_deserialize(manager, identity, &who, &error) != FCC_OK)
        out = fcc__arena_printf(w->arena, "identity: %s", error.text);
    else if (msp_satisfies(who, wanted, &error) != FCC_OK)
        out = fcc__arena_printf(w->arena, "principal: %s", error.text);
    msp_manager_free(manager);
    return out;
}

static inline void check(world *w, msp__version version, service s, const made *who, Common__MSPPrincipal *wanted,
                         const char *expected)
{
    const fcc_bytes config = service_of(w, &s), identity = fix_serialized(w->arena, "OrgMSP", who->cert);
    const char *got = verdict(w, version, config, identity, packed(w, wanted));

    if (strncmp(got, expected, strlen(expected)) != 0)
        fail_msg("expected: %s\ngot: %s", expected, got);
}

#define NEW MSP__V1_4_3
#define CHAIN "could not obtain certification chain: "
#define INVALID "principal: "

static inline int setup(void **state)
{
    world *w = calloc(1, sizeof *w);

    w->arena = fcc__arena_new(64 << 20);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    world *w = *state;
    size_t i;

    for (i = 0; i < w->count; i++) {
        X509_free(w->all[i].cert);
        EVP_PKEY_free(w->all[i].key);
    }
    fcc__arena_free(w->arena);
    free(w);
    return 0;
}

#endif
