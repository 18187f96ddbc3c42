/*
 * parts.h: what the files of this chaincode share.
 *
 * Time is cut into slots of five minutes, counted from 1970 in UTC, one cell each: CELL~tag(uid)~slot for a doctor,
 * PCELL~pid~slot for a patient. A visit writes every cell that it covers, of both, after reading each by its key. So two
 * visits that overlap by a minute touch the same key, whatever grids they were made on, at whatever site.
 */
#ifndef APPOINTMENTS_PARTS_H
#define APPOINTMENTS_PARTS_H

#include "lib/call.h"
#include "lib/registry.h"
#include "lib/state.h"

#define APPT_SUBJECT "subject"

enum {
    APPT_SLOT_SECONDS = 300,
    APPT_SLOT_MINUTES = 5,
    APPT_MOST_SLOTS = 48,           /* of a unit or a visit */
    APPT_DAY_SLOTS = 288,           /* of a day, and of what one call publishes or blocks */
    APPT_HOLD_SECONDS = 600,        /* how long a hold lives */
    APPT_OFFER_SECONDS = 1800,      /* how long one lives that comes from the waiting list */
    APPT_GRACE_SECONDS = 600,       /* how late a patient may be before the visit is given up */
    APPT_EARLY_SECONDS = 12 * 3600, /* how long before it a patient may check in */
    APPT_OFFER_LOOKS = 20,          /* entries of a waiting list that one call looks at */
    APPT_PER_DAY = 4,               /* visits of a patient on a day, and urgent ones, where no limits are set */
    APPT_URGENT_PER_DAY = 1,
    APPT_PAGE = 100,    /* entries in an answer */
    APPT_DATE_SIZE = 11 /* "2026-01-31" and its terminator */
};

extern const char *const appt_classes[]; /* normal, urgent */

/* Fields that several functions have. */
#define APPT_ID                      \
    {                                \
        .name = "id", .type = LIB_ID \
    }
#define APPT_PID                       \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define APPT_UID                      \
    {                                 \
        .name = "uid", .type = LIB_ID \
    }
#define APPT_START                        \
    {                                     \
        .name = "start", .type = LIB_TIME \
    }
#define APPT_MINUTES                                                                                             \
    {                                                                                                            \
        .name = "minutes", .type = LIB_INT, .min = APPT_SLOT_MINUTES, .max = APPT_MOST_SLOTS * APPT_SLOT_MINUTES \
    }
#define APPT_DATE                        \
    {                                    \
        .name = "date", .type = LIB_DATE \
    }
#define APPT_CLASS                                               \
    {                                                            \
        .name = "class", .type = LIB_WORD, .words = appt_classes \
    }
#define APPT_SALT                                  \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define APPT_PAGE_TOKEN                                                 \
    {                                                                   \
        .name = "page", .type = LIB_TOKEN, .optional = true, .max = 100 \
    }

/* ---- values and people: appointments.c ---- */

/* Its "v"; 0 for NULL. */
int appt_version(const json_t *record);
/* A time in a record; 0 when it has none. */
int64_t appt_time(const json_t *record, const char *name);
/* The UTC day of a slot. */
void appt_date_of(int64_t slot, char out[APPT_DATE_SIZE]);
/* The event `name` {"id"} (NULL: none) and the answer {"id","v"}. */
fcc_status appt_answer_act(lib_call *call, const char *event, const char *id, int v) FCC_MUST_CHECK;

/* The owner: this patient, or now a guardian for appointments. 403 DENIED:not_owner. */
fcc_status appt_require_owner(lib_call *call, const char *pid) FCC_MUST_CHECK;
/*
 * Who has to do with a visit: its patient's owner; staff of its site, of the doctors only the visit's own. 403
 * DENIED:not_owner, DENIED:not_site, DENIED:not_author.
 */
fcc_status appt_require_part(lib_call *call, const json_t *visit) FCC_MUST_CHECK;
/* 403 DENIED:not_site unless uid works as a doctor at the caller's site. */
fcc_status appt_require_colleague(lib_call *call, const char *uid) FCC_MUST_CHECK;
/* 412 when uid works as a doctor at this site no more, 403 DENIED:licence without a valid licence in its region. */
fcc_status appt_require_doctor(lib_call *call, const char *uid, const char *site) FCC_MUST_CHECK;

/* ---- what administrators set: setup.c ---- */

/* tag(uid). 412 PRECONDITION before Setup. */
fcc_status appt_tag(lib_call *call, const char *uid, const char **tag) FCC_MUST_CHECK;
struct appt_board;
/* How many visits, and urgent ones among them, a patient may have on a day of which one is with this doctor. */
fcc_status appt_caps(struct appt_board *board, const char *tag, int *per_day, int *urgent) FCC_MUST_CHECK;

/* ---- what a call reads and writes: board.c ---- */

/*
 * The keys of a call, each read once, with what the call makes of them: own writes are invisible on the ledger, and a
 * cell that one hold gives up is taken by the next in the same call. Nothing is written before appt_flush.
 */
struct appt_board {
    lib_call *call;
    const char *salt; /* of the call; each value's own one follows from it and its key */
    struct appt_entry *entries;
    size_t count, room;
};
void appt_board_start(struct appt_board *board, lib_call *call);
/* Read those that have not been read yet. */
fcc_status appt_load(struct appt_board *board, const fcc_bytes *keys, size_t count) FCC_MUST_CHECK;
/* The value as this call leaves it; NULL when there is none. *out lives as long as the call. Reads if need be. */
fcc_status appt_get(struct appt_board *board, fcc_bytes key, const json_t **out) FCC_MUST_CHECK;
/* Write a value under a salt of its own; takes it over. NULL deletes. */
fcc_status appt_put(struct appt_board *board, fcc_bytes key, json_t *value) FCC_MUST_CHECK;
/* The same value under another key: a version. It stays the caller's. */
fcc_status appt_put_copy(struct appt_board *board, fcc_bytes key, const json_t *value) FCC_MUST_CHECK;
/*
 * Write a visit's next version, under the call's salt if it is the one that the call is about: APPT, APPTV, ACT. Takes
 * it over.
 */
