/*
 * health_world.h: the registry that the chaincodes' tests live in. Once in a process it is made as in life, by the calls
 * of its people; what these wrote is noted, and a channel gets it by one transaction, of which each case has a copy. So a
 * case has the state that the functions write, whatever they write, and pays less than a millisecond for it.
 */
#ifndef TEST_SUPPORT_HEALTH_WORLD_H
#define TEST_SUPPORT_HEALTH_WORLD_H

#include "test/support/health.h"

#include "credentials/credentials.h"

enum { world_entries = 1024, world_bytes = 256 * 1024, world_functions = 96 };

/* What the calls wrote: collection ("" for public state), key, value. */
static struct {
    struct {
        fcc_bytes collection, key, value;
    } v[world_entries];
    size_t n, used;
    char bytes[world_bytes];
} world_state;

static const struct {
    const char *uid, *msp, *site, *role, *caps, *licence, *regions,
        *key; /* role: the certificate's, and others behind a comma */
} world_staff[] = {
    { "d1", "HospitalMSP", H1, "doctor", "[]", "MedicalLicence", "[\"DE-BE\"]", "01" },
    { "d2", "HospitalMSP", H1, "doctor", "[\"btg\"]", "MedicalLicence", "[\"DE-BE\"]", "02" },
    { "d3", "ClinicMSP", C1, "doctor", "[]", "MedicalLicence", "[\"DE-BE\"]", "03" },
    { "d4", "HospitalMSP", H1, "doctor", "[]", "MedicalLicence", "[\"DE-BB\"]", "04" },
    { "d5", "HospitalMSP", H1, "doctor", "[]", "MedicalLicence", "[\"DE-BE\"]", "05" }, /* suspended */
    { "d6", "HospitalMSP", W1, "doctor", "[]", "MedicalLicence", "[\"DE-BE\"]", "06" }, /* the ward is */
    { "d7", "HospitalMSP", H1, "doctor", "[]", "MedicalLicence", "[\"DE-BE\"]", "07" },
    { "d8", "HospitalMSP", H1, "doctor", "[\"btg\"]", NULL, NULL, "08" },
    { "d9", "ClinicMSP", C1, "doctor", "[\"btg\"]", "MedicalLicence", "[\"DE-BE\"]", "09" },
    { "n1", "HospitalMSP", H1, "nurse", "[]", NULL, NULL, "11" },
    { "reg1", "HospitalMSP", H1, "registrar", "[]", NULL, NULL, "12" },
    { "reg2", "HospitalMSP", H1, "registrar", "[]", NULL, NULL, "1a" },
    { "reg3", "ClinicMSP", C1, "registrar", "[]", NULL, NULL, "1b" },
    { "po1", "HospitalMSP", H1, "privacy_officer", "[]", NULL, NULL, "13" },
    { "po2", "HospitalMSP", H1, "privacy_officer,registrar", "[]", NULL, NULL, "24" },
    { "po3", "ClinicMSP", C1, "privacy_officer", "[]", NULL, NULL, "1c" },
    { "cust1", "HospitalMSP", H1, "custodian", "[]", NULL, NULL, "14" },
    { "cust2", "ClinicMSP", C1, "custodian", "[]", NULL, NULL, "15" },
    { "lab1", "HospitalMSP", L1, "labtech", "[]", NULL, NULL, "21" },
    { "lab2", "HospitalMSP", L1, "labtech", "[]", NULL, NULL, "22" },
    { "lab3", "ClinicMSP", C1, "labtech", "[]", NULL, NULL, "23" },
    { "ph1", "PharmacyMSP", P1, "pharmacist", "[]", "PharmacistLicence", "[\"DE-BE\"]", "17" },
    { "ph2", "PharmacyMSP", P2, "pharmacist", "[]", "PharmacistLicence", "[\"DE-BB\"]", "27" },
    { "sup1", "ManufacturerMSP", M1, "supplychain", "[]", NULL, NULL, "31" },
    { "sup4", "ManufacturerMSP", M2, "supplychain", "[]", NULL, NULL, "34" },
    { "sup2", "DistributorMSP", D1, "supplychain", "[]", NULL, NULL, "32" },
    { "sup3", "PharmacyMSP", P1, "supplychain", "[]", NULL, NULL, "33" },
    { "aud1", "RegulatorMSP", A1, "auditor", "[]", NULL, NULL, "18" },
    { "admk", "RegulatorMSP", K1, "admin", "[]", NULL, NULL, "26" },
    { "desk1", "HospitalMSP", H1, "desk", "[]", NULL, NULL, "2b" },
    { "desk2", "ClinicMSP", C1, "desk", "[]", NULL, NULL, "28" },
    { "d10", "HospitalMSP", H1, "doctor", "[]", "MedicalLicence", "[\"DE-BE\"]", "29" }, /* two employers */
    { "d10", "ClinicMSP", C1, "doctor", "[]", NULL, NULL, "2a" },
};

