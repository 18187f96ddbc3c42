/*
 * call.h: one call of a chaincode's function, from the checks before it to its answer.
 *
 * A function is declared with what it needs and what people should know of it:
 *
 *     LIB_DEFINE(consent_grant, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
 *                LIB_FIELDS(grant_fields), .callers = "owner", .writes = "subject CONS; ACT", .endorsers = "CC")
 *     static fcc_status consent_grant(lib_call *call) { ... }
 *
 * and listed once, X(Grant, consent_grant), in the list that LIB_CHAINCODE makes the chaincode of. From that come the
 * table of functions, its README's, the contract's metadata and the checks. Before a function runs, in this order: no
 * patient data in public arguments, their number and form, the time window (writing functions), the caller (order of
 * refusal: role, key, job, function), the transient object `in` and its fields. JSON values reached from the call live
 * until the function returns.
 */
#ifndef LIB_CALL_H
#define LIB_CALL_H

#include <stdio.h>

#include <jansson.h>

#include <fcc/chaincode.h>

#include "lib/registry.h"
#include "lib/value.h"

/* ---- refusals ---- */

/*    name          status code */
#define LIB_CODES(X)                     \
    X(BAD_INPUT, 400, "BAD_INPUT")       \
    X(PHI_IN_ARGS, 400, "PHI_IN_ARGS")   \
    X(TIME_WINDOW, 400, "TIME_WINDOW")   \
    X(NO_ROLE, 401, "NO_ROLE")           \
    X(NOT_FOUND, 404, "NOT_FOUND")       \
    X(CONFLICT, 409, "CONFLICT")         \
    X(ALREADY, 409, "ALREADY")           \
    X(GONE, 410, "GONE")                 \
    X(PRECONDITION, 412, "PRECONDITION") \
    X(RETENTION, 412, "RETENTION")       \
    X(INVARIANT, 422, "INVARIANT")       \
    X(TAMPERED, 422, "TAMPERED")         \
    X(REGION, 422, "REGION")             \
    X(LIMIT, 429, "LIMIT")

typedef enum lib_code {
#define LIB_CODE_ENUM(name, status, code) LIB_##name,
    LIB_CODES(LIB_CODE_ENUM)
#undef LIB_CODE_ENUM
} lib_code;

/* ---- roles ---- */

enum {
    LIB_PATIENT = 1 << 0,
    LIB_DOCTOR = 1 << 1,
    LIB_NURSE = 1 << 2,
    LIB_LABTECH = 1 << 3,
    LIB_REGISTRAR = 1 << 4,
    LIB_DESK = 1 << 5,
    LIB_PRIVACY_OFFICER = 1 << 6,
    LIB_CUSTODIAN = 1 << 7,
    LIB_PHARMACIST = 1 << 8,
    LIB_SUPPLYCHAIN = 1 << 9,
    LIB_INSURER_AGENT = 1 << 10,
    LIB_RESEARCHER = 1 << 11,
    LIB_AUDITOR = 1 << 12,
    LIB_ADMIN = 1 << 13,
    LIB_EVERY_ROLE = (1 << 14) - 1
};

/* The name's bit, 0 when there is no such role; and whether members of this MSP may carry it. */
unsigned lib_role_of(const char *name);
const char *lib_role_name(unsigned role); /* NULL for none */
bool lib_role_allowed(unsigned role, const char *msp);
/* HospitalMSP and ClinicMSP: who keeps patients' records. */
bool lib_is_care(const char *msp);

/* ---- the call ---- */

/* How far a proposal's time may be from the peers' clocks; what is taken from somebody else waits so much longer. */
enum { LIB_WINDOW_SECONDS = 120 };

typedef struct lib_caller {
    unsigned role;
    const char *role_name;
    const char *msp;
    const char *fp;   /* of the key, 64 hexadecimal digits */
    const char *uid;  /* staff only, else NULL */
    const char *site; /* staff only, else NULL */
    const char *pid;  /* patients only, else NULL */
} lib_caller;

typedef struct lib_call lib_call;

