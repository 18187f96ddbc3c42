/* See session.h. The table of running transactions, and what each message means in each state. */
#include "core/stub.h"

#include "base/require.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

typedef Protos__ChaincodeMessage message;

static const char *const state_names[] = { "created", "established", "ready" };

/* ---- the table of transactions, by (channel, id) ---- */

/*
 * This runs for every message. A transaction's id is a hash, of which sixteen bytes tell enough, and one id seldom runs on
 * two channels at once.
 */
static uint32_t hash_of(fcc_bytes tx_id)
{
    uint64_t first = 0, last = 0, h;

    if (tx_id.len >= sizeof(first)) {
        memcpy(&first, tx_id.data, sizeof(first));
        memcpy(&last, tx_id.data + tx_id.len - sizeof(last), sizeof(last));
    } else if (tx_id.len) {
        memcpy(&first, tx_id.data, tx_id.len);
    }
    h = (first * 0x9e3779b97f4a7c15u ^ last) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static fcc_stub *find(fcc__session *s, uint32_t hash, fcc_bytes channel, fcc_bytes tx_id)
{
    for (fcc_stub *stub = s->buckets[hash % FCC__BUCKETS]; stub; stub = stub->next)
        if (stub->hash == hash && fcc_bytes_equal(stub->tx_id, tx_id) && fcc_bytes_equal(stub->channel, channel))
            return stub;
    return NULL;
}

static void insert(fcc__session *s, fcc_stub *stub)
{
    fcc_stub **bucket = &s->buckets[stub->hash % FCC__BUCKETS];

    stub->next = *bucket;
    *bucket = stub;
}

static void take_out(fcc__session *s, fcc_stub *stub)
{
    fcc_stub **p = &s->buckets[stub->hash % FCC__BUCKETS];

    while (*p && *p != stub)
        p = &(*p)->next;
    if (*p)
        *p = stub->next;
    stub->next = NULL;
}

/* ---- spare stubs ---- */

static fcc_stub *take_spare(fcc__session *s)
{
    fcc_stub *stub = s->spares;

    if (!stub)
        return fcc__stub_new(s);
    s->spares = stub->next;
    s->spare_count--;
    stub->next = NULL;
    return stub;
}

static void keep_spare(fcc__session *s, fcc_stub *stub)
{
    if (s->spare_count >= FCC__SPARE_TRANSACTIONS) {
        fcc__stub_free(stub);
        return;
    }
    fcc__stub_reset(stub);
    stub->next = s->spares;
    s->spares = stub;
    s->spare_count++;
}

/* ---- running ---- */

/* `memory` holds the message when it is a large one, else NULL. */
static void send_out(fcc__session *s, fcc_bytes wire, void *memory)
{
    if (memory && !s->over && s->events->send_own) {
        s->events->send_own(s->ctx, memory, wire);
        memory = NULL;
    } else if (!s->over) {
        s->events->send(s->ctx, wire);
    }
    free(memory);
    fcc__arena_reset(s->out);
}

/* What the handler left to be sent; nobody gets it when the transaction has been answered. */
static void send_left(fcc__session *s, fcc_stub *stub)
{
    struct fcc__lent *lent = stub->out_lent;

    if (stub->answered || (lent && s->over)) {
        if (lent)
            fcc__arena_return(lent->handle);
        free(stub->out_memory);
        fcc__arena_reset(s->out);
    } else if (lent) {
        const fcc_bytes pieces[] = { stub->out, lent->body, lent->tail };

        s->events->send_pieces(s->ctx, pieces, fcc__arena_return, lent->handle);
        fcc__arena_reset(s->out);
    } else {
        send_out(s, stub->out, stub->out_memory);
    }
    stub->out = fcc_bytes_of(NULL, 0);
    stub->out_memory = NULL;
    stub->out_lent = NULL;
}

static void maybe_drained(fcc__session *s)
{
    if (!s->draining || s->told_drained || s->running > s->abandoned)
        return;
    s->told_drained = true;
    if (s->events->drained)
        s->events->drained(s->ctx);
}

static void observe(fcc__session *s, fcc__moment moment, fcc_stub *stub)
{
    if (stub->told)
        return;
    stub->told = moment == FCC__TX_ENDS;
    if (s->events->observe)
        s->events->observe(s->ctx, moment, &stub->seen);
}

static void end(fcc__session *s, const char *reason);
static void end_exhausted(fcc__session *s, const char *reason);

/* Among all that run. */
static void link_in(fcc__session *s, fcc_stub *stub)
{
    stub->newer = NULL;
    stub->older = s->all;
    if (s->all)
        s->all->newer = stub;
    s->all = stub;
    s->running++;
}

static void link_out(fcc__session *s, fcc_stub *stub)
{
    if (stub->newer)
        stub->newer->older = stub->older;
    else
        s->all = stub->older;
    if (stub->older)
        stub->older->newer = stub->newer;
    s->running--;
}

/* Let a handler go on until it waits again, is detached or has ended, and send what it left to be sent. */
static void run(fcc__session *s, fcc_stub *stub)
{
    bool unanswered;

    fcc__co_resume(stub->co);
    if (fcc__co_detached(stub->co)) {
        stub->away = true;
        s->away++;
        s->abandoned += stub->answered;
        maybe_drained(s);
        return;
    }
    if (stub->waiting)
        observe(s, FCC__TX_ASKS, stub);
    unanswered = !stub->out.len && !stub->answered && !s->over;
    if (stub->out.len)
        send_left(s, stub);
    if (!fcc__co_finished(stub->co))
        return;
    if (!stub->duplicate)
        take_out(s, stub);
    link_out(s, stub);
    fcc__co_free(stub->co);
    stub->co = NULL;
    stub->seen.lost = s->over;
    observe(s, FCC__TX_ENDS, stub);
    keep_spare(s, stub);
    if (unanswered) /* the peer would wait for it in vain */
        end_exhausted(s, "out of memory for a transaction's answer");
    maybe_drained(s);
}

/* No message comes any more: every suspended handler is told so and runs to its end. Detached ones go on. */
static void let_all_end(fcc__session *s)
{
    s->over = true;
    for (fcc_stub *stub = s->all, *next; stub; stub = next) {
        next = stub->older; /* who runs takes out nobody but itself */
        if (!stub->waiting)
            continue; /* away: it learns when it comes back */
        stub->reply = NULL;
        observe(s, FCC__TX_GOES_ON, stub);
        run(s, stub); /* to its end: a call on a dead stream does not wait */
    }
}

static void end(fcc__session *s, const char *reason)
{
    let_all_end(s);
    s->events->close(s->ctx, reason);
}

static void tell_exhausted(fcc__session *s)
{
    if (s->events->exhausted)
        s->events->exhausted(s->ctx);
}

static void end_exhausted(fcc__session *s, const char *reason)
{
    tell_exhausted(s);
    end(s, reason);
}

/* Answer with ERROR; false when there is no memory for it. */
static bool send_error(fcc__session *s, fcc_bytes tx_id, fcc_bytes channel, fcc_bytes text)
{
    message error = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;

    error.type = PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR;
    error.payload = fcc__pb(text);
    error.txid = fcc__pb(tx_id);
    error.channel_id = fcc__pb(channel);
    if (fcc__write_message(s, &error, &wire) != FCC_OK)
        return false;
    send_out(s, wire, NULL);
    return true;
}

/* A transaction that does not begin. */
static void turn_away(fcc__session *s, fcc__away why, fcc_bytes tx_id, fcc_bytes channel, fcc_bytes text)
{
    if (s->events->turned_away)
        s->events->turned_away(s->ctx, why);
    if (!send_error(s, tx_id, channel, text))
        end_exhausted(s, "out of memory for a transaction's answer");
}

/* The message breaks the protocol: say so to the peer, and end. */
static void refuse(fcc__session *s, fcc_bytes tx_id, fcc_bytes text)
{
    fcc__buf reason;

    (void)send_error(s, tx_id, fcc_bytes_of(NULL, 0), text); /* no channel, as the Go shim's */
    fcc__buf_init(&reason, text.len + 64);
    fcc__buf_puts(&reason, "error handling message: ");
    fcc__buf_add(&reason, text);
    end(s, fcc__buf_ok(&reason) ? fcc__buf_cstr(&reason) : "error handling message");
    fcc__buf_clear(&reason);
}

static void refuse_in_state(fcc__session *s, const fcc__message *m)
{
    fcc__buf text;
    char digits[12];

    fcc__buf_init(&text, m->tx_id.len + 256);
    fcc__buf_putc(&text, '[');
    fcc__buf_add(&text, m->tx_id);
    fcc__buf_printf(&text, "] Chaincode h cannot handle message (%s) while in state: %s",
                    fcc__type_name(m->type, digits), state_names[s->state]);
    refuse(s, m->tx_id, fcc__buf_bytes(&text));
    fcc__buf_clear(&text);
}

/* ---- budgets ---- */

/* A RESPONSE that the peer may still send for a transaction that has been answered with ERROR. */
struct fcc__stray {
    struct fcc__stray *next;
    size_t channel_len;
    size_t tx_id_len;
    uint8_t text[]; /* channel and transaction */
};

enum { MAX_STRAYS = 1024 };

static void drop_strays(fcc__session *s, size_t keep)
{
    struct fcc__stray **at = &s->strays;

    for (size_t i = 0; i < keep && *at; i++)
        at = &(*at)->next;
    while (*at) {
        struct fcc__stray *stray = *at;

        *at = stray->next;
        free(stray);
        s->stray_count--;
    }
}

static void expect_stray(fcc__session *s, const fcc_stub *stub)
{
    size_t channel = stub->channel.len, tx_id = stub->tx_id.len;
    struct fcc__stray *stray = malloc(sizeof(*stray) + channel + tx_id);

    if (!stray)
        return; /* when it comes, the stream ends */
    stray->channel_len = channel;
    stray->tx_id_len = tx_id;
    if (channel)
        memcpy(stray->text, stub->channel.data, channel);
    if (tx_id)
        memcpy(stray->text + channel, stub->tx_id.data, tx_id);
    stray->next = s->strays;
    s->strays = stray;
    if (++s->stray_count > MAX_STRAYS)
        drop_strays(s, MAX_STRAYS / 2);
}

static bool forget_stray(fcc__session *s, fcc_bytes channel, fcc_bytes tx_id)
{
    for (struct fcc__stray **at = &s->strays; *at; at = &(*at)->next) {
        struct fcc__stray *stray = *at;

        if (!fcc_bytes_equal(fcc_bytes_of(stray->text, stray->channel_len), channel) ||
            !fcc_bytes_equal(fcc_bytes_of(stray->text + stray->channel_len, stray->tx_id_len), tx_id))
            continue;
        *at = stray->next;
        free(stray);
        s->stray_count--;
        return true;
    }
    return false;
}

/* The transaction is answered with ERROR here and now. Its handler's calls fail from now on, and nobody gets its end. */
static void answer_overdue(fcc__session *s, fcc_stub *stub, unsigned budget_ms)
{
    fcc_bytes function = fcc__function_of(s->chaincode, &stub->seen);
    fcc__buf text;
    bool sent;

    fcc__buf_init(&text, function.len + stub->tx_id.len + 128);
    fcc__buf_puts(&text, "E-TIME-01 function ");
    fcc__buf_add(&text, function);
    fcc__buf_puts(&text, " of transaction ");
    fcc__buf_add(&text, stub->tx_id);
    fcc__buf_printf(&text, " exceeded its budget of %u ms", budget_ms);
    sent = send_error(s, stub->tx_id, stub->channel,
                      fcc__buf_ok(&text) ? fcc__buf_bytes(&text)
                                         : FCC_LIT("E-TIME-01 the handler exceeded its budget"));
    fcc__buf_clear(&text);
    if (!sent) {
        end_exhausted(s, "out of memory for a transaction's answer");
        return;
    }
    stub->answered = true;
    if (!stub->duplicate)
        take_out(s, stub);
    stub->seen.status = 0;
    if (s->events->overdue)
        s->events->overdue(s->ctx, &stub->seen, false);
    if (stub->waiting)
        observe(s, FCC__TX_GOES_ON, stub);
    observe(s, FCC__TX_ENDS, stub);
    if (stub->away) {
        s->abandoned++;
        maybe_drained(s);
        return;
    }
    expect_stray(s, stub);
    stub->reply = NULL;
    run(s, stub);
}

void fcc__session_tick(fcc__session *s, unsigned budget, unsigned budget_ms)
{
    enum { GRACE = 2 }; /* ticks, for one that is away to see that its calls fail */

    FCC_REQUIRE(!s->busy);
    s->busy = true;
    s->ticks++;
    for (fcc_stub *stub = s->all, *next; stub && !s->over; stub = next) {
        unsigned age = s->ticks - stub->began;

        next = stub->older;
        if (!stub->answered && age > budget) {
            answer_overdue(s, stub, budget_ms);
        } else if (stub->answered && !stub->held && age > budget + GRACE) {
            stub->held = true;
            if (s->events->overdue)
                s->events->overdue(s->ctx, &stub->seen, true);
        }
    }
    s->busy = false;
}

/* ---- messages ---- */

/* What the peer can take in batches. A payload that cannot be read counts as no offer. */
static void negotiate(fcc__session *s, const fcc__message *m)
{
    enum { LEAST = 100 };
    Protos__ChaincodeAdditionalParams *offer;

    if (m->payload.len == 0)
        return;
    if (FCC__UNPACK(protos__chaincode_additional_params, m->payload, s->out, &offer) == FCC_OK) {
        s->use_batch = offer->use_write_batch;
        s->max_batch = offer->max_size_write_batch < LEAST ? LEAST : offer->max_size_write_batch;
        s->use_multiple = offer->use_get_multiple_keys;
        s->max_multiple = offer->max_size_get_multiple_keys < LEAST ? LEAST : offer->max_size_get_multiple_keys;
    }
    fcc__arena_reset(s->out);
}

/* Let the message, which was read from `wire`, live as long as its transaction. */
static bool keep_message(fcc_stub *stub, const fcc__message *m, fcc_bytes wire)
{
    fcc_bytes kept = wire;

    if (!(wire.len >= FCC__LARGE_BYTES && fcc__arena_has_adopted(stub->arena, stub->session->in, wire)) &&
        !fcc__arena_copy(stub->arena, wire, &kept))
        return false;
    stub->message = fcc__message_moved(m, wire, kept);
    return true;
}

/* A stub that has its message and a coroutine; NULL when out of memory. */
static fcc_stub *new_transaction(fcc__session *s, const fcc__message *m, fcc_bytes wire)
{
    fcc_stub *stub = take_spare(s);

    if (!stub)
        return NULL;
    stub->co = keep_message(stub, m, wire) ? fcc__co_new(s->options.stacks, fcc__transaction_main, stub) : NULL;
    if (stub->co)
        return stub;
    keep_spare(s, stub);
    return NULL;
}

static bool has_enough(const fcc__session *s)
{
    return s->running >= s->options.max_running ||
           (s->running >= FCC__FAIR_RUNNING && fcc__co_pool_active(s->options.stacks) >= s->options.max_stacks);
}

static void refuse_more(fcc__session *s, const fcc__message *m)
{
    char text[120];
    int n = snprintf(text, sizeof(text), "E-STREAM-05 %zu transactions of this peer run: retry on another endorser",
                     s->running);

    turn_away(s, FCC__AWAY_LIMIT, m->tx_id, m->channel, fcc_bytes_of(text, (size_t)n));
}

static void start(fcc__session *s, const fcc__message *m, fcc_bytes wire)
{
    fcc_stub *stub;

    if (s->draining) {
        turn_away(s, FCC__AWAY_DRAIN, m->tx_id, m->channel,
                  FCC_LIT("E-DRAIN-01 the chaincode is shutting down: retry on another endorser"));
        return;
    }
    if (has_enough(s)) {
        refuse_more(s, m);
        return;
    }
    stub = new_transaction(s, m, wire);
    if (!stub) {
        tell_exhausted(s);
        turn_away(s, FCC__AWAY_MEMORY, m->tx_id, m->channel, FCC_LIT("E-CRASH-05 the chaincode is out of memory"));
        return;
    }
    stub->channel = stub->message.channel;
    stub->tx_id = stub->message.tx_id;
    stub->is_init = m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__INIT;
    stub->hash = hash_of(stub->tx_id);
    stub->duplicate = find(s, stub->hash, stub->channel, stub->tx_id) != NULL;
    if (!stub->duplicate)
        insert(s, stub);
    link_in(s, stub);
    stub->began = s->ticks;
    stub->seen = (fcc__seen){
        .channel = stub->channel,
        .tx_id = stub->tx_id,
        .is_init = stub->is_init,
        .function = FCC__NO_FUNCTION,
    };
    observe(s, FCC__TX_BEGINS, stub);
    run(s, stub);
}

static void reply(fcc__session *s, const fcc__message *m)
{
    fcc_stub *stub;

    if (s->strays && forget_stray(s, m->channel, m->tx_id))
        return;
    stub = find(s, hash_of(m->tx_id), m->channel, m->tx_id);
    if (!stub || !stub->waiting) {
        fcc_bytes id = fcc__short_id(m->tx_id);
        char text[64];
        int n = snprintf(text, sizeof(text), "[" FCC_FMT "] responseChannel does not exist", FCC_ARG(id));

        refuse(s, m->tx_id, fcc_bytes_of(text, (size_t)n));
        return;
    }
    stub->reply = m;
    observe(s, FCC__TX_GOES_ON, stub);
    run(s, stub);
}

static void handle(fcc__session *s, const fcc__message *m, fcc_bytes wire)
{
    if (m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__KEEPALIVE) {
        s->events->send(s->ctx, wire);
        return;
    }
    switch (s->state) {
    case FCC__CREATED:
        if (m->type != PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTERED)
            break;
        s->state = FCC__ESTABLISHED;
        return;
    case FCC__ESTABLISHED:
        if (m->type != PROTOS__CHAINCODE_MESSAGE__TYPE__READY)
            break;
        s->state = FCC__READY;
        negotiate(s, m);
        return;
    case FCC__READY:
        if (m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__RESPONSE || m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR) {
            reply(s, m);
            return;
        }
        if (m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__INIT ||
            m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__TRANSACTION) {
            start(s, m, wire);
            return;
        }
        break;
    }
    refuse_in_state(s, m);
}

/* `memory` is NULL for a borrowed message. */
static void receive(fcc__session *s, void *memory, fcc_bytes wire)
{
    fcc__message m;

    FCC_REQUIRE(!s->busy);
    if (s->over) {
        free(memory);
        return;
    }
    s->busy = true;
    if (memory && !fcc__arena_adopt(s->in, memory, (size_t)(wire.data - (const uint8_t *)memory) + wire.len)) {
        free(memory);
        end_exhausted(s, "receive failed: out of memory for a message");
    } else if (!fcc__message_read(wire, &m)) {
        char text[160];

        snprintf(text, sizeof(text), "receive failed: %zu bytes that are no ChaincodeMessage: %s", wire.len,
                 fcc_status_text(FCC_ERR_PROTO));
        end(s, text);
    } else {
        handle(s, &m, wire);
    }
    if (memory)
        fcc__arena_reset(s->in);
    s->busy = false;
}

void fcc__session_receive(fcc__session *s, fcc_bytes wire)
{
    receive(s, NULL, wire);
}

void fcc__session_receive_own(fcc__session *s, void *memory, fcc_bytes wire)
{
    receive(s, memory, wire);
}

/* ---- life ---- */

static void destroy(fcc__session *s)
{
    while (s->spares) {
        fcc_stub *stub = s->spares;

        s->spares = stub->next;
        fcc__stub_free(stub);
    }
    drop_strays(s, 0);
    fcc__arena_free(s->in);
    fcc__arena_free(s->out);
    free(s);
}

void fcc__came_back(void *arg)
{
    fcc_stub *stub = arg;
    fcc__session *s = stub->session;

    FCC_REQUIRE(!s->busy && stub->away);
    s->busy = true;
    stub->away = false;
    s->away--;
    s->abandoned -= stub->answered;
    run(s, stub);
    s->busy = false;
    if (s->orphan && !s->away)
        destroy(s);
}

static bool send_register(fcc__session *s, fcc_bytes ccid)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    message m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes payload, wire;

    id.name = fcc__pb(ccid);
    if (fcc__pack(&id, s->out, &payload) != FCC_OK)
        return false;
    m.type = PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTER;
    m.payload = fcc__pb(payload);
    if (fcc__write_message(s, &m, &wire) != FCC_OK)
        return false;
    send_out(s, wire, NULL);
    return true;
}

