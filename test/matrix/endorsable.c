/*
 * endorsable.c: whose endorsements each writing function needs. From network.yaml and the collections' files the smallest
 * sets of organisations are computed that satisfy the policies of all that a function writes and are members of all
 * that it reads, by endorsers.tsv; they must be those of the domain's code. The function commits with exactly such a
 * set, and not with one organisation less.
 */
#include "test/matrix/town.h"

#include "appointments/appointments.h"
#include "config/config.h"
#include "consent/consent.h"
#include "credentials/credentials.h"
#include "ehr/ehr.h"
#include "prescriptions/prescriptions.h"
#include "supply/supply.h"
#include "msp/policy.h"

enum { MAX_ROWS = 200, COLUMNS = 7, MAX_SETS = 40, MAX_NAME = 64 };

struct row {
    char *chaincode, *function, *code, *reads, *writes;
    const char *variant;
    bool public;
};

static struct row rows[MAX_ROWS];
static size_t row_count;
static config_network *network;
static const lib_table *const tables[] = { &credentials_table,  &consent_table,       &ehr_table,
                                           &appointments_table, &prescriptions_table, &supply_table };
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static int read_all(void **state)
{
    static char line[1024];
    FILE *f = fopen("test/matrix/endorsers.tsv", "r");
    fcc_error error = { FCC_OK, "" };

    if (!f || config_load("network/network.yaml", &network, &error) != FCC_OK) {
        fprintf(stderr, "# %s\n", f ? error.text : "test/matrix/endorsers.tsv can't be read");
        return -1;
    }
    while (fgets(line, sizeof(line), f)) {
        char *cells[COLUMNS], *rest = NULL, *cell;
        size_t n = 0;

        if (*line == '#' || *line == '\n')
            continue;
        for (cell = strtok_r(strdup(line), "\t\n", &rest); cell && n < COLUMNS; cell = strtok_r(NULL, "\t\n", &rest))
            cells[n++] = cell;
        if (n != COLUMNS || row_count == MAX_ROWS) {
            fprintf(stderr, "# endorsers.tsv: %s has %zu cells\n", line, n);
            return -1;
        }
        rows[row_count++] = (struct row){ .chaincode = cells[0],
                                          .function = cells[1],
                                          .variant = strcmp(cells[2], ".") == 0 ? "" : cells[2],
                                          .code = cells[3],
                                          .public = strcmp(cells[4], "yes") == 0,
                                          .reads = cells[5],
                                          .writes = cells[6] };
    }
    fclose(f);
    return 0;
}

static int free_all(void **state)
{
    config_free(network);
    return 0;
}

/* ---- what the network says ---- */

static const config_chaincode *chaincode_of(const char *name)
{
    for (size_t i = 0; i < network->chaincode_count; i++)
        if (strcmp(network->chaincodes[i].name, name) == 0)
            return &network->chaincodes[i];
    fail_msg("network.yaml has no chaincode %s", name);
    return NULL;
}

static const config_collection *collection_of(const char *chaincode, const char *name)
{
    config_collections all = chaincode_of(chaincode)->collections;

    for (size_t i = 0; i < all.n; i++)
        if (strcmp(all.v[i].name, name) == 0)
            return &all.v[i];
    fail_msg("%s has no collection %s", chaincode, name);
    return NULL;
}

