/*
 * No changed byte of the recorded channels goes unnoticed: flips of single bits and bytes all over their blocks, other
 * encodings of the same content, and other bytes in block 0, which nobody signs.
 */
#include "audit/audit.h"

#include "test/unit/network/ledger/recorded.h"

enum {
    ROUNDS = 40, /* altered bytes a block, beside those at chosen places */
    SMALL = 2500 /* blocks up to this size have each of their bytes altered */
};

struct seen {
    size_t count;
    audit_finding first;
    char text[512];
    char parts[512];
};

static void note(void *ctx, const audit_finding *finding)
{
    struct seen *seen = ctx;

    if (seen->count++ == 0) {
        seen->first = *finding;
        snprintf(seen->text, sizeof seen->text, "%s", finding->text);
    }
    if (!strstr(seen->parts, finding->part) && strlen(seen->parts) + strlen(finding->part) + 2 < sizeof seen->parts) {
        strcat(seen->parts, finding->part);
        strcat(seen->parts, " ");
    }
}

static audit *open_audit(struct seen *seen)
{
    audit_options options = { .found = note, .ctx = seen };
    fcc_error error = { 0 };
    audit *a;

    if (audit_open(&options, &a, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return a;
}

static size_t check(audit *a, struct seen *seen, fcc_bytes block)
{
    fcc_error error = { 0 };
    size_t findings = 0;

    memset(seen, 0, sizeof *seen);
    if (audit_check(a, block, &findings, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(findings, seen->count);
    return findings;
}

/* A generator of our own, so that a failure can be repeated. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void must_be_noticed(audit *a, struct seen *seen, const char *folder, size_t number, fcc_bytes block,
                            uint8_t *copy, size_t at, uint8_t mask)
{
    copy[at] ^= mask;
    if (check(a, seen, fcc_bytes_of(copy, block.len)) == 0)
        fail_msg("%s, block %zu: byte %zu changed by 0x%02x goes unnoticed", folder, number, at, mask);
    assert_int_equal(seen->first.block, number);
    copy[at] ^= mask;
}

static void every_byte_counts(const char *folder)
{
    fcc__arena *arena = fcc__arena_new((size_t)1 << 28);
    uint32_t random = 2463534242u;
    size_t number, flips = 0;
    fcc_error error = { 0 };
    struct seen seen;
    audit *a = open_audit(&seen);
    fcc_bytes block;

    for (number = 0; rec_block(folder, number, arena, &block); number++) {
        uint8_t *copy = fcc__arena_alloc(arena, block.len);
        size_t findings;

        memcpy(copy, block.data, block.len);
        if (check(a, &seen, block) != 0)
            fail_msg("%s, block %zu as it is: %s: %s", folder, number, seen.first.part, seen.text);
        for (size_t i = 0; i < ROUNDS; i++, flips++)
            must_be_noticed(a, &seen, folder, number, block, copy, next_random(&random) % block.len,
                            (uint8_t)(1u << next_random(&random) % 8));
        /* header, and metadata at the end: small, and where it is hardest */
        for (size_t i = 0; i < 80 && i < block.len; i++, flips += 2) {
            must_be_noticed(a, &seen, folder, number, block, copy, i, 0x01);
            must_be_noticed(a, &seen, folder, number, block, copy, block.len - 1 - i, (uint8_t)(1u << i % 8));
        }
        for (size_t i = 0; number < 2 && i < block.len && i < SMALL; i++, flips++)
            must_be_noticed(a, &seen, folder, number, block, copy, block.len - 1 - i, 0xff);
        memset(&seen, 0, sizeof seen);
        if (audit_take(a, block, &findings, &error) != FCC_OK || findings != 0)
            fail_msg("%s, block %zu: %s", folder, number, error.text);
        fcc__arena_reset(arena);
    }
    assert_true(number > 1);
    assert_int_equal(audit_height(a), number);
    printf("# %s: %zu altered bytes in %zu blocks, each noticed\n", folder, flips, number);
    audit_close(a);
    fcc__arena_free(arena);
}

static void each_altered_byte_is_noticed_in_the_channel_of_fabric_3_1(void **state)
{
    if (!rec_have("v3.1.5"))
        SKIP("no recordings in %s", rec_shared());
    every_byte_counts("v3.1.5");
}

static void each_altered_byte_is_noticed_in_the_channel_of_fabric_2_5(void **state)
{
    if (!rec_have("v2.5.16"))
        SKIP("no recordings in %s", rec_shared());
    every_byte_counts("v2.5.16");
}

/* ---- where it is, and what Fabric makes of it ----------------------------------------------------------------------- */

struct edit {
    audit *a;
    struct seen seen;
    fcc__arena *arena;
    fcc_bytes block;
    Common__Block *message;
};

/* The auditor stands before block `number` of the channel, which is taken apart. */
static void edit_open(struct edit *e, size_t number)
{
    fcc_error error = { 0 };
    size_t findings;

    memset(e, 0, sizeof *e);
    e->arena = fcc__arena_new((size_t)1 << 28);
    e->a = open_audit(&e->seen);
    for (size_t i = 0; i <= number; i++) {
        assert_true(rec_block("v3.1.5", i, e->arena, &e->block));
        if (i < number && audit_take(e->a, e->block, &findings, &error) != FCC_OK)
            fail_msg("%s", error.text);
    }
    assert_int_equal(FCC__UNPACK(common__block, e->block, e->arena, &e->message), FCC_OK);
}

static void edit_close(struct edit *e)
{
    audit_close(e->a);
    fcc__arena_free(e->arena);
}

/* The edited block has a finding about this part, first of all, with this verdict of Fabric. */
static void expect(struct edit *e, const char *part, bool refused)
{
    if (check(e->a, &e->seen, rec_pack(e->arena, e->message)) == 0)
        fail_msg("nothing was found");
    if (strcmp(e->seen.first.part, part) != 0 || e->seen.first.refused != refused)
        fail_msg("%s (%s): %s; in all %s", e->seen.first.part, e->seen.first.refused ? "refused" : "accepted",
                 e->seen.text, e->seen.parts);
}

static void findings_name_the_part_and_the_verdict_of_fabric(void **state)
{
    struct edit e;
    uint8_t *filter;

    if (!rec_have("v3.1.5"))
        SKIP("no recordings in %s", rec_shared());
    edit_open(&e, 6);
    e.message->header->number = 7;
    expect(&e, "header.number", true);
    e.message->header->number = 6;
    e.message->header->previous_hash.data[3] ^= 1;
    expect(&e, "header.previous_hash", true);
    e.message->header->previous_hash.data[3] ^= 1;
    e.message->header->data_hash.data[3] ^= 1;
    expect(&e, "header.data_hash", true);
    e.message->header->data_hash.data[3] ^= 1;
    e.message->data->data[0].data[100] ^= 1;
    expect(&e, "data", true);
    assert_int_equal(e.seen.first.tx, 0);
    e.message->data->data[0].data[100] ^= 1;
    e.message->metadata->metadata[LEDGER__SIGNATURES].data[20] ^= 1;
    expect(&e, "metadata.SIGNATURES", true);
    e.message->metadata->metadata[LEDGER__SIGNATURES].data[20] ^= 1;
    e.message->metadata->metadata[LEDGER__LAST_CONFIG] = fcc__pb(FCC_LIT("\x0a\x02\x08\x03"));
    expect(&e, "metadata.LAST_CONFIG", false);
    e.message->metadata->metadata[LEDGER__LAST_CONFIG] = fcc__pb(fcc_bytes_of(NULL, 0));
    filter = e.message->metadata->metadata[LEDGER__FILTER].data;
    filter[0] = REC_CODE(MVCC_READ_CONFLICT);
    expect(&e, "metadata.TRANSACTIONS_FILTER", false);
    assert_int_equal(e.seen.first.tx, 0);
    filter[0] = REC_CODE(VALID);
    e.message->metadata->metadata[LEDGER__ORDERER] = fcc__pb(FCC_LIT("x"));
    expect(&e, "metadata.ORDERER", false);
    e.message->metadata->metadata[LEDGER__ORDERER] = fcc__pb(fcc_bytes_of(NULL, 0));
    e.message->metadata->metadata[LEDGER__COMMIT_HASH].data[9] ^= 1;
    expect(&e, "metadata.COMMIT_HASH", false);
    e.message->metadata->metadata[LEDGER__COMMIT_HASH].data[9] ^= 1;
    assert_int_equal(check(e.a, &e.seen, rec_pack(e.arena, e.message)), 0);
    edit_close(&e);
}

/* The same content, written down in another way. */
static void another_encoding_is_a_finding_that_fabric_does_not_make(void **state)
{
    struct edit e;
    fcc__buf longer;

    if (!rec_have("v3.1.5"))
        SKIP("no recordings in %s", rec_shared());
    edit_open(&e, 6);
    fcc__buf_init(&longer, 1 << 20);
    fcc__buf_add(&longer, e.block);
    fcc__buf_append(&longer, "\x7a\x01x", 3); /* field 15, unknown */
    assert_true(check(e.a, &e.seen, fcc__buf_bytes(&longer)) == 1);
    assert_string_equal(e.seen.first.part, "block");
    assert_false(e.seen.first.refused);
    fcc__buf_reset(&longer);
    fcc__buf_add(&longer, e.block);
    fcc__buf_append(&longer, "\x0a\x00", 2); /* the header once more, empty: merged */
    assert_true(check(e.a, &e.seen, fcc__buf_bytes(&longer)) >= 1);
    assert_string_equal(e.seen.first.part, "block");
    fcc__buf_clear(&longer);
    /* five slots are always written, empty ones too */
    e.message->metadata->n_metadata = 6;
    e.message->metadata->metadata = fcc__arena_zalloc(e.arena, 6, sizeof *e.message->metadata->metadata);
    assert_true(check(e.a, &e.seen, rec_pack(e.arena, e.message)) >= 1);
    assert_string_equal(e.seen.first.part, "block");
    edit_close(&e);
}

static void another_genesis_block_is_told_by_its_hash(void **state)
{
    fcc__arena *arena;
    audit_options options = { .found = note };
    fcc_error error = { 0 };
    struct seen seen = { 0 };
    size_t findings;
    ledger__block parsed;
    fcc__sha256 hash;
    fcc_bytes block;
    audit *a;

    if (!rec_have("v3.1.5"))
        SKIP("no recordings in %s", rec_shared());
    arena = fcc__arena_new((size_t)1 << 26);
    assert_true(rec_block("v3.1.5", 0, arena, &block));
    assert_int_equal(ledger__block_unpack(block, arena, &parsed), FCC_OK);
    hash = ledger_header_hash(parsed.number, parsed.previous_hash, parsed.data_hash);
    options.ctx = &seen;
    for (int other = 0; other < 2; other++) {
        hash.bytes[0] ^= (uint8_t)other;
        options.genesis_hash = fcc__sha256_bytes(&hash);
        memset(&seen, 0, sizeof seen);
        assert_int_equal(audit_open(&options, &a, &error), FCC_OK);
        assert_int_equal(audit_take(a, block, &findings, &error), other ? FCC_ERR_CORRUPT : FCC_OK);
        assert_int_equal(findings, other);
        audit_close(a);
    }
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_altered_byte_is_noticed_in_the_channel_of_fabric_3_1),
        cmocka_unit_test(each_altered_byte_is_noticed_in_the_channel_of_fabric_2_5),
        cmocka_unit_test(findings_name_the_part_and_the_verdict_of_fabric),
        cmocka_unit_test(another_encoding_is_a_finding_that_fabric_does_not_make),
        cmocka_unit_test(another_genesis_block_is_told_by_its_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
