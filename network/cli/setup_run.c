/* setup_run.c: a plan's acts, endorsed one after the other and submitted together, wave by wave. */
#include "cli/setup.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ACT_ARENA = 16 << 20,
    ROUNDS = 8, /* how often acts that conflicted with others are endorsed anew */
    MVCC_READ_CONFLICT = 11,
    PHANTOM_READ_CONFLICT = 12
};

/* Somebody who signs, connected when first needed. */
typedef struct person {
    const config_user *user;
    client *who;
} person;

typedef struct crew {
    setup_plan *plan;
    person *people;
    size_t count;
    setup_progress progress;
    void *ctx;
    setup_report *report;
} crew;

/* One act on its way. */
typedef struct flight {
    setup_act *act;
    client *who;
    fcc__arena *arena;
    client_transaction transaction;
} flight;

static fcc_status find_person(crew *c, const setup_act *act, client **out)
{
    client_options options = { .dir = c->plan->dir, .user = act->user->name, .org = act->org->mspid };
    fcc_status st;

    for (size_t i = 0; i < c->count; i++)
        if (c->people[i].user == act->user) {
            *out = c->people[i].who;
            return FCC_OK;
        }
    if ((st = client_open(&options, out, c->plan->error)) != FCC_OK)
        return st;
    c->people[c->count++] = (person){ act->user, *out };
    return FCC_OK;
}

static void settle(crew *c, setup_act *act, setup_state state, const char *why)
{
    act->state = state;
    act->why = why ? fcc__arena_printf(c->plan->arena, "%s", why) : NULL;
    c->report->made += state == SETUP_MADE;
    c->report->there += state == SETUP_THERE;
    c->report->refused += state == SETUP_REFUSED;
    if (c->progress)
        c->progress(c->ctx, act, c->report);
}

/* {"code":"ALREADY",...} */
static bool is_already(const client_answer *answer)
{
    json_t *words = json_loadb((const char *)answer->payload.data, answer->payload.len, 0, NULL);
    const char *code = json_string_value(json_object_get(words, "code"));
    const bool is = answer->status == 409 && code && strcmp(code, "ALREADY") == 0;

    json_decref(words);
    return is;
}

static void endorse(crew *c, flight *f)
{
    static const char *const care[] = { "HospitalMSP", "ClinicMSP" };
    setup_act *act = f->act;
    const client_transient transient = { "in", act->in };
    const client_call call = { .chaincode = act->chaincode,
                               .args = act->args,
                               .arg_count = act->arg_count,
                               .transient = &transient,
                               .transient_count = act->in.len > 0,
                               .orgs = act->endorsers ? act->endorsers : care,
                               .org_count = act->care || act->endorsers ? 2 : 0 };
    client_proposal proposal;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st = client_propose(f->who, &call, f->arena, &proposal, &error);

    if (st == FCC_OK)
        st = client_endorse(f->who, &call, &proposal, f->arena, &f->transaction, &answer, &error);
    if (st == FCC_OK)
        st = client_sign(f->who, &f->transaction, f->arena, &error);
    if (st == FCC_ERR_APP && is_already(&answer))
        settle(c, act, SETUP_THERE, NULL);
    else if (st != FCC_OK)
        settle(c, act, SETUP_REFUSED, error.text);
}

static void submit(crew *c, flight *f)
{
    client_answer answer = { 0 };
    fcc_error error = { 0 };

    if (client_submit(f->who, &f->transaction, f->arena, &answer, &error) != FCC_OK)
        settle(c, f->act, SETUP_REFUSED, error.text);
}

/* Leaves an act open that lost against another one: it is endorsed anew. */
static void await(crew *c, flight *f)
{
    client_answer answer = { 0 };
    fcc_error error = { 0 };

    if (client_commit_status(f->who, f->transaction.txid, f->arena, &answer, &error) != FCC_OK)
        settle(c, f->act, SETUP_REFUSED, error.text);
    else if (answer.validation == 0)
        settle(c, f->act, SETUP_MADE, NULL);
    else if (answer.validation != MVCC_READ_CONFLICT && answer.validation != PHANTOM_READ_CONFLICT)
        settle(c, f->act, SETUP_REFUSED, client_validation_name(answer.validation));
}

static void each(crew *c, flight *flights, size_t n, void (*step)(crew *c, flight *f))
{
    for (size_t i = 0; i < n; i++)
        if (flights[i].act->state == SETUP_OPEN)
            step(c, &flights[i]);
}

/* The acts of a wave that are open. */
static size_t board(const setup_plan *plan, int wave, flight *flights)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->count; i++)
        if (plan->acts[i].wave == wave && plan->acts[i].state == SETUP_OPEN)
            flights[n++] = (flight){ .act = &plan->acts[i] };
    return n;
}

static fcc_status run_round(crew *c, flight *flights, size_t n)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < n; i++) {
        flights[i].arena = fcc__arena_new(ACT_ARENA);
        if (!flights[i].arena)
            st = fcc_error_set(c->plan->error, FCC_ERR_NOMEM, "out of memory");
        else
            st = find_person(c, flights[i].act, &flights[i].who);
    }
    if (st == FCC_OK) {
        each(c, flights, n, endorse);
        each(c, flights, n, submit);
        each(c, flights, n, await);
    }
    for (size_t i = 0; i < n; i++)
        fcc__arena_free(flights[i].arena);
    return st;
}

static fcc_status run_wave(crew *c, int wave, flight *flights)
{
    fcc_status st = FCC_OK;
    size_t n = 0;

    for (int round = 0; st == FCC_OK && round < ROUNDS && (n = board(c->plan, wave, flights)) > 0; round++)
        st = run_round(c, flights, n);
    n = st == FCC_OK ? board(c->plan, wave, flights) : 0;
    for (size_t i = 0; i < n; i++)
        settle(c, flights[i].act, SETUP_REFUSED, "conflicts with other transactions, again and again");
    return st;
}

fcc_status setup_run(setup_plan *plan, setup_progress progress, void *ctx, setup_report *report)
{
    crew c = { .plan = plan, .progress = progress, .ctx = ctx, .report = report };
    flight *flights = calloc(plan->count + 1, sizeof(*flights));
    fcc_status st = FCC_OK;

    *report = (setup_report){ .all = plan->count };
    c.people = calloc(plan->count + 1, sizeof(*c.people));
    if (!flights || !c.people)
        st = fcc_error_set(plan->error, FCC_ERR_NOMEM, "out of memory");
    for (int wave = 0; st == FCC_OK && report->refused == 0 && wave < SETUP_WAVES_MAX; wave++)
        st = run_wave(&c, wave, flights);
    if (st == FCC_OK && report->refused > 0)
        st = fcc_error_set(plan->error, FCC_ERR_APP, "%zu of %zu acts were refused", report->refused, report->all);
    for (size_t i = 0; i < c.count; i++)
        client_close(c.people[i].who);
    free(c.people);
    free(flights);
    return st;
}
