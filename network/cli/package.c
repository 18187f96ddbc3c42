/* medsync package and medsync pkgid: packages whose bytes depend on their content alone, and the ids of any. */
#include "cli/cli.h"

#include "config/config.h"
#include "deploy/deploy.h"
#include "package/package.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char package_usage[] =
    "usage: medsync package [OPTION]... LABEL --address HOST:PORT\n"
    "       medsync package [OPTION]... LABEL --connection FILE\n"
    "       medsync package [OPTION]... --chaincode NAME\n\n"
    "Makes a chaincode package of type ccaas and prints its package id. The same input gives the same bytes and so "
    "the\n"
    "same id, on every machine.\n\n"
    "  --address HOST:PORT    where the peer finds the chaincode; may be a template such as {{.host}}:9999\n"
    "  --dial-timeout TIME    how long the peer tries to connect (10s)\n"
    "  --root-cert FILE       use TLS; PEM of the CA of the chaincode's certificate\n"
    "  --client-cert FILE     and the peer's own certificate and key for the chaincode, PEM\n"
    "  --client-key FILE\n"
    "  --connection FILE      a connection.json instead of the options above\n"
    "  --meta-inf DIR         the chaincode's folder META-INF: indexes of CouchDB\n"
    "  --chaincode NAME       the package that `medsync deploy` installs for this chaincode of the network file\n"
    "  --network FILE         (network/network.yaml)\n"
    "  --output FILE          (LABEL.tar.gz)\n"
    "  --json                 print one JSON object\n";

static const char pkgid_usage[] =
    "usage: medsync pkgid [OPTION]... PACKAGE.tar.gz...\n\n"
    "Prints each package's id, label:hash, as a peer computes it when it is installed.\n\n"
    "  --json  print one JSON object\n";

typedef struct package_options {
    const char *label;
    const char *address;
    const char *dial_timeout;
    const char *root_cert;
    const char *client_cert;
    const char *client_key;
    const char *connection;
    const char *output;
    const char *meta_inf;
    const char *chaincode, *network;
    bool json;
} package_options;

static int refused(const char *command, const package_fault *fault)
{
    return cli_failed(command, fault->code, "%s", fault->error.text);
}

static bool load(fcc__arena *arena, const char *path, fcc_bytes *out)
{
    size_t len = 0;
    char *data = cli_read_file(path, &len);
    bool ok = data && len <= PACKAGE_MAX_BYTES && fcc__arena_copy(arena, fcc_bytes_of(data, len), out);

    free(data);
    return ok;
}

static bool set_file(fcc__arena *arena, json_t *o, const char *name, const char *path)
{
    fcc_bytes text;

    return load(arena, path, &text) &&
           json_object_set_new(o, name, json_stringn((const char *)text.data, text.len)) == 0;
}

/* connection.json from the options; an exit status, or -1 to go on. */
static int make_connection(fcc__arena *arena, const package_options *o, fcc_bytes *out)
{
    json_t *c;
    char *text;
    bool copied;

    if (o->connection)
        return load(arena, o->connection, out)
                   ? -1
                   : cli_failed("package", FCC__E_PKG_READ, "%s: %s", o->connection, strerror(errno));
    c = json_pack("{s:s, s:s, s:b}", "address", o->address, "dial_timeout", o->dial_timeout, "tls_required",
                  o->root_cert != NULL);
    if (o->root_cert && !set_file(arena, c, "root_cert", o->root_cert)) {
        json_decref(c);
        return cli_failed("package", FCC__E_PKG_READ, "%s: cannot be read", o->root_cert);
    }
    if (o->client_cert) {
        json_object_set_new(c, "client_auth_required", json_true());
        if (!set_file(arena, c, "client_cert", o->client_cert) || !set_file(arena, c, "client_key", o->client_key)) {
            json_decref(c);
            return cli_failed("package", FCC__E_PKG_READ, "%s or %s: cannot be read", o->client_cert, o->client_key);
        }
    }
    text = json_dumps(c, JSON_COMPACT);
    json_decref(c);
    copied = text && fcc__arena_copy(arena, fcc_str(text), out);
    free(text);
    return copied ? -1 : cli_failed("package", FCC__E_STAT_RES, "out of memory");
}

static int save(const char *path, fcc_bytes bytes)
{
    fcc_error error = { 0 };

    return cli_write_file(path, bytes, CLI_SHARED, &error) == FCC_OK
               ? CLI_OK
               : cli_failed("package", FCC__E_CLI_FILE, "%s", error.text);
}

/* A file's name may be any bytes, and JSON has characters alone: null for what is none. */
static json_t *file_json(const char *path)
{
    json_t *name = json_string(path);

    return name ? name : json_null();
}

static int save_as(fcc__arena *arena, const package_options *o, const char *label, fcc_bytes package, const char *id)
{
    const char *output = o->output ? o->output : fcc__arena_printf(arena, "%s.tar.gz", label);
    int status;

    if (!id || !output)
        return cli_failed("package", FCC__E_STAT_RES, "out of memory");
    status = save(output, package);
    if (status == CLI_OK && o->json)
        cli_print_json(json_pack("{s:s, s:s, s:o}", "packageId", id, "label", label, "file", file_json(output)));
    else if (status == CLI_OK)
        printf("%s\n", id);
    return status;
}