static fcc_bytes policy_of(const char *text)
{
    fcc_error error = { FCC_OK, "" };
    fcc_bytes envelope = { 0 };

    if (msp_policy_parse(text, network->arena, &envelope, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return envelope;
}

/* The next of "a,b", into `out`; false at the end and for "-". */
static bool next_of(const char **list, char out[MAX_NAME])
{
    size_t n = strcspn(*list, ",");

    if (n == 0 || strcmp(*list, "-") == 0)
        return false;
    assert_true(n < MAX_NAME);
    memcpy(out, *list, n);
    out[n] = 0;
    *list += n + ((*list)[n] == ',');
    return true;
}

/* What a set of organisations must satisfy as endorsers, and of what each must be a member. */
struct wanted {
    fcc_bytes policies[8], members[8];
    size_t policy_count, member_count;
    const config_chaincode *runs[8];
    size_t run_count;
};

/* "CHAINCODE.COLLECTION", which is cut at the dot, or a collection of the row's own chaincode. */
static const char *owner_of(char *name, const struct row *row, const char **collection)
{
    char *dot = strchr(name, '.');

    *collection = dot ? dot + 1 : name;
    if (!dot)
        return row->chaincode;
    *dot = 0;
    return name;
}

static struct wanted wanted_by(const struct row *row, const char *msp)
{
    struct wanted w = { .runs = { chaincode_of(row->chaincode) }, .run_count = 1 };
    const char *list;
    char name[MAX_NAME], text[MAX_NAME];
    const char *of;

    if (row->public)
        w.policies[w.policy_count++] = policy_of(w.runs[0]->policy);
    for (list = row->writes; next_of(&list, name);) {
        const config_collection *collection = NULL;

        const char *owner = owner_of(name, row, &of);

        snprintf(text, sizeof(text), "OR('%s.peer')", msp);
        if (strcmp(name, "implicit") != 0)
            collection = collection_of(owner, of);
        w.policies[w.policy_count++] = policy_of(!collection                      ? text
                                                 : collection->endorsement_policy ? collection->endorsement_policy
                                                                                  : chaincode_of(owner)->policy);
    }
    for (list = row->reads; next_of(&list, name);) {
        const char *owner = owner_of(name, row, &of);

        w.members[w.member_count++] = policy_of(collection_of(owner, of)->policy);
        if (owner != row->chaincode && w.run_count < sizeof(w.runs) / sizeof(w.runs[0]))
            w.runs[w.run_count++] = chaincode_of(owner);
    }
    return w;
}

static bool runs(const config_chaincode *chaincode, const char *msp)
{
    for (size_t i = 0; i < chaincode->orgs.n; i++)
        if (strcmp(chaincode->orgs.v[i], msp) == 0)
            return true;
    return false;
}

static bool suffices(const struct wanted *w, unsigned set)
{
    const char *chosen[TOWN_ORGS];
    size_t n = 0;

    for (size_t i = 0; i < TOWN_ORGS; i++) {
        if (!(set & 1u << i))
            continue;
        chosen[n++] = town_msps[i];
        for (size_t r = 0; r < w->run_count; r++)
            if (!runs(w->runs[r], town_msps[i]))
                return false;
        for (size_t m = 0; m < w->member_count; m++)
            if (!msp_policy_admits(w->members[m], town_msps[i], MSP_PEER))
                return false;
    }
    return msp_policy_satisfied_by_orgs(w->policies, w->policy_count, chosen, n);
}

/* A set as its letters: "hc". */
static const char *letters_of(unsigned set, char out[TOWN_ORGS + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < TOWN_ORGS; i++)
        if (set & 1u << i)
            out[n++] = TOWN_LETTERS[i];
    out[n] = 0;
    return out;
}

/* All smallest sets, as "hr cr". */
static size_t smallest(const struct wanted *w, unsigned sets[MAX_SETS], char *text, size_t size)
{
    char letters[TOWN_ORGS + 1];
    size_t n = 0, at = 0;

    for (int members = 1; members <= TOWN_ORGS && !n; members++)
        for (unsigned set = 1; set < 1u << TOWN_ORGS; set++)
            if (__builtin_popcount(set) == members && suffices(w, set)) {
                assert_true(n < MAX_SETS);
                sets[n++] = set;
                at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " " : "", letters_of(set, letters));
            }
    text[at] = 0;
    return n;
}

static const char *sets_of(const char *code)
{
    return strcmp(code, "RC") == 0   ? "hr cr"
           : strcmp(code, "CC") == 0 ? "hc"
           : strcmp(code, "1") == 0  ? "h c"
           : strcmp(code, "RX") == 0 ? "hc hp cp"
           : strcmp(code, "SU") == 0 ? "hc hp cp hm cm pm hd cd pd md"
           : strcmp(code, "MD") == 0 ? "md"
           : strcmp(code, "DP") == 0 ? "pd"
                                     : "";
}

/* ---- what a call does ---- */

static bool lists(const char *list, const char *wanted)
{
    char name[MAX_NAME];

    while (next_of(&list, name))
        if (strcmp(name, wanted) == 0)
            return true;
    return false;
}

/* Compare a trace with the row: nothing else is read, exactly that is written. */
static size_t compare(const struct row *row, const char *trace)
{
    char line[512], name[MAX_NAME], *words[4], *rest;
    const char *list;
    bool public = false, written[8] = { 0 };
    size_t wrong = 0, i;

    for (; *trace; trace += strcspn(trace, "\n") + 1) {
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(trace, "\n"), trace);
        rest = NULL;
        words[0] = strtok_r(line, " ", &rest);
        for (i = 1; i < 4; i++)
            words[i] = words[0] ? strtok_r(NULL, " ", &rest) : NULL;
        if (!words[2] || strcmp(words[1], "call") == 0)
            continue;
        snprintf(name, sizeof(name), "%s%s%s", strcmp(words[0], row->chaincode) == 0 ? "" : words[0],
                 strcmp(words[0], row->chaincode) == 0 ? "" : ".",
                 strncmp(words[2], "_implicit_org_", 14) == 0 ? "implicit" : words[2]);
        if (strcmp(words[1], "put") == 0 || strcmp(words[1], "del") == 0 || strcmp(words[1], "purge") == 0) {
            public = public || strcmp(name, "-") == 0;
            for (i = 0, list = row->writes; next_of(&list, line); i++)
                written[i] = written[i] || strcmp(line, name) == 0;
            if (strcmp(name, "-") != 0 && !lists(row->writes, name) && ++wrong)
                fprintf(stderr, "# %s %s writes %s %s\n", row->chaincode, row->function, name, words[3]);
        } else if (strcmp(words[1], "get") == 0 || strcmp(words[1], "range") == 0) {
            if (strcmp(words[2], "-") != 0 && !lists(row->reads, name) && ++wrong)
                fprintf(stderr, "# %s %s reads %s %s\n", row->chaincode, row->function, name, words[3]);
        }
    }
    for (i = 0, list = row->writes; next_of(&list, line); i++)
        if (!written[i] && ++wrong)
            fprintf(stderr, "# %s %s does not write %s\n", row->chaincode, row->function, line);
    if (public != row->public && ++wrong)
        fprintf(stderr, "# %s %s %s a public key\n", row->chaincode, row->function,
                public ? "writes" : "does not write");
    return wrong;
}

