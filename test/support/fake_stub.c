/* fake_stub.c: the ledger is a list of committed writes; the state is what was written last. */
#include "test/support/fake_stub.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct write {
    char ns[32], collection[64];
    uint8_t *key, *value;
    size_t key_len, value_len;
    char tx_id[32];
    int64_t at;
};

struct list {
    struct write *v;
    size_t n, cap;
};

struct buffer {
    char *data;
    size_t len;
};

struct fcc_stub {
    const char *chaincode, *outermost;
    fcc_args args; /* with the name */
    int32_t status;
    struct buffer message, payload;
    char *error;
    bool ranged;
};

struct fcc_iter {
    struct write **v;
    size_t n, at;
};

static struct {
    struct list ledger, pending;
    struct {
        const char *name;
        const fcc_chaincode *chaincode;
    } installed[4];
    size_t installed_count;
    int64_t now;
    unsigned tx;
    char tx_id[32];
    const char *msp, *role, *uid, *site;
    uint8_t fp[32];
    struct buffer in, event_name, event, trace, message, payload;
    void *blocks[200000];
    size_t block_count;
} fake;

/* ---- memory: freed by the next call ---- */

static void *block(size_t size)
{
    void *p = malloc(size ? size : 1);

    assert(p && fake.block_count < sizeof(fake.blocks) / sizeof(fake.blocks[0]));
    fake.blocks[fake.block_count++] = p;
    return p;
}

static void free_blocks(void)
{
    while (fake.block_count)
        free(fake.blocks[--fake.block_count]);
}

static void set(struct buffer *b, const void *data, size_t len)
{
    char *copy = malloc(len + 1);

    assert(copy);
    if (len)
        memcpy(copy, data, len);
    copy[len] = 0;
    free(b->data);
    b->data = copy;
    b->len = len;
}

static const char *text(const struct buffer *b)
{
    return b->data ? b->data : "";
}

static void push(struct list *l, const char *ns, fcc_bytes collection, fcc_bytes key, fcc_bytes value)
{
    struct write *w;

    if (l->n == l->cap) {
        l->cap = l->cap * 2 + 64;
        l->v = realloc(l->v, l->cap * sizeof(*l->v));
        assert(l->v);
    }
    w = &l->v[l->n++];
    *w = (struct write){ .key_len = key.len, .value_len = value.len, .at = fake.now };
    snprintf(w->ns, sizeof(w->ns), "%s", ns);
    snprintf(w->collection, sizeof(w->collection), FCC_FMT, FCC_ARG(collection));
    snprintf(w->tx_id, sizeof(w->tx_id), "%s", fake.tx_id);
    w->key = malloc(key.len + 1);
    w->value = malloc(value.len + 1);
    assert(w->key && w->value);
    memcpy(w->key, key.data, key.len);
    if (value.len)
        memcpy(w->value, value.data, value.len);
    w->value[value.len] = 0;
}

static void clear(struct list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].key);
        free(l->v[i].value);
    }
    l->n = 0;
}

static void trace(const char *what, fcc_bytes collection, fcc_bytes key)
{
    size_t len = fake.trace.len + collection.len + key.len + 8, at;
    char *grown = realloc(fake.trace.data, len + 1);

    assert(grown);
    fake.trace.data = grown;
    at = fake.trace.len;
    at += (size_t)sprintf(grown + at, "%s " FCC_FMT " ", what, FCC_ARG(collection));
    for (size_t i = 0; i < key.len; i++)
        grown[at++] = key.data[i] ? (char)key.data[i] : '~';
    grown[at++] = ';';
    grown[at] = 0;
    fake.trace.len = at;
}

static struct write *find(const char *ns, fcc_bytes collection, fcc_bytes key)
{
    for (size_t i = fake.ledger.n; i-- > 0;) {
        struct write *w = &fake.ledger.v[i];

        if (strcmp(w->ns, ns) == 0 && fcc_bytes_equal(fcc_str(w->collection), collection) &&
            fcc_bytes_equal(fcc_bytes_of(w->key, w->key_len), key))
            return w;
    }
    return NULL;
}

