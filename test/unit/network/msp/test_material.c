/* Keys and certificates on disk, and the channel's genesis block. */
#include "test/unit/network/msp/fixture.h"
#include "test/support/skip.h"

#include "msp/acl.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "msp/policy.h"

#include "common/common.pb-c.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The repository's own consortium, made once for all tests of this file. */
typedef struct world {
    char dir[64];
    char crypto[80];
    config_network *net;
    fcc__arena *arena;
    fcc_bytes block;
    msp_channel *channel;
} world;

static int make_world(void **state)
{
    world *w = calloc(1, sizeof *w);
    fcc_error error = { 0 };

    strcpy(w->dir, "/tmp/medsync-material-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    snprintf(w->crypto, sizeof w->crypto, "%s/crypto", w->dir);
    w->arena = fcc__arena_new(16 << 20);
    if (config_load("network/network.yaml", &w->net, &error) != FCC_OK ||
        msp_generate(w->net, w->crypto, &error) != FCC_OK || msp_write_custody(w->net, w->dir, &error) != FCC_OK ||
        msp_genesis(w->net, w->crypto, FIX_NOW, w->arena, &w->block, &error) != FCC_OK ||
        msp_channel_from_block(w->block, &w->channel, &error) != FCC_OK) {
        fprintf(stderr, "# %s\n", error.text);
        return -1;
    }
    *state = w;
    return 0;
}

static int drop_world(void **state)
{
    world *w = *state;

    msp__remove_tree(w->dir);
    msp_channel_free(w->channel);
    config_free(w->net);
    fcc__arena_free(w->arena);
    free(w);
    return 0;
}

static msp_signer *signer_of(world *w, const char *org_name, const char *user)
{
    const config_org *org = config_find_org(w->net, org_name);
    msp_signer *signer = NULL;
    fcc_error error = { 0 };
    const char *dir = user ? msp_path_user_msp(w->arena, w->crypto, org, user)
                           : msp_path_peer_msp(w->arena, w->crypto, org);

    if (msp_signer_load(dir, org->mspid, &signer, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return signer;
}

static const msp_identity *identity_of(world *w, const msp_signer *signer)
{
    const msp_identity *id = NULL;
    fcc_error error = { 0 };

    if (msp_deserialize(msp_channel_manager(w->channel), msp_signer_identity(signer), &id, &error) != FCC_OK ||
        msp_validate(id, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return id;
}

static void everybody_of_the_configuration_has_keys_that_the_channel_accepts(void **state)
{
    world *w = *state;
    size_t i, k;

    for (i = 0; i < w->net->org_count; i++) {
        const config_org *org = &w->net->orgs[i];
        msp_signer *peer = signer_of(w, org->name, NULL);

        assert_int_equal(msp_identity_role(identity_of(w, peer)), MSP_PEER);
        msp_signer_free(peer);
        for (k = 0; k < org->user_count; k++) {
            msp_signer *user = signer_of(w, org->name, org->users[k].name);

            assert_int_equal(msp_identity_role(identity_of(w, user)), org->users[k].admin ? MSP_ADMIN : MSP_CLIENT);
            msp_signer_free(user);
        }
    }
}

/* The attributes extension of a user's certificate, as text in the arena. */
static const char *attributes_of(world *w, const char *org, const char *user, char subject[256])
{
    msp_signer *signer = signer_of(w, org, user);
    X509 *cert = msp__cert_of_pem(msp_signer_certificate(signer));
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7.8.1", 1);
    int at = X509_get_ext_by_OBJ(cert, oid, -1);
    const ASN1_OCTET_STRING *data;
    const char *text;

    assert_true(at >= 0);
    assert_false(X509_EXTENSION_get_critical(X509_get_ext(cert, at)));
    data = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    text = fcc__arena_printf(w->arena, "%.*s", ASN1_STRING_length(data), (const char *)ASN1_STRING_get0_data(data));
    X509_NAME_oneline(X509_get_subject_name(cert), subject, 256);
    X509_free(cert);
    ASN1_OBJECT_free(oid);
    msp_signer_free(signer);
    return text;
}

static void staff_carry_role_uid_and_site_and_patients_nothing_but_their_role(void **state)
{
    world *w = *state;
    char one[256], two[256];

    assert_string_equal(attributes_of(w, "Hospital", "doctor1", one),
                        "{\"attrs\":{\"role\":\"doctor\",\"uid\":\"uid-h-0001\",\"site\":\"4012345000016\"}}");
    assert_non_null(strstr(one, "CN=doctor1@hospital.medsync.example"));
    assert_string_equal(attributes_of(w, "Hospital", "patient1", one), "{\"attrs\":{\"role\":\"patient\"}}");
    attributes_of(w, "Hospital", "patient2", two);
    assert_null(strstr(one, "patient"));
    assert_string_not_equal(strstr(one, "CN="), strstr(two, "CN="));
}

static void private_keys_are_for_their_owner_only(void **state)
{
    world *w = *state;
    const config_org *org = config_find_org(w->net, "Hospital");
    const char *files[3];
    size_t i;

    files[0] = fcc__arena_printf(w->arena, "%s/keystore/priv_sk",
                                 msp_path_user_msp(w->arena, w->crypto, org, "doctor1"));
    files[1] = fcc__arena_printf(w->arena, "%s/server.key", msp_path_peer_tls(w->arena, w->crypto, org));
    files[2] = fcc__arena_printf(w->arena, "%s/custody/HospitalMSP.key", w->dir);
    for (i = 0; i < 3; i++) {
        struct stat info;

        assert_int_equal(stat(files[i], &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
}

static void material_is_made_once_and_kept(void **state)
{
    world *w = *state;
    msp_signer *before = signer_of(w, "Clinic", "doctor3"), *after;
    fcc_error error = { 0 };

    assert_int_equal(msp_generate(w->net, w->crypto, &error), FCC_OK);
    after = signer_of(w, "Clinic", "doctor3");
    assert_true(fcc_bytes_equal(msp_signer_identity(before), msp_signer_identity(after)));
    msp_signer_free(before);
    msp_signer_free(after);
}

static void material_that_lacks_somebody_is_not_silently_completed(void **state)
{
    world *w = *state;
    config_user more[] = { { .name = "Admin", .admin = true, .role = "admin" },
                           { .name = "newcomer", .role = "nurse" } };
    config_org org = *config_find_org(w->net, "Regulator");
    config_network grown = *w->net;
    fcc_error error = { 0 };

    org.users = more;
    org.user_count = 2;
    grown.orgs = &org;
    grown.org_count = 1;
    assert_int_equal(msp_generate(&grown, w->crypto, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "newcomer"));
}

static void a_failed_generation_leaves_nothing_behind(void **state)
{
    world *w = *state;
    char crypto[128], command[200], long_name[101];
    config_network broken = *w->net;
    fcc_error error = { 0 };

    memset(long_name, 'n', sizeof long_name - 1); /* a common name has 64 characters at most */
    long_name[sizeof long_name - 1] = '\0';
    broken.orderer.nodes = &(config_orderer_node){ .name = long_name, .address = "127.0.0.1:1" };
    broken.orderer.node_count = 1;
    snprintf(crypto, sizeof crypto, "%s/fresh/crypto", w->dir);
    assert_int_equal(msp_generate(&broken, crypto, &error), FCC_ERR_INTERNAL);
    assert_non_null(strstr(error.text, "could not make a certificate"));
    snprintf(command, sizeof command, "test -z \"$(ls -A %s/fresh)\"", w->dir);
    assert_int_equal(system(command), 0);
}

/* ---- custody ------------------------------------------------------------------------------------------------------ */

static void custody_keys_are_made_once_and_kept(void **state)
{
    world *w = *state;
    const char *path = fcc__arena_printf(w->arena, "%s/custody/HospitalMSP.key", w->dir);
    const char *none = fcc__arena_printf(w->arena, "%s/custody/PharmacyMSP.key", w->dir);
    fcc_bytes before, after;
    fcc_error error = { 0 };

    assert_int_equal(msp__read_file(path, w->arena, &before, NULL), FCC_OK);
    assert_int_equal(msp_write_custody(w->net, w->dir, NULL), FCC_OK);
    assert_int_equal(msp__read_file(path, w->arena, &after, NULL), FCC_OK);
    assert_true(fcc_bytes_equal(before, after));
    assert_int_not_equal(access(none, F_OK), 0); /* an organisation without a custodian */
    assert_int_equal(msp__replace_file(path, FCC_LIT("no key"), 0600, NULL), FCC_OK);
    assert_int_equal(msp_write_custody(w->net, w->dir, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "expected an X25519 private key"));
    assert_int_equal(msp__replace_file(path, before, 0600, NULL), FCC_OK);
}

/* ---- channel ------------------------------------------------------------------------------------------------------ */

static void the_genesis_block_describes_the_consortium(void **state)
{
    world *w = *state;
    Common__Block *block;
    fcc__sha256 digest;

    assert_string_equal(msp_channel_id(w->channel), "medsync");
    assert_int_equal(msp_channel_org_count(w->channel), 10);
    assert_int_equal(msp_channel_sequence(w->channel), 0);
    assert_int_equal(msp_channel_batch_timeout_ms(w->channel), w->net->batch.timeout_ms);
    assert_int_equal(msp_channel_max_message_count(w->channel), w->net->batch.max_message_count);
    assert_int_equal(msp_channel_absolute_max_bytes(w->channel), w->net->batch.absolute_max_bytes);
    assert_true(msp_channel_application_capability(w->channel, "V2_5"));
    assert_false(msp_channel_application_capability(w->channel, "V9_9"));
    assert_int_equal(FCC__UNPACK(common__block, w->block, w->arena, &block), FCC_OK);
    assert_int_equal(block->header->number, 0);
    assert_int_equal(block->header->previous_hash.len, 0);
    digest = fcc__sha256_of(fcc__of_pb(block->data->data[0]));
    assert_true(fcc_bytes_equal(fcc__of_pb(block->header->data_hash), fcc__sha256_bytes(&digest)));
    assert_int_equal(block->metadata->n_metadata, 5);
    assert_memory_equal(block->metadata->metadata[0].data, "\x0a\x02\x0a\x00", 4);
}

/* Does the policy hold with the identities of these users (NULL: the peers) of the first n organisations? */
static fcc_status with_first(world *w, const char *policy, size_t n, const char *user)
{
    msp_signer *signers[16];
    const msp_identity *all[16] = { NULL };
    size_t i;
    fcc_status st;

    for (i = 0; i < n; i++) {
        signers[i] = signer_of(w, w->net->orgs[i].name, user);
        all[i] = identity_of(w, signers[i]);
    }
    st = msp_channel_evaluate(w->channel, policy, all, n, NULL);
    for (i = 0; i < n; i++)
        msp_signer_free(signers[i]);
    return st;
}

static void channel_policies_ask_for_roles_and_majorities(void **state)
{
    world *w = *state;
    const size_t majority = w->net->org_count / 2 + 1;
    msp_signer *doctor = signer_of(w, "Hospital", "doctor1");
    const msp_identity *one = identity_of(w, doctor);

    assert_int_equal(msp_channel_evaluate(w->channel, "/Channel/Application/Writers", &one, 1, NULL), FCC_OK);
    assert_int_equal(msp_channel_evaluate(w->channel, "/Channel/Readers", &one, 1, NULL), FCC_OK);
    assert_int_equal(msp_channel_evaluate(w->channel, "/Channel/Application/Hospital/Writers", &one, 1, NULL), FCC_OK);
    assert_int_equal(msp_channel_evaluate(w->channel, "/Channel/Application/Clinic/Writers", &one, 1, NULL),
                     FCC_ERR_AUTH);
    assert_int_equal(msp_channel_evaluate(w->channel, "/Channel/Orderer/Writers", &one, 1, NULL), FCC_ERR_AUTH);
    assert_int_equal(msp_channel_evaluate(w->channel, "/Channel/Application/Nobody", &one, 1, NULL), FCC_ERR_NOT_FOUND);
    assert_int_equal(msp_channel_evaluate(w->channel, "/Elsewhere/Writers", &one, 1, NULL), FCC_ERR_NOT_FOUND);
    assert_true(msp_channel_has_policy(w->channel, "/Channel/Application/LifecycleEndorsement"));
    msp_signer_free(doctor);
    assert_int_equal(with_first(w, "/Channel/Application/Endorsement", majority, NULL), FCC_OK);
    assert_int_equal(with_first(w, "/Channel/Application/Endorsement", majority - 1, NULL), FCC_ERR_AUTH);
    assert_int_equal(with_first(w, "/Channel/Application/Writers", 1, NULL), FCC_ERR_AUTH);
    assert_int_equal(with_first(w, "/Channel/Application/Admins", majority, "Admin"), FCC_OK);
    assert_int_equal(with_first(w, "/Channel/Application/Admins", majority - 1, "Admin"), FCC_ERR_AUTH);
}

static fcc_status allowed(world *w, const char *org, const char *user, const char *policy)
{
    msp_signer *signer = signer_of(w, org, user);
    const msp_identity *one = identity_of(w, signer);
    fcc_status st = msp_channel_evaluate(w->channel, policy, &one, 1, NULL);

    msp_signer_free(signer);
    return st;
}

static void the_inspectorate_reads_and_only_its_administrator_writes(void **state)
{
    world *w = *state;
    const char *own_endorsement = "/Channel/Application/Inspector/Endorsement";

    assert_int_equal(allowed(w, "Inspector", "auditor2", "/Channel/Application/Readers"), FCC_OK);
    assert_int_equal(allowed(w, "Inspector", "auditor2", "/Channel/Application/Writers"), FCC_ERR_AUTH);
    assert_int_equal(allowed(w, "Inspector", "Admin", "/Channel/Application/Writers"), FCC_OK);
    assert_int_equal(allowed(w, "Inspector", "Admin", "/Channel/Application/Inspector/Admins"), FCC_OK);
    assert_int_equal(allowed(w, "Inspector", NULL, own_endorsement), FCC_OK);
    assert_int_equal(allowed(w, "Inspector", "Admin", own_endorsement), FCC_ERR_AUTH);
    assert_string_equal(msp_acl_policy(w->channel, "peer/Propose"), "/Channel/Application/Readers");
    assert_string_equal(msp_acl_policy(w->channel, "peer/ChaincodeToChaincode"), "/Channel/Application/Readers");
    assert_string_equal(msp_acl_policy(w->channel, "_lifecycle/CommitChaincodeDefinition"),
                        "/Channel/Application/Writers"); /* as by default */
}

/* Expect that no genesis block is made of the consortium with these policies or ACLs. */
static void no_genesis(world *w, const config_policies *policies, const config_acl *acl, const char *words)
{
    config_org org = *config_find_org(w->net, "Inspector");
    config_network changed = *w->net;
    fcc_error error = { 0 };
    fcc_bytes block;

    if (policies)
        org.policies = *policies;
    changed.orgs = &org;
    changed.org_count = 1;
    changed.acls = acl;
    changed.acl_count = acl ? 1 : 0;
    assert_int_equal(msp_genesis(&changed, w->crypto, FIX_NOW, w->arena, &block, &error), FCC_ERR_CONFIG);
    if (!strstr(error.text, words) || !strstr(error.text, "network/network.yaml"))
        fail_msg("\"%s\" lacks \"%s\"", error.text, words);
}

static void policies_and_acls_that_mean_nothing_are_refused(void **state)
{
    world *w = *state;
    const config_policies broken = { .writers = "OR('InspectorMSP.admin'" };
    const config_acl unknown = { "peer/Purpose", "/Channel/Application/Readers" };
    const config_acl of_the_peer = { "_lifecycle/QueryInstalledChaincodes", "/Channel/Application/Readers" };
    const config_acl dangling = { "peer/Propose", "/Channel/Application/Raeders" };

    no_genesis(w, &broken, NULL, "organisation Inspector, policies.Writers: ");
    no_genesis(w, NULL, &unknown, "acls: peer/Purpose: expected a resource that a channel's policies govern");
    no_genesis(w, NULL, &of_the_peer, "acls: _lifecycle/QueryInstalledChaincodes: expected");
    no_genesis(w, NULL, &dangling, "acls: peer/Propose: the channel has no policy /Channel/Application/Raeders");
}

static void plans_take_policies_by_reference_too(void **state)
{
    world *w = *state;
    const char *const orgs[] = { "HospitalMSP", "ClinicMSP", "RegulatorMSP", "PharmacyMSP", "InsurerMSP" };
    fcc_bytes envelope, policies[2];

    assert_int_equal(msp_policy_reference("/Channel/Application/Endorsement", w->arena, &policies[0]), FCC_OK);
    assert_int_equal(msp_policy_parse("OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer')", w->arena, &envelope, NULL),
                     FCC_OK);
    assert_int_equal(msp_policy_application(envelope, w->arena, &policies[1]), FCC_OK);
    assert_true(msp_channel_satisfied_by_orgs(w->channel, policies, 2, orgs, 5));
    assert_false(msp_channel_satisfied_by_orgs(w->channel, policies, 2, orgs, 4));
    assert_true(msp_channel_satisfied_by_orgs(w->channel, policies + 1, 1, orgs, 2));
}

static void what_is_no_config_block_is_refused(void **state)
{
    world *w = *state;
    msp_channel *channel = NULL;

    assert_int_equal(msp_channel_from_block(FCC_LIT("junk"), &channel, NULL), FCC_ERR_PROTO);
    assert_int_equal(msp_channel_from_block(fcc_bytes_of(w->block.data, w->block.len / 2), &channel, NULL),
                     FCC_ERR_PROTO);
    assert_null(channel);
}

static void the_openssl_program_verifies_the_chains(void **state)
{
    world *w = *state;
    const char *org = fcc__arena_printf(w->arena, "%s/peerOrganizations/hospital.medsync.example", w->crypto);
    char command[1024];

    if (system("command -v openssl >/dev/null 2>&1") != 0)
        SKIP("no openssl program here");
    snprintf(
        command, sizeof command,
        "openssl verify -x509_strict -CAfile %s/ca/ca.*-cert.pem %s/users/*/msp/signcerts/*.pem >/dev/null 2>&1 && "
        "openssl verify -purpose sslserver -verify_hostname localhost -CAfile %s/tlsca/tlsca.*-cert.pem "
        "%s/peers/*/tls/server.crt >/dev/null 2>&1",
        org, org, org, org);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_of_the_configuration_has_keys_that_the_channel_accepts),
        cmocka_unit_test(staff_carry_role_uid_and_site_and_patients_nothing_but_their_role),
        cmocka_unit_test(private_keys_are_for_their_owner_only),
        cmocka_unit_test(material_is_made_once_and_kept),
        cmocka_unit_test(material_that_lacks_somebody_is_not_silently_completed),
        cmocka_unit_test(a_failed_generation_leaves_nothing_behind),
        cmocka_unit_test(custody_keys_are_made_once_and_kept),
        cmocka_unit_test(the_genesis_block_describes_the_consortium),
        cmocka_unit_test(channel_policies_ask_for_roles_and_majorities),
        cmocka_unit_test(the_inspectorate_reads_and_only_its_administrator_writes),
        cmocka_unit_test(policies_and_acls_that_mean_nothing_are_refused),
        cmocka_unit_test(plans_take_policies_by_reference_too),
        cmocka_unit_test(what_is_no_config_block_is_refused),
        cmocka_unit_test(the_openssl_program_verifies_the_chains),
    };

    return cmocka_run_group_tests(tests, make_world, drop_world);
}
