/* See health.h. */
#include "io/health.h"

#include "base/require.h"
#include "protos/unpack.h"

#include "grpc/health/v1/health.pb-c.h"

#include <stdlib.h>

enum { REQUEST_BYTES = 64 * 1024 };

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

/* One call of Check or Watch. */
struct asker {
    fcc__health *health;
    struct asker *next;
    rpc_call *call;
    bool watches;
    bool answered; /* its request came */
    bool is_known; /* it asked for a service that is here */
};

struct fcc__health {
    const char *ccid;
    struct asker *askers;
    bool draining;
    bool ended;
};

static void send_status(struct asker *a)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    uint8_t wire[16]; /* one small number */
    size_t len;

    response.status = !a->is_known          ? STATUS(SERVICE_UNKNOWN)
                      : a->health->draining ? STATUS(NOT_SERVING)
                                            : STATUS(SERVING);
    FCC_REQUIRE(protobuf_c_message_get_packed_size(&response.base) <= sizeof(wire));
    len = protobuf_c_message_pack(&response.base, wire);
    if (rpc_send(a->call, fcc_bytes_of(wire, len)) != FCC_OK)
        rpc_cancel(a->call);
}

static void finish(struct asker *a, rpc_code code, const char *message)
{
    rpc_finish(a->call, code, fcc_str(message), fcc_bytes_of(NULL, 0));
}

static bool knows(const fcc__health *health, fcc_bytes service)
{
    return service.len == 0 || fcc_bytes_equal(service, FCC_LIT("protos.Chaincode")) ||
           fcc_bytes_equal(service, fcc_str(health->ccid));
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct asker *a = ctx;
    Grpc__Health__V1__HealthCheckRequest *request;
    fcc__arena *arena;

    (void)call;
    if (a->answered)
        return; /* one request is one message */
    a->answered = true;
    arena = fcc__arena_new(REQUEST_BYTES);
    if (!arena || FCC__UNPACK(grpc__health__v1__health_check_request, message, arena, &request) != FCC_OK) {
        finish(a, RPC_INVALID_ARGUMENT, "expected a HealthCheckRequest");
    } else {
        a->is_known = knows(a->health, fcc__of_pb(request->service));
        if (a->watches || a->is_known)
            send_status(a);
        if (!a->watches)
            finish(a, a->is_known ? RPC_OK : RPC_NOT_FOUND, a->is_known ? "" : "unknown service");
        else if (a->health->ended)
            finish(a, RPC_UNAVAILABLE, "the chaincode is shutting down");
    }
    fcc__arena_free(arena);
}

static void on_half_close(rpc_call *call, void *ctx)
{
    struct asker *a = ctx;

    (void)call;
    if (!a->answered)
        finish(a, RPC_INVALID_ARGUMENT, "expected a HealthCheckRequest");
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct asker *a = ctx, **p = &a->health->askers;

    (void)call;
    (void)status;
    while (*p && *p != a)
        p = &(*p)->next;
    if (*p)
        *p = a->next;
    free(a);
}

static const rpc_events events = { .on_message = on_message, .on_half_close = on_half_close, .on_closed = on_closed };

static const rpc_events *accept_asker(fcc__health *health, rpc_call *call, bool watches, void **call_ctx)
{
    struct asker *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->health = health;
    a->call = call;
    a->watches = watches;
    a->next = health->askers;
    health->askers = a;
    *call_ctx = a;
    return &events;
}

static const rpc_events *accept_check(rpc_call *call, void *ctx, void **call_ctx)
{
    return accept_asker(ctx, call, false, call_ctx);
}

static const rpc_events *accept_watch(rpc_call *call, void *ctx, void **call_ctx)
{
    return accept_asker(ctx, call, true, call_ctx);
}

fcc__health *fcc__health_new(const char *ccid)
{
    fcc__health *health = calloc(1, sizeof(*health));

    if (health)
        health->ccid = ccid;
    return health;
}

fcc_status fcc__health_serve(fcc__health *health, rpc_server *server)
{
    fcc_status st = rpc_server_method(server, "/grpc.health.v1.Health/Check", accept_check, health);

    return st == FCC_OK ? rpc_server_method(server, "/grpc.health.v1.Health/Watch", accept_watch, health) : st;
}

void fcc__health_drain(fcc__health *health)
{
    if (health->draining)
        return;
    health->draining = true;
    for (struct asker *a = health->askers; a; a = a->next)
        if (a->watches && a->is_known)
            send_status(a);
}

void fcc__health_end(fcc__health *health)
{
    health->ended = true;
    for (struct asker *a = health->askers; a; a = a->next)
        finish(a, RPC_UNAVAILABLE, "the chaincode is shutting down");
}

void fcc__health_free(fcc__health *health)
{
    if (!health)
        return;
    FCC_REQUIRE(!health->askers);
    free(health);
}
