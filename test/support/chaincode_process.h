/*
 * chaincode_process.h: a chaincode process and peers that talk to it over gRPC, for tests from the outside. The process
 * is the test's own program again: its main returns chaincode_process_main's status where that is not negative.
 */
#ifndef TEST_SUPPORT_CHAINCODE_PROCESS_H
#define TEST_SUPPORT_CHAINCODE_PROCESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcc/chaincode.h>

#include "base/arena.h"
#include "protos/unpack.h"
#include "rpc/rpc.h"

#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include "test/support/port.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name
#define NONE fcc_bytes_of(NULL, 0)

enum { PATIENCE_MS = 60000 };

struct process {
    pid_t pid;
    char address[32];
    rpc_loop *loop;
    rpc_channel *channel;
};

/* One stream. Messages are kept until the next one is waited for. */
struct stream {
    struct process *process;
    rpc_call *call;
    fcc__arena *arena; /* holds `last` */
    Protos__ChaincodeMessage *last;
    size_t count;
    bool closed;
    rpc_code code;
};

static const char process_role[] = "FCC_TEST_IS_CHAINCODE";

static inline int chaincode_process_main(int argc, char **argv, const fcc_chaincode *chaincode)
{
    return getenv(process_role) ? fcc_main(argc, argv, chaincode) : -1;
}

/* `tls` is the peer's; the process finds its own by the environment. NULL: plaintext. */
static inline void process_start_with(struct process *p, const rpc_tls *tls)
{
    snprintf(p->address, sizeof(p->address), "127.0.0.1:%d", test_port());
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nothing behind */
        setenv(process_role, "1", 1);
        setenv("CHAINCODE_SERVER_ADDRESS", p->address, 1);
        setenv("CHAINCODE_ID", "cc:01", 1);
        if (freopen("/dev/null", "w", stderr))
            execl("/proc/self/exe", "cc", (char *)NULL);
        _exit(9);
    }
    assert_int_equal(rpc_loop_new(&p->loop, NULL), FCC_OK);
    assert_int_equal(rpc_channel_new(p->loop, p->address, tls, &p->channel, NULL), FCC_OK);
}

static inline void process_start(struct process *p)
{
    process_start_with(p, NULL);
}

/* SIGTERM, and then it must end with status 0. */
static inline void process_end(struct process *p)
{
    pid_t ended = 0;
    int status;

    assert_int_equal(kill(p->pid, SIGTERM), 0);
    for (int i = 0; i < PATIENCE_MS / 10 && ended == 0; i++) {
        rpc_loop_poll(p->loop, 10); /* the connection ends when both sides say so */
        ended = waitpid(p->pid, &status, WNOHANG);
    }
    assert_int_equal(ended, p->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    rpc_channel_free(p->channel);
    rpc_loop_free(p->loop);
}

/* ---- what it uses ---- */

/* A line of /proc/PID/status in KiB: "VmHWM", "RssAnon". */
static inline long process_kib(const struct process *p, const char *name)
{
    char path[64], line[256];
    long kib = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
    f = fopen(path, "r");
    assert_non_null(f);
    while (kib < 0 && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            kib = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(f);
    assert_true(kib >= 0);
    return kib;
}

/* VmHWM counts from here. */
static inline void process_forget_peak(const struct process *p)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)p->pid);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("5", f);
    fclose(f);
}

static inline size_t process_fds(const struct process *p)
{
    char path[64];
    size_t n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)p->pid);
    dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

/* ---- streams ---- */

static inline void stream_on_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    struct stream *s = ctx;

    fcc__arena_reset(s->arena);
    assert_int_equal(FCC__UNPACK(protos__chaincode_message, wire, s->arena, &s->last), FCC_OK);
    s->count++;
    rpc_loop_stop(s->process->loop); /* no need to poll on */
}

static inline void stream_on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct stream *s = ctx;

    s->call = NULL;
    s->closed = true;
    s->code = status->code;
    rpc_loop_stop(s->process->loop);
}

