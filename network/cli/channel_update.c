/* medsync channel update: a change of the channel's configuration: created, signed by those who have to, submitted. */
#include "cli/channel.h"

#include "client/update.h"
#include "msp/channel.h"
#include "msp/configtx.h"
#include "msp/edit.h"
#include "msp/material.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char channel_update_usage[] =
    "usage: medsync channel update create CHANGE... --output FILE [OPTION]...\n"
    "       medsync channel update show|sign|submit FILE [OPTION]...\n\n"
    "  create  the update that leads from the configuration in force to one with these changes, into a file\n"
    "  show    what it changes, and who has signed it\n"
    "  sign    add an administrator's signature to the file; it may go from one organisation to the next\n"
    "  submit  sign it too, send it to the orderer, wait until it is in a block\n\n"
    "changes, several at once:\n"
    "  --add-org ORG            an organisation of --network, with its MSP from --crypto\n"
    "  --remove-org ORG\n"
    "  --msp ORG                its membership service anew from --crypto: revoked certificates, a new authority\n"
    "  --acl RESOURCE=POLICY    who may use a resource, such as peer/Propose=/Channel/Application/Readers;\n"
    "                           without POLICY Fabric's default\n"
    "  --acls                   all those of --network\n"
    "  --orderer NODE           the renewed TLS certificate of an orderer of --network, from --crypto; Fabric takes\n"
    "                           one at a time\n\n"
    "  --network FILE           the consortium (network/network.yaml)\n"
    "  --crypto DIR             the crypto directory (DIR/crypto)\n"
    "  --config FILE            for create and show, instead of asking the orderer: the configuration in force, of\n"
    "                           `medsync channel config` or `peer channel fetch config`\n"
    "  --dir DIR                the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --org ORG, --user NAME   who asks, signs or submits (the Admin of --org or of the first organisation)\n"
    "  --msp-dir DIR            sign and submit with this MSP directory; for sign no network is needed then\n"
    "  --mspid ID               with --msp-dir: its MSP id\n"
    "  --json                   show: as JSON\n\n"
    "The file is what `peer channel signconfigtx` and `peer channel update` take and write. Whoever adds or removes\n"
    "an organisation or sets ACLs needs most organisations' administrators, who changes an organisation its own.\n";

enum { CHANGES_MOST = 32 };

typedef struct change {
    enum { ADD_ORG, REMOVE_ORG, SET_MSP, SET_ACL, SET_ACLS, SET_ORDERER } kind;
    const char *value;
} change;

typedef struct asked {
    client_options open;
    const char *what, *file, *output, *network_file, *crypto, *config_file;
    change changes[CHANGES_MOST];
    size_t change_count;
    bool json;
    fcc__arena *arena;
    fcc_error error;
    fcc_status st;
    client *c; /* NULL until somebody asks the network */
} asked;

static int failed(const asked *a)
{
    const fcc__code code = a->st == FCC_ERR_PROTO    ? FCC__E_CHAN_FILE
                           : a->st == FCC_ERR_CONFIG ? FCC__E_CHAN_REFUSED
                           : a->st == FCC_ERR_PEER   ? FCC__E_CHAN_REFUSED
                           : a->st == FCC_ERR_EXISTS || a->st == FCC_ERR_NOT_FOUND
                               ? FCC__E_CHAN_CHANGE
                               : cli_code(a->st, &(client_answer){ .rpc_code = a->st == FCC_ERR_IO ? 14 : 0 },
                                          &a->error, false);

    return cli_failed("channel", code, "%s", a->error.text);
}

static bool ask_network(asked *a)
{
    if (!a->c)
        a->st = client_open(&a->open, &a->c, &a->error);
    return a->st == FCC_OK;
}

static int read_file(asked *a, const char *path, fcc_bytes *out)
{
    size_t len = 0;
    char *data = cli_read_file(path, &len);

    if (!data || !fcc__arena_copy(a->arena, fcc_bytes_of(data, len), out)) {
        const int status = cli_failed("channel", FCC__E_CLI_FILE, "%s: %s", path, data ? "too large" : strerror(errno));

        free(data);
        return status;
    }
    free(data);
    return CLI_OK;
}

