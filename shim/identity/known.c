/*
 * Identities that this process has read: reading a certificate costs as much as ten small transactions, and the same few
 * people send most of them. What is read depends on the creator's bytes alone, so that equal bytes give equal answers.
 */
#include "identity/identity.h"

#include <pthread.h>
#include <stdlib.h>

enum { MOST_KNOWN = 64, MOST_BYTES = 16 * 1024, MEMORY_BYTES = 1024 * 1024 };

struct known {
    struct known *next; /* used longer ago */
    fcc__arena *arena;  /* of all that follows */
    fcc_bytes creator;
    fcc__identity identity;
};

/* Handlers ask from whatever thread they are on. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct known *all;

/* The record of this creator, the newest from now on; NULL: not known. With the lock. */
static const struct known *find(fcc_bytes creator)
{
    for (struct known **at = &all; *at; at = &(*at)->next) {
        struct known *k = *at;

        if (!fcc_bytes_equal(k->creator, creator))
            continue;
        *at = k->next;
        k->next = all;
        all = k;
        return k;
    }
    return NULL;
}

static void forget(struct known *k)
{
    if (!k)
        return;
    fcc__arena_free(k->arena);
    free(k);
}

/* With the lock. */
static void forget_the_oldest(void)
{
    struct known **at = &all;

    for (size_t i = 0; i < MOST_KNOWN && *at; i++)
        at = &(*at)->next;
    forget(*at);
    *at = NULL;
}

static bool copy_list(fcc__arena *arena, const fcc_bytes *from, size_t count, const fcc_bytes **out)
{
    fcc_bytes *list = fcc__arena_zalloc(arena, count, sizeof(*list));

    for (size_t i = 0; list && i < count; i++)
        if (!fcc__arena_copy(arena, from[i], &list[i]))
            return false;
    *out = list;
    return list != NULL;
}

static bool copy_attributes(fcc__arena *arena, const fcc__identity *from, const fcc__attribute **out)
{
    fcc__attribute *list = fcc__arena_zalloc(arena, from->attribute_count, sizeof(*list));

    for (size_t i = 0; list && i < from->attribute_count; i++)
        if (!fcc__arena_copy(arena, from->attributes[i].name, &list[i].name) ||
            !fcc__arena_copy(arena, from->attributes[i].value, &list[i].value))
            return false;
    *out = list;
    return list != NULL;
}

/* What a transaction takes of its memory for this is the same, whether the identity was known or not. */
static fcc_status copy(fcc__arena *arena, const fcc__identity *from, fcc__identity *out, fcc_error *error)
{
    fcc__identity to = *from;

    if (!fcc__arena_copy(arena, from->msp_id, &to.msp_id) || !fcc__arena_copy(arena, from->der, &to.der) ||
        !fcc__arena_copy(arena, from->id, &to.id) || !fcc__arena_copy(arena, from->fingerprint, &to.fingerprint) ||
        !copy_list(arena, from->units, from->unit_count, &to.units) || !copy_attributes(arena, from, &to.attributes))
        return fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
    *out = to;
    return FCC_OK;
}

/* Read it, without the lock. On failure *out is NULL. */
static fcc_status read_new(fcc_bytes creator, struct known **out, fcc_error *error)
{
    struct known *k = calloc(1, sizeof(*k));
    fcc_status st = FCC_ERR_NOMEM;

    *out = NULL;
    if (k)
        k->arena = fcc__arena_new(MEMORY_BYTES);
    if (!k || !k->arena || !fcc__arena_copy(k->arena, creator, &k->creator))
        st = fcc_error_set(error, FCC_ERR_LIMIT, "no memory left for reading the identity");
    else
        st = fcc__identity_read(k->arena, creator, &k->identity, error);
    if (st == FCC_OK)
        *out = k;
    else
        forget(k);
    return st;
}

fcc_status fcc__identity_of(fcc__arena *arena, fcc_bytes creator, fcc__identity *out, fcc_error *error)
{
    const struct known *k;
    struct known *fresh;
    fcc_status st;

    if (creator.len > MOST_BYTES)
        return fcc__identity_read(arena, creator, out, error);
    pthread_mutex_lock(&lock);
    k = find(creator);
    st = k ? copy(arena, &k->identity, out, error) : FCC_OK;
    pthread_mutex_unlock(&lock);
    if (k)
        return st;
    st = read_new(creator, &fresh, error);
    if (st != FCC_OK)
        return st;
    st = copy(arena, &fresh->identity, out, error);
    pthread_mutex_lock(&lock);
    if (find(creator)) { /* another thread was faster */
        forget(fresh);
    } else {
        fresh->next = all;
        all = fresh;
        forget_the_oldest();
    }
    pthread_mutex_unlock(&lock);
    return st;
}
