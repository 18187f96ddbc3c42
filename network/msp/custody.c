/* custody.c: the custody keys of organisations that have a custodian. */
#include "msp/issue.h"
#include "msp/key.h"
#include "msp/material.h"

#include "base/durable.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A key that is there is kept: records are sealed to it. */
static fcc_status custody_key(const char *path, fcc__arena *arena, EVP_PKEY **out, fcc_error *error)
{
    fcc_bytes pem;
    fcc_status st;

    if (!msp__exists(path)) {
        *out = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
        if (!*out)
            return fcc_error_set(error, FCC_ERR_INTERNAL, "OpenSSL could not make an X25519 key");
        return msp__replace_file(path, msp__pem_of_key(*out, arena), 0600, error);
    }
    st = msp__read_file(path, arena, &pem, error);
    if (st != FCC_OK)
        return st;
    st = msp__key_read(path, pem, out, error);
    if (st != FCC_OK && memmem(pem.data, pem.len, "PRIVATE KEY", 11)) /* encrypted, or damaged: it says which */
        return st;
    if (st != FCC_OK || !EVP_PKEY_is_a(*out, "X25519"))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: expected an X25519 private key in PEM", path);
    return FCC_OK;
}

/* Make or keep the organisation's key, and add its public half to `all`. */
static fcc_status add_custody(const config_org *org, const char *folder, fcc__arena *arena, json_t *all,
                              fcc_error *error)
{
    const char *path = fcc__arena_printf(arena, "%s/%s.key", folder, org->mspid);
    EVP_PKEY *key = NULL;
    unsigned char public_key[32];
    size_t len = sizeof public_key;
    fcc_bytes hex = { 0 };
    fcc_status st = path ? custody_key(path, arena, &key, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");

    if (st == FCC_OK && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1)
        hex = fcc__hex(arena, fcc_bytes_of(public_key, len));
    if (st == FCC_OK &&
        (hex.len == 0 || json_object_set_new(all, org->mspid, json_stringn((const char *)hex.data, hex.len)) != 0))
        st = fcc_error_set(error, FCC_ERR_INTERNAL, "%s: its public key can't be had", path);
    EVP_PKEY_free(key);
    return st;
}

static fcc_status write_public(const char *dir, fcc__arena *arena, const json_t *all, fcc_error *error)
{
    const char *path = fcc__arena_printf(arena, "%s/custody.json", dir);
    char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
    fcc_status st = path && text ? msp__replace_file(path, fcc_str(text), 0644, error)
                                 : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");

    free(text);
    return st;
}

fcc_status msp_write_custody(const config_network *network, const char *dir, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MSP__ARENA);
    const char *folder = arena ? fcc__arena_printf(arena, "%s/custody", dir) : NULL;
    fcc_status st = folder ? msp__make_dirs(folder, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    json_t *all = json_object();
    size_t i;
    int lock = -1;

    if (st == FCC_OK) /* else two could make a key each, and records be sealed to that which is lost */
        st = fcc__lock_dir(folder, &lock, error);
    if (st == FCC_OK && chmod(folder, 0700) != 0)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: its mode can't be set to 0700", folder);
    for (i = 0; i < network->org_count && st == FCC_OK; i++)
        if (network->orgs[i].custody)
            st = add_custody(&network->orgs[i], folder, arena, all, error);
    if (st == FCC_OK)
        st = write_public(dir, arena, all, error);
    fcc__unlock_dir(lock);
    json_decref(all);
    fcc__arena_free(arena);
    return st;
}
