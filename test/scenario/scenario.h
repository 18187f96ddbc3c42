/*
 * scenario.h: the way of a medical record through a consortium, from nobody registered to everything audited: the steps of
 * waves 1 and 2 on any network directory that `medsync setup` has not touched. Each call is told by people, each refusal is
 * compared by status and code, and every line is TAP.
 */
#ifndef TEST_SCENARIO_H
#define TEST_SCENARIO_H

#include "blob/blob.h"
#include "client/client.h"
#include "custodian/custodian.h"
#include "fhir/fhir.h"

#include <jansson.h>

/*    name  user          organisation     uid, site: of the network file */
#define SCENE_PEOPLE(X)                                                 \
    X(R, "Admin", "RegulatorMSP", "uid-r-0000", "4012345003017")        \
    X(K, "council1", "RegulatorMSP", "uid-r-0002", "4012345003024")     \
    X(RA, "auditor1", "RegulatorMSP", "uid-r-0001", "4012345003017")    \
    X(V, "auditor2", "InspectorMSP", "uid-v-0001", "4012345008012")     \
    X(HA, "Admin", "HospitalMSP", "uid-h-0000", "4012345000016")        \
    X(D1, "doctor1", "HospitalMSP", "uid-h-0001", "4012345000016")      \
    X(D2, "doctor2", "HospitalMSP", "uid-h-0002", "4012345000016")      \
    X(L, "labtech1", "HospitalMSP", "uid-h-0004", "4012345000023")      \
    X(L2, "labtech2", "HospitalMSP", "uid-h-0008", "4012345000023")     \
    X(REG1, "registrar1", "HospitalMSP", "uid-h-0005", "4012345000016") \
    X(REG2, "registrar2", "HospitalMSP", "uid-h-0009", "4012345000016") \
    X(DESK1, "desk1", "HospitalMSP", "uid-h-0010", "4012345000016")     \
    X(PO, "privacy1", "HospitalMSP", "uid-h-0006", "4012345000016")     \
    X(HC, "custodian1", "HospitalMSP", "uid-h-0007", "4012345000016")   \
    X(CA, "Admin", "ClinicMSP", "uid-c-0000", "4012345001013")          \
    X(D3, "doctor3", "ClinicMSP", "uid-c-0001", "4012345001013")        \
    X(L3, "labtech3", "ClinicMSP", "uid-c-0005", "4012345001020")       \
    X(REG3, "registrar3", "ClinicMSP", "uid-c-0002", "4012345001013")   \
    X(DESK2, "desk2", "ClinicMSP", "uid-c-0007", "4012345001013")       \
    X(CC, "custodian2", "ClinicMSP", "uid-c-0004", "4012345001013")     \
    X(PA, "Admin", "PharmacyMSP", "uid-p-0000", "4012345002010")        \
    X(P1, "pharmacist1", "PharmacyMSP", "uid-p-0001", "4012345002010")  \
    X(P2, "pharmacist2", "PharmacyMSP", "uid-p-0002", "4012345002027")  \
    X(MA, "Admin", "ManufacturerMSP", "uid-m-0000", "4012345004014")    \
    X(M, "supply1", "ManufacturerMSP", "uid-m-0001", "4012345004014")   \
    X(WA, "Admin", "DistributorMSP", "uid-d-0000", "4012345005011")     \
    X(W, "supply2", "DistributorMSP", "uid-d-0001", "4012345005011")    \
    X(IA, "Admin", "InsurerMSP", "uid-i-0000", "4012345006018")         \
    X(I, "insurer1", "InsurerMSP", "uid-i-0001", "4012345006018")       \
    X(A, "patient1", "HospitalMSP", NULL, NULL)                         \
    X(B, "patient2", "HospitalMSP", NULL, NULL)                         \
    X(N, "nurse1", "HospitalMSP", "uid-h-0003", "4012345000016")        \
    X(F, "guardian1", "HospitalMSP", NULL, NULL)                        \
    X(G, "patient3", "ClinicMSP", NULL, NULL)

typedef enum scene_who {
#define SCENE_NAME(name, user, org, uid, site) WHO_##name,
    SCENE_PEOPLE(SCENE_NAME)
#undef SCENE_NAME
        WHO_COUNT
} scene_who;

