/* participation.h: the orderer's channel participation API (HTTPS with a client certificate): joining a channel. */
#ifndef MEDSYNC_NATIVE_PARTICIPATION_H
#define MEDSYNC_NATIVE_PARTICIPATION_H

#include <fcc/bytes.h>
#include <fcc/status.h>

typedef struct participation_admin {
    const char *address; /* host:port of the orderer's Admin listener */
    const char *ca;      /* PEM files: whom to trust, and who we are */
    const char *cert;
    const char *key;
} participation_admin;

/*
 * Have the orderer join this channel by its genesis block, unless it has already. FCC_ERR_PEER with the orderer's words;
 * FCC_ERR_IO when it cannot be reached.
 *
 * Source: fabric v3.1.5 orderer/common/channelparticipation/restapi.go
 */
fcc_status participation_join(const participation_admin *admin, const char *channel, fcc_bytes genesis,
                              fcc_error *error) FCC_MUST_CHECK;

#endif
