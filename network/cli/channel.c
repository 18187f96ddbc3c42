/* medsync channel: what a peer says of its channel, by its system chaincodes cscc and qscc. Changes: channel_update.c. */
#include "cli/channel.h"

#include "base/hash.h"
#include "client/direct.h"
#include "rpc/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync channel [OPTION]... list|info|config\n"
    "       medsync channel update create|show|sign|submit ...\n"
    "       medsync channel genesis --output FILE ...\n\n"
    "list     the channels that the peer has joined\n"
    "info     how many blocks the channel has, the hash of the newest one's header and of the one before\n"
    "config   the channel's configuration, as a serialized common.Config, into the file of --output\n"
    "update   change it: organisations, revoked certificates, ACLs; `medsync channel update --help` tells how\n"
    "genesis  a channel's first block; `medsync channel genesis --help`\n\n"
    "  --dir DIR      the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --user NAME    who asks (the Admin of --org or of the first organisation)\n"
    "  --org ORG      that user's organisation; its peer is asked\n"
    "  --output FILE  of config\n"
    "  --json         as JSON\n";

typedef struct asked {
    client_options open;
    const char *what;
    const char *output;
    bool json;
} asked;

static fcc_status list(client *c, const asked *a, fcc__arena *arena, fcc_error *error)
{
    Protos__ChannelQueryResponse *answer;
    json_t *names;
    fcc_status st = client_channels(c, NULL, arena, &answer, error);

    if (st != FCC_OK)
        return st;
    names = json_array();
    for (size_t i = 0; i < answer->n_channels; i++) {
        fcc_bytes id = fcc_bytes_of(answer->channels[i]->channel_id.data, answer->channels[i]->channel_id.len);

        if (a->json)
            json_array_append_new(names, json_stringn((const char *)id.data, id.len));
        else
            printf(FCC_FMT "\n", FCC_ARG(id));
    }
    if (a->json)
        cli_print_json(names);
    else
        json_decref(names);
    return FCC_OK;
}

static fcc_status info(client *c, const asked *a, fcc__arena *arena, fcc_error *error)
{
    Common__BlockchainInfo *answer;
    fcc_bytes current, previous;
    fcc_status st = client_chain_info(c, NULL, arena, &answer, error);

    if (st != FCC_OK)
        return st;
    current = fcc__hex(arena, fcc_bytes_of(answer->currentblockhash.data, answer->currentblockhash.len));
    previous = fcc__hex(arena, fcc_bytes_of(answer->previousblockhash.data, answer->previousblockhash.len));
    if (a->json)
        cli_print_json(json_pack("{s:I, s:s%, s:s%}", "height", (json_int_t)answer->height, "currentBlockHash",
                                 current.len ? (const char *)current.data : "", current.len, "previousBlockHash",
                                 previous.len ? (const char *)previous.data : "", previous.len));
    else
        printf("height    %" PRIu64 "\nhash      " FCC_FMT "\nprevious  " FCC_FMT "\n", answer->height,
               FCC_ARG(current), FCC_ARG(previous));
    return FCC_OK;
}

static fcc_status config(client *c, const asked *a, fcc__arena *arena, fcc_error *error)
{
    fcc_bytes bytes;
    fcc_error why = { 0 };
    fcc_status st = client_channel_config(c, NULL, arena, &bytes, error);

    if (st != FCC_OK)
        return st;
    return cli_write_file(a->output, bytes, CLI_SHARED, &why) == FCC_OK
               ? FCC_OK
               : fcc_error_set(error, FCC_ERR_CONFIG, "%s", why.text);
}

static int parse(asked *a, int argc, char **argv)
{
    cli_option options[] = {
        CLI_WHO(a->open),
        { "output", .text = &a->output },
        { "json", .flag = &a->json },
        { 0 },
    };
    const int status = cli_options("channel", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return cli_usage("channel", "list, info, config, update or genesis?");
    a->what = argv[optind];
    if (!strcmp(a->what, "config") && !a->output)
        return cli_usage("channel", "config: --output says where to");
    return -1;
}

int cli_channel(int argc, char **argv)
{
    static const struct {
        const char *name;
        fcc_status (*ask)(client *c, const asked *a, fcc__arena *arena, fcc_error *error);
    } questions[] = { { "list", list }, { "info", info }, { "config", config } };
    asked a = { .open = { .dir = CLI_DEFAULT_DIR } };
    client *c = NULL;
    fcc_error error = { 0 };
    client_answer answer = { 0 };
    fcc__arena *arena;
    size_t i = 0;
    fcc_status st;
    int status;

    if (argc > 1 && !strcmp(argv[1], "update"))
        return cli_channel_update(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "genesis"))
        return cli_channel_genesis(argc - 1, argv + 1);
    if ((status = parse(&a, argc, argv)) >= 0)
        return status;
    while (i < sizeof(questions) / sizeof(questions[0]) && strcmp(questions[i].name, a.what) != 0)
        i++;
    if (i == sizeof(questions) / sizeof(questions[0]))
        return cli_usage("channel", "%s: must be list, info, config, update or genesis", a.what);
    arena = fcc__arena_new(CLI_ARENA_MAX);
    st = arena ? client_open(&a.open, &c, &error) : fcc_error_set(&error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = questions[i].ask(c, &a, arena, &error);
    if (st != FCC_OK)
        answer.rpc_code = st == FCC_ERR_IO ? RPC_UNAVAILABLE : 0;
    status = st == FCC_OK ? CLI_OK : cli_failed("channel", cli_code(st, &answer, &error, false), "%s", error.text);
    client_close(c);
    fcc__arena_free(arena);
    return status;
}
