/*
 * Random histories of two patients, their grantees and a doctor in emergencies, against a model of a few lines: every call
 * has the status, every transaction in a block the code, and every question the answer that the model gives.
 *
 * HISTORY_SEED and HISTORY_CALLS choose others; a history that fails is made as short as it goes, and printed.
 */
#include "asking.h"

enum { patients = 2, grantees = 4, length = 500, most_in_block = 8 };
enum { do_grant, do_revoke, do_revoke_all, do_set_base, do_break, do_close, do_wait, do_strange, do_forge, do_kinds };
enum { base_unset, base_silent, base_permit, base_deny };
enum { none, active, revoked };

static const char *const pids[patients] = { PID_A, PID_B };
static const char *const grantee_names[grantees] = { "u:d1", "r:doctor@" H1, "m:HospitalMSP", "u:d3" };
static const char *const kind_names[do_kinds] = { "Grant",           "Revoke", "RevokeAll", "SetBase", "BreakGlass",
                                                  "CloseBreakGlass", "wait",   "strange",   "forge" };

/* One step: which act, of which patient, about whom, what of it; and whether the block goes on with the next. */
struct step {
    int kind, pid, grantee, arg;
    bool goes_on;
};

/* What is known after the last block. */
static struct patient {
    int epoch, base;
    bool forbid;
    struct {
        int status, epoch;
        bool deny;
    } grants[grantees];
    int cases; /* so many were opened; the last one: */
    bool open;
    int64_t until;
} model[patients];

static struct step waiting[most_in_block];
static size_t waiting_count;
static int64_t now;
static unsigned salts, calls, commits, conflicts;
static char why[600];

/* xorshift: the same numbers everywhere */
static uint64_t random_state;

static int below(int n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)(random_state % (uint64_t)n);
}

static bool fails(const char *what, const struct step *s, const char *have, const char *want)
{
    snprintf(why, sizeof(why), "%s: %s of patient %d, %d %d: %.300s, and not %s", what, kind_names[s->kind], s->pid,
             s->grantee, s->arg, have, want);
    return false;
}

/* ---- the model ---- */

static bool is_case_open(const struct patient *p)
{
    return p->open && now <= p->until;
}

static int expected_status(const struct step *s)
{
    const struct patient *p = &model[s->pid];

    switch (s->kind) {
    case do_revoke:
        return p->grants[s->grantee].status == none ? 404 : p->grants[s->grantee].status == revoked ? 409 : 200;
    case do_break:
        return p->forbid ? 403 : is_case_open(p) ? 409 : 200;
    case do_close:
        return p->cases == 0 ? 404 : !p->open ? 409 : now > p->until ? 410 : 200;
    case do_strange:
    case do_forge:
        return 403;
    default:
        return 200;
    }
}

static void apply(const struct step *s)
{
    struct patient *p = &model[s->pid];

    switch (s->kind) {
    case do_grant:
        p->grants[s->grantee].status = active;
        p->grants[s->grantee].epoch = p->epoch;
        p->grants[s->grantee].deny = s->arg % 2;
        break;
    case do_revoke:
        p->grants[s->grantee].status = revoked;
        break;
    case do_revoke_all:
        p->epoch++;
        if (p->base == base_unset)
            p->base = base_silent;
        break;
    case do_set_base:
        p->base = base_silent + s->arg % 3;
        p->forbid = s->arg >= 9;
        break;
    case do_break:
        p->cases++;
        p->open = true;
        p->until = now + 3 * 3600;
        break;
    case do_close:
        p->open = false;
        break;
    default:
        break;
    }
}

/* Keys as bits: the base, each grant, the doctor's case. */
static unsigned reads_of(const struct step *s)
{
    static const unsigned base = 1, emergency = 2;
    unsigned grant = 4u << s->grantee;

    return s->kind == do_grant    ? base | grant
           : s->kind == do_revoke ? grant
           : s->kind == do_break  ? base | emergency
           : s->kind == do_close  ? emergency
                                  : base;
}

static unsigned writes_of(const struct step *s)
{
    unsigned reads = reads_of(s);

    return s->kind == do_grant ? reads & ~1u : s->kind == do_break ? 2 : reads;
}

