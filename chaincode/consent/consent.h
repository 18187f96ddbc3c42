/* consent.h: the chaincode, for its main and for tests. */
#ifndef CONSENT_CONSENT_H
#define CONSENT_CONSENT_H

#include "lib/call.h"

LIB_DECLARE(consent)

#endif
