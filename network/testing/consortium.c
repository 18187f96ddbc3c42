/*
 * consortium.c: keys, certificates and genesis blocks, made at the first use in a process and then kept. Nothing of it is
 * ever a file, and no key or certificate made here is read back: with OpenSSL that takes longer than making it.
 */
#include "testing/internal.h"

#include "base/hash.h"
#include "msp/genesis.h"
#include "msp/issue.h"

#include "msp/msp_config.pb-c.h"
#include "protos/unpack.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CAP = 64 << 20, TAG_MAX = 4096 };

/* No certificate begins after or expires at any time that a test's clock may show: from 1970 to 2120. */
static const int64_t valid_from = 0, valid_to = 4733510400;

typedef struct named_key {
    struct named_key *next;
    char *name;
    EVP_PKEY *key;
    char fingerprint[2 * FCC__SHA256_LEN + 1];
} named_key;

typedef struct known_identity {
    struct known_identity *next;
    char *tag; /* all that it was made of */
    msp_signer *signer;
} known_identity;

/* An authority and the one node that it vouches for: a peer, or the orderer. */
typedef struct org {
    const char *mspid, *domain;
    X509 *ca;
    EVP_PKEY *ca_key;
    fcc_bytes ca_pem;
    X509 *cert;       /* the node's */
    msp_signer *node; /* NULL: not made yet, with its certificate */
} org;

struct testing_consortium {
    testing_consortium *next;
    fcc__arena *arena;
    size_t count;
    const char **names; /* MSP ids, NULL behind the last */
    org *orgs;
    org orderer;
    fcc_bytes genesis;
    msp_channel *channel;
    known_identity *identities;
};

/* Everything that this process has made. */
static struct {
    testing_consortium *consortiums;
    named_key *keys;
} made;

void testing_die(const char *format, ...)
{
    va_list ap;

    fputs("fcc_test: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

void testing_must(fcc_status st, const fcc_error *error, const char *what)
{
    if (st != FCC_OK)
        testing_die("%s: %s", what, error && error->status == st ? error->text : fcc_status_text(st));
}

void *testing_memory(void *p)
{
    if (!p)
        testing_die("out of memory");
    return p;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

static named_key *find_key(const char *name)
{
    named_key *key;
    X509_PUBKEY *public = NULL;
    unsigned char *der = NULL;
    fcc__sha256 digest;
    int len;

    for (key = made.keys; key; key = key->next)
        if (strcmp(key->name, name) == 0)
            return key;
    key = testing_memory(calloc(1, sizeof(*key)));
    key->name = testing_memory(strdup(name));
    key->key = testing_key("fcc_test key ", name);
    if (X509_PUBKEY_set(&public, key->key) != 1 || (len = i2d_X509_PUBKEY(public, &der)) <= 0)
        testing_die("OpenSSL can't make a key");
    digest = fcc__sha256_of(fcc_bytes_of(der, (size_t)len));
    msp__hex(key->fingerprint, &digest);
    OPENSSL_free(der);
    X509_PUBKEY_free(public);
    key->next = made.keys;
    made.keys = key;
    return key;
}

const char *fcc_test_fingerprint(const char *key)
{
    return find_key(key)->fingerprint;
}

/* ---- the organisations --------------------------------------------------------------------------------------------- */

/* Its authority, for identities and for TLS. */
static void found(testing_consortium *c, org *o, const char *mspid, const char *domain)
{
    const msp__request ca = { .use = MSP__USE_CA,
                              .organisation = domain,
                              .name = domain,
                              .not_before = valid_from,
                              .not_after = valid_to,
                              .serial_of = mspid };

    o->mspid = mspid;
    o->domain = domain;
    o->ca_key = testing_key("fcc_test authority of ", mspid);
    o->ca = testing_memory(msp__issue(&ca, o->ca_key, NULL, o->ca_key));
    o->ca_pem = msp__pem_of_cert(o->ca, c->arena);
}

static void make_node(org *o, const char *unit)
{
    const msp__request node = { .use = MSP__USE_SIGN,
                                .organisation = o->domain,
                                .unit = unit,
                                .name = unit,
                                .not_before = valid_from,
                                .not_after = valid_to,
                                .serial_of = o->domain };
    EVP_PKEY *key = testing_key("fcc_test node of ", o->mspid);
    fcc_error error = { FCC_OK, "" };

    o->cert = testing_memory(msp__issue(&node, key, o->ca, o->ca_key));
    testing_must(msp__signer_of(o->mspid, o->cert, key, &o->node, &error), &error, "a node's key");
    EVP_PKEY_free(key);
}

static const org *find_org(const testing_consortium *c, const char *mspid)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->names[i], mspid) == 0)
            return &c->orgs[i];
    return &c->orderer;
}