/* LIB_IN_FOREIGN: in belongs to the function that the client called; it is not looked at */
enum { LIB_IN_NONE, LIB_IN_REQUIRED, LIB_IN_OPTIONAL, LIB_IN_FOREIGN };
enum {
    LIB_WRITES = 1 << 0,   /* the time window holds, and Inspector's members are refused */
    LIB_TIMED = 1 << 1,    /* a query whose outcome hangs on the proposal's time: the window holds too */
    LIB_INTERNAL = 1 << 2, /* only for sister chaincodes: `sisters` names them; the caller is not looked at */
    LIB_CARE = 1 << 3,     /* the caller's organisation must be Hospital or Clinic */
    LIB_UNBOUND = 1 << 4   /* the caller's key need not be in the registry: role, msp and fp are all that is known */
};

typedef struct lib_field lib_field;

typedef struct lib_spec {
    fcc_status (*run)(lib_call *call);
    unsigned flags;
    unsigned roles;
    int in;
    const lib_field *fields; /* of T */
    size_t field_count;
    const lib_field *args; /* public arguments in their order, exactly so many; one that is optional may be empty */
    size_t arg_count;
    const char *const *sisters; /* NULL-terminated */
    registry_answers registry;  /* who answers the registry's questions; NULL: `credentials`, asked */
    /* for people: README's table. NULL: of callers, what the roles say; of the others, nothing */
    const char *callers, *reads, *writes, *endorsers, *answer;
} lib_spec;

struct lib_call {
    fcc_stub *stub;
    fcc_args args;
    int64_t now; /* the proposal's time, epoch seconds */
    lib_caller caller;
    const json_t *in;     /* the object in transient, checked; NULL when there is none */
    const json_t *public; /* the public arguments by their names, checked; without those that are empty */
    json_t *own;          /* what is freed when the function returns */
    json_t *known;        /* what the registry answered in this call */
    registry_answers registry;
};

#define LIB_FIELDS(table) .fields = (table), .field_count = sizeof(table) / sizeof((table)[0])
#define LIB_ARGS(table) .args = (table), .arg_count = sizeof(table) / sizeof((table)[0])

