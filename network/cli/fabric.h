/* fabric.h: what the files of `medsync fabric` share. */
#ifndef MEDSYNC_CLI_FABRIC_H
#define MEDSYNC_CLI_FABRIC_H

#include "config/config.h"

/* prepare, join and endpoints: a network whose nodes run elsewhere, in containers or on other machines. */
typedef struct fabric_parts {
    const char *what;        /* "prepare", "join" or "endpoints" */
    const char *dir;         /* the network's */
    config_network *network; /* as the file says; changed */
    const char *parts;       /* NULL: DIR/nodes */
    const char *org;         /* one organisation alone, as config_find_org takes it, or the orderers'; NULL: all */
    const char *fabric;      /* "3.1" */
    const char *config_dir;  /* network/fabric */
    const char *bin_dir;     /* of the chaincodes' programs */
    void (*tell)(void *ctx, const char *line);
} fabric_parts;

fcc_status fabric_parts_run(const fabric_parts *parts, fcc_error *error) FCC_MUST_CHECK;

#endif
