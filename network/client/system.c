/* The system chaincodes cscc and qscc: what a peer knows about its channels. */
#include "client/direct.h"
#include "client/private.h"

#include <stdio.h>

enum { MOST_ARGS = 3 };

static fcc_status ask(client *c, const char *chaincode, const char *org, const fcc_bytes *args, size_t count,
                      fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    /* cscc belongs to the peer; qscc is asked on the channel that it tells about */
    const client_call call = { .chaincode = chaincode, .args = args, .arg_count = count };

    return client_query_at(c, &call, org, arena, out, error);
}

static fcc_status unpack(const char *what, const ProtobufCMessageDescriptor *type, fcc_bytes bytes, fcc__arena *arena,
                         void *out, fcc_error *error)
{
    fcc_status st = fcc__unpack(type, bytes, arena, out);

    return st == FCC_OK ? st : fcc_error_set(error, st, "%s answered something that is no %s", what, type->name);
}

fcc_status client_channels(client *c, const char *org, fcc__arena *arena, Protos__ChannelQueryResponse **out,
                           fcc_error *error)
{
    const fcc_bytes args[] = { FCC_LIT("GetChannels") };
    const client_call call = { .chaincode = "cscc", .channel = "", .args = args, .arg_count = 1 };
    fcc_bytes bytes;
    fcc_status st = client_query_at(c, &call, org, arena, &bytes, error);

    return st == FCC_OK ? unpack("cscc", &protos__channel_query_response__descriptor, bytes, arena, out, error) : st;
}

fcc_status client_chain_info(client *c, const char *org, fcc__arena *arena, Common__BlockchainInfo **out,
                             fcc_error *error)
{
    const fcc_bytes args[] = { FCC_LIT("GetChainInfo"), fcc_str(c->channel) };
    fcc_bytes bytes;
    fcc_status st = ask(c, "qscc", org, args, 2, arena, &bytes, error);

    return st == FCC_OK ? unpack("qscc", &common__blockchain_info__descriptor, bytes, arena, out, error) : st;
}

static fcc_status block_by(client *c, const char *org, const char *function, fcc_bytes what, fcc__arena *arena,
                           fcc_bytes *block, fcc_error *error)
{
    const fcc_bytes args[MOST_ARGS] = { fcc_str(function), fcc_str(c->channel), what };

    return ask(c, "qscc", org, args, MOST_ARGS, arena, block, error);
}

fcc_status client_block_by_hash(client *c, const char *org, fcc_bytes hash, fcc__arena *arena, fcc_bytes *block,
                                fcc_error *error)
{
    return block_by(c, org, "GetBlockByHash", hash, arena, block, error);
}

fcc_status client_block_by_txid(client *c, const char *org, const char *txid, fcc__arena *arena, fcc_bytes *block,
                                fcc_error *error)
{
    return block_by(c, org, "GetBlockByTxID", fcc_str(txid), arena, block, error);
}

fcc_status client_channel_config(client *c, const char *org, fcc__arena *arena, fcc_bytes *config, fcc_error *error)
{
    const fcc_bytes args[] = { FCC_LIT("GetChannelConfig"), fcc_str(c->channel) };

    return ask(c, "cscc", org, args, 2, arena, config, error);
}
