/* channel_fixture.h: a channel of three organisations with keys made up on the spot, for the tests of configurations. */
#ifndef TEST_UNIT_NETWORK_MSP_CHANNEL_FIXTURE_H
#define TEST_UNIT_NETWORK_MSP_CHANNEL_FIXTURE_H

#include "test/support/config_edit.h"
#include "test/support/three_orgs.h"
#include "test/unit/network/msp/fixture.h"

#include "msp/channel.h"
#include "msp/configtx.h"
#include "msp/material.h"

#include <unistd.h>

enum { CHAN_ORGS = 3 };

typedef struct chan {
    char dir[64], crypto[128];
    config_network *network;
    fcc__arena *arena;
    fcc_bytes genesis;
    msp_channel *channel;
    msp_signer *orderer, *orderer_admin, *admins[CHAN_ORGS], *users[CHAN_ORGS], *peers[CHAN_ORGS];
} chan;

static inline msp_signer *chan_signer(const char *dir, const char *mspid)
{
    msp_signer *signer = NULL;
    fcc_error error = { 0 };

    if (msp_signer_load(dir, mspid, &signer, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return signer;
}

static inline int chan_setup(void **state)
{
    chan *c = calloc(1, sizeof *c);
    fcc_error error = { 0 };
    size_t i;

    snprintf(c->dir, sizeof c->dir, "/tmp/msp-test-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    snprintf(c->crypto, sizeof c->crypto, "%s/crypto", c->dir);
    c->arena = fcc__arena_new((size_t)1 << 30);
    if (config_parse(fcc_str(three_orgs_yaml), "fixture.yaml", &c->network, &error) != FCC_OK ||
        msp_generate(c->network, c->crypto, &error) != FCC_OK ||
        msp_genesis(c->network, c->crypto, FIX_NOW, c->arena, &c->genesis, &error) != FCC_OK ||
        msp_channel_from_block(c->genesis, &c->channel, &error) != FCC_OK)
        fail_msg("%s", error.text);
    c->orderer = chan_signer(msp_path_orderer_msp(c->arena, c->crypto, &c->network->orderer, 0), "OrdererMSP");
    c->orderer_admin = chan_signer(
        fcc__arena_printf(c->arena, "%s/ordererOrganizations/o.example/users/Admin@o.example/msp", c->crypto),
        "OrdererMSP");
    for (i = 0; i < CHAN_ORGS; i++) {
        const config_org *org = &c->network->orgs[i];

        c->admins[i] = chan_signer(msp_path_user_msp(c->arena, c->crypto, org, "Admin"), org->mspid);
        c->users[i] = chan_signer(msp_path_user_msp(c->arena, c->crypto, org, "u"), org->mspid);
        c->peers[i] = chan_signer(msp_path_peer_msp(c->arena, c->crypto, org), org->mspid);
    }
    *state = c;
    return 0;
}

static inline int chan_teardown(void **state)
{
    chan *c = *state;
    char command[128];
    size_t i;

    msp_channel_free(c->channel);
    msp_signer_free(c->orderer);
    msp_signer_free(c->orderer_admin);
    for (i = 0; i < CHAN_ORGS; i++) {
        msp_signer_free(c->admins[i]);
        msp_signer_free(c->users[i]);
        msp_signer_free(c->peers[i]);
    }
    config_free(c->network);
    fcc__arena_free(c->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", c->dir);
    assert_int_equal(system(command), 0);
    free(c);
    return 0;
}

/* A copy of the channel's configuration to be changed. */
static inline Common__Config *chan_config(const chan *c)
{
    return edit_read(c->arena, msp_channel_config(c->channel));
}

/* The update that leads there. */
static inline fcc_bytes chan_update(const chan *c, const Common__Config *config)
{
    fcc_error error = { 0 };
    fcc_bytes update;

    if (msp_configtx_compute("test", msp_channel_config(c->channel), edit_pack(c->arena, config), c->arena, &update,
                             &error) != FCC_OK)
        fail_msg("%s", error.text);
    return update;
}

/* Signed by these administrators, a bit each (8: the orderer's), and submitted by A's. */
static inline fcc_bytes chan_sign(const chan *c, fcc_bytes update, unsigned by)
{
    const msp_signer *signers[CHAN_ORGS + 1];
    fcc_bytes envelope;
    size_t i, n = 0;

    for (i = 0; i < CHAN_ORGS; i++)
        if (by & 1u << i)
            signers[n++] = c->admins[i];
    if (by & 8)
        signers[n++] = c->orderer_admin;
    assert_int_equal(msp_configtx_sign("test", update, signers, n, c->admins[0], FIX_NOW, c->arena, &envelope), FCC_OK);
    return envelope;
}

#endif
