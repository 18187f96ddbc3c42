/* What network.yaml and collections.json may say, and what is said about mistakes in them. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A whole consortium; tests replace one line of it. */
static const char minimal[] = "channel: trial\n"
                              "batch: {timeout_ms: 20, max_message_count: 10, absolute_max_bytes: 100000, "
                              "preferred_max_bytes: 50000}\n"
                              "orderer: {name: Orderer, mspid: OrdererMSP, domain: orderer.test, node: o1, "
                              "address: \"127.0.0.1:7050\"}\n"
                              "organisations:\n"
                              "  - name: A\n"
                              "    mspid: AMSP\n"
                              "    domain: a.test\n"
                              "    peer: {name: peer0, address: \"127.0.0.1:7051\"}\n"
                              "    sites: [{gln: \"4012345000016\", type: hospital, region: DE-BE}]\n"
                              "    users:\n"
                              "      - {name: Admin, kind: admin, role: admin, uid: a0, site: \"4012345000016\"}\n"
                              "      - {name: patient1, patient: true}\n"
                              "chaincodes:\n"
                              "  - {name: cc, version: \"1\", sequence: 1, policy: \"OR('AMSP.peer')\", "
                              "organisations: [A]}\n";

/* `minimal` with the first `from` replaced by `to`; freed by the caller. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(minimal, from);
    char *text = malloc(sizeof minimal + strlen(to));

    assert_non_null(at);
    assert_non_null(text);
    sprintf(text, "%.*s%s%s", (int)(at - minimal), minimal, to, at + strlen(from));
    return text;
}

/* Expect a refusal whose text contains all that is given. */
static void refuses(const char *from, const char *to, const char *line, const char *words)
{
    char *text = changed(from, to);
    config_network *net = NULL;
    fcc_error error = { 0 };

    assert_int_equal(config_parse(fcc_str(text), "trial.yaml", &net, &error), FCC_ERR_CONFIG);
    assert_null(net);
    if (!strstr(error.text, line) || !strstr(error.text, words))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", error.text, line, words);
    free(text);
}

#define ORDERER_NODE "node: o1, address: \"127.0.0.1:7050\"}"

#define PEER_OF_A "    peer: {name: peer0, address: \"127.0.0.1:7051\"}\n"
#define PATIENT_OF_A "      - {name: patient1, patient: true}\n"
#define CUSTODIAN "    custodian: {address: \"127.0.0.1:7060\"}\n"

static const char *some_ports(const char *name)
{
    return strcmp(name, "O1") == 0 ? "1" : strcmp(name, "A_CUSTODIAN") == 0 ? "65535" : NULL;
}

static const char *no_port(const char *name)
{
    return strcmp(name, "A") == 0 ? "65536" : NULL;
}

static void a_custodian_has_an_address(void **state)
{
    char *with = changed(PATIENT_OF_A,
                         PATIENT_OF_A "      - {name: keeper, role: custodian, uid: a1, site: \"4012345000016\"}\n");
    char *at = strstr(with, PEER_OF_A), *text = NULL;
    config_network *net = NULL;
    fcc_error error = { 0 };

    (void)state;
    assert_non_null(at);
    assert_true(asprintf(&text, "%.*s" CUSTODIAN "%s", (int)(at - with), with, at) > 0);
    assert_int_equal(config_parse(fcc_str(text), "trial.yaml", &net, &error), FCC_OK);
    assert_string_equal(net->orgs[0].custodian_user, "keeper");
    assert_string_equal(net->orgs[0].custodian_address, "127.0.0.1:7060");
    assert_int_equal(config_ports(net, no_port, &error), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "the port of A: \"65536\" is none, expected 1 to 65535");
    assert_string_equal(net->orgs[0].peer_address, "127.0.0.1:7051");
    assert_int_equal(config_ports(net, some_ports, &error), FCC_OK);
    assert_string_equal(net->orderer.nodes[0].address, "127.0.0.1:1");
    assert_string_equal(net->orgs[0].peer_address, "127.0.0.1:7051");
    assert_string_equal(net->orgs[0].custodian_address, "127.0.0.1:65535");
    assert_int_equal(config_addresses_by_name(net, &error), FCC_OK);
    assert_string_equal(net->orgs[0].custodian_address, "custodian.a.test:65535");
    config_free(net);
    free(text);
    free(with);
    refuses(PEER_OF_A, PEER_OF_A CUSTODIAN, "trial.yaml:9", "a user of role custodian");
}

