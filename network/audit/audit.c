/* audit.c: see audit.h. What a block must look like from outside, then what its transactions must come to. */
#include "audit/audit.h"

#include "base/buf.h"
#include "ledger/block.h"
#include "ledger/transaction.h"
#include "protos/unpack.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>

enum { ARENA_CAP = 1 << 30, TEXT = 400 };

struct audit {
    audit_options o;
    ledger *l;
};

/* One block being checked. */
struct check {
    audit *a;
    fcc__arena *arena;
    fcc_bytes message;
    ledger__block block;
    uint64_t number; /* that it must have */
    size_t findings;
    bool broken; /* hashes, signature or form: its transactions cannot be judged */
};

static const char *const slots[LEDGER__SLOTS] = { "metadata.SIGNATURES", "metadata.LAST_CONFIG",
                                                  "metadata.TRANSACTIONS_FILTER", "metadata.ORDERER",
                                                  "metadata.COMMIT_HASH" };

static void found(struct check *c, const char *part, int64_t tx, bool refused, const char *format, ...)
    FCC_PRINTF(5, 6);

static void found(struct check *c, const char *part, int64_t tx, bool refused, const char *format, ...)
{
    char text[TEXT];
    audit_finding finding = { .block = c->number, .tx = tx, .part = part, .text = text, .refused = refused };
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->findings++;
    if (c->a->o.found)
        c->a->o.found(c->a->o.ctx, &finding);
}

/* Where two byte strings part. */
static size_t first_difference(fcc_bytes a, fcc_bytes b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && a.data[i] == b.data[i])
        i++;
    return i;
}

/* ---- form ---------------------------------------------------------------------------------------------------------- */

/* There is one way to write a block down. Go's reader takes others, keeps what it doesn't know, and says nothing. */
static fcc_status check_encoding(struct check *c)
{
    fcc_bytes again;
    fcc_status st = ledger__block_pack(&c->block, c->arena, &again);

    if (st == FCC_OK && !fcc_bytes_equal(again, c->message))
        found(c, "block", -1, false, "not in its canonical encoding from byte %zu on",
              first_difference(again, c->message));
    return st;
}

/* Fabric refuses blocks with such transactions, unless there is a configuration among them. */
static void check_envelopes(struct check *c)
{
    bool config = ledger__has_config(&c->block, c->arena);

    for (size_t i = 0; i < c->block.count && c->number > 0; i++)
        if (!ledger_envelope_canonical(c->block.envelopes[i], c->arena)) {
            found(c, "data", (int64_t)i, !config, "the envelope is not in its canonical encoding");
            c->broken = true;
        }
}

/* ---- header -------------------------------------------------------------------------------------------------------- */

/* Whose signature over the envelope doesn't hold: there the data were altered. -1: it can't be told. */
static int64_t altered_transaction(struct check *c)
{
    const msp_channel *channel = ledger_channel(c->a->l);

    for (size_t i = 0; channel && i < c->block.count; i++) {
        const msp_identity *creator;
        ledger__transaction tx;
        fcc_bytes payload;

        if (ledger__transaction_unpack(c->block.envelopes[i], c->arena, &tx) != FCC_OK || !tx.signature_header)
            return (int64_t)i;
        payload = fcc__of_pb(tx.envelope->payload);
        if (msp_deserialize(msp_channel_manager(channel), fcc__of_pb(tx.signature_header->creator), &creator, NULL) !=
                FCC_OK ||
            msp_verify(creator, &payload, 1, fcc__of_pb(tx.envelope->signature), NULL) != FCC_OK)
            return (int64_t)i;
    }
    return -1;
}

static void check_header(struct check *c)
{
    const ledger__block *b = &c->block;
    fcc__sha256 last = ledger_hash(c->a->l), data = ledger_data_hash(b->envelopes, b->count);
    fcc__sha256 own = ledger_header_hash(b->number, b->previous_hash, b->data_hash);
    fcc_bytes previous = c->number ? fcc__sha256_bytes(&last) : fcc_bytes_of(NULL, 0);
    size_t before = c->findings;

    if (b->number != c->number)
        found(c, "header.number", -1, true, "it says %" PRIu64 " where block %" PRIu64 " comes next", b->number,
              c->number);
    if (!fcc_bytes_equal(b->previous_hash, previous))
        found(c, "header.previous_hash", -1, c->number > 0, "not the hash of the header before it");
    if (!fcc_bytes_equal(b->data_hash, fcc__sha256_bytes(&data))) {
        int64_t tx = altered_transaction(c);

        found(c, tx >= 0 ? "data" : "header.data_hash", tx, true,
              "the data hash of the header is not that of the data");
    }
    if (c->number == 0 && c->a->o.genesis_hash.len > 0 &&
        !fcc_bytes_equal(fcc__sha256_bytes(&own), c->a->o.genesis_hash))
        found(c, "header.data_hash", -1, false, "not the genesis block that was asked for: its hash is another");
    c->broken = c->broken || c->findings > before;
}

