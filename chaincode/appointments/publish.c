/*
 * publish.c: which units of a doctor's time a site offers, and which it takes back.
 *
 * A slot is published by one site: a doctor who works at two is not there twice. What is blocked again can be published
 * anew. Visits in a blocked stretch stay until they are moved or cancelled; nobody gets their time then.
 */
#include "appointments/parts.h"

enum { stretch = 2 * APPT_DAY_SLOTS };

static const lib_field publish_fields[] = {
    APPT_UID,
    { .name = "slots", .type = LIB_ARRAY, .min = 1, .max = APPT_DAY_SLOTS },
    { .name = "unit", .type = LIB_INT, .min = APPT_SLOT_MINUTES, .max = APPT_MOST_SLOTS * APPT_SLOT_MINUTES },
    { .name = "urgent", .type = LIB_ARRAY, .optional = true, .min = 0, .max = APPT_DAY_SLOTS },
    APPT_SALT,
};
static const lib_field block_fields[] = {
    APPT_UID,
    { .name = "from", .type = LIB_TIME },
    { .name = "to", .type = LIB_TIME },
    APPT_SALT,
};

LIB_DEFINE(appt_publish_day, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN | LIB_DESK, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(publish_fields), .callers = "admin, desk of uid's site", .reads = "subject SALT, CELL",
           .writes = "subject CELL; **no public write**", .endorsers = "CC", .answer = "`{\"units\"}`")
LIB_DEFINE(appt_block, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN | LIB_DESK, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(block_fields), .callers = "admin, desk of uid's site", .reads = "subject SALT, CELL",
           .writes = "subject CELL; **no public write**", .endorsers = "CC",
           .answer = "`{\"blocked\",\"taken\"}`: slots that are free no more; slots with visits, which stay")

/* The units of a call: for each slot from `first` on, the unit that it belongs to, and that unit's class. */
struct plan {
    int64_t first;
    int slots; /* of a unit */
    size_t units;
    int64_t unit[stretch]; /* 0: none */
    bool urgent[stretch];
};

/* ---- the units ---- */

static fcc_status slot_of(lib_call *call, const json_t *list, size_t i, const char *name, int64_t *slot)
{
    const char *text = json_string_value(json_array_get(list, i));
    int64_t at = 0;

    if (!text || !lib_time_parse(text, &at) || at < 0 || at % APPT_SLOT_SECONDS != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "%s[%zu] is no time on a multiple of five minutes", name, i);
    if (at <= call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "%s[%zu] is in the past", name, i);
    *slot = at / APPT_SLOT_SECONDS;
    return FCC_OK;
}

static fcc_status read_units(lib_call *call, struct plan *plan)
{
    const json_t *slots = lib_in(call, "slots");
    int64_t slot = 0;
    fcc_status st;

    plan->units = json_array_size(slots);
    for (size_t i = 0; i < plan->units; i++) {
        if ((st = slot_of(call, slots, i, "slots", &slot)) != FCC_OK)
            return st;
        plan->first = i == 0 || slot < plan->first ? slot : plan->first;
    }
    for (size_t i = 0; i < plan->units; i++) {
        if ((st = slot_of(call, slots, i, "slots", &slot)) != FCC_OK)
            return st;
        if (slot - plan->first >= APPT_DAY_SLOTS)
            return lib_refuse(call, LIB_BAD_INPUT, "slots span more than a day");
        for (int k = 0; k < plan->slots; k++) {
            int64_t *unit = &plan->unit[slot - plan->first + k];

            if (*unit)
                return lib_refuse(call, LIB_BAD_INPUT, "slots[%zu] overlaps another unit", i);
            *unit = slot;
        }
    }
    return FCC_OK;
}

