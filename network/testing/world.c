/*
 * world.c: a channel in memory: its ledger, a peer for each organisation, chaincodes, and the messages between them.
 */
#include "testing/internal.h"

#include "msp/policy.h"
#include "protos/unpack.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>

enum { MAX_IDLE_STACKS = 64, MAX_ATTRIBUTES = 64, KEPT_BYTES = 64 << 20, MAPPED_BYTES = 2 << 20 };

static const size_t arena_cap = (size_t)1 << 40;
static const int64_t default_now = 1767225600; /* 2026-01-01T00:00:00Z */

struct testing_message {
    testing_message *next;
    testing_link *link;
    bool to_peer;
    size_t len;
    uint8_t data[];
};

const char *testing_text(fcc_test *t, fcc_bytes bytes)
{
    fcc_bytes copy;

    if (!fcc__arena_copy(t->arena, bytes, &copy))
        testing_die("out of memory");
    return (const char *)copy.data;
}

size_t testing_org(const fcc_test *t, const char *msp_id)
{
    const char *const *names = testing_org_names(t->consortium);
    size_t count = testing_org_count(t->consortium);

    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], msp_id) == 0)
            return i;
    testing_die("the channel has no organisation %s", msp_id);
}

const testing_chaincode *testing_find_chaincode(const fcc_test *t, fcc_bytes name)
{
    for (const testing_chaincode *c = t->chaincodes; c; c = c->next)
        if (fcc_bytes_equal(fcc_str(c->name), name))
            return c;
    return NULL;
}

static fcc_status definition(void *ctx, fcc_bytes name, ledger_definition *out)
{
    const testing_chaincode *c = testing_find_chaincode(ctx, name);

    if (!c)
        return FCC_ERR_NOT_FOUND;
    *out = c->definition;
    return FCC_OK;
}

static int64_t now_ns(void *ctx)
{
    return ((const fcc_test *)ctx)->now * 1000000000;
}

/* Peers' timeouts never come. */
static int64_t monotonic_ms(void *ctx)
{
    return 0;
}

/* ---- the channel --------------------------------------------------------------------------------------------------- */

fcc_test *testing_begin(testing_consortium *consortium, const ledger *copy_of, const ledger_image *image)
{
    fcc_test *t = testing_memory(calloc(1, sizeof(*t)));
    fcc_error error = { FCC_OK, "" };
    ledger_committed committed;
    ledger_options options = { .definition = definition, .definition_ctx = t };

    t->arena = testing_memory(fcc__arena_new(arena_cap));
    t->scratch = testing_memory(fcc__arena_new(arena_cap));
    t->last = &t->first;
    t->waiting_end = &t->waiting;
    t->now = default_now;
    fcc__buf_init(&t->trace, SIZE_MAX / 2);
    fcc__buf_init(&t->public_writes, SIZE_MAX / 2);
    t->consortium = consortium;
    options.orgs = testing_org_names(t->consortium);
    options.org_count = testing_org_count(t->consortium);
    options.genesis_channel = testing_channel(t->consortium);
    options.copy_of = copy_of;
    options.image = image;
    testing_must(ledger_open(&options, &t->ledger, &error), &error, "the ledger");
    if (!copy_of && !image)
        testing_must(ledger_commit(t->ledger, testing_genesis(t->consortium), t->arena, &committed, &error), &error,
                     "the genesis block");
    return t;
}

void testing_keep_memory(void)
{
    static bool kept;

    if (!kept)
        kept = mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) == 1 && mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES) == 1;
}

fcc_test *fcc_test_new(const char *const *msp_ids)
{
    fcc_test *t;

    testing_keep_memory();
    t = testing_begin(testing_consortium_get(msp_ids), NULL, NULL);
    fcc_test_as(t, NULL, FCC_END);
    return t;
}

