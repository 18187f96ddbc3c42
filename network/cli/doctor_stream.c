/* doctor_stream.c: the peer's first words with the chaincode: Connect, REGISTER, REGISTERED and READY, KEEPALIVE. */
#include "cli/doctor.h"

#include "protos/unpack.h"
#include "rpc/rpc.h"

#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"

#include <stdio.h>

enum { BATCH_SIZE = 1000 };

typedef struct rehearsal {
    doctor *d;
    rpc_loop *loop;
    rpc_call *call; /* NULL once it is over */
    rpc_timer *timer;
    bool registered;
    bool over; /* nothing is waited for any more */
    fcc_status status;
} rehearsal;

static void end(rehearsal *r, fcc_status st)
{
    if (!r->over)
        r->status = st;
    r->over = true;
    rpc_loop_stop(r->loop);
}

static void send_message(rehearsal *r, Protos__ChaincodeMessage__Type type, fcc_bytes payload)
{
    Protos__ChaincodeMessage message = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;

    message.type = type;
    message.payload = fcc__pb(payload);
    if (fcc__pack(&message, r->d->arena, &wire) == FCC_OK)
        rpc_send(r->call, wire);
}

/* What a peer of Fabric 3.1 says to a registration; the KEEPALIVE comes back from whoever has understood the rest. */
static void welcome(rehearsal *r)
{
    Protos__ChaincodeAdditionalParams offer = PROTOS__CHAINCODE_ADDITIONAL_PARAMS__INIT;
    fcc_bytes payload = { NULL, 0 };

    offer.use_write_batch = true;
    offer.max_size_write_batch = BATCH_SIZE;
    offer.use_get_multiple_keys = true;
    offer.max_size_get_multiple_keys = BATCH_SIZE;
    if (fcc__pack(&offer, r->d->arena, &payload) != FCC_OK)
        return;
    r->registered = true;
    send_message(r, PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTERED, FCC_LIT(""));
    send_message(r, PROTOS__CHAINCODE_MESSAGE__TYPE__READY, payload);
    send_message(r, PROTOS__CHAINCODE_MESSAGE__TYPE__KEEPALIVE, FCC_LIT(""));
}

static void on_register(rehearsal *r, const Protos__ChaincodeMessage *m)
{
    doctor *d = r->d;
    Protos__ChaincodeID *id;
    fcc_bytes name;

    if (m->type != PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTER ||
        FCC__UNPACK(protos__chaincode_id, fcc__of_pb(m->payload), d->arena, &id) != FCC_OK) {
        end(r, package_refuse(&d->fault, FCC__E_REG_MESSAGE, FCC_ERR_PROTO,
                              "the chaincode's first message is of type %d, REGISTER is 1", (int)m->type));
        return;
    }
    name = fcc__of_pb(id->name);
    if (d->package_id && !fcc_bytes_equal(name, fcc_str(d->package_id))) {
        end(r, package_refuse(&d->fault, FCC__E_REG_CCID, FCC_ERR_PEER,
                              "the chaincode registers as \"%.*s\", the package's id is \"%.200s\"",
                              (int)(name.len < 200 ? name.len : 200), name.len ? (const char *)name.data : "",
                              d->package_id));
        return;
    }
    snprintf(d->found, DOCTOR_TEXT, "as %.*s%s", (int)(name.len < 300 ? name.len : 300),
             name.len ? (const char *)name.data : "", d->package_id ? "" : " (not compared with a package)");
    welcome(r);
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes wire)
{
    rehearsal *r = ctx;
    Protos__ChaincodeMessage *m;

    (void)call;
    if (r->over)
        return;
    if (FCC__UNPACK(protos__chaincode_message, wire, r->d->arena, &m) != FCC_OK)
        end(r, package_refuse(&r->d->fault, FCC__E_REG_MESSAGE, FCC_ERR_PROTO,
                              "what the chaincode sends is no ChaincodeMessage"));
    else if (!r->registered)
        on_register(r, m);
    else if (m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__KEEPALIVE)
        end(r, FCC_OK);
    else
        end(r, package_refuse(&r->d->fault, FCC__E_REG_ENDED, FCC_ERR_PROTO,
                              "the chaincode answered READY with a message of type %d", (int)m->type));
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    rehearsal *r = ctx;
    fcc__code code = r->registered ? FCC__E_REG_ENDED : FCC__E_REG_SILENT;

    (void)call;
    r->call = NULL;
    if (status->code == RPC_UNIMPLEMENTED && !r->registered)
        code = FCC__E_REG_SERVICE;
    if (!r->over)
        end(r, package_refuse(&r->d->fault, code, FCC_ERR_IO, "the stream ended: %s%s%.*s", rpc_code_name(status->code),
                              status->message.len ? ": " : "",
                              (int)(status->message.len < 300 ? status->message.len : 300),
                              status->message.len ? (const char *)status->message.data : ""));
    rpc_loop_stop(r->loop);
}

static void on_timeout(void *ctx)
{
    rehearsal *r = ctx;

    r->timer = NULL;
    if (r->registered) {
        /* the stream is still there, and that is what counts */
        snprintf(r->d->warning, DOCTOR_TEXT, "the chaincode does not answer KEEPALIVE messages");
        end(r, FCC_OK);
    } else {
        end(r, package_refuse(&r->d->fault, FCC__E_REG_SILENT, FCC_ERR_TIMEOUT, "no REGISTER came within %lld seconds",
                              (long long)(r->d->timeout_ms / 1000)));
    }
}

fcc_status doctor_register(doctor *d)
{
    static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };
    const package_connection *c = &d->connection;
    const rpc_tls tls = { .cert = c->client_cert, .key = c->client_key, .ca = c->root_cert };
    rehearsal r = { .d = d, .status = FCC_ERR_INTERNAL };
    rpc_channel *channel = NULL;
    fcc_status st = rpc_loop_new(&r.loop, &d->fault.error);

    if (st == FCC_OK)
        st = rpc_channel_new(r.loop, c->address, c->use_tls ? &tls : NULL, &channel, &d->fault.error);
    if (st == FCC_OK)
        st = rpc_open(channel, "/protos.Chaincode/Connect", -1, false, &events, &r, &r.call);
    if (st != FCC_OK) {
        st = package_refuse(&d->fault, FCC__E_STAT_RES, st, "the stream cannot be opened: %s", fcc_status_text(st));
        goto out;
    }
    r.timer = rpc_timer_start(r.loop, d->timeout_ms, on_timeout, &r);
    rpc_loop_run(r.loop);
    rpc_timer_cancel(r.timer);
    if (r.call) {
        rpc_cancel(r.call);
        while (r.call)
            rpc_loop_poll(r.loop, 100);
    }
    st = r.status;
out:
    rpc_channel_free(channel);
    rpc_loop_free(r.loop);
    return st;
}
