/*
 * client.h: client mode. One stream to the peer that launched the process, opened again whenever it ends, for ever:
 * a peer that restarts finds its chaincode there.
 *
 * Test: test/unit/shim/io/test_client.c
 */
#ifndef FCC_IO_CLIENT_H
#define FCC_IO_CLIENT_H

#include "io/stream.h"

typedef struct fcc__client fcc__client;

/* Dials on the host's loop; what ends a stream, and when the next one is tried, is logged. NULL when out of memory. */
fcc__client *fcc__client_new(fcc__host *host);
/* Takes NULL. The loop need not run any more. */
void fcc__client_free(fcc__client *client);

/*
 * How long to wait before the try that follows `failures` (at least 1) in a row: exponential backoff with full jitter,
 * so that chaincodes which lost their peer together don't come back together. 200 to 10,000.
 *
 * @param random  any number
 */
int64_t fcc__backoff_ms(unsigned failures, uint64_t random);

#endif
