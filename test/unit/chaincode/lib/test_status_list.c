/* Bitstring Status Lists: bits in chunks, the encoded list, entries and list credentials. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <zlib.h>

#include "lib/json.h"
#include "lib/multibase.h"
#include "lib/status_list.h"
#include "lib/vc.h"
#include "test/support/shared_data.h"
#include "test/support/tally.h"

enum { MIN_BYTES = LIB_STATUS_MIN_BITS / 8, MAX_BYTES = LIB_STATUS_MAX_BITS / 8 };

static json_t *load(const char *text)
{
    const char *why = "";
    json_t *value = lib_json_load(fcc_str(text), &why);

    if (!value)
        fail_msg("%s: %s", text, why);
    return value;
}

/* ---- chunks ---- */

static void an_index_is_a_bit_of_a_chunk(void **state)
{
    unsigned chunk = 9, bit = 9;

    assert_true(lib_status_locate(0, LIB_STATUS_MIN_BITS, &chunk, &bit));
    assert_int_equal(chunk, 0);
    assert_int_equal(bit, 0);
    assert_true(lib_status_locate(1023, LIB_STATUS_MIN_BITS, &chunk, &bit));
    assert_int_equal(chunk, 0);
    assert_int_equal(bit, 1023);
    assert_true(lib_status_locate(131071, LIB_STATUS_MIN_BITS, &chunk, &bit));
    assert_int_equal(chunk, 127);
    assert_int_equal(bit, 1023);
    assert_false(lib_status_locate(131072, LIB_STATUS_MIN_BITS, &chunk, &bit));
    assert_false(lib_status_locate(-1, LIB_STATUS_MIN_BITS, &chunk, &bit));
    assert_false(lib_status_locate(INT64_MAX, LIB_STATUS_MIN_BITS, &chunk, &bit));
}

static void the_first_bit_is_the_left_most(void **state)
{
    uint8_t chunk[LIB_STATUS_CHUNK_BYTES] = { 0 };

    lib_status_set(chunk, 0, true);
    lib_status_set(chunk, 9, true);
    lib_status_set(chunk, 1023, true);
    assert_int_equal(chunk[0], 0x80);
    assert_int_equal(chunk[1], 0x40);
    assert_int_equal(chunk[127], 0x01);
    assert_true(lib_status_get(chunk, 9));
    assert_false(lib_status_get(chunk, 8));
    lib_status_set(chunk, 9, false);
    lib_status_set(chunk, 9, false);
    assert_int_equal(chunk[1], 0);
    assert_int_equal(chunk[0], 0x80);
}

static void sizes_are_whole_chunks_from_the_minimum(void **state)
{
    assert_true(lib_status_is_size(131072));
    assert_true(lib_status_is_size(132096));
    assert_true(lib_status_is_size(1048576));
    assert_false(lib_status_is_size(131071));
    assert_false(lib_status_is_size(131073));
    assert_false(lib_status_is_size(130048));
    assert_false(lib_status_is_size(1049600));
    assert_false(lib_status_is_size(-131072));
    assert_true(lib_status_is_purpose("revocation"));
    assert_true(lib_status_is_purpose("suspension"));
    assert_false(lib_status_is_purpose("message"));
    assert_false(lib_status_is_purpose(""));
}

/* Every third index set by its chunk; the assembled list, encoded and decoded, has the same bits. */
static void a_list_of_chunks_reads_back_bit_for_bit(void **state)
{
    enum { CHUNKS = LIB_STATUS_MIN_BITS / LIB_STATUS_CHUNK_BITS };
    uint8_t *list = calloc(1, MIN_BYTES), *back = NULL;
    const char *why = "";
    size_t len = 0;
    char *text;

    for (unsigned c = 0; c < CHUNKS; c += 2) {
        uint8_t chunk[LIB_STATUS_CHUNK_BYTES] = { 0 };

        for (unsigned b = c % 3; b < LIB_STATUS_CHUNK_BITS; b += 3)
            lib_status_set(chunk, b, true);
        assert_true(lib_status_place(list, LIB_STATUS_MIN_BITS, c, fcc_bytes_of(chunk, sizeof(chunk))));
    }
    assert_false(lib_status_place(list, LIB_STATUS_MIN_BITS, CHUNKS, fcc_bytes_of(list, LIB_STATUS_CHUNK_BYTES)));
    assert_false(lib_status_place(list, LIB_STATUS_MIN_BITS, 0, fcc_bytes_of(list, LIB_STATUS_CHUNK_BYTES - 1)));
    text = lib_status_encode(fcc_bytes_of(list, MIN_BYTES));
    assert_int_equal(lib_status_decode(text, &back, &len, &why), FCC_OK);
    assert_int_equal(len, MIN_BYTES);
    assert_memory_equal(back, list, MIN_BYTES);
    for (int64_t i = 0; i < LIB_STATUS_MIN_BITS; i++) {
        unsigned chunk, bit;

        assert_true(lib_status_locate(i, LIB_STATUS_MIN_BITS, &chunk, &bit));
        assert_int_equal(lib_status_get(back, (size_t)i), chunk % 2 == 0 && bit % 3 == chunk % 3);
    }
    free(text);
    free(back);
    free(list);
}

