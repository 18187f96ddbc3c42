/* scan.h: what the scan's files share. */
#ifndef TEST_SCENARIO_SCAN_H
#define TEST_SCENARIO_SCAN_H

#include "base/arena.h"
#include "protos/unpack.h"

#include <stdarg.h>
#include <stdbool.h>

bool scan_check(bool ok, const char *format, ...) FCC_PRINTF(2, 3);

/* ---- words: words.c ---- */

enum { WORD_MIN = 5 };

typedef struct word {
    char *kind, *text;
} word;

/* A word as it may be written: itself, in hexadecimal, in base64 at three places. */
typedef struct spelling {
    uint8_t *bytes;
    size_t len;
    const word *of;
    struct spelling *next; /* that begins with the same two bytes */
} spelling;

typedef struct words {
    word *all;
    size_t count, room, left_out;
    spelling *by_start[65536];
} words;

bool words_read(words *w, const char *path);
bool words_of_bundle(words *w, const char *path);
void words_ready(words *w);
/* How often one of them stands there, purged ones aside; told as comments unless `where` is NULL. */
size_t words_find(const words *w, fcc_bytes in, const char *where);
/* How many of a kind are there. */
size_t words_find_kind(const words *w, fcc_bytes in, const char *kind);
void words_free(words *w);

/* ---- what can be joined: joined.c ---- */

typedef struct joined {
    struct joined_tx *txs;
    size_t count, room;
} joined;

void joined_add(joined *j, fcc_bytes envelope); /* copied */
void joined_check(joined *j, const words *w, const char *dir);
void joined_free(joined *j);

/* ---- every organisation's store: private.c ---- */

void private_check(const words *w, const char *dir);

#endif
