/*
 * waitlist.c: who waits for a doctor, a day and a class, and whose turn it is when a unit is free.
 *
 * The order is that of a counter, not of time. While anybody waits, a free unit is taken by the one whose turn it is: it
 * is offered, to the first who can come, as a hold; only what everybody who waits has passed is free for all. WSEQ counts
 * who joined, WHEAD where the first may be who still waits, and how many behind have gone.
 */
#include "appointments/parts.h"

enum { most_waits = 10, most_entries = 999999 };

static const lib_field join_fields[] = { APPT_ID, APPT_PID, APPT_UID, APPT_DATE, APPT_CLASS, APPT_SALT };
static const lib_field leave_fields[] = { APPT_ID, APPT_SALT };
static const lib_field offer_fields[] = { APPT_UID, APPT_DATE, APPT_CLASS, APPT_START, APPT_SALT };

LIB_DEFINE(appt_join_waitlist, .flags = LIB_WRITES, .roles = LIB_PATIENT | LIB_DESK, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(join_fields), .callers = "owner; desk of uid's site",
           .reads = "subject SALT, WSEQ, WAITID, APPT, PQ; ACT",
           .writes = "subject WSEQ, WAIT, WAITID, PQ; **no public write**", .endorsers = "CC",
           .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(appt_leave_waitlist, .flags = LIB_WRITES, .roles = LIB_PATIENT | LIB_DESK, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(leave_fields), .callers = "owner; desk of uid's site",
           .reads = "subject SALT, WHEAD, WAIT, WAITID, PQ", .writes = "subject WHEAD, WAIT, PQ; **no public write**",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(appt_offer_next, .flags = LIB_WRITES | LIB_CARE, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(offer_fields), .callers = "anyone of H, C: the rule decides",
           .reads = "licence; subject SALT, LIM, PQ, WHEAD, WSEQ, up to 20 WAIT, CELL, PCELL, APPT",
           .writes =
               "subject WHEAD, WAIT, CELL, PCELL, APPT, APPTP, PQ, and those of holds that have expired; ACT each; "
               "where nobody can come, CELL only",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}` of the hold; `{\"looked\",\"more\"}` where nobody can come")

/* ---- a list and its counters ---- */

struct list {
    const char *tag, *date, *class_;
    int64_t next, head, gone;
};

static fcc_bytes counter(struct appt_board *board, const char *type, const struct list *list)
{
    return lib_key(board->call, type, list->tag, list->date, list->class_);
}

static int64_t number(const json_t *record, const char *name)
{
    return json_integer_value(json_object_get(record, name));
}

static fcc_status read_list(struct appt_board *board, struct list *list)
{
    const fcc_bytes keys[] = { counter(board, "WSEQ", list), counter(board, "WHEAD", list) };
    const json_t *seq = NULL, *head = NULL;
    fcc_status st = appt_load(board, keys, 2);

    if (st != FCC_OK || (st = appt_get(board, keys[0], &seq)) != FCC_OK ||
        (st = appt_get(board, keys[1], &head)) != FCC_OK)
        return st;
    list->next = number(seq, "next");
    list->head = number(head, "head");
    list->gone = number(head, "gone");
    return FCC_OK;
}

static fcc_status put_head(struct appt_board *board, const struct list *list)
{
    return appt_put(
        board, counter(board, "WHEAD", list),
        json_pack("{s:i,s:I,s:I}", "fmt", 1, "head", (json_int_t)list->head, "gone", (json_int_t)list->gone));
}

/* The key of an entry, or of one of its versions (0: the entry). */
static fcc_bytes entry_key(struct appt_board *board, const struct list *list, int64_t seq, int version)
{
    char place[8], v[8];
    const char *const parts[] = { list->tag, list->date, list->class_, place, version ? v : NULL, NULL };

    snprintf(place, sizeof(place), "%06d", (int)(seq % (most_entries + 1)));
    snprintf(v, sizeof(v), "%06d", version % (most_entries + 1));
    return appt_key(board->call, version ? "WAITV" : "WAIT", parts);
}

/* Takes the entry over. */
static fcc_status put_entry(struct appt_board *board, const struct list *list, json_t *entry)
{
    fcc_bytes key = entry_key(board, list, number(entry, "seq"), 0);
    const json_t *kept = NULL;
    fcc_status st = entry ? appt_put(board, key, entry) : FCC_ERR_NOMEM;

    if (st != FCC_OK || (st = appt_get(board, key, &kept)) != FCC_OK)
        return st;
    return appt_put_copy(board, entry_key(board, list, number(kept, "seq"), appt_version(kept)), kept);
}

/* ---- which lists a patient is on: in PQ ---- */

static fcc_status put_waits(struct appt_board *board, const char *pid, const char *date, const char *without,
                            json_t *with)
{
    fcc_bytes key = lib_key(board->call, "PQ", pid, date, NULL);
    json_t *waits = lib_own(board->call, json_array());
    const json_t *day = NULL, *before;
    fcc_status st = appt_get(board, key, &day);

    before = json_object_get(day, "waits");
    for (size_t i = 0; st == FCC_OK && i < json_array_size(before); i++)
        if (!lib_text_is(json_array_get(before, i), "id", without) &&
            json_array_append(waits, json_array_get(before, i)) != 0)
            st = FCC_ERR_NOMEM;
    if (with && json_array_append_new(waits, with) != 0)
        st = FCC_ERR_NOMEM;
    if (st != FCC_OK)
        return st;
    return appt_put(board, key,
                    json_pack("{s:i,s:O*,s:O}", "fmt", 1, "visits", json_object_get(day, "visits"), "waits", waits));
}

static fcc_status require_one_place(struct appt_board *board, const char *pid, const char *uid, const char *date,
                                    const char *class_)
{
    const json_t *day = NULL, *waits;
    fcc_status st = appt_get(board, lib_key(board->call, "PQ", pid, date, NULL), &day);

    waits = json_object_get(day, "waits");
    for (size_t i = 0; st == FCC_OK && i < json_array_size(waits); i++)
        if (lib_text_is(json_array_get(waits, i), "uid", uid) && lib_text_is(json_array_get(waits, i), "class", class_))
            return lib_refuse(board->call, LIB_ALREADY, "the patient waits for this doctor, day and class");
    if (st == FCC_OK && json_array_size(waits) >= most_waits)
        return lib_refuse(board->call, LIB_LIMIT, "the patient is on %d lists of this day", most_waits);
    return st;
}

/* ---- joining and leaving ---- */

/* The owner, or the desk of a site where the doctor works; a doctor whom nobody knows has no list. */
static fcc_status require_waiter(lib_call *call, const char *pid, const char *uid)
{
    bool known = false;
    fcc_status st;

    if (call->caller.role != LIB_PATIENT)
        return appt_require_colleague(call, uid);
    if ((st = appt_require_owner(call, pid)) != FCC_OK || (st = registry_person(call, uid, NULL, &known)) != FCC_OK)
        return st;
    return known ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "uid: there is no such doctor");
}

static fcc_status appt_join_waitlist(lib_call *call)
{
    const char *id = lib_in_text(call, "id"), *pid = lib_in_text(call, "pid"), *uid = lib_in_text(call, "uid");
    struct list list = { .date = lib_in_text(call, "date"), .class_ = lib_in_text(call, "class") };
    const json_t *seq = NULL;
    struct appt_board board;
    int64_t day = 0;
    fcc_status st;

    appt_board_start(&board, call);
    if (!lib_date_parse(list.date, &day) || day + 86400 <= call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "date is past");
    if ((st = require_waiter(call, pid, uid)) != FCC_OK || (st = lib_require_patient(call, &pid)) != FCC_OK ||
        (st = appt_tag(call, uid, &list.tag)) != FCC_OK || (st = appt_require_new_id(&board, id)) != FCC_OK ||
        (st = require_one_place(&board, pid, uid, list.date, list.class_)) != FCC_OK ||
        (st = appt_get(&board, counter(&board, "WSEQ", &list), &seq)) != FCC_OK)
        return st;
    list.next = number(seq, "next");
    if (list.next > most_entries)
        return lib_refuse(call, LIB_LIMIT, "the list is full");
    if ((st = appt_put(&board, counter(&board, "WSEQ", &list),
                       json_pack("{s:i,s:I}", "fmt", 1, "next", (json_int_t)list.next + 1))) != FCC_OK ||
        (st = put_entry(&board, &list,
                        json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:s}", "fmt", 1, "v", 1, "id", id, "pid",
                                  pid, "uid", uid, "date", list.date, "class", list.class_, "seq",
                                  (json_int_t)list.next, "status", "waitlist", "at", lib_time(call, call->now), "by",
                                  call->caller.uid ? call->caller.uid : pid))) != FCC_OK ||
        (st = appt_put(&board, lib_key(call, "WAITID", id, NULL, NULL),
                       json_pack("{s:i,s:s,s:s,s:s,s:I}", "fmt", 1, "uid", uid, "date", list.date, "class", list.class_,
                                 "seq", (json_int_t)list.next))) != FCC_OK ||
        (st = put_waits(&board, pid, list.date, id,
                        json_pack("{s:s,s:s,s:s}", "id", id, "uid", uid, "class", list.class_))) != FCC_OK ||
        (st = appt_flush(&board)) != FCC_OK)
        return st;
    return appt_answer_act(call, NULL, id, 1);
}

