/*
 * joined.c: what somebody who has the blocks can join. Transactions belong together when they share an id (128 or 256 bits
 * in hexadecimal, a pid) or a hash of 32 bytes, as hashed keys are. From a patient's certificate on, no transaction that
 * can be reached may have a word about health in it. This joins more than is so: it errs on the safe side.
 */
#include "scan.h"

#include "base/hash.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What says something about health: categories but general and lab (which are also a class of retention and a kind of
 * site), codes and specialties of the scenario. */
static const char *const health[] = { "psychiatry", "substance",  "sexual",    "genetic",      "social",
                                      "allergy",    "medication", "procedure", "immunization", "imaging",
                                      "4548-4",     "8310-5",     "cardiology" };

enum { HEALTH = sizeof(health) / sizeof(health[0]), HASH = 32 };

typedef struct joined_tx {
    uint8_t *bytes;
    size_t len;
    bool reached;
} joined_tx;

/* One id in one transaction. */
typedef struct token {
    uint64_t id; /* the first bytes of its SHA-256: enough among thousands */
    size_t tx;
} token;

typedef struct tokens {
    token *all;
    size_t count, room;
} tokens;

void joined_add(joined *j, fcc_bytes envelope)
{
    joined_tx *tx;

    if (j->count == j->room) {
        j->room = j->room ? 2 * j->room : 256;
        j->txs = realloc(j->txs, j->room * sizeof(*j->txs));
        if (!j->txs)
            abort();
    }
    tx = &j->txs[j->count++];
    *tx = (joined_tx){ .bytes = malloc(envelope.len + 1), .len = envelope.len };
    if (!tx->bytes)
        abort();
    memcpy(tx->bytes, envelope.data, envelope.len);
}

void joined_free(joined *j)
{
    for (size_t i = 0; i < j->count; i++)
        free(j->txs[i].bytes);
    free(j->txs);
}

static uint64_t id_of(const uint8_t *bytes, size_t len)
{
    const fcc__sha256 digest = fcc__sha256_of(fcc_bytes_of(bytes, len));
    uint64_t id;

    memcpy(&id, fcc__sha256_bytes(&digest).data, sizeof(id));
    return id;
}

static void take(tokens *t, const uint8_t *bytes, size_t len, size_t tx)
{
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 4096;
        t->all = realloc(t->all, t->room * sizeof(*t->all));
        if (!t->all)
            abort();
    }
    t->all[t->count++] = (token){ id_of(bytes, len), tx };
}

/* The fingerprint of a member of staff, whose keys are public: that two acts are of one doctor joins no patient to them. */
static bool of_staff(const joined_tx *tx, size_t at)
{
    return (at >= 4 && memcmp(tx->bytes + at - 4, "KEY", 4) == 0) ||
           (at >= 6 && memcmp(tx->bytes + at - 6, "\"fp\":\"", 6) == 0);
}

/* A public key of 32 bytes, such as that of somebody's job. */
static bool is_text(const uint8_t *bytes)
{
    for (size_t i = 0; i < HASH; i++)
        if (bytes[i] != 0 && (bytes[i] < 0x20 || bytes[i] > 0x7e))
            return false;
    return true;
}

static void take_all(tokens *t, const joined_tx *tx, size_t index)
{
    for (size_t i = 0; i < tx->len;) {
        size_t n = 0, k = 0;

        while (i + n < tx->len && strchr("0123456789abcdef", tx->bytes[i + n]) && tx->bytes[i + n])
            n++;
        while (i + k < tx->len && strchr("abcdefghijklmnopqrstuvwxyz234567", tx->bytes[i + k]) && tx->bytes[i + k])
            k++;
        if (n == 64 && of_staff(tx, i))
            ;
        else if (n == 32 || n == 64)
            take(t, tx->bytes + i, n, index);
        else if (k == 26)
            take(t, tx->bytes + i, k, index);
        i += n > k ? n : k ? k : 1;
    }
    /* length-delimited fields of 32 bytes: hashed keys and values, and whatever looks like one */
    for (size_t i = 1; i + 1 + HASH <= tx->len; i++)
        if (tx->bytes[i] == HASH && (tx->bytes[i - 1] & 0x87) == 0x02 && !is_text(tx->bytes + i + 1))
            take(t, tx->bytes + i + 1, HASH, index);
}

