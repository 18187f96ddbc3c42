/*
 * Whether a configuration update is in a block, by what an orderer says that is played here: it loses its leader, has
 * other people's blocks first, or none at all.
 */
#include "client/private.h"
#include "client/update.h"

#include "common/configtx.pb-c.h"
#include "test/support/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { BEFORE = 4, SOME_MS = 600 };

/* What the orderer has on its stream each time it is asked. */
typedef enum turn { LOST, GONE, REFUSES, TRANSACTIONS, OTHERS, OURS, QUIET } turn;

static struct orderer {
    const turn *turns; /* the last one for ever */
    size_t count, asked;
    fcc__arena *arena;
    fcc_bytes sent;
} orderer;

fcc_status client_broadcast(client *c, fcc_bytes envelope, fcc_error *error)
{
    (void)c;
    (void)error;
    return fcc__arena_copy(orderer.arena, envelope, &orderer.sent) ? FCC_OK : FCC_ERR_LIMIT;
}

static fcc_bytes pack(const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, orderer.arena, &out), FCC_OK);
    return out;
}

/* A block with one transaction: a configuration that this update has led to, or another kind of message. */
static fcc_bytes block_of(uint64_t number, int type, fcc_bytes update)
{
    Common__ConfigEnvelope config = COMMON__CONFIG_ENVELOPE__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Common__BlockHeader block_header = COMMON__BLOCK_HEADER__INIT;
    Common__BlockData data = COMMON__BLOCK_DATA__INIT;
    Common__Block block = COMMON__BLOCK__INIT;
    ProtobufCBinaryData one;

    assert_int_equal(FCC__UNPACK(common__envelope, update, orderer.arena, &config.last_update), FCC_OK);
    channel.type = type;
    header.channel_header = fcc__pb(pack(&channel));
    payload.header = &header;
    payload.data = fcc__pb(pack(&config));
    envelope.payload = fcc__pb(pack(&payload));
    one = fcc__pb(pack(&envelope));
    data.n_data = 1;
    data.data = &one;
    block_header.number = number;
    block.header = &block_header;
    block.data = &data;
    return pack(&block);
}

fcc_status client_blocks(client *c, const client_blocks_options *o, client_on_block on_block, void *ctx,
                         fcc_error *error)
{
    const size_t k = orderer.asked < orderer.count ? orderer.asked : orderer.count - 1;
    const struct timespec a_while = { 0, 50 * 1000000 };
    Common__Envelope other = COMMON__ENVELOPE__INIT;

    (void)c;
    assert_int_equal(o->source, CLIENT_ORDERED);
    assert_int_equal(o->from, BEFORE + 1);
    orderer.asked++;
    other.payload = fcc__pb(FCC_LIT("somebody else's"));
    switch (orderer.turns[k]) {
    case LOST:
        return fcc_error_set(error, FCC_ERR_IO, "the stream was lost");
    case GONE:
        return fcc_error_set(error, FCC_ERR_PEER, "the orderer ended the blocks with SERVICE_UNAVAILABLE");
    case REFUSES:
        return fcc_error_set(error, FCC_ERR_AUTH, "the orderer ended the blocks with FORBIDDEN");
    case QUIET:
        nanosleep(&a_while, NULL);
        return FCC_OK;
    case TRANSACTIONS:
        on_block(ctx, BEFORE + 1, block_of(BEFORE + 1, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, orderer.sent));
        return FCC_OK;
    case OTHERS:
        on_block(ctx, BEFORE + 2, block_of(BEFORE + 2, COMMON__HEADER_TYPE__CONFIG, pack(&other)));
        nanosleep(&a_while, NULL);
        return FCC_OK;
    case OURS:
        on_block(ctx, BEFORE + 3, block_of(BEFORE + 3, COMMON__HEADER_TYPE__CONFIG, orderer.sent));
        return FCC_OK;
    }
    return FCC_ERR_ARG;
}

/* Not asked by what is tested here, but of the same file as what is. */
fcc_status client_config_block(client *c, client_source source, const char *org, fcc__arena *arena, fcc_bytes *block,
                               fcc_error *error)
{
    (void)c;
    (void)source;
    (void)org;
    (void)arena;
    (void)block;
    return fcc_error_set(error, FCC_ERR_IO, "the orderer is away");
}

