/*
 * call.c: one call, on either side.
 *
 * Writing: messages wait in a list until the loop flushes; then they go to gRPC one after the other (it takes one at a
 * time), all but the last with the hint that more follows, so that they leave in one write. Initial metadata travels
 * with the first of them and the half-close or status with the last: a unary answer is one batch.
 * Reading: one operation at a time, started again when the callback has returned.
 * A call is freed when its end is known and the queue has given back every operation.
 */
#include "rpc/internal.h"

#include <grpc/slice_buffer.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* A message, or a piece of one. */
struct rpc__out {
    grpc_slice slice;
    bool more; /* the next one belongs to the same message */
};

static const char details_key[] = "grpc-status-details-bin";

static fcc_bytes of_slice(const grpc_slice *slice)
{
    return fcc_bytes_of(GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice));
}

static void send_done(void *owner, bool ok);
static void read_behind(rpc_call *call);
static void recv_done(void *owner, bool ok);
static void over_done(void *owner, bool ok);

rpc_call *rpc__call_new(rpc_loop *loop)
{
    rpc_call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL;
    call->magic = RPC__CALL_MAGIC;
    call->loop = loop;
    call->send_tag = rpc__tag_of(send_done, call);
    call->recv_tag = rpc__tag_of(recv_done, call);
    call->over_tag = rpc__tag_of(over_done, call);
    call->finish_message = grpc_empty_slice();
    call->finish_details = grpc_empty_slice();
    call->status_message = grpc_empty_slice();
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->next = loop->calls;
    if (loop->calls)
        loop->calls->prev = call;
    loop->calls = call;
    return call;
}

static void start(rpc_call *call, grpc_op *ops, size_t count, rpc__tag *tag)
{
    call->pending++;
    rpc__start(call->loop, call->call, ops, count, tag);
}

/* ---- the ring of what is queued ---- */

enum { FIRST_OUT = 4, KEPT_OUT = 256 };

/* Room for `n` more; false when out of memory. */
static bool make_room(rpc_call *call, size_t n)
{
    size_t cap = call->out_cap ? call->out_cap : FIRST_OUT;
    struct rpc__out *ring;

    if (call->out_cap - call->out_count >= n)
        return true;
    while (cap - call->out_count < n)
        cap *= 2;
    ring = malloc(cap * sizeof(*ring));
    if (!ring)
        return false;
    for (size_t i = 0; i < call->out_count; i++)
        ring[i] = call->out[(call->out_at + i) & (call->out_cap - 1)];
    free(call->out);
    call->out = ring;
    call->out_at = 0;
    call->out_cap = cap;
    return true;
}

static void put_out(rpc_call *call, grpc_slice slice, bool more)
{
    call->out[(call->out_at + call->out_count++) & (call->out_cap - 1)] = (struct rpc__out){ slice, more };
    call->backlog += GRPC_SLICE_LENGTH(slice);
}

static struct rpc__out take_out(rpc_call *call)
{
    struct rpc__out out = call->out[call->out_at];

    call->out_at = (call->out_at + 1) & (call->out_cap - 1);
    call->out_count--;
    call->backlog -= GRPC_SLICE_LENGTH(out.slice);
    return out;
}

/* After a long backlog. */
static void shrink_out(rpc_call *call)
{
    if (call->out_count || call->out_cap <= KEPT_OUT)
        return;
    free(call->out);
    call->out = NULL;
    call->out_at = call->out_cap = 0;
}

static void drop_out(rpc_call *call)
{
    while (call->out_count)
        grpc_slice_unref(take_out(call).slice);
    shrink_out(call);
}

static void drop_in(rpc_call *call)
{
    if (call->in)
        grpc_byte_buffer_destroy(call->in);
    call->in = NULL;
    call->held = false;
}

static void leave_lists(rpc_call *call)
{
    rpc_loop *loop = call->loop;

    if (call->is_dirty) {
        rpc_call **at = &loop->dirty;

        while (*at != call)
            at = &(*at)->next_dirty;
        *at = call->next_dirty;
        if (loop->dirty_end == &call->next_dirty)
            loop->dirty_end = at;
    }
    if (call->is_ready) {
        rpc_call **at = &loop->ready;

        while (*at != call)
            at = &(*at)->next_ready;
        *at = call->next_ready;
        if (loop->ready_end == &call->next_ready)
            loop->ready_end = at;
    }
    if (call->prev)
        call->prev->next = call->next;
    else
        loop->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
}