/* Sites with a trading partner's credential: bits 100 and following of the list `licences`. */
static const char *const world_partners[] = { M1, D1, P1, H1, C1, P2 };

/* ---- as in life ---- */

static inline void as_world_admin(const char *msp, const char *uid, const char *site, const char *key)
{
    const char *const attributes[] = { "role", "admin", "uid", uid, "site", site, NULL };
    fcc_test_identity identity = { .msp_id = msp, .role = "admin", .attributes = attributes, .key = key };

    fcc_test_as_identity(world, &identity);
}

static inline void as_regulators_admin(void)
{
    as_world_admin("RegulatorMSP", "admr", A1, "19");
}

static inline void as_hospitals_admin(void)
{
    as_world_admin("HospitalMSP", "adm1", H1, "16");
}

static inline fcc_bytes world_keep(const void *data, size_t len)
{
    char *at = world_state.bytes + world_state.used;

    assert_true(world_state.used + len + 1 <= world_bytes);
    memcpy(at, data, len);
    at[len] = 0;
    world_state.used += len + 1;
    return fcc_bytes_of(at, len);
}

/* A line of a trace, "credentials put COLLECTION KEY": noted once, whatever is written to it later. */
static inline void world_note(const char *line, size_t len)
{
    static const char put[] = "credentials put ";
    const char *collection = line + sizeof(put) - 1, *key;
    fcc_bytes name, at;

    if (len < sizeof(put) || strncmp(line, put, sizeof(put) - 1) != 0)
        return;
    key = memchr(collection, ' ', len - (sizeof(put) - 1));
    assert_non_null(key);
    name = fcc_bytes_of(collection, *collection == '-' ? 0 : (size_t)(key - collection));
    at = world_keep(key + 1, (size_t)(line + len - (key + 1)));
    for (size_t i = 0; i < at.len; i++)
        if (at.data[i] == '~')
            ((char *)world_state.bytes)[(const char *)at.data - world_state.bytes + (ptrdiff_t)i] = 0;
    for (size_t i = 0; i < world_state.n; i++)
        if (fcc_bytes_equal(world_state.v[i].key, at) && fcc_bytes_equal(world_state.v[i].collection, name))
            return;
    assert_true(world_state.n < world_entries);
    world_state.v[world_state.n].collection = name.len ? world_keep(name.data, name.len) : fcc_bytes_of(NULL, 0);
    world_state.v[world_state.n++].key = at;
}

