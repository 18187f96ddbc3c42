/* did.c: what is a DID of ours, and which keys its document gives for what. */
#include "lib/did.h"

#include "lib/vc.h"

#include <stdlib.h>

/* ---- identifiers ---- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* DID Core's idchar at *s; steps over it. */
static bool id_char(const char **s)
{
    const char *p = *s;

    if (is_alnum(*p) || *p == '.' || *p == '-' || *p == '_') {
        *s = p + 1;
        return true;
    }
    if (*p != '%' || !is_hex(p[1]) || !is_hex(p[2]))
        return false;
    *s = p + 3;
    return true;
}

/* The method's name and the part behind it. */
static const char *behind_method(const char *did, size_t *method_len)
{
    const char *p = did + 4;

    if (strncmp(did, "did:", 4) != 0 || strlen(did) > LIB_DID_MAX)
        return NULL;
    while (is_lower(*p) || is_digit(*p))
        p++;
    *method_len = (size_t)(p - did) - 4;
    return *method_len && *p == ':' ? p + 1 : NULL;
}

bool lib_did_is_any(const char *did)
{
    size_t method_len;
    const char *p = behind_method(did, &method_len);
    bool ends_in_id = false;

    if (!p)
        return false;
    while (*p) {
        ends_in_id = *p != ':';
        if (*p == ':')
            p++;
        else if (!id_char(&p))
            return false;
    }
    return ends_in_id;
}

/* A domain name in lower case, no address: labels of letters, digits and inner hyphens, the last one no number. */
static bool is_host(const char *s, size_t len)
{
    size_t label = 0, dots = 0;
    bool number = true;

    if (len == 9 && memcmp(s, "localhost", 9) == 0)
        return true;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.') {
            if (label == 0 || s[i - 1] == '-')
                return false;
            dots++;
            label = 0;
            number = true;
        } else if (is_lower(s[i]) || is_digit(s[i]) || (s[i] == '-' && label)) {
            number = number && is_digit(s[i]);
            if (++label > 63)
                return false;
        } else {
            return false;
        }
    }
    return dots && label && !number && s[len - 1] != '-' && len <= 253;
}

/* host[%3Aport][:segment]... */
static bool is_web(const char *s)
{
    size_t host = strcspn(s, "%:");
    const char *p = s + host;

    if (!is_host(s, host))
        return false;
    if (strncmp(p, "%3A", 3) == 0) {
        size_t digits = strspn(p + 3, "0123456789");

        if (digits < 1 || digits > 5 || p[3] == '0' || strtol(p + 3, NULL, 10) > 65535)
            return false;
        p += 3 + digits;
    }
    while (*p == ':') {
        const char *segment = ++p;

        while (*p && *p != ':') {
            if (!id_char(&p))
                return false;
        }
        if (p == segment)
            return false;
    }
    return *p == 0;
}

static bool is_medsync(const char *s)
{
    size_t len = 0;

    for (; s[len]; len++) {
        if (!is_alnum(s[len]) && s[len] != '.' && s[len] != '_' && s[len] != '-')
            return false;
    }
    return len >= 1 && len <= 64;
}

lib_did_method lib_did_parse(const char *did)
{
    size_t method_len;
    const char *id = behind_method(did, &method_len);
    const char *method = did + 4;
    lib_public_key key;

    if (!id)
        return LIB_DID_NONE;
    if (method_len == 3 && memcmp(method, "key", 3) == 0)
        return lib_key_from_multibase(id, &key) ? LIB_DID_KEY : LIB_DID_NONE;
    if (method_len == 3 && memcmp(method, "web", 3) == 0)
        return is_web(id) ? LIB_DID_WEB : LIB_DID_NONE;
    if (method_len == 7 && memcmp(method, "medsync", 7) == 0)
        return is_medsync(id) ? LIB_DID_MEDSYNC : LIB_DID_NONE;
    return LIB_DID_NONE;
}

/* ---- documents ---- */

static const char *const relationships[] = { "assertionMethod", "authentication", "capabilityDelegation",
                                             "capabilityInvocation", "keyAgreement" };

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

json_t *lib_did_key_document(const char *did)
{
    const char *multibase = did + strlen("did:key:");

    if (lib_did_parse(did) != LIB_DID_KEY)
        return NULL;
    return json_pack("{s:[s,s],s:s,s:[{s:s++,s:s,s:s,s:s}],s:[s++],s:[s++],s:[s++],s:[s++]}", "@context",
                     "https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1", "id", did,
                     "verificationMethod", "id", did, "#", multibase, "type", "Multikey", "controller", did,
                     "publicKeyMultibase", multibase, "assertionMethod", did, "#", multibase, "authentication", did,
                     "#", multibase, "capabilityDelegation", did, "#", multibase, "capabilityInvocation", did, "#",
                     multibase);
}

/* What stands before '#' has the length of the DID and is it, or nothing: a relative id. */
static bool is_below(const char *id, const char *did)
{
    const char *hash = strchr(id, '#');
    size_t len = hash ? (size_t)(hash - id) : 0;

    return hash && hash[1] && !strchr(hash + 1, '#') && (len == 0 || (len == strlen(did) && memcmp(id, did, len) == 0));
}

/* The same method, whether named relatively or not. */
static bool same_method(const char *a, const char *b, const char *did)
{
    return is_below(a, did) && is_below(b, did) && strcmp(strchr(a, '#'), strchr(b, '#')) == 0;
}

