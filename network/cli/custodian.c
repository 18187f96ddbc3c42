/* medsync custodian: the process that holds an organisation's custody key. */
#include "cli/cli.h"
#include "custodian/custodian.h"
#include "msp/key.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync custodian --user NAME [OPTION]...\n"
    "       medsync custodian --probe --user NAME [OPTION]...\n\n"
    "Holds an organisation's custody key. Asked over mutual TLS by the certificate that asked for access on the "
    "ledger,\n"
    "it looks on its own peer whether that access was granted and holds (ehr GetKey), and seals the record's data key\n"
    "to that certificate. Runs until SIGINT or SIGTERM. Releases and refusals are told on standard error, a line of\n"
    "JSON each: ids, never keys or content.\n\n"
    "  --dir DIR         the network's directory (" CLI_DEFAULT_DIR
    "); DIR/custodians/MSPID.json tells others the address\n"
    "  --user NAME       the custodian's own user, whose certificate has role=custodian\n"
    "  --org ORG         its organisation, where several have such a user\n"
    "  --listen ADDRESS  HOST:PORT to listen at, port 0 for any (127.0.0.1:0)\n"
    "  --announced       others are told the address by somebody else: DIR is only read\n"
    "  --probe           ask the one that listens at --listen whether it serves, for containers' health checks; "
    "nothing\n"
    "                    is asked of its peer\n"
    "  --key FILE        the custody key, X25519 in PEM (DIR/custody/MSPID.key); repeatable: keys of before open what\n"
    "                    was sealed to them (DIR/custody/MSPID.1.key and so on)\n"
    "  --tls-cert FILE   what readers see, with --tls-key FILE its key (the user's own in DIR/crypto)\n"
    "  --tls-ca FILE     who issued it, for readers to check\n"
    "  --client-ca FILE  who may issue readers' certificates (every organisation's authority in DIR/crypto)\n"
    "  --json            tell the address as JSON\n\n"
    "Encrypted keys are opened with the passphrases in the file that MEDSYNC_KEY_PASSPHRASE_FILE names, one a line, "
    "or\n"
    "with MEDSYNC_KEY_PASSPHRASE.\n";

/* GetKey is a matter of milliseconds; what is longer silent is asked again by the reader, and a SIGTERM waits for it. */
enum { KEYS_MAX = 16, PEER_MS = 10000 };

typedef struct options {
    client_options open;
    const char *listen, *keys[KEYS_MAX], *tls_cert, *tls_key, *tls_ca, *client_ca;
    size_t key_count;
    bool json, announced, probe;
} options;

static custodian *volatile running;

static void stop(void *ctx)
{
    (void)ctx;
    if (running)
        custodian_stop(running);
}

static int failed(const char *format, const char *what, const char *why)
{
    return cli_failed("custodian", FCC__E_CUST_START, format, what, why);
}

static fcc_status add_file(const char *path, fcc__buf *out, fcc_error *error)
{
    size_t len = 0;
    char *data = cli_read_file(path, &len);

    if (!data)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    fcc__buf_append(out, data, len);
    fcc__buf_putc(out, '\n');
    blob_wipe(data, len);
    free(data);
    return FCC_OK;
}

/* A private key, without the passphrase that it may be kept under (msp/key.h). */
static fcc_status add_key(const char *path, fcc__arena *arena, fcc__buf *out, fcc_error *error)
{
    fcc__buf kept = { 0 };
    fcc_bytes plain;
    fcc_status st;

    fcc__buf_init(&kept, 1 << 20);
    st = add_file(path, &kept, error);
    if (st == FCC_OK)
        st = msp_key_open(path, fcc__buf_bytes(&kept), arena, &plain, error);
    if (st == FCC_OK)
        fcc__buf_add(out, plain);
    if (st == FCC_OK && plain.data != kept.data)
        blob_wipe((void *)(uintptr_t)plain.data, plain.len);
    if (kept.data)
        blob_wipe(kept.data, kept.cap);
    fcc__buf_clear(&kept);
    return st;
}

static fcc_status add_custody(const char *path, fcc__arena *arena, blob_custody **out, fcc_error *error)
{
    fcc__buf key = { 0 };
    fcc_status st;

    fcc__buf_init(&key, 1 << 20);
    st = add_key(path, arena, &key, error);
    if (st == FCC_OK)
        st = blob_custody_parse(fcc__buf_bytes(&key), path, out, error);
    if (key.data)
        blob_wipe(key.data, key.cap);
    fcc__buf_clear(&key);
    return st;
}

/* Every organisation's authorities: any of its members may have been granted access. */
static fcc_status add_authorities(const char *dir, fcc__buf *out, fcc_error *error)
{
    static const char *const below[] = { "cacerts", "intermediatecerts" };
    char pattern[4096];
    fcc_status st = FCC_OK;
    size_t i, k, found = 0;
    glob_t files;

    for (k = 0; st == FCC_OK && k < 2; k++) {
        snprintf(pattern, sizeof(pattern), "%s/crypto/peerOrganizations/*/msp/%s/*.pem", dir, below[k]);
        if (glob(pattern, 0, NULL, &files) != 0)
            continue;
        for (i = 0; st == FCC_OK && i < files.gl_pathc; i++, found++)
            st = add_file(files.gl_pathv[i], out, error);
        globfree(&files);
    }
    if (st == FCC_OK && found == 0)
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND,
                           "%s/crypto has no organisations' authorities: name them with --client-ca FILE", dir);
    return st;
}

