/* sample.h: the chaincode as main and the tests take it. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <fcc/chaincode.h>

extern const fcc_chaincode sample_chaincode;

#endif
