/*
 * sample.c: things with an owner. Everybody may read a thing, only its owner may change it or give it away, and what it
 * is worth is known to the organisations of one collection alone.
 *
 *     key                 value
 *     thing 0x00 NAME     OWNER 0x00 TEXT
 *     NAME, in "secrets"  what it is worth
 */
#include "sample.h"

static const char type[] = "thing";
static const char secrets[] = "secrets";

/* ---- things as they are stored ---- */

typedef struct thing {
    fcc_bytes owner;
    fcc_bytes text;
} thing;

static fcc_status key_of(fcc_stub *stub, fcc_bytes name, fcc_bytes *key)
{
    if (name.len == 0)
        return fcc_fail(stub, FCC_ERR_APP, "a thing needs a name");
    return fcc_create_composite_key(stub, fcc_str(type), &name, 1, key);
}

static fcc_status parse(fcc_stub *stub, fcc_bytes value, thing *out)
{
    const uint8_t *end = memchr(value.data, 0, value.len);

    if (!end)
        return fcc_fail(stub, FCC_ERR_CORRUPT, "a stored thing has no owner");
    out->owner = fcc_bytes_of(value.data, (size_t)(end - value.data));
    out->text = fcc_bytes_of(end + 1, value.len - out->owner.len - 1);
    return FCC_OK;
}

/* Not there: FCC_OK and an owner of length 0. */
static fcc_status load(fcc_stub *stub, fcc_bytes key, thing *out)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, key, &value);

    *out = (thing){ { NULL, 0 }, { NULL, 0 } };
    return st == FCC_OK && value.len > 0 ? parse(stub, value, out) : st;
}

static fcc_status store(fcc_stub *stub, fcc_bytes key, thing t)
{
    size_t len = t.owner.len + 1 + t.text.len;
    uint8_t *value = fcc_alloc(stub, len);

    if (!value)
        return FCC_ERR_NOMEM;
    memcpy(value, t.owner.data, t.owner.len);
    value[t.owner.len] = 0;
    if (t.text.len > 0)
        memcpy(value + t.owner.len + 1, t.text.data, t.text.len);
    return fcc_put_state(stub, key, fcc_bytes_of(value, len));
}

/* A thing that is there and belongs to the caller; otherwise a refusal. */
static fcc_status load_own(fcc_stub *stub, fcc_bytes name, fcc_bytes *key, thing *out)
{
    fcc_bytes caller;
    fcc_status st = key_of(stub, name, key);

    if (st == FCC_OK)
        st = load(stub, *key, out);
    if (st == FCC_OK)
        st = fcc_client_id(stub, &caller);
    if (st != FCC_OK)
        return st;
    if (out->owner.len == 0)
        return fcc_fail(stub, FCC_ERR_APP, "there is no thing " FCC_FMT, FCC_ARG(name));
    if (!fcc_bytes_equal(out->owner, caller))
        return fcc_fail(stub, FCC_ERR_APP, FCC_FMT " belongs to somebody else", FCC_ARG(name));
    return FCC_OK;
}

/* ---- functions ---- */

/* Create NAME TEXT: the caller owns it. What it is worth may come in the transient map, as "worth". */
static fcc_status create(fcc_stub *stub, fcc_args args)
{
    fcc_bytes key, worth = fcc_transient(stub, FCC_LIT("worth"));
    thing there, made = { { NULL, 0 }, args.v[1] };
    fcc_status st = key_of(stub, args.v[0], &key);

    if (st == FCC_OK)
        st = load(stub, key, &there);
    if (st == FCC_OK)
        st = fcc_client_id(stub, &made.owner);
    if (st != FCC_OK)
        return st;
    if (there.owner.len > 0)
        return fcc_fail(stub, FCC_ERR_APP, "there is a thing " FCC_FMT " already", FCC_ARG(args.v[0]));
    st = store(stub, key, made);
    if (st == FCC_OK && worth.len > 0)
        st = fcc_put_private_data(stub, fcc_str(secrets), args.v[0], worth);
    if (st == FCC_OK)
        st = fcc_set_event(stub, FCC_LIT("Created"), args.v[0]);
    return st;
}

