/* Who may do what at a peer: Fabric's defaults, a channel's own choice, and the words of each refusal. */
#include "test/unit/network/msp/fixture.h"

#include "msp/acl.h"
#include "msp/material.h"

#include "common/configtx.pb-c.h"
#include "peer/configuration.pb-c.h"

#include <unistd.h>

static const char yaml[] =
    "channel: trial\n"
    "batch: {timeout_ms: 20, max_message_count: 10, absolute_max_bytes: 1000000, preferred_max_bytes: 500000}\n"
    "orderer: {name: Orderer, mspid: OrdererMSP, domain: orderer.test, node: o1, address: \"127.0.0.1:7050\"}\n"
    "organisations:\n"
    "  - name: A\n"
    "    mspid: AMSP\n"
    "    domain: a.test\n"
    "    peer: {name: peer0, address: \"127.0.0.1:7051\"}\n"
    "    sites: [{gln: \"4012345000016\", type: hospital, region: DE-BE}]\n"
    "    users:\n"
    "      - {name: Admin, kind: admin, role: admin, uid: a0, site: \"4012345000016\"}\n"
    "      - {name: user1, role: doctor, uid: a1, site: \"4012345000016\"}\n"
    "  - name: B\n"
    "    mspid: BMSP\n"
    "    domain: b.test\n"
    "    peer: {name: peer0, address: \"127.0.0.1:8051\"}\n"
    "    sites: [{gln: \"4012345001013\", type: practice, region: DE-BE}]\n"
    "    users:\n"
    "      - {name: Admin, kind: admin, role: admin, uid: b0, site: \"4012345001013\"}\n"
    "      - {name: user1, role: doctor, uid: b1, site: \"4012345001013\"}\n"
    "chaincodes: []\n";

typedef struct world {
    char dir[64];
    config_network *net;
    fcc__arena *arena;
    msp_channel *channel;
    msp_manager *local; /* of A's peer */
    msp_signer *admin, *member, *other, *orderer;
    msp_acl acl;
} world;

