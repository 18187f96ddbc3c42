/*
 * Following: blocks from the checkpoint on, reminders in between, each notice to every sink before the next one.
 */
#include "notify/private.h"

#include "base/utf8.h"
#include "base/hash.h"
#include "client/direct.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ARENA_MAX = 256 << 20,
    PAUSE_LEAST_MS = 500,
    PAUSE_MOST_MS = 60000,
    LOOK_MS = 30000,
    NOTE_MS = 1000,
    ID_MAX = 256
};

typedef struct follower {
    const notify_options *o;
    notify_state *state;
    client *who;
    client *asks; /* with --mine: a connection of its own, since the other one is reading blocks meanwhile */
    fcc__arena *arena;
    fcc_status st; /* of what went wrong inside of a callback */
    fcc_error *error;
    int64_t delivered;
    int64_t reminders_at; /* when reminders are asked for next, monotonic ms */
    int64_t heard_at;     /* when something came last */
    uint64_t next;        /* the block that is awaited */
    bool reached;         /* in the checkpoint's block: behind its transaction */
    bool enough;
    bool connected;
    bool was_there;   /* the network: that it is missing now passes, as while it starts again */
    bool local;       /* what went wrong is not the peer's: asking it again mends nothing */
    bool dirty;       /* `next` is not in the checkpoint yet */
    int64_t noted_at; /* when the checkpoint was written last */
} follower;

static fcc_status local(follower *f, fcc_status st)
{
    f->local = f->local || st != FCC_OK;
    return st;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

/* A random pause that grows with the number of failures, so that many followers don't come back at once. */
static void back_off(int failures)
{
    int64_t most = PAUSE_LEAST_MS;
    uint32_t random = 0;

    while (failures-- > 1 && most < PAUSE_MOST_MS)
        most *= 2;
    if (most > PAUSE_MOST_MS)
        most = PAUSE_MOST_MS;
    if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1)
        random = 0;
    pause_ms(most / 2 + random % (most / 2));
}