/* ---- the test's side ---- */

void fake_reset(int64_t now)
{
    clear(&fake.ledger);
    clear(&fake.pending);
    fake.installed_count = 0;
    fake.now = now;
    fake_in(NULL);
}

void fake_install(const char *name, const fcc_chaincode *chaincode)
{
    assert(fake.installed_count < 4);
    fake.installed[fake.installed_count].name = name;
    fake.installed[fake.installed_count++].chaincode = chaincode;
}

void fake_set_now(int64_t now)
{
    fake.now = now;
}

int64_t fake_now(void)
{
    return fake.now;
}

void fake_caller(const char *msp, const char *role, const char *uid, const char *site, uint8_t key)
{
    fake.msp = msp;
    fake.role = role;
    fake.uid = uid;
    fake.site = site;
    memset(fake.fp, key, sizeof(fake.fp));
}

void fake_in_bytes(const void *data, size_t len)
{
    set(&fake.in, data, len);
}

void fake_in(const char *s)
{
    fake_in_bytes(s, s ? strlen(s) : 0);
}

static void run(fcc_stub *stub)
{
    const fcc_chaincode *cc = NULL;
    fcc_args args = { stub->args.v + 1, stub->args.n - 1 };
    fcc_status st = FCC_OK;
    bool known = false;

    for (size_t i = 0; i < fake.installed_count; i++)
        if (strcmp(fake.installed[i].name, stub->chaincode) == 0)
            cc = fake.installed[i].chaincode;
    assert(cc);
    stub->status = 200;
    for (size_t i = 0; i < cc->count && !known; i++) {
        if (!fcc_bytes_equal(fcc_str(cc->functions[i].name), stub->args.v[0]))
            continue;
        known = cc->functions[i].args == FCC_ANY_ARGS || (size_t)cc->functions[i].args == args.n;
        if (known)
            st = cc->functions[i].handler(stub, args);
    }
    if (!known)
        st = cc->refuse(stub, stub->args);
    if (st != FCC_OK && stub->status < 400) {
        const char *reason = stub->error ? stub->error : fcc_status_text(st);

        stub->status = 500;
        set(&stub->message, reason, strlen(reason));
    }
    free(stub->error);
}

static fake_result call(const char *chaincode, const char *function, va_list ap, bool commit)
{
    fcc_bytes args[16];
    fcc_stub stub = { .chaincode = chaincode, .outermost = chaincode };
    size_t n = 0;
    const char *arg;

    free_blocks();
    set(&fake.event_name, NULL, 0);
    set(&fake.event, NULL, 0);
    set(&fake.trace, NULL, 0);
    snprintf(fake.tx_id, sizeof(fake.tx_id), "tx%u", ++fake.tx);
    args[n++] = fcc_str(function);
    while ((arg = va_arg(ap, const char *)) != NULL) {
        assert(n < 16);
        args[n++] = fcc_str(arg);
    }
    stub.args = (fcc_args){ args, n };
    run(&stub);
    assert(!(stub.ranged && fake.pending.n));
    for (size_t i = 0; commit && stub.status < 400 && i < fake.pending.n; i++) {
        struct write *w = &fake.pending.v[i];

        push(&fake.ledger, w->ns, fcc_str(w->collection), fcc_bytes_of(w->key, w->key_len),
             fcc_bytes_of(w->value, w->value_len));
    }
    clear(&fake.pending);
    fake_in(NULL);
    free(fake.message.data);
    free(fake.payload.data);
    fake.message = stub.message;
    fake.payload = stub.payload;
    return (fake_result){ .status = stub.status,
                          .message = text(&fake.message),
                          .payload = text(&fake.payload),
                          .event = text(&fake.event_name),
                          .event_payload = text(&fake.event),
                          .trace = text(&fake.trace) };
}

