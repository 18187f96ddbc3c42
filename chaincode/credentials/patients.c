/*
 * patients.c: who the patients are. Somebody applies with a key of their own, or is registered without one by a registrar;
 * a keyed digest of the national id makes sure that one person has one pid. All of it lies in the collections kyc (who
 * they are in the world) and who (which key acts for which pid), nothing in public.
 */
#include "credentials/parts.h"

static const char *const genders[] = { "female", "male", "other", "unknown", NULL };

#define PID                            \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define SALT                                       \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define NID                                       \
    {                                             \
        .name = "nid", .type = LIB_HEX, .max = 64 \
    }
#define FP                                       \
    {                                            \
        .name = "fp", .type = LIB_HEX, .max = 64 \
    }

static const lib_field setup_fields[] = { { .name = "salt", .type = LIB_HEX, .max = 64 } };
static const lib_field register_fields[] = { PID, { .name = "demographics", .type = LIB_OBJECT }, SALT };
static const lib_field approve_fields[] = { FP, NID };
static const lib_field reject_fields[] = { FP };
static const lib_field person_fields[] = {
    PID,
    { .name = "nid", .type = LIB_HEX, .optional = true, .max = 64 },
    { .name = "demographics", .type = LIB_OBJECT, .optional = true },
    SALT,
};
static const lib_field link_fields[] = { { .name = "prov", .type = LIB_PID }, PID };
static const lib_field decease_fields[] = {
    PID,
    { .name = "date", .type = LIB_TIME },
    { .name = "evidenceHash", .type = LIB_HEX, .max = 64 },
};
static const lib_field demographics_fields[] = {
    { .name = "name", .type = LIB_TEXT, .min = 1, .max = 256 },
    { .name = "birthDate", .type = LIB_DATE },
    { .name = "gender", .type = LIB_WORD, .optional = true, .words = genders },
    { .name = "address", .type = LIB_TEXT, .optional = true, .min = 1, .max = 512 },
    { .name = "telecom", .type = LIB_TEXT, .optional = true, .min = 1, .max = 256 },
};

#define PRIVATE .in = LIB_IN_REQUIRED, .endorsers = "CC"

CRED_DEFINE(cred_setup, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, PRIVATE, LIB_FIELDS(setup_fields),
            .reads = "who SALT", .writes = "who SALT")
CRED_DEFINE(cred_register_patient, .flags = LIB_WRITES | LIB_UNBOUND, .roles = LIB_PATIENT, PRIVATE,
            LIB_FIELDS(register_fields), .callers = "the patient, key unbound", .reads = "kyc APPL; who PAT, KEY",
            .writes = "kyc APPL (pending)")
CRED_DEFINE(cred_approve_patient, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_REGISTRAR | LIB_ADMIN, PRIVATE,
            LIB_FIELDS(approve_fields), .callers = "registrar or admin of the organisation that issued the certificate",
            .reads = "kyc APPL, NID, PERS; who PAT, KEY", .writes = "kyc APPL, NID, DEMO; who PAT, KEY")
CRED_DEFINE(cred_reject_patient, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_REGISTRAR | LIB_ADMIN, PRIVATE,
            LIB_FIELDS(reject_fields), .callers = "registrar or admin of the organisation that issued the certificate",
            .reads = "kyc APPL", .writes = "kyc APPL")
CRED_DEFINE(cred_get_application, .flags = LIB_CARE, .roles = LIB_REGISTRAR | LIB_ADMIN, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(reject_fields), .callers = "registrar or admin of the organisation that issued the certificate",
            .reads = "kyc APPL", .answer = "the application; once decided, without who applied")
CRED_DEFINE(cred_register_person, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, PRIVATE, LIB_FIELDS(person_fields),
            .reads = "kyc NID, PERS; who PAT", .writes = "kyc NID, DEMO; who PAT (without nid: provisional)")