fcc_status appt_read_wait(struct appt_board *board, const char *id, const json_t **entry)
{
    lib_call *call = board->call;
    struct list list = { 0 };
    const json_t *place = NULL;
    fcc_status st = appt_get(board, lib_key(call, "WAITID", id, NULL, NULL), &place);

    *entry = NULL;
    if (st != FCC_OK || !place)
        return st;
    list.date = lib_text(place, "date");
    list.class_ = lib_text(place, "class");
    if ((st = appt_tag(call, lib_text(place, "uid"), &list.tag)) != FCC_OK)
        return st;
    return appt_get(board, entry_key(board, &list, number(place, "seq"), 0), entry);
}

static fcc_status appt_leave_waitlist(lib_call *call)
{
    const char *id = lib_in_text(call, "id"), *pid;
    const json_t *entry = NULL;
    struct appt_board board;
    struct list list = { 0 };
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = appt_read_wait(&board, id, &entry)) != FCC_OK)
        return st;
    if (!entry)
        return lib_refuse(call, LIB_NOT_FOUND, "nobody waits under this id");
    pid = lib_text(entry, "pid");
    if (call->caller.role == LIB_PATIENT) {
        if ((st = appt_require_owner(call, pid)) != FCC_OK || (st = lib_require_patient(call, &pid)) != FCC_OK)
            return st;
    } else if ((st = appt_require_colleague(call, lib_text(entry, "uid"))) != FCC_OK) {
        return st;
    }
    if (lib_text_is(entry, "status", "offered"))
        return lib_refuse(call, LIB_PRECONDITION, "a unit was offered: book or cancel it");
    if (!lib_text_is(entry, "status", "waitlist"))
        return lib_refuse(call, LIB_ALREADY, "the patient has left");
    list = (struct list){ .date = lib_text(entry, "date"), .class_ = lib_text(entry, "class") };
    if ((st = appt_tag(call, lib_text(entry, "uid"), &list.tag)) != FCC_OK || (st = read_list(&board, &list)) != FCC_OK)
        return st;
    list.gone++;
    if ((st = put_head(&board, &list)) != FCC_OK ||
        (st = put_entry(&board, &list, appt_next(entry, "left"))) != FCC_OK ||
        (st = put_waits(&board, lib_text(entry, "pid"), list.date, id, NULL)) != FCC_OK ||
        (st = appt_flush(&board)) != FCC_OK)
        return st;
    return appt_answer_act(call, NULL, id, appt_version(entry) + 1);
}

