/* vc_parts.h: what looking at a credential's form, context and meaning have in common. Strings are static or borrowed. */
#ifndef LIB_VC_PARTS_H
#define LIB_VC_PARTS_H

#include "lib/vc.h"

#define LIB_VC_CONTEXT_2 "https://www.w3.org/ns/credentials/v2"
#define LIB_VC_CONTEXT_1 "https://www.w3.org/2018/credentials/v1"

/* Many members may have one value or an array of them: how many, and the one at i. A missing member has none. */
size_t lib_vc_count(const json_t *value);
const json_t *lib_vc_at(const json_t *value, size_t i);

/*
 * Whether a URL parser takes it as an absolute URL: a scheme, something behind its colon, for http and https a host.
 * Spaces behind the host, which parsers encode, are not the fault that this looks for.
 */
bool lib_vc_is_url(const char *s);
bool lib_vc_is_url_value(const json_t *value);

/* Records the fault; false, to be returned. */
bool lib_vc_bad(lib_vc_fault *fault, const char *at, const char *why);

/*
 * "@context" and "type" of a credential or presentation: the first context is the data model's, the others are URLs or
 * objects that redefine no protected term, and `required` is one of the types, each of which stands for a URL as far as
 * the objects tell.
 *
 * @param version  1 or 2, by the first context
 */
bool lib_vc_context_form(const json_t *document, const char *required, int *version, lib_vc_fault *fault);

/* A presentation without the credentials in it. */
bool lib_vp_shell_form(const json_t *presentation, lib_vc_fault *fault);
/* An EnvelopedVerifiableCredential: a credential as a data: URL, secured by other means than a proof in it. */
bool lib_vc_is_enveloped(const json_t *credential);

#endif
