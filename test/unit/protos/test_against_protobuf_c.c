/*
 * Our reader gives what protobuf-c's own gives: every message that it takes, protobuf-c takes too and writes back as the
 * same bytes. It refuses more: text that is not UTF-8. And it keeps, as Go does, what protobuf-c refuses: groups, and values
 * that their field's type can't have written, which protobuf-c takes for truth values. What real peers and chaincodes wrote
 * it takes.
 *
 * The inputs are the recorded conversations, read as every type of message, and each of them damaged in many ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "common/common.pb-c.h"
#include "common/configtx.pb-c.h"
#include "common/policies.pb-c.h"
#include "ledger/queryresult/kv_query_result.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/transaction.pb-c.h"
#include "protos/unpack.h"
#include "test/support/skip.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA = 64 * 1024 * 1024, DAMAGES = 12, LONGEST = 64 * 1024 };

static const ProtobufCMessageDescriptor *const types[] = {
    &protos__chaincode_message__descriptor,
    &protos__chaincode_input__descriptor,
    &protos__put_state__descriptor,
    &protos__write_batch_state__descriptor,
    &protos__query_response__descriptor,
    &protos__signed_proposal__descriptor,
    &protos__proposal__descriptor,
    &protos__transaction__descriptor,
    &protos__chaincode_action__descriptor,
    &common__block__descriptor,
    &common__envelope__descriptor,
    &common__header__descriptor,
    &common__channel_header__descriptor,
    &common__config_envelope__descriptor,
    &common__config_group__descriptor,
    &common__signature_policy_envelope__descriptor,
    &rwset__tx_read_write_set__descriptor,
    &kvrwset__kvrwset__descriptor,
    &queryresult__key_modification__descriptor,
};

static size_t taken, refused, alone;

/* Is there a field that is unknown only because its value is of another type? */
static bool misfits(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;

    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        if (protobuf_c_message_descriptor_get_field(type, message->unknown_fields[i].tag))
            return true;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        const uint8_t *at = (const uint8_t *)message + field->offset;
        size_t count = 1;
        void *array;

        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        memcpy(&array, at, sizeof(array));
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            memcpy(&count, (const uint8_t *)message + field->quantifier_offset, sizeof(count));
        else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                 memcmp((const uint8_t *)message + field->quantifier_offset, &field->id, sizeof(field->id)) != 0)
            continue;
        for (size_t k = 0; array && k < count; k++)
            if (misfits(field->label == PROTOBUF_C_LABEL_REPEATED ? ((ProtobufCMessage **)array)[k] : array))
                return true;
    }
    return false;
}

/* What protobuf-c refuses has some field that we don't know, and stays what it is when it is written and read again. */
static void check_alone(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *ours, fcc__arena *arena)
{
    ProtobufCMessage *again;
    fcc_bytes a, b;

    assert_int_equal(fcc__pack(ours, arena, &a), FCC_OK);
    assert_int_equal(fcc__unpack(type, a, arena, &again), FCC_OK);
    assert_int_equal(fcc__pack(again, arena, &b), FCC_OK);
    assert_true(fcc_bytes_equal(a, b));
    alone++;
}

static void compare_as(const ProtobufCMessageDescriptor *type, fcc_bytes wire, fcc__arena *arena)
{
    ProtobufCMessage *ours = NULL, *theirs = protobuf_c_message_unpack(type, NULL, wire.len, wire.data);
    fcc_status st;
    fcc_bytes a, b;

    fcc__arena_reset(arena);
    st = fcc__unpack(type, wire, arena, &ours);
    if (st == FCC_OK && !theirs) {
        check_alone(type, ours, arena);
    } else if (st == FCC_OK) {
        assert_int_equal(fcc__pack(ours, arena, &a), FCC_OK);
        assert_int_equal(fcc__pack(theirs, arena, &b), FCC_OK);
        assert_true(fcc_bytes_equal(a, b) || misfits(ours));
        taken++;
    } else {
        assert_int_equal(st, FCC_ERR_PROTO);
        refused++;
    }
    if (theirs)
        protobuf_c_message_free_unpacked(theirs, NULL);
}

/* The same numbers in every run. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static size_t damage(uint8_t *out, fcc_bytes in, uint32_t *seed)
{
    size_t at = next(seed) % in.len, len = in.len;

    memcpy(out, in.data, in.len);
    switch (next(seed) % 5) {
    case 0:
        out[at] = (uint8_t)(out[at] ^ 1u << next(seed) % 8);
        return len;
    case 1:
        return at;
    case 2: /* a piece once more, so that fields repeat and messages are merged */
        memcpy(out + len, in.data + at, len - at);
        return len + (len - at);
    case 3:
        memmove(out + at, out + at + 1, len - at - 1);
        return len - 1;
    default:
        out[at] = (uint8_t)next(seed);
        return len;
    }
}

static void compare(fcc_bytes wire, fcc__arena *arena, uint32_t *seed)
{
    static uint8_t damaged[2 * LONGEST];
    size_t len;

    if (wire.len == 0 || wire.len > LONGEST)
        return;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
        compare_as(types[t], wire, arena);
    for (int i = 0; i < DAMAGES; i++) {
        const ProtobufCMessageDescriptor *type = types[i % 3 ? 0 : next(seed) % (sizeof(types) / sizeof(types[0]))];

        len = damage(damaged, wire, seed);
        compare_as(type, fcc_bytes_of(damaged, len), arena);
    }
}

/* Each message of a transcript, and its payload. false: there is no such file. */
static bool compare_transcript(const char *path)
{
    FILE *f = fopen(path, "r");
    fcc__arena *arena = fcc__arena_new(ARENA), *lines = fcc__arena_new(ARENA);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    uint32_t seed = 1;

    assert_true(arena && lines);
    while (f && (n = getline(&line, &cap, f)) > 0) {
        char *hex = strrchr(line, ' ');
        Protos__ChaincodeMessage *m;
        fcc_bytes wire;

        line[strcspn(line, "\r\n")] = 0;
        fcc__arena_reset(lines);
        if (!hex || line[0] == '#' || fcc__unhex(lines, fcc_str(hex + 1), &wire) != FCC_OK)
            continue;
        compare(wire, arena, &seed);
        assert_int_equal(FCC__UNPACK(protos__chaincode_message, wire, lines, &m), FCC_OK);
        compare(fcc__of_pb(m->payload), arena, &seed);
        if (m->proposal)
            compare(fcc__of_pb(m->proposal->proposal_bytes), arena, &seed);
    }
    free(line);
    fcc__arena_free(arena);
    fcc__arena_free(lines);
    if (f)
        fclose(f);
    return f != NULL;
}

static void our_recording_is_read_alike(void **state)
{
    (void)state;
    assert_true(compare_transcript("test/conformance/recordings/own/transcript.txt"));
    assert_true(taken > 100 && refused > 100 && alone > 100); /* all answers were compared */
}

static void recordings_of_real_networks_are_read_alike(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    char path[4096];

    (void)state;
    snprintf(path, sizeof(path), "%s/fabric/v3.1.5/transcript.txt", shared ? shared : "../shared");
    if (!compare_transcript(path))
        SKIP("%s is not there", path);
    snprintf(path, sizeof(path), "%s/fabric/v2.5.16/transcript.txt", shared ? shared : "../shared");
    if (!compare_transcript(path))
        SKIP("%s is not there", path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_recording_is_read_alike),
        cmocka_unit_test(recordings_of_real_networks_are_read_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
