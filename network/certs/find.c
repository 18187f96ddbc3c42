/* find.c: every certificate of a crypto directory. See certs.h. */
#include "certs/internal.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 1024, ENTRIES_MAX = 16384 };

typedef struct finder {
    fcc__arena *arena;
    fcc_error *error;
    certs_entry *v;
    size_t n, room;
} finder;

const char *certs_use_name(certs_use use)
{
    static const char *const names[] = { "authority", "identity", "server", "client" };

    return names[use];
}

static fcc_status no_room(finder *f)
{
    return fcc_error_set(f->error, FCC_ERR_LIMIT, "too much key material");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

fcc_status certs__dirs(const char *dir, fcc__arena *arena, const char ***out, size_t *count, fcc_error *error)
{
    const char **names = fcc__arena_zalloc(arena, NAMES_MAX, sizeof *names);
    DIR *d = opendir(dir);
    const struct dirent *entry;
    size_t n = 0;

    *out = names;
    *count = 0;
    if (!d)
        return errno == ENOENT ? FCC_OK : fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    while (names && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (n == NAMES_MAX)
            names = NULL;
        else if (!(names[n++] = fcc__arena_printf(arena, "%s", entry->d_name)))
            names = NULL;
    }
    closedir(d);
    if (!names)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: more than %d entries", dir, NAMES_MAX);
    qsort(names, n, sizeof *names, by_name);
    *count = n;
    return FCC_OK;
}

/* ---- one certificate ----------------------------------------------------------------------------------------------- */

static const char *subject_of(X509_NAME *name, fcc__arena *arena)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    char *data;
    long len;

    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0 &&
        (len = BIO_get_mem_data(bio, &data)) >= 0)
        text = fcc__arena_printf(arena, "%.*s", (int)len, data);
    BIO_free(bio);
    return text;
}

const char *certs__attributes(X509 *cert, fcc__arena *arena)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7.8.1", 1);
    const int at = oid ? X509_get_ext_by_OBJ(cert, oid, -1) : -1;
    const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(cert, at)) : NULL;

    ASN1_OBJECT_free(oid);
    return value
               ? fcc__arena_printf(arena, "%.*s", ASN1_STRING_length(value), (const char *)ASN1_STRING_get0_data(value))
               : NULL;
}

/* NULL past the arena's cap. */
static const char *serial_of(const ASN1_INTEGER *serial, fcc__arena *arena)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    char *text = hex ? fcc__arena_printf(arena, "%s", hex) : NULL;

    for (char *p = text; p && *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
    OPENSSL_free(hex);
    BN_free(number);
    return text;
}

static bool describe(finder *f, certs_entry *e)
{
    X509 *cert = msp__cert_of_pem(e->pem);
    char names[2048];
    bool ok = true;

    if (cert) {
        msp__names_of(cert, names, sizeof names);
        e->subject = subject_of(X509_get_subject_name(cert), f->arena);
        e->issuer = subject_of(X509_get_issuer_name(cert), f->arena);
        e->serial = serial_of(X509_get0_serialNumber(cert), f->arena);
        e->names = fcc__arena_printf(f->arena, "%s", names);
        e->attributes = certs__attributes(cert, f->arena);
        e->not_before = msp__not_before(cert);
        e->not_after = msp__not_after(cert);
        if (e->use == CERTS_IDENTITY && msp__has_ou(cert, "admin"))
            e->role = "admin";
        ok = e->subject && e->issuer && e->serial && e->names;
    }
    X509_free(cert);
    ERR_clear_error();
    return ok;
}

static fcc_status add(finder *f, const certs_entry *like, const char *path, fcc_bytes pem, const char *key)
{
    certs_entry *e;

    if (f->n == f->room) {
        certs_entry *more = f->room < ENTRIES_MAX ? fcc__arena_zalloc(f->arena, f->room * 2 + 64, sizeof *more) : NULL;

        if (!more)
            return no_room(f);
        if (f->n)
            memcpy(more, f->v, f->n * sizeof *more);
        f->v = more;
        f->room = f->room * 2 + 64;
    }
    e = &f->v[f->n++];
    *e = *like;
    e->path = path;
    e->pem = pem;
    e->key = key;
    return describe(f, e) ? FCC_OK : no_room(f);
}

/* The file in a folder that holds this certificate's key. An encrypted key that does not open may be it. */
static const char *key_in(finder *f, const char *folder, fcc_bytes pem)
{
    X509 *cert = msp__cert_of_pem(pem);
    const char *found = NULL, *maybe = NULL;
    msp__files files = { 0 };
    size_t i;

    if (cert && msp__read_dir(folder, f->arena, &files, NULL) == FCC_OK)
        for (i = 0; i < files.n && !found; i++) {
            const char *path = fcc__arena_printf(f->arena, "%s/%s", folder, files.names[i]);
            EVP_PKEY *key = NULL;

            if (!path || !memmem(files.contents[i].data, files.contents[i].len, "PRIVATE KEY", 11))
                continue;
            if (msp__key_read(path, files.contents[i], &key, NULL) != FCC_OK)
                maybe = path;
            else if (EVP_PKEY_eq(X509_get0_pubkey(cert), key) == 1)
                found = path;
            EVP_PKEY_free(key);
        }
    ERR_clear_error();
    X509_free(cert);
    return found ? found : maybe;
}

