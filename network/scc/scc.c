/* scc.c: which system chaincodes there are, what their answers look like, and the way into `_lifecycle`. */
#include "scc/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool scc_known(fcc_bytes name)
{
    return fcc_bytes_equal(name, FCC_LIT(SCC_LIFECYCLE)) || fcc_bytes_equal(name, FCC_LIT("qscc")) ||
           fcc_bytes_equal(name, FCC_LIT("cscc")) || fcc_bytes_equal(name, FCC_LIT("lscc"));
}

bool scc_simulates(fcc_bytes name)
{
    return !fcc_bytes_equal(name, FCC_LIT("qscc")) && !fcc_bytes_equal(name, FCC_LIT("cscc"));
}

void scc_invoke(fcc_bytes name, const scc_call *call, Protos__Response *out)
{
    if (fcc_bytes_equal(name, FCC_LIT(SCC_LIFECYCLE)))
        scc__lifecycle(call, out);
    else if (fcc_bytes_equal(name, FCC_LIT("qscc")))
        scc__qscc(call, out);
    else if (fcc_bytes_equal(name, FCC_LIT("cscc")))
        scc__cscc(call, out);
    else
        scc__error(call, out, "invalid function to lscc: " FCC_FMT,
                   FCC_ARG(call->arg_count ? scc__arg(call, 0) : fcc_str("")));
}

/* ---- answers -------------------------------------------------------------------------------------------------------- */

/* A printed text in the arena; NULL past its cap. */
static const char *printed(fcc__arena *arena, const char *format, va_list args)
{
    char *text = NULL;
    const char *out;

    if (vasprintf(&text, format, args) < 0)
        return NULL;
    out = fcc__arena_printf(arena, "%s", text);
    free(text);
    return out;
}

fcc_status scc__refuse(scc__run *run, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    run->text = printed(run->arena, format, args);
    va_end(args);
    return run->text ? FCC_ERR_PEER : FCC_ERR_LIMIT;
}

fcc_status scc__within(scc__run *run, fcc_status status, const char *format, ...)
{
    const char *words;
    va_list args;

    if (status != FCC_ERR_PEER)
        return status;
    va_start(args, format);
    words = printed(run->arena, format, args);
    va_end(args);
    run->text = words ? fcc__arena_printf(run->arena, "%s: %s", words, run->text) : NULL;
    return run->text ? FCC_ERR_PEER : FCC_ERR_LIMIT;
}

void scc__answer_bytes(fcc_bytes payload, Protos__Response *out)
{
    protos__response__init(out);
    out->status = SCC__OK;
    out->payload = fcc__pb(payload);
}

void scc__error(const scc_call *call, Protos__Response *out, const char *format, ...)
{
    const char *text;
    va_list args;

    va_start(args, format);
    text = printed(call->arena, format, args);
    va_end(args);
    protos__response__init(out);
    out->status = SCC__ERROR;
    out->message = fcc__pb(fcc_str(text ? text : "out of memory"));
}

void scc__answer(const scc_call *call, const void *message, Protos__Response *out)
{
    fcc_bytes payload;
    fcc_status st = fcc__pack(message, call->arena, &payload);

    if (st == FCC_OK)
        scc__answer_bytes(payload, out);
    else
        scc__error(call, out, "%s", fcc_status_text(st));
}

/* ---- `_lifecycle` --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    scc__function *run;
    bool from_3; /* not in Fabric 2.5 */
} functions[] = {
    { "InstallChaincode", scc__install, false },
    { "QueryInstalledChaincode", scc__query_installed, false },
    { "QueryInstalledChaincodes", scc__query_all_installed, false },
    { "GetInstalledChaincodePackage", scc__get_package, false },
    { "ApproveChaincodeDefinitionForMyOrg", scc__approve, false },
    { "QueryApprovedChaincodeDefinition", scc__query_approved, false },
    { "QueryApprovedChaincodeDefinitions", scc__query_all_approved, true },
    { "CheckCommitReadiness", scc__check_readiness, false },
    { "CommitChaincodeDefinition", scc__commit, false },
    { "QueryChaincodeDefinition", scc__query_committed, false },
    { "QueryChaincodeDefinitions", scc__query_all_committed, false },
};

/* Has the channel agreed to this way of defining chaincodes? */
static bool has_lifecycle(const msp_channel *channel)
{
    return msp_channel_application_capability(channel, "V2_0") || msp_channel_application_capability(channel, "V2_5");
}

void scc__lifecycle(const scc_call *call, Protos__Response *out)
{
    scc__run run = { .call = call, .arena = call->arena };
    scc__function *function = NULL;
    const char *resource, *why;
    const void *output = NULL;
    fcc_bytes name;
    fcc_status st;

    if (call->arg_count == 0) {
        scc__error(call, out, "lifecycle scc must be invoked with arguments");
        return;
    }
    if (call->arg_count != 2) {
        scc__error(call, out, "lifecycle scc operations require exactly two arguments but received %zu",
                   call->arg_count);
        return;
    }
    if (call->channel.len > 0 && !has_lifecycle(ledger_channel(call->ledger))) {
        scc__error(call, out,
                   "cannot use new lifecycle for channel '" FCC_FMT
                   "' as it does not have the required capabilities enabled",
                   FCC_ARG(call->channel));
        return;
    }
    name = scc__arg(call, 0);
    resource = fcc__arena_printf(call->arena, SCC_LIFECYCLE "/" FCC_FMT, FCC_ARG(name));
    why = resource ? call->deny(call->ctx, resource, call->channel, call->arena) : "out of memory";
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (fcc_bytes_equal(name, fcc_str(functions[i].name)) && !(functions[i].from_3 && call->fabric_2_5))
            function = functions[i].run;
    if (!function && resource) /* nobody may use what there is not */
        why = fcc__arena_printf(call->arena, "Unmapped policy for %s", resource);
    if (why || !function) {
        scc__error(call, out, "Failed to authorize invocation due to failed ACL check: %s",
                   why ? why : "out of memory");
        return;
    }
    st = function(&run, scc__arg(call, 1), &output);
    if (st == FCC_ERR_PROTO) /* of this function's arguments alone: the state's messages are our own */
        st = scc__refuse(&run,
                         "could not decode input arg for *lifecycle.Invocation." FCC_FMT ": proto: cannot parse "
                         "invalid wire-format data",
                         FCC_ARG(name));
    if (st == FCC_OK) {
        scc__answer(call, output, out);
        return;
    }
    if (st != FCC_ERR_PEER)
        run.text = fcc_status_text(st);
    if (run.absent) {
        protos__response__init(out);
        out->status = SCC__NOT_FOUND;
        out->message = fcc__pb(fcc_str(run.text));
        return;
    }
    scc__error(call, out, "failed to invoke backing implementation of '" FCC_FMT "': %s", FCC_ARG(name), run.text);
}
