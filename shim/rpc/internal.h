/*
 * internal.h: what the files of this folder share. Nobody else includes it.
 *
 * Everything that is handed to gRPC as a tag is an rpc__tag inside one of these structs; the magic number is checked
 * when it comes back. An rpc_ call never runs a callback: it starts an operation, or puts the call on one of the
 * loop's two lists (`dirty`: has something to write, `ready`: has something to deliver).
 */
#ifndef FCC_RPC_INTERNAL_H
#define FCC_RPC_INTERNAL_H

#include "rpc/rpc.h"
#include "base/require.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <pthread.h>

#define RPC__TAG_MAGIC 0x7a670001u
#define RPC__LOOP_MAGIC 0x7a670002u
#define RPC__CALL_MAGIC 0x7a670003u
#define RPC__SERVER_MAGIC 0x7a670004u
#define RPC__CHANNEL_MAGIC 0x7a670005u

enum { RPC__MAX_METADATA = 1024 * 1024 }; /* a failed endorsement lists every peer's reason in its trailer */

/* Most that is read at once. A connection keeps so much. */
enum { RPC__READ_PIECE = 256 * 1024 };

/*
 * Least that there is room for when gRPC begins a piece of memory for what it reads, several reads one behind the other. Of
 * its own 256 bytes every second or third small message came in two: two reads, and before the answer a message of its own
 * that tells of room, for which the other side wakes up.
 */
enum { RPC__READ_ROOM = 8 * 1024 };

/*
 * A queue that never runs empty must not keep what is queued from being written, and the other side from its work: with 256,
 * answers to 128 requests were written at once, by which time nobody had anything to do, and a quarter to a third of the
 * throughput was lost.
 */
enum { RPC__FLUSH_EVERY = 64 };

/* One outstanding operation. `done` runs when the queue gives it back; ok is false when the operation failed. */
typedef struct rpc__tag {
    uint32_t magic;
    void (*done)(void *owner, bool ok);
    void *owner;
    struct rpc__tag *next; /* of those that have ended at once */
    bool ok;
} rpc__tag;

static inline rpc__tag rpc__tag_of(void (*done)(void *owner, bool ok), void *owner)
{
    return (rpc__tag){ .magic = RPC__TAG_MAGIC, .done = done, .owner = owner };
}

struct rpc__post;
struct rpc__signals;
struct rpc__out;

struct rpc_loop {
    uint32_t magic;
    grpc_completion_queue *cq;
    bool stop;
    bool in_callback;
    bool busy;          /* something was delivered since the idle task last ran */
    unsigned unflushed; /* events delivered since the last flush */
    uint64_t waits;     /* see rpc_loop_waits */
    int64_t watch_ns;   /* see rpc_watch */
    long processors;
    rpc_task idle_task;
    void *idle_ctx;

    rpc__tag *ended; /* operations that ended when they were started, and are not delivered yet */
    rpc__tag **ended_end;

    rpc_call *calls; /* all of them */
    rpc_call *dirty;
    rpc_call **dirty_end;
    rpc_call *ready;
    rpc_call **ready_end;
    rpc_server *servers;
    rpc_channel *channels;

    rpc_timer *trim; /* runs some time after a large message, which leaves holes in the heap */

    rpc_timer **timers; /* a binary heap by `due` */
    size_t timer_count;
    size_t timer_cap;
    uint64_t timer_serial;

    pthread_mutex_t lock; /* of what follows */
    struct rpc__post *posts;
    struct rpc__post **posts_end;
    bool posted; /* post_tag is on its way */
    /*
     * C-core has no call to wake a queue, but a batch without operations completes at once: so an idle call on a
     * channel that leads nowhere.
     */
    grpc_channel *wake_channel;
    grpc_call *wake_call;
    rpc__tag post_tag;

    struct rpc__signals *signals;
};

struct rpc_call {
    uint32_t magic;
    rpc_loop *loop;
    rpc_server *server;   /* of a call that came in */
    rpc_channel *channel; /* of a call that goes out */
    grpc_call *call;
    const rpc_events *events;
    void *ctx;
    rpc_call *prev, *next;
    rpc_call *next_dirty, *next_ready;
    unsigned pending; /* operations that the queue has not given back */
    bool is_dirty, is_ready;

