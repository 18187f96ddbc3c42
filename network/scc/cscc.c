/*
 * cscc.c: which channels the peer has, and their configuration, for clients. A peer here has one channel from its start:
 * it can't join another. Fabric: core/scc/cscc/configure.go.
 */
#include "scc/internal.h"

#include "common/common.pb-c.h"
#include "peer/query.pb-c.h"

#include "common/configtx.pb-c.h"

static bool is_ours(const scc_call *call, fcc_bytes id)
{
    const msp_channel *channel = ledger_channel(call->ledger);

    return channel && fcc_bytes_equal(id, fcc_str(msp_channel_id(channel)));
}

/* The channel of a config block; false with what is wrong with it. */
static bool channel_of_block(const scc_call *call, fcc_bytes bytes, fcc_bytes *id, Protos__Response *out)
{
    Common__Block *block;
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    const ProtobufCEnumValue *type;
    msp_channel *channel;
    fcc_error why = { FCC_OK, "" };

    if (FCC__UNPACK(common__block, bytes, call->arena, &block) != FCC_OK) {
        scc__error(call, out,
                   "Failed to reconstruct the genesis block, error unmarshalling Block: proto: cannot parse invalid "
                   "wire-format data");
        return false;
    }
    if (!block->data || block->data->n_data == 0) {
        scc__error(call, out,
                   "\"JoinChain\" request failed to extract channel id from the block due to [failed to "
                   "retrieve channel id - block is empty]");
        return false;
    }
    if (FCC__UNPACK(common__envelope, fcc__of_pb(block->data->data[0]), call->arena, &envelope) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), call->arena, &payload) != FCC_OK ||
        !payload->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), call->arena, &header) !=
            FCC_OK) {
        scc__error(call, out,
                   "\"JoinChain\" request failed to extract channel id from the block due to [error "
                   "unmarshalling its first envelope]");
        return false;
    }
    *id = fcc__of_pb(header->channel_id);
    if (header->type != COMMON__HEADER_TYPE__CONFIG) {
        type = protobuf_c_enum_descriptor_get_value(&common__header_type__descriptor, header->type);
        scc__error(call, out,
                   "\"JoinChain\" for channelID = " FCC_FMT
                   " failed because of validation of configuration block, because "
                   "of Bad configuration envelope: invalid type %s, expected CONFIG",
                   FCC_ARG(*id), type ? type->name : "unknown");
        return false;
    }
    if (msp_channel_from_block(bytes, &channel, &why) != FCC_OK) {
        scc__error(call, out,
                   "\"JoinChain\" for channelID = " FCC_FMT
                   " failed because of validation of configuration block, because of %s",
                   FCC_ARG(*id), why.text);
        return false;
    }
    msp_channel_free(channel);
    return true;
}

static void join(const scc_call *call, fcc_bytes block, Protos__Response *out)
{
    const char *why;
    fcc_bytes id;

    if (!channel_of_block(call, block, &id, out))
        return;
    why = call->deny(call->ctx, "cscc/JoinChain", fcc_bytes_of(NULL, 0), call->arena);
    if (why)
        scc__error(call, out, "access denied for [JoinChain][" FCC_FMT "]: [%s]", FCC_ARG(id), why);
    else if (is_ours(call, id))
        scc__error(call, out,
                   "cannot create ledger from genesis block: ledger [" FCC_FMT "] already exists with state [ACTIVE]",
                   FCC_ARG(id));
    else
        scc__error(
            call, out,
            "cannot create ledger from genesis block: this peer has the channel of its network, %s, and no other",
            msp_channel_id(ledger_channel(call->ledger)));
}

static void channels(const scc_call *call, Protos__Response *out)
{
    Protos__ChannelQueryResponse response = PROTOS__CHANNEL_QUERY_RESPONSE__INIT;
    Protos__ChannelInfo info = PROTOS__CHANNEL_INFO__INIT, *list[] = { &info };
    const char *why = call->deny(call->ctx, "cscc/GetChannels", fcc_bytes_of(NULL, 0), call->arena);

    if (why) {
        scc__error(call, out, "access denied for [GetChannels]: %s", why);
        return;
    }
    if (ledger_channel(call->ledger)) {
        info.channel_id = fcc__pb(fcc_str(msp_channel_id(ledger_channel(call->ledger))));
        response.channels = list;
        response.n_channels = 1;
    }
    scc__answer(call, &response, out);
}

