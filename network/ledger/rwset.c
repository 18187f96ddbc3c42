/*
 * rwset.c: the read-write set of a simulation, in the one order that all Fabric peers use: namespaces, collections and
 * keys in byte order (hashed entries in that of their plain keys), range queries in the order of their first use.
 */
#include "ledger/internal.h"

#include "protos/unpack.h"

struct read {
    bool exists;
    ledger__version version;
};

struct write {
    fcc_bytes value; /* empty: a delete */
    bool purge;
};

struct metadata {
    Kvrwset__KVMetadataEntry **entries;
    size_t count;
};

struct space { /* public keys of a namespace, or a collection */
    ledger__map reads, writes, metadata;
};

struct namespace
{
    struct space public;
    ledger__map collections; /* struct space */
    Kvrwset__RangeQueryInfo **ranges;
    size_t range_count, range_room;
};

void ledger__builder_init(ledger__builder *builder, fcc__arena *arena)
{
    builder->arena = arena;
    ledger__map_init(&builder->namespaces, arena, sizeof(struct namespace));
}

static void init_space(struct space *space, fcc__arena *arena)
{
    ledger__map_init(&space->reads, arena, sizeof(struct read));
    ledger__map_init(&space->writes, arena, sizeof(struct write));
    ledger__map_init(&space->metadata, arena, sizeof(struct metadata));
}

static struct namespace *namespace_of(ledger__builder *builder, fcc_bytes ns)
{
    struct namespace *space = ledger__map_at(&builder->namespaces, ns);

    if (space && !space->public.reads.arena) {
        init_space(&space->public, builder->arena);
        ledger__map_init(&space->collections, builder->arena, sizeof(struct space));
    }
    return space;
}

static struct space *space_of(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection)
{
    struct namespace *space = namespace_of(builder, ns);
    struct space *inner;

    if (!space || !collection.len)
        return space ? &space->public : NULL;
    inner = ledger__map_at(&space->collections, collection);
    if (inner && !inner->reads.arena)
        init_space(inner, builder->arena);
    return inner;
}

fcc_status ledger__add_read(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                            const ledger__entry *entry)
{
    struct space *space = space_of(builder, ns, collection);
    struct read *read = space ? ledger__map_at(&space->reads, key) : NULL;

    if (!read)
        return FCC_ERR_LIMIT;
    read->exists = entry->exists;
    read->version = entry->version;
    return FCC_OK;
}

fcc_status ledger__add_write(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                             fcc_bytes value, bool purge)
{
    struct space *space = space_of(builder, ns, collection);
    struct write *write = space ? ledger__map_at(&space->writes, key) : NULL;

    if (!write || !fcc__arena_copy(builder->arena, value, &write->value))
        return FCC_ERR_LIMIT;
    write->purge = purge;
    return FCC_OK;
}

fcc_status ledger__add_metadata(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                const ledger_metadata *entries, size_t count)
{
    struct space *space = space_of(builder, ns, collection);
    struct metadata *metadata = space ? ledger__map_at(&space->metadata, key) : NULL;
    ledger__map sorted;
    size_t i;

    if (!metadata)
        return FCC_ERR_LIMIT;
    ledger__map_init(&sorted, builder->arena, sizeof(fcc_bytes));
    for (i = 0; i < count; i++) {
        fcc_bytes *value = ledger__map_at(&sorted, entries[i].name);

        if (!value || !fcc__arena_copy(builder->arena, entries[i].value, value))
            return FCC_ERR_LIMIT;
    }
    ledger__map_sort(&sorted);
    metadata->count = sorted.count;
    metadata->entries = fcc__arena_zalloc(builder->arena, sorted.count, sizeof *metadata->entries);
    if (!metadata->entries)
        return FCC_ERR_LIMIT;
    for (i = 0; i < sorted.count; i++) {
        Kvrwset__KVMetadataEntry *entry = fcc__arena_alloc(builder->arena, sizeof *entry);

        if (!entry)
            return FCC_ERR_LIMIT;
        kvrwset__kvmetadata_entry__init(entry);
        entry->name = fcc__pb(sorted.items[i]->key);
        entry->value = fcc__pb(*(fcc_bytes *)sorted.items[i]->value);
        metadata->entries[i] = entry;
    }
    return FCC_OK;
}

