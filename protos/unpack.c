/* See unpack.h. The wire format: protobuf.dev, "Encoding". */
#include "protos/unpack.h"

#include "base/require.h"
#include "base/utf8.h"
#include "protos/wire.h"

#include <stdatomic.h>

/* Fields that are strings in Fabric's own .proto files, sorted by message; made by utf8.awk. */
static const struct utf8_field {
    const char *message;
    uint32_t number;
} utf8_fields[] = {
#include "utf8_fields.inc"
};

struct reader {
    fcc__arena *arena;
    bool borrow; /* bytes point into the wire */
    size_t elements, most;
    fcc_status status;
};

/* What reading asks of a field. */
struct field {
    const ProtobufCFieldDescriptor *descriptor; /* NULL: not known */
    ProtobufCWireType wire_type;
    uint8_t size;  /* of one value in memory */
    uint8_t index; /* in the message's descriptor */
    bool is_text;
    bool is_plain; /* bytes, not repeated, not one of several */
    bool is_list;  /* of messages */
};

/* A message type's fields by their numbers: looking them up in the descriptor, for every field read, is most of the cost. */
enum { PLAN_FIELDS = 16, PLANS = 128, PLAN_SLOTS = 256, MAX_FIELDS = 64 };

struct plan {
    const ProtobufCMessageDescriptor *descriptor;
    const struct utf8_field *rows;
    struct field fields[PLAN_FIELDS]; /* those of higher numbers are looked up */
};

/* One field as it stands on the wire. */
struct element {
    struct field field;
    uint32_t number;
    ProtobufCWireType type;
    uint64_t value;    /* of a varint, 32 or 64 bits */
    fcc_bytes content; /* of a length-prefixed one */
    fcc_bytes raw;     /* everything behind the key */
};

/* The first row of this message, or NULL; the others follow it. */
static const struct utf8_field *utf8_rows(const char *message)
{
    size_t low = 0, high = sizeof(utf8_fields) / sizeof(utf8_fields[0]);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(utf8_fields[middle].message, message) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == sizeof(utf8_fields) / sizeof(utf8_fields[0]) || strcmp(utf8_fields[low].message, message) != 0)
        return NULL;
    return &utf8_fields[low];
}

static bool is_utf8_field(const struct utf8_field *rows, uint32_t number)
{
    const struct utf8_field *end = utf8_fields + sizeof(utf8_fields) / sizeof(utf8_fields[0]);

    for (const struct utf8_field *r = rows; r && r < end && strcmp(r->message, rows->message) == 0; r++)
        if (r->number == number)
            return true;
    return false;
}

static bool fail(struct reader *r, fcc_status status)
{
    r->status = status;
    return false;
}

static uint64_t little_endian(const uint8_t *p, size_t len)
{
    uint64_t n = 0;

    for (size_t i = 0; i < len; i++)
        n |= (uint64_t)p[i] << 8 * i;
    return n;
}

/* ---- plans ---- */

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    default:
        return 4;
    }
}

static ProtobufCWireType wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

static struct field field_of(const ProtobufCMessageDescriptor *message, const struct utf8_field *rows, unsigned number)
{
    const ProtobufCFieldDescriptor *descriptor = protobuf_c_message_descriptor_get_field(message, number);
    struct field field = { .descriptor = descriptor };

