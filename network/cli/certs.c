/* medsync certs: the consortium's keys and certificates on disk: make, list, check, rotate, revoke, import. */
#include "cli/cli.h"

#include "certs/certs.h"
#include "msp/material.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync certs make|list|check|rotate|revoke|import [OPTION]... [NAME]...\n\n"
    "  make    every organisation's authorities, nodes, users and chaincode servers, in the layout of cryptogen;\n"
    "          what is there already is kept, what is missing is made\n"
    "  list    every certificate: role, name, expiry, issuer\n"
    "  check   chains, keys, names against the addresses in network.yaml, expiry, clock; exit status 9 for an error\n"
    "  rotate  new keys and certificates for nodes, users and chaincode servers (NAME such as peer0.a.example,\n"
    "          doctor1@a.example or chaincodes.a.example); the old ones are kept, and what has to follow is told;\n"
    "          for an authority (ca.a.example, tlsca.a.example, chaincodeca.a.example) a new certificate of the same\n"
    "          key\n"
    "  revoke  put a certificate (NAME, or its file) onto its organisation's revocation list\n"
    "  import  take over what a Fabric CA or cryptogen has issued, after it was checked\n\n"
    "  --dir DIR         the crypto directory, or a network's directory with crypto/ in it (" CLI_DEFAULT_DIR ")\n"
    "  --out DIR         for make: the same\n"
    "  --network FILE    the consortium; for make, else network/network.yaml; for check and rotate, else without it\n"
    "  --days N          make, rotate: how long certificates are valid (3650)\n"
    "                    check: warn of those that expire within so many days (30)\n"
    "  --at TIME         check as if it were this moment, such as 2027-01-01T00:00:00Z\n"
    "  --expiring DAYS   rotate: all that expire within so many days\n"
    "  --new-key         rotate: a new key also for an orderer's TLS; the channel has to know it before the restart;\n"
    "                    and for chaincode servers, another authority of their clients: the old one's are worthless\n"
    "  --reason WHY      revoke: unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or\n"
    "                    privilegeWithdrawn\n"
    "  --from DIR        import: an MSP directory of fabric-ca-client, or a crypto directory of cryptogen\n"
    "  --tls-from DIR    import: the MSP directory enrolled with the profile tls\n"
    "  --domain DOMAIN   import: whose they are\n"
    "  --orderers        import: it is an organisation of orderers\n"
    "  --name NAME       import: whom they are for, such as peer0.a.example; without it the organisation's MSP alone;\n"
    "                    chaincodes.DOMAIN: a chaincode server, of a TLS enrolment in --from; its peer's part is made\n"
    "  --json            as JSON: what was done too\n\n"
    "Encrypted keys are opened with the passphrases in the file that MEDSYNC_KEY_PASSPHRASE_FILE names, one a\n"
    "line, or with MEDSYNC_KEY_PASSPHRASE.\n";

typedef struct asked {
    const char *what, *dir, *network_file, *reason, *from, *tls_from, *domain, *name;
    int64_t days, expiring, at_s;
    bool new_key, orderers, json, said_where;
    char **names;
    size_t name_count;
    config_network *network; /* NULL without --network */
    fcc__arena *arena;
    size_t count;
    json_t *list;        /* what is told, as JSON */
    json_t *authorities; /* rotate --expiring: those that it leaves alone */
} asked;

static int failed(fcc_status st, const fcc_error *error)
{
    const fcc__code code = st == FCC_ERR_IO                                                       ? FCC__E_CLI_FILE
                           : strstr(error->text, "MEDSYNC_KEY_PASSPHRASE")                        ? FCC__E_CRT_KEY
                           : st == FCC_ERR_NOT_FOUND || st == FCC_ERR_ARG || st == FCC_ERR_EXISTS ? FCC__E_CRT_ISSUE
                           : st == FCC_ERR_CONFIG                                                 ? FCC__E_CRT_LAYOUT
                                                  : fcc__code_of_status(st);

    return cli_failed("certs", code, "%s", error->text);
}

static int load_network(asked *a, bool needed)
{
    fcc_error error = { 0 };
    int status;

    if (needed && (status = cli_network_file("certs", &a->network_file)) >= 0)
        return status;
    if (a->network_file && config_load(a->network_file, &a->network, &error) != FCC_OK)
        return cli_failed("certs", FCC__E_NET_CONFIG, "%s", error.text);
    return CLI_OK;
}

