/* care.c: who there is, who owns what, and what consent permits: written from the domain's rules, not from the chaincode. */
#include "test/property/care.h"

#include "test/support/health.h"

#define H "HospitalMSP"
#define C "ClinicMSP"
/* clang-format off */
const struct person care_people[] = {
    { .name = "a", .msp = H, .role = "patient", .key = "a1", .pid = PID_A },
    { .name = "b", .msp = H, .role = "patient", .key = "b1", .pid = PID_B },
    { .name = "g", .msp = H, .role = "patient", .key = "9a", .pid = PID_G },
    { .name = "dead", .msp = H, .role = "patient", .key = "dd", .pid = PID_DEAD },
    { .name = "d1", .msp = H, .role = "doctor", .uid = "d1", .site = H1, .key = "01" },
    { .name = "d2", .msp = H, .role = "doctor", .uid = "d2", .site = H1, .key = "02" },
    { .name = "d3", .msp = C, .role = "doctor", .uid = "d3", .site = C1, .key = "03" },
    { .name = "d4", .msp = H, .role = "doctor", .uid = "d4", .site = H1, .key = "04" },
    { .name = "d7", .msp = H, .role = "doctor", .uid = "d7", .site = H1, .key = "07" },
    { .name = "d8", .msp = H, .role = "doctor", .uid = "d8", .site = H1, .key = "08" },
    { .name = "d9", .msp = C, .role = "doctor", .uid = "d9", .site = C1, .key = "09" },
    { .name = "n1", .msp = H, .role = "nurse", .uid = "n1", .site = H1, .key = "11" },
    { .name = "reg1", .msp = H, .role = "registrar", .uid = "reg1", .site = H1, .key = "12" },
    { .name = "reg2", .msp = H, .role = "registrar", .uid = "reg2", .site = H1, .key = "1a" },
    { .name = "reg3", .msp = C, .role = "registrar", .uid = "reg3", .site = C1, .key = "1b" },
    { .name = "po1", .msp = H, .role = "privacy_officer", .uid = "po1", .site = H1, .key = "13" },
    { .name = "po2", .msp = H, .role = "privacy_officer", .uid = "po2", .site = H1, .key = "24" },
    { .name = "po3", .msp = C, .role = "privacy_officer", .uid = "po3", .site = C1, .key = "1c" },
    { .name = "cust1", .msp = H, .role = "custodian", .uid = "cust1", .site = H1, .key = "14" },
    { .name = "cust2", .msp = C, .role = "custodian", .uid = "cust2", .site = C1, .key = "15" },
    { .name = "adm1", .msp = H, .role = "admin", .uid = "adm1", .site = H1, .key = "16", .admin = true },
    { .name = "adm2", .msp = C, .role = "admin", .uid = "adm2", .site = C1, .key = "20", .admin = true },
    { .name = "aud1", .msp = "RegulatorMSP", .role = "auditor", .uid = "aud1", .site = A1, .key = "18" },
    { .name = "ph1", .msp = "PharmacyMSP", .role = "pharmacist", .uid = "ph1", .site = P1, .key = "17" },
    { .name = "lab1", .msp = H, .role = "labtech", .uid = "lab1", .site = L1, .key = "21" },
    { .name = "lab2", .msp = H, .role = "labtech", .uid = "lab2", .site = L1, .key = "22" },
    { .name = "lab3", .msp = C, .role = "labtech", .uid = "lab3", .site = C1, .key = "23" },
    { .name = "d5", .msp = H, .role = "doctor", .uid = "d5", .site = H1, .key = "05", .impostor = "the job is suspended" },
    { .name = "d6", .msp = H, .role = "doctor", .uid = "d6", .site = W1, .key = "06",
      .impostor = "the site is suspended" },
    { .name = "newcert", .msp = H, .role = "doctor", .uid = "d1", .site = H1, .key = "x1",
      .impostor = "the key is bound to nobody" },
    { .name = "otheruid", .msp = H, .role = "doctor", .uid = "d2", .site = H1, .key = "01",
      .impostor = "the key is another person's" },
    { .name = "promoted", .msp = H, .role = "doctor", .uid = "n1", .site = H1, .key = "11",
      .impostor = "the person has no such role" },
    { .name = "pharmdoc", .msp = "PharmacyMSP", .role = "doctor", .uid = "ph1", .site = P1, .key = "17",
      .impostor = "a pharmacy has no doctors" },
    { .name = "moved", .msp = H, .role = "doctor", .uid = "d1", .site = L1, .key = "01",
      .impostor = "the job is at another site" },
    { .name = "newpatient", .msp = H, .role = "patient", .key = "x2", .impostor = "the key is bound to nobody" },
    { .name = "foreign", .msp = C, .role = "patient", .key = "a1", .impostor = "another organisation issued the key" },
    { 0 }
};