static rpc_status final_status(rpc_call *call)
{
    rpc_status status = { .code = (rpc_code)call->status };

    if (call->server) {
        if (call->cancelled) {
            status.code = RPC_CANCELLED;
            status.message = FCC_LIT("the client cancelled the call or is gone");
        } else {
            status.code = call->finish_code;
            status.message = of_slice(&call->finish_message);
            status.details = of_slice(&call->finish_details);
        }
        return status;
    }
    status.message = of_slice(&call->status_message);
    for (size_t i = 0; i < call->trailing.count; i++)
        if (grpc_slice_str_cmp(call->trailing.metadata[i].key, details_key) == 0)
            status.details = of_slice(&call->trailing.metadata[i].value);
    return status;
}

static void close_if_over(rpc_call *call)
{
    rpc_loop *loop = call->loop;
    rpc_server *server = call->server;

    if (!call->over || call->pending || call->held)
        return;
    leave_lists(call);
    rpc_timer_cancel(call->retry);
    if (call->events && call->events->on_closed) {
        rpc_status status = final_status(call);

        loop->in_callback = true;
        call->events->on_closed(call, call->ctx, &status);
        loop->in_callback = false;
    }
    drop_out(call);
    free(call->out);
    if (call->sending_from)
        grpc_byte_buffer_destroy(call->sending_from);
    drop_in(call);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->finish_message);
    grpc_slice_unref(call->finish_details);
    grpc_slice_unref(call->status_message);
    grpc_call_unref(call->call);
    gpr_free(call->peer);
    if (call->channel)
        rpc__channel_unref(call->channel);
    call->magic = 0;
    free(call);
    if (server)
        rpc__server_call_gone(server);
}

/* ---- large messages ---- */

enum { LARGE = 64 * 1024, HUGE = 16 * 1024 * 1024, TRIM_MS = 200, TRIM_AGAIN_MS = 2000 };

static void trim_again(void *ctx)
{
    rpc_loop *loop = ctx;

    loop->trim = NULL;
    malloc_trim(0);
}

/* gRPC's pieces of a large message leave the heap grown and full of holes. On a busy machine some are still held. */
static void trim(void *ctx)
{
    rpc_loop *loop = ctx;

    malloc_trim(0);
    loop->trim = rpc_timer_start(loop, TRIM_AGAIN_MS, trim_again, loop);
}

static void trim_later(rpc_loop *loop, size_t len)
{
    if (len < LARGE)
        return;
    rpc_timer_cancel(loop->trim);
    loop->trim = rpc_timer_start(loop, TRIM_MS, trim, loop);
}

/* ---- writing ---- */

void rpc__call_mark_dirty(rpc_call *call)
{
    if (call->is_dirty || call->sending || call->over)
        return;
    call->is_dirty = true;
    *call->loop->dirty_end = call;
    call->loop->dirty_end = &call->next_dirty;
}

static void start_client_reads(rpc_call *call)
{
    grpc_op ops[2];

    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[0].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[0].data.recv_status_on_client.status = &call->status;
    ops[0].data.recv_status_on_client.status_details = &call->status_message;
    start(call, ops, 1, &call->over_tag);
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[0].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[1].op = GRPC_OP_RECV_MESSAGE;
    ops[1].data.recv_message.recv_message = &call->in;
    call->reading = true;
    start(call, ops, 2, &call->recv_tag);
}

static grpc_op *add_op(grpc_op **op, grpc_op_type type)
{
    grpc_op *added = (*op)++;

    memset(added, 0, sizeof(*added));
    added->op = type;
    return added;
}

/* The next message, into what gRPC gets. */
static void load_message(rpc_call *call)
{
    struct rpc__out out;

    if (!call->sending_from)
        call->sending_from = grpc_raw_byte_buffer_create(NULL, 0);
    call->sending_len = 0;
    do {
        out = take_out(call);
        call->sending_len += GRPC_SLICE_LENGTH(out.slice);
        grpc_slice_buffer_add(&call->sending_from->data.raw.slice_buffer, out.slice);
    } while (out.more);
}

