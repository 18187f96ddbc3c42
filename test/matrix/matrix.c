/*
 * matrix.c: every function, called as every role of every organisation, against matrix.tsv, which is written by hand from
 * the domain. Besides the 14 roles at 9 organisations, whoever may carry a role calls with a key that nobody knows, and
 * as somebody whose job is suspended.
 *
 * A refused call is submitted: it must come into no block and may have asked for no write. An allowed one is endorsed
 * and waits, so that all callers find the same state; in the end exactly these wait, and nothing else.
 */
#include "test/matrix/town.h"

#include "appointments/appointments.h"
#include "consent/consent.h"
#include "credentials/credentials.h"
#include "ehr/ehr.h"
#include "prescriptions/prescriptions.h"
#include "supply/supply.h"

enum { MAX_ROWS = 300, COLUMNS = 5 + TOWN_ROLES, MAX_CELL = 64, TOLD = 40 };

struct row {
    char *cells[COLUMNS]; /* chaincode, function, variant, kind, the roles, else */
    const char *variant;
    char kind;
};

static struct row rows[MAX_ROWS];
static size_t row_count;
static const lib_table *const tables[] = { &credentials_table,  &consent_table,       &ehr_table,
                                           &appointments_table, &prescriptions_table, &supply_table };
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static int read_rows(void **state)
{
    static char line[1024];
    FILE *f = fopen("test/matrix/matrix.tsv", "r");

    if (!f)
        return -1;
    while (fgets(line, sizeof(line), f)) {
        struct row *row = &rows[row_count];
        char *rest = NULL, *cell;
        size_t n = 0;

        if (*line == '#' || *line == '\n')
            continue;
        for (cell = strtok_r(strdup(line), "\t\n", &rest); cell && n < COLUMNS; cell = strtok_r(NULL, "\t\n", &rest))
            row->cells[n++] = cell;
        if (n != COLUMNS || cell || ++row_count == MAX_ROWS) {
            fprintf(stderr, "# matrix.tsv: %s has %zu cells\n", line, n);
            return -1;
        }
        row->variant = strcmp(row->cells[2], ".") == 0 ? "" : row->cells[2];
        row->kind = row->cells[3][0];
    }
    fclose(f);
    return 0;
}

/* ---- what the matrix says ---- */

/* "HC,R=issuer": whether the organisation is among the first, else the reason that is given for it, or `otherwise`. */
static const char *reason_of(const char *cell, char letter, const char *otherwise)
{
    static char reason[MAX_CELL];
    size_t n = strcspn(cell, ",");

    letter = (char)(letter - 'a' + 'A');
    if (memchr(cell, letter, n))
        return NULL;
    for (cell += n; *cell == ','; cell += n) {
        size_t letters = strcspn(++cell, "=");

        n = strcspn(cell, ",");
        if (letters < n && memchr(cell, letter, letters)) {
            snprintf(reason, sizeof(reason), "%.*s", (int)(n - letters - 1), cell + letters + 1);
            return reason;
        }
    }
    return otherwise;
}

static bool writes(const struct row *row)
{
    return row->kind == 'w' || row->kind == 'u' || row->kind == 'n';
}

/* The code that a refusal must have, NULL where the call is allowed. */
static const char *expected(const struct row *row, size_t role, char letter, town_key key)
{
    static char code[MAX_CELL + 16];
    const char *reason = reason_of(row->cells[4 + role], letter, row->cells[COLUMNS - 1]);

    if (row->kind == 'i' || row->kind == 'x')
        return "DENIED:internal";
    if (!town_carries(letter, town_roles[role]) || (letter == 'v' && writes(row)))
        return "NO_ROLE";
    if (key != TOWN_OWN)
        return key == TOWN_STRAY ? "DENIED:unbound_key" : "DENIED:suspended";
    snprintf(code, sizeof(code), "DENIED:%s", reason ? reason : "");
    return reason ? code : NULL;
}

/* ---- calling ---- */

struct tally {
    size_t functions, acts, callers, calls, differ, allowed;
};

