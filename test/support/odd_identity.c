/*
 * A signing identity that is not as it should be, for tests from the outside:
 *
 *     odd_identity expired ORG_DIR OUT   issued by that organisation's authority (DIR/crypto/peerOrganizations/<domain>),
 *                                        and over since a minute ago
 *     odd_identity unknown ORG_DIR OUT   issued by an authority that nobody knows
 *
 * OUT becomes an MSP directory (signcerts, keystore) for `medsync --msp-dir`.
 */
#include "msp/issue.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/pem.h>

static FILE *open_ending(const char *dir, const char *ending)
{
    char path[4096];
    struct dirent *e;
    FILE *f = NULL;
    DIR *d = opendir(dir);

    while (d && !f && (e = readdir(d))) {
        size_t n = strlen(e->d_name), m = strlen(ending);

        if (n >= m && !strcmp(e->d_name + n - m, ending)) {
            snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
            f = fopen(path, "r");
        }
    }
    if (d)
        closedir(d);
    return f;
}

static FILE *create(const char *out, const char *folder, const char *name)
{
    char path[4096];

    mkdir(out, 0700);
    snprintf(path, sizeof(path), "%s/%s", out, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/%s/%s", out, folder, name);
    return fopen(path, "w");
}

int main(int argc, char **argv)
{
    char ca[4096];
    bool unknown = argc == 4 && !strcmp(argv[1], "unknown");
    int64_t now = (int64_t)time(NULL);
    msp__request r = { .use = MSP__USE_SIGN, .organisation = "Odd", .unit = "client", .name = "odd" };
    EVP_PKEY *ca_key = NULL, *key = msp__new_key();
    X509 *ca_cert = NULL, *cert;
    FILE *f;

    if (argc != 4 || (!unknown && strcmp(argv[1], "expired") != 0)) {
        fprintf(stderr, "usage: odd_identity expired|unknown ORG_DIR OUT\n");
        return 2;
    }
    /* never older than its authority: that would be another reason to refuse it */
    r.not_before = now - 120;
    r.not_after = unknown ? now + 86400 : now - 60;
    if (unknown) {
        msp__request own = { .use = MSP__USE_CA, .organisation = "Odd", .name = "nobody's authority" };

        own.not_before = r.not_before;
        own.not_after = r.not_after;
        ca_key = msp__new_key();
        ca_cert = ca_key ? msp__issue(&own, ca_key, NULL, ca_key) : NULL;
    } else {
        snprintf(ca, sizeof(ca), "%s/ca", argv[2]);
        if ((f = open_ending(ca, "_sk"))) {
            ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
            fclose(f);
        }
        if ((f = open_ending(ca, ".pem"))) {
            ca_cert = PEM_read_X509(f, NULL, NULL, NULL);
            fclose(f);
        }
    }
    cert = key && ca_key && ca_cert ? msp__issue(&r, key, ca_cert, ca_key) : NULL;
    if (!cert) {
        fprintf(stderr, "odd_identity: no certificate from %s\n", argv[2]);
        return 1;
    }
    if (!(f = create(argv[3], "signcerts", "cert.pem")) || PEM_write_X509(f, cert) != 1 || fclose(f) != 0)
        return 1;
    if (!(f = create(argv[3], "keystore", "key_sk")) ||
        PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(f) != 0)
        return 1;
    X509_free(cert);
    X509_free(ca_cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return 0;
}