static int by_id(const void *a, const void *b)
{
    const token *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id ? 1 : x->tx < y->tx ? -1 : x->tx > y->tx;
}

static bool has(const joined_tx *tx, const char *text)
{
    return memmem(tx->bytes, tx->len, text, strlen(text)) != NULL;
}

/* Transactions whose creator is a patient of this network. */
static size_t of_patients(joined *j, const char *dir)
{
    static const char *const domains[] = { "hospital.medsync.example", "clinic.medsync.example" };
    char path[4096], pem[8192];
    size_t found = 0;

    for (size_t i = 0; i < 2; i++) {
        struct dirent *e;
        DIR *d;

        snprintf(path, sizeof(path), "%s/crypto/peerOrganizations/%s/users", dir, domains[i]);
        d = opendir(path);
        while (d && (e = readdir(d))) {
            FILE *f;
            size_t n;

            if (strncmp(e->d_name, "patient", 7) != 0)
                continue;
            snprintf(path, sizeof(path), "%s/crypto/peerOrganizations/%s/users/%s/msp/signcerts/%s-cert.pem", dir,
                     domains[i], e->d_name, e->d_name);
            if (!(f = fopen(path, "r")))
                continue;
            n = fread(pem, 1, sizeof(pem) - 1, f);
            fclose(f);
            while (n && pem[n - 1] == '\n')
                n--;
            pem[n] = '\0';
            for (size_t k = 0; n && k < j->count; k++)
                if (!j->txs[k].reached && has(&j->txs[k], pem)) {
                    j->txs[k].reached = true;
                    found++;
                }
        }
        if (d)
            closedir(d);
    }
    return found;
}

/* Everything that shares something with what was reached. */
static size_t reach(joined *j, const tokens *t)
{
    size_t reached = 0;
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0, end; i < t->count; i = end) {
            bool any = false;

            for (end = i; end < t->count && t->all[end].id == t->all[i].id; end++)
                any = any || j->txs[t->all[end].tx].reached;
            for (size_t k = i; any && k < end; k++)
                if (!j->txs[t->all[k].tx].reached)
                    more = j->txs[t->all[k].tx].reached = true;
        }
    }
    for (size_t i = 0; i < j->count; i++)
        reached += j->txs[i].reached;
    return reached;
}

static size_t about_health(const joined *j)
{
    size_t found = 0;

    for (size_t i = 0; i < j->count; i++)
        for (size_t k = 0; j->txs[i].reached && k < HEALTH; k++)
            if (has(&j->txs[i], health[k])) {
                if (found++ < 5)
                    printf("# %s, in transaction %zu\n", health[k], i);
            }
    return found;
}

/* ---- guessing ---- */

