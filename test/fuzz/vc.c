/* Presentations, credentials, DID documents and status lists from strangers, on a handler's small stack. */
#include "fuzz.h"

#include "base/require.h"
#include "exec/coroutine.h"
#include "lib/json.h"
#include "lib/vc.h"

#include <stdlib.h>

struct input {
    const uint8_t *data;
    size_t size;
    const json_t *value;
};

/* The input is every DID's document; the other answers hang on what is asked. */
static fcc_status resolve(void *user, const char *did, const json_t **document)
{
    *document = ((struct input *)user)->value;
    return FCC_OK;
}

static fcc_status accredited(void *user, const char *issuer, const char *type, bool *yes)
{
    *yes = strlen(type) % 2;
    return strlen(issuer) == 300 ? FCC_ERR_PEER : FCC_OK;
}

static fcc_status anchor(void *user, const char *id, lib_vc_anchor *out)
{
    out->found = strlen(id) % 2;
    out->issuer = id;
    out->type = "VerifiableCredential";
    return FCC_OK;
}

static fcc_status status(void *user, const char *issuer, const lib_status_entry *entry, lib_vc_status *out)
{
    *out = (lib_vc_status)(entry->index % 3);
    return FCC_OK;
}

/* What was written is read back as itself. */
static void round_trip(const json_t *value)
{
    size_t len = 0, again_len = 0;
    char *text = lib_json_canonical_foreign(value, &len), *again;
    const char *why = "";
    json_t *back;

    FCC_REQUIRE(text);
    back = lib_json_load(fcc_bytes_of(text, len), &why);
    if (!back) {
        FCC_REQUIRE(len > LIB_JSON_MAX_BYTES); /* numbers may become longer */
    } else {
        again = lib_json_canonical_foreign(back, &again_len);
        FCC_REQUIRE(again && again_len == len && memcmp(text, again, len) == 0);
        free(again);
    }
    json_decref(back);
    free(text);
}

static void look_at(struct input *in, json_t *value)
{
    lib_vp_context context = {
        .now = 1735689600, .user = in, .resolve = resolve, .accredited = accredited, .anchor = anchor, .status = status
    };
    const char *id = json_string_value(json_object_get(value, "id")), *why = "";
    lib_vc_fault fault = { NULL, NULL };
    json_t *report = NULL;
    uint8_t *list = NULL;
    size_t len;
    lib_public_key key;
    fcc_status st;

    in->value = value;
    FCC_REQUIRE(lib_vc_form(value, &fault) || (fault.at && fault.why));
    FCC_REQUIRE(lib_vp_form(value, &fault) || (fault.at && fault.why));
    st = lib_vp_verify(value, &context, &report);
    FCC_REQUIRE(st == FCC_OK ? report != NULL : st == FCC_ERR_PEER);
    json_decref(report);
    if (id && lib_did_document_check(value, id, &why)) {
        const json_t *methods = json_object_get(value, "verificationMethod");
        const char *url = json_string_value(json_object_get(json_array_get(methods, 0), "id"));

        FCC_REQUIRE(lib_did_find_key(value, url, "assertionMethod", context.now, &key) != LIB_DID_KEY_UNREADABLE);
    }
    if (id)
        FCC_REQUIRE(lib_did_parse(id) == LIB_DID_NONE || lib_did_is_any(id));
    if (lib_status_credential_read(value, "revocation", &list, &len, &why) == FCC_OK)
        free(list);
}

static void read_it(void *arg)
{
    struct input *in = arg;
    const char *why = NULL;
    json_t *value = lib_json_load(fcc_bytes_of(in->data, in->size), &why);

    FCC_REQUIRE(value || why);
    if (!value)
        return;
    round_trip(value);
    look_at(in, value);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { .data = data, .size = size };
    fcc__co_pool *stacks = fcc__co_pool_new(0, 0);
    fcc__co *co = stacks ? fcc__co_new(stacks, read_it, &in) : NULL;

    FCC_REQUIRE(co);
    fcc__co_resume(co);
    FCC_REQUIRE(fcc__co_finished(co));
    fcc__co_free(co);
    fcc__co_pool_free(stacks);
    return 0;
}
