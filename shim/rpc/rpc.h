/*
 * rpc.h: gRPC as the rest of this project sees it. Every idiom of C-core stays behind this header.
 *
 * One loop is one completion queue and one thread. Everything below is called on the loop's thread, except rpc_post.
 * Callbacks run on the loop, one at a time, never from inside another rpc_ call; what turns the loop itself
 * (rpc_loop_run, rpc_loop_poll, rpc_unary, rpc_server_free, rpc_loop_free) must not be called from a callback. The loop
 * drains before it flushes: all events that are ready are delivered first, messages sent meanwhile are queued, and only
 * when the queue is empty are they written, with the buffer hint on all but the last.
 *
 * Messages are whole byte strings of at most RPC_MAX_MESSAGE bytes; nothing here knows protobuf.
 */
#ifndef FCC_RPC_RPC_H
#define FCC_RPC_RPC_H

#include <fcc/bytes.h>
#include <fcc/status.h>

#include <stdatomic.h>

enum { RPC_MAX_MESSAGE = 100 * 1024 * 1024 };

/* gRPC's status codes, as numbered by gRPC. */
typedef enum rpc_code {
    RPC_OK = 0,
    RPC_CANCELLED = 1,
    RPC_UNKNOWN = 2,
    RPC_INVALID_ARGUMENT = 3,
    RPC_DEADLINE_EXCEEDED = 4,
    RPC_NOT_FOUND = 5,
    RPC_ALREADY_EXISTS = 6,
    RPC_PERMISSION_DENIED = 7,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_FAILED_PRECONDITION = 9,
    RPC_ABORTED = 10,
    RPC_OUT_OF_RANGE = 11,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14,
    RPC_DATA_LOSS = 15,
    RPC_UNAUTHENTICATED = 16
} rpc_code;

/* "UNAVAILABLE" and so on; "UNKNOWN" for other numbers. */
const char *rpc_code_name(rpc_code code);

/* How a call ended. `details` is what grpc-status-details-bin held (google.rpc.Status), empty without. Borrowed. */
typedef struct rpc_status {
    rpc_code code;
    fcc_bytes message;
    fcc_bytes details;
} rpc_status;

/* PEM texts, copied by the calls that take them. A NULL rpc_tls pointer means plaintext. */
typedef struct rpc_tls {
    fcc_bytes cert; /* own certificate chain; empty: none (clients only) */
    fcc_bytes key;
    fcc_bytes ca; /* roots that the other side must chain to; empty on a server: no client certificate asked */
    const char *server_name; /* clients: verify the certificate for this name; NULL: the address's host */
} rpc_tls;

/* HTTP/2 pings, which tell a dead connection from an idle one. Without one: as a Fabric peer, 60 s, 20 s, 60 s. */
typedef struct rpc_keepalive {
    int ping_ms;    /* ping after so long without a byte from the other side */
    int timeout_ms; /* ... and close when no answer comes in time */
    int accept_ms;  /* servers: a client that pings more often is sent away */
} rpc_keepalive;

/* ---- the loop ---- */

typedef struct rpc_loop rpc_loop;
typedef void (*rpc_task)(void *ctx);

fcc_status rpc_loop_new(rpc_loop **out, fcc_error *error) FCC_MUST_CHECK;
/* All servers, channels and calls of the loop must be gone or are torn down here. Takes NULL. */
void rpc_loop_free(rpc_loop *loop);
/* Deliver events until rpc_loop_stop. May be called again. */
void rpc_loop_run(rpc_loop *loop);
/* Deliver what is ready and what comes within timeout_ms; returns early after rpc_loop_stop. */
void rpc_loop_poll(rpc_loop *loop, int timeout_ms);
void rpc_loop_stop(rpc_loop *loop);
/* Run `task` on the loop soon. From any thread, but not from a signal handler. */
void rpc_post(rpc_loop *loop, rpc_task task, void *ctx);
/*
 * Run `task` on the loop at each delivery of this signal. Blocks it in the process: call before threads are made, and
 * unblock it in child processes, which inherit that. At most 8 signals.
 */
