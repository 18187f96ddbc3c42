/*
 * did.h: decentralised identifiers, the documents that they stand for, and the public keys in these.
 *
 * Nothing here looks anything up: a did:key is its own document, and documents of did:web and did:medsync come from the
 * caller, who has compared their hash (lib_json_hash) with the one on the ledger.
 */
#ifndef LIB_DID_H
#define LIB_DID_H

#include <jansson.h>

#include <fcc/bytes.h>
#include <fcc/status.h>

/* ---- keys ---- */

typedef enum lib_key_type { LIB_KEY_ED25519, LIB_KEY_P256, LIB_KEY_P384 } lib_key_type;

typedef struct lib_public_key {
    lib_key_type type;
    size_t len;
    uint8_t bytes[49]; /* Ed25519: 32 bytes; P-256, P-384: the compressed point, 33 and 49 bytes */
} lib_public_key;

/* A Multikey: base58btc of the key's multicodec and bytes, as in a did:key ("z6Mk...", "zDn...", "z82..."). */
bool lib_key_from_multibase(const char *text, lib_public_key *out);
/* malloc'ed; NULL without memory */
char *lib_key_to_multibase(const lib_public_key *key);
/* A public JWK: OKP with Ed25519, EC with P-256 or P-384. One with a private part ("d") is refused. */
bool lib_key_from_jwk(const json_t *jwk, lib_public_key *out);
/* The key as OpenSSL has it, to be freed with EVP_PKEY_free; NULL when it is no point of its curve. */
struct evp_pkey_st *lib_key_open(const lib_public_key *key);

/* ---- identifiers ---- */

enum { LIB_DID_MAX = 512, LIB_DID_MAX_KEYS = 32 }; /* bytes of a DID; verification methods of a document */

typedef enum lib_did_method { LIB_DID_NONE, LIB_DID_KEY, LIB_DID_WEB, LIB_DID_MEDSYNC } lib_did_method;

/*
 * The method of a DID of ours; LIB_DID_NONE for everything else:
 *   did:key:z...            the multibase of a key that lib_key_from_multibase takes
 *   did:web:host[%3Aport][:path]...   host in lower case, with a dot, or "localhost"
 *   did:medsync:id          1 to 64 of A-Z a-z 0-9 . _ -
 * No path, query or fragment.
 */
lib_did_method lib_did_parse(const char *did);
/* DID Core's grammar of any method, for subjects and issuers that are only compared. */
bool lib_did_is_any(const char *did);

/* ---- documents ---- */

/* What a did:key stands for; NULL for another DID or without memory. */
json_t *lib_did_key_document(const char *did);

/*
 * Whether this is a document of the DID that may be registered: `id` is the DID, every verification method has an id
 * below it, the DID as controller and a key that we read, no private key, and relationships name methods that exist.
 *
 * @param why  where not, what is wrong, in a few static words
 */
bool lib_did_document_check(const json_t *document, const char *did, const char **why);

typedef enum lib_did_key_result {
    LIB_DID_KEY_OK,
    LIB_DID_KEY_UNKNOWN,      /* the document has no such verification method */
    LIB_DID_KEY_NOT_FOR_THIS, /* the relationship doesn't name it */
    LIB_DID_KEY_UNREADABLE,   /* of a type or curve that we don't have, or damaged */
    LIB_DID_KEY_EXPIRED,      /* `expires` is not after now */
    LIB_DID_KEY_REVOKED       /* `revoked` is not after now */
} lib_did_key_result;

/*
 * The key of the verification method `url` (DID#fragment) in the document of that DID, if `relationship`
 * ("assertionMethod", "authentication", ...) names it. Its controller must be the document's DID. `now`: epoch seconds.
 */
lib_did_key_result lib_did_find_key(const json_t *document, const char *url, const char *relationship, int64_t now,
                                    lib_public_key *out);

#endif
