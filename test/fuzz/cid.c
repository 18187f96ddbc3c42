/* Content identifiers from strangers: as text in any base, and as bytes in a link. */
#include "fuzz.h"

#include "base/require.h"
#include "blob/blob.h"
#include "blob/id.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 20 };

static void binary(fcc_bytes bytes, fcc__arena *arena)
{
    uint8_t again[9];
    uint64_t number, left;
    size_t n = blob_varint(bytes, &number), i = 0, used = 0;
    blob_multihash hash;
    const char *text;
    blob_id id, back;
    fcc_status st;

    FCC_REQUIRE(n <= 9 && n <= bytes.len);
    if (n > 0) { /* there is one way to write a number, and this is it */
        for (left = number; left >= 0x80; left >>= 7)
            again[i++] = (uint8_t)(left | 0x80);
        again[i++] = (uint8_t)left;
        FCC_REQUIRE(i == n && memcmp(again, bytes.data, n) == 0);
    }
    if (blob_multihash_parse(bytes, &hash, &used) == FCC_OK) {
        FCC_REQUIRE(used <= bytes.len && hash.digest.len <= used);
        st = blob_multihash_verify(&hash, FCC_LIT("content"));
        FCC_REQUIRE(st == FCC_OK || st == FCC_ERR_CORRUPT || st == FCC_ERR_NOT_FOUND);
        FCC_REQUIRE((st == FCC_ERR_NOT_FOUND) == !blob_multihash_name(hash.code));
    }
    if (blob_id_parse(bytes, &id, &used) != FCC_OK)
        return;
    FCC_REQUIRE(used > 0 && used <= bytes.len && (id.version == 0 || id.version == 1));
    text = blob_id_text(&id, arena);
    if (!text || strlen(text) > BLOB_TEXT_MAX)
        return;
    FCC_REQUIRE(blob_id_of_text(text, arena, &back) == FCC_OK);
    FCC_REQUIRE(back.codec == id.codec && back.hash.code == id.hash.code &&
                fcc_bytes_equal(back.hash.digest, id.hash.digest));
}

static void as_text(const char *text, fcc__arena *arena)
{
    uint64_t codec;
    uint8_t digest[32];
    const char *same;
    fcc_bytes bytes;
    blob_id id;
    fcc_status read = blob_id_of_text(text, arena, &id);

    /* what the store takes is one spelling of what IPFS takes */
    if (blob_cid_parse(text, &codec, digest) == FCC_OK) {
        FCC_REQUIRE(read == FCC_OK && id.version == 1 && id.codec == codec && id.hash.code == BLOB_HASH_SHA256);
        FCC_REQUIRE(fcc_bytes_equal(id.hash.digest, fcc_bytes_of(digest, sizeof(digest))));
        same = blob_id_text(&id, arena);
        FCC_REQUIRE(same && strcmp(same, text) == 0);
    }
    if (blob_multibase_decode(text, arena, &bytes) == FCC_OK)
        FCC_REQUIRE(text[0] != '\0' && bytes.len <= strlen(text));
}

/* The bytes in a base that they choose themselves come back. */
static void bases(fcc_bytes bytes, fcc__arena *arena)
{
    static const char *const names[] = {
        "base2",  "base8",     "base10",       "base16",    "base32hexpad", "base32",
        "base36", "base58btc", "base58flickr", "base64pad", "base64url",    "base32z"
    };
    const char *text;
    fcc_bytes back;

    if (bytes.len == 0 || bytes.len > 200)
        return;
    if (blob_multibase_encode(names[bytes.data[0] % (sizeof(names) / sizeof(names[0]))], bytes, arena, &text) != FCC_OK)
        return;
    FCC_REQUIRE(blob_multibase_decode(text, arena, &back) == FCC_OK && fcc_bytes_equal(back, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fcc__arena *arena = fcc__arena_new(ROOM);
    char *text = malloc(size + 1);

    FCC_REQUIRE(arena && text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    binary(fcc_bytes_of(data, size), arena);
    as_text(text, arena);
    bases(fcc_bytes_of(data, size), arena);
    free(text);
    fcc__arena_free(arena);
    return 0;
}
