/*
 * ask_custodian DIR USER ORG CUSTODY AUDIT REC...: ask the custodian of CUSTODY (an MSP id) as this user for the keys of
 * these records under this request for access, and say of each whether it was released.
 * MSP_DIR and MSPID in the environment: with these keys instead of the user's. Exit status 1: no answer.
 * HOLD=N in the environment: instead of asking, open N calls and leave them so, until killed; BYTES=N: so many bytes are said
 * in each. How a call ends is told.
 */
#include "custodian/custodian.h"
#include "msp/msp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    (void)call;
    (void)ctx;
    (void)message;
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    (void)call;
    (void)ctx;
    printf("ended: %s: " FCC_FMT "\n", rpc_code_name(status->code), FCC_ARG(status->message));
    fflush(stdout);
}

static fcc_status hold(const custodian_address *where, const client *who, int calls, size_t bytes, fcc_error *error)
{
    static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };
    fcc__arena *arena = fcc__arena_new(1 << 22);
    const size_t room = 1 << 20;
    char *ca = fcc__arena_zalloc(arena, 1, room);
    FILE *f = fopen(where->tls_ca, "rb");
    rpc_tls tls = { .cert = msp_signer_certificate(client_signer(who)), .server_name = where->name };
    rpc_loop *loop;
    rpc_channel *channel;
    fcc_status st = f && ca ? msp_signer_key(client_signer(who), arena, &tls.key) : FCC_ERR_IO;

    if (st != FCC_OK)
        return st;
    tls.ca = fcc_bytes_of((uint8_t *)ca, fread(ca, 1, room - 1, f));
    fclose(f);
    if ((st = rpc_loop_new(&loop, error)) != FCC_OK ||
        (st = rpc_channel_new(loop, where->address, &tls, &channel, error)) != FCC_OK)
        return st;
    for (int i = 0; i < calls && st == FCC_OK; i++) {
        rpc_call *call;

        st = rpc_open(channel, "/medsync.Custodian/Release", -1, true, &events, NULL, &call);
        if (st == FCC_OK && bytes > 0)
            st = rpc_send(call, fcc_bytes_of(fcc__arena_zalloc(arena, 1, bytes), bytes));
    }
    if (st == FCC_OK)
        rpc_loop_run(loop);
    return st;
}

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
        (getenv("HOLD") && hold(&where, who, atoi(getenv("HOLD")),
                                getenv("BYTES") ? strtoul(getenv("BYTES"), NULL, 10) : 0, &error) != FCC_OK) ||
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
