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

/* A file of a package: META-INF/statedb/couchdb/indexes/x.json. */
typedef struct package_file {
    const char *name;
    fcc_bytes content;
} package_file;

/*
 * Make a package around a connection.json and files of META-INF (package_metadata_load). Byte for byte the same for the
 * same input, on any machine and with any version of any library: no times, no owners, nothing compressed.
 */
fcc_status package_write(fcc__arena *arena, const char *label, fcc_bytes connection, const package_file *metadata,
                         size_t metadata_count, fcc_bytes *out, package_fault *fault) FCC_MUST_CHECK;

/* Would `peer ... package` take this file of META-INF? Its place, its name and what it says. */
fcc_status package_metadata_check(const package_file *file, package_fault *fault) FCC_MUST_CHECK;

/*
 * The files below a folder META-INF, checked, ordered by the bytes of their names; hidden ones are passed over, as Fabric
 * does. Everything lives in the arena.
 */
fcc_status package_metadata_load(fcc__arena *arena, const char *path, package_file **out, size_t *count,
                                 package_fault *fault) FCC_MUST_CHECK;

/* ---- one package, and one id, for every organisation ---- */

typedef struct package_service {
    const char *chaincode;
    const char *label;
    bool mutual_tls;      /* peers and chaincode show each other certificates */
    const char *meta_inf; /* the chaincode's folder META-INF; NULL: none */
    /*
     * Its server's address is the value NAME_b instead of NAME, so that two versions can be served side by side while one
     * takes over from the other: what a peer has filled in when a package was installed does not change.
     */
    bool slot_b;
} package_service;

/*
 * The package of a chaincode that runs as a service. Its connection.json holds templates that each peer fills in when the
 * package is installed, from its CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG, so that neither addresses nor certificates nor
 * keys are in it, and their rotation leaves the id as it is:
 *
 *     {"address":"{{.NAME}}","dial_timeout":"10s","tls_required":true,"client_auth_required":true,
 *      "root_cert":"{{.root_cert}}","client_cert":"{{.client_cert}}","client_key":"{{.client_key}}"}
 *
 * NAME is the chaincode's, with _ for what Go's templates take for no name; without mutual_tls it ends behind
 * "tls_required":false.
 */
fcc_status package_of_service(fcc__arena *arena, const package_service *service, fcc_bytes *out, const char **id,
                              package_fault *fault) FCC_MUST_CHECK;
/* That NAME, in the arena; NULL past its cap. */
const char *package_template_name(const char *chaincode, fcc__arena *arena);
/* NAME or NAME_b. */
const char *package_slot_name(const char *chaincode, bool slot_b, fcc__arena *arena);

/* ---- what a peer keeps of a package ---- */

typedef enum package_renewed {
    PACKAGE_KEPT,    /* it is what the values come to */
    PACKAGE_RENEWED, /* it was another, and is that now */
    PACKAGE_STALE,   /* it is another, and this is a rehearsal */
    PACKAGE_UNBUILT  /* the peer has filled nothing in yet */
} package_renewed;

typedef struct package_renewal {
    const char *data; /* the peer's file system path */
    fcc_bytes values; /* JSON for the templates, as the peer's CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG */
    bool rehearse;
    void (*tell)(void *ctx, const char *id, package_renewed state, const char *path);
    void *ctx;
} package_renewal;

/* Fill in the connection.json of each package that a peer has installed anew; packages of other types are passed over. */
fcc_status package_renew(const package_renewal *renewal, package_fault *fault) FCC_MUST_CHECK;

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
