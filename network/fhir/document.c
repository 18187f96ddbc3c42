/* Signing a document's bytes, checking that, and taking a document apart again. */
#include "fhir/document.h"
#include "fhir/map.h"

#include "base/hash.h"
#include "protos/unpack.h"

#include "msp/identities.pb-c.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_ROOM = 64 << 10, HALF = 32 };

static const char mark[] = ",\"signature\":";

/* ---- base64url without padding ---- */

static fcc_bytes to_url(fcc__arena *arena, fcc_bytes bytes)
{
    fcc_bytes text = fcc__base64(arena, bytes);
    uint8_t *p = (uint8_t *)(uintptr_t)text.data;
    size_t i;

    for (i = 0; i < text.len; i++)
        p[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
    while (text.len > 0 && p[text.len - 1] == '=')
        text.len--;
    return text;
}

static bool of_url(fcc__arena *arena, fcc_bytes text, fcc_bytes *out)
{
    size_t padded = (text.len + 3) / 4 * 4, i;
    uint8_t *p = fcc__arena_alloc(arena, padded + 1);

    if (!p)
        return false;
    for (i = 0; i < padded; i++) {
        uint8_t c = i < text.len ? text.data[i] : '=';

        p[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    return fcc__unbase64(arena, fcc_bytes_of(p, padded), out) == FCC_OK;
}

/* ---- ECDSA as JWS has it: two numbers of 32 bytes ---- */

static bool raw_of_der(fcc_bytes der, uint8_t raw[2 * HALF])
{
    const uint8_t *p = der.data;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    bool ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, HALF) == HALF &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + HALF, HALF) == HALF;

    ECDSA_SIG_free(s);
    return ok;
}

static bool der_of_raw(fcc_bytes raw, fcc__arena *arena, fcc_bytes *der)
{
    ECDSA_SIG *s = raw.len == 2 * HALF ? ECDSA_SIG_new() : NULL;
    BIGNUM *a = s ? BN_bin2bn(raw.data, HALF, NULL) : NULL, *b = s ? BN_bin2bn(raw.data + HALF, HALF, NULL) : NULL;
    unsigned char *out = NULL;
    int n = -1;
    bool ok;

    if (a && b && ECDSA_SIG_set0(s, a, b) == 1) {
        a = b = NULL; /* the signature's own now */
        n = i2d_ECDSA_SIG(s, &out);
    }
    ok = n > 0 && fcc__arena_copy(arena, fcc_bytes_of(out, (size_t)n), der);
    OPENSSL_free(out);
    BN_free(a);
    BN_free(b);
    ECDSA_SIG_free(s);
    return ok;
}

static bool der_of_pem(fcc_bytes pem, fcc__arena *arena, fcc_bytes *der)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    unsigned char *out = NULL;
    int n = cert ? i2d_X509(cert, &out) : -1;
    bool ok = n > 0 && EVP_PKEY_is_a(X509_get0_pubkey(cert), "EC") &&
              EVP_PKEY_get_bits(X509_get0_pubkey(cert)) == 8 * HALF &&
              fcc__arena_copy(arena, fcc_bytes_of(out, (size_t)n), der);

    OPENSSL_free(out);
    X509_free(cert);
    BIO_free(bio);
    return ok;
}

static fcc_bytes pem_of_der(fcc_bytes der, fcc__arena *arena)
{
    const uint8_t *p = der.data;
    X509 *cert = d2i_X509(NULL, &p, (long)der.len);
    BIO *bio = BIO_new(BIO_s_mem());
    fcc_bytes out = { 0 };
    char *text;
    long n;

    if (cert && bio && PEM_write_bio_X509(bio, cert) == 1 && (n = BIO_get_mem_data(bio, &text)) > 0 &&
        !fcc__arena_copy(arena, fcc_bytes_of(text, (size_t)n), &out))
        out.len = 0;
    BIO_free(bio);
    X509_free(cert);
    return out;
}

/* ---- signing ---- */

