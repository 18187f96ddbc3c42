/* See config.h. The only place of the shim that looks at the environment. */
#include "io/config.h"

#include "base/buf.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "A Hyperledger Fabric chaincode. It is configured by its environment.\n"
    "\n"
    "As a server, which peers connect to (chaincode as a service):\n"
    "  CHAINCODE_SERVER_ADDRESS   host:port to listen on\n"
    "  CHAINCODE_ID               the package id, label:hex (or CORE_CHAINCODE_ID_NAME)\n"
    "  CHAINCODE_TLS_DISABLED     true (the default) or false\n"
    "  CHAINCODE_TLS_KEY          with TLS: file with the private key, PEM\n"
    "  CHAINCODE_TLS_CERT         with TLS: file with the certificate, PEM\n"
    "  CHAINCODE_CLIENT_CA_CERT   with TLS, optional: file with the CA that clients' certificates must come from, PEM\n"
    "\n"
    "As a client of one peer, which launched it:\n"
    "  -peer.address host:port\n"
    "  CORE_CHAINCODE_ID_NAME     the package id\n"
    "  CORE_PEER_TLS_ENABLED      true or false\n"
    "  CORE_PEER_TLS_ROOTCERT_FILE                            with TLS: the peer's CA, PEM\n"
    "  CORE_TLS_CLIENT_KEY_FILE, CORE_TLS_CLIENT_CERT_FILE    with TLS: own key and certificate, PEM; or\n"
    "  CORE_TLS_CLIENT_KEY_PATH, CORE_TLS_CLIENT_CERT_PATH    the same in base64\n"
    "\n"
    "SIGTERM and SIGINT let running transactions end, then end the process.\n";

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

static fcc_status read_file(fcc__arena *arena, const char *variable_name, const char *path, fcc_bytes *out,
                            fcc_error *error)
{
    FILE *f = fopen(path, "rb");
    fcc__buf content;
    uint8_t part[4096];
    size_t n;
    fcc_status st;

    if (!f)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s names %s, which cannot be read: %s", variable_name, path,
                             strerror(errno));
    fcc__buf_init(&content, MAX_FILE);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        fcc__buf_append(&content, part, n);
    if (ferror(f))
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s names %s, which cannot be read", variable_name, path);
    else if (!fcc__buf_ok(&content) || content.len == 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s names %s: expected a PEM file of at most %d bytes", variable_name,
                           path, MAX_FILE);
    else
        st = fcc__arena_copy(arena, fcc__buf_bytes(&content), out)
                 ? FCC_OK
                 : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    fclose(f);
    fcc__buf_clear(&content);
    return st;
}

/* A PEM file that a variable must name. */
static fcc_status required_file(fcc__arena *arena, const char *name, const char *what, fcc_bytes *out, fcc_error *error)
{
    const char *path = variable(name);

    if (!path)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s must be set to a file with %s, PEM", name, what);
    return read_file(arena, name, path, out, error);
}

/* `file` names a PEM file and wins merely by being set; else `path` names a file with base64 of the PEM. */
static fcc_status client_file(fcc__arena *arena, const char *file, const char *path, const char *what, fcc_bytes *out,
                              fcc_error *error)
{
    fcc_bytes encoded;
    uint8_t *packed;
    size_t n = 0;
    fcc_status st;

    if (getenv(file))
        return required_file(arena, file, what, out, error);
    if (!variable(path))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s must be set to a file with %s, PEM (or %s to one in base64)",
                             file, what, path);
    st = read_file(arena, path, variable(path), &encoded, error);
    if (st != FCC_OK)
        return st;
    packed = fcc__arena_alloc(arena, encoded.len);
    if (!packed)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < encoded.len; i++)
        if (encoded.data[i] != '\n' && encoded.data[i] != '\r')
            packed[n++] = encoded.data[i];
    if (fcc__unbase64(arena, fcc_bytes_of(packed, n), out) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s names %s: expected base64 of %s in PEM", path, variable(path),
                             what);
    return FCC_OK;
}

