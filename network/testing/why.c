/*
 * why.c: what an invalid transaction ran into, in words. The ledger's verdict is a code; which transaction is to blame
 * follows from the read-write sets: a valid one, ordered between its endorsement and itself, that writes what it read.
 */
#include "testing/internal.h"

#include "base/hash.h"
#include "ledger/transaction.h"
#include "protos/unpack.h"

typedef struct found {
    const testing_tx *writer;
    fcc_bytes ns, collection, key; /* with a collection, the key's hash */
} found;

/* Does the key lie in the range that was read? */
static bool in_range(const Kvrwset__RangeQueryInfo *range, fcc_bytes key)
{
    fcc_bytes end = fcc__of_pb(range->end_key);
    int order = end.len ? fcc_bytes_compare(key, end) : -1;

    return fcc_bytes_compare(key, fcc__of_pb(range->start_key)) >= 0 &&
           (order < 0 || (order == 0 && !range->itr_exhausted));
}

static bool writes_public(const Kvrwset__KVRWSet *set, const Kvrwset__KVRWSet *reader, bool phantom, fcc_bytes *key)
{
    for (size_t w = 0; w < set->n_writes + set->n_metadata_writes; w++) {
        *key = fcc__of_pb(w < set->n_writes ? set->writes[w]->key : set->metadata_writes[w - set->n_writes]->key);
        for (size_t r = 0; !phantom && r < reader->n_reads; r++)
            if (fcc_bytes_equal(fcc__of_pb(reader->reads[r]->key), *key))
                return true;
        for (size_t r = 0; phantom && r < reader->n_range_queries_info; r++)
            if (in_range(reader->range_queries_info[r], *key))
                return true;
    }
    return false;
}

static bool writes_hashed(const Kvrwset__HashedRWSet *set, const Kvrwset__HashedRWSet *reader, fcc_bytes *key)
{
    for (size_t w = 0; w < set->n_hashed_writes + set->n_metadata_writes; w++) {
        *key = fcc__of_pb(w < set->n_hashed_writes ? set->hashed_writes[w]->key_hash
                                                   : set->metadata_writes[w - set->n_hashed_writes]->key_hash);
        for (size_t r = 0; r < reader->n_hashed_reads; r++)
            if (fcc_bytes_equal(fcc__of_pb(reader->hashed_reads[r]->key_hash), *key))
                return true;
    }
    return false;
}

/* Does `writer` write what `reader` has read in this namespace? */
static bool collides(const ledger__ns_rwset *writer, const ledger__ns_rwset *reader, bool phantom, found *out)
{
    out->ns = reader->name;
    out->collection = fcc_bytes_of(NULL, 0);
    if (writes_public(writer->set, reader->set, phantom, &out->key))
        return true;
    for (size_t i = 0; !phantom && i < writer->count; i++)
        for (size_t j = 0; j < reader->count; j++)
            if (fcc_bytes_equal(writer->collections[i].name, reader->collections[j].name) &&
                writes_hashed(writer->collections[i].set, reader->collections[j].set, &out->key)) {
                out->collection = reader->collections[j].name;
                return true;
            }
    return false;
}

static bool find_writer(fcc_test *t, const testing_tx *tx, bool phantom, found *out)
{
    ledger__rwset reads, writes;

    if (ledger__rwset_unpack(tx->rwset, t->arena, &reads) != FCC_OK)
        return false;
    /* newest first, so that the one that is named is the one whose version stands */
    for (const testing_tx *other = t->committed; other && other->block >= tx->height; other = other->next) {
        if (other == tx || other->result.code != FCC_TEST_VALID ||
            ledger__rwset_unpack(other->rwset, t->arena, &writes) != FCC_OK)
            continue;
        out->writer = other;
        for (size_t i = 0; i < writes.count; i++)
            for (size_t j = 0; j < reads.count; j++)
                if (fcc_bytes_equal(writes.namespaces[i].name, reads.namespaces[j].name) &&
                    collides(&writes.namespaces[i], &reads.namespaces[j], phantom, out))
                    return true;
    }
    return false;
}

/* "Set of Org1MSP (transaction 0 of block 3, 1a2b3c4d)" */
static void show_tx(fcc__buf *out, const testing_tx *tx)
{
    fcc__buf_printf(out, "%s of %s (transaction %zu of block %llu, %.8s)", tx->function, msp_signer_mspid(tx->caller),
                    tx->index, (unsigned long long)tx->block, tx->result.tx_id);
}

static void show_private_key(const fcc_test *t, fcc_bytes hash, fcc__buf *out)
{
    for (const testing_plain *p = t->plain; p; p = p->next) {
        fcc__sha256 digest = fcc__sha256_of(p->key);

        if (fcc_bytes_equal(fcc__sha256_bytes(&digest), hash)) {
            testing_show_key(out, p->key);
            return;
        }
    }
    fcc__buf_puts(out, "with hash ");
    fcc__buf_hex(out, hash);
}

static void show_conflict(fcc_test *t, const testing_tx *tx, bool phantom, const found *f, fcc__buf *out)
{
    show_tx(out, tx);
    fcc__buf_puts(out, phantom ? " has read a range of " : " has read key ");
    if (phantom)
        fcc__buf_printf(out, FCC_FMT ", in which key ", FCC_ARG(f->ns));
    if (f->collection.len)
        show_private_key(t, f->key, out);
    else
        testing_show_key(out, f->key);
    if (!phantom)
        fcc__buf_printf(out, " of " FCC_FMT "%s" FCC_FMT, FCC_ARG(f->ns), f->collection.len ? ", collection " : "",
                        FCC_ARG(f->collection));
    fcc__buf_puts(out, phantom ? " was then written by " : ", which was then written by ");
    show_tx(out, f->writer);
}

const char *testing_why(fcc_test *t, const testing_tx *tx)
{
    bool phantom = tx->result.code == FCC_TEST_PHANTOM_READ_CONFLICT;
    const char *text;
    fcc__buf out;
    found f;

    fcc__buf_init(&out, SIZE_MAX / 2);
    if ((phantom || tx->result.code == FCC_TEST_MVCC_READ_CONFLICT) && find_writer(t, tx, phantom, &f)) {
        show_conflict(t, tx, phantom, &f, &out);
    } else if (tx->result.code == FCC_TEST_ENDORSEMENT_POLICY_FAILURE) {
        show_tx(&out, tx);
        fcc__buf_printf(&out, " is endorsed by %s, and the policies of what it writes want others", tx->endorsers);
    } else {
        show_tx(&out, tx);
        fcc__buf_printf(&out, ": %s", tx->result.code_name);
    }
    testing_must(out.status, NULL, "a text");
    text = testing_text(t, fcc__buf_bytes(&out));
    fcc__buf_clear(&out);
    return text;
}
