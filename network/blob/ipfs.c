/* Blocks on an IPFS node, through its HTTP API: /api/v0/block/put and /api/v0/block/get. */
#include "blob/backend.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_MAX = 2048,
    ANSWER_MAX = 64 << 10, /* of everything that is not a block */
    CONNECT_MS = 5000,
    TOTAL_MS = 60000, /* a node asks its network for a block that it does not have, and may never find it */
};

typedef struct ipfs_store {
    CURL *curl;
    char *base;   /* without a slash at its end */
    char *public; /* the same without name and password, for errors */
} ipfs_store;

typedef struct answer {
    uint8_t *data;
    size_t len, cap, max;
    bool too_long;
    long status;
} answer;

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    answer *a = ctx;
    size_t n = size * count, cap = a->cap;
    uint8_t *more;

    if (n > a->max - a->len) {
        a->too_long = true;
        return 0;
    }
    while (cap < a->len + n + 1)
        cap = cap ? 2 * cap : 4096;
    if (cap != a->cap) {
        if (!(more = realloc(a->data, cap)))
            return 0;
        a->data = more;
        a->cap = cap;
    }
    memcpy(a->data + a->len, data, n);
    a->len += n;
    a->data[a->len] = '\0';
    return n;
}

static void ipfs_close(void *self)
{
    ipfs_store *s = self;

    if (!s)
        return;
    curl_easy_cleanup(s->curl);
    free(s->base);
    free(s->public);
    free(s);
    curl_global_cleanup();
}

static void hide_password(char *url)
{
    char *host = strstr(url, "://") + 3, *at = memrchr(host, '@', strcspn(host, "/?#")); /* a password may have one */

    if (at)
        memmove(host, at + 1, strlen(at + 1) + 1);
}

fcc_status blob__ipfs_open(const char *url, void **out, fcc_error *error)
{
    fcc_status st = FCC_ERR_NOMEM;
    ipfs_store *s;
    size_t n = strlen(url);

    if (n >= URL_MAX / 2)
        return fcc_error_set(error, FCC_ERR_ARG, "the URL of the IPFS node is longer than %d characters", URL_MAX / 2);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fcc_error_set(error, FCC_ERR_INTERNAL, "libcurl cannot be started");
    while (n > 0 && url[n - 1] == '/')
        n--;
    s = calloc(1, sizeof(*s));
    if (s) {
        s->base = strndup(url, n);
        s->public = strndup(url, n);
        s->curl = curl_easy_init();
    }
    if (!s || !s->base || !s->public || !s->curl) {
        fcc_error_set(error, st, "out of memory");
        goto failed;
    }
    hide_password(s->public);
    *out = s;
    return FCC_OK;
failed:
    if (s)
        ipfs_close(s);
    else
        curl_global_cleanup();
    return st;
}

static fcc_status away(const ipfs_store *s, CURLcode code, const char *words, fcc_error *error)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fcc_error_set(error, FCC_ERR_TIMEOUT, "the IPFS node at %s does not answer in time", s->public);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return fcc_error_set(
            error, FCC_ERR_IO,
            "no IPFS node at %s (%s): start it, or name its API's address (`ipfs config Addresses.API`)", s->public,
            words[0] ? words : curl_easy_strerror(code));
    return fcc_error_set(error, FCC_ERR_IO, "the IPFS node at %s: %s", s->public,
                         words[0] ? words : curl_easy_strerror(code));
}

/* What the node says about its no: {"Message":"..."}, or a line of text. */
static fcc_status refused(const ipfs_store *s, const answer *a, const char *cid, fcc_error *error)
{
    json_t *root = json_loadb((const char *)a->data, a->len, 0, NULL);
    const char *words = json_string_value(json_object_get(root, "Message"));
    char line[300];
    fcc_status st = FCC_ERR_IO;

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(a->len ? (const char *)a->data : "", "\r\n"),
             a->len ? (const char *)a->data : "");
    words = words ? words : line;
    if (strstr(words, "not found") && a->status == 500)
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND, "the IPFS node at %s does not have it", s->public);
    else if (a->status == 401 || a->status == 403)
        st = fcc_error_set(error, FCC_ERR_PEER, "the IPFS node at %s refuses access (HTTP %ld): %s", s->public,
                           a->status, words);
    else if (a->status == 404 || a->status == 405)
        fcc_error_set(error, st, "what listens at %s is no IPFS API (HTTP %ld)", s->public, a->status);
    else
        fcc_error_set(error, st, "the IPFS node at %s refuses block %s (HTTP %ld): %s", s->public, cid, a->status,
                      words);
    json_decref(root);
    return st;
}

