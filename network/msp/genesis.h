/*
 * genesis.h: a channel's first block with certificates from anywhere. What most callers want is msp_genesis in channel.h,
 * which takes them from the folders of msp_generate; network/testing has them in memory.
 */
#ifndef NETWORK_MSP_GENESIS_H
#define NETWORK_MSP_GENESIS_H

#include "msp/channel.h"

#include "common/configtx.pb-c.h"

/* Both give bytes in the arena, and FCC_ERR_LIMIT past its cap. */
typedef struct msp__source {
    /* An organisation's msp.MSPConfig, serialized. */
    fcc_status (*msp)(void *ctx, const char *mspid, fcc__arena *arena, fcc_bytes *config, fcc_error *error);
    /* The TLS certificate of the orderer with this index, PEM. */
    fcc_status (*orderer_tls)(void *ctx, size_t node, fcc__arena *arena, fcc_bytes *pem, fcc_error *error);
    void *ctx;
    const char *nonce_of; /* the block's nonce follows from this text; NULL: it is random */
} msp__source;

/* msp_genesis with these certificates. */
fcc_status msp__genesis_from(const config_network *network, const msp__source *source, int64_t now_s, fcc__arena *arena,
                             fcc_bytes *block, fcc_error *error) FCC_MUST_CHECK;
/* The group that an organisation of network.yaml has below Application, in the arena. */
fcc_status msp__group_of_org(const config_network *network, const config_org *org, const msp__source *source,
                             fcc__arena *arena, Common__ConfigGroup **out, fcc_error *error) FCC_MUST_CHECK;

#endif
