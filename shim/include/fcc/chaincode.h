/*
 * fcc/chaincode.h: Hyperledger Fabric chaincode in C.
 *
 * A chaincode is one executable: a table of functions and FCC_MAIN. A function gets a stub and its arguments, reads
 * and writes the ledger through the stub, and answers with fcc_reply or by returning a status.
 *
 *     static fcc_status set_greeting(fcc_stub *stub, fcc_args args)
 *     {
 *         return fcc_put_state(stub, args.v[0], args.v[1]);
 *     }
 *     static const fcc_function functions[] = { { "Set", set_greeting, 2 } };
 *     FCC_MAIN(functions)
 *
 * What to know before the first line:
 * - A function reads like blocking code. It runs on a coroutine: a stub call may let other transactions run, and come
 *   back on another thread, so nothing thread-local (errno, OpenSSL's error queue, the locale) and no lock may live
 *   across one. The stack is 256 KiB; large data belongs on the heap or in fcc_alloc.
 * - A function that computes for more than about half a millisecond goes on beside the others, on a thread of its own.
 *   So what several transactions share (static variables) must be constant, or atomic, or behind a lock.
 * - A transaction has 25 s (CHAINCODE_HANDLER_BUDGET_MS). Then it is answered with ERROR, and its calls return
 *   FCC_ERR_TIMEOUT.
 * - Everything a stub call returns is borrowed until the function returns. Everything passed in is copied.
 * - Reads see the state as committed: not what this transaction wrote.
 * - Fabric knows no empty value: a missing key reads as len 0, and writing an empty value is a delete.
 * - Keys, collections, event names and messages must be valid UTF-8, because Fabric's peers refuse anything else;
 *   they may contain 0x00. Values may be any bytes.
 * - No clock, random number, float formatting or locale in anything that is written or answered: every endorsing
 *   peer must compute the same bytes.
 *
 * FCC_ERR_NOMEM and FCC_ERR_LIMIT (the transaction's memory cap) can come from any call and are not repeated below.
 * After a failed stub call fcc_error_text tells the reason; returning that status answers 500 with this text.
 * Source of behaviour: fabric-chaincode-go v2.3.0, shim/interfaces.go and shim/stub.go.
 */
#ifndef FCC_CHAINCODE_H
#define FCC_CHAINCODE_H

#include <fcc/bytes.h>
#include <fcc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a chaincode and its functions ---- */

/* One running transaction. Valid until the function returns; one call at a time. */
typedef struct fcc_stub fcc_stub;

/* The arguments behind the function's name. Any bytes; borrowed until the function returns. */
typedef struct fcc_args {
    const fcc_bytes *v;
    size_t n;
} fcc_args;

/*
 * FCC_OK answers what fcc_reply or fcc_reply_status set, or 200 without payload. Any other status answers
 * 500 with fcc_error_text, unless fcc_reply_status set a response of 400 or more before.
 */
typedef fcc_status (*fcc_handler)(fcc_stub *stub, fcc_args args);

enum { FCC_ANY_ARGS = -1 };

typedef struct fcc_function {
    const char *name;
    fcc_handler handler;
    int args; /* exactly so many, or FCC_ANY_ARGS; checked before the handler runs */
} fcc_function;

typedef struct fcc_chaincode {
    const fcc_function *functions;
    size_t count;
    /* Optional. Runs on INIT; NULL answers 200. `args` are all arguments, the function's name included. */
    fcc_handler init;
    /* Optional. Runs before each function; a status other than FCC_OK ends the transaction. */
    fcc_handler before;
    /*
     * Optional. Answers calls that no function takes: unknown name, or wrong number of arguments. `args` are all
     * arguments, the name included. NULL answers 500 "unknown function NAME", or 500 "NAME takes 2 arguments, got 3".
     */
    fcc_handler refuse;
} fcc_chaincode;

/*
 * Serve `chaincode` as its environment says, until SIGTERM or SIGINT.
 *
 * Server mode: CHAINCODE_SERVER_ADDRESS (host:port) and CHAINCODE_ID or CORE_CHAINCODE_ID_NAME (the package id);
 * CHAINCODE_TLS_DISABLED ("true" unless set), CHAINCODE_TLS_KEY, CHAINCODE_TLS_CERT (PEM files), CHAINCODE_CLIENT_CA_CERT
 * (PEM file: clients must then show a certificate of it). One process serves any number of peers.
 *
 * @return what main returns: 0 after a signal, 1 with a line on standard error that names what is missing.
 */
FCC_API int fcc_main(int argc, char **argv, const fcc_chaincode *chaincode);

