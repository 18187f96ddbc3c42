/*
 * Whom a membership service accepts, and as what: chains, revocation, organisational units, principals, by the rules of
 * each version. Every case is one MSPConfig, one identity and one principal; the expected words are Fabric's.
 */
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

static EVP_PKEY *new_key(const char *kind)
{
    if (!kind)
        return msp__new_key();
    if (strcmp(kind, "RSA") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    return kind[0] == 'P' ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind) : EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *one;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    one = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(one);
    assert_int_equal(X509_add_ext(cert, one, -1), 1);
    X509_EXTENSION_free(one);
}

static void odd_extension(X509 *cert, const char *content)
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
static void sign(X509 *cert, EVP_PKEY *key, const EVP_MD *digest, msp__s wanted)
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
static const made *make(world *w, spec s, const made *issuer)
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

static const made *authority(world *w, const char *name, const made *issuer)
{
    return make(w, (spec){ .name = name, .ca = true }, issuer);
}

static const made *member(world *w, const char *unit, const made *issuer)
{
    return make(w, (spec){ .name = "somebody", .units = { unit } }, issuer);
}

/* A list of `issuer` that revokes one serial number, signed with `key`. */
static fcc_bytes revocation(world *w, const made *issuer, const made *revoked, EVP_PKEY *key, bool aki)
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

static size_t pems(world *w, const made *const *from, ProtobufCBinaryData **out)
{
    size_t n = 0;

    *out = fcc__arena_zalloc(w->arena, MOST, sizeof **out);
    for (; n < MOST && from[n]; n++)
        (*out)[n] = fcc__pb(msp__pem_of_cert(from[n]->cert, w->arena));
    return n;
}

static fcc_bytes packed(world *w, const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, w->arena, &out), FCC_OK);
    return out;
}

static fcc_bytes service_of(world *w, const service *s)
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

static Common__MSPPrincipal *principal(world *w, Common__MSPPrincipal__Classification kind, const void *message)
{
    Common__MSPPrincipal *out = fcc__arena_alloc(w->arena, sizeof *out);

    common__mspprincipal__init(out);
    out->principal_classification = kind;
    out->principal = fcc__pb(packed(w, message));
    return out;
}

static Common__MSPPrincipal *role(world *w, msp_role which)
{
    Common__MSPRole message = COMMON__MSPROLE__INIT;

    message.msp_identifier = fcc__pb(FCC_LIT("OrgMSP"));
    message.role = (Common__MSPRole__MSPRoleType)which;
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE, &message);
}

/* Of the identities that this chain of authorities issued. */
static Common__MSPPrincipal *unit(world *w, const char *name, const made *const *chain, size_t count)
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

static Common__MSPPrincipal *anonymity(world *w, int kind)
{
    Common__MSPIdentityAnonymity message = COMMON__MSPIDENTITY_ANONYMITY__INIT;

    message.anonymity_type = (Common__MSPIdentityAnonymity__MSPIdentityAnonymityType)kind;
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__ANONYMITY, &message);
}

static Common__MSPPrincipal *both(world *w, Common__MSPPrincipal *a, Common__MSPPrincipal *b)
{
    Common__CombinedPrincipal message = COMMON__COMBINED_PRINCIPAL__INIT;
    Common__MSPPrincipal *list[2] = { a, b };

    message.n_principals = a ? 2 : 0;
    message.principals = list;
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__COMBINED, &message);
}

static Common__MSPPrincipal *exactly(world *w, const made *who)
{
    Msp__SerializedIdentity message = MSP__SERIALIZED_IDENTITY__INIT;

    message.mspid = fcc__pb(FCC_LIT("OrgMSP"));
    message.id_bytes = fcc__pb(msp__pem_of_cert(who->cert, w->arena));
    return principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__IDENTITY, &message);
}

/* ---- judging ------------------------------------------------------------------------------------------------------- */

/* What becomes of it, in words: "ok", or at which step it is refused and why. */
static const char *verdict(world *w, msp__version version, fcc_bytes config, fcc_bytes identity, fcc_bytes wanted)
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

