/*
 * ops.c: the operations of `run`. Bytes are answered in hex; a call without a value answers "ok", a list is joined with
 * commas.
 */
#include "probe/ops.h"

#include <inttypes.h>
#include <stdlib.h>

static fcc_status done(fcc_status st, probe_text *out)
{
    if (st == FCC_OK)
        probe_text_add(out, FCC_LIT("ok"));
    return st;
}

static fcc_status hex(fcc_status st, const fcc_bytes *value, probe_text *out)
{
    if (st == FCC_OK)
        probe_text_hex(out, *value);
    return st;
}

/* A decimal number argument. */
static fcc_status number(fcc_stub *stub, fcc_bytes text, int32_t *out)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || n > INT32_MAX)
            return fcc_fail(stub, FCC_ERR_ARG, "not a number: " FCC_FMT, FCC_ARG(text));
        n = 10 * n + (text.data[i] - '0');
    }
    if (!text.len || n > INT32_MAX)
        return fcc_fail(stub, FCC_ERR_ARG, "not a number: " FCC_FMT, FCC_ARG(text));
    *out = (int32_t)n;
    return FCC_OK;
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static fcc_status unhex(fcc_stub *stub, fcc_bytes text, fcc_bytes *out)
{
    uint8_t *bytes = fcc_alloc(stub, text.len / 2 + 1);

    if (!bytes)
        return fcc_fail(stub, FCC_ERR_LIMIT, "out of memory");
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = digit(text.data[i]), low = digit(text.data[i + 1]);

        if (high < 0 || low < 0)
            return fcc_fail(stub, FCC_ERR_ARG, "not hexadecimal: " FCC_FMT, FCC_ARG(text));
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    if (text.len % 2)
        return fcc_fail(stub, FCC_ERR_ARG, "not hexadecimal: " FCC_FMT, FCC_ARG(text));
    *out = fcc_bytes_of(bytes, text.len / 2);
    return FCC_OK;
}

/* ---- public state ---- */

static fcc_status get_state(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes value;

    return hex(fcc_get_state(stub, a.v[0], &value), &value, out);
}

static fcc_status put_state(fcc_stub *stub, fcc_args a, probe_text *out)
{
    return done(fcc_put_state(stub, a.v[0], a.v[1]), out);
}

static fcc_status put_state_sized(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int32_t size;
    uint8_t *zeros;
    fcc_status st = number(stub, a.v[1], &size);

    if (st != FCC_OK)
        return st;
    zeros = calloc(1, (size_t)size + 1);
    if (!zeros)
        return fcc_fail(stub, FCC_ERR_NOMEM, "out of memory");
    st = fcc_put_state(stub, a.v[0], fcc_bytes_of(zeros, (size_t)size));
    free(zeros);
    return done(st, out);
}

static fcc_status del_state(fcc_stub *stub, fcc_args a, probe_text *out)
{
    return done(fcc_del_state(stub, a.v[0]), out);
}

static void add_values(const fcc_bytes *values, size_t count, probe_text *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            probe_text_add(out, FCC_LIT(","));
        if (values[i].len)
            probe_text_hex(out, values[i]);
        else
            probe_text_add(out, FCC_LIT("nil"));
    }
}

static fcc_status get_multiple_states(fcc_stub *stub, fcc_args a, probe_text *out)
{
    const fcc_bytes *values;
    fcc_status st = fcc_get_multiple_states(stub, a.v, a.n, &values);

    if (st == FCC_OK)
        add_values(values, a.n, out);
    return st;
}

static fcc_status set_state_validation_parameter(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes policy;
    fcc_status st = unhex(stub, a.v[1], &policy);

    return st != FCC_OK ? st : done(fcc_set_state_validation_parameter(stub, a.v[0], policy), out);
}

static fcc_status get_state_validation_parameter(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes policy;

    return hex(fcc_get_state_validation_parameter(stub, a.v[0], &policy), &policy, out);
}

