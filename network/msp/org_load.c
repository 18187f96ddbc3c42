/* org_load.c: an organisation's MSP directory, as Fabric's tools lay it out, made into its MSPConfig. */
#include "msp/internal.h"

#include "config/config.h"
#include "msp/msp_config.pb-c.h"
#include "protos/unpack.h"

static fcc_status read_certs(const char *msp_dir, const char *folder, fcc__arena *arena, size_t *n,
                             ProtobufCBinaryData **out, fcc_error *error)
{
    char *dir = fcc__arena_printf(arena, "%s/%s", msp_dir, folder);
    msp__files files;
    size_t i;
    fcc_status st;

    if (!dir)
        return FCC_ERR_LIMIT;
    st = msp__read_dir(dir, arena, &files, error);
    if (st != FCC_OK)
        return st;
    *out = fcc__arena_zalloc(arena, files.n + 1, sizeof **out);
    if (!*out)
        return FCC_ERR_LIMIT;
    for (i = 0; i < files.n; i++)
        (*out)[i] = fcc__pb(files.contents[i]);
    *n = files.n;
    return FCC_OK;
}

static fcc_status make_ou(const char *msp_dir, const config_ou *ou, fcc__arena *arena, Msp__FabricOUIdentifier **out,
                          fcc_error *error)
{
    Msp__FabricOUIdentifier *made;
    fcc_bytes pem = { 0 };

    if (!ou->ou)
        return FCC_OK;
    made = fcc__arena_alloc(arena, sizeof *made);
    if (!made)
        return FCC_ERR_LIMIT;
    msp__fabric_ouidentifier__init(made);
    made->organizational_unit_identifier = fcc__pb(fcc_str(ou->ou));
    if (ou->certificate) {
        char *path = fcc__arena_printf(arena, "%s/%s", msp_dir, ou->certificate);
        fcc_status st = path ? msp__read_file(path, arena, &pem, error) : FCC_ERR_LIMIT;

        if (st != FCC_OK)
            return st;
    }
    made->certificate = fcc__pb(pem);
    *out = made;
    return FCC_OK;
}

static fcc_status make_config(const char *msp_dir, const char *mspid, fcc__arena *arena, fcc_bytes *out,
                              fcc_error *error)
{
    Msp__FabricMSPConfig config = MSP__FABRIC_MSPCONFIG__INIT;
    Msp__FabricCryptoConfig crypto = MSP__FABRIC_CRYPTO_CONFIG__INIT;
    Msp__FabricNodeOUs node_ous = MSP__FABRIC_NODE_OUS__INIT;
    Msp__MSPConfig outer = MSP__MSPCONFIG__INIT;
    config_msp_ous ous;
    fcc_bytes inner;
    size_t i;
    char *path = fcc__arena_printf(arena, "%s/config.yaml", msp_dir);
    fcc_status st = path ? config_load_msp_ous(path, arena, &ous, error) : FCC_ERR_LIMIT;

#define STEP(call)        \
    do {                  \
        if (st == FCC_OK) \
            st = (call);  \
    } while (0)
    STEP(read_certs(msp_dir, "cacerts", arena, &config.n_root_certs, &config.root_certs, error));
    STEP(read_certs(msp_dir, "intermediatecerts", arena, &config.n_intermediate_certs, &config.intermediate_certs,
                    error));
    STEP(read_certs(msp_dir, "admincerts", arena, &config.n_admins, &config.admins, error));
    STEP(read_certs(msp_dir, "crls", arena, &config.n_revocation_list, &config.revocation_list, error));
    STEP(read_certs(msp_dir, "tlscacerts", arena, &config.n_tls_root_certs, &config.tls_root_certs, error));
    STEP(read_certs(msp_dir, "tlsintermediatecerts", arena, &config.n_tls_intermediate_certs,
                    &config.tls_intermediate_certs, error));
    if (st == FCC_OK && ous.present) {
        node_ous.enable = ous.enable;
        STEP(make_ou(msp_dir, &ous.client, arena, &node_ous.client_ou_identifier, error));
        STEP(make_ou(msp_dir, &ous.peer, arena, &node_ous.peer_ou_identifier, error));
        STEP(make_ou(msp_dir, &ous.admin, arena, &node_ous.admin_ou_identifier, error));
        STEP(make_ou(msp_dir, &ous.orderer, arena, &node_ous.orderer_ou_identifier, error));
        config.fabric_node_ous = &node_ous;
    }
    if (st == FCC_OK && ous.extra_count) {
        config.organizational_unit_identifiers = fcc__arena_zalloc(arena, ous.extra_count,
                                                                   sizeof *config.organizational_unit_identifiers);
        if (!config.organizational_unit_identifiers)
            st = FCC_ERR_LIMIT;
        for (i = 0; i < ous.extra_count; i++)
            STEP(make_ou(msp_dir, &ous.extra[i], arena, &config.organizational_unit_identifiers[i], error));
        config.n_organizational_unit_identifiers = ous.extra_count;
    }
    if (st == FCC_OK && config.n_root_certs == 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s/cacerts: expected at least one CA certificate", msp_dir);
    config.name = fcc__pb(fcc_str(mspid));
    crypto.signature_hash_family = fcc__pb(FCC_LIT("SHA2"));
    crypto.identity_identifier_hash_function = fcc__pb(FCC_LIT("SHA256"));
    config.crypto_config = &crypto;
    STEP(fcc__pack(&config, arena, &inner));
    if (st != FCC_OK)
        return st;
    outer.config = fcc__pb(inner);
    return fcc__pack(&outer, arena, out);
#undef STEP
}

fcc_status msp_org_load(const char *msp_dir, const char *mspid, msp_org **out, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MSP__ARENA);
    fcc_bytes config;
    fcc_status st = FCC_ERR_LIMIT;

    if (arena)
        st = make_config(msp_dir, mspid, arena, &config, error);
    if (st == FCC_ERR_LIMIT)
        st = fcc_error_set(error, st, "%s: too much in this MSP directory", msp_dir);
    if (st == FCC_OK) {
        fcc_error why = { 0 };

        st = msp_org_parse(config, out, &why);
        if (st != FCC_OK)
            fcc_error_set(error, st, "%s: MSP %s: %.800s", msp_dir, mspid, why.text);
    }
    fcc__arena_free(arena);
    return st;
}