/* ---- whose turn it is ---- */

/* Up to which place those who wait have passed a cell. */
static int64_t passed_to(const json_t *cell, const char *class_)
{
    return number(json_object_get(cell, "passed"), class_);
}

static fcc_status passed_by_all(struct appt_board *board, const struct appt_visit *visit, int64_t *place)
{
    fcc_status st = FCC_OK;

    for (int i = 0; i < visit->count && st == FCC_OK; i++) {
        const json_t *cell = NULL;
        int64_t to;

        st = appt_get(board, appt_slot_key(board->call, "CELL", visit->tag, visit->slot + i), &cell);
        to = passed_to(cell, visit->class_);
        *place = i == 0 || to < *place ? to : *place;
    }
    return st;
}

fcc_status appt_waiting(struct appt_board *board, const char *tag, const char *date, const char *class_, int64_t *count)
{
    struct list list = { .tag = tag, .date = date, .class_ = class_ };
    fcc_status st = read_list(board, &list);

    *count = list.next - list.head - list.gone;
    return st;
}

fcc_status appt_require_turn(struct appt_board *board, const struct appt_visit *visit)
{
    char date[APPT_DATE_SIZE];
    struct list list = { .tag = visit->tag, .date = date, .class_ = visit->class_ };
    int64_t passed = 0;
    fcc_status st;

    appt_date_of(visit->slot, date);
    if ((st = read_list(board, &list)) != FCC_OK || list.next - list.head - list.gone == 0)
        return st;
    if ((st = passed_by_all(board, visit, &passed)) != FCC_OK)
        return st;
    return passed >= list.next ? FCC_OK
                               : lib_refuse(board->call, LIB_CONFLICT, "slot %s: others wait for it, see OfferNext",
                                            lib_time(board->call, visit->slot * APPT_SLOT_SECONDS));
}

