/* Which blocks a SeekInfo asks for, at each height of the chain, and what a listener gets of a block. */
#include "devnet/seek.h"

#include "protos/unpack.h"

#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- requests ----------------------------------------------------------------------------------------------------- */

enum { NOTHING = -5, UNSAID = -4, NEWEST = -3, OLDEST = -2, NEXT_COMMIT = -1 }; /* else a number */

struct position {
    Orderer__SeekPosition position;
    Orderer__SeekNewest newest;
    Orderer__SeekOldest oldest;
    Orderer__SeekSpecified specified;
    Orderer__SeekNextCommit next_commit;
};

static Orderer__SeekPosition *position_of(struct position *p, int64_t where)
{
    orderer__seek_position__init(&p->position);
    orderer__seek_newest__init(&p->newest);
    orderer__seek_oldest__init(&p->oldest);
    orderer__seek_specified__init(&p->specified);
    orderer__seek_next_commit__init(&p->next_commit);
    switch (where) {
    case NOTHING:
        return NULL;
    case UNSAID:
        break;
    case NEWEST:
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_NEWEST;
        p->position.newest = &p->newest;
        break;
    case OLDEST:
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_OLDEST;
        p->position.oldest = &p->oldest;
        break;
    case NEXT_COMMIT:
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_NEXT_COMMIT;
        p->position.next_commit = &p->next_commit;
        break;
    default:
        p->position.type_case = ORDERER__SEEK_POSITION__TYPE_SPECIFIED;
        p->position.specified = &p->specified;
        p->specified.number = (uint64_t)where;
    }
    return &p->position;
}

static Common__Status start(devnet_seek *seek, int64_t from, int64_t to, bool impatient, uint64_t height)
{
    Orderer__SeekInfo info = ORDERER__SEEK_INFO__INIT;
    struct position first, last;

    info.start = position_of(&first, from);
    info.stop = position_of(&last, to);
    info.behavior = impatient ? ORDERER__SEEK_INFO__SEEK_BEHAVIOR__FAIL_IF_NOT_READY
                              : ORDERER__SEEK_INFO__SEEK_BEHAVIOR__BLOCK_UNTIL_READY;
    return devnet_seek_start(&info, height, seek);
}

/*
 * What is sent while the chain grows from `height` to `later`, one block at a time, as text: numbers, "wait" where it
 * waits at the end, or the status.
 */
static const char *story(int64_t from, int64_t to, bool impatient, uint64_t height, uint64_t later)
{
    static char text[400];
    Common__Status status = start(&(devnet_seek){ 0 }, from, to, impatient, height);
    devnet_seek seek;
    size_t n = 0;

    text[0] = 0;
    if (status != COMMON__STATUS__SUCCESS) {
        snprintf(text, sizeof(text), "%d", (int)status);
        return text;
    }
    assert_int_equal(start(&seek, from, to, impatient, height), COMMON__STATUS__SUCCESS);
    for (;;) {
        switch (devnet_seek_turn(&seek, height, &status)) {
        case DEVNET_TURN_SEND:
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%llu ", (unsigned long long)seek.next);
            devnet_seek_sent(&seek);
            continue;
        case DEVNET_TURN_WAIT:
            if (height++ < later)
                continue;
            snprintf(text + n, sizeof(text) - n, "wait");
            return text;
        default:
            snprintf(text + n, sizeof(text) - n, "%d", (int)status);
            return text;
        }
    }
}

static void a_range_of_blocks_that_are_there_ends_with_success(void **state)
{
    (void)state;
    assert_string_equal(story(0, 2, false, 5, 5), "0 1 2 200");
    assert_string_equal(story(3, 3, false, 5, 5), "3 200");
    assert_string_equal(story(OLDEST, NEWEST, false, 3, 9), "0 1 2 200");
    assert_string_equal(story(OLDEST, OLDEST, false, 3, 9), "0 200");
    assert_string_equal(story(2, OLDEST, false, 3, 9), "2 200");
}

static void newest_to_newest_is_one_block(void **state)
{
    (void)state;
    assert_string_equal(story(NEWEST, NEWEST, false, 4, 9), "3 200");
    assert_string_equal(story(NEWEST, NEWEST, false, 1, 9), "0 200");
}

static void a_range_into_the_future_waits_for_its_blocks(void **state)
{
    (void)state;
    assert_string_equal(story(2, 5, false, 4, 9), "2 3 4 5 200");
    assert_string_equal(story(NEWEST, INT64_MAX, false, 4, 6), "3 4 5 wait");
    assert_string_equal(story(NEXT_COMMIT, INT64_MAX, false, 4, 4), "wait");
    assert_string_equal(story(NEXT_COMMIT, 5, false, 4, 9), "4 5 200");
}