/* Read NAME: its text. */
static fcc_status read_text(fcc_stub *stub, fcc_args args)
{
    fcc_bytes key;
    thing found;
    fcc_status st = key_of(stub, args.v[0], &key);

    if (st == FCC_OK)
        st = load(stub, key, &found);
    if (st != FCC_OK)
        return st; /* the reason is already on the stub */
    if (found.owner.len == 0)
        return fcc_fail(stub, FCC_ERR_APP, "there is no thing " FCC_FMT, FCC_ARG(args.v[0]));
    return fcc_reply(stub, found.text);
}

/* Worth NAME: for the organisations of the collection. */
static fcc_status read_worth(fcc_stub *stub, fcc_args args)
{
    fcc_bytes worth;
    fcc_status st = fcc_get_private_data(stub, fcc_str(secrets), args.v[0], &worth);

    return st == FCC_OK ? fcc_reply(stub, worth) : st;
}

/* Write NAME TEXT: for its owner. */
static fcc_status write_text(fcc_stub *stub, fcc_args args)
{
    fcc_bytes key;
    thing own;
    fcc_status st = load_own(stub, args.v[0], &key, &own);

    if (st != FCC_OK)
        return st;
    own.text = args.v[1];
    return store(stub, key, own);
}

/* Give NAME OWNER: OWNER is what WhoAmI answers to the new owner. */
static fcc_status give(fcc_stub *stub, fcc_args args)
{
    fcc_bytes key;
    thing own;
    fcc_status st = load_own(stub, args.v[0], &key, &own);

    if (st != FCC_OK)
        return st;
    if (args.v[1].len == 0 || memchr(args.v[1].data, 0, args.v[1].len))
        return fcc_fail(stub, FCC_ERR_APP, "the new owner must be what WhoAmI answers");
    own.owner = args.v[1];
    return store(stub, key, own);
}

static fcc_status who_am_i(fcc_stub *stub, fcc_args args)
{
    fcc_bytes id;
    fcc_status st = fcc_client_id(stub, &id);

    (void)args;
    return st == FCC_OK ? fcc_reply(stub, id) : st;
}

/* Text that grows by doubling, because fcc_alloc has no free before the function returns. */
typedef struct text {
    uint8_t *data;
    size_t len;
    size_t cap;
} text;

static bool append(fcc_stub *stub, text *t, fcc_bytes more)
{
    size_t cap = t->cap ? t->cap : 256;
    uint8_t *data = t->data;

    while (cap < t->len + more.len)
        cap *= 2;
    if (cap > t->cap) {
        data = fcc_alloc(stub, cap);
        if (!data)
            return false;
        if (t->len > 0)
            memcpy(data, t->data, t->len);
    }
    if (more.len > 0)
        memcpy(data + t->len, more.data, more.len);
    *t = (text){ data, t->len + more.len, cap };
    return true;
}

/* List: a line for each thing, name and text with a tab between. */
static fcc_status list(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes *attributes;
    fcc_bytes object_type;
    text out = { NULL, 0, 0 };
    fcc_iter *all;
    fcc_kv kv;
    thing found;
    size_t count;
    fcc_status st = fcc_get_state_by_partial_composite_key(stub, fcc_str(type), NULL, 0, &all);

    (void)args;
    while (st == FCC_OK && fcc_iter_has_next(all)) {
        st = fcc_iter_next(all, &kv);
        if (st == FCC_OK)
            st = fcc_split_composite_key(stub, kv.key, &object_type, &attributes, &count);
        if (st == FCC_OK)
            st = parse(stub, kv.value, &found);
        if (st == FCC_OK && !(append(stub, &out, attributes[0]) && append(stub, &out, FCC_LIT("\t")) &&
                              append(stub, &out, found.text) && append(stub, &out, FCC_LIT("\n"))))
            st = FCC_ERR_NOMEM;
    }
    /* an iterator that is left open is closed with the transaction */
    return st == FCC_OK ? fcc_reply(stub, fcc_bytes_of(out.data, out.len)) : st;
}

static const fcc_function functions[] = {
    { "Create", create, 2 }, { "Read", read_text, 1 },  { "Worth", read_worth, 1 }, { "Write", write_text, 2 },
    { "Give", give, 2 },     { "WhoAmI", who_am_i, 0 }, { "List", list, 0 },
};

const fcc_chaincode sample_chaincode = { .functions = functions, .count = sizeof(functions) / sizeof(functions[0]) };