void rpc__call_flush(rpc_call *call)
{
    bool first = false, sends = call->out_count > 0;
    grpc_metadata details;
    grpc_op ops[3], *end = ops;

    if (call->sending || call->over)
        return;
    if (!call->started && (!call->server || sends || call->closing)) {
        grpc_op *op = add_op(&end, GRPC_OP_SEND_INITIAL_METADATA);

        call->started = first = true;
        if (call->wait_for_ready)
            op->flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY | GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
    }
    call->hinted = false;
    call->sending_len = 0;
    if (sends) {
        grpc_op *op = add_op(&end, GRPC_OP_SEND_MESSAGE);

        load_message(call);
        call->asked = 0;
        /* initial metadata under the hint would not be written, and its batch never end */
        call->hinted = call->out_count && !first;
        op->data.send_message.send_message = call->sending_from;
        op->flags = call->hinted ? GRPC_WRITE_BUFFER_HINT : 0;
    }
    if (!call->out_count && call->closing && !call->closing_sent) {
        grpc_op *op;

        call->closing_sent = true;
        if (call->server) {
            op = add_op(&end, GRPC_OP_SEND_STATUS_FROM_SERVER);
            op->data.send_status_from_server.status = (grpc_status_code)call->finish_code;
            op->data.send_status_from_server.status_details = &call->finish_message;
            if (GRPC_SLICE_LENGTH(call->finish_details)) {
                memset(&details, 0, sizeof(details));
                details.key = grpc_slice_from_static_string(details_key);
                details.value = call->finish_details;
                op->data.send_status_from_server.trailing_metadata_count = 1;
                op->data.send_status_from_server.trailing_metadata = &details;
            }
        } else {
            add_op(&end, GRPC_OP_SEND_CLOSE_FROM_CLIENT);
        }
    }
    if (end == ops)
        return;
    call->sending = true;
    start(call, ops, (size_t)(end - ops), &call->send_tag);
    if (sends) {
        grpc_slice_buffer_reset_and_unref(&call->sending_from->data.raw.slice_buffer); /* gRPC has taken its slices */
        shrink_out(call);
    }
    if (first && !call->server)
        start_client_reads(call);
}

static bool takes_no_more(const rpc_call *call)
{
    return call->over || call->closing || call->cancelled;
}

static void send_done(void *owner, bool ok)
{
    rpc_call *call = owner;

    FCC_REQUIRE(call->magic == RPC__CALL_MAGIC);
    call->pending--;
    call->sending = false;
    trim_later(call->loop, call->sending_len);
    rpc_timer_cancel(call->retry);
    call->retry = NULL;
    if (!ok)
        drop_out(call); /* its end follows */
    else if (call->hinted)
        rpc__call_flush(call); /* gRPC was told that this comes at once */
    else if (call->out_count || (call->closing && !call->closing_sent))
        rpc__call_mark_dirty(call);
    else if (call->events && call->events->on_drained && !takes_no_more(call)) {
        call->loop->in_callback = true;
        call->events->on_drained(call, call->ctx);
        call->loop->in_callback = false;
    }
    read_behind(call);
    close_if_over(call);
}

/* Takes the slice over. */
static fcc_status queue(rpc_call *call, grpc_slice slice)
{
    if (!make_room(call, 1)) {
        grpc_slice_unref(slice);
        return FCC_ERR_NOMEM;
    }
    put_out(call, slice, false);
    rpc__call_mark_dirty(call);
    return FCC_OK;
}

fcc_status rpc_send(rpc_call *call, fcc_bytes message)
{
    grpc_slice slice;

    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    if (message.len > RPC_MAX_MESSAGE)
        return FCC_ERR_LIMIT;
    if (takes_no_more(call))
        return FCC_OK;
    slice = grpc_slice_malloc(message.len);
    if (message.len)
        memcpy(GRPC_SLICE_START_PTR(slice), message.data, message.len);
    return queue(call, slice);
}

fcc_status rpc_send_own(rpc_call *call, void *memory, fcc_bytes message)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    if (message.len > RPC_MAX_MESSAGE || takes_no_more(call)) {
        free(memory);
        return message.len > RPC_MAX_MESSAGE ? FCC_ERR_LIMIT : FCC_OK;
    }
    return queue(call, grpc_slice_new_with_user_data((void *)(uintptr_t)message.data, message.len, free, memory));
}

static grpc_slice copied(fcc_bytes bytes)
{
    return grpc_slice_from_copied_buffer((const char *)bytes.data, bytes.len);
}

fcc_status rpc_send_pieces(rpc_call *call, const fcc_bytes pieces[3], void (*give_back)(void *lent), void *lent)
{
    size_t len = pieces[0].len + pieces[1].len + pieces[2].len;

    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    if (takes_no_more(call) || len > RPC_MAX_MESSAGE || !make_room(call, 3)) {
        give_back(lent);
        return takes_no_more(call) ? FCC_OK : len > RPC_MAX_MESSAGE ? FCC_ERR_LIMIT : FCC_ERR_NOMEM;
    }
    put_out(call, copied(pieces[0]), true);
    put_out(call, grpc_slice_new_with_user_data((void *)(uintptr_t)pieces[1].data, pieces[1].len, give_back, lent),
            true);
    put_out(call, copied(pieces[2]), false);
    rpc__call_mark_dirty(call);
    return FCC_OK;
}

