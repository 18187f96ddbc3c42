/*
 * gematik's recorded scenarios of the German e-prescription: sentences, and what its service answered. Each sentence
 * becomes a call by gematik-steps.tsv and has to be answered in the recorded class: accepted, or 400, 403, 404, 409, 410.
 */
#include "test/unit/chaincode/prescriptions/pharmacy.h"

#include <jansson.h>

#include "test/support/shared_data.h"
#include "test/support/tally.h"

#define SET "e-prescription-gematik-scenarios"
#define TABLE "test/unit/chaincode/prescriptions/gematik-steps.tsv"

enum { max_rows = 100, max_cast = 8, max_text = 2000, max_rx = 12 };

static struct row {
    const char *words, *call, *by, *note;
} rows[max_rows];
static struct difference {
    const char *call, *why;
    int theirs, ours;
} differences[max_rows];
static size_t row_count, difference_count;

/* ---- the table ---- */

static int read_table(void **state)
{
    static char text[20000];
    char *rest = NULL;
    FILE *f = fopen(TABLE, "r");

    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    fclose(f);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *cells[5] = { "", "", "", "", "" };
        size_t n = 0;

        if (*line == '#')
            continue;
        for (char *cell = line, *end; cell && n < 5; cell = end ? end + 1 : NULL) {
            end = strchr(cell, '\t');
            if (end)
                *end = 0;
            cells[n++] = cell;
        }
        assert_true(row_count < max_rows && difference_count < max_rows);
        if (strcmp(cells[0], "differs") == 0)
            differences[difference_count++] = (struct difference){
                .call = cells[1], .theirs = atoi(cells[2]), .ours = atoi(cells[3]), .why = cells[4]
            };
        else
            rows[row_count++] = (struct row){ cells[0], cells[1], cells[2], cells[3] };
    }
    return 0;
}

/* Whether all words of "a&b&!c" are in the sentence, and none of those behind "!". */
static bool fits(const char *words, const char *sentence)
{
    char word[100];

    while (*words) {
        size_t n = strcspn(words, "&");
        bool no = *words == '!';

        snprintf(word, sizeof(word), "%.*s", (int)(n - no), words + no);
        if ((strstr(sentence, word) != NULL) == no)
            return false;
        words += n + (words[n] == '&');
    }
    return true;
}

static const struct row *row_of(const char *sentence)
{
    for (size_t i = 0; i < row_count; i++)
        if (fits(rows[i].words, sentence))
            return &rows[i];
    return NULL;
}

/* ---- who takes part ---- */

enum { a_doctor, a_patient, a_pharmacy };

static struct {
    char name[80];
    int is;
    size_t number; /* among those who are the same */
} cast[max_cast];
static size_t cast_count;

/* "…die GKV Versicherte NAME hat Zugriff…": who is called "Keine Arztpraxis" is a pharmacy, and "Keine Apotheke" a practice. */
static void add_to_cast(const char *sentence)
{
    static const struct {
        const char *word;
        int is;
    } kinds[] = { { "Ärztin ", a_doctor },        { "Arzt ", a_doctor },         { "Versicherten ", a_patient },
                  { "Versicherter ", a_patient }, { "Versicherte ", a_patient }, { "Apotheke ", a_pharmacy } };
    const char *end = strstr(sentence, " hat ");

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        const char *at = strstr(sentence, kinds[k].word);

        if (!at || at > end || cast_count == max_cast)
            continue;
        at += strlen(kinds[k].word);
        snprintf(cast[cast_count].name, sizeof(cast[0].name), "%.*s", (int)(end - at), at);
        cast[cast_count].is = strstr(cast[cast_count].name, "Keine Arztpraxis") ? a_pharmacy
                              : strstr(cast[cast_count].name, "Keine Apotheke") ? a_doctor
                                                                                : kinds[k].is;
        cast[cast_count].number = 0;
        for (size_t i = 0; i < cast_count; i++)
            cast[cast_count].number += cast[i].is == cast[cast_count].is;
        cast_count++;
        return;
    }
}

/* Whom of a kind the sentence names, the `nth` in its order; of a kind that it doesn't name, the first of the cast. */
static size_t named(const char *sentence, int kind, size_t nth)
{
    size_t found = 0;
    const char *last = NULL;

    for (size_t round = 0; round <= nth; round++) {
        const char *best = NULL;

        for (size_t i = 0; i < cast_count; i++) {
            const char *at = cast[i].is == kind ? strstr(sentence, cast[i].name) : NULL;

            if (at && (!last || at > last) && (!best || at < best)) {
                best = at;
                found = cast[i].number;
            }
        }
        if (!best)
            break;
        last = best;
    }
    return found;
}

