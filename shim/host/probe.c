/* See probe.h. HTTP/1.0, so that the answer ends with the connection. */
#include "host/probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 5, ANSWER_MAX = 64 * 1024 };

static int dial(const char *host, const char *port, const char **why)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    const struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
    struct addrinfo *found = NULL;
    int fd = -1, failed = getaddrinfo(host, port, &hints, &found);

    if (failed) {
        *why = gai_strerror(failed);
        return -1;
    }
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            *why = strerror(errno);
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static fcc_status unanswered(const char *address, const char *why, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_IO,
                         "no fcc-host answers at %s (%s): does it run, and is that `admin` of its file?", address, why);
}

fcc_status host_probe(const char *address, bool *ready, FILE *out, fcc_error *error)
{
    static const char request[] = "GET /readyz HTTP/1.0\r\n\r\n";
    char answer[ANSWER_MAX], host[256];
    const char *colon = strrchr(address, ':'), *why = "no answer", *body;
    size_t n = 0;
    ssize_t got = 0;
    int fd, status = 0;

    if (!colon || colon == address || !colon[1] || (size_t)(colon - address) >= sizeof(host))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: expected host:port", address);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    if (host[0] == '[' && colon[-1] == ']')
        snprintf(host, sizeof(host), "%.*s", (int)(colon - address) - 2, address + 1);
    if ((fd = dial(host, colon + 1, &why)) < 0)
        return unanswered(address, why, error);
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
        got = -1;
    while (got >= 0 && n < sizeof(answer) - 1 && (got = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
        n += (size_t)got;
    if (got < 0)
        why = strerror(errno);
    close(fd);
    answer[n] = '\0';
    body = strstr(answer, "\r\n\r\n");
    if (got < 0 || !body || sscanf(answer, "HTTP/1.%*1[01] %d", &status) != 1)
        return unanswered(address, why, error);
    *ready = status == 200;
    fputs(body + 4, out);
    return FCC_OK;
}
