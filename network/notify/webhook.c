/* Notices as POST requests to a web server. */
#include "notify/private.h"

#include "base/hash.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_MAX = 4096, HEADER_MAX = 512 };

typedef struct webhook {
    CURL *curl;
    char *url;
    uint8_t secret[SECRET_MAX];
    size_t secret_len;
    char said[200]; /* the begin of a refusal's words */
    size_t said_len;
    char why[CURL_ERROR_SIZE];
} webhook;

static void close_hook(void *self)
{
    webhook *h = self;

    curl_easy_cleanup(h->curl);
    OPENSSL_cleanse(h->secret, sizeof(h->secret));
    free(h->url);
    free(h);
    curl_global_cleanup();
}

static size_t on_words(char *data, size_t size, size_t count, void *ctx)
{
    webhook *h = ctx;
    size_t n = size * count, room = sizeof(h->said) - 1 - h->said_len, i;

    for (i = 0; i < n && i < room; i++)
        h->said[h->said_len++] = data[i] >= ' ' && data[i] < 127 ? data[i] : ' ';
    h->said[h->said_len] = '\0';
    return n;
}

static struct curl_slist *add(struct curl_slist *list, bool *ok, const char *format, const char *value)
{
    char line[HEADER_MAX];
    struct curl_slist *more;

    snprintf(line, sizeof(line), format, value);
    more = curl_slist_append(list, line);
    *ok = *ok && more;
    return more ? more : list;
}

static struct curl_slist *headers_of(const webhook *h, const notice *n, bool *ok)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    struct curl_slist *list = NULL;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0, i;

    *ok = true;
    list = add(list, ok, "%s", "Content-Type: application/json");
    list = add(list, ok, "%s", "Expect:"); /* no wait for 100 Continue */
    list = add(list, ok, "Idempotency-Key: %s", n->id);
    list = add(list, ok, "X-MedSync-Kind: %s", n->kind);
    if (h->secret_len == 0)
        return list;
    *ok = *ok &&
          HMAC(EVP_sha256(), h->secret, (int)h->secret_len, (const uint8_t *)n->text, strlen(n->text), mac, &len);
    for (i = 0; i < len; i++) {
        hex[2 * i] = digits[mac[i] >> 4];
        hex[2 * i + 1] = digits[mac[i] & 15];
    }
    return add(list, ok, "X-MedSync-Signature: sha256=%s", hex);
}

static fcc_status post(void *self, const notice *n, fcc_error *error)
{
    webhook *h = self;
    struct curl_slist *headers;
    long status = 0;
    CURLcode code;
    bool ok;

    headers = headers_of(h, n, &ok);
    if (!ok) {
        curl_slist_free_all(headers);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    h->said_len = 0;
    h->said[0] = h->why[0] = '\0';
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(n->text));
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, n->text);
    code = curl_easy_perform(h->curl);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return fcc_error_set(error, code == CURLE_OPERATION_TIMEDOUT ? FCC_ERR_TIMEOUT : FCC_ERR_IO, "%s",
                             h->why[0] ? h->why : curl_easy_strerror(code));
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_PEER, "HTTP %ld%s%s", status, h->said[0] ? ": " : "", h->said);
}

/* The whole file, without the line's end that an editor leaves. */
static fcc_status read_secret(webhook *h, const char *path, fcc_error *error)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    h->secret_len = fread(h->secret, 1, sizeof(h->secret), f);
    fclose(f);
    if (h->secret_len == sizeof(h->secret))
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: a webhook's secret has fewer than %d bytes", path, SECRET_MAX);
    while (h->secret_len > 0 && (h->secret[h->secret_len - 1] == '\n' || h->secret[h->secret_len - 1] == '\r'))
        h->secret_len--;
    if (h->secret_len == 0)
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the webhook's secret is empty", path);
    return FCC_OK;
}

/* What may be said of a URL: scheme, host and port. Its path is the password, as a rule, where it has no other. */
static const char *said_of(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "//") + 2;
    const size_t len = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', len), *from = at ? at + 1 : host;

    snprintf(out, size, "%.*s%.*s", (int)(host - url), url, (int)(host + len - from), from);
    return out;
}

fcc_status notify_to_webhook(const notify_webhook *hook, int timeout_s, notify_sink **out, fcc_error *error)
{
    fcc_status st = FCC_OK;
    char said[256];
    webhook *h;

    if (strncmp(hook->url, "http://", 7) != 0 && strncmp(hook->url, "https://", 8) != 0)
        return fcc_error_set(error, FCC_ERR_ARG, "a webhook's URL must begin with http:// or https://");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return fcc_error_set(error, FCC_ERR_INTERNAL, "libcurl cannot be started");
    h = calloc(1, sizeof(*h));
    if (!h) {
        curl_global_cleanup();
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    h->curl = curl_easy_init();
    h->url = strdup(hook->url);
    if (!h->curl || !h->url)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK && hook->secret)
        st = read_secret(h, hook->secret, error);
    if (st != FCC_OK) {
        close_hook(h);
        return st;
    }
    curl_easy_setopt(h->curl, CURLOPT_URL, h->url);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "medsync-notify");
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, (long)timeout_s);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->why);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_words);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
    if (hook->ca)
        curl_easy_setopt(h->curl, CURLOPT_CAINFO, hook->ca);
    return notify__sink("webhook", said_of(h->url, said, sizeof(said)), h, post, close_hook, out, error);
}
