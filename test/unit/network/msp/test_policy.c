/* The policy language to Fabric's bytes, and evaluation in Fabric's way. */
#include "test/unit/network/msp/fixture.h"

#include "msp/policy.h"

#include "common/policies.pb-c.h"
#include "peer/collection.pb-c.h"
#include "peer/policy.pb-c.h"

static fcc_bytes parsed(fcc__arena *arena, const char *text)
{
    fcc_bytes envelope = { 0 };
    fcc_error error = { 0 };

    if (msp_policy_parse(text, arena, &envelope, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return envelope;
}

/* ---- language ----------------------------------------------------------------------------------------------------- */

static void a_policy_becomes_the_bytes_that_fabrics_tools_make(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    /* version 0, rule {n_out_of {1, {signed_by 0}, {signed_by 1}}}, identities A.peer and B.peer */
    static const uint8_t or_two[] = { 0x12, 0x0c, 0x12, 0x0a, 0x08, 0x01, 0x12, 0x02, 0x08, 0x00, 0x12,
                                      0x02, 0x08, 0x01, 0x1a, 0x07, 0x12, 0x05, 0x0a, 0x01, 'A',  0x10,
                                      0x03, 0x1a, 0x07, 0x12, 0x05, 0x0a, 0x01, 'B',  0x10, 0x03 };
    fcc_bytes made = parsed(arena, "OR('A.peer','B.peer')");

    (void)state;
    assert_int_equal(made.len, sizeof or_two);
    assert_memory_equal(made.data, or_two, sizeof or_two);
    assert_true(fcc_bytes_equal(made, parsed(arena, " or ( \"A.peer\" , 'B.peer' ) ")));
    assert_true(fcc_bytes_equal(made, parsed(arena, "OutOf(1, 'A.peer', 'B.peer')")));
    assert_true(fcc_bytes_equal(made, parsed(arena, "OutOf('1', 'A.peer', 'B.peer')")));
    assert_true(fcc_bytes_equal(parsed(arena, "AND('A.peer','B.peer')"), parsed(arena, "OutOf(2,'A.peer','B.peer')")));
    assert_false(fcc_bytes_equal(made, parsed(arena, "OR('B.peer','A.peer')")));
    fcc__arena_free(arena);
}

static void inner_gates_number_their_principals_before_the_outer_one(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    fcc_bytes bytes = parsed(arena, "OR('A.member', AND('B.member', 'C.member'))");
    Common__SignaturePolicyEnvelope *envelope;

    (void)state;
    assert_int_equal(FCC__UNPACK(common__signature_policy_envelope, bytes, arena, &envelope), FCC_OK);
    assert_int_equal(envelope->n_identities, 3);
    assert_int_equal(envelope->rule->n_out_of->n, 1);
    assert_int_equal(envelope->rule->n_out_of->rules[0]->signed_by, 2);
    assert_int_equal(envelope->rule->n_out_of->rules[1]->n_out_of->rules[0]->signed_by, 0);
    assert_int_equal(envelope->rule->n_out_of->rules[1]->n_out_of->rules[1]->signed_by, 1);
    /* 'B.member' first, because its gate is evaluated first */
    assert_int_equal(envelope->identities[0]->principal.data[2], 'B');
    assert_int_equal(envelope->identities[2]->principal.data[2], 'A');
    fcc__arena_free(arena);
}

static void a_principal_named_twice_is_listed_twice(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    Common__SignaturePolicyEnvelope *envelope;

    (void)state;
    assert_int_equal(
        FCC__UNPACK(common__signature_policy_envelope, parsed(arena, "AND('A.peer','A.peer')"), arena, &envelope),
        FCC_OK);
    assert_int_equal(envelope->n_identities, 2);
    fcc__arena_free(arena);
}

static void names_may_have_dots_and_dashes(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);

    (void)state;
    parsed(arena, "OR('MSP.member', 'MSP.WITH.DOTS.member', 'MSP-WITH-DASHES.member')");
    fcc__arena_free(arena);
}

static void a_threshold_may_exceed_its_rules_by_one_and_be_zero(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);

    (void)state;
    parsed(arena, "OutOf(0, 'A.member', 'B.member')");
    parsed(arena, "OutOf(3, 'A.member', 'B.member')");
    parsed(arena, "AND('A.member')");
    fcc__arena_free(arena);
}

