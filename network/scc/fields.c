/*
 * fields.c: structures as keys of the state, one for each field and one that says what there is. Only what changes is
 * written, so that read-write sets are small, and what an organisation has approved can be told from the hashes alone:
 * the bytes must be those that Fabric writes. Fabric: core/chaincode/lifecycle/serializer.go.
 */
#include "scc/internal.h"

#include "base/hash.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"

static const char *metadata_key(const scc__run *run, const char *ns, const char *name)
{
    return fcc__arena_printf(run->arena, "%s/metadata/%s", ns, name);
}

static const char *field_key(const scc__run *run, const char *ns, const char *name, const char *field)
{
    return fcc__arena_printf(run->arena, "%s/fields/%s/%s", ns, name, field);
}

/* ---- the state ------------------------------------------------------------------------------------------------------- */

/* What the peer would have told a chaincode. */
static fcc_status failed(const scc__run *run, fcc_status st, const char *request)
{
    const scc_call *call = run->call;

    if (st != FCC_ERR_PEER)
        return st;
    return scc__refuse((scc__run *)(uintptr_t)run, "%s failed: transaction ID: " FCC_FMT ": %s", request,
                       FCC_ARG(call->txid), call->sim ? ledger_sim_error(call->sim) : "no ledger context");
}

static fcc_status get(const scc__state *state, const char *key, fcc_bytes *value)
{
    scc__run *run = state->run;
    fcc_status st = key ? FCC_ERR_PEER : FCC_ERR_LIMIT;

    if (run->call->sim && key)
        st = ledger_sim_get(run->call->sim, FCC_LIT(SCC_LIFECYCLE), state->collection, fcc_str(key), value);
    return failed(run, st, "GET_STATE");
}

static fcc_status put(const scc__state *state, const char *key, fcc_bytes value)
{
    scc__run *run = state->run;
    fcc_status st = ledger_sim_put(run->call->sim, FCC_LIT(SCC_LIFECYCLE), state->collection, fcc_str(key), value);

    return scc__within(run, failed(run, st, "PUT_STATE"), "could not write key into state");
}

