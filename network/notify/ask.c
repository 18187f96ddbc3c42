/* What the user's own questions answer: what is due, and whose an event is. */
#include "notify/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MAX = 16 << 20, ID_MAX = 200, PAGES_MOST = 100 };

/* Evaluate `function` with transient `in`; the answer as JSON, NULL when the chaincode refused (`status`) or is not there. */
static fcc_status ask(client *who, const char *chaincode, const char *function, const json_t *in, int32_t *status,
                      json_t **out, fcc_error *error)
{
    const fcc_bytes args[] = { fcc_str(function) };
    char *text = json_dumps(in, JSON_COMPACT);
    fcc__arena *arena = fcc__arena_new(ANSWER_MAX);
    client_transient transient = { .name = "in" };
    client_call call = {
        .chaincode = chaincode, .args = args, .arg_count = 1, .transient = &transient, .transient_count = 1
    };
    client_answer answer = { 0 };
    fcc_status st = FCC_ERR_NOMEM;

    *out = NULL;
    *status = 0;
    if (text && arena) {
        transient.value = fcc_str(text);
        st = client_query(who, &call, arena, &answer, error);
        *status = answer.status;
        if (st == FCC_OK && !(*out = json_loadb((const char *)answer.payload.data, answer.payload.len, 0, NULL)))
            st = fcc_error_set(error, FCC_ERR_PROTO, "%s %s answered something that is no JSON", chaincode, function);
    }
    fcc__arena_free(arena);
    free(text);
    return st;
}

static bool time_of(const json_t *o, const char *name, int64_t *out)
{
    const char *text = json_string_value(json_object_get(o, name));
    struct tm tm = { 0 };
    char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

    if (!end || *end)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

/* ---- what is due ----------------------------------------------------------------------------------------------------- */

typedef struct due_list {
    notify_due *due;
    size_t count, cap;
} due_list;

static fcc_status add(due_list *list, const char *kind, const char *title, const char *what, const char *of,
                      int64_t from, int64_t until, fcc_error *error)
{
    notify_due *d, *more;
    char id[ID_MAX], at[32];
    time_t seconds = (time_t)from;
    struct tm tm;

    if (list->count == list->cap) {
        more = realloc(list->due, (list->cap ? 2 * list->cap : 16) * sizeof(*more));
        if (!more)
            return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        list->due = more;
        list->cap = list->cap ? 2 * list->cap : 16;
    }
    d = &list->due[list->count];
    gmtime_r(&seconds, &tm);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
    /* with the time: an appointment that was moved is another reminder */
    snprintf(id, sizeof(id), "%s-%s-%lld", what, of, (long long)from);
    *d = (notify_due){ .kind = kind, .title = title, .from = from, .until = until, .id = strdup(id) };
    d->body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "kind", kind, "title", title, "of", of, "due", at);
    if (!d->id || !d->body) {
        free(d->id);
        json_decref(d->body);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    list->count++;
    return FCC_OK;
}

static fcc_status add_appointment(due_list *list, const json_t *r, fcc_error *error)
{
    const char *id = json_string_value(json_object_get(r, "id"));
    int64_t start;

    if (!id || !time_of(r, "start", &start))
        return FCC_OK;
    return add(list, "appointment", "An appointment is coming up", "appointment", id, start, start, error);
}

static fcc_status add_medicine(due_list *list, const json_t *r, fcc_error *error)
{
    const char *rx = json_string_value(json_object_get(r, "rxId"));
    const json_t *item = json_object_get(r, "item");
    int64_t from, until;
    char of[ID_MAX / 2];
    fcc_status st;

    if (!rx || !time_of(r, "from", &from) || !time_of(r, "until", &until))
        return FCC_OK;
    snprintf(of, sizeof(of), "%s-%lld", rx, (long long)json_integer_value(item));
    st = add(list, "medicine", "A medicine can be fetched", "medicine", of, from, until, error);
    if (st == FCC_OK)
        st = add(list, "medicine", "A prescription is about to end", "medicine-end", of, until, until, error);
    return st;
}

static fcc_status read_due(client *who, const char *chaincode, const char *pid, due_list *list,
                           fcc_status (*one)(due_list *, const json_t *, fcc_error *), fcc_error *error)
{
    json_t *in = json_pack("{s:s}", "pid", pid), *answer = NULL, *r;
    fcc_status st = in ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    bool more = true;
    int pages = 0;

    while (st == FCC_OK && more && pages++ < PAGES_MOST) {
        int32_t status;
        size_t i;

        st = ask(who, chaincode, "Reminders", in, &status, &answer, error);
        /* a channel without this chaincode has nothing due; what a chaincode refuses, the operator has to know */
        if (st == FCC_ERR_PEER && status == 0 && strstr(error->text, chaincode)) {
            st = FCC_OK;
            break;
        }
        if (st != FCC_OK)
            break;
        json_array_foreach(json_object_get(answer, "reminders"), i, r) if (st == FCC_OK) st = one(list, r, error);
        more = json_is_string(json_object_get(answer, "next")) &&
               json_object_set(in, "page", json_object_get(answer, "next")) == 0;
        json_decref(answer);
        answer = NULL;
    }
    json_decref(answer);
    json_decref(in);
    return st;
}

fcc_status notify__due(client *who, const char *pid, notify_due **out, size_t *count, fcc_error *error)
{
    due_list list = { 0 };
    fcc_status st = read_due(who, "appointments", pid, &list, add_appointment, error);

    if (st == FCC_OK)
        st = read_due(who, "prescriptions", pid, &list, add_medicine, error);
    if (st != FCC_OK) {
        notify__due_free(list.due, list.count);
        return st;
    }
    *out = list.due;
    *count = list.count;
    return FCC_OK;
}

void notify__due_free(notify_due *due, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        free(due[i].id);
        json_decref(due[i].body);
    }
    free(due);
}

