/* The custodian: one question after the other, each answered by what the ledger says now. */
#include "custodian/custodian.h"

#include "base/log.h"
#include "protos/unpack.h"

#include "medsync/custodian.pb-c.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whoever has a certificate of the consortium gets this far, patients too. So one reader takes few places and little memory,
 * and leaves the others theirs, also by calls in which nothing is asked.
 */
enum {
    WAITING_MAX = 64,
    OPEN_MAX = 512,
    READER_MAX = 8,
    REQUEST_MAX = 16 << 10, /* more than CUSTODIAN_BATCH ids are */
    ARENA_MAX = 16 << 20
};

static const char path[] = "/medsync.Custodian/Release";
static const char no_peer[] = "the custodian's own peer does not answer";

/* A call that waits for its turn, or for its request. */
typedef struct waiting {
    struct waiting *next;
    struct waiting *older, *newer; /* of all that are open */
    custodian *owner;
    rpc_call *call;    /* NULL: over */
    fcc_bytes cert;    /* malloc'ed PEM */
    fcc_bytes request; /* malloc'ed; no data: not come yet */
    bool queued;       /* in the custodian's list, which frees it */
} waiting;

struct custodian {
    rpc_loop *loop;
    rpc_server *server;
    client *peer;
    const blob_custody *const *custody;
    size_t custody_count;
    fcc__arena *arena;
    waiting *first, **last;
    size_t count;
    waiting *newest; /* open, whether they have asked or not */
    size_t open;
    bool stopping, drained;
};

/* ---- one record ---- */

static void told(const char *what, const char *why, fcc_bytes audit_id, fcc_bytes rec_id, const char *fp)
{
    const fcc__log_field fields[] = {
        { "auditId", audit_id, false },
        { "recId", rec_id, false },
        { "reader", fcc_str(fp), false },
        { "reason", fcc_str(why), false },
    };

    fcc__log_with(FCC__INFO, what, fields, why ? 4 : 3);
}

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* The chaincode's code of refusal. */
static const char *code_of(custodian *c, const client_answer *answer)
{
    json_t *words = json_loadb((const char *)answer->payload.data, answer->payload.len, 0, NULL);
    const char *code = text_of(words, "code");

    code = code ? fcc__arena_printf(c->arena, "%s", code) : NULL;
    json_decref(words);
    return code ? code : "refused by the chaincode";
}

typedef enum verdict { RELEASED, REFUSED, NO_PEER } verdict;

static verdict evaluate(custodian *c, fcc_bytes audit_id, fcc_bytes rec_id, json_t **out, const char **why)
{
    const fcc_bytes args[] = { FCC_LIT("GetKey"), audit_id, rec_id };
    const char *orgs[] = { client_mspid(c->peer) };
    const client_call call = {
        .chaincode = "ehr", .args = args, .arg_count = 3, .orgs = orgs, .org_count = 1, .retries = 0
    };
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st = client_query(c->peer, &call, c->arena, &answer, &error);

    if (st == FCC_ERR_APP) {
        *why = code_of(c, &answer);
        return REFUSED;
    }
    if (st != FCC_OK) {
        fcc__log_code(FCC__ERROR, FCC__E_CUST_PEER, "GetKey was not answered: %s", error.text);
        return NO_PEER;
    }
    *out = json_loadb((const char *)answer.payload.data, answer.payload.len, JSON_REJECT_DUPLICATES, NULL);
    *why = "GetKey answered something else";
    return *out ? RELEASED : REFUSED;
}

/* Records stay sealed to the custody key that the ledger had when they were made: any of them may be it. */
static bool unseal(const custodian *c, fcc_bytes dek, uint8_t key[BLOB_KEY_LEN], fcc_error *error)
{
    size_t i;

    for (i = 0; i < c->custody_count; i++)
        if (blob_unseal(c->custody[i], dek, key, error) == FCC_OK)
            return true;
    return false;
}

static verdict release(custodian *c, const waiting *w, const char *fp, fcc_bytes audit_id, fcc_bytes rec_id,
                       Medsync__Released *out)
{
    fcc_bytes context = custodian__context(c->arena, audit_id, rec_id);
    uint8_t key[BLOB_KEY_LEN] = { 0 }, *sealed = fcc__arena_alloc(c->arena, BLOB_RELEASED_MAX);
    const char *why = "out of memory", *named;
    fcc_error error = { 0 };
    json_t *answer = NULL;
    verdict v = REFUSED;
    size_t len = 0;

    if (!sealed || context.len == 0)
        goto out;
    v = evaluate(c, audit_id, rec_id, &answer, &why);
    if (v == NO_PEER)
        why = no_peer;
    if (v != RELEASED)
        goto out;
    v = REFUSED;
    named = text_of(answer, "fp");
    why = "the grant is of another certificate's key";
    if (!named || strcmp(named, fp) != 0)
        goto out;
    why = error.text;
    if (!text_of(answer, "recId") || !fcc_bytes_equal(fcc_str(text_of(answer, "recId")), rec_id)) {
        why = "GetKey answered for another record";
        goto out;
    }
    if (!unseal(c, fcc_str(text_of(answer, "dek")), key, &error)) {
        fcc__log_code(FCC__ERROR, FCC__E_CUST_KEY, "a data key cannot be opened: %s", error.text);
        goto out;
    }
    if (blob_release(w->cert, context, key, sealed, &len, &error) != FCC_OK)
        goto out;
    out->sealed = fcc__pb(fcc_bytes_of(sealed, len));
    v = RELEASED;
out:
    blob_wipe(key, sizeof(key));
    told(v == RELEASED ? "key released" : "key refused", v == RELEASED ? NULL : why, audit_id, rec_id, fp);
    json_decref(answer);
    return v;
}

