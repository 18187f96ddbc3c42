/* medsync doctor: what a peer does with a package, step by step, up to the first step that fails. */
#include "cli/cli.h"
#include "cli/doctor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync doctor [OPTION]... PACKAGE.tar.gz|connection.json\n"
    "       medsync doctor [OPTION]... --address HOST:PORT\n"
    "       medsync doctor [OPTION]... --dir DIR\n\n"
    "Does what a peer does with a chaincode package: reads it, finds and dials the chaincode, checks the certificates "
    "of\n"
    "both sides, lets it register, and says which step fails, why, and what to do. Run it where the peer runs.\n\n"
    "  --values JSON          for {{.name}} in connection.json; @FILE reads a file. Without it the variable\n"
    "                         CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG, as the peer has it\n"
    "  --address HOST:PORT    dial this instead of what connection.json says\n"
    "  --root-cert FILE       with --address alone: use TLS; PEM of the CA of the chaincode's certificate\n"
    "  --client-cert FILE     and the peer's own certificate and key for the chaincode, PEM\n"
    "  --client-key FILE\n"
    "  --package-id ID        what the chaincode has to register as, when no package tells\n"
    "  --dir DIR              look at a whole running network instead: every peer, orderer and chaincode, "
    "certificates,\n"
    "                         MSP ids, heights, clocks, package ids and disk; a line each, ok, warn or fail\n"
    "  --timeout SECONDS      how long each answer may take (5)\n"
    "  --json                 print one JSON object\n\n"
    "exit status: 0 all well, 64 the package or connection.json, 65 TLS, 66 the connection, 67 the registration;\n"
    "with --dir: 0 nothing fails, 9 something does\n";

enum { EXIT_CONFIG = 64, EXIT_TLS = 65, EXIT_DIAL = 66, EXIT_REGISTER = 67, STEPS_MAX = 8 };

typedef struct doctor_options {
    const char *input;
    const char *values;
    const char *address;
    const char *root_cert;
    const char *client_cert;
    const char *client_key;
    const char *package_id;
    int64_t timeout_s;
    bool json;
} doctor_options;

static int exit_of(fcc__code code)
{
    const char *name = fcc__code_info_of(code)->code;

    if (!strncmp(name, "E-TLS-", 6))
        return EXIT_TLS;
    if (!strncmp(name, "E-DIAL-", 7))
        return EXIT_DIAL;
    if (!strncmp(name, "E-REG-", 6))
        return EXIT_REGISTER;
    if (!strncmp(name, "E-STAT-", 7))
        return CLI_FAILED;
    return EXIT_CONFIG;
}

/* ---- what goes in ---- */

