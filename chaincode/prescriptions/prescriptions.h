/* prescriptions.h: the chaincode, for its main and its tests. */
#ifndef PRESCRIPTIONS_PRESCRIPTIONS_H
#define PRESCRIPTIONS_PRESCRIPTIONS_H

#include "lib/call.h"

LIB_DECLARE(prescriptions)

#endif