static void an_orderer_has_one_node_or_several(void **state)
{
    char *text = changed(ORDERER_NODE, "nodes: [{name: o1, address: \"127.0.0.1:1\"}, {name: o2, address: \"h:2\"}]}");
    config_network *net = NULL;
    fcc_error error = { 0 };

    (void)state;
    assert_int_equal(config_parse(fcc_str(text), "trial.yaml", &net, &error), FCC_OK);
    assert_int_equal(net->orderer.node_count, 2);
    assert_string_equal(net->orderer.nodes[1].name, "o2.orderer.test");
    assert_string_equal(net->orderer.nodes[1].address, "h:2");
    config_free(net);
    free(text);
    refuses(ORDERER_NODE, "node: o1}", "trial.yaml:3", "either nodes, or node and address of a single one");
    refuses(ORDERER_NODE, "node: o1, nodes: [{name: o1, address: \"h:1\"}]}", "trial.yaml:3", "either nodes, or node");
    refuses(ORDERER_NODE, "nodes: []}", "trial.yaml:3", "at least one orderer");
    refuses(ORDERER_NODE, "nodes: [{name: o1, address: \"h:1\"}, {name: O1, address: \"h:2\"}]}", "trial.yaml:3",
            "each orderer once");
    refuses(ORDERER_NODE, "nodes: [{name: o1, address: \"h:1\"}, {name: o2, address: \"h:1\"}]}", "trial.yaml:3",
            "an address of its own");
    refuses(ORDERER_NODE, "nodes: [{name: o1, address: h}]}", "trial.yaml:3", "host:port");
}

