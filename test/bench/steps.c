/*
 * steps: how long the steps of daily care take that people wait for: opening a chart, booking, dispensing, verifying a
 * pack, breaking the glass; with the transactions and round trips of each.
 *
 *     steps DIR COUNT
 *
 * DIR is the directory of a network on which `medsync setup` has registered everybody. What a step needs (a grant, days,
 * prescriptions, packs) is made before and not counted. A round trip is a request that the client waits for: a
 * transaction has three (endorse, submit, commit status), a query one. A client hears of a commit by its own gateway's peer;
 * before it builds on that with another organisation's, it asks that one's height, which counts as well.
 */
#include "client/direct.h"

#include <jansson.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PHARMACY "4012345002010"

enum { ARENA_MAX = 64 << 20, MOST = 140, ID = 33, PER_DAY = 20, PACKS_AT_ONCE = 70 };

enum person { PATIENT, OTHER, DOCTOR, EMERGENCY, DESK, ADMIN, PHARMACIST, SUPPLIER, PEOPLE };

static const struct {
    const char *user, *org;
} names[PEOPLE] = {
    [PATIENT] = { "patient1", "hospital" },
    [OTHER] = { "patient2", "hospital" },
    [DOCTOR] = { "doctor1", "hospital" },
    [EMERGENCY] = { "doctor2", "hospital" },
    [DESK] = { "desk1", "hospital" },
    [ADMIN] = { "Admin", "hospital" },
    [PHARMACIST] = { "pharmacist1", "pharmacy" },
    [SUPPLIER] = { "supply1", "manufacturer" },
};

static const char *const care[] = { "HospitalMSP", "ClinicMSP", NULL };
static const char *const alone[] = { "HospitalMSP", NULL };
static const char *const dispensing[] = { "PharmacyMSP", "HospitalMSP", NULL };
static const char *const trade[] = { "ManufacturerMSP", "PharmacyMSP", NULL };

