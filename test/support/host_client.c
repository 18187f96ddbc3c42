/*
 * host_client.c: what the test of fcc-host needs and a shell hasn't got.
 *
 *   host_client ports N                     N free ports of 127.0.0.1, kept for the script (port.h) until it ends
 *   host_client get PORT PATH               HTTP: the status on the first line, then the body; "refused" when nobody listens
 *   host_client crowd PORT N                N connections at once that say nothing, and soon go away
 *   host_client drip PORT                   HTTP: a request that never ends, a byte now and then, until it is sent away
 *   host_client health ADDRESS SERVICE      SERVING and so on, or the name of gRPC's status
 *   host_client call ADDRESS FUNCTION ARG…  a transaction, as a peer would send it, on an empty ledger: status and payload
 *   host_client hold FILE ADDRESS FUNCTION ARG…
 *       the same; at the first request FILE.asked is made, and nothing is answered until FILE.go is there
 *   host_client flood N ADDRESS FUNCTION ARG…
 *       N of them on one stream, whose requests nobody answers, until one is turned away: what with
 */
#include "base/arena.h"
#include "protos/unpack.h"
#include "rpc/rpc.h"
#include "test/support/port.h"

#include "grpc/health/v1/health.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name

enum { PATIENCE_MS = 60000, HOLD_MS = 300000, DRIP_MS = 100, MAX_ARGS = 32 };

/* ---- ports and HTTP ---- */

static int ports(int count)
{
    const int script = (int)syscall(SYS_pidfd_open, getppid(), 0);
    struct pollfd end = { .fd = script, .events = POLLIN };

    for (int i = 0; i < count; i++)
        printf("%d\n", test_port());
    fflush(stdout);
    if (script < 0 || fork() != 0)
        return 0;
    for (int fd = 0; fd <= 2; fd++)
        close(fd); /* the script waits for the end of what it reads */
    setsid();
    while (poll(&end, 1, -1) < 0)
        ;
    return 0;
}

/* -1 when nobody listens. Waits for no answer longer than PATIENCE_MS. */
static int connect_to(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0)
        return fd;
    return -1;
}

static int crowd(int port, int count)
{
    for (int i = 0; i < count; i++)
        if (connect_to(port) < 0)
            return 1;
    usleep(300000); /* until they were seen */
    return 0;
}

static int drip(int port)
{
    static const char begins[] = "GET /healthz HTTP/1.1\r\nX: ";
    int fd = connect_to(port);
    char byte;

    if (fd < 0 || send(fd, begins, sizeof(begins) - 1, MSG_NOSIGNAL) < 0)
        return 1;
    for (int i = 0; i < PATIENCE_MS / DRIP_MS; i++) {
        usleep(DRIP_MS * 1000);
        if (send(fd, "x", 1, MSG_NOSIGNAL) < 0 || recv(fd, &byte, 1, MSG_DONTWAIT) == 0) {
            puts("sent away");
            return 0;
        }
    }
    puts("never sent away");
    return 0;
}

static int get(int port, const char *path)
{
    char buffer[4096];
    int fd = connect_to(port), status = 0;
    FILE *f;

    if (fd < 0) {
        puts("refused");
        return 1;
    }
    dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
    f = fdopen(fd, "r");
    if (!f || !fgets(buffer, sizeof(buffer), f) || sscanf(buffer, "HTTP/%*s %d", &status) != 1)
        return 1;
    printf("%d\n", status);
    while (fgets(buffer, sizeof(buffer), f) && strcmp(buffer, "\r\n") != 0)
        ;
    while (fgets(buffer, sizeof(buffer), f))
        fputs(buffer, stdout);
    fclose(f);
    return 0;
}

/* ---- gRPC ---- */

struct client {
    rpc_loop *loop;
    rpc_channel *channel;
    rpc_call *call;
    fcc__arena *arena;
    char **arguments; /* function and arguments */
    int count;
    const char *hold; /* NULL: answer at once */
    bool asked;       /* a request waits for its answer */
    int flood;        /* more transactions than one; their requests are not answered */
    int number;       /* of the last one that was begun */
    bool done;
    char result[4096];
};

static bool exists(const char *name, const char *suffix)
{
    char path[512];

    snprintf(path, sizeof(path), "%s%s", name, suffix);
    return access(path, F_OK) == 0;
}

static void make(const char *name, const char *suffix)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s%s", name, suffix);
    f = fopen(path, "w");
    if (f)
        fclose(f);
}

static void say(struct client *c, Protos__ChaincodeMessage__Type type, fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;
    char id[16];
    bool of_transaction = type == TYPE(TRANSACTION) || type == TYPE(RESPONSE);

    m.type = type;
    m.payload = fcc__pb(payload);
    if (of_transaction) {
        c->number += type == TYPE(TRANSACTION);
        snprintf(id, sizeof(id), "tx%d", c->number);
        m.txid = fcc__pb(fcc_str(id));
        m.channel_id = fcc__pb(FCC_LIT("ch"));
    }
    if (fcc__pack(&m, c->arena, &wire) != FCC_OK || rpc_send(c->call, wire) != FCC_OK)
        exit(2);
}