/* ---- one request ---- */

static void finish(rpc_call *call, rpc_code code, const char *words)
{
    rpc_finish(call, code, fcc_str(words), fcc_bytes_of(NULL, 0));
}

static bool ids_are_ids(const Medsync__ReleaseRequest *r)
{
    size_t i;

    for (i = 0; i < r->n_rec_ids; i++)
        if (!custodian__is_id(fcc__of_pb(r->rec_ids[i])))
            return false;
    return r->n_rec_ids > 0 && r->n_rec_ids <= CUSTODIAN_BATCH && custodian__is_id(fcc__of_pb(r->audit_id));
}

/* false: its own peer does not answer */
static bool serve(custodian *c, waiting *w)
{
    Medsync__ReleaseReply reply = MEDSYNC__RELEASE_REPLY__INIT;
    Medsync__ReleaseRequest *request;
    Medsync__Released **list, *one;
    fcc_error error = { 0 };
    const char *why;
    fcc_bytes wire;
    char fp[65];
    size_t i;

    fcc__arena_reset(c->arena);
    if (FCC__UNPACK(medsync__release_request, w->request, c->arena, &request) != FCC_OK || !ids_are_ids(request)) {
        finish(w->call, RPC_INVALID_ARGUMENT, "one audit id and 1 to 100 record ids are needed");
        return true;
    }
    if (blob_fingerprint(w->cert, fp, &error) != FCC_OK) {
        finish(w->call, RPC_UNAUTHENTICATED, "a certificate is needed: the one that asked for access on the ledger");
        return true;
    }
    if (custodian__judge_reader(c->peer, w->cert, c->arena, &why, &error) != FCC_OK) {
        fcc__log_code(FCC__ERROR, FCC__E_CUST_PEER, "the channel's configuration was not answered: %s", error.text);
        why = no_peer;
    }
    if (why) {
        for (i = 0; i < request->n_rec_ids; i++)
            told("key refused", why, fcc__of_pb(request->audit_id), fcc__of_pb(request->rec_ids[i]), fp);
        finish(w->call, why == no_peer ? RPC_UNAVAILABLE : RPC_PERMISSION_DENIED,
               why == no_peer ? no_peer : "the channel does not take this certificate");
        return why != no_peer;
    }
    list = fcc__arena_zalloc(c->arena, request->n_rec_ids, sizeof(*list));
    for (i = 0; list && i < request->n_rec_ids; i++) {
        if (i > 0)
            rpc_loop_poll(c->loop, 0); /* who has gone meanwhile isn't answered any more */
        if (!w->call)
            return true;
        one = list[i] = fcc__arena_alloc(c->arena, sizeof(*one));
        if (!one)
            break;
        medsync__released__init(one);
        one->rec_id = request->rec_ids[i];
        if (release(c, w, fp, fcc__of_pb(request->audit_id), fcc__of_pb(request->rec_ids[i]), one) == NO_PEER) {
            finish(w->call, RPC_UNAVAILABLE, no_peer);
            return false;
        }
    }
    reply.released = list;
    reply.n_released = request->n_rec_ids;
    if (!list || i < request->n_rec_ids || fcc__pack(&reply, c->arena, &wire) != FCC_OK ||
        rpc_send(w->call, wire) != FCC_OK) {
        finish(w->call, RPC_RESOURCE_EXHAUSTED, "the custodian is out of memory");
        return true;
    }
    finish(w->call, RPC_OK, "");
    return true;
}

/* ---- calls come and go ---- */

static void drop(waiting *w)
{
    free((void *)(uintptr_t)w->cert.data);
    free((void *)(uintptr_t)w->request.data);
    free(w);
}

static void enter(waiting *w)
{
    custodian *c = w->owner;

    w->older = c->newest;
    if (c->newest)
        c->newest->newer = w;
    c->newest = w;
    c->open++;
}

static void leave(waiting *w)
{
    custodian *c = w->owner;

    if (w->newer)
        w->newer->older = w->older;
    else
        c->newest = w->older;
    if (w->older)
        w->older->newer = w->newer;
    c->open--;
}

