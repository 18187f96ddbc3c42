/*
 * gateway_client: what a client does at a gateway, with signatures made apart from the client, and with events that are
 * taken up again where they were left.
 *
 *     gateway_client --net DIR        the network of two_orgs; prints TAP
 */
#include "client/client.h"
#include "msp/msp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long it waits for what comes, and until it believes that nothing does. */
enum { ARENA = 1 << 24, COMES_MS = 60000, NOTHING_MS = 1000 };

static client *c;
static fcc__arena *arena;
static int tests, failed;

static void check(const char *what, bool ok)
{
    printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
    failed += !ok;
}

/* run one step: an operation of the probe and its arguments, as JSON. */
static client_call call_of(const fcc_bytes *args, size_t count)
{
    return (client_call){ .chaincode = "probe", .args = args, .arg_count = count };
}

static msp_signer *signer_of(const char *dir, const char *domain, const char *user, const char *mspid)
{
    char path[4096];
    msp_signer *signer = NULL;
    fcc_error error;

    snprintf(path, sizeof(path), "%s/crypto/peerOrganizations/%s/users/%s@%s/msp", dir, domain, user, domain);
    if (msp_signer_load(path, mspid, &signer, &error) != FCC_OK) {
        fprintf(stderr, "gateway_client: %s\n", error.text);
        exit(2);
    }
    return signer;
}

/* ---- offline signing ---- */

/* Everything signed by `signer`, elsewhere; the code of the submit, and the validation when it was taken. */
static int offline(const msp_signer *proposer, const msp_signer *submitter, const char *key, int *validation)
{
    char *step = fcc__arena_printf(arena, "[\"PutState\",\"%s\",\"v\"]", key);
    const fcc_bytes args[] = { FCC_LIT("run"), fcc_str(step) };
    client_call call = call_of(args, 2);
    client_transaction transaction;
    client_proposal proposal;
    client_answer answer = { 0 };
    fcc_error error = { 0 };

    *validation = -1;
    if (client_propose(c, &call, arena, &proposal, &error) != FCC_OK ||
        msp_sign(proposer, &proposal.bytes, 1, arena, &proposal.signature) != FCC_OK)
        abort();
    if (client_endorse(c, &call, &proposal, arena, &transaction, &answer, &error) != FCC_OK)
        return answer.rpc_code;
    if (msp_sign(submitter, &transaction.payload, 1, arena, &transaction.signature) != FCC_OK)
        abort();
    if (client_submit(c, &transaction, arena, &answer, &error) == FCC_OK &&
        client_commit_status(c, transaction.txid, arena, &answer, &error) == FCC_OK)
        *validation = answer.validation;
    return answer.rpc_code;
}

static bool has_key(const char *key)
{
    char *step = fcc__arena_printf(arena, "[\"GetState\",\"%s\"]", key);
    const fcc_bytes args[] = { FCC_LIT("run"), fcc_str(step) };
    client_call call = call_of(args, 2);
    client_answer answer = { 0 };
    fcc_error error;

    return client_query(c, &call, arena, &answer, &error) == FCC_OK &&
           fcc_bytes_equal(answer.payload, FCC_LIT("[\"76\"]"));
}

static void test_offline(const char *dir)
{
    msp_signer *own = signer_of(dir, "org1.test", "User1", "Org1MSP");
    msp_signer *other = signer_of(dir, "org2.test", "User1", "Org2MSP");
    int validation;

    check("a proposal and a transaction signed elsewhere are taken",
          offline(own, own, "signed", &validation) == 0 && validation == 0 && has_key("signed"));
    check("a proposal that somebody else signed is refused",
          offline(other, own, "p", &validation) == 10 && !has_key("p"));
    check("a transaction that somebody else signed is refused",
          offline(own, other, "t", &validation) == 10 && !has_key("t"));
    msp_signer_free(own);
    msp_signer_free(other);
}

/* ---- events ---- */

struct seen {
    size_t count, limit;
    char names[8][16], txids[8][65];
    uint64_t blocks[8];
};

static bool note(void *ctx, const client_event *event)
{
    struct seen *s = ctx;

    snprintf(s->names[s->count], sizeof(s->names[0]), FCC_FMT, FCC_ARG(event->name));
    snprintf(s->txids[s->count], sizeof(s->txids[0]), FCC_FMT, FCC_ARG(event->txid));
    s->blocks[s->count] = event->block;
    return ++s->count < s->limit;
}

static struct seen listen(int64_t from, const char *after, size_t limit, int64_t idle_ms)
{
    client_events_options options = {
        .chaincode = "probe", .from_block = from, .after_txid = after, .idle_ms = idle_ms
    };
    struct seen s = { .limit = limit };
    fcc_error error;

    if (client_events(c, &options, note, &s, &error) != FCC_OK)
        printf("# events: %s\n", error.text);
    return s;
}

static void emit(const char *name)
{
    char *step = fcc__arena_printf(arena, "[\"SetEvent\",\"%s\",\"payload\"]", name);
    const fcc_bytes args[] = { FCC_LIT("run"), fcc_str(step) };
    client_call call = call_of(args, 2);
    client_answer answer;
    fcc_error error;

    if (client_invoke(c, &call, arena, &answer, &error) != FCC_OK) {
        fprintf(stderr, "gateway_client: %s\n", error.text);
        exit(2);
    }
}

static bool names_are(const struct seen *s, size_t count, const char *first, const char *last)
{
    return s->count == count && strcmp(s->names[0], first) == 0 && strcmp(s->names[count - 1], last) == 0;
}

static void test_events(void)
{
    struct seen all, some;

    emit("one");
    emit("two");
    emit("three");
    all = listen(0, NULL, 3, COMES_MS);
    check("events come from the first block on, in order", names_are(&all, 3, "one", "three"));
    some = listen((int64_t)all.blocks[1], NULL, 2, COMES_MS);
    check("... and from another block on", names_are(&some, 2, "two", "three"));
    some = listen(0, all.txids[0], 2, COMES_MS);
    check("a transaction as checkpoint: what came after it, whatever the start", names_are(&some, 2, "two", "three"));
    some = listen((int64_t)all.blocks[2], all.txids[1], 1, COMES_MS);
    check("... from its block on, also when the start is later", names_are(&some, 1, "three", "three"));
    some = listen(0, all.txids[2], 1, NOTHING_MS);
    check("after the last one nothing comes", some.count == 0);
    some = listen(0, "0000000000000000000000000000000000000000000000000000000000000000", 1, NOTHING_MS);
    check("after a transaction that isn't there nothing comes, as in Fabric", some.count == 0);
}

int main(int argc, char **argv)
{
    client_options options = { .user = "User1", .org = "Org1MSP" };
    fcc_error error;

    if (argc != 3 || strcmp(argv[1], "--net") != 0) {
        fputs("usage: gateway_client --net DIR\n", stderr);
        return 2;
    }
    options.dir = argv[2];
    arena = fcc__arena_new(ARENA);
    if (!arena || client_open(&options, &c, &error) != FCC_OK) {
        fprintf(stderr, "gateway_client: %s\n", error.text);
        return 2;
    }
    test_offline(options.dir);
    test_events();
    printf("1..%d\n", tests);
    client_close(c);
    fcc__arena_free(arena);
    return failed > 0;
}