static void check(world *w, msp__version version, service s, const made *who, Common__MSPPrincipal *wanted,
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

static void intermediate_authorities(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *one = authority(w, "one", root), *two = authority(w, "two", one);
    const made *other = authority(w, "other", NULL);
    const service s = { .roots = { root }, .between = { one, two }, UNITS };

    check(w, NEW, s, member(w, "client", two), role(w, MSP_MEMBER), "ok");
    check(w, NEW, s, member(w, "client", one), role(w, MSP_MEMBER),
          INVALID CHAIN "invalid validation chain. Parent certificate should be a leaf of the certification tree");
    check(w, NEW, s, member(w, "client", root), role(w, MSP_MEMBER),
          INVALID CHAIN "invalid validation chain. Parent certificate should be a leaf of the certification tree");
    check(w, NEW, s, member(w, "client", other), role(w, MSP_MEMBER),
          "identity: the supplied identity is not valid: x509: certificate signed by unknown authority");
    /* a root beside it goes on issuing */
    check(w, NEW, (service){ .roots = { root, other }, .between = { one }, UNITS }, member(w, "client", other),
          role(w, MSP_MEMBER), "ok");
    /* the chain is broken where one is missing */
    check(w, NEW, (service){ .roots = { root }, .between = { two }, UNITS }, member(w, "client", two),
          role(w, MSP_MEMBER),
          "setup: the supplied identity is not valid: x509: certificate signed by unknown authority");
    check(w, NEW, s, two, role(w, MSP_MEMBER),
          "identity: An X509 certificate with Basic Constraint: Certificate Authority equals true cannot be used as an "
          "identity");
}

static void signatures_of_authorities_may_have_a_high_s(void **state)
{
    world *w = *state;
    const made *root = make(w, (spec){ .name = "root", .ca = true, .high_s = true }, NULL);
    const made *one = make(w, (spec){ .name = "one", .ca = true, .high_s = true }, root);
    const made *two = make(w, (spec){ .name = "two", .ca = true, .high_s = true }, one);
    const made *who = make(w, (spec){ .name = "x", .units = { "client" }, .high_s = true }, two);
    service s = { .roots = { root }, .between = { one, two }, UNITS, .unit_ca = { two, two, two, two } };

    check(w, NEW, s, who, role(w, MSP_CLIENT), "ok");
    check(w, NEW, s, who, exactly(w, who), "ok");
    s.unit_ca[0] = one;
    check(w, NEW, s, who, role(w, MSP_CLIENT), "setup: Failed computing ");
}

static void one_chain_only(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL);
    const made *again = make(w, (spec){ .name = "root", .ca = true, .key = root->key, .serial = 7 }, NULL);

    check(w, NEW, (service){ .roots = { root, again }, UNITS }, member(w, "client", root), role(w, MSP_MEMBER),
          "identity: this MSP only supports a single validation chain, got 2");
    check(w, NEW, (service){ .roots = { root, root }, UNITS }, member(w, "client", root), role(w, MSP_MEMBER), "ok");
}

