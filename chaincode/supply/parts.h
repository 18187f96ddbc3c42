/* parts.h: what the files of this chaincode share. */
#ifndef SUPPLY_PARTS_H
#define SUPPLY_PARTS_H

#include "lib/call.h"
#include "lib/gs1.h"
#include "lib/registry.h"
#include "lib/state.h"

#define SUPPLY_PACKS "packs"

enum {
    SUPPLY_MAX = 200,  /* packs or children in one call, and in one container */
    SUPPLY_LEVELS = 3, /* of containers in containers */
    SUPPLY_PAGE = 200  /* entries in an answer */
};

/* Who acts for what a site has: where no supply chain's role exists (H, C), doctors and nurses do. */
enum { SUPPLY_STAFF = LIB_SUPPLYCHAIN | LIB_PHARMACIST | LIB_DOCTOR | LIB_NURSE };

/* Fields that several functions have. */
#define SUPPLY_ID                    \
    {                                \
        .name = "id", .type = LIB_ID \
    }
#define SUPPLY_SALT                                \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define SUPPLY_GTIN                      \
    {                                    \
        .name = "gtin", .type = LIB_GTIN \
    }
#define SUPPLY_SERIAL                                           \
    {                                                           \
        .name = "serial", .type = LIB_CSET82, .max = GS1_SERIAL \
    }
#define SUPPLY_LOT                                           \
    {                                                        \
        .name = "lot", .type = LIB_CSET82, .max = GS1_SERIAL \
    }
#define SUPPLY_EXPIRY                        \
    {                                        \
        .name = "expiry", .type = LIB_EXPIRY \
    }
#define SUPPLY_PACK_LIST                                                                  \
    {                                                                                     \
        .name = "packs", .type = LIB_ARRAY, .optional = true, .min = 1, .max = SUPPLY_MAX \
    }
#define SUPPLY_ONE_PACK                    \
    {                                      \
        .name = "pack", .type = LIB_OBJECT \
    }
#define SUPPLY_PAGE_TOKEN                                                        \
    {                                                                            \
        .name = "page", .type = LIB_TEXT, .optional = true, .min = 1, .max = 100 \
    }

/* ---- an act: supply.c ---- */

/*
 * What one call does to packs. A captured event is tried as the act that it tells of: then a refusal is only noted, so
 * all of an act's checks come before its first write, and refuse with supply_stop and supply_forbid.
 */
typedef struct supply_act {
    lib_call *call;
    const char *what;       /* commission, pack, ship, ... */
    const char *id, *salt;  /* id: NULL for what prescriptions asks for */
    const char *site, *uid; /* who does it; uid NULL where the caller isn't looked at */
    bool trying, refused;
} supply_act;

/* The act of this call: T's id and salt, the caller. */
supply_act supply_act_of(lib_call *call, const char *what);
fcc_status supply_stop(supply_act *act, lib_code code, const char *format, ...) FCC_PRINTF(3, 4);
fcc_status supply_forbid(supply_act *act, const char *reason, const char *format, ...) FCC_PRINTF(3, 4);
/* 409 ALREADY when the id was used before. */
fcc_status supply_require_new(supply_act *act) FCC_MUST_CHECK;
/*
 * Write DEED~id, what was done, and its public act ACT~id; `deed` has what is particular to it, and is taken over.
 * `doc_type` is public, and so tells only the kind of function that was called.
 */
fcc_status supply_write_deed(supply_act *act, json_t *deed) FCC_MUST_CHECK;
/* 403 DENIED:role unless an administrator at one of the regulator's authorities. */
fcc_status supply_regulates(lib_call *call, bool *is) FCC_MUST_CHECK;
/* A site that may trade: of M, D, P, H or C, approved, with a trading partner's credential there. 403 DENIED:partner, 404. */
fcc_status supply_require_partner(supply_act *act, const char *gln, const char *whose) FCC_MUST_CHECK;
/* Integers of a record. */
fcc_status supply_set_int(json_t *record, const char *name, int64_t value) FCC_MUST_CHECK;
int64_t supply_int(const json_t *record, const char *name);
/* 412 before Setup; the collection's salt. */
fcc_status supply_salt(lib_call *call, const char **salt) FCC_MUST_CHECK;

/* ---- products and recalls: products.c ---- */

/* PROD~gtin; *out NULL where there is none. */
fcc_status supply_read_product(lib_call *call, const char *gtin, const json_t **out) FCC_MUST_CHECK;
/* Whether RECALL~gtin~lot stops this lot now. */
fcc_status supply_is_recalled(lib_call *call, const char *gtin, const char *lot, bool *is) FCC_MUST_CHECK;
bool supply_is_expired(const lib_call *call, const char *yymmdd);

/* ---- packs and containers: stock.c ---- */

/* A pack or a container that an act is about. */
typedef struct supply_item {
    const char *gtin, *serial; /* a pack; NULL: a container */
    const char *sscc;
    int64_t units;     /* given with it, 0 when not */
    const json_t *old; /* as committed; NULL: there is none */
    json_t *next;      /* what will be written */
} supply_item;

