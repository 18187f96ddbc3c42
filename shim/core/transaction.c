/* INIT and TRANSACTION: reading the input and the proposal, running the handler, and the message that ends it. */
#include "core/stub.h"

#include "base/require.h"
#include "base/utf8.h"

#include "common/common.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

typedef Protos__ChaincodeMessage message;

/* ---- a stub's memory ---- */

fcc_stub *fcc__stub_new(fcc__session *session)
{
    fcc_stub *stub = calloc(1, sizeof(*stub));

    if (!stub)
        return NULL;
    stub->session = session;
    stub->arena = fcc__arena_new(session->options.memory_bytes);
    if (!stub->arena) {
        free(stub);
        return NULL;
    }
    fcc__buf_init(&stub->errors[0], session->options.max_message_bytes);
    fcc__buf_init(&stub->errors[1], session->options.max_message_bytes);
    return stub;
}

void fcc__stub_reset(fcc_stub *stub)
{
    enum { KEEP = 4096 };
    fcc_stub empty = { .session = stub->session, .arena = stub->arena };

    fcc__iters_clear(stub);
    fcc__block_drop(stub);
    fcc__arena_reset(stub->arena);
    for (unsigned i = 0; i < 2; i++) {
        if (stub->errors[i].cap > KEEP) {
            fcc__buf_clear(&stub->errors[i]);
            fcc__buf_init(&stub->errors[i], stub->session->options.max_message_bytes);
        }
        fcc__buf_reset(&stub->errors[i]);
        empty.errors[i] = stub->errors[i];
    }
    *stub = empty;
}

void fcc__stub_free(fcc_stub *stub)
{
    fcc__iters_clear(stub);
    fcc__block_drop(stub);
    fcc__buf_clear(&stub->errors[0]);
    fcc__buf_clear(&stub->errors[1]);
    fcc__arena_free(stub->arena);
    free(stub);
}

/* ---- reading ---- */

/* Go's text for what its protobuf library cannot read; ours for what is too big. */
static fcc_bytes unreadable(fcc_status status)
{
    return status == FCC_ERR_PROTO ? FCC_LIT("proto: cannot parse invalid wire-format data")
                                   : fcc_str(fcc_status_text(status));
}

/* By name; of equal names the one further behind comes later. Both point into one array of entries. */
static int compare_entries(const void *a, const void *b)
{
    Protos__BytesEntry *const *x = *(Protos__BytesEntry *const *const *)a;
    Protos__BytesEntry *const *y = *(Protos__BytesEntry *const *const *)b;
    int c = fcc_bytes_compare(fcc__of_pb((*x)->key), fcc__of_pb((*y)->key));

    return c ? c : (x > y) - (x < y);
}

/* A map from its entries on the wire: the last of a name counts. Names and values are borrowed. */
static bool read_map(fcc_stub *stub, Protos__BytesEntry **wire, size_t n, fcc__entries *out)
{
    Protos__BytesEntry ***order;
    fcc__entry *entries;
    size_t count = 0;

    if (n == 0)
        return true;
    order = malloc(n * sizeof(*order));
    entries = fcc__arena_zalloc(stub->arena, n, sizeof(*entries));
    if (!order || !entries) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = &wire[i];
    qsort(order, n, sizeof(*order), compare_entries);
    for (size_t i = 0; i < n; i++) {
        fcc_bytes name = fcc__of_pb((*order[i])->key), value = fcc__of_pb((*order[i])->value);

        if (i + 1 < n && fcc_bytes_equal(name, fcc__of_pb((*order[i + 1])->key)))
            continue;
        entries[count++] = (fcc__entry){ name, value };
    }
    free(order);
    out->v = entries;
    out->n = count;
    return true;
}

static fcc_status read_input(fcc_stub *stub)
{
    Protos__ChaincodeInput *input;
    fcc_bytes *args;
    fcc_status st = FCC__UNPACK_BORROWED(protos__chaincode_input, fcc__of_pb(stub->message->payload), stub->arena,
                                         &input);

    if (st != FCC_OK)
        return FCC__FAIL_PARTS(stub, st, FCC_LIT("failed to unmarshal input: "), unreadable(st));
    args = fcc__arena_zalloc(stub->arena, input->n_args, sizeof(*args));
    if (!args || !read_map(stub, input->decorations, input->n_decorations, &stub->decorations))
        return fcc__fail_memory(stub);
    for (size_t i = 0; i < input->n_args; i++)
        args[i] = fcc__of_pb(input->args[i]);
    stub->args.v = args;
    stub->args.n = input->n_args;
    return FCC_OK;
}

static fcc_status no_stub(fcc_stub *stub, const char *what, fcc_status status)
{
    return FCC__FAIL_PARTS(stub, status, FCC_LIT("failed to create new ChaincodeStub: "), fcc_str(what), FCC_LIT(": "),
                           unreadable(status));
}