/* A function for the list of LIB_CHAINCODE. Its name has the chaincode's in front: all are linked into one test. */
#define LIB_DEFINE(name, ...)                                  \
    static fcc_status name(lib_call *call);                    \
    extern const lib_spec name##_spec;                         \
    fcc_status name##_handler(fcc_stub *stub, fcc_args args);  \
    const lib_spec name##_spec = { .run = name, __VA_ARGS__ }; \
    fcc_status name##_handler(fcc_stub *stub, fcc_args args)   \
    {                                                          \
        return lib_run(stub, args, &name##_spec);              \
    }

typedef struct lib_entry {
    const char *name;
    const lib_spec *spec;
} lib_entry;

/* What a chaincode says of itself: README's table (--describe) and the contract's metadata come from it. */
typedef struct lib_table {
    const char *name;
    const lib_entry *entries;
    size_t count;
} lib_table;

/*
 * The chaincode `cc`: LIST(X) is X(Name, function) for each. Defines cc_chaincode and cc_table; LIB_DECLARE(cc) in its
 * header declares both.
 */
#define LIB_CHAINCODE(cc, LIST)                                                                             \
    LIST(LIB_ENTRY_DECLARE)                                                                                 \
    static const lib_entry cc##_entries[] = { LIST(LIB_ENTRY_SPEC) };                                       \
    const lib_table cc##_table = { #cc, cc##_entries, sizeof(cc##_entries) / sizeof(cc##_entries[0]) };     \
    static fcc_status cc##_metadata(fcc_stub *stub, fcc_args args)                                          \
    {                                                                                                       \
        return lib_metadata(stub, args, &cc##_table);                                                       \
    }                                                                                                       \
    static const fcc_function cc##_functions[] = { LIST(LIB_ENTRY_ROW){ LIB_METADATA, cc##_metadata, 0 } }; \
    static fcc_status cc##_refuse(fcc_stub *stub, fcc_args args)                                            \
    {                                                                                                       \
        return lib_unknown(stub, args, &cc##_chaincode);                                                    \
    }                                                                                                       \
    const fcc_chaincode cc##_chaincode = { .functions = cc##_functions,                                     \
                                           .count = sizeof(cc##_functions) / sizeof(cc##_functions[0]),     \
                                           .refuse = cc##_refuse };
#define LIB_ENTRY_DECLARE(Name, name)  \
    extern const lib_spec name##_spec; \
    fcc_status name##_handler(fcc_stub *stub, fcc_args args);
#define LIB_ENTRY_SPEC(Name, name) { #Name, &name##_spec },
#define LIB_ENTRY_ROW(Name, name) { #Name, name##_handler, FCC_ANY_ARGS },
#define LIB_DECLARE(cc)                        \
    extern const fcc_chaincode cc##_chaincode; \
    extern const lib_table cc##_table;
#define LIB_METADATA "org.hyperledger.fabric:GetMetadata"

fcc_status lib_run(fcc_stub *stub, fcc_args args, const lib_spec *spec);
/* The contract's metadata in JSON, as fabric-contract-api gives it; whoever asks. */
fcc_status lib_metadata(fcc_stub *stub, fcc_args args, const lib_table *table);
/* What an fcc_chaincode.refuse answers: unknown function, or a wrong number of arguments. */
fcc_status lib_unknown(fcc_stub *stub, fcc_args args, const fcc_chaincode *chaincode);
/* main of a chaincode; with the one argument --describe it prints README's table and ends. */
int lib_serve(int argc, char **argv, const fcc_chaincode *chaincode, const lib_table *table);
/* README's table in Markdown; false when `out` can't be written. */
bool lib_describe(FILE *out, const lib_table *table);
/* Where the time window takes its clock (epoch seconds) from; NULL puts the system's back. */
void lib_set_clock(int64_t (*clock)(void));

/* ---- answering ---- */

/* Answer with an error and return the status that ends the function. `detail` names fields, never values. */
fcc_status lib_refuse(lib_call *call, lib_code code, const char *format, ...) FCC_PRINTF(3, 4);
/* 403 DENIED:reason */
fcc_status lib_deny(lib_call *call, const char *reason, const char *format, ...) FCC_PRINTF(3, 4);
/* 200 with this value in canonical JSON; takes the value over. */
fcc_status lib_answer(lib_call *call, json_t *value);

/* ---- help for functions ---- */

/* Hand a new value to the call, which frees it; gives it back. NULL stays NULL. */
json_t *lib_own(lib_call *call, json_t *value);
/* A public argument as an id; BAD_INPUT otherwise. */
fcc_status lib_id_arg(lib_call *call, size_t index, const char **out) FCC_MUST_CHECK;
/* A C string that lives as long as the call; NULL for bytes with 0x00 in them or without memory. */
const char *lib_string(lib_call *call, fcc_bytes bytes);
/* A field of `in`, of the type that its table promised: NULL or 0 when it is not there. */
const char *lib_in_text(const lib_call *call, const char *name);
const json_t *lib_in(const lib_call *call, const char *name);
/* A public argument by its name, likewise. */
const char *lib_arg_text(const lib_call *call, const char *name);
const json_t *lib_arg(const lib_call *call, const char *name);
/* A member of an object as text, and whether it is there and has this value. */
const char *lib_text(const json_t *object, const char *name);
bool lib_text_is(const json_t *object, const char *name, const char *value);
/* Whether an array of strings has this one. */
bool lib_lists(const json_t *array, const char *value);
/*
 * The patient that *pid names, by the registry: a provisional pid that was linked becomes the other one. 404 NOT_FOUND
 * when there is none. Functions judge by what this gives; records stay where they are.
 */
struct registry_patient;
fcc_status lib_patient(lib_call *call, const char **pid, struct registry_patient *out) FCC_MUST_CHECK;
/* The same, and 412 unless active or provisional: nothing is begun for whose registration has ended. */
fcc_status lib_require_patient(lib_call *call, const char **pid) FCC_MUST_CHECK;
/*
 * 403 DENIED:not_owner unless the caller is this patient, or now a guardian of theirs whose scope has this word. A
 * guardian's time is looked at by the clock in queries as well: 400 TIME_WINDOW.
 */
fcc_status lib_require_owner(lib_call *call, const char *pid, const char *scope) FCC_MUST_CHECK;
/* The same of a pid that may be linked to another one, or be nobody's. */
fcc_status lib_require_owner_of(lib_call *call, const char *pid, const char *scope) FCC_MUST_CHECK;
/* 400 TIME_WINDOW unless the proposal's time, which is the client's word, is near this peer's clock. */
fcc_status lib_require_window(lib_call *call) FCC_MUST_CHECK;
/* 403 DENIED:licence unless the caller's licence is valid in the region of the caller's site. */
fcc_status lib_require_licence(lib_call *call) FCC_MUST_CHECK;
/* Check(subject, capability, region) of credentials. */
fcc_status lib_check(lib_call *call, const char *subject, const char *capability, const char *region,
                     bool *valid) FCC_MUST_CHECK;
/*
 * Call a sister chaincode on this channel. A refusal of the callee becomes this call's own answer and is returned as
 * an error, because what the callee wrote before it would stay. `args` include the function's name.
 */
fcc_status lib_call_sister(lib_call *call, const char *chaincode, const fcc_bytes *args, size_t count,
                           const json_t **answer) FCC_MUST_CHECK;

/* What the certificate says: role, msp, fp. NO_ROLE for a role that is unknown or not the organisation's. */
fcc_status lib_read_certificate(lib_call *call) FCC_MUST_CHECK;
/* Resolve the caller by the registry, after the certificate was read; part of lib_run, and for functions that take unbound keys in some cases only. */
fcc_status lib_resolve_caller(lib_call *call) FCC_MUST_CHECK;
/* An attribute of the caller's certificate, NULL when it has none. */
fcc_status lib_attribute(lib_call *call, const char *name, const char **out) FCC_MUST_CHECK;

/* ---- fields ---- */

typedef enum lib_type {
    LIB_ID,        /* an id */
    LIB_PID,       /* a patient's id */
    LIB_HEX,       /* exactly `max` hexadecimal digits */
    LIB_TIME,      /* a time */
    LIB_INT,       /* an integer from min to max */
    LIB_WORD,      /* one of `words` */
    LIB_WORDS,     /* min to max different ones of `words` */
    LIB_IDS,       /* min to max different ids */
    LIB_CID,       /* a CID */
    LIB_MIME,      /* a media type */
    LIB_LETTERS,   /* 1 to max letters */
    LIB_GRANTEE,   /* "u:UID", "r:ROLE@GLN", "m:MSPID" */
    LIB_TEXT,      /* words of people, min to max bytes and not only blanks: in private data only */
    LIB_TOKEN,     /* a page: up to max characters of ids and '~' */
    LIB_GLN,       /* a place: 13 digits, the last one a check digit */
    LIB_AREA,      /* ISO 3166-2, such as DE-BE; or a whole country, DE */
    LIB_AREAS,     /* min to max different ones */
    LIB_DATE,      /* YYYY-MM-DD */
    LIB_DISPLAY,   /* a public name of a place: 1 to max bytes without control characters */
    LIB_URI,       /* a foreign identifier: 1 to max printable ASCII characters with a scheme in front */
    LIB_SIGNATURE, /* a public key and its signature, both DER in hexadecimal, '.' between them */
    LIB_GTIN,      /* a product: 14 digits, the last one a check digit */
    LIB_SSCC,      /* a container: 18 digits, the last one a check digit */
    LIB_CSET82,    /* a serial or a lot: 1 to max characters of GS1's set 82 */
    LIB_EXPIRY,    /* YYMMDD; DD 00 is the last day of the month */
    LIB_OBJECT,    /* an object; its content is checked by the function */
    LIB_ARRAY      /* an array of min to max elements; their content is checked by the function */
} lib_type;

struct lib_field {
    const char *name;
    lib_type type;
    bool optional;
    int64_t min, max;
    const char *const *words; /* NULL-terminated */
};

/* BAD_INPUT unless `object` has exactly these fields; `where` is put before a field's name in the detail. */
fcc_status lib_check_fields(lib_call *call, const json_t *object, const lib_field *fields, size_t count,
                            const char *where) FCC_MUST_CHECK;

/* The public arguments into call->public; part of lib_run. BAD_INPUT names the one that is not what it should be. */
fcc_status lib_read_args(lib_call *call, const lib_field *fields, size_t count) FCC_MUST_CHECK;

/* What several chaincodes speak of. NULL-terminated. */
extern const char *const lib_scopes[]; /* what a guardian may do: consent, records, appointments, prescriptions */
extern const char *const lib_purposes[];
extern const char *const lib_categories[];
extern const char *const lib_sensitivities[];
/* 0, 1, 2 for N, R, V. */
int lib_sensitivity_rank(const char *s);

#endif
