/* See config.h. The only place of the shim that looks at the environment. */
#include "io/config.h"

#include <fcc/chaincode.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

static const char help[] =
    "A Hyperledger Fabric chaincode. It is configured by its environment; docs/environment.md has it all.\n"
    "\n"
    "As a server, which peers connect to (chaincode as a service):\n"
    "  CHAINCODE_SERVER_ADDRESS   host:port to listen on\n"
    "  CHAINCODE_ID               the package id, label:hex (or CORE_CHAINCODE_ID_NAME)\n"
    "  CHAINCODE_TLS_DISABLED     true (the default) or false\n"
    "  CHAINCODE_TLS_KEY          with TLS: file with the private key, PEM\n"
    "  CHAINCODE_TLS_CERT         with TLS: file with the certificate, PEM\n"
    "  CHAINCODE_CLIENT_CA_CERT   with TLS, optional: file with the CA that clients' certificates must come from, PEM\n"
    "\n"
    "As a client of one peer, which launched it or is in development mode:\n"
    "  -peer.address host:port\n"
    "  CORE_CHAINCODE_ID_NAME     the package id\n"
    "  CORE_PEER_TLS_ENABLED      true or false\n"
    "  CORE_PEER_TLS_ROOTCERT_FILE                            with TLS: the peer's CA, PEM\n"
    "  CORE_TLS_CLIENT_KEY_FILE, CORE_TLS_CLIENT_CERT_FILE    with TLS: own key and certificate, PEM; or\n"
    "  CORE_TLS_CLIENT_KEY_PATH, CORE_TLS_CLIENT_CERT_PATH    the same in base64\n"
    "\n"
    "In both:\n"
    "  CHAINCODE_KEEPALIVE_SECONDS   ping after so long without traffic: 30 as a server, 65 as a client\n"
    "  CHAINCODE_DRAIN_SECONDS       SIGTERM and SIGINT let running transactions end for so long: 25\n"
    "  CHAINCODE_HANDLER_BUDGET_MS   a transaction may take so long, then it is answered with ERROR: 25000; 0: for "
    "ever\n"
    "  CORE_CHAINCODE_LOGGING_LEVEL  debug, info (the default), warning or error\n"
    "  CORE_PEER_LOCALMSPID          the peer's organisation, for chaincodes that ask for it\n";

const char *fcc__config_help(void)
{
    return help;
}

enum { MAX_FILE = 1024 * 1024 };

/* NULL also for the empty string. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static bool equals_any(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

/* What Go's strconv.ParseBool takes. */
static bool read_bool(const char *s, bool *out)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True", NULL };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };

    *out = equals_any(s, yes);
    return *out || equals_any(s, no);
}

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
}

/* A whole number of `unit` within [least, most]. Unset: `fallback`. */
static fcc_status read_number(const char *name, const char *unit, int fallback, int least, int most, int *out,
                              fcc_error *error)
{
    const char *value = variable(name);
    char *rest = NULL;
    long number = value && isdigit((unsigned char)*value) ? strtol(value, &rest, 10) : -1;

    if (!value)
        number = fallback;
    else if (!rest || *rest || number < least || number > most)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s is \"%s\": expected whole %s, %d to %d", name, value, unit,
                             least, most);
    *out = (int)number;
    return FCC_OK;
}

/* Seconds, as milliseconds. */
static fcc_status read_seconds(const char *name, int fallback, int least, int most, int *out_ms, fcc_error *error)
{
    fcc_status st = read_number(name, "seconds", fallback, least, most, out_ms, error);

    if (st == FCC_OK)
        *out_ms *= 1000;
    return st;
}

/* ---- files ---- */

/* The kind of file, in the Go shim's words. */
struct file_kind {
    const char *go;      /* "failed to read <go>: ..." */
    const char *missing; /* what it says when there is none to read */
    const char *what;    /* in ours */
};

