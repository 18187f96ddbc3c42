/* Policies of single keys: the bytes that Go's package makes, and what becomes of those that others made. */
#include "peer.h"

#include <fcc/statebased.h>

#include "base/hash.h"

#include <string.h>

static fcc_handler current;

static fcc_status run_current(fcc_stub *stub, fcc_args args)
{
    return current(stub, args);
}

static const fcc_function functions[] = { { "run", run_current, FCC_ANY_ARGS } };
static const fcc_chaincode chaincode = { functions, 1, NULL, NULL, NULL };

/* Run the handler, which must answer with this status and payload. */
static void expect(fcc_handler handler, int status, const char *message, const char *payload)
{
    struct peer p;

    current = handler;
    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    peer_call(&p, "tx1", "run");
    peer_expect(&p, "tx1", status, message, payload);
    peer_close(&p);
}

static fcc_status reply_hex(fcc_stub *stub, const fcc_state_ep *ep)
{
    static const char digits[] = "0123456789abcdef";
    fcc_bytes policy;
    uint8_t *hex;
    fcc_status st = fcc_state_ep_policy(ep, &policy);

    if (st != FCC_OK)
        return st;
    hex = fcc_alloc(stub, 2 * policy.len + 1);
    if (!hex)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < policy.len; i++) {
        hex[2 * i] = (uint8_t)digits[policy.data[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[policy.data[i] & 15];
    }
    return fcc_reply(stub, fcc_bytes_of(hex, 2 * policy.len));
}

/* What the recorded networks' keys were given, by Go's package. */
#define BOTH_PEERS "120c120a080212020800120208011a0d120b0a074f7267314d535010031a0d120b0a074f7267324d53501003"
#define ONE_MEMBER         \
    "12081206080112020800" \
    "1a0b12090a074f7267314d5350"

static fcc_status from_hex(fcc_stub *stub, const char *hex, fcc_bytes *out)
{
    size_t n = strlen(hex) / 2;
    uint8_t *bytes = fcc_alloc(stub, n + 1);

    if (!bytes)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        unsigned value = 0;

        sscanf(hex + 2 * i, "%2x", &value);
        bytes[i] = (uint8_t)value;
    }
    *out = fcc_bytes_of(bytes, n);
    return FCC_OK;
}

static fcc_status both_peers(fcc_stub *stub, fcc_args args)
{
    /* neither sorted nor each once */
    const fcc_bytes orgs[] = { FCC_LIT("Org2MSP"), FCC_LIT("Org1MSP"), FCC_LIT("Org2MSP") };
    fcc_state_ep *ep;
    fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);

    if (st == FCC_OK)
        st = fcc_state_ep_add_orgs(ep, FCC_ROLE_PEER, orgs, 3);
    return st == FCC_OK ? reply_hex(stub, ep) : st;
}

static void the_bytes_are_those_of_gos_package(void **state)
{
    expect(both_peers, 200, "", BOTH_PEERS);
}

static fcc_status read_and_change(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes first = FCC_LIT("Org1MSP"), gone[] = { FCC_LIT("Org2MSP"), FCC_LIT("NobodyMSP") };
    const fcc_bytes *orgs;
    fcc_bytes policy;
    fcc_state_ep *ep;
    size_t count;
    fcc_status st = from_hex(stub, BOTH_PEERS, &policy);

    if (st == FCC_OK)
        st = fcc_state_ep_new(stub, policy, &ep);
    if (st != FCC_OK)
        return st;
    fcc_state_ep_list_orgs(ep, &orgs, &count);
    if (count != 2 || !fcc_bytes_equal(orgs[0], FCC_LIT("Org1MSP")) || !fcc_bytes_equal(orgs[1], FCC_LIT("Org2MSP")))
        return fcc_fail(stub, FCC_ERR_APP, "the list is wrong");
    fcc_state_ep_del_orgs(ep, gone, 2);
    st = fcc_state_ep_add_orgs(ep, FCC_ROLE_MEMBER, &first, 1);
    return st == FCC_OK ? reply_hex(stub, ep) : st;
}

static void a_policy_is_read_changed_and_written(void **state)
{
    expect(read_and_change, 200, "", ONE_MEMBER);
}

static fcc_status read_back(fcc_stub *stub, fcc_args args)
{
    fcc_bytes policy;
    fcc_state_ep *ep;
    fcc_status st = from_hex(stub, BOTH_PEERS, &policy);

    if (st == FCC_OK)
        st = fcc_state_ep_new(stub, policy, &ep);
    return st == FCC_OK ? reply_hex(stub, ep) : st;
}

static void an_unchanged_policy_keeps_its_bytes_and_roles(void **state)
{
    expect(read_back, 200, "", BOTH_PEERS);
}