static void send_transaction(struct client *c)
{
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData args[MAX_ARGS];
    fcc_bytes payload;

    for (int i = 0; i < c->count; i++)
        args[i] = fcc__pb(fcc_str(c->arguments[i]));
    input.args = args;
    input.n_args = (size_t)c->count;
    if (fcc__pack(&input, c->arena, &payload) != FCC_OK)
        exit(2);
    say(c, TYPE(TRANSACTION), payload);
}

static void on_stream_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    struct client *c = ctx;
    Protos__ChaincodeMessage *m;
    Protos__Response *r;

    if (FCC__UNPACK(protos__chaincode_message, wire, c->arena, &m) != FCC_OK)
        exit(2);
    switch (m->type) {
    case TYPE(REGISTER):
        say(c, TYPE(REGISTERED), fcc_bytes_of(NULL, 0));
        say(c, TYPE(READY), fcc_bytes_of(NULL, 0));
        do
            send_transaction(c);
        while (c->number < c->flood);
        return;
    case TYPE(COMPLETED):
        if (FCC__UNPACK(protos__response, fcc__of_pb(m->payload), c->arena, &r) != FCC_OK)
            exit(2);
        snprintf(c->result, sizeof(c->result), "%d %.*s%.*s", r->status, (int)r->message.len,
                 r->message.len ? (const char *)r->message.data : "", (int)r->payload.len,
                 r->payload.len ? (const char *)r->payload.data : "");
        break;
    case TYPE(ERROR):
        snprintf(c->result, sizeof(c->result), "ERROR %.*s", (int)m->payload.len, (const char *)m->payload.data);
        break;
    default: /* a request: all keys are empty */
        if (c->flood)
            return;
        if (!c->hold) {
            say(c, TYPE(RESPONSE), fcc_bytes_of(NULL, 0));
            return;
        }
        c->asked = true;
        make(c->hold, ".asked");
        return;
    }
    c->done = true;
    rpc_cancel(call);
}

static void on_stream_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct client *c = ctx;

    (void)call;
    c->call = NULL;
    if (!c->done)
        snprintf(c->result, sizeof(c->result), "%s " FCC_FMT, rpc_code_name(status->code), FCC_ARG(status->message));
    c->done = true;
}

static const rpc_events stream_events = { .on_message = on_stream_message, .on_closed = on_stream_closed };

static void open_client(struct client *c, const char *address)
{
    fcc_error error;

    c->arena = fcc__arena_new(64 << 20);
    if (!c->arena || rpc_loop_new(&c->loop, &error) != FCC_OK ||
        rpc_channel_new(c->loop, address, NULL, &c->channel, &error) != FCC_OK)
        exit(2);
}

static void close_client(struct client *c)
{
    rpc_channel_free(c->channel);
    rpc_loop_free(c->loop);
    fcc__arena_free(c->arena);
}

static int call(const char *hold, int flood, char **arguments, int count)
{
    struct client c = { .hold = hold, .flood = flood, .arguments = arguments + 1, .count = count - 1 };

    if (count < 2 || count - 1 > MAX_ARGS)
        return 2;
    open_client(&c, arguments[0]);
    if (rpc_open(c.channel, "/protos.Chaincode/Connect", hold ? HOLD_MS : PATIENCE_MS, true, &stream_events, &c,
                 &c.call) != FCC_OK)
        return 2;
    while (!c.done) {
        rpc_loop_poll(c.loop, 10);
        if (c.hold && c.asked && exists(c.hold, ".go")) {
            c.hold = NULL;
            say(&c, TYPE(RESPONSE), fcc_bytes_of(NULL, 0));
        }
    }
    puts(c.result);
    close_client(&c);
    return 0;
}

static int health(const char *address, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *response;
    struct client c = { .hold = NULL };
    rpc_reply reply = { .code = RPC_UNAVAILABLE };
    fcc_bytes wire;

    open_client(&c, address);
    request.service = fcc__pb(fcc_str(service));
    if (fcc__pack(&request, c.arena, &wire) != FCC_OK ||
        rpc_unary(c.channel, "/grpc.health.v1.Health/Check", wire, PATIENCE_MS, &reply) != FCC_OK)
        puts("no answer");
    else if (reply.code != RPC_OK)
        puts(rpc_code_name(reply.code));
    else if (FCC__UNPACK(grpc__health__v1__health_check_response, reply.body, c.arena, &response) == FCC_OK)
        puts(response->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING ? "SERVING"
                                                                                                  : "NOT_SERVING");
    rpc_reply_clear(&reply);
    close_client(&c);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "ports") == 0)
        return ports(atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "crowd") == 0)
        return crowd(atoi(argv[2]), atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "drip") == 0)
        return drip(atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "get") == 0)
        return get(atoi(argv[2]), argv[3]);
    if (argc == 4 && strcmp(argv[1], "health") == 0)
        return health(argv[2], argv[3]);
    if (argc >= 4 && strcmp(argv[1], "call") == 0)
        return call(NULL, 0, argv + 2, argc - 2);
    if (argc >= 5 && strcmp(argv[1], "hold") == 0)
        return call(argv[2], 0, argv + 3, argc - 3);
    if (argc >= 6 && strcmp(argv[1], "flood") == 0)
        return call(NULL, atoi(argv[2]), argv + 3, argc - 3);
    fputs("host_client: see its first lines\n", stderr);
    return 2;
}
