/* See exposition.h. A family is written whole, with its HELP and TYPE, for all chaincodes before the next one. */
#include "host/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct writer {
    const host_child *children;
    size_t count;
    fcc__buf *out;
};

/* What a label may contain without escapes is all we let through: names come from the configuration and the counters. */
static void put_label(fcc__buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            fcc__buf_putc(out, '\\');
        fcc__buf_putc(out, (uint8_t)*value);
    }
}

static void family(struct writer *w, const char *name, const char *type, const char *help)
{
    fcc__buf_printf(w->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name{chaincode="…"[,label="value"]} */
static void series(struct writer *w, const char *name, const host_child *c, const char *label, const char *value)
{
    fcc__buf_printf(w->out, "%s{chaincode=\"", name);
    put_label(w->out, c->chaincode->name);
    fcc__buf_putc(w->out, '"');
    if (label) {
        fcc__buf_printf(w->out, ",%s=\"", label);
        put_label(w->out, value);
        fcc__buf_putc(w->out, '"');
    }
    fcc__buf_puts(w->out, "} ");
}

static void number(struct writer *w, uint64_t n)
{
    fcc__buf_printf(w->out, "%" PRIu64 "\n", n);
}

static void seconds(struct writer *w, uint64_t ns)
{
    fcc__buf_printf(w->out, "%" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

/* ---- one number of each process ---- */

static void simple(struct writer *w, const char *name, const char *type, const char *help, size_t offset)
{
    family(w, name, type, help);
    for (size_t i = 0; i < w->count; i++) {
        const char *base = (const char *)w->children[i].counters;

        series(w, name, &w->children[i], NULL, NULL);
        number(w, fcc__counted((const fcc__count *)(const void *)(base + offset)));
    }
}

#define SIMPLE(w, name, type, help, field) simple(w, name, type, help, offsetof(fcc__counters, field))

static void about_processes(struct writer *w)
{
    family(w, "fcc_chaincode_info", "gauge", "What runs: the package id and the address it listens at.");
    for (size_t i = 0; i < w->count; i++) {
        fcc__buf_puts(w->out, "fcc_chaincode_info{chaincode=\"");
        put_label(w->out, w->children[i].chaincode->name);
        fcc__buf_puts(w->out, "\",ccid=\"");
        put_label(w->out, w->children[i].chaincode->ccid);
        fcc__buf_puts(w->out, "\",address=\"");
        put_label(w->out, w->children[i].chaincode->address);
        fcc__buf_puts(w->out, "\"} 1\n");
    }
    family(w, "fcc_up", "gauge", "Whether the chaincode serves.");
    for (size_t i = 0; i < w->count; i++) {
        series(w, "fcc_up", &w->children[i], NULL, NULL);
        number(w, host_child_state(&w->children[i]) == HOST_SERVING);
    }
    family(w, "fcc_restarts_total", "counter", "Processes that ended unasked and were started again.");
    for (size_t i = 0; i < w->count; i++) {
        series(w, "fcc_restarts_total", &w->children[i], NULL, NULL);
        number(w, w->children[i].restarts);
    }
    family(w, "fcc_replacements_total", "counter", "Processes that were replaced because a handler did not end.");
    for (size_t i = 0; i < w->count; i++) {
        series(w, "fcc_replacements_total", &w->children[i], NULL, NULL);
        number(w, w->children[i].replacements);
    }
}

/* ---- memory and CPU, as the kernel tells ---- */

static bool read_proc(pid_t pid, const char *file, char *out, size_t size)
{
    char path[64];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    f = fopen(path, "r");
    if (!f)
        return false;
    n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = 0;
    return n > 0;
}

static bool resident(pid_t pid, uint64_t *out)
{
    char text[128];
    unsigned long long pages;

    if (!pid || !read_proc(pid, "statm", text, sizeof(text)) || sscanf(text, "%*s %llu", &pages) != 1)
        return false;
    *out = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static bool cpu_ns(pid_t pid, uint64_t *out)
{
    char text[1024];
    const char *rest;
    unsigned long long user, kernel;

    if (!pid || !read_proc(pid, "stat", text, sizeof(text)))
        return false;
    rest = strrchr(text, ')'); /* the program's name may contain anything */
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel) != 2)
        return false;
    *out = (user + kernel) * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
    return true;
}

static void about_resources(struct writer *w)
{
    uint64_t n;

    family(w, "fcc_resident_memory_bytes", "gauge", "Resident memory of the process.");
    for (size_t i = 0; i < w->count; i++)
        if (resident(w->children[i].pid, &n)) {
            series(w, "fcc_resident_memory_bytes", &w->children[i], NULL, NULL);
            number(w, n);
        }
    family(w, "fcc_cpu_seconds_total", "counter", "CPU time of the process that runs now.");
    for (size_t i = 0; i < w->count; i++)
        if (cpu_ns(w->children[i].pid, &n)) {
            series(w, "fcc_cpu_seconds_total", &w->children[i], NULL, NULL);
            seconds(w, n);
        }
    family(w, "fcc_certificate_expiry_timestamp_seconds", "gauge",
           "When the first of the chaincode's TLS certificates expires, in seconds since 1970.");
    for (size_t i = 0; i < w->count; i++) {
        n = fcc__counted(&w->children[i].counters->cert_expires);
        if (n) {
            series(w, "fcc_certificate_expiry_timestamp_seconds", &w->children[i], NULL, NULL);
            number(w, n);
        }
    }
}

/* ---- by function ---- */

static const char *const outcomes[FCC__OUTCOMES] = { "ok", "refused", "failed", "lost" };

/*
 * The name under which slot `i` is shown; false when the slot is not in use. The process could have written any name,
 * also one twice, which would make the whole answer invalid: the later ones get their number behind it.
 */
static bool function_name(const fcc__counters *c, size_t i, char *out, size_t size)
{
    char name[FCC__NAME_BYTES], other[FCC__NAME_BYTES];

    fcc__counters_name(c->functions[i].name, name);
    if (!name[0])
        return false;
    snprintf(out, size, "%s", name);
    for (size_t k = 0; k < i; k++) {
        fcc__counters_name(c->functions[k].name, other);
        if (strcmp(name, other) == 0)
            snprintf(out, size, "%s#%zu", name, i);
    }
    return true;
}

static uint64_t ended(const fcc__function_counters *f)
{
    uint64_t n = 0;

    for (size_t k = 0; k < FCC__OUTCOMES; k++)
        n += fcc__counted(&f->ended[k]);
    return n;
}

static void function_series(struct writer *w, const char *name, const host_child *c, const char *function,
                            const char *label, const char *value)
{
    fcc__buf_printf(w->out, "%s{chaincode=\"", name);
    put_label(w->out, c->chaincode->name);
    fcc__buf_puts(w->out, "\",function=\"");
    put_label(w->out, function);
    if (label) {
        fcc__buf_printf(w->out, "\",%s=\"", label);
        put_label(w->out, value);
    }
    fcc__buf_puts(w->out, "\"} ");
}

static void count_by_function(struct writer *w)
{
    char name[FCC__NAME_BYTES + 16];

    family(w, "fcc_transactions_total", "counter",
           "Transactions that ended, by function and by what the peer was told: ok (a response below 400), refused "
           "(400 to 499), failed (500 and above, or an error), lost (the stream was gone).");
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < FCC__COUNTED_FUNCTIONS; k++) {
            const fcc__counters *c = w->children[i].counters;

            if (!function_name(c, k, name, sizeof(name)))
                continue;
            for (size_t o = 0; o < FCC__OUTCOMES; o++) {
                function_series(w, "fcc_transactions_total", &w->children[i], name, "status", outcomes[o]);
                number(w, fcc__counted(&c->functions[k].ended[o]));
            }
        }
}

static void turned_away(struct writer *w)
{
    static const char *const reasons[FCC__TURNED_REASONS] = { "limit", "drain", "memory" };

    family(
        w, "fcc_turned_away_total", "counter",
        "Transactions that were not begun, by the reason: limit (E-STREAM-05, too many at once), drain (E-DRAIN-01), "
        "memory (E-CRASH-05).");
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < FCC__TURNED_REASONS; k++) {
            series(w, "fcc_turned_away_total", &w->children[i], "reason", reasons[k]);
            number(w, fcc__counted(&w->children[i].counters->turned_away[k]));
        }
}

static void histogram(struct writer *w, const host_child *c, const fcc__function_counters *f, const char *name)
{
    uint64_t below = 0, all;
    char bound[32];

    for (size_t b = 0; b < FCC__BUCKETS_OF_TIME; b++) {
        below += fcc__counted(&f->within[b]);
        snprintf(bound, sizeof(bound), "%g", (double)fcc__bucket_us[b] / 1e6);
        function_series(w, "fcc_transaction_seconds_bucket", c, name, "le", bound);
        number(w, below);
    }
    all = ended(f);
    if (all < below)
        all = below; /* the process counts meanwhile */
    function_series(w, "fcc_transaction_seconds_bucket", c, name, "le", "+Inf");
    number(w, all);
    function_series(w, "fcc_transaction_seconds_sum", c, name, NULL, NULL);
    seconds(w, fcc__counted(&f->took_ns));
    function_series(w, "fcc_transaction_seconds_count", c, name, NULL, NULL);
    number(w, all);
}

static void time_by_function(struct writer *w)
{
    char name[FCC__NAME_BYTES + 16];

    family(w, "fcc_transaction_seconds", "histogram", "From a transaction's message to its answer, by function.");
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < FCC__COUNTED_FUNCTIONS; k++) {
            const fcc__function_counters *f = &w->children[i].counters->functions[k];

            if (ended(f) && function_name(w->children[i].counters, k, name, sizeof(name)))
                histogram(w, &w->children[i], f, name);
        }
}

