/*
 * gateway: what evaluations and transactions take at a gateway, and what they cost the network.
 *
 *     gateway DIR PID evaluate|submit IN_FLIGHT COUNT [ORG]
 *
 * DIR is the network's directory; the CPU time of process PID and of its children is told as well. Each call is one get and
 * one put (`rw 1 KEY` of the chaincode `bench`), of a key of its own when it is submitted: endorsed, signed, submitted and
 * waited for. Proposals are made and signed beforehand, which leaves the client's part of a rate small.
 */
#include "client/private.h"

#include "gateway/gateway.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ARENA = 1 << 30, SLOT_ARENA = 1 << 24, MOST_IN_FLIGHT = 400, MOST_COUNT = 1000000, TIMEOUT_MS = 30000 };
enum step { ENDORSE, SUBMIT, COMMIT_STATUS, EVALUATE, STEPS };

static const char *const paths[STEPS] = { "/gateway.Gateway/Endorse", "/gateway.Gateway/Submit",
                                          "/gateway.Gateway/CommitStatus", "/gateway.Gateway/Evaluate" };

/* One transaction or evaluation on its way. */
struct slot {
    fcc__arena *arena; /* of what was answered last */
    enum step step;
    size_t number; /* of its proposal */
    fcc_bytes answer;
    int64_t began_ns, step_ns;
};

static client *c;
static fcc__arena *arena;
static bool submits;
static fcc_bytes *requests; /* the first of each, packed */
static char (*txids)[65];
static size_t count, started, ended;
static double *whole_ms, *step_ms[STEPS];

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "gateway: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void make_request(size_t n)
{
    const char *key = fcc__arena_printf(arena, "%s%" PRId64, submits ? "k" : "e",
                                        submits ? now_ns() : (int64_t)n % 100);
    const fcc_bytes args[] = { FCC_LIT("rw"), FCC_LIT("1"), fcc_str(key) };
    const client_call call = { .chaincode = "bench", .args = args, .arg_count = 3 };
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Gateway__EvaluateRequest evaluate = GATEWAY__EVALUATE_REQUEST__INIT;
    Gateway__EndorseRequest endorse = GATEWAY__ENDORSE_REQUEST__INIT;
    client_proposal p;
    fcc_error error;

    if (client_propose(c, &call, arena, &p, &error) != FCC_OK)
        fail("a proposal", error.text);
    memcpy(txids[n], p.txid, sizeof(p.txid));
    signed_proposal.proposal_bytes = fcc__pb(p.bytes);
    signed_proposal.signature = fcc__pb(p.signature);
    evaluate.transaction_id = endorse.transaction_id = fcc__pb(fcc_str(p.txid));
    evaluate.channel_id = endorse.channel_id = fcc__pb(fcc_str(client_channel(c)));
    evaluate.proposed_transaction = endorse.proposed_transaction = &signed_proposal;
    if ((submits ? fcc__pack(&endorse, arena, &requests[n]) : fcc__pack(&evaluate, arena, &requests[n])) != FCC_OK)
        fail("a proposal", "too large");
}

/* From what Endorse answered. */
static fcc_bytes submit_request(const struct slot *slot)
{
    Gateway__SubmitRequest request = GATEWAY__SUBMIT_REQUEST__INIT;
    Gateway__EndorseResponse *endorsed;
    fcc_bytes signature, out;
    fcc_error error;

    if (FCC__UNPACK(gateway__endorse_response, slot->answer, slot->arena, &endorsed) != FCC_OK ||
        !endorsed->prepared_transaction)
        fail(paths[ENDORSE], "no transaction");
    if (client__sign(c, "the transaction", fcc__of_pb(endorsed->prepared_transaction->payload), slot->arena, &signature,
                     &error) != FCC_OK)
        fail(paths[SUBMIT], error.text);
    request.transaction_id = fcc__pb(fcc_str(txids[slot->number]));
    request.channel_id = fcc__pb(fcc_str(client_channel(c)));
    request.prepared_transaction = endorsed->prepared_transaction;
    request.prepared_transaction->signature = fcc__pb(signature);
    if (fcc__pack(&request, slot->arena, &out) != FCC_OK)
        fail(paths[SUBMIT], "too large");
    return out;
}

static fcc_bytes status_request(const struct slot *slot)
{
    Gateway__SignedCommitStatusRequest outer = GATEWAY__SIGNED_COMMIT_STATUS_REQUEST__INIT;
    fcc_bytes request, signature, out;
    fcc_error error;

    if (client_commit_request(c, txids[slot->number], slot->arena, &request, &error) != FCC_OK ||
        client__sign(c, "the request", request, slot->arena, &signature, &error) != FCC_OK)
        fail(paths[COMMIT_STATUS], error.text);
    outer.request = fcc__pb(request);
    outer.signature = fcc__pb(signature);
    if (fcc__pack(&outer, slot->arena, &out) != FCC_OK)
        fail(paths[COMMIT_STATUS], "too large");
    return out;
}