/* ---- whose it is ------------------------------------------------------------------------------------------------------ */

/* What shows an act to those whom it concerns, and to nobody else. */
static const struct {
    const char *chaincode;
    const char *function; /* of the same chaincode */
    const char *in;       /* the name under which it asks for the act, which the event has as "id" */
} shows[] = {
    { "appointments", "GetAppointment", "id" },
    { "prescriptions", "GetRx", "rxId" },
};

/* Whether the patient's cases have this one: BreakGlassOpened names a case, not a patient. */
static fcc_status is_my_case(client *who, const char *pid, const char *id, bool *mine, fcc_error *error)
{
    json_t *in = json_pack("{s:s}", "pid", pid), *answer = NULL, *one;
    int32_t status;
    size_t i;
    fcc_status st = in ? ask(who, "consent", "BreakGlassCases", in, &status, &answer, error)
                       : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");

    json_array_foreach(json_object_get(answer, "cases"), i, one)
    {
        const char *found = json_string_value(json_object_get(one, "id"));

        *mine = *mine || (found && !strcmp(found, id));
    }
    json_decref(answer);
    json_decref(in);
    return st;
}

fcc_status notify__is_mine(client *who, const char *pid, const notify_event *e, bool *mine, fcc_error *error)
{
    json_t *payload = json_loadb((const char *)e->payload.data, e->payload.len, 0, NULL), *in, *answer;
    const char *id = json_string_value(json_object_get(payload, "id"));
    fcc_status st = FCC_OK;
    int32_t status;
    size_t i;

    /* a recall concerns everybody, and what this table doesn't know is nobody's in particular */
    *mine = fcc_bytes_equal(e->name, FCC_LIT("Recalled"));
    if (pid && id && fcc_bytes_equal(e->name, FCC_LIT("BreakGlassOpened")))
        st = is_my_case(who, pid, id, mine, error);
    for (i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        if (!id || !fcc_bytes_equal(e->chaincode, fcc_str(shows[i].chaincode)))
            continue;
        in = json_pack("{s:s}", shows[i].in, id);
        st = in ? ask(who, shows[i].chaincode, shows[i].function, in, &status, &answer, error)
                : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        json_decref(in);
        *mine = st == FCC_OK;
        if (st == FCC_OK)
            json_decref(answer);
        else if (st == FCC_ERR_APP) /* 403, 404: somebody else's */
            st = FCC_OK;
    }
    json_decref(payload);
    return st;
}