static fcc_status start_write_batch(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    fcc_start_write_batch(stub);
    return done(FCC_OK, out);
}

static fcc_status finish_write_batch(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    return done(fcc_finish_write_batch(stub), out);
}

/* ---- lists ---- */

/* All of an iterator, or `stop` of it and "…" when there are more. Closes it. */
static fcc_status add_range(fcc_iter *iter, int32_t stop, probe_text *out)
{
    fcc_status st = FCC_OK;
    int32_t count = 0;

    while (fcc_iter_has_next(iter)) {
        fcc_kv kv;

        if (stop > 0 && count == stop) {
            probe_text_add(out, FCC_LIT("\xe2\x80\xa6"));
            break;
        }
        st = fcc_iter_next(iter, &kv);
        if (st != FCC_OK)
            break;
        if (count++)
            probe_text_add(out, FCC_LIT(","));
        probe_text_add(out, kv.ns);
        probe_text_add(out, FCC_LIT("/"));
        probe_text_hex(out, kv.key);
        probe_text_add(out, FCC_LIT("="));
        probe_text_hex(out, kv.value);
    }
    (void)fcc_iter_close(iter);
    return st;
}

static fcc_status add_page(fcc_status st, fcc_iter *iter, const fcc_page *page, probe_text *out)
{
    if (st != FCC_OK)
        return st;
    st = add_range(iter, 0, out);
    probe_text_printf(out, ";fetched=%" PRId32 ";bookmark=", page->fetched);
    probe_text_hex(out, page->bookmark);
    return st;
}

static fcc_status all_of(fcc_status st, fcc_iter *iter, probe_text *out)
{
    return st != FCC_OK ? st : add_range(iter, 0, out);
}

static fcc_status get_state_by_range(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int32_t stop = 0;
    fcc_iter *iter;
    fcc_status st = a.n > 2 ? number(stub, a.v[2], &stop) : FCC_OK;

    if (st == FCC_OK)
        st = fcc_get_state_by_range(stub, a.v[0], a.v[1], &iter);
    return st != FCC_OK ? st : add_range(iter, stop, out);
}

static fcc_status get_state_by_range_with_pagination(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int32_t size;
    fcc_page page;
    fcc_iter *iter = NULL;
    fcc_status st = number(stub, a.v[2], &size);

    if (st == FCC_OK)
        st = fcc_get_state_by_range_with_pagination(stub, a.v[0], a.v[1], size, a.v[3], &iter, &page);
    return add_page(st, iter, &page, out);
}

static fcc_status get_state_by_partial_composite_key(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_state_by_partial_composite_key(stub, a.v[0], a.v + 1, a.n - 1, &iter);

    return all_of(st, iter, out);
}

static fcc_status get_state_by_partial_composite_key_with_pagination(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int32_t size;
    fcc_page page;
    fcc_iter *iter = NULL;
    fcc_status st = number(stub, a.v[0], &size);

    if (st == FCC_OK)
        st = fcc_get_state_by_partial_composite_key_with_pagination(stub, a.v[2], a.v + 3, a.n - 3, size, a.v[1], &iter,
                                                                    &page);
    return add_page(st, iter, &page, out);
}

static fcc_status get_all_states_composite_key_with_pagination(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int32_t size;
    fcc_page page;
    fcc_iter *iter = NULL;
    fcc_status st = number(stub, a.v[0], &size);

    if (st == FCC_OK)
        st = fcc_get_all_states_composite_key_with_pagination(stub, size, a.v[1], &iter, &page);
    return add_page(st, iter, &page, out);
}

static fcc_status get_query_result(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_query_result(stub, a.v[0], &iter);

    return all_of(st, iter, out);
}

static fcc_status get_query_result_with_pagination(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int32_t size;
    fcc_page page;
    fcc_iter *iter = NULL;
    fcc_status st = number(stub, a.v[1], &size);

    if (st == FCC_OK)
        st = fcc_get_query_result_with_pagination(stub, a.v[0], size, a.v[2], &iter, &page);
    return add_page(st, iter, &page, out);
}