static void say(const follower *f, fcc__code code, const char *format, ...) FCC_PRINTF(3, 4);
static void say(const follower *f, fcc__code code, const char *format, ...)
{
    char text[1400];
    va_list args;

    if (!f->o->log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    f->o->log(f->o->log_ctx, code, text);
}

/* ---- one notice ------------------------------------------------------------------------------------------------------ */

/* The body with how it is delivered; malloc'ed. */
static char *text_of(const json_t *body, int tries)
{
    json_t *whole = json_copy((json_t *)(uintptr_t)body);
    json_t *delivery = json_pack("{s:s, s:i, s:b}", "guarantee", "at-least-once", "attempt", tries + 1, "mayRepeat",
                                 tries > 0);
    char *text = NULL;

    if (whole && delivery && json_object_set(whole, "delivery", delivery) == 0)
        text = json_dumps(whole, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(delivery);
    json_decref(whole);
    return text;
}

/* Until every sink has it, or it is given up and kept. */
static fcc_status deliver(follower *f, notice *n, const json_t *body)
{
    fcc_error why = { 0 };
    fcc_status st = FCC_OK;
    int64_t failures = 0;
    size_t i = 0;
    int before;

    n->at = (int64_t)time(NULL);
    while (i < f->o->sink_count) {
        char *text;

        if ((st = notify__state_begin(f->state, n->id, &before, f->error)) != FCC_OK)
            return local(f, st);
        if (!(text = text_of(body, before)))
            return local(f, fcc_error_set(f->error, FCC_ERR_NOMEM, "out of memory"));
        n->text = text;
        /* who has taken it isn't asked again, unless the process ends in between */
        while (i < f->o->sink_count && (st = notify_give(f->o->sinks[i], n, &why)) == FCC_OK)
            i++;
        if (i == f->o->sink_count) {
            free(text);
            break;
        }
        failures++;
        say(f, FCC__E_NOTE_REFUSED, "%s does not take notice %s (%s): %s", notify_sink_name(f->o->sinks[i]), n->id,
            fcc_status_name(st), why.text);
        if (f->o->give_up > 0 && failures >= f->o->give_up) {
            st = notify__state_undelivered(f->state, n, why.text, f->error);
            free(text);
            if (st != FCC_OK)
                return local(f, st);
            say(f, FCC__E_NOTE_GIVEN_UP, "notice %s is given up after %lld tries, and kept in %s/undelivered.jsonl",
                n->id, (long long)failures, f->o->state);
            failures = 0;
            i++;
            continue;
        }
        free(text);
        back_off((int)(failures < 30 ? failures : 30));
    }
    f->delivered++;
    f->heard_at = now_ms();
    f->enough = f->o->count > 0 && f->delivered >= f->o->count;
    return FCC_OK;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

/* Whether `name` is one of a list with commas. */
static bool listed(const char *list, const char *name, size_t len)
{
    while (*list) {
        size_t n = strcspn(list, ",");

        if (n == len && !memcmp(list, name, n))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static bool wanted(const notify_options *o, const char *kind, fcc_bytes name)
{
    const char *kinds = o->kinds ? o->kinds : "break-glass,recall,appointment,medicine";

    if (o->events)
        return listed(o->events, (const char *)name.data, name.len);
    return !strcmp(kinds, "all") || listed(kinds, kind, strlen(kind));
}

static json_t *text_json(fcc_bytes b)
{
    return json_stringn(b.len ? (const char *)b.data : "", b.len);
}

static json_t *payload_json(fcc__arena *arena, fcc_bytes payload)
{
    json_t *parsed = json_loadb((const char *)payload.data, payload.len, JSON_REJECT_DUPLICATES, NULL);

    if (parsed)
        return parsed;
    return fcc__utf8_valid(payload) ? text_json(payload)
                                    : json_pack("{s:o}", "base64", text_json(fcc__base64(arena, payload)));
}

static fcc_status tell(follower *f, const notify_event *e, bool *told)
{
    const notify_kind *known = notify_kind_of(e->chaincode, e->name);
    const char *kind = known ? known->kind : "other";
    char id[ID_MAX], at[32];
    notice n = { .id = id, .kind = kind };
    time_t seconds = (time_t)e->at;
    bool mine = true;
    fcc_status st;
    json_t *body;
    struct tm tm;

    *told = false;
    if (!wanted(f->o, kind, e->name))
        return FCC_OK;
    if (f->o->mine && (st = notify__is_mine(f->asks, f->o->pid, e, &mine, f->error)) != FCC_OK)
        return st;
    if (!mine)
        return FCC_OK;
    snprintf(id, sizeof(id), FCC_FMT, FCC_ARG(e->txid));
    n.title = known ? known->title : "Something happened on the channel";
    gmtime_r(&seconds, &tm);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
    body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:s, s:o}", "id", id, "kind", kind, "title", n.title,
                     "channel", client_channel(f->who), "chaincode", text_json(e->chaincode), "event",
                     text_json(e->name), "txId", text_json(e->txid), "block", (json_int_t)e->block, "at", at, "payload",
                     payload_json(f->arena, e->payload));
    if (!body)
        return fcc_error_set(f->error, FCC_ERR_NOMEM, "out of memory");
    st = deliver(f, &n, body);
    *told = true;
    json_decref(body);
    return st;
}

/* Write down how far it came: before the next notice, else now and then, so that catching up is no work for the disk. */
static fcc_status note(follower *f, uint64_t block, const char *txid)
{
    f->dirty = false;
    f->noted_at = now_ms();
    return local(f, notify__state_reached(f->state, block, txid, f->error));
}

static bool on_event(void *ctx, const notify_event *e)
{
    follower *f = ctx;
    client_checkpoint at = notify__state_at(f->state);
    char txid[65];
    bool told;

    if (!f->reached) { /* what was dealt with before, up to the checkpoint's transaction */
        f->reached = fcc_bytes_equal(e->txid, fcc_str(at.txid));
        return true;
    }
    if ((f->st = tell(f, e, &told)) != FCC_OK || !told)
        return f->st == FCC_OK;
    snprintf(txid, sizeof(txid), FCC_FMT, FCC_ARG(e->txid));
    f->st = note(f, e->block, txid);
    return f->st == FCC_OK && !f->enough;
}

static bool on_block(void *ctx, uint64_t number, fcc_bytes message)
{
    follower *f = ctx;
    client_checkpoint at = notify__state_at(f->state);
    fcc_status read;

    f->connected = true;
    f->heard_at = now_ms();
    fcc__arena_reset(f->arena);
    f->reached = !(at.known && at.block == number && at.txid[0]);
    f->st = FCC_OK;
    read = notify_block_events(message, f->arena, on_event, f, f->error);
    if (f->st == FCC_OK)
        f->st = read;
    if (f->st != FCC_OK || f->enough)
        return false;
    f->next = number + 1;
    f->dirty = true;
    if (now_ms() - f->noted_at >= NOTE_MS)
        f->st = note(f, f->next, "");
    return f->st == FCC_OK && now_ms() < f->reminders_at;
}

/* ---- reminders ------------------------------------------------------------------------------------------------------- */

static fcc_status remind(follower *f)
{
    int64_t now = (int64_t)time(NULL) + f->o->who.clock_offset_s;
    notify_due *due = NULL;
    fcc_status st;
    size_t count = 0, i;

    f->reminders_at = now_ms() + f->o->every_s * 1000;
    if (!f->o->pid)
        return FCC_OK;
    if ((st = notify__due(f->who, f->o->pid, &due, &count, f->error)) != FCC_OK)
        return st;
    notify__state_forget(f->state, now - 86400);
    for (i = 0; i < count && st == FCC_OK && !f->enough; i++) {
        notice n = { .id = due[i].id, .kind = due[i].kind, .title = due[i].title };

        if (due[i].until < now || due[i].from > now + f->o->ahead_s || notify__state_reminded(f->state, n.id))
            continue;
        if ((st = deliver(f, &n, due[i].body)) == FCC_OK)
            st = local(f, notify__state_remind(f->state, n.id, due[i].until, f->error));
    }
    notify__due_free(due, count);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

/* Whether to try again mends it: the peer is away, is starting, or has lost its own peers. */
static bool passing(fcc_status st)
{
    return st == FCC_ERR_IO || st == FCC_ERR_TIMEOUT || st == FCC_ERR_PEER || st == FCC_ERR_PROTO;
}

/* Where to begin without a checkpoint. It is one from then on, so that nothing is missed from the first start on. */
static fcc_status begin(follower *f)
{
    Common__BlockchainInfo *info;
    fcc_status st;

    if (f->o->from >= 0) {
        f->next = (uint64_t)f->o->from;
        return FCC_OK;
    }
    if (f->o->from == CLIENT_OLDEST) {
        f->next = 0;
        return FCC_OK;
    }
    fcc__arena_reset(f->arena);
    if ((st = client_chain_info(f->who, NULL, f->arena, &info, f->error)) != FCC_OK)
        return st;
    f->next = info->height;
    return note(f, f->next, "");
}

/* Until there is nothing for a while, reminders are due, or it fails. */
static fcc_status listen(follower *f)
{
    int64_t until = f->reminders_at - now_ms();
    client_blocks_options b = { .source = CLIENT_BLOCKS, .to = CLIENT_FOREVER };
    fcc_status st;

    b.from = (int64_t)f->next;
    b.idle_ms = until > 0 && until < LOOK_MS ? until : LOOK_MS;
    if (f->o->idle_ms > 0 && f->o->idle_ms < b.idle_ms)
        b.idle_ms = f->o->idle_ms;
    f->st = FCC_OK;
    st = client_blocks(f->who, &b, on_block, f, f->error);
    if (f->st != FCC_OK)
        st = f->st;
    return st == FCC_OK && f->dirty && !f->enough ? note(f, f->next, "") : st;
}

static fcc_status follow(follower *f)
{
    int failures = 0;
    fcc_status st;

    f->heard_at = now_ms();
    for (;;) {
        f->connected = false;
        f->error->status = FCC_OK;
        st = f->who ? FCC_OK : client_open(&f->o->who, &f->who, f->error);
        if (st == FCC_OK && f->o->mine && !f->asks)
            st = client_open(&f->o->who, &f->asks, f->error);
        f->was_there = f->was_there || st == FCC_OK;
        if (st == FCC_OK && f->next == UINT64_MAX)
            st = begin(f);
        if (st == FCC_OK && now_ms() >= f->reminders_at)
            st = remind(f);
        if (st == FCC_OK && !f->enough)
            st = listen(f);
        if (f->enough)
            return FCC_OK;
        if (st == FCC_OK) {
            failures = 0;
            if (f->o->idle_ms > 0 && now_ms() - f->heard_at >= f->o->idle_ms)
                return FCC_OK;
            continue;
        }
        if (f->local || !(passing(st) || (st == FCC_ERR_NOT_FOUND && f->was_there && !f->who)))
            return st;
        failures = f->connected ? 1 : failures + 1;
        if (failures == 1 || failures % 10 == 0)
            say(f, FCC__E_NOTE_PEER, "the peer will be asked again: %s", f->error->text);
        client_close(f->who);
        client_close(f->asks);
        f->who = f->asks = NULL;
        back_off(failures);
    }
}

fcc_status notify_run(const notify_options *o, fcc_error *error)
{
    follower f = { .o = o, .error = error, .next = UINT64_MAX };
    client_checkpoint at;
    fcc_status st;

    f.arena = fcc__arena_new(ARENA_MAX);
    st = f.arena ? notify__state_open(o->state, &f.state, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK) {
        at = notify__state_at(f.state);
        if (at.known)
            f.next = at.block;
        if (!o->pid)
            f.reminders_at = INT64_MAX;
        st = follow(&f);
    }
    client_close(f.who);
    client_close(f.asks);
    notify__state_close(f.state);
    fcc__arena_free(f.arena);
    return st;
}
