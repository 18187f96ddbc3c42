/*
 * tls.h: certificates, keys and CAs are tried before gRPC gets them, which would only say that it could not listen, or
 * fail each handshake.
 *
 * Test: test/unit/shim/io/test_tls.c
 */
#ifndef FCC_IO_TLS_H
#define FCC_IO_TLS_H

#include "base/arena.h"

#include <stdbool.h>

/* A PEM text, and where it came from. */
typedef struct fcc__pem {
    const char *variable;
    const char *path;
    fcc_bytes text;
} fcc__pem;

typedef struct fcc__tls_files {
    bool is_client; /* the certificate is shown to a server; otherwise to clients */
    fcc__pem key, cert;
    fcc__pem ca; /* `path` NULL: none */
} fcc__tls_files;

typedef struct fcc__tls_facts {
    int64_t not_after;    /* Unix time at which the first certificate of the chain, or the last CA, expires */
    const char *expiring; /* the variable that names it */
    bool no_names;        /* a server's certificate without any subject alternative name, which Go's clients refuse */
} fcc__tls_facts;

/*
 * @param now  Unix time
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  `error` names the file, its variable, what is wrong with it and the remedy
 */
fcc_status fcc__tls_check(const fcc__tls_files *files, int64_t now, fcc__tls_facts *out,
                          fcc_error *error) FCC_MUST_CHECK;

/* Whole days until `not_after`, negative when it has passed. */
int64_t fcc__tls_days_left(const fcc__tls_facts *facts, int64_t now);

#endif