static fcc_status get_history_for_key(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_iter *iter;
    fcc_status st = fcc_get_history_for_key(stub, a.v[0], &iter);

    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_key_modification m;

        st = fcc_iter_next_modification(iter, &m);
        if (st != FCC_OK)
            break;
        probe_text_add(out, m.tx_id);
        probe_text_add(out, FCC_LIT(":"));
        probe_text_hex(out, m.value);
        probe_text_printf(out, ":%s:%" PRId64 ".%09" PRId32 ";", m.is_delete ? "true" : "false", m.seconds, m.nanos);
    }
    (void)fcc_iter_close(iter);
    return st;
}

/* ---- composite keys ---- */

static fcc_status create_composite_key(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes key;

    return hex(fcc_create_composite_key(stub, a.v[0], a.v + 1, a.n - 1, &key), &key, out);
}

static fcc_status split_composite_key(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes key, type;
    const fcc_bytes *attributes;
    size_t count;
    fcc_status st = unhex(stub, a.v[0], &key);

    if (st == FCC_OK)
        st = fcc_split_composite_key(stub, key, &type, &attributes, &count);
    if (st != FCC_OK)
        return st;
    probe_text_add(out, FCC_LIT("["));
    probe_text_json(out, type);
    for (size_t i = 0; i < count; i++) {
        probe_text_add(out, FCC_LIT(","));
        probe_text_json(out, attributes[i]);
    }
    probe_text_add(out, FCC_LIT("]"));
    return FCC_OK;
}

static fcc_status put_composite(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes key;
    fcc_status st = fcc_create_composite_key(stub, a.v[1], a.v + 2, a.n - 2, &key);

    return st != FCC_OK ? st : done(fcc_put_state(stub, key, a.v[0]), out);
}

/* ---- private data ---- */

static fcc_status get_private_data(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes value;

    return hex(fcc_get_private_data(stub, a.v[0], a.v[1], &value), &value, out);
}

static fcc_status get_multiple_private_data(fcc_stub *stub, fcc_args a, probe_text *out)
{
    const fcc_bytes *values;
    fcc_status st = fcc_get_multiple_private_data(stub, a.v[0], a.v + 1, a.n - 1, &values);

    if (st == FCC_OK)
        add_values(values, a.n - 1, out);
    return st;
}

static fcc_status get_private_data_hash(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes value;

    return hex(fcc_get_private_data_hash(stub, a.v[0], a.v[1], &value), &value, out);
}

static fcc_status put_private_data(fcc_stub *stub, fcc_args a, probe_text *out)
{
    return done(fcc_put_private_data(stub, a.v[0], a.v[1], a.v[2]), out);
}

static fcc_status del_private_data(fcc_stub *stub, fcc_args a, probe_text *out)
{
    return done(fcc_del_private_data(stub, a.v[0], a.v[1]), out);
}

static fcc_status purge_private_data(fcc_stub *stub, fcc_args a, probe_text *out)
{
    return done(fcc_purge_private_data(stub, a.v[0], a.v[1]), out);
}

static fcc_status set_private_data_validation_parameter(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes policy;
    fcc_status st = unhex(stub, a.v[2], &policy);

    return st != FCC_OK ? st : done(fcc_set_private_data_validation_parameter(stub, a.v[0], a.v[1], policy), out);
}

static fcc_status get_private_data_validation_parameter(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes policy;

    return hex(fcc_get_private_data_validation_parameter(stub, a.v[0], a.v[1], &policy), &policy, out);
}

static fcc_status get_private_data_by_range(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_range(stub, a.v[0], a.v[1], a.v[2], &iter);

    return all_of(st, iter, out);
}

