/* Records: what the ledger is told, and how many fit into one call. */
#include "fhir/fhir.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <cmocka.h>

static const uint8_t custody[32] = { 9 };

static void remove_dir(const char *dir)
{
    char path[512];
    struct dirent *e;
    DIR *d = opendir(dir);

    while ((e = readdir(d))) {
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(dir);
}

static void a_stored_entry_is_described_without_its_content(void **state)
{
    char dir[] = "/tmp/medsync-fhir-XXXXXX";
    blob_store *store;
    fhir_bundle *b;
    fhir_record r, other;
    fcc_error error;
    fcc__buf out;
    json_t *o;

    assert_non_null(mkdtemp(dir));
    assert_int_equal(blob_open(dir, &store, &error), FCC_OK);
    assert_int_equal(fhir_load("network/fhir/example/bundle.json", &b, &error), FCC_OK);
    assert_int_equal(fhir_store(&b->entries[8], store, custody, 1700000000, &r, &error), FCC_OK);
    assert_int_equal(fhir_store(&b->entries[8], store, custody, 1700000000, &other, &error), FCC_OK);
    assert_string_not_equal(r.id, other.id);
    assert_string_not_equal(r.salt, other.salt);
    fcc__buf_init(&out, 4096);
    fhir_record_json(&r, &out);
    o = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_int_equal(json_object_size(o), 13);
    assert_string_equal(json_string_value(json_object_get(o, "type")), b->entries[8].type);
    assert_int_equal(json_integer_value(json_object_get(o, "size")), b->entries[8].content.len + BLOB_OVERHEAD);
    assert_int_equal(strlen(json_string_value(json_object_get(o, "dek"))), BLOB_SEALED_HEX);
    assert_int_equal(strlen(json_string_value(json_object_get(o, "salt"))), 32);
    assert_int_equal(strlen(json_string_value(json_object_get(o, "recId"))), 32);
    assert_null(memmem(out.data, out.len, b->entries[8].code, strlen(b->entries[8].code)));
    json_decref(o);
    fcc__buf_clear(&out);
    fhir_free(b);
    blob_close(store);
    remove_dir(dir);
}

static void an_entry_without_date_gets_the_time_of_its_import(void **state)
{
    char dir[] = "/tmp/medsync-fhir-XXXXXX";
    fhir_entry e = { 0 };
    blob_store *store;
    fhir_record r;
    fcc_error error;

    assert_non_null(mkdtemp(dir));
    assert_int_equal(blob_open(dir, &store, &error), FCC_OK);
    e.content = FCC_LIT("{}");
    assert_int_equal(fhir_store(&e, store, custody, 1700000000, &r, &error), FCC_OK);
    assert_string_equal(r.date, "2023-11-14T22:13:20Z");
    blob_close(store);
    remove_dir(dir);
}

static void a_batch_is_bounded_by_count_and_by_bytes(void **state)
{
    static fhir_record many[300];
    fhir_entry e = { 0 };
    fcc__buf out;
    size_t i, n, all = 0;

    e.type = "Observation";
    e.kind = "clinical";
    e.category = "general";
    e.sens = "N";
    e.class_name = "general";
    for (i = 0; i < 300; i++) {
        many[i].entry = &e;
        memset(many[i].dek, 'a', BLOB_SEALED_HEX);
        memset(many[i].sha256, 'b', 64);
        memset(many[i].id, 'c', 32);
        memset(many[i].salt, 'd', 32);
        memset(many[i].cid, 'b', 59);
        memcpy(many[i].date, "2020-01-01T00:00:00Z", 21);
        many[i].size = 1000;
    }
    fcc__buf_init(&out, 4 * FHIR_BATCH_BYTES);
    while (all < 300) {
        json_t *o;

        fcc__buf_reset(&out);
        n = fhir_batch("\"pid\":\"x\"", many + all, 300 - all, &out);
        assert_true(n > 0 && n <= FHIR_BATCH_RECORDS);
        assert_true(out.len <= FHIR_BATCH_BYTES);
        o = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_array_size(json_object_get(o, "records")), n);
        json_decref(o);
        all += n;
    }
    assert_int_equal(all, 300);
    fcc__buf_clear(&out);
    fcc__buf_init(&out, 100);
    assert_int_equal(fhir_batch("\"pid\":\"x\"", many, 300, &out), 0);
    fcc__buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_entry_is_described_without_its_content),
        cmocka_unit_test(an_entry_without_date_gets_the_time_of_its_import),
        cmocka_unit_test(a_batch_is_bounded_by_count_and_by_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
