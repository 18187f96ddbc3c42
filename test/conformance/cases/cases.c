/*
 * cases: sends recorded calls of the `probe` chaincode to a network and compares what comes back with what Fabric's own
 * gateway client saw.
 *
 *     cases --net DIR --cases cases.jsonl --results results.jsonl
 *
 * The caller is User1 of the first organisation. Transaction ids, hashes and times are left aside; long results are
 * compared by their length, which signatures in them make vary a little. Prints TAP, one line a case.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "client/client.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_ARENA = 1 << 28, VARIES = 16, SHOWN = 300 };

static const char *const code_names[] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"
};

/* ---- what is left aside ---------------------------------------------------------------------------------------------- */

/* "1795246021.165602292" */
static size_t time_at(const char *s)
{
    size_t seconds = strspn(s, "0123456789"), nanos;

    if (seconds != 10 || s[10] != '.')
        return 0;
    nanos = strspn(s + 11, "0123456789");
    return nanos == 9 ? 20 : 0;
}

/* The text with the call's transaction id, in letters and in hex, other hashes, and times as words. */
static char *plain(const char *text, const char *txid)
{
    char hex[2 * 64 + 1] = "";
    fcc__buf out;
    char *copy;

    for (size_t i = 0; i < strlen(txid) && i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)txid[i]);
    fcc__buf_init(&out, CASE_ARENA);
    while (*text) {
        size_t digits = strspn(text, "0123456789abcdef"), time = time_at(text);

        if (*txid && strncmp(text, txid, strlen(txid)) == 0) {
            fcc__buf_puts(&out, "TXID");
            text += strlen(txid);
        } else if (*hex && strncmp(text, hex, strlen(hex)) == 0) {
            fcc__buf_puts(&out, "TXIDHEX");
            text += strlen(hex);
        } else if (time > 0) {
            fcc__buf_puts(&out, "TIME");
            text += time;
        } else if (digits == 64) {
            fcc__buf_puts(&out, "HASH");
            text += digits;
        } else {
            fcc__buf_putc(&out, (uint8_t)*text++);
        }
    }
    copy = strdup(fcc__buf_ok(&out) && out.len ? fcc__buf_cstr(&out) : "");
    fcc__buf_clear(&out);
    return copy;
}

static bool differ(const char *what, const char *recorded, const char *ours)
{
    printf("#   %s\n#   recorded: %.*s\n#   here:     %.*s\n", what, SHOWN, recorded, SHOWN, ours);
    return false;
}

static bool same_text(const char *what, const char *recorded, const char *recorded_txid, const char *ours,
                      const char *txid)
{
    char *a = plain(recorded, recorded_txid), *b = plain(ours, txid);
    bool same = strcmp(a, b) == 0 || differ(what, a, b);

    free(a);
    free(b);
    return same;
}

