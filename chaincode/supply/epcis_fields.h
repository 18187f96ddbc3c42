/* epcis_fields.h: what the fields of an EPCIS event may be. */
#ifndef SUPPLY_EPCIS_FIELDS_H
#define SUPPLY_EPCIS_FIELDS_H

#include "supply/epcis.h"

/* Kinds of event, as bits. */
enum {
    EPCIS_OBJECT_EVENT = 1,
    EPCIS_AGGREGATION_EVENT = 2,
    EPCIS_TRANSACTION_EVENT = 4,
    EPCIS_TRANSFORMATION_EVENT = 8,
    EPCIS_ASSOCIATION_EVENT = 16
};

/* Whether a field of an event of that kind is one of EPCIS's and has its form, or is an extension with a namespace. */
enum epcis_fit { EPCIS_FITS, EPCIS_NO_FIELD, EPCIS_NOT_OF_THIS_KIND, EPCIS_NOT_OF_THIS_FORM };
enum epcis_fit epcis_fit(const char *name, const json_t *value, unsigned kind);

/* A text; NULL for what is none, numbers too. */
const char *epcis_text_of(const json_t *value);
bool epcis_is_moment(const json_t *value);

#endif
