/*
 * health_state.c: makes the registry that the chaincodes' tests live in, as in life, by the calls of its people, and fills a
 * pharmacy's shelf. What these have written comes into a new channel by one transaction, and that channel's ledger is
 * written, for health_world.h. A program of the build: 170 calls take longer than most tests.
 *
 *     health_state FILE.c     and, beside it, the files that it includes
 */
#include "test/support/health.h"
#include "test/support/shelf.h"

#include "base/hash.h"

enum { world_entries = 1024, world_bytes = 1024 * 1024 };

/* What the calls of a chaincode wrote: collection ("" for public state), key, value. */
typedef struct written {
    const char *chaincode, *reader; /* whose peer has all of it */
    struct {
        fcc_bytes collection, key, value;
    } v[world_entries];
    size_t n;
} written;

static written registry = { .chaincode = "credentials", .reader = "HospitalMSP" };
static written shelf = { .chaincode = "supply", .reader = "PharmacyMSP" };
static size_t world_used;
static char world_room[world_bytes];

static const struct {
    const char *uid, *msp, *site, *role, *caps, *licence, *regions,
        *key; /* role: the certificate's, and others behind a comma */
} staff[] = {
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
static const char *const partners[] = { M1, D1, P1, H1, C1, P2 };

static fcc_bytes world_keep(const void *data, size_t len)
{
    char *at = world_room + world_used;

    assert_true(world_used + len + 1 <= world_bytes);
    memcpy(at, data, len);
    at[len] = 0;
    world_used += len + 1;
    return fcc_bytes_of(at, len);
}

/* A line of a trace, "credentials put COLLECTION KEY": noted once, whatever is written to it later. */
static void world_note(written *to, const char *line, size_t len)
{
    char put[32];
    const size_t prefix = (size_t)snprintf(put, sizeof(put), "%s put ", to->chaincode);
    const char *collection = line + prefix, *key;
    fcc_bytes name, at;

    if (len <= prefix || strncmp(line, put, prefix) != 0)
        return;
    key = memchr(collection, ' ', len - prefix);
    assert_non_null(key);
    name = fcc_bytes_of(collection, *collection == '-' ? 0 : (size_t)(key - collection));
    at = world_keep(key + 1, (size_t)(line + len - (key + 1)));
    for (size_t i = 0; i < at.len; i++)
        if (at.data[i] == '~')
            world_room[(const char *)at.data - world_room + (ptrdiff_t)i] = 0;
    for (size_t i = 0; i < to->n; i++)
        if (fcc_bytes_equal(to->v[i].key, at) && fcc_bytes_equal(to->v[i].collection, name))
            return;
    assert_true(to->n < world_entries);
    to->v[to->n].collection = name.len ? world_keep(name.data, name.len) : fcc_bytes_of(NULL, 0);
    to->v[to->n++].key = at;
}

static void world_note_all(written *to, const fcc_test_result *r)
{
    for (const char *line = r->trace, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        world_note(to, line, (size_t)(end - line));
}

/* The values that its keys have in the end; keys that were deleted again are left out. */
static void world_read(written *of)
{
    size_t n = 0;

    for (size_t i = 0; i < of->n; i++) {
        char collection[16];
        fcc_bytes value;

        snprintf(collection, sizeof(collection), FCC_FMT, FCC_ARG(of->v[i].collection));
        value = *collection ? fcc_test_private(world, of->reader, of->chaincode, collection, of->v[i].key)
                            : fcc_test_state(world, of->chaincode, of->v[i].key);
        if (!value.len)
            continue;
        of->v[n] = of->v[i];
        of->v[n++].value = world_keep(value.data, value.len);
    }
    of->n = n;
}

/* A call that has to be valid: T (NULL: none), then the function and its arguments. */
static void world_call(const char *in, const char *const *args, size_t count)
{
    fcc_bytes all[12];
    fcc_test_result r;

    for (size_t i = 0; i < count; i++)
        all[i] = fcc_str(args[i]);
    put_in(in);
    r = fcc_test_call(world, FCC_TEST_SUBMIT, "credentials", all, count);
    assert_accepted(r);
    world_note_all(&registry, &r);
}

#define CALL(...)                                          \
    world_call(NULL, (const char *const[]){ __VA_ARGS__ }, \
               sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
#define CALL_IN(in, function) world_call(in, (const char *const[]){ function }, 1)

static void world_make_sites(void)
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

static void world_make_staff(void)
{
    enum { count = sizeof(staff) / sizeof(staff[0]) };
    char number[8], id[32], role[32], roles[64];

    for (size_t i = 0; i < count; i++) {
        const char *const comma = strchr(staff[i].role, ',');
        const int first = (int)(comma ? comma - staff[i].role : (ptrdiff_t)strlen(staff[i].role));

        snprintf(role, sizeof(role), "%.*s", first, staff[i].role);
        snprintf(roles, sizeof(roles), "[\"%s\"%s%s%s]", role, comma ? ",\"" : "", comma ? comma + 1 : "",
                 comma ? "\"" : "");
        as(staff[i].msp, role, staff[i].uid, staff[i].site, staff[i].key);
        CALL("RegisterPractitioner", staff[i].uid, staff[i].site, roles, staff[i].caps, "", "");
    }
    as_regulators_admin();
    for (size_t i = 0; i < count; i++)
        CALL("ApprovePractitioner", staff[i].uid, staff[i].site);
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    CALL("PutDid", "did:web:council.example", FP("0d"), "did-1");
    as_regulators_admin();
    CALL("Accredit", "did:web:council.example", "MedicalLicence");
    CALL("Accredit", "did:web:council.example", "PharmacistLicence");
    CALL("Accredit", "did:web:council.example", "TradingPartner");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    CALL("CreateStatusList", "licences", "suspension", "131072");
    for (size_t i = 0; i < count; i++) {
        if (!staff[i].licence)
            continue;
        snprintf(number, sizeof(number), "%zu", i);
        snprintf(id, sizeof(id), "urn:licence:%zu", i);
        CALL("IssueCredential", id, FP("0c"), staff[i].licence, staff[i].uid, "licences", number,
             "2020-01-01T00:00:00Z", "2099-12-31T23:59:59Z", staff[i].regions);
    }
    for (size_t i = 0; i < sizeof(partners) / sizeof(partners[0]); i++) {
        snprintf(number, sizeof(number), "%zu", 100 + i);
        snprintf(id, sizeof(id), "urn:partner:%zu", i);
        CALL("IssueCredential", id, FP("0b"), "TradingPartner", partners[i], "licences", number, "2020-01-01T00:00:00Z",
             "2099-12-31T23:59:59Z", "[\"DE\"]");
    }
    as_regulators_admin();
    CALL("SuspendOrg", W1);
    as_hospitals_admin();
    CALL("SuspendPractitioner", "d5", H1);
    CALL_IN("{\"salt\":\"" FP("5e") "\"}", "Setup");
}

static void world_make_patient(const char *pid, const char *key)
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

static void world_make_patients(void)
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
static void world_link_people(void)
{
    enum { count = sizeof(staff) / sizeof(staff[0]) };
    char in[256];

    as("HospitalMSP", "registrar", "reg1", H1, "12");
    for (size_t i = 0; i < count; i++) {
        if (strncmp(staff[i].role, "doctor", 6) != 0 || strcmp(staff[i].uid, "d4") == 0 ||
            (i > 0 && strcmp(staff[i].uid, staff[i - 1].uid) == 0)) /* a second job */
            continue;
        snprintf(in, sizeof(in), "{\"uid\":\"%s\",\"nid\":\"%s\",\"salt\":\"" SALT2 "\"}", staff[i].uid,
                 fcc_test_fingerprint(strcmp(staff[i].uid, "d9") == 0 ? "b1" : staff[i].uid));
        CALL_IN(in, "LinkPerson");
    }
}
#undef PERSON
#undef GUARDIAN
#undef CALL
#undef CALL_IN

static void world_make(void)
{
    health_open(supply_orgs);
    world_install(&credentials_chaincode);
    world_make_sites();
    world_make_staff();
    world_make_patients();
    world_link_people();
    world_read(&registry);
    assert_true(registry.n > 0);
}

static void shelf_note(const fcc_test_result *result)
{
    world_note_all(&shelf, result);
}

/* On the channel that has the registry. */
static void shelf_bring(void)
{
    shelf_told = shelf_note;
    shelf_install(&supply_chaincode);
    shelf_fill();
    world_read(&shelf);
    assert_true(shelf.n > 0);
}

/* ---- channels that begin with it ---- */

static const written *seed; /* what is put next */

static fcc_status put_seed(fcc_stub *stub, fcc_args args)
{
    fcc_status st = FCC_OK;

    (void)args;
    for (size_t i = 0; i < seed->n && st == FCC_OK; i++) {
        const fcc_bytes collection = seed->v[i].collection;

        st = collection.len ? fcc_put_private_data(stub, collection, seed->v[i].key, seed->v[i].value)
                            : fcc_put_state(stub, seed->v[i].key, seed->v[i].value);
    }
    return st;
}

/* The chaincode with one function, Seed. */
static const fcc_chaincode *only_seed(const fcc_chaincode *of)
{
    static const fcc_function functions[] = { { "Seed", put_seed, 0 } };
    static fcc_chaincode with;

    with = *of;
    with.functions = functions;
    with.count = 1;
    return &with;
}

static void put_all(const written *what)
{
    seed = what;
    assert_accepted(fcc_test_submit(world, what->chaincode, "Seed", FCC_END));
}

static void begin(const char *const *msp_ids)
{
    health_open(msp_ids);
    world_install(only_seed(&credentials_chaincode));
    as("HospitalMSP", NULL, NULL, NULL, NULL);
    put_all(&registry);
}

/* ---- out ---- */

/* The channel as it is, to `stem`.NAME, and what includes that. The digest makes a new text of it where the ledger is new. */
static bool put_image(FILE *out, const char *stem, const char *name)
{
    const fcc_bytes image = fcc_test_save(world);
    const fcc__sha256 digest = fcc__sha256_of(image);
    char path[4096];
    FILE *file;
    bool ok;

    snprintf(path, sizeof(path), "%s.%s", stem, name);
    file = fopen(path, "wb");
    if (!file)
        return false;
    ok = fwrite(image.data, 1, image.len, file) == image.len;
    if (fclose(file) != 0 || !ok)
        return false;
    fputs("/* ", out);
    for (size_t i = 0; i < sizeof(digest.bytes); i++)
        fprintf(out, "%02x", digest.bytes[i]);
    fprintf(out,
            " */\n"
            "__asm__(\".section .rodata\\n.global health_image_%s, health_image_%s_end\\n\"\n"
            "        \"health_image_%s: .incbin \\\"%s\\\"\\nhealth_image_%s_end: .byte 0\\n.previous\");\n",
            name, name, name, path, name);
    return true;
}

static bool put_images(FILE *out, const char *stem)
{
    fputs("/* Written by test/support/health_state.c. */\n", out);
    begin(world_orgs);
    if (!put_image(out, stem, "world"))
        return false;
    begin(stranger_orgs);
    if (!put_image(out, stem, "strangers"))
        return false;
    begin(supply_orgs);
    if (!put_image(out, stem, "supply"))
        return false;
    shelf_install(only_seed(&supply_chaincode));
    as("PharmacyMSP", "pharmacist", "ph1", P1, "17");
    put_all(&shelf);
    return put_image(out, stem, "shelf");
}

/* Here none of them is there yet. */
const unsigned char health_image_world[1], health_image_world_end[1], health_image_strangers[1],
    health_image_strangers_end[1], health_image_supply[1], health_image_supply_end[1], health_image_shelf[1],
    health_image_shelf_end[1];

int main(int argc, char **argv)
{
    const char *end = argc == 2 ? strrchr(argv[1], '.') : NULL;
    char stem[2048];
    bool ok;
    FILE *out;

    if (!end)
        return 2;
    world_make();
    shelf_bring();
    snprintf(stem, sizeof(stem), "%.*s", (int)(end - argv[1]), argv[1]);
    out = fopen(argv[1], "w");
    ok = out && put_images(out, stem);
    if (!out || fclose(out) != 0 || !ok) {
        perror(argv[1]);
        return 1;
    }
    fcc_test_free(world);
    return 0;
}