/* Whose peers endorse: the codes of domain.md. Transient data go to nobody else. */
typedef enum scene_end {
    END_RC,
    END_CARE,
    END_HOSPITAL,
    END_CLINIC,
    END_INSPECTOR,
    END_REGULATOR,
    END_INSURER,
    END_PHARMACY,
    END_RX, /* two of hospital, clinic, pharmacy */
    END_MD, /* of the supply chain: maker and wholesaler; wholesaler and pharmacy */
    END_DP
} scene_end;

#define LAB "4012345000023"
#define CLINIC_LAB "4012345001020"
#define HOSPITAL "4012345000016"
#define CLINIC "4012345001013"

enum { SCENE_PID = 27, SCENE_ID = 33 };

/* A patient of the story. What is private of them is random, so that it can be looked for afterwards. */
typedef struct scene_patient {
    char pid[SCENE_PID];
    char nid[65];
    char name[SCENE_ID], born[11], street[SCENE_ID], phone[16], number[SCENE_ID];
} scene_patient;

/* A record with its content, as its author made it. */
typedef struct scene_record {
    fhir_record meta;
    fcc_bytes content; /* in the scene's arena */
} scene_record;

typedef struct scene {
    const char *dir, *network; /* network: the program that stops and starts it (test/scenario/network.sh) */
    const char *private_words; /* a file that gets what nobody outside may find */
    int64_t ahead;             /* seconds that the network's clock is ahead of the machine's */
    client *people[WHO_COUNT];
    fcc__arena *arena; /* lives as long as the scene */
    fcc__arena *call;  /* of the last call */
    fcc__arena *wait;  /* of a look at a peer's height */
    bool clinic_is_away;
    blob_store *store;
    blob_custody *custody[2]; /* hospital, clinic: only the public keys are used */
    int checks, failed;

    /* the last call */
    fcc_status st;
    client_answer answer;
    fcc_error error;
    json_t *payload; /* of a success; NULL for none */

    /* the story so far */
    scene_patient a, b, e;
    char list[SCENE_ID], suspensions[SCENE_ID];
    char enc[SCENE_ID], enc_b[SCENE_ID], enc_clinic[SCENE_ID], order[SCENE_ID];
    scene_record own, note, lab, mind, of_b;
    char rx[SCENE_ID], other_rx[SCENE_ID]; /* D1's prescriptions to A */
    const char *code, *dose;
    const char *gtin, *sscc, *serials; /* M's product, its case, how its serials begin */
    char allowed[SCENE_ID];            /* D1's request that was granted */
    char case_a[SCENE_ID], case_b[SCENE_ID], case_e[SCENE_ID], case_unknown[SCENE_ID], case_late[SCENE_ID];
    int64_t monday;                       /* of the appointments */
    char visit[SCENE_ID], left[SCENE_ID]; /* A's with D1; a hold that A leaves */
    size_t asked, denied, opened;         /* what A's trail must have: requests, refusals among them, cases */
} scene;

/* ---- calls: call.c ---- */

/* `in` is T, consumed, or NULL; then the arguments behind the function's name, C strings, ended by NULL. */
void scene_invoke(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in, ...)
    __attribute__((sentinel));
void scene_query(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in, ...)
    __attribute__((sentinel));
/* As somebody who is none of the people; `args` end with NULL, or are NULL for none. */
void scene_invoke_as(scene *s, client *who, scene_end end, const char *chaincode, const char *function, json_t *in,
                     const char *const *args);
/* Endorsed and signed, not submitted; to be submitted by client_submit with `who`'s client. `args` as above. */
bool scene_endorse(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in,
                   const char *const *args, client_transaction *out);

/* ---- TAP: call.c ---- */

bool scene_check(scene *s, bool ok, const char *format, ...) FCC_PRINTF(3, 4);
/* The last call was answered 200. */
bool scene_ok(scene *s, const char *name);
/* ... was refused by the chaincode with this status and code. */
bool scene_refused(scene *s, const char *name, int status, const char *code);
void scene_skip(scene *s, const char *name, const char *why);
/* A text of the last answer; "" without. */
const char *scene_text(const scene *s, const char *field);
const char *scene_text_of(const json_t *object, const char *field);