    if (descriptor) {
        field.index = (uint8_t)(descriptor - message->fields);
        field.wire_type = wire_type_of(descriptor->type);
        field.size = (uint8_t)size_of(descriptor->type);
        field.is_text = descriptor->type == PROTOBUF_C_TYPE_BYTES && is_utf8_field(rows, descriptor->id);
        field.is_plain = descriptor->type == PROTOBUF_C_TYPE_BYTES && descriptor->label == PROTOBUF_C_LABEL_NONE &&
                         !(descriptor->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
        field.is_list = descriptor->type == PROTOBUF_C_TYPE_MESSAGE && descriptor->label == PROTOBUF_C_LABEL_REPEATED;
    }
    return field;
}

static void make_plan(struct plan *plan, const ProtobufCMessageDescriptor *descriptor)
{
    plan->descriptor = descriptor;
    plan->rows = utf8_rows(descriptor->name);
    FCC_REQUIRE(descriptor->n_fields <= MAX_FIELDS);
    for (unsigned i = 0; i < PLAN_FIELDS; i++)
        plan->fields[i] = field_of(descriptor, plan->rows, i);
}

/*
 * Made when a type is first read, for the life of the process, by whichever thread comes first. Past the room for plans
 * they are made anew each time, in the arena; NULL when that is full.
 */
static const struct plan *plan_of(const ProtobufCMessageDescriptor *descriptor, fcc__arena *arena)
{
    static struct plan plans[PLANS];
    static atomic_uint used;
    static _Atomic(const struct plan *) slots[PLAN_SLOTS];
    size_t slot = ((uintptr_t)descriptor >> 4) * 2654435769u >> 8;
    struct plan *plan = NULL;

    for (unsigned i = 0; i < PLAN_SLOTS; i++, slot++) {
        _Atomic(const struct plan *) *at = &slots[slot % PLAN_SLOTS];
        const struct plan *found = atomic_load_explicit(at, memory_order_acquire);

        if (!found && !plan) {
            unsigned n = atomic_load(&used) < PLANS ? atomic_fetch_add(&used, 1) : PLANS;

            plan = n < PLANS ? &plans[n] : fcc__arena_alloc(arena, sizeof(*plan));
            if (!plan)
                return NULL;
            make_plan(plan, descriptor);
            if (n >= PLANS)
                return plan;
        }
        if (!found && atomic_compare_exchange_strong(at, &found, plan))
            return plan;
        if (found->descriptor == descriptor)
            return found;
    }
    return plan; /* more slots than plans: not reached */
}

/* ---- elements ---- */

/*
 * What nearly every element is: bytes or a message, with a field number below 16. False: it may still be one that
 * next_element reads, and nothing was moved.
 */
static inline bool next_common(const struct plan *plan, const uint8_t **at, const uint8_t *end,
                               const struct field **field, fcc_bytes *content)
{
    const uint8_t *p = *at;
    uint64_t len;

    if (*p >= 0x80 || (*p & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return false;
    *field = &plan->fields[*p++ >> 3];
    if (!(*field)->descriptor || (*field)->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ||
        !fcc__varint(&p, end, &len) || len > (size_t)(end - p))
        return false;
    *content = fcc_bytes_of(p, (size_t)len);
    *at = p + len;
    return true;
}

/* Can a value of this wire type be one of the field's? Numbers of a list may also be packed together. */
static inline bool fits(const struct field *field, ProtobufCWireType type)
{
    return type == field->wire_type ||
           (type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED && field->descriptor->label == PROTOBUF_C_LABEL_REPEATED);
}

/*
 * Fills `out`, whose raw content is only set when the field is not known. As in Go, a known number with a value that can't
 * be the field's is one that is not known.
 */
static inline bool next_element(struct reader *r, const struct plan *plan, const uint8_t **at, const uint8_t *end,
                                struct element *out)
{
    uint64_t key, len = 0;
    const uint8_t *start;

    if (!fcc__varint(at, end, &key) || key >> 3 == 0 || key >> 3 > 536870911)
        return fail(r, FCC_ERR_PROTO);
    out->number = (uint32_t)(key >> 3);
    out->type = (ProtobufCWireType)(key & 7);
    if (out->number < PLAN_FIELDS)
        out->field = plan->fields[out->number];
    else
        out->field = field_of(plan->descriptor, plan->rows, out->number);
    start = *at;
    switch (out->type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        if (!fcc__varint(at, end, &out->value))
            return fail(r, FCC_ERR_PROTO);
        break;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        len = out->type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        if (len > (size_t)(end - *at))
            return fail(r, FCC_ERR_PROTO);
        out->value = little_endian(*at, len);
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!fcc__varint(at, end, &len) || len > (size_t)(end - *at))
            return fail(r, FCC_ERR_PROTO);
        out->content = fcc_bytes_of(*at, (size_t)len);
        break;
    default:
        *at = (int)out->type == FCC__WIRE_GROUP ? fcc__group_end(*at, end, out->number) : NULL;
        if (!*at)
            return fail(r, FCC_ERR_PROTO);
    }
    *at += (size_t)len;
    if (out->field.descriptor && !fits(&out->field, out->type))
        out->field.descriptor = NULL;
    if (!out->field.descriptor)
        out->raw = fcc_bytes_of(start, (size_t)(*at - start));
    return true;
}

static void store_number(ProtobufCType type, uint64_t value, void *at)
{
    uint32_t low = (uint32_t)value;
    protobuf_c_boolean truth = value != 0;

    if (type == PROTOBUF_C_TYPE_SINT32)
        low = low >> 1 ^ (0 - (low & 1));
    else if (type == PROTOBUF_C_TYPE_SINT64)
        value = value >> 1 ^ (0 - (value & 1));
    if (type == PROTOBUF_C_TYPE_BOOL)
        memcpy(at, &truth, sizeof(truth));
    else if (size_of(type) == 8)
        memcpy(at, &value, sizeof(value));
    else
        memcpy(at, &low, sizeof(low));
}

static bool read_message(struct reader *r, ProtobufCMessage *message, const struct plan *plan, fcc_bytes wire,
                         unsigned depth);

static ProtobufCMessage *new_message(struct reader *r, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = fcc__arena_alloc(r->arena, descriptor->sizeof_message);

    if (message)
        protobuf_c_message_init(descriptor, message);
    else
        fail(r, FCC_ERR_LIMIT);
    return message;
}

static bool copy_bytes(struct reader *r, fcc_bytes from, ProtobufCBinaryData *to)
{
    *to = (ProtobufCBinaryData){ .len = from.len };
    if (from.len == 0)
        return true;
    if (r->borrow) {
        to->data = (uint8_t *)(uintptr_t)from.data;
        return true;
    }
    to->data = fcc__arena_alloc(r->arena, from.len);
    if (!to->data)
        return fail(r, FCC_ERR_LIMIT);
    memcpy(to->data, from.data, from.len);
    return true;
}

/* Store one value at `at`. A message that came before is merged with. */
static bool read_value(struct reader *r, const struct element *e, void *at, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = e->field.descriptor;
    ProtobufCMessage **message = at;

    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        if (!*message)
            *message = new_message(r, field->descriptor);
        return *message && read_message(r, *message, plan_of(field->descriptor, r->arena), e->content, depth + 1);
    case PROTOBUF_C_TYPE_BYTES:
        if (e->field.is_text && !fcc__utf8_valid(e->content))
            return fail(r, FCC_ERR_PROTO);
        return copy_bytes(r, e->content, at);
    default:
        store_number(field->type, e->value, at);
        return true;
    }
}

static bool is_repeated(const struct element *e)
{
    return e->field.descriptor->label == PROTOBUF_C_LABEL_REPEATED;
}

static bool is_packed(const struct element *e)
{
    return is_repeated(e) && e->type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
           e->field.wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
}

/* The next of the numbers that are packed together; false at the end, or with the status set. */
static bool next_packed(struct reader *r, const struct element *e, const uint8_t **at, uint64_t *value)
{
    const uint8_t *end = e->content.data + e->content.len;
    size_t len = e->field.wire_type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;

    if (*at == end)
        return false;
    if (e->field.wire_type == PROTOBUF_C_WIRE_TYPE_VARINT)
        return fcc__varint(at, end, value) || fail(r, FCC_ERR_PROTO);
    if (len > (size_t)(end - *at))
        return fail(r, FCC_ERR_PROTO);
    *value = little_endian(*at, len);
    *at += len;
    return true;
}

/* A repeated field has had its array made; `count` is how far it is filled. */
static bool read_repeated(struct reader *r, const struct element *e, uint8_t *base, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = e->field.descriptor;
    size_t *count = (size_t *)(void *)(base + field->quantifier_offset);
    const uint8_t *at = e->content.data;
    uint8_t *array;
    uint64_t value;

    memcpy(&array, base + field->offset, sizeof(array));
    if (!is_packed(e))
        return read_value(r, e, array + e->field.size * (*count)++, depth);
    while (next_packed(r, e, &at, &value))
        store_number(field->type, value, array + e->field.size * (*count)++);
    return r->status == FCC_OK;
}

static bool read_single(struct reader *r, const struct element *e, uint8_t *base, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = e->field.descriptor;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)(void *)(base + field->quantifier_offset);

