/* state.c: how keys and values of the state are written into the database. */
#include "ledger/internal.h"

#include "protos/unpack.h"

static fcc_bytes finish(ledger *l)
{
    return fcc__buf_ok(&l->key) ? fcc__buf_bytes(&l->key) : fcc_bytes_of(NULL, 0);
}

/* Names of chaincodes and collections contain neither 0x00 nor '$', so neither space runs into the other. */
fcc_bytes ledger__state_key(ledger *l, fcc_bytes ns, fcc_bytes collection, fcc_bytes key)
{
    fcc__buf_reset(&l->key);
    fcc__buf_add(&l->key, ns);
    if (collection.len) {
        fcc__buf_puts(&l->key, "$$h");
        fcc__buf_add(&l->key, collection);
    }
    fcc__buf_putc(&l->key, 0);
    fcc__buf_add(&l->key, key);
    return finish(l);
}

fcc_bytes ledger__private_key(ledger *l, const char *mspid, fcc_bytes ns, fcc_bytes collection, char kind,
                              fcc_bytes key)
{
    fcc__buf_reset(&l->key);
    fcc__buf_puts(&l->key, mspid);
    fcc__buf_putc(&l->key, 0);
    fcc__buf_add(&l->key, ns);
    fcc__buf_putc(&l->key, 0);
    fcc__buf_add(&l->key, collection);
    fcc__buf_putc(&l->key, 0);
    fcc__buf_putc(&l->key, (uint8_t)kind);
    fcc__buf_add(&l->key, key);
    return finish(l);
}

static void put_big_endian(fcc__buf *buf, uint64_t n)
{
    int shift;

    for (shift = 56; shift >= 0; shift -= 8)
        fcc__buf_putc(buf, (uint8_t)(n >> shift));
}

static uint64_t big_endian(const uint8_t *p)
{
    uint64_t n = 0;
    int i;

    for (i = 0; i < 8; i++)
        n = n << 8 | p[i];
    return n;
}

/* Versions are inverted, so that the newest comes first; the key's length keeps it apart from its extensions. */
fcc_bytes ledger__history_key(ledger *l, fcc_bytes ns, fcc_bytes key, ledger__version version)
{
    fcc__buf_reset(&l->key);
    fcc__buf_add(&l->key, ns);
    fcc__buf_putc(&l->key, 0);
    put_big_endian(&l->key, key.len);
    fcc__buf_add(&l->key, key);
    put_big_endian(&l->key, ~version.block);
    put_big_endian(&l->key, ~version.tx);
    return finish(l);
}

bool ledger__history_version(fcc_bytes key, ledger__version *out)
{
    if (key.len < LEDGER__VERSION_LEN)
        return false;
    out->block = ~big_endian(key.data + key.len - LEDGER__VERSION_LEN);
    out->tx = ~big_endian(key.data + key.len - LEDGER__VERSION_LEN / 2);
    return true;
}

fcc_bytes ledger__chain_key(ledger *l, ledger__version version)
{
    fcc__buf_reset(&l->key);
    put_big_endian(&l->key, version.block);
    put_big_endian(&l->key, version.tx);
    return finish(l);
}

fcc_bytes ledger__number_key(ledger *l, char kind, uint64_t number)
{
    fcc__buf_reset(&l->key);
    fcc__buf_putc(&l->key, (uint8_t)kind);
    put_big_endian(&l->key, number);
    return finish(l);
}

fcc_status ledger__entry_parse(fcc_bytes stored, ledger__entry *out)
{
    ledger__entry entry = { .exists = true };

    if (!ledger__take_uvarint(&stored, &entry.version.block) || !ledger__take_uvarint(&stored, &entry.version.tx) ||
        !ledger__take_piece(&stored, &entry.metadata))
        return FCC_ERR_CORRUPT;
    entry.value = stored;
    *out = entry;
    return FCC_OK;
}

fcc_status ledger__entry_get(const ledger *l, MDB_txn *txn, ledger__table table, fcc_bytes key, ledger__entry *out)
{
    fcc_bytes stored;
    fcc_status st;

    if (!key.len)
        return FCC_ERR_LIMIT;
    st = ledger__get(&l->store, txn, table, key, &stored);
    if (st == FCC_ERR_NOT_FOUND) {
        memset(out, 0, sizeof *out);
        return FCC_OK;
    }
    return st == FCC_OK ? ledger__entry_parse(stored, out) : st;
}

fcc_status ledger__entry_put(const ledger *l, MDB_txn *txn, ledger__table table, fcc_bytes key,
                             const ledger__entry *entry)
{
    fcc__buf buf;
    fcc_status st;

    if (!key.len)
        return FCC_ERR_LIMIT;
    fcc__buf_init(&buf, SIZE_MAX / 2);
    fcc__buf_uvarint(&buf, entry->version.block);
    fcc__buf_uvarint(&buf, entry->version.tx);
    ledger__add_piece(&buf, entry->metadata);
    fcc__buf_add(&buf, entry->value);
    st = buf.status;
    if (st == FCC_OK)
        st = ledger__put(&l->store, txn, table, key, fcc__buf_bytes(&buf));
    fcc__buf_clear(&buf);
    return st;
}

bool ledger__version_is(const ledger__entry *entry, const Kvrwset__Version *version)
{
    if (!entry->exists || !version)
        return !entry->exists && !version;
    return entry->version.block == version->block_num && entry->version.tx == version->tx_num;
}

fcc_status ledger__metadata_pack(Kvrwset__KVMetadataEntry **entries, size_t count, fcc__arena *arena, fcc_bytes *out)
{
    Kvrwset__KVMetadataWrite write = KVRWSET__KVMETADATA_WRITE__INIT;

    write.n_entries = count;
    write.entries = entries;
    return fcc__pack(&write, arena, out);
}

fcc_status ledger__metadata_find(fcc_bytes metadata, fcc_bytes name, fcc__arena *arena, fcc_bytes *out)
{
    Kvrwset__KVMetadataWrite *write;
    fcc_status st;
    size_t i;

    *out = fcc_bytes_of(NULL, 0);
    if (!metadata.len)
        return FCC_OK;
    st = FCC__UNPACK_ANY(kvrwset__kvmetadata_write, metadata, arena, &write);
    if (st != FCC_OK)
        return st == FCC_ERR_PROTO ? FCC_ERR_CORRUPT : st;
    for (i = 0; i < write->n_entries; i++) {
        if (fcc_bytes_equal(fcc__of_pb(write->entries[i]->name), name))
            *out = fcc__of_pb(write->entries[i]->value);
    }
    return FCC_OK;
}
