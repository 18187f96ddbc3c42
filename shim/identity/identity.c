/* See identity.h. The serialized identity and its certificate; names are name.c's, attributes attributes.c's. */
#include "identity/internal.h"

#include "base/hash.h"
#include "protos/unpack.h"

#include "msp/identities.pb-c.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits.h>

/* The first PEM block, whatever it calls itself; NULL when there is none, or it is no certificate. */
static X509 *read_certificate(fcc_bytes pem, fcc_error *error)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    const unsigned char *p;
    long len = 0;
    X509 *cert = NULL;
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;

    if (!bio || !PEM_read_bio(bio, &name, &header, &der, &len)) {
        fcc_error_set(error, FCC_ERR_PROTO, "identity bytes are neither X509 PEM format nor an idemix credential");
        goto out;
    }
    p = der;
    cert = d2i_X509(NULL, &p, len);
    if (!cert || p != der + len) {
        fcc_error_set(error, FCC_ERR_PROTO, "failed to parse certificate: it is not X.509 in DER");
        X509_free(cert);
        cert = NULL;
    }
out:
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return cert;
}

static fcc_status full(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
}

static fcc_status copy_der(fcc__arena *arena, X509 *cert, fcc__identity *out, fcc_error *error)
{
    unsigned char *der = NULL, *key = NULL;
    int der_len = i2d_X509(cert, &der);
    int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key);
    fcc_status st = FCC_OK;

    if (der_len <= 0 || key_len <= 0) {
        st = fcc_error_set(error, FCC_ERR_PROTO, "failed to parse certificate: it cannot be written again");
    } else {
        fcc__sha256 digest = fcc__sha256_of(fcc_bytes_of(key, (size_t)key_len));

        if (!fcc__arena_copy(arena, fcc_bytes_of(der, (size_t)der_len), &out->der) ||
            !fcc__arena_copy(arena, fcc__sha256_bytes(&digest), &out->fingerprint))
            st = full(error);
    }
    OPENSSL_free(der);
    OPENSSL_free(key);
    return st;
}

fcc_status fcc__identity_read(fcc__arena *arena, fcc_bytes creator, fcc__identity *out, fcc_error *error)
{
    Msp__SerializedIdentity *serialized;
    fcc__identity identity = { 0 };
    fcc__buf id;
    X509 *cert = NULL;
    fcc_status st = FCC__UNPACK(msp__serialized_identity, creator, arena, &serialized);

    if (st != FCC_OK)
        return fcc_error_set(error, st,
                             "failed to unmarshal transaction invoker's identity: "
                             "proto: cannot parse invalid wire-format data");
    identity.msp_id = fcc__of_pb(serialized->mspid);
    fcc__buf_init(&id, 1024 * 1024);
    st = FCC_ERR_PROTO;
    cert = read_certificate(fcc__of_pb(serialized->id_bytes), error);
    if (!cert)
        goto out;
    st = copy_der(arena, cert, &identity, error);
    if (st == FCC_OK)
        st = fcc__identity_attributes(arena, cert, &identity, error);
    if (st == FCC_OK)
        st = fcc__identity_units(arena, cert, &identity, error);
    if (st != FCC_OK)
        goto out;
    fcc__buf_puts(&id, "x509::");
    fcc__identity_name(&id, X509_get_subject_name(cert));
    fcc__buf_puts(&id, "::");
    fcc__identity_name(&id, X509_get_issuer_name(cert));
    identity.id = fcc__base64(arena, fcc__buf_bytes(&id));
    if (!fcc__buf_ok(&id) || identity.id.len == 0) {
        st = full(error);
        goto out;
    }
    *out = identity;
out:
    X509_free(cert);
    fcc__buf_clear(&id);
    ERR_clear_error(); /* thread-local: nothing of ours may stay in it */
    return st;
}

bool fcc__identity_attribute(const fcc__identity *identity, fcc_bytes name, fcc_bytes *value)
{
    for (size_t i = 0; i < identity->attribute_count; i++) {
        if (fcc_bytes_equal(identity->attributes[i].name, name)) {
            *value = identity->attributes[i].value;
            return true;
        }
    }
    return false;
}

bool fcc__identity_has_unit(const fcc__identity *identity, fcc_bytes unit)
{
    for (size_t i = 0; i < identity->unit_count; i++)
        if (fcc_bytes_equal(identity->units[i], unit))
            return true;
    return false;
}
