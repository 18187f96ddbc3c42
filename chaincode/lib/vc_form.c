/*
 * vc_form.c: whether a credential or a presentation has the form that the data model gives it.
 *
 * Sections are those of the Verifiable Credentials Data Model v2.0. What the model leaves open (claims, members that it
 * doesn't define) is taken as it comes.
 */
#include "lib/vc_parts.h"

#include "lib/json.h"

bool lib_vc_bad(lib_vc_fault *fault, const char *at, const char *why)
{
    *fault = (lib_vc_fault){ .at = at, .why = why };
    return false;
}

size_t lib_vc_count(const json_t *value)
{
    return json_is_array(value) ? json_array_size(value) : value != NULL;
}

const json_t *lib_vc_at(const json_t *value, size_t i)
{
    return json_is_array(value) ? json_array_get(value, i) : value;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- values ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool lib_vc_is_url(const char *s)
{
    const char *p = s;

    if (!is_letter(*p))
        return false;
    while (is_letter(*p) || (*p >= '0' && *p <= '9') || *p == '+' || *p == '-' || *p == '.')
        p++;
    if (*p != ':' || !p[1])
        return false;
    for (const char *c = p; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    }
    if ((p - s == 4 && strncmp(s, "http", 4) == 0) || (p - s == 5 && strncmp(s, "https", 5) == 0)) {
        size_t host;

        if (p[1] != '/' || p[2] != '/')
            return false;
        host = strcspn(p + 3, "/?#");
        return host > 0 && strcspn(p + 3, " <>\\^|%\"") >= host;
    }
    return true;
}

bool lib_vc_is_url_value(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && lib_vc_is_url(text);
}

/* An id that may be missing, but not be something else than one URL. */
static bool is_optional_url(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return !value || lib_vc_is_url_value(value);
}

/* Section 11.1: a text, or one with its language and direction. */
static bool is_language_value(const json_t *value)
{
    json_t *object = (json_t *)value, *member;
    const char *name;

    if (json_is_string(value))
        return true;
    if (!json_is_string(json_object_get(value, "@value")))
        return false;
    json_object_foreach(object, name, member)
    {
        const char *text = json_string_value(member);

        if (!text || (strcmp(name, "@value") != 0 && strcmp(name, "@language") != 0 &&
                      (strcmp(name, "@direction") != 0 || (strcmp(text, "ltr") != 0 && strcmp(text, "rtl") != 0))))
            return false;
    }
    return true;
}

static bool is_optional_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    for (size_t i = 0; i < lib_vc_count(value); i++) {
        if (!is_language_value(lib_vc_at(value, i)))
            return false;
    }
    return true;
}

/* ---- members ---- */

static bool issuer_form(const json_t *credential, lib_vc_fault *fault)
{
    const json_t *issuer = json_object_get(credential, "issuer");

    if (!issuer)
        return lib_vc_bad(fault, "issuer", "is missing");
    if (!json_is_object(issuer))
        return lib_vc_is_url_value(issuer) || lib_vc_bad(fault, "issuer", "is no URL");
    if (!lib_vc_is_url_value(json_object_get(issuer, "id")))
        return lib_vc_bad(fault, "issuer.id", "is no URL");
    if (!is_optional_text(issuer, "name"))
        return lib_vc_bad(fault, "issuer.name", "is no text");
    return is_optional_text(issuer, "description") || lib_vc_bad(fault, "issuer.description", "is no text");
}

static bool subject_form(const json_t *credential, lib_vc_fault *fault)
{
    const json_t *subjects = json_object_get(credential, "credentialSubject");

    if (lib_vc_count(subjects) == 0)
        return lib_vc_bad(fault, "credentialSubject", "is missing");
    for (size_t i = 0; i < lib_vc_count(subjects); i++) {
        const json_t *subject = lib_vc_at(subjects, i);

        if (json_object_size(subject) == 0)
            return lib_vc_bad(fault, "credentialSubject", "is no object with claims");
        if (!is_optional_url(subject, "id"))
            return lib_vc_bad(fault, "credentialSubject.id", "is no URL");
    }
    return true;
}

/* A time that may be missing: *out stays. */
static bool read_time(const json_t *credential, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(credential, name);

    return !value || (json_is_string(value) && lib_vc_time_parse(json_string_value(value), out));
}