CRED_DEFINE(cred_link_patient, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, PRIVATE, LIB_FIELDS(link_fields),
            .reads = "who PAT of both", .writes = "who PAT of both")
CRED_DEFINE(cred_decease, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, PRIVATE, LIB_FIELDS(decease_fields),
            .reads = "who PAT", .writes = "who PAT")

/* ---- records ---- */

fcc_status cred_read_patient(lib_call *call, const char **pid, const json_t **record)
{
    const char *link;
    fcc_status st = lib_read(call, CRED_WHO, lib_key(call, "PAT", *pid, NULL, NULL), record);

    link = st == FCC_OK ? lib_text(*record, "link") : NULL;
    if (link) {
        *pid = link;
        st = lib_read(call, CRED_WHO, lib_key(call, "PAT", link, NULL, NULL), record);
    }
    return st;
}

fcc_status cred_require_patient(lib_call *call, const char **pid, const json_t **record)
{
    fcc_status st = cred_read_patient(call, pid, record);

    if (st != FCC_OK)
        return st;
    if (!*record)
        return lib_refuse(call, LIB_NOT_FOUND, "pid: no such patient");
    if (!lib_text_is(*record, "status", "active"))
        return lib_refuse(call, LIB_PRECONDITION, "the patient's registration is not active");
    return FCC_OK;
}

const char *cred_salt(lib_call *call, const json_t *from, fcc_bytes key)
{
    const char *seed = lib_text(from, "salt");
    char salt[LIB_TAG_HEX_SIZE];

    if (!seed || !lib_is_hex(seed, 32) || lib_derive_id(call, seed, key, salt) != FCC_OK)
        return NULL;
    return lib_string(call, fcc_str(salt));
}

fcc_status cred_write_patient_key(lib_call *call, const char *fp, const char *pid, const char *msp, const char *status,
                                  const json_t *patient)
{
    fcc_bytes key = lib_key(call, "KEY", fp, NULL, NULL);
    const char *salt = cred_salt(call, patient, key);

    return salt ? lib_write(call, CRED_WHO, key,
                            json_pack("{s:i,s:s,s:s,s:s,s:s}", "fmt", 1, "pid", pid, "msp", msp, "status", status,
                                      "salt", salt))
                : FCC_ERR_NOMEM;
}

fcc_status cred_write_patient(lib_call *call, const char *pid, json_t *record)
{
    if (!lib_own(call, record))
        return FCC_ERR_NOMEM;
    return lib_write_version(call, CRED_WHO, "PAT", pid, NULL, record);
}

fcc_status cred_who_salt(lib_call *call, const char **salt)
{
    return lib_kept_salt(call, CRED_WHO, salt);
}

static fcc_status require_free_pid(lib_call *call, const char *pid)
{
    const json_t *old = NULL;
    fcc_status st = lib_read(call, CRED_WHO, lib_key(call, "PAT", pid, NULL, NULL), &old);

    if (st != FCC_OK)
        return st;
    return old ? lib_refuse(call, LIB_ALREADY, "pid was used before") : FCC_OK;
}

static fcc_status require_free_nid(lib_call *call, const char *nid)
{
    const json_t *old = NULL;
    fcc_status st = lib_read(call, CRED_KYC, lib_key(call, "NID", nid, NULL, NULL), &old);

    if (st != FCC_OK)
        return st;
    return old ? lib_refuse(call, LIB_ALREADY, "nid: this person has a pid") : FCC_OK;
}

static fcc_status write_nid(lib_call *call, const char *nid, const char *pid, const json_t *seed)
{
    fcc_bytes key = lib_key(call, "NID", nid, NULL, NULL);
    const char *salt = cred_salt(call, seed, key);

    return salt ? lib_write(call, CRED_KYC, key, json_pack("{s:i,s:s,s:s}", "fmt", 1, "pid", pid, "salt", salt))
                : FCC_ERR_NOMEM;
}

