/*
 * material.h: the consortium's keys and certificates on disk, in the layout of Fabric's cryptogen, and the custody
 * keys.
 *
 * DIR is the devnet's directory; crypto material lies in DIR/crypto. Private keys have mode 0600.
 */
#ifndef NETWORK_MSP_MATERIAL_H
#define NETWORK_MSP_MATERIAL_H

#include "config/config.h"

enum { MSP_DAYS = 3650 };

/*
 * Make every key and certificate that the configuration asks for below `crypto_dir`
 * ({peerOrganizations,ordererOrganizations}/<domain>/...). Written to a temporary directory and renamed, so it is there
 * whole or not at all. Existing material is kept as it is; FCC_ERR_CONFIG when it lacks an organisation or user that
 * the configuration names.
 */
fcc_status msp_generate(const config_network *network, const char *crypto_dir, fcc_error *error) FCC_MUST_CHECK;

typedef struct msp_making {
    int64_t days; /* how long certificates are valid; 0: MSP_DAYS; never longer than their authority */
    void (*made)(void *ctx, const char *path); /* told of each organisation and member that was made; may be NULL */
    void *ctx;
} msp_making;

/*
 * The same where something is there already: what is missing is made, an organisation or a member at a time, and what is
 * there is not touched. `making` may be NULL.
 *
 * FCC_ERR_NOT_FOUND  a member is missing, and its organisation's authority has its key elsewhere
 */
fcc_status msp_complete(const config_network *network, const char *crypto_dir, const msp_making *making,
                        fcc_error *error) FCC_MUST_CHECK;

/*
 * The consortium of somebody else's key material and channel, instead of a network file's: its organisations by the
 * groups of the genesis block, each with the peer of `crypto_dir` (in cryptogen's layout) that its membership service
 * accepts, the first by name; the orderer likewise. Addresses are 127.0.0.1 with the ports that the block gives anchor
 * peers and orderers; NULL where it gives none. Users, sites and chaincodes stay empty.
 *
 * @param genesis  serialized common.Block; `genesis_path` is how errors call it
 * @return FCC_OK, *out to be freed with config_free
 *         FCC_ERR_CONFIG  the block is none, or an organisation of it has no keys there: `error` names it
 */
fcc_status msp_adopt(const char *crypto_dir, fcc_bytes genesis, const char *genesis_path, config_network **out,
                     fcc_error *error) FCC_MUST_CHECK;

/*
 * The organisations whose chaincode servers take all that their TLS authority has issued for the peer, as material of before
 * chaincodeca does: "chaincodes.a.test chaincodes.b.test" in the arena; NULL: none, or the network is without chaincode_tls.
 * `medsync certs rotate` of these names mends it.
 */
fcc_status msp_open_chaincodes(const config_network *network, const char *crypto_dir, fcc__arena *arena,
                               const char **names, fcc_error *error) FCC_MUST_CHECK;

/*
 * Make DIR/custody/<MSPID>.key, X25519 in PEM, for each organisation that has a custodian, and tell their public halves
 * in DIR/custody.json: {"<MSPID>": 64 hexadecimal digits}. Keys that are there are kept, so it can run at every start.
 * FCC_ERR_CONFIG: one of them is something else.
 */
fcc_status msp_write_custody(const config_network *network, const char *dir, fcc_error *error) FCC_MUST_CHECK;

/*
 * DIR/endpoints.json, which tells clients where the network is, whole or not at all. `addresses` are those of the
 * organisations' peers, in their order; the orderers are where the network says. `client_auth`: they want TLS
 * certificates of their clients.
 */
fcc_status msp_write_endpoints(const char *dir, const config_network *network, const char *crypto_dir,
                               const char *const *addresses, bool client_auth, fcc_error *error) FCC_MUST_CHECK;

/* Paths, in the arena (NULL past its cap). `crypto_dir` is DIR/crypto. */
const char *msp_path_org_msp(fcc__arena *arena, const char *crypto_dir, const config_org *org);
const char *msp_path_org_tlsca(fcc__arena *arena, const char *crypto_dir, const config_org *org); /* PEM file */
const char *msp_path_peer_msp(fcc__arena *arena, const char *crypto_dir, const config_org *org);
const char *msp_path_peer_tls(fcc__arena *arena, const char *crypto_dir, const config_org *org); /* ca.crt server.* */
const char *msp_path_user_msp(fcc__arena *arena, const char *crypto_dir, const config_org *org, const char *user);
const char *msp_path_user_tls(fcc__arena *arena, const char *crypto_dir, const config_org *org, const char *user);
/*
 * Who serves an organisation's chaincodes, chaincodes.<domain>: server.crt and server.key for the server, ca.crt for who
 * dials it (connection.json's root_cert); client.crt and client.key for the organisation's peer (client_cert, client_key),
 * and client-ca.crt for the server: the authority that has issued client.crt and nothing else (CHAINCODE_CLIENT_CA_CERT).
 */
const char *msp_path_chaincodes_tls(fcc__arena *arena, const char *crypto_dir, const config_org *org);
/* That client-ca.crt; ca.crt where nobody has made it yet, as before there was one. */
const char *msp_path_chaincodes_client_ca(fcc__arena *arena, const char *crypto_dir, const config_org *org);
const char *msp_path_orderer_org_msp(fcc__arena *arena, const char *crypto_dir, const config_orderer *orderer);
/* Of one of its nodes. */
const char *msp_path_orderer_msp(fcc__arena *arena, const char *crypto_dir, const config_orderer *orderer, size_t node);
const char *msp_path_orderer_tls(fcc__arena *arena, const char *crypto_dir, const config_orderer *orderer, size_t node);

#endif
