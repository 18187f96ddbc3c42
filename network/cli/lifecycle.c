/*
 * medsync lifecycle: the steps of `_lifecycle`, one at a time and one organisation at a time, with `peer lifecycle
 * chaincode` as the pattern.
 */
#include "cli/cli.h"

#include "base/hash.h"
#include "client/lifecycle.h"
#include "msp/policy.h"
#include "protos/unpack.h"
#include "rpc/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync lifecycle install PACKAGE.tar.gz\n"
    "       medsync lifecycle installed [PACKAGE-ID --output FILE]\n"
    "       medsync lifecycle approve NAME --version V --sequence N [--package-id ID]\n"
    "       medsync lifecycle approved NAME [--sequence N]\n"
    "       medsync lifecycle ready NAME --version V --sequence N\n"
    "       medsync lifecycle commit NAME --version V --sequence N [--endorse ORG,ORG]\n"
    "       medsync lifecycle committed [NAME]\n\n"
    "The single steps that bring a chaincode onto the channel, as an administrator of one organisation: each installs "
    "the\n"
    "package and approves the definition for itself, then one commits it. This is the low level.\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --org ORG            whose administrator, and so whose peer (the first organisation)\n"
    "  --user NAME          another user than its Admin\n"
    "  --timeout SECONDS    for each request (30)\n"
    "  --json               print one JSON object\n"
    "of a definition:\n"
    "  --version TEXT       of the definition; any text\n"
    "  --sequence N         1 for a new chaincode, one more for each change\n"
    "  --policy TEXT        who has to endorse, such as \"AND('AMSP.peer','BMSP.peer')\"; without it the channel's "
    "own,\n"
    "                       /Channel/Application/Endorsement\n"
    "  --policy-ref PATH    a policy of the channel instead\n"
    "  --collections FILE   the private data collections, JSON as Fabric's tools take it\n"
    "  --init-required      its first call has to be one that initialises it\n"
    "  --package-id ID      approve: what this organisation runs for it; without it nothing\n"
    "  --endorse ORG,ORG    commit: whose peers endorse it; each has to have approved (all)\n";

enum { MOST_ORGS = 64 };

typedef struct options {
    client_options open;
    client_definition d;
    const char *policy;
    const char *policy_ref;
    const char *collections;
    const char *package_id;
    const char *output;
    const char *endorse[MOST_ORGS];
    size_t endorse_count;
    bool json;
} options;

typedef struct step {
    const options *o;
    client *c;
    fcc__arena *arena;
    fcc_error error;
    client_answer answer;
    bool submits;
} step;

static int failed(const step *s, fcc_status st)
{
    client_answer answer = s->answer;

    if (st == FCC_ERR_IO)
        answer.rpc_code = RPC_UNAVAILABLE;
    return cli_failed("lifecycle", cli_code(st, &answer, &s->error, s->submits), "%s", s->error.text);
}

static json_t *text(ProtobufCBinaryData d)
{
    return json_stringn(d.len ? (const char *)d.data : "", d.len);
}

static json_t *base64(const step *s, ProtobufCBinaryData d)
{
    const fcc_bytes b = fcc__base64(s->arena, fcc__of_pb(d));

    return json_stringn(b.len ? (const char *)b.data : "", b.len);
}

static int print(json_t *o)
{
    cli_print_json(o);
    return CLI_OK;
}

static fcc_status take_file(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    size_t len = 0;
    char *data = cli_read_file(path, &len);
    bool copied;

    if (!data)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    copied = fcc__arena_copy(arena, fcc_bytes_of(data, len), out);
    free(data);
    return copied ? FCC_OK : fcc_error_set(error, FCC_ERR_LIMIT, "%s: too large", path);
}

/* ---- packages ----------------------------------------------------------------------------------------------------- */

static int install(step *s, const char *path)
{
    const char *id;
    fcc_bytes package;
    fcc_status st = take_file(path, s->arena, &package, &s->error);

    if (st != FCC_OK)
        return cli_failed("lifecycle", FCC__E_CLI_FILE, "%s", s->error.text);
    if ((st = client_install(s->c, NULL, package, s->arena, &id, &s->error)) != FCC_OK)
        return failed(s, st);
    if (s->o->json)
        return print(json_pack("{s:s}", "packageId", id));
    puts(id);
    return CLI_OK;
}

