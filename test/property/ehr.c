/*
 * ehr.c: random histories of the chaincode ehr with consent beside it. A record's content never changes; who writes has
 * the right, and a doctor the licence; a result answers an open order of that laboratory; what a request was answered is
 * what consent says, and nothing is shown or released that it does not permit at that time.
 */
#include "test/property/care.h"

#include "test/support/health.h"

#include "consent/consent.h"
#include "ehr/ehr.h"

#define CID "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" /* of the empty text */
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DEK FP("d0") FP("d1") "e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0"

static const char *const doctors[] = { "d1", "d1", "d2", "d3", "d3", "d9", "d4", "d8" };
static const char *const officers[] = { "po1", "po2", "po3" };
static const char *const categories[] = { "general", "lab", "psychiatry" };

static void begin(struct run *run)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    health_install("ehr", &ehr_chaincode);
    run->channel = world;
    run_line(run, "adm1 ehr.Setup < {\"salt\":\"" FP("5a") "\"}");
    run_line(run, "adm1 ehr.SetCustodyKey " FP("cc"));
    run_line(run, "adm2 ehr.SetCustodyKey " FP("cd"));
    run_line(run, "adm1 ehr.SetRetention " H1 " general 10");
    run_line(run, "adm1 ehr.SetRetention " H1 " consent 0");
    run_line(run, "adm1 ehr.SetRetention " L1 " general 10");
    run_line(run, "adm2 ehr.SetRetention " C1 " general 10");
    run_line(run, "adm2 ehr.SetRetention " C1 " consent 0");
    run_line(run, "block");
}

/* ---- calls ---- */

static const char *a_record(struct run *run, const char *id, bool of_site)
{
    static const char *const sens[] = { "N", "N", "R", "V" };
    static char out[4][1200];
    static size_t at;
    char *record = out[at++ % 4];
    const char *class = !of_site ? "" : chance(run, 65) ? ",\"class\":\"general\"" : ",\"class\":\"consent\"";

    snprintf(
        record, sizeof(out[0]),
        "{\"recId\":\"%s\",\"kind\":\"lab\",\"type\":\"Observation\",\"cid\":\"%s\",\"sha256\":\"" SHA
        "\",\"size\":%d,\"mime\":\"application/fhir+json\",\"category\":\"%s\",\"sens\":\"%s\",\"date\":\"2025-0%zu-"
        "01T00:00:00Z\"%s,\"dek\":\"" DEK "\",\"salt\":\"%s\"}",
        id, chance(run, 97) ? CID : "bafkrei", chance(run, 97) ? 10 : 0, ANY(run, categories), ANY(run, sens),
        pick(run, 9) + 1, class, random_id(run));
    return record;
}

/* A new id, or one that somebody has used. */
static const char *new_id(struct run *run)
{
    const char *key = chance(run, 5) ? some_key(run, "ehr/-/~ACT~", NULL) : NULL;

    return key ? part_of(key, 1) : random_id(run);
}

static const char *old_id(struct run *run, const char *prefix, const json_t **value)
{
    const char *key = chance(run, 96) ? some_key(run, prefix, value) : NULL;

    return key ? part_of(key, 1) : random_id(run);
}

static const char *name_of(const json_t *record, const char *field, const char *otherwise)
{
    return *text(record, field) ? text(record, field) : otherwise;
}

static void start_encounter(struct run *run)
{
    run_line(run, "%s ehr.StartEncounter < {\"encId\":\"%s\",\"pid\":\"%s\",\"salt\":\"%s\"}",
             care_somebody(run, ANY(run, doctors)), new_id(run), care_any_pid(run), random_id(run));
}

static void close_encounter(struct run *run)
{
    const json_t *enc = NULL;
    const char *id = old_id(run, "ehr/subject/~ENC~", &enc);

    run_line(run, "%s ehr.CloseEncounter %s < {\"salt\":\"%s\"}", care_somebody(run, name_of(enc, "uid", "d1")), id,
             random_id(run));
}

static void add_records(struct run *run)
{
    const json_t *enc = NULL;
    const char *id = old_id(run, "ehr/subject/~ENC~", &enc), *first = new_id(run);
    bool more = chance(run, 30);

    run_line(run, "%s ehr.AddRecords < {\"encId\":\"%s\",\"records\":[%s%s%s]}",
             care_somebody(run, chance(run, 70) ? name_of(enc, "uid", "d1") : "n1"), id, a_record(run, first, true),
             more ? "," : "", more ? a_record(run, new_id(run), true) : "");
}

static void add_own(struct run *run)
{
    const char *pid = care_any_pid(run), *who = care_somebody(run, care_owner_name(run, pid));

    run_line(run, "%s ehr.AddOwn < {\"pid\":\"%s\",\"records\":[%s]}", who, pid, a_record(run, new_id(run), false));
}

static void import(struct run *run)
{
    static const char *const importers[] = { "reg1", "reg3", "d1", "d3" };
    const char *one = a_record(run, new_id(run), true), *two = a_record(run, new_id(run), true);
    bool more = chance(run, 50);

    run_line(run, "%s ehr.ImportRecords < {\"pid\":\"%s\",\"records\":[%s%s%s]}",
             care_somebody(run, ANY(run, importers)), care_any_pid(run), one, more ? "," : "", more ? two : "");
}