static fcc_status jws(fcc_bytes content, const msp_signer *signer, const char *when, fcc__arena *arena, fcc_bytes *out,
                      fcc_error *error)
{
    fcc_bytes der, x5c, head, signature;
    uint8_t raw[2 * HALF];
    json_t *header = NULL;
    char *text = NULL;
    fcc_status st = FCC_ERR_LIMIT;

    if (!der_of_pem(msp_signer_certificate(signer), arena, &der))
        return fcc_error_set(error, FCC_ERR_ARG, "documents are signed with ECDSA keys on P-256 only");
    x5c = fcc__base64(arena, der);
    header = json_pack("{s:s, s:b, s:[s], s:s, s:s, s:[s%]}", "alg", "ES256", "b64", 0, "crit", "b64", "kid",
                       msp_signer_mspid(signer), "sigT", when, "x5c", x5c.data, x5c.len);
    text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    if (!text)
        goto out;
    head = to_url(arena, fcc_str(text));
    st = msp_sign(signer, (const fcc_bytes[]){ head, FCC_LIT("."), content }, 3, arena, &signature);
    if (st != FCC_OK)
        goto out;
    st = FCC_ERR_INTERNAL;
    if (!raw_of_der(signature, raw))
        goto out;
    signature = to_url(arena, fcc_bytes_of(raw, sizeof(raw)));
    *out = fcc_str(fcc__arena_printf(arena, FCC_FMT ".." FCC_FMT, FCC_ARG(head), FCC_ARG(signature)));
    st = out->len ? FCC_OK : FCC_ERR_LIMIT;
out:
    free(text);
    json_decref(header);
    return st == FCC_OK ? st : fcc_error_set(error, st, "the document cannot be signed: %s", fcc_status_text(st));
}

/* FHIR's Signature: everything in it follows from the JWS. */
static json_t *signature_of(fcc_bytes jws_text, const char *when, const char *fingerprint, fcc__arena *arena)
{
    fcc_bytes data = fcc__base64(arena, jws_text);

    if (data.len == 0)
        return NULL;
    return json_pack("{s:[{s:s, s:s}], s:s, s:{s:{s:s, s:s}}, s:s, s:s, s:s%}", "type", "system",
                     "urn:iso-astm:E1762-95:2013", "code", "1.2.840.10065.1.12.1.5", "when", when, "who", "identifier",
                     "system", "urn:medsync:key", "value", fingerprint, "targetFormat", "application/fhir+json",
                     "sigFormat", "application/jose", "data", data.data, data.len);
}

fcc_status fhir_sign(fcc__buf *bundle, const msp_signer *signer, const char *when, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(4 * SIGNATURE_ROOM);
    fcc_bytes data = { 0 };
    json_t *o = NULL;
    char *text = NULL;
    fcc_status st = FCC_ERR_LIMIT;

    if (!arena || !fcc__buf_ok(bundle) || bundle->len == 0 || bundle->data[bundle->len - 1] != '}') {
        fcc_error_set(error, st, "the document is larger than it may be");
        goto out;
    }
    if ((st = jws(fcc__buf_bytes(bundle), signer, when, arena, &data, error)) != FCC_OK)
        goto out;
    o = signature_of(data, when, msp_signer_fingerprint(signer), arena);
    text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (!text) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "the document cannot be signed: out of memory");
        goto out;
    }
    bundle->len--;
    fcc__buf_puts(bundle, mark);
    fcc__buf_puts(bundle, text);
    fcc__buf_putc(bundle, '}');
    st = fcc__buf_ok(bundle) ? FCC_OK : fcc_error_set(error, FCC_ERR_LIMIT, "the document is larger than it may be");
out:
    free(text);
    json_decref(o);
    fcc__arena_free(arena);
    return st;
}

/* ---- checking ---- */

/* The bundle's bytes as they were signed: the last `,"signature":{...}` taken out. */
static bool unsigned_bytes(fcc_bytes text, const json_t *signature, fcc__arena *arena, fcc_bytes *out)
{
    size_t end = text.len, at, n = sizeof(mark) - 1;
    json_t *there;
    uint8_t *copy;
    bool same;

    while (end > 0 && strchr(" \t\r\n", text.data[end - 1]))
        end--;
    if (end < n + 2 || text.data[end - 1] != '}')
        return false;
    for (at = end - n; at > 0 && memcmp(text.data + at, mark, n) != 0; at--)
        ;
    /* it must be the last member, and all of what the parser took for the signature */
    there = json_loadb((const char *)text.data + at + n, end - 1 - at - n, JSON_REJECT_DUPLICATES, NULL);
    same = at > 0 && there && json_equal(there, signature);
    json_decref(there);
    copy = same ? fcc__arena_alloc(arena, at + 2) : NULL;
    if (!copy)
        return false;
    memcpy(copy, text.data, at);
    copy[at] = '}';
    copy[at + 1] = '\0';
    *out = fcc_bytes_of(copy, at + 1);
    return true;
}

