/*
 * Is the chain of blocks in a devnet's ledger whole? For tests from the outside, while no devnet runs there:
 *
 *     chain DIR/ledger MSPID...
 *
 * Recomputes the hash of each header and of each block's data. Prints "N blocks, M transactions"; status 1 when a hash
 * is wrong, with the block's number.
 */
#include "ledger/ledger.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static fcc_status no_definition(void *ctx, fcc_bytes name, ledger_definition *out)
{
    (void)ctx;
    (void)name;
    (void)out;
    return FCC_ERR_NOT_FOUND;
}

/* Its own hash into *hash, which holds that of the block before. */
static bool whole(const ledger *l, uint64_t number, fcc__arena *arena, fcc__sha256 *hash, size_t *transactions)
{
    Common__Block *block;
    fcc_bytes wire, *data;
    fcc__sha256 data_hash;

    if (ledger_block(l, number, arena, &wire) != FCC_OK || FCC__UNPACK(common__block, wire, arena, &block) != FCC_OK ||
        !block->header || !block->data || block->header->number != number)
        return false;
    data = calloc(block->data->n_data, sizeof(*data));
    if (!data)
        return false;
    for (size_t i = 0; i < block->data->n_data; i++)
        data[i] = fcc__of_pb(block->data->data[i]);
    data_hash = ledger_data_hash(data, block->data->n_data);
    free(data);
    *transactions += block->data->n_data;
    if (!fcc_bytes_equal(fcc__sha256_bytes(&data_hash), fcc__of_pb(block->header->data_hash)) ||
        (number > 0 && !fcc_bytes_equal(fcc__sha256_bytes(hash), fcc__of_pb(block->header->previous_hash))))
        return false;
    *hash = ledger_header_hash(number, fcc__of_pb(block->header->previous_hash), fcc__of_pb(block->header->data_hash));
    return true;
}

int main(int argc, char **argv)
{
    ledger_options options = { .definition = no_definition };
    fcc__arena *arena = fcc__arena_new(1 << 30);
    fcc__sha256 hash = { { 0 } }, last;
    size_t transactions = 0;
    fcc_error error = { 0 };
    ledger *l = NULL;
    int status = 1;

    if (argc < 3 || !arena) {
        fprintf(stderr, "usage: chain DIR/ledger MSPID...\n");
        return 2;
    }
    options.dir = argv[1];
    options.orgs = (const char *const *)(argv + 2);
    options.org_count = (size_t)(argc - 2);
    if (ledger_open(&options, &l, &error) != FCC_OK) {
        fprintf(stderr, "%s\n", error.text);
        goto out;
    }
    for (uint64_t n = 0; n < ledger_height(l); n++) {
        if (!whole(l, n, arena, &hash, &transactions)) {
            fprintf(stderr, "block %" PRIu64 " is not what its hashes say\n", n);
            goto out;
        }
        fcc__arena_reset(arena);
    }
    last = ledger_hash(l);
    if (memcmp(last.bytes, hash.bytes, sizeof(hash.bytes)) != 0) {
        fprintf(stderr, "the last block's hash is not the ledger's\n");
        goto out;
    }
    printf("%" PRIu64 " blocks, %zu transactions\n", ledger_height(l), transactions);
    status = 0;
out:
    ledger_close(l);
    fcc__arena_free(arena);
    return status;
}
