/* A list of blocks, the newest first; big allocations get a block of their own behind it. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 256 * 1024 };

/* Of memory that was taken over, only the record. */
struct block {
    alignas(ALIGN) struct block *next;
    size_t size; /* usable bytes behind the record, or at `adopted` */
    size_t used;
    uint8_t *adopted; /* NULL: its own */
    atomic_uint refs; /* the arena's, and one for each time it is lent */
};

struct fcc__arena {
    struct block *head;
    struct block *adopted;
    size_t cap;
    size_t used;
    size_t next_size;
};

static uint8_t *data_of(struct block *b)
{
    return b->adopted ? b->adopted : (uint8_t *)(b + 1);
}

fcc__arena *fcc__arena_new(size_t cap)
{
    fcc__arena *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->cap = cap;
    a->next_size = FIRST_BLOCK;
    return a;
}

void fcc__arena_return(void *lent)
{
    struct block *b = lent;

    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(b->adopted);
    free(b);
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;

        fcc__arena_return(b);
        b = next;
    }
}

void fcc__arena_free(fcc__arena *a)
{
    if (!a)
        return;
    free_blocks(a->adopted);
    free_blocks(a->head);
    free(a);
}

void fcc__arena_reset(fcc__arena *a)
{
    struct block *keep = a->head;

    free_blocks(a->adopted);
    a->adopted = NULL;
    while (keep && (keep->size > FIRST_BLOCK || atomic_load_explicit(&keep->refs, memory_order_acquire) != 1)) {
        struct block *next = keep->next;

        fcc__arena_return(keep);
        keep = next;
    }
    if (keep) {
        free_blocks(keep->next);
        keep->next = NULL;
        keep->used = 0;
    }
    a->head = keep;
    a->used = keep ? sizeof(*keep) + keep->size : 0;
    a->next_size = FIRST_BLOCK;
}

size_t fcc__arena_used(const fcc__arena *a)
{
    return a->used;
}

static struct block *add_block(fcc__arena *a, size_t size, bool behind_head)
{
    struct block *b;

    if (size > a->cap || a->used > a->cap - size || a->cap - size - a->used < sizeof(*b))
        return NULL;
    b = malloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    b->size = size;
    b->used = 0;
    b->adopted = NULL;
    atomic_init(&b->refs, 1);
    if (behind_head && a->head) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    a->used += sizeof(*b) + size;
    return b;
}

void *fcc__arena_alloc(fcc__arena *a, size_t size)
{
    struct block *b = a->head;
    void *p;

    if (size > SIZE_MAX - ALIGN)
        return NULL;
    size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    if (!b || b->size - b->used < size) {
        if (size >= a->next_size / 2) {
            b = add_block(a, size, true);
        } else {
            b = add_block(a, a->next_size, false);
            if (!b) /* near the cap: a block of just this size may still fit */
                b = add_block(a, size, true);
            if (a->next_size < LARGEST_BLOCK)
                a->next_size *= 2;
        }
        if (!b)
            return NULL;
    }
    p = data_of(b) + b->used;
    b->used += size;
    return p;
}

void *fcc__arena_zalloc(fcc__arena *a, size_t count, size_t size)
{
    void *p;

    if (size && count > SIZE_MAX / size)
        return NULL;
    p = fcc__arena_alloc(a, count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

bool fcc__arena_copy(fcc__arena *a, fcc_bytes bytes, fcc_bytes *out)
{
    uint8_t *p = bytes.len < SIZE_MAX ? fcc__arena_alloc(a, bytes.len + 1) : NULL;

    if (!p)
        return false;
    if (bytes.len)
        memcpy(p, bytes.data, bytes.len);
    p[bytes.len] = 0;
    *out = fcc_bytes_of(p, bytes.len);
    return true;
}

char *fcc__arena_printf(fcc__arena *a, const char *format, ...)
{
    va_list args;
    int n;
    char *p;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return NULL;
    p = fcc__arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(args, format);
    vsnprintf(p, (size_t)n + 1, format, args);
    va_end(args);
    return p;
}

/* ---- memory from elsewhere ---- */

bool fcc__arena_charge(fcc__arena *a, size_t size)
{
    if (a->used > a->cap || size > a->cap - a->used)
        return false;
    a->used += size;
    return true;
}

void fcc__arena_discharge(fcc__arena *a, size_t size)
{
    a->used -= size;
}

bool fcc__arena_adopt(fcc__arena *a, void *memory, size_t size)
{
    struct block *b;

    if (!fcc__arena_charge(a, size))
        return false;
    b = malloc(sizeof(*b));
    if (!b) {
        fcc__arena_discharge(a, size);
        return false;
    }
    b->next = a->adopted;
    b->size = b->used = size;
    b->adopted = memory;
    atomic_init(&b->refs, 1);
    a->adopted = b;
    return true;
}

/* Where in the list the block with these bytes stands; NULL: nowhere. */
static struct block **find_block(struct block **list, fcc_bytes bytes)
{
    struct block **at = list;

    while (*at && ((uintptr_t)bytes.data < (uintptr_t)data_of(*at) ||
                   (uintptr_t)bytes.data >= (uintptr_t)data_of(*at) + (*at)->used))
        at = &(*at)->next;
    return *at ? at : NULL;
}

bool fcc__arena_has_adopted(fcc__arena *to, fcc__arena *from, fcc_bytes bytes)
{
    struct block **at = find_block(&to->adopted, bytes), *b;

    if (at)
        return true;
    at = from ? find_block(&from->adopted, bytes) : NULL;
    if (!at || !fcc__arena_charge(to, (*at)->size))
        return false;
    b = *at;
    *at = b->next;
    fcc__arena_discharge(from, b->size);
    b->next = to->adopted;
    to->adopted = b;
    return true;
}

void *fcc__arena_lend(fcc__arena *a, fcc_bytes bytes)
{
    struct block **at = find_block(&a->adopted, bytes);

    if (!at)
        at = find_block(&a->head, bytes);
    if (!at)
        return NULL;
    atomic_fetch_add_explicit(&(*at)->refs, 1, memory_order_relaxed);
    return *at;
}