static fcc_status write_demographics(lib_call *call, const char *pid, const json_t *demographics, const json_t *seed)
{
    const char *salt = cred_salt(call, seed, lib_key(call, "DEMO", pid, NULL, NULL));
    json_t *record = lib_own(call, json_pack("{s:i,s:i,s:s,s:O,s:s*}", "fmt", 1, "v", 1, "pid", pid, "demographics",
                                             demographics, "salt", salt));

    return salt && record ? lib_write_version(call, CRED_KYC, "DEMO", pid, NULL, record) : FCC_ERR_NOMEM;
}

/* The day on which somebody comes of age, NULL for somebody who is. */
static const char *minor_until(lib_call *call, const json_t *demographics)
{
    const char *born = lib_text(demographics, "birthDate");
    int64_t day = 0;

    if (!born || !lib_date_parse(born, &day))
        return NULL;
    day = lib_years_later(day, CRED_OF_AGE);
    return day > call->now ? lib_time(call, day) : NULL;
}

static fcc_status check_demographics(lib_call *call, const json_t *demographics)
{
    const char *born = lib_text(demographics, "birthDate");
    int64_t day = 0;
    fcc_status st = lib_check_fields(call, demographics, demographics_fields,
                                     sizeof(demographics_fields) / sizeof(demographics_fields[0]), "demographics.");

    if (st == FCC_OK && born && lib_date_parse(born, &day) && day > call->now)
        st = lib_refuse(call, LIB_BAD_INPUT, "demographics.birthDate is to come");
    return st;
}

/* PAT~pid of somebody new. */
static json_t *new_patient(lib_call *call, const char *pid, const char *status, const char *fp,
                           const json_t *demographics, const json_t *seed)
{
    const char *salt = cred_salt(call, seed, lib_key(call, "PAT", pid, NULL, NULL));
    json_t *keys = fp ? json_pack("[s]", fp) : json_array();

    if (!salt) {
        json_decref(keys);
        return NULL;
    }
    return json_pack("{s:i,s:i,s:s,s:s,s:o,s:s*,s:s}", "fmt", 1, "v", 1, "pid", pid, "status", status, "keys", keys,
                     "minorUntil", minor_until(call, demographics), "salt", salt);
}

/* ---- functions ---- */

static fcc_status cred_setup(lib_call *call)
{
    return lib_keep_salt(call, CRED_WHO);
}

static fcc_status cred_register_patient(lib_call *call)
{
    const char *fp = call->caller.fp, *pid = lib_in_text(call, "pid");
    const json_t *old = NULL;
    json_t *record;
    fcc_status st;

    if ((st = check_demographics(call, lib_in(call, "demographics"))) != FCC_OK ||
        (st = cred_require_free_key(call, CRED_WHO, fp)) != FCC_OK || (st = require_free_pid(call, pid)) != FCC_OK ||
        (st = lib_read(call, CRED_KYC, lib_key(call, "APPL", fp, NULL, NULL), &old)) != FCC_OK)
        return st;
    if (lib_text_is(old, "status", "pending"))
        return lib_refuse(call, LIB_ALREADY, "the application waits for its approval");
    record = lib_own(call, json_pack("{s:i,s:I,s:s,s:O,s:s,s:s,s:O,s:s}", "fmt", 1, "v",
                                     json_integer_value(json_object_get(old, "v")) + 1, "pid", pid, "demographics",
                                     lib_in(call, "demographics"), "msp", call->caller.msp, "fp", fp, "salt",
                                     lib_in(call, "salt"), "status", "pending"));
    return record ? lib_write_version(call, CRED_KYC, "APPL", fp, NULL, record) : FCC_ERR_NOMEM;
}