static bool names_kind(const char *sentence, int kind)
{
    for (size_t i = 0; i < cast_count; i++)
        if (cast[i].is == kind && strstr(sentence, cast[i].name))
            return true;
    return false;
}

static const char *const pids[] = { PID_A, PID_B, PID_G }, *const keys[] = { "a1", "b1", "9a" };

static void as_number(int kind, size_t number)
{
    if (kind == a_doctor)
        as_doctor();
    else if (kind == a_pharmacy)
        (number == 0 ? as_pharmacist : as_other_pharmacist)();
    else
        as("HospitalMSP", "patient", NULL, NULL, keys[number % 3]);
}

/* ---- prescriptions ---- */

static char last_rx[32];
static size_t last_patient, rx_number, encounters[3], serial[2], seq;

/* The cell of a sentence's table "| A | B |\n| 1 | 2 |" in this row, counted from 1; "" when it has none. */
static const char *cell(const char *sentence, const char *column, size_t row)
{
    static char out[80];
    const char *line = strchr(sentence, '\n');
    size_t at = 0, n = 0;

    for (const char *c = line ? line + 1 : NULL; c && *c == '|' && !at; c = strchr(c + 1, '|')) {
        char name[80];

        n++;
        if (c[1] == '\n' || !c[1] || sscanf(c + 1, " %79[^|\n]", name) != 1)
            break;
        while (*name && name[strlen(name) - 1] == ' ')
            name[strlen(name) - 1] = 0;
        if (strcmp(name, column) == 0)
            at = n;
    }
    *out = 0;
    while (row-- > 0 && line)
        line = strchr(line + 1, '\n');
    for (const char *c = line && at ? line + 1 : NULL; c && *c == '|'; c = strchr(c + 1, '|'))
        if (--at == 0) {
            if (sscanf(c + 1, " %79[^|\n]", out) != 1)
                *out = 0;
            break;
        }
    while (*out && out[strlen(out) - 1] == ' ')
        out[strlen(out) - 1] = 0;
    return out;
}

static size_t rows_of(const char *sentence)
{
    size_t n = 0;

    for (const char *at = strchr(sentence, '\n'); at; at = strchr(at + 1, '\n'))
        n += at[1] == '|';
    return n > 1 ? n - 1 : 1;
}

/* The prescription of one row: its PZN, how many packs, from when until when. */
static fcc_test_result issue_row(const char *sentence, size_t row, size_t patient)
{
    char in[max_text], more[80] = "", until[LIB_TIME_SIZE], from[LIB_TIME_SIZE], enc[20], pzn[20] = "12345678";
    const char *days;
    int packs = 1;
    int64_t end = NOW + 400 * DAY;

    if (*cell(sentence, "PZN", row))
        snprintf(pzn, sizeof(pzn), "%s", cell(sentence, "PZN", row));
    if (atoi(cell(sentence, "Menge", row)) > 0)
        packs = atoi(cell(sentence, "Menge", row));
    days = cell(sentence, "Gueltigkeitsstart", row);
    if (atoi(days) > 0) {
        lib_time_format(NOW + atoi(days) * (int64_t)DAY, from);
        snprintf(more, sizeof(more), ",\"notBefore\":\"%s\"", from);
    }
    days = cell(sentence, "Gueltigkeitsende", row);
    if (atoi(days) > 0)
        end = NOW + atoi(days) * (int64_t)DAY;
    lib_time_format(end, until);
    snprintf(enc, sizeof(enc), "enc-%zu", patient);
    if (!encounters[patient]++) {
        as_doctor();
        start_encounter(enc, pids[patient]);
    }
    as_number(names_kind(sentence, a_doctor) || !names_kind(sentence, a_pharmacy) ? a_doctor : a_pharmacy, 0);
    snprintf(last_rx, sizeof(last_rx), "rx-%zu", ++rx_number);
    last_patient = patient;
    seq = 0;
    snprintf(in, sizeof(in),
             "{\"rxId\":\"%s\",\"pid\":\"%s\",\"encId\":\"%s\",\"items\":[{\"drug\":{\"system\":\"http://fhir.de/"
             "CodeSystem/ifa/pzn\",\"code\":\"%s\"},\"dose\":\"1-0-1\",\"auth\":%d%s}],\"codeHash\":\"%%s\","
             "\"codeSalt\":\"" CODE_SALT "\",\"validUntil\":\"%s\",\"salt\":\"" SALT1 "\"}",
             last_rx, pids[patient], enc, pzn, 30 * packs, more, until);
    return invoke("Issue", in);
}

