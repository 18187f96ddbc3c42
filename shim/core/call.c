/*
 * Events, and calls to other chaincodes.
 * Source: fabric-chaincode-go v2.3.0 shim/stub.go SetEvent, InvokeChaincode, shim/handler.go handleInvokeChaincode
 */
#include "core/stub.h"

#include "peer/proposal_response.pb-c.h"

fcc_status fcc_set_event(fcc_stub *stub, fcc_bytes name, fcc_bytes payload)
{
    fcc_status st;

    if (name.len == 0)
        return fcc_fail(stub, FCC_ERR_ARG, "event name can not be empty string");
    st = fcc__check_text(stub, "event name", name);
    if (st != FCC_OK)
        return st;
    if (!fcc__arena_copy(stub->arena, name, &name) || !fcc__arena_copy(stub->arena, payload, &payload))
        return fcc__fail_memory(stub);
    stub->event_name = name;
    stub->event_payload = payload;
    stub->has_event = true;
    return FCC_OK;
}

/* "name", or "name/channel". */
static fcc_status target_of(fcc_stub *stub, fcc_bytes name, fcc_bytes channel, fcc_bytes *out)
{
    size_t len = name.len + (channel.len ? 1 + channel.len : 0);
    uint8_t *p;
    fcc_status st = fcc__check_text(stub, "chaincode name", name);

    if (st == FCC_OK)
        st = fcc__check_text(stub, "channel", channel);
    if (st != FCC_OK)
        return st;
    p = fcc__arena_alloc(stub->session->out, len); /* until the request is sent */
    if (!p)
        return fcc__fail_memory(stub);
    if (name.len)
        memcpy(p, name.data, name.len);
    if (channel.len) {
        p[name.len] = '/';
        memcpy(p + name.len + 1, channel.data, channel.len);
    }
    *out = fcc_bytes_of(p, len);
    return FCC_OK;
}

static fcc_status send_call(fcc_stub *stub, fcc_bytes target, const fcc_bytes *args, size_t count, fcc_bytes *reply)
{
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData *wire_args = fcc__arena_zalloc(stub->session->out, count, sizeof(*wire_args));

    if (!wire_args)
        return fcc__fail_memory(stub);
    for (size_t i = 0; i < count; i++)
        wire_args[i] = fcc__pb(args[i]);
    id.name = fcc__pb(target);
    input.args = wire_args;
    input.n_args = count;
    spec.chaincode_id = &id;
    spec.input = &input;
    return fcc__ask(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE, &spec, reply);
}

/* 500 with this payload: how a callee that did not run to its end is reported. */
static fcc_status answer_500(fcc_stub *stub, fcc_bytes text, fcc_response *out)
{
    fcc_response response = { .status = 500 };

    if (!fcc__arena_copy(stub->arena, text, &response.payload))
        return fcc__fail_memory(stub);
    *out = response;
    return FCC_OK;
}

static fcc_status read_answer(fcc_stub *stub, fcc_bytes reply, fcc_response *out)
{
    const fcc_bytes unreadable = FCC_LIT("proto: cannot parse invalid wire-format data");
    Protos__ChaincodeMessage *last;
    Protos__Response *response;
    fcc_status st = fcc__keep_reply(stub, stub->arena, reply, &reply);

    if (st != FCC_OK)
        return st;
    st = FCC__UNPACK_BORROWED(protos__chaincode_message, reply, stub->arena, &last);
    if (st == FCC_ERR_LIMIT)
        return fcc__fail_memory(stub);
    if (st != FCC_OK)
        return answer_500(stub, unreadable, out);
    if (last->type != PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED)
        return answer_500(stub, reply, out);
    st = FCC__UNPACK_BORROWED(protos__response, fcc__of_pb(last->payload), stub->arena, &response);
    if (st == FCC_ERR_LIMIT)
        return fcc__fail_memory(stub);
    if (st != FCC_OK)
        return answer_500(stub, unreadable, out);
    *out = (fcc_response){
        .status = response->status,
        .message = fcc__of_pb(response->message),
        .payload = fcc__of_pb(response->payload),
    };
    return FCC_OK;
}

static fcc_status invoke(fcc_stub *stub, fcc_bytes name, const fcc_bytes *args, size_t count, fcc_bytes channel,
                         fcc_response *out)
{
    fcc_bytes target = { 0 }, reply;
    fcc_status st = target_of(stub, name, channel, &target);

    if (st != FCC_OK)
        return st;
    st = send_call(stub, target, args, count, &reply);
    if (st == FCC_ERR_PEER)
        return answer_500(stub, fcc_error_text(stub), out);
    return st == FCC_OK ? read_answer(stub, reply, out) : st;
}

fcc_status fcc_invoke_chaincode(fcc_stub *stub, fcc_bytes name, const fcc_bytes *args, size_t count, fcc_bytes channel,
                                fcc_response *out)
{
    return FCC__INSIDE(stub, invoke(stub, name, args, count, channel, out));
}
