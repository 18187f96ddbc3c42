/*
 * vc_context.c: the contexts and types of credentials, as far as they can be judged without processing JSON-LD.
 *
 * Contexts are never fetched. Objects among them are read: they must not give another meaning to a term that the data
 * model's own context, or an object before them, protects, and a type that they define must be defined as a URL.
 */
#include "lib/vc_parts.h"

/* Of both data models' contexts. "id" and "type" may be repeated as they are. */
static const char *const protected_terms[] = { "BitstringStatusList",
                                               "BitstringStatusListCredential",
                                               "BitstringStatusListEntry",
                                               "DataIntegrityProof",
                                               "EnvelopedVerifiableCredential",
                                               "EnvelopedVerifiablePresentation",
                                               "JsonSchema",
                                               "JsonSchemaCredential",
                                               "VerifiableCredential",
                                               "VerifiablePresentation",
                                               "description",
                                               "digestMultibase",
                                               "digestSRI",
                                               "mediaType",
                                               "name",
                                               "proof" };

static bool is_listed(const char *term)
{
    for (size_t i = 0; i < sizeof(protected_terms) / sizeof(protected_terms[0]); i++) {
        if (strcmp(protected_terms[i], term) == 0)
            return true;
    }
    return false;
}

static bool is_protected(const char *term, const json_t *definition)
{
    const char *text = json_string_value(definition);

    if (strcmp(term, "id") == 0)
        return !text || strcmp(text, "@id") != 0;
    if (strcmp(term, "type") == 0)
        return !text || strcmp(text, "@type") != 0;
    return is_listed(term);
}

/* Whether a context protects its definition of a term, by itself or as a whole. */
static bool protects(const json_t *context, const json_t *definition)
{
    const json_t *own = json_object_get(definition, "@protected");

    return json_is_true(own ? own : json_object_get(context, "@protected"));
}

/* No term of the context at `i` has another, protected definition in an object before it. */
static bool agrees_with_earlier(const json_t *contexts, size_t i)
{
    json_t *context = json_array_get(contexts, i), *definition;
    const char *term;

    json_object_foreach(context, term, definition)
    {
        if (term[0] == '@')
            continue;
        for (size_t k = 1; k < i; k++) {
            const json_t *earlier = json_array_get(contexts, k), *old = json_object_get(earlier, term);

            if (old && protects(earlier, old) && !json_equal(old, definition))
                return false;
        }
    }
    return true;
}

static bool object_form(const json_t *contexts, size_t i, lib_vc_fault *fault)
{
    json_t *context = json_array_get(contexts, i), *definition;
    const char *term;

    json_object_foreach(context, term, definition)
    {
        if (is_protected(term, definition))
            return lib_vc_bad(fault, "@context", "redefines a term of the data model");
    }
    return agrees_with_earlier(contexts, i) || lib_vc_bad(fault, "@context", "redefines a protected term");
}

/* Whether a context other than the data model's may define a term that the objects don't: a fetched one, or a vocabulary. */
static bool others_may_define(const json_t *contexts)
{
    for (size_t i = 1; i < json_array_size(contexts); i++) {
        const json_t *context = json_array_get(contexts, i);

        if (!json_is_object(context) || json_is_string(json_object_get(context, "@vocab")) ||
            json_object_get(context, "@import"))
            return true;
    }
    return false;
}

/* What the objects among the contexts last say a type is: its URL, or a term of yet another context. */
static bool type_stands_for_url(const json_t *contexts, const char *type)
{
    for (size_t i = json_array_size(contexts); i-- > 1;) {
        const json_t *definition = json_object_get(json_array_get(contexts, i), type);
        const char *url = json_string_value(json_is_object(definition) ? json_object_get(definition, "@id")
                                                                       : definition);

        if (!definition)
            continue;
        return url && *url && (strchr(url, ':') ? lib_vc_is_url(url) : !strpbrk(url, " \t\r\n"));
    }
    if (strchr(type, ':'))
        return lib_vc_is_url(type);
    return is_listed(type) || others_may_define(contexts);
}

static bool types_form(const json_t *document, const char *required, lib_vc_fault *fault)
{
    const json_t *types = json_object_get(document, "type"), *contexts = json_object_get(document, "@context");

    if (!types)
        return lib_vc_bad(fault, "type", "is missing");
    for (size_t i = 0; i < lib_vc_count(types); i++) {
        const char *type = json_string_value(lib_vc_at(types, i));

        if (!type || !*type)
            return lib_vc_bad(fault, "type", "is no name or URL");
        if (!type_stands_for_url(contexts, type))
            return lib_vc_bad(fault, "type", "stands for no URL");
    }
    return lib_vc_has_type(document, required) || lib_vc_bad(fault, "type", "lacks the data model's own");
}

bool lib_vc_context_form(const json_t *document, const char *required, int *version, lib_vc_fault *fault)
{
    const json_t *contexts = json_object_get(document, "@context");
    const char *first = json_string_value(json_array_get(contexts, 0));

    if (!json_is_array(contexts))
        return lib_vc_bad(fault, "@context", contexts ? "is no array" : "is missing");
    if (first && strcmp(first, LIB_VC_CONTEXT_2) == 0)
        *version = 2;
    else if (first && strcmp(first, LIB_VC_CONTEXT_1) == 0)
        *version = 1;
    else
        return lib_vc_bad(fault, "@context", "does not begin with the data model's");
    for (size_t i = 1; i < json_array_size(contexts); i++) {
        const json_t *context = json_array_get(contexts, i);

        if (json_is_object(context)) {
            if (!object_form(contexts, i, fault))
                return false;
        } else if (!lib_vc_is_url_value(context)) {
            return lib_vc_bad(fault, "@context", "has what is neither URL nor object");
        }
    }
    return types_form(document, required, fault);
}