        if (*which != field->id) /* what another field left there is none of ours */
            memset(base + field->offset, 0, e->field.size);
        *which = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)(void *)(base + field->quantifier_offset) = 1;
    }
    return read_value(r, e, base + field->offset, depth);
}

/* ---- messages ---- */

/* How many of each repeated field there are from here on. Packed numbers count as elements here, the rest when read. */
static bool count_elements(struct reader *r, const struct plan *plan, const uint8_t *at, const uint8_t *end,
                           size_t *counts, size_t *unknown)
{
    size_t elements = r->elements;

    while (at < end) {
        const struct field *field;
        fcc_bytes content;
        struct element e;
        const uint8_t *number;
        size_t *count, before;
        uint64_t value;

        if (next_common(plan, &at, end, &field, &content)) {
            counts[field->index]++;
            if (++elements > r->most)
                return fail(r, FCC_ERR_LIMIT);
            continue;
        }
        if (!next_element(r, plan, &at, end, &e))
            return false;
        if (++elements > r->most)
            return fail(r, FCC_ERR_LIMIT);
        count = e.field.descriptor ? &counts[e.field.index] : unknown;
        before = *count;
        if (!e.field.descriptor || !is_packed(&e)) {
            ++*count;
            continue;
        }
        number = e.content.data;
        while (next_packed(r, &e, &number, &value))
            ++*count;
        elements += *count - before;
        r->elements += *count - before;
        if (r->status != FCC_OK)
            return false;
        if (elements > r->most)
            return fail(r, FCC_ERR_LIMIT);
    }
    return true;
}

