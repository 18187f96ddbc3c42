/*
 * ask_custodian DIR USER ORG CUSTODY AUDIT REC...: ask the custodian of CUSTODY (an MSP id) as this user for the keys of
 * these records under this request for access, and say of each whether it was released.
 * MSP_DIR and MSPID in the environment: with these keys instead of the user's. Exit status 1: no answer.
 */
#include "custodian/custodian.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    client_options options = { 0 };
    custodian_address where;
    custodian_reader *reader = NULL;
    custodian_key *keys = NULL;
    client *who = NULL;
    fcc__arena *arena = fcc__arena_new(1 << 20);
    fcc_error error = { 0 };
    int i, n = argc - 6, status = 1;

    if (!arena || n < 1) {
        fprintf(stderr, "usage: ask_custodian DIR USER ORG CUSTODY AUDIT REC...\n");
        return 2;
    }
    options.dir = argv[1];
    options.user = argv[2];
    options.org = argv[3];
    options.msp_dir = getenv("MSP_DIR");
    options.mspid = getenv("MSPID");
    keys = calloc((size_t)n, sizeof(*keys));
    if (client_open(&options, &who, &error) != FCC_OK ||
        custodian_find(argv[1], argv[4], arena, &where, &error) != FCC_OK ||
        custodian_connect(&where, who, &reader, &error) != FCC_OK ||
        custodian_ask(reader, argv[5], (const char *const *)(argv + 6), (size_t)n, keys, &error) != FCC_OK) {
        printf("error: %s\n", error.text);
        goto out;
    }
    for (i = 0; i < n; i++)
        printf("%s %s\n", argv[6 + i], keys[i].released ? "released" : "refused");
    status = 0;
out:
    custodian_disconnect(reader);
    client_close(who);
    free(keys);
    fcc__arena_free(arena);
    return status;
}
