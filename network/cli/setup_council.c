/*
 * setup_council.c: the council's DID and accreditation, and the licences that it issues: W3C Verifiable Credentials,
 * signed with the council's key (Data Integrity, ecdsa-jcs-2019). They stay with their holders, here in DIR/credentials;
 * the ledger has their hashes. A document that exists is kept, so that an interrupted setup goes on with the same one.
 *
 * All strings are ASCII and all numbers are integers, so JSON without spaces and with sorted keys is RFC 8785's form.
 */
#include "cli/setup.h"

#include "base/hash.h"
#include "blob/id.h"
#include "msp/internal.h"
#include "msp/material.h"
#include "msp/msp.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { YEARS = 5, LIST_BITS = 131072, POINT = 65, HALF = 32 };

#define VC_CONTEXT "https://www.w3.org/ns/credentials/v2"
#define TERMS "https://medsync.example/terms#"
#define DID_CONTEXT "https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"

/* The issuer. */
typedef struct council {
    const config_org *org;
    const config_user *user;
    msp_signer *signer;
    const char *did, *method, *list;
    bool *used; /* LIST_BITS: the places in the list that credentials of this plan have */
} council;

static bool failed(setup_plan *plan, const char *what)
{
    if (plan->st == FCC_OK)
        plan->st = fcc_error_set(plan->error, FCC_ERR_INTERNAL, "%s cannot be made", what);
    return false;
}

/* ---- documents ---- */

static const char *path_of(setup_plan *plan, const char *name)
{
    const char *path = fcc__arena_printf(plan->arena, "%s/credentials/%s.json", plan->dir, name);

    if (!path)
        failed(plan, name);
    return path;
}

/* The document of an earlier run; NULL when there is none. */
static json_t *kept(setup_plan *plan, const char *path)
{
    json_error_t why;
    json_t *document = NULL;

    if (plan->st == FCC_OK && path && msp__exists(path) && !(document = json_load_file(path, 0, &why)))
        plan->st = fcc_error_set(plan->error, FCC_ERR_CONFIG, "%s:%d: %s", path, why.line, why.text);
    return document;
}

static bool keep(setup_plan *plan, const char *path, const json_t *document)
{
    const char *dir = fcc__arena_printf(plan->arena, "%s/credentials", plan->dir);
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS);

    if (plan->st == FCC_OK && (!dir || !text))
        failed(plan, path);
    if (plan->st == FCC_OK)
        plan->st = msp__make_dirs(dir, plan->error);
    if (plan->st == FCC_OK)
        plan->st = msp__replace_file(path, fcc_str(text), 0644, plan->error);
    free(text);
    return plan->st == FCC_OK;
}

static fcc__sha256 digest_of(const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    fcc__sha256 digest = fcc__sha256_of(fcc_str(text ? text : ""));

    free(text);
    return digest;
}

static const char *hash_of(setup_plan *plan, const json_t *document)
{
    const fcc__sha256 digest = digest_of(document);
    const fcc_bytes hex = fcc__hex(plan->arena, fcc__sha256_bytes(&digest));

    return hex.len ? (const char *)hex.data : "";
}

/* ---- the council's key ---- */

/* As a Multikey of P-256: its multicodec and the compressed point. */
static const char *multikey(setup_plan *plan, const msp_signer *signer)
{
    X509 *cert = msp__cert_of_pem(msp_signer_certificate(signer));
    uint8_t point[POINT], bytes[2 + 1 + HALF] = { 0x80, 0x24 };
    const char *text = NULL;
    size_t len = 0;

    if (cert &&
        EVP_PKEY_get_octet_string_param(X509_get0_pubkey(cert), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) ==
            1 &&
        len == POINT) {
        bytes[2] = 2 + (point[POINT - 1] & 1);
        memcpy(bytes + 3, point + 1, HALF);
        if (blob_multibase_encode("base58btc", fcc_bytes_of(bytes, sizeof(bytes)), plan->arena, &text) != FCC_OK)
            text = NULL;
    }
    X509_free(cert);
    if (!text)
        failed(plan, "the council's public key");
    return text;
}

