/* ehr.h: the chaincode's table, for its main and its tests. */
#ifndef EHR_EHR_H
#define EHR_EHR_H

#include <fcc/chaincode.h>

extern const fcc_chaincode ehr_chaincode;

#endif
