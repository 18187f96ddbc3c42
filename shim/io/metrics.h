/*
 * metrics.h: what a chaincode process counts and logs of its transactions. Never a key, a value or an argument, and of
 * functions only the names in the chaincode's own table.
 */
#ifndef FCC_IO_METRICS_H
#define FCC_IO_METRICS_H

#include "core/session.h"
#include "io/counters.h"

/*
 * The counters of this process.
 *
 * @param fd   memory that fcc-host shares, or -1: the counters are this process's own. Kept until the process ends.
 * @param out  static
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  `fd` is no such memory
 */
fcc_status fcc__metrics_open(const fcc_chaincode *chaincode, int fd, fcc__counters **out,
                             fcc_error *error) FCC_MUST_CHECK;

/*
 * For fcc__session_events.observe: takes the time, counts, and logs each end: at level debug, info when it failed.
 *
 * @param waits  rpc_loop_waits: where it is the same, the time when the last handler gave way is when the next goes on
 */
void fcc__metrics_observe(fcc__counters *counters, const fcc_chaincode *chaincode, fcc__moment moment, fcc__seen *seen,
                          uint64_t waits);

#endif
