/*
 * load.c: drives chaincode servers as a peer does, side by side, and prints what each transaction costs.
 *
 * Every target is measured for a moment, then the next, round by round, so that what else the machine does falls on all
 * of them alike. Figures are medians over the rounds; ratios are made within each round first. See --help.
 */
#include "test/bench/peer.h"
#include "test/bench/target.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TARGETS = 8, MAX_RUNS = 101, WARM_MS = 60 };

static const char help[] =
    "usage: load [OPTION]... (--exec NAME=FILE | --addr NAME=HOST:PORT)...\n"
    "\n"
    "Measures chaincode servers that have probe's functions: noop, rw N PREFIX, range A Z, run STEP... Ratios are "
    "those\n"
    "of the first one named to each of the others.\n"
    "\n"
    "  --exec NAME=FILE       start this executable as a chaincode server\n"
    "  --addr NAME=HOST:PORT  one that runs already\n"
    "  --work A,B,...         noop rw1 rw10 rw100 range100 range10000 puts1000 batch1000 value1k value16k value128k\n"
    "                         value1m gets10; default noop,rw1,rw10,range100. paced: a noop every 2 ms; burn: the "
    "same,\n"
    "                         one in ten computes for 10 ms, and the times are those of the other nine (bench/busy)\n"
    "  --in-flight A,B,...    transactions at a time, at most 4096; default 1,16,128\n"
    "  --streams N            they are spread over N streams; default 1\n"
    "  --runs N               rounds; default 5\n"
    "  --ms N                 milliseconds for each target in a round; default 500\n"
    "  --no-proposal          transactions without the signed proposal that a peer passes on\n"
    "  --tls                  mutual TLS; with --addr give --ca, --cert and --key (PEM files) unless --exec makes "
    "all\n";

struct run {
    double rate, cpu, p50, p99;
};

struct options {
    bench_target targets[MAX_TARGETS];
    bench_peer *peers[MAX_TARGETS];
    size_t target_count;
    const bench_work *works[32];
    size_t work_count;
    unsigned in_flight[16];
    size_t in_flight_count;
    unsigned streams, runs, ms;
    bool proposal, use_tls;
    rpc_tls tls;
    rpc_loop *loop;
};

static void usage(const char *what, const char *which)
{
    fprintf(stderr, "load: %s: %s\n%s", what, which, help);
    exit(2);
}

/* ---- measuring ---- */

static struct run measure(struct options *o, size_t target, const bench_work *work, unsigned in_flight)
{
    bench_peer *peer = o->peers[target];
    const bench_times *times = bench_peer_times(peer);
    double cpu, began;
    struct run run = { 0 };

    bench_peer_start(peer, work, in_flight);
    rpc_loop_poll(o->loop, WARM_MS);
    bench_peer_mark(peer);
    cpu = bench_target_cpu_us(&o->targets[target]);
    began = bench_now_us();
    do
        rpc_loop_poll(o->loop, (int)o->ms);
    while (times->total == 0);
    run.rate = times->total / (bench_now_us() - began) * 1e6;
    run.cpu = (bench_target_cpu_us(&o->targets[target]) - cpu) / times->total;
    run.p50 = bench_times_at(times, 0.5);
    run.p99 = bench_times_at(times, 0.99);
    bench_peer_stop(peer);
    return run;
}

/* ---- printing ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *values, size_t n)
{
    double sorted[MAX_RUNS];

    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), ascending);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* Largest distance from the median, in percent of it. */
static double spread(const double *values, size_t n)
{
    double middle = median(values, n), worst = 0;

    for (size_t i = 0; i < n; i++) {
        double off = values[i] > middle ? values[i] - middle : middle - values[i];

        worst = off > worst ? off : worst;
    }
    return middle > 0 ? 100 * worst / middle : 0;
}

enum column { RATE, CPU, P50, P99 };

static double value_of(const struct run *run, enum column column)
{
    switch (column) {
    case RATE:
        return run->rate;
    case CPU:
        return run->cpu;
    case P50:
        return run->p50;
    case P99:
        return run->p99;
    }
    return 0;
}

static void print_number(double value)
{
    if (value >= 100)
        printf("%.0f", value);
    else
        printf("%.1f", value);
}