static void authorities_have_to_be_authorities(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *leaf = member(w, "client", root);
    const made *alone = make(w, (spec){ .name = "alone", .units = { "client" } }, NULL);
    const made *old = make(w, (spec){ .name = "old", .ca = true, .from = FIX_NOW - 9 * FIX_YEAR, .to = FIX_NOW - 1 },
                           NULL);

    check(w, NEW, (service){ .roots = { leaf }, UNITS }, leaf, role(w, MSP_MEMBER),
          "setup: failed to traverse certificate verification chain for leaf or intermediate certificate, with subject "
          "CN=somebody,OU=client");
    check(w, NEW, (service){ .roots = { alone }, UNITS }, leaf, role(w, MSP_MEMBER),
          "setup: failed to traverse certificate verification chain");
    check(w, NEW, (service){ .roots = { root }, .between = { leaf }, UNITS }, leaf, role(w, MSP_MEMBER),
          "setup: CA Certificate did not have the CA attribute, (SN: ");
    check(w, NEW, (service){ .roots = { root }, .tls = { leaf }, UNITS }, leaf, role(w, MSP_MEMBER),
          "setup: CA Certificate did not have the CA attribute, (SN: ");
    check(w, NEW, (service){ UNITS }, leaf, role(w, MSP_MEMBER), "setup: expected at least one CA certificate");
    /* an authority's end does not matter to its own MSP, but what it issues later is not valid */
    check(w, NEW, (service){ .roots = { old }, UNITS }, member(w, "client", old), role(w, MSP_MEMBER),
          "identity: the supplied identity is not valid: x509: ");
    check(w, NEW, (service){ .roots = { old }, UNITS },
          make(w, (spec){ .name = "x", .units = { "client" }, .from = FIX_NOW - FIX_YEAR, .to = FIX_NOW - 1 }, old),
          role(w, MSP_MEMBER), "ok");
}

