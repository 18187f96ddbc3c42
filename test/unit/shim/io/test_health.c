/* grpc.health.v1.Health as a client sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/health.h"
#include "protos/unpack.h"

#include "grpc/health/v1/health.pb-c.h"

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

enum { PATIENCE_MS = 60000 };

static const char check[] = "/grpc.health.v1.Health/Check", watch[] = "/grpc.health.v1.Health/Watch";

struct fixture {
    rpc_loop *loop;
    rpc_server *server;
    rpc_channel *channel;
    fcc__health *health;
    fcc__arena *arena;
};

/* One call, seen by its client. */
struct call {
    struct fixture *f;
    rpc_call *call;
    int got[8];
    size_t count;
    bool closed;
    rpc_code code;
};

static void setup(struct fixture *f)
{
    char address[32];
    int port;

    f->arena = fcc__arena_new(1 << 20);
    assert_int_equal(rpc_loop_new(&f->loop, NULL), FCC_OK);
    assert_int_equal(rpc_server_new(f->loop, &f->server, NULL), FCC_OK);
    f->health = fcc__health_new("cc:01");
    assert_int_equal(fcc__health_serve(f->health, f->server), FCC_OK);
    assert_int_equal(rpc_server_listen(f->server, "127.0.0.1:0", NULL, &port, NULL), FCC_OK);
    assert_int_equal(rpc_server_start(f->server), FCC_OK);
    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    assert_int_equal(rpc_channel_new(f->loop, address, NULL, &f->channel, NULL), FCC_OK);
}

static void teardown(struct fixture *f)
{
    rpc_server_free(f->server);
    rpc_channel_free(f->channel);
    rpc_loop_free(f->loop);
    fcc__health_free(f->health);
    fcc__arena_free(f->arena);
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    struct call *c = ctx;
    Grpc__Health__V1__HealthCheckResponse *response;

    (void)call;
    assert_true(c->count < 8);
    assert_int_equal(FCC__UNPACK(grpc__health__v1__health_check_response, wire, c->f->arena, &response), FCC_OK);
    c->got[c->count++] = (int)response->status;
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct call *c = ctx;

    (void)call;
    c->closed = true;
    c->code = status->code;
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

static void open_call(struct fixture *f, struct call *c, const char *method, fcc_bytes request)
{
    *c = (struct call){ .f = f };
    assert_int_equal(rpc_open(f->channel, method, PATIENCE_MS, true, &events, c, &c->call), FCC_OK);
    if (request.data)
        assert_int_equal(rpc_send(c->call, request), FCC_OK);
    rpc_half_close(c->call);
}

static void ask(struct fixture *f, struct call *c, const char *method, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    fcc_bytes wire;

    request.service = fcc__pb(fcc_str(service));
    assert_int_equal(fcc__pack(&request, f->arena, &wire), FCC_OK);
    open_call(f, c, method, wire.len ? wire : FCC_LIT(""));
}

/* The call has its own deadline, so that this ends. */
static void wait_until(struct call *c, size_t count)
{
    while (c->count < count && !c->closed)
        rpc_loop_poll(c->f->loop, 10);
    assert_int_equal(c->count, count);
}

static void wait_closed(struct call *c, rpc_code code)
{
    while (!c->closed)
        rpc_loop_poll(c->f->loop, 10);
    assert_int_equal(c->code, code);
}

static void check_tells_of_the_process_the_service_and_the_package(void **state)
{
    const char *const services[] = { "", "protos.Chaincode", "cc:01" };
    struct fixture f;
    struct call c;

    setup(&f);
    for (size_t i = 0; i < 3; i++) {
        ask(&f, &c, check, services[i]);
        wait_closed(&c, RPC_OK);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.got[0], STATUS(SERVING));
    }
    fcc__health_drain(f.health);
    ask(&f, &c, check, "cc:01");
    wait_closed(&c, RPC_OK);
    assert_int_equal(c.got[0], STATUS(NOT_SERVING));
    teardown(&f);
}

static void check_of_an_unknown_service_is_not_found(void **state)
{
    struct fixture f;
    struct call c;

    setup(&f);
    ask(&f, &c, check, "cc:02");
    wait_closed(&c, RPC_NOT_FOUND);
    assert_int_equal(c.count, 0);
    teardown(&f);
}

static void what_is_no_request_is_refused(void **state)
{
    struct fixture f;
    struct call c;

    setup(&f);
    open_call(&f, &c, check, FCC_LIT("\xff\xff\xff"));
    wait_closed(&c, RPC_INVALID_ARGUMENT);
    open_call(&f, &c, watch, fcc_bytes_of(NULL, 0));
    wait_closed(&c, RPC_INVALID_ARGUMENT);
    teardown(&f);
}

static void watch_tells_of_the_drain_and_ends_with_the_server(void **state)
{
    struct fixture f;
    struct call known, unknown, late;

    setup(&f);
    ask(&f, &known, watch, "");
    ask(&f, &unknown, watch, "cc:02");
    wait_until(&known, 1);
    wait_until(&unknown, 1);
    assert_int_equal(known.got[0], STATUS(SERVING));
    assert_int_equal(unknown.got[0], STATUS(SERVICE_UNKNOWN));
    fcc__health_drain(f.health);
    fcc__health_drain(f.health);
    wait_until(&known, 2);
    assert_int_equal(known.got[1], STATUS(NOT_SERVING));
    ask(&f, &late, watch, "");
    wait_until(&late, 1);
    assert_int_equal(late.got[0], STATUS(NOT_SERVING));
    fcc__health_end(f.health);
    wait_closed(&known, RPC_UNAVAILABLE);
    wait_closed(&unknown, RPC_UNAVAILABLE);
    wait_closed(&late, RPC_UNAVAILABLE);
    assert_int_equal(known.count, 2);
    assert_int_equal(unknown.count, 1);
    teardown(&f);
}

static void watchers_that_leave_or_stay_leave_nothing_behind(void **state)
{
    struct fixture f;
    struct call gone, stays;

    setup(&f);
    ask(&f, &gone, watch, "");
    ask(&f, &stays, watch, "");
    wait_until(&gone, 1);
    wait_until(&stays, 1);
    rpc_cancel(gone.call);
    wait_closed(&gone, RPC_CANCELLED);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_tells_of_the_process_the_service_and_the_package),
        cmocka_unit_test(check_of_an_unknown_service_is_not_found),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(watch_tells_of_the_drain_and_ends_with_the_server),
        cmocka_unit_test(watchers_that_leave_or_stay_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
