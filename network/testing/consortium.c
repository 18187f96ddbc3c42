/*
 * consortium.c: keys, certificates and genesis blocks, made at the first use in a process and then kept: making them
 * costs more than most tests.
 */
#include "testing/internal.h"

#include "base/hash.h"
#include "msp/channel.h"
#include "msp/issue.h"
#include "msp/material.h"

#include <jansson.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CAP = 64 << 20, TAG_MAX = 4096 };

/* Callers' certificates don't expire at any time that a test's clock may show: they end in 2120. */
static const int64_t valid_to = 4733510400;

typedef struct named_key {
    struct named_key *next;
    char *name;
    EVP_PKEY *key;
    fcc_bytes pem;
    char fingerprint[2 * FCC__SHA256_LEN + 1];
} named_key;

typedef struct known_identity {
    struct known_identity *next;
    char *tag; /* all that it was made of */
    msp_signer *signer;
} known_identity;

typedef struct org {
    const char *domain;
    X509 *ca;
    EVP_PKEY *ca_key;
    msp_signer *peer;
} org;

struct testing_consortium {
    testing_consortium *next;
    fcc__arena *arena;
    size_t count;
    const char **names; /* MSP ids, NULL behind the last */
    org *orgs;
    msp_signer *orderer;
    fcc_bytes genesis;
    msp_channel *channel;
    known_identity *identities;
};

/* Everything that this process has made. */
static struct {
    testing_consortium *consortiums;
    named_key *keys;
    fcc__arena *arena;
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
    if (!made.arena)
        made.arena = testing_memory(fcc__arena_new(ARENA_CAP));
    key = testing_memory(calloc(1, sizeof(*key)));
    key->name = testing_memory(strdup(name));
    key->key = testing_memory(msp__new_key());
    key->pem = msp__pem_of_key(key->key, made.arena);
    if (!key->pem.len || X509_PUBKEY_set(&public, key->key) != 1 || (len = i2d_X509_PUBKEY(public, &der)) <= 0)
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

static fcc_bytes read_file(testing_consortium *c, const char *path)
{
    fcc_error error = { FCC_OK, "" };
    fcc_bytes content;

    testing_must(msp__read_file(path, c->arena, &content, &error), &error, "reading a new certificate");
    return content;
}

static void load_authority(testing_consortium *c, const char *crypto, const config_org *config, org *o)
{
    const char *folder = fcc__arena_printf(c->arena, "%s/peerOrganizations/%s/ca", crypto, config->domain);
    const char *cert = fcc__arena_printf(c->arena, "%s/ca.%s-cert.pem", folder ? folder : "", config->domain);
    const char *key = fcc__arena_printf(c->arena, "%s/priv_sk", folder ? folder : "");
    fcc_bytes pem;
    BIO *bio;

    o->ca = testing_memory(msp__cert_of_pem(read_file(c, testing_memory((void *)(uintptr_t)cert))));
    pem = read_file(c, testing_memory((void *)(uintptr_t)key));
    bio = testing_memory(BIO_new_mem_buf(pem.data, (int)pem.len));
    o->ca_key = testing_memory(PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL));
    BIO_free(bio);
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

        c->orgs[i].domain = domain;
        orgs[i] = (config_org){ .name = c->names[i],
                                .mspid = c->names[i],
                                .domain = domain,
                                .peer_name = testing_memory(fcc__arena_printf(c->arena, "peer0.%s", domain)),
                                .peer_address = "127.0.0.1:1" };
    }
    network->orgs = orgs;
    network->org_count = c->count;
}

/* In memory where there is such a place: hundreds of small files are made and removed. */
static char *new_directory(fcc__arena *arena)
{
    const char *asked = getenv("TMPDIR");
    const char *const places[] = { asked && *asked ? asked : "/dev/shm", "/tmp" };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *dir = testing_memory(fcc__arena_printf(arena, "%s/fcc-test-XXXXXX", places[i]));

        if (mkdtemp(dir))
            return dir;
    }
    testing_die("no directory can be made in %s or %s", places[0], places[1]);
}

/* Key material is made in files, as for any network: here in a directory that is gone afterwards. */
static void make_material(testing_consortium *c)
{
    char *dir = new_directory(c->arena);
    config_org *orgs = testing_memory(fcc__arena_zalloc(c->arena, c->count, sizeof(*orgs)));
    fcc_error error = { FCC_OK, "" };
    config_network network;
    const char *crypto;

    describe(c, &network, orgs);
    crypto = testing_memory(fcc__arena_printf(c->arena, "%s/crypto", dir));
    testing_must(msp_generate(&network, crypto, &error), &error, "keys and certificates");
    testing_must(msp_genesis(&network, crypto, 0, c->arena, &c->genesis, &error), &error, "the genesis block");
    testing_must(
        msp_signer_load(msp_path_orderer_msp(c->arena, crypto, &network.orderer, 0), "OrdererMSP", &c->orderer, &error),
        &error, "the orderer's key");
    for (size_t i = 0; i < c->count; i++) {
        testing_must(
            msp_signer_load(msp_path_peer_msp(c->arena, crypto, &orgs[i]), c->names[i], &c->orgs[i].peer, &error),
            &error, "a peer's key");
        load_authority(c, crypto, &orgs[i], &c->orgs[i]);
    }
    msp__remove_tree(dir);
    testing_must(msp_channel_from_block(c->genesis, &c->channel, &error), &error, "the genesis block");
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
    testing_consortium *c;
    size_t count = 0;

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

const msp_signer *testing_org_peer(const testing_consortium *c, size_t i)
{
    return c->orgs[i].peer;
}

const msp_signer *testing_orderer(const testing_consortium *c)
{
    return c->orderer;
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
                                   .not_before = msp__not_before(o->ca), /* chains are judged as of then */
                                   .not_after = valid_to };
    X509 *cert = msp__issue(&request, key->key, o->ca, o->ca_key);
    fcc_error error = { FCC_OK, "" };
    msp_signer *signer;

    if (!cert)
        testing_die("OpenSSL can't make a certificate");
    testing_must(msp_signer_new(c->names[org_index], msp__pem_of_cert(cert, c->arena), key->pem, &signer, &error),
                 &error, "a caller's certificate");
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