fcc_status scc__hash(const scc__state *state, const char *key, fcc_bytes *hash)
{
    scc__run *run = state->run;
    fcc_status st = key ? FCC_ERR_PEER : FCC_ERR_LIMIT;

    if (run->call->sim && key)
        st = ledger_sim_get_hash(run->call->sim, FCC_LIT(SCC_LIFECYCLE), state->collection, fcc_str(key), hash);
    return failed(run, st, "GET_PRIVATE_DATA_HASH");
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

fcc_status scc__read_metadata(const scc__state *state, const char *ns, const char *name,
                              Lifecycle__StateMetadata **metadata, bool *found)
{
    scc__run *run = state->run;
    fcc_bytes bytes;
    fcc_status st = get(state, metadata_key(run, ns, name), &bytes);

    if (st != FCC_OK)
        return scc__within(run, st, "could not query metadata for namespace %s/%s", ns, name);
    *found = bytes.len > 0;
    if (FCC__UNPACK(lifecycle__state_metadata, bytes, run->arena, metadata) != FCC_OK)
        return scc__refuse(run, "could not unmarshal metadata for namespace %s/%s", ns, name);
    return FCC_OK;
}

static fcc_status read_field(const scc__state *state, const char *ns, const char *name, const char *field,
                             Lifecycle__StateData **data)
{
    scc__run *run = state->run;
    const char *key = field_key(run, ns, name, field);
    fcc_bytes bytes;
    fcc_status st = get(state, key, &bytes);

    if (st != FCC_OK)
        return scc__within(run, st, "could not get state for key %s", key ? key : "");
    if (FCC__UNPACK(lifecycle__state_data, bytes, run->arena, data) != FCC_OK)
        return scc__refuse(run, "could not unmarshal state for key %s", key);
    return FCC_OK;
}

static fcc_status wrong_type(const scc__state *state, const char *ns, const char *name, const char *field,
                             const char *type)
{
    return scc__refuse(state->run, "expected key %s/fields/%s/%s to encode a value of type %s", ns, name, field, type);
}

fcc_status scc__read_int64(const scc__state *state, const char *ns, const char *name, const char *field, int64_t *out)
{
    Lifecycle__StateData *data;
    fcc_status st = read_field(state, ns, name, field, &data);

    if (st != FCC_OK)
        return st;
    if (data->type_case != LIFECYCLE__STATE_DATA__TYPE__NOT_SET && data->type_case != LIFECYCLE__STATE_DATA__TYPE_INT64)
        return wrong_type(state, ns, name, field, "Int64");
    *out = data->type_case == LIFECYCLE__STATE_DATA__TYPE_INT64 ? data->int64 : 0;
    return FCC_OK;
}

fcc_status scc__read_bytes(const scc__state *state, const char *ns, const char *name, const char *field, fcc_bytes *out)
{
    Lifecycle__StateData *data;
    fcc_status st = read_field(state, ns, name, field, &data);

    if (st != FCC_OK)
        return st;
    if (data->type_case != LIFECYCLE__STATE_DATA__TYPE__NOT_SET && data->type_case != LIFECYCLE__STATE_DATA__TYPE_BYTES)
        return wrong_type(state, ns, name, field, "[]byte");
    *out = data->type_case == LIFECYCLE__STATE_DATA__TYPE_BYTES ? fcc__of_pb(data->bytes) : fcc_bytes_of(NULL, 0);
    return FCC_OK;
}

fcc_status scc__read_string(const scc__state *state, const char *ns, const char *name, const char *field,
                            fcc_bytes *out)
{
    Lifecycle__StateData *data;
    fcc_status st = read_field(state, ns, name, field, &data);

    if (st != FCC_OK)
        return st;
    if (data->type_case != LIFECYCLE__STATE_DATA__TYPE__NOT_SET &&
        data->type_case != LIFECYCLE__STATE_DATA__TYPE_STRING)
        return wrong_type(state, ns, name, field, "String");
    *out = data->type_case == LIFECYCLE__STATE_DATA__TYPE_STRING ? fcc__of_pb(data->string) : fcc_bytes_of(NULL, 0);
    return FCC_OK;
}

/* Of a range: the names are what follows the prefix. */
static fcc_status collect(const scc__state *state, ledger_iter *iter, size_t prefix, const char ***names, size_t *count)
{
    scc__run *run = state->run;
    size_t room = 0;
    ledger_page page;
    fcc_status st;

    do {
        if ((st = ledger_iter_page(iter, run->arena, &page)) != FCC_OK)
            return failed(run, st, "QUERY_STATE_NEXT");
        for (size_t i = 0; i < page.count; i++) {
            Queryresult__KV *kv;
            const char **grown;

            if ((st = FCC__UNPACK(queryresult__kv, page.results[i], run->arena, &kv)) != FCC_OK)
                return st == FCC_ERR_PROTO ? FCC_ERR_CORRUPT : st;
            if (*count == room) {
                room = room ? 2 * room : 16;
                if (!(grown = fcc__arena_zalloc(run->arena, room, sizeof(*grown))))
                    return FCC_ERR_LIMIT;
                if (*count > 0)
                    memcpy(grown, *names, *count * sizeof(*grown));
                *names = grown;
            }
            (*names)[*count] = fcc__arena_printf(run->arena, "%.*s", (int)(kv->key.len - prefix),
                                                 (const char *)kv->key.data + prefix);
            if (!(*names)[(*count)++])
                return FCC_ERR_LIMIT;
        }
    } while (page.has_more);
    return FCC_OK;
}

fcc_status scc__names(const scc__state *state, const char *ns, const char *const **names, size_t *count)
{
    scc__run *run = state->run;
    const char *prefix = metadata_key(run, ns, ""),
               *end = fcc__arena_printf(run->arena, "%s\x7f", prefix ? prefix : "");
    const char **list = NULL;
    ledger_iter *iter = NULL;
    fcc_bytes none = { NULL, 0 };
    fcc_status st;

    *count = 0;
    if (!prefix || !end)
        return FCC_ERR_LIMIT;
    st = run->call->sim ? ledger_sim_range(run->call->sim, FCC_LIT(SCC_LIFECYCLE), state->collection, fcc_str(prefix),
                                           fcc_str(end), 0, none, &iter)
                        : FCC_ERR_PEER;
    st = scc__within(run, failed(run, st, "GET_STATE_BY_RANGE"), "could not get state iterator");
    if (st == FCC_OK)
        st = collect(state, iter, strlen(prefix), &list, count);
    ledger_iter_close(iter);
    *names = list;
    return scc__within(run, st, "could not get state range for namespace %s", ns);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static fcc_status pack_metadata(const scc__run *run, const scc__structure *structure, fcc_bytes *out)
{
    Lifecycle__StateMetadata metadata = LIFECYCLE__STATE_METADATA__INIT;
    ProtobufCBinaryData names[SCC__FIELDS];

    for (size_t i = 0; i < structure->count; i++)
        names[i] = fcc__pb(fcc_str(structure->fields[i].name));
    metadata.datatype = fcc__pb(fcc_str(structure->type));
    metadata.fields = names;
    metadata.n_fields = structure->count;
    return fcc__pack(&metadata, run->arena, out);
}

/* What is there under a field's name, of those that the metadata list. */
struct existing {
    const char *name;
    fcc_bytes value;
    bool kept;
};

static fcc_status read_existing(const scc__state *state, const char *ns, const char *name,
                                const Lifecycle__StateMetadata *metadata, struct existing **out)
{
    scc__run *run = state->run;
    struct existing *list = fcc__arena_zalloc(run->arena, metadata->n_fields, sizeof(*list));
    fcc_status st = list ? FCC_OK : FCC_ERR_LIMIT;

    for (size_t i = 0; st == FCC_OK && i < metadata->n_fields; i++) {
        const char *key;

        list[i].name = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(metadata->fields[i])));
        key = list[i].name ? field_key(run, ns, name, list[i].name) : NULL;
        st = scc__within(run, get(state, key, &list[i].value), "could not get value for key %s", key ? key : "");
    }
    *out = list;
    return st;
}

