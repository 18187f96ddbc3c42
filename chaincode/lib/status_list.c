/* status_list.c: chunks of a status list, its encoded form, and where it stands in credentials. */
#include "lib/status_list.h"

#include "lib/multibase.h"

#include <zlib.h>

#include <stdlib.h>

bool lib_status_is_purpose(const char *s)
{
    return strcmp(s, "revocation") == 0 || strcmp(s, "suspension") == 0;
}

bool lib_status_is_size(int64_t bits)
{
    return bits >= LIB_STATUS_MIN_BITS && bits <= LIB_STATUS_MAX_BITS && bits % LIB_STATUS_CHUNK_BITS == 0;
}

/* ---- chunks ---- */

bool lib_status_locate(int64_t index, int64_t bits, unsigned *chunk, unsigned *bit)
{
    if (index < 0 || index >= bits)
        return false;
    *chunk = (unsigned)(index / LIB_STATUS_CHUNK_BITS);
    *bit = (unsigned)(index % LIB_STATUS_CHUNK_BITS);
    return true;
}

bool lib_status_get(const uint8_t *bytes, size_t bit)
{
    return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

void lib_status_set(uint8_t *bytes, size_t bit, bool value)
{
    uint8_t mask = (uint8_t)(0x80 >> bit % 8);

    bytes[bit / 8] = (uint8_t)(value ? bytes[bit / 8] | mask : bytes[bit / 8] & ~mask);
}

bool lib_status_place(uint8_t *list, int64_t bits, unsigned chunk, fcc_bytes content)
{
    if (content.len != LIB_STATUS_CHUNK_BYTES || ((int64_t)chunk + 1) * LIB_STATUS_CHUNK_BITS > bits)
        return false;
    memcpy(list + (size_t)chunk * LIB_STATUS_CHUNK_BYTES, content.data, LIB_STATUS_CHUNK_BYTES);
    return true;
}

/* ---- the encoded list ---- */

enum { GZIP = 15 + 16 }; /* zlib's windowBits for a GZIP member with the largest window */

char *lib_status_encode(fcc_bytes list)
{
    z_stream z = { .next_in = (Bytef *)list.data, .avail_in = (uInt)list.len };
    uint8_t *packed = NULL;
    char *text = NULL;
    size_t cap;

    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    cap = deflateBound(&z, (uLong)list.len);
    packed = malloc(cap);
    if (packed) {
        z.next_out = packed;
        z.avail_out = (uInt)cap;
        if (deflate(&z, Z_FINISH) == Z_STREAM_END)
            text = lib_base64url_encode('u', fcc_bytes_of(packed, cap - z.avail_out));
    }
    deflateEnd(&z);
    free(packed);
    return text;
}

/* Into `out`, which has room for one byte more than the largest list. */
static fcc_status unpack(const uint8_t *packed, size_t packed_len, uint8_t *out, size_t cap, size_t *len,
                         const char **why)
{
    z_stream z = { .next_in = (Bytef *)packed, .avail_in = (uInt)packed_len, .next_out = out, .avail_out = (uInt)cap };
    int rc = inflateInit2(&z, GZIP);

    if (rc == Z_OK)
        rc = inflate(&z, Z_FINISH);
    *len = cap - z.avail_out;
    inflateEnd(&z);
    if (rc == Z_MEM_ERROR)
        return FCC_ERR_NOMEM;
    if (rc == Z_STREAM_END && z.avail_in == 0)
        return FCC_OK;
    *why = rc == Z_STREAM_END ? "something follows the compressed list"
           : z.avail_out == 0 ? "the list has more than 1048576 bits"
                              : "the list is not one whole GZIP member";
    return FCC_ERR_CORRUPT;
}

fcc_status lib_status_decode(const char *text, uint8_t **list, size_t *len, const char **why)
{
    enum { CAP = LIB_STATUS_MAX_BITS / 8 + 1 };
    size_t packed_len = 0, n = 0;
    uint8_t *packed = text[0] == 'u' ? lib_base64url_decode(text + 1, &packed_len) : NULL;
    uint8_t *out = malloc(CAP);
    fcc_status st = out ? FCC_ERR_CORRUPT : FCC_ERR_NOMEM;

    *why = "the list is not multibase base64url (\"u...\")";
    if (packed && out)
        st = unpack(packed, packed_len, out, CAP, &n, why);
    if (st == FCC_OK && (n < LIB_STATUS_MIN_BITS / 8 || n > LIB_STATUS_MAX_BITS / 8)) {
        *why = n < LIB_STATUS_MIN_BITS / 8 ? "the list has less than 131072 bits"
                                           : "the list has more than 1048576 bits";
        st = FCC_ERR_CORRUPT;
    }
    free(packed);
    if (st != FCC_OK) {
        free(out);
        return st;
    }
    *list = out;
    *len = n;
    return FCC_OK;
}

/* ---- in credentials ---- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* One string, or an array with it. */
static bool says(const json_t *value, const char *word)
{
    if (json_is_string(value))
        return strcmp(json_string_value(value), word) == 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *item = json_string_value(json_array_get(value, i));

        if (item && strcmp(item, word) == 0)
            return true;
    }
    return false;
}

