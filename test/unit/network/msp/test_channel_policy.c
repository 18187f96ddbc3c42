/* A channel's policies: who satisfies them, and where Fabric's way of asking decides. */
#include "test/unit/network/msp/channel_fixture.h"

#include "msp/policy.h"

#include "common/policies.pb-c.h"

static const msp_identity *who(const chan *c, const msp_signer *signer)
{
    const msp_identity *out = NULL;

    assert_int_equal(msp_deserialize(msp_channel_manager(c->channel), msp_signer_identity(signer), &out, NULL), FCC_OK);
    return out;
}

static fcc_bytes policy_of(const chan *c, const char *text)
{
    fcc_bytes out;

    assert_int_equal(msp_policy_parse(text, c->arena, &out, NULL), FCC_OK);
    return out;
}

static void the_first_that_fits_is_taken_and_never_given_back(void **state)
{
    const chan *c = *state;
    const msp_identity *admin = who(c, c->admins[0]), *user = who(c, c->users[0]);
    const msp_identity *first[] = { admin, user }, *last[] = { user, admin };
    const fcc_bytes wide = policy_of(c, "AND('AMSP.member', 'AMSP.admin')");
    const fcc_bytes narrow = policy_of(c, "AND('AMSP.admin', 'AMSP.member')");

    assert_int_equal(msp_policy_evaluate(wide, first, 2, NULL), FCC_ERR_AUTH); /* an assignment exists all the same */
    assert_int_equal(msp_policy_evaluate(wide, last, 2, NULL), FCC_OK);
    assert_int_equal(msp_policy_evaluate(narrow, first, 2, NULL), FCC_OK);
    assert_int_equal(msp_policy_evaluate(narrow, last, 2, NULL), FCC_OK);
}

static void a_gate_that_fails_gives_back_what_it_took(void **state)
{
    const chan *c = *state;
    const msp_identity *set[] = { who(c, c->users[0]), who(c, c->users[1]) };

    assert_int_equal(msp_policy_evaluate(policy_of(c, "OR(AND('AMSP.member', 'CMSP.member'), AND('AMSP.member', "
                                                      "'BMSP.member'))"),
                                         set, 2, NULL),
                     FCC_OK);
    /* but a gate that has enough goes on taking */
    assert_int_equal(
        msp_policy_evaluate(policy_of(c, "AND(OR('AMSP.member', 'BMSP.member'), 'BMSP.member')"), set, 2, NULL),
        FCC_ERR_AUTH);
}

/* The channel with another policy of its applications. */
static msp_channel *with_meta(const chan *c, Common__Config *config, int rule, const char *sub_policy)
{
    Common__ImplicitMetaPolicy meta = COMMON__IMPLICIT_META_POLICY__INIT;
    Common__ConfigPolicy *policy = edit_policy(edit_group(config->channel_group, "Application"), "Endorsement");
    msp_channel *channel = NULL;
    fcc_error error = { 0 };

    meta.rule = (Common__ImplicitMetaPolicy__Rule)rule;
    meta.sub_policy = fcc__pb(fcc_str(sub_policy));
    policy->policy->value = fcc__pb(edit_pack(c->arena, &meta));
    if (msp_channel_from_config("test", edit_pack(c->arena, config), &channel, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return channel;
}

static const char *asked(const chan *c, msp_channel *channel, unsigned peers)
{
    const msp_identity *set[CHAN_ORGS];
    fcc_error error = { 0 };
    size_t i, n = 0;
    const char *out = "ok";

    for (i = 0; i < CHAN_ORGS; i++)
        if (peers & 1u << i)
            assert_int_equal(
                msp_deserialize(msp_channel_manager(channel), msp_signer_identity(c->peers[i]), &set[n++], NULL),
                FCC_OK);
    if (msp_channel_evaluate(channel, "/Channel/Application/Endorsement", set, n, &error) != FCC_OK)
        out = fcc__arena_printf(c->arena, "%s", error.text);
    msp_channel_free(channel);
    return out;
}

#define FAILED "implicit policy evaluation failed - "
#define ASKS " sub-policies were satisfied, but this policy requires "

static void rules_count_groups(void **state)
{
    enum { ANY, ALL, MAJORITY };
    const chan *c = *state;

    assert_string_equal(asked(c, with_meta(c, chan_config(c), ANY, "Endorsement"), 2), "ok");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), ANY, "Endorsement"), 0),
                        FAILED "0" ASKS "1 of the 'Endorsement' sub-policies to be satisfied");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), MAJORITY, "Endorsement"), 1 | 4), "ok");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), MAJORITY, "Endorsement"), 4),
                        FAILED "1" ASKS "2 of the 'Endorsement' sub-policies to be satisfied");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), ALL, "Endorsement"), 7), "ok");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), ALL, "Endorsement"), 3),
                        FAILED "2" ASKS "3 of the 'Endorsement' sub-policies to be satisfied");
    /* a rule that nobody knows is satisfied as long as nobody is */
    assert_string_equal(asked(c, with_meta(c, chan_config(c), 9, "Endorsement"), 0), "ok");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), 9, "Endorsement"), 1),
                        FAILED "1" ASKS "0 of the 'Endorsement' sub-policies to be satisfied");
}

