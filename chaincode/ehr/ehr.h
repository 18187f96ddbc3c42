/* ehr.h: the chaincode, for its main and its tests. */
#ifndef EHR_EHR_H
#define EHR_EHR_H

#include "lib/call.h"

LIB_DECLARE(ehr)

#endif