static const char *some_record(struct run *run, const json_t **record)
{
    return chance(run, 97) ? some_key(run, "ehr/subject/~REC~", record) : NULL;
}

static const char *author_name(struct run *run, const json_t *record)
{
    return is(record, "origin", "own") ? care_owner_name(run, text(record, "pid")) : name_of(record, "author", "d1");
}

static void attest(struct run *run)
{
    const json_t *record = NULL;
    const char *key = some_record(run, &record);

    run_line(run, "%s ehr.Attest < {\"pid\":\"%s\",\"recId\":\"%s\",\"salt\":\"%s\"}",
             care_somebody(run, ANY(run, doctors)), key ? part_of(key, 1) : PID_A, key ? part_of(key, 2) : "none",
             random_id(run));
}

static void replace_record(struct run *run)
{
    const json_t *record = NULL;
    const char *key = some_record(run, &record), *pid = key ? part_of(key, 1) : PID_A,
               *id = key ? part_of(key, 2) : "r";

    if (chance(run, 60))
        run_line(run, "%s ehr.Supersede < {\"pid\":\"%s\",\"prev\":\"%s\",\"record\":%s}",
                 care_somebody(run, author_name(run, record)), pid, id,
                 a_record(run, new_id(run), !is(record, "origin", "own")));
    else
        run_line(run, "%s ehr.MarkError < {\"pid\":\"%s\",\"recId\":\"%s\",\"salt\":\"%s\"}",
                 care_somebody(run, author_name(run, record)), pid, id, random_id(run));
}

static void order_test(struct run *run)
{
    static const char *const labs[] = { L1, L1, C1, P1, W1, "nowhere" };
    const json_t *enc = NULL;
    const char *id = old_id(run, "ehr/subject/~ENC~", &enc);

    run_line(
        run,
        "%s ehr.OrderTest < {\"encId\":\"%s\",\"orderId\":\"%s\",\"labSite\":\"%s\",\"loinc\":\"%s\",\"salt\":\"%s\"}",
        care_somebody(run, name_of(enc, "uid", "d1")), id, new_id(run), ANY(run, labs),
        chance(run, 93) ? "718-7" : "718-8", random_id(run));
}

static void lab(struct run *run)
{
    static const char *const technicians[] = { "lab1", "lab2", "lab3" };
    const json_t *order = NULL;
    const char *id = old_id(run, "ehr/subject/~ORDER~", &order);

    if (chance(run, 60))
        run_line(run, "%s ehr.AddLabResult %s < {\"record\":%s}", care_somebody(run, ANY(run, technicians)), id,
                 a_record(run, new_id(run), true));
    else
        run_line(run, "%s ehr.VerifyLabResult %s < {\"salt\":\"%s\"}",
                 care_somebody(run, chance(run, 70) ? ANY(run, technicians) : name_of(order, "uid", "d1")), id,
                 random_id(run));
}

static const char *a_scope(struct run *run, const char **pid)
{
    static char out[300];
    const json_t *enc = NULL;
    const char *one = some_key(run, "ehr/subject/~REC~", NULL), *other;

    if (chance(run, 40)) {
        snprintf(out, sizeof(out), "{\"categories\":[\"%s\"]}", ANY(run, categories));
    } else if (chance(run, 35) && some_key(run, "ehr/subject/~ENC~", &enc)) {
        *pid = chance(run, 90) ? text(enc, "pid") : *pid;
        snprintf(out, sizeof(out), "{\"encId\":\"%s\"}", text(enc, "encId"));
    } else {
        *pid = one && chance(run, 90) ? part_of(one, 1) : *pid;
        other = some_key(run, "ehr/subject/~REC~", NULL);
        if (other && strcmp(other, one) != 0)
            snprintf(out, sizeof(out), "{\"recIds\":[\"%s\",\"%s\"]}", part_of(one, 2), part_of(other, 2));
        else
            snprintf(out, sizeof(out), "{\"recIds\":[\"%s\"]}", one ? part_of(one, 2) : "none");
    }
    return out;
}

static void request(struct run *run)
{
    static const char *const requesters[] = { "d1", "d3", "d3", "n1", "po1", "ph1", "lab1", "d9", "a", "g" };
    static const char *const purposes[] = { "TREAT", "TREAT", "TREAT", "TREAT", "HLEGAL", "HOPERAT", "HRESCH" };
    const char *pid = care_any_pid(run), *scope = a_scope(run, &pid);

    run_line(run, "%s ehr.RequestAccess < {\"reqId\":\"%s\",\"pid\":\"%s\",\"purpose\":\"%s\",\"scope\":%s}",
             care_somebody(run, ANY(run, requesters)), random_id(run), pid, ANY(run, purposes), scope);
}

static void emergency(struct run *run)
{
    const json_t *glass = NULL;
    const char *id = old_id(run, "consent/emergency/~BTG~", &glass), *pid = glass ? text(glass, "pid") : PID_A;
    const char *scope = a_scope(run, &pid);

    if (glass && chance(run, 70))
        pid = text(glass, "pid");
    run_line(run, "%s ehr.EmergencyAccess < {\"reqId\":\"%s\",\"pid\":\"%s\",\"caseId\":\"%s\",\"scope\":%s}",
             care_somebody(run, name_of(glass, "uid", "d2")), random_id(run), pid, id, scope);
}