/* Room for `more` elements behind the `have` that a merged message already has. */
static bool make_room(struct reader *r, void *array, size_t have, size_t more, size_t size)
{
    void *bigger, *old;

    if (more == 0)
        return true;
    bigger = fcc__arena_zalloc(r->arena, have + more, size);
    if (!bigger)
        return fail(r, FCC_ERR_LIMIT);
    memcpy(&old, array, sizeof(old));
    if (have)
        memcpy(bigger, old, have * size);
    memcpy(array, &bigger, sizeof(bigger));
    return true;
}

/* Arrays for all that is repeated, or not known, from here on. Apart from read_message, which recurses. */
static __attribute__((noinline)) bool make_arrays(struct reader *r, ProtobufCMessage *message, const struct plan *plan,
                                                  const uint8_t *at, const uint8_t *end)
{
    const ProtobufCMessageDescriptor *descriptor = plan->descriptor;
    uint8_t *base = (uint8_t *)message;
    size_t counts[MAX_FIELDS], unknown = 0;

    memset(counts, 0, descriptor->n_fields * sizeof(counts[0]));
    if (!count_elements(r, plan, at, end, counts, &unknown))
        return false;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

        if (field->label == PROTOBUF_C_LABEL_REPEATED &&
            !make_room(r, base + field->offset, *(size_t *)(void *)(base + field->quantifier_offset), counts[i],
                       size_of(field->type)))
            return false;
    }
    return make_room(r, &message->unknown_fields, message->n_unknown_fields, unknown,
                     sizeof(ProtobufCMessageUnknownField));
}

static bool keep_unknown(struct reader *r, ProtobufCMessage *message, const struct element *e)
{
    ProtobufCMessageUnknownField *field = &message->unknown_fields[message->n_unknown_fields];
    ProtobufCBinaryData raw;

    if (!copy_bytes(r, e->raw, &raw))
        return false;
    *field = (ProtobufCMessageUnknownField){ e->number, e->type, raw.len, raw.data };
    message->n_unknown_fields++;
    return true;
}

