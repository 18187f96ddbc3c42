/* registry.h: the channel of this chaincode's tests and the people who register in them. */
#ifndef TEST_CREDENTIALS_REGISTRY_H
#define TEST_CREDENTIALS_REGISTRY_H

#include "test/support/health.h"

#include "credentials/credentials.h"

/* Places with check digits. */
#define R1 "4012345003017"
#define R2 "4012345003024"
#define HOSPITAL "4012345000016"
#define WARD "4012345000023"
#define CLINIC "4012345001013"
#define INSPECTORS "4012345008012"

/* A channel of five organisations with nothing in the registry. */
static inline int make_registry(void **state)
{
    static const char *const all[] = {
        "RegulatorMSP", "HospitalMSP", "ClinicMSP", "PharmacyMSP", "InspectorMSP", NULL
    };
    health_open(all);
    world_install(&credentials_chaincode);
    return 0;
}
HEALTH_SETUP(registry_start, make_registry)

/* The next calls come from this administrator, whose certificate has the OU admin. */
static inline void as_admin_of(const char *msp, const char *uid, const char *site, const char *key)
{
    const char *const attributes[] = { "role", "admin", "uid", uid, "site", site, NULL };
    fcc_test_identity identity = { .msp_id = msp, .role = "admin", .attributes = attributes, .key = key };

    fcc_test_as_identity(world, &identity);
}

static inline void as_regulator(void)
{
    as_admin_of("RegulatorMSP", "ra", R1, "ra");
}

static inline void as_hospital_admin(void)
{
    as_admin_of("HospitalMSP", "ha", HOSPITAL, "ha");
}

static inline void as_clinic_admin(void)
{
    as_admin_of("ClinicMSP", "ca", CLINIC, "ca");
}

#define submit(...) fcc_test_submit(world, "credentials", __VA_ARGS__, FCC_END)
#define endorse(...) fcc_test_endorse(world, "credentials", __VA_ARGS__, FCC_END)
#define query(...) fcc_test_evaluate(world, "credentials", __VA_ARGS__, FCC_END)

static inline void bootstrap(void)
{
    as_regulator();
    assert_accepted(submit("Bootstrap", "ra", R1));
}

/* The regulator, a hospital and a clinic, each with its administrator. */
static inline void open_sites(void)
{
    bootstrap();
    as_hospital_admin();
    assert_accepted(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "A hospital"));
    as_clinic_admin();
    assert_accepted(submit("RegisterOrg", CLINIC, "practice", "DE-BE", "", "A practice"));
    as_regulator();
    assert_accepted(submit("ApproveOrg", HOSPITAL));
    assert_accepted(submit("ApproveOrg", CLINIC));
}

/* Somebody applies at the hospital, and its administrator approves. */
static inline void employ(const char *role, const char *uid, const char *key)
{
    char roles[64];

    snprintf(roles, sizeof(roles), "[\"%s\"]", role);
    as("HospitalMSP", role, uid, HOSPITAL, key);
    assert_accepted(submit("RegisterPractitioner", uid, HOSPITAL, roles, "[]", "", ""));
    as_hospital_admin();
    assert_accepted(submit("ApprovePractitioner", uid, HOSPITAL));
}

/* The same at the clinic. */
static inline void employ_at_clinic(const char *role, const char *uid, const char *key)
{
    char roles[64];

    snprintf(roles, sizeof(roles), "[\"%s\"]", role);
    as("ClinicMSP", role, uid, CLINIC, key);
    assert_accepted(submit("RegisterPractitioner", uid, CLINIC, roles, "[]", "", ""));
    as_clinic_admin();
    assert_accepted(submit("ApprovePractitioner", uid, CLINIC));
}

/* A call whose T is this text. */
static inline fcc_test_result submit_in(const char *function, const char *in)
{
    put_in(in);
    return submit(function);
}

static inline fcc_test_result endorse_in(const char *function, const char *in)
{
    put_in(in);
    return endorse(function);
}

static inline fcc_test_result query_in(const char *function, const char *in)
{
    put_in(in);
    return query(function);
}

/* Text with printf's words in it, good until the eighth call after. */
static inline const char *text_of(const char *format, ...)
{
    static char texts[8][2048];
    static size_t next;
    char *text = texts[next++ % 8];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(texts[0]), format, ap);
    va_end(ap);
    return text;
}

static inline const char *public_value(const char *key)
{
    return held("credentials", "", key);
}

#endif
