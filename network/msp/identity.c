/* identity.c: from the bytes of a creator or endorser to a judged identity, remembered. */
#include "msp/internal.h"
#include "msp/issue.h"

#include "base/buf.h"

#include "msp/identities.pb-c.h"
#include "protos/unpack.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum {
    ARENA_CAP = 64 << 20,
    BUCKETS = 1024, /* identities by certificate: as many as the organisations' authorities have issued */
    RECENT = 256,   /* times WAYS identities by the exact bytes that named them; others are decoded again */
    WAYS = 4,       /* two that are used in turn don't take each other's place, which costs half a millisecond */
    MAX_IDENTITY = 64 << 10
};

typedef struct recent {
    fcc__sha256 bytes;
    const msp_identity *identity;
} recent;

struct msp_manager {
    fcc__arena *arena;
    msp_org **orgs;
    size_t count;
    msp_identity *buckets[BUCKETS];
    recent recent[RECENT][WAYS]; /* of each, the one used last comes first */
    msp__seen *seen;
};

fcc_status msp_manager_new(msp_org *const *orgs, size_t count, msp_manager **out, fcc_error *error)
{
    msp_manager *manager = calloc(1, sizeof *manager);
    size_t i, k;
    fcc_status st = FCC_OK;

    if (!manager || !(manager->arena = fcc__arena_new(ARENA_CAP)) ||
        !(manager->orgs = fcc__arena_zalloc(manager->arena, count + 1, sizeof *manager->orgs)) ||
        !(manager->seen = calloc(1, sizeof *manager->seen))) {
        for (i = 0; i < count; i++)
            msp_org_free(orgs[i]);
        msp_manager_free(manager);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for %zu membership services", count);
    }
    for (i = 0; i < count; i++)
        manager->orgs[i] = orgs[i];
    manager->count = count;
    for (i = 0; i < count && st == FCC_OK; i++)
        for (k = 0; k < i; k++)
            if (strcmp(orgs[i]->id, orgs[k]->id) == 0)
                st = fcc_error_set(error, FCC_ERR_CONFIG, "two organisations have the MSP id %s", orgs[i]->id);
    if (st == FCC_OK)
        *out = manager;
    else
        msp_manager_free(manager);
    return st;
}

void msp_manager_free(msp_manager *manager)
{
    size_t i;

    if (!manager)
        return;
    for (i = 0; i < BUCKETS; i++) {
        const msp_identity *identity;

        for (identity = manager->buckets[i]; identity; identity = identity->next) {
            X509_free(identity->cert);
            BN_free(identity->order);
            msp__multiples_free(identity->use->multiples);
        }
    }
    for (i = 0; i < manager->count; i++)
        msp_org_free(manager->orgs[i]);
    fcc__arena_free(manager->arena);
    free(manager->seen);
    free(manager);
}

static const msp_org *find_org(const msp_manager *manager, fcc_bytes mspid)
{
    size_t i;

    for (i = 0; i < manager->count; i++)
        if (fcc_bytes_equal(fcc_str(manager->orgs[i]->id), mspid))
            return manager->orgs[i];
    return NULL;
}

bool msp_manager_knows(const msp_manager *manager, fcc_bytes mspid)
{
    return find_org(manager, mspid) != NULL;
}

size_t msp_manager_count(const msp_manager *manager)
{
    return manager->count;
}

const char *msp_manager_mspid(const msp_manager *manager, size_t i)
{
    return i < manager->count ? manager->orgs[i]->id : NULL;
}

/* ---- deserialization ---------------------------------------------------------------------------------------------- */

static fcc__sha256 digest_of_cert(X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    fcc__sha256 digest = fcc__sha256_of(fcc_bytes_of(der, len > 0 ? (size_t)len : 0));

    OPENSSL_free(der);
    return digest;
}

fcc_status msp_certificate_hash(fcc_bytes pem, fcc__sha256 *out)
{
    X509 *cert = msp__cert_of_pem(pem);

    if (!cert)
        return FCC_ERR_PROTO;
    *out = digest_of_cert(cert);
    X509_free(cert);
    return FCC_OK;
}

const char *msp__subject(X509 *cert, fcc__arena *arena)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len = 0;
    fcc_bytes copy = { 0 };

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
        len = BIO_get_mem_data(bio, &data);
    if (!fcc__arena_copy(arena, fcc_bytes_of(data, len > 0 ? (size_t)len : 0), &copy))
        copy = fcc_bytes_of("", 0);
    BIO_free(bio);
    return (const char *)copy.data;
}