/* An application whose certificate the caller's organisation issued. */
static fcc_status read_application(lib_call *call, const char *fp, const json_t **application)
{
    fcc_status st = lib_read(call, CRED_KYC, lib_key(call, "APPL", fp, NULL, NULL), application);

    if (st != FCC_OK)
        return st;
    if (!*application)
        return lib_refuse(call, LIB_NOT_FOUND, "nobody has applied with this key");
    return lib_text_is(*application, "msp", call->caller.msp)
               ? FCC_OK
               : lib_deny(call, "role", "another organisation issued the certificate");
}

/* One that the caller may decide on. */
static fcc_status require_application(lib_call *call, const char *fp, const json_t **application)
{
    fcc_status st = read_application(call, fp, application);

    if (st != FCC_OK)
        return st;
    if (lib_text_is(*application, "status", "approved"))
        return lib_refuse(call, LIB_ALREADY, "the application was approved");
    if (!lib_text_is(*application, "status", "pending"))
        return lib_refuse(call, LIB_PRECONDITION, "the application was rejected");
    return FCC_OK;
}

/* What is approved is what the applicant wrote: it can be read before. The salt, which others follow from, is not told. */
static fcc_status cred_get_application(lib_call *call)
{
    const json_t *application = NULL;
    json_t *shown;
    fcc_status st = read_application(call, lib_in_text(call, "fp"), &application);

    if (st != FCC_OK)
        return st;
    shown = lib_own(call, json_copy((json_t *)application));
    if (!shown)
        return FCC_ERR_NOMEM;
    json_object_del(shown, "salt");
    return lib_answer(call, json_incref(shown));
}

/* Once decided, an application says who decided, and no longer who applied. */
static fcc_status decide_application(lib_call *call, const json_t *application, const char *status)
{
    json_t *record = lib_own(call, cred_next(application, status));

    if (!record || !cred_set(record, "by", json_string(call->caller.uid)))
        return FCC_ERR_NOMEM;
    json_object_del(record, "demographics");
    return lib_write_version(call, CRED_KYC, "APPL", lib_text(application, "fp"), NULL, record);
}

/* Nobody approves oneself: a registrar's own national id, where it is known (LinkPerson). */
static fcc_status require_other_person(lib_call *call, const char *nid)
{
    const json_t *person = NULL;
    fcc_status st = lib_read(call, CRED_KYC, lib_key(call, "PERS", call->caller.uid, NULL, NULL), &person);

    if (st != FCC_OK)
        return st;
    return lib_text_is(person, "nid", nid) ? lib_deny(call, "self", "nobody approves oneself") : FCC_OK;
}

static fcc_status cred_approve_patient(lib_call *call)
{
    const char *fp = lib_in_text(call, "fp"), *nid = lib_in_text(call, "nid"), *pid;
    const json_t *application = NULL, *demographics;
    json_t *patient;
    fcc_status st;

    if ((st = require_application(call, fp, &application)) != FCC_OK ||
        (st = require_other_person(call, nid)) != FCC_OK)
        return st;
    pid = lib_text(application, "pid");
    demographics = json_object_get(application, "demographics");
    if (!pid || !demographics)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "an application lacks its fields");
    if ((st = require_free_nid(call, nid)) != FCC_OK || (st = require_free_pid(call, pid)) != FCC_OK ||
        (st = cred_require_free_key(call, CRED_WHO, fp)) != FCC_OK)
        return st;
    patient = lib_own(call, new_patient(call, pid, "active", fp, demographics, application));
    if (!patient)
        return FCC_ERR_NOMEM;
    if ((st = decide_application(call, application, "approved")) != FCC_OK ||
        (st = write_nid(call, nid, pid, application)) != FCC_OK ||
        (st = write_demographics(call, pid, demographics, application)) != FCC_OK ||
        (st = lib_write_version(call, CRED_WHO, "PAT", pid, NULL, patient)) != FCC_OK)
        return st;
    return cred_write_patient_key(call, fp, pid, call->caller.msp, "active", patient);
}

static fcc_status cred_reject_patient(lib_call *call)
{
    const json_t *application = NULL;
    fcc_status st = require_application(call, lib_in_text(call, "fp"), &application);

    return st == FCC_OK ? decide_application(call, application, "rejected") : st;
}