static void erasure(struct run *run)
{
    static const char *const erase[] = { "supplied", "consent_only", "error_unused", "retention_over" };
    static const char *const basis[] = { "retention_duty", "legal_claim", "contested", "supplied" };
    const json_t *record = NULL;
    const char *key = some_record(run, &record), *pid = key ? part_of(key, 1) : PID_A,
               *id = key ? part_of(key, 2) : "r";
    bool wants = chance(run, 60);
    const char *officer = is(record, "custody", "ClinicMSP") ? "po3" : is(record, "site", L1) ? "po2" : "po1";

    if (chance(run, 45))
        run_line(run, "%s ehr.RequestErasure < {\"pid\":\"%s\",\"recId\":\"%s\",\"salt\":\"%s\"}",
                 care_somebody(run, care_owner_name(run, pid)), pid, id, random_id(run));
    else
        run_line(
            run,
            "%s ehr.DecideErasure < {\"pid\":\"%s\",\"recId\":\"%s\",\"answer\":\"%s\",\"basisCode\":\"%s\",\"salt\":"
            "\"%s\"}",
            care_somebody(run, chance(run, 85) ? officer : ANY(run, officers)), pid, id, wants ? "erase" : "restrict",
            wants ? ANY(run, erase) : ANY(run, basis), random_id(run));
}

static void hold(struct run *run)
{
    const json_t *record = NULL;
    const char *key = some_record(run, &record);

    run_line(run, "%s ehr.%s < {\"pid\":\"%s\",\"recId\":\"%s\",\"basisCode\":\"court_order\"}",
             care_somebody(run, ANY(run, officers)), chance(run, 50) ? "SetHold" : "LiftHold",
             key ? part_of(key, 1) : PID_A, key ? part_of(key, 2) : "r");
}

/* ---- queries ---- */

static const char *who_asked(const json_t *acc)
{
    for (const struct person *p = care_people; p->name; p++)
        if (is(acc, "uid", p->uid ? p->uid : p->pid ? p->pid : "-") && !p->impostor)
            return p->name;
    return "d1";
}

static void read_index(struct run *run)
{
    const json_t *acc = NULL;
    const char *key = some_key(run, chance(run, 80) ? "ehr/audit/~ACC~" : "ehr/emergency/~ACC~", &acc);
    const char *id = key ? part_of(key, 1) : random_id(run);

    if (chance(run, 15))
        run_line(run, "? %s ehr.Decision %s", care_somebody(run, who_asked(acc)), id);
    else
        run_line(run, "? %s ehr.ReadIndex %s", care_somebody(run, who_asked(acc)), id);
}

static void get_key(struct run *run)
{
    const json_t *acc = NULL, *record = NULL;
    const char *key = some_key(run, chance(run, 80) ? "ehr/audit/~ACC~" : "ehr/emergency/~ACC~", &acc), *rec;
    json_t *ids = json_object_get(json_object_get(acc, "scope"), "recIds");

    rec = some_key(run, "ehr/subject/~REC~", &record);
    run_line(run, "? %s ehr.GetKey %s %s", care_somebody(run, chance(run, 50) ? "cust1" : "cust2"),
             key ? part_of(key, 1) : "none",
             ids && chance(run, 80) ? json_string_value(json_array_get(ids, 0))
             : rec                  ? part_of(rec, 2)
                                    : "none");
}

static void verify(struct run *run)
{
    const json_t *record = NULL;
    const char *key = some_key(run, "ehr/subject/~REC~", &record);
    json_t *copy = json_copy((json_t *)record);
    char *shown;

    if (!key)
        return;
    if (chance(run, 40))
        json_object_set_new(copy, "size", json_integer(number(record, "size") + 1));
    shown = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    run_line(run, "? aud1 ehr.VerifyCommit %s < {\"record\":%s}", part_of(key, 2), shown);
    free(shown);
    json_decref(copy);
}

static void look(struct run *run)
{
    static const char *const functions[] = { "ListRecords", "ExportRecords", "ErasureState", "AuditTrail" };
    const char *pid = care_any_pid(run);

    run_line(run, "? %s ehr.%s < {\"pid\":\"%s\"}", care_somebody(run, care_owner_name(run, pid)), ANY(run, functions),
             pid);
}

static void generate(struct run *run)
{
    static void (*const calls[])(struct run *) = { start_encounter,
                                                   start_encounter,
                                                   close_encounter,
                                                   add_records,
                                                   add_records,
                                                   add_own,
                                                   import,
                                                   import,
                                                   attest,
                                                   replace_record,
                                                   replace_record,
                                                   order_test,
                                                   order_test,
                                                   lab,
                                                   lab,
                                                   lab,
                                                   request,
                                                   request,
                                                   request,
                                                   request,
                                                   emergency,
                                                   emergency,
                                                   erasure,
                                                   erasure,
                                                   erasure,
                                                   hold,
                                                   read_index,
                                                   read_index,
                                                   read_index,
                                                   get_key,
                                                   get_key,
                                                   get_key,
                                                   verify,
                                                   look,
                                                   care_grant,
                                                   care_grant,
                                                   care_revoke,
                                                   care_set_base,
                                                   care_revoke_all,
                                                   care_break_glass };

    ANY(run, calls)(run);
}