static inline void stream_give_up(void *ctx)
{
    *(bool *)ctx = true;
}

/* Until `count` messages have come in all, or the stream is closed. */
static inline void stream_wait(struct stream *s, size_t count)
{
    rpc_loop *loop = s->process->loop;
    bool late = false;
    rpc_timer *timer = rpc_timer_start(loop, PATIENCE_MS, stream_give_up, &late);

    while (s->count < count && !s->closed && !late)
        rpc_loop_poll(loop, 100);
    if (late)
        fail_msg("waited too long for message %zu", count);
    rpc_timer_cancel(timer);
}

static inline void stream_wait_closed(struct stream *s)
{
    stream_wait(s, SIZE_MAX);
    assert_true(s->closed);
}

static inline Protos__ChaincodeMessage *stream_next(struct stream *s, Protos__ChaincodeMessage__Type type)
{
    stream_wait(s, s->count + 1);
    assert_false(s->closed);
    assert_int_equal(s->last->type, type);
    return s->last;
}

static inline void stream_send(struct stream *s, fcc_bytes wire)
{
    assert_int_equal(rpc_send(s->call, wire), FCC_OK);
}

static inline void stream_say(struct stream *s, Protos__ChaincodeMessage__Type type, const char *tx_id,
                              fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    uint8_t *memory;
    size_t len;

    m.type = type;
    m.txid = fcc__pb(fcc_str(tx_id));
    m.channel_id = fcc__pb(*tx_id ? FCC_LIT("ch") : NONE);
    m.payload = fcc__pb(payload);
    len = protobuf_c_message_get_packed_size(&m.base);
    memory = malloc(len + 1);
    assert_non_null(memory);
    protobuf_c_message_pack(&m.base, memory);
    assert_int_equal(rpc_send_own(s->call, memory, fcc_bytes_of(memory, len)), FCC_OK);
}

static inline void stream_call(struct stream *s, const char *tx_id, const char *function, fcc_bytes arg)
{
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData args[2] = { fcc__pb(fcc_str(function)), fcc__pb(arg) };
    uint8_t *memory;
    size_t len;

    input.args = args;
    input.n_args = 2;
    len = protobuf_c_message_get_packed_size(&input.base);
    memory = malloc(len);
    assert_non_null(memory);
    protobuf_c_message_pack(&input.base, memory);
    stream_say(s, TYPE(TRANSACTION), tx_id, fcc_bytes_of(memory, len));
    free(memory);
}

/* COMPLETED with status 200; its payload is valid until the next message. */
static inline fcc_bytes stream_completed(struct stream *s)
{
    Protos__ChaincodeMessage *m = stream_next(s, TYPE(COMPLETED));
    Protos__Response *r;

    assert_int_equal(FCC__UNPACK_BORROWED(protos__response, fcc__of_pb(m->payload), s->arena, &r), FCC_OK);
    assert_int_equal(r->status, 200);
    return fcc__of_pb(r->payload);
}

/* Opens a stream up to the state ready. */
static inline void stream_open(struct stream *s, struct process *p)
{
    static const rpc_events events = { .on_message = stream_on_message, .on_closed = stream_on_closed };

    memset(s, 0, sizeof(*s));
    s->process = p;
    s->arena = fcc__arena_new(SIZE_MAX);
    assert_int_equal(rpc_open(p->channel, "/protos.Chaincode/Connect", -1, true, &events, s, &s->call), FCC_OK);
    stream_next(s, TYPE(REGISTER));
    stream_say(s, TYPE(REGISTERED), "", NONE);
    stream_say(s, TYPE(READY), "", NONE);
}

/* The peer goes away, unless it is gone. */
static inline void stream_leave(struct stream *s)
{
    if (s->call)
        rpc_cancel(s->call);
    stream_wait_closed(s);
    fcc__arena_free(s->arena);
}

#endif
