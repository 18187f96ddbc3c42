/*
 * Certificates for tests from the outside: write_certs OUT makes there, in PEM, with NAME.key beside each NAME.pem:
 *
 *     ca, other_ca   two authorities
 *     server         of ca, for 127.0.0.1 and chaincode.example
 *     expired        of ca, over since yesterday
 *     client         of ca
 *     stranger       of other_ca
 */
#include "test/support/certs.h"

#include <stdio.h>

static int write_file(const char *dir, const char *name, const char *ending, fcc_bytes content)
{
    char path[4096];
    FILE *f;
    int ok;

    snprintf(path, sizeof(path), "%s/%s.%s", dir, name, ending);
    f = fopen(path, "wb");
    ok = f && fwrite(content.data, 1, content.len, f) == content.len;
    return f && fclose(f) == 0 && ok;
}

/* `days` from now it ends; 0 leaves it as it is. */
static int write_cert(const char *dir, const char *name, test_cert *cert, const test_cert *ca, long days)
{
    BIO *bio;
    int ok;

    if (days) {
        X509_gmtime_adj(X509_getm_notBefore(cert->cert), (days - 30) * 86400);
        X509_gmtime_adj(X509_getm_notAfter(cert->cert), days * 86400);
        X509_sign(cert->cert, ca->key, EVP_sha256());
        free((void *)(uintptr_t)cert->cert_pem.data);
        bio = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(bio, cert->cert);
        cert->cert_pem = test_cert_take(bio);
    }
    ok = write_file(dir, name, "pem", cert->cert_pem) && write_file(dir, name, "key", cert->key_pem);
    test_cert_clear(cert);
    return ok;
}

int main(int argc, char **argv)
{
    test_cert ca = test_cert_make("Chaincode CA", NULL), other = test_cert_make("Another CA", NULL);
    test_cert server = test_cert_make("chaincode.example", &ca), expired = test_cert_make("chaincode.example", &ca);
    test_cert client = test_cert_make("peer.example", &ca), stranger = test_cert_make("peer.example", &other);
    const char *dir = argv[argc - 1];
    int ok = argc == 2 && write_cert(dir, "server", &server, &ca, 0) && write_cert(dir, "expired", &expired, &ca, -1) &&
             write_cert(dir, "client", &client, &ca, 0) && write_cert(dir, "stranger", &stranger, &other, 0);

    ok = ok && write_cert(dir, "ca", &ca, NULL, 0) && write_cert(dir, "other_ca", &other, NULL, 0);
    if (!ok)
        fprintf(stderr, "usage: write_certs OUT, an existing folder\n");
    return ok ? 0 : 1;
}