static int save(const step *s, fcc_bytes bytes)
{
    fcc_error error = { 0 };

    return cli_write_file(s->o->output, bytes, CLI_SHARED, &error) == FCC_OK
               ? CLI_OK
               : cli_failed("lifecycle", FCC__E_CLI_FILE, "%s", error.text);
}

static json_t *references(const Lifecycle__QueryInstalledChaincodeResult *r)
{
    json_t *list = json_array();
    size_t i, j;

    for (i = 0; i < r->n_references; i++)
        for (j = 0; r->references[i]->value && j < r->references[i]->value->n_chaincodes; j++)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "channel", text(r->references[i]->key), "name",
                                                  text(r->references[i]->value->chaincodes[j]->name), "version",
                                                  text(r->references[i]->value->chaincodes[j]->version)));
    return list;
}

static int installed(step *s, const char *id)
{
    Lifecycle__QueryInstalledChaincodesResult *r;
    json_t *list;
    fcc_bytes package;
    fcc_status st;
    size_t i;

    if (id) {
        if (!s->o->output)
            return cli_usage("lifecycle", "installed %s: where to? --output FILE", id);
        st = client_installed_package(s->c, NULL, id, s->arena, &package, &s->error);
        return st == FCC_OK ? save(s, package) : failed(s, st);
    }
    if ((st = client_installed(s->c, NULL, s->arena, &r, &s->error)) != FCC_OK)
        return failed(s, st);
    list = json_array();
    for (i = 0; i < r->n_installed_chaincodes; i++) {
        const Lifecycle__QueryInstalledChaincodeResult *one = r->installed_chaincodes[i];

        if (!s->o->json)
            printf(FCC_FMT "\n", FCC_ARG(fcc__of_pb(one->package_id)));
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "packageId", text(one->package_id), "label",
                                              text(one->label), "references", references(one)));
    }
    if (s->o->json)
        return print(json_pack("{s:s, s:o}", "mspId", client_mspid(s->c), "installed", list));
    json_decref(list);
    return CLI_OK;
}

/* ---- definitions -------------------------------------------------------------------------------------------------- */

/* Policy and collections of the options. */
static fcc_status complete(step *s, const char *name, client_definition *out)
{
    const options *o = s->o;
    client_definition d = o->d;
    config_collections collections;
    fcc_status st = FCC_OK;

    d.name = name;
    if (o->policy) {
        if ((st = msp_policy_parse(o->policy, s->arena, &d.policy, &s->error)) == FCC_OK)
            st = msp_policy_application(d.policy, s->arena, &d.policy);
    } else if (o->policy_ref) {
        st = msp_policy_reference(o->policy_ref, s->arena, &d.policy);
    }
    if (st == FCC_OK && o->collections) {
        st = config_load_collections(o->collections, s->arena, &collections, &s->error);
        if (st == FCC_OK)
            st = msp_collections_pack(collections, s->arena, &d.collections, &s->error);
    }
    *out = d;
    return st;
}

static int submitted(const step *s, fcc_status st, const char *what, const client_definition *d)
{
    if (st != FCC_OK)
        return failed(s, st);
    if (s->o->json)
        return print(json_pack("{s:s, s:s, s:I, s:s, s:I}", "mspId", client_mspid(s->c), "name", d->name, "sequence",
                               (json_int_t)d->sequence, "txId", s->answer.txid, "block", (json_int_t)s->answer.block));
    printf("%s %s %lld, block %llu\n", what, d->name, (long long)d->sequence, (unsigned long long)s->answer.block);
    return CLI_OK;
}

static int approve(step *s, const client_definition *d)
{
    fcc_status st = client_approve(s->c, d, s->o->package_id, s->arena, &s->answer, &s->error);
    char what[160];

    snprintf(what, sizeof(what), "%s has approved", client_mspid(s->c));
    return submitted(s, st, what, d);
}

static int commit(step *s, const client_definition *d)
{
    const char *all[MOST_ORGS];
    const bool chosen = s->o->endorse_count > 0;
    size_t count = 0;
    fcc_status st;

    for (; count < MOST_ORGS && count < client_org_count(s->c); count++)
        all[count] = client_org(s->c, count);
    st = client_commit(s->c, d, chosen ? s->o->endorse : all, chosen ? s->o->endorse_count : count, s->arena,
                       &s->answer, &s->error);
    return submitted(s, st, "committed", d);
}