void rpc_expect(rpc_call *call, size_t owed, size_t asked)
{
    call->owed = owed;
    call->asked += asked;
}

size_t rpc_backlog(const rpc_call *call)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    return call->backlog;
}

void rpc_half_close(rpc_call *call)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC && !call->server);
    if (call->closing)
        return;
    call->closing = true;
    rpc__call_mark_dirty(call);
}

void rpc_finish(rpc_call *call, rpc_code code, fcc_bytes message, fcc_bytes details)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC && call->server);
    if (call->closing)
        return;
    call->closing = true;
    call->finish_code = code;
    if (message.len)
        call->finish_message = grpc_slice_from_copied_buffer((const char *)message.data, message.len);
    if (details.len)
        call->finish_details = grpc_slice_from_copied_buffer((const char *)details.data, details.len);
    rpc__call_mark_dirty(call);
}

/* ---- reading ---- */

static void start_read(rpc_call *call)
{
    grpc_op op;

    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_RECV_MESSAGE;
    op.data.recv_message.recv_message = &call->in;
    call->reading = true;
    call->read_at = call->loop->waits;
    start(call, &op, 1, &call->recv_tag);
}

enum { CROWDED = 8 };

void rpc__call_read(rpc_call *call)
{
    if (!call->read_next)
        return;
    call->read_next = false;
    if (!call->reading && !call->paused && !call->over)
        start_read(call);
}

/* The read that waits for answers to be written, once all of them are gRPC's. */
static void read_behind(rpc_call *call)
{
    if (!call->sending || !call->hinted)
        rpc__call_read(call);
}

/* Is nothing under way for which an answer is owed, and are nearly all of the queued messages requests? */
static bool all_queued(const rpc_call *call)
{
    return call->owed > 0 && call->owed == call->asked && 4 * call->asked >= 3 * call->out_count;
}

/*
 * Read on. gRPC tells the other side about the room that a message has left as soon as the next one is waited for: in a
 * write of its own, or with an answer that is written before that. So what is queued goes first where messages come one by
 * one, of other calls as well, and where all that could be answered is queued. Elsewhere more messages are there already,
 * and are read before anything is written.
 */
static void read_on(rpc_call *call)
{
    if (call->crowded && (!call->is_dirty || !all_queued(call))) {
        start_read(call);
        return;
    }
    call->read_next = true; /* at the latest when the loop comes to the call in its list */
    if (call->is_dirty)
        rpc__call_flush(call);
    else
        rpc__call_mark_dirty(call);
    if (call->sending)
        read_behind(call);
}

/* Move a message of several slices into memory of its own, giving up slice by slice. NULL when out of memory. */
static void *join(grpc_byte_buffer *in, size_t len)
{
    grpc_slice_buffer *slices = &in->data.raw.slice_buffer;
    uint8_t *memory = malloc(len);
    size_t at = 0, trimmed = 0;

    while (memory && slices->count) {
        grpc_slice slice = grpc_slice_buffer_take_first(slices);
        size_t n = GRPC_SLICE_LENGTH(slice);

        FCC_REQUIRE(n <= len - at);
        memcpy(memory + at, GRPC_SLICE_START_PTR(slice), n);
        at += n;
        grpc_slice_unref(slice);
        if (at - trimmed >= HUGE) { /* what is to be copied, and what the callback makes of it, comes on top */
            malloc_trim(0);
            trimmed = at;
        }
    }
    FCC_REQUIRE(!memory || at == len);
    return memory;
}

void *rpc_take(rpc_call *call)
{
    void *memory = call->joined;

    FCC_REQUIRE(call->magic == RPC__CALL_MAGIC);
    call->joined = NULL;
    return memory;
}

