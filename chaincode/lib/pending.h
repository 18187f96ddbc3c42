/* pending.h: acts that take two people: one begins them, another one countersigns within 24 hours, else they lapse. */
#ifndef LIB_PENDING_H
#define LIB_PENDING_H

#include "lib/state.h"

enum { LIB_PENDING_SECONDS = 24 * 3600 };

/* PEND~id as it was begun. Strings live as long as the call. */
struct lib_pending {
    const char *id, *kind;
    const json_t *body;
    const char *by, *msp; /* who began it, and the organisation */
    const json_t *record;
};

/*
 * Write PEND~id {"body","by","fmt","id","kind","msp","status":"open","until","v"} for the caller, a member of staff.
 * Takes the body over; it has a salt or something else that nobody guesses. 409 ALREADY when the id was used before.
 */
fcc_status lib_pending_begin(lib_call *call, const char *collection, const char *id, const char *kind,
                             json_t *body) FCC_MUST_CHECK;
/*
 * The act that the caller is about to countersign. 404 NOT_FOUND; 403 DENIED:self for who began it; 409 ALREADY when it
 * was countersigned; 410 GONE when it lapsed.
 */
fcc_status lib_pending_take(lib_call *call, const char *collection, const char *id,
                            struct lib_pending *out) FCC_MUST_CHECK;
/* Write that the caller countersigned it; what it holds is the function's to write. */
fcc_status lib_pending_done(lib_call *call, const char *collection, const struct lib_pending *pending) FCC_MUST_CHECK;

#endif