static fcc_status check_header_type(fcc_stub *stub, int32_t type)
{
    const ProtobufCEnumValue *value;
    char digits[12];

    if (type == COMMON__HEADER_TYPE__ENDORSER_TRANSACTION || type == COMMON__HEADER_TYPE__CONFIG)
        return FCC_OK;
    value = protobuf_c_enum_descriptor_get_value(&common__header_type__descriptor, type);
    snprintf(digits, sizeof(digits), "%d", type);
    return fcc_fail(stub, FCC_ERR_PROTO,
                    "failed to create new ChaincodeStub: invalid channel header type. "
                    "Expected ENDORSER_TRANSACTION or CONFIG, received %s",
                    value ? value->name : digits);
}

/* `scratch` holds what is read on the way; what stays is in the stub's arena, where the message lies. */
static fcc_status read_proposal(fcc_stub *stub, fcc__arena *scratch)
{
    const Protos__SignedProposal *signed_proposal = stub->message->proposal;
    struct fcc__proposal *p;
    Protos__Proposal *proposal;
    Common__Header *header;
    Common__ChannelHeader *channel;
    Common__SignatureHeader *signature;
    Protos__ChaincodeProposalPayload *payload;
    fcc_status st;

    if (!signed_proposal)
        return FCC_OK; /* a call that no client made */
    st = FCC__UNPACK_BORROWED(protos__proposal, fcc__of_pb(signed_proposal->proposal_bytes), scratch, &proposal);
    if (st != FCC_OK)
        return no_stub(stub, "failed to extract Proposal from SignedProposal", st);
    if (proposal->header.len == 0)
        return fcc_fail(stub, FCC_ERR_PROTO,
                        "failed to create new ChaincodeStub: "
                        "failed to extract Proposal fields: proposal header is nil");
    st = FCC__UNPACK_BORROWED(common__header, fcc__of_pb(proposal->header), scratch, &header);
    if (st != FCC_OK)
        return no_stub(stub, "failed to extract proposal header", st);
    st = FCC__UNPACK_BORROWED(common__channel_header, fcc__of_pb(header->channel_header), scratch, &channel);
    if (st != FCC_OK)
        return no_stub(stub, "failed to extract channel header", st);
    st = check_header_type(stub, channel->type);
    if (st != FCC_OK)
        return st;
    st = FCC__UNPACK_BORROWED(common__signature_header, fcc__of_pb(header->signature_header), scratch, &signature);
    if (st != FCC_OK)
        return no_stub(stub, "failed to extract signature header", st);
    st = FCC__UNPACK_BORROWED(protos__chaincode_proposal_payload, fcc__of_pb(proposal->payload), scratch, &payload);
    if (st != FCC_OK)
        return no_stub(stub, "failed to extract proposal payload", st);

    p = fcc__arena_zalloc(stub->arena, 1, sizeof(*p));
    if (!p || !read_map(stub, payload->transientmap, payload->n_transientmap, &stub->transient))
        return fcc__fail_memory(stub);
    p->bytes = fcc__of_pb(signed_proposal->proposal_bytes);
    p->signature = fcc__of_pb(signed_proposal->signature);
    p->nonce = fcc__of_pb(signature->nonce);
    p->creator = fcc__of_pb(signature->creator);
    p->epoch = channel->epoch;
    p->extension = fcc__of_pb(channel->extension);
    if (channel->timestamp) {
        p->has_timestamp = true;
        p->seconds = channel->timestamp->seconds;
        p->nanos = channel->timestamp->nanos;
    }
    stub->proposal = p;
    return FCC_OK;
}

/* ---- choosing and running the handler ---- */

static bool is_named(const fcc_function *f, fcc_bytes name)
{
    return strlen(f->name) == name.len && (name.len == 0 || memcmp(f->name, name.data, name.len) == 0);
}

static fcc_status call_author(fcc_stub *stub, fcc_handler handler, fcc_args args)
{
    fcc_status st;

    fcc__leave(stub, FCC_OK);
    st = handler(stub, args);
    fcc__enter(stub);
    return st;
}

/* No function takes this call. `named` has the name, but wants another number of arguments; NULL: none has. */
static fcc_status refuse_call(fcc_stub *stub, const fcc_function *named)
{
    char rest[64];

    if (stub->session->chaincode->refuse)
        return call_author(stub, stub->session->chaincode->refuse, stub->args);
    if (!named)
        return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, FCC_LIT("unknown function "), fcc_function_name(stub));
    snprintf(rest, sizeof(rest), " takes %d argument%s, got %zu", named->args, named->args == 1 ? "" : "s",
             stub->args.n - 1);
    return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, fcc_str(named->name), fcc_str(rest));
}

static fcc_status call_function(fcc_stub *stub)
{
    const fcc_chaincode *chaincode = stub->session->chaincode;
    fcc_bytes name = fcc_function_name(stub);
    const fcc_function *named = NULL;

    for (size_t i = 0; i < chaincode->count && stub->args.n; i++) {
        const fcc_function *f = &chaincode->functions[i];
        fcc_args rest = { stub->args.v + 1, stub->args.n - 1 };
        fcc_status st;

        if (!is_named(f, name))
            continue;
        stub->seen.function = i;
        if (f->args != FCC_ANY_ARGS && (size_t)f->args != rest.n) {
            if (!named)
                named = f;
            continue;
        }
        st = chaincode->before ? call_author(stub, chaincode->before, rest) : FCC_OK;
        return st == FCC_OK ? call_author(stub, f->handler, rest) : st;
    }
    return refuse_call(stub, named);
}

