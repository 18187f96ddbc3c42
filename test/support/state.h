/*
 * state.h: for the tests of upgrades: a chaincode with one more function, which puts state where an earlier version had put
 * it, and the files that hold such state.
 */
#ifndef TEST_SUPPORT_STATE_H
#define TEST_SUPPORT_STATE_H

#include "test/support/health.h"

/* Collection (or -), key and value, as often as it likes. */
static inline fcc_status state_load_all(fcc_stub *stub, fcc_args args)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; i + 2 < args.n && st == FCC_OK; i += 3)
        st = fcc_bytes_equal(args.v[i], FCC_LIT("-"))
                 ? fcc_put_state(stub, args.v[i + 1], args.v[i + 2])
                 : fcc_put_private_data(stub, args.v[i], args.v[i + 1], args.v[i + 2]);
    return st;
}

/* The chaincode with the function Load. Static: one a program. */
static inline const fcc_chaincode *state_with_load(const fcc_chaincode *of)
{
    static fcc_function functions[64];
    static fcc_chaincode with;

    assert_true(of->count < sizeof(functions) / sizeof(functions[0]));
    memcpy(functions, of->functions, of->count * sizeof(functions[0]));
    functions[of->count] = (fcc_function){ "Load", state_load_all, FCC_ANY_ARGS };
    with = *of;
    with.functions = functions;
    with.count = of->count + 1;
    return &with;
}

enum { state_most_lines = 128 };

/* Each line's collection (or -), key with '~' in place of U+0000, and value. There have to be `lines` of them. */
static inline void state_load(const char *chaincode, const char *path, size_t lines)
{
    static char text[state_most_lines][4000];
    fcc_bytes args[1 + 3 * state_most_lines] = { FCC_LIT("Load") };
    FILE *file = fopen(path, "rb");
    size_t n = 0;

    if (!file)
        fail_msg("%s can't be opened", path);
    while (n < state_most_lines && fgets(text[n], sizeof(text[n]), file)) {
        char *line = text[n], *key = strchr(line, '\t'), *value = key ? strchr(key + 1, '\t') : NULL;

        if (line[0] == '#')
            continue;
        assert_non_null(value);
        *key++ = 0;
        *value++ = 0;
        value[strcspn(value, "\n")] = 0;
        args[1 + 3 * n] = fcc_str(line);
        args[2 + 3 * n] = fcc_bytes_of(key, strlen(key));
        args[3 + 3 * n] = fcc_str(value);
        for (; *key; key++)
            if (*key == '~')
                *key = 0;
        n++;
    }
    fclose(file);
    assert_int_equal(n, lines);
    assert_accepted(fcc_test_call(world, FCC_TEST_SUBMIT, chaincode, args, 1 + 3 * n));
}

#endif
