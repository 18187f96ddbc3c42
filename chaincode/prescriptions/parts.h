/* parts.h: what the files of this chaincode share. */
#ifndef PRESCRIPTIONS_PARTS_H
#define PRESCRIPTIONS_PARTS_H

#include "lib/call.h"
#include "lib/registry.h"
#include "lib/state.h"
#include "lib/walk.h"

#define RX_COLLECTION "rx"

enum {
    RX_MAX_ID = 56,          /* characters of a prescription's id: a dispense's act has its number behind it */
    RX_MAX_ITEMS = 20,       /* of one prescription */
    RX_MAX_PACKS = 200,      /* in one dispense */
    RX_MAX_UNITS = 1000000,  /* of one item in one window */
    RX_MAX_SEQ = 9999,       /* four digits in a dispense's key */
    RX_WINDOW_SECONDS = 120, /* how far a proposal's time may be from the clock: domain.md's W */
    RX_REVERSE_SECONDS = 10 * 24 * 3600,
    RX_DAY_SECONDS = 24 * 3600
};

/* Fields that several functions have. */
#define RX_ID                          \
    {                                  \
        .name = "rxId", .type = LIB_ID \
    }
#define RX_PID                         \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define RX_SALT                                    \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define RX_SEQ                                                             \
    {                                                                      \
        .name = "seq", .type = LIB_INT, .min = 1, .max = (int)(RX_MAX_SEQ) \
    }
#define RX_PAGE_TOKEN                                                   \
    {                                                                   \
        .name = "page", .type = LIB_TOKEN, .optional = true, .max = 100 \
    }

/* ---- prescriptions: prescriptions.c ---- */

/*
 * RX~rxId of the argument rxId, which is what its public act commits to. 404 NOT_FOUND; 422 TAMPERED where this peer's
 * copy is another one.
 */
fcc_status rx_read(lib_call *call, const json_t **rx) FCC_MUST_CHECK;
/* 410 GONE once it is completed, cancelled or expired. */
fcc_status rx_require_live(lib_call *call, const json_t *rx) FCC_MUST_CHECK;
/* 410 GONE when it is not valid any more, whether or not somebody has called Expire. */
fcc_status rx_require_valid(lib_call *call, const json_t *rx) FCC_MUST_CHECK;
/* The caller's site has it: 409 CONFLICT when another one has, 403 DENIED:not_lock when none. */
fcc_status rx_require_lock(lib_call *call, const json_t *rx) FCC_MUST_CHECK;
/* 422 REGION unless the caller's site lies where the prescription may be dispensed. */
fcc_status rx_require_region(lib_call *call, const json_t *rx) FCC_MUST_CHECK;
/* The caller is this patient, or now a guardian for prescriptions. 403 DENIED:not_owner. */
fcc_status rx_require_owner(lib_call *call, const char *pid) FCC_MUST_CHECK;
/* Whether the caller is the doctor who issued it, at the site where it was. */
bool rx_issued_by_caller(const lib_call *call, const json_t *rx);
bool rx_is_over(const json_t *rx);

/*
 * The next version of a prescription, under the salt of T: what was done to it (`act`, with T's reasonCode if it has
 * one), by whom and when. The call owns it; NULL without memory.
 */
json_t *rx_next(lib_call *call, const json_t *rx, const char *act) FCC_MUST_CHECK;
/*
 * Write a version of a prescription with its act, after `was` (NULL: it is the first). Its place in its nominee's queue
 * follows its status.
 */
fcc_status rx_write(lib_call *call, const json_t *was, const json_t *rx) FCC_MUST_CHECK;
/* The status that its items and its lock give, unless it is over by other reasons. */
fcc_status rx_settle(json_t *rx) FCC_MUST_CHECK;

/* ---- items: items.c ---- */

/* 400 BAD_INPUT unless T's items are what they should be. */
fcc_status rx_check_items(lib_call *call) FCC_MUST_CHECK;
/* The items of a new prescription from T's; the call owns them. NULL without memory. */
json_t *rx_new_items(lib_call *call) FCC_MUST_CHECK;
/* An item by its number; NULL when there is none. */
json_t *rx_item(const json_t *rx, int64_t n);
int64_t rx_number(const json_t *object, const char *name);
/* Nothing is left of it, in no window to come either. */
bool rx_item_is_done(const json_t *item);
/* Whether a product, as supply answers it, is what an item asks for. */
bool rx_matches(const json_t *item, const json_t *product);
/* Take units in an item's window, and close the window when nothing is left in it. FCC_ERR_NOMEM. */
fcc_status rx_take(json_t *item, int64_t units, int64_t now) FCC_MUST_CHECK;
/*
 * Put units back that were taken in the window `window`, which had opened at `opened` (NULL: at once). false when a
 * later window has been taken from since, so that this one can't be opened again.
 */
bool rx_put_back(json_t *item, int64_t units, int64_t window, const char *opened);

/* ---- dispenses: dispense.c ---- */

/* RXD~rxId~seq: NULL when there is none. 422 TAMPERED as above. */
fcc_status rx_read_dispense(lib_call *call, const char *id, int64_t seq, const json_t **dispense) FCC_MUST_CHECK;
/* Write a version of it with its act, whose id is rxId:seq. */
fcc_status rx_write_dispense(lib_call *call, const json_t *dispense) FCC_MUST_CHECK;
/* What a dispense took from these lines, as supply's functions take it: an array of {gtin, serial, units}. */
json_t *rx_packs_of(lib_call *call, const json_t *lines) FCC_MUST_CHECK;
/* supply's MarkDispensed or UnmarkDispensed for the caller's site; a refusal of supply is the answer. */
fcc_status rx_call_supply(lib_call *call, const char *function, const json_t *packs,
                          const json_t **answer) FCC_MUST_CHECK;

#endif
