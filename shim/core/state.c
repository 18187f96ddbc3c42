/*
 * Single keys: values, deletes, hashes, and the keys' own endorsement policies; public with an empty collection.
 * Source: fabric-chaincode-go v2.3.0 shim/stub.go, shim/handler.go
 */
#include "core/stub.h"

#define NONE fcc_bytes_of(NULL, 0)

/* Field numbers; the key is 1 in all, and a purge has those of a delete. */
enum { KEY = 1, GET_COLLECTION = 2, PUT_VALUE = 2, PUT_COLLECTION = 3, DEL_COLLECTION = 2 };

static fcc_status check_key(fcc_stub *stub, fcc_bytes key)
{
    return fcc__check_text(stub, "key", key);
}

/* ---- reading ---- */

static fcc_status get(fcc_stub *stub, Protos__ChaincodeMessage__Type type, fcc_bytes collection, fcc_bytes key,
                      fcc_bytes *out)
{
    const fcc__part request[] = {
        { .field = KEY, .bytes = key },
        { .field = GET_COLLECTION, .bytes = collection },
    };
    fcc_bytes reply;
    fcc_status st = check_key(stub, key);

    if (st != FCC_OK)
        return st;
    st = fcc__ask_parts(stub, type, request, 2, &reply);
    return st == FCC_OK ? fcc__keep_reply(stub, stub->arena, reply, out) : st;
}

static fcc_status get_value(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes *out)
{
    return get(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE, collection, key, out);
}

/* One GET_STATE_MULTIPLE. */
static fcc_status get_chunk(fcc_stub *stub, fcc_bytes collection, const fcc_bytes *keys, size_t count,
                            fcc_bytes *values)
{
    Protos__GetStateMultiple request = PROTOS__GET_STATE_MULTIPLE__INIT;
    Protos__GetStateMultipleResult *result;
    ProtobufCBinaryData *wire_keys = fcc__arena_zalloc(stub->session->out, count, sizeof(*wire_keys));
    fcc_bytes reply;
    fcc_status st;

    if (!wire_keys)
        return fcc__fail_memory(stub);
    for (size_t i = 0; i < count; i++)
        wire_keys[i] = fcc__pb(keys[i]);
    request.keys = wire_keys;
    request.n_keys = count;
    request.collection = fcc__pb(collection);
    st = fcc__ask(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_MULTIPLE, &request, &reply);
    if (st == FCC_OK)
        st = fcc__keep_reply(stub, stub->arena, reply, &reply);
    if (st != FCC_OK)
        return st;
    st = FCC__UNPACK_BORROWED(protos__get_state_multiple_result, reply, stub->arena, &result);
    if (st != FCC_OK)
        return fcc_fail(stub, st, "could not unmarshal get state multiple keys response");
    if (result->n_values != count)
        return fcc_fail(stub, FCC_ERR_PROTO, "the peer answered %zu values for %zu keys", result->n_values, count);
    for (size_t i = 0; i < count; i++)
        values[i] = result->values[i].len ? fcc__of_pb(result->values[i]) : NONE;
    return FCC_OK;
}

static fcc_status get_multiple(fcc_stub *stub, fcc_bytes collection, const fcc_bytes *keys, size_t count,
                               const fcc_bytes **values)
{
    const fcc__session *s = stub->session;
    fcc_bytes *found;
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < count && st == FCC_OK; i++)
        st = check_key(stub, keys[i]);
    if (st != FCC_OK)
        return st;
    found = fcc__arena_zalloc(stub->arena, count, sizeof(*found));
    if (!found)
        return fcc__fail_memory(stub);
    for (size_t i = 0; i < count && st == FCC_OK;) {
        size_t n = s->use_multiple && count - i > s->max_multiple ? s->max_multiple : count - i;

        if (!s->use_multiple) {
            n = 1;
            st = get_value(stub, collection, keys[i], &found[i]);
        } else {
            st = get_chunk(stub, collection, keys + i, n, found + i);
        }
        i += n;
    }
    if (st == FCC_OK)
        *values = found;
    return st;
}

static fcc_status get_policy(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes *out)
{
    Protos__GetStateMetadata request = PROTOS__GET_STATE_METADATA__INIT;
    Protos__StateMetadataResult *result;
    fcc_bytes reply, policy = NONE;
    fcc_status st = check_key(stub, key);

    if (st == FCC_OK)
        st = fcc__check_text(stub, "collection", collection);
    if (st != FCC_OK)
        return st;
    request.key = fcc__pb(key);
    request.collection = fcc__pb(collection);
    st = fcc__ask(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_METADATA, &request, &reply);
    if (st != FCC_OK)
        return st;
    st = FCC__UNPACK(protos__state_metadata_result, reply, stub->arena, &result);
    if (st != FCC_OK)
        return fcc_fail(stub, st, "could not unmarshal metadata response");
    for (size_t i = 0; i < result->n_entries; i++)
        if (fcc_bytes_equal(fcc__of_pb(result->entries[i]->metakey), FCC__POLICY_METAKEY))
            policy = fcc__of_pb(result->entries[i]->value);
    *out = policy.len ? policy : NONE;
    return FCC_OK;
}

/* ---- writing ---- */

