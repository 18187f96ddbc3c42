/*
 * The attributes that a Fabric CA puts into a certificate: an extension whose content is JSON as it is,
 * {"attrs":{"name":"value"}}, without an ASN.1 string around it.
 *
 * Source: fabric-chaincode-go v2.3.0 pkg/attrmgr/attrmgr.go
 */
#include "identity/internal.h"

#include <jansson.h>

static const char attributes_oid[] = "1.2.3.4.5.6.7.8.1";

/* Handlers run on small stacks, and the JSON library recurses: look at the nesting first. Attributes need two levels. */
static bool is_flat(fcc_bytes json)
{
    enum { MOST = 16 };
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < json.len; i++) {
        uint8_t c = json.data[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > MOST)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* The extension's content; false without it. */
static bool find_extension(X509 *cert, fcc_bytes *out)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        const ASN1_OCTET_STRING *content = X509_EXTENSION_get_data(extension);
        char oid[64];

        if (OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(extension), 1) <= 0 ||
            strcmp(oid, attributes_oid) != 0)
            continue;
        *out = fcc_bytes_of(ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content));
        return true;
    }
    return false;
}

static fcc_status unreadable(fcc_error *error, const char *reason)
{
    return fcc_error_set(error, FCC_ERR_PROTO,
                         "failed to get attributes from the transaction invoker's certificate: "
                         "failed to unmarshal attributes from certificate: %s",
                         reason);
}

/* As Go reads a map of strings: null is the empty string, anything else than a string is an error. */
static fcc_status read_attributes(fcc__arena *arena, json_t *attrs, fcc__identity *out, fcc_error *error)
{
    size_t n = 0;
    fcc__attribute *list;
    const char *name;
    json_t *value;

    if (!attrs || json_is_null(attrs))
        return FCC_OK;
    if (!json_is_object(attrs))
        return unreadable(error, "attrs is not an object");
    list = fcc__arena_zalloc(arena, json_object_size(attrs), sizeof(*list));
    if (!list)
        return fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
    json_object_foreach(attrs, name, value)
    {
        fcc_bytes text;

        if (!json_is_string(value) && !json_is_null(value))
            return unreadable(error, "an attribute is not a string");
        text = fcc_bytes_of(json_string_value(value), json_string_length(value));
        if (!fcc__arena_copy(arena, fcc_str(name), &list[n].name) || !fcc__arena_copy(arena, text, &list[n].value))
            return fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
        n++;
    }
    out->attributes = list;
    out->attribute_count = n;
    return FCC_OK;
}

fcc_status fcc__identity_attributes(fcc__arena *arena, X509 *cert, fcc__identity *out, fcc_error *error)
{
    fcc_bytes content;
    json_error_t reason;
    json_t *json;
    fcc_status st;

    if (!find_extension(cert, &content))
        return FCC_OK;
    if (!is_flat(content))
        return unreadable(error, "nested too deeply");
    json = json_loadb((const char *)content.data, content.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &reason);
    if (!json)
        return unreadable(error, reason.text);
    if (!json_is_object(json) && !json_is_null(json))
        st = unreadable(error, "not an object");
    else
        st = read_attributes(arena, json_object_get(json, "attrs"), out, error);
    json_decref(json);
    return st;
}