/* ECDSA as Data Integrity has it: both halves, 64 bytes. */
static const char *sign(setup_plan *plan, const council *c, const fcc__sha256 *options, const fcc__sha256 *document)
{
    const fcc_bytes parts[2] = { fcc__sha256_bytes(options), fcc__sha256_bytes(document) };
    const char *text = NULL;
    const uint8_t *at;
    uint8_t raw[2 * HALF];
    fcc_bytes der;
    ECDSA_SIG *signature = NULL;

    if (msp_sign(c->signer, parts, 2, plan->arena, &der) == FCC_OK) {
        at = der.data;
        signature = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    }
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, HALF) != HALF ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + HALF, HALF) != HALF ||
        blob_multibase_encode("base58btc", fcc_bytes_of(raw, sizeof(raw)), plan->arena, &text) != FCC_OK)
        failed(plan, "a credential's proof");
    ECDSA_SIG_free(signature);
    return text;
}

static const char *utc(setup_plan *plan, time_t when)
{
    struct tm tm;
    char text[32];
    const char *copy = NULL;

    if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        copy = fcc__arena_printf(plan->arena, "%s", text);
    if (!copy)
        failed(plan, "a time");
    return copy ? copy : "";
}

static bool add_proof(setup_plan *plan, const council *c, json_t *document, const char *created)
{
    json_t *proof = json_pack("{s:O, s:s, s:s, s:s, s:s, s:s}", "@context", json_object_get(document, "@context"),
                              "type", "DataIntegrityProof", "cryptosuite", "ecdsa-jcs-2019", "created", created,
                              "verificationMethod", c->method, "proofPurpose", "assertionMethod");
    const fcc__sha256 options = digest_of(proof), body = digest_of(document);
    const char *value = sign(plan, c, &options, &body);

    if (value && proof && json_object_set_new(proof, "proofValue", json_string(value)) == 0 &&
        json_object_set(document, "proof", proof) == 0) {
        json_decref(proof);
        return true;
    }
    json_decref(proof);
    return failed(plan, "a credential's proof");
}

/* ---- acts ---- */

static void add_did(setup_plan *plan, const council *c)
{
    const char *path = path_of(plan, "council"), *hash;
    json_t *document = kept(plan, path);

    if (!document && plan->st == FCC_OK) {
        document = json_pack("{s:[s,s], s:s, s:[{s:s, s:s, s:s, s:s}], s:[s], s:[s]}", "@context", DID_CONTEXT, "id",
                             c->did, "verificationMethod", "id", c->method, "type", "Multikey", "controller", c->did,
                             "publicKeyMultibase", multikey(plan, c->signer), "assertionMethod", c->method,
                             "authentication", c->method);
        if (document)
            keep(plan, path, document);
        else
            failed(plan, "the council's DID document");
    }
    hash = hash_of(plan, document);
    json_decref(document);
    /* the nonce is the document's: putting the same one again has been done */
    setup_add(plan, SETUP_MORE_STAFF, c->org, c->user, "credentials", c->did, "PutDid", c->did, hash,
              fcc__arena_printf(plan->arena, "%.32s", hash), NULL);
}