/* Judge once, so that msp_validate and every principal only look it up. `chain` may be that of the same certificate. */
static fcc_status judge(msp_identity *identity, const msp__chain *chain, fcc__arena *arena)
{
    fcc_error why = { 0 };
    fcc_bytes copy;

    identity->role = MSP_MEMBER;
    if (chain->certs[0] != identity->cert)
        chain = NULL; /* of the one before its signature was exchanged */
    identity->verdict = msp__validate_cert(identity->org, identity->cert, chain, &identity->role, &why);
    identity->is_admin = msp__is_admin_cert(identity->org, identity->cert);
    if (identity->verdict == FCC_OK)
        return FCC_OK;
    if (!fcc__arena_copy(arena, fcc_str(why.text), &copy))
        return FCC_ERR_LIMIT;
    identity->reason = (const char *)copy.data;
    return FCC_OK;
}

/* Remember a sanitised certificate (moved on success); the same certificate gives the same identity. */
static fcc_status remember(msp_manager *manager, const msp_org *org, X509 *cert, const msp__chain *chain,
                           const msp_identity **out)
{
    const fcc__sha256 id = digest_of_cert(cert);
    msp_identity **bucket = &manager->buckets[((size_t)id.bytes[0] << 8 | id.bytes[1]) % BUCKETS], *identity;
    Msp__SerializedIdentity serialized = MSP__SERIALIZED_IDENTITY__INIT;
    fcc__sha256 spki;
    fcc_bytes pem;
    fcc_status st;

    for (identity = *bucket; identity; identity = identity->next)
        if (identity->org == org && memcmp(&identity->id, &id, sizeof id) == 0) {
            X509_free(cert);
            *out = identity;
            return FCC_OK;
        }
    identity = fcc__arena_zalloc(manager->arena, 1, sizeof *identity);
    pem = msp__pem_of_cert(cert, manager->arena);
    if (!identity || pem.len == 0 || !(identity->use = fcc__arena_zalloc(manager->arena, 1, sizeof *identity->use)))
        return FCC_ERR_LIMIT;
    serialized.mspid = fcc__pb(fcc_str(org->id));
    serialized.id_bytes = fcc__pb(pem);
    st = fcc__pack(&serialized, manager->arena, &identity->serialized);
    if (st != FCC_OK)
        return st;
    identity->org = org;
    identity->mspid = org->id;
    identity->cert = cert;
    identity->key = X509_get0_pubkey(cert);
    identity->order = msp__order(identity->key);
    identity->seen = manager->seen;
    identity->id = id;
    identity->subject = msp__subject(cert, manager->arena);
    identity->expires = msp__not_after(cert);
    spki = msp__spki_digest(cert);
    msp__hex(identity->fingerprint, &spki);
    st = judge(identity, chain, manager->arena);
    if (st != FCC_OK)
        return st;
    identity->next = *bucket;
    *bucket = identity;
    *out = identity;
    return FCC_OK;
}

/* Whoever the certificate is for, if the organisation has issued it. */
static fcc_status admit(msp_manager *manager, const msp_org *org, X509 *cert, const msp_identity **out,
                        fcc_error *error)
{
    X509 *clean, *issuer;
    msp__chain chain;
    fcc_status st;

    if (X509_check_ca(cert) == 1)
        /* never accepted, and as anybody can make them, never remembered */
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "An X509 certificate with Basic Constraint: Certificate Authority equals true cannot be "
                             "used as an identity");
    st = msp__chain_of(org, cert, &chain, error);
    if (st != FCC_OK)
        return st;
    issuer = chain.certs[chain.len > 1 ? 1 : 0];
    clean = msp__sanitise(cert, X509_get0_pubkey(issuer));
    st = clean ? remember(manager, org, clean, &chain, out) : FCC_ERR_NOMEM; /* moves it on success */
    if (st == FCC_OK)
        return st;
    X509_free(clean);
    return fcc_error_set(error, st, "no room for another identity of MSP %s", org->id);
}