/* ---- what must hold ---- */

static bool has_role(const struct transaction *tx, const char *role)
{
    return strcmp(tx->call->by->role, role) == 0 && !tx->call->by->impostor;
}

/* A doctor writes with a licence only. */
static bool may_practise(const struct transaction *tx)
{
    return !has_role(tx, "doctor") || care_licensed(tx->call->by);
}

static bool by_author(const struct transaction *tx, const json_t *record)
{
    if (is(record, "origin", "own"))
        return care_owns(tx->call, text(record, "pid")) && !care_deceased(text(record, "pid"));
    return is(record, "author", tx->call->by->uid) && is(record, "site", tx->call->by->site);
}

static const struct change *written(const struct transaction *tx, const char *format, ...)
{
    char key[300];
    va_list ap;

    va_start(ap, format);
    vsnprintf(key, sizeof(key), format, ap);
    va_end(ap);
    for (size_t i = 0; i < tx->count; i++)
        if (strcmp(tx->changes[i].key, key) == 0)
            return &tx->changes[i];
    return NULL;
}

/* Nothing differs but what is named. */
static bool same_but(const json_t *a, const json_t *b, const char *const *names)
{
    json_t *one = json_copy((json_t *)a), *other = json_copy((json_t *)b);
    bool same;

    for (; *names; names++) {
        json_object_del(one, *names);
        json_object_del(other, *names);
    }
    same = json_equal(one, other) == 1;
    json_decref(one);
    json_decref(other);
    return same;
}

static void check_encounter(struct run *run, const struct transaction *tx, const struct change *c)
{
    static const char *const may[] = { "v", "salt", "status", "closed", NULL };

    must(run,
         has_role(tx, "doctor") && is(c->after, "uid", tx->call->by->uid) && is(c->after, "site", tx->call->by->site),
         "an encounter is its doctor's", tx);
    if (!c->before) {
        const char *pid = text(c->after, "pid");

        must(run, did(tx, "StartEncounter") && may_practise(tx) && is(c->after, "status", "open"), "who starts", tx);
        must(run, care_known(pid) && strcmp(care_pid(pid), pid) == 0 && !care_deceased(pid), "with a patient", tx);
        return;
    }
    must(run,
         did(tx, "CloseEncounter") && is(c->before, "status", "open") && is(c->after, "status", "closed") &&
             same_but(c->before, c->after, may),
         "closed once, and nothing else", tx);
}

static const json_t *given_record(const struct call *call, const char *id)
{
    const json_t *many = json_object_get(call->in, "records"), *one = json_object_get(call->in, "record");

    for (size_t i = 0; i < json_array_size(many); i++)
        if (is(json_array_get(many, i), "recId", id))
            return json_array_get(many, i);
    return is(one, "recId", id) ? one : NULL;
}

/* What the caller gave is what the ledger has, and its key and index are there. */
static void check_given(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *id = c->parts[1], *name;
    const json_t *given = given_record(tx->call, id);
    const struct change *dek = written(tx, "~DEK~%s~", id);
    json_t *value;

    must(run, given != NULL, "a record that nobody gave", tx);
    json_object_foreach((json_t *)given, name, value) if (strcmp(name, "dek") != 0)
        must(run, json_equal(value, json_object_get(c->after, name)) == 1, "a record is kept as it was given", tx);
    must(run, !json_object_get(c->after, "dek"), "no data key in the record", tx);
    must(run, dek && is(dek->after, "dek", text(given, "dek")) && strcmp(dek->collection + 14, tx->call->by->msp) == 0,
         "the data key goes to the caller's organisation", tx);
    must(run,
         written(tx, "~RECP~%s~%010lld~%s~", c->parts[0], 9999999999 - (long long)seconds(text(given, "date")), id) !=
             NULL,
         "the index of a patient's records", tx);
    must(run, !committed(run, "ehr/-/~ACT~%s~", id), "an id is used once", tx);
    must(run, is(c->after, "status", "current") && !json_is_true(json_object_get(c->after, "attested")), "a new record",
         tx);
    must(run, is(c->after, "custody", tx->call->by->msp), "custody", tx);
}

static void check_origin(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct person *by = tx->call->by;
    const char *pid = c->parts[0];

    if (did(tx, "AddOwn")) {
        must(run, is(c->after, "origin", "own") && care_owns(tx->call, pid) && !care_deceased(pid),
             "the owner supplies", tx);
        return;
    }
    must(run, by->site && is(c->after, "author", by->uid) && is(c->after, "site", by->site), "the author", tx);
    if (did(tx, "AddRecords")) {
        const json_t *enc = committed(run, "ehr/subject/~ENC~%s~", text(tx->call->in, "encId"));

        must(run, is(enc, "status", "open") && is(enc, "site", by->site) && is(enc, "pid", pid),
             "written in an open encounter at the own site", tx);
        must(run, may_practise(tx) && (has_role(tx, "doctor") || has_role(tx, "nurse") || has_role(tx, "labtech")),
             "who writes records", tx);
    } else if (did(tx, "AddLabResult")) {
        const struct change *order = change_of(tx, "ORDER");

        must(run,
             has_role(tx, "labtech") && order && is(order->before, "status", "ordered") &&
                 is(order->before, "labSite", by->site) && is(order->before, "pid", pid),
             "a result answers an open order of that laboratory", tx);
    } else {
        must(run,
             did(tx, "ImportRecords") && is(c->after, "origin", "import") &&
                 (has_role(tx, "registrar") || has_role(tx, "doctor")) && care_known(pid) && !care_deceased(pid),
             "who imports", tx);
    }
}