static void the_repositorys_consortium_is_read_whole(void **state)
{
    config_network *net;
    fcc_error error = { 0 };
    const config_org *hospital;
    const config_user *user;
    const config_chaincode *ehr;

    (void)state;
    if (config_load("network/network.yaml", &net, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_string_equal(net->channel, "medsync");
    assert_int_equal(net->org_count, 9);
    assert_string_equal(net->orderer.nodes[0].name, "orderer0.orderer.medsync.example");
    assert_int_equal(net->orderer.node_count, 3);
    hospital = config_find_org(net, "hospital");
    assert_non_null(hospital);
    assert_ptr_equal(hospital, config_find_org(net, "HospitalMSP"));
    assert_string_equal(hospital->peer_name, "peer0.hospital.medsync.example");
    assert_true(hospital->custody);
    assert_false(config_find_org(net, "Pharmacy")->custody);
    assert_true(config_find_org(net, "Inspector")->newcomer);
    assert_false(hospital->newcomer);
    user = config_find_user(hospital, "doctor2");
    assert_non_null(user);
    assert_true(config_has(user->caps, "btg"));
    assert_true(user->licensed);
    user = config_find_user(hospital, "patient1");
    assert_true(user->patient);
    assert_string_equal(user->role, "patient");
    assert_null(user->uid);
    assert_false(user->spare);
    assert_true(config_find_user(hospital, "patient4")->spare);
    user = config_find_user(config_find_org(net, "Inspector"), "Admin");
    assert_true(user->admin);
    assert_null(user->role);
    assert_string_equal(config_find_org(net, "Inspector")->policies.writers, "OR('InspectorMSP.admin')");
    assert_null(hospital->policies.writers);
    assert_string_equal(net->acls[0].resource, "peer/Propose");
    assert_string_equal(net->acls[0].policy, "/Channel/Application/Readers");
    assert_ptr_equal(config_org_of_user(net, "auditor1", &user), config_find_org(net, "Regulator"));
    assert_string_equal(user->role, "auditor");
    assert_null(config_org_of_user(net, "Admin", NULL));
    ehr = config_find_chaincode(net, "ehr");
    assert_non_null(ehr);
    assert_int_equal(ehr->orgs.n, 4);
    assert_false(config_has(ehr->orgs, "PharmacyMSP"));
    assert_true(ehr->collections.n > 0);
    config_free(net);
}

static void a_chaincode_can_be_added_to_the_configuration_for_all_organisations(void **state)
{
    config_network *net;
    fcc_error error = { 0 };
    const config_chaincode *added;

    (void)state;
    assert_int_equal(config_parse(fcc_str(minimal), "trial.yaml", &net, &error), FCC_OK);
    assert_int_equal(config_add_chaincode(net, "bench", "probe", "/nonexistent/collections.json", &error), FCC_OK);
    added = config_find_chaincode(net, "bench");
    assert_non_null(added);
    assert_string_equal(added->exe, "probe");
    assert_string_equal(added->label, "bench_1");
    assert_string_equal(added->policy, "OR('AMSP.peer')");
    assert_int_equal(added->collections.n, 0);
    assert_int_equal(config_add_chaincode(net, "cc", "probe", NULL, &error), FCC_ERR_EXISTS);
    assert_int_equal(config_add_chaincode(net, "../x", "probe", NULL, &error), FCC_ERR_CONFIG);
    config_free(net);
}

static void an_unknown_key_is_an_error_naming_its_line_and_the_known_ones(void **state)
{
    (void)state;
    refuses("channel: trial\n", "channel: trial\nchanel: x\n", "trial.yaml:2:", "\"chanel\": expected one of channel,");
    refuses("{name: patient1, patient: true}", "{name: patient1, patient: true, born: 1970}",
            "trial.yaml:12:", "\"born\"");
}

static void a_key_given_twice_is_an_error(void **state)
{
    (void)state;
    refuses("    mspid: AMSP\n", "    mspid: AMSP\n    mspid: BMSP\n", "trial.yaml:7:", "each key once");
}

static void a_missing_key_is_an_error_naming_it(void **state)
{
    (void)state;
    refuses("    domain: a.test\n", "", "trial.yaml:5:", "the key \"domain\", which is missing");
}

static void a_value_out_of_range_is_an_error_naming_value_and_range(void **state)
{
    (void)state;
    refuses("timeout_ms: 20", "timeout_ms: soon", "trial.yaml:2:", "\"soon\": expected a whole number from 1 to");
    refuses("timeout_ms: 20", "timeout_ms: 0", "trial.yaml:2:", "batch.timeout_ms: \"0\"");
    refuses("preferred_max_bytes: 50000", "preferred_max_bytes: 200000", "trial.yaml:2:", "no more than");
    refuses("address: \"127.0.0.1:7051\"", "address: \"127.0.0.1\"", "trial.yaml:8:", "host:port");
    refuses("channel: trial", "channel: Trial", "trial.yaml:1:", "a channel name");
    refuses("name: patient1", "name: ../patient1", "trial.yaml:12:", "letters, digits");
    refuses("patient: true", "patient: maybe", "trial.yaml:12:", "true or false");
}

static void a_site_number_with_a_wrong_check_digit_is_an_error(void **state)
{
    (void)state;
    assert_true(config_gln_valid("4012345000016"));
    assert_false(config_gln_valid("4012345000017"));
    assert_false(config_gln_valid("401234500001"));
    refuses("gln: \"4012345000016\"", "gln: \"4012345000017\"", "trial.yaml:9:", "check digit");
}

static void a_user_of_another_organisations_site_is_an_error(void **state)
{
    (void)state;
    refuses("uid: a0, site: \"4012345000016\"", "uid: a0, site: \"4012345001013\"",
            "trial.yaml:11:", "a site of the same organisation");
}

static void a_patient_has_nothing_but_a_name(void **state)
{
    (void)state;
    refuses("patient: true", "patient: true, uid: x", "trial.yaml:12:", "nothing but a name");
}

static void who_acts_for_a_site_has_role_uid_and_site_all_of_them(void **state)
{
    char *text = changed("{name: Admin, kind: admin, role: admin, uid: a0, site: \"4012345000016\"}",
                         "{name: Admin, kind: admin}");
    config_network *net = NULL;

    (void)state;
    assert_int_equal(config_parse(fcc_str(text), "trial.yaml", &net, NULL), FCC_OK); /* for no site */
    config_free(net);
    free(text);
    refuses("role: admin, uid: a0,", "role: admin,", "trial.yaml:11:", "role, uid and site");
    refuses("name: patient1, patient: true", "name: nobody", "trial.yaml:12:", "role, uid and site");
}

static void a_policy_or_acl_of_the_wrong_form_is_an_error(void **state)
{
    (void)state;
    refuses("    users:\n", "    policies: {Reader: x}\n    users:\n",
            "trial.yaml:10:", "\"Reader\": expected one of Readers, Writers, Admins, Endorsement");
    refuses("    users:\n", "    policies: {Readers: []}\n    users:\n", "trial.yaml:10:", "a policy such as");
    refuses("chaincodes:\n", "acls: [{resource: peer/Propose}]\nchaincodes:\n", "trial.yaml:13:", "\"policy\"");
    refuses("chaincodes:\n", "acls: {peer/Propose: Readers}\nchaincodes:\n", "trial.yaml:13:", "a list");
    refuses("chaincodes:\n", "acls: [{resource: a b, policy: Readers}]\nchaincodes:\n", "trial.yaml:13:", "a b");
    refuses("chaincodes:\n", "acls: [{resource: x, policy: Readers}, {resource: x, policy: Writers}]\nchaincodes:\n",
            "trial.yaml:13:", "each resource once");
}

static void an_organisation_has_exactly_one_administrator(void **state)
{
    (void)state;
    refuses("kind: admin, ", "", "trial.yaml:11:", "kind admin");
}

static void a_chaincode_of_an_unknown_organisation_is_an_error(void **state)
{
    (void)state;
    refuses("organisations: [A]", "organisations: [B]", "trial.yaml:14:", "\"B\"");
}

static void names_too_long_for_a_certificate_are_an_error(void **state)
{
    (void)state;
    refuses("name: patient1", "name: patient1patient1patient1patient1patient1patient1patient1patien",
            "trial.yaml:12:", "at most 64 characters together");
    /* so is a domain to which chaincode servers' and their clients' names don't fit */
    refuses("domain: a.test", "domain: a1234567890123456789012345678901234567890123.test",
            "trial.yaml:5:", "at most 64 characters together");
}

static void what_is_not_yaml_is_an_error_with_its_line(void **state)
{
    (void)state;
    refuses("    mspid: AMSP\n", "    mspid: [AMSP\n", "trial.yaml:", "not YAML");
}

/* ---- collections -------------------------------------------------------------------------------------------------- */

static fcc_status collections_of(const char *json, fcc__arena *arena, config_collections *out, fcc_error *error)
{
    char path[] = "/tmp/medsync-collections-XXXXXX";
    int fd = mkstemp(path);
    fcc_status st;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), (ssize_t)strlen(json));
    close(fd);
    st = config_load_collections(path, arena, out, error);
    unlink(path);
    return st;
}

