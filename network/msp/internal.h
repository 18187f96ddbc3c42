/* internal.h: what the files of network/msp share. Not for anybody else. */
#ifndef NETWORK_MSP_INTERNAL_H
#define NETWORK_MSP_INTERNAL_H

#include "msp/msp.h"

#include "common/policies.pb-c.h"

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

/* The content of a PEM text's first block, of whatever kind; `out` has room for text.len bytes. false: there is none. */
bool msp__pem_first(fcc_bytes text, uint8_t *out, size_t *out_len); /* pem.c */
/* The certificate in a PEM text's first block; NULL. */
X509 *msp__cert_of_pem(fcc_bytes pem);
fcc_bytes msp__pem_of_cert(X509 *cert, fcc__arena *arena); /* {NULL, 0} past the arena's cap */
fcc_bytes msp__der_of_cert(X509 *cert, fcc__arena *arena);
/* SHA-256 of SubjectPublicKeyInfo. */
fcc__sha256 msp__spki_digest(X509 *cert);
/* SHA3-256 of the parts joined. */
void msp__sha3_of_many(const fcc_bytes *parts, size_t count, fcc__sha256 *out);
void msp__hex(char out[2 * FCC__SHA256_LEN + 1], const fcc__sha256 *digest);
int64_t msp__not_after(X509 *cert);
int64_t msp__not_before(X509 *cert);
/* Its alternative names, "peer0.a.test, 127.0.0.1"; cut off where there is no room. */
void msp__names_of(X509 *cert, char *out, size_t size);

typedef enum msp__s { MSP__S_LOW, MSP__S_HIGH, MSP__S_BAD } msp__s;

enum { MSP__NUMBER = 120, MSP__SIGNATURE = 3 + 2 * (2 + MSP__NUMBER) };

/* The order of the key's curve; NULL when it has none. Slow (OpenSSL exports the whole key): ask once for a key. */
BIGNUM *msp__order(EVP_PKEY *key);
/* Is the S of this DER signature in the lower half of the order? `order` may be NULL: MSP__S_BAD. */
msp__s msp__check_s(const BIGNUM *order, fcc_bytes signature);
/*
 * Go's reader of DER doesn't mind what follows in or behind the sequence of r and s, OpenSSL's does. The signature without
 * it, in `room`, which may be verified instead; empty when that is none either, or there was nothing to leave out.
 */
fcc_bytes msp__trim_signature(fcc_bytes signature, uint8_t room[MSP__SIGNATURE]);
/* The same signature with low S, in DER, in the arena; false when it is none, or past the cap. */
bool msp__low_s(const BIGNUM *order, fcc_bytes signature, fcc__arena *arena, fcc_bytes *out);
/* A certificate whose issuer's ECDSA signature has low S: `cert` itself (one more reference) or a copy. NULL. */
X509 *msp__sanitise(X509 *cert, EVP_PKEY *issuer_key);

/* ---- membership service (org.c) ----------------------------------------------------------------------------------- */

typedef struct msp__node_ou {
    const char *name; /* NULL when not defined */
    X509 *ca;         /* NULL: any */
} msp__node_ou;

/* What a membership service can, by the channel's capabilities. Fabric's MSPVersion. */
typedef enum msp__version { MSP__V1_0, MSP__V1_1, MSP__V1_3, MSP__V1_4_3, MSP__V3_0 } msp__version;

/* Certificates of authorities, and what chains of certificates are judged by. */
typedef struct msp__pool {
    X509 **cas; /* roots first; borrowed by the store */
    size_t count, roots;
    X509_STORE *store;
    STACK_OF(X509) * intermediates;
} msp__pool;

/* From the certificates in it; msp__pool_unbuild frees what it made, also after a failure. */
fcc_status msp__pool_build(msp__pool *pool) FCC_MUST_CHECK;
void msp__pool_unbuild(msp__pool *pool);

struct msp_org {
    fcc__arena *arena;
    msp__version version;
    const char *id;
    fcc_bytes config; /* MSPConfig */
    msp__pool pool;   /* owns its certificates */
    bool *internal;   /* has issued another CA: issues no identities */
    X509 **admins;
    size_t admin_count;
    X509_CRL **crls;
    size_t crl_count;
    fcc_bytes tls_cas; /* PEM, roots and intermediates joined */
    bool sha3;         /* signatures are over SHA3-256 */
    bool node_ous;
    msp__node_ou ous[5]; /* by msp_role; MSP_MEMBER unused */
    msp__node_ou *extra_ous;
    size_t extra_ou_count;
};

/* msp_org_parse by the rules of a version; the text doesn't name the MSP. */
fcc_status msp__org_parse(fcc_bytes msp_config, msp__version version, msp_org **out, fcc_error *error) FCC_MUST_CHECK;

enum { MSP__MAX_CHAIN = 32 };

/* A certificate, its issuer, and so on up to a root; borrowed. */
typedef struct msp__chain {
    X509 *certs[MSP__MAX_CHAIN];
    size_t len;
} msp__chain;

