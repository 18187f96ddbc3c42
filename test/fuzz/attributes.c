/* The JSON that a certificate carries as its attributes, on a handler's small stack. */
#include "fuzz.h"

#include "base/require.h"
#include "exec/coroutine.h"
#include "identity/internal.h"

#include <openssl/x509v3.h>

static X509 *certificate_with(const uint8_t *data, size_t size)
{
    X509 *cert = X509_new();
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7.8.1", 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    FCC_REQUIRE(cert && oid && content && ASN1_OCTET_STRING_set(content, data, (int)size));
    extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, content);
    FCC_REQUIRE(extension && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(oid);
    return cert;
}

static void read_it(void *cert)
{
    fcc__arena *arena = fcc__arena_new(16 * 1024 * 1024);
    fcc__identity identity = { .attributes = NULL };
    fcc_error error = { .status = FCC_OK };
    fcc_bytes value;
    fcc_status st;

    FCC_REQUIRE(arena);
    st = fcc__identity_attributes(arena, cert, &identity, &error);
    FCC_REQUIRE(st == FCC_OK || error.text[0]);
    for (size_t i = 0; st == FCC_OK && i < identity.attribute_count; i++) {
        FCC_REQUIRE(fcc__identity_attribute(&identity, identity.attributes[i].name, &value));
        FCC_REQUIRE(fcc_bytes_equal(value, identity.attributes[i].value));
    }
    fcc__arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X509 *cert = certificate_with(data, size);
    fcc__co_pool *stacks = fcc__co_pool_new(0, 0);
    fcc__co *co = stacks ? fcc__co_new(stacks, read_it, cert) : NULL;

    FCC_REQUIRE(co);
    fcc__co_resume(co);
    FCC_REQUIRE(fcc__co_finished(co));
    fcc__co_free(co);
    fcc__co_pool_free(stacks);
    X509_free(cert);
    return 0;
}
