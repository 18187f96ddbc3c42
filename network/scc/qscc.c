/* qscc.c: blocks and transactions of the channel, for clients. Fabric: core/scc/qscc/query.go. */
#include "scc/internal.h"

#include "common/common.pb-c.h"
#include "common/ledger.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <inttypes.h>

static void answer_block(const scc_call *call, uint64_t number, Protos__Response *out)
{
    fcc_bytes block;
    fcc_status st = ledger_block(call->ledger, number, call->arena, &block);

    if (st == FCC_OK)
        scc__answer_bytes(block, out);
    else
        scc__error(call, out, "Failed to get block number %" PRIu64 ", error %s", number, fcc_status_text(st));
}

static void chain_info(const scc_call *call, Protos__Response *out)
{
    Common__BlockchainInfo info = COMMON__BLOCKCHAIN_INFO__INIT;
    fcc__sha256 hash = ledger_hash(call->ledger);
    Common__Block *last;
    fcc_bytes block;
    fcc_status st;

    info.height = ledger_height(call->ledger);
    st = ledger_block(call->ledger, info.height - 1, call->arena, &block);
    if (st == FCC_OK)
        st = FCC__UNPACK(common__block, block, call->arena, &last);
    if (st != FCC_OK) {
        scc__error(call, out, "Failed to get block info with error %s", fcc_status_text(st));
        return;
    }
    info.currentblockhash = fcc__pb(fcc__sha256_bytes(&hash));
    if (last->header)
        info.previousblockhash = last->header->previous_hash;
    scc__answer(call, &info, out);
}

/* As Go's strconv.ParseUint with base 10; the text of its error, or NULL. */
static const char *parse_number(const scc_call *call, fcc_bytes text, uint64_t *out)
{
    const char *why = text.len == 0 ? "invalid syntax" : NULL;
    uint64_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');

        if (digit > 9) {
            why = "invalid syntax";
            break;
        }
        if (n > (UINT64_MAX - digit) / 10)
            why = "value out of range";
        n = n * 10 + digit;
    }
    *out = n;
    if (!why)
        return NULL;
    return fcc__arena_printf(call->arena, "strconv.ParseUint: parsing \"" FCC_FMT "\": %s", FCC_ARG(text), why);
}

static void block_by_number(const scc_call *call, fcc_bytes text, Protos__Response *out)
{
    const char *why;
    uint64_t number;

    why = parse_number(call, text, &number);
    if (why) {
        scc__error(call, out, "Failed to parse block number with error %s", why);
        return;
    }
    if (number == UINT64_MAX) /* the last one */
        answer_block(call, ledger_height(call->ledger) - 1, out);
    else if (number >= ledger_height(call->ledger))
        scc__error(call, out,
                   "Failed to get block number %" PRIu64 ", error no such block number [%" PRIu64 "] in index", number,
                   number);
    else
        answer_block(call, number, out);
}

static void block_by_hash(const scc_call *call, fcc_bytes hash, Protos__Response *out)
{
    fcc_bytes hex;
    uint64_t number;

    if (ledger_block_number_by_hash(call->ledger, hash, &number) == FCC_OK) {
        answer_block(call, number, out);
        return;
    }
    hex = fcc__hex(call->arena, hash);
    scc__error(call, out, "Failed to get block hash " FCC_FMT ", error no such block hash [" FCC_FMT "] in index",
               FCC_ARG(hash), FCC_ARG(hex));
}

static void block_by_txid(const scc_call *call, fcc_bytes txid, Protos__Response *out)
{
    ledger_place place;

    if (ledger_find_tx(call->ledger, txid, &place) == FCC_OK)
        answer_block(call, place.block, out);
    else
        scc__error(call, out,
                   "Failed to get block for txID " FCC_FMT ", error no such transaction ID [" FCC_FMT "] in index",
                   FCC_ARG(txid), FCC_ARG(txid));
}

static void transaction(const scc_call *call, fcc_bytes txid, Protos__Response *out)
{
    Protos__ProcessedTransaction processed = PROTOS__PROCESSED_TRANSACTION__INIT;
    fcc_bytes envelope;
    ledger_place place;
    fcc_status st = ledger_find_tx(call->ledger, txid, &place);

    if (st == FCC_OK)
        st = ledger_envelope(call->ledger, place, call->arena, &envelope);
    if (st == FCC_OK)
        st = FCC__UNPACK(common__envelope, envelope, call->arena, &processed.transactionenvelope);
    processed.validationcode = place.code;
    if (st == FCC_OK)
        scc__answer(call, &processed, out);
    else if (st == FCC_ERR_NOT_FOUND)
        scc__error(call, out,
                   "Failed to get transaction with id " FCC_FMT ", error no such transaction ID [" FCC_FMT "] in index",
                   FCC_ARG(txid), FCC_ARG(txid));
    else
        scc__error(call, out, "Failed to get transaction with id " FCC_FMT ", error %s", FCC_ARG(txid),
                   fcc_status_text(st));
}

void scc__qscc(const scc_call *call, Protos__Response *out)
{
    const msp_channel *channel = ledger_channel(call->ledger);
    const char *resource, *why;
    fcc_bytes name, id;

    if (call->arg_count < 2) {
        scc__error(call, out, "Incorrect number of arguments, %zu", call->arg_count);
        return;
    }
    if (!fcc_bytes_equal(call->invoked, FCC_LIT("qscc"))) {
        scc__error(call, out,
                   "Rejecting invoke of QSCC from another chaincode because of potential for deadlocks, original "
                   "invocation for '" FCC_FMT "'",
                   FCC_ARG(call->invoked));
        return;
    }
    name = scc__arg(call, 0);
    id = scc__arg(call, 1);
    if (!fcc_bytes_equal(name, FCC_LIT("GetChainInfo")) && call->arg_count < 3) {
        scc__error(call, out, "missing 3rd argument for " FCC_FMT, FCC_ARG(name));
        return;
    }
    if (!channel || !fcc_bytes_equal(id, fcc_str(msp_channel_id(channel)))) {
        scc__error(call, out, "Invalid chain ID, " FCC_FMT, FCC_ARG(id));
        return;
    }
    resource = fcc__arena_printf(call->arena, "qscc/" FCC_FMT, FCC_ARG(name));
    why = resource ? call->deny(call->ctx, resource, id, call->arena) : "out of memory";
    if (why)
        scc__error(call, out, "access denied for [" FCC_FMT "][" FCC_FMT "]: [%s]", FCC_ARG(name), FCC_ARG(id), why);
    else if (fcc_bytes_equal(name, FCC_LIT("GetChainInfo")))
        chain_info(call, out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetBlockByNumber")))
        block_by_number(call, scc__arg(call, 2), out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetBlockByHash")))
        block_by_hash(call, scc__arg(call, 2), out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetTransactionByID")))
        transaction(call, scc__arg(call, 2), out);
    else if (fcc_bytes_equal(name, FCC_LIT("GetBlockByTxID")))
        block_by_txid(call, scc__arg(call, 2), out);
    else
        scc__error(call, out, "Requested function " FCC_FMT " not found.", FCC_ARG(name));
}
