/* people.c: who takes part, their keys, and what is private of patients. */
#include "scenario.h"

#include "msp/issue.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const struct {
    const char *user, *org, *uid, *site;
} people[] = {
#define PERSON(name, user, org, uid, site) { user, org, uid, site },
    SCENE_PEOPLE(PERSON)
#undef PERSON
};

const char *scene_uid(scene_who who)
{
    return people[who].uid;
}

const char *scene_site(scene_who who)
{
    return people[who].site;
}

bool scene_meet(scene *s)
{
    for (size_t i = 0; i < WHO_COUNT; i++) {
        const client_options options = {
            .dir = s->dir, .user = people[i].user, .org = people[i].org, .clock_offset_s = s->ahead
        };

        if (client_open(&options, &s->people[i], &s->error) != FCC_OK)
            return scene_check(s, false, "%s of %s is connected", people[i].user, people[i].org);
    }
    return true;
}

void scene_part(scene *s)
{
    for (size_t i = 0; i < WHO_COUNT; i++) {
        client_close(s->people[i]);
        s->people[i] = NULL;
    }
}

void scene_meet_again(scene *s)
{
    scene_part(s);
    if (scene_meet(s))
        return;
    printf("Bail out! without its people the scenario can't go on\n");
    exit(1);
}

/* ---- ids, times, texts ---- */

void scene_id(char out[SCENE_ID])
{
    if (!fhir_random_id(out))
        abort();
}

const char *scene_print(scene *s, const char *format, ...)
{
    char text[4096];
    fcc_bytes copy;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!fcc__arena_copy(s->arena, fcc_str(text), &copy))
        abort();
    return (const char *)copy.data;
}

const char *scene_salt(scene *s)
{
    char id[SCENE_ID];

    scene_id(id);
    return scene_print(s, "%s", id);
}

const char *scene_digest(scene *s)
{
    return scene_print(s, "%s%s", scene_salt(s), scene_salt(s));
}

const char *scene_time(scene *s, int64_t from_now_s)
{
    return scene_moment(s, (int64_t)time(NULL) + s->ahead + from_now_s);
}

const char *scene_moment(scene *s, int64_t since_1970_s)
{
    const time_t when = (time_t)since_1970_s;
    struct tm tm;
    char text[32];

    if (!gmtime_r(&when, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        abort();
    return scene_print(s, "%s", text);
}

/* ---- patients ---- */

void scene_private(scene *s, const char *what, const char *value)
{
    FILE *f = s->private_words ? fopen(s->private_words, "a") : NULL;

    if (f) {
        fprintf(f, "%s\t%s\n", what, value);
        fclose(f);
    }
}

static void random_word(const char *first, char *out, size_t size)
{
    char word[17];

    if (!msp__random_base32(10, word, sizeof(word)))
        abort();
    snprintf(out, size, "%s%s", first, word);
}

/* Nobody's: words that stand for a name, a street, and so on. */
void scene_make_patient(scene *s, scene_patient *p)
{
    uint8_t r[8];

    if (RAND_bytes(r, sizeof(r)) != 1 || !msp__random_base32(16, p->pid, sizeof(p->pid)))
        abort();
    snprintf(p->nid, sizeof(p->nid), "%s", scene_digest(s));
    random_word("Name ", p->name, sizeof(p->name));
    random_word("Street ", p->street, sizeof(p->street));
    random_word("MRN-", p->number, sizeof(p->number));
    snprintf(p->born, sizeof(p->born), "%d-%02d-%02d", 1901 + r[0] % 60, 1 + r[1] % 12, 1 + r[2] % 28);
    snprintf(p->phone, sizeof(p->phone), "+999%03d%03d%03d", r[3] * 3, r[4] * 3, r[5] * 3);
    scene_private(s, "pid", p->pid);
    scene_private(s, "national id", p->nid);
    scene_private(s, "name", p->name);
    scene_private(s, "birth date", p->born);
    scene_private(s, "address", p->street);
    scene_private(s, "phone", p->phone);
    scene_private(s, "identifier", p->number);
}

json_t *scene_demographics(const scene_patient *p)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "name", p->name, "birthDate", p->born, "address", p->street, "telecom",
                     p->phone);
}

/* ---- certificates that an authority should not have issued ---- */

const char *scene_certificate(scene *s, const char *domain, const char *attributes)
{
    const char *org = scene_print(s, "%s/crypto/peerOrganizations/%s", s->dir, domain), *out;
    char id[SCENE_ID], command[4096];
    const int64_t now = (int64_t)time(NULL);
    const msp__request request = { .use = MSP__USE_SIGN,
                                   .organisation = domain,
                                   .unit = "client",
                                   .name = "another",
                                   .attributes = attributes,
                                   .not_before = now - 60,
                                   .not_after = now + (int64_t)365 * 86400 };
    EVP_PKEY *key = msp__new_key(), *ca_key = NULL;
    X509 *ca = NULL, *cert = NULL;
    bool written = false;
    FILE *f;

    scene_id(id);
    out = scene_print(s, "%s/odd/%s", s->dir, id);
    snprintf(command, sizeof(command), "mkdir -p -m 700 '%s/signcerts' '%s/keystore'", out, out);
    if (system(command) != 0)
        goto out;
    if ((f = fopen(scene_print(s, "%s/ca/priv_sk", org), "r"))) {
        ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
    }
    if ((f = fopen(scene_print(s, "%s/ca/ca.%s-cert.pem", org, domain), "r"))) {
        ca = PEM_read_X509(f, NULL, NULL, NULL);
        fclose(f);
    }
    cert = key && ca && ca_key ? msp__issue(&request, key, ca, ca_key) : NULL;
    if (cert && (f = fopen(scene_print(s, "%s/signcerts/cert.pem", out), "w"))) {
        written = PEM_write_X509(f, cert) == 1;
        written = fclose(f) == 0 && written;
    }
    if (written && (f = fopen(scene_print(s, "%s/keystore/key_sk", out), "w"))) {
        written = PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
        written = fclose(f) == 0 && written;
    }
out:
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    return written ? out : NULL;
}

/* ---- the network ---- */

int scene_network(scene *s, const char *what, const char *how)
{
    char command[4096];
    int status;

    if (!s->network)
        return 77;
    snprintf(command, sizeof(command), "%s %s %s >&2", s->network, what, how ? how : "");
    fflush(NULL);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