/* Whole or not at all, because somebody's signature is in it. */
static int write_file(const char *path, fcc_bytes bytes)
{
    char fresh[4096];
    FILE *f;
    bool written;

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh || !(f = fopen(fresh, "wbe")))
        return cli_failed("channel", FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
    written = fwrite(bytes.data, 1, bytes.len, f) == bytes.len;
    written = fclose(f) == 0 && written;
    if (!written || rename(fresh, path) != 0) {
        unlink(fresh);
        return cli_failed("channel", FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
    }
    return CLI_OK;
}

/* ---- create ---------------------------------------------------------------------------------------------------------- */

/* A common.Config, as `medsync channel config` writes it, or the block of `peer channel fetch config`. */
static int config_of_file(asked *a, fcc_bytes *config)
{
    msp_channel *channel = NULL;
    fcc_error no_block = { 0 };
    fcc_bytes bytes;
    int status = read_file(a, a->config_file, &bytes);

    if (status != CLI_OK)
        return status;
    *config = bytes;
    if (msp_channel_from_block(bytes, &channel, &no_block) == FCC_OK &&
        !fcc__arena_copy(a->arena, msp_channel_config(channel), config))
        status = cli_failed("channel", FCC__E_STAT_RES, "out of memory");
    msp_channel_free(channel);
    return status;
}

/* The configuration in force, of the file or the orderer. */
static int config_now(asked *a, fcc_bytes *config)
{
    client_config now = { 0 };

    if (a->config_file)
        return config_of_file(a, config);
    if (ask_network(a))
        a->st = client_config_now(a->c, a->arena, &now, &a->error);
    *config = now.config;
    return a->st == FCC_OK ? CLI_OK : failed(a);
}

static const char *crypto_dir(asked *a)
{
    return a->crypto ? a->crypto : fcc__arena_printf(a->arena, "%s/crypto", a->open.dir);
}

/* The MSP directory of an organisation: by network.yaml, or else by its MSP id among those of the network's directory. */
static const char *msp_dir_of(asked *a, const config_network *net, const char *which)
{
    const config_org *org = net ? config_find_org(net, which) : NULL;
    const char *crypto = crypto_dir(a);

    if (!crypto)
        return NULL;
    if (org)
        return msp_path_org_msp(a->arena, crypto, org);
    if (net && (!strcasecmp(net->orderer.name, which) || !strcmp(net->orderer.mspid, which)))
        return msp_path_orderer_org_msp(a->arena, crypto, &net->orderer);
    return NULL;
}

static fcc_status set_orderer(asked *a, msp_edit *edit, const config_network *net, const char *node)
{
    fcc_bytes pem;
    const char *path;
    size_t i;

    for (i = 0; i < net->orderer.node_count; i++) {
        const config_orderer_node *n = &net->orderer.nodes[i];

        if (strcmp(n->name, node) != 0 && strncmp(n->name, node, strcspn(n->name, ".")) != 0)
            continue;
        path = fcc__arena_printf(a->arena, "%s/server.crt",
                                 msp_path_orderer_tls(a->arena, crypto_dir(a), &net->orderer, i));
        if (read_file(a, path, &pem) != CLI_OK)
            return fcc_error_set(&a->error, FCC_ERR_NOT_FOUND, "%s: no certificate of this orderer", path);
        return msp_edit_consenter(edit, n->address, pem, &a->error);
    }
    return fcc_error_set(&a->error, FCC_ERR_NOT_FOUND, "%s names no orderer %s", net->path, node);
}

static fcc_status apply(asked *a, msp_edit *edit, const config_network *net, const change *c)
{
    const config_org *org;
    const char *dir;
    char *equals;
    size_t i;
    fcc_status st = FCC_OK;

    switch (c->kind) {
    case ADD_ORG:
        org = config_find_org(net, c->value);
        if (!org)
            return fcc_error_set(&a->error, FCC_ERR_NOT_FOUND, "%s names no organisation %s", net->path, c->value);
        return msp_edit_add_org(edit, net, org, crypto_dir(a), &a->error);
    case REMOVE_ORG:
        return msp_edit_remove_org(edit, c->value, &a->error);
    case SET_MSP:
        dir = msp_dir_of(a, net, c->value);
        if (!dir)
            return fcc_error_set(&a->error, FCC_ERR_NOT_FOUND, "%s names no organisation %s", net->path, c->value);
        return msp_edit_msp(edit, c->value, dir, &a->error);
    case SET_ACL:
        dir = fcc__arena_printf(a->arena, "%s", c->value);
        equals = dir ? strchr(dir, '=') : NULL;
        if (!equals)
            return fcc_error_set(&a->error, FCC_ERR_ARG, "--acl %s: expected RESOURCE=POLICY", c->value);
        *equals = '\0';
        return msp_edit_acl(edit, dir, equals[1] ? equals + 1 : NULL, &a->error);
    case SET_ACLS:
        for (i = 0; st == FCC_OK && i < net->acl_count; i++)
            st = msp_edit_acl(edit, net->acls[i].resource, net->acls[i].policy, &a->error);
        return st;
    case SET_ORDERER:
        return set_orderer(a, edit, net, c->value);
    }
    return FCC_ERR_ARG;
}

static int load_network(asked *a, config_network **net)
{
    static char found[4096];

    if (!a->network_file && cli_find_file("network/network.yaml", found, sizeof found))
        a->network_file = found;
    if (!a->network_file)
        return cli_failed("channel", FCC__E_NET_CONFIG, "no network/network.yaml here: say where with --network FILE");
    if (config_load(a->network_file, net, &a->error) != FCC_OK)
        return cli_failed("channel", FCC__E_NET_CONFIG, "%s", a->error.text);
    return CLI_OK;
}

static int create(asked *a)
{
    config_network *net = NULL;
    msp_edit *edit = NULL;
    const char *channel = NULL;
    fcc_bytes now = { 0 }, next, update, envelope;
    int status;
    size_t i;

    if (a->change_count == 0 || !a->output)
        return cli_usage("channel",
                         "update create: --add-org, --remove-org, --msp, --acl, --acls or --orderer says what changes, "
                         "--output where the update goes");
    if ((status = load_network(a, &net)) != CLI_OK || (status = config_now(a, &now)) != CLI_OK) {
        config_free(net);
        return status;
    }
    channel = a->c ? client_channel(a->c) : net->channel;
    a->st = msp_edit_open(channel, now, &edit, &a->error);
    for (i = 0; a->st == FCC_OK && i < a->change_count; i++)
        a->st = apply(a, edit, net, &a->changes[i]);
    if (a->st == FCC_OK)
        a->st = msp_edit_finish(edit, a->arena, &next, &a->error);
    if (a->st == FCC_OK)
        a->st = msp_configtx_compute(channel, now, next, a->arena, &update, &a->error);
    if (a->st == FCC_OK)
        a->st = msp_configtx_wrap(channel, update, (int64_t)time(NULL), a->arena, &envelope);
    msp_edit_free(edit);
    config_free(net);
    if (a->st != FCC_OK)
        return failed(a);
    status = write_file(a->output, envelope);
    if (status == CLI_OK)
        printf("%s: have it signed (medsync channel update sign) and submitted\n", a->output);
    return status;
}

/* ---- show ------------------------------------------------------------------------------------------------------------ */

static void print_update(const msp_update *u, bool json)
{
    static const char *const kinds[] = { "changes", "adds", "removes" };
    json_t *changes = json_array(), *signers = json_array();
    size_t i;

    for (i = 0; i < u->change_count; i++) {
        const msp_update_change *c = &u->changes[i];

        json_array_append_new(changes,
                              json_pack("{s:s, s:s, s:s}", "change", kinds[c->kind], "what", c->what, "path", c->path));
        if (!json)
            printf("%-8s %-7s  %s\n", kinds[c->kind], c->what, c->path);
    }
    for (i = 0; i < u->signer_count; i++) {
        json_array_append_new(signers,
                              json_pack("{s:s, s:s}", "mspId", u->signers[i].mspid, "subject", u->signers[i].subject));
        if (!json)
            printf("signed by %s: %s\n", u->signers[i].mspid, u->signers[i].subject);
    }
    if (!json && u->signer_count == 0)
        printf("nobody has signed it\n");
    if (json)
        cli_print_json(json_pack("{s:s, s:O, s:O}", "channel", u->channel_id, "changes", changes, "signers", signers));
    json_decref(changes);
    json_decref(signers);
}

static int show(asked *a)
{
    fcc_bytes envelope, now = { 0 };
    msp_update update;
    int status = read_file(a, a->file, &envelope);

    /* what is removed only the configuration in force can tell; without a network the rest is told */
    if (status == CLI_OK &&
        (a->config_file || access(fcc__arena_printf(a->arena, "%s/endpoints.json", a->open.dir), F_OK) == 0))
        status = config_now(a, &now);
    if (status != CLI_OK)
        return status;
    a->st = msp_configtx_read(envelope, now, a->arena, &update, &a->error);
    if (a->st != FCC_OK)
        return failed(a);
    print_update(&update, a->json);
    return CLI_OK;
}

/* ---- sign, submit ---------------------------------------------------------------------------------------------------- */

static int sign(asked *a)
{
    fcc_bytes envelope, out;
    msp_signer *own = NULL;
    const msp_signer *signer = NULL;
    int status = read_file(a, a->file, &envelope);

    if (status != CLI_OK)
        return status;
    if (a->open.msp_dir) {
        a->st = msp_signer_load(a->open.msp_dir, a->open.mspid, &own, &a->error);
        signer = own;
    } else if (ask_network(a)) {
        signer = client_signer(a->c);
    }
    if (a->st == FCC_OK)
        a->st = msp_configtx_add(envelope, signer, (int64_t)time(NULL), a->arena, &out, &a->error);
    status = a->st == FCC_OK ? write_file(a->file, out) : failed(a);
    if (status == CLI_OK)
        printf("%s: signed as %s\n", a->file, msp_signer_mspid(signer));
    msp_signer_free(own);
    return status;
}

static int submit(asked *a)
{
    fcc_bytes envelope;
    uint64_t block = 0;
    int status = read_file(a, a->file, &envelope);

    if (status != CLI_OK)
        return status;
    if (ask_network(a))
        a->st = client_config_submit(a->c, envelope, a->arena, &block, &a->error);
    if (a->st != FCC_OK)
        return failed(a);
    printf("the channel's configuration is changed by block %" PRIu64 "\n", block);
    return CLI_OK;
}

/* ---- what was asked -------------------------------------------------------------------------------------------------- */

static bool add_change(asked *a, int kind, const char *value)
{
    if (a->change_count == CHANGES_MOST)
        return false;
    a->changes[a->change_count].kind = (unsigned)kind;
    a->changes[a->change_count++].value = value;
    return true;
}

static int parse(asked *a, int argc, char **argv)
{
    enum { NETWORK = SET_ORDERER + 1, CRYPTO, CONFIG, DIR_, USER, ORG, MSP_DIR, MSPID, OUTPUT, JSON, HELP };
    static const struct option options[] = {
        { "add-org", required_argument, NULL, ADD_ORG },
        { "remove-org", required_argument, NULL, REMOVE_ORG },
        { "msp", required_argument, NULL, SET_MSP },
        { "acl", required_argument, NULL, SET_ACL },
        { "acls", no_argument, NULL, SET_ACLS },
        { "orderer", required_argument, NULL, SET_ORDERER },
        { "network", required_argument, NULL, NETWORK },
        { "crypto", required_argument, NULL, CRYPTO },
        { "config", required_argument, NULL, CONFIG },
        { "dir", required_argument, NULL, DIR_ },
        { "user", required_argument, NULL, USER },
        { "org", required_argument, NULL, ORG },
        { "msp-dir", required_argument, NULL, MSP_DIR },
        { "mspid", required_argument, NULL, MSPID },
        { "output", required_argument, NULL, OUTPUT },
        { "json", no_argument, NULL, JSON },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    int option;

    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case ADD_ORG:
        case REMOVE_ORG:
        case SET_MSP:
        case SET_ACL:
        case SET_ACLS:
        case SET_ORDERER:
            if (!add_change(a, option, optarg))
                return cli_usage("channel", "update create: at most %d changes at once", CHANGES_MOST);
            break;
        case NETWORK:
            a->network_file = optarg;
            break;
        case CRYPTO:
            a->crypto = optarg;
            break;
        case CONFIG:
            a->config_file = optarg;
            break;
        case DIR_:
            a->open.dir = optarg;
            break;
        case USER:
            a->open.user = optarg;
            break;
        case ORG:
            a->open.org = optarg;
            break;
        case MSP_DIR:
            a->open.msp_dir = optarg;
            break;
        case MSPID:
            a->open.mspid = optarg;
            break;
        case OUTPUT:
            a->output = optarg;
            break;
        case JSON:
            a->json = true;
            break;
        case HELP:
            fputs(channel_update_usage, stdout);
            return CLI_OK;
        default:
            return cli_usage("channel", "update: %s: no such option, or it lacks its value", argv[optind - 1]);
        }
    }
    if (!a->open.msp_dir != !a->open.mspid)
        return cli_usage("channel", "update: --msp-dir and --mspid go together");
    if (optind == argc)
        return cli_usage("channel", "update: create, show, sign or submit?");
    a->what = argv[optind];
    a->file = argv[optind + 1]; /* NULL without */
    if (argc - optind > 2 || !strcmp(a->what, "create") != !a->file)
        return cli_usage("channel", "update %s: %s", a->what, a->file ? "one file, or none for create" : "which FILE?");
    return -1;
}

/* argv[0] is "update". */
int cli_channel_update(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(asked *a);
    } parts[] = { { "create", create }, { "show", show }, { "sign", sign }, { "submit", submit } };
    asked a = { .open = { .dir = CLI_DEFAULT_DIR } };
    int status = parse(&a, argc, argv);
    size_t i = 0;

    if (status >= 0)
        return status;
    while (i < sizeof(parts) / sizeof(parts[0]) && strcmp(parts[i].name, a.what) != 0)
        i++;
    if (i == sizeof(parts) / sizeof(parts[0]))
        return cli_usage("channel", "update %s: must be create, show, sign or submit", a.what);
    a.arena = fcc__arena_new(CLI_ARENA_MAX);
    status = a.arena ? parts[i].run(&a) : cli_failed("channel", FCC__E_STAT_RES, "out of memory");
    client_close(a.c);
    fcc__arena_free(a.arena);
    return status;
}