static fcc_status decode(msp_manager *manager, fcc_bytes serialized, fcc__arena *scratch, const msp_identity **out,
                         fcc_error *error)
{
    Msp__SerializedIdentity *named;
    const msp_org *org;
    X509 *cert;
    fcc_status st = FCC__UNPACK(msp__serialized_identity, serialized, scratch, &named);

    if (st != FCC_OK)
        return fcc_error_set(error, st, "could not deserialize a SerializedIdentity");
    org = find_org(manager, fcc__of_pb(named->mspid));
    if (!org)
        return fcc_error_set(error, FCC_ERR_AUTH, "MSP %.128s is not defined on channel",
                             fcc__arena_printf(scratch, FCC_FMT, FCC_ARG(fcc__of_pb(named->mspid))));
    cert = msp__cert_of_pem(fcc__of_pb(named->id_bytes));
    if (cert && X509_get0_pubkey(cert))
        st = admit(manager, org, cert, out, error);
    else
        st = fcc_error_set(error, FCC_ERR_PROTO, "could not decode the PEM structure");
    X509_free(cert);
    ERR_clear_error();
    return st;
}

static recent *ways_of(msp_manager *manager, const fcc__sha256 *digest)
{
    return manager->recent[((size_t)digest->bytes[0] << 8 | digest->bytes[1]) % RECENT];
}

/* NULL: not remembered. */
static const msp_identity *recall(msp_manager *manager, const fcc__sha256 *digest)
{
    recent *ways = ways_of(manager, digest);
    size_t i;

    for (i = 0; i < WAYS && ways[i].identity; i++)
        if (memcmp(&ways[i].bytes, digest, sizeof *digest) == 0) {
            const recent found = ways[i];

            memmove(ways + 1, ways, i * sizeof *ways);
            ways[0] = found;
            return found.identity;
        }
    return NULL;
}

static void keep_recent(msp_manager *manager, const fcc__sha256 *digest, const msp_identity *identity)
{
    recent *ways = ways_of(manager, digest);

    memmove(ways + 1, ways, (WAYS - 1) * sizeof *ways);
    ways[0] = (recent){ *digest, identity };
}

fcc_status msp__admit(msp_manager *manager, const char *mspid, X509 *cert, fcc_error *error)
{
    const msp_org *org = find_org(manager, fcc_str(mspid));
    const msp_identity *identity;
    fcc__sha256 digest;
    fcc_status st = org ? admit(manager, org, cert, &identity, error)
                        : fcc_error_set(error, FCC_ERR_AUTH, "MSP %.128s is not defined on channel", mspid);

    if (st != FCC_OK)
        return st;
    digest = fcc__sha256_of(identity->serialized);
    if (!recall(manager, &digest))
        keep_recent(manager, &digest, identity);
    return FCC_OK;
}

fcc_status msp_deserialize(msp_manager *manager, fcc_bytes serialized, const msp_identity **out, fcc_error *error)
{
    const fcc__sha256 digest = fcc__sha256_of(serialized);
    const msp_identity *found = recall(manager, &digest);
    fcc__arena *scratch;
    fcc_status st;

    if (found) {
        *out = found;
        return FCC_OK;
    }
    if (serialized.len > MAX_IDENTITY)
        return fcc_error_set(error, FCC_ERR_PROTO, "identity of %zu bytes: expected at most %d", serialized.len,
                             MAX_IDENTITY);
    scratch = fcc__arena_new(1 << 20);
    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for an identity");
    st = decode(manager, serialized, scratch, &found, error);
    fcc__arena_free(scratch);
    if (st != FCC_OK)
        return st;
    keep_recent(manager, &digest, found);
    *out = found;
    return FCC_OK;
}

/* ---- judging ------------------------------------------------------------------------------------------------------ */

fcc_status msp_validate(const msp_identity *identity, fcc_error *error)
{
    if (identity->verdict == FCC_OK)
        return FCC_OK;
    return fcc_error_set(error, identity->verdict, "%s", identity->reason ? identity->reason : "identity not valid");
}

/* Ed25519 signs the message itself. 1: it holds. */
static int verify_ed25519(EVP_PKEY *key, const fcc_bytes *parts, size_t count, fcc_bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    fcc__buf message;
    int result = 0;
    size_t i;

    fcc__buf_init(&message, SIZE_MAX / 2);
    for (i = 0; i < count; i++)
        fcc__buf_add(&message, parts[i]);
    if (ctx && fcc__buf_ok(&message) && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
        result = EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len);
    fcc__buf_clear(&message);
    EVP_MD_CTX_free(ctx);
    return result;
}

