/*
 * transaction.h: one transaction of a block, taken apart as far as it could be, and its read-write set.
 */
#ifndef NETWORK_LEDGER_TRANSACTION_H
#define NETWORK_LEDGER_TRANSACTION_H

#include "ledger/ledger.h"

#include "common/common.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

#define LEDGER__LIFECYCLE "_lifecycle"
#define LEDGER__IMPLICIT "_implicit_org_"

typedef struct ledger__collection_rwset {
    fcc_bytes name;
    Kvrwset__HashedRWSet *set;
    fcc_bytes private_hash;
} ledger__collection_rwset;

typedef struct ledger__ns_rwset {
    fcc_bytes name;
    Kvrwset__KVRWSet *set;
    ledger__collection_rwset *collections;
    size_t count;
} ledger__ns_rwset;

typedef struct ledger__rwset {
    ledger__ns_rwset *namespaces;
    size_t count;
} ledger__rwset;

/* FCC_ERR_PROTO. */
fcc_status ledger__rwset_unpack(fcc_bytes bytes, fcc__arena *arena, ledger__rwset *out) FCC_MUST_CHECK;
/* Public or hashed writes, or metadata? */
bool ledger__ns_writes(const ledger__ns_rwset *ns);

/* What is NULL could not be read. */
typedef struct ledger__transaction {
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *channel_header;
    Common__SignatureHeader *signature_header;
    fcc_bytes txid; /* the header's; computed for a header without one */
    Protos__Transaction *transaction;
    Protos__ChaincodeActionPayload *action_payload; /* of the first action */
    Protos__ProposalResponsePayload *response_payload;
    Protos__ChaincodeAction *action;
} ledger__transaction;

/* As far as it goes; FCC_ERR_LIMIT is the only failure. */
fcc_status ledger__transaction_unpack(fcc_bytes envelope, fcc__arena *arena, ledger__transaction *out) FCC_MUST_CHECK;
/* Lower hex of SHA-256(nonce || creator); {NULL, 0} past the arena's cap. */
fcc_bytes ledger__txid(fcc_bytes nonce, fcc_bytes creator, fcc__arena *arena);

#endif
