/*
 * labs.c: tests that a doctor orders, results that the ordered laboratory adds, and their verification by a second
 * person.
 *
 * An order is ordered, resulted, verified. A verified result that is superseded is to be verified anew; one that was in
 * error opens its order again.
 */
#include "ehr/parts.h"

static const char *const order_words[] = { "ordered", "resulted", "verified", NULL };

static const lib_field order_fields[] = {
    { .name = "encId", .type = LIB_ID },
    { .name = "orderId", .type = LIB_ID },
    { .name = "labSite", .type = LIB_ID },
    { .name = "loinc", .type = LIB_ID }, /* its form is looked at below */
    EHR_SALT,
};
static const lib_field result_fields[] = { { .name = "record", .type = LIB_OBJECT } };
static const lib_field verify_fields[] = { EHR_SALT };
static const lib_field list_fields[] = {
    { .name = "status", .type = LIB_WORD, .optional = true, .words = order_words },
    EHR_PAGE_TOKEN,
};
static const lib_field order_args[] = { { .name = "orderId", .type = LIB_ID } };
static const lib_field lab_args[] = { { .name = "labSite", .type = LIB_ID } };

LIB_DEFINE(ehr_order_test, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(order_fields),
           .callers = "doctor of the encounter, with a licence", .reads = "subject SALT, ENC, ORDER; ACT",
           .writes = "subject ORDER, ORDL; ACT", .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_add_lab_result, .flags = LIB_WRITES, .roles = LIB_LABTECH, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(result_fields), LIB_ARGS(order_args), .callers = "labtech of the ordered laboratory",
           .reads = "subject SALT, ORDER, REC; CLASS; CUST; ACT",
           .writes = "subject ORDER, ORDL, REC, RECP; DEK; ACT each", .endorsers = "CC",
           .answer = "`{\"id\",\"v\"}` of the order")
LIB_DEFINE(ehr_verify_lab_result, .flags = LIB_WRITES, .roles = LIB_LABTECH | LIB_DOCTOR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(verify_fields), LIB_ARGS(order_args),
           .callers = "second labtech of that laboratory; the ordering doctor, with a licence",
           .reads = "subject SALT, ORDER, REC", .writes = "subject ORDER, ORDL, REC; ACT each", .endorsers = "CC",
           .answer = "`{\"id\",\"v\"}` of the order")
LIB_DEFINE(ehr_get_order, .roles = LIB_LABTECH | LIB_DOCTOR, LIB_ARGS(order_args),
           .callers = "the ordering doctor; labtech of that laboratory", .reads = "subject ORDER",
           .answer = "the order")
LIB_DEFINE(ehr_list_orders, .roles = LIB_LABTECH, .in = LIB_IN_OPTIONAL, LIB_FIELDS(list_fields), LIB_ARGS(lab_args),
           .callers = "labtech of that laboratory", .reads = "subject SALT, ORDL, ORDER",
           .answer = "`{\"next\"?,\"orders\":[…]}`; `status` `ordered` when it is missing")

/* ---- orders ---- */

/* "718-7": up to seven digits, and the check digit by Luhn's rule. */
static bool is_loinc(const char *s)
{
    size_t n = 0;
    int sum = 0;

    while (s[n] >= '0' && s[n] <= '9')
        n++;
    if (n == 0 || n > 7 || s[n] != '-' || s[n + 1] < '0' || s[n + 1] > '9' || s[n + 2])
        return false;
    for (size_t i = 0; i < n; i++) {
        int d = s[n - 1 - i] - '0';

        if (i % 2 == 0)
            d = 2 * d > 9 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return (sum + s[n + 1] - '0') % 10 == 0;
}

/* The key of the laboratory's list: its GLN can be guessed, so it is not in the key itself. */
static fcc_status list_key(lib_call *call, const char *lab, const char *status, const char *id, fcc_bytes *out)
{
    const char *salt = NULL;
    char tag[LIB_TAG_HEX_SIZE];
    fcc_status st;

    if ((st = ehr_salt(call, &salt)) != FCC_OK || (st = lib_tag(salt, fcc_str(lab), tag)) != FCC_OK)
        return st;
    *out = lib_key(call, "ORDL", tag, status, id);
    return FCC_OK;
}

/* Write an order and its place in the laboratory's list; `was` is its status before, NULL for a new one. */
static fcc_status write_order(lib_call *call, const json_t *order, const char *was)
{
    const char *id = lib_text(order, "orderId"), *lab = lib_text(order, "labSite"), *status = lib_text(order, "status");
    fcc_bytes key;
    fcc_status st = lib_write_record(call, EHR_SUBJECT, "ORDER", id, NULL, order, "order", id, status);

    if (st != FCC_OK || (was && strcmp(was, status) == 0))
        return st;
    if (was && ((st = list_key(call, lab, was, id, &key)) != FCC_OK ||
                (st = fcc_del_private_data(call->stub, fcc_str(EHR_SUBJECT), key)) != FCC_OK))
        return st;
    if ((st = list_key(call, lab, status, id, &key)) != FCC_OK)
        return st;
    return lib_write_mark(call, EHR_SUBJECT, key);
}

static fcc_status read_order(lib_call *call, const json_t **order)
{
    fcc_bytes key = lib_key(call, "ORDER", lib_arg_text(call, "orderId"), NULL, NULL);
    fcc_status st = lib_read(call, EHR_SUBJECT, key, order);

    if (st != FCC_OK)
        return st;
    return *order ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "there is no such order");
}