static void mistakes_in_a_policy_name_their_place(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "", "AND(...), OR(...) or OutOf" },
        { "'A.member'", "AND(...)" },
        { "OR('A.member', Bmember)", "at character 16" },
        { "OR('A.member', 'Bmember')", "'MSP.role'" },
        { "OR('A.member', 'B.boss')", "role member, admin" },
        { "OR('.member')", "'MSP.role'" },
        { "OR('A b.member')", "letters, digits" },
        { "OR()", "AND(...)" },
        { "OR('A.member'", "closing bracket" },
        { "OR('A.member') x", "nothing more" },
        { "OR('A.member", "closing quotation mark" },
        { "OutOf('A.member')", "a number" },
        { "OutOf(1)", "a comma" },
        { "OutOf(-1, 'A.member', 'B.member')", "invalid t-out-of-n predicate, t -1, n 2" },
        { "OutOf(4, 'A.member', 'B.member')", "invalid t-out-of-n predicate, t 4, n 2" },
        { "NOT('A.member')", "AND(...)" },
    };
    fcc__arena *arena = fcc__arena_new(1 << 20);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fcc_bytes envelope;
        fcc_error error = { 0 };

        if (msp_policy_parse(cases[i].text, arena, &envelope, &error) != FCC_ERR_CONFIG)
            fail_msg("\"%s\" was not refused", cases[i].text);
        if (!strstr(error.text, cases[i].words))
            fail_msg("\"%s\" lacks \"%s\"", error.text, cases[i].words);
    }
    fcc__arena_free(arena);
}

static void deep_nesting_is_refused(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    char text[4096] = "";
    fcc_bytes envelope;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)
        strcat(text, "OR(");
    assert_int_equal(msp_policy_parse(text, arena, &envelope, NULL), FCC_ERR_LIMIT);
    fcc__arena_free(arena);
}

/* ---- planning and evaluation -------------------------------------------------------------------------------------- */

/* orgs is a string of one-letter MSP ids, in the order in which they sign. */
static bool enough(fcc__arena *arena, const char *text, const char *orgs)
{
    const fcc_bytes policy = parsed(arena, text);
    const char *mspids[16];
    size_t i;

    for (i = 0; orgs[i]; i++)
        mspids[i] = fcc__arena_printf(arena, "%c", orgs[i]);
    return msp_policy_satisfied_by_orgs(&policy, 1, mspids, i);
}

static void sets_of_organisations_satisfy_policies_as_the_table_says(void **state)
{
    static const struct {
        const char *policy, *orgs;
        bool enough;
    } cases[] = {
        { "OR('A.peer','B.peer')", "A", true },
        { "OR('A.peer','B.peer')", "B", true },
        { "OR('A.peer','B.peer')", "C", false },
        { "OR('A.peer','B.peer')", "", false },
        { "AND('A.peer','B.peer')", "A", false },
        { "AND('A.peer','B.peer')", "BA", true },
        { "AND('A.peer','A.peer')", "A", false }, /* one identity counts once */
        { "AND('A.member')", "A", true },
        { "OR('A.client')", "A", false },
        { "OR('A.admin')", "A", false },
        { "OutOf(2,'A.peer','B.peer','C.peer')", "AC", true },
        { "OutOf(2,'A.peer','B.peer','C.peer')", "C", false },
        { "OutOf(0,'A.peer')", "", true },
        { "OutOf(3,'A.peer','B.peer')", "AB", false },
        { "AND('A.peer', OutOf(1,'B.peer','C.peer'))", "AC", true },
        { "AND('A.peer', OutOf(1,'B.peer','C.peer'))", "BC", false },
        /* a failed gate gives back what it took */
        { "OR(AND('A.peer','B.peer'), AND('A.peer','C.peer'))", "AC", true },
        { "OutOf(2, AND('A.peer','B.peer'), 'A.peer', 'C.peer')", "AC", true },
        /* a satisfied gate keeps it, even when another choice would have been enough: no backtracking */
        { "AND(OR('A.peer','B.peer'), 'A.peer')", "AB", false },
        { "AND('A.peer', OR('A.peer','B.peer'))", "AB", true },
    };
    fcc__arena *arena = fcc__arena_new(1 << 20);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (enough(arena, cases[i].policy, cases[i].orgs) != cases[i].enough)
            fail_msg("%s with %s: expected %d", cases[i].policy, cases[i].orgs, cases[i].enough);
    fcc__arena_free(arena);
}