/* The MSPConfig that cryptogen's folders make: one authority, and roles by the units of Fabric's own naming. */
static fcc_status membership(void *ctx, const char *mspid, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    const org *o = find_org(ctx, mspid);
    Msp__FabricMSPConfig config = MSP__FABRIC_MSPCONFIG__INIT;
    Msp__FabricCryptoConfig crypto = MSP__FABRIC_CRYPTO_CONFIG__INIT;
    Msp__FabricNodeOUs node_ous = MSP__FABRIC_NODE_OUS__INIT;
    Msp__FabricOUIdentifier ous[4];
    Msp__MSPConfig outer = MSP__MSPCONFIG__INIT;
    ProtobufCBinaryData ca = fcc__pb(o->ca_pem);
    static const char *const units[] = { "client", "peer", "admin", "orderer" };
    fcc_bytes inner;
    fcc_status st;

    for (size_t i = 0; i < 4; i++) {
        msp__fabric_ouidentifier__init(&ous[i]);
        ous[i].certificate = ca;
        ous[i].organizational_unit_identifier = fcc__pb(fcc_str(units[i]));
    }
    node_ous.enable = true;
    node_ous.client_ou_identifier = &ous[0];
    node_ous.peer_ou_identifier = &ous[1];
    node_ous.admin_ou_identifier = &ous[2];
    node_ous.orderer_ou_identifier = &ous[3];
    crypto.signature_hash_family = fcc__pb(FCC_LIT("SHA2"));
    crypto.identity_identifier_hash_function = fcc__pb(FCC_LIT("SHA256"));
    config.name = fcc__pb(fcc_str(mspid));
    config.n_root_certs = config.n_tls_root_certs = 1;
    config.root_certs = config.tls_root_certs = &ca;
    config.fabric_node_ous = &node_ous;
    config.crypto_config = &crypto;
    st = fcc__pack(&config, arena, &inner);
    outer.config = fcc__pb(inner);
    return st == FCC_OK ? fcc__pack(&outer, arena, out) : st;
}

static fcc_status orderer_tls(void *ctx, size_t node, fcc__arena *arena, fcc_bytes *pem, fcc_error *error)
{
    *pem = msp_signer_certificate(((testing_consortium *)ctx)->orderer.node);
    return FCC_OK;
}

/* The consortium as network.yaml would describe it. Nobody listens at the addresses. */
static void describe(testing_consortium *c, config_network *network, config_org *orgs)
{
    static const config_orderer_node node = { .name = "orderer0.orderer.example", .address = "127.0.0.1:1" };

    *network = (config_network){ .arena = c->arena, .path = "fcc_test", .channel = "test" };
    network->batch.timeout_ms = 1000;
    network->batch.max_message_count = 1000;
    network->batch.absolute_max_bytes = 100 << 20;
    network->batch.preferred_max_bytes = 100 << 20;
    network->orderer = (config_orderer){
        .name = "Orderer", .mspid = "OrdererMSP", .domain = "orderer.example", .nodes = &node, .node_count = 1
    };
    for (size_t i = 0; i < c->count; i++) {
        char *domain = testing_memory(fcc__arena_printf(c->arena, "org%zu.example", i + 1));

        found(c, &c->orgs[i], c->names[i], domain);
        orgs[i] = (config_org){ .name = c->names[i],
                                .mspid = c->names[i],
                                .domain = domain,
                                .peer_name = testing_memory(fcc__arena_printf(c->arena, "peer0.%s", domain)),
                                .peer_address = "127.0.0.1:1" };
    }
    found(c, &c->orderer, network->orderer.mspid, network->orderer.domain);
    make_node(&c->orderer, "orderer"); /* its certificate is in the genesis block */
    network->orgs = orgs;
    network->org_count = c->count;
}

/* Known to the channel before its bytes are seen. */
static void introduce(testing_consortium *c, const char *mspid, X509 *cert)
{
    fcc_error error = { FCC_OK, "" };

    testing_must(msp__admit(msp_channel_manager(c->channel), mspid, cert, &error), &error, "a certificate");
}

static void make_material(testing_consortium *c)
{
    config_org *orgs = testing_memory(fcc__arena_zalloc(c->arena, c->count, sizeof(*orgs)));
    const msp__source source = { .msp = membership, .orderer_tls = orderer_tls, .ctx = c, .nonce_of = "fcc_test" };
    fcc_error error = { FCC_OK, "" };
    config_network network;

    describe(c, &network, orgs);
    testing_must(msp__genesis_from(&network, &source, 0, c->arena, &c->genesis, &error), &error, "the genesis block");
    testing_must(msp_channel_from_block(c->genesis, &c->channel, &error), &error, "the genesis block");
    introduce(c, c->orderer.mspid, c->orderer.cert);
}

static bool same_orgs(const testing_consortium *c, const char *const *msp_ids)
{
    size_t i = 0;

    while (i < c->count && msp_ids[i] && strcmp(c->names[i], msp_ids[i]) == 0)
        i++;
    return i == c->count && !msp_ids[i];
}