/* The crypto directory itself, also when a network's directory was named. */
static const char *crypto_dir(asked *a)
{
    static const char *const within[] = { "crypto/peerOrganizations", "crypto/ordererOrganizations" };

    for (size_t i = 0; i < 2; i++) {
        const char *path = fcc__arena_printf(a->arena, "%s/%s", a->dir, within[i]);

        if (path && access(path, F_OK) == 0)
            return fcc__arena_printf(a->arena, "%s/crypto", a->dir);
    }
    return a->dir;
}

/* ---- make ---------------------------------------------------------------------------------------------------------- */

static void tell_made(void *ctx, const char *path)
{
    asked *a = ctx;

    a->count++;
    if (a->json)
        json_array_append_new(a->list, json_string(path));
    else
        printf("made %s\n", path);
}

/* As words, each thing that was done is told at once. Also when others failed: these were done. */
static int finish(asked *a, int status, const char *done)
{
    if (a->json && (status == CLI_OK || a->count))
        cli_print_json(json_pack("{s:O, s:O*}", done, a->list, "authoritiesThatExpire", a->authorities));
    return status;
}

static int make(asked *a)
{
    const msp_making making = { .days = a->days, .made = tell_made, .ctx = a };
    fcc_error error = { 0 };
    int status = load_network(a, true);
    fcc_status st;

    if (status != CLI_OK)
        return status;
    if (!a->said_where)
        return cli_usage("certs", "make: --out says where to");
    st = msp_complete(a->network, a->dir, &making, &error);
    if (st != FCC_OK)
        return finish(a, failed(st, &error), "made");
    if (a->count == 0 && !a->json)
        printf("everything of %s is there already\n", a->network_file);
    return finish(a, CLI_OK, "made");
}

/* ---- list ---------------------------------------------------------------------------------------------------------- */

static json_t *entry_json(const certs_entry *e)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "domain", e->domain, "name", e->name, "role", e->role,
                               "use", certs_use_name(e->use), "path", e->path, "key", e->key);

    if (object && e->subject)
        json_object_update_new(object, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "subject", e->subject, "issuer",
                                                 e->issuer, "serial", e->serial, "names", e->names, "notBefore",
                                                 msp_moment_of(e->not_before).text, "notAfter",
                                                 msp_moment_of(e->not_after).text));
    if (object && e->attributes) {
        json_t *attributes = json_loads(e->attributes, 0, NULL);

        json_object_set_new(object, "attributes", attributes ? attributes : json_string(e->attributes));
    }
    return object;
}

/* The common name, which is what a person looks for. */
static const char *common_name(const char *subject, char out[80])
{
    const char *at = strstr(subject, "CN=");

    snprintf(out, 80, "%.*s", at ? (int)strcspn(at + 3, ",+") : 0, at ? at + 3 : "");
    return out;
}

static int list(asked *a)
{
    fcc_error error = { 0 };
    certs_list found;
    char issuer[80];
    fcc_status st = certs_find(crypto_dir(a), a->arena, &found, &error);

    if (st != FCC_OK)
        return failed(st, &error);
    if (a->json) {
        json_t *all = json_array();

        for (size_t i = 0; i < found.n; i++)
            json_array_append_new(all, entry_json(&found.v[i]));
        cli_print_json(all);
        return CLI_OK;
    }
    for (size_t i = 0; i < found.n; i++) {
        const certs_entry *e = &found.v[i];

        if (e->subject)
            printf("%-11s  %-9s  %s  %s, issued by %s%s%s\n", e->role, certs_use_name(e->use),
                   msp_moment_of(e->not_after).text, e->name, common_name(e->issuer, issuer),
                   e->names[0] ? ", for " : "", e->names);
        else
            printf("%-11s  %-9s  unreadable            %s (%s)\n", e->role, certs_use_name(e->use), e->name, e->path);
    }
    return CLI_OK;
}

/* ---- check --------------------------------------------------------------------------------------------------------- */

static void tell_finding(void *ctx, const msp_finding *f)
{
    asked *a = ctx;
    const char *code = fcc__code_info_of(f->code)->code;

    if (a->json)
        json_array_append_new(a->list, json_pack("{s:s, s:s, s:s, s:s}", "severity", f->warning ? "warning" : "error",
                                                 "code", code, "what", f->what, "text", f->text));
    else
        printf("%s %s: %s %s\n", code, f->warning ? "warning" : "error", f->what, f->text);
}