/* ---- by stub call ---- */

static void about_calls(struct writer *w, bool time)
{
    const char *name = time ? "fcc_stub_call_seconds_total" : "fcc_stub_calls_total";
    char call[FCC__NAME_BYTES];

    family(w, name, "counter",
           time ? "Time between requests to the peer and their answers, by message type."
                : "Requests to the peer that were answered, by message type.");
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < FCC__COUNTED_CALLS; k++) {
            const fcc__counters *c = w->children[i].counters;

            if (!fcc__counted(&c->calls[k].count))
                continue;
            fcc__counters_name(c->calls[k].name, call);
            if (!call[0])
                snprintf(call, sizeof(call), "%zu", k);
            series(w, name, &w->children[i], "call", call);
            if (time)
                seconds(w, fcc__counted(&c->calls[k].took_ns));
            else
                number(w, fcc__counted(&c->calls[k].count));
        }
}

void host_exposition(const host_child *children, size_t count, fcc__buf *out)
{
    struct writer w = { children, count, out };

    about_processes(&w);
    about_resources(&w);
    count_by_function(&w);
    time_by_function(&w);
    SIMPLE(&w, "fcc_transactions_running", "gauge", "Transactions that have begun and not ended.", running);
    turned_away(&w);
    about_calls(&w, false);
    about_calls(&w, true);
    SIMPLE(&w, "fcc_batched_writes_total", "counter", "Writes that went in batches (calls: WRITE_BATCH_STATE).",
           batched_writes);
    SIMPLE(&w, "fcc_streams_open", "gauge", "Streams of peers that are open.", streams_open);
    SIMPLE(&w, "fcc_streams_total", "counter", "Streams of peers that were opened.", streams_total);
    SIMPLE(&w, "fcc_failed_handshakes_total", "counter", "TLS handshakes of who connected that failed.",
           failed_handshakes);
    SIMPLE(&w, "fcc_received_messages_total", "counter", "Messages from peers.", received_messages);
    SIMPLE(&w, "fcc_received_bytes_total", "counter", "Bytes of the messages from peers.", received_bytes);
    SIMPLE(&w, "fcc_sent_messages_total", "counter", "Messages to peers.", sent_messages);
    SIMPLE(&w, "fcc_sent_bytes_total", "counter", "Bytes of the messages to peers.", sent_bytes);
}