    /* writing */
    struct rpc__out *out; /* what is queued: a ring of `out_cap`, a power of two */
    size_t out_at, out_count, out_cap;
    size_t backlog; /* bytes */
    grpc_byte_buffer
        *sending_from;  /* lent to gRPC message by message, which takes the slices out; NULL before the first */
    bool started;       /* initial metadata handed to gRPC */
    bool sending;       /* one batch at a time */
    size_t sending_len; /* of the message in it */
    bool hinted;        /* ... which told gRPC that more follows at once */
    bool closing;       /* rpc_half_close or rpc_finish was called */
    bool closing_sent;  /* ... and its operation started */
    rpc_code finish_code;
    grpc_slice finish_message;
    grpc_slice finish_details;
    rpc__tag send_tag;

    /* reading */
    grpc_byte_buffer *in;
    bool reading, paused, held, eof;
    bool read_next;     /* the next read waits for what is being sent */
    uint64_t read_at;   /* loop->waits when the read began */
    size_t owed, asked; /* rpc_expect; asked: of what is queued */
    unsigned crowded;   /* messages came without a pause: so many more that come alone, and it is forgotten */
    void *joined;       /* the message that is being delivered, when it came in several slices */
    grpc_metadata_array initial;
    rpc__tag recv_tag;

    /* the end */
    bool over;      /* its final status is known */
    bool cancelled; /* by rpc_cancel, or seen on a server */
    int cancelled_flag;
    grpc_status_code status;
    grpc_slice status_message;
    grpc_metadata_array trailing;
    rpc__tag over_tag;

    /* clients that wait for a server that is still starting */
    rpc_timer *retry;
    int64_t retry_ms;
    bool wait_for_ready;

    char *peer;
};

struct rpc_channel {
    uint32_t magic;
    unsigned refs; /* the owner's and one a call */
    rpc_loop *loop;
    grpc_channel *channel;
    rpc_channel *prev, *next;
};

/* loop.c */
/*
 * Deliver one event, or do what is to be done when there is none, or wait until `until_ms` (of rpc__now_ms).
 * Whether there was an event.
 */
bool rpc__turn(rpc_loop *loop, int64_t until_ms);
/* Start operations of a call; `tag` comes back when they have ended. On the loop's thread. */
void rpc__start(rpc_loop *loop, grpc_call *call, const grpc_op *ops, size_t count, rpc__tag *tag);
int64_t rpc__now_ms(void);
gpr_timespec rpc__deadline(int64_t at_ms);
#define RPC__FOREVER INT64_MAX

/* call.c */
rpc_call *rpc__call_new(rpc_loop *loop);
/* Start reading a call that came in. */
void rpc__call_serve(rpc_call *call, const rpc_events *events, void *ctx);
void rpc__call_mark_dirty(rpc_call *call);
/* Write what is queued; called by the loop when the queue ran empty. */
void rpc__call_flush(rpc_call *call);
/* Begin the read that waits for what is being sent, if there is one. */
void rpc__call_read(rpc_call *call);
/* Deliver what was held back while paused, and the end. */
void rpc__call_ready(rpc_call *call);

/* server.c */
void rpc__server_call_gone(rpc_server *server);

/* channel.c */
extern const rpc_keepalive rpc__keepalive_of_peers;
void rpc__channel_unref(rpc_channel *channel);
/* A line of gRPC's own log, at level error. */
void rpc__heard_of_goaway(const char *message);
/* "127.0.0.1:7051" as gRPC wants it spelled: malloc'ed, NULL when out of memory. */
char *rpc__target(const char *address);

/* An option of a server or a channel; `key` is gRPC's own static string. */
static inline grpc_arg rpc__int_arg(const char *key, int value)
{
    grpc_arg arg = { .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key };

    arg.value.integer = value;
    return arg;
}

/*
 * As Go's, which knows no algorithm unless one is built in: what comes compressed is refused with UNIMPLEMENTED. Without
 * the two filters that gRPC otherwise asks at each operation, and without messages that grow when they are unpacked.
 */
#define RPC__NO_COMPRESSION                                         \
    rpc__int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),       \
        rpc__int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0), \
        rpc__int_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE)

/* ---- handshake.c ---- */

/* A server listens there, with TLS or without, and no more. */
void rpc__listens(int port, bool tls);
void rpc__listens_no_more(int port);
/* A line of gRPC's own log, at level info, about a connection. */
void rpc__heard_of_connection(const char *message);
/* The same. */
void rpc__heard_of_handshake(const char *message);

#endif