static void several_policies_must_all_be_satisfied(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    const fcc_bytes both[] = { parsed(arena, "OR('A.peer')"), parsed(arena, "OR('B.peer')") };
    const fcc_bytes broken[] = { both[0], FCC_LIT("\xff") };
    const char *const ab[] = { "A", "B" };

    (void)state;
    assert_true(msp_policy_satisfied_by_orgs(both, 2, ab, 2));
    assert_false(msp_policy_satisfied_by_orgs(both, 2, ab, 1));
    assert_false(msp_policy_satisfied_by_orgs(broken, 2, ab, 2));
    assert_true(msp_policy_admits(parsed(arena, "OR('A.member','B.member')"), "A", MSP_CLIENT));
    assert_false(msp_policy_admits(parsed(arena, "OR('A.peer')"), "A", MSP_CLIENT));
    fcc__arena_free(arena);
}

static void malformed_policies_satisfy_nobody(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    /* rule {signed_by 1} with one identity; no rule at all; version 1 */
    static const char out_of_range[] = "\x12\x02\x08\x01\x1a\x02\x12\x00", future[] = "\x08\x01\x12\x02\x12\x00";

    (void)state;
    assert_int_equal(msp_policy_check(fcc_bytes_of(out_of_range, 8), NULL), FCC_ERR_PROTO);
    assert_int_equal(msp_policy_check(FCC_LIT(""), NULL), FCC_ERR_PROTO);
    assert_int_equal(msp_policy_check(fcc_bytes_of(future, 6), NULL), FCC_ERR_PROTO);
    assert_int_equal(msp_policy_evaluate(FCC_LIT("junk"), NULL, 0, NULL), FCC_ERR_PROTO);
    /* a key's own policy may have any version: nobody looks at it */
    assert_int_equal(msp_policy_evaluate(fcc_bytes_of(future, 6), NULL, 0, NULL), FCC_OK);
    assert_int_equal(msp_policy_check(parsed(arena, "OR('A.peer')"), NULL), FCC_OK);
    fcc__arena_free(arena);
}

static msp_signed signature_of(fcc__arena *arena, const msp_signer *signer, fcc_bytes payload)
{
    msp_signed s = { .data = { payload, msp_signer_identity(signer) }, .identity = msp_signer_identity(signer) };

    assert_int_equal(msp_sign(signer, s.data, 2, arena, &s.signature), FCC_OK);
    return s;
}

