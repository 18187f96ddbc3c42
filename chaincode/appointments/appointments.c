/* appointments.c: the table of functions, and what all of them do with values, patients, doctors and sites. */
#include "appointments/appointments.h"

#include "appointments/parts.h"

/* clang-format off */
#define APPOINTMENTS_FUNCTIONS(X) \
    X(Setup, appt_setup) \
    X(SetLimits, appt_set_limits) \
    X(PublishDay, appt_publish_day) \
    X(Block, appt_block) \
    X(Hold, appt_hold) \
    X(Book, appt_book) \
    X(BookOverride, appt_book_override) \
    X(Reschedule, appt_reschedule) \
    X(Cancel, appt_cancel) \
    X(CheckIn, appt_check_in) \
    X(Complete, appt_complete) \
    X(NoShow, appt_no_show) \
    X(JoinWaitlist, appt_join_waitlist) \
    X(LeaveWaitlist, appt_leave_waitlist) \
    X(OfferNext, appt_offer_next) \
    X(FindFree, appt_find_free) \
    X(GetAppointment, appt_get_appointment) \
    X(ListAppointments, appt_list_appointments) \
    X(DaySheet, appt_day_sheet) \
    X(Reminders, appt_reminders) \
    X(ActHistory, appt_act_history) \
    X(VerifyCommit, appt_verify_commit)
/* clang-format on */

LIB_CHAINCODE(appointments, APPOINTMENTS_FUNCTIONS)

const char *const appt_classes[] = { "normal", "urgent", NULL };

/* ---- values ---- */

int appt_version(const json_t *record)
{
    return (int)json_integer_value(json_object_get(record, "v"));
}

int64_t appt_time(const json_t *record, const char *name)
{
    const char *text = lib_text(record, name);
    int64_t at = 0;

    return text && lib_time_parse(text, &at) ? at : 0;
}

void appt_date_of(int64_t slot, char out[APPT_DATE_SIZE])
{
    char time[LIB_TIME_SIZE];

    lib_time_format(slot * APPT_SLOT_SECONDS, time);
    memcpy(out, time, APPT_DATE_SIZE - 1);
    out[APPT_DATE_SIZE - 1] = 0;
}

fcc_status appt_answer_act(lib_call *call, const char *event, const char *id, int v)
{
    fcc_status st = event ? lib_event(call, event, json_pack("{s:s}", "id", id)) : FCC_OK;

    return st == FCC_OK ? lib_answer(call, json_pack("{s:s,s:i}", "id", id, "v", v)) : st;
}

/* ---- people ---- */

fcc_status appt_require_owner(lib_call *call, const char *pid)
{
    return lib_require_owner_of(call, pid, "appointments");
}

fcc_status appt_require_part(lib_call *call, const json_t *visit)
{
    if (call->caller.role == LIB_PATIENT)
        return appt_require_owner(call, lib_text(visit, "pid"));
    if (!lib_text_is(visit, "site", call->caller.site))
        return lib_deny(call, "not_site", "the appointment is another site's");
    if (call->caller.role == LIB_DOCTOR && !lib_text_is(visit, "uid", call->caller.uid))
        return lib_deny(call, "not_author", "the appointment is another doctor's");
    return FCC_OK;
}

fcc_status appt_require_colleague(lib_call *call, const char *uid)
{
    bool is = false;
    fcc_status st = registry_has_role(call, uid, call->caller.site, "doctor", &is);

    if (st != FCC_OK)
        return st;
    return is ? FCC_OK : lib_deny(call, "not_site", "uid is no doctor at the caller's site");
}

fcc_status appt_require_doctor(lib_call *call, const char *uid, const char *site)
{
    struct registry_site where = { 0 };
    bool works = false, found = false, licensed = false;
    fcc_status st;

    if (!site)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a cell lacks its site");
    if ((st = registry_has_role(call, uid, site, "doctor", &works)) != FCC_OK)
        return st;
    if (!works)
        return lib_refuse(call, LIB_PRECONDITION, "the doctor does not work at the site any more");
    if ((st = registry_site(call, site, &where, &found)) == FCC_OK && found && where.region)
        st = lib_check(call, uid, "licence", where.region, &licensed);
    if (st != FCC_OK)
        return st;
    return licensed ? FCC_OK : lib_deny(call, "licence", "the doctor has no valid licence in the site's region");
}