static int check(asked *a)
{
    msp_checker checker = { .now_s = a->at_s ? a->at_s : (int64_t)time(NULL),
                            .warn_days = a->days ? (int)a->days : MSP_CHECK_WARN_DAYS,
                            .report = tell_finding,
                            .ctx = a };
    const char *dir = crypto_dir(a);
    fcc_error error = { 0 };
    certs_list found = { 0 };
    int status = load_network(a, false);
    fcc_status st;

    if (status != CLI_OK)
        return status;
    st = certs_find(dir, a->arena, &found, &error);
    if (st == FCC_OK)
        st = certs_check(dir, a->network, &checker, &error);
    if (st != FCC_OK)
        return failed(st, &error);
    if (a->json)
        cli_print_json(json_pack("{s:I, s:I, s:I, s:O}", "certificates", (json_int_t)found.n, "errors",
                                 (json_int_t)checker.errors, "warnings", (json_int_t)checker.warnings, "findings",
                                 a->list));
    else
        printf("%zu certificates: %zu errors, %zu warnings\n", found.n, checker.errors, checker.warnings);
    return checker.errors ? CLI_FINDING : CLI_OK;
}

/* ---- rotate and revoke ---------------------------------------------------------------------------------------------- */

static void tell_renewed(void *ctx, const certs_renewed *what)
{
    asked *a = ctx;

    a->count++;
    if (a->json)
        json_array_append_new(
            a->list, json_pack("{s:s, s:s, s:s?}", "name", what->name, "kept", what->kept, "todo", what->todo));
    else
        printf("renewed %s; the old ones are in %s\n  %s\n", what->name, what->kept, what->todo ? what->todo : "");
}

/* Those that expire within so many days, each once. */
static int find_expiring(asked *a, const char *dir)
{
    const int64_t until = (int64_t)time(NULL) + a->expiring * 86400;
    fcc_error error = { 0 };
    certs_list found;
    char **names;
    size_t i, k;
    fcc_status st = certs_find(dir, a->arena, &found, &error);

    if (st != FCC_OK)
        return failed(st, &error);
    names = fcc__arena_zalloc(a->arena, found.n + a->name_count + 1, sizeof *names);
    if (!names)
        return cli_failed("certs", FCC__E_STAT_RES, "out of memory");
    for (i = 0; i < a->name_count; i++)
        names[i] = a->names[i];
    a->names = names;
    for (i = 0; i < found.n; i++) {
        const certs_entry *e = &found.v[i];

        if (e->not_after > until || !e->subject)
            continue;
        if (e->use == CERTS_AUTHORITY && a->json) {
            json_array_append_new(
                a->authorities, json_pack("{s:s, s:s}", "name", e->name, "notAfter", msp_moment_of(e->not_after).text));
            continue;
        }
        if (e->use == CERTS_AUTHORITY) {
            printf("%s expires on %s, and is an authority: name it to have it renewed (docs/certificates.md)\n",
                   e->name, msp_moment_of(e->not_after).text);
            continue;
        }
        for (k = 0; k < a->name_count && strcmp(names[k], e->name) != 0; k++)
            ;
        if (k == a->name_count)
            names[a->name_count++] = (char *)(uintptr_t)e->name;
    }
    return CLI_OK;
}

static int rotate(asked *a)
{
    certs_renewing how = {
        .now_s = (int64_t)time(NULL), .days = a->days, .new_key = a->new_key, .renewed = tell_renewed, .ctx = a
    };
    const char *dir = crypto_dir(a);
    fcc_error error = { 0 };
    int status = load_network(a, false);

    if (status == CLI_OK && !a->name_count && !a->expiring)
        return cli_usage("certs", "rotate: whom? NAME such as peer0.a.example, or --expiring DAYS");
    if (status == CLI_OK && a->expiring)
        status = find_expiring(a, dir);
    how.network = a->network;
    for (size_t i = 0; status == CLI_OK && i < a->name_count; i++) {
        const fcc_status st = certs_renew(dir, a->names[i], &how, &error);

        if (st != FCC_OK)
            status = failed(st, &error);
    }
    if (status == CLI_OK && a->count == 0 && !a->json)
        printf("nothing expires within %" PRId64 " days\n", a->expiring);
    return finish(a, status, "renewed");
}

