/* Reading from the wire: what is refused before it costs stack or memory, and what survives a round trip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "protos/unpack.h"

#include "common/policies.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"

enum { CAP = 64 * 1024 * 1024 };

/*
 * A SignaturePolicy nested to `levels` messages. Below the outermost, levels come in pairs: n_out_of (field 2) holds
 * rules (field 2), so that each further level wraps with the same tag. Built from the inside, then turned round.
 */
static fcc_bytes nested(fcc__arena *arena, size_t levels)
{
    fcc__buf reversed;
    fcc_bytes out = { 0 };
    uint8_t *p;

    fcc__buf_init(&reversed, 64 * 1024 * 1024);
    for (size_t i = 1; i < levels; i++) {
        uint8_t header[11];
        size_t n = 0;
        uint64_t len = reversed.len;

        header[n++] = 2 << 3 | 2;
        do {
            header[n] = (uint8_t)((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
            len >>= 7;
        } while (header[n++] & 0x80);
        while (n)
            fcc__buf_putc(&reversed, header[--n]);
    }
    p = fcc__arena_alloc(arena, reversed.len);
    assert_non_null(p);
    for (size_t i = 0; i < reversed.len; i++)
        p[i] = reversed.data[reversed.len - 1 - i];
    out = fcc_bytes_of(p, reversed.len);
    fcc__buf_clear(&reversed);
    return out;
}

static fcc_status unpack_nested(size_t levels)
{
    fcc__arena *arena = fcc__arena_new(CAP);
    Common__SignaturePolicy *policy;
    fcc_status st = FCC__UNPACK(common__signature_policy, nested(arena, levels), arena, &policy);

    fcc__arena_free(arena);
    return st;
}

static void a_hundred_levels_are_read_and_a_hundred_and_one_are_not(void **state)
{
    assert_int_equal(unpack_nested(1), FCC_OK);
    assert_int_equal(unpack_nested(99), FCC_OK);
    assert_int_equal(unpack_nested(100), FCC_OK);
    assert_int_equal(unpack_nested(101), FCC_ERR_PROTO);
}

static void twenty_thousand_levels_are_refused_without_running_over_the_stack(void **state)
{
    assert_int_equal(unpack_nested(20000), FCC_ERR_PROTO);
}

static void ten_mebibytes_of_empty_elements_are_refused_within_the_cap(void **state)
{
    enum { PAIRS = 5 * 1024 * 1024 };
    fcc__arena *arena = fcc__arena_new(CAP);
    uint8_t *wire = malloc(2 * PAIRS);
    Protos__WriteBatchState *batch;

    for (size_t i = 0; i < PAIRS; i++) {
        wire[2 * i] = 1 << 3 | 2; /* rec, of length 0 */
        wire[2 * i + 1] = 0;
    }
    assert_int_equal(FCC__UNPACK(protos__write_batch_state, fcc_bytes_of(wire, 2 * PAIRS), arena, &batch),
                     FCC_ERR_LIMIT);
    assert_in_range(fcc__arena_used(arena), 0, CAP);
    assert_int_equal(
        FCC__UNPACK(protos__write_batch_state, fcc_bytes_of(wire, FCC__WIRE_MAX_ELEMENTS * 2), arena, &batch), FCC_OK);
    assert_int_equal(batch->n_rec, FCC__WIRE_MAX_ELEMENTS);
    assert_in_range(fcc__arena_used(arena), 1, CAP);
    free(wire);
    fcc__arena_free(arena);
}

static void a_message_larger_than_the_arena_is_a_limit_and_no_damage(void **state)
{
    fcc__arena *arena = fcc__arena_new(64 * 1024), *source = fcc__arena_new(CAP);
    Protos__PutState put = PROTOS__PUT_STATE__INIT, *read;
    fcc_bytes wire;

    put.value = fcc__pb(fcc_bytes_of(fcc__arena_zalloc(source, 1, 1 << 20), 1 << 20));
    assert_int_equal(fcc__pack(&put, source, &wire), FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__put_state, wire, arena, &read), FCC_ERR_LIMIT);
    assert_int_equal(fcc__pack(&put, arena, &wire), FCC_ERR_LIMIT);
    assert_in_range(fcc__arena_used(arena), 0, 64 * 1024);
    fcc__arena_free(arena);
    fcc__arena_free(source);
}

static void text_that_is_not_utf8_is_refused_where_fabric_has_a_string(void **state)
{
    fcc__arena *arena = fcc__arena_new(CAP);
    const fcc_bytes bad = FCC_LIT("a\xff");
    Protos__PutState put = PROTOS__PUT_STATE__INIT, *read;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT, *read_spec;
    fcc_bytes wire;

    put.key = fcc__pb(bad);
    assert_int_equal(fcc__pack(&put, arena, &wire), FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__put_state, wire, arena, &read), FCC_ERR_PROTO);
    put.key = fcc__pb(FCC_LIT("k"));
    put.value = fcc__pb(bad); /* bytes in Fabric too */
    assert_int_equal(fcc__pack(&put, arena, &wire), FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__put_state, wire, arena, &read), FCC_OK);
    id.name = fcc__pb(bad);
    spec.chaincode_id = &id;
    assert_int_equal(fcc__pack(&spec, arena, &wire), FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__chaincode_spec, wire, arena, &read_spec), FCC_ERR_PROTO);
    fcc__arena_free(arena);
}

