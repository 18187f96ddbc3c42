/* appointments.h: the chaincode, for its main and its tests. */
#ifndef APPOINTMENTS_APPOINTMENTS_H
#define APPOINTMENTS_APPOINTMENTS_H

#include "lib/call.h"

LIB_DECLARE(appointments)

#endif
