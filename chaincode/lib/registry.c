/*
 * registry.c: the registry's questions, asked of whoever answers: the chaincode itself (`credentials`), or `credentials`
 * by a call from chaincode to chaincode. Answers are JSON, so that they take the same way from both; each is asked for
 * once in a transaction, because a call to another chaincode is a round trip through the peer.
 */
#include "lib/registry.h"

#include <stdio.h>

#include "lib/call.h"

static const char *const functions[] = {
#define REGISTRY_FUNCTION(name, function) function,
    REGISTRY_QUESTIONS(REGISTRY_FUNCTION)
#undef REGISTRY_FUNCTION
};

/* ---- asking ---- */

/* What an answer is remembered under; '|' is in no id. */
static bool name_of(registry_question question, const char *const about[3], char *out, size_t size)
{
    int n = snprintf(out, size, "%s|%s|%s|%s", functions[question], about[0], about[1] ? about[1] : "",
                     about[2] ? about[2] : "");

    return n > 0 && (size_t)n < size;
}

static fcc_status ask_credentials(lib_call *call, registry_question question, const char *const about[3],
                                  const json_t **answer)
{
    fcc_bytes args[4] = { fcc_str(functions[question]) };
    size_t n = 1;

    while (n < 4 && about[n - 1]) {
        args[n] = fcc_str(about[n - 1]);
        n++;
    }
    return lib_call_sister(call, "credentials", args, n, answer);
}

static registry_answers answers_of(const lib_call *call)
{
    return call->registry ? call->registry : ask_credentials;
}

/* What can't be in the registry is not looked for: an answer about it is the answer about nobody. */
static bool may_exist(registry_question question, const char *const about[3])
{
    switch (question) {
    case REGISTRY_KEY:
        return lib_is_hex(about[0], 2 * (size_t)LIB_SHA256_LEN);
    case REGISTRY_PATIENT:
        return lib_is_pid(about[0]);
    case REGISTRY_GUARDIAN:
        return lib_is_pid(about[0]) && about[1] && lib_is_pid(about[1]);
    case REGISTRY_ASSIGNED:
        return lib_is_pid(about[0]) && about[1] && lib_is_id(about[1]);
    case REGISTRY_CHECK:
        return lib_is_id(about[0]) && about[1] && lib_is_id(about[1]) && about[2] && lib_is_region(about[2]);
    default:
        return lib_is_id(about[0]) && (!about[1] || lib_is_id(about[1]));
    }
}

fcc_status registry_ask(lib_call *call, registry_question question, const char *a, const char *b, const char *c,
                        const json_t **answer)
{
    const char *const about[3] = { a, b, c };
    char name[256];
    fcc_status st;

    if (!a || !name_of(question, about, name, sizeof(name)))
        return FCC_ERR_ARG;
    *answer = json_object_get(call->known, name);
    if (*answer)
        return FCC_OK;
    if (may_exist(question, about))
        st = answers_of(call)(call, question, about, answer);
    else
        st = (*answer = lib_own(call, json_null())) != NULL ? FCC_OK : FCC_ERR_NOMEM;
    if (st != FCC_OK)
        return st;
    return json_object_set(call->known, name, (json_t *)*answer) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

fcc_status registry_remember(lib_call *call, registry_question question, const char *a, const char *b,
                             const json_t *answer)
{
    const char *const about[3] = { a, b, NULL };
    char name[256];

    if (!name_of(question, about, name, sizeof(name)))
        return FCC_ERR_ARG;
    return json_object_set(call->known, name, (json_t *)answer) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

fcc_status registry_caller(lib_call *call)
{
    const fcc_bytes args[] = { FCC_LIT("Caller") };
    const json_t *answer = NULL;
    fcc_status st;

    if (answers_of(call) != ask_credentials)
        return FCC_OK;
    if ((st = lib_call_sister(call, "credentials", args, 1, &answer)) != FCC_OK)
        return st;
    return json_object_update(call->known, json_object_get(answer, "registry")) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

/* ---- questions ---- */

fcc_status registry_key(lib_call *call, const char *fp, struct registry_key *out, bool *found)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, REGISTRY_KEY, fp, NULL, NULL, &answer);

    *found = st == FCC_OK && json_is_object(answer);
    if (*found)
        *out = (struct registry_key){ .uid = lib_text(answer, "uid"),
                                      .site = lib_text(answer, "site"),
                                      .pid = lib_text(answer, "pid"),
                                      .msp = lib_text(answer, "msp") };
    return st;
}

fcc_status registry_site(lib_call *call, const char *gln, struct registry_site *out, bool *found)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, REGISTRY_SITE, gln, NULL, NULL, &answer);

    *found = st == FCC_OK && json_is_object(answer);
    if (*found)
        *out = (struct registry_site){ .msp = lib_text(answer, "msp"),
                                       .type = lib_text(answer, "type"),
                                       .region = lib_text(answer, "region"),
                                       .approved = lib_text_is(answer, "status", "approved") };
    return st;
}