/* One cell: the targets' medians, with the worst spread among them. */
static void print_medians(const struct options *o, struct run runs[][MAX_RUNS], enum column column)
{
    double worst = 0;

    for (size_t t = 0; t < o->target_count; t++) {
        double values[MAX_RUNS], off;

        for (size_t r = 0; r < o->runs; r++)
            values[r] = value_of(&runs[t][r], column);
        off = spread(values, o->runs);
        worst = off > worst ? off : worst;
        fputs(t ? " / " : " ", stdout);
        print_number(median(values, o->runs));
    }
    if (column == RATE || column == CPU)
        printf(" ±%.0f%%", worst);
    fputs(" |", stdout);
}

static void print_ratios(const struct options *o, struct run runs[][MAX_RUNS], enum column column)
{
    for (size_t t = 1; t < o->target_count; t++) {
        double values[MAX_RUNS];

        for (size_t r = 0; r < o->runs; r++) {
            double other = value_of(&runs[t][r], column);

            values[r] = other > 0 ? value_of(&runs[0][r], column) / other : 0;
        }
        printf(t > 1 ? " / %.2f" : " %.2f", median(values, o->runs));
    }
    fputs(" |", stdout);
}

static void print_memory(const struct options *o, const char *which)
{
    for (size_t t = 0; t < o->target_count; t++)
        printf(t ? " / %.1f" : " %.1f", bench_target_memory_kb(&o->targets[t], which) / 1024.0);
}

static void print_head(const struct options *o)
{
    char names[256] = "";

    for (size_t t = 0; t < o->target_count; t++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", t ? " / " : "", o->targets[t].name);
    printf("%s, %s, %u stream%s, %u rounds of %u ms for each of %s\n", o->use_tls ? "mutual TLS" : "plaintext",
           o->proposal ? "with a signed proposal" : "without a proposal", o->streams, o->streams == 1 ? "" : "s",
           o->runs, o->ms, names);
    fputs("RSS in MB at the start:", stdout);
    print_memory(o, "Rss");
    fputs(", PSS:", stdout);
    print_memory(o, "Pss");
    fputs("\n\n| work | in flight | tx/s | CPU µs a tx | p50 µs | p99 µs | RSS MB |", stdout);
    if (o->target_count > 1)
        printf(" %s's ratio to %s: tx/s | CPU | p99 |", o->targets[0].name, names + strlen(o->targets[0].name) + 3);
    fputs("\n|---|---|---|---|---|---|---|", stdout);
    fputs(o->target_count > 1 ? "---|---|---|\n" : "\n", stdout);
}

static void compare(struct options *o, const bench_work *work, unsigned in_flight)
{
    static struct run runs[MAX_TARGETS][MAX_RUNS];

    for (size_t r = 0; r < o->runs; r++)
        for (size_t t = 0; t < o->target_count; t++) {
            size_t target = (t + r) % o->target_count; /* nobody always follows the same one */

            runs[target][r] = measure(o, target, work, in_flight);
        }
    printf("| %s | %u |", work->name, in_flight);
    for (enum column c = RATE; c <= P99; c++)
        print_medians(o, runs, c);
    print_memory(o, "Rss");
    fputs(" |", stdout);
    if (o->target_count > 1) {
        print_ratios(o, runs, RATE);
        print_ratios(o, runs, CPU);
        print_ratios(o, runs, P99);
    }
    putchar('\n');
    fflush(stdout);
}

/* ---- options ---- */

static fcc_bytes read_pem(const char *path)
{
    static const size_t most = 64 * 1024;
    uint8_t *data = malloc(most);
    FILE *file = fopen(path, "r");
    size_t len = data && file ? fread(data, 1, most, file) : 0;

    if (!len)
        usage("cannot be read", path);
    fclose(file);
    return fcc_bytes_of(data, len); /* kept until the end */
}

static unsigned number(const char *text, unsigned most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (end == text || *end || n < 1 || n > most)
        usage("not a number in its range", text);
    return (unsigned)n;
}

static void read_works(struct options *o, char *list)
{
    o->work_count = 0;
    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        const bench_work *work = bench_work_named(name);

        if (!work || o->work_count == 32)
            usage("no such work", name);
        o->works[o->work_count++] = work;
    }
}

