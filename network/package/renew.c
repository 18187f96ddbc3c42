/*
 * renew.c: what a peer keeps of a package's connection.json. Its builder fills the templates in once, when the package is
 * installed, and the result stays in the peer's file system: a new certificate or address in the peer's environment changes
 * nothing. But the peer reads that file anew whenever it connects to the chaincode's server, so it is brought up to date by
 * writing it: no restart, no new package, no new approval.
 *
 * Source: fabric v3.1.5 core/container/externalbuilder/{externalbuilder,instance}.go (CachedBuild, ChaincodeServerInfo),
 * core/chaincode/container_runtime.go, internal/peer/node/start.go (the folders)
 */
#include "package/package.h"

#include "base/buf.h"
#include "base/durable.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static fcc_status no_memory(package_fault *fault)
{
    return package_refuse(fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
}

static fcc_status read_file(fcc__arena *arena, const char *path, fcc_bytes *out, package_fault *fault)
{
    uint8_t part[16384];
    fcc__buf content;
    size_t n;
    FILE *f = fopen(path, "rb");
    fcc_status st = FCC_OK;

    if (!f)
        return package_refuse(fault, FCC__E_PKG_READ, errno == ENOENT ? FCC_ERR_NOT_FOUND : FCC_ERR_IO, "%s: %s", path,
                              strerror(errno));
    fcc__buf_init(&content, PACKAGE_MAX_BYTES);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        fcc__buf_append(&content, part, n);
    if (ferror(f) || !fcc__buf_ok(&content))
        st = package_refuse(fault, FCC__E_PKG_READ, FCC_ERR_IO, "%s: cannot be read", path);
    else if (!fcc__arena_copy(arena, fcc__buf_bytes(&content), out))
        st = no_memory(fault);
    fcc__buf_clear(&content);
    fclose(f);
    return st;
}

/* As the builder names a package's folder. */
static const char *folder_of(fcc__arena *arena, const char *data, const char *id)
{
    char *path = (char *)(uintptr_t)fcc__arena_printf(arena, "%s/externalbuilder/builds/%s", data, id);
    char *at = path ? path + strlen(path) - strlen(id) : NULL;

    for (; at && *at; at++)
        if (strchr("<>:\"/\\|?*&", *at))
            *at = '-';
    return path;
}

/* As the builder writes it. */
static fcc_status resolved(fcc__arena *arena, const package_connection *c, fcc_bytes *out, package_fault *fault)
{
    const char *timeout = fcc__arena_printf(arena, "%" PRId64 "ms", c->dial_timeout_ms);
    json_t *o = timeout
                    ? json_pack("{s:s, s:s, s:b, s:b, s:s%, s:s%, s:s%}", "address", c->address, "dial_timeout",
                                timeout, "tls_required", c->use_tls, "client_auth_required", c->use_client_auth,
                                "root_cert", c->root_cert.len ? (const char *)c->root_cert.data : "", c->root_cert.len,
                                "client_key", c->client_key.len ? (const char *)c->client_key.data : "",
                                c->client_key.len, "client_cert",
                                c->client_cert.len ? (const char *)c->client_cert.data : "", c->client_cert.len)
                    : NULL;
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    const bool ok = text && fcc__arena_copy(arena, fcc_str(text), out);

    free(text);
    json_decref(o);
    return ok ? FCC_OK : no_memory(fault);
}

/* Do they say the same? How long a dial may take is written in several ways, and no matter of certificates. */
static bool same(fcc_bytes a, fcc_bytes b)
{
    json_t *x = json_loadb((const char *)a.data, a.len, 0, NULL), *y = json_loadb((const char *)b.data, b.len, 0, NULL);
    bool is;

    json_object_del(x, "dial_timeout");
    json_object_del(y, "dial_timeout");
    is = json_is_object(x) && json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return is;
}

static fcc_status renew(const package_renewal *r, fcc__arena *arena, const char *archive, package_fault *fault)
{
    package_content content;
    package_connection connection;
    package_renewed state = PACKAGE_KEPT;
    fcc_bytes package, wanted, have;
    const char *folder, *path;
    fcc_error error;
    fcc_status st = read_file(arena, archive, &package, fault);

    if (st == FCC_OK)
        st = package_read(arena, package, &content, fault);
    if (st != FCC_OK)
        return fault->code == FCC__E_PKG_TYPE || fault->code == FCC__E_PKG_CONNECTION ? FCC_OK : st;
    if ((st = package_connection_read(arena, content.connection, r->values, &connection, fault)) != FCC_OK ||
        (st = resolved(arena, &connection, &wanted, fault)) != FCC_OK)
        return st;
    folder = folder_of(arena, r->data, content.id);
    path = folder ? fcc__arena_printf(arena, "%s/release/chaincode/server/connection.json", folder) : NULL;
    if (!path)
        return no_memory(fault);
    st = read_file(arena, path, &have, fault);
    if (st == FCC_ERR_NOT_FOUND) {
        r->tell(r->ctx, content.id, PACKAGE_UNBUILT, path); /* the peer makes it of its environment when it is wanted */
        return FCC_OK;
    }
    if (st != FCC_OK)
        return st;
    if (!same(have, wanted)) {
        state = r->rehearse ? PACKAGE_STALE : PACKAGE_RENEWED;
        if (!r->rehearse && fcc__write_whole(path, wanted, &error) != FCC_OK)
            return package_refuse(fault, FCC__E_CLI_FILE, FCC_ERR_IO, "%s", error.text);
    }
    r->tell(r->ctx, content.id, state, path);
    return FCC_OK;
}

fcc_status package_renew(const package_renewal *r, package_fault *fault)
{
    char path[4096];
    struct dirent *e;
    fcc_status st = FCC_OK;
    DIR *d;

    snprintf(path, sizeof(path), "%s/lifecycle/chaincodes", r->data);
    d = opendir(path);
    if (!d)
        return package_refuse(fault, FCC__E_CLI_FILE, FCC_ERR_NOT_FOUND, "%s: %s: a peer keeps its packages there",
                              path, strerror(errno));
    while (st == FCC_OK && (e = readdir(d))) {
        const size_t len = strlen(e->d_name);
        fcc__arena *arena;

        if (len < 8 || strcmp(e->d_name + len - 7, ".tar.gz") != 0)
            continue;
        arena = fcc__arena_new(4 * (size_t)PACKAGE_MAX_BYTES);
        snprintf(path, sizeof(path), "%s/lifecycle/chaincodes/%s", r->data, e->d_name);
        st = arena ? renew(r, arena, path, fault) : no_memory(fault);
        fcc__arena_free(arena);
    }
    closedir(d);
    return st;
}