static bool known(const tokens *t, const char *const *parts)
{
    uint8_t key[512], digest_bytes[HASH];
    size_t n = 0;
    token want;
    fcc__sha256 digest;

    key[n++] = 0;
    for (; *parts; parts++) {
        const size_t len = strlen(*parts);

        if (n + len + 1 > sizeof(key))
            return false;
        memcpy(key + n, *parts, len);
        n += len;
        key[n++] = 0;
    }
    digest = fcc__sha256_of(fcc_bytes_of(key, n));
    memcpy(digest_bytes, fcc__sha256_bytes(&digest).data, HASH);
    want.id = id_of(digest_bytes, HASH);
    for (size_t lo = 0, hi = t->count; lo < hi;) {
        const size_t mid = lo + (hi - lo) / 2;

        if (t->all[mid].id == want.id)
            return true;
        if (t->all[mid].id < want.id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

/* Who knows a pid guesses keys with it and a word about health. */
static void guess(const tokens *t, const words *w)
{
    static const char *const types[] = { "CBASE", "CONS", "CREQ",  "PEND", "REC",   "RECP",   "ENC", "ENCP", "ORDER",
                                         "ORDL",  "ERAP", "LHOLD", "ACC",  "AUDIT", "AUDACT", "DEK", "SPEC", "PAT",
                                         "KEY",   "ASG",  "GUARD", "DEMO", "BTG",   "BTGCUR", "BTGP" };
    size_t tried = 0, hit = 0, sure = 0;

    for (size_t i = 0; i < w->count; i++) {
        const char *pid = w->all[i].text;

        if (strcmp(w->all[i].kind, "pid") != 0)
            continue;
        sure += known(t, (const char *const[]){ "PAT", pid, NULL });
        for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++)
            for (size_t h = 0; h < HEALTH; h++) {
                const char *const keys[][5] = { { types[k], pid, health[h], NULL },
                                                { types[k], health[h], pid, NULL },
                                                { types[k], health[h], NULL },
                                                { types[k], health[h], "DE-BE", "uid-h-0001", NULL },
                                                { types[k], health[h], "ordered", pid, NULL } };

                for (size_t n = 0; n < sizeof(keys) / sizeof(keys[0]); n++, tried++)
                    hit += known(t, keys[n]);
            }
    }
    scan_check(hit == 0, "no hashed key is one of a pid and a word about health (%zu guesses)", tried);
    scan_check(sure > 0, "while a key of a pid alone is recognised by who knows the pid (%zu)", sure);
}

/* Who knows a doctor's number and the hours of a practice guesses keys with them: whom patients see is a specialty. */
static void guess_doctors(const tokens *t, const words *w)
{
    enum { DAYS = 28, DAY_S = 86400, SLOT_S = 300 };
    static const char *const doctors[] = { "uid-h-0001", "uid-h-0002", "uid-c-0001" };
    const int64_t from = (int64_t)time(NULL) - DAY_S;
    size_t tried = 0, hit = 0, sure = 0;

    for (size_t d = 0; d < sizeof(doctors) / sizeof(doctors[0]); d++) {
        tried++;
        hit += known(t, (const char *const[]){ "LIM", doctors[d], NULL });
        for (int64_t at = from; at < from + (int64_t)DAYS * DAY_S; at += SLOT_S, tried++) {
            char slot[24];

            snprintf(slot, sizeof(slot), "%010lld", (long long)(at / SLOT_S));
            hit += known(t, (const char *const[]){ "CELL", doctors[d], slot, NULL });
            for (size_t i = 0; d == 0 && i < w->count; i++)
                sure += strcmp(w->all[i].kind, "pid") == 0 &&
                        known(t, (const char *const[]){ "PCELL", w->all[i].text, slot, NULL });
        }
    }
    scan_check(hit == 0, "no hashed key is one of a doctor and an hour (%zu guesses)", tried);
    scan_check(sure > 0, "while one of a patient and an hour is recognised by who knows the pid (%zu)", sure);
}

void joined_check(joined *j, const words *w, const char *dir)
{
    tokens t = { 0 };
    size_t first, all, before;

    for (size_t i = 0; i < j->count; i++)
        take_all(&t, &j->txs[i], i);
    qsort(t.all, t.count, sizeof(*t.all), by_id);
    first = of_patients(j, dir);
    scan_check(first > 0, "patients' certificates made %zu transactions", first);
    all = reach(j, &t);
    scan_check(all > first, "by ids and hashed keys %zu of %zu transactions are joined to them", all, j->count);
    before = about_health(j);
    scan_check(before == 0, "none of these has a word about health");
    for (size_t i = 0; i < j->count; i++)
        if (j->txs[i].reached) { /* one that is put there is found */
            memcpy(j->txs[i].bytes, health[0], strlen(health[0]));
            break;
        }
    scan_check(about_health(j) == before + 1, "planted in one of them, one is found");
    guess(&t, w);
    guess_doctors(&t, w);
    free(t.all);
}