testing_consortium *testing_consortium_get(const char *const *msp_ids)
{
    static const char *const usual[] = { "Org1MSP", "Org2MSP", NULL };
    testing_consortium *c;
    size_t count = 0;

    msp_ids = msp_ids ? msp_ids : usual;
    for (c = made.consortiums; c; c = c->next)
        if (same_orgs(c, msp_ids))
            return c;
    while (msp_ids[count])
        count++;
    if (count == 0 || count > TESTING_MAX_ORGS)
        testing_die("a channel has 1 to %d organisations, and not %zu", TESTING_MAX_ORGS, count);
    c = testing_memory(calloc(1, sizeof(*c)));
    c->arena = testing_memory(fcc__arena_new(ARENA_CAP));
    c->count = count;
    c->names = testing_memory(fcc__arena_zalloc(c->arena, count + 1, sizeof(*c->names)));
    c->orgs = testing_memory(fcc__arena_zalloc(c->arena, count, sizeof(*c->orgs)));
    for (size_t i = 0; i < count; i++)
        c->names[i] = testing_memory(fcc__arena_printf(c->arena, "%s", msp_ids[i]));
    make_material(c);
    c->next = made.consortiums;
    made.consortiums = c;
    return c;
}

size_t testing_org_count(const testing_consortium *c)
{
    return c->count;
}

const char *const *testing_org_names(const testing_consortium *c)
{
    return c->names;
}

const msp_signer *testing_org_peer(testing_consortium *c, size_t i)
{
    org *o = &c->orgs[i];

    if (!o->node) {
        make_node(o, "peer");
        introduce(c, o->mspid, o->cert);
    }
    return o->node;
}

const msp_signer *testing_orderer(const testing_consortium *c)
{
    return c->orderer.node;
}

fcc_bytes testing_genesis(const testing_consortium *c)
{
    return c->genesis;
}

const msp_channel *testing_channel(const testing_consortium *c)
{
    return c->channel;
}

/* ---- callers ------------------------------------------------------------------------------------------------------- */

/* All that an identity is made of as one text, by which it is found again. */
static char *tag_of(const fcc_test_identity *who, size_t org_index)
{
    const char *fields[] = { who->role, who->ou, who->name, who->key };
    fcc__buf tag;
    char *out;

    fcc__buf_init(&tag, TAG_MAX);
    fcc__buf_printf(&tag, "%zu", org_index);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        fcc__buf_printf(&tag, "\n%zu:%s", fields[i] ? strlen(fields[i]) + 1 : 0, fields[i] ? fields[i] : "");
    for (size_t i = 0; who->attributes && who->attributes[i]; i++)
        fcc__buf_printf(&tag, "\n%zu:%s", strlen(who->attributes[i]), who->attributes[i]);
    if (!fcc__buf_ok(&tag))
        testing_die("an identity with more than %d bytes of attributes", TAG_MAX);
    out = testing_memory(strdup(fcc__buf_cstr(&tag)));
    fcc__buf_clear(&tag);
    return out;
}

/* {"attrs":{...}}; NULL without any. */
static char *attributes_of(const fcc_test_identity *who)
{
    json_t *attrs, *root;
    char *text;

    if (!who->attributes || !who->attributes[0])
        return NULL;
    attrs = json_object();
    root = json_pack("{s:o}", "attrs", attrs);
    for (size_t i = 0; who->attributes[i]; i += 2) {
        if (!who->attributes[i + 1])
            testing_die("attribute \"%s\" has no value", who->attributes[i]);
        if (json_object_set_new(attrs, who->attributes[i], json_string(who->attributes[i + 1])) != 0)
            testing_die("attribute \"%s\" is not UTF-8", who->attributes[i]);
    }
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return testing_memory(text);
}

static msp_signer *issue(testing_consortium *c, const fcc_test_identity *who, size_t org_index, const char *tag)
{
    const org *o = &c->orgs[org_index];
    const named_key *key = find_key(who->key ? who->key : tag);
    char *attributes = attributes_of(who);
    const msp__request request = { .use = MSP__USE_SIGN,
                                   .organisation = o->domain,
                                   .unit = who->role ? who->role : "client",
                                   .unit2 = who->ou,
                                   .name = who->name ? who->name : "user",
                                   .attributes = attributes,
                                   .not_before = valid_from,
                                   .not_after = valid_to,
                                   .serial_of = tag };
    X509 *cert = msp__issue(&request, key->key, o->ca, o->ca_key);
    fcc_error error = { FCC_OK, "" };
    msp_signer *signer;

    if (!cert)
        testing_die("OpenSSL can't make a certificate");
    testing_must(msp__signer_of(o->mspid, cert, key->key, &signer, &error), &error, "a caller's certificate");
    introduce(c, o->mspid, cert);
    X509_free(cert);
    free(attributes);
    return signer;
}

const msp_signer *testing_identity(testing_consortium *c, const fcc_test_identity *who)
{
    known_identity *known;
    size_t i = 0;
    char *tag;

    while (who->msp_id && i < c->count && strcmp(c->names[i], who->msp_id) != 0)
        i++;
    if (i == c->count)
        testing_die("the channel has no organisation %s", who->msp_id);
    tag = tag_of(who, i);
    for (known = c->identities; known; known = known->next)
        if (strcmp(known->tag, tag) == 0) {
            free(tag);
            return known->signer;
        }
    known = testing_memory(calloc(1, sizeof(*known)));
    known->tag = tag;
    known->signer = issue(c, who, i, tag);
    known->next = c->identities;
    c->identities = known;
    return known->signer;
}
