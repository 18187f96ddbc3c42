/* supply.h: the chaincode, for its main and its tests. */
#ifndef SUPPLY_SUPPLY_H
#define SUPPLY_SUPPLY_H

#include "lib/call.h"

LIB_DECLARE(supply)

#endif
