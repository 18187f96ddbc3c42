/*
 * site.h: all that one fcc-host runs: the chaincodes of its file, and those of the file before that are still ending.
 *
 * Test: test/integration/host.sh, test/integration/reload.sh
 */
#ifndef FCC_HOST_SITE_H
#define FCC_HOST_SITE_H

#include "host/child.h"
#include "host/config.h"

struct host_files;

typedef struct host_site {
    const char *path;
    bool as_root;
    struct host_files *files; /* the newest first; older ones as long as a child may need them */
    const host_config *config;
    host_child *children;
    size_t count;
    bool stopping;
    int64_t kill_at_ms; /* while stopping */
} host_site;

/*
 * Read the file. Nothing is started: all are due now.
 *
 * @param path  kept
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  as host_config_read
 */
fcc_status host_site_open(host_site *site, const char *path, bool as_root, fcc_error *error) FCC_MUST_CHECK;
/* Its processes must have ended, or are left to the death of fcc-host. */
void host_site_close(host_site *site);

/*
 * Read the file again: who is new starts, who is gone from it drains and ends, who changed drains and starts anew, and
 * who is as before has its certificates read again. A file that is wrong changes nothing. The log tells all of it.
 */
void host_site_reload(host_site *site);
/* Let all drain and end; the second time, end them at once. */
void host_site_stop(host_site *site);

/* Start what is due, and end what has not ended in time. */
void host_site_tend(host_site *site);
/* Take note of processes that have ended. */
void host_site_reap(host_site *site);
/* In how many milliseconds host_site_tend has something to do; -1: when a process ends. */
int64_t host_site_patience_ms(const host_site *site);
/* No process runs. */
bool host_site_ended(const host_site *site);

#endif
