/*
 * answer.c: does a chaincode answer, through an organisation's own peer? The peer finds its definition, approval and package,
 * dials the chaincode's server and has it register: all that a transaction needs, and nothing is written.
 */
#include "deploy/internal.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_S = 60, SHORT_PATIENCE_S = 2, NAP_MS = 250, HEX_DIGITS = 64 };

/* Words of the chaincode's own are an answer; these are the peer's. */
static bool peer_speaks(const fcc_error *error)
{
    static const char *const beginnings[] = { "error in simulation: ", "make sure the chaincode ", "access denied",
                                              "error validating proposal", "channel '" };
    const char *words = strstr(error->text, " refused with ");

    words = words ? strstr(words, ": ") : NULL;
    for (size_t i = 0; words && i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (strncmp(words + 2, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return !words;
}

static const char *read_digest(fcc_bytes answer, fcc__arena *arena)
{
    json_t *o = json_loadb((const char *)answer.data, answer.len, 0, NULL);
    const char *hex = json_string_value(json_object_get(o, "sha256"));
    const char *kept = hex && strlen(hex) == HEX_DIGITS ? fcc__arena_printf(arena, "%s", hex) : NULL;

    json_decref(o);
    return kept;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

fcc_status deploy__ask(client *admin, const char *chaincode, int patience_s, fcc__arena *arena, const char **digest,
                       fcc_error *error)
{
    const fcc_bytes args[] = { FCC_LIT("fcc:GetProcess") };
    const client_call call = { .chaincode = chaincode, .args = args, .arg_count = 1 };
    const int64_t until = now_ms() + 1000 * patience_s;
    fcc_bytes answer = { 0 };

    *digest = NULL;
    for (;;) {
        const fcc_status st = client_query_at(admin, &call, NULL, arena, &answer, error);

        if (st == FCC_OK) {
            *digest = read_digest(answer, arena);
            return FCC_OK;
        }
        if ((st == FCC_ERR_PEER || st == FCC_ERR_AUTH) && !peer_speaks(error))
            return FCC_OK;
        if (st == FCC_ERR_TIMEOUT) /* the peer has answered other questions: it is waiting for the chaincode */
            return fcc_error_set(error, st, "the chaincode did not answer in time: it hangs, or does not register");
        if (st != FCC_ERR_PEER || now_ms() >= until)
            return st;
        deploy__nap_ms(NAP_MS);
    }
}

void deploy__ask_org(deploy__org *org)
{
    deploy__run *run = org->run;
    int patience_s = run->changed ? PATIENCE_S : SHORT_PATIENCE_S;

    for (size_t k = 0; k < run->wanted_count; k++) {
        const deploy__wanted *w = &run->wanted[k];
        const char *digest = NULL;
        fcc_error error = { 0 };
        fcc_status st;

        if (!deploy__package_of(org, w) || !org->approved[k])
            continue;
        st = deploy__ask(org->admin, w->chaincode->name, patience_s, org->arena, &digest, &error);
        org->answered[k] = st == FCC_OK;
        if (st != FCC_OK)
            patience_s = SHORT_PATIENCE_S; /* the others have had their time as well */
        deploy__tell(run, w, org, DEPLOY_ANSWER, st == FCC_OK ? DEPLOY_KEPT : DEPLOY_FAILED, digest, st, error.text);
    }
}
