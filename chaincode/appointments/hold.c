/* hold.c: a patient gets a place: held for a while to be booked, or at once by an administrator's deliberate override. */
#include "appointments/parts.h"

static const lib_field hold_fields[] = {
    APPT_ID, APPT_PID, APPT_UID, APPT_START, APPT_MINUTES, APPT_CLASS, APPT_SALT,
};
static const char *const override_reasons[] = { "emergency", "clinical_need", "follow_up", "patient_request",
                                                "staffing",  "other",         NULL };
static const lib_field override_fields[] = {
    APPT_ID,    APPT_PID,     APPT_UID,
    APPT_START, APPT_MINUTES, { .name = "reasonCode", .type = LIB_WORD, .words = override_reasons },
    APPT_SALT,
};

LIB_DEFINE(appt_hold, .flags = LIB_WRITES, .roles = LIB_PATIENT | LIB_DESK, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(hold_fields), .callers = "owner; desk of the unit's site",
           .reads = "licence; subject SALT, LIM, PQ, CELL, PCELL, WSEQ, WHEAD, APPT, WAITID; ACT",
           .writes = "subject CELL, PCELL, APPT, APPTP, PQ, and those of holds that have expired; ACT each",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(appt_book_override, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(override_fields), .callers = "admin of uid's site",
           .reads = "licence; subject SALT, PCELL, APPT, WAITID; ACT",
           .writes = "subject PCELL, APPT, APPTP, OVR, and those of the patient's holds that have expired; ACT each",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")

/* ---- ids and records ---- */

fcc_status appt_require_new_id(struct appt_board *board, const char *id)
{
    lib_call *call = board->call;
    const json_t *visit = NULL, *waiting = NULL, *act = NULL;
    fcc_status st;

    if ((st = appt_get(board, lib_key(call, "APPT", id, NULL, NULL), &visit)) != FCC_OK ||
        (st = appt_get(board, lib_key(call, "WAITID", id, NULL, NULL), &waiting)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    return visit || waiting || act ? lib_refuse(call, LIB_ALREADY, "id was used before") : FCC_OK;
}

fcc_status appt_index(struct appt_board *board, const struct appt_visit *visit, bool there)
{
    char start[24];

    snprintf(start, sizeof(start), "%010lld", (long long)(visit->slot * APPT_SLOT_SECONDS));
    return appt_put(board, lib_key(board->call, "APPTP", visit->pid, start, visit->id),
                    there ? json_pack("{s:i}", "fmt", 1) : NULL);
}

fcc_status appt_new_visit(struct appt_board *board, const struct appt_visit *visit, const char *site, const char *until,
                          bool override)
{
    lib_call *call = board->call;
    json_t *record = json_pack(
        "{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:s*,s:o*}", "fmt", 1, "v", 1, "id", visit->id, "pid",
        visit->pid, "uid", visit->uid, "site", site, "start", lib_time(call, visit->slot * APPT_SLOT_SECONDS),
        "minutes", visit->count * APPT_SLOT_MINUTES, "class", visit->class_, "status", until ? "pending" : "booked",
        "at", lib_time(call, call->now), "by", call->caller.uid ? call->caller.uid : call->caller.pid, "salt",
        board->salt, "until", until, "override", override ? json_true() : NULL);
    fcc_status st = record ? appt_put_visit(board, record, true) : FCC_ERR_NOMEM;

    return st == FCC_OK ? appt_index(board, visit, true) : st;
}

/* ---- the patient's day ---- */

static fcc_bytes day_key(struct appt_board *board, const struct appt_visit *visit)
{
    char date[APPT_DATE_SIZE];

    appt_date_of(visit->slot, date);
    return lib_key(board->call, "PQ", visit->pid, date, NULL);
}

/* Without the one with this id and, if `all`, without holds that have expired. */
static fcc_status remaining(struct appt_board *board, const json_t *day, const char *id, bool all, json_t **out)
{
    const json_t *visits = json_object_get(day, "visits"), *visit = NULL;
    json_t *left = lib_own(board->call, json_array());
    fcc_status st;

    if (!left)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < json_array_size(visits); i++) {
        const json_t *entry = json_array_get(visits, i);

        if (lib_text_is(entry, "id", id))
            continue;
        if (all) {
            if ((st = appt_read_visit(board, lib_text(entry, "id"), &visit)) != FCC_OK)
                return st;
            if (appt_expired(board->call, visit, lib_text(visit, "pid")))
                continue;
        }
        if (json_array_append(left, (json_t *)entry) != 0)
            return FCC_ERR_NOMEM;
    }
    *out = left;
    return FCC_OK;
}

static fcc_status put_day(struct appt_board *board, fcc_bytes key, const json_t *day, json_t *visits)
{
    return appt_put(board, key,
                    json_pack("{s:i,s:O,s:O*}", "fmt", 1, "visits", visits, "waits", json_object_get(day, "waits")));
}

static bool fits(const json_t *visits, bool urgent, int per_day, int urgent_per_day)
{
    int all = (int)json_array_size(visits), of_class = 0;

    for (size_t i = 0; i < json_array_size(visits); i++)
        of_class += lib_text_is(json_array_get(visits, i), "class", "urgent");
    return all < per_day && (!urgent || of_class < urgent_per_day);
}

fcc_status appt_count(struct appt_board *board, const struct appt_visit *visit, bool *is)
{
    const bool urgent = strcmp(visit->class_, "urgent") == 0;
    int per_day = 0, urgent_per_day = 0;
    fcc_bytes key = day_key(board, visit);
    const json_t *day = NULL;
    json_t *visits = NULL;
    fcc_status st;

    if (is)
        *is = true;
    if ((st = appt_caps(board, visit->tag, &per_day, &urgent_per_day)) != FCC_OK ||
        (st = appt_get(board, key, &day)) != FCC_OK ||
        (st = remaining(board, day, visit->id, false, &visits)) != FCC_OK)
        return st;
    if (!fits(visits, urgent, per_day, urgent_per_day) &&
        (st = remaining(board, day, visit->id, true, &visits)) != FCC_OK)
        return st;
    if (!fits(visits, urgent, per_day, urgent_per_day)) {
        if (!is)
            return lib_refuse(board->call, LIB_LIMIT, "the patient has as many appointments on this day as may be");
        *is = false;
        return FCC_OK;
    }
    if (json_array_append_new(visits, json_pack("{s:s,s:s}", "id", visit->id, "class", visit->class_)) != 0)
        return FCC_ERR_NOMEM;
    return put_day(board, key, day, visits);
}

fcc_status appt_uncount(struct appt_board *board, const struct appt_visit *visit)
{
    fcc_bytes key = day_key(board, visit);
    const json_t *day = NULL;
    json_t *visits = NULL;
    fcc_status st;

    if ((st = appt_get(board, key, &day)) != FCC_OK ||
        (st = remaining(board, day, visit->id, false, &visits)) != FCC_OK)
        return st;
    if (json_array_size(visits) == json_array_size(json_object_get(day, "visits")))
        return FCC_OK;
    return put_day(board, key, day, visits);
}

/* ---- Hold ---- */

static fcc_status read_visit(lib_call *call, struct appt_visit *visit)
{
    *visit = (struct appt_visit){ .id = lib_in_text(call, "id"),
                                  .pid = lib_in_text(call, "pid"),
                                  .uid = lib_in_text(call, "uid"),
                                  .class_ = lib_in_text(call, "class") };
    return appt_read_time(call, lib_in_text(call, "start"), (int)json_integer_value(lib_in(call, "minutes")), visit);
}

static fcc_status appt_hold(lib_call *call)
{
    const char *site = NULL, *until = lib_time(call, call->now + APPT_HOLD_SECONDS);
    struct appt_visit visit;
    struct appt_board board;
    fcc_status st;

    if (!until)
        return FCC_ERR_NOMEM;
    appt_board_start(&board, call);
    if ((st = read_visit(call, &visit)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_PATIENT && (st = appt_require_owner(call, visit.pid)) != FCC_OK)
        return st;
    if ((st = lib_require_patient(call, &visit.pid)) != FCC_OK ||
        (st = appt_tag(call, visit.uid, &visit.tag)) != FCC_OK ||
        (st = appt_require_new_id(&board, visit.id)) != FCC_OK ||
        (st = appt_require_unit(&board, &visit, &site)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_DESK && strcmp(site, call->caller.site) != 0)
        return lib_deny(call, "not_site", "the unit is another site's");
    if ((st = appt_require_doctor(call, visit.uid, site)) != FCC_OK ||
        (st = appt_require_doctor_free(&board, &visit)) != FCC_OK ||
        (st = appt_require_patient_free(&board, &visit)) != FCC_OK ||
        (st = appt_require_turn(&board, &visit)) != FCC_OK || (st = appt_count(&board, &visit, NULL)) != FCC_OK ||
        (st = appt_take(&board, &visit, "hold", until, true)) != FCC_OK ||
        (st = appt_new_visit(&board, &visit, site, until, false)) != FCC_OK || (st = appt_flush(&board)) != FCC_OK)
        return st;
    return appt_answer_act(call, "SlotHeld", visit.id, 1);
}

/* ---- BookOverride ---- */

static fcc_status appt_book_override(lib_call *call)
{
    struct appt_visit visit;
    struct appt_board board;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = read_visit(call, &visit)) != FCC_OK)
        return st;
    visit.class_ = "urgent";
    if ((st = appt_require_colleague(call, visit.uid)) != FCC_OK ||
        (st = lib_require_patient(call, &visit.pid)) != FCC_OK ||
        (st = appt_tag(call, visit.uid, &visit.tag)) != FCC_OK ||
        (st = appt_require_new_id(&board, visit.id)) != FCC_OK ||
        (st = appt_require_doctor(call, visit.uid, call->caller.site)) != FCC_OK ||
        (st = appt_require_patient_free(&board, &visit)) != FCC_OK ||
        (st = appt_take(&board, &visit, "busy", NULL, false)) != FCC_OK ||
        (st = appt_new_visit(&board, &visit, call->caller.site, NULL, true)) != FCC_OK)
        return st;
    st = appt_put(&board, lib_key(call, "OVR", visit.tag, visit.id, NULL),
                  json_pack("{s:i,s:s,s:s,s:s,s:s,s:s}", "fmt", 1, "id", visit.id, "by", call->caller.uid, "at",
                            lib_time(call, call->now), "reasonCode", lib_in_text(call, "reasonCode"), "start",
                            lib_in_text(call, "start")));
    if (st != FCC_OK || (st = appt_flush(&board)) != FCC_OK)
        return st;
    return appt_answer_act(call, "Booked", visit.id, 1);
}