static void check_committed(const struct slot *slot)
{
    Gateway__CommitStatusResponse *response;

    if (FCC__UNPACK(gateway__commit_status_response, slot->answer, slot->arena, &response) != FCC_OK)
        fail(paths[COMMIT_STATUS], "no answer of its kind");
    if (response->result != 0)
        fail("the transaction", client_validation_name((int)response->result));
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void call(struct slot *slot, enum step step, fcc_bytes request);

static void begin(struct slot *slot)
{
    if (started == count)
        return;
    slot->number = started++;
    slot->began_ns = now_ns();
    call(slot, submits ? ENDORSE : EVALUATE, requests[slot->number]);
}

static void on_message(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    struct slot *slot = ctx;

    (void)rpc;
    fcc__arena_reset(slot->arena);
    if (!fcc__arena_copy(slot->arena, message, &slot->answer))
        fail(paths[slot->step], "too large an answer");
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    struct slot *slot = ctx;

    (void)rpc;
    if (status->code != RPC_OK) {
        fprintf(stderr, "gateway: %s: %s: " FCC_FMT "\n", paths[slot->step], rpc_code_name(status->code),
                FCC_ARG(status->message));
        exit(1);
    }
    step_ms[slot->step][slot->number] = (double)(now_ns() - slot->step_ns) / 1e6;
    if (slot->step == ENDORSE) {
        call(slot, SUBMIT, submit_request(slot));
    } else if (slot->step == SUBMIT) {
        call(slot, COMMIT_STATUS, status_request(slot));
    } else {
        if (slot->step == COMMIT_STATUS)
            check_committed(slot);
        whole_ms[slot->number] = (double)(now_ns() - slot->began_ns) / 1e6;
        begin(slot);
        if (++ended == count)
            rpc_loop_stop(c->loop);
    }
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

static void call(struct slot *slot, enum step step, fcc_bytes request)
{
    rpc_call *rpc;

    slot->step = step;
    slot->step_ns = now_ns();
    if (rpc_open(c->connection, paths[step], TIMEOUT_MS, true, &events, slot, &rpc) != FCC_OK ||
        rpc_send(rpc, request) != FCC_OK)
        fail(paths[step], "no call can be made");
    rpc_half_close(rpc);
}

/* ---- the network's CPU time -------------------------------------------------------------------------------------- */

/* Of a process and its children, in seconds. */
static double cpu_of(long pid)
{
    char path[64], stat[1024];
    unsigned long user = 0, system = 0;
    double sum = 0;
    const char *at;
    FILE *f;
    long child;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (!f || !fgets(stat, sizeof(stat), f) || !(at = strrchr(stat, ')')) ||
        sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail(path, "not readable");
    fclose(f);
    sum = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", pid, pid);
    f = fopen(path, "r");
    while (f && fscanf(f, "%ld", &child) == 1)
        sum += cpu_of(child);
    if (f)
        fclose(f);
    return sum;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static void print_quantiles(const char *what, double *ms)
{
    qsort(ms, count, sizeof(*ms), by_value);
    printf("  %-30s p50 %7.2f ms, p90 %7.2f, p99 %7.2f\n", what, ms[count / 2], ms[count * 9 / 10],
           ms[count * 99 / 100]);
}

static size_t number(const char *what, const char *text, size_t most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*end || n < 1 || n > most) {
        fprintf(stderr, "gateway: %s %s: a number from 1 to %zu is wanted\n", what, text, most);
        exit(2);
    }
    return (size_t)n;
}

static void run(long pid, size_t in_flight)
{
    struct slot *slots = fcc__arena_zalloc(arena, in_flight, sizeof(*slots));
    int64_t began;
    double cpu, seconds;

    for (size_t i = 0; i < in_flight; i++)
        if (!slots || !(slots[i].arena = fcc__arena_new(SLOT_ARENA)))
            fail("the run", "out of memory");
    cpu = cpu_of(pid);
    began = now_ns();
    for (size_t i = 0; i < in_flight; i++)
        begin(&slots[i]);
    rpc_loop_run(c->loop);
    seconds = (double)(now_ns() - began) / 1e9;
    cpu = cpu_of(pid) - cpu;
    printf("%s, %zu in flight: %.0f /s, %.0f us of the network's CPU time each\n", submits ? "submit" : "evaluate",
           in_flight, (double)count / seconds, cpu * 1e6 / (double)count);
    print_quantiles("from beginning to end", whole_ms);
    for (size_t i = 0; i < EVALUATE && submits; i++)
        print_quantiles(paths[i], step_ms[i]);
    for (size_t i = 0; i < in_flight; i++)
        fcc__arena_free(slots[i].arena);
}

int main(int argc, char **argv)
{
    client_options options = { 0 };
    size_t pid, in_flight;
    fcc_error error;

    if (argc < 6 || argc > 7 || (strcmp(argv[3], "evaluate") != 0 && strcmp(argv[3], "submit") != 0)) {
        fprintf(stderr, "usage: gateway DIR PID evaluate|submit IN_FLIGHT COUNT [ORG]\n");
        return 2;
    }
    options.dir = argv[1];
    options.org = argv[6];
    pid = number("PID", argv[2], SIZE_MAX / 2);
    submits = strcmp(argv[3], "submit") == 0;
    in_flight = number("IN_FLIGHT", argv[4], MOST_IN_FLIGHT);
    count = number("COUNT", argv[5], MOST_COUNT);
    arena = fcc__arena_new(ARENA);
    if (!arena || client_open(&options, &c, &error) != FCC_OK)
        fail(argv[1], arena ? error.text : "out of memory");
    requests = fcc__arena_zalloc(arena, count, sizeof(*requests));
    txids = fcc__arena_zalloc(arena, count, sizeof(*txids));
    whole_ms = fcc__arena_zalloc(arena, count, sizeof(*whole_ms));
    for (size_t i = 0; i < STEPS; i++)
        step_ms[i] = fcc__arena_zalloc(arena, count, sizeof(*step_ms[i]));
    if (!requests || !txids || !whole_ms || !step_ms[STEPS - 1])
        fail("COUNT", "out of memory");
    for (size_t i = 0; i < count; i++)
        make_request(i);
    run((long)pid, in_flight);
    client_close(c);
    fcc__arena_free(arena);
    return 0;
}
