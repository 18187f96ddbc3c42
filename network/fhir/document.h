/*
 * document.h: a chart as one signed FHIR document, which another site takes in as it was written.
 *
 * A Bundle of type document: first a Composition (identifier system urn:medsync:export), whose only section refers to
 * every record with an extension of what the ledger said about it; then the records, FHIR resources byte for byte as
 * they were stored, all else as Binary. The signature is FHIR's: Bundle.signature, sigFormat application/jose, data a
 * JWS (ES256, RFC 7797 unencoded and detached payload; x5c: the signer's certificate, kid: its MSP id, sigT: when) over
 * the very bytes of the file without `,"signature":{...}`, which stands at its end.
 */
#ifndef NETWORK_FHIR_DOCUMENT_H
#define NETWORK_FHIR_DOCUMENT_H

#include "fhir/fhir.h"
#include "msp/msp.h"

#define FHIR_EXPORT_SYSTEM "urn:medsync:export"
#define FHIR_RECORD_EXTENSION "urn:medsync:record"

/*
 * Append the signature to a bundle that ends with '}'. `when` is a FHIR instant.
 * FCC_ERR_ARG: the signer's key is not ECDSA on P-256; FCC_ERR_LIMIT.
 */
fcc_status fhir_sign(fcc__buf *bundle, const msp_signer *signer, const char *when, fcc_error *error) FCC_MUST_CHECK;

typedef struct fhir_signature {
    const char *mspid, *fingerprint, *when; /* in the arena; `when` is the signer's word */
    fcc_bytes content;                      /* what was signed: the bundle without its signature, in the arena */
} fhir_signature;

/*
 * Check a bundle's signature. `name` is what errors call the file.
 *
 * @param members  who may sign: the consortium's organisations
 * @return FCC_OK
 *         FCC_ERR_NOT_FOUND  no JSON object, or one without signature
 *         FCC_ERR_AUTH       changed since it was signed, not signed by a member, or signed in another way
 */
fcc_status fhir_signature_check(fcc_bytes text, const char *name, msp_manager *members, fcc__arena *arena,
                                fhir_signature *out, fcc_error *error) FCC_MUST_CHECK;

/*
 * What of a bundle becomes records: of our own documents the records as they were before the export, of all others
 * every entry. In the arena, contents partly borrowed from the bundle.
 * FCC_ERR_AUTH: our own document without its signature; FCC_ERR_PROTO: its Composition and its entries do not match.
 */
fcc_status fhir_document_entries(const fhir_bundle *bundle, bool is_signed, fcc__arena *arena,
                                 const fhir_entry **entries, size_t *count, fcc_error *error) FCC_MUST_CHECK;

#endif