static bool expected_permit(const struct patient *p, const int *of, size_t n)
{
    bool permit = false;

    for (size_t i = 0; i < n; i++) {
        if (p->grants[of[i]].status != active || p->grants[of[i]].epoch != p->epoch)
            continue;
        if (p->grants[of[i]].deny)
            return false;
        permit = true;
    }
    return permit || p->base == base_permit;
}

/* ---- the calls ---- */

static fcc_test_result call_step(const struct step *s)
{
    static const char rule[] = "{\"effect\":\"%s\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"*\"],"
                               "\"maxSens\":\"V\"}";
    const char *function = kind_names[s->kind], *id = NULL, *name;
    char in[700], rules[200], one[160], case_id[40];

    salts++;
    calls++;
    snprintf(one, sizeof(one), rule, s->arg % 2 ? "deny" : "permit");
    as("HospitalMSP", "patient", NULL, NULL, (s->pid == 0) != (s->kind == do_strange) ? "a1" : "b1");
    switch (s->kind) {
    case do_strange:
    case do_forge:
        function = "Grant";
        if (s->kind == do_forge)
            as_doctor();
        /* fall through */
    case do_grant:
    case do_revoke:
        name = grantee_names[s->grantee];
        snprintf(rules, sizeof(rules), ",\"rules\":[%s]", one);
        snprintf(in, sizeof(in), "{\"pid\":\"%s\",\"grantee\":\"%s\"%s,\"salt\":\"%032x\"}", pids[s->pid], name,
                 s->kind == do_revoke ? "" : rules, salts);
        break;
    case do_revoke_all:
        snprintf(in, sizeof(in), "{\"pid\":\"%s\",\"salt\":\"%032x\"}", pids[s->pid], salts);
        break;
    case do_set_base:
        snprintf(one, sizeof(one), rule, s->arg % 3 == 2 ? "deny" : "permit");
        snprintf(in, sizeof(in),
                 "{\"pid\":\"%s\",\"rules\":[%s],\"btg\":\"%s\",\"btgMaxSens\":\"R\",\"salt\":\"%032x\"}", pids[s->pid],
                 s->arg % 3 == 0 ? "" : one, s->arg >= 9 ? "forbid" : "notify", salts);
        break;
    default:
        as_staff("doctor", "d2", "02");
        /* in a block, the next case's number is that of the first that is opened there: the others conflict */
        snprintf(case_id, sizeof(case_id), "case-%d-%d", s->pid, model[s->pid].cases + (s->kind == do_break));
        snprintf(in, sizeof(in),
                 "{\"id\":\"%s\",\"pid\":\"%s\",\"reasonCode\":\"other\",\"reason\":\"x\",\"salt\":\"%032x\"}", case_id,
                 pids[s->pid], salts);
        id = s->kind == do_close ? case_id : NULL;
    }
    put_in(id ? NULL : in);
    return id ? fcc_test_endorse(world, "consent", function, id, FCC_END)
              : fcc_test_endorse(world, "consent", function, FCC_END);
}

static bool commit(void)
{
    fcc_test_block block = fcc_test_commit(world);
    unsigned written[patients] = { 0 };

    if (block.count != waiting_count)
        return fails("block", &waiting[0], "another number of transactions", "all");
    for (size_t i = 0; i < waiting_count; i++) {
        const struct step *s = &waiting[i];
        int want = written[s->pid] & reads_of(s) ? FCC_TEST_MVCC_READ_CONFLICT : FCC_TEST_VALID;

        if (block.tx[i].code != want)
            return fails("commit", s, block.tx[i].code_name, want ? "a read conflict" : "valid");
        commits += want == FCC_TEST_VALID;
        conflicts += want != FCC_TEST_VALID;
        if (want == FCC_TEST_VALID) {
            apply(s);
            written[s->pid] |= writes_of(s);
        }
    }
    waiting_count = 0;
    return true;
}

static bool ask(const struct step *s, const char *actor, const char *purpose, bool permit)
{
    fcc_test_result r = fcc_test_evaluate(world, "ehr", "Evaluate", pids[s->pid], actor, purpose, "read",
                                          "[" OF_LAB("N", "") "]", FCC_END);

    calls++;
    if (r.status != 200 || (strstr(r.payload, "\"permit\":true") != NULL) != permit)
        return fails(actor, s, r.payload, permit ? "permit" : "deny");
    return true;
}

