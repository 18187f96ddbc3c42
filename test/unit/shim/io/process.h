/*
 * process.h: a whole chaincode process, and the peer that talks to it over gRPC. The process is the test's own program
 * again, told so by a variable. Static functions, because each test is one program.
 */
#ifndef TEST_UNIT_SHIM_IO_PROCESS_H
#define TEST_UNIT_SHIM_IO_PROCESS_H

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

#include "test/support/certs.h"
#include "test/support/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name

enum { PATIENCE_MS = 60000 };

/* ---- the chaincode ---- */

static inline fcc_status echo(fcc_stub *stub, fcc_args args)
{
    return fcc_reply(stub, args.v[0]);
}

/* Calls that ended because their stream did. */
static size_t lost_calls;

static inline fcc_status get(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    lost_calls += st == FCC_ERR_IO;
    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

static inline fcc_status lost(fcc_stub *stub, fcc_args args)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%zu", lost_calls);

    return fcc_reply(stub, fcc_bytes_of(text, (size_t)n));
}

static const fcc_function functions[] = { { "echo", echo, 1 }, { "get", get, 1 }, { "lost", lost, 1 } };
static const fcc_chaincode chaincode = { functions, 3, NULL, NULL, NULL };

static const char chaincode_role[] = "FCC_TEST_IS_CHAINCODE";

/* What it says goes to `log`. */
static inline pid_t start_logging_process(const char *arg, const char *log)
{
    pid_t pid;

    if (strcmp(log, "/dev/null") != 0)
        assert_int_equal(truncate(log, 0), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nothing behind */
        setenv(chaincode_role, "1", 1);
        if (freopen(log, "a", stderr))
            execl("/proc/self/exe", "cc", arg, (char *)NULL);
        _exit(9);
    }
    return pid;
}

static inline pid_t start_process(const char *arg)
{
    return start_logging_process(arg, "/dev/null");
}

static inline int wait_for(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the peer ---- */

struct peer {
    rpc_loop *loop;
    fcc__arena *arena;
    rpc_call *call;
    Protos__ChaincodeMessage *got[16];
    bool stays; /* the peer does not end the stream when the process has */
    size_t count;
    bool closed;
    rpc_code code;
    char message[256];
};

static inline void on_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    struct peer *p = ctx;

    assert_true(p->count < 16);
    assert_int_equal(FCC__UNPACK(protos__chaincode_message, wire, p->arena, &p->got[p->count]), FCC_OK);
    p->count++;
}

static inline void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct peer *p = ctx;

    p->closed = true;
    p->code = status->code;
    snprintf(p->message, sizeof(p->message), FCC_FMT, FCC_ARG(status->message));
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

static inline void give_up(void *ctx)
{
    *(bool *)ctx = true;
}

/* Until `count` messages have come, or the call is closed. */
static inline void wait_for_messages(struct peer *p, size_t count)
{
    bool late = false;
    rpc_timer *timer = rpc_timer_start(p->loop, PATIENCE_MS, give_up, &late);

    while (p->count < count && !p->closed && !late)
        rpc_loop_poll(p->loop, 100);
    assert_false(late);
    rpc_timer_cancel(timer);
}

static inline void say(struct peer *p, Protos__ChaincodeMessage__Type type, const char *tx_id, fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;

    m.type = type;
    m.txid = fcc__pb(fcc_str(tx_id));
    m.payload = fcc__pb(payload);
    assert_int_equal(fcc__pack(&m, p->arena, &wire), FCC_OK);
    assert_int_equal(rpc_send(p->call, wire), FCC_OK);
}

static inline void call_function(struct peer *p, const char *tx_id, const char *function, const char *arg)
{
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData args[2] = { fcc__pb(fcc_str(function)), fcc__pb(fcc_str(arg)) };
    fcc_bytes payload;

    input.args = args;
    input.n_args = 2;
    assert_int_equal(fcc__pack(&input, p->arena, &payload), FCC_OK);
    say(p, TYPE(TRANSACTION), tx_id, payload);
}

static inline void expect_payload(struct peer *p, size_t index, const char *expected)
{
    Protos__Response *r;

    assert_true(index < p->count);
    assert_int_equal(p->got[index]->type, TYPE(COMPLETED));
    assert_int_equal(FCC__UNPACK(protos__response, fcc__of_pb(p->got[index]->payload), p->arena, &r), FCC_OK);
    assert_int_equal(r->status, 200);
    assert_true(fcc_bytes_equal(fcc__of_pb(r->payload), fcc_str(expected)));
}

