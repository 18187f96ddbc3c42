/*
 * saved.c: a channel's ledger as bytes, which another process goes on with. All keys follow from names, so that its
 * consortium is the same one there.
 */
#include "testing/internal.h"

/* What the bytes begin with; as it lies in memory, as they are for the same build. */
typedef struct header {
    char magic[8];
    fcc__sha256 genesis;
    int64_t now;
    uint64_t nonce;
    size_t blocks, state, public_writes, plain; /* the lengths of what follows */
} header;

static const char magic[8] = "fcctest1";

fcc_bytes fcc_test_save(fcc_test *t)
{
    header head = { .genesis = fcc__sha256_of(testing_genesis(t->consortium)), .now = t->now, .nonce = t->nonce };
    fcc_bytes kept;
    ledger_image image;
    fcc__buf plain, out;

    if (t->waiting)
        testing_die("a channel cannot be saved while transactions wait for fcc_test_commit");
    testing_must(ledger_image_of(t->ledger, t->arena, &image), NULL, "saving the ledger");
    fcc__buf_init(&plain, SIZE_MAX / 2);
    for (const testing_plain *p = t->plain; p; p = p->next) {
        fcc__buf_append(&plain, &p->key.len, sizeof(p->key.len));
        fcc__buf_add(&plain, p->key);
    }
    memcpy(head.magic, magic, sizeof(magic));
    head.blocks = image.blocks.len;
    head.state = image.state.len;
    head.public_writes = t->public_writes.len;
    head.plain = plain.len;
    fcc__buf_init(&out, SIZE_MAX / 2);
    fcc__buf_append(&out, &head, sizeof(head));
    fcc__buf_add(&out, image.blocks);
    fcc__buf_add(&out, image.state);
    fcc__buf_add(&out, fcc__buf_bytes(&t->public_writes));
    fcc__buf_add(&out, fcc__buf_bytes(&plain));
    if (!fcc__buf_ok(&plain) || !fcc__buf_ok(&out) || !fcc__arena_copy(t->arena, fcc__buf_bytes(&out), &kept))
        testing_die("out of memory");
    fcc__buf_clear(&plain);
    fcc__buf_clear(&out);
    return kept;
}

static fcc_bytes take(fcc_bytes *from, size_t len)
{
    const fcc_bytes taken = fcc_bytes_of(from->data, len);

    if (len > from->len)
        testing_die("what is restored is not what fcc_test_save gave");
    *from = fcc_bytes_of(from->data + len, from->len - len);
    return taken;
}

static void restore_plain(fcc_test *t, fcc_bytes list)
{
    while (list.len) {
        testing_plain *plain = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*plain)));
        size_t len;

        memcpy(&len, take(&list, sizeof(len)).data, sizeof(len));
        plain->key = fcc_bytes_of(testing_text(t, take(&list, len)), len);
        plain->next = t->plain;
        t->plain = plain;
    }
}

fcc_test *fcc_test_restore(const char *const *msp_ids, fcc_bytes saved)
{
    testing_consortium *consortium;
    fcc__sha256 genesis;
    ledger_image image;
    fcc_bytes public_writes;
    header head;
    fcc_test *t;

    memcpy(&head, take(&saved, sizeof(head)).data, sizeof(head));
    if (memcmp(head.magic, magic, sizeof(magic)) != 0)
        testing_die("what is restored is not what fcc_test_save gave");
    testing_keep_memory();
    consortium = testing_consortium_get(msp_ids);
    genesis = fcc__sha256_of(testing_genesis(consortium));
    if (memcmp(&genesis, &head.genesis, sizeof(genesis)) != 0)
        testing_die("what is restored is of a channel of other organisations, or of another version of fcc/test.h");
    image.blocks = take(&saved, head.blocks);
    image.state = take(&saved, head.state);
    public_writes = take(&saved, head.public_writes);
    t = testing_begin(consortium, NULL, &image);
    t->now = head.now;
    t->nonce = head.nonce;
    fcc__buf_add(&t->public_writes, public_writes);
    testing_must(t->public_writes.status, NULL, "public state");
    restore_plain(t, take(&saved, head.plain));
    fcc_test_as(t, NULL, FCC_END);
    return t;
}