/* pids, and words of health; categories such as "general" are too common to look for */
const char *const care_secrets[] = { PID_A, PID_B, PID_DEAD, PID_E, PID_G, PID_M, PID_W, PID_LINKED, PID_UNKNOWN,
                                     PID_NOBODY, "psychiatry", "substance", "TREAT", "718-7", "Observation", NULL };
/* clang-format on */

static const struct patient {
    const char *pid, *becomes, *guardian;
    bool key, deceased;
    int64_t minor_until, guarded_to;
} patients[] = {
    { .pid = PID_A, .key = true },
    { .pid = PID_B, .key = true },
    { .pid = PID_G, .key = true },
    { .pid = PID_DEAD, .key = true, .deceased = true },
    { .pid = PID_E },
    { .pid = PID_M, .guardian = PID_G, .minor_until = NOW + 86400, .guarded_to = NOW + 86400 },
    { .pid = PID_W, .guardian = PID_G, .guarded_to = 4102444799 },
    { .pid = PID_UNKNOWN },
    { .pid = PID_LINKED, .becomes = PID_A },
};

static const struct patient *patient(const char *pid)
{
    for (size_t i = 0; i < sizeof(patients) / sizeof(patients[0]); i++)
        if (strcmp(patients[i].pid, pid) == 0)
            return patients[i].becomes ? patient(patients[i].becomes) : &patients[i];
    return NULL;
}

const char *care_pid(const char *pid)
{
    const struct patient *p = patient(pid);

    return p ? p->pid : pid;
}

bool care_known(const char *pid)
{
    return patient(pid) != NULL;
}

bool care_deceased(const char *pid)
{
    return patient(pid) && patient(pid)->deceased;
}

bool care_has_key(const char *pid)
{
    return patient(pid) && patient(pid)->key;
}

bool care_minor(const char *pid, int64_t at)
{
    return patient(pid) && at < patient(pid)->minor_until;
}

/* That a minor's guardian ends with the minority is looked after when the guardian is registered: see credentials.c. */
static bool guards(const char *gpid, const struct patient *ward, int64_t at)
{
    return ward && ward->guardian && gpid && strcmp(gpid, ward->guardian) == 0 && at >= NOW && at <= ward->guarded_to;
}

bool care_owns(const struct call *call, const char *pid)
{
    const struct patient *p = patient(pid);

    return !call->by->impostor && call->by->pid && p &&
           (strcmp(call->by->pid, p->pid) == 0 || guards(call->by->pid, p, call->at));
}

const struct person *care_person(const char *uid)
{
    for (const struct person *p = care_people; p->name; p++)
        if (p->uid && strcmp(p->uid, uid) == 0)
            return p;
    return NULL;
}

bool care_site(const char *gln)
{
    static const char *const known[] = { H1, C1, L1, W1, P1, A1, K1 };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(gln, known[i]) == 0)
            return true;
    return false;
}

