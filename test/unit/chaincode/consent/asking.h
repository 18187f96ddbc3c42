/* asking.h: a chaincode with the name of a sister, through which tests ask consent's internal functions. */
#ifndef TEST_CONSENT_ASKING_H
#define TEST_CONSENT_ASKING_H

#include "test/support/health.h"

#include "consent/consent.h"

static inline fcc_status pass_on(fcc_stub *stub, const char *function, fcc_args args)
{
    fcc_bytes all[8] = { fcc_str(function) };
    fcc_response response = { 0 };
    fcc_status st;

    for (size_t i = 0; i < args.n && i < 7; i++)
        all[i + 1] = args.v[i];
    st = fcc_invoke_chaincode(stub, FCC_LIT("consent"), all, args.n + 1, fcc_bytes_of(NULL, 0), &response);
    return st == FCC_OK ? fcc_reply_status(stub, response.status, response.message, response.payload) : st;
}

static inline fcc_status ask_evaluate(fcc_stub *stub, fcc_args args)
{
    return pass_on(stub, "Evaluate", args);
}

static inline fcc_status ask_explain(fcc_stub *stub, fcc_args args)
{
    return pass_on(stub, "Explain", args);
}

static const fcc_function asking_functions[] = { { "Evaluate", ask_evaluate, 5 }, { "Explain", ask_explain, 2 } };
static const fcc_chaincode asking_chaincode = { .functions = asking_functions, .count = 2 };

/* A sister of this name, on the same peers and under the same policy as consent. */
static inline void install_asking(const char *name)
{
    static const char *const at[] = { "HospitalMSP", "ClinicMSP", "RegulatorMSP", NULL };
    fcc_test_chaincode cc = { .name = name,
                              .chaincode = &asking_chaincode,
                              .policy = "OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer')",
                              .msp_ids = at };

    fcc_test_install(world, &cc);
}

#define ACTOR(uid, role, site, msp) \
    "{\"uid\":\"" uid "\",\"role\":\"" role "\",\"site\":\"" site "\",\"msp\":\"" msp "\"}"
#define AS_D1 ACTOR("d1", "doctor", H1, "HospitalMSP")
#define AS_D2 ACTOR("d2", "doctor", H1, "HospitalMSP")
#define AS_PATIENT(pid) "{\"pid\":\"" pid "\",\"msp\":\"HospitalMSP\"}"
#define OF_LAB(sens, more)                                                                                         \
    "{\"recId\":\"rec1\",\"category\":\"lab\",\"sens\":\"" sens "\",\"author\":\"dx\",\"site\":\"4000000000009\"," \
    "\"date\":\"2025-06-01T00:00:00Z\",\"status\":\"current\"" more "}"

/* One record judged, as {"permit":...,"reason":...}. */
static inline void assert_decided(const char *pid, const char *actor, const char *purpose, const char *attrs,
                                  bool permit, const char *reason)
{
    char list[1000], want[100];
    fcc_test_result r;

    snprintf(list, sizeof(list), "[%s]", attrs);
    snprintf(want, sizeof(want), "[{\"permit\":%s,\"reason\":\"%s\"}]", permit ? "true" : "false", reason);
    r = fcc_test_evaluate(world, "ehr", "Evaluate", pid, actor, purpose, "read", list, FCC_END);
    assert_accepted(r);
    if (strcmp(r.payload, want) != 0)
        fail_msg("%s, and not %s, for %s %s %s", r.payload, want, actor, purpose, attrs);
}

#endif
