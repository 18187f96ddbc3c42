/* probe.h: asks an fcc-host that runs whether it is ready, for who watches without curl: containers' health checks. */
#ifndef FCC_HOST_PROBE_H
#define FCC_HOST_PROBE_H

#include <fcc/status.h>

#include <stdbool.h>
#include <stdio.h>

/*
 * GET /readyz of the admin address. *ready: every chaincode serves; the answer's lines go to `out`.
 * FCC_ERR_IO: nobody answers there, FCC_ERR_CONFIG: no address.
 */
fcc_status host_probe(const char *address, bool *ready, FILE *out, fcc_error *error) FCC_MUST_CHECK;

#endif