static int ready(step *s, const client_definition *d)
{
    Lifecycle__CheckCommitReadinessResult *r;
    fcc_status st = client_commit_readiness(s->c, NULL, d, s->arena, &r, &s->error);
    json_t *o, *approvals, *mismatches;
    size_t i, j;

    if (st != FCC_OK)
        return failed(s, st);
    approvals = json_object();
    mismatches = json_object();
    for (i = 0; i < r->n_approvals; i++) {
        const fcc_bytes who = fcc__of_pb(r->approvals[i]->key);

        if (!s->o->json)
            printf(FCC_FMT ": %s\n", FCC_ARG(who), r->approvals[i]->value ? "approved" : "not approved");
        json_object_setn_new(approvals, (const char *)who.data, who.len, json_boolean(r->approvals[i]->value));
    }
    for (i = 0; i < r->n_mismatches; i++) {
        const fcc_bytes who = fcc__of_pb(r->mismatches[i]->key);
        json_t *items = json_array();

        for (j = 0; r->mismatches[i]->value && j < r->mismatches[i]->value->n_items; j++)
            json_array_append_new(items, text(r->mismatches[i]->value->items[j]));
        json_object_setn_new(mismatches, (const char *)who.data, who.len, items);
    }
    o = json_pack("{s:o, s:o}", "approvals", approvals, "mismatches", mismatches);
    if (s->o->json)
        return print(o);
    json_decref(o);
    return CLI_OK;
}

/* What approved and committed definitions have in common; `r` is one of Fabric's three messages for it. */
#define DEFINITION_JSON(s, r)                                                                                     \
    json_pack("{s:I, s:o, s:o, s:o, s:o, s:b, s:b}", "sequence", (json_int_t)(r)->sequence, "version",            \
              text((r)->version), "endorsementPlugin", text((r)->endorsement_plugin), "validationPlugin",         \
              text((r)->validation_plugin), "policyBase64", base64(s, (r)->validation_parameter), "initRequired", \
              (int)(r)->init_required, "collections", (r)->collections != NULL)

static void show(const step *s, json_t *o, fcc_bytes name)
{
    if (s->o->json)
        return;
    printf(FCC_FMT " version %s, sequence %lld%s%s\n", FCC_ARG(name), json_string_value(json_object_get(o, "version")),
           (long long)json_integer_value(json_object_get(o, "sequence")),
           json_is_true(json_object_get(o, "initRequired")) ? ", init required" : "",
           json_is_true(json_object_get(o, "collections")) ? ", with collections" : "");
}

static int finish(const step *s, json_t *o)
{
    if (s->o->json)
        return print(o);
    json_decref(o);
    return CLI_OK;
}

static int approved(step *s, const client_definition *d)
{
    Lifecycle__QueryApprovedChaincodeDefinitionResult *r;
    fcc_status st = client_approved(s->c, d->name, d->sequence, s->arena, &r, &s->error);
    json_t *o;

    if (st != FCC_OK)
        return failed(s, st);
    o = DEFINITION_JSON(s, r);
    json_object_set_new(o, "name", json_string(d->name));
    if (r->source && r->source->type_case == LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE)
        json_object_set_new(o, "packageId", text(r->source->local_package->package_id));
    show(s, o, fcc_str(d->name));
    return finish(s, o);
}

static int committed(step *s, const char *name)
{
    Lifecycle__QueryChaincodeDefinitionResult *r;
    fcc_status st = client_committed(s->c, NULL, name, s->arena, &r, &s->error);
    json_t *o, *approvals;
    size_t i;

    if (st != FCC_OK)
        return failed(s, st);
    o = DEFINITION_JSON(s, r);
    approvals = json_object();
    for (i = 0; i < r->n_approvals; i++)
        json_object_setn_new(approvals, (const char *)r->approvals[i]->key.data, r->approvals[i]->key.len,
                             json_boolean(r->approvals[i]->value));
    json_object_set_new(o, "name", json_string(name));
    json_object_set_new(o, "approvals", approvals);
    show(s, o, fcc_str(name));
    return finish(s, o);
}