void fcc_test_free(fcc_test *t)
{
    testing_message *m;

    if (!t)
        return;
    for (testing_link *link = t->links; link; link = link->next) {
        peer_session_free(link->peer);
        fcc__session_free(link->session);
    }
    while ((m = t->first) != NULL) {
        t->first = m->next;
        free(m);
    }
    for (size_t i = 0; i < testing_org_count(t->consortium); i++)
        peer_host_free(t->hosts[i]);
    ledger_close(t->ledger);
    fcc__buf_clear(&t->trace);
    fcc__buf_clear(&t->public_writes);
    fcc__arena_free(t->scratch);
    fcc__arena_free(t->arena);
    free(t);
}

/* ---- messages ------------------------------------------------------------------------------------------------------ */

static void put_message(testing_link *link, bool to_peer, fcc_bytes bytes)
{
    testing_message *m = testing_memory(malloc(sizeof(*m) + bytes.len));

    *m = (testing_message){ .link = link, .to_peer = to_peer, .len = bytes.len };
    memcpy(m->data, bytes.data, bytes.len);
    *link->t->last = m;
    link->t->last = &m->next;
}

static void from_peer(void *ctx, fcc_bytes message)
{
    put_message(ctx, false, message);
}

static void from_chaincode(void *ctx, fcc_bytes message)
{
    put_message(ctx, true, message);
}

static void closed(void *ctx, const char *reason)
{
    const testing_link *link = ctx;

    testing_die("%s ended its stream: %s", link->chaincode->name, reason);
}

void testing_pump(fcc_test *t)
{
    testing_message *m;

    while ((m = t->first) != NULL) {
        fcc_bytes bytes = fcc_bytes_of(m->data, m->len);
        fcc_error error = { FCC_OK, "" };

        t->first = m->next;
        if (!t->first)
            t->last = &t->first;
        if (!m->to_peer) {
            fcc__session_receive(m->link->session, bytes);
        } else {
            if (m->link->org == t->traced)
                testing_trace(t, m->link, bytes);
            testing_must(peer_session_receive(m->link->peer, bytes, &error), &error, m->link->chaincode->name);
        }
        free(m);
    }
}

/* ---- chaincodes ---------------------------------------------------------------------------------------------------- */

static fcc__co_pool *stacks(void)
{
    static fcc__co_pool *pool;

    if (!pool)
        pool = testing_memory(fcc__co_pool_new(0, MAX_IDLE_STACKS));
    return pool;
}

/* Put it on a peer that runs it. */
static void start_at(fcc_test *t, const testing_chaincode *c, size_t org)
{
    static const fcc__session_events events = { .send = from_chaincode, .close = closed };
    const fcc__session_options options = { .stacks = stacks() };
    testing_link *link = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*link)));
    const peer_stream stream = { .send = from_peer, .ctx = link };

    *link = (testing_link){ .next = t->links, .t = t, .chaincode = c, .org = org };
    testing_must(peer_host_install(t->hosts[org], c->name, c->package_id), NULL, c->name);
    link->peer = testing_memory(peer_session_new(t->hosts[org], c->package_id, &stream));
    testing_must(fcc__session_new(c->functions, fcc_str(c->package_id), &options, &events, link, &link->session), NULL,
                 c->name);
    t->links = link;
}

/* Put it on those of its peers that have been asked for. */
static void start(fcc_test *t, testing_chaincode *c)
{
    c->next = t->chaincodes;
    t->chaincodes = c;
    for (size_t org = 0; org < testing_org_count(t->consortium); org++)
        if (t->hosts[org] && c->orgs & 1u << org)
            start_at(t, c, org);
    testing_pump(t);
}

peer_host *testing_peer(fcc_test *t, size_t org)
{
    const peer_host_options options = { .ledger = t->ledger,
                                        .signer = testing_org_peer(t->consortium, org),
                                        .clock = { now_ns, monotonic_ms, t } };
    const size_t traced = t->traced;
    fcc_error error = { FCC_OK, "" };

    if (t->hosts[org])
        return t->hosts[org];
    testing_must(peer_host_new(&options, &t->hosts[org], &error), &error, "a peer");
    for (const testing_chaincode *c = t->chaincodes; c; c = c->next)
        if (c->orgs & 1u << org)
            start_at(t, c, org);
    t->traced = SIZE_MAX;
    testing_pump(t);
    t->traced = traced;
    return t->hosts[org];
}

