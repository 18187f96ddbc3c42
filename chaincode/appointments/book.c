/* book.c: what becomes of an appointment: booked, moved, cancelled, the patient came, was seen, did not come. */
#include "appointments/parts.h"

static const char *const cancel_reasons[] = {
    "patient", "doctor", "site", "illness", "error", "deceased", "other", NULL
};
static const lib_field id_fields[] = { APPT_ID, APPT_SALT };
static const lib_field cancel_fields[] = { APPT_ID,
                                           { .name = "reasonCode", .type = LIB_WORD, .words = cancel_reasons },
                                           APPT_SALT };
static const lib_field move_fields[] = { APPT_ID, { .name = "newStart", .type = LIB_TIME }, APPT_SALT };

#define CHANGES .flags = LIB_WRITES, .in = LIB_IN_REQUIRED, .endorsers = "CC", .answer = "`{\"id\",\"v\"}`"

LIB_DEFINE(appt_book, CHANGES, .roles = LIB_PATIENT | LIB_DESK, LIB_FIELDS(id_fields),
           .callers = "owner; desk of the site", .reads = "licence; subject SALT, APPT, CELL, PCELL",
           .writes = "subject CELL, PCELL, APPT; ACT")
LIB_DEFINE(appt_reschedule, CHANGES, .roles = LIB_PATIENT | LIB_DESK, LIB_FIELDS(move_fields),
           .callers = "owner; desk of the site, and of the new unit's",
           .reads = "licence; subject SALT, LIM, PQ, APPT, WSEQ, WHEAD; CELL and PCELL, old and new",
           .writes = "subject CELL, PCELL, APPT, APPTP, PQ, and those of holds that have expired; ACT each")
LIB_DEFINE(appt_cancel, CHANGES, .roles = LIB_PATIENT | LIB_DOCTOR | LIB_DESK, LIB_FIELDS(cancel_fields),
           .callers = "owner; the visit's doctor, desk of the site", .reads = "subject SALT, APPT, CELL, PCELL, PQ",
           .writes = "subject CELL, PCELL, APPT, PQ; ACT")
LIB_DEFINE(appt_check_in, CHANGES, .roles = LIB_DESK | LIB_DOCTOR, LIB_FIELDS(id_fields),
           .callers = "desk of the site, the visit's doctor", .reads = "subject APPT", .writes = "subject APPT; ACT")
LIB_DEFINE(appt_complete, CHANGES, .roles = LIB_DESK | LIB_DOCTOR, LIB_FIELDS(id_fields),
           .callers = "desk of the site, the visit's doctor", .reads = "subject APPT", .writes = "subject APPT; ACT")
LIB_DEFINE(appt_no_show, CHANGES, .roles = LIB_DESK | LIB_DOCTOR, LIB_FIELDS(id_fields),
           .callers = "desk of the site, the visit's doctor", .reads = "subject APPT", .writes = "subject APPT; ACT")

/* ---- records ---- */

fcc_status appt_read_visit(struct appt_board *board, const char *id, const json_t **out)
{
    fcc_status st = id ? appt_get(board, lib_key(board->call, "APPT", id, NULL, NULL), out) : FCC_ERR_ARG;

    if (st != FCC_OK)
        return st;
    return *out ? FCC_OK : lib_refuse(board->call, LIB_NOT_FOUND, "there is no such appointment");
}

json_t *appt_next(const json_t *visit, const char *status)
{
    json_t *next = json_copy((json_t *)visit);

    if (!next || json_object_set_new(next, "v", json_integer(appt_version(visit) + 1)) != 0 ||
        json_object_set_new(next, "status", json_string(status)) != 0) {
        json_decref(next);
        return NULL;
    }
    return next;
}

/* The appointment that T names, which is the caller's business. */
static fcc_status read_own(struct appt_board *board, const json_t **visit)
{
    fcc_status st = appt_read_visit(board, lib_in_text(board->call, "id"), visit);

    return st == FCC_OK ? appt_require_part(board->call, *visit) : st;
}

static bool has_status(const json_t *visit, const char *status)
{
    return lib_text_is(visit, "status", status);
}

