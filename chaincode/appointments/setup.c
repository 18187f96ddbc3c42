/* setup.c: what administrators set: the salt of the collection subject, and how much one patient may book in a day. */
#include "appointments/parts.h"

enum { most_per_day = 50 };

static const lib_field setup_fields[] = { { .name = "salt", .type = LIB_HEX, .max = 64 } };
static const lib_field limit_fields[] = { APPT_UID, { .name = "caps", .type = LIB_OBJECT }, APPT_SALT };
static const lib_field cap_fields[] = {
    { .name = "perDay", .type = LIB_INT, .min = 0, .max = most_per_day },
    { .name = "urgentPerDay", .type = LIB_INT, .min = 0, .max = most_per_day },
};

LIB_DEFINE(appt_setup, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(setup_fields), .reads = "subject SALT", .writes = "subject SALT; **no public write**",
           .endorsers = "CC")
LIB_DEFINE(appt_set_limits, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(limit_fields), .callers = "admin of uid's site", .reads = "subject SALT, LIM",
           .writes = "subject LIM; **no public write**", .endorsers = "CC", .answer = "`{\"v\"}`")

fcc_status appt_tag(lib_call *call, const char *uid, const char **tag)
{
    const char *salt = NULL;
    char hex[LIB_TAG_HEX_SIZE];
    fcc_status st = lib_kept_salt(call, APPT_SUBJECT, &salt);

    if (st != FCC_OK || (st = lib_tag(salt, fcc_str(uid), hex)) != FCC_OK)
        return st;
    *tag = lib_string(call, fcc_str(hex));
    return *tag ? FCC_OK : FCC_ERR_NOMEM;
}

static fcc_status appt_setup(lib_call *call)
{
    return lib_keep_salt(call, APPT_SUBJECT);
}

/* ---- limits ---- */

fcc_status appt_caps(struct appt_board *board, const char *tag, int *per_day, int *urgent)
{
    const json_t *limits = NULL, *caps;
    fcc_status st = appt_get(board, lib_key(board->call, "LIM", tag, NULL, NULL), &limits);

    caps = json_object_get(limits, "caps");
    *per_day = caps ? (int)json_integer_value(json_object_get(caps, "perDay")) : APPT_PER_DAY;
    *urgent = caps ? (int)json_integer_value(json_object_get(caps, "urgentPerDay")) : APPT_URGENT_PER_DAY;
    return st;
}

static fcc_status appt_set_limits(lib_call *call)
{
    const char *uid = lib_in_text(call, "uid"), *tag = NULL;
    const json_t *caps = lib_in(call, "caps"), *old = NULL;
    json_t *limits;
    fcc_status st;

    if ((st = lib_check_fields(call, caps, cap_fields, sizeof(cap_fields) / sizeof(cap_fields[0]), "caps.")) !=
            FCC_OK ||
        (st = appt_require_colleague(call, uid)) != FCC_OK || (st = appt_tag(call, uid, &tag)) != FCC_OK ||
        (st = lib_read(call, APPT_SUBJECT, lib_key(call, "LIM", tag, NULL, NULL), &old)) != FCC_OK)
        return st;
    if (old && json_equal(json_object_get(old, "caps"), caps))
        return lib_refuse(call, LIB_ALREADY, "these are the doctor's limits");
    limits = lib_own(call, json_pack("{s:i,s:i,s:s,s:O,s:s,s:s,s:s}", "fmt", 1, "v", appt_version(old) + 1, "uid", uid,
                                     "caps", caps, "by", call->caller.uid, "site", call->caller.site, "salt",
                                     lib_in_text(call, "salt")));
    if (!limits)
        return FCC_ERR_NOMEM;
    if ((st = lib_write_version(call, APPT_SUBJECT, "LIM", tag, NULL, limits)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:i}", "v", appt_version(limits)));
}
