/*
 * package.h: chaincode packages of type ccaas, read as a peer reads them and written so that the same input always gives
 * the same bytes, because a package's id is the hash of its bytes.
 *
 * Source: fabric v3.1.5 core/chaincode/persistence/chaincode_package.go, core/container/externalbuilder/{tar,instance}.go,
 * ccaas_builder/cmd
 */
#ifndef MEDSYNC_PACKAGE_PACKAGE_H
#define MEDSYNC_PACKAGE_PACKAGE_H

#include "base/arena.h"
#include "base/codes.h"

enum { PACKAGE_MAX_BYTES = 64 * 1024 * 1024, PACKAGE_DIAL_TIMEOUT_MS = 3000 };

/* What is wrong with a package: its code, and in `error` the words for this one. */
typedef struct package_fault {
    fcc__code code;
    fcc_error error;
} package_fault;

/* Fill `fault` and return `status`. */
fcc_status package_refuse(package_fault *fault, fcc__code code, fcc_status status, const char *format, ...)
    FCC_PRINTF(4, 5);

typedef struct package_content {
    const char *label;
    const char *id;       /* label:hex */
    fcc_bytes connection; /* connection.json as it is */
    const char *ignored;  /* a file at the top level that the peer passes over; NULL without */
} package_content;

/* The package's id from its bytes. NULL past the arena's cap. */
const char *package_id(fcc__arena *arena, const char *label, fcc_bytes package);

/* Read a package; everything in `out` lives in the arena. */
fcc_status package_read(fcc__arena *arena, fcc_bytes package, package_content *out,
                        package_fault *fault) FCC_MUST_CHECK;

/*
 * Make a package around a connection.json. Byte for byte the same for the same input: no times, no owners, no name of the
 * compressing system.
 */
fcc_status package_write(fcc__arena *arena, const char *label, fcc_bytes connection, fcc_bytes *out,
                         package_fault *fault) FCC_MUST_CHECK;

/* A label that a peer accepts. */
bool package_label_valid(const char *label);

/* ---- connection.json ---- */

typedef struct package_connection {
    const char *address; /* as it is dialled */
    const char *host;    /* without brackets */
    const char *port;
    int64_t dial_timeout_ms;
    bool use_tls;
    bool use_client_auth;
    fcc_bytes root_cert; /* PEM; the rest is empty without use_client_auth */
    fcc_bytes client_cert;
    fcc_bytes client_key;
} package_connection;

/*
 * Read connection.json and fill in its templates.
 *
 * @param values  a JSON object for {{.name}}, as CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG has it; empty: none
 */
fcc_status package_connection_read(fcc__arena *arena, fcc_bytes json, fcc_bytes values, package_connection *out,
                                   package_fault *fault) FCC_MUST_CHECK;

/* Split and check host:port into c->address, host and port. */
fcc_status package_address(fcc__arena *arena, const char *address, package_connection *c,
                           package_fault *fault) FCC_MUST_CHECK;

/* What Go's time.ParseDuration takes, in milliseconds rounded up. */
bool package_duration(const char *text, int64_t *ms);

#endif
