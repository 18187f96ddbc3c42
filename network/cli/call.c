/* The options that invoke, query and history share, and how their results are shown. */
#include "cli/cli.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 };

static const char options_help[] =
    "  --dir DIR              the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --user NAME            who calls: a folder of crypto/peerOrganizations/<domain>/users, such as\n"
    "                         doctor1; without it the Admin of --org or of the first organisation\n"
    "  --org ORG              that user's organisation; needed when several have such a user\n"
    "  --gateway ORG          ask the peer of this organisation instead of the user's own\n"
    "  --transient NAME=TEXT  private input that is not written to the ledger; NAME=@FILE reads a file; repeatable\n"
    "  --endorse ORG,ORG      the organisations whose peers shall run the function (by default the gateway chooses)\n"
    "  --init                 this call initialises a definition that needs it\n"
    "  --retries N            endorse anew up to N times after a conflict with another transaction (3)\n"
    "  --timeout SECONDS      for each request (30)\n"
    "  --arg-file FILE        one more argument, the content of a file; repeatable\n"
    "  --hex                  the arguments behind the function's name are hexadecimal digits\n"
    "  --json                 print one JSON object\n"
    "  --                     what follows are arguments, even with a dash in front\n"
    "for tests:\n"
    "  --msp-dir DIR          sign with this certificate and key; --mspid ID claims another organisation\n"
    "  --tls-dir DIR          show the TLS certificate of this folder (client.crt, client.key) to a network that asks\n"
    "  --clock-offset SECONDS added to the time in the proposal\n"
    "  --tamper WHAT          proposal, txid, signature or envelope: damage it after signing\n";

/* What the options say, until it is in the call. */
typedef struct parsed {
    cli_call *c;
    client_transient transient[MOST];
    size_t transient_count;
    const char *orgs[MOST];
    size_t org_count;
    const char *files[MOST];
    size_t file_count;
    bool hex;
} parsed;

static int no_memory(const cli_call *c)
{
    return cli_failed(c->command, FCC__E_STAT_RES, "the arguments are larger than %d MiB", CLI_ARENA_MAX >> 20);
}

static int file_bytes(cli_call *c, const char *path, fcc_bytes *out)
{
    size_t len;
    char *data = cli_read_file(path, &len);
    bool copied;

    if (!data)
        return cli_failed(c->command, FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
    copied = fcc__arena_copy(c->arena, fcc_bytes_of(data, len), out);
    free(data);
    return copied ? -1 : no_memory(c);
}

static int add_transient(void *to, char *text)
{
    parsed *p = to;
    cli_call *c = p->c;
    const char *equals = strchr(text, '=');
    client_transient *t = &p->transient[p->transient_count];

    if (!equals || equals == text)
        return cli_usage(c->command, "--transient %s: must be NAME=TEXT or NAME=@FILE", text);
    if (p->transient_count == MOST)
        return cli_usage(c->command, "--transient: at most %d", MOST);
    t->name = fcc__arena_printf(c->arena, "%.*s", (int)(equals - text), text);
    if (!t->name)
        return no_memory(c);
    p->transient_count++;
    if (equals[1] == '@')
        return file_bytes(c, equals + 2, &t->value);
    t->value = fcc_str(equals + 1);
    return -1;
}

static int parse_tamper(void *to, char *what)
{
    cli_call *c = to;
    static const char *const names[] = { "", "proposal", "txid", "signature", "envelope" };
    size_t i;

    for (i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(names[i], what)) {
            c->call.tamper = (client_tamper)i;
            return -1;
        }
    }
    return cli_usage(c->command, "--tamper %s: must be proposal, txid, signature or envelope", what);
}

static int collect_args(cli_call *c, const parsed *p, int argc, char **argv)
{
    size_t plain = (size_t)(argc - optind - 1), i;
    fcc_bytes *args = fcc__arena_zalloc(c->arena, plain + p->file_count + 1, sizeof(*args));
    int status;

    if (!args)
        return no_memory(c);
    for (i = 0; i < plain; i++) {
        args[i] = fcc_str(argv[(size_t)optind + 1 + i]);
        if (p->hex && i > 0 && fcc__unhex(c->arena, args[i], &args[i]) != FCC_OK)
            return cli_usage(c->command, "%s: with --hex an argument must be an even number of hexadecimal digits",
                             argv[(size_t)optind + 1 + i]);
    }
    for (i = 0; i < p->file_count; i++)
        if ((status = file_bytes(c, p->files[i], &args[plain + i])) >= 0)
            return status;
    c->call.chaincode = argv[optind];
    c->call.args = args;
    c->call.arg_count = plain + p->file_count;
    return -1;
}

