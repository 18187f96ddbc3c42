/*
 * doctor_local.c: what can only be looked at where it runs: the chaincode servers in fcc-host's files of a native network, met
 * as their peers meet them, and the room on the disk.
 */
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/doctor_network.h"
#include "msp/check.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SCARCE_MIB = 1024, NONE_MIB = 100 };

/* ---- servers ------------------------------------------------------------------------------------------------------ */

/* The value behind "  key: " in the lines of an entry; in the arena, without quotes. */
static const char *value_of(doctor_network *n, const char *entry, const char *end, const char *key)
{
    const size_t len = strlen(key);

    for (const char *line = entry; line && line < end; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, key, len) == 0) {
            const char *from = line + len + strspn(line + len, " \"");

            return fcc__arena_printf(n->arena, "%.*s", (int)strcspn(from, "\"\n"), from);
        }
    return NULL;
}

static bool read_pem(doctor_network *n, const char *folder, const char *name, fcc_bytes *out)
{
    const char *path = fcc__arena_printf(n->arena, "%s/%s", folder, name);
    size_t len = 0;
    char *text = path ? cli_read_file(path, &len) : NULL;
    const bool ok = text && fcc__arena_copy(n->arena, fcc_bytes_of(text, len), out);

    free(text);
    return ok;
}

/* tls: {cert: FOLDER/server.crt, ...}: a native network has the peers' side in the same folder. */
static void use_tls(doctor_network *n, const char *tls, package_connection *c)
{
    const char *from = tls ? strstr(tls, "cert: ") : NULL, *slash, *folder;

    if (!from)
        return;
    from += 6;
    slash = memrchr(from, '/', strcspn(from, ",}"));
    folder = slash ? fcc__arena_printf(n->arena, "%.*s", (int)(slash - from), from) : NULL;
    if (!folder)
        return;
    c->use_tls = read_pem(n, folder, "ca.crt", &c->root_cert);
    c->use_client_auth = read_pem(n, folder, "client.crt", &c->client_cert) &&
                         read_pem(n, folder, "client.key", &c->client_key);
}

/* Does the server take others for its peer, who have a certificate of the authority that has issued its own? */
static bool takes_others(doctor_network *n, const char *tls, const package_connection *c)
{
    const char *from = tls ? strstr(tls, "client_ca: ") : NULL, *path, *slash;
    fcc_bytes clients;

    if (!from || !c->use_tls)
        return false;
    from += strlen("client_ca: ");
    path = fcc__arena_printf(n->arena, "%.*s", (int)strcspn(from, ",}"), from);
    slash = path ? strrchr(path, '/') : NULL;
    return slash && read_pem(n, fcc__arena_printf(n->arena, "%.*s", (int)(slash - path), path), slash + 1, &clients) &&
           msp_shares_authority(clients, c->root_cert);
}

static void meet(doctor_network *n, const char *org, const char *entry, const char *end)
{
    const char *address = value_of(n, entry, end, "  address:"), *name = value_of(n, entry, end, "- name:"),
               *tls = value_of(n, entry, end, "  tls:");
    doctor d = { .arena = n->arena,
                 .socket = -1,
                 .timeout_ms = 1000 * n->timeout_s,
                 .package_id = value_of(n, entry, end, "  ccid:") };
    char subject[160];
    fcc_status st;

    if (!address || !name || !d.package_id)
        return;
    snprintf(subject, sizeof(subject), "%s at %s", name, org);
    st = package_address(n->arena, address, &d.connection, &d.fault);
    d.connection.dial_timeout_ms = 1000 * n->timeout_s;
    use_tls(n, tls, &d.connection);
    if (takes_others(n, tls, &d.connection))
        doctor_tell(
            n, DOCTOR_WARN, subject, "server", FCC__E_CRT_OPEN,
            "takes every TLS certificate of its organisation for the peer's: `medsync certs rotate chaincodes.%s`",
            org);
    if (st == FCC_OK)
        st = doctor_resolve(&d);
    if (st == FCC_OK)
        st = doctor_connect(&d);
    d.warning[0] = '\0';
    if (st == FCC_OK)
        st = doctor_tls(&d);
    if (st == FCC_OK && d.warning[0] && d.connection.use_tls)
        doctor_tell(n, DOCTOR_WARN, subject, "server", FCC__E_CRT_EXPIRES, "%s", d.warning);
    if (st == FCC_OK)
        st = doctor_register(&d);
    if (d.socket >= 0)
        close(d.socket);
    if (st == FCC_OK)
        doctor_tell(n, DOCTOR_OK, subject, "server", FCC__E_DEP_SERVER, "%s, %s, registers", address,
                    d.connection.use_client_auth ? "mutual TLS"
                    : d.connection.use_tls       ? "TLS"
                                                 : "plaintext");
    else
        doctor_tell(n, DOCTOR_FAIL, subject, "server", d.fault.code, "%s: %s", address, d.fault.error.text);
}

void doctor_servers(doctor_network *n)
{
    static const char mark[] = "- name: ";
    const char *folder = fcc__arena_printf(n->arena, "%s/config", n->dir);
    DIR *d = folder ? opendir(folder) : NULL;
    struct dirent *e;

    while (d && (e = readdir(d))) {
        const char *dot = strrchr(e->d_name, '.');
        const char *path = fcc__arena_printf(n->arena, "%s/%s", folder, e->d_name);
        size_t len = 0;
        char *text;

        if (!dot || strcmp(dot, ".yaml") != 0 || !path || !(text = cli_read_file(path, &len)))
            continue;
        if (strncmp(text, "admin: ", 7) == 0)
            for (const char *entry = strstr(text, mark); entry;) {
                const char *next = strstr(entry + 1, mark);

                meet(n, fcc__arena_printf(n->arena, "%.*s", (int)(dot - e->d_name), e->d_name), entry,
                     next ? next : text + len);
                entry = next;
            }
        free(text);
    }
    if (d)
        closedir(d);
}

/* ---- room --------------------------------------------------------------------------------------------------------- */

void doctor_disk(doctor_network *n)
{
    struct statvfs fs;
    uint64_t mib;

    if (statvfs(n->dir, &fs) != 0)
        return;
    mib = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    if (mib < SCARCE_MIB)
        doctor_tell(n, mib < NONE_MIB ? DOCTOR_FAIL : DOCTOR_WARN, n->dir, "disk", FCC__E_DEP_SPACE,
                    "%" PRIu64 " MiB left", mib);
    else
        doctor_tell(n, DOCTOR_OK, n->dir, "disk", FCC__E_DEP_SPACE, "%" PRIu64 " MiB left", mib);
}