/* ---- metadata ------------------------------------------------------------------------------------------------------ */

/* A slot whose bytes follow from the rest. Peers write slots 2 and 4 themselves and never read 1 and 3. */
static void check_slot(struct check *c, size_t slot, fcc_bytes expected)
{
    fcc_bytes got = c->block.metadata[slot];

    if (!fcc_bytes_equal(got, expected))
        found(c, slots[slot], -1, false, "%zu bytes that differ from the %zu expected at byte %zu", got.len,
              expected.len, first_difference(got, expected));
}

static fcc_status pack_metadata(struct check *c, fcc_bytes value, fcc_bytes *out)
{
    Common__Metadata metadata = COMMON__METADATA__INIT;

    metadata.value = fcc__pb(value);
    return fcc__pack(&metadata, c->arena, out);
}

/* The number of the newest configuration, this block's own included. */
static uint64_t last_config(struct check *c)
{
    return c->number == 0 || ledger__has_config(&c->block, c->arena) ? c->number : ledger_config_block(c->a->l);
}

/* Slot 1: that number, in the form of long ago. */
static fcc_status check_last_config(struct check *c)
{
    Common__LastConfig last = COMMON__LAST_CONFIG__INIT;
    fcc_bytes value, slot;
    fcc_status st;

    last.index = last_config(c);
    st = fcc__pack(&last, c->arena, &value);
    if (st == FCC_OK)
        st = pack_metadata(c, value, &slot);
    if (st == FCC_OK)
        check_slot(c, LEDGER__LAST_CONFIG, slot);
    return st;
}

/* The genesis block is signed by nobody: its metadata have one form. */
static fcc_status check_genesis_slots(struct check *c)
{
    static const uint8_t signatures[] = { 0x0a, 0x02, 0x0a, 0x00 };

    check_slot(c, LEDGER__SIGNATURES, fcc_bytes_of(signatures, sizeof(signatures)));
    return check_last_config(c);
}

/* Slot 0 in its canonical form, signed as the channel asks. */
static fcc_status check_signatures(struct check *c)
{
    fcc_bytes slot = c->block.metadata[LEDGER__SIGNATURES], again;
    Common__Metadata *metadata;
    fcc_error why = { 0 };
    fcc_status st;

    st = ledger__verify_block(ledger_channel(c->a->l), &c->block, last_config(c), &why);
    if (st == FCC_ERR_NOMEM || st == FCC_ERR_LIMIT)
        return st;
    if (st != FCC_OK) {
        /* what is signed is the header, this slot's value and the signer: header findings have been told */
        found(c, slots[LEDGER__SIGNATURES], -1, true, "%s", why.text);
        c->broken = true;
    }
    if (FCC__UNPACK(common__metadata, slot, c->arena, &metadata) != FCC_OK)
        return FCC_OK; /* told */
    st = fcc__pack(metadata, c->arena, &again);
    if (st == FCC_OK && (metadata->base.n_unknown_fields > 0 || !fcc_bytes_equal(again, slot)))
        found(c, slots[LEDGER__SIGNATURES], -1, false, "not in its canonical encoding from byte %zu on",
              first_difference(again, slot));
    return st;
}

static fcc_status check_metadata(struct check *c)
{
    fcc_status st = c->number == 0 ? check_genesis_slots(c) : check_signatures(c);

    if (st == FCC_OK && c->number > 0)
        st = check_last_config(c);
    if (st == FCC_OK)
        check_slot(c, LEDGER__ORDERER, fcc_bytes_of(NULL, 0));
    return st;
}

/* ---- what the transactions come to --------------------------------------------------------------------------------- */