static fcc_status get_private_data_by_partial_composite_key(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(stub, a.v[0], a.v[1], a.v + 2, a.n - 2, &iter);

    return all_of(st, iter, out);
}

static fcc_status get_private_data_query_result(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_query_result(stub, a.v[0], a.v[1], &iter);

    return all_of(st, iter, out);
}

/* ---- the call and its caller ---- */

static fcc_status get_creator(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    probe_text_hex(out, fcc_creator(stub));
    return FCC_OK;
}

static fcc_status get_transient(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    for (size_t i = 0; i < fcc_transient_count(stub); i++) {
        fcc_bytes name, value;

        fcc_transient_at(stub, i, &name, &value);
        probe_text_add(out, name);
        probe_text_add(out, FCC_LIT("="));
        probe_text_hex(out, value);
        probe_text_add(out, FCC_LIT(";"));
    }
    return FCC_OK;
}

static fcc_status get_binding(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    probe_text_hex(out, fcc_binding(stub));
    return FCC_OK;
}

static fcc_status get_decorations(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    probe_text_printf(out, "%zu", fcc_decoration_count(stub));
    return FCC_OK;
}

static fcc_status get_signed_proposal(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes proposal, signature;

    (void)a;
    fcc_signed_proposal(stub, &proposal, &signature);
    probe_text_hex(out, proposal);
    probe_text_add(out, FCC_LIT("/"));
    probe_text_hex(out, signature);
    return FCC_OK;
}

static fcc_status get_tx_timestamp(fcc_stub *stub, fcc_args a, probe_text *out)
{
    int64_t seconds;
    int32_t nanos;
    fcc_status st = fcc_tx_timestamp(stub, &seconds, &nanos);

    (void)a;
    if (st == FCC_OK)
        probe_text_printf(out, "%" PRId64 ".%09" PRId32, seconds, nanos);
    return st;
}

static fcc_status get_tx_id(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    probe_text_add(out, fcc_tx_id(stub));
    return FCC_OK;
}

static fcc_status get_channel_id(fcc_stub *stub, fcc_args a, probe_text *out)
{
    (void)a;
    probe_text_add(out, fcc_channel_id(stub));
    return FCC_OK;
}

static fcc_status get_args_slice(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_args all = fcc_all_args(stub);

    (void)a;
    for (size_t i = 0; i < all.n; i++)
        probe_text_hex(out, all.v[i]);
    return FCC_OK;
}

static fcc_status set_event(fcc_stub *stub, fcc_args a, probe_text *out)
{
    return done(fcc_set_event(stub, a.v[0], a.v[1]), out);
}

static fcc_status invoke_chaincode(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_response response;
    fcc_status st = fcc_invoke_chaincode(stub, a.v[0], a.v + 2, a.n - 2, a.v[1], &response);

    if (st != FCC_OK)
        return st;
    probe_text_printf(out, "%" PRId32 "/", response.status);
    probe_text_add(out, response.message);
    probe_text_add(out, FCC_LIT("/"));
    probe_text_hex(out, response.payload);
    return FCC_OK;
}

static fcc_status client_id(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes id;
    fcc_status st = fcc_client_id(stub, &id);

    (void)a;
    if (st == FCC_OK)
        probe_text_add(out, id);
    return st;
}

static fcc_status client_msp_id(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes id;
    fcc_status st = fcc_client_msp_id(stub, &id);

    (void)a;
    if (st == FCC_OK)
        probe_text_add(out, id);
    return st;
}

static fcc_status client_attribute(fcc_stub *stub, fcc_args a, probe_text *out)
{
    fcc_bytes value;
    bool found;
    fcc_status st = fcc_client_attribute(stub, a.v[0], &value, &found);

    if (st != FCC_OK)
        return st;
    probe_text_printf(out, "%s:", found ? "true" : "false");
    if (found)
        probe_text_add(out, value);
    return FCC_OK;
}