static const char *licence_of(const config_user *user)
{
    static const char *const types[][2] = { { "doctor", "MedicalLicence" },
                                            { "nurse", "NursingLicence" },
                                            { "pharmacist", "PharmacistLicence" } };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (user->licensed && !user->spare && strcmp(user->role, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

/* Who gets a credential: a person of a profession, or a site that trades in medicines. */
typedef struct holder {
    const char *id; /* uid or GLN */
    config_strings regions;
} holder;

static json_t *regions_of(const holder *who)
{
    json_t *list = json_array();

    for (size_t i = 0; i < who->regions.n; i++)
        json_array_append_new(list, json_string(who->regions.v[i]));
    return list;
}

/* A place in the list that nobody has: random, so that it tells nothing of whose the credential is. */
static unsigned long free_place(setup_plan *plan, const council *c)
{
    unsigned long place;

    do
        place = strtoul(setup_random(plan, 4), NULL, 16) % LIST_BITS;
    while (plan->st == FCC_OK && c->used[place]);
    c->used[place] = true;
    return place;
}

static json_t *make_licence(setup_plan *plan, const council *c, const holder *who, const char *type)
{
    const time_t now = time(NULL) / 60 * 60 - 300;
    const char *id = fcc__arena_printf(plan->arena, "urn:medsync:credential:%s", setup_random(plan, 16));
    const char *list = fcc__arena_printf(plan->arena, "https://%s/status/%s", c->org->domain, c->list);
    const char *subject = fcc__arena_printf(plan->arena, "did:medsync:%s", who->id), *entry, *number, *term;
    const char *from = utc(plan, now), *until = utc(plan, now + (time_t)YEARS * 365 * 86400);
    json_t *vc;

    term = fcc__arena_printf(plan->arena, TERMS "%s", type);
    number = fcc__arena_printf(plan->arena, "%lu", free_place(plan, c));
    entry = list && number ? fcc__arena_printf(plan->arena, "%s#%s", list, number) : NULL;
    if (plan->st != FCC_OK || !id || !subject || !entry || !term) {
        failed(plan, "a licence");
        return NULL;
    }
    /* our own words are no terms of the data model: the credential says what they stand for */
    vc = json_pack("{s:[s, {s:s, s:s}], s:s, s:[s,s], s:s, s:s, s:s, s:{s:s, s:o}, s:{s:s, s:s, s:s, s:s, s:s}}",
                   "@context", VC_CONTEXT, type, term, "regions", TERMS "regions", "id", id, "type",
                   "VerifiableCredential", type, "issuer", c->did, "validFrom", from, "validUntil", until,
                   "credentialSubject", "id", subject, "regions", regions_of(who), "credentialStatus", "id", entry,
                   "type", "BitstringStatusListEntry", "statusPurpose", "revocation", "statusListIndex", number,
                   "statusListCredential", list);
    if (!vc || !add_proof(plan, c, vc, from)) {
        json_decref(vc);
        return NULL;
    }
    return vc;
}

static const char *licence_path(setup_plan *plan, const holder *who, const char *type)
{
    return path_of(plan, fcc__arena_printf(plan->arena, "%s-%s", who->id, type));
}

static const char *place_of(const json_t *vc)
{
    return json_string_value(json_object_get(json_object_get(vc, "credentialStatus"), "statusListIndex"));
}

/* The place of a licence of an earlier run is nobody else's. */
static void note_place(setup_plan *plan, const council *c, const holder *who, const char *type)
{
    json_t *vc = kept(plan, licence_path(plan, who, type));

    if (place_of(vc))
        c->used[strtoul(place_of(vc), NULL, 10) % LIST_BITS] = true;
    json_decref(vc);
}

static void add_licence(setup_plan *plan, const council *c, const holder *who, const char *type)
{
    const char *path = licence_path(plan, who, type), *parts[4];
    static const char *const names[] = { "id", "validFrom", "validUntil" };
    json_t *vc = kept(plan, path);

    if (!vc && plan->st == FCC_OK) {
        vc = make_licence(plan, c, who, type);
        if (!vc || !keep(plan, path, vc)) {
            json_decref(vc);
            return;
        }
    }
    for (size_t i = 0; i < 3; i++)
        parts[i] = json_string_value(json_object_get(vc, names[i]));
    parts[3] = place_of(vc);
    if (plan->st == FCC_OK && (!parts[0] || !parts[1] || !parts[2] || !parts[3]))
        plan->st = fcc_error_set(plan->error, FCC_ERR_CONFIG, "%s is not what setup writes: remove it", path);
    for (size_t i = 0; plan->st == FCC_OK && i < 4; i++)
        parts[i] = fcc__arena_printf(plan->arena, "%s", parts[i]);
    setup_add(plan, SETUP_LICENCES, c->org, c->user, "credentials", who->id, "IssueCredential", parts[0],
              hash_of(plan, vc), type, who->id, c->list, parts[3], parts[1], parts[2],
              setup_text(plan, regions_of(who)), NULL);
    json_decref(vc);
}

/* Everybody who gets a licence, in the order of the network file; then the sites. */
static void for_holders(setup_plan *plan, const council *c,
                        void (*tell)(setup_plan *plan, const council *c, const holder *who, const char *type))
{
    /* every site of those who make, sell and use medicines is a trading partner in its region: supply asks for it */
    static const char *const partner = "TradingPartner", *const msps[] = { "ManufacturerMSP", "DistributorMSP",
                                                                           "PharmacyMSP", "HospitalMSP", "ClinicMSP" };

    for (size_t i = 0; i < plan->network->org_count; i++)
        for (size_t k = 0; k < plan->network->orgs[i].user_count; k++) {
            const config_user *user = &plan->network->orgs[i].users[k];
            const char *type = user->role ? licence_of(user) : NULL;
            const holder who = { user->uid, user->regions };

            if (type && config_has(c->user->issues, type))
                tell(plan, c, &who, type);
        }
    for (size_t i = 0; config_has(c->user->issues, partner) && i < plan->network->site_count; i++) {
        const config_site *site = &plan->network->sites[i];
        const holder who = { site->gln, { &site->region, 1 } };

        for (size_t k = 0; k < sizeof(msps) / sizeof(msps[0]); k++)
            if (strcmp(site->msp, msps[k]) == 0)
                tell(plan, c, &who, partner);
    }
}

static void add_all(setup_plan *plan, const council *c)
{
    const config_org *regulator = setup_regulator(plan);

    add_did(plan, c);
    for (size_t i = 0; i < c->user->issues.n; i++)
        setup_add(plan, SETUP_ACCREDITED, regulator, setup_admin(regulator), "credentials", c->user->issues.v[i],
                  "Accredit", c->did, c->user->issues.v[i], NULL);
    setup_add(plan, SETUP_LISTS, c->org, c->user, "credentials", c->list, "CreateStatusList", c->list, "revocation",
              fcc__arena_printf(plan->arena, "%d", (int)LIST_BITS), NULL);
    for_holders(plan, c, note_place);
    for_holders(plan, c, add_licence);
}

void setup_add_council(setup_plan *plan)
{
    council c = { .org = setup_regulator(plan) };
    const char *crypto = fcc__arena_printf(plan->arena, "%s/crypto", plan->dir), *dir;

    for (size_t i = 0; i < c.org->user_count; i++)
        if (c.org->users[i].issues.n > 0)
            c.user = &c.org->users[i];
    if (!c.user || plan->st != FCC_OK)
        return;
    c.did = fcc__arena_printf(plan->arena, "did:medsync:%s", c.user->site);
    c.method = fcc__arena_printf(plan->arena, "%s#key-1", c.did ? c.did : "");
    c.list = fcc__arena_printf(plan->arena, "licences-%s", c.user->site);
    dir = crypto ? msp_path_user_msp(plan->arena, crypto, c.org, c.user->name) : NULL;
    c.used = fcc__arena_zalloc(plan->arena, LIST_BITS, sizeof(*c.used));
    if (!c.did || !c.method || !c.list || !dir || !c.used) {
        failed(plan, "the council");
        return;
    }
    plan->st = msp_signer_load(dir, c.org->mspid, &c.signer, plan->error);
    if (plan->st == FCC_OK)
        add_all(plan, &c);
    msp_signer_free(c.signer);
}