static fcc_status nobody(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes *orgs;
    fcc_state_ep *ep;
    size_t count;
    fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);

    if (st != FCC_OK)
        return st;
    fcc_state_ep_list_orgs(ep, &orgs, &count);
    return count == 0 ? reply_hex(stub, ep) : FCC_ERR_APP;
}

static void without_organisations_it_is_zero_of_zero(void **state)
{
    expect(nobody, 200, "", "12021200");
}

static fcc_status many(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes *orgs;
    fcc_state_ep *ep;
    char name[24];
    fcc_bytes one;
    size_t count;
    fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);

    for (int i = 99; i >= 0 && st == FCC_OK; i--) {
        snprintf(name, sizeof(name), "Org%02dMSP", i);
        one = fcc_str(name); /* copied, so the next round may write over it */
        st = fcc_state_ep_add_orgs(ep, FCC_ROLE_PEER, &one, 1);
    }
    if (st != FCC_OK)
        return st;
    fcc_state_ep_list_orgs(ep, &orgs, &count);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "Org%02dMSP", (int)i);
        if (!fcc_bytes_equal(orgs[i], fcc_str(name)))
            return fcc_fail(stub, FCC_ERR_APP, "not sorted at %zu", i);
    }
    return count == 100 ? FCC_OK : fcc_fail(stub, FCC_ERR_APP, "%zu organisations", count);
}

static void a_hundred_organisations_are_kept_in_order(void **state)
{
    expect(many, 200, "", "");
}

static fcc_status no_policy(fcc_stub *stub, fcc_args args)
{
    fcc_state_ep *ep;

    return fcc_state_ep_new(stub, FCC_LIT("\x12\xff"), &ep);
}

static fcc_status no_principal(fcc_stub *stub, fcc_args args)
{
    fcc_state_ep *ep;

    /* one identity of kind ROLE, whose principal is cut off */
    return fcc_state_ep_new(stub, FCC_LIT("\x1a\x04\x12\x02\x0a\x07"), &ep);
}

static fcc_status no_role(fcc_stub *stub, fcc_args args)
{
    fcc_bytes org = FCC_LIT("Org1MSP");
    fcc_state_ep *ep;
    fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);

    return st == FCC_OK ? fcc_state_ep_add_orgs(ep, (fcc_role)7, &org, 1) : st;
}

static fcc_status no_text(fcc_stub *stub, fcc_args args)
{
    fcc_bytes orgs[] = { FCC_LIT("Org1MSP"), FCC_LIT("\xff") };
    const fcc_bytes *list;
    fcc_state_ep *ep;
    size_t count;
    fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);

    if (st != FCC_OK)
        return st;
    st = fcc_state_ep_add_orgs(ep, FCC_ROLE_PEER, orgs, 2);
    fcc_state_ep_list_orgs(ep, &list, &count);
    return count == 0 ? st : fcc_fail(stub, FCC_ERR_APP, "half of it was added");
}

static void bad_input_is_refused_with_its_reason(void **state)
{
    expect(no_policy, 500, "Error unmarshaling to SignaturePolicy: not a SignaturePolicyEnvelope", "");
    expect(no_principal, 500, "error unmarshaling msp principal 0", "");
    expect(no_role, 500, "role type 7 does not exist", "");
    expect(no_text, 500, "msp id is not valid UTF-8", "");
}

static fcc_status other_kinds(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes *orgs;
    fcc_state_ep *ep;
    size_t count;
    /* an identity of kind ORGANIZATION_UNIT, and Org1MSP's admin */
    fcc_bytes policy = FCC_LIT("\x1a\x05\x08\x01\x12\x01x"
                               "\x1a\x0d\x12\x0b\x0a\x07Org1MSP\x10\x01");
    fcc_status st = fcc_state_ep_new(stub, policy, &ep);

    if (st != FCC_OK)
        return st;
    fcc_state_ep_list_orgs(ep, &orgs, &count);
    return count == 1 ? reply_hex(stub, ep) : fcc_fail(stub, FCC_ERR_APP, "%zu organisations", count);
}

static void of_other_policies_the_organisations_named_by_role_remain(void **state)
{
    expect(other_kinds, 200, "", "120812060801120208001a0d120b0a074f7267314d53501001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_gos_package),
        cmocka_unit_test(a_policy_is_read_changed_and_written),
        cmocka_unit_test(an_unchanged_policy_keeps_its_bytes_and_roles),
        cmocka_unit_test(without_organisations_it_is_zero_of_zero),
        cmocka_unit_test(a_hundred_organisations_are_kept_in_order),
        cmocka_unit_test(bad_input_is_refused_with_its_reason),
        cmocka_unit_test(of_other_policies_the_organisations_named_by_role_remain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
