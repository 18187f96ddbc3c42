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

fcc_status registry_key(struct lib_call *call, const char *fp, struct registry_key *out, bool *found)
{
    const json_t *entry = find_key("staff", fp);

    *found = true;
    if (entry) {
        *out = (struct registry_key){ .uid = text_of(entry, "uid"),
                                      .site = text_of(entry, "site"),
                                      .msp = text_of(entry, "msp") };
    } else if ((entry = find_key("patients", fp)) != NULL) {
        *out = (struct registry_key){ .pid = text_of(entry, "pid"), .msp = text_of(entry, "msp") };
    } else {
        *found = false;
    }
    return FCC_OK;
}

fcc_status registry_site(struct lib_call *call, const char *gln, struct registry_site *out, bool *found)
{
    const json_t *entry = find("sites", "gln", gln, NULL, NULL);

    *found = entry != NULL;
    if (entry)
        *out = (struct registry_site){ .msp = text_of(entry, "msp"),
                                       .type = text_of(entry, "type"),
                                       .region = text_of(entry, "region"),
                                       .approved = text_is(entry, "status", "approved") };
    return FCC_OK;
}

fcc_status registry_patient(struct lib_call *call, const char *pid, struct registry_patient *out, bool *found)
{
    const json_t *entry = find("patients", "pid", pid, NULL, NULL);
    const json_t *linked = entry ? find("patients", "pid", text_of(entry, "link"), NULL, NULL) : NULL;
    json_int_t minor_until;

    *found = entry != NULL;
    if (linked)
        entry = linked;
    minor_until = json_integer_value(json_object_get(entry, "minorUntil")); /* 0: of age */
    if (entry)
        *out = (struct registry_patient){
            .pid = text_of(entry, "pid"),
            .active = text_is(entry, "status", "active"),
            .provisional = text_is(entry, "status", "provisional"),
            .deceased = text_is(entry, "status", "deceased"),
            .minor = minor_until > 0 &&
                     call->now<minor_until, .has_key = json_array_size(json_object_get(entry, "keys"))> 0
        };
    return FCC_OK;
}

fcc_status registry_guardian(struct lib_call *call, const char *pid, const char *gpid, const char *scope, bool *is)
{
    const json_t *entries = json_object_get(find("patients", "pid", pid, NULL, NULL), "guardians");

    *is = false;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        int64_t from = json_integer_value(json_object_get(entry, "from"));
        int64_t to = json_integer_value(json_object_get(entry, "to"));

        if (text_is(entry, "pid", gpid) && lists(json_object_get(entry, "scope"), scope) && from <= call->now &&
            call->now <= to)
            *is = true;
    }
    return FCC_OK;
}

fcc_status registry_assigned(struct lib_call *call, const char *pid, const char *uid, bool *is)
{
    *is = lists(json_object_get(find("patients", "pid", pid, NULL, NULL), "assigned"), uid);
    return FCC_OK;
}

fcc_status registry_msp(struct lib_call *call, const char *msp, bool *found)
{
    *found = find("sites", "msp", msp, NULL, NULL) != NULL;
    return FCC_OK;
}

fcc_status registry_person(struct lib_call *call, const char *uid, const char **msp, bool *found)
{
    const json_t *entry = find("staff", "uid", uid, NULL, NULL);

    *found = entry != NULL;
    if (entry && msp)
        *msp = text_of(entry, "msp");
    return FCC_OK;
}

fcc_status registry_has_cap(struct lib_call *call, const char *uid, const char *site, const char *cap, bool *has)
{
    const json_t *entry = find("staff", "uid", uid, "site", site);

    *has = entry && text_is(entry, "status", "approved") && lists(json_object_get(entry, "caps"), cap);
    return FCC_OK;
}

fcc_status registry_has_role(struct lib_call *call, const char *uid, const char *site, const char *role, bool *has)
{
    const json_t *entry = find("staff", "uid", uid, "site", site);

    *has = entry && text_is(entry, "status", "approved") && lists(json_object_get(entry, "roles"), role);
    return FCC_OK;
}

fcc_status registry_check(struct lib_call *call, const char *subject, const char *capability, const char *region,
                          bool *valid)
{
    const json_t *entries = json_object_get(root, "staff");

    *valid = false;
    if (strcmp(capability, "licence") != 0)
        return FCC_OK;
    for (size_t i = 0; i < json_array_size(entries) && !*valid; i++) {
        const json_t *entry = json_array_get(entries, i), *licence = json_object_get(entry, "licence");

        *valid = text_is(entry, "uid", subject) && text_is(licence, "status", "valid") &&
                 lists(json_object_get(licence, "regions"), region);
    }
    return FCC_OK;
}

fcc_status registry_custody(struct lib_call *call, const char *msp, const char **pub, bool *found)
{
    const json_t *entry = find("custody", "msp", msp, NULL, NULL);

    *found = entry && text_of(entry, "pub");
    if (*found && pub)
        *pub = text_of(entry, "pub");
    return FCC_OK;
}

fcc_status registry_retention(struct lib_call *call, const char *gln, const char *class_, int *years, bool *found)
{
    const json_t *entry = find("retention", "gln", gln, "class", class_);
    json_int_t n = json_integer_value(json_object_get(entry, "years"));

    *found = entry && n >= 0 && n <= 1000;
    if (*found)
        *years = (int)n;
    return FCC_OK;
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