static fcc_status altered(const char *name, const char *why, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_AUTH, "%s: its signature does not hold: %s", name, why);
}

static const char *text_at(const json_t *o, const char *path)
{
    return json_string_value(fhir__at(o, path));
}

/* A JWS, taken apart. */
typedef struct opened {
    fcc_bytes compact; /* the whole */
    fcc_bytes head;    /* as it was signed, before the content */
    fcc_bytes der;     /* the signature */
    json_t *header;
} opened;

static bool open_jws(const json_t *signature, fcc__arena *arena, opened *out)
{
    const char *data = text_at(signature, "data");
    fcc_bytes decoded, raw;
    const uint8_t *dots;

    if (!data || fcc__unbase64(arena, fcc_str(data), &out->compact) != FCC_OK)
        return false;
    dots = memmem(out->compact.data, out->compact.len, "..", 2);
    if (!dots)
        return false;
    out->head = fcc_bytes_of(out->compact.data, (size_t)(dots - out->compact.data));
    if (!of_url(arena, out->head, &decoded) ||
        !of_url(arena, fcc_bytes_of(dots + 2, out->compact.len - out->head.len - 2), &raw) ||
        !der_of_raw(raw, arena, &out->der))
        return false;
    out->header = json_loadb((const char *)decoded.data, decoded.len, JSON_REJECT_DUPLICATES, NULL);
    return out->header != NULL;
}

static fcc_status verify(const opened *o, const json_t *signature, const char *name, msp_manager *members,
                         fcc__arena *arena, fhir_signature *out, fcc_error *error)
{
    static const char otherwise[] = "it is signed in another way than documents of MedSync are";
    Msp__SerializedIdentity identity = MSP__SERIALIZED_IDENTITY__INIT;
    const char *alg = text_at(o->header, "alg"), *kid = text_at(o->header, "kid"), *x5c = text_at(o->header, "x5c.0");
    const char *crit = text_at(o->header, "crit.0"), *when = text_at(o->header, "sigT");
    const fcc_bytes parts[] = { o->head, FCC_LIT("."), out->content };
    const msp_identity *signer;
    fcc_bytes cert, pem, serialized;
    fcc_error why = { 0 };
    json_t *expected;
    bool same;

    if (!alg || strcmp(alg, "ES256") != 0 || !crit || strcmp(crit, "b64") != 0 ||
        json_array_size(json_object_get(o->header, "crit")) != 1 || !json_is_false(json_object_get(o->header, "b64")) ||
        !kid || !when || !x5c || fcc__unbase64(arena, fcc_str(x5c), &cert) != FCC_OK ||
        (pem = pem_of_der(cert, arena)).len == 0)
        return altered(name, otherwise, error);
    identity.mspid = fcc__pb(fcc_str(kid));
    identity.id_bytes = fcc__pb(pem);
    if (fcc__pack(&identity, arena, &serialized) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", name);
    if (msp_deserialize(members, serialized, &signer, &why) != FCC_OK || msp_validate(signer, &why) != FCC_OK)
        return altered(name, why.text, error);
    if (msp_verify(signer, parts, 3, o->der, &why) != FCC_OK)
        return altered(name, "the document was changed since it was signed", error);
    /* what stands around the JWS is not signed: it must say the same */
    expected = signature_of(o->compact, when, msp_identity_fingerprint(signer), arena);
    same = expected && json_equal(expected, signature);
    json_decref(expected);
    if (!same)
        return altered(name, otherwise, error);
    out->mspid = fcc__arena_printf(arena, "%s", kid);
    out->fingerprint = fcc__arena_printf(arena, "%s", msp_identity_fingerprint(signer));
    out->when = fcc__arena_printf(arena, "%s", when);
    return out->mspid && out->fingerprint && out->when ? FCC_OK
                                                       : fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", name);
}

fcc_status fhir_signature_check(fcc_bytes text, const char *name, msp_manager *members, fcc__arena *arena,
                                fhir_signature *out, fcc_error *error)
{
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                              NULL);
    const json_t *signature = json_object_get(root, "signature");
    fhir_signature found = { 0 };
    opened o = { 0 };
    fcc_status st;

    if (!signature) {
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s is not signed", name);
        goto out;
    }
    if (!unsigned_bytes(text, signature, arena, &found.content) || !open_jws(signature, arena, &o)) {
        st = altered(name, "it is signed in another way than documents of MedSync are", error);
        goto out;
    }
    st = verify(&o, signature, name, members, arena, &found, error);
    if (st == FCC_OK)
        *out = found;
out:
    json_decref(o.header);
    json_decref(root);
    return st;
}

