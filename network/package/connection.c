/* connection.c: connection.json as the ccaas builder fills it in and the peer then reads it. */
#include "package/package.h"

#include "base/buf.h"

#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static fcc_status no_memory(package_fault *fault)
{
    return package_refuse(fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
}

/* ---- durations ---- */

static bool unit_of(const char *text, size_t *len, double *ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "ns", 1e-6 }, { "us", 1e-3 }, { "\xc2\xb5s", 1e-3 }, { "\xce\xbcs", 1e-3 },
                  { "ms", 1 },    { "s", 1000 },  { "m", 60000 },        { "h", 3600000 } };
    size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        *len = strlen(units[i].name);
        if (strncmp(text, units[i].name, *len) == 0) {
            *ms = units[i].ms;
            return true;
        }
    }
    return false;
}

bool package_duration(const char *text, int64_t *ms)
{
    double total = 0, unit, number;
    size_t n;
    char *end;

    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    if (*text == '+')
        text++;
    if (!*text)
        return false;
    while (*text) {
        n = strspn(text, "0123456789.");
        if (n == 0 || n > 30 || strspn(text, ".") == n)
            return false;
        number = strtod(text, &end);
        if (end != text + n || !unit_of(end, &n, &unit))
            return false;
        total += number * unit;
        text = end + n;
    }
    if (total > 1e12)
        return false;
    *ms = (int64_t)total + (total > (double)(int64_t)total);
    return true;
}

/* ---- templates ---- */

static const char *value_text(fcc__arena *arena, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        return fcc__arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return NULL;
    }
}

/* {{.name}} with spaces around it; what else Go's templates can do is refused, because it cannot be rehearsed. */
static fcc_status fill_in(fcc__arena *arena, const char *member, const char *text, json_t *values, const char **out,
                          package_fault *fault)
{
    static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *at = text, *open, *name, *after, *value;
    fcc__buf buf;
    fcc_bytes copy;
    fcc_status st = FCC_OK;
    char key[128];
    size_t n;

    fcc__buf_init(&buf, PACKAGE_MAX_BYTES);
    while ((open = strstr(at, "{{"))) {
        fcc__buf_append(&buf, at, (size_t)(open - at));
        name = open + 2 + strspn(open + 2, " \t");
        n = *name == '.' ? strspn(name + 1, name_letters) : 0;
        after = name + 1 + n;
        after += n ? strspn(after, " \t") : 0;
        if (n == 0 || n >= sizeof(key) || strncmp(after, "}}", 2) != 0) {
            st = package_refuse(fault, FCC__E_CFG_VALUE, FCC_ERR_CONFIG,
                                "%s in connection.json has a template that is not of the form {{.name}}: %.60s", member,
                                open);
            goto out;
        }
        memcpy(key, name + 1, n);
        key[n] = '\0';
        value = json_object_get(values, key) ? value_text(arena, json_object_get(values, key)) : NULL;
        if (!value) {
            st = package_refuse(fault, FCC__E_CFG_VALUE, FCC_ERR_CONFIG,
                                "%s in connection.json needs the value \"%s\", which is not given", member, key);
            goto out;
        }
        fcc__buf_puts(&buf, value);
        at = after + 2;
    }
    fcc__buf_puts(&buf, at);
    if (!fcc__buf_ok(&buf) || !fcc__arena_copy(arena, fcc__buf_bytes(&buf), &copy))
        st = no_memory(fault);
    else
        *out = (const char *)copy.data;
out:
    fcc__buf_clear(&buf);
    return st;
}

struct members {
    fcc__arena *arena;
    json_t *connection;
    json_t *values;
    package_fault *fault;
};

static fcc_status read_text(const struct members *m, const char *name, const char **out)
{
    json_t *v = json_object_get(m->connection, name);

    if (v && !json_is_null(v) && !json_is_string(v))
        return package_refuse(m->fault, FCC__E_CFG_CONNECTION, FCC_ERR_CONFIG, "%s in connection.json must be a string",
                              name);
    return fill_in(m->arena, name, json_is_string(v) ? json_string_value(v) : "", m->values, out, m->fault);
}

static fcc_status read_flag(const struct members *m, const char *name, bool *out)
{
    json_t *v = json_object_get(m->connection, name);

    if (v && !json_is_null(v) && !json_is_boolean(v))
        return package_refuse(m->fault, FCC__E_CFG_CONNECTION, FCC_ERR_CONFIG,
                              "%s in connection.json must be true or false, without quotes", name);
    *out = json_is_true(v);
    return FCC_OK;
}

/* ---- certificates ---- */

static fcc_status check_pems(const package_connection *c, package_fault *fault)
{
    fcc_status st = FCC_OK;
    BIO *root = BIO_new_mem_buf(c->root_cert.data, (int)c->root_cert.len);
    BIO *cert = BIO_new_mem_buf(c->client_cert.data, (int)c->client_cert.len);
    BIO *key = BIO_new_mem_buf(c->client_key.data, (int)c->client_key.len);
    X509 *ca = root ? PEM_read_bio_X509(root, NULL, NULL, NULL) : NULL;
    X509 *client = c->use_client_auth && cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
    EVP_PKEY *secret = c->use_client_auth && key ? PEM_read_bio_PrivateKey(key, NULL, NULL, (void *)(uintptr_t) "")
                                                 : NULL;

    if (!ca)
        st = package_refuse(fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                            "root_cert in connection.json is no certificate in PEM");
    else if (c->use_client_auth && !client)
        st = package_refuse(fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                            "client_cert in connection.json is no certificate in PEM");
    else if (c->use_client_auth && !secret)
        st = package_refuse(fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                            "client_key in connection.json is no private key in PEM without a password");
    else if (c->use_client_auth && X509_check_private_key(client, secret) != 1)
        st = package_refuse(fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                            "client_key in connection.json is not the key of client_cert");
    EVP_PKEY_free(secret);
    X509_free(client);
    X509_free(ca);
    BIO_free(key);
    BIO_free(cert);
    BIO_free(root);
    return st;
}

