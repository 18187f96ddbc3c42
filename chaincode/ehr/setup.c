/*
 * setup.c: what the organisations' administrators set: the salt of the collection subject, the custody keys and how
 * long each class of records is kept at a site.
 */
#include "ehr/parts.h"
#include "lib/registry.h"

enum { max_years = 1000 };

static const lib_field setup_fields[] = { { .name = "salt", .type = LIB_HEX, .max = 64 } };

LIB_PART(setup, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, .in = LIB_IN_REQUIRED, LIB_FIELDS(setup_fields))
LIB_PART(set_custody_key, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN)
LIB_PART(set_retention, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN)

fcc_status ehr_salt(lib_call *call, const char **salt)
{
    const json_t *kept = NULL;
    fcc_status st = lib_read(call, EHR_SUBJECT, lib_key(call, "SALT", NULL, NULL, NULL), &kept);

    if (st != FCC_OK)
        return st;
    *salt = ehr_text(kept, "salt");
    return *salt ? FCC_OK : lib_refuse(call, LIB_PRECONDITION, "Setup has not been called");
}

static fcc_status setup(lib_call *call)
{
    fcc_bytes key = lib_key(call, "SALT", NULL, NULL, NULL);
    const json_t *old = NULL;
    fcc_status st = lib_read(call, EHR_SUBJECT, key, &old);

    if (st != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "the salt is never changed");
    return lib_write(call, EHR_SUBJECT, key, json_pack("{s:i,s:s}", "fmt", 1, "salt", lib_in_text(call, "salt")));
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
static fcc_status set_custody_key(lib_call *call)
{
    const char *msp = call->caller.msp, *pub = lib_string(call, call->args.v[0]), *before;
    fcc_bytes key = lib_key(call, "CUST", msp, NULL, NULL);
    const json_t *old = NULL;
    fcc_status st;

    if (!pub || !lib_is_hex(pub, 64))
        return lib_refuse(call, LIB_BAD_INPUT, "argument 1 is not a public key of 64 hexadecimal digits");
    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    before = ehr_text(old, "pub");
    if (before && strcmp(before, pub) == 0)
        return lib_refuse(call, LIB_ALREADY, "this is the organisation's custody key");
    return lib_write(call, NULL, key,
                     json_pack("{s:i,s:i,s:s,s:s}", "fmt", 1, "v", ehr_version(old) + 1, "msp", msp, "pub", pub));
}

/* ---- retention ---- */

fcc_status ehr_retention(lib_call *call, const char *const *classes, size_t count, int *years)
{
    fcc_bytes keys[EHR_MAX_RECORDS] = { 0 };
    const json_t *kept[EHR_MAX_RECORDS] = { 0 };
    size_t of[EHR_MAX_RECORDS], n = 0;
    fcc_status st;

    if (count > EHR_MAX_RECORDS)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) { /* records of a call are mostly of one class: it is read once */
        size_t j = 0;

        while (j < i && strcmp(classes[j], classes[i]) != 0)
            j++;
        of[i] = j < i ? of[j] : n;
        if (j == i)
            keys[n++] = lib_key(call, "CLASS", call->caller.site, classes[i], NULL);
    }
    if ((st = lib_read_many(call, NULL, keys, n, kept)) != FCC_OK)
        return st;
    for (size_t i = 0; i < count; i++) {
        if (!kept[of[i]])
            return lib_refuse(call, LIB_PRECONDITION, "class of record %zu is not in the site's table: SetRetention",
                              i + 1);
        years[i] = (int)json_integer_value(json_object_get(kept[of[i]], "years"));
    }
    return FCC_OK;
}

static bool parse_years(const char *text, int *years)
{
    *years = 0;
    if (!text || !*text || (text[0] == '0' && text[1]))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *years = *years * 10 + (*text - '0');
        if (*years > max_years)
            return false;
    }
    return true;
}

/* Records that exist keep the end that they were given: the table is read when a record is made. */
static fcc_status set_retention(lib_call *call)
{
    const char *gln = NULL, *class_ = NULL;
    struct registry_site site = { 0 };
    const json_t *old = NULL;
    fcc_bytes key;
    bool found = false;
    int years;
    fcc_status st;

    if ((st = lib_id_arg(call, 0, &gln)) != FCC_OK || (st = lib_id_arg(call, 1, &class_)) != FCC_OK)
        return st;
    if (!parse_years(lib_string(call, call->args.v[2]), &years))
        return lib_refuse(call, LIB_BAD_INPUT, "argument 3 is not a number of years from 0 to %d", max_years);
    if ((st = registry_site(call, gln, &site, &found)) != FCC_OK)
        return st;
    if (!found)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such site");
    if (!site.msp || strcmp(site.msp, call->caller.msp) != 0)
        return lib_deny(call, "role", "the site belongs to another organisation");
    key = lib_key(call, "CLASS", gln, class_, NULL);
    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    if (old && json_integer_value(json_object_get(old, "years")) == years)
        return lib_refuse(call, LIB_ALREADY, "the class is kept for so many years already");
    return lib_write(call, NULL, key,
                     json_pack("{s:i,s:i,s:s,s:s,s:i}", "fmt", 1, "v", ehr_version(old) + 1, "gln", gln, "class",
                               class_, "years", years));
}
