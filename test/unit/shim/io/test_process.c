/*
 * A whole chaincode process, talked to over gRPC as a peer does: plaintext, TLS, mutual TLS, several peers, signals,
 * and as a client of a peer. The process is this program again, told so by a variable.
 */
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

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name

enum { PATIENCE_MS = 20000 };

/* ---- the chaincode ---- */

static fcc_status echo(fcc_stub *stub, fcc_args args)
{
    return fcc_reply(stub, args.v[0]);
}

static fcc_status get(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

static const fcc_function functions[] = { { "echo", echo, 1 }, { "get", get, 1 } };
static const fcc_chaincode chaincode = { functions, 2, NULL, NULL, NULL };

static const char chaincode_role[] = "FCC_TEST_IS_CHAINCODE";

/* Nobody listens there a moment later either: good enough for a test on this machine. */
static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static pid_t start_process(const char *arg)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nothing behind */
        setenv(chaincode_role, "1", 1);
        if (freopen("/dev/null", "w", stderr))
            execl("/proc/self/exe", "cc", arg, (char *)NULL);
        _exit(9);
    }
    return pid;
}

static int wait_for(pid_t pid)
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
    size_t count;
    bool closed;
    rpc_code code;
    char message[256];
};

static void on_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    struct peer *p = ctx;

    assert_true(p->count < 16);
    assert_int_equal(FCC__UNPACK(protos__chaincode_message, wire, p->arena, &p->got[p->count]), FCC_OK);
    p->count++;
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct peer *p = ctx;

    p->closed = true;
    p->code = status->code;
    snprintf(p->message, sizeof(p->message), FCC_FMT, FCC_ARG(status->message));
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

static void give_up(void *ctx)
{
    *(bool *)ctx = true;
}

/* Until `count` messages have come, or the call is closed. */
static void wait_for_messages(struct peer *p, size_t count)
{
    bool late = false;
    rpc_timer *timer = rpc_timer_start(p->loop, PATIENCE_MS, give_up, &late);

    while (p->count < count && !p->closed && !late)
        rpc_loop_poll(p->loop, 100);
    assert_false(late);
    rpc_timer_cancel(timer);
}

static void say(struct peer *p, Protos__ChaincodeMessage__Type type, const char *tx_id, fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;

    m.type = type;
    m.txid = fcc__pb(fcc_str(tx_id));
    m.payload = fcc__pb(payload);
    assert_int_equal(fcc__pack(&m, p->arena, &wire), FCC_OK);
    assert_int_equal(rpc_send(p->call, wire), FCC_OK);
}

static void call_function(struct peer *p, const char *tx_id, const char *function, const char *arg)
{
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData args[2] = { fcc__pb(fcc_str(function)), fcc__pb(fcc_str(arg)) };
    fcc_bytes payload;

    input.args = args;
    input.n_args = 2;
    assert_int_equal(fcc__pack(&input, p->arena, &payload), FCC_OK);
    say(p, TYPE(TRANSACTION), tx_id, payload);
}

static void expect_payload(struct peer *p, size_t index, const char *expected)
{
    Protos__Response *r;

    assert_true(index < p->count);
    assert_int_equal(p->got[index]->type, TYPE(COMPLETED));
    assert_int_equal(FCC__UNPACK(protos__response, fcc__of_pb(p->got[index]->payload), p->arena, &r), FCC_OK);
    assert_int_equal(r->status, 200);
    assert_true(fcc_bytes_equal(fcc__of_pb(r->payload), fcc_str(expected)));
}

static void connect_peer(struct peer *p, rpc_loop *loop, rpc_channel *channel)
{
    memset(p, 0, sizeof(*p));
    p->loop = loop;
    p->arena = fcc__arena_new(1 << 24);
    assert_int_equal(rpc_open(channel, "/protos.Chaincode/Connect", PATIENCE_MS, true, &events, p, &p->call), FCC_OK);
}

static void make_ready(struct peer *p)
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