static size_t wrong_result(const struct row *row, const char *at, const char *want, fcc_test_result r)
{
    fprintf(stderr, "# %s %s %s endorsed by \"%s\": %d %.150s %s %.150s, and not %s\n", row->chaincode, row->function,
            row->variant, at, (int)r.status, r.message, r.code_name, r.why, want);
    return 1;
}

static size_t commit_with(const struct row *row, const town_act *act, const unsigned *sets, size_t count)
{
    char letters[TOWN_ORGS + 1], caller = strrchr(act->by, '.')[1];
    unsigned chosen = sets[0];
    fcc_test_result r;
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        if (strchr(letters_of(sets[i], letters), caller))
            chosen = sets[i];
    for (size_t i = 0; i < count; i++) {
        r = town_call(act, act->by, TOWN_OWN, FCC_TEST_ENDORSE, letters_of(sets[i], letters));
        if (r.status != 200)
            wrong += wrong_result(row, letters, "endorsed", r);
    }
    /* one less; for one alone, somebody else */
    for (size_t i = 0; i < TOWN_ORGS; i++) {
        unsigned less = chosen & ~(1u << i);

        if (less == chosen)
            continue;
        r = town_call(act, act->by, TOWN_OWN, FCC_TEST_SUBMIT, less ? letters_of(less, letters) : "r");
        if (r.status < 400 && r.code != FCC_TEST_ENDORSEMENT_POLICY_FAILURE)
            wrong += wrong_result(row, less ? letters : "r", "refused or invalid", r);
    }
    r = town_call(act, act->by, TOWN_OWN, FCC_TEST_SUBMIT, letters_of(chosen, letters));
    if (r.status != 200 || r.code != FCC_TEST_VALID)
        return wrong + wrong_result(row, letters, "committed", r);
    return wrong + compare(row, r.trace);
}

