/* Whom a membership service accepts: chains of authorities, algorithms, revocation, and what their keys sign. */
#include "test/unit/network/msp/membership.h"

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
        TEST(keys_of_every_kind_sign),
        TEST(signatures_over_sha3_hold_where_the_msp_wants_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
