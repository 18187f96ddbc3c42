/*
 * fcc/test.h: unit tests for chaincodes on a real ledger, in memory: no network, no process, no thread.
 *
 *     fcc_test *t = fcc_test_new(NULL);
 *     fcc_test_chaincode greeting = { "greeting", &greeting_chaincode, NULL, NULL, NULL };
 *     fcc_test_result r;
 *
 *     fcc_test_install(t, &greeting);
 *     r = fcc_test_submit(t, "greeting", "Set", "bob", "hello", FCC_END);
 *     assert_int_equal(r.code, FCC_TEST_VALID);
 *     r = fcc_test_evaluate(t, "greeting", "Get", "bob", FCC_END);
 *     assert_string_equal(r.payload, "hello");
 *     fcc_test_free(t);
 *
 * What runs is what runs in production: the shim's session and stub, an independent peer's side of the stream, signed
 * proposals, endorsement by each organisation's own key, and the ledger with policies, read conflicts, phantoms,
 * history, events, chaincode-to-chaincode calls and private data collections. Only gRPC is left out: messages are
 * handed over as bytes.
 *
 * What to know before the first line:
 * - Each organisation has one peer, which runs every chaincode that is installed there. They share this process: static
 *   variables of a chaincode are common to all of them, and a crash or an endless loop is the test's.
 * - All strings and bytes that a call gives are borrowed until fcc_test_free. Everything passed in is copied, apart from
 *   the fcc_chaincode of fcc_test_install.
 * - A mistake of the test itself (an unknown organisation or chaincode, a policy that can't be read, no memory) prints
 *   its reason on standard error and ends the program by abort().
 * - Keys and certificates are made once in a process and kept, so that only the first test pays for them. A new channel
 *   costs about 0.2 ms, a query 0.03 ms, a transaction with two endorsements 0.1 ms, and what the chaincode does.
 * - Not thread-safe.
 *
 * A guide with more of it: docs/testing-chaincode.md. Test: test/unit/network/testing/
 */
#ifndef FCC_TEST_H
#define FCC_TEST_H

#include <fcc/chaincode.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends every list of arguments. */
#define FCC_END ((const char *)0)

/* ---- a channel and its chaincodes ---- */

typedef struct fcc_test fcc_test;

/*
 * A channel with these organisations and an empty ledger.
 *
 * @param msp_ids  ends with NULL; at most 16. NULL: "Org1MSP" and "Org2MSP", so that what depends on anything but the
 *                 ledger shows as two endorsements that differ
 *
 * Cost: about 3 ms the first time in a process, 0.5 ms more for each organisation beyond two, then 0.2 ms. What is freed
 * stays with the process (mallopt: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD).
 */
FCC_API FCC_MUST_CHECK fcc_test *fcc_test_new(const char *const *msp_ids);
/*
 * Another channel like this one: its organisations, chaincodes, ledger, clock and caller, and nothing of what is set for
 * its next call alone. From then on neither knows of the other, and each is freed by itself. For tests that all begin with
 * the same state: make it once, and give each a copy. Nothing may wait for fcc_test_commit.
 *
 * Cost: about 0.25 ms, however the state was made.
 */
FCC_API FCC_MUST_CHECK fcc_test *fcc_test_copy(const fcc_test *t);
FCC_API void fcc_test_free(fcc_test *t); /* takes NULL */
/*
 * What a channel's ledger and clock are, for fcc_test_restore in another process: state that takes many calls to make can be
 * made by a program of the build, and all test programs begin with it. Nothing may wait for fcc_test_commit. Good for the
 * same build and machine: it holds LMDB's pages as they are. Borrowed until fcc_test_free.
 */
FCC_API FCC_MUST_CHECK fcc_bytes fcc_test_save(fcc_test *t);
/*
 * As fcc_test_new, but with what fcc_test_save gave for a channel of the same organisations, and without chaincodes: install
 * them again. Other bytes end the program. Cost: as of fcc_test_copy.
 */
FCC_API FCC_MUST_CHECK fcc_test *fcc_test_restore(const char *const *msp_ids, fcc_bytes saved);

typedef struct fcc_test_chaincode {
    const char *name;
    const fcc_chaincode *chaincode; /* borrowed until fcc_test_free */
    /* Who has to endorse, as in "OutOf(2, 'Org1MSP.peer', 'Org2MSP.peer')". NULL: a majority, Fabric's own default. */
    const char *policy;
    /* Path of a collections file in Fabric's format. NULL: none. */
    const char *collections;
    /* Whose peers run it; ends with NULL. NULL: all. */
    const char *const *msp_ids;
} fcc_test_chaincode;

/* Define a chaincode on the channel and start it on its peers. */
FCC_API void fcc_test_install(fcc_test *t, const fcc_test_chaincode *chaincode);

/* ---- who calls, when, with what: until changed, or for the next call only ---- */

/* Whose certificate signs. Zero is a client of the channel's first organisation without attributes. */
typedef struct fcc_test_identity {
    const char *msp_id;            /* NULL: the first organisation */
    const char *role;              /* "client" (NULL), "admin" or "peer": the OU that Fabric tells roles by */
    const char *ou;                /* one more OU of the subject; NULL: none */
    const char *name;              /* CN; NULL: "user" */
    const char *const *attributes; /* name, value, name, value, ..., NULL; NULL: no attributes */
    const char *key;               /* identities that name the same key share it; NULL: a key for this identity alone */
} fcc_test_identity;

