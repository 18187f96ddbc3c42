/*
 * Reading what a peer sends: its messages, and of INIT and TRANSACTION the arguments and the signed proposal. All of it
 * is read where it lies, because it is read for every transaction.
 */
#include "core/stub.h"

#include "protos/wire.h"

#include "common/common.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

/* Field numbers. */
enum { MESSAGE_TYPE = 1, MESSAGE_TIME = 2, MESSAGE_PAYLOAD = 3, MESSAGE_TX_ID = 4 }; /* of ChaincodeMessage */
enum { MESSAGE_PROPOSAL = 5, MESSAGE_EVENT = 6, MESSAGE_CHANNEL = 7 };
enum { SIGNED_BYTES = 1, SIGNED_SIGNATURE = 2 };             /* of SignedProposal */
enum { EVENT_CHAINCODE = 1, EVENT_TX_ID, EVENT_NAME };       /* of ChaincodeEvent */
enum { SECONDS = 1, NANOS = 2 };                             /* of Timestamp */
enum { INPUT_ARG = 1, INPUT_DECORATION = 2 };                /* of ChaincodeInput */
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };                     /* of a map */
enum { PROPOSAL_HEADER = 1, PROPOSAL_PAYLOAD = 2 };          /* of Proposal */
enum { HEADER_CHANNEL = 1, HEADER_SIGNATURE = 2 };           /* of Header */
enum { CHANNEL_TYPE = 1, CHANNEL_TIME = 3, CHANNEL_ID = 4 }; /* of ChannelHeader */
enum { CHANNEL_TX_ID = 5, CHANNEL_EPOCH = 6, CHANNEL_EXTENSION = 7 };
enum { SIGNATURE_CREATOR = 1, SIGNATURE_NONCE = 2 }; /* of SignatureHeader */
enum { PAYLOAD_TRANSIENT = 2 };                      /* of ChaincodeProposalPayload */

/* ---- messages ---- */

static bool scan_timestamp(fcc_bytes wire, int64_t *seconds, int32_t *nanos)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    while (fcc__wire_known(&w, &f, 1u << SECONDS | 1u << NANOS))
        if (f.number == SECONDS)
            *seconds = (int64_t)f.value;
        else if (f.number == NANOS)
            *nanos = (int32_t)f.value;
    return !w.broken;
}

static bool scan_signed_proposal(fcc_bytes wire, fcc__message *m)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    m->has_proposal = true;
    while (fcc__wire_known(&w, &f, 0))
        if (f.number == SIGNED_BYTES)
            m->proposal = f.content;
        else if (f.number == SIGNED_SIGNATURE)
            m->signature = f.content;
    return !w.broken;
}

/* Peers send none, but what can't be one makes the message unreadable. */
static bool scan_event(fcc_bytes wire)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;
    fcc_bytes ignored;

    while (fcc__wire_known(&w, &f, 0))
        if (f.number >= EVENT_CHAINCODE && f.number <= EVENT_NAME && !fcc__field_text(&f, &ignored))
            return false;
    return !w.broken;
}

bool fcc__message_read(fcc_bytes wire, fcc__message *out)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    memset(out, 0, sizeof(*out));
    while (fcc__wire_known(&w, &f, 1u << MESSAGE_TYPE)) {
        int64_t seconds;
        int32_t nanos;
        bool ok = true;

        switch (f.number) {
        case MESSAGE_TYPE:
            out->type = (int)(int32_t)f.value;
            break;
        case MESSAGE_TIME:
            ok = scan_timestamp(f.content, &seconds, &nanos);
            break;
        case MESSAGE_PAYLOAD:
            out->payload = f.content;
            break;
        case MESSAGE_TX_ID:
            ok = fcc__field_text(&f, &out->tx_id);
            break;
        case MESSAGE_PROPOSAL:
            ok = scan_signed_proposal(f.content, out);
            break;
        case MESSAGE_EVENT:
            ok = scan_event(f.content);
            break;
        case MESSAGE_CHANNEL:
            ok = fcc__field_text(&f, &out->channel);
            break;
        default:
            break;
        }
        if (!ok)
            return false;
    }
    return !w.broken;
}

static fcc_bytes moved(fcc_bytes part, fcc_bytes from, fcc_bytes to)
{
    return part.len ? fcc_bytes_of(to.data + (part.data - from.data), part.len) : part;
}

