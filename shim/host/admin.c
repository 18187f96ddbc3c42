/* See admin.h. */
#include "host/admin.h"

#include "host/exposition.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MAX_ANSWER = 64 * 1024 * 1024, MAX_CONNECTIONS = 64, IDLE_SECONDS = 10, ASK_SECONDS = 20 };

/*
 * With all its connections taken microhttpd listens no more; when one has ended it begins again, but only in a later run,
 * for which it gives no time.
 */
enum { DEAF_RUNS = 4, DEAF_MS = 50 };

/* One that connected. Its file descriptor is microhttpd's. */
struct caller {
    struct caller *next;
    int fd;
    int64_t since_ms; /* connected, or last answered */
};

struct host_admin {
    struct MHD_Daemon *daemon;
    struct caller *callers;
    unsigned deaf; /* see DEAF_RUNS */
    const host_site *site;
};

struct answer {
    unsigned status;
    const char *type;
    fcc__buf body;
};

/* ---- what each path answers ---- */

/* fcc-host itself answers: that is all. */
static void healthz(const host_admin *a, struct answer *out)
{
    (void)a;
    fcc__buf_puts(&out->body, "ok\n");
}

/* The file does not have it any more. */
static bool is_going(const host_child *c)
{
    return c->leaving && !c->next;
}

static void readyz(const host_admin *a, struct answer *out)
{
    const host_site *s = a->site;
    bool ready = !s->stopping;

    for (size_t i = 0; i < s->count; i++)
        ready = ready && (is_going(&s->children[i]) || host_child_state(&s->children[i]) == HOST_SERVING);
    out->status = ready ? 200 : 503;
    fcc__buf_puts(&out->body, ready ? "ready\n" : s->stopping ? "not ready: stopping\n" : "not ready\n");
    for (size_t i = 0; i < s->count; i++) {
        const host_child *c = &s->children[i];

        fcc__buf_printf(&out->body, "%s %s, peers connected: %llu\n", c->chaincode->name,
                        host_state_name(host_child_state(c)),
                        (unsigned long long)fcc__counted(&c->counters->streams_open));
    }
}

static void status(const host_admin *a, struct answer *out)
{
    json_t *list = json_array();
    json_t *root = json_pack("{s:b, s:o}", "stopping", a->site->stopping, "chaincodes", list);
    char *text;

    out->type = "application/json";
    for (size_t i = 0; root && i < a->site->count; i++) {
        const host_child *c = &a->site->children[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I}", "name",
                                              c->chaincode->name, "ccid", c->chaincode->ccid, "address",
                                              c->chaincode->address, "state", host_state_name(host_child_state(c)),
                                              "pid", (int)c->pid, "runs_ms",
                                              (json_int_t)(c->pid ? host_now_ms() - c->started_ms : 0), "restarts",
                                              (json_int_t)c->restarts, "replacements", (json_int_t)c->replacements,
                                              "streams", (json_int_t)fcc__counted(&c->counters->streams_open),
                                              "transactions", (json_int_t)fcc__counted(&c->counters->running)));
    }
    text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (text) {
        fcc__buf_puts(&out->body, text);
        fcc__buf_putc(&out->body, '\n');
    } else {
        out->status = 500;
    }
    free(text);
    json_decref(root);
}

static void metrics(const host_admin *a, struct answer *out)
{
    out->type = "text/plain; version=0.0.4; charset=utf-8";
    host_exposition(a->site->children, a->site->count, &out->body);
}

static const struct {
    const char *path;
    void (*answer)(const host_admin *a, struct answer *out);
} pages[] = { { "/healthz", healthz }, { "/readyz", readyz }, { "/status", status }, { "/metrics", metrics } };

static void answer(const host_admin *a, const char *path, const char *method, struct answer *out)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        out->status = 405;
        fcc__buf_puts(&out->body, "only GET\n");
        return;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(path, pages[i].path) == 0) {
            pages[i].answer(a, out);
            return;
        }
    out->status = 404;
    fcc__buf_puts(&out->body, "there are /healthz, /readyz, /status and /metrics\n");
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
    const host_admin *a = ctx;
    struct answer out = { .status = 200, .type = "text/plain; charset=utf-8" };
    struct MHD_Response *response;
    enum MHD_Result result = MHD_NO;
    static char seen;

    (void)version;
    (void)upload;
    /* called first with the headers, then with each piece of a body, which nobody wants, then to be answered */
    if (!*request || *upload_size) {
        *request = &seen;
        *upload_size = 0;
        return MHD_YES;
    }
    fcc__buf_init(&out.body, MAX_ANSWER);
    answer(a, path, method, &out);
    if (!fcc__buf_ok(&out.body)) {
        out.status = 500;
        fcc__buf_reset(&out.body);
    }
    response = MHD_create_response_from_buffer(out.body.len, out.body.data, MHD_RESPMEM_MUST_COPY);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, out.type);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        result = MHD_queue_response(connection, out.status, response);
        MHD_destroy_response(response);
    }
    fcc__buf_clear(&out.body);
    return result;
}

