/*
 * write.c: packages as bytes that depend on their content alone. A package's id is the hash of its bytes, so they may not
 * change with the version of a library: what a compressor makes of the same input does, and so does where it cuts stored
 * blocks. Both containers are therefore written here, in the plainest form that their standards know: tar as POSIX's ustar
 * with no time and no owner, gzip as RFC 1952 with stored blocks (RFC 1951, 3.2.4) of 65,535 bytes.
 */
#include "package/package.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

enum {
    TAR_BLOCK = 512,
    TAR_NAME = 100,
    TAR_PREFIX_AT = 345,
    TAR_PREFIX = 155,
    TAR_CHECKSUM_AT = 148,
    TAR_CHECKSUM = 8,
    STORED_MAX = 65535,
    MODE = 0644,
};

static fcc_status no_memory(package_fault *fault)
{
    return package_refuse(fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
}

/* ---- tar ---- */

/* Name and prefix of a header; false when the name fits into neither. */
static bool set_name(uint8_t header[TAR_BLOCK], const char *name)
{
    const size_t len = strlen(name);

    if (len <= TAR_NAME) {
        memcpy(header, name, len);
        return true;
    }
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        const size_t before = (size_t)(slash - name), behind = len - before - 1;

        if (before <= TAR_PREFIX && behind <= TAR_NAME && behind > 0) {
            memcpy(header + TAR_PREFIX_AT, name, before);
            memcpy(header, slash + 1, behind);
            return true;
        }
    }
    return false;
}

static bool tar_add(fcc__buf *out, const package_file *file)
{
    static const uint8_t zeros[TAR_BLOCK];
    uint8_t header[TAR_BLOCK] = { 0 };
    unsigned sum = 0;

    if (!set_name(header, file->name))
        return false;
    snprintf((char *)header + 100, 8, "%06o ", (unsigned)MODE);
    snprintf((char *)header + 108, 8, "%06o ", 0U);
    snprintf((char *)header + 116, 8, "%06o ", 0U);
    snprintf((char *)header + 124, 13, "%011o ", (unsigned)file->content.len);
    snprintf((char *)header + 136, 13, "%011o ", 0U);
    memset(header + TAR_CHECKSUM_AT, ' ', TAR_CHECKSUM);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    snprintf((char *)header + 329, 8, "%06o ", 0U);
    snprintf((char *)header + 337, 8, "%06o ", 0U);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += header[i];
    snprintf((char *)header + TAR_CHECKSUM_AT, TAR_CHECKSUM, "%06o", sum);
    fcc__buf_append(out, header, TAR_BLOCK);
    if (file->content.len)
        fcc__buf_append(out, file->content.data, file->content.len);
    fcc__buf_append(out, zeros, (TAR_BLOCK - file->content.len % TAR_BLOCK) % TAR_BLOCK);
    return true;
}

/* ---- gzip ---- */

static uint32_t crc32_of(fcc_bytes bytes)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put_le(fcc__buf *out, uint32_t value, int bytes)
{
    for (; bytes > 0; bytes--, value >>= 8)
        fcc__buf_putc(out, (uint8_t)(value & 0xff));
}

static void gzip(fcc__buf *out, fcc_bytes content)
{
    /* deflate, no flags, no time, no hint, Unix */
    static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
    size_t at = 0, n;

    fcc__buf_append(out, header, sizeof(header));
    do {
        n = content.len - at < STORED_MAX ? content.len - at : STORED_MAX;
        fcc__buf_putc(out, at + n == content.len); /* the last one? and: stored */
        put_le(out, (uint32_t)n, 2);
        put_le(out, ~(uint32_t)n, 2);
        fcc__buf_append(out, content.data + at, n);
        at += n;
    } while (at < content.len);
    put_le(out, crc32_of(content), 4);
    put_le(out, (uint32_t)content.len, 4);
}

/* ---- packages ---- */