fcc_status fcc__session_new(const fcc_chaincode *chaincode, fcc_bytes ccid, const fcc__session_options *options,
                            const fcc__session_events *events, void *ctx, fcc__session **out)
{
    fcc__session *s;

    FCC_REQUIRE(chaincode && options->stacks && events->send && events->close);
    if (ccid.len == 0 || !fcc__utf8_valid(ccid))
        return FCC_ERR_ARG;
    s = calloc(1, sizeof(*s));
    if (!s)
        return FCC_ERR_NOMEM;
    s->chaincode = chaincode;
    s->events = events;
    s->ctx = ctx;
    s->options = *options;
    if (!s->options.memory_bytes)
        s->options.memory_bytes = FCC__MEMORY_BYTES;
    if (!s->options.max_message_bytes)
        s->options.max_message_bytes = FCC__MAX_MESSAGE_BYTES;
    if (!s->options.max_running)
        s->options.max_running = FCC__MAX_RUNNING;
    if (!s->options.max_stacks)
        s->options.max_stacks = FCC__MAX_STACKS;
    s->out = fcc__arena_new(2 * s->options.max_message_bytes + 1024 * 1024); /* a payload, and the message around it */
    s->in = fcc__arena_new(s->options.memory_bytes);
    s->busy = true;
    if (!s->in || !s->out || !send_register(s, ccid)) {
        fcc__arena_free(s->in);
        fcc__arena_free(s->out);
        free(s);
        return FCC_ERR_NOMEM;
    }
    s->busy = false;
    *out = s;
    return FCC_OK;
}