bool care_licensed(const struct person *person)
{
    static const char *const licensed[] = { "d1", "d2", "d3", "d7", "d9" };

    for (size_t i = 0; i < sizeof(licensed) / sizeof(licensed[0]); i++)
        if (person->uid && strcmp(person->uid, licensed[i]) == 0)
            return true;
    return false;
}

const char *care_anybody(struct run *run)
{
    size_t n = 0;

    while (care_people[n].name)
        n++;
    return care_people[pick(run, n)].name;
}

const char *care_any_pid(struct run *run)
{
    static const char *const pids[] = { PID_A, PID_A, PID_A, PID_B, PID_B,      PID_G,       PID_DEAD,
                                        PID_E, PID_E, PID_M, PID_W, PID_LINKED, PID_UNKNOWN, PID_NOBODY };

    return ANY(run, pids);
}

const char *care_owner_name(struct run *run, const char *pid)
{
    const struct patient *p = patient(pid);
    const char *own = p && p->guardian ? p->guardian : p ? p->pid : "";

    for (const struct person *person = care_people; person->name; person++)
        if (person->pid && strcmp(person->pid, own) == 0)
            return person->name;
    return chance(run, 50) ? "a" : "b";
}

const char *care_somebody(struct run *run, const char *usual)
{
    return chance(run, 12) ? care_anybody(run) : usual;
}

/* ---- rules ---- */

static const char *const categories[] = { "general", "lab", "psychiatry", "imaging" };
static const char *const purposes[] = { "TREAT", "TREAT", "TREAT", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH" };
static const char *const sensitivities[] = { "N", "R", "V" };

const char *care_rule(struct run *run, bool in_base, bool *wrong)
{
    static const char *const bases[] = { "*", "u:d1", "u:d3", "u:n1", "r:doctor@" C1, "m:ClinicMSP", "m:HospitalMSP" };
    static char out[4][700];
    static size_t at;
    char *rule = out[at++ % 4], more[300] = "", cat[60];
    const int64_t now = fcc_test_time(run->channel);
    size_t len = 0;

    *wrong = chance(run, 7);
    if (in_base && chance(run, 70))
        len += (size_t)snprintf(more, sizeof(more), ",\"actor\":\"%s\"", ANY(run, bases));
    if (chance(run, 20))
        len += (size_t)snprintf(more + len, sizeof(more) - len, ",\"validUntil\":\"%s\"",
                                time_text(now + (int64_t)pick(run, 40000) + 1));
    else if (*wrong)
        len += (size_t)snprintf(more + len, sizeof(more) - len, ",\"validUntil\":\"%s\"", time_text(now - 10));
    if (chance(run, 10))
        len += (size_t)snprintf(more + len, sizeof(more) - len, ",\"validFrom\":\"%s\"", time_text(now - 100));
    if (chance(run, 12))
        len += (size_t)snprintf(more + len, sizeof(more) - len, ",\"author\":\"%s\"", chance(run, 50) ? "d1" : H1);
    if (chance(run, 12))
        snprintf(more + len, sizeof(more) - len, ",\"from\":\"2025-03-01T00:00:00Z\",\"to\":\"2025-09-01T00:00:00Z\"");
    if (chance(run, 30))
        snprintf(cat, sizeof(cat), "\"*\"");
    else if (chance(run, 50))
        snprintf(cat, sizeof(cat), "\"lab\",\"general\"");
    else
        snprintf(cat, sizeof(cat), "\"%s\"", ANY(run, categories));
    snprintf(rule, sizeof(out[0]),
             "{\"effect\":\"%s\",\"purpose\":[\"%s\"],\"ops\":[\"read\"],\"cat\":[%s],\"maxSens\":\"%s\"%s}",
             chance(run, 75) ? "permit" : "deny", *wrong && chance(run, 50) ? "FUN" : ANY(run, purposes), cat,
             ANY(run, sensitivities), more);
    return rule;
}

const char *care_rules(struct run *run, bool in_base)
{
    static char out[4][1500];
    static size_t at;
    char *rules = out[at++ % 4];
    bool wrong;

    if (chance(run, 60))
        snprintf(rules, sizeof(out[0]), "[%s]", care_rule(run, in_base, &wrong));
    else if (in_base && chance(run, 20))
        snprintf(rules, sizeof(out[0]), "[]");
    else
        snprintf(rules, sizeof(out[0]), "[%s,%s]", care_rule(run, in_base, &wrong), care_rule(run, in_base, &wrong));
    return rules;
}

/* Of the mistakes that care_rule makes. */
bool care_rules_fit(const json_t *rules, int64_t at, bool in_base)
{
    if (!in_base && json_array_size(rules) == 0)
        return false;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *until = text(rule, "validUntil"), *from = text(rule, "validFrom");

        if (lists(json_object_get(rule, "purpose"), "FUN") || (*until && seconds(until) < at) ||
            (*until && *from && seconds(from) > seconds(until)))
            return false;
    }
    return true;
}

