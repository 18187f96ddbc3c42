/*
 * source.h: a channel's blocks, one after the other, from where they lie: a peer's or an orderer's block files
 * (ledgersData/chains/chains/CHANNEL, or a devnet's ledger/blocks), or a folder of serialized blocks.
 *
 * Reads only; a peer may be writing there meanwhile. Format of the files: fabric v3.1.5
 * common/ledger/blkstorage/{blockfile_helper,block_serialization}.go
 */
#ifndef NETWORK_AUDIT_SOURCE_H
#define NETWORK_AUDIT_SOURCE_H

#include "base/arena.h"

typedef struct audit_source audit_source;

/*
 * `path` is a folder with blockfile_000000 and so on, or one with files NNN.pb or NNN.block, each a serialized
 * common.Block, in the order of their numbers. FCC_ERR_NOT_FOUND when it has neither, FCC_ERR_IO.
 */
fcc_status audit_source_open(const char *path, audit_source **out, fcc_error *error) FCC_MUST_CHECK;
void audit_source_close(audit_source *source); /* takes NULL */

/*
 * The next block as serialized common.Block, in the arena.
 *
 * @return FCC_OK
 *         FCC_ERR_NOT_FOUND  there are no more
 *         FCC_ERR_CORRUPT    a record that is no block, or is written in another way than a peer writes it; a file is
 *                            missing, or ends inside of a record, and there are others behind it
 *         FCC_ERR_IO, FCC_ERR_LIMIT
 */
fcc_status audit_source_next(audit_source *source, fcc__arena *arena, fcc_bytes *block,
                             fcc_error *error) FCC_MUST_CHECK;

/* The last file ends in a record that is cut short: a peer was writing it, or was killed doing so. */
bool audit_source_torn(const audit_source *source);

#endif
