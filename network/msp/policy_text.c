/*
 * policy_text.c: Fabric's policy language. AND and OR are OutOf with all and with one of their arguments; any name may
 * be written And, and or AND.
 *
 * Fabric's tools evaluate the inner gates before they number the principals of the outer one, and never list a
 * principal once for two places. Approvals and recorded policies are compared byte by byte, so we do the same.
 */
#include "msp/policy.h"

#include "common/policies.pb-c.h"
#include "msp/msp_principal.pb-c.h"
#include "protos/unpack.h"

#include <ctype.h>
#include <stdlib.h>

enum { MAX_DEPTH = 30, MAX_ARGS = 256, MAX_PRINCIPALS = 4096 };

typedef struct parser {
    const char *text;
    const char *at;
    fcc__arena *arena;
    fcc_error *error;
    Common__MSPPrincipal **principals;
    size_t count;
} parser;

/* What stands in a gate's brackets before its principals have numbers. */
typedef struct argument {
    fcc_bytes principal; /* with data NULL: a gate */
    Common__SignaturePolicy *gate;
} argument;

static fcc_status wrong(const parser *p, const char *expected)
{
    return fcc_error_set(p->error, FCC_ERR_CONFIG, "policy \"%.300s\", at character %zu (\"%.20s\"): expected %s",
                         p->text, (size_t)(p->at - p->text) + 1, p->at, expected);
}

static fcc_status too_large(const parser *p)
{
    return fcc_error_set(p->error, FCC_ERR_LIMIT, "policy \"%.300s\": too large", p->text);
}

static void skip_space(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
}