fcc_status rpc_on_signal(rpc_loop *loop, int signal_number, rpc_task task, void *ctx) FCC_MUST_CHECK;
/* Write what is queued now, for a task that will hold the loop for a while. */
void rpc_flush(rpc_loop *loop);
/*
 * Before it sleeps the loop looks for so long whether something comes; 0: it sleeps at once. For who waits for one answer of
 * another process that needs less time than a sleeping thread to wake up. Of no effect where there is one processor.
 */
void rpc_watch(rpc_loop *loop, unsigned microseconds);
/* How often the loop may have slept: what is timed need not look at the clock again while this stays the same. */
uint64_t rpc_loop_waits(const rpc_loop *loop);
/* Called each time the queue ran empty, before what is queued is written. NULL ends it. */
void rpc_on_idle(rpc_loop *loop, rpc_task task, void *ctx);

typedef struct rpc_timer rpc_timer;

/* Once, after `ms`. The handle is valid until the task has run or rpc_timer_cancel. NULL when out of memory. */
rpc_timer *rpc_timer_start(rpc_loop *loop, int64_t ms, rpc_task task, void *ctx);
/* The task will not run. Takes NULL. */
void rpc_timer_cancel(rpc_timer *timer);

/* ---- calls, seen from either side ---- */

typedef struct rpc_call rpc_call;

typedef struct rpc_events {
    /* One message of the other side. Borrowed until return. */
    void (*on_message)(rpc_call *call, void *ctx, fcc_bytes message);
    /* The other side sends no more. On a client: wait for on_closed. On a server: answer and rpc_finish. May be NULL. */
    void (*on_half_close)(rpc_call *call, void *ctx);
    /* The last callback: the call is over (on a server also by the client's cancellation) and freed after return. */
    void (*on_closed)(rpc_call *call, void *ctx, const rpc_status *status);
    /* All that was queued has been taken by the transport: a sender that waits for that may go on. May be NULL. */
    void (*on_drained)(rpc_call *call, void *ctx);
} rpc_events;

/* Queue a message; copied before return. Dropped silently once the call is ending: on_closed will tell. */
fcc_status rpc_send(rpc_call *call, fcc_bytes message);
/* The same for a message in `memory`, from malloc, which is taken over (also on failure) and not copied. */
fcc_status rpc_send_own(rpc_call *call, void *memory, fcc_bytes message);
/*
 * The same for a message in three pieces: the outer ones are copied, that in the middle is borrowed until gRPC is done
 * with it, which `give_back(lent)` tells, on any thread and also on failure.
 */
fcc_status rpc_send_pieces(rpc_call *call, const fcc_bytes pieces[3], void (*give_back)(void *lent), void *lent);
/*
 * In on_message: take over the memory of the message, to be freed with free(). NULL where it is gRPC's: small messages,
 * as a rule, which are to be copied.
 */
void *rpc_take(rpc_call *call);
/*
 * In on_message, for who knows: so many answers are still to come from the other side, to what was sent and to what is
 * queued; of the requests, so many were queued since the last time. A hint for when to write.
 */
void rpc_expect(rpc_call *call, size_t owed, size_t asked);
/* Bytes queued and not yet handed to gRPC: slow down when it grows. */
size_t rpc_backlog(const rpc_call *call);
/* Clients: no more messages from here. */
void rpc_half_close(rpc_call *call);
/* Servers: end the call with this status once all that is queued is written. Details may be empty. Copied. */
void rpc_finish(rpc_call *call, rpc_code code, fcc_bytes message, fcc_bytes details);
/* End the call now; on_closed follows from the loop. */
void rpc_cancel(rpc_call *call);
/* The other side's address as gRPC prints it; static storage of the call. */
const char *rpc_peer(const rpc_call *call);
/*
 * Servers that ask for client certificates: the one that the other side has shown and proved to own, in PEM, malloc'ed.
 * {NULL, 0} for plaintext, without one, and out of memory.
 */
fcc_bytes rpc_peer_certificate(const rpc_call *call);
/* Read no more messages until rpc_resume: the sender is slowed down by the transport's flow control. */
void rpc_pause(rpc_call *call);
void rpc_resume(rpc_call *call);

/* ---- server ---- */

