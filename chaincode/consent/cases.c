/*
 * cases.c: the lists of emergency cases: for auditors all, for a privacy officer those of the own organisation's doctors,
 * for owners their own.
 */
#include "consent/parts.h"

enum { max_neighbours = 64, cap = 2 };

static const char *const statuses[] = { "open", "closed", NULL };
static const lib_field filter_fields[] = {
    { .name = "pid", .type = LIB_PID, .optional = true },
    { .name = "uid", .type = LIB_ID, .optional = true },
    { .name = "status", .type = LIB_WORD, .optional = true, .words = statuses },
    { .name = "from", .type = LIB_TIME, .optional = true },
    { .name = "to", .type = LIB_TIME, .optional = true },
    CONSENT_PAGE_TOKEN,
};
static const lib_field overdue_fields[] = { CONSENT_PAGE_TOKEN };

enum { readers = LIB_AUDITOR | LIB_PRIVACY_OFFICER | LIB_PATIENT };

LIB_DEFINE(consent_break_glass_cases, .flags = LIB_TIMED, .roles = readers, .in = LIB_IN_OPTIONAL,
           LIB_FIELDS(filter_fields), .callers = "auditor (all), privacy_officer (own MSP), owner (own)",
           .reads = "emergency", .answer = "`{cases,next?}`, newest first, each with `open` and `over_cap`")
LIB_DEFINE(consent_overdue_reviews, .flags = LIB_TIMED, .roles = readers, .in = LIB_IN_OPTIONAL,
           LIB_FIELDS(overdue_fields), .callers = "auditor (all), privacy_officer (own MSP), owner (own)",
           .reads = "emergency", .answer = "`{cases,next?}`, oldest first")

static int64_t time_of(const json_t *object, const char *name, int64_t otherwise)
{
    const char *s = lib_text(object, name);
    int64_t epoch;

    return s && lib_time_parse(s, &epoch) ? epoch : otherwise;
}

/* From when to when a case let its doctor read. */
struct span {
    int64_t from, to;
};

static struct span span_of(const json_t *emergency)
{
    return (struct span){ .from = time_of(emergency, "opened", 0),
                          .to = time_of(emergency, "closed", time_of(emergency, "until", 0)) };
}

/* ---- over_cap: more than two of a doctor's cases were open at one time ---- */

struct neighbours {
    lib_call *call;
    struct span own, all[max_neighbours];
    size_t n;
    fcc_status st;
};

static bool add_neighbour(const struct consent_entry *entry, void *ctx)
{
    struct neighbours *near = ctx;
    const json_t *emergency = NULL;
    char oldest[LIB_EPOCH_SIZE], newest[LIB_EPOCH_SIZE];
    struct span span;

    /* Newest first. What was opened a whole case's time before this one had run out by then, but for one that was entered
     * late and had lasted longer. */
    lib_rev_epoch(near->own.from - CONSENT_CASE_SECONDS, oldest);
    lib_rev_epoch(near->own.to, newest);
    if (strcmp(entry->parts[0], oldest) > 0)
        return false;
    if (strcmp(entry->parts[0], newest) < 0)
        return true;
    near->st = lib_read(near->call, CONSENT_EMERGENCY, lib_key(near->call, "BTG", entry->parts[1], NULL, NULL),
                        &emergency);
    if (near->st != FCC_OK)
        return false;
    span = span_of(emergency);
    if (span.from <= near->own.to && span.to >= near->own.from && near->n < max_neighbours)
        near->all[near->n++] = span;
    return true;
}

static fcc_status is_over_cap(lib_call *call, const json_t *emergency, bool *over)
{
    struct neighbours near = { .call = call, .own = span_of(emergency) };
    fcc_status st = consent_walk(call, CONSENT_EMERGENCY, "BTGU", lib_text(emergency, "uid"), NULL, add_neighbour,
                                 &near);

    *over = false;
    if (st != FCC_OK || near.st != FCC_OK)
        return st != FCC_OK ? st : near.st;
    /* the most are open just when one is opened: this one, or another while this one is */
    for (size_t i = 0; i < near.n && !*over; i++) {
        int64_t at = near.all[i].from > near.own.from ? near.all[i].from : near.own.from;
        size_t open = 0;

        for (size_t j = 0; j < near.n; j++)
            open += near.all[j].from <= at && at <= near.all[j].to;
        *over = open > cap;
    }
    return FCC_OK;
}