static void extensions_and_algorithms(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL);
    const made *narrow = make(w, (spec){ .name = "narrow", .ca = true, .constraints = "permitted;DNS:.test" }, NULL);
    const service s = { .roots = { root }, UNITS }, n = { .roots = { narrow }, UNITS };
    spec of = { .name = "somebody", .units = { "client" } };

    of.usage = "clientAuth";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER),
          "identity: the supplied identity is not valid: x509: certificate specifies an incompatible key usage");
    of.usage = "clientAuth,serverAuth";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER), "ok");
    of.usage = "anyExtendedKeyUsage";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER), "ok");
    of.usage = NULL;
    of.odd = "?";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER),
          "identity: the supplied identity is not valid: x509: unhandled critical extension");
    of.odd = NULL;
    of.digest = EVP_sha1();
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER), "identity: the supplied identity is not valid: x509: ");
    of.digest = EVP_sha384();
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER), "ok");
    of.digest = NULL;
    check(w, NEW, n, make(w, of, narrow), role(w, MSP_MEMBER), "identity: the supplied identity is not valid: x509: ");
    of.name = "not a host";
    check(w, NEW, n, make(w, of, narrow), role(w, MSP_MEMBER), "ok");
    of.kind = "P-384";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER), "ok");
    of.kind = "RSA";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's public key algorithm: RSA is not supported");
    of.kind = "ED25519";
    check(w, NEW, s, make(w, of, root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's public key algorithm: Ed25519 is not supported");
    check(w, MSP__V3_0, s, make(w, of, root), role(w, MSP_MEMBER), "ok");
}

static void revocation_lists(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *one = authority(w, "one", root), *other = authority(w, "o", NULL);
    const made *who = member(w, "client", root), *below = member(w, "client", one);
    service s = { .roots = { root, other }, UNITS };

    s.lists[0] = revocation(w, root, who, root->key, true);
    check(w, NEW, s, who, role(w, MSP_MEMBER),
          INVALID "could not validate identity against certification chain: The certificate has been revoked");
    check(w, NEW, s, member(w, "client", root), role(w, MSP_MEMBER), "ok");
    /* the same number from another authority, and a list that the named one has not signed */
    check(
        w, NEW, s,
        make(w,
             (spec){ .name = "x", .units = { "client" }, .serial = ASN1_INTEGER_get(X509_get_serialNumber(who->cert)) },
             other),
        role(w, MSP_MEMBER), "ok");
    s.lists[0] = revocation(w, root, who, other->key, true);
    check(w, NEW, s, who, role(w, MSP_MEMBER), "ok");
    s.lists[0] = revocation(w, root, who, root->key, false);
    check(w, NEW, s, who, role(w, MSP_MEMBER),
          INVALID "could not validate identity against certification chain: could not obtain Authority Key Identifier "
                  "for crl: authorityKeyIdentifier not found in certificate");
    s = (service){ .roots = { root }, .between = { one }, UNITS };
    s.lists[0] = revocation(w, one, below, one->key, true);
    check(w, NEW, s, below, role(w, MSP_MEMBER),
          INVALID "could not validate identity against certification chain: The certificate has been revoked");
    s.lists[0] = revocation(w, root, one, root->key, true);
    check(w, NEW, s, below, role(w, MSP_MEMBER), "setup: CA Certificate is not valid, (SN: ");
    s.lists[0] = FCC_LIT("no list");
    check(w, NEW, s, below, role(w, MSP_MEMBER), "setup: could not parse RevocationList");
}

static void units_that_stand_for_roles(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *one = authority(w, "one", root);
    service s = { .roots = { root }, UNITS };

    check(w, NEW, s, member(w, "peer", root), role(w, MSP_PEER), "ok");
    check(w, NEW, s, member(w, "orderer", root), role(w, MSP_ORDERER), "ok");
    check(w, NEW, s, member(w, "admin", root), role(w, MSP_ADMIN), "ok");
    check(w, NEW, s, member(w, "client", root), role(w, MSP_PEER),
          INVALID "The identity is not a [PEER] under this MSP [OrgMSP]: The identity does not contain OU [PEER], MSP: "
                  "[OrgMSP]");
    check(w, NEW, s, member(w, "client", root), role(w, MSP_ADMIN),
          INVALID
          "The identity is not an admin under this MSP [OrgMSP]: The identity does not contain OU [ADMIN], MSP: "
          "[OrgMSP]");
    check(w, NEW, s, member(w, "nurse", root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: the identity does not have an OU that resolves to client, peer, "
                  "orderer, or admin role. OUs: [nurse(");
    check(w, NEW, s, make(w, (spec){ .name = "x", .units = { "client", "peer" } }, root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: the identity must have a client, a peer, an orderer, or an admin "
                  "OU role to be valid, not a combination of them. OUs: [client(");
    check(w, NEW, s, make(w, (spec){ .name = "x", .units = { "client", "client" } }, root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: the identity must have a client, a peer, an orderer, or an admin "
                  "OU role to be valid, not a combination of them. OUs: [client(");
    check(w, NEW, s, make(w, (spec){ .name = "x", .units = { "nurse", "client" } }, root), role(w, MSP_CLIENT), "ok");
    s.names[3] = NULL;
    check(w, NEW, s, member(w, "orderer", root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: the identity does not have an OU that resolves to client, peer, "
                  "orderer, or admin role. OUs: [orderer(");
    check(w, NEW, s, member(w, "client", root), role(w, MSP_ORDERER),
          INVALID
          "The identity is not a [ORDERER] under this MSP [OrgMSP]: cannot test for classification, node ou for "
          "type [ORDERER], not defined, msp: [OrgMSP]");
    /* a unit that only one authority may give */
    s = (service){ .roots = { root }, .between = { one }, UNITS, .unit_ca = { root, one } };
    check(w, NEW, s, member(w, "peer", one), role(w, MSP_PEER), "ok");
    check(w, NEW, s, member(w, "client", one), role(w, MSP_CLIENT),
          INVALID "The identity is not valid under this MSP [OrgMSP]: could not validate identity's OUs: "
                  "certifiersIdentifier does not match: [client(");
    s.unit_ca[0] = authority(w, "stranger", NULL);
    check(w, NEW, s, member(w, "peer", one), role(w, MSP_PEER), "setup: Failed adding OU. Certificate ");
}

static void recognised_units(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *one = authority(w, "one", root);
    service s = { .roots = { root }, UNITS, .extra = "ward", .extra_ca = root };

    check(w, NEW, s, make(w, (spec){ .name = "x", .units = { "client", "ward" } }, root), role(w, MSP_MEMBER), "ok");
    check(w, NEW, s, member(w, "client", root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: none of the identity's organizational units [client(");
    check(w, NEW, s, member(w, NULL, root), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: the identity certificate does not contain an Organizational Unit "
                  "(OU)");
    s.extra_ca = NULL;
    check(w, NEW, s, member(w, "client", root), role(w, MSP_MEMBER), "setup: failed getting certificate for [");
    s = (service){ .roots = { root }, .between = { one }, UNITS, .extra = "ward", .extra_ca = one };
    check(w, NEW, s, make(w, (spec){ .name = "x", .units = { "client", "ward" } }, one), role(w, MSP_MEMBER), "ok");
    s.extra_ca = root; /* its path is another one */
    check(w, NEW, s, make(w, (spec){ .name = "x", .units = { "client", "ward" } }, one), role(w, MSP_MEMBER),
          INVALID "could not validate identity's OUs: none of the identity's organizational units [client(");
}

static void administrators(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *boss = member(w, "client", root), *plain = member(w, NULL, root);
    const made *other = authority(w, "other", NULL);
    service s = { .roots = { root }, .admins = { plain } };

    check(w, NEW, s, plain, role(w, MSP_ADMIN), "ok");
    check(w, NEW, s, member(w, "admin", root), role(w, MSP_ADMIN), INVALID "This identity is not an admin");
    check(w, NEW, s, member(w, "peer", root), role(w, MSP_MEMBER), "ok");
    check(w, NEW, s, member(w, "peer", root), role(w, MSP_PEER),
          INVALID "The identity is not a [PEER] under this MSP [OrgMSP]: NodeOUs not activated. Cannot tell apart "
                  "identities.");
    check(w, NEW, s, member(w, "orderer", root), role(w, MSP_ORDERER), INVALID "invalid MSP role type 4");
    check(w, NEW, (service){ .roots = { root } }, plain, role(w, MSP_MEMBER),
          "setup: administrators must be declared when no admin ou classification is set");
    check(w, NEW, (service){ .roots = { root }, .admins = { member(w, NULL, other) } }, plain, role(w, MSP_MEMBER),
          "setup: the supplied identity is not valid: x509: certificate signed by unknown authority");
    s = (service){ .roots = { root }, UNITS, .admins = { boss } };
    check(w, NEW, s, boss, role(w, MSP_ADMIN), "ok");
    s.lists[0] = revocation(w, root, boss, root->key,
                            true); /* named administrators are not asked whether they are valid */
    check(w, NEW, s, boss, role(w, MSP_ADMIN), "ok");
    check(w, NEW, s, boss, role(w, MSP_MEMBER),
          INVALID "could not validate identity against certification chain: The certificate has been revoked");
    s = (service){ .roots = { root }, UNITS, .admins = { member(w, "peer", root) } };
    check(w, NEW, s, boss, role(w, MSP_MEMBER),
          "setup: admin 0 is invalid [The identity does not contain OU [CLIENT], MSP: [OrgMSP],The identity does not "
          "contain OU [ADMIN], MSP: [OrgMSP]]");
    s = (service){ .roots = { root }, .units = true };
    check(w, NEW, s, boss, role(w, MSP_MEMBER),
          "setup: administrators must be declared when no admin ou classification is set");
}

static void older_versions(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *boss = member(w, "client", root);
    service s = { .roots = { root }, UNITS, .admins = { boss } };

    /* 1.0 has no NodeOUs and nothing to tell administrators by but their certificates */
    check(w, MSP__V1_0, s, member(w, "nurse", root), role(w, MSP_MEMBER), "ok");
    check(w, MSP__V1_0, s, member(w, "peer", root), role(w, MSP_PEER),
          INVALID "The identity is not a [PEER] under this MSP [OrgMSP]: NodeOUs not activated. Cannot tell apart "
                  "identities.");
    check(w, MSP__V1_0, s, boss, role(w, MSP_ADMIN), "ok");
    check(w, MSP__V1_0, (service){ .roots = { root } }, boss, role(w, MSP_MEMBER), "ok");
    /* 1.1 has clients and peers */
    check(w, MSP__V1_1, s, member(w, "peer", root), role(w, MSP_PEER), "ok");
    check(w, MSP__V1_1, s, member(w, "admin", root), role(w, MSP_MEMBER),
          INVALID
          "could not validate identity's OUs: the identity does not have an OU that resolves to client or peer. "
          "OUs: [admin(");
    check(w, MSP__V1_1, s, make(w, (spec){ .name = "x", .units = { "client", "peer" } }, root), role(w, MSP_MEMBER),
          INVALID
          "could not validate identity's OUs: the identity must be a client or a peer identity to be valid, not "
          "a combination of them. OUs: [client(");
    check(w, MSP__V1_1, s, member(w, "admin", root), role(w, MSP_ADMIN), INVALID "This identity is not an admin");
    check(w, MSP__V1_1, s, member(w, "orderer", root), role(w, MSP_ORDERER), INVALID "invalid MSP role type 4");
    s.names[0] = NULL;
    check(w, MSP__V1_1, s, boss, role(w, MSP_MEMBER),
          "setup: Failed setting up NodeOUs. ClientOU must be different from nil.");
    s.names[0] = "client";
    s.names[1] = NULL;
    check(w, MSP__V1_3, s, boss, role(w, MSP_MEMBER),
          "setup: Failed setting up NodeOUs. PeerOU must be different from nil.");
    s.names[1] = "peer";
    s.admins[0] = member(w, "peer", root);
    check(w, MSP__V1_3, s, boss, role(w, MSP_MEMBER),
          "setup: admin 0 is invalid: The identity is not a [CLIENT] under");
}

static void principals_of_all_kinds(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *one = authority(w, "one", root), *chain[] = { one, root };
    const made *who = make(w, (spec){ .name = "x", .units = { "client", "ward" } }, one);
    const service s = { .roots = { root }, .between = { one }, UNITS, .admins = { member(w, "client", one) } };
    Common__MSPPrincipal *unknown = role(w, MSP_MEMBER), *foreign;
    Common__MSPRole message = COMMON__MSPROLE__INIT;

    check(w, NEW, s, who, unit(w, "ward", chain, 2), "ok");
    check(w, NEW, s, who, unit(w, "theatre", chain, 2), INVALID "The identities do not match");
    check(w, NEW, s, who, unit(w, "ward", chain, 1), INVALID "The identities do not match");
    check(w, NEW, s, who, exactly(w, who), "ok");
    check(w, NEW, s, who, exactly(w, member(w, "client", one)), INVALID "The identities do not match");
    check(w, NEW, s, who, anonymity(w, 0), "ok");
    check(w, NEW, s, who, anonymity(w, 1),
          INVALID "Principal is anonymous, but X.509 MSP does not support anonymous identities");
    check(w, NEW, s, who, both(w, role(w, MSP_CLIENT), unit(w, "ward", chain, 2)), "ok");
    check(w, NEW, s, who, both(w, both(w, role(w, MSP_CLIENT), anonymity(w, 0)), role(w, MSP_PEER)),
          INVALID "The identity is not a [PEER] under this MSP [OrgMSP]: ");
    check(w, NEW, s, who, both(w, NULL, NULL), INVALID "No principals in CombinedPrincipal");
    check(w, MSP__V1_1, s, who, both(w, role(w, MSP_CLIENT), role(w, MSP_CLIENT)), INVALID "invalid principal type 4");
    check(w, MSP__V1_1, s, who, anonymity(w, 0), INVALID "invalid principal type 3");
    check(w, MSP__V1_3, s, who, anonymity(w, 0), "ok");
    message.msp_identifier = fcc__pb(FCC_LIT("OtherMSP"));
    foreign = principal(w, COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE, &message);
    check(w, NEW, s, who, foreign,
          INVALID "the identity is a member of a different MSP (expected OtherMSP, got OrgMSP)");
    check(w, NEW, s, who, both(w, role(w, MSP_CLIENT), foreign),
          INVALID "the identity is a member of a different MSP (expected OtherMSP, got OrgMSP)");
    unknown->principal_classification = (Common__MSPPrincipal__Classification)9;
    check(w, NEW, s, who, unknown, INVALID "invalid principal type 9");
    check(w, NEW, s, who, role(w, (msp_role)7), INVALID "invalid MSP role type 7");
}

/* ---- signatures ---------------------------------------------------------------------------------------------------- */

static void signatures_of(world *w, const char *kind, msp__version version, const char *family)
{
    const made *root = authority(w, "root", NULL);
    const made *who = make(w, (spec){ .name = "x", .units = { "client" }, .kind = kind }, root);
    const service s = { .roots = { root }, UNITS, .family = family };
    const fix_person person = { .key = who->key, .cert = who->cert };
    msp_signer *signer = fix_signer(w->arena, "OrgMSP", &person);
    const fcc_bytes parts[2] = { FCC_LIT("mess"), FCC_LIT("age") }, other = FCC_LIT("Message");
    fcc_bytes signature;
    const msp_identity *id;
    msp_org *org;
    msp_manager *manager;

    assert_int_equal(msp__org_parse(service_of(w, &s), version, &org, NULL), FCC_OK);
    manager = fix_manager(&org, 1);
    assert_int_equal(msp_deserialize(manager, msp_signer_identity(signer), &id, NULL), FCC_OK);
    assert_int_equal(msp_sign_known(signer, manager, parts, 2, w->arena, &signature), FCC_OK);
    assert_int_equal(msp_verify(id, parts, 2, signature, NULL), family ? FCC_ERR_AUTH : FCC_OK);
    assert_int_equal(msp_verify(id, &other, 1, signature, NULL), FCC_ERR_AUTH);
    msp_signer_free(signer);
    msp_manager_free(manager);
}

static void keys_of_every_kind_sign(void **state)
{
    world *w = *state;

    signatures_of(w, NULL, NEW, NULL);
    signatures_of(w, "P-384", NEW, NULL);
    signatures_of(w, "ED25519", MSP__V3_0, NULL);
    signatures_of(w, NULL, NEW, "SHA3"); /* what we sign is over SHA-256, and so is no signature there */
}

static void signatures_over_sha3_hold_where_the_msp_wants_them(void **state)
{
    world *w = *state;
    const made *root = authority(w, "root", NULL), *who = member(w, "client", root);
    const service s = { .roots = { root }, UNITS, .family = "SHA3" };
    const fcc_bytes message = FCC_LIT("message");
    unsigned char digest[32], raw[128];
    size_t len = sizeof raw;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(who->key, NULL);
    BIGNUM *order = msp__order(who->key);
    const msp_identity *id;
    msp_manager *manager;
    fcc_bytes signature;
    msp_org *org;

    assert_int_equal(EVP_Digest(message.data, message.len, digest, NULL, EVP_sha3_256(), NULL), 1);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, raw, &len, digest, sizeof digest), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_true(msp__low_s(order, fcc_bytes_of(raw, len), w->arena, &signature));
    BN_free(order);
    assert_int_equal(msp__org_parse(service_of(w, &s), NEW, &org, NULL), FCC_OK);
    manager = fix_manager(&org, 1);
    assert_int_equal(msp_deserialize(manager, fix_serialized(w->arena, "OrgMSP", who->cert), &id, NULL), FCC_OK);
    assert_int_equal(msp_verify(id, &message, 1, signature, NULL), FCC_OK);
    msp_manager_free(manager);
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);

    w->arena = fcc__arena_new(64 << 20);
    *state = w;
    return 0;
}

static int teardown(void **state)
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(intermediate_authorities),
        TEST(signatures_of_authorities_may_have_a_high_s),
        TEST(one_chain_only),
        TEST(authorities_have_to_be_authorities),
        TEST(extensions_and_algorithms),
        TEST(revocation_lists),
        TEST(units_that_stand_for_roles),
        TEST(recognised_units),
        TEST(administrators),
        TEST(older_versions),
        TEST(principals_of_all_kinds),
        TEST(keys_of_every_kind_sign),
        TEST(signatures_over_sha3_hold_where_the_msp_wants_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
