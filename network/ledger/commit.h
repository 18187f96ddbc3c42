/* commit.h: one block from its arrival to the disk. */
#ifndef NETWORK_LEDGER_COMMIT_H
#define NETWORK_LEDGER_COMMIT_H

#include "ledger/internal.h"

typedef enum ledger__mode {
    LEDGER__VALIDATING, /* codes are ours */
    LEDGER__JUDGING,    /* codes are ours, and nothing is kept */
    LEDGER__RECORDED,   /* codes are the block's */
    LEDGER__REPLAY      /* codes are the block's, which lies in the block file already */
} ledger__mode;

/* Whom to tell that a block is on disk; `call` may be NULL. */
typedef struct ledger__teller {
    ledger_safe call;
    void *ctx;
} ledger__teller;

/* `spot` is given for a replay; `out` may be NULL, then nobody is told. */
fcc_status ledger__commit_block(ledger *l, ledger__block *block, ledger__mode mode, const ledger__spot *spot,
                                ledger__teller teller, fcc__arena *arena, ledger_committed *out,
                                fcc_error *error) FCC_MUST_CHECK;
/* Do the block files reach as far as the savepoint says? */
fcc_status ledger__check_reach(const ledger *l, uint32_t file, uint64_t offset, fcc_error *error) FCC_MUST_CHECK;
/* Follow the block files from the savepoint to their end, and cut off what a power cut or a kill has left there. */
fcc_status ledger__catch_up(ledger *l, uint32_t file, uint64_t offset, fcc_error *error) FCC_MUST_CHECK;
/* Of the table of blocks. */
fcc_bytes ledger__hash_key(ledger *l, fcc_bytes hash);

#endif