static void the_next_block_may_be_asked_for_and_no_later_one(void **state)
{
    (void)state;
    assert_string_equal(story(4, 4, false, 4, 5), "4 200");
    assert_string_equal(story(5, 5, false, 4, 9), "404");
    assert_string_equal(story(5, INT64_MAX, false, 4, 9), "404");
}

static void who_does_not_want_to_wait_is_told_that_it_is_not_there(void **state)
{
    (void)state;
    assert_string_equal(story(2, 9, true, 4, 9), "2 3 404");
    assert_string_equal(story(4, 4, true, 4, 9), "404");
    assert_string_equal(story(NEXT_COMMIT, 4, true, 4, 9), "404");
    assert_string_equal(story(1, 3, true, 4, 9), "1 2 3 200");
}

static void a_request_that_says_too_little_or_ends_before_it_starts_is_bad(void **state)
{
    (void)state;
    assert_string_equal(story(NOTHING, NEWEST, false, 4, 9), "400");
    assert_string_equal(story(OLDEST, NOTHING, false, 4, 9), "400");
    assert_string_equal(story(3, 2, false, 4, 9), "400");
    assert_string_equal(story(NEWEST, 2, false, 4, 9), "400");
    assert_string_equal(story(UNSAID, NEWEST, false, 4, 9), "404");
}

static void a_stop_that_lies_behind_is_never_reached(void **state)
{
    (void)state;
    assert_string_equal(story(NEXT_COMMIT, NEWEST, false, 4, 6), "4 5 wait");
    assert_string_equal(story(OLDEST, NEXT_COMMIT, false, 2, 9), "0 200"); /* Fabric leaves the stop at 0 */
    assert_string_equal(story(1, NEXT_COMMIT, false, 2, 3), "1 2 wait");
}

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

static fcc_bytes packed(fcc__arena *arena, const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, arena, &out), FCC_OK);
    return out;
}

static fcc_bytes an_envelope(fcc__arena *arena, int32_t type, const char *txid, const char *event)
{
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__ChannelHeader channel_header = COMMON__CHANNEL_HEADER__INIT;
    Protos__Transaction tx = PROTOS__TRANSACTION__INIT;
    Protos__TransactionAction action = PROTOS__TRANSACTION_ACTION__INIT, *actions = &action;
    Protos__ChaincodeActionPayload action_payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    Protos__ChaincodeEndorsedAction endorsed = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ProposalResponsePayload response = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;
    Protos__ChaincodeAction chaincode_action = PROTOS__CHAINCODE_ACTION__INIT;
    Protos__ChaincodeEvent chaincode_event = PROTOS__CHAINCODE_EVENT__INIT;

    channel_header.type = type;
    channel_header.channel_id = fcc__pb(FCC_LIT("trial"));
    channel_header.tx_id = fcc__pb(fcc_str(txid));
    header.channel_header = fcc__pb(packed(arena, &channel_header));
    payload.header = &header;
    if (type == COMMON__HEADER_TYPE__ENDORSER_TRANSACTION) {
        if (event) {
            chaincode_event.chaincode_id = fcc__pb(FCC_LIT("cc"));
            chaincode_event.tx_id = channel_header.tx_id;
            chaincode_event.event_name = fcc__pb(fcc_str(event));
            chaincode_event.payload = fcc__pb(FCC_LIT("not for everybody"));
            chaincode_action.events = fcc__pb(packed(arena, &chaincode_event));
        }
        response.extension = fcc__pb(packed(arena, &chaincode_action));
        endorsed.proposal_response_payload = fcc__pb(packed(arena, &response));
        action_payload.action = &endorsed;
        action.payload = fcc__pb(packed(arena, &action_payload));
        tx.n_actions = 1;
        tx.actions = &actions;
        payload.data = fcc__pb(packed(arena, &tx));
    }
    envelope.payload = fcc__pb(packed(arena, &payload));
    return packed(arena, &envelope);
}

static fcc_bytes a_block(fcc__arena *arena, const fcc_bytes *envelopes, size_t count, const char *codes)
{
    Common__Block block = COMMON__BLOCK__INIT;
    Common__BlockHeader header = COMMON__BLOCK_HEADER__INIT;
    Common__BlockData data = COMMON__BLOCK_DATA__INIT;
    Common__BlockMetadata metadata = COMMON__BLOCK_METADATA__INIT;
    ProtobufCBinaryData entries[4], slots[5] = { { 0 } };

    for (size_t i = 0; i < count; i++)
        entries[i] = fcc__pb(envelopes[i]);
    header.number = 7;
    data.n_data = count;
    data.data = entries;
    slots[0] = fcc__pb(FCC_LIT("signatures"));
    slots[2] = fcc__pb(fcc_bytes_of(codes, count));
    slots[4] = fcc__pb(FCC_LIT("commit hash"));
    metadata.n_metadata = 5;
    metadata.metadata = slots;
    block.header = &header;
    block.data = &data;
    block.metadata = &metadata;
    return packed(arena, &block);
}