/* A call that has to be valid: T (NULL: none), then the function and its arguments. */
static inline void world_call(const char *in, const char *const *args, size_t count)
{
    fcc_bytes all[12];
    fcc_test_result r;

    for (size_t i = 0; i < count; i++)
        all[i] = fcc_str(args[i]);
    put_in(in);
    r = fcc_test_call(world, FCC_TEST_SUBMIT, "credentials", all, count);
    assert_accepted(r);
    for (const char *line = r.trace, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        world_note(line, (size_t)(end - line));
}

#define CALL(...)                                          \
    world_call(NULL, (const char *const[]){ __VA_ARGS__ }, \
               sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
#define CALL_IN(in, function) world_call(in, (const char *const[]){ function }, 1)

static inline void world_make_sites(void)
{
    as_regulators_admin();
    CALL("Bootstrap", "admr", A1);
    CALL("RegisterOrg", K1, "council", "DE", A1, "A council");
    as_hospitals_admin();
    CALL("RegisterOrg", H1, "hospital", "DE-BE", "", "A hospital");
    as_world_admin("ClinicMSP", "adm2", C1, "20");
    CALL("RegisterOrg", C1, "practice", "DE-BE", "", "A practice");
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    CALL("RegisterOrg", P1, "pharmacy", "DE-BE", "", "A pharmacy");
    as_world_admin("ManufacturerMSP", "admm", M1, "35");
    CALL("RegisterOrg", M1, "manufacturer", "DE-BE", "", "A maker");
    as_world_admin("DistributorMSP", "admd", D1, "36");
    CALL("RegisterOrg", D1, "warehouse", "DE-BE", "", "A wholesaler");
    as_regulators_admin();
    CALL("ApproveOrg", K1);
    CALL("ApproveOrg", M1);
    CALL("ApproveOrg", D1);
    CALL("ApproveOrg", H1);
    CALL("ApproveOrg", C1);
    CALL("ApproveOrg", P1);
    as_hospitals_admin();
    CALL("RegisterOrg", L1, "lab", "DE-BE", H1, "A laboratory");
    CALL("RegisterOrg", W1, "ward", "DE-BE", H1, "A ward");
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    CALL("RegisterOrg", P2, "pharmacy", "DE-BB", "", "Another pharmacy");
    as_world_admin("ManufacturerMSP", "admm", M1, "35");
    CALL("RegisterOrg", M2, "manufacturer", "DE-BE", M1, "A factory");
    as_regulators_admin();
    CALL("ApproveOrg", M2);
    CALL("ApproveOrg", L1);
    CALL("ApproveOrg", W1);
    CALL("ApproveOrg", P2);
}

static inline void world_make_staff(void)
{
    enum { count = sizeof(world_staff) / sizeof(world_staff[0]) };
    char number[8], id[32], role[32], roles[64];

    for (size_t i = 0; i < count; i++) {
        const char *const comma = strchr(world_staff[i].role, ',');
        const int first = (int)(comma ? comma - world_staff[i].role : (ptrdiff_t)strlen(world_staff[i].role));

        snprintf(role, sizeof(role), "%.*s", first, world_staff[i].role);
        snprintf(roles, sizeof(roles), "[\"%s\"%s%s%s]", role, comma ? ",\"" : "", comma ? comma + 1 : "",
                 comma ? "\"" : "");
        as(world_staff[i].msp, role, world_staff[i].uid, world_staff[i].site, world_staff[i].key);
        CALL("RegisterPractitioner", world_staff[i].uid, world_staff[i].site, roles, world_staff[i].caps, "", "");
    }
    as_regulators_admin();
    for (size_t i = 0; i < count; i++)
        CALL("ApprovePractitioner", world_staff[i].uid, world_staff[i].site);
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    CALL("PutDid", "did:web:council.example", FP("0d"), "did-1");
    as_regulators_admin();
    CALL("Accredit", "did:web:council.example", "MedicalLicence");
    CALL("Accredit", "did:web:council.example", "PharmacistLicence");
    CALL("Accredit", "did:web:council.example", "TradingPartner");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    CALL("CreateStatusList", "licences", "suspension", "131072");
    for (size_t i = 0; i < count; i++) {
        if (!world_staff[i].licence)
            continue;
        snprintf(number, sizeof(number), "%zu", i);
        snprintf(id, sizeof(id), "urn:licence:%zu", i);
        CALL("IssueCredential", id, FP("0c"), world_staff[i].licence, world_staff[i].uid, "licences", number,
             "2020-01-01T00:00:00Z", "2099-12-31T23:59:59Z", world_staff[i].regions);
    }
    for (size_t i = 0; i < sizeof(world_partners) / sizeof(world_partners[0]); i++) {
        snprintf(number, sizeof(number), "%zu", 100 + i);
        snprintf(id, sizeof(id), "urn:partner:%zu", i);
        CALL("IssueCredential", id, FP("0b"), "TradingPartner", world_partners[i], "licences", number,
             "2020-01-01T00:00:00Z", "2099-12-31T23:59:59Z", "[\"DE\"]");
    }
    as_regulators_admin();
    CALL("SuspendOrg", W1);
    as_hospitals_admin();
    CALL("SuspendPractitioner", "d5", H1);
    CALL_IN("{\"salt\":\"" FP("5e") "\"}", "Setup");
}

static inline void world_make_patient(const char *pid, const char *key)
{
    char in[512];

    as("HospitalMSP", "patient", NULL, NULL, key);
    snprintf(in, sizeof(in),
             "{\"pid\":\"%s\",\"demographics\":{\"name\":\"%s\",\"birthDate\":\"1970-01-01\"},\"salt\":\"" SALT1 "\"}",
             pid, key);
    CALL_IN(in, "RegisterPatient");
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    /* the keyed digest of a national id: any will do, if it is another one for each */
    snprintf(in, sizeof(in), "{\"fp\":\"%s\",\"nid\":\"%s\"}", fcc_test_fingerprint(key), fcc_test_fingerprint(key));
    CALL_IN(in, "ApprovePatient");
    as_hospitals_admin();
    snprintf(in, sizeof(in), "{\"pid\":\"%s\",\"uid\":\"d1\"}", pid);
    CALL_IN(in, "AssignDoctor");
}

#define PERSON(pid, more) "{\"pid\":\"" pid "\"," more "\"salt\":\"" SALT2 "\"}"
#define GUARDIAN(id, pid, more, to)                                              \
    "{\"id\":\"" id "\",\"pid\":\"" pid "\",\"gpid\":\"" PID_G                   \
    "\",\"scope\":[\"consent\",\"records\",\"prescriptions\"" more "],\"from\":" \
    "\"2026-01-01T00:00:00Z\",\"to\":\"" to "\",\"evidenceHash\":\"" FP("0e") "\"}"

static inline void world_make_patients(void)
{
    world_make_patient(PID_A, "a1");
    world_make_patient(PID_B, "b1");
    world_make_patient(PID_G, "9a");
    world_make_patient(PID_DEAD, "dd");
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    CALL_IN("{\"pid\":\"" PID_DEAD "\",\"date\":\"2025-12-31T00:00:00Z\",\"evidenceHash\":\"" FP("0e") "\"}",
            "Decease");
    CALL_IN(PERSON(PID_E, "\"nid\":\"" FP("e1") "\","), "RegisterPerson");
    CALL_IN(PERSON(PID_W, "\"nid\":\"" FP("e2") "\","), "RegisterPerson");
    CALL_IN(PERSON(PID_M, "\"nid\":\"" FP("e3") "\",\"demographics\":{\"name\":\"M\",\"birthDate\":\"2008-01-02\"},"),
            "RegisterPerson");
    CALL_IN(PERSON(PID_LINKED, ""), "RegisterPerson");
    CALL_IN(PERSON(PID_UNKNOWN, ""), "RegisterPerson");
    CALL_IN("{\"prov\":\"" PID_LINKED "\",\"pid\":\"" PID_A "\"}", "LinkPatient");
    CALL_IN(GUARDIAN("world-1", PID_M, "", "2027-01-01T00:00:00Z"), "RegisterGuardian");
    CALL_IN(GUARDIAN("world-2", PID_W, ",\"appointments\"", "2099-12-31T23:59:59Z"), "RegisterGuardian");
    as("HospitalMSP", "registrar", "reg2", H1, "1a");
    CALL_IN("{\"id\":\"world-1\"}", "Countersign");
    CALL_IN("{\"id\":\"world-2\"}", "Countersign");
}

/* Who of the staff is which person, as another registrar says. Doctor d9 is the patient PID_B; nobody has said it of d4. */
static inline void world_link_people(void)
{
    enum { count = sizeof(world_staff) / sizeof(world_staff[0]) };
    char in[256];

    as("HospitalMSP", "registrar", "reg1", H1, "12");
    for (size_t i = 0; i < count; i++) {
        if (strncmp(world_staff[i].role, "doctor", 6) != 0 || strcmp(world_staff[i].uid, "d4") == 0 ||
            (i > 0 && strcmp(world_staff[i].uid, world_staff[i - 1].uid) == 0)) /* a second job */
            continue;
        snprintf(in, sizeof(in), "{\"uid\":\"%s\",\"nid\":\"%s\",\"salt\":\"" SALT2 "\"}", world_staff[i].uid,
                 fcc_test_fingerprint(strcmp(world_staff[i].uid, "d9") == 0 ? "b1" : world_staff[i].uid));
        CALL_IN(in, "LinkPerson");
    }
}
#undef PERSON
#undef GUARDIAN
#undef CALL
#undef CALL_IN

/* ---- into each case's channel ---- */

static inline fcc_status world_seed(fcc_stub *stub, fcc_args args)
{
    fcc_status st = FCC_OK;

    (void)args;
    for (size_t i = 0; i < world_state.n && st == FCC_OK; i++)
        st = world_state.v[i].collection.len
                 ? fcc_put_private_data(stub, world_state.v[i].collection, world_state.v[i].key, world_state.v[i].value)
                 : fcc_put_state(stub, world_state.v[i].key, world_state.v[i].value);
    return st;
}

/* `credentials` with one function more: what a test's channel begins with. */
static inline const fcc_chaincode *world_chaincode(void)
{
    static fcc_function functions[world_functions];
    static fcc_chaincode chaincode;

    assert_true(credentials_chaincode.count < world_functions);
    memcpy(functions, credentials_chaincode.functions, credentials_chaincode.count * sizeof(functions[0]));
    functions[credentials_chaincode.count] = (fcc_function){ "Seed", world_seed, 0 };
    chaincode = credentials_chaincode;
    chaincode.functions = functions;
    chaincode.count++;
    return &chaincode;
}

static inline void world_install(const fcc_chaincode *chaincode)
{
    fcc_test_chaincode cc = { .name = "credentials",
                              .chaincode = chaincode,
                              .policy = "AND('RegulatorMSP.peer', OutOf(1, 'HospitalMSP.peer', 'ClinicMSP.peer'))",
                              .collections = "chaincode/credentials/collections.json" };

    fcc_test_install(world, &cc);
}

/* The channels of network.yaml that the chaincodes' tests need. */
static const char *const world_orgs[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };
/* With the supply chain. */
static const char *const supply_orgs[] = { "HospitalMSP",     "ClinicMSP",      "PharmacyMSP", "RegulatorMSP",
                                           "ManufacturerMSP", "DistributorMSP", NULL };

static inline void world_make(void)
{
    health_open(supply_orgs);
    world_install(&credentials_chaincode);
    world_make_sites();
    world_make_staff();
    world_make_patients();
    world_link_people();
    for (size_t i = 0; i < world_state.n; i++) {
        char collection[16];
        fcc_bytes value;

        snprintf(collection, sizeof(collection), FCC_FMT, FCC_ARG(world_state.v[i].collection));
        value = *collection ? fcc_test_private(world, "HospitalMSP", "credentials", collection, world_state.v[i].key)
                            : fcc_test_state(world, "credentials", world_state.v[i].key);
        assert_true(value.len > 0);
        world_state.v[i].value = world_keep(value.data, value.len);
    }
}

/* Channels of these organisations with the registry: made once each, and copied. */
static struct {
    const char *const *msp_ids;
    fcc_test *channel;
} world_ready[4];

/* A new channel of these organisations (NULL: the four that most need), with the registry, at NOW. */
static inline void health_start(const char *const *msp_ids)
{
    size_t i = 0;

    msp_ids = msp_ids ? msp_ids : world_orgs;
    while (i < sizeof(world_ready) / sizeof(world_ready[0]) && world_ready[i].channel &&
           world_ready[i].msp_ids != msp_ids)
        i++;
    assert_true(i < sizeof(world_ready) / sizeof(world_ready[0]));
    if (!world_ready[i].channel) {
        if (world_state.n == 0)
            world_make();
        health_open(msp_ids);
        world_install(world_chaincode());
        as("HospitalMSP", NULL, NULL, NULL, NULL);
        assert_accepted(fcc_test_submit(world, "credentials", "Seed", FCC_END));
        world_ready[i].msp_ids = msp_ids;
        world_ready[i].channel = world;
        world = NULL;
    }
    lib_set_clock(health_now);
    fcc_test_free(world);
    world = fcc_test_copy(world_ready[i].channel);
}

/* A patient without a key gets one, by registrars of two organisations. */
static inline void health_bind_key(const char *pid, const char *key)
{
    char in[512];

    as("HospitalMSP", "registrar", "reg1", H1, "12");
    snprintf(in, sizeof(in), "{\"id\":\"bind-%s\",\"pid\":\"%s\",\"newFp\":\"%s\",\"evidenceHash\":\"" FP("0e") "\"}",
             key, pid, fcc_test_fingerprint(key));
    put_in(in);
    assert_accepted(fcc_test_submit(world, "credentials", "ReplaceKey", FCC_END));
    as("ClinicMSP", "registrar", "reg3", C1, "1b");
    snprintf(in, sizeof(in), "{\"id\":\"bind-%s\"}", key);
    put_in(in);
    assert_accepted(fcc_test_submit(world, "credentials", "Countersign", FCC_END));
}

#endif
