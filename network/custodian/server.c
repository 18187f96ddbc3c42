/* The custodian: one question after the other, each answered by what the ledger says now. */
#include "custodian/custodian.h"

#include "base/log.h"
#include "protos/unpack.h"

#include "medsync/custodian.pb-c.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 64, ARENA_MAX = 16 << 20 };

static const char path[] = "/medsync.Custodian/Release";

/* A call that waits for its turn, or for its request. */
typedef struct waiting {
    struct waiting *next;
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

static void serve(custodian *c, waiting *w)
{
    Medsync__ReleaseReply reply = MEDSYNC__RELEASE_REPLY__INIT;
    Medsync__ReleaseRequest *request;
    Medsync__Released **list, *one;
    fcc_error error = { 0 };
    fcc_bytes wire;
    char fp[65];
    size_t i;

    fcc__arena_reset(c->arena);
    if (FCC__UNPACK(medsync__release_request, w->request, c->arena, &request) != FCC_OK || !ids_are_ids(request)) {
        finish(w->call, RPC_INVALID_ARGUMENT, "one audit id and 1 to 100 record ids are needed");
        return;
    }
    if (blob_fingerprint(w->cert, fp, &error) != FCC_OK) {
        finish(w->call, RPC_UNAUTHENTICATED, "a certificate is needed: the one that asked for access on the ledger");
        return;
    }
    list = fcc__arena_zalloc(c->arena, request->n_rec_ids, sizeof(*list));
    for (i = 0; list && i < request->n_rec_ids; i++) {
        one = list[i] = fcc__arena_alloc(c->arena, sizeof(*one));
        if (!one)
            break;
        medsync__released__init(one);
        one->rec_id = request->rec_ids[i];
        if (release(c, w, fp, fcc__of_pb(request->audit_id), fcc__of_pb(request->rec_ids[i]), one) == NO_PEER) {
            finish(w->call, RPC_UNAVAILABLE, "the custodian's own peer does not answer");
            return;
        }
    }
    reply.released = list;
    reply.n_released = request->n_rec_ids;
    if (!list || i < request->n_rec_ids || fcc__pack(&reply, c->arena, &wire) != FCC_OK ||
        rpc_send(w->call, wire) != FCC_OK) {
        finish(w->call, RPC_RESOURCE_EXHAUSTED, "the custodian is out of memory");
        return;
    }
    finish(w->call, RPC_OK, "");
}

/* ---- calls come and go ---- */

static void drop(waiting *w)
{
    free((void *)(uintptr_t)w->cert.data);
    free((void *)(uintptr_t)w->request.data);
    free(w);
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    waiting *w = ctx;
    custodian *c = w->owner;
    uint8_t *copy;

    if (w->request.data)
        return; /* one request a call */
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
 * takes its time.
 */
static void serve_all(custodian *c)
{
    while (c->first) {
        waiting *w = c->first;

        c->first = w->next;
        if (!c->first)
            c->last = &c->first;
        c->count--;
        if (w->call) {
            serve(c, w);
            w->queued = false; /* on_closed frees it */
        } else {
            drop(w);
        }
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