static fcc_test_result issue_all(const char *sentence)
{
    size_t patient = named(sentence, a_patient, 0);
    fcc_test_result r = { 0 };

    for (size_t row = 1; row <= rows_of(sentence); row++) {
        r = issue_row(sentence, row, patient);
        if (r.status != 200)
            break;
    }
    return r;
}

/* What the doctor assigns to a pharmacy is what the patient has nominated it for. */
static fcc_test_result issue_nominated(const char *sentence)
{
    size_t patient = named(sentence, a_patient, 0);
    char in[300];

    as_number(a_patient, patient);
    snprintf(in, sizeof(in), "{\"pid\":\"%s\",\"gln\":\"%s\",\"salt\":\"" SALT3 "\"}", pids[patient],
             named(sentence, a_pharmacy, 0) == 0 ? P1 : P2);
    (void)invoke("Nominate", in); /* it may be nominated already */
    return issue_all(sentence);
}

/* As much as is left, in packs of 30. */
static fcc_test_result dispense_all(size_t pharmacy)
{
    json_t *rx = json_loads(rx_value(last_rx), 0, NULL);
    const json_t *item = json_array_get(json_object_get(rx, "items"), 0);
    int64_t left = json_integer_value(json_object_get(item, "auth")) -
                   json_integer_value(json_object_get(item, "done"));
    char in[max_text], packs[1500] = "", one[100];

    json_decref(rx);
    for (int64_t i = 0; i < (left > 0 ? left / 30 : 1); i++) {
        snprintf(one, sizeof(one), "%s{\"gtin\":\"" GTIN_A "\",\"serial\":\"%s%zu\",\"units\":30}", i ? "," : "",
                 pharmacy == 0 ? "x" : "y", ++serial[pharmacy]);
        strcat(packs, one);
    }
    snprintf(in, sizeof(in), "{\"seq\":%zu,\"lines\":[{\"item\":1,\"packs\":[%s]}],\"salt\":\"" SALT2 "\"}", ++seq,
             packs);
    return invoke_id("Dispense", last_rx, in);
}

/* Who shows somebody else's access code acts for them; here two registrars say so. */
static void make_guardian(size_t patient, size_t guardian)
{
    char in[400];

    as("HospitalMSP", "registrar", "reg1", H1, "12");
    snprintf(in, sizeof(in),
             "{\"id\":\"guard\",\"pid\":\"%s\",\"gpid\":\"%s\",\"scope\":[\"prescriptions\"],\"from\":"
             "\"2026-01-01T00:00:00Z\",\"to\":\"2027-01-01T00:00:00Z\",\"evidenceHash\":\"" FP("0e") "\"}",
             pids[patient], pids[guardian]);
    put_in(in);
    if (fcc_test_submit(world, "credentials", "RegisterGuardian", FCC_END).status != 200)
        return; /* is one already */
    as("HospitalMSP", "registrar", "reg2", H1, "1a");
    put_in("{\"id\":\"guard\"}");
    assert_accepted(fcc_test_submit(world, "credentials", "Countersign", FCC_END));
}

/* ---- one sentence ---- */

static void as_caller(const struct row *row, const char *sentence)
{
    if (strcmp(row->by, "doctor") == 0) {
        as_doctor();
    } else if (strcmp(row->by, "pharmacy") == 0) {
        as_number(a_pharmacy, named(sentence, a_pharmacy, 0));
    } else if (strcmp(row->by, "impostor") == 0) { /* the secret is the key: one that the registry doesn't know */
        as("PharmacyMSP", "pharmacist", "ph1", P1, "stranger");
    } else if (strcmp(row->by, "representative") == 0) {
        size_t who = named(sentence, a_patient, 0);

        make_guardian(last_patient, who);
        as_number(a_patient, who);
    } else {
        as_number(a_patient, named(sentence, a_patient, 0));
    }
}

/* A whole number in the sentence, or one. */
static size_t count_in(const char *sentence)
{
    const char *at = strstr(sentence, "genau ");
    int n = at ? atoi(at + strlen("genau ")) : 1;

    return n > 0 ? (size_t)n : 1;
}

