/* lists.c: what is free, what somebody has, what a doctor's day looks like. Queries only. */
#include "appointments/parts.h"
#include "lib/json.h"

static const lib_field free_fields[] = { APPT_UID, APPT_DATE, APPT_PAGE_TOKEN };
static const lib_field id_fields[] = { APPT_ID };
static const lib_field list_fields[] = { APPT_PID, APPT_PAGE_TOKEN };
static const lib_field pid_fields[] = { APPT_PID };
static const lib_field sheet_fields[] = { APPT_UID, APPT_DATE };
static const lib_field id_args[] = { APPT_ID };

enum { parties = LIB_PATIENT | LIB_DESK | LIB_DOCTOR, seen_slots = APPT_DAY_SLOTS + APPT_MOST_SLOTS };

LIB_DEFINE(appt_find_free, .flags = LIB_CARE, .roles = LIB_PATIENT | LIB_DESK | LIB_DOCTOR | LIB_ADMIN,
           .in = LIB_IN_REQUIRED, LIB_FIELDS(free_fields), .reads = "subject SALT, CELL, WSEQ, WHEAD",
           .answer = "`{\"next\"?,\"units\":[{\"class\",\"kept\"?,\"minutes\",\"site\",\"start\"}],\"waiting\"}`")
LIB_DEFINE(appt_get_appointment, .roles = parties, .in = LIB_IN_REQUIRED, LIB_FIELDS(id_fields),
           .callers = "owner; the visit's doctor, desk of the site", .reads = "subject APPT; SALT, WAIT, WAITID",
           .answer = "the appointment, or the entry of a waiting list")
LIB_DEFINE(appt_list_appointments, .roles = parties, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner; desk: those at the site; doctor: the own ones", .reads = "subject APPTP, APPT",
           .answer = "`{\"appointments\":[…],\"next\"?}`, oldest first")
LIB_DEFINE(appt_day_sheet, .roles = LIB_DESK | LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(sheet_fields),
           .callers = "desk of a site: what uid has there; doctor: the own day at the site",
           .reads = "subject SALT, CELL, OVR, APPT", .answer = "`{\"visits\":[…]}`, by time; `blocked` is to be moved")
LIB_DEFINE(appt_reminders, .roles = parties, .in = LIB_IN_REQUIRED, LIB_FIELDS(pid_fields),
           .callers = "owner; desk: those at the site; doctor: the own ones", .reads = "subject APPTP, APPT",
           .answer = "`{\"reminders\":[{\"id\",\"minutes\",\"site\",\"start\",\"status\",\"uid\",\"until\"?}]}`")
LIB_DEFINE(appt_act_history, .roles = LIB_AUDITOR | LIB_PATIENT, LIB_ARGS(id_args), .callers = "auditor; owner",
           .reads = "history of ACT; subject APPT",
           .answer = "`{\"history\":[{\"at\",\"deleted\",\"txId\",\"value\"}],\"id\"}`, oldest first")
LIB_DEFINE(appt_verify_commit, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(lib_verify_fields),
           LIB_ARGS(id_args), .reads = "ACT", .answer = "`true` or `false`")

/* ---- a doctor's day ---- */

/* The cells of a UTC day, and of so much behind it that a unit that begins on it is whole. */
static fcc_status read_day(struct appt_board *board, const char *tag, int64_t first, const json_t **cells)
{
    fcc_bytes keys[seen_slots];
    fcc_status st;

    for (int i = 0; i < seen_slots; i++)
        keys[i] = appt_slot_key(board->call, "CELL", tag, first + i);
    st = appt_load(board, keys, seen_slots);
    for (int i = 0; i < seen_slots && st == FCC_OK; i++)
        st = appt_get(board, keys[i], &cells[i]);
    return st;
}

static int64_t first_slot(const char *date)
{
    int64_t day = 0;

    return lib_date_parse(date, &day) && day >= 0 ? day / APPT_SLOT_SECONDS : 0;
}