/* ---- OfferNext ---- */

struct offer {
    struct list list;
    struct appt_visit visit; /* the unit; id and pid of who is looked at */
    const char *site;
    int64_t place;                           /* the first whom nobody has asked */
    const json_t *entries[APPT_OFFER_LOOKS]; /* from there on */
    int count;
};

/* The unit, which begins at `start` and is as long as it was published. */
static fcc_status read_unit(struct appt_board *board, struct offer *offer)
{
    lib_call *call = board->call;
    struct appt_visit *visit = &offer->visit;
    char date[APPT_DATE_SIZE];
    const json_t *cell = NULL;
    fcc_status st;

    *visit = (struct appt_visit){
        .id = "", .pid = "", .uid = lib_in_text(call, "uid"), .class_ = lib_in_text(call, "class")
    };
    if ((st = appt_read_time(call, lib_in_text(call, "start"), APPT_SLOT_MINUTES, visit)) != FCC_OK)
        return st;
    appt_date_of(visit->slot, date);
    if (strcmp(date, lib_in_text(call, "date")) != 0)
        return lib_refuse(call, LIB_BAD_INPUT, "start is not on this date (UTC)");
    if ((st = appt_tag(call, visit->uid, &visit->tag)) != FCC_OK ||
        (st = appt_get(board, appt_slot_key(call, "CELL", visit->tag, visit->slot), &cell)) != FCC_OK)
        return st;
    if (cell)
        visit->count = (int)number(cell, "unit") / APPT_SLOT_MINUTES;
    if (visit->count < 1 || visit->count > APPT_MOST_SLOTS)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a cell lacks its unit");
    return appt_require_unit(board, visit, &offer->site);
}

static fcc_status read_entries(struct appt_board *board, struct offer *offer)
{
    fcc_bytes keys[APPT_OFFER_LOOKS];
    fcc_status st = passed_by_all(board, &offer->visit, &offer->place);

    if (st != FCC_OK)
        return st;
    if (offer->place < offer->list.head)
        offer->place = offer->list.head;
    while (offer->count < APPT_OFFER_LOOKS && offer->place + offer->count < offer->list.next) {
        keys[offer->count] = entry_key(board, &offer->list, offer->place + offer->count, 0);
        offer->count++;
    }
    if ((st = appt_load(board, keys, (size_t)offer->count)) != FCC_OK)
        return st;
    for (int i = 0; i < offer->count && st == FCC_OK; i++)
        st = appt_get(board, keys[i], &offer->entries[i]);
    return st;
}

/* Whether this one still waits and can come. Counts the visit among theirs if so. */
static fcc_status can_come(struct appt_board *board, struct offer *offer, const json_t *entry, bool *is)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    fcc_status st;

    *is = false;
    offer->visit.id = lib_text(entry, "id");
    offer->visit.pid = lib_text(entry, "pid");
    if (!offer->visit.id || !offer->visit.pid || !lib_text_is(entry, "status", "waitlist"))
        return FCC_OK;
    if ((st = registry_patient(board->call, offer->visit.pid, &patient, &found)) != FCC_OK || !found ||
        !(patient.active || patient.provisional))
        return st;
    if ((st = appt_patient_is_free(board, &offer->visit, is)) != FCC_OK || !*is)
        return st;
    return appt_count(board, &offer->visit, is);
}