static const struct file_kind key_file = { "private key file", "key not provided", "the private key" };
static const struct file_kind cert_file = { "public key file", "cert not provided", "the certificate" };
static const struct file_kind root_file = { "root cert file", "root cert not provided", "the CA's certificate" };

static fcc_status read_file(fcc__arena *arena, const struct file_kind *kind, const char *name, const char *path,
                            fcc__pem *out, fcc_error *error)
{
    FILE *f = fopen(path, "rb");
    fcc__buf content;
    uint8_t part[4096];
    size_t n;
    fcc_status st = FCC_OK;

    if (!f)
        return fcc_error_set(error, FCC_ERR_CONFIG, "failed to read %s: open %s: %s: %s must name a file with %s, PEM",
                             kind->go, path, strerror(errno), name, kind->what);
    fcc__buf_init(&content, MAX_FILE);
    errno = 0;
    while (fcc__buf_ok(&content) && (n = fread(part, 1, sizeof(part), f)) > 0)
        fcc__buf_append(&content, part, n);
    if (ferror(f))
        st = fcc_error_set(error, FCC_ERR_CONFIG, "failed to read %s: read %s: %s: %s must name a file with %s, PEM",
                           kind->go, path, strerror(errno), name, kind->what);
    else if (!fcc__buf_ok(&content) || content.len == 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG,
                           "failed to read %s: %s names %s, which is %s: expected %s, PEM, of at most %d bytes",
                           kind->go, name, path, fcc__buf_ok(&content) ? "empty" : "too long", kind->what, MAX_FILE);
    else if (!fcc__arena_copy(arena, fcc__buf_bytes(&content), &out->text))
        st = no_memory(error);
    fclose(f);
    fcc__buf_clear(&content);
    out->variable = name;
    out->path = path;
    return st;
}

/* A PEM file that a variable must name. */
static fcc_status required_file(fcc__arena *arena, const struct file_kind *kind, const char *name, fcc__pem *out,
                                fcc_error *error)
{
    if (!variable(name))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s must name a file with %s, PEM", kind->missing, name,
                             kind->what);
    return read_file(arena, kind, name, variable(name), out, error);
}

/* As Go's base64.StdEncoding decodes it: line ends don't count. */
static fcc_status decode(fcc__arena *arena, const struct file_kind *kind, fcc__pem *pem, fcc_error *error)
{
    uint8_t *packed = fcc__arena_alloc(arena, pem->text.len);
    size_t n = 0;

    if (!packed)
        return no_memory(error);
    for (size_t i = 0; i < pem->text.len; i++)
        if (pem->text.data[i] != '\n' && pem->text.data[i] != '\r')
            packed[n++] = pem->text.data[i];
    if (fcc__unbase64(arena, fcc_bytes_of(packed, n), &pem->text) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "failed to decode %s: illegal base64 data: %s names %s: expected base64 of %s in PEM%s",
                             kind->go, pem->variable, pem->path, kind->what,
                             memmem(packed, n, "-----BEGIN", 10) ? " (for PEM itself there is the variable _FILE)"
                                                                 : "");
    return FCC_OK;
}

/* `file` names a PEM file and wins merely by being set; else `path` names a file with base64 of the PEM. */
static fcc_status client_file(fcc__arena *arena, const struct file_kind *kind, const char *file, const char *path,
                              fcc__pem *out, fcc_error *error)
{
    const char *value = getenv(file);
    fcc_status st;

    if (value && !*value)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "failed to read %s: open : no such file or directory: "
                             "%s is empty: unset it, or name a file with %s, PEM",
                             kind->go, file, kind->what);
    if (value)
        return read_file(arena, kind, file, value, out, error);
    if (!variable(path))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "failed to read %s: open : no such file or directory: "
                             "%s must name a file with %s, PEM (or %s one in base64)",
                             kind->go, file, kind->what, path);
    st = read_file(arena, kind, path, variable(path), out, error);
    return st == FCC_OK ? decode(arena, kind, out, error) : st;
}

