/*
 * notify.h: telling people and programs what happens on a channel: alerts, out of the events of its chaincodes' valid
 * transactions, and reminders, out of what appointments and prescriptions say is due.
 *
 * A notice has an id that stays the same however often it is delivered. It counts as delivered once every sink has taken
 * it, and only then the next one is tried, so that each arrives at least once and in the channel's order. One that may
 * have been delivered before, because the process ended between the delivery and the note of it, says so
 * (delivery.mayRepeat). Notices carry what events carry: ids, no names and nothing of a patient.
 */
#ifndef NETWORK_NOTIFY_NOTIFY_H
#define NETWORK_NOTIFY_NOTIFY_H

#include "base/codes.h"
#include "client/client.h"

#include <jansson.h>

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

typedef struct notify_kind {
    const char *chaincode;
    const char *event;
    const char *kind;  /* "break-glass" */
    const char *title; /* one line for people */
} notify_kind;

/* The events that are known by name. NULL for others, whose kind is "other". */
const notify_kind *notify_kind_of(fcc_bytes chaincode, fcc_bytes event);
/* The i-th name of a kind; NULL behind the last. */
const char *notify_kind_name(size_t i);

/* One event of a valid transaction in a block. Borrowed until the callback returns. */
typedef struct notify_event {
    uint64_t block;
    size_t index; /* of the transaction in the block */
    int64_t at;   /* seconds since 1970, as the transaction says */
    fcc_bytes txid;
    fcc_bytes chaincode;
    fcc_bytes name;
    fcc_bytes payload;
} notify_event;

/* false ends the reading. */
typedef bool (*notify_on_event)(void *ctx, const notify_event *event);

/*
 * The events of a common.Block's valid transactions, in order. Those of invalid ones are in the block as well and are
 * passed over. FCC_ERR_PROTO: it is no block that a peer has committed (its transactions have no codes).
 */
fcc_status notify_block_events(fcc_bytes block, fcc__arena *arena, notify_on_event on_event, void *ctx,
                               fcc_error *error) FCC_MUST_CHECK;

/* ---- where to -------------------------------------------------------------------------------------------------------- */

typedef struct notice {
    const char *id;
    const char *kind;
    const char *title;
    const char *text; /* the notice as JSON, in one line */
    int64_t at;       /* seconds since 1970: when it was delivered first */
} notice;

typedef struct notify_sink notify_sink;

typedef struct notify_webhook {
    const char *url; /* http:// or https:// */
    const char
        *secret;    /* file: X-MedSync-Signature is "sha256=" and the HMAC of the body with its content; NULL: none */
    const char *ca; /* PEM file: who may have issued the server's certificate; NULL: the system's */
} notify_webhook;

/*
 * POST of the notice as application/json. Any 2xx is a yes. FCC_ERR_ARG the address; FCC_ERR_IO the secret's file.
 * Redirections are not followed: a notice goes where the operator said.
 */
fcc_status notify_to_webhook(const notify_webhook *hook, int timeout_s, notify_sink **out,
                             fcc_error *error) FCC_MUST_CHECK;
/* Append a mail (RFC 5322) to a file in mbox form (RFC 4155, ">From " quoting), synced; a part of one is taken back. */
fcc_status notify_to_mailbox(const char *path, const char *to, notify_sink **out, fcc_error *error) FCC_MUST_CHECK;
/* Run a program, no shell, with the notice on its standard input and MEDSYNC_NOTICE_ID and _KIND; exit status 0 is a yes. */
fcc_status notify_to_command(char *const *argv, int timeout_s, notify_sink **out, fcc_error *error) FCC_MUST_CHECK;
/* A line on standard output. */
fcc_status notify_to_output(notify_sink **out, fcc_error *error) FCC_MUST_CHECK;

/* FCC_ERR_IO, FCC_ERR_TIMEOUT, FCC_ERR_PEER: not taken; may be tried again. */
fcc_status notify_give(notify_sink *sink, const notice *n, fcc_error *error) FCC_MUST_CHECK;
/* "webhook https://..." for messages. */
const char *notify_sink_name(const notify_sink *sink);
void notify_sink_free(notify_sink *sink); /* takes NULL */

/* ---- following ------------------------------------------------------------------------------------------------------- */

typedef struct notify_options {
    client_options who;  /* whose peer is listened to, and who asks for reminders */
    const char *state;   /* directory: how far it came, what is being delivered, which reminders were */
    const char *kinds;   /* "break-glass,recall"; NULL: those four that concern people's care; "all" */
    const char *events;  /* "Booked,Cancelled": these names alone; NULL: all of the kinds */
    int64_t from;        /* without a checkpoint: a block, CLIENT_OLDEST or CLIENT_NEXT */
    const char *pid;     /* reminders for this patient; NULL: none */
    bool mine;           /* only events that the user's own questions confirm (notify_is_mine) */
    int64_t every_s;     /* how often reminders are asked for */
    int64_t ahead_s;     /* how long before it is due a reminder is delivered */
    notify_sink **sinks; /* borrowed */
    size_t sink_count;
    int64_t give_up; /* after so many tries a notice is kept in STATE/undelivered.jsonl; 0: never */
    int64_t count;   /* end after so many notices; 0: never */
    int64_t idle_ms; /* end when there was nothing for so long; 0: never */
    /* what an operator should know, a line without its end */
    void (*log)(void *ctx, fcc__code code, const char *text);
    void *log_ctx;
} notify_options;

/*
 * Follow until count, idle_ms or an error that trying again does not mend. A peer that is away is asked again, with a
 * growing random pause.
 *
 * @return FCC_OK
 *         FCC_ERR_EXISTS   another process works with this state directory
 *         FCC_ERR_AUTH, FCC_ERR_NOT_FOUND, FCC_ERR_CONFIG  the identity, the network or its files
 *         FCC_ERR_IO, FCC_ERR_CORRUPT  the state directory; nothing is delivered that could not be noted
 */
fcc_status notify_run(const notify_options *options, fcc_error *error) FCC_MUST_CHECK;

#endif