/* Decimal, without a sign or leading zeros; up to 15 digits, which is more than any list has. */
static bool read_index(const char *s, int64_t *out)
{
    size_t len = strspn(s, "0123456789");

    if (len == 0 || len > 15 || s[len] || (s[0] == '0' && len > 1))
        return false;
    *out = strtoll(s, NULL, 10);
    return true;
}

/* statusSize, which may be missing, is 1. */
static bool is_of_one_bit(const json_t *object)
{
    const json_t *size = json_object_get(object, "statusSize");

    return !size || (json_is_integer(size) && json_integer_value(size) == 1);
}

bool lib_status_entry_parse(const json_t *entry, lib_status_entry *out, const char **at)
{
    const char *index = text_of(entry, "statusListIndex");

    *at = "type";
    if (!says(json_object_get(entry, "type"), "BitstringStatusListEntry"))
        return false;
    *at = "statusPurpose";
    out->purpose = text_of(entry, "statusPurpose");
    if (!out->purpose || !out->purpose[0])
        return false;
    *at = "statusListCredential";
    out->credential = text_of(entry, "statusListCredential");
    if (!out->credential || !out->credential[0])
        return false;
    *at = "statusSize";
    if (!is_of_one_bit(entry))
        return false;
    *at = "statusListIndex";
    return index && read_index(index, &out->index);
}

json_t *lib_status_credential(const char *id, const char *issuer, const char *valid_from, const char *purpose,
                              fcc_bytes list)
{
    char *encoded = lib_status_encode(list);
    json_t *credential = NULL;

    if (encoded)
        credential = json_pack("{s:[s],s:s,s:[s,s],s:s,s:s,s:{s:s+,s:s,s:s,s:s}}", "@context",
                               "https://www.w3.org/ns/credentials/v2", "id", id, "type", "VerifiableCredential",
                               "BitstringStatusListCredential", "issuer", issuer, "validFrom", valid_from,
                               "credentialSubject", "id", id, "#list", "type", "BitstringStatusList", "statusPurpose",
                               purpose, "encodedList", encoded);
    free(encoded);
    return credential;
}

fcc_status lib_status_credential_read(const json_t *credential, const char *purpose, uint8_t **list, size_t *len,
                                      const char **why)
{
    const json_t *subject = json_object_get(credential, "credentialSubject");
    const char *encoded = text_of(subject, "encodedList");

    if (!says(json_object_get(credential, "type"), "BitstringStatusListCredential") ||
        !says(json_object_get(subject, "type"), "BitstringStatusList") || !encoded)
        *why = "it is no status list credential";
    else if (!says(json_object_get(subject, "statusPurpose"), purpose))
        *why = "the list has another purpose";
    else if (!is_of_one_bit(subject))
        *why = "the list has more than one bit for each entry";
    else
        return lib_status_decode(encoded, list, len, why);
    return FCC_ERR_CORRUPT;
}