static bool validity_form(const json_t *credential, int version, lib_vc_fault *fault)
{
    const char *from_name = version == 1 ? "issuanceDate" : "validFrom";
    const char *until_name = version == 1 ? "expirationDate" : "validUntil";
    int64_t from = INT64_MIN, until = INT64_MAX;

    if (version == 1 && !json_object_get(credential, from_name))
        return lib_vc_bad(fault, from_name, "is missing");
    if (!read_time(credential, from_name, &from))
        return lib_vc_bad(fault, from_name, "is no time");
    if (!read_time(credential, until_name, &until))
        return lib_vc_bad(fault, until_name, "is no time");
    return from <= until || lib_vc_bad(fault, until_name, "is before its begin");
}

/* What several members are: one object or several, with a type and perhaps an id. */
static const struct part {
    const char *name, *id, *type;
    bool needs_id;
} parts[] = {
    { "credentialStatus", "credentialStatus.id", "credentialStatus.type", false },
    { "credentialSchema", "credentialSchema.id", "credentialSchema.type", true },
    { "refreshService", "refreshService.id", "refreshService.type", false },
    { "termsOfUse", "termsOfUse.id", "termsOfUse.type", false },
    { "evidence", "evidence.id", "evidence.type", false },
};

static bool has_types(const json_t *object)
{
    const json_t *types = json_object_get(object, "type");

    for (size_t i = 0; i < lib_vc_count(types); i++) {
        const char *type = json_string_value(lib_vc_at(types, i));

        if (!type || !*type)
            return false;
    }
    return lib_vc_count(types) > 0;
}

static bool part_form(const json_t *document, const struct part *part, lib_vc_fault *fault)
{
    const json_t *all = json_object_get(document, part->name);

    for (size_t i = 0; i < lib_vc_count(all); i++) {
        const json_t *one = lib_vc_at(all, i);

        if (!json_is_object(one))
            return lib_vc_bad(fault, part->name, "is no object");
        if (!has_types(one))
            return lib_vc_bad(fault, part->type, "is no name or URL");
        if (!is_optional_url(one, "id"))
            return lib_vc_bad(fault, part->id, "is no URL");
        if (part->needs_id && !json_object_get(one, "id"))
            return lib_vc_bad(fault, part->id, "is missing");
    }
    return true;
}

/* Bitstring Status List, section 2.1; entries of other types are whatever their type says. */
static bool status_form(const json_t *credential, lib_vc_fault *fault)
{
    static const char *const names[][2] = {
        { "statusPurpose", "credentialStatus.statusPurpose" },
        { "statusListCredential", "credentialStatus.statusListCredential" },
        { "statusListIndex", "credentialStatus.statusListIndex" },
        { "statusSize", "credentialStatus.statusSize" },
    };
    const json_t *all = json_object_get(credential, "credentialStatus");

    for (size_t i = 0; i < lib_vc_count(all); i++) {
        lib_status_entry entry;
        const char *at;

        if (!lib_vc_has_type(lib_vc_at(all, i), "BitstringStatusListEntry"))
            continue;
        if (lib_status_entry_parse(lib_vc_at(all, i), &entry, &at)) {
            if (!lib_vc_is_url(entry.credential))
                return lib_vc_bad(fault, "credentialStatus.statusListCredential", "is no URL");
            continue;
        }
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (strcmp(names[k][0], at) == 0)
                return lib_vc_bad(fault, names[k][1], "is not that of a list of single bits");
        }
    }
    return true;
}

/* Section 5.3: what a resource is, and a digest of it; each once. */
static bool resources_form(const json_t *credential, lib_vc_fault *fault)
{
    const json_t *all = json_object_get(credential, "relatedResource");

    for (size_t i = 0; i < lib_vc_count(all); i++) {
        const json_t *one = lib_vc_at(all, i);

        if (!lib_vc_is_url_value(json_object_get(one, "id")))
            return lib_vc_bad(fault, "relatedResource.id", "is no URL");
        if (!text_of(one, "digestSRI") && !text_of(one, "digestMultibase"))
            return lib_vc_bad(fault, "relatedResource", "has no digest");
        for (size_t k = 0; k < i; k++) {
            if (json_equal(json_object_get(lib_vc_at(all, k), "id"), json_object_get(one, "id")))
                return lib_vc_bad(fault, "relatedResource.id", "occurs twice");
        }
    }
    return true;
}

static bool proof_form(const json_t *document, lib_vc_fault *fault)
{
    const json_t *all = json_object_get(document, "proof");

    for (size_t i = 0; i < lib_vc_count(all); i++) {
        if (!has_types(lib_vc_at(all, i)))
            return lib_vc_bad(fault, "proof", "is no object with a type");
    }
    return true;
}

