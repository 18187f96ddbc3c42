/*
 * Plays the recorded calls: requests in the recorded order, each answered before the next one is sent.
 *
 * Calls of one command that ran side by side were written down as they went through, over different connections. A
 * command that waits for its transaction's event opens the event streams before it sends the transaction, so here the
 * transaction always goes last.
 */
#include "replay.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "gateway/gateway.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "orderer/ab.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/events.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int replay_patience_ms = 20000;

struct arrived {
    struct arrived *next;
    fcc_bytes message;
};

/* A recorded call, made again. */
struct live {
    struct replay *replay;
    const recorded_call *recorded;
    const char *method; /* without the first slash */
    rpc_call *rpc;
    bool opened, closed, cancelled, given_up;
    struct arrived *first, **last;
    size_t taken; /* messages compared */
    rpc_code code;
    fcc_bytes text;
    int details;
    comparison outcome;
};

struct replay {
    replay_net *net;
    fcc__arena *arena;
    const call_recording *recording;
    struct live *calls;
    int64_t *seconds;
};

/* ---- what the methods answer ------------------------------------------------------------------------------------------ */

static const struct {
    const char *method;
    const ProtobufCMessageDescriptor *answer;
} methods[] = {
    { "/protos.Endorser/ProcessProposal", &protos__proposal_response__descriptor },
    { "/protos.Deliver/Deliver", &protos__deliver_response__descriptor },
    { "/protos.Deliver/DeliverFiltered", &protos__deliver_response__descriptor },
    { "/protos.Deliver/DeliverWithPrivateData", &protos__deliver_response__descriptor },
    { "/orderer.AtomicBroadcast/Broadcast", &orderer__broadcast_response__descriptor },
    { "/orderer.AtomicBroadcast/Deliver", &orderer__deliver_response__descriptor },
    { "/gateway.Gateway/Evaluate", &gateway__evaluate_response__descriptor },
    { "/gateway.Gateway/Endorse", &gateway__endorse_response__descriptor },
    { "/gateway.Gateway/Submit", &gateway__submit_response__descriptor },
    { "/gateway.Gateway/CommitStatus", &gateway__commit_status_response__descriptor },
    { "/gateway.Gateway/ChaincodeEvents", &gateway__chaincode_events_response__descriptor },
};

static const ProtobufCMessageDescriptor *answer_of(const char *method)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(method, methods[i].method) == 0)
            return methods[i].answer;
    return NULL;
}

static int64_t time_of(fcc_bytes channel_header, fcc__arena *arena)
{
    Common__ChannelHeader *header;

    if (FCC__UNPACK(common__channel_header, channel_header, arena, &header) != FCC_OK || !header->timestamp)
        return 0;
    return header->timestamp->seconds;
}

/* What a request says. */
struct said {
    int64_t seconds; /* 0: nothing */
    const ProtobufCMessageDescriptor *result;
};

static void read_proposal(fcc_bytes bytes, fcc__arena *arena, struct said *out)
{
    Protos__ChaincodeProposalPayload *payload;
    Protos__ChaincodeInvocationSpec *spec;
    Protos__Proposal *proposal;
    Common__Header *header;

    if (FCC__UNPACK(protos__proposal, bytes, arena, &proposal) != FCC_OK)
        return;
    if (FCC__UNPACK(common__header, fcc__of_pb(proposal->header), arena, &header) == FCC_OK)
        out->seconds = time_of(fcc__of_pb(header->channel_header), arena);
    if (FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(proposal->payload), arena, &payload) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(payload->input), arena, &spec) != FCC_OK ||
        !spec->chaincode_spec || !spec->chaincode_spec->chaincode_id || !spec->chaincode_spec->input ||
        spec->chaincode_spec->input->n_args == 0)
        return;
    out->result = result_type(fcc__of_pb(spec->chaincode_spec->chaincode_id->name),
                              fcc__of_pb(spec->chaincode_spec->input->args[0]));
}

/* When the request was made, and what its answer will hold. */
static struct said read_request(const char *method, fcc_bytes message, fcc__arena *arena)
{
    struct said said = { 0, NULL };
    Protos__SignedProposal *proposal;
    Gateway__EvaluateRequest *evaluate;
    Common__Envelope *envelope;
    Common__Payload *payload;

    if (strcmp(method, "/protos.Endorser/ProcessProposal") == 0) {
        if (FCC__UNPACK(protos__signed_proposal, message, arena, &proposal) == FCC_OK)
            read_proposal(fcc__of_pb(proposal->proposal_bytes), arena, &said);
    } else if (strcmp(method, "/gateway.Gateway/Evaluate") == 0) {
        if (FCC__UNPACK(gateway__evaluate_request, message, arena, &evaluate) == FCC_OK &&
            evaluate->proposed_transaction)
            read_proposal(fcc__of_pb(evaluate->proposed_transaction->proposal_bytes), arena, &said);
    } else if (strstr(method, "/Deliver") && FCC__UNPACK(common__envelope, message, arena, &envelope) == FCC_OK &&
               FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), arena, &payload) == FCC_OK &&
               payload->header) {
        said.seconds = time_of(fcc__of_pb(payload->header->channel_header), arena);
    }
    return said;
}

