/* collections.c: private data collections in the JSON that Fabric's tools take. */
#include "config/config.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

typedef struct reading {
    const char *path;
    fcc__arena *arena;
    fcc_error *error;
} reading;

/* JSON nodes carry no line: the collection and the key say where. */
static fcc_status wrong(const reading *r, const char *where, const char *key, const json_t *value, const char *expected)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    fcc_status st;

    if (text)
        st = fcc_error_set(r->error, FCC_ERR_CONFIG, "%s: %s: %s: %.200s: expected %s", r->path, where, key, text,
                           expected);
    else
        st = fcc_error_set(r->error, FCC_ERR_CONFIG, "%s: %s: %s: expected %s", r->path, where, key, expected);
    free(text);
    return st;
}

static fcc_status text_of(const reading *r, const char *where, const char *key, const json_t *value, const char **out)
{
    fcc_bytes copy;

    if (!json_is_string(value) || json_string_length(value) == 0)
        return wrong(r, where, key, value, "text");
    if (!fcc__arena_copy(r->arena, fcc_bytes_of(json_string_value(value), json_string_length(value)), &copy))
        return fcc_error_set(r->error, FCC_ERR_LIMIT, "%s: larger than a configuration may be", r->path);
    *out = (const char *)copy.data;
    return FCC_OK;
}

/* What Fabric allows: letters and digits, with _ and - between them; a leading underscore is the system's own. */
static bool name_ok(const char *name)
{
    size_t i;

    for (i = 0; name[i]; i++) {
        bool alnum = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                     (name[i] >= '0' && name[i] <= '9');

        if (!alnum && (i == 0 || (name[i] != '_' && name[i] != '-')))
            return false;
    }
    return i > 0;
}

static fcc_status number_of(const reading *r, const char *where, const char *key, const json_t *value, json_int_t max,
                            json_int_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max)
        return wrong(r, where, key, value, "a whole number from 0");
    *out = json_integer_value(value);
    return FCC_OK;
}

static fcc_status flag_of(const reading *r, const char *where, const char *key, const json_t *value, bool *out)
{
    if (!json_is_boolean(value))
        return wrong(r, where, key, value, "true or false");
    *out = json_is_true(value);
    return FCC_OK;
}

static fcc_status endorsement_of(const reading *r, const char *where, json_t *value, config_collection *out)
{
    const char *key;
    json_t *item;

    if (!json_is_object(value) || json_object_size(value) != 1)
        return wrong(r, where, "endorsementPolicy", value, "one of signaturePolicy and channelConfigPolicy");
    json_object_foreach(value, key, item)
    {
        if (strcmp(key, "signaturePolicy") == 0)
            return text_of(r, where, key, item, &out->endorsement_policy);
        if (strcmp(key, "channelConfigPolicy") == 0)
            return text_of(r, where, key, item, &out->endorsement_policy_ref);
    }
    return wrong(r, where, "endorsementPolicy", value, "one of signaturePolicy and channelConfigPolicy");
}

static fcc_status collection_of(const reading *r, size_t index, json_t *object, config_collection *out)
{
    json_int_t required = 0, max = 1, live = 0;
    const json_t *name = json_object_get(object, "name");
    char where[96];
    const char *key;
    json_t *value;
    fcc_status st = FCC_OK;

    snprintf(where, sizeof where, "collection %zu", index + 1);
    if (!json_is_object(object))
        return wrong(r, where, "collection", object, "an object");
    if (json_is_string(name))
        snprintf(where, sizeof where, "collection %.64s", json_string_value(name));
    json_object_foreach(object, key, value)
    {
        if (strcmp(key, "name") == 0)
            st = text_of(r, where, key, value, &out->name);
        else if (strcmp(key, "policy") == 0)
            st = text_of(r, where, key, value, &out->policy);
        else if (strcmp(key, "requiredPeerCount") == 0)
            st = number_of(r, where, key, value, INT32_MAX, &required);
        else if (strcmp(key, "maxPeerCount") == 0)
            st = number_of(r, where, key, value, INT32_MAX, &max);
        else if (strcmp(key, "blockToLive") == 0)
            st = number_of(r, where, key, value, INT64_MAX, &live);
        else if (strcmp(key, "memberOnlyRead") == 0)
            st = flag_of(r, where, key, value, &out->member_only_read);
        else if (strcmp(key, "memberOnlyWrite") == 0)
            st = flag_of(r, where, key, value, &out->member_only_write);
        else if (strcmp(key, "endorsementPolicy") == 0)
            st = endorsement_of(r, where, value, out);
        else
            st = wrong(r, where, key, NULL,
                       "one of name, policy, requiredPeerCount, maxPeerCount, blockToLive, memberOnlyRead, "
                       "memberOnlyWrite, endorsementPolicy");
        if (st != FCC_OK)
            return st;
    }
    if (!out->name || !out->policy)
        return wrong(r, where, out->name ? "policy" : "name", NULL, "this key, which is missing");
    if (!name_ok(out->name))
        return wrong(r, where, "name", name, "letters and digits, with _ and - after the first");
    if (max < required)
        return wrong(r, where, "maxPeerCount", json_object_get(object, "maxPeerCount"),
                     "at least requiredPeerCount (the default is 1)");
    out->required_peer_count = (int32_t)required;
    out->max_peer_count = (int32_t)max;
    out->block_to_live = (uint64_t)live;
    return FCC_OK;
}

fcc_status config_load_collections(const char *path, fcc__arena *arena, config_collections *out, fcc_error *error)
{
    const reading r = { path, arena, error };
    config_collection *all;
    json_error_t problem;
    json_t *root;
    size_t count, i, k;
    fcc_status st = FCC_OK;

    if (access(path, F_OK) != 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    root = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s:%d: not JSON: %s", path, problem.line, problem.text);
    count = json_array_size(root);
    all = fcc__arena_zalloc(arena, count + 1, sizeof *all);
    if (!json_is_array(root))
        st = wrong(&r, "file", "content", NULL, "an array of collections");
    else if (!all)
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: larger than a configuration may be", path);
    for (i = 0; st == FCC_OK && i < count; i++) {
        st = collection_of(&r, i, json_array_get(root, i), &all[i]);
        for (k = 0; st == FCC_OK && k < i; k++)
            if (strcmp(all[k].name, all[i].name) == 0)
                st = wrong(&r, all[i].name, "name", NULL, "each collection once");
    }
    json_decref(root);
    if (st != FCC_OK)
        return st;
    out->v = all;
    out->n = count;
    return FCC_OK;
}