/* ---- documents ---- */

bool lib_vc_form(const json_t *credential, lib_vc_fault *fault)
{
    int version = 2;

    if (!json_is_object(credential))
        return lib_vc_bad(fault, "", "is no object");
    if (!lib_vc_context_form(credential, "VerifiableCredential", &version, fault))
        return false;
    if (!is_optional_url(credential, "id"))
        return lib_vc_bad(fault, "id", "is no URL");
    if (!is_optional_text(credential, "name"))
        return lib_vc_bad(fault, "name", "is no text");
    if (!is_optional_text(credential, "description"))
        return lib_vc_bad(fault, "description", "is no text");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!part_form(credential, &parts[i], fault))
            return false;
    }
    return issuer_form(credential, fault) && subject_form(credential, fault) &&
           validity_form(credential, version, fault) && status_form(credential, fault) &&
           resources_form(credential, fault) && proof_form(credential, fault);
}

bool lib_vc_is_enveloped(const json_t *credential)
{
    const char *id = text_of(credential, "id");

    return lib_vc_has_type(credential, "EnvelopedVerifiableCredential") && id && strncmp(id, "data:", 5) == 0;
}

bool lib_vp_shell_form(const json_t *presentation, lib_vc_fault *fault)
{
    const json_t *holder = json_object_get(presentation, "holder");
    const json_t *credentials = json_object_get(presentation, "verifiableCredential");
    int version;

    if (!json_is_object(presentation))
        return lib_vc_bad(fault, "", "is no object");
    if (!lib_vc_context_form(presentation, "VerifiablePresentation", &version, fault))
        return false;
    if (!is_optional_url(presentation, "id"))
        return lib_vc_bad(fault, "id", "is no URL");
    if (json_is_object(holder) && !lib_vc_is_url_value(json_object_get(holder, "id")))
        return lib_vc_bad(fault, "holder.id", "is no URL");
    if (holder && !json_is_object(holder) && !lib_vc_is_url_value(holder))
        return lib_vc_bad(fault, "holder", "is no URL");
    for (size_t i = 0; i < lib_vc_count(credentials); i++) {
        if (!json_is_object(lib_vc_at(credentials, i)))
            return lib_vc_bad(fault, "verifiableCredential", "is no object");
    }
    return part_form(presentation, &parts[3], fault) && proof_form(presentation, fault);
}

bool lib_vp_form(const json_t *presentation, lib_vc_fault *fault)
{
    const json_t *credentials = json_object_get(presentation, "verifiableCredential");

    if (!lib_vp_shell_form(presentation, fault))
        return false;
    for (size_t i = 0; i < lib_vc_count(credentials); i++) {
        const json_t *credential = lib_vc_at(credentials, i);

        if (!lib_vc_is_enveloped(credential) && !lib_vc_form(credential, fault))
            return false;
    }
    return true;
}

/* ---- parts ---- */

const char *lib_vc_id(const json_t *credential)
{
    return text_of(credential, "id");
}

const char *lib_vc_issuer(const json_t *credential)
{
    const json_t *issuer = json_object_get(credential, "issuer");

    return json_is_object(issuer) ? text_of(issuer, "id") : json_string_value(issuer);
}

const char *lib_vc_subject(const json_t *credential)
{
    const json_t *subjects = json_object_get(credential, "credentialSubject");

    return lib_vc_count(subjects) == 1 ? text_of(lib_vc_at(subjects, 0), "id") : NULL;
}

bool lib_vc_has_type(const json_t *credential, const char *type)
{
    const json_t *types = json_object_get(credential, "type");

    for (size_t i = 0; i < lib_vc_count(types); i++) {
        const char *one = json_string_value(lib_vc_at(types, i));

        if (one && strcmp(one, type) == 0)
            return true;
    }
    return false;
}

void lib_vc_validity(const json_t *credential, int64_t *from, int64_t *until)
{
    const char *first = json_string_value(json_array_get(json_object_get(credential, "@context"), 0));
    bool old = first && strcmp(first, LIB_VC_CONTEXT_1) == 0;

    *from = INT64_MIN;
    *until = INT64_MAX;
    /* false for no time leaves them as they are: such a credential has no form */
    (void)read_time(credential, old ? "issuanceDate" : "validFrom", from);
    (void)read_time(credential, old ? "expirationDate" : "validUntil", until);
}

bool lib_vc_hash(const json_t *credential, uint8_t out[32])
{
    return lib_json_hash(credential, out);
}