int64_t replay_time(const call_recording *recording)
{
    struct said said = { 0, NULL };

    for (size_t i = 0; i < recording->line_count && said.seconds == 0; i++)
        if (recording->lines[i].step == CALL_SEND)
            said = read_request(recording->calls[recording->lines[i].call].method, recording->lines[i].message,
                                recording->arena);
    return said.seconds;
}

/* ---- the calls -------------------------------------------------------------------------------------------------------- */

static void on_message(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    struct live *l = ctx;
    struct arrived *a = fcc__arena_zalloc(l->replay->arena, 1, sizeof(*a));

    (void)rpc;
    if (!a || !fcc__arena_copy(l->replay->arena, message, &a->message))
        abort();
    *l->last = a;
    l->last = &a->next;
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    struct live *l = ctx;
    Google__Rpc__Status *detailed;

    (void)rpc;
    l->rpc = NULL;
    l->closed = true;
    l->code = status->code;
    if (!fcc__arena_copy(l->replay->arena, status->message, &l->text))
        abort();
    if (status->details.len > 0 &&
        FCC__UNPACK(google__rpc__status, status->details, l->replay->arena, &detailed) == FCC_OK)
        l->details = (int)detailed->n_details;
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

static bool open_call(struct live *l)
{
    const replay_server *server = replay_find(l->replay->net, l->recorded->server);

    if (l->opened || l->given_up)
        return l->rpc != NULL;
    if (!server || rpc_open(server->channel, l->recorded->method, -1, true, &events, l, &l->rpc) != FCC_OK) {
        compare_bytes(&l->outcome, "server", fcc_str(l->recorded->server), FCC_LIT("none of that name here"));
        l->given_up = true;
        return false;
    }
    l->opened = true;
    return true;
}

/* By the clock: a loop's poll returns at each event, however soon. */
static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until there is a message that wasn't taken yet, or the call has ended. */
static bool await(struct live *l, int patience_ms)
{
    for (int64_t until = now_ms() + patience_ms; !l->first && !l->closed && now_ms() < until;)
        rpc_loop_poll(l->replay->net->loop, 10);
    return l->first != NULL;
}

static void send_request(struct live *l, fcc_bytes message)
{
    struct said said = read_request(l->recorded->method, message, l->replay->arena);

    if (said.result)
        l->outcome.result = said.result;
    if (said.seconds > *l->replay->seconds)
        *l->replay->seconds = said.seconds;
    if (!open_call(l))
        return;
    if (rpc_send(l->rpc, message) != FCC_OK)
        compare_bytes(&l->outcome, "request", FCC_LIT("sent"), FCC_LIT("cannot be sent"));
    if (l->taken < l->recorded->received && strcmp(l->method, "orderer.AtomicBroadcast/Broadcast") != 0)
        await(l, replay_patience_ms / 4); /* a stream may have to wait for what comes later: then go on */
}

static void receive(struct live *l, fcc_bytes expected)
{
    struct arrived *a;

    if (l->given_up)
        return;
    if ((!l->opened && !open_call(l)) || !await(l, replay_patience_ms)) {
        char came[200];

        snprintf(came, sizeof(came), "nothing%s%s " FCC_FMT, l->closed ? ": " : "",
                 l->closed ? rpc_code_name(l->code) : "", FCC_ARG(l->text));
        compare_bytes(&l->outcome, "answer", FCC_LIT("a message"), fcc_str(came));
        l->given_up = true;
        return;
    }
    a = l->first;
    l->first = a->next;
    if (!l->first)
        l->last = &l->first;
    l->taken++;
    compare_messages(&l->outcome, answer_of(l->recorded->method), expected, a->message);
}

/* The client's own end of a call, or the server's with its status. */
static void end_call(struct live *l, const call_line *line)
{
    if (l->given_up || (line->code == RPC_CANCELLED && !l->opened))
        return;
    if (l->first)
        compare_numbers(&l->outcome, "number of messages", (int64_t)l->taken, (int64_t)l->taken + 1);
    if (line->code == RPC_CANCELLED) {
        if (l->closed)
            compare_numbers(&l->outcome, "ended by the server", RPC_CANCELLED, l->code);
        l->cancelled = true;
        if (l->rpc)
            rpc_cancel(l->rpc);
        return;
    }
    for (int64_t until = now_ms() + replay_patience_ms; !l->closed && now_ms() < until;)
        rpc_loop_poll(l->replay->net->loop, 10);
    if (!l->closed) {
        compare_bytes(&l->outcome, "status", FCC_LIT("an end"), FCC_LIT("the call goes on"));
        l->given_up = true;
        return;
    }
    compare_numbers(&l->outcome, "status", line->code, l->code);
    compare_bytes(&l->outcome, "status text", line->text, l->text);
    compare_numbers(&l->outcome, "number of status details", line->details, l->details);
}

static void play_line(struct replay *r, const call_line *line)
{
    struct live *l = &r->calls[line->call];

    switch (line->step) {
    case CALL_SEND:
        send_request(l, line->message);
        break;
    case CALL_RECEIVE:
        receive(l, line->message);
        break;
    case CALL_HALF_CLOSE:
        if (open_call(l))
            rpc_half_close(l->rpc);
        break;
    case CALL_STATUS:
        end_call(l, line);
        break;
    }
}

/* ---- order ------------------------------------------------------------------------------------------------------------ */

static bool is_broadcast(const call_recording *r, const call_line *line)
{
    return strcmp(r->calls[line->call].method, "/orderer.AtomicBroadcast/Broadcast") == 0;
}

/* Of one command's lines, [from, to): the transaction and its answer come after what opens event streams. */
static void order_command(const call_recording *r, const call_line **lines, size_t from, size_t to)
{
    size_t last_open = from, n = 0, held_count = 0;
    const call_line **sorted = calloc(to - from, sizeof(*sorted)), **held = calloc(to - from, sizeof(*held));

    if (!sorted || !held)
        abort();
    for (size_t i = from; i < to; i++)
        if (strstr(r->calls[lines[i]->call].method, "/Deliver") &&
            (lines[i]->step == CALL_SEND || lines[i]->step == CALL_HALF_CLOSE))
            last_open = i;
    for (size_t i = from; i < to; i++) {
        if (i < last_open && is_broadcast(r, lines[i]))
            held[held_count++] = lines[i];
        else
            sorted[n++] = lines[i];
        if (i == last_open)
            for (size_t h = 0; h < held_count; h++)
                sorted[n++] = held[h];
    }
    memcpy(lines + from, sorted, (to - from) * sizeof(*lines));
    free(sorted);
    free(held);
}

static const call_line **in_order(const call_recording *r)
{
    const call_line **lines = calloc(r->line_count + 1, sizeof(*lines));
    size_t from = 0;

    if (!lines)
        abort();
    for (size_t i = 0; i < r->line_count; i++)
        lines[i] = &r->lines[i];
    for (size_t i = 1; i <= r->line_count; i++)
        if (i == r->line_count || r->calls[lines[i]->call].command != r->calls[lines[from]->call].command) {
            order_command(r, lines, from, i);
            from = i;
        }
    return lines;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

static bool report(struct live *l, const char *version, int test)
{
    bool same = !l->outcome.differs;

    printf("%sok %d - %s, call %ld, %s %s: %s\n", same ? "" : "not ", test, version, l->recorded->number,
           l->recorded->server, l->method, same ? "same" : l->outcome.path);
    if (l->outcome.known_count > 0)
        printf("# %zu known difference%s\n", l->outcome.known_count, l->outcome.known_count == 1 ? "" : "s");
    if (!same)
        printf("#   of: %s\n#   recorded: %s\n#   here:     %s\n", l->recorded->command, l->outcome.expected,
               l->outcome.actual);
    return same;
}

size_t replay_calls(replay_net *net, const call_recording *recording, const known_list *known, const char *version,
                    int *tests, int64_t *seconds)
{
    struct replay r = { .net = net, .arena = net->arena, .recording = recording, .seconds = seconds };
    const call_line **lines = in_order(recording);
    size_t same = 0, running = 0;

    r.calls = fcc__arena_zalloc(net->arena, recording->call_count, sizeof(*r.calls));
    if (!r.calls)
        abort();
    for (size_t i = 0; i < recording->call_count; i++) {
        struct live *l = &r.calls[i];

        l->replay = &r;
        l->recorded = &recording->calls[i];
        l->method = l->recorded->method + 1;
        l->last = &l->first;
        l->outcome = (comparison){ .arena = net->arena,
                                   .known = known,
                                   .version = version,
                                   .method = l->recorded->method + 1,
                                   .call = l->recorded->number };
    }
    for (size_t i = 0; i < recording->line_count; i++)
        play_line(&r, lines[i]);
    for (size_t i = 0; i < recording->call_count; i++)
        if (r.calls[i].rpc)
            rpc_cancel(r.calls[i].rpc);
    do {
        running = 0;
        for (size_t i = 0; i < recording->call_count; i++)
            running += r.calls[i].rpc != NULL;
        if (running > 0)
            rpc_loop_poll(net->loop, 10);
    } while (running > 0);
    for (size_t i = 0; i < recording->call_count; i++)
        same += report(&r.calls[i], version, ++*tests);
    printf("# %s: %zu of %zu calls same\n", version, same, recording->call_count);
    free(lines);
    return recording->call_count - same;
}
