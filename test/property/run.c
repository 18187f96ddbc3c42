/* run.c: one history on one channel: its steps, and the rules that all chaincodes have in common. */
#include "test/property/property.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <time.h>

enum { texts = 16, text_size = 80 };

/* Where one of the last sixteen short texts goes. */
static char *next_text(void)
{
    static char kept[texts][text_size];
    static size_t at;

    return kept[at++ % texts];
}

static void *need(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void broken(struct run *run, const char *rule, const char *format, ...)
{
    va_list ap;

    if (run->rule)
        return;
    run->rule = rule;
    va_start(ap, format);
    vsnprintf(run->why, sizeof(run->why), format, ap);
    va_end(ap);
}

void must(struct run *run, bool holds, const char *rule, const struct transaction *tx)
{
    if (!holds)
        broken(run, rule, "%s at %s", tx->call->line, time_text(tx->call->at));
}

bool did(const struct transaction *tx, const char *function)
{
    return strcmp(tx->call->function, function) == 0;
}

void run_count(json_t *counts, const char *name)
{
    json_object_set_new(counts, name, json_integer(json_integer_value(json_object_get(counts, name)) + 1));
}

/* ---- random numbers: splitmix64 ---- */

uint64_t run_random(struct run *run)
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t pick(struct run *run, size_t n)
{
    return (size_t)(run_random(run) % n);
}

bool chance(struct run *run, unsigned percent)
{
    return run_random(run) % 100 < percent;
}

const char *random_id(struct run *run)
{
    char *out = next_text();
    unsigned long long high = run_random(run), low = run_random(run);

    snprintf(out, text_size, "%016llx%016llx", high, low);
    return out;
}

/* ---- JSON ---- */

const char *text(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s ? s : "";
}

bool is(const json_t *object, const char *name, const char *value)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s && value && strcmp(s, value) == 0;
}

int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool lists(const json_t *array, const char *value)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(json_string_value(json_array_get(array, i)), value) == 0)
            return true;
    return false;
}

