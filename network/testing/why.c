/* why.c: what an invalid transaction ran into, in words: the ledger's, with the plain keys of private data. */
#include "testing/internal.h"

#include "base/hash.h"

static bool key_of_hash(void *ctx, fcc_bytes hash, fcc_bytes *key)
{
    const fcc_test *t = ctx;

    for (const testing_plain *p = t->plain; p; p = p->next) {
        fcc__sha256 digest = fcc__sha256_of(p->key);

        if (fcc_bytes_equal(fcc__sha256_bytes(&digest), hash)) {
            *key = p->key;
            return true;
        }
    }
    return false;
}

const char *testing_why(fcc_test *t, const testing_tx *tx, const ledger_committed *block)
{
    const ledger_names names = { key_of_hash, t };
    const char *text;

    if (tx->result.code == FCC_TEST_ENDORSEMENT_POLICY_FAILURE)
        text = fcc__arena_printf(
            t->arena,
            "%s of %s (transaction %zu of block %llu, %.8s) is endorsed by %s, and the policies of what it writes want "
            "others",
            tx->function, msp_signer_mspid(tx->caller), tx->index, (unsigned long long)tx->block, tx->result.tx_id,
            tx->endorsers);
    else
        text = ledger_why(t->ledger, block, tx->index, &names, t->arena);
    return testing_memory((void *)(uintptr_t)text);
}
