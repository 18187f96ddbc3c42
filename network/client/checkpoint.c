/* How far a listener has come, in the file that Fabric's gateway SDKs keep: pkg/client/filecheckpointer.go. */
#include "client/client.h"

#include "base/durable.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

fcc_status client_checkpoint_read(const char *path, client_checkpoint *out, fcc_error *error)
{
    client_checkpoint found = { 0 };
    const json_t *block;
    const char *txid;
    json_error_t why;
    json_t *root;
    struct stat s;

    if (stat(path, &s) != 0 && errno != ENOENT)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (stat(path, &s) != 0 || s.st_size == 0) {
        *out = found;
        return FCC_OK;
    }
    root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return fcc_error_set(error, FCC_ERR_CORRUPT, "%s: %s: no checkpoint; remove it to begin anew", path, why.text);
    block = json_object_get(root, "blockNumber");
    txid = json_string_value(json_object_get(root, "transactionId"));
    if (!json_is_integer(block) || json_integer_value(block) < 0 || !txid || strlen(txid) >= sizeof(found.txid)) {
        json_decref(root);
        return fcc_error_set(error, FCC_ERR_CORRUPT,
                             "%s: \"blockNumber\" and \"transactionId\" are needed; remove it to begin anew", path);
    }
    found.block = (uint64_t)json_integer_value(block);
    memcpy(found.txid, txid, strlen(txid));
    found.known = found.block > 0 || found.txid[0]; /* the SDKs make the file before anything has come */
    *out = found;
    json_decref(root);
    return FCC_OK;
}

fcc_status client_checkpoint_write(const char *path, uint64_t block, const char *txid, fcc_error *error)
{
    char text[160];
    int len = snprintf(text, sizeof(text), "{\"blockNumber\":%llu,\"transactionId\":\"%s\"}", (unsigned long long)block,
                       txid);

    if (len < 0 || len >= (int)sizeof(text))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the transaction's id is too long", path);
    return fcc__write_whole(path, fcc_bytes_of(text, (size_t)len), error);
}