/* ---- tests ---- */

static void every_writing_function_has_its_row(void **state)
{
    size_t wrong = 0;

    for (size_t t = 0; t < TABLES; t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            const lib_entry *entry = &tables[t]->entries[i];
            size_t found = 0;

            for (size_t r = 0; r < row_count; r++)
                found += strcmp(rows[r].chaincode, tables[t]->name) == 0 && strcmp(rows[r].function, entry->name) == 0;
            if ((found > 0) != ((entry->spec->flags & LIB_WRITES) != 0) && ++wrong)
                fprintf(stderr, "# endorsers.tsv %s %s %s\n", found ? "has" : "lacks", tables[t]->name, entry->name);
        }
    assert_int_equal(wrong, 0);
}

static void the_smallest_sets_are_those_of_the_domain(void **state)
{
    char text[256];
    unsigned sets[MAX_SETS];
    size_t wrong = 0;

    for (size_t r = 0; r < row_count; r++) {
        struct wanted h = wanted_by(&rows[r], "HospitalMSP"), c = wanted_by(&rows[r], "ClinicMSP");

        for (int i = 0; i < 2; i++) {
            smallest(i ? &c : &h, sets, text, sizeof(text));
            if (strcmp(text, sets_of(rows[r].code)) != 0 && ++wrong)
                fprintf(stderr, "# %s %s %s: the smallest sets are \"%s\", and not those of %s, \"%s\"\n",
                        rows[r].chaincode, rows[r].function, rows[r].variant, text, rows[r].code,
                        sets_of(rows[r].code));
        }
    }
    assert_int_equal(wrong, 0);
}

static void every_function_commits_with_exactly_such_a_set(void **state)
{
    size_t wrong = 0, commits = 0, count;
    const town_act *acts = town_acts(&count);

    for (size_t scene = 0; scene < TOWN_SCENES; scene++) {
        town_open();
        town_go((town_scene)scene);
        for (size_t i = 0; i < count; i++)
            for (size_t r = 0; r < row_count; r++) {
                unsigned sets[MAX_SETS];
                char text[256], msp = 0;
                struct wanted w;
                size_t n;

                if (acts[i].scene != (town_scene)scene || strcmp(acts[i].chaincode, rows[r].chaincode) != 0 ||
                    strcmp(acts[i].function, rows[r].function) != 0 || strcmp(acts[i].variant, rows[r].variant) != 0)
                    continue;
                if (!acts[i].by)
                    fail_msg("acts.txt doesn't say who commits %s %s", acts[i].chaincode, acts[i].function);
                msp = strrchr(acts[i].by, '.')[1];
                w = wanted_by(&rows[r], town_msp(msp));
                n = smallest(&w, sets, text, sizeof(text));
                if (!n && ++wrong)
                    fprintf(stderr, "# nobody can endorse %s %s\n", rows[r].chaincode, rows[r].function);
                if (n)
                    wrong += commit_with(&rows[r], &acts[i], sets, n);
                commits++;
            }
    }
    fprintf(stderr,
            "# endorsers: %zu writing functions and variants, %zu committed with exactly the smallest set, %zu "
            "differ\n",
            row_count, commits, wrong);
    assert_int_equal(wrong, 0);
    assert_int_equal(commits, row_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_writing_function_has_its_row),
        cmocka_unit_test(the_smallest_sets_are_those_of_the_domain),
        cmocka_unit_test_teardown(every_function_commits_with_exactly_such_a_set, town_close),
    };

    return cmocka_run_group_tests(tests, read_all, free_all);
}