static void endorsements_count_once_and_only_when_their_signature_holds(void **state)
{
    fcc__arena *arena = fcc__arena_new(4 << 20);
    fix_ca a = fix_authority("ca.a", NULL), b = fix_authority("ca.b", NULL), c = fix_authority("ca.c", NULL);
    msp_org *orgs[] = { fix_org(arena, "A", &a, NULL, NULL), fix_org(arena, "B", &b, NULL, NULL) };
    msp_manager *manager = fix_manager(orgs, 2);
    fix_person peer_a = fix_person_of(&a, "peer"), peer_b = fix_person_of(&b, "peer"),
               client_b = fix_person_of(&b, "client"), stranger = fix_person_of(&c, "peer");
    msp_signer *sa = fix_signer(arena, "A", &peer_a), *sb = fix_signer(arena, "B", &peer_b),
               *cb = fix_signer(arena, "B", &client_b), *x = fix_signer(arena, "B", &stranger);
    const fcc_bytes payload = FCC_LIT("payload"), both = parsed(arena, "AND('A.peer','B.peer')"),
                    twice = parsed(arena, "AND('A.peer','A.member')"), one = parsed(arena, "OR('A.peer')");
    const msp_identity *ids[4];
    msp_signed set[4];
    size_t n;

    (void)state;
    set[0] = signature_of(arena, sa, payload);
    set[1] = signature_of(arena, sb, payload);
    msp_signers_of(manager, set, 2, ids, &n);
    assert_int_equal(n, 2);
    assert_int_equal(msp_policy_evaluate(both, ids, n, NULL), FCC_OK);

    set[1] = set[0]; /* the same endorsement twice */
    msp_signers_of(manager, set, 2, ids, &n);
    assert_int_equal(n, 1);
    assert_int_equal(msp_policy_evaluate(twice, ids, n, NULL), FCC_ERR_AUTH);

    set[1] = signature_of(arena, sb, FCC_LIT("another payload")); /* signed something else */
    set[1].data[0] = payload;
    msp_signers_of(manager, set, 2, ids, &n);
    assert_int_equal(n, 1);
    assert_int_equal(msp_policy_evaluate(both, ids, n, NULL), FCC_ERR_AUTH);
    assert_int_equal(msp_policy_evaluate(one, ids, n, NULL), FCC_OK);

    set[1] = signature_of(arena, cb, payload); /* a client is no peer */
    set[2] = signature_of(arena, x, payload);  /* not of B's authority */
    set[3] = (msp_signed){ .identity = FCC_LIT("junk") };
    msp_signers_of(manager, set, 4, ids, &n);
    assert_int_equal(n, 2);
    assert_int_equal(msp_policy_evaluate(both, ids, n, NULL), FCC_ERR_AUTH);

    msp_signer_free(sa);
    msp_signer_free(sb);
    msp_signer_free(cb);
    msp_signer_free(x);
    fix_person_clear(&peer_a);
    fix_person_clear(&peer_b);
    fix_person_clear(&client_b);
    fix_person_clear(&stranger);
    msp_manager_free(manager);
    fix_ca_clear(&a);
    fix_ca_clear(&b);
    fix_ca_clear(&c);
    fcc__arena_free(arena);
}

/* ---- what is made of policies ------------------------------------------------------------------------------------- */

static void collections_are_packed_with_their_policies(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    const config_collection two[] = {
        { .name = "a", .policy = "OR('A.member')", .max_peer_count = 1, .member_only_read = true },
        { .name = "b",
          .policy = "OR('A.member')",
          .required_peer_count = 1,
          .max_peer_count = 2,
          .block_to_live = 3,
          .endorsement_policy = "OR('A.peer')" },
    };
    const config_collection wrong = { .name = "bad", .policy = "OR(A)" };
    Protos__CollectionConfigPackage *package;
    const Protos__StaticCollectionConfig *b;
    fcc_bytes bytes;
    fcc_error error = { 0 };

    (void)state;
    assert_int_equal(msp_collections_pack((config_collections){ two, 2 }, arena, &bytes, &error), FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__collection_config_package, bytes, arena, &package), FCC_OK);
    assert_int_equal(package->n_config, 2);
    assert_true(package->config[0]->static_collection_config->member_only_read);
    assert_null(package->config[0]->static_collection_config->endorsement_policy);
    b = package->config[1]->static_collection_config;
    assert_int_equal(b->block_to_live, 3);
    assert_int_equal(b->endorsement_policy->signature_policy->n_identities, 1);
    assert_int_equal(msp_collections_pack((config_collections){ &wrong, 1 }, arena, &bytes, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "collection bad: policy \"OR(A)\""));
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_becomes_the_bytes_that_fabrics_tools_make),
        cmocka_unit_test(inner_gates_number_their_principals_before_the_outer_one),
        cmocka_unit_test(a_principal_named_twice_is_listed_twice),
        cmocka_unit_test(names_may_have_dots_and_dashes),
        cmocka_unit_test(a_threshold_may_exceed_its_rules_by_one_and_be_zero),
        cmocka_unit_test(mistakes_in_a_policy_name_their_place),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(sets_of_organisations_satisfy_policies_as_the_table_says),
        cmocka_unit_test(several_policies_must_all_be_satisfied),
        cmocka_unit_test(malformed_policies_satisfy_nobody),
        cmocka_unit_test(endorsements_count_once_and_only_when_their_signature_holds),
        cmocka_unit_test(collections_are_packed_with_their_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
