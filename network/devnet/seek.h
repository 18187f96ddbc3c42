/*
 * seek.h: which blocks a SeekInfo asks for, and what each kind of listener gets of a block. No I/O: Fabric's
 * common/deliver, common/ledger/blockledger/fileledger and core/peer/deliverevents.go as plain functions.
 */
#ifndef MEDSYNC_DEVNET_SEEK_H
#define MEDSYNC_DEVNET_SEEK_H

#include "base/arena.h"

#include "common/common.pb-c.h"
#include "orderer/ab.pb-c.h"
#include "peer/events.pb-c.h"

/* One request on its way through the chain. */
typedef struct devnet_seek {
    uint64_t next;  /* block to be sent */
    uint64_t stop;  /* the last one */
    bool nowhere;   /* its start is no block of this chain */
    bool done;      /* the last one has been sent */
    bool impatient; /* FAIL_IF_NOT_READY: doesn't wait for blocks to come */
    bool headers;   /* HEADER_WITH_SIG: data only of config blocks */
} devnet_seek;

/* SUCCESS, or BAD_REQUEST for a request that says too little or ends before it starts. `height`: blocks there now. */
Common__Status devnet_seek_start(const Orderer__SeekInfo *info, uint64_t height, devnet_seek *out);

typedef enum devnet_turn {
    DEVNET_TURN_SEND, /* block seek->next, then devnet_seek_sent */
    DEVNET_TURN_WAIT, /* for the next commit */
    DEVNET_TURN_END,  /* with *status */
} devnet_turn;

devnet_turn devnet_seek_turn(const devnet_seek *seek, uint64_t height, Common__Status *status);
void devnet_seek_sent(devnet_seek *seek);

/*
 * The orderer's form of a peer's block: without the transaction filter and the commit hash, which it cannot know. In
 * the arena. FCC_ERR_PROTO.
 */
fcc_status devnet_block_as_ordered(fcc_bytes block, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;
/* Header and metadata alone; a config block stays whole. In the arena. FCC_ERR_PROTO. */
fcc_status devnet_block_headers(fcc_bytes block, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;
/*
 * What a listener to filtered blocks learns: ids, types, codes, and events without their payload. In the arena.
 * FCC_ERR_PROTO when a transaction of it cannot be read.
 */
fcc_status devnet_block_filter(fcc_bytes block, fcc__arena *arena, Protos__FilteredBlock **out) FCC_MUST_CHECK;

#endif