static bool asks_for_a_write(const char *trace)
{
    static const char *const words[] = { " put ", " del ", " purge ", " metadata " };

    for (size_t i = 0; i < 4; i++)
        if (strstr(trace, words[i]))
            return true;
    return false;
}

static void differ(struct tally *tally, const struct row *row, const char *person, town_key key, const char *want,
                   fcc_test_result r)
{
    static const char *const keys[] = { "", " with a key that is not bound", " who is suspended" };

    if (tally->differ++ < TOLD)
        fprintf(stderr, "# differs: %s %s %s by %s%s: %d %.200s%s, and not %s\n", row->cells[0], row->cells[1],
                row->variant, person, keys[key], (int)r.status, r.message,
                asks_for_a_write(r.trace) ? ", with a write" : "", want ? want : "allowed");
}

/* Refused with this code, in no block, and without having asked for a write. */
static bool refused(fcc_test_result r, const char *want)
{
    char code[MAX_CELL + 32];

    if (!want)
        return false;
    snprintf(code, sizeof(code), "{\"code\":\"%s\"", want);
    return r.status == (strcmp(want, "NO_ROLE") == 0 ? 401 : 403) && strncmp(r.message, code, strlen(code)) == 0 &&
           r.code == FCC_TEST_NONE && !asks_for_a_write(r.trace);
}

static void call(struct tally *tally, const struct row *row, const town_act *act, size_t role, char letter,
                 town_key key)
{
    const char *want = expected(row, role, letter, key);
    char person[TOWN_NAME];
    bool write = writes(row), as_said;
    fcc_test_result r;

    /* newcomers are people whom nobody knows */
    snprintf(person, sizeof(person), "%s%s.%c", town_roles[role], row->kind == 'n' && act->scene > TOWN_BARE ? "8" : "",
             letter);
    r = town_call(act, person, key, !write ? FCC_TEST_EVALUATE : want ? FCC_TEST_SUBMIT : FCC_TEST_ENDORSE, NULL);
    tally->calls++;
    if (want) {
        /* what takes unbound keys as well may look at the role before the key */
        as_said = refused(r, want) ||
                  (row->kind == 'u' && key != TOWN_OWN && refused(r, expected(row, role, letter, TOWN_OWN)));
    } else {
        as_said = r.status == 200 && r.code == FCC_TEST_NONE && asks_for_a_write(r.trace) == write;
        tally->allowed += as_said && write;
    }
    if (!as_said)
        differ(tally, row, person, key, want, r);
}

/* One caller calls all of these. A caller's functions come one after the other because the certificate is then known. */
static void call_all(struct tally *tally, const struct row *const *some, size_t count, town_scene scene, size_t role,
                     char letter, town_key key)
{
    for (size_t i = 0; i < count; i++)
        if (key == TOWN_OWN || some[i]->kind != 'n')
            call(tally, some[i], town_find(some[i]->cells[0], some[i]->cells[1], some[i]->variant), role, letter, key);
    if (scene == TOWN_ALL)
        tally->callers++;
}

static void call_as_everybody(struct tally *tally, const struct row *const *some, size_t count, town_scene scene)
{
    for (size_t role = 0; role < TOWN_ROLES; role++)
        for (const char *letter = TOWN_LETTERS; *letter; letter++) {
            call_all(tally, some, count, scene, role, *letter, TOWN_OWN);
            if (scene < TOWN_PEOPLE || !town_carries(*letter, town_roles[role]))
                continue;
            call_all(tally, some, count, scene, role, *letter, TOWN_STRAY);
            if (role > 0) /* patients have no jobs */
                call_all(tally, some, count, scene, role, *letter, TOWN_SUSPENDED);
        }
}