/* ---- small things: people.c ---- */

const char *scene_uid(scene_who who);
const char *scene_site(scene_who who);
void scene_id(char out[SCENE_ID]);  /* 128 random bits */
const char *scene_salt(scene *s);   /* the same, in the arena */
const char *scene_digest(scene *s); /* 256 random bits */
const char *scene_time(scene *s, int64_t from_now_s);
const char *scene_moment(scene *s, int64_t since_1970_s);
const char *scene_print(scene *s, const char *format, ...) FCC_PRINTF(2, 3); /* in the arena */
bool scene_meet(scene *s);                                                   /* everybody's connection */
void scene_part(scene *s);
void scene_meet_again(scene *s); /* after the network was changed; ends the program where nobody can be reached */
void scene_make_patient(scene *s, scene_patient *p);
json_t *scene_demographics(const scene_patient *p);
void scene_private(scene *s, const char *what, const char *value); /* nobody outside may find it */
/* An MSP directory with a certificate that this organisation's authority has issued: attributes are JSON. NULL. */
const char *scene_certificate(scene *s, const char *domain, const char *attributes);
/* Run the network's program: 0 done, 77 it cannot do that. */
int scene_network(scene *s, const char *what, const char *how);

/* ---- records: record.c ---- */

/* Encrypt and store a resource, its key sealed to the custody of hospital (0) or clinic (1). */
bool scene_store(scene *s, const char *json, int custody, scene_record *out);
json_t *scene_record_json(scene *s, const scene_record *r);
/* RequestAccess by categories (ended by NULL) or of one record; its id. */
void scene_request(scene *s, scene_who who, const char *pid, json_t *scope, char audit[SCENE_ID]);
bool scene_decision(scene *s, scene_who who, scene_end end, const char *audit, const char *decision, const char *reason,
                    const char *name);
/* How many of these a custodian releases to `who` under this request; -1: no answer. Released contents are compared. */
int scene_keys(scene *s, scene_who who, const char *custody, const char *audit, const scene_record *r);

/* ---- prescriptions: pharmacy.c ---- */

void scene_prescriptions(scene *s); /* new ids, code and dose of the two that D1 will issue */
/* T of Issue, of Accept, and of Dispense: packs of the first item, so many units of each; serials end with NULL. */
json_t *scene_prescription(scene *s, const char *id, const char *pid, const char *enc);
json_t *scene_with_code(scene *s);
json_t *scene_dispensed(scene *s, int seq, const char *const *serials, int units);

/* ---- packs: chain.c ---- */

/* The serial of a pack of lot a1 or b1, by its number. */
const char *scene_serial(scene *s, char lot, int number);
json_t *scene_pack(const char *gtin, const char *serial);

/* ---- the steps ---- */

void scene_registration(scene *s); /* 1 to 5: registration.c */
void scene_consent(scene *s);      /* 6 to 7a, 3a: consent.c */
void scene_appointments(scene *s); /* 8, 9, 7a's booking: appointments.c */
void scene_left_hold(scene *s);    /* 9, when the clock has gone on: appointments.c */
void scene_records(scene *s);      /* 10 to 14: records.c */
/* 14, prescribing, while D1 is suspended and afterwards; 15 and 16; 20 to 22: pharmacy.c */
void scene_prescribe(scene *s, bool suspended);
void scene_pharmacies(scene *s);
void scene_dispense(scene *s);
void scene_supply(scene *s);     /* 17 to 19: chain.c */
void scene_trade(scene *s);      /* what else the supply chain does with packs of theirs: trade.c */
void scene_revocation(scene *s); /* 26: consent.c */
void scene_emergency(scene *s);  /* 27, 27a, 29: emergency.c */
void scene_audit(scene *s);      /* 30, 31: audit.c */
void scene_same(scene *s);       /* 32: same.c */
void scene_races(scene *s);      /* after 1 to 5, instead of the others: races.c */
void scene_crowd(scene *s);      /* then: many patients after few slots: crowd.c */

#endif