static fcc_status client_has_ou(fcc_stub *stub, fcc_args a, probe_text *out)
{
    bool has;
    fcc_status st = fcc_client_has_ou(stub, a.v[0], &has);

    if (st == FCC_OK)
        probe_text_printf(out, "%s", has ? "true" : "false");
    return st;
}

/* ---- the table ---- */

#define MANY SIZE_MAX

static const probe_op ops[] = {
    { "GetState", get_state, 1, 1 },
    { "PutState", put_state, 2, 2 },
    { "PutStateSized", put_state_sized, 2, 2 },
    { "DelState", del_state, 1, 1 },
    { "GetMultipleStates", get_multiple_states, 0, MANY },
    { "SetStateValidationParameter", set_state_validation_parameter, 2, 2 },
    { "GetStateValidationParameter", get_state_validation_parameter, 1, 1 },
    { "GetStateByRange", get_state_by_range, 2, 3 },
    { "GetStateByRangeWithPagination", get_state_by_range_with_pagination, 4, 4 },
    { "GetStateByPartialCompositeKey", get_state_by_partial_composite_key, 1, MANY },
    { "GetStateByPartialCompositeKeyWithPagination", get_state_by_partial_composite_key_with_pagination, 3, MANY },
    { "GetAllStatesCompositeKeyWithPagination", get_all_states_composite_key_with_pagination, 2, 2 },
    { "CreateCompositeKey", create_composite_key, 1, MANY },
    { "SplitCompositeKey", split_composite_key, 1, 1 },
    { "PutComposite", put_composite, 2, MANY },
    { "GetQueryResult", get_query_result, 1, 1 },
    { "GetQueryResultWithPagination", get_query_result_with_pagination, 3, 3 },
    { "GetHistoryForKey", get_history_for_key, 1, 1 },
    { "GetPrivateData", get_private_data, 2, 2 },
    { "GetMultiplePrivateData", get_multiple_private_data, 1, MANY },
    { "GetPrivateDataHash", get_private_data_hash, 2, 2 },
    { "PutPrivateData", put_private_data, 3, 3 },
    { "DelPrivateData", del_private_data, 2, 2 },
    { "PurgePrivateData", purge_private_data, 2, 2 },
    { "SetPrivateDataValidationParameter", set_private_data_validation_parameter, 3, 3 },
    { "GetPrivateDataValidationParameter", get_private_data_validation_parameter, 2, 2 },
    { "GetPrivateDataByRange", get_private_data_by_range, 3, 3 },
    { "GetPrivateDataByPartialCompositeKey", get_private_data_by_partial_composite_key, 2, MANY },
    { "GetPrivateDataQueryResult", get_private_data_query_result, 2, 2 },
    { "GetCreator", get_creator, 0, 0 },
    { "GetTransient", get_transient, 0, 0 },
    { "GetBinding", get_binding, 0, 0 },
    { "GetDecorations", get_decorations, 0, 0 },
    { "GetSignedProposal", get_signed_proposal, 0, 0 },
    { "GetTxTimestamp", get_tx_timestamp, 0, 0 },
    { "GetTxID", get_tx_id, 0, 0 },
    { "GetChannelID", get_channel_id, 0, 0 },
    { "GetArgsSlice", get_args_slice, 0, 0 },
    { "SetEvent", set_event, 2, 2 },
    { "InvokeChaincode", invoke_chaincode, 2, MANY },
    { "StartWriteBatch", start_write_batch, 0, 0 },
    { "FinishWriteBatch", finish_write_batch, 0, 0 },
    { "ClientID", client_id, 0, 0 },
    { "ClientMSPID", client_msp_id, 0, 0 },
    { "ClientAttribute", client_attribute, 1, 1 },
    { "ClientHasOU", client_has_ou, 1, 1 },
};

const probe_op *probe_op_named(fcc_bytes name)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (fcc_bytes_equal(name, fcc_str(ops[i].name)))
            return &ops[i];
    return NULL;
}
