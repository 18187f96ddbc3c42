/* pending.c: the record of an act that waits for a second person. */
#include "lib/pending.h"

fcc_status lib_pending_begin(lib_call *call, const char *collection, const char *id, const char *kind, json_t *body)
{
    fcc_bytes key = lib_key(call, "PEND", id, NULL, NULL);
    const json_t *old = NULL;
    fcc_status st;

    if (!lib_own(call, body))
        return FCC_ERR_NOMEM;
    if ((st = lib_read(call, collection, key, &old)) != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "id was used before");
    return lib_write(call, collection, key,
                     json_pack("{s:i,s:i,s:s,s:s,s:O,s:s,s:s,s:s,s:s}", "fmt", 1, "v", 1, "id", id, "kind", kind,
                               "body", body, "by", call->caller.uid, "msp", call->caller.msp, "status", "open", "until",
                               lib_time(call, call->now + LIB_PENDING_SECONDS)));
}

fcc_status lib_pending_take(lib_call *call, const char *collection, const char *id, struct lib_pending *out)
{
    const json_t *record = NULL;
    const char *until;
    int64_t end = 0;
    fcc_status st = lib_read(call, collection, lib_key(call, "PEND", id, NULL, NULL), &record);

    if (st != FCC_OK)
        return st;
    if (!record)
        return lib_refuse(call, LIB_NOT_FOUND, "nothing with this id waits for a second signature");
    *out = (struct lib_pending){ .id = id,
                                 .kind = lib_text(record, "kind"),
                                 .body = json_object_get(record, "body"),
                                 .by = lib_text(record, "by"),
                                 .msp = lib_text(record, "msp"),
                                 .record = record };
    until = lib_text(record, "until");
    if (!out->kind || !out->by || !out->msp || !until || !lib_time_parse(until, &end))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "an act that waits lacks its fields");
    if (!call->caller.uid || strcmp(out->by, call->caller.uid) == 0)
        return lib_deny(call, "self", "somebody else than who began it countersigns");
    if (!lib_text_is(record, "status", "open"))
        return lib_refuse(call, LIB_ALREADY, "it was countersigned");
    if (call->now > end)
        return lib_refuse(call, LIB_GONE, "it lapsed after 24 hours");
    return FCC_OK;
}

fcc_status lib_pending_done(lib_call *call, const char *collection, const struct lib_pending *pending)
{
    json_t *record = json_copy((json_t *)pending->record);

    if (!record || json_object_set_new(record, "status", json_string("done")) != 0 ||
        json_object_set_new(record, "v", json_integer(2)) != 0 ||
        json_object_set_new(record, "countersigned", json_string(call->caller.uid)) != 0 ||
        json_object_set_new(record, "at", json_string(lib_time(call, call->now))) != 0) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    return lib_write(call, collection, lib_key(call, "PEND", pending->id, NULL, NULL), record);
}
