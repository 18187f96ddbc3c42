/*
 * hook PORT-FILE OUT REFUSALS: a web server on a free port of 127.0.0.1, which it writes to PORT-FILE, that appends each
 * request's notable headers and body to OUT and answers the first REFUSALS of them with 503. Ends with its input.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *out;
static int refusals;

typedef struct request {
    char body[65536];
    size_t len;
} request;

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *data, size_t *len, void **own)
{
    static const char *const shown[] = { "Content-Type", "Idempotency-Key", "X-MedSync-Kind", "X-MedSync-Signature" };
    unsigned status = MHD_HTTP_NO_CONTENT;
    struct MHD_Response *r;
    enum MHD_Result result;
    request *q = *own;
    size_t i;

    (void)ctx;
    (void)version;
    if (!q) {
        *own = calloc(1, sizeof(*q));
        return *own ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        if (*len > sizeof(q->body) - q->len)
            return MHD_NO;
        memcpy(q->body + q->len, data, *len);
        q->len += *len;
        *len = 0;
        return MHD_YES;
    }
    if (refusals > 0) {
        refusals--;
        status = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    fprintf(out, "%u %s %s\n", status, method, url);
    for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, shown[i]);

        fprintf(out, "%s: %s\n", shown[i], value ? value : "-");
    }
    fprintf(out, "%.*s\n", (int)q->len, q->body);
    fflush(out);
    r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    result = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return result;
}

static void done(void *ctx, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode code)
{
    (void)ctx;
    (void)c;
    (void)code;
    free(*own);
    *own = NULL;
}

int main(int argc, char **argv)
{
    const union MHD_DaemonInfo *info;
    struct MHD_Daemon *d;
    char c;
    FILE *f;

    if (argc != 4 || !(out = fopen(argv[2], "a")))
        return 2;
    refusals = atoi(argv[3]);
    d = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                         done, NULL, MHD_OPTION_END);
    info = d ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info || !(f = fopen(argv[1], "w")))
        return 1;
    fprintf(f, "%u\n", info->port);
    fclose(f);
    while (read(0, &c, 1) > 0)
        ;
    MHD_stop_daemon(d);
    return 0;
}