static void keys_with_zero_bytes_survive_a_round_trip(void **state)
{
    const fcc_bytes key = FCC_LIT("\0type\0attribute\0");
    fcc__arena *arena = fcc__arena_new(CAP);
    Protos__PutState put = PROTOS__PUT_STATE__INIT, *read;
    fcc_bytes wire;

    put.key = fcc__pb(key);
    put.value = fcc__pb(FCC_LIT("v"));
    assert_int_equal(fcc__pack(&put, arena, &wire), FCC_OK);
    assert_int_equal(wire.len, 2 + key.len + 3);
    assert_int_equal(FCC__UNPACK(protos__put_state, wire, arena, &read), FCC_OK);
    assert_true(fcc_bytes_equal(fcc__of_pb(read->key), key));
    assert_true(fcc_bytes_equal(fcc__of_pb(read->value), FCC_LIT("v")));
    fcc__arena_free(arena);
}

static void wire_that_is_cut_off_or_malformed_is_refused(void **state)
{
    static const struct {
        const char *wire;
        size_t len;
    } bad[] = {
        { "\x0a", 1 }, /* no length */
        { "\x0a\x05"
          "ab",
          4 },                                                      /* shorter than its length */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* a length of too many bytes */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },         /* a length near 2^63 */
        { "\x0b", 1 },                                              /* a group without an end */
        { "\x7b\x08\x01\x74", 4 },                                  /* another group's end */
        { "\x7b\x83\x01\x7c\x84\x01", 6 },                          /* ends in the wrong order */
        { "\x7b\x12\x05\x01\x7c", 5 },                              /* bytes of a group that are not there */
        { "\x7c", 1 },                                              /* an end alone */
        { "\x0e", 1 },                                              /* no wire type */
        { "\x00\x00", 2 },                                          /* field 0 */
        { "\x09\x01", 2 },                                          /* 8 bytes announced, 1 there */
    };
    fcc__arena *arena = fcc__arena_new(CAP);
    Protos__PutState *read;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(FCC__UNPACK(protos__put_state, fcc_bytes_of(bad[i].wire, bad[i].len), arena, &read),
                         FCC_ERR_PROTO);
    assert_int_equal(FCC__UNPACK(protos__put_state, fcc_bytes_of(NULL, 0), arena, &read), FCC_OK);
    fcc__arena_free(arena);
}