void fcc__session_closed(fcc__session *s)
{
    FCC_REQUIRE(!s->busy);
    s->busy = true;
    let_all_end(s);
    s->busy = false;
}

void fcc__session_drain(fcc__session *s)
{
    FCC_REQUIRE(!s->busy);
    if (s->draining)
        return;
    s->draining = true;
    maybe_drained(s);
}

size_t fcc__session_running(const fcc__session *s)
{
    return s->running - s->abandoned;
}

size_t fcc__session_asking(const fcc__session *s)
{
    return s->asking;
}

size_t fcc__session_requests(const fcc__session *s)
{
    return s->requests;
}

size_t fcc__session_detached(const fcc__session *s)
{
    return s->away;
}

/* Whom a session reports to that has been freed by its owner and waits for handlers that are away. */
static void ignore(void *ctx, fcc_bytes text)
{
}

static void ignore_close(void *ctx, const char *reason)
{
}

static const fcc__session_events nobody = { .send = ignore, .close = ignore_close };

void fcc__session_free(fcc__session *s)
{
    if (!s)
        return;
    fcc__session_closed(s);
    if (!s->away) {
        destroy(s);
        return;
    }
    for (fcc_stub *stub = s->all; stub; stub = stub->older) {
        stub->seen.lost = true;
        observe(s, FCC__TX_ENDS, stub);
    }
    s->events = &nobody;
    s->orphan = true;
}

/* ---- names ---- */

fcc_bytes fcc__function_of(const fcc_chaincode *chaincode, const fcc__seen *seen)
{
    if (seen->is_init)
        return FCC_LIT("INIT");
    return seen->function == FCC__NO_FUNCTION ? FCC_LIT("(unknown)")
                                              : fcc_str(chaincode->functions[seen->function].name);
}

size_t fcc__session_list(const fcc__session *s, size_t most,
                         void (*tell)(fcc_bytes function, fcc_bytes channel, fcc_bytes tx_id))
{
    size_t n = 0;

    for (const fcc_stub *stub = s->all; stub && n < most; stub = stub->older, n++)
        tell(fcc__function_of(s->chaincode, &stub->seen), stub->channel, stub->tx_id);
    return n;
}

void fcc__session_culprit(const void *co_arg, fcc_bytes *function, fcc_bytes *channel, fcc_bytes *tx_id)
{
    const fcc_stub *stub = co_arg;

    *function = fcc__function_of(stub->session->chaincode, &stub->seen);
    *channel = stub->channel;
    *tx_id = stub->tx_id;
}