fcc_status registry_patient(lib_call *call, const char *pid, struct registry_patient *out, bool *found)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, REGISTRY_PATIENT, pid, NULL, NULL, &answer);
    const char *minor_until = lib_text(answer, "minorUntil");
    int64_t of_age = 0;

    *found = st == FCC_OK && json_is_object(answer);
    if (*found)
        *out = (struct registry_patient){ .pid = lib_text(answer, "pid"),
                                          .provs = json_object_get(answer, "provs"),
                                          .active = lib_text_is(answer, "status", "active"),
                                          .provisional = lib_text_is(answer, "status", "provisional"),
                                          .deceased = lib_text_is(answer, "status", "deceased"),
                                          .minor = minor_until && lib_time_parse(minor_until, &of_age) &&
                                                   call->now < of_age,
                                          .has_key = json_is_true(json_object_get(answer, "hasKey")) };
    return st;
}

fcc_status registry_guardian(lib_call *call, const char *pid, const char *gpid, const char *scope, bool *is)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, REGISTRY_GUARDIAN, pid, gpid, NULL, &answer);
    const char *from = lib_text(answer, "from"), *to = lib_text(answer, "to");
    int64_t begins = 0, ends = 0;

    *is = st == FCC_OK && from && to && lib_time_parse(from, &begins) && lib_time_parse(to, &ends) &&
          begins <= call->now && call->now <= ends && lib_lists(json_object_get(answer, "scope"), scope);
    return st;
}

static fcc_status ask_whether(lib_call *call, registry_question question, const char *a, const char *b, const char *c,
                              bool *is)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, question, a, b, c, &answer);

    *is = st == FCC_OK && json_is_true(answer);
    return st;
}

fcc_status registry_assigned(lib_call *call, const char *pid, const char *uid, bool *is)
{
    return ask_whether(call, REGISTRY_ASSIGNED, pid, uid, NULL, is);
}

fcc_status registry_msp(lib_call *call, const char *msp, bool *found)
{
    return ask_whether(call, REGISTRY_MSP, msp, NULL, NULL, found);
}

fcc_status registry_check(lib_call *call, const char *subject, const char *capability, const char *region, bool *valid)
{
    return ask_whether(call, REGISTRY_CHECK, subject, capability, region, valid);
}

fcc_status registry_person(lib_call *call, const char *uid, const char **msp, bool *found)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, REGISTRY_PERSON, uid, NULL, NULL, &answer);

    *found = st == FCC_OK && json_is_object(answer);
    if (*found && msp)
        *msp = lib_text(json_array_get(json_object_get(answer, "jobs"), 0), "msp");
    return st;
}

fcc_status registry_works_for(lib_call *call, const char *uid, const char *msp, bool *is)
{
    const json_t *answer = NULL, *jobs;
    fcc_status st = registry_ask(call, REGISTRY_PERSON, uid, NULL, NULL, &answer);

    jobs = json_object_get(answer, "jobs");
    *is = false;
    for (size_t i = 0; st == FCC_OK && i < json_array_size(jobs); i++)
        *is = *is || lib_text_is(json_array_get(jobs, i), "msp", msp);
    return st;
}

fcc_status registry_job(lib_call *call, const char *uid, const char *site, struct registry_job *out, bool *found)
{
    const json_t *answer = NULL;
    fcc_status st = registry_ask(call, REGISTRY_JOB, uid, site, NULL, &answer);

    *found = st == FCC_OK && json_is_object(answer);
    if (*found)
        *out = (struct registry_job){ .approved = json_is_true(json_object_get(answer, "approved")),
                                      .fp = lib_text(answer, "fp"),
                                      .roles = json_object_get(answer, "roles"),
                                      .caps = json_object_get(answer, "caps") };
    return st;
}

fcc_status registry_has_cap(lib_call *call, const char *uid, const char *site, const char *cap, bool *has)
{
    struct registry_job job = { 0 };
    bool found = false;
    fcc_status st = registry_job(call, uid, site, &job, &found);

    *has = found && job.approved && lib_lists(job.caps, cap);
    return st;
}

fcc_status registry_has_role(lib_call *call, const char *uid, const char *site, const char *role, bool *has)
{
    struct registry_job job = { 0 };
    bool found = false;
    fcc_status st = registry_job(call, uid, site, &job, &found);

    *has = found && job.approved && lib_lists(job.roles, role);
    return st;
}
