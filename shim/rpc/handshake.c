/*
 * handshake.c: who connects to a server with TLS and fails is logged, by reason; and who speaks TLS to one without.
 *
 * gRPC closes such a connection without a word to its server. What it writes to its own log, one line with OpenSSL's
 * reason, is all there is. The other side's address is not in it, so that we look for the connection that has just said
 * something: right unless two do so within the same milliseconds, and then none is named.
 *
 * Without TLS, gRPC has nothing to say about bytes that are no HTTP/2. So we look at a new connection's first ones while
 * they are unread: at the moment when gRPC tells of the connection in its log, for which its tracer is switched on that
 * writes a few lines a connection. They are there by then, because the kernel is told to hand over no connection without.
 */
#include "rpc/internal.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpc/support/log.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_PORTS = 16,
    MAX_FDS = 4096,
    MAX_GAP = 64,
    QUIET_SECONDS = 10,
    HANDSHAKE_BYTES = 64 * 1024,
    WAIT_SECONDS = 1
};

struct reason {
    const char *words; /* of OpenSSL */
    fcc__code code;
    const char *text;
    bool told; /* ever */
    int64_t told_at;
    unsigned untold; /* since then */
};

static struct reason reasons[] = {
    { "http request", FCC__E_TLS_PLAIN_PEER, "it speaks plaintext HTTP", false, 0, 0 },
    { "wrong version number", FCC__E_TLS_PLAIN_PEER, "it speaks no TLS, probably plaintext", false, 0, 0 },
    { "peer did not return a certificate", FCC__E_TLS_PEER_BARE, "it shows no client certificate", false, 0, 0 },
    { "certificate verify failed", FCC__E_TLS_PEER_STRANGER,
      "its client certificate does not come from our client CA, or is not valid now", false, 0, 0 },
    { "alert unknown ca", FCC__E_TLS_PEER_MISTRUSTS, "it does not trust the CA of our certificate", false, 0, 0 },
    { "alert bad certificate", FCC__E_TLS_PEER_MISTRUSTS, "it does not accept our certificate", false, 0, 0 },
    { "alert certificate unknown", FCC__E_TLS_PEER_MISTRUSTS, "it does not accept our certificate", false, 0, 0 },
    { "alert certificate expired", FCC__E_TLS_PEER_MISTRUSTS, "it says that our certificate is expired", false, 0, 0 },
    { "", FCC__E_TLS_PEER_FAILED, NULL, false, 0, 0 }, /* OpenSSL's own words */
};

static struct reason spoken = { "", FCC__E_TLS_SPOKEN, NULL, false, 0, 0 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* gRPC may log from any of its threads */
static struct port {
    uint16_t number;
    bool tls;
} ports[MAX_PORTS];
static size_t port_count;
static _Atomic uint64_t *failures;

void rpc_count_failed_handshakes(_Atomic uint64_t *into)
{
    pthread_mutex_lock(&lock);
    failures = into;
    pthread_mutex_unlock(&lock);
}

/* ---- who it was ---- */

static uint16_t port_of(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
                                          : ((const struct sockaddr_in *)a)->sin_port);
}

static bool is_ours(int fd, bool tls)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof(own);
    uint16_t port;

    if (getsockname(fd, (struct sockaddr *)&own, &len) != 0 || (own.ss_family != AF_INET && own.ss_family != AF_INET6))
        return false;
    port = port_of(&own);
    for (size_t i = 0; i < port_count; i++)
        if (ports[i].number == port && ports[i].tls == tls)
            return true;
    return false;
}

/* The next socket of a server of ours behind `fd`, -1: none. The lowest numbers are given first, so that gaps are small. */
static int next_of_ours(int fd, bool tls)
{
    for (int gap = 0; ++fd < MAX_FDS && gap < MAX_GAP;) {
        if (is_ours(fd, tls))
            return fd;
        gap = fcntl(fd, F_GETFD) < 0 ? gap + 1 : 0;
    }
    return -1;
}

static void print_address(const struct sockaddr_storage *a, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;

    if (a->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, host, sizeof(host));
    else if (IN6_IS_ADDR_V4MAPPED(six))
        inet_ntop(AF_INET, six->s6_addr + 12, host, sizeof(host));
    else
        inet_ntop(AF_INET6, six, host, sizeof(host));
    snprintf(out, size, strchr(host, ':') ? " from [%s]:%d" : " from %s:%d", host, port_of(a));
}

