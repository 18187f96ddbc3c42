/*
 * Composite keys: parts come back as they went in, and a key that can be split and made again is the same key. The first
 * byte is where the bytes are cut into parts: at each of its value.
 */
#include "fuzz.h"

#include "base/require.h"
#include "core/session.h"
#include "protos/unpack.h"

#include "peer/chaincode_shim.pb-c.h"

enum { MOST_PARTS = 32 };

static fcc_bytes input;

static void make_and_split(fcc_stub *stub)
{
    fcc_bytes parts[MOST_PARTS], key, type, rest = fcc_bytes_of(input.data + 1, input.len - 1);
    const fcc_bytes *attributes;
    size_t n = 0, count;

    for (size_t from = 0, i = 0; i <= rest.len && n < MOST_PARTS; i++) {
        if (i < rest.len && rest.data[i] != input.data[0])
            continue;
        parts[n++] = fcc_bytes_of(rest.data + from, i - from);
        from = i + 1;
    }
    if (fcc_create_composite_key(stub, parts[0], parts + 1, n - 1, &key) != FCC_OK)
        return;
    FCC_REQUIRE(fcc_split_composite_key(stub, key, &type, &attributes, &count) == FCC_OK);
    FCC_REQUIRE(count == n - 1 && fcc_bytes_equal(type, parts[0]));
    for (size_t i = 0; i < count; i++)
        FCC_REQUIRE(fcc_bytes_equal(attributes[i], parts[i + 1]));
}

static void split_and_make(fcc_stub *stub)
{
    fcc_bytes type, key;
    const fcc_bytes *attributes;
    size_t count;

    if (fcc_split_composite_key(stub, input, &type, &attributes, &count) != FCC_OK ||
        fcc_create_composite_key(stub, type, attributes, count, &key) != FCC_OK)
        return;
    if (input.data[0] == 0 && input.data[input.len - 1] == 0)
        FCC_REQUIRE(fcc_bytes_equal(key, input));
}

static fcc_status run(fcc_stub *stub, fcc_args args)
{
    (void)args;
    if (input.len) {
        make_and_split(stub);
        split_and_make(stub);
    }
    return FCC_OK;
}

static void ignore_message(void *ctx, fcc_bytes message)
{
    (void)ctx;
    (void)message;
}

static void no_close(void *ctx, const char *reason)
{
    (void)ctx;
    FCC_REQUIRE(!reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fcc_function functions[] = { { "f", run, 0 } };
    static const fcc_chaincode chaincode = { functions, 1, NULL, NULL, NULL };
    static const fcc__session_events events = { .send = ignore_message, .close = no_close };
    fcc__co_pool *stacks = fcc__co_pool_new(0, 1);
    fcc__session_options options = { .stacks = stacks };
    fcc__session *session;

    FCC_REQUIRE(stacks);
    FCC_REQUIRE(fcc__session_new(&chaincode, FCC_LIT("cc:01"), &options, &events, NULL, &session) == FCC_OK);
    input = fcc_bytes_of(data, size);
    fcc__session_receive(session, FCC_LIT("\x08\x02"));
    fcc__session_receive(session, FCC_LIT("\x08\x04"));
    fcc__session_receive(session, FCC_LIT("\x08\x05\x1a\x03\x0a\x01"
                                          "f\x22\x01t\x3a\x01"
                                          "c"));
    FCC_REQUIRE(fcc__session_running(session) == 0);
    fcc__session_free(session);
    fcc__co_pool_free(stacks);
    return 0;
}