static void config_block(const scc_call *call, fcc_bytes id, Protos__Response *out)
{
    const char *why = call->deny(call->ctx, "cscc/GetConfigBlock", id, call->arena);
    fcc_bytes block;
    fcc_status st;

    if (why) {
        scc__error(call, out, "access denied for [GetConfigBlock][" FCC_FMT "]: %s", FCC_ARG(id), why);
        return;
    }
    if (!is_ours(call, id)) {
        scc__error(call, out, "Unknown channel ID, " FCC_FMT, FCC_ARG(id));
        return;
    }
    st = ledger_block(call->ledger, ledger_config_block(call->ledger), call->arena, &block);
    if (st == FCC_OK)
        scc__answer_bytes(block, out);
    else
        scc__error(call, out, "%s", fcc_status_text(st));
}

static void channel_config(const scc_call *call, fcc_bytes id, Protos__Response *out)
{
    const char *why;

    if (id.len == 0) {
        scc__error(call, out, "empty channel name provided");
        return;
    }
    why = call->deny(call->ctx, "cscc/GetChannelConfig", id, call->arena);
    if (why)
        scc__error(call, out, "access denied for [GetChannelConfig][" FCC_FMT "]: %s", FCC_ARG(id), why);
    else if (!is_ours(call, id))
        scc__error(call, out, "unknown channel ID, " FCC_FMT, FCC_ARG(id));
    else
        scc__answer_bytes(msp_channel_config(ledger_channel(call->ledger)), out);
}

static void snapshots(const scc_call *call, const char *resource, const char *function, Protos__Response *out)
{
    const char *why = call->deny(call->ctx, resource, fcc_bytes_of(NULL, 0), call->arena);

    if (why && strcmp(function, "JoinChainBySnapshot") == 0)
        scc__error(call, out, "access denied for [%s]: [%s]", function, why);
    else if (why)
        scc__error(call, out, "access denied for [%s]: %s", function, why);
    else if (strcmp(function, "JoinChainBySnapshot") == 0)
        scc__error(call, out,
                   "cannot create ledger from snapshot " FCC_FMT ": this peer has the channel of its network "
                   "and no other",
                   FCC_ARG(scc__arg(call, 1)));
    else
        scc__answer_bytes(fcc_bytes_of(NULL, 0), out); /* JoinBySnapshotStatus{}: none in progress */
}

void scc__cscc(const scc_call *call, Protos__Response *out)
{
    fcc_bytes name = call->arg_count ? scc__arg(call, 0) : fcc_bytes_of(NULL, 0);
    bool alone = fcc_bytes_equal(name, FCC_LIT("GetChannels")) ||
                 fcc_bytes_equal(name, FCC_LIT("JoinBySnapshotStatus"));

    if (call->arg_count < 1 || (!alone && call->arg_count < 2))
        scc__error(call, out, "Incorrect number of arguments, %zu", call->arg_count);
    else if (!fcc_bytes_equal(call->invoked, FCC_LIT("cscc")))
        scc__error(call, out, "Rejecting invoke of CSCC from another chaincode, original invocation for '" FCC_FMT "'",
                   FCC_ARG(call->invoked));
    else if (fcc_bytes_equal(name, FCC_LIT("JoinChain")))
        join(call, scc__arg(call, 1), out);
    else if (fcc_bytes_equal(name, FCC_LIT("JoinChainBySnapshot")) && scc__arg(call, 1).len == 0)
        scc__error(call, out, "Cannot join the channel, no snapshot directory provided");
    else if (fcc_bytes_equal(name, FCC_LIT("JoinChainBySnapshot")))
        snapshots(call, "cscc/JoinChainBySnapshot", "JoinChainBySnapshot", out);
    else if (fcc_bytes_equal(name, FCC_LIT("JoinBySnapshotStatus")))
        snapshots(call, "cscc/JoinBySnapshotStatus", "JoinBySnapshotStatus", out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetConfigBlock")))
        config_block(call, scc__arg(call, 1), out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetChannelConfig")))
        channel_config(call, scc__arg(call, 1), out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetChannels")))
        channels(call, out);
    else
        scc__error(call, out, "Requested function " FCC_FMT " not found.", FCC_ARG(name));
}