/* host:port, with brackets around an IPv6 host. An empty host is every address, as in Go. */
static fcc_status check_address(fcc__arena *arena, const char *name, const char *value, const char **out,
                                fcc_error *error)
{
    const char *colon = strrchr(value, ':');
    char *rest = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &rest, 10) : 0;

    if (!colon || colon[1] < '0' || colon[1] > '9' || *rest || port > 65535 ||
        (memchr(value, ':', (size_t)(colon - value)) && value[0] != '['))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s is \"%s\": expected host:port", name, value);
    *out = colon == value ? fcc__arena_printf(arena, "0.0.0.0%s", value) : fcc__arena_printf(arena, "%s", value);
    return *out ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
}

static fcc_status read_server(fcc__arena *arena, fcc__config *c, fcc_error *error)
{
    const char *address = variable("CHAINCODE_SERVER_ADDRESS");
    const char *disabled = variable("CHAINCODE_TLS_DISABLED");
    const char *client_ca = variable("CHAINCODE_CLIENT_CA_CERT");
    bool is_disabled = true;
    fcc_status st;

    if (!address)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "CHAINCODE_SERVER_ADDRESS must be set to host:port to listen on "
                             "(or -peer.address host:port given, to be a peer's client)");
    st = check_address(arena, "CHAINCODE_SERVER_ADDRESS", address, &c->address, error);
    if (st != FCC_OK)
        return st;
    if (!c->ccid)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "CHAINCODE_ID must be set to the package id, label:hex (or CORE_CHAINCODE_ID_NAME)");
    if (disabled && !read_bool(disabled, &is_disabled))
        return fcc_error_set(error, FCC_ERR_CONFIG, "CHAINCODE_TLS_DISABLED is \"%s\": expected true or false",
                             disabled);
    c->use_tls = !is_disabled;
    if (!c->use_tls)
        return FCC_OK;
    st = required_file(arena, "CHAINCODE_TLS_KEY", "the private key", &c->tls.key, error);
    if (st == FCC_OK)
        st = required_file(arena, "CHAINCODE_TLS_CERT", "the certificate", &c->tls.cert, error);
    if (st == FCC_OK && client_ca)
        st = read_file(arena, "CHAINCODE_CLIENT_CA_CERT", client_ca, &c->tls.ca, error);
    return st;
}

static fcc_status read_client(fcc__arena *arena, const char *address, fcc__config *c, fcc_error *error)
{
    const char *enabled = variable("CORE_PEER_TLS_ENABLED");
    fcc_status st = check_address(arena, "-peer.address", address, &c->address, error);

    if (st != FCC_OK)
        return st;
    c->is_client = true;
    c->ccid = variable("CORE_CHAINCODE_ID_NAME");
    if (!c->ccid)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "'CORE_CHAINCODE_ID_NAME' must be set to the package id, label:hex");
    if (!enabled || !read_bool(enabled, &c->use_tls))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false', it is \"%s\"",
                             enabled ? enabled : "");
    if (!c->use_tls)
        return FCC_OK;
    st = client_file(arena, "CORE_TLS_CLIENT_KEY_FILE", "CORE_TLS_CLIENT_KEY_PATH", "the private key", &c->tls.key,
                     error);
    if (st == FCC_OK)
        st = client_file(arena, "CORE_TLS_CLIENT_CERT_FILE", "CORE_TLS_CLIENT_CERT_PATH", "the certificate",
                         &c->tls.cert, error);
    if (st == FCC_OK)
        st = required_file(arena, "CORE_PEER_TLS_ROOTCERT_FILE", "the peer's CA", &c->tls.ca, error);
    return st;
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
            return fcc_error_set(error, FCC_ERR_CONFIG, "unknown argument \"%s\": expected -peer.address or --help",
                                 argv[i]);
        if (arg[strlen(option)] == '=')
            peer = arg + strlen(option) + 1;
        else if (i + 1 < argc)
            peer = argv[++i];
        else
            return fcc_error_set(error, FCC_ERR_CONFIG, "-peer.address needs host:port behind it");
    }
    c.ccid = variable("CHAINCODE_ID");
    if (!c.ccid)
        c.ccid = variable("CORE_CHAINCODE_ID_NAME");
    st = peer ? read_client(arena, peer, &c, error) : read_server(arena, &c, error);
    if (st == FCC_OK)
        *out = c;
    return st;
}