/* ---- the encoded list ---- */

static void decoding_fails(const char *text, const char *because)
{
    uint8_t *list = NULL;
    size_t len = 0;
    const char *why = "";

    assert_int_equal(lib_status_decode(text, &list, &len, &why), FCC_ERR_CORRUPT);
    assert_string_equal(why, because);
    assert_null(list);
}

/* GZIP, or with other window bits zlib's and raw format, of so many zeros, and some bytes behind it. */
static char *packed(size_t zeros, int window, const char *tail)
{
    size_t cap = zeros / 100 + 1024, len;
    uint8_t *in = calloc(1, zeros + 1), *out = malloc(cap);
    z_stream z = { .next_in = in, .avail_in = (uInt)zeros, .next_out = out, .avail_out = (uInt)cap };
    char *text;

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    len = cap - z.avail_out;
    deflateEnd(&z);
    memcpy(out + len, tail, strlen(tail));
    text = lib_base64url_encode('u', fcc_bytes_of(out, len + strlen(tail)));
    free(in);
    free(out);
    return text;
}

static void packed_fails(size_t zeros, int window, const char *tail, const char *because)
{
    char *text = packed(zeros, window, tail);

    decoding_fails(text, because);
    free(text);
}

static void a_list_that_is_none_is_refused_with_a_reason(void **state)
{
    static const char *const no_member = "the list is not one whole GZIP member";
    char *text = packed(MIN_BYTES, 31, "");

    decoding_fails("", "the list is not multibase base64url (\"u...\")");
    decoding_fails("zAAAA", "the list is not multibase base64url (\"u...\")");
    decoding_fails("uA", "the list is not multibase base64url (\"u...\")");
    decoding_fails("uH4sI AAA", "the list is not multibase base64url (\"u...\")");
    decoding_fails("u", no_member);
    decoding_fails("uAAAA", no_member);
    text[strlen(text) - 4] = 0; /* three bytes of its length are missing */
    decoding_fails(text, no_member);
    free(text);
    packed_fails(MIN_BYTES, 15, "", no_member);
    packed_fails(MIN_BYTES, -15, "", no_member);
    packed_fails(MIN_BYTES, 31, "x", "something follows the compressed list");
    packed_fails(MIN_BYTES - 1, 31, "", "the list has less than 131072 bits");
    packed_fails(0, 31, "", "the list has less than 131072 bits");
    packed_fails(MAX_BYTES + 1, 31, "", "the list has more than 1048576 bits");
    packed_fails(50 * 1000 * 1000, 31, "", "the list has more than 1048576 bits"); /* of 48 KiB */
}

static void the_largest_list_is_taken(void **state)
{
    char *text = packed(MAX_BYTES, 31, "");
    uint8_t *list = NULL;
    size_t len = 0;
    const char *why = "";

    assert_int_equal(lib_status_decode(text, &list, &len, &why), FCC_OK);
    assert_int_equal(len, MAX_BYTES);
    free(list);
    free(text);
}

/* ---- in credentials ---- */

#define ENTRY(type, purpose, index, more)                                                                              \
    "{\"type\":\"" type "\",\"statusPurpose\":\"" purpose "\",\"statusListIndex\":" index ",\"statusListCredential\":" \
    "\"https://example.com/status/3\"" more "}"

static const char *fault_of(const char *text)
{
    json_t *entry = load(text);
    lib_status_entry out;
    const char *at = "";
    bool ok = lib_status_entry_parse(entry, &out, &at);

    json_decref(entry);
    return ok ? "" : at;
}

static void an_entry_names_one_bit_of_a_list(void **state)
{
    static const char right[] = ENTRY("BitstringStatusListEntry", "revocation", "\"94567\"", "");
    json_t *entry = load(right);
    lib_status_entry out;
    const char *at = "";

    assert_true(lib_status_entry_parse(entry, &out, &at));
    assert_string_equal(out.purpose, "revocation");
    assert_string_equal(out.credential, "https://example.com/status/3");
    assert_int_equal(out.index, 94567);
    json_decref(entry);
    assert_string_equal(fault_of(ENTRY("StatusList2021Entry", "revocation", "\"1\"", "")), "type");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "", "\"1\"", "")), "statusPurpose");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"1\"", ",\"statusSize\":1")), "");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"1\"", ",\"statusSize\":2")), "statusSize");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"1\"", ",\"statusSize\":1.0")), "statusSize");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "1", "")), "statusListIndex");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"-1\"", "")), "statusListIndex");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"01\"", "")), "statusListIndex");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"1.0\"", "")), "statusListIndex");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"\"", "")), "statusListIndex");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"0\"", "")), "");
    assert_string_equal(fault_of(ENTRY("BitstringStatusListEntry", "a", "\"1234567890123456\"", "")),
                        "statusListIndex");
    assert_string_equal(fault_of("{\"type\":\"BitstringStatusListEntry\",\"statusPurpose\":\"a\"}"),
                        "statusListCredential");
}

