/* board.c: the keys of one call: each read once, changed in memory, written together at the end. */
#include <stdlib.h>

#include "appointments/parts.h"

enum change { UNCHANGED, PUT, DROPPED, VISIT };

struct appt_entry {
    fcc_bytes key;
    const json_t *value;
    enum change change;
};

enum { first_room = 128, most_parts = 5 };

void appt_board_start(struct appt_board *board, lib_call *call)
{
    *board = (struct appt_board){ .call = call, .salt = lib_in_text(call, "salt") };
}

/* ---- keys ---- */

fcc_bytes appt_key(lib_call *call, const char *type, const char *const *parts)
{
    fcc_bytes bytes[most_parts], key = { 0 };
    size_t n = 0;

    for (; parts[n] && n < most_parts; n++)
        bytes[n] = fcc_str(parts[n]);
    if (fcc_create_composite_key(call->stub, fcc_str(type), bytes, n, &key) != FCC_OK)
        return fcc_bytes_of(NULL, 0);
    return key;
}

fcc_bytes appt_slot_key(lib_call *call, const char *type, const char *whose, int64_t slot)
{
    char number[24];

    snprintf(number, sizeof(number), "%010lld", (long long)slot);
    return lib_key(call, type, whose, number, NULL);
}

fcc_status appt_salt_of(lib_call *call, const char *salt, fcc_bytes key, const char **out)
{
    char derived[LIB_TAG_HEX_SIZE];
    fcc_status st = lib_derive_id(call, salt, key, derived);

    if (st != FCC_OK)
        return st;
    *out = lib_string(call, fcc_str(derived));
    return *out ? FCC_OK : FCC_ERR_NOMEM;
}

/* ---- reading ---- */

static struct appt_entry *find(const struct appt_board *board, fcc_bytes key)
{
    for (size_t i = 0; i < board->count; i++)
        if (fcc_bytes_equal(board->entries[i].key, key))
            return &board->entries[i];
    return NULL;
}

static struct appt_entry *add(struct appt_board *board, fcc_bytes key, const json_t *value)
{
    if (board->count == board->room) {
        size_t room = board->room ? 2 * board->room : first_room;
        struct appt_entry *entries = fcc_alloc(board->call->stub, room * sizeof(*entries));

        if (!entries)
            return NULL;
        if (board->count)
            memcpy(entries, board->entries, board->count * sizeof(*entries));
        board->entries = entries;
        board->room = room;
    }
    board->entries[board->count] = (struct appt_entry){ .key = key, .value = value };
    return &board->entries[board->count++];
}

fcc_status appt_load(struct appt_board *board, const fcc_bytes *keys, size_t count)
{
    fcc_bytes *missing = fcc_alloc(board->call->stub, (count + 1) * sizeof(*missing));
    const json_t **values = fcc_alloc(board->call->stub, (count + 1) * sizeof(const json_t *));
    size_t n = 0;
    fcc_status st;

    if (!missing || !values)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        if (!find(board, keys[i]))
            missing[n++] = keys[i];
    if ((st = lib_read_many(board->call, APPT_SUBJECT, missing, n, values)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        if (!find(board, missing[i]) && !add(board, missing[i], values[i]))
            return FCC_ERR_NOMEM;
    return FCC_OK;
}

fcc_status appt_get(struct appt_board *board, fcc_bytes key, const json_t **out)
{
    fcc_status st = key.len ? appt_load(board, &key, 1) : FCC_ERR_NOMEM;

    *out = st == FCC_OK ? find(board, key)->value : NULL;
    return st;
}

/* ---- changing ---- */

static fcc_status change(struct appt_board *board, fcc_bytes key, const json_t *value, enum change how)
{
    struct appt_entry *entry = find(board, key);

    if (!entry)
        entry = add(board, key, NULL);
    if (!entry)
        return FCC_ERR_NOMEM;
    entry->value = value;
    entry->change = how;
    return FCC_OK;
}

fcc_status appt_put(struct appt_board *board, fcc_bytes key, json_t *value)
{
    const char *salt = NULL;
    fcc_status st;

    if (key.len == 0) {
        json_decref(value);
        return FCC_ERR_NOMEM;
    }
    if (!value)
        return change(board, key, NULL, DROPPED);
    if (!lib_own(board->call, value))
        return FCC_ERR_NOMEM;
    if ((st = appt_salt_of(board->call, board->salt, key, &salt)) != FCC_OK)
        return st;
    if (json_object_set_new(value, "salt", json_string(salt)) != 0)
        return FCC_ERR_NOMEM;
    return change(board, key, value, PUT);
}

fcc_status appt_put_copy(struct appt_board *board, fcc_bytes key, const json_t *value)
{
    return key.len ? change(board, key, value, PUT) : FCC_ERR_NOMEM;
}

fcc_status appt_put_visit(struct appt_board *board, json_t *visit, bool main)
{
    const char *salt = board->salt, *id = lib_text(visit, "id");
    fcc_bytes key = id ? lib_key(board->call, "APPT", id, NULL, NULL) : fcc_bytes_of(NULL, 0);
    fcc_status st = key.len && lib_own(board->call, visit) ? FCC_OK : FCC_ERR_NOMEM;

    if (st == FCC_OK && !main)
        st = appt_salt_of(board->call, board->salt, key, &salt);
    if (st != FCC_OK)
        return st;
    if (json_object_set_new(visit, "salt", json_string(salt)) != 0)
        return FCC_ERR_NOMEM;
    return change(board, key, visit, VISIT);
}

fcc_status appt_flush(struct appt_board *board)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < board->count && st == FCC_OK; i++) {
        const struct appt_entry *entry = &board->entries[i];
        const char *id = lib_text(entry->value, "id");

        switch (entry->change) {
        case UNCHANGED:
            break;
        case PUT:
            st = lib_write(board->call, APPT_SUBJECT, entry->key, json_incref((json_t *)entry->value));
            break;
        case DROPPED:
            st = fcc_del_private_data(board->call->stub, fcc_str(APPT_SUBJECT), entry->key);
            break;
        case VISIT:
            st = lib_write_record(board->call, APPT_SUBJECT, "APPT", id, NULL, entry->value, "appointment", id,
                                  lib_text(entry->value, "status"));
            break;
        }
    }
    return st;
}
