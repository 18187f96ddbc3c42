/*
 * As what a membership service takes somebody: organisational units, administrators and principals, by the rules of each
 * version.
 */
#include "test/unit/network/msp/membership.h"

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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(units_that_stand_for_roles), TEST(recognised_units), TEST(administrators), TEST(older_versions),
        TEST(principals_of_all_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