fcc_status appt_put_visit(struct appt_board *board, json_t *visit, bool main) FCC_MUST_CHECK;
fcc_status appt_flush(struct appt_board *board) FCC_MUST_CHECK;
/* The salt of what a call writes under this key. */
fcc_status appt_salt_of(lib_call *call, const char *salt, fcc_bytes key, const char **out) FCC_MUST_CHECK;
/* A key of up to five parts; the list ends with NULL. */
fcc_bytes appt_key(lib_call *call, const char *type, const char *const *parts);
fcc_bytes appt_slot_key(lib_call *call, const char *type, const char *whose, int64_t slot);

/* ---- cells: cells.c ---- */

/* A visit's place in time. */
struct appt_visit {
    const char *id, *pid, *uid, *tag, *class_;
    int64_t slot; /* its first */
    int count;
};
/* `start` and `minutes` of T. 400 BAD_INPUT when they are no slots or have begun. */
fcc_status appt_read_time(lib_call *call, const char *start, int minutes, struct appt_visit *out) FCC_MUST_CHECK;
fcc_status appt_visit_of(lib_call *call, const json_t *record, struct appt_visit *out) FCC_MUST_CHECK;
/*
 * The published cells that the visit would cover, all of one site, beginning with a unit: 400 BAD_INPUT otherwise, 409
 * for those that are blocked, 412 for those that are kept for urgent visits.
 */
fcc_status appt_require_unit(struct appt_board *board, const struct appt_visit *visit,
                             const char **site) FCC_MUST_CHECK;
/* 409 CONFLICT when a part of the visit's time was blocked meanwhile. */
fcc_status appt_require_present(struct appt_board *board, const struct appt_visit *visit) FCC_MUST_CHECK;
/* 409 CONFLICT while somebody waits for this doctor, day and class who was not asked about these cells. */
fcc_status appt_require_turn(struct appt_board *board, const struct appt_visit *visit) FCC_MUST_CHECK;
/*
 * That the doctor, or the patient, is free for the visit, apart from the visit itself; holds that have expired are
 * cancelled. 409 CONFLICT names the slot and whose it is.
 */
fcc_status appt_require_doctor_free(struct appt_board *board, const struct appt_visit *visit) FCC_MUST_CHECK;
fcc_status appt_require_patient_free(struct appt_board *board, const struct appt_visit *visit) FCC_MUST_CHECK;
/* Whether the patient is free, without a refusal and without cancelling anything. */
fcc_status appt_patient_is_free(struct appt_board *board, const struct appt_visit *visit, bool *is) FCC_MUST_CHECK;
/* Take the cells: `state` hold or busy; `until` of a hold, else NULL. `doctor`: not for what overbooks the doctor. */
fcc_status appt_take(struct appt_board *board, const struct appt_visit *visit, const char *state, const char *until,
                     bool doctor) FCC_MUST_CHECK;
/* Give up those that are this visit's. */
fcc_status appt_release(struct appt_board *board, const struct appt_visit *visit) FCC_MUST_CHECK;
/* Whether a cell is kept for urgent visits: it is anybody's from the beginning of the UTC day before it. */
bool appt_is_kept(const lib_call *call, const json_t *cell, int64_t slot);
/* Whether a hold's time is over: for others only W later. */
bool appt_expired(const lib_call *call, const json_t *visit, const char *pid);

/* ---- visits: hold.c, book.c ---- */

/* 409 ALREADY when an appointment or an entry of a waiting list has had this id. */
fcc_status appt_require_new_id(struct appt_board *board, const char *id) FCC_MUST_CHECK;
/* A visit that is there: 404 NOT_FOUND. */
fcc_status appt_read_visit(struct appt_board *board, const char *id, const json_t **out) FCC_MUST_CHECK;
/* Its next version with another status, a copy; NULL without memory. */
json_t *appt_next(const json_t *visit, const char *status);
/* A new visit of this place: pending until `until`, or booked where it is NULL. With its index, in the board. */
fcc_status appt_new_visit(struct appt_board *board, const struct appt_visit *visit, const char *site, const char *until,
                          bool override) FCC_MUST_CHECK;
fcc_status appt_index(struct appt_board *board, const struct appt_visit *visit, bool there) FCC_MUST_CHECK;
/* Cancel in the board: cells, the day's count, status. */
fcc_status appt_cancel_visit(struct appt_board *board, const json_t *visit, const char *reason,
                             bool main) FCC_MUST_CHECK;
/* Count a visit among the patient's of its day; 429 LIMIT. `is` false instead of a refusal where it is not NULL. */
fcc_status appt_count(struct appt_board *board, const struct appt_visit *visit, bool *is) FCC_MUST_CHECK;
fcc_status appt_uncount(struct appt_board *board, const struct appt_visit *visit) FCC_MUST_CHECK;

/* ---- waiting lists: waitlist.c ---- */

/* The entry with this id; *out is NULL where there is none. */
fcc_status appt_read_wait(struct appt_board *board, const char *id, const json_t **out) FCC_MUST_CHECK;
/* How many wait. */
fcc_status appt_waiting(struct appt_board *board, const char *tag, const char *date, const char *class_,
                        int64_t *count) FCC_MUST_CHECK;

#endif