static void check_new(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *prev = text(c->after, "prev");
    const struct change *old = did(tx, "Supersede") ? written(tx, "~REC~%s~%s~", c->parts[0], prev) : NULL;

    check_given(run, tx, c);
    if (!did(tx, "Supersede")) {
        must(run, !*prev, "nothing is before it", tx);
        check_origin(run, tx, c);
        return;
    }
    must(run,
         old && is(old->before, "status", "current") && is(old->after, "status", "superseded") &&
             is(old->after, "next", c->parts[1]),
         "the chain of versions", tx);
    must(run, old && by_author(tx, old->before) && may_practise(tx), "the author supersedes", tx);
    must(run, old && strcmp(text(c->after, "retainUntil"), text(old->before, "retainUntil")) >= 0,
         "kept at least as long", tx);
    must(run, old && is(c->after, "origin", text(old->before, "origin")), "the origin stays", tx);
}

static bool officer_of(const struct transaction *tx, const json_t *record)
{
    return has_role(tx, "privacy_officer") &&
           (*text(record, "site") ? is(record, "site", tx->call->by->site) : is(record, "custody", tx->call->by->msp));
}

static bool retention_over(const struct transaction *tx, const json_t *record)
{
    return tx->call->at > seconds(text(record, "retainUntil"));
}

static void check_erased(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *pid = c->parts[0], *id = c->parts[1], *basis = text(tx->call->in, "basisCode");
    const json_t *held = committed(run, "ehr/subject/~LHOLD~%s~", id), *was = c->before;
    const struct change *act = written(tx, "~ACT~%s~", id), *dek = written(tx, "~DEK~%s~", id);

    must(run, did(tx, "DecideErasure") && officer_of(tx, was) && !is(was, "author", tx->call->by->uid),
         "who decides about an erasure", tx);
    must(run, !is(held, "status", "held"), "no erasure under a hold", tx);
    must(run,
         retention_over(tx, was) || (strcmp(basis, "supplied") == 0 && is(was, "origin", "own")) ||
             (strcmp(basis, "error_unused") == 0 && is(was, "status", "error")),
         "what may be erased", tx);
    must(run, retention_over(tx, was) || (*text(was, "asked") && !*text(was, "decided")), "the owner asked", tx);
    for (int v = 1; v <= number(was, "v"); v++) {
        const struct change *version = written(tx, "~RECV~%s~%s~%06d~", pid, id, v);

        must(run, version && !version->after, "every version is purged", tx);
    }
    must(run, dek && !dek->after, "the data key is purged", tx);
    must(run, change_of(tx, "RECP") && !change_of(tx, "RECP")->after, "the index is purged", tx);
    must(run, act && is(act->after, "status", "erased"), "the act says so", tx);
}

static void check_record(struct run *run, const struct transaction *tx, const struct change *c)
{
    static const char *const may[] = { "v",     "salt",    "status",    "attested",  "attestedBy", "next",
                                       "asked", "decided", "decidedBy", "basisCode", NULL };
    const char *from = text(c->before, "status"), *to = text(c->after, "status");
    bool same = strcmp(from, to) == 0;

    if (!c->before) {
        check_new(run, tx, c);
        return;
    }
    if (!c->after) {
        check_erased(run, tx, c);
        return;
    }
    must(run, same_but(c->before, c->after, may), "a record's content never changes", tx);
    if (did(tx, "Attest") || did(tx, "VerifyLabResult")) {
        must(run, same && strcmp(from, "current") == 0 && may_practise(tx), "who attests what", tx);
        must(run,
             did(tx, "Attest") ? has_role(tx, "doctor") && is(c->before, "custody", tx->call->by->msp)
                               : !is(c->before, "author", tx->call->by->uid),
             "attested by another", tx);
    } else if (did(tx, "Supersede") || did(tx, "MarkError")) {
        must(run,
             strcmp(from, "current") == 0 && strcmp(to, did(tx, "MarkError") ? "error" : "superseded") == 0 &&
                 by_author(tx, c->before),
             "the author corrects what is current", tx);
    } else if (did(tx, "RequestErasure")) {
        must(run, same && care_owns(tx->call, c->parts[0]) && !care_deceased(c->parts[0]), "the owner asks", tx);
    } else {
        must(run,
             did(tx, "DecideErasure") && officer_of(tx, c->before) && strcmp(to, "restricted") == 0 &&
                 *text(c->before, "asked") && !*text(c->before, "decided"),
             "what changes a record", tx);
    }
}