/* One more of a list of messages, whose array has been made. */
static bool read_listed(struct reader *r, const struct field *field, const struct plan *plan, fcc_bytes content,
                        uint8_t *base, unsigned depth)
{
    size_t *count = (size_t *)(void *)(base + field->descriptor->quantifier_offset);
    ProtobufCMessage *message = new_message(r, field->descriptor->descriptor), **array;

    if (!message)
        return false;
    memcpy(&array, base + field->descriptor->offset, sizeof(array));
    array[(*count)++] = message;
    return read_message(r, message, plan, content, depth + 1);
}

/* Any element. Apart from read_message, whose frames are many. */
static __attribute__((noinline)) bool read_any(struct reader *r, ProtobufCMessage *message, const struct plan *plan,
                                               const uint8_t **at, const uint8_t *end, bool *has_arrays, unsigned depth)
{
    const uint8_t *start = *at;
    struct element e;

    if (!next_element(r, plan, at, end, &e))
        return false;
    if (e.field.descriptor && !is_repeated(&e))
        return read_single(r, &e, (uint8_t *)message, depth);
    if (!*has_arrays) {
        r->elements--; /* counted with those that follow */
        if (!make_arrays(r, message, plan, start, end))
            return false;
        r->elements++;
        *has_arrays = true;
    }
    return e.field.descriptor ? read_repeated(r, &e, (uint8_t *)message, depth) : keep_unknown(r, message, &e);
}

/* Recursion is bounded by FCC__WIRE_MAX_DEPTH. `plan` may be NULL: there was no memory for it. */
static bool read_message(struct reader *r, ProtobufCMessage *message, const struct plan *plan, fcc_bytes wire,
                         unsigned depth)
{
    const uint8_t *at = wire.data, *end = wire.len ? wire.data + wire.len : wire.data;
    const struct plan *list_plan = NULL; /* of the last list's messages */
    bool has_arrays = false;

    if (!plan)
        return fail(r, FCC_ERR_LIMIT);
    if (depth > FCC__WIRE_MAX_DEPTH)
        return fail(r, FCC_ERR_PROTO);
    while (at < end) {
        const uint8_t *start = at;
        const struct field *field;
        fcc_bytes content;

        if (++r->elements > r->most)
            return fail(r, FCC_ERR_LIMIT);
        if (next_common(plan, &at, end, &field, &content)) {
            if (field->is_plain) {
                if (field->is_text && !fcc__utf8_valid(content))
                    return fail(r, FCC_ERR_PROTO);
                if (!copy_bytes(r, content, (void *)((uint8_t *)message + field->descriptor->offset)))
                    return false;
                continue;
            }
            if (field->is_list && has_arrays) {
                if (!list_plan || list_plan->descriptor != field->descriptor->descriptor)
                    list_plan = plan_of(field->descriptor->descriptor, r->arena);
                if (!read_listed(r, field, list_plan, content, (uint8_t *)message, depth))
                    return false;
                continue;
            }
            at = start;
        }
        if (!read_any(r, message, plan, &at, end, &has_arrays, depth))
            return false;
    }
    return true;
}

static fcc_status unpack(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena, bool borrow,
                         size_t most, ProtobufCMessage **out)
{
    struct reader r = { .arena = arena, .borrow = borrow, .most = most, .status = FCC_OK };
    ProtobufCMessage *message = new_message(&r, descriptor);

    if (!message || !read_message(&r, message, plan_of(descriptor, arena), wire, 1))
        return r.status;
    *out = message;
    return FCC_OK;
}

fcc_status fcc__unpack(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                       ProtobufCMessage **out)
{
    return unpack(descriptor, wire, arena, false, FCC__WIRE_MAX_ELEMENTS, out);
}

fcc_status fcc__unpack_any(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                           ProtobufCMessage **out)
{
    return unpack(descriptor, wire, arena, false, SIZE_MAX, out);
}

fcc_status fcc__unpack_borrowed(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                                ProtobufCMessage **out)
{
    return unpack(descriptor, wire, arena, true, FCC__WIRE_MAX_ELEMENTS, out);
}

fcc_status fcc__pack(const void *message, fcc__arena *arena, fcc_bytes *out)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *p = fcc__arena_alloc(arena, len);

    if (!p)
        return FCC_ERR_LIMIT;
    *out = fcc_bytes_of(p, protobuf_c_message_pack(message, p));
    return FCC_OK;
}
