/* internal.h: what the files of network/msp share. Not for anybody else. */
#ifndef NETWORK_MSP_INTERNAL_H
#define NETWORK_MSP_INTERNAL_H

#include "msp/msp.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
    MSP__ARENA = 8 << 20,   /* one organisation, one channel */
    MSP__MAX_FILE = 1 << 20 /* PEM, config.yaml */
};

/* ---- files (files.c) ---------------------------------------------------------------------------------------------- */

/* A whole regular file into the arena. FCC_ERR_NOT_FOUND, FCC_ERR_IO, FCC_ERR_LIMIT. */
fcc_status msp__read_file(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;
/* Make a new file with this mode. */
fcc_status msp__write_file(const char *path, fcc_bytes content, int mode, fcc_error *error) FCC_MUST_CHECK;
/* Replace a file by renaming a complete one over it. */
fcc_status msp__replace_file(const char *path, fcc_bytes content, int mode, fcc_error *error) FCC_MUST_CHECK;
/* A directory and its parents. */
fcc_status msp__make_dirs(const char *path, fcc_error *error) FCC_MUST_CHECK;
/* Everything below and the directory itself; errors are not reported. */
void msp__remove_tree(const char *path);
bool msp__exists(const char *path);

typedef struct msp__files {
    const char **names; /* in byte order */
    fcc_bytes *contents;
    size_t n;
} msp__files;

/* The regular files of a directory; none when it doesn't exist. */
fcc_status msp__read_dir(const char *dir, fcc__arena *arena, msp__files *out, fcc_error *error) FCC_MUST_CHECK;

/* ---- X.509 and ECDSA (x509.c) ------------------------------------------------------------------------------------- */

/* The one certificate of a PEM text; NULL. */
X509 *msp__cert_of_pem(fcc_bytes pem);
fcc_bytes msp__pem_of_cert(X509 *cert, fcc__arena *arena); /* {NULL, 0} past the arena's cap */
fcc_bytes msp__der_of_cert(X509 *cert, fcc__arena *arena);
/* SHA-256 of SubjectPublicKeyInfo and of the uncompressed point (Fabric's SKI). */
fcc__sha256 msp__spki_digest(X509 *cert);
bool msp__point_digest(EVP_PKEY *key, fcc__sha256 *out);
void msp__hex(char out[2 * FCC__SHA256_LEN + 1], const fcc__sha256 *digest);
int64_t msp__not_after(X509 *cert);
int64_t msp__not_before(X509 *cert);

typedef enum msp__s { MSP__S_LOW, MSP__S_HIGH, MSP__S_BAD } msp__s;

/* Is the S of this DER signature in the lower half of the order of the key's curve? */
msp__s msp__check_s(EVP_PKEY *key, fcc_bytes signature);
/* The same signature with low S, in DER, in the arena; false when it is none, or past the cap. */
bool msp__low_s(EVP_PKEY *key, fcc_bytes signature, fcc__arena *arena, fcc_bytes *out);
/* A certificate whose issuer's ECDSA signature has low S: `cert` itself (one more reference) or a copy. NULL. */
X509 *msp__sanitise(X509 *cert, EVP_PKEY *issuer_key);

/* ---- membership service (org.c) ----------------------------------------------------------------------------------- */

typedef struct msp__node_ou {
    const char *name; /* NULL when not defined */
    X509 *ca;         /* NULL: any */
} msp__node_ou;

struct msp_org {
    fcc__arena *arena;
    const char *id;
    fcc_bytes config; /* MSPConfig */
    X509 **cas;       /* roots first */
    size_t ca_count, root_count;
    bool *internal; /* has issued another CA: issues no identities */
    X509_STORE *store;
    STACK_OF(X509) * intermediates;
    X509 **admins;
    size_t admin_count;
    X509_CRL **crls;
    size_t crl_count;
    bool node_ous;
    msp__node_ou ous[5]; /* by msp_role; MSP_MEMBER unused */
    msp__node_ou *extra_ous;
    size_t extra_ou_count;
};

/* The only issuer of `cert` in this MSP. FCC_ERR_AUTH with the reason. */
fcc_status msp__issuer_of(const msp_org *org, X509 *cert, X509 **issuer, fcc_error *error) FCC_MUST_CHECK;
/* All that msp_validate looks at, for a sanitised certificate; tells the role its OU gives. */
fcc_status msp__validate_cert(const msp_org *org, X509 *cert, msp_role *role, fcc_error *error) FCC_MUST_CHECK;
bool msp__is_admin_cert(const msp_org *org, X509 *cert);
/* Does the subject have this OU? */
bool msp__has_ou(X509 *cert, const char *ou);

/* ---- identities (identity.c) -------------------------------------------------------------------------------------- */

/* For planning there are identities without org and certificate, on the caller's stack: valid, of this MSP id and role. */
struct msp_identity {
    const msp_org *org; /* NULL for planning */
    const char *mspid;
    X509 *cert; /* sanitised; NULL for planning */
    EVP_PKEY *key;
    fcc__sha256 id;
    fcc_bytes serialized;
    const char *subject;
    char fingerprint[2 * FCC__SHA256_LEN + 1];
    int64_t expires;
    msp_role role;
    bool is_admin; /* by admincerts or OU */
    fcc_status verdict;
    const char *reason; /* of a refusal */
    struct msp_identity *next;
};

/* Fabric's principals against one identity; FCC_ERR_PROTO when it is no principal. */
fcc_status msp__satisfies(const msp_identity *identity, fcc_bytes principal, fcc__arena *scratch, fcc_error *error);

#endif