fcc_status ledger__add_range(ledger__builder *builder, fcc_bytes ns, Kvrwset__RangeQueryInfo *info)
{
    struct namespace *space = namespace_of(builder, ns);
    size_t i;

    if (!space)
        return FCC_ERR_LIMIT;
    for (i = 0; i < space->range_count; i++) {
        const Kvrwset__RangeQueryInfo *old = space->ranges[i];

        if (fcc_bytes_equal(fcc__of_pb(old->start_key), fcc__of_pb(info->start_key)) &&
            fcc_bytes_equal(fcc__of_pb(old->end_key), fcc__of_pb(info->end_key)) &&
            old->itr_exhausted == info->itr_exhausted)
            return FCC_OK;
    }
    if (space->range_count == space->range_room) {
        size_t room = space->range_room ? 2 * space->range_room : 4;
        Kvrwset__RangeQueryInfo **ranges = fcc__arena_zalloc(builder->arena, room, sizeof *ranges);

        if (!ranges)
            return FCC_ERR_LIMIT;
        if (space->range_count)
            memcpy(ranges, space->ranges, space->range_count * sizeof *ranges);
        space->ranges = ranges;
        space->range_room = room;
    }
    space->ranges[space->range_count++] = info;
    return FCC_OK;
}

/* Room for the elements of a repeated field, each initialised by its own init function. */
#define ELEMENTS(arena, count, type, init, array)                    \
    do {                                                             \
        type *room_ = fcc__arena_zalloc(arena, count, sizeof(type)); \
        size_t e_;                                                   \
                                                                     \
        (array) = fcc__arena_zalloc(arena, count, sizeof(type *));   \
        if (!room_ || !(array))                                      \
            return FCC_ERR_LIMIT;                                    \
        for (e_ = 0; e_ < (count); e_++) {                           \
            init(&room_[e_]);                                        \
            (array)[e_] = &room_[e_];                                \
        }                                                            \
    } while (0)

static fcc_status version_of(const struct read *read, fcc__arena *arena, Kvrwset__Version **out)
{
    Kvrwset__Version *version;

    if (!read->exists)
        return FCC_OK;
    version = fcc__arena_alloc(arena, sizeof *version);
    if (!version)
        return FCC_ERR_LIMIT;
    kvrwset__version__init(version);
    version->block_num = read->version.block;
    version->tx_num = read->version.tx;
    *out = version;
    return FCC_OK;
}

static fcc_bytes digest_of(fcc_bytes bytes, fcc__arena *arena)
{
    fcc__sha256 digest = fcc__sha256_of(bytes);
    fcc_bytes out;

    return fcc__arena_copy(arena, fcc__sha256_bytes(&digest), &out) ? out : fcc_bytes_of(NULL, 0);
}

/* The KVRWSet of public keys (whole) or of a collection's plain part (writes, and names of keys with metadata). */
static fcc_status build_plain(struct namespace *ns, struct space *space, fcc__arena *arena, fcc_bytes *out)
{
    Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    fcc_status st;
    size_t i;

    if (ns) {
        set.n_reads = space->reads.count;
        ELEMENTS(arena, set.n_reads, Kvrwset__KVRead, kvrwset__kvread__init, set.reads);
        for (i = 0; i < set.n_reads; i++) {
            set.reads[i]->key = fcc__pb(space->reads.items[i]->key);
            st = version_of(space->reads.items[i]->value, arena, &set.reads[i]->version);
            if (st != FCC_OK)
                return st;
        }
        set.n_range_queries_info = ns->range_count;
        set.range_queries_info = ns->ranges;
    }
    set.n_writes = space->writes.count;
    ELEMENTS(arena, set.n_writes, Kvrwset__KVWrite, kvrwset__kvwrite__init, set.writes);
    for (i = 0; i < set.n_writes; i++) {
        struct write *write = space->writes.items[i]->value;

        set.writes[i]->key = fcc__pb(space->writes.items[i]->key);
        set.writes[i]->is_delete = write->value.len == 0;
        set.writes[i]->value = fcc__pb(write->value);
    }
    set.n_metadata_writes = space->metadata.count;
    ELEMENTS(arena, set.n_metadata_writes, Kvrwset__KVMetadataWrite, kvrwset__kvmetadata_write__init,
             set.metadata_writes);
    for (i = 0; i < set.n_metadata_writes; i++) {
        struct metadata *metadata = space->metadata.items[i]->value;

        set.metadata_writes[i]->key = fcc__pb(space->metadata.items[i]->key);
        if (ns) {
            set.metadata_writes[i]->n_entries = metadata->count;
            set.metadata_writes[i]->entries = metadata->entries;
        }
    }
    return fcc__pack(&set, arena, out);
}