static fcc_status read_file(doctor *d, const char *path, fcc_bytes *out)
{
    size_t len = 0;
    char *data = cli_read_file(path, &len);
    fcc_status st = FCC_OK;

    if (!data)
        return package_refuse(&d->fault, FCC__E_PKG_READ, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (len > PACKAGE_MAX_BYTES)
        st = package_refuse(&d->fault, FCC__E_PKG_READ, FCC_ERR_LIMIT, "%s is larger than %d MiB", path,
                            PACKAGE_MAX_BYTES >> 20);
    else if (!fcc__arena_copy(d->arena, fcc_bytes_of(data, len), out))
        st = package_refuse(&d->fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
    free(data);
    return st;
}

static fcc_status read_values(doctor *d, const doctor_options *o, fcc_bytes *out)
{
    const char *text = o->values ? o->values : getenv("CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG");

    if (text && text[0] == '@')
        return read_file(d, text + 1, out);
    *out = fcc_str(text);
    return FCC_OK;
}

/* --address without a package: the certificates come from files. */
static fcc_status plain_options(doctor *d, const doctor_options *o)
{
    package_connection *c = &d->connection;
    fcc_status st = FCC_OK;

    c->dial_timeout_ms = d->timeout_ms;
    c->use_tls = o->root_cert;
    c->use_client_auth = o->client_cert;
    if (o->root_cert)
        st = read_file(d, o->root_cert, &c->root_cert);
    if (st == FCC_OK && o->client_cert)
        st = read_file(d, o->client_cert, &c->client_cert);
    if (st == FCC_OK && o->client_key)
        st = read_file(d, o->client_key, &c->client_key);
    return st;
}

static bool starts_as_json(fcc_bytes b)
{
    size_t i = 0;

    while (i < b.len && memchr(" \t\r\n", b.data[i], 4))
        i++;
    return i < b.len && b.data[i] == '{';
}

/* ---- what comes out ---- */

typedef struct report {
    const doctor_options *o;
    json_t *steps;
    int exit_status;
} report;

static void tell_step(report *r, const char *name, const doctor *d, fcc_status st)
{
    const fcc__code_info *why = st == FCC_OK ? NULL : fcc__code_info_of(d->fault.code);
    json_t *o = json_pack("{s:s, s:b}", "step", name, "ok", st == FCC_OK);

    if (!why && d->found[0])
        json_object_set_new(o, "found", json_string(d->found));
    if (!why && d->warning[0])
        json_object_set_new(o, "warning", json_string(d->warning));
    if (why) {
        json_object_set_new(o, "code", json_string(why->code));
        json_object_set_new(o, "error", json_string(d->fault.error.text));
        json_object_set_new(o, "what", json_string(why->text));
        json_object_set_new(o, "cause", json_string(why->cause));
        json_object_set_new(o, "remedy", json_string(why->remedy));
        r->exit_status = exit_of(d->fault.code);
    }
    json_array_append_new(r->steps, o);
    if (r->o->json)
        return;
    if (!why) {
        printf("ok      %-16s %s\n", name, d->found);
        if (d->warning[0])
            printf("%-24s note: %s\n", "", d->warning);
        return;
    }
    printf("failed  %-16s %s %s\n", name, why->code, d->fault.error.text);
    printf("        what happened    %s\n        usual cause      %s\n        what to do       %s\n", why->text,
           why->cause, why->remedy);
}

/* ---- the steps ---- */

static fcc_status step_package(doctor *d, fcc_bytes input, fcc_bytes *connection)
{
    package_content content;
    fcc_status st = package_read(d->arena, input, &content, &d->fault);

    if (st != FCC_OK)
        return st;
    *connection = content.connection;
    if (!d->package_id)
        d->package_id = content.id;
    snprintf(d->found, DOCTOR_TEXT, "%s", content.id);
    if (content.ignored)
        snprintf(d->warning, DOCTOR_TEXT, "the peer passes over %.200s", content.ignored);
    return FCC_OK;
}

static fcc_status step_connection(doctor *d, const doctor_options *o, fcc_bytes json, fcc_bytes values)
{
    fcc_status st = package_connection_read(d->arena, json, values, &d->connection, &d->fault);

    if (st == FCC_OK && o->address)
        st = package_address(d->arena, o->address, &d->connection, &d->fault);
    if (st == FCC_OK)
        snprintf(d->found, DOCTOR_TEXT, "%.200s, %s", d->connection.address,
                 !d->connection.use_tls          ? "plaintext"
                 : d->connection.use_client_auth ? "TLS with client certificate"
                                                 : "TLS");
    return st;
}

static fcc_status run_step(report *r, doctor *d, const char *name, doctor_step step)
{
    fcc_status st;

    d->found[0] = d->warning[0] = '\0';
    st = step(d);
    tell_step(r, name, d, st);
    return st;
}

static fcc_status read_input(report *r, doctor *d)
{
    fcc_bytes input = { NULL, 0 }, connection = { NULL, 0 }, values = { NULL, 0 };
    fcc_status st = FCC_OK;

    if (!r->o->input) {
        st = plain_options(d, r->o);
        if (st == FCC_OK)
            st = package_address(d->arena, r->o->address, &d->connection, &d->fault);
        snprintf(d->found, DOCTOR_TEXT, "%s", r->o->address);
        tell_step(r, "options", d, st);
        return st;
    }
    st = read_file(d, r->o->input, &input);
    if (st == FCC_OK && starts_as_json(input)) {
        connection = input;
    } else {
        if (st == FCC_OK)
            st = step_package(d, input, &connection);
        tell_step(r, "package", d, st);
        if (st != FCC_OK)
            return st;
        d->found[0] = d->warning[0] = '\0';
    }
    st = read_values(d, r->o, &values);
    if (st == FCC_OK)
        st = step_connection(d, r->o, connection, values);
    tell_step(r, "connection.json", d, st);
    return st;
}

static int examine(const doctor_options *o)
{
    doctor d = { .socket = -1, .package_id = o->package_id, .timeout_ms = o->timeout_s * 1000 };
    report r = { .o = o, .steps = json_array() };
    fcc_status st;

    d.arena = fcc__arena_new(CLI_ARENA_MAX);
    if (!d.arena || !r.steps) {
        fcc__arena_free(d.arena);
        json_decref(r.steps);
        return cli_failed("doctor", FCC__E_STAT_RES, "out of memory");
    }
    st = read_input(&r, &d);
    if (st == FCC_OK)
        st = run_step(&r, &d, "resolve", doctor_resolve);
    if (st == FCC_OK)
        st = run_step(&r, &d, "connect", doctor_connect);
    if (st == FCC_OK)
        st = run_step(&r, &d, "tls", doctor_tls);
    if (st == FCC_OK)
        st = run_step(&r, &d, "register", doctor_register);
    if (o->json) {
        json_t *all = json_pack("{s:b, s:i}", "ok", st == FCC_OK, "exit", r.exit_status);

        if (d.package_id)
            json_object_set_new(all, "packageId", json_string(d.package_id));
        json_object_set(all, "steps", r.steps);
        cli_print_json(all);
    }
    if (d.socket >= 0)
        close(d.socket);
    json_decref(r.steps);
    fcc__arena_free(d.arena);
    return r.exit_status;
}

int cli_doctor(int argc, char **argv)
{
    doctor_options o = { .timeout_s = 5 };
    const char *dir = NULL;
    cli_option options[] = {
        { "values", .text = &o.values },
        { "address", .text = &o.address },
        { "root-cert", .text = &o.root_cert },
        { "client-cert", .text = &o.client_cert },
        { "client-key", .text = &o.client_key },
        { "package-id", .text = &o.package_id },
        { "timeout", .number = &o.timeout_s, .least = 1, .most = 600, .unit = "seconds" },
        { "json", .flag = &o.json },
        { "dir", .text = &dir },
        { 0 },
    };
    const int status = cli_options("doctor", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (dir) {
        if (argc != optind || o.address || o.values || o.root_cert || o.client_cert || o.package_id)
            return cli_usage("doctor", "--dir looks at a whole network: only --timeout and --json go with it");
        signal(SIGPIPE, SIG_IGN);
        return doctor_look_at_network(dir, o.timeout_s, o.json);
    }
    if (argc - optind > 1 || (argc == optind && !o.address))
        return cli_usage("doctor", "one package, one connection.json, --address or --dir");
    o.input = argc > optind ? argv[optind] : NULL;
    signal(SIGPIPE, SIG_IGN); /* the other side may hang up at any time */
    if (o.input && (o.root_cert || o.client_cert || o.client_key))
        return cli_usage(
            "doctor", "--root-cert, --client-cert and --client-key belong to --address alone: %s has its own", o.input);
    if (!o.client_cert != !o.client_key || (o.client_cert && !o.root_cert))
        return cli_usage("doctor", "--client-cert and --client-key come together, and with --root-cert");
    return examine(&o);
}
