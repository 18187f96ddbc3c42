/* Where two answers part, for each part that an answer has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer/assemble.h"
#include "protos/unpack.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <string.h>

/* What one of the two answers has; what is NULL or empty is left out. */
struct answer {
    const char *read, *write, *value, *policy, *range_end, *range_key;
    uint64_t version;
    const char *collection, *private_value;
    bool private_delete, knows_private;
    const char *event, *event_payload, *message, *payload;
    int32_t status;
};

static fcc__arena *arena;

static int setup(void **state)
{
    arena = fcc__arena_new(16 << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    fcc__arena_free(arena);
    return 0;
}

static ProtobufCBinaryData text(const char *s)
{
    return fcc__pb(s ? fcc_str(s) : fcc_bytes_of(NULL, 0));
}

static ProtobufCBinaryData packed(const void *message)
{
    fcc_bytes bytes;

    assert_int_equal(fcc__pack(message, arena, &bytes), FCC_OK);
    return fcc__pb(bytes);
}

static ProtobufCBinaryData hash_of(ProtobufCBinaryData bytes)
{
    fcc__sha256 digest = fcc__sha256_of(fcc__of_pb(bytes));
    fcc_bytes copy;

    assert_true(fcc__arena_copy(arena, fcc__sha256_bytes(&digest), &copy));
    return fcc__pb(copy);
}

static ProtobufCBinaryData public_set(const struct answer *a)
{
    Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    Kvrwset__Version version = KVRWSET__VERSION__INIT;
    Kvrwset__KVRead read = KVRWSET__KVREAD__INIT, seen = KVRWSET__KVREAD__INIT, *reads[1] = { &read },
                    *all_seen[1] = { &seen };
    Kvrwset__KVWrite write = KVRWSET__KVWRITE__INIT, *writes[1] = { &write };
    Kvrwset__KVMetadataEntry entry = KVRWSET__KVMETADATA_ENTRY__INIT, *entries[1] = { &entry };
    Kvrwset__KVMetadataWrite metadata = KVRWSET__KVMETADATA_WRITE__INIT, *metadatas[1] = { &metadata };
    Kvrwset__QueryReads raw = KVRWSET__QUERY_READS__INIT;
    Kvrwset__RangeQueryInfo range = KVRWSET__RANGE_QUERY_INFO__INIT, *ranges[1] = { &range };

    version.block_num = a->version;
    read.key = text(a->read);
    read.version = seen.version = &version;
    set.reads = reads;
    set.n_reads = a->read ? 1 : 0;
    write.key = metadata.key = text(a->write);
    write.value = text(a->value);
    set.writes = writes;
    set.n_writes = a->write && a->value ? 1 : 0;
    entry.name = text("VALIDATION_PARAMETER");
    entry.value = text(a->policy);
    metadata.entries = entries;
    metadata.n_entries = 1;
    set.metadata_writes = metadatas;
    set.n_metadata_writes = a->policy ? 1 : 0;
    range.start_key = text("a");
    range.end_key = text(a->range_end);
    range.itr_exhausted = true;
    seen.key = text(a->range_key);
    raw.kv_reads = all_seen;
    raw.n_kv_reads = a->range_key ? 1 : 0;
    range.reads_info_case = KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS;
    range.raw_reads = &raw;
    set.range_queries_info = ranges;
    set.n_range_queries_info = a->range_end ? 1 : 0;
    return packed(&set);
}

static ProtobufCBinaryData private_set(const struct answer *a)
{
    Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    Kvrwset__KVWrite write = KVRWSET__KVWRITE__INIT, *writes[1] = { &write };

    write.key = text("secret");
    write.is_delete = a->private_delete;
    write.value = text(a->private_value);
    set.writes = writes;
    set.n_writes = 1;
    return packed(&set);
}

static ProtobufCBinaryData hashed_set(const struct answer *a)
{
    Kvrwset__HashedRWSet set = KVRWSET__HASHED_RWSET__INIT;
    Kvrwset__KVWriteHash write = KVRWSET__KVWRITE_HASH__INIT, *writes[1] = { &write };

    write.key_hash = hash_of(text("secret"));
    write.is_delete = a->private_delete;
    if (!a->private_delete)
        write.value_hash = hash_of(text(a->private_value));
    set.hashed_writes = writes;
    set.n_hashed_writes = 1;
    return packed(&set);
}

static fcc_bytes private_rwset(const struct answer *a)
{
    Rwset__TxPvtReadWriteSet all = RWSET__TX_PVT_READ_WRITE_SET__INIT;
    Rwset__NsPvtReadWriteSet ns = RWSET__NS_PVT_READ_WRITE_SET__INIT, *list[1] = { &ns };
    Rwset__CollectionPvtReadWriteSet c = RWSET__COLLECTION_PVT_READ_WRITE_SET__INIT, *collections[1] = { &c };

    c.collection_name = text(a->collection);
    c.rwset = private_set(a);
    ns.namespace_ = text("cc");
    ns.collection_pvt_rwset = collections;
    ns.n_collection_pvt_rwset = 1;
    all.ns_pvt_rwset = list;
    all.n_ns_pvt_rwset = 1;
    return fcc__of_pb(packed(&all));
}

static peer_endorsed answered(const char *mspid, const struct answer *a)
{
    Rwset__TxReadWriteSet all = RWSET__TX_READ_WRITE_SET__INIT;
    Rwset__NsReadWriteSet ns = RWSET__NS_READ_WRITE_SET__INIT, *list[1] = { &ns };
    Rwset__CollectionHashedReadWriteSet c = RWSET__COLLECTION_HASHED_READ_WRITE_SET__INIT, *collections[1] = { &c };
    Protos__ChaincodeEvent event = PROTOS__CHAINCODE_EVENT__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    Protos__ChaincodeAction action = PROTOS__CHAINCODE_ACTION__INIT;
    Protos__ProposalResponsePayload payload = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;

    ns.namespace_ = text("cc");
    ns.rwset = public_set(a);
    if (a->collection) {
        c.collection_name = text(a->collection);
        c.hashed_rwset = hashed_set(a);
        c.pvt_rwset_hash = hash_of(private_set(a));
        ns.collection_hashed_rwset = collections;
        ns.n_collection_hashed_rwset = 1;
    }
    all.ns_rwset = list;
    all.n_ns_rwset = 1;
    action.results = packed(&all);
    if (a->event) {
        event.event_name = text(a->event);
        event.payload = text(a->event_payload);
        action.events = packed(&event);
    }
    response.status = a->status ? a->status : 200;
    response.message = text(a->message);
    response.payload = text(a->payload);
    action.response = &response;
    payload.extension = packed(&action);
    return (peer_endorsed){
        .mspid = mspid,
        .payload = fcc__of_pb(packed(&payload)),
        .private_rwset = a->collection && a->knows_private ? private_rwset(a) : fcc_bytes_of(NULL, 0),
    };
}

static void differ(struct answer a, struct answer b, const char *expected)
{
    static const char *const args[] = { "Roll" };
    peer_proposal proposal;
    peer_endorsed x = answered("AMSP", &a), y = answered("BMSP", &b);
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData arg = text(args[0]);
    const char *said, *prefix = "function Roll is not deterministic between AMSP and BMSP: ";

    memset(&proposal, 0, sizeof(proposal));
    input.args = &arg;
    input.n_args = 1;
    proposal.input = &input;
    said = peer_difference(&proposal, &x, &y, arena);
    if (!*expected) {
        assert_string_equal(said, "");
        return;
    }
    assert_int_equal(strncmp(said, prefix, strlen(prefix)), 0);
    assert_string_equal(said + strlen(prefix), expected);
}

static void equal_answers_do_not_differ(void **state)
{
    struct answer a = {
        .read = "r", .write = "k", .value = "v", .collection = "c", .private_value = "p", .event = "E"
    };

    differ(a, a, "");
}

static void reads_differ_by_key_or_version(void **state)
{
    differ((struct answer){ .read = "a\001b" }, (struct answer){ .read = "b" },
           "only AMSP reads key \"a\\x01b\" of chaincode cc");
    differ((struct answer){ 0 }, (struct answer){ .read = "b" }, "only BMSP reads key \"b\" of chaincode cc");
    differ((struct answer){ .read = "b", .version = 3 }, (struct answer){ .read = "b", .version = 4 },
           "they read different versions of key \"b\" of chaincode cc: a block was committed in between, try again");
}

static void ranges_differ_by_their_ends_or_results(void **state)
{
    differ((struct answer){ .range_end = "m" }, (struct answer){ .range_end = "n" },
           "AMSP queries the range from \"a\" to \"m\" of chaincode cc, BMSP the range from \"a\" to \"n\"");
    differ((struct answer){ .range_end = "m" }, (struct answer){ 0 },
           "only AMSP queries the range from \"a\" to \"m\" of chaincode cc");
    differ((struct answer){ .range_end = "m", .range_key = "b" }, (struct answer){ .range_end = "m" },
           "only AMSP reads key \"b\" of the range from \"a\" to \"m\" in chaincode cc");
}

static void writes_differ_by_key_byte_or_policy(void **state)
{
    differ((struct answer){ .write = "b", .value = "v" }, (struct answer){ .write = "a", .value = "v" },
           "only BMSP writes key \"a\" of chaincode cc");
    differ((struct answer){ .write = "k", .value = "same1" }, (struct answer){ .write = "k", .value = "same22" },
           "the values written to key \"k\" of chaincode cc differ at byte 4 (lengths 5 and 6)");
    differ((struct answer){ .write = "k", .policy = "x" }, (struct answer){ .write = "k", .policy = "y" },
           "the VALIDATION_PARAMETER set for key \"k\" of chaincode cc differs at byte 0 (lengths 1 and 1)");
}

static void private_writes_differ_by_the_keys_hash(void **state)
{
    struct answer a = { .collection = "c", .private_value = "1" }, b = a, none = { 0 }, gone = a;

    b.private_value = "22";
    gone.private_delete = true;
    gone.private_value = NULL;
    differ(a, none, "only AMSP uses collection c of chaincode cc");
    differ(a, b, "the values written to the key with hash 2bb80d537b1da3e3... of collection c of chaincode cc differ");
    differ(a, gone,
           "they don't do the same to the key with hash 2bb80d537b1da3e3... of collection c of chaincode cc: write, "
           "delete or purge");
    a.knows_private = b.knows_private = gone.knows_private = true;
    differ(a, b,
           "the values written to the key with hash 2bb80d537b1da3e3... of collection c of chaincode cc differ at byte "
           "0 (lengths 1 and 2)");
    differ(a, gone, "BMSP deletes, AMSP writes the key with hash 2bb80d537b1da3e3... of collection c of chaincode cc");
}

static void events_and_responses_differ(void **state)
{
    differ((struct answer){ .event = "E" }, (struct answer){ 0 }, "only AMSP sets an event");
    differ((struct answer){ .event = "E" }, (struct answer){ .event = "F" }, "the events' names are \"E\" and \"F\"");
    differ((struct answer){ .event = "E", .event_payload = "abc" },
           (struct answer){ .event = "E", .event_payload = "abd" },
           "the payloads of event \"E\" differ at byte 2 (lengths 3 and 3)");
    differ((struct answer){ .payload = "a" }, (struct answer){ .payload = "" },
           "the responses' payloads differ at byte 0 (lengths 1 and 0)");
    differ((struct answer){ .message = "ab" }, (struct answer){ .message = "a" },
           "the responses' messages differ at byte 1 (lengths 2 and 1)");
    differ((struct answer){ .status = 200 }, (struct answer){ .status = 201 },
           "the responses' statuses are 200 and 201");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_answers_do_not_differ),
        TEST(reads_differ_by_key_or_version),
        TEST(ranges_differ_by_their_ends_or_results),
        TEST(writes_differ_by_key_byte_or_policy),
        TEST(private_writes_differ_by_the_keys_hash),
        TEST(events_and_responses_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