static fcc_status take_tls(fcc__config *c, const fcc__tls_files *files, fcc_error *error)
{
    c->use_tls = true;
    c->tls = (rpc_tls){ .key = files->key.text, .cert = files->cert.text, .ca = files->ca.text };
    return fcc__tls_check(files, (int64_t)time(NULL), &c->tls_facts, error);
}

/* ---- both modes ---- */

/* host:port, with brackets around an IPv6 host. An empty host is every address, as in Go; a client has to name one. */
static fcc_status check_address(fcc__arena *arena, const char *name, const char *value, bool is_client,
                                const char **out, fcc_error *error)
{
    const char *colon = strrchr(value, ':');
    char *rest = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &rest, 10) : 0;

    if (!colon || colon[1] < '0' || colon[1] > '9' || *rest || port > 65535 || strpbrk(value, " \t\r\n/") ||
        (memchr(value, ':', (size_t)(colon - value)) && value[0] != '[') || (is_client && (colon == value || !port)))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s is \"%s\": expected host:port", name, value);
    *out = colon == value ? fcc__arena_printf(arena, "0.0.0.0%s", value) : fcc__arena_printf(arena, "%s", value);
    return *out ? FCC_OK : no_memory(error);
}

/* The peer looks it up byte by byte, so a blank that came along with it would never be found. */
static fcc_status check_ccid(const char *name, const char *value, fcc_error *error)
{
    for (const char *c = value; *c; c++)
        if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c))
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "%s is \"%s\": expected a package id, label:hex, without blanks", name, value);
    if (!fcc__utf8_valid(fcc_str(value)))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s is not UTF-8: expected a package id, label:hex", name);
    return FCC_OK;
}

static void warn(fcc__arena *arena, fcc__config *c, const char *text, const char *value)
{
    for (size_t i = 0; i + 1 < FCC__MAX_WARNINGS; i++)
        if (!c->warnings[i]) {
            c->warnings[i] = fcc__arena_printf(arena, text, value);
            return;
        }
}

/* Zap's names, which peers hand on to what they launch. The Go shim reads none of this. */
static void read_log_level(fcc__arena *arena, fcc__config *c)
{
    static const struct {
        const char *name;
        fcc__level level;
    } levels[] = { { "debug", FCC__DEBUG }, { "info", FCC__INFO },   { "warning", FCC__WARN }, { "warn", FCC__WARN },
                   { "error", FCC__ERROR }, { "panic", FCC__ERROR }, { "fatal", FCC__ERROR } };
    const char *value = variable("CORE_CHAINCODE_LOGGING_LEVEL");

    c->log_level = FCC__INFO;
    if (!value)
        return;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strcasecmp(value, levels[i].name) == 0) {
            c->log_level = levels[i].level;
            return;
        }
    warn(arena, c, "CORE_CHAINCODE_LOGGING_LEVEL is \"%s\": expected debug, info, warning or error; taken as info",
         value);
}

static fcc_status read_common(fcc__arena *arena, fcc__config *c, fcc_error *error)
{
    enum { SERVER_PING = 30, CLIENT_PING = 65, PEER_TOLERATES = 60, DAY = 86400 };
    fcc_status st = read_seconds("CHAINCODE_KEEPALIVE_SECONDS", c->is_client ? CLIENT_PING : SERVER_PING,
                                 c->is_client ? PEER_TOLERATES : 1, DAY, &c->keepalive.ping_ms, error);

    c->keepalive.timeout_ms = 20000;
    c->keepalive.accept_ms = 10000;
    if (st == FCC_OK)
        st = read_seconds("CHAINCODE_DRAIN_SECONDS", 25, 0, DAY, &c->drain_ms, error);
    if (st == FCC_OK)
        st = read_number("CHAINCODE_HANDLER_BUDGET_MS", "milliseconds", 25000, 0, DAY * 1000, &c->budget_ms, error);
    read_log_level(arena, c);
    return st;
}