static bool ordered_it(const lib_call *call, const json_t *order)
{
    return call->caller.role == LIB_DOCTOR && lib_text_is(order, "uid", call->caller.uid) &&
           lib_text_is(order, "site", call->caller.site);
}

static bool works_there(const lib_call *call, const json_t *order)
{
    return call->caller.role == LIB_LABTECH && lib_text_is(order, "labSite", call->caller.site);
}

static fcc_status require_lab(lib_call *call, const char *gln)
{
    struct registry_site site = { 0 };
    bool found = false;
    fcc_status st = registry_site(call, gln, &site, &found);

    if (st != FCC_OK)
        return st;
    if (!found || !site.msp || !lib_is_care(site.msp))
        return lib_refuse(call, LIB_NOT_FOUND, "labSite is no site of Hospital or Clinic");
    return site.approved ? FCC_OK : lib_refuse(call, LIB_PRECONDITION, "labSite is not approved");
}

static fcc_status ehr_order_test(lib_call *call)
{
    const char *enc = lib_in_text(call, "encId"), *id = lib_in_text(call, "orderId"), *pid;
    const char *lab = lib_in_text(call, "labSite");
    const json_t *encounter = NULL, *old = NULL, *act = NULL;
    json_t *order;
    fcc_status st;

    if (!is_loinc(lib_in_text(call, "loinc")))
        return lib_refuse(call, LIB_BAD_INPUT, "loinc is no LOINC code, or its check digit is wrong");
    if ((st = lib_require_licence(call)) != FCC_OK ||
        (st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", enc, NULL, NULL), &encounter)) != FCC_OK)
        return st;
    pid = lib_text(encounter, "pid");
    if (!pid)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such encounter");
    if (!lib_text_is(encounter, "uid", call->caller.uid) || !lib_text_is(encounter, "site", call->caller.site))
        return lib_deny(call, "not_author", "another doctor opened the encounter");
    if (!lib_text_is(encounter, "status", "open"))
        return lib_refuse(call, LIB_PRECONDITION, "the encounter is closed");
    if ((st = lib_require_patient(call, &pid)) != FCC_OK || (st = require_lab(call, lab)) != FCC_OK ||
        (st = lib_read(call, EHR_SUBJECT, lib_key(call, "ORDER", id, NULL, NULL), &old)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (old || act)
        return lib_refuse(call, LIB_ALREADY, "orderId was used before");
    order = lib_own(call,
                    json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "fmt", 1, "v", 1, "orderId", id,
                              "encId", enc, "pid", lib_text(encounter, "pid"), "uid", call->caller.uid, "site",
                              call->caller.site, "labSite", lab, "loinc", lib_in_text(call, "loinc"), "status",
                              "ordered", "at", lib_time(call, call->now), "salt", lib_in_text(call, "salt")));
    if (!order)
        return FCC_ERR_NOMEM;
    if ((st = write_order(call, order, NULL)) != FCC_OK)
        return st;
    return lib_answer_act(call, "TestOrdered", id, 1);
}

/* ---- results ---- */

/* Also of a patient who has died since, or whose encounter is closed: the test was done. */
static fcc_status ehr_add_lab_result(lib_call *call)
{
    const json_t *given = lib_in(call, "record"), *old = NULL;
    struct ehr_batch batch = { .records = lib_own(call, json_pack("[O]", given)),
                               .single = true,
                               .origin = "site",
                               .author = call->caller.uid,
                               .site = call->caller.site };
    struct registry_patient patient = { 0 };
    const char *id = lib_arg_text(call, "orderId"), *salt, *pid;
    json_t *order;
    fcc_status st;

    if (!batch.records)
        return FCC_ERR_NOMEM;
    if ((st = read_order(call, &old)) != FCC_OK)
        return st;
    if (!works_there(call, old))
        return lib_deny(call, "not_lab", "the test was ordered from another laboratory");
    if (!lib_text_is(old, "status", "ordered"))
        return lib_refuse(call, LIB_ALREADY, "the order has its result: Supersede replaces it");
    pid = batch.pid = lib_text(old, "pid");
    batch.enc = lib_text(old, "encId");
    batch.order = id;
    if ((st = lib_patient(call, &pid, &patient)) != FCC_OK || (st = ehr_check_batch(call, &batch)) != FCC_OK ||
        (st = lib_second_salt(call, lib_text(given, "salt"), id, &salt)) != FCC_OK)
        return st;
    order = lib_next(call, old, salt);
    if (!order)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(order, "status", "resulted")) != FCC_OK ||
        (st = lib_set(order, "recId", lib_text(given, "recId"))) != FCC_OK ||
        (st = ehr_write_batch(call, &batch)) != FCC_OK || (st = write_order(call, order, "ordered")) != FCC_OK ||
        (st = lib_event(call, "LabResultReady",
                        json_pack("{s:s,s:O}", "id", id, "recId", json_object_get(given, "recId")))) != FCC_OK)
        return st;
    return lib_answer_act(call, NULL, id, lib_version(order));
}

static fcc_status ehr_verify_lab_result(lib_call *call)
{
    const char *id = lib_arg_text(call, "orderId"), *salt;
    const json_t *old = NULL, *old_record = NULL;
    json_t *order, *record;
    fcc_status st;

    if ((st = read_order(call, &old)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_LABTECH && !works_there(call, old))
        return lib_deny(call, "not_lab", "the test was ordered from another laboratory");
    if (call->caller.role == LIB_DOCTOR) {
        if (!ordered_it(call, old))
            return lib_deny(call, "not_author", "another doctor ordered the test");
        if ((st = lib_require_licence(call)) != FCC_OK)
            return st;
    }
    if (lib_text_is(old, "status", "verified"))
        return lib_refuse(call, LIB_ALREADY, "the result is verified");
    if (!lib_text_is(old, "status", "resulted"))
        return lib_refuse(call, LIB_PRECONDITION, "the order has no result yet");
    st = ehr_read_record(call, lib_text(old, "pid"), lib_text(old, "recId"), &old_record);
    if (st != FCC_OK)
        return st;
    if (!old_record)
        return lib_refuse(call, LIB_GONE, "the result is erased");
    if (lib_text_is(old_record, "author", call->caller.uid))
        return lib_deny(call, "self", "a result is verified by somebody else than who added it");
    if ((st = ehr_require_current(call, old_record)) != FCC_OK ||
        (st = lib_second_salt(call, lib_in_text(call, "salt"), lib_text(old, "recId"), &salt)) != FCC_OK)
        return st;
    order = lib_next(call, old, lib_in_text(call, "salt"));
    record = lib_next(call, old_record, salt);
    if (!order || !record || json_object_set_new(record, "attested", json_true()) != 0)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(record, "attestedBy", call->caller.uid)) != FCC_OK ||
        (st = lib_set(order, "status", "verified")) != FCC_OK || (st = ehr_write_version(call, record)) != FCC_OK ||
        (st = write_order(call, order, "resulted")) != FCC_OK)
        return st;
    return lib_answer_act(call, "LabResultVerified", id, lib_version(order));
}

