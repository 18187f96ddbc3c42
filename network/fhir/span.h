/* span.h: where values lie in a JSON text. */
#ifndef NETWORK_FHIR_SPAN_H
#define NETWORK_FHIR_SPAN_H

#include <fcc/bytes.h>

/*
 * The bytes of each entry[i].resource of a bundle. The text must have passed a JSON parser before. Returns how many
 * were found, at most `max`; entries without resource count with an empty span.
 */
size_t fhir__resource_spans(fcc_bytes json, fcc_bytes *spans, size_t max);

#endif
