/*
 * setup.c: what the organisations' administrators set: the salt of the collection subject, the custody keys and how
 * long each class of records is kept at a site.
 */
#include "ehr/parts.h"

enum { max_years = 1000 };

static const lib_field setup_fields[] = { { .name = "salt", .type = LIB_HEX, .max = 64 } };
static const lib_field set_custody_key_args[] = { { .name = "pub", .type = LIB_HEX, .max = 64 } };
static const lib_field set_retention_args[] = { { .name = "gln", .type = LIB_ID },
                                                { .name = "class", .type = LIB_ID },
                                                { .name = "years", .type = LIB_INT, .min = 0, .max = max_years } };

LIB_DEFINE(ehr_setup, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(setup_fields), .reads = "subject SALT", .writes = "subject SALT", .endorsers = "CC")
LIB_DEFINE(ehr_set_custody_key, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, LIB_ARGS(set_custody_key_args),
           .callers = "admin of H, C, for the own organisation", .reads = "CUST", .writes = "CUST", .endorsers = "CC")
LIB_DEFINE(ehr_set_retention, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, LIB_ARGS(set_retention_args),
           .callers = "admin of H, C, for a site of the own organisation", .reads = "CLASS", .writes = "CLASS",
           .endorsers = "CC")

fcc_status ehr_salt(lib_call *call, const char **salt)
{
    return lib_kept_salt(call, EHR_SUBJECT, salt);
}

static fcc_status ehr_setup(lib_call *call)
{
    return lib_keep_salt(call, EHR_SUBJECT);
}

/* ---- custody ---- */

fcc_status ehr_require_custody(lib_call *call, const char *msp)
{
    const json_t *kept = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "CUST", msp, NULL, NULL), &kept);

    if (st != FCC_OK)
        return st;
    return kept ? FCC_OK : lib_refuse(call, LIB_PRECONDITION, "the organisation has no custody key: SetCustodyKey");
}

/* A new key is for records from now on: the custodian keeps the old one for what was sealed to it. */
static fcc_status ehr_set_custody_key(lib_call *call)
{
    const char *msp = call->caller.msp, *pub = lib_arg_text(call, "pub"), *before;
    fcc_bytes key = lib_key(call, "CUST", msp, NULL, NULL);
    const json_t *old = NULL;
    fcc_status st;

    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    before = lib_text(old, "pub");
    if (before && strcmp(before, pub) == 0)
        return lib_refuse(call, LIB_ALREADY, "this is the organisation's custody key");
    return lib_write(call, NULL, key,
                     json_pack("{s:i,s:i,s:s,s:s}", "fmt", 1, "v", lib_version(old) + 1, "msp", msp, "pub", pub));
}

/* ---- retention ---- */

enum { MOST_CLASSES = 64 };

/*
 * One key holds all classes of a site: its read is public, and a class of one's own ("imaging") would tell what kind of
 * records somebody has.
 */
fcc_status ehr_retention(lib_call *call, const char *const *classes, size_t count, int *years)
{
    const json_t *table = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "CLASS", call->caller.site, NULL, NULL), &table);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < count; i++) {
        const json_t *kept = json_object_get(json_object_get(table, "classes"), classes[i]);

        if (!kept)
            return lib_refuse(call, LIB_PRECONDITION, "class of record %zu is not in the site's table: SetRetention",
                              i + 1);
        years[i] = (int)json_integer_value(kept);
    }
    return FCC_OK;
}

/* Records that exist keep the end that they were given: the table is read when a record is made. */
static fcc_status ehr_set_retention(lib_call *call)
{
    const char *gln = lib_arg_text(call, "gln"), *class_ = lib_arg_text(call, "class");
    int years = (int)json_integer_value(lib_arg(call, "years"));
    struct registry_site site = { 0 };
    const json_t *old = NULL, *kept;
    json_t *classes;
    fcc_bytes key;
    bool found = false;
    fcc_status st = registry_site(call, gln, &site, &found);

    if (st != FCC_OK)
        return st;
    if (!found)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such site");
    if (!site.msp || strcmp(site.msp, call->caller.msp) != 0)
        return lib_deny(call, "role", "the site belongs to another organisation");
    key = lib_key(call, "CLASS", gln, NULL, NULL);
    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    kept = json_object_get(json_object_get(old, "classes"), class_);
    if (kept && json_integer_value(kept) == years)
        return lib_refuse(call, LIB_ALREADY, "the class is kept for so many years already");
    classes = old ? json_deep_copy(json_object_get(old, "classes")) : json_object();
    if (!classes || json_object_set_new(classes, class_, json_integer(years)) != 0) {
        json_decref(classes);
        return FCC_ERR_NOMEM;
    }
    if (json_object_size(classes) > MOST_CLASSES) {
        json_decref(classes);
        return lib_refuse(call, LIB_LIMIT, "a site's table has at most %d classes", MOST_CLASSES);
    }
    return lib_write(
        call, NULL, key,
        json_pack("{s:i,s:i,s:s,s:o}", "fmt", 1, "v", lib_version(old) + 1, "gln", gln, "classes", classes));
}