/* 410 for what is cancelled, 409 for what it is already, 412 for every other state. */
static fcc_status refuse_state(lib_call *call, const json_t *visit, const char *wanted)
{
    if (has_status(visit, "cancelled"))
        return lib_refuse(call, LIB_GONE, "the appointment is cancelled");
    if (has_status(visit, wanted))
        return lib_refuse(call, LIB_ALREADY, "the appointment is %s", wanted);
    return lib_refuse(call, LIB_PRECONDITION, "the appointment is %s", lib_text(visit, "status"));
}

static fcc_status finish(struct appt_board *board, const char *event)
{
    const char *id = lib_in_text(board->call, "id");
    const json_t *visit = NULL;
    fcc_status st;

    if ((st = appt_flush(board)) != FCC_OK || (st = appt_read_visit(board, id, &visit)) != FCC_OK)
        return st;
    return appt_answer_act(board->call, event, id, appt_version(visit));
}

/* ---- Book ---- */

static fcc_status appt_book(lib_call *call)
{
    const json_t *old = NULL;
    struct appt_visit visit;
    struct appt_board board;
    const char *pid;
    json_t *next;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = read_own(&board, &old)) != FCC_OK)
        return st;
    pid = lib_text(old, "pid");
    if ((st = lib_require_patient(call, &pid)) != FCC_OK)
        return st;
    if (!has_status(old, "pending"))
        return refuse_state(call, old, "booked");
    if (call->now > appt_time(old, "until"))
        return lib_refuse(call, LIB_GONE, "the hold has expired");
    if ((st = appt_visit_of(call, old, &visit)) != FCC_OK ||
        (st = appt_require_doctor(call, visit.uid, lib_text(old, "site"))) != FCC_OK ||
        (st = appt_require_present(&board, &visit)) != FCC_OK ||
        (st = appt_require_patient_free(&board, &visit)) != FCC_OK ||
        (st = appt_take(&board, &visit, "busy", NULL, true)) != FCC_OK)
        return st;
    next = appt_next(old, "booked");
    if (!next)
        return FCC_ERR_NOMEM;
    json_object_del(next, "until");
    if ((st = appt_put_visit(&board, next, true)) != FCC_OK)
        return st;
    return finish(&board, "Booked");
}

/* ---- Reschedule ---- */

/* The old place is given up and the new one taken in one transaction: the two may overlap. */
static fcc_status move(struct appt_board *board, const json_t *old, struct appt_visit *to, const char **site)
{
    lib_call *call = board->call;
    struct appt_visit from;
    fcc_status st = appt_visit_of(call, old, &from);

    if (st != FCC_OK)
        return st;
    *to = from;
    if ((st = appt_read_time(call, lib_in_text(call, "newStart"), from.count * APPT_SLOT_MINUTES, to)) != FCC_OK)
        return st;
    if (to->slot == from.slot)
        return lib_refuse(call, LIB_ALREADY, "the appointment begins at this time");
    if ((st = appt_require_unit(board, to, site)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_DESK && strcmp(*site, call->caller.site) != 0)
        return lib_deny(call, "not_site", "the unit is another site's");
    if ((st = appt_require_doctor(call, to->uid, *site)) != FCC_OK ||
        (st = appt_require_doctor_free(board, to)) != FCC_OK || (st = appt_require_patient_free(board, to)) != FCC_OK ||
        (st = appt_require_turn(board, to)) != FCC_OK || (st = appt_uncount(board, &from)) != FCC_OK ||
        (st = appt_count(board, to, NULL)) != FCC_OK || (st = appt_release(board, &from)) != FCC_OK ||
        (st = appt_take(board, to, "busy", NULL, true)) != FCC_OK || (st = appt_index(board, &from, false)) != FCC_OK)
        return st;
    return appt_index(board, to, true);
}

static fcc_status appt_reschedule(lib_call *call)
{
    const char *site = NULL, *pid;
    const json_t *old = NULL;
    struct appt_board board;
    struct appt_visit to;
    json_t *next;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = read_own(&board, &old)) != FCC_OK)
        return st;
    pid = lib_text(old, "pid");
    if ((st = lib_require_patient(call, &pid)) != FCC_OK)
        return st;
    if (!has_status(old, "booked"))
        return refuse_state(call, old, "rescheduled");
    /* else nobody would have missed an appointment: it is moved when it is over */
    if (call->caller.role == LIB_PATIENT && call->now > appt_time(old, "start"))
        return lib_refuse(call, LIB_PRECONDITION, "the appointment has begun: the site moves it");
    if ((st = move(&board, old, &to, &site)) != FCC_OK)
        return st;
    next = appt_next(old, "booked");
    if (!next || json_object_set_new(next, "start", json_string(lib_in_text(call, "newStart"))) != 0 ||
        json_object_set_new(next, "site", json_string(site)) != 0) {
        json_decref(next);
        return FCC_ERR_NOMEM;
    }
    json_object_del(next, "override");
    if ((st = appt_put_visit(&board, next, true)) != FCC_OK)
        return st;
    return finish(&board, "Rescheduled");
}