/* The head goes on over those who don't wait any more, as far as they have been read. */
static fcc_status advance(struct appt_board *board, struct offer *offer, const char *offered)
{
    struct list *list = &offer->list;

    list->gone += offered != NULL;
    if (list->head == offer->place)
        for (int i = 0; i < offer->count; i++) {
            if (lib_text_is(offer->entries[i], "status", "waitlist") && !lib_text_is(offer->entries[i], "id", offered))
                break;
            list->head++;
            list->gone--;
        }
    return put_head(board, list);
}

/* Everybody who was looked at has passed the unit. */
static fcc_status pass(struct appt_board *board, const struct offer *offer)
{
    fcc_status st = FCC_OK;

    for (int i = 0; i < offer->visit.count && st == FCC_OK; i++) {
        fcc_bytes key = appt_slot_key(board->call, "CELL", offer->visit.tag, offer->visit.slot + i);
        const json_t *old = NULL;
        json_t *cell, *passed;

        if ((st = appt_get(board, key, &old)) != FCC_OK)
            return st;
        cell = json_copy((json_t *)old);
        passed = json_object_get(old, "passed") ? json_copy(json_object_get(old, "passed")) : json_object();
        if (!cell || !passed ||
            json_object_set_new(passed, offer->visit.class_, json_integer(offer->place + offer->count)) != 0 ||
            json_object_set(cell, "passed", passed) != 0)
            st = FCC_ERR_NOMEM;
        json_decref(passed);
        if (st != FCC_OK)
            json_decref(cell);
        else
            st = appt_put(board, key, cell);
    }
    return st;
}

static fcc_status give(struct appt_board *board, struct offer *offer, const json_t *entry)
{
    lib_call *call = board->call;
    const char *until = lib_time(call, call->now + APPT_OFFER_SECONDS);
    fcc_status st;

    if (!until)
        return FCC_ERR_NOMEM;
    if ((st = appt_require_patient_free(board, &offer->visit)) != FCC_OK ||
        (st = appt_take(board, &offer->visit, "hold", until, true)) != FCC_OK ||
        (st = appt_new_visit(board, &offer->visit, offer->site, until, false)) != FCC_OK ||
        (st = put_entry(board, &offer->list, appt_next(entry, "offered"))) != FCC_OK ||
        (st = put_waits(board, offer->visit.pid, offer->list.date, offer->visit.id, NULL)) != FCC_OK)
        return st;
    return advance(board, offer, offer->visit.id);
}

static fcc_status appt_offer_next(lib_call *call)
{
    struct offer offer = { .list = { .date = lib_in_text(call, "date"), .class_ = lib_in_text(call, "class") } };
    struct appt_board board;
    bool is = false;
    fcc_status st;

    appt_board_start(&board, call);
    if ((st = read_unit(&board, &offer)) != FCC_OK)
        return st;
    offer.list.tag = offer.visit.tag;
    if ((st = appt_require_doctor(call, offer.visit.uid, offer.site)) != FCC_OK ||
        (st = appt_require_doctor_free(&board, &offer.visit)) != FCC_OK ||
        (st = read_list(&board, &offer.list)) != FCC_OK || (st = read_entries(&board, &offer)) != FCC_OK)
        return st;
    if (offer.list.next - offer.list.head - offer.list.gone == 0 || offer.count == 0)
        return lib_refuse(call, LIB_NOT_FOUND, "nobody waits who was not asked");
    for (int i = 0; i < offer.count; i++) {
        if ((st = can_come(&board, &offer, offer.entries[i], &is)) != FCC_OK)
            return st;
        if (!is)
            continue;
        if ((st = give(&board, &offer, offer.entries[i])) != FCC_OK || (st = appt_flush(&board)) != FCC_OK)
            return st;
        return appt_answer_act(call, "WaitlistOffer", offer.visit.id, 1);
    }
    if ((st = pass(&board, &offer)) != FCC_OK || (st = advance(&board, &offer, NULL)) != FCC_OK ||
        (st = appt_flush(&board)) != FCC_OK)
        return st;
    return lib_answer(
        call, json_pack("{s:i,s:b}", "looked", offer.count, "more", offer.place + offer.count < offer.list.next));
}
