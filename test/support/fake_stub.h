/*
 * fake_stub.h: a small ledger in memory behind the calls of fcc/chaincode.h, for the chaincodes' unit tests.
 *
 * Linked in place of libfcc. It keeps public state, private collections and history, shows reads as of the last commit,
 * lets chaincodes call each other, and refuses ranges over private data in a call that writes. No peers, no policies.
 */
#ifndef TEST_SUPPORT_FAKE_STUB_H
#define TEST_SUPPORT_FAKE_STUB_H

#include <fcc/chaincode.h>

typedef struct fake_result {
    int32_t status;
    const char *message; /* C strings, until the next call */
    const char *payload;
    const char *event; /* its name, "" without one */
    const char *event_payload;
    /* what was read and written, in order: "R collection key;" and "W collection key;" with ~ for U+0000 */
    const char *trace;
} fake_result;

/* An empty ledger without chaincodes, at epoch second `now`. */
void fake_reset(int64_t now);
void fake_install(const char *name, const fcc_chaincode *chaincode);
void fake_set_now(int64_t now);
int64_t fake_now(void);

/* The next calls come from here. Attributes may be NULL; the key's fingerprint is 32 times the byte `key`. */
void fake_caller(const char *msp, const char *role, const char *uid, const char *site, uint8_t key);
/* The transient value `in` of the next call only; NULL for none. */
void fake_in(const char *text);
void fake_in_bytes(const void *data, size_t len);

/* Call with arguments up to NULL. A call that is answered below 400 commits; a query never does. */
fake_result fake_invoke(const char *chaincode, const char *function, ...);
fake_result fake_query(const char *chaincode, const char *function, ...);

/* A value as committed, NULL when absent; key parts are joined as in the trace: "~REC~pid~id~". */
const char *fake_value(const char *chaincode, const char *collection, const char *key);
/* Whether any key or value of public state contains this text. */
bool fake_public_has(const char *text);

#endif