/* What the options leave open is in the network's directory. */
static bool fill_in(options *o, const client *peer, fcc__arena *arena)
{
    const char *dir = o->open.dir, *domain = client_domain(peer);
    const char *tls = fcc__arena_printf(arena, "%s/crypto/peerOrganizations/%s/users/%s@%s/tls", dir, domain,
                                        o->open.user, domain);

    if (!tls)
        return false;
    if (o->key_count == 0) {
        const char *key = fcc__arena_printf(arena, "%s/custody/%s.key", dir, client_mspid(peer));

        for (int i = 1; key && o->key_count < KEYS_MAX && (i == 1 || access(key, F_OK) == 0); i++) {
            o->keys[o->key_count++] = key;
            key = fcc__arena_printf(arena, "%s/custody/%s.%d.key", dir, client_mspid(peer), i);
        }
        if (!key)
            return false;
    }
    if (!o->tls_cert) {
        o->tls_cert = fcc__arena_printf(arena, "%s/client.crt", tls);
        o->tls_key = fcc__arena_printf(arena, "%s/client.key", tls);
        o->tls_ca = o->tls_ca ? o->tls_ca : fcc__arena_printf(arena, "%s/ca.crt", tls);
    }
    return o->keys[0] && o->tls_cert && o->tls_key && o->tls_ca;
}

/* Who can read it reads every record in this custody. */
static void warn_of_readers(const char *key)
{
    struct stat is;

    if (stat(key, &is) == 0 && (is.st_mode & S_IROTH))
        fcc__log(FCC__WARN, "%s can be read by every user of this machine: chmod 600", key);
}

static void announce(const options *o, const custodian_address *a)
{
    if (o->json) {
        cli_print_json(json_pack("{s:s, s:s, s:s, s:s}", "address", a->address, "mspId", a->mspid, "name", a->name,
                                 "tlsCa", a->tls_ca));
    } else {
        printf("The custodian of %s listens at %s\n", a->mspid, a->address);
    }
    fflush(stdout);
}

static int serve(options *o, fcc__arena *arena)
{
    /* a core would hold the custody key; 1: not through a pipe either, see core(5) */
    const struct rlimit no_core = { 1, 1 };
    fcc__buf cert = { 0 }, key = { 0 }, ca = { 0 };
    custodian_options c = { .listen = o->listen };
    custodian_address where = { 0 };
    blob_custody *custody[KEYS_MAX] = { 0 };
    size_t i;
    custodian *it = NULL;
    rpc_loop *loop = NULL;
    client *peer = NULL;
    fcc_error error = { 0 };
    fcc_status st;
    char name[256];
    int port = 0, status = CLI_FAILED, lock = -1;
    bool published = false;

    fcc__buf_init(&cert, 1 << 20);
    fcc__buf_init(&key, 1 << 20);
    fcc__buf_init(&ca, 8 << 20);
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) {
        failed("%s%s", "core files cannot be forbidden: ", strerror(errno));
        goto out;
    }
    /* signals are taken before there are threads */
    if ((st = rpc_loop_new(&loop, &error)) != FCC_OK || (st = rpc_on_signal(loop, SIGINT, stop, NULL)) != FCC_OK ||
        (st = rpc_on_signal(loop, SIGTERM, stop, NULL)) != FCC_OK) {
        cli_failed("custodian", FCC__E_STAT_RES, "%s", error.text[0] ? error.text : fcc_status_text(st));
        goto out;
    }
    if ((st = client_open(&o->open, &peer, &error)) != FCC_OK) {
        cli_failed("custodian", cli_code(st, NULL, &error, false), "%s", error.text);
        goto out;
    }
    if (!o->announced && (st = custodian_claim(o->open.dir, client_mspid(peer), &lock, &error)) != FCC_OK) {
        cli_failed("custodian", st == FCC_ERR_EXISTS ? FCC__E_CUST_TWICE : FCC__E_CUST_START, "%s", error.text);
        goto out;
    }
    if (!fill_in(o, peer, arena)) {
        cli_failed("custodian", FCC__E_STAT_RES, "out of memory");
        goto out;
    }
    for (i = 0; i < o->key_count; i++) {
        if (add_custody(o->keys[i], arena, &custody[i], &error) != FCC_OK) {
            failed("%s%s", error.text, "");
            goto out;
        }
    }
    if (add_file(o->tls_cert, &cert, &error) != FCC_OK || add_key(o->tls_key, arena, &key, &error) != FCC_OK ||
        (o->client_ca ? add_file(o->client_ca, &ca, &error) : add_authorities(o->open.dir, &ca, &error)) != FCC_OK) {
        failed("%s%s", error.text, "");
        goto out;
    }
    if (!custodian_certificate_name(fcc__buf_bytes(&cert), name, sizeof(name))) {
        failed("%s: %s", o->tls_cert, "no certificate with a name");
        goto out;
    }
    fcc__log_who(fcc__arena_printf(arena, "custodian.%s", client_mspid(peer)));
    for (i = 0; i < o->key_count; i++)
        warn_of_readers(o->keys[i]);
    c.peer = peer;
    c.custody = (const blob_custody *const *)custody;
    c.custody_count = o->key_count;
    c.tls = (rpc_tls){ .cert = fcc__buf_bytes(&cert), .key = fcc__buf_bytes(&key), .ca = fcc__buf_bytes(&ca) };
    if (custodian_start(loop, &c, &it, &port, &error) != FCC_OK) {
        failed("%s%s", error.text, "");
        goto out;
    }
    where.address = fcc__arena_printf(arena, "%.*s:%d", (int)(strrchr(o->listen, ':') - o->listen), o->listen, port);
    where.mspid = client_mspid(peer);
    where.name = name;
    where.tls_ca = o->tls_ca;
    if (!where.address || (!o->announced && custodian_publish(o->open.dir, &where, &error) != FCC_OK)) {
        failed("%s%s", where.address ? error.text : "out of memory", "");
        goto out;
    }
    published = !o->announced;
    announce(o, &where);
    running = it;
    custodian_run(it);
    running = NULL;
    status = CLI_OK;
