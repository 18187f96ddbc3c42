/* Where custodians are: a small file for each, beside endpoints.json. */
#include "custodian/custodian.h"

#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

/* MSP ids name files here: those that could lead elsewhere are none. */
static bool path_of(const char *dir, const char *mspid, const char *suffix, char out[PATH_ROOM])
{
    size_t n = strspn(mspid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return n > 0 && mspid[n] == '\0' && mspid[0] != '.' &&
           snprintf(out, PATH_ROOM, "%s/custodians/%s.%s", dir, mspid, suffix) < PATH_ROOM;
}

/* The folder, and the path of a file in it. */
static fcc_status make_folder(const char *dir, const char *mspid, const char *suffix, char path[PATH_ROOM],
                              fcc_error *error)
{
    char folder[PATH_ROOM];

    if (!path_of(dir, mspid, suffix, path) || snprintf(folder, sizeof(folder), "%s/custodians", dir) >= PATH_ROOM)
        return fcc_error_set(error, FCC_ERR_ARG, "%s: no MSP id to name a file by", mspid);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", folder, strerror(errno));
    return FCC_OK;
}

/* Who holds the lock, and where it listens, as far as the directory tells. */
static fcc_status is_taken(const char *dir, const char *mspid, int fd, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(1 << 16);
    custodian_address there = { .address = "" };
    char pid[32] = "";
    const ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
    bool known;

    pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
    known = arena && custodian_find(dir, mspid, arena, &there, NULL) == FCC_OK;
    fcc_error_set(error, FCC_ERR_EXISTS,
                  "a custodian of %s runs and is announced in %s already (process %s%s%s): stop it first (kill %s), or "
                  "start this one with --announced, and tell others its address yourself",
                  mspid, dir, pid, known ? ", at " : "", known ? there.address : "", pid);
    fcc__arena_free(arena);
    return FCC_ERR_EXISTS;
}

fcc_status custodian_claim(const char *dir, const char *mspid, int *lock, fcc_error *error)
{
    char path[PATH_ROOM], pid[32];
    fcc_status st = make_folder(dir, mspid, "lock", path, error);
    const int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    int fd;

    if (st != FCC_OK)
        return st;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        st = is_taken(dir, mspid, fd, error);
    else if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (st == FCC_OK)
        *lock = fd;
    else if (fd >= 0)
        close(fd);
    return st;
}

fcc_status custodian_publish(const char *dir, const custodian_address *a, fcc_error *error)
{
    char path[PATH_ROOM];
    json_t *o = NULL;
    char *text = NULL;
    fcc_status st = make_folder(dir, a->mspid, "json", path, error);

    if (st != FCC_OK)
        return st;
    o = json_pack("{s:s, s:s, s:s, s:s}", "address", a->address, "mspId", a->mspid, "name", a->name, "tlsCa",
                  a->tls_ca);
    text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    st = text ? fcc__write_whole(path, fcc_str(text), error)
              : fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", path);
    free(text);
    json_decref(o);
    return st;
}

fcc_status custodian_find(const char *dir, const char *mspid, fcc__arena *arena, custodian_address *out,
                          fcc_error *error)
{
    char path[PATH_ROOM];
    const char *ca;
    struct stat there;
    json_error_t why;
    json_t *o;
    fcc_status st = FCC_OK;

    if (!path_of(dir, mspid, "json", path) || stat(path, &there) != 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND,
                             "no custodian of %s is known in %s/custodians: start `medsync custodian` there", mspid,
                             dir);
    o = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!o)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s:%d: %s", path, why.line, why.text);
    out->address = fcc__arena_printf(
        arena, "%s",
        json_string_value(json_object_get(o, "address")) ? json_string_value(json_object_get(o, "address")) : "");
    out->mspid = fcc__arena_printf(arena, "%s", mspid);
    out->name = fcc__arena_printf(
        arena, "%s",
        json_string_value(json_object_get(o, "name")) ? json_string_value(json_object_get(o, "name")) : "");
    ca = json_string_value(json_object_get(o, "tlsCa"));
    out->tls_ca = ca && *ca ? client_path(dir, ca, arena) : "";
    if (!out->address || !out->mspid || !out->name || !out->tls_ca)
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: out of memory", path);
    else if (!out->address[0] || !out->name[0] || !out->tls_ca[0])
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: \"address\", \"name\" and \"tlsCa\" are needed", path);
    json_decref(o);
    return st;
}

void custodian_withdraw(const char *dir, const custodian_address *a, int lock)
{
    fcc__arena *arena = fcc__arena_new(1 << 16);
    custodian_address there;
    char path[PATH_ROOM];

    if (a && arena && path_of(dir, a->mspid, "json", path) &&
        custodian_find(dir, a->mspid, arena, &there, NULL) == FCC_OK && !strcmp(there.address, a->address))
        unlink(path);
    fcc__arena_free(arena);
    if (lock >= 0)
        close(lock); /* the file stays: unlinking it would let two custodians lock two files of one name */
}

bool custodian_certificate_name(fcc_bytes pem, char *out, size_t size)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    GENERAL_NAMES *names = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    bool found = false;

    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        if (n->type != GEN_DNS)
            continue;
        snprintf(out, size, "%.*s", ASN1_STRING_length(n->d.dNSName), ASN1_STRING_get0_data(n->d.dNSName));
        found = true;
    }
    if (!found && cert)
        found = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out, (int)size) > 0;
    GENERAL_NAMES_free(names);
    X509_free(cert);
    BIO_free(bio);
    return found;
}
