/*
 * agenda.h: FHIR's scheduling resources as the chaincode appointments takes them. Slots that are free become days of units
 * to publish; appointments that are booked become visits to hold and book, with the units that they need. What can't be
 * taken over is counted, by the reason.
 */
#ifndef NETWORK_FHIR_AGENDA_H
#define NETWORK_FHIR_AGENDA_H

#include <jansson.h>

#include "base/arena.h"

enum {
    FHIR_SLOT_S = 300,          /* the ledger's slots */
    FHIR_UNIT_MAX_S = 4 * 3600, /* a unit or a visit is no longer */
    FHIR_DAY_MAX_S = 24 * 3600, /* units of one call to PublishDay lie within so much, and are no more in sum */
    FHIR_AGENDA_MAX = 100000    /* resources */
};

/*
 * Whom a reference ("Practitioner/7", "Schedule/10", "Patient/1") means on the ledger: a uid or a pid, which is copied; NULL:
 * nobody.
 */
typedef const char *(*fhir_who)(void *ctx, const char *reference);

typedef struct fhir_day {
    const char *uid;
    int minutes;           /* of each unit */
    const int64_t *starts; /* seconds since 1970, in order */
    size_t count;
} fhir_day;

typedef struct fhir_visit {
    const char *name; /* the resource's id, for messages */
    const char *uid, *pid;
    int64_t start;
    int minutes;
    const char *class_name; /* normal, urgent */
} fhir_visit;

typedef struct fhir_reason {
    const char *text;
    size_t count;
} fhir_reason;

typedef struct fhir_agenda {
    fcc__arena *arena;
    const fhir_day *days;
    const fhir_visit *visits;
    const fhir_reason *reasons;
    size_t day_count, visit_count, reason_count;
    size_t units, resources, taken; /* resources: Slots and Appointments; taken: those that became something */
    size_t places_lost;             /* of slots with a capacity: places that would be shorter than five minutes */
} fhir_agenda;

typedef struct fhir_agenda_reader fhir_agenda_reader;

fhir_agenda_reader *fhir_agenda_start(void); /* NULL without memory */
/*
 * Add a document: a resource, a Bundle, or NDJSON with one resource a line. Types other than Schedule, Slot and
 * Appointment are passed over. FCC_ERR_PROTO: no FHIR JSON, and nothing of it is added; `name` is what errors call it.
 */
fcc_status fhir_agenda_add(fhir_agenda_reader *reader, fcc_bytes text, const char *name,
                           fcc_error *error) FCC_MUST_CHECK;
/*
 * What they come to. All times are moved by `shift_s` seconds first; what then has begun at `now_s` is not taken. The
 * reader is at its end; the agenda is freed by fhir_agenda_free.
 */
fcc_status fhir_agenda_finish(fhir_agenda_reader *reader, fhir_who doctor, fhir_who patient, void *ctx, int64_t shift_s,
                              int64_t now_s, fhir_agenda **out, fcc_error *error) FCC_MUST_CHECK;
void fhir_agenda_drop(fhir_agenda_reader *reader); /* takes NULL */
void fhir_agenda_free(fhir_agenda *agenda);        /* takes NULL */

/* T of PublishDay, Hold and Book: JSON that the caller frees. `salt`: 32 hexadecimal digits. NULL without memory. */
json_t *fhir_day_json(const fhir_day *day, const char *salt);
json_t *fhir_visit_json(const fhir_visit *visit, const char *id, const char *salt);
/* The visit's id: the same for the same patient, doctor and time, so that a second import makes no second visit. */
void fhir_visit_id(const fhir_visit *visit, char out[33]);

#endif