static void check_order(struct run *run, const struct transaction *tx, const struct change *c)
{
    static const char *const may[] = { "v", "salt", "status", "recId", NULL };
    const char *from = text(c->before, "status"), *to = text(c->after, "status");
    size_t put = 0, removed = 0;

    for (size_t i = 0; i < tx->count; i++)
        if (strcmp(tx->changes[i].type, "ORDL") == 0) {
            put += tx->changes[i].after && strcmp(tx->changes[i].parts[1], to) == 0;
            removed += !tx->changes[i].after && strcmp(tx->changes[i].parts[1], from) == 0;
            must(run, strcmp(tx->changes[i].parts[2], c->parts[0]) == 0, "the laboratory's list", tx);
        }
    must(run, strcmp(from, to) == 0 ? put + removed == 0 : put == 1 && removed == (*from != 0), "the laboratory's list",
         tx);
    if (!c->before) {
        const json_t *enc = committed(run, "ehr/subject/~ENC~%s~", text(c->after, "encId"));

        must(run,
             did(tx, "OrderTest") && has_role(tx, "doctor") && may_practise(tx) && is(enc, "status", "open") &&
                 is(enc, "uid", tx->call->by->uid) && is(c->after, "pid", text(enc, "pid")),
             "who orders", tx);
        must(run, is(c->after, "labSite", L1) || is(c->after, "labSite", C1), "an approved laboratory", tx);
        return;
    }
    must(run, same_but(c->before, c->after, may), "an order stays what it is", tx);
    if (did(tx, "AddLabResult"))
        must(run, strcmp(from, "ordered") == 0 && strcmp(to, "resulted") == 0, "one result", tx);
    else if (did(tx, "VerifyLabResult"))
        must(run,
             strcmp(from, "resulted") == 0 && strcmp(to, "verified") == 0 &&
                 (is(c->before, "labSite", tx->call->by->site) || is(c->before, "uid", tx->call->by->uid)),
             "who verifies", tx);
    else
        must(run,
             (did(tx, "Supersede") && strcmp(to, "resulted") == 0) ||
                 (did(tx, "MarkError") && strcmp(to, "ordered") == 0),
             "an order follows its result", tx);
}

/* ---- access ---- */

/* The attributes by which a record is judged, as this actor sees it. */
static json_t *attrs_of(struct run *run, const json_t *record, const json_t *actor)
{
    const json_t *enc = *text(record, "enc") ? committed(run, "ehr/subject/~ENC~%s~", text(record, "enc")) : NULL;
    json_t *attrs = json_object();
    static const char *const kept[] = { "recId", "category", "sens", "author", "site", "enc", "date", "status" };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (*text(record, kept[i]))
            json_object_set(attrs, kept[i], json_object_get(record, kept[i]));
    if (*text(record, "order") && enc && *text(actor, "site") && is(enc, "site", text(actor, "site")))
        json_object_set(attrs, "site", json_object_get(enc, "site"));
    if (enc) {
        json_object_set(attrs, "encState", json_object_get(enc, "status"));
        if (*text(enc, "closed"))
            json_object_set(attrs, "encClosed", json_object_get(enc, "closed"));
    }
    return attrs;
}

static bool permits(struct run *run, const struct care_question *q, json_t *attrs)
{
    bool permit = strcmp(q->purpose, "BTG") == 0 ? care_permits_emergency(run, q, attrs) : care_permits(run, q, attrs);

    json_decref(attrs);
    return permit;
}

/* Whether anything in the scope can be permitted. */
static bool scope_permits(struct run *run, const struct care_question *q, const char *pid, const json_t *scope)
{
    const json_t *categories_ = json_object_get(scope, "categories"), *ids = json_object_get(scope, "recIds");
    const char *enc_id = text(scope, "encId");
    bool any = false;

    for (size_t i = 0; i < json_array_size(categories_); i++)
        any = permits(run, q, json_pack("{s:O}", "category", json_array_get(categories_, i))) || any;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *record = committed(run, "ehr/subject/~REC~%s~%s~", pid,
                                         json_string_value(json_array_get(ids, i)));

        any = (record && permits(run, q, attrs_of(run, record, q->actor))) || any;
    }
    if (*enc_id) {
        const json_t *enc = committed(run, "ehr/subject/~ENC~%s~", enc_id);
        json_t *attrs = json_pack("{s:s}", "enc", enc_id);

        if (is(enc, "pid", pid)) {
            json_object_set(attrs, "site", json_object_get(enc, "site"));
            json_object_set(attrs, "encState", json_object_get(enc, "status"));
            if (*text(enc, "closed"))
                json_object_set(attrs, "encClosed", json_object_get(enc, "closed"));
        }
        any = permits(run, q, attrs) || any;
    }
    return any;
}

/* The actor of a request that is on the ledger. */
static json_t *actor_of(const json_t *acc)
{
    return *text(acc, "site") ? json_pack("{s:s,s:s,s:s,s:s,s:s*}", "uid", text(acc, "uid"), "role", text(acc, "role"),
                                          "site", text(acc, "site"), "msp", text(acc, "msp"), "caseId",
                                          json_string_value(json_object_get(acc, "caseId")))
                              : json_pack("{s:s,s:s}", "pid", text(acc, "uid"), "msp", text(acc, "msp"));
}

