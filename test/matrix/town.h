/*
 * town.h: a channel of all nine organisations with everybody in it who can be: each role at each organisation that may
 * carry it, registered and approved by the chaincode credentials itself; and the acts: for each function of the
 * chaincodes the state and the arguments with which a caller who may call it succeeds.
 *
 * People have names that say all of them: "doctor.h" is a doctor of HospitalMSP at its first site, "doctor2.h" another
 * one, "admin-council.r" an administrator at the site "council" of RegulatorMSP. The letters of the organisations are
 * those of the domain: H, C, P, M, D, I, S, R, V.
 *
 * The acts are in acts.txt, whose first lines say how they are written.
 */
#ifndef TEST_MATRIX_TOWN_H
#define TEST_MATRIX_TOWN_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcc/test.h>

#define TOWN_LETTERS "hcpmdisrv"
enum { TOWN_ORGS = 9, TOWN_ROLES = 14, TOWN_NAME = 64, TOWN_SCENES = 4 };

/* What there is when a function is called: nothing; the regulator; everybody; everything. The last is the usual one. */
typedef enum town_scene { TOWN_BARE, TOWN_FIRST, TOWN_PEOPLE, TOWN_ALL } town_scene;

typedef enum town_key {
    TOWN_OWN,      /* the key that the registry knows */
    TOWN_STRAY,    /* one that it doesn't know, in a certificate that says the same */
    TOWN_SUSPENDED /* of somebody like that, whose job was suspended */
} town_key;

typedef struct town_act {
    const char *chaincode, *function;
    const char *variant; /* "" or the word that tells apart two acts of one function */
    town_scene scene;
    const char *by;            /* a caller who may, for a commit: "doctor.h"; or a chaincode that may */
    const char *const *before; /* steps, each of one line */
    size_t before_count;
    const char *const *calls; /* "ROLES: ARGS | IN" */
    size_t call_count;
} town_act;

extern const char *const town_msps[TOWN_ORGS + 1];   /* in the order of TOWN_LETTERS */
extern const char *const town_roles[TOWN_ROLES + 1]; /* as certificates carry them */
/* Whether members of this organisation may carry the role: by the domain, not by the code. */
bool town_carries(char letter, const char *role);
const char *town_msp(char letter);

/* The acts of acts.txt in their order; those of one name for every variant. */
const town_act *town_acts(size_t *count);
const town_act *town_find(const char *chaincode, const char *function, const char *variant);

/* A new channel with the chaincodes and nothing in them; it replaces the one before. */
void town_open(void);
int town_close(void **state);
/* What waits comes into one block. */
fcc_test_block town_commit(void);
/* Go on to this scene; those before are gone through. The steps before acts are taken on the way to the last. */
void town_go(town_scene scene);

/* The act's call by this person. `at` are letters of the organisations that are asked; NULL: as usual. */
fcc_test_result town_call(const town_act *act, const char *person, town_key key, fcc_test_how how, const char *at);
/* A query of a function for other chaincodes, by the one that its act is `by`: one that isn't there yet, which asks that. */
fcc_test_result town_ask(const town_act *act);

#endif
