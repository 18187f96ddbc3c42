/* Bundles: the mapping table, the very bytes of each resource, and what is wrong with bad ones. */
#include "fhir/fhir.h"

#include "../../../support/skip.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <cmocka.h>

#define PATIENT "{\"fullUrl\":\"urn:uuid:p\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\"}}"
#define BUNDLE(entries) "{\"resourceType\":\"Bundle\",\"entry\":[" entries "]}"

static fhir_bundle *parse(const char *text)
{
    fhir_bundle *b = NULL;
    fcc_error error;
    fcc_status st = fhir_parse(fcc_str(text), "t.json", &b, &error);

    if (st != FCC_OK)
        fail_msg("%s", error.text);
    return b;
}

static void refused(const char *text, fcc_status status, const char *words)
{
    fhir_bundle *b = NULL;
    fcc_error error = { 0 };

    assert_int_equal(fhir_parse(fcc_str(text), "t.json", &b, &error), status);
    assert_null(b);
    assert_non_null(strstr(error.text, "t.json"));
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static const fhir_entry *of_type(const fhir_bundle *b, const char *type, const char *code)
{
    size_t i;

    for (i = 0; i < b->count; i++)
        if (!strcmp(b->entries[i].type, type) && (!code || (b->entries[i].code && !strcmp(b->entries[i].code, code))))
            return &b->entries[i];
    fail_msg("no %s", type);
    return NULL;
}

static void like(const fhir_entry *e, const char *kind, const char *category, const char *sens, const char *date)
{
    assert_string_equal(e->kind, kind);
    assert_string_equal(e->category, category);
    assert_string_equal(e->sens, sens);
    assert_string_equal(e->date, date);
}

static void our_own_bundle_is_mapped_as_the_table_says(void **state)
{
    fhir_bundle *b;
    fcc_error error;

    assert_int_equal(fhir_load("network/fhir/example/bundle.json", &b, &error), FCC_OK);
    assert_int_equal(b->count, 25);
    like(of_type(b, "Encounter", "390906007"), "clinical", "general", "N", "2024-05-21T08:15:00Z");
    like(of_type(b, "Observation", "8302-2"), "clinical", "general", "N", "2021-02-09T08:05:00Z");
    like(of_type(b, "Observation", "4548-4"), "lab", "lab", "N", "2024-05-21T08:25:00Z");
    like(of_type(b, "Observation", "55758-7"), "clinical", "psychiatry", "R", "2025-01-13T07:10:00Z");
    like(of_type(b, "MedicationRequest", "860975"), "clinical", "medication", "N", "2024-05-21T08:45:00Z");
    like(of_type(b, "DiagnosticReport", NULL), "lab", "lab", "N", "2024-05-21T08:25:00Z");
    like(of_type(b, "Condition", "44054006"), "clinical", "general", "N", "2024-05-21T00:00:00Z");
    like(of_type(b, "Procedure", NULL), "clinical", "procedure", "N", "2024-05-21T08:30:00Z");
    like(of_type(b, "Immunization", "140"), "clinical", "immunization", "N", "2021-02-09T08:20:00Z");
    like(of_type(b, "AllergyIntolerance", NULL), "clinical", "allergy", "N", "2021-02-09T00:00:00Z");
    like(of_type(b, "CarePlan", NULL), "doc", "general", "N", "2024-05-21T00:00:00Z");
    like(of_type(b, "Organization", NULL), "doc", "general", "N", "");
    assert_string_equal(b->patient->type, "Patient");
    assert_ptr_equal(fhir_find(b, of_type(b, "Observation", "4548-4")->encounter),
                     of_type(b, "Encounter", "390906007"));
    fhir_free(b);
}

static void a_resource_keeps_its_bytes(void **state)
{
    fhir_bundle *b = parse(
        "{ \"entry\" : [ {\"resource\":{\"resourceType\":\"Patient\",\"text\":\"a \\\" } ] \\\\\"}} ,\n"
        " {\"resource\": { \"resourceType\" : \"Observation\",\"v\":1.50, \"big\":12345678901234567890 } ,"
        "\"fullUrl\":\"x\"} ], \"resourceType\":\"Bundle\"}");

    assert_int_equal(b->count, 2);
    assert_true(
        fcc_bytes_equal(b->entries[0].content, FCC_LIT("{\"resourceType\":\"Patient\",\"text\":\"a \\\" } ] \\\\\"}")));
    assert_true(fcc_bytes_equal(b->entries[1].content, FCC_LIT("{ \"resourceType\" : \"Observation\",\"v\":1.50, "
                                                               "\"big\":12345678901234567890 }")));
    fhir_free(b);
}

static void dates_become_utc_in_whole_seconds(void **state)
{
    static const char *const good[][2] = {
        { "2024", "2024-01-01T00:00:00Z" },
        { "2024-02", "2024-02-01T00:00:00Z" },
        { "2024-02-29", "2024-02-29T00:00:00Z" },
        { "2024-02-29T23:30:00-05:00", "2024-03-01T04:30:00Z" },
        { "1943-12-05T01:15:16+01:00", "1943-12-05T00:15:16Z" },
        { "2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z" },
        { "2020-01-01T00:30:00.123456+14:00", "2019-12-31T10:30:00Z" },
    };
    static const char *const bad[] = { "",
                                       "24",
                                       "2024-13",
                                       "2023-02-29",
                                       "2024-02-29T",
                                       "2024-02-29T10:00",
                                       "2024-02-29T24:00:00Z",
                                       "2024-02-29T10:00:00",
                                       "2024-02-29T10:00:00.Z",
                                       "2024-02-29T10:00:00Zx",
                                       "2024-2-9",
                                       "yesterday",
                                       "0000",
                                       "9999-12-31T23:00:00-05:00" };
    char out[FHIR_DATE_LEN + 1];
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(fhir_date_utc(good[i][0], out), FCC_OK);
        assert_string_equal(out, good[i][1]);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(fhir_date_utc(bad[i], out), FCC_ERR_ARG);
}

static void a_bad_bundle_is_refused_whole_and_told_what_is_wrong(void **state)
{
    refused("", FCC_ERR_PROTO, "not JSON");
    refused("{\"resourceType\":\"Bundle\",", FCC_ERR_PROTO, "t.json:1:");
    refused("[]", FCC_ERR_PROTO, "resourceType");
    refused("{\"resourceType\":\"Patient\"}", FCC_ERR_PROTO, "must be \"Bundle\"");
    refused("{\"resourceType\":\"Bundle\"}", FCC_ERR_PROTO, "no entries");
    refused(BUNDLE(""), FCC_ERR_PROTO, "no entries");
    refused(BUNDLE("7"), FCC_ERR_PROTO, "array of objects");
    refused(BUNDLE(PATIENT ",{}"), FCC_ERR_PROTO, "entry 1 has no resource");
    refused(BUNDLE(PATIENT ",{\"resource\":3}"), FCC_ERR_PROTO, "entry 1 has no resource");
    refused(BUNDLE(PATIENT ",{\"resource\":{}}"), FCC_ERR_PROTO, "entry 1: the resource has no resourceType");
    refused(BUNDLE(PATIENT ",{\"resource\":{\"resourceType\":\"x y\"}}"), FCC_ERR_PROTO, "entry 1");
    refused(BUNDLE("{\"resource\":{\"resourceType\":\"Condition\"}}"), FCC_ERR_PROTO, "no Patient");
    refused(BUNDLE(PATIENT "," PATIENT), FCC_ERR_PROTO, "a second Patient");
    refused(BUNDLE(PATIENT ",{\"resource\":{\"resourceType\":\"Observation\",\"effectiveDateTime\":\"soon\"}}"),
            FCC_ERR_PROTO, "entry 1 Observation: effectiveDateTime: soon is not a FHIR date");
    refused(BUNDLE(PATIENT ",{\"fullUrl\":\"urn:uuid:p\",\"resource\":{\"resourceType\":\"Condition\"}}"),
            FCC_ERR_PROTO, "entry 1 has the fullUrl of entry 0");
    refused(BUNDLE(PATIENT ",{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"a\",\"id\":\"b\"}}"), FCC_ERR_PROTO,
            "duplicate");
    refused("{\"resourceType\":\"Bundle\",\"entr\\u0079\":[" PATIENT "]}", FCC_ERR_PROTO, "without escapes");
    refused(BUNDLE("{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"\xff\"}}"), FCC_ERR_PROTO, "not JSON");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    fhir_bundle *b;
    fcc_error error;

    assert_int_equal(fhir_load("/does/not/exist.json", &b, &error), FCC_ERR_IO);
    assert_non_null(strstr(error.text, "/does/not/exist.json"));
}

static void labels_say_how_delicate_it_is(void **state)
{
    fhir_bundle *b = parse(BUNDLE(
        PATIENT
        ",{\"resource\":{\"resourceType\":\"Condition\",\"meta\":{\"security\":[{\"code\":\"V\"},{\"code\":\"ETH\"}]}}}"
        ",{\"resource\":{\"resourceType\":\"ImagingStudy\",\"started\":\"2020\"}}"));

    like(&b->entries[1], "clinical", "substance", "V", "");
    like(&b->entries[2], "image", "imaging", "N", "2020-01-01T00:00:00Z");
    assert_string_equal(b->entries[2].class_name, "imaging");
    fhir_free(b);
}

static void the_shared_bundles_are_taken_whole(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    char dir[2048], path[2400];
    struct dirent *e;
    size_t bundles = 0, i;
    DIR *d;

    snprintf(dir, sizeof(dir), "%s/data/fhir-r4-synthea-bundles", shared ? shared : "../shared");
    d = opendir(dir);
    if (!d)
        SKIP("%s is not there", dir);
    while ((e = readdir(d))) {
        fhir_bundle *b;
        fcc_error error;
        json_t *root, *content;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%.255s", dir, e->d_name);
        if (fhir_load(path, &b, &error) != FCC_OK)
            fail_msg("%s", error.text);
        root = json_load_file(path, 0, NULL);
        assert_int_equal(json_array_size(json_object_get(root, "entry")), b->count);
        for (i = 0; i < b->count; i++) {
            content = json_loadb((const char *)b->entries[i].content.data, b->entries[i].content.len, 0, NULL);
            assert_true(
                json_equal(content, json_object_get(json_array_get(json_object_get(root, "entry"), i), "resource")));
            json_decref(content);
            if (strcmp(b->entries[i].kind, "doc") != 0 && !b->entries[i].date[0])
                fail_msg("%s: entry %zu (%s) has no date", path, i, b->entries[i].type);
        }
        assert_true(b->word_count > 10);
        json_decref(root);
        fhir_free(b);
        bundles++;
    }
    closedir(d);
    assert_true(bundles > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_bundle_is_mapped_as_the_table_says),
        cmocka_unit_test(a_resource_keeps_its_bytes),
        cmocka_unit_test(dates_become_utc_in_whole_seconds),
        cmocka_unit_test(a_bad_bundle_is_refused_whole_and_told_what_is_wrong),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(labels_say_how_delicate_it_is),
        cmocka_unit_test(the_shared_bundles_are_taken_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