static fcc_status build_hashed(struct space *space, fcc__arena *arena, fcc_bytes *out)
{
    Kvrwset__HashedRWSet set = KVRWSET__HASHED_RWSET__INIT;
    fcc_status st;
    size_t i;

    set.n_hashed_reads = space->reads.count;
    ELEMENTS(arena, set.n_hashed_reads, Kvrwset__KVReadHash, kvrwset__kvread_hash__init, set.hashed_reads);
    for (i = 0; i < set.n_hashed_reads; i++) {
        set.hashed_reads[i]->key_hash = fcc__pb(digest_of(space->reads.items[i]->key, arena));
        st = version_of(space->reads.items[i]->value, arena, &set.hashed_reads[i]->version);
        if (st != FCC_OK || !set.hashed_reads[i]->key_hash.len)
            return st != FCC_OK ? st : FCC_ERR_LIMIT;
    }
    set.n_hashed_writes = space->writes.count;
    ELEMENTS(arena, set.n_hashed_writes, Kvrwset__KVWriteHash, kvrwset__kvwrite_hash__init, set.hashed_writes);
    for (i = 0; i < set.n_hashed_writes; i++) {
        struct write *write = space->writes.items[i]->value;

        set.hashed_writes[i]->key_hash = fcc__pb(digest_of(space->writes.items[i]->key, arena));
        set.hashed_writes[i]->is_delete = write->value.len == 0;
        set.hashed_writes[i]->is_purge = write->purge;
        if (write->value.len)
            set.hashed_writes[i]->value_hash = fcc__pb(digest_of(write->value, arena));
        if (!set.hashed_writes[i]->key_hash.len || (write->value.len && !set.hashed_writes[i]->value_hash.len))
            return FCC_ERR_LIMIT;
    }
    set.n_metadata_writes = space->metadata.count;
    ELEMENTS(arena, set.n_metadata_writes, Kvrwset__KVMetadataWriteHash, kvrwset__kvmetadata_write_hash__init,
             set.metadata_writes);
    for (i = 0; i < set.n_metadata_writes; i++) {
        struct metadata *metadata = space->metadata.items[i]->value;

        set.metadata_writes[i]->key_hash = fcc__pb(digest_of(space->metadata.items[i]->key, arena));
        set.metadata_writes[i]->n_entries = metadata->count;
        set.metadata_writes[i]->entries = metadata->entries;
        if (!set.metadata_writes[i]->key_hash.len)
            return FCC_ERR_LIMIT;
    }
    return fcc__pack(&set, arena, out);
}

static void sort_space(struct space *space)
{
    ledger__map_sort(&space->reads);
    ledger__map_sort(&space->writes);
    ledger__map_sort(&space->metadata);
}