/* ---- lists ---- */

struct list {
    lib_call *call;
    const char *only_uid, *only_pid, *only_msp, *only_status;
    int64_t from, to, due_before;
    json_t *cases;
    const char *last, *next;
    fcc_status st;
};

static bool is_wanted(const struct list *list, const json_t *emergency)
{
    const char *status = consent_case_is_open(emergency, list->call->now) ? statuses[0] : statuses[1];
    int64_t opened = time_of(emergency, "opened", 0);

    return (!list->only_uid || lib_text_is(emergency, "uid", list->only_uid)) &&
           (!list->only_pid || lib_text_is(emergency, "pid", list->only_pid)) &&
           (!list->only_msp || lib_text_is(emergency, "msp", list->only_msp)) &&
           (!list->only_status || strcmp(list->only_status, status) == 0) && opened >= list->from && opened <= list->to;
}

static fcc_status add_shown(struct list *list, const json_t *emergency)
{
    json_t *shown = json_copy((json_t *)emergency);
    bool over = false;
    fcc_status st = shown ? is_over_cap(list->call, emergency, &over) : FCC_ERR_NOMEM;

    if (st == FCC_OK &&
        (json_object_set_new(shown, "over_cap", json_boolean(over)) != 0 ||
         json_object_set_new(shown, "open", json_boolean(consent_case_is_open(emergency, list->call->now))) != 0 ||
         json_array_append(list->cases, shown) != 0))
        st = FCC_ERR_NOMEM;
    json_decref(shown);
    return st;
}

static bool add_case(const struct consent_entry *entry, void *ctx)
{
    struct list *list = ctx;
    const json_t *emergency = NULL;

    list->st = lib_read(list->call, CONSENT_EMERGENCY, lib_key(list->call, "BTG", entry->parts[1], NULL, NULL),
                        &emergency);
    if (list->st != FCC_OK || time_of(emergency, "reviewBy", INT64_MIN) >= list->due_before)
        return false;
    if (!emergency || !is_wanted(list, emergency)) {
        list->last = entry->token;
        return true;
    }
    if (json_array_size(list->cases) == CONSENT_PAGE) {
        list->next = list->last;
        return false;
    }
    list->last = entry->token;
    list->st = add_shown(list, emergency);
    return list->st == FCC_OK;
}

static fcc_status answer_list(struct list *list, const char *index, const char *first)
{
    lib_call *call = list->call;
    fcc_status st;

    list->cases = lib_own(call, json_array());
    if (!list->cases)
        return FCC_ERR_NOMEM;
    st = consent_walk(call, CONSENT_EMERGENCY, index, first, lib_in_text(call, "page"), add_case, list);
    if (st != FCC_OK || list->st != FCC_OK)
        return st != FCC_OK ? st : list->st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "cases", list->cases, "next", list->next));
}

static fcc_status consent_break_glass_cases(lib_call *call)
{
    const lib_caller *caller = &call->caller;
    const char *pid = lib_in_text(call, "pid"), *uid = lib_in_text(call, "uid");
    struct list list = { .call = call,
                         .only_uid = uid,
                         .only_status = lib_in_text(call, "status"),
                         .from = time_of(call->in, "from", INT64_MIN),
                         .to = time_of(call->in, "to", INT64_MAX),
                         .due_before = INT64_MAX };

    if (caller->role == LIB_PATIENT) {
        const char *whose = pid = pid ? pid : caller->pid;
        fcc_status st = consent_require_reader(call, &whose);

        if (st != FCC_OK)
            return st;
    }
    if (caller->role == LIB_PRIVACY_OFFICER)
        list.only_msp = caller->msp;
    /* as it was given: cases stay under a provisional pid, and an auditor's peer can't read what that was linked to */
    list.only_pid = pid;
    return answer_list(&list, pid ? "BTGP" : uid ? "BTGU" : "BTGA", pid ? pid : uid);
}

static fcc_status consent_overdue_reviews(lib_call *call)
{
    struct list list = { .call = call, .from = INT64_MIN, .to = INT64_MAX, .due_before = call->now };

    if (call->caller.role == LIB_PRIVACY_OFFICER)
        list.only_msp = call->caller.msp;
    if (call->caller.role == LIB_PATIENT)
        list.only_pid = call->caller.pid;
    return answer_list(&list, "BTGN", NULL);
}