static void check_request(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct person *by = tx->call->by;
    const char *asked = text(tx->call->in, "pid"), *uid = by->uid ? by->uid : by->pid;
    json_t *actor = actor_of(c->after);
    struct care_question q = {
        .pid = care_pid(asked), .actor = actor, .purpose = text(c->after, "purpose"), .now = tx->call->at
    };
    bool allow = scope_permits(run, &q, asked, json_object_get(tx->call->in, "scope"));
    long long rev = 9999999999 - (long long)tx->call->at;

    must(run, is(c->after, "decision", allow ? "allow" : "deny"), "a request is decided as consent says", tx);
    must(run,
         is(c->after, "uid", uid) && is(c->after, "role", by->role) &&
             is(c->after, "fp", fcc_test_fingerprint(by->key)),
         "the trail says who asked", tx);
    must(run, seconds(text(c->after, "until")) == tx->call->at + 1800, "half an hour", tx);
    must(run, !c->before, "asked once", tx);
    must(run, (strcmp(c->collection, "emergency") == 0) == did(tx, "EmergencyAccess"), "the collection", tx);
    must(run, written(tx, "~AUDIT~%s~%010lld~%s~", care_pid(asked), rev, c->parts[0]) != NULL, "the patient's trail",
         tx);
    must(run, written(tx, "~AUDACT~%s~%010lld~%s~", uid, rev, c->parts[0]) != NULL, "the trail of who asked", tx);
    must(run, tx->count == 3, "a request writes nothing else", tx);
    json_decref(actor);
}

static void check_hold(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *record = committed(run, "ehr/subject/~REC~%s~%s~", text(tx->call->in, "pid"), c->parts[0]);

    must(run, record && officer_of(tx, record), "who holds", tx);
    must(run,
         is(c->after, "status", did(tx, "SetHold") ? "held" : "lifted") &&
             !is(c->before, "status", text(c->after, "status")),
         "held or lifted", tx);
}

static void changed(struct run *run, const struct transaction *tx)
{
    for (size_t i = 0; i < tx->count && !run->rule; i++) {
        const struct change *c = &tx->changes[i];

        if (strcmp(c->chaincode, "ehr") != 0)
            continue;
        if (strcmp(c->type, "ENC") == 0)
            check_encounter(run, tx, c);
        else if (strcmp(c->type, "REC") == 0)
            check_record(run, tx, c);
        else if (strcmp(c->type, "ORDER") == 0)
            check_order(run, tx, c);
        else if (strcmp(c->type, "ACC") == 0)
            check_request(run, tx, c);
        else if (strcmp(c->type, "LHOLD") == 0)
            check_hold(run, tx, c);
    }
}

/* ---- what is answered ---- */

static const json_t *request_of(struct run *run, const char *id)
{
    const json_t *acc = committed(run, "ehr/audit/~ACC~%s~", id);

    return acc ? acc : committed(run, "ehr/emergency/~ACC~%s~", id);
}

static bool in_scope(const json_t *scope, const json_t *record)
{
    return lists(json_object_get(scope, "recIds"), text(record, "recId")) ||
           lists(json_object_get(scope, "categories"), text(record, "category")) ||
           (*text(scope, "encId") && is(record, "enc", text(scope, "encId")));
}

/* What an allowed request opens: exactly the records of its scope that are permitted now. */
static void check_index(struct run *run, const struct call *call)
{
    const json_t *acc = request_of(run, call->args[0]), *scope = json_object_get(acc, "scope");
    const char *uid = call->by->uid ? call->by->uid : call->by->pid, *key;
    json_t *actor = actor_of(acc), *answer = json_loads(call->result.payload, 0, NULL), *one, *shown;
    struct care_question q = {
        .pid = care_pid(text(acc, "pid")), .actor = actor, .purpose = text(acc, "purpose"), .now = call->at
    };
    size_t permitted = 0;

    if (!acc || !is(acc, "decision", "allow") || !is(acc, "uid", uid) || call->at > seconds(text(acc, "until")) ||
        !scope_permits(run, &q, text(acc, "pid"), scope))
        broken(run, "index", "%s at %s was answered", call->line, time_text(call->at));
    json_object_foreach(run->state, key, one) if (strncmp(key, "ehr/subject/~REC~", 17) == 0 &&
                                                  is(one, "pid", text(acc, "pid")) && in_scope(scope, one))
        permitted += permits(run, &q, attrs_of(run, one, actor));
    shown = json_object_get(answer, "records");
    for (size_t i = 0; i < json_array_size(shown); i++) {
        const json_t *record = json_array_get(shown, i);

        if (!json_equal(record, committed(run, "ehr/subject/~REC~%s~%s~", text(acc, "pid"), text(record, "recId"))) ||
            !in_scope(scope, record) || !permits(run, &q, attrs_of(run, record, actor)))
            broken(run, "index", "%s at %s showed %s", call->line, time_text(call->at), text(record, "recId"));
    }
    if (!run->rule && !*text(answer, "next") && json_array_size(shown) != permitted)
        broken(run, "index", "%s at %s showed %zu of %zu", call->line, time_text(call->at), json_array_size(shown),
               permitted);
    json_decref(actor);
    json_decref(answer);
}