/* ---- the decision ---- */

/* no: it does not match; perhaps: what it asks for is not known */
enum match { no, perhaps, yes };

static enum match known(const json_t *attrs, const char *value, bool match)
{
    if (*value)
        return match ? yes : no;
    return json_object_get(attrs, "recId") ? no : perhaps;
}

static int rank(const char *sens)
{
    return *sens == 'N' ? 0 : *sens == 'R' ? 1 : 2;
}

static enum match least(enum match a, enum match b)
{
    return a < b ? a : b;
}

static enum match rule_on(const json_t *rule, const struct care_question *q, const json_t *attrs)
{
    const char *cat = text(attrs, "category"), *sens = text(attrs, "sens"), *date = text(attrs, "date");
    const char *author = text(rule, "author"), *from = text(rule, "validFrom"), *until = text(rule, "validUntil");
    enum match match = yes;

    if (!lists(json_object_get(rule, "purpose"), q->purpose) || !lists(json_object_get(rule, "ops"), "read") ||
        (*from && q->now < seconds(from)) || (*until && q->now > seconds(until)))
        return no;
    if (!lists(json_object_get(rule, "cat"), "*"))
        match = least(match, known(attrs, cat, lists(json_object_get(rule, "cat"), cat)));
    if (!is(rule, "maxSens", "V"))
        match = least(match, known(attrs, sens, rank(sens) <= rank(text(rule, "maxSens"))));
    if (*author && !is(attrs, "author", author) && !is(attrs, "site", author))
        match = least(match, known(attrs, *text(attrs, "author") ? text(attrs, "site") : "", false));
    if (json_object_get(rule, "from"))
        match = least(
            match, known(attrs, date,
                         seconds(date) >= seconds(text(rule, "from")) && seconds(date) <= seconds(text(rule, "to"))));
    return match;
}

static bool names(const json_t *rule, const json_t *actor)
{
    const char *whom = text(rule, "actor");
    char job[120];

    snprintf(job, sizeof(job), "r:%s@%s", text(actor, "role"), text(actor, "site"));
    return !*whom || strcmp(whom, "*") == 0 || strcmp(whom, job) == 0 ||
           (whom[0] == 'u' && is(actor, "uid", whom + 2)) || (whom[0] == 'm' && is(actor, "msp", whom + 2));
}

/* What rules say together: -1 deny, 1 permit, 0 nothing. */
static void weigh(const json_t *holder, const struct care_question *q, const json_t *attrs, bool *denied,
                  bool *permitted)
{
    const json_t *rules = json_object_get(holder, "rules");

    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        enum match match = names(rule, q->actor) ? rule_on(rule, q, attrs) : no;

        if (is(rule, "effect", "deny"))
            *denied = *denied || match == yes;
        else
            *permitted = *permitted || match != no;
    }
}

