/*
 * private.c: the devnet's database, table by table: who has which collection, and what of a purge is left. The members
 * are written here once more, by hand from the specification, not read from any collections.json.
 */
#include "scan.h"

#include "ledger/store.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *chaincode, *collection;
    const char *members[8];
} collections[] = {
    { "credentials", "kyc", { "HospitalMSP", "ClinicMSP" } },
    { "credentials", "who", { "HospitalMSP", "ClinicMSP", "PharmacyMSP" } },
    { "consent", "subject", { "HospitalMSP", "ClinicMSP" } },
    { "consent", "emergency", { "HospitalMSP", "ClinicMSP", "RegulatorMSP", "InspectorMSP" } },
    { "ehr", "subject", { "HospitalMSP", "ClinicMSP" } },
    { "ehr", "audit", { "HospitalMSP", "ClinicMSP", "RegulatorMSP", "InspectorMSP" } },
    { "appointments", "subject", { "HospitalMSP", "ClinicMSP" } },
    { "ehr", "emergency", { "HospitalMSP", "ClinicMSP", "RegulatorMSP", "InspectorMSP" } },
    { "prescriptions", "rx", { "HospitalMSP", "ClinicMSP", "PharmacyMSP" } },
    { "supply",
      "packs",
      { "ManufacturerMSP", "DistributorMSP", "PharmacyMSP", "HospitalMSP", "ClinicMSP", "RegulatorMSP",
        "InspectorMSP" } },
    { "supply", "tradeMD", { "ManufacturerMSP", "DistributorMSP" } },
    { "supply", "tradeDP", { "DistributorMSP", "PharmacyMSP" } },
};

/* The three names that a key begins with, each ended by 0. */
typedef struct place {
    const char *org, *chaincode, *collection;
} place;

static bool is(fcc_bytes have, const char *want)
{
    return have.len == strlen(want) && memcmp(have.data, want, have.len) == 0;
}

static bool until_zero(fcc_bytes *from, fcc_bytes *out)
{
    const uint8_t *end = from->len ? memchr(from->data, 0, from->len) : NULL;

    if (!end)
        return false;
    *out = fcc_bytes_of(from->data, (size_t)(end - from->data));
    *from = fcc_bytes_of(end + 1, from->len - out->len - 1);
    return true;
}

static bool may_have(fcc_bytes org, fcc_bytes chaincode, fcc_bytes collection)
{
    static const char implicit[] = "_implicit_org_";
    const size_t n = sizeof(implicit) - 1;

    if (collection.len > n && memcmp(collection.data, implicit, n) == 0)
        return fcc_bytes_equal(fcc_bytes_of(collection.data + n, collection.len - n), org);
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++)
        if (is(chaincode, collections[i].chaincode) && is(collection, collections[i].collection))
            for (size_t k = 0; collections[i].members[k]; k++)
                if (is(org, collections[i].members[k]))
                    return true;
    return false;
}

/* MSPID 0 chaincode 0 collection 0 ... */
static bool private_is_right(fcc_bytes key)
{
    fcc_bytes org, chaincode, collection;

    return until_zero(&key, &org) && until_zero(&key, &chaincode) && until_zero(&key, &collection) &&
           may_have(org, chaincode, collection);
}

/* 'd' block MSPID 0 transaction chaincode 0 collection; 'i' is an index of hashes */
static bool writeset_is_right(fcc_bytes key)
{
    fcc_bytes org, chaincode;

    if (key.len > 9 && key.data[0] == 'i')
        return true;
    if (key.len <= 9 || key.data[0] != 'd')
        return false;
    key = fcc_bytes_of(key.data + 9, key.len - 9);
    if (!until_zero(&key, &org) || key.len <= 8)
        return false;
    key = fcc_bytes_of(key.data + 8, key.len - 8);
    return until_zero(&key, &chaincode) && may_have(org, chaincode, key);
}

typedef struct tally {
    size_t entries, astray, words, names, purged;
} tally;

