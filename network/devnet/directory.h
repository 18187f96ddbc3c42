/*
 * directory.h: the devnet's directory: who holds it, what is told in it to clients, what belongs to a devnet in it.
 */
#ifndef MEDSYNC_DEVNET_DIRECTORY_H
#define MEDSYNC_DEVNET_DIRECTORY_H

#include "devnet/devnet.h"

#include "config/config.h"

/* What a directory was made for, and keeps to: DIR/devnet.json. */
typedef struct devnet_settings {
    bool known;           /* it has been made already */
    bool foreign;         /* somebody else's key material and channel: DIR/crypto and DIR/genesis.block are copies */
    devnet_fabric fabric; /* never DEVNET_FABRIC_KEPT */
} devnet_settings;

fcc_status devnet_settings_read(const char *dir, devnet_settings *out, fcc_error *error) FCC_MUST_CHECK;
/* To be called once the network of a new directory is known to be right: from then on it keeps to them. */
fcc_status devnet_settings_keep(const char *dir, const devnet_settings *settings, fcc_error *error) FCC_MUST_CHECK;
/*
 * What the directory and the options agree on; for a new one what the options say. Copies --crypto and --genesis into
 * it. FCC_ERR_CONFIG when they contradict each other or make no network: nothing has changed then.
 */
fcc_status devnet_settle(const devnet_options *options, devnet_settings *out, fcc_error *error) FCC_MUST_CHECK;

/*
 * Make the directory and hold it exclusively until devnet_directory_leave or the end of the process. *lock is a
 * descriptor. FCC_ERR_EXISTS names the devnet that holds it.
 */
fcc_status devnet_directory_enter(const char *dir, int *lock, fcc_error *error) FCC_MUST_CHECK;
void devnet_directory_leave(const char *dir, int lock);

#endif