static fcc_status read_urgent(lib_call *call, struct plan *plan)
{
    const json_t *urgent = lib_in(call, "urgent");
    int64_t slot = 0;
    fcc_status st;

    for (size_t i = 0; i < json_array_size(urgent); i++) {
        if ((st = slot_of(call, urgent, i, "urgent", &slot)) != FCC_OK)
            return st;
        if (slot < plan->first || slot - plan->first >= APPT_DAY_SLOTS || plan->unit[slot - plan->first] != slot)
            return lib_refuse(call, LIB_BAD_INPUT, "urgent[%zu] is none of slots", i);
        for (int k = 0; k < plan->slots; k++)
            plan->urgent[slot - plan->first + k] = true;
    }
    return FCC_OK;
}

/* ---- PublishDay ---- */

/* Whether the cell is just what the call would make of it. */
static bool is_there(const lib_call *call, const json_t *cell, const struct plan *plan, size_t i)
{
    return lib_text_is(cell, "site", call->caller.site) &&
           json_integer_value(json_object_get(cell, "unitStart")) == plan->unit[i] &&
           json_integer_value(json_object_get(cell, "unit")) == (json_int_t)plan->slots * APPT_SLOT_MINUTES &&
           lib_text_is(cell, "class", plan->urgent[i] ? "urgent" : "normal");
}

/* 409: what is there already, if it is all of the call; else the first slot that stands in the way. */
static fcc_status require_new(struct appt_board *board, const char *tag, const struct plan *plan)
{
    lib_call *call = board->call;
    size_t all = 0, there = 0, taken = 0;
    const json_t *first = NULL, *cell = NULL;
    int64_t slot = 0;
    fcc_status st;

    for (size_t i = 0; i < stretch; i++) {
        if (!plan->unit[i])
            continue;
        all++;
        st = appt_get(board, appt_slot_key(call, "CELL", tag, plan->first + (int64_t)i), &cell);
        if (st != FCC_OK)
            return st;
        if (!cell || lib_text_is(cell, "state", "blocked"))
            continue;
        there += is_there(call, cell, plan, i);
        if (taken++ == 0) {
            first = cell;
            slot = plan->first + (int64_t)i;
        }
    }
    if (there == all)
        return lib_refuse(call, LIB_ALREADY, "this was published before");
    if (!taken)
        return FCC_OK;
    return lib_refuse(call, LIB_CONFLICT, "slot %s: %s", lib_time(call, slot * APPT_SLOT_SECONDS),
                      lib_text_is(first, "site", call->caller.site) ? "published before"
                                                                    : "the doctor is at another site");
}

static fcc_status publish(struct appt_board *board, const char *tag, const struct plan *plan, size_t i)
{
    lib_call *call = board->call;

    return appt_put(board, appt_slot_key(call, "CELL", tag, plan->first + (int64_t)i),
                    json_pack("{s:i,s:s,s:s,s:I,s:i,s:s}", "fmt", 1, "state", "free", "class",
                              plan->urgent[i] ? "urgent" : "normal", "unitStart", (json_int_t)plan->unit[i], "unit",
                              plan->slots * APPT_SLOT_MINUTES, "site", call->caller.site));
}

