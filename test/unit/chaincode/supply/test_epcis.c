/* EPCIS 2.0: other people's documents: read, checked, hashed. */
#include "test/unit/chaincode/supply/openepcis.h"

#include "lib/json.h"
#include "supply/epcis.h"

static json_t *load(const char *set, const char *file)
{
    size_t len = 0;
    char *text = shared_read(set, file, &len);
    json_t *document = text ? epcis_load(fcc_bytes_of(text, len)) : NULL;

    free(text);
    return document;
}

/* ---- hashes ---- */

/* The lines of a file, each once more a string; returns their number. */
static size_t lines_of(char *text, char *lines[], size_t max)
{
    char *rest = NULL;
    size_t n = 0;

    for (char *line = strtok_r(text, "\r\n", &rest); line && n < max; line = strtok_r(NULL, "\r\n", &rest))
        lines[n++] = line;
    return n;
}

static void compare_hashes(tally *t, const char *name)
{
    char file[256], why[EPCIS_WHY], hash[EPCIS_HASH], *lines[64], want[128];
    const int stem = (int)(strlen(name) - strlen(".jsonld"));
    json_t *document = load(t->set, name);
    epcis_events events;
    char *hashes;
    size_t n;

    snprintf(file, sizeof(file), "%.*s.hashes", stem, name);
    hashes = shared_read(t->set, file, NULL);
    assert_non_null(hashes);
    n = lines_of(hashes, lines, 64);
    if (!document || !epcis_read(document, &events, why)) {
        tally_fail(t, "%s: %s", name, document ? why : "not JSON");
    } else {
        for (size_t i = 0; i < events.n; i++) {
            assert_true(epcis_hash(&events, i, hash));
            snprintf(want, sizeof(want), "ni:///sha-256;%s?ver=CBV2.0", hash);
            if (i < n && strcmp(lines[i], want) == 0) {
                tally_pass(t);
            } else {
                char *prehash = epcis_prehash(&events, i);

                tally_fail(t, "%s, event %zu: %s, and not %s, of %s", name, i + 1, want, i < n ? lines[i] : "none",
                           prehash);
                free(prehash);
            }
        }
    }
    json_decref(document);
    free(hashes);
}

static void event_hashes_are_the_sets(void **state)
{
    tally t = { .set = "epcis2-event-hash" };
    struct dirent **names = NULL;
    int n = shared_list(t.set, &names);

    for (int i = 0; i < n; i++)
        if (strstr(names[i]->d_name, ".jsonld"))
            compare_hashes(&t, names[i]->d_name);
    shared_list_free(names, n);
    assert_true(tally_print(&t));
}

/* ---- documents ---- */

static void try_document(tally *t, const char *file, const char *text, bool valid)
{
    json_t *document = text ? epcis_load(fcc_str(text)) : NULL;
    char why[EPCIS_WHY];
    epcis_events events;
    const bool is = document && epcis_read(document, &events, why);

    if (is == valid)
        tally_pass(t);
    else
        tally_fail(t, "%s: %s", file, is ? "accepted" : document ? why : "not JSON");
    if (!valid && !is && document)
        fprintf(stderr, "# %s: %s\n", file, why);
    json_decref(document);
}

static void valid_documents_are_taken_and_invalid_ones_refused(void **state)
{
    openepcis_try(try_document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_hashes_are_the_sets),
        cmocka_unit_test(valid_documents_are_taken_and_invalid_ones_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
