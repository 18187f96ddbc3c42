/*
 * recorded.h: the channels that were recorded from real Fabric networks, for tests: their blocks, the keys of everybody
 * who signed in them, and transactions taken apart so that they can be altered, endorsed and signed again.
 */
#ifndef TEST_UNIT_NETWORK_LEDGER_RECORDED_H
#define TEST_UNIT_NETWORK_LEDGER_RECORDED_H

#include "ledger/block.h"
#include "ledger/internal.h"
#include "protos/unpack.h"
#include "test/support/skip.h"

#include "msp/identities.pb-c.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define REC_CODE(name) ((uint8_t)PROTOS__TX_VALIDATION_CODE__##name)

static inline const char *rec_shared(void)
{
    const char *dir = getenv("MEDSYNC_SHARED");

    return dir ? dir : "../shared";
}

/* false when there is no such file. */
static inline bool rec_read(const char *path, fcc__arena *arena, fcc_bytes *out)
{
    FILE *file = fopen(path, "rb");
    uint8_t *room;
    long size;

    if (!file)
        return false;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    room = fcc__arena_alloc(arena, (size_t)size);
    assert_non_null(room);
    assert_int_equal(fread(room, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    *out = fcc_bytes_of(room, (size_t)size);
    return true;
}

/* Block `number` of fabric/<folder>/blocks. */
static inline bool rec_block(const char *folder, size_t number, fcc__arena *arena, fcc_bytes *out)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/fabric/%s/blocks/%03zu.pb", rec_shared(), folder, number);
    return rec_read(path, arena, out);
}

static inline bool rec_have(const char *folder)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/fabric/%s/blocks/000.pb", rec_shared(), folder);
    return access(path, R_OK) == 0;
}

/* ---- who signed ------------------------------------------------------------------------------------------------------ */

enum { REC_SIGNERS = 64 };

typedef struct rec_keys {
    msp_signer *v[REC_SIGNERS];
    size_t n;
} rec_keys;

/* All keys below fabric/<folder>/crypto. */
static inline void rec_keys_load(const char *folder, rec_keys *keys)
{
    static const struct {
        const char *pattern, *mspid;
    } places[] = {
        { "peerOrganizations/org1.test/*/*/msp", "Org1MSP" },
        { "peerOrganizations/org2.test/*/*/msp", "Org2MSP" },
        { "ordererOrganizations/orderer.test/*/*/msp", "OrdererMSP" },
    };
    char path[4096];
    glob_t found;

    keys->n = 0;
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        snprintf(path, sizeof path, "%s/fabric/%s/crypto/%s", rec_shared(), folder, places[p].pattern);
        if (glob(path, 0, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc && keys->n < REC_SIGNERS; i++) {
            fcc_error error;

            if (msp_signer_load(found.gl_pathv[i], places[p].mspid, &keys->v[keys->n], &error) == FCC_OK)
                keys->n++;
        }
        globfree(&found);
    }
}

static inline void rec_keys_free(rec_keys *keys)
{
    while (keys->n > 0)
        msp_signer_free(keys->v[--keys->n]);
}

/* NULL when its key is not there. */
static inline msp_signer *rec_signer(const rec_keys *keys, fcc_bytes identity)
{
    for (size_t i = 0; i < keys->n; i++)
        if (fcc_bytes_equal(msp_signer_identity(keys->v[i]), identity))
            return keys->v[i];
    return NULL;
}

/* Somebody of this organisation who is not `not`. */
static inline msp_signer *rec_other(const rec_keys *keys, const char *mspid, const msp_signer * not )
{
    for (size_t i = 0; i < keys->n; i++)
        if (keys->v[i] != not &&strcmp(msp_signer_mspid(keys->v[i]), mspid) == 0)
            return keys->v[i];
    return NULL;
}

/* ---- making a transaction again -------------------------------------------------------------------------------------- */

enum { REC_ENDORSERS = 8 };

/*
 * A transaction in pieces. Alter what you like, then rec_remake: what follows from the pieces (hashes, signatures) is
 * made anew, so that exactly the alteration is wrong. The flags leave something wrong on purpose.
 */