static int committed_all(step *s)
{
    Lifecycle__QueryChaincodeDefinitionsResult *r;
    fcc_status st = client_committed_all(s->c, NULL, s->arena, &r, &s->error);
    json_t *list;
    size_t i;

    if (st != FCC_OK)
        return failed(s, st);
    list = json_array();
    for (i = 0; i < r->n_chaincode_definitions; i++) {
        json_t *o = DEFINITION_JSON(s, r->chaincode_definitions[i]);

        json_object_set_new(o, "name", text(r->chaincode_definitions[i]->name));
        show(s, o, fcc__of_pb(r->chaincode_definitions[i]->name));
        json_array_append_new(list, o);
    }
    return finish(s, json_pack("{s:o}", "committed", list));
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

typedef struct word {
    const char *name;
    int least, most; /* arguments */
    bool defines;    /* needs --version and --sequence */
    int (*of_definition)(step *s, const client_definition *d);
} word;

static const word words[] = {
    { "install", 1, 1, false, NULL },      { "installed", 0, 1, false, NULL }, { "approve", 1, 1, true, approve },
    { "approved", 1, 1, false, approved }, { "ready", 1, 1, true, ready },     { "commit", 1, 1, true, commit },
    { "committed", 0, 1, false, NULL },
};

static const word *word_named(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(words[i].name, name))
            return &words[i];
    return NULL;
}

/* -1 to go on, else the exit status. */
static int parse(options *o, int argc, char **argv)
{
    cli_option list[] = {
        CLI_WHO(o->open),
        CLI_TIMEOUT(o->open),
        { "version", .text = &o->d.version },
        { "sequence", .number = &o->d.sequence, .least = 1, .most = INT64_MAX },
        { "policy", .text = &o->policy },
        { "policy-ref", .text = &o->policy_ref },
        { "collections", .text = &o->collections },
        { "init-required", .flag = &o->d.init_required },
        { "package-id", .text = &o->package_id },
        { "endorse", .list = o->endorse, .count = &o->endorse_count, .most = MOST_ORGS, .commas = true },
        { "output", .text = &o->output },
        { "json", .flag = &o->json },
        { 0 },
    };
    const int status = cli_options("lifecycle", usage, list, argc, argv);

    if (status >= 0)
        return status;
    if (o->policy && o->policy_ref)
        return cli_usage("lifecycle", "--policy and --policy-ref exclude each other");
    return -1;
}

static int run(step *s, const word *w, const char *argument)
{
    client_definition d;
    fcc_status st;

    if (w->of_definition) {
        s->submits = w->of_definition == approve || w->of_definition == commit;
        if ((st = complete(s, argument, &d)) != FCC_OK)
            return cli_failed("lifecycle",
                              st == FCC_ERR_IO || st == FCC_ERR_NOT_FOUND ? FCC__E_CLI_FILE : FCC__E_NET_CONFIG, "%s",
                              s->error.text[0] ? s->error.text : fcc_status_text(st));
        return w->of_definition(s, &d);
    }
    if (!strcmp(w->name, "install"))
        return install(s, argument);
    if (!strcmp(w->name, "installed"))
        return installed(s, argument);
    return argument ? committed(s, argument) : committed_all(s);
}

int cli_lifecycle(int argc, char **argv)
{
    options o = { .open = { .dir = CLI_DEFAULT_DIR } };
    step s = { .o = &o };
    const word *w;
    int status = parse(&o, argc, argv), count;
    fcc_status st;

    if (status >= 0)
        return status;
    if (optind >= argc || !(w = word_named(argv[optind])))
        return cli_usage("lifecycle", "install, installed, approve, approved, ready, commit or committed?");
    count = argc - optind - 1;
    if (count < w->least || count > w->most)
        return cli_usage("lifecycle", "%s takes %s", w->name, w->least ? "one argument" : "at most one argument");
    if (w->defines && (!o.d.version || o.d.sequence == 0))
        return cli_usage("lifecycle", "%s needs --version and --sequence", w->name);
    s.arena = fcc__arena_new(CLI_ARENA_MAX);
    if (!s.arena)
        return cli_failed("lifecycle", FCC__E_STAT_RES, "out of memory");
    st = client_open(&o.open, &s.c, &s.error);
    status = st == FCC_OK ? run(&s, w, count ? argv[optind + 1] : NULL) : failed(&s, st);
    client_close(s.c);
    fcc__arena_free(s.arena);
    return status;
}
