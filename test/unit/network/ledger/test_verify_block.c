/*
 * The orderers' signatures of blocks that real networks recorded: each holds, and none holds any more when one byte of
 * what it covers is another one.
 */
#include "test/unit/network/ledger/recorded.h"

static const char *const folders[] = { "v3.1.5", "v2.5.16", "v3.1.5/services", "v2.5.16/services" };

/* What a signature covers, and itself: pieces of one block that lie in the arena, to be changed in place. */
typedef struct pieces {
    fcc_bytes v[512];
    size_t n;
} pieces;

static void add(pieces *p, fcc_bytes piece)
{
    if (piece.len && p->n < sizeof p->v / sizeof p->v[0])
        p->v[p->n++] = piece;
}

static fcc_bytes pack(const void *message, fcc__arena *arena)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, arena, &out), FCC_OK);
    return out;
}

/* Again as bytes, with the changed metadata. */
static fcc_bytes put_together(Common__Block *block, Common__Metadata *metadata, fcc__arena *arena)
{
    block->metadata->metadata[0] = fcc__pb(pack(metadata, arena));
    return pack(block, arena);
}

/* One byte of each piece, another one each time the block is asked about. */
static size_t flip_pieces(const msp_channel *channel, fcc_bytes bytes, uint64_t last_config, size_t salt,
                          fcc__arena *arena)
{
    Common__Metadata *metadata;
    Common__Block *block;
    pieces p = { .n = 0 };
    size_t i;

    assert_int_equal(FCC__UNPACK(common__block, bytes, arena, &block), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__metadata, fcc__of_pb(block->metadata->metadata[0]), arena, &metadata), FCC_OK);
    add(&p, fcc__of_pb(block->header->previous_hash));
    add(&p, fcc__of_pb(block->header->data_hash));
    add(&p, fcc__of_pb(metadata->value));
    for (i = 0; i < metadata->n_signatures; i++) {
        add(&p, fcc__of_pb(metadata->signatures[i]->signature_header));
        add(&p, fcc__of_pb(metadata->signatures[i]->signature));
    }
    for (i = 0; i < block->data->n_data; i++)
        add(&p, fcc__of_pb(block->data->data[i]));
    for (i = 0; i < p.n; i++) {
        uint8_t *at = (uint8_t *)(uintptr_t)p.v[i].data + (salt * 7919 + i * 104729) % p.v[i].len;
        fcc_error error = { 0 };

        *at ^= (uint8_t)(1u << (salt + i) % 8);
        if (ledger_verify_block(channel, put_together(block, metadata, arena), last_config, &error) != FCC_ERR_CORRUPT)
            fail_msg("block %llu: piece %zu may have another byte at %zu", (unsigned long long)block->header->number, i,
                     (size_t)(at - p.v[i].data));
        assert_true(error.text[0]);
        *at ^= (uint8_t)(1u << (salt + i) % 8);
    }
    block->header->number++;
    assert_int_equal(ledger_verify_block(channel, put_together(block, metadata, arena), last_config, NULL),
                     FCC_ERR_CORRUPT);
    block->header->number--;
    assert_int_equal(ledger_verify_block(channel, put_together(block, metadata, arena), last_config, NULL), FCC_OK);
    return p.n;
}

/* Returns how many blocks there were. */
static size_t verify_folder(const char *folder)
{
    fcc__arena *arena = fcc__arena_new((size_t)1 << 30);
    msp_channel *channel = NULL, *next;
    uint64_t last_config = 0;
    fcc_error error = { 0 };
    fcc_bytes bytes;
    size_t n, changed = 0;

    assert_true(rec_block(folder, 0, arena, &bytes));
    if (msp_channel_from_block(bytes, &channel, &error) != FCC_OK)
        fail_msg("%s", error.text);
    for (n = 0; rec_block(folder, n, arena, &bytes); n++) {
        if (ledger_verify_block(channel, bytes, last_config, &error) != FCC_OK)
            fail_msg("%s: %s", folder, error.text);
        if (n > 0)
            changed += flip_pieces(channel, bytes, last_config, n, arena);
        if (msp_channel_from_block(bytes, &next, NULL) == FCC_OK) {
            msp_channel_free(channel);
            channel = next;
            last_config = n;
        }
        fcc__arena_reset(arena);
    }
    assert_true(n < 2 || changed >= 5 * (n - 1));
    msp_channel_free(channel);
    fcc__arena_free(arena);
    return n;
}

static void each_recorded_signature_holds_and_for_these_bytes_only(void **state)
{
    size_t i, blocks = 0;

    (void)state;
    for (i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (rec_have(folders[i]))
            blocks += verify_folder(folders[i]);
    if (blocks == 0)
        SKIP("no recordings of real networks at $MEDSYNC_SHARED/fabric");
}

static void another_networks_orderers_are_nobody(void **state)
{
    fcc__arena *arena = fcc__arena_new((size_t)1 << 28);
    msp_channel *channel = NULL;
    fcc_error error = { 0 };
    fcc_bytes bytes;

    (void)state;
    if (!rec_have(folders[0]) || !rec_have(folders[1])) {
        fcc__arena_free(arena);
        SKIP("no recordings of two real networks at $MEDSYNC_SHARED/fabric");
    }
    assert_true(rec_block(folders[0], 0, arena, &bytes));
    assert_int_equal(msp_channel_from_block(bytes, &channel, NULL), FCC_OK);
    assert_true(rec_block(folders[1], 1, arena, &bytes));
    assert_int_equal(ledger_verify_block(channel, bytes, 0, &error), FCC_ERR_CORRUPT);
    assert_string_equal(error.text,
                        "block 1 is not signed as /Channel/Orderer/BlockValidation asks: implicit policy evaluation "
                        "failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Writers' "
                        "sub-policies to be satisfied");
    msp_channel_free(channel);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recorded_signature_holds_and_for_these_bytes_only),
        cmocka_unit_test(another_networks_orderers_are_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
