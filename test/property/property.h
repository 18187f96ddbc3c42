/*
 * property.h: random histories of calls on a real ledger, and what must hold after every block of them.
 *
 * A history is text, a line a step, so that it can be shrunk by dropping lines, saved, read by people and replayed:
 *
 *     tick 3600                                    the clock goes on
 *     d1 consent.BreakGlass < {"id":"…"}           a transaction of this caller: arguments, then T behind "<"
 *     ? po1 consent.OverdueReviews < {}            a query
 *     block                                        what was endorsed since the last block is ordered and committed
 *
 * An argument "" is empty, ^k1^ is the fingerprint of the key k1.
 *
 * What must hold is judged by what the ledger has, not by what the generator meant: each change of a key is shown to the
 * chaincode's own rules with who called, when, and what was there before. What all chaincodes have in common (versions,
 * commits, nothing of a patient in public, conflicts) is judged in run.c.
 */
#ifndef TEST_PROPERTY_H
#define TEST_PROPERTY_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <fcc/test.h>

enum { PROPERTY_ARGS = 12, PROPERTY_PARTS = 5, PROPERTY_LINE = 16384, PROPERTY_CHANGES = 64 };

/* Somebody who calls. uid and site, or pid, as the registry has them; what the certificate says is what fits. */
struct person {
    const char *name, *msp, *role, *uid, *site, *key;
    const char *pid;      /* of a patient whose key is bound */
    bool admin;           /* the certificate has the OU admin */
    const char *impostor; /* why the registry gives no call of theirs a chance; NULL: it may */
};

struct call {
    char *line, *text; /* as it is in the history; taken apart, what follows points into it */
    const struct person *by;
    const char *chaincode, *function;
    const char *args[PROPERTY_ARGS];
    size_t count;
    json_t *in; /* NULL: none */
    bool query;
    int64_t at;
    fcc_test_result result;
};

/* A key that a valid transaction wrote. */
struct change {
    const char *chaincode, *collection; /* "-": public */
    const char *key, *type;
    const char *parts[PROPERTY_PARTS];
    size_t count;
    json_t *before, *after; /* NULL: there is nothing */
    char *place;            /* what the names point into */
};

struct transaction {
    const struct call *call;
    struct change *changes; /* NULL: it is not valid */
    size_t count;
};

struct run;

struct subject {
    const char *name;
    const struct person *people;    /* ends with a NULL name */
    const char *const *secrets;     /* words that must not come into public state, events or errors; NULL-terminated */
    const char *const *accepted;    /* functions that random histories must have with success; NULL-terminated */
    void (*start)(struct run *run); /* a new channel */
    void (*generate)(struct run *run);                              /* one call, by run_line */
    void (*answered)(struct run *run, const struct call *call);     /* a call has its answer; state is as it saw it */
    void (*changed)(struct run *run, const struct transaction *tx); /* a valid one; state is as before it */
    void (*ordered)(struct run *run, const struct transaction *tx, size_t n); /* a block; `changes` NULL: invalid */
};
extern const struct subject subject;

struct run {
    fcc_test *channel; /* set, and ended with the next one, by the subject's start */
    uint64_t random;
    json_t *state; /* what is committed: "chaincode/collection/~TYPE~part~" to its value */
    json_t *used;  /* version keys that were ever written */
    char **lines;
    size_t count, capacity, prologue; /* the first ones are those of the subject's start */
    struct call *waiting;
    size_t waiting_count, waiting_capacity;
    const char *rule; /* the first rule that was broken, NULL: none */
    char why[2000];
    FILE *digest;  /* a line for each answer and each change; NULL: none */
    json_t *valid; /* function to number of valid transactions and answered queries */
    size_t calls, accepted, refused, conflicts, blocks;
};

/* ---- run.c ---- */

/* `digest` gets a line for each answer and each change; NULL: none. */
void run_begin(struct run *run, uint64_t seed, FILE *digest);
void run_end(struct run *run);
/* Take one line of a history, unless a rule is broken already. */
void run_line(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Say that a rule is broken; the first one counts. */
void broken(struct run *run, const char *rule, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same of a transaction that did what none may. */
void must(struct run *run, bool holds, const char *rule, const struct transaction *tx);
void run_count(json_t *counts, const char *name);

/* ---- random numbers ---- */

uint64_t run_random(struct run *run);
size_t pick(struct run *run, size_t n); /* 0 to n - 1 */
bool chance(struct run *run, unsigned percent);
#define ANY(run, array) ((array)[pick((run), sizeof(array) / sizeof((array)[0]))])
/* 32 random hexadecimal digits; good until the sixteenth call after. */
const char *random_id(struct run *run);

/* ---- what is committed ---- */

/* The value of a key, by its shown form; NULL when there is none. */
const json_t *committed(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A random one of the keys that begin so; NULL when there is none. *value may be NULL. */
const char *some_key(struct run *run, const char *prefix, const json_t **value);
/* A part of a shown key, the type being 0; good until the sixteenth call after. */
const char *part_of(const char *key, size_t index);

/* ---- JSON ---- */

const char *text(const json_t *object, const char *name); /* "" when there is none */
bool is(const json_t *object, const char *name, const char *value);
int64_t number(const json_t *object, const char *name);
bool lists(const json_t *array, const char *value);
int64_t seconds(const char *time);      /* RFC 3339; -1 for anything else */
const char *time_text(int64_t seconds); /* good until the sixteenth call after */
/* The change of a type in a transaction; NULL when there is none. */
const struct change *change_of(const struct transaction *tx, const char *type);
/* Whether a transaction called this function. */
bool did(const struct transaction *tx, const char *function);
/* Whether the answer is this refusal: a status, and the beginning of its code. */
bool refused(const struct call *call, int status, const char *code);

#endif
