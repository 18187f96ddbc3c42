/*
 * The transactions of `_lifecycle` that real Fabric peers endorsed and committed, simulated anew on the state of their
 * time: the read-write sets are the same, byte for byte. What approvals have written privately is kept, so that later
 * ones see it.
 */
#include "test/unit/network/ledger/recorded.h"

#include "scc/scc.h"

#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

struct counts {
    size_t blocks, approvals, commits;
};

static const char *allow(void *ctx, const char *resource, fcc_bytes channel, fcc__arena *arena)
{
    (void)ctx;
    (void)resource;
    (void)channel;
    (void)arena;
    return NULL;
}

/* The organisation of one of the peers that endorsed it. */
static const char *endorser(const ledger__transaction *tx, fcc__arena *arena)
{
    Msp__SerializedIdentity *identity;

    assert_true(tx->action_payload->action->n_endorsements > 0);
    assert_int_equal(FCC__UNPACK(msp__serialized_identity,
                                 fcc__of_pb(tx->action_payload->action->endorsements[0]->endorser), arena, &identity),
                     FCC_OK);
    return fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(identity->mspid)));
}

static void again(ledger *l, scc_store *store, const ledger__transaction *tx, bool old, fcc__arena *arena,
                  struct counts *counts, const char *path)
{
    Protos__ChaincodeProposalPayload *payload;
    Protos__ChaincodeInvocationSpec *spec;
    const char *mspid = endorser(tx, arena);
    const ledger_sim_options options = { .mspid = mspid,
                                         .txid = tx->txid,
                                         .creator = fcc__of_pb(tx->signature_header->creator) };
    scc_call call = { .ledger = l, .store = store, .mspid = mspid, .deny = allow, .arena = arena, .fabric_2_5 = old };
    Protos__Response response;
    ledger_results results;
    fcc_bytes function;

    assert_int_equal(FCC__UNPACK(protos__chaincode_proposal_payload,
                                 fcc__of_pb(tx->action_payload->chaincode_proposal_payload), arena, &payload),
                     FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(payload->input), arena, &spec), FCC_OK);
    call.args = spec->chaincode_spec->input->args;
    call.arg_count = spec->chaincode_spec->input->n_args;
    call.channel = fcc__of_pb(tx->channel_header->channel_id);
    call.invoked = FCC_LIT("_lifecycle");
    assert_int_equal(ledger_sim_new(l, &options, &call.sim), FCC_OK);
    scc_invoke(FCC_LIT("_lifecycle"), &call, &response);
    if (response.status != 200)
        fail_msg("%s: " FCC_FMT, path, FCC_ARG(fcc__of_pb(response.message)));
    assert_int_equal(ledger_sim_finish(call.sim, arena, &results), FCC_OK);
    ledger_sim_free(call.sim);
    if (!fcc_bytes_equal(results.rwset, fcc__of_pb(tx->action->results)))
        fail_msg("%s: another read-write set", path);
    if (results.private_rwset.len > 0)
        assert_int_equal(ledger_transient_put(l, tx->txid, results.private_rwset), FCC_OK);
    function = fcc__of_pb(call.args[0]);
    counts->approvals += fcc_bytes_equal(function, FCC_LIT("ApproveChaincodeDefinitionForMyOrg"));
    counts->commits += fcc_bytes_equal(function, FCC_LIT("CommitChaincodeDefinition"));
}

static void replay(const char *folder, bool old, struct counts *counts)
{
    static const char *const orgs[] = { "Org1MSP", "Org2MSP" };
    fcc__arena *arena = fcc__arena_new(1 << 28);
    const ledger_options options = { .orgs = orgs, .org_count = 2 };
    fcc_error error = { FCC_OK, "" };
    scc_chaincode found;
    scc_store *store;
    ledger *l;

    assert_int_equal(scc_store_open(NULL, &store, &error), FCC_OK);
    assert_int_equal(ledger_open(&options, &l, &error), FCC_OK);
    for (size_t n = 0;; n++) {
        ledger_committed done;
        ledger__block block;
        fcc_bytes bytes;
        char path[4096];

        fcc__arena_reset(arena);
        snprintf(path, sizeof path, "%s/fabric/%s/%03zu.pb", rec_shared(), folder, n);
        if (!rec_read(path, arena, &bytes))
            break;
        assert_int_equal(ledger__block_unpack(bytes, arena, &block), FCC_OK);
        for (size_t i = 0; i < block.count; i++) {
            ledger__transaction tx;

            assert_int_equal(ledger__transaction_unpack(block.envelopes[i], arena, &tx), FCC_OK);
            if (tx.action && tx.action->chaincode_id &&
                fcc_bytes_equal(fcc__of_pb(tx.action->chaincode_id->name), FCC_LIT("_lifecycle")))
                again(l, store, &tx, old, arena, counts, path);
        }
        if (ledger_commit(l, bytes, arena, &done, &error) != FCC_OK)
            fail_msg("%s: %s", path, error.text);
        counts->blocks++;
    }
    fcc__arena_reset(arena);
    assert_int_equal(scc_resolve(l, "Org1MSP", store, FCC_LIT("probe"), arena, &found), FCC_OK);
    assert_int_equal(found.definition.sequence, 1);
    assert_true(found.approved);
    assert_null(found.package_id); /* nothing is installed */

    ledger_close(l);
    scc_store_close(store);
    fcc__arena_free(arena);
}

static void recorded_approvals_and_commits_come_out_the_same(void **state)
{
    static const struct {
        const char *folder;
        bool old;
    } recordings[] = {
        { "v3.1.5/blocks", false },
        { "v3.1.5/services/blocks", false },
        { "v2.5.16/blocks", true },
        { "v2.5.16/services/blocks", true },
    };
    char path[4096];

    snprintf(path, sizeof path, "%s/fabric/v3.1.5/blocks/000.pb", rec_shared());
    if (access(path, R_OK) != 0)
        SKIP("no recordings in %s", rec_shared());
    for (size_t i = 0; i < sizeof recordings / sizeof recordings[0]; i++) {
        struct counts counts = { 0 };

        replay(recordings[i].folder, recordings[i].old, &counts);
        assert_true(counts.blocks > 1);
        assert_true(counts.approvals >= 2 && counts.commits >= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(recorded_approvals_and_commits_come_out_the_same) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
