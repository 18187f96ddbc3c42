/*
 * care.c: which doctor may know of which patient, and who practises what where. An assignment lets a doctor see that the
 * patient exists and ask for consent; it is none. Specialties lie in `who` under a keyed digest: a public one would say
 * what a patient who is treated there has.
 */
#include "credentials/parts.h"
#include "lib/json.h"

#define UID                           \
    {                                 \
        .name = "uid", .type = LIB_ID \
    }

static const lib_field assign_fields[] = { { .name = "pid", .type = LIB_PID }, UID };
static const lib_field specialty_fields[] = {
    UID,
    { .name = "specialty", .type = LIB_ID },
    { .name = "region", .type = LIB_AREA },
    { .name = "salt", .type = LIB_HEX, .max = 32 },
};
static const lib_field person_fields[] = {
    UID,
    { .name = "nid", .type = LIB_HEX, .max = 64 },
    { .name = "salt", .type = LIB_HEX, .max = 32 },
};
static const lib_field find_fields[] = {
    { .name = "specialty", .type = LIB_ID },
    { .name = "region", .type = LIB_AREA },
    { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 64 },
};
static const lib_field get_fields[] = { { .name = "pid", .type = LIB_PID, .optional = true } };
static const lib_field same_args[] = { { .name = "uid", .type = LIB_ID }, { .name = "pid", .type = LIB_PID } };
static const char *const prescriptions[] = { "prescriptions", NULL };

#define PRIVATE .in = LIB_IN_REQUIRED, .endorsers = "CC"

CRED_DEFINE(cred_assign_doctor, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, PRIVATE, LIB_FIELDS(assign_fields),
            .callers = "admin of a site where uid works", .reads = "PROLE, PRAC; who PAT, ASG", .writes = "who ASG")
CRED_DEFINE(cred_end_assignment, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, PRIVATE, LIB_FIELDS(assign_fields),
            .callers = "admin of a site where uid works", .reads = "PROLE, PRAC; who PAT, ASG", .writes = "who ASG")
CRED_DEFINE(cred_set_specialty, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_ADMIN, PRIVATE,
            LIB_FIELDS(specialty_fields), .callers = "admin of a site where uid works",
            .reads = "PROLE, PRAC; who SALT, SPEC", .writes = "who SPEC")
CRED_DEFINE(cred_find_practitioners, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(find_fields),
            .callers = "anyone of H, C, P", .reads = "who SALT, SPEC; PRAC",
            .answer = "`{\"next\"?,\"practitioners\":[uid…]}`")
CRED_DEFINE(cred_link_person, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, PRIVATE, LIB_FIELDS(person_fields),
            .reads = "PRAC; kyc PERS", .writes = "kyc PERS")
CRED_DEFINE(cred_same_person, .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = prescriptions,
            LIB_ARGS(same_args), .reads = "kyc PERS, NID; who PAT", .answer = "`true`, `false`")
CRED_DEFINE(cred_get_patient, .roles = LIB_PATIENT | LIB_REGISTRAR | LIB_DOCTOR, .in = LIB_IN_OPTIONAL,
            LIB_FIELDS(get_fields),
            .callers = "the patient (own, or as guardian), registrar, assigned doctor (that the patient exists)",
            .reads = "who PAT, ASG; kyc DEMO",
            .answer = "`{\"demographics\"?,\"keys\",\"minorUntil\"?,\"pid\",\"provs\"?,\"status\"}`; for a doctor "
                      "`{\"pid\",\"status\"}`")

/* ---- lists ---- */

fcc_status cred_list(lib_call *call, const char *collection, const char *type, const char *first, const char *second,
                     const char *name, const char *after, json_t *list, const char **next)
{
    const fcc_bytes parts[] = { fcc_str(first), fcc_str(second ? second : "") };
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(collection), fcc_str(type), parts,
                                                                  second ? 2 : 1, &iter);

    *next = NULL;
    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && !*next && fcc_iter_has_next(iter)) {
        const json_t *value;
        const char *id;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK)
            break;
        value = lib_own(call, lib_json_load_own(kv.value));
        id = lib_text(value, name);
        if (!id)
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "a value on the ledger lacks its fields");
        else if (after && strcmp(id, after) <= 0)
            continue;
        else if (json_array_size(list) == CRED_PAGE)
            *next = lib_text(json_array_get(list, CRED_PAGE - 1), name);
        else if (json_array_append(list, (json_t *)value) != 0)
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    return st;
}