/* ---- the layout ---------------------------------------------------------------------------------------------------- */

static fcc_status find_authority(finder *f, const char *root, const char *kind, certs_entry like)
{
    const char *folder = fcc__arena_printf(f->arena, "%s/%s", root, kind);
    msp__files files = { 0 };
    size_t i;
    fcc_status st = folder ? msp__read_dir(folder, f->arena, &files, f->error) : no_room(f);

    like.role = kind;
    like.use = CERTS_AUTHORITY;
    like.name = fcc__arena_printf(f->arena, "%s.%s", kind, like.domain);
    for (i = 0; i < files.n && st == FCC_OK; i++) {
        const char *path = fcc__arena_printf(f->arena, "%s/%s", folder, files.names[i]);

        if (!path || !like.name)
            st = no_room(f);
        else if (memmem(files.contents[i].data, files.contents[i].len, "BEGIN CERTIFICATE", 17))
            st = add(f, &like, path, files.contents[i], key_in(f, folder, files.contents[i]));
    }
    return st;
}

static fcc_status find_tls(finder *f, const char *folder, const char *which, certs_entry like)
{
    const char *path = fcc__arena_printf(f->arena, "%s/tls/%s.crt", folder, which);
    const char *key = fcc__arena_printf(f->arena, "%s/tls/%s.key", folder, which);
    fcc_bytes pem;
    fcc_status st;

    if (!path || !key)
        return no_room(f);
    if (!msp__exists(path))
        return FCC_OK;
    like.use = strcmp(which, "server") ? CERTS_CLIENT : CERTS_SERVER;
    st = msp__read_file(path, f->arena, &pem, f->error);
    return st == FCC_OK ? add(f, &like, path, pem, msp__exists(key) ? key : NULL) : st;
}

static fcc_status find_member(finder *f, const char *folder, certs_entry like)
{
    const char *signcerts = fcc__arena_printf(f->arena, "%s/msp/signcerts", folder);
    const char *keystore = fcc__arena_printf(f->arena, "%s/msp/keystore", folder);
    msp__files files = { 0 };
    fcc_status st;

    if (!signcerts || !keystore)
        return no_room(f);
    st = msp__read_dir(signcerts, f->arena, &files, f->error);
    like.use = CERTS_IDENTITY;
    if (st == FCC_OK && files.n > 0) { /* the first by name, as Fabric */
        const char *path = fcc__arena_printf(f->arena, "%s/%s", signcerts, files.names[0]);

        st = path ? add(f, &like, path, files.contents[0], key_in(f, keystore, files.contents[0])) : no_room(f);
    }
    if (st == FCC_OK)
        st = find_tls(f, folder, "server", like);
    return st == FCC_OK ? find_tls(f, folder, "client", like) : st;
}

static fcc_status find_org(finder *f, const char *root, certs_entry like)
{
    static const struct {
        const char *folder, *role;
    } groups[] = {
        { "peers", "peer" }, { "orderers", "orderer" }, { "users", "client" }, { "chaincodes", "chaincodes" }
    };
    const char **names;
    size_t n, i, k;
    fcc_status st = find_authority(f, root, "ca", like);

    if (st == FCC_OK)
        st = find_authority(f, root, "tlsca", like);
    if (st == FCC_OK)
        st = find_authority(f, root, "chaincodeca", like);
    for (i = 0; i < 4 && st == FCC_OK; i++) {
        const char *folder = fcc__arena_printf(f->arena, "%s/%s", root, groups[i].folder);

        st = folder ? certs__dirs(folder, f->arena, &names, &n, f->error) : no_room(f);
        like.role = groups[i].role;
        for (k = 0; k < n && st == FCC_OK; k++) {
            const char *one = fcc__arena_printf(f->arena, "%s/%s", folder, names[k]);

            like.name = names[k];
            st = one ? find_member(f, one, like) : no_room(f);
        }
    }
    return st;
}

fcc_status certs_find(const char *crypto_dir, fcc__arena *arena, certs_list *out, fcc_error *error)
{
    static const char *const kinds[] = { "ordererOrganizations", "peerOrganizations" };
    finder f = { .arena = arena, .error = error };
    const char **domains;
    size_t n = 0, i, k;
    fcc_status st = FCC_OK;

    for (i = 0; i < 2 && st == FCC_OK; i++) {
        const char *top = fcc__arena_printf(arena, "%s/%s", crypto_dir, kinds[i]);

        st = top ? certs__dirs(top, arena, &domains, &n, error) : no_room(&f);
        for (k = 0; k < n && st == FCC_OK; k++) {
            const char *root = fcc__arena_printf(arena, "%s/%s", top, domains[k]);

            st = root ? find_org(&f, root, (certs_entry){ .domain = domains[k], .orderers = i == 0 }) : no_room(&f);
        }
    }
    if (st == FCC_OK && f.n == 0)
        st = fcc_error_set(
            error, FCC_ERR_NOT_FOUND,
            "%s has no certificates: it should hold peerOrganizations and ordererOrganizations, as `medsync "
            "certs make` and cryptogen lay them out",
            crypto_dir);
    if (st == FCC_OK)
        *out = (certs_list){ .v = f.v, .n = f.n };
    return st;
}