static void collections_are_read_in_fabrics_format(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    config_collections all;
    fcc_error error = { 0 };

    (void)state;
    assert_int_equal(collections_of("[{\"name\":\"a\",\"policy\":\"OR('AMSP.member')\",\"requiredPeerCount\":1,"
                                    "\"maxPeerCount\":3,\"blockToLive\":5,\"memberOnlyRead\":true},"
                                    "{\"name\":\"b\",\"policy\":\"OR('AMSP.member')\",\"endorsementPolicy\":"
                                    "{\"signaturePolicy\":\"OR('AMSP.peer')\"}}]",
                                    arena, &all, &error),
                     FCC_OK);
    assert_int_equal(all.n, 2);
    assert_int_equal(all.v[0].required_peer_count, 1);
    assert_int_equal(all.v[0].max_peer_count, 3);
    assert_int_equal(all.v[0].block_to_live, 5);
    assert_true(all.v[0].member_only_read);
    assert_false(all.v[0].member_only_write);
    assert_int_equal(all.v[1].max_peer_count, 1);
    assert_string_equal(all.v[1].endorsement_policy, "OR('AMSP.peer')");
    fcc__arena_free(arena);
}

static void mistakes_in_collections_name_the_collection_and_the_key(void **state)
{
    static const struct {
        const char *json, *words;
    } cases[] = {
        { "{}", "an array" },
        { "[{\"name\":\"a\"}]", "collection a: policy: expected this key, which is missing" },
        { "[{\"name\":\"a\",\"policy\":\"x\",\"ttl\":1}]", "collection a: ttl: expected one of name, policy" },
        { "[{\"name\":\"a\",\"policy\":\"x\",\"maxPeerCount\":-1}]", "maxPeerCount: -1: expected a whole number" },
        { "[{\"name\":\"a\",\"policy\":\"x\",\"requiredPeerCount\":2}]", "at least requiredPeerCount" },
        { "[{\"name\":\"_a\",\"policy\":\"x\"}]", "name: \"_a\"" },
        { "[{\"name\":\"a\",\"policy\":\"x\"},{\"name\":\"a\",\"policy\":\"x\"}]", "each collection once" },
        { "[{\"name\":\"a\",\"policy\":\"x\",\"endorsementPolicy\":{}}]", "signaturePolicy and channelConfigPolicy" },
        { "[{\"name\":\"a\",\"name\":\"b\",\"policy\":\"x\"}]", "not JSON" },
    };
    fcc__arena *arena = fcc__arena_new(1 << 20);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config_collections all;
        fcc_error error = { 0 };

        assert_int_equal(collections_of(cases[i].json, arena, &all, &error), FCC_ERR_CONFIG);
        if (!strstr(error.text, cases[i].words))
            fail_msg("\"%s\" lacks \"%s\"", error.text, cases[i].words);
    }
    fcc__arena_free(arena);
}

