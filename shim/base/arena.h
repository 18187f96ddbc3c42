/*
 * arena.h: memory for one transaction or one message, freed at once, with a hard cap.
 *
 * An allocation past the cap gives NULL, which callers report as FCC_ERR_LIMIT: one huge transaction must not take its
 * neighbours with it. Not thread-safe: one arena, one user at a time.
 */
#ifndef FCC_BASE_ARENA_H
#define FCC_BASE_ARENA_H

#include <fcc/bytes.h>
#include <fcc/status.h>

typedef struct fcc__arena fcc__arena;

/* `cap` bounds the bytes taken from the system, block headers included. NULL when out of memory. */
fcc__arena *fcc__arena_new(size_t cap);
void fcc__arena_free(fcc__arena *arena); /* takes NULL */
/* Forget all allocations; keeps one small block for the next use. What is charged must have been discharged. */
void fcc__arena_reset(fcc__arena *arena);
/* Bytes taken from the system now. */
size_t fcc__arena_used(const fcc__arena *arena);

/* 16-byte aligned, not zeroed; a size of 0 gives a valid pointer. NULL past the cap. */
void *fcc__arena_alloc(fcc__arena *arena, size_t size) FCC_MUST_CHECK;
/* Zeroed array; NULL also when count * size overflows. */
void *fcc__arena_zalloc(fcc__arena *arena, size_t count, size_t size) FCC_MUST_CHECK;
/* Copies with a terminator behind it (not counted). false past the cap. */
bool fcc__arena_copy(fcc__arena *arena, fcc_bytes bytes, fcc_bytes *out) FCC_MUST_CHECK;
/*
 * Take over `memory`, which came from malloc: it counts against the cap and is freed with the arena. Whether it was
 * taken: past the cap it stays the caller's.
 */
bool fcc__arena_adopt(fcc__arena *arena, void *memory, size_t size) FCC_MUST_CHECK;
/*
 * Whether `bytes` lie in memory that `to` has adopted, if need be because the block was moved there from `from` (which
 * may be NULL), cap permitting: then they live as long as `to` and need no copy.
 */
bool fcc__arena_has_adopted(fcc__arena *to, fcc__arena *from, fcc_bytes bytes) FCC_MUST_CHECK;
/*
 * For who needs `bytes` longer, perhaps on another thread: unless they lie elsewhere, which gives NULL, they stay after
 * the arena was reset or freed until fcc__arena_return, which may be called from any thread, got what this returned.
 */
void *fcc__arena_lend(fcc__arena *arena, fcc_bytes bytes) FCC_MUST_CHECK;
void fcc__arena_return(void *lent);
/* Count memory that is kept elsewhere against the cap, and no longer. */
bool fcc__arena_charge(fcc__arena *arena, size_t size) FCC_MUST_CHECK;
void fcc__arena_discharge(fcc__arena *arena, size_t size);
/* NULL past the cap. */
char *fcc__arena_printf(fcc__arena *arena, const char *format, ...) FCC_MUST_CHECK FCC_PRINTF(2, 3);

#endif