fcc_status scc__write(const scc__state *state, const char *ns, const char *name, const scc__structure *structure)
{
    scc__run *run = state->run;
    Lifecycle__StateMetadata *metadata;
    struct existing *existing;
    size_t kept = 0;
    fcc_bytes bytes;
    bool found;
    fcc_status st = scc__read_metadata(state, ns, name, &metadata, &found);

    if (st != FCC_OK)
        return scc__within(run, st, "could not deserialize metadata for namespace %s/%s", ns, name);
    if ((st = read_existing(state, ns, name, metadata, &existing)) != FCC_OK)
        return st;
    for (size_t i = 0; i < structure->count; i++) {
        const char *key = field_key(run, ns, name, structure->fields[i].name);
        const struct existing *same = NULL;

        if (!key)
            return FCC_ERR_LIMIT;
        if ((st = fcc__pack(&structure->fields[i].data, run->arena, &bytes)) != FCC_OK)
            return st;
        for (size_t n = 0; n < metadata->n_fields; n++)
            if (strcmp(existing[n].name, structure->fields[i].name) == 0) {
                kept += !existing[n].kept;
                existing[n].kept = true;
                same = &existing[n];
            }
        if ((!same || !fcc_bytes_equal(same->value, bytes)) && (st = put(state, key, bytes)) != FCC_OK)
            return st;
    }
    if (kept < metadata->n_fields || metadata->n_fields != structure->count ||
        !fcc_bytes_equal(fcc__of_pb(metadata->datatype), fcc_str(structure->type))) {
        const char *key = metadata_key(run, ns, name);

        if ((st = pack_metadata(run, structure, &bytes)) != FCC_OK || !key)
            return st == FCC_OK ? FCC_ERR_LIMIT : st;
        st = put(state, key, bytes);
    }
    for (size_t n = 0; st == FCC_OK && n < metadata->n_fields; n++)
        if (!existing[n].kept) {
            const char *key = field_key(run, ns, name, existing[n].name);

            st = !key ? FCC_ERR_LIMIT
                      : failed(
                            run,
                            ledger_sim_delete(run->call->sim, FCC_LIT(SCC_LIFECYCLE), state->collection, fcc_str(key)),
                            "DEL_STATE");
        }
    return st;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------- */

static bool hashes_to(fcc_bytes value, fcc_bytes hash)
{
    fcc__sha256 digest = fcc__sha256_of(value);

    return fcc_bytes_equal(fcc__sha256_bytes(&digest), hash);
}

fcc_status scc__compare_metadata(const scc__state *state, const char *ns, const char *name,
                                 const scc__structure *structure, bool *same)
{
    scc__run *run = state->run;
    const char *key = metadata_key(run, ns, name);
    fcc_bytes bytes, hash;
    fcc_status st = scc__within(run, scc__hash(state, key, &hash), "could not get state hash for metadata key %s",
                                key ? key : "");

    if (st == FCC_OK)
        st = pack_metadata(run, structure, &bytes);
    if (st == FCC_OK)
        *same = hashes_to(bytes, hash);
    return st;
}

fcc_status scc__compare(const scc__state *state, const char *ns, const char *name, const scc__structure *structure,
                        const char **mismatches, size_t *count)
{
    scc__run *run = state->run;
    fcc_bytes hashes[SCC__FIELDS], bytes;
    bool same;
    fcc_status st = scc__compare_metadata(state, ns, name, structure, &same);

    *count = 0;
    for (size_t i = 0; st == FCC_OK && i < structure->count; i++) {
        const char *key = field_key(run, ns, name, structure->fields[i].name);

        st = scc__within(run, scc__hash(state, key, &hashes[i]), "could not get value for key %s", key ? key : "");
    }
    if (st == FCC_OK && !same) {
        mismatches[(*count)++] = structure->type;
        return FCC_OK;
    }
    for (size_t i = 0; st == FCC_OK && i < structure->count; i++) {
        st = fcc__pack(&structure->fields[i].data, run->arena, &bytes);
        if (st == FCC_OK && !hashes_to(bytes, hashes[i]))
            mismatches[(*count)++] = structure->fields[i].name;
    }
    return st;
}
