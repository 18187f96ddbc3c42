/*
 * join.h: the nodes of a network come onto its channel: orderers, then the newcomers among its organisations, by an update
 * that the administrators of those on the channel sign, then peers.
 */
#ifndef MEDSYNC_NATIVE_JOIN_H
#define MEDSYNC_NATIVE_JOIN_H

#include "config/config.h"

typedef struct join_options {
    const char *dir; /* the network's directory, with endpoints.json and crypto/ */
    const config_network *network;
    const char *crypto_dir;
    fcc_bytes genesis;
    const char *const *orderer_admins; /* addresses of the participation APIs, in the order of the orderers */
    const char *only;                  /* MSP id of the one organisation whose nodes join; NULL: all, and newcomers */
    int seconds;                       /* to wait for a node that does not answer yet */
    /* progress, a line at a time; may be NULL */
    void (*tell)(void *ctx, const char *line);
    void *ctx;
} join_options;

/*
 * Each node that has joined already is left alone, so it can run at every start.
 *
 * @return FCC_OK
 *         FCC_ERR_IO    a node can't be reached: `error` names it
 *         FCC_ERR_PEER  a node refused, with its words
 */
fcc_status join_run(const join_options *options, fcc_error *error) FCC_MUST_CHECK;

#endif