/* As Go's library does: a transaction with such fields is one that Fabric takes. */
static void groups_and_values_of_another_type_are_unknown_fields(void **state)
{
    static const struct {
        const char *wire;
        size_t len;
    } good[] = {
        { "\x0a\x01k\x7b\x7c", 5 },                                                           /* an empty group */
        { "\x7b\x08\x96\x01\x12\x01z\x1d....\x21........\x83\x01\x84\x01\x7c\x0a\x01k", 29 }, /* of everything */
        { "\x0a\x01k\x08\x07", 5 },                                                           /* the key as a number, */
        { "\x0a\x01k\x0b\x0c", 5 },                                                           /* as a group, */
        { "\x0a\x01k\x0d....", 8 },                                                           /* as four bytes */
    };
    fcc__arena *arena = fcc__arena_new(CAP);

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        fcc_bytes wire = fcc_bytes_of(good[i].wire, good[i].len), again;
        Protos__PutState *read;

        assert_int_equal(FCC__UNPACK(protos__put_state, wire, arena, &read), FCC_OK);
        assert_true(fcc_bytes_equal(fcc__of_pb(read->key), FCC_LIT("k")));
        assert_int_equal(read->base.n_unknown_fields, 1);
        /* nothing is lost, what is unknown goes behind the rest */
        assert_int_equal(fcc__pack(read, arena, &again), FCC_OK);
        assert_int_equal(again.len, wire.len);
        assert_int_equal(FCC__UNPACK(protos__put_state, again, arena, &read), FCC_OK);
        assert_int_equal(read->base.n_unknown_fields, 1);
    }
    fcc__arena_free(arena);
}

static void deep_groups_are_refused(void **state)
{
    fcc__arena *arena = fcc__arena_new(CAP);
    uint8_t wire[400];
    Protos__PutState *read;

    memset(wire, 0x7b, 200);
    memset(wire + 200, 0x7c, 200);
    assert_int_equal(FCC__UNPACK(protos__put_state, fcc_bytes_of(wire, 400), arena, &read), FCC_ERR_PROTO);
    assert_int_equal(FCC__UNPACK(protos__put_state, fcc_bytes_of(wire + 150, 100), arena, &read), FCC_OK);
    fcc__arena_free(arena);
}

static void a_borrowed_message_points_into_its_wire_and_a_read_one_does_not(void **state)
{
    const fcc_bytes wire = FCC_LIT("\x0a\x01k\x12\x05value\x78\x07"); /* with an unknown field */
    fcc__arena *arena = fcc__arena_new(CAP);
    Protos__PutState *put;
    fcc_bytes again;

    assert_int_equal(FCC__UNPACK_BORROWED(protos__put_state, wire, arena, &put), FCC_OK);
    assert_ptr_equal(put->value.data, wire.data + 5);
    assert_int_equal(put->value.len, 5);
    assert_int_equal(put->base.n_unknown_fields, 1);
    assert_int_equal(fcc__pack(put, arena, &again), FCC_OK);
    assert_true(fcc_bytes_equal(again, wire));
    assert_int_equal(FCC__UNPACK(protos__put_state, wire, arena, &put), FCC_OK);
    assert_ptr_not_equal(put->value.data, wire.data + 5);
    assert_memory_equal(put->value.data, "value", 5);
    fcc__arena_free(arena);
}

/* As Go's library does: an embedded message that comes twice is one, the later values winning. */
static void a_message_that_comes_twice_is_merged(void **state)
{
    fcc__arena *arena = fcc__arena_new(CAP);
    Protos__ChaincodeMessage *m;

    assert_int_equal(
        FCC__UNPACK(protos__chaincode_message, FCC_LIT("\x12\x04\x08\x05\x10\x07\x12\x02\x08\x06"), arena, &m), FCC_OK);
    assert_int_equal(m->timestamp->seconds, 6);
    assert_int_equal(m->timestamp->nanos, 7);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_borrowed_message_points_into_its_wire_and_a_read_one_does_not),
        cmocka_unit_test(a_message_that_comes_twice_is_merged),
        cmocka_unit_test(a_hundred_levels_are_read_and_a_hundred_and_one_are_not),
        cmocka_unit_test(twenty_thousand_levels_are_refused_without_running_over_the_stack),
        cmocka_unit_test(ten_mebibytes_of_empty_elements_are_refused_within_the_cap),
        cmocka_unit_test(a_message_larger_than_the_arena_is_a_limit_and_no_damage),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_where_fabric_has_a_string),
        cmocka_unit_test(keys_with_zero_bytes_survive_a_round_trip),
        cmocka_unit_test(groups_and_values_of_another_type_are_unknown_fields),
        cmocka_unit_test(deep_groups_are_refused),
        cmocka_unit_test(wire_that_is_cut_off_or_malformed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
