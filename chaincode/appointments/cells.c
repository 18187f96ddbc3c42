/*
 * cells.c: the slots of doctors and patients: what a visit needs of them, takes and gives up.
 *
 * A doctor's cell says which appointment has it; whether that one still stands in the way is said by the appointment.
 */
#include "appointments/parts.h"

enum { day_seconds = 86400 };

/* ---- time ---- */

fcc_status appt_read_time(lib_call *call, const char *start, int minutes, struct appt_visit *out)
{
    int64_t at = 0;

    if (!start || !lib_time_parse(start, &at) || at < 0 || at % APPT_SLOT_SECONDS != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "start is no multiple of five minutes");
    if (minutes <= 0 || minutes % APPT_SLOT_MINUTES != 0 || minutes > APPT_MOST_SLOTS * APPT_SLOT_MINUTES)
        return lib_refuse(call, LIB_BAD_INPUT, "minutes is no multiple of five");
    if (at <= call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "start is in the past");
    out->slot = at / APPT_SLOT_SECONDS;
    out->count = minutes / APPT_SLOT_MINUTES;
    return FCC_OK;
}

fcc_status appt_visit_of(lib_call *call, const json_t *record, struct appt_visit *out)
{
    int64_t minutes = json_integer_value(json_object_get(record, "minutes"));

    *out = (struct appt_visit){ .id = lib_text(record, "id"),
                                .pid = lib_text(record, "pid"),
                                .uid = lib_text(record, "uid"),
                                .class_ = lib_text(record, "class"),
                                .slot = appt_time(record, "start") / APPT_SLOT_SECONDS,
                                .count = (int)(minutes / APPT_SLOT_MINUTES) };
    if (!out->id || !out->pid || !out->uid || out->count < 1 || out->count > APPT_MOST_SLOTS)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "an appointment lacks its fields");
    return appt_tag(call, out->uid, &out->tag);
}

static fcc_status busy(lib_call *call, int64_t slot, const char *who)
{
    return lib_refuse(call, LIB_CONFLICT, "slot %s: the %s", lib_time(call, slot * APPT_SLOT_SECONDS), who);
}

/* ---- reading ---- */

static fcc_bytes doctors(struct appt_board *board, const struct appt_visit *visit, int i)
{
    return appt_slot_key(board->call, "CELL", visit->tag, visit->slot + i);
}

static fcc_bytes patients(struct appt_board *board, const struct appt_visit *visit, int i)
{
    return appt_slot_key(board->call, "PCELL", visit->pid, visit->slot + i);
}

/* All of them in one round trip. */
static fcc_status load(struct appt_board *board, const struct appt_visit *visit, bool doctor, bool patient)
{
    fcc_bytes keys[2 * APPT_MOST_SLOTS];
    size_t n = 0;

    for (int i = 0; i < visit->count; i++) {
        if (doctor)
            keys[n++] = doctors(board, visit, i);
        if (patient)
            keys[n++] = patients(board, visit, i);
    }
    return appt_load(board, keys, n);
}

static bool is_blocked(const json_t *cell)
{
    return lib_text_is(cell, "state", "blocked") || json_is_true(json_object_get(cell, "blocked"));
}

/* An urgent unit is anybody's from the beginning of the day before it. */
bool appt_is_kept(const lib_call *call, const json_t *cell, int64_t slot)
{
    int64_t day = slot / APPT_DAY_SLOTS * day_seconds;

    return lib_text_is(cell, "class", "urgent") && call->now < day - day_seconds;
}

fcc_status appt_require_present(struct appt_board *board, const struct appt_visit *visit)
{
    fcc_status st = load(board, visit, true, false);

    for (int i = 0; i < visit->count && st == FCC_OK; i++) {
        const json_t *cell = NULL;

        if ((st = appt_get(board, doctors(board, visit, i), &cell)) == FCC_OK && is_blocked(cell))
            return busy(board->call, visit->slot + i, "doctor is away");
    }
    return st;
}

