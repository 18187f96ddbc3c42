/* Calls of the scenario, with the answer that the story expects. */
#include "cli/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const care[] = { "HospitalMSP", "ClinicMSP" };

const char *demo_salt(char out[33])
{
    if (!fhir_random_id(out))
        abort(); /* OpenSSL without random numbers: nothing here would be safe */
    return out;
}

static void fill(client_call *call, const char *chaincode, fcc_bytes *args, size_t arg_count,
                 client_transient *transient, fcc_bytes in)
{
    memset(call, 0, sizeof(*call));
    call->chaincode = chaincode;
    call->args = args;
    call->arg_count = arg_count;
    call->retries = 5;
    if (in.len > 0) {
        transient->name = "in";
        transient->value = in;
        call->transient = transient;
        call->transient_count = 1;
    }
}

static bool parse_answer(const char *chaincode, const char *function, const client_answer *answer, json_t **out)
{
    json_error_t why;

    if (!out)
        return true;
    *out = NULL;
    if (answer->payload.len == 0)
        return true;
    *out = json_loadb((const char *)answer->payload.data, answer->payload.len, JSON_DECODE_ANY, &why);
    return *out ? true : demo_wrong("%s %s answered no JSON: %s", chaincode, function, why.text);
}

/* The text of a JSON value in the call's arena; the value is consumed. */
static bool dump(demo *d, json_t *in, fcc_bytes *out)
{
    char *text;
    bool ok;

    *out = fcc_bytes_of(NULL, 0);
    if (!in)
        return true;
    text = json_dumps(in, JSON_COMPACT);
    json_decref(in);
    ok = text && fcc__arena_copy(d->arena, fcc_str(text), out);
    free(text);
    return ok || demo_wrong("out of memory");
}

static bool submit(demo *d, const demo_person *p, const char *chaincode, fcc_bytes *args, size_t arg_count,
                   fcc_bytes in, json_t **out)
{
    client_transient transient;
    client_call call;
    client_answer answer;
    fcc_error error;

    fill(&call, chaincode, args, arg_count, &transient, in);
    call.orgs = care;
    call.org_count = 2;
    if (client_invoke(p->who, &call, d->arena, &answer, &error) != FCC_OK)
        return demo_wrong("%s, as %s: %s %s: %s", "unexpected refusal", p->name, chaincode, (const char *)args[0].data,
                          error.text);
    d->sent++;
    return parse_answer(chaincode, (const char *)args[0].data, &answer, out);
}

bool demo_submit(demo *d, const demo_person *p, const char *chaincode, const char *function, const char *arg,
                 json_t *in, json_t **out)
{
    fcc_bytes args[2] = { fcc_str(function), fcc_str(arg) }, text;

    fcc__arena_reset(d->arena);
    return dump(d, in, &text) && submit(d, p, chaincode, args, arg ? 2 : 1, text, out);
}

bool demo_submit_text(demo *d, const demo_person *p, const char *chaincode, const char *function, fcc_bytes in)
{
    fcc_bytes args[1] = { fcc_str(function) };

    fcc__arena_reset(d->arena);
    return submit(d, p, chaincode, args, 1, in, NULL);
}

bool demo_submit_args(demo *d, const demo_person *p, const char *chaincode, const char *function,
                      const char *const *arguments, size_t count)
{
    fcc_bytes args[4] = { fcc_str(function) };
    size_t i;

    for (i = 0; i < count && i < 3; i++)
        args[i + 1] = fcc_str(arguments[i]);
    fcc__arena_reset(d->arena);
    return submit(d, p, chaincode, args, i + 1, fcc_bytes_of(NULL, 0), NULL);
}

bool demo_ask(demo *d, const demo_person *p, const char *chaincode, const char *function, const char *const *arguments,
              size_t arg_count, json_t *in, json_t **out)
{
    fcc_bytes args[4] = { fcc_str(function) }, text;
    client_transient transient;
    client_call call;
    client_answer answer;
    fcc_error error;
    size_t i;

    for (i = 0; i < arg_count && i < 3; i++)
        args[i + 1] = fcc_str(arguments[i]);
    fcc__arena_reset(d->arena);
    if (!dump(d, in, &text))
        return false;
    fill(&call, chaincode, args, arg_count + 1, &transient, text);
    if (client_query(p->who, &call, d->arena, &answer, &error) != FCC_OK)
        return demo_wrong("%s, as %s: %s %s: %s", "unexpected refusal", p->name, chaincode, function, error.text);
    return parse_answer(chaincode, function, &answer, out);
}

bool demo_refused(demo *d, const demo_person *p, const char *chaincode, const char *function, const char *arg,
                  json_t *in, int status, char code[64])
{
    fcc_bytes args[2] = { fcc_str(function), fcc_str(arg) }, text;
    client_transient transient;
    client_call call;
    client_answer answer;
    fcc_error error;
    fcc_status st;
    json_error_t why;
    json_t *words;

    fcc__arena_reset(d->arena);
    if (!dump(d, in, &text))
        return false;
    fill(&call, chaincode, args, arg ? 2 : 1, &transient, text);
    st = client_query(p->who, &call, d->arena, &answer, &error);
    if (st == FCC_OK)
        return demo_wrong("%s %s, as %s, was answered, but must be refused", chaincode, function, p->name);
    if (st != FCC_ERR_APP || answer.status != status)
        return demo_wrong("%s %s, as %s, must be refused with %d, not: %s", chaincode, function, p->name, status,
                          error.text);
    words = json_loadb((const char *)answer.payload.data, answer.payload.len, 0, &why);
    snprintf(code, 64, "%s",
             json_string_value(json_object_get(words, "code")) ? json_string_value(json_object_get(words, "code"))
                                                               : "?");
    json_decref(words);
    return true;
}
