/*
 * update_channel: changes a devnet's channel with our client, for test/integration/lifecycle.sh.
 *
 *   update_channel DIR batch COUNT SIGNER...
 *   update_channel DIR add NETWORK.yaml CRYPTO ORG SIGNER...   ORG of NETWORK.yaml, with keys made below CRYPTO
 *   update_channel DIR remove ORG SIGNER...
 *
 * The first signer submits. A signer is an organisation, whose Admin it is, or ORDERER=MSPDIR. Prints the block.
 */
#include "client/update.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "test/support/config_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_SIGNERS = 8 };

static _Noreturn void end(const fcc_error *error)
{
    fprintf(stderr, "update_channel: %s\n", error->text);
    exit(1);
}

static client *signer(const char *dir, const char *who)
{
    const char *equals = strchr(who, '=');
    client_options o = { .dir = dir, .org = who };
    fcc_error error = { 0 };
    client *c;

    if (equals)
        o = (client_options){ .dir = dir, .msp_dir = equals + 1, .mspid = "OrdererMSP" };
    if (client_open(&o, &c, &error) != FCC_OK)
        end(&error);
    return c;
}

/* The group that the organisation has in a network of its own. */
static Common__ConfigGroup *group_of(fcc__arena *arena, const char *yaml, const char *crypto, const char *org)
{
    const char *path = fcc__arena_printf(arena, "Application/%s", org);
    config_network *network = NULL;
    msp_channel *channel = NULL;
    Common__ConfigGroup *group;
    fcc_error error = { 0 };
    fcc_bytes block;

    if (config_load(yaml, &network, &error) != FCC_OK || msp_generate(network, crypto, &error) != FCC_OK ||
        msp_genesis(network, crypto, time(NULL), arena, &block, &error) != FCC_OK ||
        msp_channel_from_block(block, &channel, &error) != FCC_OK)
        end(&error);
    group = edit_group(edit_read(arena, msp_channel_config(channel))->channel_group, path);
    msp_channel_free(channel);
    config_free(network);
    return group;
}

int main(int argc, char **argv)
{
    const char *const *args = (const char *const *)argv;
    const bool adds = argc > 2 && !strcmp(args[2], "add"), removes = argc > 2 && !strcmp(args[2], "remove");
    const int first = adds ? 6 : 4;
    fcc__arena *arena = fcc__arena_new(256 << 20);
    fcc_error error = { 0 };
    client *signers[MOST_SIGNERS];
    size_t count = 0, i;
    client_config now;
    Common__Config *config;
    uint64_t block;

    if (argc <= first || argc - first > MOST_SIGNERS || !arena) {
        fprintf(stderr,
                "usage: update_channel DIR batch COUNT | add NETWORK.yaml CRYPTO ORG | remove ORG, SIGNER...\n");
        return 2;
    }
    for (i = (size_t)first; i < (size_t)argc; i++)
        signers[count++] = signer(args[1], args[i]);
    if (client_config_now(signers[0], arena, &now, &error) != FCC_OK)
        end(&error);
    config = edit_read(arena, now.config);
    if (adds)
        edit_add_group(arena, edit_group(config->channel_group, "Application"), args[5],
                       group_of(arena, args[3], args[4], args[5]));
    else if (removes)
        edit_remove_group(edit_group(config->channel_group, "Application"), args[3]);
    else
        edit_set(arena, edit_group(config->channel_group, "Orderer"), "BatchSize",
                 edit_batch(arena, (uint32_t)strtoul(args[3], NULL, 10)));
    if (client_config_update(signers[0], &now, edit_pack(arena, config), signers, count, arena, &block, &error) !=
        FCC_OK)
        end(&error);
    printf("%llu\n", (unsigned long long)block);
    for (i = 0; i < count; i++)
        client_close(signers[i]);
    fcc__arena_free(arena);
    return 0;
}