static void read_in_flight(struct options *o, char *list)
{
    o->in_flight_count = 0;
    for (char *n = strtok(list, ","); n && o->in_flight_count < 16; n = strtok(NULL, ","))
        o->in_flight[o->in_flight_count++] = number(n, BENCH_MAX_IN_FLIGHT);
}

struct named {
    char *name, *value;
    bool exec;
};

static struct named read_named(char *text, bool exec)
{
    char *equals = strchr(text, '=');

    if (!equals || equals == text)
        usage("not NAME=VALUE", text);
    *equals = 0;
    return (struct named){ text, equals + 1, exec };
}

static void read_options(struct options *o, int argc, char **argv, struct named *named)
{
    static const struct option table[] = {
        { "exec", required_argument, NULL, 'e' },    { "addr", required_argument, NULL, 'a' },
        { "work", required_argument, NULL, 'w' },    { "in-flight", required_argument, NULL, 'i' },
        { "streams", required_argument, NULL, 's' }, { "runs", required_argument, NULL, 'r' },
        { "ms", required_argument, NULL, 'm' },      { "no-proposal", no_argument, NULL, 'n' },
        { "tls", no_argument, NULL, 't' },           { "ca", required_argument, NULL, 'A' },
        { "cert", required_argument, NULL, 'C' },    { "key", required_argument, NULL, 'K' },
        { "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (c) {
        case 'e':
        case 'a':
            if (o->target_count == MAX_TARGETS)
                usage("too many targets", optarg);
            named[o->target_count++] = read_named(optarg, c == 'e');
            break;
        case 'w':
            read_works(o, optarg);
            break;
        case 'i':
            read_in_flight(o, optarg);
            break;
        case 's':
            o->streams = number(optarg, BENCH_MAX_STREAMS);
            break;
        case 'r':
            o->runs = number(optarg, MAX_RUNS);
            break;
        case 'm':
            o->ms = number(optarg, 3600000);
            break;
        case 'n':
            o->proposal = false;
            break;
        case 't':
            o->use_tls = true;
            break;
        case 'A':
            o->tls.ca = read_pem(optarg);
            break;
        case 'C':
            o->tls.cert = read_pem(optarg);
            break;
        case 'K':
            o->tls.key = read_pem(optarg);
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc)
        usage("unexpected", argv[optind]);
    if (!o->target_count)
        usage("nothing to measure", "give --exec or --addr");
    for (size_t t = 0; t < o->target_count; t++)
        if (named[t].exec && o->tls.ca.len)
            usage("what --exec starts gets certificates made here, not those of --ca", named[t].name);
}

int main(int argc, char **argv)
{
    static struct options o = { .streams = 1, .runs = 5, .ms = 500, .proposal = true };
    static char works[] = "noop,rw1,rw10,range100", in_flight[] = "1,16,128";
    struct named named[MAX_TARGETS];
    bench_certs *certs = NULL;
    fcc_error error;

    read_works(&o, works);
    read_in_flight(&o, in_flight);
    read_options(&o, argc, argv, named);
    if (o.use_tls && !o.tls.ca.len) {
        certs = bench_certs_new();
        o.tls = bench_certs_client(certs);
    }
    for (size_t t = 0; t < o.target_count; t++)
        o.targets[t] = named[t].exec ? bench_target_start(named[t].name, named[t].value, certs)
                                     : bench_target_at(named[t].name, named[t].value);
    if (rpc_loop_new(&o.loop, &error) != FCC_OK)
        return 1;
    for (size_t t = 0; t < o.target_count; t++)
        o.peers[t] = bench_peer_new(o.loop, o.targets[t].address, o.use_tls ? &o.tls : NULL, o.streams, o.proposal);
    print_head(&o);
    for (size_t w = 0; w < o.work_count; w++)
        for (size_t i = 0; i < o.in_flight_count; i++)
            compare(&o, o.works[w], o.in_flight[i]);
    for (size_t t = 0; t < o.target_count; t++) {
        bench_peer_free(o.peers[t]);
        bench_target_stop(&o.targets[t]);
    }
    rpc_loop_free(o.loop);
    bench_certs_free(certs);
    return 0;
}
