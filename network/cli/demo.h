/* demo.h: what the scenario's files share. */
#ifndef NETWORK_CLI_DEMO_H
#define NETWORK_CLI_DEMO_H

#include "blob/blob.h"
#include "cli/cli.h"
#include "custodian/custodian.h"
#include "fhir/fhir.h"

#include <sys/types.h>

/* Somebody with a certificate, connected to a gateway. */
typedef struct demo_person {
    client *who;
    const char *name;
} demo_person;

typedef struct demo {
    const char *dir;
    bool terminal;
    fhir_bundle *bundle;
    blob_store *store;
    blob_custody *custody; /* of the hospital: only its public key is used here */
    pid_t custodian_pid;
    custodian_reader *reader; /* the doctor at the custodian; NULL: not connected yet */
    fcc__arena *arena;        /* of one call; reset between them */
    demo_person patient, doctor, registrar, auditor, inspector, insurer, stranger, emergency, privacy;
    const char *referees; /* --referee */
    pid_t network_pid;
    char pid[32];
    char uid[72]; /* the doctor's */
    const fhir_entry *encounter;
    fhir_record *records; /* one for each entry: first the encounter's, then the rest */
    size_t record_count;
    size_t in_encounter;
    char enc_id[33];
    char denied[33], allowed[33], elsewhere[33], refused[33]; /* audit ids */
    size_t sent;                                              /* transactions committed */
    double started;                                           /* monotonic seconds */
} demo;

/* ---- narration: demo.c ---- */

void demo_step(demo *d, const char *format, ...) FCC_PRINTF(2, 3);
void demo_say(const char *format, ...) FCC_PRINTF(1, 2);
/* What was found as it should be. */
void demo_ok(const char *format, ...) FCC_PRINTF(1, 2);
/* What was not; returns false. */
bool demo_wrong(const char *format, ...) FCC_PRINTF(1, 2);
/* A bar on a terminal, a line at each quarter elsewhere. */
void demo_progress(const demo *d, const char *what, size_t done, size_t all);
double demo_now(void);

/* The processes that an interruption has to stop. */
void demo_watch(const demo *d);

/* ---- the network: demo_network.c ---- */

/* May the scenario's network be made in this directory? CLI_OK, or the exit status after telling why not. */
int demo_enter(const char *dir, bool replace);
bool demo_network(demo *d);
bool demo_setup(demo *d);
/* kill -9, and up again on the same directory, with everybody connected. */
bool demo_kill(demo *d);
bool demo_restart(demo *d);
/* Everybody's connections, and the custodian. */
void demo_part(demo *d);
void demo_leave(demo *d, bool keep, bool own_dir, bool ok);

/* ---- the story: demo_story.c. Each stops at the first unexpected answer and returns false ---- */

bool demo_meet(demo *d);
bool demo_base(demo *d);
bool demo_denied(demo *d);
bool demo_grant(demo *d);
bool demo_encounter(demo *d);
bool demo_import(demo *d);
bool demo_read(demo *d);
bool demo_commitments(demo *d);
bool demo_revoke(demo *d);
bool demo_audit(demo *d);
/* The same record as five people have it: demo_chairs.c. */
bool demo_chairs(demo *d);
/* Two patients want the same time of the doctor: demo_appointment.c. */
bool demo_appointment(demo *d);
/* What becomes of attempts to break it: demo_break.c. */
bool demo_break(demo *d);

/* ---- calls: demo_call.c ---- */

/*
 * Submit or evaluate FUNCTION with `arg` (may be NULL) and `in` as transient input (may be NULL, consumed). The
 * chaincode must answer 200; its JSON (NULL for none) is the caller's. false after telling what was wrong.
 */
bool demo_submit(demo *d, const demo_person *p, const char *chaincode, const char *function, const char *arg,
                 json_t *in, json_t **out);
/* The same with up to three public arguments, and nothing else. */
bool demo_submit_args(demo *d, const demo_person *p, const char *chaincode, const char *function,
                      const char *const *arguments, size_t count);
bool demo_submit_text(demo *d, const demo_person *p, const char *chaincode, const char *function, fcc_bytes in);
bool demo_ask(demo *d, const demo_person *p, const char *chaincode, const char *function, const char *const *args,
              size_t arg_count, json_t *in, json_t **out);
/* The chaincode must refuse with this status; its code is copied. */
bool demo_refused(demo *d, const demo_person *p, const char *chaincode, const char *function, const char *arg,
                  json_t *in, int status, char code[64]);
/* A new 128-bit id. */
const char *demo_salt(char out[33]);

/* ---- the custodian: demo_custodian.c ---- */

bool demo_custodian_start(demo *d);
void demo_custodian_stop(demo *d); /* also when none runs */
/* The doctor asks for the keys of at most CUSTODIAN_BATCH records; all must be released. Wipe them. */
bool demo_keys(demo *d, const char *const *rec_ids, size_t count, custodian_key *out);

/* ---- what everybody can see: demo_public.c ---- */

bool demo_public(demo *d);

#endif
