/* docs/testing-chaincode.md: what it shows builds and passes. */
#include "testing_chaincode.inc"
