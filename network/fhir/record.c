/* A record: an entry's content in the blob store, and what the ledger is told about it. */
#include "fhir/fhir.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool fhir_random_id(char out[33])
{
    uint8_t bits[16];
    size_t i;

    if (RAND_bytes(bits, sizeof(bits)) != 1)
        return false;
    for (i = 0; i < sizeof(bits); i++)
        snprintf(out + 2 * i, 3, "%02x", bits[i]);
    return true;
}

fcc_status fhir_store(const fhir_entry *entry, blob_store *store, const uint8_t custody_public[32], int64_t now_s,
                      fhir_record *out, fcc_error *error)
{
    fcc_status st;
    fhir_record r;
    blob_ref ref;
    time_t now = (time_t)now_s;
    struct tm tm;

    memset(&r, 0, sizeof(r));
    memset(&ref, 0, sizeof(ref));
    r.entry = entry;
    if (!fhir_random_id(r.id) || !fhir_random_id(r.salt))
        return fcc_error_set(error, FCC_ERR_INTERNAL, "no random numbers from OpenSSL");
    if (entry->date[0])
        memcpy(r.date, entry->date, sizeof(r.date));
    else if (!gmtime_r(&now, &tm) || strftime(r.date, sizeof(r.date), "%Y-%m-%dT%H:%M:%SZ", &tm) != FHIR_DATE_LEN)
        return fcc_error_set(error, FCC_ERR_ARG, "%lld is no time", (long long)now_s);
    if ((st = blob_put(store, entry->content, &ref, error)) != FCC_OK)
        goto out;
    if ((st = blob_seal(custody_public, ref.key, r.dek, error)) != FCC_OK)
        goto out;
    memcpy(r.cid, ref.cid, sizeof(r.cid));
    memcpy(r.sha256, ref.sha256, sizeof(r.sha256));
    r.size = ref.size;
    *out = r;
out:
    blob_wipe(&ref, sizeof(ref));
    return st;
}

/* No text in it needs escaping: ids, digits, names of types and our own words. */
void fhir_record_json(const fhir_record *r, fcc__buf *out)
{
    const fhir_entry *e = r->entry;

    fcc__buf_printf(out, "{\"category\":\"%s\",\"cid\":\"%s\",\"class\":\"%s\",\"date\":\"%s\",\"dek\":\"%s\",",
                    e->category, r->cid, e->class_name, r->date, r->dek);
    fcc__buf_printf(out, "\"kind\":\"%s\",\"mime\":\"%s\",\"recId\":\"%s\",\"salt\":\"%s\",", e->kind,
                    e->mime ? e->mime : FHIR_MIME, r->id, r->salt);
    fcc__buf_printf(out, "\"sens\":\"%s\",\"sha256\":\"%s\",\"size\":%llu,\"type\":\"%s\"}", e->sens, r->sha256,
                    (unsigned long long)r->size, e->type);
}

size_t fhir_batch(const char *head, const fhir_record *records, size_t count, fcc__buf *out)
{
    size_t n = 0, before;

    fcc__buf_printf(out, "{%s%s\"records\":[", head, *head ? "," : "");
    while (n < count && n < FHIR_BATCH_RECORDS && fcc__buf_ok(out)) {
        before = out->len;
        if (n > 0)
            fcc__buf_putc(out, ',');
        fhir_record_json(&records[n], out);
        if (fcc__buf_ok(out) && n > 0 && out->len + 2 > FHIR_BATCH_BYTES) {
            out->len = before;
            break;
        }
        n++;
    }
    fcc__buf_puts(out, "]}");
    return fcc__buf_ok(out) ? n : 0;
}
