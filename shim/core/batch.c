/*
 * Write batches: writes are kept, the last one of each (collection, key, data or policy), and sent together.
 * Source: fabric-chaincode-go v2.3.0 shim/batch.go, shim/handler.go sendBatch
 */
#include "core/stub.h"

/* Beside its strings a record takes at most this much on the wire. */
enum { RECORD_OVERHEAD = 96, MESSAGE_OVERHEAD = 4096 };

struct record {
    fcc__write write;
    fcc_bytes collection;
    fcc_bytes key;
    fcc_bytes value;
    uint32_t hash;
};

/* Records in the order in which their keys first came; slots is an open hash table of 1 + their index. */
struct fcc__batch {
    struct record *records;
    size_t count;
    size_t capacity;
    uint32_t *slots;
    size_t slot_count; /* a power of two, more than twice the capacity */
};

static uint32_t hash_of(bool is_policy, fcc_bytes collection, fcc_bytes key)
{
    uint32_t h = is_policy ? 1u : 2166136261u;

    for (size_t i = 0; i < collection.len; i++)
        h = (h ^ collection.data[i]) * 16777619u;
    h = (h ^ 0x100u) * 16777619u;
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.data[i]) * 16777619u;
    return h ^ h >> 15;
}

/* The slot of this key, or the empty one where it belongs. */
static uint32_t *slot_of(struct fcc__batch *b, uint32_t hash, bool is_policy, fcc_bytes collection, fcc_bytes key)
{
    for (size_t i = hash & (b->slot_count - 1);; i = (i + 1) & (b->slot_count - 1)) {
        const struct record *r;

        if (b->slots[i] == 0)
            return &b->slots[i];
        r = &b->records[b->slots[i] - 1];
        if (r->hash == hash && (r->write == FCC__WRITE_POLICY) == is_policy && fcc_bytes_equal(r->key, key) &&
            fcc_bytes_equal(r->collection, collection))
            return &b->slots[i];
    }
}

/* Double the room. The old arrays stay in the arena until the transaction ends. */
static bool grow(fcc_stub *stub, struct fcc__batch *b)
{
    size_t capacity = b->capacity ? b->capacity * 2 : 32;
    struct record *records = fcc__arena_zalloc(stub->arena, capacity, sizeof(*records));
    uint32_t *slots = fcc__arena_zalloc(stub->arena, capacity * 4, sizeof(*slots));

    if (!records || !slots)
        return false;
    if (b->count)
        memcpy(records, b->records, b->count * sizeof(*records));
    b->records = records;
    b->capacity = capacity;
    b->slots = slots;
    b->slot_count = capacity * 4;
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &records[i];

        *slot_of(b, r->hash, r->write == FCC__WRITE_POLICY, r->collection, r->key) = (uint32_t)i + 1;
    }
    return true;
}

fcc_status fcc__batch_add(fcc_stub *stub, fcc__write write, fcc_bytes collection, fcc_bytes key, fcc_bytes value)
{
    struct fcc__batch *b = stub->batch;
    bool is_policy = write == FCC__WRITE_POLICY;
    uint32_t hash = hash_of(is_policy, collection, key);
    struct record *r;
    uint32_t *slot;

    if (b->count == b->capacity && !grow(stub, b))
        return fcc__fail_memory(stub);
    if (!(value.len >= FCC__LARGE_BYTES && fcc__arena_has_adopted(stub->arena, NULL, value)) &&
        !fcc__arena_copy(stub->arena, value, &value))
        return fcc__fail_memory(stub);
    slot = slot_of(b, hash, is_policy, collection, key);
    if (*slot) {
        r = &b->records[*slot - 1];
    } else {
        r = &b->records[b->count];
        if (!fcc__arena_copy(stub->arena, collection, &r->collection) || !fcc__arena_copy(stub->arena, key, &r->key))
            return fcc__fail_memory(stub);
        r->hash = hash;
        *slot = (uint32_t)++b->count;
    }
    r->write = write;
    r->value = value;
    return FCC_OK;
}

static Protos__WriteRecord__Type wire_type(fcc__write write)
{
    switch (write) {
    case FCC__WRITE_PUT:
        return PROTOS__WRITE_RECORD__TYPE__PUT_STATE;
    case FCC__WRITE_DEL:
        return PROTOS__WRITE_RECORD__TYPE__DEL_STATE;
    case FCC__WRITE_PURGE:
        return PROTOS__WRITE_RECORD__TYPE__PURGE_PRIVATE_DATA;
    case FCC__WRITE_POLICY:
        return PROTOS__WRITE_RECORD__TYPE__PUT_STATE_METADATA;
    }
    return PROTOS__WRITE_RECORD__TYPE__UNDEFINED;
}

/* One message's worth: as many records as the peer takes and as fit. */
static size_t chunk(const fcc__session *s, const struct record *r, size_t count)
{
    size_t room = s->options.max_message_bytes > MESSAGE_OVERHEAD ? s->options.max_message_bytes - MESSAGE_OVERHEAD : 0;
    size_t n = 0, bytes = 0;

    for (; n < count && n < s->max_batch; n++) {
        bytes += r[n].key.len + r[n].collection.len + r[n].value.len + RECORD_OVERHEAD;
        if (n && bytes > room)
            break;
    }
    return n;
}

static fcc_status send_chunk(fcc_stub *stub, const struct record *r, size_t count)
{
    fcc__arena *out = stub->session->out;
    Protos__WriteBatchState request = PROTOS__WRITE_BATCH_STATE__INIT;
    Protos__WriteRecord *records = fcc__arena_zalloc(out, count, sizeof(*records));
    Protos__WriteRecord **list = fcc__arena_zalloc(out, count, sizeof(*list));
    Protos__StateMetadata *metadata = fcc__arena_zalloc(out, count, sizeof(*metadata));
    fcc_bytes reply;

    if (!records || !list || !metadata)
        return fcc__fail_memory(stub);
    for (size_t i = 0; i < count; i++) {
        protos__write_record__init(&records[i]);
        list[i] = &records[i];
        records[i].key = fcc__pb(r[i].key);
        records[i].collection = fcc__pb(r[i].collection);
        records[i].type = wire_type(r[i].write);
        if (r[i].write == FCC__WRITE_POLICY) {
            protos__state_metadata__init(&metadata[i]);
            metadata[i].metakey = fcc__pb(FCC__POLICY_METAKEY);
            metadata[i].value = fcc__pb(r[i].value);
            records[i].metadata = &metadata[i];
        } else {
            records[i].value = fcc__pb(r[i].value);
        }
    }
    request.rec = list;
    request.n_rec = count;
    stub->seen.writes = count;
    return fcc__ask(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE, &request, &reply);
}

void fcc_start_write_batch(fcc_stub *stub)
{
    if (stub->session->use_batch && !stub->batch)
        stub->batch = fcc__arena_zalloc(stub->arena, 1, sizeof(*stub->batch)); /* none: writes go one by one */
}

static fcc_status finish(fcc_stub *stub)
{
    struct fcc__batch *b = stub->batch;
    fcc_status st = FCC_OK;

    stub->batch = NULL;
    for (size_t i = 0; b && i < b->count && st == FCC_OK;) {
        size_t n = chunk(stub->session, b->records + i, b->count - i);

        st = send_chunk(stub, b->records + i, n);
        i += n;
    }
    if (st != FCC_OK)
        return FCC__FAIL_PARTS(stub, st, FCC_LIT("failed send batch: "), fcc_error_text(stub));
    return FCC_OK;
}

fcc_status fcc_finish_write_batch(fcc_stub *stub)
{
    return FCC__INSIDE(stub, finish(stub));
}
