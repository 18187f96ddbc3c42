/* Other people's FHIR documents against the table of types: HL7's own examples and Synthea's bundles, one line a set. */
#include "fhir/fhir.h"
#include "fhir/map.h"

#include "../../../support/skip.h"
#include "../../../support/tally.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_MAX = 4 << 20, REFUSED_PER_CENT = 5 };

static const char *folder(const char *set, char out[2048])
{
    const char *shared = getenv("MEDSYNC_SHARED");

    snprintf(out, 2048, "%s/data/%s", shared ? shared : "../shared", set);
    return out;
}

static fcc_bytes read_whole(const char *path)
{
    static uint8_t data[FILE_MAX];
    FILE *f = fopen(path, "rb");
    size_t n;

    assert_non_null(f);
    n = fread(data, 1, sizeof(data), f);
    fclose(f);
    assert_true(n < sizeof(data));
    return fcc_bytes_of(data, n);
}

/* Every date of a resource that the table could have meant: a record without date although its resource has one is wrong. */
static bool has_a_date(const json_t *resource)
{
    static const char *const names[] = {
        "effectiveDateTime", "effectiveInstant", "issued",        "started",           "date",
        "authoredOn",        "recordedDate",     "onsetDateTime", "performedDateTime", "occurrenceDateTime"
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (json_is_string(json_object_get(resource, names[i])))
            return true;
    return json_is_string(fhir__at(resource, "period.start")) ||
           json_is_string(fhir__at(resource, "effectivePeriod.start")) ||
           json_is_string(fhir__at(resource, "performedPeriod.start"));
}

static bool is_known(const char *word, const char *const *words, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (!strcmp(word, words[i]))
            return true;
    return false;
}

static void check_entry(const char *name, const fhir_entry *e, const json_t *resource, tally *t)
{
    /* what chaincode/ehr takes */
    static const char *const kinds[] = { "clinical", "lab", "image", "doc" };
    static const char *const categories[] = { "general",      "lab",     "imaging",   "medication",
                                              "immunization", "allergy", "procedure", "psychiatry",
                                              "substance",    "sexual",  "genetic",   "social" };
    const char *id = json_string_value(json_object_get(resource, "id"));

    if (!is_known(e->kind, kinds, 4) || !is_known(e->category, categories, 12) ||
        !is_known(e->sens, (const char *const[]){ "N", "R", "V" }, 3))
        tally_fail(t, "%s: kind %s, category %s, sensitivity %s", name, e->kind, e->category, e->sens);
    else if (!fhir_is_mapped(e->type) && strcmp(e->kind, "doc") != 0)
        tally_fail(t, "%s: %s is no document", name, e->type);
    else if (id ? !e->id || strcmp(e->id, id) != 0 : e->id != NULL)
        tally_fail(t, "%s: its id is %s", name, e->id ? e->id : "missing");
    else if (fhir_is_mapped(e->type) && !e->date[0] && has_a_date(resource))
        tally_fail(t, "%s: its date is not found", name);
    else if (fhir_is_mapped(e->type) && strcmp(e->type, "Encounter") != 0 && !e->code &&
             json_is_string(fhir__at(resource, "code.coding.0.code")))
        tally_fail(t, "%s: its code is not found", name);
    else
        tally_pass(t);
}

static void check_type(const char *dir, const char *type, tally *mapped, tally *others)
{
    char sub[4096], path[4500];
    struct dirent *e;
    fcc_error error;
    fhir_entry entry;
    DIR *d;

    snprintf(sub, sizeof(sub), "%s/%.255s", dir, type);
    d = opendir(sub);
    while (d && (e = readdir(d))) {
        fcc__arena *arena;
        fcc_bytes json;
        tally *t = fhir_is_mapped(type) ? mapped : others;
        size_t n = strlen(e->d_name);

        if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%.255s", sub, e->d_name);
        json = read_whole(path);
        arena = fcc__arena_new(1 << 20);
        if (fhir_resource(json, e->d_name, arena, &entry, &error) != FCC_OK) {
            const char *why = strrchr(error.text, ':');

            fprintf(stderr, "# refused: %s\n", error.text);
            tally_skip(t, "refused:%s", why ? why + 1 : error.text);
        } else {
            json_t *root = json_loadb((const char *)json.data, json.len, 0, NULL);

            assert_string_equal(entry.type, type);
            assert_true(fcc_bytes_starts_with(json, entry.content));
            assert_true(json.len - entry.content.len <= 2); /* the file's last line end */
            check_entry(e->d_name, &entry, root, t);
            json_decref(root);
        }
        fcc__arena_free(arena);
    }
    if (d)
        closedir(d);
}

static void hl7s_examples_are_taken_or_refused_for_a_reason(void **state)
{
    tally mapped = { .set = "HL7 examples of mapped types" }, others = { .set = "HL7 examples of other types" };
    char dir[2048];
    struct dirent *e;
    DIR *d = opendir(folder("fhir-r4-hl7-examples", dir));
    bool ok;

    if (!d)
        SKIP("%s is not there", dir);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && !strchr(e->d_name, '.'))
            check_type(dir, e->d_name, &mapped, &others);
    closedir(d);
    ok = tally_print(&mapped);
    ok = tally_print(&others) && ok;
    assert_true(ok);
    assert_true(mapped.skipped * 100 <= (mapped.passed + mapped.skipped) * REFUSED_PER_CENT);
    assert_true(others.skipped * 100 <= (others.passed + others.skipped) * REFUSED_PER_CENT);
}

static void every_entry_of_syntheas_bundles_is_taken(void **state)
{
    tally t = { .set = "entries of Synthea's bundles" };
    char dir[2048], path[2600];
    struct dirent *e;
    DIR *d = opendir(folder("fhir-r4-synthea-bundles", dir));
    size_t i, bundles = 0;
    fcc_error error;

    if (!d)
        SKIP("%s is not there", dir);
    while ((e = readdir(d))) {
        fhir_bundle *b;
        size_t n = strlen(e->d_name);

        if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%.255s", dir, e->d_name);
        if (fhir_load(path, &b, &error) != FCC_OK) {
            tally_fail(&t, "%s", error.text);
            continue;
        }
        bundles++;
        for (i = 0; i < b->count; i++) {
            json_t *root = json_loadb((const char *)b->entries[i].content.data, b->entries[i].content.len, 0, NULL);

            assert_non_null(root); /* the bytes kept are the resource, and nothing else */
            check_entry(b->entries[i].full_url ? b->entries[i].full_url : "?", &b->entries[i], root, &t);
            json_decref(root);
        }
        fhir_free(b);
    }
    closedir(d);
    assert_true(bundles > 0);
    assert_true(tally_print(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hl7s_examples_are_taken_or_refused_for_a_reason),
        cmocka_unit_test(every_entry_of_syntheas_bundles_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