typedef struct rpc_server rpc_server;

/*
 * A call has come for the method at `ctx`. Set *call_ctx for the callbacks and return their table (static).
 * A unary method is one whose client sends one message: answer with rpc_send and rpc_finish. NULL: not accepted, for
 * the reason that rpc_finish was given, else UNAVAILABLE.
 */
typedef const rpc_events *(*rpc_accept)(rpc_call *call, void *ctx, void **call_ctx);

fcc_status rpc_server_new(rpc_loop *loop, rpc_server **out, fcc_error *error) FCC_MUST_CHECK;
fcc_status rpc_server_new_with(rpc_loop *loop, const rpc_keepalive *keepalive, rpc_server **out,
                               fcc_error *error) FCC_MUST_CHECK;
/* `path` is "/package.Service/Method", static. Before rpc_server_start. Unknown methods answer UNIMPLEMENTED. */
fcc_status rpc_server_method(rpc_server *server, const char *path, rpc_accept accept, void *ctx) FCC_MUST_CHECK;
/* Listen on host:port (port 0: any). *port, unless NULL, is the one taken. FCC_ERR_IO names the address. */
fcc_status rpc_server_listen(rpc_server *server, const char *address, const rpc_tls *tls, int *port,
                             fcc_error *error) FCC_MUST_CHECK;
/*
 * Other certificates for the connections that come from now on; those that are there go on. `tls` has a CA if and only
 * if the one that the server listens with has. May be called while the server runs.
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  gRPC does not take them: those of before stay
 */
fcc_status rpc_server_renew_tls(rpc_server *server, const rpc_tls *tls, fcc_error *error) FCC_MUST_CHECK;
/*
 * Where to count handshakes of clients that failed, in all servers of this process; each kind of failure is logged as a
 * warning with its code, once in ten seconds. NULL: nowhere. `into` is kept.
 */
void rpc_count_failed_handshakes(_Atomic uint64_t *into);
fcc_status rpc_server_start(rpc_server *server) FCC_MUST_CHECK;
/* Take no new calls; calls that run go on. `done` runs when the last has ended (at once when there is none). */
void rpc_server_drain(rpc_server *server, rpc_task done, void *ctx);
/* Cancel what runs, and free. Polls the loop until the server is down. Takes NULL. */
void rpc_server_free(rpc_server *server);

/* ---- client ---- */

typedef struct rpc_channel rpc_channel;

/* No connection is made before the first call. */
fcc_status rpc_channel_new(rpc_loop *loop, const char *address, const rpc_tls *tls, rpc_channel **out,
                           fcc_error *error) FCC_MUST_CHECK;
fcc_status rpc_channel_new_with(rpc_loop *loop, const char *address, const rpc_tls *tls, const rpc_keepalive *keepalive,
                                rpc_channel **out, fcc_error *error) FCC_MUST_CHECK;
/* Whether a server has sent this process away for pinging too often, since this was last asked: a call's status seldom tells. */
bool rpc_pinged_too_often(void);
/* Open calls stay valid. Takes NULL. */
void rpc_channel_free(rpc_channel *channel);
/* Start a call. timeout_ms < 0: none. wait_for_ready: keep trying to connect until the deadline. `path` is static. */
fcc_status rpc_open(rpc_channel *channel, const char *path, int64_t timeout_ms, bool wait_for_ready,
                    const rpc_events *events, void *ctx, rpc_call **out) FCC_MUST_CHECK;

/*
 * One message there, one back, polling the loop meanwhile: for command-line programs. `reply` and the texts of `status`
 * are malloc'ed, NULL-safe to free with rpc_reply_clear. FCC_OK when an answer of any gRPC status came.
 */
typedef struct rpc_reply {
    rpc_code code;
    fcc_bytes message; /* of the status */
    fcc_bytes details;
    fcc_bytes body; /* the reply, when code is RPC_OK */
} rpc_reply;

fcc_status rpc_unary(rpc_channel *channel, const char *path, fcc_bytes request, int64_t timeout_ms,
                     rpc_reply *out) FCC_MUST_CHECK;
void rpc_reply_clear(rpc_reply *reply);

#endif
