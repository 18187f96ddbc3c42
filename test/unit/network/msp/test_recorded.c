/* Against what real networks left behind: their key material, channel configuration, signatures and collections. */
#include "test/unit/network/msp/fixture.h"
#include "test/support/skip.h"

#include "msp/channel.h"
#include "msp/policy.h"

#include "common/common.pb-c.h"

#include <stdlib.h>

static const char *const versions[] = { "v3.1.5", "v2.5.16" };

/* NULL when there are no recordings. */
static const char *recordings(void)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    static char dir[1024];

    snprintf(dir, sizeof dir, "%s/fabric", shared ? shared : "../shared");
    return msp__exists(dir) ? dir : NULL;
}

static fcc_bytes file(fcc__arena *arena, const char *format, const char *a, const char *b, int n)
{
    char path[2048];
    fcc_bytes out = { 0 };
    fcc_error error = { 0 };

    snprintf(path, sizeof path, format, a, b, n);
    if (msp__exists(path) && msp__read_file(path, arena, &out, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return out;
}

static msp_channel *channel_of(fcc__arena *arena, const char *dir, const char *version)
{
    msp_channel *channel = NULL;
    fcc_error error = { 0 };

    if (msp_channel_from_block(file(arena, "%s/%s/ch.block", dir, version, 0), &channel, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return channel;
}

static bool contains(fcc_bytes whole, fcc_bytes part)
{
    return memmem(whole.data, whole.len, part.data, part.len) != NULL;
}

static void an_organisations_configuration_has_the_bytes_that_configtxgen_wrote(void **state)
{
    const char *dir = recordings();
    size_t i;

    (void)state;
    if (!dir)
        SKIP("no recordings of real networks at $MEDSYNC_SHARED/fabric");
    for (i = 0; i < 2; i++) {
        fcc__arena *arena = fcc__arena_new(16 << 20);
        fcc_bytes block = file(arena, "%s/%s/ch.block", dir, versions[i], 0), policy;
        char path[2048];
        msp_org *org;

        snprintf(path, sizeof path, "%s/%s/crypto/peerOrganizations/org1.test/msp", dir, versions[i]);
        assert_int_equal(msp_org_load(path, "Org1MSP", &org, NULL), FCC_OK);
        assert_true(contains(block, msp_org_config(org)));
        assert_int_equal(msp_policy_parse("OR('Org1MSP.peer')", arena, &policy, NULL), FCC_OK);
        assert_true(contains(block, policy));
        msp_org_free(org);
        fcc__arena_free(arena);
    }
}

static void users_of_a_real_network_sign_and_are_accepted(void **state)
{
    static const struct {
        const char *folder, *mspid;
        msp_role role;
    } who[] = { { "org1.test/users/User1@org1.test", "Org1MSP", MSP_CLIENT },
                { "org1.test/users/Admin@org1.test", "Org1MSP", MSP_ADMIN },
                { "org2.test/peers/peer0.org2.test", "Org2MSP", MSP_PEER } };
    const char *dir = recordings();
    fcc__arena *arena;
    msp_channel *channel;
    size_t i;

    (void)state;
    if (!dir)
        SKIP("no recordings of real networks at $MEDSYNC_SHARED/fabric");
    arena = fcc__arena_new(16 << 20);
    channel = channel_of(arena, dir, "v3.1.5");
    for (i = 0; i < 3; i++) {
        const fcc_bytes message = FCC_LIT("message");
        const msp_identity *id;
        msp_signer *signer;
        fcc_bytes signature;
        char path[2048];

        snprintf(path, sizeof path, "%s/v3.1.5/crypto/peerOrganizations/%s/msp", dir, who[i].folder);
        assert_int_equal(msp_signer_load(path, who[i].mspid, &signer, NULL), FCC_OK);
        assert_int_equal(msp_deserialize(msp_channel_manager(channel), msp_signer_identity(signer), &id, NULL), FCC_OK);
        assert_true(msp_has_role(id, who[i].mspid, who[i].role));
        assert_int_equal(msp_sign(signer, &message, 1, arena, &signature), FCC_OK);
        assert_int_equal(msp_verify(id, &message, 1, signature, NULL), FCC_OK);
        msp_signer_free(signer);
    }
    msp_channel_free(channel);
    fcc__arena_free(arena);
}

/* Check the creator of every transaction of a block; tells how many there were. */
static size_t check_creators(msp_channel *channel, fcc_bytes bytes, fcc__arena *arena)
{
    Common__Block *block;
    size_t i, checked = 0;

    assert_int_equal(FCC__UNPACK(common__block, bytes, arena, &block), FCC_OK);
    for (i = 0; i < block->data->n_data; i++) {
        Common__Envelope *envelope;
        Common__Payload *payload;
        Common__SignatureHeader *header;
        const msp_identity *id;
        msp_signed set = { 0 };
        size_t n;

        assert_int_equal(FCC__UNPACK(common__envelope, fcc__of_pb(block->data->data[i]), arena, &envelope), FCC_OK);
        assert_int_equal(FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), arena, &payload), FCC_OK);
        assert_int_equal(
            FCC__UNPACK(common__signature_header, fcc__of_pb(payload->header->signature_header), arena, &header),
            FCC_OK);
        if (header->creator.len == 0) /* the genesis block's */
            continue;
        set.data[0] = fcc__of_pb(envelope->payload);
        set.identity = fcc__of_pb(header->creator);
        set.signature = fcc__of_pb(envelope->signature);
        msp_signers_of(msp_channel_manager(channel), &set, 1, &id, &n);
        assert_int_equal(n, 1);
        assert_int_equal(msp_channel_evaluate(channel, "/Channel/Application/Writers", &id, 1, NULL), FCC_OK);
        assert_true(fcc_bytes_equal(msp_identity_serialized(id), fcc__of_pb(header->creator)));
        checked++;
    }
    return checked;
}

static void every_recorded_creators_signature_holds(void **state)
{
    const char *dir = recordings();
    size_t i;
    int n;

    (void)state;
    if (!dir)
        SKIP("no recordings of real networks at $MEDSYNC_SHARED/fabric");
    for (i = 0; i < 2; i++) {
        fcc__arena *arena = fcc__arena_new(64 << 20);
        msp_channel *channel = channel_of(arena, dir, versions[i]);
        size_t checked = 0;

        for (n = 0;; n++) {
            fcc_bytes block;

            fcc__arena_reset(arena);
            block = file(arena, "%s/%s/blocks/%03d.pb", dir, versions[i], n);
            if (block.len == 0)
                break;
            checked += check_creators(channel, block, arena);
        }
        assert_true(checked > 0);
        msp_channel_free(channel);
        fcc__arena_free(arena);
    }
}

static void collections_have_the_bytes_that_fabrics_tools_committed(void **state)
{
    const char *dir = recordings();
    fcc__arena *arena;
    config_collections collections;
    fcc_bytes package, block;
    char path[2048];
    bool found = false;
    int n;

    (void)state;
    if (!dir)
        SKIP("no recordings of real networks at $MEDSYNC_SHARED/fabric");
    arena = fcc__arena_new(64 << 20);
    snprintf(path, sizeof path, "%s/collections.json", dir);
    assert_int_equal(config_load_collections(path, arena, &collections, NULL), FCC_OK);
    assert_int_equal(msp_collections_pack(collections, arena, &package, NULL), FCC_OK);
    for (n = 0; !found && (block = file(arena, "%s/%s/blocks/%03d.pb", dir, "v3.1.5", n)).len > 0; n++)
        found = contains(block, package);
    assert_true(found);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_organisations_configuration_has_the_bytes_that_configtxgen_wrote),
        cmocka_unit_test(users_of_a_real_network_sign_and_are_accepted),
        cmocka_unit_test(every_recorded_creators_signature_holds),
        cmocka_unit_test(collections_have_the_bytes_that_fabrics_tools_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
