/* why.c: what became of an invalid transaction, in words for a person. Names and keys, never a value. */
#include "ledger/internal.h"

#include "msp/identities.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "protos/unpack.h"

#include <inttypes.h>

enum { TEXT_MAX = 1 << 16, TXID_SHOWN = 8 };

/* The function that a transaction called, and whose member did. Empty where it can't be read. */
static void read_call(fcc_bytes envelope, fcc__arena *arena, fcc_bytes *function, fcc_bytes *mspid, fcc_bytes *txid)
{
    Protos__ChaincodeProposalPayload *proposal;
    Protos__ChaincodeInvocationSpec *spec;
    Msp__SerializedIdentity *creator;
    ledger__transaction tx;

    *function = *mspid = *txid = fcc_bytes_of(NULL, 0);
    if (ledger__transaction_unpack(envelope, arena, &tx) != FCC_OK)
        return;
    *txid = tx.txid;
    if (tx.signature_header &&
        FCC__UNPACK(msp__serialized_identity, fcc__of_pb(tx.signature_header->creator), arena, &creator) == FCC_OK)
        *mspid = fcc__of_pb(creator->mspid);
    if (tx.action_payload &&
        FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(tx.action_payload->chaincode_proposal_payload),
                    arena, &proposal) == FCC_OK &&
        FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(proposal->input), arena, &spec) == FCC_OK &&
        spec->chaincode_spec && spec->chaincode_spec->input && spec->chaincode_spec->input->n_args > 0)
        *function = fcc__of_pb(spec->chaincode_spec->input->args[0]);
}

/* "Set of Org1MSP (transaction 0 of block 3, 1a2b3c4d)" */
static void show_tx(fcc__buf *out, fcc_bytes envelope, uint64_t block, size_t index, fcc__arena *arena)
{
    fcc_bytes function, mspid, txid;

    read_call(envelope, arena, &function, &mspid, &txid);
    fcc__buf_printf(out, FCC_FMT " of " FCC_FMT " (transaction %zu of block %" PRIu64 ", %.*s)", FCC_ARG(function),
                    FCC_ARG(mspid), index, block, (int)(txid.len < TXID_SHOWN ? txid.len : TXID_SHOWN),
                    txid.len ? (const char *)txid.data : "");
}

void ledger_show_key(fcc__buf *out, fcc_bytes key)
{
    for (size_t i = 0; i < key.len; i++)
        fcc__buf_putc(out, key.data[i] ? key.data[i] : '~');
}

static void show_conflict_key(const ledger_conflict *c, const ledger_names *names, fcc__buf *out)
{
    fcc_bytes plain;

    if (!c->collection.len) {
        ledger_show_key(out, c->key);
    } else if (names && names->key_of_hash(names->ctx, c->key, &plain)) {
        ledger_show_key(out, plain);
    } else {
        fcc__buf_puts(out, "with hash ");
        fcc__buf_hex(out, c->key);
    }
}

static void show_writer(const ledger *l, const ledger_conflict *c, fcc__arena *arena, fcc__buf *out)
{
    ledger_place place = { .block = c->writer_block, .index = c->writer_index };
    fcc_bytes envelope;

    if (!c->writer_known)
        fcc__buf_puts(out, "a transaction that can't be told any more");
    else if (ledger_envelope(l, place, arena, &envelope) == FCC_OK)
        show_tx(out, envelope, c->writer_block, c->writer_index, arena);
    else
        fcc__buf_printf(out, "transaction %u of block %" PRIu64, (unsigned)c->writer_index, c->writer_block);
}

static void show_conflict(const ledger *l, const ledger_committed *block, size_t index, const ledger_names *names,
                          fcc__arena *arena, fcc__buf *out)
{
    const ledger_conflict *c = &block->conflicts[index];
    bool phantom = block->codes[index] == PROTOS__TX_VALIDATION_CODE__PHANTOM_READ_CONFLICT;

    fcc__buf_puts(out, phantom ? " has read a range of " : " has read key ");
    if (phantom)
        fcc__buf_printf(out, FCC_FMT "%s", FCC_ARG(c->ns), c->key.len ? ", in which key " : ", which");
    show_conflict_key(c, names, out);
    if (!phantom)
        fcc__buf_printf(out, " of " FCC_FMT "%s" FCC_FMT, FCC_ARG(c->ns), c->collection.len ? ", collection " : "",
                        FCC_ARG(c->collection));
    fcc__buf_puts(out, phantom ? " was then written by " : ", which was then written by ");
    show_writer(l, c, arena, out);
}

const char *ledger_why(const ledger *l, const ledger_committed *block, size_t index, const ledger_names *names,
                       fcc__arena *arena)
{
    ledger_place place = { .block = block->number, .index = (uint32_t)index };
    const char *text = NULL;
    fcc_bytes envelope;
    fcc__buf out;

    if (ledger_envelope(l, place, arena, &envelope) != FCC_OK)
        return ledger_code_name(block->codes[index]);
    fcc__buf_init(&out, TEXT_MAX);
    show_tx(&out, envelope, block->number, index, arena);
    if (block->conflicts[index].ns.len)
        show_conflict(l, block, index, names, arena, &out);
    else
        fcc__buf_printf(&out, ": %s", ledger_code_name(block->codes[index]));
    if (fcc__buf_ok(&out))
        text = fcc__arena_printf(arena, "%s", fcc__buf_cstr(&out));
    fcc__buf_clear(&out);
    return text ? text : ledger_code_name(block->codes[index]);
}
