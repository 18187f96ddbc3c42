/* lists.c: what is asked about prescriptions. Queries only. */
#include "prescriptions/parts.h"

#include "lib/json.h"

static const lib_field get_fields[] = { RX_ID };
static const lib_field list_fields[] = { RX_PID, RX_PAGE_TOKEN };
static const lib_field queue_fields[] = { RX_PAGE_TOKEN };
static const lib_field queue_args[] = { { .name = "gln", .type = LIB_GLN } };
static const lib_field act_args[] = { { .name = "id", .type = LIB_ID } };

enum { readers = LIB_PATIENT | LIB_DOCTOR | LIB_PHARMACIST };

LIB_DEFINE(rx_get, .roles = readers, .in = LIB_IN_REQUIRED, LIB_FIELDS(get_fields),
           .callers = "owner, issuer, pharmacist of the locking site", .reads = "rx RX, RXD; ACT",
           .answer = "`{\"dispenses\":[…],\"rx\"}`")
LIB_DEFINE(rx_list, .roles = readers, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner: all; issuer, pharmacist of the locking site: theirs", .reads = "rx RXP, RX",
           .answer = "`{\"next\"?,\"prescriptions\":[…]}`, newest first")
LIB_DEFINE(rx_reminders, .flags = LIB_TIMED, .roles = readers, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner: all; issuer, pharmacist of the locking site: theirs", .reads = "rx RXP, RX",
           .answer = "`{\"next\"?,\"reminders\":[{\"dose\",\"from\",\"item\",\"left\",\"lock\"?,\"repeats\",\"rxId\","
                     "\"until\"}]}`: what can be "
                     "fetched, from when, until when")
LIB_DEFINE(rx_queue, .flags = LIB_TIMED, .roles = LIB_PHARMACIST, .in = LIB_IN_OPTIONAL, LIB_FIELDS(queue_fields),
           LIB_ARGS(queue_args), .callers = "pharmacist of gln", .reads = "rx RXQ, RX",
           .answer = "`{\"next\"?,\"queue\":[{\"issued\",\"rxId\",\"status\",\"validUntil\"}]}`: for this pharmacy to "
                     "accept, or accepted by it")
LIB_DEFINE(rx_act_history, .roles = LIB_AUDITOR | LIB_PATIENT, LIB_ARGS(act_args),
           .callers = "auditor; owner: of own prescriptions and their dispenses", .reads = "history of ACT; rx RX",
           .answer = "`{\"history\":[{\"at\",\"deleted\",\"txId\",\"value\"}],\"id\"}`, oldest first")
LIB_DEFINE(rx_verify_commit, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(lib_verify_fields),
           LIB_ARGS(act_args), .reads = "ACT", .answer = "`true` or `false`")

/* ---- one ---- */

static bool has_it(const lib_call *call, const json_t *rx)
{
    return call->caller.role == LIB_PHARMACIST ? lib_text_is(rx, "lock", call->caller.site)
                                               : rx_issued_by_caller(call, rx);
}

static fcc_status require_reader(lib_call *call, const json_t *rx)
{
    if (call->caller.role == LIB_PATIENT)
        return rx_require_owner(call, lib_text(rx, "pid"));
    if (has_it(call, rx))
        return FCC_OK;
    return call->caller.role == LIB_PHARMACIST ? lib_deny(call, "not_lock", "this pharmacy does not have it")
                                               : lib_deny(call, "not_issuer", "another doctor issued it");
}

/* All dispenses of a prescription, in their order. */
static fcc_status read_dispenses(lib_call *call, const char *id, json_t *list)
{
    const fcc_bytes prefix[] = { fcc_str(id) };
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(RX_COLLECTION), FCC_LIT("RXD"),
                                                                  prefix, 1, &iter);

    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) == FCC_OK && json_array_append_new(list, lib_json_load_own(kv.value)) != 0)
            st = FCC_ERR_CORRUPT;
    }
    fcc_iter_close(iter);
    return st;
}