static bool read_key(const json_t *method, lib_public_key *out)
{
    const char *type = text_of(method, "type"), *multibase = text_of(method, "publicKeyMultibase");
    const json_t *jwk = json_object_get(method, "publicKeyJwk");

    if (!type || (multibase && jwk))
        return false;
    if (strcmp(type, "Multikey") == 0)
        return multibase && lib_key_from_multibase(multibase, out);
    if (strcmp(type, "JsonWebKey") == 0 || strcmp(type, "JsonWebKey2020") == 0)
        return jwk && lib_key_from_jwk(jwk, out);
    if (strcmp(type, "Ed25519VerificationKey2020") == 0)
        return multibase && lib_key_from_multibase(multibase, out) && out->type == LIB_KEY_ED25519;
    return false;
}

static bool has_secret(const json_t *method)
{
    return json_object_get(method, "secretKeyMultibase") || json_object_get(method, "privateKeyMultibase") ||
           json_object_get(method, "privateKeyJwk") || json_object_get(method, "secretKeyJwk") ||
           json_object_get(json_object_get(method, "publicKeyJwk"), "d");
}

/* A time that may be missing: *out stays; false for what is no time. */
static bool read_time(const json_t *method, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(method, name);

    return !value || (json_is_string(value) && lib_vc_time_parse(json_string_value(value), out));
}

static bool method_check(const json_t *method, const char *did, const char **why)
{
    const char *id = text_of(method, "id"), *controller = text_of(method, "controller");
    int64_t time;
    lib_public_key key;

    if (has_secret(method))
        *why = "a verification method holds a private key";
    else if (!id || !is_below(id, did))
        *why = "a verification method's id is not below the DID";
    else if (!controller || strcmp(controller, did) != 0)
        *why = "a verification method has another controller than the DID";
    else if (!read_key(method, &key))
        *why = "a verification method has no Ed25519, P-256 or P-384 key as Multikey or JWK";
    else if (!read_time(method, "expires", &time) || !read_time(method, "revoked", &time))
        *why = "a verification method's expires or revoked is no time";
    else
        return true;
    return false;
}

static const json_t *find_in(const json_t *methods, const char *url, const char *did)
{
    for (size_t i = 0; i < json_array_size(methods); i++) {
        const json_t *method = json_array_get(methods, i);
        const char *id = text_of(method, "id");

        if (id && same_method(id, url, did))
            return method;
    }
    return NULL;
}

static bool relationship_check(const json_t *document, const char *name, const char **why)
{
    const json_t *list = json_object_get(document, name);
    const char *did = text_of(document, "id");

    if (!list)
        return true;
    if (!json_is_array(list)) {
        *why = "a relationship is no array";
        return false;
    }
    /* keys for encryption are of curves that we don't read */
    if (strcmp(name, "keyAgreement") == 0)
        return true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (json_is_object(item)) {
            if (!method_check(item, did, why))
                return false;
        } else if (!json_is_string(item) ||
                   !find_in(json_object_get(document, "verificationMethod"), json_string_value(item), did)) {
            *why = "a relationship names a verification method that is not there";
            return false;
        }
    }
    return true;
}

bool lib_did_document_check(const json_t *document, const char *did, const char **why)
{
    const json_t *methods = json_object_get(document, "verificationMethod");
    const char *id = text_of(document, "id");

    if (!id || strcmp(id, did) != 0) {
        *why = "id is not the DID";
        return false;
    }
    if (!json_is_array(methods) || json_array_size(methods) < 1 || json_array_size(methods) > LIB_DID_MAX_KEYS) {
        *why = "verificationMethod has not 1 to 32 elements";
        return false;
    }
    for (size_t i = 0; i < json_array_size(methods); i++) {
        const json_t *method = json_array_get(methods, i);

        if (!method_check(method, did, why))
            return false;
        if (find_in(methods, text_of(method, "id"), did) != method) {
            *why = "two verification methods have one id";
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(relationships) / sizeof(relationships[0]); i++) {
        if (!relationship_check(document, relationships[i], why))
            return false;
    }
    return true;
}

lib_did_key_result lib_did_find_key(const json_t *document, const char *url, const char *relationship, int64_t now,
                                    lib_public_key *out)
{
    const char *did = text_of(document, "id"), *controller;
    const json_t *list = json_object_get(document, relationship);
    const json_t *method = did ? find_in(json_object_get(document, "verificationMethod"), url, did) : NULL;
    int64_t expires = INT64_MAX, revoked = INT64_MAX;
    bool named = false;

    if (!did)
        return LIB_DID_KEY_UNKNOWN;
    for (size_t i = 0; i < json_array_size(list) && !named; i++) {
        const json_t *item = json_array_get(list, i);

        named = method && json_is_string(item) && same_method(json_string_value(item), url, did);
    }
    if (!named) {
        const json_t *embedded = find_in(list, url, did);

        if (!embedded)
            return method ? LIB_DID_KEY_NOT_FOR_THIS : LIB_DID_KEY_UNKNOWN;
        method = embedded;
    }
    controller = text_of(method, "controller");
    if (!controller || strcmp(controller, did) != 0)
        return LIB_DID_KEY_UNKNOWN;
    if (!read_time(method, "expires", &expires) || !read_time(method, "revoked", &revoked) || !read_key(method, out))
        return LIB_DID_KEY_UNREADABLE;
    if (revoked <= now)
        return LIB_DID_KEY_REVOKED;
    return expires <= now ? LIB_DID_KEY_EXPIRED : LIB_DID_KEY_OK;
}