static void define(fcc_test *t, const fcc_test_chaincode *from, testing_chaincode *c)
{
    config_collections collections = { NULL, 0 };
    fcc_error error = { FCC_OK, "" };
    fcc_bytes envelope;

    c->definition.version = FCC_LIT("1");
    if (from->policy) {
        testing_must(msp_policy_parse(from->policy, t->arena, &envelope, &error), &error, from->name);
        testing_must(msp_policy_application(envelope, t->arena, &c->definition.policy), NULL, from->name);
    } else {
        testing_must(msp_policy_reference("/Channel/Application/Endorsement", t->arena, &c->definition.policy), NULL,
                     from->name);
    }
    if (!from->collections)
        return;
    testing_must(config_load_collections(from->collections, t->arena, &collections, &error), &error, from->collections);
    testing_must(msp_collections_pack(collections, t->arena, &c->definition.collections, &error), &error,
                 from->collections);
}

void fcc_test_install(fcc_test *t, const fcc_test_chaincode *from)
{
    testing_chaincode *c = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*c)));
    size_t count = testing_org_count(t->consortium);

    if (!from->name || !*from->name || !from->chaincode)
        testing_die("a chaincode needs a name and its functions");
    if (testing_find_chaincode(t, fcc_str(from->name)))
        testing_die("chaincode %s is installed already", from->name);
    c->name = testing_text(t, fcc_str(from->name));
    c->package_id = testing_memory(fcc__arena_printf(t->arena, "%s_1:test", c->name));
    define(t, from, c);
    c->orgs = from->msp_ids ? 0 : (1u << count) - 1;
    for (size_t i = 0; from->msp_ids && from->msp_ids[i]; i++)
        c->orgs |= 1u << testing_org(t, from->msp_ids[i]);
    c->functions = from->chaincode;
    t->traced = SIZE_MAX;
    start(t, c);
}

/* ---- another one like it ------------------------------------------------------------------------------------------- */

static fcc_bytes kept(fcc_test *t, fcc_bytes bytes)
{
    return fcc_bytes_of(testing_text(t, bytes), bytes.len);
}

/* In the order in which they were installed. */
static void copy_chaincodes(fcc_test *t, const testing_chaincode *from)
{
    testing_chaincode *c;

    if (!from)
        return;
    copy_chaincodes(t, from->next);
    c = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*c)));
    *c = *from;
    c->name = testing_text(t, fcc_str(from->name));
    c->package_id = testing_text(t, fcc_str(from->package_id));
    c->definition.version = kept(t, from->definition.version);
    c->definition.policy = kept(t, from->definition.policy);
    c->definition.collections = kept(t, from->definition.collections);
    start(t, c); /* no peer has been asked for */
}

static void copy_plain(fcc_test *t, const testing_plain *from)
{
    for (; from; from = from->next) {
        testing_plain *plain = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*plain)));

        *plain = (testing_plain){ .next = t->plain, .key = kept(t, from->key) };
        t->plain = plain;
    }
}

fcc_test *fcc_test_copy(const fcc_test *from)
{
    fcc_test *t;

    if (from->waiting)
        testing_die("a channel cannot be copied while transactions wait for fcc_test_commit");
    t = testing_begin(from->consortium, from->ledger, NULL);
    t->now = from->now;
    t->nonce = from->nonce;
    t->caller = from->caller;
    copy_plain(t, from->plain);
    fcc__buf_add(&t->public_writes, fcc__buf_bytes(&from->public_writes));
    testing_must(t->public_writes.status, NULL, "public state");
    copy_chaincodes(t, from->chaincodes);
    return t;
}

/* ---- the next calls ------------------------------------------------------------------------------------------------ */

