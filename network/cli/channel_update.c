/* medsync channel update: a change of the channel's configuration: created, signed by those who have to, submitted. */
#include "cli/channel.h"

#include "client/update.h"
#include "msp/channel.h"
#include "msp/configtx.h"
#include "msp/edit.h"
#include "msp/material.h"

#include <errno.h>
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
    "  --json                   as JSON\n\n"
    "The file is what `peer channel signconfigtx` and `peer channel update` take and write. Whoever adds or removes\n"
    "an organisation or sets ACLs needs most organisations' administrators, who changes an organisation its own.\n";

#define COMMAND "channel update"

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

/* Where the network's directory says that this orderer is; NULL: it doesn't. */
static const char *told_address(asked *a, const char *name)
{
    const char *path = fcc__arena_printf(a->arena, "%s/endpoints.json", a->open.dir), *found = NULL;
    json_t *all = path ? json_load_file(path, 0, NULL) : NULL, *one;
    size_t i;

    json_array_foreach(json_object_get(all, "orderers"), i, one)
    {
        const char *is = json_string_value(json_object_get(one, "name"));
        const char *address = json_string_value(json_object_get(one, "address"));

        if (!found && is && address && strcmp(is, name) == 0)
            found = fcc__arena_printf(a->arena, "%s", address);
    }
    json_decref(all);
    return found;
}

/*
 * A consenter is found by the address that the channel has of it: its full name in containers and on several machines, a port
 * of their own choice with --ports auto, else the network file's.
 */
static fcc_status set_consenter(asked *a, msp_edit *edit, const config_orderer_node *n, fcc_bytes pem)
{
    const char *colon = strrchr(n->address, ':');
    const char *const known[] = { fcc__arena_printf(a->arena, "%s%s", n->name, colon ? colon : ""),
                                  told_address(a, n->name), n->address };
    fcc_status st = FCC_ERR_NOT_FOUND;

    for (size_t i = 0; i < 3 && st == FCC_ERR_NOT_FOUND; i++)
        if (known[i])
            st = msp_edit_consenter(edit, known[i], pem, &a->error);
    return st;
}

static fcc_status set_orderer(asked *a, msp_edit *edit, const config_network *net, const char *node)
{
    fcc_bytes pem;
    const char *path;
    size_t i;

    for (i = 0; i < net->orderer.node_count; i++) {
        const config_orderer_node *n = &net->orderer.nodes[i];

        const size_t first = strcspn(n->name, "."); /* the name's first part says it as well */

        if (strcmp(n->name, node) != 0 && (strncmp(n->name, node, first) != 0 || node[first]))
            continue;
        path = fcc__arena_printf(a->arena, "%s/server.crt",
                                 msp_path_orderer_tls(a->arena, crypto_dir(a), &net->orderer, i));
        if (read_file(a, path, &pem) != CLI_OK)
            return fcc_error_set(&a->error, FCC_ERR_NOT_FOUND, "%s: no certificate of this orderer", path);
        return set_consenter(a, edit, n, pem);
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
    const int status = cli_network_file("channel", &a->network_file);

    if (status >= 0)
        return status;
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
        return cli_usage(COMMAND,
                         "create: --add-org, --remove-org, --msp, --acl, --acls or --orderer says what changes, "
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
    if (status == CLI_OK && a->json)
        cli_print_json(json_pack("{s:s}", "file", a->output));
    else if (status == CLI_OK)
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
    if (status == CLI_OK && a->json)
        cli_print_json(json_pack("{s:s, s:s}", "file", a->file, "mspId", msp_signer_mspid(signer)));
    else if (status == CLI_OK)
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
    if (a->st != FCC_OK && block > 0)
        return cli_failed("channel", FCC__E_TX_UNKNOWN, "%s", a->error.text);
    if (a->st != FCC_OK)
        return failed(a);
    if (a->json)
        cli_print_json(json_pack("{s:I}", "block", (json_int_t)block));
    else
        printf("the channel's configuration is changed by block %" PRIu64 "\n", block);
    return CLI_OK;
}

/* ---- what was asked -------------------------------------------------------------------------------------------------- */

static int add_change(asked *a, unsigned kind, const char *value)
{
    if (a->change_count == CHANGES_MOST)
        return cli_usage(COMMAND, "create: at most %d changes at once", CHANGES_MOST);
    a->changes[a->change_count].kind = kind;
    a->changes[a->change_count++].value = value;
    return -1;
}

static int add_org(void *to, char *org)
{
    return add_change(to, ADD_ORG, org);
}

static int remove_org(void *to, char *org)
{
    return add_change(to, REMOVE_ORG, org);
}

static int set_msp(void *to, char *org)
{
    return add_change(to, SET_MSP, org);
}

static int set_acl(void *to, char *acl)
{
    return add_change(to, SET_ACL, acl);
}

static int renew_orderer(void *to, char *node)
{
    return add_change(to, SET_ORDERER, node);
}

static int parse(asked *a, int argc, char **argv)
{
    bool acls = false;
    cli_option options[] = {
        { "add-org", .each = add_org, .to = a },
        { "remove-org", .each = remove_org, .to = a },
        { "msp", .each = set_msp, .to = a },
        { "acl", .each = set_acl, .to = a },
        { "acls", .flag = &acls },
        { "orderer", .each = renew_orderer, .to = a },
        { "network", .text = &a->network_file },
        { "crypto", .text = &a->crypto },
        { "config", .text = &a->config_file },
        CLI_WHO(a->open),
        { "msp-dir", .text = &a->open.msp_dir },
        { "mspid", .text = &a->open.mspid },
        { "output", .text = &a->output },
        { "json", .flag = &a->json },
        { 0 },
    };
    int status = cli_options(COMMAND, channel_update_usage, options, argc, argv);

    if (status < 0 && acls)
        status = add_change(a, SET_ACLS, NULL);
    if (status >= 0)
        return status;
    if (!a->open.msp_dir != !a->open.mspid)
        return cli_usage(COMMAND, "--msp-dir and --mspid go together");
    if (optind == argc)
        return cli_usage(COMMAND, "create, show, sign or submit?");
    a->what = argv[optind];
    a->file = argv[optind + 1]; /* NULL without */
    if (argc - optind > 2 || !strcmp(a->what, "create") != !a->file)
        return cli_usage(COMMAND, "%s: %s", a->what, a->file ? "one file, or none for create" : "which FILE?");
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
        return cli_usage(COMMAND, "%s: must be create, show, sign or submit", a.what);
    a.arena = fcc__arena_new(CLI_ARENA_MAX);
    status = a.arena ? parts[i].run(&a) : cli_failed("channel", FCC__E_STAT_RES, "out of memory");
    client_close(a.c);
    fcc__arena_free(a.arena);
    return status;
}
