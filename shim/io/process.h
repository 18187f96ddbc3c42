/*
 * process.h: what a chaincode process says of itself to whoever may evaluate: the SHA-256 of the executable that runs.
 *
 * Answered to the function FCC__PROCESS_FUNCTION (core/session.h) of every chaincode:
 *
 *     {"executable":"ehr","packageId":"ehr_1:0f3a...","sha256":"..."}
 *
 * It is of the file that was executed, though another may be in its place by now. It is meant for evaluation: endorsements
 * of processes that differ would differ as well.
 *
 * Test: test/integration/status.sh
 */
#ifndef FCC_IO_PROCESS_H
#define FCC_IO_PROCESS_H

#include <fcc/bytes.h>

/* The package id that the process has; borrowed. */
void fcc__process_is(const char *ccid);
/* Made when it is first asked for, then kept; on one thread. Empty when the executable cannot be read. */
fcc_bytes fcc__process_describe(void);

#endif