fcc_status appt_require_unit(struct appt_board *board, const struct appt_visit *visit, const char **site)
{
    lib_call *call = board->call;
    const json_t *cells[APPT_MOST_SLOTS];
    fcc_status st = load(board, visit, true, false);

    for (int i = 0; i < visit->count && st == FCC_OK; i++)
        st = appt_get(board, doctors(board, visit, i), &cells[i]);
    if (st != FCC_OK)
        return st;
    if (!cells[0] || json_integer_value(json_object_get(cells[0], "unitStart")) != visit->slot)
        return lib_refuse(call, LIB_BAD_INPUT, "start is no published unit's start");
    *site = lib_text(cells[0], "site");
    for (int i = 1; i < visit->count; i++)
        if (!cells[i] || !lib_text_is(cells[i], "site", *site))
            return lib_refuse(call, LIB_BAD_INPUT, "minutes reach beyond the published units");
    if ((st = appt_require_present(board, visit)) != FCC_OK)
        return st;
    for (int i = 0; i < visit->count; i++)
        if (appt_is_kept(call, cells[i], visit->slot + i) && strcmp(visit->class_, "urgent") != 0)
            return lib_refuse(call, LIB_PRECONDITION, "the unit is kept for urgent visits until the day before");
    return FCC_OK;
}

bool appt_expired(const lib_call *call, const json_t *visit, const char *pid)
{
    int64_t until = appt_time(visit, "until");

    return lib_text_is(visit, "status", "pending") &&
           call->now > until + (lib_text_is(visit, "pid", pid) ? 0 : LIB_WINDOW_SECONDS);
}

/* Over: its patient has the time again. A doctor's cells stay, so that the day sheet has all visits of the day. */
static bool is_over(const json_t *visit)
{
    return lib_text_is(visit, "status", "fulfilled") || lib_text_is(visit, "status", "noshow") ||
           lib_text_is(visit, "status", "cancelled");
}

/* The appointment that has a cell and is not this one; NULL: none. */
static fcc_status taken_by(struct appt_board *board, fcc_bytes key, const char *but, const json_t **other)
{
    const json_t *cell = NULL;
    const char *id;
    fcc_status st = appt_get(board, key, &cell);

    *other = NULL;
    id = st == FCC_OK ? lib_text(cell, "appt") : NULL;
    if (!id || strcmp(id, but) == 0)
        return st;
    return appt_read_visit(board, id, other);
}

fcc_status appt_require_doctor_free(struct appt_board *board, const struct appt_visit *visit)
{
    fcc_status st = load(board, visit, true, false);

    for (int i = 0; i < visit->count && st == FCC_OK; i++) {
        const json_t *other = NULL;

        if ((st = taken_by(board, doctors(board, visit, i), visit->id, &other)) == FCC_OK && other)
            st = appt_expired(board->call, other, visit->pid) ? appt_cancel_visit(board, other, "expired", false)
                                                              : busy(board->call, visit->slot + i, "doctor is busy");
    }
    return st;
}

/* ---- one patient under several pids ---- */

enum { most_pids = REGISTRY_MOST_PROVS + 2 };

/* The visit as each of the pids that are its patient's: its own one, and those that were found out to be the same. */
static fcc_status as_each_pid(struct appt_board *board, const struct appt_visit *visit, struct appt_visit *out,
                              size_t *count)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    fcc_status st = registry_patient(board->call, visit->pid, &patient, &found);

    out[0] = *visit;
    *count = 1;
    if (st != FCC_OK || !found)
        return st;
    for (size_t i = 0; i <= json_array_size(patient.provs) && *count < most_pids; i++) {
        const char *pid = i == 0 ? patient.pid : json_string_value(json_array_get(patient.provs, i - 1));

        if (!pid || strcmp(pid, visit->pid) == 0)
            continue;
        out[*count] = *visit;
        out[(*count)++].pid = pid;
    }
    return FCC_OK;
}

