/*
 * registry.c: what stands in for the credentials registry and the custodian: registry.json, which chaincodes read, and
 * the organisations' custody keys.
 */
#include "msp/issue.h"
#include "msp/material.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- patients' ids ------------------------------------------------------------------------------------------------ */

static char *registry_path(fcc__arena *arena, const char *dir)
{
    return fcc__arena_printf(arena, "%s/registry.json", dir);
}

/* The pid that an earlier registry gives this key; NULL. Borrowed from `old`. */
static const char *known_pid(json_t *old, const char *fingerprint)
{
    json_t *patient, *key;
    size_t i, k;

    json_array_foreach(json_object_get(old, "patients"), i, patient) json_array_foreach(
        json_object_get(patient, "keys"), k,
        key) if (json_is_string(key) && strcmp(json_string_value(key), fingerprint) ==
                                            0) return json_string_value(json_object_get(patient, "pid"));
    return NULL;
}

fcc_status msp_registry_pid(const char *dir, const char *fingerprint, char pid[MSP_PID_LEN + 1], fcc_error *error)
{
    char path[4096];
    json_error_t problem;
    json_t *root;
    const char *found;
    fcc_status st = FCC_OK;

    if (snprintf(path, sizeof path, "%s/registry.json", dir) >= (int)sizeof path)
        return fcc_error_set(error, FCC_ERR_ARG, "%s: path too long", dir);
    root = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return fcc_error_set(error, FCC_ERR_IO, "%s:%d: %s", path, problem.line, problem.text);
    found = known_pid(root, fingerprint);
    if (found && strlen(found) == MSP_PID_LEN)
        memcpy(pid, found, MSP_PID_LEN + 1);
    else
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s: no patient has the key %s", path, fingerprint);
    json_decref(root);
    return st;
}

/* ---- custody keys ------------------------------------------------------------------------------------------------- */

static fcc_status custody_key(const char *path, fcc__arena *arena, EVP_PKEY **out, fcc_error *error)
{
    fcc_bytes pem;
    BIO *bio;
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
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    *out = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    BIO_free(bio);
    if (!*out || !EVP_PKEY_is_a(*out, "X25519"))
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: expected an X25519 private key in PEM", path);
    return FCC_OK;
}

static fcc_status add_custody(const config_org *org, const char *dir, fcc__arena *arena, json_t *list, fcc_error *error)
{
    const char *path = fcc__arena_printf(arena, "%s/custody/%s.key", dir, org->mspid);
    EVP_PKEY *key = NULL;
    unsigned char public_key[32];
    size_t len = sizeof public_key;
    fcc_bytes hex;
    fcc_status st = path ? custody_key(path, arena, &key, error) : FCC_ERR_LIMIT;

    if (st == FCC_OK && (EVP_PKEY_get_raw_public_key(key, public_key, &len) != 1 || len != sizeof public_key))
        st = fcc_error_set(error, FCC_ERR_INTERNAL, "%s: no public key in it", path);
    if (st == FCC_OK) {
        hex = fcc__hex(arena, fcc_bytes_of(public_key, len));
        if (hex.len == 0 ||
            json_array_append_new(list, json_pack("{s:s, s:s%}", "msp", org->mspid, "pub", hex.data, hex.len)) != 0)
            st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for the registry");
    }
    EVP_PKEY_free(key);
    return st;
}

/* ---- people ------------------------------------------------------------------------------------------------------- */

static fcc_status fingerprint_of(const config_org *org, const config_user *user, const char *crypto_dir,
                                 fcc__arena *arena, char out[2 * FCC__SHA256_LEN + 1], fcc_error *error)
{
    const char *msp = msp_path_user_msp(arena, crypto_dir, org, user->name);
    const char *dir = msp ? fcc__arena_printf(arena, "%s/signcerts", msp) : NULL;
    msp__files files;
    fcc__sha256 digest;
    X509 *cert;
    fcc_status st = dir ? msp__read_dir(dir, arena, &files, error) : FCC_ERR_LIMIT;

    if (st != FCC_OK)
        return st;
    cert = files.n ? msp__cert_of_pem(files.contents[0]) : NULL;
    if (!cert)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: expected a PEM certificate there", dir);
    digest = msp__spki_digest(cert);
    msp__hex(out, &digest);
    X509_free(cert);
    return FCC_OK;
}

static json_t *text_list(config_strings list)
{
    json_t *out = json_array();
    size_t i;

    for (i = 0; i < list.n; i++)
        json_array_append_new(out, json_string(list.v[i]));
    return out;
}