/* Free, or held by somebody whose time is over. */
static bool is_free(const lib_call *call, const json_t *cell)
{
    if (lib_text_is(cell, "state", "free"))
        return true;
    return lib_text_is(cell, "state", "hold") && !json_is_true(json_object_get(cell, "blocked")) &&
           call->now > appt_time(cell, "until") + LIB_WINDOW_SECONDS;
}

/* The number of slots of the unit that begins here, all of them free; 0 where there is none. */
static int free_unit(const lib_call *call, const json_t *const *cells, int64_t slot)
{
    int64_t count;

    if (!cells[0] || json_integer_value(json_object_get(cells[0], "unitStart")) != slot)
        return 0;
    count = json_integer_value(json_object_get(cells[0], "unit")) / APPT_SLOT_MINUTES;
    for (int64_t i = 0; i < count && i < APPT_MOST_SLOTS; i++)
        if (!is_free(call, cells[i]))
            return 0;
    return (int)count;
}

static fcc_status count_waiting(struct appt_board *board, const char *tag, const char *date, json_t **out)
{
    json_t *waiting = lib_own(board->call, json_object());
    int64_t count = 0;
    fcc_status st;

    for (const char *const *class_ = appt_classes; *class_; class_++) {
        if ((st = appt_waiting(board, tag, date, *class_, &count)) != FCC_OK)
            return st;
        if (json_object_set_new(waiting, *class_, json_integer(count)) != 0)
            return FCC_ERR_NOMEM;
    }
    *out = waiting;
    return FCC_OK;
}

static fcc_status appt_find_free(lib_call *call)
{
    const char *date = lib_in_text(call, "date"), *after = lib_in_text(call, "page"), *tag = NULL, *next = NULL;
    const json_t *cells[seen_slots] = { 0 };
    json_t *units = lib_own(call, json_array()), *waiting = NULL;
    int64_t first = first_slot(date);
    struct appt_board board;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = appt_tag(call, lib_in_text(call, "uid"), &tag)) != FCC_OK ||
        (st = read_day(&board, tag, first, cells)) != FCC_OK ||
        (st = count_waiting(&board, tag, date, &waiting)) != FCC_OK)
        return st;
    for (int i = 0; i < APPT_DAY_SLOTS && !next; i++) {
        const char *start = lib_time(call, (first + i) * APPT_SLOT_SECONDS);
        int count = free_unit(call, cells + i, first + i);
        bool kept;

        if (!start)
            return FCC_ERR_NOMEM;
        if (!count || (first + i) * APPT_SLOT_SECONDS <= call->now || (after && strcmp(start, after) <= 0))
            continue;
        if (json_array_size(units) == APPT_PAGE) {
            next = lib_text(json_array_get(units, APPT_PAGE - 1), "start");
            break;
        }
        kept = appt_is_kept(call, cells[i], first + i);
        if (json_array_append_new(
                units, json_pack("{s:s,s:i,s:O,s:O,s:o*}", "start", start, "minutes", count * APPT_SLOT_MINUTES,
                                 "class", json_object_get(cells[i], "class"), "site", json_object_get(cells[i], "site"),
                                 "kept", kept ? json_true() : NULL)) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_pack("{s:O,s:O,s:s*}", "units", units, "waiting", waiting, "next", next));
}

/* ---- DaySheet ---- */

static bool is_listed(const json_t *visits, const char *id)
{
    for (size_t i = 0; i < json_array_size(visits); i++)
        if (lib_text_is(json_array_get(visits, i), "id", id))
            return true;
    return false;
}