static msp_signer *load(const char *msp_dir, const char *mspid)
{
    msp_signer *signer = NULL;
    fcc_error error = { 0 };

    if (msp_signer_load(msp_dir, mspid, &signer, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return signer;
}

static int make_world(void **state)
{
    world *w = calloc(1, sizeof *w);
    char path[96], crypto[80];
    fcc_error error = { 0 };
    fcc_bytes block;
    msp_org *org = NULL;
    FILE *file;

    strcpy(w->dir, "/tmp/medsync-acl-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    snprintf(path, sizeof path, "%s/network.yaml", w->dir);
    snprintf(crypto, sizeof crypto, "%s/crypto", w->dir);
    file = fopen(path, "w");
    if (!file || fputs(yaml, file) < 0 || fclose(file) != 0)
        return -1;
    w->arena = fcc__arena_new(16 << 20);
    if (config_load(path, &w->net, &error) != FCC_OK || msp_generate(w->net, crypto, &error) != FCC_OK ||
        msp_genesis(w->net, crypto, FIX_NOW, w->arena, &block, &error) != FCC_OK ||
        msp_channel_from_block(block, &w->channel, &error) != FCC_OK ||
        msp_org_load(msp_path_peer_msp(w->arena, crypto, &w->net->orgs[0]), "AMSP", &org, &error) != FCC_OK ||
        msp_manager_new(&org, 1, &w->local, &error) != FCC_OK) {
        fprintf(stderr, "# %s\n", error.text);
        return -1;
    }
    w->admin = load(msp_path_user_msp(w->arena, crypto, &w->net->orgs[0], "Admin"), "AMSP");
    w->member = load(msp_path_user_msp(w->arena, crypto, &w->net->orgs[0], "user1"), "AMSP");
    w->other = load(msp_path_user_msp(w->arena, crypto, &w->net->orgs[1], "user1"), "BMSP");
    w->orderer = load(msp_path_orderer_msp(w->arena, crypto, &w->net->orderer, 0), "OrdererMSP");
    w->acl = (msp_acl){ .channel = w->channel, .channel_id = FCC_LIT("trial"), .local = w->local };
    *state = w;
    return 0;
}

static int drop_world(void **state)
{
    world *w = *state;

    msp__remove_tree(w->dir);
    msp_signer_free(w->admin);
    msp_signer_free(w->member);
    msp_signer_free(w->other);
    msp_signer_free(w->orderer);
    msp_manager_free(w->local);
    msp_channel_free(w->channel);
    config_free(w->net);
    fcc__arena_free(w->arena);
    free(w);
    return 0;
}

static msp_signed signed_by(world *w, const msp_signer *signer, const char *text)
{
    msp_signed request = { .data = { fcc_str(text), FCC_LIT("") }, .identity = msp_signer_identity(signer) };

    assert_int_equal(msp_sign(signer, request.data, 2, w->arena, &request.signature), FCC_OK);
    return request;
}

#define ALLOWED(acl, resource, form, request)                                  \
    do {                                                                       \
        fcc_error error_ = { 0 };                                              \
        if (msp_acl_check(acl, resource, form, &(request), &error_) != FCC_OK) \
            fail_msg("%s", error_.text);                                       \
    } while (0)

#define REFUSED(acl, resource, form, request, words)                                             \
    do {                                                                                         \
        fcc_error error_ = { 0 };                                                                \
        assert_int_equal(msp_acl_check(acl, resource, form, &(request), &error_), FCC_ERR_AUTH); \
        assert_string_equal(error_.text, words);                                                 \
    } while (0)

/* The world's channel with an ACLs value. */
static msp_channel *with_acls(world *w, const char *const (*rules)[2], size_t count)
{
    Protos__ACLs acls = PROTOS__ACLS__INIT;
    Protos__ACLEntry entries[4], *entry[4];
    Protos__APIResource resources[4];
    Common__ConfigValueEntry added = COMMON__CONFIG_VALUE_ENTRY__INIT, **values;
    Common__ConfigValue value = COMMON__CONFIG_VALUE__INIT;
    Common__ConfigGroup *group = NULL;
    Common__Config *config;
    msp_channel *channel = NULL;
    fcc_bytes bytes;
    fcc_error error = { 0 };

    for (size_t i = 0; i < count; i++) {
        protos__aclentry__init(&entries[i]);
        protos__apiresource__init(&resources[i]);
        entries[i].key = fcc__pb(fcc_str(rules[i][0]));
        entries[i].value = &resources[i];
        resources[i].policy_ref = fcc__pb(fcc_str(rules[i][1]));
        entry[i] = &entries[i];
    }
    acls.n_acls = count;
    acls.acls = entry;
    assert_int_equal(fcc__pack(&acls, w->arena, &bytes), FCC_OK);
    value.value = fcc__pb(bytes);
    added.key = fcc__pb(FCC_LIT("ACLs"));
    added.value = &value;
    assert_int_equal(FCC__UNPACK(common__config, msp_channel_config(w->channel), w->arena, &config), FCC_OK);
    for (size_t i = 0; i < config->channel_group->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(config->channel_group->groups[i]->key), FCC_LIT("Application")))
            group = config->channel_group->groups[i]->value;
    assert_non_null(group);
    values = fcc__arena_zalloc(w->arena, group->n_values + 1, sizeof(*values));
    memcpy(values, group->values, group->n_values * sizeof(*values));
    values[group->n_values++] = &added;
    group->values = values;
    assert_int_equal(fcc__pack(config, w->arena, &bytes), FCC_OK);
    if (msp_channel_from_config("trial", bytes, &channel, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return channel;
}

/* ---- defaults ----------------------------------------------------------------------------------------------------- */

static void members_of_the_channel_read_and_write_it_and_nobody_else_does(void **state)
{
    world *w = *state;
    msp_signed member = signed_by(w, w->member, "x"), other = signed_by(w, w->other, "x"),
               orderer = signed_by(w, w->orderer, "x"), forged = member;

    forged.data[0] = FCC_LIT("y");
    ALLOWED(&w->acl, "peer/Propose", MSP_ACL_PROPOSAL, member);
    ALLOWED(&w->acl, "peer/Propose", MSP_ACL_PROPOSAL, other);
    ALLOWED(&w->acl, "qscc/GetChainInfo", MSP_ACL_PROPOSAL, member);
    ALLOWED(&w->acl, "event/Block", MSP_ACL_DATA, other);
    REFUSED(&w->acl, "event/Block", MSP_ACL_DATA, orderer,
            "Failed evaluating policy on signed data during check policy on channel [trial] with policy "
            "[/Channel/Application/Readers]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but "
            "this policy requires 1 of the 'Readers' sub-policies to be satisfied]");
    REFUSED(&w->acl, "peer/Propose", MSP_ACL_PROPOSAL, forged,
            "Failed evaluating policy on signed data during check policy on channel [trial] with policy "
            "[/Channel/Application/Writers]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but "
            "this policy requires 1 of the 'Writers' sub-policies to be satisfied]");
}

static void an_identity_that_cannot_be_read_is_nobody(void **state)
{
    world *w = *state;
    msp_signed member = signed_by(w, w->member, "x");
    fcc_error error = { 0 };

    member.identity = FCC_LIT("not an identity");
    assert_int_equal(msp_acl_check(&w->acl, "event/Block", MSP_ACL_DATA, &member, &error), FCC_ERR_AUTH);
    assert_non_null(strstr(error.text, "0 sub-policies were satisfied"));
}

static void a_channel_that_the_peer_lacks_and_a_resource_that_nobody_knows_are_named(void **state)
{
    world *w = *state;
    msp_signed member = signed_by(w, w->member, "x");
    const msp_acl unknown = { .channel_id = FCC_LIT("nochannel"), .local = w->local };
    const msp_acl none = { .local = w->local };

    REFUSED(&unknown, "gateway/CommitStatus", MSP_ACL_DATA, member,
            "Failed to get policy manager for channel [nochannel]");
    REFUSED(&w->acl, "qscc/NoSuchThing", MSP_ACL_PROPOSAL, member, "Unmapped policy for qscc/NoSuchThing");
    REFUSED(&none, "event/Block", MSP_ACL_DATA, member,
            "Invalid channel ID name during check policy on signed data. Name must be different from nil.");
    REFUSED(&none, "cscc/GetConfigBlock", MSP_ACL_PROPOSAL, member,
            "Failed getting local MSP principal during channelless check policy with policy "
            "[/Channel/Application/Readers]: [MSP Principal role [/Channel/Application/Readers] not recognized]");
}

/* ---- the peer's own resources ------------------------------------------------------------------------------------- */

static void only_its_own_administrators_install_on_a_peer(void **state)
{
    world *w = *state;
    msp_signed admin = signed_by(w, w->admin, "x"), member = signed_by(w, w->member, "x"),
               other = signed_by(w, w->other, "x"), forged = admin;

    forged.data[0] = FCC_LIT("y");
    ALLOWED(&w->acl, "_lifecycle/InstallChaincode", MSP_ACL_PROPOSAL, admin);
    REFUSED(&w->acl, "_lifecycle/InstallChaincode", MSP_ACL_PROPOSAL, member,
            "Failed verifying that proposal's creator satisfies local MSP principal during channelless check policy "
            "with policy [Admins]: [The identity is not an admin under this MSP [AMSP]: The identity does not contain "
            "OU [ADMIN], MSP: [AMSP]]");
    REFUSED(&w->acl, "_lifecycle/InstallChaincode", MSP_ACL_PROPOSAL, other,
            "Failed deserializing proposal creator during channelless check policy with policy [Admins]: [expected MSP "
            "ID AMSP, received BMSP]");
    REFUSED(&w->acl, "_lifecycle/InstallChaincode", MSP_ACL_PROPOSAL, forged, "The signature is invalid");
    assert_null(msp_acl_policy(w->channel, "_lifecycle/InstallChaincode"));
}

static void any_member_may_ask_a_peer_for_its_channels_without_naming_one(void **state)
{
    world *w = *state;
    const msp_acl none = { .local = w->local };
    msp_signed member = signed_by(w, w->member, "x"), other = signed_by(w, w->other, "x");
    fcc_error error = { 0 };

    assert_int_equal(msp_acl_check_peer(&none, "cscc/GetChannels", MSP_ACL_PROPOSAL, &member, &error), FCC_OK);
    assert_int_equal(msp_acl_check_peer(&none, "cscc/GetChannels", MSP_ACL_DATA, &other, &error), FCC_ERR_AUTH);
    assert_string_equal(error.text,
                        "failed deserializing signed data identity during channelless check policy with policy "
                        "[Members]: [expected MSP ID AMSP, received BMSP]");
    assert_int_equal(msp_acl_check_peer(&none, "event/Block", MSP_ACL_DATA, &member, &error), FCC_ERR_AUTH);
    assert_string_equal(error.text, "cannot override peer type policy for channeless ACL check");
}

/* ---- a channel's own choice --------------------------------------------------------------------------------------- */

static void a_channel_chooses_its_policies_but_not_those_of_the_peer(void **state)
{
    static const char *const rules[][2] = { { "event/Block", "Admins" },
                                            { "qscc/GetChainInfo", "/Channel/Orderer/Readers" },
                                            { "cscc/GetConfigBlock", "/Channel/Application/Nothing" },
                                            { "_lifecycle/InstallChaincode", "Readers" } };
    world *w = *state;
    msp_channel *channel = with_acls(w, rules, 4);
    const msp_acl acl = { .channel = channel, .channel_id = FCC_LIT("trial"), .local = w->local };
    msp_signed admin = signed_by(w, w->admin, "x"), member = signed_by(w, w->member, "x"),
               orderer = signed_by(w, w->orderer, "x");
    fcc_error error = { 0 };

    REFUSED(&acl, "event/Block", MSP_ACL_DATA, admin, /* MAJORITY of two */
            "failed evaluating policy on signed data during check policy [/Channel/Application/Admins]: [implicit "
            "policy evaluation failed - 1 sub-policies were satisfied, but this policy requires 2 of the 'Admins' "
            "sub-policies to be satisfied]");
    ALLOWED(&acl, "event/FilteredBlock", MSP_ACL_DATA, member);
    ALLOWED(&acl, "qscc/GetChainInfo", MSP_ACL_PROPOSAL, orderer);
    REFUSED(&acl, "cscc/GetConfigBlock", MSP_ACL_PROPOSAL, member,
            "failed evaluating policy on signed data during check policy [/Channel/Application/Nothing]: [policy "
            "/Channel/Application/Nothing not found]");
    assert_int_equal(msp_acl_check(&acl, "_lifecycle/InstallChaincode", MSP_ACL_PROPOSAL, &member, &error),
                     FCC_ERR_AUTH);
    assert_string_equal(msp_acl_policy(channel, "event/Block"), "/Channel/Application/Admins");
    assert_string_equal(msp_acl_policy(channel, "event/FilteredBlock"), "/Channel/Application/Readers");
    msp_channel_free(channel);
}

static void an_empty_choice_leaves_the_default(void **state)
{
    static const char *const rules[][2] = { { "event/Block", "" } };
    world *w = *state;
    msp_channel *channel = with_acls(w, rules, 1);

    assert_string_equal(msp_acl_policy(channel, "event/Block"), "/Channel/Application/Readers");
    msp_channel_free(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_the_channel_read_and_write_it_and_nobody_else_does),
        cmocka_unit_test(an_identity_that_cannot_be_read_is_nobody),
        cmocka_unit_test(a_channel_that_the_peer_lacks_and_a_resource_that_nobody_knows_are_named),
        cmocka_unit_test(only_its_own_administrators_install_on_a_peer),
        cmocka_unit_test(any_member_may_ask_a_peer_for_its_channels_without_naming_one),
        cmocka_unit_test(a_channel_chooses_its_policies_but_not_those_of_the_peer),
        cmocka_unit_test(an_empty_choice_leaves_the_default),
    };

    return cmocka_run_group_tests(tests, make_world, drop_world);
}