void fcc_test_as_identity(fcc_test *t, const fcc_test_identity *identity)
{
    t->caller = testing_identity(t->consortium, identity);
}

void fcc_test_as(fcc_test *t, const char *msp_id, ...)
{
    const char *attributes[MAX_ATTRIBUTES + 1];
    fcc_test_identity identity = { .msp_id = msp_id, .attributes = attributes };
    size_t n = 0;
    va_list ap;

    va_start(ap, msp_id);
    while ((attributes[n] = va_arg(ap, const char *)) != NULL)
        if (++n > MAX_ATTRIBUTES)
            testing_die("more than %d names and values of attributes", MAX_ATTRIBUTES);
    va_end(ap);
    fcc_test_as_identity(t, &identity);
}

void fcc_test_set_time(fcc_test *t, int64_t seconds)
{
    t->now = seconds;
}

int64_t fcc_test_time(const fcc_test *t)
{
    return t->now;
}

void fcc_test_transient(fcc_test *t, const char *name, fcc_bytes value)
{
    testing_entry *entry = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*entry)));

    entry->next = t->transient;
    entry->name = fcc_str(testing_text(t, fcc_str(name)));
    if (!fcc__arena_copy(t->arena, value, &entry->value))
        testing_die("out of memory");
    t->transient = entry;
}

void fcc_test_at(fcc_test *t, const char *msp_id, ...)
{
    va_list ap;

    t->at = 0;
    va_start(ap, msp_id);
    for (; msp_id; msp_id = va_arg(ap, const char *))
        t->at |= 1u << testing_org(t, msp_id);
    va_end(ap);
}

/* ---- looking ------------------------------------------------------------------------------------------------------- */

fcc_bytes fcc_test_key(fcc_test *t, const char *object_type, ...)
{
    fcc_bytes key;
    const char *part;
    fcc__buf buf;
    va_list ap;

    fcc__buf_init(&buf, SIZE_MAX / 2);
    fcc__buf_putc(&buf, 0);
    va_start(ap, object_type);
    for (part = object_type; part; part = va_arg(ap, const char *)) {
        fcc__buf_puts(&buf, part);
        fcc__buf_putc(&buf, 0);
    }
    va_end(ap);
    if (!fcc__buf_ok(&buf) || !fcc__arena_copy(t->arena, fcc__buf_bytes(&buf), &key))
        testing_die("out of memory");
    fcc__buf_clear(&buf);
    return key;
}

static fcc_bytes look(fcc_test *t, size_t org, const char *chaincode, const char *collection, fcc_bytes key)
{
    const ledger_sim_options options = { .mspid = testing_org_names(t->consortium)[org],
                                         .txid = FCC_LIT("look"),
                                         .creator = msp_signer_identity(testing_org_peer(t->consortium, org)) };
    fcc_bytes value = { NULL, 0 }, copy = { NULL, 0 };
    ledger_sim *sim;

    if (!testing_find_chaincode(t, fcc_str(chaincode)))
        testing_die("chaincode %s is not installed", chaincode);
    testing_must(ledger_sim_new(t->ledger, &options, &sim), NULL, "reading the ledger");
    if (ledger_sim_get(sim, fcc_str(chaincode), fcc_str(collection), key, &value) == FCC_OK && value.len &&
        !fcc__arena_copy(t->arena, value, &copy))
        testing_die("out of memory");
    ledger_sim_free(sim);
    return copy;
}

fcc_bytes fcc_test_state(fcc_test *t, const char *chaincode, fcc_bytes key)
{
    return look(t, 0, chaincode, NULL, key);
}

fcc_bytes fcc_test_private(fcc_test *t, const char *msp_id, const char *chaincode, const char *collection,
                           fcc_bytes key)
{
    return look(t, testing_org(t, msp_id), chaincode, collection, key);
}

bool fcc_test_public_has(const fcc_test *t, const char *text)
{
    const fcc__buf *all = &t->public_writes;

    return all->len && memmem(all->data, all->len, text, strlen(text)) != NULL;
}