static void start(struct fixture *f, const rpc_tls *tls)
{
    snprintf(f->address, sizeof(f->address), "127.0.0.1:%d", free_port());
    setenv("CHAINCODE_SERVER_ADDRESS", f->address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    f->pid = start_process(NULL);
    assert_int_equal(rpc_loop_new(&f->loop, NULL), FCC_OK);
    assert_int_equal(rpc_channel_new(f->loop, f->address, tls, &f->channel, NULL), FCC_OK);
}

static void finish(struct fixture *f)
{
    rpc_channel_free(f->channel);
    rpc_loop_free(f->loop);
}

static void two_peers_are_served_and_a_signal_ends_the_process_when_its_transactions_have(void **state)
{
    struct fixture f;
    struct peer a, b;

    start(&f, NULL);
    connect_peer(&a, f.loop, f.channel);
    connect_peer(&b, f.loop, f.channel);
    make_ready(&a);
    make_ready(&b);
    call_function(&a, "tx1", "echo", "to a");
    call_function(&b, "tx1", "echo", "to b");
    wait_for_messages(&a, 2);
    wait_for_messages(&b, 2);
    expect_payload(&a, 1, "to a");
    expect_payload(&b, 1, "to b");

    call_function(&a, "tx2", "get", "k");
    wait_for_messages(&a, 3);
    assert_int_equal(a.got[2]->type, TYPE(GET_STATE));
    kill(f.pid, SIGTERM);
    wait_for_messages(&b, 3); /* has nothing to wait for */
    assert_true(b.closed);
    assert_int_equal(b.code, RPC_UNAVAILABLE);
    assert_false(a.closed);
    say(&a, TYPE(RESPONSE), "tx2", FCC_LIT("value"));
    wait_for_messages(&a, 4);
    expect_payload(&a, 3, "value");
    wait_for_messages(&a, 5);
    assert_true(a.closed);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(a.arena);
    fcc__arena_free(b.arena);
    finish(&f);
}

static void a_broken_conversation_ends_its_stream_and_no_other(void **state)
{
    struct fixture f;
    struct peer bad, good;

    start(&f, NULL);
    connect_peer(&bad, f.loop, f.channel);
    connect_peer(&good, f.loop, f.channel);
    make_ready(&bad);
    make_ready(&good);
    say(&bad, TYPE(READY), "", fcc_bytes_of(NULL, 0));
    wait_for_messages(&bad, 3);
    assert_true(bad.closed);
    assert_int_equal(bad.code, RPC_UNKNOWN);
    assert_string_equal(bad.message,
                        "error handling message: [] Chaincode h cannot handle message (READY) while in state: ready");
    assert_int_equal(bad.got[1]->type, TYPE(ERROR));
    call_function(&good, "tx1", "echo", "still here");
    wait_for_messages(&good, 2);
    expect_payload(&good, 1, "still here");
    kill(f.pid, SIGINT);
    wait_for_messages(&good, 3);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(bad.arena);
    fcc__arena_free(good.arena);
    finish(&f);
}

static void write_pem(char *path, size_t size, const char *what, fcc_bytes pem)
{
    FILE *f;

    snprintf(path, size, "/tmp/fcc-process-%s-XXXXXX", what);
    close(mkstemp(path));
    f = fopen(path, "w");
    assert_int_equal(fwrite(pem.data, 1, pem.len, f), pem.len);
    fclose(f);
}

static void with_a_client_ca_only_its_clients_are_served(void **state)
{
    test_cert ca = test_cert_make("ca", NULL), server = test_cert_make("cc", &ca), client = test_cert_make("peer", &ca);
    test_cert other_ca = test_cert_make("other", NULL), stranger = test_cert_make("peer", &other_ca);
    rpc_tls tls = { .cert = client.cert_pem, .key = client.key_pem, .ca = ca.cert_pem, .server_name = "cc" };
    rpc_tls without = { .ca = ca.cert_pem, .server_name = "cc" };
    rpc_tls strange = { .cert = stranger.cert_pem, .key = stranger.key_pem, .ca = ca.cert_pem, .server_name = "cc" };
    const rpc_tls *const refused[] = { &without, &strange, NULL };
    char key[64], cert[64], client_ca[64];
    struct fixture f;
    struct peer p;

    write_pem(key, sizeof(key), "key", server.key_pem);
    write_pem(cert, sizeof(cert), "cert", server.cert_pem);
    write_pem(client_ca, sizeof(client_ca), "ca", ca.cert_pem);
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    setenv("CHAINCODE_TLS_KEY", key, 1);
    setenv("CHAINCODE_TLS_CERT", cert, 1);
    setenv("CHAINCODE_CLIENT_CA_CERT", client_ca, 1);
    start(&f, &tls);
    connect_peer(&p, f.loop, f.channel);
    make_ready(&p);
    call_function(&p, "tx1", "echo", "over TLS");
    wait_for_messages(&p, 2);
    expect_payload(&p, 1, "over TLS");
    for (size_t i = 0; i < 3; i++) { /* without a certificate, with a stranger's, without TLS */
        rpc_channel *channel;
        struct peer q = { .loop = f.loop, .arena = p.arena };

        assert_int_equal(rpc_channel_new(f.loop, f.address, refused[i], &channel, NULL), FCC_OK);
        assert_int_equal(rpc_open(channel, "/protos.Chaincode/Connect", PATIENCE_MS, false, &events, &q, &q.call),
                         FCC_OK);
        wait_for_messages(&q, 1);
        assert_true(q.closed);
        assert_int_equal(q.code, RPC_UNAVAILABLE);
        rpc_channel_free(channel);
    }
    kill(f.pid, SIGTERM);
    wait_for_messages(&p, 3);
    assert_int_equal(wait_for(f.pid), 0);
    fcc__arena_free(p.arena);
    finish(&f);
    unsetenv("CHAINCODE_TLS_DISABLED");
    unlink(key);
    unlink(cert);
    unlink(client_ca);
    test_cert_clear(&ca);
    test_cert_clear(&server);
    test_cert_clear(&client);
    test_cert_clear(&other_ca);
    test_cert_clear(&stranger);
}

static void an_address_in_use_ends_the_process_with_status_1(void **state)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char address[32];

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(a.sin_port));
    setenv("CHAINCODE_SERVER_ADDRESS", address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    assert_int_equal(wait_for(start_process(NULL)), 1);
    close(fd);
}