fake_result fake_invoke(const char *chaincode, const char *function, ...)
{
    fake_result result;
    va_list ap;

    va_start(ap, function);
    result = call(chaincode, function, ap, true);
    va_end(ap);
    return result;
}

fake_result fake_query(const char *chaincode, const char *function, ...)
{
    fake_result result;
    va_list ap;

    va_start(ap, function);
    result = call(chaincode, function, ap, false);
    va_end(ap);
    return result;
}

const char *fake_value(const char *chaincode, const char *collection, const char *key)
{
    size_t len = strlen(key);
    uint8_t *bytes = block(len + 1);
    struct write *w;

    for (size_t i = 0; i < len; i++)
        bytes[i] = key[i] == '~' ? 0 : (uint8_t)key[i];
    w = find(chaincode, fcc_str(collection), fcc_bytes_of(bytes, len));
    return w && w->value_len ? (const char *)w->value : NULL;
}

bool fake_public_has(const char *s)
{
    for (size_t i = 0; i < fake.ledger.n; i++) {
        const struct write *w = &fake.ledger.v[i];

        if (!w->collection[0] &&
            (memmem(w->key, w->key_len, s, strlen(s)) || memmem(w->value, w->value_len, s, strlen(s))))
            return true;
    }
    return false;
}

/* ---- fcc/chaincode.h ---- */

fcc_status fcc_reply(fcc_stub *stub, fcc_bytes payload)
{
    stub->status = 200;
    set(&stub->payload, payload.data, payload.len);
    return FCC_OK;
}

fcc_status fcc_reply_status(fcc_stub *stub, int32_t status, fcc_bytes message, fcc_bytes payload)
{
    stub->status = status;
    set(&stub->message, message.data, message.len);
    set(&stub->payload, payload.data, payload.len);
    return FCC_OK;
}

fcc_status fcc_fail(fcc_stub *stub, fcc_status status, const char *format, ...)
{
    char *reason = malloc(1024);
    va_list ap;

    assert(reason);
    va_start(ap, format);
    vsnprintf(reason, 1024, format, ap);
    va_end(ap);
    free(stub->error);
    stub->error = reason;
    return status;
}

void *fcc_alloc(fcc_stub *stub, size_t size)
{
    return block(size);
}

fcc_bytes fcc_tx_id(const fcc_stub *stub)
{
    return fcc_str(fake.tx_id);
}

fcc_status fcc_tx_timestamp(fcc_stub *stub, int64_t *seconds, int32_t *nanos)
{
    *seconds = fake.now;
    *nanos = 0;
    return FCC_OK;
}

fcc_bytes fcc_transient(const fcc_stub *stub, fcc_bytes name)
{
    return fcc_bytes_equal(name, FCC_LIT("in")) ? fcc_bytes_of(fake.in.data, fake.in.len) : fcc_bytes_of(NULL, 0);
}

fcc_bytes fcc_outermost_chaincode(const fcc_stub *stub)
{
    return fcc_str(stub->outermost);
}

fcc_status fcc_client_msp_id(fcc_stub *stub, fcc_bytes *out)
{
    *out = fcc_str(fake.msp);
    return FCC_OK;
}

fcc_status fcc_client_key_fingerprint(fcc_stub *stub, fcc_bytes *out)
{
    *out = fcc_bytes_of(fake.fp, sizeof(fake.fp));
    return FCC_OK;
}

fcc_status fcc_client_attribute(fcc_stub *stub, fcc_bytes name, fcc_bytes *value, bool *found)
{
    const char *s = fcc_bytes_equal(name, FCC_LIT("role"))   ? fake.role
                    : fcc_bytes_equal(name, FCC_LIT("uid"))  ? fake.uid
                    : fcc_bytes_equal(name, FCC_LIT("site")) ? fake.site
                                                             : NULL;

    *found = s != NULL;
    *value = fcc_str(s);
    return FCC_OK;
}

