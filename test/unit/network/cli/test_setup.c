/* What `medsync setup` plans: the places of licences in their status list. */
#include "cli/setup.h"
#include "msp/internal.h"
#include "msp/material.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LICENCES_MOST = 200, PLACE_ARG = 6 };

static char dir[64] = "/tmp/medsync-setup-XXXXXX";
static config_network *network;

static int begin(void **state)
{
    char crypto[80];
    fcc_error error = { 0 };

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(crypto, sizeof(crypto), "%s/crypto", dir);
    if (config_load("network/network.yaml", &network, &error) == FCC_OK &&
        msp_generate(network, crypto, &error) == FCC_OK)
        return 0;
    fprintf(stderr, "# %s\n", error.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    config_free(network);
    msp__remove_tree(dir);
    return 0;
}

/* Randomness that says everything three times. */
static unsigned drawn;

static bool stammer(uint8_t *out, size_t len)
{
    const unsigned n = drawn++ / 3;

    memset(out, 0, len);
    out[3] = (uint8_t)n; /* what a place is made of */
    out[2] = (uint8_t)(n >> 8);
    return true;
}

/* The licences of a plan, by whose they are; their places are all different. */
static size_t plan_places(const char *places[], const char *holders[], fcc__arena *arena)
{
    fcc_error error = { 0 };
    setup_plan plan = { .arena = arena, .network = network, .dir = dir, .random = stammer, .error = &error };
    size_t n = 0;

    setup_add_council(&plan);
    assert_int_equal(plan.st, FCC_OK);
    for (size_t i = 0; i < plan.count; i++) {
        const setup_act *act = &plan.acts[i];

        if (!fcc_bytes_equal(act->args[0], fcc_str("IssueCredential")))
            continue;
        assert_true(n < LICENCES_MOST);
        holders[n] = act->about;
        places[n++] = (const char *)act->args[PLACE_ARG].data;
    }
    assert_true(n > 3);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(places[i], places[k]);
    return n;
}

static void no_two_licences_have_the_same_place(void **state)
{
    const char *places[LICENCES_MOST], *again[LICENCES_MOST], *holders[LICENCES_MOST];
    fcc__arena *arena = fcc__arena_new(32 << 20);
    char path[200];
    size_t n;

    (void)state;
    n = plan_places(places, holders, arena);

    /* what was made stays as it is */
    assert_int_equal(plan_places(again, holders, arena), n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(again[i], places[i]);

    /* one that is made anew takes no place of those that are planned behind it */
    snprintf(path, sizeof(path), "%s/credentials/%s-MedicalLicence.json", dir, holders[0]);
    assert_int_equal(unlink(path), 0);
    drawn = 3 * (unsigned)strtoul(places[1], NULL, 10); /* the next one draws its place */
    assert_int_equal(plan_places(again, holders, arena), n);
    assert_string_not_equal(again[0], places[1]);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_licences_have_the_same_place),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