fcc_status ehr_order_follows(lib_call *call, const json_t *record, const char *successor, const char *salt)
{
    const char *id = lib_text(record, "order"), *own_salt;
    const json_t *old = NULL;
    json_t *order;
    fcc_status st;

    if (!id)
        return FCC_OK;
    if ((st = lib_read(call, EHR_SUBJECT, lib_key(call, "ORDER", id, NULL, NULL), &old)) != FCC_OK ||
        (st = lib_second_salt(call, salt, id, &own_salt)) != FCC_OK)
        return st;
    if (!lib_text_is(old, "recId", lib_text(record, "recId")))
        return FCC_OK;
    order = lib_next(call, old, own_salt);
    if (!order)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(order, "status", successor ? "resulted" : "ordered")) != FCC_OK ||
        (st = lib_set(order, "recId", successor)) != FCC_OK)
        return st;
    return write_order(call, order, lib_text(old, "status"));
}

/* ---- queries ---- */

static fcc_status ehr_get_order(lib_call *call)
{
    const json_t *order = NULL;
    fcc_status st = read_order(call, &order);

    if (st != FCC_OK)
        return st;
    if (!works_there(call, order) && !ordered_it(call, order))
        return call->caller.role == LIB_LABTECH
                   ? lib_deny(call, "not_lab", "the test was ordered from another laboratory")
                   : lib_deny(call, "not_author", "another doctor ordered the test");
    return lib_answer(call, json_incref((json_t *)order));
}

static fcc_status ehr_list_orders(lib_call *call)
{
    const char *lab = lib_arg_text(call, "labSite"), *status = lib_in_text(call, "status"), *salt = NULL;
    const json_t *orders[LIB_PAGE] = { 0 };
    fcc_bytes keys[LIB_PAGE] = { 0 };
    char tag[LIB_TAG_HEX_SIZE];
    json_t *list = lib_own(call, json_array());
    struct lib_page page;
    fcc_status st;

    if (strcmp(lab, call->caller.site) != 0)
        return lib_deny(call, "not_lab", "only the own laboratory's orders");
    if ((st = ehr_salt(call, &salt)) != FCC_OK || (st = lib_tag(salt, fcc_str(lab), tag)) != FCC_OK ||
        (st = lib_walk(call, EHR_SUBJECT, "ORDL", tag, status ? status : "ordered", lib_in_text(call, "page"),
                       &page)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        keys[i] = lib_key(call, "ORDER", page.ids[i], NULL, NULL);
    if ((st = lib_read_many(call, EHR_SUBJECT, keys, page.count, orders)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        if (orders[i] && json_array_append(list, (json_t *)orders[i]) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "orders", list, "next", lib_next_page(&page)));
}
