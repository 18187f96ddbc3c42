/* medsync channel genesis: block 0 of a channel, from network.yaml and its key material, as configtxgen makes it. */
#include "cli/channel.h"

#include "base/durable.h"
#include "config/config.h"
#include "msp/channel.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync channel genesis --output FILE [OPTION]...\n\n"
    "Block 0 of the channel of --network, with the certificates of --crypto: what orderers join the channel with\n"
    "(osnadmin channel join --config-block FILE) and then peers (peer channel join -b FILE). Make it once and keep\n"
    "it: another one is another channel. Organisations that the file marks as newcomers are not in it, an update\n"
    "adds them (medsync channel update create --add-org).\n\n"
    "  --output FILE    where to; a file that is there is not replaced\n"
    "  --network FILE   the consortium (network/network.yaml)\n"
    "  --crypto DIR     the crypto directory (" CLI_DEFAULT_DIR "/crypto)\n"
    "  --by-name        nodes are reached by their full names, in containers and on several machines, not by the\n"
    "                   network file's addresses\n"
    "  --json           as JSON\n";

static int write_block(const char *network_file, const char *crypto, const char *output, bool by_name, bool json)
{
    fcc__arena *arena = fcc__arena_new(CLI_ARENA_MAX);
    config_network *network = NULL, founders = { 0 };
    fcc_error error = { 0 };
    fcc_bytes block;
    FILE *there = fopen(output, "re");
    fcc_status st;
    int status = CLI_OK;

    if (there) {
        fclose(there);
        fcc__arena_free(arena);
        return cli_failed("channel", FCC__E_CLI_EXISTS,
                          "%s is there already, and another block would be another channel's", output);
    }
    if (!arena || config_load(network_file, &network, &error) != FCC_OK ||
        (by_name && config_addresses_by_name(network, &error) != FCC_OK) ||
        config_founders(network, &founders, &error) != FCC_OK)
        status = cli_failed("channel", FCC__E_NET_CONFIG, "%s", arena ? error.text : "out of memory");
    else if ((st = msp_genesis(&founders, crypto, (int64_t)time(NULL), arena, &block, &error)) != FCC_OK)
        status = cli_failed("channel", st == FCC_ERR_NOT_FOUND ? FCC__E_CRT_LAYOUT : FCC__E_NET_CONFIG,
                            "%s (`medsync certs make` makes the certificates)", error.text);
    else if (fcc__write_whole(output, block, &error) != FCC_OK)
        status = cli_failed("channel", FCC__E_CLI_FILE, "%s", error.text);
    else if (json)
        cli_print_json(json_pack("{s:s, s:s, s:I}", "file", output, "channel", network->channel, "organisations",
                                 (json_int_t)founders.org_count));
    else
        printf("%s: the genesis block of channel %s, %zu organisations\n", output, network->channel,
               founders.org_count);
    config_free(network);
    fcc__arena_free(arena);
    return status;
}

int cli_channel_genesis(int argc, char **argv)
{
    const char *output = NULL, *network = NULL, *crypto = CLI_DEFAULT_DIR "/crypto";
    bool by_name = false, json = false;
    cli_option options[] = {
        { "output", .text = &output },   { "network", .text = &network }, { "crypto", .text = &crypto },
        { "by-name", .flag = &by_name }, { "json", .flag = &json },       { 0 },
    };
    int status = cli_options("channel genesis", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (optind != argc || !output)
        return cli_usage("channel genesis", "--output says where the block goes");
    if ((status = cli_network_file("channel", &network)) >= 0)
        return status;
    return write_block(network, crypto, output, by_name, json);
}
