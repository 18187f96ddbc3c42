/*
 * prescriptions.c: the table of functions, and what all of them do with a prescription: read it as its public act
 * commits to it, judge its state, write its next version.
 */
#include "prescriptions/prescriptions.h"

#include "prescriptions/parts.h"

/* clang-format off */
#define PRESCRIPTIONS_FUNCTIONS(X) \
    X(Issue, rx_issue) \
    X(Accept, rx_accept) \
    X(Return, rx_return) \
    X(Reject, rx_reject) \
    X(Dispense, rx_dispense) \
    X(HandOver, rx_hand_over) \
    X(ReverseDispense, rx_reverse_dispense) \
    X(Cancel, rx_cancel) \
    X(MarkForCancel, rx_mark_for_cancel) \
    X(Nominate, rx_nominate) \
    X(Expire, rx_expire) \
    X(GetRx, rx_get) \
    X(ListPrescriptions, rx_list) \
    X(Reminders, rx_reminders) \
    X(Queue, rx_queue) \
    X(ActHistory, rx_act_history) \
    X(VerifyCommit, rx_verify_commit)
/* clang-format on */

LIB_CHAINCODE(prescriptions, PRESCRIPTIONS_FUNCTIONS)

/* ---- reading ---- */

fcc_status rx_read(lib_call *call, const json_t **rx)
{
    const char *id = lib_arg_text(call, "rxId");
    char commit[2 * LIB_SHA256_LEN + 1];
    const json_t *act = NULL;
    fcc_status st;

    if (!id)
        id = lib_in_text(call, "rxId");
    if ((st = lib_read(call, RX_COLLECTION, lib_key(call, "RX", id, NULL, NULL), rx)) != FCC_OK)
        return st;
    if (!*rx)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such prescription");
    if ((st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (!lib_commit_of(*rx, commit) || !lib_text_is(act, "commit", commit))
        return lib_refuse(call, LIB_TAMPERED, "this peer's copy of the prescription is not what the ledger commits to");
    return FCC_OK;
}

/* ---- judging ---- */

bool rx_is_over(const json_t *rx)
{
    return lib_text_is(rx, "status", "completed") || lib_text_is(rx, "status", "cancelled") ||
           lib_text_is(rx, "status", "expired");
}

fcc_status rx_require_live(lib_call *call, const json_t *rx)
{
    return rx_is_over(rx) ? lib_refuse(call, LIB_GONE, "the prescription is %s", lib_text(rx, "status")) : FCC_OK;
}

fcc_status rx_require_valid(lib_call *call, const json_t *rx)
{
    const char *until = lib_text(rx, "validUntil");
    int64_t end = 0;
    fcc_status st = rx_require_live(call, rx);

    if (st != FCC_OK)
        return st;
    if (!until || !lib_time_parse(until, &end))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a prescription lacks its fields");
    return call->now <= end ? FCC_OK : lib_refuse(call, LIB_GONE, "the prescription is not valid any more");
}

fcc_status rx_require_lock(lib_call *call, const json_t *rx)
{
    const char *lock = lib_text(rx, "lock");

    if (lock && strcmp(lock, call->caller.site) == 0)
        return FCC_OK;
    return lock ? lib_refuse(call, LIB_CONFLICT, "locked: another pharmacy has accepted the prescription")
                : lib_deny(call, "not_lock", "this pharmacy has not accepted the prescription");
}

fcc_status rx_require_region(lib_call *call, const json_t *rx)
{
    const json_t *regions = json_object_get(rx, "regions");
    struct registry_site site = { 0 };
    bool found = false, covered = false;
    fcc_status st = registry_site(call, call->caller.site, &site, &found);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; found && site.region && i < json_array_size(regions); i++)
        covered = covered || lib_region_covers(json_string_value(json_array_get(regions, i)), site.region);
    return covered ? FCC_OK
                   : lib_refuse(call, LIB_REGION, "the prescription may not be dispensed in this pharmacy's region");
}

fcc_status rx_require_owner(lib_call *call, const char *pid)
{
    return lib_require_owner_of(call, pid, "prescriptions");
}

bool rx_issued_by_caller(const lib_call *call, const json_t *rx)
{
    return call->caller.role == LIB_DOCTOR && lib_text_is(rx, "issuer", call->caller.uid) &&
           lib_text_is(rx, "site", call->caller.site);
}

/* ---- writing ---- */

json_t *rx_next(lib_call *call, const json_t *rx, const char *act)
{
    json_t *next = lib_next(call, rx, lib_in_text(call, "salt"));
    json_t *items = json_deep_copy(json_object_get(rx, "items"));

    if (!next || !items || json_object_set_new(next, "items", items) != 0)
        return NULL;
    if (json_object_set_new(next, "last",
                            json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "act", act, "at", lib_time(call, call->now), "by",
                                      call->caller.uid ? call->caller.uid : call->caller.pid, "site", call->caller.site,
                                      "reasonCode", lib_in_text(call, "reasonCode"))) != 0)
        return NULL;
    return next;
}

fcc_status rx_write(lib_call *call, const json_t *was, const json_t *rx)
{
    const char *id = lib_text(rx, "rxId"), *nominee = lib_text(rx, "nominee");
    bool waits = nominee && !rx_is_over(rx), waited = was && nominee && !rx_is_over(was);
    fcc_bytes place;
    fcc_status st = lib_write_record(call, RX_COLLECTION, "RX", id, NULL, rx, "prescription", id,
                                     lib_text(rx, "status"));

    if (st != FCC_OK || waits == waited)
        return st;
    place = lib_key(call, "RXQ", nominee, id, NULL);
    return waits ? lib_write_mark(call, RX_COLLECTION, place)
                 : fcc_del_private_data(call->stub, fcc_str(RX_COLLECTION), place);
}

fcc_status rx_settle(json_t *rx)
{
    const json_t *items = json_object_get(rx, "items");
    bool begun = false, done = true;

    if (lib_text_is(rx, "status", "cancelled") || lib_text_is(rx, "status", "expired"))
        return FCC_OK;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        begun = begun || rx_number(item, "done") > 0 || rx_number(item, "used") > 0;
        done = done && rx_item_is_done(item);
    }
    return lib_set(rx, "status", done ? "completed" : begun ? "partial" : lib_text(rx, "lock") ? "accepted" : "active");
}
