/* medsync record: the steps, their options, and calls of ehr. */
#include "cli/record.h"

#include "msp/material.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync record add [OPTION]... --enc ENC FILE...   a doctor's, nurse's or lab's records in an open "
    "encounter\n"
    "       medsync record import [OPTION]... FILE...          FHIR bundles, or documents that `record export` wrote\n"
    "       medsync record show [OPTION]...                    ask for access, read, decrypt\n"
    "       medsync record verify [OPTION]...                  CID, hash and the ledger's commitment of each\n"
    "       medsync record export [OPTION]... --output FILE    one signed FHIR document of all that may be read\n\n"
    "Contents are encrypted here, each with a key of its own, stored, and only then told to the ledger. To read, "
    "access\n"
    "is asked for on the ledger (RequestAccess), each record's custodian releases its key to the user's certificate, "
    "and\n"
    "the content is decrypted here. Nobody but the user sees it in the clear.\n\n"
    "  --pid PID         the patient; @FILE reads it from a file (the user's own, where the user is a patient)\n"
    "  --user NAME       who acts; --org ORG its organisation, --dir DIR the network's directory (" CLI_DEFAULT_DIR
    ")\n"
    "  --store WHERE     the blobs: a directory, or http://HOST:PORT of an IPFS node (DIR/blobs)\n"
    "  --endorse A,B     who endorses (HospitalMSP,ClinicMSP; in an emergency the own organisation)\n"
    "  --timeout SECONDS for each request (30)\n"
    "  --json            one JSON object\n\n"
    "to write\n"
    "  --enc ENC         add: the encounter\n"
    "  --custody HEX     the own organisation's custody key (as DIR/custody.json has it)\n"
    "  --type TYPE --mime TYPE --kind K --category C --sens N|R|V --date TIME --class CLASS\n"
    "                    add: what a file is that is no FHIR resource, or what the table of types says otherwise\n"
    "to read\n"
    "  --purpose P       TREAT, HPAYMT, HOPERAT, HLEGAL or HRESCH (TREAT)\n"
    "  --only A,B        these categories; --enc ENC this encounter; --rec ID this record, repeatable (all "
    "categories)\n"
    "  --emergency CASE  under this open case of `consent BreakGlass`, by one organisation's word\n"
    "  --audit ID        use access that was asked for before, instead of asking anew\n"
    "  --custodian ORG=HOST:PORT\n"
    "                    where that organisation's custodian is from here, as in a container beside it, whatever\n"
    "                    DIR/custodians says; repeatable\n"
    "  --output DIR      show: a file for each record; export: FILE, the document (show: standard output)\n";

static const char *step_name = "record";

bool record_failed(fcc__code code, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    cli_failed(step_name, code, "%s", text);
    return false;
}

const char *record_text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

/* ---- calls ---- */

static bool answered(record_run *r, const client_call *call, bool submit, json_t **out)
{
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    json_error_t why;
    fcc_status st = submit ? client_invoke(r->who, call, r->call, &answer, &error)
                           : client_query(r->who, call, r->call, &answer, &error);

    r->in_doubt = submit && st != FCC_OK && answer.submitted && !answer.validation;
    if (st == FCC_ERR_APP && r->quiet)
        return false;
    if (st != FCC_OK)
        return record_failed(cli_code(st, &answer, &error, submit), "ehr " FCC_FMT ": %s", FCC_ARG(call->args[0]),
                             error.text);
    if (!out)
        return true;
    *out = NULL;
    if (answer.payload.len == 0)
        return true;
    *out = json_loadb((const char *)answer.payload.data, answer.payload.len, JSON_DECODE_ANY, &why);
    return *out || record_failed(FCC__E_CLI_ANSWER, "ehr " FCC_FMT ": %s", FCC_ARG(call->args[0]), why.text);
}

static bool call_ehr(record_run *r, const char *function, const char *const *args, size_t count, fcc_bytes in,
                     bool submit, json_t **out)
{
    client_transient transient = { "in", in };
    fcc_bytes list[4] = { fcc_str(function) };
    client_call call = { .chaincode = "ehr", .args = list, .arg_count = count + 1, .retries = 5 };
    size_t i;

    for (i = 0; i < count && i < 3; i++)
        list[i + 1] = fcc_str(args[i]);
    if (in.len > 0) {
        call.transient = &transient;
        call.transient_count = 1;
    }
    if (submit) {
        call.orgs = r->orgs;
        call.org_count = r->org_count;
    }
    return answered(r, &call, submit, out);
}