static void check_key(struct run *run, const struct call *call)
{
    const json_t *acc = request_of(run, call->args[0]);
    const json_t *record = committed(run, "ehr/subject/~REC~%s~%s~", text(acc, "pid"), call->args[1]);
    json_t *actor = actor_of(acc), *answer = json_loads(call->result.payload, 0, NULL);
    struct care_question q = {
        .pid = care_pid(text(acc, "pid")), .actor = actor, .purpose = text(acc, "purpose"), .now = call->at
    };

    if (!is(acc, "decision", "allow") || call->at > seconds(text(acc, "until")) || !record ||
        strcmp(call->by->role, "custodian") != 0 || !is(record, "custody", call->by->msp) ||
        !in_scope(json_object_get(acc, "scope"), record) || !permits(run, &q, attrs_of(run, record, actor)) ||
        !is(answer, "fp", text(acc, "fp")) || !is(answer, "cid", text(record, "cid")))
        broken(run, "key release", "%s at %s was answered %s", call->line, time_text(call->at), call->result.payload);
    json_decref(actor);
    json_decref(answer);
}

static void check_verified(struct run *run, const struct call *call)
{
    const json_t *given = json_object_get(call->in, "record");
    bool same = json_equal(given, committed(run, "ehr/subject/~REC~%s~%s~", text(given, "pid"), call->args[0]));

    if (strcmp(call->result.payload, same ? "true" : "false") != 0)
        broken(run, "commit", "%s was answered %s", call->line, call->result.payload);
}

/* What this reading expects: a status, 0 for what it does not say. */
static int expected(struct run *run, const struct call *call)
{
    const char *role = call->by->role, *pid = text(call->in, "pid");

    if (call->by->impostor)
        return 0;
    if (strcmp(call->function, "StartEncounter") == 0 && strcmp(role, "doctor") == 0)
        return !care_licensed(call->by)                                            ? 403
               : !care_known(pid)                                                  ? 404
               : care_deceased(pid)                                                ? 412
               : committed(run, "ehr/-/~ACT~%s~", text(call->in, "encId")) != NULL ? 409
                                                                                   : 200;
    if (strcmp(call->function, "AddLabResult") == 0 && strcmp(role, "labtech") == 0) {
        const json_t *order = committed(run, "ehr/subject/~ORDER~%s~", call->args[0]);

        return !order ? 404 : !is(order, "labSite", call->by->site) ? 403 : !is(order, "status", "ordered") ? 409 : 0;
    }
    if (strcmp(call->function, "RequestAccess") == 0 &&
        (call->by->pid || strcmp(role, "doctor") == 0 || strcmp(role, "nurse") == 0 || strcmp(role, "labtech") == 0 ||
         strcmp(role, "pharmacist") == 0 || strcmp(role, "privacy_officer") == 0))
        return committed(run, "ehr/audit/~ACC~%s~", text(call->in, "reqId")) ? 409 : 200;
    return 0;
}

static void answered(struct run *run, const struct call *call)
{
    int want = expected(run, call);

    if (want && call->result.status != want && call->result.status != 500) /* not this chaincode's word: see run.c */
        broken(run, "answer", "%s at %s was answered %d %s, and not %d", call->line, time_text(call->at),
               (int)call->result.status, call->result.message, want);
    if (!call->query || call->result.status != 200)
        return;
    if (strcmp(call->function, "ReadIndex") == 0)
        check_index(run, call);
    else if (strcmp(call->function, "GetKey") == 0)
        check_key(run, call);
    else if (strcmp(call->function, "VerifyCommit") == 0)
        check_verified(run, call);
}

static void ordered(struct run *run, const struct transaction *tx, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct person *by = tx[i].call->by;
        json_t *actor;

        if (strcmp(tx[i].call->function, "RequestAccess") != 0)
            continue;
        actor = json_pack("{s:s*,s:s*,s:s*,s:s*}", "uid", by->uid, "role", by->role, "site", by->site, "msp", by->msp);
        care_check_order(run, tx, i, actor, care_pid(text(tx[i].call->in, "pid")));
        json_decref(actor);
    }
}

static const char *const accepted[] = { "StartEncounter",
                                        "CloseEncounter",
                                        "AddRecords",
                                        "AddOwn",
                                        "ImportRecords",
                                        "Attest",
                                        "Supersede",
                                        "MarkError",
                                        "OrderTest",
                                        "AddLabResult",
                                        "VerifyLabResult",
                                        "RequestAccess",
                                        "EmergencyAccess",
                                        "RequestErasure",
                                        "DecideErasure",
                                        "SetHold",
                                        "LiftHold",
                                        "ReadIndex",
                                        "GetKey",
                                        "Decision",
                                        "VerifyCommit",
                                        "AuditTrail",
                                        NULL };

const struct subject subject = { .name = "ehr",
                                 .people = care_people,
                                 .secrets = care_secrets,
                                 .accepted = accepted,
                                 .start = begin,
                                 .generate = generate,
                                 .answered = answered,
                                 .changed = changed,
                                 .ordered = ordered };