static bool own_site(const struct care_question *q, const json_t *attrs)
{
    const char *closed = text(attrs, "encClosed");

    if (!is(q->actor, "site", text(attrs, "site")))
        return false;
    if (strcmp(q->purpose, "TREAT") == 0 &&
        (is(attrs, "encState", "open") || (is(attrs, "encState", "closed") && q->now < seconds(closed) + 30 * 86400)))
        return true;
    return is(q->actor, "role", "privacy_officer") &&
           (strcmp(q->purpose, "HLEGAL") == 0 || strcmp(q->purpose, "HOPERAT") == 0);
}

static bool by_consent(struct run *run, const struct care_question *q, const json_t *attrs)
{
    const json_t *base = committed(run, "consent/subject/~CBASE~%s~", q->pid);
    bool denied = false, permitted = false;
    char grantees[3][160];

    snprintf(grantees[0], sizeof(grantees[0]), "u:%s", text(q->actor, "uid"));
    snprintf(grantees[1], sizeof(grantees[1]), "r:%s@%s", text(q->actor, "role"), text(q->actor, "site"));
    snprintf(grantees[2], sizeof(grantees[2]), "m:%s", text(q->actor, "msp"));
    for (size_t i = 0; i < 3; i++) {
        const json_t *grant = committed(run, "consent/subject/~CONS~%s~%s~", q->pid, grantees[i]);

        if (is(grant, "status", "active") && number(grant, "epoch") == number(base, "epoch"))
            weigh(grant, q, attrs, &denied, &permitted);
    }
    if (!denied && !permitted)
        weigh(base, q, attrs, &denied, &permitted);
    return permitted && !denied;
}

bool care_permits(struct run *run, const struct care_question *q, const json_t *attrs)
{
    const struct patient *p = patient(q->pid);
    const char *pid = text(q->actor, "pid");

    if (is(attrs, "status", "erased"))
        return false;
    if (p && *pid && (strcmp(pid, p->pid) == 0 || (!p->deceased && guards(pid, p, q->now))))
        return true;
    if (is(attrs, "status", "restricted"))
        return is(q->actor, "role", "privacy_officer") && is(q->actor, "site", text(attrs, "site")) &&
               strcmp(q->purpose, "HLEGAL") == 0;
    if (!*pid && own_site(q, attrs))
        return true;
    return p && !p->deceased && !*pid && by_consent(run, q, attrs);
}

bool care_case_open(const json_t *emergency, int64_t at)
{
    return is(emergency, "status", "open") && at <= seconds(text(emergency, "until"));
}

bool care_permits_emergency(struct run *run, const struct care_question *q, const json_t *attrs)
{
    const json_t *base = committed(run, "consent/subject/~CBASE~%s~", q->pid);
    const char *key, *sens = text(attrs, "sens"), *most = *text(base, "btgMaxSens") ? text(base, "btgMaxSens") : "R";
    bool open = false;
    json_t *one;

    json_object_foreach(run->state, key, one) if (strncmp(key, "consent/emergency/~BTG~", 23) == 0)
        open = open ||
               (is(one, "uid", text(q->actor, "uid")) && is(one, "pid", q->pid) && care_case_open(one, q->now) &&
                (!*text(q->actor, "caseId") || is(one, "id", text(q->actor, "caseId"))));
    if (!open || !care_known(q->pid) || is(base, "btg", "forbid") || is(attrs, "status", "erased"))
        return false;
    return *sens ? rank(sens) <= rank(most) : !json_object_get(attrs, "recId");
}

/* ---- order ---- */

void care_check_order(struct run *run, const struct transaction *tx, size_t at, const json_t *actor, const char *pid)
{
    char job[120];

    if (tx[at].call->result.code != FCC_TEST_VALID)
        return;
    snprintf(job, sizeof(job), "%s@%s", text(actor, "role"), text(actor, "site"));
    for (size_t j = 0; j < at; j++)
        for (size_t k = 0; tx[j].changes && k < tx[j].count; k++) {
            const struct change *c = &tx[j].changes[k];
            bool concerns = strcmp(c->type, "CBASE") == 0;

            if (strcmp(c->type, "CONS") == 0)
                concerns = is(actor, "uid", c->parts[1] + 2) || strcmp(job, c->parts[1] + 2) == 0 ||
                           is(actor, "msp", c->parts[1] + 2);
            if (concerns && strcmp(c->parts[0], pid) == 0)
                broken(run, "ordered behind a change", "%s is valid behind %s", tx[at].call->line, tx[j].call->line);
        }
}