static fcc_status cred_register_person(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *nid = lib_in_text(call, "nid");
    const json_t *demographics = lib_in(call, "demographics");
    fcc_status st = FCC_OK;

    if (demographics)
        st = check_demographics(call, demographics);
    if (st != FCC_OK || (nid && (st = require_other_person(call, nid)) != FCC_OK) ||
        (st = require_free_pid(call, pid)) != FCC_OK || (nid && (st = require_free_nid(call, nid)) != FCC_OK) ||
        (nid && (st = write_nid(call, nid, pid, call->in)) != FCC_OK) ||
        (demographics && (st = write_demographics(call, pid, demographics, call->in)) != FCC_OK))
        return st;
    return cred_write_patient(call, pid,
                              new_patient(call, pid, nid ? "active" : "provisional", NULL, demographics, call->in));
}

/* The patient with one more provisional pid: what lies under those is found from here. */
static json_t *with_prov(const json_t *patient, const char *prov)
{
    const json_t *before = json_object_get(patient, "provs");
    json_t *record = cred_next(patient, NULL), *provs = before ? json_copy((json_t *)before) : json_array();

    if (record && provs && json_array_append_new(provs, json_string(prov)) == 0 &&
        json_object_set(record, "provs", provs) == 0) {
        json_decref(provs);
        return record;
    }
    json_decref(provs);
    json_decref(record);
    return NULL;
}

static fcc_status cred_link_patient(lib_call *call)
{
    const char *prov = lib_in_text(call, "prov"), *pid = lib_in_text(call, "pid");
    const json_t *from = NULL, *to = NULL;
    json_t *record;
    fcc_status st;

    if ((st = lib_read(call, CRED_WHO, lib_key(call, "PAT", prov, NULL, NULL), &from)) != FCC_OK ||
        (st = lib_read(call, CRED_WHO, lib_key(call, "PAT", pid, NULL, NULL), &to)) != FCC_OK)
        return st;
    if (!from || !to)
        return lib_refuse(call, LIB_NOT_FOUND, "%s: no such patient", from ? "pid" : "prov");
    if (lib_text(from, "link"))
        return lib_refuse(call, LIB_ALREADY, "prov is linked");
    if (lib_text_is(to, "status", "provisional"))
        return lib_refuse(call, LIB_PRECONDITION, "pid is provisional itself");
    if (!lib_text_is(from, "status", "provisional"))
        return lib_refuse(call, LIB_PRECONDITION, "prov is not provisional");
    if (json_array_size(json_object_get(to, "provs")) >= CRED_MAX_PROVS)
        return lib_refuse(call, LIB_LIMIT, "at most %d provisional pids are linked to one", CRED_MAX_PROVS);
    record = cred_next(from, NULL);
    if (!record || !cred_set(record, "link", json_string(pid))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    if ((st = cred_write_patient(call, prov, record)) != FCC_OK)
        return st;
    return cred_write_patient(call, pid, with_prov(to, prov));
}

static fcc_status cred_decease(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    const json_t *old = NULL;
    json_t *record;
    int64_t date = 0;
    fcc_status st = cred_read_patient(call, &pid, &old);

    if (st != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "pid: no such patient");
    if (lib_text_is(old, "status", "deceased"))
        return lib_refuse(call, LIB_ALREADY, "the patient is deceased");
    if (lib_time_parse(lib_in_text(call, "date"), &date) && date > call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "date is to come");
    record = cred_next(old, "deceased");
    if (!record || !cred_set(record, "deceased", json_incref((json_t *)lib_in(call, "date"))) ||
        !cred_set(record, "evidenceHash", json_incref((json_t *)lib_in(call, "evidenceHash"))) ||
        !cred_set(record, "by", json_string(call->caller.uid))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    return cred_write_patient(call, pid, record);
}
