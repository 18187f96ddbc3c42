/* See stream.h. */
#include "io/stream.h"

#include "base/log.h"
#include "io/metrics.h"
#include "io/process.h"

#include <stdlib.h>

struct fcc__stream {
    fcc__host *host;
    fcc__stream *next;
    rpc_call *call;
    fcc__session *session; /* NULL until started */
    unsigned received;     /* messages, up to AS_REGISTERED */
    bool full;             /* the peer does not read: nothing is read from it either */
    size_t requests;       /* of the session, by the last message */
    rpc_timer *leaving;
};

enum {
    AS_REGISTERED = 2, /* REGISTERED and READY */
    FULL_BYTES = 64 * 1024 * 1024,
    LEAVE_MS = 1000, /* a peer that does not end the stream of a client that leaves is left all the same */
};

/* ---- what the session wants ---- */

/*
 * What a message's sending came to. One that is lost ends the stream: what follows would not make sense to the peer. Who
 * connects and leaves much unread can't ask for more until it has read that; a peer reads, however busy it is.
 */
static void sent(fcc__stream *stream, size_t len, fcc_status status)
{
    fcc__add(&stream->host->counters->sent_messages, 1);
    fcc__add(&stream->host->counters->sent_bytes, len);
    if (status != FCC_OK) {
        rpc_cancel(stream->call);
    } else if (rpc_backlog(stream->call) > FULL_BYTES && !stream->full && !stream->host->config->is_client) {
        stream->full = true;
        rpc_pause(stream->call);
    }
}

static void send(void *ctx, fcc_bytes message)
{
    fcc__stream *stream = ctx;

    sent(stream, message.len, rpc_send(stream->call, message));
}

static void send_own(void *ctx, void *memory, fcc_bytes message)
{
    fcc__stream *stream = ctx;

    sent(stream, message.len, rpc_send_own(stream->call, memory, message));
}

static void send_pieces(void *ctx, const fcc_bytes pieces[3], void (*give_back)(void *lent), void *lent)
{
    fcc__stream *stream = ctx;

    sent(stream, pieces[0].len + pieces[1].len + pieces[2].len, rpc_send_pieces(stream->call, pieces, give_back, lent));
}

/* A server ends a call with a status, a client can only leave. */
static void end_call(fcc__stream *stream, rpc_code code, const char *reason)
{
    if (stream->host->config->is_client)
        rpc_half_close(stream->call);
    else
        rpc_finish(stream->call, code, fcc_str(reason), fcc_bytes_of(NULL, 0));
}

static void leave_stream(void *ctx)
{
    fcc__stream *stream = ctx;

    stream->leaving = NULL;
    rpc_cancel(stream->call);
}

static void close_stream(void *ctx, const char *reason)
{
    fcc__stream *stream = ctx;

    fcc__log_code(FCC__WARN, FCC__E_STREAM_BROKEN, "stream of %s ends: %s", rpc_peer(stream->call), reason);
    end_call(stream, RPC_UNKNOWN, reason);
    if (stream->host->config->is_client)
        stream->leaving = rpc_timer_start(stream->host->loop, LEAVE_MS, leave_stream, stream);
}

static void leave(void *ctx)
{
    const fcc__host *host = ctx;

    for (fcc__stream *stream = host->streams; stream; stream = stream->next)
        rpc_cancel(stream->call);
}

/* A stream without transactions waits for the others: it is still good for telling its peer to go elsewhere. */
static void drained(void *ctx)
{
    fcc__host *host = ((fcc__stream *)ctx)->host;

    for (const fcc__stream *stream = host->streams; stream; stream = stream->next)
        if (fcc__session_running(stream->session))
            return;
    for (fcc__stream *stream = host->streams; stream; stream = stream->next)
        end_call(stream, RPC_UNAVAILABLE, "the chaincode is shutting down");
    if (host->config->is_client)
        rpc_timer_start(host->loop, LEAVE_MS, leave, host);
}

static void observe(void *ctx, fcc__moment moment, fcc__seen *seen)
{
    const fcc__host *host = ((fcc__stream *)ctx)->host;

    fcc__metrics_observe(host->counters, host->chaincode, moment, seen, rpc_loop_waits(host->loop));
}

static void turned_away(void *ctx, fcc__away why)
{
    static const fcc__turned_away counted[FCC__AWAY_REASONS] = { [FCC__AWAY_LIMIT] = FCC__TURNED_LIMIT,
                                                                 [FCC__AWAY_DRAIN] = FCC__TURNED_DRAIN,
                                                                 [FCC__AWAY_MEMORY] = FCC__TURNED_MEMORY };

    fcc__add(&((fcc__stream *)ctx)->host->counters->turned_away[counted[why]], 1);
}