static void absent_collections_are_told_apart_from_wrong_ones(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    config_collections all;

    (void)state;
    assert_int_equal(config_load_collections("/nonexistent/c.json", arena, &all, NULL), FCC_ERR_NOT_FOUND);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_repositorys_consortium_is_read_whole),
        cmocka_unit_test(a_custodian_has_an_address),
        cmocka_unit_test(an_orderer_has_one_node_or_several),
        cmocka_unit_test(a_chaincode_can_be_added_to_the_configuration_for_all_organisations),
        cmocka_unit_test(an_unknown_key_is_an_error_naming_its_line_and_the_known_ones),
        cmocka_unit_test(a_key_given_twice_is_an_error),
        cmocka_unit_test(a_missing_key_is_an_error_naming_it),
        cmocka_unit_test(a_value_out_of_range_is_an_error_naming_value_and_range),
        cmocka_unit_test(a_site_number_with_a_wrong_check_digit_is_an_error),
        cmocka_unit_test(a_user_of_another_organisations_site_is_an_error),
        cmocka_unit_test(a_patient_has_nothing_but_a_name),
        cmocka_unit_test(who_acts_for_a_site_has_role_uid_and_site_all_of_them),
        cmocka_unit_test(a_policy_or_acl_of_the_wrong_form_is_an_error),
        cmocka_unit_test(an_organisation_has_exactly_one_administrator),
        cmocka_unit_test(a_chaincode_of_an_unknown_organisation_is_an_error),
        cmocka_unit_test(names_too_long_for_a_certificate_are_an_error),
        cmocka_unit_test(what_is_not_yaml_is_an_error_with_its_line),
        cmocka_unit_test(collections_are_read_in_fabrics_format),
        cmocka_unit_test(mistakes_in_collections_name_the_collection_and_the_key),
        cmocka_unit_test(absent_collections_are_told_apart_from_wrong_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
