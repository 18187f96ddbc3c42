/*
 * load.c: a peer that keeps a chaincode server busy, and what that cost.
 *
 *     load ADDRESS PID noop|rw CONCURRENT SECONDS
 *
 * Keeps CONCURRENT transactions of the function running over one stream, answers reads and writes at once, and prints
 * transactions a second and the CPU time of process PID for each, without a first half second that warms up.
 */
#include "base/buf.h"
#include "rpc/rpc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REGISTER = 1, REGISTERED = 2, READY = 4, TRANSACTION = 5, COMPLETED = 6, GET_STATE = 8, RESPONSE = 13 };

struct load {
    rpc_loop *loop;
    rpc_call *call;
    const char *function;
    unsigned next; /* transaction number */
    unsigned done;
    fcc__buf message;
    bool stopped;
};

static void field(fcc__buf *buf, uint64_t number, fcc_bytes bytes)
{
    fcc__buf_uvarint(buf, number << 3 | 2);
    fcc__buf_uvarint(buf, bytes.len);
    fcc__buf_add(buf, bytes);
}

static void send_message(struct load *l, uint8_t type, fcc_bytes payload, fcc_bytes txid)
{
    fcc__buf_reset(&l->message);
    fcc__buf_putc(&l->message, 8);
    fcc__buf_putc(&l->message, type);
    if (payload.len)
        field(&l->message, 3, payload);
    if (txid.len) {
        field(&l->message, 4, txid);
        field(&l->message, 7, FCC_LIT("ch"));
    }
    if (rpc_send(l->call, fcc__buf_bytes(&l->message)) != FCC_OK)
        abort();
}

static void start_one(struct load *l)
{
    char txid[65];

    snprintf(txid, sizeof(txid), "%064x", l->next++);
    send_message(l, TRANSACTION,
                 strcmp(l->function, "noop") == 0 ? FCC_LIT("\x0a\x04noop")
                                                  : FCC_LIT("\x0a\x02rw\x0a\x01"
                                                            "1\x0a\x01k"),
                 fcc_bytes_of(txid, 64));
}

static uint64_t varint(const uint8_t **p, const uint8_t *end)
{
    uint64_t value = 0;

    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct load *l = ctx;
    const uint8_t *p = message.data, *end = p + message.len;
    uint64_t type = 0;
    fcc_bytes txid = { NULL, 0 };

    (void)call;
    while (p < end) {
        uint64_t key = varint(&p, end), value = varint(&p, end);

        if (key >> 3 == 1)
            type = value;
        if ((key & 7) != 2)
            continue;
        if (value > (uint64_t)(end - p))
            abort();
        if (key >> 3 == 4)
            txid = fcc_bytes_of(p, value);
        p += value;
    }
    if (type == REGISTER) {
        send_message(l, REGISTERED, FCC_LIT(""), FCC_LIT(""));
        send_message(l, READY, FCC_LIT(""), FCC_LIT(""));
        rpc_loop_stop(l->loop);
    } else if (type == COMPLETED) {
        l->done++;
        if (!l->stopped)
            start_one(l);
    } else {
        send_message(l, RESPONSE, type == GET_STATE ? FCC_LIT("0123456789") : FCC_LIT(""), txid);
    }
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct load *l = ctx;

    (void)call;
    l->call = NULL;
    if (!l->stopped) {
        fprintf(stderr, "the stream ended: %s " FCC_FMT "\n", rpc_code_name(status->code), FCC_ARG(status->message));
        exit(1);
    }
}

static const rpc_events events = { on_message, NULL, on_closed };

/* CPU time of all threads of a process, in nanoseconds. */
static double cpu_ns(const char *pid)
{
    char path[300];
    struct dirent *entry;
    double sum = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%s/task", pid);
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        unsigned long long ns = 0;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fscanf(file, "%llu", &ns) == 1)
            sum += (double)ns;
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
    return sum;
}

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct load l = { .loop = NULL };
    rpc_channel *channel;
    fcc_error error;
    double started, cpu;
    unsigned done;

    if (argc != 6) {
        fprintf(stderr, "usage: load ADDRESS PID noop|rw CONCURRENT SECONDS\n");
        return 2;
    }
    l.function = argv[3];
    fcc__buf_init(&l.message, 1 << 20);
    if (rpc_loop_new(&l.loop, &error) != FCC_OK || rpc_channel_new(l.loop, argv[1], NULL, &channel, &error) != FCC_OK ||
        rpc_open(channel, "/protos.Chaincode/Connect", -1, true, &events, &l, &l.call) != FCC_OK)
        return 1;
    rpc_loop_run(l.loop);
    for (int i = 0; i < atoi(argv[4]); i++)
        start_one(&l);
    rpc_loop_poll(l.loop, 500);
    done = l.done;
    cpu = cpu_ns(argv[2]);
    started = now_s();
    rpc_loop_poll(l.loop, atoi(argv[5]) * 1000);
    started = now_s() - started;
    cpu = cpu_ns(argv[2]) - cpu;
    done = l.done - done;
    printf("%.0f %.1f\n", done / started, done ? cpu / 1000 / done : 0.0);
    l.stopped = true;
    rpc_cancel(l.call);
    while (l.call)
        rpc_loop_poll(l.loop, 1);
    rpc_channel_free(channel);
    rpc_loop_free(l.loop);
    fcc__buf_clear(&l.message);
    return 0;
}