/* ---- assignments ---- */

/* 412 unless uid works at the caller's site; `now` asks for a doctor whose job stands, else any job will do. */
static fcc_status require_colleague(lib_call *call, const char *uid, bool now)
{
    struct registry_job job = { 0 };
    bool found = false;
    fcc_status st = registry_job(call, uid, call->caller.site, &job, &found);

    if (st != FCC_OK)
        return st;
    if (!found || (now && (!job.approved || !lib_lists(job.roles, "doctor"))))
        return lib_refuse(call, LIB_PRECONDITION, "uid is no doctor at the caller's site");
    return FCC_OK;
}

/* The assignment, which is there and active, or not: 404 and 409 otherwise. */
static fcc_status write_assignment(lib_call *call, bool active)
{
    const char *pid = lib_in_text(call, "pid"), *uid = lib_in_text(call, "uid"), *salt;
    const json_t *patient = NULL, *old = NULL;
    json_t *record;
    fcc_bytes key;
    fcc_status st;

    if ((st = require_colleague(call, uid, active)) != FCC_OK ||
        (st = cred_read_patient(call, &pid, &patient)) != FCC_OK)
        return st;
    if (!patient)
        return lib_refuse(call, LIB_NOT_FOUND, "pid: no such patient");
    key = lib_key(call, "ASG", pid, uid, NULL);
    salt = cred_salt(call, patient, key);
    if ((st = lib_read(call, CRED_WHO, key, &old)) != FCC_OK)
        return st;
    if (!old && !active)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such assignment");
    if (old && lib_text_is(old, "status", active ? "active" : "ended"))
        return lib_refuse(call, LIB_ALREADY, active ? "the doctor is assigned" : "the assignment has ended");
    record = lib_own(call, json_pack("{s:i,s:I,s:s,s:s,s:s,s:s,s:s*}", "fmt", 1, "v",
                                     json_integer_value(json_object_get(old, "v")) + 1, "pid", pid, "uid", uid, "site",
                                     call->caller.site, "status", active ? "active" : "ended", "salt", salt));
    return salt && record ? lib_write_version(call, CRED_WHO, "ASG", pid, uid, record) : FCC_ERR_NOMEM;
}

static fcc_status cred_assign_doctor(lib_call *call)
{
    return write_assignment(call, true);
}

static fcc_status cred_end_assignment(lib_call *call)
{
    return write_assignment(call, false);
}

/* ---- specialties ---- */

static fcc_status tag_of(lib_call *call, const char *specialty, char out[LIB_TAG_HEX_SIZE])
{
    const char *salt = NULL;
    fcc_status st = cred_who_salt(call, &salt);

    return st == FCC_OK ? lib_tag(salt, fcc_str(specialty), out) : st;
}

static fcc_status cred_set_specialty(lib_call *call)
{
    const char *uid = lib_in_text(call, "uid"), *specialty = lib_in_text(call, "specialty");
    char tag[LIB_TAG_HEX_SIZE];
    const json_t *old = NULL;
    fcc_bytes key;
    fcc_status st;

    if ((st = require_colleague(call, uid, true)) != FCC_OK || (st = tag_of(call, specialty, tag)) != FCC_OK)
        return st;
    key = lib_key(call, "SPEC", tag, lib_in_text(call, "region"), uid);
    if ((st = lib_read(call, CRED_WHO, key, &old)) != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "this specialty is set");
    return lib_write(call, CRED_WHO, key,
                     json_pack("{s:i,s:s,s:s,s:O,s:O}", "fmt", 1, "uid", uid, "specialty", specialty, "region",
                               lib_in(call, "region"), "salt", lib_in(call, "salt")));
}

