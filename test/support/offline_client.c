/*
 * offline_client: a client without a key, whose signatures are made by somebody who knows nothing of the network. For
 * test/integration/offline_client.sh.
 *
 *   offline_client DIR MSPDIR MSPID evaluate CHAINCODE ARG...
 *   offline_client DIR MSPDIR MSPID submit CHAINCODE ARG...        prints the answer, its block and code
 *   offline_client DIR MSPDIR MSPID endorse FILE CHAINCODE ARG...  leaves the endorsed transaction in FILE
 *   offline_client DIR MSPDIR MSPID send FILE                      submits it
 *   offline_client DIR MSPDIR MSPID events CHAINCODE FROM COUNT    prints block, transaction, name, payload
 *   offline_client DIR MSPDIR MSPID blocks|filtered|private|ordered FROM COUNT
 *
 * With FORGE set in the environment the signatures are over something else.
 */
#include "client/direct.h"
#include "msp/msp.h"
#include "protos/unpack.h"

#include "peer/events.pb-c.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_MS = 20000, TRANSACTION_MAX = 1 << 20 };

typedef struct state {
    client *c;
    msp_signer *wallet; /* the somebody */
    fcc__arena *arena;
    long left;
} state;

static _Noreturn void end(const char *why)
{
    fprintf(stderr, "offline_client: %s\n", why);
    exit(1);
}

static fcc_bytes sign(const state *s, fcc_bytes bytes)
{
    const fcc_bytes other = FCC_LIT("something else");
    fcc_bytes signature;

    if (msp_sign(s->wallet, getenv("FORGE") ? &other : &bytes, 1, s->arena, &signature) != FCC_OK)
        end("the wallet does not sign");
    return signature;
}

static void must(fcc_status st, const fcc_error *error)
{
    if (st != FCC_OK)
        end(error->text);
}

static void send(const state *s, client_transaction *t, client_answer *answer)
{
    fcc_error error = { 0 };
    fcc_bytes request;

    t->signature = sign(s, t->payload);
    must(client_submit(s->c, t, s->arena, answer, &error), &error);
    must(client_commit_request(s->c, t->txid, s->arena, &request, &error), &error);
    must(client_commit_signed(s->c, request, sign(s, request), s->arena, answer, &error), &error);
    printf(FCC_FMT " %llu %s %s\n", FCC_ARG(answer->payload), (unsigned long long)answer->block, t->txid,
           client_validation_name(answer->validation));
}

/* Its id, then what is to be signed. */
static void write_transaction(const char *path, const client_transaction *t)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(t->txid, sizeof(t->txid), 1, f) != 1 || fwrite(t->payload.data, t->payload.len, 1, f) != 1 ||
        fclose(f) != 0)
        end(path);
}

static void send_file(const state *s, const char *path)
{
    uint8_t *room = fcc__arena_alloc(s->arena, TRANSACTION_MAX);
    client_answer answer = { 0 };
    client_transaction t = { 0 };
    FILE *f = fopen(path, "rb");

    if (!f || !room || fread(t.txid, sizeof(t.txid), 1, f) != 1)
        end(path);
    t.payload = fcc_bytes_of(room, fread(room, 1, TRANSACTION_MAX, f));
    fclose(f);
    send(s, &t, &answer);
}

/* `file` is where an endorsed transaction goes; NULL: to the orderer. */
static void call(const state *s, bool submit, const char *file, int argc, char **argv)
{
    fcc_bytes args[16];
    client_call what = { .chaincode = argv[0], .args = args };
    client_answer answer = { 0 };
    client_transaction t;
    client_proposal p;
    fcc_error error = { 0 };
    int i;

    for (i = 1; i < argc && i < 16; i++)
        args[what.arg_count++] = fcc_str(argv[i]);
    if (client_propose(s->c, &what, s->arena, &p, &error) != FCC_ERR_ARG)
        end("it has a key of its own");
    must(client_prepare(s->c, &what, s->arena, &p, &error), &error);
    p.signature = sign(s, p.bytes);
    if (!submit) {
        must(client_evaluate(s->c, &what, &p, s->arena, &answer, &error), &error);
        printf(FCC_FMT "\n", FCC_ARG(answer.payload));
        return;
    }
    must(client_endorse(s->c, &what, &p, s->arena, &t, &answer, &error), &error);
    if (file)
        write_transaction(file, &t);
    else
        send(s, &t, &answer);
}

