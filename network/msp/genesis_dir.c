/* genesis_dir.c: a channel's first block, or one organisation's part of it, with the certificates of msp_generate. */
#include "msp/configtx_internal.h"
#include "msp/genesis.h"
#include "msp/internal.h"
#include "msp/material.h"

typedef struct folders {
    const config_network *network;
    const config_org *org; /* one that needn't be in network.yaml; NULL */
    const char *crypto_dir;
} folders;

static const char *folder_of(const folders *f, const char *mspid, fcc__arena *arena)
{
    if (f->org && strcmp(f->org->mspid, mspid) == 0)
        return msp_path_org_msp(arena, f->crypto_dir, f->org);
    for (size_t i = 0; i < f->network->org_count; i++)
        if (strcmp(f->network->orgs[i].mspid, mspid) == 0)
            return msp_path_org_msp(arena, f->crypto_dir, &f->network->orgs[i]);
    return msp_path_orderer_org_msp(arena, f->crypto_dir, &f->network->orderer);
}

static fcc_status read_msp(void *ctx, const char *mspid, fcc__arena *arena, fcc_bytes *config, fcc_error *error)
{
    const char *folder = folder_of(ctx, mspid, arena);
    msp_org *org = NULL;
    fcc_status st = folder ? msp_org_load(folder, mspid, &org, error) : FCC_ERR_LIMIT;

    if (st == FCC_OK && !fcc__arena_copy(arena, msp_org_config(org), config))
        st = FCC_ERR_LIMIT;
    msp_org_free(org);
    return st;
}

static fcc_status read_orderer_tls(void *ctx, size_t node, fcc__arena *arena, fcc_bytes *pem, fcc_error *error)
{
    const folders *f = ctx;
    const char *folder = msp_path_orderer_tls(arena, f->crypto_dir, &f->network->orderer, node);
    const char *path = folder ? fcc__arena_printf(arena, "%s/server.crt", folder) : NULL;

    return path ? msp__read_file(path, arena, pem, error) : FCC_ERR_LIMIT;
}

fcc_status msp_genesis(const config_network *network, const char *crypto_dir, int64_t now_s, fcc__arena *arena,
                       fcc_bytes *block, fcc_error *error)
{
    folders f = { .network = network, .crypto_dir = crypto_dir };
    const msp__source source = { .msp = read_msp, .orderer_tls = read_orderer_tls, .ctx = &f };

    return msp__genesis_from(network, &source, now_s, arena, block, error);
}

fcc_status msp__genesis_org(const config_network *network, const config_org *org, const char *crypto_dir,
                            fcc__arena *arena, Common__ConfigGroup **out, fcc_error *error)
{
    folders f = { .network = network, .org = org, .crypto_dir = crypto_dir };
    const msp__source source = { .msp = read_msp, .orderer_tls = read_orderer_tls, .ctx = &f };

    return msp__group_of_org(network, org, &source, arena, out, error);
}
