/*
 * fixture.h: a small consortium of three organisations made up on the spot, and a client that gets transactions endorsed
 * and ordered, for the tests of network/ledger.
 */
#ifndef TEST_UNIT_NETWORK_LEDGER_FIXTURE_H
#define TEST_UNIT_NETWORK_LEDGER_FIXTURE_H

#include "ledger/block.h"
#include "ledger/internal.h"
#include "ledger/ledger.h"
#include "msp/material.h"
#include "msp/policy.h"
#include "protos/unpack.h"
#include "test/support/three_orgs.h"

#include "common/common.pb-c.h"
#include "ledger/queryresult/kv_query_result.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIX_ORGS = 3 };

static const char *const fix_mspids[FIX_ORGS] = { "AMSP", "BMSP", "CMSP" };

typedef struct fixture {
    char dir[64]; /* of everything; removed at the end */
    char ledger_dir[128];
    bool on_disk;
    config_network *network;
    fcc__arena *arena; /* for all that a test makes */
    fcc_bytes genesis;
    msp_signer *orderer, *peers[FIX_ORGS], *users[FIX_ORGS];
    ledger_definition any, both; /* `any`: one peer, with collections; `both`: A's and B's peers */
    ledger *l;
    uint64_t nonces;
    bool disk_fails; /* private data need not be kept; `kept` says whether they were */
    fcc_status kept;
} fixture;

static inline fcc_status fix_lookup(void *ctx, fcc_bytes name, ledger_definition *out)
{
    fixture *f = ctx;

    if (fcc_bytes_equal(name, FCC_LIT("any")))
        *out = f->any;
    else if (fcc_bytes_equal(name, FCC_LIT("both")))
        *out = f->both;
    else
        return FCC_ERR_NOT_FOUND;
    return FCC_OK;
}

static inline fcc_status fix_try_open(fixture *f, fcc_error *error)
{
    ledger_options options = { .dir = f->on_disk ? f->ledger_dir : NULL,
                               .orgs = fix_mspids,
                               .org_count = FIX_ORGS,
                               .definition = fix_lookup,
                               .definition_ctx = f };

    return ledger_open(&options, &f->l, error);
}

static inline void fix_open(fixture *f)
{
    fcc_error error = { FCC_OK, "" };

    if (fix_try_open(f, &error) != FCC_OK)
        fail_msg("%s", error.text);
}

static inline void fix_reopen(fixture *f)
{
    ledger_close(f->l);
    f->l = NULL;
    fix_open(f);
}

static inline fcc_bytes fix_policy(fixture *f, const char *text)
{
    fcc_bytes envelope, out;

    assert_int_equal(msp_policy_parse(text, f->arena, &envelope, NULL), FCC_OK);
    assert_int_equal(msp_policy_application(envelope, f->arena, &out), FCC_OK);
    return out;
}

static inline void fix_define(fixture *f)
{
    static const config_collection collections[] = {
        { .name = "all", .policy = "OR('AMSP.member','BMSP.member','CMSP.member')", .max_peer_count = 2 },
        { .name = "ab",
          .policy = "OR('AMSP.member','BMSP.member')",
          .max_peer_count = 1,
          .member_only_read = true,
          .member_only_write = true },
        { .name = "brief", .policy = "OR('AMSP.member')", .max_peer_count = 1, .block_to_live = 1 },
        { .name = "strict",
          .policy = "OR('AMSP.member','BMSP.member')",
          .max_peer_count = 1,
          .endorsement_policy = "AND('AMSP.peer','BMSP.peer')" },
    };
    config_collections list = { collections, sizeof collections / sizeof collections[0] };

    f->any.version = f->both.version = FCC_LIT("1");
    f->any.policy = fix_policy(f, "OR('AMSP.peer','BMSP.peer','CMSP.peer')");
    f->both.policy = fix_policy(f, "AND('AMSP.peer','BMSP.peer')");
    assert_int_equal(msp_collections_pack(list, f->arena, &f->any.collections, NULL), FCC_OK);
}

static inline void fix_commit_genesis(fixture *f)
{
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;

    if (ledger_commit(f->l, f->genesis, f->arena, &done, &error) != FCC_OK)
        fail_msg("%s", error.text);
}