static int revoke_all(asked *a)
{
    fcc_error error = { 0 };
    const char *crl = NULL;
    int64_t number = 0;
    int status = CLI_OK;

    if (a->name_count == 0 || !a->reason)
        return cli_usage("certs", "revoke: NAME and --reason say whose certificate, and why");
    for (size_t i = 0; i < a->name_count; i++) {
        const fcc_status st = certs_revoke(crypto_dir(a), a->names[i], a->reason, (int64_t)time(NULL), a->arena, &crl,
                                           &number, &error);

        if (st != FCC_OK)
            status = failed(st, &error);
        if (st == FCC_ERR_EXISTS) /* as after a run that was ended half-way: the others are still to be revoked */
            continue;
        if (st != FCC_OK)
            return finish(a, status, "revoked");
        a->count++;
        if (a->json)
            json_array_append_new(
                a->list, json_pack("{s:s, s:s, s:I}", "name", a->names[i], "crl", crl, "number", (json_int_t)number));
        else
            printf("revoked %s: %s, number %" PRId64 "\n", a->names[i], crl, number);
    }
    if (a->json)
        return finish(a, status, "revoked");
    printf("  it counts once the channel has the list: medsync channel update create --msp ORGANISATION, signed by its "
           "administrator;\n  and for a node's own local rules (installing chaincodes) once that node was restarted\n");
    return status;
}

/* ---- import --------------------------------------------------------------------------------------------------------- */

/* What a finding is said of is the staged copy: its path is the one that it would have. */
static void tell_import(void *ctx, const msp_finding *f)
{
    if (!f->warning)
        cli_failed("certs", f->code, "%s %s", f->what, f->text);
    (void)ctx;
}

static int import(asked *a)
{
    msp_checker checker = { .now_s = (int64_t)time(NULL), .report = tell_import, .ctx = a };
    certs_import_options o = { .from = a->from,
                               .tls_from = a->tls_from,
                               .domain = a->domain,
                               .orderers = a->orderers,
                               .name = a->name,
                               .now_s = checker.now_s,
                               .made = tell_made,
                               .ctx = a };
    fcc_error error = { 0 };
    fcc_status st;

    if (!a->from)
        return cli_usage("certs", "import: --from says what");
    st = certs_import(crypto_dir(a), &o, &checker, &error);
    if (st != FCC_OK)
        return finish(a, failed(st, &error), "made");
    if (a->count == 0 && !a->json)
        printf("everything of %s is there already\n", a->from);
    return finish(a, CLI_OK, "made");
}

/* ---- what was asked ------------------------------------------------------------------------------------------------ */

static int parse(asked *a, int argc, char **argv)
{
    const char *out = NULL, *dir = NULL;
    int64_t at_ns = 0;
    cli_option options[] = {
        { "dir", .text = &dir },
        { "out", .text = &out },
        { "network", .text = &a->network_file },
        { "days", .number = &a->days, .least = 1, .most = 36500 },
        { "at", .moment = &at_ns },
        { "expiring", .number = &a->expiring, .least = 1, .most = 36500, .unit = "days" },
        { "new-key", .flag = &a->new_key },
        { "reason", .text = &a->reason },
        { "from", .text = &a->from },
        { "tls-from", .text = &a->tls_from },
        { "domain", .text = &a->domain },
        { "orderers", .flag = &a->orderers },
        { "name", .text = &a->name },
        { "json", .flag = &a->json },
        { 0 },
    };
    const int status = cli_options("certs", usage, options, argc, argv);

    if (status >= 0)
        return status;
    a->said_where = out || dir;
    a->dir = out ? out : dir ? dir : CLI_DEFAULT_DIR;
    a->at_s = at_ns / 1000000000;
    if (optind == argc)
        return cli_usage("certs", "make, list, check, rotate, revoke or import?");
    a->what = argv[optind];
    a->names = argv + optind + 1;
    a->name_count = (size_t)(argc - optind - 1);
    return -1;
}

int cli_certs(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(asked *a);
        bool names;
    } parts[] = { { "make", make, false },    { "list", list, false },        { "check", check, false },
                  { "rotate", rotate, true }, { "revoke", revoke_all, true }, { "import", import, false } };
    asked a = { 0 };
    int status = parse(&a, argc, argv);
    size_t i = 0;

    if (status >= 0)
        return status;
    while (i < sizeof(parts) / sizeof(parts[0]) && strcmp(parts[i].name, a.what) != 0)
        i++;
    if (i == sizeof(parts) / sizeof(parts[0]))
        return cli_usage("certs", "%s: must be make, list, check, rotate, revoke or import", a.what);
    if (a.name_count && !parts[i].names)
        return cli_usage("certs", "%s: %s takes no name", a.names[0], a.what);
    a.arena = fcc__arena_new(CLI_ARENA_MAX);
    a.list = json_array();
    a.authorities = a.expiring ? json_array() : NULL;
    status = a.arena ? parts[i].run(&a) : cli_failed("certs", FCC__E_STAT_RES, "out of memory");
    json_decref(a.list);
    json_decref(a.authorities);
    config_free(a.network);
    fcc__arena_free(a.arena);
    return status;
}
