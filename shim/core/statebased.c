/*
 * fcc/statebased.h. A policy is a list of organisations sorted by name, which becomes N-of-N over their principals, rule
 * i signed by principal i.
 * Source: fabric-chaincode-go v2.3.0 pkg/statebased/statebasedimpl.go
 */
#include <fcc/statebased.h>

#include "core/stub.h"

#include "base/utf8.h"

#include "common/policies.pb-c.h"
#include "msp/msp_principal.pb-c.h"

struct fcc_state_ep {
    fcc_stub *stub;
    fcc_bytes *names;                    /* sorted, each once */
    Common__MSPRole__MSPRoleType *roles; /* as long */
    size_t count;
    size_t room;
};

/* Where the name is, or would be. */
static bool find(const fcc_state_ep *ep, fcc_bytes name, size_t *at)
{
    for (*at = 0; *at < ep->count; ++*at) {
        int c = fcc_bytes_compare(ep->names[*at], name);

        if (c >= 0)
            return c == 0;
    }
    return false;
}

static fcc_status reserve(fcc_state_ep *ep, size_t more)
{
    size_t room = ep->room ? ep->room : 8;
    fcc_bytes *names;
    Common__MSPRole__MSPRoleType *roles;

    if (ep->count + more <= ep->room)
        return FCC_OK;
    while (room < ep->count + more)
        room *= 2;
    names = fcc__arena_zalloc(ep->stub->arena, room, sizeof(*names));
    roles = fcc__arena_zalloc(ep->stub->arena, room, sizeof(*roles));
    if (!names || !roles)
        return fcc__fail_memory(ep->stub);
    if (ep->count) {
        memcpy(names, ep->names, ep->count * sizeof(*names));
        memcpy(roles, ep->roles, ep->count * sizeof(*roles));
    }
    ep->names = names;
    ep->roles = roles;
    ep->room = room;
    return FCC_OK;
}

/* There is room. */
static void set(fcc_state_ep *ep, fcc_bytes name, Common__MSPRole__MSPRoleType role)
{
    size_t at;

    if (!find(ep, name, &at)) {
        memmove(ep->names + at + 1, ep->names + at, (ep->count - at) * sizeof(*ep->names));
        memmove(ep->roles + at + 1, ep->roles + at, (ep->count - at) * sizeof(*ep->roles));
        ep->names[at] = name;
        ep->count++;
    }
    ep->roles[at] = role;
}

static fcc_status take_over(fcc_state_ep *ep, const Common__SignaturePolicyEnvelope *envelope)
{
    fcc_status st = reserve(ep, envelope->n_identities);

    for (size_t i = 0; i < envelope->n_identities && st == FCC_OK; i++) {
        const Common__MSPPrincipal *principal = envelope->identities[i];
        Common__MSPRole *role;

        if (principal->principal_classification != COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE)
            continue;
        if (FCC__UNPACK(common__msprole, fcc__of_pb(principal->principal), ep->stub->arena, &role) != FCC_OK)
            return fcc_fail(ep->stub, FCC_ERR_ARG, "error unmarshaling msp principal %zu", i);
        set(ep, fcc__of_pb(role->msp_identifier), role->role);
    }
    return st;
}

fcc_status fcc_state_ep_new(fcc_stub *stub, fcc_bytes policy, fcc_state_ep **out)
{
    Common__SignaturePolicyEnvelope *envelope;
    fcc_state_ep *ep = fcc__arena_zalloc(stub->arena, 1, sizeof(*ep));
    fcc_status st = FCC_OK;

    if (!ep)
        return fcc__fail_memory(stub);
    ep->stub = stub;
    if (policy.len > 0) {
        if (FCC__UNPACK(common__signature_policy_envelope, policy, stub->arena, &envelope) != FCC_OK)
            return fcc_fail(stub, FCC_ERR_ARG, "Error unmarshaling to SignaturePolicy: not a SignaturePolicyEnvelope");
        st = take_over(ep, envelope);
    }
    if (st == FCC_OK)
        *out = ep;
    return st;
}