/* Set by fcc-host for its processes. What it stands for is checked where it is mapped. */
static fcc_status read_counters_fd(fcc__config *c, fcc_error *error)
{
    const char *value = variable("FCC_COUNTERS_FD");
    char *rest = NULL;
    long fd = value && isdigit((unsigned char)*value) ? strtol(value, &rest, 10) : -1;

    if (value && (!rest || *rest || fd > INT32_MAX))
        return fcc_error_set(error, FCC_ERR_CONFIG, "FCC_COUNTERS_FD is \"%s\": fcc-host sets it, nobody else should",
                             value);
    c->counters_fd = (int)fd;
    return FCC_OK;
}

/* ---- server mode ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

static fcc_status read_server_tls(fcc__arena *arena, fcc__config *c, fcc_error *error)
{
    fcc__tls_files files = { 0 };
    const char *client_ca = variable("CHAINCODE_CLIENT_CA_CERT");
    fcc_status st = required_file(arena, &key_file, "CHAINCODE_TLS_KEY", &files.key, error);

    if (st == FCC_OK)
        st = required_file(arena, &cert_file, "CHAINCODE_TLS_CERT", &files.cert, error);
    if (st == FCC_OK && client_ca)
        st = read_file(arena, &root_file, "CHAINCODE_CLIENT_CA_CERT", client_ca, &files.ca, error);
    if (st == FCC_OK)
        st = take_tls(c, &files, error);
    if (st == FCC_OK && c->tls_facts.no_names)
        warn(arena, c,
             "CHAINCODE_TLS_CERT names %s, whose certificate has no subject alternative name: peers refuse it",
             files.cert.path);
    return st;
}

static fcc_status read_server(fcc__arena *arena, fcc__config *c, fcc_error *error)
{
    static const char *const tls_only[] = { "CHAINCODE_TLS_KEY", "CHAINCODE_TLS_CERT", "CHAINCODE_CLIENT_CA_CERT" };
    const char *address = variable("CHAINCODE_SERVER_ADDRESS");
    const char *disabled = variable("CHAINCODE_TLS_DISABLED");
    const char *id_name = variable("CHAINCODE_ID") ? "CHAINCODE_ID" : "CORE_CHAINCODE_ID_NAME";
    bool is_disabled = true;
    fcc_status st;

    c->ccid = variable(id_name);
    if (!c->ccid)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "ccid must be specified: CHAINCODE_ID (or CORE_CHAINCODE_ID_NAME) "
                             "must be the package id, label:hex");
    st = check_ccid(id_name, c->ccid, error);
    if (st != FCC_OK)
        return st;
    if (!address)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "address must be specified: CHAINCODE_SERVER_ADDRESS must be host:port to listen on; "
                             "to be a peer's client instead, flag 'peer.address' must be set");
    st = check_address(arena, "CHAINCODE_SERVER_ADDRESS", address, false, &c->address, error);
    if (st != FCC_OK)
        return st;
    if (disabled && !read_bool(disabled, &is_disabled))
        return fcc_error_set(error, FCC_ERR_CONFIG, "CHAINCODE_TLS_DISABLED is \"%s\": expected true or false",
                             disabled);
    if (!is_disabled)
        return read_server_tls(arena, c, error);
    for (size_t i = 0; i < 3; i++)
        if (variable(tls_only[i])) {
            warn(arena, c, "%s is set but CHAINCODE_TLS_DISABLED is not false: serving without TLS", tls_only[i]);
            return FCC_OK;
        }
    if (!is_loopback(c->address))
        warn(arena, c, "serving without TLS at %s, to whoever can reach it", c->address);
    return FCC_OK;
}

/* ---- client mode ---- */

