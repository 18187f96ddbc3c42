/* medsync custodian: the process that holds an organisation's custody key. */
#include "cli/cli.h"
#include "custodian/custodian.h"
#include "msp/key.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: medsync custodian --user NAME [OPTION]...\n\n"
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
    "  --key FILE        the custody key, X25519 in PEM (DIR/custody/MSPID.key); repeatable: keys of before open what\n"
    "                    was sealed to them\n"
    "  --tls-cert FILE   what readers see, with --tls-key FILE its key (the user's own in DIR/crypto)\n"
    "  --tls-ca FILE     who issued it, for readers to check\n"
    "  --client-ca FILE  who may issue readers' certificates (every organisation's authority in DIR/crypto)\n"
    "  --json            tell the address as JSON\n\n"
    "Encrypted keys are opened with the passphrases in the file that MEDSYNC_KEY_PASSPHRASE_FILE names, one a line, "
    "or\n"
    "with MEDSYNC_KEY_PASSPHRASE.\n";

enum { KEYS_MAX = 16 };

typedef struct options {
    client_options open;
    const char *listen, *keys[KEYS_MAX], *tls_cert, *tls_key, *tls_ca, *client_ca;
    size_t key_count;
    bool json;
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

/* For which name readers must check the certificate: its first DNS name, else its common name. */
static bool name_of(fcc_bytes pem, char *out, size_t size)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    GENERAL_NAMES *names = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    bool found = false;
    int i;

    for (i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
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

/* What the options leave open is in the network's directory. */
static bool fill_in(options *o, const client *peer, fcc__arena *arena)
{
    const char *dir = o->open.dir, *domain = client_domain(peer);
    const char *tls = fcc__arena_printf(arena, "%s/crypto/peerOrganizations/%s/users/%s@%s/tls", dir, domain,
                                        o->open.user, domain);

    if (!tls)
        return false;
    if (o->key_count == 0)
        o->keys[o->key_count++] = fcc__arena_printf(arena, "%s/custody/%s.key", dir, client_mspid(peer));
    if (!o->tls_cert) {
        o->tls_cert = fcc__arena_printf(arena, "%s/client.crt", tls);
        o->tls_key = fcc__arena_printf(arena, "%s/client.key", tls);
        o->tls_ca = o->tls_ca ? o->tls_ca : fcc__arena_printf(arena, "%s/ca.crt", tls);
    }
    return o->keys[0] && o->tls_cert && o->tls_key && o->tls_ca;
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
    int port = 0, status = CLI_FAILED;

    fcc__buf_init(&cert, 1 << 20);
    fcc__buf_init(&key, 1 << 20);
    fcc__buf_init(&ca, 8 << 20);
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
    if (!name_of(fcc__buf_bytes(&cert), name, sizeof(name))) {
        failed("%s: %s", o->tls_cert, "no certificate with a name");
        goto out;
    }
    fcc__log_who(fcc__arena_printf(arena, "custodian.%s", client_mspid(peer)));
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
    if (!where.address || custodian_publish(o->open.dir, &where, &error) != FCC_OK) {
        failed("%s%s", error.text, "");
        goto out;
    }
    announce(o, &where);
    running = it;
    custodian_run(it);
    running = NULL;
    custodian_withdraw(o->open.dir, &where);
    status = CLI_OK;
out:
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

int cli_custodian(int argc, char **argv)
{
    enum { DIR_, USER, ORG, LISTEN, KEY, TLS_CERT, TLS_KEY, TLS_CA, CLIENT_CA, JSON, HELP };
    static const struct option known[] = {
        { "dir", required_argument, NULL, DIR_ },
        { "user", required_argument, NULL, USER },
        { "org", required_argument, NULL, ORG },
        { "listen", required_argument, NULL, LISTEN },
        { "key", required_argument, NULL, KEY },
        { "tls-cert", required_argument, NULL, TLS_CERT },
        { "tls-key", required_argument, NULL, TLS_KEY },
        { "tls-ca", required_argument, NULL, TLS_CA },
        { "client-ca", required_argument, NULL, CLIENT_CA },
        { "json", no_argument, NULL, JSON },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    options o = { .open.dir = CLI_DEFAULT_DIR, .listen = "127.0.0.1:0" };
    const char **const texts[] = { &o.open.dir, &o.open.user, &o.open.org, &o.listen,   NULL,
                                   &o.tls_cert, &o.tls_key,   &o.tls_ca,   &o.client_ca };
    fcc__arena *arena;
    int option, status;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == HELP) {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (option == JSON) {
            o.json = true;
        } else if (option == KEY) {
            if (o.key_count == KEYS_MAX)
                return cli_usage("custodian", "--key: at most %d", KEYS_MAX);
            o.keys[o.key_count++] = optarg;
        } else if (option >= DIR_ && option <= CLIENT_CA) {
            *texts[option] = optarg;
        } else {
            return cli_usage("custodian", "%s: no such option, or it lacks its value", argv[optind - 1]);
        }
    }
    if (optind != argc)
        return cli_usage("custodian", "%s: no argument is taken", argv[optind]);
    if (!o.open.user)
        return cli_usage("custodian", "--user NAME: as whom?");
    if (!strrchr(o.listen, ':'))
        return cli_usage("custodian", "--listen %s: must be HOST:PORT", o.listen);
    if (!o.tls_cert != !o.tls_key || (o.tls_cert && !o.tls_ca))
        return cli_usage("custodian", "--tls-cert, --tls-key and --tls-ca are given together");
    arena = fcc__arena_new(1 << 20);
    if (!arena)
        return cli_failed("custodian", FCC__E_STAT_RES, "out of memory");
    status = serve(&o, arena);
    fcc__arena_free(arena);
    return status;
}