static void a_list_credential_has_the_form_and_gives_its_list_back(void **state)
{
    uint8_t *list = calloc(1, MIN_BYTES), *back = NULL;
    const char *why = "";
    lib_vc_fault fault = { "", "" };
    size_t len = 0;
    json_t *credential;

    lib_status_set(list, 77, true);
    credential = lib_status_credential("https://example.com/status/3", "did:web:example.com", "2025-01-01T00:00:00Z",
                                       "suspension", fcc_bytes_of(list, MIN_BYTES));
    assert_true(lib_vc_form(credential, &fault));
    assert_string_equal(json_string_value(json_object_get(json_object_get(credential, "credentialSubject"), "id")),
                        "https://example.com/status/3#list");
    assert_int_equal(lib_status_credential_read(credential, "suspension", &back, &len, &why), FCC_OK);
    assert_memory_equal(back, list, MIN_BYTES);
    free(back);
    back = NULL;
    assert_int_equal(lib_status_credential_read(credential, "revocation", &back, &len, &why), FCC_ERR_CORRUPT);
    assert_string_equal(why, "the list has another purpose");
    json_object_set_new(json_object_get(credential, "credentialSubject"), "statusSize", json_integer(2));
    assert_int_equal(lib_status_credential_read(credential, "suspension", &back, &len, &why), FCC_ERR_CORRUPT);
    assert_string_equal(why, "the list has more than one bit for each entry");
    json_object_set_new(credential, "type", json_string("VerifiableCredential"));
    assert_int_equal(lib_status_credential_read(credential, "suspension", &back, &len, &why), FCC_ERR_CORRUPT);
    assert_string_equal(why, "it is no status list credential");
    assert_null(back);
    json_decref(credential);
    free(list);
}

/* ---- the W3C's examples ---- */

/* All entries of a credential, or the list of a list credential. */
static bool example_is_read(const json_t *credential, const char **why)
{
    const json_t *status = json_object_get(credential, "credentialStatus");
    size_t count = json_is_array(status) ? json_array_size(status) : 1, len = 0;
    uint8_t *list = NULL;
    lib_status_entry entry;
    bool ok = true;

    if (!status) {
        ok = lib_status_credential_read(credential, "revocation", &list, &len, why) == FCC_OK && len == MIN_BYTES;
        for (size_t i = 0; ok && i < len; i++)
            ok = list[i] == 0;
        free(list);
        return ok;
    }
    for (size_t i = 0; ok && i < count; i++)
        ok = lib_status_entry_parse(json_is_array(status) ? json_array_get(status, i) : status, &entry, why) &&
             lib_status_is_purpose(entry.purpose) && entry.index < LIB_STATUS_MIN_BITS;
    return ok;
}

static void the_published_examples_are_read(void **state)
{
    static const char set[] = "vc-status-list-examples";
    struct dirent **names;
    int n = shared_list(set, &names);
    tally t = { .set = set };

    for (int i = 0; i < n; i++) {
        char *text = shared_read(set, names[i]->d_name, NULL);
        json_t *credential = load(text);
        lib_vc_fault fault = { "", "" };
        const char *why = "";

        if (!lib_vc_form(credential, &fault))
            tally_fail(&t, "%s: %s %s", names[i]->d_name, fault.at, fault.why);
        else if (!example_is_read(credential, &why))
            tally_fail(&t, "%s: %s", names[i]->d_name, why);
        else
            tally_pass(&t);
        json_decref(credential);
        free(text);
    }
    shared_list_free(names, n);
    assert_true(tally_print(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_is_a_bit_of_a_chunk),
        cmocka_unit_test(the_first_bit_is_the_left_most),
        cmocka_unit_test(sizes_are_whole_chunks_from_the_minimum),
        cmocka_unit_test(a_list_of_chunks_reads_back_bit_for_bit),
        cmocka_unit_test(a_list_that_is_none_is_refused_with_a_reason),
        cmocka_unit_test(the_largest_list_is_taken),
        cmocka_unit_test(an_entry_names_one_bit_of_a_list),
        cmocka_unit_test(a_list_credential_has_the_form_and_gives_its_list_back),
        cmocka_unit_test(the_published_examples_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
