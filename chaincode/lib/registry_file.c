/*
 * registry_file.c: the stand-in for the chaincode `credentials`: a JSON file, read once at start.
 *
 * Its content: {"sites":[{"gln","msp","type","region","status"}], "staff":[{"uid","msp","site","roles","caps","status",
 * "licence":{"regions","status"}|null,"keys"}], "patients":[{"pid","msp","status","keys","link"?,
 * "minorUntil"?,"guardians"?:[{"pid","scope","from","to"}],"assigned"?:[uid]}], "custody":[{"msp","pub"}],
 * "retention":[{"gln","class","years"}]}. It is the configuration of a network for trying things out, with some dozens
 * of entries, so every question is a walk through a list. Nothing changes after start: several threads may ask.
 */
#include "lib/registry.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "lib/call.h"

static json_t *root;

static bool text_is(const json_t *object, const char *name, const char *value)
{
    const char *have = json_string_value(json_object_get(object, name));

    return have && value && strcmp(have, value) == 0;
}

static bool lists(const json_t *array, const char *value)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *have = json_string_value(json_array_get(array, i));

        if (have && value && strcmp(have, value) == 0)
            return true;
    }
    return false;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* The first entry of a list for which one or two fields have these values. */
static const json_t *find(const char *list, const char *name, const char *value, const char *name2, const char *value2)
{
    const json_t *entries = json_object_get(root, list);

    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);

        if (text_is(entry, name, value) && (!name2 || text_is(entry, name2, value2)))
            return entry;
    }
    return NULL;
}

static const json_t *find_key(const char *list, const char *fp)
{
    const json_t *entries = json_object_get(root, list);

    for (size_t i = 0; i < json_array_size(entries); i++)
        if (lists(json_object_get(json_array_get(entries, i), "keys"), fp))
            return json_array_get(entries, i);
    return NULL;
}

bool registry_is_file(void)
{
    return root != NULL;
}

static json_t *key_answer(const char *fp)
{
    const json_t *entry = find_key("staff", fp);

    if (entry)
        return json_pack("{s:s,s:s,s:s}", "uid", text_of(entry, "uid"), "site", text_of(entry, "site"), "msp",
                         text_of(entry, "msp"));
    entry = find_key("patients", fp);
    return entry ? json_pack("{s:s,s:s}", "pid", text_of(entry, "pid"), "msp", text_of(entry, "msp")) : json_null();
}

static json_t *patient_answer(const char *pid)
{
    const json_t *entry = find("patients", "pid", pid, NULL, NULL);
    const json_t *linked = entry ? find("patients", "pid", text_of(entry, "link"), NULL, NULL) : NULL;
    char minor_until[LIB_TIME_SIZE];
    json_int_t of_age;

    if (!entry)
        return json_null();
    if (linked)
        entry = linked;
    of_age = json_integer_value(json_object_get(entry, "minorUntil")); /* 0: of age */
    lib_time_format(of_age, minor_until);
    return json_pack("{s:s,s:s,s:b,s:s*}", "pid", text_of(entry, "pid"), "status", text_of(entry, "status"), "hasKey",
                     json_array_size(json_object_get(entry, "keys")) > 0, "minorUntil", of_age ? minor_until : NULL);
}

static json_t *guardian_answer(const char *pid, const char *gpid)
{
    const json_t *entries = json_object_get(find("patients", "pid", pid, NULL, NULL), "guardians");

    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        char from[LIB_TIME_SIZE], to[LIB_TIME_SIZE];

        if (!text_is(entry, "pid", gpid))
            continue;
        lib_time_format(json_integer_value(json_object_get(entry, "from")), from);
        lib_time_format(json_integer_value(json_object_get(entry, "to")), to);
        return json_pack("{s:O,s:s,s:s}", "scope", json_object_get(entry, "scope"), "from", from, "to", to);
    }
    return json_null();
}

static json_t *person_answer(const char *uid)
{
    const json_t *entry = find("staff", "uid", uid, NULL, NULL);

    return entry ? json_pack("{s:[{s:s}]}", "jobs", "msp", text_of(entry, "msp")) : json_null();
}

static json_t *job_answer(const char *uid, const char *site)
{
    const json_t *entry = find("staff", "uid", uid, "site", site);

    return entry ? json_pack("{s:b,s:O,s:O}", "approved", text_is(entry, "status", "approved"), "roles",
                             json_object_get(entry, "roles"), "caps", json_object_get(entry, "caps"))
                 : json_null();
}

static json_t *check_answer(const char *subject, const char *capability, const char *region)
{
    const json_t *entries = json_object_get(root, "staff");
    bool valid = false;

    for (size_t i = 0; strcmp(capability, "licence") == 0 && i < json_array_size(entries) && !valid; i++) {
        const json_t *entry = json_array_get(entries, i), *licence = json_object_get(entry, "licence");

        valid = text_is(entry, "uid", subject) && text_is(licence, "status", "valid") &&
                lists(json_object_get(licence, "regions"), region);
    }
    return json_boolean(valid);
}

static json_t *answer_of(registry_question question, const char *const about[3])
{
    json_t *site;

    switch (question) {
    case REGISTRY_KEY:
        return key_answer(about[0]);
    case REGISTRY_SITE:
        site = (json_t *)find("sites", "gln", about[0], NULL, NULL);
        return site ? json_incref(site) : json_null();
    case REGISTRY_MSP:
        return json_boolean(find("sites", "msp", about[0], NULL, NULL) != NULL);
    case REGISTRY_PERSON:
        return person_answer(about[0]);
    case REGISTRY_JOB:
        return job_answer(about[0], about[1]);
    case REGISTRY_PATIENT:
        return patient_answer(about[0]);
    case REGISTRY_GUARDIAN:
        return guardian_answer(about[0], about[1]);
    case REGISTRY_ASSIGNED:
        return json_boolean(
            lists(json_object_get(find("patients", "pid", about[0], NULL, NULL), "assigned"), about[1]));
    case REGISTRY_CHECK:
        return check_answer(about[0], about[1], about[2]);
    }
    return NULL;
}

fcc_status registry_from_file(struct lib_call *call, registry_question question, const char *const about[3],
                              const json_t **answer)
{
    *answer = lib_own(call, answer_of(question, about));
    return *answer ? FCC_OK : FCC_ERR_NOMEM;
}

/* ---- reading it ---- */

static fcc_status take(json_t *loaded, const json_error_t *why, const char *name, fcc_error *error)
{
    static const char *const needed[] = { "sites", "staff", "patients", "custody", "retention" };

    if (!loaded && why->line < 1)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s", name, why->text);
    if (!loaded)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: line %d: %s", name, why->line, why->text);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!json_is_array(json_object_get(loaded, needed[i]))) {
            json_decref(loaded);
            return fcc_error_set(error, FCC_ERR_CONFIG, "%s: the list \"%s\" is missing", name, needed[i]);
        }
    }
    json_decref(root);
    root = loaded;
    return FCC_OK;
}

fcc_status registry_load_file(const char *path, fcc_error *error)
{
    json_error_t why = { 0 };

    return take(json_load_file(path, JSON_REJECT_DUPLICATES, &why), &why, path, error);
}

fcc_status registry_load_text(const char *text, fcc_error *error)
{
    json_error_t why = { 0 };

    return take(json_loads(text, JSON_REJECT_DUPLICATES, &why), &why, "the registry", error);
}

void registry_unload(void)
{
    json_decref(root);
    root = NULL;
}