/* Whether the caller is shown as many dispenses as the sentence says; one of several medicines is one here. */
static fcc_test_result got(const char *sentence)
{
    char in[80];
    fcc_test_result r;
    json_t *answer;
    size_t shown;

    snprintf(in, sizeof(in), "{\"rxId\":\"%s\"}", last_rx);
    r = query("GetRx", in);
    answer = json_loads(r.payload, 0, NULL);
    shown = json_array_size(json_object_get(answer, "dispenses"));
    if (r.status == 200 && shown != count_in(sentence) && (shown != 1 || count_in(sentence) == 1))
        r.status = 404;
    json_decref(answer);
    return r;
}

/* What the ledger says of the last dispense's record: our receipt's signature. */
static fcc_test_result verify(void)
{
    char in[max_text], key[80], act[80];
    fcc_test_result r;

    snprintf(key, sizeof(key), "~RXD~%s~%04zu~", last_rx, seq);
    snprintf(act, sizeof(act), "%s:%zu", last_rx, seq);
    snprintf(in, sizeof(in), "{\"record\":%s}", held("prescriptions", "rx", key));
    r = query_id("VerifyCommit", act, in);
    if (r.status == 200 && strcmp(r.payload, "true") != 0)
        r.status = 422;
    return r;
}

static fcc_test_result call_of(const struct row *row, const char *sentence)
{
    char in[80];

    if (strcmp(row->call, "issue") == 0)
        return issue_all(sentence);
    if (strcmp(row->call, "issue-nominated") == 0)
        return issue_nominated(sentence);
    as_caller(row, sentence);
    if (strcmp(row->call, "accept") == 0)
        return invoke_id("Accept", last_rx, strstr(rx_value(last_rx), "\"nominee\"") ? NO_CODE : ACCEPT);
    if (strcmp(row->call, "accept-wrong") == 0)
        return invoke_id("Accept", last_rx, "{\"code\":\"" CODE_SALT "\",\"salt\":\"" SALT2 "\"}");
    if (strcmp(row->call, "accept-late") == 0) {
        fcc_test_set_time(world, NOW + 401 * DAY);
        return invoke_id("Accept", last_rx, ACCEPT);
    }
    if (strcmp(row->call, "dispense") == 0)
        return dispense_all(named(sentence, a_pharmacy, 0) % 2);
    if (strcmp(row->call, "return") == 0)
        return invoke_id("Return", last_rx, BECAUSE("patient_request"));
    if (strcmp(row->call, "reject") == 0)
        return invoke_id("Reject", last_rx, BECAUSE("other"));
    if (strcmp(row->call, "reverse") == 0)
        return invoke_id("ReverseDispense", last_rx, REVERSE("1"));
    if (strcmp(row->call, "cancel") == 0)
        return invoke_id("Cancel", last_rx, BECAUSE("patient_request"));
    if (strcmp(row->call, "got") == 0)
        return got(sentence);
    if (strcmp(row->call, "verify") == 0)
        return verify();
    snprintf(in, sizeof(in), "{\"rxId\":\"%s\"}", last_rx);
    return query("GetRx", in);
}

/* ---- what was recorded ---- */

/* The status of the first or last "Response NNN: …" of a step; 0 when it has none. */
static int response_of(const json_t *step, bool last)
{
    const json_t *dumps = json_object_get(step, "dumps");
    int found = 0;

    for (size_t i = 0; i < json_array_size(dumps); i++) {
        const char *operation = json_string_value(json_object_get(json_array_get(dumps, i), "operation"));

        if (operation && strncmp(operation, "Response ", 9) == 0 && (last || !found))
            found = atoi(operation + 9);
    }
    return found;
}

static const char *name_of(const json_t *step)
{
    const char *name = json_string_value(json_object_get(step, "name"));

    return name ? name : "";
}

/*
 * What the service answered to the sentence at `at`: in its own dumps or in those of the checks behind it. Checks behind
 * a change ask for something else; behind a question they are the question. Without a recording the sentence says it.
 */
static int recorded(const json_t *steps, size_t at, const struct row *row)
{
    const char *sentence = name_of(json_array_get(steps, at));
    bool question = strcmp(row->call, "show") == 0 || strcmp(row->call, "get") == 0;
    int status = response_of(json_array_get(steps, at), true);

    for (size_t i = at + 1; !status && i < json_array_size(steps); i++) {
        const char *note = name_of(json_array_get(steps, i));
        const struct row *of = row_of(note);

        if (!of || strcmp(of->call, "note") != 0)
            break;
        if (question || strstr(note, "check the return code"))
            status = response_of(json_array_get(steps, i), false);
    }
    if (status)
        return status < 300 ? 200 : status;
    return strstr(sentence, " nicht ") || strstr(sentence, " kein ") ? 0 : 200;
}