/* ---- taking apart ---- */

static const char *kept(fcc__arena *arena, const json_t *o, const char *name, const char *otherwise)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? fcc__arena_printf(arena, "%s", s) : otherwise;
}

/* What the ledger of the exporting site said takes the place of what the table of types says. */
static bool restore(fhir_entry *e, const json_t *reference, fcc__arena *arena)
{
    const char *where = text_at(reference, "reference"), *url = text_at(reference, "extension.0.url");
    const char *said = text_at(reference, "extension.0.valueString"), *date;
    json_t *meta, *binary = NULL;
    bool ok;

    if (!where || !e->full_url || strcmp(where, e->full_url) != 0 || !url || strcmp(url, FHIR_RECORD_EXTENSION) != 0)
        return false;
    meta = said ? json_loads(said, JSON_REJECT_DUPLICATES, NULL) : NULL;
    ok = json_is_object(meta);
    e->mime = kept(arena, meta, "mime", NULL);
    if (ok && e->mime && strcmp(e->mime, FHIR_MIME) != 0) {
        binary = json_loadb((const char *)e->content.data, e->content.len, 0, NULL);
        ok = text_at(binary, "data") && fcc__unbase64(arena, fcc_str(text_at(binary, "data")), &e->content) == FCC_OK;
    }
    e->type = kept(arena, meta, "type", e->type);
    e->kind = kept(arena, meta, "kind", e->kind);
    e->category = kept(arena, meta, "category", e->category);
    e->sens = kept(arena, meta, "sens", e->sens);
    e->class_name = kept(arena, meta, "class", e->class_name);
    date = json_string_value(json_object_get(meta, "date"));
    ok = ok && e->type && e->kind && e->category && e->sens && e->class_name &&
         (!date || fhir_date_utc(date, e->date) == FCC_OK);
    json_decref(binary);
    json_decref(meta);
    return ok;
}

fcc_status fhir_document_entries(const fhir_bundle *b, bool is_signed, fcc__arena *arena, const fhir_entry **entries,
                                 size_t *count, fcc_error *error)
{
    json_t *first = NULL;
    const json_t *list;
    fhir_entry *own;
    const char *system;
    fcc_status st = FCC_OK;
    size_t i;

    *entries = b->entries;
    *count = b->count;
    if (strcmp(b->entries[0].type, "Composition") != 0)
        return FCC_OK;
    first = json_loadb((const char *)b->entries[0].content.data, b->entries[0].content.len, 0, NULL);
    system = text_at(first, "identifier.system");
    if (!system || strcmp(system, FHIR_EXPORT_SYSTEM) != 0)
        goto out; /* somebody else's document: its Composition is a record like all others */
    if (!is_signed) {
        st = fcc_error_set(error, FCC_ERR_AUTH, "%s: an export without its signature: it may have been changed",
                           b->path);
        goto out;
    }
    list = fhir__at(first, "section.0.entry");
    own = fcc__arena_zalloc(arena, b->count, sizeof(*own));
    if (!own) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", b->path);
        goto out;
    }
    if (json_array_size(list) != b->count - 1)
        st = fcc_error_set(error, FCC_ERR_PROTO, "%s: its Composition lists %zu records, and %zu follow", b->path,
                           json_array_size(list), b->count - 1);
    for (i = 1; st == FCC_OK && i < b->count; i++) {
        own[i - 1] = b->entries[i];
        if (!restore(&own[i - 1], json_array_get(list, i - 1), arena))
            st = fcc_error_set(error, FCC_ERR_PROTO, "%s: entry %zu is not what its Composition says", b->path, i);
    }
    *entries = own;
    *count = b->count - 1;
out:
    json_decref(first);
    return st;
}