/* A visit of this site that begins on this day, at its place by time. */
static fcc_status add_visit(struct appt_board *board, const char *id, const char *date, bool blocked, json_t *visits)
{
    const json_t *visit = NULL;
    const char *start;
    json_t *entry;
    size_t at = 0;
    fcc_status st;

    if (is_listed(visits, id))
        return FCC_OK;
    if ((st = appt_read_visit(board, id, &visit)) != FCC_OK)
        return st;
    start = lib_text(visit, "start");
    if (!start || strncmp(start, date, APPT_DATE_SIZE - 1) != 0 ||
        !lib_text_is(visit, "site", board->call->caller.site))
        return FCC_OK;
    while (at < json_array_size(visits) && strcmp(lib_text(json_array_get(visits, at), "start"), start) <= 0)
        at++;
    entry = json_copy((json_t *)visit);
    if (!entry || (blocked && json_object_set_new(entry, "blocked", json_true()) != 0)) {
        json_decref(entry);
        return FCC_ERR_NOMEM;
    }
    return json_array_insert_new(visits, at, entry) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

/* What overbooks the doctor has no cells. */
static fcc_status add_overrides(struct appt_board *board, const char *tag, const char *date, json_t *visits)
{
    lib_call *call = board->call;
    const fcc_bytes prefix[] = { fcc_str(tag) };
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(APPT_SUBJECT), FCC_LIT("OVR"),
                                                                  prefix, 1, &iter);

    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        const json_t *entry = NULL, *visit = NULL;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK)
            break;
        entry = lib_own(call, lib_json_load_own(kv.value));
        if (!lib_text(entry, "id"))
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "an override lacks its fields");
        else if ((st = appt_read_visit(board, lib_text(entry, "id"), &visit)) == FCC_OK &&
                 json_object_get(visit, "override") && !lib_text_is(visit, "status", "cancelled"))
            st = add_visit(board, lib_text(entry, "id"), date, false, visits);
    }
    fcc_iter_close(iter);
    return st;
}

static fcc_status appt_day_sheet(lib_call *call)
{
    const char *uid = lib_in_text(call, "uid"), *date = lib_in_text(call, "date"), *tag = NULL;
    const json_t *cells[seen_slots] = { 0 };
    json_t *visits = lib_own(call, json_array());
    struct appt_board board;
    fcc_status st;

    if (call->caller.role == LIB_DOCTOR && strcmp(uid, call->caller.uid) != 0)
        return lib_deny(call, "not_author", "only the own day");
    appt_board_start(&board, call);
    if ((st = appt_tag(call, uid, &tag)) != FCC_OK || (st = read_day(&board, tag, first_slot(date), cells)) != FCC_OK)
        return st;
    for (int i = 0; i < APPT_DAY_SLOTS; i++) {
        const char *id = lib_text(cells[i], "appt");

        if (id &&
            (st = add_visit(&board, id, date, json_is_true(json_object_get(cells[i], "blocked")), visits)) != FCC_OK)
            return st;
    }
    if ((st = add_overrides(&board, tag, date, visits)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O}", "visits", visits));
}

/* ---- a patient's appointments ---- */

/* Staff see what their site has; a doctor the own ones. */
static bool is_seen(const lib_call *call, const json_t *visit)
{
    if (call->caller.role == LIB_PATIENT)
        return true;
    return lib_text_is(visit, "site", call->caller.site) &&
           (call->caller.role != LIB_DOCTOR || lib_text_is(visit, "uid", call->caller.uid));
}

/*
 * The patient's appointments whose start~id comes behind `after`, oldest first. *next is the next page's token, NULL at
 * the end.
 */
static fcc_status walk(lib_call *call, const char *pid, const char *after, json_t *visits, const char **next)
{
    const fcc_bytes prefix[] = { fcc_str(pid) };
    struct appt_board board;
    fcc_iter *iter = NULL;
    const char *last = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(APPT_SUBJECT), FCC_LIT("APPTP"),
                                                                  prefix, 1, &iter);

    appt_board_start(&board, call);
    *next = NULL;
    while (st == FCC_OK && !*next && fcc_iter_has_next(iter)) {
        const json_t *visit = NULL;
        const fcc_bytes *parts = NULL;
        char token[LIB_EPOCH_SIZE + 65];
        size_t count = 0;
        fcc_bytes type;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK ||
            (st = fcc_split_composite_key(call->stub, kv.key, &type, &parts, &count)) != FCC_OK)
            break;
        if (count != 3) {
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "an index key with another number of parts");
            break;
        }
        snprintf(token, sizeof(token), FCC_FMT "~" FCC_FMT, FCC_ARG(parts[1]), FCC_ARG(parts[2]));
        if (after && strcmp(token, after) <= 0)
            continue;
        if (json_array_size(visits) == APPT_PAGE) {
            *next = last;
            break;
        }
        if ((st = appt_read_visit(&board, lib_string(call, parts[2]), &visit)) == FCC_OK && is_seen(call, visit)) {
            last = lib_string(call, fcc_str(token));
            if (!last || json_array_append(visits, (json_t *)visit) != 0)
                st = FCC_ERR_NOMEM;
        }
    }
    fcc_iter_close(iter);
    return st;
}

