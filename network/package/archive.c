/* archive.c: the two archives inside one another that a chaincode package is, read as a peer reads them. */
#include "package/package.h"

#include "base/buf.h"
#include "base/hash.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char metadata_name[] = "metadata.json";
static const char code_name[] = "code.tar.gz";
static const char connection_name[] = "connection.json";

fcc_status package_refuse(package_fault *fault, fcc__code code, fcc_status status, const char *format, ...)
{
    va_list args;

    fault->code = code;
    fault->error.status = status;
    va_start(args, format);
    vsnprintf(fault->error.text, sizeof(fault->error.text), format, args);
    va_end(args);
    return status;
}

static fcc_status no_memory(package_fault *fault)
{
    return package_refuse(fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
}

const char *package_id(fcc__arena *arena, const char *label, fcc_bytes package)
{
    fcc__sha256 digest = fcc__sha256_of(package);
    fcc_bytes hex = fcc__hex(arena, fcc__sha256_bytes(&digest));

    return hex.len ? fcc__arena_printf(arena, "%s:" FCC_FMT, label, FCC_ARG(hex)) : NULL;
}

bool package_label_valid(const char *label)
{
    const char *p;

    for (p = label; *p; p++)
        if (!(isalnum((unsigned char)*p) && (unsigned char)*p < 0x80) && (p == label || !strchr("_.+-", *p)))
            return false;
    return p > label;
}

/* ---- reading ---- */

/* One regular file of an archive. */
struct entry {
    const char *name;
    fcc_bytes content;
};

struct reader {
    fcc__arena *arena;
    package_fault *fault;
    fcc__code bad_archive, bad_entry;
    const char *what;
    bool takes_folders;
    size_t total;
};

static fcc_status not_an_archive(const struct reader *r, const char *why)
{
    return package_refuse(r->fault, r->bad_archive, FCC_ERR_CORRUPT, "%s is no gzip-compressed tar archive: %s",
                          r->what, why ? why : "it is cut off");
}

static fcc_status read_content(struct reader *r, struct archive *a, struct archive_entry *e, fcc_bytes *out)
{
    fcc__buf buf;
    uint8_t part[16384];
    la_ssize_t n;
    fcc_status st = FCC_OK;

    (void)e;
    fcc__buf_init(&buf, PACKAGE_MAX_BYTES);
    while ((n = archive_read_data(a, part, sizeof(part))) > 0) {
        r->total += (size_t)n;
        if (r->total > PACKAGE_MAX_BYTES)
            break;
        fcc__buf_append(&buf, part, (size_t)n);
    }
    if (n < 0)
        st = not_an_archive(r, archive_error_string(a));
    else if (r->total > PACKAGE_MAX_BYTES)
        st = package_refuse(r->fault, FCC__E_PKG_READ, FCC_ERR_LIMIT, "%s holds more than %d MiB", r->what,
                            PACKAGE_MAX_BYTES >> 20);
    else if (!fcc__buf_ok(&buf) || !fcc__arena_copy(r->arena, fcc__buf_bytes(&buf), out))
        st = no_memory(r->fault);
    fcc__buf_clear(&buf);
    return st;
}

/* Relative, and never above where it starts. */
static bool path_stays_inside(const char *path)
{
    int depth = 0;
    size_t n;

    if (*path == '/')
        return false;
    for (; *path; path += n + (path[n] == '/')) {
        n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.')
            depth--;
        else if (n > 0 && !(n == 1 && path[0] == '.'))
            depth++;
        if (depth < 0)
            return false;
    }
    return true;
}

/* FCC_ERR_NOT_FOUND at the end of the archive. Folders are passed over where they are allowed. */
static fcc_status next_entry(struct reader *r, struct archive *a, struct entry *out)
{
    struct archive_entry *e;
    int got;

    for (;;) {
        got = archive_read_next_header(a, &e);
        if (got == ARCHIVE_EOF)
            return FCC_ERR_NOT_FOUND;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return not_an_archive(r, archive_error_string(a));
        out->name = archive_entry_pathname(e);
        if (!out->name)
            out->name = archive_entry_pathname_utf8(e);
        out->name = fcc__arena_printf(r->arena, "%s", out->name ? out->name : "(no name)");
        if (!out->name)
            return no_memory(r->fault);
        if (r->takes_folders && !path_stays_inside(out->name))
            return package_refuse(r->fault, r->bad_entry, FCC_ERR_CORRUPT,
                                  "%s contains the absolute or escaping path %s", r->what, out->name);
        if (archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e))
            return read_content(r, a, e, &out->content);
        if (!r->takes_folders || archive_entry_filetype(e) != AE_IFDIR)
            return package_refuse(r->fault, r->bad_entry, FCC_ERR_CORRUPT, "%s: %s is not a regular file", r->what,
                                  out->name);
    }
}

