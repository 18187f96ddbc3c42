/* consent.h: the chaincode's table, for its main and its tests. */
#ifndef CONSENT_CONSENT_H
#define CONSENT_CONSENT_H

#include <fcc/chaincode.h>

extern const fcc_chaincode consent_chaincode;

#endif