/* ---- who comes and does not get on ---- */

/* microhttpd counts a connection as idle while nothing comes; who sends a byte now and then would keep it for ever. */
static void on_connection(void *ctx, struct MHD_Connection *connection, void **own,
                          enum MHD_ConnectionNotificationCode what)
{
    host_admin *a = ctx;
    struct caller *c = *own, **at = &a->callers;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        if (!(c = calloc(1, sizeof(*c))))
            return;
        c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->since_ms = host_now_ms();
        c->next = a->callers;
        a->callers = *own = c;
        return;
    }
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
    free(c);
    *own = NULL;
}

static void on_answered(void *ctx, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode how)
{
    const union MHD_ConnectionInfo *own = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct caller *c = own ? own->socket_context : NULL;

    (void)ctx;
    (void)request;
    (void)how;
    if (c)
        c->since_ms = host_now_ms();
}

/* Its next read then finds the end. */
static void send_away(const host_admin *a)
{
    const int64_t now = host_now_ms();

    for (const struct caller *c = a->callers; c; c = c->next)
        if (now - c->since_ms > ASK_SECONDS * 1000)
            shutdown(c->fd, SHUT_RDWR);
}

/* ---- the server ---- */

static fcc_status resolve(const char *address, struct addrinfo **out, fcc_error *error)
{
    const char *colon = strrchr(address, ':');
    size_t len = (size_t)(colon - address);
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    char host[64] = "";
    int failed = EAI_NONAME;

    if (address[0] == '[' && len >= 2 && len - 2 < sizeof(host))
        memcpy(host, address + 1, len - 2);
    else if (len < sizeof(host))
        memcpy(host, address, len);
    if (host[0])
        failed = getaddrinfo(host, colon + 1, &hints, out);
    if (failed)
        return fcc_error_set(error, FCC_ERR_CONFIG, "admin: \"%s\": expected an IP address and a port: %s", address,
                             gai_strerror(failed));
    return FCC_OK;
}

fcc_status host_admin_new(const char *address, const host_site *site, host_admin **out, fcc_error *error)
{
    struct addrinfo *found = NULL;
    host_admin *a = calloc(1, sizeof(*a));
    unsigned flags = MHD_USE_EPOLL;
    fcc_status st = a ? resolve(address, &found, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");

    if (st != FCC_OK) {
        free(a);
        return st;
    }
    a->site = site;
    if (found->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    a->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, a, MHD_OPTION_SOCK_ADDR, found->ai_addr,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)IDLE_SECONDS, MHD_OPTION_NOTIFY_CONNECTION, on_connection, a,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_answered, a, MHD_OPTION_END);
    freeaddrinfo(found);
    if (!a->daemon) {
        st = fcc_error_set(error, FCC_ERR_IO, "admin: cannot listen on %s: %s", address,
                           errno ? strerror(errno) : "the HTTP server did not start");
        free(a);
        return st;
    }
    *out = a;
    return FCC_OK;
}

int host_admin_fd(const host_admin *a)
{
    return MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int host_admin_timeout_ms(const host_admin *a)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(a->daemon, &ms) != MHD_YES)
        return a->deaf ? DEAF_MS : -1;
    if (a->deaf && ms > DEAF_MS)
        return DEAF_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

int host_admin_port(const host_admin *a)
{
    return MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void host_admin_run(host_admin *a)
{
    send_away(a);
    MHD_run(a->daemon);
    if (MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections >= MAX_CONNECTIONS)
        a->deaf = DEAF_RUNS;
    else if (a->deaf)
        a->deaf--;
}

void host_admin_free(host_admin *a)
{
    if (!a)
        return;
    MHD_stop_daemon(a->daemon);
    free(a);
}
