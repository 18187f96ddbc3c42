/*
 * directory.h: the devnet's directory: who holds it, what is told in it to clients, what belongs to a devnet in it.
 */
#ifndef MEDSYNC_DEVNET_DIRECTORY_H
#define MEDSYNC_DEVNET_DIRECTORY_H

#include "devnet/devnet.h"

#include "config/config.h"

/*
 * Make the directory and hold it exclusively until devnet_directory_leave or the end of the process. *lock is a
 * descriptor. FCC_ERR_EXISTS names the devnet that holds it.
 */
fcc_status devnet_directory_enter(const char *dir, int *lock, fcc_error *error) FCC_MUST_CHECK;
void devnet_directory_leave(const char *dir, int lock);

/* DIR/endpoints.json, whole or not at all. `addresses` are those of the organisations' peers, in their order. */
fcc_status devnet_write_endpoints(const char *dir, const config_network *network, const char *crypto_dir,
                                  const char *orderer_address, const char *const *addresses,
                                  fcc_error *error) FCC_MUST_CHECK;

#endif