static fcc_status read_tls(const struct members *m, package_connection *c)
{
    const char *root = "", *cert = "", *key = "";
    fcc_status st = read_flag(m, "client_auth_required", &c->use_client_auth);

    if (st == FCC_OK)
        st = read_text(m, "root_cert", &root);
    if (st == FCC_OK)
        st = read_text(m, "client_cert", &cert);
    if (st == FCC_OK)
        st = read_text(m, "client_key", &key);
    if (st != FCC_OK)
        return st;
    if (c->use_client_auth && !*key)
        return package_refuse(m->fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                              "connection.json has client_auth_required without client_key");
    if (c->use_client_auth && !*cert)
        return package_refuse(m->fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                              "connection.json has client_auth_required without client_cert");
    if (!*root)
        return package_refuse(m->fault, FCC__E_CFG_TLS, FCC_ERR_CONFIG,
                              "connection.json has tls_required without root_cert");
    c->root_cert = fcc_str(root);
    if (c->use_client_auth) {
        c->client_cert = fcc_str(cert);
        c->client_key = fcc_str(key);
    }
    return check_pems(c, m->fault);
}

/* ---- all of it ---- */

fcc_status package_address(fcc__arena *arena, const char *address, package_connection *c, package_fault *fault)
{
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[';
    char *end = NULL;
    long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : 0;
    size_t host;

    if (!*address)
        return package_refuse(fault, FCC__E_CFG_ADDRESS, FCC_ERR_CONFIG, "the chaincode's address is empty");
    if (!colon || colon == address || (bracketed && colon[-1] != ']') ||
        (!bracketed && memchr(address, ':', (size_t)(colon - address))) || !end || *end)
        return package_refuse(fault, FCC__E_CFG_ADDRESS, FCC_ERR_CONFIG,
                              "the chaincode's address is \"%.200s\": expected host:port", address);
    if (port < 1 || port > 65535)
        return package_refuse(fault, FCC__E_CFG_ADDRESS, FCC_ERR_CONFIG,
                              "the chaincode's address is \"%.200s\": its port must be 1 to 65535", address);
    host = (size_t)(colon - address);
    c->address = fcc__arena_printf(arena, "%s", address);
    c->port = fcc__arena_printf(arena, "%ld", port);
    c->host = bracketed ? fcc__arena_printf(arena, "%.*s", (int)host - 2, address + 1)
                        : fcc__arena_printf(arena, "%.*s", (int)host, address);
    return c->address && c->port && c->host ? FCC_OK : no_memory(fault);
}

fcc_status package_connection_read(fcc__arena *arena, fcc_bytes json, fcc_bytes values, package_connection *out,
                                   package_fault *fault)
{
    struct members m = { .arena = arena, .fault = fault };
    package_connection c = { 0 };
    const char *address = "", *timeout = "";
    json_error_t why;
    fcc_status st;

    if (values.len > 0) {
        m.values = json_loadb((const char *)values.data, values.len, 0, &why);
        if (!json_is_object(m.values)) {
            st = package_refuse(fault, FCC__E_CFG_VALUE, FCC_ERR_CONFIG,
                                "the values for connection.json's templates are no JSON object%s%s",
                                m.values ? "" : ": ", m.values ? "" : why.text);
            goto out;
        }
    }
    m.connection = json_loadb((const char *)json.data, json.len, 0, &why);
    if (!json_is_object(m.connection)) {
        st = package_refuse(fault, FCC__E_CFG_CONNECTION, FCC_ERR_CONFIG, "connection.json is no JSON object%s%s",
                            m.connection ? "" : ": ", m.connection ? "" : why.text);
        goto out;
    }
    st = read_text(&m, "address", &address);
    if (st == FCC_OK)
        st = read_text(&m, "dial_timeout", &timeout);
    if (st == FCC_OK)
        st = package_address(arena, address, &c, fault);
    if (st == FCC_OK && !*timeout)
        st = package_refuse(fault, FCC__E_CFG_TIMEOUT, FCC_ERR_CONFIG, "connection.json has no dial_timeout");
    if (st == FCC_OK && !package_duration(timeout, &c.dial_timeout_ms))
        st = package_refuse(fault, FCC__E_CFG_TIMEOUT, FCC_ERR_CONFIG,
                            "dial_timeout in connection.json is \"%.60s\": expected a duration such as \"10s\"",
                            timeout);
    if (c.dial_timeout_ms == 0)
        c.dial_timeout_ms = PACKAGE_DIAL_TIMEOUT_MS;
    if (st == FCC_OK)
        st = read_flag(&m, "tls_required", &c.use_tls);
    if (st == FCC_OK && c.use_tls)
        st = read_tls(&m, &c);
    if (st == FCC_OK)
        *out = c;
out:
    json_decref(m.connection);
    json_decref(m.values);
    return st;
}