/* In the order of the scenes, through which one channel goes. */
static void every_caller_is_answered_as_the_matrix_says(void **state)
{
    const char *chaincode = *state;
    const struct row *some[MAX_ROWS];
    struct tally tally = { 0 };
    fcc_test_block block;

    town_open();
    for (size_t scene = 0; scene < TOWN_SCENES; scene++) {
        size_t count = 0;

        town_go((town_scene)scene);
        for (size_t i = 0; i < row_count; i++) {
            const town_act *act = town_find(chaincode, rows[i].cells[1], rows[i].variant);

            if (strcmp(rows[i].cells[0], chaincode) != 0)
                continue;
            assert_non_null(act);
            if (act->scene != (town_scene)scene)
                continue;
            some[count++] = &rows[i];
            tally.acts++;
            tally.functions += *rows[i].variant == 0;
        }
        call_as_everybody(&tally, some, count, (town_scene)scene);
    }
    /* what was allowed has waited, and comes into the channel's last block: nothing else may be in it */
    block = town_commit();
    fprintf(stderr, "# %s: %zu functions in %zu acts, %zu callers: %zu calls, %zu differ\n", chaincode, tally.functions,
            tally.acts, tally.callers, tally.calls, tally.differ);
    assert_int_equal(block.count, tally.allowed);
    assert_int_equal(tally.differ, 0);
}

/* ---- the tables ---- */

static void every_function_has_its_row_and_every_row_its_function(void **state)
{
    size_t missing = 0, found;

    for (size_t t = 0; t < TABLES; t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            found = 0;
            for (size_t r = 0; r < row_count; r++)
                found += strcmp(rows[r].cells[0], tables[t]->name) == 0 &&
                         strcmp(rows[r].cells[1], tables[t]->entries[i].name) == 0;
            if (!found && ++missing)
                fprintf(stderr, "# matrix.tsv has no row for %s %s\n", tables[t]->name, tables[t]->entries[i].name);
        }
    for (size_t r = 0; r < row_count; r++) {
        found = 0;
        for (size_t t = 0; t < TABLES; t++)
            for (size_t i = 0; i < tables[t]->count; i++)
                found += strcmp(rows[r].cells[0], tables[t]->name) == 0 &&
                         strcmp(rows[r].cells[1], tables[t]->entries[i].name) == 0;
        if ((!found || !town_find(rows[r].cells[0], rows[r].cells[1], rows[r].variant)) && ++missing)
            fprintf(stderr, "# %s %s %s is a row without a function or without an act\n", rows[r].cells[0],
                    rows[r].cells[1], rows[r].variant);
    }
    assert_int_equal(missing, 0);
}

/* ehr's own question, Explain of consent, is part of its act Explain above. */
static void what_is_for_other_chaincodes_answers_them(void **state)
{
    size_t asked = 0;

    town_open();
    town_go(TOWN_ALL);
    for (size_t r = 0; r < row_count; r++) {
        const town_act *act = town_find(rows[r].cells[0], rows[r].cells[1], rows[r].variant);
        fcc_test_result result;

        if ((rows[r].kind != 'i' && rows[r].kind != 'x') || strcmp(act->function, "Explain") == 0)
            continue;
        assert_non_null(act->by);
        result = town_ask(act);
        if (result.status != 200 || !*result.payload || asks_for_a_write(result.trace) != (rows[r].kind == 'x'))
            fail_msg("%s %s asked by %s: %d %s", act->chaincode, act->function, act->by, (int)result.status,
                     result.message);
        asked++;
    }
    assert_true(asked > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_has_its_row_and_every_row_its_function),
        { "every caller of credentials is answered as the matrix says", every_caller_is_answered_as_the_matrix_says,
          NULL, town_close, (void *)"credentials" },
        { "every caller of consent is answered as the matrix says", every_caller_is_answered_as_the_matrix_says, NULL,
          town_close, (void *)"consent" },
        { "every caller of ehr is answered as the matrix says", every_caller_is_answered_as_the_matrix_says, NULL,
          town_close, (void *)"ehr" },
        { "every caller of appointments is answered as the matrix says", every_caller_is_answered_as_the_matrix_says,
          NULL, town_close, (void *)"appointments" },
        { "every caller of prescriptions is answered as the matrix says", every_caller_is_answered_as_the_matrix_says,
          NULL, town_close, (void *)"prescriptions" },
        { "every caller of supply is answered as the matrix says", every_caller_is_answered_as_the_matrix_says, NULL,
          town_close, (void *)"supply" },
        cmocka_unit_test_teardown(what_is_for_other_chaincodes_answers_them, town_close),
    };

    return cmocka_run_group_tests(tests, read_rows, NULL);
}
