/*
 * The examples of IHE's Privacy Consent on FHIR: each is set as a patient's base, and each probe of ihe-pcf.tsv asked of
 * Evaluate. The table was written from the documents, whose words are in it.
 */
#include "asking.h"

#include <dirent.h>

#include "fsh.h"
#include "test/support/skip.h"

#define TABLE "test/unit/chaincode/consent/ihe-pcf.tsv"

enum { columns = 11, max_rows = 300, max_skips = 20 };
enum { example, actor, purpose, category, sens, author, date, record, enc, decision, sentence };

static char *table_text;
static struct {
    const char *of[columns];
    bool used;
} rows[max_rows];
static struct {
    const char *name, *why;
    bool used;
} skips[max_skips];
static size_t row_count, skip_count, passed, failed, skipped;
static char skipped_names[2000];

static char *read_file(const char *dir, const char *name, const char *end)
{
    char path[2048], *text = calloc(1, 65536);
    FILE *file;

    snprintf(path, sizeof(path), "%s%s%s%s", dir, *dir ? "/" : "", name, end);
    file = fopen(path, "rb");
    if (!file || !text) {
        free(text);
        return NULL;
    }
    (void)!fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static void read_table(void)
{
    static const char skip_word[] = "#!skip ";
    char *save = NULL;

    table_text = read_file("", TABLE, "");
    if (!table_text)
        fail_msg(TABLE " can't be read");
    for (char *line = strtok_r(table_text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *cell = line;

        if (strncmp(line, skip_word, strlen(skip_word)) == 0 && skip_count < max_skips) {
            skips[skip_count].name = line + strlen(skip_word);
            skips[skip_count++].why = strchr(line, '\t') + 1;
            *strchr(line, '\t') = 0;
        }
        if (line[0] == '#')
            continue;
        assert_true(row_count < max_rows);
        for (size_t i = 0; i < columns; i++) {
            char *end = strchr(cell, '\t');

            if ((i + 1 < columns) != (end != NULL))
                fail_msg(TABLE ": a row of %s has not %d columns", line, columns);
            rows[row_count].of[i] = cell;
            if (end) {
                *end = 0;
                cell = end + 1;
            }
        }
        row_count++;
    }
}

static void complain(const char *name, const char *format, const char *what)
{
    fprintf(stderr, "# consent-ihe-pcf %s: ", name);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    failed++;
}

/* ---- one example ---- */

static void ask_row(size_t i, const char *pid)
{
    const char *const *of = rows[i].of;
    json_t *attrs = json_pack("[{s:s,s:s,s:s,s:s,s:s,s:s}]", "recId", of[record], "category", of[category], "sens",
                              of[sens], "author", of[author], "site", "4000000000009", "status", "current");
    char who[200], *text;
    fcc_test_result r;

    if (strcmp(of[date], "-") != 0)
        json_object_set_new(json_array_get(attrs, 0), "date", json_string(of[date]));
    if (strcmp(of[enc], "-") != 0)
        json_object_set_new(json_array_get(attrs, 0), "enc", json_string(of[enc]));
    text = json_dumps(attrs, JSON_COMPACT);
    snprintf(who, sizeof(who), ACTOR("%s", "doctor", C1, "ClinicMSP"), of[actor]);
    r = fcc_test_evaluate(world, "ehr", "Evaluate", pid, who, of[purpose], "read", text, FCC_END);
    if (r.status == 200 && (strstr(r.payload, "\"permit\":true") != NULL) == (strcmp(of[decision], "permit") == 0)) {
        passed++;
    } else {
        char what[600];

        snprintf(what, sizeof(what), "%s %s %s: %s%s, and not %s", of[actor], of[purpose], text, r.payload, r.message,
                 of[decision]);
        complain(of[example], "%s", what);
    }
    free(text);
    json_decref(attrs);
}

/* A world in which who gives the consent has set this base, and d2 has declared an emergency. */
static bool set_base(json_t *base, const char *pid, bool by_guardian)
{
    char emergency[300], *in = json_dumps(base, JSON_COMPACT);
    fcc_test_result r;

    health_start(NULL);
    health_install("consent", &consent_chaincode);
    install_asking("ehr");
    as("HospitalMSP", "patient", NULL, NULL, by_guardian ? "9a" : "a1");
    put_in(in);
    r = fcc_test_submit(world, "consent", "SetBase", FCC_END);
    free(in);
    if (r.status != 200)
        return false;
    as_staff("doctor", "d2", "02");
    snprintf(emergency, sizeof(emergency),
             "{\"id\":\"case1\",\"pid\":\"%s\",\"reasonCode\":\"unable\",\"reason\":\"x\",\"salt\":\"" SALT1 "\"}",
             pid);
    put_in(emergency);
    return fcc_test_submit(world, "consent", "BreakGlass", FCC_END).status == 200;
}

static bool is_skipped(const char *name, const struct fsh_consent *consent)
{
    for (size_t i = 0; i < skip_count; i++)
        if (strcmp(skips[i].name, name) == 0) {
            size_t n = strlen(skipped_names);

            skips[i].used = true;
            skipped++;
            snprintf(skipped_names + n, sizeof(skipped_names) - n, "%s %s (%s)", n ? "," : "", name, skips[i].why);
            if (!consent->why[0])
                complain(name, "%s", "it is skipped, and could be set");
            return true;
        }
    return false;
}

static void run_example(const char *dir, const char *name)
{
    char *text = read_file(dir, name, ".fsh"), *notes = read_file(dir, name, "-notes.md"), *words = strdup(text);
    struct fsh_consent *consent = calloc(1, sizeof(*consent));
    bool by_guardian = strstr(text, "performer = Reference(Patient/ex-mother)") != NULL;
    const char *pid = by_guardian ? PID_M : PID_A;
    json_t *base = fsh_base(text, pid, SALT1, consent);
    size_t asked = 0;

    if (is_skipped(name, consent))
        goto out;
    if (!base) {
        complain(name, "can't be set: %s", consent->why);
        goto out;
    }
    if (!set_base(base, pid, by_guardian)) {
        complain(name, "%s", "SetBase or BreakGlass refuses");
        goto out;
    }
    for (size_t i = 0; i < row_count; i++) {
        const char *rests_on = rows[i].of[sentence];

        if (strcmp(rows[i].of[example], name) != 0)
            continue;
        rows[i].used = true;
        asked++;
        if (!strstr(words, rests_on) && !(notes && strstr(notes, rests_on)))
            complain(name, "the document does not say: %s", rests_on);
        else
            ask_row(i, pid);
    }
    if (asked == 0)
        complain(name, "%s", "it has no rows, and no reason to be skipped");
out:
    json_decref(base);
    free(consent);
    free(words);
    free(notes);
    free(text);
}

static void every_probe_is_decided_as_the_document_says(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    struct dirent **names = NULL;
    char dir[1024];
    int n;

    read_table();
    snprintf(dir, sizeof(dir), "%s/data/consent-ihe-pcf", shared ? shared : "../shared");
    n = scandir(dir, &names, NULL, alphasort);
    if (n < 0) {
        free(table_text);
        SKIP("%s is not there: %zu probes", dir, row_count);
    }
    for (int i = 0; i < n; i++) {
        char *end = strrchr(names[i]->d_name, '.');

        if (end && strcmp(end, ".fsh") == 0 && strstr(names[i]->d_name, "sent-")) {
            *end = 0;
            run_example(dir, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    for (size_t i = 0; i < row_count; i++)
        if (!rows[i].used)
            complain(rows[i].of[example], "%s", "a row for no example");
    for (size_t i = 0; i < skip_count; i++)
        if (!skips[i].used)
            complain(skips[i].name, "%s", "skipped, and not there");
    printf("consent-ihe-pcf: %zu probes passed, %zu failed; %zu examples skipped:%s\n", passed, failed, skipped,
           skipped_names);
    free(table_text);
    assert_int_equal(failed, 0);
}

/* ---- the converter ---- */

static void assert_converted(const char *text, const char *want)
{
    struct fsh_consent consent;
    char copy[1000], *have;
    json_t *base;

    snprintf(copy, sizeof(copy), "* status = #active\n%s", text);
    base = fsh_base(copy, PID_A, SALT1, &consent);
    have = base ? json_dumps(json_object_get(base, "rules"), JSON_COMPACT | JSON_SORT_KEYS) : strdup(consent.why);
    assert_string_equal(have, want);
    free(have);
    json_decref(base);
}

static void what_the_converter_does_not_understand_it_refuses(void **state)
{
    assert_converted("* provision.type = #permit\n* provision.purpose[+] = http://x/v3-ActReason#TREAT\n",
                     "[{\"cat\":[\"*\"],\"effect\":\"permit\",\"maxSens\":\"V\",\"ops\":[\"read\"],\"purpose\":"
                     "[\"TREAT\"]}]");
    assert_converted("", "no provision in it");
    assert_converted("* provision.type = #permit\n* provision.class[+] = http://x#Observation\n",
                     "provision.class is not understood");
    assert_converted("* provision.type = #permit\n* provision.securityLabel = http://x#HIV\n",
                     "a security label that has no category here: HIV");
    assert_converted("* provision.type = #permit\n* provision.purpose = http://x/mine#TREAT\n",
                     "a purpose that a rule can't name: http://x/mine#TREAT");
    assert_converted("* provision.type = #permit\n* provision.actor.reference = Reference(Device/d)\n",
                     "an actor that no rule can name: Reference(Device/d)");
    assert_converted("* provision.type = #deny\n* provision.provision.type = #permit\n", "a permit inside a deny");
    assert_converted("* provision.type = #permit\n* provision.data[x].meaning = #dependents\n"
                     "* provision.data[x].reference = Reference(Encounter/e)\n",
                     "data that no rule can name: dependents of Reference(Encounter/e)");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(every_probe_is_decided_as_the_document_says),
        TEST(what_the_converter_does_not_understand_it_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
