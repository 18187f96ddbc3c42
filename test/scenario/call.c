/* call.c: calls of the scenario, and what is said of them. */
#include "scenario.h"

#include "client/direct.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS_MAX = 12, SETTLE_TRIES = 600, SETTLE_US = 50000 };

static const struct {
    const char *orgs[2];
    size_t count;
} endorsers[] = {
    [END_RC] = { { "RegulatorMSP", "HospitalMSP" }, 2 },
    [END_CARE] = { { "HospitalMSP", "ClinicMSP" }, 2 },
    [END_HOSPITAL] = { { "HospitalMSP" }, 1 },
    [END_CLINIC] = { { "ClinicMSP" }, 1 },
    [END_INSPECTOR] = { { "InspectorMSP" }, 1 },
    [END_REGULATOR] = { { "RegulatorMSP" }, 1 },
    [END_INSURER] = { { "InsurerMSP" }, 1 },
    [END_PHARMACY] = { { "PharmacyMSP" }, 1 },
    [END_RX] = { { "PharmacyMSP", "HospitalMSP" }, 2 },
    [END_MD] = { { "ManufacturerMSP", "DistributorMSP" }, 2 },
    [END_DP] = { { "DistributorMSP", "PharmacyMSP" }, 2 },
};

typedef struct request {
    fcc_bytes args[ARGS_MAX];
    client_transient transient;
    client_call call;
} request;

static void prepare(scene *s, request *r, scene_end end, const char *chaincode, json_t *in)
{
    char *text = in ? json_dumps(in, JSON_COMPACT) : NULL;
    fcc_bytes copy = { 0 };

    if (in && (!text || !fcc__arena_copy(s->call, fcc_str(text), &copy)))
        abort();
    free(text);
    json_decref(in);
    r->transient = (client_transient){ "in", copy };
    r->call = (client_call){ .chaincode = chaincode,
                             .args = r->args,
                             .transient = &r->transient,
                             .transient_count = in != NULL,
                             .orgs = endorsers[end].orgs,
                             .org_count = endorsers[end].count,
                             .retries = 5 };
}

static void forget(scene *s)
{
    fcc__arena_reset(s->call);
    json_decref(s->payload);
    s->payload = NULL;
    s->answer = (client_answer){ 0 };
    s->error = (fcc_error){ 0 };
}

static void understand(scene *s)
{
    if (s->answer.payload.len > 0)
        s->payload = json_loadb((const char *)s->answer.payload.data, s->answer.payload.len, JSON_DECODE_ANY, NULL);
}

/*
 * A client knows that its own gateway's peer has committed; the next step may ask others, whose peers can be a block behind.
 */
static void settle(scene *s, client *who)
{
    static const char *const orgs[] = { "HospitalMSP", "ClinicMSP",   "RegulatorMSP",    "InspectorMSP",
                                        "InsurerMSP",  "PharmacyMSP", "ManufacturerMSP", "DistributorMSP" };
    Common__BlockchainInfo *info;
    fcc_error ignored;

    for (size_t i = 0; s->st == FCC_OK && i < sizeof(orgs) / sizeof(orgs[0]); i++) {
        if (s->clinic_is_away && strcmp(orgs[i], "ClinicMSP") == 0)
            continue;
        for (int tries = 0; tries < SETTLE_TRIES; tries++, usleep(SETTLE_US)) {
            fcc__arena_reset(s->wait);
            if (client_chain_info(who, orgs[i], s->wait, &info, &ignored) == FCC_OK && info->height > s->answer.block)
                break;
        }
    }
}

static void collect(request *r, const char *function, va_list args)
{
    const char *text;

    r->args[0] = fcc_str(function);
    r->call.arg_count = 1;
    while ((text = va_arg(args, const char *)) && r->call.arg_count < ARGS_MAX)
        r->args[r->call.arg_count++] = fcc_str(text);
}

/*
 * Fabric's gateway loses sight of a peer from which it has not heard for 25 s, as on a machine that is too busy for gossip. It
 * has asked nobody then, and asking again is what its clients are told to do.
 */
static bool is_out_of_sight(const scene *s)
{
    return s->st != FCC_OK && !s->clinic_is_away && strstr(s->error.text, "failed to find any endorsing peers");
}

void scene_invoke(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in, ...)
{
    request r;
    va_list args;

    forget(s);
    prepare(s, &r, end, chaincode, in);
    va_start(args, in);
    collect(&r, function, args);
    va_end(args);
    for (int tries = 0; tries < SETTLE_TRIES; tries++, usleep(SETTLE_US)) {
        s->st = client_invoke(s->people[who], &r.call, s->call, &s->answer, &s->error);
        if (!is_out_of_sight(s))
            break;
    }
    settle(s, s->people[who]);
    understand(s);
}

void scene_query(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in, ...)
{
    request r;
    va_list args;

    forget(s);
    prepare(s, &r, end, chaincode, in);
    va_start(args, in);
    collect(&r, function, args);
    va_end(args);
    s->st = client_query(s->people[who], &r.call, s->call, &s->answer, &s->error);
    understand(s);
}

void scene_invoke_as(scene *s, client *who, scene_end end, const char *chaincode, const char *function, json_t *in,
                     const char *const *args)
{
    request r;

    forget(s);
    prepare(s, &r, end, chaincode, in);
    r.args[0] = fcc_str(function);
    for (r.call.arg_count = 1; args && *args && r.call.arg_count < ARGS_MAX; args++)
        r.args[r.call.arg_count++] = fcc_str(*args);
    s->st = client_invoke(who, &r.call, s->call, &s->answer, &s->error);
    settle(s, who);
    understand(s);
}

bool scene_endorse(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in,
                   const char *const *args, client_transaction *out)
{
    request r;
    client_proposal proposal;
    client *c = s->people[who];

    forget(s);
    prepare(s, &r, end, chaincode, in);
    r.args[0] = fcc_str(function);
    for (r.call.arg_count = 1; args && *args && r.call.arg_count < ARGS_MAX; args++)
        r.args[r.call.arg_count++] = fcc_str(*args);
    s->st = client_propose(c, &r.call, s->arena, &proposal, &s->error);
    if (s->st == FCC_OK)
        s->st = client_endorse(c, &r.call, &proposal, s->arena, out, &s->answer, &s->error);
    if (s->st == FCC_OK)
        s->st = client_sign(c, out, s->arena, &s->error);
    return s->st == FCC_OK;
}

/* ---- what is said ---- */

bool scene_check(scene *s, bool ok, const char *format, ...)
{
    va_list args;

    printf("%sok %d - ", ok ? "" : "not ", ++s->checks);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    if (!ok) {
        s->failed++;
        if (s->error.text[0])
            printf("# %s\n", s->error.text);
        if (s->answer.payload.len > 0)
            printf("# answered: %.*s\n", (int)(s->answer.payload.len < 600 ? s->answer.payload.len : 600),
                   (const char *)s->answer.payload.data);
    }
    fflush(stdout);
    return ok;
}

bool scene_ok(scene *s, const char *name)
{
    return scene_check(s, s->st == FCC_OK, "%s", name);
}

const char *scene_text_of(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));

    return text ? text : "";
}

const char *scene_text(const scene *s, const char *field)
{
    return scene_text_of(s->payload, field);
}

bool scene_refused(scene *s, const char *name, int status, const char *code)
{
    return scene_check(s,
                       s->st == FCC_ERR_APP && s->answer.status == status && strcmp(scene_text(s, "code"), code) == 0,
                       "%s: %d %s", name, status, code);
}

void scene_skip(scene *s, const char *name, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++s->checks, name, why);
    fflush(stdout);
}
