/*
 * alter DIR MSP:RXID: what nobody should be able to do: in the database of a devnet that is down, this organisation's copy
 * of a prescription gets one unit more in its first item, or, when it has it already, one less again.
 */
#include "ledger/store.h"

#include <stdio.h>
#include <string.h>

static const char *const amounts[] = { "\"auth\":60,", "\"auth\":61," };

/* Where a text is in a value; NULL when it isn't. */
static char *in_value(char *value, size_t len, const char *text)
{
    return memmem(value, len, text, strlen(text));
}

/* The organisation's RX~rxId in the table of private data; changes it. */
static fcc_status alter(ledger__store *store, MDB_txn *txn, const char *org, const char *id, bool *found)
{
    char prefix[256], value[65536], key[512];
    int n = snprintf(prefix, sizeof(prefix), "%s%cprescriptions%crx%c", org, 0, 0, 0);
    ledger__cursor c;
    fcc_status st = ledger__cursor_open(store, txn, LEDGER__PRIVATE, fcc_bytes_of(prefix, (size_t)n), &c);
    size_t len = 0, key_len = 0;

    for (; st == FCC_OK && c.key.data && !*found; st = ledger__cursor_next(&c)) {
        static const char type[] = "\0RX";

        if (c.key.len < (size_t)n || memcmp(c.key.data, prefix, (size_t)n) != 0)
            break;
        if (c.value.len > sizeof(value) || !memmem(c.key.data, c.key.len, type, sizeof(type)) ||
            !memmem(c.key.data, c.key.len, id, strlen(id)))
            continue;
        memcpy(value, c.value.data, c.value.len);
        len = c.value.len;
        for (int i = 0; i < 2 && !*found; i++) {
            char *at = in_value(value, len, amounts[i]);

            if (at) {
                memcpy(at, amounts[1 - i], strlen(amounts[0]));
                *found = true;
            }
        }
        if (*found && c.key.len <= sizeof(key)) {
            memcpy(key, c.key.data, c.key.len);
            key_len = c.key.len;
            break;
        }
    }
    ledger__cursor_close(&c);
    if (st == FCC_OK && *found)
        st = ledger__put(store, txn, LEDGER__PRIVATE, fcc_bytes_of(key, key_len), fcc_bytes_of(value, len));
    return st;
}

int main(int argc, char **argv)
{
    ledger__store store = { 0 };
    MDB_txn *txn = NULL;
    fcc_error error = { 0 };
    char path[4096], org[64];
    const char *colon = argc == 3 ? strchr(argv[2], ':') : NULL;
    bool found = false;
    fcc_status st;

    if (!colon || (size_t)(colon - argv[2]) >= sizeof(org)) {
        fputs("usage: alter DIR MSP:RXID\n", stderr);
        return 2;
    }
    snprintf(org, sizeof(org), "%.*s", (int)(colon - argv[2]), argv[2]);
    snprintf(path, sizeof(path), "%s/ledger/state", argv[1]);
    st = ledger__store_open(&store, path, false, &error);
    if (st == FCC_OK)
        st = ledger__begin(&store, true, &txn);
    if (st == FCC_OK)
        st = alter(&store, txn, org, colon + 1, &found);
    if (txn && st == FCC_OK && found)
        st = ledger__commit_txn(txn);
    else if (txn)
        mdb_txn_abort(txn);
    ledger__store_close(&store);
    if (st != FCC_OK || !found)
        fprintf(stderr, "%s: %s\n", path, st != FCC_OK ? error.text : "there is no such prescription");
    return st != FCC_OK || !found;
}
