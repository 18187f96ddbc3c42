/*
 * Distinguished names in Go's spelling, which client ids are made of. Go does not keep a certificate's order: it sorts
 * what it knows into the fields of pkix.Name and prints those in an order of its own; what it does not know is dropped.
 *
 * Source: Go's crypto/x509/pkix Name.ToRDNSequence; fabric-chaincode-go v2.3.0 pkg/cid/cid.go getDN
 */
#include "identity/internal.h"

#include <openssl/objects.h>

/* In the order in which they are printed. */
static const struct kind {
    int nid;
    const char *label;
    bool last_only; /* one field in Go: of several values the last counts */
} kinds[] = {
    { NID_serialNumber, "SERIALNUMBER", true },
    { NID_commonName, "CN", true },
    { NID_organizationalUnitName, "OU", false },
    { NID_organizationName, "O", false },
    { NID_postalCode, "POSTALCODE", false },
    { NID_streetAddress, "STREET", false },
    { NID_localityName, "L", false },
    { NID_stateOrProvinceName, "ST", false },
    { NID_countryName, "C", false },
};

/* The value of entry `index` as UTF-8, to be freed with OPENSSL_free; negative when it is no text. */
static int value_at(const X509_NAME *name, int index, unsigned char **out)
{
    return ASN1_STRING_to_UTF8(out, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
}

static void add_escaped(fcc__buf *out, fcc_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool at_start = i == 0 && (c == ' ' || c == '#');
        bool at_end = i + 1 == value.len && c == ' ';

        if (at_start || at_end || (c && strchr(",+\"\\<>;", c)))
            fcc__buf_putc(out, '\\');
        fcc__buf_putc(out, c);
    }
}

void fcc__identity_name(fcc__buf *out, const X509_NAME *name)
{
    bool first = true;

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        bool first_of_kind = true;

        for (int i = X509_NAME_get_index_by_NID(name, kinds[k].nid, -1); i >= 0;) {
            int next = X509_NAME_get_index_by_NID(name, kinds[k].nid, i);
            unsigned char *value = NULL;
            int len = kinds[k].last_only && next >= 0 ? -1 : value_at(name, i, &value);

            if (len > 0 || (len == 0 && !kinds[k].last_only)) {
                if (!first_of_kind)
                    fcc__buf_putc(out, '+');
                else if (!first)
                    fcc__buf_putc(out, ',');
                fcc__buf_puts(out, kinds[k].label);
                fcc__buf_putc(out, '=');
                add_escaped(out, fcc_bytes_of(value, (size_t)len));
                first = first_of_kind = false;
            }
            if (len >= 0)
                OPENSSL_free(value);
            i = next;
        }
    }
}

fcc_status fcc__identity_units(fcc__arena *arena, X509 *cert, fcc__identity *out, fcc_error *error)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int count = X509_NAME_entry_count(name);
    fcc_bytes *units = fcc__arena_zalloc(arena, count > 0 ? (size_t)count : 0, sizeof(*units));
    size_t n = 0;

    if (!units)
        return fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
    for (int i = X509_NAME_get_index_by_NID(name, NID_organizationalUnitName, -1); i >= 0;
         i = X509_NAME_get_index_by_NID(name, NID_organizationalUnitName, i)) {
        unsigned char *value = NULL;
        int len = value_at(name, i, &value);
        bool copied;

        if (len < 0)
            continue;
        copied = fcc__arena_copy(arena, fcc_bytes_of(value, (size_t)len), &units[n++]);
        OPENSSL_free(value);
        if (!copied)
            return fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
    }
    out->units = units;
    out->unit_count = n;
    return FCC_OK;
}
