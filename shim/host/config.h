/*
 * config.h: the YAML file of fcc-host, checked as a whole. docs/operating.md describes it.
 *
 * Test: test/unit/shim/host/test_config.c
 */
#ifndef FCC_HOST_CONFIG_H
#define FCC_HOST_CONFIG_H

#include "base/arena.h"

#include <sys/stat.h>
#include <sys/types.h>

typedef struct host_chaincode {
    const char *name;
    const char *exec;      /* this and all files: relative ones belong to the folder of the YAML file */
    struct stat exec_file; /* when the YAML file was read */
    const char *ccid;
    const char *address;
    const char *tls_cert; /* NULL: plaintext */
    const char *tls_key;
    const char *tls_client_ca; /* NULL: any client may connect */
    const char **env;          /* "NAME=value" */
    size_t env_count;
    bool drops; /* to this user and group; otherwise it runs as fcc-host does */
    uid_t uid;
    gid_t gid;
    int64_t budget_ms; /* of one transaction; 0: for ever, -1: not said */
    int64_t memory_mb; /* 0: no limit */
    const char *log_level;
} host_chaincode;

typedef struct host_config {
    const char *path;
    const char *admin; /* host:port; host_default_admin */
    int64_t drain_seconds;
    const host_chaincode *v;
    size_t n;
} host_config;

/* Where it is without `admin` in the file. */
extern const char host_default_admin[];

/*
 * Read the file, and look for what it names: executables, TLS files, package ids, users.
 *
 * @param as_root  whether fcc-host runs as root: then each chaincode needs a user, or `allow_root`
 * @param arena    holds all that `out` points to
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  `error` names file, line, key, value and what was expected
 */
fcc_status host_config_read(const char *path, bool as_root, fcc__arena *arena, host_config *out,
                            fcc_error *error) FCC_MUST_CHECK;

/*
 * Whether a process of the one is as good as a process of the other: all that the file says is the same, and the program
 * has not been replaced. The content of TLS files does not count, which a process reads again by itself.
 */
bool host_chaincode_same(const host_chaincode *a, const host_chaincode *b);

#endif
