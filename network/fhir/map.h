/* map.h: the one table of what a resource type means for its record. */
#ifndef NETWORK_FHIR_MAP_H
#define NETWORK_FHIR_MAP_H

#include "fhir/fhir.h"

#include <jansson.h>

/* The value at a path such as "code.coding.0.code"; NULL without. */
const json_t *fhir__at(const json_t *root, const char *path);
/*
 * Fill everything that comes from the resource. FCC_ERR_PROTO: `why` (of 200 bytes) tells what is wrong.
 */
fcc_status fhir__map(const json_t *resource, fcc__arena *arena, fhir_entry *out, char why[200]);

#endif
