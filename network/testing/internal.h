/*
 * internal.h: what the files of network/testing share: the process's keys and certificates, one test's channel, the
 * messages between its chaincodes and peers, and its transactions.
 */
#ifndef NETWORK_TESTING_INTERNAL_H
#define NETWORK_TESTING_INTERNAL_H

#include <fcc/test.h>

#include "base/buf.h"
#include "core/session.h"
#include "ledger/ledger.h"
#include "msp/msp.h"
#include "peer/host.h"

#include <openssl/evp.h>

enum { TESTING_MAX_ORGS = 16 };

/* The test is wrong, or memory has run out: say why, and abort. */
_Noreturn void testing_die(const char *format, ...) FCC_PRINTF(1, 2);
/* For what can only fail so. */
void testing_must(fcc_status st, const fcc_error *error, const char *what);
void *testing_memory(void *p);

/* ---- keys.c -------------------------------------------------------------------------------------------------------- */

/* The key of this name among those of a kind, the same in every process. The caller's. */
EVP_PKEY *testing_key(const char *kind, const char *name);

/* ---- consortium.c: kept until the process ends --------------------------------------------------------------------- */

typedef struct testing_consortium testing_consortium;

/* The one with these organisations, in this order. NULL: the two usual ones. */
testing_consortium *testing_consortium_get(const char *const *msp_ids);
size_t testing_org_count(const testing_consortium *c);
const char *const *testing_org_names(const testing_consortium *c);
/* Made at the first call for it. */
const msp_signer *testing_org_peer(testing_consortium *c, size_t org);
const msp_signer *testing_orderer(const testing_consortium *c);
fcc_bytes testing_genesis(const testing_consortium *c);
/* What it configures: read once, with the identities that its members turn out to have. */
const msp_channel *testing_channel(const testing_consortium *c);
/* Made at the first call for such an identity. */
const msp_signer *testing_identity(testing_consortium *c, const fcc_test_identity *identity);

/* ---- world.c ------------------------------------------------------------------------------------------------------- */

typedef struct testing_chaincode {
    struct testing_chaincode *next;
    const char *name;
    const char *package_id;
    const fcc_chaincode *functions;
    ledger_definition definition;
    unsigned orgs; /* a bit for each organisation that runs it */
} testing_chaincode;

/* One chaincode's stream at one peer. */
typedef struct testing_link {
    struct testing_link *next;
    fcc_test *t;
    const testing_chaincode *chaincode;
    size_t org;
    fcc__session *session; /* the chaincode's side */
    peer_session *peer;
} testing_link;

typedef struct testing_message testing_message;

/* A transaction that has been endorsed. */
typedef struct testing_tx {
    struct testing_tx *next;
    fcc_test_result result;
    const char *function;
    const char *endorsers; /* MSP ids */
    const msp_signer *caller;
    fcc_bytes envelope;
    fcc_bytes rwset;
    uint64_t block; /* once it is committed */
    size_t index;
} testing_tx;

/* A key of a private collection that some chaincode has named: to be shown where the ledger knows its hash. */
typedef struct testing_plain {
    struct testing_plain *next;
    fcc_bytes key;
} testing_plain;

typedef struct testing_entry {
    struct testing_entry *next;
    fcc_bytes name, value;
} testing_entry;

struct fcc_test {
    fcc__arena *arena;
    fcc__arena *scratch; /* for as long as one message is looked at */
    testing_consortium *consortium;
    ledger *ledger;
    peer_host *hosts[TESTING_MAX_ORGS]; /* NULL until it is asked for: most cases need two of them */
    testing_chaincode *chaincodes;
    testing_link *links;
    testing_message *first, **last; /* on their way */
    int64_t now;
    uint64_t nonce;
    const msp_signer *caller;
    testing_entry *transient; /* of the next call */
    unsigned at;              /* organisations that it is sent to; 0: as usual */
    size_t traced;            /* the organisation whose messages are traced */
    fcc__buf trace;
    testing_plain *plain;
    testing_tx *waiting, **waiting_end;
    testing_tx *committed;  /* newest first */
    fcc__buf public_writes; /* keys and values, each with a terminator */
};

/* With a ledger like one of these, or an empty one when both are NULL; without a caller. */
fcc_test *testing_begin(testing_consortium *consortium, const ledger *copy_of, const ledger_image *image);
/*
 * What one case frees the next one takes again: it stays with the process. What LMDB wants for each ledger, megabytes of zeros
 * of which it uses little, comes from the system and is not cleared by hand.
 */
void testing_keep_memory(void);
size_t testing_org(const fcc_test *t, const char *msp_id);
/* With all chaincodes of the organisation. */
peer_host *testing_peer(fcc_test *t, size_t org);
const testing_chaincode *testing_find_chaincode(const fcc_test *t, fcc_bytes name);
/* Deliver all messages, and those that come of them. */
void testing_pump(fcc_test *t);
const char *testing_text(fcc_test *t, fcc_bytes bytes);

/* ---- trace.c, why.c ------------------------------------------------------------------------------------------------ */

/* Add what a chaincode's message asks for to t->trace. */
void testing_trace(fcc_test *t, const testing_link *link, fcc_bytes message);
/* Why a transaction is not valid; it and all before it are committed. */
const char *testing_why(fcc_test *t, const testing_tx *tx, const ledger_committed *block);

#endif