/* How many calls this reader has open. */
static size_t open_of(const custodian *c, fcc_bytes cert)
{
    size_t n = 0;

    for (const waiting *w = c->newest; w; w = w->older)
        n += fcc_bytes_equal(w->cert, cert);
    return n;
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    waiting *w = ctx;
    custodian *c = w->owner;
    uint8_t *copy;

    if (w->request.data)
        return; /* one request a call */
    if (message.len > REQUEST_MAX) {
        finish(call, RPC_INVALID_ARGUMENT, "a question is smaller than 16 KiB");
        return;
    }
    if (c->count >= WAITING_MAX || !(copy = malloc(message.len + 1))) {
        finish(call, RPC_RESOURCE_EXHAUSTED, "too many wait for this custodian: try again");
        return;
    }
    if (message.len)
        memcpy(copy, message.data, message.len);
    w->request = fcc_bytes_of(copy, message.len);
    w->queued = true;
    *c->last = w;
    c->last = &w->next;
    c->count++;
    rpc_loop_stop(c->loop); /* its turn has come */
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    waiting *w = ctx;

    (void)call;
    (void)status;
    w->call = NULL;
    leave(w);
    if (!w->queued)
        drop(w); /* the others go when their turn comes */
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

static const rpc_events *on_call(rpc_call *call, void *ctx, void **call_ctx)
{
    custodian *c = ctx;
    waiting *w = calloc(1, sizeof(*w));

    if (!w) {
        finish(call, RPC_RESOURCE_EXHAUSTED, "the custodian is out of memory");
        return NULL;
    }
    w->owner = c;
    w->call = call;
    w->cert = rpc_peer_certificate(call);
    if (c->open >= OPEN_MAX || open_of(c, w->cert) >= READER_MAX) {
        drop(w);
        finish(call, RPC_RESOURCE_EXHAUSTED, "too many calls are open at this custodian: try again");
        return NULL;
    }
    enter(w);
    *call_ctx = w;
    return &events;
}

/* ---- the process ---- */

fcc_status custodian_start(rpc_loop *loop, const custodian_options *o, custodian **out, int *port, fcc_error *error)
{
    custodian *c = calloc(1, sizeof(*c));
    fcc_status st = FCC_ERR_NOMEM;

    if (!c || !(c->arena = fcc__arena_new(ARENA_MAX))) {
        fcc_error_set(error, st, "out of memory");
        goto out;
    }
    c->loop = loop;
    c->peer = o->peer;
    c->custody = o->custody;
    c->custody_count = o->custody_count;
    c->last = &c->first;
    if (o->tls.ca.len == 0) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "a custodian needs to know who may issue its readers' certificates");
        goto out;
    }
    if ((st = rpc_server_new(loop, &c->server, error)) != FCC_OK ||
        (st = rpc_server_listen(c->server, o->listen, &o->tls, port, error)) != FCC_OK)
        goto out;
    if ((st = rpc_server_method(c->server, path, on_call, c)) != FCC_OK ||
        (st = rpc_server_start(c->server)) != FCC_OK) {
        fcc_error_set(error, st, "the custodian's service cannot be started");
        goto out;
    }
    *out = c;
    c = NULL;
out:
    custodian_free(c);
    return st;
}

/*
 * Calls are collected by the loop and served between its turns, because asking the peer turns a loop of its own and
 * takes its time. When the peer did not answer, those who have waited meanwhile are told so, instead of each waiting for
 * its silence anew: so signals, too, are heard in time.
 */
static void serve_all(custodian *c)
{
    size_t in_vain = 0;

    while (c->first) {
        waiting *w = c->first;
        bool answered = true;

        c->first = w->next;
        if (!c->first)
            c->last = &c->first;
        c->count--;
        if (w->call && in_vain > 0)
            finish(w->call, RPC_UNAVAILABLE, no_peer);
        else if (w->call)
            answered = serve(c, w);
        in_vain -= in_vain > 0;
        w->queued = false; /* on_closed frees it */
        if (!w->call)
            drop(w);
        rpc_loop_poll(c->loop, 0);
        if (!answered)
            in_vain = c->count;
    }
}

static void drained(void *ctx)
{
    custodian *c = ctx;

    c->drained = true;
    rpc_loop_stop(c->loop);
}

void custodian_run(custodian *c)
{
    enum { TURN_MS = 500, LAST_TURNS = 10 }; /* who has asked nothing by then has a call and no question */
    int left;

    while (!c->stopping) {
        rpc_loop_poll(c->loop, TURN_MS);
        serve_all(c);
    }
    rpc_server_drain(c->server, drained, c);
    for (left = LAST_TURNS; !c->drained && left > 0; left--) {
        rpc_loop_poll(c->loop, TURN_MS);
        serve_all(c);
    }
}

void custodian_stop(custodian *c)
{
    c->stopping = true;
    rpc_loop_stop(c->loop);
}

void custodian_free(custodian *c)
{
    if (!c)
        return;
    rpc_server_free(c->server);
    while (c->first) {
        waiting *next = c->first->next;

        drop(c->first);
        c->first = next;
    }
    fcc__arena_free(c->arena);
    free(c);
}
