/*
 * A TLS server that is no chaincode, for tests from the outside: tls_server CERT KEY prints "port N", greets everybody
 * who comes and hangs up. It looks at no date, so that it serves what our own servers refuse to. Without arguments it
 * does the same in plaintext.
 */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "220 mail.example at your service\r\n";

static void greet(int fd, SSL_CTX *tls)
{
    SSL *ssl = tls ? SSL_new(tls) : NULL;

    if (!tls) {
        if (write(fd, greeting, sizeof(greeting) - 1) < 0)
            perror("write");
    } else if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
        SSL_write(ssl, greeting, sizeof(greeting) - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(address);
    SSL_CTX *tls = argc == 3 ? SSL_CTX_new(TLS_server_method()) : NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (tls && (SSL_CTX_use_certificate_file(tls, argv[1], SSL_FILETYPE_PEM) != 1 ||
                SSL_CTX_use_PrivateKey_file(tls, argv[2], SSL_FILETYPE_PEM) != 1))
        return 1;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 1;
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    while ((one = accept(fd, NULL, NULL)) >= 0)
        greet(one, tls);
    return 0;
}