typedef struct rec_tx {
    fcc__arena *arena;
    const rec_keys *keys;
    Common__ChannelHeader *channel;
    Common__SignatureHeader *header;
    fcc_bytes proposal; /* ChaincodeProposalPayload */
    Protos__ChaincodeAction *action;
    Rwset__TxReadWriteSet *set; /* of action->results */
    fcc_bytes results;          /* when not empty: these bytes instead of `set` */
    fcc_bytes extension;        /* when not empty: these bytes instead of `action` */
    fcc_bytes data;             /* when not empty: these bytes instead of the transaction */
    const msp_signer *endorsers[REC_ENDORSERS];
    size_t endorser_count;
    const msp_signer *signer; /* of the envelope */
    size_t actions;           /* usually 1 */
    bool other_hash;          /* the endorsers have seen another proposal */
    bool other_bytes;         /* the endorsements are over other bytes */
    bool bad_signature;       /* the envelope's signature is damaged */
} rec_tx;

static inline fcc_bytes rec_pack(fcc__arena *arena, const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, arena, &out), FCC_OK);
    return out;
}

/* false: not an endorser transaction, or somebody's key is not there. */
static inline bool rec_take(fcc_bytes envelope, const rec_keys *keys, fcc__arena *arena, rec_tx *out)
{
    ledger__transaction tx;

    memset(out, 0, sizeof *out);
    assert_int_equal(ledger__transaction_unpack(envelope, arena, &tx), FCC_OK);
    if (!tx.action)
        return false;
    out->arena = arena;
    out->keys = keys;
    out->channel = tx.channel_header;
    out->header = tx.signature_header;
    out->proposal = fcc__of_pb(tx.action_payload->chaincode_proposal_payload);
    out->action = tx.action;
    out->actions = 1;
    out->signer = rec_signer(keys, fcc__of_pb(tx.signature_header->creator));
    assert_int_equal(FCC__UNPACK(rwset__tx_read_write_set, fcc__of_pb(tx.action->results), arena, &out->set), FCC_OK);
    for (size_t i = 0; i < tx.action_payload->action->n_endorsements; i++) {
        out->endorsers[i] = rec_signer(keys, fcc__of_pb(tx.action_payload->action->endorsements[i]->endorser));
        if (!out->endorsers[i])
            return false;
        out->endorser_count++;
    }
    return out->signer != NULL;
}

static inline fcc_bytes rec_response(rec_tx *tx, fcc_bytes channel, fcc_bytes header)
{
    Protos__ProposalResponsePayload answer = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;
    fcc_bytes parts[3] = { channel, header, tx->proposal };
    fcc__sha256 hash = fcc__sha256_of_many(parts, 3);

    if (tx->other_hash)
        hash.bytes[0] ^= 1;
    tx->action->results = fcc__pb(tx->results.len ? tx->results : rec_pack(tx->arena, tx->set));
    answer.proposal_hash = fcc__pb(fcc__sha256_bytes(&hash));
    answer.extension = fcc__pb(tx->extension.len ? tx->extension : rec_pack(tx->arena, tx->action));
    return rec_pack(tx->arena, &answer);
}

static inline void rec_endorse(rec_tx *tx, fcc_bytes payload, Protos__ChaincodeEndorsedAction *out)
{
    out->proposal_response_payload = fcc__pb(payload);
    out->n_endorsements = tx->endorser_count;
    out->endorsements = fcc__arena_zalloc(tx->arena, REC_ENDORSERS, sizeof *out->endorsements);
    for (size_t i = 0; i < tx->endorser_count; i++) {
        Protos__Endorsement *one = fcc__arena_zalloc(tx->arena, 1, sizeof *one);
        fcc_bytes signature, parts[3] = { payload, msp_signer_identity(tx->endorsers[i]), FCC_LIT("other") };

        protos__endorsement__init(one);
        assert_int_equal(msp_sign(tx->endorsers[i], parts, tx->other_bytes ? 3 : 2, tx->arena, &signature), FCC_OK);
        one->endorser = fcc__pb(parts[1]);
        one->signature = fcc__pb(signature);
        out->endorsements[i] = one;
    }
}

