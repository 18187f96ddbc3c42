/*
 * port.h: a port of 127.0.0.1 for a process that is about to listen there. Nobody else is given it until this program
 * ends: a socket stays bound to it that does not listen, so whoever connects too early is refused as ever. A port that
 * is let go of before the process has it is given to the next who asks, one time in some thousand.
 */
#ifndef TEST_SUPPORT_PORT_H
#define TEST_SUPPORT_PORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static inline int test_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    /* as servers say it too: then both may be bound to it, as long as one of them does not listen */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        abort();
    return ntohs(a.sin_port);
}

#endif