/* Fabric refuses text that is not UTF-8: a reason that quotes such bytes arrives with U+FFFD in their places. */
static fcc_status make_valid(fcc_stub *stub, fcc_bytes *text)
{
    fcc__buf buf;
    bool copied;

    if (fcc__utf8_valid(*text))
        return FCC_OK;
    fcc__buf_init(&buf, 3 * text->len);
    for (size_t pos = 0; pos < text->len;) {
        size_t from = pos;

        if (fcc__utf8_next(*text, &pos) == UINT32_MAX)
            fcc__buf_puts(&buf, "\xef\xbf\xbd");
        else
            fcc__buf_append(&buf, text->data + from, pos - from);
    }
    copied = fcc__buf_ok(&buf) && fcc__arena_copy(stub->arena, fcc__buf_bytes(&buf), text);
    fcc__buf_clear(&buf);
    return copied ? FCC_OK : fcc__fail_memory(stub);
}

static void choose_response(fcc_stub *stub, fcc_status st)
{
    fcc_bytes reason;

    if (st == FCC_OK) {
        if (!stub->responded)
            stub->response.status = 200;
        return;
    }
    if (stub->responded && stub->response.status >= 400)
        return;
    reason = fcc_error_text(stub);
    if (reason.len == 0)
        reason = fcc_str(fcc_status_text(st));
    if (make_valid(stub, &reason) != FCC_OK)
        reason = fcc_str(fcc_status_text(FCC_ERR_LIMIT));
    fcc__block_drop(stub); /* of a response that is none */
    stub->response = (fcc_response){ .status = 500, .message = reason };
}

/* ---- the last message ---- */

/* `response`, unless NULL, is the payload; so is the block, where there is one. */
static fcc_status write_last(fcc_stub *stub, message *m, bool with_event, const Protos__Response *response)
{
    Protos__ChaincodeEvent event = PROTOS__CHAINCODE_EVENT__INIT;

    m->txid = fcc__pb(stub->tx_id);
    m->channel_id = fcc__pb(stub->channel);
    if (with_event && stub->has_event) {
        event.event_name = fcc__pb(stub->event_name);
        event.payload = fcc__pb(stub->event_payload);
        m->chaincode_event = &event;
    }
    return response && stub->block ? fcc__write_block(stub, m) : fcc__write_out(stub, m, response);
}

static void end_with_error(fcc_stub *stub, fcc_bytes text)
{
    message m = PROTOS__CHAINCODE_MESSAGE__INIT;

    stub->seen.status = 0;
    m.type = PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR;
    m.payload = fcc__pb(text);
    if (write_last(stub, &m, false, NULL) != FCC_OK) {
        m.payload = fcc__pb(FCC_LIT("out of memory"));
        if (write_last(stub, &m, false, NULL) != FCC_OK)
            stub->out = fcc_bytes_of(NULL, 0);
    }
}

static void end_with_response(fcc_stub *stub)
{
    message m = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    fcc_status st;

    if (stub->is_init && stub->response.status >= 500) {
        m.type = PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR;
        m.payload = fcc__pb(stub->response.message);
        if (write_last(stub, &m, true, NULL) != FCC_OK)
            end_with_error(stub, FCC_LIT("the response is longer than a message may be"));
        return;
    }
    if (fcc_finish_write_batch(stub) != FCC_OK) {
        FCC__FAIL_PARTS(stub, FCC_ERR_PEER, FCC_LIT("failed send batch: "), fcc_error_text(stub));
        end_with_error(stub, fcc_error_text(stub));
        return;
    }
    response.status = stub->response.status;
    response.message = fcc__pb(stub->response.message);
    response.payload = fcc__pb(stub->response.payload);
    m.type = PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED;
    st = write_last(stub, &m, true, &response);
    if (st == FCC_OK)
        stub->seen.status = stub->response.status;
    else
        end_with_error(stub, st == FCC_ERR_LIMIT ? FCC_LIT("the response is longer than a message may be")
                                                 : FCC_LIT("out of memory"));
}

void fcc__transaction_main(void *arg)
{
    fcc_stub *stub = arg;
    const fcc_chaincode *chaincode = stub->session->chaincode;
    fcc_status st;

    stub->inside = 1;
    st = read_input(stub);

    if (st == FCC_OK)
        st = read_proposal(stub, stub->session->out);
    fcc__arena_reset(stub->session->out);
    if (st != FCC_OK) {
        end_with_error(stub, fcc_error_text(stub));
        return;
    }
    if (!stub->is_init)
        st = call_function(stub);
    else if (chaincode->init)
        st = call_author(stub, chaincode->init, stub->args);
    choose_response(stub, st);
    end_with_response(stub);
}
