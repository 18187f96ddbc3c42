/* proof_suite.c: eddsa-jcs-2022 and ecdsa-jcs-2019 but for the signature itself. */
#include "lib/proof_suite.h"

#include "lib/json.h"

#include <openssl/evp.h>

#include <stdlib.h>

static const lib_proof_suite suites[] = {
    { "eddsa-jcs-2022", LIB_KEY_ED25519, "SHA256", 64 },
    { "ecdsa-jcs-2019", LIB_KEY_P256, "SHA256", 64 },
    { "ecdsa-jcs-2019", LIB_KEY_P384, "SHA384", 96 },
};
enum { SUITES = sizeof(suites) / sizeof(suites[0]) };

const lib_proof_suite *lib_proof_suite_of(const char *name, lib_key_type key)
{
    for (size_t i = 0; i < SUITES; i++) {
        if (suites[i].key == key && strcmp(suites[i].name, name) == 0)
            return &suites[i];
    }
    return NULL;
}

bool lib_proof_suite_known(const char *name)
{
    for (size_t i = 0; i < SUITES; i++) {
        if (strcmp(suites[i].name, name) == 0)
            return true;
    }
    return false;
}

const lib_proof_suite *lib_proof_suite_for(lib_key_type key)
{
    for (size_t i = 0; i < SUITES; i++) {
        if (suites[i].key == key)
            return &suites[i];
    }
    return NULL;
}

static bool hash(const char *digest, const json_t *value, uint8_t *out, size_t *at)
{
    size_t text_len = 0, len = 0;
    char *text = lib_json_canonical_foreign(value, &text_len);
    bool ok = text && EVP_Q_digest(NULL, digest, NULL, text, text_len, out + *at, &len) == 1;

    free(text);
    *at += len;
    return ok;
}

bool lib_proof_hashes(const lib_proof_suite *suite, const json_t *document, const json_t *options,
                      uint8_t out[LIB_PROOF_MAX_HASHES], size_t *len)
{
    const json_t *context = json_object_get(options, "@context");
    json_t *unsecured = json_copy((json_t *)document), *config = json_copy((json_t *)options);
    bool ok = unsecured && config;

    *len = 0;
    if (ok) {
        json_object_del(unsecured, "proof");
        json_object_del(config, "proofValue");
        if (context)
            ok = json_object_set(unsecured, "@context", (json_t *)context) == 0;
    }
    ok = ok && hash(suite->digest, config, out, len) && hash(suite->digest, unsecured, out, len);
    json_decref(unsecured);
    json_decref(config);
    return ok;
}