fcc__message fcc__message_moved(const fcc__message *m, fcc_bytes from, fcc_bytes to)
{
    fcc__message out = *m;

    out.payload = moved(m->payload, from, to);
    out.tx_id = moved(m->tx_id, from, to);
    out.channel = moved(m->channel, from, to);
    out.proposal = moved(m->proposal, from, to);
    out.signature = moved(m->signature, from, to);
    return out;
}

/* ---- maps ---- */

/* Go's text for what its protobuf library cannot read; ours for what is too big. */
static fcc_bytes unreadable(fcc_status status)
{
    return status == FCC_ERR_PROTO ? FCC_LIT("proto: cannot parse invalid wire-format data")
                                   : fcc_str(fcc_status_text(status));
}

static bool scan_entry(fcc_bytes wire, fcc__entry *out)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__entry entry = { 0 };
    fcc__field f;

    while (fcc__wire_known(&w, &f, 0))
        if (f.number == ENTRY_VALUE)
            entry.value = f.content;
        else if (f.number == ENTRY_KEY && !fcc__field_text(&f, &entry.name))
            return false;
    *out = entry;
    return !w.broken;
}

/* By name; of equal names the one further behind comes later. Both point into one array. */
static int compare_entries(const void *a, const void *b)
{
    const fcc__entry *const *x = a, *const *y = b;
    int c = fcc_bytes_compare((*x)->name, (*y)->name);

    return c ? c : (*x > *y) - (*x < *y);
}

/* A map from its entries in their order: the last of a name counts. */
static bool sort_map(fcc_stub *stub, const fcc__entry *wire, size_t n, fcc__entries *out)
{
    const fcc__entry **order = malloc(n * sizeof(*order));
    fcc__entry *entries = fcc__arena_zalloc(stub->arena, n, sizeof(*entries));
    size_t count = 0;

    if (!order || !entries) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = &wire[i];
    qsort(order, n, sizeof(*order), compare_entries);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || !fcc_bytes_equal(order[i]->name, order[i + 1]->name))
            entries[count++] = *order[i];
    free(order);
    out->v = entries;
    out->n = count;
    return true;
}

/* The map whose `n` entries are the fields of this number in `wire`, which has been read once. Borrows from it. */
static fcc_status read_map(fcc_stub *stub, fcc_bytes wire, uint32_t number, size_t n, fcc__entries *out)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__entry *entries;
    fcc__field f;
    size_t at = 0;
    bool ok = true;

    if (n == 0)
        return FCC_OK;
    entries = malloc(n * sizeof(*entries));
    if (!entries)
        return FCC_ERR_NOMEM;
    while (ok && fcc__wire_known(&w, &f, 0))
        if (f.number == number)
            ok = scan_entry(f.content, &entries[at++]);
    if (ok && !sort_map(stub, entries, n, out)) {
        free(entries);
        return FCC_ERR_NOMEM;
    }
    free(entries);
    return ok ? FCC_OK : FCC_ERR_PROTO;
}

/* ---- arguments ---- */

/* How many arguments and decorations there are. */
static fcc_status count_input(fcc_bytes wire, size_t *args, size_t *decorations)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    *args = *decorations = 0;
    while (fcc__wire_known(&w, &f, 0)) {
        *args += f.number == INPUT_ARG;
        *decorations += f.number == INPUT_DECORATION;
    }
    if (w.broken)
        return FCC_ERR_PROTO;
    return *args + *decorations > FCC__WIRE_MAX_ELEMENTS ? FCC_ERR_LIMIT : FCC_OK;
}

fcc_status fcc__read_input(fcc_stub *stub)
{
    fcc_bytes wire = stub->message.payload, *args;
    fcc__wire w = fcc__wire_of(wire);
    size_t arg_count, decoration_count, n = 0;
    fcc__field f;
    fcc_status st = count_input(wire, &arg_count, &decoration_count);

    if (st == FCC_OK)
        st = read_map(stub, wire, INPUT_DECORATION, decoration_count, &stub->decorations);
    if (st == FCC_ERR_NOMEM)
        return fcc__fail_memory(stub);
    if (st != FCC_OK)
        return FCC__FAIL_PARTS(stub, st, FCC_LIT("failed to unmarshal input: "), unreadable(st));
    args = fcc__arena_alloc(stub->arena, arg_count * sizeof(*args));
    if (!args)
        return fcc__fail_memory(stub);
    while (fcc__wire_known(&w, &f, 0))
        if (f.number == INPUT_ARG)
            args[n++] = f.content;
    stub->args.v = args;
    stub->args.n = n;
    return FCC_OK;
}

