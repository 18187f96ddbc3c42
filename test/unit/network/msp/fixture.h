/* fixture.h: authorities, membership services and people made up on the spot, for the tests of network/msp. */
#ifndef TEST_UNIT_NETWORK_MSP_FIXTURE_H
#define TEST_UNIT_NETWORK_MSP_FIXTURE_H

#include "msp/issue.h"
#include "msp/msp.h"

#include "msp/identities.pb-c.h"
#include "msp/msp_config.pb-c.h"
#include "protos/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ecdsa.h>

#include <cmocka.h>

enum { FIX_NOW = 1800000000, FIX_YEAR = 365 * 86400 };

typedef struct fix_ca {
    EVP_PKEY *key;
    X509 *cert;
} fix_ca;

static inline fix_ca fix_authority(const char *name, const fix_ca *parent)
{
    const msp__request request = { .use = MSP__USE_CA,
                                   .organisation = "test",
                                   .name = name,
                                   .not_before = FIX_NOW,
                                   .not_after = FIX_NOW + 10 * FIX_YEAR };
    fix_ca ca = { .key = msp__new_key() };

    ca.cert = msp__issue(&request, ca.key, parent ? parent->cert : NULL, parent ? parent->key : ca.key);
    assert_non_null(ca.cert);
    return ca;
}

static inline void fix_ca_clear(fix_ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
}

typedef struct fix_person {
    EVP_PKEY *key;
    X509 *cert;
} fix_person;

static inline fix_person fix_issue(const fix_ca *ca, const msp__request *request)
{
    fix_person person = { .key = msp__new_key() };

    person.cert = msp__issue(request, person.key, ca->cert, ca->key);
    assert_non_null(person.cert);
    return person;
}

static inline fix_person fix_person_of(const fix_ca *ca, const char *unit)
{
    const msp__request request = { .use = MSP__USE_SIGN,
                                   .organisation = "test",
                                   .unit = unit,
                                   .name = "somebody",
                                   .not_before = FIX_NOW,
                                   .not_after = FIX_NOW + FIX_YEAR };

    return fix_issue(ca, &request);
}

static inline void fix_person_clear(fix_person *person)
{
    X509_free(person->cert);
    EVP_PKEY_free(person->key);
}

static inline fcc_bytes fix_serialized(fcc__arena *arena, const char *mspid, X509 *cert)
{
    Msp__SerializedIdentity message = MSP__SERIALIZED_IDENTITY__INIT;
    fcc_bytes out;

    message.mspid = fcc__pb(fcc_str(mspid));
    message.id_bytes = fcc__pb(msp__pem_of_cert(cert, arena));
    assert_int_equal(fcc__pack(&message, arena, &out), FCC_OK);
    return out;
}

static inline msp_signer *fix_signer(fcc__arena *arena, const char *mspid, const fix_person *person)
{
    msp_signer *signer = NULL;
    fcc_error error = { 0 };

    if (msp_signer_new(mspid, msp__pem_of_cert(person->cert, arena), msp__pem_of_key(person->key, arena), &signer,
                       &error) != FCC_OK)
        fail_msg("%s", error.text);
    return signer;
}

/* The MSPConfig of an organisation with NodeOUs; `intermediate` and `crl` may be NULL. */
static inline fcc_bytes fix_config(fcc__arena *arena, const char *mspid, const fix_ca *root, const fix_ca *intermediate,
                                   X509_CRL *crl)
{
    Msp__FabricMSPConfig config = MSP__FABRIC_MSPCONFIG__INIT;
    Msp__FabricNodeOUs ous = MSP__FABRIC_NODE_OUS__INIT;
    Msp__FabricOUIdentifier ou[4];
    Msp__MSPConfig outer = MSP__MSPCONFIG__INIT;
    const char *const names[] = { "client", "peer", "admin", "orderer" };
    ProtobufCBinaryData root_pem = fcc__pb(msp__pem_of_cert(root->cert, arena)), intermediate_pem, crl_der;
    unsigned char *der = NULL;
    fcc_bytes inner, out;
    int i;

    for (i = 0; i < 4; i++) {
        msp__fabric_ouidentifier__init(&ou[i]);
        ou[i].organizational_unit_identifier = fcc__pb(fcc_str(names[i]));
        if (!intermediate)
            ou[i].certificate = root_pem;
    }
    ous.enable = true;
    ous.client_ou_identifier = &ou[0];
    ous.peer_ou_identifier = &ou[1];
    ous.admin_ou_identifier = &ou[2];
    ous.orderer_ou_identifier = &ou[3];
    config.name = fcc__pb(fcc_str(mspid));
    config.n_root_certs = 1;
    config.root_certs = &root_pem;
    config.fabric_node_ous = &ous;
    if (intermediate) {
        intermediate_pem = fcc__pb(msp__pem_of_cert(intermediate->cert, arena));
        config.n_intermediate_certs = 1;
        config.intermediate_certs = &intermediate_pem;
    }
    if (crl) {
        int len = i2d_X509_CRL(crl, &der);

        crl_der = fcc__pb(fcc_bytes_of(der, (size_t)len));
        config.n_revocation_list = 1;
        config.revocation_list = &crl_der;
    }
    assert_int_equal(fcc__pack(&config, arena, &inner), FCC_OK);
    OPENSSL_free(der);
    outer.config = fcc__pb(inner);
    assert_int_equal(fcc__pack(&outer, arena, &out), FCC_OK);
    return out;
}

static inline msp_org *fix_org(fcc__arena *arena, const char *mspid, const fix_ca *root, const fix_ca *intermediate,
                               X509_CRL *crl)
{
    msp_org *org = NULL;
    fcc_error error = { 0 };

    if (msp_org_parse(fix_config(arena, mspid, root, intermediate, crl), &org, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return org;
}

static inline msp_manager *fix_manager(msp_org *const *orgs, size_t count)
{
    msp_manager *manager = NULL;

    assert_int_equal(msp_manager_new(orgs, count, &manager, NULL), FCC_OK);
    return manager;
}

/* The same signature with the S that adds up with the old one to the order: valid mathematics, refused by Fabric. */
static inline fcc_bytes fix_other_s(fcc__arena *arena, EVP_PKEY *key, fcc_bytes signature)
{
    const unsigned char *p = signature.data;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)signature.len);
    BIGNUM *order = msp__order(key), *r, *s = BN_new();
    unsigned char *der = NULL;
    fcc_bytes out;
    int len;

    assert_non_null(sig);
    assert_non_null(order);
    r = BN_dup(ECDSA_SIG_get0_r(sig));
    BN_sub(s, order, ECDSA_SIG_get0_s(sig));
    ECDSA_SIG_set0(sig, r, s);
    len = i2d_ECDSA_SIG(sig, &der);
    assert_true(fcc__arena_copy(arena, fcc_bytes_of(der, (size_t)len), &out));
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    BN_free(order);
    return out;
}

#endif