/* JSON as bytes in the arena of one call; consumed. */
static bool dump(record_run *r, json_t *in, fcc_bytes *out)
{
    char *text = in ? json_dumps(in, JSON_COMPACT) : NULL;
    bool ok = !in || (text && fcc__arena_copy(r->call, fcc_str(text), out));

    json_decref(in);
    free(text);
    return ok || record_failed(FCC__E_STAT_RES, "out of memory");
}

bool record_submit(record_run *r, const char *function, json_t *in, json_t **out)
{
    fcc_bytes text = { 0 };

    fcc__arena_reset(r->call);
    return dump(r, in, &text) && call_ehr(r, function, NULL, 0, text, true, out);
}

bool record_submit_text(record_run *r, const char *function, fcc_bytes in)
{
    fcc__arena_reset(r->call);
    return call_ehr(r, function, NULL, 0, in, true, NULL);
}

bool record_ask(record_run *r, const char *function, const char *const *args, size_t count, json_t *in, json_t **out)
{
    fcc_bytes text = { 0 };

    fcc__arena_reset(r->call);
    return dump(r, in, &text) && call_ehr(r, function, args, count, text, false, out);
}

/* ---- whose record ---- */

static bool pid_from_file(record_run *r, const char *path)
{
    size_t len = 0;
    char *text = cli_read_file(path, &len);

    if (!text)
        return record_failed(FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
    text[strcspn(text, " \t\r\n")] = '\0';
    r->pid = fcc__arena_printf(r->keep, "%s", text);
    free(text);
    return r->pid || record_failed(FCC__E_STAT_RES, "out of memory");
}

/* A patient's own, as the registry knows it by the key. */
static bool pid_of_caller(record_run *r)
{
    const client_transient nothing = { "in", FCC_LIT("{}") };
    const fcc_bytes function = FCC_LIT("GetPatient");
    const client_call call = {
        .chaincode = "credentials", .args = &function, .arg_count = 1, .transient = &nothing, .transient_count = 1
    };
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    json_t *patient;

    fcc__arena_reset(r->call);
    if (client_query(r->who, &call, r->call, &answer, &error) != FCC_OK)
        return record_failed(FCC__E_CLI_USAGE, "--pid PID: whose records? (%s)", error.text);
    patient = json_loadb((const char *)answer.payload.data, answer.payload.len, 0, NULL);
    r->pid = fcc__arena_printf(r->keep, "%s", record_text(patient, "pid"));
    json_decref(patient);
    return true;
}

bool record_need_pid(record_run *r)
{
    if (r->pid && r->pid[0] == '@' && !pid_from_file(r, r->pid + 1))
        return false;
    if (!r->pid && !pid_of_caller(r))
        return false;
    if (!r->pid)
        return record_failed(FCC__E_STAT_RES, "out of memory");
    return (strlen(r->pid) == RECORD_PID && strspn(r->pid, "abcdefghijklmnopqrstuvwxyz234567") == RECORD_PID) ||
           record_failed(FCC__E_CLI_USAGE, "--pid: a patient's id has %d characters of a-z and 2-7", RECORD_PID);
}

/* ---- options ---- */

enum { ADD = 1, IMPORT = 2, SHOW = 4, VERIFY = 8, EXPORT = 16, WRITE = ADD | IMPORT, READ = SHOW | VERIFY | EXPORT };

static const struct step {
    const char *name;
    int (*run)(record_run *r);
    unsigned bit;
    bool files;
} steps[] = {
    { "add", record_add, ADD, true },           { "import", record_import, IMPORT, true },
    { "show", record_show, SHOW, false },       { "verify", record_verify, VERIFY, false },
    { "export", record_export, EXPORT, false },
};

static int open_all(record_run *r)
{
    const char *where = r->store_at ? r->store_at : fcc__arena_printf(r->keep, "%s/blobs", r->open.dir);
    fcc_error error = { 0 };
    fcc_status st;

    if ((st = client_open(&r->open, &r->who, &error)) != FCC_OK)
        return cli_failed(step_name, cli_code(st, NULL, &error, false), "%s", error.text);
    for (size_t i = 0; i < r->custodian_count; i++) {
        const char *equals = strchr(r->custodians[i], '=');
        const char *org = equals
                              ? fcc__arena_printf(r->keep, "%.*s", (int)(equals - r->custodians[i]), r->custodians[i])
                              : NULL;

        if (!equals || !strchr(equals, ':'))
            return cli_usage("record", "--custodian %s: must be ORG=HOST:PORT", r->custodians[i]);
        if (!org || !client_find_org(r->who, org))
            return cli_usage("record", "--custodian %s: this network has no such organisation", r->custodians[i]);
    }
    if (r->org_count == 0 && r->emergency) {
        r->orgs[r->org_count++] = client_mspid(r->who); /* the other organisation may be down */
    } else if (r->org_count == 0) {
        r->orgs[r->org_count++] = "HospitalMSP";
        r->orgs[r->org_count++] = "ClinicMSP";
    }
    if (!client_fingerprint(r->who))
        return cli_failed(step_name, FCC__E_STAT_USAGE, "this user has no key here");
    st = where ? blob_open(where, &r->store, &error) : FCC_ERR_NOMEM;
    if (st != FCC_OK)
        return cli_failed(step_name, cli_blob_code(st), "%s", error.text);
    return CLI_OK;
}

int cli_record(int argc, char **argv)
{
    record_run r = { .open.dir = CLI_DEFAULT_DIR, .purpose = "TREAT" };
    cli_option options[] = {
        CLI_WHO(r.open),
        CLI_TIMEOUT(r.open),
        { "store", .text = &r.store_at },
        { "pid", .text = &r.pid },
        { "json", .flag = &r.json },
        { "endorse", .list = r.orgs, .count = &r.org_count, .most = 8, .commas = true },
        { "enc", .text = &r.enc, .parts = ADD | READ },
        { "custody", .text = &r.custody, .parts = WRITE },
        { "kind", .text = &r.kind, .parts = ADD },
        { "type", .text = &r.type, .parts = ADD },
        { "mime", .text = &r.mime, .parts = ADD },
        { "category", .text = &r.category, .parts = ADD },
        { "sens", .text = &r.sens, .parts = ADD },
        { "date", .text = &r.date, .parts = ADD },
        { "class", .text = &r.class_name, .parts = ADD },
        { "purpose", .text = &r.purpose, .parts = READ },
        { "audit", .text = &r.audit, .parts = READ },
        { "custodian", .list = r.custodians, .count = &r.custodian_count, .most = RECORD_CUSTODIANS, .commas = true,
          .parts = READ },
        { "emergency", .text = &r.emergency, .parts = READ },
        { "rec", .list = r.recs, .count = &r.rec_count, .most = RECORD_MANY, .commas = true, .parts = READ },
        { "only", .list = r.categories, .count = &r.category_count, .most = 16, .commas = true, .parts = READ },
        { "output", .text = &r.output, .parts = SHOW | EXPORT },
        { 0 },
    };
    const struct step *step = NULL;
    int status = cli_options("record", usage, options, argc, argv);
    size_t i;

    if (status >= 0)
        return status;
    if (optind == argc)
        return cli_usage("record", "what shall be done: add, import, show, verify or export?");
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (!strcmp(steps[i].name, argv[optind]))
            step = &steps[i];
    if (!step)
        return cli_usage("record", "%s: no such step; there are add, import, show, verify and export", argv[optind]);
    r.count = argc - optind - 1;
    r.args = argv + optind + 1;
    if ((r.count > 0) != step->files)
        return cli_usage("record", step->files ? "%s: which files?" : "%s takes no arguments", step->name);
    if ((status = cli_options_of("record", options, step->bit, step->name)) >= 0)
        return status;
    r.keep = fcc__arena_new(CLI_ARENA_MAX);
    r.call = fcc__arena_new(CLI_ARENA_MAX);
    status = r.keep && r.call ? open_all(&r) : cli_failed("record", FCC__E_STAT_RES, "out of memory");
    if (status == CLI_OK)
        status = step->run(&r);
    client_close(r.who);
    blob_close(r.store);
    fcc__arena_free(r.call);
    fcc__arena_free(r.keep);
    return status;
}