/* " from 127.0.0.1:4711", or nothing. */
static void find_speaker(char *out, size_t size)
{
    uint32_t latest = UINT32_MAX;
    bool tie = false;

    out[0] = 0;
    for (int fd = next_of_ours(-1, true); fd >= 0; fd = next_of_ours(fd, true)) {
        struct sockaddr_storage peer;
        struct tcp_info info;
        socklen_t len = sizeof(peer), info_len = sizeof(info);

        if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
            continue; /* the listener has no peer */
        memset(&info, 0, sizeof(info));
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) != 0 ||
            info.tcpi_bytes_received > HANDSHAKE_BYTES || info.tcpi_last_data_recv > latest)
            continue;
        tie = info.tcpi_last_data_recv == latest;
        latest = info.tcpi_last_data_recv;
        print_address(&peer, out, size);
    }
    if (tie)
        out[0] = 0;
}

/* ---- telling ---- */

static int64_t now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

/* A port scan, or a peer that dials again and again, must not fill the disk. */
static bool is_due(struct reason *r, char *more, size_t size)
{
    int64_t now = now_s();

    if (failures)
        atomic_fetch_add_explicit(failures, 1, memory_order_relaxed);
    if (r->told && now - r->told_at < QUIET_SECONDS) {
        r->untold++;
        return false;
    }
    more[0] = 0;
    if (r->untold)
        snprintf(more, size, " (and %u like it before)", r->untold);
    r->told = true;
    r->told_at = now;
    r->untold = 0;
    return true;
}

static bool any_port(bool tls)
{
    for (size_t i = 0; i < port_count; i++)
        if (ports[i].tls == tls)
            return true;
    return false;
}

void rpc__heard_of_handshake(const char *message)
{
    static const char failed[] = "Handshake failed with fatal error ";
    char from[80], more[48];
    const char *words;
    size_t i = 0;

    if (strncmp(message, failed, strlen(failed)) != 0)
        return;
    words = strstr(message, "::"); /* SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed. */
    words = words ? words + 2 : message + strlen(failed);
    while (!strstr(words, reasons[i].words))
        i++;
    pthread_mutex_lock(&lock);
    /* without a server it is a handshake of our own, as a client, whose channel tells */
    if (any_port(true) && is_due(&reasons[i], more, sizeof(more))) {
        find_speaker(from, sizeof(from));
        fcc__log_code(FCC__WARN, reasons[i].code, "a TLS handshake%s failed: %s%s", from,
                      reasons[i].text ? reasons[i].text : words, more);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- servers without TLS ---- */

/* Is all that has come on it unread, and the beginning of a TLS handshake? */
static bool speaks_tls(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);
    uint8_t first[3];
    int unread = 0;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && ioctl(fd, FIONREAD, &unread) == 0 &&
           (uint64_t)unread == info.tcpi_bytes_received &&
           recv(fd, first, sizeof(first), MSG_PEEK | MSG_DONTWAIT) == sizeof(first) && first[0] == 0x16 &&
           first[1] == 3;
}

void rpc__heard_of_connection(const char *message)
{
    char from[80], more[48];

    if (!strstr(message, "server_transport") || !strstr(message, "IDLE -> READY"))
        return;
    pthread_mutex_lock(&lock);
    for (int fd = next_of_ours(-1, false); fd >= 0; fd = next_of_ours(fd, false)) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);

        if (!speaks_tls(fd) || getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
            !is_due(&spoken, more, sizeof(more)))
            continue;
        print_address(&peer, from, sizeof(from));
        fcc__log_code(FCC__WARN, spoken.code, "somebody%s speaks TLS, and this port is plaintext%s", from, more);
    }
    pthread_mutex_unlock(&lock);
}

/* No connection is accepted on this port before its first bytes have come, or it has said nothing for long. */
static void accept_with_data(uint16_t port)
{
    const int seconds = WAIT_SECONDS;

    for (int fd = next_of_ours(-1, false); fd >= 0; fd = next_of_ours(fd, false)) {
        struct sockaddr_storage own;
        socklen_t len = sizeof(own), flag_len = sizeof(int);
        int listens = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_len) == 0 && listens &&
            getsockname(fd, (struct sockaddr *)&own, &len) == 0 && port_of(&own) == port)
            setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
    }
}

/* ---- ports ---- */

void rpc__listens(int port, bool tls)
{
    pthread_mutex_lock(&lock);
    if (port_count < MAX_PORTS)
        ports[port_count++] = (struct port){ (uint16_t)port, tls };
    if (!tls)
        accept_with_data((uint16_t)port);
    pthread_mutex_unlock(&lock);
    if (!tls) {
        grpc_tracer_set_enabled("connectivity_state", 1);
        gpr_set_log_verbosity(GPR_LOG_SEVERITY_INFO);
    }
}

void rpc__listens_no_more(int port)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < port_count; i++)
        if (ports[i].number == (uint16_t)port) {
            ports[i] = ports[--port_count];
            break;
        }
    pthread_mutex_unlock(&lock);
}