static fcc_status appt_publish_day(lib_call *call)
{
    struct plan *plan = fcc_alloc(call->stub, sizeof(*plan));
    fcc_bytes *keys = fcc_alloc(call->stub, stretch * sizeof(*keys));
    int minutes = (int)json_integer_value(lib_in(call, "unit"));
    const char *uid = lib_in_text(call, "uid"), *tag = NULL;
    struct appt_board board;
    size_t n = 0;
    fcc_status st;

    if (!plan || !keys)
        return FCC_ERR_NOMEM;
    *plan = (struct plan){ .slots = minutes / APPT_SLOT_MINUTES };
    if (minutes % APPT_SLOT_MINUTES != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "unit is no multiple of five minutes");
    if ((st = read_units(call, plan)) != FCC_OK || (st = read_urgent(call, plan)) != FCC_OK)
        return st;
    if (plan->units * (size_t)plan->slots > APPT_DAY_SLOTS)
        return lib_refuse(call, LIB_BAD_INPUT, "slots are more than a day");
    if ((st = appt_require_colleague(call, uid)) != FCC_OK || (st = appt_tag(call, uid, &tag)) != FCC_OK)
        return st;
    appt_board_start(&board, call);
    for (size_t i = 0; i < stretch; i++)
        if (plan->unit[i])
            keys[n++] = appt_slot_key(call, "CELL", tag, plan->first + (int64_t)i);
    if ((st = appt_load(&board, keys, n)) == FCC_OK)
        st = require_new(&board, tag, plan);
    for (size_t i = 0; i < stretch && st == FCC_OK; i++)
        if (plan->unit[i])
            st = publish(&board, tag, plan, i);
    if (st != FCC_OK || (st = appt_flush(&board)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:i}", "units", (int)plan->units));
}

/* ---- Block ---- */

struct blocking {
    int found, changed, blocked, taken;
};

/* A cell that is free is blocked; one that is taken will be when it is given up. */
static fcc_status block(struct appt_board *board, fcc_bytes key, struct blocking *b)
{
    const json_t *old = NULL;
    bool is_free;
    json_t *cell;
    fcc_status st = appt_get(board, key, &old);

    if (st != FCC_OK || !old || !lib_text_is(old, "site", board->call->caller.site))
        return st;
    b->found++;
    if (lib_text_is(old, "state", "blocked"))
        return FCC_OK;
    is_free = lib_text_is(old, "state", "free");
    b->blocked += is_free;
    b->taken += !is_free;
    if (json_is_true(json_object_get(old, "blocked")))
        return FCC_OK;
    b->changed++;
    cell = json_copy((json_t *)old);
    if (!cell || (is_free ? json_object_set_new(cell, "state", json_string("blocked"))
                          : json_object_set_new(cell, "blocked", json_true())) != 0) {
        json_decref(cell);
        return FCC_ERR_NOMEM;
    }
    json_object_del(cell, "passed");
    return appt_put(board, key, cell);
}

static fcc_status appt_block(lib_call *call)
{
    const char *uid = lib_in_text(call, "uid"), *tag = NULL;
    fcc_bytes keys[APPT_DAY_SLOTS];
    struct appt_board board;
    struct blocking b = { 0 };
    int64_t from = 0, to = 0;
    size_t n;
    fcc_status st;

    if (!lib_time_parse(lib_in_text(call, "from"), &from) || !lib_time_parse(lib_in_text(call, "to"), &to) ||
        from < 0 || from % APPT_SLOT_SECONDS != 0 || to % APPT_SLOT_SECONDS != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "from and to are multiples of five minutes");
    if (to <= from || to - from > APPT_DAY_SLOTS * APPT_SLOT_SECONDS)
        return lib_refuse(call, LIB_BAD_INPUT, "to is after from, by a day at most");
    if ((st = appt_require_colleague(call, uid)) != FCC_OK || (st = appt_tag(call, uid, &tag)) != FCC_OK)
        return st;
    n = (size_t)((to - from) / APPT_SLOT_SECONDS);
    appt_board_start(&board, call);
    for (size_t i = 0; i < n; i++)
        keys[i] = appt_slot_key(call, "CELL", tag, from / APPT_SLOT_SECONDS + (int64_t)i);
    st = appt_load(&board, keys, n);
    for (size_t i = 0; i < n && st == FCC_OK; i++)
        st = block(&board, keys[i], &b);
    if (st != FCC_OK)
        return st;
    if (!b.found)
        return lib_refuse(call, LIB_NOT_FOUND, "the site has published nothing there");
    if (!b.changed)
        return lib_refuse(call, LIB_ALREADY, "it was blocked before");
    if ((st = appt_flush(&board)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:i,s:i}", "blocked", b.blocked, "taken", b.taken));
}