/* ---- Cancel ---- */

fcc_status appt_cancel_visit(struct appt_board *board, const json_t *visit, const char *reason, bool main)
{
    struct appt_visit place;
    json_t *next;
    fcc_status st;

    if ((st = appt_visit_of(board->call, visit, &place)) != FCC_OK || (st = appt_release(board, &place)) != FCC_OK ||
        (st = appt_uncount(board, &place)) != FCC_OK)
        return st;
    next = appt_next(visit, "cancelled");
    if (!next || json_object_set_new(next, "reasonCode", json_string(reason)) != 0) {
        json_decref(next);
        return FCC_ERR_NOMEM;
    }
    return appt_put_visit(board, next, main);
}

static fcc_status appt_cancel(lib_call *call)
{
    const char *pid;
    const json_t *visit = NULL;
    struct appt_board board;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = read_own(&board, &visit)) != FCC_OK)
        return st;
    pid = lib_text(visit, "pid");
    /* what the dead had booked is given up by the site */
    if (call->caller.role == LIB_PATIENT && (st = lib_require_patient(call, &pid)) != FCC_OK)
        return st;
    if (has_status(visit, "cancelled"))
        return lib_refuse(call, LIB_ALREADY, "the appointment is cancelled");
    if (!has_status(visit, "pending") && !has_status(visit, "booked") &&
        (call->caller.role == LIB_PATIENT || !has_status(visit, "arrived")))
        return refuse_state(call, visit, "cancelled");
    if (call->caller.role == LIB_PATIENT && has_status(visit, "booked") && call->now > appt_time(visit, "start"))
        return lib_refuse(call, LIB_PRECONDITION, "the appointment has begun: the site cancels it");
    if ((st = appt_cancel_visit(&board, visit, lib_in_text(call, "reasonCode"), true)) != FCC_OK)
        return st;
    return finish(&board, "Cancelled");
}

/* ---- the day itself ---- */

static fcc_status step(lib_call *call, const char *from, const char *to,
                       fcc_status (*check)(lib_call *call, const json_t *visit))
{
    const json_t *old = NULL;
    struct appt_board board;
    json_t *next;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = read_own(&board, &old)) != FCC_OK)
        return st;
    if (!has_status(old, from))
        return refuse_state(call, old, to);
    if (check && (st = check(call, old)) != FCC_OK)
        return st;
    next = appt_next(old, to);
    if (!next)
        return FCC_ERR_NOMEM;
    if ((st = appt_put_visit(&board, next, true)) != FCC_OK)
        return st;
    return finish(&board, NULL);
}

static fcc_status check_arrival(lib_call *call, const json_t *visit)
{
    const char *pid = lib_text(visit, "pid");
    fcc_status st = lib_require_patient(call, &pid);

    if (st != FCC_OK)
        return st;
    return call->now >= appt_time(visit, "start") - APPT_EARLY_SECONDS
               ? FCC_OK
               : lib_refuse(call, LIB_PRECONDITION, "the appointment is more than twelve hours away");
}

static fcc_status check_absence(lib_call *call, const json_t *visit)
{
    return call->now > appt_time(visit, "start") + APPT_GRACE_SECONDS + LIB_WINDOW_SECONDS
               ? FCC_OK
               : lib_refuse(call, LIB_PRECONDITION, "the patient may still come");
}

static fcc_status appt_check_in(lib_call *call)
{
    return step(call, "booked", "arrived", check_arrival);
}

static fcc_status appt_complete(lib_call *call)
{
    return step(call, "arrived", "fulfilled", NULL);
}

static fcc_status appt_no_show(lib_call *call)
{
    return step(call, "booked", "noshow", check_absence);
}
