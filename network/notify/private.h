/* private.h: what the files of network/notify share. */
#ifndef NETWORK_NOTIFY_PRIVATE_H
#define NETWORK_NOTIFY_PRIVATE_H

#include "notify/notify.h"

struct notify_sink {
    char *name;
    void *self;
    fcc_status (*give)(void *self, const notice *n, fcc_error *error);
    void (*free)(void *self);
};

/* Takes `self` over, also when there is no memory. `what` and `where` make the name. */
fcc_status notify__sink(const char *what, const char *where, void *self,
                        fcc_status (*give)(void *, const notice *, fcc_error *), void (*free_self)(void *),
                        notify_sink **out, fcc_error *error) FCC_MUST_CHECK;

/* ---- state.c: what outlives the process ------------------------------------------------------------------------------ */

typedef struct notify_state notify_state;

/* Makes the directory, and holds a lock on it until it is closed. FCC_ERR_EXISTS somebody else does. */
fcc_status notify__state_open(const char *dir, notify_state **out, fcc_error *error) FCC_MUST_CHECK;
void notify__state_close(notify_state *s); /* takes NULL */
client_checkpoint notify__state_at(const notify_state *s);
/* The events up to this one, of this block, are dealt with. */
fcc_status notify__state_reached(notify_state *s, uint64_t block, const char *txid, fcc_error *error) FCC_MUST_CHECK;
/* Before anything is delivered: how often its delivery was begun before, 0 for a new one. */
fcc_status notify__state_begin(notify_state *s, const char *id, int *before, fcc_error *error) FCC_MUST_CHECK;
/* Reminders that were delivered. */
bool notify__state_reminded(const notify_state *s, const char *id);
fcc_status notify__state_remind(notify_state *s, const char *id, int64_t until, fcc_error *error) FCC_MUST_CHECK;
/* Those that were over before `time` need not be remembered any more. */
void notify__state_forget(notify_state *s, int64_t time);
/* A notice that nobody takes: into undelivered.jsonl. */
fcc_status notify__state_undelivered(notify_state *s, const notice *n, const char *why,
                                     fcc_error *error) FCC_MUST_CHECK;

/* ---- ask.c: what the user's own questions answer ---------------------------------------------------------------------- */

typedef struct notify_due {
    const char *kind;
    char *id; /* of the notice */
    const char *title;
    int64_t from;  /* seconds since 1970: when it is due */
    int64_t until; /* when there is no use in it any more */
    json_t *body;
} notify_due;

/* What is due for the patient. Freed with notify__due_free. A chaincode that is not on the channel has nothing due. */
fcc_status notify__due(client *who, const char *pid, notify_due **out, size_t *count, fcc_error *error) FCC_MUST_CHECK;
void notify__due_free(notify_due *due, size_t count);
/* Whether an event is about the user: what it names is shown to the user. */
fcc_status notify__is_mine(client *who, const char *pid, const notify_event *event, bool *mine,
                           fcc_error *error) FCC_MUST_CHECK;

#endif
