/* credentials.h: the chaincode, for its main and for tests. */
#ifndef CREDENTIALS_CREDENTIALS_H
#define CREDENTIALS_CREDENTIALS_H

#include "lib/call.h"

LIB_DECLARE(credentials)

#endif