/* ---- the proposal ---- */

static bool scan_proposal(fcc_bytes wire, fcc_bytes *header, fcc_bytes *payload)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    while (fcc__wire_known(&w, &f, 0))
        if (f.number == PROPOSAL_HEADER)
            *header = f.content;
        else if (f.number == PROPOSAL_PAYLOAD)
            *payload = f.content;
    return !w.broken;
}

static bool scan_header(fcc_bytes wire, fcc_bytes *channel, fcc_bytes *signature)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    while (fcc__wire_known(&w, &f, 0))
        if (f.number == HEADER_CHANNEL)
            *channel = f.content;
        else if (f.number == HEADER_SIGNATURE)
            *signature = f.content;
    return !w.broken;
}

static bool scan_channel_header(fcc_bytes wire, int32_t *type, struct fcc__proposal *p)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    while (fcc__wire_known(&w, &f, 1u << CHANNEL_TYPE | 1u << CHANNEL_EPOCH)) {
        fcc_bytes ignored;
        bool ok = true;

        switch (f.number) {
        case CHANNEL_TYPE:
            *type = (int32_t)f.value;
            break;
        case CHANNEL_TIME:
            p->has_timestamp = true;
            ok = scan_timestamp(f.content, &p->seconds, &p->nanos);
            break;
        case CHANNEL_ID:
        case CHANNEL_TX_ID:
            ok = fcc__field_text(&f, &ignored);
            break;
        case CHANNEL_EPOCH:
            p->epoch = f.value;
            break;
        case CHANNEL_EXTENSION:
            p->extension = f.content;
            break;
        default:
            break;
        }
        if (!ok)
            return false;
    }
    return !w.broken;
}

static bool scan_signature_header(fcc_bytes wire, struct fcc__proposal *p)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    while (fcc__wire_known(&w, &f, 0))
        if (f.number == SIGNATURE_CREATOR)
            p->creator = f.content;
        else if (f.number == SIGNATURE_NONCE)
            p->nonce = f.content;
    return !w.broken;
}

static fcc_status read_transient(fcc_stub *stub, fcc_bytes wire)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;
    size_t n = 0;

    while (fcc__wire_known(&w, &f, 0))
        n += f.number == PAYLOAD_TRANSIENT;
    if (w.broken)
        return FCC_ERR_PROTO;
    if (n > FCC__WIRE_MAX_ELEMENTS)
        return FCC_ERR_LIMIT;
    return read_map(stub, wire, PAYLOAD_TRANSIENT, n, &stub->transient);
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

fcc_status fcc__read_proposal(fcc_stub *stub)
{
    const fcc__message *m = &stub->message;
    fcc_bytes header = { 0 }, payload = { 0 }, channel = { 0 }, signature = { 0 };
    struct fcc__proposal *p;
    int32_t type = 0;
    fcc_status st;

    if (!m->has_proposal)
        return FCC_OK; /* a call that no client made */
    p = fcc__arena_zalloc(stub->arena, 1, sizeof(*p));
    if (!p)
        return fcc__fail_memory(stub);
    if (!scan_proposal(m->proposal, &header, &payload))
        return no_stub(stub, "failed to extract Proposal from SignedProposal", FCC_ERR_PROTO);
    if (header.len == 0)
        return fcc_fail(stub, FCC_ERR_PROTO,
                        "failed to create new ChaincodeStub: "
                        "failed to extract Proposal fields: proposal header is nil");
    if (!scan_header(header, &channel, &signature))
        return no_stub(stub, "failed to extract proposal header", FCC_ERR_PROTO);
    if (!scan_channel_header(channel, &type, p))
        return no_stub(stub, "failed to extract channel header", FCC_ERR_PROTO);
    st = check_header_type(stub, type);
    if (st != FCC_OK)
        return st;
    if (!scan_signature_header(signature, p))
        return no_stub(stub, "failed to extract signature header", FCC_ERR_PROTO);
    st = read_transient(stub, payload);
    if (st == FCC_ERR_NOMEM)
        return fcc__fail_memory(stub);
    if (st != FCC_OK)
        return no_stub(stub, "failed to extract proposal payload", st);
    p->bytes = m->proposal;
    p->signature = m->signature;
    stub->proposal = p;
    return FCC_OK;
}