static json_t *staff_entry(const config_org *org, const config_user *user, const char *fingerprint)
{
    json_t *licence = user->licensed ? json_pack("{s:o, s:s}", "regions", text_list(user->regions), "status", "valid")
                                     : json_null();

    return json_pack("{s:s, s:s, s:s, s:[s], s:o, s:s, s:o, s:[s]}", "uid", user->uid, "msp", org->mspid, "site",
                     user->site, "roles", user->role, "caps", text_list(user->caps), "status", "approved", "licence",
                     licence, "keys", fingerprint);
}

static json_t *patient_entry(const config_org *org, const char *fingerprint, json_t *old)
{
    const char *known = known_pid(old, fingerprint);
    char pid[MSP_PID_LEN + 1];

    if (known && strlen(known) == MSP_PID_LEN)
        memcpy(pid, known, sizeof pid);
    else if (!msp__random_base32(16, pid, sizeof pid))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:[s]}", "pid", pid, "msp", org->mspid, "status", "active", "keys", fingerprint);
}

static fcc_status add_people(const config_org *org, const char *dir, fcc__arena *arena, json_t *old, json_t *staff,
                             json_t *patients, fcc_error *error)
{
    const char *crypto = fcc__arena_printf(arena, "%s/crypto", dir);
    char fingerprint[2 * FCC__SHA256_LEN + 1];
    size_t i;
    fcc_status st = crypto ? FCC_OK : FCC_ERR_LIMIT;

    for (i = 0; i < org->user_count && st == FCC_OK; i++) {
        const config_user *user = &org->users[i];
        json_t *entry;

        if (user->spare || !user->role)
            continue;
        st = fingerprint_of(org, user, crypto, arena, fingerprint, error);
        if (st != FCC_OK)
            break;
        entry = user->patient ? patient_entry(org, fingerprint, old) : staff_entry(org, user, fingerprint);
        if (!entry || json_array_append_new(user->patient ? patients : staff, entry) != 0)
            st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for the registry");
    }
    return st;
}

static bool add_places(const config_network *network, json_t *sites, json_t *retention)
{
    size_t i;

    for (i = 0; i < network->site_count; i++) {
        const config_site *s = &network->sites[i];

        if (json_array_append_new(sites, json_pack("{s:s, s:s, s:s, s:s, s:s}", "gln", s->gln, "msp", s->msp, "type",
                                                   s->type, "region", s->region, "status", "approved")) != 0)
            return false;
    }
    for (i = 0; i < network->retention_count; i++) {
        const config_retention *r = &network->retention[i];

        if (json_array_append_new(
                retention, json_pack("{s:s, s:s, s:i}", "gln", r->gln, "class", r->class_name, "years", r->years)) != 0)
            return false;
    }
    return true;
}

fcc_status msp_write_registry(const config_network *network, const char *dir, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MSP__ARENA);
    json_t *sites = json_array(), *staff = json_array(), *patients = json_array(), *custody = json_array(),
           *retention = json_array(), *old = NULL, *root = NULL;
    const char *path, *custody_dir;
    char *text = NULL;
    size_t i;
    fcc_status st = FCC_ERR_NOMEM;

    root = json_pack("{s:o, s:o, s:o, s:o, s:o}", "sites", sites, "staff", staff, "patients", patients, "custody",
                     custody, "retention", retention);
    if (!arena || !root || !(path = registry_path(arena, dir)) ||
        !(custody_dir = fcc__arena_printf(arena, "%s/custody", dir)))
        goto out;
    st = msp__make_dirs(custody_dir, error);
    if (st == FCC_OK && chmod(custody_dir, 0700) != 0)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: its mode can't be set to 0700", custody_dir);
    if (st != FCC_OK)
        goto out;
    if (msp__exists(path)) {
        json_error_t problem;

        old = json_load_file(path, 0, &problem);
        if (!old) { /* it holds the patients' ids: never overwrite what can't be read */
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s:%d: %s", path, problem.line, problem.text);
            goto out;
        }
    }
    for (i = 0; i < network->org_count && st == FCC_OK; i++) {
        st = add_people(&network->orgs[i], dir, arena, old, staff, patients, error);
        if (st == FCC_OK && network->orgs[i].custody)
            st = add_custody(&network->orgs[i], dir, arena, custody, error);
    }
    if (st != FCC_OK)
        goto out;
    st = FCC_ERR_NOMEM;
    if (add_places(network, sites, retention) && (text = json_dumps(root, JSON_INDENT(1))) != NULL)
        st = msp__replace_file(path, fcc_str(text), 0644, error);
out:
    if (st == FCC_ERR_NOMEM)
        st = fcc_error_set(error, st, "out of memory for the registry");
    free(text);
    json_decref(old);
    json_decref(root);
    fcc__arena_free(arena);
    return st;
}