static fcc_bytes get(fcc_stub *stub, fcc_bytes collection, fcc_bytes key)
{
    struct write *w = find(stub->chaincode, collection, key);

    trace("R", collection, key);
    return w && w->value_len ? fcc_bytes_of(w->value, w->value_len) : fcc_bytes_of(NULL, 0);
}

fcc_status fcc_get_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes *out)
{
    *out = get(stub, collection, key);
    return FCC_OK;
}

fcc_status fcc_get_state(fcc_stub *stub, fcc_bytes key, fcc_bytes *out)
{
    return fcc_get_private_data(stub, fcc_bytes_of(NULL, 0), key, out);
}

fcc_status fcc_get_multiple_private_data(fcc_stub *stub, fcc_bytes collection, const fcc_bytes *keys, size_t count,
                                         const fcc_bytes **values)
{
    fcc_bytes *v = block(count * sizeof(*v));

    for (size_t i = 0; i < count; i++)
        v[i] = get(stub, collection, keys[i]);
    *values = v;
    return FCC_OK;
}

fcc_status fcc_get_multiple_states(fcc_stub *stub, const fcc_bytes *keys, size_t count, const fcc_bytes **values)
{
    return fcc_get_multiple_private_data(stub, fcc_bytes_of(NULL, 0), keys, count, values);
}

fcc_status fcc_put_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key, fcc_bytes value)
{
    trace("W", collection, key);
    push(&fake.pending, stub->chaincode, collection, key, value);
    return FCC_OK;
}

fcc_status fcc_put_state(fcc_stub *stub, fcc_bytes key, fcc_bytes value)
{
    return fcc_put_private_data(stub, fcc_bytes_of(NULL, 0), key, value);
}

void fcc_start_write_batch(fcc_stub *stub)
{
}

fcc_status fcc_finish_write_batch(fcc_stub *stub)
{
    return FCC_OK;
}

fcc_status fcc_create_composite_key(fcc_stub *stub, fcc_bytes object_type, const fcc_bytes *attributes, size_t count,
                                    fcc_bytes *out)
{
    size_t len = object_type.len + 2, at = 0;
    uint8_t *key;

    for (size_t i = 0; i < count; i++)
        len += attributes[i].len + 1;
    key = block(len);
    key[at++] = 0;
    memcpy(key + at, object_type.data, object_type.len);
    at += object_type.len;
    key[at++] = 0;
    for (size_t i = 0; i < count; i++) {
        assert(!memchr(attributes[i].data, 0, attributes[i].len));
        memcpy(key + at, attributes[i].data, attributes[i].len);
        at += attributes[i].len;
        key[at++] = 0;
    }
    *out = fcc_bytes_of(key, len);
    return FCC_OK;
}

fcc_status fcc_split_composite_key(fcc_stub *stub, fcc_bytes key, fcc_bytes *object_type, const fcc_bytes **attributes,
                                   size_t *count)
{
    fcc_bytes *parts = block(16 * sizeof(*parts));
    size_t n = 0, from = 1;

    for (size_t i = 1; i < key.len; i++) {
        if (key.data[i])
            continue;
        assert(n < 16);
        parts[n++] = fcc_bytes_of(key.data + from, i - from);
        from = i + 1;
    }
    *object_type = parts[0];
    *attributes = parts + 1;
    *count = n - 1;
    return FCC_OK;
}

/* ---- iterators ---- */

static int by_key(const void *a, const void *b)
{
    const struct write *x = *(struct write *const *)a, *y = *(struct write *const *)b;

    return fcc_bytes_compare(fcc_bytes_of(x->key, x->key_len), fcc_bytes_of(y->key, y->key_len));
}