/* ---- a scenario ---- */

static struct tally t = { .set = SET };
static size_t scenarios, negative, refused, calls, sentences, unknown;

static void judge(const char *file, const char *sentence, const struct row *row, int theirs, fcc_test_result r)
{
    const char *call = strncmp(row->call, "issue", 5) == 0     ? "issue"
                       : strcmp(row->call, "accept-late") == 0 ? "accept"
                                                               : row->call;
    int ours = r.status == 200 ? 200 : (int)r.status;

    calls++;
    if (theirs == ours || (theirs == 0 && ours != 200)) {
        refused += ours != 200;
        tally_pass(&t);
        return;
    }
    for (size_t i = 0; i < difference_count; i++)
        if (strcmp(differences[i].call, call) == 0 && differences[i].theirs == theirs && differences[i].ours == ours) {
            tally_skip(&t, "differ: %s", differences[i].why);
            return;
        }
    tally_fail(&t, "%s: \"%.*s\": recorded %d, here %d %s", file, (int)strcspn(sentence, "\n"), sentence, theirs, ours,
               r.message);
}

static void stock(const char *first, const char *to)
{
    shelf_packs(GTIN_A, "L1", "271231", first, 20, to);
}

/* A channel with both pharmacies' shelves full of the one medicine that the scenarios prescribe. */
static void begin(void)
{
    shelf_start();
    health_install("consent", &consent_chaincode);
    health_install("ehr", &ehr_chaincode);
    install_prescriptions(&prescriptions_chaincode);
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    assert_accepted(supply_in("Setup", "{\"salt\":\"" FP("5b") "\"}"));
    as_maker();
    shelf_product(GTIN_A, "12345678", "500mg", "30", "false");
    stock("x", P1);
    cast_count = rx_number = serial[0] = serial[1] = 0;
    memset(encounters, 0, sizeof(encounters));
    snprintf(last_rx, sizeof(last_rx), "none");
    last_patient = 0;
}

static void play(const char *file, const json_t *scenario)
{
    const json_t *steps = json_object_get(scenario, "steps"), *tags = json_object_get(scenario, "tags"), *tag, *step;
    size_t i;

    scenarios++;
    json_array_foreach(tags, i, tag) negative += strcmp(json_string_value(tag), "@TESTFALL:negativ") == 0;
    begin();
    json_array_foreach(steps, i, step)
    {
        const char *sentence = name_of(step);
        const struct row *row = row_of(sentence);

        sentences++;
        if (!row) {
            unknown++;
            tally_skip(&t, "sentences without a row in the table");
            fprintf(stderr, "# %s: no row for \"%.*s\"\n", file, (int)strcspn(sentence, "\n"), sentence);
        } else if (strcmp(row->call, "cast") == 0) {
            add_to_cast(sentence);
        } else if (strcmp(row->call, "skip") == 0) {
            tally_skip(&t, "%s", row->note);
        } else if (strcmp(row->call, "note") != 0 && strcmp(row->call, "code") != 0) {
            if (!rx_value(last_rx) && strncmp(row->call, "issue", 5) != 0)
                tally_skip(&t, "of a prescription that was not issued");
            else
                judge(file, sentence, row, recorded(steps, i, row), call_of(row, sentence));
        }
    }
}

/* group/scenario/index.json */
static void play_file(void *ctx, const char *file, const char *text)
{
    const char *name = strchr(file, '/');
    json_t *scenario;

    (void)ctx;
    if (!text || !name || !strstr(name, "/index.json"))
        return;
    scenario = json_loads(text, 0, NULL);
    if (scenario)
        play(name + 1, scenario);
    else
        tally_fail(&t, "%s is no JSON", file);
    json_decref(scenario);
}

static void the_recorded_scenarios_are_answered_in_the_recorded_class(void **state)
{
    shared_need(SET);
    shared_walk(SET, "", true, play_file, NULL);
    fprintf(stderr, "# " SET ": %zu scenarios, %zu negative, %zu sentences: %zu calls, %zu refused as recorded\n",
            scenarios, negative, sentences, calls, refused);
    assert_true(tally_print(&t));
    assert_true(refused > 0 && unknown * 10 < sentences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_recorded_scenarios_are_answered_in_the_recorded_class, health_stop),
    };

    return cmocka_run_group_tests(tests, read_table, NULL);
}