/*
 * The organisation of the peer that runs this chaincode: CORE_PEER_LOCALMSPID (Go: shim.GetMSPID).
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  it is not set: peers set it for what they launch, operators for what they connect to
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_peer_msp_id(fcc_bytes *out, fcc_error *error);

/* A main for a table of functions (an array, not a pointer). */
#define FCC_MAIN(table)                                                                        \
    int main(int argc, char **argv)                                                            \
    {                                                                                          \
        const fcc_chaincode fcc_self = { table, sizeof(table) / sizeof((table)[0]), 0, 0, 0 }; \
        return fcc_main(argc, argv, &fcc_self);                                                \
    }

/* ---- answering ---- */

/* Answer 200 with this payload. The last reply counts. */
FCC_API fcc_status fcc_reply(fcc_stub *stub, fcc_bytes payload);

/*
 * Answer exactly this. A status of 400 or more keeps the peer from endorsing, so nothing is written.
 *
 * @return FCC_OK       the response is set (whatever its status)
 *         FCC_ERR_ARG  message is not UTF-8
 */
FCC_API fcc_status fcc_reply_status(fcc_stub *stub, int32_t status, fcc_bytes message, fcc_bytes payload);

/* Keep a reason on the stub and return `status`: `return fcc_fail(stub, FCC_ERR_APP, "no greeting for ...")`. */
FCC_API fcc_status fcc_fail(fcc_stub *stub, fcc_status status, const char *format, ...) FCC_PRINTF(3, 4);

/* The reason of the last failure, a peer's words verbatim. Empty when nothing failed. Borrowed until the next failure. */
FCC_API fcc_bytes fcc_error_text(const fcc_stub *stub);

/*
 * Memory that is freed when the function returns; NULL past the transaction's cap. 16-byte aligned, not zeroed. Large
 * values that lie here, or in what the peer sent, are put without a copy.
 */
FCC_API void *fcc_alloc(fcc_stub *stub, size_t size) FCC_MUST_CHECK;

/* ---- the call ---- */

/* The function's name (the first argument), empty without arguments. */
FCC_API fcc_bytes fcc_function_name(const fcc_stub *stub);
/* All arguments, the name included (Go: GetArgs). */
FCC_API fcc_args fcc_all_args(const fcc_stub *stub);
FCC_API fcc_bytes fcc_tx_id(const fcc_stub *stub);
FCC_API fcc_bytes fcc_channel_id(const fcc_stub *stub);

/* The client's time, from the channel header: equal on all peers, not true. FCC_ERR_ARG when the header has none. */
FCC_API FCC_MUST_CHECK fcc_status fcc_tx_timestamp(fcc_stub *stub, int64_t *seconds, int32_t *nanos);

/* One value of the transient map; {NULL, 0} when the name is not there. */
FCC_API fcc_bytes fcc_transient(const fcc_stub *stub, fcc_bytes name);
/* All of it, sorted by name in byte order. */
FCC_API size_t fcc_transient_count(const fcc_stub *stub);
FCC_API void fcc_transient_at(const fcc_stub *stub, size_t index, fcc_bytes *name, fcc_bytes *value);
/* What peers add to the input by their decorators. */
FCC_API size_t fcc_decoration_count(const fcc_stub *stub);
FCC_API void fcc_decoration_at(const fcc_stub *stub, size_t index, fcc_bytes *name, fcc_bytes *value);

/* The signed proposal as the client sent it (Go: GetSignedProposal). Both empty when the peer sent none. */
FCC_API void fcc_signed_proposal(const fcc_stub *stub, fcc_bytes *proposal, fcc_bytes *signature);
/* The chaincode that the client itself called, from the proposal's header: not this one when called by another. */
FCC_API fcc_bytes fcc_outermost_chaincode(const fcc_stub *stub);
/* SHA-256 of nonce, creator and epoch (Go: GetBinding). Empty without a proposal. */
FCC_API fcc_bytes fcc_binding(const fcc_stub *stub);

/* ---- the caller ---- */

/* The serialized identity that signed the proposal (Go: GetCreator). */
FCC_API fcc_bytes fcc_creator(const fcc_stub *stub);
/* Its organisation (Go: cid.GetMSPID). FCC_ERR_PROTO when the creator cannot be read. */
FCC_API FCC_MUST_CHECK fcc_status fcc_client_msp_id(fcc_stub *stub, fcc_bytes *out);
/* base64 of "x509::SUBJECT::ISSUER" in Go's spelling of names (Go: cid.GetID). FCC_ERR_PROTO as above. */
FCC_API FCC_MUST_CHECK fcc_status fcc_client_id(fcc_stub *stub, fcc_bytes *out);
/* The certificate in DER. FCC_ERR_PROTO as above. */
FCC_API FCC_MUST_CHECK fcc_status fcc_client_certificate(fcc_stub *stub, fcc_bytes *der);
/* SHA-256 (32 bytes) of the certificate's SubjectPublicKeyInfo. FCC_ERR_PROTO as above. */
FCC_API FCC_MUST_CHECK fcc_status fcc_client_key_fingerprint(fcc_stub *stub, fcc_bytes *out);
/*
 * An attribute of the certificate's extension 1.2.3.4.5.6.7.8.1 (Go: cid.GetAttributeValue). FCC_ERR_PROTO as above, and
 * when the extension cannot be read.
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_client_attribute(fcc_stub *stub, fcc_bytes name, fcc_bytes *value, bool *found);
/* Whether an organizational unit of the subject equals `ou` (Go: cid.HasOUValue). FCC_ERR_PROTO as above. */
FCC_API FCC_MUST_CHECK fcc_status fcc_client_has_ou(fcc_stub *stub, fcc_bytes ou, bool *has);