/* Nearly every message is one slice, which is lent as it is; the rest is joined first. */
static void deliver(rpc_call *call)
{
    grpc_byte_buffer *in = call->in;
    size_t len = grpc_byte_buffer_length(in);
    fcc_bytes message = { NULL, 0 };

    call->in = NULL;
    call->held = false;
    if (call->read_at == call->loop->waits)
        call->crowded = CROWDED; /* it was there when it was asked for */
    else if (call->crowded)
        call->crowded--;
    if (in->data.raw.slice_buffer.count == 1) {
        message = of_slice(&in->data.raw.slice_buffer.slices[0]);
    } else if (len) {
        call->joined = join(in, len);
        message = fcc_bytes_of(call->joined, len);
    }
    /* compressed in spite of what the call's headers say; or out of memory: the rest would make no sense */
    if (in->data.raw.compression != GRPC_COMPRESS_NONE || (len && !message.data)) {
        free(rpc_take(call));
        grpc_byte_buffer_destroy(in);
        rpc_cancel(call);
        return;
    }
    call->loop->in_callback = true;
    call->events->on_message(call, call->ctx, message);
    call->loop->in_callback = false;
    free(rpc_take(call));
    grpc_byte_buffer_destroy(in);
    trim_later(call->loop, len);
    if (!call->paused && !call->over)
        read_on(call);
}

static void recv_done(void *owner, bool ok)
{
    rpc_call *call = owner;

    FCC_REQUIRE(call->magic == RPC__CALL_MAGIC);
    call->pending--;
    call->reading = false;
    if (call->cancelled) {
        drop_in(call);
    } else if (!call->in) {
        call->eof = true;
        if (ok && !call->over && call->events->on_half_close && !(call->server && call->closing)) {
            call->loop->in_callback = true;
            call->events->on_half_close(call, call->ctx);
            call->loop->in_callback = false;
        }
    } else if (call->paused) {
        call->held = true;
    } else {
        deliver(call);
    }
    close_if_over(call);
}

static void make_ready(rpc_call *call)
{
    if (call->is_ready)
        return;
    call->is_ready = true;
    *call->loop->ready_end = call;
    call->loop->ready_end = &call->next_ready;
}

void rpc__call_ready(rpc_call *call)
{
    if (call->held && call->cancelled)
        drop_in(call);
    if (call->held && !call->paused)
        deliver(call);
    else if (!call->held && !call->paused && !call->reading && !call->eof && !call->over)
        start_read(call);
    close_if_over(call);
}

void rpc_pause(rpc_call *call)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    call->paused = true;
}

void rpc_resume(rpc_call *call)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    if (!call->paused)
        return;
    call->paused = false;
    make_ready(call); /* delivers, or reads on, when the running callback has returned */
}

/* ---- the end ---- */

static void over_done(void *owner, bool ok)
{
    rpc_call *call = owner;

    (void)ok;
    FCC_REQUIRE(call->magic == RPC__CALL_MAGIC);
    call->pending--;
    call->over = true;
    if (call->server && call->cancelled_flag) {
        call->cancelled = true;
        trim_later(call->loop, LARGE); /* it may have been in the middle of a large message */
    }
    drop_out(call);
    if (call->cancelled || call->server)
        drop_in(call);
    close_if_over(call);
}

void rpc_cancel(rpc_call *call)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    if (call->cancelled)
        return;
    call->cancelled = true;
    drop_out(call);
    grpc_call_cancel(call->call, NULL);
    if (!call->server && !call->started)
        rpc__call_mark_dirty(call); /* its end comes through the operations that a flush starts */
    if (call->held)
        make_ready(call);
}

void rpc__call_serve(rpc_call *call, const rpc_events *events, void *ctx)
{
    grpc_op op;

    call->events = events;
    call->ctx = ctx;
    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    op.data.recv_close_on_server.cancelled = &call->cancelled_flag;
    start(call, &op, 1, &call->over_tag);
    if (!call->paused)
        start_read(call);
}

const char *rpc_peer(const rpc_call *call)
{
    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    if (!call->peer)
        ((rpc_call *)(uintptr_t)call)->peer = grpc_call_get_peer(call->call);
    return call->peer ? call->peer : "";
}

fcc_bytes rpc_peer_certificate(const rpc_call *call)
{
    grpc_auth_context *context;
    grpc_auth_property_iterator found;
    const grpc_auth_property *pem;
    uint8_t *copy = NULL;
    size_t len = 0;

    FCC_REQUIRE(call && call->magic == RPC__CALL_MAGIC);
    context = grpc_call_auth_context(call->call);
    if (!context)
        return fcc_bytes_of(NULL, 0);
    found = grpc_auth_context_find_properties_by_name(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
    pem = grpc_auth_property_iterator_next(&found);
    if (pem && pem->value_length > 0 && (copy = malloc(pem->value_length))) {
        memcpy(copy, pem->value, pem->value_length);
        len = pem->value_length;
    }
    grpc_auth_context_release(context);
    return fcc_bytes_of(copy, len);
}