static fcc_status rx_get(lib_call *call)
{
    json_t *dispenses = lib_own(call, json_array());
    const json_t *rx = NULL;
    fcc_status st = rx_read(call, &rx);

    if (!dispenses)
        return FCC_ERR_NOMEM;
    if (st != FCC_OK || (st = require_reader(call, rx)) != FCC_OK ||
        (st = read_dispenses(call, lib_text(rx, "rxId"), dispenses)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:O}", "rx", rx, "dispenses", dispenses));
}

/* ---- of a patient ---- */

/* A page of the patient's prescriptions; NULL for those that are not the caller's business. */
static fcc_status read_page(lib_call *call, struct lib_page *page, const json_t *out[LIB_PAGE])
{
    const char *pid = lib_in_text(call, "pid");
    fcc_bytes keys[LIB_PAGE];
    fcc_status st = call->caller.role == LIB_PATIENT ? rx_require_owner(call, pid) : FCC_OK;

    if (st != FCC_OK ||
        (st = lib_walk(call, RX_COLLECTION, "RXP", pid, NULL, lib_in_text(call, "page"), page)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page->count; i++)
        keys[i] = lib_key(call, "RX", page->ids[i], NULL, NULL);
    if ((st = lib_read_many(call, RX_COLLECTION, keys, page->count, out)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page->count; i++)
        if (call->caller.role != LIB_PATIENT && !has_it(call, out[i]))
            out[i] = NULL;
    return FCC_OK;
}

static fcc_status rx_list(lib_call *call)
{
    const json_t *found[LIB_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    struct lib_page page;
    fcc_status st = read_page(call, &page, found);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        if (found[i] && json_array_append(list, (json_t *)found[i]) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_pack("{s:O,s:s*}", "prescriptions", list, "next", lib_next_page(&page)));
}

static fcc_status remind(const json_t *rx, json_t *list)
{
    const json_t *items = json_object_get(rx, "items");

    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const char *from = lib_text(item, "notBefore");

        if (rx_item_is_done(item))
            continue;
        if (json_array_append_new(list,
                                  json_pack("{s:s,s:O,s:O,s:I,s:I,s:s,s:O,s:s*}", "rxId", lib_text(rx, "rxId"), "item",
                                            json_object_get(item, "n"), "dose", json_object_get(item, "dose"), "left",
                                            (json_int_t)(rx_number(item, "auth") - rx_number(item, "done")), "repeats",
                                            (json_int_t)(rx_number(item, "repeats") - rx_number(item, "used")), "from",
                                            from ? from : lib_text(rx, "issued"), "until",
                                            json_object_get(rx, "validUntil"), "lock", lib_text(rx, "lock"))) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

/* Whether it can be dispensed from, now or in a window to come. */
static bool is_valid(const lib_call *call, const json_t *rx)
{
    int64_t until = 0;

    return rx && !rx_is_over(rx) && lib_text(rx, "validUntil") && lib_time_parse(lib_text(rx, "validUntil"), &until) &&
           call->now <= until;
}

static fcc_status rx_reminders(lib_call *call)
{
    const json_t *found[LIB_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    struct lib_page page;
    fcc_status st = read_page(call, &page, found);

    for (size_t i = 0; st == FCC_OK && i < page.count; i++)
        if (is_valid(call, found[i]))
            st = remind(found[i], list);
    if (st != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "reminders", list, "next", lib_next_page(&page)));
}

/* ---- of a pharmacy ---- */

/* What a pharmacy is told before it has accepted one: that it is there. */
static json_t *place_of(const json_t *rx)
{
    return json_pack("{s:O,s:O,s:O,s:O}", "rxId", json_object_get(rx, "rxId"), "status", json_object_get(rx, "status"),
                     "issued", json_object_get(rx, "issued"), "validUntil", json_object_get(rx, "validUntil"));
}

static fcc_status rx_queue(lib_call *call)
{
    const char *gln = lib_arg_text(call, "gln");
    const json_t *found[LIB_PAGE] = { 0 };
    json_t *list = lib_own(call, json_array());
    fcc_bytes keys[LIB_PAGE];
    struct lib_page page;
    fcc_status st;

    if (strcmp(gln, call->caller.site) != 0)
        return lib_deny(call, "not_site", "only the own pharmacy's queue");
    if ((st = lib_walk(call, RX_COLLECTION, "RXQ", gln, NULL, lib_in_text(call, "page"), &page)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++)
        keys[i] = lib_key(call, "RX", page.ids[i], NULL, NULL);
    if ((st = lib_read_many(call, RX_COLLECTION, keys, page.count, found)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page.count; i++) {
        const char *lock = lib_text(found[i], "lock");

        if (is_valid(call, found[i]) && (!lock || strcmp(lock, gln) == 0) &&
            json_array_append_new(list, place_of(found[i])) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_pack("{s:O,s:s*}", "queue", list, "next", lib_next_page(&page)));
}

/* ---- acts ---- */

static fcc_status rx_act_history(lib_call *call)
{
    const char *id = lib_arg_text(call, "id"), *end = strchr(id, ':');
    const json_t *rx = NULL;
    fcc_status st;

    if (call->caller.role == LIB_PATIENT) {
        /* a dispense's act is rxId:seq */
        const char *of = lib_string(call, fcc_bytes_of(id, end ? (size_t)(end - id) : strlen(id)));

        if (!of)
            return FCC_ERR_NOMEM;
        if ((st = lib_read(call, RX_COLLECTION, lib_key(call, "RX", of, NULL, NULL), &rx)) != FCC_OK)
            return st;
        if (!rx)
            return lib_deny(call, "not_owner", "only the patient, or a guardian in their scope and time");
        if ((st = rx_require_owner(call, lib_text(rx, "pid"))) != FCC_OK)
            return st;
    }
    return lib_act_history(call, id);
}

static fcc_status rx_verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}