/* The only chain of `cert` in this MSP. FCC_ERR_AUTH with the reason. Cost: a signature checked for each issuer. */
fcc_status msp__chain_of(const msp_org *org, X509 *cert, msp__chain *chain, fcc_error *error) FCC_MUST_CHECK;
/* The only issuer of `cert` in this MSP; of a root itself. FCC_ERR_AUTH with the reason. */
fcc_status msp__issuer_of(const msp_org *org, X509 *cert, X509 **issuer, fcc_error *error) FCC_MUST_CHECK;
/* The same among these authorities. */
fcc_status msp__pool_issuer(const msp__pool *pool, X509 *cert, X509 **issuer, fcc_error *error) FCC_MUST_CHECK;
/* SHA-256 over the certificates above this one: what Fabric calls the certifiers' identifier of its OUs. */
bool msp__chain_id(const msp_org *org, X509 *cert, fcc__sha256 *out);
/* Is this a good authority: one chain, not revoked? `above` has room for 32: those above it. FCC_ERR_AUTH. */
fcc_status msp__check_authority(const msp__pool *pool, X509_CRL *const *crls, size_t crl_count, X509 *ca, X509 **above,
                                size_t *above_count, fcc_error *error) FCC_MUST_CHECK;
/*
 * All that msp_validate looks at, for a sanitised certificate; tells the role its OU gives. `chain` is the certificate's
 * if that is known already, else NULL.
 */
fcc_status msp__validate_cert(const msp_org *org, X509 *cert, const msp__chain *chain, msp_role *role,
                              fcc_error *error) FCC_MUST_CHECK;
bool msp__is_admin_cert(const msp_org *org, X509 *cert);
/* Does the subject have this OU? */
bool msp__has_ou(X509 *cert, const char *ou);

/* ---- identities (identity.c) -------------------------------------------------------------------------------------- */

/* For logs, RFC 2253; in the arena, "" past its cap. */
const char *msp__subject(X509 *cert, fcc__arena *arena);

/* What a manager remembers of verifications. */
enum {
    MSP__SEEN = 4096,
    MSP__OFTEN = 2000,     /* signatures of one identity, after which its key gets a table */
    MSP__TABLES_MOST = 16, /* identities with one */
};
typedef struct msp__seen {
    fcc__sha256 good[MSP__SEEN]; /* signatures lately found good, by a hash of key, content and signature */
    size_t tables;
} msp__seen;

typedef struct msp__multiples msp__multiples;

/* How often an identity's key was used; changes though the identity doesn't. */
typedef struct msp__usage {
    unsigned verified;
    msp__multiples *multiples; /* NULL until that is often */
} msp__usage;

/* For planning there are identities without org and certificate, on the caller's stack: valid, of this MSP id and role. */
struct msp_identity {
    const msp_org *org; /* NULL for planning */
    const char *mspid;
    X509 *cert; /* sanitised; NULL for planning */
    EVP_PKEY *key;
    BIGNUM *order;   /* of the key's curve; NULL for other keys */
    msp__seen *seen; /* the manager's */
    msp__usage *use;
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

/* ---- many verifications with one key (multiples.c) ---------------------------------------------------------------- */

/* Takes as long as some hundred verifications. NULL: not a key of P-256, or no memory. */
msp__multiples *msp__multiples_new(EVP_PKEY *key);
void msp__multiples_free(msp__multiples *multiples); /* takes NULL */
/* true: it is a signature over this digest. false: only EVP_PKEY_verify knows. */
bool msp__multiples_verify(msp__multiples *multiples, const fcc__sha256 *digest, fcc_bytes signature);

/* ---- principals (principal.c) ------------------------------------------------------------------------------------- */

/* A common.MSPPrincipal; the usual kind, a role of an organisation, is read beforehand. */
typedef struct msp__principal {
    const Common__MSPPrincipal *message;
    bool is_role;
    fcc_bytes mspid;
    int role;
} msp__principal;

/* Borrows `message`; what can't be read is refused by msp__satisfies. */
void msp__principal_read(const Common__MSPPrincipal *message, fcc__arena *arena, msp__principal *out);
/* FCC_ERR_AUTH with Fabric's text. */
fcc_status msp__satisfies(const msp_identity *identity, const msp__principal *principal, fcc_error *error);

/* ---- signature policies (policy.c) -------------------------------------------------------------------------------- */

typedef struct msp__signature_policy {
    Common__SignaturePolicyEnvelope *envelope;
    msp__principal *principals; /* of its identities */
} msp__signature_policy;

/* FCC_ERR_PROTO with Fabric's text. */
fcc_status msp__policy_compile(fcc_bytes envelope, fcc__arena *arena, msp__signature_policy *out,
                               fcc_error *error) FCC_MUST_CHECK;
/* FCC_ERR_AUTH when they don't satisfy it. */
fcc_status msp__policy_met(const msp__signature_policy *policy, const msp_identity *const *identities, size_t count,
                           fcc_error *error) FCC_MUST_CHECK;

#endif