/* ---- calls ---- */

static const char *const grantees[] = { "u:d1",
                                        "u:d1",
                                        "u:d3",
                                        "u:d3",
                                        "u:n1",
                                        "u:reg1",
                                        "r:doctor@" H1,
                                        "r:doctor@" C1,
                                        "r:registrar@" H1,
                                        "m:ClinicMSP",
                                        "m:HospitalMSP",
                                        "u:nobody",
                                        "r:doctor@nowhere",
                                        "m:NoMSP" };
static const char *const registrars[] = { "reg1", "reg2", "reg3" };
static const char *const breakers[] = { "d2", "d9", "d2", "d9", "d1", "d8" };

const char *care_grantee(struct run *run)
{
    return ANY(run, grantees);
}

void care_set_base(struct run *run)
{
    static const char *const btg[] = { "allow", "notify", "notify", "forbid" };
    static const char *const sens[] = { "N", "R", "V" };
    const char *pid = care_any_pid(run);

    run_line(run,
             "%s consent.SetBase < {\"pid\":\"%s\",\"rules\":%s,\"btg\":\"%s\",\"btgMaxSens\":\"%s\",\"salt\":\"%s\"}",
             care_somebody(run, care_owner_name(run, pid)), pid, care_rules(run, true), ANY(run, btg), ANY(run, sens),
             random_id(run));
}

void care_grant(struct run *run)
{
    const char *pid = care_any_pid(run);

    run_line(run, "%s consent.Grant < {\"pid\":\"%s\",\"grantee\":\"%s\",\"rules\":%s,\"salt\":\"%s\"}",
             care_somebody(run, care_owner_name(run, pid)), pid, care_grantee(run), care_rules(run, false),
             random_id(run));
}

void care_revoke(struct run *run)
{
    const char *key = chance(run, 85) ? some_key(run, "consent/subject/~CONS~", NULL) : NULL;
    const char *pid = key ? part_of(key, 1) : care_any_pid(run);
    const char *grantee = key ? part_of(key, 2) : care_grantee(run);

    if (!care_has_key(pid) && chance(run, 50))
        run_line(run,
                 "%s consent.RevokeFor < {\"pid\":\"%s\",\"grantee\":\"%s\",\"evidenceHash\":\"" FP("ee") "\",\"salt\":"
                                                                                                          "\"%s\"}",
                 care_somebody(run, ANY(run, registrars)), pid, grantee, random_id(run));
    else
        run_line(run, "%s consent.Revoke < {\"pid\":\"%s\",\"grantee\":\"%s\",\"salt\":\"%s\"}",
                 care_somebody(run, care_owner_name(run, pid)), pid, grantee, random_id(run));
}

void care_revoke_all(struct run *run)
{
    const char *pid = care_any_pid(run);

    run_line(run, "%s consent.RevokeAll < {\"pid\":\"%s\",\"salt\":\"%s\"}",
             care_somebody(run, care_owner_name(run, pid)), pid, random_id(run));
}

void care_break_glass(struct run *run)
{
    run_line(run,
             "%s consent.BreakGlass < {\"id\":\"%s\",\"pid\":\"%s\",\"reasonCode\":\"life_threat\",\"reason\":\"%s\","
             "\"salt\":\"%s\"}",
             care_somebody(run, ANY(run, breakers)), random_id(run), care_any_pid(run),
             chance(run, 95) ? "unconscious" : "", random_id(run));
}