/* ---- public state ---- */

/*
 * Read one key, as committed.
 *
 * @param out  on FCC_OK the value; {NULL, 0} when the key does not exist
 *
 * @return FCC_OK         looked up (check out->len)
 *         FCC_ERR_ARG    key is not UTF-8; nothing was sent
 *         FCC_ERR_PEER   refused; the peer's words are in fcc_error_text
 *         FCC_ERR_PROTO  the reply was neither RESPONSE nor ERROR
 *         FCC_ERR_IO     the stream closed while waiting
 *
 * The same statuses hold for every call below that talks to the peer.
 * Cost: one round trip; other transactions run meanwhile.
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_state(fcc_stub *stub, fcc_bytes key, fcc_bytes *out);
/* Several keys at once: values[i] is that of keys[i]. One round trip where the peer offers it, else one a key. */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_multiple_states(fcc_stub *stub, const fcc_bytes *keys, size_t count,
                                                          const fcc_bytes **values);
/* FCC_ERR_ARG for an empty key. An empty value deletes. */
FCC_API FCC_MUST_CHECK fcc_status fcc_put_state(fcc_stub *stub, fcc_bytes key, fcc_bytes value);
FCC_API FCC_MUST_CHECK fcc_status fcc_del_state(fcc_stub *stub, fcc_bytes key);
/* The key's own endorsement policy: bytes of common.SignaturePolicyEnvelope, empty when it has none. */
FCC_API FCC_MUST_CHECK fcc_status fcc_set_state_validation_parameter(fcc_stub *stub, fcc_bytes key, fcc_bytes policy);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_state_validation_parameter(fcc_stub *stub, fcc_bytes key, fcc_bytes *out);

/* Collect writes and send them together, where the peer offers it; without the offer each is sent at once. */
FCC_API void fcc_start_write_batch(fcc_stub *stub);
FCC_API FCC_MUST_CHECK fcc_status fcc_finish_write_batch(fcc_stub *stub);

/* ---- iterating ---- */

typedef struct fcc_iter fcc_iter;

typedef struct fcc_kv {
    fcc_bytes ns; /* the chaincode's namespace */
    fcc_bytes key;
    fcc_bytes value;
} fcc_kv;

typedef struct fcc_key_modification {
    fcc_bytes tx_id;
    fcc_bytes value;
    int64_t seconds;
    int32_t nanos;
    bool is_delete;
} fcc_key_modification;

typedef struct fcc_page {
    int32_t fetched;
    fcc_bytes bookmark;
} fcc_page;

/* Whether fcc_iter_next has something to give. */
FCC_API bool fcc_iter_has_next(const fcc_iter *iter);
/*
 * The next element; it lives until the next call on this iterator. FCC_ERR_ARG ("no such key") behind the last.
 * Cost: a round trip once a batch of the peer's (100 elements).
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_iter_next(fcc_iter *iter, fcc_kv *out);
/* The same for fcc_get_history_for_key, FCC_ERR_ARG behind the last included. */
FCC_API FCC_MUST_CHECK fcc_status fcc_iter_next_modification(fcc_iter *iter, fcc_key_modification *out);
/*
 * Tell the peer to end the query. Iterators left open are closed when the transaction ends. Takes NULL. After an element
 * that could not be had, a failure of this leaves fcc_error_text as it is.
 */
FCC_API fcc_status fcc_iter_close(fcc_iter *iter);

/* Keys from start to before end in byte order; "" leaves a side open. Composite keys are not in any such range. */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_state_by_range(fcc_stub *stub, fcc_bytes start, fcc_bytes end,
                                                         fcc_iter **out);