static fcc_status open_archive(const struct reader *r, fcc_bytes bytes, struct archive **out)
{
    struct archive *a;

    if (bytes.len < 2 || bytes.data[0] != 0x1f || bytes.data[1] != 0x8b)
        return not_an_archive(r, "it does not start as gzip does");
    a = archive_read_new();
    if (!a)
        return no_memory(r->fault);
    if (archive_read_support_filter_gzip(a) != ARCHIVE_OK || archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_open_memory(a, bytes.data, bytes.len) != ARCHIVE_OK) {
        fcc_status st = not_an_archive(r, archive_error_string(a));

        archive_read_free(a);
        return st;
    }
    *out = a;
    return FCC_OK;
}

static fcc_status read_metadata(fcc__arena *arena, fcc_bytes json, package_content *out, package_fault *fault)
{
    json_error_t why;
    json_t *o = json_loadb((const char *)json.data, json.len, 0, &why);
    const char *label = json_string_value(json_object_get(o, "label"));
    const char *type = json_string_value(json_object_get(o, "type"));
    fcc_status st = FCC_OK;

    if (!json_is_object(o))
        st = package_refuse(fault, FCC__E_PKG_METADATA, FCC_ERR_CORRUPT, "%s is no JSON object%s%s", metadata_name,
                            o ? "" : ": ", o ? "" : why.text);
    else if (!label || !package_label_valid(label))
        st = package_refuse(
            fault, FCC__E_PKG_METADATA, FCC_ERR_CORRUPT,
            "the label in %s is \"%.100s\": it must start with a letter or digit and go on with letters, "
            "digits and _.+-",
            metadata_name, label ? label : "");
    else if (!type || strcasecmp(type, "ccaas") != 0)
        st = package_refuse(fault, FCC__E_PKG_TYPE, FCC_ERR_CORRUPT, "the type in %s is \"%.100s\", not \"ccaas\"",
                            metadata_name, type ? type : "");
    else if (!(out->label = fcc__arena_printf(arena, "%s", label)))
        st = no_memory(fault);
    json_decref(o);
    return st;
}

static fcc_status read_code(fcc__arena *arena, fcc_bytes code, package_content *out, package_fault *fault)
{
    struct reader r = { .arena = arena,
                        .fault = fault,
                        .bad_archive = FCC__E_PKG_CODE,
                        .bad_entry = FCC__E_PKG_CODE,
                        .what = code_name,
                        .takes_folders = true };
    struct archive *a = NULL;
    struct entry e;
    bool found = false;
    fcc_status st = open_archive(&r, code, &a);

    while (st == FCC_OK && (st = next_entry(&r, a, &e)) == FCC_OK) {
        while (strncmp(e.name, "./", 2) == 0)
            e.name += 2;
        if (strcmp(e.name, connection_name) == 0) {
            out->connection = e.content;
            found = true;
        }
    }
    archive_read_free(a);
    if (st != FCC_ERR_NOT_FOUND)
        return st;
    if (!found)
        return package_refuse(fault, FCC__E_PKG_CONNECTION, FCC_ERR_NOT_FOUND, "%s has no %s at its top", code_name,
                              connection_name);
    return FCC_OK;
}

fcc_status package_read(fcc__arena *arena, fcc_bytes package, package_content *out, package_fault *fault)
{
    struct reader r = { .arena = arena,
                        .fault = fault,
                        .bad_archive = FCC__E_PKG_FORMAT,
                        .bad_entry = FCC__E_PKG_ENTRY,
                        .what = "the package" };
    struct archive *a = NULL;
    struct entry e, metadata = { 0 }, code = { 0 };
    package_content content = { 0 };
    fcc_status st = open_archive(&r, package, &a);

    while (st == FCC_OK && (st = next_entry(&r, a, &e)) == FCC_OK) {
        if (strcmp(e.name, metadata_name) == 0)
            metadata = e;
        else if (strcmp(e.name, code_name) == 0)
            code = e;
        else
            content.ignored = e.name;
    }
    archive_read_free(a);
    if (st != FCC_ERR_NOT_FOUND)
        return st;
    if (!metadata.name || !code.name)
        return package_refuse(
            fault, FCC__E_PKG_PARTS, FCC_ERR_NOT_FOUND, "the package has no %s at its top%s%s%s",
            code.name ? metadata_name : code_name, content.ignored ? "; it has " : "",
            content.ignored ? content.ignored : "",
            content.ignored && strncmp(content.ignored, "./", 2) == 0 ? ", and ./ in front makes it another name" : "");
    st = read_metadata(arena, metadata.content, &content, fault);
    if (st == FCC_OK)
        st = read_code(arena, code.content, &content, fault);
    if (st != FCC_OK)
        return st;
    content.id = package_id(arena, content.label, package);
    if (!content.id)
        return no_memory(fault);
    *out = content;
    return FCC_OK;
}
