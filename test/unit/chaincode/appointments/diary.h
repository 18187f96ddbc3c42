/* diary.h: what the tests of the chaincode appointments share: a channel with it, people, published days, and calls. */
#ifndef TEST_UNIT_CHAINCODE_APPOINTMENTS_DIARY_H
#define TEST_UNIT_CHAINCODE_APPOINTMENTS_DIARY_H

#include "test/support/health.h"

#include "appointments/appointments.h"

#define DAY "2026-01-05" /* a Monday, four days after NOW */
#define AT(time) DAY "T" time ":00Z"
#define NINE AT("09:00")
#define NINE_O_CLOCK (NOW + 4 * 86400 + 9 * 3600)

/* Text with printf's words in it, good until the sixteenth call after. */
static inline const char *text_of(const char *format, ...)
{
    static char texts[16][20000];
    static size_t next;
    char *text = texts[next++ % 16];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(texts[0]), format, ap);
    va_end(ap);
    return text;
}

static inline fcc_test_result invoke(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "appointments", function, FCC_END);
}

static inline fcc_test_result endorse(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_endorse(world, "appointments", function, FCC_END);
}

static inline fcc_test_result query(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "appointments", function, FCC_END);
}

static inline void as_desk(void)
{
    as_staff("desk", "desk1", "2b");
}

static inline void as_clinic_desk(void)
{
    as("ClinicMSP", "desk", "desk2", C1, "28");
}

static inline void as_admin(void)
{
    as_staff("admin", "adm1", "16");
}

static inline void as_guardian(void)
{
    as("HospitalMSP", "patient", NULL, NULL, "9a");
}

/* ---- T ---- */

static inline const char *hold_in(const char *id, const char *pid, const char *uid, const char *start, int minutes)
{
    return text_of("{\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"start\":\"%s\",\"minutes\":%d,\"class\":\"normal\","
                   "\"salt\":\"" SALT1 "\"}",
                   id, pid, uid, start, minutes);
}

static inline const char *urgent_in(const char *id, const char *pid, const char *uid, const char *start, int minutes)
{
    return text_of("{\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"start\":\"%s\",\"minutes\":%d,\"class\":\"urgent\","
                   "\"salt\":\"" SALT1 "\"}",
                   id, pid, uid, start, minutes);
}

static inline const char *id_in(const char *id)
{
    return text_of("{\"id\":\"%s\",\"salt\":\"" SALT2 "\"}", id);
}

static inline const char *cancel_in(const char *id)
{
    return text_of("{\"id\":\"%s\",\"reasonCode\":\"patient\",\"salt\":\"" SALT2 "\"}", id);
}

static inline const char *move_in(const char *id, const char *start)
{
    return text_of("{\"id\":\"%s\",\"newStart\":\"%s\",\"salt\":\"" SALT2 "\"}", id, start);
}

static inline const char *look_in(const char *id)
{
    return text_of("{\"id\":\"%s\"}", id);
}

/* `units` units of so many minutes from a time on; `urgent` are the last ones. */
static inline const char *publish_in(const char *uid, int64_t from, int units, int minutes, int urgent)
{
    static char list[300 * 24], kept[300 * 24], time[LIB_TIME_SIZE];
    size_t n = 0, k = 0;

    for (int i = 0; i < units; i++) {
        lib_time_format(from + (int64_t)i * minutes * 60, time);
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%s\"", i ? "," : "", time);
        if (i >= units - urgent)
            k += (size_t)snprintf(kept + k, sizeof(kept) - k, "%s\"%s\"", k ? "," : "", time);
    }
    list[n] = kept[k] = 0;
    return text_of("{\"uid\":\"%s\",\"slots\":[%s],\"unit\":%d,\"urgent\":[%s],\"salt\":\"" SALT3 "\"}", uid, list,
                   minutes, kept);
}

/* ---- a channel ---- */

static inline int make_diary(void **state)
{
    health_start(NULL);
    health_install("appointments", &appointments_chaincode);
    as_admin();
    assert_accepted(invoke("Setup", "{\"salt\":\"" FP("5a") "\"}"));
    return 0;
}
HEALTH_SETUP(set_up, make_diary)

/* d1 at the hospital from nine to twelve in quarters of an hour; d3 at the clinic in units of 20 minutes. */
static inline int make_days(void **state)
{
    set_up(state);
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d1", NINE_O_CLOCK, 12, 15, 0)));
    as_clinic_desk();
    assert_accepted(invoke("PublishDay", publish_in("d3", NINE_O_CLOCK, 9, 20, 0)));
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up_days, make_days)

static inline void hold(const char *id, const char *pid, const char *uid, const char *start, int minutes)
{
    assert_accepted(invoke("Hold", hold_in(id, pid, uid, start, minutes)));
}

static inline void book(const char *id, const char *pid, const char *uid, const char *start, int minutes)
{
    hold(id, pid, uid, start, minutes);
    assert_accepted(invoke("Book", id_in(id)));
}

/* What the ledger has of an appointment. */
static inline const char *visit(const char *id)
{
    return held("appointments", "subject", text_of("~APPT~%s~", id));
}

static inline const char *act(const char *id)
{
    return held("appointments", "", text_of("~ACT~%s~", id));
}

#endif