out:
    custodian_withdraw(o->open.dir, published ? &where : NULL, lock);
    custodian_free(it);
    client_close(peer);
    rpc_loop_free(loop);
    for (i = 0; i < o->key_count; i++)
        blob_custody_free(custody[i]);
    if (key.data)
        blob_wipe(key.data, key.cap);
    fcc__buf_clear(&key);
    fcc__buf_clear(&cert);
    fcc__buf_clear(&ca);
    return status;
}

/* As the custodian's own user, whose certificate it takes as any member's. */
static int probe(options *o, fcc__arena *arena)
{
    enum { PROBE_MS = 5000 };
    custodian_reader *reader = NULL;
    custodian_address where = { .address = o->listen };
    fcc__buf cert = { 0 };
    client *self = NULL;
    fcc_error error = { 0 };
    char name[256];
    fcc_status st = client_open(&o->open, &self, &error);

    fcc__buf_init(&cert, 1 << 20);
    if (st == FCC_OK && !fill_in(o, self, arena))
        st = fcc_error_set(&error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = add_file(o->tls_cert, &cert, &error);
    if (st == FCC_OK && !custodian_certificate_name(fcc__buf_bytes(&cert), name, sizeof(name)))
        st = fcc_error_set(&error, FCC_ERR_CONFIG, "%s: no certificate with a name", o->tls_cert);
    if (st == FCC_OK) {
        where.mspid = client_mspid(self);
        where.name = name;
        where.tls_ca = o->tls_ca;
        st = custodian_connect(&where, self, &reader, &error);
    }
    if (st == FCC_OK)
        st = custodian_probe(reader, PROBE_MS, &error);
    custodian_disconnect(reader);
    client_close(self);
    fcc__buf_clear(&cert);
    return st == FCC_OK ? CLI_OK : cli_failed("custodian", cli_code(st, NULL, &error, false), "%s", error.text);
}

int cli_custodian(int argc, char **argv)
{
    options o = { .open = { .dir = CLI_DEFAULT_DIR, .timeout_ms = PEER_MS }, .listen = "127.0.0.1:0" };
    cli_option known[] = {
        CLI_WHO(o.open),
        { "listen", .text = &o.listen },
        { "key", .list = o.keys, .count = &o.key_count, .most = KEYS_MAX },
        { "tls-cert", .text = &o.tls_cert },
        { "tls-key", .text = &o.tls_key },
        { "tls-ca", .text = &o.tls_ca },
        { "client-ca", .text = &o.client_ca },
        { "announced", .flag = &o.announced },
        { "probe", .flag = &o.probe },
        { "json", .flag = &o.json },
        { 0 },
    };
    const char *colon;
    fcc__arena *arena;
    int64_t port;
    int status = cli_options("custodian", usage, known, argc, argv);

    if (status >= 0)
        return status;
    if (optind != argc)
        return cli_usage("custodian", "%s: no argument is taken", argv[optind]);
    if (!o.open.user)
        return cli_usage("custodian", "--user NAME: as whom?");
    colon = strrchr(o.listen, ':');
    if (!colon || colon == o.listen || !cli_number(colon + 1, 0, 65535, &port))
        return cli_usage("custodian", "--listen %s: must be HOST:PORT", o.listen);
    if (!o.tls_cert != !o.tls_key || (o.tls_cert && !o.tls_ca))
        return cli_usage("custodian", "--tls-cert, --tls-key and --tls-ca are given together");
    arena = fcc__arena_new(1 << 20);
    if (!arena)
        return cli_failed("custodian", FCC__E_STAT_RES, "out of memory");
    status = o.probe ? probe(&o, arena) : serve(&o, arena);
    fcc__arena_free(arena);
    return status;
}
