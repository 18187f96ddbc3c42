/*
 * credentials.c: random histories of the registry, of credentials and of patients. Nobody approves oneself; one person
 * has one pid; a key is bound once; an index of a status list is used once; Check is true exactly for a credential that
 * holds; only who stands in the registry changes anything.
 */
#include "test/property/property.h"

#include "test/unit/chaincode/credentials/registry.h"

#define R "RegulatorMSP"
#define H "HospitalMSP"
#define C "ClinicMSP"
#define SALT_OF_WHO FP("5a")
#define NID(two) FP(two)
/* clang-format off */
static const struct person people[] = {
    { .name = "ra", .msp = R, .role = "admin", .uid = "ra", .site = R1, .key = "ra", .admin = true },
    { .name = "rb", .msp = R, .role = "admin", .uid = "rb", .site = R1, .key = "rb", .admin = true },
    { .name = "rk", .msp = R, .role = "admin", .uid = "rk", .site = R2, .key = "rk", .admin = true },
    { .name = "ha", .msp = H, .role = "admin", .uid = "ha", .site = HOSPITAL, .key = "ha", .admin = true },
    { .name = "ca", .msp = C, .role = "admin", .uid = "ca", .site = CLINIC, .key = "ca", .admin = true },
    { .name = "reg1", .msp = H, .role = "registrar", .uid = "reg1", .site = HOSPITAL, .key = "r1" },
    { .name = "reg2", .msp = H, .role = "registrar", .uid = "reg2", .site = HOSPITAL, .key = "r2" },
    { .name = "reg3", .msp = C, .role = "registrar", .uid = "reg3", .site = CLINIC, .key = "r3" },
    { .name = "d1", .msp = H, .role = "doctor", .uid = "d1", .site = HOSPITAL, .key = "d1" },
    { .name = "d1new", .msp = H, .role = "doctor", .uid = "d1", .site = HOSPITAL, .key = "k1" },
    { .name = "d1clinic", .msp = C, .role = "doctor", .uid = "d1", .site = CLINIC, .key = "k2" },
    { .name = "d2", .msp = H, .role = "doctor", .uid = "d2", .site = HOSPITAL, .key = "d2" },
    { .name = "d3", .msp = C, .role = "doctor", .uid = "d3", .site = CLINIC, .key = "d3" },
    { .name = "n1", .msp = C, .role = "nurse", .uid = "n1", .site = CLINIC, .key = "n1" },
    { .name = "ha2", .msp = H, .role = "admin", .uid = "ha2", .site = HOSPITAL, .key = "h2", .admin = true },
    { .name = "aud", .msp = R, .role = "auditor", .uid = "aud", .site = R1, .key = "au" },
    { .name = "p1", .msp = H, .role = "patient", .key = "p1" },
    { .name = "p2", .msp = H, .role = "patient", .key = "p2" },
    { .name = "p3", .msp = C, .role = "patient", .key = "p3" },
    { .name = "p4", .msp = C, .role = "patient", .key = "p4" },
    { .name = "x1", .msp = H, .role = "patient", .key = "x1" },
    { .name = "x2", .msp = C, .role = "patient", .key = "x2" },
    { .name = "d1third", .msp = H, .role = "doctor", .uid = "d1", .site = HOSPITAL, .key = "k3" },
    { .name = "d1fourth", .msp = H, .role = "doctor", .uid = "d1", .site = HOSPITAL, .key = "k4" },
    { .name = "pharmdoc", .msp = "PharmacyMSP", .role = "doctor", .uid = "d1", .site = HOSPITAL, .key = "d1",
      .impostor = "a pharmacy has no doctors" },
    { 0 }
};
static const char *const pids[] = { PID_A, PID_B, PID_E, PID_G, PID_M, PID_W, PID_UNKNOWN, PID_NOBODY };
static const char *const nids[] = { NID("a0"), NID("a1"), NID("a2"), NID("a3"), NID("a4") };
static const char *const secrets[] = { PID_A, PID_B, PID_E, PID_G, PID_M, PID_W, PID_UNKNOWN, PID_NOBODY, NID("a0"),
                                       NID("a1"), NID("a2"), NID("a3"), NID("a4"), "Somebody", "cardiology", NULL };
/* clang-format on */
static const char *const patients[] = { "p1", "p2", "p3", "p4", "x1", "x2" };
static const char *const patient_keys[] = { "p1", "p2", "p3", "p4", "x1", "x2" };
static const char *const registrars[] = { "reg1", "reg2", "reg3" };
static const char *const applicants[] = { "d1new", "d1clinic", "d2", "d3", "n1", "ha2", "d1", "rb", "aud" };
static const char *const sites[] = { R1, R2, HOSPITAL, CLINIC, WARD };
static const char *const admins[] = { "ra", "rb", "ha", "ca", "rk", "ha2" };
static const char *const lists_[] = { "list1", "list2", "list3" };

