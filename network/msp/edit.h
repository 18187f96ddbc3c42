/*
 * edit.h: a channel's configuration as it shall be: organisations, membership services, ACLs, consenters, changed in a copy of
 * the one in force. The update that leads from one to the other is configtx.h's.
 *
 * An organisation is named by its group ("Hospital", in any case) or its MSP id.
 */
#ifndef NETWORK_MSP_EDIT_H
#define NETWORK_MSP_EDIT_H

#include "msp/channel.h"

typedef struct msp_edit msp_edit;

/* Of a common.Config. FCC_ERR_PROTO, FCC_ERR_CONFIG. */
fcc_status msp_edit_open(const char *channel_id, fcc_bytes config, msp_edit **out, fcc_error *error) FCC_MUST_CHECK;
void msp_edit_free(msp_edit *edit); /* takes NULL */

/*
 * A new organisation, with the group that msp_genesis would give it: its MSP from `crypto_dir`, the policies and anchor peer
 * of network.yaml. FCC_ERR_EXISTS: a group or an MSP of that name is there.
 */
fcc_status msp_edit_add_org(msp_edit *edit, const config_network *network, const config_org *org,
                            const char *crypto_dir, fcc_error *error) FCC_MUST_CHECK;
/* FCC_ERR_NOT_FOUND */
fcc_status msp_edit_remove_org(msp_edit *edit, const char *which, fcc_error *error) FCC_MUST_CHECK;
/* An organisation's membership service anew, from its MSP directory: revoked certificates, a new authority. */
fcc_status msp_edit_msp(msp_edit *edit, const char *which, const char *msp_dir, fcc_error *error) FCC_MUST_CHECK;
/* Which policy governs a resource; NULL: Fabric's default. A name alone is one of /Channel/Application. */
fcc_status msp_edit_acl(msp_edit *edit, const char *resource, const char *policy, fcc_error *error) FCC_MUST_CHECK;
/* The TLS certificate of the consenter at this address (etcdraft). FCC_ERR_NOT_FOUND lists those that there are. */
fcc_status msp_edit_consenter(msp_edit *edit, const char *address, fcc_bytes cert_pem, fcc_error *error) FCC_MUST_CHECK;

/* The common.Config, in the arena. FCC_ERR_CONFIG: it would be none, or an ACL names no policy. */
fcc_status msp_edit_finish(msp_edit *edit, fcc__arena *arena, fcc_bytes *config, fcc_error *error) FCC_MUST_CHECK;

#endif
