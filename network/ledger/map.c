/* map.c: see map.h. */
#include "ledger/map.h"

#include <stdlib.h>

void ledger__map_init(ledger__map *map, fcc__arena *arena, size_t value_size)
{
    memset(map, 0, sizeof *map);
    map->arena = arena;
    map->value_size = value_size;
}

/* FNV-1a: the keys are as long as a chaincode likes, but all of one transaction's making */
static uint64_t hash_of(fcc_bytes key)
{
    uint64_t h = 0xcbf29ce484222325u;
    size_t i;

    for (i = 0; i < key.len; i++)
        h = (h ^ key.data[i]) * 0x100000001b3u;
    return h;
}

static ledger__item **slot_of(const ledger__map *map, fcc_bytes key, uint64_t hash)
{
    size_t i = (size_t)hash & (map->slot_count - 1);

    while (map->slots[i] && (map->slots[i]->hash != hash || !fcc_bytes_equal(map->slots[i]->key, key)))
        i = (i + 1) & (map->slot_count - 1);
    return &map->slots[i];
}

void *ledger__map_find(const ledger__map *map, fcc_bytes key)
{
    ledger__item **slot;

    if (!map->slot_count)
        return NULL;
    slot = slot_of(map, key, hash_of(key));
    return *slot ? (*slot)->value : NULL;
}

/* What is left behind in the arena sums up to no more than the final size. */
static bool grow(ledger__map *map)
{
    size_t room = map->room ? 2 * map->room : 8, i;
    ledger__item **items = fcc__arena_zalloc(map->arena, room, sizeof *items);
    ledger__item **slots = fcc__arena_zalloc(map->arena, 4 * room, sizeof *slots);

    if (!items || !slots)
        return false;
    if (map->count)
        memcpy(items, map->items, map->count * sizeof *items);
    map->items = items;
    map->room = room;
    map->slots = slots;
    map->slot_count = 4 * room;
    for (i = 0; i < map->count; i++)
        *slot_of(map, items[i]->key, items[i]->hash) = items[i];
    return true;
}

void *ledger__map_at(ledger__map *map, fcc_bytes key)
{
    uint64_t hash = hash_of(key);
    ledger__item **slot, *item;

    if (map->slot_count && *(slot = slot_of(map, key, hash)))
        return (*slot)->value;
    if (map->count == map->room && !grow(map))
        return NULL;
    item = fcc__arena_alloc(map->arena, sizeof *item);
    if (!item || !fcc__arena_copy(map->arena, key, &item->key))
        return NULL;
    item->hash = hash;
    item->value = fcc__arena_zalloc(map->arena, 1, map->value_size);
    if (!item->value)
        return NULL;
    *slot_of(map, key, hash) = item;
    map->items[map->count++] = item;
    return item->value;
}

static int by_key(const void *a, const void *b)
{
    return fcc_bytes_compare((*(ledger__item *const *)a)->key, (*(ledger__item *const *)b)->key);
}

void ledger__map_sort(ledger__map *map)
{
    if (map->count > 1)
        qsort(map->items, map->count, sizeof(ledger__item *), by_key);
}
