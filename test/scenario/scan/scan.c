/*
 * scan devnet|fabric DIR WORDS [BUNDLE...]: what nobody outside may find after the scenario, looked for where the network of
 * that directory has left it. It must be down. WORDS is what the scenario wrote (KIND<tab>WORD a line); of FHIR bundles
 * that were imported, each name, birth date, address, phone number and identifier of the patient, and each code.
 *
 *   public    blocks as the insurer's peer has them, certificates in them decoded, all logs
 *   joined    what the insurer can join: from patients' certificates over shared ids and hashed keys to other
 *             transactions; and what can be guessed of hashed keys by who knows a pid
 *   private   state, history, private data and transient store of every organisation (devnet)
 *
 * Each scan is shown to be able to fail: by a word planted in a copy, or found where it has to be. Prints TAP.
 */
#include "scan.h"

#include "audit/source.h"

#include "common/common.pb-c.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ARENA = 256 << 20, MANY = 4096 };

static int checks, failures;

bool scan_check(bool ok, const char *format, ...)
{
    va_list args;

    printf("%sok %d - ", ok ? "" : "not ", ++checks);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    failures += !ok;
    return ok;
}

/* ---- logs ---- */

static size_t scan_file(const words *w, const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "r");
    uint8_t *data = NULL;
    size_t found = 0;
    long size;

    if (f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) > 0 && (data = malloc((size_t)size))) {
        rewind(f);
        size = (long)fread(data, 1, (size_t)size, f);
        found = words_find(w, fcc_bytes_of(data, (size_t)size), path);
        *bytes += (size_t)size;
    }
    free(data);
    if (f)
        fclose(f);
    return found;
}

static void scan_logs(const words *w, const char *dir)
{
    char path[4096];
    size_t found = 0, bytes = 0, files = 0;
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof(path), "%s/log", dir);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/log/%s", dir, e->d_name);
        found += scan_file(w, path, &bytes);
        files++;
    }
    if (d)
        closedir(d);
    scan_check(files > 0 && found == 0, "no log says it (%zu files, %zu bytes)", files, bytes);
}

/* ---- blocks ---- */

/* Every certificate in it, decoded: names and attributes are readable only so. */
static size_t scan_certificates(const words *w, fcc_bytes in, size_t *certificates)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const uint8_t *at = in.data;
    size_t left = in.len, found = 0;

    while ((at = memmem(at, left, begin, sizeof(begin) - 1)) != NULL) {
        BIO *bio;
        X509 *cert;
        uint8_t *der = NULL;
        int len;

        left = in.len - (size_t)(at - in.data);
        bio = BIO_new_mem_buf(at, (int)left);
        cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        if (cert && (len = i2d_X509(cert, &der)) > 0) {
            found += words_find(w, fcc_bytes_of(der, (size_t)len), "a certificate");
            ++*certificates;
        }
        OPENSSL_free(der);
        X509_free(cert);
        BIO_free(bio);
        at++;
        left--;
    }
    return found;
}

/* A copy of the block with the word in its middle is found: by the same functions. */
static bool planted(const words *w, fcc_bytes block)
{
    const char *text = w->count ? w->all[0].text : "";
    const size_t n = strlen(text);
    uint8_t *copy = malloc(block.len + n);
    bool found = false;

    if (copy && n) {
        memcpy(copy, block.data, block.len / 2);
        memcpy(copy + block.len / 2, text, n);
        memcpy(copy + block.len / 2 + n, block.data + block.len / 2, block.len - block.len / 2);
        found = words_find(w, fcc_bytes_of(copy, block.len + n), NULL) == 1;
    }
    free(copy);
    return found;
}

static bool scan_blocks(const words *w, const char *path, joined *j)
{
    fcc__arena *arena = fcc__arena_new(BLOCK_ARENA);
    audit_source *source = NULL;
    fcc_error error = { 0 };
    fcc_bytes block;
    size_t blocks = 0, transactions = 0, found = 0, certificates = 0, bytes = 0;
    bool can_fail = false;
    fcc_status st = arena ? audit_source_open(path, &source, &error) : FCC_ERR_NOMEM;

    while (st == FCC_OK && (st = audit_source_next(source, arena, &block, &error)) == FCC_OK) {
        Common__Block *parsed;

        found += words_find(w, block, "a block") + scan_certificates(w, block, &certificates);
        can_fail = planted(w, block);
        if (FCC__UNPACK(common__block, block, arena, &parsed) == FCC_OK && parsed->data)
            for (size_t i = 0; i < parsed->data->n_data; i++, transactions++)
                joined_add(j, fcc__of_pb(parsed->data->data[i]));
        bytes += block.len;
        blocks++;
        fcc__arena_reset(arena);
    }
    audit_source_close(source);
    fcc__arena_free(arena);
    if (!scan_check(st == FCC_ERR_NOT_FOUND && blocks > 0, "the insurer's blocks are read: %s", path)) {
        printf("# %s\n", error.text);
        return false;
    }
    scan_check(found == 0,
               "no key, value, argument, event or certificate says it (%zu blocks, %zu transactions, %zu certificates, "
               "%zu bytes, %zu words)",
               blocks, transactions, certificates, bytes, w->count);
    scan_check(can_fail, "planted in a copy of a block, one is found");
    return true;
}

int main(int argc, char **argv)
{
    words w = { 0 };
    joined j = { 0 };
    char path[4096];
    bool devnet;

    if (argc < 4) {
        fputs("usage: scan devnet|fabric DIR WORDS [BUNDLE...]\n", stderr);
        return 2;
    }
    devnet = strcmp(argv[1], "devnet") == 0;
    if (!words_read(&w, argv[3]))
        return 2;
    for (int i = 4; i < argc; i++)
        if (!words_of_bundle(&w, argv[i]))
            return 2;
    words_ready(&w);
    printf("# %zu words; %zu of the bundles are shorter than %d characters and could be anybody's: left out\n", w.count,
           w.left_out, WORD_MIN);
    snprintf(path, sizeof(path),
             devnet ? "%s/ledger/blocks" : "%s/data/insurer.medsync.example/ledgersData/chains/chains/medsync",
             argv[2]);
    if (scan_blocks(&w, path, &j)) {
        scan_logs(&w, argv[2]);
        joined_check(&j, &w, argv[2]);
        if (devnet)
            private_check(&w, argv[2]);
        else
            printf("ok %d - private data of every organisation # SKIP LevelDB's files are compressed\n", ++checks);
    }
    printf("1..%d\n", checks);
    joined_free(&j);
    words_free(&w);
    return failures > 0;
}