static void groups_that_lack_the_policy_count_and_never_approve(void **state)
{
    const chan *c = *state;
    Common__Config *config = chan_config(c);
    Common__ConfigGroup *of_c = edit_group(config->channel_group, "Application/C");
    size_t i;

    for (i = 0; i < of_c->n_policies; i++)
        if (fcc_bytes_equal(fcc__of_pb(of_c->policies[i]->key), FCC_LIT("Endorsement")))
            of_c->policies[i]->key = fcc__pb(FCC_LIT("Elsewhere"));
    assert_string_equal(asked(c, with_meta(c, config, 1, "Endorsement"), 7),
                        FAILED "2" ASKS "3 of the 'Endorsement' sub-policies to be satisfied");
    assert_string_equal(asked(c, with_meta(c, chan_config(c), 0, "Nobody"), 7),
                        FAILED "0" ASKS "1 of the 'Nobody' sub-policies to be satisfied");
}

static void without_groups_everybody_is_a_majority(void **state)
{
    const chan *c = *state;
    int rule;

    for (rule = 0; rule < 3; rule++) {
        Common__Config *config = chan_config(c);

        edit_group(config->channel_group, "Application")->n_groups = 0;
        assert_string_equal(asked(c, with_meta(c, config, rule, "Endorsement"), 0), "ok");
    }
}

static void policies_are_found_by_their_paths(void **state)
{
    const chan *c = *state;
    const msp_identity *admin = who(c, c->admins[1]);

    assert_int_equal(msp_channel_evaluate(c->channel, "/Channel/Application/B/Admins", &admin, 1, NULL), FCC_OK);
    assert_int_equal(msp_channel_evaluate(c->channel, "Application/B/Admins", &admin, 1, NULL), FCC_OK);
    assert_int_equal(msp_channel_evaluate(c->channel, "/Channel/Application/A/Admins", &admin, 1, NULL), FCC_ERR_AUTH);
    assert_int_equal(msp_channel_evaluate(c->channel, "/Channel/Application/B/Nobody", &admin, 1, NULL),
                     FCC_ERR_NOT_FOUND);
    assert_int_equal(msp_channel_evaluate(c->channel, "/Application/B/Admins", &admin, 1, NULL), FCC_ERR_NOT_FOUND);
    assert_int_equal(msp_channel_evaluate(c->channel, "/Channel", &admin, 1, NULL), FCC_ERR_NOT_FOUND);
    assert_int_equal(msp_channel_evaluate(c->channel, "/ChannelX/Readers", &admin, 1, NULL), FCC_ERR_NOT_FOUND);
    assert_int_equal(msp_channel_evaluate(c->channel, "", &admin, 1, NULL), FCC_ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chan_setup, chan_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_that_fits_is_taken_and_never_given_back),
        TEST(a_gate_that_fails_gives_back_what_it_took),
        TEST(rules_count_groups),
        TEST(groups_that_lack_the_policy_count_and_never_approve),
        TEST(without_groups_everybody_is_a_majority),
        TEST(policies_are_found_by_their_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