/* `page_size` of them from `bookmark` on. Not in a transaction that writes. */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_state_by_range_with_pagination(fcc_stub *stub, fcc_bytes start, fcc_bytes end,
                                                                         int32_t page_size, fcc_bytes bookmark,
                                                                         fcc_iter **out, fcc_page *page);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_state_by_partial_composite_key(fcc_stub *stub, fcc_bytes object_type,
                                                                         const fcc_bytes *attributes, size_t count,
                                                                         fcc_iter **out);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_state_by_partial_composite_key_with_pagination(
    fcc_stub *stub, fcc_bytes object_type, const fcc_bytes *attributes, size_t count, int32_t page_size,
    fcc_bytes bookmark, fcc_iter **out, fcc_page *page);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_all_states_composite_key_with_pagination(fcc_stub *stub, int32_t page_size,
                                                                                   fcc_bytes bookmark, fcc_iter **out,
                                                                                   fcc_page *page);
/* Rich query (CouchDB peers). */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_query_result(fcc_stub *stub, fcc_bytes query, fcc_iter **out);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_query_result_with_pagination(fcc_stub *stub, fcc_bytes query,
                                                                       int32_t page_size, fcc_bytes bookmark,
                                                                       fcc_iter **out, fcc_page *page);
/* All committed changes of a key, newest first. Read with fcc_iter_next_modification. */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_history_for_key(fcc_stub *stub, fcc_bytes key, fcc_iter **out);

/* ---- composite keys: 0x00 type 0x00 (attribute 0x00)... ---- */

/* FCC_ERR_ARG when a part is not UTF-8 or contains U+0000 or U+10FFFF. No round trip. */
FCC_API FCC_MUST_CHECK fcc_status fcc_create_composite_key(fcc_stub *stub, fcc_bytes object_type,
                                                           const fcc_bytes *attributes, size_t count, fcc_bytes *out);
/* FCC_ERR_ARG for what is no composite key. No round trip. */
FCC_API FCC_MUST_CHECK fcc_status fcc_split_composite_key(fcc_stub *stub, fcc_bytes key, fcc_bytes *object_type,
                                                          const fcc_bytes **attributes, size_t *count);

/* ---- private data: `collection` must not be empty ---- */

FCC_API FCC_MUST_CHECK fcc_status fcc_get_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key,
                                                       fcc_bytes *out);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_multiple_private_data(fcc_stub *stub, fcc_bytes collection,
                                                                const fcc_bytes *keys, size_t count,
                                                                const fcc_bytes **values);
/* SHA-256 of the value, readable on every peer; empty when the key does not exist. */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_private_data_hash(fcc_stub *stub, fcc_bytes collection, fcc_bytes key,
                                                            fcc_bytes *out);
FCC_API FCC_MUST_CHECK fcc_status fcc_put_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key,
                                                       fcc_bytes value);
FCC_API FCC_MUST_CHECK fcc_status fcc_del_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key);
/* Delete with history. */
FCC_API FCC_MUST_CHECK fcc_status fcc_purge_private_data(fcc_stub *stub, fcc_bytes collection, fcc_bytes key);
FCC_API FCC_MUST_CHECK fcc_status fcc_set_private_data_validation_parameter(fcc_stub *stub, fcc_bytes collection,
                                                                            fcc_bytes key, fcc_bytes policy);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_private_data_validation_parameter(fcc_stub *stub, fcc_bytes collection,
                                                                            fcc_bytes key, fcc_bytes *out);
/* Only in queries: a transaction that also writes is refused by the ledger. */
FCC_API FCC_MUST_CHECK fcc_status fcc_get_private_data_by_range(fcc_stub *stub, fcc_bytes collection, fcc_bytes start,
                                                                fcc_bytes end, fcc_iter **out);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_private_data_by_partial_composite_key(fcc_stub *stub, fcc_bytes collection,
                                                                                fcc_bytes object_type,
                                                                                const fcc_bytes *attributes,
                                                                                size_t count, fcc_iter **out);
FCC_API FCC_MUST_CHECK fcc_status fcc_get_private_data_query_result(fcc_stub *stub, fcc_bytes collection,
                                                                    fcc_bytes query, fcc_iter **out);

/* ---- events and other chaincodes ---- */

/* The transaction's one event; the last call counts. FCC_ERR_ARG for an empty name or one that is not UTF-8. */
FCC_API FCC_MUST_CHECK fcc_status fcc_set_event(fcc_stub *stub, fcc_bytes name, fcc_bytes payload);

typedef struct fcc_response {
    int32_t status;
    fcc_bytes message;
    fcc_bytes payload;
} fcc_response;

/*
 * Call another chaincode in this transaction; `args` include its function's name. On the same channel its writes join
 * this transaction, also when it answers 400 or more: turn its refusal into your own. On another channel it only reads.
 *
 * @param channel  empty for this channel
 * @param out      what it answered. A failure to run it at all is status 500 with the text in payload.
 */
FCC_API FCC_MUST_CHECK fcc_status fcc_invoke_chaincode(fcc_stub *stub, fcc_bytes name, const fcc_bytes *args,
                                                       size_t count, fcc_bytes channel, fcc_response *out);

#ifdef __cplusplus
}
#endif
#endif