/* Everything but the ledger, in this directory, whose certificates are used again when it has any. */
static inline fixture *fix_prepare_in(const char *dir, bool disk)
{
    fixture *f = calloc(1, sizeof *f);
    fcc_error error = { FCC_OK, "" };
    char crypto[128];
    size_t i;

    assert_true(strlen(dir) < sizeof f->dir);
    strcpy(f->dir, dir);
    snprintf(f->ledger_dir, sizeof f->ledger_dir, "%s/ledger", f->dir);
    snprintf(crypto, sizeof crypto, "%s/crypto", f->dir);
    f->on_disk = disk;
    f->arena = fcc__arena_new((size_t)1 << 30);
    assert_non_null(f->arena);
    if (config_parse(fcc_str(three_orgs_yaml), "fixture.yaml", &f->network, &error) != FCC_OK ||
        (access(crypto, F_OK) != 0 && msp_generate(f->network, crypto, &error) != FCC_OK) ||
        msp_genesis(f->network, crypto, 1800000000, f->arena, &f->genesis, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(msp_signer_load(msp_path_orderer_msp(f->arena, crypto, &f->network->orderer, 0), "OrdererMSP",
                                     &f->orderer, NULL),
                     FCC_OK);
    for (i = 0; i < FIX_ORGS; i++) {
        const config_org *org = &f->network->orgs[i];

        assert_int_equal(msp_signer_load(msp_path_peer_msp(f->arena, crypto, org), org->mspid, &f->peers[i], NULL),
                         FCC_OK);
        assert_int_equal(msp_signer_load(msp_path_user_msp(f->arena, crypto, org, "u"), org->mspid, &f->users[i], NULL),
                         FCC_OK);
    }
    fix_define(f);
    return f;
}

/* Everything but the ledger. */
static inline fixture *fix_prepare(bool disk)
{
    char dir[] = "/tmp/ledger-test-XXXXXX";

    assert_non_null(mkdtemp(dir));
    return fix_prepare_in(dir, disk);
}

/* Everything up to a channel with its genesis block. `disk`: to be opened again. */
static inline fixture *fix_new(bool disk)
{
    fixture *f = fix_prepare(disk);

    fix_open(f);
    fix_commit_genesis(f);
    return f;
}

static inline void fix_free(fixture *f)
{
    char command[256];
    size_t i;

    ledger__fault = LEDGER__NEVER;
    ledger_close(f->l);
    msp_signer_free(f->orderer);
    for (i = 0; i < FIX_ORGS; i++) {
        msp_signer_free(f->peers[i]);
        msp_signer_free(f->users[i]);
    }
    config_free(f->network);
    fcc__arena_free(f->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
}

static inline int fix_setup(void **state)
{
    *state = fix_new(false);
    return 0;
}

static inline int fix_setup_on_disk(void **state)
{
    *state = fix_new(true);
    return 0;
}

static inline int fix_teardown(void **state)
{
    fix_free(*state);
    return 0;
}

/* ---- simulating ------------------------------------------------------------------------------------------------------ */

/* A simulation at organisation `org`, asked for by its own user. */
static inline ledger_sim *fix_sim_for(fixture *f, size_t org, size_t user)
{
    ledger_sim_options options = { .mspid = fix_mspids[org],
                                   .txid = FCC_LIT("txid"),
                                   .creator = msp_signer_identity(f->users[user]) };
    ledger_sim *sim;

    assert_int_equal(ledger_sim_new(f->l, &options, &sim), FCC_OK);
    return sim;
}

static inline ledger_sim *fix_sim(fixture *f, size_t org)
{
    return fix_sim_for(f, org, org);
}

static inline ledger_results fix_finish(fixture *f, ledger_sim *sim)
{
    ledger_results results;

    assert_int_equal(ledger_sim_finish(sim, f->arena, &results), FCC_OK);
    ledger_sim_free(sim);
    return results;
}

static inline void fix_put(ledger_sim *sim, const char *ns, const char *collection, const char *key, const char *value)
{
    fcc_status st = ledger_sim_put(sim, fcc_str(ns), fcc_str(collection), fcc_str(key), fcc_str(value));

    if (st != FCC_OK)
        fail_msg("%s: %s", key, ledger_sim_error(sim));
}

/* The value as text, in the arena; "" when absent; "!" and the cause when refused. */
static inline const char *fix_get(fixture *f, ledger_sim *sim, const char *ns, const char *collection, const char *key)
{
    fcc_bytes value;
    fcc_status st = ledger_sim_get(sim, fcc_str(ns), fcc_str(collection), fcc_str(key), &value);

    if (st == FCC_ERR_PEER)
        return fcc__arena_printf(f->arena, "!%s", ledger_sim_error(sim));
    assert_int_equal(st, FCC_OK);
    return fcc__arena_printf(f->arena, FCC_FMT, FCC_ARG(value));
}

/* What organisation `org` sees now. */
static inline const char *fix_see(fixture *f, size_t org, const char *ns, const char *collection, const char *key)
{
    ledger_sim *sim = fix_sim(f, org);
    const char *value = fix_get(f, sim, ns, collection, key);

    ledger_sim_free(sim);
    return value;
}

/* ---- transactions ---------------------------------------------------------------------------------------------------- */

static inline fcc_bytes fix_pack(fixture *f, const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, f->arena, &out), FCC_OK);
    return out;
}

typedef struct fix_tx {
    fcc_bytes envelope;
    fcc_bytes txid;
} fix_tx;

/*
 * A signed transaction of A's user on chaincode `cc` with this read-write set, endorsed by the organisations in `by`, a
 * bit each. Its private part, when there is one, goes into the transient store.
 */
static inline fix_tx fix_endorse(fixture *f, const char *cc, ledger_results results, unsigned by)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature_header = COMMON__SIGNATURE_HEADER__INIT;
    Protos__ChaincodeProposalPayload proposal = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    Protos__ChaincodeAction action = PROTOS__CHAINCODE_ACTION__INIT;
    Protos__ProposalResponsePayload answer = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;
    Protos__Endorsement endorsements[FIX_ORGS], *endorsement_list[FIX_ORGS];
    Protos__ChaincodeEndorsedAction endorsed = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ChaincodeActionPayload action_payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    Protos__TransactionAction tx_action = PROTOS__TRANSACTION_ACTION__INIT, *tx_actions[] = { &tx_action };
    Protos__Transaction tx = PROTOS__TRANSACTION__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    fcc_bytes nonce = fcc_str(fcc__arena_printf(f->arena, "nonce %llu", (unsigned long long)++f->nonces));
    fcc_bytes creator = msp_signer_identity(f->users[0]), parts[3], signature, payload_bytes;
    fcc__sha256 hash;
    fix_tx out;
    size_t i;

    out.txid = ledger__txid(nonce, creator, f->arena);
    id.name = fcc__pb(fcc_str(cc));
    extension.chaincode_id = &id;
    time.seconds = 1800000000 + (int64_t)f->nonces;
    channel.type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    channel.timestamp = &time;
    channel.channel_id = fcc__pb(FCC_LIT("test"));
    channel.tx_id = fcc__pb(out.txid);
    channel.extension = fcc__pb(fix_pack(f, &extension));
    signature_header.creator = fcc__pb(creator);
    signature_header.nonce = fcc__pb(nonce);
    header.channel_header = fcc__pb(fix_pack(f, &channel));
    header.signature_header = fcc__pb(fix_pack(f, &signature_header));
    proposal.input = fcc__pb(FCC_LIT("\n\0"));
    action_payload.chaincode_proposal_payload = fcc__pb(fix_pack(f, &proposal));
    parts[0] = fcc__of_pb(header.channel_header);
    parts[1] = fcc__of_pb(header.signature_header);
    parts[2] = fcc__of_pb(action_payload.chaincode_proposal_payload);
    hash = fcc__sha256_of_many(parts, 3);
    response.status = 200;
    id.version = fcc__pb(FCC_LIT("1"));
    action.results = fcc__pb(results.rwset);
    action.response = &response;
    action.chaincode_id = &id;
    answer.proposal_hash = fcc__pb(fcc__sha256_bytes(&hash));
    answer.extension = fcc__pb(fix_pack(f, &action));
    endorsed.proposal_response_payload = fcc__pb(fix_pack(f, &answer));
    endorsed.endorsements = endorsement_list;
    for (i = 0; i < FIX_ORGS; i++) {
        Protos__Endorsement *one = &endorsements[endorsed.n_endorsements];

        if (!(by & 1u << i))
            continue;
        protos__endorsement__init(one);
        parts[0] = fcc__of_pb(endorsed.proposal_response_payload);
        parts[1] = msp_signer_identity(f->peers[i]);
        assert_int_equal(msp_sign(f->peers[i], parts, 2, f->arena, &signature), FCC_OK);
        one->endorser = fcc__pb(parts[1]);
        one->signature = fcc__pb(signature);
        endorsement_list[endorsed.n_endorsements++] = one;
    }
    action_payload.action = &endorsed;
    tx_action.header = header.signature_header;
    tx_action.payload = fcc__pb(fix_pack(f, &action_payload));
    tx.n_actions = 1;
    tx.actions = tx_actions;
    payload.header = &header;
    payload.data = fcc__pb(fix_pack(f, &tx));
    payload_bytes = fix_pack(f, &payload);
    assert_int_equal(msp_sign(f->users[0], &payload_bytes, 1, f->arena, &signature), FCC_OK);
    envelope.payload = fcc__pb(payload_bytes);
    envelope.signature = fcc__pb(signature);
    out.envelope = fix_pack(f, &envelope);
    f->kept = ledger_transient_put(f->l, out.txid, results.private_rwset);
    assert_true(f->kept == FCC_OK || f->disk_fails);
    return out;
}

/* Order these transactions into one block. */
static inline fcc_bytes fix_order(fixture *f, const fix_tx *txs, size_t count)
{
    fcc_bytes *envelopes = fcc__arena_zalloc(f->arena, count, sizeof *envelopes), block;
    size_t i;

    for (i = 0; i < count; i++)
        envelopes[i] = txs[i].envelope;
    assert_int_equal(ledger_next_block(f->l, envelopes, count, f->orderer, f->arena, &block), FCC_OK);
    return block;
}

/* And commit it; returns the codes. */
static inline const uint8_t *fix_commit(fixture *f, const fix_tx *txs, size_t count)
{
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;

    if (ledger_commit(f->l, fix_order(f, txs, count), f->arena, &done, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(done.count, count);
    return done.codes;
}

/* Simulate one write at A, endorse by A, commit; returns the code. */
static inline uint8_t fix_write(fixture *f, const char *collection, const char *key, const char *value)
{
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    fix_put(sim, "any", collection, key, value);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    return fix_commit(f, &tx, 1)[0];
}

#define FIX_CODE(name) PROTOS__TX_VALIDATION_CODE__##name

#endif