/* ---- client mode: the process dials a peer, which is this test ---- */

static const rpc_events *accept_register(rpc_call *call, void *ctx, void **call_ctx)
{
    struct peer *p = ctx;

    p->call = call;
    *call_ctx = p;
    return &events;
}

static void as_a_client_it_registers_with_the_peer_and_ends_with_the_stream(void **state)
{
    struct peer p = { 0 };
    rpc_server *server;
    char arg[64];
    int port;
    pid_t pid;

    p.arena = fcc__arena_new(1 << 24);
    assert_int_equal(rpc_loop_new(&p.loop, NULL), FCC_OK);
    assert_int_equal(rpc_server_new(p.loop, &server, NULL), FCC_OK);
    assert_int_equal(rpc_server_method(server, "/protos.ChaincodeSupport/Register", accept_register, &p), FCC_OK);
    assert_int_equal(rpc_server_listen(server, "127.0.0.1:0", NULL, &port, NULL), FCC_OK);
    assert_int_equal(rpc_server_start(server), FCC_OK);
    setenv("CORE_CHAINCODE_ID_NAME", "cc:01", 1);
    setenv("CORE_PEER_TLS_ENABLED", "false", 1);
    snprintf(arg, sizeof(arg), "-peer.address=127.0.0.1:%d", port);
    pid = start_process(arg);
    make_ready(&p);
    call_function(&p, "tx1", "echo", "hello");
    wait_for_messages(&p, 2);
    expect_payload(&p, 1, "hello");
    rpc_finish(p.call, RPC_OK, fcc_bytes_of(NULL, 0), fcc_bytes_of(NULL, 0));
    wait_for_messages(&p, 3);
    assert_true(p.closed);
    assert_int_equal(wait_for(pid), 1);
    rpc_server_free(server);
    rpc_loop_free(p.loop);
    fcc__arena_free(p.arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_are_served_and_a_signal_ends_the_process_when_its_transactions_have),
        cmocka_unit_test(a_broken_conversation_ends_its_stream_and_no_other),
        cmocka_unit_test(with_a_client_ca_only_its_clients_are_served),
        cmocka_unit_test(an_address_in_use_ends_the_process_with_status_1),
        cmocka_unit_test(as_a_client_it_registers_with_the_peer_and_ends_with_the_stream),
    };

    if (getenv(chaincode_role))
        return fcc_main(argc, argv, &chaincode);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