static fcc_status cred_find_practitioners(lib_call *call)
{
    json_t *entries = lib_own(call, json_array()), *uids = lib_own(call, json_array());
    char tag[LIB_TAG_HEX_SIZE];
    const char *next = NULL;
    fcc_status st;

    if (!entries || !uids)
        return FCC_ERR_NOMEM;
    if (!lib_is_care(call->caller.msp) && strcmp(call->caller.msp, "PharmacyMSP") != 0)
        return lib_deny(call, "role", "only for Hospital, Clinic and Pharmacy");
    if ((st = tag_of(call, lib_in_text(call, "specialty"), tag)) != FCC_OK ||
        (st = cred_list(call, CRED_WHO, "SPEC", tag, lib_in_text(call, "region"), "uid", lib_in_text(call, "page"),
                        entries, &next)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *person = NULL, *uid = json_object_get(json_array_get(entries, i), "uid");

        st = lib_read(call, NULL, lib_key(call, "PRAC", json_string_value(uid), NULL, NULL), &person);
        if (st != FCC_OK)
            return st;
        if (lib_text_is(person, "status", "active") && json_array_append(uids, (json_t *)uid) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_pack("{s:O,s:s*}", "practitioners", uids, "next", next));
}

/* ---- staff who are patients ---- */

static fcc_status cred_link_person(lib_call *call)
{
    const char *uid = lib_in_text(call, "uid");
    fcc_bytes key = lib_key(call, "PERS", uid, NULL, NULL);
    const json_t *person = NULL, *old = NULL;
    fcc_status st;

    if ((st = lib_read(call, NULL, lib_key(call, "PRAC", uid, NULL, NULL), &person)) != FCC_OK ||
        (st = lib_read(call, CRED_KYC, key, &old)) != FCC_OK)
        return st;
    if (!person)
        return lib_refuse(call, LIB_NOT_FOUND, "uid: nobody is registered with it");
    if (strcmp(uid, call->caller.uid) == 0)
        return lib_deny(call, "self", "nobody says who oneself is");
    if (old)
        return lib_text_is(old, "nid", lib_in_text(call, "nid"))
                   ? lib_refuse(call, LIB_ALREADY, "this person is linked")
                   : lib_refuse(call, LIB_CONFLICT, "this person is linked to somebody else");
    return lib_write(
        call, CRED_KYC, key,
        json_pack("{s:i,s:s,s:O,s:O}", "fmt", 1, "uid", uid, "nid", lib_in(call, "nid"), "salt", lib_in(call, "salt")));
}

static fcc_status cred_same_person(lib_call *call)
{
    const char *pid = lib_arg_text(call, "pid"), *nid, *own;
    const json_t *person = NULL, *entry = NULL, *patient = NULL;
    fcc_status st;

    st = lib_read(call, CRED_KYC, lib_key(call, "PERS", lib_arg_text(call, "uid"), NULL, NULL), &person);
    if (st != FCC_OK)
        return st;
    nid = lib_text(person, "nid");
    if (!nid) /* who is not known to be somebody else may be anybody */
        return lib_refuse(call, LIB_PRECONDITION, "uid: nobody has said yet which person this is (LinkPerson)");
    if ((st = lib_read(call, CRED_KYC, lib_key(call, "NID", nid, NULL, NULL), &entry)) != FCC_OK ||
        (st = cred_read_patient(call, &pid, &patient)) != FCC_OK)
        return st;
    own = lib_text(entry, "pid");
    return lib_answer(call, json_boolean(own && strcmp(own, pid) == 0));
}

/* ---- GetPatient ---- */

static fcc_status cred_get_patient(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    const json_t *patient = NULL, *demographics = NULL;
    bool assigned = false;
    fcc_status st = FCC_OK;

    if (!pid)
        pid = call->caller.pid;
    if (!pid)
        return lib_refuse(call, LIB_BAD_INPUT, "pid is missing");
    if (call->caller.role == LIB_DOCTOR) {
        if ((st = registry_assigned(call, pid, call->caller.uid, &assigned)) != FCC_OK)
            return st;
        if (!assigned) /* whether the patient exists is not said */
            return lib_deny(call, "not_assigned", "only for a doctor who is assigned to the patient");
    }
    if ((st = cred_read_patient(call, &pid, &patient)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_PATIENT && (st = lib_require_owner(call, pid, "records")) != FCC_OK)
        return st;
    if (!patient)
        return lib_refuse(call, LIB_NOT_FOUND, "pid: no such patient");
    if (call->caller.role == LIB_DOCTOR)
        return lib_answer(call, json_pack("{s:s,s:O}", "pid", pid, "status", json_object_get(patient, "status")));
    if ((st = lib_read(call, CRED_KYC, lib_key(call, "DEMO", pid, NULL, NULL), &demographics)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:O,s:O,s:O*,s:O*,s:O*}", "pid", pid, "status",
                                      json_object_get(patient, "status"), "keys", json_object_get(patient, "keys"),
                                      "minorUntil", json_object_get(patient, "minorUntil"), "provs",
                                      json_object_get(patient, "provs"), "demographics",
                                      json_object_get(demographics, "demographics")));
}
