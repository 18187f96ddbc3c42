/* See recording.h. */
#include "recording.h"

#include "base/hash.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "protos/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDING_BYTES = 1 << 30 };

static fcc_bytes next_word(char **at)
{
    char *start = *at, *end = strchr(start, ' ');

    if (!end)
        end = start + strlen(start);
    *at = *end ? end + 1 : end;
    return fcc_bytes_of(start, (size_t)(end - start));
}

static fcc_status parse_line(recording *rec, char *line, recorded *out)
{
    char *at = line;
    fcc_bytes stream = next_word(&at), direction = next_word(&at), hex;
    fcc_status st = FCC_OK;

    out->stream = atoi((const char *)stream.data);
    out->to_chaincode = fcc_bytes_equal(direction, FCC_LIT(">"));
    if (!out->to_chaincode && !fcc_bytes_equal(direction, FCC_LIT("<")))
        return FCC_ERR_CORRUPT;
    out->type = next_word(&at);
    out->txid = next_word(&at);
    hex = next_word(&at);
    if (!fcc__arena_copy(rec->arena, out->type, &out->type) || !fcc__arena_copy(rec->arena, out->txid, &out->txid))
        return FCC_ERR_LIMIT;
    st = fcc__unhex(rec->arena, hex, &out->message);
    return st == FCC_ERR_ARG || !out->message.len ? FCC_ERR_CORRUPT : st;
}

fcc_status recording_load(const char *folder, recording *out, fcc_error *error)
{
    char path[4096];
    char *line = NULL;
    size_t size = 0, cap = 0;
    ssize_t len;
    FILE *file;
    fcc_status st = FCC_OK;

    *out = (recording){ .arena = fcc__arena_new(RECORDING_BYTES) };
    snprintf(path, sizeof(path), "%s/transcript.txt", folder);
    file = fopen(path, "r");
    if (!file)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s cannot be read", path);
    while (st == FCC_OK && (len = getline(&line, &size, file)) > 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = 0;
        if (out->count == cap) {
            cap = cap ? 2 * cap : 1024;
            out->lines = realloc(out->lines, cap * sizeof(*out->lines));
            if (!out->lines)
                abort();
        }
        out->lines[out->count].line = out->count + 1;
        st = parse_line(out, line, &out->lines[out->count]);
        if (st == FCC_OK)
            out->count++;
    }
    free(line);
    fclose(file);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "%s:%zu is not a recorded message", path, out->count + 1);
    return FCC_OK;
}

void recording_clear(recording *rec)
{
    free(rec->lines);
    fcc__arena_free(rec->arena);
    *rec = (recording){ .arena = NULL };
}

bool message_head(fcc__arena *arena, fcc_bytes message, int *type, fcc_bytes *txid)
{
    Protos__ChaincodeMessage *m;

    if (FCC__UNPACK(protos__chaincode_message, message, arena, &m) != FCC_OK)
        return false;
    *type = (int)m->type;
    *txid = fcc__of_pb(m->txid);
    return true;
}

const char *message_type_name(int type)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(&protos__chaincode_message__type__descriptor,
                                                                           type);

    return value ? value->name : "(no such type)";
}

bool message_ccid(fcc__arena *arena, fcc_bytes message, fcc_bytes *ccid)
{
    Protos__ChaincodeMessage *m;
    Protos__ChaincodeID *id;

    if (FCC__UNPACK(protos__chaincode_message, message, arena, &m) != FCC_OK ||
        m->type != PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTER ||
        FCC__UNPACK(protos__chaincode_id, fcc__of_pb(m->payload), arena, &id) != FCC_OK)
        return false;
    *ccid = fcc__of_pb(id->name);
    return true;
}

bool message_is_batch(fcc__arena *arena, fcc_bytes message)
{
    int type;
    fcc_bytes txid;

    return message_head(arena, message, &type, &txid) && type == PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE;
}

/* ---- differences ---- */

static void print_hex(const char *label, fcc_bytes bytes, size_t from)
{
    enum { AROUND = 48 };
    size_t start = from > 16 ? from - 16 : 0, end = start + AROUND < bytes.len ? start + AROUND : bytes.len;

    printf("#   %-8s %7zu bytes  %s", label, bytes.len, start ? "..." : "   ");
    for (size_t i = start; i < end; i++)
        printf("%s%02x", i == from ? "|" : "", bytes.data[i]);
    printf("%s%s\n", from >= bytes.len ? "|" : "", end < bytes.len ? "..." : "");
}

void print_difference(const char *what, fcc_bytes txid, fcc_bytes expected, fcc_bytes actual)
{
    size_t at = 0;

    while (at < expected.len && at < actual.len && expected.data[at] == actual.data[at])
        at++;
    printf("# %s of tx " FCC_FMT " differs at byte %zu\n", what, FCC_ARG(txid), at);
    print_hex("recorded", expected, at);
    print_hex("ours", actual, at);
}

/* ---- write batches ---- */

bool flush_add(fcc__arena *arena, flush_set *set, fcc_bytes message)
{
    Protos__ChaincodeMessage *m;
    Protos__WriteBatchState *batch;

    if (FCC__UNPACK(protos__chaincode_message, message, arena, &m) != FCC_OK ||
        m->type != PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE || m->timestamp || m->proposal ||
        m->chaincode_event || FCC__UNPACK(protos__write_batch_state, fcc__of_pb(m->payload), arena, &batch) != FCC_OK)
        return false;
    if (set->messages == sizeof(set->sizes) / sizeof(set->sizes[0]))
        return false;
    set->sizes[set->messages++] = batch->n_rec;
    for (size_t i = 0; i < batch->n_rec; i++) {
        if (set->count == set->cap) {
            set->cap = set->cap ? 2 * set->cap : 256;
            set->records = realloc(set->records, set->cap * sizeof(*set->records));
            if (!set->records)
                abort();
        }
        if (fcc__pack(batch->rec[i], arena, &set->records[set->count]) != FCC_OK)
            return false;
        set->count++;
    }
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return fcc_bytes_compare(*(const fcc_bytes *)a, *(const fcc_bytes *)b);
}

bool flush_equal(fcc_bytes txid, flush_set *expected, flush_set *actual)
{
    bool equal = expected->messages == actual->messages && expected->count == actual->count;

    if (!equal)
        printf("# WRITE_BATCH_STATE of tx " FCC_FMT ": recorded %zu records in %zu messages, ours %zu in %zu\n",
               FCC_ARG(txid), expected->count, expected->messages, actual->count, actual->messages);
    for (size_t i = 0; equal && i < expected->messages; i++)
        if (expected->sizes[i] != actual->sizes[i]) {
            printf("# WRITE_BATCH_STATE of tx " FCC_FMT ": message %zu recorded with %zu records, ours with %zu\n",
                   FCC_ARG(txid), i + 1, expected->sizes[i], actual->sizes[i]);
            equal = false;
        }
    if (!equal)
        return false;
    if (expected->count)
        qsort(expected->records, expected->count, sizeof(*expected->records), by_bytes);
    if (actual->count)
        qsort(actual->records, actual->count, sizeof(*actual->records), by_bytes);
    for (size_t i = 0; i < expected->count; i++)
        if (!fcc_bytes_equal(expected->records[i], actual->records[i])) {
            print_difference("a record of WRITE_BATCH_STATE", txid, expected->records[i], actual->records[i]);
            return false;
        }
    return true;
}

void flush_clear(flush_set *set)
{
    free(set->records);
    *set = (flush_set){ .records = NULL };
}