int cli_call_parse(cli_call *c, const char *command, const char *usage, int argc, char **argv)
{
    int64_t retries = 3;
    const char *help;
    parsed *p;
    int status;

    memset(c, 0, sizeof(*c));
    c->command = command;
    c->open.dir = CLI_DEFAULT_DIR;
    c->arena = fcc__arena_new(CLI_ARENA_MAX);
    p = c->arena ? fcc__arena_zalloc(c->arena, 1, sizeof(*p)) : NULL;
    help = p ? fcc__arena_printf(c->arena, "%s\n\n%s", usage, options_help) : NULL;
    if (!help)
        return cli_failed(command, FCC__E_STAT_RES, "out of memory");
    p->c = c;
    status = cli_options(command, help,
                         (cli_option[]){
                             CLI_WHO(c->open),
                             CLI_TIMEOUT(c->open),
                             { "gateway", .text = &c->open.gateway },
                             { "transient", .each = add_transient, .to = p },
                             { "endorse", .list = p->orgs, .count = &p->org_count, .most = MOST, .commas = true },
                             { "init", .flag = &c->call.init },
                             { "retries", .number = &retries, .least = 0, .most = 100 },
                             { "arg-file", .list = p->files, .count = &p->file_count, .most = MOST },
                             { "hex", .flag = &p->hex },
                             { "json", .flag = &c->json },
                             { "msp-dir", .text = &c->open.msp_dir },
                             { "mspid", .text = &c->open.mspid },
                             { "tls-dir", .text = &c->open.tls_dir },
                             CLI_CLOCK_OFFSET(c->open),
                             { "tamper", .each = parse_tamper, .to = c },
                             { 0 },
                         },
                         argc, argv);
    if (status >= 0)
        return status;
    if (argc - optind < 1)
        return cli_usage(command, "which chaincode?");
    if ((status = collect_args(c, p, argc, argv)) >= 0)
        return status;
    c->call.retries = (int)retries;
    c->call.transient = p->transient;
    c->call.transient_count = p->transient_count;
    c->call.orgs = p->orgs;
    c->call.org_count = p->org_count;
    return -1;
}

void cli_call_clear(cli_call *c)
{
    fcc__arena_free(c->arena);
    c->arena = NULL;
}

static json_t *bytes_json(fcc_bytes b)
{
    return json_stringn(b.len ? (const char *)b.data : "", b.len);
}

static void set_payload(const cli_call *c, json_t *o, const char *name, const char *name64, fcc_bytes b)
{
    if (fcc__utf8_valid(b) && !memchr(b.len ? (const void *)b.data : "", 0, b.len))
        json_object_set_new(o, name, bytes_json(b));
    else
        json_object_set_new(o, name64, bytes_json(fcc__base64(c->arena, b)));
}

static void show_json(const cli_call *c, const char *code, fcc_status st, const client_answer *a,
                      const fcc_error *error, bool invoked)
{
    json_t *o = json_object(), *details = json_array();
    size_t i;

    json_object_set_new(o, "ok", json_boolean(st == FCC_OK));
    if (a->status)
        json_object_set_new(o, "status", json_integer(a->status));
    if (st == FCC_OK || a->status)
        set_payload(c, o, "payload", "payloadBase64", a->payload);
    if (a->txid[0])
        json_object_set_new(o, "txId", json_string(a->txid));
    if (invoked && (st == FCC_OK || a->validation)) {
        json_object_set_new(o, "block", json_integer((json_int_t)a->block));
        json_object_set_new(o, "validation", json_string(client_validation_name(a->validation)));
    }
    if (invoked)
        json_object_set_new(o, "attempts", json_integer(a->attempts));
    if (st != FCC_OK) {
        json_object_set_new(o, "code", json_string(code));
        json_object_set_new(o, "error", bytes_json(fcc_str(error->text)));
        json_object_set_new(o, "kind", json_string(fcc_status_name(st)));
        json_object_set_new(o, "grpc", json_integer(a->rpc_code));
        for (i = 0; i < a->detail_count; i++)
            json_array_append_new(details, json_pack("{s:s, s:s, s:s}", "address", a->details[i].address, "mspId",
                                                     a->details[i].mspid, "message", a->details[i].message));
        json_object_set(o, "details", details);
    }
    json_decref(details);
    cli_print_json(o);
}

int cli_call_show(const cli_call *c, fcc_status st, const client_answer *a, const fcc_error *error, bool invoked)
{
    fcc__code code = st == FCC_OK ? FCC__E_STAT_USAGE : cli_code(st, a, error, invoked); /* unused when it went well */
    size_t i;
    int status;

    if (c->json)
        show_json(c, fcc__code_info_of(code)->code, st, a, error, invoked);
    if (st == FCC_OK) {
        if (!c->json && a->payload.len > 0) {
            fwrite(a->payload.data, 1, a->payload.len, stdout);
            putchar('\n');
        }
        return CLI_OK;
    }
    status = cli_failed(c->command, code, "%s", error->text);
    for (i = 1; i < a->detail_count; i++)
        fprintf(stderr, "  %s (%s): %s\n", a->details[i].mspid, a->details[i].address, a->details[i].message);
    if (invoked && (st == FCC_ERR_TIMEOUT || st == FCC_ERR_IO) && a->submitted)
        fprintf(stderr, "  whether transaction %s was committed is not known\n", a->txid);
    return status;
}
