/*
 * crowd.c: many patients after few slots, on real blocks: all of them hold at once, as many win as there are slots, and
 * each of the others is told, on trying again, which slot is whose.
 */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENTS = 500, SLOTS = 100, DAYS = 2, MINUTES = 15, NINE = 9 * 3600, DAY = 86400, MVCC_READ_CONFLICT = 11 };
enum { MEMORY = 512 << 20 };

typedef struct runner {
    char pid[SCENE_PID], id[SCENE_ID];
    const char *start;
    client_transaction tx;
    bool endorsed, submitted;
    int validation;
} runner;

/* Each endorses before the first is submitted; then all are, and each is waited for. */
static bool at_once(scene *s, scene_who who, const char *chaincode, const char *function,
                    json_t *(*in)(scene *s, runner *r), runner *all, size_t count)
{
    client_answer answer = { 0 };
    size_t good = 0;

    for (size_t i = 0; i < count; i++)
        all[i].endorsed = scene_endorse(s, who, END_CARE, chaincode, function, in(s, &all[i]), NULL, &all[i].tx);
    for (size_t i = 0; i < count; i++)
        all[i].submitted = all[i].endorsed &&
                           client_submit(s->people[who], &all[i].tx, s->arena, &answer, &s->error) == FCC_OK;
    for (size_t i = 0; i < count; i++) {
        all[i].validation = -1;
        if (all[i].submitted &&
            client_commit_status(s->people[who], all[i].tx.txid, s->arena, &answer, &s->error) == FCC_OK)
            all[i].validation = answer.validation;
        good += all[i].validation >= 0;
    }
    return good == count;
}

static json_t *registering(scene *s, runner *r)
{
    scene_patient p;
    json_t *in;

    scene_make_patient(s, &p);
    memcpy(r->pid, p.pid, sizeof(r->pid));
    in = json_pack("{s:s, s:s, s:o, s:s}", "pid", p.pid, "nid", p.nid, "demographics", scene_demographics(&p), "salt",
                   scene_salt(s));
    return in;
}

static json_t *holding(scene *s, runner *r)
{
    scene_id(r->id);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "id", r->id, "pid", r->pid, "uid", scene_uid(WHO_D1),
                     "start", r->start, "minutes", MINUTES, "class", "normal", "salt", scene_salt(s));
}

/* `first` is the day that the crowd begins with, since 1970: it may not be over before midnight. */
static const char *start_of(scene *s, int64_t first, size_t slot)
{
    const int64_t day = first + (int64_t)(slot / (SLOTS / DAYS));

    return scene_moment(s, day * DAY + NINE + (int64_t)(slot % (SLOTS / DAYS)) * MINUTES * 60);
}

static void publish(scene *s, int64_t first)
{
    for (size_t day = 0; day < DAYS; day++) {
        json_t *slots = json_array();

        for (size_t i = 0; i < SLOTS / DAYS; i++)
            json_array_append_new(slots, json_string(start_of(s, first, day * (SLOTS / DAYS) + i)));
        scene_invoke(s, WHO_DESK1, END_CARE, "appointments", "PublishDay",
                     json_pack("{s:s, s:o, s:i, s:s}", "uid", scene_uid(WHO_D1), "slots", slots, "unit", (int)MINUTES,
                               "salt", scene_salt(s)),
                     NULL);
        scene_ok(s, "D1's day is published");
    }
}

/* Everybody who did not win tries again, and is told which slot, and whose. */
static void try_again(scene *s, runner *all)
{
    size_t told = 0, won = 0;

    for (size_t i = 0; i < PATIENTS; i++) {
        const char *detail;

        if (all[i].validation == 0)
            continue;
        scene_invoke(s, WHO_DESK1, END_CARE, "appointments", "Hold", holding(s, &all[i]), NULL);
        detail = scene_text(s, "detail");
        won += s->st == FCC_OK;
        told += s->st == FCC_ERR_APP && s->answer.status == 409 && strcmp(scene_text(s, "code"), "CONFLICT") == 0 &&
                strstr(detail, all[i].start) && strstr(detail, "doctor is busy");
    }
    scene_check(s, told == PATIENTS - SLOTS && won == 0,
                "each of the %d others is told 409 with the slot on trying again (%zu told)", PATIENTS - SLOTS, told);
}

/* Each slot has one visit, and it is a winner's. */
static void look(scene *s, int64_t first, const runner *all)
{
    size_t visits = 0, of_winners = 0;

    for (size_t day = 0; day < DAYS; day++) {
        const json_t *list, *visit;
        size_t i;

        scene_query(s, WHO_DESK1, END_CLINIC, "appointments", "DaySheet",
                    json_pack("{s:s, s:s}", "uid", scene_uid(WHO_D1), "date",
                              scene_print(s, "%.10s", start_of(s, first, day * (SLOTS / DAYS)))),
                    NULL);
        list = json_object_get(s->payload, "visits");
        visits += json_array_size(list);
        json_array_foreach(list, i, visit)
        {
            size_t found = 0;

            for (size_t k = 0; k < PATIENTS; k++)
                found += all[k].validation == 0 && strcmp(all[k].id, scene_text_of(visit, "id")) == 0 &&
                         strcmp(all[k].start, scene_text_of(visit, "start")) == 0 &&
                         strcmp(all[k].pid, scene_text_of(visit, "pid")) == 0;
            of_winners += found == 1;
        }
    }
    scene_check(s, visits == SLOTS && of_winners == SLOTS, "the day sheets have one visit a slot, each a winner's");
}

void scene_crowd(scene *s)
{
    const int64_t first = (time(NULL) + s->ahead) / DAY + 3;
    runner *all = calloc(PATIENTS, sizeof(*all));
    fcc__arena *kept = s->arena, *mine = fcc__arena_new(MEMORY);
    size_t winners = 0, losers = 0, per_slot[SLOTS] = { 0 }, twice = 0;
    bool good;

    if (!all || !mine)
        abort();
    s->arena = mine;
    publish(s, first);
    good = at_once(s, WHO_REG1, "credentials", "RegisterPerson", registering, all, PATIENTS);
    for (size_t i = 0; i < PATIENTS; i++)
        good = good && all[i].validation == 0;
    scene_check(s, good, "%d patients are registered", PATIENTS);
    for (size_t i = 0; i < PATIENTS; i++)
        all[i].start = start_of(s, first, (i * 37 + i / SLOTS) % SLOTS);
    good = at_once(s, WHO_DESK1, "appointments", "Hold", holding, all, PATIENTS);
    for (size_t i = 0; i < PATIENTS; i++) {
        winners += all[i].validation == 0;
        losers += all[i].validation == MVCC_READ_CONFLICT;
        if (all[i].validation == 0)
            twice += per_slot[(i * 37 + i / SLOTS) % SLOTS]++ > 0;
    }
    scene_check(s, good && winners == SLOTS && losers == PATIENTS - SLOTS && twice == 0,
                "%d patients hold %d slots at the same time: one winner a slot (%zu), the others conflict (%zu)",
                PATIENTS, SLOTS, winners, losers);
    try_again(s, all);
    look(s, first, all);
    s->arena = kept;
    fcc__arena_free(mine);
    free(all);
}