static fcc_bytes config(const char *value)
{
    Common__Config config = COMMON__CONFIG__INIT;
    Common__ConfigGroup group = COMMON__CONFIG_GROUP__INIT;
    Common__ConfigValue v = COMMON__CONFIG_VALUE__INIT;
    Common__ConfigValueEntry entry = COMMON__CONFIG_VALUE_ENTRY__INIT, *entries = &entry;

    v.value = fcc__pb(fcc_str(value));
    entry.key = fcc__pb(FCC_LIT("ACLs"));
    entry.value = &v;
    group.values = &entries;
    group.n_values = 1;
    config.channel_group = &group;
    return pack(&config);
}

/* An update where the orderer then says this, one after the other. */
static fcc_status update(const turn *turns, size_t count, uint64_t *block, fcc_error *error)
{
    client c = { .channel = "trial", .timeout_ms = SOME_MS };
    client_config now = { .block = BEFORE };
    client *signers[1] = { &c };
    test_cert admin = test_cert_make("admin", NULL);
    fcc_status st;

    orderer = (struct orderer){ .turns = turns, .count = count, .arena = fcc__arena_new(16 << 20) };
    assert_non_null(orderer.arena);
    now.config = config("before");
    assert_int_equal(msp_signer_new("AMSP", admin.cert_pem, admin.key_pem, &c.signer, error), FCC_OK);
    *block = 0;
    error->text[0] = '\0';
    st = client_config_update(&c, &now, config("after"), signers, 1, orderer.arena, block, error);
    msp_signer_free(c.signer);
    test_cert_clear(&admin);
    fcc__arena_free(orderer.arena);
    return st;
}

#define UPDATE(block, error, ...) \
    update((const turn[]){ __VA_ARGS__ }, sizeof((const turn[]){ __VA_ARGS__ }) / sizeof(turn), block, error)

static void an_orderer_whose_leader_hands_over_is_asked_again(void **state)
{
    fcc_error error;
    uint64_t block;

    (void)state;
    assert_int_equal(UPDATE(&block, &error, LOST, GONE, TRANSACTIONS, OURS), FCC_OK);
    assert_int_equal(block, BEFORE + 3);
    assert_int_equal(orderer.asked, 4);
}

static void somebody_elses_update_is_not_taken_for_it(void **state)
{
    fcc_error error;
    uint64_t block;

    (void)state;
    assert_int_equal(UPDATE(&block, &error, OTHERS, OURS), FCC_OK);
    assert_int_equal(block, BEFORE + 3);
    assert_int_equal(UPDATE(&block, &error, OTHERS), FCC_ERR_TIMEOUT);
    assert_int_equal(block, BEFORE + 1);
    assert_non_null(strstr(error.text, "block 6 has another one"));
}

static void an_update_that_was_taken_and_lost_is_told_of_with_the_first_block_that_may_have_it(void **state)
{
    fcc_error error;
    uint64_t block;

    (void)state;
    assert_int_equal(UPDATE(&block, &error, QUIET), FCC_ERR_TIMEOUT);
    assert_int_equal(block, BEFORE + 1);
    assert_non_null(strstr(error.text, "the orderer took the update, but no block with it came in time"));
    assert_true(orderer.asked > 1);
    assert_int_equal(UPDATE(&block, &error, LOST), FCC_ERR_TIMEOUT);
    assert_int_equal(block, BEFORE + 1);
    assert_non_null(strstr(error.text, "in time: the stream was lost"));
}

static void who_may_not_look_does_not_ask_again(void **state)
{
    fcc_error error;
    uint64_t block;

    (void)state;
    assert_int_equal(UPDATE(&block, &error, REFUSES), FCC_ERR_AUTH);
    assert_int_equal(orderer.asked, 1);
    assert_int_equal(block, BEFORE + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_orderer_whose_leader_hands_over_is_asked_again),
        cmocka_unit_test(somebody_elses_update_is_not_taken_for_it),
        cmocka_unit_test(an_update_that_was_taken_and_lost_is_told_of_with_the_first_block_that_may_have_it),
        cmocka_unit_test(who_may_not_look_does_not_ask_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
