/* parts.h: what consent's files share. */
#ifndef CONSENT_PARTS_H
#define CONSENT_PARTS_H

#include "lib/call.h"
#include "lib/state.h"

#define CONSENT_SUBJECT "subject"
#define CONSENT_EMERGENCY "emergency"

enum {
    CONSENT_PAGE = 100,
    CONSENT_MAX_RULES = 32,
    CONSENT_CASE_SECONDS = 3 * 3600,   /* an emergency case is open so long */
    CONSENT_REVIEW_SECONDS = 72 * 3600 /* and is to be reviewed within this time */
};

/* Fields that several functions have. */
#define CONSENT_PID                    \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define CONSENT_ID                   \
    {                                \
        .name = "id", .type = LIB_ID \
    }
#define CONSENT_SALT                               \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define CONSENT_GRANTEE                        \
    {                                          \
        .name = "grantee", .type = LIB_GRANTEE \
    }
#define CONSENT_EVIDENCE                                   \
    {                                                      \
        .name = "evidenceHash", .type = LIB_HEX, .max = 64 \
    }
#define CONSENT_RULES(least)                                                              \
    {                                                                                     \
        .name = "rules", .type = LIB_ARRAY, .min = (least), .max = (int)CONSENT_MAX_RULES \
    }
#define CONSENT_BTG                                                 \
    {                                                               \
        .name = "btg", .type = LIB_WORD, .words = consent_btg_words \
    }
#define CONSENT_BTG_SENS                                                   \
    {                                                                      \
        .name = "btgMaxSens", .type = LIB_WORD, .words = lib_sensitivities \
    }
#define CONSENT_PAGE_TOKEN                                              \
    {                                                                   \
        .name = "page", .type = LIB_TOKEN, .optional = true, .max = 250 \
    }
extern const char *const consent_btg_words[]; /* allow, notify, forbid */
extern const char *const consent_op_words[];  /* read, append */

/* ---- change.c: changes of bases and grants ---- */

/*
 * The caller is the owner: this patient, or now a guardian for consent; and the patient lives. *pid becomes the one that
 * it is linked to. 403 DENIED:not_owner, 412 PRECONDITION.
 */
fcc_status consent_require_owner(lib_call *call, const char **pid, struct registry_patient *patient) FCC_MUST_CHECK;
/* The owner, or a privacy officer; for queries. */
fcc_status consent_require_reader(lib_call *call, const char **pid) FCC_MUST_CHECK;
/* `rules` of the message; those of a base may name an actor. 400 BAD_INPUT. */
fcc_status consent_check_rules(lib_call *call, bool in_base) FCC_MUST_CHECK;
/* The grantee exists (404) and is not the patient (400). */
fcc_status consent_check_grantee(lib_call *call, const char *pid, const char *grantee) FCC_MUST_CHECK;
/* CBASE~pid and, with a grantee, CONS~pid~grantee. NULL for what does not exist. */
fcc_status consent_read(lib_call *call, const char *pid, const char *grantee, const json_t **base,
                        const json_t **grant) FCC_MUST_CHECK;

/* What a change writes: a base (grantee NULL) or a grant, as the next version of `old`. */
struct consent_change {
    const char *pid, *grantee;
    const json_t *old; /* NULL: the first version */
    const char *status;
    const json_t *rules;
    const char *btg, *btg_max_sens; /* of a base */
    int64_t epoch;
    const json_t *source; /* the paper that it rests on; NULL: none */
};
/* Write it with its act, raise ConsentChanged and answer {"id","v"}. 409 ALREADY for the salt of the version before. */
fcc_status consent_write(lib_call *call, const struct consent_change *change) FCC_MUST_CHECK;
/* Revoke this grant by the paper `source` (NULL: by its owner). 404 NOT_FOUND, 409 ALREADY. */
fcc_status consent_withdraw(lib_call *call, const char *pid, const char *grantee, const json_t *source) FCC_MUST_CHECK;
int64_t consent_epoch(const json_t *base); /* 0 without a base */
/* A base that says nothing has these: notify, R. */
const char *consent_btg(const json_t *base);
const char *consent_btg_max_sens(const json_t *base);

/* ---- glass.c ---- */

/* Whether an emergency case (NULL: none) lets its doctor read at this time. */
bool consent_case_is_open(const json_t *emergency, int64_t now);

/* ---- evaluate.c ---- */

struct consent_question;
/* The attributes of one record, as far as they are known. */
fcc_status consent_check_attrs(lib_call *call, const json_t *attrs) FCC_MUST_CHECK;
/* What the registry and the call say of the patient asked_pid. */
fcc_status consent_read_patient(lib_call *call, struct consent_question *question) FCC_MUST_CHECK;

/* ---- walk.c ---- */

/* One entry: the last `n` parts of its key behind the prefix, its value, and its token for a page. */
struct consent_entry {
    const char *parts[2];
    size_t n;
    json_t *value; /* borrowed until the function returns */
    const char *token;
};
/*
 * Go through the keys TYPE~first~... (first NULL: TYPE~...) of a collection in their order, from behind the token
 * `after` (NULL: from the start), for as long as `take` gives true. Queries only: ranges over private data are refused
 * in a transaction that writes.
 */
fcc_status consent_walk(lib_call *call, const char *collection, const char *type, const char *first, const char *after,
                        bool (*take)(const struct consent_entry *entry, void *ctx), void *ctx) FCC_MUST_CHECK;
/* Collect up to CONSENT_PAGE entries: `list` gets the values, *next is the next page's token, NULL at the end. */
fcc_status consent_page(lib_call *call, const char *collection, const char *type, const char *first, const char *after,
                        json_t *list, const char **next) FCC_MUST_CHECK;

#endif