static const char *const everywhere[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", NULL };

static client *people[PEOPLE];
static fcc__arena *arena;
static json_t *answer;          /* of the last call */
static uint64_t last_block;     /* of the last transaction */
static int transactions, trips; /* of the step that runs */

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "steps: %s: %s\n", what, why);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void random_hex(char *out, size_t bytes)
{
    uint8_t raw[32];

    if (RAND_bytes(raw, (int)bytes) != 1)
        fail("random numbers", "none");
    for (size_t i = 0; i < bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

static const char *salt(void)
{
    static char text[ID];

    random_hex(text, 16);
    return text;
}

static const char *time_text(int64_t seconds)
{
    static char text[4][32];
    static int next;
    time_t at = (time_t)seconds;
    struct tm tm;

    next = (next + 1) % 4;
    gmtime_r(&at, &tm);
    strftime(text[next], sizeof(text[next]), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text[next];
}

static const char *time_after(int64_t seconds)
{
    return time_text((int64_t)time(NULL) + seconds);
}

/* Until these organisations' peers have committed what was invoked last. */
static void settle(enum person who, const char *const *orgs)
{
    static fcc__arena *room;
    Common__BlockchainInfo *info;
    fcc_error error = { 0 };

    if (!room && !(room = fcc__arena_new(1 << 20)))
        fail("memory", "none");
    for (; *orgs; orgs++) {
        do {
            fcc__arena_reset(room);
            trips++;
            if (client_chain_info(people[who], *orgs, room, &info, &error) != FCC_OK)
                fail(*orgs, error.text);
        } while (info->height <= last_block);
    }
}

/* `in` is T, consumed, or NULL; `orgs` NULL: a query. Then the arguments behind the function's name, ended by NULL. */
static void call(enum person who, const char *const *orgs, const char *chaincode, const char *function, json_t *in, ...)
{
    fcc_bytes args[12];
    client_transient transient = { .name = "in" };
    client_call c = { .chaincode = chaincode, .args = args, .arg_count = 1, .orgs = orgs, .retries = 3 };
    char *text = in ? json_dumps(in, JSON_COMPACT) : NULL;
    client_answer a = { 0 };
    fcc_error error = { 0 };
    const char *arg;
    fcc_status st;
    va_list list;

    if (in && !text)
        fail(function, "its input cannot be made");
    args[0] = fcc_str(function);
    va_start(list, in);
    while ((arg = va_arg(list, const char *)) && c.arg_count < 12)
        args[c.arg_count++] = fcc_str(arg);
    va_end(list);
    while (orgs && orgs[c.org_count])
        c.org_count++;
    if (in) {
        transient.value = fcc_str(text);
        c.transient = &transient;
        c.transient_count = 1;
    }
    fcc__arena_reset(arena);
    st = orgs ? client_invoke(people[who], &c, arena, &a, &error) : client_query(people[who], &c, arena, &a, &error);
    if (st != FCC_OK)
        fail(function, error.text);
    if (orgs)
        last_block = a.block;
    transactions += orgs ? a.attempts : 0;
    trips += orgs ? 3 * a.attempts : 1;
    json_decref(answer);
    answer = a.payload.len ? json_loadb((const char *)a.payload.data, a.payload.len, JSON_DECODE_ANY, NULL) : NULL;
    json_decref(in);
    free(text);
}

static json_t *with_salt(json_t *in)
{
    if (!in || json_object_set_new(in, "salt", json_string(salt())) != 0)
        fail("a call's input", "out of memory");
    return in;
}

/* ---- what the steps need --------------------------------------------------------------------------------------------- */

static char pid[64], other_pid[64], encounter[ID], gtin[15], lot[] = "B1";
static char slots[MOST][32], code[ID];
static char prescriptions[MOST][ID], serials[MOST][21];

static void read_pid(enum person who, char out[64])
{
    call(who, NULL, "credentials", "Caller", NULL, NULL);
    snprintf(out, 64, "%s", json_string_value(json_object_get(answer, "pid")));
}

static void allow_reading(void)
{
    json_t *rule = json_pack("{s:s, s:[s], s:[s], s:[s, s], s:s, s:s}", "effect", "permit", "purpose", "TREAT", "ops",
                             "read", "cat", "general", "lab", "maxSens", "R", "validUntil", time_after(86400));

    call(PATIENT, care, "consent", "Grant",
         with_salt(json_pack("{s:s, s:s, s:[o]}", "pid", pid, "grantee", "u:uid-h-0001", "rules", rule)), NULL);
}

/* PER_DAY visits on each of some days that nobody has used yet. */
static void publish(size_t count)
{
    int64_t days = 0, first;
    uint32_t random;

    if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1)
        fail("random numbers", "none");
    first = ((int64_t)time(NULL) / 86400 + 30 + random % 3000) * 86400;
    call(ADMIN, care, "appointments", "SetLimits",
         with_salt(json_pack("{s:s, s:{s:i, s:i}}", "uid", "uid-h-0001", "caps", "perDay", 50, "urgentPerDay", 50)),
         NULL);
    for (size_t i = 0; i < count; days++) {
        json_t *list = json_array();

        settle(DESK, care);
        for (size_t n = 0; n < PER_DAY && i < count; n++, i++) {
            snprintf(slots[i], sizeof(slots[i]), "%s", time_text(first + days * 86400 + 8 * 3600 + (int64_t)n * 900));
            json_array_append_new(list, json_string(slots[i]));
        }
        call(DESK, care, "appointments", "PublishDay",
             with_salt(json_pack("{s:s, s:i, s:o}", "uid", "uid-h-0001", "unit", 15, "slots", list)), NULL);
    }
}

static void make_gtin(void)
{
    uint8_t digits[13] = { 0 };
    int sum = 0;

    if (RAND_bytes(digits + 1, 12) != 1)
        fail("random numbers", "none");
    for (int i = 0; i < 13; i++) {
        digits[i] %= 10;
        gtin[i] = (char)('0' + digits[i]);
        sum += digits[i] * (i % 2 ? 1 : 3);
    }
    gtin[13] = (char)('0' + (10 - sum % 10) % 10);
    gtin[14] = '\0';
}

/* Packs of a product, from the maker to the pharmacy. */
static void make_packs(size_t count)
{
    make_gtin();
    call(SUPPLIER, trade, "supply", "RegisterProduct", NULL, gtin,
         "[{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"01234567\"}]", "387207008", "500mg", "10219000",
         "30", "false", "true", "[\"DE\"]", "A medicine", NULL);
    for (size_t i = 0; i < count;) {
        json_t *made = json_array(), *packs = json_array();
        char make[ID], ship[ID], receive[ID];

        for (size_t n = 0; n < PACKS_AT_ONCE && i < count; n++, i++) {
            random_hex(serials[i], 10);
            json_array_append_new(made, json_string(serials[i]));
            json_array_append_new(packs, json_pack("{s:s, s:s}", "gtin", gtin, "serial", serials[i]));
        }
        random_hex(make, 16);
        random_hex(ship, 16);
        random_hex(receive, 16);
        settle(SUPPLIER, trade);
        call(SUPPLIER, trade, "supply", "Commission",
             with_salt(json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", make, "gtin", gtin, "lot", lot, "expiry", "301231",
                                 "serials", made)),
             NULL);
        settle(SUPPLIER, trade);
        call(SUPPLIER, trade, "supply", "Ship",
             with_salt(json_pack("{s:s, s:O, s:s}", "id", ship, "packs", packs, "toGln", PHARMACY)), NULL);
        settle(SUPPLIER, trade);
        call(PHARMACIST, trade, "supply", "Receive", with_salt(json_pack("{s:s, s:o}", "id", receive, "packs", packs)),
             NULL);
    }
}

static void prescribe(size_t count)
{
    char code_salt[ID], hash[65], rx[ID];
    uint8_t raw[16], bytes[16 + ID], digest[SHA256_DIGEST_LENGTH];

    random_hex(encounter, 16);
    call(DOCTOR, care, "ehr", "StartEncounter", with_salt(json_pack("{s:s, s:s}", "encId", encounter, "pid", pid)),
         NULL);
    settle(DOCTOR, care);
    random_hex(code, 16);
    random_hex(code_salt, 16);
    for (size_t i = 0; i < sizeof(raw); i++)
        sscanf(code_salt + 2 * i, "%2hhx", &raw[i]);
    memcpy(bytes, raw, sizeof(raw));
    memcpy(bytes + sizeof(raw), code, ID - 1);
    SHA256(bytes, sizeof(raw) + ID - 1, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    for (size_t i = 0; i < count; i++) {
        random_hex(rx, 16);
        memcpy(prescriptions[i], rx, sizeof(rx));
        call(DOCTOR, care, "prescriptions", "Issue",
             with_salt(json_pack("{s:s, s:s, s:s, s:[{s:{s:s, s:s}, s:s, s:i}], s:s, s:s, s:s}", "rxId", rx, "pid", pid,
                                 "encId", encounter, "items", "drug", "system", "http://fhir.de/CodeSystem/ifa/pzn",
                                 "code", "01234567", "dose", "1-0-1", "auth", 30, "codeHash", hash, "codeSalt",
                                 code_salt, "validUntil", time_after(30 * 86400))),
             NULL);
    }
}

/* ---- the steps --------------------------------------------------------------------------------------------------------- */

static void open_chart(size_t i)
{
    char id[ID];

    (void)i;
    random_hex(id, 16);
    call(DOCTOR, care, "ehr", "RequestAccess",
         json_pack("{s:s, s:s, s:s, s:{s:[s, s]}}", "reqId", id, "pid", pid, "purpose", "TREAT", "scope", "categories",
                   "general", "lab"),
         NULL);
    call(DOCTOR, NULL, "ehr", "ReadIndex", NULL, id, NULL);
}

static void book(size_t i)
{
    char id[ID];

    random_hex(id, 16);
    call(PATIENT, care, "appointments", "Hold",
         with_salt(json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "id", id, "pid", pid, "uid", "uid-h-0001", "start",
                             slots[i], "minutes", 15, "class", "normal")),
         NULL);
    settle(PATIENT, care + 1);
    call(PATIENT, care, "appointments", "Book", with_salt(json_pack("{s:s}", "id", id)), NULL);
}

static void dispense(size_t i)
{
    call(PHARMACIST, dispensing, "prescriptions", "Accept", with_salt(json_pack("{s:s}", "code", code)),
         prescriptions[i], NULL);
    settle(PHARMACIST, dispensing + 1);
    call(PHARMACIST, dispensing, "prescriptions", "Dispense",
         with_salt(json_pack("{s:i, s:[{s:i, s:[{s:s, s:s, s:i}]}]}", "seq", 1, "lines", "item", 1, "packs", "gtin",
                             gtin, "serial", serials[i], "units", 30)),
         prescriptions[i], NULL);
}

static void verify(size_t i)
{
    call(PHARMACIST, NULL, "supply", "VerifyPack",
         json_pack("{s:s, s:s, s:s, s:s}", "gtin", gtin, "serial", serials[i], "lot", lot, "expiry", "301231"), NULL);
    if (!json_is_true(json_object_get(answer, "verified")))
        fail("VerifyPack", "the pack is not verified");
}

static char case_id[ID];

static void break_glass(size_t i)
{
    char audit[ID];

    (void)i;
    random_hex(case_id, 16);
    random_hex(audit, 16);
    call(EMERGENCY, alone, "consent", "BreakGlass",
         with_salt(json_pack("{s:s, s:s, s:s, s:s}", "id", case_id, "pid", other_pid, "reasonCode", "unable", "reason",
                             "unconscious on arrival")),
         NULL);
    call(EMERGENCY, alone, "ehr", "EmergencyAccess",
         json_pack("{s:s, s:s, s:s, s:{s:[s]}}", "reqId", audit, "pid", other_pid, "caseId", case_id, "scope",
                   "categories", "general"),
         NULL);
    call(EMERGENCY, NULL, "ehr", "ReadIndex", NULL, audit, NULL);
}

static void close_case(size_t i)
{
    (void)i;
    call(EMERGENCY, alone, "consent", "CloseBreakGlass", NULL, case_id, NULL);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* `after` is done behind each and not counted. */
static void measure(const char *what, size_t count, void (*step)(size_t), void (*after)(size_t))
{
    double ms[MOST], began;
    int most_transactions = 0, most_trips = 0;

    for (size_t i = 0; i < count; i++) {
        settle(PATIENT, everywhere); /* what was made before */
        transactions = trips = 0;
        began = now_ms();
        step(i);
        ms[i] = now_ms() - began;
        most_transactions = transactions > most_transactions ? transactions : most_transactions;
        most_trips = trips > most_trips ? trips : most_trips;
        if (after)
            after(i);
    }
    qsort(ms, count, sizeof(*ms), by_value);
    printf("%-20s p50 %7.1f ms, p90 %7.1f ms; %d transaction%s, %d round trip%s\n", what, ms[count / 2],
           ms[count * 9 / 10], most_transactions, most_transactions == 1 ? "" : "s", most_trips,
           most_trips == 1 ? "" : "s");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t count = argc == 3 ? (size_t)strtoul(argv[2], NULL, 10) : 0;
    fcc_error error = { 0 };

    if (count < 1 || count > MOST) {
        fprintf(stderr, "usage: steps DIR COUNT (1 to %d)\n", MOST);
        return 2;
    }
    if (!(arena = fcc__arena_new(ARENA_MAX)))
        fail("memory", "none");
    for (int i = 0; i < PEOPLE; i++) {
        const client_options o = { .dir = argv[1], .user = names[i].user, .org = names[i].org };

        if (client_open(&o, &people[i], &error) != FCC_OK)
            fail(names[i].user, error.text);
    }
    read_pid(PATIENT, pid);
    read_pid(OTHER, other_pid);
    allow_reading();
    publish(count);
    make_packs(count);
    prescribe(count);
    settle(DOCTOR, everywhere);
    measure("open a chart", count, open_chart, NULL);
    measure("book a visit", count, book, NULL);
    measure("verify a pack", count, verify, NULL);
    measure("dispense", count, dispense, NULL);
    measure("break the glass", count, break_glass, close_case);
    for (int i = 0; i < PEOPLE; i++)
        client_close(people[i]);
    json_decref(answer);
    fcc__arena_free(arena);
    return 0;
}
