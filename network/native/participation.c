/* See participation.h. */
#include "native/participation.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_S = 30, CREATED = 201, OK = 200, NOT_FOUND = 404 };

struct words {
    char text[512];
    size_t len;
};

static size_t keep(char *data, size_t size, size_t n, void *ctx)
{
    struct words *words = ctx;
    size_t room = sizeof(words->text) - 1 - words->len, take = n * size < room ? n * size : room;

    memcpy(words->text + words->len, data, take);
    words->len += take;
    words->text[words->len] = '\0';
    return n * size;
}

/* A request with what all have in common; *status is HTTP's. */
static fcc_status ask(CURL *curl, const participation_admin *admin, const char *path, struct words *words, long *status,
                      fcc_error *error)
{
    char url[512], why[CURL_ERROR_SIZE] = "";
    CURLcode code;

    snprintf(url, sizeof(url), "https://%s/participation/v1/channels%s", admin->address, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, admin->ca);
    curl_easy_setopt(curl, CURLOPT_SSLCERT, admin->cert);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, admin->key);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, words);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", url, why[0] ? why : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return FCC_OK;
}

static fcc_status join(CURL *curl, const participation_admin *admin, const char *channel, fcc_bytes genesis,
                       fcc_error *error)
{
    struct words words = { .len = 0 };
    curl_mime *form = curl_mime_init(curl);
    curl_mimepart *part = form ? curl_mime_addpart(form) : NULL;
    fcc_status st = FCC_ERR_NOMEM;
    long status = 0;

    if (part && curl_mime_name(part, "config-block") == CURLE_OK &&
        curl_mime_filename(part, "config.block") == CURLE_OK &&
        curl_mime_data(part, (const char *)genesis.data, genesis.len) == CURLE_OK) {
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, form);
        st = ask(curl, admin, "", &words, &status, error);
    }
    if (st == FCC_OK && status != CREATED)
        st = fcc_error_set(error, FCC_ERR_PEER, "the orderer at %s does not join channel %s (HTTP %ld): %s",
                           admin->address, channel, status, words.text);
    curl_mime_free(form);
    return st;
}

fcc_status participation_join(const participation_admin *admin, const char *channel, fcc_bytes genesis,
                              fcc_error *error)
{
    struct words words = { .len = 0 };
    char path[300];
    CURL *curl = curl_easy_init();
    long status = 0;
    fcc_status st;

    if (!curl)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    snprintf(path, sizeof(path), "/%s", channel);
    st = ask(curl, admin, path, &words, &status, error);
    if (st == FCC_OK && status == NOT_FOUND)
        st = join(curl, admin, channel, genesis, error);
    else if (st == FCC_OK && status != OK)
        st = fcc_error_set(error, FCC_ERR_PEER, "the orderer at %s about channel %s (HTTP %ld): %s", admin->address,
                           channel, status, words.text);
    curl_easy_cleanup(curl);
    return st;
}