static fcc_status walk(const ledger__store *store, MDB_txn *txn, ledger__table table, const words *w, tally *t)
{
    ledger__cursor c;
    fcc_status st = ledger__cursor_open(store, txn, table, fcc_bytes_of(NULL, 0), &c);

    for (; st == FCC_OK && c.key.data; st = ledger__cursor_next(&c)) {
        t->entries++;
        t->astray += table == LEDGER__PRIVATE     ? !private_is_right(c.key)
                     : table == LEDGER__WRITESETS ? !writeset_is_right(c.key)
                                                  : 0;
        t->words += words_find(w, c.key, NULL) + words_find(w, c.value, NULL);
        t->names += words_find_kind(w, c.value, "name");
        t->purged += words_find_kind(w, c.key, "purged") + words_find_kind(w, c.value, "purged");
    }
    ledger__cursor_close(&c);
    return st;
}

void private_check(const words *w, const char *dir)
{
    static const char *const names[LEDGER__TABLES] = {
        [LEDGER__STATE] = "state",
        [LEDGER__PRIVATE] = "private data",
        [LEDGER__HISTORY] = "history",
        [LEDGER__TXS] = "ids",
        [LEDGER__BLOCKS] = "places of blocks",
        [LEDGER__META] = "savepoint",
        [LEDGER__EXPIRY] = "expiry",
        [LEDGER__TRANSIENT] = "transient store",
        [LEDGER__WRITESETS] = "private write sets",
        [LEDGER__CHAINS] = "history's versions",
        [LEDGER__HEADS] = "history's beginnings",
    };
    static const char stray[] = "InsurerMSP\0ehr\0subject\0kREC", own[] = "HospitalMSP\0ehr\0subject\0kREC";
    ledger__store store = { 0 };
    MDB_txn *txn = NULL;
    fcc_error error = { 0 };
    char path[4096];
    tally all[LEDGER__TABLES] = { 0 };
    size_t purged = 0, astray = 0;
    fcc_status st;

    snprintf(path, sizeof(path), "%s/ledger/state", dir);
    st = ledger__store_open(&store, path, true, &error);
    if (st == FCC_OK)
        st = ledger__begin(&store, false, &txn);
    for (int i = 0; st == FCC_OK && i < LEDGER__TABLES; i++)
        st = walk(&store, txn, (ledger__table)i, w, &all[i]);
    if (txn)
        mdb_txn_abort(txn);
    ledger__store_close(&store);
    if (!scan_check(st == FCC_OK, "the database is read: %s", path)) {
        printf("# %s\n", error.text);
        return;
    }
    for (int i = 0; i < LEDGER__TABLES; i++) {
        const bool is_private = i == LEDGER__PRIVATE || i == LEDGER__WRITESETS || i == LEDGER__TRANSIENT;

        if (!is_private)
            scan_check(all[i].words == 0, "%s: nothing of it (%zu entries)", names[i], all[i].entries);
        purged += all[i].purged;
        astray += all[i].astray;
    }
    scan_check(all[LEDGER__PRIVATE].names > 0 && all[LEDGER__WRITESETS].names > 0,
               "members have patients' names, and the scan sees them (%zu of %zu entries)", all[LEDGER__PRIVATE].names,
               all[LEDGER__PRIVATE].entries);
    scan_check(astray == 0, "nobody has private data of a collection that isn't theirs (%zu entries, %zu write sets)",
               all[LEDGER__PRIVATE].entries, all[LEDGER__WRITESETS].entries);
    scan_check(!private_is_right(fcc_bytes_of(stray, sizeof(stray) - 1)) &&
                   private_is_right(fcc_bytes_of(own, sizeof(own) - 1)),
               "which the scan would see");
    scan_check(purged == 0,
               "of what was purged nothing is left: state, private data, write sets, transient store, history");
    for (int i = 0; i < LEDGER__TABLES; i++)
        if (all[i].purged)
            printf("# purged, in %s: %zu\n", names[i], all[i].purged);
}