static void check_codes(struct check *c, const ledger_committed *judged)
{
    fcc_bytes filter = c->block.metadata[LEDGER__FILTER];

    if (filter.len != judged->count) {
        found(c, slots[LEDGER__FILTER], -1, false, "%zu codes for %zu transactions", filter.len, judged->count);
        return;
    }
    for (size_t i = 0; i < judged->count; i++)
        if (filter.data[i] != judged->codes[i])
            found(c, slots[LEDGER__FILTER], (int64_t)i, false, "recorded as %s (%u), but it is %s (%u)",
                  ledger_code_name(filter.data[i]), filter.data[i], ledger_code_name(judged->codes[i]),
                  judged->codes[i]);
}

static fcc_status check_state(struct check *c)
{
    ledger_committed judged;
    ledger__block sealed;
    fcc_error why = { 0 };
    fcc_status st = ledger_judge(c->a->l, c->message, c->arena, &judged, &why);

    if (st == FCC_ERR_CORRUPT || st == FCC_ERR_CONFIG || st == FCC_ERR_AUTH) {
        found(c, "data", -1, true, "%s", why.text);
        c->broken = true;
        return FCC_OK;
    }
    if (st == FCC_OK)
        st = ledger__block_unpack(judged.block, c->arena, &sealed);
    if (st != FCC_OK)
        return st;
    check_codes(c, &judged);
    check_slot(c, LEDGER__COMMIT_HASH, sealed.metadata[LEDGER__COMMIT_HASH]);
    return FCC_OK;
}

/* ---- one block ----------------------------------------------------------------------------------------------------- */

static fcc_status check_block(struct check *c)
{
    fcc_status st = ledger__block_unpack(c->message, c->arena, &c->block);

    if (st == FCC_ERR_PROTO) {
        found(c, "block", -1, true, "not a readable common.Block");
        c->broken = true;
        return FCC_OK;
    }
    if (st == FCC_OK)
        st = check_encoding(c);
    if (st != FCC_OK)
        return st;
    check_envelopes(c);
    check_header(c);
    st = check_metadata(c);
    if (st == FCC_OK && !c->broken)
        st = check_state(c);
    return st;
}

static fcc_status run(audit *a, fcc_bytes block, bool take, size_t *findings, fcc_error *error)
{
    struct check c = { .a = a, .message = block, .number = ledger_height(a->l), .arena = fcc__arena_new(ARENA_CAP) };
    ledger_committed done;
    fcc_status st = c.arena ? check_block(&c) : FCC_ERR_NOMEM;

    *findings = c.findings;
    if (st != FCC_OK)
        fcc_error_set(error, st, "block %" PRIu64 " could not be checked: %s", c.number, fcc_status_text(st));
    else if (take && c.broken)
        st = fcc_error_set(error, FCC_ERR_CORRUPT,
                           "block %" PRIu64 " is damaged: nothing can be said about the blocks behind it", c.number);
    else if (take)
        st = ledger_commit(a->l, block, c.arena, &done, error);
    fcc__arena_free(c.arena);
    return st;
}

fcc_status audit_check(audit *a, fcc_bytes block, size_t *findings, fcc_error *error)
{
    return run(a, block, false, findings, error);
}

fcc_status audit_take(audit *a, fcc_bytes block, size_t *findings, fcc_error *error)
{
    return run(a, block, true, findings, error);
}

fcc_status audit_count(fcc_bytes message, fcc__arena *arena, uint64_t *transactions, uint64_t *valid)
{
    ledger__block block;
    fcc_status st = ledger__block_unpack(message, arena, &block);

    if (st != FCC_OK)
        return st;
    *transactions = block.count;
    *valid = 0;
    for (size_t i = 0; i < block.metadata[LEDGER__FILTER].len; i++)
        *valid += block.metadata[LEDGER__FILTER].data[i] == 0;
    return FCC_OK;
}

fcc_status audit_hash(fcc_bytes message, fcc__arena *arena, fcc__sha256 *hash)
{
    ledger__block block;
    fcc_status st = ledger__block_unpack(message, arena, &block);

    if (st == FCC_OK)
        *hash = ledger_header_hash(block.number, block.previous_hash, block.data_hash);
    return st;
}

uint64_t audit_height(const audit *a)
{
    return ledger_height(a->l);
}

fcc_status audit_open(const audit_options *options, audit **out, fcc_error *error)
{
    audit *a = calloc(1, sizeof(*a));
    ledger_options own = { .dir = options->dir };
    fcc_status st;

    if (!a)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    a->o = *options;
    st = ledger_open(&own, &a->l, error);
    if (st != FCC_OK) {
        free(a);
        return st;
    }
    *out = a;
    return FCC_OK;
}

void audit_close(audit *a)
{
    if (!a)
        return;
    ledger_close(a->l);
    free(a);
}