static void overdue(void *ctx, const fcc__seen *seen, bool held)
{
    const fcc__host *host = ((fcc__stream *)ctx)->host;

    if (host->overdue)
        host->overdue(host->overdue_ctx, seen, held);
}

static void exhausted(void *ctx)
{
    const fcc__host *host = ((fcc__stream *)ctx)->host;

    if (host->exhausted)
        host->exhausted(host);
}

static const fcc__session_events session_events = {
    .send = send,
    .send_own = send_own,
    .send_pieces = send_pieces,
    .close = close_stream,
    .drained = drained,
    .observe = observe,
    .turned_away = turned_away,
    .overdue = overdue,
    .exhausted = exhausted,
};

/* ---- what the call tells ---- */

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    fcc__stream *stream = ctx;
    void *memory = message.len >= FCC__LARGE_BYTES ? rpc_take(call) : NULL;
    size_t requests;

    if (stream->received < AS_REGISTERED)
        stream->received++;
    fcc__add(&stream->host->counters->received_messages, 1);
    fcc__add(&stream->host->counters->received_bytes, message.len);
    if (memory)
        fcc__session_receive_own(stream->session, memory, message);
    else
        fcc__session_receive(stream->session, message);
    requests = fcc__session_requests(stream->session);
    rpc_expect(call, fcc__session_asking(stream->session), requests - stream->requests);
    stream->requests = requests;
}

static void on_drained(rpc_call *call, void *ctx)
{
    fcc__stream *stream = ctx;

    if (!stream->full)
        return;
    stream->full = false;
    rpc_resume(call);
}

static void on_half_close(rpc_call *call, void *ctx)
{
    fcc__stream *stream = ctx;

    (void)call;
    fcc__session_closed(stream->session);
    end_call(stream, RPC_UNKNOWN, "received EOF, ending chaincode stream");
}

static void unlink_stream(fcc__stream *stream)
{
    fcc__stream **p = &stream->host->streams;

    while (*p && *p != stream)
        p = &(*p)->next;
    if (*p) {
        *p = stream->next;
        fcc__add(&stream->host->counters->streams_open, (uint64_t)-1);
    }
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    fcc__stream *stream = ctx;
    fcc__host *host = stream->host;
    bool registered = stream->received == AS_REGISTERED;

    fcc__log(FCC__INFO, "stream of %s closed: %s " FCC_FMT, rpc_peer(call), rpc_code_name(status->code),
             FCC_ARG(status->message));
    unlink_stream(stream);
    fcc__stream_free(stream);
    if (host->stopping && !host->streams && host->emptied)
        host->emptied(host);
    if (host->closed)
        host->closed(host->closed_ctx, status, registered);
}

const rpc_events fcc__stream_events = {
    .on_message = on_message,
    .on_half_close = on_half_close,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

/* ---- life ---- */

fcc__stream *fcc__stream_new(fcc__host *host)
{
    fcc__stream *stream = calloc(1, sizeof(*stream));

    if (stream)
        stream->host = host;
    return stream;
}

fcc_status fcc__stream_start(fcc__stream *stream, rpc_call *call)
{
    fcc__host *host = stream->host;
    fcc__session_options options = { .stacks = host->stacks, .describe_process = fcc__process_describe };
    fcc_status st;

    stream->call = call;
    st = fcc__session_new(host->chaincode, fcc_str(host->config->ccid), &options, &session_events, stream,
                          &stream->session);
    if (st != FCC_OK)
        return st;
    stream->next = host->streams;
    host->streams = stream;
    fcc__add(&host->counters->streams_open, 1);
    fcc__add(&host->counters->streams_total, 1);
    fcc__log(FCC__INFO, "stream of %s opened", rpc_peer(call));
    return FCC_OK;
}

void fcc__stream_free(fcc__stream *stream)
{
    if (!stream)
        return;
    rpc_timer_cancel(stream->leaving);
    fcc__session_free(stream->session);
    free(stream);
}

void fcc__host_drain(fcc__host *host)
{
    host->stopping = true;
    for (fcc__stream *stream = host->streams; stream; stream = stream->next)
        fcc__session_drain(stream->session);
}

void fcc__host_list(const fcc__host *host, size_t most,
                    void (*tell)(fcc_bytes function, fcc_bytes channel, fcc_bytes tx_id))
{
    for (const fcc__stream *stream = host->streams; stream; stream = stream->next)
        if (stream->session)
            most -= fcc__session_list(stream->session, most, tell);
}

size_t fcc__host_tick(fcc__host *host, unsigned budget)
{
    size_t detached = 0;

    for (fcc__stream *stream = host->streams; stream; stream = stream->next) {
        fcc__session_tick(stream->session, budget, (unsigned)host->config->budget_ms);
        detached += fcc__session_detached(stream->session);
    }
    return detached;
}
