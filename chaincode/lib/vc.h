/*
 * vc.h: W3C Verifiable Credentials: whether one is well formed, and whether a presentation of some is to be believed.
 *
 * Pure functions: what is on the ledger (accreditations, anchors, status bits, DID documents) is asked for by callbacks.
 * No JSON-LD processing: contexts are compared, never fetched, and terms that a fetched context would define are taken.
 */
#ifndef LIB_VC_H
#define LIB_VC_H

#include <jansson.h>

#include "lib/proof.h"
#include "lib/status_list.h"

/* ---- form ---- */

/* Where something is wrong ("credentialStatus.id") and how ("is no URL"). Static strings. */
typedef struct lib_vc_fault {
    const char *at;
    const char *why;
} lib_vc_fault;

/*
 * Whether this has the form of a credential of the data model 2.0, or 1.1 (its first context says which). The proof is
 * not verified and may be missing. Types must stand for URLs: a type of one's own needs a context that can define it.
 */
bool lib_vc_form(const json_t *credential, lib_vc_fault *fault);
/* The same for a presentation and every credential in it. */
bool lib_vp_form(const json_t *presentation, lib_vc_fault *fault);

/* Parts of a credential that has the form. Borrowed; NULL where there is none. */
const char *lib_vc_id(const json_t *credential);
const char *lib_vc_issuer(const json_t *credential);
const char *lib_vc_subject(const json_t *credential); /* the id, when there is exactly one subject */
bool lib_vc_has_type(const json_t *credential, const char *type);
/* validFrom and validUntil (1.1: issuanceDate, expirationDate), epoch seconds; INT64_MIN and INT64_MAX where missing. */
void lib_vc_validity(const json_t *credential, int64_t *from, int64_t *until);
/* XML Schema's dateTimeStamp (with an offset, fractions allowed and cut off), years 0001 to 9999. */
bool lib_vc_time_parse(const char *s, int64_t *epoch);
/* What anchors a credential: SHA-256 of it in RFC 8785's form, with its proof. False without memory. */
bool lib_vc_hash(const json_t *credential, uint8_t out[32]);

/* ---- verification ---- */

/* What the ledger has of a credential. Strings are borrowed until the verification is over. */
typedef struct lib_vc_anchor {
    bool found;
    uint8_t hash[32];
    const char *type;                /* compared with the credential's types; NULL: not compared */
    const char *issuer;              /* NULL: not compared */
    const char *subject;             /* NULL: not compared */
    int64_t valid_from, valid_until; /* epoch seconds; INT64_MIN and INT64_MAX: not compared */
    bool revoked, suspended;         /* by the list and index that it was issued with */
} lib_vc_anchor;

typedef enum lib_vc_status { LIB_VC_STATUS_UNKNOWN, LIB_VC_STATUS_CLEAR, LIB_VC_STATUS_SET } lib_vc_status;

/*
 * Each callback answers from the ledger; a status other than FCC_OK ends the verification and is passed on.
 * Outputs are preset: nothing known, nothing found.
 */
typedef struct lib_vp_context {
    int64_t now;           /* epoch seconds */
    const char *challenge; /* what the verifier had asked for; NULL: not compared */
    const char *domain;    /* NULL: not compared */
    void *user;
    lib_did_resolve resolve;
    /* whether the issuer is accredited for credentials of this type */
    fcc_status (*accredited)(void *user, const char *issuer, const char *type, bool *yes);
    /* the anchor of a credential by its id */
    fcc_status (*anchor)(void *user, const char *id, lib_vc_anchor *out);
    /* the bit that a BitstringStatusListEntry of a credential of this issuer names */
    fcc_status (*status)(void *user, const char *issuer, const lib_status_entry *entry, lib_vc_status *out);
} lib_vp_context;

/*
 * Verify a presentation: its own proof by its holder, and of each credential form, proof by its issuer, accreditation
 * for each of its types but VerifiableCredential, validity, status, whether the holder is a subject of it, and its anchor.
 * Everything is looked at; only a wrong form ends the look at a credential.
 *
 * @param report  {"verified":bool,"credentials":count,"findings":[{"credential":index,"check":..,"code":..,"at":..}]}
 *                to be freed with json_decref. Empty findings: believed. A finding about the presentation itself has no
 *                "credential"; "at" is there where a member is to blame. No content of the presentation is in it.
 *                check      code
 *                form       BAD_FORM (then "why"), TOO_MANY_CREDENTIALS, NO_CREDENTIALS, ENVELOPED
 *                proof      the words of proof.h
 *                issuer     NO_TYPE, NOT_ACCREDITED, TOO_MANY
 *                validity   NOT_YET_VALID, EXPIRED
 *                status     STATUS_UNKNOWN (by no callback, or of another kind), REVOKED, SUSPENDED, TOO_MANY
 *                holder     NO_HOLDER, NO_SUBJECT, NOT_SUBJECT
 *                anchor     NO_ID, NOT_ANCHORED, ANCHOR_DIFFERS ("at": hash, type, issuer, subject or validity)
 *
 * @return FCC_OK  *report was made, whatever it says; what a callback returned; FCC_ERR_NOMEM
 */
fcc_status lib_vp_verify(const json_t *presentation, const lib_vp_context *context, json_t **report) FCC_MUST_CHECK;

enum { LIB_VP_MAX_CREDENTIALS = 32, LIB_VP_MAX_TYPES = 16, LIB_VP_MAX_STATUS = 16 };

#endif