static bool on_event(void *ctx, const client_event *e)
{
    state *s = ctx;

    printf("%llu " FCC_FMT " " FCC_FMT " " FCC_FMT "\n", (unsigned long long)e->block, FCC_ARG(e->txid),
           FCC_ARG(e->name), FCC_ARG(e->payload));
    return --s->left > 0;
}

static void events(state *s, char **argv)
{
    client_events_options o = { .chaincode = argv[0], .from_block = atol(argv[1]), .idle_ms = IDLE_MS };
    fcc_error error = { 0 };

    s->left = atol(argv[2]);
    must(client_events_request(s->c, &o, s->arena, &o.request, &error), &error);
    o.signature = sign(s, o.request);
    must(client_events(s->c, &o, on_event, s, &error), &error);
}

static bool on_block(void *ctx, uint64_t number, fcc_bytes message)
{
    state *s = ctx;

    printf("%llu %zu\n", (unsigned long long)number, message.len);
    return --s->left > 0;
}

static bool on_filtered(void *ctx, uint64_t number, fcc_bytes message)
{
    state *s = ctx;
    Protos__FilteredBlock *b;
    size_t i;

    if (FCC__UNPACK(protos__filtered_block, message, s->arena, &b) != FCC_OK)
        end("no FilteredBlock");
    for (i = 0; i < b->n_filtered_transactions; i++)
        printf("%llu " FCC_FMT " %s\n", (unsigned long long)number,
               FCC_ARG(fcc__of_pb(b->filtered_transactions[i]->txid)),
               client_validation_name((int)b->filtered_transactions[i]->tx_validation_code));
    return --s->left > 0;
}

static bool on_private(void *ctx, uint64_t number, fcc_bytes message)
{
    state *s = ctx;
    Protos__BlockAndPrivateData *b;

    if (FCC__UNPACK(protos__block_and_private_data, message, s->arena, &b) != FCC_OK)
        end("no BlockAndPrivateData");
    printf("%llu %zu\n", (unsigned long long)number, b->n_private_data_map);
    return --s->left > 0;
}

static void blocks(state *s, client_source source, char **argv)
{
    client_blocks_options o = { .source = source, .from = atol(argv[0]), .to = CLIENT_FOREVER, .idle_ms = IDLE_MS };
    fcc_error error = { 0 };

    s->left = atol(argv[1]);
    must(client_blocks_request(s->c, &o, s->arena, &o.request, &error), &error);
    o.signature = sign(s, o.request);
    must(client_blocks(s->c, &o,
                       source == CLIENT_FILTERED  ? on_filtered
                       : source == CLIENT_PRIVATE ? on_private
                                                  : on_block,
                       s, &error),
         &error);
}

/* The one certificate of MSPDIR/signcerts. */
static const char *certificate(fcc__arena *arena, const char *msp_dir)
{
    const char *path = fcc__arena_printf(arena, "%s/signcerts", msp_dir);
    DIR *d = opendir(path);
    struct dirent *e;
    const char *found = NULL;

    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.')
            found = fcc__arena_printf(arena, "%s/%s", path, e->d_name);
    if (d)
        closedir(d);
    if (!found)
        end("no certificate");
    return found;
}

int main(int argc, char **argv)
{
    static const char *const sources[] = { "blocks", "filtered", "private", "ordered" };
    state s = { .arena = fcc__arena_new(256 << 20) };
    client_options o = { 0 };
    fcc_error error = { 0 };
    size_t i;

    if (argc < 6 || (argc < 7 && strcmp(argv[4], "send")) || !s.arena)
        end("DIR MSPDIR MSPID WHAT ...");
    o.dir = argv[1];
    o.org = argv[3];
    o.certificate = certificate(s.arena, argv[2]);
    must(msp_signer_load(argv[2], argv[3], &s.wallet, &error), &error);
    must(client_open(&o, &s.c, &error), &error);
    if (!strcmp(argv[4], "evaluate") || !strcmp(argv[4], "submit"))
        call(&s, argv[4][0] == 's', NULL, argc - 5, argv + 5);
    else if (!strcmp(argv[4], "endorse"))
        call(&s, true, argv[5], argc - 6, argv + 6);
    else if (!strcmp(argv[4], "send"))
        send_file(&s, argv[5]);
    else if (!strcmp(argv[4], "events") && argc == 8)
        events(&s, argv + 5);
    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (!strcmp(argv[4], sources[i]))
            blocks(&s, (client_source)i, argv + 5);
    client_close(s.c);
    msp_signer_free(s.wallet);
    fcc__arena_free(s.arena);
    return 0;
}