/* POST, as the API wants it for everything. FCC_OK: the node said 200. */
static fcc_status ask(ipfs_store *s, const char *query, const fcc_bytes *block, const char *cid, answer *a,
                      fcc_error *error)
{
    char url[URL_MAX], words[CURL_ERROR_SIZE] = "";
    curl_mime *form = NULL;
    curl_mimepart *part;
    CURLcode code;

    snprintf(url, sizeof(url), "%s/api/v0/%s", s->base, query);
    curl_easy_reset(s->curl);
    curl_easy_setopt(s->curl, CURLOPT_URL, url);
    curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(s->curl, CURLOPT_PROXY, ""); /* a node is a neighbour: the environment's proxy is not for it */
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, a);
    if (block) {
        form = curl_mime_init(s->curl);
        part = form ? curl_mime_addpart(form) : NULL;
        if (!part || curl_mime_name(part, "data") != CURLE_OK || curl_mime_filename(part, "block") != CURLE_OK ||
            curl_mime_type(part, "application/octet-stream") != CURLE_OK ||
            curl_mime_data(part, block->len ? (const char *)block->data : "", block->len) != CURLE_OK) {
            curl_mime_free(form);
            return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        }
        curl_easy_setopt(s->curl, CURLOPT_MIMEPOST, form);
    } else {
        curl_easy_setopt(s->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE, 0L);
    }
    code = curl_easy_perform(s->curl);
    curl_mime_free(form);
    if (a->too_long)
        return fcc_error_set(error, FCC_ERR_CORRUPT, "the IPFS node at %s answers with more than %zu bytes", s->public,
                             a->max);
    if (code != CURLE_OK)
        return away(s, code, words, error);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &a->status);
    return a->status == 200 ? FCC_OK : refused(s, a, cid, error);
}

static fcc_status ipfs_put(void *self, const char *cid, uint64_t codec, fcc_bytes block, bool root, fcc_error *error)
{
    ipfs_store *s = self;
    answer a = { .max = ANSWER_MAX };
    json_t *said = NULL;
    const char *key;
    char query[200];
    fcc_status st;

    /* pinning is recursive: the root's pin keeps what lies below it */
    snprintf(query, sizeof(query), "block/put?cid-codec=%s&mhtype=sha2-256&mhlen=32&pin=%s",
             codec == BLOB_CODEC_RAW ? "raw" : "dag-pb", root ? "true" : "false");
    if ((st = ask(s, query, &block, cid, &a, error)) != FCC_OK)
        goto out;
    said = json_loadb((const char *)a.data, a.len, 0, NULL);
    key = json_string_value(json_object_get(said, "Key"));
    if (!key)
        st = fcc_error_set(error, FCC_ERR_PROTO, "the IPFS node at %s does not say under which CID it has stored %s",
                           s->public, cid);
    else if (strcmp(key, cid) != 0)
        st = fcc_error_set(error, FCC_ERR_CORRUPT,
                           "the IPFS node at %s has stored block %s as %.100s: it is not to be "
                           "trusted with content",
                           s->public, cid, key);
out:
    json_decref(said);
    free(a.data);
    return st;
}

static fcc_status ipfs_get(void *self, const char *cid, size_t max, uint8_t **block, size_t *len, fcc_error *error)
{
    ipfs_store *s = self;
    answer a = { .max = max };
    char query[200];
    fcc_status st;

    snprintf(query, sizeof(query), "block/get?arg=%s", cid);
    st = ask(s, query, NULL, cid, &a, error);
    if (st == FCC_OK && !a.data && !(a.data = malloc(1)))
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st != FCC_OK) {
        free(a.data);
        return st;
    }
    *block = a.data;
    *len = a.len;
    return FCC_OK;
}

/* Without its root's pin a node may collect the tree; when it does is its own affair. */
static fcc_status ipfs_drop(void *self, const char *cid, bool root, fcc_error *error)
{
    answer a = { .max = ANSWER_MAX };
    char query[200];
    fcc_status st;

    if (!root)
        return FCC_OK;
    snprintf(query, sizeof(query), "pin/rm?arg=%s", cid);
    st = ask(self, query, NULL, cid, &a, error);
    free(a.data);
    return st;
}

/* A node answers block/put when its own store has the block; what that store does with power cuts is its own affair. */
static fcc_status ipfs_sync(void *self, fcc_error *error)
{
    (void)self;
    (void)error;
    return FCC_OK;
}

const blob__backend blob__ipfs = { ipfs_put, ipfs_get, ipfs_drop, ipfs_sync, NULL, ipfs_close };