static const struct person *named(const char *name)
{
    for (const struct person *p = people; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static void apply(struct run *run, const char *name)
{
    const struct person *p = named(name);

    run_line(run, "%s credentials.RegisterPractitioner %s %s [\"%s\"] [] \"\" \"\"", name, p->uid, p->site, p->role);
}

static void begin(struct run *run)
{
    static const char *const staff[] = { "reg1", "reg2", "reg3", "d1", "d3", "rk" };

    registry_start(NULL);
    run->channel = world;
    run_line(run, "ra credentials.Bootstrap ra " R1);
    run_line(run, "ha credentials.RegisterOrg " HOSPITAL " hospital DE-BE \"\" Hospital");
    run_line(run, "ca credentials.RegisterOrg " CLINIC " practice DE-BE \"\" Clinic");
    run_line(run, "block");
    run_line(run, "ra credentials.RegisterOrg " R2 " council DE \"\" Council");
    run_line(run, "ra credentials.ApproveOrg " HOSPITAL);
    run_line(run, "ra credentials.ApproveOrg " CLINIC);
    run_line(run, "block");
    run_line(run, "ra credentials.ApproveOrg " R2);
    run_line(run, "ha credentials.Setup < {\"salt\":\"" SALT_OF_WHO "\"}");
    run_line(run, "block");
    for (size_t i = 0; i < sizeof(staff) / sizeof(staff[0]); i++)
        apply(run, staff[i]);
    run_line(run, "block");
    for (size_t i = 0; i < sizeof(staff) / sizeof(staff[0]); i++)
        run_line(run, "ra credentials.ApprovePractitioner %s %s", named(staff[i])->uid, named(staff[i])->site);
    run_line(run, "block");
    run_line(run, "rk credentials.PutDid did:web:council.example " FP("dc") " n0");
    run_line(run, "block");
    run_line(run, "ra credentials.Accredit did:web:council.example MedicalLicence");
    run_line(run, "block");
    run_line(run, "rk credentials.CreateStatusList list1 suspension 131072");
    run_line(run, "rk credentials.CreateStatusList list2 revocation 131072");
    run_line(run, "block");
}

/* ---- calls ---- */

static const char *anybody(struct run *run)
{
    return people[pick(run, sizeof(people) / sizeof(people[0]) - 1)].name;
}

static const char *somebody(struct run *run, const char *usual)
{
    return chance(run, 12) ? anybody(run) : usual;
}

/* What may come next, mostly: random decisions would hardly ever meet what waits for them. */
static const char *next_of(struct run *run, const json_t *record, const char *kind)
{
    static char out[40];
    const char *verb = is(record, "status", "pending")     ? (chance(run, 80) ? "Approve" : "Reject")
                       : is(record, "status", "suspended") ? "Reinstate"
                                                           : "Suspend";

    if (chance(run, 15))
        verb = chance(run, 50) ? "Approve" : "Suspend";
    snprintf(out, sizeof(out), "%s%s", verb, strcmp(verb, "Reinstate") == 0 && *kind == 'P' ? "" : kind);
    return out;
}

static void organisations(struct run *run)
{
    const json_t *org = NULL;
    const char *key = some_key(run, "credentials/-/~ORG~", &org);

    if (!committed(run, "credentials/-/~ORG~" WARD "~") || chance(run, 10))
        run_line(run, "%s credentials.RegisterOrg %s %s DE-BB \"\" Place", somebody(run, "ha"),
                 chance(run, 80) ? WARD : ANY(run, sites), chance(run, 90) ? "ward" : "authority");
    else if (is(org, "status", "approved") && chance(run, 60)) /* with a site closed nothing else goes on there */
        run_line(run, "%s credentials.SuspendOrg " WARD, somebody(run, "ra"));
    else
        run_line(run, "%s credentials.%s %s", somebody(run, "ra"), next_of(run, org, "Org"), part_of(key, 1));
}

static void applying(struct run *run)
{
    const char *name = ANY(run, applicants);

    apply(run, chance(run, 90) ? name : "pharmdoc");
}

static void deciding(struct run *run)
{
    const json_t *job = NULL;
    const char *key = some_key(run, "credentials/-/~PROLE~", &job), *uid = key ? part_of(key, 1) : "nobody";

    if (chance(run, 12))
        run_line(run, "%s credentials.%s %s \"\"", somebody(run, "ra"),
                 is(committed(run, "credentials/-/~PRAC~%s~", uid), "status", "suspended") ? "Reinstate"
                                                                                           : "SuspendPractitioner",
                 uid);
    else
        run_line(run, "%s credentials.%s %s %s", somebody(run, ANY(run, admins)), next_of(run, job, "Practitioner"),
                 uid, key ? part_of(key, 2) : HOSPITAL);
}

static void rotating(struct run *run)
{
    static const char *const to[] = { "k1", "k3", "k4", "d2" };

    run_line(run, "%s credentials.RotateKey ^%s^", somebody(run, chance(run, 50) ? "d1" : "d1new"), ANY(run, to));
}

static void issuing(struct run *run)
{
    static const char *const subjects[] = { "d1", "d1", "d2", "d3", "rk" };
    static const char *const regions[] = { "[\"DE-BE\"]", "[\"DE\"]", "[\"DE-BB\",\"AT\"]" };
    const int64_t now = fcc_test_time(run->channel), from = now - 5000 + (int64_t)pick(run, 9000);

    run_line(run, "%s credentials.IssueCredential urn:uuid:%s " FP("cc") " %s %s %s %zu %s %s %s", somebody(run, "rk"),
             random_id(run), chance(run, 85) ? "MedicalLicence" : "NursingLicence", ANY(run, subjects),
             ANY(run, lists_), pick(run, 12) * 700 + (chance(run, 3) ? 131072 : 0), time_text(from),
             time_text(from + (int64_t)pick(run, 400000) - 2000), ANY(run, regions));
}

static void setting(struct run *run)
{
    const json_t *vc = NULL;
    bool found = some_key(run, "credentials/-/~VC~", &vc) && chance(run, 85);

    run_line(run, "%s credentials.SetStatus %s %lld %zu", somebody(run, "rk"),
             found ? text(vc, "listId") : ANY(run, lists_), found ? (long long)number(vc, "index") : 3LL, pick(run, 2));
}

static void issuers(struct run *run)
{
    static const char *const dids[] = { "did:web:council.example", "did:web:hospital.example", "did:web:two.example" };
    static const char *const types[] = { "MedicalLicence", "MedicalLicence", "NursingLicence" };

    if (chance(run, 35))
        run_line(run, "%s credentials.PutDid %s " FP("dc") " %s", somebody(run, chance(run, 50) ? "ha" : "rk"),
                 ANY(run, dids), random_id(run));
    else if (chance(run, 70))
        run_line(run, "%s credentials.%s %s %s", somebody(run, "ra"), chance(run, 65) ? "Accredit" : "Withdraw",
                 ANY(run, dids), ANY(run, types));
    else
        run_line(run, "%s credentials.CreateStatusList %s revocation %d", somebody(run, chance(run, 50) ? "ha" : "rk"),
                 ANY(run, lists_), chance(run, 80) ? 131072 : 131073);
}

static void checking(struct run *run)
{
    static const char *const subjects[] = { "d1", "d1", "d2", "d3", "nobody" };
    static const char *const capabilities[] = { "licence", "prescribe", "MedicalLicence", "nurse" };
    static const char *const regions[] = { "DE-BE", "DE-BE", "DE-BB", "AT-9", "DE" };

    run_line(run, "? %s credentials.Check %s %s %s", somebody(run, "ra"), ANY(run, subjects), ANY(run, capabilities),
             ANY(run, regions));
}

static void registering(struct run *run)
{
    static const char *const born[] = { "1970-01-01", "2010-06-01", "2008-01-02" };

    if (chance(run, 60))
        run_line(run,
                 "%s credentials.RegisterPatient < {\"pid\":\"%s\",\"demographics\":{\"name\":\"Somebody\","
                 "\"birthDate\":\"%s\"},\"salt\":\"%s\"}",
                 somebody(run, ANY(run, patients)), ANY(run, pids), ANY(run, born), random_id(run));
    else if (chance(run, 70))
        run_line(run,
                 "%s credentials.RegisterPerson < {\"pid\":\"%s\",\"nid\":\"%s\",\"demographics\":{\"name\":"
                 "\"Somebody\",\"birthDate\":\"%s\"},\"salt\":\"%s\"}",
                 somebody(run, ANY(run, registrars)), ANY(run, pids), ANY(run, nids), ANY(run, born), random_id(run));
    else
        run_line(run, "%s credentials.RegisterPerson < {\"pid\":\"%s\",\"salt\":\"%s\"}",
                 somebody(run, ANY(run, registrars)), ANY(run, pids), random_id(run));
}

static void approving(struct run *run)
{
    static const char *const deciders[] = { "reg1", "reg2", "reg3", "ha", "ca" };

    if (chance(run, 85))
        run_line(run, "%s credentials.ApprovePatient < {\"fp\":\"^%s^\",\"nid\":\"%s\"}",
                 somebody(run, ANY(run, deciders)), ANY(run, patient_keys), ANY(run, nids));
    else
        run_line(run, "%s credentials.RejectPatient < {\"fp\":\"^%s^\"}", somebody(run, ANY(run, deciders)),
                 ANY(run, patient_keys));
}

static const char *a_pid(struct run *run)
{
    const char *key = chance(run, 90) ? some_key(run, "credentials/who/~PAT~", NULL) : NULL;

    return key ? part_of(key, 1) : ANY(run, pids);
}

static void keys(struct run *run)
{
    static const char *const spare[] = { "x1", "x2", "p1", "p3" };

    if (chance(run, 40))
        run_line(run, "%s credentials.BindPatientKey < {\"newFp\":\"^%s^\"}", somebody(run, ANY(run, patients)),
                 ANY(run, spare));
    else
        run_line(run,
                 "%s credentials.ReplaceKey < {\"id\":\"%s\",\"pid\":\"%s\",\"newFp\":\"^%s^\",\"evidenceHash\":\"" FP(
                     "ee") "\"}",
                 somebody(run, ANY(run, registrars)), random_id(run), a_pid(run), ANY(run, spare));
}

static void guardians(struct run *run)
{
    const char *key = some_key(run, "credentials/who/~GUARD~", NULL);
    const int64_t now = fcc_test_time(run->channel);

    if (key && chance(run, 35))
        run_line(run, "%s credentials.EndGuardian < {\"pid\":\"%s\",\"gpid\":\"%s\"}",
                 somebody(run, chance(run, 50) ? ANY(run, registrars) : ANY(run, patients)), part_of(key, 1),
                 part_of(key, 2));
    else
        run_line(run,
                 "%s credentials.RegisterGuardian < {\"id\":\"%s\",\"pid\":\"%s\",\"gpid\":\"%s\",\"scope\":"
                 "[\"consent\"],\"from\":\"%s\",\"to\":\"%s\",\"evidenceHash\":\"" FP("ee") "\"}",
                 somebody(run, ANY(run, registrars)), random_id(run), a_pid(run), a_pid(run), time_text(now - 60),
                 time_text(now + (int64_t)pick(run, 200000000) - 100));
}

static void countersigning(struct run *run)
{
    const char *key = some_key(run, "credentials/who/~PEND~", NULL);

    run_line(run, "%s credentials.Countersign < {\"id\":\"%s\"}", somebody(run, ANY(run, registrars)),
             key ? part_of(key, 1) : "none");
}

static void later(struct run *run)
{
    if (chance(run, 60))
        run_line(run, "%s credentials.LinkPatient < {\"prov\":\"%s\",\"pid\":\"%s\"}",
                 somebody(run, ANY(run, registrars)), a_pid(run), a_pid(run));
    else if (chance(run, 60))
        run_line(run, "%s credentials.LinkPerson < {\"uid\":\"%s\",\"nid\":\"%s\",\"salt\":\"%s\"}",
                 somebody(run, ANY(run, registrars)), chance(run, 50) ? "reg1" : "reg2", ANY(run, nids),
                 random_id(run));
    else if (chance(run, 30))
        run_line(run, "%s credentials.Decease < {\"pid\":\"%s\",\"date\":\"%s\",\"evidenceHash\":\"" FP("ee") "\"}",
                 somebody(run, ANY(run, registrars)), a_pid(run), time_text(fcc_test_time(run->channel) - 100));
}

static void care(struct run *run)
{
    static const char *const uids[] = { "d1", "d2", "d3", "n1" };

    const json_t *assigned = NULL;
    const char *key = some_key(run, "credentials/who/~ASG~", &assigned);

    if (key && chance(run, 40))
        run_line(run, "%s credentials.EndAssignment < {\"pid\":\"%s\",\"uid\":\"%s\"}",
                 somebody(run, is(assigned, "site", CLINIC) ? "ca" : "ha"), part_of(key, 1), part_of(key, 2));
    else if (chance(run, 80))
        run_line(run, "%s credentials.%s < {\"pid\":\"%s\",\"uid\":\"%s\"}",
                 somebody(run, chance(run, 60) ? "ha" : "ca"), chance(run, 60) ? "AssignDoctor" : "EndAssignment",
                 a_pid(run), ANY(run, uids));
    else
        run_line(run,
                 "%s credentials.SetSpecialty < {\"uid\":\"%s\",\"specialty\":\"cardiology\",\"region\":\"DE-BE\","
                 "\"salt\":\"%s\"}",
                 somebody(run, chance(run, 60) ? "ha" : "ca"), ANY(run, uids), random_id(run));
}

static void generate(struct run *run)
{
    static void (*const calls[])(
        struct run *) = { organisations, applying,       deciding,  deciding,  rotating,    issuing,       issuing,
                          setting,       setting,        issuers,   checking,  checking,    checking,      registering,
                          registering,   approving,      approving, approving, keys,        keys,          guardians,
                          guardians,     countersigning, later,     care,      registering, countersigning };

    ANY(run, calls)(run);
}

/* ---- what must hold ---- */

static bool has_role(const struct transaction *tx, const char *role)
{
    return strcmp(tx->call->by->role, role) == 0;
}

/* The pid that the caller's key acts for; NULL when it does for none. */
static const char *own_pid(struct run *run, const struct call *call)
{
    const json_t *key = committed(run, "credentials/who/~KEY~%s~", fcc_test_fingerprint(call->by->key));

    return is(key, "status", "active") && is(key, "msp", call->by->msp) ? text(key, "pid") : NULL;
}

/* The caller's key, job, person and site all stand. */
static bool stands(struct run *run, const struct call *call)
{
    const struct person *p = call->by;
    const char *fp = fcc_test_fingerprint(p->key), *pid;
    const json_t *key, *job;

    if (strcmp(p->role, "patient") == 0) {
        pid = own_pid(run, call);
        return pid && *pid && !is(committed(run, "credentials/who/~PAT~%s~", pid), "status", "provisional");
    }
    key = committed(run, "credentials/-/~KEY~%s~", fp);
    job = committed(run, "credentials/-/~PROLE~%s~%s~", p->uid, p->site);
    return is(key, "status", "active") && is(key, "uid", p->uid) && is(key, "site", p->site) &&
           is(job, "status", "approved") && is(job, "fp", fp) && lists(json_object_get(job, "roles"), p->role) &&
           is(committed(run, "credentials/-/~PRAC~%s~", p->uid), "status", "active") &&
           is(committed(run, "credentials/-/~ORG~%s~", p->site), "status", "approved");
}

static bool regulates(struct run *run, const struct transaction *tx)
{
    return has_role(tx, "admin") && strcmp(tx->call->by->msp, R) == 0 &&
           is(committed(run, "credentials/-/~ORG~%s~", tx->call->by->site), "type", "authority");
}

static void check_org(struct run *run, const struct transaction *tx, const struct change *c)
{
    static const char *const moves[][3] = { { "ApproveOrg", "pending", "approved" },
                                            { "RejectOrg", "pending", "rejected" },
                                            { "SuspendOrg", "approved", "suspended" },
                                            { "ReinstateOrg", "suspended", "approved" } };

    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
        if (did(tx, moves[i][0])) {
            must(run, is(c->before, "status", moves[i][1]) && is(c->after, "status", moves[i][2]), "a site's status",
                 tx);
            must(run, regulates(run, tx), "the regulator decides on sites", tx);
            must(run, !did(tx, "SuspendOrg") || strcmp(c->parts[0], tx->call->by->site) != 0, "not the own site", tx);
            return;
        }
    if (did(tx, "RegisterOrg")) {
        must(run, is(c->after, "status", "pending") && (!c->before || is(c->before, "status", "rejected")),
             "a site is registered once, or after a rejection", tx);
        must(run, strcmp(tx->call->by->msp, R) == 0 || !is(c->after, "type", "authority"), "who makes authorities", tx);
    } else {
        must(run, did(tx, "Bootstrap") || (did(tx, "PutDid") && is(c->after, "status", text(c->before, "status"))),
             "what changes a site", tx);
    }
}

/* The regulator suspended the job, before it was applied for anew or not. */
static bool is_held(const json_t *job)
{
    return json_is_true(json_object_get(job, "held")) || (is(job, "status", "suspended") && is(job, "by", R));
}

static void check_job(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct person *by = tx->call->by;
    const char *from = text(c->before, "status"), *to = text(c->after, "status"), *uid = c->parts[0];

    if (did(tx, "Bootstrap") || did(tx, "ApproveOrg")) {
        must(run, did(tx, "Bootstrap") || strcmp(uid, by->uid) != 0, "nobody approves oneself", tx);
    } else if (did(tx, "RegisterPractitioner")) {
        must(run,
             strcmp(to, "pending") == 0 && strcmp(uid, by->uid) == 0 && strcmp(c->parts[1], by->site) == 0 &&
                 is(c->after, "fp", fcc_test_fingerprint(by->key)),
             "people apply for themselves", tx);
        must(run, strcmp(from, "approved") != 0 && strcmp(from, "pending") != 0, "nobody applies twice", tx);
        must(run, is_held(c->before) == is_held(c->after), "what the regulator suspended is remembered", tx);
    } else if (did(tx, "RotateKey")) {
        must(run, strcmp(uid, by->uid) == 0 && strcmp(from, to) == 0, "people rotate their own key", tx);
    } else {
        must(run, strcmp(uid, by->uid) != 0, "nobody approves oneself", tx);
        must(run, has_role(tx, "admin") && (strcmp(c->parts[1], by->site) == 0 || regulates(run, tx)),
             "the site's administrator decides, or the regulator", tx);
        must(run,
             (did(tx, "ApprovePractitioner") && !strcmp(from, "pending") && !strcmp(to, "approved")) ||
                 (did(tx, "RejectPractitioner") && !strcmp(from, "pending") && !strcmp(to, "rejected")) ||
                 (did(tx, "SuspendPractitioner") && !strcmp(to, "suspended") &&
                  (!strcmp(from, "approved") || (regulates(run, tx) && !is_held(c->before)))) ||
                 (did(tx, "Reinstate") && !strcmp(from, "suspended") && !strcmp(to, "approved")),
             "a job's status", tx);
        must(run, strcmp(to, "approved") != 0 || !is_held(c->before) || regulates(run, tx),
             "what the regulator suspended, the regulator lets go on", tx);
    }
    if (did(tx, "ApprovePractitioner")) {
        const json_t *person = committed(run, "credentials/-/~PRAC~%s~", uid);

        must(run, !person || regulates(run, tx) || json_is_true(json_object_get(c->before, "vouched")),
             "a further key of a person needs their word, or the regulator", tx);
        must(run, is(committed(run, "credentials/-/~ORG~%s~", c->parts[1]), "status", "approved"), "an approved site",
             tx);
    }
}

/* Bound once: never again after it was replaced, and never to somebody else. */
static void check_key(struct run *run, const struct transaction *tx, const struct change *c)
{
    if (is(c->after, "status", "active"))
        must(run, !c->before, "a key is bound once", tx);
    else
        must(run,
             is(c->before, "status", "active") &&
                 is(c->after, "uid", text(c->before, "uid")) == (json_object_get(c->before, "uid") != NULL) &&
                 strcmp(text(c->after, "pid"), text(c->before, "pid")) == 0,
             "a key ends", tx);
}

static void check_patient(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *from = text(c->before, "status"), *to = text(c->after, "status");
    bool keys_same = json_equal(json_object_get(c->before, "keys"), json_object_get(c->after, "keys"));

    if (!c->before) {
        must(run, did(tx, "ApprovePatient") || did(tx, "RegisterPerson"), "who makes patients", tx);
        must(run,
             !json_object_get(tx->call->in, "nid") ||
                 !is(committed(run, "credentials/kyc/~PERS~%s~", tx->call->by->uid), "nid", text(tx->call->in, "nid")),
             "nobody approves oneself", tx);
        must(run, (strcmp(to, "active") == 0) == (change_of(tx, "NID") != NULL), "who has a national id is no stranger",
             tx);
        return;
    }
    must(run, strcmp(text(c->before, "minorUntil"), text(c->after, "minorUntil")) == 0, "of age on one day", tx);
    /* their status follows below; who was treated as a stranger may be recognised after death */
    must(run, strcmp(from, "deceased") != 0 || did(tx, "LinkPatient"), "the dead stay dead", tx);
    must(
        run,
        keys_same ||
            (did(tx, "BindPatientKey") && own_pid(run, tx->call) && strcmp(own_pid(run, tx->call), c->parts[0]) == 0) ||
            did(tx, "Countersign"),
        "who changes a patient's keys", tx);
    if (did(tx, "BindPatientKey"))
        must(run, !committed(run, "credentials/kyc/~APPL~%s~", text(tx->call->in, "newFp")),
             "a key that somebody applied with is theirs", tx);
    if (did(tx, "LinkPatient") && strcmp(c->parts[0], text(tx->call->in, "pid")) == 0) {
        must(run, lists(json_object_get(c->after, "provs"), text(tx->call->in, "prov")), "who was linked is listed",
             tx);
        must(run, !*text(c->after, "link"), "a link leads to nobody who is linked", tx);
    } else if (did(tx, "LinkPatient"))
        must(run,
             strcmp(from, "provisional") == 0 && !*text(c->before, "link") &&
                 !is(committed(run, "credentials/who/~PAT~%s~", text(c->after, "link")), "status", "provisional"),
             "linked once, to somebody known", tx);
    else
        must(run, strcmp(text(c->before, "link"), text(c->after, "link")) == 0, "a link stays", tx);
    must(run, did(tx, "Decease") ? strcmp(to, "deceased") == 0 : strcmp(from, to) == 0, "a patient's status", tx);
}

static void check_application(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *nid = text(tx->call->in, "nid");

    if (did(tx, "RegisterPatient")) {
        must(run,
             strcmp(c->parts[0], fcc_test_fingerprint(tx->call->by->key)) == 0 && !is(c->before, "status", "pending"),
             "patients apply for themselves", tx);
        return;
    }
    must(run, is(c->before, "status", "pending") && is(c->before, "msp", tx->call->by->msp),
         "the organisation that issued the certificate decides", tx);
    if (did(tx, "ApprovePatient"))
        must(run, !is(committed(run, "credentials/kyc/~PERS~%s~", tx->call->by->uid), "nid", nid),
             "nobody approves oneself", tx);
}

static void check_pending(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *body = json_object_get(c->before, "body");

    must(run, has_role(tx, "registrar"), "registrars", tx);
    if (!c->before) {
        must(run, tx->count == 1 && is(c->after, "by", tx->call->by->uid), "what one enters changes nothing yet", tx);
        return;
    }
    must(run,
         did(tx, "Countersign") && !is(c->before, "by", tx->call->by->uid) && is(c->before, "status", "open") &&
             tx->call->at <= seconds(text(c->before, "until")),
         "countersigned by another, in time, once", tx);
    if (is(c->before, "kind", "ReplaceKey")) {
        const struct change *pat = change_of(tx, "PAT");

        must(run, !is(c->before, "msp", tx->call->by->msp), "a key needs two organisations", tx);
        must(run,
             pat && json_array_size(json_object_get(pat->after, "keys")) == 1 &&
                 lists(json_object_get(pat->after, "keys"), text(body, "newFp")),
             "the new key, and no other", tx);
    } else {
        must(run, change_of(tx, "GUARD") != NULL, "what is countersigned holds", tx);
    }
}

static void check_guardian(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *ward = committed(run, "credentials/who/~PAT~%s~", c->parts[0]);
    const char *own = own_pid(run, tx->call), *of_age = text(ward, "minorUntil");

    must(run, strcmp(c->parts[0], c->parts[1]) != 0, "nobody is the own guardian", tx);
    if (did(tx, "EndGuardian")) {
        must(run,
             has_role(tx, "registrar") || (own && (strcmp(own, c->parts[0]) == 0 || strcmp(own, c->parts[1]) == 0)),
             "who ends it", tx);
        must(run, is(c->before, "status", "active") && is(c->after, "status", "ended"), "ended once", tx);
        return;
    }
    must(run, did(tx, "Countersign"), "who makes guardians", tx);
    if (*of_age && seconds(text(c->after, "from")) < seconds(of_age))
        must(run, seconds(text(c->after, "to")) <= seconds(of_age), "a minor's guardian ends with the minority", tx);
}

/* ---- credentials ---- */

static const char *did_of(struct run *run, const struct transaction *tx)
{
    return text(committed(run, "credentials/-/~ORG~%s~", tx->call->by->site), "did");
}

static const json_t *accreditation(struct run *run, const char *issuer, const char *type)
{
    const char *key;
    json_t *one;

    json_object_foreach(run->state, key, one) if (strncmp(key, "credentials/-/~ACCR~", 20) == 0 &&
                                                  is(one, "issuer", issuer) && is(one, "type", type)) return one;
    return NULL;
}

static void check_credential(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *issuer = text(c->after, "issuer");
    const struct change *index = change_of(tx, "SLI");

    must(run, !c->before && did(tx, "IssueCredential"), "a credential never changes", tx);
    must(run, *issuer && strcmp(issuer, did_of(run, tx)) == 0 && has_role(tx, "admin"), "the issuer's own", tx);
    must(run, is(accreditation(run, issuer, text(c->after, "type")), "status", "accredited"), "an accredited issuer",
         tx);
    must(run,
         index && !index->before && atoll(index->parts[1]) == number(c->after, "index") &&
             is(c->after, "listId", index->parts[0]),
         "an index is used once", tx);
    must(run, is(committed(run, "credentials/-/~SLIST~%s~", text(c->after, "listId")), "issuer", issuer),
         "the own list", tx);
    must(run, !is(c->after, "subject", tx->call->by->uid), "nobody issues to oneself", tx);
    must(run, seconds(text(c->after, "validFrom")) <= seconds(text(c->after, "validUntil")), "a period", tx);
}

/* One bit changes; and what was revoked stays so. */
static void check_chunk(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *list = committed(run, "credentials/-/~SLIST~%s~", c->parts[0]);
    const char *before = text(c->before, "bits"), *after = text(c->after, "bits");
    int changes = 0, cleared = 0;

    for (size_t i = 0; after[i]; i++) {
        char one[2] = { *before ? before[i] : '0', 0 }, other[2] = { after[i], 0 };
        unsigned long was = strtoul(one, NULL, 16), now = strtoul(other, NULL, 16);

        changes += __builtin_popcountl(was ^ now);
        cleared += __builtin_popcountl(was & ~now);
    }
    must(run, changes == 1, "one bit", tx);
    must(run, !cleared || !is(list, "purpose", "revocation"), "what is revoked stays revoked", tx);
    must(run, is(list, "issuer", did_of(run, tx)), "the list's issuer", tx);
}

static void check_accreditation(struct run *run, const struct transaction *tx, const struct change *c)
{
    must(run, regulates(run, tx) && is(c->after, "status", did(tx, "Accredit") ? "accredited" : "withdrawn"),
         "the regulator accredits", tx);
    must(run, strcmp(text(c->after, "issuer"), did_of(run, tx)) != 0 || did(tx, "Withdraw"), "not the own site", tx);
}

static void changed(struct run *run, const struct transaction *tx)
{
    static const struct {
        const char *type;
        void (*check)(struct run *, const struct transaction *, const struct change *);
    } checks[] = { { "ORG", check_org },           { "PROLE", check_job },     { "KEY", check_key },
                   { "PAT", check_patient },       { "PEND", check_pending },  { "GUARD", check_guardian },
                   { "APPL", check_application },  { "VC", check_credential }, { "SL", check_chunk },
                   { "ACCR", check_accreditation } };

    if (!did(tx, "Bootstrap") && !did(tx, "RegisterOrg") && !did(tx, "RegisterPractitioner") &&
        !did(tx, "RegisterPatient"))
        must(run, stands(run, tx->call), "who calls stands in the registry", tx);
    for (size_t i = 0; i < tx->count && !run->rule; i++) {
        const struct change *c = &tx->changes[i];

        for (size_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++)
            if (strcmp(c->type, checks[k].type) == 0)
                checks[k].check(run, tx, c);
        if (strcmp(c->type, "NID") == 0 || strcmp(c->type, "SLI") == 0 || strcmp(c->type, "SLIST") == 0 ||
            strcmp(c->type, "SALT") == 0 || strcmp(c->type, "PERS") == 0)
            must(run, !c->before && c->after, "written once", tx);
        if (strcmp(c->type, "NID") == 0)
            must(run,
                 change_of(tx, "PAT") && is(c->after, "pid", change_of(tx, "PAT")->parts[0]) &&
                     !change_of(tx, "PAT")->before,
                 "one person has one pid", tx);
    }
}

/* ---- Check ---- */

static bool bit_set(struct run *run, const char *list, int64_t index)
{
    const char *bits = text(committed(run, "credentials/-/~SL~%s~%04d~", list, (int)(index / 1024)), "bits");
    unsigned byte = 0;

    if (*bits)
        sscanf(bits + 2 * (index % 1024 / 8), "%2x", &byte);
    return (byte >> (7 - index % 8)) & 1;
}

static bool covers(const json_t *regions, const char *region)
{
    for (size_t i = 0; i < json_array_size(regions); i++) {
        const char *one = json_string_value(json_array_get(regions, i));

        if (strcmp(one, region) == 0 || (strlen(one) == 2 && strncmp(one, region, 2) == 0))
            return true;
    }
    return false;
}

static bool holds(struct run *run, const struct call *call)
{
    const char *type = strcmp(call->args[1], "nurse") == 0 ? "NursingLicence" : "MedicalLicence";
    const json_t *current = committed(run, "credentials/-/~VCCUR~%s~%s~", call->args[0], type);
    const json_t *newest = committed(run, "credentials/-/~VC~%s~", text(current, "vc"));
    const json_t *vc = *text(current, "before") && call->at < seconds(text(newest, "validFrom"))
                           ? committed(run, "credentials/-/~VC~%s~", text(current, "before"))
                           : newest;
    const json_t *person = committed(run, "credentials/-/~PRAC~%s~", call->args[0]);

    return vc && is(vc, "subject", call->args[0]) && is(vc, "type", type) &&
           call->at >= seconds(text(vc, "validFrom")) && call->at <= seconds(text(vc, "validUntil")) &&
           !bit_set(run, text(vc, "listId"), number(vc, "index")) &&
           is(accreditation(run, text(vc, "issuer"), type), "status", "accredited") &&
           covers(json_object_get(vc, "regions"), call->args[2]) && (!person || is(person, "status", "active"));
}

static void answered(struct run *run, const struct call *call)
{
    if (call->query && strcmp(call->function, "Check") == 0 && call->result.status == 200 &&
        strcmp(call->result.payload, holds(run, call) ? "true" : "false") != 0)
        broken(run, "Check", "%s at %s was answered %s", call->line, time_text(call->at), call->result.payload);
    if (strcmp(call->function, "Check") == 0 && call->result.status == 200 && strcmp(call->result.payload, "true") == 0)
        run_count(run->valid, "a Check that passes");
}

static const char *const accepted[] = { "RegisterOrg",
                                        "ApproveOrg",
                                        "RejectOrg",
                                        "SuspendOrg",
                                        "ReinstateOrg",
                                        "RotateKey",
                                        "RegisterPractitioner",
                                        "Reinstate",
                                        "ApprovePractitioner",
                                        "PutDid",
                                        "RejectPractitioner",
                                        "Accredit",
                                        "SuspendPractitioner",
                                        "Withdraw",
                                        "IssueCredential",
                                        "SetStatus",
                                        "RegisterPatient",
                                        "ApprovePatient",
                                        "RejectPatient",
                                        "LinkPatient",
                                        "RegisterPerson",
                                        "BindPatientKey",
                                        "ReplaceKey",
                                        "Countersign",
                                        "RegisterGuardian",
                                        "EndGuardian",
                                        "Decease",
                                        "AssignDoctor",
                                        "EndAssignment",
                                        "SetSpecialty",
                                        "LinkPerson",
                                        "Check",
                                        "CreateStatusList",
                                        "a Check that passes",
                                        NULL };

const struct subject subject = { .name = "credentials",
                                 .people = people,
                                 .secrets = secrets,
                                 .accepted = accepted,
                                 .start = begin,
                                 .generate = generate,
                                 .answered = answered,
                                 .changed = changed };