static void a_filtered_block_has_ids_codes_and_events_without_their_payload(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    const fcc_bytes envelopes[] = { an_envelope(arena, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, "one", "made"),
                                    an_envelope(arena, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, "two", NULL),
                                    FCC_LIT("not an envelope"),
                                    an_envelope(arena, COMMON__HEADER_TYPE__CONFIG, "", NULL) };
    Protos__FilteredBlock *filtered;
    fcc_bytes wire;

    (void)state;
    assert_int_equal(devnet_block_filter(a_block(arena, envelopes, 4, "\0\x0b\0\0"), arena, &filtered), FCC_OK);
    assert_int_equal(filtered->number, 7);
    assert_true(fcc_bytes_equal(fcc__of_pb(filtered->channel_id), FCC_LIT("trial")));
    assert_int_equal(filtered->n_filtered_transactions, 3); /* what is no envelope is left out */
    assert_int_equal(filtered->filtered_transactions[1]->tx_validation_code, 11);
    assert_int_equal(filtered->filtered_transactions[2]->type, COMMON__HEADER_TYPE__CONFIG);
    wire = packed(arena, filtered);
    assert_non_null(memmem(wire.data, wire.len, "made", 4));
    assert_null(memmem(wire.data, wire.len, "not for everybody", 17));
    /* an endorser transaction says that it has actions, be it none */
    assert_int_equal(filtered->filtered_transactions[1]->data_case,
                     PROTOS__FILTERED_TRANSACTION__DATA_TRANSACTION_ACTIONS);
    assert_int_equal(filtered->filtered_transactions[1]->transaction_actions->n_chaincode_actions, 0);
    fcc__arena_free(arena);
}

static void an_unreadable_payload_makes_the_filtered_block_fail(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Protos__FilteredBlock *filtered;
    fcc_bytes bytes;

    (void)state;
    envelope.payload = fcc__pb(FCC_LIT("\xff\xff"));
    bytes = packed(arena, &envelope);
    assert_int_equal(devnet_block_filter(a_block(arena, &bytes, 1, "\x02"), arena, &filtered), FCC_ERR_PROTO);
    fcc__arena_free(arena);
}

static void the_orderers_block_has_no_filter_and_no_commit_hash(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    const fcc_bytes envelope = an_envelope(arena, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, "one", NULL);
    Common__Block *block;
    fcc_bytes out;

    (void)state;
    assert_int_equal(devnet_block_as_ordered(a_block(arena, &envelope, 1, "\0"), arena, &out), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__block, out, arena, &block), FCC_OK);
    assert_int_equal(block->metadata->n_metadata, 5); /* indexes hold */
    assert_int_equal(block->metadata->metadata[0].len, 10);
    assert_int_equal(block->metadata->metadata[2].len, 0);
    assert_int_equal(block->metadata->metadata[4].len, 0);
    fcc__arena_free(arena);
}

static void headers_come_without_data_unless_it_is_a_configuration(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    const fcc_bytes tx = an_envelope(arena, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION, "one", NULL),
                    config = an_envelope(arena, COMMON__HEADER_TYPE__CONFIG, "", NULL);
    Common__Block *block;
    fcc_bytes out;

    (void)state;
    assert_int_equal(devnet_block_headers(a_block(arena, &tx, 1, "\0"), arena, &out), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__block, out, arena, &block), FCC_OK);
    assert_null(block->data);
    assert_int_equal(block->metadata->n_metadata, 5);
    assert_int_equal(devnet_block_headers(a_block(arena, &config, 1, "\0"), arena, &out), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__block, out, arena, &block), FCC_OK);
    assert_non_null(block->data);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_of_blocks_that_are_there_ends_with_success),
        cmocka_unit_test(newest_to_newest_is_one_block),
        cmocka_unit_test(a_range_into_the_future_waits_for_its_blocks),
        cmocka_unit_test(the_next_block_may_be_asked_for_and_no_later_one),
        cmocka_unit_test(who_does_not_want_to_wait_is_told_that_it_is_not_there),
        cmocka_unit_test(a_request_that_says_too_little_or_ends_before_it_starts_is_bad),
        cmocka_unit_test(a_stop_that_lies_behind_is_never_reached),
        cmocka_unit_test(a_filtered_block_has_ids_codes_and_events_without_their_payload),
        cmocka_unit_test(an_unreadable_payload_makes_the_filtered_block_fail),
        cmocka_unit_test(the_orderers_block_has_no_filter_and_no_commit_hash),
        cmocka_unit_test(headers_come_without_data_unless_it_is_a_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