static fcc_status require_reader(lib_call *call)
{
    return call->caller.role == LIB_PATIENT ? appt_require_owner(call, lib_in_text(call, "pid")) : FCC_OK;
}

static fcc_status appt_list_appointments(lib_call *call)
{
    json_t *visits = lib_own(call, json_array());
    const char *next = NULL;
    fcc_status st;

    if ((st = require_reader(call)) != FCC_OK ||
        (st = walk(call, lib_in_text(call, "pid"), lib_in_text(call, "page"), visits, &next)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "appointments", visits, "next", next));
}

/* What is still to come: visits, and holds that want to be booked. */
static fcc_status appt_reminders(lib_call *call)
{
    json_t *visits = lib_own(call, json_array()), *due = lib_own(call, json_array());
    const char *next = NULL;
    char from[24];
    fcc_status st;

    snprintf(from, sizeof(from), "%010lld", (long long)call->now);
    if ((st = require_reader(call)) != FCC_OK ||
        (st = walk(call, lib_in_text(call, "pid"), from, visits, &next)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(visits); i++) {
        const json_t *visit = json_array_get(visits, i);
        bool held = lib_text_is(visit, "status", "pending") && call->now <= appt_time(visit, "until");

        if (!held && !lib_text_is(visit, "status", "booked"))
            continue;
        if (json_array_append_new(
                due, json_pack("{s:O,s:O,s:O,s:O,s:O,s:O,s:O*}", "id", json_object_get(visit, "id"), "start",
                               json_object_get(visit, "start"), "minutes", json_object_get(visit, "minutes"), "uid",
                               json_object_get(visit, "uid"), "site", json_object_get(visit, "site"), "status",
                               json_object_get(visit, "status"), "until", json_object_get(visit, "until"))) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_pack("{s:O}", "reminders", due));
}

/* ---- one appointment ---- */

static fcc_status appt_get_appointment(lib_call *call)
{
    const char *id = lib_in_text(call, "id");
    const json_t *visit = NULL;
    struct appt_board board;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = appt_get(&board, lib_key(call, "APPT", id, NULL, NULL), &visit)) != FCC_OK)
        return st;
    if (visit) {
        st = appt_require_part(call, visit);
        return st == FCC_OK ? lib_answer(call, json_incref((json_t *)visit)) : st;
    }
    if ((st = appt_read_wait(&board, id, &visit)) != FCC_OK)
        return st;
    if (!visit)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such appointment");
    if (call->caller.role == LIB_PATIENT)
        st = appt_require_owner(call, lib_text(visit, "pid"));
    else
        st = appt_require_colleague(call, lib_text(visit, "uid"));
    return st == FCC_OK ? lib_answer(call, json_incref((json_t *)visit)) : st;
}

static fcc_status appt_act_history(lib_call *call)
{
    const char *id = lib_arg_text(call, "id");
    const json_t *visit = NULL;
    struct appt_board board;
    fcc_status st;

    appt_board_start(&board, call);
    if (call->caller.role == LIB_PATIENT) {
        if ((st = appt_read_visit(&board, id, &visit)) != FCC_OK || (st = appt_require_part(call, visit)) != FCC_OK)
            return st;
    }
    return lib_act_history(call, id);
}

static fcc_status appt_verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}