static fcc_status put_value(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes value)
{
    const fcc__part request[] = {
        { .field = KEY, .bytes = key },
        { .field = PUT_VALUE, .bytes = value },
        { .field = PUT_COLLECTION, .bytes = collection },
    };
    fcc_bytes reply;
    fcc_status st;

    if (key.len == 0)
        return fcc_fail(stub, FCC_ERR_ARG, "key must not be an empty string");
    st = check_key(stub, key);
    if (st != FCC_OK)
        return st;
    if (stub->batch)
        return fcc__batch_add(stub, FCC__WRITE_PUT, collection, key, value);
    return fcc__ask_parts(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE, request, 3, &reply);
}

static fcc_status remove_key(fcc_stub *stub, fcc__write write, fcc_bytes collection, fcc_bytes key)
{
    const fcc__part request[] = {
        { .field = KEY, .bytes = key },
        { .field = DEL_COLLECTION, .bytes = collection },
    };
    fcc_bytes reply;
    fcc_status st = check_key(stub, key);

    if (st != FCC_OK)
        return st;
    if (stub->batch)
        return fcc__batch_add(stub, write, collection, key, NONE);
    return fcc__ask_parts(stub,
                          write == FCC__WRITE_PURGE ? PROTOS__CHAINCODE_MESSAGE__TYPE__PURGE_PRIVATE_DATA
                                                    : PROTOS__CHAINCODE_MESSAGE__TYPE__DEL_STATE,
                          request, 2, &reply);
}

static fcc_status delete_value(fcc_stub *stub, fcc_bytes collection, fcc_bytes key)
{
    return remove_key(stub, FCC__WRITE_DEL, collection, key);
}

static fcc_status set_policy(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes policy)
{
    Protos__PutStateMetadata request = PROTOS__PUT_STATE_METADATA__INIT;
    Protos__StateMetadata metadata = PROTOS__STATE_METADATA__INIT;
    fcc_bytes reply;
    fcc_status st = check_key(stub, key);

    if (st == FCC_OK)
        st = fcc__check_text(stub, "collection", collection);
    if (st != FCC_OK)
        return st;
    if (stub->batch)
        return fcc__batch_add(stub, FCC__WRITE_POLICY, collection, key, policy);
    metadata.metakey = fcc__pb(FCC__POLICY_METAKEY);
    metadata.value = fcc__pb(policy);
    request.key = fcc__pb(key);
    request.collection = fcc__pb(collection);
    request.metadata = &metadata;
    return fcc__ask(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE_METADATA, &request, &reply);
}

/* ---- public ---- */

fcc_status fcc_get_state(fcc_stub *stub, fcc_bytes key, fcc_bytes *out)
{
    return FCC__INSIDE(stub, get_value(stub, NONE, key, out));
}

fcc_status fcc_get_multiple_states(fcc_stub *stub, const fcc_bytes *keys, size_t count, const fcc_bytes **values)
{
    return FCC__INSIDE(stub, get_multiple(stub, NONE, keys, count, values));
}

fcc_status fcc_put_state(fcc_stub *stub, fcc_bytes key, fcc_bytes value)
{
    return FCC__INSIDE(stub, put_value(stub, NONE, key, value));
}

fcc_status fcc_del_state(fcc_stub *stub, fcc_bytes key)
{
    return FCC__INSIDE(stub, delete_value(stub, NONE, key));
}

fcc_status fcc_set_state_validation_parameter(fcc_stub *stub, fcc_bytes key, fcc_bytes policy)
{
    return FCC__INSIDE(stub, set_policy(stub, NONE, key, policy));
}

fcc_status fcc_get_state_validation_parameter(fcc_stub *stub, fcc_bytes key, fcc_bytes *out)
{
    return FCC__INSIDE(stub, get_policy(stub, NONE, key, out));
}

/* ---- private ---- */

fcc_status fcc_get_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes *out)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, get_value(stub, collection, key, out)) : st;
}

fcc_status fcc_get_multiple_private_data(fcc_stub *stub, fcc_bytes collection, const fcc_bytes *keys, size_t count,
                                         const fcc_bytes **values)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, get_multiple(stub, collection, keys, count, values)) : st;
}

fcc_status fcc_get_private_data_hash(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes *out)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, get(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_PRIVATE_DATA_HASH,
                                                collection, key, out))
                        : st;
}

fcc_status fcc_put_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes value)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, put_value(stub, collection, key, value)) : st;
}

fcc_status fcc_del_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, delete_value(stub, collection, key)) : st;
}

fcc_status fcc_purge_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, remove_key(stub, FCC__WRITE_PURGE, collection, key)) : st;
}

/* As in Go, the two below do not ask for a collection's name. */
fcc_status fcc_set_private_data_validation_parameter(fcc_stub *stub, fcc_bytes collection, fcc_bytes key,
                                                     fcc_bytes policy)
{
    return FCC__INSIDE(stub, set_policy(stub, collection, key, policy));
}

fcc_status fcc_get_private_data_validation_parameter(fcc_stub *stub, fcc_bytes collection, fcc_bytes key,
                                                     fcc_bytes *out)
{
    return FCC__INSIDE(stub, get_policy(stub, collection, key, out));
}
