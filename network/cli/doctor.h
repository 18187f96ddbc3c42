/* doctor.h: what the files of `medsync doctor` share: one rehearsal of a peer that meets a chaincode, step by step. */
#ifndef NETWORK_CLI_DOCTOR_H
#define NETWORK_CLI_DOCTOR_H

#include "package/package.h"

enum { DOCTOR_TEXT = 512 };

typedef struct doctor {
    fcc__arena *arena;
    package_connection connection;
    const char *package_id; /* what the chaincode must register as; NULL: anything */
    int64_t timeout_ms;     /* for everything behind the connection */
    const char *who;        /* whose certificate it is, for messages; NULL: chaincode */
    const char *expect;     /* the name that the certificate must have; NULL: the host that is dialled */
    int socket;             /* the connection that steps share until the stream takes over; -1 without */
    /* filled by a step: what it found, shown beside its name, and what is well but will not stay so */
    char found[DOCTOR_TEXT];
    char warning[DOCTOR_TEXT];
    package_fault fault;
} doctor;

/* One step. Not FCC_OK: `fault` says why. */
typedef fcc_status (*doctor_step)(doctor *d);

/* ---- doctor_network.c: the whole of a running network; returns the exit status ---- */
int doctor_look_at_network(const char *dir, int64_t timeout_s, bool as_json);

/* ---- doctor_dial.c ---- */
fcc_status doctor_resolve(doctor *d);
fcc_status doctor_connect(doctor *d);
fcc_status doctor_tls(doctor *d);
/* ---- doctor_stream.c ---- */
fcc_status doctor_register(doctor *d);

#endif