fcc_status fcc_get_private_data_by_partial_composite_key(fcc_stub *stub, fcc_bytes collection, fcc_bytes object_type,
                                                         const fcc_bytes *attributes, size_t count, fcc_iter **out)
{
    fcc_iter *iter = block(sizeof(*iter));
    fcc_bytes prefix;
    fcc_status st = fcc_create_composite_key(stub, object_type, attributes, count, &prefix);

    stub->ranged = true;
    *iter = (fcc_iter){ .v = block((fake.ledger.n + 1) * sizeof(*iter->v)) };
    for (size_t i = 0; i < fake.ledger.n; i++) {
        struct write *w = &fake.ledger.v[i];
        fcc_bytes key = fcc_bytes_of(w->key, w->key_len);

        if (strcmp(w->ns, stub->chaincode) == 0 && fcc_bytes_equal(fcc_str(w->collection), collection) &&
            fcc_bytes_starts_with(key, prefix) && w->value_len && find(w->ns, collection, key) == w)
            iter->v[iter->n++] = w;
    }
    qsort(iter->v, iter->n, sizeof(*iter->v), by_key);
    *out = iter;
    return st;
}

fcc_status fcc_get_history_for_key(fcc_stub *stub, fcc_bytes key, fcc_iter **out)
{
    fcc_iter *iter = block(sizeof(*iter));

    *iter = (fcc_iter){ .v = block((fake.ledger.n + 1) * sizeof(*iter->v)) };
    for (size_t i = fake.ledger.n; i-- > 0;) {
        struct write *w = &fake.ledger.v[i];

        if (strcmp(w->ns, stub->chaincode) == 0 && !w->collection[0] &&
            fcc_bytes_equal(fcc_bytes_of(w->key, w->key_len), key))
            iter->v[iter->n++] = w;
    }
    *out = iter;
    return FCC_OK;
}

bool fcc_iter_has_next(const fcc_iter *iter)
{
    return iter->at < iter->n;
}

fcc_status fcc_iter_next(fcc_iter *iter, fcc_kv *out)
{
    const struct write *w = iter->v[iter->at++];

    *out = (fcc_kv){ .ns = fcc_str(w->ns),
                     .key = fcc_bytes_of(w->key, w->key_len),
                     .value = fcc_bytes_of(w->value, w->value_len) };
    return FCC_OK;
}

fcc_status fcc_iter_next_modification(fcc_iter *iter, fcc_key_modification *out)
{
    const struct write *w = iter->v[iter->at++];

    *out = (fcc_key_modification){ .tx_id = fcc_str(w->tx_id),
                                   .value = fcc_bytes_of(w->value, w->value_len),
                                   .seconds = w->at,
                                   .is_delete = w->value_len == 0 };
    return FCC_OK;
}

fcc_status fcc_iter_close(fcc_iter *iter)
{
    return FCC_OK;
}

/* ---- events and other chaincodes ---- */

fcc_status fcc_set_event(fcc_stub *stub, fcc_bytes name, fcc_bytes payload)
{
    set(&fake.event_name, name.data, name.len);
    set(&fake.event, payload.data, payload.len);
    return FCC_OK;
}

fcc_status fcc_invoke_chaincode(fcc_stub *stub, fcc_bytes name, const fcc_bytes *args, size_t count, fcc_bytes channel,
                                fcc_response *out)
{
    char *callee_name = block(name.len + 1), *copy;
    fcc_stub callee = { .outermost = stub->outermost, .chaincode = callee_name, .args = { args, count } };

    memcpy(callee_name, name.data, name.len);
    callee_name[name.len] = 0;
    run(&callee);
    *out = (fcc_response){ .status = callee.status };
    copy = block(callee.message.len + 1);
    memcpy(copy, text(&callee.message), callee.message.len + 1);
    out->message = fcc_bytes_of(copy, callee.message.len);
    copy = block(callee.payload.len + 1);
    memcpy(copy, text(&callee.payload), callee.payload.len + 1);
    out->payload = fcc_bytes_of(copy, callee.payload.len);
    free(callee.message.data);
    free(callee.payload.data);
    return FCC_OK;
}

/* Nothing is served here. */
int fcc_main(int argc, char **argv, const fcc_chaincode *chaincode)
{
    return 1;
}