int64_t seconds(const char *time)
{
    struct tm tm = { 0 };

    if (sscanf(time, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec) != 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return timegm(&tm);
}

const char *time_text(int64_t at)
{
    char *out = next_text();
    time_t t = at;
    struct tm tm;

    strftime(out, text_size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    return out;
}

const struct change *change_of(const struct transaction *tx, const char *type)
{
    for (size_t i = 0; i < tx->count; i++)
        if (strcmp(tx->changes[i].type, type) == 0)
            return &tx->changes[i];
    return NULL;
}

bool refused(const struct call *call, int status, const char *code)
{
    char want[80];

    snprintf(want, sizeof(want), "{\"code\":\"%s", code);
    return call->result.status == status && strncmp(call->result.message, want, strlen(want)) == 0;
}

/* ---- what is committed ---- */

const json_t *committed(struct run *run, const char *format, ...)
{
    char key[600];
    va_list ap;

    va_start(ap, format);
    vsnprintf(key, sizeof(key), format, ap);
    va_end(ap);
    return json_object_get(run->state, key);
}

const char *some_key(struct run *run, const char *prefix, const json_t **value)
{
    const char *key, *found = NULL;
    size_t n = 0, len = strlen(prefix);
    json_t *one;

    json_object_foreach(run->state, key, one) if (strncmp(key, prefix, len) == 0 && pick(run, ++n) == 0)
    {
        found = key;
        if (value)
            *value = one;
    }
    return found;
}

const char *part_of(const char *key, size_t index)
{
    const char *at = strchr(key, '~');
    char *out = next_text();
    size_t n = 0;

    while (at && index-- > 0)
        at = strchr(at + 1, '~');
    for (at = at ? at + 1 : ""; at[n] && at[n] != '~' && n + 1 < text_size; n++)
        out[n] = at[n];
    out[n] = 0;
    return out;
}

/* ---- taking a line apart ---- */

/* ^name^ becomes the fingerprint of that key. */
static char *expand(const char *line)
{
    char *out = need(malloc(strlen(line) * 8 + 65)), *to = out;

    while (*line) {
        const char *end = *line == '^' ? strchr(line + 1, '^') : NULL;

        if (end) {
            char name[40];

            snprintf(name, sizeof(name), "%.*s", (int)(end - line - 1), line + 1);
            memcpy(to, fcc_test_fingerprint(name), 64);
            to += 64;
            line = end + 1;
        } else {
            *to++ = *line++;
        }
    }
    *to = 0;
    return out;
}

static const struct person *person_of(const char *name)
{
    for (const struct person *p = subject.people; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static bool take_apart(struct run *run, const char *line, struct call *call)
{
    char *in, *word, *save = NULL, *dot;

    *call = (struct call){ .line = need(strdup(line)), .text = expand(line), .at = fcc_test_time(run->channel) };
    in = strstr(call->text, " < ");
    if (in) {
        *in = 0;
        call->in = json_loads(in + 3, 0, NULL);
    }
    word = strtok_r(call->text, " ", &save);
    call->query = word && strcmp(word, "?") == 0;
    if (call->query)
        word = strtok_r(NULL, " ", &save);
    call->by = word ? person_of(word) : NULL;
    call->chaincode = strtok_r(NULL, " ", &save);
    dot = call->chaincode ? strchr(call->chaincode, '.') : NULL;
    if (!call->by || !dot || (in && !call->in)) {
        broken(run, "history", "this line can't be read: %s", line);
        return false;
    }
    *dot = 0;
    call->function = dot + 1;
    while (call->count < PROPERTY_ARGS && (word = strtok_r(NULL, " ", &save)) != NULL)
        call->args[call->count++] = strcmp(word, "\"\"") == 0 ? "" : word;
    return true;
}

static void drop(struct call *call)
{
    free(call->line);
    free(call->text);
    json_decref(call->in);
}

/* ---- the digest ---- */

static char *replace(char *s, const char *what, const char *with)
{
    for (char *at = s; (at = strstr(at, what)) != NULL;) {
        memmove(at + strlen(with), at + strlen(what), strlen(at + strlen(what)) + 1);
        memcpy(at, with, strlen(with));
    }
    return s;
}

/*
 * What another process must come to as well. Its keys are other ones, and so are transaction ids: fingerprints become the
 * names of their keys, and what is made of them and of transaction ids is left out.
 */
static void digest(struct run *run, const char *what, const char *key, const char *value)
{
    static const char *const made[] = { "\"mac\":\"", "\"txId\":\"" };
    char *text;

    if (!run->digest || asprintf(&text, "%s %s %s", what, key, value) < 0)
        return;
    for (const struct person *p = subject.people; p->name; p++)
        replace(text, fcc_test_fingerprint(p->key), p->key);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        for (char *at = text; (at = strstr(at, made[i])) != NULL;) {
            at += strlen(made[i]);
            memmove(at, at + strcspn(at, "\""), strlen(at + strcspn(at, "\"")) + 1);
        }
    /* a value that lies under a fingerprint has a salt that is derived from it */
    if (strstr(text, "~KEY~")) {
        char *at = strstr(text, "\"salt\":\"");

        if (at)
            at[strlen("\"salt\":\"")] = 0;
    }
    fprintf(run->digest, "%s\n", text);
    free(text);
}

/* ---- one call ---- */

static void set_caller(struct run *run, const struct person *p)
{
    const char *const names[] = { "role", "uid", "site" }, *const values[] = { p->role, p->uid, p->site };
    const char *attributes[7];
    fcc_test_identity identity = {
        .msp_id = p->msp, .role = p->admin ? "admin" : NULL, .attributes = attributes, .key = p->key
    };
    size_t n = 0;

    for (size_t i = 0; i < 3; i++)
        if (values[i]) {
            attributes[n++] = names[i];
            attributes[n++] = values[i];
        }
    attributes[n] = NULL;
    fcc_test_as_identity(run->channel, &identity);
}

static bool tells(const char *in, const char **secret)
{
    for (const char *const *s = subject.secrets; *s; s++)
        if (strstr(in, *s)) {
            *secret = *s;
            return true;
        }
    return false;
}

/* Refusals have a status and code of ours; nobody learns about a patient from what is said in public. */
static void check_answer(struct run *run, const struct call *call)
{
    static const int known[] = { 400, 401, 403, 404, 409, 410, 412, 422, 429 };
    const fcc_test_result *r = &call->result;
    const char *secret;
    bool ours = r->status == 200;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        ours = ours || (r->status == known[i] && strncmp(r->message, "{\"code\":\"", 9) == 0);
    /* a peer refuses to read what its organisation is no member of */
    if (strcmp(call->by->msp, "HospitalMSP") != 0 && strcmp(call->by->msp, "ClinicMSP") != 0)
        ours = ours || strstr(r->message, "private data matching public hash version is not available") != NULL;
    if (!ours)
        broken(run, "refusal", "%s was answered %d %s", call->line, (int)r->status, r->message);
    if (r->status == 200 && call->by->impostor)
        broken(run, "impostor", "%s was accepted, but %s", call->line, call->by->impostor);
    if (tells(r->message, &secret) || tells(r->event_payload, &secret) || (!call->query && tells(r->payload, &secret)))
        broken(run, "secret", "%s: its answer or event tells %s", call->line, secret);
    if (!call->query && (strstr(r->trace, " range ") || strstr(r->trace, " query ") || strstr(r->trace, " history ")))
        broken(run, "scan", "%s goes through keys, which validation does not look at", call->line);
}

static void take_call(struct run *run, const char *line)
{
    fcc_bytes args[PROPERTY_ARGS + 1];
    const char *in = strstr(line, " < ");
    struct call call;
    char *expanded, *seen;

    if (!take_apart(run, line, &call))
        return;
    args[0] = fcc_str(call.function);
    for (size_t i = 0; i < call.count; i++)
        args[i + 1] = fcc_str(call.args[i]);
    set_caller(run, call.by);
    if (in) {
        expanded = expand(in + 3);
        fcc_test_transient(run->channel, "in", fcc_str(expanded));
        free(expanded);
    }
    call.result = fcc_test_call(run->channel, call.query ? FCC_TEST_EVALUATE : FCC_TEST_ENDORSE, call.chaincode, args,
                                call.count + 1);
    run->calls++;
    run->accepted += call.result.status == 200;
    run->refused += call.result.status != 200;
    if (asprintf(&seen, "%d %s %s %s %s", (int)call.result.status, call.result.message, call.result.payload,
                 call.result.event_payload, call.result.trace) >= 0) {
        digest(run, "answer", line, seen);
        free(seen);
    }
    check_answer(run, &call);
    if (!run->rule && subject.answered)
        subject.answered(run, &call);
    if (call.query || call.result.status != 200) {
        if (call.result.status == 200)
            run_count(run->valid, call.function);
        drop(&call);
        return;
    }
    if (run->waiting_count == run->waiting_capacity) {
        run->waiting_capacity = run->waiting_capacity * 2 + 16;
        run->waiting = need(realloc(run->waiting, run->waiting_capacity * sizeof(call)));
    }
    run->waiting[run->waiting_count++] = call;
}

/* ---- a block ---- */

/* One line of a trace: "chaincode word collection key". */
static const char *trace_line(const char *at, char *word, size_t word_size, char *place, size_t place_size)
{
    char chaincode[40] = "", collection[60] = "", key[500] = "", verb[20] = "";
    const char *end = strchr(at, '\n');

    if (!end)
        return NULL;
    sscanf(at, "%39s %19s %59s %499[^\n]", chaincode, verb, collection, key);
    snprintf(word, word_size, "%s", verb);
    snprintf(place, place_size, "%s/%s/%s", chaincode, collection, key);
    return end + 1;
}

static bool one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* What the transaction writes, each key once, in order: place to the last word. */
static json_t *writes_of(const struct call *call)
{
    char word[20], place[700];
    json_t *writes = json_object();

    for (const char *at = call->result.trace; (at = trace_line(at, word, sizeof(word), place, sizeof(place)));)
        if (one_of(word, "put", "del", "purge"))
            json_object_set_new(writes, place, json_string(word));
    return writes;
}

static const char *read_in(const struct call *call, const json_t *written)
{
    static char place[700];
    char word[20];

    for (const char *at = call->result.trace; (at = trace_line(at, word, sizeof(word), place, sizeof(place)));)
        if (one_of(word, "get", "hash", "hash") && json_object_get(written, place))
            return place;
    return NULL;
}

/* The committed text of a place, as one of its members has it. */
static const char *stored(struct run *run, const char *msp, const char *chaincode, const char *collection,
                          const char *shown)
{
    char key[500];
    size_t len = strlen(shown);
    fcc_bytes value;

    for (size_t i = 0; i < len && i < sizeof(key); i++)
        key[i] = shown[i] == '~' ? 0 : shown[i];
    if (strncmp(collection, "_implicit_org_", 14) == 0)
        msp = collection + 14;
    value = strcmp(collection, "-") == 0
                ? fcc_test_state(run->channel, chaincode, fcc_bytes_of(key, len))
                : fcc_test_private(run->channel, msp, chaincode, collection, fcc_bytes_of(key, len));
    return value.len ? (const char *)value.data : NULL;
}

/* Who holds a collection: two organisations that are members of it. */
static const char *member(const char *collection, bool other)
{
    if (strcmp(collection, "tradeMD") == 0)
        return other ? "DistributorMSP" : "ManufacturerMSP";
    if (strcmp(collection, "tradeDP") == 0)
        return other ? "DistributorMSP" : "PharmacyMSP";
    return other ? "ClinicMSP" : "HospitalMSP";
}

static void take_place(struct change *change)
{
    char *place = change->place, *at;

    change->chaincode = place;
    at = strchr(place, '/');
    *at++ = 0;
    change->collection = at;
    at = strchr(at, '/');
    *at++ = 0;
    change->key = need(strdup(at));
    change->type = "";
    for (at = strtok(at, "~"); at; at = strtok(NULL, "~")) {
        if (!*change->type)
            change->type = at;
        else if (change->count < PROPERTY_PARTS)
            change->parts[change->count++] = at;
    }
}

static bool is_public(const struct change *change)
{
    return strcmp(change->collection, "-") == 0;
}

static bool is_version(const struct change *change)
{
    size_t len = strlen(change->type);

    return len > 1 && change->type[len - 1] == 'V' && change->count > 1 &&
           strlen(change->parts[change->count - 1]) == 6;
}

/* SHA-256 of the record's salt and text. */
static void commit_of(const json_t *record, char out[65])
{
    const char *salt = text(record, "salt");
    char *canonical = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    size_t n = strlen(salt) / 2, len = strlen(canonical);
    unsigned char *bytes = need(malloc(n + len)), hash[SHA256_DIGEST_LENGTH];

    for (size_t i = 0; i < n; i++)
        sscanf(salt + 2 * i, "%2hhx", &bytes[i]);
    memcpy(bytes + n, canonical, len);
    SHA256(bytes, n + len, hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    free(bytes);
    free(canonical);
}

static bool has_id(const json_t *record, const char *id)
{
    char dispense[100];

    if (json_object_get(record, "rxId")) {
        snprintf(dispense, sizeof(dispense), "%s:%d", text(record, "rxId"), (int)number(record, "seq"));
        return strcmp(json_object_get(record, "seq") ? dispense : text(record, "rxId"), id) == 0;
    }
    return is(record, "recId", id) || is(record, "orderId", id) ||
           (!json_object_get(record, "recId") && !json_object_get(record, "orderId") &&
            (is(record, "encId", id) || is(record, "id", id) || is(record, "ref", id)));
}

/* The public act of a record: it commits to the record that the same transaction wrote, or purged. */
static void check_act(struct run *run, const struct transaction *tx, const struct change *act)
{
    const char *id = act->parts[0];
    const json_t *record = NULL;
    char commit[65];
    bool erased = is(act->after, "status", "erased");

    for (size_t i = 0; i < tx->count && !record; i++) {
        const struct change *c = &tx->changes[i];

        /* who waits and why a doctor was overbooked is kept under the appointment's id, and is not the appointment */
        if (!is_public(c) && !is_version(c) && strcmp(c->type, "WAIT") != 0 && strcmp(c->type, "OVR") != 0)
            record = has_id(erased ? c->before : c->after, id) ? (erased ? c->before : c->after) : NULL;
    }
    if (!record) {
        broken(run, "act", "%s wrote the act %s and no record of it", tx->call->line, id);
        return;
    }
    commit_of(record, commit);
    if (!is(act->after, "commit", commit))
        broken(run, "commit", "%s: the act %s does not commit to its record", tx->call->line, id);
    if (number(act->after, "v") != number(record, "v") + erased)
        broken(run, "act", "%s: the act %s has another version than its record", tx->call->line, id);
    /* a base has no status of its own */
    if (!erased && json_object_get(record, "status") && !is(act->after, "status", text(record, "status")))
        broken(run, "act", "%s: the act %s has another status than its record", tx->call->line, id);
}

/* A record's versions go up by one, each is kept under a key of its own, and none of these is written again. */
static void check_version(struct run *run, const struct transaction *tx, const struct change *c)
{
    char place[700], type[40];
    const char *line = tx->call->line;
    bool found = false;

    snprintf(place, sizeof(place), "%s/%s/%s", c->chaincode, c->collection, c->key);
    if (is_version(c)) {
        if (c->after && json_object_get(run->used, place))
            broken(run, "version", "%s wrote %s again", line, c->key);
        if (c->after && atoi(c->parts[c->count - 1]) != number(c->after, "v"))
            broken(run, "version", "%s: %s holds another version", line, c->key);
        json_object_set_new(run->used, place, json_true());
        return;
    }
    if (!c->after || !json_object_get(c->after, "v"))
        return;
    /* an act may begin with a later version of its record */
    if ((c->before || strcmp(c->type, "ACT") != 0) && number(c->after, "v") != number(c->before, "v") + 1)
        broken(run, "version", "%s: %s went from version %d to %d", line, c->key, (int)number(c->before, "v"),
               (int)number(c->after, "v"));
    if (is_public(c))
        return;
    snprintf(type, sizeof(type), "%sV", c->type);
    for (size_t i = 0; i < tx->count; i++)
        found = found || (strcmp(tx->changes[i].type, type) == 0 && json_equal(tx->changes[i].after, c->after));
    /* what waits for a second signature is gone after a day; the supply chain's things have their movements */
    if (!found && strcmp(c->type, "PEND") != 0 && strcmp(c->chaincode, "supply") != 0)
        broken(run, "version", "%s: %s has no version of its own", line, c->key);
}

static void check_change(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *value = stored(run, member(c->collection, false), c->chaincode, c->collection, c->key), *secret, *other;
    char *canonical;

    if (!c->after) {
        if (value)
            broken(run, "purge", "%s: %s is still there", tx->call->line, c->key);
        return;
    }
    canonical = json_dumps(c->after, JSON_COMPACT | JSON_SORT_KEYS);
    if (strcmp(canonical, value) != 0)
        broken(run, "canonical", "%s wrote %s", tx->call->line, value);
    free(canonical);
    if (strcmp(c->type, "ACT") != 0 && number(c->after, "fmt") != 1)
        broken(run, "fmt", "%s: %s has no fmt", tx->call->line, c->key);
    if (is_public(c) && (tells(c->key, &secret) || tells(value, &secret)))
        broken(run, "secret", "%s: public state tells %s under %s", tx->call->line, secret, c->key);
    if (!is_public(c) && strncmp(c->collection, "_implicit", 9) != 0) {
        other = stored(run, member(c->collection, true), c->chaincode, c->collection, c->key);
        if (!other || strcmp(value, other) != 0)
            broken(run, "members", "%s: %s differs between two members", tx->call->line, c->key);
    }
    if (strcmp(c->type, "ACT") == 0)
        check_act(run, tx, c);
    check_version(run, tx, c);
}

/* Look at all that a valid transaction changed, and then take it over into the state. */
static void take_changes(struct run *run, struct transaction *tx, json_t *writes)
{
    const char *place;
    json_t *word;

    tx->changes = need(calloc(json_object_size(writes) + 1, sizeof(*tx->changes)));
    json_object_foreach(writes, place, word)
    {
        struct change *c = &tx->changes[tx->count++];
        bool put = strcmp(json_string_value(word), "put") == 0;
        const char *value;

        c->place = need(strdup(place));
        take_place(c);
        value = stored(run, member(c->collection, false), c->chaincode, c->collection, c->key);
        c->before = json_incref(json_object_get(run->state, place));
        c->after = value && put ? json_loads(value, 0, NULL) : NULL;
        if (!c->after && put)
            broken(run, "value", "%s left no JSON under %s", tx->call->line, c->key);
        digest(run, json_string_value(word), place, value ? value : "");
    }
    for (size_t i = 0; i < tx->count && !run->rule; i++)
        check_change(run, tx, &tx->changes[i]);
    if (!run->rule)
        subject.changed(run, tx);
    for (size_t i = 0; i < tx->count; i++) {
        char whole[700];

        snprintf(whole, sizeof(whole), "%s/%s/%s", tx->changes[i].chaincode, tx->changes[i].collection,
                 tx->changes[i].key);
        if (tx->changes[i].after)
            json_object_set(run->state, whole, tx->changes[i].after);
        else
            json_object_del(run->state, whole);
    }
}

static void drop_changes(struct transaction *tx)
{
    for (size_t i = 0; tx->changes && i < tx->count; i++) {
        free((char *)tx->changes[i].key);
        free(tx->changes[i].place);
        json_decref(tx->changes[i].before);
        json_decref(tx->changes[i].after);
    }
    free(tx->changes);
}

/* A transaction is invalid if, and only if, something that it read was written before it in the block. */
static bool check_code(struct run *run, struct call *call, const fcc_test_result *r, const json_t *written)
{
    const char *conflict = read_in(call, written);
    int want = conflict ? FCC_TEST_MVCC_READ_CONFLICT : FCC_TEST_VALID;

    call->result = *r;
    if (r->code != want)
        broken(run, "conflict", "%s became %s (%s); %s%s", call->line, r->code_name, r->why,
               conflict ? "written before it: " : "nothing that it read was written before it",
               conflict ? conflict : "");
    return r->code == FCC_TEST_VALID;
}

static void take_block(struct run *run)
{
    fcc_test_block block = fcc_test_commit(run->channel);
    struct transaction *txs = need(calloc(block.count + 1, sizeof(*txs)));
    json_t *written = json_object(), **writes = need(calloc(block.count + 1, sizeof(json_t *)));
    const char *place;
    json_t *word;

    if (block.count != run->waiting_count)
        broken(run, "block", "%zu transactions wait, %zu are in the block", run->waiting_count, block.count);
    for (size_t i = 0; i < block.count && !run->rule; i++) {
        struct call *call = &run->waiting[i];

        txs[i].call = call;
        if (!check_code(run, call, &block.tx[i], written)) {
            run->conflicts++;
            continue;
        }
        run_count(run->valid, call->function);
        writes[i] = writes_of(call);
        json_object_foreach(writes[i], place, word) if (json_object_get(written, place)) broken(
            run, "overwritten", "%s wrote %s without having read it, in one block with another", call->line, place);
        json_object_update(written, writes[i]);
    }
    for (size_t i = 0; i < block.count && !run->rule; i++)
        if (writes[i])
            take_changes(run, &txs[i], writes[i]);
    if (!run->rule && subject.ordered)
        subject.ordered(run, txs, block.count);
    for (size_t i = 0; i < block.count; i++) {
        drop_changes(&txs[i]);
        json_decref(writes[i]);
    }
    json_decref(written);
    free(writes);
    free(txs);
    for (size_t i = 0; i < run->waiting_count; i++)
        drop(&run->waiting[i]);
    run->waiting_count = 0;
    run->blocks++;
}

/* ---- the history ---- */

void run_line(struct run *run, const char *format, ...)
{
    char line[PROPERTY_LINE];
    va_list ap;
    int len;

    va_start(ap, format);
    len = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    if (run->rule)
        return;
    if (len < 0 || (size_t)len >= sizeof(line)) {
        broken(run, "history", "a line is too long");
        return;
    }
    if (run->count == run->capacity) {
        run->capacity = run->capacity * 2 + 64;
        run->lines = need(realloc(run->lines, run->capacity * sizeof(char *)));
    }
    run->lines[run->count++] = need(strdup(line));
    if (strncmp(line, "tick ", 5) == 0)
        fcc_test_set_time(run->channel, fcc_test_time(run->channel) + atoll(line + 5));
    else if (strcmp(line, "block") == 0)
        take_block(run);
    else
        take_call(run, line);
}

void run_begin(struct run *run, uint64_t seed, FILE *digest_to)
{
    *run = (struct run){
        .random = seed, .digest = digest_to, .state = json_object(), .used = json_object(), .valid = json_object()
    };
    subject.start(run);
    run->prologue = run->count;
}

void run_end(struct run *run)
{
    for (size_t i = 0; i < run->waiting_count; i++)
        drop(&run->waiting[i]);
    for (size_t i = 0; i < run->count; i++)
        free(run->lines[i]);
    free(run->lines);
    free(run->waiting);
    json_decref(run->state);
    json_decref(run->used);
    json_decref(run->valid);
}
