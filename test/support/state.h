/*
 * state.h: for the tests of upgrades: a chaincode with one more function, which puts state where an earlier version had put
 * it, and the files that hold such state.
 */
#ifndef TEST_SUPPORT_STATE_H
#define TEST_SUPPORT_STATE_H

#include "test/support/health.h"

static inline fcc_status state_load_one(fcc_stub *stub, fcc_args args)
{
    if (fcc_bytes_equal(args.v[0], FCC_LIT("-")))
        return fcc_put_state(stub, args.v[1], args.v[2]);
    return fcc_put_private_data(stub, args.v[0], args.v[1], args.v[2]);
}

/* The chaincode with the function Load. Static: one a program. */
static inline const fcc_chaincode *state_with_load(const fcc_chaincode *of)
{
    static fcc_function functions[64];
    static fcc_chaincode with;

    assert_true(of->count < sizeof(functions) / sizeof(functions[0]));
    memcpy(functions, of->functions, of->count * sizeof(functions[0]));
    functions[of->count] = (fcc_function){ "Load", state_load_one, 3 };
    with = *of;
    with.functions = functions;
    with.count = of->count + 1;
    return &with;
}

/* Each line's collection (or -), key with '~' in place of U+0000, and value. There have to be `lines` of them. */
static inline void state_load(const char *chaincode, const char *path, size_t lines)
{
    static char line[4000];
    FILE *file = fopen(path, "rb");
    size_t n = 0;

    if (!file)
        fail_msg("%s can't be opened", path);
    while (fgets(line, sizeof(line), file)) {
        char *key = strchr(line, '\t'), *value = key ? strchr(key + 1, '\t') : NULL;
        fcc_bytes args[4] = { FCC_LIT("Load") };

        if (line[0] == '#')
            continue;
        assert_non_null(value);
        *key++ = 0;
        *value++ = 0;
        value[strcspn(value, "\n")] = 0;
        args[1] = fcc_str(line);
        args[2] = key_of(key);
        args[3] = fcc_str(value);
        assert_accepted(fcc_test_call(world, FCC_TEST_SUBMIT, chaincode, args, 4));
        n++;
    }
    fclose(file);
    assert_int_equal(n, lines);
}

#endif