/* What `medsync deploy` makes of the network file's chaincode. */
static int make_deployed(fcc__arena *arena, const package_options *o)
{
    const char *file = o->network, *id = NULL;
    const config_chaincode *chaincode;
    config_network *network = NULL;
    fcc_bytes package;
    fcc_error error = { 0 };
    int status = cli_network_file("package", &file);

    if (status >= 0)
        return status;
    if (config_load(file, &network, &error) != FCC_OK)
        return cli_failed("package", FCC__E_NET_CONFIG, "%s", error.text);
    chaincode = config_find_chaincode(network, o->chaincode);
    if (!chaincode)
        status = cli_failed("package", FCC__E_NET_CONFIG, "%s names no chaincode %s", file, o->chaincode);
    else if (deploy_package(chaincode, arena, &package, &id, &error) != FCC_OK)
        status = cli_failed("package", FCC__E_PKG_META_INF, "%s", error.text);
    else
        status = save_as(arena, o, chaincode->label, package, id);
    config_free(network);
    return status;
}

static int make_package(fcc__arena *arena, const package_options *o)
{
    package_fault fault;
    package_connection c;
    package_file *metadata = NULL;
    size_t count = 0;
    fcc_bytes connection, package;
    int status;

    if (o->chaincode)
        return make_deployed(arena, o);
    status = make_connection(arena, o, &connection);

    if (status >= 0)
        return status;
    /* what templates will become is known only on the peer */
    if (!memmem(connection.data, connection.len, "{{", 2) &&
        package_connection_read(arena, connection, FCC_LIT(""), &c, &fault) != FCC_OK)
        return refused("package", &fault);
    if (o->meta_inf && package_metadata_load(arena, o->meta_inf, &metadata, &count, &fault) != FCC_OK)
        return refused("package", &fault);
    if (package_write(arena, o->label, connection, metadata, count, &package, &fault) != FCC_OK)
        return refused("package", &fault);
    return save_as(arena, o, o->label, package, package_id(arena, o->label, package));
}

int cli_package(int argc, char **argv)
{
    package_options o = { .dial_timeout = "10s" };
    fcc__arena *arena;
    cli_option options[] = {
        { "address", .text = &o.address },
        { "dial-timeout", .text = &o.dial_timeout },
        { "root-cert", .text = &o.root_cert },
        { "client-cert", .text = &o.client_cert },
        { "client-key", .text = &o.client_key },
        { "connection", .text = &o.connection },
        { "output", .text = &o.output },
        { "meta-inf", .text = &o.meta_inf },
        { "chaincode", .text = &o.chaincode },
        { "network", .text = &o.network },
        { "json", .flag = &o.json },
        { 0 },
    };
    int status = cli_options("package", package_usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (o.chaincode && (argc != optind || o.address || o.connection || o.meta_inf))
        return cli_usage("package", "--chaincode takes everything from the network file");
    if (!o.chaincode && (argc - optind != 1 || !o.address == !o.connection))
        return cli_usage("package", "one LABEL, and either --address or --connection");
    if (o.connection && (o.root_cert || o.client_cert || o.client_key))
        return cli_usage("package", "--connection has its own certificates");
    if (!o.client_cert != !o.client_key || (o.client_cert && !o.root_cert))
        return cli_usage("package", "--client-cert and --client-key come together, and with --root-cert");
    o.label = argv[optind];
    arena = fcc__arena_new(CLI_ARENA_MAX);
    status = arena ? make_package(arena, &o) : cli_failed("package", FCC__E_STAT_RES, "out of memory");
    fcc__arena_free(arena);
    return status;
}

/* `list` NULL: as words. */
static int tell_id(const char *path, bool with_name, json_t *list)
{
    fcc__arena *arena = fcc__arena_new(CLI_ARENA_MAX);
    package_content content;
    package_fault fault;
    fcc_bytes package;
    int status = CLI_OK;

    if (!arena || !load(arena, path, &package))
        status = cli_failed("pkgid", FCC__E_PKG_READ, "%s: %s", path, errno ? strerror(errno) : "too large");
    else if (package_read(arena, package, &content, &fault) != FCC_OK)
        status = cli_failed("pkgid", fault.code, "%s: %s", path, fault.error.text);
    else if (list)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "packageId", content.id, "label", content.label,
                                              "file", file_json(path)));
    else if (with_name)
        printf("%s  %s\n", content.id, path);
    else
        printf("%s\n", content.id);
    fcc__arena_free(arena);
    return status;
}

int cli_pkgid(int argc, char **argv)
{
    bool json = false;
    cli_option options[] = { { "json", .flag = &json }, { 0 } };
    json_t *list;
    int i, status = cli_options("pkgid", pkgid_usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (optind == argc)
        return cli_usage("pkgid", "which package?");
    status = CLI_OK;
    list = json ? json_array() : NULL;
    for (i = optind; i < argc; i++)
        if (tell_id(argv[i], argc - optind > 1, list) != CLI_OK)
            status = CLI_FAILED;
    if (json)
        cli_print_json(json_pack("{s:o}", "packages", list));
    return status;
}
