/*
 * map.h: byte keys to fixed-size zeroed values, in an arena, for the read-write set of one transaction and the updates of
 * one block. Values stay where they are; nothing is removed.
 */
#ifndef NETWORK_LEDGER_MAP_H
#define NETWORK_LEDGER_MAP_H

#include "base/arena.h"

typedef struct ledger__item {
    fcc_bytes key;
    void *value;
    uint64_t hash;
} ledger__item;

typedef struct ledger__map {
    fcc__arena *arena;
    size_t value_size;
    ledger__item **items; /* in the order of their first use, until ledger__map_sort */
    size_t count;
    size_t room;
    ledger__item **slots; /* open addressing; a power of two, more than twice `count` */
    size_t slot_count;
} ledger__map;

void ledger__map_init(ledger__map *map, fcc__arena *arena, size_t value_size);
/* NULL when absent. */
void *ledger__map_find(const ledger__map *map, fcc_bytes key);
/* Find or add; the key is copied. NULL past the arena's cap. */
void *ledger__map_at(ledger__map *map, fcc_bytes key) FCC_MUST_CHECK;
/* Put `items` into byte order. */
void ledger__map_sort(ledger__map *map);

#endif