static fcc_status write_archive(fcc__arena *arena, const package_file *files, size_t count, fcc_bytes *out,
                                package_fault *fault)
{
    static const uint8_t end[2 * TAR_BLOCK];
    fcc__buf tar, packed;
    fcc_status st = FCC_OK;

    fcc__buf_init(&tar, PACKAGE_MAX_BYTES);
    fcc__buf_init(&packed, PACKAGE_MAX_BYTES);
    for (size_t i = 0; st == FCC_OK && i < count; i++)
        if (!tar_add(&tar, &files[i]))
            st = package_refuse(fault, FCC__E_PKG_META_INF, FCC_ERR_ARG,
                                "%s: the name is too long for an archive: at most %d bytes in its last part",
                                files[i].name, TAR_NAME);
    fcc__buf_append(&tar, end, sizeof(end));
    if (fcc__buf_ok(&tar))
        gzip(&packed, fcc__buf_bytes(&tar));
    if (st == FCC_OK && (!fcc__buf_ok(&tar) || !fcc__buf_ok(&packed)))
        st = package_refuse(fault, FCC__E_PKG_READ, FCC_ERR_LIMIT, "the package is larger than %d MiB",
                            PACKAGE_MAX_BYTES >> 20);
    if (st == FCC_OK && !fcc__arena_copy(arena, fcc__buf_bytes(&packed), out))
        st = no_memory(fault);
    fcc__buf_clear(&packed);
    fcc__buf_clear(&tar);
    return st;
}

fcc_status package_write(fcc__arena *arena, const char *label, fcc_bytes connection, const package_file *metadata,
                         size_t metadata_count, fcc_bytes *out, package_fault *fault)
{
    package_file parts[2] = { { .name = "metadata.json" }, { .name = "code.tar.gz" } };
    package_file *code = fcc__arena_zalloc(arena, metadata_count + 1, sizeof(*code));
    const char *text;
    fcc_status st;

    if (!package_label_valid(label))
        return package_refuse(
            fault, FCC__E_PKG_METADATA, FCC_ERR_ARG,
            "the label \"%.100s\" must start with a letter or digit and go on with letters, digits and "
            "_.+-",
            label);
    if (!code)
        return no_memory(fault);
    code[0] = (package_file){ .name = "connection.json", .content = connection };
    if (metadata_count)
        memcpy(code + 1, metadata, metadata_count * sizeof(*code));
    st = write_archive(arena, code, metadata_count + 1, &parts[1].content, fault);
    if (st != FCC_OK)
        return st;
    text = fcc__arena_printf(arena, "{\"type\":\"ccaas\",\"label\":\"%s\"}", label);
    if (!text)
        return no_memory(fault);
    parts[0].content = fcc_str(text);
    return write_archive(arena, parts, 2, out, fault);
}

/* ---- one package for every organisation ---- */

const char *package_template_name(const char *chaincode, fcc__arena *arena)
{
    char *name = fcc__arena_zalloc(arena, strlen(chaincode) + 2, 1), *at = name;

    if (!name)
        return NULL;
    if (*chaincode >= '0' && *chaincode <= '9')
        *at++ = '_';
    for (; *chaincode; chaincode++) {
        const char c = *chaincode;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        *at++ = plain ? c : '_';
    }
    return name;
}

const char *package_slot_name(const char *chaincode, bool slot_b, fcc__arena *arena)
{
    const char *name = package_template_name(chaincode, arena);

    return name && slot_b ? fcc__arena_printf(arena, "%s_b", name) : name;
}

fcc_status package_of_service(fcc__arena *arena, const package_service *service, fcc_bytes *out, const char **id,
                              package_fault *fault)
{
    static const char tls[] = "true,\"client_auth_required\":true,\"root_cert\":\"{{.root_cert}}\","
                              "\"client_cert\":\"{{.client_cert}}\",\"client_key\":\"{{.client_key}}\"";
    const char *name = package_slot_name(service->chaincode, service->slot_b, arena), *connection;
    package_file *metadata = NULL;
    size_t count = 0;
    fcc_status st;

    if (!name)
        return no_memory(fault);
    connection = fcc__arena_printf(arena, "{\"address\":\"{{.%s}}\",\"dial_timeout\":\"10s\",\"tls_required\":%s}\n",
                                   name, service->mutual_tls ? tls : "false");
    if (!connection)
        return no_memory(fault);
    if (service->meta_inf && (st = package_metadata_load(arena, service->meta_inf, &metadata, &count, fault)) != FCC_OK)
        return st;
    if ((st = package_write(arena, service->label, fcc_str(connection), metadata, count, out, fault)) != FCC_OK)
        return st;
    *id = package_id(arena, service->label, *out);
    return *id ? FCC_OK : no_memory(fault);
}
