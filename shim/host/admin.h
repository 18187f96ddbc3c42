/*
 * admin.h: HTTP for those who watch over fcc-host: GET /healthz, /readyz, /status (JSON) and /metrics. Served by the one
 * thread of fcc-host, whenever admin_run is called.
 */
#ifndef FCC_HOST_ADMIN_H
#define FCC_HOST_ADMIN_H

#include "host/site.h"

typedef struct host_admin host_admin;

/*
 * Listen at host:port, host being an IP address.
 *
 * @param site  what it tells of; borrowed until host_admin_free
 */
fcc_status host_admin_new(const char *address, const host_site *site, host_admin **out,
                          fcc_error *error) FCC_MUST_CHECK;
/* What to poll for input, and for how long at most: -1 for ever. */
int host_admin_fd(const host_admin *admin);
int host_admin_timeout_ms(const host_admin *admin);
/* The port that was taken. */
int host_admin_port(const host_admin *admin);
/* Take and answer what is there. Never waits. */
void host_admin_run(host_admin *admin);
/* Takes NULL. */
void host_admin_free(host_admin *admin);

#endif
