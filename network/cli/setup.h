/*
 * setup.h: the consortium of the network file comes onto its channel: sites, staff, licences, custody keys, retention
 * and patients, by transactions of the people whose business that is.
 *
 * A plan is a list of acts in waves: those of a wave don't depend on each other and are submitted together. Each act is
 * tried whatever is on the channel; one that the chaincode refuses with 409 ALREADY has been done before. So a setup that
 * was interrupted is taken up where it was, and one that is complete changes nothing.
 */
#ifndef NETWORK_CLI_SETUP_H
#define NETWORK_CLI_SETUP_H

#include "client/client.h"
#include "config/config.h"

#include <jansson.h>

typedef enum setup_state {
    SETUP_OPEN,
    SETUP_MADE,   /* committed by this run */
    SETUP_THERE,  /* it had been done before */
    SETUP_REFUSED /* or failed */
} setup_state;

enum { SETUP_ARGS_MAX = 12, SETUP_WAVES_MAX = 16 };

/* Waves, by what waits for what. */
enum {
    SETUP_BOOTSTRAP,
    SETUP_SITE,          /* the first site of each organisation, by its administrator */
    SETUP_SITE_APPROVED, /* which makes the administrator known */
    SETUP_STAFF,         /* people of first sites apply; administrators register more sites */
    SETUP_STAFF_APPROVED,
    SETUP_MORE_STAFF, /* people of further sites */
    SETUP_MORE_STAFF_APPROVED,
    SETUP_ACCREDITED = SETUP_MORE_STAFF_APPROVED, /* the council, by its DID of the wave before */
    SETUP_LISTS,
    SETUP_LICENCES
};

/* One transaction. Strings live as long as the plan. */
typedef struct setup_act {
    int wave;
    const config_org *org; /* of who signs */
    const config_user *user;
    const char *chaincode;
    fcc_bytes args[SETUP_ARGS_MAX]; /* the function's name first */
    size_t arg_count;
    fcc_bytes in;                 /* T: the transient JSON; empty without */
    bool care;                    /* hospital and clinic endorse: nobody else may see T */
    const char *const *endorsers; /* or these two; NULL: as the client chooses */
    const char *about;            /* for messages: a site, a uid, a user's name */
    setup_state state;
    const char *why; /* of SETUP_REFUSED */
} setup_act;

typedef struct setup_plan {
    fcc__arena *arena;
    const config_network *network;
    const char *dir;
    setup_act *acts;
    size_t count, room;
    bool (*random)(uint8_t *out, size_t len); /* where random bytes come from; NULL: the system's */
    fcc_error *error;
    fcc_status st; /* the first failure sticks */
} setup_plan;

/* ---- the plan: setup_plan.c, setup_care.c, setup_council.c, setup_supply.c ---- */

/* Add an act; NULL once the plan has failed. `about` and the arguments (C strings, ended by NULL) are kept as they are. */
setup_act *setup_add(setup_plan *plan, int wave, const config_org *org, const config_user *user, const char *chaincode,
                     const char *about, ...) __attribute__((sentinel));
/* A JSON value, consumed, as text in the plan's arena; so many random bytes in hexadecimal. */
const char *setup_text(setup_plan *plan, json_t *value);
const char *setup_random(setup_plan *plan, size_t bytes);
/* A new patient's id: 128 random bits in base32. */
const char *setup_pid(setup_plan *plan);
/* SHA-256 of a user's public key, as the registry knows it. */
const char *setup_fingerprint(setup_plan *plan, const config_org *org, const config_user *user);
/* The administrator who acts for a site, the first user of a role who is not spare, the
 * regulator; NULL. */
const config_user *setup_admin(const config_org *org);
const config_user *setup_with_role(const config_org *org, const char *role);
const config_org *setup_regulator(const setup_plan *plan);
/* The wave in which people of a site apply: the site is approved. They are approved in the next one. */
int setup_staff_wave(const setup_plan *plan, const char *gln);
/* All acts that the network file asks for. FCC_ERR_CONFIG: it has nobody who could do one of them. */
fcc_status setup_make(setup_plan *plan);
void setup_add_care(setup_plan *plan);
void setup_add_supply(setup_plan *plan);
void setup_add_council(setup_plan *plan);

/* ---- carrying it out: setup_run.c ---- */

typedef struct setup_report {
    size_t all, made, there, refused;
} setup_report;

/* Called after each act; `act` has its state. */
typedef void (*setup_progress)(void *ctx, const setup_act *act, const setup_report *so_far);

/*
 * Carry the plan out, wave by wave; a wave with a refusal is the last.
 *
 * @return FCC_OK        everything is on the channel
 *         FCC_ERR_APP   acts were refused: their `why`
 *         FCC_ERR_CONFIG, FCC_ERR_NOT_FOUND  there is no such network, or somebody's keys are missing
 */
fcc_status setup_run(setup_plan *plan, setup_progress progress, void *ctx, setup_report *report) FCC_MUST_CHECK;

/* All of it, for a network directory: read the file, plan, run. `progress` may be NULL. */
fcc_status setup_consortium(const char *dir, const char *network_file, setup_progress progress, void *ctx,
                            setup_report *report, fcc_error *error) FCC_MUST_CHECK;

#endif