/* ---- one case -------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static bool same_result(const json_t *recorded, const client_answer *answer, fcc__arena *arena)
{
    const char *txid = text_of(recorded, "txid"), *bytes;
    json_int_t len = json_integer_value(json_object_get(recorded, "result_len")), off;
    fcc_bytes hex;
    char a[40], b[40];

    if (len > 0) {
        off = len - (json_int_t)answer->payload.len;
        if (off >= -VARIES && off <= VARIES)
            return true;
        snprintf(a, sizeof(a), "%lld bytes", (long long)len);
        snprintf(b, sizeof(b), "%zu bytes", answer->payload.len);
        return differ("result", a, b);
    }
    if (json_object_get(recorded, "result_hex")) {
        hex = fcc__hex(arena, answer->payload);
        bytes = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(hex));
        return same_text("result", text_of(recorded, "result_hex"), txid, bytes ? bytes : "", answer->txid);
    }
    bytes = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(answer->payload));
    return same_text("result", text_of(recorded, "result"), txid, bytes ? bytes : "", answer->txid);
}

static bool same_refusal(const json_t *recorded, const client_answer *answer, fcc__arena *arena)
{
    const json_t *details = json_object_get(recorded, "details");
    const char *txid = text_of(recorded, "txid"), *detail;
    const char *code = answer->rpc_code >= 0 && answer->rpc_code <= 16 ? code_names[answer->rpc_code] : "?";

    if (strcmp(text_of(recorded, "grpc_code"), code) != 0)
        return differ("code", text_of(recorded, "grpc_code"), code);
    if (!same_text("message", text_of(recorded, "grpc_message"), txid, answer->message ? answer->message : "",
                   answer->txid))
        return false;
    if (json_array_size(details) != answer->detail_count)
        return differ("number of details", "another", answer->message ? answer->message : "");
    for (size_t i = 0; i < answer->detail_count; i++) {
        detail = fcc__arena_printf(arena, "%s: %s", answer->details[i].mspid, answer->details[i].message);
        if (!same_text("detail", json_string_value(json_array_get(details, i)), txid, detail ? detail : "",
                       answer->txid))
            return false;
    }
    return true;
}

static bool compare(const json_t *recorded, bool submitted, fcc_status st, const client_answer *answer,
                    fcc__arena *arena, const fcc_error *error)
{
    if (json_object_get(recorded, "grpc_code")) {
        if (answer->rpc_code == 0)
            return differ("outcome", text_of(recorded, "grpc_message"), "accepted");
        return same_refusal(recorded, answer, arena);
    }
    if (answer->rpc_code != 0)
        return differ("outcome", "accepted", answer->message ? answer->message : "?");
    if (st != FCC_OK && !(submitted && answer->validation != 0))
        return differ("outcome", "accepted", error->text);
    if (submitted && strcmp(text_of(recorded, "validation"), client_validation_name(answer->validation)) != 0)
        return differ("validation", text_of(recorded, "validation"), client_validation_name(answer->validation));
    return same_result(recorded, answer, arena);
}

static bool run_case(client *c, const json_t *item, const json_t *recorded)
{
    const json_t *args = json_object_get(item, "args"), *value;
    json_t *transient = json_object_get(item, "transient");
    bool submitted = strcmp(text_of(item, "op"), "submit") == 0, same = false;
    fcc__arena *arena = fcc__arena_new(CASE_ARENA);
    client_transient entries[16];
    fcc_bytes *bytes = arena ? fcc__arena_zalloc(arena, json_array_size(args), sizeof(*bytes)) : NULL;
    client_call call = { .chaincode = "probe", .args = bytes, .transient = entries };
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    const char *name;
    fcc_status st;

    if (!bytes || json_object_size(transient) > 16)
        abort();
    for (; call.arg_count < json_array_size(args); call.arg_count++) {
        value = json_array_get(args, call.arg_count);
        bytes[call.arg_count] = fcc_bytes_of(json_string_value(value), json_string_length(value));
    }
    json_object_foreach(transient, name, value)
    {
        entries[call.transient_count].name = name;
        entries[call.transient_count++].value = fcc_bytes_of(json_string_value(value), json_string_length(value));
    }
    st = submitted ? client_invoke(c, &call, arena, &answer, &error) : client_query(c, &call, arena, &answer, &error);
    if (strcmp(text_of(item, "name"), text_of(recorded, "name")) != 0)
        differ("case", text_of(recorded, "name"), text_of(item, "name"));
    else
        same = compare(recorded, submitted, st, &answer, arena, &error);
    fcc__arena_free(arena);
    return same;
}

/* ---- all of them ----------------------------------------------------------------------------------------------------- */

static FILE *open_file(const char *path)
{
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        exit(2);
    }
    return f;
}

/* The next line's object; NULL at the end. */
static json_t *next(FILE *f, char **line, size_t *room)
{
    json_error_t why;
    json_t *object;

    if (getline(line, room, f) < 0)
        return NULL;
    object = json_loads(*line, JSON_ALLOW_NUL, &why);
    if (!object) {
        fprintf(stderr, "not a line of JSON: %s\n", why.text);
        exit(2);
    }
    return object;
}

int main(int argc, char **argv)
{
    client_options options = { .user = "User1", .org = "Org1MSP" };
    const char *cases_path = NULL, *results_path = NULL;
    FILE *cases, *results;
    int tests = 0, failed = 0;
    char *line = NULL;
    size_t room = 0;
    json_t *item, *recorded = NULL;
    fcc_error error;
    client *c;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--net") == 0)
            options.dir = argv[i + 1];
        else if (strcmp(argv[i], "--cases") == 0)
            cases_path = argv[i + 1];
        else if (strcmp(argv[i], "--results") == 0)
            results_path = argv[i + 1];
    }
    if (!options.dir || !cases_path || !results_path) {
        fputs("usage: cases --net DIR --cases FILE --results FILE\n", stderr);
        return 2;
    }
    cases = open_file(cases_path);
    results = open_file(results_path);
    if (client_open(&options, &c, &error) != FCC_OK) {
        fprintf(stderr, "cases: %s\n", error.text);
        return 2;
    }
    while ((item = next(cases, &line, &room))) {
        bool same;

        recorded = next(results, &line, &room);
        same = recorded && run_case(c, item, recorded);
        failed += !same;
        printf("%sok %d - %s: %s\n", same ? "" : "not ", ++tests, results_path, text_of(item, "name"));
        json_decref(item);
        json_decref(recorded);
    }
    printf("# %d of %d cases same\n1..%d\n", tests - failed, tests, tests);
    client_close(c);
    fclose(cases);
    fclose(results);
    free(line);
    return failed > 0 || tests == 0;
}