/* One collection: its hashed part into the public set, its plain part, if something is written, into the private one. */
static fcc_status build_collection(struct space *space, fcc_bytes name, fcc__arena *arena,
                                   Rwset__CollectionHashedReadWriteSet *hashed, Rwset__NsPvtReadWriteSet *private)
{
    Rwset__CollectionPvtReadWriteSet *plain;
    fcc_bytes bytes;
    fcc_status st;

    sort_space(space);
    st = build_hashed(space, arena, &bytes);
    if (st != FCC_OK)
        return st;
    hashed->collection_name = fcc__pb(name);
    hashed->hashed_rwset = fcc__pb(bytes);
    if (!space->writes.count && !space->metadata.count)
        return FCC_OK;
    st = build_plain(NULL, space, arena, &bytes);
    if (st != FCC_OK)
        return st;
    hashed->pvt_rwset_hash = fcc__pb(digest_of(bytes, arena));
    plain = private->collection_pvt_rwset[private->n_collection_pvt_rwset++];
    plain->collection_name = fcc__pb(name);
    plain->rwset = fcc__pb(bytes);
    return hashed->pvt_rwset_hash.len ? FCC_OK : FCC_ERR_LIMIT;
}

static fcc_status build_namespace(struct namespace *ns, fcc_bytes name, fcc__arena *arena,
                                  Rwset__NsReadWriteSet *public, Rwset__NsPvtReadWriteSet *private)
{
    fcc_bytes bytes;
    fcc_status st;
    size_t i;

    sort_space(&ns->public);
    ledger__map_sort(&ns->collections);
    st = build_plain(ns, &ns->public, arena, &bytes);
    if (st != FCC_OK)
        return st;
    public->namespace_ = private->namespace_ = fcc__pb(name);
    public->rwset = fcc__pb(bytes);
    public->n_collection_hashed_rwset = ns->collections.count;
    ELEMENTS(arena, ns->collections.count, Rwset__CollectionHashedReadWriteSet,
             rwset__collection_hashed_read_write_set__init, public->collection_hashed_rwset);
    ELEMENTS(arena, ns->collections.count, Rwset__CollectionPvtReadWriteSet, rwset__collection_pvt_read_write_set__init,
             private->collection_pvt_rwset);
    for (i = 0; i < ns->collections.count; i++) {
        st = build_collection(ns->collections.items[i]->value, ns->collections.items[i]->key, arena,
                              public->collection_hashed_rwset[i], private);
        if (st != FCC_OK)
            return st;
    }
    return FCC_OK;
}

fcc_status ledger__build(ledger__builder *builder, fcc__arena *arena, fcc_bytes *rwset, fcc_bytes *private_rwset)
{
    Rwset__TxReadWriteSet public = RWSET__TX_READ_WRITE_SET__INIT;
    Rwset__TxPvtReadWriteSet private = RWSET__TX_PVT_READ_WRITE_SET__INIT;
    Rwset__NsPvtReadWriteSet **parts;
    fcc_bytes rwset_bytes, private_bytes = { NULL, 0 };
    fcc_status st = FCC_OK;
    size_t i;

    ledger__map_sort(&builder->namespaces);
    public.n_ns_rwset = builder->namespaces.count;
    ELEMENTS(arena, public.n_ns_rwset, Rwset__NsReadWriteSet, rwset__ns_read_write_set__init, public.ns_rwset);
    ELEMENTS(arena, public.n_ns_rwset, Rwset__NsPvtReadWriteSet, rwset__ns_pvt_read_write_set__init, parts);
    private.ns_pvt_rwset = fcc__arena_zalloc(arena, public.n_ns_rwset, sizeof *private.ns_pvt_rwset);
    if (!private.ns_pvt_rwset)
        return FCC_ERR_LIMIT;
    for (i = 0; st == FCC_OK && i < public.n_ns_rwset; i++) {
        st = build_namespace(builder->namespaces.items[i]->value, builder->namespaces.items[i]->key, arena,
                             public.ns_rwset[i], parts[i]);
        if (parts[i]->n_collection_pvt_rwset)
        private.ns_pvt_rwset[private.n_ns_pvt_rwset++] = parts[i];
    }
    if (st == FCC_OK)
        st = fcc__pack(&public, arena, &rwset_bytes);
    if (st == FCC_OK && private.n_ns_pvt_rwset)
        st = fcc__pack(&private, arena, &private_bytes);
    if (st != FCC_OK)
        return st;
    *rwset = rwset_bytes;
    *private_rwset = private_bytes;
    return FCC_OK;
}