static fcc_status read_client_tls(fcc__arena *arena, fcc__config *c, fcc_error *error)
{
    fcc__tls_files files = { .is_client = true };
    fcc_status st = client_file(arena, &key_file, "CORE_TLS_CLIENT_KEY_FILE", "CORE_TLS_CLIENT_KEY_PATH", &files.key,
                                error);

    if (st == FCC_OK)
        st = client_file(arena, &cert_file, "CORE_TLS_CLIENT_CERT_FILE", "CORE_TLS_CLIENT_CERT_PATH", &files.cert,
                         error);
    if (st == FCC_OK && !variable("CORE_PEER_TLS_ROOTCERT_FILE"))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "failed to read root cert file: open : no such file or directory: "
                             "CORE_PEER_TLS_ROOTCERT_FILE must name a file with the CA of the peer's certificate, PEM");
    if (st == FCC_OK)
        st = read_file(arena, &root_file, "CORE_PEER_TLS_ROOTCERT_FILE", variable("CORE_PEER_TLS_ROOTCERT_FILE"),
                       &files.ca, error);
    return st == FCC_OK ? take_tls(c, &files, error) : st;
}

static fcc_status read_client(fcc__arena *arena, const char *address, fcc__config *c, fcc_error *error)
{
    const char *enabled = getenv("CORE_PEER_TLS_ENABLED");
    bool use_tls;
    fcc_status st;

    c->ccid = variable("CORE_CHAINCODE_ID_NAME");
    if (!c->ccid)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "'CORE_CHAINCODE_ID_NAME' must be set: to the package id, label:hex");
    st = check_ccid("CORE_CHAINCODE_ID_NAME", c->ccid, error);
    if (st != FCC_OK)
        return st;
    if (!*address)
        return fcc_error_set(error, FCC_ERR_CONFIG, "flag 'peer.address' must be set: to the peer's host:port");
    st = check_address(arena, "-peer.address", address, true, &c->address, error);
    if (st != FCC_OK)
        return st;
    if (!enabled || !read_bool(enabled, &use_tls))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false': it is %s%s%s",
                             enabled ? "\"" : "not set", enabled ? enabled : "", enabled ? "\"" : "");
    return use_tls ? read_client_tls(arena, c, error) : FCC_OK;
}

fcc_status fcc__config_renew_tls(fcc__arena *arena, fcc__config *c, fcc_error *error)
{
    fcc__config renewed = { 0 };
    fcc_status st = c->is_client ? read_client_tls(arena, &renewed, error) : read_server_tls(arena, &renewed, error);

    if (st != FCC_OK)
        return st;
    c->tls = renewed.tls;
    c->tls_facts = renewed.tls_facts;
    return FCC_OK;
}

fcc_status fcc__config_read(fcc__arena *arena, int argc, char **argv, fcc__config *out, fcc_error *error)
{
    static const char option[] = "peer.address";
    fcc__config c = { 0 };
    const char *peer = NULL;
    fcc_status st;

    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-help") == 0 || strcmp(arg, "-h") == 0) {
            *out = (fcc__config){ .help = true };
            return FCC_OK;
        }
        if (arg[0] == '-')
            arg += arg[1] == '-' ? 2 : 1;
        if (arg == argv[i] || strncmp(arg, option, strlen(option)) != 0 ||
            (arg[strlen(option)] != '=' && arg[strlen(option)] != 0))
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "unknown argument \"%s\": expected -peer.address host:port, or --help", argv[i]);
        if (arg[strlen(option)] == '=')
            peer = arg + strlen(option) + 1;
        else if (i + 1 < argc)
            peer = argv[++i];
        else
            return fcc_error_set(error, FCC_ERR_CONFIG, "-peer.address needs host:port behind it");
    }
    c.is_client = peer != NULL;
    st = peer ? read_client(arena, peer, &c, error) : read_server(arena, &c, error);
    if (st == FCC_OK)
        st = read_common(arena, &c, error);
    if (st == FCC_OK)
        st = read_counters_fd(&c, error);
    if (st == FCC_OK)
        *out = c;
    return st;
}

FCC_API fcc_status fcc_peer_msp_id(fcc_bytes *out, fcc_error *error)
{
    static const char name[] = "CORE_PEER_LOCALMSPID";

    if (!variable(name))
        return fcc_error_set(error, FCC_ERR_CONFIG, "'%s' is not set", name);
    *out = fcc_str(variable(name));
    return FCC_OK;
}