/* The envelope. */
static inline fcc_bytes rec_remake(rec_tx *tx)
{
    Protos__ChaincodeEndorsedAction endorsed = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ChaincodeActionPayload action_payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    Protos__TransactionAction action = PROTOS__TRANSACTION_ACTION__INIT, *actions[] = { &action, &action };
    Protos__Transaction transaction = PROTOS__TRANSACTION__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    fcc_bytes bytes, signature;
    uint8_t *flipped;

    header.channel_header = fcc__pb(rec_pack(tx->arena, tx->channel));
    header.signature_header = fcc__pb(rec_pack(tx->arena, tx->header));
    rec_endorse(tx, rec_response(tx, fcc__of_pb(header.channel_header), fcc__of_pb(header.signature_header)),
                &endorsed);
    action_payload.chaincode_proposal_payload = fcc__pb(tx->proposal);
    action_payload.action = &endorsed;
    action.header = header.signature_header;
    action.payload = fcc__pb(rec_pack(tx->arena, &action_payload));
    transaction.n_actions = tx->actions;
    transaction.actions = actions;
    payload.header = &header;
    payload.data = fcc__pb(tx->data.len ? tx->data : rec_pack(tx->arena, &transaction));
    bytes = rec_pack(tx->arena, &payload);
    assert_int_equal(msp_sign(tx->signer, &bytes, 1, tx->arena, &signature), FCC_OK);
    if (tx->bad_signature) {
        assert_true(fcc__arena_copy(tx->arena, signature, &signature));
        flipped = (uint8_t *)(uintptr_t)signature.data;
        flipped[signature.len - 1] ^= 1;
    }
    envelope.payload = fcc__pb(bytes);
    envelope.signature = fcc__pb(signature);
    return rec_pack(tx->arena, &envelope);
}

/* These envelopes as the next block of the ledger, signed by the recorded orderer. */
static inline fcc_bytes rec_next_block(ledger *l, const rec_keys *keys, const fcc_bytes *envelopes, size_t count,
                                       fcc__arena *arena)
{
    fcc_bytes block;

    assert_int_equal(ledger_next_block(l, envelopes, count, rec_other(keys, "OrdererMSP", NULL), arena, &block),
                     FCC_OK);
    return block;
}

/* The range query that was recorded, made again on the state of its time: the same record. */
static inline size_t rec_requery(ledger *l, fcc_bytes ns, Kvrwset__RangeQueryInfo *info, fcc__arena *arena,
                                 const char *path)
{
    ledger_sim_options options = { .mspid = "Org1MSP", .txid = FCC_LIT("x"), .creator = FCC_LIT("x") };
    fcc_bytes none = { NULL, 0 }, ours, recorded, end = info->itr_exhausted ? fcc__of_pb(info->end_key) : none;
    ledger_results results;
    ledger__rwset set;
    ledger_iter *iter;
    ledger_page page;
    ledger_sim *sim;
    /* few results and not the end: that was a page */
    int32_t size = !info->itr_exhausted && info->reads_info_case == KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS
                       ? (int32_t)info->raw_reads->n_kv_reads
                       : 0;

    assert_int_equal(ledger_sim_new(l, &options, &sim), FCC_OK);
    assert_int_equal(ledger_sim_range(sim, ns, none, fcc__of_pb(info->start_key), end, size, none, &iter), FCC_OK);
    do {
        assert_int_equal(ledger_iter_page(iter, arena, &page), FCC_OK);
    } while (page.has_more && info->itr_exhausted);
    assert_int_equal(ledger_sim_finish(sim, arena, &results), FCC_OK);
    ledger_sim_free(sim);
    assert_int_equal(ledger__rwset_unpack(results.rwset, arena, &set), FCC_OK);
    assert_int_equal(fcc__pack(set.namespaces[0].set->range_queries_info[0], arena, &ours), FCC_OK);
    assert_int_equal(fcc__pack(info, arena, &recorded), FCC_OK);
    if (!fcc_bytes_equal(ours, recorded))
        fail_msg("%s: a range from " FCC_FMT " is recorded differently", path, FCC_ARG(fcc__of_pb(info->start_key)));
    return 1;
}

#endif
