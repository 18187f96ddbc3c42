/*
 * EPCIS documents, GS1 URIs and values from strangers, on a handler's small stack. What has a canonical URI is its own
 * canonical URI; a document that is taken has the same hash whatever order and spelling JSON gives it.
 */
#include "fuzz.h"

#include "base/require.h"
#include "exec/coroutine.h"
#include "lib/gs1.h"
#include "lib/gs1_uri.h"
#include "lib/json.h"
#include "supply/epcis.h"

#include <stdlib.h>
#include <string.h>

struct input {
    const uint8_t *data;
    size_t size;
};

static void look_at_document(fcc_bytes text)
{
    const char *why_json = "";
    json_t *plain = lib_json_load(text, &why_json), *document, *again;
    char why[EPCIS_WHY], hash[EPCIS_HASH], other[EPCIS_HASH];
    epcis_events events, twice;
    char *sorted;

    if (!plain)
        return;
    document = epcis_load(text);
    json_decref(plain);
    if (!document)
        return;
    if (epcis_read(document, &events, why)) {
        /* names in another order, strings escaped otherwise */
        sorted = json_dumps(document, JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_INDENT(1));
        FCC_REQUIRE(sorted);
        again = lib_json_load_own(fcc_str(sorted));
        FCC_REQUIRE(again && epcis_read(again, &twice, why) && twice.n == events.n);
        for (size_t i = 0; i < events.n; i++)
            FCC_REQUIRE(epcis_hash(&events, i, hash) && epcis_hash(&twice, i, other) &&
                        memcmp(hash, other, EPCIS_HASH) == 0);
        json_decref(again);
        free(sorted);
    }
    json_decref(document);
}

static void look_at_uri(const char *s)
{
    static const char *const ais[] = { "00", "01", "10", "17", "21", "253", "8003", "8006", "8010", "8011" };
    char once[GS1_URI_SIZE], twice[GS1_URI_SIZE];
    struct gs1_name name;
    int64_t end;

    if (gs1_uri_canonical(s, once)) {
        FCC_REQUIRE(!gs1_uri_is_malformed(s));
        FCC_REQUIRE(strlen(once) > GS1_URI_MAX || (gs1_uri_canonical(once, twice) && strcmp(once, twice) == 0));
    }
    gs1_uri_read(s, &name);
    for (size_t i = 0; i < sizeof(ais) / sizeof(ais[0]); i++)
        gs1_is_value(ais[i], s);
    if (gs1_date_end(s, 1767225600, &end))
        FCC_REQUIRE(gs1_is_yymmd0(s));
}

static void look(void *argument)
{
    const struct input *input = argument;
    char *s = malloc(input->size + 1);

    FCC_REQUIRE(s);
    if (input->size)
        memcpy(s, input->data, input->size);
    s[input->size] = 0;
    look_at_uri(s);
    free(s);
    look_at_document(fcc_bytes_of(input->data, input->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { .data = data, .size = size };
    fcc__co_pool *stacks = fcc__co_pool_new(0, 0);
    fcc__co *co = stacks ? fcc__co_new(stacks, look, &in) : NULL;

    FCC_REQUIRE(co);
    fcc__co_resume(co);
    FCC_REQUIRE(fcc__co_finished(co));
    fcc__co_free(co);
    fcc__co_pool_free(stacks);
    return 0;
}