typedef struct supply_items {
    supply_item *v;
    size_t n;
} supply_items;

/* What a form of an item may have. */
enum { SUPPLY_PACK_ONLY, SUPPLY_ANY_CHILD, SUPPLY_WITH_UNITS };
/* The list of a field into items, not yet read: 400 for a form, 422 `twice:` for one that occurs twice. */
fcc_status supply_items_of(supply_act *act, const char *name, const json_t *list, int form,
                           supply_items *out) FCC_MUST_CHECK;
/* Read them all; those that are not there have old NULL. Then require: 404 for the first that is not there. */
fcc_status supply_read_items(supply_act *act, supply_items *items) FCC_MUST_CHECK;
fcc_status supply_require_items(supply_act *act, const supply_items *items) FCC_MUST_CHECK;
/* SSCC~id; *out NULL where there is none. */
fcc_status supply_read_container(lib_call *call, const char *sscc, const json_t **out) FCC_MUST_CHECK;
/*
 * The outermost container that holds this one, and where the chain begins: *top is the record itself when it lies in
 * none. `chain`, if not NULL, gets the records on the way, at most SUPPLY_LEVELS, and their number.
 */
fcc_status supply_outermost(lib_call *call, const json_t *record, const json_t **top, const json_t **chain,
                            size_t *count) FCC_MUST_CHECK;
/* Who has a pack or container: its holder, or its outermost container's. */
fcc_status supply_holder(lib_call *call, const json_t *record, const char **holder) FCC_MUST_CHECK;
/* Its name for people: "pack 2", "container 1". */
const char *supply_name(lib_call *call, const supply_item *item, size_t i);
/* The next version to write: a copy with v + 1 and a salt that follows from the act's. */
fcc_status supply_next(supply_act *act, supply_item *item) FCC_MUST_CHECK;
/* Write it: PACK and MOVE, or SSCC and SSCCV. */
fcc_status supply_write_item(supply_act *act, const supply_item *item, const char *why) FCC_MUST_CHECK;
/* HAVE of a site: written (incoming: it is on its way there), or removed. */
fcc_status supply_have(lib_call *call, const char *gln, const supply_item *item, bool incoming) FCC_MUST_CHECK;
fcc_status supply_have_not(lib_call *call, const char *gln, const supply_item *item) FCC_MUST_CHECK;
/*
 * What keeps a pack at `site` from being dispensed, sold or shipped on: 410 GONE, 422 INVARIANT with a word before the
 * colon. A refusal by holder is 422 for prescriptions and 403 DENIED:not_holder for people.
 */
fcc_status supply_require_usable(supply_act *act, const supply_item *item, size_t i, bool returning) FCC_MUST_CHECK;
/* The same, and nothing was taken out of it: what is opened stays where it is. */
fcc_status supply_require_whole(supply_act *act, const supply_item *item, size_t i, bool returning) FCC_MUST_CHECK;
/* Dispensed, sold or destroyed. */
bool supply_is_gone(const json_t *record);

/* ---- lists, for queries: lists.c ---- */

/* The values under TYPE~a~b~..., in the order of their keys, appended to `out`. Queries only. */
fcc_status supply_list(lib_call *call, const char *type, const char *a, const char *b, json_t *out) FCC_MUST_CHECK;
/* 403 DENIED:role for an administrator who is not the regulator's. */
fcc_status supply_refuse_other_admins(lib_call *call) FCC_MUST_CHECK;
/* 403 DENIED:not_holder unless the caller may know where this pack is: auditor, regulator, maker, holder, addressee. */
fcc_status supply_require_concerned(lib_call *call, const json_t *pack) FCC_MUST_CHECK;

/* What was captured about a pack: {"hash","blob","at",...} each, appended to `out`. Queries only. */
fcc_status supply_list_events(lib_call *call, const char *gtin, const char *serial, json_t *out) FCC_MUST_CHECK;

/* ---- acts that are also told by events: make.c, ship.c, contain.c ---- */

struct supply_making {
    const char *gtin, *lot, *expiry;
    const json_t *serials;
};
/* All checks, then all writes, DEED and ACT included. */
fcc_status supply_do_commission(supply_act *act, const struct supply_making *making) FCC_MUST_CHECK;

/* What moves: one container or packs, as T has them. */
struct supply_moving {
    const char *sscc;
    const json_t *packs;
    const char *to;    /* Ship */
    const char *order; /* Ship; may be NULL */
    bool returning;    /* Ship, to who sent it */
};
fcc_status supply_do_ship(supply_act *act, const struct supply_moving *moving) FCC_MUST_CHECK;
fcc_status supply_do_receive(supply_act *act, const struct supply_moving *moving) FCC_MUST_CHECK;
/* `given`: children as T has them. */
fcc_status supply_do_pack(supply_act *act, const char *sscc, const json_t *given) FCC_MUST_CHECK;
fcc_status supply_do_unpack(supply_act *act, const char *sscc, const json_t *given) FCC_MUST_CHECK;

#endif