static fcc_status require_free(struct appt_board *board, const struct appt_visit *visit)
{
    fcc_status st = load(board, visit, false, true);

    for (int i = 0; i < visit->count && st == FCC_OK; i++) {
        const json_t *other = NULL;

        if ((st = taken_by(board, patients(board, visit, i), visit->id, &other)) == FCC_OK && other && !is_over(other))
            st = appt_expired(board->call, other, visit->pid) ? appt_cancel_visit(board, other, "expired", false)
                                                              : busy(board->call, visit->slot + i, "patient is busy");
    }
    return st;
}

fcc_status appt_require_patient_free(struct appt_board *board, const struct appt_visit *visit)
{
    struct appt_visit all[most_pids];
    size_t count = 0;
    fcc_status st = as_each_pid(board, visit, all, &count);

    for (size_t i = 0; i < count && st == FCC_OK; i++)
        st = require_free(board, &all[i]);
    return st;
}

static fcc_status look_if_free(struct appt_board *board, const struct appt_visit *visit, bool *is)
{
    fcc_status st = load(board, visit, false, true);

    for (int i = 0; i < visit->count && st == FCC_OK && *is; i++) {
        const json_t *other = NULL;

        if ((st = taken_by(board, patients(board, visit, i), visit->id, &other)) == FCC_OK && other)
            *is = is_over(other) || appt_expired(board->call, other, visit->pid);
    }
    return st;
}

fcc_status appt_patient_is_free(struct appt_board *board, const struct appt_visit *visit, bool *is)
{
    struct appt_visit all[most_pids];
    size_t count = 0;
    fcc_status st = as_each_pid(board, visit, all, &count);

    *is = true;
    for (size_t i = 0; i < count && st == FCC_OK && *is; i++)
        st = look_if_free(board, &all[i], is);
    return st;
}

/* ---- taking and giving up ---- */

fcc_status appt_take(struct appt_board *board, const struct appt_visit *visit, const char *state, const char *until,
                     bool doctor)
{
    fcc_status st = load(board, visit, doctor, true);

    for (int i = 0; i < visit->count && st == FCC_OK; i++) {
        const json_t *old = NULL;
        json_t *cell;

        if ((st = appt_put(board, patients(board, visit, i), json_pack("{s:i,s:s}", "fmt", 1, "appt", visit->id))) !=
                FCC_OK ||
            !doctor || (st = appt_get(board, doctors(board, visit, i), &old)) != FCC_OK)
            continue;
        cell = json_copy((json_t *)old);
        if (!cell || json_object_set_new(cell, "state", json_string(state)) != 0 ||
            json_object_set_new(cell, "appt", json_string(visit->id)) != 0 ||
            (until && json_object_set_new(cell, "until", json_string(until)) != 0)) {
            json_decref(cell);
            return FCC_ERR_NOMEM;
        }
        if (!until)
            json_object_del(cell, "until");
        json_object_del(cell, "passed");
        st = appt_put(board, doctors(board, visit, i), cell);
    }
    return st;
}

fcc_status appt_release(struct appt_board *board, const struct appt_visit *visit)
{
    fcc_status st = load(board, visit, true, true);

    for (int i = 0; i < visit->count && st == FCC_OK; i++) {
        const json_t *doctor = NULL, *patient = NULL;
        json_t *cell;

        if ((st = appt_get(board, doctors(board, visit, i), &doctor)) != FCC_OK ||
            (st = appt_get(board, patients(board, visit, i), &patient)) != FCC_OK)
            return st;
        if (lib_text_is(patient, "appt", visit->id) &&
            (st = appt_put(board, patients(board, visit, i), NULL)) != FCC_OK)
            return st;
        if (!lib_text_is(doctor, "appt", visit->id))
            continue;
        cell = json_copy((json_t *)doctor);
        if (!cell || json_object_set_new(cell, "state", json_string(is_blocked(doctor) ? "blocked" : "free")) != 0) {
            json_decref(cell);
            return FCC_ERR_NOMEM;
        }
        json_object_del(cell, "appt");
        json_object_del(cell, "until");
        json_object_del(cell, "blocked");
        json_object_del(cell, "passed");
        st = appt_put(board, doctors(board, visit, i), cell);
    }
    return st;
}