static inline void connect_peer(struct peer *p, rpc_loop *loop, rpc_channel *channel)
{
    memset(p, 0, sizeof(*p));
    p->loop = loop;
    p->arena = fcc__arena_new(1 << 24);
    assert_int_equal(rpc_open(channel, "/protos.Chaincode/Connect", PATIENCE_MS, true, &events, p, &p->call), FCC_OK);
}

static inline void make_ready(struct peer *p)
{
    wait_for_messages(p, 1);
    assert_false(p->closed);
    assert_int_equal(p->got[0]->type, TYPE(REGISTER));
    say(p, TYPE(REGISTERED), "", fcc_bytes_of(NULL, 0));
    say(p, TYPE(READY), "", fcc_bytes_of(NULL, 0));
}

/* ---- one process and a loop to reach it ---- */

struct fixture {
    pid_t pid;
    char address[32];
    rpc_loop *loop;
    rpc_channel *channel;
};

static inline void start(struct fixture *f, const rpc_tls *tls)
{
    snprintf(f->address, sizeof(f->address), "127.0.0.1:%d", test_port());
    setenv("CHAINCODE_SERVER_ADDRESS", f->address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    f->pid = start_process(NULL);
    assert_int_equal(rpc_loop_new(&f->loop, NULL), FCC_OK);
    assert_int_equal(rpc_channel_new(f->loop, f->address, tls, &f->channel, NULL), FCC_OK);
}

static inline void finish(struct fixture *f)
{
    rpc_channel_free(f->channel);
    rpc_loop_free(f->loop);
}

static inline void write_pem(char *path, size_t size, const char *what, fcc_bytes pem)
{
    FILE *f;

    snprintf(path, size, "/tmp/fcc-process-%s-XXXXXX", what);
    close(mkstemp(path));
    f = fopen(path, "w");
    assert_int_equal(fwrite(pem.data, 1, pem.len, f), pem.len);
    fclose(f);
}

/* ---- the peer that a process in client mode dials ---- */

/* The process leaves: so does the peer. */
static inline void on_half_close(rpc_call *call, void *ctx)
{
    if (((struct peer *)ctx)->stays)
        return;
    rpc_finish(call, RPC_OK, fcc_bytes_of(NULL, 0), fcc_bytes_of(NULL, 0));
}

static const rpc_events peer_events = { .on_message = on_message,
                                        .on_half_close = on_half_close,
                                        .on_closed = on_closed };

static inline const rpc_events *accept_register(rpc_call *call, void *ctx, void **call_ctx)
{
    struct peer *p = ctx;

    p->call = call;
    *call_ctx = p;
    return &peer_events;
}

/* Its loop, and a server that takes the registration of one process. port 0: any. */
static inline rpc_server *start_peer(struct peer *p, int *port, const rpc_tls *tls)
{
    rpc_server *server;
    char address[32];
    fcc_error error;

    if (!p->loop)
        assert_int_equal(rpc_loop_new(&p->loop, NULL), FCC_OK);
    if (!p->arena)
        p->arena = fcc__arena_new(1 << 24);
    p->count = 0;
    p->closed = false;
    p->call = NULL;
    snprintf(address, sizeof(address), "127.0.0.1:%d", *port);
    assert_int_equal(rpc_server_new(p->loop, &server, NULL), FCC_OK);
    assert_int_equal(rpc_server_method(server, "/protos.ChaincodeSupport/Register", accept_register, p), FCC_OK);
    if (rpc_server_listen(server, address, tls, port, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(rpc_server_start(server), FCC_OK);
    return server;
}

static inline void end_peer(struct peer *p, rpc_server *server)
{
    rpc_server_free(server);
    rpc_loop_free(p->loop);
    fcc__arena_free(p->arena);
}

/* A process that dials 127.0.0.1:port. */
static inline pid_t start_client(int port, const char *log)
{
    char arg[64];

    setenv("CORE_CHAINCODE_ID_NAME", "cc:01", 1);
    snprintf(arg, sizeof(arg), "-peer.address=127.0.0.1:%d", port);
    return start_logging_process(arg, log);
}

/* A transaction that the process answers from itself. */
static inline void expect_echo(struct peer *p, const char *tx_id)
{
    size_t before = p->count;

    call_function(p, tx_id, "echo", tx_id);
    wait_for_messages(p, before + 1);
    expect_payload(p, before, tx_id);
}

#endif