fcc_status fcc_state_ep_add_orgs(fcc_state_ep *ep, fcc_role role, const fcc_bytes *msp_ids, size_t count)
{
    fcc_bytes *copies;
    fcc_status st;

    if (role != FCC_ROLE_MEMBER && role != FCC_ROLE_PEER)
        return fcc_fail(ep->stub, FCC_ERR_ARG, "role type %d does not exist", (int)role);
    copies = fcc__arena_zalloc(ep->stub->arena, count + 1, sizeof(*copies));
    if (!copies)
        return fcc__fail_memory(ep->stub);
    for (size_t i = 0; i < count; i++) {
        if ((st = fcc__check_text(ep->stub, "msp id", msp_ids[i])) != FCC_OK)
            return st;
        if (!fcc__arena_copy(ep->stub->arena, msp_ids[i], &copies[i]))
            return fcc__fail_memory(ep->stub);
    }
    if ((st = reserve(ep, count)) != FCC_OK)
        return st;
    for (size_t i = 0; i < count; i++)
        set(ep, copies[i],
            role == FCC_ROLE_PEER ? COMMON__MSPROLE__MSPROLE_TYPE__PEER : COMMON__MSPROLE__MSPROLE_TYPE__MEMBER);
    return FCC_OK;
}

void fcc_state_ep_del_orgs(fcc_state_ep *ep, const fcc_bytes *msp_ids, size_t count)
{
    size_t at;

    for (size_t i = 0; i < count; i++) {
        if (!find(ep, msp_ids[i], &at))
            continue;
        ep->count--;
        memmove(ep->names + at, ep->names + at + 1, (ep->count - at) * sizeof(*ep->names));
        memmove(ep->roles + at, ep->roles + at + 1, (ep->count - at) * sizeof(*ep->roles));
    }
}

void fcc_state_ep_list_orgs(const fcc_state_ep *ep, const fcc_bytes **msp_ids, size_t *count)
{
    *msp_ids = ep->names;
    *count = ep->count;
}

fcc_status fcc_state_ep_policy(const fcc_state_ep *ep, fcc_bytes *out)
{
    fcc__arena *arena = ep->stub->arena;
    Common__SignaturePolicyEnvelope envelope = COMMON__SIGNATURE_POLICY_ENVELOPE__INIT;
    Common__SignaturePolicy top = COMMON__SIGNATURE_POLICY__INIT;
    Common__SignaturePolicy__NOutOf all = COMMON__SIGNATURE_POLICY__NOUT_OF__INIT;
    Common__SignaturePolicy *rules = fcc__arena_zalloc(arena, ep->count + 1, sizeof(*rules));
    Common__SignaturePolicy **rule_list = fcc__arena_zalloc(arena, ep->count + 1, sizeof(*rule_list));
    Common__MSPPrincipal *principals = fcc__arena_zalloc(arena, ep->count + 1, sizeof(*principals));
    Common__MSPPrincipal **principal_list = fcc__arena_zalloc(arena, ep->count + 1, sizeof(*principal_list));
    fcc_bytes packed;

    if (!rules || !rule_list || !principals || !principal_list)
        return fcc__fail_memory(ep->stub);
    for (size_t i = 0; i < ep->count; i++) {
        Common__MSPRole role = COMMON__MSPROLE__INIT;

        role.msp_identifier = fcc__pb(ep->names[i]);
        role.role = ep->roles[i];
        if (fcc__pack(&role, arena, &packed) != FCC_OK)
            return fcc__fail_memory(ep->stub);
        common__mspprincipal__init(&principals[i]);
        principals[i].principal_classification = COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE;
        principals[i].principal = fcc__pb(packed);
        principal_list[i] = &principals[i];
        common__signature_policy__init(&rules[i]);
        rules[i].type_case = COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY;
        rules[i].signed_by = (int32_t)i;
        rule_list[i] = &rules[i];
    }
    all.n = (int32_t)ep->count;
    all.n_rules = ep->count;
    all.rules = rule_list;
    top.type_case = COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF;
    top.n_out_of = &all;
    envelope.rule = &top;
    envelope.n_identities = ep->count;
    envelope.identities = principal_list;
    return fcc__pack(&envelope, arena, out) == FCC_OK ? FCC_OK : fcc__fail_memory(ep->stub);
}
