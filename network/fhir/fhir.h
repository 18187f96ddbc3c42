/*
 * fhir.h: a FHIR R4 bundle as MedSync takes it in. Each entry's resource is kept as the very bytes of the file, so that
 * numbers keep their text and what is read back later is equal byte for byte; one table tells, for each resource type,
 * where its date and code are and what kind, category and sensitivity its record has. Full validation is not ours.
 */
#ifndef NETWORK_FHIR_FHIR_H
#define NETWORK_FHIR_FHIR_H

#include "base/arena.h"
#include "base/buf.h"
#include "blob/blob.h"

enum {
    FHIR_BUNDLE_MAX = 256 << 20, /* bytes of a file */
    FHIR_ENTRIES_MAX = 100000,
    FHIR_DATE_LEN = 20,
    FHIR_BATCH_RECORDS = 100,     /* what one call of AddRecords or ImportRecords takes */
    FHIR_BATCH_BYTES = 64 * 1024, /* and how long its transient JSON may be */
};

#define FHIR_MIME "application/fhir+json"

/* All texts are borrowed from the bundle. */
typedef struct fhir_entry {
    size_t index;                 /* in the bundle's entry array, from 0 */
    const char *type;             /* "Observation" */
    const char *id;               /* the resource's own; NULL without */
    const char *full_url;         /* NULL without */
    const char *code;             /* of the first coding; NULL without */
    const char *encounter;        /* the reference as it is written; NULL without */
    const char *kind;             /* clinical, lab, image, doc */
    const char *category;         /* general, lab, imaging, medication, ... */
    const char *sens;             /* N, R, V */
    const char *class_name;       /* retention class */
    const char *mime;             /* of the content; NULL: FHIR_MIME */
    char date[FHIR_DATE_LEN + 1]; /* UTC, whole seconds; empty when the resource has no date */
    fcc_bytes content;            /* the resource, as in the file */
} fhir_entry;

typedef struct fhir_bundle {
    fcc__arena *arena;
    const char *path;
    const fhir_entry *entries;
    size_t count;
    bool document;             /* of type document: may have no Patient, or the same one more than once */
    const fhir_entry *patient; /* the only one; of a document the first, NULL without */
    const char *const *words;  /* what would give the person or its health away: names, birth date, codes, ... */
    size_t word_count;
} fhir_bundle;

/*
 * Read a bundle. Nothing is half-loaded.
 * FCC_ERR_IO unreadable; FCC_ERR_PROTO no FHIR R4 bundle with one Patient: the error names file, entry and what is wrong.
 */
fcc_status fhir_load(const char *path, fhir_bundle **out, fcc_error *error) FCC_MUST_CHECK;
/* The same from memory, copied; `path` is what errors call it. */
fcc_status fhir_parse(fcc_bytes json, const char *path, fhir_bundle **out, fcc_error *error) FCC_MUST_CHECK;
void fhir_free(fhir_bundle *bundle); /* takes NULL */

/*
 * A single resource, as it stands in a file, without the white space around it. Texts are in the arena, `content` is
 * borrowed from `json`. `name` is what errors call it. FCC_ERR_PROTO no FHIR resource; FCC_ERR_LIMIT larger than a blob.
 */
fcc_status fhir_resource(fcc_bytes json, const char *name, fcc__arena *arena, fhir_entry *out,
                         fcc_error *error) FCC_MUST_CHECK;
/* Whether the table has a row of its own for this type; all others are kept whole as kind doc. */
bool fhir_is_mapped(const char *type);

/* The entry that a reference ("urn:uuid:...", "Encounter/7") means; NULL when it isn't in the bundle. */
const fhir_entry *fhir_find(const fhir_bundle *bundle, const char *reference);

/* A FHIR date, dateTime or instant as UTC in whole seconds; what is missing is January, the first, midnight. */
fcc_status fhir_date_utc(const char *date, char out[FHIR_DATE_LEN + 1]) FCC_MUST_CHECK;

/* ---- records: what goes to the ledger about an entry ---- */

typedef struct fhir_record {
    const fhir_entry *entry;
    char id[33];   /* 128 random bits */
    char salt[33]; /* 128 random bits */
    char date[FHIR_DATE_LEN + 1];
    char cid[BLOB_CID_MAX];
    char sha256[65];
    uint64_t size; /* of the stored bytes */
    char dek[BLOB_SEALED_HEX + 1];
} fhir_record;

/*
 * Encrypt an entry's content into the store and seal its key to a custody key. `now_s` dates entries without date.
 * FCC_ERR_IO and so on as blob_put.
 */
fcc_status fhir_store(const fhir_entry *entry, blob_store *store, const uint8_t custody_public[32], int64_t now_s,
                      fhir_record *out, fcc_error *error) FCC_MUST_CHECK;
/* The metadata of one record as JSON. */
void fhir_record_json(const fhir_record *record, fcc__buf *out);
/*
 * The transient input of one call: {`head`,"records":[...]} with as many records as fit. `head` is a JSON member such
 * as "\"pid\":\"...\"", or nothing. Returns how many went in (0 only for none given or when `out` failed).
 */
size_t fhir_batch(const char *head, const fhir_record *records, size_t count, fcc__buf *out);

/* 128 random bits in hexadecimal. false when OpenSSL has none. */
bool fhir_random_id(char out[33]) FCC_MUST_CHECK;

#endif