static bool take(parser *p, char c)
{
    skip_space(p);
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

/* The text between two equal quotation marks. */
static bool take_quoted(parser *p, fcc_bytes *out)
{
    const char *start, *end;

    skip_space(p);
    if (*p->at != '\'' && *p->at != '"')
        return false;
    start = p->at + 1;
    end = strchr(start, *p->at);
    if (!end || memchr(start, '\\', (size_t)(end - start)))
        return false;
    *out = fcc_bytes_of(start, (size_t)(end - start));
    p->at = end + 1;
    return true;
}

static fcc_status add_principal(parser *p, fcc_bytes text, int32_t *index)
{
    static const char *const roles[] = { "member", "admin", "client", "peer", "orderer" };
    Common__MSPRole role = COMMON__MSPROLE__INIT;
    Common__MSPPrincipal *principal;
    fcc_bytes bytes;
    size_t dot = text.len, i, k;
    fcc_status st;

    for (i = 0; i < text.len; i++)
        if (text.data[i] == '.')
            dot = i;
        else if (!isalnum(text.data[i]) && text.data[i] != '-')
            return wrong(p, "'MSP.role' with letters, digits, . and - in MSP");
    for (k = 0; k < 5; k++)
        if (dot < text.len && fcc_bytes_equal(fcc_bytes_of(text.data + dot + 1, text.len - dot - 1), fcc_str(roles[k])))
            break;
    if (dot == 0 || k == 5)
        return wrong(p, "'MSP.role' with role member, admin, client, peer or orderer");
    if (p->count == MAX_PRINCIPALS)
        return too_large(p);
    role.msp_identifier = fcc__pb(fcc_bytes_of(text.data, dot));
    role.role = (Common__MSPRole__MSPRoleType)k;
    st = fcc__pack(&role, p->arena, &bytes);
    principal = st == FCC_OK ? fcc__arena_alloc(p->arena, sizeof *principal) : NULL;
    if (!principal)
        return too_large(p);
    common__mspprincipal__init(principal);
    principal->principal = fcc__pb(bytes);
    p->principals[p->count] = principal;
    *index = (int32_t)p->count++;
    return FCC_OK;
}

/* n of rules, with room for the rules. */
static Common__SignaturePolicy *new_gate(parser *p, int32_t n, size_t rules)
{
    Common__SignaturePolicy *gate = fcc__arena_alloc(p->arena, sizeof *gate);
    Common__SignaturePolicy__NOutOf *of = fcc__arena_alloc(p->arena, sizeof *of);

    if (!gate || !of)
        return NULL;
    common__signature_policy__init(gate);
    common__signature_policy__nout_of__init(of);
    gate->type_case = COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF;
    gate->n_out_of = of;
    of->n = n;
    of->rules = fcc__arena_zalloc(p->arena, rules + 1, sizeof *of->rules);
    of->n_rules = rules;
    return of->rules ? gate : NULL;
}

static fcc_status number_principals(parser *p, const argument *args, size_t count, Common__SignaturePolicy *gate)
{
    size_t i;
    fcc_status st;

    for (i = 0; i < count; i++) {
        Common__SignaturePolicy *leaf;

        if (args[i].gate) {
            gate->n_out_of->rules[i] = args[i].gate;
            continue;
        }
        leaf = fcc__arena_alloc(p->arena, sizeof *leaf);
        if (!leaf)
            return too_large(p);
        common__signature_policy__init(leaf);
        leaf->type_case = COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY;
        st = add_principal(p, args[i].principal, &leaf->signed_by);
        if (st != FCC_OK)
            return st;
        gate->n_out_of->rules[i] = leaf;
    }
    return FCC_OK;
}

static fcc_status parse_gate(parser *p, int depth, Common__SignaturePolicy **out);

/* The n of OutOf: a number, or one in quotation marks. */
static fcc_status parse_n(parser *p, long *n)
{
    char *end;
    char quote = 0;

    skip_space(p);
    if (*p->at == '\'' || *p->at == '"')
        quote = *p->at++;
    if (!isdigit((unsigned char)*p->at) && *p->at != '-')
        return wrong(p, "a number");
    *n = strtol(p->at, &end, 10);
    p->at = end;
    if (quote && *p->at++ != quote)
        return wrong(p, "a closing quotation mark");
    if (!take(p, ','))
        return wrong(p, "a comma and what to count");
    return FCC_OK;
}

static fcc_status parse_argument(parser *p, int depth, argument *arg)
{
    skip_space(p);
    if (*p->at == '\'' || *p->at == '"')
        return take_quoted(p, &arg->principal) ? FCC_OK : wrong(p, "a closing quotation mark");
    return parse_gate(p, depth + 1, &arg->gate);
}

static bool named(fcc_bytes word, const char *a, const char *b, const char *c)
{
    return fcc_bytes_equal(word, fcc_str(a)) || fcc_bytes_equal(word, fcc_str(b)) || fcc_bytes_equal(word, fcc_str(c));
}

static fcc_status parse_gate(parser *p, int depth, Common__SignaturePolicy **out)
{
    const char *start;
    fcc_bytes word;
    argument *args;
    size_t count = 0;
    long n = 1;
    bool all;
    fcc_status st;

    if (depth > MAX_DEPTH)
        return too_large(p);
    skip_space(p);
    start = p->at;
    while (isalnum((unsigned char)*p->at))
        p->at++;
    word = fcc_bytes_of(start, (size_t)(p->at - start));
    all = named(word, "AND", "And", "and");
    if (!all && !named(word, "OR", "Or", "or") && !named(word, "OutOf", "OUTOF", "outof")) {
        p->at = start;
        return wrong(p, "AND(...), OR(...) or OutOf(n, ...)");
    }
    if (!take(p, '('))
        return wrong(p, "an opening bracket");
    if (word.len == 5 && (st = parse_n(p, &n)) != FCC_OK)
        return st;
    args = fcc__arena_zalloc(p->arena, MAX_ARGS, sizeof *args);
    if (!args)
        return too_large(p);
    do {
        if (count == MAX_ARGS)
            return too_large(p);
        st = parse_argument(p, depth, &args[count]);
        if (st != FCC_OK)
            return st;
        count++;
    } while (take(p, ','));
    if (!take(p, ')'))
        return wrong(p, "a comma or a closing bracket");
    if (all)
        n = (long)count;
    if (n < 0 || n > (long)count + 1)
        return fcc_error_set(p->error, FCC_ERR_CONFIG, "policy \"%.300s\": invalid t-out-of-n predicate, t %ld, n %zu",
                             p->text, n, count);
    *out = new_gate(p, (int32_t)n, count);
    return *out ? number_principals(p, args, count, *out) : too_large(p);
}

fcc_status msp_policy_parse(const char *text, fcc__arena *arena, fcc_bytes *envelope, fcc_error *error)
{
    Common__SignaturePolicyEnvelope message = COMMON__SIGNATURE_POLICY_ENVELOPE__INIT;
    fcc__arena *scratch = fcc__arena_new(4 << 20);
    parser p = { .text = text, .at = text, .arena = scratch, .error = error };
    fcc_status st;

    p.principals = scratch ? fcc__arena_zalloc(scratch, MAX_PRINCIPALS, sizeof *p.principals) : NULL;
    if (!p.principals)
        st = too_large(&p);
    else
        st = parse_gate(&p, 0, &message.rule);
    skip_space(&p);
    if (st == FCC_OK && *p.at)
        st = wrong(&p, "nothing more");
    if (st == FCC_OK) {
        message.identities = p.principals;
        message.n_identities = p.count;
        st = fcc__pack(&message, arena, envelope);
        if (st != FCC_OK)
            st = too_large(&p);
    }
    fcc__arena_free(scratch);
    return st;
}