/*
 * The following calls come from a client of `msp_id` (NULL: the first organisation) whose certificate has these
 * attributes: names and values up to FCC_END.
 *
 *     fcc_test_as(t, "Org2MSP", "role", "doctor", "uid", "d1", FCC_END);
 *
 * Cost: 0.3 ms for a certificate that this process hasn't made yet, until it has been used.
 */
FCC_API void fcc_test_as(fcc_test *t, const char *msp_id, ...);
/* The same for any identity. */
FCC_API void fcc_test_as_identity(fcc_test *t, const fcc_test_identity *identity);
/*
 * SHA-256 of the public key of this name, 64 lower-case hexadecimal digits; a name's key is the same in every process.
 * Borrowed until the process ends.
 */
FCC_API const char *fcc_test_fingerprint(const char *key);

/*
 * The channel's clock: proposals carry this time, in seconds since 1970, and peers take it for theirs. It stands still
 * at 2026-01-01T00:00:00Z until it is set. Only the channel's: what a chaincode asks the machine is not touched.
 */
FCC_API void fcc_test_set_time(fcc_test *t, int64_t seconds);
FCC_API int64_t fcc_test_time(const fcc_test *t);

/* An entry of the next call's transient map. */
FCC_API void fcc_test_transient(fcc_test *t, const char *name, fcc_bytes value);

/*
 * The next call is sent to the peers of these organisations, up to FCC_END. Without it, a query goes to the caller's own
 * peer, and to the first that runs the chaincode where that one doesn't; a transaction to the smallest set of peers,
 * with the caller's own if possible, that satisfies the policies of all it touches.
 */
FCC_API void fcc_test_at(fcc_test *t, const char *msp_id, ...);

/* ---- calling ---- */

enum {
    FCC_TEST_NONE = -1, /* in no block: a query, a refusal, or waiting for fcc_test_commit */
    /* Some of protos.TxValidationCode; all may occur. */
    FCC_TEST_VALID = 0,
    FCC_TEST_ENDORSEMENT_POLICY_FAILURE = 10,
    FCC_TEST_MVCC_READ_CONFLICT = 11,
    FCC_TEST_PHANTOM_READ_CONFLICT = 12
};

/* Strings are never NULL; "" where there is nothing. */
typedef struct fcc_test_result {
    /* Of the chaincode's response; 500 also when a peer refused or endorsements differ, with `message` saying why. */
    int32_t status;
    const char *message;
    const char *payload; /* has a terminator behind payload_len */
    size_t payload_len;
    const char *event; /* its name */
    const char *event_payload;
    size_t event_payload_len;
    const char *tx_id;
    /* What the commit decided; the name of that code; and for one that is not valid what it ran into: the key, both
     * transactions, or who had endorsed. */
    int code;
    const char *code_name;
    const char *why;
    /* What it asked of the first peer, in order, a line a key: "greeting get Org1Keys ~bob\n". Words: get, hash, put,
     * del, purge, range, query, history, metadata, call. Public state has collection "-"; U+0000 is shown as "~". */
    const char *trace;
} fcc_test_result;

/* A query: one peer answers, nothing is ordered. Arguments up to FCC_END. */
FCC_API fcc_test_result fcc_test_evaluate(fcc_test *t, const char *chaincode, const char *function, ...);
/* A transaction: endorsed, ordered into a block of its own, validated, committed. */
FCC_API fcc_test_result fcc_test_submit(fcc_test *t, const char *chaincode, const char *function, ...);
/*
 * A transaction that is endorsed and waits: calls after it don't see what it writes, and fcc_test_submit overtakes it.
 * One that is refused doesn't wait.
 */
FCC_API fcc_test_result fcc_test_endorse(fcc_test *t, const char *chaincode, const char *function, ...);

typedef enum fcc_test_how { FCC_TEST_EVALUATE, FCC_TEST_SUBMIT, FCC_TEST_ENDORSE } fcc_test_how;

/* One of the three, for arguments of any bytes; `args` include the function's name. */
FCC_API fcc_test_result fcc_test_call(fcc_test *t, fcc_test_how how, const char *chaincode, const fcc_bytes *args,
                                      size_t count);

typedef struct fcc_test_block {
    uint64_t number;
    const fcc_test_result *tx; /* as fcc_test_endorse gave them, now with code and why */
    size_t count;
} fcc_test_block;

/* Order all that wait into one block, in the order in which they were endorsed. Without any, no block is made. */
FCC_API fcc_test_block fcc_test_commit(fcc_test *t);

/* ---- looking at the ledger ---- */

/* A composite key: object type and attributes up to FCC_END. */
FCC_API fcc_bytes fcc_test_key(fcc_test *t, const char *object_type, ...);
/* The committed value, with a terminator behind it; {NULL, 0} when the key doesn't exist. */
FCC_API fcc_bytes fcc_test_state(fcc_test *t, const char *chaincode, fcc_bytes key);
/* A private value as this organisation's peer has it; {NULL, 0} also when it may not have it. */
FCC_API fcc_bytes fcc_test_private(fcc_test *t, const char *msp_id, const char *chaincode, const char *collection,
                                   fcc_bytes key);
/* Whether `text` is part of any key or value that was ever written to public state, by any chaincode. */
FCC_API bool fcc_test_public_has(const fcc_test *t, const char *text);

#ifdef __cplusplus
}
#endif
#endif