/* Where a signature that was found good is remembered. */
static fcc__sha256 *slot_of(const msp_identity *identity, const fcc__sha256 *digest, fcc_bytes signature,
                            fcc__sha256 *name)
{
    const fcc_bytes parts[3] = { fcc__sha256_bytes(&identity->id), fcc__sha256_bytes(digest), signature };
    size_t slot;

    *name = fcc__sha256_of_many(parts, 3);
    slot = ((size_t)name->bytes[0] << 8 | name->bytes[1]) % MSP__SEEN;
    return &identity->seen->good[slot];
}

static void count_use(const msp_identity *identity)
{
    if (++identity->use->verified != MSP__OFTEN || identity->seen->tables == MSP__TABLES_MOST)
        return;
    identity->use->multiples = msp__multiples_new(identity->key);
    if (identity->use->multiples)
        identity->seen->tables++;
}

/*
 * A transaction's signatures are asked for several times on their way, by endorsers, orderer and committer, which here
 * are one process: each is computed once. Bad ones are computed anew each time.
 */
static bool verify_ecdsa(const msp_identity *identity, const fcc_bytes *parts, size_t count, fcc_bytes signature)
{
    fcc__sha256 digest = { { 0 } }, name, *slot;
    bool good;

    if (identity->org->sha3)
        msp__sha3_of_many(parts, count, &digest);
    else
        digest = fcc__sha256_of_many(parts, count);
    slot = slot_of(identity, &digest, signature, &name);
    if (memcmp(slot, &name, sizeof name) == 0)
        return true;
    count_use(identity);
    good = identity->use->multiples && msp__multiples_verify(identity->use->multiples, &digest, signature);
    if (!good) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(identity->key, NULL);

        good = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
               EVP_PKEY_verify(ctx, signature.data, signature.len, digest.bytes, sizeof digest.bytes) == 1;
        EVP_PKEY_CTX_free(ctx);
    }
    if (good)
        *slot = name;
    return good;
}

fcc_status msp_sign_known(const msp_signer *signer, msp_manager *manager, const fcc_bytes *parts, size_t count,
                          fcc__arena *arena, fcc_bytes *signature)
{
    const msp_identity *identity;
    fcc__sha256 digest, name, *slot;
    fcc_status st = msp_sign(signer, parts, count, arena, signature);

    /* who isn't known here, or would be verified over another hash, is verified as anybody else */
    if (st != FCC_OK || msp_deserialize(manager, msp_signer_identity(signer), &identity, NULL) != FCC_OK ||
        !identity->order || identity->org->sha3)
        return st;
    digest = fcc__sha256_of_many(parts, count);
    slot = slot_of(identity, &digest, *signature, &name);
    *slot = name;
    return FCC_OK;
}

fcc_status msp_verify(const msp_identity *identity, const fcc_bytes *parts, size_t count, fcc_bytes signature,
                      fcc_error *error)
{
    uint8_t room[MSP__SIGNATURE];
    fcc_bytes trimmed;
    bool good;

    if (EVP_PKEY_is_a(identity->key, "ED25519")) {
        good = verify_ed25519(identity->key, parts, count, signature) == 1;
    } else {
        switch (msp__check_s(identity->order, signature)) {
        case MSP__S_LOW:
            break;
        case MSP__S_HIGH:
            return fcc_error_set(error, FCC_ERR_AUTH,
                                 "could not determine the validity of the signature: Invalid S. Must be smaller than "
                                 "half the order");
        default:
            trimmed = msp__trim_signature(signature, room);
            if (trimmed.len)
                return msp_verify(identity, parts, count, trimmed, error);
            return fcc_error_set(error, FCC_ERR_AUTH,
                                 "could not determine the validity of the signature: failed unmashalling signature");
        }
        good = verify_ecdsa(identity, parts, count, signature);
    }
    ERR_clear_error();
    return good ? FCC_OK : fcc_error_set(error, FCC_ERR_AUTH, "The signature is invalid");
}

const char *msp_identity_mspid(const msp_identity *identity)
{
    return identity->mspid;
}

fcc_bytes msp_identity_id(const msp_identity *identity)
{
    return fcc__sha256_bytes(&identity->id);
}

fcc_bytes msp_identity_serialized(const msp_identity *identity)
{
    return identity->serialized;
}

const char *msp_identity_fingerprint(const msp_identity *identity)
{
    return identity->fingerprint;
}

const char *msp_identity_subject(const msp_identity *identity)
{
    return identity->subject;
}

int64_t msp_identity_expires(const msp_identity *identity)
{
    return identity->expires;
}

msp_role msp_identity_role(const msp_identity *identity)
{
    return identity->role;
}
