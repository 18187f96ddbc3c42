/* internal.h: what the files of this folder share. */
#ifndef FCC_IDENTITY_INTERNAL_H
#define FCC_IDENTITY_INTERNAL_H

#include "identity/identity.h"

#include "base/buf.h"

#include <openssl/x509.h>

/* ---- name.c ---- */

/* Append a distinguished name as Go prints it. */
void fcc__identity_name(fcc__buf *out, const X509_NAME *name);
/* Set out->units from the subject. */
fcc_status fcc__identity_units(fcc__arena *arena, X509 *cert, fcc__identity *out, fcc_error *error) FCC_MUST_CHECK;

/* ---- attributes.c ---- */

/* Set out->attributes from the certificate's extension; none without it. */
fcc_status fcc__identity_attributes(fcc__arena *arena, X509 *cert, fcc__identity *out, fcc_error *error) FCC_MUST_CHECK;

#endif