static bool ask_all(const struct step *s)
{
    static const int of_d1[] = { 0, 1, 2 }, of_n1[] = { 2 }, of_d3[] = { 3 };
    const struct patient *p = &model[s->pid];

    return ask(s, AS_D1, "TREAT", expected_permit(p, of_d1, 3)) &&
           ask(s, ACTOR("n1", "nurse", H1, "HospitalMSP"), "TREAT", expected_permit(p, of_n1, 1)) &&
           ask(s, ACTOR("d3", "doctor", C1, "ClinicMSP"), "TREAT", expected_permit(p, of_d3, 1)) &&
           ask(s, AS_D2, "BTG", is_case_open(p) && !p->forbid);
}

static bool do_step(const struct step *s)
{
    fcc_test_result r;
    char have[20], want[20];

    if (s->kind == do_wait) {
        if (!commit())
            return false;
        now += s->arg * 1800;
        fcc_test_set_time(world, now);
        return ask_all(s);
    }
    r = call_step(s);
    if (r.status != expected_status(s)) {
        snprintf(have, sizeof(have), "%d", (int)r.status);
        snprintf(want, sizeof(want), "%d", expected_status(s));
        return fails(r.message, s, have, want);
    }
    if (r.status == 200)
        waiting[waiting_count++] = *s;
    if (s->goes_on && waiting_count < most_in_block)
        return true;
    return commit() && ask_all(s);
}

/* From an empty ledger; false with `why`. */
static bool run(const struct step *steps, size_t n)
{
    memset(model, 0, sizeof(model));
    waiting_count = 0;
    salts = 0;
    now = NOW;
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    install_asking("ehr");
    for (size_t i = 0; i < n; i++)
        if (!do_step(&steps[i]))
            return false;
    return commit();
}

/* ---- making, shortening and printing histories ---- */

static void make(struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        steps[i] = (struct step){ .kind = below(do_kinds),
                                  .pid = below(patients),
                                  .grantee = below(grantees),
                                  .arg = below(10),
                                  .goes_on = below(3) != 0 };
}

static size_t shorten(struct step *steps, size_t n)
{
    struct step fewer[length];

    for (size_t size = n / 2; size > 0; size /= 2)
        for (size_t at = 0; at + size <= n;) {
            memcpy(fewer, steps, at * sizeof(steps[0]));
            memcpy(fewer + at, steps + at + size, (n - at - size) * sizeof(steps[0]));
            if (run(fewer, n - size)) {
                at += size;
                continue;
            }
            n -= size;
            memcpy(steps, fewer, n * sizeof(steps[0]));
        }
    return n;
}

static void every_history_goes_as_the_model_says(void **state)
{
    const char *seed_text = getenv("HISTORY_SEED"), *calls_text = getenv("HISTORY_CALLS");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 20260101;
    unsigned wanted = calls_text ? (unsigned)strtoul(calls_text, NULL, 10) : 10000;
    static struct step steps[length];
    size_t n = length;

    calls = 0;
    for (uint64_t i = 0; calls < wanted; i++) {
        random_state = (seed + i) * 0x9E3779B97F4A7C15u + 1;
        make(steps, length);
        if (run(steps, length))
            continue;
        n = shorten(steps, length);
        run(steps, n);
        fprintf(stderr, "# HISTORY_SEED=%llu: %s, after:\n", (unsigned long long)(seed + i), why);
        for (size_t j = 0; j < n; j++)
            fprintf(stderr, "#   %s of patient %d, %d %d%s\n", kind_names[steps[j].kind], steps[j].pid,
                    steps[j].grantee, steps[j].arg, steps[j].goes_on ? ", in one block with" : "");
        fail_msg("a history of %zu steps", n);
    }
    printf("consent histories: %u calls from seed %llu, %u committed, %u in conflict\n", calls,
           (unsigned long long)seed, commits, conflicts);
    assert_true(commits > wanted / 10 && conflicts > wanted / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_history_goes_as_the_model_says, health_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
