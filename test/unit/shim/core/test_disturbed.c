/*
 * A whole conversation, disturbed at each message in turn: the peer goes away, says a message twice, in a wrong state,
 * cut off, altered, for a transaction that nobody knows. No handler is left waiting and nothing is leaked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario.h"

/* The undisturbed one: how many messages it has, and what they are. */
static struct play model;

static int make_model(void **state)
{
    play_run(&model);
    return model.closed || model.said != model.queued;
}

static int clear_model(void **state)
{
    play_clear(&model);
    return 0;
}

static struct play disturbed(disturbance what, size_t at, fcc_bytes wire)
{
    struct play p = { .disturbance = what, .at = at, .wire = wire };

    play_run(&p);
    play_clear(&p);
    return p;
}

static void undisturbed_every_transaction_is_answered(void **state)
{
    assert_int_equal(model.answered, PLAY_TRANSACTIONS);
    assert_int_equal(model.completed, PLAY_TRANSACTIONS);
    assert_true(model.queued > 25);
}

static void a_peer_that_goes_away_after_any_message_leaves_no_handler_waiting(void **state)
{
    for (size_t i = 0; i < model.queued; i++) {
        disturbed(LEAVE, i, NONE);
        disturbed(FREE, i, NONE);
    }
}

static void a_message_said_twice_ends_at_most_the_conversation(void **state)
{
    for (size_t i = 0; i < model.queued; i++) {
        struct play p = disturbed(TWICE, i, NONE);

        assert_true(p.closed || p.answered >= PLAY_TRANSACTIONS);
    }
}

static fcc_bytes message_of(fcc__arena *arena, int type, const char *tx_id, const char *channel, fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;

    m.type = (Protos__ChaincodeMessage__Type)type;
    m.txid = fcc__pb(fcc_str(tx_id));
    m.channel_id = fcc__pb(fcc_str(channel));
    m.payload = fcc__pb(payload);
    assert_int_equal(fcc__pack(&m, arena, &wire), FCC_OK);
    return wire;
}

static void every_type_of_message_may_come_at_every_moment(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 24);

    for (int type = -1; type < 32; type++) {
        fcc_bytes known = message_of(arena, type, "values", "ch", FCC_LIT("\x0a\x06values"));
        fcc_bytes empty = message_of(arena, type, "", "", NONE);

        for (size_t i = 0; i < model.queued; i++) {
            disturbed(INSERT, i, known);
            disturbed(INSERT, i, empty);
        }
    }
    fcc__arena_free(arena);
}

static void an_answer_for_an_unknown_transaction_ends_the_conversation(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 24);
    const fcc_bytes strays[] = {
        message_of(arena, TYPE(RESPONSE), "nobody", "ch", NONE),
        message_of(arena, TYPE(RESPONSE), "values", "another", NONE),
        message_of(arena, TYPE(ERROR), "nobody", "ch", NONE),
        message_of(arena, TYPE(RESPONSE), "", "", NONE),
    };

    for (size_t i = 2; i < model.queued; i++) /* once it is ready */
        for (size_t k = 0; k < sizeof(strays) / sizeof(strays[0]); k++)
            assert_true(disturbed(INSERT, i, strays[k]).closed);
    fcc__arena_free(arena);
}

static void a_transaction_whose_id_is_in_use_is_answered_and_the_first_goes_on(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 24);
    fcc_bytes again = message_of(arena, TYPE(TRANSACTION), "lists", "ch", FCC_LIT("\x0a\x06values"));
    size_t more = 0;

    for (size_t i = 2; i < model.queued; i++) {
        struct play p = disturbed(INSERT, i, again);

        assert_false(p.closed);
        assert_int_equal(p.answered, PLAY_TRANSACTIONS + 1);
        more += p.queued > model.queued;
    }
    assert_true(more > 0); /* where the first was not there yet, or had ended */
    fcc__arena_free(arena);
}

static void a_message_that_is_cut_off_anywhere_harms_nothing_else(void **state)
{
    for (size_t i = 0; i < model.queued; i++) {
        fcc_bytes wire = model.queue[i];

        for (size_t len = 0; len<wire.len; len += len> 400 ? 9973 : 1)
            disturbed(REPLACE, i, fcc_bytes_of(wire.data, len));
    }
}

static void an_altered_message_harms_nothing_else(void **state)
{
    static const uint8_t masks[] = { 0x01, 0x02, 0x04, 0x08, 0x80, 0xff };

    for (size_t i = 0; i < model.queued; i++) {
        fcc_bytes wire = model.queue[i];
        uint8_t *altered = malloc(wire.len + 1);

        for (size_t at = 0; at < wire.len && at < 300; at++) {
            for (size_t k = 0; k < sizeof(masks); k++) {
                memcpy(altered, wire.data, wire.len);
                altered[at] ^= masks[k];
                disturbed(REPLACE, i, fcc_bytes_of(altered, wire.len));
            }
        }
        free(altered);
    }
}

static void garbage_ends_the_conversation_at_most(void **state)
{
    uint8_t garbage[300];
    uint32_t seed = 1;

    for (int round = 0; round < 2000; round++) {
        size_t len;

        for (size_t i = 0; i < sizeof(garbage); i++) {
            seed = seed * 1664525u + 1013904223u;
            garbage[i] = (uint8_t)(seed >> 24);
        }
        len = seed >> 8 & 255;
        if (round % 2) { /* looks like a message at first */
            garbage[0] = 0x08;
            garbage[1] &= 31;
            garbage[2] = 0x1a;
            garbage[3] = (uint8_t)(len > 4 ? len - 4 : 0);
            garbage[4] &= 0x3f;
        }
        disturbed(REPLACE, (size_t)round % model.queued, fcc_bytes_of(garbage, len));
    }
}

static void a_message_of_more_elements_than_the_limit_ends_the_conversation(void **state)
{
    size_t len = 2 * (FCC__WIRE_MAX_ELEMENTS + 1);
    uint8_t *wire = malloc(len);

    for (size_t i = 0; i < len; i++)
        wire[i] = i % 2 ? 0 : 0x08;
    for (size_t i = 0; i < model.queued; i++)
        assert_true(disturbed(REPLACE, i, fcc_bytes_of(wire, len)).closed);
    free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undisturbed_every_transaction_is_answered),
        cmocka_unit_test(a_peer_that_goes_away_after_any_message_leaves_no_handler_waiting),
        cmocka_unit_test(a_message_said_twice_ends_at_most_the_conversation),
        cmocka_unit_test(every_type_of_message_may_come_at_every_moment),
        cmocka_unit_test(an_answer_for_an_unknown_transaction_ends_the_conversation),
        cmocka_unit_test(a_transaction_whose_id_is_in_use_is_answered_and_the_first_goes_on),
        cmocka_unit_test(a_message_that_is_cut_off_anywhere_harms_nothing_else),
        cmocka_unit_test(an_altered_message_harms_nothing_else),
        cmocka_unit_test(garbage_ends_the_conversation_at_most),
        cmocka_unit_test(a_message_of_more_elements_than_the_limit_ends_the_conversation),
    };

    return cmocka_run_group_tests(tests, make_model, clear_model);
}
